import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Delivery, Store } from '../../src/store/index.ts';
import { type Answer, MIDWIFE, type Running, register, runService, visit, weighing } from '../http/running-service.ts';
import { forEachEngine } from '../store/engines.ts';

/** Records that were sent, or stood for others, and are something else now. */

const ALL = { client: 'test', facilities: 'all', purpose: 'intake' } as const;
const receipt = ({ body }: Answer) => body.receipts[0];

forEachEngine((engine) => {
  let running: Running;
  let store: Store;
  let key: string;

  beforeAll(async () => {
    running = await runService({ ILP_DATABASE: await engine.createDatabase(), ILP_SECRET_KEY: randomBytes(32).toString('base64') });
    store = running.service.store;
    key = await running.client('dinas');
    await register(running, key);
  });
  afterAll(() => running.stop());

  const encounter = async (body: unknown) => receipt(await running.post('encounters', body, key));
  const village = async (body: unknown) => receipt(await running.post('village-observations', body, key));
  const withdrawal = (sourceId: string) => ({ sourceSystem: 'simpus', sourceId, recordStatus: 'withdrawn', withdrawnReason: 'salah' });
  const home = (sourceId: string, change = {}) =>
    weighing(sourceId, {
      context: 'kunjungan_rumah',
      facilityCode: 'P1-PT',
      posyanduCode: undefined,
      practitioner: { nik: MIDWIFE },
      date: '2026-08-19T10:00:00+07:00',
      ...change,
    });
  const current = async (id: string) => (await store.submissionsById(ALL, [id]))[0];
  const byKey = async (name: string) => (await store.deliveries({ keys: [name] }))[0] as Delivery;
  const read = async (references: readonly string[]) =>
    // biome-ignore lint/suspicious/noExplicitAny: read field by field
    (await store.resources(ALL, references)).map(({ resource }) => resource as any);

  /** What a worker would write once all of the visit is on the platform. */
  async function deliver(id: string): Promise<Delivery> {
    const [delivery] = (await store.deliveries({ submissionId: id })) as [Delivery];
    const at = new Date().toISOString();
    const { environment, resources } = delivery;
    await store.commit({
      platformIds: resources.map((reference) => ({ environment, reference, platformId: `p-${reference}`, platformVersion: null, at })),
      deliveryOutcomes: [{ key: delivery.key, environment, state: 'completed', reason: null, issues: [], at }],
      submissionStates: [{ id, version: delivery.submissionVersion ?? 1, state: 'completed', reason: null, at, stage: 'delivered' }],
    });
    return delivery;
  }

  describe('a visit that was sent', () => {
    it('corrected into one that stays in the district is entered in error on the platform, and stands in the district', async () => {
      const { id } = await village(weighing('N-1', { measurements: { weight: 40 } }));
      const sent = await deliver(id);
      const kept = await village(home('N-1', { measurements: { weight: 40 } }));
      expect(kept).toMatchObject({ id, version: 2, state: 'completed', reason: 'kept-local' });
      expect(await byKey(sent.key)).toMatchObject({ state: 'ready', submission: null, resources: sent.resources });
      const [old] = await read(sent.resources);
      expect(old).toMatchObject({ resourceType: 'Encounter', status: 'entered-in-error' });
      const [now] = await read((await current(id))?.resources.filter((reference) => reference.startsWith('Encounter/')) ?? []);
      expect(now).toMatchObject({ status: 'finished', class: { code: 'HH' } });
      expect(now.id).not.toBe(old.id);
      // Corrected again, it stays what it is; corrected back, it is the visit that was sent, and what it lacks is retracted with it.
      expect(await village(home('N-1', { measurements: { weight: 41 } }))).toMatchObject({ version: 3, reason: 'kept-local' });
      expect((await read([now.id].map((one) => `Encounter/${one}`)))[0]).toMatchObject({ status: 'finished' });
      expect(await village(weighing('N-1', { measurements: { height: 150 } }))).toMatchObject({ version: 4, state: 'ready' });
      const again = await byKey(sent.key);
      expect(again).toMatchObject({ state: 'ready', submission: id, submissionVersion: 4 });
      expect(again.resources).toEqual(expect.arrayContaining([...sent.resources]));
      expect((await read([`Encounter/${now.id}`]))[0]).toMatchObject({ status: 'entered-in-error' });
    });

    it('being sent at the moment when it is kept in the district is retracted afterwards; never sent, it is not sent', async () => {
      const { id } = await village(weighing('N-2', { measurements: { weight: 42 } }));
      const [delivery] = (await store.deliveries({ submissionId: id })) as [Delivery];
      await village(home('N-2', { measurements: { weight: 42 } }));
      expect(await byKey(delivery.key)).toMatchObject({ state: 'cancelled', reason: 'kept-local' });
      const { id: second } = await village(weighing('N-3', { measurements: { weight: 43 } }));
      const [other] = (await store.deliveries({ submissionId: second })) as [Delivery];
      const { commit } = store;
      store.commit = async (changes, fence) => {
        store.commit = commit;
        await deliver(second);
        return commit(changes, fence);
      };
      await village(home('N-3', { measurements: { weight: 43 } }));
      expect(await byKey(other.key)).toMatchObject({ state: 'ready', resources: other.resources });
    });

    it('and is held now stays on the platform until the hold ends, and its receipt says so', async () => {
      const { id } = await village(weighing('N-4', { measurements: { weight: 44 } }));
      const sent = await deliver(id);
      const held = await village(weighing('N-4', { measurements: { weight: 45 }, validatedBy: undefined }));
      expect(held).toMatchObject({ version: 2, state: 'on-hold', reason: 'validation-pending' });
      expect(held.issues).toContainEqual(expect.objectContaining({ code: 'conflict', rule: 'sent-before', severity: 'warning' }));
      expect((await current(id))?.issues).toEqual(held.issues);
      expect(await byKey(sent.key)).toMatchObject({ state: 'on-hold', submission: id });
      expect(await village(weighing('N-4', { measurements: { weight: 45 } }))).toMatchObject({ version: 3, state: 'ready', issues: [] });
      const first = await village(weighing('N-5', { measurements: { weight: 46 }, validatedBy: undefined }));
      expect(JSON.stringify(first.issues)).not.toContain('sent-before');
    });

    it('and is refused now still stands: another that tells the same is a duplicate of it', async () => {
      const { id } = await encounter(visit('N-6', { complaint: 'enam' }));
      await deliver(id);
      expect(await encounter(visit('N-6', { complaint: 'enam', cluster: 'K9' }))).toMatchObject({ version: 2, state: 'failed' });
      expect(await encounter(visit('N-7', { complaint: 'enam' }))).toMatchObject({ reason: 'duplicate', duplicateOf: id });
      expect(await encounter(visit('N-6', { complaint: 'enam sekali' }))).toMatchObject({ version: 3, state: 'ready' });
    });

    it('one that waited and is refused now tells nothing', async () => {
      await village(weighing('N-8', { measurements: { weight: 47 }, validatedBy: undefined }));
      await village(weighing('N-8', { measurements: { weight: 700 }, validatedBy: undefined }));
      expect(await village(weighing('N-9', { measurements: { weight: 47 }, validatedBy: undefined }))).toMatchObject({ state: 'on-hold' });
    });
  });

  describe('a duplicate', () => {
    const twice = async (complaint: string) => {
      const [a, b, c] = ['A', 'B', 'C'].map((letter) => `${complaint}-${letter}`) as [string, string, string];
      const original = await encounter(visit(a, { complaint }));
      const oldest = await encounter(visit(b, { complaint }));
      const younger = await encounter(visit(c, { complaint }));
      expect([oldest, younger]).toMatchObject([{ duplicateOf: original.id }, { duplicateOf: original.id }]);
      return { a, original, oldest, younger };
    };

    it.each(['withdrawn', 'changed', 'kept as refused'] as const)('takes the place of an original that is %s', async (how) => {
      const complaint = `ganti ${how}`;
      const { a, original, oldest, younger } = await twice(complaint);
      if (how === 'withdrawn') await encounter(withdrawal(a));
      if (how === 'changed') await encounter(visit(a, { complaint: `${complaint}, lain` }));
      if (how === 'kept as refused') {
        await encounter(visit(a, { complaint, cluster: 'K9' }));
        expect(await current(oldest.id)).toMatchObject({ reason: 'duplicate' });
        return;
      }
      expect(await current(oldest.id)).toMatchObject({ version: 2, state: 'ready', reason: null, duplicateOf: null });
      expect(await store.deliveries({ submissionId: oldest.id })).toMatchObject([{ state: 'ready' }]);
      expect(await current(younger.id)).toMatchObject({ reason: 'duplicate', duplicateOf: oldest.id });
      expect(await encounter(visit(`${a}-D`, { complaint }))).toMatchObject({ reason: 'duplicate', duplicateOf: oldest.id });
      expect((await current(original.id))?.reason).toBe(how === 'withdrawn' ? 'withdrawn' : null);
    });

    it('does so within one request, and under its own key of another source', async () => {
      const answer = await running.post(
        'encounters',
        [
          visit('R-1', { complaint: 'satu' }),
          visit('R-2', { complaint: 'satu', sourceSystem: 'other', person: { nik: '9929016802980002' } }),
          withdrawal('R-1'),
        ],
        key,
      );
      expect(answer.body.receipts).toMatchObject([{ state: 'ready' }, { reason: 'duplicate' }, { reason: 'withdrawn' }]);
      expect(await current(answer.body.receipts[1].id)).toMatchObject({ version: 2, state: 'ready', client: 'dinas' });
    });

    it('stays one where the event was told anew in the same request', async () => {
      const { a, oldest } = await twice('baru');
      const answer = await running.post('encounters', [withdrawal(a), visit('R-3', { complaint: 'baru' })], key);
      expect(answer.body.receipts).toMatchObject([{ reason: 'withdrawn' }, { state: 'ready' }]);
      expect(await current(oldest.id)).toMatchObject({ reason: 'duplicate', duplicateOf: answer.body.receipts[1].id });
    });

    it('that is withdrawn itself does not come back', async () => {
      const { a, oldest, younger } = await twice('tarik');
      await encounter(withdrawal('tarik-B'));
      await encounter(withdrawal(a));
      expect(await current(oldest.id)).toMatchObject({ reason: 'withdrawn' });
      expect(await current(younger.id)).toMatchObject({ state: 'ready' });
    });

    it('taken by another process while its original was being withdrawn: it is taken in its place', async () => {
      const { id } = await encounter(visit('R-4', { complaint: 'bersamaan' }));
      const { commit } = store;
      store.commit = async (changes, fence) => {
        if (changes.submissions?.some(({ sourceId }) => sourceId === 'R-5')) {
          store.commit = commit;
          const before = (await current(id)) as NonNullable<Awaited<ReturnType<typeof current>>>;
          await commit({
            submissions: [{ ...before, version: 2, state: 'completed', reason: 'withdrawn', fingerprint: null, payload: '{}' }],
          });
        }
        return commit(changes, fence);
      };
      expect(await encounter(visit('R-5', { complaint: 'bersamaan' }))).toMatchObject({ state: 'ready' });
    });
  });
});
