import type { Resource } from '@medplum/fhirtypes';
import { ILP_BASE } from '../../src/terminology/systems.ts';

/** What must be true of a whole store, or a whole platform, and of no resource alone. Each finding is one line without values. */

type Visit = (value: unknown, key: string, path: string) => void;

function walk(value: unknown, visit: Visit, key = '', path = ''): void {
  visit(value, key, path);
  if (Array.isArray(value)) for (const item of value) walk(item, visit, key, path);
  else if (typeof value === 'object' && value !== null)
    for (const [name, inner] of Object.entries(value)) walk(inner, visit, name, path === '' ? name : `${path}.${name}`);
}

const nameOf = ({ resourceType, id }: Resource): string => `${resourceType}/${id}`;

/** Identifiers that several resources share by their nature: a family card, the mother of twins, a mother who is a patient herself. */
const SHARED = /\/id\/(kk|nik-ibu)$/;

export function checkStored(resources: readonly Resource[]): string[] {
  const found = [...uniqueIds(resources), ...uniqueIdentifiers(resources, (system) => !SHARED.test(system))];
  const known = new Set(resources.map(nameOf));
  for (const resource of resources) {
    walk(resource, (value, key, path) => {
      if (key !== 'reference' || typeof value !== 'string') return;
      if (value.startsWith('role:')) found.push(`${nameOf(resource)} ${path}: a role that was never resolved`);
      else if (!known.has(value)) found.push(`${nameOf(resource)} ${path}: leads to nothing`);
    });
  }
  return [...found, ...repeated(resources)];
}

/** People are the platform's own: looked up, never sent. Told are newborns, under their mothers' NIK, and who is related to a patient. */
const NEVER_SENT = new Set(['Patient', 'Practitioner', 'PractitionerRole', 'OrganizationAffiliation']);
const PEOPLE = /^(Patient|Practitioner)\//;
const TIME = /^\d{4}-\d{2}-\d{2}T/;

export function checkSent(resources: readonly Resource[]): string[] {
  const found = [...uniqueIds(resources), ...uniqueIdentifiers(resources, (system) => !system.endsWith('/creator'))];
  const known = new Set(resources.map(nameOf));
  for (const resource of resources) {
    const newborn = resource.resourceType === 'Patient' && identifiersOf(resource).some(({ system }) => system?.endsWith('/nik-ibu'));
    if (NEVER_SENT.has(resource.resourceType) && !newborn) found.push(`${nameOf(resource)}: is never sent`);
    // The Organization of a puskesmas is there before we come.
    const given = resource.resourceType === 'Organization' && (resource as { identifier?: unknown }).identifier === undefined;
    if (!given && !hasIdentifier(resource)) found.push(`${nameOf(resource)}: without an identifier it cannot be found again`);
    if (JSON.stringify(resource).includes(ILP_BASE)) found.push(`${nameOf(resource)}: something of ours was left in`);
    if (resource.resourceType === 'Encounter' && resource.class.code === 'HH') found.push(`${nameOf(resource)}: a home visit was sent`);
    walk(resource, (value, key, path) => {
      if (typeof value !== 'string') return;
      if (key === 'reference' && !known.has(value) && !PEOPLE.test(value)) found.push(`${nameOf(resource)} ${path}: leads to nothing`);
      if (TIME.test(value) && !value.endsWith('+00:00')) found.push(`${nameOf(resource)} ${path}: not in UTC`);
    });
  }
  return [...found, ...repeated(resources)];
}

function uniqueIds(resources: readonly Resource[]): string[] {
  const seen = new Set<string>();
  return resources.flatMap((resource) => {
    const name = nameOf(resource);
    const twice = seen.has(name);
    seen.add(name);
    return twice ? [`${name}: stands twice`] : [];
  });
}

function identifiersOf(resource: Resource): readonly { system?: string; value?: string }[] {
  const { identifier } = resource as { identifier?: { system?: string } | { system?: string }[] };
  return identifier === undefined ? [] : [identifier].flat();
}

const hasIdentifier = (resource: Resource): boolean => identifiersOf(resource).some(({ system }) => !system?.endsWith('/creator'));

function uniqueIdentifiers(resources: readonly Resource[], counts: (system: string) => boolean): string[] {
  const holders = new Map<string, string>();
  return resources.flatMap((resource) => {
    // One woman is the mother of several children, once for each.
    if (resource.resourceType === 'RelatedPerson') return [];
    return identifiersOf(resource).flatMap(({ system = '', value }) => {
      if (!counts(system)) return [];
      const key = JSON.stringify([resource.resourceType, system, value]);
      const holder = holders.get(key);
      holders.set(key, nameOf(resource));
      return holder === undefined ? [] : [`${nameOf(resource)}: has an identifier (${system}) of ${holder}`];
    });
  });
}

/** The same thing said twice in one visit, or two mothers of one child. */
function repeated(resources: readonly Resource[]): string[] {
  const seen = new Map<string, string>();
  return resources.flatMap((resource) => {
    const key = contentOf(resource);
    if (key === undefined) return [];
    const first = seen.get(key);
    seen.set(key, nameOf(resource));
    return first === undefined ? [] : [`${nameOf(resource)}: says what ${first} says`];
  });
}

function contentOf(resource: Resource): string | undefined {
  if (resource.resourceType === 'RelatedPerson') return JSON.stringify(['RelatedPerson', resource.patient, resource.relationship]);
  if (!('encounter' in resource)) return undefined;
  const { id: _id, identifier: _identifier, meta: _meta, ...content } = resource as Resource & { identifier?: unknown };
  return JSON.stringify(content);
}
