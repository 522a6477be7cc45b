import type { MappedResource } from '../mapping/types.ts';
import type { FacilityEntry, PersonEntry, Submission } from '../store/port.ts';
import type { Group, Stored } from './group.ts';
import { MOTHER } from './judge.ts';
import { deliveryKey, planDeliveries } from './plan-deliveries.ts';
import type { Prepared } from './prepare.ts';
import type { Resolved } from './resolve.ts';
import { isRetired } from './retire.ts';
import { deliveriesOf, isShared } from './take-back.ts';

type Json = Readonly<Record<string, unknown>>;

export async function plan(
  group: Group,
  one: Prepared,
  resolved: Resolved,
  person: PersonEntry | undefined,
  sent: readonly MappedResource[],
  previous?: Submission,
) {
  const { environment, now, registers, resources, changes } = group;
  const encounter = sent.filter(({ resource }) => resource.resourceType === 'Encounter');
  const others = sent.filter(({ resource }) => resource.resourceType !== 'Encounter');
  const puskesmas = resolved.puskesmas as FacilityEntry;
  const units = new Set<string>();
  const chain = resolved.unit ? registers.chain(resolved.unit.code) : [];
  for (const entry of [...chain, puskesmas]) units.add(entry.organization).add(entry.location);
  await resources.load([...units]);
  const located = new Map<string, Json>();
  for (const reference of units) {
    const stored = await resources.get(reference);
    if (stored) located.set(reference, stored.resource as unknown as Json);
  }
  const version = (previous?.version ?? 0) + 1;
  const kept = new Set(sent.map(({ resource }) => `${resource.resourceType}/${resource.id}`));
  // What this version, or one before it, no longer holds goes along as entered in error. Whether the platform has it is known when it
  // is sent: the version before may be on its way at this moment.
  const earlier = previous ? (await deliveriesOf(group, previous.id)).flatMap(({ write }) => write.resources) : [];
  // A retraction that is still under way is replaced by this plan, and goes on within it.
  if (previous && earlier.length === 0) earlier.push(...(await takenBack(group, encounter)));
  const absent = new Set([...(previous?.resources ?? []), ...earlier].filter((reference) => !kept.has(reference) && !isShared(reference)));
  await resources.load([...absent]);
  const retired: Stored[] = [];
  for (const reference of absent) {
    const found = (await resources.get(reference))?.resource;
    if (found && isRetired(found)) retired.push(found);
  }
  const people = person?.nikHash === null ? await peopleOf(group, person) : [];
  changes.deliveries.push(
    ...planDeliveries(
      {
        environment,
        owner: puskesmas.code,
        patient: person?.patient ?? `Submission/${one.id}`,
        submission: one.id,
        version,
        resources: [...[...encounter, ...others].map(({ resource }) => resource), ...retired] as unknown as (Json & Stored)[],
        people,
        at: now,
        replace: previous !== undefined,
      },
      registers,
      located,
    ),
  );
}

/** A patient without a NIK, and the mother: the platform may have to be told of them before the visit. */
async function peopleOf({ ids, resources }: Group, { patient }: PersonEntry): Promise<(Json & Stored)[]> {
  const references = [patient, `RelatedPerson/${ids.resourceId(patient.slice('Patient/'.length), MOTHER)}`];
  await resources.load(references);
  const found = await Promise.all(references.map((reference) => resources.get(reference)));
  return found.flatMap((stored) => (stored ? [stored.resource as unknown as Json & Stored] : []));
}

/** Resources that are being retracted, of a record that was taken back. */
async function takenBack({ store, environment, pending, changes }: Group, [encounter]: readonly MappedResource[]): Promise<string[]> {
  if (!encounter) return [];
  const key = deliveryKey(`Encounter/${encounter.resource.id}`);
  const near = [...changes.deliveries, ...(pending?.changes.deliveries ?? [])].filter((delivery) => delivery.key === key);
  return [...near, ...(await store.deliveries({ keys: [key], environment }))].flatMap(({ resources }) => resources);
}
