import { expect, test } from 'vitest';
import { isUnit } from '../../src/validation/ucum.ts';

const UNITS = [
  ...['kg', 'mm[Hg]', 'mg/dL', '10*3/uL', '10*9/L', '/min', '{beats}/min', '{score}', '%', '1', 'Cel', 'cm', 'mL', 'kg/m2', 'm/s2', 'a'],
  ...[
    'g%',
    'mg%',
    "[arb'U]/mL",
    '[iU]/L',
    'mmol/L',
    'kg{wet}',
    'm.s-2',
    'cal_[15]',
    'kcal_[15]',
    'ng/(24.h)',
    '(kg.m)/s',
    '{tablet}',
    'dB',
  ],
  ...['m[H2O]', 'cm[H2O]', '[degF]', 'daL', 'ug', '10^3/uL', '[in_i]', 'mo', 'wk', 'meq/L', '/[HPF]', 'mL/min/{1.73_m2}', '[pH]'],
];
const OTHERS = [
  '',
  'kgg',
  'mm[Hg',
  'Kg',
  'beats',
  'cel',
  'kg.',
  'm///s',
  'a b',
  ' kg',
  'kg ',
  '(kg',
  'kg)',
  '{a',
  '{a}}',
  'k%',
  '%%%',
  '..',
  '()',
  'mmHg',
  'kg/',
  'VG17',
];

test.each(UNITS)('%s is a unit', (code) => expect(isUnit(code)).toBe(true));
test.each(OTHERS)('%j is not', (code) => expect(isUnit(code)).toBe(false));

test('long and deep texts end soon', () => {
  for (const code of ['('.repeat(120), 'm.'.repeat(60), '{'.repeat(128), 'm'.repeat(100_000)]) expect(isUnit(code)).toBe(false);
});
