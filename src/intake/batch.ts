import { issue } from '../errors/index.ts';
import { createSlices } from '../store/engine.ts';
import type { Submission } from '../store/port.ts';
import { apply } from './apply.ts';
import { joinPending } from './change-set.ts';
import { duplicateOf, duplicatesOf, loadCandidates } from './duplicates.ts';
import { isError } from './findings.ts';
import { fingerprint } from './fingerprint.ts';
import { type Group, openGroup } from './group.ts';
import { gatherIssues } from './judge.ts';
import { type Prepared, prepare } from './prepare.ts';
import { instant } from './record-times.ts';
import { noNeeds } from './registers.ts';
import { isStopped } from './reprocess.ts';
import { collectNeeds, type Resolved, resolveEvent } from './resolve.ts';
import { resolveMaster, rezone } from './resolve-master.ts';
import { foreignFacility, foreignRecord } from './rights.ts';
import { retract, TAKEN_BACK, withdraw } from './take-back.ts';
import type { BatchItem, BatchOptions, BatchResult, Outcome, Pending } from './types.ts';
import { keepSuperseded, receiptOf, refuse, refusedUnstored, write } from './verdict.ts';

/** Reasons that a re-send of the same content may have overcome: what was missing may be there now. */
const RETRIED = new Set<string | null>([
  'refused',
  'duplicate',
  'time-missing',
  'reason-code-missing',
  'unmapped-code',
  'validation-pending',
]);

/**
 * Takes a group of records through all stages and gathers what must be written. Reads the store, writes nothing. Later records of the
 * group see what earlier ones bring.
 *
 * @param before.pending what the group before brings, while it is being written
 * @param before.anew judge and map a record that is known with this content too, instead of repeating its receipt (for a dry run)
 */
export async function processBatch(
  options: BatchOptions,
  items: readonly BatchItem[],
  now: string,
  { pending, anew = false }: { pending?: Pending | undefined; anew?: boolean } = {},
): Promise<BatchResult & { readonly pending: Pending }> {
  const { ids } = options;
  // Other requests get their turn within a large group.
  const pause = createSlices();
  const prepared: Prepared[] = [];
  const needs = noNeeds();
  for (const item of items) {
    const one = prepare(options, item, now);
    collectNeeds(item.request.feed, one.record, one.sourceSystem, ids, needs);
    prepared.push(one);
    await pause();
  }
  const group = await openGroup(options, { prepared, needs, pending, now });
  await loadCandidates(group, pause);
  const outcomes: Outcome[] = [];
  for (const one of prepared) {
    await pause();
    outcomes.push(await processOne(group, one, anew));
  }
  const changes = group.changes.done(now, outcomes, items, group.freed);
  const brought: Pending = { changes, fingerprints: group.fingerprints };
  const waiting = anew || group.freed.size === 0 ? [] : await duplicatesOf(group);
  const { mended } = group;
  if (waiting.length === 0) return { outcomes, changes, mended, pending: brought };
  // The oldest that is sound takes the place of the original, the others are duplicates of it: in the same commit.
  const taken = await processBatch(options, waiting, now, { pending: pending ? joinPending(pending, brought) : brought });
  const joined = joinPending(brought, taken.pending);
  return { outcomes, changes: joined.changes, mended, pending: joined };
}

async function processOne(group: Group, one: Prepared, anew: boolean): Promise<Outcome> {
  const { options, ids, registers, submissions } = group;
  const { item, sourceSystem, id } = one;
  const { feed, client, strict } = item.request;
  rezone(group, one);
  const resolved: Resolved =
    feed === 'encounters' || feed === 'village-observations'
      ? resolveEvent(one.record, { feed, sourceSystem, ids, registers })
      : resolveMaster(group, one);
  const previous = submissions.get(id);
  const forbidden = one.forbidden ?? foreignFacility(client, feed, one.record, resolved, registers) ?? foreignRecord(client, previous);
  if (forbidden) return refusedUnstored(one, forbidden);

  const { again } = item;
  if (again && !anew && (!previous || previous.version !== again.version || !(again.standing || isStopped(previous)))) {
    return {
      receipt: previous ? receiptOf(previous) : refusedUnstored(one, issue('conflict')).receipt,
      repeated: true,
      moved: true,
      resources: [],
    };
  }
  if (!anew && !again?.anyway && previous && isKnown(one, previous) && !(await hasOtherPeople(group, previous, resolved))) {
    return { receipt: receiptOf(previous), repeated: true, resources: [] };
  }
  const updatedAt = instant(one.record.sourceUpdatedAt);
  if (previous?.sourceUpdatedAt && updatedAt && updatedAt < previous.sourceUpdatedAt) return keepSuperseded(group, one, resolved, previous);

  const issues = gatherIssues(group, one, resolved, strict);
  if (one.record.recordStatus === 'withdrawn' && !item.raw.fault) {
    const broken = [...one.issues.filter(isError), ...options.contracts.check(feed, one.record)];
    if (broken.length > 0) return refuse(group, one, resolved, broken, ['normalised']);
    return withdraw(group, one, resolved, previous);
  }
  if (issues.some(isError)) return refuse(group, one, resolved, issues, item.raw.fault ? [] : ['normalised']);

  const { person } = resolved;
  const print = one.print && one.print.patient === person?.patient ? one.print.value : fingerprint(feed, one.record, person?.patient);
  const same = print && (await duplicateOf(group, print, id));
  if (same) {
    if (previous && !TAKEN_BACK.has(previous.reason)) await retract(group, one, previous, 'duplicate');
    return write(group, one, resolved, {
      state: 'cancelled',
      reason: 'duplicate',
      issues: [issue('duplicate')],
      duplicateOf: same,
      print: print as string,
      stages: ['normalised', 'checked'],
    });
  }
  return apply(group, one, resolved, previous, issues, print);
}

/** A visit that is held because the platform does not know one of its people, who is another one by now: a NIK was mended. */
async function hasOtherPeople(group: Group, previous: Submission, { person, practitioner }: Resolved): Promise<boolean> {
  const { resources } = group;
  if (previous.reason !== 'identity' && previous.reason !== 'practitioner-identity') return false;
  const encounter = previous.resources.find((reference) => reference.startsWith('Encounter/'));
  const stored = encounter === undefined ? undefined : (await resources.get(encounter))?.resource;
  if (stored?.resourceType !== 'Encounter') return false;
  const who = previous.reason === 'identity' ? person?.patient : practitioner?.practitioner;
  const told = [stored.subject, ...(stored.participant ?? []).map(({ individual }) => individual)];
  return who !== undefined && !told.some((reference) => reference?.reference === who);
}

/** What a source sends again as it was. Some reasons may have gone meanwhile; a validation of an older content is no news either. */
function isKnown(one: Prepared, previous: Submission): boolean {
  if (previous.contentHash === one.contentHash) return !RETRIED.has(previous.reason);
  return one.item.raw.contentHash !== undefined;
}
