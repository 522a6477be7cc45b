import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BREBES, visit } from './fixtures.ts';
import { createRig, posyanduOf, type Rig } from './rig.ts';

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}
/** What stands between us and the platform makes of the first transaction: `after` it was carried out, or `instead` of that. */
type Wrong = { readonly after: (answer: Answer) => Answer } | { readonly instead: Answer };

let rig: Rig;
let worker: ReturnType<Rig['startWorker']>;
let between: Server;
/** What is done to the next transactions, and to how many. */
let wrong: Wrong | undefined;
let left = 0;
let cases = 0;

beforeAll(async () => {
  rig = await createRig({ worker: { maxAttempts: 6 } });
  const url = await gateway(rig.url);
  worker = rig.startWorker('w1', { platform: rig.connect({ baseUrls: { auth: `${url}/oauth2/v1`, fhir: `${url}/fhir-r4/v1` } }) });
  await rig.receive({ record: 'first', person: 39 });
  await worker.drain();
});
afterAll(async () => {
  between.closeAllConnections();
  between.close();
  await rig.close();
});

const outcome = (text: string, code = 'value'): string =>
  JSON.stringify({ resourceType: 'OperationOutcome', issue: [{ severity: 'error', code, details: { text } }] });
const HTML = '<!doctype html><html><head><title>403 Forbidden</title></head></html>';
const html = (status: number): Answer => ({ status, text: HTML, type: 'text/html' });
const changed = (change: (bundle: { entry: Array<{ response: Record<string, unknown> }> }) => unknown) => ({
  after: ({ status, text }: Answer): Answer => ({ status, text: JSON.stringify(change(JSON.parse(text))) }),
});

/** Stands before the platform, and answers some transactions wrongly. */
async function gateway(target: string): Promise<string> {
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const now = request.method === 'POST' && request.url === '/fhir-r4/v1' && left > 0 ? wrong : undefined;
    left -= Number(now !== undefined);
    const send = ({ status, text, type = 'application/json', headers = {} }: Answer) =>
      void response.writeHead(status, { 'content-type': type, ...headers }).end(text);
    if (now !== undefined && 'instead' in now) return send(now.instead);
    const answer = await fetch(`${target}${request.url}`, {
      method: request.method ?? 'GET',
      redirect: 'manual',
      headers: { authorization: request.headers.authorization ?? '', 'content-type': request.headers['content-type'] ?? '' },
      ...(chunks.length > 0 && { body: Buffer.concat(chunks) }),
    });
    const real = { status: answer.status, text: await answer.text() };
    send(now === undefined ? real : now.after(real));
  };
  between = createServer((request, response) => void handle(request, response).catch(() => response.destroy()));
  await new Promise<void>((resolve) => between.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(between.address() as AddressInfo).port}`;
}

/** A visit whose first transactions are answered wrongly. Pauses of the case before are over. */
async function through(how: Wrong, times = 1): Promise<string> {
  [wrong, left] = [how, times];
  rig.time.advance(3_600_000);
  cases += 1;
  person = cases % 39;
  return rig.receive({ record: `r${cases}`, person });
}
let person = 0;

/** Visits of the present case on the platform. */
const visits = async (): Promise<number> =>
  ((await rig.onPlatform()).Encounter ?? []).filter(({ identifier }) => JSON.stringify(identifier).includes(encounterId())).length;
const encounterId = (): string => visit({ record: `r${cases}`, puskesmas: BREBES, unit: posyanduOf(BREBES), person })[0].id;
const posts = async (): Promise<number> => Object.values((await rig.requests())['POST /'] ?? {}).reduce((sum, count) => sum + count, 0);

/** Until it is final; pauses of clients and platform are waited for. */
async function settled(rounds = 10, by = worker): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    if ((await by.drain()).waiting === 0) return;
    rig.time.advance(900_000);
  }
}

describe('a wrong answer to a visit that was stored is never delivered by itself, and never a second visit', () => {
  it.each<[string, Wrong]>([
    ['an HTML page with 200', { after: () => html(200) }],
    ['JSON cut short', { after: ({ status, text }) => ({ status, text: text.slice(0, text.length / 2) }) }],
    ['no body', { after: () => ({ status: 200, text: '' }) }],
    ['an OperationOutcome with 200', { after: () => ({ status: 200, text: outcome('All OK', 'informational') }) }],
    ['one entry too few', changed((bundle) => ({ ...bundle, entry: bundle.entry.slice(1) }))],
    ['one entry too many', changed((bundle) => ({ ...bundle, entry: [...bundle.entry, ...bundle.entry.slice(0, 1)] }))],
    ['entries of other types', changed((bundle) => ({ ...bundle, entry: bundle.entry.toReversed() }))],
    ['entries without ids', changed((bundle) => ({ ...bundle, entry: bundle.entry.map(() => ({ response: { status: '201 Created' } })) }))],
    [
      'an entry that was not created',
      changed((bundle) => ({
        ...bundle,
        entry: bundle.entry.map(({ response }) => ({ response: { ...response, status: '400 Bad Request' } })),
      })),
    ],
    ['no entries', changed(() => ({ resourceType: 'Bundle', type: 'transaction-response' }))],
    ['another resource', { after: () => ({ status: 200, text: '{"resourceType":"Patient","id":"x"}' }) }],
    ['a gateway that gave up', { after: () => ({ status: 504, text: 'Gateway Timeout', type: 'text/plain' }) }],
  ])('%s', async (_, how) => {
    const before = await posts();
    const id = await through(how);
    await settled();
    expect(await rig.submission(id)).toMatchObject({ state: 'completed', reason: null });
    expect((await rig.submission(id))?.story.map(({ reason }) => reason)).toContain('outcome-unknown');
    expect(await visits()).toBe(1);
    expect((await posts()) - before).toBe(1);
    expect(await rig.store.platformIds('sandbox', (await rig.delivery(id))?.resources ?? [])).toHaveLength(4);
  });
});

describe('what was not carried out is sent when it can be', () => {
  it.each<[string, Answer]>([
    ['a page of the firewall', html(403)],
    ['a redirect', { status: 302, text: '', headers: { location: 'http://127.0.0.1:1/' } }],
    ['a wrong address', { status: 404, text: '' }],
    ['no healthy upstream', { status: 503, text: 'no healthy upstream', type: 'text/plain' }],
    [
      'a quota',
      { status: 429, text: '{"fault":{"detail":{"errorcode":"policies.ratelimit.QuotaViolation"}}}', headers: { 'retry-after': '2' } },
    ],
    ['an expired token', { status: 401, text: '{"fault":{"detail":{"errorcode":"keymanagement.service.access_token_expired"}}}' }],
  ])('%s', async (_, instead) => {
    const id = await through({ instead });
    await settled();
    expect(await rig.submission(id)).toMatchObject({ state: 'completed' });
    expect(await visits()).toBe(1);
  });

  it('a firewall that refuses this very content holds it in the end, and says what to do', async () => {
    const id = await through({ instead: html(403) }, 1_000);
    await settled(30);
    expect(await rig.submission(id)).toMatchObject({
      state: 'on-hold',
      reason: 'platform-unavailable',
      issues: [{ code: 'platform-blocked' }],
    });
    expect(await visits()).toBe(0);
  });
});

describe('each refusal has its name, and says what to do', () => {
  it.each<[string, Answer, object]>([
    [
      'another organisation’s facility',
      { status: 400, text: outcome('resource cannot be accessed due to business rule', 'forbidden') },
      { state: 'failed', reason: 'platform-refused', issues: [{ code: 'platform-organization' }] },
    ],
    [
      'a facility that may not send such data (20004)',
      { status: 403, text: outcome('Resource Encounter is not allowed for current access class (RuleNumber: 20004)') },
      { state: 'failed', reason: 'rule-20004', issues: [{ code: 'platform-forbidden' }] },
    ],
    [
      'a patient who has not opted in',
      {
        status: 400,
        text: outcome(
          'Operation cannot be performed due to business rules, consent or privacy rules, or access permission constraints.',
          'forbidden',
        ),
      },
      { state: 'failed', reason: 'platform-refused', issues: [{ code: 'platform-consent' }] },
    ],
    [
      'a code that the platform does not know',
      { status: 400, text: outcome("Code not found: 'x' in system: http://x (RuleNumber: 10001)") },
      { state: 'failed', reason: 'rule-10001', issues: [{ code: 'rule-system' }] },
    ],
    [
      'a reference that it has lost',
      { status: 400, text: outcome('Resource not found Location/1 (RuleNumber: 20007)') },
      { state: 'on-hold', reason: 'dependency', issues: [{ code: 'reference-lost' }] },
    ],
    [
      'a client without the permission (20003)',
      { status: 403, text: outcome('Failed to get permission for client for resource type (RuleNumber: 20003)') },
      { state: 'on-hold', reason: 'platform-auth', issues: [{ code: 'platform-forbidden-scope' }] },
    ],
    [
      'a body that is too large',
      { status: 413, text: '' },
      { state: 'failed', reason: 'platform-refused', issues: [{ code: 'platform-refused' }] },
    ],
  ])('%s', async (_, instead, verdict) => {
    const id = await through({ instead }, 1_000);
    await settled(30);
    expect(await rig.submission(id)).toMatchObject(verdict);
    expect(await visits()).toBe(0);
  });

  it.each<[string, Answer]>([
    [
      'a client that is not registered for the product',
      {
        status: 401,
        text: '{"fault":{"faultstring":"Invalid API call as no apiproduct match found","detail":{"errorcode":"keymanagement.service.InvalidAPICallAsNoApiProductMatchFound"}}}',
      },
    ],
    ['a token that is never accepted', { status: 401, text: '{"fault":{"detail":{"errorcode":"oauth.v2.InvalidAccessToken"}}}' }],
  ])('%s pauses its owner, is not counted against the visit, and ends when it is mended', async (_, instead) => {
    const id = await through({ instead }, 4);
    await worker.drain();
    expect(await rig.delivery(id)).toMatchObject({ state: 'ready', reason: 'platform-auth', attempts: 0 });
    await settled();
    expect(await rig.submission(id)).toMatchObject({ state: 'completed' });
  });

  it('a revoked client pauses its owner only', async () => {
    rig.credentials.set(BREBES.code, { ...BREBES, clientId: 'revoked' });
    const id = await through({ instead: html(500) }, 0);
    await worker.drain();
    expect(await rig.delivery(id)).toMatchObject({
      state: 'ready',
      reason: 'platform-auth',
      issues: [{ code: 'platform-auth' }],
      attempts: 0,
    });
    rig.credentials.set(BREBES.code, BREBES);
    await settled();
    expect(await rig.submission(id)).toMatchObject({ state: 'completed' });
  });

  it('a host that cannot be reached is told as such, and nothing is lost', async () => {
    const id = await through({ instead: html(500) }, 0);
    const platform = rig.connect({ baseUrls: { auth: 'http://127.0.0.1:1/oauth2/v1', fhir: 'http://127.0.0.1:1/fhir-r4/v1' } });
    await rig.startWorker('w2', { platform }).drain();
    expect(await rig.delivery(id)).toMatchObject({ state: 'ready', reason: 'platform-unavailable', attempts: 0 });
    rig.time.advance(900_000);
    await settled();
    expect(await rig.submission(id)).toMatchObject({ state: 'completed' });
  });
});
