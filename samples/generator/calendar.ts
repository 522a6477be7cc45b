/**
 * The one day of the samples: a Wednesday in August, the month of vitamin A and deworming (February and August), so that a posyandu
 * open day shows both. Fixed, so that the files stay valid and equal for ever.
 */
export const SAMPLE_DAY = '2026-08-19';

const DAY_MS = 86_400_000;
const at = (date: string): number => Date.parse(`${date}T00:00:00Z`);

/** `2026-08-19` minus a number of days. */
export const daysBefore = (days: number, from: string = SAMPLE_DAY): string =>
  new Date(at(from) - days * DAY_MS).toISOString().slice(0, 10);

/** Completed months from birth to the sample day. */
export function ageInMonths(birthDate: string, on: string = SAMPLE_DAY): number {
  const [by, bm, bd] = birthDate.split('-').map(Number) as [number, number, number];
  const [y, m, d] = on.split('-').map(Number) as [number, number, number];
  return (y - by) * 12 + (m - bm) - (d < bd ? 1 : 0);
}

export const ageInDays = (birthDate: string, on: string = SAMPLE_DAY): number => Math.round((at(on) - at(birthDate)) / DAY_MS);

export const ageInYears = (birthDate: string): number => Math.floor(ageInMonths(birthDate) / 12);

/** Minutes since midnight as `HH:MM`. */
export const clock = (minutes: number): string =>
  `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;

/** How source systems write an instant of the sample day. */
export type TimeHabit = 'offset' | 'utc' | 'none' | 'day-first' | 'day-first-dash';

/**
 * A local date and minutes since midnight, as one source system writes it.
 * `offsetHours` is that of the facility (7 WIB, 8 WITA).
 */
export function writeTime(date: string, minutes: number, habit: TimeHabit, offsetHours: number): string {
  const [y, m, d] = date.split('-') as [string, string, string];
  switch (habit) {
    case 'offset':
      return `${date}T${clock(minutes)}:00+${String(offsetHours).padStart(2, '0')}:00`;
    case 'utc':
      return `${new Date(at(date) + (minutes - offsetHours * 60) * 60_000).toISOString().slice(0, 19)}Z`;
    case 'none':
      return `${date}T${clock(minutes)}:00`;
    case 'day-first':
      return `${d}/${m}/${y} ${clock(minutes)}`;
    case 'day-first-dash':
      return `${d}-${m}-${y} ${clock(minutes)}`;
  }
}

/** `2026-08-19` as `19/08/2026` or `19-08-2026`. */
export function writeDayFirst(date: string, separator: '/' | '-'): string {
  return date.split('-').reverse().join(separator);
}
