export interface Backoff {
  /** First wait, ms. */
  readonly baseMs: number;
  /** Longest wait, ms. */
  readonly maxMs: number;
}

export const DEFAULT_BACKOFF: Backoff = { baseMs: 2_000, maxMs: 3_600_000 };

/**
 * Wait before the next try: doubles with every attempt, the upper half of it by chance, so that what failed together is not repeated
 * together.
 *
 * @param attempts tries before this one, 0 for the first
 * @param random in [0, 1)
 */
export function backoffMs(attempts: number, { baseMs, maxMs }: Backoff, random: number): number {
  const full = Math.min(maxMs, baseMs * 2 ** Math.min(attempts, 40));
  return Math.round(full / 2 + (random * full) / 2);
}
