import { type Issue, issue } from '../errors/index.ts';
import type { ChangeSet, Delivery, DeliveryOutcome, Store } from '../store/port.ts';
import type { Settlement } from './outcome.ts';

export interface Blocked {
  readonly outcomes: readonly DeliveryOutcome[];
  readonly submissions: NonNullable<ChangeSet['submissionStates']>;
}

const NOTHING: Blocked = { outcomes: [], submissions: [] };
/** A commit is no place for more; the others are told when their turn comes. */
const MAX_TOLD = 1_000;
/** Levels of the tree below a unit. */
const MAX_DEPTH = 8;

/**
 * What waits for a delivery that stopped says so, and names it, instead of looking merely late: all that depends on it, directly or
 * through others. It goes on by itself once the delivery is completed, so its state stays `ready`.
 */
export async function dependantsOf(
  store: Pick<Store, 'deliveries'>,
  environment: string,
  stopped: Pick<Delivery, 'key'>,
  { state, reason }: Pick<Settlement, 'state' | 'reason'>,
  at: string,
): Promise<Blocked> {
  if (state !== 'failed' && state !== 'on-hold') {
    return NOTHING;
  }
  const issues: readonly Issue[] = [issue('dependency-blocked', { delivery: stopped.key, state, reason: reason ?? '-' })];
  const outcomes = new Map<string, DeliveryOutcome>();
  const submissions: Blocked['submissions'][number][] = [];
  let keys: readonly string[] = [stopped.key];
  for (let depth = 0; depth < MAX_DEPTH && keys.length > 0; depth += 1) {
    const waiting = (await store.deliveries({ environment, states: ['ready'], needs: keys, limit: MAX_TOLD })).filter(
      ({ key }) => !outcomes.has(key),
    );
    for (const each of waiting) {
      // One whose own answer is lost must keep saying that.
      const told = each.sentAt !== null || each.reason === 'outcome-unknown' || isTold(each, issues);
      if (told) {
        continue;
      }
      outcomes.set(each.key, {
        key: each.key,
        environment,
        state: 'ready',
        onlyFrom: 'ready',
        reason: 'dependency',
        issues,
        dueAt: each.dueAt,
        countAttempt: false,
        at,
      });
      if (each.submission !== null && each.submissionVersion !== null && each.kind === 'encounter') {
        const { submission: id, submissionVersion: version } = each;
        submissions.push({ id, version, state: 'ready', reason: 'dependency', issues, at, stage: 'dependency' });
      }
    }
    keys = waiting.map(({ key }) => key);
  }
  return { outcomes: [...outcomes.values()], submissions };
}

const isTold = (each: Delivery, issues: readonly Issue[]): boolean =>
  each.reason === 'dependency' && JSON.stringify(each.issues) === JSON.stringify(issues);
