import type {
  Audit,
  ChangeSet,
  Delivery,
  DeliveryWrite,
  FacilityEntry,
  PersonEntry,
  PlatformId,
  ResourceWrite,
  SubmissionWrite,
} from '../store/port.ts';
import type { BatchItem, Outcome, Pending } from './types.ts';

export function createChanges() {
  const submissions: SubmissionWrite[] = [];
  const facilities: FacilityEntry[] = [];
  const persons: PersonEntry[] = [];
  const practitioners: NonNullable<ChangeSet['practitioners']>[number][] = [];
  const resources: ResourceWrite[] = [];
  const deliveries: DeliveryWrite[] = [];
  const platformIds: PlatformId[] = [];
  return {
    submissions,
    facilities,
    persons,
    practitioners,
    resources,
    deliveries,
    platformIds,
    done(now: string, results: readonly Outcome[], items: readonly BatchItem[], freed: ReadonlySet<string>): ChangeSet {
      return {
        submissions,
        ...(freed.size > 0 && { freedFingerprints: [...freed] }),
        facilities,
        persons,
        practitioners,
        resources,
        deliveries: lastByKey(deliveries),
        platformIds,
        audits: auditsOf(now, results, items),
      };
    },
  };
}

/** What two groups bring, the later one after the other. */
export function joinPending(first: Pending, second: Pending): Pending {
  const [a, b] = [first.changes, second.changes];
  const join = <T>(one: readonly T[] = [], other: readonly T[] = []): readonly T[] => [...one, ...other];
  return {
    changes: {
      submissions: join(a.submissions, b.submissions),
      freedFingerprints: join(a.freedFingerprints, b.freedFingerprints),
      facilities: join(a.facilities, b.facilities),
      persons: join(a.persons, b.persons),
      practitioners: join(a.practitioners, b.practitioners),
      resources: join(a.resources, b.resources),
      deliveries: lastByKey(join(a.deliveries, b.deliveries)),
      platformIds: join(a.platformIds, b.platformIds),
      audits: join(a.audits, b.audits),
    },
    fingerprints: new Map([...first.fingerprints, ...second.fingerprints]),
  };
}

/** What was asked for when a delivery was planned, without what became of it. */
export function asWrite(delivery: Delivery): DeliveryWrite {
  const { key, environment, kind, owner, partition, resources, dependsOn, submission, submissionVersion, state, reason } = delivery;
  const { priority, receivedAt } = delivery;
  return {
    key,
    environment,
    kind,
    owner,
    partition,
    resources,
    dependsOn,
    submission,
    submissionVersion,
    state,
    reason,
    priority,
    receivedAt,
  };
}

/** Units are planned again by every visit to them, and never over what a facility record says; a visit planned twice is its later version. */
function lastByKey(deliveries: readonly DeliveryWrite[]): readonly DeliveryWrite[] {
  const found = new Map<string, DeliveryWrite>();
  for (const delivery of deliveries) if (!found.get(delivery.key)?.replace || delivery.replace) found.set(delivery.key, delivery);
  return [...found.values()];
}

function auditsOf(at: string, results: readonly Outcome[], items: readonly BatchItem[]): readonly Audit[] {
  const rows = new Map<string, Audit>();
  for (const [index, { receipt, repeated, forbidden }] of results.entries()) {
    const { feed, client, requestId = null } = (items[index] as BatchItem).request;
    const outcome = receipt.reason === 'refused' ? 'refused' : 'success';
    const code = forbidden?.code ?? null;
    const action = repeated ? 'intake-repeat' : 'intake';
    const key = JSON.stringify([feed, client.id, requestId, outcome, code, action]);
    const before = rows.get(key);
    rows.set(key, { at, client: client.id, action, target: feed, outcome, code, requestId, count: (before?.count ?? 0) + 1 });
  }
  return [...rows.values()];
}
