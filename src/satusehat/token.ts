import { type Issue, issue } from '../errors/index.ts';
import type { NoAccount, Retry, Unauthorised, Unavailable } from '../sync/platform.ts';
import type { AccountCredential } from './credentials.ts';
import { retry, retryAfterMs } from './errors.ts';
import type { Transport } from './transport.ts';

export type TokenAnswer = { readonly kind: 'token'; readonly value: string } | Retry | Unauthorised | Unavailable | NoAccount;

export interface Tokens {
  /** A token that is good for at least a minute more. Parallel callers share one request. */
  get(owner: string): Promise<TokenAnswer>;
  /** The platform did not accept this token: it is dropped, unless a newer one is there already. */
  reject(owner: string, value: string): void;
  /** Drops all that is kept of the owner but the penalty. */
  forget(owner: string): void;
}

export interface TokenOptions {
  /** `https://…/oauth2/v1` */
  readonly authUrl: string;
  readonly transport: Transport;
  readonly credential: (owner: string) => Promise<AccountCredential | undefined>;
  readonly clock: () => number;
}

/** The platform refuses every token request for a minute after a failed one (official). */
export const PENALTY_MS = 60_000;
const EARLY_MS = 60_000;

interface Kept {
  clientId: string;
  value: string;
  renewAt: number;
}

/** OAuth2 client credentials, cached per owner. All numbers of the platform's answer are strings. */
export function createTokens(options: TokenOptions): Tokens {
  const kept = new Map<string, Kept>();
  const running = new Map<string, Promise<TokenAnswer>>();
  /** By client id, for that is what the platform punishes. */
  const penalties = new Map<string, { until: number; refused: boolean }>();

  async function obtain(owner: string): Promise<TokenAnswer> {
    const credential = await options.credential(owner);
    if (credential === undefined) {
      return { kind: 'no-account' };
    }
    const known = kept.get(owner);
    const now = options.clock();
    if (known !== undefined && known.clientId === credential.clientId && now < known.renewAt) {
      return { kind: 'token', value: known.value };
    }
    const penalty = penalties.get(credential.clientId);
    if (penalty !== undefined && now < penalty.until) {
      return penalty.refused ? refused(penalty.until - now) : retry(penalty.until - now);
    }
    const answer = await options.transport.request({
      method: 'POST',
      url: `${options.authUrl}/accesstoken?grant_type=client_credentials`,
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: new URLSearchParams({ client_id: credential.clientId, client_secret: credential.secret }).toString(),
    });
    if (answer.kind === 'broken') {
      return { kind: 'unavailable' };
    }
    const { status, headers, text } = answer.response;
    if (status === 200) {
      const token = readToken(text, now);
      if (token === undefined) {
        return { kind: 'unavailable' };
      }
      penalties.delete(credential.clientId);
      kept.set(owner, { clientId: credential.clientId, ...token });
      return { kind: 'token', value: token.value };
    }
    // Status of the rate-limit answer is not documented; its text is.
    const limited = status === 429 || /rate limit policy/i.test(text);
    if (limited) {
      const wait = Math.max(retryAfterMs(headers['retry-after'], now) ?? 0, PENALTY_MS);
      penalties.set(credential.clientId, { until: now + wait, refused: false });
      return retry(wait);
    }
    if (status === 400 || status === 401 || (status === 403 && text.trimStart().startsWith('{'))) {
      penalties.set(credential.clientId, { until: now + PENALTY_MS, refused: true });
      return refused(PENALTY_MS);
    }
    return { kind: 'unavailable' };
  }

  return {
    get(owner) {
      const same = running.get(owner);
      if (same !== undefined) {
        return same;
      }
      const started = obtain(owner).finally(() => running.delete(owner));
      running.set(owner, started);
      return started;
    },
    reject(owner, value) {
      if (kept.get(owner)?.value === value) {
        kept.delete(owner);
      }
    },
    forget(owner) {
      kept.delete(owner);
    },
  };
}

export const authIssues = (): readonly Issue[] => [issue('platform-auth')];

const refused = (afterMs: number): Unauthorised => ({ kind: 'unauthorised', issues: authIssues(), afterMs });

function readToken(text: string, now: number): { value: string; renewAt: number } | undefined {
  let body: { access_token?: unknown; expires_in?: unknown };
  try {
    body = JSON.parse(text) as typeof body;
  } catch {
    return undefined;
  }
  const seconds = Number(body?.expires_in ?? '3599');
  if (typeof body?.access_token !== 'string' || body.access_token === '' || !Number.isFinite(seconds)) {
    return undefined;
  }
  // Counted from our own clock: `issued_at` is the platform's, and the two may differ.
  const lifeMs = Math.max(seconds, 0) * 1000;
  return { value: body.access_token, renewAt: now + lifeMs - Math.min(EARLY_MS, lifeMs / 2) };
}
