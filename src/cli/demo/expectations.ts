import type { State } from '../../errors/index.ts';
import type { Feed } from '../../store/port.ts';
import type { Receipt } from '../push.ts';

/** One line of `samples/expected.json`: where a record of the sample day must end. */
export interface Expectation {
  readonly feed: Feed;
  /** Line of the record in its file, from 1. */
  readonly line: number;
  readonly sourceSystem?: string;
  readonly sourceId?: string | null;
  readonly expect: 'delivered' | 'kept-local' | 'refused' | 'duplicate' | 'on-hold';
  /** Code of the first error, for refused ones. */
  readonly code?: string;
  /** Reason, for on-hold ones. */
  readonly reason?: string;
}

/** A record as it ended: its receipt, and what the service says of it afterwards. */
export interface Ending {
  readonly feed: Feed;
  readonly line: number;
  readonly receipt: Receipt;
  /** True if an earlier record of the same run has the same receipt. */
  readonly repeated: boolean;
  /** State and reason after the outbox was drained. */
  readonly state: State;
  readonly reason: string | null;
}

export type Outcome = 'delivered' | 'kept-local' | 'refused' | 'duplicate' | 'on-hold' | 'waiting' | 'failed';

/** Sorts an ending into the outcomes that people speak of. */
export function outcomeOf(ending: Ending): Outcome {
  if (ending.repeated || ending.receipt.reason === 'duplicate') return 'duplicate';
  if (ending.receipt.state === 'failed') return 'refused';
  switch (ending.state) {
    case 'completed':
      return ending.reason === 'kept-local' ? 'kept-local' : 'delivered';
    case 'on-hold':
      return 'on-hold';
    case 'failed':
      return 'failed';
    default:
      return 'waiting';
  }
}

/** What differs from the expectation, one line each; empty when every record ended where it must. */
export function differences(expected: readonly Expectation[], endings: readonly Ending[]): string[] {
  const key = (place: { feed: Feed; line: number }) => `${place.feed}:${place.line}`;
  const byPlace = new Map(endings.map((ending) => [key(ending), ending]));
  const found: string[] = [];
  for (const expectation of expected) {
    const ending = byPlace.get(key(expectation));
    if (ending === undefined) {
      found.push(`${key(expectation)}: expected ${expectation.expect}, no receipt`);
      continue;
    }
    byPlace.delete(key(expectation));
    const outcome = outcomeOf(ending);
    const wanted = [expectation.expect, expectation.code ?? expectation.reason].filter(Boolean).join(' ');
    const codes = ending.receipt.issues.filter((issue) => issue.severity === 'error').map((issue) => issue.code);
    const fits =
      outcome === expectation.expect &&
      (expectation.expect !== 'refused' || expectation.code === undefined || codes.includes(expectation.code)) &&
      (expectation.expect !== 'on-hold' || expectation.reason === undefined || ending.reason === expectation.reason);
    if (!fits) found.push(`${key(expectation)}: expected ${wanted}, ended ${[outcome, ending.reason, ...codes].filter(Boolean).join(' ')}`);
  }
  for (const place of byPlace.keys()) found.push(`${place}: not expected at all`);
  return found;
}
