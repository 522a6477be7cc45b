import { accept, limited, type Pace, type Quota, readPace, reserve } from '../../src/satusehat/pace.ts';

/** What the platform allows, from when on. */
export interface Allowance extends Quota {
  readonly fromMs: number;
}

export interface World {
  readonly allowances: readonly Allowance[];
  readonly window: 'fixed' | 'sliding';
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
}

export interface Seen {
  readonly at: number;
  readonly accepted: boolean;
}

/**
 * Processes with one shared pace before a platform that counts, in virtual time: as many requests as the pace lets through, which
 * take a while there and back.
 */
export function simulate(world: World, random: () => number): Seen[] {
  const way = world.wayMs ?? 10;
  let text: string | undefined;
  const seen: Seen[] = [];
  const arrivals: number[] = [];
  const events: { at: number; run: () => void }[] = [];
  let now = 0;
  const at = (time: number, run: () => void) => {
    const place = events.findIndex((event) => event.at > time);
    events.splice(place === -1 ? events.length : place, 0, { at: time, run });
  };
  const share = (change: (pace: Pace) => Pace): Pace => {
    const pace = change(readPace(text, now, world.told));
    text = JSON.stringify(pace);
    return pace;
  };
  const answer = (): { accepted: boolean; afterMs: number | undefined } => {
    const { requests, perMs } = world.allowances.findLast(({ fromMs }) => fromMs <= now) as Allowance;
    const begin = world.window === 'fixed' ? Math.floor(now / perMs) * perMs : now - perMs;
    while (arrivals.length > 0 && (world.window === 'fixed' ? (arrivals[0] as number) < begin : (arrivals[0] as number) <= begin))
      arrivals.shift();
    if (arrivals.length < requests) {
      arrivals.push(now);
      return { accepted: true, afterMs: undefined };
    }
    const free = world.window === 'fixed' ? begin + perMs : (arrivals[arrivals.length - requests] as number) + perMs;
    return { accepted: false, afterMs: world.retryAfter ? Math.ceil((free - now) / 1_000) * 1_000 : undefined };
  };
  for (let index = 0; index < world.processes; index += 1) {
    let active = 0;
    let accepted = 0;
    let places: number[] = [];
    let blockedUntil = 0;
    const most = world.concurrent ?? 8;
    const send = () => {
      active += 1;
      at(now + 1 + random() * way, () => {
        const { accepted: ok, afterMs } = answer();
        seen.push({ at: now, accepted: ok });
        at(now + 1 + random() * way, () => {
          active -= 1;
          if (ok) accepted += 1;
          const pace = share((shared) => {
            const counted = accept(shared, now, shared.blocks > 0 || !ok ? accepted : 0);
            if (shared.blocks > 0 || !ok) accepted = 0;
            return ok ? counted : limited(counted, now, afterMs);
          });
          blockedUntil = pace.blockedUntil;
          next();
        });
      });
    };
    let waiting = false;
    const next = () => {
      while (active < most && !waiting) {
        if (places.length === 0) {
          let taken: readonly number[] | 'free' = 'free';
          share((shared) => {
            const reservation = reserve(accept(shared, now, accepted), now, 50, world.horizonMs ?? 100);
            accepted = 0;
            blockedUntil = reservation.pace.blockedUntil;
            taken = reservation.places;
            return reservation.pace;
          });
          if (taken === 'free') {
            send();
            continue;
          }
          places = [...(taken as readonly number[])];
        }
        const place = Math.max(places.shift() as number, blockedUntil);
        waiting = true;
        at(Math.max(place, now), () => {
          waiting = false;
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

/** Accepted ÷ allowed, and refused ÷ all, between two times. */
export function judge(seen: readonly Seen[], allowances: readonly Allowance[], fromMs: number, toMs: number) {
  const some = seen.filter(({ at }) => at >= fromMs && at < toMs);
  const accepted = some.filter((each) => each.accepted).length;
  let allowed = 0;
  allowances.forEach(({ requests, perMs, fromMs: start }, index) => {
    const begin = Math.max(start, fromMs);
    const end = Math.min(allowances[index + 1]?.fromMs ?? toMs, toMs);
    if (end > begin) allowed += ((end - begin) / perMs) * requests;
  });
  return { efficiency: accepted / allowed, refused: (some.length - accepted) / Math.max(some.length, 1), requests: some.length };
}
