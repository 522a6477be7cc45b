import { type Issue, issue, type Reason, type State } from '../errors/index.ts';
import type { SendAnswer } from './platform.ts';

/** Every way in which one try of a delivery can end. */
export type Outcome =
  | Exclude<SendAnswer, { kind: 'delivered' }>
  | { readonly kind: 'delivered' }
  /** A person of it is not known to the platform. */
  | { readonly kind: 'identity'; readonly who: 'patient' | 'practitioner'; readonly issues?: readonly Issue[] }
  /** Something it refers to has no platform id yet. */
  | { readonly kind: 'dependency'; readonly issues?: readonly Issue[] }
  /** The look-up of an unknown outcome was refused: whether it is there cannot be told. */
  | { readonly kind: 'unreadable'; readonly issues: readonly Issue[] }
  /** The platform offers no look-up, and sending again might store it twice. */
  | { readonly kind: 'unsearchable'; readonly issues: readonly Issue[] }
  /** Not found, and looked for too early to prove that it is not there. */
  | { readonly kind: 'too-early'; readonly waitMs: number }
  /** A transaction was refused; whether some of it was stored all the same is still to be looked up. */
  | { readonly kind: 'unchecked'; readonly issues: readonly Issue[]; readonly waitMs?: number }
  /** The platform's record was changed by others, and is not overwritten. */
  | { readonly kind: 'conflict' }
  /** A fault of our own. */
  | { readonly kind: 'fault' };

/** What is done about an outcome: the words in which both tables speak. */
export type Action =
  | 'delivered'
  | 'adopt'
  | 'retry-at'
  | 'refresh-token'
  | 'outcome-unknown'
  | 'fix-data'
  | 'fix-mapping'
  | 'pause-client'
  | 'pause-all'
  | 'hold';

export interface Row {
  readonly action: Action;
  readonly state: State;
  readonly reason: Reason | null;
  /** When it is tried again. `owner`: when the pause of its owner is over. `given`: after the time that the outcome names. */
  readonly next: 'never' | 'backoff' | 'owner' | 'given';
  /** Whether a request may have been carried out without us knowing: then it is looked up before anything is sent again. */
  readonly unknown: boolean;
  readonly counts: boolean;
  /** Who else waits: the owner's client, or everybody, for it is the platform that cannot be reached. */
  readonly pause: 'none' | 'client' | 'all';
  /** What becomes of it after `maxAttempts` counted tries. */
  readonly last?: { readonly state: State; readonly reason: Reason };
  readonly audit: 'success' | 'refused' | 'failure';
}

const row = (action: Action, state: State, reason: Reason | null, next: Row['next'], more: Partial<Row> = {}): Row => ({
  action,
  state,
  reason,
  next,
  unknown: false,
  counts: true,
  pause: 'none',
  audit: 'failure',
  ...more,
});

const toPerson = (reason: Reason) => ({ last: { state: 'on-hold' as const, reason } });

/**
 * THE table: what a try ended with → state and reason of the delivery, and its next try.
 * Waiting for a rate, an account or the network is not the delivery's fault and is not counted.
 */
export const OUTCOMES = {
  delivered: row('delivered', 'completed', null, 'never', { audit: 'success' }),
  refused: row('fix-data', 'failed', 'platform-refused', 'never', { audit: 'refused' }),
  'refused-mapping': row('fix-mapping', 'failed', 'platform-refused', 'never', { audit: 'refused' }),
  // It was looked up and is taken over where it is found; here the search did not show it, so in the end a person has to look.
  duplicate: row('adopt', 'ready', 'outcome-unknown', 'backoff', { unknown: true, ...toPerson('conflict') }),
  unknown: row('outcome-unknown', 'ready', 'outcome-unknown', 'backoff', { unknown: true, ...toPerson('outcome-unknown') }),
  'too-early': row('outcome-unknown', 'ready', 'outcome-unknown', 'given', { unknown: true, counts: false }),
  unchecked: row('outcome-unknown', 'ready', 'outcome-unknown', 'given', { unknown: true, ...toPerson('outcome-unknown') }),
  unreadable: row('hold', 'on-hold', 'outcome-unknown', 'never', { unknown: true }),
  unsearchable: row('hold', 'on-hold', 'outcome-unknown', 'never', { unknown: true }),
  retry: row('retry-at', 'ready', 'rate-limited', 'owner', { counts: false, pause: 'client' }),
  unauthorised: row('pause-client', 'ready', 'platform-auth', 'owner', { counts: false, pause: 'client' }),
  // It may be lacking for one type of resource only, so such a delivery must not stop its owner for ever.
  forbidden: row('pause-client', 'ready', 'platform-auth', 'owner', { pause: 'client', ...toPerson('platform-auth') }),
  unavailable: row('pause-all', 'ready', 'platform-unavailable', 'owner', { counts: false, pause: 'all' }),
  // A firewall may have been set off by this very content, so it must not stop the others for ever.
  blocked: row('pause-all', 'ready', 'platform-unavailable', 'owner', { pause: 'all', ...toPerson('platform-unavailable') }),
  'no-account': row('hold', 'on-hold', 'credential-missing', 'never', { counts: false }),
  identity: row('hold', 'on-hold', 'identity', 'never'),
  dependency: row('hold', 'ready', 'dependency', 'backoff', toPerson('dependency')),
  'lost-reference': row('hold', 'on-hold', 'dependency', 'never'),
  gone: row('hold', 'on-hold', 'conflict', 'never'),
  conflict: row('hold', 'on-hold', 'conflict', 'never'),
  fault: row('hold', 'ready', null, 'backoff', toPerson('conflict')),
} as const satisfies Record<string, Row>;

export type OutcomeName = keyof typeof OUTCOMES;

/** Name of the table's row for an outcome. */
export function outcomeName(outcome: Outcome): OutcomeName {
  switch (outcome.kind) {
    case 'refused':
      return outcome.mend === 'mapping' ? 'refused-mapping' : 'refused';
    case 'unauthorised':
      return outcome.permission === true ? 'forbidden' : 'unauthorised';
    case 'unavailable':
      return outcome.blocked === true ? 'blocked' : 'unavailable';
    default:
      return outcome.kind;
  }
}

export const rowOf = (outcome: Outcome): Row => OUTCOMES[outcomeName(outcome)];

export interface Settlement {
  readonly action: Action;
  readonly state: State;
  readonly reason: Reason | null;
  readonly issues: readonly Issue[];
  readonly next: Row['next'];
  /** For `next: given`. */
  readonly waitMs?: number;
  readonly outcomeUnknown: boolean;
  readonly countAttempt: boolean;
  readonly audit: Row['audit'];
}

/**
 * Reads the table.
 *
 * @param attempts counted tries before this one
 * @param pending a request sent earlier is still unaccounted for, and this try did not clear it up
 */
export function settle(
  outcome: Outcome,
  { attempts, pending, maxAttempts }: { attempts: number; pending: boolean; maxAttempts: number },
): Settlement {
  const found = rowOf(outcome);
  const last = found.counts && attempts + 1 >= maxAttempts ? found.last : undefined;
  const unknown = found.unknown || (pending && found.state !== 'completed' && found.state !== 'failed');
  const reason = last?.reason ?? reasonOf(outcome, found);
  const waitMs = 'waitMs' in outcome ? outcome.waitMs : undefined;
  return {
    action: found.action,
    state: last?.state ?? found.state,
    // That something may already be there is what a reader must know first; why the look-up has to wait comes second.
    reason: pending && found.state === 'ready' && last === undefined ? 'outcome-unknown' : reason,
    issues: issuesOf(outcome, reason),
    next: last !== undefined ? 'never' : found.next === 'given' && waitMs === undefined ? 'backoff' : found.next,
    ...(waitMs !== undefined && { waitMs }),
    outcomeUnknown: unknown,
    countAttempt: found.counts,
    audit: found.audit,
  };
}

function reasonOf(outcome: Outcome, found: Row): Reason | null {
  if (outcome.kind === 'refused' && outcome.rule !== undefined) {
    return `rule-${outcome.rule}`;
  }
  return outcome.kind === 'identity' && outcome.who === 'practitioner' ? 'practitioner-identity' : found.reason;
}

function issuesOf(outcome: Outcome, reason: Reason | null): readonly Issue[] {
  const given = 'issues' in outcome ? (outcome.issues ?? []) : [];
  switch (outcome.kind) {
    case 'delivered':
    case 'retry':
      return [];
    case 'identity':
      return [issue(outcome.who === 'patient' ? 'identity' : 'practitioner-identity'), ...given];
    case 'dependency':
      return given.length > 0 ? given : [issue('dependency-failed')];
    case 'no-account':
      return [issue('credential-missing')];
    case 'unavailable':
      return [issue(outcome.blocked === true ? 'platform-blocked' : 'platform-unavailable')];
    case 'duplicate':
      return [issue(reason === 'conflict' ? 'platform-hidden' : 'outcome-unknown')];
    case 'unknown':
    case 'too-early':
      return [issue('outcome-unknown')];
    case 'unchecked':
      // In this order `refusalOf` knows them again.
      return [issue('outcome-unknown'), ...given];
    case 'unreadable':
      return [...given, issue('outcome-unknown')];
    case 'gone':
      return [issue('reference-lost', { type: 'id' })];
    case 'conflict':
      return [issue('platform-conflict')];
    case 'fault':
      return [issue('internal')];
    case 'refused':
    case 'unauthorised':
    case 'lost-reference':
    case 'unsearchable':
      return given;
  }
}

/** The refusal that a delivery was left `unchecked` with, from what is stored of it; undefined if there is none. */
export function refusalOf(issues: readonly Issue[]): Extract<Outcome, { kind: 'refused' }> | undefined {
  const [first, ...kept] = issues;
  // What any other try left behind, that the platform could not be reached for one, is no verdict about the data.
  if (first?.code !== 'outcome-unknown' || kept.length === 0) {
    return undefined;
  }
  const rule = kept.map((each) => Number(each.rule)).find((number) => Number.isInteger(number));
  const mapping = kept.some(({ code }) => code === 'rule-system');
  return { kind: 'refused', ...(mapping && { mend: 'mapping' as const }), ...(rule !== undefined && { rule }), issues: kept };
}
