import { hash } from 'node:crypto';
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
    const durable = "select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'";
    client.query(durable).catch(() => undefined);
  });
  return pool;
}

/** kysely's PostgreSQL dialect; its statements are prepared by text, and texts are encoded (`text.ts`). */
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

/** PostgreSQL keeps a prepared statement until the connection ends, so only short texts with parameters, which come again, are. */
const MAX_PREPARED_LENGTH = 4_000;
const MAX_PREPARED = 300;

function wrap(client: pg.PoolClient): PostgresPoolClient {
  const names = new Map<string, string>();
  const nameOf = (text: string): string | undefined => {
    const known = names.get(text);
    if (known !== undefined || text.length > MAX_PREPARED_LENGTH || names.size >= MAX_PREPARED) return known;
    const name = hash('sha256', text, 'base64url');
    names.set(text, name);
    return name;
  };
  const query = async (text: string, parameters: readonly unknown[]) => {
    const values = parameters.map(encode);
    const name = values.length === 0 ? undefined : nameOf(text);
    const result = await client.query({ text, values, ...(name !== undefined && { name }) });
    // A text of several statements has several results; none of ours is read then.
    if (!Array.isArray(result)) for (const row of result.rows) decodeRow(row);
    return result as unknown as PostgresQueryResult<unknown>;
  };
  return {
    query,
    release: (destroy) => client.release(destroy),
  } as PostgresPoolClient;
}

function encode(value: unknown): unknown {
  if (typeof value === 'string') return encodeText(value);
  return Array.isArray(value) ? value.map(encode) : value;
}
