import type { DeliveryWrite, FacilityEntry } from '../store/port.ts';
import { ILP_BASE } from '../terminology/systems.ts';
import type { Registers } from './registers.ts';

type Json = Readonly<Record<string, unknown>>;

export interface EncounterPlan {
  readonly environment: string;
  /** Code of the puskesmas in whose name it is sent. */
  readonly owner: string;
  /** Reference of the Patient: deliveries of one patient go in order. */
  readonly patient: string;
  readonly submission: string;
  readonly version: number;
  /** The resources that are sent, the Encounter first. */
  readonly resources: readonly (Json & { resourceType: string; id: string })[];
  readonly at: string;
  readonly replace: boolean;
}

export const deliveryKey = (reference: string): string => `${reference.slice(0, reference.indexOf('/')).toLowerCase()}:${reference}`;

/**
 * The deliveries of one visit: the visit itself, and what it refers to in the facility tree.
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
        key,
        environment,
        kind: reference === unit.location ? 'location' : 'organization',
        owner: unit.puskesmas ?? owner,
        partition: reference,
        resources: [reference],
        dependsOn: unique(above),
        submission: null,
        submissionVersion: null,
        state: 'ready',
        reason: null,
        dueAt: at,
      });
    }
    return [key];
  };

  const references = plan.resources.map(({ resourceType, id }) => `${resourceType}/${id}`);
  const dependsOn = unique(plan.resources.flatMap((resource) => referencesOf(resource).flatMap((found) => need(found, []))));
  const encounter = references[0] as string;
  return [
    ...planned.values(),
    {
      key: deliveryKey(encounter),
      environment,
      kind: 'encounter',
      owner,
      partition: plan.patient,
      resources: references,
      dependsOn,
      submission: plan.submission,
      submissionVersion: plan.version,
      state: 'ready',
      reason: null,
      dueAt: at,
      ...(plan.replace && { replace: true }),
    },
  ];
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
