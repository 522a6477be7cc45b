import { describe, expect, it } from 'vitest';
import { BREBES, SIRAMPOG } from './fixtures.ts';
import { createRig } from './rig.ts';

/** Same seed, same numbers (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const FAULTS = [
  { action: 'drop-after' },
  { action: 'drop-after' },
  { action: 'drop-before' },
  { action: 'partial' },
  { action: 'truncate' },
  { action: 'late', delayMs: 400 },
  { action: 'expire-tokens' },
  { action: 'html-403' },
  { action: 'status', status: 429, retryAfter: 5 },
  { action: 'status', status: 429 },
  { action: 'status', status: 500 },
  { action: 'status', status: 503 },
  { action: 'status', status: 504 },
] as const;

describe('any mixture of faults', () => {
  it.each([
    [1, 'recorded', 0],
    [2, 'documented', 0],
    // Time is the machine's there: what a look-up can prove depends on it.
    [3, 'recorded', 150],
  ] as const)(
    'seed %i, %s, reads %i ms late: every visit is on the platform once, whole, and known here by its id',
    async (seed, surface, readLagMs) => {
      const random = randomOf(seed);
      const rig = await createRig({
        worker: { random, maxAttempts: 1_000, leaseMs: 60_000 },
        // Shorter than a late answer takes.
        timeoutMs: 250,
        platform: { surface, readLagMs },
        realTime: readLagMs > 0,
      });
      try {
        await rig.settings({ surface, readLagMs });
        const ids: string[] = [];
        for (let person = 0; person < 20; person += 1) {
          ids.push(await rig.receive({ record: `r${person}`, person: person % 15, puskesmas: person % 2 === 0 ? BREBES : SIRAMPOG }));
        }
        // What makes a client wait for seconds would have to be waited for.
        const faults =
          readLagMs === 0
            ? FAULTS
            : FAULTS.filter((fault) => fault.action !== 'expire-tokens' && !('status' in fault && fault.status === 429));
        for (let count = 0; count < 40; count += 1) {
          const fault = faults[Math.floor(random() * faults.length)];
          // Mostly the transactions, for there an answer that is lost could become a second visit.
          const match = random() < 0.6 ? { method: 'POST', path: '/fhir-r4/v1' } : { path: '/fhir-r4/v1/*' };
          await rig.fault({ match: { ...match, nth: 1 + Math.floor(random() * 3) }, ...fault, times: 1 });
        }
        const workers = [rig.startWorker('w1'), rig.startWorker('w2')];
        let waiting = 1;
        for (let round = 0; round < 60 && waiting > 0; round += 1) {
          waiting = Math.max(
            ...(await Promise.all(workers.map((worker) => worker.drain({ patienceMs: readLagMs * 10 })))).map((report) => report.waiting),
          );
          rig.time.advance(60_000);
        }
        expect(waiting).toBe(0);
        for (const id of ids) {
          expect(await rig.submission(id)).toMatchObject({ state: 'completed', reason: null });
          const delivery = await rig.delivery(id);
          expect(await rig.store.platformIds('sandbox', delivery?.resources ?? [])).toHaveLength(4);
        }
        const platform = await rig.onPlatform();
        const identifiers = (type: string) =>
          (platform[type] ?? []).map((resource) =>
            JSON.stringify(
              (resource.identifier as Array<{ system: string }> | undefined)?.filter((each) => !each.system.endsWith('/creator')),
            ),
          );
        for (const [type, count] of [
          ['Encounter', 20],
          ['Condition', 20],
          ['Observation', 40],
          ['Location', 2],
        ] as const) {
          expect(new Set(identifiers(type)).size).toBe(count);
          expect(platform[type]).toHaveLength(count);
        }
        expect(platform.Organization?.filter((found) => found.partOf !== undefined)).toHaveLength(2);
      } finally {
        await rig.close();
      }
    },
  );
});
