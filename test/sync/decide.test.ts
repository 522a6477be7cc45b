import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import type { AccessContext, Decision, Store } from '../../src/store/port.ts';
import { silentLog } from '../../src/sync/platform.ts';
import { reconcile } from '../../src/sync/reconcile.ts';
import { forEachEngine } from '../store/engines.ts';
import { BREBES } from './fixtures.ts';
import { createRig, ENVIRONMENT, type Rig } from './rig.ts';

/** What others changed on the platform, and a person who says whose content stands; with the real store, worker and simulator. */

const ALL: AccessContext = { client: 'petugas', facilities: 'all', purpose: 'cli' };

let rig: Rig;
afterEach(() => rig.close());

const observations = async () =>
  ((await rig.onPlatform()).Observation ?? []).map((each) => each as { id: string; valueQuantity: { value: number } });
const values = async () => (await observations()).map(({ valueQuantity }) => valueQuantity.value).sort((a, b) => a - b);

/** Somebody else, in the name of the same facility. */
async function others(from: number, to: number): Promise<void> {
  const form = new URLSearchParams({ client_id: BREBES.clientId, client_secret: BREBES.secret });
  const grant = await fetch(`${rig.url}/oauth2/v1/accesstoken?grant_type=client_credentials`, { method: 'POST', body: form });
  const { access_token: token } = (await grant.json()) as { access_token: string };
  const found = (await observations()).find(({ valueQuantity }) => valueQuantity.value === from);
  const answer = await fetch(`${rig.url}/fhir-r4/v1/Observation/${found?.id}`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ ...found, valueQuantity: { ...found?.valueQuantity, value: to } }),
  });
  expect(answer.status).toBe(200);
}

/** A visit whose pressure (120) others made 99, and ours was mended to 150. */
async function contested(openStore?: () => Promise<Store>): Promise<{ id: string; drain(): Promise<unknown> }> {
  rig = await createRig(openStore && { openStore });
  const id = await rig.receive({ record: 'a', person: 1 });
  const worker = rig.startWorker('w1');
  await worker.drain();
  expect(await rig.submission(id)).toMatchObject({ state: 'completed' });
  await others(120, 99);
  await mend(150, 2);
  await worker.drain();
  expect(await rig.submission(id)).toMatchObject({ state: 'on-hold', reason: 'conflict' });
  expect(await values()).toEqual([55.5, 99]);
  return { id, drain: () => worker.drain() };
}
const mend = (systolic: number, version: number) => {
  rig.time.advance(60_000);
  return rig.receive({ record: 'a', person: 1, systolic }, version);
};
const decide = (decision: Decision, more: object = {}, context = ALL) =>
  rig.store.decideDeliveries(
    context,
    { environment: ENVIRONMENT, reasons: ['conflict'] },
    { actor: 'petugas', at: rig.time.iso(), note: 'sudah ditelepon', ...more },
    decision,
  );

forEachEngine((engine) => {
  describe('a conflict that a person decides', () => {
    it('keep-ours goes over what was seen, and is told in the trail; a dry run changes nothing', async () => {
      const { id, drain } = await contested(() => engine.openFresh());
      expect(await decide('keep-ours', { dryRun: true })).toEqual({ selected: 1, released: 1, left: [] });
      await drain();
      expect(await values()).toEqual([55.5, 99]);
      expect(await decide('keep-ours', {}, { ...ALL, facilities: ['P-lain'] })).toEqual({ selected: 0, released: 0, left: [] });
      expect(await decide('keep-ours')).toEqual({ selected: 1, released: 1, left: [] });
      await drain();
      expect(await values()).toEqual([55.5, 150]);
      expect(await rig.submission(id)).toMatchObject({ state: 'completed' });
      const { key } = (await rig.delivery(id)) as { key: string };
      expect(await rig.store.deliveryTrail(ALL, ENVIRONMENT, key)).toContainEqual(
        expect.objectContaining({ actor: 'petugas', action: 'kept-ours', fromState: 'on-hold', toState: 'ready', note: 'sudah ditelepon' }),
      );
    });

    it('keep-theirs sends nothing, is no difference, and stands against nothing newer', async () => {
      const { id, drain } = await contested(() => engine.openFresh());
      await decide('keep-theirs');
      await drain();
      expect(await rig.submission(id)).toMatchObject({ state: 'completed' });
      expect(await values()).toEqual([55.5, 99]);
      await rig.store.putCredential({
        ...{ environment: ENVIRONMENT, owner: BREBES.code, organizationId: BREBES.organizationId, clientId: BREBES.clientId },
        ...{ secret: 'x', createdAt: rig.time.iso(), allowedHours: null },
      });
      const look = () =>
        reconcile({
          ...{ store: rig.store, platform: rig.connect(), clock: rig.time.clock, random: Math.random, newId: randomUUID },
          ...{ delay: rig.time.delay, signal: new AbortController().signal, log: silentLog, all: true },
        });
      expect(await look()).toMatchObject({ changed: 0, missing: 0, open: 0 });
      await mend(160, 3);
      await drain();
      expect(await rig.submission(id)).toMatchObject({ state: 'on-hold', reason: 'conflict' });
      expect(await values()).toEqual([55.5, 99]);
      await decide('keep-ours');
      await drain();
      expect(await values()).toEqual([55.5, 160]);
      // Who changes it after all that is found out.
      await others(160, 161);
      expect(await look()).toMatchObject({ changed: 1, open: 1 });
      expect(await rig.store.differences({ environment: ENVIRONMENT, owners: [BREBES.code] })).toMatchObject([
        { kind: 'changed', owner: BREBES.code },
      ]);
      expect(await rig.store.differences({ environment: ENVIRONMENT, owners: ['P-lain'] })).toEqual([]);
    });
  });
});

describe('a conflict that a person decides', () => {
  it('keep-ours does not go over what was changed once more since', async () => {
    const { id, drain } = await contested();
    await others(99, 98);
    await decide('keep-ours');
    await drain();
    expect(await values()).toEqual([55.5, 98]);
    expect(await rig.submission(id)).toMatchObject({ state: 'on-hold', reason: 'conflict' });
    // Now that was seen.
    await decide('keep-ours');
    await drain();
    expect(await values()).toEqual([55.5, 150]);
  });

  it('what others put back needs no decision; what is no conflict is left', async () => {
    const { id, drain } = await contested();
    await others(99, 120);
    await rig.store.retryDeliveries(ALL, { environment: ENVIRONMENT, reasons: ['conflict'] }, { actor: 'petugas', at: rig.time.iso() });
    await drain();
    expect(await rig.submission(id)).toMatchObject({ state: 'completed' });
    expect(await values()).toEqual([55.5, 150]);
    const { key } = (await rig.delivery(id)) as { key: string };
    const act = { actor: 'petugas', at: rig.time.iso() };
    const left = async () => (await rig.store.decideDeliveries(ALL, { environment: ENVIRONMENT, keys: [key] }, act, 'keep-ours')).left;
    expect(await left()).toEqual([{ key, state: 'completed', why: 'completed' }]);
    await rig.store.commit({
      deliveryOutcomes: [{ key, environment: ENVIRONMENT, state: 'on-hold', reason: 'conflict', issues: [], at: rig.time.iso() }],
    });
    expect(await left()).toEqual([{ key, state: 'on-hold', why: 'nothing-to-decide' }]);
  });
});
