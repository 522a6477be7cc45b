import { type Probe, RULES_LINE, rules } from './probe.ts';

const TRANSFORMS = 'R4 mapping-language, table of transforms:';
const organization = (rest: object = {}) => ({ resourceType: 'Organization', ...rest });
const observation = (rest: object = {}) => ({ resourceType: 'Observation', ...rest });
const PATIENT = {
  resourceType: 'Patient',
  id: 'p1',
  gender: 'female',
  birthDate: '1990-05-01',
  active: true,
  multipleBirthInteger: 2,
  name: [{ family: 'Sari', given: ['Dewi', 'Ayu'] }],
};
const TO_OBSERVATION = { target: 'Observation' };
const JSON_TO_OBSERVATION = { source: null, target: 'Observation' };
const UCUM = 'http://unitsofmeasure.org';

/** Casts of `src.v` into an element that takes the type. */
const CASTS: readonly (readonly [name: string, type: string, value: unknown, target: string, wanted: object])[] = [
  ['number-to-string', 'string', 1.5, 'value', { valueString: '1.5' }],
  ['boolean-to-string', 'string', false, 'value', { valueString: 'false' }],
  ['text-to-integer', 'integer', '12', 'value', { valueInteger: 12 }],
  ['negative-text-to-integer', 'integer', '-3', 'value', { valueInteger: -3 }],
  ['text-to-boolean', 'boolean', 'true', 'value', { valueBoolean: true }],
  ['text-false-to-boolean', 'boolean', 'false', 'value', { valueBoolean: false }],
  ['text-to-dateTime', 'dateTime', '2020-02-03T10:00:00+07:00', 'value', { valueDateTime: '2020-02-03T10:00:00+07:00' }],
  ['text-to-time', 'time', '10:30:00', 'value', { valueTime: '10:30:00' }],
  ['text-to-instant', 'instant', '2020-02-03T10:00:00Z', 'issued', { issued: '2020-02-03T10:00:00Z' }],
];
/** What cannot be cast: nothing is written and the field is reported. */
const NO_CASTS: readonly (readonly [name: string, type: string, value: unknown, target: string])[] = [
  ['word-to-integer', 'integer', 'dua', 'value'],
  ['fraction-to-integer', 'integer', '1.5', 'value'],
  ['too-large-to-integer', 'integer', '99999999999', 'value'],
  ['word-to-boolean', 'boolean', 'ya', 'value'],
  ['word-to-dateTime', 'dateTime', 'kemarin', 'value'],
  ['word-to-time', 'time', 'pagi', 'value'],
];
const QUANTITIES: readonly (readonly [text: string, quantity: object])[] = [
  ['70 kg', { value: 70, unit: 'kg' }],
  ['<= 5 mg', { comparator: '<=', value: 5, unit: 'mg' }],
  ['>0.5 mmol/L', { comparator: '>', value: 0.5, unit: 'mmol/L' }],
  ['-2.5 Cel', { value: -2.5, unit: 'Cel' }],
  ['12', { value: 12 }],
];
const ESCAPES: readonly (readonly [text: string, from: string, to: string, wanted: string])[] = [
  ['a<b & "c"', 'plain', 'xml', 'a&lt;b &amp; &quot;c&quot;'],
  ['a&lt;b &amp; &#65;', 'xml', 'plain', 'a<b & A'],
  ['say "a"\nb', 'plain', 'json', 'say \\"a\\"\\nb'],
  ['say \\"a\\"', 'json', 'plain', 'say "a"'],
  ['\\u0041&', 'java', 'xml', 'A&amp;'],
];
const CONTACTS: readonly (readonly [value: string, system: string])[] = [
  ['+62 811 234', 'phone'],
  ['dewi@contoh.id', 'email'],
  ['https://contoh.id/x', 'url'],
];

export const transforms: readonly Probe[] = [
  {
    name: 'transforms/copy',
    spec: `${TRANSFORMS} copy(source)`,
    map: rules('src.gender as g -> tgt.name = copy(g);'),
    input: PATIENT,
    expected: organization({ name: 'female' }),
  },
  {
    name: 'transforms/copy-a-field-of-a-variable',
    spec: 'R4 grammar of the mapping language: transform : literal | ruleContext | invocation',
    map: rules('src.name as n -> tgt.name = n.family;'),
    input: PATIENT,
    expected: organization({ name: 'Sari' }),
  },
  {
    name: 'transforms/copy-a-complex-value',
    spec: `${TRANSFORMS} copy: 'only allowed when the types in source and target match'`,
    map: rules('src.name as n -> tgt.contact as c, c.name = n;'),
    input: PATIENT,
    expected: organization({ contact: [{ name: { family: 'Sari', given: ['Dewi', 'Ayu'] } }] }),
  },
  {
    name: 'transforms/create-resource',
    spec: `${TRANSFORMS} create(type)`,
    map: rules("src.gender as g -> tgt.entry as e, e.resource = create('Patient') as p, p.gender = g;", {
      target: 'Bundle',
      more: ['Patient'],
    }),
    input: PATIENT,
    expected: { resourceType: 'Bundle', entry: [{ resource: { resourceType: 'Patient', gender: 'female' } }] },
  },
  {
    name: 'transforms/create-data-type-has-no-resourceType',
    spec: `${TRANSFORMS} create(type); R4 JSON: only resources have resourceType`,
    map: rules("src.gender as g -> tgt.value = create('Quantity') as q, q.value = 1, q.unit = g;", TO_OBSERVATION),
    input: PATIENT,
    expected: observation({ valueQuantity: { value: 1, unit: 'female' } }),
  },
  {
    name: 'transforms/create-without-a-type',
    spec: `${TRANSFORMS} create; R4 Observation.code is a CodeableConcept`,
    map: rules('src.gender as g -> tgt.code = create() as c, c.text = g;', TO_OBSERVATION),
    input: PATIENT,
    expected: observation({ code: { text: 'female' } }),
  },
  {
    name: 'transforms/create-without-a-target',
    spec: "R4 mapping-language, Target Transform: 'Transform statements may just contain an invocation'",
    map: rules("src.gender as g -> create('Patient') as p, p.gender = g, tgt.entry as e, e.resource = p;", {
      target: 'Bundle',
      more: ['Patient'],
    }),
    input: PATIENT,
    expected: { resourceType: 'Bundle', entry: [{ resource: { resourceType: 'Patient', gender: 'female' } }] },
  },
  {
    name: 'transforms/create-unknown-type',
    spec: `${TRANSFORMS} create: 'a string which is a known type'`,
    map: rules("src.gender as g -> tgt.active = true;\n      src.gender as g -> tgt.contained = create('Patiant') as p, p.id = g;"),
    input: PATIENT,
    error: { line: RULES_LINE + 1, says: 'Patiant' },
  },
  {
    name: 'transforms/truncate',
    spec: `${TRANSFORMS} truncate(source, length)`,
    map: rules('src.gender as g -> tgt.name = truncate(g, 3);'),
    input: PATIENT,
    expected: organization({ name: 'fem' }),
  },
  {
    name: 'transforms/truncate-of-shorter',
    spec: `${TRANSFORMS} truncate(source, length)`,
    map: rules('src.gender as g -> tgt.name = truncate(g, 30);'),
    input: PATIENT,
    expected: organization({ name: 'female' }),
  },
  {
    name: 'transforms/append-one-part',
    spec: `${TRANSFORMS} append(source...)`,
    map: rules('src.gender as g -> tgt.name = append(g);'),
    input: PATIENT,
    expected: organization({ name: 'female' }),
  },
  {
    name: 'transforms/append-two-parts',
    spec: `${TRANSFORMS} append(source...): 'source is element or string - just append them all together'`,
    map: rules("src.gender as g -> tgt.name = append('Patient/', g);"),
    input: PATIENT,
    expected: organization({ name: 'Patient/female' }),
  },
  {
    name: 'transforms/append-five-parts',
    spec: `${TRANSFORMS} append(source...): 'source is element or string - just append them all together'`,
    map: rules("src.gender as g then { src.birthDate as b -> tgt.name = append(g, '-', b, '-', g); };"),
    input: PATIENT,
    expected: organization({ name: 'female-1990-05-01-female' }),
  },
  {
    name: 'transforms/append-numbers-and-booleans',
    spec: `${TRANSFORMS} append(source...): the text of each element`,
    map: rules("src.multipleBirth : integer as m then { src.active as a -> tgt.name = append(m, '/', a, '/', 7); };"),
    input: PATIENT,
    expected: organization({ name: '2/true/7' }),
  },
  {
    name: 'transforms/append-keeps-blanks',
    spec: `${TRANSFORMS} append(source...): 'just append them all together'`,
    map: rules("src.name as n then { n.family as f -> tgt.name = append(f, ' ', f); };"),
    input: PATIENT,
    expected: organization({ name: 'Sari Sari' }),
  },

  {
    name: 'transforms/append-numbers-of-plain-json',
    spec: `${TRANSFORMS} append(source...): the text of each element`,
    map: rules('src.a as a, src.b as b -> tgt.name = append(a, \'/\', b) "ab";', { source: null }),
    input: { a: 5, b: false },
    expected: organization({ name: '5/false' }),
  },
  // cast
  ...CASTS.map(
    ([name, type, value, target, wanted]): Probe => ({
      name: `transforms/cast-${name}`,
      spec: `${TRANSFORMS} cast(source, type)`,
      map: rules(`src.v as v -> tgt.${target} = cast(v, '${type}');`, JSON_TO_OBSERVATION),
      input: { v: value },
      expected: observation(wanted),
    }),
  ),
  ...NO_CASTS.map(
    ([name, type, value, target]): Probe => ({
      name: `transforms/cast-${name}`,
      spec: `${TRANSFORMS} cast(source, type); R4 data types: a value that the type does not allow is never written`,
      map: rules(`src.v as v -> tgt.status = 'final', tgt.${target} = cast(v, '${type}');`, JSON_TO_OBSERVATION),
      input: { v: value },
      expected: observation({ status: 'final' }),
      issues: ['field-type'],
    }),
  ),
  {
    name: 'transforms/cast-text-to-decimal',
    spec: `${TRANSFORMS} cast(source, type)`,
    map: rules("src.v as v -> tgt.value = create('Quantity') as q, q.value = cast(v, 'decimal');", JSON_TO_OBSERVATION),
    input: { v: '12.50' },
    expected: observation({ valueQuantity: { value: 12.5 } }),
  },
  {
    name: 'transforms/cast-dateTime-to-date',
    spec: `${TRANSFORMS} cast(source, type)`,
    map: rules("src.v as v -> tgt.birthDate = cast(v, 'date');", { source: null, target: 'Patient' }),
    input: { v: '2020-02-03T10:00:00+07:00' },
    expected: { resourceType: 'Patient', birthDate: '2020-02-03' },
  },
  {
    name: 'transforms/cast-to-the-type-of-the-element',
    spec: `${TRANSFORMS} cast: 'target type can be left as implicit if there is one and only one target type known'`,
    map: rules('src.v as v -> tgt.active = cast(v);', { source: null }),
    input: { v: 'true' },
    expected: organization({ active: true }),
  },
  {
    name: 'transforms/cast-number-to-the-type-of-the-element',
    spec: `${TRANSFORMS} cast: 'target type can be left as implicit if there is one and only one target type known'`,
    map: rules('src.v as v -> tgt.name = cast(v);', { source: null }),
    input: { v: 12 },
    expected: organization({ name: '12' }),
  },
  {
    name: 'transforms/cast-without-a-type-into-a-choice',
    spec: `${TRANSFORMS} cast: implicit only 'if there is one and only one target type known'`,
    map: rules('src.v as v -> tgt.value = cast(v);', JSON_TO_OBSERVATION),
    input: { v: 12 },
    error: { line: RULES_LINE, says: 'cast' },
  },
  {
    name: 'transforms/cast-to-a-complex-type',
    spec: `${TRANSFORMS} cast; what a Quantity of a text is, qty says`,
    map: rules("src.v as v -> tgt.value = cast(v, 'Quantity');", JSON_TO_OBSERVATION),
    input: { v: '5 kg' },
    error: { line: RULES_LINE, says: 'cast' },
  },

  // evaluate
  {
    name: 'transforms/evaluate-short-hand',
    spec: `${TRANSFORMS} evaluate: 'a short hand for this operation, by supplying () around the parameter … it must start with a reference to one of the defined variables'`,
    map: rules("src.name as n -> tgt.name = (%n.family & '-' & %src.gender);"),
    input: PATIENT,
    expected: organization({ name: 'Sari-female' }),
  },
  {
    name: 'transforms/evaluate-short-hand-without-percent',
    spec: `${TRANSFORMS} evaluate: 'it must start with a reference to one of the defined variables'`,
    map: rules('src.name as n -> tgt.name = (n.family);'),
    input: PATIENT,
    expected: organization({ name: 'Sari' }),
  },
  {
    name: 'transforms/evaluate-in-a-context',
    spec: `${TRANSFORMS} evaluate: 'FHIRPath expression - is evaluated in the context of the first parameter'`,
    map: rules("src.name as n -> tgt.name = evaluate(n, family & '!');"),
    input: PATIENT,
    expected: organization({ name: 'Sari!' }),
  },
  {
    name: 'transforms/evaluate-in-a-context-in-parentheses',
    spec: `${TRANSFORMS} evaluate: 'FHIRPath expression - is evaluated in the context of the first parameter'`,
    map: rules("src.name as n -> tgt.name = evaluate(n, (family & '!'));"),
    input: PATIENT,
    expected: organization({ name: 'Sari!' }),
  },
  {
    name: 'transforms/evaluate-this',
    spec: `${TRANSFORMS} evaluate; FHIRPath N1, $this`,
    map: rules('src.gender as g -> tgt.name = evaluate(g, ($this.upper()));'),
    input: PATIENT,
    expected: organization({ name: 'FEMALE' }),
  },
  {
    name: 'transforms/evaluate-text',
    spec: `${TRANSFORMS} evaluate; R4 grammar: a parameter is a literal`,
    map: rules("src.name as n -> tgt.name = evaluate(n, 'family');"),
    input: PATIENT,
    expected: organization({ name: 'Sari' }),
  },
  {
    name: 'transforms/evaluate-function-first',
    spec: 'FHIRPath N1, iif(criterion, true, false)',
    map: rules("src.gender as g -> tgt.name = (iif(%g = 'female', 'P', 'L'));"),
    input: PATIENT,
    expected: organization({ name: 'P' }),
  },
  {
    name: 'transforms/evaluate-boolean',
    spec: `${TRANSFORMS} evaluate; FHIRPath N1, exists()`,
    map: rules('src -> tgt.active = (%src.telecom.exists()) "active";'),
    input: PATIENT,
    expected: organization({ active: false }),
  },
  {
    name: 'transforms/evaluate-number',
    spec: `${TRANSFORMS} evaluate; FHIRPath N1, Math`,
    map: rules('src -> tgt.value = create(\'Quantity\') as q, q.value = (%src.name.given.count() * 1.5) "value";', TO_OBSERVATION),
    input: PATIENT,
    expected: observation({ valueQuantity: { value: 3 } }),
  },
  {
    name: 'transforms/evaluate-complex-value',
    spec: `${TRANSFORMS} evaluate: 'the value returned by that'; R4 Organization.contact.name is a HumanName`,
    map: rules('src -> tgt.contact as c, c.name = (%src.name.where(family = \'Sari\')) "name";'),
    input: PATIENT,
    expected: organization({ contact: [{ name: { family: 'Sari', given: ['Dewi', 'Ayu'] } }] }),
  },

  {
    name: 'transforms/evaluate-a-full-name',
    spec: 'FHIRPath N1, first(), & (String concatenation)',
    map: rules("src.name as n -> tgt.name = (%n.given.first() & ' ' & %n.family);"),
    input: PATIENT,
    expected: organization({ name: 'Dewi Sari' }),
  },

  {
    name: 'transforms/evaluate-join-with-a-blank',
    spec: 'FHIRPath N1, + : a blank is a text',
    map: rules("src.name as n -> tgt.name = (%n.family + ' ' + %src.gender);"),
    input: PATIENT,
    expected: organization({ name: 'Sari female' }),
  },

  // cc, c, qty, id, cp
  {
    name: 'transforms/cc-text',
    spec: `${TRANSFORMS} cc(text)`,
    map: rules('src.gender as g -> tgt.code = cc(g);', TO_OBSERVATION),
    input: PATIENT,
    expected: observation({ code: { text: 'female' } }),
  },
  {
    name: 'transforms/cc-system-code',
    spec: `${TRANSFORMS} cc(system, code[, display])`,
    map: rules("src.gender as g -> tgt.code = cc('urn:s', g);", TO_OBSERVATION),
    input: PATIENT,
    expected: observation({ code: { coding: [{ system: 'urn:s', code: 'female' }] } }),
  },
  {
    name: 'transforms/cc-system-code-display',
    spec: `${TRANSFORMS} cc(system, code[, display])`,
    map: rules("src.gender as g -> tgt.code = cc('urn:s', g, 'Female');", TO_OBSERVATION),
    input: PATIENT,
    expected: observation({ code: { coding: [{ system: 'urn:s', code: 'female', display: 'Female' }] } }),
  },
  {
    name: 'transforms/cc-into-a-list-then-more',
    spec: `${TRANSFORMS} cc; R4 mapping-language, Target Transform: as variable`,
    map: rules("src.gender as g -> tgt.type = cc('urn:s', 'a') as c, c.text = g, tgt.type = cc('urn:s', 'b');"),
    input: PATIENT,
    expected: organization({
      type: [{ coding: [{ system: 'urn:s', code: 'a' }], text: 'female' }, { coding: [{ system: 'urn:s', code: 'b' }] }],
    }),
  },
  {
    name: 'transforms/c-system-code',
    spec: `${TRANSFORMS} c(system, code[, display])`,
    map: rules("src.gender as g -> tgt.class = c('urn:s', g);", { target: 'Encounter' }),
    input: PATIENT,
    expected: { resourceType: 'Encounter', class: { system: 'urn:s', code: 'female' } },
  },
  {
    name: 'transforms/c-system-code-display',
    spec: `${TRANSFORMS} c(system, code[, display])`,
    map: rules("src.gender as g -> tgt.type as t, t.coding = c('urn:s', g, 'Female');"),
    input: PATIENT,
    expected: organization({ type: [{ coding: [{ system: 'urn:s', code: 'female', display: 'Female' }] }] }),
  },
  ...QUANTITIES.map(
    ([text, valueQuantity]): Probe => ({
      name: `transforms/qty-text ${text}`,
      spec: `${TRANSFORMS} qty(text): 'the natural representation e.g. [comparator]value[space]unit'`,
      map: rules('src.v as v -> tgt.value = qty(v);', JSON_TO_OBSERVATION),
      input: { v: text },
      expected: observation({ valueQuantity }),
    }),
  ),
  {
    name: 'transforms/qty-text-that-is-none',
    spec: `${TRANSFORMS} qty(text): 'the natural representation e.g. [comparator]value[space]unit'`,
    map: rules("src.v as v -> tgt.status = 'final', tgt.value = qty(v);", JSON_TO_OBSERVATION),
    input: { v: 'heavy' },
    expected: observation({ status: 'final' }),
    issues: ['field-type'],
  },
  {
    name: 'transforms/qty-value-unit',
    spec: `${TRANSFORMS} qty(value, unit, [system, code])`,
    map: rules("src.v as v -> tgt.value = qty(v, 'kg');", JSON_TO_OBSERVATION),
    input: { v: 60.5 },
    expected: observation({ valueQuantity: { value: 60.5, unit: 'kg' } }),
  },
  {
    name: 'transforms/qty-value-unit-system-code',
    spec: `${TRANSFORMS} qty(value, unit, [system, code])`,
    map: rules(`src.v as v -> tgt.value = qty(v, 'mmHg', '${UCUM}', 'mm[Hg]');`, JSON_TO_OBSERVATION),
    input: { v: 120 },
    expected: observation({ valueQuantity: { value: 120, unit: 'mmHg', system: UCUM, code: 'mm[Hg]' } }),
  },
  {
    name: 'transforms/id',
    spec: `${TRANSFORMS} id(system, value[, type])`,
    map: rules("src.id as i -> tgt.identifier = id('urn:s', i);"),
    input: PATIENT,
    expected: organization({ identifier: [{ system: 'urn:s', value: 'p1' }] }),
  },
  {
    name: 'transforms/id-with-type',
    spec: `${TRANSFORMS} id(system, value[, type]): 'type is a code from the identifier type value set'`,
    map: rules("src.id as i -> tgt.identifier = id('urn:s', i, 'MR');"),
    input: PATIENT,
    expected: organization({
      identifier: [
        { system: 'urn:s', value: 'p1', type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'MR' }] } },
      ],
    }),
  },
  ...CONTACTS.map(
    ([value, system]): Probe => ({
      name: `transforms/cp-of-${system}`,
      spec: `${TRANSFORMS} cp(value): 'If no system is provided, the system should be inferred from the content of the value'`,
      map: rules('src.v as v -> tgt.telecom = cp(v);', { source: null }),
      input: { v: value },
      expected: organization({ telecom: [{ system, value }] }),
    }),
  ),
  {
    name: 'transforms/cp-system-value',
    spec: `${TRANSFORMS} cp(system, value)`,
    map: rules("src.v as v -> tgt.telecom = cp('sms', v);", { source: null }),
    input: { v: '0811' },
    expected: organization({ telecom: [{ system: 'sms', value: '0811' }] }),
  },

  {
    name: 'transforms/create-in-double-quotes',
    spec: 'R4 mapping-language, Transform Rules: the example tgt.value = create("code")',
    map: rules('src.gender as g -> tgt.value = create("CodeableConcept") as c, c.text = g;', TO_OBSERVATION),
    input: PATIENT,
    expected: observation({ valueCodeableConcept: { text: 'female' } }),
  },
  {
    name: 'transforms/literals-in-double-quotes',
    spec: "HL7's Java engine: a constant in either kind of quotes",
    map: rules('src.gender as g -> tgt.code = cc("urn:s", "a");', TO_OBSERVATION),
    input: PATIENT,
    expected: observation({ code: { coding: [{ system: 'urn:s', code: 'a' }] } }),
  },
  {
    name: 'transforms/evaluate-several-values',
    spec: `${TRANSFORMS} evaluate: one value; HL7's Java engine: 'returned 2 objects' is an error`,
    map: rules('src -> tgt.active = true, tgt.name = (%src.name.given) "given";'),
    input: PATIENT,
    expected: organization({ active: true }),
    issues: ['field-type'],
  },
  {
    name: 'transforms/evaluate-into-a-choice',
    spec: `${TRANSFORMS} evaluate; R4 formats, Choice of Data Types`,
    map: rules('src -> tgt.value = (%src.name.given.count() + 1) "count";', TO_OBSERVATION),
    input: PATIENT,
    expected: observation({ valueInteger: 3 }),
  },
  {
    name: 'transforms/cc-with-a-system-that-is-no-uri',
    spec: `${TRANSFORMS} cc(system, code); R4 data types, uri has no blanks`,
    map: rules("src.gender as g -> tgt.code = cc('not a uri', g);", TO_OBSERVATION),
    input: PATIENT,
    error: { line: RULES_LINE, says: 'uri' },
  },
  {
    name: 'transforms/id-of-a-number',
    spec: `${TRANSFORMS} id(system, value[, type]): Identifier.value is a string`,
    map: rules("src.v as v -> tgt.identifier = id('urn:s', v);", { source: null }),
    input: { v: 12 },
    expected: organization({ identifier: [{ system: 'urn:s', value: '12' }] }),
  },

  // references
  {
    name: 'transforms/reference-to-a-resource-of-the-target',
    spec: `${TRANSFORMS} reference: 'return a string that references the provided tree properly'`,
    map: rules(
      "src.id as i -> tgt.entry as e, e.resource = create('Patient') as p, p.id = i, tgt.entry as f, f.resource = create('Observation') as o, o.subject as s, s.reference = reference(p);",
      { target: 'Bundle', more: ['Patient', 'Observation'] },
    ),
    input: PATIENT,
    expected: {
      resourceType: 'Bundle',
      entry: [
        { resource: { resourceType: 'Patient', id: 'p1' } },
        { resource: { resourceType: 'Observation', subject: { reference: 'Patient/p1' } } },
      ],
    },
  },
  {
    name: 'transforms/reference-to-the-source',
    spec: `${TRANSFORMS} reference: 'the provided tree' may be input or output (R4 mapping-language, Executing Maps)`,
    map: rules('src.id as i -> tgt.subject as s, s.reference = reference(src);', TO_OBSERVATION),
    input: PATIENT,
    expected: observation({ subject: { reference: 'Patient/p1' } }),
  },
  {
    name: 'transforms/pointer',
    spec: `${TRANSFORMS} pointer: 'the appropriate string to put in a Reference'; HL7's Java engine: urn:uuid:`,
    map: rules("src.v as i -> tgt.entry as e, e.resource = create('Patient') as p, p.id = i, e.fullUrl = pointer(p);", {
      source: null,
      target: 'Bundle',
      more: ['Patient'],
    }),
    input: { v: '6f7f8a52-5d5e-4a6e-9a6f-0d6a1c3b2e10' },
    expected: {
      resourceType: 'Bundle',
      entry: [
        {
          fullUrl: 'urn:uuid:6f7f8a52-5d5e-4a6e-9a6f-0d6a1c3b2e10',
          resource: { resourceType: 'Patient', id: '6f7f8a52-5d5e-4a6e-9a6f-0d6a1c3b2e10' },
        },
      ],
    },
  },
  {
    name: 'transforms/uuid',
    spec: `${TRANSFORMS} uuid: 'Generate a random UUID (in lowercase)'`,
    map: rules("src.gender as g -> uuid() as u, tgt.active = (%u.matches('^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'));"),
    input: PATIENT,
    expected: organization({ active: true }),
  },
  {
    name: 'transforms/uuid-is-new-each-time',
    spec: `${TRANSFORMS} uuid: 'Generate a random UUID (in lowercase)'`,
    map: rules('src.gender as g -> uuid() as u, uuid() as v, tgt.active = (%u = %v);'),
    input: PATIENT,
    expected: organization({ active: false }),
  },
  {
    name: 'transforms/uuid-of-a-variable-stays',
    spec: 'R4 mapping-language, Target Transform: the variable holds the created value',
    map: rules("src.gender as g -> uuid() as u, tgt.id = u, tgt.active = (%u = %u), tgt.id = 'x';"),
    input: PATIENT,
    expected: organization({ id: 'x', active: true }),
  },

  // refused
  {
    name: 'transforms/dateOp',
    spec: `${TRANSFORMS} dateOp: 'Parameters to be documented'; HL7's Java engine: 'not supported yet'`,
    map: rules("src.gender as g -> tgt.alias = g;\n      src.birthDate as b -> tgt.name = dateOp(b, 'x');"),
    input: PATIENT,
    error: { line: RULES_LINE + 1, says: 'dateOp' },
  },
  ...ESCAPES.map(
    ([text, from, to, wanted]): Probe => ({
      name: `transforms/escape-${from}-to-${to}`,
      spec: 'R4 CodeSystem map-transform, escape: from one kind of escaping to another (plain, java, xml, json)',
      map: rules(`src.v as v -> tgt.name = escape(v, '${from}', '${to}');`, { source: null }),
      input: { v: text },
      expected: organization({ name: wanted }),
    }),
  ),
  {
    name: 'transforms/escape-of-a-form-that-is-none',
    spec: 'R4 CodeSystem map-transform, escape: from one kind of escaping to another (plain, java, xml, json)',
    map: rules("src.gender as g -> tgt.name = escape(g, 'plain', 'url');"),
    input: PATIENT,
    error: { line: RULES_LINE, says: 'escape' },
  },
  ...(
    [
      ['unknown', 'nothing(g)', 'nothing'],
      ['truncate-without-length', 'truncate(g)', 'truncate'],
      ['append-of-nothing', 'append()', 'append'],
      ['copy-of-two', 'copy(g, g)', 'copy'],
      ['evaluate-of-nothing', 'evaluate()', 'evaluate'],
    ] as const
  ).map(
    ([name, call, says]): Probe => ({
      name: `transforms/${name}`,
      spec: `${TRANSFORMS} the parameters of each`,
      map: rules(`src.gender as g -> tgt.alias = g;\n      src.gender as g -> tgt.name = ${call};`),
      input: PATIENT,
      error: { line: RULES_LINE + 1, says },
    }),
  ),
];
