import { createLimiter } from '../../src/satusehat/limiter.ts';
import { createOwnState } from '../../src/satusehat/shared-state.ts';
import type { Allowance, Seen, World } from './pace-world.ts';

/**
 * Real limiters, one for each process, over one shared state and before a platform that counts, in virtual time. Each process has
 * `concurrent` senders that always have work.
 */
export async function simulateLimiters(world: World, random: () => number): Promise<Seen[]> {
  const way = world.wayMs ?? 10;
  const events: { at: number; run: () => void }[] = [];
  const arrivals: number[] = [];
  const seen: Seen[] = [];
  let now = 0;
  const delay = (ms: number) =>
    new Promise<void>((resolve) => {
      const at = now + Math.max(ms, 0);
      const place = events.findIndex((event) => event.at > at);
      events.splice(place === -1 ? events.length : place, 0, { at, run: resolve });
    });
  const answer = (): { accepted: boolean; afterMs?: number | undefined } => {
    const { requests, perMs } = world.allowances.findLast(({ fromMs }) => fromMs <= now) as Allowance;
    const begin = world.window === 'fixed' ? Math.floor(now / perMs) * perMs : now - perMs;
    while (arrivals.length > 0 && (world.window === 'fixed' ? (arrivals[0] as number) < begin : (arrivals[0] as number) <= begin))
      arrivals.shift();
    if (arrivals.length < requests) {
      arrivals.push(now);
      return { accepted: true };
    }
    const free = world.window === 'fixed' ? begin + perMs : (arrivals[arrivals.length - requests] as number) + perMs;
    return { accepted: false, afterMs: world.retryAfter ? Math.max(1, Math.ceil((free - now) / 1_000)) * 1_000 : undefined };
  };
  const shared = createOwnState(() => now);
  const maxConcurrent = world.concurrent ?? 8;
  for (let process = 0; process < world.processes; process += 1) {
    const { told } = world;
    const limits = createLimiter({
      shared,
      monotonic: () => now,
      delay,
      maxConcurrent,
      maxWaitMs: 2_000,
      ...(told !== undefined && { quota: () => told }),
    });
    for (let sender = 0; sender < maxConcurrent; sender += 1) {
      void (async () => {
        await delay(random() * 50);
        for (;;) {
          const turn = await limits.enter('c');
          if (turn.kind === 'retry') {
            await delay(turn.afterMs);
            continue;
          }
          await delay(1 + random() * way);
          const { accepted, afterMs } = answer();
          seen.push({ at: now, accepted });
          await delay(1 + random() * way);
          if (accepted) await limits.succeeded('c');
          else await limits.limited('c', afterMs);
          turn.done();
        }
      })();
    }
  }
  for (;;) {
    // All that follows from the last event has happened when the loop comes round.
    await new Promise((resolve) => setImmediate(resolve));
    const event = events.shift();
    if (event === undefined || event.at >= world.untilMs) return seen;
    now = event.at;
    event.run();
  }
}
