import pg from 'pg';
import { AppError } from '../errors/index.ts';
import { ARCHIVE_TABLES, type ArchiveSource, type ArchiveTarget, FILLED_TABLES, LOOK_MS, LOOKS, OTHER_TABLES } from './archive-tables.ts';

const ROWS_AT_ONCE = 500;
/** Sequence → table and column that it numbers; the identity columns have one of their own. */
const SEQUENCES = [
  ["'resource_pk'", 'resource', 'pk'],
  ["'delivery_id'", 'delivery', 'id'],
  ["pg_get_serial_sequence('audit', 'id')", 'audit', 'id'],
  ["pg_get_serial_sequence('delivery_event', 'id')", 'delivery_event', 'id'],
] as const;

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, application_name: 'ilp-fhir-archive', connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

async function migrationsOf(client: pg.Client): Promise<readonly string[]> {
  const { rows } = await client.query<{ name: string }>('select name from migration order by name');
  return rows.map(({ name }) => name);
}

export async function readPostgres(url: string): Promise<ArchiveSource> {
  const client = await connect(url);
  try {
    await client.query('begin isolation level repeatable read read only');
    const migrations = await migrationsOf(client);
    const { rows } = await client.query<{ now: string }>('select floor(extract(epoch from clock_timestamp()) * 1000)::bigint as now');
    return {
      takenMs: Number(rows[0]?.now),
      migrations,
      first: async (sql) => (await client.query(sql)).rows,
      count: async (table) => Number((await client.query<{ count: string }>(`select count(*) as count from "${table}"`)).rows[0]?.count),
      async columns(table) {
        const { rows: found } = await client.query<{ name: string }>(
          `select column_name as name from information_schema.columns
           where table_schema = current_schema() and table_name = $1 order by ordinal_position`,
          [table],
        );
        return found.map(({ name }) => name);
      },
      async *lines(table) {
        await client.query(`declare archive no scroll cursor for select row_to_json(t)::text as line from "${table}" t`);
        for (;;) {
          const { rows: some } = await client.query<{ line: string }>(`fetch ${ROWS_AT_ONCE} from archive`);
          if (some.length === 0) break;
          yield some.map(({ line }) => line);
        }
        await client.query('close archive');
      },
      close: () => client.end(),
    };
  } catch (error) {
    await client.end();
    throw error;
  }
}

/** @throws AppError `database-in-use` while a service is connected to it */
export async function writePostgres(url: string): Promise<ArchiveTarget> {
  const client = await connect(url);
  try {
    const others = async () => {
      const { rows } = await client.query<{ others: string }>(
        `select count(*) as others from pg_stat_activity where datname = current_database() and application_name = 'ilp-fhir'`,
      );
      return Number(rows[0]?.others);
    };
    // A session that was just closed is seen for a moment yet.
    for (let looks = 0; (await others()) > 0; looks += 1) {
      if (looks === LOOKS) throw new AppError('database-in-use');
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    await client.query("begin; set local jit = off; set local lock_timeout = '10s'");
    const all = [...ARCHIVE_TABLES, ...OTHER_TABLES].map((table) => `"${table}"`).join(', ');
    await client.query(`lock table ${all} in access exclusive mode`);
    const columns = await client.query<{ table_name: string; column_name: string }>(
      'select table_name, column_name from information_schema.columns where table_schema = current_schema()',
    );
    const byTable = Map.groupBy(columns.rows, (row) => row.table_name);
    return {
      migrations: await migrationsOf(client),
      columns: new Map(ARCHIVE_TABLES.map((table) => [table, new Set(byTable.get(table)?.map((row) => row.column_name))])),
      async filled() {
        for (const table of FILLED_TABLES) {
          if ((await client.query(`select 1 from "${table}" limit 1`)).rows.length > 0) return true;
        }
        return false;
      },
      async clear() {
        await client.query(`truncate ${all}`);
      },
      async load(table, names, lines) {
        const list = names.map((name) => `"${name}"`).join(', ');
        await client.query(
          `insert into "${table}" (${list}) overriding system value
           select ${list} from json_populate_recordset(null::"${table}", $1::json)`,
          [`[${lines.join(',')}]`],
        );
      },
      async mark(environment, value) {
        await client.query(
          `insert into shared_state (environment, name, value, version, updated_ms)
           values ($1, 'restored', $2, 1, floor(extract(epoch from clock_timestamp()) * 1000)::bigint)`,
          [environment, value],
        );
      },
      async commit() {
        for (const [sequence, table, column] of SEQUENCES) {
          await client.query(`select setval(${sequence}, coalesce(max(${column}), 1), max(${column}) is not null) from ${table}`);
        }
        await client.query('commit');
        // The planner knows nothing of what came in.
        await client.query('analyze');
      },
      async rollback() {
        await client.query('rollback').catch(() => undefined);
      },
      close: () => client.end(),
    };
  } catch (error) {
    await client.end();
    throw error;
  }
}
