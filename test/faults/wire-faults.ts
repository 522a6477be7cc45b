import type { FaultRates } from '../../src/sandbox/settings.ts';
import type { Change } from './platform.ts';

export interface WireFaultOptions {
  readonly seed: number;
  readonly surface: 'recorded' | 'documented';
  /** Longest a request of the product may take; what is late comes after it. */
  readonly timeoutMs: number;
  readonly tokenPenaltyMs: number;
  /** Requests a second of each client. */
  readonly quota: number;
  /** Share of Bundles that are saved in part. */
  readonly partial?: number;
  readonly rates?: Partial<FaultRates>;
  readonly readLagMs?: number;
}

/** Window of the quota: short, and still long beside the delays of a busy machine. */
export const QUOTA_MS = 5_000;

/** Of a hundred requests fifteen meet something; spells hit all that come while they last. */
const RATES: FaultRates = {
  dropBefore: 0.02,
  dropAfter: 0.04,
  truncate: 0.02,
  late: 0.02,
  status503: 0.004,
  status429: 0.004,
  expireToken: 0.01,
  html403: 0.01,
};

/** As many faults of single requests, and a spell of 429 or 503 every two thousand requests. */
export const RARE_SPELLS: Partial<FaultRates> = { status503: 0.0005, status429: 0.0005 };

export const NO_RATES = Object.fromEntries(Object.keys(RATES).map((name) => [name, 0])) as unknown as FaultRates;

/** Settings of a platform on which everything goes wrong now and then. */
export const faulty = (options: WireFaultOptions): Change => ({
  surface: options.surface,
  partialBundles: { rate: options.partial ?? 0.04, seed: options.seed },
  readLagMs: options.readLagMs ?? 0,
  tokenPenaltyMs: options.tokenPenaltyMs,
  quotas: { default: { requests: (options.quota * QUOTA_MS) / 1_000, perMs: QUOTA_MS, retryAfter: false, window: 'sliding' } },
  faults: {
    seed: options.seed,
    rates: { ...RATES, ...options.rates },
    lateMs: options.timeoutMs * 2,
    spellMinMs: 200,
    spellMaxMs: 1_500,
    retryAfterSeconds: 1,
    token: true,
  },
});

/** The same platform on a good day, so that what still waits can arrive. */
export const calm: Change = { partialBundles: { rate: 0 }, faults: { rates: NO_RATES } };
