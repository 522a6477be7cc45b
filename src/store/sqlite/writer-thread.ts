import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { SqliteConnection } from './connection.ts';
import type { Answer, Request } from './writer.ts';

/*
 * The thread that writes. A commit waits for the disk, on a slow one for tenths of a second; here that keeps no request waiting.
 */
const database = new DatabaseSync(workerData as string, { timeout: 10_000 });
database.exec('pragma journal_mode = wal; pragma synchronous = full; pragma temp_store = memory; pragma cache_size = -6144');
// A batch of visits is some thousand pages. At SQLite's 1,000 nearly every commit would copy the log into the database.
database.exec('pragma wal_autocheckpoint = 8000; pragma journal_size_limit = 67108864');
const connection = new SqliteConnection(database);

parentPort?.on('message', ({ id, call, sql, rows }: Request) => {
  let answer: Answer;
  try {
    answer = { id, result: perform(call, sql, rows) };
  } catch (error) {
    const { message, code, errcode } = error as Error & { code?: string; errcode?: number };
    answer = { id, error: { message, code, errcode } };
  }
  parentPort?.postMessage(answer);
  // After the answer: a closed port carries nothing more.
  if (call === 'close') parentPort?.close();
});

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
    case 'close':
      connection.close();
      return undefined;
  }
}
