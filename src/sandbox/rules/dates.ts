const DATE_TIME = /^(\d{4})-(\d{2})-(\d{2})T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;
const DATE = /^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?$/;

/** Milliseconds since the epoch of a dateTime with every part and a zone; NaN for anything else. */
export function readDateTime(value: unknown, utcOnly: boolean): number {
  const match = typeof value === 'string' ? DATE_TIME.exec(value) : null;
  if (match === null || !isDay(match)) return Number.NaN;
  if (utcOnly && match[5] !== 'Z' && match[5] !== '+00:00') return Number.NaN;
  return Date.parse(match[0]);
}

/** A FHIR date: year, month or day. */
export function isDate(value: unknown): boolean {
  const match = typeof value === 'string' ? DATE.exec(value) : null;
  return match !== null && isDay([match[0], match[1], match[2] ?? '01', match[3] ?? '01']);
}

/** Date.parse rolls the 31st of a short month over into the next. */
function isDay([, year, month, day]: readonly (string | undefined)[]): boolean {
  const inMonth = Number(month) >= 1 && Number(month) <= 12;
  return inMonth && Number(day) >= 1 && Number(day) <= new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate();
}

/** `2014-06-03` → `3rd June 2014`. */
export function inWords(date: string): string {
  const day = Number(date.slice(8));
  const suffix = day >= 11 && day <= 13 ? 'th' : (['th', 'st', 'nd', 'rd'][day % 10] ?? 'th');
  const month = new Date(date).toLocaleString('en-GB', { month: 'long', timeZone: 'UTC' });
  return `${day}${suffix} ${month} ${date.slice(0, 4)}`;
}
