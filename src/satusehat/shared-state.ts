/**
 * What the processes of one service share about a client of the platform: its pace, its token, its penalty. Small texts by name, changed
 * only by who knows the latest version; the store keeps them.
 */
export interface SharedState {
  /** `nowMs`: the time by which all processes go (the database's). `version` null: there is none. */
  read(name: string): Promise<{ readonly value: string | undefined; readonly version: number | null; readonly nowMs: number }>;
  /** False if another process changed it meanwhile: nothing was written. `value` null removes it. */
  write(name: string, value: string | null, expected: number | null): Promise<boolean>;
}

/** State of this process alone. */
export function createOwnState(clock: () => number): SharedState {
  const values = new Map<string, { value: string; version: number }>();
  let last = 0;
  return {
    async read(name) {
      const known = values.get(name);
      return { value: known?.value, version: known?.version ?? null, nowMs: clock() };
    },
    async write(name, value, expected) {
      if ((values.get(name)?.version ?? null) !== expected) return false;
      last += 1;
      if (value === null) values.delete(name);
      else values.set(name, { value, version: last });
      return true;
    },
  };
}

const MAX_TRIES = 50;

/**
 * Changes a value in one step, however many processes do so.
 *
 * @param change gives the new text (null: none) and what the caller wants to know; called anew whenever another process was quicker
 * @throws Error if others were quicker all the time; whatever the state throws
 */
export async function changeShared<Result>(
  shared: SharedState,
  name: string,
  change: (value: string | undefined, nowMs: number) => { readonly value: string | null | undefined; readonly result: Result },
): Promise<{ readonly result: Result; readonly nowMs: number }> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const { value, version, nowMs } = await shared.read(name);
    const changed = change(value, nowMs);
    // Unchanged, or nothing that could be removed.
    if (changed.value === value || changed.value === undefined || (changed.value === null && version === null))
      return { result: changed.result, nowMs };
    if (await shared.write(name, changed.value, version)) return { result: changed.result, nowMs };
  }
  throw new Error('shared state: no turn');
}
