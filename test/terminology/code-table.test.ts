import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors/index.ts';
import { type CodeTable, readCodeTable } from '../../src/terminology/index.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const options = { columns: ['system', 'code', 'display'], apart: 'module' };
const read = (text: string | Uint8Array): CodeTable => readCodeTable('x.csv', typeof text === 'string' ? bytes(text) : text, options);
const faultOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof AppError) return String(error.params.detail);
    throw error;
  }
  return '';
};

describe('a table of codes', () => {
  it('finds rows by system and code, and gives their cells', () => {
    const table = read('system,code,display,id\na,1,One,Satu\nb,1,"Other, ""one""",\na,2,Two,\n');
    expect(table.size).toBe(3);
    expect(table.groups).toEqual(['a', 'b']);
    expect(table.find('a', '1').map(table.row)).toEqual([{ system: 'a', code: '1', display: 'One', id: 'Satu' }]);
    expect(table.row(table.find('b', '1')[0] ?? -1).display).toBe('Other, "one"');
    expect([...table.rowsOf('a')].map((row) => [table.row(row).code, table.line(row)])).toEqual([
      ['1', 2],
      ['2', 4],
    ]);
  });

  it.each(['toString', '__proto__', '3', ' 1', '1 ', 'ı', ''])('has no code %j', (code) => {
    expect(read('system,code,display\na,1,One\n').find('a', code)).toEqual([]);
  });

  it('reads what spreadsheets write: semicolons, CRLF, a byte order mark, no last line end', () => {
    const table = read('\ufeffsystem;code;display\r\na;é;Satu, dua\r\na;"2";Dua');
    expect([table.find('a', 'é').length, table.row(0).display, table.row(table.find('a', '2')[0] ?? -1).display]).toEqual([
      1,
      'Satu, dua',
      'Dua',
    ]);
  });

  it('keeps apart by module what shares a code', () => {
    const table = read('system,code,display,module\na,1,One,ANC PTM\na,1,Two,GIZI\n');
    expect(table.find('a', '1').map((row) => table.row(row).display)).toEqual(['One', 'Two']);
  });

  it('reads as csv-parse does, whatever the cells are', () => {
    const cell = fc.string({ unit: fc.constantFrom(...'aZ9",; \'é|'), maxLength: 8 }).map((text) => text.trim());
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell), { maxLength: 12 }), fc.constantFrom('\n', '\r\n'), (cells, end) => {
        const quote = (text: string) => (/[",;]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
        const text = ['system,code,display', ...cells.map(([code, display], row) => `s,${quote(`${row}${code}`)},${quote(display)}`)].join(
          end,
        );
        const table = read(text);
        const wanted = parse(text, { columns: true, trim: true }) as Record<string, string>[];
        expect(Array.from({ length: table.size }, (_, row) => ({ display: '', ...table.row(row) }))).toEqual(
          wanted.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value.trim()]))),
        );
        for (const [row, { code }] of wanted.entries()) expect(table.find('s', (code ?? '').trim())).toEqual([row]);
      }),
      { numRuns: 150 },
    );
  });
});

describe('a table that is no table', () => {
  it.each<[string, string | Uint8Array, RegExp]>([
    ['nothing', '', /^x\.csv line 1/],
    ['a column missing', 'system,code\na,1\n', /line 1, column display: is missing/],
    ['a column twice', 'system,code,display,code\n', /line 1, column code: stands twice/],
    ['a column with a dangerous name', 'system,code,display,__proto__\n', /column 4 has no plain name/],
    ['a code twice', 'system,code,display\na,1,One\na,1,Two\n', /line 3, column code: stands in line 2/],
    ['a code twice for one module', 'system,code,display,module\na,1,One,ANC\na,1,Two,GIZI ANC\n', /line 3/],
    ['a code for a module and for all', 'system,code,display,module\na,1,One,ANC\na,1,Two,\n', /line 3/],
    ['an empty code', 'system,code,display\na,,One\n', /line 2, column code: is empty/],
    ['cells missing', 'system,code,display\na,1\n', /line 2: fewer cells/],
    ['cells too many', 'system,code,display\na,1,One,More\n', /line 2: more cells/],
    ['an open quotation mark', 'system,code,display\na,1,"One\na,2,Two\n', /line 2, column display/],
    ['text after a quotation mark', 'system,code,display\na,1,"One"x\n', /line 2, column display: text after/],
    ['a line break in a cell', 'system,code,display\na,1,"One\nTwo"\n', /line 2, column display: a control character/],
    ['a zero byte', 'system,code,display\na,1,O\0ne\n', /control character/],
    ['UTF-16', Buffer.from('\ufeffsystem,code,display\na,1,One\n', 'utf16le'), /not UTF-8/],
    ['Latin-1', Buffer.from('system,code,display\na,1,\xe9\n', 'latin1'), /not UTF-8/],
    ['gzip', Buffer.from([0x1f, 0x8b, 8, 0, 0, 0]), /not UTF-8/],
    ['a huge cell', `system,code,display\na,1,${'x'.repeat(3_000)}\n`, /longer than 2000 bytes/],
    ['a huge header', `system,code,display,${'x'.repeat(3_000)}\n`, /header is too long/],
    ['many columns', `system,code,display,${Array.from({ length: 40 }, (_, n) => `c${n}`).join(',')}\n`, /more than 32 columns/],
    ['too many rows', `system,code,display\n${'\n'.repeat(500_003)}`, /more than 500000 rows/],
  ])('%s is refused by line and column, without its content', (_name, text, wanted) => {
    expect(faultOf(() => read(text))).toMatch(wanted);
  });

  it('never ends in another way, whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'a,;"\n\r é='), maxLength: 60 }), (text) => {
        try {
          const table = read(`system,code,display\n${text}`);
          for (let row = 0; row < table.size; row++)
            expect(table.find(table.row(row).system ?? '', table.row(row).code ?? '')).toContain(row);
        } catch (error) {
          expect(error).toBeInstanceOf(AppError);
        }
      }),
      { numRuns: 300 },
    );
  });
});
