import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type ChangeSet, openStore, type ResourceQuery, type Store } from '../../src/store/index.ts';
import { forEachEngine } from './engines.ts';
import { ALL, AT, delivery, encounter, LATER, observation, only, patient, submission, write } from './records.ts';

const MIGRATIONS = ['0001-initial', '0002-delivery-mark', '0003-delivery-work', '0004-decisions'];

forEachEngine((engine) => {
  let store: Store;
  beforeAll(async () => {
    store = await engine.openFresh();
  });

  describe('migrations', () => {
    it('lists what is missing without changing the database, applies it once', async () => {
      const fresh = await openStore(await engine.createDatabase());
      expect(await fresh.migrate({ dryRun: true })).toEqual(MIGRATIONS);
      expect(await fresh.migrate({ dryRun: true })).toEqual(MIGRATIONS);
      expect(await fresh.migrate()).toEqual(MIGRATIONS);
      expect(await fresh.migrate()).toEqual([]);
      await fresh.close();
    });

    it('is safe when several processes start at once', async () => {
      const database = await engine.createDatabase();
      const stores = await Promise.all([openStore(database), openStore(database), openStore(database)]);
      const applied = await Promise.all(stores.map((one) => one.migrate()));
      expect(applied.flat()).toEqual(MIGRATIONS);
      for (const one of stores) await one.close();
    });
  });

  describe('errors', () => {
    it('a closed store and a missing table are store-unavailable, not a driver error', async () => {
      const fresh = await openStore(await engine.createDatabase());
      await fresh.ping();
      await expect(fresh.clients()).rejects.toMatchObject({ name: 'AppError', code: 'store-unavailable' });
      await expect(fresh.commit({ resources: [write(patient())] })).rejects.toMatchObject({ code: 'store-unavailable' });
      await fresh.close();
      await expect(fresh.ping()).rejects.toMatchObject({ code: 'store-unavailable' });
      await expect(fresh.putClient({ id: 'x' } as never)).rejects.toMatchObject({ code: 'store-unavailable' });
    });
  });

  describe('opening', () => {
    it('what is no database is store-unavailable', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'ilp-store-'));
      const noDatabase = join(folder, 'text.sqlite');
      writeFileSync(noDatabase, 'this is no database, but long enough to look at'.repeat(50));
      const places = engine.name === 'sqlite' ? [folder, noDatabase, join(noDatabase, 'x.sqlite')] : ['postgres://u:p@127.0.0.1:1/none'];
      for (const place of places) {
        await expect(openStore(place).then((opened) => opened.ping())).rejects.toMatchObject({ code: 'store-unavailable' });
      }
      rmSync(folder, { recursive: true });
    });
  });

  describe('settings', () => {
    it('the first writer wins, whoever asks', async () => {
      expect(await store.setting('absent')).toBeUndefined();
      const values = await Promise.all([1, 2, 3, 4].map((n) => store.setting('race', () => `value ${n}`)));
      expect(new Set(values).size).toBe(1);
      expect(await store.setting('race', () => 'late')).toBe(values[0]);
    });
  });

  describe('submissions', () => {
    it('come back as written, with a growing seq; the payload apart', async () => {
      const one = submission({
        issues: [{ severity: 'error', code: 'field-required', text: { id: 'wajib', en: 'required' } }],
        unused: ['vitals.x'],
        resources: ['Encounter/1'],
        sourceUpdatedAt: AT,
      });
      const two = submission();
      await store.commit({ submissions: [one, two] });
      const [first, second] = await store.submissionsById(ALL, [one.id, two.id]);
      const { payload, ...rest } = one;
      expect(first).toMatchObject(rest);
      expect(second?.seq).toBeGreaterThan(first?.seq ?? Number.NaN);
      expect(await store.submissionPayload(ALL, one.id)).toBe(payload);
    });

    it('a version that is not the next one is a conflict, and nothing of the change set stays', async () => {
      const one = submission();
      await store.commit({ submissions: [one] });
      const person = patient();
      const changes = (version: number): ChangeSet => ({
        resources: [write(person)],
        submissions: [submission(), { ...one, version }],
        deliveries: [delivery(`encounter:${one.id}`)],
        persons: [{ sourceKey: one.id, nikHash: null, patient: 'Patient/x', birthDate: '2000-01-01', sex: 'male', facility: 'P1' }],
        audits: [audit('rolled-back')],
      });
      for (const version of [1, 3, 0]) await expect(store.commit(changes(version))).rejects.toMatchObject({ code: 'conflict' });
      expect(await store.resource(ALL, 'Patient', person.id)).toBeUndefined();
      expect(await store.deliveries({ keys: [`encounter:${one.id}`] })).toEqual([]);
      expect(await store.persons({ sourceKeys: [one.id] })).toEqual([]);
      expect(await store.audits({ action: 'rolled-back' })).toEqual([]);
      expect(await store.submissionVersions(ALL, one.id)).toHaveLength(1);
    });

    it('of two writers of the same version one wins', async () => {
      const one = submission();
      const results = await Promise.allSettled([1, 2, 3].map((n) => store.commit({ submissions: [{ ...one, payload: `${n}` }] })));
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      const reasons = results.flatMap((result) => (result.status === 'rejected' ? [result.reason.code] : []));
      expect(reasons).toEqual(['conflict', 'conflict']);
    });

    it('the newest version is the current one; older ones stay readable', async () => {
      const one = submission({ fingerprint: randomUUID(), payload: 'first' });
      await store.commit({ submissions: [one] });
      await store.commit({ submissions: [{ ...one, version: 2, payload: 'second', fingerprint: null }] });
      await store.commit({
        submissions: [
          { ...one, version: 3, payload: 'third' },
          { ...one, version: 4, payload: 'fourth' },
        ],
      });
      expect((await store.submissionsById(ALL, [one.id])).map(({ version }) => version)).toEqual([4]);
      expect((await store.submissionVersions(ALL, one.id)).map(({ version }) => version)).toEqual([4, 3, 2, 1]);
      expect(await store.submissionPayload(ALL, one.id)).toBe('fourth');
      expect(await store.submissionPayload(ALL, one.id, 1)).toBe('first');
      expect(await store.submissionPayload(ALL, one.id, 9)).toBeUndefined();
      expect((await store.submissionFeed(ALL, { limit: 1000 })).filter(({ id }) => id === one.id)).toHaveLength(1);
    });

    it('a change of state moves it to the end of the feed and adds to its story', async () => {
      const [one, two] = [submission(), submission()];
      await store.commit({ submissions: [one, two] });
      const before = (await store.submissionsById(ALL, [two.id]))[0]?.seq ?? 0;
      await store.commit({
        submissionStates: [{ id: one.id, version: 1, state: 'on-hold', reason: 'identity', at: LATER, stage: 'sent' }],
      });
      const feed = await store.submissionFeed(ALL, { after: before, limit: 10 });
      expect(feed).toHaveLength(1);
      expect(feed[0]).toMatchObject({
        id: one.id,
        state: 'on-hold',
        reason: 'identity',
        updatedAt: LATER,
        story: [
          { stage: 'received', at: AT },
          { stage: 'sent', at: LATER, reason: 'identity' },
        ],
      });
      await expect(
        store.commit({ submissionStates: [{ id: one.id, version: 2, state: 'failed', reason: null, at: LATER, stage: 'sent' }] }),
      ).rejects.toMatchObject({ code: 'conflict' });
    });

    it('a follower of the feed misses nothing while others write', async () => {
      const written = new Set<string>();
      const seen = new Set<string>();
      let after = (await store.submissionFeed(ALL, { limit: 10_000 })).at(-1)?.seq ?? 0;
      const writers = Promise.all(
        [1, 2, 3, 4].map(async () => {
          for (let n = 0; n < 10; n += 1) {
            const one = submission();
            await store.commit({ submissions: [one, submission({ facility: 'P2' })], resources: [write(patient())] });
            written.add(one.id);
          }
        }),
      ).then(() => true);
      for (let done = false; !done; ) {
        done = await Promise.race([writers, new Promise<boolean>((resolve) => setImmediate(resolve, false))]);
        for (const { id, seq } of await store.submissionFeed(ALL, { after, limit: 3 })) {
          expect(seq).toBeGreaterThan(after);
          after = seq;
          seen.add(id);
        }
      }
      for (const { id } of await store.submissionFeed(ALL, { after, limit: 1000 })) seen.add(id);
      expect([...written].filter((id) => !seen.has(id))).toEqual([]);
    });

    it('is limited by facility; one without a facility is seen by its sender', async () => {
      const mine = submission({ facility: 'A1' });
      const foreign = submission({ facility: 'A2' });
      const unread = submission({ facility: null, client: 'sender' });
      await store.commit({ submissions: [mine, foreign, unread] });
      const ids = [mine.id, foreign.id, unread.id];
      const seen = async (context: typeof ALL) => (await store.submissionsById(context, ids)).map(({ id }) => id);
      expect(await seen(only('A1'))).toEqual([mine.id]);
      expect(await seen({ ...only('A1'), client: 'sender' })).toEqual([mine.id, unread.id]);
      expect(await seen(only())).toEqual([]);
      expect(await seen(ALL)).toEqual(ids);
      expect(await store.submissionPayload(only('A1'), foreign.id)).toBeUndefined();
      expect(await store.submissionVersions(only('A1'), foreign.id)).toEqual([]);
      expect((await store.submissionFeed(only('A1'), { limit: 100 })).map(({ id }) => id)).toEqual([mine.id]);
      expect(await store.submissionCounts(only('A2'))).toEqual([{ feed: 'encounters', state: 'ready', reason: null, count: 1 }]);
    });

    it('the feed filters by facility, feed, state and reason', async () => {
      const one = submission({ facility: 'F1', feed: 'persons', state: 'failed', reason: 'refused' });
      await store.commit({ submissions: [one, submission({ facility: 'F1' })] });
      const found = async (query: object) => (await store.submissionFeed(ALL, { facility: 'F1', limit: 10, ...query })).length;
      expect(await found({})).toBe(2);
      expect(await found({ feed: 'persons' })).toBe(1);
      expect(await found({ state: 'failed' })).toBe(1);
      expect(await found({ reason: 'refused', state: 'failed', feed: 'persons' })).toBe(1);
      expect(await found({ reason: 'refused', state: 'ready' })).toBe(0);
    });

    it('candidates for a duplicate are not cancelled; one that was refused over a version that stands is', async () => {
      const fingerprint = randomUUID();
      const good = submission({ fingerprint });
      const duplicate = submission({ fingerprint, state: 'cancelled', reason: 'duplicate' });
      const gone = submission({ fingerprint, state: 'cancelled', reason: 'duplicate' });
      const refused = submission({ fingerprint, state: 'failed', reason: 'refused' });
      await store.commit({ submissions: [good, duplicate, gone, refused, submission({ fingerprint: null })] });
      await store.commit({ submissions: [{ ...gone, version: 2, fingerprint: null, reason: 'withdrawn' }] });
      expect((await store.submissionsByFingerprint([fingerprint, 'other'])).map(({ id }) => id)).toEqual([good.id, refused.id]);
      expect(await store.submissionsByFingerprint([])).toEqual([]);
      expect((await store.duplicatesByFingerprint([fingerprint, 'other'])).map(({ id }) => id)).toEqual([duplicate.id]);
      expect(await store.duplicatesByFingerprint([])).toEqual([]);
    });

    it('duplicates are not left without the one that they are duplicates of', async () => {
      const fingerprint = randomUUID();
      const original = submission({ fingerprint });
      const duplicate = submission({ fingerprint, state: 'cancelled', reason: 'duplicate' });
      await expect(store.commit({ submissions: [duplicate] })).rejects.toMatchObject({ code: 'conflict' });
      await store.commit({ submissions: [original, duplicate] });
      const withdrawn = { ...original, version: 2, fingerprint: null };
      const freedFingerprints = [fingerprint];
      await expect(store.commit({ submissions: [withdrawn], freedFingerprints })).rejects.toMatchObject({ code: 'conflict' });
      await store.commit({ submissions: [withdrawn, { ...duplicate, version: 2, state: 'ready', reason: null }], freedFingerprints });
    });

    it('the same event that another process wrote meanwhile is a conflict, unless it is given up in the same change', async () => {
      const fingerprint = randomUUID();
      const first = submission({ fingerprint });
      await store.commit({ submissions: [first] });
      const second = submission({ fingerprint });
      await expect(store.commit({ submissions: [second] })).rejects.toMatchObject({ code: 'conflict' });
      await store.commit({ submissions: [submission({ fingerprint, state: 'cancelled', reason: 'duplicate' })] });
      await store.commit({ submissions: [{ ...first, version: 2, fingerprint: null }, second] });
      expect((await store.submissionsByFingerprint([fingerprint])).map(({ id }) => id)).toEqual([second.id]);
    });
  });

  describe('resources', () => {
    it('made from something else than what is stored by now are a conflict, and nothing is written', async () => {
      const one = patient();
      const other = patient();
      await store.commit({ resources: [write(one, { basedOn: null })] });
      const stale = [write(other), write({ ...one, gender: 'male' }, { basedOn: { ...one, gender: 'unknown' } })];
      for (const resources of [stale, [write(one, { basedOn: null })]]) {
        await expect(store.commit({ resources })).rejects.toMatchObject({ code: 'conflict' });
      }
      expect(await store.resources(ALL, [`Patient/${other.id}`])).toEqual([]);
      const [stored] = await store.resources(ALL, [`Patient/${one.id}`]);
      // The version is none of its content; a second write builds on the first.
      const second = { ...one, gender: 'male' as const };
      const third = { ...second, birthDate: '1991-05-17' };
      const chain = [write(second, { basedOn: stored?.resource ?? null }), write(third, { basedOn: second })];
      expect((await store.commit({ resources: chain })).resources.map(({ version }) => version)).toEqual([2, 3]);
    });

    it('made from the same by two at once: one of them is a conflict', async () => {
      const one = patient();
      await store.commit({ resources: [write(one)] });
      const attempts = ['male', 'other'] as const;
      const results = await Promise.allSettled(
        attempts.map((gender) => store.commit({ resources: [write({ ...one, gender }, { basedOn: one })] })),
      );
      expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      const fresh = patient();
      const created = await Promise.allSettled(
        attempts.map((gender) => store.commit({ resources: [write({ ...fresh, gender }, { basedOn: null })] })),
      );
      expect(created.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      for (const result of [...results, ...created]) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'conflict' });
      }
    });

    it('count their versions; equal content keeps version, time and history', async () => {
      const one = patient({ meta: { profile: ['https://fhir.ilp.example/StructureDefinition/ilp-patient'] } });
      const first = await store.commit({ resources: [write(one)] });
      expect(first.resources).toEqual([{ reference: `Patient/${one.id}`, version: 1, unchanged: false }]);

      // The same content in another order of keys, and with what a reader would send back.
      const { resourceType, id, meta, ...rest } = one;
      const same = { ...rest, id, resourceType, meta: { ...meta, versionId: '1', lastUpdated: AT } };
      const again = await store.commit({ resources: [write(same, { at: LATER })] });
      expect(again.resources).toEqual([{ reference: `Patient/${one.id}`, version: 1, unchanged: true }]);

      const changed = await store.commit({ resources: [write({ ...one, active: false }, { at: LATER, submission: 's2' })] });
      expect(changed.resources).toEqual([{ reference: `Patient/${one.id}`, version: 2, unchanged: false }]);

      const stored = await store.resource(ALL, 'Patient', one.id);
      expect(stored).toEqual({
        resource: { ...one, active: false, meta: { ...one.meta, versionId: '2', lastUpdated: LATER } },
        version: 2,
        lastUpdated: LATER,
        facility: 'P1',
        submission: 's2',
      });
      const old = await store.resourceVersion(ALL, 'Patient', one.id, 1);
      expect(old?.resource).toEqual({ ...one, meta: { ...one.meta, versionId: '1', lastUpdated: AT } });
      expect(await store.resourceVersion(ALL, 'Patient', one.id, 3)).toBeUndefined();
      expect(await store.resource(ALL, 'Encounter', one.id)).toBeUndefined();
    });

    it('a resource that comes twice in one change set gets both versions', async () => {
      const one = patient();
      const { resources } = await store.commit({
        resources: [write(one), write({ ...one, gender: 'male' }), write({ ...one, gender: 'male' }), write(one)],
      });
      expect(resources.map(({ version, unchanged }) => [version, unchanged])).toEqual([
        [1, false],
        [2, false],
        [2, true],
        [3, false],
      ]);
      expect((await store.resource(ALL, 'Patient', one.id))?.resource).toMatchObject({ gender: 'female' });
      expect((await search({ type: 'Patient', filters: [ids(one), token('gender', 'male')] })).length).toBe(0);
    });

    it('the stored content in another order of keys is the stored content; after another one in the same change set it is new', async () => {
      const one = patient({ active: true, maritalStatus: { text: 'a', coding: [{ system: 's', code: 'c' }] } });
      const other = patient({ id: one.id, maritalStatus: { coding: [{ code: 'c', system: 's' }], text: 'a' }, active: true });
      await store.commit({ resources: [write(one)] });
      const stirred = await store.commit({ resources: [write(other)] });
      expect(stirred.resources).toEqual([{ reference: `Patient/${one.id}`, version: 1, unchanged: true }]);
      const { resources } = await store.commit({ resources: [write({ ...one, active: false }), write(other)] });
      expect(resources.map(({ version, unchanged }) => [version, unchanged])).toEqual([
        [2, false],
        [3, false],
      ]);
      expect((await store.resource(ALL, 'Patient', one.id))?.resource).toMatchObject({ active: true });
    });

    it('written by several at once keeps every version', async () => {
      const one = patient();
      await Promise.all(
        Array.from({ length: 8 }, (_unused, n) =>
          store.commit({ resources: [write({ ...one, multipleBirthInteger: n }), write(patient())] }),
        ),
      );
      expect((await store.resource(ALL, 'Patient', one.id))?.version).toBe(8);
      const versions = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map((n) => store.resourceVersion(ALL, 'Patient', one.id, n)));
      expect(
        new Set(versions.map((stored) => stored && 'multipleBirthInteger' in stored.resource && stored.resource.multipleBirthInteger)).size,
      ).toBe(8);
    });

    it('are limited by facility; master data is seen by all; a moved one is seen at its new facility', async () => {
      const mine = patient();
      const master = { resourceType: 'Organization' as const, id: randomUUID(), name: 'Puskesmas' };
      await store.commit({ resources: [write(mine, { facility: 'B1' }), write(master, { facility: null })] });
      const references = [`Organization/${master.id}`, `Patient/${mine.id}`, 'Patient/none', `Encounter/${mine.id}`];
      const seen = async (context: typeof ALL) => (await store.resources(context, references)).map(({ resource }) => resource.id);
      expect(await seen(ALL)).toEqual([master.id, mine.id]);
      expect(await seen(only('B1', 'B3'))).toEqual([master.id, mine.id]);
      expect(await seen(only('B2'))).toEqual([master.id]);
      expect(await seen(only())).toEqual([master.id]);
      expect(await store.resource(only('B2'), 'Patient', mine.id)).toBeUndefined();
      expect(await store.resourceVersion(only('B2'), 'Patient', mine.id, 1)).toBeUndefined();
      const { resources, total } = await store.search(only('B2'), { type: 'Patient', filters: [ids(mine)], count: 5, total: true });
      expect({ resources, total }).toEqual({ resources: [], total: 0 });

      const moved = await store.commit({ resources: [write(mine, { facility: 'B2' })] });
      expect(moved.resources[0]?.unchanged).toBe(true);
      expect(await seen(only('B2'))).toEqual([master.id, mine.id]);
    });
  });

  const ids = (...resources: { id: string }[]) => ({ param: '_id' as const, kind: 'id' as const, values: resources.map(({ id }) => id) });
  const token = (param: string, code?: string, system?: string) => ({
    param,
    kind: 'token' as const,
    values: [{ ...(code !== undefined && { code }), ...(system !== undefined && { system }) }],
  });
  const search = async (query: Omit<ResourceQuery, 'count'> & { count?: number }) =>
    (await store.search(ALL, { count: 50, ...query })).resources.map(({ resource }) => resource.id);

  describe('search', () => {
    it('by token: code, system and code, system only, code without system, alternatives', async () => {
      const type = 'Observation';
      const subject = { reference: `Patient/${randomUUID()}` };
      const a = observation({
        subject,
        identifier: [{ system: 'urn:a', value: 'x|1' }],
        code: { coding: [{ system: 'urn:c', code: 'one' }] },
      });
      const b = observation({ subject, code: { coding: [{ code: 'one' }, { system: 'urn:c', code: 'two' }] } });
      await store.commit({ resources: [write(a), write(b)] });
      const found = (filter: ReturnType<typeof token>) =>
        search({ type, filters: [{ param: 'subject', kind: 'reference', values: [subject.reference] }, filter] });
      expect(await found(token('code', 'one'))).toEqual([a.id, b.id]);
      expect(await found(token('code', 'one', 'urn:c'))).toEqual([a.id]);
      expect(await found(token('code', 'one', ''))).toEqual([b.id]);
      expect(await found(token('code', undefined, 'urn:c'))).toEqual([a.id, b.id]);
      expect(await found(token('code', 'ONE'))).toEqual([]);
      expect(await found(token('identifier', 'x|1', 'urn:a'))).toEqual([a.id]);
      const either = {
        param: 'code',
        kind: 'token' as const,
        values: [
          { code: 'two', system: 'urn:c' },
          { code: 'one', system: 'urn:c' },
        ],
      };
      expect(await found(either)).toEqual([a.id, b.id]);
      expect(await found(token('status', 'final'))).toEqual([a.id, b.id]);
    });

    it('by reference: with type, bare id, narrowed by patient, with a version', async () => {
      const who = randomUUID();
      const a = observation({ subject: { reference: `Patient/${who}` }, encounter: { reference: `Encounter/${who}/_history/3` } });
      const b = observation({ subject: { reference: `Location/${who}` } });
      await store.commit({ resources: [write(a), write(b)] });
      const found = (param: string, ...values: string[]) =>
        search({ type: 'Observation', filters: [{ param, kind: 'reference', values }] });
      expect(await found('subject', `Patient/${who}`)).toEqual([a.id]);
      expect(await found('patient', who)).toEqual([a.id]);
      expect(await found('patient', `Location/${who}`)).toEqual([]);
      expect(await found('subject', `Location/${who}`)).toEqual([b.id]);
      expect(await found('subject', who)).toEqual([a.id, b.id]);
      expect(await found('encounter', `Encounter/${who}`)).toEqual([a.id]);
      expect(await found('encounter', `Encounter/${who}/_history/1`)).toEqual([a.id]);
      expect(await found('encounter')).toEqual([]);
    });

    it('by string: beginning of each word without case and accents, exact, contained', async () => {
      const one = patient({ name: [{ text: 'Zubaidah Ñoña 100%_Putri' }] });
      await store.commit({ resources: [write(one)] });
      const found = async (value: string, match: 'starts' | 'exact' | 'contains' = 'starts') =>
        (await search({ type: 'Patient', filters: [ids(one), { param: 'name', kind: 'string', values: [value], match }] })).length;
      expect(await found('zubai')).toBe(1);
      expect(await found('NONA')).toBe(1);
      expect(await found('baidah')).toBe(0);
      expect(await found('baidah', 'contains')).toBe(1);
      expect(await found('0%_p', 'contains')).toBe(1);
      expect(await found('0__p', 'contains')).toBe(0);
      expect(await found('Zubaidah Ñoña 100%_Putri', 'exact')).toBe(1);
      expect(await found('zubaidah ñoña 100%_putri', 'exact')).toBe(0);
    });

    it('by date: every prefix over instants, days, months and open periods (FHIR R4 3.1.1.4.9)', async () => {
      const who = { reference: `Patient/${randomUUID()}` };
      const period = (start?: string, end?: string) =>
        encounter({ subject: who, period: { ...(start && { start }), ...(end && { end }) } });
      const rows = {
        before: period('2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'),
        across: period('2026-01-31T00:00:00Z', '2026-02-03T00:00:00Z'),
        within: period('2026-02-10T00:00:00Z', '2026-02-11T00:00:00Z'),
        after: period('2026-03-05T00:00:00Z', '2026-03-06T00:00:00Z'),
        open: period('2026-02-15T00:00:00Z'),
      };
      await store.commit({ resources: Object.values(rows).map((row) => write(row)) });
      const found = async (prefix: 'eq' | 'ne' | 'gt' | 'lt' | 'ge' | 'le') => {
        const value = { prefix, low: '2026-02-01T00:00:00.000Z', high: '2026-03-01T00:00:00.000Z' };
        const filters = [
          { param: 'subject', kind: 'reference' as const, values: [who.reference] },
          { param: 'date', kind: 'date' as const, values: [value] },
        ];
        const matched = await search({ type: 'Encounter', filters });
        return Object.entries(rows).flatMap(([name, row]) => (matched.includes(row.id) ? [name] : []));
      };
      expect(await found('eq')).toEqual(['within']);
      expect(await found('ne')).toEqual(['before', 'across', 'after', 'open']);
      expect(await found('gt')).toEqual(['after', 'open']);
      expect(await found('lt')).toEqual(['before', 'across']);
      expect(await found('ge')).toEqual(['within', 'after', 'open']);
      expect(await found('le')).toEqual(['before', 'across', 'within']);
    });

    it('by _id and _lastUpdated, with the index following a change', async () => {
      const one = observation({ status: 'preliminary' });
      await store.commit({ resources: [write(one, { at: '2026-03-01T00:00:00.500Z' })] });
      await store.commit({ resources: [write({ ...one, status: 'final' }, { at: '2026-04-01T00:00:00.500Z' })] });
      const at = (prefix: 'eq' | 'ge' | 'lt', low: string, high: string) => ({
        param: '_lastUpdated',
        kind: 'date' as const,
        values: [{ prefix, low, high }],
      });
      const found = async (...filters: ResourceQuery['filters']) =>
        (await search({ type: 'Observation', filters: [ids(one), ...filters] })).length;
      expect(await found(token('status', 'preliminary'))).toBe(0);
      expect(await found(token('status', 'final'))).toBe(1);
      expect(await found(at('eq', '2026-04-01T00:00:00.000Z', '2026-04-01T00:00:01.000Z'))).toBe(1);
      expect(await found(at('ge', '2026-04-02T00:00:00.000Z', '2026-04-03T00:00:00.000Z'))).toBe(0);
      expect(await found(at('lt', '2026-04-01T00:00:00.500Z', '2026-04-01T00:00:00.501Z'))).toBe(0);
    });

    it('an unknown parameter, a wrong kind and a broken cursor are refused', async () => {
      const run = (query: Partial<ResourceQuery>) => store.search(ALL, { type: 'Patient', filters: [], count: 5, ...query });
      const refused = { code: 'parameter' };
      await expect(run({ filters: [token('shoe-size', '42')] })).rejects.toMatchObject(refused);
      await expect(run({ filters: [token('birthdate', '42')] })).rejects.toMatchObject(refused);
      await expect(run({ sort: [{ param: 'shoe-size', descending: false }] })).rejects.toMatchObject(refused);
      for (const after of ['x', '', 'W10', Buffer.from('["a"]').toString('base64url'), Buffer.from('[1,2]').toString('base64url')]) {
        await expect(run({ after })).rejects.toMatchObject(refused);
      }
    });

    it('pages in every order without repetition or gap, though resources are added meanwhile', async () => {
      const who = { reference: `Patient/${randomUUID()}` };
      const rows = Array.from({ length: 23 }, (_unused, n) => {
        // Several have the same time, and some have none.
        const { effectiveDateTime: _time, ...bare } = observation({ subject: who });
        return write(n % 7 === 3 ? bare : { ...bare, effectiveDateTime: `2026-11-${10 + (n % 5)}` }, {
          at: `2026-11-22T00:00:0${n % 4}.000Z`,
        });
      });
      await store.commit({ resources: rows });
      const filters = [{ param: 'subject', kind: 'reference' as const, values: [who.reference] }];
      const orders = [
        [],
        [{ param: '_lastUpdated', descending: true }],
        [{ param: 'date', descending: false }],
        [{ param: 'date', descending: true }],
        [
          { param: 'status', descending: true },
          { param: '_lastUpdated', descending: false },
        ],
        [{ param: '_id', descending: true }],
      ];
      for (const sort of orders) {
        const seen: { id: string; at: string; date: string | undefined }[] = [];
        let after: string | undefined;
        do {
          const page = await store.search(ALL, { type: 'Observation', filters, sort, count: 5, total: true, ...(after && { after }) });
          expect(page.resources.length).toBeLessThanOrEqual(5);
          for (const { resource, lastUpdated } of page.resources) {
            seen.push({ id: resource.id, at: lastUpdated, date: (resource as { effectiveDateTime?: string }).effectiveDateTime });
          }
          after = page.next;
          await store.commit({ resources: [write(observation())] });
        } while (after);
        expect(new Set(seen.map(({ id }) => id)).size).toBe(23);
        expect(seen).toHaveLength(23);
        if (sort[0]?.param === 'date') {
          expect(seen.slice(-3).map(({ date }) => date)).toEqual([undefined, undefined, undefined]);
          const dates = seen.slice(0, 20).map(({ date }) => date ?? '');
          expect(dates).toEqual(sort[0].descending ? dates.toSorted().reverse() : dates.toSorted());
        }
        if (sort[0]?.param === '_lastUpdated')
          expect(seen.map(({ at }) => at)).toEqual(
            seen
              .map(({ at }) => at)
              .toSorted()
              .reverse(),
          );
        if (sort[0]?.param === '_id')
          expect(seen.map(({ id }) => id)).toEqual(
            seen
              .map(({ id }) => id)
              .toSorted()
              .reverse(),
          );
      }
      const counted = await store.search(ALL, { type: 'Observation', filters, count: 0, total: true });
      expect(counted).toEqual({ resources: [], total: 23 });
    });
  });

  describe('registers', () => {
    const person = {
      sourceKey: 'simpus|1',
      nikHash: 'h1',
      patient: 'Patient/1',
      birthDate: '1990-01-01',
      sex: 'male' as const,
      facility: 'P1',
    };
    const nurse = { sourceKey: 'simpus|n', nikHash: 'h2', practitioner: 'Practitioner/1', name: 'Bidan', profession: null, facility: null };
    const facility = {
      code: 'P1',
      kind: 'puskesmas',
      name: 'Sukamaju',
      supervisor: null,
      puskesmas: 'P1',
      village: '3201010001',
      timeZone: 'Asia/Jakarta',
      organization: 'Organization/1',
      location: 'Location/1',
      active: true,
    };

    it('find facilities, persons and practitioners by their keys; the last write counts', async () => {
      await store.commit({
        facilities: [facility, { ...facility, code: 'P2', active: false }],
        persons: [{ ...person, sex: 'female' }, person, { ...person, sourceKey: 'rme|7' }, { ...person, sourceKey: 'x|1', nikHash: null }],
        practitioners: [nurse],
      });
      await store.commit({ facilities: [{ ...facility, name: 'Sukamakmur' }] });
      expect(await store.facilities()).toEqual([
        { ...facility, name: 'Sukamakmur' },
        { ...facility, code: 'P2', active: false },
      ]);
      expect((await store.facilities(['P2', 'P9'])).map(({ code }) => code)).toEqual(['P2']);
      expect(await store.facilities([])).toEqual([]);
      expect(await store.persons({ sourceKeys: ['simpus|1'] })).toEqual([person]);
      expect((await store.persons({ sourceKeys: ['x|1'], nikHashes: ['h1'] })).map(({ sourceKey }) => sourceKey)).toEqual([
        'rme|7',
        'simpus|1',
        'x|1',
      ]);
      expect(await store.persons({})).toEqual([]);
      expect(await store.practitioners({ nikHashes: ['h2'] })).toEqual([nurse]);
      expect(await store.practitioners({ sourceKeys: ['none'] })).toEqual([]);
    });

    it('platform ids and identities are kept by environment; persons without one are candidates', async () => {
      const rows = [
        { environment: 'e1', reference: 'Patient/c2', platformId: 'P0', platformVersion: null, at: AT },
        { environment: 'e1', reference: 'Patient/c2', platformId: 'P1', platformVersion: '2', at: LATER },
        { environment: 'e2', reference: 'Patient/c2', platformId: 'P2', platformVersion: null, at: AT },
      ];
      await store.commit({
        platformIds: rows,
        identities: [{ environment: 'e1', key: 'patient:h', platformId: null, checkedAt: AT }],
        persons: ['c1', 'c2', 'c3'].map((id) => ({ ...person, sourceKey: `c|${id}`, patient: `Patient/${id}`, facility: `F-${id}` })),
        practitioners: [{ ...nurse, sourceKey: 'c|n', practitioner: 'Practitioner/c9' }],
      });
      expect(await store.platformIds('e1', ['Patient/c2', 'Patient/none'])).toEqual([rows[1]]);
      expect(await store.platformIds('e2', ['Patient/c2'])).toEqual([rows[2]]);
      expect(await store.identities('e1', ['patient:h'])).toEqual([
        { environment: 'e1', key: 'patient:h', platformId: null, checkedAt: AT },
      ]);
      expect(await store.identities('e2', ['patient:h'])).toEqual([]);
      const first = await store.identityCandidates({ environment: 'e1', after: 'Patient/c', limit: 2 });
      expect(first).toEqual([
        { reference: 'Patient/c1', facility: 'F-c1' },
        { reference: 'Patient/c3', facility: 'F-c3' },
      ]);
      const rest = await store.identityCandidates({ environment: 'e1', after: 'Practitioner/1', limit: 2 });
      expect(rest).toEqual([{ reference: 'Practitioner/c9', facility: null }]);
    });
  });

  describe('clients, credentials, jobs, audit', () => {
    it('keep clients and credentials', async () => {
      const client = {
        id: 'c1',
        name: 'RME “Sehat”',
        keyHash: 'k1',
        scopes: ['intake:write'] as const,
        sourceSystems: ['simpus'],
        facilities: 'all' as const,
        createdAt: AT,
        revokedAt: null,
      };
      await store.putClient(client);
      await store.putClient({ ...client, facilities: ['P1'] });
      expect(await store.clients()).toEqual([{ ...client, facilities: ['P1'] }]);
      expect(await store.clientByKeyHash('k1')).toEqual({ ...client, facilities: ['P1'] });
      expect(await store.clientByKeyHash('k2')).toBeUndefined();
      expect(await store.revokeClient('c1', LATER)).toBe(true);
      expect(await store.revokeClient('c1', LATER)).toBe(false);
      expect((await store.clientByKeyHash('k1'))?.revokedAt).toBe(LATER);

      const credential = {
        environment: 'sandbox',
        owner: 'P1',
        organizationId: 'o',
        clientId: 'id',
        secret: 'sealed',
        createdAt: AT,
        allowedHours: '22:00-05:00',
      };
      await store.putCredential(credential);
      await store.putCredential({ ...credential, allowedHours: null });
      expect(await store.credentials('sandbox')).toEqual([{ ...credential, allowedHours: null }]);
      expect(await store.credentials('production')).toEqual([]);
      expect(await store.deleteCredential('sandbox', 'P1')).toBe(true);
      expect(await store.deleteCredential('sandbox', 'P1')).toBe(false);
    });

    it('a lease has one holder, until it is released or runs out', async () => {
      expect(await store.acquireLease('sync', 'a', 60_000)).toBe(true);
      expect(await store.acquireLease('sync', 'b', 60_000)).toBe(false);
      expect(await store.acquireLease('sync', 'a', 60_000)).toBe(true);
      await store.releaseLease('sync', 'b');
      expect(await store.acquireLease('sync', 'b', 60_000)).toBe(false);
      await store.releaseLease('sync', 'a');
      expect(await store.acquireLease('sync', 'b', -1000)).toBe(true);
      expect(await store.acquireLease('sync', 'c', 60_000)).toBe(true);
      const won = await Promise.all(['d', 'e', 'f'].map((holder) => store.acquireLease('race', holder, 60_000)));
      expect(won.filter(Boolean)).toHaveLength(1);
    });

    it('job runs and audit rows come back newest first', async () => {
      const run = { id: 'r1', job: 'sync', scheduledFor: AT, startedAt: AT, endedAt: null, counts: {}, error: null, caughtUp: false };
      await store.putJobRun(run);
      await store.putJobRun({ ...run, endedAt: LATER, counts: { sent: 3 }, caughtUp: true });
      await store.putJobRun({ ...run, id: 'r2', scheduledFor: LATER });
      await store.putJobRun({ ...run, id: 'r3', job: 'other' });
      expect(await store.jobRuns({ job: 'sync' })).toEqual([
        { ...run, id: 'r2', scheduledFor: LATER },
        { ...run, endedAt: LATER, counts: { sent: 3 }, caughtUp: true },
      ]);
      expect(await store.jobRuns({ limit: 1 })).toHaveLength(1);
      await store.commit({ audits: [audit('one'), audit('two'), audit('two')] });
      expect((await store.audits({ limit: 2 })).map(({ action }) => action)).toEqual(['two', 'two']);
      expect(await store.audits({ action: 'one' })).toEqual([audit('one')]);
    });
  });

  describe('hostile strings', () => {
    const HOSTILE = [
      `'; drop table resource; --"\\`,
      'NUL \0 inside\0',
      '\uFDD1 \uFDD10 \uFDD11 noncharacters',
      'emoji 🧒🏽, nglegena ꦲꦤ, \u202E reversed, e\u0301',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: looks like a placeholder, and is none
      '${x} $1 ? :name %_\t\r\n\b',
      'x'.repeat(1024 * 1024),
    ];

    it('come back as they were, everywhere', async () => {
      for (const text of HOSTILE) {
        const one = submission({ sourceId: text.slice(0, 1000), unused: [text], payload: text, facility: 'H1' });
        const person = patient({ name: [{ text }], identifier: [{ system: 'urn:h', value: text }] });
        const sourceKey = text.slice(0, 500);
        await store.commit({
          submissions: [one],
          resources: [write(person)],
          persons: [{ sourceKey, nikHash: null, patient: 'Patient/x', birthDate: '2000-01-01', sex: 'male', facility: text.slice(0, 500) }],
        });
        expect(await store.submissionPayload(ALL, one.id)).toBe(text);
        expect((await store.submissionsById(ALL, [one.id]))[0]).toMatchObject({ sourceId: one.sourceId, unused: [text] });
        expect((await store.resource(ALL, 'Patient', person.id))?.resource).toMatchObject({ name: [{ text }] });
        expect((await store.persons({ sourceKeys: [sourceKey] }))[0]).toMatchObject({ sourceKey, facility: text.slice(0, 500) });
        expect(await search({ type: 'Patient', filters: [token('identifier', text, 'urn:h'), ids(person)] })).toEqual([person.id]);
        for (const match of ['exact', 'starts', 'contains'] as const) {
          const filters = [{ param: 'name', kind: 'string' as const, values: [text], match }, ids(person)];
          expect(await search({ type: 'Patient', filters }), `${match} ${text.slice(0, 20)}`).toEqual([person.id]);
        }
      }
    });

    it('half a surrogate pair, which no encoding can hold, does not break the write', async () => {
      const person = patient({ name: [{ text: 'a\uD800b' }] });
      const one = submission({ payload: 'a\uD800b', sourceId: '\uDC00' });
      await store.commit({ resources: [write(person)], submissions: [one] });
      expect(await store.submissionPayload(ALL, one.id)).toBe('a\uFFFDb');
      expect((await store.resource(ALL, 'Patient', person.id))?.version).toBe(1);
    });
  });

  it('reads do not wait for a write that goes on', async () => {
    const big = store.commit({ resources: Array.from({ length: 2_000 }, () => write(observation())) });
    let isDone = false;
    const done = big.then(() => {
      isDone = true;
    });
    let reads = 0;
    while (!isDone) {
      await store.ping();
      await store.facilities();
      reads += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
    await done;
    expect(reads).toBeGreaterThan(3);
  });
});

const audit = (action: string) => ({
  at: AT,
  client: 'test',
  action,
  target: null,
  outcome: 'success' as const,
  code: null,
  requestId: null,
  count: 1,
});
