import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ClaimQuery, Delivery, DeliverySelection, Store } from '../../src/store/index.ts';
import { forEachEngine } from './engines.ts';
import { ALL, AT, delivery, FUTURE, LATER, only, outcome, submission } from './records.ts';

const ACT = { actor: 'operator', at: LATER, note: 'checked by telephone' };

forEachEngine((engine) => {
  let store: Store;
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
  const trail = async (key: string) =>
    (await store.deliveryTrail(ALL, environment, key)).map(({ action, fromState, toState, reason }) => [
      action,
      fromState,
      toState,
      reason,
    ]);
  const retry = (selection: Partial<DeliverySelection> = {}, context = ALL) =>
    store.retryDeliveries(context, { environment, ...selection }, ACT);
  const cancel = (selection: Partial<DeliverySelection> = {}, context = ALL) =>
    store.cancelDeliveries(context, { environment, ...selection }, ACT);

  describe('trail', () => {
    it('tells each change of state or reason once, whoever made it', async () => {
      await put(delivery('a'));
      expect(await trail('a')).toEqual([]);
      const later = { state: 'ready', reason: 'rate-limited', dueInMs: -1000 } as const;
      await finish(await claimOne(), later);
      await finish(await claimOne(), later);
      const refused = { severity: 'error', code: 'rule-mandatory', rule: '10457', text: { id: 'x', en: 'x' } } as const;
      await finish(await claimOne(), { state: 'failed', reason: 'rule-10457', issues: [refused] });
      expect(await find('a')).toMatchObject({ state: 'failed', rule: 10457 });
      await retry();
      await finish(await claimOne(), { state: 'on-hold', reason: 'identity' });
      await store.releaseHeld({ environment, reasons: ['identity'], actor: 'resolver' });
      await put({ ...delivery('a', { state: 'on-hold', reason: 'validation-pending' }), replace: true });
      await put({ ...delivery('a'), replace: true });
      await finish(await claimOne());
      await store.commit({ deliveryEvents: [{ environment, key: 'a', action: 'seen', actor: 'operator', at: LATER }] });
      expect(await trail('a')).toEqual([
        ['outcome', 'ready', 'ready', 'rate-limited'],
        ['outcome', 'ready', 'failed', 'rule-10457'],
        ['retried', 'failed', 'ready', null],
        ['outcome', 'ready', 'on-hold', 'identity'],
        ['released', 'on-hold', 'ready', null],
        ['replaced', 'ready', 'on-hold', 'validation-pending'],
        ['replaced', 'on-hold', 'ready', null],
        ['outcome', 'ready', 'completed', null],
        ['seen', 'completed', 'completed', null],
      ]);
      const events = await store.deliveryTrail(ALL, environment, 'a');
      expect(events.map(({ actor }) => actor)).toEqual('sync sync operator sync resolver intake intake sync operator'.split(' '));
      expect(events[1]).toMatchObject({ rule: 10457, note: null });
      expect(events[2]).toMatchObject({ rule: null, note: ACT.note, at: LATER });
      expect(await store.deliveryTrail(only('P9'), environment, 'a')).toEqual([]);
      expect(await store.deliveryTrail(only('P1'), environment, 'a')).toHaveLength(9);
    });

    it('of what a new version overtook tells both, and an act on an unknown delivery is a conflict', async () => {
      await put(delivery('a'));
      const sent = await claimOne();
      await put({ ...delivery('a', { state: 'cancelled', reason: 'withdrawn' }), replace: true });
      await finish(sent);
      expect(await trail('a')).toEqual([
        ['outcome', 'ready', 'completed', null],
        ['replaced', 'completed', 'cancelled', 'withdrawn'],
      ]);
      const acts = [{ environment, key: 'none', action: 'seen', actor: 'operator', at: LATER }];
      await expect(store.commit({ deliveryEvents: acts })).rejects.toMatchObject({ code: 'conflict' });
    });

    it('an outcome that is meant for one state leaves the others alone', async () => {
      await put(delivery('a', { state: 'cancelled', reason: 'withdrawn' }));
      await store.commit({ deliveryOutcomes: [outcome('a', { environment, state: 'ready', reason: 'dependency', onlyFrom: 'ready' })] });
      expect(await find('a')).toMatchObject({ state: 'cancelled', reason: 'withdrawn' });
      expect(await trail('a')).toEqual([]);
    });
  });

  describe('selection', () => {
    it('by state, cause, rule, kind, owner, unit, date, key, record; in pages; limited to what one may see', async () => {
      const record = randomUUID();
      const unit = { kind: 'posyandu', name: 'x', supervisor: null, village: null, timeZone: 'Asia/Jakarta', active: true };
      const code = `U-${record}`;
      await store.commit({
        facilities: [{ ...unit, code, puskesmas: 'P1', organization: 'Organization/u', location: `Location/${record}` }],
      });
      await put(
        delivery(`location:Location/${record}`, { kind: 'location', receivedAt: '2026-01-01T00:00:00.000Z' }),
        delivery('there', { dependsOn: [`location:Location/${record}`], receivedAt: '2026-02-01T00:00:00.000Z' }),
        delivery('refused', { state: 'failed', reason: 'rule-10457', receivedAt: '2026-03-01T00:00:00.000Z' }),
        delivery('held', { state: 'on-hold', reason: 'identity', owner: 'P2', submission: record, submissionVersion: 1 }),
      );
      const select = async (selection: Partial<DeliverySelection>, context = ALL) =>
        keys((await store.deliveryPage(context, { environment, ...selection }, { limit: 10 })).deliveries);
      const location = `location:Location/${record}`;
      expect(await select({})).toEqual([location, 'there', 'refused', 'held']);
      expect(await select({ states: ['failed', 'on-hold'] })).toEqual(['refused', 'held']);
      expect(await select({ reasons: ['identity', 'conflict'] })).toEqual(['held']);
      expect(await select({ rule: 10457 })).toEqual(['refused']);
      expect(await select({ kind: 'location' })).toEqual([location]);
      expect(await select({ owner: 'P2' })).toEqual(['held']);
      expect(await select({ facility: 'P2' })).toEqual(['held']);
      expect(await select({ facility: code })).toEqual([location, 'there']);
      expect(await select({ facility: 'none' })).toEqual([]);
      expect(await select({ from: '2026-02-01T00:00:00.000Z', to: '2026-03-01T00:00:00.000Z' })).toEqual(['there']);
      expect(await select({ keys: ['there', 'held', 'none'] })).toEqual(['there', 'held']);
      expect(await select({ submissionId: record })).toEqual(['held']);
      expect(await select({ environment: 'none' })).toEqual([]);
      expect(await select({ states: ['ready'], kind: 'encounter', owner: 'P1' })).toEqual(['there']);
      expect(await select({}, only('P2'))).toEqual(['held']);
      expect(await select({ keys: ['held'] }, only('P1'))).toEqual([]);
      expect(await select({}, only())).toEqual([]);

      const first = await store.deliveryPage(ALL, { environment }, { limit: 3 });
      expect(keys(first.deliveries)).toEqual([location, 'there', 'refused']);
      const second = await store.deliveryPage(ALL, { environment }, { limit: 3, after: first.next as number });
      expect(keys(second.deliveries)).toEqual(['held']);
      expect(second.next).toBeUndefined();
      expect((await find('there')).receivedAt).toBe('2026-02-01T00:00:00.000Z');

      expect(await store.deliveryGroups(only('P1'), environment)).toEqual([
        {
          state: 'failed',
          reason: 'rule-10457',
          rule: 10457,
          kind: 'encounter',
          owner: 'P1',
          count: 1,
          oldest: '2026-03-01T00:00:00.000Z',
        },
        { state: 'ready', reason: null, rule: null, kind: 'encounter', owner: 'P1', count: 1, oldest: '2026-02-01T00:00:00.000Z' },
        { state: 'ready', reason: null, rule: null, kind: 'location', owner: 'P1', count: 1, oldest: '2026-01-01T00:00:00.000Z' },
      ]);
      expect(await store.deliveryGroups(ALL, environment)).toHaveLength(4);
      expect(await store.backlog(environment, only('P1'))).toEqual({
        waiting: 2,
        onHold: 0,
        oldest: { ready: '2026-01-01T00:00:00.000Z', onHold: null },
        completedLastHour: 0,
      });
    });

    it('the backlog counts what waits, what is held, and what was done in the last hour', async () => {
      expect(await store.backlog(environment)).toEqual({
        waiting: 0,
        onHold: 0,
        oldest: { ready: null, onHold: null },
        completedLastHour: 0,
      });
      await put(
        delivery('a', { receivedAt: AT }),
        delivery('b'),
        delivery('c', { state: 'on-hold', reason: 'identity', receivedAt: LATER }),
      );
      await finish(await claimOne(), { at: new Date().toISOString() });
      await claimOne();
      expect(await store.backlog(environment)).toMatchObject({ waiting: 1, onHold: 1, oldest: { onHold: LATER }, completedLastHour: 1 });
      expect(await store.backlog(environment, only('P9'))).toMatchObject({ waiting: 0, completedLastHour: 0 });
    });
  });

  describe('retry', () => {
    it('accounts for every selected one, and keeps the mark of what may be there', async () => {
      await put(
        delivery('failed', { state: 'failed', reason: 'rule-10457' }),
        delivery('held', { state: 'on-hold', reason: 'identity' }),
        delivery('blocked', { state: 'on-hold', reason: 'dependency' }),
        delivery('later', { dueAt: FUTURE }),
        delivery('pending', { state: 'on-hold', reason: 'validation-pending' }),
        delivery('done', { state: 'completed' }),
        delivery('withdrawn', { state: 'cancelled', reason: 'withdrawn' }),
        delivery('unknown', { owner: 'P2' }),
      );
      const unknown = await claimOne();
      await store.markSent(fence(unknown), AT);
      const lost = { severity: 'error', code: 'outcome-unknown', text: { id: 'x', en: 'x' } } as const;
      await finish(unknown, { state: 'on-hold', reason: 'outcome-unknown', outcomeUnknown: true, countAttempt: true, issues: [lost] });
      await put(delivery('sending', { owner: 'P3' }));
      expect(keys(await claim())).toEqual(['sending']);

      const result = await retry();
      expect(result).toEqual({
        selected: 9,
        released: 5,
        left: [
          { key: 'pending', state: 'on-hold', why: 'needs-mending' },
          { key: 'done', state: 'completed', why: 'completed' },
          { key: 'withdrawn', state: 'cancelled', why: 'withdrawn' },
          { key: 'sending', state: 'in-progress', why: 'in-progress' },
        ],
      });
      expect(await find('failed')).toMatchObject({ state: 'ready', reason: null, rule: null, attempts: 0, issues: [] });
      expect(await find('unknown')).toMatchObject({ state: 'ready', reason: 'outcome-unknown', sentAt: AT, attempts: 0, issues: [lost] });
      // What can be looked up is, whatever a person says.
      const said = await store.decideDeliveries(ALL, { environment, keys: ['unknown'] }, ACT, 'not-there');
      expect(said.left).toEqual([{ key: 'unknown', state: 'ready', why: 'nothing-to-decide' }]);
      const claimed = await claim();
      expect(keys(claimed).sort()).toEqual(['blocked', 'failed', 'held', 'later', 'unknown']);
      expect(claimed.find(({ key }) => key === 'unknown')).toMatchObject({ reason: 'outcome-unknown', sentAt: AT });
      expect(await retry({ keys: ['none'] })).toEqual({ selected: 0, released: 0, left: [] });
    });

    it('of another puskesmas is not possible, nor told', async () => {
      await put(delivery('a', { state: 'failed', reason: 'platform-refused', owner: 'P2' }));
      const none = { selected: 0, released: 0, left: [] };
      expect(await retry({}, only('P1'))).toEqual(none);
      expect(await retry({ keys: ['a'] }, only('P1'))).toEqual(none);
      expect(await cancel({ keys: ['a'] }, only('P1'))).toEqual(none);
      expect(await find('a')).toMatchObject({ state: 'failed' });
      expect(await retry({}, only('P2'))).toMatchObject({ selected: 1, released: 1 });
    });

    it('puts the record back, too, if this is its current version', async () => {
      const failed = submission({ state: 'failed', reason: 'platform-refused' });
      const newer = submission({ state: 'failed', reason: 'platform-refused' });
      await store.commit({ submissions: [failed, newer] });
      await store.commit({ submissions: [{ ...newer, version: 2, state: 'failed', reason: 'refused' }] });
      const refused = { state: 'failed', reason: 'platform-refused', submissionVersion: 1 } as const;
      await put(delivery('a', { ...refused, submission: failed.id }), delivery('b', { ...refused, submission: newer.id }));
      expect(await retry()).toMatchObject({ released: 2 });
      const states = new Map((await store.submissionsById(ALL, [failed.id, newer.id])).map((row) => [row.id, row]));
      expect(states.get(failed.id)).toMatchObject({ state: 'ready', reason: null });
      expect(states.get(failed.id)?.story.at(-1)).toEqual({ stage: 'retried', at: LATER });
      expect(states.get(newer.id)).toMatchObject({ state: 'failed', reason: 'refused' });
    });

    it('two at once release each one once', async () => {
      const names = Array.from({ length: 40 }, (_unused, n) => `d${n}`);
      await put(...names.map((key) => delivery(key, { state: 'failed', reason: 'platform-refused' })));
      const results = await Promise.all([retry({ states: ['failed'] }), retry({ states: ['failed'] }), cancel({ states: ['failed'] })]);
      expect(results.reduce((sum, { released }) => sum + released, 0)).toBe(40);
      for (const { selected, released, left } of results) expect(selected).toBe(released + left.length);
      const told = await Promise.all(names.map((key) => trail(key)));
      expect(told.every((events) => events.length === 1)).toBe(true);
    });
  });

  describe('cancel', () => {
    it('leaves what is on the wire or may be there, and can be undone', async () => {
      await put(delivery('sending'));
      const sending = await claimOne();
      await put(delivery('unknown'));
      const unknown = await claimOne();
      await store.markSent(fence(unknown), AT);
      await finish(unknown, { state: 'ready', reason: 'outcome-unknown', outcomeUnknown: true, dueAt: FUTURE });
      await put(
        delivery('done', { state: 'completed' }),
        delivery('failed', { state: 'failed', reason: 'platform-refused' }),
        delivery('new'),
      );
      expect(await cancel()).toEqual({
        selected: 5,
        released: 2,
        left: [
          { key: 'sending', state: 'in-progress', why: 'in-progress' },
          { key: 'unknown', state: 'ready', why: 'outcome-unknown' },
          { key: 'done', state: 'completed', why: 'completed' },
        ],
      });
      expect(await find('new')).toMatchObject({ state: 'cancelled', reason: 'dismissed' });
      expect(await trail('failed')).toEqual([['cancelled', 'failed', 'cancelled', 'dismissed']]);
      expect(await cancel({ keys: ['new'] })).toMatchObject({ released: 0, left: [{ why: 'cancelled' }] });
      expect(await claim()).toEqual([]);
      await finish(sending);
      expect(await retry({ keys: ['new'] })).toMatchObject({ released: 1 });
      expect(keys(await claim())).toEqual(['new']);
    });

    it('cancels the record, which goes on telling its event: what tells the same is still its duplicate', async () => {
      const print = randomUUID();
      const record = submission({ fingerprint: print });
      await store.commit({ submissions: [record] });
      await put(delivery('a', { submission: record.id, submissionVersion: 1 }));
      await cancel();
      expect(await store.submissionsById(ALL, [record.id])).toMatchObject([{ state: 'cancelled', reason: 'dismissed' }]);
      expect(await store.submissionsByFingerprint([print])).toMatchObject([{ id: record.id }]);
      const same = submission({ sourceId: 'k-2', fingerprint: print });
      await expect(store.commit({ submissions: [same] })).rejects.toMatchObject({ code: 'conflict' });
      const duplicate = { ...same, state: 'cancelled', reason: 'duplicate', duplicateOf: record.id } as const;
      await store.commit({ submissions: [duplicate] });
    });

    it('of one of several deliveries of a record lets the others decide', async () => {
      const record = submission({ feed: 'facilities' });
      await store.commit({ submissions: [record] });
      const of = { submission: record.id, submissionVersion: 1 };
      await put(delivery('o', { kind: 'organization', ...of }), delivery('l', { kind: 'location', ...of, state: 'completed' }));
      await put(delivery('m', { kind: 'location', ...of }));
      await cancel({ keys: ['o'] });
      expect(await store.submissionsById(ALL, [record.id])).toMatchObject([{ state: 'ready' }]);
      await cancel({ keys: ['m'] });
      expect(await store.submissionsById(ALL, [record.id])).toMatchObject([{ state: 'completed', reason: null }]);
    });
  });

  describe('priority', () => {
    it('what is fresh goes before the backfill of its owner, whatever came first', async () => {
      const old = { priority: 1, dueAt: '2019-01-01T00:00:00.000Z' } as const;
      await put(delivery('old', old), delivery('older', { ...old, dueAt: '2018-01-01T00:00:00.000Z' }), delivery('fresh'));
      await put(delivery('not yet', { dueAt: FUTURE }));
      expect(keys(await claim())).toEqual(['fresh', 'older', 'old']);
    });

    it('an owner that backfills 1,000 delays neither the fresh ones of another nor its own', async () => {
      const backfill = Array.from({ length: 1_000 }, (_unused, n) => delivery(`old${n}`, { owner: 'A', priority: 1 }));
      await put(...backfill, ...Array.from({ length: 10 }, (_unused, n) => delivery(`b${n}`, { owner: 'B' })));
      await claim({ limit: 4 });
      await put(...Array.from({ length: 6 }, (_unused, n) => delivery(`a${n}`, { owner: 'A' })));
      const taken = keys(await claim({ limit: 12 }));
      expect(taken.filter((key) => /^a\d/.test(key))).toHaveLength(6);
      expect(taken.filter((key) => key.startsWith('b'))).toHaveLength(6);
    });

    it('a fresh visit does not wait in the queue of the backfill that goes before it', async () => {
      const partition = 'Patient/1';
      const backfill = Array.from({ length: 20 }, (_unused, n) => delivery(`old${n}`, { priority: 1 }));
      await put(...backfill, delivery('location:l', { kind: 'location', priority: 1 }), delivery('before', { partition, priority: 1 }));
      await put(delivery('fresh', { partition }), delivery('at l', { dependsOn: ['location:l'] }));
      expect(keys(await claim({ limit: 2 })).sort()).toEqual(['before', 'location:l']);
    });
  });
});
