import { createHmac } from 'node:crypto';
import { AppError } from '../errors/index.ts';
import type { Store } from '../store/index.ts';
import { type MailServer, mailWhatChanged, type Paused } from './mail.ts';
import { overview } from './overview.ts';

export interface AlertOptions {
  readonly store: Pick<Store, 'backlog' | 'deliveryGroups' | 'submissionFeed' | 'submissionsById' | 'shared' | 'putShared'>;
  readonly environment: string;
  /** Instant now, UTC with milliseconds. */
  readonly now: () => string;
  /** The oldest may wait so long, in ms. */
  readonly afterMs: number;
  /** Where it is told; without it the job only counts. */
  readonly webhook?: { readonly url: string; readonly secret?: string };
  /** Who is told by mail what stopped, what is paused and what waits too long; see `mailWhatChanged`. */
  readonly mail?: MailServer;
  /** Who is not served now. */
  readonly paused?: () => Promise<readonly Paused[]>;
  /** Longest wait for an answer of the webhook or the mail server. Default 10 s. */
  readonly timeoutMs?: number;
}

/** Name of the value by which processes know that a breach was told. */
const NAME = 'alert-waiting';
const MAX_GROUPS = 50;

type Told = 'waiting' | 'recovered';

/**
 * Tells by webhook and by mail, each of which goes on where the other fails.
 *
 * By webhook: once when the oldest that waits has waited too long, and once when that is over; then the next breach is told again. A webhook that
 * fails is asked again at the next run.
 *
 * The body is JSON of counts, ages and causes, never of a patient. With a secret its HMAC-SHA256 is in `x-ilp-signature: sha256=<hex>`,
 * over the time in `x-ilp-timestamp`, a dot, and the body.
 *
 * @returns counts for the record of the run
 * @throws AppError `alert-failed` if the webhook or the mail server did not take it
 */
export async function alertWaiting(
  options: AlertOptions,
  { dryRun, signal }: { dryRun: boolean; signal: AbortSignal },
): Promise<Readonly<Record<string, number>>> {
  const { store, environment, now, afterMs, webhook } = options;
  const at = now();
  const context = { client: NAME, facilities: 'all', purpose: 'job' } as const;
  const { backlog, groups } = await overview(store, context, environment, at);
  const held = groups.filter(({ state }) => state === 'on-hold').map(({ oldest }) => oldest);
  const oldest = [backlog.oldest.ready, backlog.oldest.onHold, ...held].filter((each) => each !== null).sort()[0] ?? null;
  const ageMs = oldest === null ? 0 : Math.max(0, Date.parse(at) - Date.parse(oldest));
  const isBreach = ageMs > afterMs;
  const stopped = (state: string) => groups.filter((group) => group.state === state).reduce((sum, { count }) => sum + count, 0);
  const counts = {
    waiting: backlog.waiting,
    onHold: stopped('on-hold'),
    failed: stopped('failed'),
    oldestHours: Math.floor(ageMs / 3_600_000),
    told: 0,
  };
  if (dryRun) return counts;
  const timeoutMs = options.timeoutMs ?? 10_000;
  const [posted, mailed] = await Promise.allSettled([tellWebhook(), tellMail()]);
  for (const result of [posted, mailed]) if (result.status === 'rejected') throw result.reason;
  const sum = [posted, mailed].reduce((told, result) => told + (result.status === 'fulfilled' ? result.value : 0), 0);
  return { ...counts, told: sum };

  async function tellMail(): Promise<number> {
    const { mail: server, paused } = options;
    if (server === undefined) return 0;
    return mailWhatChanged(
      { store, server, timeoutMs },
      {
        ...{ environment, at, groups, oldest, late: isBreach, afterHours: Math.round(afterMs / 3_600_000), waiting: counts.waiting },
        paused: (await paused?.()) ?? [],
      },
    );
  }

  async function tellWebhook(): Promise<number> {
    const entry = (await store.shared(environment, [NAME])).entries[0];
    if (!webhook || isBreach === (entry !== undefined)) return 0;
    const event: Told = isBreach ? 'waiting' : 'recovered';
    const body = {
      event,
      environment,
      at,
      oldest,
      oldestAgeSeconds: Math.floor(ageMs / 1000),
      afterSeconds: Math.floor(afterMs / 1000),
      waiting: counts.waiting,
      onHold: counts.onHold,
      failed: counts.failed,
      completedLastHour: backlog.completedLastHour,
      expectedFinish: backlog.expectedFinish,
      groups: groups.slice(0, MAX_GROUPS).map(({ what, state, reason, rule, kind, owner, count, oldest: since, todo, act }) => ({
        ...{ what, state, reason, rule, kind, owner, count },
        oldest: since,
        ...{ todo, act },
      })),
    };
    await post(webhook, JSON.stringify(body), Math.floor(Date.parse(at) / 1000), AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
    await store.putShared(environment, NAME, isBreach ? JSON.stringify({ since: oldest, toldAt: at }) : null, entry?.version ?? null);
    return 1;
  }
}

async function post(
  { url, secret }: NonNullable<AlertOptions['webhook']>,
  body: string,
  timestamp: number,
  signal: AbortSignal,
): Promise<void> {
  let status: number;
  try {
    const response = await fetch(url, {
      method: 'POST',
      // A redirect could lead the counts anywhere.
      redirect: 'error',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'ilp-fhir',
        'x-ilp-timestamp': String(timestamp),
        ...(secret !== undefined && { 'x-ilp-signature': `sha256=${signatureOf(secret, timestamp, body)}` }),
      },
      body,
      signal,
    });
    status = response.status;
    await response.body?.cancel();
  } catch (cause) {
    throw new AppError(
      'alert-failed',
      { name: 'ILP_ALERT_WEBHOOK_URL', problem: { id: 'tidak dapat dihubungi', en: 'not reached' } },
      { cause },
    );
  }
  if (status < 200 || status > 299) throw new AppError('alert-failed', { name: 'ILP_ALERT_WEBHOOK_URL', problem: `HTTP ${status}` });
}

/** Hex HMAC-SHA256 over `<timestamp>.<body>`. */
export const signatureOf = (secret: string, timestamp: number, body: string): string =>
  createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');
