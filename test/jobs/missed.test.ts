import cron from 'node-cron';
import { describe, expect, it } from 'vitest';
import { missedRun, previousRun } from '../../src/jobs/missed.ts';

const at = (text: string) => Date.parse(text);
const matcher = (schedule: string, timezone: string) => {
  const task = cron.createTask(schedule, () => {}, { timezone });
  return (minute: number) => task.match(new Date(minute));
};

describe('missed runs', () => {
  it('the previous time is read in the zone of the schedule', () => {
    const daily = matcher('0 3 * * *', 'Asia/Jakarta');
    expect(previousRun(daily, at('2026-11-22T05:00:00Z'))).toBe(at('2026-11-21T20:00:00Z'));
    expect(previousRun(daily, at('2026-11-21T20:00:00Z'))).toBe(at('2026-11-21T20:00:00Z'));
    expect(previousRun(daily, at('2026-11-21T19:59:59Z'))).toBe(at('2026-11-20T20:00:00Z'));
  });

  it('what lies beyond the look-back is not looked for', () => {
    expect(previousRun(matcher('0 3 1 1 *', 'Asia/Jakarta'), at('2026-11-22T05:00:00Z'))).toBeUndefined();
  });

  it('a run is missed only where one was recorded before, and several missed ones are one', () => {
    const previous = at('2026-11-21T20:00:00Z');
    expect(missedRun(previous, at('2026-11-18T20:00:00Z'))).toBe(previous);
    expect(missedRun(previous, previous)).toBeUndefined();
    expect(missedRun(previous, undefined)).toBeUndefined();
    expect(missedRun(undefined, previous)).toBeUndefined();
  });
});
