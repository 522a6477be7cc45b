import { type RawBuilder, type SqlBool, sql } from 'kysely';
import type { Dialect } from './engine.ts';
import type { AccessContext } from './port.ts';

/** Resources of these facilities, and master data, which belongs to none. `r` is the resource table. */
export function mayReadResource(dialect: Dialect, { facilities }: AccessContext): RawBuilder<SqlBool> {
  if (facilities === 'all') return sql`1 = 1`;
  return sql`(r.facility is null or ${dialect.inList(sql.ref('r.facility'), facilities)})`;
}

/** Submissions of these facilities; one whose facility could not be read is seen by its sender only. `s` is the submission table. */
export function mayReadSubmission(dialect: Dialect, { facilities, client }: AccessContext): RawBuilder<SqlBool> {
  if (facilities === 'all') return sql`1 = 1`;
  return sql`(${dialect.inList(sql.ref('s.facility'), facilities)} or (s.facility is null and s.client = ${client}))`;
}
