import { describe, expect, it } from 'vitest';
import { createBatcher } from '../../src/intake/batcher.ts';

describe('batcher', () => {
  it('concurrent singles are coalesced, in order, at most the limit at a time', async () => {
    const groups: number[][] = [];
    const batcher = createBatcher<number, number>(
      async (items) => {
        groups.push([...items]);
        return items.map((item) => item * 2);
      },
      { limit: 10 },
    );
    const results = await Promise.all(Array.from({ length: 25 }, (_, index) => batcher.submit(index)));
    expect(results).toEqual(Array.from({ length: 25 }, (_, index) => index * 2));
    expect(groups.map(({ length }) => length)).toEqual([10, 10, 5]);
    expect(groups.flat()).toEqual(results.map((_, index) => index));
    await batcher.idle();
  });

  it('an Error as a result fails its item only; a throw fails its group only', async () => {
    const batcher = createBatcher<string, string>(
      async (items) => {
        if (items.includes('throw')) throw new Error('group');
        return items.map((item) => (item === 'bad' ? new Error('item') : item));
      },
      { limit: 3 },
    );
    const settled = await Promise.allSettled(['a', 'bad', 'b', 'throw', 'c', 'd', 'e'].map((item) => batcher.submit(item)));
    expect(settled.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'rejected',
      'rejected',
      'rejected',
      'fulfilled',
    ]);
    expect(await batcher.submit('later')).toBe('later');
  });
});
