import type { Resource } from '@medplum/fhirtypes';
import type { Identifiers } from '../store/id-key.ts';
import { markedBy } from '../store/map-mark.ts';
import type { ResourceWrite, Store, Submission } from '../store/port.ts';
import { createChanges } from './change-set.ts';
import type { Prepared } from './prepare.ts';
import { loadRegisters, type Needs, type Registers } from './registers.ts';
import { ALL, createResourceCache } from './resource-cache.ts';
import type { BatchOptions, Pending } from './types.ts';

export type Stored = Resource & { id: string };

/** Records that are worked on together, what they may refer to, and what has been gathered of them to be written. */
export interface Group {
  readonly options: BatchOptions;
  readonly store: Store;
  readonly ids: Identifiers;
  readonly environment: string;
  /** Instant of receipt. */
  readonly now: string;
  /** What the group before brings, while it is being written. */
  readonly pending: Pending | undefined;
  readonly prepared: readonly Prepared[];
  readonly registers: Registers;
  /** Current versions by id: of the records themselves, and of what is written on the way. */
  readonly submissions: Map<string, Submission>;
  readonly resources: ReturnType<typeof createResourceCache>;
  readonly changes: ReturnType<typeof createChanges>;
  /** Fingerprint → id of the submission of this group that has it. */
  readonly fingerprints: Map<string, string>;
  /** Fingerprints that a record of this group no longer has. */
  readonly freed: Set<string>;
  /** See BatchResult. */
  readonly mended: Map<string, boolean>;
  /** Fingerprint → submissions in the store that have it. */
  readonly candidates: Map<string, readonly Submission[]>;
}

/** Reads all that the records of a group need, at once. */
export async function openGroup(
  options: BatchOptions,
  { prepared, needs, pending, now }: { prepared: readonly Prepared[]; needs: Needs; pending: Pending | undefined; now: string },
): Promise<Group> {
  const { store, ids, environment } = options;
  for (const { supervisor, puskesmas } of pending?.changes.facilities ?? []) {
    for (const code of [supervisor, puskesmas]) if (code !== null) needs.facilities.add(code);
  }
  const [registers, current] = await Promise.all([
    loadRegisters(store, needs),
    store.submissionsById(ALL, [...new Set(prepared.map(({ id }) => id))]),
  ]);
  for (const entry of pending?.changes.facilities ?? []) registers.putFacility(entry);
  for (const entry of pending?.changes.persons ?? []) registers.putPerson(entry);
  for (const entry of pending?.changes.practitioners ?? []) registers.putPractitioner(entry);
  const submissions = new Map(current.map((submission) => [submission.id, submission]));
  for (const written of pending?.changes.submissions ?? [])
    submissions.set(written.id, { ...written, seq: 0, updatedAt: written.receivedAt });
  const resources = createResourceCache(store);
  for (const { resource, facility } of pending?.changes.resources ?? []) resources.put(resource, facility);
  const changed = prepared.filter(({ id, contentHash: hash }) => submissions.has(id) && submissions.get(id)?.contentHash !== hash);
  await resources.load(changed.flatMap(({ id }) => submissions.get(id)?.resources ?? []));

  return {
    options,
    store,
    ids,
    environment,
    now,
    pending,
    prepared,
    registers,
    submissions,
    resources,
    changes: createChanges(),
    fingerprints: new Map(),
    freed: new Set(),
    mended: new Map(),
    candidates: new Map(),
  };
}

export function putResource(group: Group, resource: Stored, facility: string | null, submission: string): void {
  const { options, now, resources, changes } = group;
  const write: ResourceWrite = { resource: markedBy(resource, options.mapVersion), facility, submission, at: now };
  const isPerson = resource.resourceType === 'Patient' || resource.resourceType === 'RelatedPerson';
  // Several sources and processes add to one person: what another wrote meanwhile must not be lost.
  const basedOn = isPerson ? resources.seen(`${resource.resourceType}/${resource.id}`) : undefined;
  changes.resources.push(basedOn === undefined ? write : { ...write, basedOn });
  resources.put(resource, facility);
}
