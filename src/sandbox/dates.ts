import { asObject } from './json.ts';

/** Half-open range in milliseconds since the epoch. */
export interface TimeRange {
  readonly low: number;
  readonly high: number;
}

/** Range that a FHIR date of any precision covers; a date without time is read in UTC. Undefined for anything else. */
export function dateRange(value: string): TimeRange | undefined {
  const match = /^(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T(\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)(Z|[+-]\d{2}:\d{2})?)?)?)?$/.exec(value);
  if (match === null) return undefined;
  const [, year = '', month, day, time, zone] = match;
  if (time !== undefined) {
    const low = Date.parse(`${year}-${month}-${day}T${time}${zone ?? 'Z'}`);
    return Number.isNaN(low) ? undefined : { low, high: low + (time.length === 5 ? 60_000 : time.includes('.') ? 1 : 1000) };
  }
  const low = Date.parse(`${year}-${month ?? '01'}-${day ?? '01'}T00:00:00Z`);
  if (Number.isNaN(low)) return undefined;
  const start = new Date(low);
  // Date.parse rolls 31 February over into March.
  if (day !== undefined && start.getUTCDate() !== Number(day)) return undefined;
  const end = new Date(low);
  if (day !== undefined) end.setUTCDate(end.getUTCDate() + 1);
  else if (month !== undefined) end.setUTCMonth(end.getUTCMonth() + 1);
  else end.setUTCFullYear(end.getUTCFullYear() + 1);
  return { low, high: end.getTime() };
}

/** Range of a date or a Period; an open end is infinite. */
export function rangeOf(found: unknown): TimeRange | undefined {
  if (typeof found === 'string') return dateRange(found);
  const { start, end } = asObject(found);
  const first = typeof start === 'string' ? dateRange(start) : undefined;
  const last = typeof end === 'string' ? dateRange(end) : undefined;
  if (first === undefined && last === undefined) return undefined;
  return { low: first?.low ?? Number.NEGATIVE_INFINITY, high: last?.high ?? Number.POSITIVE_INFINITY };
}
