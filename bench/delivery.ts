import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import axios from 'axios';
import { parseConfig } from '../src/config/index.ts';
import type { Engines } from '../src/engines.ts';
import { transactionBundle } from '../src/satusehat/bundle.ts';
import { encryptSecret, project } from '../src/satusehat/index.ts';
import { createLogger, createService, type Service } from '../src/service.ts';
import type { AccessContext, Delivery } from '../src/store/port.ts';
import { freePort, startSandbox } from '../test/faults/children.ts';
import { createPlatformControl, type PlatformControl } from '../test/faults/platform.ts';
import { type Effort, median, quantile, type Row, round } from './measure.ts';
import { createSeeded, ENVIRONMENT, type Seeded } from './seeded.ts';
import { asRaw, CLIENT, facilities, PERSONS, persons, practitioners, visits } from './visits.ts';

const SECRET_KEY = '5e'.repeat(32);
const CLIENT_SECRET = 'bench-secret';
/** Of the service as it is installed. */
const CONCURRENCY = 64;
const LIMITS = { ratio: 0.5, known: 0.97, changed: 0.85, limited: 0.01, limitedChanged: 0.05 };
/** Requests a second that the platform allows each of the five clients. */
const QUOTA = 20;
const SYNC: AccessContext = { client: 'bench', facilities: 'all', purpose: 'job' };

interface Place {
  readonly seeded: Seeded;
  readonly engines: Engines;
  readonly url: string;
  readonly platform: PlatformControl;
  /** Number of the next visit that nobody has sent. */
  next: number;
}

/**
 * Delivery to the simulator, a process of its own over HTTP: as fast as it goes beside the same Bundles from bare axios; within a quota
 * that is known, and one that is not and changes; and how long after its receipt a visit is there.
 */
export async function benchDelivery(engines: Engines, effort: Effort): Promise<Row[]> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'ilp-bench-delivery-'));
  const seeded = await createSeeded(engines);
  const sandbox = await startSandbox(await freePort(), writePlatform(folder));
  try {
    const place: Place = { seeded, engines, url: sandbox.url, platform: createPlatformControl(sandbox.url), next: 0 };
    return [...(await unlimited(place, effort)), ...(await latency(place, effort)), ...(await quotas(place, effort))];
  } finally {
    await sandbox.stop();
    seeded.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The people and clients of the benchmark, as files of the simulator. */
function writePlatform(folder: string): { people: string; clients: string } {
  const files = { people: path.join(folder, 'people.json'), clients: path.join(folder, 'clients.json') };
  const entry = (person: Record<string, unknown>, ihsNumber: string) => ({
    nik: person.nik,
    name: person.name,
    gender: 'male',
    birthDate: person.birthDate,
    ihsNumber,
  });
  writeFileSync(
    files.people,
    JSON.stringify({
      patients: persons().map((person, n) => entry(person, `P${String(30_000_000_000 + n)}`)),
      practitioners: practitioners().map((person, n) => entry(person, String(10_009_900_000 + n))),
    }),
  );
  writeFileSync(
    files.clients,
    JSON.stringify({
      clients: facilities().map((unit) => ({
        clientId: `client-${unit.code}`,
        clientSecret: CLIENT_SECRET,
        organizationId: unit.satusehatOrganizationId,
      })),
    }),
  );
  return files;
}

/** A service on a database of its own, with the credentials of all its puskesmas and so many visits that wait. */
async function open(place: Place, waiting: number, environ: Record<string, string> = {}): Promise<Service> {
  const config = parseConfig({
    ILP_ENVIRONMENT: ENVIRONMENT,
    ILP_DATABASE: place.seeded.copy(`delivery-${place.next}.sqlite`),
    ILP_SECRET_KEY: SECRET_KEY,
    ILP_LOG_LEVEL: 'silent',
    ILP_PORT: '0',
    ILP_WORKER_CONCURRENCY: String(CONCURRENCY),
    ILP_PLATFORM_AUTH_URL: `${place.url}/oauth2/v1`,
    ILP_PLATFORM_FHIR_URL: `${place.url}/fhir-r4/v1`,
    ...environ,
  });
  const service = await createService(config, place.engines, createLogger(config, 2));
  for (const unit of facilities()) {
    const owner = unit.code as string;
    await service.store.putCredential({
      environment: ENVIRONMENT,
      owner,
      organizationId: unit.satusehatOrganizationId as string,
      clientId: `client-${owner}`,
      secret: encryptSecret(SECRET_KEY, { environment: ENVIRONMENT, owner }, CLIENT_SECRET),
      createdAt: new Date().toISOString(),
      allowedHours: null,
    });
  }
  await receive(place, service, waiting);
  return service;
}

/** @returns the ids of the submissions */
async function receive(place: Place, service: Service, count: number): Promise<string[]> {
  const records = asRaw(visits(place.next, count));
  place.next += count;
  const answers = await service.intake.accept({ feed: 'encounters', client: CLIENT, strict: false }, records);
  return answers.map(({ receipt }) => {
    if (receipt.state !== 'ready' || receipt.id === null) throw new Error(`a visit ended as ${receipt.state} ${receipt.reason}`);
    return receipt.id;
  });
}

async function unlimited(place: Place, effort: Effort): Promise<Row[]> {
  const count = effort.quick ? 40 : 800;
  // People and tokens are looked up here, for both.
  const service = await open(place, effort.quick ? 40 : PERSONS);
  try {
    await drained(service);
    const token = await tokenOf(place);
    const ours: number[] = [];
    const bare: number[] = [];
    for (let run = 0; run < Math.max(1, effort.runs - 2); run += 1) {
      const ids = await receive(place, service, count);
      const started = performance.now();
      await drained(service);
      ours.push(count / ((performance.now() - started) / 1_000));
      const bundles = await bundlesOf(service, ids);
      const begun = performance.now();
      await postAll(place, token, bundles);
      bare.push(count / ((performance.now() - begun) / 1_000));
    }
    const ratio = median(ours.map((rate, run) => rate / (bare[run] ?? Number.NaN)));
    return [
      {
        name: 'delivery/unlimited',
        unit: 'deliveries/s',
        ours: round(median(ours)),
        limit: `≥ ${LIMITS.ratio} × bare axios`,
        peers: { 'axios, same Bundles': round(median(bare)) },
        ratio: round(ratio),
        ok: ratio >= LIMITS.ratio,
        note: `SQLite, ${CONCURRENCY} at once for both; two commits to the disk per delivery, none for axios`,
      },
    ];
  } finally {
    await service.stop();
  }
}

async function drained(service: Service): Promise<void> {
  const { waiting, reasons } = await service.worker.drain({ patienceMs: 5_000 });
  if (waiting > 0) throw new Error(`${waiting} deliveries wait: ${JSON.stringify(reasons)}`);
}

async function tokenOf({ url }: Place): Promise<string> {
  const { data } = await axios.post<{ access_token: string }>(
    `${url}/oauth2/v1/accesstoken?grant_type=client_credentials`,
    new URLSearchParams({ client_id: `client-${facilities()[0]?.code}`, client_secret: CLIENT_SECRET }),
  );
  return data.access_token;
}

/** The Bundles that were sent, as texts, with other identifiers: the platform would refuse the same ones. All of the first client. */
async function bundlesOf({ store }: Service, submissions: readonly string[]): Promise<string[]> {
  const first = facilities()[0] as { code: string; satusehatOrganizationId: string };
  const all: Delivery[] = [];
  for (const submissionId of submissions) all.push(...(await store.deliveries({ submissionId, environment: ENVIRONMENT })));
  const given = await store.facilities();
  const ids = new Map(given.map((unit) => [unit.organization, first.satusehatOrganizationId]));
  const own = all.filter(({ owner, kind }) => owner === first.code && kind === 'encounter');
  const texts: string[] = [];
  for (const delivery of own) {
    const resources = (await store.resources(SYNC, delivery.resources)).map(({ resource }) => resource);
    const wanted = [...new Set(JSON.stringify(resources).match(/(Patient|Practitioner|Location|Organization)\/[0-9a-f-]{36}/g) ?? [])];
    for (const row of await store.platformIds(ENVIRONMENT, wanted)) ids.set(row.reference, row.platformId);
    const within = new Set(resources.map(({ resourceType, id }) => `${resourceType}/${id}`));
    const entries = resources.map((resource) => ({
      id: resource.id,
      ...project(resource, { organizationId: first.satusehatOrganizationId, ids, within }),
    }));
    texts.push(JSON.stringify(transactionBundle(entries)));
  }
  // As many as there were deliveries: each once under every identifier of its turn.
  return submissions.map((_id, turn) =>
    (texts[turn % texts.length] as string).replaceAll(/("system":"http:\/\/sys-ids[^"]+","value":")/g, `$1again-${turn}-`),
  );
}

async function postAll({ url }: Place, token: string, bundles: readonly string[]): Promise<void> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: CONCURRENCY });
  const client = axios.create({ baseURL: `${url}/fhir-r4/v1`, httpAgent: agent, validateStatus: () => true });
  const open = [...bundles];
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      for (let body = open.pop(); body !== undefined; body = open.pop()) {
        const { status, data } = await client.post('', body, {
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        });
        if (status !== 200) throw new Error(`axios: ${status} ${JSON.stringify(data).slice(0, 300)}`);
      }
    }),
  );
  agent.destroy();
}

async function latency(place: Place, effort: Effort): Promise<Row[]> {
  const service = await open(place, effort.quick ? 20 : PERSONS);
  try {
    await drained(service);
    service.worker.start();
    const ids: string[] = [];
    const count = effort.quick ? 20 : 400;
    for (let n = 0; n < count; n += 1) {
      ids.push(...(await receive(place, service, 1)));
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    const millis: number[] = [];
    for (const id of ids) {
      for (;;) {
        const [found] = await service.store.submissionsById(SYNC, [id]);
        const at = (stage: string) => Date.parse(found?.story.find((step) => step.stage === stage)?.at ?? '');
        if (found?.state === 'completed') {
          millis.push(at('delivered') - Date.parse(found.receivedAt));
          break;
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
    return [
      {
        name: 'delivery/receipt-to-delivered',
        unit: 'ms',
        ours: round(median(millis)),
        p50: round(median(millis)),
        p99: round(quantile(millis, 0.99)),
        max: round(Math.max(...millis)),
        note: 'single visits, 40 a second; people already known',
      },
    ];
  } finally {
    await service.stop();
  }
}

/**
 * Of a known quota, and of one that is not known: the minute in which it is found (a row of its own), one without a change, the one after it
 * was halved and the one after it was given back, both unannounced.
 */
async function quotas(place: Place, effort: Effort): Promise<Row[]> {
  const spanMs = effort.quick ? 1_000 : 60_000;
  const set = (requests: number) => place.platform.settings({ quotas: { default: { requests, perMs: 1_000, retryAfter: true } } });
  const clients = facilities().length;
  const need = (rate: number) => Math.ceil((clients * rate * spanMs) / 1_000) + 100;
  const span = (requests: number) => async () => {
    await set(requests);
    await wait(spanMs);
  };

  await set(QUOTA);
  const known = await open(place, need(QUOTA), { ILP_PLATFORM_QUOTA: String(QUOTA), ILP_PLATFORM_QUOTA_SECONDS: '1' });
  const told = await spans(place, known, [span(QUOTA)]);
  await known.stop();

  const unknown = await open(place, need(3.5 * QUOTA));
  const [start, settled, halved, returned] = (await spans(place, unknown, [QUOTA, QUOTA, QUOTA / 2, QUOTA].map(span))) as [
    Span,
    Span,
    Span,
    Span,
  ];
  await unknown.stop();
  await place.platform.settings({ quotas: {} });

  const refusedOf = ({ accepted, refused }: Span): number => refused / (accepted + refused);
  const row = (name: string, some: readonly Span[], note: string): Omit<Row, 'ok'> => {
    const total = sum(some);
    return {
      name: `delivery/${name}`,
      unit: 'of allowed',
      ours: round(total.accepted / total.allowed),
      ratio: Number(refusedOf(total).toFixed(4)),
      note: `${total.accepted} requests accepted, ${total.refused} refused (ratio); ${clients} clients${note}`,
    };
  };
  const used = (some: readonly Span[]): number => sum(some).accepted / sum(some).allowed;
  const percent = (part: number): string => `${(100 * part).toFixed(1)} %`;
  const each = Object.entries({ unchanged: settled, halved, 'given back': returned })
    .map(([name, one]) => `${name} ${percent(used([one]))} (${percent(refusedOf(one))} 429)`)
    .join(', ');
  return [
    {
      ...row('rate-known-quota', told, ''),
      limit: `≥ ${LIMITS.known}, 429s ≤ ${LIMITS.limited}`,
      ok: used(told) >= LIMITS.known && refusedOf(sum(told)) <= LIMITS.limited,
    },
    { ...row('rate-unknown-start', [start], '; the minute in which an unknown quota is found') },
    {
      ...row('rate-unannounced-change', [settled, halved, returned], `; minutes: ${each}`),
      limit: `≥ ${LIMITS.changed}, 429s ≤ ${LIMITS.limitedChanged} in the minute after a change, ≤ ${LIMITS.limited} without one`,
      ok:
        used([settled, halved, returned]) >= LIMITS.changed &&
        refusedOf(settled) <= LIMITS.limited &&
        [halved, returned].every((one) => refusedOf(one) <= LIMITS.limitedChanged),
    },
  ];
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Span {
  readonly allowed: number;
  readonly accepted: number;
  readonly refused: number;
}

/** What became of the requests of each span of time, from when all have a token on. */
async function spans({ platform }: Place, service: Service, parts: readonly (() => Promise<void>)[]): Promise<Span[]> {
  const counts = async (): Promise<Span> => sum((await platform.clients()).map((client) => ({ ...client, allowed: client.allowed ?? 0 })));
  service.worker.start();
  await wait(1_000);
  const found: Span[] = [];
  for (const part of parts) {
    const before = await counts();
    await part();
    const after = await counts();
    found.push({
      allowed: after.allowed - before.allowed,
      accepted: after.accepted - before.accepted,
      refused: after.refused - before.refused,
    });
  }
  const { waiting } = await service.store.backlog(ENVIRONMENT);
  if (waiting === 0) throw new Error('nothing waited any more: the rate was not what held it up');
  return found;
}

const sum = (some: readonly Span[]): Span => ({
  allowed: some.reduce((total, { allowed }) => total + allowed, 0),
  accepted: some.reduce((total, { accepted }) => total + accepted, 0),
  refused: some.reduce((total, { refused }) => total + refused, 0),
});
