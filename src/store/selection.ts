import { type RawBuilder, type SqlBool, sql } from 'kysely';
import type { Reason, State } from '../errors/index.ts';
import { databaseNow } from './database-now.ts';
import { ISSUES_IF_SENT, REASON_IF_SENT, refreshStandings } from './deliveries.ts';
import { mayReadDelivery, writeEvents } from './delivery-events.ts';
import { tellDependants } from './dependants.ts';
import type { Engine, Writer } from './engine.ts';
import type { AccessContext, Delivery, DeliveryAct, DeliveryActResult, DeliveryGroup, DeliverySelection, LeftReason } from './port.ts';
import { instant, milliseconds, toDelivery } from './rows.ts';
import type { DeliveryTable } from './schema.ts';
import { createSequence, type SubmissionState, writeSubmissionStates } from './submissions.ts';

/** What a selection and the rights of who asks mean in SQL. */
function isSelected(engine: Pick<Engine, 'dialect'>, context: AccessContext, selection: DeliverySelection): RawBuilder<SqlBool> {
  const { dialect } = engine;
  const { environment, states, reasons, rule, kind, owner, facility, from, to, keys, submissionId } = selection;
  const conditions = [
    sql`delivery.environment = ${environment}`,
    mayReadDelivery(engine, context),
    ...(states === undefined ? [] : [dialect.inList(sql.ref('delivery.state'), states)]),
    ...(reasons === undefined ? [] : [dialect.inList(sql.ref('delivery.reason'), reasons)]),
    ...(rule === undefined ? [] : [sql`delivery.rule = ${rule}`]),
    ...(kind === undefined ? [] : [sql`delivery.kind = ${kind}`]),
    ...(owner === undefined ? [] : [sql`delivery.owner = ${owner}`]),
    ...(from === undefined ? [] : [sql`delivery.received_ms >= ${milliseconds(from)}`]),
    ...(to === undefined ? [] : [sql`delivery.received_ms < ${milliseconds(to)}`]),
    ...(keys === undefined ? [] : [dialect.inList(sql.ref('delivery.delivery_key'), keys)]),
    ...(submissionId === undefined ? [] : [sql`delivery.submission = ${submissionId}`]),
    ...(facility === undefined ? [] : [isOfFacility(facility)]),
  ];
  return sql<SqlBool>`${sql.join(conditions, sql` and `)}`;
}

/** A visit depends on the deliveries of the unit where it took place. */
const isOfFacility = (code: string) => sql`(delivery.owner = ${code}
  or delivery.delivery_key in (
    select 'location:' || f.location from facility f where f.code = ${code}
    union all select 'organization:' || f.organization from facility f where f.code = ${code})
  or exists (
    select 1 from delivery_dependency dd join facility f
      on f.code = ${code} and dd.needs in ('location:' || f.location, 'organization:' || f.organization)
    where dd.delivery = delivery.id))`;

/** See the port. */
export async function deliveryPage(
  engine: Engine,
  context: AccessContext,
  selection: DeliverySelection,
  { after = 0, limit }: { after?: number; limit: number },
): Promise<{ deliveries: readonly Delivery[]; next?: number }> {
  const { rows } = await sql<DeliveryTable>`
    select delivery.* from delivery
    where ${isSelected(engine, context, selection)} and delivery.id > ${after} order by delivery.id limit ${limit + 1}`.execute(
    engine.reader,
  );
  const deliveries = rows.slice(0, limit).map(toDelivery);
  const last = deliveries.at(-1);
  return { deliveries, ...(rows.length > limit && last && { next: last.id }) };
}

/** See the port. */
export async function deliveryGroups(engine: Engine, context: AccessContext, environment: string): Promise<readonly DeliveryGroup[]> {
  const { rows } = await sql<Omit<DeliveryGroup, 'oldest'> & { oldest: number }>`
    select state, reason, rule, kind, owner, count(*) as count, min(received_ms) as oldest from delivery
    where environment = ${environment} and ${mayReadDelivery(engine, context)}
    group by state, reason, rule, kind, owner order by state, reason, rule, kind, owner`.execute(engine.reader);
  return rows.map(({ oldest, ...row }) => ({ ...row, oldest: instant(oldest) }));
}

export type Selected = Pick<
  DeliveryTable,
  'id' | 'delivery_key' | 'kind' | 'state' | 'reason' | 'rule' | 'sent_at' | 'submission' | 'submission_version' | 'resources' | 'issues'
>;

/** Holds that sending again cannot end: the record behind them is not complete. */
const NEEDS_MENDING: readonly (string | null)[] = [
  'validation-pending',
  'unmapped-code',
  'reason-code-missing',
  'time-missing',
] satisfies Reason[];

/** Why a retry leaves it. */
function retryLeaves({ state, reason }: Selected): LeftReason | undefined {
  if (state === 'in-progress' || state === 'completed') return state;
  if (state === 'cancelled') return reason === 'dismissed' ? undefined : 'withdrawn';
  return NEEDS_MENDING.includes(reason) ? 'needs-mending' : undefined;
}

/** Why a cancellation leaves it: what may be on the platform would stay there, and nobody would look for it any more. */
function cancelLeaves({ state, sent_at }: Selected): LeftReason | undefined {
  if (state === 'in-progress' || state === 'completed' || state === 'cancelled') return state;
  return sent_at === null ? undefined : 'outcome-unknown';
}

/** See the port. */
export async function retryDeliveries(
  engine: Engine,
  writer: Writer,
  context: AccessContext,
  selection: DeliverySelection,
  act: DeliveryAct,
): Promise<DeliveryActResult> {
  const { chosen, result } = await choose(engine, writer, context, selection, retryLeaves);
  if (chosen.length > 0 && !act.dryRun) await reopen(engine, writer, chosen, act, 'retried');
  return result;
}

/** What was chosen becomes ready, due now, with no tries counted; one that may be on the platform keeps its mark. */
export async function reopen(engine: Engine, writer: Writer, chosen: readonly Selected[], act: DeliveryAct, action: string): Promise<void> {
  const { db } = writer;
  const ids = chosen.map(({ id }) => id);
  await db
    .updateTable('delivery')
    .set({
      state: 'ready',
      reason: REASON_IF_SENT,
      issues: ISSUES_IF_SENT,
      rule: null,
      attempts: 0,
      due_ms: await databaseNow(engine, db),
      updated_at: act.at,
    })
    .where(engine.dialect.inList(sql.ref('id'), ids))
    .execute();
  await tell(
    writer,
    chosen.map((row) => ({ row, to: 'ready', reason: row.sent_at === null ? null : 'outcome-unknown' })),
    action,
    act,
  );
  const affected = await refreshStandings(engine, writer, ids);
  await moveSubmissions(engine, writer, chosen, (_all) => ({ state: 'ready', reason: null, stage: 'retried' }), act.at);
  await tellDependants(engine, writer, affected);
}

/** See the port. */
export async function cancelDeliveries(
  engine: Engine,
  writer: Writer,
  context: AccessContext,
  selection: DeliverySelection,
  act: DeliveryAct,
): Promise<DeliveryActResult> {
  const { chosen, result } = await choose(engine, writer, context, selection, cancelLeaves);
  if (chosen.length === 0 || act.dryRun) return result;
  const ids = chosen.map(({ id }) => id);
  await writer.db
    .updateTable('delivery')
    .set({ state: 'cancelled', reason: 'dismissed', updated_at: act.at })
    .where(engine.dialect.inList(sql.ref('id'), ids))
    .execute();
  await tell(
    writer,
    chosen.map((row) => ({ row, to: 'cancelled', reason: 'dismissed' })),
    'cancelled',
    act,
  );
  const affected = await refreshStandings(engine, writer, ids);
  await moveSubmissions(engine, writer, chosen, afterCancellation, act.at);
  await tellDependants(engine, writer, affected);
  return result;
}

/** A record of several deliveries is cancelled with its visit, or with the last of them; else the others decide. */
function afterCancellation(
  all: readonly { kind: string; state: string }[],
): Pick<SubmissionState, 'state' | 'reason' | 'stage'> | undefined {
  const cancelled = { state: 'cancelled', reason: 'dismissed', stage: 'cancelled' } as const;
  if (all.some(({ kind, state }) => kind === 'encounter' && state === 'cancelled')) return cancelled;
  if (all.every(({ state }) => state === 'cancelled')) return cancelled;
  if (all.every(({ state }) => state === 'cancelled' || state === 'completed'))
    return { state: 'completed', reason: null, stage: 'delivered' };
  return undefined;
}

/** Locks the selected ones, so that what is decided about each still holds when it is written. */
export async function choose(
  engine: Engine,
  writer: Writer,
  context: AccessContext,
  selection: DeliverySelection,
  leaves: (row: Selected) => LeftReason | undefined | Promise<LeftReason | undefined>,
): Promise<{ chosen: readonly Selected[]; result: DeliveryActResult }> {
  await writer.lockOrder();
  const { rows } = await sql<Selected>`
    select id, delivery_key, kind, state, reason, rule, sent_at, submission, submission_version, resources, issues from delivery
    where ${isSelected(engine, context, selection)} order by id ${engine.dialect.locksRows ? sql`for update` : sql``}`.execute(writer.db);
  const chosen: Selected[] = [];
  const left: { key: string; state: State; why: LeftReason }[] = [];
  for (const row of rows) {
    const why = await leaves(row);
    if (why === undefined) chosen.push(row);
    else left.push({ key: row.delivery_key, state: row.state as State, why });
  }
  return { chosen, result: { selected: rows.length, released: chosen.length, left } };
}

const tell = (
  writer: Writer,
  steps: readonly { row: Selected; to: State; reason: Reason | null }[],
  action: string,
  { actor, at, note }: DeliveryAct,
): Promise<void> =>
  writeEvents(
    writer,
    steps.map(({ row, to, reason }) => ({
      delivery: row.id,
      at,
      actor,
      action,
      from: row.state,
      to,
      reason,
      rule: null,
      note: note ?? null,
    })),
  );

/** The submissions whose current version these deliveries send. */
async function moveSubmissions(
  { dialect }: Engine,
  writer: Writer,
  moved: readonly Selected[],
  stateOf: (all: readonly { kind: string; state: string }[]) => Pick<SubmissionState, 'state' | 'reason' | 'stage'> | undefined,
  at: string,
): Promise<void> {
  const { db } = writer;
  const ids = [...new Set(moved.flatMap((row) => row.submission ?? []))];
  if (ids.length === 0) return;
  const current = await db
    .selectFrom('submission')
    .select(['id', 'version', 'state', 'reason'])
    .where(dialect.inList(sql.ref('id'), ids))
    .where('is_current', '=', 1)
    .execute();
  const siblings = await db
    .selectFrom('delivery')
    .select(['submission', 'submission_version', 'kind', 'state'])
    .where(dialect.inList(sql.ref('submission'), ids))
    .where('submission', 'is not', null)
    .execute();
  const bySubmission = Map.groupBy(siblings, (row) => `${row.submission}/${row.submission_version}`);
  const versions = new Set(moved.map((row) => `${row.submission}/${row.submission_version}`));
  const states = current.flatMap(({ id, version, ...before }): SubmissionState[] => {
    const name = `${id}/${version}`;
    const next = versions.has(name) ? stateOf(bySubmission.get(name) ?? []) : undefined;
    if (!next || (next.state === before.state && next.reason === before.reason)) return [];
    return [{ id, version, ...next, issues: [], at }];
  });
  await writeSubmissionStates({ dialect }, writer, states, await createSequence(writer));
}
