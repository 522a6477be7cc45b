import { randomUUID } from 'node:crypto';
import type { Caller } from './clients.ts';
import { internalError, issues, type OutcomeIssue, Refusal, type Reply, typeMismatch, unparseable } from './errors.ts';
import { asObject, asText, isObject, type JsonObject } from './json.ts';
import { refusedPermission } from './permissions.ts';
import { isServedType, type Processor, type Staged } from './processor.ts';
import { referencesOf, withCreator } from './resources.ts';
import type { SandboxSettings } from './settings.ts';
import type { Draft, ResourceStore } from './store.ts';
import { shippedSurface } from './surface.ts';

interface Entry {
  readonly type: string;
  readonly id: string;
  readonly create: boolean;
  /** `urn:uuid:…` under which the other entries may refer to it. */
  readonly fullUrl: string;
  readonly resource: JsonObject;
  readonly ifNoneExist?: string;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export interface TransactionContext {
  readonly processor: Processor;
  readonly store: ResourceStore;
  readonly settings: () => SandboxSettings;
  /** Chooses which part of a Bundle is saved when it is saved in part: draws from 0 to below 1. Absent: all or nothing. */
  readonly partial?: (() => number) | undefined;
  /** Absolute FHIR base for the locations in the answer. */
  readonly base: string;
}

/**
 * `POST {base}`: a transaction. All entries are stored or none, unless it is to be saved in part; the answer keeps their order.
 *
 * @throws Refusal with one OperationOutcome for the whole Bundle: the issues of the first bad entry, then 20013 for each that follows,
 *   20012 when the first was a matter of permission
 */
export function transaction(context: TransactionContext, bundle: JsonObject, caller: Caller): Reply {
  const { processor, store, settings, partial, base } = context;
  const { bundleEntries, bundleUpdates } = settings().strictness;
  if (bundle.resourceType !== 'Bundle') throw new Refusal(typeMismatch('Bundle', asText(bundle.resourceType) ?? ''));
  if (bundle.type !== 'transaction') throw new Refusal(unparseable('invalid bundle type, only "transaction" is accepted', 'Bundle.type'));
  if (bundle.entry !== undefined && !Array.isArray(bundle.entry)) processor.refuseIfAny([issues.unmarshal('Bundle.entry')]);
  const given: readonly unknown[] = Array.isArray(bundle.entry) ? bundle.entry : [];
  if (bundleEntries > 0 && given.length > bundleEntries) {
    throw new Refusal(unparseable(`too many entries: ${given.length}, at most ${bundleEntries}`, 'Bundle.entry'));
  }

  const failAt = (index: number, found: readonly OutcomeIssue[]): void => {
    if (found.length === 0) return;
    const follows = found[0]?.code === 'forbidden' ? issues.previousForbidden : issues.previousError;
    processor.refuseIfAny([...found, ...given.slice(index + 1).map((entry) => follows(typeOf(asObject(entry).resource)))]);
  };

  const fullUrls = new Set<string>();
  const entries = given.map((value, index): Entry => {
    const entry = readEntry(value, index, fullUrls, bundleUpdates);
    if (!('type' in entry)) {
      failAt(index, entry);
      throw new Error('an entry was refused without an issue');
    }
    failAt(index, refusedPermission(caller, entry.type, 'write'));
    if (!shippedSurface().of(entry.type)?.[settings().surface].verbs.has('create')) failAt(index, [issues.accessClass(entry.type)]);
    return entry;
  });

  // Members refer to each other by fullUrl, or as if its UUID already were an id.
  const renamed = new Map<string, string>();
  for (const { type, id, fullUrl } of entries) {
    renamed.set(fullUrl.toLowerCase(), `${type}/${id}`);
    renamed.set(`${type}/${fullUrl.slice('urn:uuid:'.length)}`.toLowerCase(), `${type}/${id}`);
  }
  const staged: Staged = {
    references: new Set(entries.map(({ type, id }) => `${type}/${id}`)),
    identifiers: new Set(),
    episodes: new Set(),
  };
  const drafts = entries.map(({ type, id, create, resource, ifNoneExist }, index): Draft => {
    rename(resource, renamed);
    staged.at = `Bundle.entry[${index}].resource.`;
    const found = create
      ? processor.examineCreate(resource, type, caller, staged, ifNoneExist)
      : processor.examineUpdate(resource, type, id, caller, staged);
    failAt(index, found);
    return { resourceType: type, id, body: withCreator(resource, type, caller.organizationId) };
  });

  const version = store.nextVersion();
  const part = partial === undefined ? undefined : partOf(drafts, partial);
  store.commit(part ?? drafts, version);
  if (part !== undefined) throw new Refusal(internalError());
  return {
    status: 200,
    body: {
      entry: entries.map(({ type, id, create }) => ({
        response: {
          etag: `W/"${version.versionId}"`,
          lastModified: version.lastUpdated,
          location: `${base}/${type}/${id}/_history/${version.versionId}`,
          resourceID: id,
          resourceType: type,
          status: create ? '201 Created' : '200 OK',
        },
      })),
      resourceType: 'Bundle',
      total: entries.length,
      type: 'transaction-response',
    },
  };
}

/**
 * Members that are saved when not all are: no saved one refers to one that is not. Undefined when no such part exists, as in a Bundle
 * of one.
 */
function partOf(drafts: readonly Draft[], draw: () => number): readonly Draft[] | undefined {
  const keyOf = ({ resourceType, id }: Draft): string => `${resourceType}/${id}`;
  const members = new Set(drafts.map(keyOf));
  const needs = new Map(drafts.map((draft) => [keyOf(draft), referencesOf(draft.body).filter((reference) => members.has(reference))]));
  const without = (lost: ReadonlySet<string>): ReadonlySet<string> => {
    const gone = new Set(lost);
    for (let before = -1; before !== gone.size; ) {
      before = gone.size;
      for (const [key, needed] of needs) if (needed.some((reference) => gone.has(reference))) gone.add(key);
    }
    return gone;
  };
  // Only what leaves something of the Bundle can be lost.
  const losable = drafts.filter((draft) => without(new Set([keyOf(draft)])).size < members.size);
  const first = losable[Math.floor(draw() * losable.length)];
  if (first === undefined) return undefined;
  let gone = without(new Set([keyOf(first)]));
  for (const draft of losable) {
    if (draw() >= 0.5) continue;
    const more = without(new Set([...gone, keyOf(draft)]));
    if (more.size < members.size) gone = more;
  }
  return drafts.filter((draft) => !gone.has(keyOf(draft)));
}

const typeOf = (resource: unknown): string => asText(asObject(resource).resourceType) ?? 'Bundle';

function readEntry(value: unknown, index: number, fullUrls: Set<string>, updates: boolean): Entry | readonly OutcomeIssue[] {
  const { resource, request, fullUrl } = asObject(value);
  if (!isObject(resource) || typeof resource.resourceType !== 'string') return [issues.unmarshal(`Bundle.entry[${index}].resource`)];
  const type = resource.resourceType;
  if (type === 'Bundle') return [issues.nestedBundle()];
  const badUrl = checkFullUrl(fullUrl, type, fullUrls);
  if (badUrl !== undefined) return [badUrl];
  const { method, url, ifNoneExist } = asObject(request);
  if (typeof method !== 'string' || typeof url !== 'string') {
    throw new Refusal(
      unparseable(`missing required field "${typeof method === 'string' ? 'url' : 'method'}"`, `Bundle.entry[${index}].request`),
    );
  }
  if (!isServedType(type)) return [issues.accessClass(type)];
  if (method === 'POST' && url === type) {
    const condition = asText(ifNoneExist);
    return { type, id: randomUUID(), create: true, fullUrl: String(fullUrl), resource, ...(condition && { ifNoneExist: condition }) };
  }
  if (updates && method === 'PUT' && url === `${type}/${String(resource.id)}`) {
    return { type, id: String(resource.id), create: false, fullUrl: String(fullUrl), resource };
  }
  throw new Refusal(unparseable(`invalid request: ${method} ${url}`, `Bundle.entry[${index}].request`));
}

function checkFullUrl(fullUrl: unknown, type: string, seen: Set<string>): OutcomeIssue | undefined {
  if (fullUrl === undefined || fullUrl === null || fullUrl === '') return issues.fullUrlMissing(type);
  if (typeof fullUrl !== 'string') return issues.unmarshal('Bundle.entry.fullUrl');
  if (!fullUrl.startsWith('urn:uuid')) return issues.fullUrlPrefix(type, fullUrl);
  const parts = fullUrl.split(':');
  if (parts.length !== 3 || parts[1] !== 'uuid') return issues.fullUrlFormat(type, fullUrl);
  if (!UUID.test(parts[2] ?? '')) return issues.fullUrlUuid(type);
  if (seen.has(fullUrl.toLowerCase())) return issues.fullUrlTwice(type, fullUrl);
  seen.add(fullUrl.toLowerCase());
  return undefined;
}

/** Lets every `reference` to a member of the Bundle lead to its new id. Changes the parsed request, which is nobody else's. */
function rename(value: unknown, renamed: ReadonlyMap<string, string>): void {
  if (typeof value !== 'object' || value === null) return;
  const object = value as Record<string, unknown>;
  for (const key of Object.keys(object)) {
    const child = object[key];
    if (typeof child === 'object') rename(child, renamed);
    else if (key === 'reference' && typeof child === 'string') object[key] = renamed.get(child.toLowerCase()) ?? child;
  }
}
