import type { Issue, Reason, State } from '../errors/index.ts';
import { FEEDS, type Store, type Submission } from '../store/port.ts';
import { senderOf } from './duplicates.ts';
import { ALL } from './resource-cache.ts';
import type { BatchItem } from './types.ts';

/**
 * What a stored record came to when it was taken through all stages again. `applied`: it goes on. `unchanged`: the same verdict as before.
 * `moved`: it was changed or went on meanwhile, and was left alone. `unreadable`: its payload was not kept as text; only its source has it.
 */
export interface Reprocessed {
  readonly id: string;
  readonly outcome: 'applied' | 'unchanged' | 'moved' | 'unreadable';
  readonly state: State;
  readonly reason: Reason | null;
  readonly issues: readonly Issue[];
}

/** Reasons that end when a person or health worker is another one by now, or is told of otherwise. */
export const IDENTITY_REASONS: readonly Reason[] = ['identity', 'practitioner-identity'];

/** Whether a record stopped, so that taking it through again can help. One that waits for another that stopped counts. */
export const isStopped = ({ state, reason }: Pick<Submission, 'state' | 'reason'>): boolean =>
  state === 'on-hold' || state === 'failed' || (state === 'ready' && reason === 'dependency');

/** Registers before what refers to them, and the oldest first: the order in which sources send. */
export const inOrder = (submissions: readonly Submission[]): readonly Submission[] =>
  [...submissions].sort(
    (a, b) => FEEDS.indexOf(a.feed) - FEEDS.indexOf(b.feed) || (a.receivedAt < b.receivedAt ? -1 : a.receivedAt > b.receivedAt ? 1 : 0),
  );

/**
 * A stored record as it was received, to be taken through all stages again; undefined where its payload is not text.
 *
 * @param anyway also if nothing that it refers to has changed
 * @param standing also if it did not stop
 */
export async function itemOf(
  store: Pick<Store, 'submissionPayload'>,
  submission: Submission,
  anyway: boolean,
  standing = false,
): Promise<BatchItem | undefined> {
  const payload = await store.submissionPayload(ALL, submission.id, submission.version);
  if (payload === undefined || /^(base64|sha256):/.test(payload)) return undefined;
  const value = recordIn(payload);
  if (value === undefined) return undefined;
  return {
    request: { feed: submission.feed, client: senderOf(submission), strict: false },
    raw: { line: 1, payload, value, contentHash: submission.contentHash },
    again: { version: submission.version, anyway, ...(standing && { standing }) },
  };
}

function recordIn(payload: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(payload);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

const PAGE = 500;

/** Current records that wait for the number of a person, page by page. */
export async function* heldByIdentity(store: Pick<Store, 'submissionFeed'>): AsyncGenerator<readonly Submission[]> {
  for (const reason of IDENTITY_REASONS) {
    for (let after = 0; ; ) {
      const page = await store.submissionFeed(ALL, { state: 'on-hold', reason, after, limit: PAGE });
      if (page.length > 0) yield page;
      after = page.at(-1)?.seq ?? after;
      if (page.length < PAGE) break;
    }
  }
}

/** Records of visits of these people (references) that wait for the number of a person. */
export async function heldVisitsOf(
  store: Pick<Store, 'search' | 'submissionFeed' | 'submissionsById'>,
  people: readonly string[],
): Promise<readonly Submission[]> {
  const waits = await Promise.all(IDENTITY_REASONS.map((reason) => store.submissionFeed(ALL, { state: 'on-hold', reason, limit: 1 })));
  if (waits.every((found) => found.length === 0)) return [];
  const ids = new Set<string>();
  for (const [type, param] of [
    ['Patient/', 'subject'],
    ['Practitioner/', 'participant'],
  ] as const) {
    const values = people.filter((reference) => reference.startsWith(type));
    for (let after: string | undefined; values.length > 0; ) {
      const page = await store.search(ALL, {
        type: 'Encounter',
        filters: [{ param, kind: 'reference', values }],
        count: PAGE,
        ...(after !== undefined && { after }),
      });
      for (const { submission } of page.resources) if (submission !== null) ids.add(submission);
      after = page.next;
      if (after === undefined) break;
    }
  }
  const found = ids.size === 0 ? [] : await store.submissionsById(ALL, [...ids]);
  return found.filter(({ state, reason }) => state === 'on-hold' && reason !== null && IDENTITY_REASONS.includes(reason));
}
