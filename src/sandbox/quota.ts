import type { Quota } from './settings.ts';

/** What became of a client's requests. */
export interface QuotaCount {
  /** Requests its quotas had room for since its first request; null while it has none. */
  readonly allowed: number | null;
  readonly accepted: number;
  readonly refused: number;
}

interface Account {
  quota: Quota | undefined;
  /** Start of the fixed window. */
  windowStart: number;
  inWindow: number;
  /** Times of the accepted requests of the sliding window; those before `head` are over. */
  times: number[];
  head: number;
  accepted: number;
  refused: number;
  /** Room up to `since`. */
  allowed: number;
  since: number;
  limited: boolean;
}

/** Counts requests by client against a quota that may change at any time. A clock that steps back begins a new window. */
export class QuotaDesk {
  readonly #accounts = new Map<string, Account>();
  readonly #quotaOf: (clientId: string) => Quota | undefined;

  constructor(quotaOf: (clientId: string) => Quota | undefined) {
    this.#quotaOf = quotaOf;
  }

  /** @returns undefined when the request may pass, else the milliseconds until the next one may */
  admit(clientId: string, now: number): number | undefined {
    const account = this.#account(clientId, now);
    const { quota } = account;
    const waitMs = quota === undefined ? undefined : (quota.window === 'fixed' ? fixed : sliding)(account, quota, now);
    if (waitMs === undefined) account.accepted++;
    else account.refused++;
    return waitMs;
  }

  /** Whether a refusal says when to come back. */
  tellsWhen(clientId: string): boolean {
    return this.#quotaOf(clientId)?.retryAfter === true;
  }

  counts(now: number): Readonly<Record<string, QuotaCount>> {
    return Object.fromEntries(
      [...this.#accounts.keys()].map((clientId) => {
        const { allowed, accepted, refused, limited } = this.#account(clientId, now);
        return [clientId, { allowed: limited ? Math.round(allowed) : null, accepted, refused }];
      }),
    );
  }

  reset(): void {
    this.#accounts.clear();
  }

  /** The account with its room counted up to now, under the quota that was in force until now. */
  #account(clientId: string, now: number): Account {
    let account = this.#accounts.get(clientId);
    const quota = this.#quotaOf(clientId);
    if (account === undefined) {
      account = {
        quota,
        windowStart: Number.NEGATIVE_INFINITY,
        inWindow: 0,
        times: [],
        head: 0,
        accepted: 0,
        refused: 0,
        allowed: 0,
        since: now,
        limited: false,
      };
      this.#accounts.set(clientId, account);
    }
    if (account.quota !== undefined) account.allowed += (Math.max(0, now - account.since) * account.quota.requests) / account.quota.perMs;
    account.since = now;
    account.quota = quota;
    account.limited ||= quota !== undefined;
    return account;
  }
}

function fixed(account: Account, quota: Quota, now: number): number | undefined {
  const start = Math.floor(now / quota.perMs) * quota.perMs;
  if (start !== account.windowStart) {
    account.windowStart = start;
    account.inWindow = 0;
  }
  if (account.inWindow >= quota.requests) return start + quota.perMs - now;
  account.inWindow++;
  return undefined;
}

function sliding(account: Account, quota: Quota, now: number): number | undefined {
  const { times } = account;
  while (account.head < times.length && ((times[account.head] as number) <= now - quota.perMs || (times[account.head] as number) > now)) {
    account.head++;
  }
  if (account.head > 1024 && account.head * 2 > times.length) {
    times.splice(0, account.head);
    account.head = 0;
  }
  if (times.length - account.head >= quota.requests) return (times[account.head] ?? now) + quota.perMs - now;
  times.push(now);
  return undefined;
}
