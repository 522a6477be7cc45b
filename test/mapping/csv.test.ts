import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors/index.ts';
import { csv } from '../../src/mapping/csv.ts';

const read = (text: string, columns: readonly string[] = ['a', 'b'], key: readonly string[] = []) =>
  csv({ 't.csv': text }, 't.csv', columns, key);
function refused(text: string, key: readonly string[] = []): string {
  try {
    read(text, ['a', 'b'], key);
  } catch (error) {
    if (error instanceof AppError) return error.text.en;
    throw error;
  }
  return 'nothing';
}

describe('a table', () => {
  it('has each row with its line, also after cells of several lines and blank ones', () => {
    expect(read('\uFEFFa , b\r\n1,"x\r\ny"\r\n\r\n"2", z \r\n')).toEqual([
      { a: '1', b: 'x\r\ny', line: 2 },
      { a: '2', b: 'z', line: 5 },
    ]);
    expect(read('a,b\n')).toEqual([]);
    expect(read('a,b,__proto__\n1,2,3\n')[0]).toMatchObject({ a: '1', b: '2' });
  });

  it.each([
    ['a cell too many', 'a,b\n1,2\n1,2,3\n', 't.csv line 3: it is not a table with one header line'],
    ['a cell too few', 'a,b\n1,"2\n3"\n4\n', 't.csv line 4: it is not a table with one header line'],
    ['a quote that is not closed', 'a,b\n1,2\n"3,4\n', 't.csv line 3: it is not a table with one header line'],
    ['text behind a quoted cell', 'a,b\n"1"x,2\n', 't.csv line 2: it is not a table with one header line'],
    ['a space before a quote', 'a,b\n1, "2"\n', 't.csv line 2: it is not a table with one header line'],
    ['a column twice', 'a,b,a\n1,2,3\n', 't.csv line 1: it is not a table with one header line'],
    ['a column that is missing', 'a,c\n1,2\n', 't.csv line 1, column b: is missing'],
  ])('with %s is refused with the line', (_what, text, problem) => expect(refused(text)).toContain(problem));

  it('with a key twice is refused with both lines', () => {
    expect(refused('a,b\n1,2\n3,4\n1,5\n', ['a'])).toContain('t.csv line 4, column a: stands in line 2 already');
  });

  it('is read as the parser of what is sent reads it, whatever stands in it', () => {
    const cell = fc
      .oneof(fc.string({ maxLength: 6 }), fc.constantFrom('"', ',', '\n', '\r\n', ' ', 'é', '""', ';', '\t'))
      .filter((text) => !/^\s+"/.test(text));
    const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
    const bare = (text: string) => (/[",\r\n]/.test(text) ? quoted(text) : text);
    const line = fc.tuple(cell, cell, fc.boolean()).map(([a, b, q]) => (q ? `${quoted(a)},${quoted(b)}` : `${bare(a)},${bare(b)}`));
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), fc.constantFrom('\n', '\r\n'), (lines, end) => {
        const text = ['a,b', ...lines, ''].join(end);
        const other = parse(text, { columns: true, bom: true, trim: true, skip_empty_lines: true }) as { a: string; b: string }[];
        const trimmed = other.map(({ a, b }) => ({ a: a.trim(), b: b.trim() }));
        expect(read(text).map(({ a, b }) => ({ a, b }))).toEqual(trimmed);
      }),
      { numRuns: 500 },
    );
  });
});
