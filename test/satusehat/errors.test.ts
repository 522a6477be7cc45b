import { describe, expect, it } from 'vitest';
import { readResponse, retryAfterMs } from '../../src/satusehat/errors.ts';

const NOW = Date.parse('2026-11-22T00:00:00Z');
const NIK = '3329010101900001';
const response = (status: number, body: unknown, headers: Record<string, string> = {}) => ({
  status,
  headers,
  text: typeof body === 'string' ? body : JSON.stringify(body),
});
const outcome = (...issues: Array<{ code?: string; text: string; expression?: string; diagnostics?: string }>) => ({
  resourceType: 'OperationOutcome',
  text: { status: 'generated' },
  issue: issues.map(({ code = 'value', text, expression, diagnostics }) => ({
    severity: 'error',
    code,
    details: { text },
    ...(diagnostics && { diagnostics }),
    ...(expression && { expression: [expression] }),
  })),
});
const read = (status: number, body: unknown, headers?: Record<string, string>) =>
  readResponse(response(status, body, headers), 'create', NOW);

describe('readResponse', () => {
  it.each([
    [
      'Element not found: Encounter.diagnosis[0].condition (RuleNumber: 10457)',
      'rule-mandatory',
      10457,
      'Encounter.diagnosis[0].condition',
    ],
    ['Reference is mandatory : Encounter.serviceProvider (RuleNumber: 10124)', 'rule-mandatory', 10124, 'Encounter.serviceProvider'],
    ["Code not found: 'xxx' in system: http://x (RuleNumber: 10001)", 'rule-system', 10001, 'Encounter.class'],
    ['Invalid coding system: http://xxx.org (RuleNumber: 10002)', 'rule-system', 10002, 'Encounter.class'],
    [`Invalid date time value : ${NIK} (RuleNumber: 10132) Not Allowed : Future Date`, 'rule-date', 10132, 'Encounter.class'],
    ["Text is empty: '' (RuleNumber: 10134)", 'rule-text', 10134, 'Encounter.class'],
    ['Resource Encounter is not allowed for current access class (RuleNumber: 20004)', 'platform-forbidden', 20004, 'Encounter.class'],
  ])('%s', (text, code, rule, expression) => {
    const answer = read(400, outcome({ text, expression: expression.startsWith('Encounter.class') ? 'Encounter.class' : '' }));
    expect(answer).toMatchObject({ kind: 'refused', rule, issues: [{ code, rule: String(rule), expression }] });
    expect(JSON.stringify(answer)).not.toContain(NIK);
    expect(JSON.stringify(answer)).not.toMatch(/\{\w+\}/);
  });

  it.each([
    ["Code not found: 'x' in system: http://x (RuleNumber: 10001)", 'mapping'],
    ['Invalid coding system: http://xxx.org (RuleNumber: 10002)', 'mapping'],
    ['Failed to unmarshal request payload (RuleNumber: 20008)', 'mapping'],
    ['Invalid element Condition.fullUrl due to invalid UUID format (RuleNumber: 20019)', 'mapping'],
    ['Element not found: Encounter.period.end (RuleNumber: 10173)', 'data'],
    ["Text is empty: '' (RuleNumber: 10134)", 'data'],
    ['resource cannot be accessed due to business rule', 'data'],
  ])('%s is mended in the %s', (text, mend) => {
    expect(read(400, outcome({ text }))).toMatchObject({ kind: 'refused', mend });
  });

  it('a reference that the platform has lost is named by its type, never by its id', () => {
    const answer = read(400, outcome({ text: `Resource not found Patient/${NIK} (RuleNumber: 20007)` }));
    expect(answer).toMatchObject({ kind: 'lost-reference', issues: [{ code: 'reference-lost', rule: '20007' }] });
    expect(JSON.stringify(answer)).toContain('Patient');
    expect(JSON.stringify(answer)).not.toContain(NIK);
  });

  it('a missing permission pauses the client, and says which kind of trouble it is', () => {
    const answer = read(403, outcome({ text: 'Failed to get permission for client for resource type (RuleNumber: 20003)' }));
    expect(answer).toMatchObject({ kind: 'unauthorised', permission: true, issues: [{ code: 'platform-forbidden-scope', rule: '20003' }] });
    const fault = {
      faultstring: 'Invalid API call as no apiproduct match found',
      detail: { errorcode: 'keymanagement.service.InvalidAPICallAsNoApiProductMatchFound' },
    };
    expect(read(401, { fault })).toMatchObject({ kind: 'unauthorised', issues: [{ code: 'platform-product' }] });
  });

  it('finds the cause among what follows from it', () => {
    const answer = read(
      400,
      outcome(
        { text: 'Invalid resource Condition due to previous error (RuleNumber: 20013)' },
        { text: 'Element not found: Condition.code (RuleNumber: 10003)' },
        { text: 'Forbidden resource Observation  due to previous error (RuleNumber: 20012)' },
      ),
    );
    expect(answer).toMatchObject({ kind: 'refused', rule: 10003 });
    expect(answer.kind === 'refused' && answer.issues).toHaveLength(1);
  });

  it.each([
    ['Found duplicate: Location (RuleNumber: 20002)', 'duplicate'],
    ['Found duplicate resource: Encounter', 'duplicate'],
    ['Found duplicate resource: Encounter (RuleNumber: 20002)', 'value'],
  ])('duplicate: %s', (text, code) => {
    expect(read(400, outcome({ code, text }))).toEqual({ kind: 'duplicate' });
  });

  it('does not carry a value of the platform’s text or of an expression that is none', () => {
    const answer = read(
      400,
      outcome({ text: `unparseable_resource ${NIK}`, code: 'structure', diagnostics: `id ${NIK}`, expression: `Patient/${NIK}` }),
    );
    expect(answer).toMatchObject({ kind: 'refused', issues: [{ code: 'platform-refused' }] });
    expect(JSON.stringify(answer)).not.toContain(NIK);
    expect(JSON.stringify(read(400, outcome({ code: NIK, text: NIK })))).not.toContain(NIK);
  });

  it('gives body and ETag of what was taken', () => {
    expect(read(201, { resourceType: 'Encounter', id: 'x' }, { etag: 'W/"1"' })).toEqual({
      kind: 'ok',
      body: { resourceType: 'Encounter', id: 'x' },
      etag: 'W/"1"',
    });
  });
});

describe('retryAfterMs', () => {
  it.each([
    ['7', 7_000],
    ['0', 0],
    ['Sun, 22 Nov 2026 00:00:30 GMT', 30_000],
    ['Sat, 21 Nov 2026 00:00:00 GMT', 0],
    ['999999999', 86_400_000],
    ['soon', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%s → %s', (header, ms) => {
    expect(retryAfterMs(header, NOW)).toBe(ms);
  });
});
