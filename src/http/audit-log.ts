import { createBatcher } from '../intake/index.ts';
import type { Audit, Store } from '../store/port.ts';

/** Writes audit rows. Equal rows of one moment become one with a count, so that a flood of refusals cannot fill the disk. */
export interface AuditLog {
  /** Resolves when the row is durable. @throws AppError `store-unavailable` */
  write(row: Omit<Audit, 'at'>): Promise<void>;
  idle(): Promise<void>;
}

export function createAuditLog(store: Pick<Store, 'commit'>, now: () => string): AuditLog {
  const batcher = createBatcher<Omit<Audit, 'at'>, void>(
    async (rows) => async () => {
      const at = now();
      const merged = new Map<string, Audit>();
      for (const row of rows) {
        const key = JSON.stringify([row.client, row.action, row.target, row.outcome, row.code, row.outcome === 'success' && row.requestId]);
        const before = merged.get(key);
        merged.set(key, before ? { ...before, count: before.count + row.count } : { ...row, at });
      }
      await store.commit({ audits: [...merged.values()] });
      return rows.map(() => undefined);
    },
    { limit: 1000 },
  );
  return { write: batcher.submit, idle: batcher.idle };
}
