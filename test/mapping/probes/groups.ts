import { GROUPS_LINE, map, type Probe, RULES_LINE, rules } from './probe.ts';

const DEPENDENT = 'R4 mapping-language, Dependent Rules:';
const GROUPS = 'R4 mapping-language, Groups:';
const IMPORTS = 'R4 mapping-language, Map Imports:';
const organization = (rest: object = {}) => ({ resourceType: 'Organization', ...rest });
const PATIENT = {
  resourceType: 'Patient',
  gender: 'female',
  active: true,
  language: 'id',
  name: [
    { family: 'Sari', given: ['Dewi'] },
    { family: 'Rini', given: ['Nur'] },
  ],
};
const INPUTS = 'source src : Source, target tgt : Target';
/** Main calls with these arguments what `more` declares. */
const calls = (call: string, more: string, imports: readonly string[] = []) =>
  map(`group Main(${INPUTS}) {\n  src -> tgt.active = true then ${call} "call";\n}\n${more}`, { imports });
const library = (url: string, groups: string, imports: readonly string[] = []) => map(groups, { url, imports });
const NAME = `group Name(${INPUTS}) { src.gender as g -> tgt.name = g; }`;
const ALIAS = `group Alias(${INPUTS}) { src.language as l -> tgt.alias = l; }`;

export const groups: readonly Probe[] = [
  {
    name: 'groups/dependent-group',
    spec: `${DEPENDENT} 'Each rule or group is listed by name, and then a set of parameters are provided'`,
    map: calls('Name(src, tgt)', NAME),
    input: PATIENT,
    expected: organization({ active: true, name: 'female' }),
  },
  {
    name: 'groups/dependent-group-per-item',
    spec: `${DEPENDENT} 'Once the source elements are evaluated, and any specified targets created'`,
    map: map(`group Main(${INPUTS}) { src.name as n -> tgt.contact as c then Contact(n, c); }
group Contact(source n, target c) { n.family as f -> c.name as m, m.family = f; }`),
    input: PATIENT,
    expected: organization({ contact: [{ name: { family: 'Sari' } }, { name: { family: 'Rini' } }] }),
  },
  {
    name: 'groups/several-groups',
    spec: "R4 grammar of the mapping language: dependent : 'then' invocation (',' invocation)*",
    map: calls('Name(src, tgt), Alias(src, tgt)', `${NAME}\n${ALIAS}`),
    input: PATIENT,
    expected: organization({ active: true, name: 'female', alias: ['id'] }),
  },
  {
    name: 'groups/group-and-rules',
    spec: "R4 grammar of the mapping language: dependent : 'then' (invocation (',' invocation)* rules? | rules)",
    map: calls('Name(src, tgt) { src.language as l -> tgt.alias = l; }', NAME),
    input: PATIENT,
    expected: organization({ active: true, name: 'female', alias: ['id'] }),
  },
  {
    name: 'groups/declared-before-or-after',
    spec: `${DEPENDENT} 'Groups are resolved by name by looking through all the groups'`,
    map: calls(
      'A(src, tgt)',
      `group B(${INPUTS}) { src.gender as g -> tgt.name = g; }\ngroup A(${INPUTS}) { src.active as a then B(src, tgt); }`,
    ),
    input: PATIENT,
    expected: organization({ active: true, name: 'female' }),
  },
  {
    name: 'groups/source-target-source',
    spec: `${DEPENDENT} 'The parameters provided must match the parameters required by the dependent rule, in order'`,
    map: map(`group Main(${INPUTS}) { src.gender as g then Both(src, tgt, g); }
group Both(source s : Source, target t : Target, source g) { s.language as l -> t.name = append(l, g); }`),
    input: PATIENT,
    expected: organization({ name: 'idfemale' }),
  },
  {
    name: 'groups/target-before-source',
    spec: `${DEPENDENT} 'in order. In addition, the mode of the variable must match'`,
    map: map(`group Main(${INPUTS}) { src.active as a then Turned(tgt, src); }
group Turned(target t : Target, source s : Source) { s.gender as g -> t.name = g; }`),
    input: PATIENT,
    expected: organization({ name: 'female' }),
  },
  {
    name: 'groups/two-targets',
    spec: `${GROUPS} 'Groups may have additional input or output inputs, where that's necessary'`,
    map: map(`group Main(${INPUTS}) { src.active as a -> tgt.contact as c, tgt.partOf as r then Two(src, c, r); }
group Two(source s : Source, target c, target r) { s.gender as g -> c.purpose as p, p.text = g, r.display = g; }`),
    input: PATIENT,
    expected: organization({ contact: [{ purpose: { text: 'female' } }], partOf: { display: 'female' } }),
  },
  {
    name: 'groups/same-group-with-other-types',
    spec: `${GROUPS} 'Inputs may have a type, but are not required to'`,
    map: map(`group Main(${INPUTS}) {
  src.gender as g then Text(g, tgt);
  src.active as a then Text(a, tgt);
  src.name as n then { n.family as f then Text(f, tgt); };
}
group Text(source v, target t : Target) { v -> t.alias = cast(v, 'string') "text"; }`),
    input: PATIENT,
    expected: organization({ alias: ['female', 'true', 'Sari', 'Rini'] }),
  },
  {
    name: 'groups/recursion',
    spec: `${DEPENDENT} a rule 'can nominate another group of rules from the same … mapping', its own too`,
    map: map(
      `group Main(source src, target tgt : Target) { src.item as i then Item(i, tgt); }
group Item(source i, target t : Target) {
  i.text as x -> t.alias = x;
  i.item as deeper then Item(deeper, t);
}`,
      { source: null },
    ),
    input: { item: [{ text: 'a', item: [{ text: 'b', item: [{ text: 'c' }] }, { text: 'd' }] }, { text: 'e' }] },
    expected: organization({ alias: ['a', 'b', 'c', 'd', 'e'] }),
  },
  {
    name: 'groups/recursion-over-a-questionnaire-response',
    spec: `${DEPENDENT} recursion; R4 QuestionnaireResponse.item.item has the content of item`,
    map: map(
      `group Main(${INPUTS}) { src.item as i then Item(i, tgt); }
group Item(source i, target t : Target) {
  i.answer as a then { a.value : string as v -> t.alias = v; };
  i.item as deeper then Item(deeper, t);
}`,
      { source: 'QuestionnaireResponse' },
    ),
    input: {
      resourceType: 'QuestionnaireResponse',
      status: 'completed',
      item: [{ linkId: '1', answer: [{ valueString: 'a' }], item: [{ linkId: '2', answer: [{ valueInteger: 1 }, { valueString: 'b' }] }] }],
    },
    expected: organization({ alias: ['a', 'b'] }),
  },
  {
    name: 'groups/mutual-recursion',
    spec: `${DEPENDENT} groups resolved by name`,
    map: map(
      `group Main(source src, target tgt : Target) { src.a as a then A(a, tgt); }
group A(source s, target t : Target) { s.text as x -> t.alias = x; s.b as b then B(b, t); }
group B(source s, target t : Target) { s.text as x -> t.alias = append('b', x); s.a as a then A(a, t); }`,
      { source: null },
    ),
    input: { a: { text: '1', b: { text: '2', a: { text: '3' } } } },
    expected: organization({ alias: ['1', 'b2', '3'] }),
  },
  ...(
    [
      ['text', "'it\\'s'", 'tgt.name = v', { name: "it's" }],
      ['boolean', 'false', 'tgt.active = v', { active: false }],
      ['integer', '-7', "tgt.name = cast(v, 'string')", { name: '-7' }],
      ['decimal', '1.5', "tgt.name = cast(v, 'string')", { name: '1.5' }],
    ] as const
  ).map(
    ([name, literal, target, wanted]): Probe => ({
      name: `groups/literal-argument-${name}`,
      spec: 'R5 StructureMap.group.rule.dependent.parameter; R4 has variables only',
      map: map(`group Main(${INPUTS}) { src.gender as g then Literal(${literal}, tgt); }
group Literal(source v, target tgt : Target) { v -> ${target} "literal"; }`),
      input: PATIENT,
      expected: organization(wanted),
    }),
  ),

  {
    name: 'groups/target-variable-as-source',
    spec: `${DEPENDENT} 'Note, though, that target variables can be treated as source for a group'`,
    map: map(`group Main(${INPUTS}) { src.gender as g -> tgt.contact as c, c.purpose as p, p.text = g then Read(p, tgt); }
group Read(source p, target t : Target) { p.text as x -> t.name = x; }`),
    input: PATIENT,
    expected: organization({ contact: [{ purpose: { text: 'female' } }], name: 'female' }),
  },
  {
    name: 'groups/source-and-target-variable-of-one-name',
    spec: `${DEPENDENT} 'the mode of the variable must match'; HL7's Java engine: a name for each mode`,
    map: map(`group Main(${INPUTS}) { src.name as n -> tgt.contact as n then Contact(n, n); }
group Contact(source s, target t) { s.family as f -> t.purpose as p, p.text = f; }`),
    input: PATIENT,
    expected: organization({ contact: [{ purpose: { text: 'Sari' } }, { purpose: { text: 'Rini' } }] }),
  },
  {
    name: 'groups/inner-variable-hides-the-outer',
    spec: `${DEPENDENT} the variables of a rule are known in the rules it contains, and only there`,
    map: rules('src.gender as x then { src.language as x -> tgt.alias = x; src.active as a -> tgt.name = x; };'),
    input: PATIENT,
    expected: organization({ alias: ['id'], name: 'female' }),
  },
  {
    name: 'groups/group-with-a-name-of-javascript',
    spec: 'R4 mapping-language, Reserved keywords: only those of the language are reserved',
    map: calls(
      'constructor(src, tgt), __proto__(src, tgt), function(src, tgt)',
      ['constructor', '__proto__', 'function']
        .map((name) => `group ${name}(${INPUTS}) { src.gender as g -> tgt.alias = '${name}'; }`)
        .join('\n'),
    ),
    input: PATIENT,
    expected: organization({ active: true, alias: ['constructor', '__proto__', 'function'] }),
  },
  {
    name: 'groups/order-of-rules-and-groups',
    spec: `${DEPENDENT} the rules of a group in their order, each with what depends on it`,
    map: map(`group Main(${INPUTS}) {
  src.name as n -> tgt.alias = 'rule' then { n.family as f -> tgt.alias = f; };
  src.gender as g then More(g, tgt);
  src.active as a -> tgt.alias = 'end';
}
group More(source g, target t : Target) { g -> t.alias = g "more"; }`),
    input: PATIENT,
    expected: organization({ alias: ['rule', 'Sari', 'rule', 'Rini', 'female', 'end'] }),
  },

  {
    name: 'groups/literal-argument-with-signs-of-the-grammar',
    spec: 'R5 StructureMap.group.rule.dependent.parameter; a text is a text',
    map: map(`group Main(${INPUTS}) { src.gender as g then Literal('a, b) { \\'c\\' }; // "d"', tgt); }
group Literal(source v, target tgt : Target) { v -> tgt.name = v "literal"; }`),
    input: PATIENT,
    expected: organization({ name: 'a, b) { \'c\' }; // "d"' }),
  },
  {
    name: 'groups/literal-argument-in-a-condition',
    spec: 'R5 StructureMap.group.rule.dependent.parameter; FHIRPath N1, Environment variables',
    map: map(`group Main(${INPUTS}) { src.active as a then Pick(src, tgt, 'Rini'), Pick(src, tgt, 'Sari'); }
group Pick(source s : Source, target t : Target, source wanted : string) { s.name as n where (family = %wanted) then { n.given as g -> t.alias = g; }; }`),
    input: PATIENT,
    expected: organization({ alias: ['Nur', 'Dewi'] }),
  },

  // extends
  {
    name: 'groups/extends',
    spec: `${GROUPS} 'Groups may extend other groups, which means that the rules in the other group also apply'`,
    map: map(`group Main(${INPUTS}) extends Base { src.gender as g -> tgt.name = g; }
group Base(${INPUTS}) { src.active as a -> tgt.active = a; }`),
    input: PATIENT,
    expected: organization({ active: true, name: 'female' }),
  },
  {
    name: 'groups/extends-parent-first',
    spec: `${GROUPS} extends; HL7's Java engine runs the extended group first`,
    map: map(`group Main(${INPUTS}) extends Base { src.gender as g -> tgt.alias = 'own'; }
group Base(${INPUTS}) { src.gender as g -> tgt.alias = 'base'; }`),
    input: PATIENT,
    expected: organization({ alias: ['base', 'own'] }),
  },
  {
    name: 'groups/extends-with-other-order-of-inputs',
    spec: `${GROUPS} 'it SHALL have the same input parameters (by mode, name, and type if specified) though their order may differ'`,
    map: map(`group Main(${INPUTS}) extends Base { src.gender as g -> tgt.name = g; }
group Base(target tgt : Target, source src : Source) { src.active as a -> tgt.active = a; }`),
    input: PATIENT,
    expected: organization({ active: true, name: 'female' }),
  },
  {
    name: 'groups/extends-with-additional-inputs',
    spec: `${GROUPS} 'and it MAY have additional parameters'`,
    map: map(`group Main(${INPUTS}) { src.gender as g then More(src, tgt, g); }
group More(source src : Source, target tgt : Target, source g) extends Base { src.active as a -> tgt.name = g; }
group Base(${INPUTS}) { src.active as a -> tgt.active = a; }`),
    input: PATIENT,
    expected: organization({ active: true, name: 'female' }),
  },
  {
    name: 'groups/extends-over-two-steps',
    spec: `${GROUPS} 'the rules in the other group also apply', those it extends too`,
    map: map(`group Main(${INPUTS}) extends Middle { src.gender as g -> tgt.alias = 'c'; }
group Middle(${INPUTS}) extends Base { src.gender as g -> tgt.alias = 'b'; }
group Base(${INPUTS}) { src.gender as g -> tgt.alias = 'a'; }`),
    input: PATIENT,
    expected: organization({ alias: ['a', 'b', 'c'] }),
  },
  {
    name: 'groups/extends-an-imported-group',
    spec: `${GROUPS} extends; ${IMPORTS} 'additional maps that are used by this map'`,
    map: map(`group Main(${INPUTS}) extends Name { src.active as a -> tgt.active = a; }`, { imports: ['http://example.org/lib'] }),
    imports: [library('http://example.org/lib', NAME)],
    input: PATIENT,
    expected: organization({ active: true, name: 'female' }),
  },
  {
    name: 'groups/extends-without-the-inputs',
    spec: `${GROUPS} 'it SHALL have the same input parameters (by mode, name, and type if specified)'`,
    map: map(`group Main(${INPUTS}) extends Base { src.gender as g -> tgt.name = g; }
group Base(source other : Source, target tgt : Target) { other.active as a -> tgt.active = a; }`),
    input: PATIENT,
    error: { line: GROUPS_LINE, says: "'other'" },
  },
  {
    name: 'groups/extends-a-group-that-is-not-there',
    spec: `${GROUPS} extends`,
    map: map(`group Main(${INPUTS}) extends Nowhere { src.gender as g -> tgt.name = g; }`),
    input: PATIENT,
    error: { line: GROUPS_LINE, says: "'Nowhere'" },
  },
  {
    name: 'groups/extends-in-a-circle',
    spec: `${GROUPS} extends: a group cannot extend itself`,
    map: map(`group Main(${INPUTS}) extends Other { src.gender as g -> tgt.name = g; }
group Other(${INPUTS}) extends Main { src.active as a -> tgt.active = a; }`),
    input: PATIENT,
    error: { line: GROUPS_LINE, says: 'extends' },
  },

  // imports
  {
    name: 'groups/import-exact',
    spec: `${IMPORTS} 'references additional maps that are used by this map'`,
    map: calls('Name(src, tgt)', '', ['http://example.org/lib']),
    imports: [library('http://example.org/lib', NAME)],
    input: PATIENT,
    expected: organization({ active: true, name: 'female' }),
  },
  {
    name: 'groups/import-wildcard-at-the-end',
    spec: `${IMPORTS} 'may contain a "*" as a wildcard character'`,
    map: calls('Name(src, tgt), Alias(src, tgt)', '', ['http://example.org/lib/*']),
    imports: [
      library('http://example.org/lib/1', NAME),
      library('http://example.org/lib/2', ALIAS),
      library('http://example.org/x/3', NAME),
    ],
    input: PATIENT,
    expected: organization({ active: true, name: 'female', alias: ['id'] }),
  },
  {
    name: 'groups/import-wildcard-in-the-middle',
    spec: `${IMPORTS} the example http://hl7.org/fhir/StructureMap/*3to4`,
    map: calls('Name(src, tgt)', '', ['http://example.org/*3to4']),
    imports: [library('http://example.org/Name3to4', NAME), library('http://example.org/Name4to3', NAME)],
    input: PATIENT,
    expected: organization({ active: true, name: 'female' }),
  },
  {
    name: 'groups/imports-of-imports',
    spec: `${DEPENDENT} 'looking through all the groups in all the available maps': in the imported map its own imports count`,
    map: calls('Outer(src, tgt)', '', ['http://example.org/outer']),
    imports: [
      library('http://example.org/outer', `group Outer(${INPUTS}) { src.active as a then Name(src, tgt); }`, ['http://example.org/inner']),
      library('http://example.org/inner', NAME),
    ],
    input: PATIENT,
    expected: organization({ active: true, name: 'female' }),
  },
  {
    name: 'groups/imports-in-a-circle',
    spec: `${IMPORTS} nothing forbids that two maps use each other`,
    map: calls('Outer(src, tgt)', NAME, ['http://example.org/outer']),
    imports: [
      library('http://example.org/outer', `group Outer(${INPUTS}) { src.active as a then Name(src, tgt); }`, ['http://example.org/probe']),
    ],
    input: PATIENT,
    expected: organization({ active: true, name: 'female' }),
  },
  {
    name: 'groups/aliases-are-those-of-each-map',
    spec: 'R4 mapping-language, Structure Definition References: an alias is a name in the map that declares it',
    map: map(`group Main(${INPUTS}) { src.name as n -> tgt.contact as c, c.name as m then Name(n, m); }`, {
      imports: ['http://example.org/lib'],
    }),
    imports: [
      map(`group Name(${INPUTS}) { src.family as f -> tgt.text = f; }`, {
        source: 'HumanName',
        target: 'HumanName',
        url: 'http://example.org/lib',
      }),
    ],
    input: PATIENT,
    expected: organization({ contact: [{ name: { text: 'Sari' } }, { name: { text: 'Rini' } }] }),
  },
  {
    name: 'groups/first-group-of-an-import-is-not-run',
    spec: `${IMPORTS} they give groups to call`,
    map: calls('Alias(src, tgt)', '', ['http://example.org/lib']),
    imports: [library('http://example.org/lib', `${NAME}\n${ALIAS}`)],
    input: PATIENT,
    expected: organization({ active: true, alias: ['id'] }),
  },
  {
    name: 'groups/import-wildcard-that-fits-the-map-itself',
    spec: `${IMPORTS} 'any matching maps'; HL7's Java engine leaves out the map itself`,
    map: calls('Name(src, tgt), Alias(src, tgt)', NAME, ['http://example.org/*']),
    imports: [library('http://example.org/lib', ALIAS)],
    input: PATIENT,
    expected: organization({ active: true, name: 'female', alias: ['id'] }),
  },
  {
    name: 'groups/imported-twice',
    spec: `${IMPORTS} one map, though two imports name it`,
    map: calls('Name(src, tgt)', '', ['http://example.org/lib', 'http://example.org/l*']),
    imports: [library('http://example.org/lib', NAME)],
    input: PATIENT,
    expected: organization({ active: true, name: 'female' }),
  },
  {
    name: 'groups/own-group-before-an-imported-one',
    spec: "R4 mapping-language, Dependent Rules; HL7's Java engine: the map's own group first",
    map: calls('Name(src, tgt)', `group Name(${INPUTS}) { src.language as l -> tgt.name = l; }`, ['http://example.org/lib']),
    imports: [library('http://example.org/lib', NAME)],
    input: PATIENT,
    expected: organization({ active: true, name: 'id' }),
  },
  {
    name: 'groups/import-that-is-not-there',
    spec: `${IMPORTS} HL7's Java engine: 'Unable to find map(s)'`,
    map: calls('Name(src, tgt)', NAME, ['http://example.org/lib']),
    input: PATIENT,
    error: { line: 1, says: 'http://example.org/lib' },
  },
  {
    name: 'groups/two-imported-groups-of-one-name',
    spec: `${DEPENDENT} 'The name must be unique within the scope of these maps'`,
    map: calls('Name(src, tgt)', '', ['http://example.org/lib/*']),
    imports: [library('http://example.org/lib/1', NAME), library('http://example.org/lib/2', NAME)],
    input: PATIENT,
    error: { line: RULES_LINE, says: "'Name'" },
  },

  // refused
  {
    name: 'groups/two-groups-of-one-name',
    spec: `${DEPENDENT} 'The name must be unique within the scope of these maps'`,
    map: calls('Name(src, tgt)', `${NAME}\n${NAME}`),
    input: PATIENT,
    error: { line: 7, says: "'Name'" },
  },
  {
    name: 'groups/group-that-is-not-there',
    spec: `${DEPENDENT} 'Groups are resolved by name'`,
    map: rules('src.gender as g -> tgt.name = g;\n  src.active as a then Missing(src, tgt);'),
    input: PATIENT,
    error: { line: RULES_LINE + 1, says: "'Missing'" },
  },
  {
    name: 'groups/too-few-arguments',
    spec: `${DEPENDENT} 'The parameters provided must match the parameters required by the dependent rule'`,
    map: calls('Name(src)', NAME),
    input: PATIENT,
    error: { line: RULES_LINE, says: '2 arguments' },
  },
  {
    name: 'groups/too-many-arguments',
    spec: `${DEPENDENT} 'The parameters provided must match the parameters required by the dependent rule'`,
    map: calls('Name(src, tgt, tgt)', NAME),
    input: PATIENT,
    error: { line: RULES_LINE, says: '2 arguments' },
  },
  {
    name: 'groups/source-for-a-target',
    spec: `${DEPENDENT} 'inputs that are targets must be target variables'`,
    map: calls('Name(src, src)', NAME),
    input: PATIENT,
    error: { line: RULES_LINE, says: 'target' },
  },
  {
    name: 'groups/unknown-argument',
    spec: `${DEPENDENT} 'The set of variables includes those provided to the group that contains the rule, and those created by the application of the rule'`,
    map: calls('Name(other, tgt)', NAME),
    input: PATIENT,
    error: { line: RULES_LINE, says: "'other'" },
  },
  {
    name: 'groups/argument-of-another-type',
    spec: `${DEPENDENT} parameters must match; the group wants an Organization`,
    map: map(`group Main(${INPUTS}) { src.gender as g -> tgt.contact as c then Name(src, c); }
${NAME}`),
    input: PATIENT,
    error: { line: GROUPS_LINE, says: 'Organization' },
  },
  {
    name: 'groups/source-argument-of-another-type',
    spec: `${DEPENDENT} parameters must match; the group wants an Address`,
    map: map(
      `group Main(${INPUTS}) { src.name as n then City(n, tgt); }
group City(source a : Address, target t : Target) { a.city as c -> t.name = c; }`,
      { more: ['Address'] },
    ),
    input: PATIENT,
    error: { line: GROUPS_LINE, says: 'Address' },
  },
  {
    name: 'groups/variable-of-a-sibling',
    spec: `${DEPENDENT} 'those provided to the group that contains the rule, and those created by the application of the rule'`,
    map: rules('src.gender as g -> tgt.name = g;\n  src.active as a -> tgt.alias = g;'),
    input: PATIENT,
    error: { line: RULES_LINE + 1, says: "'g'" },
  },
  {
    name: 'groups/target-variable-of-a-sibling',
    spec: `${DEPENDENT} 'those provided to the group that contains the rule, and those created by the application of the rule'`,
    map: rules('src.gender as g -> tgt.contact as c, c.purpose as p, p.text = g;\n  src.gender as g -> c.name as n, n.text = g;'),
    input: PATIENT,
    error: { line: RULES_LINE + 1, says: "'c'" },
  },
  {
    name: 'groups/variables-of-the-caller',
    spec: `${DEPENDENT} a group knows what is given to it`,
    map: map(`group Main(${INPUTS}) { src.gender as g then Other(src, tgt); }
group Other(source s : Source, target t : Target) { s.active as a -> t.name = g; }`),
    input: PATIENT,
    error: { line: GROUPS_LINE + 1, says: "'g'" },
  },
  {
    name: 'groups/group-that-nobody-calls-is-checked',
    spec: 'R4 mapping-language, Executing Maps: the engine prepares the map (load, check …)',
    map: map(`group Main(${INPUTS}) { src.gender as g -> tgt.name = g; }
group Lost(${INPUTS}) {
  src.gender as g -> tgt.nothing = g;
}`),
    input: PATIENT,
    error: { line: GROUPS_LINE + 2, says: 'nothing' },
  },
  {
    name: 'groups/call-that-never-ends',
    spec: `${DEPENDENT} a call with the same source again has no end`,
    map: map(`group Main(${INPUTS}) { src.gender as g then Round(src, tgt); }
group Round(${INPUTS}) { src.active as a -> tgt.active = a then Round(src, tgt); }`),
    input: PATIENT,
    error: { line: GROUPS_LINE + 1, says: 'never ends' },
  },
  {
    name: 'groups/error-in-an-import',
    spec: 'R4 mapping-language, Executing Maps: the engine prepares the map (load, check …)',
    map: calls('Bad(src, tgt)', '', ['http://example.org/lib']),
    imports: [library('http://example.org/lib', `group Bad(${INPUTS}) {\n\n\n\n\n\n\n  src.gender as g -> tgt.nothing = g;\n}`)],
    input: PATIENT,
    error: { line: 10, says: 'nothing' },
  },
  {
    name: 'groups/input-named-twice',
    spec: `${GROUPS} 'provides names by which they may be passed'`,
    map: map('group Main(source src : Source, target src : Target) { src.gender as g -> src.name = g; }'),
    input: PATIENT,
    error: { line: GROUPS_LINE, says: "'src'" },
  },
];
