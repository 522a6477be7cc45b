import { expect, it } from 'vitest';
import { createLimiter } from '../../src/satusehat/limiter.ts';
import { accept, limited, newPace, reserve } from '../../src/satusehat/pace.ts';
import { createOwnState } from '../../src/satusehat/shared-state.ts';

// platform: during storm every 2nd answer is 429 (another system shares the quota); then unlimited
it.each([10, 20, 40])('storm of %s alternating refusals, then free', (n) => {
  let pace = newPace(0);
  let t = 0;
  const one = (ok: boolean) => {
    const r = reserve(pace, t, 8, 100);
    pace = r.pace;
    const p = r.places === 'free' ? t + 20 : (r.places[0] as number);
    t = Math.max(t, p);
    pace = { ...pace, next: Math.min(pace.next, t + (pace.rate ? 1000 / pace.rate : 0)) };
    pace = ok ? accept(pace, t, 1) : limited(pace, t, undefined);
  };
  for (let i = 0; i < 100; i++) one(true);
  const rate0 = 50;
  for (let i = 0; i < n; i++) {
    one(false);
    one(true);
    one(true);
  }
  while (pace.blocks > 0) one(true);
  const end = t;
  let count = 0;
  while ((pace.rate ?? 1e9) < rate0 && t - end < 48 * 3.6e6 && count < 1e6) {
    one(true);
    count++;
  }
  // Within minutes, not hours, it is back where it was.
  expect(pace.rate ?? rate0).toBeGreaterThanOrEqual(rate0);
  expect(t - end).toBeLessThan(15 * 60_000);
});
it('database clock set back by an hour', async () => {
  let mono = 0;
  let skew = 4_000_000_000;
  const waits: number[] = [];
  const state = createOwnState(() => mono + skew);
  const limits = createLimiter({
    shared: state,
    monotonic: () => mono,
    delay: async (ms) => {
      waits.push(ms);
      mono += ms;
    },
    maxConcurrent: 2,
    maxWaitMs: 2000,
    quota: () => ({ requests: 10, perMs: 1000 }),
  });
  for (let i = 0; i < 3; i++) {
    const a = await limits.enter('a');
    if (a.kind === 'go') a.done();
  }
  skew -= 3_600_000;
  mono += 200;
  expect(Math.max(...waits)).toBeLessThan(60_000);
});
