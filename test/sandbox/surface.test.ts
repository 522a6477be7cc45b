import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { AppError } from '../../src/errors/index.ts';
import { surfaceDoc } from '../../src/sandbox/describe-surface.ts';
import { readSurface } from '../../src/sandbox/surface.ts';
import { RECOVERY } from '../../src/satusehat/recovery.ts';
import { platformSid, SYSTEMS } from '../../src/terminology/systems.ts';
import {
  type Body,
  encounter,
  location,
  ORG,
  observation,
  organization,
  outcome,
  PATIENT,
  PRACTITIONER,
  type Running,
  startForTest,
  storeOutcome,
  transactionOf,
  visit,
} from './support.ts';

const FILE = readFileSync(path.resolve(import.meta.dirname, '../../profiles/platform-surface.json'), 'utf8');

interface Layer {
  readonly verbs: readonly string[];
  readonly searches: readonly string[];
}
type Facts = Readonly<Record<string, { parameters: Record<string, string>; recorded: Layer; documented: Layer }>>;
const TYPES = (JSON.parse(FILE) as { types: Facts }).types;

let recorded: Running;
let documented: Running;
beforeAll(async () => {
  recorded = await startForTest();
  documented = await startForTest({ settings: { surface: 'documented' } });
});
afterAll(() => Promise.all([recorded.sandbox.stop(), documented.sandbox.stop()]));

/** A value for a parameter that finds nothing but is none to refuse. */
const sample = (parameter: string, kind: string): string =>
  kind.startsWith('date') ? '2026-01-01' : parameter === '_count' ? '5' : parameter === 'identifier' ? `${SYSTEMS.nik}|1` : 'none';

const namesIn = (link: string): readonly string[] => [...new Set(new URL(link).searchParams.keys())].sort();

describe.each([
  ['recorded', () => recorded, (facts: Facts[string]) => facts.recorded.searches],
  ['documented', () => documented, (facts: Facts[string]) => [...facts.recorded.searches, ...facts.documented.searches]],
] as const)('the surface %s', (_name, running, searchesOf) => {
  const sets = Object.entries(TYPES).flatMap(([type, facts]) => searchesOf(facts).map((set) => [type, set] as const));

  it.each(sets)('%s?%s is a search', async (type, set) => {
    const names = set.split(' ');
    const query = names.map((name) => `${name}=${encodeURIComponent(sample(name, TYPES[type]?.parameters[name] ?? ''))}`).join('&');
    const { status, body } = await running().fhir('GET', `/${type}?${query}`);
    expect({ status, type: body.type }).toEqual({ status: 200, type: 'searchset' });
    expect(namesIn(body.link[0].url)).toEqual(names.filter((name) => name !== '_sort').sort());
  });
});

describe('what only the documentation has', () => {
  const composition = (reference: string): Body => ({
    resourceType: 'Composition',
    status: 'final',
    type: { coding: [{ system: SYSTEMS.loinc, code: '18842-5' }] },
    subject: { reference: PATIENT },
    encounter: { reference },
    author: [{ reference: PRACTITIONER }],
    date: '2026-08-12T01:00:00+00:00',
    title: 'Resume medis',
  });

  it('a search parameter: ignored on the recorded surface, in the links too', async () => {
    for (const [running, total, names] of [
      [recorded, 1, []],
      [documented, 0, ['encounter']],
    ] as const) {
      const { encounter: reference } = await visit(running, 'SF-1');
      expect((await running.fhir('POST', '/Composition', composition(reference))).status).toBe(201);
      const { body } = await running.fhir('GET', '/Composition?encounter=another');
      expect({ total: body.total, names: namesIn(body.link[0].url) }).toEqual({ total, names });
      expect((await running.fhir('GET', `/Composition?encounter=${reference.slice('Encounter/'.length)}`)).body.total).toBe(1);
    }
  });

  it('a type: a wrong URL on the recorded surface', async () => {
    for (const type of ['HealthcareService', 'Appointment', 'Claim']) {
      const { status, text } = await recorded.fhir('GET', `/${type}/1`);
      expect({ status, text }).toEqual({ status: 404, text: '' });
      expect((await documented.fhir('GET', `/${type}/1`)).body.issue[0].details.text).toBe('storage_error');
    }
    const claim = transactionOf(['urn:uuid:00000000-0000-4000-8000-000000000001', { resourceType: 'Claim' }]);
    expect((await recorded.fhir('POST', '', claim)).body.issue[0].details.text).toContain('(RuleNumber: 20004)');
    expect((await documented.fhir('POST', '', claim)).body.issue[0].details.text).toBe('unparseable_resource');
  });

  it('a verb: taken on trust, or refused when the setting says so', async () => {
    const strict = await startForTest({ settings: { strictness: { unrecordedVerbs: 'refuse' } } });
    try {
      const { encounter: reference } = await visit(strict);
      const { body } = await strict.fhir('POST', '/Observation', observation(reference));
      const put = await strict.fhir('PUT', `/Observation/${body.id}`, body);
      expect({ status: put.status, text: put.text }).toEqual({ status: 404, text: '' });
      const place = await strict.fhir('POST', '/Location', location('SF-2'));
      expect((await strict.fhir('PUT', `/Location/${place.body.id}`, place.body)).status).toBe(200);
    } finally {
      await strict.sandbox.stop();
    }
    const { encounter: reference } = await visit(recorded, 'SF-3');
    const { body } = await recorded.fhir('POST', '/Observation', observation(reference));
    expect((await recorded.fhir('PUT', `/Observation/${body.id}`, body)).status).toBe(200);
  });
});

describe('what neither surface has', () => {
  it('deletion, versions and history are wrong URLs', async () => {
    const { body } = await recorded.fhir('POST', '/Location', location('SF-4'));
    for (const [method, at] of [
      ['DELETE', `/Location/${body.id}`],
      ['GET', `/Location/${body.id}/_history`],
      ['GET', `/Location/${body.id}/_history/${body.meta.versionId}`],
      ['GET', '/Location/_search/x'],
      ['PATCH', '/Location'],
    ] as const) {
      const { status, text } = await documented.fhir(method, at);
      expect({ at, status, text }).toEqual({ at, status: 404, text: '' });
    }
  });

  it('unknown parameters are refused when the setting says so', async () => {
    const strict = await startForTest({ settings: { strictness: { unknownParameters: 'refuse' } } });
    try {
      const { status, body } = await strict.fhir('GET', '/MedicationDispense?subject=1&encounter=2');
      expect({ status, body }).toEqual({
        status: 400,
        body: storeOutcome('value', 'invalid_query', 'invalid search parameter: encounter'),
      });
    } finally {
      await strict.sandbox.stop();
    }
  });
});

describe('the results of a search', () => {
  it('come with the children that are asked for', async () => {
    const parent = await recorded.fhir('POST', '/Location', location('SF-5'));
    const child = await recorded.fhir('POST', '/Location', {
      ...location('SF-6', ORG),
      partOf: { reference: `Location/${parent.body.id}` },
      managingOrganization: { reference: 'Organization/10000005' },
    });
    expect(child.status, child.text).toBe(201);
    const ids = async (query: string) =>
      (await recorded.fhir('GET', `/Location?organization=,${ORG},&${query}`)).body.entry.map((entry: Body) => entry.resource.id);
    expect(await ids('')).not.toContain(child.body.id);
    expect(await ids('_revinclude=Location:part-of')).toContain(child.body.id);
    expect(await ids('_revinclude=Location:else')).not.toContain(child.body.id);
  });

  it('come with what they refer to, are cut by _count, and sorted by time', async () => {
    const { encounter: reference } = await visit(recorded, 'SF-7');
    const about = { subject: { reference: PATIENT }, encounter: { reference } };
    const condition = await recorded.fhir('POST', '/Condition', {
      resourceType: 'Condition',
      ...about,
      code: { coding: [{ system: SYSTEMS.icd10, code: 'Z00.1' }] },
    });
    const plan = (title: string): Body => ({
      resourceType: 'CarePlan',
      status: 'active',
      intent: 'plan',
      ...about,
      title,
      description: title,
      category: [{ coding: [{ system: SYSTEMS.snomed, code: '736271009' }] }],
      author: { reference: PRACTITIONER },
      addresses: [{ reference: `Condition/${condition.body.id}` }],
    });
    const first = await recorded.fhir('POST', '/CarePlan', plan('satu'));
    const second = await recorded.fhir('POST', '/CarePlan', plan('dua'));
    expect(second.status, second.text).toBe(201);
    const included = await recorded.fhir(
      'GET',
      `/CarePlan?_id=${first.body.id}&subject=P00000000001&_include=CarePlan:condition&_include=CarePlan:supportingInfo`,
    );
    expect(included.body.entry.map((entry: Body) => entry.resource.id)).toEqual([first.body.id, condition.body.id]);
    expect(included.body.total).toBe(2);
    const search = (sort: string) => recorded.fhir('GET', `/CarePlan?category=736271009,other&subject=P00000000001&_sort=${sort}&_count=1`);
    expect((await search('lastUpdated')).body.entry[0].resource.id).toBe(first.body.id);
    const { body } = await search('-lastUpdated');
    expect({ id: body.entry[0].resource.id, total: body.total }).toEqual({ id: second.body.id, total: 1 });
    expect(body.link[0].url).toMatch(/\/CarePlan\/\?_count=1&category=736271009%2Cother&subject=P00000000001$/);
    const next = new URL(body.link[1].url);
    expect([...next.searchParams.keys()]).toEqual(['_count', 'category', 'subject', '_page_token']);
  });

  it('are an entry list, or none, when there are none', async () => {
    const absent = await startForTest({ settings: { strictness: { emptyEntry: 'absent' } } });
    try {
      const { body } = await absent.fhir('GET', '/Encounter?subject=nobody');
      expect({ total: body.total, has: 'entry' in body }).toEqual({ total: 0, has: false });
    } finally {
      await absent.sandbox.stop();
    }
  });

  it('by day of a facility are found without reading its other visits', async () => {
    const busy = await startForTest();
    try {
      const place = await busy.fhir('POST', '/Location', location('SF-8'));
      for (let batch = 0; batch < 3; batch++) {
        const entries = Array.from({ length: 100 }, (_, index) => {
          const number = batch * 100 + index;
          const start = `2026-0${(number % 7) + 1}-11T01:00:00+00:00`;
          const body = encounter(`D-${number}`, place.body.id as string, {
            period: { start, end: start },
            statusHistory: [{ status: 'in-progress', period: { start, end: start } }],
          });
          return [`urn:uuid:00000000-0000-4000-8000-${String(number).padStart(12, '0')}`, body] as const;
        });
        expect((await busy.fhir('POST', '', transactionOf(...entries))).status).toBe(200);
      }
      const parsed = vi.spyOn(JSON, 'parse');
      const readsFor = async (query: string): Promise<{ total: number; reads: number }> => {
        parsed.mockClear();
        const { body } = await busy.fhir('GET', `/Encounter?${query}`);
        // One parse is the test's own, of the answer.
        return { total: body.total, reads: parsed.mock.calls.length - 1 };
      };
      expect(await readsFor(`service-provider=${ORG}&date=2026-03-11`)).toEqual({ total: 43, reads: 43 });
      expect(await readsFor(`service-provider=${ORG}&date=ge2026-02-01&date=le2026-03-31`)).toEqual({ total: 86, reads: 86 });
      expect(await readsFor(`identifier=${platformSid('encounter', ORG)}|D-7`)).toEqual({ total: 1, reads: 1 });
      expect(await readsFor(`service-provider=${ORG}`)).toEqual({ total: 100, reads: 101 });
      parsed.mockRestore();
    } finally {
      await busy.sandbox.stop();
    }
  });
});

describe('$everything', () => {
  it('of an encounter is it and all that refers to it', async () => {
    const { encounter: reference } = await visit(recorded, 'SF-9');
    const { body: stored } = await recorded.fhir('POST', '/Observation', observation(reference));
    const { status, body } = await recorded.fhir('GET', `/${reference}/$everything`);
    const ids = body.entry.map((entry: Body) => `${entry.resource.resourceType}/${entry.resource.id}`);
    expect({ status, ids }).toEqual({ status: 200, ids: [reference, `Observation/${stored.id}`] });
  });

  it('of a patient is paged, the patient masked', async () => {
    const { encounter: reference } = await visit(documented, 'SF-10');
    const entries = Array.from(
      { length: 120 },
      (_, index) => [`urn:uuid:00000000-0000-4000-8000-${String(index).padStart(12, '0')}`, observation(reference)] as const,
    );
    expect((await documented.fhir('POST', '', transactionOf(...entries))).status).toBe(200);
    const first = await documented.fhir('GET', `/${PATIENT}/$everything`);
    expect({ total: first.body.total, name: first.body.entry[0].resource.name[0].text }).toEqual({ total: 100, name: 'Sa** An** Ri**' });
    const next = new URL(first.body.link[1].url);
    const second = await documented.fhir('GET', `/${PATIENT}/$everything${next.search}`);
    const ids = [...first.body.entry, ...second.body.entry].map((entry: Body) => entry.resource.id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeGreaterThan(121);
  });

  it('is refused for other types, and 404 for an unknown id', async () => {
    const { status, body } = await recorded.fhir('GET', '/Condition/1/$everything');
    expect({ status, body }).toEqual({
      status: 400,
      body: outcome('not-supported', 'Everything search is not supported for resource Condition (RuleNumber: 20014)'),
    });
    expect((await recorded.fhir('GET', '/Encounter/none/$everything')).body.issue[0].code).toBe('no-store');
  });
});

describe('conditions of a request', () => {
  it('If-None-Exist: none is created, one is a duplicate, several are 412', async () => {
    const own = await startForTest();
    try {
      const token = await own.token();
      const post = (value: string, condition: string) =>
        fetch(`${own.url}/fhir-r4/v1/Location`, {
          method: 'POST',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'if-none-exist': condition },
          body: JSON.stringify(location(value)),
        });
      const of = (value: string) => `identifier=${platformSid('location', ORG)}|${value}`;
      expect((await post('IF-1', of('IF-1'))).status).toBe(201);
      const one = await post('IF-2', of('IF-1'));
      expect({ status: one.status, body: await one.json() }).toEqual({
        status: 400,
        body: outcome('duplicate', 'Found duplicate: Location (RuleNumber: 20002)'),
      });
      expect((await post('IF-3', of('IF-3'))).status).toBe(201);
      expect((await post('IF-4', `organization=${ORG}`)).status).toBe(412);
    } finally {
      await own.sandbox.stop();
    }
  });

  it.each(['ignore', 'check'] as const)('If-Match: %s', async (ifMatch) => {
    const own = await startForTest({ settings: { strictness: { ifMatch } } });
    try {
      const { body } = await own.fhir('POST', '/Organization', organization('IM-1'));
      const token = await own.token();
      const send = (method: string, version: string) =>
        fetch(`${own.url}/fhir-r4/v1/Organization/${body.id}`, {
          method,
          headers: {
            authorization: `Bearer ${token}`,
            'content-type': method === 'PUT' ? 'application/json' : 'application/json-patch+json',
            'if-match': version,
          },
          body: JSON.stringify(method === 'PUT' ? body : [{ op: 'replace', path: '/name', value: 'Baru' }]),
        });
      const stale = ifMatch === 'check' ? 412 : 200;
      expect((await send('PUT', 'W/"old"')).status).toBe(stale);
      expect((await send('PATCH', 'W/"old"')).status).toBe(stale);
      const { headers } = await own.fhir('PUT', `/Organization/${body.id}`, body);
      expect((await send('PATCH', headers.get('etag') ?? '')).status).toBe(200);
    } finally {
      await own.sandbox.stop();
    }
  });
});

describe('the surface and those who rely on it', () => {
  it('is described in docs/sandbox-surface.md', () => {
    const text = readFileSync(path.resolve(import.meta.dirname, '../../docs/sandbox-surface.md'), 'utf8');
    expect(text, 'npx node src/sandbox/describe-surface.ts').toBe(surfaceDoc(FILE));
  });

  it('has every search by which the service recovers', () => {
    const surface = readSurface(FILE);
    for (const [type, { search }] of Object.entries(RECOVERY)) {
      for (const name of ['recorded', 'documented'] as const) {
        const known = surface.of(type)?.[name].parameters;
        const asked = search[name].flat().map((parameter) => (parameter === 'nik-ibu' ? 'identifier' : parameter));
        expect({ type, name, unknown: asked.filter((parameter) => known?.has(parameter) !== true) }).toEqual({ type, name, unknown: [] });
      }
    }
  });
});

describe('readSurface', () => {
  it('names the type that is wrong', () => {
    for (const [text, detail] of [
      ['{', 'JSON'],
      ['{}', 'types'],
      ['{"types":{"X":{"recorded":{"verbs":["fly"]}}},"everything":[]}', 'X.verbs fly'],
      ['{"types":{"X":{"recorded":{"searches":["a"]}}},"everything":[]}', 'X.searches a'],
      ['{"types":{"X":{"parameters":{"a":"odd"}}},"everything":[]}', 'X.a'],
    ] as const) {
      const read = () => readSurface(text);
      expect(read).toThrow(AppError);
      expect(read).toThrow(expect.objectContaining({ params: expect.objectContaining({ detail: expect.stringContaining(detail) }) }));
    }
  });
});
