import { sql } from 'kysely';
import { AppError } from '../errors/index.ts';
import { markSent } from './claims.ts';
import type { Engine, Writer } from './engine.ts';
import type { ChangeSet, CommitResult, Fence } from './port.ts';

/*
 * A delivery writes twice: a mark before it is sent, and its outcome. Each waits for the disk, and while one does, others come. What has
 * come by then is written together, in one transaction: the disk is waited for once.
 */

type Item =
  | { readonly kind: 'mark'; readonly fence: Fence; readonly at: string }
  | { readonly kind: 'outcome'; readonly fence: Fence; readonly changes: ChangeSet };

interface Waiting {
  readonly item: Item;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** So many are written together at most: each keeps its rows locked until all are done. */
const MOST = 32;
/** What an outcome may hold to be written with others; anything else is a commit of its own. */
const TOGETHER: ReadonlySet<string> = new Set<keyof ChangeSet>([
  'deliveryOutcomes',
  'submissionStates',
  'platformIds',
  'identities',
  'audits',
]);

export interface Settlements {
  markSent(fence: Fence, at: string): Promise<void>;
  /** Undefined if the change set has to be a commit of its own. */
  commit(changes: ChangeSet, fence: Fence): Promise<CommitResult> | undefined;
}

/** @param commit writes a change set inside a transaction, without a fence */
export function createSettlements(engine: Engine, commit: (writer: Writer, changes: ChangeSet) => Promise<unknown>): Settlements {
  let queue: Waiting[] = [];
  let running = false;

  function submit(item: Item): Promise<void> {
    return new Promise((resolve, reject) => {
      queue.push({ item, resolve, reject });
      if (!running) void run();
    });
  }

  async function run(): Promise<void> {
    running = true;
    while (queue.length > 0) {
      const group = queue.slice(0, MOST);
      queue = queue.slice(MOST);
      try {
        await write(group);
      } catch (error) {
        const [only] = group;
        if (group.length === 1) only?.reject(error);
        // One of them cannot be written; the others must not suffer for it.
        else for (const waiting of group) await write([waiting]).catch(waiting.reject);
      }
    }
    running = false;
  }

  async function write(group: readonly Waiting[]): Promise<void> {
    const lost = await engine.write((writer) => writeTogether(writer, group));
    for (const { item, resolve, reject } of group) {
      if (lost.has(item)) reject(new AppError('conflict'));
      else resolve();
    }
  }

  /** Returns those whose lease was lost; of them nothing is written. */
  async function writeTogether(writer: Writer, group: readonly Waiting[]): Promise<ReadonlySet<Item>> {
    const lost = new Set<Item>();
    const outcomes = group.flatMap(({ item }) => (item.kind === 'outcome' ? [item] : []));
    if (outcomes.length > 0) {
      await writer.lockOrder();
      const held = await holders(writer, outcomes);
      for (const item of outcomes) if (!held.has(`${item.fence.deliveryId} ${item.fence.token}`)) lost.add(item);
    }
    for (const { item } of group) {
      if (item.kind !== 'mark') continue;
      try {
        await markSent(engine, writer, item.fence, item.at);
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'conflict') throw error;
        lost.add(item);
      }
    }
    const kept = outcomes.filter((item) => !lost.has(item)).map(({ changes }) => changes);
    if (kept.length > 0) await commit(writer, merged(kept));
    return lost;
  }

  /** The fences that still hold. */
  async function holders({ db }: Writer, outcomes: readonly { readonly fence: Fence }[]): Promise<ReadonlySet<string>> {
    const rows = await db
      .selectFrom('delivery')
      .select(['id', 'token'])
      .where(
        engine.dialect.inList(
          sql.ref('id'),
          outcomes.map(({ fence }) => fence.deliveryId),
        ),
      )
      .where('state', '=', 'in-progress')
      .orderBy('id')
      .$if(engine.dialect.locksRows, (query) => query.forUpdate())
      .execute();
    return new Set(rows.map(({ id, token }) => `${id} ${token}`));
  }

  return {
    markSent: (fence, at) => submit({ kind: 'mark', fence, at }),
    commit(changes, fence) {
      if (Object.keys(changes).some((name) => !TOGETHER.has(name))) return undefined;
      return submit({ kind: 'outcome', fence, changes }).then(() => ({ resources: [] }));
    },
  };
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
