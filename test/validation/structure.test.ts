import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { brief, elements, r4 } from './sources.ts';
import { visit, visitByName } from './visit.ts';

type Json = Record<string, unknown>;
const check = (resource: unknown): string[] => brief(r4.validate(resource));
const observation = (change: Json): Json => ({ ...(visitByName().weight as unknown as Json), ...change });
const patient = (change: Json): Json => ({ resourceType: 'Patient', ...change });

describe('sound resources', () => {
  test.each(visit().map((resource) => [resource.resourceType, resource] as const))('%s has no issues', (_type, resource) => {
    expect(r4.validate(resource)).toEqual([]);
  });

  test('a transaction Bundle of them, with urn:uuid references, has none either', () => {
    const { encounter, condition } = visitByName();
    const fullUrl = (id = '') => `urn:uuid:${id}`;
    const linked = { ...condition, encounter: { reference: fullUrl(encounter.id) } };
    const entry = [encounter, linked].map((resource) => ({
      fullUrl: fullUrl(resource.id),
      resource,
      request: { method: 'POST', url: resource.resourceType },
    }));
    expect(check({ resourceType: 'Bundle', type: 'transaction', entry })).toEqual([]);
  });
});

describe.each<[what: string, resource: unknown, issues: string[]]>([
  // what is not a resource
  ['null', null, ['structure $this']],
  ['a list', [], ['structure $this']],
  ['a text', 'Patient', ['structure $this']],
  ['no resourceType', {}, ['structure Resource']],
  ['an unknown resourceType', { resourceType: 'Pasien' }, ['structure Resource']],
  ['a name of Object.prototype as resourceType', { resourceType: 'constructor' }, ['structure Resource']],
  ['a datatype as resourceType', { resourceType: 'Quantity' }, ['structure Resource']],

  // elements
  ['an unknown element', patient({ namae: [] }), ['structure Patient.namae']],
  ['an unknown element whose key is no name', patient({ '99 01': 1 }), ['structure Patient']],
  ['a known element of another level', patient({ name: [{ gender: 'male' }] }), ['structure Patient.name[0].gender']],
  ['an object for a list', patient({ name: { text: 'a' } }), ['structure Patient.name']],
  ['a list for an object', patient({ maritalStatus: [{ text: 'a' }] }), ['structure Patient.maritalStatus']],
  ['a list for a primitive', patient({ gender: ['male'] }), ['structure Patient.gender']],
  ['a text for an object', patient({ maritalStatus: 'M' }), ['structure Patient.maritalStatus']],
  ['an object for a primitive', patient({ birthDate: {} }), ['structure Patient.birthDate']],
  ['an empty list', patient({ name: [] }), ['structure Patient.name']],
  ['an empty object', patient({ name: [{}] }), ['structure Patient.name[0]']],
  ['an object with only an id, of which R4 says nothing', patient({ name: [{ id: 'a' }] }), []],
  ['an id beside a primitive that is not there', patient({ _birthDate: { id: 'a' } }), ['structure Patient.birthDate']],
  [
    'two elements with the same id',
    patient({
      name: [
        { id: 'a', text: 'x' },
        { id: 'a', text: 'y' },
      ],
    }),
    ['structure Patient.name[1]'],
  ],
  ['an empty text', patient({ name: [{ text: '' }] }), ['structure Patient.name[0].text']],
  ['null', patient({ birthDate: null }), ['structure Patient.birthDate']],
  ['null in a list', patient({ name: [null] }), ['structure Patient.name[0]']],
  ['a missing mandatory element', { resourceType: 'Observation', status: 'final' }, ['cardinality Observation.code']],
  [
    'a missing mandatory list',
    { resourceType: 'Bundle', type: 'collection', link: [{ relation: 'self' }] },
    ['cardinality Bundle.link[0].url'],
  ],
  [
    'enableWhen that asks an item that is not there',
    {
      resourceType: 'Questionnaire',
      status: 'active',
      item: [
        { linkId: '1', type: 'boolean' },
        {
          linkId: '2',
          type: 'group',
          item: [
            { linkId: '2.1', type: 'string', enableWhen: [{ question: '1', operator: '=', answerBoolean: true }] },
            { linkId: '2.2', type: 'string', enableWhen: [{ question: '3', operator: '=', answerBoolean: true }] },
          ],
        },
      ],
    },
    ['structure Questionnaire.item[1].item[1]'],
  ],
  [
    'a language outside BCP 47',
    patient({ communication: [{ language: { coding: [{ system: 'urn:x', code: 'id' }] } }] }),
    ['structure Patient.communication[0].language'],
  ],
  [
    "nothing but spaces, which HL7's engine lets pass with a warning",
    patient({ name: [{ text: ' ' }] }),
    ['structure Patient.name[0].text'],
  ],
  ['a code with an unbound language', patient({ language: 'xx' }), ['structure Patient.language']],
  ['a language and a region', patient({ language: 'id-ID' }), []],
  ['a language and a script', patient({ language: 'id-Latn' }), ['structure Patient.language']],
  [
    'a currency that is none',
    patient({ extension: [{ url: 'https://x.example', valueMoney: { value: 1, currency: 'XYZ' } }] }),
    ['structure Patient.extension[0].valueMoney.currency'],
  ],
  [
    'a code that is not in its system, though nothing is bound',
    patient({ extension: [{ url: 'https://x.example', valueCoding: { system: 'http://hl7.org/fhir/administrative-gender', code: 'x' } }] }),
    ['structure Patient.extension[0].valueCoding'],
  ],
  [
    'a value set for a code system',
    patient({ meta: { tag: [{ system: 'http://hl7.org/fhir/ValueSet/x', code: 'x' }] } }),
    ['structure Patient.meta.tag[0].system'],
  ],
  [
    'a comparator in a simple quantity',
    observation({ referenceRange: [{ low: { value: 1, comparator: '<' } }] }),
    ['cardinality Observation.referenceRange[0].low.comparator'],
  ],
  [
    'an attachment with another size',
    patient({ photo: [{ contentType: 'text/plain', data: 'QUJD', size: 4 }] }),
    ['structure Patient.photo[0].size'],
  ],
  ['an attachment with its size', patient({ photo: [{ contentType: 'text/plain', data: 'QUJD', size: 3 }] }), []],
  [
    'an identifier of the URIs that is none',
    patient({ identifier: [{ system: 'urn:ietf:rfc:3986', value: 'x' }] }),
    ['structure Patient.identifier[0].value'],
  ],
  [
    'a conditional reference without a value',
    observation({ subject: { reference: 'Patient?identifier' } }),
    ['reference Observation.subject.reference'],
  ],
  [
    'a type of reference that is no resource',
    observation({ subject: { type: 'Quantity', display: 'x' } }),
    ['reference Observation.subject.type'],
  ],
  ['a type that is not in use here', { resourceType: 'Account', status: 'active', subject: [{ reference: 'Patient/1' }] }, []],
  ['a wrong code of a type that is not in use here', { resourceType: 'Account', status: 'aktif' }, ['binding Account.status']],
  ["an element that only Medplum's server knows", patient({ meta: { project: 'x' } }), ['structure Patient.meta.project']],
  [
    "a fullUrl that is not the id's",
    {
      resourceType: 'Bundle',
      type: 'collection',
      entry: [{ fullUrl: 'https://x.example/Basic/2', resource: { resourceType: 'Basic', id: '1', code: { text: 'x' } } }],
    },
    ['structure Bundle.entry[0]'],
  ],
  [
    'a collection without fullUrl',
    { resourceType: 'Bundle', type: 'collection', entry: [{ resource: { resourceType: 'Basic', code: { text: 'x' } } }] },
    ['structure Bundle.entry[0]'],
  ],
  [
    'a fullUrl on a server of a resource without id',
    {
      resourceType: 'Bundle',
      type: 'collection',
      entry: [{ fullUrl: 'https://x.example/Basic/2', resource: { resourceType: 'Basic', code: { text: 'x' } } }],
    },
    ['structure Bundle.entry[0]'],
  ],
  [
    'a relative fullUrl',
    { resourceType: 'Bundle', type: 'collection', entry: [{ fullUrl: 'x', resource: { resourceType: 'Basic', code: { text: 'x' } } }] },
    ['structure Bundle.entry[0].fullUrl'],
  ],
  [
    'a search result without id',
    {
      resourceType: 'Bundle',
      type: 'searchset',
      entry: [
        {
          fullUrl: 'urn:uuid:00000000-0000-4000-8000-000000000001',
          search: { mode: 'match' },
          resource: { resourceType: 'Basic', code: { text: 'x' } },
        },
      ],
    },
    ['structure Bundle.entry[0].resource'],
  ],
  [
    'two contained resources with one id',
    {
      resourceType: 'Basic',
      code: { text: 'x' },
      subject: { reference: '#a' },
      contained: [
        { resourceType: 'Patient', id: 'a', active: true },
        { resourceType: 'Patient', id: 'a', active: true },
      ],
    },
    ['structure Basic.contained[1]'],
  ],
  [
    'an address at home of an organization',
    {
      resourceType: 'Organization',
      name: 'x',
      address: [
        { use: 'work', city: 'x' },
        { use: 'home', city: 'x' },
      ],
    },
    ['invariant org-2 Organization.address[1]'],
  ],
  [
    'an empty list of primitives that must be there',
    {
      resourceType: 'CapabilityStatement',
      status: 'draft',
      date: '2025',
      kind: 'instance',
      implementation: { description: 'x' },
      fhirVersion: '4.0.1',
      format: [],
      rest: [{ mode: 'server' }],
    },
    ['cardinality CapabilityStatement.format'],
  ],
  [
    'a unit of another system than UCUM',
    {
      resourceType: 'ObservationDefinition',
      code: { text: 'x' },
      quantitativeDetails: { unit: { coding: [{ system: 'urn:x', code: 'kg' }] } },
    },
    ['structure ObservationDefinition.quantitativeDetails.unit'],
  ],
  ['two types of a choice', observation({ valueString: 'a' }), ['structure Observation.value']],
  ['a type a choice does not have', observation({ valueMoney: {} }), ['structure Observation.valueMoney']],
  ['a date that does not exist', patient({ birthDate: '2023-02-30' }), ['structure Patient.birthDate']],
  ['a dateTime without zone', observation({ effectiveDateTime: '2023-01-01T10:00:00' }), ['structure Observation.effectiveDateTime']],
  ['a number in a text', patient({ name: [{ given: [7] }] }), ['structure Patient.name[0].given[0]']],
  ['an integer as a text', patient({ multipleBirthInteger: '1' }), ['structure Patient.multipleBirthInteger']],
  ['a relative system', patient({ identifier: [{ system: 'nik', value: '1' }] }), ['structure Patient.identifier[0].system']],

  // extensions of primitives
  [
    'an extension beside a primitive',
    patient({ birthDate: '2020-01-01', _birthDate: { extension: [{ url: 'http://x.example', valueCode: 'a' }] } }),
    [],
  ],
  [
    'an extension instead of a mandatory primitive',
    observation({ status: undefined, _status: { extension: [{ url: 'http://x.example', valueCode: 'a' }] } }),
    [],
  ],
  ['an empty primitive extension', patient({ _birthDate: {} }), ['structure Patient.birthDate']],
  ['a primitive extension that is a text', patient({ _birthDate: 'a' }), ['structure Patient.birthDate']],
  [
    'null where the list beside has an extension',
    patient({ name: [{ given: ['a', null], _given: [null, { extension: [{ url: 'http://x.example', valueCode: 'a' }] }] }] }),
    [],
  ],
  [
    'null on both sides',
    patient({ name: [{ given: ['a', null], _given: [null, null] }] }),
    ['structure Patient.name[0].given[1]', 'structure Patient.name[0].given[1]'],
  ],
  ['_ before an object', patient({ _maritalStatus: {} }), ['structure Patient._maritalStatus']],

  // extensions
  [
    'an extension with value and extensions',
    patient({ extension: [{ url: 'http://x.example', valueCode: 'a', extension: [{ url: 'b', valueCode: 'c' }] }] }),
    ['invariant ext-1 Patient.extension[0]'],
  ],
  ['an extension with neither', patient({ extension: [{ url: 'http://x.example' }] }), ['invariant ext-1 Patient.extension[0]']],
  ['an extension without url', patient({ extension: [{ valueCode: 'a' }] }), ['cardinality Patient.extension[0].url']],

  // bindings
  ['a code outside its value set', patient({ gender: 'perempuan' }), ['binding Patient.gender']],
  [
    'a backbone code outside its value set',
    patient({ link: [{ other: { reference: 'Patient/1' }, type: 'x' }] }),
    ['binding Patient.link[0].type'],
  ],
  [
    'a concept outside its value set',
    { ...visitByName().condition, clinicalStatus: { coding: [{ system: 'http://x.example', code: 'active' }] } },
    ['binding Condition.clinicalStatus'],
  ],
  [
    'a bound concept with text only',
    { ...visitByName().condition, clinicalStatus: { text: 'aktif' } },
    ['binding Condition.clinicalStatus'],
  ],
  [
    'a bound concept with one coding of several in the set',
    {
      ...visitByName().condition,
      clinicalStatus: { coding: [{ system: 'http://x.example', code: 'a' }, ...(visitByName().condition.clinicalStatus?.coding ?? [])] },
    },
    [],
  ],
  ['a preferred binding', observation({ category: [{ text: 'lain' }] }), []],

  // references
  [
    'a reference to a type that is not allowed',
    observation({ subject: { reference: 'Practitioner/1' } }),
    ['reference Observation.subject.reference'],
  ],
  [
    'the same as a whole URL with a version',
    observation({ subject: { reference: 'https://x.example/fhir/Practitioner/1/_history/2' } }),
    ['reference Observation.subject.reference'],
  ],
  [
    'a reference that only looks like one',
    observation({ focus: [{ reference: 'Pasien/1' }] }),
    ['reference Observation.focus[0].reference'],
  ],
  ['a malformed reference', observation({ subject: { reference: '12' } }), ['reference Observation.subject.reference']],
  [
    'a type beside the reference that is not allowed',
    observation({ subject: { type: 'Practitioner', reference: 'Patient/1' } }),
    ['reference Observation.subject.type'],
  ],
  [
    'another type than the reference itself',
    { resourceType: 'Basic', code: { text: 'x' }, subject: { reference: 'Patient/1', type: 'Device' } },
    ['reference Basic.subject.type'],
  ],
  ['a reference by identifier', observation({ subject: { identifier: { system: 'http://x.example', value: '1' } } }), []],
  ['a reference elsewhere', observation({ subject: { reference: 'https://x.example/other' } }), []],
  ['a urn without Bundle', observation({ subject: { reference: 'urn:uuid:00000000-0000-4000-8000-000000000000' } }), []],

  // contained resources
  [
    'a contained resource',
    observation({ contained: [{ resourceType: 'Patient', id: 'p', active: true }], subject: { reference: '#p' } }),
    [],
  ],
  [
    'a contained resource with a fault',
    observation({ contained: [{ resourceType: 'Patient', id: 'p', gender: 'x' }], subject: { reference: '#p' } }),
    ['binding Observation.contained[0].gender'],
  ],
  [
    'a contained resource of a type the reference does not allow',
    observation({ contained: [{ resourceType: 'Practitioner', id: 'p', active: true }], subject: { reference: '#p' } }),
    ['reference Observation.subject.reference'],
  ],
  ['a reference to no contained resource', observation({ subject: { reference: '#p' } }), ['invariant ref-1 Observation.subject']],
  [
    'a contained resource nothing refers to',
    observation({ contained: [{ resourceType: 'Patient', id: 'p', active: true }] }),
    ['invariant dom-3 Observation.contained[0]'],
  ],
  [
    'a contained resource that contains',
    observation({
      contained: [{ resourceType: 'Patient', id: 'p', contained: [{ resourceType: 'Patient', id: 'q' }] }],
      subject: { reference: '#p' },
    }),
    ['invariant dom-2 Observation.contained[0]'],
  ],
  [
    'a contained resource with a version',
    observation({ contained: [{ resourceType: 'Patient', id: 'p', meta: { versionId: '1' } }], subject: { reference: '#p' } }),
    ['invariant dom-4 Observation.contained[0]'],
  ],
  [
    'a contained resource of unknown type',
    observation({ contained: [{ resourceType: 'Pasien', id: 'p' }], subject: { display: 'x' } }),
    ['structure Observation.contained[0]', 'invariant dom-3 Observation.contained[0]'],
  ],

  // Bundles
  [
    'an entry with a fault',
    { resourceType: 'Bundle', type: 'collection', entry: [{ resource: patient({ gender: 'x' }) }] },
    ['binding Bundle.entry[0].resource.gender'],
  ],
  [
    'a reference to an entry of another type',
    {
      resourceType: 'Bundle',
      type: 'collection',
      entry: [
        { fullUrl: 'urn:uuid:00000000-0000-4000-8000-000000000001', resource: { resourceType: 'Practitioner', active: true } },
        { resource: observation({ subject: { reference: 'urn:uuid:00000000-0000-4000-8000-000000000001' } }) },
      ],
    },
    ['reference Bundle.entry[1].resource.subject.reference'],
  ],
])('%s', (_what, resource, issues) => {
  test(`gives ${issues.length} issues`, () => expect(check(resource)).toEqual(issues));
});

describe('every change to a sound resource', () => {
  type Change = { readonly name: string; readonly apply: (holder: Json, key: string) => void };
  const changes: readonly Change[] = [
    { name: 'wrong type', apply: (holder, key) => Object.assign(holder, { [key]: typeof holder[key] === 'object' ? 'x' : { x: 1 } }) },
    {
      name: 'empty',
      apply: (holder, key) => Object.assign(holder, { [key]: typeof holder[key] === 'string' ? '' : Array.isArray(holder[key]) ? [] : {} }),
    },
    { name: 'null', apply: (holder, key) => Object.assign(holder, { [key]: null }) },
    { name: 'wrapped', apply: (holder, key) => Object.assign(holder, { [key]: [holder[key]] }) },
    { name: 'unknown key beside', apply: (holder) => Object.assign(holder, { tidakAda: 1 }) },
  ];

  /** Paths to every property of an object below the resource, by keys. */
  function* places(node: unknown, path: string[] = []): Generator<string[]> {
    if (typeof node !== 'object' || node === null) return;
    for (const [key, value] of Object.entries(node)) {
      if (key === 'resourceType') continue;
      if (!Array.isArray(node)) yield [...path, key];
      yield* places(value, [...path, key]);
    }
  }

  test.each(visit().map((resource) => [resource.resourceType, resource] as const))('is found: %s', (_type, resource) => {
    for (const path of places(resource)) {
      for (const change of changes) {
        const copy = structuredClone(resource) as unknown as Json;
        const holder = path.slice(0, -1).reduce((node, key) => node[key] as Json, copy);
        change.apply(holder, path.at(-1) as string);
        expect(r4.validate(copy).length, `${change.name} at ${path.join('.')}`).toBeGreaterThan(0);
      }
    }
  });

  test.each(visit().map((resource) => [resource.resourceType, resource] as const))(
    'mandatory elements are missed: %s',
    (type, resource) => {
      for (const [name, element] of Object.entries(elements[type]?.elements ?? {})) {
        if (element.min === 0) continue;
        const copy = structuredClone(resource) as unknown as Json;
        for (const key of Object.keys(copy)) if (key === name || (element.choice && key.startsWith(name))) delete copy[key];
        expect(check(copy)).toContain(`cardinality ${type}.${name}`);
      }
    },
  );
});

describe('hostile input', () => {
  test('long texts take no longer than they are', () => {
    const n = 100_000;
    const div = (inside: string) => `<div xmlns="http://www.w3.org/1999/xhtml">${inside}`;
    const texts = ['?', '&a=', '#', '|', '/', '/A', ' ', '=', '<', '<!--', '<b ', "<b a='", '&', 'urn:oid:1.', '-a', '<?xml ?'].map(
      (text) => text.repeat(n),
    );
    const began = performance.now();
    for (const text of texts) {
      check(observation({ subject: { reference: `Patient?${text}` }, text: { status: 'generated', div: div(text) }, language: text }));
      check(
        patient({
          photo: [{ data: text, size: 3 }],
          implicitRules: `urn:uuid:${text}`,
          identifier: [{ system: 'urn:ietf:rfc:3986', value: text }],
        }),
      );
      check({ resourceType: 'Bundle', type: 'collection', entry: [{ fullUrl: `http://${text}`, resource: patient({}) }] });
    }
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  test('no JSON makes it throw', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        r4.validate(value);
        r4.validate({ resourceType: 'Observation', code: value, component: value, contained: [value], meta: value, extension: value });
        r4.validate({ resourceType: 'Bundle', type: 'batch', entry: value });
      }),
      { numRuns: 500 },
    );
  });

  test('no JSON in the place of an element makes it throw, and no value gets into an issue', () => {
    const secret = 'RAHASIA-9999990101900001';
    const keys = Object.keys(elements.Encounter?.elements ?? {});
    const value = fc
      .jsonValue({ depthSize: 'small' })
      .map((json) => JSON.parse(JSON.stringify(json).replaceAll('""', `"${secret}"`)) as unknown);
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...keys), value), (content) => {
        const issues = r4.validate({ ...content, resourceType: 'Encounter', status: secret });
        expect(JSON.stringify(issues)).not.toContain(secret);
      }),
      { numRuns: 500 },
    );
  });

  test('deep nesting ends in an issue, not in the stack', () => {
    let item: Json = { linkId: 'x' };
    for (let depth = 0; depth < 20_000; depth++) item = { linkId: 'x', item: [item] };
    const issues = r4.validate({ resourceType: 'QuestionnaireResponse', status: 'completed', item: [item] });
    expect(issues.map((each) => each.code)).toEqual(['structure']);
    expect(issues[0]?.text.en).toContain('too deeply');
  });

  test('Bundles in Bundles end in an issue', () => {
    let bundle: Json = { resourceType: 'Bundle', type: 'collection' };
    for (let depth = 0; depth < 20_000; depth++) bundle = { resourceType: 'Bundle', type: 'collection', entry: [{ resource: bundle }] };
    expect(r4.validate(bundle).map((each) => each.code)).toEqual(['structure']);
  });

  test('the number of issues is limited', () => {
    expect(r4.validate(patient({ name: Array.from({ length: 100_000 }, () => 7) }))).toHaveLength(200);
  });

  test('a key __proto__ is an unknown element', () => {
    expect(check(JSON.parse('{"resourceType":"Patient","__proto__":{"gender":"x"}}'))).toEqual(['structure Patient']);
  });
});
