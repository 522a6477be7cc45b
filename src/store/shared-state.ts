import { sql } from 'kysely';
import { databaseNow } from './database-now.ts';
import type { Engine, Writer } from './engine.ts';
import type { SharedEntry } from './port.ts';
import { instant } from './rows.ts';

/** See the port. */
export async function readShared(
  engine: Pick<Engine, 'dialect' | 'reader'>,
  environment: string,
  names?: readonly string[],
): Promise<{ nowMs: number; entries: readonly SharedEntry[] }> {
  const { dialect, reader } = engine;
  const chosen = names === undefined ? sql`1 = 1` : dialect.inList(sql.ref('name'), names);
  const { rows } = await sql<{ name: string; value: string; version: number; updated_ms: number; now: number }>`
    select name, value, version, updated_ms, ${dialect.nowMs} as now from shared_state
    where environment = ${environment} and value is not null and ${chosen} order by name`.execute(reader);
  return {
    nowMs: rows[0]?.now ?? (await databaseNow(engine, reader)),
    entries: rows.map((row) => ({ name: row.name, value: row.value, version: row.version, updatedAt: instant(row.updated_ms) })),
  };
}

/** See the port. One statement that finds the row as it expects it or does nothing: of two writers one succeeds. */
export async function putShared(
  { dialect }: Pick<Engine, 'dialect'>,
  { db }: Writer,
  environment: string,
  name: string,
  value: string | null,
  expected: number | null,
): Promise<boolean> {
  if (expected !== null) {
    const { rows } = await sql`
      update shared_state set value = ${value}, version = version + 1, updated_ms = ${dialect.nowMs}
      where environment = ${environment} and name = ${name} and version = ${expected} and value is not null
      returning version`.execute(db);
    return rows.length > 0;
  }
  if (value === null) {
    const { rows } = await sql`
      select version from shared_state
      where environment = ${environment} and name = ${name} and value is not null`.execute(db);
    return rows.length === 0;
  }
  const { rows } = await sql`
    insert into shared_state (environment, name, value, version, updated_ms) values (${environment}, ${name}, ${value}, 1, ${dialect.nowMs})
    on conflict (environment, name) do update
      set value = excluded.value, version = shared_state.version + 1, updated_ms = excluded.updated_ms
      where shared_state.value is null
    returning version`.execute(db);
  return rows.length > 0;
}
