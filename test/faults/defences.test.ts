import { describe, expect, it } from 'vitest';
import { createSqlite } from './database.ts';
import { type RunOptions, type RunResult, run } from './harness.ts';
import { NO_RATES } from './wire-faults.ts';
import type { Defence } from './without.ts';

/**
 * The harness would be worth nothing if it found nothing: each defence is taken away, and what it prevents has to be counted. The
 * faults are aimed at it; with the defence in place the same faults do no harm (`FAULTS=all` tries that too).
 */
interface Aimed {
  readonly without: Defence;
  readonly options: Partial<RunOptions>;
  /** What has to be found. */
  readonly finds: (result: RunResult) => number;
  /** Takes longer than a test may: only with `FAULTS=all`. */
  readonly slow?: true;
}

const ALL = process.env.FAULTS === 'all';
const QUIET = { kill: 0, freeze: 0, clock: 0, cut: 0 };
const CORRECTIONS = { correction: 0.5, withdrawal: 0, adding: 1, recent: 250, measured: 1 };
/** The same measurement of the same few visits again and again, so that one version overtakes another. */
const CHANGES = { correction: 0.9, withdrawal: 0, adding: 0, recent: 10, measured: 0 };

const NO_FAULTS = { partial: 0, rates: NO_RATES, readLagMs: 0 };

const CASES: readonly Aimed[] = [
  {
    // The answer to a measurement that is sent alone is lost. Sent again without a look it is there twice or, where the platform knows
    // its identifier, refused for ever: a person has to find out what the service could have seen.
    without: 'lookup',
    options: {
      sends: 70,
      backlog: 10,
      maxAttempts: 4,
      mix: CORRECTIONS,
      wire: NO_FAULTS,
      orders: [{ match: { method: 'POST', path: '/fhir-r4/v1/Observation' }, action: 'drop-after', times: 8 }],
    },
    finds: ({ duplicates, unexpected }) => duplicates + unexpected,
  },
  {
    // What carries another identifier each time is neither found nor refused as a duplicate.
    without: 'identifier',
    options: { sends: 50, wire: { ...NO_FAULTS, rates: { ...NO_RATES, dropAfter: 0.3 } } },
    finds: ({ duplicates }) => duplicates,
  },
  {
    // A worker stands still until another has its delivery, and goes on as if nothing had happened.
    without: 'fencing',
    options: { sends: 60, backlog: 10, mix: CHANGES, stalls: 0.3, stallLeases: 3, wire: NO_FAULTS },
    finds: ({ duplicates, lost }) => duplicates + lost,
    slow: true,
  },
  {
    // The first visit fails and comes again later; the second one of the patient has overtaken it.
    without: 'order',
    options: { sends: 100, wire: { ...NO_FAULTS, rates: { ...NO_RATES, dropBefore: 0.2 } } },
    finds: ({ outOfOrder }) => outOfOrder,
  },
  {
    // Three processes keep the quota, each for itself.
    without: 'shared-limiter',
    options: { sends: 150, quota: 6, beside: 2, wire: NO_FAULTS },
    finds: ({ limited }) => Number(limited > 0.05),
    slow: true,
  },
];

const aimed = ({ options }: Aimed): RunOptions => ({
  sends: 100,
  seed: 7,
  workers: 2,
  surface: 'recorded',
  createDatabase: async (folder) => createSqlite(folder),
  restore: false,
  everyMs: 1_000,
  weights: QUIET,
  quota: 500,
  quotaTold: true,
  stalls: 0,
  ...options,
});

describe.each(CASES)('without $without', (one) => {
  it.runIf(ALL || !one.slow)(
    'the harness finds what it prevents',
    async () => {
      const { result, ok } = await run({ ...aimed(one), without: one.without });
      expect(one.finds(result), JSON.stringify(result)).toBeGreaterThan(0);
      expect(ok).toBe(false);
    },
    60_000,
  );

  it.runIf(ALL)(
    'and with it the same faults do no harm',
    async () => {
      const { result, count, ok } = await run(aimed(one));
      expect({ ok, offences: count.offences }, JSON.stringify(result)).toEqual({ ok: true, offences: [] });
    },
    60_000,
  );
});
