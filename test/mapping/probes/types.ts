import { GROUPS_LINE, map, type Probe, RULES_LINE, rules } from './probe.ts';

const SIMPLE = 'R4 mapping-language, Simple Form';
const DEFAULT = 'R4 mapping-language, Default mapping groups:';
const organization = (rest: object = {}) => ({ resourceType: 'Organization', ...rest });
const INPUTS = 'source src : Source, target tgt : Target';
const PATIENT = {
  resourceType: 'Patient',
  language: 'id',
  active: true,
  gender: 'female',
  birthDate: '1990-05-01',
  name: [{ family: 'Sari', given: ['Dewi', 'Ayu'] }, { text: 'Rini' }],
  telecom: [{ system: 'phone', value: '1', period: { start: '2020' } }],
  address: [{ city: 'Brebes', line: ['Jl. 1'] }],
  maritalStatus: { coding: [{ system: 'urn:s', code: 'M' }] },
};
const OBSERVATION = { resourceType: 'Observation', status: 'final', code: { text: 'c' } };
const OBSERVATIONS = { source: 'Observation', target: 'Observation' };
const COPY = 'group Copy(source s : HumanName, target t : HumanName) <<types>> { s.family as f -> t.text = f; }';

export const types: readonly Probe[] = [
  {
    name: 'types/simple-form-primitive',
    spec: SIMPLE,
    map: rules('src.active -> tgt.active;'),
    input: PATIENT,
    expected: organization({ active: true }),
  },
  {
    name: 'types/simple-form-primitives-of-one-kind',
    spec: `${SIMPLE}; code is a string (R4 data types)`,
    map: rules('src.gender -> tgt.name;'),
    input: PATIENT,
    expected: organization({ name: 'female' }),
  },
  {
    name: 'types/simple-form-list-of-primitives',
    spec: SIMPLE,
    map: rules('src.name as n -> tgt.contact as c, c.name as m then { n.given -> m.given; n.family -> m.family; n.text -> m.text; };'),
    input: PATIENT,
    expected: organization({ contact: [{ name: { family: 'Sari', given: ['Dewi', 'Ayu'] } }, { name: { text: 'Rini' } }] }),
  },
  {
    name: 'types/simple-form-in-plain-json',
    spec: SIMPLE,
    map: rules('src.a -> tgt.name; src.b -> tgt.alias; src.c -> tgt.active;', { source: null }),
    input: { a: 'x', b: ['y', 'z'], c: false },
    expected: organization({ name: 'x', alias: ['y', 'z'], active: false }),
  },
  {
    name: 'types/simple-form-in-plain-json-of-another-type',
    spec: `${SIMPLE}; a value that the element does not take is not written`,
    map: rules('src.a -> tgt.active; src.b -> tgt.name;', { source: null }),
    input: { a: 'yes', b: 'x' },
    expected: organization({ name: 'x' }),
    issues: ['field-type'],
  },
  {
    name: 'types/simple-form-complex-of-the-same-type',
    spec: `${SIMPLE}; R4 mapping-language, copy: 'only allowed when the types in source and target match'`,
    map: rules('src.address -> tgt.address; src.telecom -> tgt.telecom;'),
    input: PATIENT,
    expected: organization({
      address: [{ city: 'Brebes', line: ['Jl. 1'] }],
      telecom: [{ system: 'phone', value: '1', period: { start: '2020' } }],
    }),
  },
  {
    name: 'types/simple-form-copies-and-does-not-share',
    spec: `${SIMPLE}: the target is created`,
    map: rules('src.telecom -> tgt.telecom; src.telecom as t -> tgt.contact as c, c.telecom = t;'),
    input: PATIENT,
    expected: organization({
      telecom: [{ system: 'phone', value: '1', period: { start: '2020' } }],
      contact: [{ telecom: [{ system: 'phone', value: '1', period: { start: '2020' } }] }],
    }),
  },
  {
    name: 'types/simple-form-choice-to-choice-by-filter',
    spec: `${SIMPLE}; R4 formats, Choice of Data Types`,
    map: rules('src.value : CodeableConcept -> tgt.value; src.value : boolean -> tgt.value;', OBSERVATIONS),
    input: { ...OBSERVATION, valueBoolean: true },
    expected: { resourceType: 'Observation', valueBoolean: true },
  },
  {
    name: 'types/simple-form-choice-to-choice',
    spec: `${SIMPLE}; R4 formats, Choice of Data Types: the same types on both sides`,
    map: rules('src.value -> tgt.value;', OBSERVATIONS),
    input: { ...OBSERVATION, valueQuantity: { value: 1, unit: 'kg' } },
    expected: { resourceType: 'Observation', valueQuantity: { value: 1, unit: 'kg' } },
  },
  {
    name: 'types/simple-form-choice-to-choice-primitive',
    spec: `${SIMPLE}; R4 formats, Choice of Data Types: the same types on both sides`,
    map: rules('src.value -> tgt.value;', OBSERVATIONS),
    input: { ...OBSERVATION, valueString: 's' },
    expected: { resourceType: 'Observation', valueString: 's' },
  },
  {
    name: 'types/simple-form-dotted',
    spec: `${SIMPLE}; R4 grammar of the mapping language: ruleContext`,
    map: rules('src.maritalStatus.coding -> tgt.partOf.identifier.type.coding;'),
    input: PATIENT,
    expected: organization({ partOf: { identifier: { type: { coding: [{ system: 'urn:s', code: 'M' }] } } } }),
  },
  {
    name: 'types/simple-form-of-different-types',
    spec: `${SIMPLE}; no default group is there and the types do not match`,
    map: rules('src.active -> tgt.active;\n  src.name -> tgt.address;'),
    input: PATIENT,
    error: { line: RULES_LINE + 1, says: 'HumanName' },
  },
  {
    name: 'types/simple-form-object-into-primitive',
    spec: `${SIMPLE}; no default group is there and the types do not match`,
    map: rules('src.name -> tgt.name;'),
    input: PATIENT,
    error: { line: RULES_LINE, says: 'HumanName' },
  },
  {
    name: 'types/simple-form-primitive-of-another-kind',
    spec: `${SIMPLE}; no default group is there and the types do not match`,
    map: rules('src.active -> tgt.name;'),
    input: PATIENT,
    error: { line: RULES_LINE, says: 'boolean' },
  },

  {
    name: 'types/simple-form-backbone-of-the-same-type',
    spec: `${SIMPLE}; R4 Patient.contact on both sides`,
    map: rules('src.contact -> tgt.contact;', { target: 'Patient' }),
    input: { resourceType: 'Patient', contact: [{ name: { family: 'a' } }, { gender: 'male' }] },
    expected: { resourceType: 'Patient', contact: [{ name: { family: 'a' } }, { gender: 'male' }] },
  },
  {
    name: 'types/simple-form-any-resource',
    spec: `${SIMPLE}; R4 Bundle.entry.resource on both sides`,
    map: rules('src.entry as e -> tgt.entry as f then { e.resource -> f.resource; };', { source: 'Bundle', target: 'Bundle' }),
    input: {
      resourceType: 'Bundle',
      type: 'collection',
      entry: [{ resource: { resourceType: 'Patient', id: 'p' } }, { resource: { resourceType: 'Basic', id: 'b' } }],
    },
    expected: {
      resourceType: 'Bundle',
      entry: [{ resource: { resourceType: 'Patient', id: 'p' } }, { resource: { resourceType: 'Basic', id: 'b' } }],
    },
  },
  {
    name: 'types/simple-form-of-a-choice-with-some-default-groups',
    spec: `${SIMPLE}; R4 mapping-language, Default mapping groups: by the type of the value`,
    map: map(
      `group Main(${INPUTS}) { src.value -> tgt.value; }
group Unit(source s : Quantity, target t : Quantity) <<type+>> { s.unit as u -> t.code = u; }`,
      { ...OBSERVATIONS, more: ['Quantity'] },
    ),
    input: { ...OBSERVATION, valueQuantity: { value: 1, unit: 'kg' } },
    expected: { resourceType: 'Observation', valueQuantity: { code: 'kg' } },
  },

  {
    name: 'types/simple-form-of-what-every-resource-has',
    spec: `${SIMPLE}; R4 Resource.meta, DomainResource.text and extension`,
    map: rules('src.meta -> tgt.meta; src.text -> tgt.text; src.extension -> tgt.extension; src.language -> tgt.language;'),
    input: {
      resourceType: 'Patient',
      meta: { profile: ['urn:p'], tag: [{ code: 't' }] },
      language: 'id',
      text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">x</div>' },
      extension: [
        { url: 'urn:a', extension: [{ url: 'b', valueString: 'x' }] },
        { url: 'urn:c', valueQuantity: { value: 1 } },
      ],
    },
    expected: organization({
      meta: { profile: ['urn:p'], tag: [{ code: 't' }] },
      language: 'id',
      text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">x</div>' },
      extension: [
        { url: 'urn:a', extension: [{ url: 'b', valueString: 'x' }] },
        { url: 'urn:c', valueQuantity: { value: 1 } },
      ],
    }),
  },
  {
    name: 'types/simple-form-primitive-with-an-extension',
    spec: "R4 mapping-language, copy: 'simply copy the source to the target as is'; R4 JSON: what else a primitive has stands under _birthDate",
    map: rules('src.birthDate -> tgt.birthDate;', { target: 'Patient' }),
    input: { resourceType: 'Patient', birthDate: '1990', _birthDate: { extension: [{ url: 'urn:x', valueString: 'about' }] } },
    expected: { resourceType: 'Patient', birthDate: '1990', _birthDate: { extension: [{ url: 'urn:x', valueString: 'about' }] } },
  },
  {
    name: 'types/copied-object-with-an-extension-of-a-primitive',
    spec: "R4 mapping-language, copy: 'simply copy the source to the target as is'",
    map: rules('src.name -> tgt.name;', { target: 'Person' }),
    input: { resourceType: 'Patient', name: [{ family: 'Sari', _family: { extension: [{ url: 'urn:x', valueString: 'y' }] } }] },
    expected: { resourceType: 'Person', name: [{ family: 'Sari', _family: { extension: [{ url: 'urn:x', valueString: 'y' }] } }] },
  },

  // <<types>>
  {
    name: 'types/types-group-before-the-copy',
    spec: `${DEFAULT} 'used by default when the engine encounters a mapping with a source and target type'`,
    map: map(`group Main(${INPUTS}) { src.name -> tgt.name; }\n${COPY}`, { target: 'Person', more: ['HumanName'] }),
    input: PATIENT,
    expected: { resourceType: 'Person', name: [{ text: 'Sari' }] },
  },
  {
    name: 'types/types-group-between-different-types',
    spec: `${DEFAULT} 'where the types match the source and target type of the group'`,
    map: map(
      `group Main(${INPUTS}) { src.maritalStatus -> tgt.identifier; }
group Made(source s : CodeableConcept, target t : Identifier) <<types>> { s.coding as c then { c.code as k -> t.value = k; }; }`,
      { more: ['CodeableConcept', 'Identifier'] },
    ),
    input: PATIENT,
    expected: organization({ identifier: [{ value: 'M' }] }),
  },
  {
    name: 'types/types-group-is-chosen-by-both-types',
    spec: `${DEFAULT} 'only one such group for each combination of source and target type'`,
    map: map(
      `group Main(${INPUTS}) { src.name -> tgt.address; src.name -> tgt.telecom; }
group A(source s : HumanName, target t : ContactPoint) <<types>> { s.family as f -> t.value = f; }
group B(source s : HumanName, target t : Address) <<types>> { s.family as f -> t.city = f; }
group C(source s : Address, target t : Address) <<types>> { s.city as f -> t.text = f; }`,
      { more: ['HumanName', 'ContactPoint', 'Address'] },
    ),
    input: PATIENT,
    expected: organization({ address: [{ city: 'Sari' }], telecom: [{ value: 'Sari' }] }),
  },
  {
    name: 'types/types-group-from-a-string',
    spec: `${DEFAULT} any type may be the source of a group`,
    map: map(
      `group Main(${INPUTS}) { src.gender -> tgt.type; }
group Made(source s : code, target t : CodeableConcept) <<types>> { s -> t.text = s "text"; }`,
      { more: ['code', 'CodeableConcept'] },
    ),
    input: PATIENT,
    expected: organization({ type: [{ text: 'female' }] }),
  },
  {
    name: 'types/types-group-in-an-import',
    spec: `${DEFAULT} and R4 mapping-language, Map Imports`,
    map: map(`group Main(${INPUTS}) { src.name -> tgt.name; }`, { target: 'Person', imports: ['http://example.org/lib'] }),
    imports: [map(COPY, { url: 'http://example.org/lib', more: ['HumanName'] })],
    input: PATIENT,
    expected: { resourceType: 'Person', name: [{ text: 'Sari' }] },
  },
  {
    name: 'types/types-group-of-the-map-before-that-of-an-import',
    spec: `${DEFAULT} HL7's Java engine: the map's own groups first`,
    map: map(
      `group Main(${INPUTS}) { src.name -> tgt.name; }
group Own(source s : HumanName, target t : HumanName) <<types>> { s.family as f -> t.family = f; }`,
      { target: 'Person', more: ['HumanName'], imports: ['http://example.org/lib'] },
    ),
    imports: [map(COPY, { url: 'http://example.org/lib', more: ['HumanName'] })],
    input: PATIENT,
    expected: { resourceType: 'Person', name: [{ family: 'Sari' }] },
  },
  {
    name: 'types/types-group-calls-itself-by-the-simple-form',
    spec: `${DEFAULT} the groups of extensions in HL7's own conversion maps`,
    map: map(
      `group Main(${INPUTS}) { src.extension -> tgt.extension; }
group Extension(source s : Extension, target t : Extension) <<types>> {
  s.url -> t.url;
  s.extension -> t.extension;
  s.value : string as v -> t.value = v;
}`,
      { more: ['Extension'] },
    ),
    input: {
      resourceType: 'Patient',
      extension: [
        {
          url: 'urn:a',
          extension: [
            { url: 'b', valueString: 'x' },
            { url: 'c', valueBoolean: true },
          ],
        },
      ],
    },
    expected: organization({ extension: [{ url: 'urn:a', extension: [{ url: 'b', valueString: 'x' }, { url: 'c' }] }] }),
  },
  {
    name: 'types/types-group-not-when-rules-are-given',
    spec: "R4 mapping-language, Simple Form: 'default mapping groups are only invoked when no dependent rules or explicit group invocations are specified'",
    map: map(
      `group Main(${INPUTS}) { src.name as n -> tgt.name as m then { n.family as f -> m.family = f; }; }
${COPY}`,
      { target: 'Person', more: ['HumanName'] },
    ),
    input: PATIENT,
    expected: { resourceType: 'Person', name: [{ family: 'Sari' }] },
  },
  {
    name: 'types/types-group-called-by-name',
    spec: `${DEFAULT} a default group is a group`,
    map: map(`group Main(${INPUTS}) { src.name as n -> tgt.name as m then Copy(n, m); }\n${COPY}`, {
      target: 'Person',
      more: ['HumanName'],
    }),
    input: PATIENT,
    expected: { resourceType: 'Person', name: [{ text: 'Sari' }] },
  },
  {
    name: 'types/type-plus-group-like-types',
    spec: `${DEFAULT} 'They will act like a default mapping group, just like types'`,
    map: map(`group Main(${INPUTS}) { src.name -> tgt.name; }\n${COPY.replace('<<types>>', '<<type+>>')}`, {
      target: 'Person',
      more: ['HumanName'],
    }),
    input: PATIENT,
    expected: { resourceType: 'Person', name: [{ text: 'Sari' }] },
  },
  {
    name: 'types/type-plus-decides-a-choice',
    spec: `${DEFAULT} 'they will be invoked when the target type is not fixed, i.e. when mapping to an element with a choice type'`,
    map: map(
      `group Main(${INPUTS}) { src.maritalStatus -> tgt.value; }
group Text(source s : CodeableConcept, target t : Quantity) <<type+>> { s.coding as c then { c.code as k -> t.unit = k; }; }`,
      { target: 'Observation', more: ['CodeableConcept', 'Quantity'] },
    ),
    input: PATIENT,
    expected: { resourceType: 'Observation', valueQuantity: { unit: 'M' } },
  },
  {
    name: 'types/types-does-not-decide-a-choice',
    spec: `${DEFAULT} only type+ is 'invoked when the target type is not fixed'; the same type is copied`,
    map: map(
      `group Main(${INPUTS}) { src.maritalStatus -> tgt.value; }
group Text(source s : CodeableConcept, target t : Quantity) <<types>> { s.coding as c then { c.code as k -> t.unit = k; }; }`,
      { target: 'Observation', more: ['CodeableConcept', 'Quantity'] },
    ),
    input: PATIENT,
    expected: { resourceType: 'Observation', valueCodeableConcept: { coding: [{ system: 'urn:s', code: 'M' }] } },
  },
  {
    name: 'types/primitive-group-as-in-the-conversion-maps-of-hl7',
    spec: 'R4 data types: a primitive has an element value; the maps of HL7 between releases are written so',
    map: map(
      `group Main(${INPUTS}) { src.name as n -> tgt.contact as c, c.name as m then { n.family -> m.family; }; }
group String(source src : string, target tgt : string) <<types>> { src.value as v -> tgt.value = v "string-value"; }`,
      { more: ['string'] },
    ),
    input: PATIENT,
    expected: organization({ contact: [{ name: { family: 'Sari' } }] }),
  },
  {
    name: 'types/types-group-of-an-import-of-an-import',
    spec: `${DEFAULT} HL7's Java engine: the groups of a map and of those it imports, not further`,
    map: map(`group Main(${INPUTS}) { src.name -> tgt.name; }`, { target: 'Person', imports: ['http://example.org/a'] }),
    imports: [
      map(`group Unused(${INPUTS}) { src.active as a -> tgt.active = a; }`, {
        url: 'http://example.org/a',
        target: 'Person',
        imports: ['http://example.org/b'],
      }),
      map(COPY, { url: 'http://example.org/b', more: ['HumanName'] }),
    ],
    input: PATIENT,
    expected: { resourceType: 'Person', name: [{ family: 'Sari', given: ['Dewi', 'Ayu'] }, { text: 'Rini' }] },
  },
  {
    name: 'types/type-plus-with-extends',
    spec: 'R4 mapping-language, Groups: the example of a group with extends and <<type+>>',
    map: map(
      `group Main(${INPUTS}) { src.name -> tgt.name; }
group Name(source s : HumanName, target t : HumanName) extends Base <<type+>> { s.family -> t.family; }
group Base(source s : HumanName, target t : HumanName) { s.text -> t.text; }`,
      { target: 'Person', more: ['HumanName'] },
    ),
    input: PATIENT,
    expected: { resourceType: 'Person', name: [{ family: 'Sari' }, { text: 'Rini' }] },
  },

  // refused
  {
    name: 'types/two-groups-for-the-same-types',
    spec: `${DEFAULT} 'there can be only one such group for each combination of source and target type'`,
    map: map(`group Main(${INPUTS}) { src.name -> tgt.name; }\n${COPY}\n${COPY.replace('Copy', 'Again')}`, {
      target: 'Person',
      more: ['HumanName'],
    }),
    input: PATIENT,
    error: { line: GROUPS_LINE + 2, says: "'Copy'" },
  },
  {
    name: 'types/types-group-without-types',
    spec: `${DEFAULT} 'SHALL have two parameters, a source, and a target, in that order, and both SHALL have specified types for the inputs' (Groups)`,
    map: map(`group Main(${INPUTS}) { src.name -> tgt.name; }\ngroup Copy(source s, target t) <<types>> { s.family as f -> t.text = f; }`, {
      target: 'Person',
    }),
    input: PATIENT,
    error: { line: GROUPS_LINE + 1, says: 'types' },
  },
  {
    name: 'types/types-group-with-three-inputs',
    spec: `${DEFAULT} 'SHALL have two parameters, a source, and a target, in that order' (Groups)`,
    map: map(
      `group Main(${INPUTS}) { src.name -> tgt.name; }
group Copy(source s : HumanName, target t : HumanName, source o : HumanName) <<types>> { s.family as f -> t.text = f; }`,
      { target: 'Person', more: ['HumanName'] },
    ),
    input: PATIENT,
    error: { line: GROUPS_LINE + 1, says: 'types' },
  },
  {
    name: 'types/types-group-target-first',
    spec: `${DEFAULT} 'SHALL have two parameters, a source, and a target, in that order' (Groups)`,
    map: map(
      `group Main(${INPUTS}) { src.name -> tgt.name; }
group Copy(target t : HumanName, source s : HumanName) <<types>> { s.family as f -> t.text = f; }`,
      { target: 'Person', more: ['HumanName'] },
    ),
    input: PATIENT,
    error: { line: GROUPS_LINE + 1, says: 'types' },
  },
  {
    name: 'types/unknown-type-of-an-input',
    spec: 'R4 mapping-language, Structure Definition References: the types of a map are those it uses, and those of FHIR',
    map: map('group Main(source src : Source, target tgt : Orgunisation) { src.gender as g -> tgt.name = g; }'),
    input: PATIENT,
    error: { line: GROUPS_LINE, says: 'Orgunisation' },
  },
  {
    name: 'types/unknown-type-of-a-source-input',
    spec: 'R4 mapping-language, Structure Definition References: the types of a map are those it uses, and those of FHIR',
    map: map('group Main(source src : Pasien, target tgt : Target) { src.gender as g -> tgt.name = g; }'),
    input: PATIENT,
    error: { line: GROUPS_LINE, says: 'Pasien' },
  },
];
