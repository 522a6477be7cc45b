/** How far back a missed run is looked for. Older ones are not worth catching up: the next regular run does the same work. */
export const LOOK_BACK_MS = 8 * 24 * 3_600_000;

const MINUTE_MS = 60_000;

/**
 * The last time at or before `now` at which a schedule was due, as epoch milliseconds; undefined if none within the look-back.
 * Pure: `matches` says whether a minute belongs to the schedule.
 */
export function previousRun(matches: (minute: number) => boolean, now: number, lookBackMs: number = LOOK_BACK_MS): number | undefined {
  const first = Math.floor(now / MINUTE_MS) * MINUTE_MS;
  for (let minute = first; minute >= now - lookBackMs; minute -= MINUTE_MS) if (matches(minute)) return minute;
  return undefined;
}

/**
 * Which run, if any, must be caught up. Several missed ones are one: the work is the same.
 *
 * @param previous when the schedule was last due
 * @param last scheduled time of the newest recorded run; undefined on a new installation, which has missed nothing
 */
export function missedRun(previous: number | undefined, last: number | undefined): number | undefined {
  return previous !== undefined && last !== undefined && previous > last ? previous : undefined;
}
