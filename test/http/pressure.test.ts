import { describe, expect, it } from 'vitest';
import { createPressure } from '../../src/http/pressure.ts';

function pressed(limit: number, backlog: () => Promise<{ waiting: number }>) {
  let now = 0;
  const waits: number[] = [];
  const pressure = createPressure({
    store: { backlog: async () => ({ ...(await backlog()), oldest: { ready: null, onHold: null }, completedLastHour: 0 }) as never },
    environment: 'sandbox',
    limit,
    monotonic: () => now,
    delay: async (ms) => {
      waits.push(ms);
      now += ms;
    },
  });
  return { pressure, waits, advance: (ms: number) => (now += ms) };
}

describe('back-pressure', () => {
  it('delays by how far the backlog is over its limit, up to two seconds', async () => {
    let waiting = 100;
    const { pressure, waits, advance } = pressed(100, async () => ({ waiting }));
    await pressure();
    expect(waits).toEqual([]);
    for (const [now, wait] of [
      [150, 1_000],
      [200, 2_000],
      [5_000, 2_000],
    ] as const) {
      waiting = now;
      advance(5_000);
      await pressure();
      expect(waits.at(-1)).toBe(wait);
    }
    waiting = 99;
    advance(5_000);
    const before = waits.length;
    await pressure();
    expect(waits.length).toBe(before);
  });

  it('asks seldom, holds up nobody when it cannot ask, and never when it is switched off', async () => {
    let asked = 0;
    const some = pressed(100, async () => {
      asked += 1;
      throw new Error('no store');
    });
    for (let n = 0; n < 10; n += 1) await some.pressure();
    expect([asked, some.waits]).toEqual([1, []]);
    const off = pressed(0, async () => {
      asked += 1;
      return { waiting: 1e9 };
    });
    await off.pressure();
    expect([asked, off.waits]).toEqual([1, []]);
  });
});
