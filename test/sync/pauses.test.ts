import { describe, expect, it } from 'vitest';
import { createPauses, WHOLE_PLATFORM } from '../../src/sync/pauses.ts';

/** The store's shared values, with the database's clock. */
function shared() {
  const values = new Map<string, { value: string; version: number }>();
  let nowMs = 1_000_000;
  let last = 0;
  return {
    advance: (ms: number) => {
      nowMs += ms;
    },
    now: () => nowMs,
    values,
    shared: async (_environment: string, names?: readonly string[]) => ({
      nowMs,
      entries: [...values]
        .filter(([name]) => names === undefined || names.includes(name))
        .map(([name, entry]) => ({ name, ...entry, updatedAt: '' })),
    }),
    putShared: async (_environment: string, name: string, value: string | null, expected: number | null) => {
      if ((values.get(name)?.version ?? null) !== expected) return false;
      last += 1;
      if (value === null) values.delete(name);
      else values.set(name, { value, version: last });
      return true;
    },
  };
}

function process(store: ReturnType<typeof shared>) {
  return createPauses({
    store,
    environment: 'sandbox',
    backoff: { baseMs: 2_000, maxMs: 3_600_000 },
    tryMs: 60_000,
    random: () => 0.999,
    // The clock of another machine.
    ticks: () => store.now() - 777,
  });
}

const DOWN = { kind: 'unavailable' } as const;
const DENIED = { kind: 'unauthorised', issues: [], afterMs: 60_000 } as const;

describe('pauses', () => {
  it('one failure of the network stops nobody; five in a row, of whomever, stop all processes', async () => {
    const store = shared();
    const [one, two] = [process(store), process(store)];
    for (const owner of ['A', 'B', 'C', 'A']) expect(await one.learn(owner, DOWN)).toBeUndefined();
    expect((await two.view()).platform).toBe('open');
    expect(await two.learn('D', DOWN)).toBeGreaterThan(0);
    store.advance(500);
    expect((await one.view()).platform).toBe('paused');
    expect((await two.view()).platform).toBe('paused');
  });

  it('an answer in between begins the count anew', async () => {
    const store = shared();
    const one = process(store);
    for (let n = 0; n < 4; n += 1) await one.learn('A', DOWN);
    await one.learn('A', { kind: 'delivered' });
    for (let n = 0; n < 4; n += 1) expect(await one.learn('A', DOWN)).toBeUndefined();
  });

  it('after a pause one delivery of one process tries; what it finds decides for all, longer each time', async () => {
    const store = shared();
    const [one, two] = [process(store), process(store)];
    for (let n = 0; n < 5; n += 1) await one.learn('A', DOWN);
    store.advance(2_000);
    expect((await one.view()).platform).toBe('trying');
    expect((await two.view()).platform).toBe('trying');
    expect(await one.tryOne(WHOLE_PLATFORM)).toBe(true);
    expect(await two.tryOne(WHOLE_PLATFORM)).toBe(false);
    store.advance(500);
    expect((await two.view()).platform).toBe('paused');
    const again = await one.learn('A', DOWN);
    expect(again).toBeGreaterThan(3_000);
    store.advance(4_000);
    expect(await two.tryOne(WHOLE_PLATFORM)).toBe(true);
    await two.learn('B', { kind: 'delivered' });
    store.advance(500);
    expect((await one.view()).platform).toBe('open');
    expect(store.values.size).toBe(0);
  });

  it('the right to try is given back, or is free again when who had it died', async () => {
    const store = shared();
    const [one, two] = [process(store), process(store)];
    await one.learn('A', DENIED);
    store.advance(60_000);
    expect(await one.tryOne('A')).toBe(true);
    await one.giveBack('A');
    expect(await two.tryOne('A')).toBe(true);
    store.advance(59_999);
    expect(await one.tryOne('A')).toBe(false);
    store.advance(1);
    expect(await one.tryOne('A')).toBe(true);
  });

  it('a client that is not accepted pauses alone, in every process, up to a quarter of an hour', async () => {
    const store = shared();
    const [one, two] = [process(store), process(store)];
    const waits: number[] = [];
    for (let n = 0; n < 7; n += 1) {
      waits.push((await one.learn('A', DENIED)) ?? 0);
      store.advance(waits.at(-1) as number);
    }
    expect(waits).toEqual([60_000, 120_000, 240_000, 480_000, 900_000, 900_000, 900_000]);
    await one.learn('A', DENIED);
    store.advance(500);
    expect(await two.view()).toEqual({ paused: ['A'], trying: [], platform: 'open' });
  });

  it('several that were on the way together are one lesson', async () => {
    const store = shared();
    const one = process(store);
    expect(await one.learn('A', DENIED)).toBe(60_000);
    store.advance(10_000);
    expect(await one.learn('A', DENIED)).toBe(50_000);
  });

  it('a 429 frees the places of its process, and writes nothing', async () => {
    const store = shared();
    const one = process(store);
    expect(await one.learn('A', { kind: 'retry', afterMs: 3_000 })).toBe(3_000);
    expect((await one.view()).paused).toEqual(['A']);
    expect(store.values.size).toBe(0);
    store.advance(3_000);
    expect((await one.view()).paused).toEqual([]);
  });

  it('a refusal for its content says that the platform works; nonsense among the shared values says nothing', async () => {
    const store = shared();
    const one = process(store);
    await store.putShared('sandbox', `pause:${WHOLE_PLATFORM}`, 'nonsense', null);
    expect((await one.view()).platform).toBe('open');
    for (let n = 0; n < 5; n += 1) await one.learn('A', DOWN);
    await one.learn('B', { kind: 'refused', issues: [] });
    store.advance(500);
    expect((await one.view()).platform).toBe('open');
  });

  it('one that tried and learnt nothing gives the right back: its answer may have been lost', async () => {
    const store = shared();
    const one = process(store);
    for (const owner of ['A', 'B', 'C', 'D', 'E']) await one.learn(owner, DOWN);
    store.advance(400_000);
    expect((await one.view()).platform).toBe('trying');
    expect(await one.tryOne(WHOLE_PLATFORM)).toBe(true);
    expect(await one.tryOne(WHOLE_PLATFORM)).toBe(false);
    await one.learn('A', { kind: 'unknown' });
    expect(await one.tryOne(WHOLE_PLATFORM)).toBe(true);
  });
});
