import type { DeliveryKind, DeliveryWrite, FacilityEntry } from '../store/port.ts';
import { ILP_BASE, SYSTEMS } from '../terminology/systems.ts';
import type { Registers } from './registers.ts';

type Json = Readonly<Record<string, unknown>>;
type Planned = Json & { resourceType: string; id: string };

export interface EncounterPlan {
  readonly environment: string;
  /** Code of the puskesmas in whose name it is sent. */
  readonly owner: string;
  /** Reference of the Patient: deliveries of one patient go in order. */
  readonly patient: string;
  readonly submission: string;
  readonly version: number;
  /** The resources that are sent, the Encounter first. */
  readonly resources: readonly Planned[];
  /** The Patient and who is related to it, where the platform may have to be told of them. */
  readonly people?: readonly Planned[];
  readonly at: string;
  readonly replace: boolean;
}

/** Where a type has its place among the deliveries of a visit. A type without a row goes within the Bundle of its Encounter. */
export interface Place {
  readonly kind: DeliveryKind;
  /** `self`: its own; `patient`: in order with all else of the patient. */
  readonly partition: 'self' | 'patient';
  /** Whether the visit waits for it. */
  readonly before: boolean;
  /** Whether it is told again after the visit: what has become of it in the end. */
  readonly after: boolean;
  /** Whether the platform has to be told of this one. */
  readonly wanted?: (resource: Json) => boolean;
}

/**
 * The dependency graph by type. An episode must be there before the visits that refer to it, and is closed after them; a newborn without
 * a NIK is registered under the mother before its first visit; who is related to it follows, and holds no visit.
 */
export const PLACES: Readonly<Record<string, Place>> = {
  Organization: { kind: 'organization', partition: 'self', before: true, after: false },
  Location: { kind: 'location', partition: 'self', before: true, after: false },
  Patient: { kind: 'patient', partition: 'patient', before: true, after: false, wanted: isNewborn },
  RelatedPerson: { kind: 'related-person', partition: 'self', before: false, after: false, wanted: hasNik },
  EpisodeOfCare: { kind: 'episode', partition: 'patient', before: true, after: true },
};

/** A visit that began longer before it was received is backfill: it goes after today's. */
const FRESH_MS = 2 * 86_400_000;

/** Key of the delivery of a resource that goes alone, or of the unit that begins with it. */
export const deliveryKey = (reference: string): string => `${reference.slice(0, reference.indexOf('/')).toLowerCase()}:${reference}`;

/** Key of the delivery that brings an episode to its end. */
const endKey = (reference: string): string => `episodeofcare-end:${reference}`;

/** Key of the delivery that tells what has changed of an episode that goes on. */
const changeKey = (reference: string): string => `episodeofcare-change:${reference}`;

/**
 * The deliveries of one visit: the visit itself, what it refers to in the facility tree, and what is told of the patient besides.
 *
 * Only units that a visit refers to are ever registered on the platform, each after those above it. The Organization of the puskesmas
 * is given, never created, so nothing waits for it.
 *
 * @param located the stored Organizations and Locations of the tree by reference, for what they refer to in turn
 */
export function planDeliveries(
  plan: EncounterPlan,
  registers: Pick<Registers, 'facilityOf'>,
  located: ReadonlyMap<string, Json>,
): readonly DeliveryWrite[] {
  const { environment, owner, at } = plan;
  const [encounter] = plan.resources;
  const priority = encounter !== undefined && isBackfill(encounter, at) ? (1 as const) : (0 as const);
  const base = { environment, owner, state: 'ready', reason: null, priority } as const;
  const alone = { ...base, submission: null, submissionVersion: null };
  const planned = new Map<string, DeliveryWrite>();

  /** Plans a unit's resource and all above it; returns the keys that must be completed before something may refer to it. */
  const need = (reference: string, path: readonly string[]): readonly string[] => {
    const unit = registers.facilityOf(reference);
    if (!unit || isGiven(reference, unit) || path.includes(reference)) return [];
    const key = deliveryKey(reference);
    if (!planned.has(key)) {
      const resource = located.get(reference);
      const above = resource ? referencesOf(resource).flatMap((found) => need(found, [...path, reference])) : [];
      planned.set(key, {
        ...alone,
        key,
        kind: reference === unit.location ? 'location' : 'organization',
        owner: unit.puskesmas ?? owner,
        partition: reference,
        resources: [reference],
        dependsOn: unique(above),
      });
    }
    return [key];
  };
  const unitsOf = (resource: Json): readonly string[] => referencesOf(resource).flatMap((found) => need(found, []));
  const single = (
    resource: Planned,
    place: Place,
    dependsOn: readonly string[],
    key = deliveryKey(referenceTo(resource)),
  ): DeliveryWrite => ({
    ...alone,
    key,
    kind: place.kind,
    partition: place.partition === 'patient' ? plan.patient : referenceTo(resource),
    resources: [referenceTo(resource)],
    dependsOn: unique([...dependsOn, ...unitsOf(resource)]),
  });

  const apart = [...(plan.people ?? []), ...plan.resources].filter(({ resourceType }) => Object.hasOwn(PLACES, resourceType));
  const wanted = apart.flatMap((resource) => {
    const place = PLACES[resource.resourceType] as Place;
    return place.wanted?.(resource) === false ? [] : [{ resource, place }];
  });
  const patients = wanted.filter(({ place }) => place.kind === 'patient').map(({ resource }) => deliveryKey(referenceTo(resource)));
  const first: DeliveryWrite[] = [];
  const last: DeliveryWrite[] = [];
  const visit = plan.resources.filter(({ resourceType }) => !Object.hasOwn(PLACES, resourceType));
  const visitKey = deliveryKey(referenceTo(visit[0] as Planned));
  for (const { resource, place } of wanted) {
    const after = place.kind === 'patient' ? [] : patients;
    if (place.before) first.push(single(resource, place, after));
    // Who belongs to a child that the platform knows already is told of by whoever registered it.
    else if (patients.length > 0) last.push(single(resource, place, after));
    if (place.after) {
      // What the platform holds already costs no request: one that has not changed is delivered as it is.
      const keyOf = resource.status === 'active' ? changeKey : endKey;
      const told = single(resource, place, [deliveryKey(referenceTo(resource)), visitKey], keyOf(referenceTo(resource)));
      last.push({ ...told, replace: true });
    }
  }

  const dependsOn = unique([...visit.flatMap(unitsOf), ...first.map(({ key }) => key)]);
  return [
    ...planned.values(),
    ...first,
    {
      ...base,
      key: visitKey,
      kind: 'encounter',
      partition: plan.patient,
      resources: visit.map(referenceTo),
      dependsOn,
      submission: plan.submission,
      submissionVersion: plan.version,
      ...(plan.replace && { replace: true }),
    },
    ...last,
  ];
}

const referenceTo = ({ resourceType, id }: Planned): string => `${resourceType}/${id}`;

function isBackfill({ period }: Json, at: string): boolean {
  const start = Date.parse((period as { start?: string } | undefined)?.start ?? '');
  return Date.parse(at) - start > FRESH_MS;
}

const identifierOf = (resource: Json, system: string): boolean =>
  Array.isArray(resource.identifier) && resource.identifier.some((identifier: Json) => identifier.system === system);

function hasNik(resource: Json): boolean {
  return identifierOf(resource, SYSTEMS.nik);
}

/** Known by the mother's NIK only, and by nobody else meanwhile. */
function isNewborn(resource: Json): boolean {
  const isReplaced = Array.isArray(resource.link) && resource.link.some((link: Json) => link.type === 'replaced-by');
  return identifierOf(resource, SYSTEMS.nikIbu) && !hasNik(resource) && !isReplaced;
}

/** Organization of a puskesmas, or of a unit outside any puskesmas: not ours to create. */
const isGiven = (reference: string, unit: FacilityEntry): boolean =>
  reference === unit.organization && (unit.code === unit.puskesmas || unit.puskesmas === null);

/** Local references to Organizations and Locations in a resource, those in our own extensions left out: they are never sent. */
export function referencesOf(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(referencesOf);
  if (typeof value !== 'object' || value === null) return [];
  const found: string[] = [];
  const { url, reference } = value as { url?: unknown; reference?: unknown };
  if (typeof url === 'string' && url.startsWith(ILP_BASE)) return [];
  if (typeof reference === 'string' && /^(Organization|Location)\//.test(reference)) found.push(reference);
  for (const inner of Object.values(value)) if (typeof inner === 'object') found.push(...referencesOf(inner));
  return found;
}

const unique = (keys: readonly string[]): readonly string[] => [...new Set(keys)];
