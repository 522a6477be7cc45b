import { copyFileSync, existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';

/** The database of a run, as whoever operates it sees it: a copy is taken, put back, and connections are cut. */
export interface RunDatabase {
  readonly engine: 'sqlite' | 'postgres';
  /** What `ILP_DATABASE` takes. */
  readonly address: string;
  /** Whether a copy can only be taken while nobody is connected. */
  readonly backupNeedsRest: boolean;
  backup(): Promise<void>;
  /** Nobody may be connected. */
  restore(): Promise<void>;
  /** Cuts some of the connections of others, chosen by numbers in [0, 1); with SQLite there are none. */
  cut(random: () => number): Promise<number>;
  rows(sql: string): Promise<Record<string, unknown>[]>;
  remove(): Promise<void>;
}

export function createSqlite(folder: string): RunDatabase {
  const address = path.join(folder, 'ilp.sqlite');
  const copy = path.join(folder, 'backup.sqlite');
  const read = <T>(work: (file: DatabaseSync) => T): T => {
    const file = new DatabaseSync(address, { timeout: 5_000 });
    try {
      return work(file);
    } finally {
      file.close();
    }
  };
  return {
    engine: 'sqlite',
    address,
    backupNeedsRest: false,
    async backup() {
      rmSync(copy, { force: true });
      read((file) => file.prepare('vacuum into ?').run(copy));
    },
    async restore() {
      if (!existsSync(copy)) throw new Error('no backup was taken');
      for (const end of ['', '-wal', '-shm']) rmSync(`${address}${end}`, { force: true });
      copyFileSync(copy, address);
    },
    cut: async () => 0,
    rows: async (sql) => read((file) => file.prepare(sql).all() as Record<string, unknown>[]),
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
  const alone = `select pg_terminate_backend(pid) from pg_stat_activity where datname in ('${name}', '${name}_copy')`;
  const own = new URL(server);
  own.pathname = `/${name}`;
  await run(server, `create database ${name}`);
  return {
    engine: 'postgres',
    address: own.href,
    backupNeedsRest: true,
    backup: async () =>
      void (await run(server, alone, `drop database if exists ${name}_copy`, `create database ${name}_copy template ${name}`)),
    restore: async () => void (await run(server, alone, `drop database ${name}`, `create database ${name} template ${name}_copy`)),
    async cut(random) {
      const sessions = await run(server, `select pid from pg_stat_activity where datname = '${name}' and backend_type = 'client backend'`);
      const chosen = sessions.filter(() => random() < 0.3).map(({ pid }) => Number(pid));
      if (chosen.length > 0) await run(server, `select pg_terminate_backend(pid) from unnest(array[${chosen.join(',')}]) as chosen(pid)`);
      return chosen.length;
    },
    rows: (sql) => run(own.href, sql),
    remove: async () => void (await run(server, alone, `drop database if exists ${name}`, `drop database if exists ${name}_copy`)),
  };
}
