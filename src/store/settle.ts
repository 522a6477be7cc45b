import { sql } from 'kysely';
import { markSent } from './claims.ts';
import { commit } from './commit.ts';
import type { Engine, Writer } from './engine.ts';
import type { ChangeSet, Fence } from './port.ts';

/** A mark before a delivery is sent, or its outcome. */
export type Settlement =
  | { readonly kind: 'mark'; readonly fence: Fence; readonly at: string }
  | { readonly kind: 'outcome'; readonly fence: Fence; readonly changes: ChangeSet };

/** Writes marks and outcomes together. Returns the places of those whose lease was lost; of them nothing is written. */
export async function settle(engine: Pick<Engine, 'dialect'>, writer: Writer, group: readonly Settlement[]): Promise<readonly number[]> {
  const marks = group.flatMap((item) => (item.kind === 'mark' ? [item] : []));
  const outcomes = group.flatMap((item) => (item.kind === 'outcome' ? [item] : []));
  if (outcomes.length > 0) await writer.lockOrder();
  const held = await holders(engine, writer, outcomes);
  const marked = await markSent(engine, writer, marks);
  const isKept = ({ kind, fence }: Settlement) => (kind === 'mark' ? marked : held).has(nameOf(fence));
  const kept = outcomes.filter(isKept).map(({ changes }) => changes);
  if (kept.length > 0) await commit(engine, writer, merged(kept), [], undefined);
  return group.flatMap((item, place) => (isKept(item) ? [] : [place]));
}

const nameOf = ({ deliveryId, token }: Fence): string => `${deliveryId} ${token}`;

/** The fences that still hold. */
async function holders(
  { dialect }: Pick<Engine, 'dialect'>,
  { db }: Writer,
  outcomes: readonly { readonly fence: Fence }[],
): Promise<ReadonlySet<string>> {
  if (outcomes.length === 0) return new Set();
  const rows = await db
    .selectFrom('delivery')
    .select(['id', 'token'])
    .where(
      dialect.inList(
        sql.ref('id'),
        outcomes.map(({ fence }) => fence.deliveryId),
      ),
    )
    .where('state', '=', 'in-progress')
    .orderBy('id')
    .$if(dialect.locksRows, (query) => query.forUpdate())
    .execute();
  return new Set(rows.map(({ id, token }) => nameOf({ deliveryId: id, token })));
}

function merged(all: readonly ChangeSet[]): ChangeSet {
  return {
    deliveryOutcomes: all.flatMap(({ deliveryOutcomes = [] }) => deliveryOutcomes),
    submissionStates: all.flatMap(({ submissionStates = [] }) => submissionStates),
    platformIds: all.flatMap(({ platformIds = [] }) => platformIds),
    identities: all.flatMap(({ identities = [] }) => identities),
    audits: all.flatMap(({ audits = [] }) => audits),
  };
}
