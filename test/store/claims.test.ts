import { randomUUID } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { sql } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { waitingQuery } from '../../src/store/claims.ts';
import type { Engine } from '../../src/store/engine.ts';
import { type ClaimQuery, type Delivery, openStore, type Store } from '../../src/store/index.ts';
import { openPostgres } from '../../src/store/postgres/engine.ts';
import { openSqlite } from '../../src/store/sqlite/engine.ts';
import { forEachEngine } from './engines.ts';
import { ALL, AT, delivery, FUTURE, outcome, PAST, submission } from './records.ts';

const HOUR = 3_600_000;

forEachEngine((engine) => {
  let database: string;
  let store: Store;
  /** Another process's connection. */
  let other: Store;
  let environment: string;
  beforeAll(async () => {
    database = await engine.createDatabase();
    [store, other] = [await openStore(database), await openStore(database)];
    await store.migrate();
  });
  afterAll(async () => {
    await store.close();
    await other.close();
  });
  beforeEach(() => {
    environment = randomUUID();
  });

  /** What no program does, as if it had happened: a step of the database's clock is a step of all that it timed. */
  const behind = async (statement: string) => {
    if (engine.name === 'sqlite') {
      const raw = new DatabaseSync(database, { timeout: 5_000 });
      raw.exec(statement);
      raw.close();
    } else {
      const raw = new pg.Client(database);
      await raw.connect();
      await raw.query(statement);
      await raw.end();
    }
  };
  const put = (writes: readonly ReturnType<typeof delivery>[], by = store) =>
    by.commit({ deliveries: writes.map((write) => ({ ...write, environment })) });
  const claim = (query: Partial<ClaimQuery> = {}, by = store) =>
    by.claimDeliveries({ environment, worker: 'w', limit: 10, leaseMs: 60_000, ...query });
  const keys = (deliveries: readonly Delivery[]) => deliveries.map(({ key }) => key);
  const fence = ({ id, token }: Delivery) => ({ deliveryId: id, token });
  const finish = (one: Delivery, changes: Parameters<typeof outcome>[1] = {}, by = store) =>
    by.commit({ deliveryOutcomes: [outcome(one.key, { environment, ...changes })] }, fence(one));
  const find = async (key: string) => {
    const [row] = await store.deliveries({ keys: [key], environment });
    if (!row) throw new Error(`no delivery ${key}`);
    return row;
  };

  describe('a step of the database’s clock', () => {
    const step = (ms: number) =>
      behind(`update delivery set lease_until_ms = lease_until_ms - ${ms} where environment = '${environment}' and state = 'in-progress'`);

    it('forward: the lease is lost early, and its holder can write nothing once another has it', async () => {
      await put([delivery('a')]);
      const [holder] = await claim();
      await store.markSent(fence(holder as Delivery), AT);
      await step(HOUR);
      // Not to be put on the wire again by the first, and not yet another's.
      await expect(store.markSent(fence(holder as Delivery), AT)).rejects.toMatchObject({ code: 'conflict' });
      const [next] = await claim({}, other);
      expect(next).toMatchObject({ key: 'a', token: 2, reason: 'outcome-unknown', sentAt: AT });
      const changes = {
        submissions: [submission()],
        platformIds: [{ environment, reference: 'Encounter/a', platformId: 'x', platformVersion: null, at: AT }],
        deliveries: [{ ...delivery('b'), environment }],
        deliveryOutcomes: [outcome('a', { environment })],
        deliveryEvents: [{ environment, key: 'a', action: 'x', actor: 'x', at: AT }],
      };
      await expect(store.commit(changes, fence(holder as Delivery))).rejects.toMatchObject({ code: 'conflict' });
      expect(await store.extendLease(fence(holder as Delivery), 60_000)).toBe(false);
      expect(await store.submissionsById(ALL, [changes.submissions[0]?.id ?? ''])).toEqual([]);
      expect(await store.platformIds(environment, ['Encounter/a'])).toEqual([]);
      expect(await store.deliveries({ environment, keys: ['b'] })).toEqual([]);
      expect(await store.deliveryTrail(ALL, environment, 'a')).toEqual([]);
      await finish(next as Delivery, {}, other);
      expect((await find('a')).state).toBe('completed');
    });

    it('back: nothing is given out twice, and what is due soon counts from now', async () => {
      await put([delivery('a'), delivery('b')]);
      const held = await claim();
      await step(-HOUR);
      expect(await claim({}, other)).toEqual([]);
      for (const row of held) await finish(row, { state: 'ready', reason: 'rate-limited', dueInMs: 0 });
      expect(keys(await claim({}, other)).sort()).toEqual(['a', 'b']);
    });

    it('of a worker’s own clock does not move a next try that is said as a span', async () => {
      await put([delivery('a')]);
      const [row] = await claim();
      await finish(row as Delivery, { state: 'ready', reason: 'rate-limited', dueInMs: 60_000, at: FUTURE });
      const due = Date.parse((await find('a')).dueAt) - (await store.shared(environment)).nowMs;
      expect(due).toBeGreaterThan(50_000);
      expect(due).toBeLessThanOrEqual(60_000);
    });
  });

  describe('what stops and what is added at the same moment', () => {
    const location = (name: string, changes: Parameters<typeof delivery>[1] = {}) => delivery(name, { kind: 'location', ...changes });

    it('never leaves a dependant waiting for ever', async () => {
      for (let round = 0; round < 6; round += 1) {
        const needed = `location:${round}`;
        await put([location(needed)]);
        const [held] = await claim({ limit: 1 });
        const dependants = [delivery(`x${round}`, { dependsOn: [needed] }), delivery(`y${round}`, { dependsOn: [needed] })];
        const ends = round % 2 === 0 ? {} : ({ state: 'failed', reason: 'platform-refused' } as const);
        await Promise.all([finish(held as Delivery, ends), ...dependants.map((write) => put([write], other))]);
        if (round % 2 === 1) {
          expect(await claim()).toEqual([]);
          const at = AT;
          await Promise.all([
            store.retryDeliveries(ALL, { environment, keys: [needed] }, { actor: 'x', at }),
            put([delivery(`z${round}`, { dependsOn: [needed] })], other),
          ]);
          const [again] = await claim();
          await finish(again as Delivery);
        }
        const free = await claim();
        expect(keys(free).sort()).toEqual([`x${round}`, `y${round}`, ...(round % 2 === 1 ? [`z${round}`] : [])]);
        for (const row of free) expect(row).toMatchObject({ reason: null });
        for (const row of free) await finish(row);
      }
    });

    it('a dependant says what it waits for, whoever came first, through others, and until it need not', async () => {
      const record = submission();
      await store.commit({ submissions: [record] });
      await put([
        location('l'),
        delivery('before', { dependsOn: ['l'], submission: record.id, submissionVersion: 1 }),
        delivery('through', { dependsOn: ['before'] }),
      ]);
      const [held] = await claim();
      await finish(held as Delivery, { state: 'failed', reason: 'rule-10457' });
      await put([delivery('after', { dependsOn: ['l'] }), delivery('through it', { dependsOn: ['after'] }), delivery('free')]);
      for (const key of ['before', 'through', 'after', 'through it']) {
        const row = await find(key);
        expect(row, key).toMatchObject({ state: 'ready', reason: 'dependency', issues: [{ code: 'dependency-blocked' }] });
        expect(row.issues[0]?.text.en, key).toContain('l');
      }
      expect(await find('free')).toMatchObject({ reason: null });
      expect(await store.submissionsById(ALL, [record.id])).toMatchObject([{ state: 'ready', reason: 'dependency' }]);

      await store.retryDeliveries(ALL, { environment, keys: ['l'] }, { actor: 'x', at: AT });
      for (const key of ['before', 'through', 'after', 'through it'])
        expect(await find(key), key).toMatchObject({ reason: null, issues: [] });
      expect(await store.submissionsById(ALL, [record.id])).toMatchObject([{ state: 'ready', reason: null }]);

      await store.cancelDeliveries(ALL, { environment, keys: ['l'] }, { actor: 'x', at: AT });
      expect(await find('through')).toMatchObject({ state: 'ready', reason: 'dependency' });
      const actions = (await store.deliveryTrail(ALL, environment, 'through')).map(({ action, reason }) => [action, reason]);
      expect(actions).toEqual([
        ['dependency', 'dependency'],
        ['dependency', null],
        ['dependency', 'dependency'],
      ]);
    });

    it('one whose own answer is lost keeps saying that', async () => {
      await put([delivery('a', { dependsOn: ['l'] }), location('l', { state: 'completed' })]);
      const [row] = await claim();
      await store.markSent(fence(row as Delivery), AT);
      await finish(row as Delivery, { state: 'ready', reason: 'outcome-unknown', outcomeUnknown: true });
      await put([{ ...location('l', { state: 'failed', reason: 'platform-refused' }), replace: true }]);
      expect(await find('a')).toMatchObject({ reason: 'outcome-unknown', sentAt: AT });
    });
  });

  it('is fair: owners with work get the same share, fresh before backfill, whatever the mixture', async () => {
    const mixture = fc.array(fc.record({ fresh: fc.nat(6), old: fc.nat(12) }), { minLength: 2, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(mixture, fc.integer({ min: 1, max: 7 }), async (owners, limit) => {
        environment = randomUUID();
        const writes = owners.flatMap(({ fresh, old }, n) => [
          ...Array.from({ length: old }, (_unused, k) => delivery(`o${n}/${k}`, { owner: `P${n}`, priority: 1, dueAt: PAST })),
          ...Array.from({ length: fresh }, (_unused, k) => delivery(`f${n}/${k}`, { owner: `P${n}` })),
        ]);
        await put(writes);
        const left = owners.map(({ fresh, old }) => ({ fresh, old }));
        const served = owners.map(() => 0);
        for (;;) {
          const waiting = left.map(({ fresh, old }) => fresh + old > 0);
          const taken = await claim({ limit });
          if (taken.length === 0) break;
          const now = owners.map(() => 0);
          for (const { key, owner } of taken) {
            const n = Number(owner.slice(1));
            const mine = left[n] as (typeof left)[number];
            if (key.startsWith('f')) mine.fresh -= 1;
            else {
              expect(mine.fresh, 'an old one before a fresh one of its owner').toBe(0);
              mine.old -= 1;
            }
            now[n] = (now[n] ?? 0) + 1;
            served[n] = (served[n] ?? 0) + 1;
          }
          // Within a claim no owner that still has work is two behind another.
          const rich = now.filter((_count, n) => waiting[n] && (left[n]?.fresh ?? 0) + (left[n]?.old ?? 0) > 0);
          if (rich.length > 0) expect(Math.max(...now) - Math.min(...rich)).toBeLessThanOrEqual(1);
        }
        expect(served).toEqual(owners.map(({ fresh, old }) => fresh + old));
      }),
      { numRuns: engine.name === 'sqlite' ? 8 : 4 },
    );
  });

  it('gives places to those who have the fewest in hand', async () => {
    const writes = ['A', 'B', 'C'].flatMap((owner) => Array.from({ length: 6 }, (_unused, n) => delivery(`${owner}${n}`, { owner })));
    await put(writes);
    const owners = (deliveries: readonly Delivery[]) => deliveries.map(({ owner }) => owner).sort();
    expect(owners(await claim({ limit: 4, serving: { A: 3, C: 1 } }))).toEqual(['B', 'B', expect.stringMatching(/[BC]/), 'C']);
    expect(owners(await claim({ limit: 3, serving: { B: 9, C: 9, gone: 4 } }))).toEqual(['A', 'A', 'A']);
    expect(owners(await claim({ limit: 20, serving: { A: 9 } }))).toHaveLength(11);
  });

  it('a claim reads the index of what may go, in its order, and nothing else', async () => {
    const opened: Engine = engine.name === 'sqlite' ? await openSqlite(database) : openPostgres(database);
    const numbers =
      engine.name === 'sqlite'
        ? 'with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < 5000)'
        : 'with numbers as (select generate_series(1, 5000) as n)';
    await behind(`${numbers} insert into delivery (id, environment, delivery_key, kind, owner, partition_key, resources, depends_on, state, issues,
        due_ms, attempts, token, updated_at, dependency, preceded, priority, received_ms)
      select 1000000 + n, '${environment}', 'plan ' || n, 'encounter', 'P' || (n % 20), 'plan ' || n, '[]', '[]', 'ready', '[]',
        n, 0, 0, '${AT}', 0, 0, n % 2, n from numbers`);
    await behind('analyze');
    const query = waitingQuery(opened.dialect, { environment, exceptOwners: ['P1'], now: Date.now(), limit: 8 });
    if (engine.name === 'sqlite') {
      const { rows } = await sql<{ detail: string }>`explain query plan ${query}`.execute(opened.reader);
      const steps = rows.map(({ detail }) => detail).filter((detail) => / d\b/.test(detail));
      expect(steps).toHaveLength(2);
      for (const step of steps) {
        expect(step).toBe('SEARCH d USING INDEX delivery_claimable (environment=? AND owner=? AND priority=? AND due_ms<?)');
      }
    } else {
      const { rows } = await sql<Record<string, string>>`explain ${query}`.execute(opened.reader);
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
      expect(plan.match(/Index (Only )?Scan using delivery_claimable on delivery d/g), plan).toHaveLength(2);
      expect(plan).not.toContain('Seq Scan on delivery d');
      // Both priorities together are sorted, a handful of rows; what is read of each comes in order.
      expect(plan.match(/Sort Key/g)?.length, plan).toBeLessThanOrEqual(2);
    }
    await opened.close();
  });
});
