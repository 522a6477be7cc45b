import type { ClientCount, PlatformControl } from './platform.ts';
import { statusesOf } from './platform.ts';

export interface RateOptions {
  readonly platform: PlatformControl;
  /** Owners for whom something waits that could be sent now. */
  readonly waiting: () => Promise<ReadonlySet<string>>;
  readonly ownerOf: (clientId: string) => string;
  /** Since when no process was stopped, slowed or cut off, ms. */
  readonly quietForMs: () => number;
}

interface Sample {
  readonly at: number;
  readonly clients: ReadonlyMap<string, ClientCount>;
  readonly waiting: ReadonlySet<string>;
  readonly statuses: Readonly<Record<string, number>>;
}

const EVERY_MS = 500;
/** A process that was stopped or slowed is at work again after so long. */
const RECOVERED_MS = 1_500;
/** More bad answers than this, and the platform was not up. */
const DOWN_SHARE = 0.1;

/**
 * How much of the allowed rate is used, counted by the platform: accepted requests over those that the quota had room for, in the spans
 * in which work of the client waited, the platform was up and nobody was stopped.
 */
export function createRateMeter({ platform, waiting, ownerOf, quietForMs }: RateOptions) {
  let before: Sample | undefined;
  let allowed = 0;
  let accepted = 0;
  let stopping = false;

  async function sample(): Promise<Sample> {
    const [clients, owners, counts] = await Promise.all([platform.clients(), waiting(), platform.counts()]);
    return {
      at: performance.now(),
      clients: new Map(clients.map((client) => [client.clientId, client])),
      waiting: owners,
      statuses: statusesOf(counts),
    };
  }

  function add(from: Sample, to: Sample): void {
    const grown = (statuses: readonly string[]): number =>
      statuses.reduce((sum, status) => sum + (to.statuses[status] ?? 0) - (from.statuses[status] ?? 0), 0);
    const refused = [...to.clients].reduce((sum, [id, client]) => sum + client.refused - (from.clients.get(id)?.refused ?? 0), 0);
    const bad = grown(['500', '502', '503', '504', 'dropped']) + Math.max(0, grown(['429']) - refused);
    if (bad > DOWN_SHARE * Math.max(1, grown(Object.keys(to.statuses)))) return;
    for (const [id, client] of to.clients) {
      const earlier = from.clients.get(id);
      const owner = ownerOf(id);
      if (earlier === undefined || earlier.allowed === null || client.allowed === null) continue;
      if (!from.waiting.has(owner) || !to.waiting.has(owner)) continue;
      allowed += client.allowed - earlier.allowed;
      accepted += client.accepted - earlier.accepted;
    }
  }

  async function run(): Promise<void> {
    while (!stopping) {
      const next = await sample().catch(() => undefined);
      const undisturbed = quietForMs() > RECOVERED_MS + EVERY_MS;
      if (before !== undefined && next !== undefined && undisturbed) add(before, next);
      before = next;
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  }
  let loop: Promise<void> | undefined;

  return {
    start(): void {
      loop ??= run();
    },
    /** @returns the share, null where the quota never was the limit of anything */
    async stop(): Promise<number | null> {
      stopping = true;
      await loop;
      return allowed === 0 ? null : Math.round((accepted / allowed) * 1000) / 1000;
    },
  };
}
