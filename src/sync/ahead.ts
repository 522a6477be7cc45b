import type { Delivery, PlatformId, Store, StoredResource } from '../store/port.ts';
import { referenceOf } from './ledger.ts';
import type { Platform } from './platform.ts';
import { SYNC_CONTEXT } from './references.ts';

/** What the store says of several deliveries at the moment they were claimed, by reference. */
export interface Ahead {
  readonly rows: ReadonlyMap<string, StoredResource>;
  /** Of these resources, and of all that they refer to. */
  readonly platformIds: ReadonlyMap<string, PlatformId>;
}

/**
 * Reads once for all deliveries of a claim what each would ask for by itself: the questions cost more than the answers.
 *
 * @throws AppError `store-unavailable`
 */
export async function readAhead(
  store: Pick<Store, 'resources' | 'platformIds'>,
  platform: Pick<Platform, 'environment' | 'references'>,
  claimed: readonly Pick<Delivery, 'resources'>[],
): Promise<Ahead> {
  const references = claimed.flatMap(({ resources }) => resources);
  const stored = await store.resources(SYNC_CONTEXT, references);
  const outgoing = stored.flatMap(({ resource }) => platform.references([resource]));
  const known = await store.platformIds(platform.environment, [...new Set([...references, ...outgoing])]);
  return {
    rows: new Map(stored.map((row) => [referenceOf(row.resource), row])),
    platformIds: new Map(known.map((row) => [row.reference, row])),
  };
}
