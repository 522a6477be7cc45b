import { describe, expect, it } from 'vitest';
import { createLimiter } from '../../src/satusehat/limiter.ts';
import { virtualTime } from './virtual-time.ts';

function limiter(options: { maxConcurrent?: number; minSpacingMs?: number; maxWaitMs?: number } = {}) {
  const time = virtualTime();
  return {
    time,
    limiter: createLimiter({ clock: time.clock, delay: time.delay, maxConcurrent: 2, minSpacingMs: 0, maxWaitMs: 2_000, ...options }),
  };
}

async function go(entered: ReturnType<ReturnType<typeof createLimiter>['enter']>): Promise<() => void> {
  const turn = await entered;
  if (turn.kind !== 'go') {
    throw new Error('had to wait');
  }
  return turn.done;
}

describe('createLimiter', () => {
  it('lets no more through at once than allowed, first come first served, and each client on its own', async () => {
    const { limiter: limits } = limiter();
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

  it('keeps the least distance between requests', async () => {
    const { limiter: limits, time } = limiter({ minSpacingMs: 100, maxConcurrent: 10 });
    const start = time.clock();
    for (let each = 0; each < 5; each += 1) {
      await go(limits.enter('a'));
    }
    expect(time.clock() - start).toBe(400);
  });

  it('waits out a Retry-After: for a short one inside, for a long one the caller is told', async () => {
    const { limiter: limits, time } = limiter();
    expect(limits.limited('a', 1_500)).toBe(1_500);
    const start = time.clock();
    (await go(limits.enter('a')))();
    expect(time.clock() - start).toBe(1_500);
    limits.limited('a', 60_000);
    expect(await limits.enter('a')).toEqual({ kind: 'retry', afterMs: 60_000 });
    expect((await limits.enter('b')).kind).toBe('go');
  });

  it('learns a pace where the platform does not say how long, and gets faster again', async () => {
    const { limiter: limits, time } = limiter({ maxConcurrent: 1 });
    expect(limits.limited('a', undefined)).toBe(250);
    time.advance(250);
    expect(limits.limited('a', undefined)).toBe(500);
    time.advance(500);
    const paced = async () => {
      (await go(limits.enter('a')))();
      const before = time.clock();
      (await go(limits.enter('a')))();
      return time.clock() - before;
    };
    expect(await paced()).toBe(500);
    for (let each = 0; each < 20; each += 1) {
      limits.succeeded('a');
    }
    time.advance(5_000);
    expect(await paced()).toBe(400);
    for (let each = 0; each < 400; each += 1) {
      limits.succeeded('a');
    }
    time.advance(5_000);
    expect(await paced()).toBe(0);
  });

  it('the pace is waited for, however many wait: refused for it, work of several requests would never end', async () => {
    const { limiter: limits, time } = limiter({ maxConcurrent: 1, maxWaitMs: 100 });
    for (let each = 0; each < 10; each += 1) {
      time.advance(limits.limited('a', undefined));
    }
    const start = time.clock();
    for (let each = 0; each < 5; each += 1) {
      (await go(limits.enter('a')))();
    }
    expect(time.clock() - start).toBe(8_000);
  });

  it('a block that comes while waiting for the pace is respected', async () => {
    const time = virtualTime();
    let onDelay = () => {};
    const limits = createLimiter({
      clock: time.clock,
      delay: async (ms) => {
        time.advance(ms);
        onDelay();
      },
      maxConcurrent: 2,
      minSpacingMs: 100,
      maxWaitMs: 2_000,
    });
    await go(limits.enter('a'));
    onDelay = () => {
      onDelay = () => {};
      limits.limited('a', 30_000);
    };
    expect(await limits.enter('a')).toEqual({ kind: 'retry', afterMs: 30_000 });
  });

  it('takes answers that were under way with the first 429 as one lesson', async () => {
    const { limiter: limits } = limiter({ maxConcurrent: 1 });
    limits.limited('a', undefined);
    expect(limits.limited('a', undefined)).toBe(250);
  });
});
