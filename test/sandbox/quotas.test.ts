import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { QuotaDesk } from '../../src/sandbox/quota.ts';
import type { Quota } from '../../src/sandbox/settings.ts';
import { ORG, type Running, requestToken, startForTest } from './support.ts';

describe('QuotaDesk', () => {
  let quota: Quota | undefined;
  let desk: QuotaDesk;
  beforeEach(() => {
    quota = { requests: 3, perMs: 1000, retryAfter: true, window: 'fixed' };
    desk = new QuotaDesk(() => quota);
  });
  const passed = (from: number, to: number, step: number): number => {
    let count = 0;
    for (let now = from; now < to; now += step) if (desk.admit('a', now) === undefined) count++;
    return count;
  };

  it('fixed: a window begins at a multiple, so twice the quota may pass around its edge', () => {
    expect([desk.admit('a', 900), desk.admit('a', 910), desk.admit('a', 920), desk.admit('a', 930)]).toEqual([
      undefined,
      undefined,
      undefined,
      70,
    ]);
    expect(passed(1000, 1100, 10)).toBe(3);
  });

  it('sliding: never more than the quota in any stretch as long as the window', () => {
    quota = { requests: 3, perMs: 1000, retryAfter: true, window: 'sliding' };
    expect(passed(900, 930, 10)).toBe(3);
    expect([desk.admit('a', 1000), desk.admit('a', 1899), desk.admit('a', 1900), desk.admit('a', 1905)]).toEqual([900, 1, undefined, 5]);
    expect(passed(10_000, 200_000, 1)).toBe(190 * 3);
  });

  it('counts what there was room for, through a change in mid-run', () => {
    expect(desk.counts(0)).toEqual({});
    passed(0, 10_000, 100);
    expect(desk.counts(10_000)).toEqual({ a: { allowed: 30, accepted: 30, refused: 70 } });
    quota = { ...(quota as Quota), requests: 1 };
    passed(10_000, 20_000, 100);
    expect(desk.counts(20_000)).toEqual({ a: { allowed: 40, accepted: 40, refused: 160 } });
    quota = undefined;
    expect(passed(20_000, 21_000, 100)).toBe(10);
    expect(desk.counts(21_000)).toEqual({ a: { allowed: 40, accepted: 50, refused: 160 } });
  });

  it('a clock that steps back begins anew, for either window', () => {
    for (const window of ['fixed', 'sliding'] as const) {
      quota = { requests: 2, perMs: 1000, retryAfter: true, window };
      desk = new QuotaDesk(() => quota);
      expect(passed(100_000, 100_003, 1)).toBe(2);
      expect(passed(500, 503, 1)).toBe(2);
      expect(desk.counts(600).a).toMatchObject({ accepted: 4, refused: 2 });
    }
  });

  it('keeps clients apart', () => {
    passed(0, 10, 1);
    expect(desk.admit('b', 5)).toBeUndefined();
  });
});

describe('clients and quotas in the running platform', () => {
  let running: Running;
  beforeEach(async () => {
    running = await startForTest();
  });
  afterEach(() => running.sandbox.stop());
  const settings = (body: object) => running.send('PUT', '/_sandbox/settings', { body });
  const read = (token?: string) =>
    token === undefined ? running.fhir('GET', `/Organization/${ORG}`) : running.send('GET', `/fhir-r4/v1/Organization/${ORG}`, { token });
  const counts = async (id: string) =>
    (await running.send('GET', '/_sandbox/clients')).body.clients.find(({ clientId }: { clientId: string }) => clientId === id).requests;

  it('429 with and without Retry-After, per client, by the movable clock, changed unannounced', async () => {
    await settings({ quotas: { 'client-a': { requests: 2, perMs: 10_000 } } });
    const statuses = [];
    for (let n = 0; n < 3; n++) statuses.push((await read()).status);
    expect(statuses).toEqual([200, 200, 429]);
    const limited = await read();
    expect(limited.headers.get('retry-after')).toBe('10');
    expect(limited.body.fault.detail.errorcode).toBe('policies.ratelimit.QuotaViolation');
    expect((await read(await running.token('client-b', 'secret-b'))).status).toBe(200);
    await settings({ quotas: { 'client-a': { retryAfter: false } } });
    expect((await read()).headers.get('retry-after')).toBeNull();
    await settings({ quotas: { 'client-a': { requests: 4 } } });
    expect((await read()).status).toBe(200);
    await settings({ quotas: { 'client-a': { requests: 2 } }, clockOffsetMs: 10_000 });
    expect((await read()).status).toBe(200);
    expect(await counts('client-a')).toMatchObject({ accepted: 4, refused: 3 });
    expect(await counts('client-b')).toEqual({ allowed: null, accepted: 1, refused: 0 });
  });

  it('clients come, change and go', async () => {
    const put = (body: object) => running.send('PUT', '/_sandbox/clients/late', { body });
    expect((await requestToken(running, 'late', 'x')).status).toBe(401);
    await running.send('PUT', '/_sandbox/settings', { body: { tokenPenaltyMs: 0 } });
    running.time.now += 60_000;
    expect(await put({ clientSecret: 'x' })).toMatchObject({ status: 400, body: { error: expect.stringContaining('organizationId') } });
    expect(await put({ clientSecret: 'x', organizationId: '10000009', scopes: [] })).toMatchObject({ status: 400 });
    const added = await put({ clientSecret: 'x', organizationId: '10000009' });
    expect(added).toMatchObject({ status: 200, body: { clientId: 'late', organizationId: '10000009' } });
    expect(added.text).not.toContain('clientSecret');
    const token = await running.token('late', 'x');
    expect((await running.send('GET', '/fhir-r4/v1/Organization/10000009', { token })).status).toBe(200);

    await put({ clientSecret: 'y' });
    expect((await requestToken(running, 'late', 'x')).status).toBe(401);
    expect((await requestToken(running, 'late', 'y')).status).toBe(200);

    expect((await running.send('DELETE', '/_sandbox/clients/late')).status).toBe(204);
    const revoked = await read(token);
    expect([revoked.status, revoked.body.fault?.detail.errorcode]).toEqual([401, 'keymanagement.service.invalid_access_token']);
    expect((await requestToken(running, 'late', 'y')).body).toEqual({ ErrorCode: 'invalid_client', Error: 'ClientId is Invalid' });
    expect((await running.send('DELETE', '/_sandbox/clients/nobody')).status).toBe(404);
    await put({ revoked: false });
    expect((await requestToken(running, 'late', 'y')).status).toBe(200);
  });

  it('too many tokens within a minute are a failed attempt', async () => {
    await settings({ strictness: { tokensPerMinute: 2 } });
    const statuses = [];
    for (let n = 0; n < 4; n++) statuses.push((await requestToken(running, 'client-a', 'secret-a')).status);
    expect(statuses).toEqual([200, 200, 429, 429]);
    running.time.now += 59_000;
    expect((await requestToken(running, 'client-a', 'secret-a')).status).toBe(429);
    running.time.now += 1_000;
    expect((await requestToken(running, 'client-a', 'secret-a')).status).toBe(200);
  });
});
