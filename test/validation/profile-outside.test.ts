import type { ElementDefinition, StructureDefinition } from '@medplum/fhirtypes';
import { describe, expect, test } from 'vitest';
import { AppError } from '../../src/errors/index.ts';
import { compileValidator } from '../../src/validation/index.ts';
import { brief, codeSystems, elements, invariants, valueSets } from './sources.ts';

type Json = Record<string, unknown>;

const URL_OF_TEST = 'https://fhir.ilp.example/StructureDefinition/uji';

const profile = (type: string, element: readonly Json[], more: Json = {}): StructureDefinition =>
  ({
    resourceType: 'StructureDefinition',
    url: URL_OF_TEST,
    name: 'Uji',
    status: 'draft',
    kind: 'resource',
    abstract: false,
    type,
    baseDefinition: `http://hl7.org/fhir/StructureDefinition/${type}`,
    derivation: 'constraint',
    differential: {
      element: element.map((each) => ({ path: String(each.id).replace(/:[^.]+/g, ''), ...each })) as unknown as ElementDefinition[],
    },
    ...more,
  }) as StructureDefinition;

const validator = (...profiles: StructureDefinition[]) => compileValidator({ elements, valueSets, codeSystems, invariants, profiles });
const sliced = (name: string, slicing: Json, ...slices: Json[]): Json[] => [
  { id: `Patient.${name}`, slicing },
  ...slices.map((each) => ({ ...each, id: `Patient.${name}:${each.id}` })),
];
const check = (element: readonly Json[], body: Json, ...others: StructureDefinition[]): string[] =>
  brief(validator(profile('Patient', element), ...others).validate({ resourceType: 'Patient', meta: { profile: [URL_OF_TEST] }, ...body }));

describe('slices', () => {
  const phone = { system: 'phone', value: '1' };
  const email = { system: 'email', value: 'a' };
  const by = (rules: string, ordered = false) =>
    sliced(
      'telecom',
      { discriminator: [{ type: 'value', path: 'system' }], rules, ordered },
      { id: 'phone' },
      { id: 'phone.system', fixedCode: 'phone' },
      { id: 'email' },
      { id: 'email.system', fixedCode: 'email' },
    );

  test('in order', () => {
    expect(check(by('open', true), { telecom: [phone, email] })).toEqual([]);
    expect(check(by('open', true), { telecom: [email, phone] })).toEqual(['structure Patient.telecom[1]']);
  });

  test('open at the end', () => {
    expect(check(by('openAtEnd'), { telecom: [phone, { system: 'fax', value: '2' }] })).toEqual([]);
    expect(check(by('openAtEnd'), { telecom: [{ system: 'fax', value: '2' }, phone] })).toEqual(['structure Patient.telecom[1]']);
  });

  test('closed', () => expect(check(by('closed'), { telecom: [{ system: 'fax', value: '2' }] })).toEqual(['structure Patient.telecom[0]']));

  test('by existence', () => {
    const rules = sliced(
      'identifier',
      { discriminator: [{ type: 'exists', path: 'period' }], rules: 'open' },
      { id: 'dated', max: '1' },
      { id: 'dated.period', min: 1 },
      { id: 'other', min: 1 },
      { id: 'other.period', max: '0' },
    );
    const dated = { value: 'a', period: { start: '2020' } };
    expect(check(rules, { identifier: [dated, { value: 'b' }] })).toEqual([]);
    expect(check(rules, { identifier: [dated, dated] })).toEqual(['cardinality Patient.identifier', 'cardinality Patient.identifier']);
  });

  test('by the type of a resource, and of a choice', () => {
    const bundle = (...types: string[]) => {
      const entry = types.map((resourceType) => ({ fullUrl: `https://x.example/${resourceType}/a`, resource: { resourceType, id: 'a' } }));
      const rules = [
        { id: 'Bundle.entry', slicing: { discriminator: [{ type: 'type', path: 'resource' }], rules: 'closed' } },
        { id: 'Bundle.entry:patient', min: 1 },
        { id: 'Bundle.entry:patient.resource', type: [{ code: 'Patient' }] },
      ];
      return brief(
        validator(profile('Bundle', rules)).validate({
          resourceType: 'Bundle',
          type: 'collection',
          meta: { profile: [URL_OF_TEST] },
          entry,
        }),
      );
    };
    expect(bundle('Patient')).toEqual([]);
    expect(bundle('Basic')).toContain('structure Bundle.entry[0]');
  });

  test('by profile', () => {
    const nik = profile('Identifier', [{ id: 'Identifier.system', min: 1, fixedUri: 'https://fhir.kemkes.go.id/id/nik' }], {
      url: 'https://fhir.ilp.example/StructureDefinition/nik',
    });
    const rules = sliced(
      'identifier',
      { discriminator: [{ type: 'profile', path: '$this' }], rules: 'closed' },
      { id: 'nik', min: 1, type: [{ code: 'Identifier', profile: [nik.url] }] },
    );
    expect(check(rules, { identifier: [{ system: 'https://fhir.kemkes.go.id/id/nik', value: '1' }] }, nik)).toEqual([]);
    expect(check(rules, { identifier: [{ system: 'https://x.example', value: '1' }] }, nik)).toEqual([
      'structure Patient.identifier[0]',
      'cardinality Patient.identifier',
    ]);
  });
});

test('invariants of a profile, on the resource and on an element', () => {
  const rules = [
    { id: 'Patient', constraint: [{ key: 'uji-1', severity: 'error', human: 'a', expression: 'name.exists() or identifier.exists()' }] },
    { id: 'Patient.name', constraint: [{ key: 'uji-2', severity: 'error', human: 'a', expression: 'family.exists()' }] },
    { id: 'Patient.contact', constraint: [{ key: 'uji-3', severity: 'warning', human: 'a', expression: 'false' }] },
  ];
  expect(check(rules, { name: [{ family: 'a' }], contact: [{ name: { text: 'a' } }] })).toEqual([]);
  expect(check(rules, { active: true })).toEqual(['invariant uji-1 Patient']);
  expect(check(rules, { name: [{ text: 'a' }] })).toEqual(['invariant uji-2 Patient.name[0]']);
});

test('an extension stands only where its context says', () => {
  const url = 'https://fhir.ilp.example/StructureDefinition/tempat';
  const extension = (context: Json[]) =>
    profile('Extension', [{ id: 'Extension.url', fixedUri: url }], { url, kind: 'complex-type', context });
  const found = (context: Json, body: Json) => brief(validator(extension([context])).validate({ resourceType: 'Patient', ...body }));
  const given = [{ url, valueString: 'a' }];
  expect(found({ type: 'element', expression: 'Patient' }, { extension: given })).toEqual([]);
  expect(found({ type: 'element', expression: 'Encounter' }, { extension: given })).toEqual(['structure Patient.extension[0]']);
  expect(found({ type: 'element', expression: 'Patient.name' }, { name: [{ text: 'a', extension: given }] })).toEqual([]);
  expect(found({ type: 'element', expression: 'HumanName' }, { name: [{ text: 'a', extension: given }] })).toEqual([]);
  expect(found({ type: 'element', expression: 'Patient.birthDate' }, { _birthDate: { extension: given } })).toEqual([]);
  expect(found({ type: 'element', expression: 'Patient.birthDate' }, { _gender: { extension: given } })).toHaveLength(1);
  expect(
    found({ type: 'extension', expression: 'https://x.example/a' }, { extension: [{ url: 'https://x.example/a', extension: given }] }),
  ).toEqual([]);
});

describe('a profile can run no code of its own', () => {
  const HOSTILE = [
    "'+(globalThis.hurt=1)+'",
    '"+(globalThis.hurt=1)+"',
    '`+(globalThis.hurt=1)+`',
    `$\u007bglobalThis.hurt=1}`,
    '];globalThis.hurt=1;//',
    '*/globalThis.hurt=1/*',
    '\\u0027;globalThis.hurt=1;//',
    '\u2028globalThis.hurt=1\u2029',
    '\nglobalThis.hurt=1\n',
    '__proto__',
    'constructor',
    '0);globalThis.hurt=1;(0',
    '1,globalThis.hurt=1',
    '</script>',
  ];
  const places: Readonly<Record<string, (text: string) => Json[]>> = {
    id: (text) => [{ id: `Patient.${text}`, min: 1 }],
    slice: (text) =>
      sliced(
        'identifier',
        { discriminator: [{ type: 'value', path: 'system' }], rules: 'open' },
        { id: text, min: 1 },
        { id: `${text}.system`, fixedUri: text },
      ),
    path: (text) =>
      sliced(
        'identifier',
        { discriminator: [{ type: 'value', path: text }], rules: 'open' },
        { id: 'a' },
        { id: `a.${text}`, fixedUri: text },
      ),
    min: (text) => [{ id: 'Patient.name', min: text }],
    max: (text) => [{ id: 'Patient.name', max: text }],
    maxLength: (text) => [{ id: 'Patient.gender', maxLength: text }],
    minValue: (text) => [{ id: 'Patient.multipleBirthInteger', minValueInteger: text }],
    fixed: (text) => [{ id: 'Patient.gender', fixedCode: text }],
    pattern: (text) => [{ id: 'Patient.name', patternHumanName: { [text]: text } }],
    key: (text) => [{ id: 'Patient', constraint: [{ key: text, severity: 'error', expression: 'false' }] }],
    expression: (text) => [{ id: 'Patient', constraint: [{ key: 'a', severity: 'error', expression: text }] }],
    binding: (text) => [{ id: 'Patient.gender', binding: { strength: 'required', valueSet: text } }],
    type: (text) => [{ id: 'Patient.deceased[x]', type: [{ code: text }] }],
    target: (text) => [{ id: 'Patient.managingOrganization', type: [{ code: 'Reference', targetProfile: [text] }] }],
    element: (text) => [{ id: 'Patient.name', [text]: text }],
    rules: (text) => sliced('name', { discriminator: [{ type: text, path: 'use' }], rules: text, ordered: text }, { id: 'a' }),
  };
  const body = {
    gender: 'male',
    name: [{ use: 'usual', text: 'a' }],
    identifier: [{ system: 'https://x.example' }],
    multipleBirthInteger: 1,
  };

  test.each(Object.keys(places))('in %s', (place) => {
    for (const text of HOSTILE) {
      for (const more of [{}, { url: `${URL_OF_TEST}${text}` }]) {
        try {
          const made = profile('Patient', places[place]?.(text) ?? [], more);
          validator(made).validate({ resourceType: 'Patient', meta: { profile: [made.url] }, ...body });
        } catch (error) {
          expect(error, text).toBeInstanceOf(AppError);
        }
        expect('hurt' in globalThis, text).toBe(false);
      }
    }
  });
});
