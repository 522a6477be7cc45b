import { type Issue, issue } from '../errors/index.ts';
import type { Gone, LostReference, Refused, Retry, Unauthorised, Unavailable, Unknown } from '../sync/platform.ts';
import { bareRefusal, causesOf, type PlatformIssue, translate } from './outcome-issues.ts';
import { type Facts, factsOf, type Verdict, type WireRow, wireRow } from './wire-table.ts';

/** What came back over the wire. Bodies stay in this room. */
export interface WireResponse {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** Whether losing the answer matters: what a `read` would have said can simply be asked again. */
export type Intent = 'read' | 'create' | 'replace' | 'patch';

export type Reading =
  | { readonly kind: 'ok'; readonly body: unknown; readonly etag: string | undefined }
  /** `expired`: the platform says that its time is over; it does not doubt the credential. */
  | { readonly kind: 'token-rejected'; readonly expired: boolean }
  /** `afterMs` undefined: the platform did not say how long. */
  | { readonly kind: 'limited'; readonly afterMs: number | undefined }
  | { readonly kind: 'duplicate' }
  | Refused
  | LostReference
  | Gone
  | Unauthorised
  | Unknown
  | Unavailable;

/** Longest rest of a client that lacks a permission; whoever grants it need not wait longer. */
const PERMISSION_PAUSE_MS = 900_000;

/**
 * Reads an answer by the table of answers.
 *
 * @param now epoch ms, for a Retry-After that is a date
 */
export function readResponse(response: WireResponse, intent: Intent, now: number): Reading {
  const facts = factsOf(response.status, response.text);
  const row = wireRow(facts);
  return READINGS[intent === 'read' ? row.read : row.write]({ facts, row, response, intent, now });
}

interface Answer {
  readonly facts: Facts;
  readonly row: WireRow;
  readonly response: WireResponse;
  readonly intent: Intent;
  readonly now: number;
}

const READINGS: Readonly<Record<Verdict, (answer: Answer) => Reading>> = {
  taken: ({ facts, response }) => ({ kind: 'ok', body: facts.body, etag: response.headers.etag }),
  'refresh-token': ({ facts }) => ({ kind: 'token-rejected', expired: /access_token_expired/i.test(facts.faultCode) }),
  'retry-at': ({ response, now }) => ({ kind: 'limited', afterMs: retryAfterMs(response.headers['retry-after'], now) }),
  lost: ({ intent }) => lost(intent),
  unavailable: () => ({ kind: 'unavailable' }),
  blocked: () => ({ kind: 'unavailable', blocked: true }),
  duplicate: () => ({ kind: 'duplicate' }),
  'fix-data': ({ facts }) => refusal(facts, 'data'),
  'fix-mapping': ({ facts }) => refusal(facts, 'mapping'),
  'pause-client': ({ facts, row }) => ({
    kind: 'unauthorised',
    issues: facts.issues.length > 0 ? issuesOf(facts.issues, row) : [issue('platform-product')],
    afterMs: PERMISSION_PAUSE_MS,
    // A permission may be lacking for one type of resource only.
    ...(facts.issues.length > 0 && { permission: true }),
  }),
  'reference-lost': ({ facts, row }) => ({ kind: 'lost-reference', issues: issuesOf(facts.issues, row) }),
  gone: () => ({ kind: 'gone' }),
  withheld: ({ facts }) => refusal(facts, 'data'),
};

/** What a lost answer means for an intent. */
export function lost(intent: Intent): Unknown | Unavailable {
  return intent === 'read' ? { kind: 'unavailable' } : { kind: 'unknown' };
}

/** Retry-After in ms: delta seconds or HTTP date; undefined if absent or unreadable. Capped at one day. */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined || header.trim() === '') {
    return undefined;
  }
  const ms = /^\s*\d+(\.\d+)?\s*$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), 86_400_000);
}

/** Rate-limited answer of the port. */
export const retry = (afterMs: number): Retry => ({ kind: 'retry', afterMs });

function refusal(facts: Facts, mend: 'data' | 'mapping'): Refused {
  if (facts.issues.length === 0) {
    // An OperationOutcome without issues, or a status that says it alone.
    return { kind: 'refused', mend, issues: [bareRefusal(facts.status)] };
  }
  const causes = causesOf(facts.issues);
  const rule = causes.map((each) => each.rule).find((number) => number !== undefined);
  return { kind: 'refused', mend, ...(rule !== undefined && { rule }), issues: causes.map(translate) };
}

/** Issues of the kind that the row is about. */
const issuesOf = (all: readonly PlatformIssue[], row: WireRow): readonly Issue[] =>
  all.filter((each) => row.issue?.(each) ?? true).map(translate);
