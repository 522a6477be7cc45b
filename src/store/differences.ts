import { sql } from 'kysely';
import type { Engine, Value, Writer } from './engine.ts';
import type { Difference, DifferenceQuery, DifferenceWrite, Store } from './port.ts';

const LIMIT = 100;

/** See the port. */
export async function putDifferences(writer: Writer, differences: readonly DifferenceWrite[]): Promise<void> {
  const byKey = new Map(differences.map((row) => [`${row.environment} ${row.reference} ${row.kind}`, row]));
  await writer.insert(
    'difference',
    ['environment', 'reference', 'kind', 'platform_id', 'found_at', 'run', 'resolved_at', 'owner'],
    [...byKey.keys()].sort().map((key): Value[] => {
      const row = byKey.get(key) as DifferenceWrite;
      return [row.environment, row.reference, row.kind, row.platformId, row.foundAt, row.run, null, row.owner];
    }),
    { key: ['environment', 'reference', 'kind'], update: ['platform_id', 'run', 'resolved_at', 'owner'] },
  );
}

/** See the port. */
export async function readDifferences({ dialect, reader }: Engine, query: DifferenceQuery): Promise<readonly Difference[]> {
  const { environment, kinds, owners, run, references, open, after, limit = LIMIT } = query;
  const conditions = [
    sql`environment = ${environment}`,
    ...(kinds === undefined ? [] : [dialect.inList(sql.ref('kind'), kinds)]),
    ...(owners === undefined ? [] : [dialect.inList(sql.ref('owner'), owners)]),
    ...(run === undefined ? [] : [sql`run = ${run}`]),
    ...(references === undefined ? [] : [dialect.inList(sql.ref('reference'), references)]),
    ...(open === undefined ? [] : [open ? sql`resolved_at is null` : sql`resolved_at is not null`]),
    ...(after === undefined ? [] : [sql`(reference, kind) > (${after.reference}, ${after.kind})`]),
  ];
  const { rows } = await sql<{
    environment: string;
    reference: string;
    kind: Difference['kind'];
    platform_id: string | null;
    found_at: string;
    run: string;
    resolved_at: string | null;
    owner: string | null;
  }>`select * from difference where ${sql.join(conditions, sql` and `)} order by reference, kind limit ${limit}`.execute(reader);
  return rows.map((row) => ({
    environment: row.environment,
    reference: row.reference,
    kind: row.kind,
    platformId: row.platform_id,
    foundAt: row.found_at,
    run: row.run,
    resolvedAt: row.resolved_at,
    owner: row.owner,
  }));
}

/** See the port. */
export async function resolveDifferences(
  { dialect }: Engine,
  { db }: Writer,
  { environment, references, kinds, exceptRun, at }: Parameters<Store['resolveDifferences']>[0],
): Promise<number> {
  const { numUpdatedRows } = await db
    .updateTable('difference')
    .set({ resolved_at: at })
    .where('environment', '=', environment)
    .where('resolved_at', 'is', null)
    .$if(references !== undefined, (query) => query.where(dialect.inList(sql.ref('reference'), references ?? [])))
    .$if(kinds !== undefined, (query) => query.where(dialect.inList(sql.ref('kind'), kinds ?? [])))
    .$if(exceptRun !== undefined, (query) => query.where('run', '<>', exceptRun as string))
    .executeTakeFirst();
  return Number(numUpdatedRows);
}
