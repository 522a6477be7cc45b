import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Encounter, Observation } from '@medplum/fhirtypes';
import { afterEach, describe, expect, it } from 'vitest';
import { createSatusehatPlatform } from '../../src/satusehat/platform.ts';
import { localSid } from '../../src/terminology/systems.ts';
import { json, type Script, scriptedServer, tokenBody } from './scripted-server.ts';
import { virtualTime } from './virtual-time.ts';

const A = '0b2f7b0e-5f0a-8c11-9a54-0d8f6a1c2b3d';
const B = '1c3f7b0e-5f0a-8c11-9a54-0d8f6a1c2b3e';
const encounter = {
  resourceType: 'Encounter',
  id: A,
  identifier: [{ system: localSid('encounter'), value: A }],
  subject: { reference: 'Patient/p1' },
} as Encounter & { id: string };
const weight = { resourceType: 'Observation', id: B, encounter: { reference: `Encounter/${A}` } } as Observation & { id: string };
const unit = { owner: 'P1', resources: [encounter, weight], ids: new Map([['Patient/p1', 'P100']]) };

const closing: Array<() => Promise<void> | void> = [];
afterEach(async () => {
  for (const close of closing.splice(0)) {
    await close();
  }
});

async function setUp(script: Script, options: { timeoutMs?: number; proxy?: string } = {}) {
  const server = await scriptedServer((request, response, count) =>
    request.url.startsWith('/oauth2') ? json(response, 200, tokenBody(`t${count}`)) : script(request, response, count),
  );
  const time = virtualTime();
  const platform = createSatusehatPlatform({
    environment: 'staging',
    baseUrls: { auth: `${server.url}/oauth2/v1`, fhir: `${server.url}/fhir-r4/v1` },
    credential: async () => ({ organizationId: '1', clientId: 'c', secret: 's' }),
    clock: time.clock,
    monotonic: time.clock,
    delay: time.delay,
    timeoutMs: 2_000,
    ...options,
  });
  closing.push(() => platform.close(), server.close);
  return { server, platform, time };
}

const accountAnswer = (url: string) =>
  url.includes('/Location')
    ? { resourceType: 'Bundle', type: 'searchset', total: 0 }
    : { resourceType: 'Organization', id: '1', name: 'Puskesmas Satu' };

const entry = (type: string, id: string) => ({
  response: {
    etag: 'W/"v"',
    location: `https://other.example/fhir-r4/v1/${type}/${id}/_history/MTcy`,
    resourceID: id,
    resourceType: type,
    status: '201 Created',
  },
});

describe('the platform over the wire', () => {
  it('sends a transaction with urn:uuid references and reads the non-standard answer', async () => {
    const { platform, server } = await setUp((_, response) =>
      json(response, 200, { resourceType: 'Bundle', entry: [entry('Encounter', 'e1'), entry('Observation', 'o1')] }),
    );
    expect(await platform.create(unit)).toEqual({
      kind: 'delivered',
      placed: [
        { reference: `Encounter/${A}`, platformId: 'e1', platformVersion: 'MTcy' },
        { reference: `Observation/${B}`, platformId: 'o1', platformVersion: 'MTcy' },
      ],
    });
    const sent = server.seen.at(-1);
    expect([sent?.method, sent?.url, sent?.headers.authorization]).toEqual(['POST', '/fhir-r4/v1', 'Bearer t1']);
    const bundle = JSON.parse(sent?.body ?? '');
    expect(bundle.entry[1]).toEqual({
      fullUrl: `urn:uuid:${B}`,
      resource: {
        resourceType: 'Observation',
        encounter: { reference: `urn:uuid:${A}` },
        // It came without one; what is sent without cannot be told from a copy.
        identifier: [{ system: 'http://sys-ids.kemkes.go.id/observation/1', value: B }],
      },
      request: { method: 'POST', url: 'Observation' },
    });
  });

  it.each<[string, Script]>([
    ['the connection breaks before an answer', (_, response) => response.destroy()],
    [
      'the connection breaks in the middle of the body',
      (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
        response.write('{"resourceType":"Bundle",');
        response.socket?.end();
      },
    ],
    ['the body is cut off', (_, response) => response.writeHead(200).end('{"resourceType":"Bundle","entry":[{"resp')],
    ['the body is not JSON', (_, response) => response.writeHead(200).end('OK')],
    ['an entry is missing', (_, response) => json(response, 200, { resourceType: 'Bundle', entry: [entry('Encounter', 'e1')] })],
    [
      'the entries are of other types',
      (_, response) => json(response, 200, { resourceType: 'Bundle', entry: [entry('Observation', 'o1'), entry('Encounter', 'e1')] }),
    ],
    ['the gateway gives up', (_, response) => response.writeHead(504, { 'content-type': 'text/plain' }).end('Gateway Timeout')],
  ])('%s: the outcome is unknown', async (_, script) => {
    const { platform, server } = await setUp(script);
    expect(await platform.create(unit)).toEqual({ kind: 'unknown' });
    // Never repeated from here.
    expect(server.seen.filter((request) => request.url === '/fhir-r4/v1')).toHaveLength(1);
  });

  it('no answer in time: the outcome is unknown for what creates, and for a read there is none', async () => {
    const { platform } = await setUp(() => undefined, { timeoutMs: 60 });
    expect(await platform.create(unit)).toEqual({ kind: 'unknown' });
    expect(await platform.findPerson('P1', { kind: 'patient', nik: '1' })).toEqual({ kind: 'unavailable' });
  });

  it.each<[string, Script]>([
    ['a page of the firewall', (_, response) => response.writeHead(403, { 'content-type': 'text/html' }).end('<!doctype html>')],
    ['a wrong address', (_, response) => response.writeHead(404).end()],
    ['a redirect', (_, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()],
  ])('%s: nothing was carried out', async (_, script) => {
    const { platform } = await setUp(script);
    expect(await platform.create(unit)).toMatchObject({ kind: 'unavailable' });
  });

  it('nobody listens: nothing was sent', async () => {
    const { platform, server } = await setUp(() => undefined);
    expect(await platform.account('P1')).toBeDefined();
    await server.close();
    expect(await platform.create(unit)).toEqual({ kind: 'unavailable' });
  });

  it('a rejected token is renewed once and the request repeated; a second rejection counts for the account', async () => {
    let rejections = 1;
    const { platform, server } = await setUp((_, response) => {
      if (rejections > 0) {
        rejections -= 1;
        json(response, 401, { fault: { faultstring: 'Access Token expired' } });
      } else {
        json(response, 200, { resourceType: 'Bundle', entry: [entry('Encounter', 'e1'), entry('Observation', 'o1')] });
      }
    });
    expect((await platform.create(unit)).kind).toBe('delivered');
    expect(server.seen.map((request) => request.url.split('?')[0])).toEqual([
      '/oauth2/v1/accesstoken',
      '/fhir-r4/v1',
      '/oauth2/v1/accesstoken',
      '/fhir-r4/v1',
    ]);
    rejections = 2;
    expect(await platform.create(unit)).toMatchObject({ kind: 'unauthorised', afterMs: 60_000 });
  });

  it('tokens that are said to have expired, twice by chance, are worth a third; a third time counts for the account', async () => {
    let rejections = 2;
    const { platform, server } = await setUp((_, response) => {
      if (rejections > 0) {
        rejections -= 1;
        json(response, 401, {
          fault: { faultstring: 'Access Token expired', detail: { errorcode: 'keymanagement.service.access_token_expired' } },
        });
      } else json(response, 200, { resourceType: 'Bundle', entry: [entry('Encounter', 'e1'), entry('Observation', 'o1')] });
    });
    expect((await platform.create(unit)).kind).toBe('delivered');
    expect(server.seen.length).toBe(6);
    rejections = 3;
    expect(await platform.create(unit)).toMatchObject({ kind: 'unauthorised', afterMs: 60_000 });
  });

  it('429: the client is told how long, and meanwhile nothing leaves', async () => {
    const { platform, server, time } = await setUp((_, response) => json(response, 429, { fault: {} }, { 'retry-after': '30' }));
    expect(await platform.create(unit)).toEqual({ kind: 'retry', afterMs: 30_000 });
    const sent = server.seen.length;
    time.advance(10_000);
    expect(await platform.create(unit)).toEqual({ kind: 'retry', afterMs: 20_000 });
    expect(server.seen).toHaveLength(sent);
  });

  it('follows the pages of a search on its own host', async () => {
    const found = (id: string, value: string) => ({
      resource: { resourceType: 'Observation', id, identifier: [{ system: 'http://sys-ids.kemkes.go.id/observation/1', value }] },
    });
    const { platform, server } = await setUp((request, response) =>
      json(
        response,
        200,
        request.url.includes('_page_token=2')
          ? { resourceType: 'Bundle', entry: [found('o7', B)] }
          : {
              resourceType: 'Bundle',
              entry: [found('o1', 'another')],
              link: [{ relation: 'next', url: 'https://elsewhere.example/fhir-r4/v1/Observation/?encounter=e1&_page_token=2' }],
            },
      ),
    );
    const own = { ...weight, identifier: [{ system: localSid('observation'), value: B }] };
    const answer = await platform.find({ ...unit, resources: [encounter, own], ids: new Map([[`Encounter/${A}`, 'e1']]) });
    expect(answer).toEqual({
      kind: 'found',
      placed: [{ reference: `Observation/${B}`, platformId: 'o7', platformVersion: null }],
      unsearchable: [],
    });
    expect(server.seen.map((request) => request.url)).toContain('/fhir-r4/v1/Observation?encounter=e1&_page_token=2');
  });

  it('one person or none: several active ones are not chosen from', async () => {
    let people: unknown[] = [];
    const { platform } = await setUp((_, response) =>
      json(response, 200, { resourceType: 'Bundle', entry: people.map((resource) => ({ resource })) }),
    );
    const find = () => platform.findPerson('P1', { kind: 'patient', nik: '1' });
    expect(await find()).toEqual({ kind: 'person', platformId: null });
    people = [
      { resourceType: 'Patient', id: 'P1', active: false },
      { resourceType: 'Patient', id: 'P2', active: true },
    ];
    expect(await find()).toEqual({ kind: 'person', platformId: 'P2' });
    people.push({ resourceType: 'Patient', id: 'P3', active: true });
    expect(await find()).toEqual({ kind: 'person', platformId: null });
  });

  it('finds a newborn by mother, birth date and order', async () => {
    const { platform } = await setUp((_, response) =>
      json(response, 200, {
        resourceType: 'Bundle',
        entry: [
          { resource: { resourceType: 'Patient', id: 'P1', birthDate: '2026-11-01', multipleBirthInteger: 1 } },
          { resource: { resourceType: 'Patient', id: 'P2', birthDate: '2026-11-01', multipleBirthInteger: 2 } },
          { resource: { resourceType: 'Patient', id: 'P3', birthDate: '2024-01-01', multipleBirthInteger: 0 } },
        ],
      }),
    );
    const baby = (birthDate: string, birthOrder: number) =>
      platform
        .findPerson('P1', { kind: 'newborn', nikIbu: '1', birthDate, birthOrder })
        .then((answer) => answer.kind === 'person' && answer.platformId);
    expect([await baby('2026-11-01', 2), await baby('2024-01-01', 1), await baby('2024-01-01', 0), await baby('2025-01-01', 0)]).toEqual([
      'P2',
      'P3',
      'P3',
      null,
    ]);
  });

  it('goes through a proxy where one is set', async () => {
    const tunnels: string[] = [];
    const proxy = createServer();
    proxy.on('connect', (request, socket, head) => {
      tunnels.push(request.url ?? '');
      const [host = '', port = ''] = (request.url ?? '').split(':');
      const upstream = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
        upstream.write(head);
        upstream.pipe(socket).pipe(upstream);
      });
      for (const end of [socket, upstream]) {
        end.on('error', () => undefined);
      }
      closing.push(() => void socket.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    closing.push(() => void proxy.close());
    const { platform, server } = await setUp((request, response) => json(response, 200, accountAnswer(request.url)), {
      proxy: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    });
    expect(await platform.check('P1')).toMatchObject({ token: 'accepted', organization: 'match', read: 'allowed' });
    expect(new Set(tunnels)).toEqual(new Set([`127.0.0.1:${server.port}`]));
  });

  it('an account is tried in three steps that say each for itself how it went', async () => {
    const outcome = (text: string) => ({
      resourceType: 'OperationOutcome',
      issue: [{ severity: 'error', code: 'forbidden', details: { text } }],
    });
    const all = await setUp((request, response) => json(response, 200, accountAnswer(request.url)));
    expect(await all.platform.check('P1')).toEqual({
      token: 'accepted',
      organizationId: '1',
      organization: 'match',
      organizationName: 'Puskesmas Satu',
      issues: [],
      read: 'allowed',
      readIssues: [],
    });
    expect(all.server.seen.map(({ method, url }) => `${method} ${url.replace('/fhir-r4/v1', '')}`)).toEqual([
      'POST /oauth2/v1/accesstoken?grant_type=client_credentials',
      'GET /Organization/1',
      'GET /Location?organization=1',
    ]);

    const noData = await setUp((request, response) =>
      request.url.includes('/Location')
        ? json(response, 400, outcome('Failed to get permission for client for resource type (RuleNumber: 20003)'))
        : json(response, 200, accountAnswer(request.url)),
    );
    expect(await noData.platform.check('P1')).toMatchObject({
      organization: 'match',
      read: 'refused',
      readIssues: [{ code: 'platform-forbidden-scope', rule: '20003' }],
    });

    const otherUnit = await setUp((request, response) =>
      request.url.includes('/Organization')
        ? json(response, 400, outcome('resource cannot be accessed due to business rule'))
        : json(response, 200, accountAnswer(request.url)),
    );
    expect(await otherUnit.platform.check('P1')).toMatchObject({ organization: 'mismatch', read: 'allowed' });

    const down = await setUp((_, response) => response.writeHead(503).end('no healthy upstream'));
    expect(await down.platform.check('P1')).toMatchObject({
      token: 'accepted',
      organization: 'unreadable',
      issues: [],
      read: 'unreadable',
    });
  });

  it('no error, and no answer, holds what was on the wire', async () => {
    const nik = '9901010101900001';
    const { platform } = await setUp((_, response) =>
      json(response, 400, {
        resourceType: 'OperationOutcome',
        issue: [{ code: 'value', details: { text: `no ${nik}` }, diagnostics: nik }],
      }),
    );
    const answers = [await platform.create(unit), await platform.findPerson('P1', { kind: 'patient', nik }), await platform.find(unit)];
    expect(answers.map((answer) => answer.kind)).toEqual(['refused', 'refused', 'refused']);
    expect(JSON.stringify(answers)).not.toMatch(/9901010101900001|Bearer|secret/);
  });
});
