import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { planDeliveries } from '../../src/intake/plan-deliveries.ts';
import { createSandbox, type SandboxOptions } from '../../src/sandbox/server.ts';
import { createSatusehatPlatform, type SatusehatOptions } from '../../src/satusehat/platform.ts';
import { openStore } from '../../src/store/index.ts';
import type { DeliveryWrite, FacilityEntry, ResourceWrite, Store, SubmissionWrite } from '../../src/store/port.ts';
import type { LocalResource, Platform } from '../../src/sync/platform.ts';
import { createWorker, type Worker, type WorkerOptions } from '../../src/sync/worker.ts';
import { virtualTime } from '../satusehat/virtual-time.ts';
import {
  BREBES,
  identifiers,
  location,
  organization,
  type Puskesmas,
  patient,
  people,
  practitioner,
  SIRAMPOG,
  type Visit,
  visit,
} from './fixtures.ts';

export const ENVIRONMENT = 'sandbox';
const PEOPLE = 40;
/** Long past for the database, which times what is due: every retry is due at once there, and only our own clock makes one wait. */
const START = Date.parse('2025-07-01T00:00:00Z');

export interface RigOptions {
  readonly worker?: Partial<WorkerOptions>;
  readonly sandbox?: SandboxOptions;
  readonly timeoutMs?: number;
  readonly wrapStore?: (store: Store) => Store;
  readonly openStore?: (file: string) => Promise<Store>;
  readonly platform?: Partial<SatusehatOptions>;
  /** Time is the machine's: for what the database itself has to wait for. */
  readonly realTime?: boolean;
}

export type Rig = Awaited<ReturnType<typeof createRig>>;

/** The real store, the real worker, and the simulator over real HTTP. Time is ours. */
export async function createRig(options: RigOptions = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'ilp-sync-'));
  const time = options.realTime === true ? realTime() : virtualTime(START);
  const store = await (options.openStore ?? openStore)(join(folder, 'ilp.db'));
  await store.migrate();
  const sandbox = createSandbox({
    people: people(PEOPLE),
    clients: [BREBES, SIRAMPOG].map(({ clientId, secret, organizationId }) => ({ clientId, clientSecret: secret, organizationId })),
    now: time.clock,
    ...options.sandbox,
  });
  const url = await sandbox.start();
  const credentials = new Map<string, Puskesmas>([BREBES, SIRAMPOG].map((puskesmas) => [puskesmas.code, puskesmas]));
  const platforms: Array<{ close(): void }> = [];
  const logged: string[] = [];
  const counted: Record<string, number> = {};

  function connect(overrides: Partial<SatusehatOptions> = {}): Platform & { close(): void } {
    const platform = createSatusehatPlatform({
      environment: ENVIRONMENT,
      baseUrls: { auth: `${url}/oauth2/v1`, fhir: `${url}/fhir-r4/v1` },
      credential: async (owner) => credentials.get(owner),
      clock: time.clock,
      monotonic: time.clock,
      delay: time.delay,
      timeoutMs: options.timeoutMs ?? 5_000,
      ...options.platform,
      ...overrides,
    });
    platforms.push(platform);
    return platform;
  }

  function startWorker(name: string, overrides: Partial<WorkerOptions> = {}): Worker {
    const write = (fields: object, event: string) => void logged.push(JSON.stringify({ event, ...fields }));
    return createWorker({
      store: options.realTime === true ? store : onOurTime(options.wrapStore?.(store) ?? store, time.clock),
      platform: connect(),
      hash: identifiers,
      name,
      clock: time.clock,
      monotonic: time.clock,
      random: () => 0.5,
      backoff: options.realTime === true ? { baseMs: 20, maxMs: 100 } : { baseMs: 1_000, maxMs: 60_000 },
      ...(options.realTime === true && { pollMs: 20 }),
      log: { info: write, warn: write, error: write },
      metrics: {
        count(metric, labels, by = 1) {
          const key = `${metric} ${Object.values(labels).join(' ')}`;
          counted[key] = (counted[key] ?? 0) + by;
        },
      },
      ...options.worker,
      ...overrides,
    });
  }

  async function control(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await fetch(`${url}/_sandbox/${path}`, { method, ...(body !== undefined && { body: JSON.stringify(body) }) });
    if (!answer.ok) {
      throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    }
    return answer.status === 204 ? undefined : answer.json();
  }

  /** Two puskesmas with a posyandu each, a midwife and the people, as the feeds of master data would leave them. */
  async function register(): Promise<void> {
    const at = time.iso();
    const write = (resource: LocalResource): ResourceWrite => ({ resource, facility: null, submission: null, at });
    const facilities: FacilityEntry[] = [];
    const resources: ResourceWrite[] = [write(practitioner())];
    for (const puskesmas of [BREBES, SIRAMPOG]) {
      for (const [code, kind, parent] of [
        [puskesmas.code, 'puskesmas', undefined],
        [posyanduOf(puskesmas), 'posyandu', puskesmas.code],
      ] as const) {
        resources.push(write(organization(code, parent)), write(location(code)));
        facilities.push({
          code,
          kind,
          name: `Unit ${code}`,
          supervisor: parent ?? null,
          puskesmas: puskesmas.code,
          village: '3329140201',
          timeZone: 'Asia/Jakarta',
          organization: `Organization/${identifiers.organizationId(code)}`,
          location: `Location/${identifiers.locationId(code)}`,
          active: true,
        });
      }
    }
    resources.push(...Array.from({ length: PEOPLE + 5 }, (_, number) => write(patient(number))));
    await store.commit({ facilities, resources });
    time.advance(1_000);
  }

  /**
   * A visit as intake leaves it: submission, resources and deliveries in one transaction. Given again, it is a new version.
   *
   * @param at when intake began to work on it, which is before it is written
   */
  async function receive(input: Partial<Visit> & { record: string; person: number }, version = 1, at = time.iso()): Promise<string> {
    const puskesmas = input.puskesmas ?? BREBES;
    const unit = input.unit ?? posyanduOf(puskesmas);
    const resources = visit({ puskesmas, unit, ...input });
    const id = identifiers.submissionId('simpus', 'encounters', input.record);
    const references = resources.map((resource) => `${resource.resourceType}/${resource.id}`);
    const submission: SubmissionWrite = {
      ...{ id, version, feed: 'encounters', sourceSystem: 'simpus', sourceId: input.record, sourceUpdatedAt: null, client: 'simpus' },
      ...{ facility: puskesmas.code, contentHash: `${version}`, fingerprint: null, duplicateOf: null, state: 'ready', reason: null },
      ...{ issues: [], unused: [], resources: references, story: [], receivedAt: at, payload: '{}' },
    };
    const organizationKey = `organization:Organization/${identifiers.organizationId(unit)}`;
    const locationKey = `location:Location/${identifiers.locationId(unit)}`;
    const base = { environment: ENVIRONMENT, owner: puskesmas.code, state: 'ready' as const, reason: null, dueAt: at };
    const master = { ...base, partition: unit, submission: null, submissionVersion: null };
    const deliveries: DeliveryWrite[] = [
      { ...master, key: organizationKey, kind: 'organization', resources: [organizationKey.slice('organization:'.length)], dependsOn: [] },
      { ...master, key: locationKey, kind: 'location', resources: [locationKey.slice('location:'.length)], dependsOn: [organizationKey] },
      {
        ...base,
        key: `encounter:${references[0]}`,
        kind: 'encounter',
        partition: `Patient/${patient(input.person).id}`,
        resources: references,
        dependsOn: [organizationKey, locationKey],
        submission: id,
        submissionVersion: version,
        replace: version > 1,
      },
    ];
    await store.commit({
      submissions: [submission],
      resources: resources.map((resource) => ({ resource, facility: puskesmas.code, submission: id, at })),
      deliveries,
    });
    time.advance(1_000);
    return id;
  }

  /** Resources of a visit, the Encounter first, with the deliveries that intake plans for them. */
  async function plan(
    record: string,
    resources: readonly LocalResource[],
    {
      people: persons = [],
      version = 1,
      puskesmas = BREBES,
    }: { people?: readonly LocalResource[]; version?: number; puskesmas?: Puskesmas } = {},
  ): Promise<string> {
    const at = time.iso();
    const id = identifiers.submissionId('simpus', 'encounters', record);
    const facilities = await store.facilities();
    const units = new Map(facilities.flatMap((unit) => [[unit.organization, unit] as const, [unit.location, unit] as const]));
    const located = new Map(
      (await store.resources({ client: 'test', facilities: 'all', purpose: 'job' }, [...units.keys()])).map(
        ({ resource }) => [`${resource.resourceType}/${resource.id}`, resource as unknown as Record<string, unknown>] as const,
      ),
    );
    type Planned = Readonly<Record<string, unknown>> & LocalResource;
    const subject = (resources[0] as { subject?: { reference?: string } }).subject?.reference ?? '';
    const deliveries = planDeliveries(
      {
        ...{ environment: ENVIRONMENT, owner: puskesmas.code, patient: subject, submission: id, version, at, replace: version > 1 },
        resources: resources as readonly Planned[],
        people: persons as readonly Planned[],
      },
      { facilityOf: (reference) => units.get(reference) },
      located,
    );
    await store.commit({
      submissions: [
        {
          ...{ id, version, feed: 'encounters', sourceSystem: 'simpus', sourceId: record, sourceUpdatedAt: null, client: 'simpus' },
          ...{ facility: puskesmas.code, contentHash: `${version}`, fingerprint: null, duplicateOf: null, state: 'ready', reason: null },
          ...{ issues: [], unused: [], resources: [], story: [], receivedAt: at, payload: '{}' },
        },
      ],
      resources: [...persons, ...resources].map((resource) => ({ resource, facility: puskesmas.code, submission: id, at })),
      deliveries,
    });
    time.advance(1_000);
    return id;
  }

  const rig = {
    plan,
    settings: (change: object) => control('PUT', 'settings', change),
    store,
    time,
    credentials,
    logged,
    counted,
    url,
    connect,
    startWorker,
    register,
    receive,
    fault: (order: object) => control('POST', 'faults', order),
    /** Everything on the platform, by type. */
    async onPlatform(): Promise<Record<string, Array<Record<string, unknown>>>> {
      const all = (await control('GET', 'dump?format=json')) as Array<Record<string, unknown>>;
      return Object.groupBy(all, (resource) => String(resource.resourceType)) as Record<string, Array<Record<string, unknown>>>;
    },
    async requests(): Promise<Record<string, Record<string, number>>> {
      return ((await control('GET', 'counts')) as { requests: { byRoute: Record<string, Record<string, number>> } }).requests.byRoute;
    },
    async submission(id: string) {
      const [found] = await store.submissionsById({ client: 'test', facilities: 'all', purpose: 'job' }, [id]);
      return found;
    },
    async delivery(id: string) {
      const [found] = await store.deliveries({ submissionId: id, environment: ENVIRONMENT });
      return found;
    },
    async close(): Promise<void> {
      for (const platform of platforms) {
        platform.close();
      }
      await sandbox.stop();
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await register();
  return rig;
}

function realTime(): ReturnType<typeof virtualTime> {
  return {
    clock: Date.now,
    delay: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    advance: () => undefined,
    iso: () => new Date().toISOString(),
  };
}

/** The database times tries, marks and pauses by its own clock, and a test would have to wait for it: here ours says what time it is. */
function onOurTime(store: Store, clock: () => number): Store {
  const marks = new Map<number, string>();
  const ours: Partial<Store> = {
    commit(changes, fence) {
      const deliveryOutcomes = changes.deliveryOutcomes?.map(({ dueInMs, ...outcome }) =>
        dueInMs === undefined ? outcome : { ...outcome, dueAt: new Date(clock() + dueInMs).toISOString() },
      );
      return store.commit({ ...changes, ...(deliveryOutcomes && { deliveryOutcomes }) }, fence);
    },
    shared: async (environment, names) => ({ ...(await store.shared(environment, names)), nowMs: clock() }),
    async markSent(fence, at) {
      await store.markSent(fence, at);
      marks.set(fence.deliveryId, new Date(clock()).toISOString());
    },
    claimDeliveries: async (query) =>
      (await store.claimDeliveries(query)).map((delivery) =>
        delivery.markedAt === null ? delivery : { ...delivery, markedAt: marks.get(delivery.id) ?? delivery.markedAt },
      ),
  };
  return new Proxy(store, {
    get(target, name) {
      const value = ours[name as keyof Store] ?? target[name as keyof Store];
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

export const posyanduOf = (puskesmas: Puskesmas): string => `${puskesmas.code}-PSY-1`;
