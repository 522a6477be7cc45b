import { GROUPS_LINE, map, type Probe, RULES_LINE, rules } from './probe.ts';

const EMBEDDED = 'R4 mapping-language: Embedded ConceptMaps';
const TRANSLATE = 'R4 mapping-language, table of transforms: translate(source, map_uri, output)';
const UNMAPPED = 'R4 ConceptMap.group.unmapped.mode';
const organization = (rest: object = {}) => ({ resourceType: 'Organization', ...rest });
const observation = (rest: object = {}) => ({ resourceType: 'Observation', ...rest });
const PREFIXES = 'prefix s = "urn:s" prefix t = "urn:t"';
const gender = (codes: string) => `conceptmap "gender" { ${PREFIXES} ${codes} }`;
const BOTH = gender('s:female == t:P s:male == t:L');
const PATIENT = { resourceType: 'Patient', gender: 'female' };
const CODED = {
  resourceType: 'Observation',
  status: 'final',
  code: {
    coding: [
      { system: 'urn:other', code: 'female' },
      { system: 'urn:s', code: 'male', display: 'M' },
    ],
  },
  category: [{ coding: [{ system: 'urn:s', code: 'female' }] }],
};
const OBSERVATIONS = { source: 'Observation', target: 'Observation', concepts: BOTH };

/** Relations of R4, and whether the target may stand for the source. */
const RELATIONS: readonly (readonly [sign: string, equivalence: string, gives: boolean])[] = [
  ['-', 'relatedto', true],
  ['=', 'equal', true],
  ['==', 'equivalent', true],
  ['!=', 'disjoint', false],
  ['<=', 'wider', true],
  ['<-', 'subsumes', true],
  ['>=', 'narrower', false],
  ['>-', 'specializes', false],
  ['~', 'inexact', false],
];

const translate = (name: string, spec: string, codes: string, code: string, gives: string | undefined): Probe => ({
  name: `concept-maps/${name}`,
  spec,
  map: rules("src.a as a -> tgt.active = true, tgt.name = translate(a, '#gender', 'code');", { source: null, concepts: gender(codes) }),
  input: { a: code },
  expected: organization(gives === undefined ? { active: true } : { active: true, name: gives }),
  ...(gives === undefined && { issues: ['unmapped-code'] }),
});

export const conceptMaps: readonly Probe[] = [
  ...RELATIONS.map(([sign, equivalence, gives]) =>
    translate(
      `relation-${equivalence}`,
      `${EMBEDDED}; R4 ConceptMap.group.element.target.equivalence ${equivalence}`,
      `s:a ${sign} t:b`,
      'a',
      gives ? 'b' : undefined,
    ),
  ),
  translate(
    'relation-unmatched',
    `${EMBEDDED}; R4 ConceptMap.group.element.target.equivalence unmatched`,
    's:a -- t:b s:c == t:d',
    'a',
    undefined,
  ),
  translate(
    'relation-unmatched-without-a-target',
    `${EMBEDDED}; HL7's Java engine: nothing stands after '--'`,
    's:a -- s:c == t:d',
    'a',
    undefined,
  ),
  translate('after-unmatched-without-a-target', `${EMBEDDED}; HL7's Java engine: nothing stands after '--'`, 's:a -- s:c == t:d', 'c', 'd'),
  translate('codes-in-double-quotes', EMBEDDED, 's:"8480-6 x" == t:"mm[Hg]"', '8480-6 x', 'mm[Hg]'),
  translate('codes-in-single-quotes', `${EMBEDDED}; FHIRPath N1, String literals`, "s:'a b' == t:'c d'", 'a b', 'c d'),
  translate('codes-with-dashes', EMBEDDED, 's:not-found == t:entered-in-error', 'not-found', 'entered-in-error'),
  translate('codes-that-are-numbers', EMBEDDED, 's:1 == t:2', '1', '2'),
  translate('codes-of-loinc', EMBEDDED, 's:8480-6 == t:271649006', '8480-6', '271649006'),
  translate('codes-with-a-dot', EMBEDDED, 's:A09.0 == t:B1.2', 'A09.0', 'B1.2'),
  translate('codes-that-are-keywords', EMBEDDED, 's:prefix == t:group s:unmapped == t:source', 'unmapped', 'source'),
  translate('code-that-is-not-listed', `${TRANSLATE}: no match`, 's:a == t:b', 'z', undefined),
  translate('codes-have-case', 'R4 ConceptMap: codes of a case sensitive system', 's:a == t:b', 'A', undefined),
  translate('unmapped-provided', `${UNMAPPED} provided`, 'unmapped for s = provided s:a == t:b', 'z', 'z'),
  translate('unmapped-provided-leaves-what-is-listed', `${UNMAPPED} provided`, 'unmapped for s = provided s:a == t:b', 'a', 'b'),
  translate(
    'unmapped-provided-is-not-for-disjoint',
    `${UNMAPPED} provided: of codes without a mapping`,
    'unmapped for s = provided s:a != t:b s:c == t:d',
    'a',
    undefined,
  ),
  translate(
    'unmapped-provided-of-another-system',
    `${UNMAPPED} provided: of the group in which it stands`,
    'prefix u = "urn:u" unmapped for u = provided s:a == t:b u:c == t:d',
    'c',
    'd',
  ),
  translate('two-systems', EMBEDDED, 'prefix u = "urn:u" s:a == t:b s:c == u:d', 'c', 'd'),
  {
    name: 'concept-maps/several-lines-with-comments',
    spec: `${EMBEDDED}; R4 mapping-language, General Syntax Notes`,
    map: `map "http://example.org/probe" = "probe"
conceptmap "gender" {
  prefix s = "urn:s" // from
  prefix t = "urn:t" // to

  s:female == t:P // perempuan
  s:male == t:L
}
uses "http://hl7.org/fhir/StructureDefinition/Patient" alias Source as source
uses "http://hl7.org/fhir/StructureDefinition/Organization" alias Target as target
group Main(source src : Source, target tgt : Target) { src.gender as g -> tgt.name = translate(g, '#gender', 'code'); }`,
    input: PATIENT,
    expected: organization({ name: 'P' }),
  },
  {
    name: 'concept-maps/output-system',
    spec: `${TRANSLATE}: code, system, display, Coding, or CodeableConcept`,
    map: rules("src.gender as g -> tgt.name = translate(g, '#gender', 'system');", { concepts: BOTH }),
    input: PATIENT,
    expected: organization({ name: 'urn:t' }),
  },
  {
    name: 'concept-maps/output-display-that-is-not-known',
    spec: `${TRANSLATE}: code, system, display, Coding, or CodeableConcept; an embedded map has no displays`,
    map: rules("src.gender as g -> tgt.active = true, tgt.name = translate(g, '#gender', 'display');", { concepts: BOTH }),
    input: PATIENT,
    expected: organization({ active: true }),
  },
  {
    name: 'concept-maps/output-coding',
    spec: `${TRANSLATE}: code, system, display, Coding, or CodeableConcept`,
    map: rules("src.gender as g -> tgt.type as t, t.coding = translate(g, '#gender', 'Coding');", { concepts: BOTH }),
    input: PATIENT,
    expected: organization({ type: [{ coding: [{ system: 'urn:t', code: 'P' }] }] }),
  },
  {
    name: 'concept-maps/output-codeable-concept',
    spec: `${TRANSLATE}: code, system, display, Coding, or CodeableConcept`,
    map: rules("src.gender as g -> tgt.type = translate(g, '#gender', 'CodeableConcept');", { concepts: BOTH }),
    input: PATIENT,
    expected: organization({ type: [{ coding: [{ system: 'urn:t', code: 'P' }] }] }),
  },
  {
    name: 'concept-maps/output-codeable-concept-decides-a-choice',
    spec: `${TRANSLATE}; R4 formats, Choice of Data Types`,
    map: rules("src.gender as g -> tgt.value = translate(g, '#gender', 'CodeableConcept');", { target: 'Observation', concepts: BOTH }),
    input: PATIENT,
    expected: observation({ valueCodeableConcept: { coding: [{ system: 'urn:t', code: 'P' }] } }),
  },
  {
    name: 'concept-maps/source-coding',
    spec: `${TRANSLATE}: 'The source is some type of code or coded datatype'`,
    map: rules("src.category as c then { c.coding as k -> tgt.category as d, d.text = translate(k, '#gender', 'code'); };", OBSERVATIONS),
    input: CODED,
    expected: observation({ category: [{ text: 'P' }] }),
  },
  {
    name: 'concept-maps/source-coding-of-another-system',
    spec: `${TRANSLATE}: 'the source and map_uri are passed to the translate operation': system and code`,
    map: rules("src.code as c then { c.coding as k -> tgt.category as d, d.text = translate(k, '#gender', 'code'); };", OBSERVATIONS),
    input: CODED,
    expected: observation({ category: [{ text: 'L' }] }),
    issues: ['unmapped-code'],
  },
  {
    name: 'concept-maps/source-codeable-concept',
    spec: `${TRANSLATE}: 'The source is some type of code or coded datatype'; R4 ConceptMap $translate: any of the codings`,
    map: rules("src.code as c -> tgt.code = translate(c, '#gender', 'CodeableConcept');", OBSERVATIONS),
    input: CODED,
    expected: observation({ code: { coding: [{ system: 'urn:t', code: 'L' }] } }),
  },
  {
    name: 'concept-maps/source-codeable-concept-of-which-none-is-listed',
    spec: `${TRANSLATE}: no match`,
    map: rules("src.code as c -> tgt.status = 'final', tgt.code = translate(c, '#gender', 'CodeableConcept');", OBSERVATIONS),
    input: { ...CODED, code: { coding: [{ system: 'urn:other', code: 'female' }] } },
    expected: observation({ status: 'final' }),
    issues: ['unmapped-code'],
  },
  {
    name: 'concept-maps/source-coding-without-a-system',
    spec: `${TRANSLATE}; HL7's Java engine: without a system the code decides`,
    map: rules("src.code as c then { c.coding as k -> tgt.category as d, d.text = translate(k, '#gender', 'code'); };", OBSERVATIONS),
    input: { ...CODED, code: { coding: [{ code: 'female' }] } },
    expected: observation({ category: [{ text: 'P' }] }),
  },
  {
    name: 'concept-maps/source-coding-decides-between-groups',
    spec: `${TRANSLATE}: 'the source and map_uri are passed to the translate operation': system and code`,
    map: rules("src.code as c then { c.coding as k -> tgt.category as d, d.text = translate(k, '#gender', 'code'); };", {
      ...OBSERVATIONS,
      concepts: gender('prefix u = "urn:u" s:a == t:from-s u:a == t:from-u'),
    }),
    input: {
      ...CODED,
      code: {
        coding: [
          { system: 'urn:u', code: 'a' },
          { system: 'urn:s', code: 'a' },
        ],
      },
    },
    expected: observation({ category: [{ text: 'from-u' }, { text: 'from-s' }] }),
  },
  {
    name: 'concept-maps/source-coding-listed-for-another-system-only',
    spec: `${TRANSLATE}: 'the source and map_uri are passed to the translate operation': system and code`,
    map: rules(
      "src.status as s -> tgt.status = s; src.code as c then { c.coding as k -> tgt.category as d, d.text = translate(k, '#gender', 'code'); };",
      {
        ...OBSERVATIONS,
        concepts: gender('prefix u = "urn:u" s:a == t:from-s u:b == t:from-u'),
      },
    ),
    input: { ...CODED, code: { coding: [{ system: 'urn:u', code: 'a' }] } },
    expected: observation({ status: 'final' }),
    issues: ['unmapped-code'],
  },
  {
    name: 'concept-maps/code-of-one-system-into-two',
    spec: `${EMBEDDED}; R4 ConceptMap.group: one for each pair of systems; a code with two targets is ambiguous`,
    map: rules("src.gender as g -> tgt.name = translate(g, '#gender', 'code');", {
      concepts: gender('prefix u = "urn:u" s:female == t:P s:female == u:F'),
    }),
    input: PATIENT,
    error: { line: RULES_LINE, says: 'female' },
  },
  {
    name: 'concept-maps/used-in-every-group',
    spec: `${EMBEDDED}: a part of the map, not of a group`,
    map: map(
      `group Main(source src : Source, target tgt : Target) { src.gender as g then Other(g, tgt); }
group Other(source g, target t : Target) { g -> t.name = translate(g, '#gender', 'code') "gender"; }`,
      { concepts: BOTH },
    ),
    input: PATIENT,
    expected: organization({ name: 'P' }),
  },
  {
    name: 'concept-maps/two-in-one-map',
    spec: `${EMBEDDED}: a map may hold several`,
    map: rules("src.gender as g -> tgt.name = translate(g, '#gender', 'code'), tgt.alias = translate(g, '#other', 'code');", {
      concepts: `${BOTH} ${gender('s:female == t:F').replace('gender', 'other')}`,
    }),
    input: PATIENT,
    expected: organization({ name: 'P', alias: ['F'] }),
  },
  {
    name: 'concept-maps/of-an-imported-map',
    spec: "R4 mapping-language, Map Imports; '#…' is the concept map of the map in which it is written",
    map: map(
      "group Main(source src : Source, target tgt : Target) { src.gender as g -> tgt.name = translate(g, '#gender', 'code') then Other(g, tgt); }",
      { concepts: BOTH, imports: ['http://example.org/lib'] },
    ),
    imports: [
      map("group Other(source g, target t : Target) { g -> t.alias = translate(g, '#gender', 'code') \"gender\"; }", {
        concepts: gender('s:female == t:F'),
        url: 'http://example.org/lib',
      }),
    ],
    input: PATIENT,
    expected: organization({ name: 'P', alias: ['F'] }),
  },

  // refused
  {
    name: 'concept-maps/unknown-relation',
    spec: `${EMBEDDED}; R4 ConceptMap.group.element.target.equivalence`,
    map: rules('src.gender as g -> tgt.name = g;', { concepts: gender('s:a + t:b') }),
    input: PATIENT,
    error: { line: 2, says: 'relation' },
  },
  {
    name: 'concept-maps/unknown-prefix',
    spec: `${EMBEDDED}; HL7's Java engine: 'Unknown prefix'`,
    map: rules('src.gender as g -> tgt.name = g;', { concepts: gender('s:a == x:b') }),
    input: PATIENT,
    error: { line: 2, says: "'x'" },
  },
  {
    name: 'concept-maps/unmapped-of-an-unknown-prefix',
    spec: `${EMBEDDED}; HL7's Java engine: 'Unknown prefix'`,
    map: rules('src.gender as g -> tgt.name = g;', { concepts: gender('unmapped for x = provided s:a == t:b') }),
    input: PATIENT,
    error: { line: 2, says: "'x'" },
  },
  {
    name: 'concept-maps/unmapped-of-another-mode',
    spec: `${UNMAPPED}; HL7's Java engine knows only provided`,
    map: rules('src.gender as g -> tgt.name = g;', { concepts: gender('unmapped for s = fixed s:a == t:b') }),
    input: PATIENT,
    error: { line: 2, says: "'provided'" },
  },
  {
    name: 'concept-maps/not-closed',
    spec: EMBEDDED,
    map: `map "http://example.org/probe" = "probe"\nconceptmap "gender" { ${PREFIXES}\n  s:a == t:b\n`,
    input: PATIENT,
    error: { line: 4, says: 'the end of the map' },
  },
  {
    name: 'concept-maps/that-is-not-there',
    spec: `${TRANSLATE}: the map must be known; HL7's Java engine: 'cannot find map'`,
    map: rules("src.gender as g -> tgt.alias = g;\n  src.gender as g -> tgt.name = translate(g, '#nothing', 'code');", { concepts: BOTH }),
    input: PATIENT,
    error: { line: RULES_LINE + 1, says: '#nothing' },
  },
  {
    name: 'concept-maps/unknown-output',
    spec: `${TRANSLATE}: code, system, display, Coding, or CodeableConcept`,
    map: rules("src.gender as g -> tgt.name = translate(g, '#gender', 'codes');", { concepts: BOTH }),
    input: PATIENT,
    error: { line: RULES_LINE, says: 'codes' },
  },
  {
    name: 'concept-maps/output-that-does-not-fit',
    spec: `${TRANSLATE}; R4 Organization.name is a string`,
    map: map("group Main(source src : Source, target tgt : Target) { src.gender as g -> tgt.name = translate(g, '#gender', 'Coding'); }", {
      concepts: BOTH,
    }),
    input: PATIENT,
    error: { line: GROUPS_LINE, says: 'Coding' },
  },
];
