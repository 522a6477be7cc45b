import type { Client, Submission } from '../store/port.ts';
import { fingerprint } from './fingerprint.ts';
import type { Group } from './group.ts';
import { resolveEvent } from './resolve.ts';
import { rezone } from './resolve-master.ts';
import { ALL } from './resource-cache.ts';
import type { BatchItem } from './types.ts';

/** One query for the fingerprints of the whole group, as far as they can be told now. */
export async function loadCandidates(group: Group, pause: () => Promise<void> | undefined): Promise<void> {
  const { store, ids, registers, prepared, candidates } = group;
  const prints = new Set<string>();
  for (const one of prepared) {
    const { feed } = one.item.request;
    if (feed !== 'encounters' && feed !== 'village-observations') continue;
    await pause();
    rezone(group, one);
    const { person } = resolveEvent(one.record, { feed, sourceSystem: one.sourceSystem, ids, registers });
    if (!person) continue;
    one.print = { patient: person.patient, value: fingerprint(feed, one.record, person.patient) };
    if (one.print.value !== undefined) prints.add(one.print.value);
  }
  if (prints.size === 0) return;
  for (const print of prints) candidates.set(print, []);
  for (const submission of await store.submissionsByFingerprint([...prints])) {
    const print = submission.fingerprint as string;
    candidates.set(print, [...(candidates.get(print) ?? []), submission]);
  }
}

/** Another current submission that tells the same event. */
export async function duplicateOf(group: Group, print: string, id: string): Promise<string | undefined> {
  const { store, pending, submissions, fingerprints, candidates } = group;
  const near = [fingerprints.get(print), pending?.fingerprints.get(print)].find((other) => other !== undefined && stillTells(other));
  if (near !== undefined) return near;
  // A person who came with this very group makes a fingerprint that could not be looked up before.
  if (!candidates.has(print)) candidates.set(print, await store.submissionsByFingerprint([print]));
  return candidates.get(print)?.find((submission) => stillTells(submission.id))?.id;

  /** This group or the one before may have withdrawn or changed it since. */
  function stillTells(other: string): boolean {
    const written = submissions.get(other);
    return other !== id && (written === undefined || (written.fingerprint === print && written.state !== 'cancelled'));
  }
}

/** The records that were not taken because of an original that no longer tells their event, as they were received, oldest first. */
export async function duplicatesOf(group: Group): Promise<readonly BatchItem[]> {
  const { store, freed, submissions } = group;
  const found = new Map((await store.duplicatesByFingerprint([...freed])).map((submission) => [submission.id, submission]));
  for (const near of submissions.values()) {
    const waits = near.reason === 'duplicate' && near.fingerprint !== null && freed.has(near.fingerprint);
    if (waits) found.set(near.id, near);
    else found.delete(near.id);
  }
  const oldest = [...found.values()].sort((a, b) => (a.receivedAt < b.receivedAt ? -1 : a.receivedAt > b.receivedAt ? 1 : 0));
  const items: BatchItem[] = [];
  for (const submission of oldest) {
    const payload = await payloadOf(group, submission);
    if (payload === undefined) continue;
    items.push({
      request: { feed: submission.feed, client: senderOf(submission), strict: false },
      raw: { line: 1, payload, value: JSON.parse(payload), contentHash: submission.contentHash },
    });
  }
  return items;
}

/** As received: from the store, or on its way there. */
export async function payloadOf(
  { store, pending, changes }: Group,
  { id, version }: Pick<Submission, 'id' | 'version'>,
): Promise<string | undefined> {
  const near = [...changes.submissions, ...(pending?.changes.submissions ?? [])];
  const written = near.find((submission) => submission.id === id && submission.version === version);
  return written?.payload ?? (await store.submissionPayload(ALL, id, version));
}

/** Whoever sent a record had the right to when it was received. */
export const senderOf = ({ client, sourceSystem, receivedAt }: Submission): Client => ({
  id: client,
  name: client,
  keyHash: '',
  scopes: [],
  sourceSystems: [sourceSystem],
  facilities: 'all',
  createdAt: receivedAt,
  revokedAt: null,
});
