import { GROUPS_LINE, map, type Probe, RULES_LINE, rules } from './probe.ts';

const CONTEXT =
  "R4 mapping-language, Source Content: 'The context is an identifier which is either declared as a source … or any named variable'";
const PLAIN = { source: null };
const organization = (rest: object = {}) => ({ resourceType: 'Organization', ...rest });
const PATIENT = { resourceType: 'Patient', gender: 'female', active: true, name: [{ family: 'Sari' }] };
const FINE = 'src.gender as g -> tgt.alias = g;';

/** Second rules that cannot be compiled, with what the message must name. */
const REFUSED: readonly (readonly [name: string, spec: string, rule: string, says: string])[] = [
  ['unknown-source-variable', CONTEXT, "source2.gender as x -> tgt.name = 'x';", "'source2'"],
  ['unknown-source-element', 'R4 Patient has no such element', "src.sex as x -> tgt.name = 'x';", 'sex'],
  ['unknown-source-element-of-a-data-type', 'R4 HumanName has no such element', 'src.name.familiy as x -> tgt.name = x;', 'familiy'],
  [
    'unknown-source-element-of-a-variable',
    'R4 HumanName has no such element',
    'src.name as n then { n.first1 as x -> tgt.name = x; };',
    'first1',
  ],
  [
    'element-of-a-primitive',
    'R4 boolean has no elements of its own but id and extension',
    "src.active.value as x -> tgt.name = 'x';",
    'value',
  ],
  ['target-read-as-source', CONTEXT, "tgt.name as x -> tgt.name = 'x';", "'tgt'"],
  ['unknown-parameter', 'R4 mapping-language, Target Transform: a variable', 'src.gender as x -> tgt.name = y;', "'y'"],
  [
    'unknown-parameter-of-a-transform',
    'R4 mapping-language, Target Transform: a variable',
    'src.gender as x -> tgt.name = append(x, y);',
    "'y'",
  ],
  ['unknown-target-variable', 'R4 mapping-language, Target Transform: a variable', "src.gender as x -> other.name = 'x';", "'other'"],
  [
    'variable-before-it-is-there',
    'R4 mapping-language, Target Transform: processed in order',
    'src.gender as x -> tgt.name = y, append(x, x) as y;',
    "'y'",
  ],
  [
    'object-as-text',
    "R4 mapping-language, copy: 'only allowed when the types in source and target match'",
    'src.name as x -> tgt.name = x;',
    'HumanName',
  ],
  ['object-in-append', 'R4 mapping-language, append: element or string', "src.name as x -> tgt.name = append(x, 'y');", "'x'"],
  [
    'complex-of-another-type',
    "R4 mapping-language, copy: 'only allowed when the types in source and target match'",
    'src.name as x -> tgt.address = x;',
    'HumanName',
  ],
  ['resource-type-written', 'R4 JSON: resourceType is no element', "src.gender as x -> tgt.resourceType = 'Patient';", 'resourceType'],
  ['element-named-like-a-method', 'R4 Organization has no such element', 'src.gender as x -> tgt.constructor = x;', 'constructor'],
  ['element-named-proto', 'R4 Organization has no such element', 'src.gender as x -> tgt.__proto__ = x;', '__proto__'],
  ['typed-source-element-proto', 'R4 Patient has no such element', "src.__proto__ as x -> tgt.name = 'x';", '__proto__'],
  [
    'literal-date-that-is-none',
    'R4 data types, uri',
    "src.gender as x -> tgt.telecom as t, t.period as p, p.start = '2020-13-01';",
    '2020-13-01',
  ],
  [
    'transform-without-a-variable',
    "R4 mapping-language, Target Transform: 'In this case, a variable must be defined'",
    'src.gender as x -> uuid();',
    'variable',
  ],
  [
    'evaluate-of-an-unknown-variable',
    'R4 mapping-language, evaluate: one of the defined variables',
    'src.gender as x -> tgt.name = (y.code);',
    "'y'",
  ],
  [
    'function-in-a-parameter',
    'R4 grammar of the mapping language: param : literal | ID',
    'src.name as x -> tgt.name = x.given.first();',
    'function',
  ],
  ['list-mode-that-is-none', 'R4 StructureMap.group.rule.source.listMode', 'src.name second as x -> tgt.active = true;', "'second'"],
  ['cardinality-that-is-none', 'R4 grammar of the mapping language: upperBound', 'src.gender 1..x as g -> tgt.name = g;', "'x'"],
];

/** Fields that no record may reach. */
const FORBIDDEN = ['__proto__', 'constructor', 'prototype'];
/** Names that are words of the language we compile to. */
const WORDS = ['class', 'return', 'new', 'this', 'arguments', 'it', 'undefined', 'Object', 'helpers', 'run'];

export const errors: readonly Probe[] = [
  ...REFUSED.map(
    ([name, spec, rule, says]): Probe => ({
      name: `errors/${name}`,
      spec,
      map: rules(`${FINE}\n  ${rule}`),
      input: PATIENT,
      error: { line: RULES_LINE + 1, says },
    }),
  ),
  ...FORBIDDEN.slice(0, 2).flatMap((field): Probe[] => [
    {
      name: `errors/source-field-${field}`,
      spec: 'safety: a map does not reach the prototypes of the engine',
      map: rules(`src.a as a -> tgt.name = a;\n  src.${field} as x -> tgt.active = true;`, PLAIN),
      input: { a: 'x' },
      error: { line: RULES_LINE + 1, says: field },
    },
    {
      name: `errors/expression-field-${field}`,
      spec: 'safety: a map does not reach the prototypes of the engine',
      map: rules(`src.a as a -> tgt.name = a;\n  src.b as b where (${field}.exists()) -> tgt.active = true;`, PLAIN),
      input: { a: 'x' },
      error: { line: RULES_LINE + 1, says: field },
    },
  ]),
  {
    name: 'errors/record-with-fields-of-prototypes',
    spec: 'safety: a record does not change the engine',
    map: rules('src.a as a -> tgt.name = a; src.b.c as c -> tgt.alias = c;', PLAIN),
    input: JSON.parse('{"__proto__":{"a":"polluted","b":{"c":"polluted"}},"constructor":{"a":1},"b":{"__proto__":{"c":"polluted"}}}'),
    expected: organization(),
  },
  ...WORDS.map(
    (word): Probe => ({
      name: `errors/variable-named-${word}`,
      spec: 'R4 mapping-language, Reserved keywords: only those of the language are reserved',
      map: rules(`src.gender as ${word} -> tgt.name = ${word} then { src.active as a where (%${word} = 'female') -> tgt.active = a; };`),
      input: PATIENT,
      expected: organization({ name: 'female', active: true }),
    }),
  ),
  {
    name: 'errors/texts-that-end-comments-and-lines',
    spec: 'safety: a text of a map is a text',
    map: rules('src.gender as g -> tgt.name = \'"`*/ \\u2028 // \\n\' "*/ x";'),
    input: PATIENT,
    expected: organization({ name: '"`*/ \u2028 // \n' }),
  },
  {
    name: 'errors/unknown-type-of-uses',
    spec: 'R4 mapping-language, Structure Definition References',
    map: map('group Main(source src : Source, target tgt : Target) { src.gender as g -> tgt.name = g; }', { target: 'Orgunisation' }),
    input: PATIENT,
    error: { line: GROUPS_LINE, says: 'Orgunisation' },
  },
  {
    name: 'errors/element-of-an-unknown-resource-in-an-expression',
    spec: 'FHIRPath N1, Type safety and strict evaluation',
    map: rules(`${FINE}\n  src.name as n -> tgt.name = (%n.familie);`),
    input: PATIENT,
    error: { line: RULES_LINE + 1, says: 'familie' },
  },
  {
    name: 'errors/wrong-type-in-a-record',
    spec: 'R4 data types: a value that the type does not allow is never written',
    map: rules('src.gender as g -> tgt.name = g; src.active as a -> tgt.active = a;'),
    input: { resourceType: 'Patient', gender: 5, active: true },
    expected: organization({ active: true }),
    issues: ['field-type'],
  },
  {
    name: 'errors/object-where-a-text-belongs-in-plain-json',
    spec: 'R4 data types: a value that the type does not allow is never written',
    map: rules('src.a as a -> tgt.name = a; src.b as b -> tgt.alias = b;', PLAIN),
    input: { a: { x: 1 }, b: ['y', 5] },
    expected: organization({ alias: ['y'] }),
    issues: ['field-type', 'field-type'],
  },
];
