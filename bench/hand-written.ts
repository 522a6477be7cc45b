import type { Bundle, Coding, Encounter, Observation, Resource } from '@medplum/fhirtypes';
import type { MapContext, MappedResource, NormalisedRecord } from '../src/mapping/types.ts';
import { SYSTEMS } from '../src/terminology/systems.ts';

/*
 * What a programmer would write for the visits of this benchmark instead of maps: the same resources, ids and references, nothing
 * else. It knows no other field, reports none as unused and traces none to its source.
 */

interface Visit {
  readonly sourceSystem: string;
  readonly sourceId: string;
  readonly cluster: string;
  readonly visitType: string;
  readonly vitals: Readonly<Record<string, number | undefined>>;
  readonly diagnoses: readonly { readonly code: string; readonly display?: string; readonly rank: number }[];
  readonly disposition: string;
}

interface Context {
  readonly patient: string;
  readonly practitioner: string;
  readonly practitionerName: string;
  readonly serviceProvider: string;
  readonly serviceProviderName: string;
  readonly location: string;
  readonly locationName: string;
  readonly start: string;
  readonly end: string;
  readonly lifeStage: string;
  readonly lifeStageDisplay: string;
  readonly lifeStageScheme: string;
  readonly ageMonths: number;
}

const ILP = 'https://fhir.ilp.example';
const LOINC = 'http://loinc.org';
const CLUSTERS: Readonly<Record<string, string>> = { K2: 'Ibu dan Anak', K3: 'Usia Dewasa dan Lanjut Usia' };

const VITALS: readonly {
  field: string;
  code: Coding;
  category: string;
  categoryDisplay: string;
  unit: string;
  ucum: string;
}[] = [
  vital('systolic', '8480-6', 'Systolic blood pressure', 'mmHg', 'mm[Hg]'),
  vital('diastolic', '8462-4', 'Diastolic blood pressure', 'mmHg', 'mm[Hg]'),
  vital('heartRate', '8867-4', 'Heart rate', '/min', '/min'),
  vital('respiratoryRate', '9279-1', 'Respiratory rate', '/min', '/min'),
  vital('temperature', '8310-5', 'Body temperature', '°C', 'Cel'),
  vital('weight', '29463-7', 'Body weight', 'kg', 'kg'),
  {
    field: 'waist',
    code: { system: SYSTEMS.snomed, code: '276361009', display: 'Waist circumference' },
    category: 'exam',
    categoryDisplay: 'Exam',
    unit: 'cm',
    ucum: 'cm',
  },
  vital('height', '8302-2', 'Body height', 'cm', 'cm'),
];

function vital(field: string, code: string, display: string, unit: string, ucum: string) {
  return { field, code: { system: LOINC, code, display }, category: 'vital-signs', categoryDisplay: 'Vital Signs', unit, ucum };
}

/** One visit → Encounter, Condition, Observations, as `Mapper.map` gives them. */
export function mapByHand(record: NormalisedRecord, mapContext: MapContext, idOf: (role: string) => string): MappedResource[] {
  const visit = record as unknown as Visit;
  const ctx = mapContext as unknown as Context;
  const { start, end } = ctx;
  const encounterId = idOf('encounter');
  const encounterReference = `Encounter/${encounterId}`;
  const diagnosis: Encounter['diagnosis'] = [];
  const encounter: Encounter & { id: string } = {
    resourceType: 'Encounter',
    id: encounterId,
    meta: { profile: [`${ILP}/StructureDefinition/ilp-encounter`] },
    class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB', display: 'ambulatory' },
    identifier: [
      { system: `${ILP}/sid/encounter`, value: encounterId },
      { system: `${ILP}/sid/source-record`, value: `${visit.sourceSystem}|${visit.sourceId}` },
    ],
    subject: { reference: ctx.patient },
    participant: [
      {
        type: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType', code: 'ATND', display: 'attender' }] }],
        individual: { reference: ctx.practitioner, display: ctx.practitionerName },
      },
    ],
    serviceProvider: { reference: ctx.serviceProvider, display: ctx.serviceProviderName },
    period: { start, end },
    status: 'finished',
    statusHistory: [
      { status: 'arrived', period: { start, end: start } },
      { status: 'in-progress', period: { start, end } },
      { status: 'finished', period: { start: end, end } },
    ],
    extension: [
      {
        url: `${ILP}/StructureDefinition/ilp-life-stage`,
        extension: [
          {
            url: 'stage',
            valueCoding: { system: `${ILP}/CodeSystem/ilp-life-stage`, code: ctx.lifeStage, display: ctx.lifeStageDisplay },
          },
          { url: 'scheme', valueCode: ctx.lifeStageScheme },
          { url: 'ageMonths', valueInteger: ctx.ageMonths },
        ],
      },
      {
        url: `${ILP}/StructureDefinition/ilp-klaster`,
        valueCoding: { code: visit.cluster, system: `${ILP}/CodeSystem/ilp-klaster`, display: CLUSTERS[visit.cluster] as string },
      },
      { url: `${ILP}/StructureDefinition/ilp-visit-type`, valueCode: visit.visitType },
    ],
    location: [{ location: { reference: ctx.location, display: ctx.locationName }, period: { start, end } }],
    hospitalization: {
      dischargeDisposition: {
        coding: [{ code: visit.disposition, system: 'http://terminology.hl7.org/CodeSystem/discharge-disposition', display: 'Home' }],
      },
    },
    diagnosis,
  };
  const mapped: MappedResource[] = [{ role: 'encounter', item: 'encounter', resource: encounter }];
  for (const { code, display, rank } of visit.diagnoses) {
    const role = `condition:${code}`;
    const id = idOf(role);
    diagnosis.push({
      condition: { reference: `Condition/${id}` },
      use: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/diagnosis-role', code: 'DD', display: 'Discharge diagnosis' }] },
      rank,
    });
    mapped.push({
      role,
      item: 'condition',
      resource: {
        resourceType: 'Condition',
        id,
        code: { coding: [{ system: 'http://hl7.org/fhir/sid/icd-10', code, ...(display !== undefined && { display }) }] },
        clinicalStatus: {
          coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-clinical', code: 'active', display: 'Active' }],
        },
        category: [
          {
            coding: [
              {
                system: 'http://terminology.hl7.org/CodeSystem/condition-category',
                code: 'encounter-diagnosis',
                display: 'Encounter Diagnosis',
              },
            ],
          },
        ],
        subject: { reference: ctx.patient },
        encounter: { reference: encounterReference },
        recordedDate: start,
        recorder: { reference: ctx.practitioner },
        identifier: [{ system: `${ILP}/sid/condition`, value: id }],
      },
    });
  }
  for (const { field, code, category, categoryDisplay, unit, ucum } of VITALS) {
    const value = visit.vitals[field];
    if (value === undefined) continue;
    const role = `observation:${code.code}`;
    const id = idOf(role);
    const observation: Observation & { id: string } = {
      resourceType: 'Observation',
      id,
      valueQuantity: { value, unit, system: 'http://unitsofmeasure.org', code: ucum },
      status: 'final',
      category: [
        {
          coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: category, display: categoryDisplay }],
        },
      ],
      code: { coding: [{ ...code }] },
      subject: { reference: ctx.patient },
      encounter: { reference: encounterReference },
      effectiveDateTime: start,
      issued: start,
      performer: [{ reference: ctx.practitioner }],
      identifier: [{ system: `${ILP}/sid/observation`, value: id }],
    };
    mapped.push({ role, item: `vitals.${field}`, resource: observation });
  }
  return mapped;
}

/** The same visits by `bench/visit.map`, the map that other engines can run too: no ids, no context. */
export function mapPlainByHand(record: NormalisedRecord): Bundle {
  const visit = record as unknown as Visit & { start: string; end: string };
  const resources: Resource[] = [
    {
      resourceType: 'Encounter',
      status: 'finished',
      class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
      identifier: [{ system: `${ILP}/sid/source-record`, value: visit.sourceId }],
      period: { start: visit.start, end: visit.end },
    },
  ];
  for (const { code, display } of visit.diagnoses) {
    resources.push({
      resourceType: 'Condition',
      code: { coding: [{ system: 'http://hl7.org/fhir/sid/icd-10', code, ...(display !== undefined && { display }) }] },
      subject: { reference: 'Patient/1' },
    });
  }
  for (const { field, code, unit, ucum } of VITALS) {
    const value = visit.vitals[field];
    if (value === undefined) continue;
    resources.push({
      resourceType: 'Observation',
      status: 'final',
      code: { coding: [{ system: code.system as string, code: code.code as string }] },
      subject: { reference: 'Patient/1' },
      effectiveDateTime: visit.start,
      valueQuantity: { value, unit, system: 'http://unitsofmeasure.org', code: ucum },
    });
  }
  return { resourceType: 'Bundle', type: 'collection', entry: resources.map((resource) => ({ resource })) };
}
