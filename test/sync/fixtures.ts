import type { Condition, Encounter, Location, Observation, Organization, Patient, Practitioner } from '@medplum/fhirtypes';
import { createIdentifiers } from '../../src/store/id-key.ts';
import { localSid, SYSTEMS } from '../../src/terminology/systems.ts';

/** A district in small: two puskesmas with a posyandu each, people, and visits as intake would store them. All generated. */
export const identifiers = createIdentifiers('5'.repeat(64));

type Own<T> = T & { id: string };

export interface Puskesmas {
  readonly code: string;
  readonly organizationId: string;
  readonly clientId: string;
  readonly secret: string;
}

export const BREBES: Puskesmas = { code: 'P3329140201', organizationId: '10000004', clientId: 'client-brebes', secret: 'secret-brebes' };
export const SIRAMPOG: Puskesmas = {
  code: 'P3329030101',
  organizationId: '10000005',
  clientId: 'client-sirampog',
  secret: 'secret-sirampog',
};

export const nikOf = (number: number): string => `9901010101${String(900_000 + number).padStart(6, '0')}`;
export const MIDWIFE_NIK = nikOf(90_001);

const sid = (kind: string, value: string) => ({ system: localSid(kind), value });

export function organization(code: string, parent?: string): Own<Organization> {
  return {
    resourceType: 'Organization',
    id: identifiers.organizationId(code),
    identifier: [{ use: 'official', ...sid('organization', code) }],
    active: true,
    type: [{ coding: [{ system: SYSTEMS.organizationType, code: 'team', display: 'Organizational team' }] }],
    name: `Unit ${code}`,
    ...(parent !== undefined && { partOf: { reference: `Organization/${identifiers.organizationId(parent)}` } }),
  };
}

export function location(code: string): Own<Location> {
  return {
    resourceType: 'Location',
    id: identifiers.locationId(code),
    identifier: [sid('location', code)],
    status: 'active',
    name: `Tempat ${code}`,
    mode: 'instance',
    physicalType: { coding: [{ system: SYSTEMS.locationPhysicalType, code: 'bu', display: 'Building' }] },
    managingOrganization: { reference: `Organization/${identifiers.organizationId(code)}` },
  };
}

export function patient(number: number): Own<Patient> {
  return {
    resourceType: 'Patient',
    id: identifiers.patientId({ nik: nikOf(number), sourceKey: `simpus|${number}` }),
    identifier: [{ use: 'official', system: SYSTEMS.nik, value: nikOf(number) }],
    name: [{ text: `Orang ${number}` }],
    gender: 'female',
    birthDate: '1990-01-01',
  };
}

export function practitioner(nik: string = MIDWIFE_NIK): Own<Practitioner> {
  return {
    resourceType: 'Practitioner',
    id: identifiers.practitionerId(nik),
    identifier: [{ system: SYSTEMS.nik, value: nik }],
    name: [{ text: 'Bidan' }],
  };
}

export interface Visit {
  readonly record: string;
  readonly puskesmas: Puskesmas;
  /** Code of the unit where it was. */
  readonly unit: string;
  readonly person: number;
  readonly practitionerNik?: string;
  readonly systolic?: number;
}

/** An Encounter with its Condition and two Observations, as one delivery. */
export function visit({ record, puskesmas, unit, person, practitionerNik = MIDWIFE_NIK, systolic = 120 }: Visit) {
  const key = identifiers.recordKey('simpus', 'encounters', record);
  const id = (role: string): string => identifiers.resourceId(key, role);
  const subject = { reference: `Patient/${patient(person).id}` };
  const midwife = { reference: `Practitioner/${practitioner(practitionerNik).id}` };
  const at = { reference: `Encounter/${id('encounter')}` };
  const start = '2025-06-10T08:00:00+07:00';
  const end = '2025-06-10T08:20:00+07:00';
  const encounter: Own<Encounter> = {
    resourceType: 'Encounter',
    id: id('encounter'),
    identifier: [sid('encounter', id('encounter')), { system: SYSTEMS.sourceRecord, value: `simpus|${record}` }],
    status: 'finished',
    statusHistory: [
      { status: 'arrived', period: { start, end: start } },
      { status: 'in-progress', period: { start, end } },
      { status: 'finished', period: { start: end, end } },
    ],
    class: { system: SYSTEMS.actCode, code: 'AMB', display: 'ambulatory' },
    subject,
    participant: [{ type: [{ coding: [{ system: SYSTEMS.participationType, code: 'ATND', display: 'attender' }] }], individual: midwife }],
    period: { start, end },
    diagnosis: [
      {
        condition: { reference: `Condition/${id('condition')}` },
        use: { coding: [{ system: SYSTEMS.diagnosisRole, code: 'DD', display: 'Discharge diagnosis' }] },
        rank: 1,
      },
    ],
    location: [{ location: { reference: `Location/${identifiers.locationId(unit)}` } }],
    serviceProvider: { reference: `Organization/${identifiers.organizationId(puskesmas.code)}` },
  };
  const condition: Own<Condition> = {
    resourceType: 'Condition',
    id: id('condition'),
    identifier: [sid('condition', id('condition'))],
    clinicalStatus: { coding: [{ system: SYSTEMS.conditionClinical, code: 'active', display: 'Active' }] },
    category: [{ coding: [{ system: SYSTEMS.conditionCategory, code: 'encounter-diagnosis', display: 'Encounter Diagnosis' }] }],
    code: { coding: [{ system: SYSTEMS.icd10, code: 'Z34.9', display: 'Supervision of normal pregnancy, unspecified' }] },
    subject,
    encounter: at,
    recordedDate: end,
  };
  const observation = (role: string, code: string, display: string, value: number, unitCode: string): Own<Observation> => ({
    resourceType: 'Observation',
    id: id(role),
    identifier: [sid('observation', id(role))],
    status: 'final',
    category: [{ coding: [{ system: SYSTEMS.observationCategory, code: 'vital-signs', display: 'Vital Signs' }] }],
    code: { coding: [{ system: SYSTEMS.loinc, code, display }] },
    subject,
    encounter: at,
    effectiveDateTime: start,
    issued: start,
    performer: [midwife],
    valueQuantity: { value, unit: unitCode, system: SYSTEMS.ucum, code: unitCode },
  });
  return [
    encounter,
    condition,
    observation('observation:8480-6', '8480-6', 'Systolic blood pressure', systolic, 'mm[Hg]'),
    observation('observation:29463-7', '29463-7', 'Body weight', 55.5, 'kg'),
  ] as const;
}

export const people = (count: number) => ({
  patients: Array.from({ length: count }, (_, number) => ({
    nik: nikOf(number),
    name: `Orang ${number}`,
    gender: 'female',
    birthDate: '1990-01-01',
    ihsNumber: `P${String(10_000_000_000 + number)}`,
  })),
  practitioners: [{ nik: MIDWIFE_NIK, name: 'Bidan', ihsNumber: '10009880728' }],
});
