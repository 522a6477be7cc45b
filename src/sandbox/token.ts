import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { Caller, ClientRegistry } from './clients.ts';
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
import type { SandboxSettings } from './settings.ts';

export type { Caller, SandboxClient } from './clients.ts';

export interface TokenOptions {
  readonly clients: ClientRegistry;
  readonly settings: () => SandboxSettings;
  readonly clock: Clock;
  /** Told of every caller that gets a token, so that its Organization exists before it is used. */
  readonly onCaller: (caller: Caller) => void;
}

interface Grant {
  readonly clientId: string;
  expiresAt: number;
}

interface History {
  /** Refused until then. */
  penaltyUntil: number;
  penaltyFrom: number;
  /** Times of the tokens of the last minute. */
  granted: number[];
}

const MINUTE = 60_000;
/** Client ids and tokens come from outside: old ones are forgotten, so that nobody can fill the memory. */
const REMEMBERED = 20_000;

/** OAuth2 client credentials as the gateway does it: every number of the answer is a text, and there is no refresh token. */
export class TokenDesk {
  readonly #options: TokenOptions;
  readonly #tokens = new Map<string, Grant>();
  readonly #histories = new Map<string, History>();

  constructor(options: TokenOptions) {
    this.#options = options;
  }

  /**
   * @param grantType from the query, where the platform wants it
   * @param form the url-encoded body
   */
  issue(grantType: string | null, form: URLSearchParams): Reply {
    if (grantType !== 'client_credentials') return missingGrantType();
    const { clock, clients, settings } = this.#options;
    const { tokenLifetimeSeconds, tokenPenaltyMs, strictness } = settings();
    const clientId = form.get('client_id') ?? '';
    const now = clock.now();
    const history = this.#historyOf(clientId);
    const limited = { ...tokenRateLimited(), status: strictness.tokenRateStatus };
    if (now >= history.penaltyFrom && now < history.penaltyUntil) return limited;
    const penalise = (): void => {
      history.penaltyFrom = now;
      history.penaltyUntil = now + tokenPenaltyMs;
    };
    const client = clients.find(clientId);
    if (client === undefined || !isSame(client.clientSecret, form.get('client_secret') ?? '')) {
      penalise();
      return client === undefined ? invalidClient() : { ...authenticationFailed(), status: strictness.tokenFailedStatus };
    }
    history.granted = history.granted.filter((at) => at > now - MINUTE && at <= now);
    if (strictness.tokensPerMinute > 0 && history.granted.length >= strictness.tokensPerMinute) {
      penalise();
      return limited;
    }
    if (strictness.tokensPerMinute > 0) history.granted.push(now);
    const token = randomBytes(21).toString('base64url');
    if (this.#tokens.size >= REMEMBERED) this.#forgetOldest();
    this.#tokens.set(token, { clientId, expiresAt: now + tokenLifetimeSeconds * 1000 });
    this.#options.onCaller({ clientId, organizationId: client.organizationId, client });
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
        expires_in: String(tokenLifetimeSeconds),
        refresh_count: '0',
        status: 'approved',
      },
    };
  }

  /** @throws Refusal with the gateway's fault when the header names no valid token */
  authenticate(authorization: string | undefined): Caller {
    const token = bearer(authorization);
    if (token === undefined) throw new Refusal(missingToken());
    const grant = this.#tokens.get(token);
    const client = grant && this.#options.clients.find(grant.clientId);
    // A revoked client takes its tokens with it.
    if (grant === undefined || client === undefined) throw new Refusal(unknownToken());
    if (this.#options.clock.now() >= grant.expiresAt) throw new Refusal(expiredToken());
    return { clientId: grant.clientId, organizationId: client.organizationId, client };
  }

  /** Every token given so far is answered with `access_token_expired` from now on. */
  expireAll(): void {
    for (const grant of this.#tokens.values()) grant.expiresAt = Number.NEGATIVE_INFINITY;
  }

  /** The same for the token of one request. */
  expire(authorization: string | undefined): void {
    const grant = this.#tokens.get(bearer(authorization) ?? '');
    if (grant !== undefined) grant.expiresAt = Number.NEGATIVE_INFINITY;
  }

  reset(): void {
    this.#tokens.clear();
    this.#histories.clear();
  }

  #historyOf(clientId: string): History {
    let history = this.#histories.get(clientId);
    if (history === undefined) {
      if (this.#histories.size >= REMEMBERED) this.#histories.clear();
      history = { penaltyFrom: 0, penaltyUntil: 0, granted: [] };
      this.#histories.set(clientId, history);
    }
    return history;
  }

  #forgetOldest(): void {
    const [oldest] = this.#tokens.keys();
    if (oldest !== undefined) this.#tokens.delete(oldest);
  }
}

const bearer = (authorization: string | undefined): string | undefined => /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];

function isSame(secret: string, given: string): boolean {
  const [a, b] = [Buffer.from(secret), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}
