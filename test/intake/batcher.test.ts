import { describe, expect, it } from 'vitest';
import { createBatcher } from '../../src/intake/batcher.ts';

const done =
  <Item, Result>(work: (items: readonly Item[]) => readonly (Result | Error)[]) =>
  async (items: readonly Item[]) =>
  async () =>
    work(items);

describe('batcher', () => {
  it('concurrent singles are coalesced, in order, at most the limit at a time', async () => {
    const groups: number[][] = [];
    const batcher = createBatcher<number, number>(
      done((items) => {
        groups.push([...items]);
        return items.map((item) => item * 2);
      }),
      { limit: 10 },
    );
    const results = await Promise.all(Array.from({ length: 25 }, (_, index) => batcher.submit(index)));
    expect(results).toEqual(Array.from({ length: 25 }, (_, index) => index * 2));
    expect(groups.map(({ length }) => length)).toEqual([10, 10, 5]);
    expect(groups.flat()).toEqual(results.map((_, index) => index));
    await batcher.idle();
  });

  it('an Error as a result fails its item only; a throw in either step fails its group only', async () => {
    const batcher = createBatcher<string, string>(
      async (items) => {
        if (items.includes('throw early')) throw new Error('group');
        return async () => {
          if (items.includes('throw late')) throw new Error('group');
          return items.map((item) => (item === 'bad' ? new Error('item') : item));
        };
      },
      { limit: 2 },
    );
    const items = ['a', 'bad', 'throw early', 'b', 'c', 'throw late', 'd'];
    const settled = await Promise.allSettled(items.map((item) => batcher.submit(item)));
    expect(settled.map(({ status }) => status === 'fulfilled')).toEqual([true, false, false, false, false, false, true]);
    expect(await batcher.submit('later')).toBe('later');
  });

  it('the first step of a group overlaps with the second of the one before; second steps never overlap', async () => {
    const events: string[] = [];
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const batcher = createBatcher<string, string>(
      async ([item = '']) => {
        events.push(`begin ${item}`);
        if (item === 'b') release();
        return async () => {
          events.push(`write ${item}`);
          if (item === 'a') await gate;
          events.push(`written ${item}`);
          return [item];
        };
      },
      { limit: 1 },
    );
    await batcher.submitAll(['a', 'b', 'c']);
    expect(events.indexOf('begin b')).toBeLessThan(events.indexOf('written a'));
    expect(events.filter((event) => !event.startsWith('begin'))).toEqual(
      ['a', 'b', 'c'].flatMap((item) => [`write ${item}`, `written ${item}`]),
    );
  });

  it('a whole group that comes while the one before is written begins at once; a part of one waits to be joined', async () => {
    const events: string[] = [];
    const gates = new Map<string, () => void>();
    const batcher = createBatcher<string, string>(
      async (items) => {
        events.push(`begin ${items.join('')}`);
        return async () => {
          await new Promise<void>((resolve) => gates.set(items.join(''), resolve));
          return items;
        };
      },
      { limit: 2 },
    );
    /** Many turns of the event loop: whatever can happen has happened. */
    const settle = async () => {
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    };
    const first = batcher.submitAll(['a', 'b']);
    await settle();
    const single = batcher.submit('c');
    await settle();
    expect(events).toEqual(['begin ab']);
    const joined = batcher.submit('d');
    await settle();
    expect(events).toEqual(['begin ab', 'begin cd']);
    gates.get('ab')?.();
    await first;
    await settle();
    gates.get('cd')?.();
    expect(await Promise.all([single, joined])).toEqual(['c', 'd']);
    await batcher.idle();
  });
});
