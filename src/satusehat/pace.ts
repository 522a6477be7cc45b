/**
 * The pace of one client id, learnt from the platform's answers: SATUSEHAT publishes no rate. A plain value that all processes share
 * (they keep it in the store), and pure functions over it. Times are epoch ms of the database's clock, rates are requests a second.
 *
 * How it learns: without a limit everything goes at once. The first 429 gives a measure of what was accepted; from then on requests go
 * evenly. Now and then a little more is tried. If it holds, the limit was lifted, and twice as much is tried; if not, the rate before it
 * holds. A 429 that no trial explains means that the limit was lowered: the next one, soon after, measures it. When it is lifted again,
 * what held before it fell is tried first.
 */
export interface Pace {
  /** Requests a second; null as long as no limit was met. */
  readonly rate: number | null;
  /** The limit was told to us, so nothing is tried above it (`most`). */
  readonly told: boolean;
  readonly most: number;
  /** The rate that held before the present trial, and what that tries above it, in parts of it; 0: no trial. */
  readonly held: number;
  readonly trial: number;
  /** A rate that was too much; null: not known. */
  readonly ceiling: number | null;
  /** What held before the limit fell: mostly it comes back to that; null: it did not fall. */
  readonly former: number | null;
  /** When the next trial begins, or the present one has held. */
  readonly decideAt: number;
  /** Blocks that no trial explains, since a rate last held. */
  readonly failures: number;
  /** Trials that did not hold, since one last did. */
  readonly tries: number;
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
  /** Rate before the present measure began: 0 after a block. */
  readonly base: number;
  /** Accepted answers since `since`, and in the span before it: the present measure. */
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
/** What a told quota is lowered to, and how often, while the platform refuses all the same, before it is no longer believed. */
const TOLD_TRIES = 5;
/** What the first unexplained block leaves of the rate: it may be bad luck. */
const FIRST_FALL = 0.95;
/** One measure takes no more than this of the rate: a storm looks like a low limit. */
const DEEPEST_FALL = 0.75;
/** So far down it is rather a storm: nothing that was learnt meanwhile says how much is too much. */
const STORM_SHARE = 0.5;
/** Of what was measured so much is used at first; so far above it is too much for sure. */
const FOUND_SHARE = 0.95;
const FOUND_CEILING = 1.05;
/** What was accepted from one block to the end of the next is less than the window had room for: Retry-After is in whole seconds. */
const CYCLE_SHARE = 1.1;
/** What was lowered comes back by so much. */
const TOLD_RETURN = 1.005;
const USED_SHARE = 0.7;
/** Tried above what holds: enough to see that the limit was lifted. */
const LEAST_TRIAL = 0.1;
/** Above what was too much each trial is twice the one before: what was measured may be of a moment with little to send, or of a storm. */
const MOST_TRIAL = 1;
/** A limit between what holds and a rate so far above it is worth looking for soon, in halves. */
const WIDE_GAP = 0.2;
const LEAST_RATE = 1;
/** A trial that goes so far above the rate that was too much shows that the limit was lifted. */
const BEYOND = 1.1;
/** A trial may cost the rest of a window, or the second of Retry-After; one in so many windows keeps that small. */
const WINDOWS_BETWEEN_TRIALS = 20;
const LEAST_BETWEEN_TRIALS_MS = 12_000;
/** After a deep fall the rate is below the limit for sure, and is raised soon; not at once, for a guessed block is much shorter than a window. */
const WINDOWS_AFTER_FALL = 2;
const LEAST_AFTER_FALL_MS = 2_000;
/** Long enough to fill a whole window, wherever that begins. */
const WINDOWS_IN_TRIAL = 1.7;
const LEAST_TRIAL_MS = 500;
const REQUESTS_IN_TRIAL = 20;
const REQUESTS_UNKNOWN = 5;
/** Fewer accepted ones are no measure. */
const REQUESTS_IN_MEASURE = 20;
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
    ceiling: null,
    former: null,
    decideAt: 0,
    failures: 0,
    tries: 0,
    next: now,
    booked: 0,
    blockedUntil: 0,
    blockedAt: 0,
    blocks: 0,
    freeAt: 0,
    windowMs: 0,
    base: 0,
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
  const windowMs = Math.max(now - pace.blockedAt, 1, pace.windowMs / 2);
  const free = {
    ...pace,
    ...measureFrom(now, 0),
    windowMs,
    // Places that were given for trying are not counted: most of them are not used.
    next: Math.max(now, pace.booked),
    booked: 0,
    blockedUntil: 0,
    blockedAt: 0,
    blocks: 0,
    freeAt: now,
    trial: 0,
  };
  const soon = now + Math.max(WINDOWS_AFTER_FALL * windowMs, LEAST_AFTER_FALL_MS);
  const later = now + Math.max(WINDOWS_BETWEEN_TRIALS * windowMs, LEAST_BETWEEN_TRIALS_MS);
  /** Far below what held before a limit fell, which may have been a storm, it is tried again soon; in vain, after twice as long each time. */
  const after = (rate: number, tries: number): number =>
    rate < (pace.former ?? 0) / (1 + WIDE_GAP) ? Math.min(now + (soon - now) * 2 ** tries, later) : later;
  const measure = measured(pace, now, windowMs);
  if (pace.rate === null) {
    const rate = Math.max(measure.room * FOUND_SHARE, LEAST_RATE);
    return { ...free, rate, held: rate, ceiling: Math.max(measure.room, LEAST_RATE) * FOUND_CEILING, decideAt: soon };
  }
  const again = pace.freeAt > 0 && pace.blockedAt - pace.freeAt < pace.windowMs;
  const few = pace.accepted + pace.before.accepted < REQUESTS_IN_MEASURE;
  // Far below the rate when it was told to stop: that was not for the rate, and teaches nothing about it, but if it goes on.
  if (measure.used < USED_SHARE * pace.rate && (few || !(again && pace.failures > 0))) {
    const rate = pace.trial > 0 ? pace.held : pace.rate;
    return { ...free, rate, held: rate, failures: pace.failures + 1, decideAt: soon };
  }
  if (pace.trial > 0) {
    const far = pace.trial > WIDE_GAP;
    const least = Math.min(measure.room * FOUND_SHARE, measure.cycle);
    const rate = far ? Math.min(Math.max(least, pace.held), pace.rate * FOUND_SHARE) : pace.held;
    const ceiling = far ? Math.min(pace.rate, Math.max(measure.room, rate) * FOUND_CEILING) : pace.rate;
    const tries = pace.tries + 1;
    return { ...free, rate, held: rate, ceiling, tries, decideAt: ceiling > rate * (1 + WIDE_GAP) ? soon : after(rate, tries) };
  }
  // The window that was full is still nearly full: one more block just after it teaches nothing.
  if (pace.failures === 0 && again && measure.room > (1 - LEAST_TRIAL) * pace.rate) return { ...free, failures: 1 };
  const failures = pace.failures + 1;
  const fallen = { ...free, failures, decideAt: pace.told && failures > 1 ? soon : after(pace.rate, pace.tries) };
  const former = Math.max(pace.former ?? 0, pace.rate);
  const fallTo = (rate: number): { rate: number; held: number; former: number } => {
    const least = Math.max(rate, Math.min(pace.rate as number, LEAST_RATE));
    return { rate: least, held: least, former };
  };
  if (pace.told && failures <= TOLD_TRIES) return { ...fallen, ...fallTo(pace.rate * TOLD_SHARE) };
  if (failures === 1) return { ...fallen, ...fallTo(pace.rate * FIRST_FALL), told: false };
  const found = measure.whole ? measure.room * FOUND_SHARE : measure.cycle;
  const fall = fallTo(Math.max(Math.min(found, pace.rate * FIRST_FALL), pace.rate * DEEPEST_FALL));
  const deep = fall.rate < pace.rate / (1 + WIDE_GAP);
  return {
    ...fallen,
    ...fall,
    told: false,
    ...(fall.rate < STORM_SHARE * fall.former
      ? { ceiling: null, decideAt: soon }
      : deep
        ? { ceiling: fall.rate * (1 + LEAST_TRIAL), decideAt: soon }
        : { ceiling: pace.rate }),
  };
}

/** What the present measure says of the limit, in requests a second. */
function measured(pace: Pace, now: number, windowMs: number): { used: number; room: number; cycle: number; whole: boolean } {
  const accepted = 1_000 * (pace.accepted + pace.before.accepted);
  const ms = Math.max(pace.blockedAt - pace.before.since, 1);
  const earlier = pace.base * Math.max(0, windowMs - ms);
  return {
    used: accepted / ms,
    // Accepted in the last window before the block, if that was as long as the block.
    room: (accepted + earlier) / Math.max(ms, windowMs),
    cycle: (CYCLE_SHARE * accepted) / Math.max(now - pace.before.since, 1),
    whole: ms < windowMs,
  };
}

const measureFrom = (now: number, base: number) => ({ base, since: now, accepted: 0, before: { since: now, accepted: 0 } });

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
  const used = (1_000 * (pace.accepted + pace.before.accepted)) / Math.max(now - pace.before.since, 1) > USED_SHARE * pace.rate;
  const held = pace.rate;
  const anew = { ...pace, ...measureFrom(now, held), failures: 0 };
  if (!used) return { ...anew, decideAt: now + LEAST_BETWEEN_TRIALS_MS };
  const ceiling = pace.ceiling !== null && held < pace.ceiling ? pace.ceiling : null;
  const former = pace.former !== null && held < pace.former * (1 - LEAST_TRIAL / 2) ? pace.former : null;
  if (pace.former !== null && former === null && pace.trial > 0) {
    // It came back to what it was; that it is more than ever need not be tried at once.
    const pauseMs = Math.max(WINDOWS_BETWEEN_TRIALS * pace.windowMs, LEAST_BETWEEN_TRIALS_MS);
    return { ...anew, held, trial: 0, tries: 0, former, ceiling: held * FOUND_CEILING, decideAt: now + pauseMs };
  }
  const gap = ceiling === null ? 0 : ceiling / held - 1;
  const twice = Math.min(Math.max(2 * pace.trial, LEAST_TRIAL), MOST_TRIAL);
  const up = former === null ? twice : former / held - 1;
  const trial = ceiling === null ? up : gap > WIDE_GAP ? gap / 2 : Math.max(LEAST_TRIAL, gap * BEYOND);
  const rate = held * (1 + trial);
  const requests = pace.ceiling === null ? REQUESTS_UNKNOWN : REQUESTS_IN_TRIAL;
  const trialMs = Math.max(WINDOWS_IN_TRIAL * pace.windowMs, (1_000 * requests) / rate, LEAST_TRIAL_MS);
  return { ...anew, rate, held, trial, tries: pace.trial > 0 ? 0 : pace.tries, ceiling, former, decideAt: now + trialMs };
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
  'decideAt',
  'failures',
  'tries',
  'next',
  'booked',
  'blockedUntil',
  'blockedAt',
  'blocks',
  'freeAt',
  'windowMs',
  'base',
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
      (pace.rate === null || pace.rate > 0) &&
      (pace.former === null || pace.former > 0);
    const believed = pace.told ? quota !== undefined && (pace.rate ?? 0) <= toldRate(quota) : quota === undefined || pace.rate !== null;
    // A block or a place further ahead than any can be: the database's clock was set back.
    const near = pace.blockedUntil - now < FORGET_MS && (pace.blocks > 0 || pace.next - now < FAR_MS + 1_000 / (pace.rate ?? 1));
    return whole && believed && near && now - pace.since < FORGET_MS ? pace : fresh;
  } catch {
    return fresh;
  }
}
