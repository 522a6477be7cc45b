import { type RawBuilder, type SqlBool, sql } from 'kysely';
import type { Dialect } from './engine.ts';
import type { AccessContext } from './port.ts';

/**
 * Resources of these facilities, and master data, which belongs to none. A Patient is one over all sources (by NIK), so each puskesmas
 * that registered the person may read it. `r` is the resource table.
 */
export function mayReadResource(dialect: Dialect, { facilities }: AccessContext): RawBuilder<SqlBool> {
  if (facilities === 'all') return sql`1 = 1`;
  return sql`(r.facility is null or ${dialect.inList(sql.ref('r.facility'), facilities)} or (r.type = 'Patient' and exists (
    select 1 from person p join facility f on f.code = p.facility
    where p.patient = 'Patient/' || r.id and ${dialect.inList(sql.ref('f.puskesmas'), facilities)})))`;
}

/** Of what is seen now, an older version only if it does not stem from another puskesmas. `h` is the history, `r` the resource table. */
export function mayReadVersion(dialect: Dialect, { facilities }: AccessContext): RawBuilder<SqlBool> {
  if (facilities === 'all') return sql`1 = 1`;
  return sql`(r.facility is null or h.version = r.version or h.submission is null or exists (
    select 1 from submission s
    where s.id = h.submission and s.is_current = 1 and ${dialect.inList(sql.ref('s.facility'), facilities)}))`;
}

/** Submissions of these facilities; one whose facility could not be read is seen by its sender only. `s` is the submission table. */
export function mayReadSubmission(dialect: Dialect, { facilities, client }: AccessContext): RawBuilder<SqlBool> {
  if (facilities === 'all') return sql`1 = 1`;
  return sql`(${dialect.inList(sql.ref('s.facility'), facilities)} or (s.facility is null and s.client = ${client}))`;
}
