import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { platformSid } from '../../src/terminology/systems.ts';
import { encounter, location, ORG, observation, type Running, requestToken, startForTest, visit } from './support.ts';

let running: Running;
beforeEach(async () => {
  running = await startForTest();
});
afterEach(() => running.sandbox.stop());

const order = (fault: object) => running.send('POST', '/_sandbox/faults', { body: fault });
const stored = async (value: string) =>
  (await running.fhir('GET', `/Location?identifier=${platformSid('location', ORG)}%7C${value}`)).body.total as number;

describe('faults', () => {
  it('drop-after stores and then cuts the connection', async () => {
    await order({ match: { method: 'POST', path: '/fhir-r4/v1/Location' }, action: 'drop-after' });
    await expect(running.fhir('POST', '/Location', location('F-1'))).rejects.toThrow();
    expect(await stored('F-1')).toBe(1);
    expect((await running.fhir('POST', '/Location', location('F-2'))).status).toBe(201);
  });

  it('drop-before cuts the connection and stores nothing', async () => {
    await order({ match: { method: 'post' }, action: 'drop-before' });
    await expect(running.send('POST', '/fhir-r4/v1/Location', { body: location('F-3') })).rejects.toThrow();
    expect(await stored('F-3')).toBe(0);
  });

  it('status answers in the shape of the layer that fails', async () => {
    await running.fhir('GET', `/Organization/${ORG}`);
    const hit = async (status: number, retryAfter?: number) => {
      await order({ match: { path: '/fhir-r4/v1/*' }, action: 'status', status, ...(retryAfter !== undefined && { retryAfter }) });
      const answer = await running.fhir('POST', '/Location', location('F-4'));
      return {
        status: answer.status,
        text: answer.text,
        type: answer.headers.get('content-type'),
        retry: answer.headers.get('retry-after'),
      };
    };
    expect(await hit(503)).toEqual({ status: 503, text: 'no healthy upstream', type: 'text/plain', retry: null });
    expect(await hit(504)).toEqual({ status: 504, text: 'Gateway Timeout', type: 'text/plain', retry: null });
    const limited = await hit(429, 7);
    expect(limited).toMatchObject({ status: 429, retry: '7', type: 'application/json' });
    expect(JSON.parse(limited.text)).toEqual({
      fault: {
        faultstring: 'Rate limit quota violation. Quota limit  exceeded. Identifier : _default',
        detail: { errorcode: 'policies.ratelimit.QuotaViolation' },
      },
    });
    expect(JSON.parse((await hit(500)).text)).toEqual({
      resourceType: 'OperationOutcome',
      issue: [{ severity: 'error', code: 'exception', details: { text: 'An unexpected internal error has occurred.' } }],
    });
    expect(await stored('F-4')).toBe(0);
  });

  it('begin at the nth match, last for times, and can be withdrawn', async () => {
    await running.fhir('GET', `/Organization/${ORG}`);
    await order({ match: { method: 'GET', path: `/fhir-r4/v1/Organization/${ORG}`, nth: 2 }, action: 'status', status: 503, times: 2 });
    const statuses = [];
    for (let n = 0; n < 5; n++) statuses.push((await running.fhir('GET', `/Organization/${ORG}`)).status);
    expect(statuses).toEqual([200, 503, 503, 200, 200]);
    await order({ match: {}, action: 'drop-before', times: 9 });
    expect((await running.send('GET', '/_sandbox/faults')).body.faults).toHaveLength(1);
    expect((await running.send('DELETE', '/_sandbox/faults')).status).toBe(204);
    expect((await running.fhir('GET', `/Organization/${ORG}`)).status).toBe(200);
  });

  it('expire-tokens makes every token of before expire', async () => {
    await running.fhir('GET', `/Organization/${ORG}`);
    await order({ match: { path: '/fhir-r4/v1/Location' }, action: 'expire-tokens' });
    const answer = await running.fhir('POST', '/Location', location('F-5'));
    expect({ status: answer.status, fault: answer.body.fault.faultstring }).toEqual({ status: 401, fault: 'Access Token expired' });
    const token = await running.token();
    expect((await running.send('POST', '/fhir-r4/v1/Location', { token, body: location('F-5') })).status).toBe(201);
  });

  it('hit the token endpoint too, and delay hands the request on', async () => {
    await order({ match: { path: '/oauth2/v1/accesstoken' }, action: 'status', status: 503 });
    expect((await requestToken(running, 'client-a', 'secret-a')).status).toBe(503);
    await order({ match: { path: '/oauth2/v1/accesstoken' }, action: 'delay', delayMs: 1 });
    expect((await requestToken(running, 'client-a', 'secret-a')).status).toBe(200);
  });

  it('are refused with the field to mend', async () => {
    const wrong: ReadonlyArray<readonly [unknown, string]> = [
      [[], 'body: a JSON object is needed'],
      [
        { match: {}, action: 'explode' },
        'action: one of drop-after, drop-before, status, delay, expire-tokens, truncate, late, html-403, partial',
      ],
      [{ match: {}, action: 'status', status: 200 }, 'status: 429, 500, 502, 503 or 504'],
      [{ match: { nth: 0 }, action: 'drop-after' }, 'match.nth: a whole number from 1'],
      ['{', 'body: not JSON'],
    ];
    for (const [body, error] of wrong) {
      const answer = await running.send('POST', '/_sandbox/faults', { body });
      expect({ status: answer.status, body: answer.body }).toEqual({ status: 400, body: { error } });
    }
  });
});

describe('pages', () => {
  it('dump every stored resource raw, one a line or as a list', async () => {
    const { encounter } = await visit(running);
    await running.fhir('POST', '/Observation', observation(encounter));
    const lines = await running.send('GET', '/_sandbox/dump');
    expect(lines.headers.get('content-type')).toBe('application/x-ndjson');
    const resources = lines.text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(resources.map((resource) => resource.resourceType).sort()).toEqual([
      'Encounter',
      'Location',
      'Observation',
      'Organization',
      'Organization',
    ]);
    expect((await running.send('GET', '/_sandbox/dump?format=json')).body).toEqual(resources);
  });

  it('count resources by type and requests by status and route', async () => {
    await running.fhir('POST', '/Location', location('K-1'));
    await running.fhir('POST', '/Location', location('K-1'));
    await running.fhir('GET', '/Location/none');
    await order({ match: {}, action: 'drop-before' });
    await running.fhir('GET', '/Location').catch(() => undefined);
    const { body } = await running.send('GET', '/_sandbox/counts');
    expect(body).toEqual({
      resources: { Location: 1, Organization: 2 },
      requests: {
        total: 5,
        byStatus: { 200: 1, 201: 1, 400: 1, 404: 1, dropped: 1 },
        byRoute: {
          'POST accesstoken': { 200: 1 },
          'POST Location': { 201: 1, 400: 1 },
          'GET Location/{id}': { 404: 1 },
          'GET Location': { dropped: 1 },
        },
      },
    });
  });

  it('reset all but people and clients', async () => {
    await running.fhir('POST', '/Location', location('K-2'));
    await order({ match: {}, action: 'drop-before' });
    expect((await running.send('POST', '/_sandbox/reset')).status).toBe(204);
    expect((await running.send('GET', '/_sandbox/counts')).body).toEqual({
      resources: { Organization: 2 },
      requests: { total: 0, byStatus: {}, byRoute: {} },
    });
    const token = await running.token();
    expect((await running.send('GET', '/fhir-r4/v1/Patient/P00000000001', { token })).status).toBe(200);
  });

  it('set the clock at an instant, from which it runs on; tokens, quotas and date rules follow', async () => {
    const { location: place } = await visit(running, 'C-1');
    const future = encounter('C-2', place, { period: { start: '2026-09-01T01:00:00+00:00' }, statusHistory: [] });
    expect((await running.fhir('POST', '/Encounter', future)).body.issue[0].details.text).toMatch(/Future Date/);
    const at = '2026-09-01T02:00:00.000Z';
    expect((await running.send('PUT', '/_sandbox/clock', { body: { now: at } })).body).toEqual({ now: at });
    running.time.now += 500;
    expect((await running.send('GET', '/_sandbox/clock')).body).toEqual({ now: '2026-09-01T02:00:00.500Z' });
    expect((await running.fhir('GET', `/Organization/${ORG}`)).status).toBe(401);
    const token = await running.token();
    const accepted = await running.send('POST', '/fhir-r4/v1/Encounter', { token, body: future });
    expect([accepted.status, accepted.body.meta?.lastUpdated]).toEqual([201, expect.stringMatching(/^2026-09-01T02:00:00/)]);
    // Versions go forward even where the clock goes back.
    await running.send('PUT', '/_sandbox/clock', { body: { offsetMs: 0 } });
    const version = (text: string) => BigInt(Buffer.from(text, 'base64').toString());
    const later = await running.fhir('POST', '/Location', location('C-3'));
    expect(version(later.body.meta.versionId)).toBeGreaterThan(version(accepted.body.meta.versionId));
  });

  it('move the clock', async () => {
    await running.fhir('GET', `/Organization/${ORG}`);
    const moved = await running.send('POST', '/_sandbox/clock', { body: { offsetMs: 3_600_000 } });
    expect(moved.body).toEqual({ now: '2026-08-12T04:00:00.000Z' });
    expect((await running.fhir('GET', `/Organization/${ORG}`)).status).toBe(401);
    const wrong = await running.send('POST', '/_sandbox/clock', { body: { offsetMs: 'x' } });
    expect({ status: wrong.status, body: wrong.body }).toEqual({
      status: 400,
      body: { error: 'offsetMs: a whole number of milliseconds; or now: an instant' },
    });
  });
});
