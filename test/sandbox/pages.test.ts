import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Arrivals } from '../../src/sandbox/arrivals.ts';
import { createClock } from '../../src/sandbox/clock.ts';
import { ResourceStore } from '../../src/sandbox/store.ts';
import { encounter, location, ORG, observation, PATIENT, type Running, requestToken, startForTest, visit } from './support.ts';

let running: Running;
beforeEach(async () => {
  running = await startForTest();
});
afterEach(() => running.sandbox.stop());
const requests = async (query = '') => (await running.send('GET', `/_sandbox/requests${query}`)).body.requests;

describe('what arrived', () => {
  it('with method, path, client, status, and who refused it by which rule and why', async () => {
    await requestToken(running, 'client-a', 'wrong');
    await running.send('GET', '/nowhere');
    await running.send('GET', '/fhir-r4/v1/Encounter', { token: 'made-up' });
    running.time.now += 60_000;
    const place = (await running.fhir('POST', '/Location', location('A-1'))).body.id;
    await running.fhir('POST', '/Location', location('A-1'));
    await running.fhir(
      'POST',
      '/Encounter',
      encounter('A-2', place, { period: { start: '2026-08-12T02:00:00+00:00', end: '2026-08-12T01:00:00+00:00' } }),
    );
    await running.fhir('GET', '/Encounter/none');
    const found = await requests('?refused');
    const shown = found.map(({ method, path, client, status, layer, rule, why }: Record<string, unknown>) => [
      method,
      path,
      client,
      status,
      layer,
      rule,
      why,
    ]);
    expect(shown.reverse()).toEqual([
      [
        'POST',
        '/oauth2/v1/accesstoken?grant_type',
        'client-a',
        '401',
        'token',
        undefined,
        expect.stringMatching(/^The user or system was not able/),
      ],
      ['GET', '/nowhere', undefined, '404', 'edge', undefined, 'wrong URL'],
      ['GET', '/fhir-r4/v1/Encounter', undefined, '401', 'gateway', undefined, 'Invalid Access Token'],
      ['POST', '/fhir-r4/v1/Location', 'client-a', '400', 'processor', 20002, 'Found duplicate: Location (RuleNumber: 20002)'],
      ['POST', '/fhir-r4/v1/Encounter', 'client-a', '400', 'store', undefined, expect.stringMatching(/^unparseable_resource · fhirpath/)],
      ['GET', '/fhir-r4/v1/Encounter/none', 'client-a', '404', 'store', undefined, 'storage_error · resource not found: Encounter/none'],
    ]);
    expect(await requests('?layer=processor&rule=20002&client=client-a&status=4&path=Loc&method=POST')).toHaveLength(1);
    expect(await requests('?status=2&limit=1')).toMatchObject([{ status: '201', path: '/fhir-r4/v1/Location' }]);
    const { refusals } = (await running.send('GET', '/_sandbox/overview')).body;
    expect(refusals).toContainEqual({ layer: 'processor', rule: 20002, status: '400', count: 1 });
  });

  it('without secrets, tokens, bodies and values of a query', async () => {
    const token = await running.token();
    await running.fhir('GET', '/Patient?identifier=https://fhir.kemkes.go.id/id/nik%7C9900000000000001');
    await running.fhir('GET', `/Observation/9900000000000001`);
    await running.fhir('POST', '/Encounter', { ...encounter('9900000000000001', 'x'), status: '9900000000000001' });
    await running.send('PUT', '/_sandbox/clients/c', { body: { clientSecret: 'secret-c', organizationId: ORG } });
    for (const page of ['', 'requests', 'requests?format=html', 'overview', 'counts', 'clients', 'settings', 'faults']) {
      const { status, text } = await running.send('GET', `/_sandbox/${page}`);
      expect([page, status]).toEqual([page, 200]);
      for (const hidden of ['secret-a', 'secret-c', token, '9900000000000001"', 'Code not found: &#39;9900'])
        expect([page, text.includes(hidden)]).toEqual([page, false]);
    }
  });

  it('as a page, Indonesian first, with whatever was sent kept as text', async () => {
    await running.fhir('POST', '/Encounter', { ...encounter('H-1', 'x'), class: { system: '<img src=x onerror=alert(1)>', code: 'AMB' } });
    await requestToken(running, '<b>"bold"</b>', 'x');
    for (const at of ['/_sandbox', '/_sandbox/', '/_sandbox/requests?format=html']) {
      const { status, headers, text } = await running.send('GET', at);
      expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
      expect(text).toContain('<html lang="id">');
      expect(text).not.toMatch(/<img|<b>/);
      expect(text).toContain('&#60;img src=x');
    }
    expect((await running.send('GET', '/_sandbox/')).text).toMatch(/Mengapa ditolak <span class="en">\/ Why refused/);
  });

  it('is kept up to a bound; the counts go on', () => {
    const arrivals = new Arrivals();
    const arrival = { at: '', method: 'GET', path: '/', status: '200' };
    for (let n = 0; n < 50_000; n++) arrivals.add('GET other', arrival);
    const kept = arrivals.list(() => true, 100_000);
    expect(kept.length).toBeLessThan(4_000);
    expect([kept[0]?.number, kept.at(-1)?.number]).toEqual([50_000, 50_001 - kept.length]);
    expect(arrivals.report()).toMatchObject({ total: 50_000, byRoute: { 'GET other': { 200: 50_000 } } });
  });
});

describe('read lag', () => {
  it('hides a new resource from reads and searches, not from references and the duplicate rule', async () => {
    await running.send('PUT', '/_sandbox/settings', { body: { readLagMs: 5_000 } });
    // The Organizations of the start are older.
    running.time.now += 5_000;
    const place = (await running.fhir('POST', '/Location', location('L-1'))).body.id;
    const stored = await running.fhir('POST', '/Encounter', encounter('L-2', place));
    expect(stored.status).toBe(201);
    const search = async () =>
      (await running.fhir('GET', `/Encounter?identifier=http://sys-ids.kemkes.go.id/encounter/${ORG}%7CL-2`)).body.total as number;
    const bySubject = async () => (await running.fhir('GET', `/Encounter?subject=${PATIENT}`)).body.total as number;
    expect([(await running.fhir('GET', `/Encounter/${stored.body.id}`)).status, await search(), await bySubject()]).toEqual([404, 0, 0]);
    expect((await running.fhir('POST', '/Encounter', encounter('L-2', place))).body.issue[0].code).toBe('duplicate');
    expect((await running.send('GET', '/_sandbox/counts')).body.resources.Encounter).toBe(1);
    running.time.now += 4_999;
    expect(await search()).toBe(0);
    running.time.now += 1;
    expect([(await running.fhir('GET', `/Encounter/${stored.body.id}`)).status, await search(), await bySubject()]).toEqual([200, 1, 1]);
    // A new version is no new resource.
    const changed = { ...stored.body, status: 'in-progress', priority: { text: 'x' } };
    await running.fhir('PUT', `/Encounter/${stored.body.id}`, changed);
    expect((await running.fhir('GET', `/Encounter/${stored.body.id}`)).body.priority).toEqual({ text: 'x' });
  });
});

describe('dump', () => {
  it('of one type, and empty', async () => {
    const { encounter: reference } = await visit(running);
    await running.fhir('POST', '/Observation', observation(reference));
    const { text } = await running.send('GET', '/_sandbox/dump?type=Observation');
    expect(
      text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).resourceType),
    ).toEqual(['Observation']);
    expect((await running.send('GET', '/_sandbox/dump?type=Observation&format=json')).body).toHaveLength(1);
    expect((await running.send('GET', '/_sandbox/dump?type=Task&format=json')).text).toBe('[]');
  });
});

describe('ResourceStore', () => {
  it('finds by identifier and by reference among many', () => {
    const store = new ResourceStore(createClock());
    const body = (n: number) => ({
      identifier: [{ system: 's', value: `v-${n}` }],
      encounter: { reference: `Encounter/${Math.floor(n / 8)}` },
      note: [{ text: 'x'.repeat(400) }],
    });
    for (let n = 0; n < 16_000; n += 8) {
      const drafts = Array.from({ length: 8 }, (_, k) => ({ resourceType: 'Observation', id: `o-${n + k}`, body: body(n + k) }));
      store.commit(drafts, store.nextVersion());
    }
    expect(store.counts()).toEqual({ Observation: 16_000 });
    for (let n = 0; n < 16_000; n += 1_000) {
      expect(store.withIdentifier('Observation', `s|v-${n}`).map(({ id }) => id)).toEqual([`o-${n}`]);
      expect(store.referringTo('Observation', `Encounter/${n / 8}`)).toHaveLength(8);
    }
    let bytes = 0;
    for (const text of store.texts()) bytes += text.length;
    expect(bytes).toBeGreaterThan(8_000_000);
  });

  it('a new version is found by what it says now, no longer by what it said', () => {
    const store = new ResourceStore(createClock());
    const put = (id: string, value: string, reference: string) =>
      store.commit(
        [{ resourceType: 'Condition', id, body: { identifier: [{ system: 's', value }], subject: { reference } } }],
        store.nextVersion(),
      );
    for (const id of ['1', '2', '3']) put(id, id, 'Patient/a');
    put('2', 'two', 'Patient/b');
    expect(store.withIdentifier('Condition', 's|2')).toEqual([]);
    expect(store.withIdentifier('Condition', 's|two').map(({ id }) => id)).toEqual(['2']);
    expect(store.referringTo('Condition', 'Patient/a').map(({ id }) => id)).toEqual(['3', '1']);
    expect(store.list('Condition').map(({ id }) => id)).toEqual(['2', '3', '1']);
    expect(store.counts()).toEqual({ Condition: 3 });
  });
});
