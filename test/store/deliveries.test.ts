import { randomUUID } from 'node:crypto';
import { beforeEach, expect, it } from 'vitest';
import { type ClaimQuery, type Delivery, openStore, type Store } from '../../src/store/index.ts';
import { forEachEngine } from './engines.ts';
import { ALL, AT, delivery, FUTURE, LATER, outcome, submission } from './records.ts';

forEachEngine((engine) => {
  let store: Store;
  /** A queue of its own for each test, in one database. */
  let environment: string;
  beforeEach(async () => {
    store ??= await engine.openFresh();
    environment = randomUUID();
  });

  const put = (...writes: ReturnType<typeof delivery>[]) =>
    store.commit({ deliveries: writes.map((write) => ({ ...write, environment })) });
  const claim = (query: Partial<ClaimQuery> = {}) =>
    store.claimDeliveries({ environment, worker: 'w', limit: 10, leaseMs: 60_000, ...query });
  const keys = (deliveries: readonly Delivery[]) => deliveries.map(({ key }) => key);
  const fence = ({ id, token }: Delivery) => ({ deliveryId: id, token });
  const finish = (one: Delivery, changes: Parameters<typeof outcome>[1] = {}) =>
    store.commit({ deliveryOutcomes: [outcome(one.key, { environment, ...changes })] }, fence(one));
  const find = async (key: string) => {
    const [row] = await store.deliveries({ keys: [key], environment });
    if (!row) throw new Error(`no delivery ${key}`);
    return row;
  };
  const claimOne = async () => {
    const [row, ...rest] = await claim({ limit: 1 });
    if (!row || rest.length > 0) throw new Error('expected one delivery');
    return row;
  };

  it('come back as written; a second write of the same key changes nothing unless it replaces', async () => {
    const one = delivery('a', { environment, dependsOn: ['x', 'y'], dueAt: FUTURE, submission: 's', submissionVersion: 2 });
    await put(one);
    await put({ ...one, owner: 'P9' });
    expect(await find('a')).toMatchObject({ ...one, attempts: 0, token: 0, leaseUntil: null, sentAt: null, issues: [] });
    await put({ ...one, resources: ['Encounter/new'], dependsOn: [], submissionVersion: 3, dueAt: AT, replace: true });
    expect(await find('a')).toMatchObject({ resources: ['Encounter/new'], dependsOn: [], submissionVersion: 3, state: 'ready' });
    expect(await store.deliveries({ submissionId: 's', environment })).toHaveLength(1);
    expect(await store.deliveries({ environment, states: ['failed'] })).toEqual([]);
    expect(await store.deliveryCounts(environment)).toEqual([{ state: 'ready', reason: null, kind: 'encounter', count: 1 }]);
  });

  it('a claim takes what is due and ready, once', async () => {
    await put(delivery('a'), delivery('later', { dueAt: FUTURE }), delivery('held', { state: 'on-hold', reason: 'identity' }));
    const claimed = await claim();
    expect(keys(claimed)).toEqual(['a']);
    expect(claimed[0]).toMatchObject({ state: 'in-progress', reason: null, token: 1 });
    expect(Date.parse(claimed[0]?.leaseUntil ?? '')).toBeGreaterThan(Date.now());
    expect(await claim()).toEqual([]);
    expect(await store.nextDeliveryAt(environment)).toBe(FUTURE);
    expect(await store.nextDeliveryAt('none')).toBeUndefined();
  });

  it('without a time of its own it is due now by the database, whatever the clock of the process that writes it', async () => {
    const { dueAt: _due, ...fresh } = delivery('a');
    await put(fresh);
    const { nowMs } = await store.shared(environment);
    expect(Math.abs(Date.parse((await find('a'))?.dueAt ?? '') - nowMs)).toBeLessThan(5_000);
    expect(keys(await claim())).toEqual(['a']);
    await finish((await find('a')) as Delivery, { state: 'ready', reason: 'platform-unavailable', dueAt: FUTURE });
    await put({ ...fresh, replace: true });
    expect(keys(await claim())).toEqual(['a']);
  });

  it('waits for dependencies; a failed or held one keeps its dependants waiting, also over a third', async () => {
    await put(
      delivery('organization:o', { kind: 'organization' }),
      delivery('location:l', { kind: 'location', dependsOn: ['organization:o'] }),
      delivery('encounter:e', { dependsOn: ['location:l', 'organization:o'] }),
      delivery('encounter:missing', { dependsOn: ['location:none'] }),
    );
    let [one] = await claim();
    expect(one?.key).toBe('organization:o');
    await finish(one as Delivery, { state: 'failed', reason: 'platform-refused' });
    expect(await claim()).toEqual([]);
    expect((await find('encounter:e')).state).toBe('ready');
    expect(await store.nextDeliveryAt(environment)).toBeUndefined();

    await put({ ...delivery('organization:o', { kind: 'organization' }), replace: true });
    [one] = await claim();
    await finish(one as Delivery);
    [one] = await claim();
    expect(one?.key).toBe('location:l');
    await finish(one as Delivery, { state: 'on-hold', reason: 'conflict' });
    expect(await claim()).toEqual([]);
    expect(await store.releaseHeld({ environment, reasons: ['conflict'] })).toBe(1);
    [one] = await claim();
    await finish(one as Delivery);
    expect(keys(await claim())).toEqual(['encounter:e']);
    // What it needs comes after it.
    await put(delivery('location:none', { kind: 'location', state: 'completed' }));
    expect(keys(await claim())).toEqual(['encounter:missing']);
  });

  it('goes in order within a partition; one that is held, failed or waits for a stuck one lets the later ones by', async () => {
    const partition = 'Patient/1';
    await put(...['first', 'second', 'third', 'fourth'].map((key) => delivery(key, { partition })), delivery('other'));
    let claimed = await claim();
    expect(keys(claimed).sort()).toEqual(['first', 'other']);
    const first = claimed.find(({ key }) => key === 'first') as Delivery;
    // To be tried again later: the others still wait for it.
    await finish(first, { state: 'ready', reason: 'rate-limited', dueAt: FUTURE });
    expect(await claim()).toEqual([]);
    await put({ ...delivery('first', { partition, state: 'on-hold', reason: 'identity' }), replace: true });
    claimed = await claim();
    expect(keys(claimed)).toEqual(['second']);
    await finish(claimed[0] as Delivery, { state: 'failed', reason: 'platform-refused' });
    claimed = await claim();
    expect(keys(claimed)).toEqual(['third']);
    // Back in its place: before the fourth, though the third is on its way.
    await store.releaseHeld({ environment, reasons: ['identity'] });
    await finish(claimed[0] as Delivery);
    claimed = await claim();
    expect(keys(claimed)).toEqual(['first']);
    await finish(claimed[0] as Delivery);
    expect(keys(await claim())).toEqual(['fourth']);
  });

  it('a visit that waits for a stuck facility does not hold the later visits of its patient', async () => {
    const partition = 'Patient/2';
    await put(
      delivery('location:stuck', { kind: 'location', state: 'failed', reason: 'platform-refused' }),
      delivery('visit:1', { partition, dependsOn: ['location:stuck'] }),
      delivery('visit:2', { partition }),
    );
    expect(keys(await claim())).toEqual(['visit:2']);
  });

  it('is fair: one of each owner in turn, the longest unserved first; left-out owners are not served', async () => {
    await put(...Array.from({ length: 20 }, (_unused, n) => delivery(`big ${n}`, { owner: 'big', dueAt: AT.replace('2026', '2019') })));
    await put(delivery('b', { owner: 'B' }), delivery('c', { owner: 'C' }), delivery('c2', { owner: 'C' }));
    const owners = (deliveries: readonly Delivery[]) => deliveries.map(({ owner }) => owner);
    expect(owners(await claim({ limit: 3 })).sort()).toEqual(['B', 'C', 'big']);
    await put(delivery('b2', { owner: 'B' }));
    expect(owners(await claim({ limit: 2, exceptOwners: ['C'] })).sort()).toEqual(['B', 'big']);
    // C was not served the last time, so it comes first even with room for one.
    expect(owners(await claim({ limit: 1 }))).toEqual(['C']);
    expect(owners(await claim({ limit: 5 }))).toEqual(['big', 'big', 'big', 'big', 'big']);
    const due = await claim({ limit: 100, exceptOwners: ['big'] });
    expect(due).toEqual([]);
  });

  it('within an owner the longest due goes first', async () => {
    await put(delivery('young', { dueAt: '2021-01-01T00:00:00.000Z' }), delivery('old', { dueAt: '2019-01-01T00:00:00.000Z' }));
    expect(keys(await claim())).toEqual(['old', 'young']);
  });

  it('several workers never hold the same delivery, and all are taken', async () => {
    const stores = engine.name === 'postgres' ? [store, store, store, store] : [store, store];
    await put(...Array.from({ length: 120 }, (_unused, n) => delivery(`d${n}`, { owner: `P${n % 7}`, partition: `p${n % 50}` })));
    const held = new Set<string>();
    const done = new Set<string>();
    await Promise.all(
      stores.map(async (one, n) => {
        for (let idle = 0; idle < 3 && done.size < 120; ) {
          const batch = await one.claimDeliveries({ environment, worker: `w${n}`, limit: 4, leaseMs: 60_000 });
          if (batch.length === 0) idle += 1;
          else idle = 0;
          for (const { key, partition } of batch) {
            expect(held.has(key) || done.has(key), key).toBe(false);
            expect(held.has(partition), `two of ${partition}`).toBe(false);
            held.add(key).add(partition);
          }
          for (const row of batch) {
            held.delete(row.key);
            held.delete(row.partition);
            done.add(row.key);
            await one.commit({ deliveryOutcomes: [outcome(row.key, { environment })] }, fence(row));
          }
        }
      }),
    );
    // A worker may have gone idle while another held the last ones.
    for (let batch = await claim(); batch.length > 0; batch = await claim()) {
      for (const row of batch) {
        done.add(row.key);
        await finish(row);
      }
    }
    expect(done.size).toBe(120);
    expect(await store.deliveryCounts(environment)).toEqual([{ state: 'completed', reason: null, kind: 'encounter', count: 120 }]);
  });

  it('an expired lease is taken again with a higher token; the old holder is fenced off and writes nothing', async () => {
    await put(delivery('a'));
    const [lost] = await claim({ leaseMs: -1000, worker: 'slow' });
    const [taken] = await claim({ worker: 'quick' });
    expect(taken).toMatchObject({ key: 'a', token: 2, reason: null });
    const changes = {
      deliveryOutcomes: [outcome('a', { environment })],
      platformIds: [{ environment, reference: 'Encounter/a', platformId: 'x', platformVersion: null, at: AT }],
    };
    await expect(store.commit(changes, fence(lost as Delivery))).rejects.toMatchObject({ code: 'conflict' });
    await expect(store.markSent(fence(lost as Delivery), AT)).rejects.toMatchObject({ code: 'conflict' });
    expect(await store.platformIds(environment, ['Encounter/a'])).toEqual([]);
    await store.commit(changes, fence(taken as Delivery));
    expect(await find('a')).toMatchObject({ state: 'completed', leaseUntil: null });
    // An outcome is given once.
    await expect(store.commit(changes, fence(taken as Delivery))).rejects.toMatchObject({ code: 'conflict' });
    await expect(store.markSent(fence(taken as Delivery), AT)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('a lease is extended by its holder only, also when it is late', async () => {
    await put(delivery('a'));
    const [late] = await claim({ leaseMs: -1000 });
    expect(await store.extendLease(fence(late as Delivery), 60_000)).toBe(true);
    expect(await claim()).toEqual([]);
    await store.markSent(fence(late as Delivery), AT);
    expect(await store.extendLease(fence({ ...(late as Delivery), token: 9 }), 60_000)).toBe(false);
    await finish(late as Delivery);
    expect(await store.extendLease(fence(late as Delivery), 60_000)).toBe(false);
  });

  it('a holder that is late but not replaced may give its outcome, and may not start to send', async () => {
    await put(delivery('a'));
    const [late] = await claim({ leaseMs: -1000 });
    await expect(store.markSent(fence(late as Delivery), AT)).rejects.toMatchObject({ code: 'conflict' });
    await finish(late as Delivery);
    expect((await find('a')).state).toBe('completed');
  });

  it('what was sent before the crash is taken again with an unknown outcome, until an answer is known', async () => {
    await put(delivery('a'));
    const sent = await claimOne();
    await store.markSent(fence(sent), AT);
    expect((await find('a')).sentAt).toBe(AT);
    await finish(sent, { state: 'ready', reason: 'outcome-unknown', outcomeUnknown: true, countAttempt: true });
    const again = await claimOne();
    expect(again).toMatchObject({ reason: 'outcome-unknown', sentAt: AT, attempts: 1, token: 2 });
    await finish(again, { state: 'ready', reason: 'platform-unavailable', dueAt: FUTURE, countAttempt: true });
    expect(await find('a')).toMatchObject({ sentAt: null, attempts: 2, dueAt: FUTURE, reason: 'platform-unavailable' });

    await put(delivery('b'));
    const [crashed] = await claim({ leaseMs: 60_000 });
    await store.markSent(fence(crashed as Delivery), AT);
    expect(await claim()).toEqual([]);
  });

  it('a new version that comes while the old one is on the wire goes after its outcome', async () => {
    await put(delivery('a'));
    const sent = await claimOne();
    await store.markSent(fence(sent), AT);
    await put({ ...delivery('a', { resources: ['Encounter/a', 'Observation/new'], submissionVersion: 2 }), replace: true });
    expect(await claim()).toEqual([]);
    await finish(sent);
    const next = await claimOne();
    expect(next).toMatchObject({ resources: ['Encounter/a', 'Observation/new'], reason: null, sentAt: null, attempts: 0 });
    // A withdrawal, this time, and the worker dies before it sends.
    await put({ ...delivery('a', { state: 'cancelled', reason: 'withdrawn' }), replace: true });
    expect((await find('a')).state).toBe('in-progress');
    await finish(next, { state: 'failed', reason: 'platform-refused' });
    expect(await find('a')).toMatchObject({ state: 'cancelled', reason: 'withdrawn' });
  });

  it('a version that a dead worker held unsent gives way to the one that replaced it', async () => {
    await put(delivery('a'));
    const [dead] = await claim({ leaseMs: -1000 });
    await put({ ...delivery('a', { state: 'cancelled', reason: 'withdrawn' }), replace: true });
    expect(await claim()).toEqual([]);
    expect(await find('a')).toMatchObject({ state: 'cancelled', reason: 'withdrawn', leaseUntil: null });
    await expect(finish(dead as Delivery)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('taken back while it may be on the wire becomes ready, to be retracted there; else it is as asked', async () => {
    const takenBack = (key: string) =>
      put({ ...delivery(key, { state: 'cancelled', reason: 'withdrawn' }), replace: true, unlessSent: true });
    await put(delivery('a'), delivery('b'));
    const sent = await claimOne();
    await takenBack(sent.key);
    await finish(sent);
    expect(await find(sent.key)).toMatchObject({ state: 'ready', reason: null });
    const other = sent.key === 'a' ? 'b' : 'a';
    await takenBack(other);
    expect(await find(other)).toMatchObject({ state: 'cancelled', reason: 'withdrawn' });
    await put({ ...delivery(sent.key, { state: 'completed' }), replace: true });
    await takenBack(sent.key);
    expect(await find(sent.key)).toMatchObject({ state: 'ready', reason: null });
  });

  it('releases what is held for a reason, with the submissions that wait for the same', async () => {
    const [one, two] = [submission({ state: 'on-hold', reason: 'identity' }), submission({ state: 'on-hold', reason: 'unmapped-code' })];
    await store.commit({ submissions: [one, two] });
    const held = { state: 'on-hold', reason: 'identity', dueAt: FUTURE } as const;
    await put(
      delivery('a', { ...held, submission: one.id }),
      delivery('b', { ...held, owner: 'P2', submission: two.id }),
      delivery('c', { ...held, reason: 'credential-missing' }),
      delivery('d', { ...held, state: 'failed', reason: 'platform-refused' }),
    );
    const release = (query: { owner?: string; keys?: string[] }) =>
      store.releaseHeld({ environment, reasons: ['identity', 'platform-refused'], ...query });
    expect(await release({ owner: 'P9' })).toBe(0);
    expect(await release({ keys: ['c', 'd'] })).toBe(0);
    expect(await release({ owner: 'P1' })).toBe(1);
    expect(await release({})).toBe(1);
    expect(keys(await claim()).sort()).toEqual(['a', 'b']);
    const states = (await store.submissionsById(ALL, [one.id, two.id])).map(({ id, state, reason }) => [id === one.id, state, reason]);
    expect(states).toContainEqual([true, 'ready', null]);
    expect(states).toContainEqual([false, 'on-hold', 'unmapped-code']);
  });

  it('an outcome of an unknown delivery is a conflict', async () => {
    await expect(store.commit({ deliveryOutcomes: [outcome('none', { environment, at: LATER })] })).rejects.toMatchObject({
      code: 'conflict',
    });
  });

  it('processes of their own share one queue', async () => {
    const database = await engine.createDatabase();
    const [one, two] = [await openStore(database), await openStore(database)];
    await one.migrate();
    const writes = Array.from({ length: 60 }, (_unused, n) => delivery(`d${n}`, { owner: `P${n % 3}` }));
    await Promise.all([one.commit({ deliveries: writes.slice(0, 30) }), two.commit({ deliveries: writes.slice(30) })]);
    const query = { environment: 'sandbox', worker: 'w', limit: 5, leaseMs: 60_000 };
    const batches: (readonly Delivery[])[] = [];
    for (let n = 0; n < 12; n += 1) {
      batches.push(...(await Promise.all([one.claimDeliveries(query), two.claimDeliveries(query)])));
    }
    const taken = keys(batches.flat());
    expect(new Set(taken).size).toBe(taken.length);
    expect(taken).toHaveLength(60);
    await one.close();
    await two.close();
  });
});
