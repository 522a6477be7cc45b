import { describe, expect, it } from 'vitest';
import { accept, limited, newPace, readPace, reserve } from '../../src/satusehat/pace.ts';
import { type Allowance, judge, simulate, type World } from './pace-world.ts';

const seeded = (seed: number) => {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
};

const SECOND = { requests: 50, perMs: 1_000 };
const forms: readonly Pick<World, 'window' | 'retryAfter' | 'processes'>[] = (['fixed', 'sliding'] as const).flatMap((window) =>
  [true, false].flatMap((retryAfter) => [1, 4].map((processes) => ({ window, retryAfter, processes }))),
);
const titles = forms.map((form) => ({
  ...form,
  title: `${form.window} window, ${form.retryAfter ? 'with' : 'without'} Retry-After, ${form.processes} processes`,
}));

describe('the pace of a client, before a platform that counts (virtual time)', () => {
  it.each(titles)('$title: a told quota is used to 97 %, with hardly a 429', (form) => {
    const allowances: Allowance[] = [{ ...SECOND, fromMs: 0 }];
    const seen = simulate({ ...form, allowances, untilMs: 60_000, told: SECOND, wayMs: 5 }, seeded(1));
    const { efficiency, refused } = judge(seen, allowances, 0, 60_000);
    expect(efficiency).toBeGreaterThan(0.97);
    expect(refused).toBeLessThan(0.01);
  });

  it.each(titles)('$title: an unknown quota is found, and what the platform refuses meanwhile stays little', (form) => {
    const allowances: Allowance[] = [{ ...SECOND, fromMs: 0 }];
    const seen = simulate({ ...form, allowances, untilMs: 180_000 }, seeded(2));
    const first = judge(seen, allowances, 0, 60_000);
    const later = judge(seen, allowances, 60_000, 180_000);
    expect(first.efficiency).toBeGreaterThan(0.75);
    expect(first.refused).toBeLessThan(0.05);
    expect(later.efficiency).toBeGreaterThan(form.window === 'fixed' ? 0.87 : 0.85);
    expect(later.refused).toBeLessThan(0.02);
  });

  it.each(titles)('$title: a quota that falls or rises unannounced is followed', (form) => {
    for (const requests of [20, 120]) {
      const allowances: Allowance[] = [
        { ...SECOND, fromMs: 0 },
        { requests, perMs: 1_000, fromMs: 60_000 },
      ];
      const seen = simulate({ ...form, allowances, untilMs: 240_000 }, seeded(3));
      expect(judge(seen, allowances, 60_000, 120_000).refused).toBeLessThan(0.065);
      const { efficiency, refused } = judge(seen, allowances, 0, 240_000);
      expect(efficiency).toBeGreaterThan(form.window === 'fixed' ? 0.8 : 0.75);
      expect(refused).toBeLessThan(0.04);
    }
  });

  it('a window of a minute is found too', () => {
    const allowances: Allowance[] = [{ requests: 300, perMs: 60_000, fromMs: 0 }];
    const seen = simulate({ window: 'fixed', retryAfter: true, processes: 4, allowances, untilMs: 600_000 }, seeded(4));
    const { efficiency, refused } = judge(seen, allowances, 0, 600_000);
    expect(efficiency).toBeGreaterThan(0.9);
    expect(refused).toBeLessThan(0.03);
  });

  it('a storm of 429s that has nothing to do with the rate is over soon after it is over', () => {
    for (const told of [undefined, { requests: 200, perMs: 1_000 }]) {
      const allowances: Allowance[] = [
        { requests: 200, perMs: 1_000, fromMs: 0 },
        { requests: 1, perMs: 1_500, fromMs: 1_000 },
        { requests: 200, perMs: 1_000, fromMs: 2_500 },
        { requests: 1, perMs: 1_500, fromMs: 20_000 },
        { requests: 200, perMs: 1_000, fromMs: 21_500 },
      ];
      const world = { window: 'fixed', retryAfter: false, processes: 4, allowances, untilMs: 60_000, ...(told && { told }) } as const;
      const seen = simulate(world, seeded(6));
      expect(judge(seen, allowances, 12_000, 20_000).efficiency).toBeGreaterThan(0.5);
      expect(judge(seen, allowances, 30_000, 60_000).efficiency).toBeGreaterThan(0.65);
    }
  });

  it.each([1, 4])('among storms that begin all the time the pace does not stay low (%i processes)', (processes) => {
    const allowances: Allowance[] = [{ requests: 200, perMs: 5_000, fromMs: 0 }];
    const noise = { share: 0.004, spellMs: [200, 1_500], retryAfterS: 1 } as const;
    const world: World = { window: 'sliding', retryAfter: false, processes, allowances, untilMs: 300_000, noise };
    const runs = Array.from({ length: 12 }, (_unused, n) => simulate(world, seeded(n + 1)));
    const spans = runs.flatMap((seen) =>
      Array.from({ length: 14 }, (_unused, n) => judge(seen, allowances, 10_000 + n * 20_000, 30_000 + n * 20_000).efficiency),
    );
    expect(Math.min(...spans)).toBeGreaterThan(0.2);
    const whole = runs.map((seen) => judge(seen, allowances, 0, 300_000).efficiency);
    expect(whole.reduce((sum, one) => sum + one, 0) / whole.length).toBeGreaterThan(0.75);
  });

  it('without any limit nothing waits', () => {
    const seen = simulate(
      {
        window: 'fixed',
        retryAfter: true,
        processes: 2,
        allowances: [{ requests: 1e9, perMs: 1_000, fromMs: 0 }],
        untilMs: 5_000,
        wayMs: 5,
      },
      seeded(5),
    );
    expect(seen.length).toBeGreaterThan(5_000);
  });
});

describe('a pace', () => {
  it('takes answers that were under way with the first 429 as one lesson, but believes the longest wait', () => {
    const stopped = limited(newPace(0), 1_000, undefined);
    const again = limited(stopped, 1_010, 3_000);
    expect(again.blocks).toBe(1);
    expect(again.blockedUntil).toBe(4_010);
    expect(limited(again, 1_020, 10).blockedUntil).toBe(4_010);
  });

  it('an acceptance that was under way when the block began does not end it', () => {
    const stopped = limited(newPace(0), 1_000, 2_000);
    expect(accept(stopped, 1_005, 3)).toMatchObject({ blocks: 1, accepted: 3 });
    expect(accept(stopped, 3_001, 1)).toMatchObject({ blocks: 0, blockedUntil: 0 });
  });

  it('what was given away before a block is not given away again after it', () => {
    const told = newPace(0, { requests: 10, perMs: 1_000 });
    const places = Array.from({ length: 6 }, () => 0).reduce<{ pace: typeof told; last: number }>(
      ({ pace }) => {
        const taken = reserve(pace, 0, 1, 100);
        return { pace: taken.pace, last: (taken.places as number[])[0] as number };
      },
      { pace: told, last: 0 },
    );
    const free = accept(limited(places.pace, 100, 50), 160, 1);
    expect(free.blocks).toBe(0);
    expect((reserve(free, 160, 1, 100).places as number[])[0]).toBeGreaterThan(places.last);
  });

  it('goes singly while nobody knows whether the block is over', () => {
    const stopped = limited(newPace(0), 1_000, 500);
    const { pace, places } = reserve(stopped, 1_000, 10, 100);
    expect(places).toEqual([1_500]);
    expect(reserve(pace, 1_000, 10, 100).places).not.toEqual([1_500]);
  });

  it('gives each place once, none far ahead, and does not hurry after a rest', () => {
    const told = newPace(0, { requests: 100, perMs: 1_000 });
    const first = reserve(told, 0, 50, 100);
    const second = reserve(first.pace, 0, 50, 100);
    const places = [...(first.places as number[]), ...(second.places as number[])];
    expect(first.places.length).toBe(9);
    expect(second.places.length).toBe(1);
    expect(new Set(places).size).toBe(places.length);
    for (let n = 1; n < places.length; n += 1) expect((places[n] as number) - (places[n - 1] as number)).toBeCloseTo(1_000 / 98.5, 6);
    expect((reserve(second.pace, 60_000, 50, 100).places as number[])[0]).toBe(60_000);
    expect((reserve(second.pace, 60_000, 50, 100).places as number[]).length).toBe(9);
  });

  it('is begun anew where what is stored is broken, foreign or long out of use', () => {
    const quota = { requests: 10, perMs: 1_000 };
    const kept = JSON.stringify({ ...newPace(0), rate: 5, held: 5 });
    expect(readPace(kept, 1_000)).toMatchObject({ rate: 5 });
    // Learnt is truer than told; told that is not told any more is not.
    expect(readPace(kept, 1_000, quota)).toMatchObject({ rate: 5, told: false });
    expect(readPace(JSON.stringify(newPace(0, quota)), 1_000)).toEqual(newPace(1_000));
    expect(readPace(JSON.stringify(newPace(0, quota)), 1_000, { requests: 5, perMs: 1_000 })).toEqual(
      newPace(1_000, { requests: 5, perMs: 1_000 }),
    );
    for (const text of ['', '{', 'null', '[]', '{"rate":1}', kept.replace('"next":0', '"next":"x"'), kept.replace('"rate":5', '"rate":-5')])
      expect(readPace(text, 1_000)).toEqual(newPace(1_000));
    expect(readPace(kept, 7 * 3_600_000)).toEqual(newPace(7 * 3_600_000));
  });
});
