import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';

/** The database of a run, as whoever operates it sees it. */
export interface RunDatabase {
  readonly engine: 'sqlite' | 'postgres';
  /** What `ILP_DATABASE` takes. */
  readonly address: string;
  /** Cuts some of the connections of others, chosen by numbers in [0, 1); with SQLite there are none. */
  cut(random: () => number): Promise<number>;
  rows(sql: string): Promise<Record<string, unknown>[]>;
  remove(): Promise<void>;
}

export function createSqlite(folder: string): RunDatabase {
  const address = path.join(folder, 'ilp.sqlite');
  return {
    engine: 'sqlite',
    address,
    cut: async () => 0,
    async rows(sql) {
      const file = new DatabaseSync(address, { timeout: 5_000, readOnly: true });
      try {
        return file.prepare(sql).all() as Record<string, unknown>[];
      } finally {
        file.close();
      }
    },
    remove: async () => undefined,
  };
}

/** @param server address of a database on a server of ours, with the right to make others */
export async function createPostgres(server: string, name: string): Promise<RunDatabase> {
  const run = async (address: string, ...statements: string[]): Promise<Record<string, unknown>[]> => {
    const client = new pg.Client(address);
    client.on('error', () => undefined);
    await client.connect();
    try {
      let rows: Record<string, unknown>[] = [];
      for (const statement of statements) rows = (await client.query(statement)).rows;
      return rows;
    } finally {
      await client.end();
    }
  };
  const own = new URL(server);
  own.pathname = `/${name}`;
  await run(server, `drop database if exists ${name} with (force)`, `create database ${name}`);
  return {
    engine: 'postgres',
    address: own.href,
    async cut(random) {
      const sessions = await run(server, `select pid from pg_stat_activity where datname = '${name}' and backend_type = 'client backend'`);
      const chosen = sessions.filter(() => random() < 0.3).map(({ pid }) => Number(pid));
      if (chosen.length > 0) await run(server, `select pg_terminate_backend(pid) from unnest(array[${chosen.join(',')}]) as chosen(pid)`);
      return chosen.length;
    },
    rows: (sql) => run(own.href, sql),
    remove: async () => void (await run(server, `drop database if exists ${name} with (force)`)),
  };
}
