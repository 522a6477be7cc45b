import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chance, type Fault, FaultDice } from '../../src/sandbox/faults.ts';
import { changeSettings, DEFAULT_SETTINGS, type FaultRates, type SandboxSettings } from '../../src/sandbox/settings.ts';
import { platformSid } from '../../src/terminology/systems.ts';
import { location, ORG, type Running, requestToken, startForTest } from './support.ts';

describe('FaultDice', () => {
  let faults: SandboxSettings['faults'];
  const set = (change: object): void => {
    faults = changeSettings({ ...DEFAULT_SETTINGS, faults }, { faults: change }).faults;
  };
  beforeEach(() => {
    faults = DEFAULT_SETTINGS.faults;
  });
  const run = (count: number, stepMs = 1): Array<Fault | undefined> => {
    const dice = new FaultDice(() => faults);
    return Array.from({ length: count }, (_, n) => dice.draw(n * stepMs, false));
  };
  const story = (drawn: Array<Fault | undefined>): string => drawn.map((fault) => `${fault?.action ?? ''}${fault?.status ?? ''}`).join(',');

  it('the same seed and the same requests meet the same faults; another seed others', () => {
    set({ seed: 7, rates: { dropBefore: 0.1, dropAfter: 0.1, truncate: 0.1, late: 0.1, expireToken: 0.1, html403: 0.1, status503: 0.02 } });
    const first = story(run(500));
    expect(story(run(500))).toBe(first);
    set({ seed: 8 });
    expect(story(run(500))).not.toBe(first);
  });

  it('each kind comes as often as its rate says', () => {
    const rates: Partial<FaultRates> = { dropBefore: 0.05, dropAfter: 0.1, truncate: 0.02, late: 0.03, expireToken: 0.04, html403: 0.01 };
    set({ rates });
    const count = 50_000;
    const drawn = run(count);
    const shareOf = (action: string) => drawn.filter((fault) => fault?.action === action).length / count;
    expect(shareOf('drop-before')).toBeCloseTo(0.05, 2);
    expect(shareOf('drop-after')).toBeCloseTo(0.1, 2);
    expect(shareOf('truncate')).toBeCloseTo(0.02, 2);
    expect(shareOf('late')).toBeCloseTo(0.03, 2);
    expect(shareOf('expire-token')).toBeCloseTo(0.04, 2);
    expect(shareOf('html-403')).toBeCloseTo(0.01, 2);
  });

  it('draws evenly, whatever the seed', () => {
    for (const seed of [0, 1, 2, 4_294_967_295]) {
      const tenths = Array.from({ length: 10 }, () => 0);
      for (let n = 0; n < 20_000; n++) {
        const tenth = Math.floor(chance(seed, n) * 10);
        tenths[tenth] = (tenths[tenth] ?? 0) + 1;
      }
      for (const count of tenths) expect(Math.abs(count - 2_000)).toBeLessThan(250);
    }
  });

  it('a spell has a beginning and a drawn length, and hits all in between', () => {
    set({ seed: 3, rates: { status503: 0.01 }, spellMinMs: 100, spellMaxMs: 200 });
    const statuses = run(20_000).map((fault) => fault?.status);
    const spells: number[] = [];
    for (let n = 0; n < statuses.length; n++) {
      let length = 0;
      while (statuses[n + length] === 503) length++;
      if (length > 0) spells.push(length);
      n += length;
    }
    expect(spells.length).toBeGreaterThan(30);
    // Two may touch.
    const single = spells.slice(0, -1).filter((length) => length < 205);
    expect(single.length).toBeGreaterThan(20);
    for (const length of single) expect(length).toBeGreaterThanOrEqual(100);
    expect(new Set(single).size).toBeGreaterThan(10);
  });

  it('a storm of 429 says when to come back only if told to; a step back of the clock ends it', () => {
    set({ rates: { status429: 1 }, retryAfterSeconds: 0 });
    const dice = new FaultDice(() => faults);
    expect(dice.draw(1000, false)).toEqual({ action: 'status', status: 429 });
    set({ rates: { status429: 0 }, retryAfterSeconds: 3 });
    expect(dice.draw(1001, false)).toEqual({ action: 'status', status: 429, retryAfter: 3 });
    expect(dice.draw(500, false)).toBeUndefined();
  });

  it('spares token requests when told to, without losing its place', () => {
    set({ rates: { dropBefore: 0.5 }, token: false });
    const [plain, mixed] = [new FaultDice(() => faults), new FaultDice(() => faults)];
    for (let n = 0; n < 50; n++) {
      const expected = plain.draw(n, false);
      expect(mixed.draw(n, n % 3 === 0)).toEqual(n % 3 === 0 ? undefined : expected);
    }
  });
});

describe('faults in the running platform', () => {
  let running: Running;
  beforeEach(async () => {
    running = await startForTest();
    await running.fhir('GET', `/Organization/${ORG}`);
  });
  afterEach(() => running.sandbox.stop());
  const order = (action: string, more: object = {}) =>
    running.send('POST', '/_sandbox/faults', { body: { match: { path: '/fhir-r4/v1/Location' }, action, ...more } });
  const rates = (change: Partial<FaultRates>, more: object = {}) =>
    running.send('PUT', '/_sandbox/settings', { body: { faults: { rates: change, ...more } } });
  const stored = async (value: string) =>
    (await running.fhir('GET', `/Location?identifier=${platformSid('location', ORG)}%7C${value}`)).body.total as number;
  const last = async () => (await running.send('GET', '/_sandbox/requests?limit=1')).body.requests[0];

  it('truncate: half an answer under its whole length, and it is stored', async () => {
    await order('truncate');
    await expect(running.fhir('POST', '/Location', location('T-1'))).rejects.toThrow();
    expect(await last()).toMatchObject({ status: '201', fault: 'truncate' });
    expect(await stored('T-1')).toBe(1);
  });

  it('truncate: an answer without a body is cut too, none is left hanging', async () => {
    await running.send('POST', '/_sandbox/faults', { body: { match: {}, action: 'truncate' } });
    await expect(running.send('GET', '/fhir-r4/v1/Nonsense')).rejects.toThrow();
    expect(await last()).toMatchObject({ status: '404', fault: 'truncate' });
  });

  it('late: stored at once, answered later; a stop does not wait for it', async () => {
    await order('late', { delayMs: 300 });
    const begun = performance.now();
    const answer = running.fhir('POST', '/Location', location('T-2'));
    await expect.poll(() => stored('T-2')).toBe(1);
    expect(performance.now() - begun).toBeLessThan(250);
    expect((await answer).status).toBe(201);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(295);
    await order('late', { delayMs: 60_000 });
    const never = running.fhir('POST', '/Location', location('T-3')).catch(() => 'cut');
    await expect.poll(() => stored('T-3')).toBe(1);
    await running.sandbox.stop();
    expect(await never).toBe('cut');
  });

  it('drawn: dropped before, dropped after, 401 in mid-run, HTML, storms', async () => {
    await rates({ dropBefore: 1 }, { token: false });
    await expect(running.fhir('POST', '/Location', location('T-4'))).rejects.toThrow();
    await rates({ dropBefore: 0, dropAfter: 1 });
    await expect(running.fhir('POST', '/Location', location('T-5'))).rejects.toThrow();
    await rates({ dropAfter: 0, html403: 1 });
    expect((await running.fhir('GET', '/Location')).headers.get('content-type')).toMatch(/^text\/html/);
    await rates({ html403: 0, status429: 1 }, { spellMinMs: 1000, spellMaxMs: 1000, retryAfterSeconds: 4 });
    expect((await running.fhir('GET', '/Location')).headers.get('retry-after')).toBe('4');
    await rates({ status429: 0 });
    expect((await running.fhir('GET', '/Location')).status).toBe(429);
    expect((await requestToken(running, 'client-b', 'secret-b')).status).toBe(200);
    running.time.now += 1000;
    expect([await stored('T-4'), await stored('T-5')]).toEqual([0, 1]);
    const other = await running.token('client-b', 'secret-b');
    await rates({ expireToken: 1 });
    expect((await running.fhir('GET', '/Location')).body.fault.faultstring).toBe('Access Token expired');
    await rates({ expireToken: 0 });
    expect((await running.fhir('GET', '/Location')).status).toBe(401);
    // Only the token of the request that was hit.
    expect((await running.send('GET', `/fhir-r4/v1/Organization/${ORG}`, { token: other })).status).not.toBe(401);
  });

  it('every answer waits for the latency', async () => {
    await running.send('PUT', '/_sandbox/settings', { body: { latencyMs: 60 } });
    const begun = performance.now();
    await running.fhir('GET', `/Organization/${ORG}`);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(58);
  });
});
