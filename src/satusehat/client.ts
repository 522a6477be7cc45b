import type { Gone, LostReference, NoAccount, Refused, Retry, Unauthorised, Unavailable, Unknown } from '../sync/platform.ts';
import { type Intent, lost, readResponse, retry } from './errors.ts';
import type { Limiter } from './limiter.ts';
import { authIssues, PENALTY_MS, type Tokens } from './token.ts';
import type { Transport } from './transport.ts';

export interface FhirRequest {
  readonly intent: Intent;
  /** Below the FHIR base: `/Encounter`, or the empty text for a transaction. */
  readonly path: string;
  readonly query?: URLSearchParams;
  readonly body?: unknown;
  /** Asked when its turn has come; false: it is not sent. */
  readonly mayGo?: (() => boolean) | undefined;
}

export type FhirAnswer =
  | { readonly kind: 'ok'; readonly body: unknown; readonly etag: string | undefined }
  | { readonly kind: 'duplicate' }
  | Refused
  | LostReference
  | Gone
  | Unknown
  | Retry
  | Unauthorised
  | Unavailable
  | NoAccount;

/** FHIR over HTTP in the name of an owner: token, pace, repetition with a fresh token after a rejected one. */
export interface FhirClient {
  request(owner: string, request: FhirRequest): Promise<FhirAnswer>;
}

export interface FhirClientOptions {
  /** `https://…/fhir-r4/v1` */
  readonly fhirUrl: string;
  readonly transport: Transport;
  readonly tokens: Tokens;
  readonly limiter: Limiter;
  readonly clock: () => number;
  /** See `TokenOptions`. */
  readonly penaltyMs?: number;
}

/** After a 429 that says nothing, where the pace cannot be asked. */
const UNTOLD_WAIT_MS = 1_000;
const METHODS = { read: 'GET', create: 'POST', replace: 'PUT', patch: 'PATCH' } as const;
/** Tokens that a request is tried with. One more where each is said to have expired: that may be chance, and the credential is good. */
const MAX_REJECTIONS = 2;
const MAX_EXPIRED = 3;
/** The platform refuses a patch under any other type. */
const PATCH_TYPE = 'application/json-patch+json';

export function createFhirClient({ fhirUrl, transport, tokens, limiter, clock, penaltyMs = PENALTY_MS }: FhirClientOptions): FhirClient {
  async function once(clientId: string, token: string, request: FhirRequest) {
    const turn = await limiter.enter(clientId);
    if (turn.kind === 'retry') {
      return turn;
    }
    try {
      if (request.mayGo?.() === false) return { kind: 'unavailable' } as const;
      const query = request.query === undefined ? '' : `?${request.query.toString()}`;
      const answer = await transport.request({
        method: METHODS[request.intent],
        url: `${fhirUrl}${request.path}${query}`,
        headers: {
          authorization: `Bearer ${token}`,
          accept: 'application/json',
          ...(request.body !== undefined && { 'content-type': request.intent === 'patch' ? PATCH_TYPE : 'application/json' }),
        },
        ...(request.body !== undefined && { body: JSON.stringify(request.body) }),
      });
      if (answer.kind === 'broken') {
        return answer.sent ? lost(request.intent) : ({ kind: 'unavailable' } as const);
      }
      const reading = readResponse(answer.response, request.intent, clock());
      if (reading.kind === 'limited') {
        return retry(await limiter.limited(clientId, reading.afterMs).catch(() => reading.afterMs ?? UNTOLD_WAIT_MS));
      }
      if (reading.kind === 'ok' || reading.kind === 'refused' || reading.kind === 'duplicate') {
        // What was answered must not be lost because the pace cannot be written.
        await limiter.succeeded(clientId).catch(() => undefined);
      }
      return reading;
    } finally {
      turn.done();
    }
  }

  return {
    async request(owner, request) {
      for (let rejections = 0, expired = 0; rejections < MAX_REJECTIONS || (expired === rejections && expired < MAX_EXPIRED); ) {
        const token = await tokens.get(owner);
        if (token.kind !== 'token') {
          return token;
        }
        const answer = await once(token.clientId, token.value, request);
        if (answer.kind !== 'token-rejected') {
          return answer;
        }
        await tokens.reject(owner, token.value);
        rejections += 1;
        if (answer.expired) expired += 1;
      }
      return { kind: 'unauthorised', issues: authIssues(), afterMs: penaltyMs };
    },
  };
}
