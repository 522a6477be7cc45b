import { type Probe, RULES_LINE, rules } from './probe.ts';

const WHERE = "R4 mapping-language, Source Content: where, 'evaluated to boolean on the context'";
const CHECK = "R4 mapping-language, Source Content: check, 'If the expression returns false, the mapping engine raises an error'";
const organization = (rest: object = {}) => ({ resourceType: 'Organization', ...rest });
const PATIENT = {
  resourceType: 'Patient',
  gender: 'female',
  birthDate: '1990-05-01',
  active: true,
  multipleBirthInteger: 2,
  name: [
    { use: 'official', family: 'Sari', given: ['Dewi', 'Ayu'], period: { start: '2010-01-01' } },
    { use: 'nickname', family: 'Ayu', given: ['Ayu'] },
  ],
};

/** Conditions on the items of Patient.name, and the families of those for which they hold. */
const ON_NAMES: readonly (readonly [name: string, spec: string, condition: string, families: readonly string[]])[] = [
  ['field-of-the-item', 'WHERE', "use = 'official'", ['Sari']],
  ['this', 'FHIRPath N1, $this', "$this.use = 'official'", ['Sari']],
  ['outer-variable', 'FHIRPath N1, Environment variables', "%src.gender = 'female'", ['Sari', 'Ayu']],
  ['outer-variable-against-item', 'FHIRPath N1, Environment variables', "%src.gender = 'male' or use = 'nickname'", ['Ayu']],
  ['not-equal', 'FHIRPath N1, != (Not Equals)', "family != 'Sari'", ['Ayu']],
  ['equal-of-a-collection-and-one', 'FHIRPath N1, = (Equals): of different length false', "given = 'Ayu'", ['Ayu']],
  ['empty-is-not-true', 'FHIRPath N1, = (Equals): empty gives empty', "period.start = '2010-01-01'", ['Sari']],
  ['empty-not-equal-is-not-true', 'FHIRPath N1, != (Not Equals): empty gives empty', "period.end != 'x'", []],
  ['empty-and', 'FHIRPath N1, Boolean logic: empty and true is empty', "period.end = 'x' and use = 'official'", []],
  ['empty-or', 'FHIRPath N1, Boolean logic: empty or true is true', "period.end = 'x' or use = 'official'", ['Sari']],
  ['xor', 'FHIRPath N1, xor', "use = 'official' xor family = 'Ayu'", ['Sari', 'Ayu']],
  ['implies', 'FHIRPath N1, implies', "use = 'official' implies family = 'Ayu'", ['Ayu']],
  ['not', 'FHIRPath N1, not()', "(use = 'official').not()", ['Ayu']],
  ['exists', 'FHIRPath N1, exists()', 'period.exists()', ['Sari']],
  ['exists-with-criteria', 'FHIRPath N1, exists(criteria)', "given.exists($this = 'Dewi')", ['Sari']],
  ['empty', 'FHIRPath N1, empty()', 'period.empty()', ['Ayu']],
  ['all', 'FHIRPath N1, all(criteria)', "given.all($this = 'Ayu')", ['Ayu']],
  ['count', 'FHIRPath N1, count()', 'given.count() = 2', ['Sari']],
  ['where-in-where', 'FHIRPath N1, where(criteria)', "given.where($this.startsWith('D')).exists()", ['Sari']],
  ['select', 'FHIRPath N1, select(projection)', "given.select($this & '!').first() = 'Dewi!'", ['Sari']],
  ['first', 'FHIRPath N1, first()', "given.first() = 'Dewi'", ['Sari']],
  ['last', 'FHIRPath N1, last()', "given.last() = 'Ayu'", ['Sari', 'Ayu']],
  ['tail', 'FHIRPath N1, tail()', 'given.tail().exists()', ['Sari']],
  ['skip-take', 'FHIRPath N1, skip(num), take(num)', "given.skip(1).take(1) = 'Ayu'", ['Sari']],
  ['indexer', 'FHIRPath N1, [ index ]', "given[1] = 'Ayu'", ['Sari']],
  ['in', 'FHIRPath N1, in (membership)', "'Dewi' in given", ['Sari']],
  ['in-literals', 'FHIRPath N1, in (membership), | (union)', "use in ('usual' | 'nickname')", ['Ayu']],
  ['contains-operator', 'FHIRPath N1, contains (containership)', "given contains 'Dewi'", ['Sari']],
  ['equivalent', 'FHIRPath N1, ~ (Equivalent): strings without regard to case', "family ~ 'SARI'", ['Sari']],
  ['is-type', 'FHIRPath N1, is', 'family is string', ['Sari', 'Ayu']],
  ['startsWith', 'FHIRPath N1, startsWith(prefix)', "family.startsWith('S')", ['Sari']],
  ['endsWith', 'FHIRPath N1, endsWith(suffix)', "family.endsWith('u')", ['Ayu']],
  ['contains-function', 'FHIRPath N1, contains(substring)', "family.contains('ar')", ['Sari']],
  ['matches', 'FHIRPath N1, matches(regex)', "family.matches('^[A-Z][a-z]{3}$')", ['Sari']],
  ['length', 'FHIRPath N1, length()', 'family.length() > 3', ['Sari']],
  ['substring', 'FHIRPath N1, substring(start, length)', "family.substring(1, 2) = 'ar'", ['Sari']],
  ['upper-lower', 'FHIRPath N1, upper(), lower()', "family.upper() = 'SARI' and family.lower() = 'sari'", ['Sari']],
  ['replace', 'FHIRPath N1, replace(pattern, substitution)', "family.replace('S', 'T') = 'Tari'", ['Sari']],
  ['indexOf', 'FHIRPath N1, indexOf(substring)', "family.indexOf('r') = 2", ['Sari']],
  [
    'concatenate',
    'FHIRPath N1, & (String concatenation): empty is an empty text',
    "(family & period.end & '-' & use) = 'Sari-official'",
    ['Sari'],
  ],
  ['plus-with-empty', 'FHIRPath N1, + : empty gives empty', "(family + period.end) = 'Sari'", []],
  ['arithmetic', 'FHIRPath N1, Math', 'given.count() * 3 - 1 = 5 and 7 div 2 = 3 and 7 mod 2 = 1 and 1 / 2 = 0.5', ['Sari']],
  ['negative-number', 'FHIRPath N1, Polarity', 'given.count() - 3 = -1', ['Sari']],
  ['precedence', 'FHIRPath N1, Operator Precedence', "use = 'official' or use = 'nickname' and family = 'x'", ['Sari']],
  ['iif', 'FHIRPath N1, iif(criterion, true, false)', "iif(use = 'official', false, true)", ['Ayu']],
  ['toString', 'FHIRPath N1, toString()', "given.count().toString() = '2'", ['Sari']],
  ['toInteger', 'FHIRPath N1, toInteger()', "'2'.toInteger() = given.count()", ['Sari']],
  ['date-literal', 'FHIRPath N1, Date', '%src.birthDate < @2000-01-01', ['Sari', 'Ayu']],
  ['today', 'FHIRPath N1, today()', '%src.birthDate < today()', ['Sari', 'Ayu']],
  ['choice-of-outer', 'R4 FHIRPath, Polymorphism: the value without the type', '%src.multipleBirth = 2', ['Sari', 'Ayu']],
  ['ofType', 'FHIRPath N1, ofType(type)', '%src.multipleBirth.ofType(integer) = 2', ['Sari', 'Ayu']],
  ['parenthesis-in-a-text', 'FHIRPath N1, String literals', "family != 'a)b' and use = 'official'", ['Sari']],
  ['escape-in-a-text', 'FHIRPath N1, String literals', "family != 'it\\'s' and family = '\\u0053ari'", ['Sari']],
];

export const conditions: readonly Probe[] = [
  ...ON_NAMES.map(
    ([name, spec, condition, families]): Probe => ({
      name: `conditions/${name}`,
      spec: spec === 'WHERE' ? WHERE : spec,
      map: rules(`src.name as n where (${condition}) then { n.family as f -> tgt.alias = f; };`),
      input: PATIENT,
      expected: organization(families.length === 0 ? {} : { alias: families }),
    }),
  ),
  {
    name: 'conditions/where-on-primitives',
    spec: `${WHERE}; FHIRPath N1, $this`,
    map: rules("src.name.given as g where ($this != 'Ayu') -> tgt.alias = g;"),
    input: PATIENT,
    expected: organization({ alias: ['Dewi'] }),
  },
  {
    name: 'conditions/where-without-an-element',
    spec: WHERE,
    map: rules(`
      src where (gender = 'female') -> tgt.name = 'yes' "female";
      src where (gender = 'male') -> tgt.name = 'no' "male";`),
    input: PATIENT,
    expected: organization({ name: 'yes' }),
  },
  {
    name: 'conditions/where-with-a-variable-of-the-rule-around',
    spec: `${WHERE}; R4 mapping-language, Dependent Rules: 'the variables from the containing rules are all available'`,
    map: rules('src.code as c then { src.items as i where (use = %c) then { i.value as v -> tgt.alias = v; }; };', { source: null }),
    input: {
      code: 'k',
      items: [
        { use: 'a', value: '1' },
        { use: 'k', value: '2' },
        { use: 'k', value: '3' },
      ],
    },
    expected: organization({ alias: ['2', '3'] }),
  },
  {
    name: 'conditions/where-over-two-lines',
    spec: `R4 mapping-language, General Syntax Notes: 'the particular whitespace used is not significant'`,
    map: rules(`src.name as n where (use = 'official'
        and family = 'Sari') then { n.family as f -> tgt.alias = f; };`),
    input: PATIENT,
    expected: organization({ alias: ['Sari'] }),
  },
  {
    name: 'conditions/extension-by-url',
    spec: `${WHERE}; R4 Extension.value[x]`,
    map: rules("src.extension as e where (url = 'urn:x:b') then { e.value : string as v -> tgt.name = v; };"),
    input: {
      resourceType: 'Patient',
      extension: [
        { url: 'urn:x:a', valueString: 'a' },
        { url: 'urn:x:b', valueString: 'b' },
      ],
    },
    expected: organization({ name: 'b' }),
  },
  {
    name: 'conditions/resource-is-type',
    spec: 'FHIRPath N1, is; R4 Bundle.entry.resource',
    map: rules('src.entry as e where (resource is Patient) then { e.fullUrl as u -> tgt.alias = u; };', {
      source: 'Bundle',
      more: ['Patient'],
    }),
    input: {
      resourceType: 'Bundle',
      type: 'collection',
      entry: [
        { fullUrl: 'urn:x:1', resource: { resourceType: 'Patient' } },
        { fullUrl: 'urn:x:2', resource: { resourceType: 'Basic', code: { text: 'x' } } },
      ],
    },
    expected: organization({ alias: ['urn:x:1'] }),
  },
  {
    name: 'conditions/check-holds',
    spec: CHECK,
    map: rules("src.gender as g check ($this != 'x') -> tgt.name = g;"),
    input: PATIENT,
    expected: organization({ name: 'female' }),
  },
  {
    name: 'conditions/check-fails',
    spec: CHECK,
    map: rules(`
      src.gender as g check ($this = 'male') -> tgt.name = g;
      src.active as a -> tgt.active = a;`),
    input: PATIENT,
    expected: organization({ active: true }),
    issues: ['map-check'],
  },
  {
    name: 'conditions/check-per-item',
    spec: CHECK,
    map: rules("src.name as n check (use = 'official') then { n.family as f -> tgt.alias = f; };"),
    input: PATIENT,
    expected: organization({ alias: ['Sari'] }),
    issues: ['map-check'],
  },
  {
    name: 'conditions/check-only-where-where-holds',
    spec: "R4 mapping-language, Source Content: 'the where clause is evaluated first, and the check only applies if the where expression is true'",
    map: rules("src.name as n where (use = 'official') check (given.count() = 2) then { n.family as f -> tgt.alias = f; };"),
    input: PATIENT,
    expected: organization({ alias: ['Sari'] }),
  },
  {
    name: 'conditions/check-without-an-element',
    spec: CHECK,
    map: rules('src check (telecom.exists()) -> tgt.name = \'x\' "checked";'),
    input: PATIENT,
    expected: organization(),
    issues: ['map-check'],
  },
  {
    name: 'conditions/check-with-an-outer-variable',
    spec: `${CHECK}; FHIRPath N1, Environment variables`,
    map: rules("src.name as n check (%src.gender = 'female') then { n.family as f -> tgt.alias = f; };"),
    input: PATIENT,
    expected: organization({ alias: ['Sari', 'Ayu'] }),
  },
  {
    name: 'conditions/check-of-empty-is-not-true',
    spec: `${CHECK}; FHIRPath N1: empty is not true`,
    map: rules("src.name as n check (period.start = '2010-01-01') then { n.family as f -> tgt.alias = f; };"),
    input: PATIENT,
    expected: organization({ alias: ['Sari'] }),
    issues: ['map-check'],
  },
  {
    name: 'conditions/unknown-field',
    spec: 'R4 HumanName has no such element; FHIRPath N1, Type safety and strict evaluation',
    map: rules(`src.active as a -> tgt.active = a;
      src.name as n where (usage = 'official') -> tgt.name = 'x';`),
    input: PATIENT,
    error: { line: RULES_LINE + 1, says: 'usage' },
  },
  {
    name: 'conditions/unknown-variable',
    spec: 'FHIRPath N1, Environment variables: an unknown one is an error',
    map: rules("src.name as n where (use = %other) -> tgt.name = 'x';"),
    input: PATIENT,
    error: { line: RULES_LINE, says: '%other' },
  },
  {
    name: 'conditions/unknown-function',
    spec: 'FHIRPath N1, Function Invocations: an unknown function is an error',
    map: rules("src.name as n where (use.nothing()) -> tgt.name = 'x';"),
    input: PATIENT,
    error: { line: RULES_LINE, says: 'nothing()' },
  },
  {
    name: 'conditions/second-line-of-an-expression',
    spec: 'the place of an error in a condition of two lines',
    map: rules("src.name as n where (use = 'official'\n  and usage = 'x') -> tgt.name = 'x';"),
    input: PATIENT,
    error: { line: RULES_LINE + 1, says: 'usage' },
  },
  {
    name: 'conditions/target-cannot-be-read',
    spec: 'R4 mapping-language, Source Content: a source context; the target is only written',
    map: rules("src.name as n where (%tgt.exists()) -> tgt.name = 'x';"),
    input: PATIENT,
    error: { line: RULES_LINE, says: 'target' },
  },
];
