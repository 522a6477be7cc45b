import { sql } from 'kysely';
import type { Engine, Writer } from './engine.ts';

/** The database's clock, epoch ms: the only one that all processes share. */
export async function databaseNow({ dialect }: Pick<Engine, 'dialect'>, db: Writer['db'] | Engine['reader']): Promise<number> {
  const { rows } = await sql<{ now: number }>`select ${dialect.nowMs} as now`.execute(db);
  return rows[0]?.now ?? Number.NaN;
}
