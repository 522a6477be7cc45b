import cron, { type ScheduledTask } from 'node-cron';
import { AppError } from '../errors/index.ts';
import type { JobRun, Store } from '../store/port.ts';
import { missedRun, previousRun } from './missed.ts';

export interface JobDefinition {
  readonly name: string;
  /** Cron expression of five fields, read in `zone` (IANA). */
  readonly schedule: string;
  readonly zone: string;
  readonly enabled: boolean;
  /** Does the work and counts it. `signal` is aborted when the service stops or the lease is lost; `settings`: what a person wants of it. */
  run(options: { dryRun: boolean; signal: AbortSignal; settings?: unknown }): Promise<Readonly<Record<string, number>>>;
}

export interface JobView {
  readonly job: string;
  readonly schedule: string;
  readonly zone: string;
  readonly enabled: boolean;
  /** Next scheduled time, UTC; null where it is not enabled. */
  readonly next: string | null;
  readonly last: JobRun | null;
}

export interface Jobs {
  /** Starts the schedules and catches up what was missed while no process ran, once. */
  start(): Promise<void>;
  /** No further runs; resolves when the running ones have ended (they are asked to). */
  stop(): Promise<void>;
  list(): Promise<readonly JobView[]>;
  /**
   * Runs a job now and waits for it. A dry run takes no lease and leaves no record.
   *
   * @throws AppError `parameter` for an unknown name, `busy` if another process runs it; what the job itself throws is in the record
   */
  run(name: string, options: { dryRun: boolean; settings?: unknown }): Promise<JobRun>;
}

export interface JobsOptions {
  readonly store: Pick<Store, 'acquireLease' | 'releaseLease' | 'putJobRun' | 'jobRuns'>;
  readonly definitions: readonly JobDefinition[];
  /** Name of this process among all that share the store. */
  readonly holder: string;
  readonly now: () => string;
  readonly newId: () => string;
  /** Told about failures, which are also in the record. */
  readonly onFault?: (job: string, error: unknown) => void;
  readonly leaseMs?: number;
}

/** Scheduled work: recorded, and never twice at a time across all processes that share the store. */
export function createJobs(options: JobsOptions): Jobs {
  const { store, definitions, holder, now, newId, leaseMs = 60_000 } = options;
  const stopping = new AbortController();
  const running = new Set<Promise<unknown>>();
  /** Jobs at work in this process: the lease alone would let the same holder in twice. */
  const active = new Set<string>();
  const tasks = new Map<string, ScheduledTask>();
  for (const { name, schedule, zone } of definitions) {
    if (schedule.trim().split(/\s+/).length !== 5 || !cron.validate(schedule))
      throw new AppError('config', { detail: `job ${name}: schedule` });
    tasks.set(
      name,
      cron.createTask(schedule, ({ date }) => scheduled(name, date.getTime(), false), { timezone: zone, unref: true }),
    );
  }

  /** For a process that runs no schedules and only says what they are: a task knows its next time while it is started. */
  async function nextBySchedule(schedule: string, timezone: string): Promise<Date | null> {
    const task = cron.createTask(schedule, () => {}, { timezone, unref: true });
    await task.start();
    const next = task.getNextRun();
    await task.destroy();
    return next;
  }

  const definitionOf = (name: string): JobDefinition => {
    const found = definitions.find((definition) => definition.name === name);
    if (!found) throw new AppError('parameter', { name: 'job', expected: definitions.map((definition) => definition.name).join(', ') });
    return found;
  };

  const lastScheduled = async (job: string): Promise<number | undefined> => {
    const [last] = await store.jobRuns({ job, limit: 1 });
    return last && Date.parse(last.scheduledFor);
  };

  /** A run by the clock: skipped where another process has it, or had it already for this time. */
  function scheduled(name: string, time: number, caughtUp: boolean): Promise<void> {
    const work = (async () => {
      const definition = definitionOf(name);
      const minute = Math.floor(time / 60_000) * 60_000;
      if (stopping.signal.aborted || active.has(name)) return;
      active.add(name);
      try {
        if (!(await store.acquireLease(leaseOf(name), holder, leaseMs))) return;
        const last = await lastScheduled(name);
        if (last !== undefined && last >= minute) return;
        await recorded(definition, new Date(minute).toISOString(), caughtUp);
      } finally {
        active.delete(name);
        await store.releaseLease(leaseOf(name), holder);
      }
    })().catch((error: unknown) => options.onFault?.(name, error));
    return track(work);
  }

  function track<T>(work: Promise<T>): Promise<T> {
    running.add(work);
    const forget = () => running.delete(work);
    work.then(forget, forget);
    return work;
  }

  /** The lease is held by the caller and renewed here for as long as the job works. */
  async function recorded(
    definition: JobDefinition,
    scheduledFor: string,
    caughtUp: boolean,
    leaseHolder = holder,
    settings?: unknown,
  ): Promise<JobRun> {
    const lost = new AbortController();
    const renew = setInterval(() => {
      store.acquireLease(leaseOf(definition.name), leaseHolder, leaseMs).then(
        (held) => !held && lost.abort(),
        () => lost.abort(),
      );
    }, leaseMs / 3);
    const begun: JobRun = {
      id: newId(),
      job: definition.name,
      scheduledFor,
      startedAt: now(),
      endedAt: null,
      counts: {},
      error: null,
      caughtUp,
    };
    try {
      await store.putJobRun(begun);
      let end: Pick<JobRun, 'counts' | 'error'>;
      try {
        const signal = AbortSignal.any([stopping.signal, lost.signal]);
        end = { counts: await definition.run({ dryRun: false, signal, settings }), error: null };
      } catch (error) {
        options.onFault?.(definition.name, error);
        // Only a code of ours: other messages may quote data.
        end = { counts: {}, error: error instanceof AppError ? error.code : 'internal' };
      }
      const ended: JobRun = { ...begun, ...end, endedAt: now() };
      await store.putJobRun(ended);
      return ended;
    } finally {
      clearInterval(renew);
    }
  }

  return {
    async start() {
      for (const { name, enabled } of definitions) {
        const task = tasks.get(name) as ScheduledTask;
        if (!enabled) continue;
        const previous = previousRun((minute) => task.match(new Date(minute)), Date.parse(now()));
        const missed = missedRun(previous, await lastScheduled(name));
        if (missed !== undefined) void scheduled(name, missed, true);
        await task.start();
      }
    },
    async stop() {
      stopping.abort();
      for (const task of tasks.values()) await task.destroy();
      await Promise.allSettled([...running]);
    },
    async list() {
      return Promise.all(
        definitions.map(async ({ name, schedule, zone, enabled }) => {
          const [last] = await store.jobRuns({ job: name, limit: 1 });
          const next = enabled ? (tasks.get(name)?.getNextRun() ?? (await nextBySchedule(schedule, zone))) : undefined;
          return { job: name, schedule, zone, enabled, next: next ? next.toISOString() : null, last: last ?? null };
        }),
      );
    },
    async run(name, { dryRun, settings }) {
      const definition = definitionOf(name);
      const at = now();
      if (dryRun) {
        const counts = await definition.run({ dryRun, signal: stopping.signal, settings });
        return { id: newId(), job: name, scheduledFor: at, startedAt: at, endedAt: now(), counts, error: null, caughtUp: false };
      }
      // A lease of its own name: the schedule of this process may hold the other at this moment.
      const manual = `${holder}#manual`;
      if (!(await store.acquireLease(leaseOf(name), manual, leaseMs))) throw new AppError('busy');
      try {
        return await track(recorded(definition, at, false, manual, settings));
      } finally {
        await store.releaseLease(leaseOf(name), manual);
      }
    },
  };
}

const leaseOf = (name: string): string => `job:${name}`;
