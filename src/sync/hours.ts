/**
 * Whether an owner may send now.
 *
 * @param hours `22:00-05:00` in the facility's zone, over midnight too; null, or the same time twice: always. What cannot be read closes
 *   nothing.
 * @param zone IANA zone
 * @param now epoch ms
 */
export function isOpen(hours: string | null, zone: string, now: number): boolean {
  const read = /^(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})$/.exec(hours?.trim() ?? '');
  if (read === null) {
    return true;
  }
  const [from, to] = [Number(read[1]) * 60 + Number(read[2]), Number(read[3]) * 60 + Number(read[4])];
  const minute = minuteOfDay(zone, now);
  if (from === to) {
    return true;
  }
  return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}

function minuteOfDay(zone: string, now: number): number {
  const parts = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).formatToParts(
    now,
  );
  const part = (type: string): number => Number(parts.find((each) => each.type === type)?.value ?? 0);
  return part('hour') * 60 + part('minute');
}
