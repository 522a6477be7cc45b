import { AppError } from '../errors/index.ts';
import { slugOf } from './code-systems.ts';
import { type CodeTable, folded, type Row, readCodeTable } from './code-table.ts';
import { CODE_COLUMNS, EQUIVALENCES, MAP_COLUMNS, type TerminologySource } from './source.ts';
import type { Terminology } from './terminology.ts';

/** Largest table that is read, bytes. */
export const MAX_TABLE_BYTES = 48 * 1_048_576;
const MAX_FAULTS = 20;
const MAX_DEPTH = 50;

/** What one table of the district would become. */
export interface TableChange {
  /** Name of its file: `map-obat-kfa.csv`. */
  readonly file: string;
  /** URL of the system or map. */
  readonly url: string;
  readonly rows: number;
  readonly added: readonly Row[];
  readonly changed: readonly { readonly before: Row; readonly after: Row }[];
  readonly removed: readonly Row[];
  /** Rows that say something else than what is shipped; the district's word would count. */
  readonly conflicts: readonly { readonly line: number; readonly shipped: string; readonly own: string; readonly key: string }[];
  /** Lines whose target is not among the codes held here, of a system that is held in part only. */
  readonly unchecked: readonly number[];
  /** The new text of the table. */
  readonly text: string;
}

/**
 * What a table from outside would change. Nothing is written here.
 *
 * A file is a table of codes (`system,code,display`; further: `id`, `also`, `module`, `parent`, `inactive`, `replacedBy`, or any property)
 * or of translations (`map,source,target`; further: `equivalence`, `comment`). What it says about a system or map stands for all that the
 * district said about it before.
 *
 * @throws AppError `code-table` with the first faults, each by line and column and never with its content
 */
export function planImport(terminology: Terminology, source: TerminologySource, bytes: Uint8Array): readonly TableChange[] {
  if (bytes.length > MAX_TABLE_BYTES) throw refused(`> ${MAX_TABLE_BYTES / 1_048_576} MB`);
  const head = new TextDecoder().decode(bytes.subarray(0, 2_000)).split('\n', 1)[0] ?? '';
  const isMap = /(^|[",;\ufeff])\s*"?map"?\s*([,;]|$)/.test(head);
  let table: CodeTable;
  try {
    table = readCodeTable(
      'FILE',
      bytes,
      isMap ? { columns: MAP_COLUMNS, apart: 'target', fold: true } : { columns: CODE_COLUMNS, apart: 'module' },
    );
  } catch (error) {
    throw error instanceof AppError && error.code === 'config' ? refused(String(error.params.detail).replace(/^FILE /, '')) : error;
  }
  if (table.size === 0) throw refused('line 2: no row');
  const faults: string[] = [];
  const fault = (row: number, column: string, problem: string) => {
    faults.push(`line ${table.line(row)}, column ${column}: ${problem}`);
    if (faults.length >= MAX_FAULTS) throw refused(faults.join('; '));
  };
  const rows = Array.from({ length: table.size }, (_, index) => table.row(index));
  for (const [index, row] of rows.entries()) {
    for (const [column, cell] of Object.entries(row)) {
      if (FORMULA.test(cell)) fault(index, column, 'begins like a formula (= + - @)');
      else if (UNSEEN.test(cell)) fault(index, column, 'holds a character that cannot be seen');
    }
    if (!isMap && row.display === undefined) fault(index, 'display', 'is empty');
    if (!isMap && row.inactive !== undefined && !/^(true|false)$/.test(row.inactive)) fault(index, 'inactive', 'must be true or false');
    if (isMap && !(EQUIVALENCES as readonly string[]).includes(row.equivalence ?? 'equivalent'))
      fault(index, 'equivalence', `must be one of ${EQUIVALENCES.join(', ')}`);
    if (isMap && (row.target === undefined) !== (row.equivalence === 'unmatched'))
      fault(index, 'target', 'is needed, unless the equivalence is unmatched');
  }
  const changes = table.groups.map((group) => {
    const own = [...table.rowsOf(group)];
    return isMap ? mapChange(group, own) : codesChange(group, own);
  });
  if (faults.length > 0) throw refused(faults.join('; '));
  return changes;

  function codesChange(group: string, own: readonly number[]): TableChange {
    const info = terminology.systems().find(({ key, url }) => key === group || url === group);
    if (info === undefined && !/^(https?:\/\/[^\s/]+\/?|urn:[a-z]+:)[^\s]*$/.test(group))
      fault(own[0] as number, 'system', 'is no known system and no URL');
    const url = info?.url ?? group;
    checkParents(own);
    const conflicts = own.flatMap((index) => {
      const { code = '', display = '', module } = rows[index] as Row;
      const shipped = terminology.shipped(url, code, module);
      return shipped && folded(shipped) !== folded(display) ? [{ line: table.line(index), key: code, shipped, own: display }] : [];
    });
    return change(`codes-${info?.key ?? slugOf(url)}.csv`, url, own, conflicts, []);
  }

  function mapChange(group: string, own: readonly number[]): TableChange {
    const info = terminology.maps().find(({ key, url }) => key === group || url === group);
    if (info === undefined) {
      const known = terminology.maps().map(({ key }) => key);
      fault(own[0] as number, 'map', `must be one of ${known.join(', ')}`);
      return change('', group, own, [], []);
    }
    const complete = terminology.system(info.target).content === 'complete';
    const unchecked: number[] = [];
    const conflicts = own.flatMap((index) => {
      const { source: from = '', target = '' } = rows[index] as Row;
      if (target !== '' && terminology.meanings(info.target, target).length === 0) {
        if (complete) fault(index, 'target', `is no code of ${info.target}`);
        else unchecked.push(table.line(index));
      }
      const shipped = terminology.shippedTargets(info.key, from);
      return shipped.length > 0 && !shipped.includes(target)
        ? [{ line: table.line(index), key: from, shipped: shipped.join(', '), own: target }]
        : [];
    });
    return change(`map-${info.key}.csv`, info.url, own, conflicts, unchecked);
  }

  /** Each parent is a code of the same table, and no code is above itself. */
  function checkParents(own: readonly number[]): void {
    if (!table.columns.includes('parent')) return;
    const parents = new Map(own.map((index) => [rows[index]?.code ?? '', rows[index]?.parent]));
    for (const index of own) {
      let depth = 0;
      for (let at = rows[index]?.parent; at !== undefined; at = parents.get(at)) {
        if (!parents.has(at)) {
          fault(index, 'parent', 'is no code of this table');
          break;
        }
        if (++depth > MAX_DEPTH) {
          fault(index, 'parent', `goes in a circle, or deeper than ${MAX_DEPTH}`);
          break;
        }
      }
    }
  }

  function change(
    file: string,
    url: string,
    own: readonly number[],
    conflicts: TableChange['conflicts'],
    unchecked: readonly number[],
  ): TableChange {
    const first = isMap ? 'map' : 'system';
    // A map is named by its key in its file, a system by its URL.
    const name = isMap ? file.slice('map-'.length, -'.csv'.length) : url;
    const next = own.map((index): Row => ({ ...rows[index], [first]: name }));
    const before = byKey(isMap, source.district.names().includes(file) ? rowsIn(file, source.district.read(file), isMap) : []);
    const after = byKey(isMap, next);
    const changed = [...after].flatMap(([key, row]) => {
      const old = before.get(key);
      return old !== undefined && textOf(old) !== textOf(row) ? [{ before: old, after: row }] : [];
    });
    const lines = [table.columns.join(','), ...next.map((row) => table.columns.map((column) => quoted(row[column] ?? '')).join(','))];
    return {
      ...{ file, url, rows: own.length, conflicts, unchecked, changed },
      added: [...after].filter(([key]) => !before.has(key)).map(([, row]) => row),
      removed: [...before].filter(([key]) => !after.has(key)).map(([, row]) => row),
      text: `${lines.join('\n')}\n`,
    };
  }
}

/** What a spreadsheet would run when the table is opened in it. */
const FORMULA = /^[=+\-@]/;
/** Controls, marks of direction, blanks without width: two codes that look the same would not be. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\u2028\u2029]/u;

const refused = (detail: string): AppError => new AppError('code-table', { detail });

function rowsIn(file: string, bytes: Uint8Array, isMap: boolean): readonly Row[] {
  const table = readCodeTable(file, bytes, {
    columns: isMap ? MAP_COLUMNS : CODE_COLUMNS,
    apart: isMap ? 'target' : 'module',
    fold: isMap,
  });
  return Array.from({ length: table.size }, (_, index) => table.row(index));
}

const byKey = (isMap: boolean, rows: readonly Row[]): ReadonlyMap<string, Row> =>
  new Map(rows.map((row) => [isMap ? `${folded(row.source ?? '')}\n${row.target ?? ''}` : `${row.code}\n${row.module ?? ''}`, row]));

const textOf = (row: Row): string => JSON.stringify(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)));

const quoted = (cell: string): string => (/[",;]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
