import { sql } from 'kysely';
import type { Issue, Reason, State } from '../errors/index.ts';
import { AppError } from '../errors/index.ts';
import type { Engine, Value, Writer } from './engine.ts';
import type { AccessContext, DeliveryEvent, DeliveryEventWrite } from './port.ts';

/** A row of the trail to be written. */
export interface EventRow {
  readonly delivery: number;
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly from: string | null;
  readonly to: string;
  readonly reason: string | null;
  readonly rule: number | null;
  readonly note?: string | null;
}

export const writeEvents = (writer: Writer, rows: readonly EventRow[]): Promise<void> =>
  writer.insert(
    'delivery_event',
    ['delivery', 'at', 'actor', 'action', 'from_state', 'to_state', 'reason', 'rule', 'note'],
    rows.map((row): Value[] => [row.delivery, row.at, row.actor, row.action, row.from, row.to, row.reason, row.rule, row.note ?? null]),
  );

/** Number of the platform's rule that a state is about: in its reason, else in what was found. */
export function ruleOf(reason: Reason | null, issues: readonly Issue[]): number | null {
  const named = /^rule-(\d{1,9})$/.exec(reason ?? '')?.[1] ?? issues.map(({ rule }) => rule).find((rule) => /^\d{1,9}$/.test(rule ?? ''));
  return named === undefined ? null : Number(named);
}

/** Acts that change no state by themselves. @throws AppError `conflict` if a delivery does not exist */
export async function writeActs({ dialect }: Pick<Engine, 'dialect'>, writer: Writer, acts: readonly DeliveryEventWrite[]): Promise<void> {
  if (acts.length === 0) return;
  const keys = acts.map(({ key }) => key);
  const rows = await writer.db
    .selectFrom('delivery')
    .select(['id', 'environment', 'delivery_key', 'state', 'reason', 'rule'])
    .where(dialect.inList(sql.ref('delivery_key'), keys))
    .execute();
  const byKey = new Map(rows.map((row) => [`${row.environment} ${row.delivery_key}`, row]));
  await writeEvents(
    writer,
    acts.map(({ environment, key, at, actor, action, note }) => {
      const row = byKey.get(`${environment} ${key}`);
      if (!row) throw new AppError('conflict');
      const { id, state, reason, rule } = row;
      return { delivery: id, at, actor, action, from: state, to: state, reason, rule, note: note ?? null };
    }),
  );
}

/** What is sent in the name of these puskesmas. */
export function mayReadDelivery({ dialect }: Pick<Engine, 'dialect'>, { facilities }: AccessContext) {
  return facilities === 'all' ? sql`1 = 1` : dialect.inList(sql.ref('delivery.owner'), facilities);
}

/** See the port. */
export async function readTrail(
  engine: Engine,
  context: AccessContext,
  environment: string,
  key: string,
): Promise<readonly DeliveryEvent[]> {
  const { rows } = await sql<{
    at: string;
    actor: string;
    action: string;
    from_state: State | null;
    to_state: State;
    reason: Reason | null;
    rule: number | null;
    note: string | null;
  }>`
    select e.at, e.actor, e.action, e.from_state, e.to_state, e.reason, e.rule, e.note
    from delivery join delivery_event e on e.delivery = delivery.id
    where delivery.environment = ${environment} and delivery.delivery_key = ${key} and ${mayReadDelivery(engine, context)}
    order by e.id`.execute(engine.reader);
  return rows.map(({ from_state: fromState, to_state: toState, ...row }) => ({ ...row, fromState, toState }));
}
