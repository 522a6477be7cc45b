/**
 * The pace of one client id, learnt from the platform's answers: SATUSEHAT publishes no rate. A plain value that all processes share
 * (they keep it in the store), and pure functions over it. Times are epoch ms of the database's clock, rates are requests a second.
 *
 * How it learns: without a limit everything goes at once. The first 429 gives a measure of what was accepted; from then on requests go
 * evenly. Now and then a little more is tried. If it holds, twice as much more is tried; if not, the rate before it holds. A 429 that no
 * trial explains means that the limit was lowered: the rate falls in growing steps until it holds.
 */
export interface Pace {
  /** Requests a second; null as long as no limit was met. */
  readonly rate: number | null;
  /** The limit was told to us, so nothing is tried above it (`most`). */
  readonly told: boolean;
  readonly most: number;
  /** The rate that held before the present trial; what it tries above that, in parts of it (0: no trial); what the next one tries. */
  readonly held: number;
  readonly trial: number;
  readonly step: number;
  /** Rate of the last trial that failed; null: not known. */
  readonly ceiling: number | null;
  /** When the next trial begins, or the present one has held. */
  readonly decideAt: number;
  /** Blocks that no trial explains, since a rate last held. */
  readonly failures: number;
  /** First free place. */
  readonly next: number;
  /** Up to here places were given away before the present block: who has one may use it, also after the block. */
  readonly booked: number;
  readonly blockedUntil: number;
  /** When the present block began, and how often it was prolonged. While `blocks` is not 0 requests go singly. */
  readonly blockedAt: number;
  readonly blocks: number;
  /** When the last block ended. */
  readonly freeAt: number;
  /** Length of the last block: about the window that the platform counts in. */
  readonly windowMs: number;
  /** Accepted answers since `since`, and in the span before it. */
  readonly since: number;
  readonly accepted: number;
  readonly before: { readonly since: number; readonly accepted: number };
}

export interface Quota {
  readonly requests: number;
  readonly perMs: number;
}

/** Of a told quota so much is used: the rest is for requests that arrive closer together than they left. */
const TOLD_SHARE = 0.985;
/** What a told quota is lowered to while the platform refuses all the same, before it is no longer believed. */
const TOLD_FACTORS = [0.985, 0.985, 0.985, 0.985, 0.985] as const;
/** What an unexplained block leaves of the rate: the first may be bad luck. */
const FACTORS = [0.95, 0.9, 0.7, 0.5] as const;
/** What was lowered comes back by so much. */
const TOLD_RETURN = 1.005;
const USED_SHARE = 0.7;
const FIRST_STEP = 0.1;
/** Where no limit is known the rate doubles: what was measured may be of a moment with little to send, or of a storm that is over. */
const UNKNOWN_STEP = 1;
const LEAST_RATE = 1;
const LEAST_STEP = 0.03;
const MOST_STEP = 1;
/** Above the rate that failed by so much: the limit was lifted. */
const LIFTED = 1.05;
/** A trial may cost the rest of a window; one in so many windows keeps that small. */
const WINDOWS_BETWEEN_TRIALS = 15;
const LEAST_BETWEEN_TRIALS_MS = 5_000;
/** After a fall the rate is below the limit for sure, and is raised soon. */
const WINDOWS_AFTER_FALL = 2;
/** Long enough to hold a whole window, wherever that begins. */
const WINDOWS_IN_TRIAL = 2.2;
const LEAST_TRIAL_MS = 500;
const REQUESTS_IN_TRIAL = 20;
const REQUESTS_UNKNOWN = 5;
/** Without Retry-After: first wait, a quarter of the window where that is known; growing while nothing is accepted. */
const FIRST_BLOCK_MS = 250;
const GROWTH = 1.5;
const LONGEST_GUESSED_BLOCK_MS = 16_000;
/** Without a limit the measure is of the latest requests, not of a quiet night before them. */
const MEASURE_MS = 10_000;
/** What is remembered of a client that has sent nothing for so long says nothing any more. */
const FORGET_MS = 6 * 3_600_000;
const FAR_MS = 60_000;

const toldRate = ({ requests, perMs }: Quota): number => (requests / perMs) * 1_000 * TOLD_SHARE;

export function newPace(now: number, quota?: Quota): Pace {
  const rate = quota === undefined ? null : toldRate(quota);
  return {
    rate,
    told: quota !== undefined,
    most: rate ?? 0,
    held: rate ?? 0,
    trial: 0,
    step: FIRST_STEP,
    ceiling: null,
    decideAt: 0,
    failures: 0,
    next: now,
    booked: 0,
    blockedUntil: 0,
    blockedAt: 0,
    blocks: 0,
    freeAt: 0,
    windowMs: 0,
    since: now,
    accepted: 0,
    before: { since: now, accepted: 0 },
  };
}

/** Counts accepted answers; the first one after a block ends it. One that comes during it was on the way when it began. */
export function accept(pace: Pace, now: number, count: number): Pace {
  if (count === 0) return pace;
  const counted = { ...pace, accepted: pace.accepted + count };
  if (pace.blocks > 0) return now >= pace.blockedUntil ? recover(counted, now) : counted;
  if (now - pace.since < MEASURE_MS) return counted;
  return { ...counted, since: now, accepted: 0, before: { since: pace.since, accepted: counted.accepted } };
}

/** The platform accepts again: what was it that it did not accept? */
function recover(pace: Pace, now: number): Pace {
  const windowMs = Math.max(now - pace.blockedAt, 1);
  const free = {
    ...pace,
    windowMs: Math.max(windowMs, pace.windowMs / 2),
    // Places that were given for trying are not counted: most of them are not used.
    next: Math.max(now, pace.booked),
    booked: 0,
    blockedUntil: 0,
    blockedAt: 0,
    blocks: 0,
    freeAt: now,
    trial: 0,
    since: now,
    accepted: 0,
    before: { since: now, accepted: 0 },
  };
  const pause = (windows: number, leastMs: number) => now + Math.max(windows * free.windowMs, leastMs);
  // Far below the rate when it was told to stop: that was not for the rate, and teaches nothing about it.
  const used = (1_000 * (pace.accepted + pace.before.accepted)) / Math.max(pace.blockedAt - pace.before.since, 1);
  if (pace.rate !== null && used < USED_SHARE * pace.rate) {
    return { ...free, rate: pace.trial > 0 ? pace.held : pace.rate, decideAt: pause(WINDOWS_AFTER_FALL, LEAST_TRIAL_MS) };
  }
  if (pace.rate === null) {
    const rate = Math.max((1_000 * (pace.accepted + pace.before.accepted)) / Math.max(now - pace.before.since, 1), LEAST_RATE);
    return { ...free, rate, held: rate, step: UNKNOWN_STEP, decideAt: pause(WINDOWS_AFTER_FALL, LEAST_TRIAL_MS) };
  }
  if (pace.trial > 0) {
    return {
      ...free,
      rate: pace.held,
      ceiling: pace.rate,
      step: Math.max(pace.trial / 2, LEAST_STEP),
      decideAt: pause(WINDOWS_BETWEEN_TRIALS, LEAST_BETWEEN_TRIALS_MS),
    };
  }
  // The window that was full is still nearly full: one more block just after it teaches nothing.
  if (pace.failures === 0 && pace.freeAt > 0 && pace.blockedAt - pace.freeAt < pace.windowMs) return { ...free, failures: 1 };
  const failures = pace.failures + 1;
  const factors = pace.told ? TOLD_FACTORS : FACTORS;
  const told = pace.told && failures <= TOLD_FACTORS.length;
  const rate = Math.max(pace.rate * (factors[Math.min(failures, factors.length) - 1] as number), Math.min(pace.rate, LEAST_RATE));
  const fallen = { ...free, rate, held: rate, told, failures, step: FIRST_STEP, ceiling: failures > 1 ? pace.rate : pace.ceiling };
  return { ...fallen, decideAt: pause(failures > 1 ? WINDOWS_AFTER_FALL : WINDOWS_BETWEEN_TRIALS, LEAST_TRIAL_MS) };
}

/**
 * The platform asked to wait (429).
 *
 * @param afterMs from Retry-After; undefined: the wait is guessed
 */
export function limited(pace: Pace, now: number, afterMs: number | undefined): Pace {
  if (now < pace.blockedUntil) {
    // It was on the way when the first one came: no new lesson, but it may say how long.
    const blockedUntil = Math.max(pace.blockedUntil, now + (afterMs ?? 0));
    return { ...pace, blockedUntil, next: Math.max(pace.next, blockedUntil) };
  }
  const blocks = pace.blocks + 1;
  const wait = afterMs ?? Math.min(Math.max(FIRST_BLOCK_MS, pace.windowMs / 4) * GROWTH ** (blocks - 1), LONGEST_GUESSED_BLOCK_MS);
  const began = pace.blocks === 0 ? { blockedAt: now, booked: pace.next } : {};
  return { ...pace, ...began, blocks, blockedUntil: now + wait, next: now + wait };
}

/** Raises the rate where it has held long enough and was used: a limit that was lifted is announced by nobody. */
function decide(pace: Pace, now: number): Pace {
  if (pace.rate === null || pace.blocks > 0 || now < pace.decideAt) return pace;
  if (pace.told) {
    const rate = Math.min(pace.rate * TOLD_RETURN, pace.most);
    return { ...pace, rate, held: rate, failures: 0, decideAt: now + LEAST_BETWEEN_TRIALS_MS };
  }
  const anew = { since: now, accepted: 0, before: { since: now, accepted: 0 } };
  const used = (1_000 * (pace.accepted + pace.before.accepted)) / Math.max(now - pace.before.since, 1) > USED_SHARE * pace.rate;
  if (!used) return { ...pace, ...anew, failures: 0, decideAt: now + LEAST_BETWEEN_TRIALS_MS };
  const held = pace.rate;
  const lifted = pace.ceiling === null || held > pace.ceiling * LIFTED;
  const before = pace.trial > 0 ? pace.trial : pace.step;
  const trial = pace.trial > 0 && lifted ? Math.min(before * 2, MOST_STEP) : before;
  const rate = held * (1 + trial);
  const requests = pace.ceiling === null ? REQUESTS_UNKNOWN : REQUESTS_IN_TRIAL;
  const trialMs = Math.max(WINDOWS_IN_TRIAL * pace.windowMs, (1_000 * requests) / rate, LEAST_TRIAL_MS);
  return { ...pace, ...anew, rate, held, trial, ceiling: lifted ? null : pace.ceiling, failures: 0, decideAt: now + trialMs };
}

export interface Reservation {
  readonly pace: Pace;
  /** When the requests may go, in order; `free`: there is no limit. */
  readonly places: readonly number[] | 'free';
}

/**
 * Takes the next places. A process takes several, so that it need not ask for each request, but none later than `horizonMs` from now:
 * places that were given away cannot be taken back when the platform says stop. After a block there is only one.
 *
 * @param want most places that are of use
 */
export function reserve(old: Pace, now: number, want: number, horizonMs: number): Reservation {
  const pace = decide(old, now);
  const start = Math.max(now, pace.next);
  if (pace.blocks > 0) {
    // It tries whether the block is over. The others wait for what it finds.
    return { pace: { ...pace, next: start + Math.max(FIRST_BLOCK_MS, 1_000 / (pace.rate ?? 1_000)) }, places: [start] };
  }
  if (pace.rate === null) return { pace, places: 'free' };
  const spacing = 1_000 / pace.rate;
  const count = Math.max(1, Math.min(want, Math.floor((now + horizonMs - start) / spacing)));
  return { pace: { ...pace, next: start + count * spacing }, places: Array.from({ length: count }, (_unused, n) => start + n * spacing) };
}

const TIMES = [
  'most',
  'held',
  'trial',
  'step',
  'decideAt',
  'failures',
  'next',
  'booked',
  'blockedUntil',
  'blockedAt',
  'blocks',
  'freeAt',
  'windowMs',
] as const;

/** Reads what is stored. A value of another form, of another told quota, or long out of use is begun anew. */
export function readPace(text: string | undefined, now: number, quota?: Quota): Pace {
  const fresh = newPace(now, quota);
  if (text === undefined) return fresh;
  try {
    const pace = JSON.parse(text) as Pace;
    const whole =
      TIMES.every((name) => Number.isFinite(pace[name])) &&
      [pace.since, pace.accepted, pace.before?.since, pace.before?.accepted].every(Number.isFinite) &&
      (pace.rate === null || pace.rate > 0);
    const believed = pace.told ? quota !== undefined && (pace.rate ?? 0) <= toldRate(quota) : quota === undefined || pace.rate !== null;
    // A block or a place further ahead than any can be: the database's clock was set back.
    const near = pace.blockedUntil - now < FORGET_MS && (pace.blocks > 0 || pace.next - now < FAR_MS + 1_000 / (pace.rate ?? 1));
    return whole && believed && near && now - pace.since < FORGET_MS ? pace : fresh;
  } catch {
    return fresh;
  }
}
