import Papa from 'papaparse';
import { AppError, type Problem, within } from '../errors/index.ts';
import { SYSTEMS } from '../terminology/systems.ts';
import { tableSays } from './table-problems.ts';

/** Texts of files by their path below `mappings/`. */
export type Texts = Readonly<Record<string, string>>;
/** A line of a table: column → text. */
export type Row = Readonly<Record<string, string>> & { readonly line: number };

/**
 * Reads a table with one header line.
 *
 * @param key columns that together tell a row apart: no two rows may have the same there
 * @throws AppError `config` naming file, line and column
 */
export function csv(texts: Texts, file: string, columns: readonly string[], key: readonly string[] = []): readonly Row[] {
  const text = texts[file];
  if (text === undefined) throw tableError(tableSays('file-missing', { file: `mappings/${file}` }));
  // A quarter of the time of the parser that reads what is sent, and without it a quarter of the start was this.
  const { data, errors } = Papa.parse<string[]>(text.replace(/^\uFEFF/, ''), { delimiter: ',' });
  if (errors[0] !== undefined) throw tableError(at(file, lineOf(data, errors[0].row ?? 0), tableSays('not-a-table')));
  const header = (data[0] ?? []).map((name) => name.trim());
  for (const column of columns) if (data.length > 1 && !header.includes(column)) fail(file, 1, column, tableSays('missing'));
  if (new Set(header).size < header.length) throw tableError(at(file, 1, tableSays('not-a-table')));
  const rows: Row[] = [];
  let line = 1;
  for (const cells of data) {
    if (line > 1 && (cells.length > 1 || cells[0]?.trim() !== '')) {
      // A space before a quote makes the quote a part of the text, which nobody means.
      if (cells.length !== header.length || cells.some((cell) => /^\s+"/.test(cell)))
        throw tableError(at(file, line, tableSays('not-a-table')));
      const record = Object.fromEntries(header.map((name, index) => [name, (cells[index] as string).trim()]));
      rows.push(Object.assign(record, { line }) as unknown as Row);
    }
    line += linesOf(cells);
  }
  if (key.length > 0) refuseTwice(file, rows, key);
  return rows;
}

/** Lines that a record takes: a quoted cell may go over several. */
const linesOf = (cells: readonly string[]): number => 1 + cells.reduce((sum, cell) => sum + cell.split('\n').length - 1, 0);

/** Line of the file at which a record begins. */
const lineOf = (records: readonly (readonly string[])[], index: number): number =>
  records.slice(0, index).reduce((line, cells) => line + linesOf(cells), 1);

/** Refuses a table with more rows than the limit, before anything of it is read. @throws AppError `config` at the first row too many */
export function checkSizes(texts: Texts, maxRows: number): void {
  for (const [file, text] of Object.entries(texts)) {
    if (!file.endsWith('.csv')) continue;
    let rows = -1; // the header
    for (let at = 0; at < text.length && rows <= maxRows; rows++) {
      const end = text.indexOf('\n', at);
      at = end < 0 ? text.length : end + 1;
    }
    if (rows > maxRows) fail(file, maxRows + 2, '', tableSays('too-many-rows', { max: maxRows }));
  }
}

/** @throws AppError `config` */
export function json<T>(texts: Texts, file: string): T {
  const text = texts[file];
  if (text === undefined) throw tableError(tableSays('file-missing', { file: `mappings/${file}` }));
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw jsonError(`mappings/${file}`, text, cause);
  }
}

export const need = (row: Row, file: string, column: string): string => row[column] || fail(file, row.line, column, tableSays('empty'));

/** A number, or undefined where the cell is empty. */
export function numberOf(row: Row, file: string, column: string): number | undefined {
  const text = row[column];
  if (!text) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : fail(file, row.line, column, tableSays('number'));
}

/** Families of code systems: `kemkes:anc-custom-codes` needs no name of its own. */
const FAMILIES: Readonly<Record<string, string>> = {
  kemkes: 'http://terminology.kemkes.go.id/CodeSystem/',
  hl7: 'http://terminology.hl7.org/CodeSystem/',
};

/** The url of a code system by its name in `terminology/systems.ts`, or by its family. */
export function systemOf(row: Row, file: string, column = 'system'): string {
  const key = need(row, file, column);
  if (Object.hasOwn(SYSTEMS, key)) return SYSTEMS[key as keyof typeof SYSTEMS];
  const [family = '', name] = key.split(':');
  const base = Object.hasOwn(FAMILIES, family) ? FAMILIES[family] : undefined;
  if (base !== undefined && name !== undefined && /^[A-Za-z0-9-]+$/.test(name)) return `${base}${name}`;
  return fail(file, row.line, column, tableSays('system'));
}

/** @throws AppError `config` naming file, line and, where it is told, column */
export function fail(file: string, line: number, column: string, problem: Problem): never {
  throw tableError(at(file, line, problem, column));
}

const at = (file: string, line: number, problem: Problem, column = ''): Problem =>
  within(column === '' ? tableSays('place', { file, line }) : tableSays('place-column', { file, line, column }), problem);

export const tableError = (problem: Problem, cause?: unknown): AppError =>
  new AppError('config', { detail: problem }, cause === undefined ? {} : { cause });

/** A file that is no JSON, with the place where the parser of Node stopped. */
export function jsonError(file: string, text: string, cause: unknown): AppError {
  // Node tells the place in its message; of a text that ends too early it tells none.
  const position = /at position (\d+)/.exec(cause instanceof Error ? cause.message : '')?.[1];
  const before = text.slice(0, position === undefined ? text.length : Number(position)).split('\n');
  return tableError(tableSays('not-json', { file, line: before.length, column: (before.at(-1) ?? '').length + 1 }), cause);
}

function refuseTwice(file: string, rows: readonly Row[], key: readonly string[]): void {
  const lines = new Map<string, number>();
  for (const row of rows) {
    const own = JSON.stringify(key.map((column) => row[column]));
    const line = lines.get(own);
    if (line !== undefined) fail(file, row.line, key.at(-1) as string, tableSays('twice-as', { line }));
    lines.set(own, row.line);
  }
}
