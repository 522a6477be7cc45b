import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { afterAll } from 'vitest';
import { newApiClient } from '../../src/cli/commands/client.ts';
import { composition } from '../../src/main.ts';
import type { Client, Store } from '../../src/store/index.ts';
import { openStore } from '../../src/store/index.ts';
import type { TestEngine } from '../store/engines.ts';
import type { createProcesses, Running } from './processes.ts';

export const PUSKESMAS = [
  { code: 'P1', name: 'Puskesmas Satu', village: '332901', organizationId: '100000001' },
  { code: 'P2', name: 'Puskesmas Dua', village: '332902', organizationId: '100000002' },
] as const;
export const MIDWIFE = '9929016808920211';
export const SECRET = 'rahasia-klien-0123456789';

export interface DistrictOptions {
  readonly persons: number;
  /** Where the service finds the platform; the sandbox itself when absent. */
  readonly platformUrl?: (sandboxUrl: string) => Promise<string>;
  readonly person?: (index: number) => Record<string, unknown>;
}

export interface District {
  readonly sandbox: Running;
  readonly database: string;
  readonly environ: Readonly<Record<string, string>>;
  readonly key: string;
  serve(environ?: Readonly<Record<string, string>>): Promise<Running>;
  /** Adds a client and returns its key. */
  client(name: string, access?: Partial<Pick<Client, 'scopes' | 'sourceSystems' | 'facilities'>>): Promise<string>;
  /** Sends facilities, a midwife and the persons. */
  register(url: string): Promise<void>;
  /** The same database beside the service. */
  readonly store: Store;
  /** Rows of any statement. */
  rows(sql: string): Promise<Record<string, unknown>[]>;
}

/** A database with keys and credentials, a sandbox in its own process, and people that both know. Call it in a hook. */
export async function createDistrict(
  engine: Pick<TestEngine, 'name' | 'createDatabase'>,
  processes: ReturnType<typeof createProcesses>,
  { persons, platformUrl, person = personOf }: DistrictOptions,
): Promise<District> {
  const folder = mkdtempSync(path.join(tmpdir(), 'ilp-e2e-'));
  const people = path.join(folder, 'people.json');
  const clients = path.join(folder, 'clients.json');
  writeFileSync(people, JSON.stringify(peopleFile(Array.from({ length: persons }, (_, index) => person(index)))));
  writeFileSync(
    clients,
    JSON.stringify({
      clients: PUSKESMAS.map(({ code, organizationId }) => ({ clientId: `client-${code}`, clientSecret: SECRET, organizationId })),
    }),
  );
  const [sandbox, database] = await Promise.all([
    processes.server(['sandbox', '--port', '0', '--people', people, '--clients', clients]),
    engine.createDatabase(),
  ]);
  const platform = (await platformUrl?.(sandbox.url)) ?? sandbox.url;
  const environ = {
    ILP_ENVIRONMENT: 'sandbox',
    ILP_DATABASE: database,
    ILP_SECRET_KEY: '5e'.repeat(32),
    ILP_PORT: '0',
    ILP_PLATFORM_AUTH_URL: `${platform}/oauth2/v1`,
    ILP_PLATFORM_FHIR_URL: `${platform}/fhir-r4/v1`,
    ILP_LOG_LEVEL: 'warn',
  };
  const config = composition.readConfig(environ);
  const store = await openStore(database);
  await store.migrate();
  const add = async (name: string, access: Partial<Pick<Client, 'scopes' | 'sourceSystems' | 'facilities'>> = {}) => {
    const { client, key } = newApiClient(name, {
      scopes: ['intake:write', 'intake:read', 'fhir:read'],
      facilities: 'all',
      sourceSystems: 'all',
      ...access,
    });
    await store.putClient(client);
    return key;
  };
  const key = await add('district');
  for (const { code, organizationId } of PUSKESMAS) {
    await store.putCredential({
      environment: config.environment,
      owner: code,
      organizationId,
      clientId: `client-${code}`,
      secret: composition.sealSecret(config, code, SECRET),
      createdAt: new Date().toISOString(),
      allowedHours: null,
    });
  }
  closers.push(async () => {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    sandbox,
    database,
    environ,
    key,
    store,
    client: add,
    serve: (more = {}) => processes.server(['serve'], { ...environ, ...more }),
    async register(url) {
      await send(url, key, 'facilities', facilities());
      await send(url, key, 'practitioners', [
        { ...SOURCE, sourceId: 'NK-1', nik: MIDWIFE, name: 'Bidan Contoh', profession: 'bidan', facilityCode: 'P1' },
      ]);
      await send(
        url,
        key,
        'persons',
        Array.from({ length: persons }, (_, index) => person(index)),
      );
    },
    rows: (sql) => rowsOf(database, sql),
  };
}

const closers: (() => Promise<void>)[] = [];
/** Call it at the top of a file that creates districts. */
export const closeDistricts = (): void =>
  afterAll(async () => {
    for (const close of closers.splice(0)) await close();
  });

const SOURCE = { sourceSystem: 'simpus' };

const facilities = () => [
  ...PUSKESMAS.map(({ code, name, village, organizationId }) => ({
    ...SOURCE,
    kind: 'puskesmas',
    code,
    name,
    villageCode: village,
    satusehatOrganizationId: organizationId,
  })),
  ...PUSKESMAS.map(({ code, village }) => ({
    ...SOURCE,
    kind: 'pustu',
    code: `${code}-PT`,
    name: `Pustu ${code}`,
    supervisorCode: code,
    villageCode: `${village}2001`,
  })),
];

/** NIKs begin with 99, which is no province; every even person is a woman, and her NIK says so. */
export function personOf(index: number): Record<string, unknown> {
  const female = index % 2 === 0;
  const day = 1 + (index % 28);
  return {
    ...SOURCE,
    sourceId: `RM-${index}`,
    nik: `992901${String(female ? day + 40 : day).padStart(2, '0')}0280${String(index).padStart(4, '0')}`,
    name: `Orang Contoh ${index}`,
    birthDate: `1980-02-${String(day).padStart(2, '0')}`,
    sex: female ? 'female' : 'male',
    facilityCode: index % 2 === 0 ? 'P1' : 'P2',
  };
}

const peopleFile = (persons: readonly Record<string, unknown>[]) => ({
  patients: persons.map(({ nik, name, birthDate, sex }) => ({ nik, name, birthDate, gender: sex })),
  practitioners: [{ nik: MIDWIFE, name: 'Bidan Contoh', gender: 'female' }],
});

/** A screening visit. Two that tell the same are duplicates, so the time and the complaint differ. */
export function visitOf(index: number, persons: number, change: Record<string, unknown> = {}): Record<string, unknown> {
  const person = index % persons;
  const start = new Date(Date.parse('2026-08-19T00:00:00Z') + index * 60_000).toISOString();
  const end = new Date(Date.parse('2026-08-19T00:10:00Z') + index * 60_000).toISOString();
  return {
    ...SOURCE,
    sourceId: `K-${index}`,
    facilityCode: ['P1-PT', 'P2', 'P1', 'P2-PT'][index % 4],
    person: { sourceId: `RM-${person}` },
    practitioner: { nik: MIDWIFE },
    start,
    end,
    cluster: 'K3',
    complaint: `keluhan ${index}`,
    vitals: { systolic: 110 + (index % 40), diastolic: 70 + (index % 20), weight: 50 + (index % 30) },
    diagnoses: [{ code: 'I10', rank: 1 }],
    ...change,
  };
}

export interface Answer {
  readonly status: number;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: answers are read field by field in tests
  readonly body: any;
}

export async function call(url: string, key: string | undefined, init: RequestInit = {}): Promise<Answer> {
  const headers = { ...(key !== undefined && { authorization: `Bearer ${key}` }), ...(init.headers as Record<string, string>) };
  const response = await fetch(url, { ...init, headers });
  const text = await response.text();
  const json = /json/.test(response.headers.get('content-type') ?? '');
  return { status: response.status, text, body: json ? JSON.parse(text) : text };
}

export const post = (url: string, key: string | undefined, feed: string, body: unknown): Promise<Answer> =>
  call(`${url}/api/v1/${feed}`, key, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

async function send(url: string, key: string, feed: string, records: readonly object[]): Promise<void> {
  const { status, body } = await post(url, key, feed, records);
  if (status !== 202 || body.refused > 0) throw new Error(`${feed} were refused: ${JSON.stringify(body).slice(0, 2000)}`);
}

export async function rowsOf(database: string, sql: string): Promise<Record<string, unknown>[]> {
  if (!database.startsWith('postgres')) {
    const file = new DatabaseSync(database, { readOnly: true });
    try {
      return file.prepare(sql).all() as Record<string, unknown>[];
    } finally {
      file.close();
    }
  }
  const client = new pg.Client(database);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Asks again until the answer is good; the test's own time limit ends it. */
export async function until<T>(ask: () => Promise<T>, good: (answer: T) => boolean, everyMs = 25): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (good(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

/** State and reason of all submissions of a feed, by id. */
export async function feedOf(url: string, key: string, feed = 'encounters') {
  const found = new Map<string, { id: string; version: number; state: string; reason: string | null; sourceId: string }>();
  for (let after = 0; ; ) {
    const { body } = await call(`${url}/api/v1/submissions?feed=${feed}&limit=1000&after=${after}`, key);
    for (const submission of body.submissions) found.set(submission.id, submission);
    if (body.submissions.length < 1000) return found;
    after = body.next;
  }
}
