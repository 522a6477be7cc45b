import { AppError } from '../errors/index.ts';
import type { Engine } from './engine.ts';
import type { ChangeSet, CommitResult, Fence } from './port.ts';
import type { Settlement } from './settle.ts';

/*
 * A delivery writes twice: a mark before it is sent, and its outcome. Each waits for the disk, and while one does, others come. What has
 * come by then is written together, in one transaction: the disk is waited for once.
 */

interface Waiting {
  readonly item: Settlement;
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

export function createSettlements(engine: Pick<Engine, 'run'>): Settlements {
  let queue: Waiting[] = [];
  let running = false;

  function submit(item: Settlement): Promise<void> {
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
    const lost = new Set(
      await engine.run(
        'settle',
        group.map(({ item }) => item),
      ),
    );
    group.forEach(({ resolve, reject }, place) => {
      if (lost.has(place)) reject(new AppError('conflict'));
      else resolve();
    });
  }

  return {
    markSent: (fence, at) => submit({ kind: 'mark', fence, at }),
    commit(changes, fence) {
      if (Object.keys(changes).some((name) => !TOGETHER.has(name))) return undefined;
      return submit({ kind: 'outcome', fence, changes }).then(() => ({ resources: [] }));
    },
  };
}
