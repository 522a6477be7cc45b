import { type FhirRequest, FhirRouter } from '@medplum/fhir-router';
import type { Bundle, BundleLink, Resource } from '@medplum/fhirtypes';
import { AppError, toOperationOutcome } from '../errors/index.ts';
import { type AccessContext, SEARCH_PARAMETERS, type Store } from '../store/index.ts';
import type { Terminology } from '../terminology/index.ts';
import { capabilityStatement } from './capability-statement.ts';
import { isDefined, readDefinition, searchDefinitions } from './definitions.ts';
import { StoreRepository } from './repository.ts';
import { parseSearch, type RawQuery } from './search-query.ts';
import { operationOf, runOperation } from './terminology-operations.ts';

/** Interactions that are offered. The router knows more; those would write past intake. */
const OFFERED = new Set(['read', 'vread', 'search-type']);

export interface FhirPlainRequest {
  readonly method: string;
  /** Path and query below `/fhir`, for example `/Patient/123`. */
  readonly url: string;
  /** Form fields of `POST [type]/_search`. */
  readonly form?: RawQuery;
  /** Parsed JSON of a POST. */
  readonly body?: unknown;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

export interface FhirPlainResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Resource;
}

export interface Fhir {
  /** `GET /metadata`; needs no key (FHIR R4 §3.1.0.12). */
  metadata(): FhirPlainResponse;
  /** Any other request, within what the context may see. Never throws: every fault becomes an OperationOutcome. */
  handle(request: FhirPlainRequest, context: AccessContext): Promise<FhirPlainResponse>;
}

export interface FhirOptions {
  readonly store: Store;
  readonly version: string;
  /** Instant of the start, UTC; the date of the CapabilityStatement. */
  readonly startedAt: string;
  /** Absolute URL of `/fhir`, for links: `https://adapter.example/fhir`. */
  readonly baseUrl: string;
  /** What codes mean; made when it is first asked for. */
  readonly terminology: () => Terminology;
  /** Profiles, terminology and maps as FHIR; made when they are first asked for. */
  readonly definitions: () => readonly (Resource & { readonly id: string })[];
  /** Called with faults that are ours, so that they reach the log. */
  readonly onFault?: (error: unknown) => void;
  /** Records who read what; the read fails if it cannot be recorded. */
  readonly audit: (context: AccessContext, action: string, target: string, count: number) => Promise<void>;
}

/** FHIR R4 over the store: read, vread and search; and the operations on codes, which hold no one's data. Transport-free; `http/` translates. */
export function createFhir(options: FhirOptions): Fhir {
  const router = new FhirRouter();
  const types = new Set(SEARCH_PARAMETERS.map((row) => row.type));
  const statement = capabilityStatement({
    version: options.version,
    date: options.startedAt,
    url: options.baseUrl,
  });

  async function search(type: string, raw: RawQuery, lenient: boolean, context: AccessContext): Promise<Bundle> {
    const { query, used } = parseSearch(type, raw, {
      defaultCount: 20,
      maxCount: 500,
      lenient,
    });
    const page = await options.store.search(context, query);
    const link = (relation: string, extra: ReadonlyArray<[string, string]> = []): BundleLink => {
      const parameters = new URLSearchParams([...used, ...extra] as Array<[string, string]>).toString();
      return { relation, url: `${options.baseUrl}/${type}${parameters === '' ? '' : `?${parameters}`}` };
    };
    const after = query.after;
    return {
      resourceType: 'Bundle',
      type: 'searchset',
      ...(page.total !== undefined && { total: page.total }),
      link: [
        link('self', after === undefined ? [] : [['_cursor', after]]),
        ...(page.next === undefined ? [] : [link('next', [['_cursor', page.next]])]),
      ],
      ...(page.resources.length > 0 && {
        entry: page.resources.map(({ resource }) => ({
          fullUrl: `${options.baseUrl}/${resource.resourceType}/${resource.id}`,
          resource: resource as Resource,
          search: { mode: 'match' as const },
        })),
      }),
    };
  }

  /** The router throws on malformed percent-encoding; for a client that is an address that does not exist. */
  function find(request: FhirPlainRequest) {
    try {
      return router.find(request.method as 'GET', request.url);
    } catch {
      return undefined;
    }
  }

  function operate(name: string, { method, url, form, body }: FhirPlainRequest): FhirPlainResponse {
    if (method !== 'GET' && method !== 'POST') throw new AppError('method');
    const query = queryOf(new URLSearchParams(url.split('?').slice(1).join('?')));
    const resource = runOperation(name, options.terminology, { ...query, ...form }, body, new Date().toISOString());
    return { status: 200, headers: {}, body: resource };
  }

  async function answer(request: FhirPlainRequest, context: AccessContext): Promise<FhirPlainResponse> {
    requireJson(request);
    const operation = operationOf(request.url.split('?', 1)[0] ?? '');
    if (operation !== undefined) return operate(operation, request);
    const match = find(request);
    const interaction = match?.data?.interaction;
    const type = match?.params.resourceType ?? '';
    if (match === undefined || interaction === undefined || !/^[A-Z]/.test(type)) throw new AppError('not-found');
    if (!types.has(type) && !isDefined(type)) throw new AppError('not-found');
    if (!OFFERED.has(interaction) || (interaction === 'vread' && isDefined(type))) throw new AppError('method');

    const lenient = String(request.headers.prefer ?? '').includes('handling=lenient');
    if (isDefined(type)) {
      const all = options.definitions();
      const body =
        interaction === 'search-type'
          ? searchDefinitions(all, type, { ...match.query, ...request.form }, lenient, options.baseUrl)
          : readDefinition(all, type, match.params.id ?? '');
      return { status: 200, headers: {}, body };
    }
    if (interaction === 'search-type') {
      const bundle = await search(type, { ...match.query, ...request.form }, lenient, context);
      await options.audit(context, 'fhir-search', type, bundle.entry?.length ?? 0);
      return { status: 200, headers: {}, body: bundle };
    }
    const plain: FhirRequest = { method: 'GET', url: request.url, pathname: match.path, body: undefined, params: match.params, query: {} };
    const [, resource] = await match.handler(plain, new StoreRepository(options.store, context), router);
    if (resource === undefined) throw new AppError('not-found');
    await options.audit(context, `fhir-${interaction}`, `${type}/${resource.id}`, 1);
    return withVersion(resource, request);
  }

  return {
    metadata: () => ({ status: 200, headers: {}, body: statement }),
    async handle(request, context) {
      try {
        return await answer(request, context);
      } catch (error) {
        const known = error instanceof AppError ? error : new AppError('internal', {}, { cause: error });
        if (known.status >= 500) options.onFault?.(error);
        return { status: known.status, headers: {}, body: toOperationOutcome(known) };
      }
    },
  };
}

/** Version headers (FHIR R4 §3.1.0.1.5), and 304 where the client has this version already. */
function withVersion(resource: Resource, request: FhirPlainRequest): FhirPlainResponse {
  const etag = `W/"${resource.meta?.versionId ?? '1'}"`;
  const headers = {
    etag,
    ...(resource.meta?.lastUpdated !== undefined && { 'last-modified': new Date(resource.meta.lastUpdated).toUTCString() }),
  };
  return { status: request.headers['if-none-match'] === etag ? 304 : 200, headers, body: resource };
}

function queryOf(parameters: URLSearchParams): RawQuery {
  const query: Record<string, string | string[]> = Object.create(null);
  for (const name of new Set(parameters.keys())) {
    const values = parameters.getAll(name);
    query[name] = values.length === 1 ? (values[0] as string) : values;
  }
  return query;
}

function requireJson(request: FhirPlainRequest): void {
  const format = /[?&]_format=([^&]*)/.exec(request.url)?.[1];
  const wanted = format === undefined ? String(request.headers.accept ?? '*/*') : decodeURIComponent(format.replaceAll('+', '%2B'));
  if (!/json|\*\/\*|application\/\*/.test(wanted)) throw new AppError('not-acceptable');
}
