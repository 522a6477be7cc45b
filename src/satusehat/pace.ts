/**
 * The pace of one client id, learnt from the platform's answers: SATUSEHAT publishes no rate. A plain value that all processes share
 * (they keep it in the store), and pure functions over it. Times are epoch ms of the database's clock, rates are requests a second.
 *
 * How it learns: without a limit everything goes at once. A block (429) gives a floor, what was accepted a second until it was over, and a
 * ceiling between that and what was tried. From then on requests go evenly, at a rate that follows the number of accepted ones (as CUBIC
 * does with time): fast from the floor to near the ceiling, level there until the last block is paid for, then ever faster above it, since
 * nobody announces that a limit was lifted.
 */
export interface Pace {
  /** Requests a second; null as long as no limit was met. */
  readonly rate: number | null;
  /** The limit was told to us, so nothing is tried above it (`ceiling`). */
  readonly told: boolean;
  readonly floor: number;
  readonly ceiling: number;
  /** Accepted requests since the last block, at the full rate; how many there must be until more than the ceiling is tried. */
  readonly steps: number;
  readonly level: number;
  /** Blocks of a told limit, since it last held. */
  readonly failures: number;
  /** First free place. */
  readonly next: number;
  /** Up to here places were given away before the present block: who has one may use it, also after the block. */
  readonly booked: number;
  readonly blockedUntil: number;
  /** When the present block began, how often it was prolonged, and the 429s in it. While `blocks` is not 0 requests go singly. */
  readonly blockedAt: number;
  readonly blocks: number;
  readonly refused: number;
  /** Length of the last block. */
  readonly windowMs: number;
  /** Whether the rate was used in the last round. */
  readonly used: boolean;
  /** Accepted answers of the present round. */
  readonly round: Count;
  /** Accepted answers while the rate was used and about what it is now: of this span, and of the one before it. */
  readonly span: Count;
  readonly before: Count;
}

interface Count {
  readonly since: number;
  readonly accepted: number;
  /** The rate then. */
  readonly rate: number;
}

export interface Quota {
  readonly requests: number;
  readonly perMs: number;
}

/** Of a told quota so much is used: the rest is for requests that arrive closer together than they left. */
const TOLD_SHARE = 0.985;
/** What a block leaves of a told quota, and how many there may be until it is no longer believed. */
const TOLD_FACTOR = 0.985;
const TOLD_FAILURES = 5;
/** What was taken of a told quota comes back evenly, in so many seconds: 429s for requests that arrive too close together come seldom then. */
const TOLD_RETURN_S = 60;
/** Of the rate so much must have been used for that to say something about the rate. */
const USED_SHARE = 0.7;
/** What a block leaves of a rate that was not used: it was hardly for the rate, but if it comes again and again, it was. */
const UNUSED_FACTOR = 0.9;
const LEAST_RATE = 1;
/** A block leaves at least so much of the rate: it may have been a storm. */
const LEAST_SHARE = 0.5;
/** One 429 in so many requests is few enough (below 1 %). */
const REQUESTS_PER_REFUSAL = 140;
/** What a block costs beyond its window (a Retry-After is in whole seconds) comes once in so many times that at most. */
const LOST_PER_LEVEL = 12;
const LONGEST_LOST_MS = 1_000;
/** Of that so much did not count for the measure: on average a whole second is half a second too long. */
const LOST_SHARE = 0.5;
/** What was measured first may be of a moment with little to send, or of a storm that is over. */
const FIRST_LEVEL = 30;
/** How steep the way from the floor to the ceiling begins. */
const STEEPNESS = 8;
/** Above the ceiling so much is tried first; it doubles after so many requests, but no sooner than in so many seconds. */
const FIRST_TRIAL = 0.02;
const REQUESTS_PER_DOUBLING = 15;
const SECONDS_PER_DOUBLING = 1;
/** So far above the ceiling it says nothing any more, and the trials begin anew: a long window is full late. */
const FAR_ABOVE = 3;
/** A round is long enough to say whether the rate is used. */
const ROUND_MS = 200;
const ROUND_REQUESTS = 8;
/** What was accepted at a rate that differs by more is not measured with the rest. */
const SAME_RATE = 1.3;
/** Without Retry-After: first wait, a quarter of the window where that is known; growing while nothing is accepted. */
const FIRST_BLOCK_MS = 250;
const GROWTH = 1.5;
const LONGEST_GUESSED_BLOCK_MS = 16_000;
const SPAN_MS = 60_000;
/** Without a limit the measure is of the latest requests, not of a quiet night before them. */
const FREE_SPAN_MS = 10_000;
/** What is remembered of a client that has sent nothing for so long says nothing any more. */
const FORGET_MS = 6 * 3_600_000;
const FAR_MS = 60_000;

const toldRate = ({ requests, perMs }: Quota): number => (requests / perMs) * 1_000 * TOLD_SHARE;

export function newPace(now: number, quota?: Quota): Pace {
  const rate = quota === undefined ? null : toldRate(quota);
  const none = { since: now, accepted: 0, rate: rate ?? 0 };
  return {
    rate,
    told: quota !== undefined,
    floor: rate ?? 0,
    ceiling: rate ?? 0,
    steps: 0,
    level: 0,
    failures: 0,
    next: now,
    booked: 0,
    blockedUntil: 0,
    blockedAt: 0,
    blocks: 0,
    refused: 0,
    windowMs: 0,
    used: true,
    round: none,
    span: none,
    before: none,
  };
}

/** After so many more accepted requests at the full rate. */
function raised(pace: Pace, count: number): Pace {
  const { floor, ceiling, level, told } = pace;
  const steps = pace.steps + count;
  if (steps < level) return { ...pace, steps, rate: ceiling - (ceiling - floor) * (1 - steps / level) ** (told ? 1 : STEEPNESS) };
  if (told) return { ...pace, steps, rate: ceiling, failures: 0 };
  const rate = Math.max(pace.rate ?? 0, ceiling);
  const doubling = Math.max(REQUESTS_PER_DOUBLING, SECONDS_PER_DOUBLING * rate);
  const above = Math.max(rate - ceiling, ceiling * FIRST_TRIAL) * 2 ** (Math.min(count, steps - level) / doubling);
  return { ...pace, steps, rate: ceiling + above, ceiling: above > FAR_ABOVE * ceiling ? ceiling + above : ceiling };
}

/** Counts accepted answers; the first one after a block ends it. One that comes during it was on the way when it began. */
export function accept(pace: Pace, now: number, count: number): Pace {
  if (count === 0) return pace;
  const counted = { ...pace, round: { ...pace.round, accepted: pace.round.accepted + count } };
  if (pace.blocks > 0) return now >= pace.blockedUntil ? recover(counted, now) : counted;
  const took = now - pace.round.since;
  if (took < Math.max(ROUND_MS, (1_000 * ROUND_REQUESTS) / (pace.rate ?? 1_000))) return counted;
  return endRound(counted, now);
}

function endRound(pace: Pace, now: number): Pace {
  const { round, span } = pace;
  const took = Math.max(now - round.since, 1);
  const used = pace.rate !== null && round.accepted > (USED_SHARE * pace.rate * took) / 1_000;
  const next = used ? raised(pace, round.accepted) : pace;
  const { rate } = next;
  const wider = { ...span, accepted: span.accepted + round.accepted };
  const over = rate === null ? now - span.since > FREE_SPAN_MS : rate > span.rate * SAME_RATE || now - span.since > SPAN_MS;
  const none = { since: now, accepted: 0, rate: rate ?? 0 };
  // A quiet time is not measured with the rest; one round that was not full may be of a late answer.
  if (rate !== null && !used && !pace.used) return { ...next, used, round: none, span: none, before: none };
  return {
    ...next,
    used,
    round: none,
    ...(over ? { span: none, before: wider } : { span: wider }),
  };
}

/** The platform accepts again: what was it that it did not accept? */
function recover(pace: Pace, now: number): Pace {
  const accepted = pace.round.accepted + pace.span.accepted + pace.before.accepted;
  const since = pace.before.since;
  const lost = pace.rate === null ? 0 : Math.min(now - pace.blockedAt, LONGEST_LOST_MS) * LOST_SHARE;
  const measured = (1_000 * accepted) / Math.max(now - since - lost, 1);
  const free = {
    ...pace,
    windowMs: Math.max(now - pace.blockedAt, pace.windowMs / 2, 1),
    // Places that were given for trying are not counted: most of them are not used.
    next: Math.max(now, pace.booked),
    booked: 0,
    blockedUntil: 0,
    blockedAt: 0,
    blocks: 0,
    refused: 0,
  };
  const learnt = learn(free, pace, measured);
  const none = { since: now, accepted: 0, rate: learnt.rate ?? 0 };
  return { ...learnt, round: none, span: none, before: none };
}

function learn(free: Pace, pace: Pace, measured: number): Pace {
  if (pace.rate === null) {
    const rate = Math.max(measured, LEAST_RATE);
    return { ...free, rate, floor: rate, ceiling: rate, steps: 0, level: FIRST_LEVEL };
  }
  if (pace.told && pace.failures < TOLD_FAILURES) {
    const rate = pace.rate * TOLD_FACTOR;
    return { ...free, rate, floor: rate, steps: 0, level: TOLD_RETURN_S * pace.rate, failures: pace.failures + 1 };
  }
  // It was hardly for the rate.
  if (!pace.used) {
    const rate = pace.rate * UNUSED_FACTOR;
    return { ...free, told: false, rate, floor: rate, ceiling: rate, steps: 0, used: true };
  }
  // Sooner than at the end of the level: the ceiling is not found yet, and going on is worth the time.
  const lost = pace.steps < pace.level ? 0 : (LOST_PER_LEVEL * Math.min(free.windowMs, LONGEST_LOST_MS) * pace.rate) / 1_000;
  const level = Math.max(REQUESTS_PER_REFUSAL * pace.refused, lost);
  const floor = Math.min(Math.max(measured, pace.rate * LEAST_SHARE, LEAST_RATE), pace.rate);
  const ceiling = Math.sqrt(floor * pace.rate);
  return { ...free, told: false, rate: floor, floor, ceiling, steps: 0, level };
}

/**
 * The platform asked to wait (429).
 *
 * @param afterMs from Retry-After; undefined: the wait is guessed
 */
export function limited(old: Pace, now: number, afterMs: number | undefined): Pace {
  const pace = { ...old, refused: old.refused + 1 };
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
export function reserve(pace: Pace, now: number, want: number, horizonMs: number): Reservation {
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

const NUMBERS = [
  'floor',
  'ceiling',
  'steps',
  'level',
  'failures',
  'next',
  'booked',
  'blockedUntil',
  'blockedAt',
  'blocks',
  'refused',
  'windowMs',
] as const;
const COUNTS = ['round', 'span', 'before'] as const;

/** Reads what is stored. A value of another form, of another told quota, or long out of use is begun anew. */
export function readPace(text: string | undefined, now: number, quota?: Quota): Pace {
  const fresh = newPace(now, quota);
  if (text === undefined) return fresh;
  try {
    const pace = JSON.parse(text) as Pace;
    const whole =
      NUMBERS.every((name) => Number.isFinite(pace[name])) &&
      COUNTS.every((name) => [pace[name]?.since, pace[name]?.accepted, pace[name]?.rate].every(Number.isFinite)) &&
      (pace.rate === null || pace.rate > 0);
    const believed = pace.told ? quota !== undefined && (pace.rate ?? 0) <= toldRate(quota) : quota === undefined || pace.rate !== null;
    // A block or a place further ahead than any can be: the database's clock was set back.
    const near = pace.blockedUntil - now < FORGET_MS && (pace.blocks > 0 || pace.next - now < FAR_MS + 1_000 / (pace.rate ?? 1));
    return whole && believed && near && now - pace.round.since < FORGET_MS ? pace : fresh;
  } catch {
    return fresh;
  }
}
