import { randomUUID } from 'node:crypto';
import type { Clock } from './clock.ts';
import {
  businessRule,
  idMismatch,
  issues,
  notStored,
  type OutcomeIssue,
  privacyRule,
  processorOutcome,
  Refusal,
  type Reply,
  typeMismatch,
  unparseable,
} from './errors.ts';
import { asObject, asText, follow, isObject, isTooDeep, type JsonObject } from './json.ts';
import type { People } from './people.ts';
import {
  creatorOf,
  type Draft,
  guardedIdentifiersOf,
  type ResourceStore,
  referencesOf,
  type StoredResource,
  type Version,
  withCreator,
} from './resources.ts';
import type { PlatformRuleBook } from './rules.ts';
import { PARAMETERS } from './search.ts';
import { wrongKind } from './shapes.ts';
import type { Caller } from './token.ts';

export interface ProcessorOptions {
  readonly store: ResourceStore;
  readonly people: People;
  readonly rules: PlatformRuleBook;
  readonly clock: Clock;
  /** Staging refuses PUT of an EpisodeOfCare; the documentation allows it. */
  readonly episodeUpdate: boolean;
}

/** What a transaction has prepared but not stored: its members see each other, nobody else sees them. */
export interface Staged {
  /** `Type/id` of resources to be created. */
  readonly references: ReadonlySet<string>;
  /** `Type|system|value` of the entries examined so far. */
  readonly identifiers: Set<string>;
  /** `patient|type` of active episodes examined so far. */
  readonly episodes: Set<string>;
}

export const nothingStaged = (): Staged => ({ references: new Set(), identifiers: new Set(), episodes: new Set() });

/** Types that can be written and searched here. */
export const isServedType = (type: string): boolean => Object.hasOwn(PARAMETERS, type) || type === 'Patient' || type === 'Practitioner';

/**
 * The FHIR processor in front of the store: it reads the payload, applies the numbered rules, follows references, refuses
 * duplicates, and only then writes. Nothing here waits between checking and writing.
 */
export class Processor {
  readonly #options: ProcessorOptions;

  constructor(options: ProcessorOptions) {
    this.#options = options;
  }

  create(type: string, payload: Buffer, caller: Caller): Reply {
    const resource = ofType(readPayload(payload), type);
    this.refuseIfAny(this.examine(resource, type, caller, nothingStaged()));
    return this.#write({ resourceType: type, id: randomUUID(), body: withCreator(resource, type, caller.organizationId) }, 201);
  }

  update(type: string, id: string, payload: Buffer, caller: Caller): Reply {
    const resource = ofType(readPayload(payload), type);
    this.refuseIfAny(this.examineUpdate(resource, type, id, caller, nothingStaged()));
    return this.#write({ resourceType: type, id, body: withCreator(resource, type, caller.organizationId) }, 200);
  }

  read(type: string, id: string): JsonObject {
    const found = this.#options.people.read(type, id) ?? this.#options.store.get(type, id);
    if (found === undefined) throw new Refusal(notStored(type, id));
    return found;
  }

  /**
   * Every reason to refuse a new resource, in the order of the layers: a later layer is asked only when the earlier ones are
   * content. Identifiers of an accepted resource are added to `staged`.
   *
   * @throws Refusal for what the store itself would refuse
   */
  examine(resource: JsonObject, type: string, caller: Caller, staged: Staged, id?: string): readonly OutcomeIssue[] {
    const { store, rules, clock } = this.#options;
    if (type === 'Patient' || type === 'Practitioner') return [issues.accessClass(type)];
    const wrong = wrongKind(resource, type);
    if (wrong !== undefined) return [issues.unmarshal(wrong)];
    const broken = rules.check(resource, type, { organizationId: caller.organizationId, now: clock.now() });
    if (broken.length > 0) return broken;
    const lost = referencesOf(resource).filter((reference) => !this.#exists(reference, staged));
    if (lost.length > 0) return [...new Set(lost)].map((reference) => issues.resourceNotFound(reference));
    const tokens = guardedIdentifiersOf(resource);
    const taken = tokens.some(
      (token) => staged.identifiers.has(`${type}|${token}`) || store.withIdentifier(type, token).some((other) => other.id !== id),
    );
    if (taken) return [issues.duplicate(type)];
    const episodes = type === 'EpisodeOfCare' ? this.#episodeKeys(resource) : [];
    if (episodes.some((key) => staged.episodes.has(key) || this.#hasActiveEpisode(resource, key, id))) return [issues.activeEpisode()];
    refuseTurnedPeriods(resource, type);
    for (const token of tokens) staged.identifiers.add(`${type}|${token}`);
    for (const key of episodes) staged.episodes.add(key);
    return [];
  }

  /** As {@link examine}, for a new version of `type/id`. */
  examineUpdate(resource: JsonObject, type: string, id: string, caller: Caller, staged: Staged): readonly OutcomeIssue[] {
    if (type === 'Patient') throw new Refusal(processorOutcome([issues.patientEdit()], 403));
    if (type === 'Practitioner') return [issues.accessClass(type)];
    if (resource.id !== id) throw new Refusal(idMismatch(id, asText(resource.id) ?? ''));
    const current = this.#options.store.get(type, id);
    if (current === undefined) return [issues.resourceNotFound(`${type}/${id}`)];
    if (type === 'EpisodeOfCare' && !this.#options.episodeUpdate) throw new Refusal(privacyRule());
    if (creatorOf(current) !== caller.organizationId) throw new Refusal(businessRule());
    return this.examine(resource, type, caller, staged, id);
  }

  refuseIfAny(found: readonly OutcomeIssue[]): void {
    if (found.length === 0) return;
    const forbidden = found.some((issue) => issue.details.text.includes('(RuleNumber: 20004)'));
    throw new Refusal(processorOutcome(found, forbidden ? 403 : 400));
  }

  #write(draft: Draft, status: number): Reply {
    const { store } = this.#options;
    const version = store.nextVersion();
    const [resource] = store.commit([draft], version);
    return { status, body: resource, headers: versionHeaders(draft, version) };
  }

  #exists(reference: string, staged: Staged): boolean {
    if (reference.startsWith('#') || /^https?:/.test(reference)) return true;
    if (staged.references.has(reference)) return true;
    const [type = '', id = ''] = reference.split('/');
    return this.#options.people.has(type, id) || this.#options.store.get(type, id) !== undefined;
  }

  #episodeKeys(resource: JsonObject): readonly string[] {
    if (resource.status !== 'active') return [];
    const patient = asText(asObject(resource.patient).reference) ?? '';
    return follow(resource, 'type.coding', '').map(({ value }) => `${patient}|${asText(asObject(value).code) ?? ''}`);
  }

  #hasActiveEpisode(resource: JsonObject, key: string, id: string | undefined): boolean {
    const patient = asText(asObject(resource.patient).reference) ?? '';
    return this.#options.store
      .referringTo('EpisodeOfCare', patient)
      .some((other: StoredResource) => other.id !== id && this.#episodeKeys(other).includes(key));
  }
}

/**
 * Reads a payload as the processor does.
 *
 * @throws Refusal 20005 when it is empty or not UTF-8, 20006 when it is not JSON, 20008 when it is not an object or nests absurdly
 */
export function readPayload(payload: Buffer): JsonObject {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(payload);
  } catch {
    throw new Refusal(processorOutcome([issues.unreadable()]));
  }
  if (text.trim() === '') throw new Refusal(processorOutcome([issues.unreadable()]));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Refusal(processorOutcome([issues.notJson()]));
  }
  if (!isObject(value) || isTooDeep(value)) throw new Refusal(processorOutcome([issues.unmarshal()]));
  return value;
}

function ofType(resource: JsonObject, type: string): JsonObject {
  const given = resource.resourceType;
  if (typeof given !== 'string') throw new Refusal(processorOutcome([issues.unmarshal(`${type}.resourceType`)]));
  if (given !== type) throw new Refusal(typeMismatch(type, given));
  return resource;
}

/** FHIR's invariant on every Period, which the store finds only after the processor is content. */
function refuseTurnedPeriods(value: unknown, expression: string): void {
  if (Array.isArray(value)) for (const [index, item] of value.entries()) refuseTurnedPeriods(item, `${expression}[${index}]`);
  if (!isObject(value)) return;
  const { start, end } = value;
  if (typeof start === 'string' && typeof end === 'string' && Date.parse(end) < Date.parse(start)) {
    throw new Refusal(unparseable(`fhirpath-constraint-violation-${expression.replace(/\[\d+\]/g, '')}: ...`, expression));
  }
  for (const [key, child] of Object.entries(value)) if (typeof child === 'object') refuseTurnedPeriods(child, `${expression}.${key}`);
}

/** The location names an internal host, as on the platform: nobody may take it for an address. */
const INTERNAL_STORE =
  'https://healthcare.googleapis.com/v1/projects/dto-ihs-stg/locations/asia-southeast2/datasets/stg/fhirStores/fhir-r4-staging/fhir';

export const versionHeaders = (draft: Pick<Draft, 'resourceType' | 'id'>, version: Version): Record<string, string> => ({
  etag: `W/"${version.versionId}"`,
  'last-modified': version.lastModified,
  location: `${INTERNAL_STORE}/${draft.resourceType}/${draft.id}/_history/${version.versionId}`,
});
