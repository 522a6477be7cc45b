import { describe, expect, it } from 'vitest';
import { readResponse } from '../../src/satusehat/errors.ts';
import { NETWORK_FAULTS, networkFault } from '../../src/satusehat/transport.ts';
import { factsOf, WIRE, wireRow } from '../../src/satusehat/wire-table.ts';

const outcome = (text: string, code = 'value', diagnostics?: string) =>
  JSON.stringify({
    resourceType: 'OperationOutcome',
    issue: [{ severity: 'error', code, details: { text }, ...(diagnostics && { diagnostics }) }],
  });
const fault = (errorcode: string) => JSON.stringify({ fault: { faultstring: 'x', detail: { errorcode } } });
const HTML = '<!doctype html><html><head><title>403 Forbidden</title>';

/** [row, status, body, what it means for what writes, and for what reads] */
const ANSWERS: ReadonlyArray<readonly [string, number, string, string, string]> = [
  ['suppressed', 200, JSON.stringify({ issue: [{ code: 'suppressed', details: { text: 'consent' } }] }), 'unknown', 'refused'],
  ['outcome-in-success', 200, outcome('No consent available for CarePlan/1', 'forbidden'), 'unknown', 'refused'],
  ['outcome-in-success', 201, outcome('Found duplicate resource: Encounter (RuleNumber: 20002)', 'duplicate'), 'unknown', 'refused'],
  ['success-denied', 200, '{"success":false,"message":"Citizen Not Exists"}', 'refused', 'refused'],
  ['success-false', 200, '{"success":false,"message":"x"}', 'unknown', 'unavailable'],
  ['success-false', 201, '{"success":false}', 'unknown', 'unavailable'],
  ['success', 200, '{"resourceType":"Basic","success":false}', 'ok', 'ok'],
  ['success', 201, '{"resourceType":"Encounter","id":"1"}', 'ok', 'ok'],
  ['success-unreadable', 200, HTML, 'unknown', 'unavailable'],
  ['success-unreadable', 200, '{"resourceType":"Bundle","entry":[{"resp', 'unknown', 'unavailable'],
  ['success-unreadable', 204, '', 'unknown', 'unavailable'],
  ['success-unreadable', 200, 'OK', 'unknown', 'unavailable'],
  ['success-unreadable', 200, '[]', 'unknown', 'unavailable'],
  ['redirect', 302, '', 'unavailable', 'unavailable'],
  ['redirect', 307, HTML, 'unavailable', 'unavailable'],
  ['no-product', 401, fault('keymanagement.service.InvalidAPICallAsNoApiProductMatchFound'), 'unauthorised', 'unauthorised'],
  ['token', 401, fault('keymanagement.service.access_token_expired'), 'token-rejected', 'token-rejected'],
  ['token', 401, fault('oauth.v2.InvalidAccessToken'), 'token-rejected', 'token-rejected'],
  ['token', 401, '', 'token-rejected', 'token-rejected'],
  ['quota', 429, '', 'limited', 'limited'],
  ['quota', 429, fault('policies.ratelimit.QuotaViolation'), 'limited', 'limited'],
  ['quota-fault', 500, fault('policies.ratelimit.SpikeArrestViolation'), 'limited', 'limited'],
  ['request-timeout', 408, '', 'unknown', 'unavailable'],
  ['server-error', 500, outcome('An unexpected internal error has occurred.', 'exception'), 'unknown', 'unavailable'],
  ['server-error', 502, '<html>', 'unknown', 'unavailable'],
  ['server-error', 503, 'no healthy upstream', 'unknown', 'unavailable'],
  ['server-error', 504, 'Gateway Timeout', 'unknown', 'unavailable'],
  ['duplicate', 400, outcome('Found duplicate: Location (RuleNumber: 20002)', 'duplicate'), 'duplicate', 'refused'],
  ['duplicate', 400, outcome('Found duplicate resource: Encounter', 'duplicate'), 'duplicate', 'refused'],
  ['duplicate', 400, outcome('Found duplicate resource: Encounter (RuleNumber: 20002)'), 'duplicate', 'refused'],
  [
    'episode-active',
    400,
    outcome('found duplicated EpisodeOfCare Type with status active. (Rule Number: 10109)', 'duplicate'),
    'duplicate',
    'refused',
  ],
  [
    'no-permission',
    403,
    outcome('Failed to get permission for client for resource type (RuleNumber: 20003)'),
    'unauthorised',
    'unauthorised',
  ],
  [
    'not-for-facility',
    403,
    outcome('Resource Encounter is not allowed for current access class (RuleNumber: 20004)'),
    'refused',
    'refused',
  ],
  ['reference-lost', 400, outcome('Resource not found Location/1 (RuleNumber: 20007)'), 'lost-reference', 'gone'],
  ['not-stored', 404, outcome('storage_error', 'no-store', 'resource not found: Condition/1'), 'gone', 'gone'],
  [
    'consent',
    400,
    outcome(
      'Operation cannot be performed due to business rules, consent or privacy rules, or access permission constraints.',
      'forbidden',
    ),
    'refused',
    'refused',
  ],
  ['consent', 403, outcome('Operation cannot be performed due to consent or privacy rules.', 'forbidden'), 'refused', 'refused'],
  ['other-organization', 400, outcome('resource cannot be accessed due to business rule', 'forbidden'), 'refused', 'refused'],
  ['payload', 400, outcome('Invalid JSON Payload Format (RuleNumber: 20006)'), 'refused', 'refused'],
  ['code-or-system', 400, outcome("Code not found: 'x' in system: http://x (RuleNumber: 10001)"), 'refused', 'refused'],
  ['store-shape', 400, outcome('unparseable_resource', 'structure', 'missing required field "status"'), 'refused', 'refused'],
  ['store-shape', 400, outcome('', 'invalid', 'Missing query parameters: subject'), 'refused', 'refused'],
  ['rule', 400, outcome('Element not found: Encounter.diagnosis (RuleNumber: 10457)'), 'refused', 'refused'],
  ['rule', 400, JSON.stringify({ resourceType: 'OperationOutcome', issue: [] }), 'refused', 'refused'],
  ['firewall', 403, HTML, 'unavailable', 'unavailable'],
  ['firewall', 403, '', 'unavailable', 'unavailable'],
  ['refused-bare', 400, 'Bad Request', 'refused', 'refused'],
  ['conflict-bare', 409, '', 'refused', 'refused'],
  ['too-large', 413, '', 'refused', 'refused'],
  ['media-type', 415, '', 'refused', 'refused'],
  ['unprocessable-bare', 422, '{}', 'refused', 'refused'],
  ['wrong-address', 404, '', 'unavailable', 'unavailable'],
  ['wrong-address', 407, '', 'unavailable', 'unavailable'],
  ['wrong-address', 405, HTML, 'unavailable', 'unavailable'],
  ['anything-else', 199, '', 'unknown', 'unavailable'],
  ['anything-else', 777, '{}', 'unknown', 'unavailable'],
];

describe('the table of answers', () => {
  it.each(ANSWERS)('%s: %i %s → %s to what writes, %s to what reads', (name, status, text, write, read) => {
    expect(wireRow(factsOf(status, text)).name).toBe(name);
    const kindOf = (intent: 'create' | 'replace' | 'patch' | 'read') => readResponse({ status, headers: {}, text }, intent, 0).kind;
    expect([kindOf('create'), kindOf('replace'), kindOf('patch'), kindOf('read')]).toEqual([write, write, write, read]);
  });

  it('every row is exercised', () => {
    expect(new Set(ANSWERS.map(([name]) => name))).toEqual(new Set(WIRE.map(({ name }) => name)));
    expect(new Set(WIRE.map(({ name }) => name)).size).toBe(WIRE.length);
  });

  it('any status with any body has a row, and nothing but a readable success is taken', () => {
    const bodies = ['', HTML, 'text', '{"a":', '{}', '[]', '"x"', 'null', fault('x'), outcome('x'), '{"ErrorCode":"invalid_client"}'];
    for (let status = 100; status < 600; status += 1) {
      for (const text of bodies) {
        const row = wireRow(factsOf(status, text));
        expect(row.write === 'taken').toBe(status >= 200 && status < 300 && text === '{}');
      }
    }
  });

  it('what may have been carried out is never told as not carried out', () => {
    for (const [row, status, text, write] of ANSWERS) {
      if (status >= 500 && !text.includes('ratelimit')) {
        expect(write).toBe('unknown');
      }
      // One refusal is recorded with a 200; it is known by its exact message.
      if (status < 300 && row !== 'success-denied') {
        expect(['ok', 'unknown']).toContain(write);
      }
    }
  });
});

describe('the table of network failures', () => {
  const FAILURES: ReadonlyArray<readonly [string, { code?: string; cause?: unknown }, boolean]> = [
    ['nobody-listens', { code: 'ECONNREFUSED' }, false],
    ['name-unknown', { code: 'ENOTFOUND' }, false],
    ['no-route', { code: 'ENETUNREACH' }, false],
    ['certificate', { code: 'CERT_HAS_EXPIRED' }, false],
    ['certificate', { code: 'ERR_TLS_CERT_ALTNAME_INVALID' }, false],
    ['no-tls', { code: 'ERR_SSL_WRONG_VERSION_NUMBER' }, false],
    ['connecting', { code: 'ETIMEDOUT', cause: { syscall: 'connect' } }, false],
    ['broken', { code: 'ECONNRESET', cause: { syscall: 'read' } }, true],
    ['broken', { code: 'ERR_CANCELED' }, true],
    ['broken', {}, true],
  ];

  it.each(FAILURES)('%s: %j', (name, error, sent) => {
    expect(networkFault(error)).toMatchObject({ name, sent });
  });

  it('every row is exercised; several addresses count as the worst of them', () => {
    expect(new Set(FAILURES.map(([name]) => name))).toEqual(new Set(NETWORK_FAULTS.map(({ name }) => name)));
    const refused = Object.assign(new Error(), { code: 'ECONNREFUSED' });
    const reset = Object.assign(new Error(), { code: 'ECONNRESET' });
    expect(networkFault({ cause: new AggregateError([refused, refused]) }).sent).toBe(false);
    expect(networkFault({ cause: new AggregateError([refused, reset]) }).sent).toBe(true);
  });
});

it('a refusal in a 200 keeps its recorded message', () => {
  const response = { status: 200, headers: {}, text: '{"success":false,"message":"Citizen Not Exists"}' };
  expect(readResponse(response, 'create', 0)).toMatchObject({ kind: 'refused', mend: 'data', issues: [{ code: 'platform-refused' }] });
  expect(JSON.stringify(readResponse(response, 'create', 0))).toContain('Citizen Not Exists');
});
