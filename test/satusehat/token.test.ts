import { afterEach, describe, expect, it } from 'vitest';
import { createOwnState } from '../../src/satusehat/shared-state.ts';
import { createTokens } from '../../src/satusehat/token.ts';
import { createTransport } from '../../src/satusehat/transport.ts';
import { json, type Script, scriptedServer, tokenBody } from './scripted-server.ts';
import { virtualTime } from './virtual-time.ts';

const closing: Array<() => Promise<void> | void> = [];
afterEach(async () => {
  for (const close of closing.splice(0)) {
    await close();
  }
});

async function setUp(script: Script, credential = { organizationId: '1', clientId: 'client-a', secret: 's3cret&x' }) {
  const server = await scriptedServer(script);
  const time = virtualTime();
  const transport = createTransport({ timeoutMs: 2_000, maxSockets: 4 });
  closing.push(() => transport.close(), server.close);
  let current: typeof credential | undefined = credential;
  const shared = createOwnState(time.clock);
  /** Another call is another process. */
  const another = () =>
    createTokens({
      authUrl: `${server.url}/oauth2/v1`,
      transport,
      credential: async () => current,
      shared,
      cover: {
        seal: (name, clear) => `${name}/${[...clear].reverse().join('')}`,
        open: (name, sealed) => [...sealed.slice(name.length + 1)].reverse().join(''),
      },
      clock: time.clock,
      monotonic: time.clock,
      delay: async (ms) => {
        time.advance(ms);
        await new Promise((resolve) => setTimeout(resolve, 1));
      },
      timeoutMs: 2_000,
    });
  return {
    server,
    time,
    shared,
    another,
    tokens: another(),
    setCredential(next: typeof credential | undefined) {
      current = next;
    },
  };
}

describe('createTokens', () => {
  it('asks as the platform wants it: grant type in the query, the rest in the form', async () => {
    const { server, tokens } = await setUp((_, response) => json(response, 200, tokenBody('t1')));
    expect(await tokens.get('P1')).toMatchObject({ kind: 'token', value: 't1' });
    expect(server.seen[0]).toMatchObject({
      method: 'POST',
      url: '/oauth2/v1/accesstoken?grant_type=client_credentials',
      body: 'client_id=client-a&client_secret=s3cret%26x',
    });
    expect(server.seen[0]?.headers['content-type']).toContain('application/x-www-form-urlencoded');
  });

  it('shares one request among parallel callers and keeps the token until a minute before its end', async () => {
    const { server, tokens, time } = await setUp((_, response, count) => json(response, 200, tokenBody(`t${count}`)));
    const answers = await Promise.all(Array.from({ length: 20 }, () => tokens.get('P1')));
    expect(new Set(answers.map((answer) => answer.kind === 'token' && answer.value))).toEqual(new Set(['t1']));
    time.advance(3_539_000 - 1);
    expect(await tokens.get('P1')).toMatchObject({ kind: 'token', value: 't1' });
    time.advance(1);
    expect(await tokens.get('P1')).toMatchObject({ kind: 'token', value: 't2' });
    expect(server.seen).toHaveLength(2);
  });

  it('does not try again within a minute after a refused one, and does after it', async () => {
    const { server, tokens, time } = await setUp((_, response, count) =>
      count === 1
        ? json(response, 401, { ErrorCode: 'invalid_client', Error: 'ClientId is Invalid' })
        : json(response, 200, tokenBody('t2')),
    );
    expect(await tokens.get('P1')).toMatchObject({ kind: 'unauthorised', afterMs: 60_000 });
    time.advance(59_999);
    expect(await tokens.get('P1')).toMatchObject({ kind: 'unauthorised', afterMs: 1 });
    expect(server.seen).toHaveLength(1);
    time.advance(1);
    expect(await tokens.get('P1')).toMatchObject({ kind: 'token', value: 't2' });
  });

  it('is not held by the penalty of another client id: a mended credential is tried at once', async () => {
    const { tokens, setCredential } = await setUp((request, response) =>
      request.body.includes('client-b') ? json(response, 200, tokenBody('b')) : json(response, 401, { ErrorCode: 'invalid_client' }),
    );
    expect((await tokens.get('P1')).kind).toBe('unauthorised');
    setCredential({ organizationId: '1', clientId: 'client-b', secret: 'x' });
    expect(await tokens.get('P1')).toMatchObject({ kind: 'token', value: 'b' });
  });

  it('tells the rate limit of tokens from wrong credentials by its text', async () => {
    const text =
      'Authentication temporarily cannot be performed due to the rate limit policy. Rate limit: 1 request per minute after a failed attempt.';
    const { tokens, server } = await setUp((_, response) =>
      json(response, 401, { resourceType: 'OperationOutcome', issue: [{ severity: 'invalid', code: 'value', details: { text } }] }),
    );
    expect(await tokens.get('P1')).toEqual({ kind: 'retry', afterMs: 60_000 });
    expect((await tokens.get('P1')).kind).toBe('retry');
    expect(server.seen).toHaveLength(1);
  });

  it.each([
    [
      'a gateway timeout',
      (response: Parameters<Script>[1]) => response.writeHead(504, { 'content-type': 'text/plain' }).end('Gateway Timeout'),
    ],
    ['a broken connection', (response: Parameters<Script>[1]) => response.destroy()],
    [
      'a page of the firewall',
      (response: Parameters<Script>[1]) => response.writeHead(403, { 'content-type': 'text/html' }).end('<!doctype html>'),
    ],
    ['an answer that is not JSON', (response: Parameters<Script>[1]) => response.writeHead(200).end('{"access_token": "x')],
    ['an answer without token', (response: Parameters<Script>[1]) => json(response, 200, { status: 'approved' })],
  ])('%s is no refusal: the next caller tries again', async (_, fault) => {
    const { tokens } = await setUp((_request, response, count) => (count === 1 ? fault(response) : json(response, 200, tokenBody('t2'))));
    expect(await tokens.get('P1')).toEqual({ kind: 'unavailable' });
    expect(await tokens.get('P1')).toMatchObject({ kind: 'token', value: 't2' });
  });

  it('drops a rejected token once, however many callers report it', async () => {
    const { server, tokens } = await setUp((_, response, count) => json(response, 200, tokenBody(`t${count}`)));
    await tokens.get('P1');
    await tokens.reject('P1', 't1');
    await tokens.get('P1');
    await tokens.reject('P1', 't1');
    expect(await tokens.get('P1')).toMatchObject({ kind: 'token', value: 't2' });
    expect(server.seen).toHaveLength(2);
  });

  it.each([
    ['unavailable', 504],
    ['refused', 401],
  ])('one who was too slow to ask and was %s leaves the token of the process that asked after it', async (_, status) => {
    let late = () => {};
    const { tokens, another, shared, time } = await setUp((_request, response, count) => {
      if (count === 1) late = () => json(response, status, { ErrorCode: 'invalid_client' });
      else json(response, 200, tokenBody(`t${count}`));
    });
    const slow = tokens.get('P1');
    while ((await shared.read('token:client-a')).value === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise((resolve) => setTimeout(resolve, 50));
    time.advance(2_001);
    expect(await another().get('P1')).toMatchObject({ value: 't2' });
    late();
    await slow;
    expect(await another().get('P1')).toMatchObject({ value: 't2' });
  });

  it('without a credential it asks nobody', async () => {
    const { server, tokens, setCredential } = await setUp((_, response) => json(response, 200, tokenBody('t')));
    setCredential(undefined);
    expect(await tokens.get('P1')).toEqual({ kind: 'no-account' });
    expect(server.seen).toHaveLength(0);
  });

  it('is one for all processes, and what they share does not show it', async () => {
    const { server, tokens, another, shared } = await setUp((_, response, count) => json(response, 200, tokenBody(`secret-${count}`)));
    const others = Array.from({ length: 4 }, another);
    const answers = await Promise.all([tokens, ...others].map((each) => each.get('P1')));
    expect(new Set(answers.map((answer) => answer.kind === 'token' && answer.value))).toEqual(new Set(['secret-1']));
    expect(server.seen).toHaveLength(1);
    expect((await shared.read('token:client-a')).value).not.toContain('secret-1');
    await tokens.reject('P1', 'secret-1');
    // A process that has not heard of it reports it too, and gets the new one.
    expect(await tokens.get('P1')).toMatchObject({ value: 'secret-2' });
    await others[0]?.reject('P1', 'secret-1');
    expect(await others[0]?.get('P1')).toMatchObject({ value: 'secret-2' });
    expect(server.seen).toHaveLength(2);
  });

  it('a penalty holds for all processes, and for one that has just started', async () => {
    const { server, tokens, another, time } = await setUp((_, response, count) =>
      count === 1 ? json(response, 401, { ErrorCode: 'invalid_client' }) : json(response, 200, tokenBody('t2')),
    );
    expect(await tokens.get('P1')).toMatchObject({ kind: 'unauthorised' });
    time.advance(20_000);
    expect(await another().get('P1')).toMatchObject({ kind: 'unauthorised', afterMs: 40_000 });
    expect(server.seen).toHaveLength(1);
    time.advance(40_000);
    expect(await another().get('P1')).toMatchObject({ kind: 'token', value: 't2' });
  });

  it('one who died while asking is waited for only as long as a request may take; a clock set back holds up nobody', async () => {
    const { tokens, another, shared, time } = await setUp((_, response) => json(response, 200, tokenBody('t')));
    await shared.write('token:client-a', JSON.stringify({ askingUntil: time.clock() + 2_000 }), null);
    const before = time.clock();
    expect(await tokens.get('P1')).toMatchObject({ value: 't' });
    expect(time.clock() - before).toBeGreaterThanOrEqual(2_000);
    expect(time.clock() - before).toBeLessThan(2_500);
    const { version } = await shared.read('token:client-a');
    await shared.write('token:client-a', JSON.stringify({ askingUntil: time.clock() + 3_600_000 }), version);
    expect(await another().get('P1')).toMatchObject({ value: 't' });
  });

  it('what it cannot read of the others is as if it were not there', async () => {
    const { tokens, another, shared, time } = await setUp((_, response, count) => json(response, 200, tokenBody(`t${count}`)));
    await shared.write('token:client-a', 'nonsense', null);
    expect(await tokens.get('P1')).toMatchObject({ value: 't1' });
    const broken = createTokens({
      authUrl: 'http://127.0.0.1:1',
      transport: createTransport({ timeoutMs: 200, maxSockets: 1 }),
      credential: async () => ({ organizationId: '1', clientId: 'client-a', secret: 'x' }),
      shared,
      cover: {
        seal: (_name, clear) => clear,
        open: () => {
          throw new Error('another key');
        },
      },
      clock: time.clock,
      monotonic: time.clock,
      delay: async () => {},
      timeoutMs: 200,
    });
    expect(await broken.get('P1')).toEqual({ kind: 'unavailable' });
    expect(await another().get('P1')).toMatchObject({ kind: 'token', value: 't2' });
  });
});
