import type { Store } from '../store/port.ts';

export interface PressureOptions {
  readonly store: Pick<Store, 'backlog'>;
  readonly environment: string;
  /** Deliveries that may wait before receipts come later; 0: never later. */
  readonly limit: number;
  /** Ms that only grow. */
  readonly monotonic?: () => number;
  readonly delay?: (ms: number) => Promise<void>;
}

/** Longest wait before a group of records is taken, ms. */
const MOST_MS = 2_000;
const LOOK_MS = 5_000;

/**
 * Back-pressure: where more waits for the platform than is wanted, senders get their receipts later, and so send slower. Nothing is
 * refused and nothing is lost; what cannot be counted holds up nobody.
 *
 * @returns waits before a group of records is taken: not at all up to the limit, up to 2 s at twice the limit and beyond
 */
export function createPressure({ store, environment, limit, ...options }: PressureOptions): () => Promise<void> {
  const monotonic = options.monotonic ?? (() => performance.now());
  const delay = options.delay ?? ((ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)));
  let lookedAt = Number.NEGATIVE_INFINITY;
  let waiting: Promise<number> = Promise.resolve(0);
  if (limit === 0) return async () => undefined;
  return async () => {
    if (monotonic() - lookedAt >= LOOK_MS) {
      lookedAt = monotonic();
      waiting = store.backlog(environment).then(
        (backlog) => backlog.waiting,
        () => 0,
      );
    }
    const over = (await waiting) / limit - 1;
    if (over > 0) await delay(Math.min(over, 1) * MOST_MS);
  };
}
