import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Bundle, OperationOutcome, Resource } from '@medplum/fhirtypes';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors/index.ts';
import { createFhir, type Fhir } from '../../src/fhir/index.ts';
import { type AccessContext, openStore, type Store } from '../../src/store/index.ts';

const BASE = 'https://adapter.example/fhir';
const everything: AccessContext = { client: 'test', facilities: 'all', purpose: 'fhir' };
const brebesOnly: AccessContext = { client: 'brebes', facilities: ['P3329170201'], purpose: 'fhir' };
const folder = mkdtempSync(path.join(os.tmpdir(), 'ilp-fhir-'));

const patient = { resourceType: 'Patient' as const, id: 'p1', name: [{ text: 'Contoh Satu' }], birthDate: '1990-05-04' };
const encounters = Array.from({ length: 5 }, (_, index) => ({
  resourceType: 'Encounter' as const,
  id: `e${index}`,
  status: 'finished' as const,
  class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: index === 4 ? 'HH' : 'AMB' },
  identifier: [{ system: 'https://fhir.ilp.example/sid/encounter', value: `e${index}` }],
  subject: { reference: 'Patient/p1' },
  period: { start: `2026-08-1${index}T08:00:00+07:00`, end: `2026-08-1${index}T09:00:00+07:00` },
}));
const pressure = {
  resourceType: 'Observation' as const,
  id: 'o1',
  status: 'final' as const,
  code: { coding: [{ system: 'http://loinc.org', code: '8480-6' }] },
  subject: { reference: 'Patient/p1' },
  encounter: { reference: 'Encounter/e0' },
  effectiveDateTime: '2026-08-10T08:10:00+07:00',
};

let store: Store;
let fhir: Fhir;
const audits: string[] = [];
let auditWorks = true;

beforeAll(async () => {
  store = await openStore(path.join(folder, 'fhir.sqlite'));
  await store.migrate();
  const write = (resource: Resource & { id: string }, facility: string | null) => ({
    resource,
    facility,
    submission: null,
    at: '2026-08-20T00:00:00.000Z',
  });
  await store.commit({
    resources: [
      write(patient, 'P3329170201'),
      ...encounters.map((each, index) => write(each, index < 3 ? 'P3329170201' : 'P3329030101')),
      write(pressure, 'P3329170201'),
    ],
  });
  await store.commit({ resources: [write({ ...patient, birthDate: '1990-05-05' }, 'P3329170201')] });
  fhir = createFhir({
    store,
    version: '0.0.0',
    startedAt: '2026-08-20T00:00:00.000Z',
    baseUrl: BASE,
    definitions: () => [],
    terminology: () => {
      throw new AppError('internal');
    },
    audit: async (context, action, target, count) => {
      if (!auditWorks) throw new AppError('store-unavailable');
      audits.push([context.client, action, target, count].join(' '));
    },
  });
});

afterAll(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

const get = (url: string, context = everything, headers: Record<string, string> = {}) =>
  fhir.handle({ method: 'GET', url, headers }, context);
const ids = (body: Resource) => (body as Bundle).entry?.map((entry) => entry.resource?.id) ?? [];

describe('read and vread', () => {
  it('read – newest version with ETag and Last-Modified', async () => {
    const { status, headers, body } = await get('/Patient/p1');
    expect(status).toBe(200);
    expect(headers.etag).toBe('W/"2"');
    expect(headers['last-modified']).toMatch(/GMT$/);
    expect(body).toMatchObject({ birthDate: '1990-05-05', meta: { versionId: '2' } });
    expect(audits).toContain('test fhir-read Patient/p1 1');
  });

  it('read – the client has this version already – 304', async () => {
    expect((await get('/Patient/p1', everything, { 'if-none-match': 'W/"2"' })).status).toBe(304);
  });

  it('vread – each version; a version that never was is 404', async () => {
    expect((await get('/Patient/p1/_history/1')).body).toMatchObject({ birthDate: '1990-05-04' });
    for (const version of ['3', '0', '-1', 'x', '99999999999']) expect((await get(`/Patient/p1/_history/${version}`)).status).toBe(404);
  });

  it('another facility’s resource is as if it did not exist', async () => {
    expect((await get('/Encounter/e0', brebesOnly)).status).toBe(200);
    const hidden = await get('/Encounter/e3', brebesOnly);
    const absent = await get('/Encounter/none', brebesOnly);
    expect(hidden.status).toBe(404);
    expect(hidden).toEqual(absent);
  });

  it('a read that cannot be audited fails', async () => {
    auditWorks = false;
    const { status, body } = await get('/Patient/p1');
    auditWorks = true;
    expect(status).toBe(503);
    expect(JSON.stringify(body)).not.toContain('Contoh');
  });

  it.each(['/Unknown/1', '/patient/p1', '/', '/Patient/p1/extra/deep/path', '/Patient/%E0%A4%A', '/__proto__/x'])(
    '%s – not found',
    async (url) => {
      const { status, body } = await get(url);
      expect([404, 405]).toContain(status);
      expect((body as OperationOutcome).resourceType).toBe('OperationOutcome');
    },
  );

  it.each([
    ['POST', '/Patient'],
    ['PUT', '/Patient/p1'],
    ['DELETE', '/Patient/p1'],
    ['PATCH', '/Patient/p1'],
    ['POST', '/'],
    ['GET', '/Patient/p1/_history'],
  ])('%s %s – refused, data enters through intake', async (method, url) => {
    const { status } = await fhir.handle({ method, url, headers: {} }, everything);
    expect([404, 405]).toContain(status);
    expect((await get('/Patient/p1')).body.meta?.versionId).toBe('2');
  });
});

describe('search', () => {
  it.each([
    ['/Encounter?_id=e1,e2', ['e1', 'e2']],
    ['/Encounter?identifier=https://fhir.ilp.example/sid/encounter|e3', ['e3']],
    ['/Encounter?identifier=e3', ['e3']],
    ['/Encounter?identifier=|e3', []],
    ['/Encounter?patient=p1&class=HH', ['e4']],
    ['/Encounter?subject=Patient/p1&_id=e1', ['e1']],
    ['/Encounter?subject:Patient=p1&_id=e1', ['e1']],
    ['/Encounter?date=2026-08-11', ['e1']],
    ['/Encounter?date=ge2026-08-12&date=lt2026-08-14', ['e2', 'e3']],
    ['/Encounter?date=2026-08-11T01:30:00Z', []],
    ['/Observation?code=http://loinc.org|8480-6', ['o1']],
    ['/Observation?code=8480-6&encounter=Encounter/e0', ['o1']],
    ['/Observation?code=http://loinc.org|', ['o1']],
    ['/Observation?code=x\\,y', []],
    ['/Patient?birthdate=1990-05-05', ['p1']],
    ['/Patient?name=contoh', ['p1']],
    ['/Encounter?_lastUpdated=ge2026-08-20', ['e0', 'e1', 'e2', 'e3', 'e4']],
  ])('%s', async (url, expected) => {
    const { status, body } = await get(url);
    expect(status, JSON.stringify(body)).toBe(200);
    expect(ids(body).sort()).toEqual(expected);
  });

  it('sees only the facilities of the key', async () => {
    expect(ids((await get('/Encounter', brebesOnly)).body).sort()).toEqual(['e0', 'e1', 'e2']);
  });

  it('pages through everything once, in order, and keeps the parameters in the links', async () => {
    const seen: Array<string | undefined> = [];
    let url: string | undefined = '/Encounter?patient=p1&_count=2&_sort=-date';
    while (url !== undefined) {
      const bundle = (await get(url)).body as Bundle;
      expect(bundle.link?.find((link) => link.relation === 'self')?.url).toContain('patient=p1');
      seen.push(...ids(bundle));
      url = bundle.link?.find((link) => link.relation === 'next')?.url?.slice(BASE.length);
    }
    expect(seen).toEqual(['e4', 'e3', 'e2', 'e1', 'e0']);
  });

  it('_total counts all matches, _count=0 returns none of them', async () => {
    const { body } = await get('/Encounter?_total=accurate&_count=0');
    expect((body as Bundle).total).toBe(5);
    expect(ids(body)).toEqual([]);
  });

  it('POST _search – the form counts like the query', async () => {
    const { body } = await fhir.handle({ method: 'POST', url: '/Encounter/_search', form: { _id: 'e2' }, headers: {} }, everything);
    expect(ids(body)).toEqual(['e2']);
  });

  it.each([
    '/Encounter?foo=bar',
    '/Encounter?patient.name=x',
    '/Encounter?_include=Encounter:subject',
    '/Encounter?class:not=HH',
    '/Encounter?_sort=class',
  ])('%s – refused by name, or left out when the client is lenient', async (url) => {
    const { status, body } = await get(url);
    expect(status).toBe(400);
    expect((body as OperationOutcome).issue[0]).toMatchObject({ code: 'not-supported' });
    expect((await get(url, everything, { prefer: 'handling=lenient' })).status).toBe(200);
  });

  it.each(['date=yesterday', 'date=2026-02-30', '_count=-1', '_count=x', 'patient=a/b/c', 'subject=%00'])(
    '%s – bad value, not echoed',
    async (query) => {
      const { status, body } = await get(`/Encounter?${query}`);
      expect(status).toBe(400);
      expect(JSON.stringify(body)).not.toContain('yesterday');
    },
  );

  it('a hostile cursor is refused, not executed', async () => {
    for (const cursor of ["' OR 1=1", '{}', 'AAAA', 'e30', '%00'])
      expect([200, 400]).toContain((await get(`/Encounter?_cursor=${encodeURIComponent(cursor)}`)).status);
  });

  it('XML is not produced', async () => {
    expect((await get('/Patient/p1?_format=xml')).status).toBe(406);
    expect((await get('/Patient/p1', everything, { accept: 'application/fhir+xml' })).status).toBe(406);
    expect((await get('/Patient/p1?_format=application/fhir+json')).status).toBe(200);
  });
});

describe('metadata', () => {
  it('says what is there, and every parameter it names works', async () => {
    const { body } = fhir.metadata();
    expect(body).toMatchObject({ resourceType: 'CapabilityStatement', fhirVersion: '4.0.1' });
    const encounter = (
      body as { rest: Array<{ resource: Array<{ type: string; searchParam: Array<{ name: string; type: string }> }> }> }
    ).rest[0]?.resource.find((each) => each.type === 'Encounter');
    for (const { name, type } of encounter?.searchParam ?? []) {
      const value = type === 'date' ? '2026-01-01' : type === 'reference' ? 'Patient/p1' : 'x';
      expect((await get(`/Encounter?${name}=${value}`)).status, name).toBe(200);
    }
  });
});
