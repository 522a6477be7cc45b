import { randomUUID } from 'node:crypto';
import os from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import type { Express } from 'express';
import { DateTime } from 'luxon';
import { type Logger, pino } from 'pino';
import { type Config, packageVersion, resolveSecretKeys, terminologySource } from './config/index.ts';
import { type Definition, definitionsOf } from './definitions.ts';
import { alertWaiting, createDesk, type Desk } from './desk/index.ts';
import { createDueList, type DueList } from './due/index.ts';
import { type Engines, loadEngines } from './engines.ts';
import { AppError, issue } from './errors/index.ts';
import { createFhir } from './fhir/index.ts';
import {
  createApp,
  createAuditLog,
  createFhirRouter,
  createMetrics,
  createPressure,
  describeFault,
  type HttpServer,
  type InForce,
  listen,
  type Reloaded,
} from './http/index.ts';
import { createIntake, type Intake, type RemapOptions } from './intake/index.ts';
import { createJobs, type Jobs } from './jobs/index.ts';
import { createCredentialSource, createSatusehatPlatform, encryptSecret, openSecret, type SatusehatOptions } from './satusehat/index.ts';
import { createIdentifiers, type Identifiers, loadIdKey, openStore, type Store } from './store/index.ts';
import {
  createWorker,
  type DrainReport,
  type MendReport,
  mend,
  type Platform,
  pausedLines,
  type ReconcileOptions,
  reconcile,
  resolveIdentities,
  type Worker,
  type WorkerOptions,
} from './sync/index.ts';
import { Terminology } from './terminology/index.ts';

export interface Service {
  readonly store: Store;
  readonly intake: Intake;
  readonly worker: Worker;
  readonly jobs: Jobs;
  readonly desk: Desk;
  /** The doors without a listener, for tests. */
  app(baseUrl: string): Express;
  /** Listens, starts worker and schedules as configured. */
  start(): Promise<{ url: string }>;
  /** Nothing new is taken; what is inside is finished, then everything is closed. May be called without `start`. */
  stop(): Promise<void>;
  /**
   * Compiles `mappings/` and `profiles/` anew, beside what is in force, and takes the new over all at once: groups of records that begin from
   * then on are judged and mapped by it, those that began end by the old.
   *
   * @param options.dryRun compiles and leaves the old in force
   * @throws AppError `reload-refused` with the located fault; nothing has changed then
   */
  reload(options: { readonly actor: string; readonly requestId?: string; readonly dryRun?: boolean }): Promise<Reloaded>;
  /** Opens again what a reconciliation found missing on the platform. */
  mend(options: { dryRun: boolean }): Promise<MendReport>;
  /** One pass over everything that is due, then ends. */
  drain(options: { dryRun: boolean; onProgress?: (done: number, total: number) => void; signal?: AbortSignal }): Promise<DrainReport>;
}

/** What another composition than the product's own puts in place of its parts: a harness with a clock, times or ports of its own. */
export interface Parts {
  /** Epoch ms. */
  readonly clock?: () => number;
  readonly wrapStore?: (store: Store) => Store;
  readonly wrapPlatform?: (platform: Platform & { close(): void }) => Platform & { close(): void };
  readonly worker?: Partial<WorkerOptions>;
  readonly satusehat?: Partial<SatusehatOptions>;
  /** Compiles anew what stands on disk. */
  readonly loadEngines?: () => Engines;
}

export const databaseOf = (config: Config): string => (config.database.engine === 'postgres' ? config.database.url : config.database.path);

export const createLogger = (config: Config, destination: 1 | 2): Logger =>
  pino({ level: config.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ fd: destination, sync: true }));

/**
 * Makes everything and joins it. Opens the database and brings its tables up to date; listens to nothing yet.
 *
 * @throws AppError `store-unavailable`, `id-key`, `config`
 */
export async function createService(config: Config, engines: Engines, logger: Logger, parts: Parts = {}): Promise<Service> {
  const opened = await openStore(databaseOf(config));
  const store = parts.wrapStore?.(opened) ?? opened;
  try {
    return await build(config, engines, logger, store, parts);
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function build(config: Config, first: Engines, logger: Logger, store: Store, parts: Parts): Promise<Service> {
  await store.migrate();
  const { environment } = config;
  const clock = parts.clock ?? (() => Date.now());
  const now = () => new Date(clock()).toISOString();
  const version = packageVersion();
  const holder = `${os.hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`;
  const ids: Identifiers = createIdentifiers(await loadIdKey(store, config.idKey));
  const connected = createPlatform(config, store, logger, { ...parts.satusehat, clock });
  const platform = parts.wrapPlatform?.(connected) ?? connected;
  const metrics = createMetrics({ store, environment, now, waiting: () => intake.waiting, version });
  const worker = createWorker({
    store,
    platform,
    hash: ids,
    name: holder,
    clock,
    random: Math.random,
    concurrency: config.worker.concurrency,
    leaseMs: 2 * config.platform.timeoutMs,
    log: logger,
    metrics,
    ...parts.worker,
  });
  const terminology = new Terminology(terminologySource(config.terminology));
  const intake = createIntake({
    store,
    environment,
    ids,
    ...first,
    codes: terminology,
    now,
    onStored: worker.wake,
    jsonDepth: config.limits.jsonDepth,
    onFault: (error) => logger.error({ event: 'intake.fault', ...describeFault(error) }),
  });
  const desk = createDesk({ store, environment, now, reprocess: intake.reprocess, onReleased: worker.wake });
  const audit = createAuditLog(store, now);
  const jobs = createJobs({
    store,
    holder,
    now,
    newId: randomUUID,
    onFault: (job, error) => logger.error({ event: 'job.failed', job, ...describeFault(error) }),
    definitions: [
      {
        name: 'sync-send',
        ...config.jobs['sync-send'],
        run: async ({ dryRun, signal }) => countsOf(await worker.drain({ dryRun, signal })),
      },
      {
        name: 'sync-identity',
        ...config.jobs['sync-identity'],
        run: async ({ dryRun, signal }) => {
          if (dryRun) {
            const waiting = await store.identityCandidates({ environment, limit: 1000 });
            return { candidates: waiting.length };
          }
          // First those that name another person by now: a process may have ended before it could let them go.
          const { held, released: mended } = await intake.lookAtHeld(signal);
          return { held, mended, ...countsOf(await resolveIdentities({ store, platform, hash: ids, clock, signal, log: logger })) };
        },
      },
      {
        name: 'alert-waiting',
        ...config.jobs['alert-waiting'],
        run: (run) => alertWaiting({ store, environment, now, ...config.alert, paused: () => pausedLines(store, environment) }, run),
      },
      {
        name: 'reconcile',
        ...config.jobs.reconcile,
        run: async ({ dryRun, signal, settings }) =>
          countsOf(
            await reconcile({
              ...{ store, platform, clock, signal, dryRun, log: logger, newId: randomUUID, random: Math.random },
              delay: (ms) => pause(ms, undefined, { signal }).catch(() => undefined),
              ...(settings as Pick<ReconcileOptions, 'sample' | 'all' | 'owners'> | undefined),
            }),
          ),
      },
      {
        // Only when somebody asks for it: after maps were changed.
        name: 'remap',
        schedule: '0 3 * * 0',
        zone: config.jobs.reconcile.zone,
        enabled: false,
        run: async ({ dryRun, signal, settings }) =>
          countsOf(await intake.remap({ dryRun, signal, ...(settings as Pick<RemapOptions, 'feeds' | 'onChange'> | undefined) })),
      },
    ],
  });

  /** What is in force, in one place: whoever reads it reads one version. */
  let force = { engines: first, since: now() };
  let defined: readonly Definition[] | undefined;
  const definitions = (): readonly Definition[] => {
    defined ??= definitionsOf(force.engines.ownProfiles, force.engines, force.engines.mapVersion ?? version);
    return defined;
  };
  let dueList: DueList | undefined;
  const inForce = (): InForce => ({
    maps: force.engines.mapVersion ?? version,
    profiles: force.engines.profileVersion ?? version,
    since: force.since,
  });

  const load = parts.loadEngines ?? (() => loadEngines({ maxRows: config.limits.tableRows }));

  const reload: Service['reload'] = async ({ actor, requestId, dryRun = false }) => {
    const before = inForce();
    const note = (outcome: 'success' | 'refused', code: string | null) =>
      audit.write({ client: actor, action: 'reload', target: 'maps', outcome, code, requestId: requestId ?? null, count: 1 });
    let engines: Engines;
    try {
      engines = load();
    } catch (error) {
      const known = error instanceof AppError ? error : undefined;
      logger.error({
        event: 'maps.refused',
        inForce: before.maps,
        ...(known?.category === 'configuration' ? { code: known.code, text: known.text } : describeFault(error)),
      });
      await note('refused', known?.code ?? 'internal');
      if (known?.category !== 'configuration') throw error;
      throw new AppError('reload-refused', { version: before.maps }, { cause: error, issues: [issue(known.code, known.params)] });
    }
    const found = { maps: engines.mapVersion ?? version, profiles: engines.profileVersion ?? version };
    const isOther = found.maps !== before.maps || found.profiles !== before.profiles;
    // Written before the switch: what cannot be told in the audit does not happen.
    if (!dryRun) await note('success', null);
    if (!dryRun && isOther) {
      // No step between these lines lets another run: all of it is old before, all of it new behind.
      intake.use(engines);
      force = { engines, since: now() };
      dueList = undefined;
      defined = undefined;
    }
    logger.info({ event: dryRun ? 'maps.checked' : 'maps.loaded', before: before.maps, found: found.maps, profiles: found.profiles });
    return { changed: isOther, dryRun, before, found, inForce: inForce() };
  };

  let stopping = false;
  let server: HttpServer | undefined;
  const startedAt = now();

  const app = (baseUrl: string): Express => {
    const fhir = createFhir({
      store,
      terminology: () => terminology,
      definitions,
      version,
      startedAt,
      baseUrl: `${config.http.publicUrl ?? baseUrl}/fhir`,
      onFault: (error) => logger.error({ event: 'fhir.fault', ...describeFault(error) }),
      audit: (context, action, target, count) =>
        audit.note({
          client: context.client,
          action,
          target,
          outcome: 'success',
          code: null,
          requestId: context.requestId ?? null,
          count,
        }),
    });
    return createApp({
      store,
      intake,
      desk,
      due: () => {
        dueList ??= createDueList({ store, ...force.engines.due });
        return dueList;
      },
      // The day begins in the west last; whoever works further east before seven says which day it is (`at`).
      today: () => DateTime.fromISO(now(), { zone: 'Asia/Jakarta' }).toISODate() as string,
      audit,
      metrics,
      pressure: createPressure({ store, environment, limit: config.worker.backlogLimit }),
      limits: config.limits,
      environment,
      logger,
      version,
      maps: { inForce, reload },
      trustProxy: config.http.trustProxy,
      ready: async () => {
        if (stopping) return false;
        await store.ping();
        return true;
      },
      routers: { '/fhir': createFhirRouter({ fhir, store, jsonDepth: config.limits.jsonDepth }) },
    });
  };

  return {
    store,
    intake,
    worker,
    jobs,
    desk,
    app,
    async start() {
      let doors: Express | undefined;
      server = await listen((request, response) => {
        if (doors) doors(request, response);
        else response.writeHead(503).end();
      }, config.http);
      doors = app(server.url);
      if (config.worker.enabled) worker.start();
      await jobs.start();
      logger.info({ event: 'service.started', version, maps: inForce().maps, environment, engine: store.engine });
      return { url: server.url };
    },
    async stop() {
      stopping = true;
      await server?.stop();
      await intake.drain();
      await jobs.stop();
      await worker.stop();
      await audit.idle();
      platform.close();
      await store.close();
      logger.info({ event: 'service.stopped' });
    },
    reload,
    async mend({ dryRun }) {
      const report = await mend({ store, platform, clock, actor: 'operator', dryRun });
      worker.wake();
      return report;
    },
    drain: ({ dryRun, onProgress, signal }) =>
      worker.drain({
        dryRun,
        ...(onProgress && { onProgress: ({ done, total }) => onProgress(done, total) }),
        ...(signal && { signal }),
      }),
  };
}

/** The platform of a configuration, with the credentials of its store. */
export function createPlatform(config: Config, store: Store, logger: Logger, options: Partial<SatusehatOptions> = {}) {
  const { environment } = config;
  const clock = options.clock ?? (() => Date.now());
  const { authUrl, fhirUrl, timeoutMs, surface, readLagMs, savesPartly, quota, proxy, ca } = config.platform;
  const keys = () => resolveSecretKeys(config);
  // A faulty key stops the start.
  keys();
  return createSatusehatPlatform({
    environment,
    baseUrls: { auth: authUrl, fhir: fhirUrl },
    credential: createCredentialSource({
      environment,
      keys,
      load: () => store.credentials(environment),
      clock,
      log: logger,
    }),
    clock,
    timeoutMs,
    surface,
    readLagMs,
    savesPartly,
    shared: {
      state: {
        async read(name) {
          const { nowMs, entries } = await store.shared(environment, [name]);
          return { value: entries[0]?.value, version: entries[0]?.version ?? null, nowMs };
        },
        write: (name, value, expected) => store.putShared(environment, name, value, expected),
      },
      cover: {
        seal: (name, clear) => encryptSecret(keys()[0], { environment, owner: name }, clear),
        open: (name, sealed) => openSecret(keys(), { environment, owner: name }, sealed),
      },
    },
    ...(quota !== undefined && { quota }),
    ...(proxy !== undefined && { proxy }),
    ...(ca !== undefined && { ca }),
    ...options,
  });
}

/** The numbers of a report; a record of a run holds nothing else. */
function countsOf(report: object): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [name, value] of Object.entries(report)) if (typeof value === 'number') counts[name] = value;
  return counts;
}
