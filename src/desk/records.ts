import type { Issue, Reason, State } from '../errors/index.ts';
import type { AccessContext, Store, Submission } from '../store/index.ts';
import { namedRecords, type Selection } from './selection.ts';

const PAGE = 500;

/** Stops of intake: the record is kept, and nothing was planned to be sent. */
const STOPS: readonly (readonly [State, Reason])[] = [
  ['on-hold', 'validation-pending'],
  ['on-hold', 'unmapped-code'],
  ['on-hold', 'reason-code-missing'],
  ['on-hold', 'time-missing'],
  ['failed', 'refused'],
];

/** Whether a record, or a delivery of one that was sent before, stopped at intake: then the record tells of it. */
export const stoppedAtIntake = (one: { readonly state: State; readonly reason: Reason | null }): boolean =>
  STOPS.some(([state, reason]) => state === one.state && reason === one.reason);

export interface Cause {
  /** Reason of a hold; of a refused record the code of the first thing that is wrong with it. */
  readonly cause: string;
  readonly rule: number | null;
}

export function causeOf({ reason, issues }: Pick<Submission, 'reason' | 'issues'>): Cause {
  const first = issues.find(({ severity }) => severity === 'error');
  if (reason !== 'refused' || !first) return { cause: reason ?? 'refused', rule: null };
  return { cause: first.code, rule: ruleOf(first) };
}

const ruleOf = ({ rule }: Issue): number | null => (rule !== undefined && /^\d{1,6}$/.test(rule) ? Number(rule) : null);

/** Current records that stopped before anything was planned, page by page. */
export async function* recordsOf(
  store: Pick<Store, 'submissionFeed' | 'submissionsById'>,
  context: AccessContext,
  selection: Selection,
): AsyncGenerator<readonly Submission[]> {
  const named = namedRecords(selection);
  // A delivery's kind is nothing that a record has; keys name deliveries, unless they name records.
  if (selection.kind !== undefined || named?.length === 0) return;
  if (named) {
    const found = await store.submissionsById(context, named);
    // One that is named is told of whatever became of it, unless a delivery tells of it.
    yield found.filter((submission) => stoppedAtIntake(submission) && matches(submission, selection));
    return;
  }
  const states: readonly State[] = selection.states ?? ['on-hold', 'failed'];
  for (const [state, reason] of STOPS) {
    if (!states.includes(state) || !mayHave(selection, reason)) continue;
    for (let after = 0; ; ) {
      const page = await store.submissionFeed(context, {
        state,
        reason,
        after,
        limit: PAGE,
        ...(selection.owner !== undefined && { facility: selection.owner }),
      });
      const found = page.filter((submission) => matches(submission, selection));
      if (found.length > 0) yield found;
      after = page.at(-1)?.seq ?? after;
      if (page.length < PAGE) break;
    }
  }
}

const mayHave = ({ causes }: Selection, reason: Reason): boolean => causes === undefined || reason === 'refused' || causes.includes(reason);

/** Both mean a code without a row in a table: found before mapping, or while mapping. */
const TABLE_CODES = ['unmapped-code', 'code-unknown'];

const withTableCodes = (causes: readonly string[] | undefined): readonly string[] | undefined =>
  causes?.includes('unmapped-code') ? [...causes, ...TABLE_CODES] : causes;

function matches(submission: Submission, { states, causes: given, rule, owner, facility, from, to }: Selection): boolean {
  const { cause, rule: own } = causeOf(submission);
  const causes = withTableCodes(given);
  const codes = submission.issues.filter(({ severity }) => severity === 'error').map(({ code }) => code);
  return (
    (states === undefined || states.includes(submission.state)) &&
    (causes === undefined ||
      causes.includes(cause) ||
      causes.includes(submission.reason ?? '') ||
      codes.some((code) => causes.includes(code))) &&
    (rule === undefined || own === rule || submission.issues.some((found) => ruleOf(found) === rule)) &&
    (owner === undefined || submission.facility === owner) &&
    (facility === undefined || submission.facility === facility) &&
    (from === undefined || submission.receivedAt >= from) &&
    (to === undefined || submission.receivedAt < to)
  );
}
