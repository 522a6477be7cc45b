import type { Bilingual, State } from '../errors/index.ts';
import type { AccessContext, Store } from '../store/index.ts';
import { causeOf, recordsOf, stoppedAtIntake } from './records.ts';
import { type Remedy, remedyOf } from './remedies.ts';

/** What stopped for one cause at one puskesmas. */
export interface StoppedGroup {
  /** A record that was never planned to be sent, or a delivery. */
  readonly what: 'record' | 'delivery';
  readonly state: State;
  /** A reason; of refused records the code of what is wrong. */
  readonly reason: string | null;
  readonly rule: number | null;
  /** Kind of the delivery, feed of the record. */
  readonly kind: string;
  /** Code of the puskesmas; null where a refused record does not tell. */
  readonly owner: string | null;
  readonly count: number;
  /** When the oldest of them was received. */
  readonly oldest: string;
  readonly meaning: Bilingual;
  readonly todo: Bilingual;
  readonly act: Remedy;
}

export interface BacklogView {
  /** Ready or being sent. */
  readonly waiting: number;
  readonly onHold: number;
  readonly oldest: { readonly ready: string | null; readonly onHold: string | null };
  /** How long the oldest that is ready has waited. */
  readonly ageSeconds: number;
  readonly completedLastHour: number;
  /** At the pace of the last hour; null where nothing waits, or nothing was completed. */
  readonly expectedFinish: string | null;
}

export interface Overview {
  readonly backlog: BacklogView;
  readonly groups: readonly StoppedGroup[];
}

/** How far sending is behind, as of `now` (instant). */
export async function backlogView(
  store: Pick<Store, 'backlog'>,
  environment: string,
  now: string,
  context?: AccessContext,
): Promise<BacklogView> {
  const backlog = await store.backlog(environment, context);
  const { waiting, completedLastHour, oldest } = backlog;
  const moment = Date.parse(now);
  const hours = waiting > 0 && completedLastHour > 0 ? waiting / completedLastHour : undefined;
  return {
    ...backlog,
    ageSeconds: oldest.ready === null ? 0 : Math.max(0, Math.round((moment - Date.parse(oldest.ready)) / 1000)),
    expectedFinish: hours === undefined ? null : instantAfter(moment, hours),
  };
}

/** Beyond a year the pace says nothing any more. */
const instantAfter = (moment: number, hours: number): string | null =>
  hours > 8_760 ? null : new Date(moment + hours * 3_600_000).toISOString();

/** What stopped, by state, cause, rule, kind and puskesmas, the largest first; and how far sending is behind. */
export async function overview(
  store: Pick<Store, 'backlog' | 'deliveryGroups' | 'submissionFeed' | 'submissionsById'>,
  context: AccessContext,
  environment: string,
  now: string,
): Promise<Overview> {
  const [backlog, found] = await Promise.all([backlogView(store, environment, now, context), store.deliveryGroups(context, environment)]);
  const groups: StoppedGroup[] = [];
  for (const { state, reason, rule, kind, owner, count, oldest } of found) {
    const waits = state === 'ready' && reason === 'dependency';
    if ((state !== 'failed' && state !== 'on-hold' && !waits) || stoppedAtIntake({ state, reason })) continue;
    groups.push({ what: 'delivery', state, reason, rule, kind, owner, count, oldest, ...remedyOf(reason, rule, state) });
  }
  const records = new Map<string, StoppedGroup>();
  for await (const page of recordsOf(store, context, {})) {
    for (const submission of page) {
      const { cause, rule } = causeOf(submission);
      const { state, feed, facility, receivedAt } = submission;
      const key = JSON.stringify([state, cause, rule, feed, facility]);
      const before = records.get(key);
      records.set(
        key,
        before
          ? { ...before, count: before.count + 1, oldest: receivedAt < before.oldest ? receivedAt : before.oldest }
          : {
              what: 'record',
              state,
              reason: cause,
              rule,
              kind: feed,
              owner: facility,
              count: 1,
              oldest: receivedAt,
              ...remedyOf(cause, rule),
            },
      );
    }
  }
  groups.push(...records.values());
  return { backlog, groups: groups.sort((a, b) => b.count - a.count || (a.oldest < b.oldest ? -1 : 1)) };
}
