import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { newApiClient } from '../../src/cli/commands/client.ts';
import { parseConfig, resolveSecretKey } from '../../src/config/index.ts';
import { encryptSecret } from '../../src/satusehat/index.ts';
import { openStore, type Store } from '../../src/store/index.ts';
import { type Child, createChild, freePort, runCommand, startSandbox } from './children.ts';
import { type Count, count } from './count.ts';
import type { RunDatabase } from './database.ts';
import type { EntrySettings } from './entry.ts';
import { createMemoryMeter, type Memory } from './memory.ts';
import { createPlatformControl, sendsOf, statusesOf } from './platform.ts';
import { createRateMeter } from './rate.ts';
import { seeded } from './seeded.ts';
import { createSource } from './source.ts';
import { storyOf } from './story.ts';
import { createTrouble, type EventName } from './trouble.ts';
import { calm, faulty, type WireFaultOptions } from './wire-faults.ts';
import type { Defence } from './without.ts';
import {
  CLIENT_SECRET,
  clientId,
  createPopulation,
  createWorkload,
  facilities,
  type Mix,
  OWNERS,
  organizationId,
  ownerCode,
  practitioners,
} from './workload.ts';

export interface RunOptions {
  /** Requests to the platform that create or replace something. */
  readonly sends: number;
  readonly seed: number;
  /** Processes that deliver, with PostgreSQL; with SQLite one process has so many times the places. */
  readonly workers: number;
  readonly surface: 'recorded' | 'documented';
  readonly without?: Defence;
  readonly createDatabase: (folder: string) => Promise<RunDatabase>;
  /** Take a copy of the database at a third of the way, put it back at two thirds. */
  readonly restore: boolean;
  /** Mean time between two events, ms. */
  readonly everyMs: number;
  readonly weights?: Partial<Record<EventName, number>>;
  /** Requests a second that the platform allows each client. */
  readonly quota: number;
  /** Whether the service is told that quota, as in its configuration; otherwise it learns it. */
  readonly quotaTold: boolean;
  /** Faults of the wire that are other than usual. */
  readonly wire?: Pick<WireFaultOptions, 'partial' | 'rates' | 'readLagMs'>;
  readonly mix?: Mix;
  /** Counted tries before a person has to look. Default 20, the product's. */
  readonly maxAttempts?: number;
  /** Faults for single requests, placed at the start. */
  readonly orders?: readonly object[];
  /** Open deliveries that are wanted at a time. Default 400, so that work always waits. */
  readonly backlog?: number;
  /** Share of the requests before which a worker stands still until its lease has run out. */
  readonly stalls?: number;
  /** How many leases long. Default 2. */
  readonly stallLeases?: number;
  /** Processes that deliver beside the one that does all, with SQLite: for what only several can show. */
  readonly beside?: number;
  readonly say?: (line: string) => void;
  readonly onLog?: (line: string) => void;
  /** Keep the folder of the run. */
  readonly keep?: boolean;
}

/** The line with which a run ends. */
export interface RunResult {
  readonly sends: number;
  readonly lost: number;
  readonly duplicates: number;
  readonly adopted: number;
  readonly stuck: number;
  readonly rateEfficiency: number | null;
  readonly seconds: number;
  readonly unexpected: number;
  readonly outOfOrder: number;
  readonly records: number;
  readonly delivered: number;
  readonly accounted: number;
  /** Share of the requests that went beyond the quota and were refused for it. */
  readonly limited: number;
  readonly rssMb: Memory | null;
}

export interface Run {
  readonly result: RunResult;
  readonly count: Count;
  readonly events: Readonly<Record<EventName, number>>;
  readonly ok: boolean;
}

/** A request may take so long; what is on the wire of a dead process is left alone for twice that. */
const TIMEOUT_MS = 500;
const LEASE_MS = 2 * TIMEOUT_MS;
/** The platform's is a minute. */
const TOKEN_PENALTY_MS = 1_000;
const CLOCK_STEP_MS = 5 * 60_000;
/** Nothing changed for so long at the end: what is open then stays so. */
const QUIET_MS = 30_000;
/** Work waits and nothing is sent for so long: no fault of ours lasts as long. */
const STILL_MS = 60_000;
const POLL_MS = 200;
/** All that was sent after the backup is looked up, at five requests each. */
const MOST_AFTER_BACKUP = 3_000;
const SECRET_KEY = '5e'.repeat(32);

/** One run of the proof. @throws Error when something of the harness or the service itself breaks */
export async function run(options: RunOptions): Promise<Run> {
  const { seed, say = () => undefined } = options;
  const readLagMs = options.wire?.readLagMs ?? 300;
  const started = performance.now();
  const folder = mkdtempSync(path.join(tmpdir(), 'ilp-faults-'));
  const random = seeded(seed ^ 0x51ed270b);
  const population = createPopulation(Math.max(20, Math.ceil(options.sends / 5)));
  const files = { people: path.join(folder, 'people.json'), clients: path.join(folder, 'clients.json') };
  writeFileSync(files.people, JSON.stringify(population.peopleFile));
  writeFileSync(files.clients, JSON.stringify(population.clientsFile));
  const port = await freePort();
  const platformUrl = `http://127.0.0.1:${port}`;
  const starting = startSandbox(port, files);
  // Waited for together with the others.
  starting.catch(() => undefined);
  const platform = createPlatformControl(platformUrl);
  const database = await options.createDatabase(folder);
  const children: Child[] = [];
  let store: Store | undefined;
  let failure: unknown;
  const check = (): void => {
    if (failure !== undefined) throw failure;
  };

  try {
    const environ: Record<string, string> = {
      ILP_ENVIRONMENT: 'sandbox',
      ILP_DATABASE: database.address,
      ILP_SECRET_KEY: SECRET_KEY,
      ILP_PORT: '0',
      ILP_PLATFORM_AUTH_URL: `${platformUrl}/oauth2/v1`,
      ILP_PLATFORM_FHIR_URL: `${platformUrl}/fhir-r4/v1`,
      ILP_PLATFORM_SURFACE: options.surface,
      ILP_LOG_LEVEL: options.onLog ? 'warn' : 'silent',
    };
    const config = parseConfig(environ);
    store = await openStore(database.address);
    const key = await prepare(store, config.environment, resolveSecretKey(config));

    let adopted = 0;
    const addChild = (name: string, role: EntrySettings['role'], more: Record<string, string> = {}): Child => {
      const child = createChild({
        name,
        environ: { ...environ, ...more },
        settings: {
          role,
          ...(options.without !== undefined && { without: options.without }),
          clockOffsetMs: 0,
          timeoutMs: TIMEOUT_MS,
          leaseMs: LEASE_MS,
          tokenPenaltyMs: TOKEN_PENALTY_MS,
          stalls: options.stalls ?? 0.005,
          stallMs: LEASE_MS * (options.stallLeases ?? 2),
          // What one process has just written is told by another's clock.
          ...(options.quotaTold && { quota: options.quota }),
          readLagMs: readLagMs === 0 ? 0 : readLagMs + 100,
          backoff: { baseMs: 50, maxMs: 1_000 },
          pollMs: 100,
          maxAttempts: options.maxAttempts ?? 20,
        },
        onAdopted: (number) => {
          adopted += number;
        },
        ...(options.onLog && { onLog: (line) => options.onLog?.(`${name} ${line}`) }),
      });
      children.push(child);
      return child;
    };
    const front =
      database.engine === 'sqlite'
        ? addChild('all', 'all', { ILP_WORKER_CONCURRENCY: String(8 * options.workers) })
        : addChild('service', 'service', { ILP_WORKER_ENABLED: 'false' });
    for (let n = 1; n <= (options.beside ?? 0); n += 1) addChild(`beside-${n}`, 'worker');
    if (database.engine === 'postgres') for (let n = 1; n <= options.workers; n += 1) addChild(`worker-${n}`, 'worker');
    await Promise.all([starting, ...children.map((child) => child.start())]);

    const source = createSource({ url: () => front.url, key });
    await source.send('facilities', facilities());
    await source.send('practitioners', practitioners());
    await source.send(
      'persons',
      population.persons.map(({ record }) => record),
    );
    say(`${population.persons.length} persons registered after ${seconds(started)} s`);

    const trouble = createTrouble({
      random,
      children,
      database,
      everyMs: options.everyMs,
      leaseMs: LEASE_MS,
      ...(options.weights && { weights: options.weights }),
      clockStepMs: CLOCK_STEP_MS,
      say,
      onFault: (error) => {
        failure ??= error;
      },
    });
    const workload = createWorkload(seed, population.persons, options.mix);
    // Our own connection is cut like the others.
    const backlog = async (): Promise<number> => {
      const counts = await store?.deliveryCounts(config.environment).catch(() => undefined);
      return counts === undefined ? backlog() : counts.filter(isMoving).reduce((sum, row) => sum + row.count, 0);
    };
    const sendsNow = async (): Promise<number> => sendsOf(await platform.counts());
    await platform.settings(
      faulty({
        seed: seed >>> 0,
        surface: options.surface,
        timeoutMs: TIMEOUT_MS,
        tokenPenaltyMs: TOKEN_PENALTY_MS,
        quota: options.quota,
        ...options.wire,
        readLagMs,
      }),
    );
    for (const order of options.orders ?? []) await platform.fault(order);
    let copiedAt: number | undefined;
    let copiedWith = 0;
    let restored = false;
    /** Deliveries up to this one may be on the platform without the restored store knowing. */
    let ending: number | undefined;
    const backup = path.join(folder, 'backup.archive');
    const meter = createRateMeter({
      platform,
      quietForMs: trouble.quietForMs,
      ownerOf: (client) => client.slice('client-'.length),
      waiting: async () => new Set((await database.rows(WAITING(Date.now()))).map(({ owner }) => String(owner))),
    });
    const memory = createMemoryMeter(children);
    meter.start();
    trouble.start();
    let told = 0;
    let moved = { sends: 0, at: performance.now() };
    for (;;) {
      check();
      const [sends, open] = await Promise.all([sendsNow(), backlog()]);
      if (sends > moved.sends) moved = { sends, at: performance.now() };
      if (performance.now() - moved.at > STILL_MS) {
        say(`nothing has been sent for ${STILL_MS} ms`);
        break;
      }
      if (performance.now() - told > 5_000) {
        memory.look();
        say(`${sends} sends, ${workload.visits.size} visits, ${open} open, ${seconds(started)} s`);
        told = performance.now();
      }
      if (options.restore && copiedAt === undefined && sends > options.sends / 3) {
        // Beside everything that goes on; only that nothing is killed, for the connection that is cut could be its own.
        await trouble.pauseFor(() => runCommand(['backup', backup], environ));
        copiedAt = source.position();
        copiedWith = sends;
        say(`backup taken at ${sends} sends`);
      }
      if (copiedAt !== undefined && !restored && sends > copiedWith + Math.min(options.sends / 3, MOST_AFTER_BACKUP)) {
        restored = true;
        await trouble.pauseFor(async () => {
          await Promise.all([Promise.all(children.map((child) => child.kill())), store?.close()]);
          await runCommand(['restore', backup, '--replace', '--yes'], environ);
          store = await openStore(database.address);
          await Promise.all(children.map((child) => child.start()));
        });
        say(`backup put back at ${sends} sends`);
        await source.repeat(copiedAt);
        say('what was sent after it has been sent again');
        ending = await lastDelivery(database);
      }
      if (ending !== undefined && (await openUpTo(database, ending)) === 0) {
        ending = undefined;
        await runCommand(['restore', '--done'], environ);
        say(`all of it is known again at ${sends} sends`);
      }
      if (sends >= options.sends) break;
      const wanted = Math.min(50, options.sends - sends - open, (options.backlog ?? BACKLOG) - open);
      if (wanted > 0) await source.send('encounters', workload.next(wanted));
      else await pause(POLL_MS);
    }
    await trouble.stop();
    const rateEfficiency = await meter.stop();
    check();
    await platform.clearFaults();
    await platform.settings(calm);
    await settle(backlog, say);
    const codes = await Promise.all(children.map((child) => child.stop()));
    if (codes.some((code) => code !== 0)) say(`exit codes ${codes.join(', ')}`);

    const counts = await platform.counts();
    const counted = await count({
      visits: workload.visits,
      store,
      environment: config.environment,
      dump: platform.dump(),
      now: Date.now(),
    });
    for (const { record } of counted.offences.slice(0, STORIES)) {
      for (const line of await storyOf(record, database, platform.dump())) say(`${record}: ${line}`);
    }
    const statuses = statusesOf(counts);
    const clients = await platform.clients();
    const refused = clients.reduce((sum, client) => sum + client.refused, 0);
    const accepted = clients.reduce((sum, client) => sum + client.accepted, 0);
    const result: RunResult = {
      sends: sendsOf(counts),
      lost: counted.lost,
      duplicates: counted.duplicates,
      adopted,
      stuck: counted.stuck,
      rateEfficiency,
      seconds: seconds(started),
      unexpected: counted.unexpected,
      outOfOrder: counted.outOfOrder,
      records: counted.records,
      delivered: counted.delivered,
      accounted: counted.accounted,
      limited: share(refused, accepted + refused),
      rssMb: memory.result(),
    };
    say(`answers: ${JSON.stringify(statuses)}`);
    const faultless = [result.lost, result.duplicates, result.stuck, result.unexpected, result.outOfOrder].every((number) => number === 0);
    const ok = faultless && (!options.quotaTold || result.limited <= LIMITED_MOST);
    return { result, count: counted, events: trouble.counts, ok };
  } finally {
    await Promise.all(children.map((child) => child.kill()));
    await store?.close().catch(() => undefined);
    await (await starting.catch(() => undefined))?.stop();
    await database.remove();
    if (!options.keep) rmSync(folder, { recursive: true, force: true });
    else say(`kept: ${folder}`);
  }
}

/** Offences of which all that is known is told. */
const STORIES = 3;
/** Of a quota that is known, more than this share of refusals means that it is not kept. */
const LIMITED_MOST = 0.01;
/** Owners with something that could be sent now. */
const WAITING = (now: number): string =>
  `select distinct owner from delivery where state = 'ready' and dependency = 0 and preceded = 0 and due_ms <= ${now}`;

/** What waits for something that stopped does not move by itself. */
const isMoving = ({ state, reason }: { state: string; reason: string | null }): boolean =>
  state === 'in-progress' || (state === 'ready' && reason !== 'dependency');

const lastDelivery = async (database: RunDatabase): Promise<number> =>
  Number((await database.rows('select max(id) as id from delivery'))[0]?.id);

async function openUpTo(database: RunDatabase, id: number): Promise<number> {
  const rows = await database.rows(`select state, reason from delivery where id <= ${id} and state in ('ready', 'in-progress')`);
  return rows.filter(({ state, reason }) => isMoving({ state: String(state), reason: reason === null ? null : String(reason) })).length;
}

/** See `RunOptions`. */
const BACKLOG = 400;

const seconds = (since: number): number => Math.round((performance.now() - since) / 100) / 10;
const share = (part: number, whole: number): number => (whole === 0 ? 0 : Math.round((part / whole) * 1000) / 1000);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Tables, an API client and the credentials of all owners. @returns the API key */
async function prepare(store: Store, environment: string, keyHex: string): Promise<string> {
  await store.migrate();
  const { client, key } = newApiClient('faults', { scopes: ['intake:write', 'intake:read'], facilities: 'all', sourceSystems: 'all' });
  await store.putClient(client);
  for (let n = 0; n < OWNERS; n += 1) {
    const owner = ownerCode(n);
    await store.putCredential({
      environment,
      owner,
      organizationId: organizationId(n),
      clientId: clientId(n),
      secret: encryptSecret(keyHex, { environment, owner }, CLIENT_SECRET),
      createdAt: new Date().toISOString(),
      allowedHours: null,
    });
  }
  return key;
}

/** Waits until nothing is on its way any more, or nothing moves. */
async function settle(backlog: () => Promise<number>, say: (line: string) => void): Promise<void> {
  let least = Number.POSITIVE_INFINITY;
  for (let since = performance.now(); performance.now() - since < QUIET_MS; ) {
    const open = await backlog();
    if (open === 0) return;
    if (open < least) {
      least = open;
      since = performance.now();
    }
    await pause(POLL_MS);
  }
  say(`${least} deliveries stay open`);
}
