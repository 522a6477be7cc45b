import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { AppError } from '../errors/index.ts';
import { ARCHIVE_TABLES, type ArchiveSource, type ArchiveTarget, FILLED_TABLES, LOOK_MS, LOOKS, OTHER_TABLES } from './archive-tables.ts';

const ROWS_AT_ONCE = 500;
const CHARACTERS_AT_ONCE = 1_000_000;

const columnsOf = (database: DatabaseSync, table: string): readonly string[] =>
  database
    .prepare('select name from pragma_table_info(?)')
    .all(table)
    .map((row) => String(row.name));

const migrationsOf = (database: DatabaseSync): readonly string[] =>
  database
    .prepare('select name from migration order by name')
    .all()
    .map((row) => String(row.name));

/** @throws whatever node:sqlite throws where there is no such database */
export function readSqlite(file: string): ArchiveSource {
  const database = new DatabaseSync(file, { readOnly: true, timeout: 10_000 });
  try {
    database.exec('pragma cache_size = -4096; begin');
    // The transaction begins with the first read.
    const migrations = migrationsOf(database);
    const { now } = database.prepare("select cast(unixepoch('subsec') * 1000 as integer) as now").get() as { now: number };
    return {
      takenMs: now,
      migrations,
      first: async (sql) => database.prepare(sql).all(),
      count: async (table) => Number(database.prepare(`select count(*) as count from "${table}"`).get()?.count),
      columns: async (table) => columnsOf(database, table),
      async *lines(table) {
        const parts = columnsOf(database, table).map((name) => `'${name}', "${name}"`);
        let some: string[] = [];
        let characters = 0;
        for (const row of database.prepare(`select json_object(${parts.join(', ')}) as line from "${table}"`).iterate()) {
          const line = String(row.line);
          some.push(line);
          characters += line.length;
          if (some.length < ROWS_AT_ONCE && characters < CHARACTERS_AT_ONCE) continue;
          yield some;
          some = [];
          characters = 0;
        }
        if (some.length > 0) yield some;
      },
      async close() {
        database.close();
      },
    };
  } catch (error) {
    database.close();
    throw error;
  }
}

/** @throws AppError `database-in-use` while another process has it open, after a second */
export async function writeSqlite(file: string): Promise<ArchiveTarget> {
  const database = new DatabaseSync(file, { timeout: 1_000 });
  // Whoever only looks for a moment is waited for; leaving WAL does not wait by itself.
  for (let looks = 0; ; looks += 1) {
    try {
      // Leaving WAL takes the file for oneself: it fails while anybody else has it open.
      database.exec('pragma journal_mode = delete; pragma synchronous = full; pragma temp_store = memory; begin exclusive');
      break;
    } catch (cause) {
      if (looks === LOOKS) {
        database.close();
        throw new AppError('database-in-use', {}, { cause });
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }
  return {
    migrations: migrationsOf(database),
    columns: new Map(ARCHIVE_TABLES.map((table) => [table, new Set(columnsOf(database, table))])),
    filled: async () => FILLED_TABLES.some((table) => database.prepare(`select 1 from "${table}" limit 1`).get() !== undefined),
    async clear() {
      for (const table of [...ARCHIVE_TABLES, ...OTHER_TABLES]) database.exec(`delete from "${table}"`);
    },
    async load(table, columns, lines) {
      const names = columns.map((name) => `"${name}"`).join(', ');
      const insert = database.prepare(`insert into "${table}" (${names}) values (${columns.map(() => '?').join(', ')})`);
      for (const line of lines) {
        const row = JSON.parse(line) as Record<string, SQLInputValue>;
        insert.run(...columns.map((name) => row[name] ?? null));
      }
    },
    async mark(environment, value) {
      database
        .prepare(
          `insert into shared_state (environment, name, value, version, updated_ms)
           values (?, 'restored', ?, 1, cast(unixepoch('subsec') * 1000 as integer))`,
        )
        .run(environment, value);
    },
    async commit() {
      database.exec('commit');
    },
    async rollback() {
      if (database.isTransaction) database.exec('rollback');
    },
    async close() {
      database.close();
    },
  };
}
