import { randomUUID } from 'node:crypto';
import { issues, type OutcomeIssue, Refusal, type Reply, typeMismatch, unparseable } from './errors.ts';
import { asObject, asText, isObject, type JsonObject } from './json.ts';
import { isServedType, type Processor, readPayload, type Staged } from './processor.ts';
import { type Draft, type ResourceStore, withCreator } from './resources.ts';
import type { Caller } from './token.ts';

interface Entry {
  readonly type: string;
  readonly id: string;
  readonly create: boolean;
  /** `urn:uuid:…` under which the other entries may refer to it. */
  readonly fullUrl: string;
  readonly resource: JsonObject;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * `POST {base}`: a transaction. All entries are stored or none; the answer keeps their order.
 *
 * @param base absolute FHIR base for the locations in the answer
 * @throws Refusal with one OperationOutcome for the whole Bundle: the issues of the first bad entry, then 20013 for each that follows
 */
export function transaction(processor: Processor, store: ResourceStore, base: string, payload: Buffer, caller: Caller): Reply {
  const bundle = readPayload(payload);
  if (bundle.resourceType !== 'Bundle') throw new Refusal(typeMismatch('Bundle', asText(bundle.resourceType) ?? ''));
  if (bundle.type !== 'transaction') throw new Refusal(unparseable('invalid bundle type, only "transaction" is accepted', 'Bundle.type'));
  if (bundle.entry !== undefined && !Array.isArray(bundle.entry)) processor.refuseIfAny([issues.unmarshal('Bundle.entry')]);
  const given: readonly unknown[] = Array.isArray(bundle.entry) ? bundle.entry : [];

  const failAt = (index: number, found: readonly OutcomeIssue[]): void => {
    if (found.length === 0) return;
    const rest = given.slice(index + 1).map((entry) => issues.previousError(typeOf(asObject(entry).resource)));
    processor.refuseIfAny([...found, ...rest]);
  };

  const fullUrls = new Set<string>();
  const entries = given.map((value, index): Entry => {
    const read = readEntry(value, index, fullUrls);
    if (Array.isArray(read)) failAt(index, read);
    return read as Entry;
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
  const drafts = entries.map(({ type, id, create, resource }, index): Draft => {
    const body = rename(resource, renamed) as JsonObject;
    failAt(index, create ? processor.examine(body, type, caller, staged) : processor.examineUpdate(body, type, id, caller, staged));
    return { resourceType: type, id, body: withCreator(body, type, caller.organizationId) };
  });

  const version = store.nextVersion();
  store.commit(drafts, version);
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

const typeOf = (resource: unknown): string => asText(asObject(resource).resourceType) ?? 'Bundle';

function readEntry(value: unknown, index: number, fullUrls: Set<string>): Entry | readonly OutcomeIssue[] {
  const { resource, request, fullUrl } = asObject(value);
  if (!isObject(resource) || typeof resource.resourceType !== 'string') return [issues.unmarshal(`Bundle.entry[${index}].resource`)];
  const type = resource.resourceType;
  if (type === 'Bundle') return [issues.nestedBundle()];
  const badUrl = checkFullUrl(fullUrl, type, fullUrls);
  if (badUrl !== undefined) return [badUrl];
  const { method, url } = asObject(request);
  if (typeof method !== 'string' || typeof url !== 'string') {
    throw new Refusal(
      unparseable(`missing required field "${typeof method === 'string' ? 'url' : 'method'}"`, `Bundle.entry[${index}].request`),
    );
  }
  if (!isServedType(type)) return [issues.accessClass(type)];
  if (method === 'POST' && url === type) {
    return { type, id: randomUUID(), create: true, fullUrl: String(fullUrl), resource };
  }
  if (method === 'PUT' && url === `${type}/${String(resource.id)}`) {
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

/** A copy in which every `reference` to a member of the Bundle leads to its new id. */
function rename(value: unknown, renamed: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(value)) return value.map((item) => rename(item, renamed));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => [
      key,
      key === 'reference' && typeof child === 'string' ? (renamed.get(child.toLowerCase()) ?? child) : rename(child, renamed),
    ]),
  );
}
