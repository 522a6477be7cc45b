import type { Resource } from '@medplum/fhirtypes';
import type { Issue } from '../errors/index.ts';
import {
  type CheckAnswer,
  type InspectAnswer,
  type LocalResource,
  type Placed,
  type Platform,
  personKey,
  type SendAnswer,
  type Unit,
} from '../sync/platform.ts';
import { readSingle, readTransaction, transactionBundle } from './bundle.ts';
import { createFhirClient, type FhirAnswer, type FhirRequest } from './client.ts';
import { says } from './content.ts';
import type { AccountCredential } from './credentials.ts';
import { personOf } from './identifiers.ts';
import { createLimiter } from './limiter.ts';
import { createLookups } from './lookups.ts';
import type { Quota } from './pace.ts';
import { outgoingReferences, type Projected, project } from './projection.ts';
import { createOwnState, type SharedState } from './shared-state.ts';
import type { Surface } from './surface.ts';
import { createSurvey } from './survey.ts';
import { type Cover, createTokens } from './token.ts';
import { createTransport } from './transport.ts';
import { patchOf, updateOf } from './updates.ts';

export interface SatusehatOptions {
  /** `sandbox`, `staging`, `production`: what platform ids and credentials belong to. */
  readonly environment: string;
  /** `https://<host>/oauth2/v1` and `https://<host>/fhir-r4/v1`, without trailing slash. */
  readonly baseUrls: { readonly auth: string; readonly fhir: string };
  /** Clear credential of an owner (code of the puskesmas); undefined if there is none. */
  readonly credential: (owner: string) => Promise<AccountCredential | undefined>;
  /** Epoch ms. */
  readonly clock: () => number;
  /** Ms that only grow, for waits. Default: the process's. */
  readonly monotonic?: () => number;
  /** Resolves after so many ms; for the pace. */
  readonly delay?: (ms: number) => Promise<void>;
  /** Searches that may be relied on. Default `recorded`. */
  readonly surface?: Surface;
  /** See `Platform`. Default 0. */
  readonly readLagMs?: number;
  /** See `Platform`. Default true. */
  readonly savesPartly?: boolean;
  /** Longest a request may take. Default 30 s. */
  readonly timeoutMs?: number;
  /** How long the platform refuses every token request after a failed one. Default 1 minute. */
  readonly tokenPenaltyMs?: number;
  /** Requests of one client at the same time. Default 8. */
  readonly maxConcurrentPerClient?: number;
  /** What the platform is known to allow each client; undefined: it is learnt from its answers. */
  readonly quota?: Quota;
  /** Pace and tokens that all processes of the service share. Default: this process's own. */
  readonly shared?: { readonly state: SharedState; readonly cover: Cover };
  /** Longest wait for a client's turn before the caller is told to come again. Default 2 s. */
  readonly maxWaitMs?: number;
  readonly maxSockets?: number;
  readonly proxy?: string;
  /** PEM. */
  readonly ca?: string;
}

/** What trying an account showed. */
export interface AccountCheck extends CheckAnswer {
  /** What the credential names. */
  readonly organizationId?: string;
  /** The platform's name for that Organization, for a person to compare. */
  readonly organizationName?: string;
  /** Whether its Locations may be searched, the plainest thing that takes a permission for data; undefined if it was not asked. */
  readonly read?: 'allowed' | 'refused' | 'unreadable';
  readonly readIssues?: readonly Issue[];
}

export interface SatusehatPlatform extends Platform {
  check(owner: string): Promise<AccountCheck>;
  close(): void;
}

/** In the memory of this process a token needs no cover. */
const NOT_WRITTEN: Cover = { seal: (_name, clear) => clear, open: (_name, sealed) => sealed };

/** A `Platform` for SATUSEHAT. Keeps tokens and paces in memory, and connections open until `close`. */
export function createSatusehatPlatform(options: SatusehatOptions): SatusehatPlatform {
  const { credential, clock } = options;
  const transport = createTransport({
    timeoutMs: options.timeoutMs ?? 30_000,
    maxSockets: options.maxSockets ?? 64,
    ...(options.proxy !== undefined && { proxy: options.proxy }),
    ...(options.ca !== undefined && { ca: options.ca }),
  });
  const monotonic = options.monotonic ?? (() => performance.now());
  const { state, cover } = options.shared ?? { state: createOwnState(clock), cover: NOT_WRITTEN };
  const delay = options.delay ?? ((ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)));
  const penalty = options.tokenPenaltyMs === undefined ? {} : { penaltyMs: options.tokenPenaltyMs };
  const tokens = createTokens({
    authUrl: options.baseUrls.auth,
    transport,
    credential,
    shared: state,
    cover,
    clock,
    monotonic,
    delay,
    timeoutMs: options.timeoutMs ?? 30_000,
    ...penalty,
  });
  const limiter = createLimiter({
    shared: state,
    monotonic,
    delay,
    maxConcurrent: options.maxConcurrentPerClient ?? 8,
    maxWaitMs: options.maxWaitMs ?? 2_000,
    quota: () => options.quota,
  });
  const client = createFhirClient({ fhirUrl: options.baseUrls.fhir, transport, tokens, limiter, clock, ...penalty });
  const lookups = createLookups(client, options.surface ?? 'recorded');
  const survey = createSurvey(client, options.surface ?? 'recorded');

  function sent(answer: FhirAnswer, read: (body: unknown, etag: string | undefined) => readonly Placed[] | undefined): SendAnswer {
    if (answer.kind !== 'ok') {
      return answer;
    }
    const placed = read(answer.body, answer.etag);
    // Accepted, but the answer does not say what became of each resource.
    return placed === undefined ? { kind: 'unknown' } : { kind: 'delivered', placed };
  }

  async function create(unit: Unit): Promise<SendAnswer> {
    const account = await credential(unit.owner);
    if (account === undefined) {
      return { kind: 'no-account' };
    }
    const references = unit.resources.map(referenceOf);
    const within = new Set(references);
    const projected = unit.resources.map((resource) => ({ id: resource.id, ...projectOf(unit, account, resource, within) }));
    const issues = projected.flatMap((entry) => entry.issues);
    if (issues.length > 0) {
      return { kind: 'refused', issues };
    }
    const [first] = projected;
    if (first === undefined) {
      return { kind: 'delivered', placed: [] };
    }
    if (projected.length === 1) {
      const answer = await client.request(unit.owner, {
        intent: 'create',
        path: `/${first.resource.resourceType}`,
        body: first.resource,
        mayGo: unit.mayGo,
      });
      return sent(answer, (body, etag) => {
        const placed = readSingle(body, etag, references[0] as string);
        return placed && [placed];
      });
    }
    const answer = await client.request(unit.owner, { intent: 'create', path: '', body: transactionBundle(projected), mayGo: unit.mayGo });
    return sent(answer, (body) => readTransaction(body, references));
  }

  function projectOf(unit: Unit, account: AccountCredential, resource: LocalResource, within: ReadonlySet<string>): Projected {
    const personNumber = unit.ids.get(personKey(referenceOf(resource)));
    return project(resource, { organizationId: account.organizationId, ids: unit.ids, within, personNumber });
  }

  function read(unit: Unit): Promise<FhirAnswer> {
    const resource = unit.resources[0] as LocalResource;
    const id = unit.ids.get(referenceOf(resource)) as string;
    return client.request(unit.owner, { intent: 'read', path: `/${resource.resourceType}/${encodeURIComponent(id)}` });
  }

  async function inspect(unit: Unit, versions: readonly LocalResource[]): Promise<InspectAnswer> {
    const account = await credential(unit.owner);
    if (account === undefined) {
      return { kind: 'no-account' };
    }
    const answer = await read(unit);
    if (answer.kind !== 'ok') {
      return readTrouble(answer);
    }
    const placed = readSingle(answer.body, answer.etag, referenceOf(unit.resources[0] as LocalResource));
    if (placed === undefined) {
      return { kind: 'unavailable' };
    }
    const same = versions.findIndex((version) => {
      const { resource, issues } = projectOf(unit, account, version, NONE);
      return issues.length === 0 && says(answer.body, resource);
    });
    return { kind: 'there', platformVersion: placed.platformVersion, ...(same >= 0 && { same }) };
  }

  async function replace(unit: Unit): Promise<SendAnswer> {
    const account = await credential(unit.owner);
    if (account === undefined) {
      return { kind: 'no-account' };
    }
    const local = unit.resources[0] as LocalResource;
    const reference = referenceOf(local);
    const id = unit.ids.get(reference) as string;
    const { resource, issues } = projectOf(unit, account, local, NONE);
    if (issues.length > 0) {
      return { kind: 'refused', issues };
    }
    const row = updateOf(local.resourceType);
    if (row.by === 'none') {
      return { kind: 'delivered', placed: [{ reference, platformId: id, platformVersion: null }] };
    }
    const path = `/${local.resourceType}/${encodeURIComponent(id)}`;
    let request: FhirRequest = { intent: 'replace', path, body: { ...resource, id }, mayGo: unit.mayGo };
    if (row.by === 'patch') {
      const present = await read(unit);
      if (present.kind !== 'ok') {
        return readTrouble(present);
      }
      const operations = patchOf(present.body as Readonly<Record<string, unknown>>, resource as Resource, row);
      if (operations.length === 0) {
        const placed = readSingle(present.body, present.etag, reference);
        return placed === undefined ? { kind: 'unavailable' } : { kind: 'delivered', placed: [placed] };
      }
      request = { intent: 'patch', path, body: operations, mayGo: unit.mayGo };
    }
    return sent(await client.request(unit.owner, request), (body, etag) => {
      const placed = readSingle(body, etag, reference);
      return placed?.platformId === id ? [placed] : undefined;
    });
  }

  return {
    environment: options.environment,
    readLagMs: options.readLagMs ?? 0,
    savesPartly: options.savesPartly ?? true,
    async account(owner) {
      const found = await credential(owner);
      return found && { owner, organizationId: found.organizationId };
    },
    references: outgoingReferences,
    personOf,
    findPerson: (owner, query) => lookups.findPerson(owner, query),
    async find(unit, thorough = false) {
      const account = await credential(unit.owner);
      return account === undefined ? { kind: 'no-account' } : lookups.find(unit, account.organizationId, thorough);
    },
    create,
    inspect,
    replace,
    async around(unit) {
      const account = await credential(unit.owner);
      if (account === undefined) {
        return { kind: 'no-account' };
      }
      return survey.around(unit, account.organizationId, (resource, theirs) => {
        const { resource: ours, issues } = projectOf(unit, account, resource, NONE);
        return issues.length === 0 && says(theirs, ours);
      });
    },
    async inventory(owner, days) {
      const account = await credential(owner);
      return account === undefined ? { kind: 'no-account' } : survey.inventory(owner, account.organizationId, days);
    },
    async check(owner): Promise<AccountCheck> {
      const account = await credential(owner);
      if (account === undefined) {
        return { token: 'missing', issues: [] };
      }
      const { organizationId } = account;
      await tokens.forget(owner);
      const token = await tokens.get(owner);
      switch (token.kind) {
        case 'no-account':
          return { token: 'missing', issues: [] };
        case 'unauthorised':
          return { token: 'refused', organizationId, issues: token.issues };
        case 'retry':
          return { token: 'wait', organizationId, issues: [] };
        case 'unavailable':
          return { token: 'unreachable', organizationId, issues: [] };
        case 'token':
      }
      const own = await client.request(owner, { intent: 'read', path: `/Organization/${encodeURIComponent(organizationId)}` });
      // Asked for whatever came of the first: an Organization may be open to every client, and its units to none.
      const query = new URLSearchParams({ organization: organizationId });
      const units = await client.request(owner, { intent: 'read', path: '/Location', query });
      return {
        token: 'accepted',
        organizationId,
        ...organizationOf(own, organizationId),
        read: units.kind === 'ok' ? (isBundle(units.body) ? 'allowed' : 'unreadable') : isVerdict(units) ? 'refused' : 'unreadable',
        readIssues: issuesOf(units),
      };
    },
    close: () => transport.close(),
  };
}

const NONE: ReadonlySet<string> = new Set();

function organizationOf(answer: FhirAnswer, wanted: string): Pick<AccountCheck, 'organization' | 'organizationName' | 'issues'> {
  if (answer.kind === 'ok') {
    const { resourceType, id, name } = (answer.body ?? {}) as { resourceType?: unknown; id?: unknown; name?: unknown };
    const match = resourceType === 'Organization' && id === wanted;
    return { organization: match ? 'match' : 'mismatch', ...(match && typeof name === 'string' && { organizationName: name }), issues: [] };
  }
  const other = answer.kind === 'refused' || answer.kind === 'gone' || answer.kind === 'lost-reference';
  return { organization: other ? 'mismatch' : 'unreadable', issues: issuesOf(answer) };
}

/** The platform said no, and asking again will not change that. */
const isVerdict = ({ kind }: FhirAnswer): boolean => kind !== 'unavailable' && kind !== 'retry' && kind !== 'unknown';
const isBundle = (body: unknown): boolean => (body as { resourceType?: unknown } | null)?.resourceType === 'Bundle';
const issuesOf = (answer: FhirAnswer): readonly Issue[] => ('issues' in answer ? answer.issues : []);

/** What a read that was not answered with the resource means: nothing was carried out. */
function readTrouble(answer: Exclude<FhirAnswer, { kind: 'ok' }>): Exclude<InspectAnswer, { kind: 'there' }> {
  switch (answer.kind) {
    case 'duplicate':
    case 'unknown':
      return { kind: 'unavailable' };
    case 'lost-reference':
      return { kind: 'gone' };
    default:
      return answer;
  }
}

const referenceOf = (resource: LocalResource): string => `${resource.resourceType}/${resource.id}`;
