import type { Resource } from '@medplum/fhirtypes';
import { expect, it } from 'vitest';
import { checkSent, checkStored } from './invariants.ts';

const nik = { system: 'https://fhir.kemkes.go.id/id/nik', value: '9999990000000001' };
const kk = { system: 'https://fhir.kemkes.go.id/id/kk', value: '9999990000000002' };
const encounter = { resourceType: 'Encounter', id: 'e', status: 'finished', class: { code: 'AMB' }, subject: { reference: 'Patient/p' } };
const patient = { resourceType: 'Patient', id: 'p', identifier: [nik, kk] };
const weight = { resourceType: 'Observation', id: 'o', status: 'final', code: { text: 'x' }, encounter: { reference: 'Encounter/e' } };
const stored = (...more: object[]) => checkStored([encounter, patient, weight, ...more] as Resource[]);

it('finds nothing in a sound store', () => {
  expect(stored({ ...patient, id: 'sibling', identifier: [kk] })).toEqual([]);
});

it.each([
  ['an id twice', { ...patient, identifier: [] }, 'Patient/p: stands twice'],
  ['an identifier of another', { ...patient, id: 'q' }, `Patient/q: has an identifier (${nik.system}) of Patient/p`],
  [
    'a reference to nothing',
    { ...encounter, id: 'f', subject: { reference: 'Patient/x' } },
    'Encounter/f subject.reference: leads to nothing',
  ],
  [
    'an open role',
    { ...encounter, id: 'f', subject: { reference: 'role:x' } },
    'Encounter/f subject.reference: a role that was never resolved',
  ],
  ['the same Observation', { ...weight, id: 'p' }, 'Observation/p: says what Observation/o says'],
])('finds %s in the store', (_, resource, finding) => {
  expect(stored(resource)).toEqual([finding]);
});

const own = { identifier: [{ system: 'http://sys-ids.kemkes.go.id/encounter/1', value: 'e' }] };
const sent = (change: object) => checkSent([{ ...encounter, ...own, ...change }] as Resource[]);

it.each([
  ['a sound visit', {}, []],
  ['a patient', { resourceType: 'Patient' }, ['Patient/e: is never sent']],
  ['a newborn', { resourceType: 'Patient', identifier: [{ system: 'https://fhir.kemkes.go.id/id/nik-ibu', value: '1' }] }, []],
  ['a mother', { resourceType: 'RelatedPerson' }, []],
  ['a home visit', { class: { code: 'HH' } }, ['Encounter/e: a home visit was sent']],
  ['no identifier', { identifier: undefined }, ['Encounter/e: without an identifier it cannot be found again']],
  ['a local system', { text: { div: 'https://fhir.ilp.example/sid/x' } }, ['Encounter/e: something of ours was left in']],
  ['local time', { period: { start: '2026-08-05T08:00:00+07:00' } }, ['Encounter/e period.start: not in UTC']],
  ['a reference to nothing', { partOf: { reference: 'Encounter/x' } }, ['Encounter/e partOf.reference: leads to nothing']],
])('what was sent: %s', (_, change, findings) => {
  expect(sent(change)).toEqual(findings);
});
