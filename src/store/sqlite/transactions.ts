import { sql, type Transaction } from 'kysely';
import type { Conflict, Dialect, Writer } from '../engine.ts';
import type { Database } from '../schema.ts';
import { encodeJson } from '../text.ts';
import type { Bound } from './connection.ts';
import { toBound } from './dialect.ts';

export const dialect: Dialect = {
  locksRows: false,
  knowsCounts: false,
  nowMs: sql<number>`cast(unixepoch('subsec') * 1000 as integer)`,
  inList: (column, values) => sql`${column} in (select value from json_each(${encodeJson(values)}))`,
  contains: (column, text) => sql`instr(${column}, ${text}) > 0`,
  jsonNumbers: (column, subquery) => sql`(select json_group_array(${sql.ref(column)}) from (${subquery}))`,
};

/** The writing connection: of a thread, or in it. */
export interface ManyRows {
  executeMany(sql: string, rows: readonly (readonly Bound[])[]): Promise<void> | void;
}

/** @param thread where the transaction is open; it works for this one until it ends, so it can be spoken to directly */
export function createWriter(db: Transaction<Database>, thread: ManyRows): Writer {
  return {
    db,
    async insert(table, columns, rows, conflict) {
      if (rows.length === 0) return;
      await thread.executeMany(
        insertText(table, columns, conflict),
        rows.map((row) => row.map(toBound)),
      );
    },
    async update(table, key, columns, rows) {
      if (rows.length === 0) return;
      const text = `update "${table}" set ${columns.map((name) => `"${name}" = ?`).join(', ')} where "${key}" = ?`;
      await thread.executeMany(
        text,
        rows.map((row) => row.map(toBound)),
      );
    },
    async allocate(kind, count) {
      if (count === 0) return [];
      const column = kind === 'resource' ? 'pk' : 'id';
      // Only this transaction writes, and neither table ever loses a row.
      const { rows } = await sql<{ last: number | null }>`select max(${sql.ref(column)}) as last from ${sql.table(kind)}`.execute(db);
      const first = (rows[0]?.last ?? 0) + 1;
      return Array.from({ length: count }, (_unused, index) => first + index);
    },
    lockOrder: async () => undefined,
  };
}

function insertText(table: string, columns: readonly string[], conflict: Conflict<string> | undefined): string {
  const quoted = (names: readonly string[]) => names.map((name) => `"${name}"`).join(', ');
  const insert = `insert into "${table}" (${quoted(columns)}) values (${columns.map(() => '?').join(', ')})`;
  if (!conflict) return insert;
  const updates = conflict.update.map((name) => `"${name}" = excluded."${name}"`).join(', ');
  return `${insert} on conflict (${quoted(conflict.key)}) do ${updates === '' ? 'nothing' : `update set ${updates}`}`;
}
