import { describe, expect, it } from 'vitest';
import { closingTable, summarise } from '../../src/cli/demo/closing-table.ts';
import { differences, type Ending, type Expectation, outcomeOf } from '../../src/cli/demo/expectations.ts';
import { issue } from '../../src/errors/index.ts';

const ending = (line: number, over: Partial<Omit<Ending, 'receipt'>> & { receipt?: Partial<Ending['receipt']> } = {}): Ending => {
  const { receipt, ...rest } = over;
  return {
    feed: 'encounters',
    line,
    repeated: false,
    state: 'completed',
    reason: null,
    receipt: { id: `s${line}`, version: 1, sourceId: `r${line}`, state: 'ready', reason: null, issues: [], ...receipt },
    ...rest,
  };
};
const refused = (line: number) =>
  ending(line, {
    state: 'failed',
    reason: 'refused',
    receipt: { state: 'failed', reason: 'refused', issues: [issue('nik-length', { field: 'person.nik' })] },
  });
const day: Ending[] = [
  ending(1),
  refused(2),
  ending(3, { state: 'cancelled', reason: 'duplicate', receipt: { state: 'cancelled', reason: 'duplicate' } }),
  ending(4, { repeated: true }),
  ending(5, { state: 'on-hold', reason: 'identity' }),
  ending(6, { reason: 'kept-local' }),
  ending(7, { state: 'failed', reason: 'rule-10124' }),
  ending(8, { state: 'ready' }),
];
const expected: Expectation[] = [
  { feed: 'encounters', line: 1, expect: 'delivered' },
  { feed: 'encounters', line: 2, expect: 'refused', code: 'nik-length' },
  { feed: 'encounters', line: 3, expect: 'duplicate' },
  { feed: 'encounters', line: 4, expect: 'duplicate' },
  { feed: 'encounters', line: 5, expect: 'on-hold', reason: 'identity' },
  { feed: 'encounters', line: 6, expect: 'kept-local' },
];

describe('where the records of the demo ended', () => {
  it('each ending has one outcome', () => {
    expect(day.map(outcomeOf)).toEqual(['delivered', 'refused', 'duplicate', 'duplicate', 'on-hold', 'kept-local', 'failed', 'waiting']);
  });

  it('received = refused + duplicates + delivered + waiting + failed', () => {
    const { received, refused, duplicates, delivered, waiting, failed } = summarise(day);
    expect(received).toBe(8);
    expect(refused + duplicates + delivered + waiting + failed).toBe(received);
  });

  it('the day as expected – no difference', () => {
    expect(differences(expected, day.slice(0, 6))).toEqual([]);
  });

  it('a wrong outcome, code, reason, a missing and an extra record are each named', () => {
    const found = differences(
      [
        { feed: 'encounters', line: 1, expect: 'refused' },
        { feed: 'encounters', line: 2, expect: 'refused', code: 'date-future' },
        { feed: 'encounters', line: 5, expect: 'on-hold', reason: 'validation-pending' },
        { feed: 'encounters', line: 9, expect: 'delivered' },
      ],
      [ending(1), refused(2), ending(5, { state: 'on-hold', reason: 'identity' }), ending(6)],
    );
    expect(found.map((line) => line.split(':').slice(0, 2).join(':'))).toEqual([
      'encounters:1',
      'encounters:2',
      'encounters:5',
      'encounters:9',
      'encounters:6',
    ]);
  });

  it('the closing table speaks of each group, and names no record', () => {
    const table = closingTable(day, summarise(day));
    expect(table).toContain('Sampai di SATUSEHAT');
    expect(table).toContain('nik-length');
    expect(table).not.toContain('r2');
  });
});
