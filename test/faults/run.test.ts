import { describe, expect, inject, it } from 'vitest';
import { createPostgres, createSqlite } from './database.ts';
import { run } from './harness.ts';

/** The proof in small; `.ci/run` and docs/proof.md have the larger ones. */
describe.each(['sqlite', 'postgres'] as const)('300 sends among faults, %s', (engine) => {
  it('lose nothing and double nothing', async () => {
    const lines: string[] = [];
    const { result, count, events, ok } = await run({
      sends: 300,
      seed: engine === 'sqlite' ? 31 : 32,
      workers: 2,
      surface: 'recorded',
      createDatabase: async (folder) =>
        engine === 'sqlite' ? createSqlite(folder) : createPostgres(await (await fetch(inject('postgresStarter'))).text(), 'faults_run'),
      restore: false,
      everyMs: 1_500,
      weights: { kill: 3, freeze: 1 },
      quota: 100,
      quotaTold: true,
      wire: { readLagMs: 100, rates: { status503: 0.002, status429: 0.002 } },
      say: (line) => lines.push(line),
    });
    expect({ offences: count.offences.slice(0, 20), ok }, lines.join('\n')).toEqual({ offences: [], ok: true });
    expect(result).toMatchObject({ lost: 0, duplicates: 0, stuck: 0, unexpected: 0, outOfOrder: 0 });
    expect(result.sends).toBeGreaterThanOrEqual(300);
    expect(result.delivered + result.accounted).toBe(result.records);
    // Else nothing was tried.
    expect(result.adopted).toBeGreaterThan(0);
    expect(events.kill + events.freeze).toBeGreaterThan(0);
  }, 120_000);
});
