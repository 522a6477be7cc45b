/** Completed age. */
export interface Age {
  readonly days: number;
  readonly months: number;
  readonly years: number;
}

const DAY_MS = 86_400_000;

/**
 * Age on a day, by the calendar: a month is complete on the day of birth of a later month, or on its last day where it has no such
 * day (born 31 January: one month on 28 February).
 *
 * @param birth and `day` as `YYYY-MM-DD`
 * @returns undefined for what is not a date of the calendar, and before birth
 */
export function ageOn(birth: string, day: string): Age | undefined {
  const from = read(birth);
  const to = read(day);
  if (!from || !to || to.time < from.time) return undefined;
  const lastDay = new Date(Date.UTC(to.year, to.month, 0)).getUTCDate();
  const months = (to.year - from.year) * 12 + to.month - from.month - (to.day < Math.min(from.day, lastDay) ? 1 : 0);
  return { days: (to.time - from.time) / DAY_MS, months, years: Math.floor(months / 12) };
}

function read(text: string): { year: number; month: number; day: number; time: number } | undefined {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (!match) return undefined;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const time = Date.parse(text);
  // 30 February becomes a day of March in some engines and none in others; neither is a date.
  if (Number.isNaN(time) || new Date(time).getUTCDate() !== day) return undefined;
  return { year, month, day, time };
}
