import type { MappedResource } from '../mapping/types.ts';
import type { Feed, PersonEntry, Submission } from '../store/port.ts';
import { payloadOf } from './duplicates.ts';
import { type Group, putResource, type Stored } from './group.ts';
import { contextFor, idsOf } from './judge.ts';
import { mergePatient, mergeSources, withLink } from './patient-merge.ts';
import { DEFAULT_ZONE, type Prepared, withSourceSystem } from './prepare.ts';
import { type Resolved, sourceKey } from './resolve.ts';
import { resolveMaster } from './resolve-master.ts';
import { ALL } from './resource-cache.ts';

/** A Patient that is already here keeps what a shorter record does not say. */
export async function putPatient(group: Group, one: Prepared, entry: PersonEntry, mapped: readonly MappedResource[]): Promise<void> {
  const { registers, resources, changes } = group;
  const known = registers.person(entry.sourceKey);
  for (const { resource } of mapped) {
    const stored = await resources.get(`${resource.resourceType}/${resource.id}`);
    const facility = stored?.facility ?? registers.facility(entry.facility)?.puskesmas ?? null;
    const merged = stored ? mergePatient(stored.resource, resource) : resource;
    putResource(group, resource.resourceType === 'Patient' ? await linked(group, one, merged, entry, known) : merged, facility, one.id);
  }
  if (!known || known.patient !== entry.patient || known.nikHash !== entry.nikHash) {
    changes.persons.push(entry);
    registers.putPerson(entry);
  }
}

/**
 * A NIK that arrives later makes the Patient of that NIK the person's; the one before is linked, and keeps what points to it. What other
 * sources said of the same Patient stays.
 */
export async function registerPerson(
  group: Group,
  one: Prepared,
  resolved: Resolved,
  mapped: readonly MappedResource[],
): Promise<Registered> {
  const { registers, resources, changes } = group;
  const entry = resolved.person;
  if (!entry) return { differing: [] };
  const before = registers.person(entry.sourceKey);
  const facility = resolved.puskesmas?.code ?? null;
  const differing: Registered['differing'][number][] = [];
  let said: ReadonlyMap<string, Stored> | undefined;
  let others: Promise<readonly ReadonlyMap<string, Stored>[]> | undefined;
  for (const { role, resource } of mapped) {
    const reference = `${resource.resourceType}/${resource.id}`;
    const stored = await resources.get(reference);
    let merged: Stored = resource;
    if (stored) {
      said ??= await saidBefore(group, one);
      const result = await mergeSources(stored.resource, {
        now: resource,
        before: said.get(reference),
        others: async () => {
          others ??= saidByOthers(group, entry);
          return (await others).flatMap((other) => other.get(reference) ?? []);
        },
      });
      merged = result.merged;
      for (const expression of result.differing) differing.push({ role, expression });
    }
    putResource(group, resource.resourceType === 'Patient' ? await linked(group, one, merged, entry, before) : merged, facility, one.id);
  }
  if (before && isMended(before, entry)) group.mended.set(before.patient, before.patient === entry.patient);
  changes.persons.push(entry);
  registers.putPerson(entry);
  return { person: entry, differing };
}

/** Whether the platform may know now whom it did not know. One without a NIK is asked for by more than the register holds. */
const isMended = (before: PersonEntry, now: PersonEntry): boolean =>
  before.patient !== now.patient || before.nikHash !== now.nikHash || before.birthDate !== now.birthDate || now.nikHash === null;

interface Registered {
  readonly person?: PersonEntry;
  /** Where another source says otherwise. */
  readonly differing: readonly { readonly role: string; readonly expression: string }[];
}

/** What the same source said last, as far as it was taken and not withdrawn since: its resources by reference. */
async function saidBefore(group: Group, one: Prepared): Promise<ReadonlyMap<string, Stored>> {
  const { store, submissions, pending, changes } = group;
  if (!submissions.has(one.id)) return new Map();
  const near = [...(pending?.changes.submissions ?? []), ...changes.submissions].filter(({ id }) => id === one.id).reverse();
  const versions = [...near, ...(await store.submissionVersions(ALL, one.id))];
  const last = versions.find(({ reason }) => reason !== 'refused');
  return last?.reason === 'registered' ? saidIn(group, last) : new Map();
}

/** What a stored record of a person says, mapped again from what was received. */
async function saidIn(group: Group, submission: Omit<Submission, 'seq' | 'updatedAt'>): Promise<ReadonlyMap<string, Stored>> {
  const { options, store, registers, now } = group;
  const payload = await payloadOf(group, submission);
  if (payload === undefined) return new Map();
  const { sourceSystem, sourceId } = submission;
  const normalise = () => options.normaliser.normalise('persons', JSON.parse(payload), { timeZone: DEFAULT_ZONE, now }).record;
  const record = withSourceSystem(normalise(), sourceSystem);
  const units = [record.facilityCode, record.posyanduCode].filter((code): code is string => typeof code === 'string');
  const unknown = units.filter((code) => !registers.facility(code));
  if (unknown.length > 0) for (const unit of await store.facilities(unknown)) registers.putFacility(unit);
  const told = {
    record,
    sourceSystem,
    sourceId,
    feed: 'persons' as const,
    recordKey: options.ids.recordKey(sourceSystem, 'persons', sourceId),
  };
  const { context } = contextFor(group, 'persons', record, resolveMaster(group, told));
  const { resources } = options.mapper.map('persons', record, context, idsOf(group, told));
  return new Map(resources.map(({ resource }) => [`${resource.resourceType}/${resource.id}`, resource]));
}

/** The Patient with a link to the one that was the person's before, if it is another; that one gets the link back. */
async function linked(group: Group, one: Prepared, patient: Stored, entry: PersonEntry, before: PersonEntry | undefined): Promise<Stored> {
  const { resources } = group;
  const earlier = before && before.patient !== entry.patient ? await resources.get(before.patient) : undefined;
  if (!before || !earlier) return patient;
  const type = before.nikHash === null ? (['replaces', 'replaced-by'] as const) : (['seealso', 'seealso'] as const);
  putResource(group, withLink(earlier.resource, entry.patient, type[1]), earlier.facility, one.id);
  return withLink(patient, before.patient, type[0]);
}

/** Whether another source has told of the same Patient, and not withdrawn it. Persons told of inline have no record that could be. */
export async function isKnownElsewhere(group: Group, one: Prepared): Promise<boolean> {
  const own = group.registers.person(sourceKey(one.sourceSystem, one.sourceId));
  return own !== undefined && (await otherSources(group, own)).some((submission) => submission?.reason !== 'withdrawn');
}

/** The records of the other sources that lead to the same Patient; undefined where a visit told of the person inline. */
async function otherSources(group: Group, own: PersonEntry): Promise<readonly (Submission | undefined)[]> {
  const { store, pending, changes } = group;
  if (!own.nikHash) return [];
  const entries = [...(await store.persons({ nikHashes: [own.nikHash] })), ...(pending?.changes.persons ?? []), ...changes.persons];
  const keys = new Set(entries.filter(({ patient }) => patient === own.patient).map((entry) => entry.sourceKey));
  keys.delete(own.sourceKey);
  return recordsOf(group, 'persons', keys);
}

/** Whether another source has registered the same health worker, and not withdrawn them. */
export async function isPractitionerElsewhere(group: Group, one: Prepared): Promise<boolean> {
  const { store, registers, pending, changes } = group;
  const key = sourceKey(one.sourceSystem, one.sourceId);
  const own = registers.practitioner(key) ?? (await store.practitioners({ sourceKeys: [key] }))[0];
  if (!own) return false;
  const stored = await store.practitioners({ nikHashes: [own.nikHash] });
  const entries = [...stored, ...(pending?.changes.practitioners ?? []), ...changes.practitioners];
  const keys = new Set(entries.filter(({ nikHash }) => nikHash === own.nikHash).map((entry) => entry.sourceKey));
  keys.delete(key);
  return (await recordsOf(group, 'practitioners', keys)).some(
    (submission) => submission !== undefined && submission.reason !== 'withdrawn',
  );
}

/** Current records by their keys, undefined where there is none. */
async function recordsOf(
  { store, ids, submissions }: Group,
  feed: Feed,
  keys: ReadonlySet<string>,
): Promise<readonly (Submission | undefined)[]> {
  const wanted = [...keys].map((key) => {
    const cut = key.indexOf('|');
    return ids.submissionId(key.slice(0, cut), feed, key.slice(cut + 1));
  });
  const stored = new Map((await store.submissionsById(ALL, wanted)).map((submission) => [submission.id, submission]));
  return wanted.map((id) => submissions.get(id) ?? stored.get(id));
}

/** What the other sources of a Patient say now, the one that was told last first. */
async function saidByOthers(group: Group, own: PersonEntry): Promise<readonly ReadonlyMap<string, Stored>[]> {
  const tellers = (await otherSources(group, own)).filter((submission) => submission?.reason === 'registered') as Submission[];
  tellers.sort((a, b) => (a.receivedAt < b.receivedAt ? 1 : -1));
  return Promise.all(tellers.map((submission) => saidIn(group, submission)));
}
