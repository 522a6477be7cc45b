import type { Reason } from '../errors/index.ts';
import type { Store } from '../store/port.ts';
import { type Backoff, backoffMs } from './backoff.ts';
import { OUTCOMES, type Outcome, type OutcomeName, rowOf } from './outcome.ts';

/**
 * Who is not served now, and why: the breaker of each client and of the platform as a whole. All processes share it through the store, so
 * that a platform that is down is tried by one of them, once in a while, and not by all of them all the time.
 */
export interface Pauses {
  /** What holds now, at most half a second old. */
  view(): Promise<PauseView>;
  /**
   * Learns from an outcome.
   *
   * @returns ms until the owner is served again; undefined: nothing holds it
   */
  learn(owner: string, outcome: Outcome): Promise<number | undefined>;
  /** Takes the right to try a line whose pause is over: one delivery, by one process. False if another has it. */
  tryOne(line: string): Promise<boolean>;
  /** Gives the right back: there was nothing to try with. */
  giveBack(line: string): Promise<void>;
}

export interface PauseView {
  /** Owners that must not be served. */
  readonly paused: readonly string[];
  /** Owners of whom one delivery may try whether their pause is really over. */
  readonly trying: readonly string[];
  /** The platform as a whole: served, not to be tried, or to be tried by one delivery of anybody. */
  readonly platform: 'open' | 'paused' | 'trying';
}

export interface PausesOptions {
  readonly store: Pick<Store, 'shared' | 'putShared'>;
  readonly environment: string;
  readonly backoff: Backoff;
  /** How long one who tries may take, ms. */
  readonly tryMs: number;
  /** In [0, 1). */
  readonly random: () => number;
  /** Monotonic ms of this process. */
  readonly ticks: () => number;
  /** First pause of a client that was not accepted; doubles each time. Default 1 minute. */
  readonly clientPauseMs?: number;
}

/** The line that everybody stands in. No owner has this code. */
const PLATFORM = '*';
const NAME = 'pause:';
const VIEW_MS = 500;
/** So many failures in a row, of whomever, and it is the platform. One may be bad luck, and its delivery comes again by itself. */
const FAILURES = 5;
const MIN_CLIENT_PAUSE_MS = 60_000;
const MAX_CLIENT_PAUSE_MS = 900_000;
const MAX_PLATFORM_PAUSE_MS = 300_000;

/** Times by the shared clock. */
interface Pause {
  readonly cause: Outcome['kind'];
  /** Failures in a row. */
  readonly failures: number;
  /** Pauses in a row. */
  readonly count: number;
  readonly until: number;
  readonly tryingUntil: number;
}

const NONE: Pause = { cause: 'unavailable', failures: 0, count: 0, until: 0, tryingUntil: 0 };
const MAX_TRIES = 20;

export function createPauses({
  store,
  environment,
  backoff,
  tryMs,
  random,
  ticks,
  clientPauseMs = MIN_CLIENT_PAUSE_MS,
}: PausesOptions): Pauses {
  let lines: ReadonlyMap<string, Pause> = new Map();
  /** 429s are the limiter's business, which all share; here they only free the places of this process. */
  const asked = new Map<string, number>();
  let readAt = Number.NEGATIVE_INFINITY;
  let skew = 0;
  const now = (): number => ticks() + skew;

  async function refresh(): Promise<void> {
    const { nowMs, entries } = await store.shared(environment);
    const found = new Map<string, Pause>();
    for (const { name, value } of entries) if (name.startsWith(NAME)) found.set(name.slice(NAME.length), read(value));
    lines = found;
    skew = nowMs - ticks();
    readAt = ticks();
  }

  /** @param step gives the new pause; null: none any more; the same: nothing to write */
  async function change(line: string, step: (pause: Pause, nowMs: number) => Pause | null): Promise<Pause> {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const { nowMs, entries } = await store.shared(environment, [NAME + line]);
      skew = nowMs - ticks();
      const entry = entries[0];
      const before = entry === undefined ? NONE : read(entry.value);
      const after = step(before, nowMs);
      const remember = (): Pause => {
        const changed = new Map(lines);
        if (after === null) changed.delete(line);
        else changed.set(line, after);
        lines = changed;
        return after ?? NONE;
      };
      if (after === before || (after === null && entry === undefined)) return remember();
      const value = after === null ? null : JSON.stringify(after);
      if (await store.putShared(environment, NAME + line, value, entry?.version ?? null)) return remember();
    }
    // Others changed it all the time, so they have learnt the same.
    return lines.get(line) ?? NONE;
  }

  /** @param limit failures in a row that make a pause */
  const fail = (line: string, cause: Outcome['kind'], limit: number, lengthMs: (count: number) => number): Promise<Pause> =>
    change(line, (pause, nowMs) => {
      // Several that were on the way together are one lesson.
      if (isAhead(pause.until, nowMs)) return pause;
      const failures = pause.failures + 1;
      // One that only tried is enough to know that it is not over.
      if (failures < limit && pause.count === 0) return { ...pause, cause, failures };
      const count = pause.cause === cause ? pause.count + 1 : 1;
      return { cause, failures, count, until: nowMs + lengthMs(count), tryingUntil: 0 };
    });

  const works = async (line: string): Promise<void> => {
    if (lines.has(line)) await change(line, () => null);
  };

  const giveBack = async (line: string): Promise<void> => {
    if (lines.has(line)) await change(line, (pause) => (pause.tryingUntil === 0 ? pause : { ...pause, tryingUntil: 0 }));
  };

  return {
    async view() {
      if (ticks() - readAt >= VIEW_MS || ticks() < readAt) await refresh();
      const at = now();
      const standing = (pause: Pause): 'open' | 'paused' | 'trying' =>
        pause.count === 0 ? 'open' : isAhead(pause.until, at) || isAhead(pause.tryingUntil, at) ? 'paused' : 'trying';
      const owners = [...lines].filter(([line]) => line !== PLATFORM);
      return {
        paused: [
          ...owners.filter(([, pause]) => standing(pause) === 'paused').map(([line]) => line),
          ...[...asked].filter(([, until]) => ticks() < until).map(([owner]) => owner),
        ],
        trying: owners.filter(([, pause]) => standing(pause) === 'trying').map(([line]) => line),
        platform: standing(lines.get(PLATFORM) ?? NONE),
      };
    },

    async learn(owner, outcome) {
      const { pause } = rowOf(outcome);
      if (outcome.kind === 'retry') {
        asked.set(owner, ticks() + outcome.afterMs);
        await giveBack(PLATFORM);
        await giveBack(owner);
        return outcome.afterMs;
      }
      if (pause === 'none') {
        // The platform answered this client, if it was asked at all.
        if (outcome.kind === 'delivered' || outcome.kind === 'refused' || outcome.kind === 'duplicate') {
          await works(PLATFORM);
          await works(owner);
        } else {
          // It tells nothing of the line; whoever comes next may try.
          await giveBack(PLATFORM);
          await giveBack(owner);
        }
        return undefined;
      }
      const afterMs = 'afterMs' in outcome ? outcome.afterMs : 0;
      const held =
        pause === 'client'
          ? await fail(owner, outcome.kind, 1, (count) =>
              Math.max(afterMs, Math.min(clientPauseMs * 2 ** (count - 1), MAX_CLIENT_PAUSE_MS)),
            )
          : await fail(PLATFORM, outcome.kind, FAILURES, (count) =>
              backoffMs(count - 1, { baseMs: backoff.baseMs, maxMs: Math.min(backoff.maxMs, MAX_PLATFORM_PAUSE_MS) }, random()),
            );
      const left = held.until - now();
      return left > 0 ? left : undefined;
    },

    async tryOne(line) {
      let taken = false;
      await change(line, (pause, nowMs) => {
        taken = pause.count > 0 && !isAhead(pause.until, nowMs) && !isAhead(pause.tryingUntil, nowMs);
        return taken ? { ...pause, tryingUntil: nowMs + tryMs } : pause;
      });
      return taken;
    },

    giveBack,
  };
}

/** Who is paused, and for which reason: for people. */
export interface PausedLine {
  /** Code of the puskesmas; null: the platform as a whole. */
  readonly owner: string | null;
  readonly reason: Reason;
}

/** Those whose pause is not over, or has not been tried since. */
export async function pausedLines(store: Pick<Store, 'shared'>, environment: string): Promise<readonly PausedLine[]> {
  const { entries } = await store.shared(environment);
  return entries.flatMap(({ name, value }): PausedLine[] => {
    const pause = name.startsWith(NAME) ? read(value) : NONE;
    const reason = pause.count > 0 && Object.hasOwn(OUTCOMES, pause.cause) ? OUTCOMES[pause.cause as OutcomeName].reason : null;
    const line = name.slice(NAME.length);
    return reason === null ? [] : [{ owner: line === PLATFORM ? null : line, reason }];
  });
}

/** The line of the platform as a whole, for `tryOne`. */
export const WHOLE_PLATFORM = PLATFORM;

/** Still to come; further ahead than any pause may be, the database's clock was set back, and it is over. */
const isAhead = (until: number, now: number): boolean => now < until && until - now <= MAX_CLIENT_PAUSE_MS;

function read(value: string): Pause {
  try {
    const pause = JSON.parse(value) as Pause;
    return [pause.failures, pause.count, pause.until, pause.tryingUntil].every(Number.isFinite) ? pause : NONE;
  } catch {
    return NONE;
  }
}
