import { accept, limited, type Pace, type Quota, readPace, reserve } from './pace.ts';
import { changeShared, type SharedState } from './shared-state.ts';

/** Lets the requests of each client id go at the pace that the platform allows it; one pace for all processes. */
export interface Limiter {
  /** Waits for the client's turn. `retry` if the platform asked to wait longer than `maxWaitMs`: the caller should do something else. */
  enter(client: string): Promise<{ readonly kind: 'go'; done(): void } | { readonly kind: 'retry'; readonly afterMs: number }>;
  /**
   * Records a 429.
   *
   * @param afterMs from Retry-After; undefined: the wait is guessed
   * @returns ms until the next request may go
   */
  limited(client: string, afterMs: number | undefined): Promise<number>;
  /** Records an answer that was not 429. */
  succeeded(client: string): Promise<void>;
}

export interface LimiterOptions {
  readonly shared: SharedState;
  /** Ms that only grow: a clock that is set must stretch no wait. */
  readonly monotonic: () => number;
  readonly delay: (ms: number) => Promise<void>;
  /** Requests of one client at the same time, in this process. */
  readonly maxConcurrent: number;
  readonly maxWaitMs: number;
  /** What the platform is known to allow a client; undefined: it is learnt. */
  readonly quota?: (client: string) => Quota | undefined;
}

/** Places are taken so far ahead: seldom enough to cost little, and few enough to lose little when the platform says stop. */
const HORIZON_MS = 100;
/** So old is what a process knows of a client without a limit, at most: another process may have met one. */
const FREE_MS = 1_000;

interface Lane {
  active: number;
  readonly waiting: (() => void)[];
  /** By the shared clock. */
  places: number[];
  free: boolean;
  readAt: number;
  blockedUntil: number;
  blocked: boolean;
  /** Shared clock less `monotonic`; undefined: not known yet. */
  skew: number | undefined;
  /** Answers that the others do not know of yet. */
  accepted: number;
  filling: Promise<void> | undefined;
  /** Settled when the one before has left for its place: one at a time, so that no process books far ahead. */
  before: Promise<void>;
}

export function createLimiter({ shared, monotonic, delay, maxConcurrent, maxWaitMs, quota }: LimiterOptions): Limiter {
  const lanes = new Map<string, Lane>();

  function laneOf(client: string): Lane {
    const known = lanes.get(client);
    if (known !== undefined) return known;
    const lane: Lane = {
      active: 0,
      waiting: [],
      places: [],
      free: false,
      readAt: Number.NEGATIVE_INFINITY,
      blockedUntil: 0,
      blocked: false,
      skew: undefined,
      accepted: 0,
      filling: undefined,
      before: Promise.resolve(),
    };
    lanes.set(client, lane);
    return lane;
  }

  async function change<Result>(
    client: string,
    lane: Lane,
    step: (pace: Pace, now: number) => { pace: Pace; result: Result },
  ): Promise<Result> {
    const count = lane.accepted;
    lane.accepted = 0;
    const asked = monotonic();
    try {
      const { result, nowMs } = await changeShared(shared, `pace:${client}`, (text, now) => {
        const stepped = step(accept(readPace(text, now, quota?.(client)), now, count), now);
        return { value: JSON.stringify(stepped.pace), result: stepped };
      });
      // The shared clock was read somewhen between the question and now, which may be long after the answer came (a busy event loop). What is
      // known already is kept where it agrees: it came of a quicker answer.
      const [least, most] = [nowMs - monotonic(), nowMs - asked];
      lane.skew = Math.min(Math.max(lane.skew ?? least, least), most);
      lane.blockedUntil = result.pace.blockedUntil;
      lane.blocked = result.pace.blocks > 0;
      lane.readAt = monotonic();
      return result.result;
    } catch (error) {
      lane.accepted += count;
      throw error;
    }
  }

  const sharedNow = (lane: Lane): number => monotonic() + (lane.skew ?? 0);

  /** Takes the next places from the pace that all share. */
  function fill(client: string, lane: Lane): Promise<void> {
    lane.filling ??= change(client, lane, (pace, now) => {
      const { pace: next, places } = reserve(pace, now, lane.waiting.length + maxConcurrent, HORIZON_MS);
      return { pace: next, result: places };
    })
      .then((places) => {
        lane.free = places === 'free';
        lane.places = places === 'free' ? [] : [...places];
      })
      .finally(() => {
        lane.filling = undefined;
      });
    return lane.filling;
  }

  /** The time of the next place by the shared clock. */
  async function takePlace(client: string, lane: Lane): Promise<number> {
    for (;;) {
      const now = sharedNow(lane);
      if (lane.free && monotonic() - lane.readAt < FREE_MS && monotonic() >= lane.readAt) return now;
      let place = lane.places.shift();
      // A place of long ago belongs to nobody: used now, it would come beside those that others have taken for now.
      while (place !== undefined && place < now - HORIZON_MS) place = lane.places.shift();
      if (place !== undefined) return place;
      await fill(client, lane);
    }
  }

  /** Waits until the client may send; the time it is blocked for if that is too long. */
  async function turnOf(client: string, lane: Lane): Promise<number | undefined> {
    for (;;) {
      const blockedMs = lane.blockedUntil - sharedNow(lane);
      if (blockedMs > maxWaitMs) return blockedMs;
      const place = await takePlace(client, lane);
      // The pace is always waited for: refused for it, a delivery of several requests would never come to its last one. A block by
      // the platform is waited for if it is short; it may come while waiting, and then the place is worth nothing.
      const wait = Math.max(place, lane.blockedUntil) - sharedNow(lane);
      if (wait > maxWaitMs && lane.blockedUntil - sharedNow(lane) > maxWaitMs) continue;
      if (wait > 0) await delay(wait);
      if (lane.blockedUntil > Math.max(place, sharedNow(lane))) continue;
      return undefined;
    }
  }

  async function inTurn<Result>(lane: Lane, what: () => Promise<Result>): Promise<Result> {
    const mine = lane.before.then(what);
    lane.before = mine.then(
      () => undefined,
      () => undefined,
    );
    return mine;
  }

  function leave(lane: Lane): void {
    const next = lane.waiting.shift();
    if (next === undefined) lane.active -= 1;
    // The place is handed over, so nobody can overtake.
    else next();
  }

  return {
    async enter(client) {
      const lane = laneOf(client);
      if (lane.active >= maxConcurrent) await new Promise<void>((resolve) => lane.waiting.push(resolve));
      else lane.active += 1;
      try {
        const afterMs = await inTurn(lane, () => turnOf(client, lane));
        if (afterMs !== undefined) {
          leave(lane);
          return { kind: 'retry', afterMs };
        }
      } catch (error) {
        leave(lane);
        throw error;
      }
      let left = false;
      return {
        kind: 'go',
        done() {
          if (!left) {
            left = true;
            leave(lane);
          }
        },
      };
    },

    async limited(client, afterMs) {
      const lane = laneOf(client);
      const until = await change(client, lane, (pace, now) => {
        const stopped = limited(pace, now, afterMs);
        return { pace: stopped, result: stopped.blockedUntil };
      });
      lane.places = [];
      lane.free = false;
      return Math.max(until - sharedNow(lane), 0);
    },

    async succeeded(client) {
      const lane = laneOf(client);
      lane.accepted += 1;
      // The others wait to hear that the block is over.
      if (lane.blocked && lane.blockedUntil <= sharedNow(lane)) {
        await change(client, lane, (pace) => ({ pace, result: undefined }));
        lane.places = [];
      }
    },
  };
}
