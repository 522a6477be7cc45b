import { DateTime, IANAZone } from 'luxon';
import { expect, it } from 'vitest';
import { zoneOf } from '../../src/mapping/wall-clock.ts';

it('tells the offsets that the calendar tells, also around the moments when a zone changed', () => {
  // Western Indonesia was +07:30 before 1964, Makassar changed in 1988 with Bali; New York changes twice a year.
  const moments = [
    '1963-12-31T16:29:59Z',
    '1963-12-31T16:30:00Z',
    '1987-12-31T16:00:00Z',
    '2026-03-08T06:59:59Z',
    '2026-03-08T07:00:00Z',
    '2026-11-23T00:00:00Z',
  ];
  for (const name of ['Asia/Jakarta', 'Asia/Makassar', 'Asia/Jayapura', 'America/New_York'])
    for (const moment of [...moments, ...moments])
      expect(DateTime.fromISO(moment, { zone: zoneOf(name) }).toISO(), `${name} ${moment}`).toBe(
        DateTime.fromISO(moment, { zone: IANAZone.create(name) }).toISO(),
      );
});

it('of what is no zone the time is invalid', () => {
  expect(DateTime.fromISO('2026-11-23T08:00:00', { zone: zoneOf('Asia/Brebes') }).isValid).toBe(false);
});
