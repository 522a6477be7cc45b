import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffMs } from '../../src/sync/backoff.ts';
import { isOpen } from '../../src/sync/hours.ts';

describe('backoffMs', () => {
  it('doubles up to the limit', () => {
    expect([0, 1, 2, 3, 10, 200].map((attempts) => backoffMs(attempts, { baseMs: 1_000, maxMs: 60_000 }, 1))).toEqual([
      1_000, 2_000, 4_000, 8_000, 60_000, 60_000,
    ]);
  });

  it('property: never less than half, never more than the full wait', () => {
    fc.assert(
      fc.property(fc.nat({ max: 60 }), fc.double({ min: 0, max: 0.999999, noNaN: true }), (attempts, random) => {
        const full = Math.min(60_000, 1_000 * 2 ** attempts);
        const wait = backoffMs(attempts, { baseMs: 1_000, maxMs: 60_000 }, random);
        expect(wait).toBeGreaterThanOrEqual(full / 2);
        expect(wait).toBeLessThanOrEqual(full);
      }),
    );
  });
});

describe('isOpen', () => {
  const at = (utc: string) => Date.parse(`2026-11-22T${utc}:00Z`);
  it.each([
    ['22:00-05:00', 'Asia/Jakarta', '15:00', true],
    ['22:00-05:00', 'Asia/Jakarta', '14:59', false],
    ['22:00-05:00', 'Asia/Jakarta', '21:59', true],
    ['22:00-05:00', 'Asia/Jakarta', '22:00', false],
    // The same moment is already 23:00 in Makassar.
    ['08:00-12:00', 'Asia/Makassar', '00:00', true],
    ['08:00-12:00', 'Asia/Jakarta', '00:00', false],
    [null, 'Asia/Jakarta', '03:00', true],
    ['always', 'Asia/Jakarta', '03:00', true],
  ])('%s in %s at %s UTC: %s', (hours, zone, utc, open) => {
    expect(isOpen(hours, zone, at(utc))).toBe(open);
  });
});
