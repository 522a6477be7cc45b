import { AppError, type Reason, type State } from '../errors/index.ts';
import type { Audit, ChangeSet, Delivery, DeliveryOutcome, Fence, Store } from '../store/port.ts';
import { type Ahead, readAhead } from './ahead.ts';
import { attempt, SYNC_CONTEXT, type Trace } from './attempt.ts';
import { type Backoff, backoffMs, DEFAULT_BACKOFF } from './backoff.ts';
import { isOpen } from './hours.ts';
import { createIdentityResolver, type IdentityHash } from './identity.ts';
import { type Outcome, rowOf, type Settlement, settle } from './outcome.ts';
import { createPauses, WHOLE_PLATFORM } from './pauses.ts';
import { type Log, type Metrics, noMetrics, type Platform, silentLog } from './platform.ts';

export interface WorkerOptions {
  readonly store: Store;
  readonly platform: Platform;
  readonly hash: IdentityHash;
  /** Name of this worker among all that share the store. */
  readonly name: string;
  /** Epoch ms. */
  readonly clock: () => number;
  /** Ms that only grow, for waits of this process. Default: the process's. */
  readonly monotonic?: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  /** Resolves after so many ms, or at once when the signal is aborted. Never rejects. */
  readonly delay?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Deliveries in hand at the same time; a part of them waits for the disk or for its client's turn. Default 64. */
  readonly concurrency?: number;
  /**
   * How long a delivery is kept for a worker that no longer says it is alive; it is extended while the delivery is being sent. Must be
   * longer than one request may take, so that what a dead worker put on the wire has ended before another looks for it. Default 1 minute.
   */
  readonly leaseMs?: number;
  /** Longest sleep between two looks at the queue. Default 2 s. */
  readonly pollMs?: number;
  readonly backoff?: Backoff;
  /** First pause of a client that the platform did not accept; doubles each time. Default 1 minute. */
  readonly clientPauseMs?: number;
  /** Counted tries after which a person has to look. Default 20: about half a day. */
  readonly maxAttempts?: number;
  readonly positiveMaxAgeMs?: number;
  readonly negativeMaxAgeMs?: number;
  readonly log?: Log;
  readonly metrics?: Metrics;
}

/** What a drain did. Numbers of tries, not of deliveries, where one was tried more than once. */
export interface DrainReport {
  readonly claimed: number;
  readonly delivered: number;
  /** Of the delivered: found on the platform and taken over. */
  readonly adopted: number;
  readonly failed: number;
  readonly held: number;
  /** To be tried again later. */
  readonly deferred: number;
  /** Ready at the end, due or not. */
  readonly waiting: number;
  /** Tries that did not deliver, by reason. */
  readonly reasons: Readonly<Record<string, number>>;
}

export interface DrainProgress {
  /** Tries that have ended. */
  readonly done: number;
  /** Deliveries that were ready or in progress at the start. */
  readonly total: number;
}

export interface DrainOptions {
  /** Only counts what would be tried. */
  readonly dryRun?: boolean;
  readonly onProgress?: (progress: DrainProgress) => void;
  /** Ends the drain early; what is being sent is finished. */
  readonly signal?: AbortSignal;
  /** Waits so long for retries that come due soon. Default 0: ends as soon as nothing is due. */
  readonly patienceMs?: number;
}

export interface Worker {
  /** Serves the queue until `stop`. */
  start(): void;
  /** Takes nothing new; resolves when what is being sent has its outcome written. */
  stop(): Promise<void>;
  /** One pass over everything that is due. May run beside `start`. */
  drain(options?: DrainOptions): Promise<DrainReport>;
  /** Looks at the queue now: something was added. */
  wake(): void;
}

/** So long after a 429 an owner is taken for slow. */
const SLOW_MS = 600_000;
/** Shared state that is set while this is a restored backup, which may not know what was sent after it. */
export const RESTORED = 'restored';
const HOURS_MAX_AGE_MS = 30_000;
const BACKUP_MAX_AGE_MS = 1_000;
/** Free places are filled together, where there are few after so long: a claim for each would cost as much as a delivery. */
const GATHER_MS = 20;
/** Why a wait ends early. Without one each abort makes an error with its stack, which nobody reads. */
const DONE = 'done';

/** Claims due deliveries, sends them, writes what came of it: one transaction per delivery, fenced by its lease. */
export function createWorker(options: WorkerOptions): Worker {
  const { store, platform, clock, random } = options;
  const monotonic = options.monotonic ?? (() => performance.now());
  const { environment } = platform;
  const log = options.log ?? silentLog;
  const metrics = options.metrics ?? noMetrics;
  const delay = options.delay ?? sleep;
  const concurrency = options.concurrency ?? 64;
  const leaseMs = options.leaseMs ?? 60_000;
  const pollMs = options.pollMs ?? 2_000;
  const backoff = options.backoff ?? DEFAULT_BACKOFF;
  const maxAttempts = options.maxAttempts ?? 20;
  const slowPlaces = Math.ceil(concurrency / 4);
  const identity = createIdentityResolver({
    store,
    platform,
    hash: options.hash,
    clock,
    ...(options.positiveMaxAgeMs !== undefined && { positiveMaxAgeMs: options.positiveMaxAgeMs }),
    ...(options.negativeMaxAgeMs !== undefined && { negativeMaxAgeMs: options.negativeMaxAgeMs }),
  });

  /** One refused or slow puskesmas never starves another: only its own deliveries wait. */
  const pauses = createPauses({
    store,
    environment,
    backoff,
    tryMs: leaseMs,
    random,
    ticks: monotonic,
    ...(options.clientPauseMs !== undefined && { clientPauseMs: options.clientPauseMs }),
  });
  /** Owners that the platform asked to slow down, until when they are taken for slow: they may not fill all places with waiting. */
  const slow = new Map<string, number>();
  const serving = new Map<string, number>();
  let backup: { readonly at: number; readonly restoredAt: number | undefined } = { at: Number.NEGATIVE_INFINITY, restoredAt: undefined };
  let hours: { at: number; closed: readonly string[] } = { at: Number.NEGATIVE_INFINITY, closed: [] };

  let stopping = new AbortController();
  let loop: Promise<void> | undefined;
  const drains = new Set<Promise<DrainReport>>();
  let alarm = new AbortController();

  function wake(): void {
    const rung = alarm;
    alarm = new AbortController();
    rung.abort(DONE);
  }

  async function closedOwners(): Promise<readonly string[]> {
    const now = clock();
    if (Math.abs(now - hours.at) >= HOURS_MAX_AGE_MS) {
      const limited = (await store.credentials(environment)).filter((credential) => credential.allowedHours !== null);
      const facilities = limited.length === 0 ? [] : await store.facilities(limited.map((credential) => credential.owner));
      const zones = new Map(facilities.map((facility) => [facility.code, facility.timeZone]));
      const closed = limited.filter(({ owner, allowedHours }) => !isOpen(allowedHours, zones.get(owner) ?? 'Asia/Jakarta', now));
      hours = { at: now, closed: closed.map((credential) => credential.owner) };
    }
    return hours.closed;
  }

  async function claim(limit: number): Promise<readonly Delivery[]> {
    const { paused, trying, platform: line } = await pauses.view();
    if (line === 'paused') return [];
    const closed = await closedOwners();
    const take = (most: number, exceptOwners: readonly string[], onlyOwners?: readonly string[]): Promise<readonly Delivery[]> =>
      store.claimDeliveries({
        environment,
        worker: options.name,
        limit: most,
        leaseMs,
        serving: Object.fromEntries(serving),
        ...(exceptOwners.length > 0 && { exceptOwners }),
        ...(onlyOwners !== undefined && { onlyOwners }),
      });
    /** One delivery finds out whether a pause is really over. */
    const tryOne = async (name: string, exceptOwners: readonly string[], onlyOwners?: readonly string[]): Promise<readonly Delivery[]> => {
      if (!(await pauses.tryOne(name))) return [];
      const one = await take(1, exceptOwners, onlyOwners);
      if (one.length === 0) await pauses.giveBack(name);
      return one;
    };
    const held = [...paused, ...trying, ...closed];
    if (line === 'trying') return tryOne(WHOLE_PLATFORM, held);
    const now = monotonic();
    const full = [...slow].filter(([owner, until]) => now < until && (serving.get(owner) ?? 0) >= slowPlaces).map(([owner]) => owner);
    const claimed = [...(await take(limit, [...held, ...full]))];
    // Where nobody else wants them, slow ones may have more places; some stay free for whoever comes.
    const spare = limit - claimed.length - slowPlaces;
    if (full.length > 0 && spare > 0) claimed.push(...(await take(spare, held, full)));
    for (const owner of trying) {
      if (claimed.length < limit && !closed.includes(owner)) claimed.push(...(await tryOne(owner, [], [owner])));
    }
    return claimed;
  }

  const databaseNow = async (): Promise<number> => (await store.shared(environment, [RESTORED])).nowMs;

  /** No database is put back under a worker that runs; that all of it is known again may be seen a little later. */
  async function restoredAt(): Promise<number | undefined> {
    if (monotonic() - backup.at >= BACKUP_MAX_AGE_MS) {
      const [mark] = (await store.shared(environment, [RESTORED])).entries;
      backup = { at: monotonic(), restoredAt: mark && Date.parse(mark.updatedAt) };
    }
    return backup.restoredAt;
  }

  /** Tries a claimed delivery and writes the outcome. Undefined if its lease was lost or nothing could be written. */
  async function serve(delivery: Delivery, reading: Promise<Ahead>): Promise<Served | undefined> {
    const trace: Trace = { pending: false, platformIds: [], identities: [], adopted: 0 };
    let outcome: Outcome;
    const fence: Fence = { deliveryId: delivery.id, token: delivery.token };
    /** Until when nobody else can have it, by our own count. */
    let heldUntil = monotonic() + leaseMs;
    const keep = setInterval(() => {
      const asked = monotonic();
      void store.extendLease(fence, leaseMs).then(
        (held) => {
          heldUntil = held ? asked + leaseMs : asked;
        },
        () => undefined,
      );
    }, leaseMs / 3);
    try {
      const mayGo = (): boolean => monotonic() < heldUntil;
      outcome = await attempt({ store, platform, identity, clock, ahead: await reading, restoredAt, databaseNow, mayGo }, delivery, trace);
    } catch (error) {
      const code = error instanceof AppError ? error.code : 'internal';
      log.error({ delivery: delivery.id, kind: delivery.kind, owner: delivery.owner, code, fault: nameOf(error) }, 'delivery.fault');
      if (code === 'conflict' || code === 'store-unavailable') {
        // The lease is another's, or runs out: whoever takes it sees from the mark whether something was sent.
        return undefined;
      }
      outcome = { kind: 'fault' };
    } finally {
      clearInterval(keep);
    }
    const settlement = settle(outcome, { attempts: delivery.attempts, pending: trace.pending, maxAttempts });
    const ownerMs = await learn(delivery.owner, outcome);
    const served = { outcome, settlement, adopted: trace.adopted };
    if (!(await write(delivery, settlement, trace, ownerMs))) {
      return undefined;
    }
    metrics.count('deliveries', { kind: delivery.kind, state: settlement.state, reason: settlement.reason ?? 'none' });
    if (trace.adopted > 0) {
      metrics.count('adopted_resources', { kind: delivery.kind }, trace.adopted);
    }
    const fields = {
      delivery: delivery.id,
      kind: delivery.kind,
      owner: delivery.owner,
      outcome: outcome.kind,
      state: settlement.state,
      reason: settlement.reason,
      attempt: delivery.attempts + 1,
    };
    if (settlement.state === 'completed') {
      log.info(fields, 'delivery.settled');
    } else {
      log.warn(fields, 'delivery.settled');
    }
    return served;
  }

  /** Keeps an owner that cannot be served now from being claimed. Returns for how long, ms; undefined if nothing holds it. */
  async function learn(owner: string, outcome: Outcome): Promise<number | undefined> {
    if (outcome.kind === 'retry') slow.set(owner, monotonic() + outcome.afterMs + SLOW_MS);
    try {
      const ms = await pauses.learn(owner, outcome);
      if (ms !== undefined) metrics.count('owner_pauses', { reason: rowOf(outcome).reason ?? 'none' });
      return ms;
    } catch (error) {
      // What was learnt is lost; the outcome must not be.
      log.error({ code: error instanceof AppError ? error.code : 'internal' }, 'pause.not-written');
      return undefined;
    }
  }

  async function write(delivery: Delivery, settlement: Settlement, trace: Trace, ownerMs: number | undefined): Promise<boolean> {
    const at = new Date(clock()).toISOString();
    const backedOff = backoffMs(delivery.attempts, backoff, random());
    const waitMs = settlement.waitMs ?? (settlement.next === 'owner' ? (ownerMs ?? backedOff) : backedOff);
    const settled: DeliveryOutcome = {
      key: delivery.key,
      environment,
      state: settlement.state,
      reason: settlement.reason,
      issues: settlement.issues,
      // By the database's clock: this one's may be moved.
      ...(settlement.next !== 'never' && { dueInMs: Math.round(waitMs) }),
      outcomeUnknown: settlement.outcomeUnknown,
      // What was carried out late in its request is readable late: the lag of reads counts from the end of the request.
      ...(trace.sent && { markedNow: true }),
      countAttempt: settlement.countAttempt,
      at,
    };
    const audit: Audit = {
      at,
      client: SYNC_CONTEXT.client,
      action: 'deliver',
      target: delivery.resources[0] ?? null,
      outcome: settlement.audit,
      code: settlement.reason,
      requestId: null,
      count: delivery.resources.length,
    };
    const facts: ChangeSet = { platformIds: trace.platformIds, identities: trace.identities };
    const fence: Fence = { deliveryId: delivery.id, token: delivery.token };
    try {
      await store.commit(
        { ...facts, deliveryOutcomes: [settled], submissionStates: await submissionStates(delivery, settlement, at), audits: [audit] },
        fence,
      );
      return true;
    } catch (error) {
      const code = error instanceof AppError ? error.code : 'internal';
      log.error({ delivery: delivery.id, kind: delivery.kind, owner: delivery.owner, code, fault: nameOf(error) }, 'delivery.not-written');
      if (code === 'conflict' && trace.platformIds.length + trace.identities.length > 0) {
        // The delivery is another's now; where its resources are on the platform is true all the same.
        await store.commit({ ...facts, audits: [{ ...audit, outcome: 'failure', code: 'conflict' }] }).catch(() => undefined);
      }
      return false;
    }
  }

  async function submissionStates(
    delivery: Delivery,
    settlement: Settlement,
    at: string,
  ): Promise<NonNullable<ChangeSet['submissionStates']>> {
    const { submission: id, submissionVersion: version } = delivery;
    const { state, reason, issues } = settlement;
    if (id === null || version === null) {
      return [];
    }
    if (state === 'completed') {
      // Of several deliveries only the transaction that settles the last one can tell that it is.
      const last = delivery.kind === 'encounter' ? {} : { whenDelivered: environment };
      return [{ id, version, state, reason: completedReason(delivery), issues, at, stage: STAGES[state], ...last }];
    }
    if (state === 'ready') {
      if (delivery.kind !== 'encounter') {
        return [];
      }
      // A wait is told once, not at every try.
      const [told] = await store.submissionsById(SYNC_CONTEXT, [id]);
      if (told?.version !== version || (told.state === state && told.reason === reason)) {
        return [];
      }
    }
    return [{ id, version, state, reason, issues, at, stage: STAGES[state] }];
  }

  async function run(drain: DrainOptions | undefined, signal: AbortSignal): Promise<DrainReport> {
    const tally = { claimed: 0, delivered: 0, adopted: 0, failed: 0, held: 0, deferred: 0 };
    const reasons: Record<string, number> = {};
    const inFlight = new Set<Promise<void>>();
    const total = drain === undefined ? 0 : await readyCount();
    let done = 0;
    const waitUntil = monotonic() + (drain?.patienceMs ?? 0);
    const many = Math.max(1, Math.ceil(concurrency / 2));
    let claimedAt = Number.NEGATIVE_INFINITY;
    /** Told of each delivery that ends. */
    let ended = (): void => undefined;

    const begin = (delivery: Delivery, reading: Promise<Ahead>): void => {
      tally.claimed += 1;
      serving.set(delivery.owner, (serving.get(delivery.owner) ?? 0) + 1);
      const work = serve(delivery, reading)
        .then((served) => {
          done += 1;
          if (served !== undefined) {
            count(served);
          }
          drain?.onProgress?.({ done, total: Math.max(total, done) });
        })
        .finally(() => {
          inFlight.delete(work);
          serving.set(delivery.owner, (serving.get(delivery.owner) ?? 1) - 1);
          ended();
        });
      inFlight.add(work);
    };
    const count = ({ outcome, settlement, adopted }: Served): void => {
      const { state, reason } = settlement;
      tally.delivered += Number(state === 'completed');
      tally.adopted += Number(state === 'completed' && adopted > 0);
      tally.failed += Number(state === 'failed');
      tally.held += Number(state === 'on-hold');
      tally.deferred += Number(state === 'ready');
      if (state !== 'completed') {
        const name = reason ?? outcome.kind;
        reasons[name] = (reasons[name] ?? 0) + 1;
      }
    };

    while (!signal.aborted) {
      const ringing = alarm.signal;
      const free = concurrency - inFlight.size;
      const gatherMs = free >= many || inFlight.size === 0 ? 0 : claimedAt + GATHER_MS - monotonic();
      if (free > 0 && gatherMs <= 0) {
        let claimed: readonly Delivery[] = [];
        try {
          claimed = await claim(free);
        } catch (error) {
          if (drain !== undefined) {
            await Promise.all(inFlight);
            throw error;
          }
          log.error({ code: error instanceof AppError ? error.code : 'internal' }, 'queue.unavailable');
        }
        claimedAt = monotonic();
        if (claimed.length > 0) {
          const reading = readAhead(store, platform, claimed);
          for (const delivery of claimed) begin(delivery, reading);
          continue;
        }
      }
      if (inFlight.size > 0) {
        // What comes meanwhile must not wait for a slow one.
        const round = new AbortController();
        const waitMs = free > 0 && gatherMs > 0 ? gatherMs : pollMs;
        const gathers = waitMs === gatherMs;
        ended = () => {
          if (!gathers || concurrency - inFlight.size >= many || inFlight.size === 0) round.abort(DONE);
        };
        await delay(waitMs, AbortSignal.any([signal, ringing, round.signal]));
        continue;
      }
      const inMs = await nextLook();
      if (drain !== undefined && monotonic() + inMs > waitUntil) {
        break;
      }
      await delay(Math.min(inMs, pollMs), AbortSignal.any([signal, ringing]));
    }
    await Promise.all(inFlight);
    return { ...tally, waiting: drain === undefined ? 0 : await readyCount(), reasons };
  }

  /** In how many ms the queue is worth looking at again; infinity if nothing is ready. */
  async function nextLook(): Promise<number> {
    const due = await store.nextDeliveryAt(environment).catch(() => undefined);
    if (due === undefined) {
      return Number.POSITIVE_INFINITY;
    }
    // What is due and was not given out waits for a pause, a dependency or opening hours. A clock that was set makes it look later or
    // earlier, but no later than the next poll.
    return Math.max(Date.parse(due) - clock(), Math.min(pollMs, 250));
  }

  async function readyCount(): Promise<number> {
    const counts = await store.deliveryCounts(environment);
    return counts.filter(({ state }) => state === 'ready' || state === 'in-progress').reduce((sum, row) => sum + row.count, 0);
  }

  /** Ends with `stop`. After a stop the worker can be used again. */
  function running(signal?: AbortSignal): AbortSignal {
    if (stopping.signal.aborted) {
      stopping = new AbortController();
    }
    return signal === undefined ? stopping.signal : AbortSignal.any([stopping.signal, signal]);
  }

  return {
    start() {
      loop ??= run(undefined, running()).then(() => undefined);
    },
    async stop() {
      stopping.abort();
      await Promise.allSettled([loop, ...drains]);
      loop = undefined;
    },
    async drain(drain = {}) {
      if (drain.dryRun === true) {
        return { claimed: 0, delivered: 0, adopted: 0, failed: 0, held: 0, deferred: 0, waiting: await readyCount(), reasons: {} };
      }
      const work = run(drain, running(drain.signal)).finally(() => drains.delete(work));
      drains.add(work);
      return work;
    },
    wake,
  };
}

interface Served {
  readonly outcome: Outcome;
  readonly settlement: Settlement;
  readonly adopted: number;
}

/** A facility was registered when it was received; only its refusal is news to its sender. */
const completedReason = (delivery: Delivery): Reason | null => (delivery.kind === 'encounter' ? null : 'registered');

const STAGES: Readonly<Record<State, string>> = {
  ready: 'deferred',
  'in-progress': 'sent',
  completed: 'delivered',
  'on-hold': 'held',
  failed: 'refused',
  cancelled: 'cancelled',
};

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : typeof error);

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    if (signal.aborted) {
      done();
    }
  });
}
