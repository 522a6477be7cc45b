import { type Issue, issue } from '../errors/index.ts';
import type { NormalisedRecord } from '../mapping/types.ts';
import type { Feed } from '../store/port.ts';

/** Earliest instant the platform takes (3 June 2014). */
const EARLIEST = '2014-06-03T00:00:00Z';

/** Clocks of senders run ahead a little. */
const CLOCK_SKEW_MS = 5 * 60_000;

export function instant(value: unknown): string | undefined {
  const time = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(time) ? undefined : new Date(time).toISOString();
}

export function checkTimes(feed: Feed, record: NormalisedRecord, now: string): readonly Issue[] {
  const found: Issue[] = [];
  const latest = Date.parse(now) + CLOCK_SKEW_MS;
  const inFuture = (field: string, value: unknown) => {
    if (typeof value !== 'string' || !/^\d{4}-\d{2}-\d{2}/.test(value)) return;
    // A date begins first in the east of the country, nine hours ahead of UTC.
    const time = value.length === 10 ? Date.parse(`${value}T00:00:00+09:00`) : Date.parse(value);
    if (time > latest) found.push(issue('date-future', {}, { field }));
    else if (field !== 'birthDate' && time < Date.parse(EARLIEST))
      found.push(issue('date-too-old', { min: EARLIEST.slice(0, 10) }, { field }));
  };
  if (feed === 'encounters') {
    inFuture('start', record.start);
    inFuture('end', record.end);
    const [start, end] = [instant(record.start), instant(record.end)];
    if (start && end && end < start) found.push(issue('period-order', {}, { field: 'end' }));
  }
  if (feed === 'village-observations') inFuture('date', record.date);
  if (feed === 'persons') inFuture('birthDate', record.birthDate);
  return found;
}
