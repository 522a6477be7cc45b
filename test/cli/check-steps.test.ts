import { describe, expect, it } from 'vitest';
import { checkSteps } from '../../src/cli/check-steps.ts';
import type { CredentialCheck } from '../../src/cli/composition.ts';
import { issue } from '../../src/errors/index.ts';

const GOOD: CredentialCheck = {
  token: 'accepted',
  organizationId: '100',
  organization: 'match',
  issues: [],
  read: 'allowed',
  readIssues: [],
};
const scope = issue('platform-forbidden-scope', { rule: '20003' }, { rule: '20003' });

describe('client check', () => {
  it('names what each step tried', () => {
    expect(checkSteps('P1', GOOD)).toEqual([
      { step: 'token', target: 'accesstoken', ok: true },
      { step: 'organization', target: 'Organization/100', ok: true },
      { step: 'read', target: 'Location?organization=100', ok: true },
    ]);
  });

  it.each<[string, Partial<CredentialCheck>, string, RegExp]>([
    ['no credential', { token: 'missing' }, 'credential-missing', /client add P1 --satusehat/],
    ['a refused secret', { token: 'refused' }, 'platform-auth', /Copy both again/],
    ['a pause', { token: 'wait' }, 'platform-auth', /Wait a minute/],
    ['no answer', { token: 'unreachable' }, 'platform-unavailable', /ILP_PLATFORM_AUTH_URL/],
  ])('token: %s – says what to do, and the other two were not tried', (_what, change, code, words) => {
    const [token, ...others] = checkSteps('P1', { ...GOOD, ...change });
    expect(token).toMatchObject({
      ok: false,
      issue: { code, text: { id: expect.stringMatching(/periksa/i), en: expect.stringMatching(words) } },
    });
    expect(others).toMatchObject([
      { step: 'organization', ok: false, skipped: true },
      { step: 'read', ok: false, skipped: true },
    ]);
  });

  it.each<[string, Partial<CredentialCheck>, string, RegExp]>([
    ['another facility’s', { organization: 'mismatch' }, 'platform-organization', /--organization-id/],
    ['another than the register’s', { registeredOrganization: '200' }, 'platform-organization', /names Organization 200 .* credential 100/],
    ['not readable', { organization: 'unreadable' }, 'platform-unavailable', /ILP_PLATFORM_FHIR_URL/],
  ])('organization: %s – the read is tried all the same', (_what, change, code, words) => {
    const [token, organization, read] = checkSteps('P1', { ...GOOD, ...change });
    expect([token?.ok, organization?.ok, read?.ok]).toEqual([true, false, true]);
    expect(organization?.issue).toMatchObject({ code, text: { en: expect.stringMatching(words) } });
  });

  it('read: no permission – told with the platform’s own rule', () => {
    const [, organization, read] = checkSteps('P1', { ...GOOD, read: 'refused', readIssues: [scope] });
    expect(organization?.ok).toBe(true);
    expect(read).toMatchObject({
      ok: false,
      issue: { code: 'platform-forbidden', text: { en: expect.stringMatching(/may not read data/) } },
    });
    expect(read?.details).toEqual([scope]);
    expect(checkSteps('P1', { ...GOOD, read: 'unreadable' })[2]).toMatchObject({ ok: false, issue: { code: 'platform-unavailable' } });
  });
});
