import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { platformSid, SYSTEMS } from '../../src/terminology/systems.ts';
import {
  encounter,
  location,
  NOW,
  ORG,
  observation,
  organization,
  outcome,
  PATIENT,
  type Running,
  startForTest,
  storeOutcome,
  transactionOf,
  visit,
} from './support.ts';

let running: Running;
beforeAll(async () => {
  running = await startForTest();
});
afterAll(() => running.sandbox.stop());

const duplicate = (type: string) => ({ status: 400, body: outcome('duplicate', `Found duplicate: ${type} (RuleNumber: 20002)`) });

describe('create', () => {
  it('answers 201 with the stored resource, its version and an internal location', async () => {
    const { status, body, headers, text } = await running.fhir('POST', '/Organization', organization('C-1'));
    expect(status).toBe(201);
    const nanos = Buffer.from(body.meta.versionId, 'base64').toString();
    expect(nanos).toMatch(/^\d{19}$/);
    expect(body.meta.versionId).not.toContain('=');
    expect(BigInt(nanos) / 1_000_000n).toBe(BigInt(NOW));
    expect(body.meta.lastUpdated).toMatch(/^2026-08-12T03:00:00\.\d{6}\+00:00$/);
    expect(headers.get('etag')).toBe(`W/"${body.meta.versionId}"`);
    expect(headers.get('last-modified')).toBe('Wed, 12 Aug 2026 03:00:00 UTC');
    expect(headers.get('location')).toBe(
      `https://healthcare.googleapis.com/v1/projects/dto-ihs-stg/locations/asia-southeast2/datasets/stg/fhirStores/fhir-r4-staging/fhir/Organization/${body.id}/_history/${body.meta.versionId}`,
    );
    expect(headers.get('content-type')).toBe('application/json');
    expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(body.id).toMatch(/^[0-9a-f-]{36}$/);
    expect(body.identifier).toEqual([
      { system: platformSid('organization', ORG), use: 'official', value: 'C-1' },
      { system: 'http://sys-ids.kemkes.go.id/creator', value: ORG },
    ]);
    expect(Object.keys(JSON.parse(text))).toEqual(Object.keys(JSON.parse(text)).toSorted());
    expect(Object.keys(body.type[0].coding[0])).toEqual(['code', 'system']);
    expect((await running.fhir('GET', `/Organization/${body.id}`)).body).toEqual(body);
  });

  it('ignores the id and version of the payload', async () => {
    const { status, body } = await running.fhir('POST', '/Location', { ...location('C-2'), id: 'mine', meta: { versionId: '1', tag: [] } });
    expect({ status, tag: body.meta.tag }).toEqual({ status: 201, tag: [] });
    expect(body.id).not.toBe('mine');
    expect(body.meta.versionId).not.toBe('1');
  });

  it('refuses the second resource with an identifier of the same type', async () => {
    const first = await running.fhir('POST', '/Location', location('C-3'));
    expect(first.status).toBe(201);
    const { status, body } = await running.fhir('POST', '/Location', { ...location('C-3'), name: 'another name' });
    expect({ status, body }).toEqual(duplicate('Location'));
    expect((await running.fhir('POST', '/Organization', organization('C-3'))).status).toBe(201);
  });

  it('lets exactly one of two simultaneous requests through', async () => {
    const answers = await Promise.all([1, 2].map(() => running.fhir('POST', '/Location', location('C-4'))));
    expect(answers.map((answer) => answer.status).sort()).toEqual([201, 400]);
    expect((await running.fhir('GET', `/Location?identifier=${platformSid('location', ORG)}%7CC-4`)).body.total).toBe(1);
  });

  it('never refuses an Observation without identifier', async () => {
    const { encounter: reference } = await visit(running, 'C-5');
    for (const _ of [1, 2]) expect((await running.fhir('POST', '/Observation', observation(reference))).status).toBe(201);
  });

  it('lets visits share a programme’s visit code', async () => {
    const { body: place } = await running.fhir('POST', '/Location', location('C-6'));
    for (const value of ['C-6a', 'C-6b']) {
      const given = encounter(value, place.id);
      given.identifier.push({ system: `${SYSTEMS.kemkes}/CodeSystem/episodeofcare/ANC`, value: 'K1A' });
      expect((await running.fhir('POST', '/Encounter', given)).status).toBe(201);
    }
  });

  it('names every reference that leads nowhere', async () => {
    const { status, body } = await running.fhir(
      'POST',
      '/Encounter',
      encounter('C-7', 'nowhere', { subject: { reference: 'Patient/P9' } }),
    );
    expect(status).toBe(400);
    expect(body.issue).toEqual(
      ['Patient/P9', 'Location/nowhere'].map((reference) => ({
        severity: 'error',
        code: 'not-found',
        details: { text: `Resource not found ${reference} (RuleNumber: 20007)` },
      })),
    );
  });

  it('holds one active episode per patient and type', async () => {
    const episode = (value: string) => ({
      resourceType: 'EpisodeOfCare',
      identifier: [{ system: platformSid('episode-of-care', ORG), value }],
      status: 'active',
      type: [{ coding: [{ system: `${SYSTEMS.kemkes}/CodeSystem/episodeofcare-type`, code: 'ANC' }] }],
      patient: { reference: PATIENT },
      managingOrganization: { reference: `Organization/${ORG}` },
      period: { start: '2026-08-01T00:00:00+00:00' },
    });
    const first = await running.fhir('POST', '/EpisodeOfCare', episode('E-1'));
    expect(first.status).toBe(201);
    const second = await running.fhir('POST', '/EpisodeOfCare', episode('E-2'));
    expect({ status: second.status, body: second.body }).toEqual({
      status: 400,
      body: outcome('duplicate', 'found duplicated EpisodeOfCare Type with status active. (Rule Number: 10109)'),
    });
    const found = await running.fhir('GET', '/EpisodeOfCare?patient=P00000000001&type=ANC&status=waitlist,active');
    expect(found.body.entry[0].resource.id).toBe(first.body.id);
    const put = await running.fhir('PUT', `/EpisodeOfCare/${first.body.id}`, { ...first.body, status: 'finished' });
    expect({ status: put.status, body: put.body }).toEqual({
      status: 403,
      body: storeOutcome('forbidden', 'Operation cannot be performed due to consent or privacy rules.'),
    });
  });

  it('stores the other types of a visit', async () => {
    const { encounter: reference } = await visit(running, 'C-8');
    const about = { subject: { reference: PATIENT }, encounter: { reference } };
    const concept = (system: string, code: string) => ({ coding: [{ system, code }] });
    const resources = [
      { resourceType: 'Condition', ...about, code: concept(SYSTEMS.icd10, 'Z00.1') },
      { resourceType: 'Procedure', status: 'completed', ...about, code: concept(SYSTEMS.snomed, '409063005') },
      {
        resourceType: 'ServiceRequest',
        status: 'active',
        intent: 'order',
        ...about,
        code: concept(SYSTEMS.loinc, '718-7'),
        occurrenceDateTime: '2026-09-01T00:00:00+00:00',
        requester: { reference: 'Practitioner/10000000001' },
        performer: [{ reference: 'Practitioner/10000000001' }],
      },
      {
        resourceType: 'Immunization',
        status: 'completed',
        vaccineCode: concept(SYSTEMS.cvx, '19'),
        patient: { reference: PATIENT },
        encounter: { reference },
        occurrenceDateTime: '2026-08-12T01:20:00+00:00',
        primarySource: false,
        performer: [
          {
            function: concept('http://terminology.hl7.org/CodeSystem/v2-0443', 'EP'),
            actor: { reference: `Organization/${ORG}` },
          },
        ],
      },
      {
        resourceType: 'RelatedPerson',
        identifier: [{ system: SYSTEMS.ihsNumber, value: 'P00000000001' }],
        patient: { reference: 'Patient/P00000000002' },
        name: [{ text: 'Sari' }],
        gender: 'female',
      },
    ];
    for (const resource of resources) {
      const { status, text } = await running.fhir('POST', `/${resource.resourceType}`, resource);
      expect(status, text).toBe(201);
    }
    expect((await running.fhir('GET', `/Condition?encounter=${reference.slice(10)}`)).body.total).toBe(1);
    expect((await running.fhir('GET', '/Immunization?patient=P00000000001&vaccineCode=19')).body.total).toBe(1);
    expect((await running.fhir('GET', '/RelatedPerson?patient=P00000000002')).body.total).toBe(1);
  });

  it('of a health worker is not a facility’s to do', async () => {
    const { status, body } = await running.fhir('POST', '/Practitioner', { resourceType: 'Practitioner' });
    expect({ status, body }).toEqual({
      status: 403,
      body: outcome('forbidden', 'Resource Practitioner is not allowed for current access class (RuleNumber: 20004)'),
    });
  });
});

describe('update', () => {
  it('answers 200 with a new version and keeps one creator', async () => {
    const { body: first } = await running.fhir('POST', '/Location', location('U-1'));
    const { status, body, headers } = await running.fhir('PUT', `/Location/${first.id}`, { ...first, name: 'renamed' });
    expect({ status, name: body.name, id: body.id }).toEqual({ status: 200, name: 'renamed', id: first.id });
    expect(body.meta.versionId > first.meta.versionId).toBe(true);
    expect(headers.get('etag')).toBe(`W/"${body.meta.versionId}"`);
    expect(body.identifier).toEqual(first.identifier);
    expect((await running.fhir('GET', '/Location?name=renamed')).body.total).toBe(1);
  });

  it('frees the identifiers it drops and refuses those of others', async () => {
    const { body: one } = await running.fhir('POST', '/Location', location('U-2'));
    const { body: two } = await running.fhir('POST', '/Location', location('U-3'));
    const clash = await running.fhir('PUT', `/Location/${two.id}`, { ...location('U-2'), id: two.id });
    expect({ status: clash.status, body: clash.body }).toEqual(duplicate('Location'));
    expect((await running.fhir('PUT', `/Location/${one.id}`, { ...location('U-4'), id: one.id })).status).toBe(200);
    expect((await running.fhir('PUT', `/Location/${two.id}`, { ...location('U-2'), id: two.id })).status).toBe(200);
  });

  it('refuses another id in the body, an unknown id, and somebody else’s resource', async () => {
    const { body: stored } = await running.fhir('POST', '/Location', location('U-5'));
    const mismatch = await running.fhir('PUT', `/Location/${stored.id}`, { ...location('U-5'), id: 'other' });
    expect({ status: mismatch.status, body: mismatch.body }).toEqual({
      status: 400,
      body: storeOutcome(
        'structure',
        'resource_mismatch',
        `resource id mismatch, id of specified resource: ${stored.id}, id from payload: other`,
      ),
    });
    const unknown = await running.fhir('PUT', '/Location/none', { ...location('U-6'), id: 'none' });
    expect({ status: unknown.status, body: unknown.body }).toEqual({
      status: 400,
      body: outcome('not-found', 'Resource not found Location/none (RuleNumber: 20007)'),
    });
    const foreign = await running.send('PUT', `/fhir-r4/v1/Location/${stored.id}`, {
      token: await running.token('client-b', 'secret-b'),
      body: stored,
    });
    expect({ status: foreign.status, body: foreign.body }).toEqual({
      status: 403,
      body: storeOutcome('forbidden', 'resource cannot be accessed due to business rule'),
    });
  });
});

describe('search', () => {
  it('pages by 100, last written first, and links the next page', async () => {
    const paged = await startForTest();
    try {
      for (let batch = 0; batch < 3; batch++) {
        const entries = Array.from({ length: 50 }, (_, index) => {
          const number = batch * 50 + index;
          return [`urn:uuid:00000000-0000-4000-8000-${String(number).padStart(12, '0')}`, location(`P-${number}`)] as const;
        });
        expect((await paged.fhir('POST', '', transactionOf(...entries))).status).toBe(200);
      }
      const first = await paged.fhir('GET', `/Location?organization=${ORG}`);
      expect(first.body.total).toBe(100);
      expect(first.body.entry[0].resource.name).toMatch(/^Ruang P-1\d\d$/);
      const relations = first.body.link.map((link: { relation: string }) => link.relation);
      expect(relations).toEqual(['search', 'next', 'first', 'self']);
      const next = new URL(first.body.link[1].url);
      expect(next.pathname).toBe('/fhir-r4/v1/Location/');
      expect(next.search).toContain('_page_token=');
      const second = await paged.fhir('GET', `/Location/${next.search}`);
      expect(second.body.total).toBe(50);
      const ids = [...first.body.entry, ...second.body.entry].map((entry) => entry.resource.id);
      expect(new Set(ids).size).toBe(150);
      // Where no recorded request has it, `_count` is unknown like any other parameter.
      expect((await paged.fhir('GET', '/Location?_count=7')).body.total).toBe(100);
    } finally {
      await paged.sandbox.stop();
    }
  });

  it('finds the tree of organizations with one level of children', async () => {
    const { body: child } = await running.fhir('POST', '/Organization', organization('T-1'));
    const { body: grandchild } = await running.fhir('POST', '/Organization', organization('T-2', child.id));
    const { body } = await running.fhir('GET', `/Organization?partof=${child.id}&_revinclude=Organization:partof`);
    expect(body.entry.map((entry: { resource: { id: string } }) => entry.resource.id)).toEqual([grandchild.id]);
    const top = await running.fhir('GET', `/Organization?partof=Organization/${ORG}&name=Posyandu&_revinclude=Organization:partof`);
    const ids = top.body.entry.map((entry: { resource: { id: string } }) => entry.resource.id);
    expect(ids).toContain(child.id);
    expect(ids).toContain(grandchild.id);
  });

  it('knows the parameters of encounters and their dates', async () => {
    await visit(running, 'S-1');
    const count = async (query: string) => (await running.fhir('GET', `/Encounter?${query}`)).body.total;
    expect(await count(`identifier=${platformSid('encounter', ORG)}%7CS-1`)).toBe(1);
    expect(await count(`service-provider=${ORG}&date=2026-08-12&identifier=${platformSid('encounter', ORG)}%7CS-1`)).toBe(1);
    expect(await count(`service-provider=${ORG}&date=ge2026-08-01&date=le2026-08-31&subject=P00000000001`)).toBeGreaterThan(0);
    expect(await count(`service-provider=${ORG}&date=lt2026-08-12`)).toBe(0);
    expect(await count('subject=P00000000003')).toBe(0);
  });

  it('ignores parameters that the platform does not offer, in the links too', async () => {
    const { body } = await running.fhir('GET', `/Encounter?subject=P00000000001&status=cancelled&constructor=x`);
    expect(body.total).toBeGreaterThan(0);
    expect(body.link[0].url).toBe(`${running.url}/fhir-r4/v1/Encounter/?subject=P00000000001`);
  });

  it('offers no search by identifier where the platform has none', async () => {
    await running.fhir('POST', '/Organization', organization('S-2'));
    const { body } = await running.fhir('GET', `/Organization?identifier=${platformSid('organization', ORG)}%7CS-2`);
    expect(body.total).toBeGreaterThan(1);
    expect(body.link[0].url).toBe(`${running.url}/fhir-r4/v1/Organization/?`);
  });

  it('reads escaped commas as part of the value, bare ones as alternatives', async () => {
    await running.fhir('POST', '/Location', { ...location('S-3'), name: 'Ruang A, lantai 2' });
    const total = async (name: string) => (await running.fhir('GET', `/Location?name=${encodeURIComponent(name)}`)).body.total;
    expect(await total('Ruang A\\, lantai 2')).toBe(1);
    expect(await total('nowhere,Ruang A\\, lantai 2')).toBe(1);
    expect(await total('Ruang A\\, lantai 3')).toBe(0);
  });

  it('refuses a date that is none, and a dispense search without subject', async () => {
    const date = await running.fhir('GET', '/Encounter?date=2024-07-021');
    expect({ status: date.status, body: date.body }).toEqual({
      status: 400,
      body: storeOutcome('value', 'invalid_query', 'error parsing date "2024-07-021": invalid dateTime: 2024-07-021'),
    });
    const dispense = await running.fhir('GET', '/MedicationDispense?context=1');
    expect({ status: dispense.status, body: dispense.body }).toEqual({
      status: 400,
      body: storeOutcome('value', 'Missing query parameters: subject'),
    });
  });
});
