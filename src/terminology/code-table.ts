import { Buffer, isUtf8 } from 'node:buffer';
import { AppError } from '../errors/index.ts';

/**
 * A table of codes as it is read: the bytes of a CSV file and, for each row, where it begins. A row becomes an object only when it is
 * asked for, so 200,000 codes take the size of their file and 16 bytes a row.
 */
export interface CodeTable {
  readonly columns: readonly string[];
  readonly size: number;
  /** Values of the first column, in the order of their first row. */
  readonly groups: readonly string[];
  /** Rows with this first and second column, in the order of the file. */
  find(group: string, key: string): readonly number[];
  /** Rows of a group, in the order of the file. */
  rowsOf(group: string): Iterable<number>;
  /** Cells of a row by column; empty ones are absent. */
  row(index: number): Row;
  /** A row as it stands in the file, without its line end: quick to look through. */
  raw(index: number): string;
  /** Line of a row in the file, from 1. */
  line(index: number): number;
}

export type Row = Readonly<Record<string, string>>;

export interface TableOptions {
  /** Columns that must be there; the first two are the key. */
  readonly columns: readonly string[];
  /** What tells rows with the same key apart: no two of them may share a word of this column, or both be without it. */
  readonly apart?: string;
  /** Keys are compared without regard to case and blanks. */
  readonly fold?: boolean;
}

/** Where a table is refused. `line` counts from 1. */
export type TableFault = { readonly line: number; readonly column: string; readonly problem: string };

export const MAX_ROWS = 500_000;
const MAX_COLUMNS = 32;
const MAX_CELL = 2_000;

const QUOTE = 0x22;
const BLANK = 0x20;
const LF = 0x0a;
const CR = 0x0d;

/** Case and blanks do not count in free text. */
export const folded = (text: string): string => text.normalize('NFKC').trim().toLowerCase().replace(/\s+/g, ' ');

/** What to do with a fault: stop with an error of the configuration, that names the file. */
export const faultOf = (name: string, { line, column, problem }: TableFault): AppError =>
  new AppError('config', { detail: `${name} line ${line}${column === '' ? '' : `, column ${column}`}: ${problem}` });

/**
 * Reads a table of CSV (RFC 4180; commas, or semicolons as spreadsheets write them here; UTF-8).
 *
 * @param name file, for errors
 * @throws AppError `config` naming file, line and column of the first fault
 */
export function readCodeTable(name: string, input: Uint8Array, options: TableOptions): CodeTable {
  const fail = (line: number, column: string, problem: string): never => {
    throw faultOf(name, { line, column, problem });
  };
  const bytes = Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  if (!isUtf8(bytes)) fail(1, '', 'it is not UTF-8');
  const begin = bytes.length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  const headerEnd = bytes.indexOf(LF) === -1 ? bytes.length : bytes.indexOf(LF);
  if (headerEnd - begin > MAX_CELL) fail(1, '', 'the header is too long');
  const header = bytes.toString('utf8', begin, headerEnd).replace(/\r$/, '');
  const delimiter = count(header, ';') > count(header, ',') ? 0x3b : 0x2c;
  const separator = String.fromCharCode(delimiter);
  const columns = header.split(separator).map((cell) => cell.trim().replace(/^"(.*)"$/, '$1'));
  if (columns.length > MAX_COLUMNS) fail(1, '', `more than ${MAX_COLUMNS} columns`);
  for (const [index, column] of columns.entries()) {
    if (!/^[A-Za-z][A-Za-z0-9-]{0,39}$/.test(column)) fail(1, '', `column ${index + 1} has no plain name`);
    if (columns.indexOf(column) !== index) fail(1, column, 'stands twice');
  }
  for (const column of options.columns) if (!columns.includes(column)) fail(1, column, 'is missing');
  const groupColumn = columns.indexOf(options.columns[0] as string);
  const keyColumn = columns.indexOf(options.columns[1] as string);

  // Never more rows than lines.
  let capacity = 1;
  for (let at = bytes.indexOf(LF); at !== -1; at = bytes.indexOf(LF, at + 1)) capacity++;
  if (capacity > MAX_ROWS + 2) fail(1, '', `more than ${MAX_ROWS} rows`);
  const starts = new Uint32Array(capacity + 1);
  const lines = new Uint32Array(capacity);
  const groupOf = new Uint16Array(capacity);
  const groups: string[] = [];
  const groupIndex = new Map<string, number>();
  let size = 0;

  let slots = 4;
  while (slots < capacity * 1.6) slots *= 2;
  const table = new Int32Array(slots).fill(-1);
  const mask = slots - 1;

  /** Reads one cell from `at`; returns where it ends: at its delimiter, its line's end or the end of all. */
  const cellEnd = (at: number): number => {
    if (bytes[at] !== QUOTE) {
      let end = at;
      for (; end < bytes.length; end++) {
        const byte = bytes[end] as number;
        if (byte === delimiter || byte === LF || byte === CR) break;
      }
      return end;
    }
    let end = at + 1;
    for (; end < bytes.length; end++) {
      if (bytes[end] !== QUOTE) continue;
      if (bytes[end + 1] === QUOTE) end++;
      else return end + 1;
    }
    return -1;
  };
  const text = (at: number, end: number): string =>
    bytes[at] === QUOTE
      ? bytes
          .toString('utf8', at + 1, end - 1)
          .replaceAll('""', '"')
          .trim()
      : bytes.toString('utf8', at, end).trim();
  const cellOf = (row: number, column: number): string => {
    let at = starts[row] as number;
    for (let index = 0; index < column; index++) at = cellEnd(at) + 1;
    return text(at, cellEnd(at));
  };
  const keyOf = (row: number): string => (options.fold ? folded(cellOf(row, keyColumn)) : cellOf(row, keyColumn));

  /** As `keyOf(row) === key`; of a plain cell byte by byte, without making a string. */
  const hasKey = (row: number, key: string): boolean => {
    let at = starts[row] as number;
    for (let index = 0; index < keyColumn; index++) at = cellEnd(at) + 1;
    const end = cellEnd(at);
    if (options.fold || bytes[at] === QUOTE || bytes[at] === BLANK || bytes[end - 1] === BLANK) return keyOf(row) === key;
    for (let index = 0; index < key.length; index++) {
      const unit = key.charCodeAt(index);
      if (unit > 0x7f) return keyOf(row) === key;
      if (unit !== bytes[at + index]) return false;
    }
    return end - at === key.length;
  };

  let lastGroup = '';
  let lastGroupIndex = -1;
  let line = 2;
  for (let at = Math.min(headerEnd + 1, bytes.length); at < bytes.length; ) {
    const byte = bytes[at] as number;
    if (byte === LF || byte === CR) {
      if (byte === LF) line++;
      at++;
      continue;
    }
    if (size === MAX_ROWS) fail(line, '', `more than ${MAX_ROWS} rows`);
    starts[size] = at;
    lines[size] = line;
    let key = '';
    let column = 0;
    for (; ; column++) {
      const end = cellEnd(at);
      const name = columns[column] ?? '';
      if (column >= columns.length) fail(line, '', 'more cells than columns');
      if (end === -1) fail(line, name, 'a quotation mark is not closed');
      if (end - at > MAX_CELL) fail(line, name, `longer than ${MAX_CELL} bytes`);
      for (let index = at; index < end; index++)
        if ((bytes[index] as number) < 0x20) fail(line, name, 'a control character or a line break');
      if (column === groupColumn) {
        const group = text(at, end);
        if (group === '') fail(line, name, 'is empty');
        if (group !== lastGroup) {
          let known = groupIndex.get(group);
          if (known === undefined) {
            known = groups.push(group) - 1;
            if (known > 65_000) fail(line, name, 'too many different values');
            groupIndex.set(group, known);
          }
          lastGroup = group;
          lastGroupIndex = known;
        }
      } else if (column === keyColumn) {
        key = text(at, end);
        if (key === '') fail(line, name, 'is empty');
      }
      at = end;
      if (bytes[at] === delimiter) {
        at++;
        continue;
      }
      if (at < bytes.length && bytes[at] !== LF && bytes[at] !== CR) fail(line, name, 'text after a closing quotation mark');
      break;
    }
    if (column + 1 < columns.length) fail(line, '', 'fewer cells than columns');
    groupOf[size] = lastGroupIndex;
    if (options.fold) key = folded(key);
    let slot = hash(lastGroupIndex, key) & mask;
    for (let other = table[slot] as number; other !== -1; other = table[slot] as number) {
      if (groupOf[other] === lastGroupIndex && hasKey(other, key) && !setApart(other, size))
        fail(line, options.columns[1] as string, `stands in line ${lines[other]} already`);
      slot = (slot + 1) & mask;
    }
    table[slot] = size;
    size++;
  }
  starts[size] = bytes.length;

  function setApart(one: number, other: number): boolean {
    const column = options.apart === undefined ? -1 : columns.indexOf(options.apart);
    if (column === -1) return false;
    const words = cellOf(one, column).split(' ');
    const others = cellOf(other, column).split(' ');
    return !words.includes('') && !others.includes('') && !words.some((word) => others.includes(word));
  }

  const rawOf = (index: number): string => bytes.toString('utf8', starts[index], starts[index + 1]).trimEnd();

  return {
    columns,
    size,
    groups,
    find(group, wanted) {
      const index = groupIndex.get(group);
      if (index === undefined) return [];
      const key = options.fold ? folded(wanted) : wanted;
      const found: number[] = [];
      let slot = hash(index, key) & mask;
      for (let row = table[slot] as number; row !== -1; row = table[slot] as number) {
        if (groupOf[row] === index && hasKey(row, key)) found.push(row);
        slot = (slot + 1) & mask;
      }
      return found;
    },
    *rowsOf(group) {
      const index = groupIndex.get(group);
      if (index === undefined) return;
      for (let row = 0; row < size; row++) if (groupOf[row] === index) yield row;
    },
    row(index) {
      const cells: Record<string, string> = {};
      const raw = rawOf(index);
      if (!raw.includes('"')) {
        // One string and its parts take a third of the time of a string for each cell.
        for (const [at, cell] of raw.split(separator).entries()) {
          const plain = cell.trim();
          if (plain !== '') cells[columns[at] as string] = plain;
        }
        return cells;
      }
      let at = starts[index] as number;
      for (const column of columns) {
        const end = cellEnd(at);
        const cell = text(at, end);
        if (cell !== '') cells[column] = cell;
        at = end + 1;
      }
      return cells;
    },
    raw: rawOf,
    line: (index) => lines[index] ?? 0,
  };
}

/** FNV-1a over UTF-16 units. */
function hash(seed: number, text: string): number {
  let value = (0x811c9dc5 ^ seed) >>> 0;
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  return (value ^ (value >>> 15)) >>> 0;
}

const count = (text: string, character: string): number => text.split(character).length - 1;
