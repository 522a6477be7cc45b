import type { Identifier, Resource } from '@medplum/fhirtypes';
import {
  type FindAnswer,
  type LocalResource,
  type PersonAnswer,
  type PersonQuery,
  type Placed,
  personKey,
  type Unit,
  type Unsearchable,
} from '../sync/platform.ts';
import { ILP_BASE, SYSTEMS } from '../terminology/systems.ts';
import type { FhirClient } from './client.ts';
import { ownIdentifier, personOf } from './identifiers.ts';
import { EPISODE_STATUSES, type Match, type Parameter, RECOVERY, type RecoveryRow } from './recovery.ts';
import { type Found, type Pages, search } from './searches.ts';
import type { Surface } from './surface.ts';

export interface Lookups {
  /** Platform ids of the unit's resources that have none yet, as far as they are there. */
  find(unit: Unit, organizationId: string, thorough: boolean): Promise<FindAnswer>;
  findPerson(owner: string, query: PersonQuery): Promise<PersonAnswer>;
}

interface Search {
  readonly unit: Unit;
  readonly organizationId: string;
  readonly thorough: boolean;
}

/** Looks resources up by the recovery table. */
export function createLookups(client: FhirClient, surface: Surface): Lookups {
  async function findSome(context: Search, resources: readonly LocalResource[], ids: ReadonlyMap<string, string>): Promise<FindAnswer> {
    const { unit, organizationId } = context;
    const placed: Placed[] = [];
    const unsearchable: Unsearchable[] = [];
    const asked = new Map<string, Pages>();
    for (const resource of resources) {
      const reference = referenceOf(resource);
      const row = RECOVERY[resource.resourceType];
      const parameters = row && parametersFor(row, surface, resource, { ...context, ids });
      if (row === undefined || parameters === undefined) {
        unsearchable.push({ reference, guarded: row?.guarded === true });
        continue;
      }
      const question = `${resource.resourceType}?${new URLSearchParams(parameters)}`;
      const pages = asked.get(question) ?? (await search(client, unit.owner, resource.resourceType, parameters));
      if (pages.kind !== 'pages') {
        return pages;
      }
      asked.set(question, pages);
      const match = MATCHES[row.match](pages.resources, resource, { organizationId, ids });
      if (match !== undefined) {
        const version = (match.meta as { versionId?: unknown } | undefined)?.versionId;
        placed.push({ reference, platformId: match.id as string, platformVersion: typeof version === 'string' ? version : null });
      } else if (!pages.complete) {
        unsearchable.push({ reference, guarded: row.guarded });
      }
    }
    return { kind: 'found', placed, unsearchable };
  }

  return {
    async find(unit, organizationId, thorough) {
      const context = { unit, organizationId, thorough };
      const missing = unit.resources.filter((resource) => !unit.ids.has(referenceOf(resource)));
      const [first] = missing;
      if (first?.resourceType !== 'Encounter') {
        return findSome(context, missing, unit.ids);
      }
      const encounter = await findSome(context, [first], unit.ids);
      if (encounter.kind !== 'found') {
        return encounter;
      }
      if (encounter.placed.length === 0) {
        // What belongs to an Encounter that is not there could only be found by other ways; the platform takes none without it.
        return encounter;
      }
      const ids = new Map(unit.ids);
      for (const { reference, platformId } of encounter.placed) {
        ids.set(reference, platformId);
      }
      const rest = await findSome(context, missing.slice(1), ids);
      return rest.kind === 'found' ? { ...rest, placed: [...encounter.placed, ...rest.placed] } : rest;
    },

    async findPerson(owner, query) {
      const [type, system, value] =
        query.kind === 'newborn'
          ? (['Patient', SYSTEMS.nikIbu, query.nikIbu] as const)
          : ([query.kind === 'practitioner' ? 'Practitioner' : 'Patient', SYSTEMS.nik, query.nik] as const);
      const pages = await search(client, owner, type, { identifier: `${system}|${value}` });
      if (pages.kind !== 'pages') {
        return pages as Exclude<PersonAnswer, { kind: 'person' }>;
      }
      return person(query.kind === 'newborn' ? pages.resources.filter((baby) => isNewborn(baby, query)) : pages.resources);
    },
  };
}

interface Known {
  readonly organizationId: string;
  readonly ids: ReadonlyMap<string, string>;
}

/** The first parameter set of the surface whose values are all known; undefined where there is none. */
export function parametersFor(
  row: RecoveryRow,
  surface: Surface,
  resource: LocalResource,
  known: Known & { readonly thorough: boolean },
): Record<string, string> | undefined {
  const sets = row.search[surface];
  // Under another name it is found among all children: the name may have changed since it was sent.
  const preferred = known.thorough ? [...sets].sort((a, b) => Number(a.includes('name')) - Number(b.includes('name'))) : sets;
  for (const set of preferred) {
    const values = set.map((parameter) => [parameter, VALUES[parameter](resource as unknown as Json, known, resource)] as const);
    if (values.every(([, value]) => value !== undefined)) {
      return Object.fromEntries(values.map(([parameter, value]) => [NAMES[parameter] ?? parameter, value as string]));
    }
  }
  return undefined;
}

type Json = Readonly<Record<string, unknown>>;

const NAMES: Partial<Record<Parameter, string>> = { 'nik-ibu': 'identifier' };

/** Platform id of what an element refers to. */
const target = (value: unknown, { ids }: Known): string | undefined => {
  const reference = (value as { reference?: unknown } | undefined)?.reference;
  return typeof reference === 'string' ? ids.get(reference) : undefined;
};

const codeOf = (value: unknown): string | undefined => {
  const [concept] = [value].flat() as Array<{ coding?: ReadonlyArray<{ code?: string; system?: string }> } | undefined>;
  // Codings of ours are not sent.
  return concept?.coding?.find(({ code, system }) => code !== undefined && system?.startsWith(ILP_BASE) !== true)?.code;
};

const VALUES: Readonly<Record<Parameter, (resource: Json, known: Known, local: LocalResource) => string | undefined>> = {
  identifier: (_, { organizationId }, local) => {
    const { system, value } = ownIdentifier(local, organizationId) ?? {};
    return value === undefined ? undefined : `${system}|${value}`;
  },
  encounter: (resource, known) => target(resource.encounter, known),
  context: (resource, known) => target(resource.context, known),
  subject: (resource, known) => target(resource.subject, known),
  patient: (resource, known) => target(resource.patient, known),
  partof: (resource, known) => target(resource.partOf, known),
  organization: (resource, known) => target(resource.managingOrganization, known),
  request: (resource, known) => target([resource.request].flat()[0], known),
  // FHIR R4, escapes in search values.
  name: ({ name }) => (typeof name === 'string' ? name.replace(/[\\,$|]/g, '\\$&') : undefined),
  type: ({ type }) => codeOf(type),
  code: ({ code }) => codeOf(code),
  category: ({ category }) => codeOf(category),
  vaccineCode: ({ vaccineCode }) => codeOf(vaccineCode),
  status: () => EPISODE_STATUSES,
  'nik-ibu': (_, __, local) => {
    const query = personOf(local);
    return query?.kind === 'newborn' ? `${SYSTEMS.nikIbu}|${query.nikIbu}` : undefined;
  },
};

type Candidate = Found[number];

const MATCHES: Readonly<Record<Match, (found: Found, resource: LocalResource, known: Known) => Candidate | undefined>> = {
  identifier: (found, resource, { organizationId }) => {
    const own = ownIdentifier(resource, organizationId);
    return own && found.find((candidate) => carries(candidate, own));
  },
  newborn: (found, resource) => {
    const query = personOf(resource);
    const babies = query?.kind === 'newborn' ? found.filter((baby) => isNewborn(baby, query)) : [];
    const { platformId } = person(babies);
    return babies.find(({ id }) => id === platformId);
  },
  episode: (found, resource, known) =>
    MATCHES.identifier(found, resource, known) ??
    found.find(({ status, type }) => status === 'active' && codeOf(type) === codeOf((resource as { type?: unknown }).type)),
  relation: (found, resource, { ids }) => {
    const number = ids.get(personKey(referenceOf(resource)));
    const relationship = codeOf((resource as { relationship?: unknown }).relationship);
    return found.find(
      (candidate) =>
        number !== undefined &&
        carries(candidate, { system: SYSTEMS.ihsNumber, value: number }) &&
        codeOf(candidate.relationship) === relationship,
    );
  },
};

/** One person, or none: where the platform knows several active ones, choosing would be guessing. */
function person(found: Found): { readonly kind: 'person'; readonly platformId: string | null } {
  const active = found.filter((resource) => resource.active !== false);
  const ids = new Set((active.length > 0 ? active : found).map((resource) => resource.id as string));
  return { kind: 'person', platformId: ids.size === 1 ? ([...ids][0] as string) : null };
}

const isNewborn = (baby: Candidate, query: Extract<PersonQuery, { kind: 'newborn' }>): boolean =>
  baby.birthDate === query.birthDate && sameOrder(baby.multipleBirthInteger, query.birthOrder);

/** Birth order: 0 and absent both say single birth. */
function sameOrder(theirs: unknown, ours: number): boolean {
  return (typeof theirs === 'number' ? theirs : 0) === ours || (theirs === undefined && ours <= 1) || (theirs === 0 && ours === 1);
}

function carries(candidate: Candidate, identifier: Identifier): boolean {
  const theirs = [candidate.identifier ?? []].flat() as Identifier[];
  return theirs.some((entry) => entry?.system === identifier.system && entry?.value === identifier.value);
}

const referenceOf = (resource: Resource & { id: string }): string => `${resource.resourceType}/${resource.id}`;
