import type { Reason } from '../errors/index.ts';
import type { MappedResource } from '../mapping/types.ts';
import { RESTORED_NAME } from '../store/archive-tables.ts';
import type { DeliveryWrite, Submission } from '../store/port.ts';
import { asWrite } from './change-set.ts';
import { resend } from './facility-writes.ts';
import { type Group, putResource } from './group.ts';
import { isKnownElsewhere, isPractitionerElsewhere } from './person-writes.ts';
import { deliveryKey } from './plan-deliveries.ts';
import type { Prepared } from './prepare.ts';
import type { Resolved } from './resolve.ts';
import { retire } from './retire.ts';
import type { Outcome } from './types.ts';
import { write } from './verdict.ts';

/** Reasons of a record that has nothing left to be taken back. */
export const TAKEN_BACK = new Set<string | null>(['withdrawn', 'duplicate']);

/** People and places are shared between records and do not vanish with one of them. */
export const isShared = (reference: string): boolean => /^(Patient|RelatedPerson|Practitioner|Organization|Location)\//.test(reference);

/** What the version before held and this one does not was entered in error. */
export async function retireAbsent(
  group: Group,
  one: Prepared,
  previous: Submission | undefined,
  produced: readonly MappedResource[],
): Promise<void> {
  const { resources } = group;
  if (!previous) return;
  const kept = new Set(produced.map(({ resource }) => `${resource.resourceType}/${resource.id}`));
  const absent = previous.resources.filter((reference) => !kept.has(reference) && !isShared(reference));
  await resources.load(absent);
  for (const reference of absent) {
    const stored = await resources.get(reference);
    const retired = stored && retire(stored.resource);
    if (stored && retired) putResource(group, retired, stored.facility, one.id);
  }
}

export async function withdraw(group: Group, one: Prepared, resolved: Resolved, previous: Submission | undefined): Promise<Outcome> {
  if (previous) await retract(group, one, previous, 'withdrawn');
  return write(group, one, resolved, { state: 'completed', reason: 'withdrawn', issues: [], stages: ['normalised'] });
}

/** All that a record made was entered in error, here and where it was sent. */
export async function retract(group: Group, one: Prepared, previous: Submission, reason: 'withdrawn' | 'duplicate'): Promise<void> {
  const { resources } = group;
  const { feed } = one.item.request;
  // An event's people and places outlive it, and a person or health worker outlives one of several sources.
  const keepsShared =
    feed === 'encounters' ||
    feed === 'village-observations' ||
    (feed === 'persons' && (await isKnownElsewhere(group, one))) ||
    (feed === 'practitioners' && (await isPractitionerElsewhere(group, one)));
  const retired: MappedResource[] = [];
  for (const reference of previous.resources) {
    const stored = await resources.get(reference);
    const resource = stored && !(keepsShared && isShared(reference)) ? retire(stored.resource) : undefined;
    if (!stored || !resource) continue;
    putResource(group, resource, stored.facility, one.id);
    retired.push({ role: '', item: '', resource });
  }
  await takeBack(group, previous, 'cancelled', reason);
  if (feed === 'facilities') await resend(group, retired, ['completed', 'in-progress']);
}

/**
 * What was planned for the version before is taken back. What reached the platform, or may have, is sent once more as it is now:
 * entered in error.
 */
export async function takeBack(group: Group, previous: Submission, state: 'cancelled' | 'on-hold', reason: Reason | null): Promise<void> {
  const { store, environment, changes } = group;
  const retracts = state === 'cancelled';
  const forgetful = await isRestored(group);
  for (const { write, uncertain } of await deliveriesOf(group, previous.id)) {
    if (write.state === 'cancelled') continue;
    const placed = new Set((await store.platformIds(environment, write.resources)).map(({ reference }) => reference));
    const there = uncertain || forgetful ? write.resources : write.resources.filter((reference) => placed.has(reference));
    changes.deliveries.push(
      there.length > 0 && retracts
        ? {
            ...write,
            resources: there,
            submission: null,
            submissionVersion: null,
            state: 'ready',
            reason: null,
            replace: true,
          }
        : { ...write, state, reason, replace: true, ...(retracts && { unlessSent: true }) },
    );
  }
}

/** Whether the store is a restored backup: then the platform may have anything, whatever is said of it here. */
const isRestored = async ({ store, environment }: Group): Promise<boolean> =>
  (await store.shared(environment, [RESTORED_NAME])).entries.length > 0;

/** Whether the platform has a version of a record, or may have. */
export async function stands(group: Group, previous: Submission): Promise<boolean> {
  const { store, environment } = group;
  const forgetful = await isRestored(group);
  for (const { write, uncertain } of await deliveriesOf(group, previous.id)) {
    if (uncertain || forgetful || (await store.platformIds(environment, write.resources)).length > 0) return true;
  }
  return false;
}

/** Whether resources were ever to be sent: a delivery is never forgotten, whatever became of it. */
export async function wasPlanned({ store, environment, pending, changes }: Group, produced: readonly MappedResource[]): Promise<boolean> {
  const keys = produced.map(({ resource }) => deliveryKey(`${resource.resourceType}/${resource.id}`));
  const near = [...(pending?.changes.deliveries ?? []), ...changes.deliveries];
  return near.some(({ key }) => keys.includes(key)) || (await store.deliveries({ keys, environment, limit: 1 })).length > 0;
}

/** Deliveries of a submission: those stored, overlaid with those that this group or the one before is about to write. */
export async function deliveriesOf(group: Group, submissionId: string): Promise<readonly { write: DeliveryWrite; uncertain: boolean }[]> {
  const { store, environment, pending, changes } = group;
  const found = new Map<string, { write: DeliveryWrite; uncertain: boolean }>();
  for (const delivery of await store.deliveries({ submissionId, environment })) {
    found.set(delivery.key, { write: asWrite(delivery), uncertain: delivery.sentAt !== null || delivery.state === 'in-progress' });
  }
  for (const write of [...(pending?.changes.deliveries ?? []), ...changes.deliveries]) {
    if (write.submission === submissionId) found.set(write.key, { write, uncertain: found.get(write.key)?.uncertain ?? false });
  }
  return [...found.values()];
}
