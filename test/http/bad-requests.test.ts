import http from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Running, register, runService, visit } from './running-service.ts';

const NIK = '3329010101900001';
const NAME = 'Rahasia Namanya';

let running: Running;
let key: string;

beforeAll(async () => {
  running = await runService();
  key = await running.client('vendor', { sourceSystems: ['simpus'], facilities: ['P1'] });
  await register(running, await running.client('dinas'));
});
afterAll(() => running.stop());

async function send(body: NonNullable<RequestInit['body']>, headers: Record<string, string> = {}, where = '/api/v1/encounters') {
  const response = await fetch(`${running.url}${where}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    body,
    duplex: 'half',
  } as RequestInit);
  return { status: response.status, text: await response.text(), headers: response.headers };
}

const secret = JSON.stringify(visit('K-1', { person: { nik: NIK, inline: { nik: NIK, name: NAME } } }));
const deep = `{"person":{"nik":"${NIK}"},"a":${'['.repeat(10_000)}${']'.repeat(10_000)}}`;
const huge = JSON.stringify({ nik: NIK, filler: 'x'.repeat(11 * 1_048_576) });

describe('a faulty request', () => {
  it.each([
    ['broken JSON', () => send(secret.slice(0, -4)), 400, 'json-syntax'],
    ['no record', () => send('[]'), 400, 'empty-body'],
    ['an 11 MB body', () => send(huge), 413, 'body-size'],
    ['an 11 MB body of unknown length', () => send(new Blob([huge]).stream(), {}), 413, 'body-size'],
    ['a gzip bomb', () => send(gzipSync(Buffer.alloc(200 * 1_048_576, 0x20)), { 'content-encoding': 'gzip' }), 413, 'body-size'],
    ['10,000-deep nesting', () => send(deep), 400, 'json-depth'],
    ['bytes that are not UTF-8', () => send(Buffer.concat([Buffer.from(secret), Buffer.from([0xff])])), 400, 'encoding'],
    ['a wrong content type', () => send(secret, { 'content-type': 'text/xml' }), 415, 'content-type'],
    ['another charset', () => send(secret, { 'content-type': 'application/json; charset=latin1' }), 415, 'content-type'],
    ['CSV at a door that has none', () => send('a,b\n', { 'content-type': 'text/csv' }), 415, 'content-type'],
    ['an unknown content encoding', () => send(secret, { 'content-encoding': 'br' }), 415, 'content-type'],
    ['a list of numbers', () => send('[1,2]'), 400, 'json-syntax'],
    ['a wrong flag', () => send(secret, {}, `/api/v1/encounters?dryRun=${NIK}`), 400, 'parameter'],
    ['no key', () => send(secret, { authorization: '' }), 401, 'unauthenticated'],
    ['an unknown key', () => send(secret, { authorization: 'Bearer 0123456789abcdef' }), 401, 'unauthenticated'],
    ['a foreign source system', () => send(JSON.stringify(visit('K-1', { sourceSystem: 'other' }))), 403, 'forbidden-source-system'],
    ['a foreign facility', () => send(JSON.stringify([visit('K-1'), visit('K-2', { facilityCode: 'P2' })])), 403, 'forbidden-facility'],
    ['an address that is none', () => send(secret, {}, '/api/v1/patients'), 404, 'not-found'],
  ])('%s is a 4xx in two languages that stores nothing and echoes nothing', async (_name, request, status, code) => {
    const { store } = running.service;
    const before = (await store.submissionFeed(context, { limit: 1000 })).length;
    const answer = await request();
    expect([answer.status, JSON.parse(answer.text).error.code]).toEqual([status, code]);
    const { text, requestId } = JSON.parse(answer.text).error;
    expect(text.id.length).toBeGreaterThan(5);
    expect(text.en.length).toBeGreaterThan(5);
    expect(requestId).toBe(answer.headers.get('x-request-id'));
    expect(answer.text).not.toContain(NIK);
    expect(answer.text).not.toContain(NAME);
    expect((await store.submissionFeed(context, { limit: 1000 })).length).toBe(before);
    if (status !== 404) {
      const audits = await store.audits({ limit: 5 });
      expect(audits.some((row) => row.code === code && row.outcome === 'refused')).toBe(true);
    }
    expect(JSON.stringify(await store.audits({ limit: 1000 }))).not.toContain(NIK);
  });

  it('a scope that is missing is named', async () => {
    const reader = await running.client('reader', { scopes: ['intake:read'] });
    const answer = await running.post('encounters', visit('K-1'), reader);
    expect([answer.status, answer.body.error.code]).toEqual([403, 'forbidden-scope']);
    expect(answer.body.error.text.en).toContain('intake:write');
  });

  it('a revoked key is unknown', async () => {
    const gone = await running.client('gone');
    await running.service.store.revokeClient('gone', '2026-01-02T00:00:00.000Z');
    expect((await running.post('encounters', visit('K-1'), gone)).status).toBe(401);
  });

  it('a method that an address does not have says which it has', async () => {
    const response = await fetch(`${running.url}/api/v1/encounters`, { method: 'DELETE', headers: { authorization: `Bearer ${key}` } });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
  });

  it('below /fhir the answer is an OperationOutcome', async () => {
    const { status, body } = await running.get('/fhir/Patient/1');
    expect([status, body.resourceType]).toEqual([401, 'OperationOutcome']);
  });

  it('wrong types of every field are refused record by record, naming the fields', async () => {
    const wrong = { ...visit('K-9'), start: { a: 1 }, vitals: 'x', services: 7, person: [], end: true };
    const { status, body } = await running.post('encounters', wrong, key);
    expect(status).toBe(422);
    const fields = body.receipts[0].issues.map((issue: { field: string }) => issue.field);
    expect(fields).toEqual(expect.arrayContaining(['start', 'vitals', 'services', 'person']));
  });

  it('prototype keys are plain keys', async () => {
    const body = secret.replace('{', '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},');
    expect((await send(body)).status).toBe(422);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it('an inbound request id is taken over only if it is safe', async () => {
    const idOf = async (id: string) =>
      (await fetch(`${running.url}/healthz`, { headers: { 'x-request-id': id } })).headers.get('x-request-id');
    expect(await idOf('abc-123')).toBe('abc-123');
    expect(await idOf(NIK)).not.toBe(NIK);
    expect(await idOf('a'.repeat(65))).not.toBe('a'.repeat(65));
  });

  it('a sender that goes away in the middle leaves the service serving', async () => {
    const { port } = new URL(running.url);
    await new Promise<void>((resolve) => {
      const request = http.request({
        port,
        path: '/api/v1/encounters',
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/x-ndjson' },
      });
      request.on('error', () => resolve());
      request.write(`${JSON.stringify(visit('K-gone'))}\n{"sourceId":`);
      setImmediate(() => request.destroy(new Error('gone')));
    });
    expect((await running.get('/healthz')).status).toBe(200);
  });
});

const context = { client: 'test', facilities: 'all', purpose: 'intake' } as const;
