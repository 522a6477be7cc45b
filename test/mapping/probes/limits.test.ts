import { describe, expect, it } from 'vitest';
import { AppError, type Bilingual } from '../../../src/errors/index.ts';
import { rules } from './probe.ts';
import { transform } from './run.ts';

function problemOf(map: string): string {
  try {
    transform(map, [], { resourceType: 'Patient' });
  } catch (error) {
    if (error instanceof AppError && error.code === 'map-compile') return (error.params.problem as Bilingual).en;
    throw error;
  }
  return 'compiled';
}

describe('a map that asks for too much is refused with its place', () => {
  it('rules within rules', () => {
    const nested = (depth: number): string =>
      depth === 0 ? "src -> tgt.name = 'x';" : `src where (active) then { ${nested(depth - 1)} };`;
    expect(problemOf(rules(nested(50)))).toBe('compiled');
    expect(problemOf(rules(nested(2_000)))).toContain('nested deeper than 64');
  });

  it.each([
    ['parentheses', '(', 'true', ')'],
    ['signs', '- ', '1 = 1', ''],
  ])('%s within each other', (_, open, inner, close) => {
    const condition = (depth: number) => open.repeat(depth) + inner + close.repeat(depth);
    expect(problemOf(rules(`src where (${condition(60)}) -> tgt.name = 'x';`))).toBe('compiled');
    expect(problemOf(rules(`src where (${condition(900)}) -> tgt.name = 'x';`))).toContain('nested deeper than 100');
  });

  it('choices within each other: each would be written for each type of the other', () => {
    const both =
      'src.extension as a, a.value as v, src.extension as b, b.value as w -> tgt.extension as e, e.value = v, tgt.extension as f, f.value = w;';
    expect(problemOf(rules(both))).toContain('too many choices within each other');
    expect(problemOf(rules(both.replace('a.value as v', 'a.value : string as v')))).toBe('compiled');
  });

  it('text of a map never becomes code', () => {
    const word = '"); globalThis.ran = true; ("';
    const marks = ['*/', '\u2028globalThis.ran = true\u2028', `\`$${'{globalThis.ran = true}'}\``].join(' ');
    const map = rules(`src -> tgt.name = 'x' "/* choice Observation.value v */ ${marks.replaceAll('"', '')}";
      src -> tgt.contact as c share \`${word.replaceAll('`', '')}\`, c.purpose as p, p.text = '${word}' "share";`);
    expect(problemOf(map)).toBe('compiled');
    expect(globalThis).not.toHaveProperty('ran');
  });
});
