import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type Config, type Environ, parseConfig } from '../../src/config/index.ts';
import { hashKey } from '../../src/http/index.ts';
import { createService } from '../../src/main.ts';
import type { Service } from '../../src/service.ts';
import type { Client, Feed, Scope } from '../../src/store/index.ts';

export interface Running {
  readonly service: Service;
  readonly url: string;
  /** Adds a client and returns its key. */
  client(id: string, rights?: Partial<Pick<Client, 'scopes' | 'sourceSystems' | 'facilities'>>): Promise<string>;
  post(feed: Feed, body: unknown, key: string, query?: string): Promise<Answer>;
  get(path: string, key?: string): Promise<Answer>;
  stop(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: answers are read field by field in tests
  readonly body: any;
}

export const ALL_SCOPES: readonly Scope[] = ['intake:write', 'intake:read', 'intake:validate', 'fhir:read'];

/** A real service on SQLite in a folder of its own, on a free port; its worker sleeps. */
export async function runService(environ: Environ = {}, create: (config: Config) => Promise<Service> = createService): Promise<Running> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'ilp-http-'));
  const config = parseConfig({
    ILP_DATABASE: path.join(folder, 'ilp.sqlite'),
    ILP_PORT: '0',
    ILP_WORKER_ENABLED: 'false',
    ILP_LOG_LEVEL: 'silent',
    ...environ,
  });
  const service = await create(config);
  const { url } = await service.start();
  const read = async (response: Response): Promise<Answer> => {
    const text = await response.text();
    const json = /json/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, headers: response.headers, body: json ? JSON.parse(text) : text };
  };
  return {
    service,
    url,
    async client(id, rights = {}) {
      const key = `key-of-${id}-0123456789`;
      await service.store.putClient({
        id,
        name: id,
        keyHash: hashKey(key),
        scopes: ALL_SCOPES,
        sourceSystems: 'all',
        facilities: 'all',
        createdAt: '2026-01-01T00:00:00.000Z',
        revokedAt: null,
        ...rights,
      });
      return key;
    },
    post: async (feed, body, key, query = '') =>
      read(
        await fetch(`${url}/api/v1/${feed}${query}`, {
          method: 'POST',
          headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
          body: JSON.stringify(body),
        }),
      ),
    get: async (where, key) =>
      read(await fetch(`${url}${where}`, { headers: key === undefined ? {} : { authorization: `Bearer ${key}` } })),
    async stop() {
      await service.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A puskesmas with a pustu and a posyandu, a midwife, a kader, and a mother: what visits refer to. */
export async function register(running: Running, key: string): Promise<void> {
  const source = { sourceSystem: 'simpus' };
  const answers = [
    await running.post(
      'facilities',
      [
        { ...source, kind: 'puskesmas', code: 'P1', name: 'Puskesmas Satu', villageCode: '332901', satusehatOrganizationId: '100000001' },
        { ...source, kind: 'pustu', code: 'P1-PT', name: 'Pustu Satu', supervisorCode: 'P1', villageCode: '3329012001' },
        {
          ...source,
          kind: 'posyandu',
          code: 'P1-PY',
          name: 'Posyandu Melati',
          supervisorCode: 'P1-PT',
          parentCode: '3329012001',
          villageCode: '3329012001',
        },
        { ...source, kind: 'puskesmas', code: 'P2', name: 'Puskesmas Dua', villageCode: '332902', satusehatOrganizationId: '100000002' },
      ],
      key,
    ),
    await running.post(
      'practitioners',
      [
        { ...source, sourceId: 'NK-1', nik: MIDWIFE, name: 'Bidan Siti', profession: 'bidan', facilityCode: 'P1' },
        { ...source, sourceId: 'NK-2', nik: KADER, name: 'Kader Ani', profession: 'kader', facilityCode: 'P1' },
      ],
      key,
    ),
    await running.post(
      'persons',
      [
        {
          ...source,
          sourceId: 'RM-1',
          nik: MOTHER,
          name: 'Ayu Lesmana',
          birthDate: '1998-02-28',
          sex: 'female',
          facilityCode: 'P1',
        },
      ],
      key,
    ),
  ];
  for (const { status, body } of answers) {
    if (status !== 202 || body.refused > 0) throw new Error(`the registers were refused: ${JSON.stringify(body)}`);
  }
}

export const MIDWIFE = '9929016808920211';
export const KADER = '9929015107900218';
export const MOTHER = '9929016802980002';

export const visit = (sourceId: string, change: Record<string, unknown> = {}): Record<string, unknown> => ({
  sourceSystem: 'simpus',
  sourceId,
  facilityCode: 'P1',
  person: { sourceId: 'RM-1' },
  practitioner: { nik: MIDWIFE },
  start: '2026-08-19T08:00:00+07:00',
  end: '2026-08-19T08:20:00+07:00',
  cluster: 'K3',
  // Two visits that tell the same are duplicates, so each tells something of its own.
  complaint: `keluhan ${sourceId}`,
  vitals: { systolic: 120, diastolic: 80, weight: 55.5 },
  diagnoses: [{ code: 'I10', rank: 1 }],
  ...change,
});

export const weighing = (sourceId: string, change: Record<string, unknown> = {}): Record<string, unknown> => ({
  sourceSystem: 'simpus',
  sourceId,
  posyanduCode: 'P1-PY',
  person: { nik: MOTHER },
  date: '2026-08-19',
  sessionStart: '08:00',
  sessionEnd: '11:00',
  context: 'hari_buka',
  measurements: { weight: 55.5, height: 155 },
  kader: { nik: KADER, name: 'Kader Ani' },
  validatedBy: { nik: MIDWIFE },
  ...change,
});
