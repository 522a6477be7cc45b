import { map, type Probe, RULES_LINE, rules } from './probe.ts';

const TARGET = 'R4 mapping-language, Target Transform:';
const MODE = 'R4 StructureMap.group.rule.target.listMode';
const CHOICE = 'R4 formats, Choice of Data Types: value[x] is written with the name of its type';
const organization = (rest: object = {}) => ({ resourceType: 'Organization', ...rest });
const observation = (rest: object = {}) => ({ resourceType: 'Observation', ...rest });
const PATIENT = {
  resourceType: 'Patient',
  gender: 'female',
  birthDate: '1990-05-01',
  language: 'id',
  active: true,
  name: [
    { family: 'Sari', given: ['Dewi', 'Ayu'] },
    { family: 'Rini', given: ['Nur'] },
  ],
};
const TO_OBSERVATION = { target: 'Observation' };
const OBSERVATIONS = { source: 'Observation', target: 'Observation' };

export const targets: readonly Probe[] = [
  {
    name: 'targets/single-element-is-set',
    spec: `${TARGET} 'The created value will be placed into the named element'`,
    map: rules('src.gender as g -> tgt.name = g;'),
    input: PATIENT,
    expected: organization({ name: 'female' }),
  },
  {
    name: 'targets/single-element-last-write-stays',
    spec: `${TARGET} 'the target statements are processed in order'`,
    map: rules("src.gender as g -> tgt.name = 'a', tgt.name = 'b';"),
    input: PATIENT,
    expected: organization({ name: 'b' }),
  },
  {
    name: 'targets/repeating-primitive-appends',
    spec: `${TARGET} 'Each time the rule is applied … creates that specified content in the target instance'`,
    map: rules("src.gender as g -> tgt.alias = g, tgt.alias = 'b'; src.active as a -> tgt.alias = 'c';"),
    input: PATIENT,
    expected: organization({ alias: ['female', 'b', 'c'] }),
  },
  {
    name: 'targets/repeating-object-appends',
    spec: `${TARGET} 'Each time the rule is applied … creates that specified content in the target instance'`,
    map: rules('src.name as n -> tgt.contact as c then { n.family as f -> c.name as m, m.family = f; };'),
    input: PATIENT,
    expected: organization({ contact: [{ name: { family: 'Sari' } }, { name: { family: 'Rini' } }] }),
  },
  {
    name: 'targets/two-statements-of-one-rule-make-two-objects',
    spec: `${TARGET} each statement creates; R4 Organization.contact repeats`,
    map: rules("src.gender as g -> tgt.contact as a, a.purpose as p, p.text = 'a', tgt.contact as b, b.purpose as q, q.text = 'b';"),
    input: PATIENT,
    expected: organization({ contact: [{ purpose: { text: 'a' } }, { purpose: { text: 'b' } }] }),
  },
  {
    name: 'targets/single-object-is-used-again',
    spec: `${TARGET} the element exists once; HL7's Java engine: makeProperty gives the one that is there`,
    map: rules(
      "src.gender as g -> tgt.partOf as r, r.reference = 'Organization/1'; src.active as a -> tgt.partOf as r, r.display = 'one';",
    ),
    input: PATIENT,
    expected: organization({ partOf: { reference: 'Organization/1', display: 'one' } }),
  },
  {
    name: 'targets/dotted-path-makes-the-object',
    spec: 'R4 grammar of the mapping language: ruleTarget with a dotted context',
    map: rules('src.gender as g -> tgt.partOf.display = g;'),
    input: PATIENT,
    expected: organization({ partOf: { display: 'female' } }),
  },
  {
    name: 'targets/dotted-path-uses-the-object-again',
    spec: 'R4 grammar of the mapping language: ruleTarget with a dotted context',
    map: rules("src.gender as g -> tgt.partOf.display = g, tgt.partOf.reference = 'Organization/1';"),
    input: PATIENT,
    expected: organization({ partOf: { display: 'female', reference: 'Organization/1' } }),
  },
  {
    name: 'targets/dotted-path-of-three-steps',
    spec: 'R4 grammar of the mapping language: ruleTarget with a dotted context',
    map: rules('src.gender as g -> tgt.partOf.identifier.value = g;'),
    input: PATIENT,
    expected: organization({ partOf: { identifier: { value: 'female' } } }),
  },
  {
    name: 'targets/auto-created-element',
    spec: `${TARGET} 'If no transform is provided, then the element is autocreated'`,
    map: rules("src.gender as g -> tgt.telecom as t, t.system = 'phone', t.value = '1';"),
    input: PATIENT,
    expected: organization({ telecom: [{ system: 'phone', value: '1' }] }),
  },
  {
    name: 'targets/variable-of-an-earlier-statement',
    spec: `${TARGET} 'a transform statement may refer to a variable defined by a prior transform statement'`,
    map: rules("src.gender as g -> tgt.name = append(g, '!') as n, tgt.alias = n;"),
    input: PATIENT,
    expected: organization({ name: 'female!', alias: ['female!'] }),
  },
  {
    name: 'targets/transform-without-a-target',
    spec: `${TARGET} 'Transform statements may just contain an invocation of a transform function. In this case, a variable must be defined'`,
    map: rules("src.gender as g -> append(g, '!') as n, tgt.name = n;"),
    input: PATIENT,
    expected: organization({ name: 'female!' }),
  },
  {
    name: 'targets/transform-without-a-target-in-nested-rules',
    spec: `${TARGET} 'the created value is available in the variable for use in subsequent transformations'`,
    map: rules("src.gender as g -> append(g, '!') as n then { src.active as a -> tgt.name = n, tgt.active = a; };"),
    input: PATIENT,
    expected: organization({ name: 'female!', active: true }),
  },
  {
    name: 'targets/nested-backbones',
    spec: 'R4 Observation.component is a backbone element',
    map: rules("src.gender as g -> tgt.component as c, c.code as k, k.coding as d, d.code = g, c.value = 'x';", TO_OBSERVATION),
    input: PATIENT,
    expected: observation({ component: [{ code: { coding: [{ code: 'female' }] }, valueString: 'x' }] }),
  },
  {
    name: 'targets/element-that-refers-to-another',
    spec: 'R4 Bundle.entry.link has the content of Bundle.link (contentReference)',
    map: rules("src.gender as g -> tgt.entry as e, e.link as l, l.relation = 'self', l.url = 'urn:x';", { target: 'Bundle' }),
    input: PATIENT,
    expected: { resourceType: 'Bundle', entry: [{ link: [{ relation: 'self', url: 'urn:x' }] }] },
  },
  {
    name: 'targets/id',
    spec: 'R4 Resource.id is an element like others',
    map: rules('src.id as i -> tgt.id = i;'),
    input: { ...PATIENT, id: 'p1' },
    expected: organization({ id: 'p1' }),
  },
  {
    name: 'targets/extension',
    spec: `R4 Extension; ${CHOICE}`,
    map: rules("src.gender as g -> tgt.extension as e, e.url = 'urn:x', e.value = cast(g, 'code');"),
    input: PATIENT,
    expected: organization({ extension: [{ url: 'urn:x', valueCode: 'female' }] }),
  },
  {
    name: 'targets/contained-resource',
    spec: 'R4 DomainResource.contained takes any resource',
    map: rules("src.gender as g -> tgt.contained = create('Patient') as p, p.id = 'x', p.gender = g;", { more: ['Patient'] }),
    input: PATIENT,
    expected: organization({ contained: [{ resourceType: 'Patient', id: 'x', gender: 'female' }] }),
  },

  {
    name: 'targets/dotted-path-through-a-backbone',
    spec: 'R4 Encounter.hospitalization is a single backbone element',
    map: rules("src.gender as g -> tgt.hospitalization.admitSource.text = g, tgt.hospitalization.dischargeDisposition.text = 'x';", {
      target: 'Encounter',
    }),
    input: PATIENT,
    expected: { resourceType: 'Encounter', hospitalization: { admitSource: { text: 'female' }, dischargeDisposition: { text: 'x' } } },
  },
  {
    name: 'targets/partial-date',
    spec: 'R4 data types, date: year and month are enough',
    map: rules("src.gender as g -> tgt.birthDate = '1990-05';", { target: 'Patient' }),
    input: PATIENT,
    expected: { resourceType: 'Patient', birthDate: '1990-05' },
  },
  {
    name: 'targets/rule-per-item-into-a-single-element',
    spec: `${TARGET} 'Each time the rule is applied': the last stays`,
    map: rules('src.name as n then { n.family as f -> tgt.name = f; };'),
    input: PATIENT,
    expected: organization({ name: 'Rini' }),
  },
  // choice elements
  {
    name: 'targets/choice-by-create',
    spec: `${CHOICE}; create says which`,
    map: rules("src.gender as g -> tgt.value = create('CodeableConcept') as c, c.text = g;", TO_OBSERVATION),
    input: PATIENT,
    expected: observation({ valueCodeableConcept: { text: 'female' } }),
  },
  {
    name: 'targets/choice-by-text-literal',
    spec: `${CHOICE}; a text literal is a string`,
    map: rules("src.gender as g -> tgt.value = 'x';", TO_OBSERVATION),
    input: PATIENT,
    expected: observation({ valueString: 'x' }),
  },
  {
    name: 'targets/choice-by-integer-literal',
    spec: `${CHOICE}; a whole number is an integer`,
    map: rules('src.gender as g -> tgt.value = 3;', TO_OBSERVATION),
    input: PATIENT,
    expected: observation({ valueInteger: 3 }),
  },
  {
    name: 'targets/choice-by-cast',
    spec: `${CHOICE}; cast says which`,
    map: rules("src.birthDate as b -> tgt.effective = cast(b, 'dateTime');", TO_OBSERVATION),
    input: PATIENT,
    expected: observation({ effectiveDateTime: '1990-05-01' }),
  },
  {
    name: 'targets/choice-by-type-of-the-source',
    spec: `${CHOICE}; R4 Patient.active is boolean`,
    map: rules('src.active as a -> tgt.value = a;', TO_OBSERVATION),
    input: PATIENT,
    expected: observation({ valueBoolean: true }),
  },
  {
    name: 'targets/choice-by-filtered-type-of-the-source',
    spec: `${CHOICE}; the source is a Quantity`,
    map: rules('src.value : Quantity as q -> tgt.value = q;', OBSERVATIONS),
    input: { resourceType: 'Observation', valueQuantity: { value: 5, unit: 'kg' } },
    expected: observation({ valueQuantity: { value: 5, unit: 'kg' } }),
  },
  {
    name: 'targets/choice-by-complex-transform',
    spec: `${CHOICE}; cc makes a CodeableConcept`,
    map: rules("src.gender as g -> tgt.value = cc('urn:s', g);", TO_OBSERVATION),
    input: PATIENT,
    expected: observation({ valueCodeableConcept: { coding: [{ system: 'urn:s', code: 'female' }] } }),
  },
  {
    name: 'targets/choice-of-a-backbone',
    spec: CHOICE,
    map: rules("src.gender as g -> tgt.component as c, c.value = create('Period') as p, p.start = '2020';", TO_OBSERVATION),
    input: PATIENT,
    expected: observation({ component: [{ valuePeriod: { start: '2020' } }] }),
  },
  {
    name: 'targets/choice-made-twice-is-one-object',
    spec: `${CHOICE}; the element exists once`,
    map: rules(
      "src.gender as g -> tgt.effective = create('Period') as p, p.start = '2020'; src.active as a -> tgt.effective = create('Period') as p, p.start = '2021', p.end = '2022';",
      TO_OBSERVATION,
    ),
    input: PATIENT,
    expected: observation({ effectivePeriod: { start: '2021', end: '2022' } }),
  },
  {
    name: 'targets/choice-on-a-dotted-path',
    spec: `${TARGET} 'It is an error if auto-created elements … have more than one possible type'`,
    map: rules('src.gender as g -> tgt.value.unit = g;', TO_OBSERVATION),
    input: PATIENT,
    error: { line: RULES_LINE, says: 'is a choice' },
  },
  {
    name: 'targets/choice-by-a-text-that-fits-no-type',
    spec: `${CHOICE}; R4 Observation.effective[x] has no string`,
    map: rules("src.gender as g -> tgt.effective = '2020';", TO_OBSERVATION),
    input: PATIENT,
    error: { line: RULES_LINE, says: 'effective' },
  },
  {
    name: 'targets/choice-undecided',
    spec: `${TARGET} 'It is an error if auto-created elements … have more than one possible type'`,
    map: rules("src.active as a -> tgt.status = 'final';\n      src.gender as g -> tgt.value as v, v.text = g;", TO_OBSERVATION),
    input: PATIENT,
    error: { line: RULES_LINE + 1, says: 'is a choice' },
  },
  {
    name: 'targets/choice-written-with-its-type',
    spec: "R4 formats, Choice of Data Types: the element's name is value[x]",
    map: rules('src.gender as g -> tgt.valueString = g;', TO_OBSERVATION),
    input: PATIENT,
    error: { line: RULES_LINE, says: "'value'" },
  },
  {
    name: 'targets/choice-of-a-type-it-does-not-have',
    spec: 'R4 Observation.value[x] has no Address',
    map: rules("src.gender as g -> tgt.value = create('Address') as a, a.city = g;", TO_OBSERVATION),
    input: PATIENT,
    error: { line: RULES_LINE, says: 'Address' },
  },

  {
    name: 'targets/choice-written-twice-with-different-types',
    spec: `${CHOICE}; the element exists once`,
    map: rules("src.gender as g -> tgt.value = 'x', tgt.value = 5;", TO_OBSERVATION),
    input: PATIENT,
    expected: observation({ valueInteger: 5 }),
  },
  {
    name: 'targets/choice-text-then-object',
    spec: `${CHOICE}; the element exists once`,
    map: rules("src.gender as g -> tgt.value = 'x'; src.active as a -> tgt.value = create('Quantity') as q, q.value = 1;", TO_OBSERVATION),
    input: PATIENT,
    expected: observation({ valueQuantity: { value: 1 } }),
  },
  {
    name: 'targets/choice-object-then-object',
    spec: `${CHOICE}; the element exists once`,
    map: rules(
      "src.gender as g -> tgt.effective = create('Period') as p, p.start = '2020'; src.active as a -> tgt.effective = cast('2021', 'dateTime');",
      TO_OBSERVATION,
    ),
    input: PATIENT,
    expected: observation({ effectiveDateTime: '2021' }),
  },
  {
    name: 'targets/choice-copied-from-a-choice',
    spec: `${CHOICE}; the type is that of the source`,
    map: rules('src.value as v -> tgt.value = v;', OBSERVATIONS),
    input: { resourceType: 'Observation', valueCodeableConcept: { text: 't' } },
    expected: observation({ valueCodeableConcept: { text: 't' } }),
  },
  {
    name: 'targets/choice-copied-from-a-larger-choice',
    spec: `${CHOICE}; a type that the target does not have is not written`,
    map: rules('src.value as v -> tgt.value = v; src.status as s -> tgt.code as c, c.text = s;', {
      source: 'Parameters',
      target: 'Observation',
    })
      .replace('src.value as v', 'src.parameter as p, p.value as v')
      .replace('src.status as s -> tgt.code as c, c.text = s;', ''),
    input: {
      resourceType: 'Parameters',
      parameter: [
        { name: 'a', valueAddress: { city: 'x' } },
        { name: 'b', valueString: 's' },
      ],
    },
    expected: observation({ valueString: 's' }),
    issues: ['field-type'],
  },
  {
    name: 'targets/copied-object-is-its-own',
    spec: 'R4 mapping-language, copy: the source stays as it is',
    map: rules("src.telecom as t -> tgt.telecom = t as c, c.value = 'changed', tgt.contact as k, k.telecom = t;"),
    input: { ...PATIENT, telecom: [{ system: 'phone', value: '1' }] },
    expected: organization({ telecom: [{ system: 'phone', value: 'changed' }], contact: [{ telecom: [{ system: 'phone', value: '1' }] }] }),
  },
  {
    name: 'targets/copied-resource',
    spec: "R4 mapping-language, copy: 'simply copy the source to the target as is'; R4 Bundle.entry.resource",
    map: rules('src.entry as e then { e.resource : Patient as p -> tgt.entry as f, f.resource = p; };', {
      source: 'Bundle',
      target: 'Bundle',
      more: ['Patient'],
    }),
    input: {
      resourceType: 'Bundle',
      type: 'collection',
      entry: [{ resource: { resourceType: 'Patient', id: 'p' } }, { resource: { resourceType: 'Basic' } }],
    },
    expected: { resourceType: 'Bundle', entry: [{ resource: { resourceType: 'Patient', id: 'p' } }] },
  },
  {
    name: 'targets/copied-source-itself',
    spec: "R4 mapping-language, copy: 'simply copy the source to the target as is'; R4 DomainResource.contained",
    map: rules('src as s -> tgt.contained = s "self";'),
    input: { resourceType: 'Patient', id: 'p', gender: 'female' },
    expected: organization({ contained: [{ resourceType: 'Patient', id: 'p', gender: 'female' }] }),
  },
  {
    name: 'targets/positive-integer',
    spec: 'R4 data types, positiveInt; a whole number literal',
    map: rules('src.gender as g -> tgt.telecom as t, t.rank = 1, t.value = g;'),
    input: PATIENT,
    expected: organization({ telecom: [{ rank: 1, value: 'female' }] }),
  },
  {
    name: 'targets/whole-number-into-decimal',
    spec: 'R4 data types, decimal; FHIRPath N1: an Integer is implicitly a Decimal',
    map: rules("src.gender as g -> tgt.value = create('Quantity') as q, q.value = 5;", TO_OBSERVATION),
    input: PATIENT,
    expected: observation({ valueQuantity: { value: 5 } }),
  },

  // what is left out
  {
    name: 'targets/object-that-stays-empty',
    spec: 'R4 formats: an object is never empty',
    map: rules('src.gender as g -> tgt.contact as c then { src.telecom as t -> c.purpose as p then { t.value as v -> p.text = v; }; };'),
    input: PATIENT,
    expected: organization(),
  },
  {
    name: 'targets/list-of-which-some-stay-empty',
    spec: 'R4 formats: an object is never empty',
    map: rules('src.name as n -> tgt.contact as c then { n.prefix as p -> c.purpose as q, q.text = p; };'),
    input: { ...PATIENT, name: [{ family: 'a' }, { prefix: ['dr'] }, { family: 'b' }] },
    expected: organization({ contact: [{ purpose: { text: 'dr' } }] }),
  },
  {
    name: 'targets/created-object-that-stays-empty',
    spec: 'R4 formats: an object is never empty',
    map: rules("src.gender as g -> tgt.value = create('Quantity') as q then { src.telecom as t -> q.value = 1; };", TO_OBSERVATION),
    input: PATIENT,
    expected: observation(),
  },
  {
    name: 'targets/empty-expression-writes-nothing',
    spec: "R4 mapping-language, evaluate: 'the value returned by that'; FHIRPath N1: empty",
    map: rules('src.gender as g -> tgt.name = (%src.maritalStatus.text), tgt.active = true;'),
    input: PATIENT,
    expected: organization({ active: true }),
  },

  // list modes
  {
    name: 'targets/list-mode-first',
    spec: `${MODE} first: 'the items for this rule go first'`,
    map: rules("src.gender as g -> tgt.alias = 'b';\n src.gender as g -> tgt.alias = 'a' first;\n src.gender as g -> tgt.alias = 'c';"),
    input: PATIENT,
    expected: organization({ alias: ['a', 'b', 'c'] }),
  },
  {
    name: 'targets/list-mode-last',
    spec: `${MODE} last: 'the items for this rule go last'`,
    map: rules("src.gender as g -> tgt.alias = 'c' last;\n src.gender as g -> tgt.alias = 'a';\n src.gender as g -> tgt.alias = 'b';"),
    input: PATIENT,
    expected: organization({ alias: ['a', 'b', 'c'] }),
  },
  {
    name: 'targets/list-mode-first-keeps-the-order-of-its-items',
    spec: `${MODE} first: 'the items for this rule go first'`,
    map: rules("src.gender as g -> tgt.alias = 'z';\n src.name as n -> tgt.alias = (%n.family) first;"),
    input: PATIENT,
    expected: organization({ alias: ['Sari', 'Rini', 'z'] }),
  },
  {
    name: 'targets/list-mode-first-and-last-of-objects',
    spec: `${MODE} first, last`,
    map: rules(`src.gender as g -> tgt.contact as c last, c.purpose as p, p.text = 'c';
      src.gender as g -> tgt.contact as c, c.purpose as p, p.text = 'b';
      src.gender as g -> tgt.contact as c first, c.purpose as p, p.text = 'a';`),
    input: PATIENT,
    expected: organization({ contact: [{ purpose: { text: 'a' } }, { purpose: { text: 'b' } }, { purpose: { text: 'c' } }] }),
  },
  ...(['', ' "one"'] as const).map(
    (named): Probe => ({
      name: `targets/list-mode-first-twice${named === '' ? '' : '-under-names'}`,
      spec: "R4 CodeSystem map-target-list-mode, first: 'If more than one rule defines a first item (for a given instance of mapping) then this is an error'",
      map: rules(
        `src.gender as g -> tgt.alias = 'a' first${named};\n      src.gender as g -> tgt.alias = 'b' first${named.replace('one', 'two')};`,
      ),
      input: PATIENT,
      expected: organization({ alias: ['a'] }),
      issues: ['map-check'],
    }),
  ),
  {
    name: 'targets/list-mode-first-after-an-empty-one',
    spec: `${MODE} first; R4 formats: an object is never empty`,
    map: rules(`src.gender as g -> tgt.contact as c, c.purpose as p, p.text = 'z';
      src.name as n -> tgt.contact as c first then { n.prefix as x -> c.purpose as p, p.text = x; };`),
    input: { ...PATIENT, name: [{ family: 'a' }, { prefix: ['dr'] }, { prefix: ['ns'] }] },
    expected: organization({ contact: [{ purpose: { text: 'dr' } }, { purpose: { text: 'ns' } }, { purpose: { text: 'z' } }] }),
  },
  {
    name: 'targets/list-mode-last-of-several',
    spec: `${MODE} last: 'the items for this rule go last'`,
    map: rules("src.name as n -> tgt.alias = (%n.family) last;\n src.gender as g -> tgt.alias = 'Sari', tgt.alias = 'z';"),
    input: PATIENT,
    expected: organization({ alias: ['Sari', 'z', 'Sari', 'Rini'] }),
  },
  {
    name: 'targets/share-between-rules',
    spec: `${MODE} share: 'the target instance is shared with the target instances generated by another rule'`,
    map: rules(`src.gender as g -> tgt.contact as c share one, c.purpose as p, p.text = g;
      src.language as l -> tgt.contact as c share one, c.name as n, n.text = l;
      src.active as a -> tgt.contact as c, c.purpose as p, p.text = 'own';`),
    input: PATIENT,
    expected: organization({ contact: [{ purpose: { text: 'female' }, name: { text: 'id' } }, { purpose: { text: 'own' } }] }),
  },
  {
    name: 'targets/share-pairwise',
    spec: "R4 CodeSystem map-target-list-mode, share: 'up to the first common n items, then create new ones' (HL7's Java engine: one for all)",
    map: rules(`src.name as n -> tgt.contact as c share one then { n.family as f -> c.purpose as p, p.text = f; };
      src.telecom as t -> tgt.contact as c share one then { t.value as v -> c.telecom as x, x.value = v; };`),
    input: { ...PATIENT, telecom: [{ value: '1' }, { value: '2' }, { value: '3' }] },
    expected: organization({
      contact: [
        { purpose: { text: 'Sari' }, telecom: [{ value: '1' }] },
        { purpose: { text: 'Rini' }, telecom: [{ value: '2' }] },
        { telecom: [{ value: '3' }] },
      ],
    }),
  },
  {
    name: 'targets/share-under-two-names',
    spec: `${MODE} share; R4 StructureMap.group.rule.target.listRuleId`,
    map: rules(`src.gender as g -> tgt.contact as c share one, c.purpose as p, p.text = 'one';
      src.gender as g -> tgt.contact as c share two, c.purpose as p, p.text = 'two';
      src.gender as g -> tgt.contact as c share one, c.name as n, n.text = '1';`),
    input: PATIENT,
    expected: organization({ contact: [{ purpose: { text: 'one' }, name: { text: '1' } }, { purpose: { text: 'two' } }] }),
  },
  {
    name: 'targets/share-in-nested-rules-is-per-item-of-the-rule-around',
    spec: `${MODE} share; HL7's Java engine: the name is known in the rules of one item`,
    map: rules(`src.name as n then {
        n.family as f -> tgt.contact as c share one, c.purpose as p, p.text = f;
        n.given as g -> tgt.contact as c share one, c.telecom as t, t.value = g;
      };`),
    input: {
      ...PATIENT,
      name: [
        { family: 'Sari', given: ['Dewi'] },
        { family: 'Rini', given: ['Nur'] },
      ],
    },
    expected: organization({
      contact: [
        { purpose: { text: 'Sari' }, telecom: [{ value: 'Dewi' }] },
        { purpose: { text: 'Rini' }, telecom: [{ value: 'Nur' }] },
      ],
    }),
  },
  {
    name: 'targets/share-of-an-object-that-stays-empty',
    spec: `${MODE} share; R4 formats: an object is never empty`,
    map: rules(`src.gender as g -> tgt.contact as c share one then { src.telecom as t -> c.purpose as p, p.text = g; };
      src.gender as g -> tgt.contact as c share two then { src.telecom as t -> c.purpose as p, p.text = g; };
      src.gender as g -> tgt.contact as c share one, c.purpose as p, p.text = 'one';`),
    input: PATIENT,
    expected: organization({ contact: [{ purpose: { text: 'one' } }] }),
  },
  {
    name: 'targets/collate',
    spec: `${MODE} collate: 're-use the first item in the list, and keep adding content to it'`,
    map: rules('src.name as n -> tgt.contact as c collate then { n.family as f -> c.telecom as t, t.value = f; };'),
    input: PATIENT,
    expected: organization({ contact: [{ telecom: [{ value: 'Sari' }, { value: 'Rini' }] }] }),
  },
  {
    name: 'targets/collate-takes-the-first-that-is-there',
    spec: `${MODE} collate: 're-use the first item in the list, and keep adding content to it'`,
    map: rules(`src.gender as g -> tgt.contact as c, c.purpose as p, p.text = 'a';
      src.gender as g -> tgt.contact as c, c.purpose as p, p.text = 'b';
      src.gender as g -> tgt.contact as c collate, c.name as n, n.text = 'x';`),
    input: PATIENT,
    expected: organization({ contact: [{ purpose: { text: 'a' }, name: { text: 'x' } }, { purpose: { text: 'b' } }] }),
  },

  // refused
  {
    name: 'targets/unknown-element',
    spec: `${TARGET} 'a child element that is valid in the context'`,
    map: rules('src.active as a -> tgt.active = a;\n      src.gender as g -> tgt.gender = g;'),
    input: PATIENT,
    error: { line: RULES_LINE + 1, says: 'gender' },
  },
  {
    name: 'targets/unknown-element-of-an-object',
    spec: `${TARGET} 'a child element that is valid in the context'`,
    map: rules('src.gender as g -> tgt.contact as c, c.rank = 1;'),
    input: PATIENT,
    error: { line: RULES_LINE, says: 'rank' },
  },
  {
    name: 'targets/dotted-path-through-a-list',
    spec: 'R4 Organization.contact repeats: which one is not said',
    map: rules('src.gender as g -> tgt.contact.purpose.text = g;'),
    input: PATIENT,
    error: { line: RULES_LINE, says: "'contact' repeats" },
  },
  ...(
    [
      ['number-into-text', 'tgt.name = 5', 'string'],
      ['text-into-boolean', "tgt.active = 'true'", 'boolean'],
      ['boolean-into-text', 'tgt.name = true', 'string'],
      ['text-into-object', "tgt.partOf = 'x'", 'Reference'],
      ['source-boolean-into-text', 'tgt.name = a', 'string'],
    ] as const
  ).map(
    ([name, target, says]): Probe => ({
      name: `targets/${name}`,
      spec: "R4 mapping-language, copy: 'only allowed when the types in source and target match'",
      map: rules(`src.gender as g -> tgt.alias = g;\n      src.active as a -> ${target};`),
      input: PATIENT,
      error: { line: RULES_LINE + 1, says },
    }),
  ),
  {
    name: 'targets/number-into-id',
    spec: "R4 mapping-language, copy: 'only allowed when the types in source and target match'; R4 Resource.id",
    map: rules('src.gender as g -> tgt.id = 5;'),
    input: PATIENT,
    error: { line: RULES_LINE, says: 'id' },
  },
  {
    name: 'targets/json-name-of-the-extensions-of-a-primitive',
    spec: `${TARGET} 'a child element that is valid in the context'; _name is a form of JSON, no element`,
    map: rules("src.gender as g -> tgt._name as n, n.extension as e, e.url = 'urn:x';"),
    input: PATIENT,
    error: { line: RULES_LINE, says: '_name' },
  },
  {
    name: 'targets/zero-into-positive-integer',
    spec: 'R4 data types, positiveInt',
    map: rules('src.gender as g -> tgt.telecom as t, t.rank = 0;'),
    input: PATIENT,
    error: { line: RULES_LINE, says: 'positiveInt' },
  },
  {
    name: 'targets/backbone-of-another-type',
    spec: 'R4 Patient.contact and Organization.contact are different backbone elements',
    map: rules('src.contact -> tgt.contact;'),
    input: PATIENT,
    error: { line: RULES_LINE, says: 'contact' },
  },
  {
    name: 'targets/resource-without-a-type',
    spec: `${TARGET} 'It is an error if auto-created elements … have more than one possible type'`,
    map: rules('src.gender as g -> tgt.contained as c, c.id = g;'),
    input: PATIENT,
    error: { line: RULES_LINE, says: 'create(' },
  },
  {
    name: 'targets/auto-created-primitive',
    spec: `${TARGET} 'It is an error if auto-created elements are primitive types'`,
    map: rules('src.gender as g -> tgt.name as n;'),
    input: PATIENT,
    error: { line: RULES_LINE, says: 'primitive' },
  },
  {
    name: 'targets/target-of-another-group',
    spec: `${TARGET} 'any named variable within the group'`,
    map: map(`group Main(source src : Source, target tgt : Target) { src.gender as g -> tgt.name = g; }
group Other(source a : Source, target b : Target) { a.gender as g -> tgt.name = g; }`),
    input: PATIENT,
    error: { line: 4, says: "'tgt'" },
  },
  {
    name: 'targets/source-as-target',
    spec: `${TARGET} 'declared as a target for the map, a target parameter'; a source is not written`,
    map: rules("src.gender as g -> src.gender = 'male';"),
    input: PATIENT,
    error: { line: RULES_LINE, says: "'src'" },
  },
];
