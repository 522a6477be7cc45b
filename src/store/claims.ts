import { type RawBuilder, sql } from 'kysely';
import type { Reason } from '../errors/index.ts';
import { databaseNow } from './database-now.ts';
import { refreshStandings } from './deliveries.ts';
import { ruleOf } from './delivery-events.ts';
import { tellDependants } from './dependants.ts';
import type { Dialect, Engine, Writer } from './engine.ts';
import type { ClaimQuery, Delivery, Fence } from './port.ts';
import { instant, toDelivery } from './rows.ts';

type EngineDialect = Pick<Engine, 'dialect'>;

/** See the port. */
export async function claimDeliveries(engine: EngineDialect, writer: Writer, query: ClaimQuery): Promise<readonly Delivery[]> {
  const { db } = writer;
  const { dialect } = engine;
  const { environment, worker, limit, leaseMs } = query;
  if (limit <= 0) return [];
  const isServed = (column: string) => servedOwners(engine, query, column);
  const now = await databaseNow(engine, db);

  const expired = await settleReplaced(
    engine,
    writer,
    await sql<ExpiredRow>`
      select id, owner, token, lease_until_ms, sent_at, replaced_state, replaced_reason from delivery
      where environment = ${environment} and state = 'in-progress' and lease_until_ms < ${now} and ${isServed('owner')}
      order by lease_until_ms, id limit ${limit}`.execute(db),
  );
  // Where rows are locked, another worker may be taking the first ones just now; a few more of each owner let this one find others.
  const depth = dialect.locksRows ? limit * 3 : limit;
  const queues = (await waitingByOwner(engine, writer, query, now, depth)).map(({ owner, turn, ids }) => ({
    owner,
    turn,
    ids: [...expired.filter((row) => row.owner === owner).map((row) => row.id), ...ids],
  }));
  const candidates = share(queues, depth, query.serving);
  const taken: { owner: string; id: number }[] = [];
  for (let next = 0; next < candidates.length && taken.length < limit; ) {
    const some = candidates.slice(next, next + limit - taken.length);
    next += some.length;
    const free = await lockFree(engine, writer, some, now);
    taken.push(...some.filter(({ id }) => free.has(id)));
  }
  if (taken.length === 0) return [];
  const ids = taken.map(({ id }) => id);
  const claimed = await db
    .updateTable('delivery')
    .set(({ eb }) => ({
      state: 'in-progress',
      reason: sql<string | null>`case when sent_at is null then null else 'outcome-unknown' end`,
      token: eb('token', '+', 1),
      lease_until_ms: now + leaseMs,
      worker,
      updated_at: instant(now),
    }))
    .where(dialect.inList(sql.ref('id'), ids))
    .returningAll()
    .execute();

  const lastTurn = Math.max(...queues.map(({ turn }) => turn));
  const served = new Set(taken.map(({ owner }) => owner));
  await writer.insert(
    'delivery_owner',
    ['environment', 'owner', 'turn'],
    // Sorted, so that two workers lock the rows in the same order.
    [...served].sort().map((owner) => [environment, owner, lastTurn + 1]),
    { key: ['environment', 'owner'], update: ['turn'] },
  );
  const rows = new Map(claimed.map((row) => [row.id, row]));
  return ids.flatMap((id) => {
    const row = rows.get(id);
    return row ? [toDelivery(row)] : [];
  });
}

/**
 * What each owner would send next, those first that were served longest ago. Of many owners the first few of each are enough; only
 * where too few have work are those that have more asked for it.
 */
async function waitingByOwner(
  { dialect }: EngineDialect,
  { db }: Writer,
  { environment, exceptOwners = [], serving = {} }: ClaimQuery,
  now: number,
  depth: number,
): Promise<readonly { owner: string; turn: number; ids: readonly number[] }[]> {
  const ask = async (limit: number, only?: readonly string[]) => {
    const { rows } = await waitingQuery(dialect, { environment, exceptOwners, now, limit, ...(only && { only }) }).execute(db);
    return rows.map(({ ids, ...row }) => ({ ...row, ids: JSON.parse(ids ?? '[]') as number[] }));
  };
  const owners = await db.selectFrom('delivery_owner').select('owner').where('environment', '=', environment).execute();
  const inHand = owners.filter(({ owner }) => !exceptOwners.includes(owner)).map(({ owner }) => serving[owner] ?? 0);
  const few = mostOfOne(inHand, depth);
  const queues = await ask(few);
  const more = queues.filter(({ ids }) => ids.length === few).map(({ owner }) => owner);
  const enough = queues.reduce((sum, { ids }) => sum + ids.length, 0) >= depth;
  if (enough || few >= depth || more.length === 0) return queues;
  const longer = new Map((await ask(depth, more)).map((queue) => [queue.owner, queue]));
  return queues.map((queue) => longer.get(queue.owner) ?? queue);
}

/** How many places one owner can get at most when each goes to one that has the fewest in hand, and all have enough to send. */
function mostOfOne(inHand: readonly number[], places: number): number {
  const sorted = inHand.toSorted((a, b) => a - b);
  const least = sorted[0] ?? 0;
  let sum = 0;
  for (const [before, count] of sorted.entries()) {
    // Raising all before this one to its level would take more than there is.
    if (before > 0 && count * before - sum >= places) return Math.ceil((places + sum) / before) - least;
    sum += count;
  }
  return Math.ceil((places + sum) / Math.max(1, sorted.length)) - least;
}

/** Owners in turn, each with the ids of what it may send now as JSON. Reads no more than it gives, however many wait. */
export function waitingQuery(
  dialect: Dialect,
  query: { environment: string; exceptOwners: readonly string[]; only?: readonly string[]; now: number; limit: number },
): RawBuilder<{ owner: string; turn: number; ids: string | null }> {
  const { environment, exceptOwners, only, now, limit } = query;
  // Each priority apart: those of the first that are not due yet are many in a bad hour, and must not be walked over.
  const first = (priority: number) => sql`select * from (
    select d.id, d.priority, d.due_ms from delivery d
    where d.environment = o.environment and d.owner = o.owner and d.priority = ${sql.lit(priority)} and d.due_ms <= ${now}
      and d.state = 'ready' and d.dependency = 0 and d.preceded = 0
    order by d.due_ms, d.id limit ${limit}) as ${sql.table(`priority_${priority}`)}`;
  const ids = sql`select id from (${first(0)} union all ${first(1)}) as both_priorities order by priority, due_ms, id limit ${limit}`;
  return sql`
    select o.owner, o.turn, ${dialect.jsonNumbers('id', ids)} as ids
    from delivery_owner o
    where o.environment = ${environment}
      and ${exceptOwners.length === 0 ? sql`1 = 1` : sql`not ${dialect.inList(sql.ref('o.owner'), exceptOwners)}`}
      and ${only === undefined ? sql`1 = 1` : dialect.inList(sql.ref('o.owner'), only)}
    order by o.turn, o.owner`;
}

interface ExpiredRow {
  readonly id: number;
  readonly owner: string;
  readonly token: number;
  readonly lease_until_ms: number | null;
  readonly sent_at: string | null;
  readonly replaced_state: string | null;
  readonly replaced_reason: string | null;
}

/**
 * A worker died after a new version had come and before it sent the old one: nothing is on the wire, so the delivery takes the
 * state that the new version asked for. Returns the others.
 */
async function settleReplaced(
  engine: EngineDialect,
  writer: Writer,
  { rows }: { rows: readonly ExpiredRow[] },
): Promise<readonly ExpiredRow[]> {
  const settled = rows.filter((row) => row.replaced_state !== null && row.sent_at === null);
  if (settled.length === 0) return rows;
  await writer.lockOrder();
  const done: number[] = [];
  for (const { id, token, lease_until_ms: lease, replaced_state: state, replaced_reason: reason } of settled) {
    const { numUpdatedRows } = await writer.db
      .updateTable('delivery')
      .set(({ eb }) => ({
        state: state as string,
        reason,
        rule: ruleOf(reason as Reason | null, []),
        attempts: 0,
        issues: '[]',
        token: eb('token', '+', 1),
        lease_until_ms: null,
        worker: null,
        replaced_state: null,
        replaced_reason: null,
      }))
      .where('id', '=', id)
      .where('state', '=', 'in-progress')
      // While the lock was waited for, its holder may have come back, or another have taken it.
      .where('token', '=', token)
      .where('lease_until_ms', '=', lease)
      .where('sent_at', 'is', null)
      .executeTakeFirst();
    if (numUpdatedRows > 0n) done.push(id);
  }
  const affected = await refreshStandings(engine, writer, done);
  await tellDependants(engine, writer, affected);
  return rows.filter((row) => !settled.includes(row));
}

/** Those that no other worker is taking. */
async function lockFree(
  { dialect }: EngineDialect,
  { db }: Writer,
  some: readonly { id: number }[],
  now: number,
): Promise<ReadonlySet<number>> {
  const ids = some.map(({ id }) => id);
  if (!dialect.locksRows) return new Set(ids);
  const { rows } = await sql<{ id: number }>`
    select id from delivery
    where ${dialect.inList(sql.ref('id'), ids)}
      and ((state = 'ready' and dependency = 0 and preceded = 0) or (state = 'in-progress' and lease_until_ms < ${now}))
    for update skip locked`.execute(db);
  return new Set(rows.map((row) => row.id));
}

/**
 * `limit` places, each for the owner that has the fewest in hand, in turn: a puskesmas whose platform client answers slowly would
 * otherwise come to hold them all.
 */
function share(
  queues: readonly { owner: string; ids: readonly number[] }[],
  limit: number,
  serving: Readonly<Record<string, number>> = {},
): { owner: string; id: number }[] {
  const taken: { owner: string; id: number }[] = [];
  const open = queues.map(({ owner, ids }) => ({ owner, ids, next: 0, inHand: serving[owner] ?? 0 })).filter(({ ids }) => ids.length > 0);
  while (taken.length < limit && open.length > 0) {
    const least = Math.min(...open.map(({ inHand }) => inHand));
    const at = open.findIndex(({ inHand }) => inHand === least);
    const queue = open[at] as (typeof open)[number];
    taken.push({ owner: queue.owner, id: queue.ids[queue.next] as number });
    queue.next += 1;
    queue.inHand += 1;
    if (queue.next === queue.ids.length) open.splice(at, 1);
  }
  return taken;
}

/** See the port. Returns those that were marked, as `<delivery> <token>`; of the others the lease was lost. */
export async function markSent(
  engine: EngineDialect,
  writer: Writer,
  marks: readonly { readonly fence: Fence; readonly at: string }[],
): Promise<ReadonlySet<string>> {
  if (marks.length === 0) return new Set();
  const { dialect } = engine;
  const rows = await writer.db
    .selectFrom('delivery')
    .select(['id', 'token'])
    .where(
      dialect.inList(
        sql.ref('id'),
        marks.map(({ fence }) => fence.deliveryId),
      ),
    )
    .where('state', '=', 'in-progress')
    // An outcome that comes late is welcome; a request that starts late could meet that of the next holder.
    .where(sql`lease_until_ms`, '>', dialect.nowMs)
    // In the order in which all lock them.
    .orderBy('id')
    .$if(dialect.locksRows, (query) => query.forUpdate())
    .execute();
  const held = new Map(rows.map(({ id, token }) => [id, token]));
  const kept = marks.filter(({ fence }) => held.get(fence.deliveryId) === fence.token);
  const now = await databaseNow(engine, writer.db);
  await writer.update(
    'delivery',
    'id',
    ['sent_at', 'marked_ms'],
    kept.map(({ fence, at }) => [at, now, fence.deliveryId]),
  );
  return new Set(kept.map(({ fence }) => `${fence.deliveryId} ${fence.token}`));
}

/** See the port. */
export async function extendLease(engine: EngineDialect, { db }: Writer, { deliveryId, token }: Fence, leaseMs: number): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('delivery')
    .set({ lease_until_ms: (await databaseNow(engine, db)) + leaseMs })
    .where('id', '=', deliveryId)
    .where('token', '=', token)
    .where('state', '=', 'in-progress')
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Condition on a column of owners: who is served by this claim. */
function servedOwners(
  { dialect }: EngineDialect,
  { exceptOwners = [], onlyOwners }: { exceptOwners?: readonly string[] | undefined; onlyOwners?: readonly string[] | undefined },
  column: string,
) {
  const not = exceptOwners.length === 0 ? sql`1 = 1` : sql`not ${dialect.inList(sql.ref(column), exceptOwners)}`;
  return onlyOwners === undefined ? not : sql`(${not} and ${dialect.inList(sql.ref(column), onlyOwners)})`;
}
