/** A clock that only moves when it is told to; waiting moves it. */
export function virtualTime(start = Date.parse('2026-11-20T00:00:00Z')) {
  let now = start;
  return {
    clock: () => now,
    iso: () => new Date(now).toISOString(),
    advance(ms: number) {
      now += ms;
    },
    async delay(ms: number): Promise<void> {
      now += ms;
    },
  };
}
