import { PostgresDialect, type PostgresPoolClient, type PostgresQueryResult } from 'kysely';
import pg from 'pg';
import { decodeRow, encodeText } from '../text.ts';

/** A pool of connections that gives back numbers for bigint and count (all of ours are below 2^53). */
export function createPool(url: string): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: 'ilp-fhir',
    max: 10,
    connectionTimeoutMillis: 5_000,
    types: {
      getTypeParser: (oid: number, format?: 'text' | 'binary') =>
        oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format as 'text'),
    } as pg.CustomTypesConfig,
  });
  // Without a listener a connection that breaks while idle ends the process.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => {
    client.on('error', () => undefined);
    // A receipt is a promise that the record is on the disk, so a server that answers before its log is written is overruled.
    // Every statement is made for an index, whatever a table's statistics, which lag behind when much is taken in, say.
    // They are short, too, so compiling them costs more than running them.
    const session = `select set_config('enable_seqscan', 'off', false), set_config('jit', 'off', false),
      case when current_setting('synchronous_commit') = 'off' then set_config('synchronous_commit', 'on', false) end`;
    client.query(session).catch(() => undefined);
  });
  return pool;
}

/** kysely's PostgreSQL dialect, with texts encoded (`text.ts`). */
export function createDialect(pool: pg.Pool): PostgresDialect {
  const wrapped = new WeakMap<pg.PoolClient, PostgresPoolClient>();
  return new PostgresDialect({
    pool: {
      options: pool.options,
      end: () => pool.end(),
      connect: async () => {
        const client = await pool.connect();
        const known = wrapped.get(client) ?? wrap(client);
        wrapped.set(client, known);
        return known;
      },
    },
  });
}

/**
 * Statements are not prepared by name: a plan that PostgreSQL keeps from when a table was empty would be used for hours on a full one,
 * and a pooler between us and the server could not share its connections.
 */
function wrap(client: pg.PoolClient): PostgresPoolClient {
  const query = async (text: string, parameters: readonly unknown[]) => {
    const result = await client.query(text, parameters.map(encode));
    // A text of several statements has several results; none of ours is read then.
    if (!Array.isArray(result)) for (const row of result.rows) decodeRow(row);
    return result as unknown as PostgresQueryResult<unknown>;
  };
  return { query, release: (destroy) => client.release(destroy) } as PostgresPoolClient;
}

function encode(value: unknown): unknown {
  if (typeof value === 'string') return encodeText(value);
  return Array.isArray(value) ? value.map(encode) : value;
}
