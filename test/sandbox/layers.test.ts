import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Body, CLIENTS, encounter, location, ORG, outcome, type Running, startForTest } from './support.ts';

let running: Running;
const CLIENT = { clientSecret: 's', organizationId: ORG };
beforeAll(async () => {
  running = await startForTest({
    clients: [
      ...CLIENTS,
      { ...CLIENT, clientId: 'reader', write: [] },
      { ...CLIENT, clientId: 'writer', read: ['Encounter'], write: ['Location'] },
      { ...CLIENT, clientId: 'laboratory', accessClass: '107' },
      { ...CLIENT, clientId: 'nameless', identified: false },
      { ...CLIENT, clientId: 'no-fhir', products: ['masterdata'] },
    ],
  });
});
afterAll(() => running.sandbox.stop());

const as = async (clientId: string, method: string, path: string, body?: unknown) => {
  const token = await running.token(clientId, 's');
  const { status, body: answer, headers } = await running.send(method, `/fhir-r4/v1${path}`, { token, body });
  return { status, body: answer, headers };
};
const order = (action: string, more: Body = {}) => running.send('POST', '/_sandbox/faults', { body: { match: {}, action, ...more } });

describe('layers, the first that objects answers', () => {
  it('edge: a page of the firewall, before token and payload', async () => {
    const page = {
      status: 403,
      type: 'text/html; charset=UTF-8',
      text: '<!doctype html><meta charset="utf-8"><meta name=viewport content="width=device-width, initial-scale=1"><title>403</title>403 Forbidden',
    };
    const got = async (method: string, path: string, body?: unknown) => {
      const { status, headers, text } = await running.send(method, path, { body });
      return { status, type: headers.get('content-type'), text };
    };
    expect(await got('GET', '/fhir-r4/v1/Patient?name=%3Cscript%3E')).toEqual(page);
    await order('html-403');
    expect(await got('POST', '/fhir-r4/v1/Encounter', '{broken')).toEqual(page);
    await order('html-403');
    expect(await got('POST', '/oauth2/v1/accesstoken')).toEqual(page);
  });

  it('edge: 503 in its words, and a wrong URL has an empty 404, both without a token', async () => {
    await order('status', { status: 503 });
    expect(await running.send('POST', '/fhir-r4/v1/Encounter')).toMatchObject({ status: 503, text: 'no healthy upstream' });
    for (const [method, path] of [
      ['GET', '/fhir-r4/v1/Nonsense'],
      ['DELETE', '/fhir-r4/v1/Encounter/1'],
      ['GET', '/oauth2/v1/accesstoken'],
    ] as const) {
      expect(await running.send(method, path)).toMatchObject({ status: 404, text: '' });
    }
  });

  it('gateway: token, then product, then quota, and no payload is read', async () => {
    expect((await running.send('POST', '/fhir-r4/v1/Encounter', { body: '{broken' })).status).toBe(401);
    const { status, body, headers } = await as('no-fhir', 'POST', '/Encounter', '{broken');
    expect({ status, body }).toEqual({
      status: 401,
      body: {
        fault: {
          faultstring: 'Invalid API call as no apiproduct match found',
          detail: { errorcode: 'keymanagement.service.InvalidAPICallAsNoApiProductMatchFound' },
        },
      },
    });
    expect(headers.get('www-authenticate')).toMatch(
      /^Bearer realm="null",error="invalid_token",error_description="keymanagement.*apiproduct/,
    );
    await running.send('PUT', '/_sandbox/settings', { body: { quotas: { reader: { requests: 0 } } } });
    expect((await as('reader', 'POST', '/Encounter', '{broken')).status).toBe(429);
    await running.send('PUT', '/_sandbox/settings', { body: { quotas: { reader: null } } });
  });

  it('processor: payload before permission before the rules', async () => {
    const scope = outcome('forbidden', 'Failed to get permission for client for resource Encounter (RuleNumber: 20003)');
    expect(await as('reader', 'POST', '/Encounter', '{broken')).toMatchObject({
      status: 400,
      body: outcome('invalid', 'Invalid JSON Payload Format (RuleNumber: 20006)'),
    });
    expect(await as('reader', 'POST', '/Encounter', { resourceType: 'Encounter' })).toMatchObject({ status: 403, body: scope });
    expect(await as('reader', 'PUT', '/Encounter/1', { resourceType: 'Encounter' })).toMatchObject({ status: 403, body: scope });
    expect((await as('reader', 'GET', `/Organization/${ORG}`)).status).toBe(200);
    expect(await as('writer', 'GET', `/Organization/${ORG}`)).toMatchObject({ status: 403 });
    expect(await as('writer', 'GET', '/Encounter?identifier=a%7Cb')).toMatchObject({ status: 200 });
    expect(await as('nameless', 'GET', '/Encounter/1')).toMatchObject({
      status: 403,
      body: outcome('forbidden', 'Please provide Client ID (RuleNumber: 20009)'),
    });
    expect(await as('laboratory', 'POST', '/Encounter', encounter('L-1', 'none'))).toMatchObject({
      status: 403,
      body: outcome('forbidden', 'Resource Encounter is not allowed for current access class (RuleNumber: 20004)'),
    });
    expect((await as('laboratory', 'POST', '/Location', location('L-2'))).status).toBe(201);
  });

  it('processor: in a Bundle the entries after one without permission are 20012', async () => {
    const entry = (resource: Body, n: number) => ({
      fullUrl: `urn:uuid:00000000-0000-4000-8000-00000000000${n}`,
      resource,
      request: { method: 'POST', url: resource.resourceType },
    });
    const bundle = {
      resourceType: 'Bundle',
      type: 'transaction',
      entry: [entry(location('B-1'), 1), entry(encounter('B-2', 'x'), 2), entry(location('B-3'), 3)],
    };
    const { status, body } = await as('laboratory', 'POST', '', bundle);
    expect([status, body.issue.map((issue: Body) => issue.details.text)]).toEqual([
      403,
      [
        'Resource Encounter is not allowed for current access class (RuleNumber: 20004)',
        'Forbidden resource Location  due to previous error (RuleNumber: 20012)',
      ],
    ]);
  });

  it('status and wording follow the settings', async () => {
    const strict = (strictness: object) => running.send('PUT', '/_sandbox/settings', { body: { strictness } });
    await strict({ permissionStatus: 400, duplicateText: '2024', issues: 'one', tokenFailedStatus: 400, tokenRateStatus: 401 });
    expect((await as('nameless', 'GET', '/Encounter/1')).status).toBe(400);
    await running.fhir('POST', '/Location', location('S-1'));
    expect((await running.fhir('POST', '/Location', location('S-1'))).body).toEqual(outcome('duplicate', 'Found duplicate: Location'));
    expect((await running.fhir('POST', '/Encounter', { resourceType: 'Encounter' })).body.issue).toHaveLength(1);
    const token = (secret: string) =>
      running.send('POST', '/oauth2/v1/accesstoken?grant_type=client_credentials', { body: `client_id=writer&client_secret=${secret}` });
    expect([(await token('wrong')).status, (await token('s')).status]).toEqual([400, 401]);
    await strict({ permissionStatus: 403, duplicateText: '2026', issues: 'all', tokenFailedStatus: 401, tokenRateStatus: 429 });
    expect((await running.fhir('POST', '/Encounter', { resourceType: 'Encounter' })).body.issue.length).toBeGreaterThan(1);
  });
});
