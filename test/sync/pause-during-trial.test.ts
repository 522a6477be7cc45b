import { expect, it } from 'vitest';
import { createPauses, WHOLE_PLATFORM } from '../../src/sync/pauses.ts';

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
    shared: async (_e: string, names?: readonly string[]) => ({
      nowMs,
      entries: [...values]
        .filter(([n]) => names === undefined || names.includes(n))
        .map(([name, entry]) => ({ name, ...entry, updatedAt: '' })),
    }),
    putShared: async (_e: string, name: string, value: string | null, expected: number | null) => {
      if ((values.get(name)?.version ?? null) !== expected) return false;
      last += 1;
      if (value === null) values.delete(name);
      else values.set(name, { value, version: last });
      return true;
    },
  };
}
it('a 429 of the one that tries is an answer of the platform', async () => {
  const store = shared();
  const one = createPauses({
    store,
    environment: 's',
    backoff: { baseMs: 2000, maxMs: 3_600_000 },
    tryMs: 60_000,
    random: () => 0.9,
    ticks: () => store.now(),
  });
  for (const o of ['A', 'B', 'C', 'D', 'E']) await one.learn(o, { kind: 'unavailable' });
  store.advance(5_000);
  expect((await one.view()).platform).toBe('trying');
  expect(await one.tryOne(WHOLE_PLATFORM)).toBe(true);
  await one.learn('A', { kind: 'retry', afterMs: 1_000 });
  store.advance(2_000);
  expect((await one.view()).platform).not.toBe('paused');
});
it('database clock set back', async () => {
  const store = shared();
  let mono = 0;
  const mk = () =>
    createPauses({
      store,
      environment: 's',
      backoff: { baseMs: 2000, maxMs: 3_600_000 },
      tryMs: 60_000,
      random: () => 0.9,
      ticks: () => mono,
    });
  const one = mk();
  for (const o of ['A', 'B', 'C', 'D', 'E']) await one.learn(o, { kind: 'unavailable' });
  store.advance(-3_600_000 + 1000);
  mono += 1000;
  store.advance(600_000);
  mono += 600_000;
  expect((await mk().view()).platform).not.toBe('paused');
});
