import type { Delivery, DifferenceKind, DifferenceWrite, PlatformId, Store } from '../store/port.ts';
import { isOpen } from './hours.ts';
import type { Log, Platform, Unit } from './platform.ts';
import { type Finding, lookAt } from './reconcile-unit.ts';
import { SYNC_CONTEXT } from './references.ts';
import { RESTORED } from './worker.ts';

export interface ReconcileOptions {
  readonly store: Pick<
    Store,
    | 'completedDeliveries'
    | 'credentials'
    | 'deliveries'
    | 'deliveryCounts'
    | 'deliveryGroups'
    | 'differences'
    | 'facilities'
    | 'platformIds'
    | 'putDifferences'
    | 'putShared'
    | 'resolveDifferences'
    | 'resources'
    | 'shared'
    | 'commit'
  >;
  readonly platform: Platform;
  /** Epoch ms. */
  readonly clock: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  readonly newId: () => string;
  readonly delay: (ms: number) => Promise<void>;
  readonly signal: AbortSignal;
  readonly log: Log;
  /** Units to look at: so many of the newest, and as many older ones; shared out among the owners. */
  readonly sample?: number;
  /** All that was ever delivered, instead of a sample. */
  readonly all?: boolean;
  /** Codes of puskesmas. Default: all in whose name something was delivered. */
  readonly owners?: readonly string[];
  /** Counts what would be looked at, and asks the platform nothing. */
  readonly dryRun?: boolean;
  readonly onUnit?: (units: number) => void;
}

export interface ReconcileReport {
  /** Units looked at; with `dryRun` those that would be. */
  readonly units: number;
  readonly resources: number;
  readonly missing: number;
  readonly changed: number;
  readonly extra: number;
  /** Ids that were not known and are now. */
  readonly filled: number;
  /** Known to be there, still without id. */
  readonly unknownId: number;
  /** Units that no answer was had for. */
  readonly unread: number;
  /** Owners left for another time: closed now, without a usable account, or the platform did not answer. */
  readonly ownersLeft: number;
  /** Open differences at the end, of this and earlier runs. */
  readonly open: number;
  /** 1: all that was to be looked at was. */
  readonly complete: number;
  /** 1: the mark of a restored backup was cleared. */
  readonly restoreEnded: number;
}

export const DEFAULT_SAMPLE = 200;
/** Shared value with how far a run has come; there while one was stopped before its end. */
export const RECONCILE_STATE = 'reconcile';
const PAGE = 20;
const MAX_WAITS = 30;
const MAX_SILENCES = 3;
const MAX_WAIT_MS = 60_000;

interface Progress {
  /** Number of the last delivery looked at, of the newest. */
  before: number | null;
  newest: number;
  older: number;
}

interface State {
  readonly run: string;
  readonly key: string;
  readonly left: Record<string, Progress>;
  /** Owners whose account the platform did not take. */
  readonly unusable: string[];
  readonly counts: Counts;
}

type Counts = Record<'units' | 'resources' | 'missing' | 'changed' | 'extra' | 'filled' | 'unknownId' | 'unread', number>;
const NOTHING: Counts = { units: 0, resources: 0, missing: 0, changed: 0, extra: 0, filled: 0, unknownId: 0, unread: 0 };

/**
 * Compares what we say is delivered with what the platform holds. On the platform it only reads; here it notes differences, and fills in
 * ids that were not known. One that was stopped goes on where it was.
 */
export async function reconcile(options: ReconcileOptions): Promise<ReconcileReport> {
  const { store, platform, clock, signal } = options;
  const { environment } = platform;
  const owners = await ownersOf(options);
  if (options.dryRun === true) return preview(options, owners);
  const patient = waitingFor(options);
  const state = await begin(options, owners);
  const closed = await closedOwners(options, owners);
  const known = new Set((await store.differences({ environment, open: true, limit: 100_000 })).map(({ reference }) => reference));

  for (const owner of Object.keys(state.left)) {
    if (signal.aborted) break;
    if (closed.has(owner)) continue;
    await ofOwner(owner, state.left[owner] as Progress);
  }

  const ownersLeft = Object.keys(state.left).length + state.unusable.length;
  const complete = ownersLeft === 0;
  // The next sample is another one; all is all, so it goes on where it was.
  const goesOn = Object.keys(state.left).length > 0 && (signal.aborted || options.all === true);
  await keep(options, goesOn ? state : undefined);
  const open = (await store.differences({ environment, open: true, limit: 100_000 })).length;
  const whole = complete && options.all === true && options.owners === undefined && state.counts.unread === 0 && open === 0;
  const restoreEnded = whole && (await endRestore(store, environment));
  return { ...state.counts, ownersLeft, open, complete: Number(complete), restoreEnded: Number(restoreEnded) };

  async function ofOwner(owner: string, progress: Progress): Promise<void> {
    const seen = new Set<number>();
    for (;;) {
      const page = await nextOf(owner, progress, seen);
      if (page.length === 0) break;
      for (const delivery of page) {
        if (signal.aborted) return;
        const findings = isFresh(delivery) ? [] : await lookAt({ store, platform: patient }, delivery);
        if (findings !== 'unread' && 'kind' in findings) {
          // One without a usable account will not have one because this is asked again.
          if (findings.kind === 'no-account' || findings.kind === 'unauthorised') {
            delete state.left[owner];
            state.unusable.push(owner);
          }
          return;
        }
        await note(state, delivery, findings === 'unread' || (await stands(delivery, findings)) ? findings : []);
        if (progress.newest > 0) progress.before = delivery.id;
        progress[progress.newest > 0 ? 'newest' : 'older'] -= 1;
        options.onUnit?.(state.counts.units);
      }
      await keep(options, state);
    }
    delete state.left[owner];
    await keep(options, state);
  }

  /** What was written a moment ago may not be visible yet: it is left to the next time. */
  function isFresh({ updatedAt }: Delivery): boolean {
    return Date.parse(updatedAt) + (platform.readLagMs ?? 0) > clock();
  }

  /** A new version that was sent while this was looked at is no difference. */
  async function stands(delivery: Delivery, findings: readonly Finding[]): Promise<boolean> {
    if (findings.every(({ kind }) => kind === 'same' || kind === 'found-id')) return true;
    const [now] = await store.deliveries({ environment, keys: [delivery.key] });
    return now?.state === 'completed' && now.updatedAt === delivery.updatedAt;
  }

  async function nextOf(owner: string, progress: Progress, seen: Set<number>): Promise<readonly Delivery[]> {
    const limit = Math.min(PAGE, progress.newest);
    const below = progress.before === null ? {} : { before: progress.before };
    if (limit > 0) {
      const page = await store.completedDeliveries({ environment, owner, ...below, limit });
      if (page.length > 0) return page;
      progress.newest = 0;
      progress.older = 0;
    }
    // Anywhere among the older ones.
    while (progress.older > 0 && progress.before !== null) {
      const before = 2 + Math.floor(options.random() * Math.max(0, progress.before - 1));
      const [one] = await store.completedDeliveries({ environment, owner, before: Math.min(before, progress.before), limit: 1 });
      if (one !== undefined && !seen.has(one.id)) {
        seen.add(one.id);
        return [one];
      }
      progress.older -= 1;
    }
    return [];
  }

  async function note(of: State, delivery: Delivery, findings: readonly Finding[] | 'unread'): Promise<void> {
    const { counts, run } = of;
    counts.units += 1;
    if (findings === 'unread') {
      counts.unread += 1;
      options.log.warn({ delivery: delivery.id, kind: delivery.kind, owner: delivery.owner }, 'reconcile.unread');
      return;
    }
    const at = new Date(clock()).toISOString();
    const differences: DifferenceWrite[] = [];
    const platformIds: PlatformId[] = [];
    const fine: string[] = [];
    for (const { reference, kind, placed, at: contentAt } of findings) {
      if (kind !== 'extra') counts.resources += 1;
      if (kind === 'found-id' && placed !== undefined) {
        counts.filled += 1;
        platformIds.push({ ...placed, environment, at: contentAt ?? at });
      }
      if (kind === 'same' || kind === 'found-id') {
        if (known.has(reference)) fine.push(reference);
        continue;
      }
      counts[COUNTED[kind]] += 1;
      known.add(reference);
      differences.push({ environment, reference, kind, platformId: placed?.platformId ?? null, foundAt: at, run, owner: delivery.owner });
    }
    if (platformIds.length > 0) await store.commit({ platformIds });
    if (fine.length > 0) await store.resolveDifferences({ environment, references: fine, at });
    if (differences.length > 0) await store.putDifferences(differences);
  }
}

/** The same platform, each question to which is asked again where it wants to be waited for. */
function waitingFor({ platform, delay, signal }: ReconcileOptions): Platform {
  async function asked<T extends { readonly kind: string }>(ask: () => Promise<T>): Promise<T> {
    let silences = 0;
    for (let waits = 0; ; waits += 1) {
      const answer = await ask();
      if (answer.kind !== 'retry' && answer.kind !== 'unavailable') return answer;
      if (answer.kind === 'unavailable') silences += 1;
      if (waits >= MAX_WAITS || silences >= MAX_SILENCES || signal.aborted) return answer;
      const { afterMs } = answer as { afterMs?: number };
      await delay(Math.min(afterMs ?? 1_000 * 2 ** silences, MAX_WAIT_MS));
    }
  }
  const { around } = platform;
  return {
    ...platform,
    inspect: (unit, versions) => asked(() => platform.inspect(unit, versions)),
    find: (unit, thorough) => asked(() => platform.find(unit, thorough)),
    ...(around !== undefined && { around: (unit: Unit) => asked(() => around(unit)) }),
  };
}

const COUNTED: Readonly<Record<DifferenceKind, keyof Counts>> = {
  missing: 'missing',
  changed: 'changed',
  extra: 'extra',
  'unknown-id': 'unknownId',
};

/** All in whose name something was ever delivered, also those whose account is gone: else nobody would notice what is not compared. */
async function ownersOf({ store, platform, owners }: ReconcileOptions): Promise<readonly string[]> {
  if (owners !== undefined) return owners;
  const groups = await store.deliveryGroups(SYNC_CONTEXT, platform.environment);
  return [...new Set(groups.filter(({ state }) => state === 'completed').map(({ owner }) => owner))].sort();
}

async function closedOwners({ store, platform, clock }: ReconcileOptions, owners: readonly string[]): Promise<ReadonlySet<string>> {
  const limited = (await store.credentials(platform.environment)).filter(
    ({ owner, allowedHours }) => allowedHours !== null && owners.includes(owner),
  );
  const zones = new Map((await store.facilities(limited.map(({ owner }) => owner))).map(({ code, timeZone }) => [code, timeZone]));
  const closed = limited.filter(({ owner, allowedHours }) => !isOpen(allowedHours, zones.get(owner) ?? 'Asia/Jakarta', clock()));
  return new Set(closed.map(({ owner }) => owner));
}

function shareOf({ all, sample = DEFAULT_SAMPLE }: ReconcileOptions, owners: readonly string[]): Progress {
  if (all === true) return { before: null, newest: Number.MAX_SAFE_INTEGER, older: 0 };
  const share = Math.max(1, Math.ceil(sample / Math.max(1, owners.length)));
  return { before: null, newest: share, older: share };
}

async function preview(options: ReconcileOptions, owners: readonly string[]): Promise<ReconcileReport> {
  const { store, platform } = options;
  const { newest, older } = shareOf(options, owners);
  let units = 0;
  for (const owner of owners) {
    for (let before: number | undefined, left = newest + older; left > 0; ) {
      const page = await store.completedDeliveries({
        environment: platform.environment,
        owner,
        ...(before !== undefined && { before }),
        limit: Math.min(1_000, left),
      });
      units += page.length;
      left -= page.length;
      before = page.at(-1)?.id;
      if (before === undefined) break;
    }
  }
  const open = (await store.differences({ environment: platform.environment, open: true, limit: 100_000 })).length;
  return { ...NOTHING, units, ownersLeft: owners.length, open, complete: 0, restoreEnded: 0 };
}

/** A new run, or the one that was stopped, if it was to look at the same. */
async function begin(options: ReconcileOptions, owners: readonly string[]): Promise<State> {
  const key = JSON.stringify([options.all === true ? 'all' : (options.sample ?? DEFAULT_SAMPLE), options.owners ?? 'all']);
  const { entries } = await options.store.shared(options.platform.environment, [RECONCILE_STATE]);
  const stopped = read(entries[0]?.value);
  if (stopped?.key === key) return stopped;
  return {
    run: options.newId(),
    key,
    left: Object.fromEntries(owners.map((owner) => [owner, shareOf(options, owners)])),
    unusable: [],
    counts: { ...NOTHING },
  };
}

function read(value: string | undefined): State | undefined {
  try {
    const state = JSON.parse(value ?? 'null') as State | null;
    return state !== null && typeof state.run === 'string' && typeof state.left === 'object' ? state : undefined;
  } catch {
    return undefined;
  }
}

async function keep({ store, platform }: ReconcileOptions, state: State | undefined): Promise<void> {
  const { entries } = await store.shared(platform.environment, [RECONCILE_STATE]);
  await store.putShared(
    platform.environment,
    RECONCILE_STATE,
    state === undefined ? null : JSON.stringify(state),
    entries[0]?.version ?? null,
  );
}

/** What waits was looked up as what a restored backup does not know has to be; only when nothing waits is it all known again. */
async function endRestore(store: ReconcileOptions['store'], environment: string): Promise<boolean> {
  const { entries } = await store.shared(environment, [RESTORED]);
  const [mark] = entries;
  if (mark === undefined) return false;
  const counts = await store.deliveryCounts(environment);
  if (counts.some(({ state }) => state === 'ready' || state === 'in-progress')) return false;
  return store.putShared(environment, RESTORED, null, mark.version);
}
