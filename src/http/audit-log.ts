import { createBatcher } from '../intake/index.ts';
import type { Audit, Store } from '../store/port.ts';

/** Writes audit rows. Equal rows of one moment become one with a count, so that a flood of refusals cannot fill the disk. */
export interface AuditLog {
  /** Resolves when the row is durable. @throws AppError `store-unavailable` */
  write(row: Omit<Audit, 'at'>): Promise<void>;
  /**
   * For a read, which should not wait for the disk behind a group of records that is being stored: the row is durable a moment later.
   * Once rows cannot be written, or too many wait, each read waits for its own row.
   *
   * @throws AppError `store-unavailable` if rows noted before could not be written, and still cannot
   */
  note(row: Omit<Audit, 'at'>): Promise<void>;
  /** Resolves when everything is durable that can be. */
  idle(): Promise<void>;
}

/** How long a noted row may wait for others; a crash loses at most what was noted within it and the commit under way. */
const NOTE_MS = 50;
const MAX_NOTED = 1_000;

export function createAuditLog(store: Pick<Store, 'commit'>, now: () => string): AuditLog {
  const batcher = createBatcher<Audit, void>(
    async (rows) => async () => {
      const merged = new Map<string, Audit>();
      for (const row of rows) {
        const key = JSON.stringify([row.client, row.action, row.target, row.outcome, row.code, row.outcome === 'success' && row.requestId]);
        const before = merged.get(key);
        merged.set(key, before ? { ...before, count: before.count + row.count } : row);
      }
      await store.commit({ audits: [...merged.values()] });
      return rows.map(() => undefined);
    },
    { limit: MAX_NOTED },
  );

  let noted: Audit[] = [];
  let timer: NodeJS.Timeout | undefined;
  let flushing: Promise<void> | undefined;
  let failed = false;

  function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    flushing ??= save().finally(() => {
      flushing = undefined;
    });
    return flushing;
  }

  async function save(): Promise<void> {
    while (noted.length > 0) {
      const rows = noted;
      noted = [];
      const results = await Promise.allSettled(rows.map(batcher.submit));
      const fault = results.find(({ status }) => status === 'rejected');
      failed = fault !== undefined;
      if (fault?.status !== 'rejected') continue;
      // Kept for the next attempt, which the next read makes.
      noted = [...rows.filter((_, index) => results[index]?.status === 'rejected'), ...noted];
      throw fault.reason;
    }
  }

  return {
    write: (row) => batcher.submit({ ...row, at: now() }),
    async note(row) {
      // Rows of reads that were answered come first; without them no further read is answered.
      if (failed || noted.length >= MAX_NOTED) await flush();
      noted.push({ ...row, at: now() });
      timer ??= setTimeout(() => void flush().catch(() => undefined), NOTE_MS);
    },
    async idle() {
      await flush().catch(() => undefined);
      await batcher.idle();
    },
  };
}
