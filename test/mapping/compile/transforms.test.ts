import { describe, expect, it } from 'vitest';
import { type ProbeOptions, probe, run, STATUS_MAP } from './probe.ts';

const observation: ProbeOptions = { type: 'Observation' };

// https://hl7.org/fhir/R4/mapping-language.html#transforms
describe('transforms', () => {
  it('literals: text, integer, decimal, negative, boolean', () => {
    expect(probe("src -> tgt.status = 'final', tgt.value = -1;", {}, observation)).toEqual({ status: 'final', valueInteger: -1 });
    expect(probe("src -> tgt.value = create('Quantity') as q, q.value = -1.5;", {}, observation)).toEqual({
      valueQuantity: { value: -1.5 },
    });
    expect(probe('src -> tgt.value = true;', {}, observation)).toEqual({ valueBoolean: true });
    expect(probe("src -> tgt.value = 'it\\'s \\u0041';", {}, observation)).toEqual({ valueString: "it's A" });
  });

  it('create of a data type writes no resourceType and resolves the choice', () => {
    expect(probe("src.weight as w -> tgt.value = create('Quantity') as q, q.value = w;", { weight: 5.5 }, observation)).toEqual({
      valueQuantity: { value: 5.5 },
    });
  });

  it('create without a type makes the type of the element', () => {
    expect(probe("src -> tgt.code = create() as c, c.text = 'x';", {}, observation)).toEqual({ code: { text: 'x' } });
  });

  it('append takes any number of parts, and gives nothing when one is missing', () => {
    const rules = "src -> tgt.language = append('a', src.name, '-', src.count, src.code);";
    expect(probe(rules, { name: 'n', count: 3, code: 'c' })).toEqual({ language: 'an-3c' });
    expect(probe(rules, { name: 'n', count: 3 })).toBeUndefined();
  });

  it('truncate counts characters, not code units', () => {
    expect(probe('src.name as n -> tgt.language = truncate(n, 2);', { name: '😀bc' })).toEqual({ language: '😀b' });
  });

  it.each([
    ["cast(src.weight, 'string')", 'language', { weight: 1.5 }, { language: '1.5' }],
    ["cast(src.pregnant, 'string')", 'language', { pregnant: false }, { language: 'false' }],
    ["cast(src.name, 'boolean')", 'active', { name: 'true' }, { active: true }],
    ["cast(src.name, 'integer')", 'multipleBirth', { name: '12' }, { multipleBirthInteger: 12 }],
    ["cast(src.name, 'date')", 'birthDate', { name: '2020-02-03T10:00:00+07:00' }, { birthDate: '2020-02-03' }],
    ["cast(src.name, 'dateTime')", 'deceased', { name: '2020-02-03T10:00+07:00' }, { deceasedDateTime: '2020-02-03T10:00:00+07:00' }],
  ])('%s', (transform, element, record, expected) => {
    expect(probe(`src -> tgt.${element} = ${transform};`, record)).toEqual(expected);
  });

  it('cast to decimal', () => {
    const rules = "src -> tgt.value = create('Quantity') as q, q.value = cast(src.name, 'decimal');";
    expect(probe(rules, { name: '12.50' }, observation)).toEqual({ valueQuantity: { value: 12.5 } });
  });

  it('a cast that cannot be is a finding with the field, never a wrong value', () => {
    const result = run("src -> tgt.active = true, tgt.birthDate = cast(src.name, 'date');", { name: 'kemarin' });
    expect(result.resources[0]?.resource).not.toHaveProperty('birthDate');
    expect(result.issues).toMatchObject([{ code: 'field-type', field: 'name' }]);
    expect(JSON.stringify(result.issues)).not.toContain('kemarin');
  });

  it('evaluate: (expr), evaluate((expr)), evaluate(variable, (expr)), evaluate with a text', () => {
    const record = { name: 'a', code: 'b', vitals: { note: 'n' } };
    expect(probe("src -> tgt.language = (src.name & '-' & src.code);", record)).toEqual({ language: 'a-b' });
    expect(probe("src -> tgt.language = evaluate((%src.name + 'x'));", record)).toEqual({ language: 'ax' });
    expect(probe('src.vitals as v -> tgt.language = evaluate(v, (note.upper()));', record)).toEqual({ language: 'N' });
    expect(probe("src.vitals as v -> tgt.language = evaluate(v, 'note');", record)).toEqual({ language: 'n' });
  });

  it('cc, c', () => {
    expect(probe("src -> tgt.code = cc('urn:s', src.code, src.name);", { code: 'c', name: 'd' }, observation)).toEqual({
      code: { coding: [{ system: 'urn:s', code: 'c', display: 'd' }] },
    });
    expect(probe("src -> tgt.code = cc('urn:s', src.code, src.name);", { code: 'c' }, observation)).toEqual({
      code: { coding: [{ system: 'urn:s', code: 'c' }] },
    });
    expect(probe("src -> tgt.code = cc('urn:s', src.code, src.name);", { name: 'd' }, observation)).toBeUndefined();
    expect(probe('src.name as n -> tgt.code = cc(n);', { name: 'free' }, observation)).toEqual({ code: { text: 'free' } });
    expect(probe("src -> tgt.class = c('urn:s', 'AMB');", {}, { type: 'Encounter' })).toEqual({ class: { system: 'urn:s', code: 'AMB' } });
    expect(probe("src -> tgt.category = cc('urn:s', 'a'), tgt.category = cc('urn:s', 'b');", {}, observation)).toEqual({
      category: [{ coding: [{ system: 'urn:s', code: 'a' }] }, { coding: [{ system: 'urn:s', code: 'b' }] }],
    });
  });

  it('qty, id, cp', () => {
    expect(probe("src.weight as w -> tgt.value = qty(w, 'kg', 'http://unitsofmeasure.org', 'kg');", { weight: 60 }, observation)).toEqual({
      valueQuantity: { value: 60, unit: 'kg', system: 'http://unitsofmeasure.org', code: 'kg' },
    });
    expect(probe("src -> tgt.value = qty(src.weight, 'kg');", {}, observation)).toBeUndefined();
    expect(probe("src -> tgt.identifier = id('urn:nik', src.code);", { code: '1' })).toEqual({
      identifier: [{ system: 'urn:nik', value: '1' }],
    });
    expect(probe('src.tags as t -> tgt.telecom = cp(t);', { tags: ['+62 8', 'a@b.id', 'https://x'] })).toEqual({
      telecom: [
        { system: 'phone', value: '+62 8' },
        { system: 'email', value: 'a@b.id' },
        { system: 'url', value: 'https://x' },
      ],
    });
    expect(probe("src.name as n -> tgt.telecom = cp('phone', n);", { name: '1' })).toEqual({ telecom: [{ system: 'phone', value: '1' }] });
  });

  it('an object made by cc may be written further', () => {
    expect(probe("src -> tgt.code = cc('urn:s', 'a') as c, c.text = 'x';", {}, observation)).toEqual({
      code: { coding: [{ system: 'urn:s', code: 'a' }], text: 'x' },
    });
  });

  it('a primitive may be named and used again', () => {
    expect(probe("src.name as n -> tgt.language = append(n, '!') as l, tgt.implicitRules = l;", { name: 'a' })).toEqual({
      language: 'a!',
      implicitRules: 'a!',
    });
    expect(probe("src.name as n -> append(n, '!') as l, tgt.language = l;", { name: 'a' })).toEqual({ language: 'a!' });
  });
});

describe('translate', () => {
  const own = 'conceptmap "sex" { prefix s = "urn:s" prefix t = "urn:t" s:L == t:male s:P == t:"fe-male" s:8480-6 == t:\'bp\' }\n';
  const withMap: ProbeOptions = { ...observation, conceptMaps: { [STATUS_MAP.url as string]: STATUS_MAP } };
  const url = "'https://fhir.ilp.example/ConceptMap/sex'";

  it('gives code, system and display', () => {
    const rules = `src.sex as x -> tgt.code as c, c.coding as k, k.code = translate(x, ${url}, 'code'), k.system = translate(x, ${url}, 'system'), k.display = translate(x, ${url}, 'display');`;
    expect(probe(rules, { sex: 'L' }, withMap)).toEqual({
      code: { coding: [{ code: 'male', system: 'http://hl7.org/fhir/administrative-gender', display: 'Male' }] },
    });
  });

  it('gives a Coding and a CodeableConcept', () => {
    const coding = { system: 'http://hl7.org/fhir/administrative-gender', code: 'female' };
    expect(probe(`src.sex as x -> tgt.code = translate(x, ${url}, 'CodeableConcept');`, { sex: 'P' }, withMap)).toEqual({
      code: { coding: [coding] },
    });
    expect(probe(`src.sex as x -> tgt.code as c, c.coding = translate(x, ${url}, 'Coding');`, { sex: 'P' }, withMap)).toEqual({
      code: { coding: [coding] },
    });
  });

  it('reads a concept map inside the map, in every group', () => {
    const more = "group G(source x, target p : Patient) { x.sex as s -> p.gender = translate(s, '#sex', 'code'); }";
    const map = compileWithOwnMap(own, 'src then G(src, tgt);', more);
    expect(map).toEqual({ gender: 'fe-male' });
  });

  it('of a concept map inside the map follows the relations that keep the meaning, and leaves what is provided as it is', () => {
    const head = 'conceptmap "sex" { prefix s = "urn:s" prefix t = "urn:t" s:P';
    const more = "group G(source x, target p : Patient) { x.sex as s -> p.gender = translate(s, '#sex', 'code'); }";
    const given = (rest: string) => compileWithOwnMap(`${head} ${rest} }\n`, 'src then G(src, tgt);', more);
    for (const relation of ['-', '=', '==', '<=', '<-']) expect(given(`${relation} t:male`), relation).toEqual({ gender: 'male' });
    for (const relation of ['!=', '--', '>=', '>-', '~']) expect(given(`${relation} t:male`), relation).toBeUndefined();
    expect(given('!= t:male unmapped for s = provided')).toBeUndefined();
    const others = 'conceptmap "sex" { prefix s = "urn:s" prefix t = "urn:t" s:L == t:male unmapped for s = provided }\n';
    expect(compileWithOwnMap(others, 'src then G(src, tgt);', more)).toEqual({ gender: 'P' });
  });

  it('an unmapped code is a finding and no value', () => {
    const result = run(`src.sex as x -> tgt.status = 'final', tgt.code = translate(x, ${url}, 'CodeableConcept');`, { sex: 'X' }, withMap);
    expect(result.resources[0]?.resource).not.toHaveProperty('code');
    expect(result.issues).toMatchObject([{ code: 'unmapped-code', field: 'sex' }]);
  });
});

function compileWithOwnMap(conceptMap: string, rules: string, more: string) {
  // Concept maps stand before the groups; the probe's head has none, so this one is put into a second, imported map.
  const text = `map "urn:own" = "Own"\n${conceptMap}uses "http://hl7.org/fhir/StructureDefinition/Bundle" alias Bundle as target
group Entry(source src, source ctx, target bundle : Bundle) {
  src -> bundle.entry as entry, entry.resource = create('Patient') as tgt then { ${rules} };
}
${more}`;
  const set = { maps: [{ name: 'own.map', text }], entry: { encounters: 'Entry' } };
  return probe('', { sex: 'P' }, set);
}
