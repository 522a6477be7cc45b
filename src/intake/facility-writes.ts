import type { State } from '../errors/index.ts';
import type { MappedResource } from '../mapping/types.ts';
import type { FacilityEntry } from '../store/port.ts';
import { asWrite } from './change-set.ts';
import type { Group } from './group.ts';
import { deliveryKey } from './plan-deliveries.ts';
import type { Prepared } from './prepare.ts';
import { type Resolved, sourceKey, text } from './resolve.ts';

export async function registerFacility(group: Group, one: Prepared, resolved: Resolved, mapped: readonly MappedResource[]): Promise<void> {
  const { environment, now, registers, changes } = group;
  const entry = resolved.unit as FacilityEntry;
  const before = registers.facility(entry.code);
  changes.facilities.push(entry);
  registers.putFacility(entry);
  if (before && before.puskesmas !== entry.puskesmas) await moveUnitsBelow(group, entry);
  const given: readonly [unknown, string][] = [
    [one.record.satusehatOrganizationId, entry.organization],
    [one.record.satusehatLocationId, entry.location],
  ];
  for (const [platformId, reference] of given) {
    if (typeof platformId !== 'string' || platformId === '') continue;
    changes.platformIds.push({ environment, reference, platformId, platformVersion: null, at: now });
    const own = entry.code === entry.puskesmas && reference === entry.organization;
    if (own || !mapped.some(({ resource }) => `${resource.resourceType}/${resource.id}` === reference)) continue;
    // It is there already: what refers to it need not wait.
    changes.deliveries.push({
      key: deliveryKey(reference),
      environment,
      kind: reference === entry.location ? 'location' : 'organization',
      owner: entry.puskesmas ?? entry.code,
      partition: reference,
      resources: [reference],
      dependsOn: [],
      submission: null,
      submissionVersion: null,
      state: 'completed',
      reason: null,
      replace: true,
    });
  }
}

/** The tree below a unit goes with it to another puskesmas. */
async function moveUnitsBelow(group: Group, head: FacilityEntry): Promise<void> {
  const { store, registers, changes } = group;
  const all = (await store.facilities()).map(({ code, ...rest }) => registers.facility(code) ?? { code, ...rest });
  const moved = [head.code];
  for (const code of moved) {
    for (const unit of all) {
      if (unit.supervisor !== code || unit.kind === 'puskesmas' || moved.includes(unit.code)) continue;
      moved.push(unit.code);
      const entry = { ...unit, puskesmas: head.puskesmas };
      changes.facilities.push(entry);
      registers.putFacility(entry);
    }
  }
}

/** A unit that changed is sent again if it ever was, and if it was refused or held: the change may have mended it. */
export async function resend(
  group: Group,
  mapped: readonly MappedResource[],
  states: readonly State[] = ['completed', 'in-progress', 'failed', 'on-hold'],
): Promise<void> {
  const { store, environment, changes } = group;
  const keys = mapped.map(({ resource }) => deliveryKey(`${resource.resourceType}/${resource.id}`));
  const planned = new Set(changes.deliveries.map(({ key }) => key));
  for (const delivery of await store.deliveries({ keys, environment })) {
    if (planned.has(delivery.key) || !states.includes(delivery.state)) continue;
    changes.deliveries.push({ ...asWrite(delivery), state: 'ready', reason: null, replace: true });
  }
}

export function registerPractitioner(group: Group, one: Prepared, mapped: readonly MappedResource[]): void {
  const { ids, registers, changes } = group;
  const practitioner = mapped.find(({ resource }) => resource.resourceType === 'Practitioner');
  if (!practitioner) return;
  const entry = {
    sourceKey: sourceKey(one.sourceSystem, one.sourceId),
    nikHash: ids.nikHash(text(one.record.nik) ?? ''),
    practitioner: `Practitioner/${practitioner.resource.id}`,
    name: text(one.record.name) ?? '',
    profession: text(one.record.profession) ?? null,
    facility: text(one.record.facilityCode) ?? null,
  };
  const before = registers.practitioner(entry.sourceKey);
  if (before && before.practitioner !== entry.practitioner) group.mended.set(before.practitioner, false);
  changes.practitioners.push(entry);
  registers.putPractitioner(entry);
}
