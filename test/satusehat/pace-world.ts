import { accept, limited, newPace, type Quota, reserve } from '../../src/satusehat/pace.ts';

/** What the platform allows, from when on. */
export interface Allowance extends Quota {
  readonly fromMs: number;
}

export interface World {
  readonly allowances: readonly Allowance[];
  /** `bucket`: of a second's worth, filled evenly. */
  readonly window: 'fixed' | 'sliding' | 'bucket';
  /** Whole seconds, as HTTP has it. */
  readonly retryAfter: boolean;
  readonly processes: number;
  readonly untilMs: number;
  readonly told?: Quota;
  readonly horizonMs?: number;
  /** Requests of one process at the same time. */
  readonly concurrent?: number;
  /** Longest way of a request and of its answer, ms. */
  readonly wayMs?: number;
  /** 429s that have nothing to do with the rate: spells begun by so many of all requests (shortest and longest, ms), Retry-After in seconds. */
  readonly noise?: { readonly share: number; readonly spellMs: readonly [number, number]; readonly retryAfterS?: number };
}

export interface Seen {
  readonly at: number;
  readonly accepted: boolean;
  /** Of a 429 that had nothing to do with the rate: nobody can send until then. */
  readonly lostUntil?: number;
}

interface Answer {
  readonly accepted: boolean;
  readonly afterMs?: number | undefined;
  readonly lostUntil?: number;
}

/** A platform that counts the requests of one client. Answers are to be asked for in the order of time. */
export function createCounting(world: World, random: () => number): (now: number) => Answer {
  const arrivals: number[] = [];
  let spellUntil = 0;
  let tokens = Number.POSITIVE_INFINITY;
  let filledAt = 0;
  const spell = (now: number): Answer | undefined => {
    const { noise } = world;
    if (noise === undefined) return undefined;
    const {
      share,
      spellMs: [least, most],
      retryAfterS,
    } = noise;
    if (now >= spellUntil && random() < share) spellUntil = now + least + random() * (most - least) + 0.001;
    if (now >= spellUntil) return undefined;
    const afterMs = retryAfterS === undefined ? undefined : 1_000 * retryAfterS;
    return { accepted: false, afterMs, lostUntil: Math.max(spellUntil, now + (afterMs ?? 0)) };
  };
  const wait = (now: number): number => {
    const { requests, perMs } = world.allowances.findLast(({ fromMs }) => fromMs <= now) as Allowance;
    if (world.window === 'bucket') {
      const most = Math.max(1, (1_000 * requests) / perMs);
      tokens = Math.min(most, tokens + ((now - filledAt) * requests) / perMs);
      filledAt = now;
      if (tokens < 1) return ((1 - tokens) * perMs) / requests;
      tokens -= 1;
      return 0;
    }
    const fixed = world.window === 'fixed';
    const begin = fixed ? Math.floor(now / perMs) * perMs : now - perMs;
    while (arrivals.length > 0 && (fixed ? (arrivals[0] as number) < begin : (arrivals[0] as number) <= begin)) arrivals.shift();
    if (arrivals.length >= requests) return (fixed ? begin : (arrivals[arrivals.length - requests] as number)) + perMs - now;
    arrivals.push(now);
    return 0;
  };
  return (now) => {
    const noise = spell(now);
    if (noise !== undefined) return noise;
    const waitMs = wait(now);
    if (waitMs === 0) return { accepted: true };
    return { accepted: false, afterMs: world.retryAfter ? Math.max(1, Math.ceil(waitMs / 1_000)) * 1_000 : undefined };
  };
}

/**
 * Processes with one shared pace before a platform that counts, in virtual time: as many requests as the pace lets through, which
 * take a while there and back.
 */
export function simulate(world: World, random: () => number): Seen[] {
  const way = world.wayMs ?? 10;
  let shared = newPace(0, world.told);
  const seen: Seen[] = [];
  const events: { at: number; run: () => void }[] = [];
  let now = 0;
  const at = (time: number, run: () => void) => {
    const place = events.findIndex((event) => event.at > time);
    events.splice(place === -1 ? events.length : place, 0, { at: time, run });
  };
  const answer = createCounting(world, random);
  for (let index = 0; index < world.processes; index += 1) {
    let active = 0;
    let accepted = 0;
    let places: number[] = [];
    let blockedUntil = 0;
    let blocked = false;
    const learn = () => {
      blockedUntil = shared.blockedUntil;
      blocked = shared.blocks > 0;
    };
    const most = world.concurrent ?? 8;
    const send = () => {
      active += 1;
      at(now + 1 + random() * way, () => {
        const { afterMs, ...answered } = answer(now);
        const ok = answered.accepted;
        seen.push({ at: now, ...answered });
        at(now + 1 + random() * way, () => {
          active -= 1;
          if (ok) accepted += 1;
          // As the limiter does: what was accepted is told with the next places, unless the end of a block is waited for.
          if (!ok || (blocked && blockedUntil <= now)) {
            shared = accept(shared, now, accepted);
            if (!ok) shared = limited(shared, now, afterMs);
            accepted = 0;
            learn();
            places = [];
          }
          next();
        });
      });
    };
    let waiting = false;
    const next = () => {
      while (active < most && !waiting) {
        if (places.length === 0) {
          const { pace, places: taken } = reserve(accept(shared, now, accepted), now, 50, world.horizonMs ?? 100);
          shared = pace;
          accepted = 0;
          learn();
          if (taken === 'free') {
            send();
            continue;
          }
          places = [...taken];
        }
        const place = Math.max(places.shift() as number, blockedUntil);
        const known = blockedUntil;
        const asks = place - now > (world.horizonMs ?? 100);
        waiting = true;
        at(Math.max(place, now), () => {
          waiting = false;
          if (asks) {
            learn();
            if (blockedUntil !== known) {
              places = [];
              next();
              return;
            }
          }
          // A block may have come meanwhile.
          if (blockedUntil > now) places = [blockedUntil];
          else send();
          next();
        });
      }
    };
    at(random() * 50, next);
  }
  while (events.length > 0 && (events[0] as { at: number }).at < world.untilMs) {
    const event = events.shift() as { at: number; run: () => void };
    now = event.at;
    event.run();
  }
  return seen;
}

/** Accepted ÷ allowed, and refused ÷ all, between two times. What the platform refused to everybody was not allowed, and is no 429 of ours. */
export function judge(seen: readonly Seen[], allowances: readonly Allowance[], fromMs: number, toMs: number) {
  const some = seen.filter(({ at }) => at >= fromMs && at < toMs);
  const accepted = some.filter((each) => each.accepted).length;
  const refused = some.filter((each) => !each.accepted && each.lostUntil === undefined).length;
  const allowedIn = (begin: number, end: number): number =>
    allowances.reduce((sum, { requests, perMs, fromMs: start }, index) => {
      const spanMs = Math.min(allowances[index + 1]?.fromMs ?? end, end) - Math.max(start, begin);
      return spanMs > 0 ? sum + (spanMs / perMs) * requests : sum;
    }, 0);
  let allowed = allowedIn(fromMs, toMs);
  let lostTo = fromMs;
  for (const { at, lostUntil } of some) {
    if (lostUntil === undefined || lostUntil <= lostTo) continue;
    allowed -= allowedIn(Math.max(at, lostTo), Math.min(lostUntil, toMs));
    lostTo = lostUntil;
  }
  return { efficiency: accepted / allowed, refused: refused / Math.max(some.length, 1), requests: some.length };
}
