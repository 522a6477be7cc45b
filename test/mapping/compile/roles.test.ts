import { describe, expect, it } from 'vitest';
import { CONTEXT, compileProbe, idOf, run } from './probe.ts';

const observation = (role: string, rest = '') =>
  `src -> bundle.entry as e, e.fullUrl = '${role}', e.resource = create('Observation') as o then { src -> o.status = 'final'; ${rest} };`;

const more = `group Two(source src, target bundle : Bundle) {
  ${observation('role:observation:8480-6')}
  ${observation('role:observation:8480-6', "src -> o.encounter as r, r.reference = 'role:probe';")}
}`;

describe('roles', () => {
  it('give ids, and are made unique in the order of the entries', () => {
    const result = run('src -> tgt.active = true; src then Two(src, bundle);', {}, { more });
    expect(result.resources.map(({ role, item, resource }) => [role, item, resource.id])).toEqual([
      ['probe', 'probe', 'id-probe'],
      ['observation:8480-6', 'observation:8480-6', 'id-observation:8480-6'],
      ['observation:8480-6#2', 'observation:8480-6', 'id-observation:8480-6#2'],
    ]);
    expect(result.resources[2]?.resource).toMatchObject({ encounter: { reference: 'Patient/id-probe' } });
  });

  it('the item is the role without ordinal and source id, or entry.id', () => {
    const rules = `src -> tgt.active = true;
      src -> bundle.entry as e, e.fullUrl = 'role:immunization:BCG@77#1', e.resource = create('Immunization') as i, i.status = 'completed';
      src -> bundle.entry as e, e.id = 'anc.hb', e.fullUrl = 'role:observation:718-7', e.resource = create('Observation') as o, o.status = 'final';`;
    const result = run(rules, {});
    expect(result.resources.map((r) => r.item)).toEqual(['probe', 'immunization:BCG', 'anc.hb']);
    expect(JSON.stringify(result.resources)).not.toContain('fullUrl');
  });

  it('without fullUrl the role is the item, else the type', () => {
    const rules = `src -> bundle.entry as e, e.resource = create('Observation') as o, o.status = 'final';
      src -> bundle.entry as e, e.id = 'x', e.resource = create('Observation') as o, o.status = 'final';`;
    expect(run(rules, {}).resources.map((r) => r.role)).toEqual(['observation', 'x']);
  });

  it('a reference may come before its resource', () => {
    const rules = `src -> bundle.entry as e, e.fullUrl = 'role:a', e.resource = create('Observation') as o, o.encounter as r, r.reference = 'role:b';
      src -> bundle.entry as e, e.fullUrl = 'role:b', e.resource = create('Encounter') as n, n.status = 'finished';`;
    expect(run(rules, {}).resources[0]?.resource).toMatchObject({ encounter: { reference: 'Encounter/id-b' } });
  });

  it('reference(resource) refers to a resource in scope', () => {
    const rules = `src -> bundle.entry as e, e.fullUrl = 'role:a', e.resource = create('Encounter') as n then {
      src -> n.status = 'finished';
      src -> bundle.entry as f, f.resource = create('Observation') as o, o.status = 'final', o.encounter as r, r.reference = reference(n);
    };`;
    expect(run(rules, {}).resources[1]?.resource).toMatchObject({ encounter: { reference: 'Encounter/id-a' } });
  });

  it('other references stay as they are', () => {
    const rules = "src -> tgt.managingOrganization as r, r.reference = 'Organization/1';";
    expect(run(rules, {}).resources[0]?.resource).toMatchObject({ managingOrganization: { reference: 'Organization/1' } });
  });

  it('a role that is not there leaves no Reference and a warning without source ids', () => {
    const rules = "src -> tgt.active = true, tgt.managingOrganization as r, r.reference = 'role:gone@3301';";
    const result = run(rules, {});
    expect(result.resources[0]?.resource).not.toHaveProperty('managingOrganization');
    expect(result.issues).toMatchObject([{ code: 'reference', severity: 'warning', rule: 'role:gone' }]);
    expect(JSON.stringify(result.issues)).not.toContain('3301');
  });
});

describe('own identifiers', () => {
  it('are added where the type has identifier, before those of the map', () => {
    const rules = "src -> tgt.identifier = id('urn:nik', src.code);";
    expect(run(rules, { code: '1' }).resources[0]?.resource).toMatchObject({
      identifier: [
        { system: 'https://fhir.ilp.example/sid/patient', value: 'id-probe' },
        { system: 'urn:nik', value: '1' },
      ],
    });
  });

  it('are left to the map when it writes one', () => {
    const rules = "src -> tgt.identifier = id('https://fhir.ilp.example/sid/patient', src.code);";
    expect(run(rules, { code: '1' }).resources[0]?.resource).toMatchObject({ identifier: [{ value: '1' }] });
  });

  it('are single where R4 has one, and absent where it has none', () => {
    const of = (type: string, rule: string) => run(rule, {}, { type }).resources[0]?.resource as unknown as Record<string, unknown>;
    expect(of('QuestionnaireResponse', "src -> tgt.status = 'completed';").identifier).toEqual({
      system: 'https://fhir.ilp.example/sid/questionnaireresponse',
      value: 'id-probe',
    });
    expect(of('Provenance', "src -> tgt.recorded = '2026-01-01T00:00:00Z';").identifier).toBeUndefined();
  });
});

describe('explain', () => {
  const rules = `src.items as i -> tgt.name as n, n.text = i.value, n.use = 'usual';
    src.vitals as v then { v.systolic as s then G(s, bundle, '8480-6'); };
    ctx.sex -> tgt.gender;
    src -> tgt.language = append('x', src.code), tgt.maritalStatus = cc('urn:s', src.code);`;
  const group = `group G(source v, target bundle : Bundle, source code : code) {
  v -> bundle.entry as e, e.fullUrl = append('role:observation:', code), e.resource = create('Observation') as o then {
    v -> o.status = 'final', o.value = create('Quantity') as q, q.value = cast(v, 'decimal') "value";
  } "g";
}`;
  const record = { items: [{ value: 'a' }, { use: 'x' }, { value: 'b' }], vitals: { systolic: 120 }, code: 'c' };

  it('gives the field and rule behind each value', () => {
    const mapper = compileProbe(rules, { more: group });
    const found = mapper.explain('encounters', record, { ...CONTEXT, sex: 'female' }, idOf);
    const of = (role: string, expression: string) => found.find((f) => f.role === role && f.expression === expression);
    expect(of('probe', 'Patient.name[0].text')).toEqual({
      role: 'probe',
      expression: 'Patient.name[0].text',
      field: 'items[0].value',
      rule: 'probe.map#Main/items',
      site: { map: 'probe.map', line: expect.any(Number), group: 'Main', rule: 'items', type: 'HumanName', element: 'text', value: true },
    });
    expect(of('probe', 'Patient.name[2].text')?.field).toBe('items[2].value');
    expect(of('probe', 'Patient.name[1].use')?.field).toBe('items[1]');
    expect(of('probe', 'Patient.gender')?.field).toBe('%ctx.sex');
    expect(of('probe', 'Patient.language')?.field).toBe('code');
    expect(of('probe', 'Patient.maritalStatus')?.field).toBe('code');
    expect(of('observation:8480-6', 'Observation.valueQuantity.value')).toMatchObject({
      field: 'vitals.systolic',
      rule: 'probe.map#G/value',
    });
    expect(of('observation:8480-6', 'Observation.status')?.field).toBe('vitals.systolic');
  });

  it('maps the same as the fast variant', () => {
    const mapper = compileProbe(rules, { more: group });
    const before = JSON.stringify(mapper.map('encounters', record, CONTEXT, idOf));
    mapper.explain('encounters', record, CONTEXT, idOf);
    expect(JSON.stringify(mapper.map('encounters', record, CONTEXT, idOf))).toBe(before);
  });
});
