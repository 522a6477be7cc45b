import { describe, expect, test } from 'vitest';
import { INVARIANTS, NOT_CHECKED } from '../../src/validation/index.ts';
import { elements, r4 } from './sources.ts';
import { visitByName } from './visit.ts';

type Json = Record<string, unknown>;

/** Keys of the invariants that a node of the given type breaks. */
const broken = (type: string, node: Json): string[] => (INVARIANTS[type] ?? []).filter((rule) => !rule.test(node)).map((rule) => rule.key);

const UCUM = 'http://unitsofmeasure.org';
const concept = (system: string, code: string) => ({ coding: [{ system: `http://terminology.hl7.org/CodeSystem/${system}`, code }] });
const entry = (more: Json = {}) => [{ resource: { resourceType: 'Patient' }, ...more }];

/** For each invariant a node that keeps it and one that breaks only it. */
const CASES: readonly [type: string, key: string, good: Json, bad: Json][] = [
  ['Age', 'age-1', { value: 3, code: 'a', system: UCUM }, { value: -3, code: 'a' }],
  ['AllergyIntolerance', 'ait-1', { clinicalStatus: {} }, {}],
  [
    'AllergyIntolerance',
    'ait-2',
    { verificationStatus: concept('allergyintolerance-verification', 'entered-in-error') },
    { verificationStatus: concept('allergyintolerance-verification', 'entered-in-error'), clinicalStatus: {} },
  ],
  ['Attachment', 'att-1', { data: 'QQ==', contentType: 'text/plain' }, { data: 'QQ==' }],
  ['AuditEvent.entity', 'sev-1', { name: 'a' }, { name: 'a', query: 'QQ==' }],
  ['Bundle', 'bdl-1', { type: 'searchset', total: 0 }, { type: 'collection', total: 0 }],
  ['Bundle', 'bdl-2', { type: 'searchset', entry: entry({ search: {} }) }, { type: 'collection', entry: entry({ search: {} }) }],
  ['Bundle', 'bdl-3', { type: 'batch', entry: entry({ request: {} }) }, { type: 'batch', entry: entry() }],
  ['Bundle', 'bdl-4', { type: 'batch-response', entry: entry({ response: {} }) }, { type: 'collection', entry: entry({ response: {} }) }],
  [
    'Bundle',
    'bdl-7',
    { type: 'collection', entry: [...entry({ fullUrl: 'urn:a' }), ...entry({ fullUrl: 'urn:b' })] },
    { type: 'collection', entry: [...entry({ fullUrl: 'urn:a' }), ...entry({ fullUrl: 'urn:a' })] },
  ],
  [
    'Bundle',
    'bdl-9',
    { type: 'document', identifier: { system: 'a', value: 'b' }, timestamp: 'x', entry: [{ resource: { resourceType: 'Composition' } }] },
    { type: 'document', timestamp: 'x', entry: [{ resource: { resourceType: 'Composition' } }] },
  ],
  [
    'Bundle',
    'bdl-10',
    { type: 'collection' },
    { type: 'document', identifier: { system: 'a', value: 'b' }, entry: [{ resource: { resourceType: 'Composition' } }] },
  ],
  [
    'Bundle',
    'bdl-11',
    { type: 'collection' },
    { type: 'document', identifier: { system: 'a', value: 'b' }, timestamp: 'x', entry: entry() },
  ],
  ['Bundle', 'bdl-12', { type: 'message', entry: [{ resource: { resourceType: 'MessageHeader' } }] }, { type: 'message', entry: entry() }],
  ['Bundle.entry', 'bdl-5', { resource: {} }, { fullUrl: 'urn:a' }],
  ['Bundle.entry', 'bdl-8', { resource: {}, fullUrl: 'http://x/Patient/1' }, { resource: {}, fullUrl: 'http://x/Patient/1/_history/1' }],
  ['CapabilityStatement', 'cpb-1', { kind: 'requirements', description: 'a', rest: [] }, { kind: 'requirements', description: 'a' }],
  ['CapabilityStatement', 'cpb-2', { kind: 'requirements', description: 'a', rest: [] }, { kind: 'requirements', rest: [] }],
  [
    'CapabilityStatement',
    'cpb-3',
    { kind: 'instance', implementation: {}, messaging: [{ endpoint: [] }] },
    { kind: 'capability', software: {}, messaging: [{ endpoint: [] }] },
  ],
  ['CapabilityStatement', 'cpb-14', { kind: 'instance', implementation: {}, rest: [] }, { kind: 'instance', description: 'a', rest: [] }],
  ['CapabilityStatement', 'cpb-15', { kind: 'capability', software: {}, rest: [] }, { kind: 'capability', description: 'a', rest: [] }],
  ['CapabilityStatement', 'cpb-16', { kind: 'requirements', description: 'a', rest: [] }, { kind: 'requirements', software: {}, rest: [] }],
  ['CapabilityStatement.rest', 'cpb-9', { resource: [{ type: 'Patient' }] }, { resource: [{ type: 'Patient' }, { type: 'Patient' }] }],
  ['CapabilityStatement.rest.resource', 'cpb-12', { searchParam: [{ name: 'a' }] }, { searchParam: [{ name: 'a' }, { name: 'a' }] }],
  ['CarePlan.activity', 'cpl-3', { detail: {} }, { detail: {}, reference: {} }],
  ['CodeSystem', 'csd-1', { concept: [{ code: 'a' }] }, { concept: [{ code: 'a', concept: [{ code: 'a' }] }] }],
  ['Composition.section', 'cmp-1', { text: {} }, { title: 'a' }],
  ['Composition.section', 'cmp-2', { entry: [] }, { entry: [], emptyReason: {} }],
  ['ConceptMap.group.element.target', 'cmd-1', { equivalence: 'narrower', comment: 'a' }, { equivalence: 'narrower' }],
  ['ConceptMap.group.unmapped', 'cmd-2', { mode: 'fixed', code: 'a' }, { mode: 'fixed' }],
  ['ConceptMap.group.unmapped', 'cmd-3', { mode: 'other-map', url: 'a' }, { mode: 'other-map' }],
  [
    'Condition',
    'con-4',
    { clinicalStatus: concept('condition-clinical', 'resolved'), abatementDateTime: '2024' },
    { clinicalStatus: concept('condition-clinical', 'active'), abatementDateTime: '2024' },
  ],
  [
    'Condition',
    'con-5',
    { verificationStatus: concept('condition-ver-status', 'entered-in-error') },
    { verificationStatus: concept('condition-ver-status', 'entered-in-error'), clinicalStatus: {} },
  ],
  ['Condition.evidence', 'con-2', { code: [] }, {}],
  ['Condition.stage', 'con-1', { summary: {} }, {}],
  ['Consent', 'ppc-1', { policyRule: {} }, {}],
  ['ContactPoint', 'cpt-2', { value: 'a', system: 'phone' }, { value: 'a' }],
  ['Count', 'cnt-3', { value: 2, code: '1', system: UCUM }, { value: 2.5, code: '1', system: UCUM }],
  ['DataRequirement.codeFilter', 'drq-1', { path: 'a' }, { path: 'a', searchParam: 'b' }],
  ['DataRequirement.dateFilter', 'drq-2', { path: 'a' }, {}],
  ['Distance', 'dis-1', { value: 2, code: 'km', system: UCUM }, { value: 2 }],
  ['Duration', 'drt-1', { value: 2, code: 'd', system: UCUM }, { value: 2, code: 'd' }],
  ['Expression', 'exp-1', { expression: 'a' }, { language: 'text/cql' }],
  ['Group', 'grp-1', { actual: true, member: [] }, { actual: false, member: [] }],
  ['Immunization.education', 'imm-1', { reference: 'a' }, {}],
  ['Measure.group.stratifier', 'mea-1', { component: [] }, { component: [], description: 'a' }],
  ['MeasureReport', 'mrp-1', { type: 'summary', group: [] }, { type: 'data-collection', group: [] }],
  ['MeasureReport.group.stratifier.stratum', 'mrp-2', { value: {} }, {}],
  [
    'MedicationDispense',
    'mdd-1',
    { whenPrepared: '2024-01-01', whenHandedOver: '2024-01-02' },
    { whenPrepared: '2024-01-02', whenHandedOver: '2024-01-01' },
  ],
  ['NamingSystem', 'nsd-1', { kind: 'root', uniqueId: [{ type: 'oid' }] }, { kind: 'root', uniqueId: [{ type: 'uuid' }] }],
  [
    'NamingSystem',
    'nsd-2',
    { kind: 'identifier', uniqueId: [{ type: 'uri', preferred: true }, { type: 'uri' }] },
    {
      kind: 'identifier',
      uniqueId: [
        { type: 'uri', preferred: true },
        { type: 'uri', preferred: true },
      ],
    },
  ],
  ['Observation', 'obs-6', { valueString: 'a' }, { valueString: 'a', dataAbsentReason: {} }],
  [
    'Observation',
    'obs-7',
    { valueString: 'a', code: concept('x', 'a'), component: [{ code: concept('x', 'b') }] },
    { valueString: 'a', code: concept('x', 'a'), component: [{ code: concept('x', 'a') }] },
  ],
  ['Observation.referenceRange', 'obs-3', { text: 'a' }, {}],
  ['Organization', 'org-1', { name: 'a' }, {}],
  ['Parameters.parameter', 'inv-1', { name: 'a', valueCode: 'b' }, { name: 'a', valueCode: 'b', resource: {} }],
  ['Patient.contact', 'pat-1', { name: {} }, { gender: 'male' }],
  ['Period', 'per-1', { start: '2024-01-01', end: '2025' }, { start: '2024-01-02', end: '2024-01-01' }],
  ['Period', 'per-1', { start: '2024-01-02T00:30:00+07:00', end: '2024-01-02' }, { start: '2024-01-01', end: '2024' }],
  ['Quantity', 'qty-3', { code: 'kg', system: UCUM }, { code: 'kg' }],
  ['Questionnaire', 'que-2', { item: [{ linkId: 'a', item: [{ linkId: 'b' }] }] }, { item: [{ linkId: 'a', item: [{ linkId: 'a' }] }] }],
  ['Questionnaire.item', 'que-1', { type: 'group', item: [] }, { type: 'group' }],
  ['Questionnaire.item', 'que-3', { type: 'display' }, { type: 'display', code: [] }],
  ['Questionnaire.item', 'que-4', { type: 'choice', answerOption: [] }, { type: 'choice', answerOption: [], answerValueSet: 'a' }],
  ['Questionnaire.item', 'que-5', { type: 'choice', answerValueSet: 'a' }, { type: 'boolean', answerValueSet: 'a' }],
  ['Questionnaire.item', 'que-6', { type: 'string', required: true }, { type: 'display', required: true }],
  ['Questionnaire.item', 'que-8', { type: 'string', initial: [1] }, { type: 'display', initial: [1] }],
  ['Questionnaire.item', 'que-9', { type: 'string', readOnly: true }, { type: 'display', readOnly: true }],
  ['Questionnaire.item', 'que-10', { type: 'string', maxLength: 3 }, { type: 'date', maxLength: 3 }],
  ['Questionnaire.item', 'que-11', { type: 'choice', initial: [1] }, { type: 'choice', answerOption: [], initial: [1] }],
  [
    'Questionnaire.item',
    'que-12',
    { type: 'string', enableWhen: [1, 2, 3], enableBehavior: 'all' },
    { type: 'string', enableWhen: [1, 2, 3] },
  ],
  ['Questionnaire.item', 'que-13', { type: 'string', initial: [1, 2], repeats: true }, { type: 'string', initial: [1, 2] }],
  ['Questionnaire.item.enableWhen', 'que-7', { operator: 'exists', answerBoolean: true }, { operator: 'exists', answerString: 'a' }],
  ['QuestionnaireResponse.item', 'qrs-1', { answer: [] }, { answer: [], item: [] }],
  ['Range', 'rng-2', { low: { value: 1, code: 'a' }, high: { value: 2, code: 'a' } }, { low: { value: 3 }, high: { value: 2 } }],
  ['Ratio', 'rat-1', { numerator: {}, denominator: {} }, { numerator: {} }],
  ['SearchParameter', 'spd-1', { xpath: 'a', xpathUsage: 'normal' }, { xpath: 'a' }],
  ['SearchParameter', 'spd-2', { type: 'reference', chain: [] }, { type: 'token', chain: [] }],
  ['ServiceRequest', 'prr-1', { orderDetail: [], code: {} }, { orderDetail: [] }],
  ['StructureDefinition', 'sdf-4', { baseDefinition: 'a', differential: {} }, { differential: {} }],
  [
    'StructureDefinition',
    'sdf-5',
    { baseDefinition: 'a', differential: {}, type: 'Extension', context: [] },
    { baseDefinition: 'a', differential: {}, type: 'Extension' },
  ],
  ['StructureDefinition', 'sdf-6', { baseDefinition: 'a', snapshot: {} }, { baseDefinition: 'a' }],
  [
    'StructureDefinition',
    'sdf-14',
    { baseDefinition: 'a', differential: { element: [{ id: 'a' }] } },
    { baseDefinition: 'a', differential: { element: [{}] } },
  ],
  [
    'StructureDefinition',
    'sdf-16',
    { baseDefinition: 'a', snapshot: { element: [{ id: 'a' }] } },
    { baseDefinition: 'a', snapshot: { element: [{ id: 'a' }, { id: 'a' }] } },
  ],
  [
    'StructureDefinition',
    'sdf-17',
    { baseDefinition: 'a', differential: { element: [{ id: 'a' }] } },
    { baseDefinition: 'a', differential: { element: [{ id: 'a' }, { id: 'a' }] } },
  ],
  [
    'StructureDefinition',
    'sdf-18',
    { baseDefinition: 'a', differential: {} },
    { baseDefinition: 'a', differential: {}, contextInvariant: [] },
  ],
  ['StructureDefinition.mapping', 'sdf-2', { name: 'a' }, { identity: 'a' }],
  ['StructureMap.group.rule.target', 'smp-1', { context: 'a', contextType: 'variable', element: 'b' }, { element: 'b' }],
  ['StructureMap.group.rule.target', 'smp-2', { context: 'a', contextType: 'variable' }, { context: 'a' }],
  ['Timing.repeat', 'tim-1', { duration: 1, durationUnit: 'd' }, { duration: 1 }],
  ['Timing.repeat', 'tim-2', { period: 1, periodUnit: 'd' }, { period: 1 }],
  ['Timing.repeat', 'tim-4', { duration: 1, durationUnit: 'd' }, { duration: -1, durationUnit: 'd' }],
  ['Timing.repeat', 'tim-5', { period: 1, periodUnit: 'd' }, { period: -1, periodUnit: 'd' }],
  ['Timing.repeat', 'tim-6', { period: 1, periodUnit: 'd', periodMax: 2 }, { periodMax: 2 }],
  ['Timing.repeat', 'tim-7', { duration: 1, durationUnit: 'd', durationMax: 2 }, { durationMax: 2 }],
  ['Timing.repeat', 'tim-8', { count: 1, countMax: 2 }, { countMax: 2 }],
  ['Timing.repeat', 'tim-9', { offset: 1, when: ['MORN'] }, { offset: 1, when: ['C'] }],
  ['Timing.repeat', 'tim-10', { timeOfDay: ['10:00:00'] }, { timeOfDay: ['10:00:00'], when: ['MORN'] }],
  ['TriggerDefinition', 'trd-1', { type: 'data-added', data: [] }, { type: 'data-added', data: [], timingDate: '2024' }],
  ['TriggerDefinition', 'trd-2', { type: 'data-added', condition: {}, data: [] }, { type: 'named-event', name: 'a', condition: {} }],
  ['TriggerDefinition', 'trd-3', { type: 'periodic', timingDate: '2024' }, { type: 'periodic' }],
  ['ValueSet.compose.include', 'vsd-1', { system: 'a' }, {}],
  ['ValueSet.compose.include', 'vsd-2', { system: 'a', concept: [] }, { valueSet: ['b'], concept: [] }],
  ['ValueSet.compose.include', 'vsd-3', { system: 'a', filter: [] }, { system: 'a', filter: [], concept: [] }],
  ['ValueSet.expansion.contains', 'vsd-6', { display: 'a', abstract: true }, { abstract: true }],
  ['ValueSet.expansion.contains', 'vsd-9', { code: 'a', system: 'b' }, { display: 'a' }],
  ['ValueSet.expansion.contains', 'vsd-10', { code: 'a', system: 'b' }, { code: 'a' }],
];

describe.each(CASES)('%s %s', (type, key, good, bad) => {
  test('is kept', () => expect(broken(type, good)).toEqual([]));
  test('is broken', () => expect(broken(type, bad)).toEqual([key]));
});

test('every invariant of the table has a case, and every type of the table is one of R4', () => {
  const keys = (pairs: Iterable<string>) => [...new Set(pairs)].sort();
  const table = Object.entries(INVARIANTS).flatMap(([type, rules]) => rules.map((rule) => `${type} ${rule.key}`));
  expect(keys(CASES.map(([type, key]) => `${type} ${key}`))).toEqual(keys(table));
  for (const type of Object.keys(INVARIANTS)) expect(elements).toHaveProperty([type]);
});

test('a broken invariant is an issue with its key, only where the structure is sound', () => {
  const { weight } = visitByName();
  const value = { value: 1, code: 'kg' };
  expect(r4.validate({ ...weight, valueQuantity: value })).toMatchObject([
    { code: 'invariant', rule: 'qty-3', expression: 'Observation.valueQuantity' },
  ]);
  expect(r4.validate({ ...weight, valueQuantity: { ...value, value: '1' } })).toMatchObject([{ code: 'structure' }]);
});

test('what is not checked is told in two languages', () => {
  for (const row of NOT_CHECKED) {
    expect(row.id).not.toBe('');
    expect(row.en).not.toBe('');
  }
});
