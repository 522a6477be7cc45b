import type { Location } from '@medplum/fhirtypes';
import nock from 'nock';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createSatusehatPlatform } from '../../src/satusehat/platform.ts';
import { localSid } from '../../src/terminology/systems.ts';
import { tokenBody } from './scripted-server.ts';
import { virtualTime } from './virtual-time.ts';

/** Faults of name service, route and TLS: no server of ours can make them on demand, so the sockets are replaced. */
const HOST = 'https://api-satusehat-stg.dto.kemkes.go.id';
const SECRET = 'a-secret-that-must-not-leak';
const room = {
  resourceType: 'Location',
  id: '0b2f7b0e-5f0a-8c11-9a54-0d8f6a1c2b3d',
  identifier: [{ system: localSid('location'), value: 'X1' }],
  name: 'Ruang Contoh',
} as Location & { id: string };
const unit = { owner: 'P1', resources: [room], ids: new Map<string, string>() };

const fault = (code: string, syscall?: string) => Object.assign(new Error(`${code} ${SECRET}`), { code, ...(syscall && { syscall }) });

function setUp() {
  const time = virtualTime();
  return createSatusehatPlatform({
    environment: 'staging',
    baseUrls: { auth: `${HOST}/oauth2/v1`, fhir: `${HOST}/fhir-r4/v1` },
    credential: async () => ({ organizationId: '100', clientId: 'c', secret: SECRET }),
    clock: time.clock,
    monotonic: time.clock,
    delay: time.delay,
    timeoutMs: 2_000,
  });
}

const token = () => nock(HOST).post('/oauth2/v1/accesstoken').query({ grant_type: 'client_credentials' }).reply(200, tokenBody('t1'));

beforeAll(() => nock.disableNetConnect());
afterEach(() => {
  const pending = nock.pendingMocks();
  nock.cleanAll();
  expect(pending).toEqual([]);
});
afterAll(() => {
  nock.enableNetConnect();
  nock.restore();
});

describe('faults before anything can have reached the platform', () => {
  it.each([
    ['the name is not known', fault('ENOTFOUND', 'getaddrinfo')],
    ['the name service does not answer', fault('EAI_AGAIN', 'getaddrinfo')],
    ['there is no route', fault('ENETUNREACH', 'connect')],
    ['the certificate has expired', fault('CERT_HAS_EXPIRED')],
    ['the certificate is for another name', fault('ERR_TLS_CERT_ALTNAME_INVALID')],
    ['the certificate is self-signed', fault('DEPTH_ZERO_SELF_SIGNED_CERT')],
  ])('%s – unavailable: it may be sent again without a look-up', async (_name, error) => {
    token();
    nock(HOST).post('/fhir-r4/v1/Location').replyWithError(error);
    const answer = await setUp().create(unit);
    expect(answer.kind).toBe('unavailable');
    expect(JSON.stringify(answer)).not.toContain(SECRET);
  });

  it('the token cannot be fetched – unavailable, and the resource is not sent', async () => {
    nock(HOST).post('/oauth2/v1/accesstoken').query(true).replyWithError(fault('ECONNREFUSED', 'connect'));
    expect((await setUp().create(unit)).kind).toBe('unavailable');
  });
});

describe('faults after the request may have arrived', () => {
  it.each([
    ['the connection is reset', fault('ECONNRESET', 'read')],
    ['the pipe breaks', fault('EPIPE', 'write')],
    ['the route dies under way', fault('ETIMEDOUT', 'read')],
  ])('%s – unknown: looked up before anything is sent again', async (_name, error) => {
    token();
    nock(HOST).post('/fhir-r4/v1/Location').replyWithError(error);
    const answer = await setUp().create(unit);
    expect(answer.kind).toBe('unknown');
    expect(JSON.stringify(answer)).not.toContain(SECRET);
  });
});
