import { randomUUID } from 'node:crypto';
import type { Encounter, Observation, Patient, Resource } from '@medplum/fhirtypes';
import type { AccessContext, DeliveryOutcome, DeliveryWrite, ResourceWrite, SubmissionWrite } from '../../src/store/index.ts';

/** Builders of made-up rows; every test says only what it is about. */

export const ALL: AccessContext = { client: 'test', facilities: 'all', purpose: 'cli' };
export const only = (...facilities: string[]): AccessContext => ({ client: 'test', facilities, purpose: 'fhir' });

export const AT = '2026-11-22T01:02:03.004Z';
export const LATER = '2026-11-22T02:00:00.000Z';
/** Due long before and long after any clock of a test machine. */
export const PAST = '2020-01-01T00:00:00.000Z';
export const FUTURE = '2100-01-01T00:00:00.000Z';

export const submission = (changes: Partial<SubmissionWrite> = {}): SubmissionWrite => ({
  id: randomUUID(),
  version: 1,
  feed: 'encounters',
  sourceSystem: 'simpus',
  sourceId: 'k-1',
  sourceUpdatedAt: null,
  client: 'test',
  facility: 'P1',
  contentHash: 'hash',
  fingerprint: null,
  duplicateOf: null,
  state: 'ready',
  reason: null,
  issues: [],
  unused: [],
  resources: [],
  story: [{ stage: 'received', at: AT }],
  receivedAt: AT,
  payload: '{"a":1}',
  ...changes,
});

type WithId<R> = R & { id: string };

export const write = <R extends Resource>(resource: WithId<R>, changes: Partial<ResourceWrite> = {}): ResourceWrite => ({
  resource,
  facility: 'P1',
  submission: null,
  at: AT,
  ...changes,
});

export const patient = (changes: Partial<Patient> = {}): WithId<Patient> => ({
  resourceType: 'Patient',
  id: randomUUID(),
  name: [{ text: 'Siti Aminah' }],
  birthDate: '1990-05-17',
  gender: 'female',
  ...changes,
});

export const encounter = (changes: Partial<Encounter> = {}): WithId<Encounter> => ({
  resourceType: 'Encounter',
  id: randomUUID(),
  status: 'finished',
  class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
  subject: { reference: 'Patient/p1' },
  period: { start: '2026-11-22T08:00:00+07:00', end: '2026-11-22T08:20:00+07:00' },
  ...changes,
});

export const observation = (changes: Partial<Observation> = {}): WithId<Observation> => ({
  resourceType: 'Observation',
  id: randomUUID(),
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '8480-6' }] },
  subject: { reference: 'Patient/p1' },
  encounter: { reference: 'Encounter/e1' },
  effectiveDateTime: '2026-11-22T08:05:00+07:00',
  ...changes,
});

export const delivery = (key: string, changes: Partial<DeliveryWrite> = {}): DeliveryWrite => ({
  key,
  environment: 'sandbox',
  kind: 'encounter',
  owner: 'P1',
  partition: `partition of ${key}`,
  resources: [`Encounter/${key}`],
  dependsOn: [],
  submission: null,
  submissionVersion: null,
  state: 'ready',
  reason: null,
  dueAt: PAST,
  ...changes,
});

export const outcome = (key: string, changes: Partial<DeliveryOutcome> = {}): DeliveryOutcome => ({
  key,
  environment: 'sandbox',
  state: 'completed',
  reason: null,
  issues: [],
  at: LATER,
  ...changes,
});
