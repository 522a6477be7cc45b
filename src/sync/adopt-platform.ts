import type { FacilityEntry, Feed, Store } from '../store/port.ts';
import type { AdoptIds, AdoptRow } from './adopt.ts';
import type { InventoryItem, Platform } from './platform.ts';
import { SYNC_CONTEXT } from './references.ts';

export interface FromPlatformOptions {
  readonly store: Pick<Store, 'facilities' | 'resources'>;
  readonly platform: Platform;
  readonly ids: AdoptIds;
  /** Code of the puskesmas in whose name it is looked. */
  readonly owner: string;
  /** Days whose Encounters are taken over too, `YYYY-MM-DD`. */
  readonly days?: { readonly from: string; readonly to: string };
  /** Source system whose record ids the other bridge used as identifiers of Encounters. */
  readonly sourceSystem?: string;
  readonly feed?: Feed;
}

export type FromPlatform =
  | { readonly kind: 'rows'; readonly rows: readonly AdoptRow[]; readonly complete: boolean }
  /** Why the platform gave no answer. */
  | { readonly kind: 'trouble'; readonly reason: string };

/**
 * What is registered on the platform below the Organization of a puskesmas, as rows to adopt: units by our identifier, by their code, or
 * by a name that only one of ours and only one there has; Encounters by our identifier, or by the record id that is in theirs. What
 * cannot be matched comes without a key, so that it is counted too.
 */
export async function fromPlatform(options: FromPlatformOptions): Promise<FromPlatform> {
  const { store, platform, owner, days } = options;
  if (platform.inventory === undefined) return { kind: 'trouble', reason: 'unavailable' };
  const answer = await platform.inventory(owner, days);
  if (answer.kind !== 'inventory') return { kind: 'trouble', reason: answer.kind };
  const facilities = (await store.facilities()).filter(({ puskesmas, code }) => puskesmas === owner && code !== owner);
  const units = answer.items.filter(({ type }) => type !== 'Encounter');
  const encounters = answer.items.filter(({ type }) => type === 'Encounter');
  const known = new Set(
    (
      await store.resources(
        SYNC_CONTEXT,
        encounters.flatMap(({ identifiers }) => identifiers.filter(isEncounter).map(({ value }) => `Encounter/${value}`)),
      )
    ).map(({ resource }) => resource.id),
  );
  return {
    kind: 'rows',
    complete: answer.complete,
    rows: [
      ...units.map((item): AdoptRow => {
        const unit = unitOf(item, facilities, units, options.ids);
        return { ...placeOf(item), ...(unit === undefined ? { unmatched: true } : { facility: unit.code }) };
      }),
      ...encounters.map((item): AdoptRow => ({ ...placeOf(item), ...keyOf(item, known, options) })),
    ],
  };
}

const placeOf = ({ type, platformId, platformVersion }: InventoryItem): AdoptRow => ({
  type,
  platformId,
  ...(platformVersion !== null && { versionId: platformVersion }),
});

const isEncounter = ({ system }: { readonly system: string }): boolean => /\/encounter\/[^/]+$/.test(system);
const plain = (name: string): string => name.trim().replace(/\s+/g, ' ').toLowerCase();

function unitOf(
  item: InventoryItem,
  facilities: readonly FacilityEntry[],
  units: readonly InventoryItem[],
  ids: AdoptIds,
): FacilityEntry | undefined {
  const values = new Set(item.identifiers.map(({ value }) => value));
  const own = (code: string): string => (item.type === 'Organization' ? ids.organizationId(code) : ids.locationId(code));
  const byIdentifier = facilities.find(({ code }) => values.has(code) || values.has(own(code)));
  if (byIdentifier !== undefined || item.name === null) return byIdentifier;
  const name = plain(item.name);
  const here = facilities.filter((facility) => plain(facility.name) === name);
  const there = units.filter((each) => each.type === item.type && each.name !== null && plain(each.name) === name);
  // Where two have the name, choosing would be guessing.
  return here.length === 1 && there.length === 1 ? here[0] : undefined;
}

function keyOf({ identifiers }: InventoryItem, known: ReadonlySet<string>, { sourceSystem, feed }: FromPlatformOptions): AdoptRow {
  const values = identifiers.filter(isEncounter).map(({ value }) => value);
  const own = values.find((value) => known.has(value));
  if (own !== undefined) return { localId: own };
  const [value] = values;
  return value === undefined || sourceSystem === undefined ? { unmatched: true } : { sourceSystem, sourceId: value, ...(feed && { feed }) };
}
