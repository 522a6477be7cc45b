import fc from 'fast-check';
import { DateTime } from 'luxon';
import { expect, it } from 'vitest';
import { ageOn } from '../../../src/mapping/age.ts';

it('completed days, months and years', () => {
  expect(ageOn('2020-01-31', '2020-02-29')).toEqual({ days: 29, months: 1, years: 0 });
  expect(ageOn('2020-02-29', '2021-02-28')).toEqual({ days: 365, months: 12, years: 1 });
  expect(ageOn('2020-05-10', '2025-05-09')).toMatchObject({ months: 59, years: 4 });
  expect(ageOn('2020-05-10', '2025-05-10')).toMatchObject({ months: 60, years: 5 });
  expect(ageOn('2026-08-19', '2026-08-19')).toEqual({ days: 0, months: 0, years: 0 });
});

it.each([
  ['2026-08-20', '2026-08-19'],
  ['2026-02-30', '2026-08-19'],
  ['2026-02', '2026-08-19'],
  ['', '2026-08-19'],
  ['2020-01-01', '2026-13-01'],
])('%s to %s is no age', (birth, day) => {
  expect(ageOn(birth, day)).toBeUndefined();
});

it('any two dates: as luxon counts', () => {
  const date = fc
    .date({ min: new Date('1900-01-01T00:00:00Z'), max: new Date('2030-12-31T00:00:00Z'), noInvalidDate: true })
    .map((value) => value.toISOString().slice(0, 10));
  fc.assert(
    fc.property(date, date, (one, other) => {
      const [birth, day] = one < other ? [one, other] : [other, one];
      const [from, to] = [DateTime.fromISO(birth, { zone: 'utc' }), DateTime.fromISO(day, { zone: 'utc' })];
      expect(ageOn(birth, day)).toEqual({
        days: to.diff(from, 'days').days,
        months: Math.floor(to.diff(from, 'months').months),
        years: Math.floor(to.diff(from, 'years').years),
      });
    }),
    { numRuns: 2_000 },
  );
});
