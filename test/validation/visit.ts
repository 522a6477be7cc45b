import type {
  Condition,
  Encounter,
  Immunization,
  Location,
  Observation,
  Organization,
  Patient,
  Procedure,
  QuestionnaireResponse,
  Resource,
  ServiceRequest,
} from '@medplum/fhirtypes';

/** Resources of one made-up visit in the stored form: sound by R4 and by the platform's rules on 1 June 2025. */
export interface Visit {
  readonly organization: Organization;
  readonly location: Location;
  readonly patient: Patient;
  readonly encounter: Encounter;
  readonly weight: Observation;
  readonly glucose: Observation;
  readonly condition: Condition;
  readonly procedure: Procedure;
  readonly request: ServiceRequest;
  readonly immunization: Immunization;
  readonly answers: QuestionnaireResponse;
}

const id = (n: number): string => `00000000-0000-8000-8000-${String(n).padStart(12, '0')}`;
const sid = (kind: string, n: number) => [{ system: `https://fhir.ilp.example/sid/${kind}`, value: id(n) }];
const START = '2025-03-04T08:00:00+07:00';
const MIDDLE = '2025-03-04T08:05:00+07:00';
const END = '2025-03-04T08:30:00+07:00';

const subject = { reference: `Patient/${id(3)}`, display: 'CONTOH' };
const encounter = { reference: `Encounter/${id(4)}` };
const practitioner = { reference: `Practitioner/${id(90)}` };

export function visitByName(): Visit {
  return structuredClone({
    organization: {
      resourceType: 'Organization',
      id: id(1),
      identifier: [...sid('organization', 1), { system: 'https://fhir.ilp.example/sid/kode-puskesmas', value: '1234' }],
      active: true,
      type: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/organization-type', code: 'dept' }] }],
      name: 'Posyandu Contoh',
      partOf: { reference: 'Organization/100000001' },
    },
    location: {
      resourceType: 'Location',
      id: id(2),
      identifier: sid('location', 2),
      status: 'active',
      name: 'Ruang Contoh',
      mode: 'instance',
      physicalType: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/location-physical-type', code: 'ro' }] },
      position: { longitude: 106.83, latitude: -6.18 },
      managingOrganization: { reference: `Organization/${id(1)}` },
    },
    patient: {
      resourceType: 'Patient',
      id: id(3),
      identifier: [{ use: 'official', system: 'https://fhir.kemkes.go.id/id/nik', value: '9999990101900001' }, ...sid('patient', 3)],
      active: true,
      name: [{ use: 'official', text: 'Contoh' }],
      gender: 'female',
      birthDate: '1990-01-01',
    },
    encounter: {
      resourceType: 'Encounter',
      id: id(4),
      identifier: [...sid('encounter', 4), { system: 'https://fhir.ilp.example/sid/source-record', value: 'simpus|1' }],
      status: 'finished',
      statusHistory: [
        { status: 'arrived', period: { start: START, end: MIDDLE } },
        { status: 'in-progress', period: { start: MIDDLE, end: END } },
        { status: 'finished', period: { start: END, end: END } },
      ],
      class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB', display: 'ambulatory' },
      subject,
      participant: [
        {
          type: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType', code: 'ATND' }] }],
          individual: practitioner,
        },
      ],
      period: { start: START, end: END },
      diagnosis: [
        {
          condition: { reference: `Condition/${id(7)}` },
          use: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/diagnosis-role', code: 'DD' }] },
          rank: 1,
        },
      ],
      location: [{ location: { reference: `Location/${id(2)}` } }],
      serviceProvider: { reference: 'Organization/100000001' },
    },
    weight: {
      resourceType: 'Observation',
      id: id(5),
      identifier: sid('observation', 5),
      status: 'final',
      category: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' }] }],
      code: { coding: [{ system: 'http://loinc.org', code: '29463-7', display: 'Body weight' }] },
      subject,
      encounter,
      effectiveDateTime: MIDDLE,
      issued: '2025-03-04T08:05:00.000+07:00',
      performer: [practitioner],
      valueQuantity: { value: 52.4, unit: 'kg', system: 'http://unitsofmeasure.org', code: 'kg' },
    },
    glucose: {
      resourceType: 'Observation',
      id: id(6),
      identifier: sid('observation', 6),
      status: 'final',
      category: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory' }] }],
      code: { coding: [{ system: 'http://loinc.org', code: '2345-7' }] },
      subject,
      encounter,
      effectiveDateTime: MIDDLE,
      performer: [practitioner],
      valueQuantity: { value: 104, unit: 'mg/dL', system: 'http://unitsofmeasure.org', code: 'mg/dL' },
      referenceRange: [{ high: { value: 200, unit: 'mg/dL', system: 'http://unitsofmeasure.org', code: 'mg/dL' } }],
    },
    condition: {
      resourceType: 'Condition',
      id: id(7),
      identifier: sid('condition', 7),
      clinicalStatus: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-clinical', code: 'active' }] },
      category: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-category', code: 'encounter-diagnosis' }] }],
      code: { coding: [{ system: 'http://hl7.org/fhir/sid/icd-10', code: 'Z00.0' }] },
      subject,
      encounter,
      recordedDate: END,
    },
    procedure: {
      resourceType: 'Procedure',
      id: id(8),
      identifier: sid('procedure', 8),
      status: 'completed',
      category: { coding: [{ system: 'http://snomed.info/sct', code: '409063005' }] },
      code: { coding: [{ system: 'http://snomed.info/sct', code: '61310001' }] },
      subject,
      encounter,
      performedPeriod: { start: MIDDLE, end: END },
      performer: [{ actor: practitioner }],
    },
    request: {
      resourceType: 'ServiceRequest',
      id: id(9),
      identifier: sid('servicerequest', 9),
      status: 'active',
      intent: 'original-order',
      category: [{ coding: [{ system: 'http://snomed.info/sct', code: '108252007' }] }],
      code: { coding: [{ system: 'http://loinc.org', code: '2345-7' }] },
      subject,
      encounter,
      authoredOn: MIDDLE,
      occurrenceDateTime: '2025-07-01T08:00:00+07:00',
      requester: practitioner,
      performer: [practitioner],
    },
    immunization: {
      resourceType: 'Immunization',
      id: id(10),
      identifier: sid('immunization', 10),
      status: 'completed',
      vaccineCode: { coding: [{ system: 'http://hl7.org/fhir/sid/cvx', code: '10' }] },
      patient: subject,
      encounter,
      occurrenceDateTime: MIDDLE,
      primarySource: true,
      location: { reference: `Location/${id(2)}` },
      lotNumber: 'A1',
      expirationDate: '2026-01-01',
      doseQuantity: { value: 0.5, unit: 'mL', system: 'http://unitsofmeasure.org', code: 'mL' },
      performer: [{ function: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0443', code: 'AP' }] }, actor: practitioner }],
      protocolApplied: [{ doseNumberPositiveInt: 1 }],
    },
    answers: {
      resourceType: 'QuestionnaireResponse',
      id: id(11),
      questionnaire: 'https://fhir.ilp.example/Questionnaire/contoh',
      status: 'completed',
      subject,
      encounter,
      authored: END,
      author: practitioner,
      source: subject,
      item: [
        { linkId: '1', item: [{ linkId: '1.1', answer: [{ valueBoolean: true }] }] },
        { linkId: '2', answer: [{ valueCoding: { system: 'http://snomed.info/sct', code: '373066001' } }] },
      ],
    },
  } satisfies Visit);
}

export const visit = (): Resource[] => Object.values(visitByName());
