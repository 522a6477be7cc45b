import type { Delivery, DifferenceKind, PlatformId, Store, StoredResource } from '../store/port.ts';
import { isGivenContent, isRetracted, referenceOf, UNKNOWN_CONTENT } from './ledger.ts';
import type { Placed, Platform, Trouble, Unit } from './platform.ts';
import { SYNC_CONTEXT } from './references.ts';

/** What became of one resource that we say is delivered. */
export interface Finding {
  /** Local reference; for `extra` that on the platform. */
  readonly reference: string;
  /** `found-id`: it had no id here, and is found. */
  readonly kind: 'same' | 'found-id' | DifferenceKind;
  readonly placed?: Placed;
  /** State of our content that was found, for `found-id`. */
  readonly at?: string;
}

/**
 * Looks at one completed delivery: what can be listed by its Encounter is, the rest is read by id, what has no id is searched.
 *
 * @returns `unread` where an answer cannot be understood, for this unit only
 */
export async function lookAt(
  { store, platform }: { readonly store: Pick<Store, 'resources' | 'platformIds'>; readonly platform: Platform },
  delivery: Delivery,
): Promise<readonly Finding[] | Trouble | 'unread'> {
  const { environment } = platform;
  const rows = await store.resources(SYNC_CONTEXT, delivery.resources);
  const resources = rows.map(({ resource }) => resource);
  const known = await store.platformIds(environment, [...delivery.resources, ...platform.references(resources)]);
  const ids = new Map(known.map((row) => [row.reference, row.platformId]));
  const rowOf = new Map(known.map((row) => [row.reference, row]));
  const unitOf = (some: readonly StoredResource[]): Unit => ({
    owner: delivery.owner,
    resources: some.map(({ resource }) => resource),
    ids,
  });
  const findings: Finding[] = [];
  const listed = new Set<string>();

  if (delivery.kind === 'encounter' && platform.around !== undefined) {
    const around = await platform.around(unitOf(rows));
    if (around.kind === 'refused') return 'unread';
    if (around.kind !== 'around') return around;
    for (const placed of around.held) {
      const { reference } = placed;
      const row = rowOf.get(reference);
      listed.add(reference);
      if (row !== undefined) findings.push({ reference, ...verdict(row, placed.platformVersion, placed.same), placed });
      else findings.push({ reference, kind: 'found-id', placed: placedOf(placed), at: contentOf(rows, reference, placed.same) });
    }
    const first = rowOf.get(delivery.resources[0] ?? '');
    if (first === undefined || !isGivenContent(first.at)) {
      // At what another bridge brought there may be more than we know.
      findings.push(...around.extra.map((reference): Finding => ({ reference, kind: 'extra', placed: placedFrom(reference) })));
    }
  }

  const nameless: StoredResource[] = [];
  for (const row of rows) {
    const reference = referenceOf(row.resource);
    if (listed.has(reference)) continue;
    const id = rowOf.get(reference);
    if (id === undefined) {
      nameless.push(row);
      continue;
    }
    const present = await platform.inspect(unitOf([row]), [row.resource]);
    if (present.kind === 'refused') return 'unread';
    if (present.kind === 'gone') findings.push({ reference, kind: 'missing', placed: placedOf(id) });
    else if (present.kind !== 'there') return present;
    else findings.push({ reference, ...verdict(id, present.platformVersion, present.same !== undefined), placed: placedOf(id) });
  }

  const wanted = nameless.filter(({ resource }) => !isRetracted(resource) && !isAdoptedWhole(delivery, rowOf));
  if (wanted.length === 0) return findings;
  const found = await platform.find(unitOf(wanted), true);
  if (found.kind === 'refused') return 'unread';
  if (found.kind !== 'found') return found;
  for (const row of wanted) {
    const reference = referenceOf(row.resource);
    const placed = found.placed.find((each) => each.reference === reference);
    if (placed !== undefined) findings.push({ reference, kind: 'found-id', placed, at: row.lastUpdated });
    else findings.push({ reference, kind: found.unsearchable.some((each) => each.reference === reference) ? 'unknown-id' : 'missing' });
  }
  return findings;
}

/** Changed by others: another version than the one we left, and another content. */
function verdict(row: PlatformId, platformVersion: string | null, same: boolean): { readonly kind: 'same' | 'changed' } {
  if (same || isGivenContent(row.at)) return { kind: 'same' };
  if (row.platformVersion !== null && platformVersion !== null)
    return { kind: row.platformVersion === platformVersion ? 'same' : 'changed' };
  // A person has let theirs stand.
  return { kind: row.at === UNKNOWN_CONTENT || row.theirs === true ? 'same' : 'changed' };
}

/** What of an Encounter of another bridge is not known by id was brought by that bridge. */
const isAdoptedWhole = (delivery: Delivery, rowOf: ReadonlyMap<string, PlatformId>): boolean => {
  const first = rowOf.get(delivery.resources[0] ?? '');
  return first !== undefined && isGivenContent(first.at);
};

const contentOf = (rows: readonly StoredResource[], reference: string, same: boolean): string =>
  same ? (rows.find(({ resource }) => referenceOf(resource) === reference)?.lastUpdated ?? UNKNOWN_CONTENT) : UNKNOWN_CONTENT;

const placedOf = ({ reference, platformId, platformVersion }: Placed): Placed => ({ reference, platformId, platformVersion });
const placedFrom = (reference: string): Placed => ({
  reference,
  platformId: reference.slice(reference.indexOf('/') + 1),
  platformVersion: null,
});
