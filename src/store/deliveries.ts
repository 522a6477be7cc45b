import { sql } from 'kysely';
import { AppError, type Reason } from '../errors/index.ts';
import { databaseNow } from './database-now.ts';
import { type EventRow, ruleOf, writeEvents } from './delivery-events.ts';
import { tellDependants } from './dependants.ts';
import type { Engine, Value, Writer } from './engine.ts';
import type { DeliveryOutcome, DeliveryWrite, Fence, Store } from './port.ts';
import { instant, milliseconds } from './rows.ts';
import type { DeliveryTable } from './schema.ts';
import { createSequence, type SubmissionState, writeSubmissionStates } from './submissions.ts';

/*
 * Whether a delivery may go now depends on others: its dependencies, and what is before it in its partition. Finding that out when
 * a worker asks would walk over all that wait. It is kept in two columns instead, `dependency` and `preceded`, which every change
 * under the order lock brings up to date; a claim then reads only what it takes, from a partial index.
 */

type EngineDialect = Pick<Engine, 'dialect'>;

const OPEN: readonly string[] = ['ready', 'in-progress'];
/** What a change of state means to others: still to come, done, or stuck. */
const standing = (state: string): 'open' | 'done' | 'stuck' => (state === 'completed' ? 'done' : OPEN.includes(state) ? 'open' : 'stuck');

/** @throws AppError `conflict` if the lease was lost: the delivery was claimed again, or has an outcome */
export async function checkFence({ dialect }: EngineDialect, { db }: Writer, { deliveryId, token }: Fence): Promise<void> {
  const row = await db
    .selectFrom('delivery')
    .select('id')
    .where('id', '=', deliveryId)
    .where('token', '=', token)
    .where('state', '=', 'in-progress')
    .$if(dialect.locksRows, (query) => query.forUpdate())
    .executeTakeFirst();
  if (!row) throw new AppError('conflict');
}

/** Inserts and re-opens deliveries. Returns the ids of those whose standing is new, and the partitions that some have left. */
export async function writeDeliveries(
  engine: EngineDialect,
  writer: Writer,
  writes: readonly DeliveryWrite[],
): Promise<{ readonly changed: readonly number[]; readonly left: readonly string[] }> {
  if (writes.length === 0) return { changed: [], left: [] };
  const { db } = writer;
  const { dialect } = engine;
  const known = await db
    .selectFrom('delivery')
    .select(['id', 'environment', 'delivery_key', 'partition_key', 'state', 'reason', 'sent_at'])
    .where(
      dialect.inList(
        sql.ref('delivery_key'),
        writes.map(({ key }) => key),
      ),
    )
    // As marks do, which are written without the order lock.
    .orderBy('id')
    .$if(dialect.locksRows, (query) => query.forUpdate())
    .execute();
  const rows = new Map(known.map((row) => [`${row.environment} ${row.delivery_key}`, row]));
  const now = await databaseNow(engine, db);
  const events: EventRow[] = [];
  const numbers = [...(await writer.allocate('delivery', writes.length))];

  const inserted: Value[][] = [];
  const replaced: number[] = [];
  const changed: number[] = [];
  const left: string[] = [];
  const needs = new Map<number, DeliveryWrite>();
  const owners: Value[][] = [];
  for (const write of writes) {
    const name = `${write.environment} ${write.key}`;
    const before = rows.get(name);
    if (before && !write.replace) continue;
    const id = before?.id ?? (numbers.shift() as number);
    needs.set(id, write);
    owners.push([write.environment, write.owner, 0]);
    if (before) {
      // Its rows may be among those to insert; they have to be there to be updated.
      await insertDeliveries(writer, inserted.splice(0));
      const reopened = await reopen(writer, before, write, now);
      if (reopened) events.push(reopened);
      replaced.push(id);
      if (before.partition_key !== write.partition) left.push(before.partition_key);
    } else {
      inserted.push(newRow(id, write, now));
      const { environment, key: delivery_key, partition: partition_key, state, reason } = write;
      rows.set(name, { id, environment, delivery_key, partition_key, state, reason, sent_at: null });
    }
    changed.push(id);
  }
  await insertDeliveries(writer, inserted);
  if (replaced.length > 0) {
    await db
      .deleteFrom('delivery_dependency')
      .where(dialect.inList(sql.ref('delivery'), replaced))
      .execute();
  }
  await writer.insert(
    'delivery_dependency',
    ['delivery', 'environment', 'needs'],
    [...needs].flatMap(([id, { environment, dependsOn }]) => [...new Set(dependsOn)].map((key): Value[] => [id, environment, key])),
  );
  await hasten(engine, writer, [...needs.values()]);
  await writeEvents(writer, events);
  const distinctOwners = new Map(owners.map((row) => [`${row[0]} ${row[1]}`, row]));
  await writer.insert('delivery_owner', ['environment', 'owner', 'turn'], [...distinctOwners.values()], {
    key: ['environment', 'owner'],
    update: [],
  });
  return { changed, left };
}

/** What fresh ones depend on is as urgent as they are. */
async function hasten({ dialect }: EngineDialect, { db }: Writer, writes: readonly DeliveryWrite[]): Promise<void> {
  const needed = new Set(writes.filter(({ priority }) => priority !== 1).flatMap(({ dependsOn }) => dependsOn));
  if (needed.size === 0) return;
  await db
    .updateTable('delivery')
    .set({ priority: 0 })
    .where(dialect.inList(sql.ref('delivery_key'), [...needed]))
    .where('priority', '=', 1)
    .execute();
}

const INSERT_COLUMNS = [
  'id',
  'environment',
  'delivery_key',
  'kind',
  'owner',
  'partition_key',
  'resources',
  'depends_on',
  'submission',
  'submission_version',
  'state',
  'reason',
  'issues',
  'due_ms',
  'attempts',
  'token',
  'updated_at',
  'dependency',
  'preceded',
  'priority',
  'rule',
  'received_ms',
] as const satisfies readonly (keyof DeliveryTable)[];

const insertDeliveries = (writer: Writer, rows: readonly Value[][]) => writer.insert('delivery', INSERT_COLUMNS, rows);

const newRow = (id: number, write: DeliveryWrite, now: number): Value[] => [
  id,
  write.environment,
  write.key,
  write.kind,
  write.owner,
  write.partition,
  JSON.stringify(write.resources),
  JSON.stringify(write.dependsOn),
  write.submission,
  write.submissionVersion,
  write.state,
  write.reason,
  '[]',
  dueOfWrite(write, now),
  0,
  0,
  instant(now),
  // Not to be claimed before `refreshStandings` has looked.
  1,
  1,
  write.priority ?? 0,
  ruleOf(write.reason, []),
  receivedAt(write, now),
];

const dueOfWrite = ({ dueAt }: DeliveryWrite, now: number): number => (dueAt === undefined ? now : milliseconds(dueAt));
const receivedAt = ({ receivedAt: at }: DeliveryWrite, now: number): number => (at === undefined ? now : milliseconds(at));

async function reopen(
  { db }: Writer,
  before: Pick<DeliveryTable, 'id' | 'state' | 'reason' | 'sent_at'>,
  write: DeliveryWrite,
  now: number,
): Promise<EventRow | undefined> {
  const wasSent = before.state === 'in-progress' || before.state === 'completed' || before.sent_at !== null;
  const wanted = write.unlessSent && wasSent ? ({ state: 'ready', reason: null } as const) : write;
  const content = {
    kind: write.kind,
    owner: write.owner,
    partition_key: write.partition,
    resources: JSON.stringify(write.resources),
    depends_on: JSON.stringify(write.dependsOn),
    submission: write.submission,
    submission_version: write.submissionVersion,
    due_ms: dueOfWrite(write, now),
    priority: write.priority ?? 0,
    received_ms: receivedAt(write, now),
    updated_at: instant(now),
  };
  // The version before it may be on the wire: opening it now would let a second worker send beside the first. The outcome opens it.
  const state =
    before.state === 'in-progress'
      ? { replaced_state: wanted.state, replaced_reason: wanted.reason }
      : { state: wanted.state, reason: wanted.reason, rule: ruleOf(wanted.reason, []), issues: '[]', attempts: 0 };
  // One that is opened because it may be there carries the mark of one that was sent, with content that nobody can vouch for: a reason
  // alone would not outlast its claim.
  const mark =
    before.state !== 'in-progress' && wanted.reason === 'outcome-unknown' && before.sent_at === null ? { sent_at: instant(0) } : {};
  await db
    .updateTable('delivery')
    .set({ ...content, ...state, ...mark })
    .where('id', '=', before.id)
    .execute();
  if (before.state === 'in-progress' || (before.state === wanted.state && before.reason === wanted.reason)) return undefined;
  return replacement(before.id, before.state, wanted.state, wanted.reason, instant(now));
}

/** A new version of what is sent changed the state. */
const replacement = (delivery: number, from: string, to: string, reason: string | null, at: string): EventRow => ({
  delivery,
  at,
  actor: 'intake',
  action: 'replaced',
  from,
  to,
  reason,
  rule: ruleOf(reason as Reason | null, []),
});

/** Writes outcomes, and in the trail what they change. Returns the ids of those whose standing is new. @throws AppError `conflict` if a delivery does not exist */
export async function writeOutcomes(
  engine: EngineDialect,
  writer: Writer,
  outcomes: readonly DeliveryOutcome[],
): Promise<readonly number[]> {
  const { db } = writer;
  if (outcomes.length === 0) return [];
  const changed: number[] = [];
  const events: EventRow[] = [];
  const nowMs = await databaseNow(engine, db);
  const find = async (environment: string, keys: readonly string[]) =>
    await db
      .selectFrom('delivery')
      .selectAll()
      // What a reader of the trail was told last; a claim in between is no news.
      .select(
        sql<string | null>`(select e.to_state || ' ' || coalesce(e.reason, '') from delivery_event e
          where e.delivery = delivery.id order by e.id desc limit 1)`.as('told'),
      )
      .where('environment', '=', environment)
      .where(engine.dialect.inList(sql.ref('delivery_key'), keys))
      .orderBy('id')
      .$if(engine.dialect.locksRows, (query) => query.forUpdate())
      .execute();
  // Those of several outcomes at once, unless one has two.
  const found = new Map<string, Awaited<ReturnType<typeof find>>[number]>();
  const environments = new Set(outcomes.map(({ environment }) => environment));
  for (const environment of environments) {
    const keys = outcomes.filter((outcome) => outcome.environment === environment).map(({ key }) => key);
    for (const row of await find(environment, keys)) found.set(`${environment} ${row.delivery_key}`, row);
  }
  const written: Value[][] = [];
  const update = () => writer.update('delivery', 'id', OUTCOME_COLUMNS, written.splice(0));
  for (const outcome of outcomes) {
    const name = `${outcome.environment} ${outcome.key}`;
    // The second one of a delivery builds on the first.
    if (!found.has(name)) await update();
    const before = found.get(name) ?? (await find(outcome.environment, [outcome.key]))[0];
    found.delete(name);
    if (!before) throw new AppError('conflict');
    if (outcome.onlyFrom !== undefined && before.state !== outcome.onlyFrom) continue;
    // A newer version came while this one was on the wire: the outcome is known, and the newer one goes next.
    const replaced = before.replaced_state !== null && outcome.state !== 'in-progress';
    const state = replaced ? (before.replaced_state as string) : outcome.state;
    const rule = ruleOf(outcome.reason, outcome.issues);
    const dueMs = dueOf(outcome, nowMs);
    const inProgress = state === 'in-progress';
    written.push([
      state,
      replaced ? before.replaced_reason : outcome.reason,
      replaced ? null : rule,
      JSON.stringify(replaced ? [] : outcome.issues),
      replaced ? 0 : before.attempts + (outcome.countAttempt ? 1 : 0),
      outcome.outcomeUnknown ? before.sent_at : null,
      outcome.outcomeUnknown ? (outcome.markedNow ? nowMs : before.marked_ms) : null,
      outcome.at,
      (replaced ? undefined : dueMs) ?? before.due_ms,
      inProgress ? before.lease_until_ms : null,
      inProgress ? before.worker : null,
      replaced ? null : before.replaced_state,
      replaced ? null : before.replaced_reason,
      before.id,
    ]);
    const [toldState = 'ready', toldReason = ''] = (before.told ?? (before.state === 'in-progress' ? 'ready ' : before.state)).split(' ');
    const { actor = 'sync', at, reason } = outcome;
    if (toldState !== outcome.state || toldReason !== (reason ?? '')) {
      events.push({ delivery: before.id, at, actor, action: 'outcome', from: toldState, to: outcome.state, reason, rule });
    }
    if (replaced) events.push(replacement(before.id, outcome.state, state, before.replaced_reason, at));
    if (standing(before.state) !== standing(state)) changed.push(before.id);
  }
  await update();
  await writeEvents(writer, events);
  return changed;
}

const OUTCOME_COLUMNS = [
  'state',
  'reason',
  'rule',
  'issues',
  'attempts',
  'sent_at',
  'marked_ms',
  'updated_at',
  'due_ms',
  'lease_until_ms',
  'worker',
  'replaced_state',
  'replaced_reason',
] as const satisfies readonly (keyof DeliveryTable)[];

function dueOf({ dueAt, dueInMs }: DeliveryOutcome, nowMs: number): number | undefined {
  if (dueInMs !== undefined) return nowMs + dueInMs;
  return dueAt === undefined ? undefined : milliseconds(dueAt);
}

/**
 * Brings `dependency` and `preceded` up to date after deliveries were inserted, re-opened or changed their standing. Returns the ids of
 * all whose wait may be another now, for `tellDependants`.
 */
export async function refreshStandings(
  { dialect }: EngineDialect,
  { db }: Writer,
  changed: readonly number[],
  left: readonly string[] = [],
): Promise<readonly number[]> {
  if (changed.length === 0) return [];
  const dependants = await sql<{ id: number }>`
    select distinct dd.delivery as id
    from delivery c join delivery_dependency dd on dd.environment = c.environment and dd.needs = c.delivery_key
    where ${dialect.inList(sql.ref('c.id'), changed)}`.execute(db);
  const affected = [...new Set([...changed, ...dependants.rows.map((row) => row.id)])];
  const dependency = sql`case
    when exists (
      select 1 from delivery_dependency dd join delivery n on n.environment = dd.environment and n.delivery_key = dd.needs
      where dd.delivery = delivery.id and n.state in ('failed', 'on-hold', 'cancelled')) then 2
    when exists (
      select 1 from delivery_dependency dd left join delivery n on n.environment = dd.environment and n.delivery_key = dd.needs
      where dd.delivery = delivery.id and (n.state is null or n.state <> 'completed')) then 1
    else 0 end`;
  const moved = await sql<{ id: number }>`
    update delivery set dependency = ${dependency}
    where ${dialect.inList(sql.ref('id'), affected)} and dependency <> ${dependency}
    returning id`.execute(db);
  // One that needs this one does not go before it, though it came first. An earlier one whose dependency is stuck does not hold the patient's later visits back. The sum keeps PostgreSQL from walking
  // over all smaller ids; a partition has few.
  const preceded = sql`case when exists (
    select 1 from delivery p
    where p.environment = delivery.environment and p.partition_key = delivery.partition_key and p.id + 0 < delivery.id
      and p.state in ('ready', 'in-progress') and (p.state = 'in-progress' or p.dependency <> 2)
      and not exists (select 1 from delivery_dependency dd
        where dd.delivery = p.id and dd.environment = delivery.environment and dd.needs = delivery.delivery_key)) then 1 else 0 end`;
  const touched = [...new Set([...changed, ...moved.rows.map((row) => row.id)])];
  const partitions = await sql<{ partition_key: string }>`
    select distinct partition_key from delivery where ${dialect.inList(sql.ref('id'), touched)}`.execute(db);
  const inPartitions = dialect.inList(sql.ref('partition_key'), [
    ...new Set([...partitions.rows.map((row) => row.partition_key), ...left]),
  ]);
  // Those of other environments with the same name are looked at in vain, and not changed.
  await sql`
    update delivery set preceded = ${preceded}
    where ${inPartitions} and state in ('ready', 'in-progress') and preceded <> ${preceded}`.execute(db);
  // What a fresh one has to wait for must not wait behind the backfill itself. Both states, as in the index of a partition: asked for
  // 'ready' alone, SQLite takes the index by state and reads all that waits, for each row. Mostly none is fresh; the first look tells, once.
  await sql`
    update delivery set priority = 0
    where ${inPartitions} and state in ('ready', 'in-progress') and priority = 1
      and exists (select 1 from delivery where ${inPartitions} and state in ('ready', 'in-progress') and priority = 0)
      and exists (
      select 1 from delivery p
      where p.environment = delivery.environment and p.partition_key = delivery.partition_key and p.id + 0 > delivery.id
        and p.state in ('ready', 'in-progress') and p.priority = 0)`.execute(db);
  return affected;
}

/** See the port. Submissions that were held for the same reason go on with their deliveries. */
export async function releaseHeld(
  engine: EngineDialect,
  writer: Writer,
  { environment, reasons, owner, keys, actor = 'sync' }: Parameters<Store['releaseHeld']>[0],
): Promise<number> {
  const { db } = writer;
  const { dialect } = engine;
  await writer.lockOrder();
  const now = await databaseNow(engine, db);
  const held = await db
    .selectFrom('delivery')
    .select(['id', 'submission', 'sent_at'])
    .where('environment', '=', environment)
    .where('state', '=', 'on-hold')
    .where(dialect.inList(sql.ref('reason'), reasons))
    .$if(owner !== undefined, (query) => query.where('owner', '=', owner as string))
    .$if(keys !== undefined, (query) => query.where(dialect.inList(sql.ref('delivery_key'), keys ?? [])))
    .$if(dialect.locksRows, (query) => query.forUpdate())
    .execute();
  if (held.length === 0) return 0;
  const ids = held.map(({ id }) => id);
  await db
    .updateTable('delivery')
    .set({ state: 'ready', reason: REASON_IF_SENT, issues: ISSUES_IF_SENT, rule: null, due_ms: now, updated_at: instant(now) })
    .where(dialect.inList(sql.ref('id'), ids))
    .execute();
  await writeEvents(
    writer,
    held.map((row) => ({
      delivery: row.id,
      at: instant(now),
      actor,
      action: 'released',
      from: 'on-hold',
      to: 'ready',
      reason: row.sent_at === null ? null : 'outcome-unknown',
      rule: null,
    })),
  );
  const affected = await refreshStandings(engine, writer, ids);
  const submissions = held.flatMap((row) => row.submission ?? []);
  if (submissions.length > 0) {
    const waiting = await db
      .selectFrom('submission')
      .select(['id', 'version'])
      .where(dialect.inList(sql.ref('id'), submissions))
      .where('is_current', '=', 1)
      .where('state', '=', 'on-hold')
      .where(dialect.inList(sql.ref('reason'), reasons))
      .execute();
    const states: SubmissionState[] = waiting.map(({ id, version }) => ({
      id,
      version,
      state: 'ready',
      reason: null,
      issues: [],
      at: instant(now),
      stage: 'released',
    }));
    await writeSubmissionStates(engine, writer, states, await createSequence(writer));
  }
  await tellDependants(engine, writer, affected);
  return held.length;
}

/** Something may be on the wire: that is what a reader has to know. */
export const REASON_IF_SENT = sql<string | null>`case when sent_at is null then null else 'outcome-unknown' end`;
/** What was found then may be all that is known of an answer that was lost. */
export const ISSUES_IF_SENT = sql<string>`case when sent_at is null then '[]' else issues end`;
