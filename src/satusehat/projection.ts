import type { Identifier, Resource } from '@medplum/fhirtypes';
import { type Issue, issue } from '../errors/index.ts';
import { ILP_BASE, localSid, platformSid, SYSTEMS } from '../terminology/systems.ts';
import { hasValue, ownIdentifier, SID_KINDS } from './identifiers.ts';

export interface ProjectionContext {
  /** Id of the sender's Organization on the platform. */
  readonly organizationId: string;
  /** Local reference → platform id. */
  readonly ids: ReadonlyMap<string, string>;
  /** Local references of the resources that are created by the same request. */
  readonly within: ReadonlySet<string>;
  /** Number of who a RelatedPerson is; sent in place of a NIK. */
  readonly personNumber?: string | undefined;
}

export interface Projected {
  /** What is sent: without id. */
  readonly resource: Resource;
  /** A reference without platform id: `dependency-failed` with its expression. Such a projection must not be sent. */
  readonly issues: readonly Issue[];
}

/**
 * Turns a stored resource into what is sent. Pure; the input is not changed; throws nothing.
 *
 * - id, meta, narrative, and everything under our own canonical base (extensions, codings, identifiers, canonicals) is left out; a
 *   component whose code is only ours is left out whole.
 * - `sid/<kind>` of the resource's own type becomes the platform's identifier system with the Organization's id; a resource that carries
 *   none gets one of its id here: what is sent without cannot be told from a copy of it.
 * - a RelatedPerson is sent under the person's number.
 * - references become platform references, or `urn:uuid:<local id>` for what the same request creates.
 * - instants are written in UTC with `+00:00` and whole seconds, as the platform's documents demand.
 */
export function project(resource: Resource, context: ProjectionContext): Projected {
  const issues: Issue[] = [];
  const walk = createWalk((reference, expression) => {
    if (context.within.has(reference)) {
      return `urn:uuid:${reference.slice(reference.indexOf('/') + 1)}`;
    }
    const id = context.ids.get(reference);
    if (id === undefined) {
      issues.push(issue('dependency-failed', {}, { expression: expression() }));
      return reference;
    }
    return `${reference.slice(0, reference.indexOf('/'))}/${id}`;
  }, context.organizationId);
  return { resource: identified(walk.root(resource), resource, context), issues };
}

function identified(projected: Resource, resource: Resource, { organizationId, personNumber }: ProjectionContext): Resource {
  const out = projected as { identifier?: Identifier | Identifier[] };
  if (resource.resourceType === 'RelatedPerson' && personNumber !== undefined) {
    return { ...projected, identifier: [{ system: SYSTEMS.ihsNumber, value: personNumber }] } as Resource;
  }
  const own = ownIdentifier(resource, organizationId);
  const present = [out.identifier ?? []].flat();
  if (own === undefined || present.some((identifier) => identifier.system === own.system && hasValue(identifier))) {
    return projected;
  }
  return { ...projected, identifier: SINGLE_IDENTIFIER.has(resource.resourceType) ? own : [...present, own] } as Resource;
}

/** Types whose identifier is one object and not a list (FHIR R4). */
const SINGLE_IDENTIFIER = new Set(['Composition', 'QuestionnaireResponse']);

/** Local references that survive the projection of these resources, without those to each other; sorted. */
export function outgoingReferences(resources: readonly (Resource & { id: string })[]): readonly string[] {
  const own = new Set(resources.map((resource) => `${resource.resourceType}/${resource.id}`));
  const found = new Set(resources.flatMap(survivingReferences).filter((reference) => !own.has(reference)));
  return [...found].sort();
}

/** A try asks for those of each resource several times: to resolve them, to find an order, to send. Stored resources never change. */
const SURVIVING = new WeakMap<Resource, readonly string[]>();

function survivingReferences(resource: Resource): readonly string[] {
  const known = SURVIVING.get(resource);
  if (known !== undefined) {
    return known;
  }
  const found = new Set<string>();
  createWalk((reference) => {
    found.add(reference);
    return reference;
  }, '').root(resource);
  SURVIVING.set(resource, [...found]);
  return [...found];
}

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
type Resolve = (reference: string, expression: () => string) => string;

const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/;
const LOCAL_REFERENCE = /^([A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64})(\/_history\/.*)?$/;
const ROOT_ONLY_LOCAL = new Set(['id', 'meta', 'text', 'implicitRules']);
/** Elements of free text or of codes: what looks like an instant there is not one. */
const NOT_TIMES = new Set([
  ...['text', 'display', 'valueString', 'value', 'reference', 'url', 'system', 'code', 'unit', 'div', 'description', 'name', 'title'],
  ...['comment', 'patientInstruction', 'lotNumber', 'line', 'city', 'family', 'given', 'resourceType', 'id'],
]);

function createWalk(resolve: Resolve, organizationId: string): { root(resource: Resource): Resource } {
  /** Where the walk is: names and positions. Put together only for what has no id. */
  const path: (string | number)[] = [];
  const expression = (): string =>
    path
      .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
      .join('')
      .slice(1);

  function at<T>(step: string | number, work: () => T): T {
    path.push(step);
    const result = work();
    path.pop();
    return result;
  }

  function root(resource: Resource, contained = false): Resource {
    const out: Record<string, Json> = {};
    for (const key in resource) {
      const value = (resource as unknown as Record<string, Json>)[key] as Json;
      // Which Patient took the place of which is known here only.
      if ((ROOT_ONLY_LOCAL.has(key) && !(contained && key === 'id')) || (key === 'link' && resource.resourceType === 'Patient')) {
        continue;
      }
      path.push(key);
      const kept =
        key === 'contained' && Array.isArray(value)
          ? value.map((inner, index) => at(index, () => root(inner as unknown as Resource, true) as unknown as Json))
          : any(key === 'identifier' ? identifiers(resource.resourceType, value) : value, key);
      path.pop();
      if (kept !== undefined) {
        out[key] = kept;
      }
    }
    return out as unknown as Resource;
  }

  /** The resource's own identifiers: one list or (QuestionnaireResponse, Bundle) a single one. */
  function identifiers(type: string, value: Json): Json {
    const kind = SID_KINDS[type];
    const own = kind === undefined ? undefined : localSid(kind);
    const one = (entry: Json): Json =>
      isObject(entry) && own !== undefined && entry.system === own
        ? { ...entry, system: platformSid(kind as string, organizationId) }
        : entry;
    return Array.isArray(value) ? value.map(one) : one(value);
  }

  function any(value: Json, key: string): Json | undefined {
    if (typeof value === 'string') {
      return text(value, key);
    }
    if (Array.isArray(value)) {
      return list(value, key);
    }
    return isObject(value) ? object(value, key) : value;
  }

  function text(value: string, key: string): string | undefined {
    if (value.startsWith(`${ILP_BASE}/`)) {
      return undefined;
    }
    return value[4] === '-' && !NOT_TIMES.has(key) && INSTANT.test(value) ? utc(value) : value;
  }

  function list(values: readonly Json[], key: string): Json | undefined {
    const kept = values.map((value, index) => (value === null ? null : at(index, () => any(value, key))));
    // `given` and `_given` belong together by position: there a gap stays a null.
    const out = key.startsWith('_') || values.includes(null) ? kept.map((value) => value ?? null) : kept.filter((v) => v !== undefined);
    return out.some((value) => value !== null && value !== undefined) ? (out as Json[]) : undefined;
  }

  function object(value: { readonly [key: string]: Json }, key: string): Json | undefined {
    if ((key === 'extension' || key === 'modifierExtension') && isLocal(value.url)) {
      return undefined;
    }
    const unitOfOurs = isLocal(value.system);
    if (unitOfOurs && typeof value.value !== 'number') {
      return undefined;
    }
    const out: Record<string, Json> = {};
    let empty = true;
    for (const name in value) {
      // A quantity in a unit of ours keeps its number and the unit's name.
      if (unitOfOurs && (name === 'system' || name === 'code')) {
        continue;
      }
      const inner = value[name] as Json;
      const local = name === 'reference' && typeof inner === 'string' ? LOCAL_REFERENCE.exec(inner)?.[1] : undefined;
      let kept: Json | undefined;
      if (local !== undefined) {
        kept = resolve(local, expression);
      } else {
        path.push(name);
        kept = any(inner, name);
        path.pop();
      }
      if (kept !== undefined) {
        out[name] = kept;
        empty = false;
      }
    }
    if (key === 'component' && value.code !== undefined && out.code === undefined) {
      return undefined;
    }
    return empty ? undefined : out;
  }

  return { root: (resource) => at(resource.resourceType, () => root(resource)) };
}

function utc(value: string): string {
  const time = Date.parse(value);
  return Number.isNaN(time) ? value : `${new Date(time).toISOString().slice(0, 19)}+00:00`;
}

function isLocal(system: Json | undefined): boolean {
  return typeof system === 'string' && system.startsWith(`${ILP_BASE}/`);
}

function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
