import { randomUUID } from 'node:crypto';
import { type Issue, issue } from '../errors/index.ts';
import type { NoAccount, Retry, Unauthorised, Unavailable } from '../sync/platform.ts';
import type { AccountCredential } from './credentials.ts';
import { retry, retryAfterMs } from './errors.ts';
import { changeShared, type SharedState } from './shared-state.ts';
import type { Transport } from './transport.ts';

export type TokenAnswer =
  | { readonly kind: 'token'; readonly value: string; readonly clientId: string }
  | Retry
  | Unauthorised
  | Unavailable
  | NoAccount;

export interface Tokens {
  /** A token that is good for a while yet. Callers in all processes share one request. */
  get(owner: string): Promise<TokenAnswer>;
  /** The platform did not accept this token: it is dropped, unless a newer one is there already. */
  reject(owner: string, value: string): Promise<void>;
  /** Drops the owner's token. A penalty stays. */
  forget(owner: string): Promise<void>;
}

export interface TokenOptions {
  /** `https://…/oauth2/v1` */
  readonly authUrl: string;
  readonly transport: Transport;
  readonly credential: (owner: string) => Promise<AccountCredential | undefined>;
  readonly shared: SharedState;
  /** A token is a secret: how it is written where others could read it. */
  readonly cover: Cover;
  /** Epoch ms, for dates that the platform names. */
  readonly clock: () => number;
  /** Ms that only grow. */
  readonly monotonic: () => number;
  readonly delay: (ms: number) => Promise<void>;
  /** Longest a token request may take: so long others wait for the one who asks. */
  readonly timeoutMs: number;
  /** How long the platform refuses every token request after a failed one. Default {@link PENALTY_MS}. */
  readonly penaltyMs?: number;
}

export interface Cover {
  seal(name: string, clear: string): string;
  /** @throws whatever: then it is not used */
  open(name: string, sealed: string): string;
}

/** The platform refuses every token request for a minute after a failed one (official). */
export const PENALTY_MS = 60_000;
const EARLY_MS = 60_000;
const LOOK_MS = 100;
/** Further ahead the database's clock was set back. */
const LONGEST_PENALTY_MS = 3_600_000;

interface Kept {
  readonly clientId: string;
  readonly value: string;
  /** By `monotonic`. */
  readonly renewAt: number;
}

/** What the processes know of a client id; times are the shared ones. */
interface Known {
  readonly token?: string;
  readonly renewAt?: number;
  readonly penaltyUntil?: number;
  /** Whether the penalty follows a refusal of the credential, and not too many requests. */
  readonly refused?: boolean;
  /** Another process is asking, until then at most. */
  readonly askingUntil?: number;
  /** Whose turn it is. */
  readonly turn?: string;
}

type Step =
  | { kind: 'token'; sealed: string; leftMs: number }
  | { kind: 'penalty'; leftMs: number; refused: boolean }
  | { kind: 'wait' }
  /** `turn` names it: who was too slow has lost it to another. */
  | { kind: 'ask'; turn: string };

/** OAuth2 client credentials, by client id over all processes. All numbers of the platform's answer are strings. */
export function createTokens(options: TokenOptions): Tokens {
  const { shared, cover, clock, monotonic, delay, penaltyMs = PENALTY_MS } = options;
  const kept = new Map<string, Kept>();
  const running = new Map<string, Promise<TokenAnswer>>();
  const nameOf = (clientId: string): string => `token:${clientId}`;

  async function obtain(owner: string): Promise<TokenAnswer> {
    const credential = await options.credential(owner);
    if (credential === undefined) return { kind: 'no-account' };
    const { clientId } = credential;
    const known = kept.get(owner);
    if (known !== undefined && known.clientId === clientId && monotonic() < known.renewAt)
      return { kind: 'token', value: known.value, clientId };
    for (;;) {
      const step = await nextStep(clientId);
      if (step.kind === 'wait') {
        await delay(LOOK_MS);
        continue;
      }
      if (step.kind === 'penalty') return step.refused ? refused(step.leftMs) : retry(step.leftMs);
      if (step.kind === 'ask') return ask(owner, credential, step.turn);
      const value = opened(clientId, step.sealed);
      if (value !== undefined) return keep(owner, clientId, value, step.leftMs);
      await drop(clientId, step.sealed);
    }
  }

  /** Takes the turn to ask, where nobody has a token, a penalty or the turn. */
  async function nextStep(clientId: string): Promise<Step> {
    const { result } = await changeShared<Step>(shared, nameOf(clientId), (text, now) => {
      const known = read(text);
      const { token, renewAt = 0, penaltyUntil = 0, askingUntil = 0 } = known;
      if (token !== undefined && now < renewAt) return { value: text, result: { kind: 'token', sealed: token, leftMs: renewAt - now } };
      if (now < penaltyUntil && penaltyUntil - now <= LONGEST_PENALTY_MS)
        return { value: text, result: { kind: 'penalty', leftMs: penaltyUntil - now, refused: known.refused === true } };
      // One who died while asking is waited for as long as a request may take; a clock that was set back is not waited for.
      if (now < askingUntil && askingUntil - now <= 2 * options.timeoutMs) return { value: text, result: { kind: 'wait' } };
      const turn = randomUUID();
      return { value: JSON.stringify({ askingUntil: now + options.timeoutMs, turn } satisfies Known), result: { kind: 'ask', turn } };
    });
    return result;
  }

  async function ask(owner: string, { clientId, secret }: AccountCredential, turn: string): Promise<TokenAnswer> {
    const tell = (what: (now: number) => Known) =>
      changeShared(shared, nameOf(clientId), (text, now) => {
        const told = what(now);
        const known = read(text);
        // A token is good whoever got it. What failed says nothing about what another process, whose turn it became, has learnt since.
        const mine = known.turn === turn || (known.token === undefined && told.penaltyUntil !== undefined);
        return { value: told.token !== undefined || mine ? JSON.stringify(told) : text, result: undefined };
      });
    const answer = await options.transport.request({
      method: 'POST',
      url: `${options.authUrl}/accesstoken?grant_type=client_credentials`,
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: new URLSearchParams({ client_id: clientId, client_secret: secret }).toString(),
    });
    if (answer.kind === 'response') {
      const { status, headers, text } = answer.response;
      const token = status === 200 ? readToken(text) : undefined;
      if (token !== undefined) {
        const sealed = cover.seal(nameOf(clientId), token.value);
        await tell((now) => ({ token: sealed, renewAt: now + token.useMs }));
        return keep(owner, clientId, token.value, token.useMs);
      }
      // Status of the rate-limit answer is not documented; its text is.
      if (status === 429 || /rate limit policy/i.test(text)) {
        const wait = Math.max(retryAfterMs(headers['retry-after'], clock()) ?? 0, penaltyMs);
        await tell((now) => ({ penaltyUntil: now + wait }));
        return retry(wait);
      }
      if (status === 400 || status === 401 || (status === 403 && text.trimStart().startsWith('{'))) {
        await tell((now) => ({ penaltyUntil: now + penaltyMs, refused: true }));
        return refused(penaltyMs);
      }
    }
    await tell(() => ({}));
    return { kind: 'unavailable' };
  }

  function keep(owner: string, clientId: string, value: string, leftMs: number): TokenAnswer {
    kept.set(owner, { clientId, value, renewAt: monotonic() + leftMs });
    return { kind: 'token', value, clientId };
  }

  function opened(clientId: string, sealed: string): string | undefined {
    try {
      return cover.open(nameOf(clientId), sealed);
    } catch {
      // Sealed with another key: of use to nobody.
      return undefined;
    }
  }

  async function drop(clientId: string, sealed: string): Promise<void> {
    await changeShared(shared, nameOf(clientId), (text) => ({ value: read(text).token === sealed ? '{}' : text, result: undefined }));
  }

  return {
    get(owner) {
      const same = running.get(owner);
      if (same !== undefined) return same;
      const started = obtain(owner).finally(() => running.delete(owner));
      running.set(owner, started);
      return started;
    },
    async reject(owner, value) {
      const known = kept.get(owner);
      if (known?.value === value) kept.delete(owner);
      const clientId = known?.clientId ?? (await options.credential(owner))?.clientId;
      if (clientId === undefined) return;
      await changeShared(shared, nameOf(clientId), (text) => {
        const { token } = read(text);
        return { value: token !== undefined && opened(clientId, token) === value ? '{}' : text, result: undefined };
      });
    },
    async forget(owner) {
      kept.delete(owner);
      const credential = await options.credential(owner);
      if (credential === undefined) return;
      await changeShared(shared, nameOf(credential.clientId), (text) => {
        const { token: _token, renewAt: _renewAt, ...rest } = read(text);
        return { value: text === undefined ? undefined : JSON.stringify(rest), result: undefined };
      });
    },
  };
}

function read(text: string | undefined): Known {
  try {
    const known = JSON.parse(text ?? '{}') as Known | null;
    return known ?? {};
  } catch {
    return {};
  }
}

export const authIssues = (): readonly Issue[] => [issue('platform-auth')];

const refused = (afterMs: number): Unauthorised => ({ kind: 'unauthorised', issues: authIssues(), afterMs });

function readToken(text: string): { value: string; useMs: number } | undefined {
  let body: { access_token?: unknown; expires_in?: unknown };
  try {
    body = JSON.parse(text) as typeof body;
  } catch {
    return undefined;
  }
  const seconds = Number(body?.expires_in ?? '3599');
  if (typeof body?.access_token !== 'string' || body.access_token === '' || !Number.isFinite(seconds)) return undefined;
  // Counted from our own clock: `issued_at` is the platform's, and the two may differ.
  const lifeMs = Math.max(seconds, 0) * 1000;
  return { value: body.access_token, useMs: lifeMs - Math.min(EARLY_MS, lifeMs / 2) };
}
