import { randomBytes } from 'node:crypto';
import type { Clock } from './clock.ts';
import {
  authenticationFailed,
  expiredToken,
  invalidClient,
  missingGrantType,
  missingToken,
  Refusal,
  type Reply,
  tokenRateLimited,
  unknownToken,
} from './errors.ts';

export interface SandboxClient {
  readonly clientId: string;
  readonly clientSecret: string;
  /** Id of the facility's root Organization on the platform. One client has exactly one. */
  readonly organizationId: string;
}

export interface Caller {
  readonly clientId: string;
  readonly organizationId: string;
}

export interface TokenOptions {
  readonly clients: readonly SandboxClient[];
  /** Accepts `sandbox-<organizationId>` with secret `secret-<organizationId>` besides the listed clients. */
  readonly open: boolean;
  readonly lifetimeSeconds: number;
  readonly clock: Clock;
  /** Told of every caller that gets a token, so that its Organization exists before it is used. */
  readonly onCaller: (caller: Caller) => void;
}

/** After a refused attempt the same client id is not answered for this long. */
const PENALTY_MS = 60_000;

/** OAuth2 client credentials as the gateway does it: every number of the answer is a text, and there is no refresh token. */
export class TokenDesk {
  readonly #options: TokenOptions;
  readonly #tokens = new Map<string, Caller & { readonly expiresAt: number }>();
  readonly #penaltyUntil = new Map<string, number>();

  constructor(options: TokenOptions) {
    this.#options = options;
  }

  /**
   * @param grantType from the query, where the platform wants it
   * @param form the url-encoded body
   */
  issue(grantType: string | null, form: URLSearchParams): Reply {
    if (grantType !== 'client_credentials') return missingGrantType();
    const { clock, lifetimeSeconds } = this.#options;
    const clientId = form.get('client_id') ?? '';
    const now = clock.now();
    if (now < (this.#penaltyUntil.get(clientId) ?? Number.NEGATIVE_INFINITY)) return tokenRateLimited();
    const client = this.#find(clientId);
    if (client === undefined || client.clientSecret !== form.get('client_secret')) {
      this.#penalise(clientId, now);
      return client === undefined ? invalidClient() : authenticationFailed();
    }
    const caller = { clientId, organizationId: client.organizationId };
    const token = randomBytes(21).toString('base64url');
    this.#tokens.set(token, { ...caller, expiresAt: now + lifetimeSeconds * 1000 });
    this.#options.onCaller(caller);
    return {
      status: 200,
      body: {
        refresh_token_expires_in: '0',
        api_product_list: '[api-sandbox]',
        api_product_list_json: ['api-sandbox'],
        organization_name: 'ihs-prod-1',
        'developer.email': 'dev@contoh.example',
        token_type: 'BearerToken',
        issued_at: String(now),
        client_id: clientId,
        access_token: token,
        application_name: '00000000-0000-0000-0000-000000000000',
        scope: '',
        expires_in: String(lifetimeSeconds),
        refresh_count: '0',
        status: 'approved',
      },
    };
  }

  /** @throws Refusal with the gateway's fault when the header names no valid token */
  authenticate(authorization: string | undefined): Caller {
    const token = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) throw new Refusal(missingToken());
    const known = this.#tokens.get(token);
    if (known === undefined) throw new Refusal(unknownToken());
    if (this.#options.clock.now() >= known.expiresAt) throw new Refusal(expiredToken());
    return known;
  }

  /** Every token given so far is answered with `access_token_expired` from now on. */
  expireAll(): void {
    for (const [token, caller] of this.#tokens) this.#tokens.set(token, { ...caller, expiresAt: Number.NEGATIVE_INFINITY });
  }

  reset(): void {
    this.#tokens.clear();
    this.#penaltyUntil.clear();
  }

  #penalise(clientId: string, now: number): void {
    // Client ids come from outside: forget the old ones, so that guessing cannot fill the memory.
    if (this.#penaltyUntil.size >= 10_000) this.#penaltyUntil.clear();
    this.#penaltyUntil.set(clientId, now + PENALTY_MS);
  }

  #find(clientId: string): SandboxClient | undefined {
    const listed = this.#options.clients.find((client) => client.clientId === clientId);
    if (listed !== undefined || !this.#options.open) return listed;
    const organizationId = /^sandbox-([A-Za-z0-9][A-Za-z0-9-]{0,35})$/.exec(clientId)?.[1];
    return organizationId === undefined ? undefined : { clientId, clientSecret: `secret-${organizationId}`, organizationId };
  }
}
