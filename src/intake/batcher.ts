import { setImmediate } from 'node:timers/promises';

/**
 * Work that arrives one by one is done in groups, in order: whatever waits when a group is finished is the next group. One commit then
 * serves many callers, and nobody waits for a timer.
 */
export interface Batcher<Item, Result> {
  /** Settles when the group that holds the item is done. */
  submit(item: Item): Promise<Result>;
  /** Several items that stay together in their order (over as many groups as needed). */
  submitAll(items: readonly Item[]): Promise<readonly Result[]>;
  /** Number of items that wait. */
  readonly waiting: number;
  /** Resolves when nothing waits and nothing is being done. */
  idle(): Promise<void>;
}

/**
 * @param work does one group in two steps. The first may overlap with the second step of the group before it; second steps run one
 *   after another. The second gives one result per item in the same order, where an Error rejects that item alone; what either throws
 *   rejects the whole group
 */
export function createBatcher<Item, Result>(
  work: (items: readonly Item[]) => Promise<() => Promise<readonly (Result | Error)[]>>,
  { limit = 100 }: { limit?: number } = {},
): Batcher<Item, Result> {
  interface Waiting {
    readonly item: Item;
    readonly resolve: (result: Result) => void;
    readonly reject: (error: unknown) => void;
  }
  let queue: Waiting[] = [];
  let running: Promise<void> | undefined;
  /** Called when a whole group waits. */
  let onFull = () => {};

  async function run(): Promise<void> {
    // Requests that were read in the same turn of the event loop join the first group.
    await setImmediate();
    let before: Promise<void> = Promise.resolve();
    while (queue.length > 0) {
      const group = queue.slice(0, limit);
      queue = queue.slice(limit);
      const refuse = (error: unknown) => {
        for (const { reject } of group) reject(error);
      };
      try {
        const finish = await work(group.map(({ item }) => item));
        await before;
        before = finish().then((results) => {
          group.forEach(({ resolve, reject }, index) => {
            const result = results[index] as Result | Error;
            if (result instanceof Error) reject(result);
            else resolve(result);
          });
        }, refuse);
      } catch (error) {
        refuse(error);
      }
      // Nothing waits now, but what this group's senders send next may join the next one. A stream brings whole groups; none of them
      // has to wait for the one before.
      if (queue.length === 0) {
        const full = new Promise<void>((resolve) => {
          onFull = resolve;
        });
        await Promise.race([before, full]);
      }
      await setImmediate();
    }
    await before;
    running = queue.length > 0 ? run() : undefined;
  }

  function submit(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      queue.push({ item, resolve, reject });
      if (queue.length >= limit) onFull();
      running ??= run();
    });
  }

  return {
    submit,
    submitAll: (items) => Promise.all(items.map(submit)),
    get waiting() {
      return queue.length;
    },
    async idle() {
      while (running) await running;
    },
  };
}
