import type { Identifier } from '@medplum/fhirtypes';
import type { CheckAnswer, LocalResource, PersonQuery, Placed, Platform, SendAnswer, Unit } from '../sync/platform.ts';
import { SYSTEMS } from '../terminology/systems.ts';
import { readSingle, readTransaction, transactionBundle } from './bundle.ts';
import { createFhirClient, type FhirAnswer } from './client.ts';
import type { AccountCredential } from './credentials.ts';
import { createLimiter } from './limiter.ts';
import { createLookups } from './lookups.ts';
import { outgoingReferences, project } from './projection.ts';
import { authIssues, createTokens } from './token.ts';
import { createTransport } from './transport.ts';

export interface SatusehatOptions {
  /** `sandbox`, `staging`, `production`: what platform ids and credentials belong to. */
  readonly environment: string;
  /** `https://<host>/oauth2/v1` and `https://<host>/fhir-r4/v1`, without trailing slash. */
  readonly baseUrls: { readonly auth: string; readonly fhir: string };
  /** Clear credential of an owner (code of the puskesmas); undefined if there is none. */
  readonly credential: (owner: string) => Promise<AccountCredential | undefined>;
  /** Epoch ms. */
  readonly clock: () => number;
  /** Resolves after so many ms; for the pace. */
  readonly delay?: (ms: number) => Promise<void>;
  /** Longest a request may take. Default 30 s. */
  readonly timeoutMs?: number;
  /** Requests of one client at the same time. Default 8. */
  readonly maxConcurrentPerClient?: number;
  /** Default 0: the pace is learnt from the platform's answers. */
  readonly minSpacingMs?: number;
  /** Longest wait for a client's turn before the caller is told to come again. Default 2 s. */
  readonly maxWaitMs?: number;
  readonly maxSockets?: number;
  readonly proxy?: string;
  /** PEM. */
  readonly ca?: string;
}

/** A `Platform` for SATUSEHAT. Keeps tokens and paces in memory, and connections open until `close`. */
export function createSatusehatPlatform(options: SatusehatOptions): Platform & { close(): void } {
  const { credential, clock } = options;
  const transport = createTransport({
    timeoutMs: options.timeoutMs ?? 30_000,
    maxSockets: options.maxSockets ?? 64,
    ...(options.proxy !== undefined && { proxy: options.proxy }),
    ...(options.ca !== undefined && { ca: options.ca }),
  });
  const tokens = createTokens({ authUrl: options.baseUrls.auth, transport, credential, clock });
  const limiter = createLimiter({
    clock,
    delay: options.delay ?? ((ms) => new Promise((resolve) => setTimeout(resolve, ms))),
    maxConcurrent: options.maxConcurrentPerClient ?? 8,
    minSpacingMs: options.minSpacingMs ?? 0,
    maxWaitMs: options.maxWaitMs ?? 2_000,
  });
  const client = createFhirClient({ fhirUrl: options.baseUrls.fhir, transport, tokens, limiter, clock });
  const lookups = createLookups(client);

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
    const context = { organizationId: account.organizationId, ids: unit.ids, within: new Set(references) };
    const projected = unit.resources.map((resource) => ({ id: resource.id, ...project(resource, context) }));
    const issues = projected.flatMap((entry) => entry.issues);
    if (issues.length > 0) {
      return { kind: 'refused', issues };
    }
    const [first] = projected;
    if (first === undefined) {
      return { kind: 'delivered', placed: [] };
    }
    if (projected.length === 1) {
      const answer = await client.request(unit.owner, { intent: 'create', path: `/${first.resource.resourceType}`, body: first.resource });
      return sent(answer, (body, etag) => {
        const placed = readSingle(body, etag, references[0] as string);
        return placed && [placed];
      });
    }
    const answer = await client.request(unit.owner, { intent: 'create', path: '', body: transactionBundle(projected) });
    return sent(answer, (body) => readTransaction(body, references));
  }

  async function replace(unit: Unit): Promise<SendAnswer> {
    const account = await credential(unit.owner);
    if (account === undefined) {
      return { kind: 'no-account' };
    }
    const resource = unit.resources[0] as LocalResource;
    const reference = referenceOf(resource);
    const id = unit.ids.get(reference) as string;
    const projected = project(resource, { organizationId: account.organizationId, ids: unit.ids, within: new Set() });
    if (projected.issues.length > 0) {
      return { kind: 'refused', issues: projected.issues };
    }
    const answer = await client.request(unit.owner, {
      intent: 'replace',
      path: `/${resource.resourceType}/${encodeURIComponent(id)}`,
      body: { ...projected.resource, id },
    });
    return sent(answer, (body, etag) => {
      const placed = readSingle(body, etag, reference);
      return placed && [placed];
    });
  }

  return {
    environment: options.environment,
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
    replace,
    async check(owner): Promise<CheckAnswer> {
      const account = await credential(owner);
      if (account === undefined) {
        return { token: 'missing', issues: [] };
      }
      tokens.forget(owner);
      const token = await tokens.get(owner);
      switch (token.kind) {
        case 'no-account':
          return { token: 'missing', issues: [] };
        case 'unauthorised':
          return { token: 'refused', issues: token.issues };
        case 'retry':
          return { token: 'wait', issues: [] };
        case 'unavailable':
          return { token: 'unreachable', issues: [] };
        case 'token':
      }
      const answer = await client.request(owner, { intent: 'read', path: `/Organization/${encodeURIComponent(account.organizationId)}` });
      if (answer.kind === 'ok') {
        const body = answer.body as { resourceType?: unknown; id?: unknown };
        const match = body.resourceType === 'Organization' && body.id === account.organizationId;
        return { token: 'accepted', organization: match ? 'match' : 'mismatch', issues: [] };
      }
      const issues = answer.kind === 'refused' || answer.kind === 'unauthorised' ? answer.issues : [];
      return {
        token: 'accepted',
        organization: answer.kind === 'refused' ? 'mismatch' : 'unreadable',
        issues: issues.length > 0 ? issues : authIssues(),
      };
    },
    close: () => transport.close(),
  };
}

/** A Patient is looked up by NIK; a newborn without one by the mother's NIK, birth date and order; a Practitioner by NIK. */
function personOf(resource: LocalResource): PersonQuery | undefined {
  if (resource.resourceType !== 'Patient' && resource.resourceType !== 'Practitioner') {
    return undefined;
  }
  const identifierOf = (system: string): string | undefined =>
    (resource.identifier as Identifier[] | undefined)?.find((entry) => entry.system === system && entry.value !== undefined)?.value;
  const nik = identifierOf(SYSTEMS.nik);
  if (resource.resourceType === 'Practitioner') {
    return nik === undefined ? undefined : { kind: 'practitioner', nik };
  }
  if (nik !== undefined) {
    return { kind: 'patient', nik };
  }
  const nikIbu = identifierOf(SYSTEMS.nikIbu);
  return nikIbu === undefined || resource.birthDate === undefined
    ? undefined
    : { kind: 'newborn', nikIbu, birthDate: resource.birthDate, birthOrder: resource.multipleBirthInteger ?? 0 };
}

const referenceOf = (resource: LocalResource): string => `${resource.resourceType}/${resource.id}`;
