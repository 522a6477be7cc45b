import { describe, expect, it } from 'vitest';
import { compileMaps } from '../../../src/mapping/mapper.ts';
import { CONTRACT, compileProbe, elements, FIRST_LINE, type ProbeOptions, probe, refusal, refusalOf } from './probe.ts';

const at = (column: number) => `${FIRST_LINE}:${column} `;
const observation: ProbeOptions = { type: 'Observation' };

describe('what is not covered is refused with line and column', () => {
  it.each<[string, number, string, ProbeOptions?]>([
    // sources
    ['src.name : boolean as n -> tgt.active = n;', 1, 'string is never a boolean'],
    ['src.name : Nobody as n -> tgt.language = n;', 1, 'string is never a Nobody'],
    ['src 1..1 as n -> tgt.active = true;', 1, 'cardinality'],
    ["src.name as n log 'x' -> tgt.language = n;", 1, 'log'],
    ['src.name not_first as n -> tgt.language = n;', 10, 'never there'],
    ['src default 1 as n -> tgt.active = true;', 1, 'default needs an element'],
    ["src.count default 'x' as n -> tgt.active = true;", 1, 'the default is a string'],
    ['src.__proto__ as n -> tgt.active = true;', 5, "'__proto__'"],
    ['src.answers.constructor as n -> tgt.active = true;', 5, "'constructor'"],
    ['src.name as true -> tgt.active = true;', 1, "cannot be named 'true'"],
    ['tgt.name as n -> tgt.active = true;', 1, "'tgt' belongs to the target"],
    ['other.name as n -> tgt.active = true;', 1, "no variable 'other'"],
    // targets
    ["src -> tgt.name as n share, n.text = 'x';", 22, "'share' needs the name"],
    ["src -> tgt.alias = 'x' collate;", 24, "'collate' is for objects"],
    ["src -> tgt.id = 'x';", 12, 'ids come from roles'],
    ["src -> tgt.resourceType = 'X';", 12, "no element 'resourceType'"],
    ["src -> tgt.nothing = 'x';", 12, "Patient has no element 'nothing'"],
    ["src -> tgt.name.text = 'x';", 12, "'name' repeats"],
    ['src -> tgt.name;', 8, 'stays empty'],
    ["src -> tgt.name = 'x';", 19, 'is a HumanName'],
    ['src -> tgt.language as l;', 12, 'is a primitive'],
    // choices
    ['src -> tgt.value = src.name;', 12, 'is a choice', observation],
    ['src -> tgt.value as v, v.value = 1;', 12, 'is a choice', observation],
    ["src -> tgt.valueQuantity = create('Quantity') as q;", 12, "write the choice element as 'value'", observation],
    ["src -> tgt.value = create('Address') as q;", 12, 'not Address', observation],
    ["src -> tgt.effective = cast(src.day, 'date');", 12, 'not date', observation],
    // types of values
    ['src -> tgt.language = 5;', 23, 'integer does not fit code'],
    ["src -> tgt.active = 'true';", 21, 'string does not fit boolean'],
    ["src -> tgt.birthDate = '2020-1-1';", 24, 'is not a date'],
    ['src -> tgt.language = src.weight;', 23, "write cast(…, 'code')"],
    ['src -> tgt.contact as c, c.rank = 1;', 28, "no element 'rank'"],
    ['src -> tgt.telecom as t, t.rank = 0;', 35, 'is not a positiveInt'],
    ["src -> tgt.language = '';", 23, 'no value'],
    ['src -> tgt.language = src.vitals;', 23, 'is an object'],
    ['src -> tgt.language = src.tags;', 23, 'repeats'],
    ['src.vitals -> tgt.language;', 15, 'not copied as a whole'],
    // transforms
    ['src -> tgt.identifier as i, i.value = uuid();', 39, 'ids come from roles'],
    ['src -> tgt.implicitRules = pointer(tgt);', 28, 'role:'],
    ["src -> tgt.birthDate = dateOp(src.day, 'x');", 24, 'dateOp()'],
    ["src -> tgt.language = escape(src.name, 'x', 'y');", 23, 'two of plain, java, xml, json'],
    ['src -> tgt.language = other(src.name);', 23, "'other' is not covered"],
    ['src -> tgt.language = append();', 23, 'append takes at least 1'],
    ['src -> tgt.language = truncate(src.name, 0);', 23, 'at least 1'],
    ['src -> tgt.value = cast(src.name);', 20, 'Observation.value is a choice', observation],
    ["src -> tgt.language = cast(src.name, 'Quantity');", 23, 'primitive type'],
    ["src -> tgt.value = qty(1, 'kg', 'urn:s') ;", 20, 'qty takes 2, 4', observation],
    ["src -> tgt.identifier = id('urn:s', src.code, 'MR', 'x');", 25, 'id takes 2, 3'],
    ["src -> tgt.gender = translate(src.sex, '#nothing', 'code');", 40, 'no concept map #nothing'],
    ["src -> tgt.gender = translate(src.sex, '#nothing', 'Quantity');", 52, 'not "Quantity"'],
    ["src -> tgt.maritalStatus = cc('urn:s', src.code) as c, c.text = 'x';", 28, 'may be missing'],
    // expressions
    ['src where (name = 5) -> tgt.active = true;', 17, 'a string is compared with a number'],
    ['src where (name) -> tgt.active = true;', 12, 'not a condition'],
    ['src where (nome = 1) -> tgt.active = true;', 12, "no field 'nome'"],
    ['src where (%other = 1) -> tgt.active = true;', 12, "no variable '%other'"],
    ['src where (%tgt.exists()) -> tgt.active = true;', 12, 'belongs to the target'],
    ['src where (today() > day) -> tgt.active = true;', 12, 'today()'],
    ['src where (name.ofType(string)) -> tgt.active = true;', 17, 'this is a string, not a condition'],
    ['src where (day > @2020-01-01) -> tgt.active = true;', 18, 'date and time literals'],
    ["src where (name is 'string') -> tgt.active = true;", 17, 'needs the name of a type'],
    ["src where (name !~ 'b') -> tgt.active = true;", 17, "'!~' is not covered"],
    ["src where (weight = 5 'kg') -> tgt.active = true;", 21, 'quantities'],
    ["src where (name.matches('[')) -> tgt.active = true;", 25, 'regular expression'],
    ['src.items as i where ($index = 1) -> tgt.active = true;', 23, '$index'],
    ['src where (name = ) -> tgt.active = true;', 18, 'ends too early'],
    ['src -> tgt.language = (name);', 24, "no variable 'name'"],
    ['src where (name.constructor.exists()) -> tgt.active = true;', 17, "'constructor'"],
    ["src.name as name then { src where (name = 'x') -> tgt.active = true; };", 36, 'a variable and a field'],
    // calls
    ['src then Missing(src, tgt);', 10, "no group 'Missing'"],
    ['src then Main(src);', 10, 'takes 3 arguments'],
    [
      'src then G(src, src);',
      10,
      'needs an object of the target',
      { more: 'group G(source a, target p : Patient) { a -> p.active = true; }' },
    ],
    ['src then G(tgt, tgt);', 10, 'belongs to the target', { more: 'group G(source a, target p : Patient) { a -> p.active = true; }' }],
    ['src then G(src, tgt);', 10, 'is a Observation', { more: "group G(source a, target p : Observation) { a -> p.status = 'x'; }" }],
    ["src then G('x', tgt);", 10, 'is a integer', { more: 'group G(source a : integer, target p : Patient) { a -> p.active = true; }' }],
  ])('%s', (rule, column, problem, options) => {
    const text = refusal(rule, options ?? {});
    expect(text).toContain(problem);
    expect(text.startsWith(at(column)), text).toBe(true);
  });

  it('a field that the contract does not know names those it has', () => {
    expect(refusal('src.vitals.sistole as s -> tgt.active = true;')).toBe(`${at(5)}vitals has no field 'sistole'; it has systolic, note`);
  });

  it('a key that the context does not have', () => {
    expect(refusal('ctx.patien as p -> tgt.active = true;', { contextKeys: ['patient'] })).toContain("the context has no field 'patien'");
  });

  it('the second line of a where', () => {
    expect(refusal("src where (name = 'x'\n  and nome = 'y') -> tgt.active = true;")).toMatch(new RegExp(`^${FIRST_LINE + 1}:7 `));
  });

  it('groups that nothing calls are checked too', () => {
    expect(
      refusal('src -> tgt.active = true;', { more: "group Lost(source s, target p : Patient) {\n  s -> p.nothing = 'x';\n}" }),
    ).toMatch(/^10:10 Patient has no element 'nothing'/);
  });

  it('extends: the group must be there, must have the same inputs and must not extend itself', () => {
    const extending = (more: string) => refusal('src -> tgt.active = true;', { more });
    expect(extending('group A(source s, target p : Patient) extends B { s -> p.active = true; }')).toMatch(/^9:1 there is no group 'B'/);
    expect(
      extending(
        'group A(source s, target p : Patient) extends B { s -> p.active = true; }\ngroup B(source x, target p : Patient) { x -> p.active = true; }',
      ),
    ).toMatch(/^9:1 'B' has the source 'x', this group does not/);
    const itself = 'group A(source s, target p : Patient) extends A { s -> p.active = true; }';
    expect(extending(itself)).toMatch(/^9:1 'A' extends itself/);
  });

  it('groups that call each other without end', () => {
    const calling = (more: string) => refusal('src -> tgt.active = true;', { more });
    expect(calling('group A(source s, target p : Patient) { s then A(s, p); }')).toMatch(/^9:\d+ this call never ends/);
    const inCircle =
      "group A(source s, target p : Patient) { s where (a = 'x') then B(s, p); }\ngroup B(source s, target p : Patient) { s then A(s, p); }";
    expect(calling(inCircle)).toMatch(/this call never ends/);
    const descends = 'group A(source s, target p : Patient) { s.part as t then A(t, p); }';
    expect(calling(descends)).toBe('compiled');
  });

  it('what the names of a set must be', () => {
    const map = (body: string) => ({ name: 'x.map', text: `map "urn:x" = "X"\n${body}` });
    const compile = (body: string, entry: Record<string, string> = { encounters: 'Main' }) =>
      refusalOf(() => compileMaps({ maps: [map(body)], structureMaps: [], elements, contracts: {}, entry }));
    const main = "group Main(source src, source ctx, target bundle : Bundle) { src -> bundle.type = 'collection'; }";
    expect(compile(main)).toBe('compiled');
    expect(compile(`imports "urn:y"\n${main}`)).toContain('imported map urn:y is not in the set');
    expect(compile(`${main}\n${main}`)).toContain('stands twice');
    expect(compile(main, { encounters: 'Other' })).toContain("no map has the entry group 'Other'");
    expect(compile('group Main(source src, target bundle : Bundle) { src -> bundle.total = 1; }')).toContain('an entry group is written');
    expect(compile('group Main(source src : Foo, source ctx, target bundle : Bundle) { src then {}; }')).toContain(
      "the type 'Foo' is not declared",
    );
    expect(refusalOf(() => compileMaps({ maps: [map(main), map(main)], structureMaps: [], elements, contracts: {}, entry: {} }))).toContain(
      'used by two maps',
    );
  });

  it('a map given as a resource is named by group and rule instead', () => {
    const { structureMaps } = compileProbe('src.name -> tgt.language;');
    const broken = JSON.parse(JSON.stringify(structureMaps[0]).replace('"language"', '"langage"'));
    const text = refusalOf(() =>
      compileMaps({ maps: [], structureMaps: [broken], elements, contracts: { [CONTRACT.$id]: CONTRACT }, entry: { encounters: 'Main' } }),
    );
    expect(text).toBe("0:0 group 'Main', rule 'name': Patient has no element 'langage'");
  });

  it('names and texts of a map cannot break out of the generated code', () => {
    const rules = 'src.name as class -> tgt.language = append(class, \'\\u2028"+process.exit()+"\') "*/ x\n";';
    expect(refusal(rules)).toContain('not closed');
    expect(probe("src.name as class -> tgt.language = append(class, '\"`\\\\');", { name: 'x' })).toEqual({ language: 'x"`\\' });
  });
});
