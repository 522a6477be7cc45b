import { describe, expect, it } from 'vitest';
import { AppError, type Bilingual } from '../../../src/errors/index.ts';
import { parseMap, quoteArgument } from '../../../src/mapping/fml/index.ts';

const HEAD = 'map "urn:m" = "M"\n';
const group = (rules: string) => `${HEAD}group G(source src, target tgt) {\n${rules}\n}`;
const rule = (text: string) => parseMap(group(text), 'm.map').structureMap.group[0]?.rule[0];

function refusal(text: string): string {
  try {
    parseMap(text, 'm.map');
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return `${error.params.map} ${error.params.line}:${error.params.column} ${(error.params.problem as Bilingual).en}`;
  }
  return 'parsed';
}

// https://hl7.org/fhir/R4/mapping-language.html and https://hl7.org/fhir/R4/structuremap.html
describe('FML to StructureMap', () => {
  // R4 mapping language, "Embedded Concept Maps"; names of R4's ConceptMapEquivalence.
  it.each([
    ['-', 'relatedto'],
    ['=', 'equal'],
    ['==', 'equivalent'],
    ['!=', 'disjoint'],
    ['--', 'unmatched'],
    ['<=', 'wider'],
    ['<-', 'subsumes'],
    ['>=', 'narrower'],
    ['>-', 'specializes'],
    ['~', 'inexact'],
  ])('the relation %s between codes is %s', (relation, equivalence) => {
    const { structureMap } = parseMap(
      `map "urn:m" = "M"\nconceptmap "x" { prefix s = "urn:s" prefix t = "urn:t"\n s:a ${relation} t:b unmapped for s = provided }\ngroup G(source s, target t) { }`,
      'm.map',
    );
    expect(structureMap.contained).toMatchObject([
      {
        group: [
          {
            source: 'urn:s',
            target: 'urn:t',
            element: [{ code: 'a', target: [{ code: 'b', equivalence }] }],
            unmapped: { mode: 'provided' },
          },
        ],
      },
    ]);
  });

  it('header: map, conceptmap, uses, imports, group', () => {
    const { structureMap } = parseMap(
      `\uFEFF// a comment
/* and
   another */
map "https://x.example/StructureMap/m" = "M"
conceptmap "sex" {
  prefix s = "urn:s"
  prefix t = "urn:t"
  s:L == t:male
  s:8480-6 == t:"two words"
}
uses "urn:source" alias Record as source
uses "http://hl7.org/fhir/StructureDefinition/Bundle" as target
imports "urn:other"
group Main(source src : Record, source ctx, target bundle : Bundle) { }`,
      'm.map',
    );
    expect(structureMap).toEqual({
      resourceType: 'StructureMap',
      contained: [
        {
          resourceType: 'ConceptMap',
          id: 'sex',
          status: 'active',
          group: [
            {
              source: 'urn:s',
              target: 'urn:t',
              element: [
                { code: 'L', target: [{ code: 'male', equivalence: 'equivalent' }] },
                { code: '8480-6', target: [{ code: 'two words', equivalence: 'equivalent' }] },
              ],
            },
          ],
        },
      ],
      url: 'https://x.example/StructureMap/m',
      name: 'M',
      status: 'active',
      structure: [
        { url: 'urn:source', mode: 'source', alias: 'Record' },
        { url: 'http://hl7.org/fhir/StructureDefinition/Bundle', mode: 'target' },
      ],
      import: ['urn:other'],
      group: [
        {
          name: 'Main',
          typeMode: 'none',
          input: [
            { name: 'src', type: 'Record', mode: 'source' },
            { name: 'ctx', mode: 'source' },
            { name: 'bundle', type: 'Bundle', mode: 'target' },
          ],
          rule: [],
        },
      ],
    });
  });

  it('a rule with all parts of a source', () => {
    expect(
      rule(`src.a.b : string 0..* default 'x' first as v where (v = '(' or \`a b\` = 1) check (v.exists()) log 'hm' -> tgt.c = v "all";`),
    ).toEqual({
      name: 'all',
      source: [
        {
          context: 'src',
          element: 'a.b',
          type: 'string',
          min: 0,
          max: '*',
          defaultValueString: 'x',
          listMode: 'first',
          variable: 'v',
          condition: "v = '(' or `a b` = 1",
          check: 'v.exists()',
          logMessage: 'hm',
        },
      ],
      target: [{ context: 'tgt', contextType: 'variable', element: 'c', transform: 'copy', parameter: [{ valueId: 'v' }] }],
    });
  });

  it('transforms and their parameters', () => {
    const parsed = rule(
      "src -> tgt.a = 'it\\'s', tgt.b = -2, tgt.c = 1.50, tgt.d = true, tgt.e = (x & ')'), tgt.f = evaluate(src, (y)), tgt.g = cast(src.a, 'date'), create('X') as z, tgt.h as i last;",
    );
    expect(parsed?.target?.map(({ context: _, contextType: __, ...rest }) => rest)).toEqual([
      { element: 'a', transform: 'copy', parameter: [{ valueString: "it's" }] },
      { element: 'b', transform: 'copy', parameter: [{ valueInteger: -2 }] },
      { element: 'c', transform: 'copy', parameter: [{ valueDecimal: 1.5 }] },
      { element: 'd', transform: 'copy', parameter: [{ valueBoolean: true }] },
      { element: 'e', transform: 'evaluate', parameter: [{ valueString: "x & ')'" }] },
      { element: 'f', transform: 'evaluate', parameter: [{ valueId: 'src' }, { valueString: '(y)' }] },
      { element: 'g', transform: 'cast', parameter: [{ valueId: 'src.a' }, { valueString: 'date' }] },
      { transform: 'create', parameter: [{ valueString: 'X' }], variable: 'z' },
      { element: 'h', variable: 'i', listMode: ['last'] },
    ]);
  });

  it('calls, with literal arguments quoted in dependent.variable (R5)', () => {
    expect(rule("src then A(src, tgt), B(src, 'it\\'s\\n', 12, -1.5, true);")?.dependent).toEqual([
      { name: 'A', variable: ['src', 'tgt'] },
      { name: 'B', variable: ['src', quoteArgument("it's\n"), '12', '-1.5', 'true'] },
    ]);
    expect(quoteArgument("it's\n")).toBe("'it\\'s\\n'");
  });

  it('the short form gets the automatic variable', () => {
    expect(rule('src.a -> tgt.b;')).toEqual({
      name: 'a',
      source: [{ context: 'src', element: 'a', variable: 'vvv' }],
      target: [{ context: 'tgt', contextType: 'variable', element: 'b', variable: 'vvv', transform: 'create' }],
    });
  });

  it('names rules after their element, or their line', () => {
    expect(rule('src.a.b as x -> tgt.b = x;')?.name).toBe('a-b');
    expect(rule('src -> tgt.b = 1;')?.name).toBe('line-3');
  });

  it('keywords may name elements', () => {
    expect(rule('src.group as first where (true) -> tgt.default = first;')?.source[0]).toMatchObject({
      element: 'group',
      variable: 'first',
    });
  });

  it('extends and type modes are read (the compiler refuses them)', () => {
    const parsed = parseMap(`${HEAD}group G(source a, target b) extends H <<type+>> { }`, 'm.map').structureMap.group[0];
    expect(parsed).toMatchObject({ extends: 'H', typeMode: 'type-and-types' });
  });

  it('keeps the place of every node beside the resource', () => {
    const { structureMap, positions } = parseMap(group("  src.abc as v where (v = 1)\n    -> tgt.x = append(v, 'y');"), 'm.map');
    const first = structureMap.group[0]?.rule[0];
    expect(positions.of(first as object)).toEqual({ line: 3, column: 3 });
    expect(positions.of(first?.source[0] as object, 'element')).toEqual({ line: 3, column: 7 });
    expect(positions.of(first?.source[0] as object, 'condition')).toEqual({ line: 3, column: 23 });
    expect(positions.of(first?.target?.[0] as object, 'transform')).toEqual({ line: 4, column: 16 });
    expect(positions.of(first?.target?.[0]?.parameter?.[1] as object)).toEqual({ line: 4, column: 26 });
    expect(positions.of({})).toEqual({ line: 0, column: 0 });
    expect(JSON.stringify(structureMap)).not.toContain('column');
  });
});

describe('what the grammar does not allow, or is not covered', () => {
  it.each([
    ['', '1:1', "expected 'map'"],
    ['map "urn:m" "M"', '1:13', "expected '='"],
    [HEAD, '1:1', 'no group'],
    [`${HEAD}group G(src) { }`, '2:9', "expected 'source' or 'target'"],
    [`${HEAD}uses "x" as nothing`, '2:13', 'expected source, queried'],
    [`${HEAD}let x = 1;`, '2:1', "expected 'uses'"],
    ['/// url = "x"\n', '1:1', "'///' metadata (R5)"],
    [`${HEAD}/* open`, '2:1', 'comment is not closed'],
    [`${HEAD}group G(source a, target b) { a.x as v -> b.y = 'open; }`, '2:49', 'not closed'],
    [`${HEAD}group G(source a, target b) { a.x as v -> b.y = 'a\\q'; }`, '2:51', 'unknown escape'],
    [group('src.a where x = 1 -> tgt.b = 1;'), '3:13', 'needs an expression in parentheses'],
    [group('src.a where (x = 1 -> tgt.b = 1;'), '3:13', 'parenthesis is not closed'],
    [group('src.a where () -> tgt.b = 1;'), '3:13', 'empty'],
    [group('src.a.first() as x -> tgt.b = x;'), '3:12', 'a function is not allowed in a source path'],
    [group('src -> tgt.b = src.first();'), '3:25', 'a function is not allowed here'],
    [group("src -> tgt.b = append((x), 'y');"), '3:23', 'only allowed in evaluate'],
    [group("src -> tgt.b = 1 'name';"), '3:18', 'double quotes'],
    [group('src -> tgt.b = 1'), '4:1', "expected ';'"],
    [group('let x = src;'), '3:1', "'let' (R5)"],
    [group('for src.a -> tgt.b;'), '3:1', 'older grammar'],
    [group('src then A(src) { src -> tgt.a = 1 };'), '3:36', "expected ';'"],
    [group('src then A(src.x);'), '3:12', 'bind the path to a variable'],
    [group('src -> tgt.b as c single;'), '3:19', "'single' (R5)"],
    [group('src.a default (b) as c -> tgt.b = c;'), '3:16', 'must be a literal'],
    [group('src.a 1.5..2 as c -> tgt.b = c;'), '3:7', 'whole number'],
    [group('src # tgt;'), '3:5', 'unexpected character'],
    [`${HEAD}conceptmap "x" { prefix s = "urn:s" s:a + s:b }`, '2:41', 'expected a relation'],
    [`${HEAD}conceptmap "x" { prefix s = "urn:s" s:a s:b }`, '2:41', 'expected a relation'],
    [`${HEAD}conceptmap "x" { prefix s = "urn:s" s:a == t:b }`, '2:44', "prefix 't' is not declared"],
    [`${HEAD}conceptmap "x" { prefix s = "urn:s" s:a == s:b s:a == s:c }`, '2:48', 'mapped twice'],
    [`${HEAD}conceptmap "x" { unmapped for s = provided }`, '2:31', "prefix 's' is not declared"],
    [`${HEAD}conceptmap "x" { prefix s = "urn:s" s:a == s:b unmapped for s = fixed }`, '2:65', "expected 'provided'"],
    [`${HEAD}conceptmap "x" { prefix s = "urn:s" prefix t = "urn:t" s:a == s:b unmapped for t = provided }`, '2:80', 'there are 0'],
    [`${HEAD}conceptmap "x" { }`, '2:1', 'empty'],
  ])('%j', (text, place, problem) => {
    const found = refusal(text);
    expect(found).toContain(problem);
    expect(found.startsWith(`m.map ${place} `), found).toBe(true);
  });
});
