import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { platformSid, SYSTEMS } from '../../src/terminology/systems.ts';
import {
  type Answer,
  type Body,
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
  visit,
} from './support.ts';

let running: Running;
beforeAll(async () => {
  running = await startForTest();
});
afterAll(() => running.sandbox.stop());

const reply = ({ status, body }: Answer) => ({ status, body });
const START = '2026-08-01T00:00:00+00:00';
const END = '2026-08-12T02:00:00+00:00';

const episode = (value: string, type = 'ANC'): Body => ({
  resourceType: 'EpisodeOfCare',
  identifier: [{ system: platformSid('episode-of-care', ORG), value }],
  status: 'active',
  statusHistory: [{ status: 'active', period: { start: START } }],
  type: [{ coding: [{ system: `${SYSTEMS.kemkes}/CodeSystem/episodeofcare-type`, code: type }] }],
  patient: { reference: PATIENT },
  managingOrganization: { reference: `Organization/${ORG}` },
  period: { start: START },
});

/** What the official collections send to close an episode. */
const CLOSE = [
  { op: 'replace', path: '/status', value: 'finished' },
  { op: 'add', path: '/statusHistory/0/period/end', value: END },
  { op: 'add', path: '/statusHistory/1', value: { status: 'finished', period: { start: END, end: END } } },
  { op: 'add', path: '/period/end', value: END },
];
const OWNER = { op: 'replace', path: '/patient', value: { reference: PATIENT } };

const place = async (value: string): Promise<Body> => {
  const { status, body, text } = await running.fhir('POST', '/Location', location(value));
  expect(status, text).toBe(201);
  return body;
};

const condition = async (encounter: string): Promise<Body> => {
  const { status, body, text } = await running.fhir('POST', '/Condition', {
    resourceType: 'Condition',
    subject: { reference: PATIENT },
    encounter: { reference: encounter },
    code: { coding: [{ system: SYSTEMS.icd10, code: 'Z00.1' }] },
  });
  expect(status, text).toBe(201);
  return body;
};

describe('PATCH', () => {
  it('answers 200 with the whole resource, a new version and the headers of a write', async () => {
    const before = await place('PA-1');
    running.time.now = NOW + 1000;
    const { status, body, headers } = await running.patch(`/Location/${before.id}`, [
      { op: 'replace', path: '/status', value: 'inactive' },
    ]);
    expect({ status, body }).toEqual({ status: 200, body: { ...before, status: 'inactive', meta: body.meta } });
    expect(Object.keys(body)).toEqual(Object.keys(body).toSorted());
    expect(body.meta).toEqual({ lastUpdated: '2026-08-12T03:00:01.000000+00:00', versionId: expect.stringMatching(/^[A-Za-z0-9+/]+$/) });
    expect(Buffer.from(body.meta.versionId, 'base64').toString()).toMatch(/^\d{19}$/);
    expect(headers.get('etag')).toBe(`W/"${body.meta.versionId}"`);
    expect(headers.get('last-modified')).toBe('Wed, 12 Aug 2026 03:00:01 UTC');
    expect(headers.get('location')).toContain(`/Location/${before.id}/_history/${body.meta.versionId}`);
    expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    const read = await running.fhir('GET', `/Location/${before.id}`);
    expect(read.body).toEqual(body);
    expect(['etag', 'last-modified', 'location'].map((name) => read.headers.get(name))).toEqual([
      headers.get('etag'),
      headers.get('last-modified'),
      null,
    ]);
  });

  it('closes an episode when it replaces the patient too; then a new one may be opened', async () => {
    const { body } = await running.fhir('POST', '/EpisodeOfCare', episode('PA-2'));
    expect(reply(await running.patch(`/EpisodeOfCare/${body.id}`, CLOSE))).toEqual({
      status: 400,
      body: outcome('value', 'Reference is mandatory : EpisodeOfCare.patient (RuleNumber: 10157)', 'EpisodeOfCare.patient'),
    });
    const closed = await running.patch(`/EpisodeOfCare/${body.id}`, [...CLOSE, OWNER]);
    expect(closed.status, closed.text).toBe(200);
    expect(closed.body).toMatchObject({
      status: 'finished',
      period: { start: START, end: END },
      statusHistory: [{ period: { end: END } }, { status: 'finished' }],
    });
    expect((await running.fhir('POST', '/EpisodeOfCare', episode('PA-3'))).status).toBe(201);
  });

  it('closes it without, where the setting is off', async () => {
    const old = await startForTest({ settings: { strictness: { episodePatchPatient: false } } });
    try {
      const { body } = await old.fhir('POST', '/EpisodeOfCare', episode('PA-4'));
      expect((await old.patch(`/EpisodeOfCare/${body.id}`, CLOSE)).status).toBe(200);
    } finally {
      await old.sandbox.stop();
    }
  });

  it('cannot open a second active episode', async () => {
    const { body } = await running.fhir('POST', '/EpisodeOfCare', episode('PA-5', 'PNC'));
    await running.patch(`/EpisodeOfCare/${body.id}`, [...CLOSE, OWNER]);
    expect((await running.fhir('POST', '/EpisodeOfCare', episode('PA-6', 'PNC'))).status).toBe(201);
    const again = await running.patch(`/EpisodeOfCare/${body.id}`, [OWNER, { op: 'replace', path: '/status', value: 'active' }]);
    expect(again.body.issue[0].details.text).toBe('found duplicated EpisodeOfCare Type with status active. (Rule Number: 10109)');
  });

  it('takes the recorded path with a capital letter', async () => {
    const { encounter } = await visit(running, 'PA-7');
    const { body: stored } = await running.fhir('POST', '/EpisodeOfCare', episode('PA-7', 'Neonate'));
    const value = [{ reference: `EpisodeOfCare/${stored.id}` }];
    const { status, body } = await running.patch(`/${encounter}`, [{ op: 'add', path: '/EpisodeOfCare', value }]);
    expect({ status, episodeOfCare: body.episodeOfCare, other: body.EpisodeOfCare }).toEqual({
      status: 200,
      episodeOfCare: value,
      other: undefined,
    });
  });

  it('adds, removes and tests where the surface has it', async () => {
    const documented = await startForTest({ settings: { surface: 'documented' } });
    try {
      const { body } = await documented.fhir('POST', '/Location', location('PA-8'));
      const changed = await documented.patch(`/Location/${body.id}`, [
        { op: 'test', path: '/name', value: 'Ruang PA-8' },
        { op: 'add', path: '/description', value: 'di belakang' },
        { op: 'remove', path: '/mode' },
        { op: 'replace', path: '/operationalStatus', value: undefined },
      ]);
      expect(changed.status).toBe(400);
      const done = await documented.patch(`/Location/${body.id}`, [
        { op: 'test', path: '/name', value: 'Ruang PA-8' },
        { op: 'add', path: '/description', value: 'di belakang' },
        { op: 'remove', path: '/mode' },
      ]);
      expect({ status: done.status, description: done.body.description, mode: done.body.mode }).toEqual({
        status: 200,
        description: 'di belakang',
        mode: undefined,
      });
      const docs = await startForTest({ settings: { surface: 'documented', strictness: { patchOperations: 'replace' } } });
      const other = await docs.fhir('POST', '/Location', location('PA-8'));
      expect((await docs.patch(`/Location/${other.body.id}`, [{ op: 'remove', path: '/mode' }])).status).toBe(400);
      await docs.sandbox.stop();
    } finally {
      await documented.sandbox.stop();
    }
  });
});

describe('PATCH is refused', () => {
  const notAllowed = {
    status: 400,
    body: {
      resourceType: 'OperationOutcome',
      issue: [{ severity: 'fatal', code: 'operation-invalid', details: { text: 'The operation is not allowed by this server' } }],
    },
  };

  it('as application/json, unless the setting lets it pass', async () => {
    const { id } = await place('PR-1');
    const rename = [{ op: 'replace', path: '/status', value: 'inactive' }];
    expect(reply(await running.patch(`/Location/${id}`, rename, 'application/json'))).toEqual({
      status: 400,
      body: storeOutcome('value', 'invalid_headers'),
    });
    const lax = await startForTest({ settings: { strictness: { patchContentType: false } } });
    try {
      const { body } = await lax.fhir('POST', '/Location', location('PR-1'));
      expect((await lax.patch(`/Location/${body.id}`, rename, 'application/json')).status).toBe(200);
    } finally {
      await lax.sandbox.stop();
    }
  });

  it('on a path or with an operation that no recorded request has', async () => {
    const { id } = await place('PR-2');
    for (const operations of [
      [{ op: 'replace', path: '/name', value: 'x' }],
      [{ op: 'remove', path: '/status' }],
      [{ op: 'move', from: '/name', path: '/status' }],
      [{ op: 'copy', from: '/name', path: '/status' }],
    ]) {
      expect(reply(await running.patch(`/Location/${id}`, operations))).toEqual(notAllowed);
    }
    const { body } = await running.fhir('POST', '/Organization', organization('PR-2'));
    expect((await running.patch(`/Organization/${body.id}`, [{ op: 'replace', path: '/name', value: 'Baru' }])).status).toBe(200);
  });

  it('for what belongs to the platform', async () => {
    const { encounter } = await visit(running, 'PR-3');
    const { id } = await condition(encounter);
    for (const root of ['id', 'resourceType', 'meta']) {
      expect(reply(await running.patch(`/Condition/${id}`, [{ op: 'replace', path: `/${root}`, value: 'x' }]))).toEqual(notAllowed);
    }
    const note = [{ op: 'add', path: '/note', value: [{ text: 'x' }] }];
    expect((await running.patch(`/Condition/${id}`, note)).status).toBe(200);
  });

  it('when there is nothing at the path, or a test fails: then nothing is changed', async () => {
    const { encounter } = await visit(running, 'PR-4');
    const { body } = await running.fhir('POST', '/Observation', observation(encounter, { component: [] }));
    const code = { code: { coding: [{ system: SYSTEMS.loinc, code: '8480-6' }] } };
    const { status, body: answer } = await running.patch(`/Observation/${body.id}`, [
      { op: 'add', path: '/component/0', value: code },
      { op: 'add', path: '/component/7', value: code },
    ]);
    expect({ status, answer }).toEqual({
      status: 400,
      answer: storeOutcome('structure', 'invalid_patch', 'add operation does not apply: /component/7'),
    });
    for (const path of ['/resource/x', '/code/coding/x', '/code/coding/01', '/code/coding/0/code/0', '/subject/reference/y/z']) {
      const text = await running.patch(`/Condition/${(await condition(encounter)).id}`, [{ op: 'add', path, value: 1 }]);
      expect({ path, status: text.status }).toEqual({ path, status: 400 });
    }
    const test = await running.patch(`/Observation/${body.id}`, [{ op: 'test', path: '/status', value: 'amended' }]);
    expect(test.body.issue[0].diagnostics).toBe('test operation does not apply: /status');
    expect((await running.fhir('GET', `/Observation/${body.id}`)).body).toEqual(body);
  });

  it('when the result breaks a rule', async () => {
    const { id } = await place('PR-5');
    const { status, body } = await running.patch(`/Location/${id}`, [{ op: 'replace', path: '/status', value: 'gone' }]);
    expect({ status, text: body.issue[0].details.text }).toEqual({
      status: 400,
      text: "Code not found: 'gone' in system: http://hl7.org/fhir/location-status (RuleNumber: 10095)",
    });
  });

  it('for an unknown id, another’s resource, and a health worker', async () => {
    const rename = [{ op: 'replace', path: '/status', value: 'inactive' }];
    expect(reply(await running.patch('/Location/none', rename))).toEqual({
      status: 400,
      body: outcome('not-found', 'Resource not found Location/none (RuleNumber: 20007)'),
    });
    const { id } = await place('PR-6');
    const token = await running.token('client-b', 'secret-b');
    const foreign = await running.send('PATCH', `/fhir-r4/v1/Location/${id}`, { token, body: rename, type: 'application/json-patch+json' });
    expect(reply(foreign)).toEqual({ status: 403, body: storeOutcome('forbidden', 'resource cannot be accessed due to business rule') });
    expect((await running.patch('/Practitioner/10000000001', rename)).status).toBe(403);
  });

  it('when it is no JSON Patch', async () => {
    const { id } = await place('PR-7');
    const deep: unknown = Array.from({ length: 200 }).reduce<unknown>((inner) => ({ inner }), 1);
    for (const [body, rule] of [
      ['', 20005],
      [new Uint8Array([0xff, 0xfe]), 20005],
      ['[{', 20006],
      ['{}', 20008],
      ['[]', 20008],
      ['[1]', 20008],
      [[{ op: 'replace' }], 20008],
      [[{ op: 'replace', path: '/status' }], 20008],
      [[{ op: 'replace', path: 'status', value: 'x' }], 20008],
      [[{ op: 'replace', path: '', value: {} }], 20008],
      [[{ op: 'add', path: '/__proto__/polluted', value: 1 }], 20008],
      [[{ op: 'add', path: '/status/constructor/prototype', value: 1 }], 20008],
      [[{ op: 'add', path: '/operationalStatus', value: deep }], 20008],
      [Array.from({ length: 1001 }, () => ({ op: 'replace', path: '/status', value: 'active' })), 20008],
    ] as const) {
      const { status, body: answer } = await running.patch(`/Location/${id}`, body);
      expect({ status, text: answer.issue[0].details.text }, String(body).slice(0, 60)).toEqual({
        status: 400,
        text: expect.stringContaining(`(RuleNumber: ${rule})`),
      });
    }
    expect(({} as Body).polluted).toBeUndefined();
  });
});
