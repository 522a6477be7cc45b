import { type Issue, issue, type Reason, type State } from '../errors/index.ts';
import type { SendAnswer } from './platform.ts';

/** Every way in which one try of a delivery can end. */
export type Outcome =
  | Exclude<SendAnswer, { kind: 'delivered' }>
  | { readonly kind: 'delivered' }
  /** A person of it is not known to the platform. */
  | { readonly kind: 'identity'; readonly who: 'patient' | 'practitioner'; readonly issues?: readonly Issue[] }
  /** Something it refers to has no platform id yet. */
  | { readonly kind: 'dependency' }
  /** The look-up of an unknown outcome was refused: whether it is there cannot be told. */
  | { readonly kind: 'unreadable'; readonly issues: readonly Issue[] }
  /** A fault of our own. */
  | { readonly kind: 'fault' };

export interface Row {
  readonly state: State;
  readonly reason: Reason | null;
  /** When it is tried again. `owner`: when the pause of its owner is over. */
  readonly next: 'never' | 'backoff' | 'owner';
  /** Whether a request may have been carried out without us knowing: then it is looked up before anything is sent again. */
  readonly unknown: boolean;
  readonly counts: boolean;
  /** What becomes of it after `maxAttempts` counted tries. */
  readonly last?: { readonly state: State; readonly reason: Reason };
  readonly audit: 'success' | 'refused' | 'failure';
}

/**
 * THE table: what a try ended with → state and reason of the delivery, and its next try.
 * Waiting for a rate, an account or the network is not the delivery's fault and is not counted.
 */
export const OUTCOMES = {
  delivered: { state: 'completed', reason: null, next: 'never', unknown: false, counts: true, audit: 'success' },
  refused: { state: 'failed', reason: 'platform-refused', next: 'never', unknown: false, counts: true, audit: 'refused' },
  duplicate: {
    state: 'ready',
    reason: 'outcome-unknown',
    next: 'backoff',
    unknown: true,
    counts: true,
    // The platform holds our identifier, and its search does not show it: a person has to look.
    last: { state: 'on-hold', reason: 'conflict' },
    audit: 'failure',
  },
  unknown: {
    state: 'ready',
    reason: 'outcome-unknown',
    next: 'backoff',
    unknown: true,
    counts: true,
    last: { state: 'on-hold', reason: 'outcome-unknown' },
    audit: 'failure',
  },
  unreadable: { state: 'on-hold', reason: 'outcome-unknown', next: 'never', unknown: true, counts: true, audit: 'failure' },
  retry: { state: 'ready', reason: 'rate-limited', next: 'owner', unknown: false, counts: false, audit: 'failure' },
  unauthorised: { state: 'ready', reason: 'platform-auth', next: 'owner', unknown: false, counts: false, audit: 'failure' },
  unavailable: { state: 'ready', reason: 'platform-unavailable', next: 'owner', unknown: false, counts: false, audit: 'failure' },
  'no-account': { state: 'on-hold', reason: 'credential-missing', next: 'never', unknown: false, counts: false, audit: 'failure' },
  identity: { state: 'on-hold', reason: 'identity', next: 'never', unknown: false, counts: true, audit: 'failure' },
  dependency: {
    state: 'ready',
    reason: 'dependency',
    next: 'backoff',
    unknown: false,
    counts: true,
    last: { state: 'on-hold', reason: 'dependency' },
    audit: 'failure',
  },
  fault: {
    state: 'ready',
    reason: null,
    next: 'backoff',
    unknown: false,
    counts: true,
    last: { state: 'on-hold', reason: 'conflict' },
    audit: 'failure',
  },
} as const satisfies Record<Outcome['kind'], Row>;

export interface Settlement {
  readonly state: State;
  readonly reason: Reason | null;
  readonly issues: readonly Issue[];
  readonly next: Row['next'];
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
  const row: Row = OUTCOMES[outcome.kind];
  const last = row.counts && attempts + 1 >= maxAttempts ? row.last : undefined;
  const unknown = row.unknown || (pending && row.state !== 'completed' && row.state !== 'failed');
  const reason = last?.reason ?? reasonOf(outcome, row);
  return {
    state: last?.state ?? row.state,
    // That something may already be there is what a reader must know first; why the look-up has to wait comes second.
    reason: pending && row.state === 'ready' && last === undefined ? 'outcome-unknown' : reason,
    issues: issuesOf(outcome, reason),
    next: last === undefined ? row.next : 'never',
    outcomeUnknown: unknown,
    countAttempt: row.counts,
    audit: row.audit,
  };
}

function reasonOf(outcome: Outcome, row: Row): Reason | null {
  if (outcome.kind === 'refused' && outcome.rule !== undefined) {
    return `rule-${outcome.rule}`;
  }
  return outcome.kind === 'identity' && outcome.who === 'practitioner' ? 'practitioner-identity' : row.reason;
}

function issuesOf(outcome: Outcome, reason: Reason | null): readonly Issue[] {
  const given = 'issues' in outcome ? (outcome.issues ?? []) : [];
  switch (outcome.kind) {
    case 'delivered':
      return [];
    case 'identity':
      return [issue(outcome.who === 'patient' ? 'identity' : 'practitioner-identity'), ...given];
    case 'dependency':
      return [issue('dependency-failed')];
    case 'no-account':
      return [issue('credential-missing')];
    case 'unavailable':
      return [issue('platform-unavailable')];
    case 'duplicate':
    case 'unknown':
      return [issue(reason === 'conflict' ? 'conflict' : 'outcome-unknown')];
    case 'unreadable':
      return [issue('outcome-unknown'), ...given];
    case 'fault':
      return [issue('internal')];
    case 'retry':
      return [];
    case 'refused':
    case 'unauthorised':
      return given;
  }
}
