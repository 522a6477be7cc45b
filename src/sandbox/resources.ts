import { SYSTEMS } from '../terminology/systems.ts';
import { asList, asObject, asText, isObject, type JsonObject } from './json.ts';

export type { Draft, ResourceStore, StoredResource, StoreView, Version } from './store.ts';

/** System of the identifier that the platform adds to name the organization that sent a resource. */
export const CREATOR_SYSTEM = `${SYSTEMS.platformSidBase}creator`;

/**
 * Identifiers that several resources share by design; only the others guard against duplicates. A prescription number is on
 * each of its items, a visit code (K1, KF1) on the visits of every patient.
 */
const SHARED = [
  CREATOR_SYSTEM,
  `${SYSTEMS.platformSidBase}program`,
  `${SYSTEMS.platformSidBase}sub-program`,
  `${SYSTEMS.platformSidBase}source-channel`,
  `${SYSTEMS.platformSidBase}prescription/`,
  `${SYSTEMS.kemkes}/CodeSystem/episodeofcare/`,
];

/** Types whose identifier is one object and not a list (FHIR R4). */
const SINGLE_IDENTIFIER = new Set(['Bundle', 'Composition', 'QuestionnaireResponse']);

/** Identifiers of a resource as `system|value`, whatever their form. */
export function identifiersOf(resource: JsonObject): readonly string[] {
  const { identifier } = resource;
  const list = isObject(identifier) ? [identifier] : asList(identifier);
  return list.flatMap((item) => {
    const { system, value } = asObject(item);
    return typeof value === 'string' && value !== '' ? [`${asText(system) ?? ''}|${value}`] : [];
  });
}

/** Identifiers that may occur once per type. People's numbers on a RelatedPerson name the person, not the relation. */
export function guardedIdentifiersOf(resource: JsonObject): readonly string[] {
  const personal = resource.resourceType === 'RelatedPerson' ? [SYSTEMS.ihsNumber, SYSTEMS.nik, SYSTEMS.kk] : [];
  return identifiersOf(resource).filter(
    (token) => !SHARED.some((system) => token.startsWith(system)) && !personal.some((system) => token.startsWith(`${system}|`)),
  );
}

/** Every `reference` text in a resource, in document order. */
export function referencesOf(value: unknown, found: string[] = []): string[] {
  if (Array.isArray(value)) for (const item of value) referencesOf(item, found);
  else if (isObject(value)) {
    for (const [key, child] of Object.entries(value)) {
      if (key === 'reference' && typeof child === 'string') found.push(child);
      else if (typeof child === 'object') referencesOf(child, found);
    }
  }
  return found;
}

/** Organization that sent a stored resource. */
export function creatorOf(resource: JsonObject): string | undefined {
  const prefix = `${CREATOR_SYSTEM}|`;
  return identifiersOf(resource)
    .find((token) => token.startsWith(prefix))
    ?.slice(prefix.length);
}

/**
 * Organization that a stored resource belongs to: its creator; for types that have room for one identifier only, the Organization in
 * that identifier's system.
 */
export function ownerOf(resource: JsonObject): string | undefined {
  const creator = creatorOf(resource);
  if (creator !== undefined) return creator;
  const systems = identifiersOf(resource).map((token) => token.slice(0, token.indexOf('|')));
  return systems.map((system) => OWN_SYSTEM.exec(system)?.[1]).find((organization) => organization !== undefined);
}

const OWN_SYSTEM = new RegExp(`^${SYSTEMS.platformSidBase.replaceAll('.', '\\.')}[a-z-]+/([^/]+)(?:/[a-z]+)?$`);

/** `body` with the platform's `creator` identifier at the end of the list, once. */
export function withCreator(body: JsonObject, resourceType: string, organizationId: string): JsonObject {
  if (SINGLE_IDENTIFIER.has(resourceType)) return body;
  const own = asList(body.identifier).filter((item) => asObject(item).system !== CREATOR_SYSTEM);
  return { ...body, identifier: [...own, { system: CREATOR_SYSTEM, value: organizationId }] };
}
