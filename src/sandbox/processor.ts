import { randomUUID } from 'node:crypto';
import type { Caller } from './clients.ts';
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
  severalMatches,
  typeMismatch,
  unparseable,
} from './errors.ts';
import { asObject, asText, follow, isObject, isTooDeep, type JsonObject } from './json.ts';
import type { People } from './people.ts';
import { refuseMissing } from './required.ts';
import { guardedIdentifiersOf, ownerOf, referencesOf, withCreator } from './resources.ts';
import type { PlatformRuleBook } from './rules.ts';
import { PARAMETERS, search } from './search.ts';
import type { SandboxSettings } from './settings.ts';
import { wrongKind } from './shapes.ts';
import type { Draft, ResourceStore, StoredResource, Version } from './store.ts';

export interface ProcessorOptions {
  readonly store: ResourceStore;
  readonly people: People;
  readonly rules: PlatformRuleBook;
  readonly clock: Clock;
  /** As they are at the moment of the request. */
  readonly settings: () => SandboxSettings;
}

/** What a transaction has prepared but not stored: its members see each other, nobody else sees them. */
export interface Staged {
  /** `Type/id` of resources to be created. */
  readonly references: ReadonlySet<string>;
  /** `Type|system|value` of the entries examined so far. */
  readonly identifiers: Set<string>;
  /** `patient|type` of active episodes examined so far. */
  readonly episodes: Set<string>;
  /** Where the resource that is examined is in its Bundle, for the store's expressions: `Bundle.entry[0].resource.` */
  at?: string;
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

  /** @param ifNoneExist the query of that header, if any */
  create(type: string, resource: JsonObject, caller: Caller, ifNoneExist?: string): Reply {
    this.refuseIfAny(this.examineCreate(ofType(resource, type), type, caller, nothingStaged(), ifNoneExist));
    return this.#write({ resourceType: type, id: randomUUID(), body: withCreator(resource, type, caller.organizationId) }, 201);
  }

  update(type: string, id: string, resource: JsonObject, caller: Caller): Reply {
    this.refuseIfAny(this.examineUpdate(ofType(resource, type), type, id, caller, nothingStaged()));
    return this.#write({ resourceType: type, id, body: withCreator(resource, type, caller.organizationId) }, 200);
  }

  /** What was written less than the read lag ago is not found yet. */
  read(type: string, id: string): JsonObject {
    const { people, store, settings } = this.#options;
    const seen = store.lagging(settings().readLagMs);
    const found = people.read(type, id, seen) ?? seen.get(type, id);
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
    const { store, rules, clock, settings } = this.#options;
    if (type === 'Patient' || type === 'Practitioner') return [issues.accessClass(type)];
    const wrong = wrongKind(resource, type);
    if (wrong !== undefined) return [issues.unmarshal(wrong)];
    const { strictness } = settings();
    const broken = rules.check(resource, type, {
      organizationId: caller.organizationId,
      now: clock.now(),
      strictness,
      creating: id === undefined,
    });
    if (broken.length > 0) return broken;
    const lost = referencesOf(resource).filter((reference) => !this.#exists(reference, staged));
    if (lost.length > 0) return [...new Set(lost)].map((reference) => issues.resourceNotFound(reference));
    const tokens = guardedIdentifiersOf(resource);
    const taken = tokens.some(
      (token) => staged.identifiers.has(`${type}|${token}`) || store.idsWithIdentifier(type, token).some((other) => other !== id),
    );
    if (taken) return [issues.duplicate(type)];
    const episodes = type === 'EpisodeOfCare' ? this.#episodeKeys(resource) : [];
    if (episodes.some((key) => staged.episodes.has(key) || this.#hasActiveEpisode(resource, key, id))) return [issues.activeEpisode()];
    refuseMissing(resource, type, staged.at);
    refuseTurnedPeriods(resource, type);
    for (const token of tokens) staged.identifiers.add(`${type}|${token}`);
    for (const key of episodes) staged.episodes.add(key);
    return [];
  }

  /** As {@link examine}, with the condition of `If-None-Exist`: one match is a duplicate, several are 412. */
  examineCreate(resource: JsonObject, type: string, caller: Caller, staged: Staged, ifNoneExist?: string): readonly OutcomeIssue[] {
    const found = this.examine(resource, type, caller, staged);
    if (found.length > 0 || ifNoneExist === undefined || this.#options.settings().strictness.ifNoneExist === 'ignore') return found;
    const matches = Number(search({ ...this.#options, base: '' }, type, new URLSearchParams(ifNoneExist)).total);
    if (matches > 1) throw new Refusal(severalMatches());
    return matches === 1 ? [issues.duplicate(type)] : [];
  }

  /** As {@link examine}, for a new version of `type/id`. */
  examineUpdate(resource: JsonObject, type: string, id: string, caller: Caller, staged: Staged): readonly OutcomeIssue[] {
    if (type === 'Patient') throw new Refusal(processorOutcome([issues.patientEdit()], 403));
    if (type === 'Practitioner') return [issues.accessClass(type)];
    if (resource.id !== id) throw new Refusal(idMismatch(id, asText(resource.id) ?? ''));
    const current = this.#options.store.get(type, id);
    if (current === undefined) return [issues.resourceNotFound(`${type}/${id}`)];
    if (type === 'EpisodeOfCare' && !this.#options.settings().strictness.episodeUpdate) throw new Refusal(privacyRule());
    if (ownerOf(current) !== caller.organizationId) {
      throw new Refusal({ ...businessRule(), status: this.#options.settings().strictness.organizationStatus });
    }
    return this.examine(resource, type, caller, staged, id);
  }

  /** @throws Refusal when there is anything to refuse; its status and wording follow the settings */
  refuseIfAny(found: readonly OutcomeIssue[]): void {
    if (found.length === 0) return;
    const { permissionStatus, issues: shown, duplicateText } = this.#options.settings().strictness;
    const status = found.some((issue) => PERMISSION.test(issue.details.text)) ? permissionStatus : 400;
    const worded = duplicateText === '2026' ? found : found.map(inWordsOf2024);
    throw new Refusal(processorOutcome(shown === 'one' ? worded.slice(0, 1) : worded, status));
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
    return this.#options.people.has(type, id) || this.#options.store.has(type, id);
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

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** Rules about who may do what; they have a status of their own. */
const PERMISSION = /\(RuleNumber: (20003|20004|20009)\)/;

/** How the platform worded a duplicate in 2024: without the number, and an Encounter in words of its own. */
function inWordsOf2024(issue: OutcomeIssue): OutcomeIssue {
  const type = /^Found duplicate: (\w+) /.exec(issue.details.text)?.[1];
  if (type === undefined) return issue;
  return { ...issue, details: { text: type === 'Encounter' ? `Found duplicate resource: ${type}` : `Found duplicate: ${type}` } };
}

/**
 * Reads a payload as the processor does.
 *
 * @throws Refusal 20005 when it is empty or not UTF-8, 20006 when it is not JSON, 20008 when it is not an object or nests absurdly
 */
export function readPayload(payload: Buffer): JsonObject {
  let text: string;
  try {
    text = UTF8.decode(payload);
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
