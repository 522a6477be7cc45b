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
  const { content, gaps } = pruned(resource);
  const out = { ...content } as unknown as Record<string, Json>;
  for (const gap of gaps) fill(out, gap.path, gap.kind === 'sid' ? platformSid(gap.value, context.organizationId) : resolve(gap));
  return { resource: identified(out as unknown as Resource, resource, context), issues };

  function resolve({ value: reference, from }: Gap): string {
    if (context.within.has(reference)) {
      return `urn:uuid:${reference.slice(reference.indexOf('/') + 1)}`;
    }
    const id = context.ids.get(reference);
    if (id === undefined) {
      issues.push(issue('dependency-failed', {}, { expression: expressionOf(resource, from) }));
      return reference;
    }
    return `${reference.slice(0, reference.indexOf('/'))}/${id}`;
  }
}

type Path = readonly (string | number)[];

const expressionOf = ({ resourceType }: Resource, path: Path): string =>
  `${resourceType}${path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('')}`;

/** Sets what is at a path, in copies of all that lead there: what is pruned is shared by all projections of its resource. */
function fill(root: Record<string, Json>, path: Path, value: string): void {
  let node = root as Record<string | number, Json>;
  for (const step of path.slice(0, -1)) {
    const inner = node[step];
    const copy = (Array.isArray(inner) ? [...inner] : { ...(inner as object) }) as Json;
    node[step] = copy;
    node = copy as Record<string | number, Json>;
  }
  node[path.at(-1) as string] = value;
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
  const found = new Set<string>();
  for (const resource of resources) for (const { kind, value } of pruned(resource).gaps) if (kind === 'reference') found.add(value);
  for (const { resourceType, id } of resources) found.delete(`${resourceType}/${id}`);
  return [...found].sort();
}

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** What differs from platform to platform and from try to try: a local reference, or the system `sid/<kind>` of an own identifier. */
interface Gap {
  readonly kind: 'reference' | 'sid';
  readonly value: string;
  /** Where it is in what is sent. */
  readonly path: Path;
  /** Where it is in what is stored: people see that. */
  readonly from: Path;
}

interface Pruned {
  readonly content: Resource;
  readonly gaps: readonly Gap[];
}

/** A try asks for it several times: to resolve references, to find an order, to send. Stored resources never change. */
const PRUNED = new WeakMap<Resource, Pruned>();

function pruned(resource: Resource): Pruned {
  const known = PRUNED.get(resource);
  if (known !== undefined) {
    return known;
  }
  const found = prune(resource);
  PRUNED.set(resource, found);
  return found;
}

const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/;
const LOCAL_REFERENCE = /^([A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64})(\/_history\/.*)?$/;
const ROOT_ONLY_LOCAL = new Set(['id', 'meta', 'text', 'implicitRules']);
/** Elements of free text or of codes: what looks like an instant there is not one. */
const NOT_TIMES = new Set([
  ...['text', 'display', 'valueString', 'value', 'reference', 'url', 'system', 'code', 'unit', 'div', 'description', 'name', 'title'],
  ...['comment', 'patientInstruction', 'lotNumber', 'line', 'city', 'family', 'given', 'resourceType', 'id'],
]);

function prune(resource: Resource): Pruned {
  const gaps: Gap[] = [];
  /** Where the walk is, in what it writes and in what it reads: what is left out moves what comes after it. */
  const path: (string | number)[] = [];
  const from: (string | number)[] = [];
  const gap = (kind: Gap['kind'], value: string, name: string): number =>
    gaps.push({ kind, value, path: [...path, name], from: [...from] });
  const enter = (to: string | number, of: string | number): void => {
    path.push(to);
    from.push(of);
  };
  const leave = (): void => {
    path.pop();
    from.pop();
  };
  return { content: root(resource), gaps };

  function root(resource: Resource, contained = false): Resource {
    const out: Record<string, Json> = {};
    const kind = SID_KINDS[resource.resourceType];
    const own = kind === undefined ? undefined : localSid(kind);
    for (const key in resource) {
      const value = (resource as unknown as Record<string, Json>)[key] as Json;
      // Which Patient took the place of which is known here only.
      if ((ROOT_ONLY_LOCAL.has(key) && !(contained && key === 'id')) || (key === 'link' && resource.resourceType === 'Patient')) {
        continue;
      }
      enter(key, key);
      const kept =
        key === 'contained' && Array.isArray(value) ? list(value, key, inner) : any(value, key, key === 'identifier' ? own : undefined);
      leave();
      if (kept !== undefined) {
        out[key] = kept;
      }
    }
    return out as unknown as Resource;
  }

  function inner(value: Json): Json {
    return root(value as unknown as Resource, true) as unknown as Json;
  }

  /** @param own system of the resource's own identifiers, where these may be: one list or (QuestionnaireResponse, Bundle) a single one */
  function any(value: Json, key: string, own?: string): Json | undefined {
    if (typeof value === 'string') {
      return text(value, key);
    }
    if (Array.isArray(value)) {
      return list(value, key, (each) => any(each, key, own));
    }
    return isObject(value) ? object(value, key, own) : value;
  }

  function text(value: string, key: string): string | undefined {
    if (value.startsWith(`${ILP_BASE}/`)) {
      return undefined;
    }
    return value[4] === '-' && !NOT_TIMES.has(key) && INSTANT.test(value) ? utc(value) : value;
  }

  function list(values: readonly Json[], key: string, each: (value: Json) => Json | undefined): Json | undefined {
    // `given` and `_given` belong together by position: there a gap stays a null.
    const keepsPlaces = key.startsWith('_') || values.includes(null);
    const out: Json[] = [];
    for (const [index, value] of values.entries()) {
      enter(out.length, index);
      const kept = value === null ? undefined : each(value);
      leave();
      if (kept !== undefined) out.push(kept);
      else if (keepsPlaces) out.push(null);
    }
    return out.some((value) => value !== null) ? out : undefined;
  }

  function object(value: { readonly [key: string]: Json }, key: string, own: string | undefined): Json | undefined {
    if ((key === 'extension' || key === 'modifierExtension') && isLocal(value.url)) {
      return undefined;
    }
    const isOwn = own !== undefined && value.system === own;
    const unitOfOurs = !isOwn && isLocal(value.system);
    if (unitOfOurs && typeof value.value !== 'number') {
      return undefined;
    }
    const first = gaps.length;
    const out: Record<string, Json> = {};
    let empty = true;
    for (const name in value) {
      // A quantity in a unit of ours keeps its number and the unit's name.
      if (unitOfOurs && (name === 'system' || name === 'code')) {
        continue;
      }
      const member = value[name] as Json;
      const local = name === 'reference' && typeof member === 'string' ? LOCAL_REFERENCE.exec(member)?.[1] : undefined;
      let kept: Json | undefined;
      if (local !== undefined) {
        gap('reference', local, name);
        kept = local;
      } else if (isOwn && name === 'system') {
        gap('sid', own.slice(own.lastIndexOf('/') + 1), name);
        kept = own;
      } else if (typeof member === 'string') {
        kept = text(member, name);
      } else if (typeof member !== 'object') {
        kept = member;
      } else {
        enter(name, name);
        kept = any(member, name);
        leave();
      }
      if (kept !== undefined) {
        out[name] = kept;
        empty = false;
      }
    }
    if (key === 'component' && value.code !== undefined && out.code === undefined) {
      // Nothing of it is sent, so nothing it refers to is needed.
      gaps.length = first;
      return undefined;
    }
    return empty ? undefined : out;
  }
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
