import type { MappedResource } from '../mapping/types.ts';
import type { PersonEntry } from '../store/port.ts';
import { type Group, putResource, type Stored } from './group.ts';
import { mergePatient, withLink } from './patient-merge.ts';
import type { Prepared } from './prepare.ts';
import { type Resolved, sourceKey } from './resolve.ts';
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

/** A NIK that arrives later makes the Patient of that NIK the person's; the one before is linked, and keeps what points to it. */
export async function registerPerson(
  group: Group,
  one: Prepared,
  resolved: Resolved,
  mapped: readonly MappedResource[],
): Promise<PersonEntry | undefined> {
  const { registers, changes } = group;
  const entry = resolved.person;
  if (!entry) return undefined;
  const before = registers.person(entry.sourceKey);
  const facility = resolved.puskesmas?.code ?? null;
  for (const { resource } of mapped) {
    if (resource.resourceType === 'Patient') putResource(group, await linked(group, one, resource, entry, before), facility, one.id);
  }
  changes.persons.push(entry);
  registers.putPerson(entry);
  return entry;
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

/** Whether another source has told of the same Patient, and not withdrawn it. */
export async function isKnownElsewhere(group: Group, one: Prepared): Promise<boolean> {
  const { store, ids, registers, submissions } = group;
  const own = registers.person(sourceKey(one.sourceSystem, one.sourceId));
  if (!own?.nikHash) return false;
  const others = (await store.persons({ nikHashes: [own.nikHash] })).filter(
    (other) => other.patient === own.patient && other.sourceKey !== own.sourceKey,
  );
  const tellers = others.map(({ sourceKey: key }) => {
    const cut = key.indexOf('|');
    return ids.submissionId(key.slice(0, cut), 'persons', key.slice(cut + 1));
  });
  const stored = new Map((await store.submissionsById(ALL, tellers)).map((submission) => [submission.id, submission]));
  return tellers.some((id) => (submissions.get(id) ?? stored.get(id))?.reason !== 'withdrawn');
}
