import type { Identifier, Resource } from '@medplum/fhirtypes';
import type { FindAnswer, LocalResource, PersonAnswer, PersonQuery, Placed, Unit } from '../sync/platform.ts';
import { SYSTEMS } from '../terminology/systems.ts';
import type { FhirAnswer, FhirClient } from './client.ts';
import { project, SID_KINDS } from './projection.ts';

/**
 * How a resource of ours is searched on the platform. It offers few parameters per type, and ignores unknown ones silently; so what
 * comes back is always compared by our identifier. Types without a row offer no search that would find them.
 * Source: search parameter sets of SATUSEHAT's official collections.
 */
type Search = 'identifier' | 'encounter' | 'patient' | 'subject+context' | 'subject+encounter' | 'partof+name';

const SEARCHES: Readonly<Record<string, Search>> = {
  Organization: 'partof+name',
  Location: 'identifier',
  Encounter: 'identifier',
  EpisodeOfCare: 'identifier',
  ServiceRequest: 'identifier',
  Condition: 'encounter',
  Observation: 'encounter',
  Procedure: 'encounter',
  Composition: 'encounter',
  ClinicalImpression: 'subject+encounter',
  AllergyIntolerance: 'patient',
  Immunization: 'patient',
  MedicationStatement: 'subject+context',
};

const MAX_PAGES = 20;

export interface Lookups {
  /** Platform ids of the unit's resources that have none yet, as far as they are there. */
  find(unit: Unit, organizationId: string, thorough: boolean): Promise<FindAnswer>;
  findPerson(owner: string, query: PersonQuery): Promise<PersonAnswer>;
}

type Found = readonly Record<string, unknown>[];
type NotFoundAnswer = Exclude<FindAnswer, { kind: 'found' }>;

export function createLookups(client: FhirClient): Lookups {
  /** All pages of a search. */
  async function search(owner: string, type: string, parameters: Record<string, string>): Promise<Found | NotFoundAnswer> {
    const resources: Record<string, unknown>[] = [];
    let query: URLSearchParams | undefined = new URLSearchParams(parameters);
    for (let page = 0; query !== undefined && page < MAX_PAGES; page += 1) {
      const answer: FhirAnswer = await client.request(owner, { intent: 'read', path: `/${type}`, query });
      if (answer.kind !== 'ok') {
        // A read is never a duplicate and never of unknown outcome.
        return answer.kind === 'duplicate' || answer.kind === 'unknown' ? { kind: 'unavailable' } : answer;
      }
      const bundle = answer.body as { entry?: unknown; link?: unknown };
      for (const entry of Array.isArray(bundle.entry) ? bundle.entry : []) {
        const resource = (entry as { resource?: Record<string, unknown> } | null)?.resource;
        if (resource?.resourceType === type && typeof resource.id === 'string') {
          resources.push(resource);
        }
      }
      query = nextPage(bundle.link);
    }
    return resources;
  }

  function parametersFor(resource: Resource, identifier: Identifier, thorough: boolean): Record<string, string> | undefined {
    const token = `${identifier.system}|${identifier.value}`;
    const at = (...path: string[]): string | undefined => {
      let value: unknown = resource;
      for (const step of path) {
        value = (value as Record<string, unknown> | undefined)?.[step];
      }
      return typeof value === 'string' && !value.startsWith('urn:') ? value.slice(value.indexOf('/') + 1) : undefined;
    };
    const all = (parameters: Record<string, string | undefined>): Record<string, string> | undefined =>
      Object.values(parameters).includes(undefined) ? undefined : (parameters as Record<string, string>);
    switch (SEARCHES[resource.resourceType]) {
      case 'identifier':
        return { identifier: token };
      case 'encounter':
        return all({ encounter: at('encounter', 'reference') });
      case 'patient':
        return all({ patient: at('patient', 'reference') });
      case 'subject+context':
        return all({ subject: at('subject', 'reference'), context: at('context', 'reference') });
      case 'subject+encounter':
        return all({ subject: at('subject', 'reference'), encounter: at('encounter', 'reference') });
      case 'partof+name': {
        const partof = at('partOf', 'reference');
        const name = (resource as { name?: string }).name;
        // Under another name it is found among all children: the name may have changed since it was sent.
        return partof === undefined || !thorough
          ? all({ ...(partof !== undefined && { partof }), name: name?.replace(/[\\,$|]/g, '\\$&') })
          : { partof };
      }
      default:
        return undefined;
    }
  }

  async function findSome(
    unit: Unit,
    organizationId: string,
    resources: readonly LocalResource[],
    ids: ReadonlyMap<string, string>,
    thorough: boolean,
  ): Promise<FindAnswer> {
    const placed: Placed[] = [];
    const unsearchable: string[] = [];
    const pages = new Map<string, Found>();
    for (const local of resources) {
      const reference = `${local.resourceType}/${local.id}`;
      const { resource } = project(local, { organizationId, ids, within: new Set() });
      const identifier = ownIdentifier(resource, organizationId);
      const parameters = identifier && parametersFor(resource, identifier, thorough);
      if (identifier === undefined || parameters === undefined) {
        unsearchable.push(reference);
        continue;
      }
      const page = `${local.resourceType}?${new URLSearchParams(parameters)}`;
      const found = pages.get(page) ?? (await search(unit.owner, local.resourceType, parameters));
      if (!Array.isArray(found)) {
        return found as NotFoundAnswer;
      }
      pages.set(page, found);
      const match = found.find((candidate) => carries(candidate, identifier));
      if (match !== undefined) {
        const version = (match.meta as { versionId?: unknown } | undefined)?.versionId;
        placed.push({ reference, platformId: match.id as string, platformVersion: typeof version === 'string' ? version : null });
      }
    }
    return { kind: 'found', placed, unsearchable };
  }

  return {
    async find(unit, organizationId, thorough) {
      const missing = unit.resources.filter((resource) => !unit.ids.has(`${resource.resourceType}/${resource.id}`));
      const [first] = missing;
      if (first?.resourceType !== 'Encounter') {
        return findSome(unit, organizationId, missing, unit.ids, thorough);
      }
      const encounter = await findSome(unit, organizationId, [first], unit.ids, thorough);
      if (encounter.kind !== 'found' || encounter.placed.length === 0) {
        // Without its Encounter none of the dependants can be there: they were sent in one transaction.
        return encounter;
      }
      const ids = new Map(unit.ids);
      for (const { reference, platformId } of encounter.placed) {
        ids.set(reference, platformId);
      }
      const rest = await findSome(unit, organizationId, missing.slice(1), ids, thorough);
      return rest.kind === 'found' ? { ...rest, placed: [...encounter.placed, ...rest.placed] } : rest;
    },

    async findPerson(owner, query) {
      if (query.kind === 'newborn') {
        const found = await search(owner, 'Patient', { identifier: `${SYSTEMS.nikIbu}|${query.nikIbu}` });
        if (!Array.isArray(found)) {
          return found as Exclude<PersonAnswer, { kind: 'person' }>;
        }
        return person(found.filter((baby) => baby.birthDate === query.birthDate && sameOrder(baby.multipleBirthInteger, query.birthOrder)));
      }
      const type = query.kind === 'practitioner' ? 'Practitioner' : 'Patient';
      const found = await search(owner, type, { identifier: `${SYSTEMS.nik}|${query.nik}` });
      return Array.isArray(found) ? person(found) : (found as Exclude<PersonAnswer, { kind: 'person' }>);
    },
  };
}

/** One person, or none: where the platform knows several active ones, choosing would be guessing. */
function person(found: Found): PersonAnswer {
  const active = found.filter((resource) => resource.active !== false);
  const ids = new Set((active.length > 0 ? active : found).map((resource) => resource.id as string));
  return { kind: 'person', platformId: ids.size === 1 ? ([...ids][0] as string) : null };
}

/** Birth order: 0 and absent both say single birth. */
function sameOrder(theirs: unknown, ours: number): boolean {
  return (typeof theirs === 'number' ? theirs : 0) === ours || (theirs === undefined && ours <= 1) || (theirs === 0 && ours === 1);
}

function ownIdentifier(resource: Resource, organizationId: string): Identifier | undefined {
  const kind = SID_KINDS[resource.resourceType];
  const identifiers = (resource as { identifier?: Identifier | Identifier[] }).identifier ?? [];
  const suffix = `/${kind}/${organizationId}`;
  return [identifiers].flat().find((entry) => entry.value !== undefined && entry.system?.endsWith(suffix) === true);
}

function carries(candidate: Record<string, unknown>, identifier: Identifier): boolean {
  const theirs = [candidate.identifier ?? []].flat() as Identifier[];
  return theirs.some((entry) => entry?.system === identifier.system && entry?.value === identifier.value);
}

/** Query of the next page. Only the query is taken: the link may name another host than the one we talk to. */
function nextPage(links: unknown): URLSearchParams | undefined {
  const next = (Array.isArray(links) ? links : []).find((link) => link?.relation === 'next')?.url;
  return typeof next === 'string' && next.includes('?') ? new URLSearchParams(next.slice(next.indexOf('?') + 1)) : undefined;
}
