import { afterEach, describe, expect, it } from 'vitest';
import { CLIENTS, ORG, type Running, requestToken, startForTest } from './support.ts';

let running: Running;
afterEach(() => running.sandbox.stop());

const AUTH_FAILED = 'The user or system was not able to be authenticated (either client_id or client_secret combination is unacceptable)';
const RATE_LIMITED =
  'Authentication temporarily cannot be performed due to the rate limit policy. Rate limit: 1 request per minute after a failed attempt.';

describe('token endpoint', () => {
  it('answers with every number as a text, and exactly the published fields', async () => {
    running = await startForTest();
    const { status, body, headers } = await requestToken(running, 'client-a', 'secret-a');
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('application/json');
    expect(body).toEqual({
      refresh_token_expires_in: '0',
      api_product_list: '[api-sandbox]',
      api_product_list_json: ['api-sandbox'],
      organization_name: 'ihs-prod-1',
      'developer.email': 'dev@contoh.example',
      token_type: 'BearerToken',
      issued_at: String(running.time.now),
      client_id: 'client-a',
      access_token: expect.stringMatching(/^[\w-]{28}$/),
      application_name: '00000000-0000-0000-0000-000000000000',
      scope: '',
      expires_in: '3599',
      refresh_count: '0',
      status: 'approved',
    });
  });

  it('refuses an unknown client with the OAuth body', async () => {
    running = await startForTest();
    const { status, body } = await requestToken(running, 'nobody', 'x');
    expect({ status, body }).toEqual({ status: 401, body: { ErrorCode: 'invalid_client', Error: 'ClientId is Invalid' } });
  });

  it('refuses a wrong secret, and then even the right one for a minute', async () => {
    running = await startForTest();
    const failed = await requestToken(running, 'client-a', 'wrong');
    expect(failed.status).toBe(401);
    expect(failed.body).toEqual({
      resourceType: 'OperationOutcome',
      issue: [{ severity: 'invalid', code: 'value', details: { text: AUTH_FAILED } }],
    });
    running.time.now += 59_999;
    const early = await requestToken(running, 'client-a', 'secret-a');
    expect(early.status).toBe(429);
    expect(early.body).toEqual({
      resourceType: 'OperationOutcome',
      issue: [{ severity: 'invalid', code: 'value', details: { text: RATE_LIMITED } }],
    });
    expect((await requestToken(running, 'client-b', 'secret-b')).status).toBe(200);
    running.time.now += 1;
    expect((await requestToken(running, 'client-a', 'secret-a')).status).toBe(200);
  });

  it('wants grant_type in the query', async () => {
    running = await startForTest();
    const { status, body } = await running.send('POST', '/oauth2/v1/accesstoken', {
      body: 'client_id=client-a&client_secret=secret-a&grant_type=client_credentials',
      type: 'application/x-www-form-urlencoded',
    });
    expect({ status, code: body.ErrorCode }).toEqual({ status: 400, code: 'invalid_request' });
  });

  it('accepts sandbox-<organization> only when open, and makes its Organization', async () => {
    running = await startForTest({ clients: CLIENTS });
    expect((await requestToken(running, 'sandbox-77', 'secret-77')).status).toBe(401);
    await running.sandbox.stop();
    running = await startForTest({ clients: [], open: true });
    expect((await requestToken(running, 'sandbox-77', 'secret-78')).status).toBe(401);
    const token = await running.token('sandbox-78', 'secret-78');
    const read = await running.send('GET', '/fhir-r4/v1/Organization/78', { token });
    expect({ status: read.status, id: read.body.id }).toEqual({ status: 200, id: '78' });
  });
});

describe('tokens on the FHIR paths', () => {
  const path = `/fhir-r4/v1/Organization/${ORG}`;

  it('are asked for before anything else, with the gateway’s faults', async () => {
    running = await startForTest();
    const none = await running.send('GET', path);
    expect({ status: none.status, body: none.body }).toEqual({
      status: 401,
      body: { fault: { faultstring: 'Invalid access token', detail: { errorcode: 'oauth.v2.InvalidAccessToken' } } },
    });
    const unknown = await running.send('POST', '/fhir-r4/v1/Encounter', { token: 'made-up', body: '{broken' });
    expect({ status: unknown.status, body: unknown.body }).toEqual({
      status: 401,
      body: { fault: { faultstring: 'Invalid Access Token', detail: { errorcode: 'keymanagement.service.invalid_access_token' } } },
    });
  });

  it('end after their lifetime', async () => {
    running = await startForTest({ tokenLifetimeSeconds: 120 });
    const token = await running.token();
    running.time.now += 119_999;
    expect((await running.send('GET', path, { token })).status).toBe(200);
    running.time.now += 1;
    const expired = await running.send('GET', path, { token });
    expect({ status: expired.status, body: expired.body }).toEqual({
      status: 401,
      body: { fault: { faultstring: 'Access Token expired', detail: { errorcode: 'keymanagement.service.access_token_expired' } } },
    });
  });
});
