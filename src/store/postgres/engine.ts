import { Kysely, sql, type Transaction } from 'kysely';
import type { Dialect, Engine, Value, Writer } from '../engine.ts';
import { checksumOf, type Migration, migrationsUpTo, missingMigrations } from '../migration.ts';
import type { Database } from '../schema.ts';
import { encodeJson } from '../text.ts';
import { doWork } from '../works.ts';
import { createDialect, createPool } from './dialect.ts';
import { initial } from './migrations/0001-initial.ts';
import { deliveryMark } from './migrations/0002-delivery-mark.ts';
import { deliveryWork } from './migrations/0003-delivery-work.ts';
import { decisions } from './migrations/0004-decisions.ts';

const MIGRATIONS = [initial, deliveryMark, deliveryWork, decisions];

/** Advisory locks of this schema: any numbers, the same in all processes. */
const MIGRATION_LOCK = 4_712_001;
const ORDER_LOCK = 4_712_002;

const dialect: Dialect = {
  locksRows: true,
  knowsCounts: true,
  nowMs: sql<number>`floor(extract(epoch from clock_timestamp()) * 1000)::bigint`,
  inList: (column, values) =>
    typeof values[0] === 'number' ? sql`${column} = any(${values}::bigint[])` : sql`${column} = any(${values}::text[])`,
  contains: (column, text) => sql`strpos(${column}, ${text}) > 0`,
  jsonNumbers: (column, subquery) => sql`(select json_agg(${sql.ref(column)})::text from (${subquery}) as numbers)`,
};

/** @param url `postgres://user:password@host/database` */
export function openPostgres(url: string): Engine {
  const db = new Kysely<Database>({ dialect: createDialect(createPool(url)) });
  const write = <T>(work: (writer: Writer) => Promise<T>): Promise<T> =>
    retried(() => db.transaction().execute((transaction) => work(createWriter(transaction))));
  return {
    name: 'postgres',
    dialect,
    reader: db,
    write,
    run: (name, input, texts = []) => write((writer) => doWork(name, { dialect }, writer, input, texts)),
    worksElsewhere: false,
    ping: async () => {
      await sql`select 1`.execute(db);
    },
    migrate: (dryRun, upTo) => migrate(dryRun, migrationsUpTo(MIGRATIONS, upTo), db),
    close: () => db.destroy(),
  };
}

const ATTEMPTS = 5;

/** Two processes may lock each other out or create the same resource at once; the one that lost sees the other's work when it repeats. */
async function retried<T>(transaction: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await transaction();
    } catch (error) {
      if (attempt === ATTEMPTS || !canBeRepeated(error)) throw error;
    }
  }
}

function canBeRepeated(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  // serialization_failure, deadlock_detected, unique_violation: the transaction was rolled back as a whole.
  return code === '40001' || code === '40P01' || code === '23505';
}

function createWriter(db: Transaction<Database>): Writer {
  return {
    db,
    async insert(table, columns, rows, conflict) {
      if (rows.length === 0) return;
      const names = sql.join(columns.map((column) => sql.ref(column)));
      const target = sql.table(table);
      const action = conflict
        ? sql`on conflict (${sql.join(conflict.key.map((column) => sql.ref(column)))}) do ${
            conflict.update.length === 0
              ? sql`nothing`
              : sql`update set ${sql.join(conflict.update.map((column) => sql`${sql.ref(column)} = excluded.${sql.ref(column)}`))}`
          }`
        : sql``;
      await sql`insert into ${target} (${names}) select ${names} from ${recordset(table, columns, rows)} ${action}`.execute(db);
    },
    async update(table, key, columns, rows) {
      if (rows.length === 0) return;
      const target = sql.table(table);
      const sets = sql.join(columns.map((column) => sql`${sql.ref(column)} = given.${sql.ref(column)}`));
      await sql`update ${target} set ${sets} from ${recordset(table, [...columns, key], rows)} as given
        where ${sql.ref(`${table}.${key}`)} = given.${sql.ref(key)}`.execute(db);
    },
    async allocate(kind, count) {
      if (count === 0) return [];
      const sequence = kind === 'resource' ? 'resource_pk' : 'delivery_id';
      const { rows } = await sql<{ number: number }>`select nextval(${sequence}) as number from generate_series(1, ${count}::int)`.execute(
        db,
      );
      return rows.map((row) => row.number);
    },
    async lockOrder() {
      await sql`select pg_advisory_xact_lock(${ORDER_LOCK}::bigint)`.execute(db);
    },
  };
}

/** One parameter, whatever the number of rows; the table's own row type gives the types of the columns. */
function recordset(table: string, columns: readonly string[], rows: readonly (readonly Value[])[]) {
  const objects = rows.map((row) => Object.fromEntries(columns.map((column, index) => [column, row[index]])));
  return sql`json_populate_recordset(null::${sql.table(table)}, ${encodeJson(objects)}::json)`;
}

async function migrate(dryRun: boolean, migrations: readonly Migration[], db: Kysely<Database>): Promise<readonly string[]> {
  const missing = async (connection: Kysely<Database>) => {
    const table = await sql<{ name: string | null }>`select to_regclass('migration')::text as name`.execute(connection);
    const rows = table.rows[0]?.name ? await connection.selectFrom('migration').selectAll().execute() : [];
    return missingMigrations(migrations, new Map(rows.map((row) => [row.name, row.checksum])));
  };
  if (dryRun) return (await missing(db)).map((migration) => migration.name);
  return db.transaction().execute(async (transaction) => {
    // Taken before anything is looked up: a second process waits until the first has applied them.
    await sql`select pg_advisory_xact_lock(${MIGRATION_LOCK}::bigint)`.execute(transaction);
    await sql`create table if not exists migration (name text primary key, checksum text not null, applied_at text not null)`.execute(
      transaction,
    );
    const todo = await missing(transaction);
    for (const migration of todo) {
      await sql.raw(migration.sql).execute(transaction);
      await sql`insert into migration (name, checksum, applied_at)
        values (${migration.name}, ${checksumOf(migration)}, to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))`.execute(
        transaction,
      );
    }
    return todo.map((migration) => migration.name);
  });
}
