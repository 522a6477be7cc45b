import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, describe, inject } from 'vitest';
import { openStore, type Store } from '../../src/store/index.ts';

export interface TestEngine {
  readonly name: 'sqlite' | 'postgres';
  /** What `openStore` takes: a file or an address; always a database that did not exist before. */
  createDatabase(): Promise<string>;
  /** A store on a fresh, migrated database. Closed after the file's tests. */
  openFresh(): Promise<Store>;
}

type CleanUp = () => Promise<void> | void;

/** Runs a suite on SQLite and on a real PostgreSQL. */
export function forEachEngine(suite: (engine: TestEngine) => void): void {
  for (const name of ['sqlite', 'postgres'] as const) describe(name, () => suite(createEngine(name)));
}

/** Alone, for suites that need a store but not both engines. Call it inside `describe` or at the top of a file. */
export function createEngine(name: TestEngine['name']): TestEngine {
  const stores: Store[] = [];
  const cleanUps: CleanUp[] = [];
  afterAll(async () => {
    for (const store of stores) await store.close().catch(() => undefined);
    for (const cleanUp of cleanUps) await cleanUp();
  });
  const createDatabase = () => (name === 'sqlite' ? createFile(cleanUps) : createPostgresDatabase(cleanUps));
  return {
    name,
    createDatabase,
    async openFresh() {
      const store = await openStore(await createDatabase());
      stores.push(store);
      await store.migrate();
      return store;
    },
  };
}

async function createFile(cleanUps: CleanUp[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'ilp-store-'));
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'data', 'ilp.sqlite');
}

async function createPostgresDatabase(cleanUps: CleanUp[]): Promise<string> {
  const response = await fetch(inject('postgresStarter'));
  const url = await response.text();
  if (!response.ok) throw new Error(url);
  const name = `t${randomUUID().replaceAll('-', '')}`;
  const run = async (sql: string) => {
    const client = new pg.Client(url);
    await client.connect();
    await client.query(sql);
    await client.end();
  };
  await run(`create database ${name}`);
  cleanUps.push(() => run(`drop database if exists ${name} with (force)`));
  const own = new URL(url);
  own.pathname = `/${name}`;
  return own.href;
}
