import { describe, expect, test } from 'vitest';
import { compileTest } from '../../src/validation/fhirpath/compile.ts';
import { FhirPathError } from '../../src/validation/fhirpath/parse.ts';

const patient = {
  resourceType: 'Patient',
  id: 'p',
  active: true,
  birthDate: '1990-05-17',
  _gender: { extension: [{ url: 'http://x.example/a', valueCode: 'x' }] },
  name: [
    { family: 'Contoh', given: ['A', 'B'], period: { start: '2020' } },
    { family: 'Lain', given: ['A'] },
  ],
  contact: [{ telecom: [{ value: '0811', rank: 1 }] }],
  multipleBirthInteger: 2,
  contained: [{ resourceType: 'Organization', id: 'o' }],
};
const holds = (expression: string, node: unknown = patient): boolean =>
  compileTest(expression)(node, { resource: node, rootResource: node, type: 'Patient' });

test.each([
  'true',
  'active',
  "name.first().family = 'Contoh'",
  'name.given.count() = 3',
  'name.given.isDistinct().not()',
  "name.exists(family = 'Lain' and given.count() = 1)",
  "name.where(family = 'Lain').given = 'A'",
  'name.all(given.exists())',
  'multipleBirth.exists() and multipleBirth = 2',
  '(multipleBirth as integer) > 1 and multipleBirth is integer',
  'multipleBirth.ofType(boolean).empty()',
  'gender.exists() and gender.hasValue().not()',
  "gender.extension('http://x.example/a').value = 'x'",
  "'B' in name.given and name.given contains 'B'",
  "id.startsWith('p') implies name.exists()",
  'deceased.exists() implies false',
  "birthDate >= '1990-01-01' and birthDate < '2000'",
  "descendants().where($this = '0811').exists()",
  "contained.where(resourceType = 'x').empty()",
  "contained.ofType(Organization).id = 'o'",
  "%resource.name[1].family = 'Lain'",
  "Patient.name.tail().family = 'Lain'",
  '1 + 2 * 3 = 7 and 7 div 2 = 3 and 7 mod 2 = 1 and -1 < 0',
  "iif(active, 'a', 'b') = 'a'",
  "birthDate.matches('^[0-9]{4}-') and birthDate.substring(0, 4).toInteger() = 1990",
  '(name.family | name.given | name.family).count() = 4',
  "name.select(given & '!').count() = 2",
  '`active` /* a word */ // to the end\n = true',
  "birthDate.replaceMatches('-.*', '') = '1990'",
  'name.repeat(period).start.exists()',
])('%s holds', (expression) => expect(holds(expression)).toBe(true));

test.each(['false', '{}', 'deceased', "name.family = 'Contoh'", 'deceased = true', 'name.period.end <= name.period.start', 'active.not()'])(
  '%s does not hold: empty is not true',
  (expression) => expect(holds(expression)).toBe(false),
);

describe('text from outside', () => {
  test.each([
    '',
    'name.',
    "name.where(family = 'x'",
    "'open",
    'a b',
    'memberOf(1)',
    'constructor()',
    'toString.call()',
    '__proto__()',
    'name.where()',
    '%process',
    '%constructor',
    'a ? b : c',
    'process.exit(1);',
    '`$\u007bprocess}`()',
    'name.matches(family)',
    "name.matches('(a+)+$')",
    "name.matches('(')",
    '('.repeat(10_000),
    'a.'.repeat(10_000),
    `${'('.repeat(60)}a${')'.repeat(60)}`,
  ])('%j is refused with its place', (expression) => {
    expect(() => compileTest(expression)).toThrow(FhirPathError);
  });

  test('never reaches what is not data', () => {
    for (const name of ['constructor', '__proto__', 'prototype', 'toString', 'hasOwnProperty', 'valueOf'])
      for (const path of [`${name}`, `name.${name}`, `id.${name}`, `${name}.${name}`]) expect(holds(`${path}.exists()`), path).toBe(false);
  });

  test('ends, however long it would run', () => {
    const wide = { resourceType: 'Patient', name: Array.from({ length: 3_000 }, (_, at) => ({ family: String(at) })) };
    const started = performance.now();
    expect(holds('name.all(%resource.name.all(%resource.name.exists()))', wide)).toBe(false);
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  test('runs on any JSON', () => {
    for (const node of [null, 1, 'a', [], [null], [[{}]], { name: null }, { name: [null, 1] }, { name: { name: {} } }])
      for (const expression of ['name.family.exists()', 'descendants().count() > 0', "name.all(family.startsWith('a'))"])
        expect(typeof holds(expression, node)).toBe('boolean');
  });
});
