import { sql } from 'kysely';
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
const ACTIONS: Readonly<Record<Decision, string>> = { 'keep-ours': 'kept-ours', 'keep-theirs': 'kept-theirs' };

/** See the port. */
export async function decideConflicts(
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
  const { chosen, result } = await choose(engine, writer, context, selection, async (row) => {
    const why = LEAVES[row.state];
    if (why !== undefined) return why;
    const isConflict = row.state === 'on-hold' && row.reason === 'conflict' && (await contested(row)).length > 0;
    return isConflict ? undefined : 'no-conflict';
  });
  if (chosen.length === 0 || act.dryRun) return result;
  for (const row of chosen) {
    for (const reference of await contested(row)) {
      await db
        .updateTable('platform_id')
        .set(decision === 'keep-ours' ? { theirs: 0, at: EARLIER_CONTENT } : { at: await contentAt(writer, reference) })
        .where('environment', '=', environment)
        .where('reference', '=', reference)
        .execute();
    }
  }
  await reopen(engine, writer, chosen, act, ACTIONS[decision]);
  return result;
}

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
