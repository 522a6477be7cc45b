import { EARLIER_CONTENT, type Identity, type PlatformId, type StoredResource } from '../store/port.ts';
import type { LocalResource, Placed } from './platform.ts';

/** What one try has learnt so far. True whatever the outcome is, so it is written with every outcome. */
export interface Trace {
  /** A request was sent whose fate is not known. */
  pending: boolean;
  /** This try has sent something. */
  sent?: boolean;
  readonly platformIds: PlatformId[];
  readonly identities: Identity[];
  /** What was taken over instead of sent. */
  adopted: number;
}

export { EARLIER_CONTENT };

/** Content that we cannot vouch for: older than anything. */
export const UNKNOWN_CONTENT = new Date(0).toISOString();

/**
 * Content that another bridge brought, and that stays as it is: newer than anything of ours. `ADOPTED_WHOLE` on an Encounter: nothing of
 * its unit is sent any more; `ADOPTED`: what of it is not there is.
 */
export const ADOPTED_WHOLE = '9999-12-31T23:59:59.999Z';
export const ADOPTED = '9999-12-31T00:00:00.000Z';
export const isGivenContent = (at: string): boolean => at === ADOPTED_WHOLE || at === ADOPTED;

/** What is known of the platform's side of a unit: ids, versions, and which state of our content is there. */
export interface Ledger {
  readonly ids: Map<string, string>;
  isMissing(resource: LocalResource): boolean;
  /** Whether our content is newer than what the platform has. */
  isChanged(row: StoredResource): boolean;
  /** The version that the platform gave when our content was last there; null where it told none. */
  versionOf(reference: string): string | null;
  /** Whether what is there is known to be content of ours. */
  isOurs(reference: string): boolean;
  /** @param contentOf `lastUpdated` of the state that the platform has; the current one if not given */
  place(placed: readonly Placed[], contentOf?: string): void;
  /** As `place`, for what was found there instead of sent. */
  adopt(placed: readonly Placed[], contentOf?: string): void;
  /** It is on the platform, under an id that nobody can tell: nothing more can be done for it now. */
  exists(references: readonly string[]): void;
  /** Marks what the platform has of these as less than what is here. */
  outdate(references: readonly string[]): void;
  /**
   * What a mark says before something is sent: the oldest content that this try has found on the platform and not yet brought up to date,
   * else the newest of the unit. A process that dies leaves nothing but the mark, and the next one must not take for newest what is not.
   */
  contentThere(): string;
  /** Notes that others changed what is there, and which version was seen. */
  giveUp(reference: string, platformVersion: string | null): void;
}

/**
 * @param rows of the unit
 * @param known platform ids of the unit and of what it refers to
 * @param startedAt state of what has no row here
 */
export function createLedger(
  environment: string,
  rows: readonly StoredResource[],
  known: readonly PlatformId[],
  startedAt: string,
  trace: Trace,
): Ledger {
  const ids = new Map(known.map((row) => [row.reference, row.platformId]));
  const versions = new Map(known.map((row) => [row.reference, row.platformVersion]));
  /**
   * State of our content that the platform has, as the `lastUpdated` it had here. Not the time of sending: intake takes the time when it
   * begins on a record, so a change may be older than the sending of what it changes.
   */
  const contentAt = new Map(known.map((row) => [row.reference, row.at]));
  const currentAt = new Map(rows.map((row) => [referenceOf(row.resource), row.lastUpdated]));
  const newestAt = rows.reduce((newest, { lastUpdated }) => (lastUpdated > newest ? lastUpdated : newest), '');
  const learnt = new Set<string>();
  const nameless = new Set<string>();
  const theirs = new Set(known.filter((row) => row.theirs === true).map(({ reference }) => reference));

  function place(placed: readonly Placed[], contentOf?: string): void {
    for (const { reference, platformId, platformVersion } of placed) {
      const at = contentOf ?? currentAt.get(reference) ?? startedAt;
      ids.set(reference, platformId);
      versions.set(reference, platformVersion);
      contentAt.set(reference, at);
      learnt.add(reference);
      theirs.delete(reference);
      trace.platformIds.push({ environment, reference, platformId, platformVersion, at });
    }
  }

  function isChanged({ resource, lastUpdated }: StoredResource): boolean {
    const reference = referenceOf(resource);
    return ids.has(reference) && lastUpdated > (contentAt.get(reference) ?? '');
  }

  return {
    ids,
    isMissing: (resource) => !ids.has(referenceOf(resource)) && !nameless.has(referenceOf(resource)),
    isChanged,
    contentThere: () =>
      rows
        .filter((row) => learnt.has(referenceOf(row.resource)) && isChanged(row))
        .map(({ resource }) => contentAt.get(referenceOf(resource)) ?? UNKNOWN_CONTENT)
        .reduce((oldest, at) => (at < oldest ? at : oldest), newestAt),
    versionOf: (reference) => versions.get(reference) ?? null,
    isOurs: (reference) => contentAt.get(reference) !== UNKNOWN_CONTENT && !theirs.has(reference),
    place,
    adopt(placed, contentOf) {
      trace.adopted += placed.length;
      place(placed, contentOf);
    },
    exists(references) {
      for (const reference of references) {
        nameless.add(reference);
      }
    },
    outdate(references) {
      for (const reference of references) {
        if (contentAt.get(reference) !== UNKNOWN_CONTENT) {
          contentAt.set(reference, EARLIER_CONTENT);
        }
      }
    },
    giveUp(reference, platformVersion) {
      theirs.add(reference);
      const platformId = ids.get(reference) as string;
      trace.platformIds.push({
        ...{ environment, reference, platformId, platformVersion },
        at: contentAt.get(reference) ?? UNKNOWN_CONTENT,
        theirs: true,
      });
    },
  };
}

export const referenceOf = (resource: { readonly resourceType: string; readonly id?: string | undefined }): string =>
  `${resource.resourceType}/${resource.id}`;

/** Whether a resource says that it was entered in error. */
export function isRetracted(resource: LocalResource): boolean {
  const { status, verificationStatus } = resource as { status?: unknown; verificationStatus?: { coding?: readonly { code?: string }[] } };
  return status === 'entered-in-error' || verificationStatus?.coding?.some(({ code }) => code === 'entered-in-error') === true;
}
