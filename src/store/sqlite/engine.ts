import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Kysely, sql } from 'kysely';
import type { Engine, Writer } from '../engine.ts';
import { checksumOf, type Migration, migrationsUpTo, missingMigrations } from '../migration.ts';
import type { Database } from '../schema.ts';
import { SqliteConnection } from './connection.ts';
import { NodeSqliteDialect } from './dialect.ts';
import { initial } from './migrations/0001-initial.ts';
import { deliveryMark } from './migrations/0002-delivery-mark.ts';
import { deliveryWork } from './migrations/0003-delivery-work.ts';
import { decisions } from './migrations/0004-decisions.ts';
import { createWriter, dialect } from './transactions.ts';
import { SqliteWriter } from './writer.ts';

const MIGRATIONS = [initial, deliveryMark, deliveryWork, decisions];

/**
 * SQLite in this process. WAL with `synchronous=FULL`: a commit is on the disk when it resolves. Writes are done by a thread of their
 * own; reads here, on another connection, see the last commit while a write goes on.
 *
 * @param path file; made, with its folder, readable by its owner only
 */
export async function openSqlite(path: string): Promise<Engine> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // SQLite would create it by the umask, and gives -wal and -shm the mode of this file.
  closeSync(openSync(path, 'a', 0o600));
  const thread = new SqliteWriter(path);
  // Answers when the thread has switched the file to WAL, so that the reading connection meets it so.
  await thread.execute('select 1', []);
  const reading = new DatabaseSync(path, { timeout: 5_000 });
  reading.exec('pragma query_only = on; pragma temp_store = memory; pragma cache_size = -4096');

  const writer = new Kysely<Database>({ dialect: new NodeSqliteDialect(thread, { exclusive: true }) });
  const reader = new Kysely<Database>({ dialect: new NodeSqliteDialect(new SqliteConnection(reading), { exclusive: false }) });
  // kysely closes only what has been used.
  await sql`select 1`.execute(reader);
  await sql`select 1`.execute(writer);

  const write = <T>(work: (writer: Writer) => Promise<T>): Promise<T> =>
    writer.transaction().execute((transaction) => work(createWriter(transaction, thread)));

  return {
    name: 'sqlite',
    dialect,
    reader,
    write,
    // The connection is taken, so that no transaction of this thread is open.
    run: (name, input, texts = []) => writer.connection().execute(() => thread.work(name, input, texts)),
    worksElsewhere: true,
    ping: async () => {
      await sql`select 1`.execute(reader);
      await thread.ping();
    },
    migrate: (dryRun, upTo) => migrate(dryRun, migrationsUpTo(MIGRATIONS, upTo), reader, write, thread),
    close: async () => {
      await writer.destroy();
      await reader.destroy();
    },
  };
}

async function migrate(
  dryRun: boolean,
  migrations: readonly Migration[],
  reader: Kysely<Database>,
  write: Engine['write'],
  thread: SqliteWriter,
): Promise<readonly string[]> {
  const missing = async (db: Kysely<Database>) => {
    const table = await sql`select name from sqlite_master where type = 'table' and name = 'migration'`.execute(db);
    const rows = table.rows.length === 0 ? [] : await db.selectFrom('migration').selectAll().execute();
    return missingMigrations(migrations, new Map(rows.map((row) => [row.name, row.checksum])));
  };
  if (dryRun) return (await missing(reader)).map((migration) => migration.name);
  // Looked up again inside: `begin immediate` makes a second process wait until the first has applied them.
  return write(async ({ db }) => {
    await thread.script('create table if not exists migration (name text primary key, checksum text not null, applied_at text not null)');
    const todo = await missing(db);
    for (const migration of todo) {
      await thread.script(migration.sql);
      await sql`insert into migration (name, checksum, applied_at)
        values (${migration.name}, ${checksumOf(migration)}, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))`.execute(db);
    }
    return todo.map((migration) => migration.name);
  });
}
