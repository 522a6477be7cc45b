import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { openStore } from '../../src/store/index.ts';
import { SqliteConnection } from '../../src/store/sqlite/connection.ts';
import { openSqlite } from '../../src/store/sqlite/engine.ts';
import { SqliteWriter } from '../../src/store/sqlite/writer.ts';
import { createStore } from '../../src/store/store.ts';
import { doWork } from '../../src/store/works.ts';
import { register, runService, visit } from '../http/running-service.ts';
import { createRig } from '../sync/rig.ts';

/** Tables that grow with the records of a district. */
const GROWING =
  'delivery|delivery_event|delivery_dependency|submission|resource|resource_history|search_\\w+|person|audit|difference|rejected\\w*';
const file = path.join(tmpdir(), `ilp-plans-${process.pid}.sqlite`);
afterAll(() => rmSync(file, { force: true }));

describe('what SQLite is asked for each record', () => {
  it('reads by key, not over all that waits or is stored', async () => {
    const asked = new Map<string, readonly SQLInputValue[]>();
    for (const place of [SqliteConnection, SqliteWriter]) {
      const prototype = place.prototype as unknown as { execute: (sql: string, values: readonly SQLInputValue[]) => unknown };
      const { execute } = prototype;
      vi.spyOn(prototype, 'execute').mockImplementation(function (this: unknown, sql, values) {
        asked.set(sql, values);
        return execute.call(this, sql, values);
      });
    }
    await intakeOnce();
    await deliverOnce();
    vi.restoreAllMocks();

    await openStore(file).then(async (store) => {
      await store.migrate();
      await store.close();
    });
    const database = new DatabaseSync(file);
    const slow: string[] = [];
    let planned = 0;
    for (const [sql, values] of asked) {
      if (!/^\s*(with|select|insert|update|delete)\b/i.test(sql)) continue;
      // With the values: whether an index over part of a table may be taken can depend on them.
      const steps = database.prepare(`explain query plan ${sql}`).all(...values) as { detail: string }[];
      planned += 1;
      const over = steps.map(({ detail }) => detail).filter((detail) => readsAll(detail, sql));
      if (over.length > 0) slow.push(`${over.join('; ')} <- ${sql.replace(/\s+/g, ' ').trim()}`);
    }
    database.close();
    expect(planned).toBeGreaterThan(40);
    expect(slow).toEqual([]);
  });
});

/** A whole table, or all rows of a state: `delivery_group` is for the pages of the dead letters, and for counts every few seconds. */
const readsAll = (detail: string, sql: string): boolean =>
  new RegExp(`^SCAN (${GROWING})\\b`).test(detail) ||
  / USING INDEX delivery_group/.test(detail) ||
  (/ USING COVERING INDEX delivery_group/.test(detail) && !sql.includes(' group by '));

async function intakeOnce(): Promise<void> {
  const running = await runService();
  try {
    const key = await running.client('dinas');
    await register(running, key);
    for (const weight of [52, 53])
      await running.post('encounters', visit('A-1', { vitals: { systolic: 120, diastolic: 80, weight } }), key);
    await running.post('encounters', visit('A-2', { person: { nik: 'wrong' } }), key);
  } finally {
    await running.stop();
  }
}

/** What the writing thread does on its own is asked from this one, where it can be seen. */
async function openHere(database: string) {
  const engine = await openSqlite(database);
  return createStore({ ...engine, run: (name, input, texts = []) => engine.write((writer) => doWork(name, engine, writer, input, texts)) });
}

async function deliverOnce(): Promise<void> {
  const rig = await createRig({ openStore: openHere });
  try {
    await rig.register();
    await rig.receive({ record: 'A-1', person: 1 });
    await rig.receive({ record: 'A-1', person: 1 }, 2);
    const worker = rig.startWorker('plans');
    await worker.drain();
  } finally {
    await rig.close();
  }
}
