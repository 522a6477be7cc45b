/**
 * The product as a process that the harness can start, slow, move the clock of and kill: the same composition as `serve`, with
 * shorter times, a clock that messages move, and, if told so, one defence less.
 *
 * `FAULTS` in the environment holds the `EntrySettings` as JSON; everything else is the configuration that every user has.
 */
import { parseConfig, readAssets } from '../../src/config/index.ts';
import { compileEngines, type Engines } from '../../src/engines.ts';
import { createLogger, createService } from '../../src/service.ts';
import type { Store } from '../../src/store/index.ts';
import { QUOTA_MS } from './wire-faults.ts';
import { type Defence, stalling, withoutDefence } from './without.ts';

export interface EntrySettings {
  /** `service`: intake and HTTP. `worker`: delivery. `all`: both in one process, as with SQLite. */
  readonly role: 'service' | 'worker' | 'all';
  readonly without?: Defence;
  readonly clockOffsetMs: number;
  /** Scaled times, ms. A request may take so long; what is on the wire of a dead process is left alone for `leaseMs`. */
  readonly timeoutMs: number;
  readonly leaseMs: number;
  readonly readLagMs: number;
  /** What the platform is known to allow each client in a second; undefined: the service learns it. */
  readonly quota?: number;
  readonly tokenPenaltyMs: number;
  /** Share of the requests before which a worker stands still until its lease has run out. */
  readonly stalls: number;
  readonly stallMs: number;
  readonly backoff: { readonly baseMs: number; readonly maxMs: number };
  readonly pollMs: number;
  readonly maxAttempts: number;
}

/** What the harness tells the process. */
export interface Order {
  readonly clockOffsetMs: number;
}

/** What the process tells the harness. */
export type Word = { readonly kind: 'ready'; readonly url: string | undefined } | { readonly kind: 'adopted'; readonly count: number };

const settings = JSON.parse(process.env.FAULTS ?? '{}') as EntrySettings;
let offsetMs = settings.clockOffsetMs;
process.on('message', (order: Order) => {
  offsetMs = order.clockOffsetMs;
});
const tell = (word: Word): void => void process.send?.(word);

const config = parseConfig(process.env);
// Only intake needs the compiled rooms; a worker is at work sooner without.
const engines = settings.role === 'worker' ? ({} as Engines) : compileEngines(readAssets());
const { wrapStore: weaken, wrapPlatform } = withoutDefence(settings.without, config);
const stall = stalling(settings.stalls, settings.stallMs, Math.random);
const wrapStore = (store: Store): Store => stall(weaken?.(store) ?? store);
const service = await createService(config, engines, createLogger(config, 2), {
  clock: () => Date.now() + offsetMs,
  wrapStore,
  ...(wrapPlatform && { wrapPlatform }),
  satusehat: {
    timeoutMs: settings.timeoutMs,
    readLagMs: settings.readLagMs,
    tokenPenaltyMs: settings.tokenPenaltyMs,
    ...(settings.quota !== undefined && { quota: { requests: (settings.quota * QUOTA_MS) / 1_000, perMs: QUOTA_MS } }),
  },
  worker: {
    leaseMs: settings.leaseMs,
    backoff: settings.backoff,
    pollMs: settings.pollMs,
    maxAttempts: settings.maxAttempts,
    clientPauseMs: settings.tokenPenaltyMs,
    metrics: { count: (name, _labels, by = 1) => name === 'adopted_resources' && tell({ kind: 'adopted', count: by }) },
  },
});
let url: string | undefined;
if (settings.role === 'worker') service.worker.start();
else url = (await service.start()).url;
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    service.stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  });
}
// Its parent is gone: nobody would end it.
process.once('disconnect', () => process.exit(1));
tell({ kind: 'ready', url });
