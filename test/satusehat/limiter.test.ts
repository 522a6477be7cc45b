import { describe, expect, it } from 'vitest';
import { createLimiter, type LimiterOptions } from '../../src/satusehat/limiter.ts';
import { createOwnState } from '../../src/satusehat/shared-state.ts';
import { simulateLimiters } from './limiter-world.ts';
import { judge } from './pace-world.ts';
import { virtualTime } from './virtual-time.ts';

function limiter(options: Partial<LimiterOptions> = {}, time = virtualTime()) {
  return {
    time,
    limits: createLimiter({
      shared: createOwnState(time.clock),
      monotonic: time.clock,
      delay: time.delay,
      maxConcurrent: 2,
      maxWaitMs: 2_000,
      ...options,
    }),
  };
}

async function go(entered: ReturnType<ReturnType<typeof createLimiter>['enter']>): Promise<() => void> {
  const turn = await entered;
  if (turn.kind !== 'go') throw new Error('had to wait');
  return turn.done;
}

const QUOTA = { requests: 10, perMs: 1_000 };

describe('createLimiter', () => {
  it('lets no more through at once than allowed, first come first served, and each client on its own', async () => {
    const { limits } = limiter();
    const first = await go(limits.enter('a'));
    await go(limits.enter('a'));
    const order: string[] = [];
    const third = go(limits.enter('a')).then((done) => {
      order.push('third');
      return done;
    });
    const fourth = go(limits.enter('a')).then(() => order.push('fourth'));
    await go(limits.enter('b'));
    expect(order).toEqual([]);
    first();
    first();
    (await third)();
    await fourth;
    expect(order).toEqual(['third', 'fourth']);
  });

  it('keeps the distance of a told quota, alone and with others', async () => {
    const { limits, time } = limiter({ quota: () => QUOTA, maxConcurrent: 20 });
    const start = time.clock();
    for (let each = 0; each < 20; each += 1) await go(limits.enter('a'));
    const took = time.clock() - start;
    expect(took).toBeGreaterThanOrEqual(1_900);
    expect(took).toBeLessThan(2_000);

    const two = virtualTime();
    const shared = createOwnState(two.clock);
    const both = [1, 2].map(() => limiter({ shared, quota: () => QUOTA, maxConcurrent: 20 }, two).limits);
    const began = two.clock();
    for (let each = 0; each < 10; each += 1) for (const limits of both) await go(limits.enter('a'));
    expect(two.clock() - began).toBeGreaterThanOrEqual(1_900);
  });

  it('waits out a Retry-After: for a short one inside, for a long one the caller is told', async () => {
    const { limits, time } = limiter();
    expect(await limits.limited('a', 1_500)).toBe(1_500);
    const start = time.clock();
    (await go(limits.enter('a')))();
    expect(time.clock() - start).toBe(1_500);
    await limits.succeeded('a');
    await limits.limited('a', 60_000);
    expect(await limits.enter('a')).toEqual({ kind: 'retry', afterMs: 60_000 });
    expect((await limits.enter('b')).kind).toBe('go');
  });

  it('a block that one process met stops the others, also those that wait already', async () => {
    const time = virtualTime();
    const shared = createOwnState(time.clock);
    let onDelay = async () => {};
    const first = limiter({ shared, quota: () => QUOTA }, time).limits;
    const second = createLimiter({
      shared,
      monotonic: time.clock,
      delay: async (ms) => {
        time.advance(ms);
        await onDelay();
      },
      maxConcurrent: 2,
      maxWaitMs: 2_000,
      quota: () => QUOTA,
    });
    (await go(first.enter('a')))();
    onDelay = async () => {
      onDelay = async () => {};
      await second.limited('a', 30_000);
    };
    expect(await second.enter('a')).toEqual({ kind: 'retry', afterMs: 30_000 });
    // The place that the first one took before is one request; then it knows.
    const answers = [await first.enter('a'), await first.enter('a')];
    expect(answers.some((answer) => answer.kind === 'retry')).toBe(true);
  });

  it('a process that knew of no limit hears of it within a second', async () => {
    const time = virtualTime();
    const shared = createOwnState(time.clock);
    const [first, second] = [1, 2].map(() => limiter({ shared }, time).limits);
    (await go((first as typeof second & object).enter('a')))();
    await second?.limited('a', 60_000);
    time.advance(1_000);
    expect((await first?.enter('a'))?.kind).toBe('retry');
  });

  it('the pace is waited for, however long: refused for it, work of several requests would never end', async () => {
    const { limits, time } = limiter({ quota: () => ({ requests: 1, perMs: 10_000 }), maxWaitMs: 100 });
    const start = time.clock();
    for (let each = 0; each < 3; each += 1) (await go(limits.enter('a')))();
    expect(time.clock() - start).toBeGreaterThanOrEqual(20_000);
  });

  it('when the store cannot be asked the caller is told, and its place is free again', async () => {
    const time = virtualTime();
    const own = createOwnState(time.clock);
    let broken = true;
    const { limits } = limiter({
      maxConcurrent: 1,
      shared: {
        read: async (name) => {
          if (broken) throw new Error('no store');
          return own.read(name);
        },
        write: own.write,
      },
    });
    await expect(limits.enter('a')).rejects.toThrow('no store');
    broken = false;
    expect((await limits.enter('a')).kind).toBe('go');
  });

  it('a late answer of the store (a busy event loop) does not move the places that are booked', async () => {
    const time = virtualTime();
    const own = createOwnState(time.clock);
    let busyMs = 0;
    const shared = {
      read: async (name: string) => {
        const answer = await own.read(name);
        time.advance(busyMs);
        return answer;
      },
      write: own.write,
    };
    const quota = () => ({ requests: 100, perMs: 1_000 });
    const { limits } = limiter({ shared, quota, maxConcurrent: 20 }, time);
    (await go(limits.enter('a')))();
    time.advance(1_000);
    busyMs = 90;
    const start = time.clock();
    // The places of the first 100 ms were booked 90 ms ago: all but the last are used at once, none later than it was booked for.
    for (let each = 0; each < 9; each += 1) (await go(limits.enter('a')))();
    expect(time.clock() - start).toBeLessThanOrEqual(100);
  });

  it.each(
    (['fixed', 'sliding'] as const).flatMap((window) =>
      [true, false].flatMap((retryAfter) => [2, 4].map((processes) => ({ window, retryAfter, processes }))),
    ),
  )('$processes processes keep a told quota ($window window, Retry-After $retryAfter), and book nothing twice', async (form) => {
    const allowances = [{ requests: 30, perMs: 5_000, fromMs: 0 }];
    const random = ((state) => () => {
      state = (state * 1_664_525 + 1_013_904_223) >>> 0;
      return state / 2 ** 32;
    })(1);
    const world = { ...form, allowances, told: { requests: 30, perMs: 5_000 }, untilMs: 60_000 };
    const near = judge(await simulateLimiters({ ...world, wayMs: 40 }, random), allowances, 0, 60_000);
    expect(near.efficiency).toBeGreaterThan(0.97);
    expect(near.refused).toBeLessThan(0.01);
    // Ways that differ by more than the distance of two requests: more than the wanted 1 % is refused (up to 16 % seen). This only guards
    // against places that are booked twice, with which it was 39 % in the worst form.
    const far = judge(await simulateLimiters({ ...world, wayMs: 200 }, random), allowances, 0, 60_000);
    expect(far.refused).toBeLessThan(0.2);
  });
});
