import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { platformSid, SYSTEMS } from '../../src/terminology/systems.ts';
import {
  type Body,
  encounter,
  ORG,
  OTHER_ORG,
  observation,
  outcome,
  PATIENT,
  type Running,
  startForTest,
  storeOutcome,
  visit,
} from './support.ts';

const START = '2026-08-12T01:00:00+00:00';
const END = '2026-08-12T01:30:00+00:00';
const TK = `${SYSTEMS.kemkes}/CodeSystem`;

describe('rules that are judged against the store', () => {
  let running: Running;
  let place: string;
  let reference: string;
  beforeAll(async () => {
    running = await startForTest();
    ({ location: place, encounter: reference } = await visit(running, 'S-0'));
  });
  afterAll(() => running.sandbox.stop());

  const turned = { start: END, end: START };
  const stored = (more: Body): Body => encounter('S-1', place, more);
  const ofVisit = (resourceType: string, more: Body): Body => ({
    resourceType,
    status: 'completed',
    subject: { reference: PATIENT },
    encounter: { reference },
    code: { coding: [{ system: SYSTEMS.snomed, code: '38341003' }] },
    ...more,
  });

  it.each([
    ['Encounter.period', () => stored({ period: turned })],
    ['Encounter.statusHistory[0].period', () => stored({ statusHistory: [{ status: 'in-progress', period: turned }] })],
    ['Encounter.location[0].period', () => stored({ location: [{ location: { reference: `Location/${place}` }, period: turned }] })],
    ['Encounter.participant[0].period', () => stored({ participant: [{ ...stored({}).participant[0], period: turned }] })],
    ['Condition.onsetPeriod', () => ofVisit('Condition', { onsetPeriod: turned, status: undefined })],
    ['Procedure.performedPeriod', () => ofVisit('Procedure', { performedPeriod: turned })],
  ])('%s turned round is found by the store', async (expression, body) => {
    const resource = body();
    const { status, body: answer } = await running.fhir('POST', `/${resource.resourceType}`, resource);
    const plain = expression.replaceAll(/\[\d\]/g, '');
    expect({ status, body: answer }).toEqual({
      status: 400,
      body: storeOutcome('structure', 'unparseable_resource', `fhirpath-constraint-violation-${plain}: ...`, expression),
    });
  });

  it('a reference of a rule without types leads to something that exists', async () => {
    const body = observation('Encounter/00000000-0000-0000-0000-000000000000');
    const { status, body: answer } = await running.fhir('POST', '/Observation', body);
    expect({ status, body: answer }).toEqual({
      status: 400,
      body: outcome('not-found', 'Resource not found Encounter/00000000-0000-0000-0000-000000000000 (RuleNumber: 20007)'),
    });
  });

  it('10109: one active episode per patient and type, whoever opened it; after its end a new one', async () => {
    const episode = (organizationId: string, value: string, more: Body = {}): Body => ({
      resourceType: 'EpisodeOfCare',
      identifier: [{ system: platformSid('episode-of-care', organizationId), value }],
      status: 'active',
      statusHistory: [{ status: 'active', period: { start: START } }],
      type: [{ coding: [{ system: `${TK}/episodeofcare-type`, code: 'PNC' }] }],
      patient: { reference: PATIENT },
      managingOrganization: { reference: `Organization/${organizationId}` },
      period: { start: START },
      ...more,
    });
    const create = async (client: string, body: Body) => {
      const token = await running.token(`client-${client}`, `secret-${client}`);
      return running.send('POST', '/fhir-r4/v1/EpisodeOfCare', { token, body });
    };
    const first = await create('b', episode(OTHER_ORG, 'E-1'));
    expect(first.status, first.text).toBe(201);
    const second = await create('a', episode(ORG, 'E-2'));
    expect({ status: second.status, body: second.body }).toEqual({
      status: 400,
      body: outcome('duplicate', 'found duplicated EpisodeOfCare Type with status active. (Rule Number: 10109)'),
    });
    // Another type, and an episode that only waits, are not in its way.
    const anc = { type: [{ coding: [{ system: `${TK}/episodeofcare-type`, code: 'ANC' }] }] };
    expect((await create('a', episode(ORG, 'E-3', anc))).status).toBe(201);
    expect((await create('a', episode(ORG, 'E-4', { status: 'waitlist' }))).status).toBe(201);

    await running.sandbox.stop();
    running = await startForTest({ settings: { strictness: { episodeUpdate: true } } });
    const open = await create('b', episode(OTHER_ORG, 'E-1'));
    expect((await create('a', episode(ORG, 'E-2'))).status).toBe(400);
    const token = await running.token('client-b', 'secret-b');
    const closed = await running.send('PUT', `/fhir-r4/v1/EpisodeOfCare/${open.body.id}`, {
      token,
      body: { ...open.body, status: 'finished' },
    });
    expect(closed.status, closed.text).toBe(200);
    expect((await create('a', episode(ORG, 'E-2'))).status).toBe(201);
  });
});
