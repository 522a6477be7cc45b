import { sql } from 'kysely';
import { type Issue, issue, type Reason, type State } from '../errors/index.ts';
import { databaseNow } from './database-now.ts';
import { type EventRow, writeEvents } from './delivery-events.ts';
import type { Engine, Writer } from './engine.ts';
import { instant } from './rows.ts';
import { createSequence, type SubmissionState, writeSubmissionStates } from './submissions.ts';

type EngineDialect = Pick<Engine, 'dialect'>;

/** Levels of the tree below a unit, and of what waits for a visit. */
const MAX_DEPTH = 8;
const BLOCKED = 'dependency-blocked';

interface Waiting {
  readonly id: number;
  readonly kind: string;
  readonly reason: string | null;
  readonly issues: string;
  readonly submission: string | null;
  readonly submission_version: number | null;
}

/**
 * What waits for a delivery that stopped (failed, held or cancelled) says so and names it, instead of looking merely late: all that
 * depends on it, directly or through others. What need not wait for one any more says that no longer. States stay: it goes on by itself
 * once the other is completed. One whose own answer is lost must keep saying that.
 *
 * @param ids those whose standing changed, or that of what they depend on
 */
export async function tellDependants(engine: EngineDialect, writer: Writer, ids: readonly number[]): Promise<void> {
  const { dialect } = engine;
  const { db } = writer;
  const events: EventRow[] = [];
  const submissions: SubmissionState[] = [];
  let level = ids;
  let at = '';
  for (let depth = 0; depth < MAX_DEPTH && level.length > 0; depth += 1) {
    const waiting = await sql<Waiting>`
      select id, kind, reason, issues, submission, submission_version from delivery
      where ${dialect.inList(sql.ref('id'), level)} and state = 'ready' and sent_at is null
        and (dependency > 0 or reason = 'dependency')`.execute(db);
    if (waiting.rows.length === 0) break;
    at ||= instant(await databaseNow(engine, db));
    const causes = await causesOf(
      engine,
      writer,
      waiting.rows.map(({ id }) => id),
    );
    const told = new Map<string, { ids: number[]; reason: 'dependency' | null }>();
    for (const row of waiting.rows) {
      const cause = causes.get(row.id);
      const wasTold = row.reason === 'dependency' && isBlocked(row.issues);
      if (cause === undefined ? !wasTold : wasTold && row.issues === cause) continue;
      const reason = cause === undefined ? null : 'dependency';
      const issues = cause ?? '[]';
      const same = told.get(issues) ?? { ids: [], reason };
      same.ids.push(row.id);
      told.set(issues, same);
      events.push({ delivery: row.id, at, actor: 'sync', action: 'dependency', from: 'ready', to: 'ready', reason, rule: null });
      if (row.kind !== 'encounter' || row.submission === null || row.submission_version === null) continue;
      const stage = reason ?? 'released';
      submissions.push({
        id: row.submission,
        version: row.submission_version,
        state: 'ready',
        reason,
        issues: JSON.parse(issues),
        at,
        stage,
      });
    }
    const moved: number[] = [];
    for (const [issues, { ids: same, reason }] of told) {
      await db
        .updateTable('delivery')
        .set({ reason, issues, rule: null })
        .where(dialect.inList(sql.ref('id'), same))
        .execute();
      moved.push(...same);
    }
    if (moved.length === 0) break;
    const next = await sql<{ id: number }>`
      select distinct dd.delivery as id
      from delivery c join delivery_dependency dd on dd.environment = c.environment and dd.needs = c.delivery_key
      where ${dialect.inList(sql.ref('c.id'), moved)}`.execute(db);
    level = next.rows.map(({ id }) => id);
  }
  if (events.length === 0) return;
  await writeEvents(writer, events);
  const told = await stillReady(engine, writer, submissions);
  if (told.length > 0) await writeSubmissionStates(engine, writer, told, await createSequence(writer));
}

/** Id → what is to be said of it, as JSON: the first that stopped, else what the first that waits for such a one says. */
async function causesOf({ dialect }: EngineDialect, { db }: Writer, ids: readonly number[]): Promise<ReadonlyMap<number, string>> {
  const { rows } = await sql<{ id: number; key: string; state: State; reason: Reason | null; issues: string }>`
    select dd.delivery as id, n.delivery_key as key, n.state, n.reason, n.issues
    from delivery_dependency dd join delivery n on n.environment = dd.environment and n.delivery_key = dd.needs
    where ${dialect.inList(sql.ref('dd.delivery'), ids)}
      and (n.state in ('failed', 'on-hold', 'cancelled') or (n.state = 'ready' and n.reason = 'dependency'))
    order by n.id`.execute(db);
  const stopped = rows.filter(({ state }) => state !== 'ready');
  const waiting = rows.filter(({ state, issues }) => state === 'ready' && isBlocked(issues));
  const causes = new Map<number, string>();
  for (const { id, issues } of waiting) if (!causes.has(id)) causes.set(id, issues);
  for (const { id, key, state, reason } of stopped.toReversed()) {
    causes.set(id, JSON.stringify([issue(BLOCKED, { delivery: key, state, reason: reason ?? '-' })]));
  }
  return causes;
}

const isBlocked = (issues: string): boolean => (JSON.parse(issues) as Issue[])[0]?.code === BLOCKED;

/** Of the current versions, those that a person or a newer verdict has not stopped meanwhile. */
async function stillReady(
  { dialect }: EngineDialect,
  { db }: Writer,
  states: readonly SubmissionState[],
): Promise<readonly SubmissionState[]> {
  if (states.length === 0) return [];
  const rows = await db
    .selectFrom('submission')
    .select(['id', 'version', 'reason'])
    .where(
      dialect.inList(
        sql.ref('id'),
        states.map(({ id }) => id),
      ),
    )
    .where('is_current', '=', 1)
    .where('state', '=', 'ready')
    .execute();
  const current = new Map(rows.map((row) => [`${row.id}/${row.version}`, row]));
  return states.filter(({ id, version, reason }) => {
    const row = current.get(`${id}/${version}`);
    // Another may have said why it waits; that is not taken back here.
    return row !== undefined && (reason !== null || row.reason === 'dependency');
  });
}
