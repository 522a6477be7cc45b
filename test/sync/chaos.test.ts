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
  { action: 'drop-before' },
  { action: 'expire-tokens' },
  { action: 'status', status: 429, retryAfter: 5 },
  { action: 'status', status: 429 },
  { action: 'status', status: 500 },
  { action: 'status', status: 503 },
  { action: 'status', status: 504 },
] as const;

describe('any mixture of faults', () => {
  it.each([1, 2, 3])('seed %i: every visit is on the platform once, whole, and known here by its id', async (seed) => {
    const random = randomOf(seed);
    const rig = await createRig({ worker: { random, maxAttempts: 1_000 } });
    try {
      const ids: string[] = [];
      for (let person = 0; person < 20; person += 1) {
        ids.push(await rig.receive({ record: `r${person}`, person: person % 15, puskesmas: person % 2 === 0 ? BREBES : SIRAMPOG }));
      }
      for (let count = 0; count < 40; count += 1) {
        const fault = FAULTS[Math.floor(random() * FAULTS.length)];
        // Mostly the transactions, for there an answer that is lost could become a second visit.
        const match = random() < 0.6 ? { method: 'POST', path: '/fhir-r4/v1' } : { path: '/fhir-r4/v1/*' };
        await rig.fault({ match: { ...match, nth: 1 + Math.floor(random() * 3) }, ...fault, times: 1 });
      }
      const workers = [rig.startWorker('w1'), rig.startWorker('w2')];
      let waiting = 1;
      for (let round = 0; round < 60 && waiting > 0; round += 1) {
        waiting = Math.max(...(await Promise.all(workers.map((worker) => worker.drain()))).map((report) => report.waiting));
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
  });
});
