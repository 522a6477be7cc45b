import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { errorsDoc } from '../../src/errors/describe.ts';
import { AppError, CODES, type ErrorCode, issue, REASONS, render, toOperationOutcome } from '../../src/errors/index.ts';

const root = path.resolve(import.meta.dirname, '../..');

function sources(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const file = path.join(folder, name);
    if (statSync(file).isDirectory()) return sources(file);
    return file.endsWith('.ts') && !file.includes(`${path.sep}errors${path.sep}`) ? [readFileSync(file, 'utf8')] : [];
  });
}

describe('error catalogue', () => {
  it('docs/errors.md says what the tables say', () => {
    expect(readFileSync(path.join(root, 'docs/errors.md'), 'utf8')).toBe(errorsDoc());
  });

  it.each(Object.entries(CODES))('%s has both languages with the same placeholders', (_code, row) => {
    const names = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();
    expect(row.id).not.toBe(row.en);
    expect(names(row.id)).toEqual(names(row.en));
  });

  it('every code is raised somewhere, and every raised literal is a code', () => {
    const text = sources(path.join(root, 'src')).join('\n');
    const unused = Object.keys(CODES).filter((code) => !text.includes(`'${code}'`));
    expect(unused).toEqual([]);
  });

  it('a filled text keeps an unknown placeholder visible, so that a test finds it', () => {
    expect(render('field-required', {}).en).toContain('{field}');
    expect(render('field-required', { field: 'start' }).en).toBe('Field start is required.');
  });

  it('the place of an issue fills its text, and a parameter goes before it', () => {
    expect(issue('facility-unknown', {}, { field: 'facilityCode' }).text.en).toContain('facilityCode');
    expect(issue('field-required', { field: 'start' }, { field: 'period.start' }).text.en).toBe('Field start is required.');
  });

  it('an error without issues becomes one issue; with issues, those', () => {
    expect(toOperationOutcome(new AppError('not-found')).issue).toHaveLength(1);
    const outcome = toOperationOutcome(
      new AppError(
        'json-syntax',
        { line: 1 },
        {
          issues: [
            issue(
              'rule-mandatory',
              { rule: '10117', expression: 'Encounter.identifier' },
              { rule: '10117', expression: 'Encounter.identifier' },
            ),
          ],
        },
      ),
    );
    expect(outcome.issue).toEqual([
      expect.objectContaining({
        severity: 'error',
        code: 'required',
        expression: ['Encounter.identifier'],
        details: expect.objectContaining({ coding: [{ code: '10117' }] }),
      }),
    ]);
  });

  it('on-hold codes have a reason of the same name', () => {
    const holds: ErrorCode[] = [
      'validation-pending',
      'reason-code-missing',
      'time-missing',
      'identity',
      'practitioner-identity',
      'credential-missing',
    ];
    for (const code of holds) expect(Object.keys(REASONS)).toContain(code);
  });
});
