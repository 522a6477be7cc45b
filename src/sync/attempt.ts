import { AppError, type Issue } from '../errors/index.ts';
import type { AccessContext, Delivery, Fence, Identity, PlatformId, Store } from '../store/port.ts';
import type { IdentityResolver } from './identity.ts';
import type { Outcome } from './outcome.ts';
import type { LocalResource, Placed, Platform, Unit } from './platform.ts';
import { recover } from './recover.ts';

export const SYNC_CONTEXT: AccessContext = { client: 'sync', facilities: 'all', purpose: 'sync' };

/** What one try has learnt so far. True whatever the outcome is, so it is written with every outcome. */
export interface Trace {
  /** A request was sent whose fate is not known. */
  pending: boolean;
  readonly platformIds: PlatformId[];
  readonly identities: Identity[];
  /** What was taken over instead of sent. */
  adopted: number;
}

export interface AttemptOptions {
  readonly store: Pick<Store, 'resources' | 'platformIds' | 'facilities' | 'markSent'>;
  readonly platform: Platform;
  readonly identity: IdentityResolver;
  /** Epoch ms. */
  readonly clock: () => number;
}

/** Content that we cannot vouch for: older than anything. */
const UNKNOWN_CONTENT = new Date(0).toISOString();

/**
 * One try of a delivery: prepare, look up where an earlier answer was lost, send.
 *
 * @throws AppError `conflict` when the lease was lost before anything was sent, `store-unavailable`; anything else is a bug
 */
export async function attempt(options: AttemptOptions, delivery: Delivery, trace: Trace): Promise<Outcome> {
  const { store, platform, clock } = options;
  const { environment } = platform;
  const fence: Fence = { deliveryId: delivery.id, token: delivery.token };
  const startedAt = new Date(clock()).toISOString();
  trace.pending = delivery.sentAt !== null || delivery.reason === 'outcome-unknown';

  const account = await platform.account(delivery.owner);
  if (account === undefined) {
    return { kind: 'no-account' };
  }

  const stored = new Map((await store.resources(SYNC_CONTEXT, delivery.resources)).map((row) => [referenceOf(row.resource), row]));
  const all = delivery.resources.map((reference) => {
    const row = stored.get(reference);
    if (row === undefined) {
      // Resources and delivery are written in one transaction, so this cannot be.
      throw new AppError('internal');
    }
    return row;
  });
  // What was entered in error is of no use to a platform that does not have it, and what it refers to need not be known there.
  const retracted = trace.pending ? [] : all.filter(({ resource }) => isRetracted(resource)).map(({ resource }) => referenceOf(resource));
  const there = new Set(retracted.length === 0 ? [] : (await store.platformIds(environment, retracted)).map(({ reference }) => reference));
  const rows = all.filter(({ resource }) => !retracted.includes(referenceOf(resource)) || there.has(referenceOf(resource)));
  if (rows.length === 0) {
    return { kind: 'delivered' };
  }
  const resources = rows.map((row) => row.resource);
  const ids = new Map<string, string>();
  /**
   * State of our content that the platform has, as the `lastUpdated` it had here. Not the time of sending: intake takes the time when it
   * begins on a record, so a change may be older than the sending of what it changes.
   */
  const contentAt = new Map<string, string>();
  const currentAt = new Map(rows.map((row) => [referenceOf(row.resource), row.lastUpdated]));
  const newestAt = rows.reduce((newest, { lastUpdated }) => (lastUpdated > newest ? lastUpdated : newest), '');
  const needed = platform.references(resources);
  for (const row of await store.platformIds(environment, [...delivery.resources, ...needed])) {
    ids.set(row.reference, row.platformId);
    contentAt.set(row.reference, row.at);
  }
  /** @param contentOf the state that the platform has; the current one if not given */
  const place = (placed: readonly Placed[], contentOf?: string): void => {
    for (const { reference, platformId, platformVersion } of placed) {
      const at = contentOf ?? currentAt.get(reference) ?? startedAt;
      ids.set(reference, platformId);
      contentAt.set(reference, at);
      trace.platformIds.push({ environment, reference, platformId, platformVersion, at });
    }
  };
  const adopt = (placed: readonly Placed[], at?: string): void => {
    trace.adopted += placed.length;
    place(placed, at);
  };

  const unresolved = await resolveReferences();
  if (unresolved !== undefined) {
    return unresolved;
  }

  const unitOf = (some: readonly LocalResource[]): Unit => ({ owner: delivery.owner, resources: some, ids });
  const isMissing = (resource: LocalResource): boolean => !ids.has(referenceOf(resource));
  const send = async (work: () => ReturnType<Platform['create']>): ReturnType<Platform['create']> => {
    // From here on a crash leaves a mark: this content may be on the platform.
    await store.markSent(fence, newestAt);
    trace.pending = true;
    const answer = await work();
    trace.pending = answer.kind === 'unknown';
    return answer;
  };

  if (trace.pending) {
    const recovery = await recover(platform, unitOf(resources));
    if (recovery.kind === 'adopted') {
      adopt(recovery.placed, delivery.sentAt ?? UNKNOWN_CONTENT);
    } else if (recovery.kind !== 'absent') {
      return recovery;
    }
    trace.pending = false;
  } else if (delivery.kind !== 'encounter' && resources.some(isMissing)) {
    // A unit may have been registered by hand, or in an earlier life of this database.
    const found = await platform.find(unitOf(resources));
    if (found.kind !== 'found') {
      return found;
    }
    adopt(found.placed);
  }

  if (resources.every(isMissing)) {
    const wanted = resources.filter((resource) => !isRetracted(resource));
    if (wanted.length === 0) {
      return { kind: 'delivered' };
    }
    const answer = await send(() => platform.create(unitOf(wanted)));
    if (answer.kind === 'delivered') {
      place(answer.placed);
      return { kind: 'delivered' };
    }
    if (answer.kind !== 'duplicate') {
      return answer;
    }
    const recovery = await recover(platform, unitOf(resources));
    if (recovery.kind === 'absent') {
      return answer;
    }
    if (recovery.kind !== 'adopted') {
      trace.pending = true;
      return recovery;
    }
    adopt(recovery.placed, delivery.kind === 'encounter' ? (delivery.sentAt ?? UNKNOWN_CONTENT) : undefined);
  }
  return (await sendMissing()) ?? (await sendChanged()) ?? { kind: 'delivered' };

  /** Fills `ids` for everything the unit refers to; an outcome if that is not possible. */
  async function resolveReferences(): Promise<Outcome | undefined> {
    let open = needed.filter((reference) => !ids.has(reference));
    if (open.some((reference) => reference.startsWith('Organization/'))) {
      const [facility] = await store.facilities([delivery.owner]);
      const own = facility && (facility.organization.includes('/') ? facility.organization : `Organization/${facility.organization}`);
      if (own !== undefined && open.includes(own)) {
        // The puskesmas's own Organization is given with its credential, never created.
        place([{ reference: own, platformId: (account as { organizationId: string }).organizationId, platformVersion: null }]);
      }
    }
    const references = open.filter((reference) => /^(Patient|Practitioner)\//.test(reference));
    if (references.length > 0) {
      const persons = (await store.resources(SYNC_CONTEXT, references)).map((row) => row.resource);
      const resolved = await options.identity.resolve(delivery.owner, persons);
      trace.identities.push(...resolved.identities);
      trace.platformIds.push(...resolved.platformIds);
      for (const [reference, id] of resolved.ids) {
        ids.set(reference, id);
      }
      if (resolved.trouble !== undefined) {
        return resolved.trouble;
      }
      const [unknown] = [...resolved.missing].sort((a, b) => a.who.localeCompare(b.who));
      if (unknown !== undefined) {
        const issues: readonly Issue[] = unknown.issues;
        return { kind: 'identity', who: unknown.who, issues };
      }
    }
    open = open.filter((reference) => !ids.has(reference));
    return open.length > 0 ? { kind: 'dependency' } : undefined;
  }

  /** Sends one by one what the platform lacks of a unit that it holds in part: each as soon as what it refers to is there. */
  async function sendMissing(): Promise<Outcome | undefined> {
    for (
      let left = resources.filter((resource) => isMissing(resource) && !isRetracted(resource));
      left.length > 0;
      left = left.filter(isMissing)
    ) {
      const next = left.find((resource) => platform.references([resource]).every((reference) => ids.has(reference)));
      if (next === undefined) {
        return { kind: 'dependency' };
      }
      const answer = await send(() => platform.create(unitOf([next])));
      if (answer.kind === 'delivered') {
        place(answer.placed);
        continue;
      }
      if (answer.kind !== 'duplicate') {
        return answer;
      }
      const recovery = await recover(platform, unitOf([next]));
      if (recovery.kind === 'absent') {
        return answer;
      }
      if (recovery.kind !== 'adopted') {
        trace.pending = true;
        return recovery;
      }
      adopt(recovery.placed, UNKNOWN_CONTENT);
    }
    return undefined;
  }

  /** Replaces what changed here since the platform has it; the Encounter last, for it refers to its diagnoses. */
  async function sendChanged(): Promise<Outcome | undefined> {
    const changed = rows.filter((row) => !isMissing(row.resource) && row.lastUpdated > (contentAt.get(referenceOf(row.resource)) ?? ''));
    const [first] = resources;
    for (const { resource } of [...changed.filter((row) => row.resource !== first), ...changed.filter((row) => row.resource === first)]) {
      const answer = await send(() => platform.replace(unitOf([resource])));
      if (answer.kind !== 'delivered') {
        return answer;
      }
      place(answer.placed);
    }
    return undefined;
  }
}

const referenceOf = (resource: LocalResource): string => `${resource.resourceType}/${resource.id}`;

function isRetracted(resource: LocalResource): boolean {
  const { status, verificationStatus } = resource as { status?: unknown; verificationStatus?: { coding?: readonly { code?: string }[] } };
  return status === 'entered-in-error' || verificationStatus?.coding?.some(({ code }) => code === 'entered-in-error') === true;
}
