import { readdirSync, readFileSync } from 'node:fs';
import type { CodeSystem, ElementDefinition, StructureDefinition, ValueSet } from '@medplum/fhirtypes';
import { describe, expect, test } from 'vitest';
import { AppError } from '../../src/errors/index.ts';
import { compileValidator } from '../../src/validation/index.ts';
import { brief, elements, r4, valueSets } from './sources.ts';
import { visitByName } from './visit.ts';

type Json = Record<string, unknown>;
type Element = ElementDefinition & Json;

const BASE = 'https://fhir.ilp.example/StructureDefinition/';
const URL_OF_TEST = `${BASE}uji`;
const LOINC = 'http://loinc.org';

const profileOf = (type: string, element: Partial<Element>[], more: Partial<StructureDefinition> = {}): StructureDefinition => ({
  resourceType: 'StructureDefinition',
  url: URL_OF_TEST,
  name: 'Uji',
  status: 'draft',
  kind: 'resource',
  abstract: false,
  type,
  baseDefinition: `http://hl7.org/fhir/StructureDefinition/${type}`,
  derivation: 'constraint',
  differential: { element: element.map((each) => ({ path: String(each.id).replace(/:[^.]+/g, ''), ...each }) as ElementDefinition) },
  ...more,
});

const compile = (profiles: readonly StructureDefinition[], terminology: readonly (ValueSet | CodeSystem)[] = []) =>
  compileValidator({ elements, valueSets, profiles, terminology });

/** Issues of the made-up weight, changed, against a profile with these elements. */
function check(element: Partial<Element>[], change: Json): string[] {
  const resource = { ...visitByName().weight, ...change, meta: { profile: [URL_OF_TEST] } };
  return brief(compile([profileOf('Observation', element)]).validate(resource));
}

const quantity = { value: 52.4, unit: 'kg', system: 'http://unitsofmeasure.org', code: 'kg' };
const sliced = (rules: 'open' | 'closed', path = '$this'): Partial<Element>[] => [
  { id: 'Observation.category', slicing: { discriminator: [{ type: 'pattern', path }], rules }, min: 1 },
  {
    id: 'Observation.category:vital',
    sliceName: 'vital',
    min: 1,
    max: '1',
    patternCodeableConcept: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' }] },
  },
];
const category = (code: string) => ({ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code }] });

describe.each<[what: string, element: Partial<Element>[], good: Json, bad: Json, issue: string]>([
  ['min', [{ id: 'Observation.method', min: 1 }], { method: { text: 'a' } }, {}, 'cardinality Observation.method'],
  [
    'max',
    [{ id: 'Observation.note', max: '1' }],
    { note: [{ text: 'a' }] },
    { note: [{ text: 'a' }, { text: 'b' }] },
    'cardinality Observation.note',
  ],
  ['max 0', [{ id: 'Observation.issued', max: '0' }], { issued: undefined }, {}, 'cardinality Observation.issued'],
  [
    'min of a child, only where the parent is',
    [{ id: 'Observation.valueQuantity.unit', min: 1 }],
    { valueQuantity: quantity },
    { valueQuantity: { ...quantity, unit: undefined } },
    'cardinality Observation.valueQuantity.unit',
  ],
  [
    'min of a child of a backbone',
    [{ id: 'Observation.referenceRange.text', min: 1 }],
    {},
    { referenceRange: [{ low: { value: 1 } }] },
    'cardinality Observation.referenceRange[0].text',
  ],
  ['min of a choice', [{ id: 'Observation.value[x]', min: 1 }], {}, { valueQuantity: undefined }, 'cardinality Observation.value'],
  [
    'types of a choice',
    [{ id: 'Observation.value[x]', type: [{ code: 'Quantity' }] }],
    {},
    { valueQuantity: undefined, valueString: 'a' },
    'structure Observation.valueString',
  ],
  ['fixed primitive', [{ id: 'Observation.status', fixedCode: 'final' }], {}, { status: 'amended' }, 'fixed Observation.status'],
  [
    'fixed object',
    [{ id: 'Observation.valueQuantity', fixedQuantity: quantity }],
    { valueQuantity: { ...quantity } },
    { valueQuantity: { ...quantity, value: 1 } },
    'fixed Observation.valueQuantity',
  ],
  [
    'pattern',
    [{ id: 'Observation.code', patternCodeableConcept: { coding: [{ system: LOINC, code: '29463-7' }] } }],
    {},
    { code: { coding: [{ system: LOINC, code: '8302-2' }] } },
    'fixed Observation.code',
  ],
  [
    'pattern in a list',
    [{ id: 'Observation.code.coding', patternCoding: { system: LOINC } }],
    {},
    { code: { coding: [{ system: 'http://snomed.info/sct', code: '1' }] } },
    'fixed Observation.code.coding[0]',
  ],
  [
    'minValue',
    [{ id: 'Observation.valueQuantity.value', minValueDecimal: 0 }],
    {},
    { valueQuantity: { ...quantity, value: -1 } },
    'structure Observation.valueQuantity.value',
  ],
  [
    'maxValue',
    [{ id: 'Observation.valueQuantity.value', maxValueDecimal: 300 }],
    {},
    { valueQuantity: { ...quantity, value: 524 } },
    'structure Observation.valueQuantity.value',
  ],
  [
    'maxLength',
    [{ id: 'Observation.valueQuantity.unit', maxLength: 2 }],
    {},
    { valueQuantity: { ...quantity, unit: 'kilogram' } },
    'structure Observation.valueQuantity.unit',
  ],
  [
    'required binding',
    [{ id: 'Observation.category', binding: { strength: 'required', valueSet: 'http://hl7.org/fhir/ValueSet/condition-clinical' } }],
    { category: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-clinical', code: 'active' }] }] },
    {},
    'binding Observation.category[0]',
  ],
  [
    'reference targets',
    [{ id: 'Observation.subject', type: [{ code: 'Reference', targetProfile: ['http://hl7.org/fhir/StructureDefinition/Patient'] }] }],
    {},
    { subject: { reference: 'Group/1' } },
    'reference Observation.subject.reference',
  ],
  ['slice, minimum', sliced('open'), {}, { category: [category('exam')] }, 'cardinality Observation.category'],
  [
    'slice, maximum',
    sliced('open'),
    { category: [category('vital-signs'), category('exam')] },
    { category: [category('vital-signs'), category('vital-signs')] },
    'cardinality Observation.category',
  ],
  [
    'slice by a path inside the pattern',
    sliced('open', 'coding.code'),
    {},
    { category: [category('exam')] },
    'cardinality Observation.category',
  ],
  ['closed slices', sliced('closed'), {}, { category: [category('vital-signs'), category('exam')] }, 'structure Observation.category[1]'],
  [
    'slice by fixed children',
    [
      { id: 'Observation.code.coding', slicing: { discriminator: [{ type: 'value', path: 'system' }], rules: 'open' } },
      { id: 'Observation.code.coding:loinc', sliceName: 'loinc', min: 1 },
      { id: 'Observation.code.coding:loinc.system', fixedUri: LOINC },
      { id: 'Observation.code.coding:loinc.display', min: 1 },
    ],
    {},
    { code: { coding: [{ system: LOINC, code: '29463-7' }] } },
    'cardinality Observation.code.coding[0].display',
  ],
  [
    'slice of a choice by type',
    [
      { id: 'Observation.value[x]', slicing: { discriminator: [{ type: 'type', path: '$this' }], rules: 'closed' } },
      { id: 'Observation.value[x]:valueQuantity', sliceName: 'valueQuantity', min: 1, type: [{ code: 'Quantity' }] },
      { id: 'Observation.value[x]:valueQuantity.code', min: 1 },
    ],
    {},
    { valueQuantity: { value: 1 } },
    'cardinality Observation.valueQuantity.code',
  ],
])('%s', (_what, element, good, bad, found) => {
  test('is kept', () => expect(check(element, good)).toEqual([]));
  test('is broken', () => expect(check(element, bad)).toContain(found));
});

describe('profiles and extensions', () => {
  test('a profile of ours that builds on another of ours checks both', () => {
    const parent = profileOf('Observation', [{ id: 'Observation.method', min: 1 }], { url: `${BASE}induk` });
    const child = profileOf('Observation', [{ id: 'Observation.bodySite', min: 1 }], { baseDefinition: `${BASE}induk` });
    const resource = { ...visitByName().weight, meta: { profile: [`${URL_OF_TEST}|0.1.0`] } };
    expect(brief(compile([parent, child]).validate(resource))).toEqual([
      'cardinality Observation.method',
      'cardinality Observation.bodySite',
    ]);
  });

  test('an unknown profile of ours, and one of another type, are issues; profiles of others are not', () => {
    const validator = compile([profileOf('Observation', [])]);
    const named = (...profile: string[]) => brief(validator.validate({ resourceType: 'Patient', active: true, meta: { profile } }));
    expect(named(`${BASE}tidak-ada`)).toEqual(['structure Patient.meta.profile[0]']);
    expect(named('https://x.example/StructureDefinition/a', URL_OF_TEST)).toEqual(['structure Patient.meta.profile[1]']);
    expect(named('https://x.example/StructureDefinition/a')).toEqual([]);
  });

  test('values that do not fit R4 do not make a profile throw', () => {
    const element = [
      ...sliced('closed'),
      { id: 'Observation.code.coding', patternCoding: { system: LOINC } },
      { id: 'Observation.valueQuantity.value', minValueDecimal: 0 },
    ];
    for (const value of [null, 1, 'a', [], [null], {}, [[{}]], { coding: 7 }]) {
      expect(check(element, { code: value, category: value, valueQuantity: value }).length).toBeGreaterThan(0);
    }
  });
});

describe('what is not covered stops the start', () => {
  const refused = (profile: StructureDefinition): string => {
    try {
      compile([profile]);
    } catch (error) {
      if (error instanceof AppError) return error.message;
      throw error;
    }
    return '';
  };

  test.each<[what: string, profile: StructureDefinition]>([
    [
      'an invariant that is not compiled',
      profileOf('Observation', [
        { id: 'Observation', constraint: [{ key: 'a', severity: 'error', human: 'a', expression: 'memberOf(1)' }] },
      ]),
    ],
    ['an unknown element', profileOf('Observation', [{ id: 'Observation.gender', min: 1 }])],
    ['an unknown type', profileOf('Observasi', [])],
    ['a type R4 does not have there', profileOf('Observation', [{ id: 'Observation.value[x]', type: [{ code: 'Money' }] }])],
    ['a specialization', profileOf('Observation', [], { derivation: 'specialization' })],
    ['an unknown base', profileOf('Observation', [], { baseDefinition: 'http://hl7.org/fhir/StructureDefinition/vitalsigns' })],
    [
      'an unknown value set',
      profileOf('Observation', [{ id: 'Observation.code', binding: { strength: 'required', valueSet: 'https://x.example/vs' } }]),
    ],
    [
      'a discriminator by existence',
      profileOf('Observation', [
        { id: 'Observation.category', slicing: { discriminator: [{ type: 'exists', path: 'id' }], rules: 'open' } },
        { id: 'Observation.category:a', sliceName: 'a' },
      ]),
    ],
    [
      'a slice without value',
      profileOf('Observation', [
        { id: 'Observation.category', slicing: { discriminator: [{ type: 'value', path: 'text' }], rules: 'open' } },
        { id: 'Observation.category:a', sliceName: 'a' },
      ]),
    ],
    ['more than its base allows', profileOf('Observation', [{ id: 'Observation.subject', max: '*' }])],
    ['less than its base demands', profileOf('Observation', [{ id: 'Observation.code', min: 0 }])],
    ['more that must be than may be', profileOf('Observation', [{ id: 'Observation.category', min: 3, max: '2' }])],
    ['a type that its base does not have', profileOf('Observation', [{ id: 'Observation.code', type: [{ code: 'string' }] }])],
    [
      'a target that its base does not have',
      profileOf('Observation', [
        { id: 'Observation.subject', type: [{ code: 'Reference', targetProfile: ['http://hl7.org/fhir/StructureDefinition/Medication'] }] },
      ]),
    ],
    ['an element twice', profileOf('Observation', [{ id: 'Observation.code' }, { id: 'Observation.code' }])],
    ['slices without slicing', profileOf('Observation', [{ id: 'Observation.category:a', sliceName: 'a' }])],
    [
      'ordered slices',
      profileOf('Observation', [
        { id: 'Observation.category', slicing: { discriminator: [{ type: 'value', path: 'text' }], rules: 'open', ordered: true } },
        { id: 'Observation.category:a', sliceName: 'a' },
      ]),
    ],
    ['a least date', profileOf('Observation', [{ id: 'Observation.issued', minValueInstant: '2024-01-01T00:00:00Z' }])],
    [
      'a profile on a datatype',
      profileOf('Observation', [{ id: 'Observation.value[x]', type: [{ code: 'Quantity', profile: ['https://x.example/q'] }] }]),
    ],
    [
      'an unknown extension',
      profileOf('Observation', [
        { id: 'Observation.extension:a', sliceName: 'a', type: [{ code: 'Extension', profile: ['https://x.example/e'] }] },
      ]),
    ],
  ])('%s', (_what, profile) => expect(refused(profile)).toMatch(/^profile-compile: /));
});

describe('the profiles this project ships', () => {
  const folder = new URL('../../profiles/ilp/', import.meta.url);
  const resources = readdirSync(folder).map(
    (file) => JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as StructureDefinition | ValueSet | CodeSystem,
  );
  const profiles = resources.filter((resource) => resource.resourceType === 'StructureDefinition');
  const terminology = resources.filter((resource) => resource.resourceType !== 'StructureDefinition');
  const validator = compile(profiles, terminology);
  const klaster = (code: string) => ({
    url: `${BASE}ilp-klaster`,
    valueCoding: { system: 'https://fhir.ilp.example/CodeSystem/ilp-klaster', code },
  });
  const visit = (...extension: Json[]) =>
    brief(validator.validate({ ...visitByName().encounter, meta: { profile: [`${BASE}ilp-encounter`] }, extension }));

  test('are sound R4 resources themselves', () => {
    for (const resource of resources) expect(brief(r4.validate(resource)), resource.url).toEqual([]);
  });

  test('accept a cluster visit with its cluster', () => expect(visit(klaster('K2'))).toEqual([]));

  test('refuse one without', () => {
    const { encounter } = visitByName();
    expect(brief(validator.validate({ ...encounter, meta: { profile: [`${BASE}ilp-encounter`] } }))).toEqual([
      'cardinality Encounter.extension',
    ]);
  });

  test('refuse an unknown cluster, and a value of another type, by the profile of the extension', () => {
    expect(visit(klaster('K9'))).toEqual(['binding Encounter.extension[0].valueCoding']);
    expect(visit({ url: `${BASE}ilp-klaster`, valueString: 'K2' })).toEqual([
      'cardinality Encounter.extension[0].value',
      'structure Encounter.extension[0].valueString',
    ]);
  });
});
