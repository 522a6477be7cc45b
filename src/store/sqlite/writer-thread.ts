import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import type { Database } from '../schema.ts';
import type { WorkInput, WorkName } from '../works.ts';
import { SqliteConnection } from './connection.ts';
import type { Answer, Fault, Request } from './writer.ts';

/*
 * The thread that writes. A commit waits for the disk, on a slow one for tenths of a second; here that keeps no request waiting.
 */
const database = new DatabaseSync(workerData as string, { timeout: 10_000 });
database.exec('pragma journal_mode = wal; pragma synchronous = full; pragma temp_store = memory; pragma cache_size = -6144');
// A batch of visits is some thousand pages. At SQLite's 1,000 nearly every commit would copy the log into the database.
database.exec('pragma wal_autocheckpoint = 8000; pragma journal_size_limit = 67108864');
const connection = new SqliteConnection(database);

let works: ReturnType<typeof openWorks> | undefined;

parentPort?.on('message', (request: Request) => {
  if (request.call === 'work') void work(request).then(answer, (error: Error) => answer({ id: request.id, error: faultOf(error) }));
  else answer(performed(request));
  // After the answer: a closed port carries nothing more.
  if (request.call === 'close') parentPort?.close();
});

const answer = (given: Answer): void => parentPort?.postMessage(given);

function performed({ id, call, sql, rows }: Request): Answer {
  try {
    return { id, result: perform(call, sql, rows) };
  } catch (error) {
    return { id, error: faultOf(error as Error) };
  }
}

function perform(call: Request['call'], sql: string, rows: Request['rows']) {
  switch (call) {
    case 'execute':
      return connection.execute(sql, rows[0] ?? []);
    case 'executeMany':
      connection.executeMany(sql, rows);
      return undefined;
    case 'script':
      connection.script(sql);
      return undefined;
    case 'rollback':
      connection.rollback();
      return undefined;
    default:
      connection.close();
      return undefined;
  }
}

/** A transaction from begin to commit. It waits for nothing but its own steps, so nothing comes between them. */
async function work({ id, sql: name, input, texts = [] }: Request): Promise<Answer> {
  works ??= openWorks();
  const { db, createWriter, dialect, doWork } = await works;
  const result = await db
    .transaction()
    .execute((transaction) =>
      doWork(
        name as WorkName,
        { dialect },
        createWriter(transaction, connection),
        JSON.parse(input ?? 'null') as WorkInput<WorkName>,
        texts,
      ),
    );
  return { id, result: JSON.stringify(result) };
}

async function openWorks() {
  const { Kysely } = await import('kysely');
  const { NodeSqliteDialect } = await import('./dialect.ts');
  const { createWriter, dialect } = await import('./transactions.ts');
  const { doWork } = await import('../works.ts');
  const db = new Kysely<Database>({ dialect: new NodeSqliteDialect(connection, { exclusive: true }) });
  return { db, createWriter, dialect, doWork };
}

function faultOf({ name, message, code, errcode }: Error & { code?: string; errcode?: number }): Fault {
  return { name, message, code, errcode };
}
