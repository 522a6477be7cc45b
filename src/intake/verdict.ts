import { type Issue, issue, type Reason, type State } from '../errors/index.ts';
import type { MappedResource } from '../mapping/types.ts';
import type { Client, Submission, SubmissionWrite } from '../store/port.ts';
import { sameVerdict } from './findings.ts';
import type { Group } from './group.ts';
import type { Receipt } from './intake.ts';
import type { Prepared } from './prepare.ts';
import { instant } from './record-times.ts';
import type { Resolved } from './resolve.ts';
import { ALL } from './resource-cache.ts';
import type { Outcome } from './types.ts';

interface Verdict {
  readonly state: State;
  readonly reason: Reason | null;
  readonly issues: readonly Issue[];
  readonly unused?: readonly string[];
  readonly duplicateOf?: string;
  readonly mapped?: readonly MappedResource[];
  readonly print?: string;
  readonly stages: readonly string[];
}

export function refuse(
  group: Group,
  one: Prepared,
  resolved: Resolved,
  issues: readonly Issue[],
  stages: readonly string[],
  mapped: readonly MappedResource[] = [],
  unused: readonly string[] = [],
): Outcome {
  const outcome = write(group, one, resolved, { state: 'failed', reason: 'refused', issues, stages, unused });
  return { ...outcome, resources: mapped };
}

/** Makes the submission's new version, unless it would say exactly what the current one says and no other maps made it. */
export function write(group: Group, one: Prepared, resolved: Resolved, verdict: Verdict): Outcome {
  const { now, submissions, changes } = group;
  const previous = submissions.get(one.id);
  const { client, feed } = one.item.request;
  const applied = verdict.mapped ?? [];
  if (
    previous &&
    one.item.again?.standing !== true &&
    previous.contentHash === one.contentHash &&
    sameVerdict(previous, verdict) &&
    previous.duplicateOf === (verdict.duplicateOf ?? null)
  ) {
    return { receipt: receiptOf(previous), repeated: true, resources: applied };
  }
  const stages = ['received', ...verdict.stages, 'stored'];
  const submission: SubmissionWrite = {
    id: one.id,
    version: (previous?.version ?? 0) + 1,
    feed,
    sourceSystem: one.sourceSystem,
    sourceId: one.sourceId,
    sourceUpdatedAt: instant(one.record.sourceUpdatedAt) ?? null,
    client: client.id,
    facility: resolved.puskesmas?.code ?? previous?.facility ?? onlyFacility(client),
    contentHash: one.contentHash,
    fingerprint: verdict.print ?? (verdict.reason === 'refused' && previous ? standingPrint(previous) : null),
    duplicateOf: verdict.duplicateOf ?? null,
    state: verdict.state,
    reason: verdict.reason,
    issues: verdict.issues,
    unused: verdict.unused ?? [],
    resources: verdict.mapped
      ? verdict.mapped.map(({ resource }) => `${resource.resourceType}/${resource.id}`)
      : (previous?.resources ?? []),
    story: stages.map((stage) => ({ stage, at: now, ...(stage === 'stored' && verdict.reason !== null && { reason: verdict.reason }) })),
    receivedAt: now,
    payload: one.item.raw.payload,
  };
  if (previous && tells(previous) && previous.fingerprint !== submission.fingerprint) group.freed.add(previous.fingerprint as string);
  changes.submissions.push(submission);
  submissions.set(one.id, { ...submission, seq: 0, updatedAt: now });
  return { receipt: receiptOf(submission), repeated: false, resources: applied };
}

/** Whether a version keeps others that tell the same from being taken: also one that a person has cancelled, for the others would be sent. */
const tells = ({ fingerprint, state, reason }: Submission): boolean =>
  fingerprint !== null && (state !== 'cancelled' || reason === 'dismissed');

/** Holds of intake itself: nothing was planned for such a version. */
const NEVER_PLANNED = new Set<string | null>(['validation-pending', 'unmapped-code', 'reason-code-missing', 'time-missing']);

/** What a refused version leaves as it was goes on telling its event. */
const standingPrint = (previous: Submission): string | null =>
  tells(previous) && (previous.state !== 'failed' || previous.reason === 'refused') && !NEVER_PLANNED.has(previous.reason)
    ? previous.fingerprint
    : null;

/**
 * A late older version is kept beside the record, under an id of its own that points to it; the record stays as it is.
 */
export async function keepSuperseded(group: Group, one: Prepared, resolved: Resolved, applied: Submission): Promise<Outcome> {
  const { store, ids, now, submissions, changes } = group;
  const { feed, client } = one.item.request;
  const id = ids.submissionId(one.sourceSystem, feed, `${one.sourceId}|superseded|${one.contentHash}`);
  const receipt: Receipt = {
    ...receiptOf({ ...applied, unused: [], duplicateOf: null }),
    state: 'cancelled',
    reason: 'superseded',
    issues: [issue('superseded')],
  };
  if (!submissions.has(id)) for (const found of await store.submissionsById(ALL, [id])) submissions.set(id, found);
  if (submissions.has(id)) return { receipt, repeated: true, resources: [] };
  const kept: SubmissionWrite = {
    id,
    version: 1,
    feed,
    sourceSystem: one.sourceSystem,
    sourceId: one.sourceId,
    sourceUpdatedAt: instant(one.record.sourceUpdatedAt) ?? null,
    client: client.id,
    facility: resolved.puskesmas?.code ?? applied.facility,
    contentHash: one.contentHash,
    fingerprint: null,
    duplicateOf: applied.id,
    state: 'cancelled',
    reason: 'superseded',
    issues: receipt.issues,
    unused: [],
    resources: [],
    story: ['received', 'normalised', 'stored'].map((stage) => ({ stage, at: now })),
    receivedAt: now,
    payload: one.item.raw.payload,
  };
  changes.submissions.push(kept);
  submissions.set(id, { ...kept, seq: 0, updatedAt: now });
  return { receipt, repeated: false, resources: [] };
}

export function refusedUnstored(one: Prepared, found: Issue): Outcome {
  const receipt: Receipt = {
    id: null,
    version: 0,
    sourceId: one.keyed ? one.sourceId : null,
    state: 'failed',
    reason: 'refused',
    issues: [found],
  };
  return { receipt, repeated: false, resources: [], forbidden: found };
}

const onlyFacility = ({ facilities }: Client): string | null =>
  facilities !== 'all' && facilities.length === 1 ? (facilities[0] as string) : null;

export function receiptOf(submission: Omit<Submission, 'seq' | 'updatedAt'>): Receipt {
  const { id, version, sourceId, state, reason, issues, duplicateOf, unused } = submission;
  return {
    id,
    version,
    sourceId: sourceId.startsWith('~') ? null : sourceId,
    state,
    reason,
    issues,
    ...(duplicateOf !== null && { duplicateOf }),
    ...(unused.length > 0 && { unused }),
  };
}
