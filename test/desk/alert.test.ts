import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/index.ts';
import { alertWaiting, signatureOf } from '../../src/desk/index.ts';
import type { AppError } from '../../src/errors/index.ts';
import { MOTHER, type Running, register, runService, visit } from '../http/running-service.ts';

/** The alert over real HTTP, to a server that can also refuse, hang or lead elsewhere. */

const HOUR = 3_600_000;
const SECRET = 'rahasia-penerima';

let running: Running;
let server: Server;
let url: string;
let behaviour: 'take' | 'refuse' | 'redirect' | 'hang' = 'take';
let got: { readonly headers: IncomingMessage['headers']; readonly text: string; readonly body: Record<string, unknown> }[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const text = Buffer.concat(parts).toString('utf8');
      got.push({ headers: request.headers, text, body: JSON.parse(text) });
      if (behaviour === 'hang') return;
      if (behaviour === 'redirect') response.writeHead(307, { location: `${url}/elsewhere` }).end();
      else response.writeHead(behaviour === 'take' ? 204 : 500).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/alert`;
  running = await runService({ ILP_ALERT_WEBHOOK_URL: url, ILP_ALERT_WEBHOOK_SECRET: SECRET, ILP_ALERT_AFTER_HOURS: '6' });
  const key = await running.client('writer');
  await register(running, key);
  await running.post('encounters', visit('A-1', { complaint: 'keluhan rahasia' }), key);
  await running.post('encounters', visit('A-2', { cluster: 'K9' }), key);
});
afterAll(async () => {
  await running.stop();
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  got = [];
  behaviour = 'take';
});

/** A run so many hours from now. */
const runIn = (hours: number, more: object = {}) =>
  alertWaiting(
    {
      store: running.service.store,
      environment: 'sandbox',
      now: () => new Date(Date.now() + hours * HOUR).toISOString(),
      afterMs: 6 * HOUR,
      webhook: { url, secret: SECRET },
      ...more,
    },
    { dryRun: false, signal: new AbortController().signal },
  );
const codeOf = (run: Promise<unknown>) => run.then(() => 'taken').catch((error: unknown) => (error as AppError).code);

describe('alert-waiting', () => {
  it('nothing is told while the oldest is young, and never on a dry run', async () => {
    expect((await running.service.jobs.run('alert-waiting', { dryRun: false })).counts).toMatchObject({
      told: 0,
      oldestHours: 0,
      failed: 1,
    });
    expect(await runIn(5.9)).toMatchObject({ told: 0 });
    await alertWaiting(
      {
        store: running.service.store,
        environment: 'sandbox',
        now: () => new Date(Date.now() + 9 * HOUR).toISOString(),
        afterMs: HOUR,
        webhook: { url },
      },
      { dryRun: true, signal: new AbortController().signal },
    );
    expect(got).toEqual([]);
  });

  it('a webhook that fails leaves it untold, and the next run asks again', async () => {
    behaviour = 'refuse';
    expect(await codeOf(runIn(7))).toBe('alert-failed');
    behaviour = 'redirect';
    expect(await codeOf(runIn(7))).toBe('alert-failed');
    expect(got).toHaveLength(2);
    behaviour = 'hang';
    expect(await codeOf(runIn(7, { timeoutMs: 100 }))).toBe('alert-failed');
    expect(await codeOf(runIn(7, { webhook: { url: 'http://127.0.0.1:9/' } }))).toBe('alert-failed');
  });

  it('a breach is told once, signed, with counts and causes and nothing of a patient', async () => {
    expect(await runIn(7)).toMatchObject({ told: 1, oldestHours: 7 });
    expect(await runIn(8)).toMatchObject({ told: 0 });
    expect(got).toHaveLength(1);
    const [{ headers, text, body }] = got as [(typeof got)[number]];
    expect(headers['x-ilp-signature']).toBe(`sha256=${signatureOf(SECRET, Number(headers['x-ilp-timestamp']), text)}`);
    expect(body).toMatchObject({ event: 'waiting', environment: 'sandbox', afterSeconds: 21_600, failed: 1 });
    expect(body.oldestAgeSeconds).toBeGreaterThanOrEqual(7 * 3600 - 60);
    expect(body.groups).toContainEqual(expect.objectContaining({ reason: 'cluster-unknown', count: 1, act: 'fix' }));
    for (const value of [MOTHER, 'Ayu', 'rahasia', 'RM-1', 'A-1', 'Patient/', 'Encounter/', '1998-02-28'])
      expect(text).not.toContain(value);
  });

  it('recovery is told once, and the next breach again', async () => {
    const { store } = running.service;
    expect(await runIn(1)).toMatchObject({ told: 1 });
    expect(await runIn(1)).toMatchObject({ told: 0 });
    expect(await runIn(9)).toMatchObject({ told: 1 });
    expect(got.map(({ body }) => body.event)).toEqual(['recovered', 'waiting']);
    expect((await store.shared('sandbox', ['alert-waiting'])).entries).toHaveLength(1);
  });

  it('the job writes its failure down', async () => {
    behaviour = 'refuse';
    // The breach was told by a clock ahead: by now it is over, and that is to be told.
    const run = await running.service.jobs.run('alert-waiting', { dryRun: false });
    expect(run.error).toBe('alert-failed');
    behaviour = 'take';
    expect((await running.service.jobs.run('alert-waiting', { dryRun: false })).counts).toMatchObject({ told: 1 });
    expect(got.at(-1)?.body.event).toBe('recovered');
  });

  it('an address that others could read on the way is a wrong configuration', () => {
    const wrong = (value: string) => {
      try {
        parseConfig({ ILP_ALERT_WEBHOOK_URL: value });
      } catch (error) {
        return (error as AppError).issues.map(({ field }) => field);
      }
      return [];
    };
    expect(wrong('http://dinkes.example/alert')).toEqual(['ILP_ALERT_WEBHOOK_URL']);
    expect(wrong('ftp://dinkes.example')).toEqual(['ILP_ALERT_WEBHOOK_URL']);
    expect(wrong('https://dinkes.example/alert')).toEqual([]);
    expect(parseConfig({ ILP_ALERT_WEBHOOK_URL: 'https://dinkes.example/a' }).alert).toEqual({
      afterMs: 24 * HOUR,
      webhook: { url: 'https://dinkes.example/a' },
    });
  });
});
