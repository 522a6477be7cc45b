import { describe, expect, it } from 'vitest';
import { probe, run } from './probe.ts';

// Sections of https://hl7.org/fhir/R4/mapping-language.html; where the text is silent, HL7's Java implementation decides.
describe('sources (R4 mapping language, "Rules")', () => {
  it('copies a field through a variable', () => {
    expect(probe('src.name as n -> tgt.language = n;', { name: 'id' })).toEqual({ language: 'id' });
  });

  it('copies in the short form src.a -> tgt.b', () => {
    expect(probe('src.day -> tgt.birthDate;', { day: '2020-01-02' })).toEqual({ birthDate: '2020-01-02' });
  });

  it('short form into a repeating element appends', () => {
    expect(probe('src -> tgt.name as n then { src.tags -> n.given; };', { tags: ['a', 'b'] })).toEqual({ name: [{ given: ['a', 'b'] }] });
  });

  it('does not fire without a value: missing, null, blank, blank in a list', () => {
    const rules = 'src.name as n -> tgt.language = n; src.tags as t -> tgt.name as h, h.text = t;';
    for (const record of [{}, { name: null, tags: null }, { name: '', tags: [] }, { name: '  ', tags: [null, ''] }]) {
      expect(probe(rules, record)).toBeUndefined();
    }
  });

  it('keeps 0 and false', () => {
    const rules = 'src.count as c -> tgt.multipleBirth = c; src.pregnant as p -> tgt.active = p;';
    expect(probe(rules, { count: 0, pregnant: false })).toEqual({ multipleBirthInteger: 0, active: false });
  });

  it('reads a path of several steps, not only the first', () => {
    expect(probe('src.vitals.note as n -> tgt.language = n;', { vitals: { note: 'deep' } })).toEqual({ language: 'deep' });
  });

  it('iterates over every list on a path', () => {
    const record = { items: [{ parts: [{ n: 1 }, { n: 2 }] }, {}, { parts: [{ n: 3 }] }] };
    expect(probe("src.items.parts as p -> tgt.name as h, h.text = cast(p.n, 'string');", record)).toEqual({
      name: [{ text: '1' }, { text: '2' }, { text: '3' }],
    });
  });

  it('a source without an element fires once with its context', () => {
    expect(probe("src as s -> tgt.language = 'id';", {})).toEqual({ language: 'id' });
  });

  it('two sources give the cross product', () => {
    const rules = "src.tags as a, src.items as b -> tgt.name as n, n.text = append(a, '-', b.value);";
    expect(probe(rules, { tags: ['x', 'y'], items: [{ value: '1' }, { value: '2' }] })).toEqual({
      name: [{ text: 'x-1' }, { text: 'x-2' }, { text: 'y-1' }, { text: 'y-2' }],
    });
  });

  it('a later source may start at the variable of an earlier one', () => {
    expect(probe('src.vitals as v, v.note as n -> tgt.language = n;', { vitals: { note: 'x' } })).toEqual({ language: 'x' });
  });

  it('reads unchecked sources as single values or lists', () => {
    const rules = 'src.a.b as b -> tgt.name as n, n.text = b;';
    expect(probe(rules, { a: [{ b: 'x' }, { b: ['y', 'z'] }] }, { unchecked: true })).toEqual({
      name: [{ text: 'x' }, { text: 'y' }, { text: 'z' }],
    });
    expect(probe(rules, { a: { b: 'x' } }, { unchecked: true })).toEqual({ name: [{ text: 'x' }] });
  });

  it('reads the context as a second source', () => {
    expect(probe('ctx.sex as s -> tgt.gender = s;', {}, { context: { sex: 'female' }, contextKeys: ['sex'] })).toEqual({
      gender: 'female',
    });
  });
});

describe('where', () => {
  const record = {
    items: [
      { use: 'a', value: '1' },
      { use: 'k', value: '2' },
      { use: 'k', value: '3' },
    ],
    tags: ['k', 'x'],
  };

  it('is evaluated on each item, not once on the parent', () => {
    expect(probe("src.items as i where (use = 'k') -> tgt.name as n, n.text = i.value;", record)).toEqual({
      name: [{ text: '2' }, { text: '3' }],
    });
  });

  it('knows the item as $this', () => {
    expect(probe("src.tags as t where ($this = 'k') -> tgt.language = t;", record)).toEqual({ language: 'k' });
  });

  it('knows the variables in scope as %name', () => {
    const rules = 'src.code as c then { src.items as i where (use = %c) -> tgt.name as n, n.text = i.value; };';
    expect(probe(rules, { ...record, code: 'a' })).toEqual({ name: [{ text: '1' }] });
  });

  it('holds for a source without an element', () => {
    const rules = "src where (name = 'x') -> tgt.language = 'id';";
    expect(probe(rules, { name: 'x' })).toEqual({ language: 'id' });
    expect(probe(rules, { name: 'y' })).toBeUndefined();
    expect(probe(rules, {})).toBeUndefined();
  });
});

// R4 StructureMap, group.rule.source.min and max: an implicit check on the content of the source.
describe('cardinality', () => {
  const failed = [{ code: 'map-check', severity: 'error' }];

  it('of a single value', () => {
    expect(run('src.name 1..1 as n -> tgt.language = n;', { name: 'x' })).toMatchObject({ issues: [] });
    expect(probe('src.name 1..1 as n -> tgt.language = n;', { name: 'x' })).toEqual({ language: 'x' });
    expect(run('src.name 1..1 as n -> tgt.language = n;', {}).issues).toMatchObject(failed);
    expect(run('src.name 0..1 as n -> tgt.language = n;', {}).issues).toEqual([]);
    expect(run('src.name 0..0 as n -> tgt.language = n;', { name: 'x' }).issues).toMatchObject(failed);
  });

  it('of a list: none of it is carried out where there are fewer or more', () => {
    const rules = 'src.tags 1..2 as t -> tgt.name as n, n.text = t;';
    expect(probe(rules, { tags: ['a', 'b'] })).toEqual({ name: [{ text: 'a' }, { text: 'b' }] });
    for (const tags of [[], ['a', 'b', 'c']]) {
      const result = run(rules, { tags });
      expect(result.issues).toMatchObject(failed);
      expect(result.resources.map(({ resource }) => resource).flatMap((resource) => ('name' in resource ? [resource.name] : []))).toEqual(
        [],
      );
    }
    expect(run('src.tags 1..* as t -> tgt.name as n, n.text = t;', { tags: ['a', 'b', 'c'] }).issues).toEqual([]);
  });

  it('is asked before the default and the list mode', () => {
    expect(run("src.tags 1..* default 'z' as t -> tgt.name as n, n.text = t;", {}).issues).toMatchObject(failed);
    expect(probe("src.tags 0..1 default 'z' as t -> tgt.name as n, n.text = t;", {})).toEqual({ name: [{ text: 'z' }] });
    expect(run('src.tags 1..1 first as t -> tgt.name as n, n.text = t;', { tags: ['a', 'b'] }).issues).toMatchObject(failed);
  });

  it('asks before where', () => {
    expect(run("src.tags 1..1 as t where ($this = 'a') -> tgt.name as n, n.text = t;", { tags: ['a', 'b'] }).issues).toMatchObject(failed);
  });
});

describe('check', () => {
  const rules = 'src.weight as w check ($this < 300) -> tgt.active = true;';

  it('passes', () => {
    expect(probe(rules, { weight: 50 })).toEqual({ active: true });
  });

  it('gives a finding with the field and the rule, and the rule does not run', () => {
    const result = run(rules, { weight: 500 });
    expect(result.resources).toEqual([]);
    expect(result.issues).toMatchObject([{ code: 'map-check', severity: 'error', field: 'weight', rule: 'probe.map#Main/weight' }]);
  });

  it('holds without an element', () => {
    expect(run('src check (name.exists()) -> tgt.active = true;', {}).issues).toMatchObject([{ code: 'map-check' }]);
  });
});

describe('list modes of a source', () => {
  // R4 mapping language: default, then where and check on each item, then the list mode.
  it('come after a check of every item', () => {
    const rules = "src.tags first as t where ($this != 'no') check ($this.length() = 1) -> tgt.language = t;";
    expect(probe(rules, { tags: ['no', 'a', 'b'] })).toEqual({ language: 'a' });
    const result = run(rules, { tags: ['a', 'long'] });
    expect(result.issues).toMatchObject([{ code: 'map-check', field: 'tags' }]);
    expect(result.resources.every(({ resource }) => !('language' in resource))).toBe(true);
  });

  const tags = ['a', 'b', 'c'];
  const of = (mode: string, list: string[] = tags) => probe(`src.tags ${mode} as t -> tgt.name as n, n.text = t;`, { tags: list })?.name;

  it.each([
    ['first', ['a']],
    ['last', ['c']],
    ['not_first', ['b', 'c']],
    ['not_last', ['a', 'b']],
  ])('%s', (mode, expected) => {
    expect(of(mode)).toEqual(expected.map((text) => ({ text })));
  });

  it('only_one takes one item and reports more', () => {
    expect(of('only_one', ['a'])).toEqual([{ text: 'a' }]);
    const result = run('src.tags only_one as t -> tgt.name as n, n.text = t;', { tags });
    expect(result.resources).toEqual([]);
    expect(result.issues).toMatchObject([{ code: 'field-type', field: 'tags' }]);
  });

  it('applies after where', () => {
    expect(probe("src.tags first as t where ($this != 'a') -> tgt.language = t;", { tags })).toEqual({ language: 'b' });
  });
});

describe('default', () => {
  it('stands in for a missing value', () => {
    const rules = "src.name default 'anon' as n -> tgt.language = n;";
    expect(probe(rules, {})).toEqual({ language: 'anon' });
    expect(probe(rules, { name: 'x' })).toEqual({ language: 'x' });
  });

  it('takes the form of the grammar, and lists', () => {
    expect(probe('src.count default (3) as c -> tgt.multipleBirth = c;', {})).toEqual({ multipleBirthInteger: 3 });
    expect(probe("src.tags default 'x' as t -> tgt.name as n, n.text = t;", { tags: [] })).toEqual({ name: [{ text: 'x' }] });
  });
});

describe('fields not read', () => {
  it('are reported with their first index, and read ones are not', () => {
    const record = {
      name: 'x',
      code: 'c',
      items: [{ use: 'a', value: '1' }, { value: '2' }],
      answers: { foo: 1, bar: 2, none: null },
      strange: [{ a: 1 }],
    };
    const rules = 'src.name -> tgt.language; src.items as i -> tgt.name as n, n.text = i.value; src.answers.foo as f then {};';
    expect(run(rules, record).unused).toEqual(['code', 'items[0].use', 'answers.bar', 'strange[0].a']);
  });

  it('knows what groups and expressions read', () => {
    const rules = "src.items as i then Item(i, tgt); src where (vitals.systolic > 100 and code = 'x') -> tgt.active = true;";
    const more = 'group Item(source it, target p : Patient) { it.value -> p.language; it.parts as q where (n > 1) -> p.active = true; }';
    const record = { items: [{ use: 'a', value: '1', parts: [{ n: 1 }] }], vitals: { systolic: 1, note: 'y' }, code: 'x' };
    expect(run(rules, record, { more }).unused).toEqual(['items[0].use', 'vitals.note']);
  });

  it('leaves out what others consume', () => {
    expect(
      run('src -> tgt.active = true;', { name: 'x', vitals: { note: 'y' }, code: 'z' }, { consumed: { encounters: ['name', 'vitals'] } })
        .unused,
    ).toEqual(['code']);
  });
});
