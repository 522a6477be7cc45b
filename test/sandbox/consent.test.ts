import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { platformSid, SYSTEMS } from '../../src/terminology/systems.ts';
import { type Body, ORG, observation, PATIENT, PRACTITIONER, type Running, startForTest, storeOutcome, visit } from './support.ts';

const PATIENT_ID = PATIENT.slice('Patient/'.length);
const TEXT = 'The operation did not return any information due to consent or privacy rules.';

let running: Running;
let reference: string;
let token: string;
beforeAll(async () => {
  running = await startForTest();
  reference = (await visit(running)).encounter;
  await running.fhir('POST', '/Observation', observation(reference));
  await running.fhir('POST', '/Composition', {
    resourceType: 'Composition',
    identifier: { system: platformSid('composition', ORG), value: 'C-1' },
    status: 'final',
    type: { coding: [{ system: SYSTEMS.loinc, code: '18842-5' }] },
    subject: { reference: PATIENT },
    encounter: { reference },
    author: [{ reference: PRACTITIONER }],
    date: '2026-08-12T01:00:00+00:00',
    title: 'Resume medis',
  });
  token = await running.token('client-b', 'secret-b');
});
afterAll(() => running.sandbox.stop());

const other = (path: string) => running.send('GET', `/fhir-r4/v1${path}`, { token });
const consent = (method: string, options: { query?: string; body?: unknown }) =>
  running.send(method, `/consent/v1/Consent${options.query ?? ''}`, { token, body: options.body });
const decide = (action: string) => consent('POST', { body: { patient_id: PATIENT_ID, action, agent: 'Petugas' } });

const suppressed = (id: unknown): Body => ({
  resource: {
    resourceType: 'OperationOutcome',
    issue: [{ severity: 'information', code: 'suppressed', details: { text: TEXT }, diagnostics: id }],
  },
});

describe('what other facilities read', () => {
  beforeEach(() => decide('OPTIN'));

  it('is everything of a patient who allows it', async () => {
    expect((await other(`/${reference}`)).body.resourceType).toBe('Encounter');
    expect((await other('/Observation?subject=x&encounter=y')).body.total).toBe(0);
  });

  it('is nothing once the patient has opted out: a read is 200 without data, a search keeps its count', async () => {
    await decide('OPTOUT');
    const read = await other(`/${reference}`);
    expect({ status: read.status, issue: read.body.issue }).toEqual({
      status: 200,
      issue: [{ severity: 'information', code: 'suppressed', details: { text: TEXT } }],
    });
    const { status, body } = await other(`/Observation?encounter=${reference.slice('Encounter/'.length)}`);
    expect({ status, total: body.total }).toEqual({ status: 200, total: 1 });
    expect(body.entry).toEqual([suppressed(expect.stringMatching(/^No consent available for Observation\/[0-9a-f-]{36}$/))]);
    const all = await other(`/${reference}/$everything`);
    expect(all.body.entry.map((entry: Body) => entry.resource.resourceType)).toEqual([
      'OperationOutcome',
      'OperationOutcome',
      'OperationOutcome',
    ]);
  });

  it('leaves out neither the own data, nor people and places, nor data of nobody', async () => {
    await decide('OPTOUT');
    expect((await running.fhir('GET', `/${reference}`)).body.resourceType).toBe('Encounter');
    // A Composition has room for one identifier, so its owner is known by that and not by a creator.
    expect((await running.fhir('GET', '/Composition')).body.entry[0].resource.resourceType).toBe('Composition');
    expect((await other('/Composition')).body.entry[0].resource.resourceType).toBe('OperationOutcome');
    for (const path of [`/Organization/${ORG}`, PATIENT.replace(/^/, '/'), `/${PRACTITIONER}`, '/Location']) {
      expect((await other(path)).body.resourceType).not.toBe('OperationOutcome');
    }
  });

  it('can be switched off', async () => {
    await decide('OPTOUT');
    await running.send('PUT', '/_sandbox/settings', { body: { consent: { filter: false } } });
    expect((await other(`/${reference}`)).body.resourceType).toBe('Encounter');
    await running.send('PUT', '/_sandbox/settings', { body: { consent: { filter: true } } });
  });
});

describe('the consent service', () => {
  it('tells and changes what a patient allows', async () => {
    expect((await decide('OPTIN')).body).toMatchObject({
      resourceType: 'Consent',
      status: 'active',
      patient: { reference: PATIENT },
      policyRule: { coding: [{ code: 'OPTIN' }] },
      provision: { type: 'permit' },
    });
    await decide('OPTOUT');
    const { status, body } = await consent('GET', { query: `?patient_id=${PATIENT_ID}` });
    expect({ status, code: body.policyRule.coding[0].code, provision: body.provision }).toEqual({
      status: 200,
      code: 'OPTOUT',
      provision: { type: 'deny' },
    });
  });

  it('refuses what it cannot do', async () => {
    expect((await consent('GET', {})).body).toEqual(storeOutcome('value', 'Missing parameters: patient_id'));
    expect((await consent('GET', { query: '?patient_id=P9' })).status).toBe(404);
    expect((await consent('POST', { body: { patient_id: PATIENT_ID, action: 'MAYBE', agent: 'x' } })).status).toBe(400);
    expect((await consent('POST', { body: { patient_id: PATIENT_ID, action: 'OPTIN' } })).status).toBe(400);
    expect((await consent('POST', { body: '{' })).status).toBe(400);
    expect((await consent('DELETE', {})).status).toBe(404);
    expect((await running.send('GET', `/consent/v1/Consent?patient_id=${PATIENT_ID}`)).status).toBe(401);
  });

  it('knows nothing of a patient who never said anything', async () => {
    const silent = await startForTest({ settings: { consent: { default: 'none' } } });
    try {
      const answer = await silent.send('GET', `/consent/v1/Consent?patient_id=${PATIENT_ID}`, { token: await silent.token() });
      expect(answer.status).toBe(404);
    } finally {
      await silent.sandbox.stop();
    }
  });
});
