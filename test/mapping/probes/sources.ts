import { type Probe, RULES_LINE, rules } from './probe.ts';

const SOURCE = 'R4 mapping-language, Source Content:';
const NAMES = {
  resourceType: 'Patient',
  gender: 'female',
  name: [
    { use: 'official', family: 'Sari', given: ['Dewi', 'Ayu'] },
    { use: 'nickname', family: 'Ayu' },
    { use: 'old', family: 'Rini', given: ['Dewi'] },
  ],
};
const OBSERVATION = { resourceType: 'Observation', status: 'final', code: { text: 'c' } };
const organization = (rest: object = {}) => ({ resourceType: 'Organization', ...rest });

/** The families that a source over Patient.name lets through. */
const families = (source: string) => rules(`src.name ${source} then { n.family as f -> tgt.alias = f; } "names";`);

export const sources: readonly Probe[] = [
  {
    name: 'sources/one-run-per-item',
    spec: `${SOURCE} 'the rule will apply once for each element on the context that matches this name'`,
    map: families('as n'),
    input: NAMES,
    expected: organization({ alias: ['Sari', 'Ayu', 'Rini'] }),
  },
  {
    name: 'sources/missing-does-not-fire',
    spec: `${SOURCE} 'once for each element on the context that matches'`,
    map: rules(`
      src.name as n -> tgt.name = 'x';
      src.active as a -> tgt.active = a;`),
    input: { resourceType: 'Patient', active: true },
    expected: organization({ active: true }),
  },
  {
    name: 'sources/false-is-a-value',
    spec: `${SOURCE} the element is there, whatever its value`,
    map: rules('src.active as a -> tgt.active = a;'),
    input: { resourceType: 'Patient', active: false },
    expected: organization({ active: false }),
  },
  {
    name: 'sources/zero-is-a-value',
    spec: `${SOURCE} the element is there, whatever its value`,
    map: rules('src.multipleBirth : integer as m -> tgt.multipleBirth = m;', { target: 'Patient' }),
    input: { resourceType: 'Patient', multipleBirthInteger: 0 },
    expected: { resourceType: 'Patient', multipleBirthInteger: 0 },
  },
  {
    name: 'sources/null-and-empty-list-do-not-fire',
    spec: `${SOURCE} 'the instances need no formal declaration'; nothing is there`,
    map: rules(
      `
      src.a as a -> tgt.name = 'a';
      src.b as b -> tgt.name = 'b';
      src.c as c -> tgt.name = c;`,
      { source: null },
    ),
    input: { a: null, b: [], c: 'c' },
    expected: organization({ name: 'c' }),
  },
  {
    name: 'sources/without-element-is-the-context',
    spec: `${SOURCE} 'If the name is not provided, the source is the context'`,
    map: rules('src as s -> tgt.name = \'x\' "context";'),
    input: { resourceType: 'Patient' },
    expected: organization({ name: 'x' }),
  },
  {
    name: 'sources/context-under-a-new-name',
    spec: `${SOURCE} 'If the name is not provided, the source is the context'`,
    map: rules('src as s then { s.gender as g -> tgt.name = g; } "context";'),
    input: NAMES,
    expected: organization({ name: 'female' }),
  },
  {
    name: 'sources/without-target-only-binds',
    spec: "R4 mapping-language, Target Transform: 'If no targets are specified (no ->), no transformation is done'",
    map: rules('src.name as n;'),
    input: NAMES,
    expected: organization(),
  },
  {
    name: 'sources/dotted-path-reads-through-lists',
    spec: 'R4 grammar of the mapping language: ruleContext; FHIRPath N1, Path Selection',
    map: rules('src.name.given as g -> tgt.alias = g;'),
    input: NAMES,
    expected: organization({ alias: ['Dewi', 'Ayu', 'Dewi'] }),
  },
  {
    name: 'sources/dotted-path-of-three-steps',
    spec: 'R4 grammar of the mapping language: ruleContext; FHIRPath N1, Path Selection',
    map: rules('src.contact.name.family as f -> tgt.alias = f;'),
    input: { resourceType: 'Patient', contact: [{ name: { family: 'a' } }, { gender: 'male' }, { name: { family: 'b' } }] },
    expected: organization({ alias: ['a', 'b'] }),
  },
  {
    name: 'sources/dotted-path-in-plain-json',
    spec: 'R4 grammar of the mapping language: ruleContext; FHIRPath N1, Path Selection',
    map: rules('src.a.b as b -> tgt.alias = b;', { source: null }),
    input: { a: [{ b: 'x' }, { b: ['y', 'z'] }, {}] },
    expected: organization({ alias: ['x', 'y', 'z'] }),
  },
  {
    name: 'sources/back-ticked-names',
    spec: "R4 mapping-language, General Syntax Notes: 'Escaping can be done by surrounding them by backticks or double quotes'",
    map: rules('src.`name` as `n` then { `n`.`family` as f -> tgt.`alias` = f; };'),
    input: NAMES,
    expected: organization({ alias: ['Sari', 'Ayu', 'Rini'] }),
  },
  {
    name: 'sources/back-ticked-name-that-is-no-word',
    spec: "R4 mapping-language, General Syntax Notes: 'Escaping can be done by surrounding them by backticks or double quotes'",
    map: rules('src.`first-name 1` as n -> tgt.name = n;', { source: null }),
    input: { 'first-name 1': 'Dewi' },
    expected: organization({ name: 'Dewi' }),
  },
  {
    name: 'sources/keyword-as-element',
    spec: 'R4 mapping-language, Reserved keywords: reserved for names of variables; elements have the names they have',
    map: rules('src.link as l then { l.type as t -> tgt.alias = t; };'),
    input: { resourceType: 'Patient', link: [{ other: { reference: 'Patient/1' }, type: 'seealso' }] },
    expected: organization({ alias: ['seealso'] }),
  },
  {
    name: 'sources/function-in-path',
    spec: 'R4 grammar of the mapping language: ruleContext is identifiers and dots',
    map: rules(`src.active as a -> tgt.active = a;
      src.name.first() as n -> tgt.name = 'x';`),
    input: NAMES,
    error: { line: RULES_LINE + 1, says: 'function' },
  },
  {
    name: 'sources/two-sources-cross-product',
    spec: `${SOURCE} 'if there are 2 source statements, each with 2 matching elements, the rule applies 4 times'`,
    map: rules('src.a as a, src.b as b -> tgt.alias = append(a, b) "product";', { source: null }),
    input: { a: ['1', '2'], b: ['x', 'y'] },
    expected: organization({ alias: ['1x', '1y', '2x', '2y'] }),
  },
  {
    name: 'sources/two-sources-one-empty',
    spec: `${SOURCE} 'the rule applies for the permutation of the source elements': of none there is none`,
    map: rules('src.a as a, src.b as b -> tgt.alias = append(a, b) "product";', { source: null }),
    input: { a: ['1', '2'] },
    expected: organization(),
  },
  {
    name: 'sources/second-source-from-first',
    spec: `${SOURCE} 'any named variable within the group'; the permutation of the source elements`,
    map: rules('src.name as n, n.given as g -> tgt.alias = g "product";'),
    input: NAMES,
    expected: organization({ alias: ['Dewi', 'Ayu', 'Dewi'] }),
  },
  {
    name: 'sources/second-source-with-where-on-first',
    spec: `${SOURCE} where; FHIRPath N1, Environment variables`,
    map: rules('src.a as a, src.b as b where ($this != %a) -> tgt.alias = append(a, b) "product";', { source: null }),
    input: { a: ['1', '2'], b: ['1', '2'] },
    expected: organization({ alias: ['12', '21'] }),
  },

  // type
  ...['valueQuantity', 'valueString', 'valueBoolean', 'valueCodeableConcept'].map(
    (name): Probe => ({
      name: `sources/choice-read-by-plain-name-${name}`,
      spec: 'R4 formats, Choice of Data Types: the element is value[x], its name for paths is value',
      map: rules("src.value as v -> tgt.name = 'there';", { source: 'Observation' }),
      input: {
        ...OBSERVATION,
        [name]: { valueQuantity: { value: 1 }, valueString: 's', valueBoolean: false, valueCodeableConcept: { text: 't' } }[name],
      },
      expected: organization({ name: 'there' }),
    }),
  ),
  {
    name: 'sources/choice-that-is-not-there',
    spec: 'R4 formats, Choice of Data Types: the element is value[x], its name for paths is value',
    map: rules("src.value as v -> tgt.name = 'there';", { source: 'Observation' }),
    input: OBSERVATION,
    expected: organization(),
  },
  {
    name: 'sources/type-filter-keeps',
    spec: `${SOURCE} 'only elements that have the specified type are selected'`,
    map: rules('src.value : Quantity as q then { q.unit as u -> tgt.name = u; };', { source: 'Observation' }),
    input: { ...OBSERVATION, valueQuantity: { value: 1, unit: 'kg' } },
    expected: organization({ name: 'kg' }),
  },
  {
    name: 'sources/type-filter-drops',
    spec: `${SOURCE} 'only elements that have the specified type are selected'`,
    map: rules(
      `
      src.value : Quantity as q -> tgt.name = 'quantity';
      src.value : string as s -> tgt.name = 'string';
      src.value : boolean as b -> tgt.name = 'boolean';`,
      { source: 'Observation' },
    ),
    input: { ...OBSERVATION, valueBoolean: false },
    expected: organization({ name: 'boolean' }),
  },
  {
    name: 'sources/type-filter-on-repeating-choice-parents',
    spec: `${SOURCE} 'only elements that have the specified type are selected'`,
    map: rules('src.component as c then { c.value : string as s -> tgt.alias = s; };', { source: 'Observation' }),
    input: { ...OBSERVATION, component: [{ valueString: 'a' }, { valueInteger: 5 }, { valueString: 'b' }] },
    expected: organization({ alias: ['a', 'b'] }),
  },
  {
    name: 'sources/type-filter-of-resources',
    spec: `${SOURCE} 'only elements that have the specified type are selected'`,
    map: rules('src.entry as e then { e.resource : Patient as p then { p.gender as g -> tgt.alias = g; }; };', {
      source: 'Bundle',
      more: ['Patient'],
    }),
    input: {
      resourceType: 'Bundle',
      type: 'collection',
      entry: [
        { resource: OBSERVATION },
        { resource: { resourceType: 'Patient', gender: 'male' } },
        { fullUrl: 'urn:x:1' },
        { resource: { resourceType: 'Patient', gender: 'female' } },
      ],
    },
    expected: organization({ alias: ['male', 'female'] }),
  },
  {
    name: 'sources/type-filter-in-plain-json',
    spec: `${SOURCE} 'only elements that have the specified type are selected'; of JSON the type of the value`,
    map: rules('src.a : string as s -> tgt.alias = s;', { source: null }),
    input: { a: ['x', 5, true, { b: 1 }, 'y'] },
    expected: organization({ alias: ['x', 'y'] }),
  },
  {
    name: 'sources/type-filter-integer-in-plain-json',
    spec: `${SOURCE} 'only elements that have the specified type are selected'; of JSON the type of the value`,
    map: rules("src.a : integer as i -> tgt.alias = cast(i, 'string');", { source: null }),
    input: { a: ['x', 5, 1.5, true, 7] },
    expected: organization({ alias: ['5', '7'] }),
  },
  {
    name: 'sources/type-filter-boolean-in-plain-json',
    spec: `${SOURCE} 'only elements that have the specified type are selected'; of JSON the type of the value`,
    map: rules('src.a : boolean as b -> tgt.active = b;', { source: null }),
    input: { a: ['true', 1, true] },
    expected: organization({ active: true }),
  },
  {
    name: 'sources/type-filter-never-true',
    spec: `${SOURCE} type; R4 Patient.name is a HumanName`,
    map: rules("src.name : Quantity as q -> tgt.name = 'x';"),
    input: NAMES,
    error: { line: RULES_LINE, says: 'Quantity' },
  },
  {
    name: 'sources/type-filter-never-true-of-choice',
    spec: `${SOURCE} type; R4 Observation.value[x] has no Address`,
    map: rules("src.value : Address as q -> tgt.status = 'final';", { source: 'Observation', target: 'Observation' }),
    input: OBSERVATION,
    error: { line: RULES_LINE, says: 'Address' },
  },

  {
    name: 'sources/type-filter-of-contained-resources',
    spec: `${SOURCE} 'only elements that have the specified type are selected'; R4 DomainResource.contained`,
    map: rules('src.contained : Observation as o then { o.status as s -> tgt.alias = s; };', { more: ['Observation'] }),
    input: { ...NAMES, contained: [OBSERVATION, { resourceType: 'Basic' }] },
    expected: organization({ alias: ['final'] }),
  },
  {
    name: 'sources/dotted-path-that-ends-in-a-choice',
    spec: 'R4 formats, Choice of Data Types; R4 grammar of the mapping language: ruleContext',
    map: rules('src.extension.value : string as v -> tgt.alias = v;'),
    input: {
      ...NAMES,
      extension: [
        { url: 'a', valueString: 'x' },
        { url: 'b', valueInteger: 1 },
        { url: 'c', valueString: 'y' },
      ],
    },
    expected: organization({ alias: ['x', 'y'] }),
  },
  {
    name: 'sources/json-name-of-the-extensions-of-a-primitive',
    spec: 'R4 JSON: _birthDate is a form of JSON, no element of Patient',
    map: rules("src._birthDate as b -> tgt.name = 'x';"),
    input: NAMES,
    error: { line: RULES_LINE, says: '_birthDate' },
  },
  {
    name: 'sources/choice-with-cardinality',
    spec: `${SOURCE} min..max; R4 formats, Choice of Data Types: one element, whichever its type`,
    map: rules("src.value 1..1 as v -> tgt.name = 'there';", { source: 'Observation' }),
    input: { ...OBSERVATION, valueString: 's' },
    expected: organization({ name: 'there' }),
  },
  {
    name: 'sources/choice-with-cardinality-that-is-not-there',
    spec: `${SOURCE} min..max; R4 formats, Choice of Data Types: one element, whichever its type`,
    map: rules("src.value 1..1 as v -> tgt.name = 'there';", { source: 'Observation' }),
    input: OBSERVATION,
    expected: organization(),
    issues: ['map-check'],
  },
  {
    name: 'sources/choice-with-default-of-which-a-value-is-there',
    spec: `${SOURCE} default, 'used if there is no source value found'; R4 formats, Choice of Data Types`,
    map: rules("src.value : string default 'none' as v -> tgt.alias = v;", { source: 'Observation' }),
    input: { ...OBSERVATION, valueString: 's' },
    expected: organization({ alias: ['s'] }),
  },
  {
    name: 'sources/choice-with-where-on-its-value',
    spec: `${SOURCE} where; FHIRPath N1, Path Selection: a path that the value does not have is empty`,
    map: rules("src.value as v where (unit = 'kg') -> tgt.name = 'kg';", { source: 'Observation' }),
    input: { ...OBSERVATION, valueQuantity: { value: 1, unit: 'kg' } },
    expected: organization({ name: 'kg' }),
  },
  {
    name: 'sources/choice-runs-once-with-nested-rules',
    spec: 'R4 formats, Choice of Data Types: one element, whichever its type',
    map: rules("src.value as v -> tgt.alias = 'a' then { src.status as s -> tgt.alias = s; };", { source: 'Observation' }),
    input: { ...OBSERVATION, valueString: 's' },
    expected: organization({ alias: ['a', 'final'] }),
  },
  {
    name: 'sources/choice-in-a-cross-product',
    spec: `${SOURCE} 'the rule applies for the permutation of the source elements'`,
    map: rules('src.value as v, src.component as c, c.value as w -> tgt.alias = \'x\' "product";', { source: 'Observation' }),
    input: { ...OBSERVATION, valueString: 's', component: [{ valueInteger: 1 }, { valueBoolean: false }] },
    expected: organization({ alias: ['x', 'x'] }),
  },

  {
    name: 'sources/choice-with-where-that-another-type-does-not-know',
    spec: `${SOURCE} where; FHIRPath N1, Path Selection: a path that the value does not have is empty`,
    map: rules("src.value as v where (unit = 'kg') -> tgt.name = 'kg';", { source: 'Observation' }),
    input: { ...OBSERVATION, valueString: 's' },
    expected: organization(),
  },
  {
    name: 'sources/choice-in-the-middle-of-a-dotted-path',
    spec: 'R4 FHIRPath, Polymorphism: the value without the type; R4 grammar of the mapping language: ruleContext',
    map: rules('src.value.unit as u -> tgt.name = u;', { source: 'Observation' }),
    input: { ...OBSERVATION, valueQuantity: { value: 1, unit: 'kg' } },
    expected: organization({ name: 'kg' }),
  },
  {
    name: 'sources/type-filter-at-the-end-of-a-dotted-path',
    spec: `${SOURCE} 'only elements that have the specified type are selected'; R4 grammar of the mapping language: ruleContext`,
    map: rules('src.entry.resource : Patient as p then { p.gender as g -> tgt.alias = g; };', { source: 'Bundle', more: ['Patient'] }),
    input: {
      resourceType: 'Bundle',
      type: 'collection',
      entry: [
        { resource: OBSERVATION },
        { resource: { resourceType: 'Patient', gender: 'male' } },
        {},
        { resource: { resourceType: 'Patient', gender: 'other' } },
      ],
    },
    expected: organization({ alias: ['male', 'other'] }),
  },
  {
    name: 'sources/type-filter-with-where',
    spec: `${SOURCE} type and where; FHIRPath N1, > (Greater Than)`,
    map: rules(
      "src.component as c then { c.value : Quantity as q where (value >= 5 and unit = 'kg') then { q.unit as u -> tgt.alias = u; }; };",
      {
        source: 'Observation',
      },
    ),
    input: {
      ...OBSERVATION,
      component: [
        { valueQuantity: { value: 4, unit: 'kg' } },
        { valueQuantity: { value: 5, unit: 'kg' } },
        { valueQuantity: { value: 6, unit: 'g' } },
        { valueInteger: 7 },
      ],
    },
    expected: organization({ alias: ['kg'] }),
  },
  {
    name: 'sources/resourceType-is-no-element',
    spec: 'R4 JSON: resourceType is no element of Patient',
    map: rules("src.resourceType as r -> tgt.name = 'x';"),
    input: NAMES,
    error: { line: RULES_LINE, says: 'resourceType' },
  },

  // cardinality
  {
    name: 'sources/cardinality-kept',
    spec: `${SOURCE} min..max`,
    map: rules('src.gender : code 1..1 as g -> tgt.name = g;'),
    input: NAMES,
    expected: organization({ name: 'female' }),
  },
  {
    name: 'sources/cardinality-without-type',
    spec: 'R4 grammar of the mapping language: sourceType? sourceCardinality?',
    map: rules('src.gender 0..1 as g -> tgt.name = g;'),
    input: NAMES,
    expected: organization({ name: 'female' }),
  },
  {
    name: 'sources/cardinality-too-few',
    spec: `${SOURCE} 'the mapping engine raises an error instead of completing the transformation'`,
    map: rules("src.birthDate 1..1 as b -> tgt.name = 'x';"),
    input: NAMES,
    expected: organization(),
    issues: ['map-check'],
  },
  {
    name: 'sources/cardinality-too-many',
    spec: `${SOURCE} 'the mapping engine raises an error instead of completing the transformation'`,
    map: families('1..2 as n'),
    input: NAMES,
    expected: organization(),
    issues: ['map-check'],
  },
  {
    name: 'sources/cardinality-star',
    spec: `${SOURCE} 'may use * for the upper bound'`,
    map: families('2..* as n'),
    input: NAMES,
    expected: organization({ alias: ['Sari', 'Ayu', 'Rini'] }),
  },
  {
    name: 'sources/cardinality-is-of-the-element-not-of-the-matches',
    spec: `${SOURCE} 'the cardinality of the element in the source'`,
    map: families("1..1 as n where (use = 'old')"),
    input: NAMES,
    expected: organization(),
    issues: ['map-check'],
  },

  // default
  {
    name: 'sources/default-used',
    spec: `${SOURCE} 'A default value, used if there is no source value found'`,
    map: rules("src.gender default 'unknown' as g -> tgt.name = g;"),
    input: { resourceType: 'Patient' },
    expected: organization({ name: 'unknown' }),
  },
  {
    name: 'sources/default-not-used',
    spec: `${SOURCE} 'A default value, used if there is no source value found'`,
    map: rules("src.gender default 'unknown' as g -> tgt.name = g;"),
    input: NAMES,
    expected: organization({ name: 'female' }),
  },
  {
    name: 'sources/default-in-parentheses',
    spec: "R4 grammar of the mapping language: sourceDefault : 'default' '(' fhirPath ')'",
    map: rules("src.gender default ('unknown') as g -> tgt.name = g;"),
    input: { resourceType: 'Patient' },
    expected: organization({ name: 'unknown' }),
  },
  {
    name: 'sources/default-in-double-quotes',
    spec: "HL7's Java engine: default takes any quoted constant",
    map: rules('src.gender default "unknown" as g -> tgt.name = g;'),
    input: { resourceType: 'Patient' },
    expected: organization({ name: 'unknown' }),
  },
  {
    name: 'sources/default-boolean',
    spec: `${SOURCE} 'Default values only apply to primitive types'`,
    map: rules('src.active default false as a -> tgt.active = a;'),
    input: { resourceType: 'Patient' },
    expected: organization({ active: false }),
  },
  {
    name: 'sources/default-of-a-list-once',
    spec: `${SOURCE} 'If there's a default value on an item that can repeat, it will only be used once'`,
    map: rules("src.a default 'none' as a -> tgt.alias = a;", { source: null }),
    input: { a: [] },
    expected: organization({ alias: ['none'] }),
  },
  {
    name: 'sources/default-then-where',
    spec: "R4 grammar of the mapping language: default before where; HL7's Java engine",
    map: rules("src.gender default 'unknown' as g where ($this != 'unknown') -> tgt.name = g;"),
    input: { resourceType: 'Patient' },
    expected: organization(),
  },
  {
    name: 'sources/default-then-check',
    spec: "R4 grammar of the mapping language: default before check; HL7's Java engine",
    map: rules("src.gender default 'unknown' as g check ($this != 'unknown') -> tgt.name = g;"),
    input: { resourceType: 'Patient' },
    expected: organization(),
    issues: ['map-check'],
  },
  {
    name: 'sources/default-with-a-type-filter',
    spec: "R4 grammar of the mapping language: type before default; HL7's Java engine: a default only where nothing is there",
    map: rules("src.a : string default 'none' as a -> tgt.alias = a;", { source: null }),
    input: { a: [5] },
    expected: organization(),
  },
  {
    name: 'sources/default-of-wrong-type',
    spec: `${SOURCE} default; R4 Patient.active is boolean`,
    map: rules("src.active default 'yes' as a -> tgt.active = a;"),
    input: { resourceType: 'Patient' },
    error: { line: RULES_LINE, says: 'default' },
  },

  {
    name: 'sources/default-over-a-dotted-path-that-breaks-off',
    spec: `${SOURCE} 'used if there is no source value found'; R4 grammar of the mapping language: ruleContext`,
    map: rules("src.name.family default 'none' as f -> tgt.alias = f;"),
    input: { resourceType: 'Patient' },
    expected: organization({ alias: ['none'] }),
  },
  {
    name: 'sources/default-over-a-dotted-path-through-a-list',
    spec: `${SOURCE} 'used if there is no source value found … it will only be used once'`,
    map: rules("src.name.text default 'none' as f -> tgt.alias = f;"),
    input: NAMES,
    expected: organization({ alias: ['none'] }),
  },
  {
    name: 'sources/default-over-a-dotted-path-of-which-some-is-there',
    spec: `${SOURCE} 'used if there is no source value found'`,
    map: rules("src.name.given default 'none' as f -> tgt.alias = f;"),
    input: NAMES,
    expected: organization({ alias: ['Dewi', 'Ayu', 'Dewi'] }),
  },
  {
    name: 'sources/default-that-is-an-expression',
    spec: `${SOURCE} default: 'the value is a FHIRPath statement (usually a literal)'`,
    map: rules('src.language default (%src.gender) as l -> tgt.name = l;'),
    input: NAMES,
    expected: organization({ name: 'female' }),
  },
  {
    name: 'sources/cardinality-over-a-dotted-path-that-breaks-off',
    spec: `${SOURCE} min..max; R4 grammar of the mapping language: ruleContext`,
    map: rules('src.contact.gender 1..1 as g -> tgt.name = g;'),
    input: NAMES,
    expected: organization(),
    issues: ['map-check'],
  },
  {
    name: 'sources/cardinality-over-a-dotted-path-through-a-list',
    spec: `${SOURCE} 'the cardinality of the element in the source': of the path, one collection (FHIRPath N1)`,
    map: rules('src.name.family 1..3 as f -> tgt.alias = f;'),
    input: NAMES,
    expected: organization({ alias: ['Sari', 'Ayu', 'Rini'] }),
  },

  // list modes
  ...(
    [
      ['first', ['Sari'], 'Only process this rule for the first in the list'],
      ['last', ['Rini'], 'Only process this rule for the last in the list'],
      ['not_first', ['Ayu', 'Rini'], 'Process this rule for all but the first'],
      ['not_last', ['Sari', 'Ayu'], 'Process this rule for all but the last'],
    ] as const
  ).map(
    ([mode, alias, text]): Probe => ({
      name: `sources/list-mode-${mode}`,
      spec: `R4 StructureMap.group.rule.source.listMode ${mode}: '${text}'`,
      map: families(`${mode} as n`),
      input: NAMES,
      expected: organization({ alias }),
    }),
  ),
  {
    name: 'sources/list-mode-not_first-of-one',
    spec: "R4 StructureMap.group.rule.source.listMode not_first: 'all but the first'",
    map: families('not_first as n'),
    input: { resourceType: 'Patient', name: [{ family: 'x' }] },
    expected: organization(),
  },
  {
    name: 'sources/list-mode-only_one-of-one',
    spec: "R4 StructureMap.group.rule.source.listMode only_one: 'Only process this rule is there is only item'",
    map: families('only_one as n'),
    input: { resourceType: 'Patient', name: [{ family: 'x' }] },
    expected: organization({ alias: ['x'] }),
  },
  {
    name: 'sources/list-mode-only_one-of-more',
    spec: "R4 StructureMap.group.rule.source.listMode only_one: 'Only process this rule is there is only item'; HL7's Java engine: an error",
    map: families('only_one as n'),
    input: NAMES,
    expected: organization(),
    issues: ['field-type'],
  },
  {
    name: 'sources/list-mode-after-where',
    spec: "R4 mapping-language, Source Content: where decides what matches; HL7's Java engine: the list mode comes last",
    map: families("first as n where (use != 'official')"),
    input: NAMES,
    expected: organization({ alias: ['Ayu'] }),
  },
  {
    name: 'sources/list-mode-only_one-after-where',
    spec: "R4 mapping-language, Source Content: where decides what matches; HL7's Java engine: the list mode comes last",
    map: families("only_one as n where (use = 'old')"),
    input: NAMES,
    expected: organization({ alias: ['Rini'] }),
  },
  {
    name: 'sources/list-mode-over-a-dotted-path',
    spec: 'R4 StructureMap.group.rule.source.listMode; FHIRPath N1, Path Selection: one collection',
    map: rules('src.name.given last as g -> tgt.alias = g;'),
    input: NAMES,
    expected: organization({ alias: ['Dewi'] }),
  },
  {
    name: 'sources/list-mode-only_one-over-a-dotted-path',
    spec: 'R4 StructureMap.group.rule.source.listMode only_one; FHIRPath N1, Path Selection: one collection',
    map: rules('src.name.family only_one as f -> tgt.alias = f;'),
    input: NAMES,
    expected: organization(),
    issues: ['field-type'],
  },
  {
    name: 'sources/list-modes-of-two-sources',
    spec: `${SOURCE} the list option of each; the permutation of what is left`,
    map: rules('src.a last as a, src.b not_first as b -> tgt.alias = append(a, b) "product";', { source: null }),
    input: { a: ['1', '2'], b: ['x', 'y', 'z'] },
    expected: organization({ alias: ['2y', '2z'] }),
  },
  {
    name: 'sources/log-after-where',
    spec: 'R4 grammar of the mapping language: whereClause? checkClause? log?; a map of ours has no side effects',
    map: rules("src.gender as g where ($this = 'female') log ('seen') -> tgt.name = g;"),
    input: NAMES,
    error: { line: RULES_LINE, says: 'log' },
  },
  {
    name: 'sources/everything-in-the-order-of-the-grammar',
    spec: `${SOURCE} the example with type, cardinality, default, list option, variable, where and check`,
    map: rules("src.a : integer 0..* default 10 first as v where ($this >= 10) check ($this <= 100) -> tgt.name = cast(v, 'string');", {
      source: null,
    }),
    input: { a: [5, 50, 70] },
    expected: organization({ name: '50' }),
  },
  {
    name: 'sources/log',
    spec: 'R4 mapping-language, Log Statement; a map of ours has no side effects',
    map: rules("src.gender as g log ('seen') -> tgt.name = g;"),
    input: NAMES,
    error: { line: RULES_LINE, says: 'log' },
  },
];
