/** Time of the simulated platform: the machine's, moved by an offset that tests and demonstrations set. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds added to the machine's time. */
  offsetMs: number;
}

export function createClock(now: () => number = Date.now): Clock {
  const clock = { offsetMs: 0, now: () => now() + clock.offsetMs };
  return clock;
}
