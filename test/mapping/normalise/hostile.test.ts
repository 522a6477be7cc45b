import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createNormaliser, type Layout } from '../../../src/mapping/normalise/index.ts';
import type { Feed } from '../../../src/store/port.ts';

const read = (name: string) => JSON.parse(readFileSync(new URL(`../../../mappings/${name}`, import.meta.url), 'utf8'));
const normaliser = createNormaliser({
  layouts: ['default', 'contract-1'].map((name) => read(`layouts/${name}.json`) as Layout),
  tokens: read('tokens.json'),
  clusters: read('clusters.json'),
});
const codesOf = (feed: Feed, raw: unknown) => normaliser.normalise(feed, raw).issues.map(({ code, field }) => `${code}@${field}`);

/** Work that grows with the square of these lengths would take hours: each of these ends at once, or not within the test's time. */
const LENGTH = 900_000;

describe('values that are long on purpose', () => {
  it.each([
    ['an instant of separators', { start: 'T'.repeat(LENGTH) }, 'field-format@start'],
    ['commas', { start: `1${','.repeat(LENGTH)}` }, 'field-format@start'],
    ['blanks behind a blood pressure', { vitals: { bloodPressure: `120/80${' '.repeat(LENGTH)}x` } }, 'field-format@vitals.bloodPressure'],
    ['a number', { vitals: { weight: `${'1'.repeat(LENGTH)}x` } }, 'field-type@vitals.weight'],
    ['a NIK', { person: { nik: '1'.repeat(LENGTH) } }, 'nik-length@person.nik'],
    ['a list', { diagnoses: new Array(LENGTH).fill(1) }, 'field-format@diagnoses'],
    ['a list of empty objects', { referrals: new Array(LENGTH).fill({}) }, 'field-format@referrals'],
  ])('%s: one refusal', (_name, raw, issue) => {
    expect(codesOf('encounters', raw)).toEqual([issue]);
  });

  it('thousands of unknown fields: the first hundred are told', () => {
    const raw = Object.fromEntries(Array.from({ length: 50_000 }, (_unused, index) => [`kolom lain ${index.toString(36)}`, 1]));
    expect(codesOf('encounters', raw)).toHaveLength(100);
  });

  it('an error is told even after a hundred warnings', () => {
    const many = Object.fromEntries(Array.from({ length: 200 }, (_unused, index) => [`kolom lain ${index.toString(36)}`, 1]));
    expect(codesOf('encounters', { ...many, start: 'kemarin' })).toContain('field-format@start');
  });
});

describe('a birth date written as an instant', () => {
  it.each([
    ['local midnight in UTC', '1990-01-01T17:00:00.000Z', '1990-01-02'],
    ['midnight in UTC', '1990-01-02T00:00:00Z', '1990-01-02'],
    ['with the offset of the place', '1990-01-02T00:00:00+07:00', '1990-01-02'],
    ['without offset', '1990-01-02 00:00:00', '1990-01-02'],
  ])('%s is the day of the facility', (_name, birthDate, day) => {
    expect(normaliser.normalise('persons', { birthDate }, { timeZone: 'Asia/Jakarta' }).record.birthDate).toBe(day);
  });
});
