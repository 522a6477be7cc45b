import { sql, type Transaction } from 'kysely';
import { type Conflict, createSlices, type Dialect, type Writer } from '../engine.ts';
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

/** Rows that are handed to the thread at once; their copying is work of this one. */
const ROWS_AT_ONCE = 200;

/** @param thread where the transaction is open; it works for this one until it ends, so it can be spoken to directly */
export function createWriter(db: Transaction<Database>, thread: ManyRows): Writer {
  return {
    db,
    async insert(table, columns, rows, conflict) {
      const text = insertText(table, columns, conflict);
      const pause = createSlices();
      const answers: Promise<void>[] = [];
      for (let next = 0; next < rows.length; next += ROWS_AT_ONCE) {
        const some = rows.slice(next, next + ROWS_AT_ONCE).map((row) => row.map(toBound));
        const answer = thread.executeMany(text, some);
        if (answer === undefined) continue;
        // It may fail during the pause, before anybody waits for it.
        answer.catch(() => undefined);
        answers.push(answer);
        await pause();
      }
      await settled(answers);
    },
    async sequence(inserts) {
      await settled(inserts.map((insert) => insert()));
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

/** All are waited for, also when one fails: none may run into what comes after the rollback. */
async function settled(answers: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(answers)) if (result.status === 'rejected') throw result.reason;
}

function insertText(table: string, columns: readonly string[], conflict: Conflict<string> | undefined): string {
  const quoted = (names: readonly string[]) => names.map((name) => `"${name}"`).join(', ');
  const insert = `insert into "${table}" (${quoted(columns)}) values (${columns.map(() => '?').join(', ')})`;
  if (!conflict) return insert;
  const updates = conflict.update.map((name) => `"${name}" = excluded."${name}"`).join(', ');
  return `${insert} on conflict (${quoted(conflict.key)}) do ${updates === '' ? 'nothing' : `update set ${updates}`}`;
}
