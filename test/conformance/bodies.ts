import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { visit } from '../validation/visit.ts';

/** Sound resources that the mutation run starts from: small ones of our own, and those of a folder given at run time. */
export type Body = Record<string, unknown> & { resourceType: string };

const ref = (reference: string) => ({ reference });
const text = (words: string) => ({ text: words });
const coding = (system: string, code: string, display?: string) => ({ system, code, ...(display && { display }) });
const concept = (system: string, code: string) => ({ coding: [coding(system, code)] });
const TH = 'http://terminology.hl7.org/CodeSystem/';
const LOINC = 'http://loinc.org';
const UCUM = 'http://unitsofmeasure.org';
const ILP = 'https://fhir.ilp.example/';
const period = { start: '2025-03-04T08:00:00+07:00', end: '2025-03-04T08:30:00+07:00' };
const quantity = (value: number, code: string) => ({ value, unit: code, system: UCUM, code });
const subject = ref('Patient/p1');
const encounter = ref('Encounter/e1');
const identifier = [{ use: 'official', system: 'https://example.org/sid', value: 'A-1', period: { start: '2025-01-01' } }];

const OWN: readonly Body[] = [
  {
    resourceType: 'AllergyIntolerance',
    id: 'a1',
    clinicalStatus: concept(`${TH}allergyintolerance-clinical`, 'active'),
    verificationStatus: concept(`${TH}allergyintolerance-verification`, 'confirmed'),
    type: 'allergy',
    category: ['food', 'medication'],
    criticality: 'low',
    code: text('udang'),
    patient: subject,
    onsetPeriod: period,
    reaction: [{ manifestation: [text('gatal')], severity: 'mild', onset: '2025-03-04' }],
  },
  { resourceType: 'Basic', id: 'b1', code: concept(`${TH}basic-resource-type`, 'consent'), subject, created: '2025-03-04' },
  { resourceType: 'Binary', id: 'b2', contentType: 'text/plain', data: 'aGFsbw==' },
  {
    resourceType: 'Bundle',
    type: 'transaction',
    entry: [
      {
        fullUrl: 'urn:uuid:00000000-0000-4000-8000-000000000001',
        resource: { resourceType: 'Patient', gender: 'male', birthDate: '1980-02-29', name: [{ family: 'Contoh' }] },
        request: { method: 'POST', url: 'Patient' },
      },
      {
        fullUrl: 'urn:uuid:00000000-0000-4000-8000-000000000002',
        resource: {
          resourceType: 'Observation',
          status: 'final',
          code: text('catatan'),
          subject: ref('urn:uuid:00000000-0000-4000-8000-000000000001'),
          valueString: 'baik',
        },
        request: { method: 'PUT', url: 'Observation/2' },
      },
    ],
  },
  {
    resourceType: 'CarePlan',
    id: 'c1',
    status: 'active',
    intent: 'plan',
    title: 'Rencana',
    subject,
    encounter,
    period,
    created: '2025-03-04',
    author: ref('Practitioner/1'),
    activity: [{ detail: { kind: 'Task', status: 'scheduled', description: 'kontrol', scheduledPeriod: period } }],
    note: [{ text: 'catatan', time: '2025-03-04T08:00:00Z' }],
  },
  {
    resourceType: 'ClinicalImpression',
    id: 'c2',
    status: 'completed',
    subject,
    effectiveDateTime: '2025-03-04',
    investigation: [{ code: text('periksa'), item: [ref('Observation/1')] }],
    finding: [{ itemCodeableConcept: text('x'), basis: 'tanda' }],
  },
  {
    resourceType: 'Communication',
    id: 'c3',
    status: 'completed',
    priority: 'routine',
    subject,
    sent: '2025-03-04T08:00:00Z',
    payload: [{ contentString: 'halo' }, { contentAttachment: { contentType: 'text/plain', url: 'https://example.org/a' } }],
  },
  {
    resourceType: 'Composition',
    id: 'c4',
    status: 'final',
    type: text('ringkasan'),
    date: '2025-03-04T08:00:00+07:00',
    author: [ref('Practitioner/1')],
    title: 'Ringkasan',
    attester: [{ mode: 'legal', time: '2025-03-04' }],
    section: [
      {
        title: 'A',
        entry: [ref('Condition/1')],
        section: [{ title: 'B', text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">x</div>' } }],
      },
    ],
  },
  {
    resourceType: 'Condition',
    id: 'c5',
    clinicalStatus: concept(`${TH}condition-clinical`, 'resolved'),
    verificationStatus: concept(`${TH}condition-ver-status`, 'confirmed'),
    category: [concept(`${TH}condition-category`, 'problem-list-item')],
    code: concept('http://hl7.org/fhir/sid/icd-10', 'I10'),
    subject,
    onsetAge: { value: 40, unit: 'a', system: UCUM, code: 'a' },
    abatementDateTime: '2025-02-01',
    stage: [{ summary: text('1') }],
    evidence: [{ code: [text('x')] }],
  },
  {
    resourceType: 'Consent',
    id: 'c6',
    status: 'active',
    scope: concept(`${TH}consentscope`, 'patient-privacy'),
    category: [concept(LOINC, '59284-0')],
    patient: subject,
    dateTime: '2025-03-04',
    policyRule: text('aturan'),
    provision: { type: 'permit', period, data: [{ meaning: 'instance', reference: ref('Observation/1') }], provision: [{ type: 'deny' }] },
  },
  {
    resourceType: 'DiagnosticReport',
    id: 'd1',
    status: 'final',
    category: [concept(`${TH}v2-0074`, 'LAB')],
    code: text('darah'),
    subject,
    effectivePeriod: period,
    issued: '2025-03-04T08:00:00.123+07:00',
    result: [ref('#o')],
    media: [{ comment: 'x', link: ref('Media/1') }],
    presentedForm: [{ contentType: 'application/pdf', data: 'aGFsbw==', creation: '2025-03-04' }],
    contained: [{ resourceType: 'Observation', id: 'o', status: 'final', code: text('hb'), valueQuantity: quantity(12.5, 'g/dL') }],
  },
  {
    resourceType: 'Encounter',
    id: 'e1',
    meta: { profile: [`${ILP}StructureDefinition/ilp-village-encounter`] },
    extension: [
      {
        url: `${ILP}StructureDefinition/ilp-life-stage`,
        extension: [
          { url: 'scheme', valueCode: 'kemenkes' },
          { url: 'stage', valueCoding: coding(`${ILP}CodeSystem/ilp-life-stage`, 'lansia') },
        ],
      },
      {
        url: `${ILP}StructureDefinition/ilp-kader-validation`,
        extension: [
          { url: 'kader', valueReference: ref('Practitioner/9') },
          { url: 'validatedAt', valueDateTime: '2025-03-04T09:00:00+07:00' },
        ],
      },
    ],
    identifier,
    status: 'finished',
    statusHistory: [{ status: 'arrived', period }],
    class: coding(`${TH}v3-ActCode`, 'HH', 'home health'),
    subject,
    participant: [{ type: [concept(`${TH}v3-ParticipationType`, 'ATND')], individual: ref('Practitioner/9') }],
    period,
    length: { value: 30, unit: 'min', system: UCUM, code: 'min' },
    diagnosis: [{ condition: ref('Condition/c5'), use: concept(`${TH}diagnosis-role`, 'DD'), rank: 1 }],
    location: [{ location: ref('Location/l1'), status: 'completed' }],
    serviceProvider: ref('Organization/o1'),
  },
  {
    resourceType: 'EpisodeOfCare',
    id: 'e2',
    status: 'active',
    statusHistory: [{ status: 'planned', period: { start: '2025-01-01' } }],
    patient: subject,
    managingOrganization: ref('Organization/o1'),
    period: { start: '2025-01-01', end: '2025-05-01' },
    diagnosis: [{ condition: ref('Condition/c5'), rank: 2 }],
  },
  { resourceType: 'Flag', id: 'f1', status: 'active', code: text('hati-hati'), subject, period },
  {
    resourceType: 'Group',
    id: 'g1',
    type: 'person',
    actual: true,
    name: 'Peserta',
    quantity: 2,
    characteristic: [{ code: text('usia'), valueRange: { low: quantity(1, 'a'), high: quantity(5, 'a') }, exclude: false }],
    member: [{ entity: subject, inactive: false }],
  },
  {
    resourceType: 'HealthcareService',
    id: 'h1',
    active: true,
    name: 'Poli',
    telecom: [{ system: 'phone', value: '0811', use: 'work', rank: 1 }],
    availableTime: [{ daysOfWeek: ['mon', 'tue'], availableStartTime: '08:00:00', availableEndTime: '12:00:00' }],
    notAvailable: [{ description: 'libur', during: { start: '2025-03-04', end: '2025-03-05' } }],
  },
  {
    resourceType: 'Immunization',
    id: 'i1',
    status: 'completed',
    vaccineCode: concept('http://hl7.org/fhir/sid/cvx', '03'),
    patient: subject,
    occurrenceDateTime: '2025-03-04',
    expirationDate: '2026-01-01',
    doseQuantity: quantity(0.5, 'mL'),
    education: [{ documentType: 'x', publicationDate: '2024-01-01' }],
    protocolApplied: [{ doseNumberPositiveInt: 1 }],
  },
  {
    resourceType: 'Location',
    id: 'l1',
    status: 'active',
    mode: 'instance',
    name: 'Posyandu',
    telecom: [{ system: 'email', value: 'a@example.org' }],
    address: { use: 'work', type: 'both', line: ['Jl. Contoh', 'RT 1'], city: 'Brebes', country: 'ID' },
    position: { longitude: 109.1, latitude: -6.8 },
    hoursOfOperation: [{ daysOfWeek: ['sat'], openingTime: '08:00:00' }],
  },
  {
    resourceType: 'MeasureReport',
    id: 'm1',
    status: 'complete',
    type: 'summary',
    measure: 'https://example.org/Measure/1',
    period: { start: '2025-01-01', end: '2025-01-31' },
    group: [{ population: [{ code: concept(`${TH}measure-population`, 'numerator'), count: 3 }], measureScore: { value: 0.5 } }],
  },
  {
    resourceType: 'Medication',
    id: 'm2',
    status: 'active',
    code: text('parasetamol'),
    ingredient: [
      {
        itemCodeableConcept: text('x'),
        isActive: true,
        strength: { numerator: quantity(500, 'mg'), denominator: quantity(1, '{tablet}') },
      },
    ],
    batch: { lotNumber: 'A', expirationDate: '2026-01-01' },
  },
  {
    resourceType: 'MedicationDispense',
    id: 'm3',
    status: 'completed',
    medicationReference: ref('Medication/m2'),
    subject,
    quantity: quantity(10, '{tablet}'),
    whenPrepared: '2025-03-04T08:00:00Z',
    whenHandedOver: '2025-03-04T09:00:00Z',
    dosageInstruction: [
      {
        sequence: 1,
        asNeededBoolean: false,
        timing: { repeat: { frequency: 3, period: 1, periodUnit: 'd', boundsPeriod: { start: '2025-03-04' } } },
      },
    ],
  },
  {
    resourceType: 'MedicationRequest',
    id: 'm4',
    status: 'active',
    intent: 'order',
    medicationCodeableConcept: text('amoksisilin'),
    subject,
    authoredOn: '2025-03-04',
    dosageInstruction: [
      {
        text: '3x1',
        timing: { repeat: { duration: 5, durationUnit: 'd', when: ['PC'], offset: 30 } },
        doseAndRate: [
          { doseQuantity: quantity(1, '{tablet}'), rateRatio: { numerator: quantity(1, 'mL'), denominator: quantity(1, 'h') } },
        ],
      },
    ],
    dispenseRequest: {
      validityPeriod: { start: '2025-03-04' },
      numberOfRepeatsAllowed: 0,
      expectedSupplyDuration: { value: 5, unit: 'd', system: UCUM, code: 'd' },
    },
  },
  {
    resourceType: 'MedicationStatement',
    id: 'm5',
    status: 'active',
    medicationCodeableConcept: text('x'),
    subject,
    effectivePeriod: period,
    dateAsserted: '2025-03-04',
  },
  {
    resourceType: 'Observation',
    id: 'o1',
    status: 'final',
    category: [concept(`${TH}observation-category`, 'laboratory')],
    code: { coding: [coding(LOINC, '2339-0')], text: 'gula darah' },
    subject,
    encounter,
    effectiveDateTime: '2025-03-04T08:05:00+07:00',
    issued: '2025-03-04T08:05:00+07:00',
    performer: [ref('Practitioner/9')],
    valueQuantity: quantity(110, 'mg/dL'),
    interpretation: [concept(`${TH}v3-ObservationInterpretation`, 'N')],
    referenceRange: [{ low: quantity(70, 'mg/dL'), high: quantity(140, 'mg/dL'), text: 'normal' }],
  },
  {
    resourceType: 'Observation',
    id: 'o2',
    status: 'preliminary',
    code: text('dua bagian'),
    subject,
    effectivePeriod: period,
    component: [
      { code: text('a'), valueQuantity: { value: 1, comparator: '<', unit: 'kg', system: UCUM, code: 'kg' } },
      { code: text('b'), dataAbsentReason: concept(`${TH}data-absent-reason`, 'unknown') },
      { code: text('c'), valueSampledData: { origin: { value: 0 }, period: 10, dimensions: 1, data: '1 2 E' } },
    ],
  },
  {
    resourceType: 'OperationOutcome',
    id: 'o3',
    issue: [{ severity: 'error', code: 'invalid', details: text('x'), diagnostics: 'y', expression: ['Patient.name'] }],
  },
  {
    resourceType: 'Organization',
    id: 'o4',
    identifier,
    active: true,
    name: 'Puskesmas',
    alias: ['PKM'],
    telecom: [{ system: 'url', value: 'https://example.org', period: { start: '2025-01-01' } }],
    address: [{ use: 'work', line: ['Jl.'], period: { start: '2020-01-01', end: '2021-01-01' } }],
    partOf: ref('Organization/1'),
    contact: [{ name: { family: 'Contoh', given: ['A', 'B'] } }],
  },
  {
    resourceType: 'Parameters',
    id: 'p0',
    parameter: [
      { name: 'a', valueString: 'x' },
      { name: 'b', part: [{ name: 'c', valueBoolean: true }] },
      { name: 'd', resource: { resourceType: 'Basic', code: text('x') } },
    ],
  },
  {
    resourceType: 'Patient',
    id: 'p1',
    meta: { lastUpdated: '2025-03-04T08:05:00.000+07:00', tag: [coding('https://example.org/tag', 'x')] },
    text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml"><p>Contoh</p></div>' },
    identifier,
    active: true,
    name: [{ use: 'official', family: 'Contoh', given: ['Nama'], _given: [{ id: 'g' }] }],
    telecom: [{ system: 'phone', value: '0812', use: 'mobile', rank: 1 }],
    gender: 'female',
    birthDate: '1990-05-17',
    _birthDate: {
      extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/patient-birthTime', valueDateTime: '1990-05-17T10:00:00+07:00' }],
    },
    deceasedBoolean: false,
    address: [{ use: 'home', line: ['Jl. Contoh'], extension: [{ url: 'https://example.org/kode', valueCode: '3329' }] }],
    maritalStatus: concept(`${TH}v3-MaritalStatus`, 'M'),
    multipleBirthInteger: 1,
    contact: [{ relationship: [concept(`${TH}v2-0131`, 'N')], name: { text: 'Ibu' } }],
    communication: [{ language: concept('urn:ietf:bcp:47', 'id-ID'), preferred: true }],
    link: [{ other: ref('Patient/p2'), type: 'seealso' }],
  },
  {
    resourceType: 'Practitioner',
    id: 'p3',
    identifier,
    name: [{ text: 'Bidan' }],
    birthDate: '1985',
    qualification: [{ code: text('bidan'), period: { start: '2020' } }],
  },
  {
    resourceType: 'PractitionerRole',
    id: 'p4',
    active: true,
    practitioner: ref('Practitioner/p3'),
    organization: ref('Organization/o4'),
    availableTime: [{ allDay: true }],
    period,
  },
  {
    resourceType: 'Procedure',
    id: 'p5',
    status: 'completed',
    code: text('rawat luka'),
    subject,
    performedPeriod: period,
    performer: [{ actor: ref('Practitioner/p3') }],
    focalDevice: [{ manipulated: ref('Device/1') }],
    note: [{ authorString: 'x', text: 'y' }],
  },
  {
    resourceType: 'Provenance',
    id: 'p6',
    target: [ref('Observation/o1')],
    occurredDateTime: '2025-03-04',
    recorded: '2025-03-04T08:05:00Z',
    agent: [{ who: ref('Practitioner/p3') }],
    entity: [{ role: 'source', what: ref('DocumentReference/1') }],
  },
  {
    resourceType: 'Questionnaire',
    id: 'q0',
    url: 'https://example.org/Questionnaire/q0',
    status: 'draft',
    subjectType: ['Patient'],
    date: '2025-03',
    item: [
      { linkId: '1', text: 'Merokok?', type: 'boolean', required: true },
      {
        linkId: '2',
        text: 'Berapa?',
        type: 'integer',
        enableWhen: [{ question: '1', operator: '=', answerBoolean: true }],
        initial: [{ valueInteger: 1 }],
      },
      { linkId: '3', type: 'group', item: [{ linkId: '3.1', type: 'choice', answerOption: [{ valueString: 'a' }, { valueString: 'b' }] }] },
    ],
  },
  {
    resourceType: 'QuestionnaireResponse',
    id: 'q1',
    status: 'completed',
    subject,
    authored: '2025-03-04T08:05:00Z',
    item: [
      {
        linkId: '1',
        answer: [{ valueBoolean: true, item: [{ linkId: '1.1', answer: [{ valueCoding: coding('https://example.org', 'a') }] }] }],
      },
    ],
  },
  {
    resourceType: 'RelatedPerson',
    id: 'r1',
    patient: subject,
    relationship: [concept(`${TH}v3-RoleCode`, 'MTH')],
    gender: 'female',
    period: { start: '2025-01-01' },
  },
  {
    resourceType: 'ServiceRequest',
    id: 's1',
    status: 'active',
    intent: 'order',
    priority: 'urgent',
    code: text('rujuk'),
    orderDetail: [text('detail')],
    subject,
    occurrenceTiming: {
      event: ['2025-03-04'],
      repeat: { boundsDuration: { value: 3, unit: 'd', system: UCUM, code: 'd' }, dayOfWeek: ['mon'] },
    },
    authoredOn: '2025-03-04T08:05:00Z',
    reasonCode: [text('x')],
  },
  {
    resourceType: 'Specimen',
    id: 's2',
    status: 'available',
    type: text('darah'),
    subject,
    receivedTime: '2025-03-04T08:05:00Z',
    collection: {
      collectedDateTime: '2025-03-04T08:00:00Z',
      quantity: quantity(5, 'mL'),
      fastingStatusDuration: { value: 8, unit: 'h', system: UCUM, code: 'h' },
    },
  },
  {
    resourceType: 'Task',
    id: 't1',
    status: 'requested',
    intent: 'order',
    priority: 'routine',
    for: subject,
    executionPeriod: period,
    authoredOn: '2025-03-04T08:05:00Z',
    lastModified: '2025-03-05T08:05:00Z',
    restriction: { repetitions: 1 },
    input: [{ type: text('x'), valueString: 'y' }],
  },
];

/** Resources of our own making, and those of a visit as the service stores them. */
export const ownBodies = (): Body[] => structuredClone([...OWN, ...(visit() as unknown as Body[])]);

/** Every sound-looking resource in the JSON files of a folder, also inside other JSON; without those that hold placeholders. */
export function bodiesIn(folder: string): Body[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json'));
  const found: Body[] = [];
  const dig = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if (typeof (value as Body).resourceType === 'string') {
      if (!JSON.stringify(value).includes('{{')) found.push(value as Body);
      return;
    }
    for (const inner of Object.values(value)) dig(inner);
  };
  for (const name of files.sort()) {
    try {
      dig(JSON.parse(readFileSync(path.join(folder, name), 'utf8')));
    } catch {
      // Not JSON: not a body.
    }
  }
  return found;
}
