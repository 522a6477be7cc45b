import type { Identifier } from '@medplum/fhirtypes';
import type { AroundAnswer, InventoryAnswer, InventoryItem, LocalResource, Unit } from '../sync/platform.ts';
import { platformSid } from '../terminology/systems.ts';
import type { FhirClient } from './client.ts';
import { ownIdentifier, SID_KINDS } from './identifiers.ts';
import { RECOVERY } from './recovery.ts';
import { type Found, type NotFoundAnswer, type Pages, search } from './searches.ts';
import type { Surface } from './surface.ts';

export interface Survey {
  /** @param same whether a copy on the platform says what we send */
  around(
    unit: Unit,
    organizationId: string,
    same: (resource: LocalResource, theirs: Readonly<Record<string, unknown>>) => boolean,
  ): Promise<AroundAnswer>;
  inventory(
    owner: string,
    organizationId: string,
    days: { readonly from: string; readonly to: string } | undefined,
  ): Promise<InventoryAnswer>;
}

/** More levels than a facility tree has. */
const MAX_LEVELS = 6;

/** Reads what the platform holds, beyond the question whether one resource is there. */
export function createSurvey(client: FhirClient, surface: Surface): Survey {
  async function around(...[unit, organizationId, same]: Parameters<Survey['around']>): ReturnType<Survey['around']> {
    const [encounter] = unit.resources;
    const encounterId = encounter === undefined ? undefined : unit.ids.get(referenceOf(encounter));
    if (encounter?.resourceType !== 'Encounter' || encounterId === undefined) {
      return { kind: 'around', held: [], extra: [] };
    }
    const types = new Set(unit.resources.map(({ resourceType }) => resourceType).filter((type) => isListed(type, surface)));
    const held: Extract<AroundAnswer, { kind: 'around' }>['held'][number][] = [];
    const extra: string[] = [];
    for (const type of types) {
      const pages = await search(client, unit.owner, type, { encounter: encounterId });
      if (pages.kind !== 'pages') {
        return pages;
      }
      const system = platformSid(SID_KINDS[type] as string, organizationId);
      const ours = unit.resources.filter(({ resourceType }) => resourceType === type);
      const byId = new Map(ours.flatMap((resource) => pair(unit.ids.get(referenceOf(resource)), resource)));
      const nameless = new Map(
        ours
          .filter((resource) => !unit.ids.has(referenceOf(resource)))
          .flatMap((resource) => pair(ownIdentifier(resource, organizationId)?.value, resource)),
      );
      for (const theirs of pages.resources) {
        const platformId = theirs.id as string;
        const value = ownValue(theirs, system);
        const known = byId.get(platformId) ?? (value === undefined ? undefined : nameless.get(value));
        if (known !== undefined) {
          held.push({ reference: referenceOf(known), platformId, platformVersion: versionOf(theirs), same: same(known, theirs) });
          // A second one with its identifier is one too many.
          if (value !== undefined) nameless.delete(value);
        } else if (value !== undefined) {
          extra.push(`${type}/${platformId}`);
        }
      }
    }
    return { kind: 'around', held, extra };
  }

  async function unitsBelow(owner: string, organizationId: string): Promise<InventoryAnswer> {
    const items: InventoryItem[] = [];
    const seen = new Set([organizationId]);
    let level = [organizationId];
    for (let depth = 0; depth < MAX_LEVELS && level.length > 0; depth += 1) {
      const next: string[] = [];
      for (const parent of level) {
        const locations = await search(client, owner, 'Location', { organization: parent });
        if (locations.kind !== 'pages') {
          return locations;
        }
        items.push(...itemsOf('Location', locations, parent));
        const children = await search(client, owner, 'Organization', { partof: parent });
        if (children.kind !== 'pages') {
          return children;
        }
        for (const item of itemsOf('Organization', children, parent)) {
          if (!seen.has(item.platformId)) next.push(item.platformId);
          seen.add(item.platformId);
          items.push(item);
        }
      }
      level = next;
    }
    return { kind: 'inventory', items, complete: true };
  }

  return {
    around,
    async inventory(owner, organizationId, days) {
      const units = await unitsBelow(owner, organizationId);
      if (units.kind !== 'inventory' || days === undefined) {
        return units;
      }
      const encounters: InventoryItem[] = [];
      let complete = true;
      const places = [organizationId, ...units.items.filter(({ type }) => type === 'Organization').map(({ platformId }) => platformId)];
      for (const place of places) {
        for (const day of daysBetween(days.from, days.to)) {
          const pages: Pages | NotFoundAnswer = await search(client, owner, 'Encounter', { 'service-provider': place, date: day });
          if (pages.kind !== 'pages') {
            return pages;
          }
          complete &&= pages.complete;
          encounters.push(...itemsOf('Encounter', pages, place));
        }
      }
      return { kind: 'inventory', items: [...units.items, ...encounters], complete };
    },
  };
}

/** Whether the surface lists all of a type that belongs to an Encounter. */
const isListed = (type: string, surface: Surface): boolean =>
  SID_KINDS[type] !== undefined && RECOVERY[type]?.search[surface].some((set) => set.length === 1 && set[0] === 'encounter') === true;

const itemsOf = (type: InventoryItem['type'], { resources }: { readonly resources: Found }, parent: string): InventoryItem[] =>
  resources.map((resource) => ({
    type,
    platformId: resource.id as string,
    platformVersion: versionOf(resource),
    name: type !== 'Encounter' && typeof resource.name === 'string' ? resource.name : null,
    parent,
    identifiers: identifiersOf(resource),
  }));

function identifiersOf(resource: Readonly<Record<string, unknown>>): InventoryItem['identifiers'] {
  const all = [resource.identifier ?? []].flat() as Identifier[];
  return all.flatMap((entry) => (entry?.system && entry.value ? [{ system: entry.system, value: entry.value }] : []));
}

function ownValue(resource: Readonly<Record<string, unknown>>, system: string): string | undefined {
  return identifiersOf(resource).find((entry) => entry.system === system)?.value;
}

function versionOf(resource: Readonly<Record<string, unknown>>): string | null {
  const version = (resource.meta as { versionId?: unknown } | undefined)?.versionId;
  return typeof version === 'string' ? version : null;
}

const pair = <T>(key: string | undefined, value: T): readonly (readonly [string, T])[] => (key === undefined ? [] : [[key, value]]);

/** Days `YYYY-MM-DD`, both ends included. */
function daysBetween(from: string, to: string): readonly string[] {
  const days: string[] = [];
  for (let at = Date.parse(`${from}T00:00:00Z`); at <= Date.parse(`${to}T00:00:00Z`); at += 86_400_000) {
    days.push(new Date(at).toISOString().slice(0, 10));
  }
  return days;
}

const referenceOf = ({ resourceType, id }: LocalResource): string => `${resourceType}/${id}`;
