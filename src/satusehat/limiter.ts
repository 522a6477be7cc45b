/** The pace of each client, learnt from the platform's 429 answers: SATUSEHAT publishes no rate. */
export interface Limiter {
  /** Waits for the client's turn. `retry` if the platform asked to wait longer than `maxWaitMs`: the caller should do something else. */
  enter(client: string): Promise<{ readonly kind: 'go'; done(): void } | { readonly kind: 'retry'; readonly afterMs: number }>;
  /**
   * Records a 429.
   *
   * @param afterMs from Retry-After; undefined: the learnt pace decides
   * @returns ms until the next request may go
   */
  limited(client: string, afterMs: number | undefined): number;
  succeeded(client: string): void;
}

export interface LimiterOptions {
  readonly clock: () => number;
  readonly delay: (ms: number) => Promise<void>;
  readonly maxConcurrent: number;
  /** Least distance between two requests of a client, ms. */
  readonly minSpacingMs: number;
  readonly maxWaitMs: number;
}

interface Pace {
  active: number;
  waiting: Array<() => void>;
  spacingMs: number;
  nextAt: number;
  blockedUntil: number;
  successes: number;
}

const FIRST_SPACING_MS = 250;
/** Slower than this only where the platform says so by Retry-After. */
const MAX_SPACING_MS = 2_000;
/** So many answers without a 429 shorten the distance by a fifth. */
const SUCCESSES_TO_SPEED_UP = 20;

export function createLimiter(options: LimiterOptions): Limiter {
  const paces = new Map<string, Pace>();

  function paceOf(client: string): Pace {
    const known = paces.get(client);
    if (known !== undefined) {
      return known;
    }
    const pace: Pace = { active: 0, waiting: [], spacingMs: options.minSpacingMs, nextAt: 0, blockedUntil: 0, successes: 0 };
    paces.set(client, pace);
    return pace;
  }

  const waitOf = (pace: Pace, turn: number): number => Math.max(turn, pace.blockedUntil) - options.clock();

  function leave(pace: Pace): void {
    const next = pace.waiting.shift();
    if (next === undefined) {
      pace.active -= 1;
    } else {
      // The place is handed over, so nobody can overtake.
      next();
    }
  }

  return {
    async enter(client) {
      const pace = paceOf(client);
      if (pace.active >= options.maxConcurrent) {
        await new Promise<void>((resolve) => pace.waiting.push(resolve));
      } else {
        pace.active += 1;
      }
      const turn = Math.max(options.clock(), pace.nextAt);
      pace.nextAt = turn + pace.spacingMs;
      // The pace is always waited for: refused for it, a delivery of several requests would never come to its last one. A block by the
      // platform is waited for if it is short; it may come while waiting.
      for (let wait = waitOf(pace, turn); wait > 0; wait = waitOf(pace, turn)) {
        const blockedMs = pace.blockedUntil - options.clock();
        if (blockedMs > options.maxWaitMs) {
          leave(pace);
          return { kind: 'retry', afterMs: blockedMs };
        }
        await options.delay(wait);
      }
      let left = false;
      return {
        kind: 'go',
        done() {
          if (!left) {
            left = true;
            leave(pace);
          }
        },
      };
    },

    limited(client, afterMs) {
      const pace = paceOf(client);
      const now = options.clock();
      pace.successes = 0;
      // Answers to requests that were already on the way when the first 429 came teach nothing new.
      if (now >= pace.blockedUntil) {
        pace.spacingMs = Math.min(Math.max(pace.spacingMs * 2, FIRST_SPACING_MS), MAX_SPACING_MS);
      }
      pace.blockedUntil = Math.max(pace.blockedUntil, now + (afterMs ?? pace.spacingMs * options.maxConcurrent));
      return pace.blockedUntil - now;
    },

    succeeded(client) {
      const pace = paceOf(client);
      pace.successes += 1;
      if (pace.successes >= SUCCESSES_TO_SPEED_UP) {
        pace.successes = 0;
        const faster = pace.spacingMs * 0.8;
        pace.spacingMs = faster < FIRST_SPACING_MS / 4 ? options.minSpacingMs : Math.max(faster, options.minSpacingMs);
      }
    },
  };
}
