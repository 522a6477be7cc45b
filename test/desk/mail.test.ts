import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Environ, parseConfig } from '../../src/config/index.ts';
import { type AlertOptions, alertWaiting } from '../../src/desk/index.ts';
import type { AppError, Reason, State } from '../../src/errors/index.ts';
import { MOTHER, type Running, register, runService, visit } from '../http/running-service.ts';

/** The alert by mail, to real SMTP servers: one that takes it, and those that refuse, hang, or want more than is offered. */

const HOUR = 3_600_000;
const folder = mkdtempSync(path.join(tmpdir(), 'ilp-mail-'));
let running: Running;
let keys: string[];
let got: { readonly to: readonly string[]; readonly subject: string; readonly text: string; readonly user: string | undefined }[] = [];
const closing: (() => Promise<void>)[] = [];
const logins: string[] = [];

const decoded = (text: string): string =>
  Buffer.from(
    text
      .replace(/=\r\n/g, '')
      .replaceAll('\r\n', '\n')
      .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  ).toString('utf8');

/** A server of its own on a free port. */
async function listen(options: SMTPServerOptions = {}): Promise<number> {
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onAuth({ username, password }, _session, callback) {
      logins.push(`${username}:${password}`);
      if (password === 'sandi-surel') callback(null, { user: username });
      else callback(new Error('no'));
    },
    onData(stream, session, callback) {
      const parts: Buffer[] = [];
      stream.on('data', (part: Buffer) => parts.push(part));
      stream.on('end', () => {
        const raw = Buffer.concat(parts).toString('latin1');
        const subject = /^Subject: (.*(?:\r\n[ \t].*)*)/m.exec(raw)?.[1]?.replace(/\r\n[ \t]/g, ' ') ?? '';
        got.push({
          to: session.envelope.rcptTo.map(({ address }) => address),
          subject,
          text: decoded(raw.slice(raw.indexOf('\r\n\r\n') + 4)),
          user: session.user as string | undefined,
        });
        callback();
      });
    },
    ...options,
  });
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  closing.push(() => new Promise((resolve) => server.close(() => resolve())));
  return (server.server.address() as AddressInfo).port;
}

/** As a worker leaves it. */
async function stop(key: string, state: State, reason: Reason | null): Promise<void> {
  await running.service.store.commit({
    deliveryOutcomes: [{ key, environment: 'sandbox', state, reason, issues: [], at: new Date().toISOString(), countAttempt: true }],
  });
}

let port: number;
const mail = (change: Partial<NonNullable<AlertOptions['mail']>> = {}) => ({
  ...{ host: '127.0.0.1', port, tls: 'none' as const, from: 'ilp@dinkes.example', to: ['piket@dinkes.example'] },
  ...change,
});
/** A run so many hours from now. */
const runIn = (hours: number, more: Partial<AlertOptions> = {}) =>
  alertWaiting(
    {
      store: running.service.store,
      environment: 'sandbox',
      now: () => new Date(Date.now() + hours * HOUR).toISOString(),
      afterMs: 6 * HOUR,
      mail: mail(),
      timeoutMs: 2_000,
      ...more,
    },
    { dryRun: false, signal: new AbortController().signal },
  );
const problemOf = (run: Promise<unknown>) =>
  run.then(
    () => 'taken',
    (error: AppError) => `${error.code} ${error.text.en}`,
  );

beforeAll(async () => {
  running = await runService();
  const key = await running.client('writer');
  await register(running, key);
  const answer = await running.post(
    'encounters',
    Array.from({ length: 5 }, (_, index) => visit(`A-${index}`, { complaint: `keluhan rahasia ${index}` })),
    key,
  );
  keys = [];
  for (const { id } of answer.body.receipts) {
    const found = (await running.service.store.deliveries({ submissionId: id })).find(({ kind }) => kind === 'encounter');
    keys.push(found?.key as string);
  }
});
afterAll(async () => {
  await running.stop();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  got = [];
  logins.length = 0;
  const { store } = running.service;
  const [entry] = (await store.shared('sandbox', ['alert-mail'])).entries;
  if (entry) await store.putShared('sandbox', 'alert-mail', null, entry.version);
  for (const key of keys) await stop(key, 'completed', null);
  port = await listen();
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

describe('alert by mail', () => {
  it('tells what stopped by reason and puskesmas, Indonesian first, and nothing of a patient', async () => {
    await stop(keys[0] as string, 'on-hold', 'identity');
    await stop(keys[1] as string, 'on-hold', 'identity');
    await stop(keys[2] as string, 'failed', 'rule-10457');
    expect(await runIn(0, { mail: mail({ to: ['piket@dinkes.example', 'kepala@dinkes.example'] }) })).toMatchObject({ told: 1, failed: 1 });
    expect(got).toHaveLength(1);
    const [{ to, subject, text }] = got as [(typeof got)[number]];
    expect(to).toEqual(['piket@dinkes.example', 'kepala@dinkes.example']);
    expect(subject).toBe('[ilp-fhir sandbox] 3 kiriman berhenti / 3 deliveries stopped');
    expect(text).toContain('- P1: 2 kiriman, identity, tertua');
    expect(text).toContain('- P1: 1 deliveries, rule-10457, oldest');
    expect(text.indexOf('kiriman')).toBeLessThan(text.indexOf('deliveries,'));
    expect(text).toContain('Periksa NIK');
    for (const value of [MOTHER, 'Ayu', 'rahasia', 'RM-1', 'A-1', 'Patient/', 'Encounter/', '1998-02-28']) {
      expect(text + subject).not.toContain(value);
    }
  });

  it('says the same again only where there are more, and then after an hour', async () => {
    await stop(keys[0] as string, 'on-hold', 'identity');
    expect(await runIn(0)).toMatchObject({ told: 1 });
    await stop(keys[1] as string, 'on-hold', 'identity');
    expect(await runIn(0.9)).toMatchObject({ told: 0 });
    // Another reason does not wait for the first.
    await stop(keys[2] as string, 'failed', 'rule-10457');
    expect(await runIn(0.9)).toMatchObject({ told: 1 });
    expect(got.at(-1)?.text).not.toContain('identity');
    expect(await runIn(1.1)).toMatchObject({ told: 1 });
    expect(got.at(-1)?.text).toContain('2 kiriman, identity');
    expect(await runIn(3)).toMatchObject({ told: 0 });
    // Mended and stopped once more is news again.
    await stop(keys[0] as string, 'completed', null);
    await stop(keys[1] as string, 'completed', null);
    expect(await runIn(3.2)).toMatchObject({ told: 0 });
    await stop(keys[0] as string, 'on-hold', 'identity');
    expect(await runIn(5)).toMatchObject({ told: 1 });
    expect(got).toHaveLength(4);
  });

  it('tells that the oldest has waited too long, and once that it is over', async () => {
    await stop(keys[0] as string, 'ready', null);
    expect(await runIn(7)).toMatchObject({ told: 1, oldestHours: 7 });
    expect(got[0]?.subject).toBe('[ilp-fhir sandbox] terlalu lama menunggu / waiting too long');
    expect(got[0]?.text).toContain('lebih dari 6 jam');
    expect(await runIn(8)).toMatchObject({ told: 0 });
    expect(await runIn(1)).toMatchObject({ told: 1 });
    expect(got[1]?.text).toMatch(/Tidak ada lagi yang terlalu lama[\s\S]*Nothing has waited too long/);
    expect((await running.service.store.shared('sandbox', ['alert-mail'])).entries).toEqual([]);
  });

  it('tells of a client that is paused, and of the platform as a whole', async () => {
    const pause = (cause: string) => JSON.stringify({ cause, failures: 1, count: 1, until: Date.now() + 60_000, tryingUntil: 0 });
    const told = await runService({
      ILP_ALERT_MAIL_HOST: 'localhost',
      ILP_ALERT_MAIL_PORT: String(port),
      ILP_ALERT_MAIL_TLS: 'none',
      ILP_ALERT_MAIL_FROM: 'ilp@dinkes.example',
      ILP_ALERT_MAIL_TO: 'piket@dinkes.example',
    });
    try {
      for (const [line, cause] of [
        ['P1', 'unauthorised'],
        ['*', 'unavailable'],
        ['P2', 'constructor'],
      ] as const)
        await told.service.store.putShared('sandbox', `pause:${line}`, pause(cause), null);
      expect(await told.service.jobs.run('alert-waiting', { dryRun: true })).toMatchObject({ counts: { told: 0 } });
      expect(await told.service.jobs.run('alert-waiting', { dryRun: false })).toMatchObject({ counts: { told: 1 }, error: null });
    } finally {
      await told.stop();
    }
    expect(got).toHaveLength(1);
    expect(got[0]?.subject).toBe('[ilp-fhir sandbox] 2 jeda / 2 paused');
    expect(got[0]?.text).toMatch(/- P1: jeda, platform-auth\n {2}Kredensial ditolak SATUSEHAT/);
    expect(got[0]?.text).toContain('- seluruh SATUSEHAT: jeda, platform-unavailable');
    // Without settings for mail the job sends none.
    expect(await running.service.jobs.run('alert-waiting', { dryRun: false })).toMatchObject({ counts: { told: 0 }, error: null });
  });

  it('a message that is not taken is made again; the webhook beside it goes its own way', async () => {
    await stop(keys[0] as string, 'failed', 'rule-10457');
    const refusing = await listen({ onRcptTo: (_address, _session, callback) => callback(new Error('no such user')) });
    expect(await problemOf(runIn(0, { mail: mail({ port: refusing }) }))).toMatch(/^alert-failed .*ILP_ALERT_MAIL_HOST \(SMTP 550\)/);
    const silent = await listen({ onConnect: () => undefined });
    expect(await problemOf(runIn(0, { mail: mail({ port: silent }), timeoutMs: 100 }))).toContain('alert-failed');
    expect(await problemOf(runIn(0, { mail: mail({ port: 9 }) }))).toContain('not reached');
    expect(await problemOf(runIn(9, { webhook: { url: 'http://127.0.0.1:9/' } }))).toContain('ILP_ALERT_WEBHOOK_URL');
    expect(got).toHaveLength(1);
    expect(await runIn(0)).toMatchObject({ told: 1 });
    expect(got.at(-1)?.subject).toContain('antrean pulih');
  });

  it('one receiver who is refused does not make the others get it again and again', async () => {
    await stop(keys[0] as string, 'failed', 'rule-10457');
    const picky = await listen({
      onRcptTo: ({ address }, _session, callback) => callback(address.startsWith('lama') ? new Error('gone') : null),
    });
    const server = mail({ port: picky, to: ['lama@dinkes.example', 'piket@dinkes.example'] });
    expect(await runIn(0, { mail: server })).toMatchObject({ told: 1 });
    expect(await runIn(0.2, { mail: server })).toMatchObject({ told: 0 });
    expect(got.map(({ to }) => to)).toEqual([['piket@dinkes.example']]);
  });

  it('a password leaves this machine only encrypted, to a server whose certificate is trusted', async () => {
    await stop(keys[0] as string, 'failed', 'rule-10457');
    const login = { user: 'ilp', password: 'sandi-surel' };
    const plain = { ...login, tls: 'starttls' as const };
    expect(await problemOf(runIn(0, { mail: mail(plain) })), 'no TLS offered').toContain('alert-failed');
    const made = spawnSync(
      'openssl',
      ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=localhost'].concat([
        '-addext',
        'subjectAltName=DNS:localhost',
        '-keyout',
        path.join(folder, 'key'),
        '-out',
        path.join(folder, 'cert'),
      ]),
    );
    const own = made.status === 0;
    const files = own && { key: readFileSync(path.join(folder, 'key')), cert: readFileSync(path.join(folder, 'cert')) };
    const starttls = await listen({ disabledCommands: [], authOptional: false, ...files });
    expect(await problemOf(runIn(0, { mail: mail({ ...plain, port: starttls, host: 'localhost' }) })), 'not trusted').toContain(
      'alert-failed',
    );
    expect(logins).toEqual([]);
    expect(got).toEqual([]);
    if (!own) return;
    const trusted = { ...plain, port: starttls, host: 'localhost', ca: readFileSync(path.join(folder, 'cert'), 'utf8') };
    expect(await problemOf(runIn(0, { mail: mail({ ...trusted, password: 'salah' }) }))).toContain('SMTP 535');
    expect(await runIn(0, { mail: mail(trusted) })).toMatchObject({ told: 1 });
    expect(got).toMatchObject([{ user: 'ilp' }]);
    const tls = await listen({ secure: true, authOptional: false, ...files });
    expect(await runIn(2, { mail: mail({ ...trusted, port: tls, tls: 'tls' }) })).toMatchObject({ told: 0 });
    await stop(keys[1] as string, 'failed', 'rule-10457');
    expect(await runIn(2, { mail: mail({ ...trusted, port: tls, tls: 'tls' }) })).toMatchObject({ told: 1 });
    expect(got).toHaveLength(2);
  });
});

describe('settings of the mail', () => {
  const base = { ILP_ALERT_MAIL_HOST: 'surel.dinkes.example', ILP_ALERT_MAIL_FROM: 'ilp@dinkes.example', ILP_ALERT_MAIL_TO: 'a@b.example' };
  const wrong = (environ: Environ) => {
    try {
      parseConfig(environ);
    } catch (error) {
      return (error as AppError).issues.map(({ field }) => field);
    }
    return [];
  };

  it('the password may come from a file, receivers are a list', () => {
    const file = path.join(folder, 'sandi');
    writeFileSync(file, 'sandi-surel\n');
    const environ = {
      ...base,
      ILP_ALERT_MAIL_USER: 'ilp',
      ILP_ALERT_MAIL_PASSWORD_FILE: file,
      ILP_ALERT_MAIL_TO: 'a@b.example, c@d.example',
    };
    expect(parseConfig(environ).alert.mail).toEqual({
      ...{ host: 'surel.dinkes.example', port: 587, tls: 'starttls', user: 'ilp', password: 'sandi-surel' },
      ...{ from: 'ilp@dinkes.example', to: ['a@b.example', 'c@d.example'] },
    });
    expect(parseConfig({}).alert.mail).toBeUndefined();
    expect(parseConfig({ ...base, ILP_ALERT_MAIL_HOST: 'localhost', ILP_ALERT_MAIL_TLS: 'none' }).alert.mail).toMatchObject({
      tls: 'none',
    });
  });

  it.each<[string, Environ, readonly string[]]>([
    ['only a host', { ILP_ALERT_MAIL_HOST: 'x.example' }, ['ILP_ALERT_MAIL_FROM', 'ILP_ALERT_MAIL_TO']],
    ['only a receiver', { ILP_ALERT_MAIL_TO: 'a@b.example' }, ['ILP_ALERT_MAIL_HOST']],
    ['a user without a password', { ...base, ILP_ALERT_MAIL_USER: 'x' }, ['ILP_ALERT_MAIL_PASSWORD']],
    ['a password without a user', { ...base, ILP_ALERT_MAIL_PASSWORD: 'x' }, ['ILP_ALERT_MAIL_USER']],
    ['no address', { ...base, ILP_ALERT_MAIL_FROM: 'dinkes' }, ['ILP_ALERT_MAIL_FROM']],
    ['a header in an address', { ...base, ILP_ALERT_MAIL_TO: 'a@b.example\nBcc: c@d.example' }, ['ILP_ALERT_MAIL_TO']],
    ['an empty entry', { ...base, ILP_ALERT_MAIL_TO: 'a@b.example,,c@d.example' }, ['ILP_ALERT_MAIL_TO']],
    ['in the clear through a network', { ...base, ILP_ALERT_MAIL_TLS: 'none' }, ['ILP_ALERT_MAIL_TLS']],
    ['another encryption', { ...base, ILP_ALERT_MAIL_TLS: 'ssl' }, ['ILP_ALERT_MAIL_TLS']],
    ['a port that is none', { ...base, ILP_ALERT_MAIL_PORT: '0' }, ['ILP_ALERT_MAIL_PORT']],
  ])('%s is a wrong configuration', (_, environ, fields) => {
    expect(wrong(environ)).toEqual(fields);
  });
});
