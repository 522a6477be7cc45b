import { sql } from 'kysely';
import type { Issue } from '../errors/index.ts';
import type { Engine, Writer } from './engine.ts';
import {
  type AccessContext,
  type Decision,
  type DeliveryAct,
  type DeliveryActResult,
  type DeliverySelection,
  EARLIER_CONTENT,
  type LeftReason,
} from './port.ts';
import { instant } from './rows.ts';
import { choose, reopen, type Selected } from './selection.ts';

/** What the trail says of each. */
const ACTIONS: Readonly<Record<Decision, string>> = {
  'keep-ours': 'kept-ours',
  'keep-theirs': 'kept-theirs',
  'not-there': 'told-absent',
};

/** See the port. */
export async function decideDeliveries(
  engine: Engine,
  writer: Writer,
  context: AccessContext,
  selection: DeliverySelection,
  act: DeliveryAct,
  decision: Decision,
): Promise<DeliveryActResult> {
  const { dialect } = engine;
  const { db } = writer;
  const { environment } = selection;
  const contested = async ({ resources }: Selected): Promise<readonly string[]> =>
    (
      await db
        .selectFrom('platform_id')
        .select('reference')
        .where('environment', '=', environment)
        .where('theirs', '=', 1)
        .where(dialect.inList(sql.ref('reference'), JSON.parse(resources) as string[]))
        .execute()
    ).map(({ reference }) => reference);
  const isContested = async (row: Selected): Promise<boolean> => row.reason === 'conflict' && (await contested(row)).length > 0;
  const { chosen, result } = await choose(engine, writer, context, selection, async (row) => {
    const why = LEAVES[row.state];
    if (why !== undefined) return why;
    const waits = row.state === 'on-hold' && (decision === 'not-there' ? cannotBeToldOf(row) : await isContested(row));
    return waits ? undefined : 'nothing-to-decide';
  });
  if (chosen.length === 0 || act.dryRun) return result;
  if (decision === 'not-there') {
    // Without the mark it is sent, as far as it has no platform id: what could be looked up was, before it was held.
    const ids = chosen.map(({ id }) => id);
    await db
      .updateTable('delivery')
      .set({ sent_at: null, marked_ms: null })
      .where(dialect.inList(sql.ref('id'), ids))
      .execute();
  }
  for (const row of decision === 'not-there' ? [] : chosen) {
    for (const reference of await contested(row)) {
      await db
        .updateTable('platform_id')
        .set(decision === 'keep-ours' ? { theirs: 0, at: EARLIER_CONTENT } : { at: await contentAt(writer, reference) })
        .where('environment', '=', environment)
        .where('reference', '=', reference)
        .execute();
    }
  }
  const unmarked = decision === 'not-there' ? chosen.map((row) => ({ ...row, sent_at: null })) : chosen;
  await reopen(engine, writer, unmarked, act, ACTIONS[decision]);
  return result;
}

/** No look-up could show whether something of it is there. */
const cannotBeToldOf = ({ reason, issues }: Selected): boolean =>
  reason === 'outcome-unknown' && (JSON.parse(issues) as readonly Issue[]).some(({ code }) => code === 'lookup-impossible');

const LEAVES: Readonly<Record<string, LeftReason>> = {
  'in-progress': 'in-progress',
  completed: 'completed',
  cancelled: 'cancelled',
};

/** `lastUpdated` of what is here now: against this theirs stands, and against nothing newer. */
async function contentAt({ db }: Writer, reference: string): Promise<string> {
  const cut = reference.indexOf('/');
  const { last_updated_ms } = await db
    .selectFrom('resource')
    .select('last_updated_ms')
    .where('type', '=', reference.slice(0, cut))
    .where('id', '=', reference.slice(cut + 1))
    .executeTakeFirstOrThrow();
  return instant(last_updated_ms);
}
