import { describe, expect, it } from 'vitest';
import { probe, run } from './probe.ts';

describe('targets (R4 mapping language, "Transform Rules": targets)', () => {
  it('an assignment to a repeating element appends', () => {
    expect(probe("src -> tgt.name as n, n.given = 'a', n.given = 'b'; src -> tgt.name as n, n.text = 'c';", {})).toEqual({
      name: [{ given: ['a', 'b'] }, { text: 'c' }],
    });
  });

  it('a single object is made once and used again', () => {
    expect(probe("src -> tgt.period as p, p.start = '2020'; src -> tgt.period as p, p.end = '2021';", {}, { type: 'Encounter' })).toEqual({
      period: { start: '2020', end: '2021' },
    });
  });

  it('tgt.a.b = x writes b of a', () => {
    expect(probe("src -> tgt.maritalStatus.text = 'x', tgt.managingOrganization.display = 'y';", {})).toEqual({
      maritalStatus: { text: 'x' },
      managingOrganization: { display: 'y' },
    });
  });

  it('makes backbone elements', () => {
    expect(probe("src -> tgt.component as c, c.code = cc('x'), c.value = 'y';", {}, { type: 'Observation' })).toEqual({
      component: [{ code: { text: 'x' }, valueString: 'y' }],
    });
  });

  it.each([
    ["cast(src.day, 'dateTime')", { effectiveDateTime: '2020-01-02' }],
    ["cast(src.day, 'instant')", undefined],
  ])('resolves a choice by cast: %s', (transform, expected) => {
    expect(probe(`src -> tgt.effective = ${transform};`, { day: '2020-01-02' }, { type: 'Observation' })).toEqual(expected);
  });

  it('resolves a choice by create, with nested rules', () => {
    expect(
      probe(
        "src.day as d -> tgt.effective = create('Period') as p then { src -> p.start = d; };",
        { day: '2020-01-02' },
        { type: 'Observation' },
      ),
    ).toEqual({
      effectivePeriod: { start: '2020-01-02' },
    });
  });

  it('leaves no empty object or array, at any depth', () => {
    const rules = `src -> tgt.name as n, n.text = src.name;
      src -> tgt.contact as c, c.name as n, n.family = src.name;
      src -> tgt.maritalStatus.text = src.name;
      src -> tgt.managingOrganization as r, r.reference = src.name;
      src -> tgt.active = true;`;
    expect(probe(rules, { name: ' ' })).toEqual({ active: true });
  });

  it('drops an entry whose resource stays empty', () => {
    expect(run('src.name -> tgt.language;', {}).resources).toEqual([]);
  });

  it('never reaches the prototype', () => {
    const record = JSON.parse('{"__proto__": {"name": "x"}, "constructor": {"a": 1}, "answers": {"__proto__": {"a": "y"}}}');
    expect(probe('src.name -> tgt.language; src.answers.a as a -> tgt.implicitRules = a;', record)).toBeUndefined();
    expect(({} as Record<string, unknown>).name).toBeUndefined();
  });

  it('a wrong-typed value is a finding with its field, and no value', () => {
    const rules =
      'src.name -> tgt.language; src.vitals.note as n -> tgt.implicitRules = n; src.items as i -> tgt.name as h, h.text = i.value; src -> tgt.active = true;';
    const result = run(rules, { name: 5, vitals: 'high', items: [{ value: 'a' }, { value: {} }] });
    expect(result.resources[0]?.resource).toMatchObject({ active: true, name: [{ text: 'a' }] });
    expect(result.issues.map((i) => [i.code, i.field])).toEqual([
      ['field-type', 'name'],
      ['field-type', 'vitals'],
      ['field-type', 'items[1].value'],
    ]);
  });
});
