import { DateTime } from 'luxon';

/** A length of time by the calendar: `28d`, `13w`, `9m` (months), `12a` (years), as UCUM abbreviates them, but for the month. */
export interface Span {
  readonly unit: 'days' | 'weeks' | 'months' | 'years';
  readonly count: number;
}

const UNITS = { d: 'days', w: 'weeks', m: 'months', a: 'years' } as const;

export function spanOf(text: string): Span | undefined {
  const [, count, unit] = /^(\d{1,4})([dwma])$/.exec(text) ?? [];
  return unit === undefined ? undefined : { count: Number(count), unit: UNITS[unit as keyof typeof UNITS] };
}

/** A day `YYYY-MM-DD` and a span after it, by the calendar: a month after 31 January is the last day of February. */
export const plus = (day: string, { unit, count }: Span): string =>
  DateTime.fromISO(day, { zone: 'utc' })
    .plus({ [unit]: count })
    .toISODate() as string;

export const dayBefore = (day: string): string => plus(day, { unit: 'days', count: -1 });
