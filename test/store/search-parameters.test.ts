import { describe, expect, it } from 'vitest';
import { parseDateRange, SEARCH_PARAMETERS } from '../../src/store/index.ts';
import { foldText, indexResource, indexText } from '../../src/store/search-index.ts';

describe('the table of search parameters', () => {
  it('gives a number to one element only, and aliases the same element', () => {
    for (const rows of Object.values(Object.groupBy(SEARCH_PARAMETERS, ({ number }) => number))) {
      expect(new Set(rows?.map(({ type, path, kind }) => `${type} ${path} ${kind}`)).size).toBe(1);
    }
    const names = SEARCH_PARAMETERS.map(({ type, param }) => `${type}.${param}`);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('dates', () => {
  it.each([
    ['2026', '2025-12-31T17:00:00.000Z', '2026-12-31T17:00:00.000Z'],
    ['2026-12', '2026-11-30T17:00:00.000Z', '2026-12-31T17:00:00.000Z'],
    ['2024-02-29', '2024-02-28T17:00:00.000Z', '2024-02-29T17:00:00.000Z'],
    ['2026-11-22T08:00', '2026-11-22T01:00:00.000Z', '2026-11-22T01:01:00.000Z'],
    ['2026-11-22T08:00:00Z', '2026-11-22T08:00:00.000Z', '2026-11-22T08:00:01.000Z'],
    ['2026-11-22T08:00:00.25+09:00', '2026-11-21T23:00:00.250Z', '2026-11-21T23:00:00.251Z'],
    ['2026-11-22T08:00:00-03:30', '2026-11-22T11:30:00.000Z', '2026-11-22T11:30:01.000Z'],
  ])('%s is the range of its precision, in Western Indonesia Time where it has no offset', (text, low, high) => {
    expect(parseDateRange(text)).toEqual({ low, high });
  });

  it.each(['', 'x', '2026-13', '2026-02-29', '26-01-01', '2026-11-22T25:00Z', '2026-11-22 08:00', '20261122'])('%s is no date', (text) => {
    expect(parseDateRange(text)).toBeUndefined();
  });
});

describe('index rows', () => {
  const rows = (resource: object) => {
    const { tokens, references, strings, dates } = indexResource(resource as { resourceType: string });
    return { tokens: tokens.length, references: references.length, strings: strings.length, dates: dates.length };
  };

  it('hold no row twice, and none for a type without parameters', () => {
    const name = [{ text: 'Ani Ani' }, { text: 'ani ani' }];
    expect(rows({ resourceType: 'Patient', name })).toEqual({ tokens: 0, references: 0, strings: 3, dates: 0 });
    expect(rows({ resourceType: 'Basic', name })).toEqual({ tokens: 0, references: 0, strings: 0, dates: 0 });
  });

  it('pass over what has not the shape of its type', () => {
    const odd = {
      resourceType: 'Observation',
      status: 7,
      code: 'x',
      subject: [null, { reference: 3 }, { reference: '#c' }],
      effectiveDateTime: {},
    };
    expect(rows(odd)).toEqual({ tokens: 1, references: 0, strings: 0, dates: 0 });
  });

  it('stay below what a database can index, and differ where the texts do', () => {
    const long = 'x'.repeat(5_000);
    expect(indexText(`${long}a`).length).toBeLessThan(201);
    expect(indexText(`${long}a`)).not.toBe(indexText(`${long}b`));
    expect(foldText(`  Él${long}`).length).toBe(200);
  });
});
