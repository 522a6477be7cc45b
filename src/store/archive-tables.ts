import type { Database } from './schema.ts';

/**
 * Tables of an archive. Left out: `migration` (the manifest names them), `lease` and `shared_state` (what processes agree on at the
 * moment: leases, paces, tokens), which are wrong or of no use afterwards.
 */
export const ARCHIVE_TABLES = [
  'setting',
  'submission',
  'submission_payload',
  'facility',
  'person',
  'practitioner',
  'resource',
  'resource_history',
  'search_token',
  'search_reference',
  'search_string',
  'search_date',
  'delivery',
  'delivery_event',
  'delivery_dependency',
  'delivery_owner',
  'difference',
  'platform_id',
  'identity',
  'client',
  'credential',
  'job_run',
  'audit',
] as const satisfies readonly (keyof Database)[];

/** What is taken away when a database is replaced, besides the tables of the archive. */
export const OTHER_TABLES = ['lease', 'shared_state'] as const satisfies readonly (keyof Database)[];

/** A row in one of these makes a database more than one that was merely started once. */
export const FILLED_TABLES = [
  'submission',
  'resource',
  'facility',
  'person',
  'practitioner',
  'delivery',
  'platform_id',
  'client',
  'credential',
] as const satisfies readonly (keyof Database)[];

/** Environments that something is known of. */
export const ENVIRONMENTS_SQL = ['delivery', 'platform_id', 'identity', 'credential']
  .map((table) => `select distinct environment from ${table}`)
  .join(' union ');

/** Name of the shared value that marks a restored database; see `RESTORED` in sync. */
export const RESTORED_NAME = 'restored';

/** A read transaction: all that is read is of one moment, whatever is written meanwhile. */
export interface ArchiveSource {
  /** By the database's clock, epoch ms. */
  readonly takenMs: number;
  readonly migrations: readonly string[];
  first(sql: string): Promise<readonly unknown[]>;
  count(table: string): Promise<number>;
  columns(table: string): Promise<readonly string[]>;
  /** Rows as one line of JSON each, some at a time. */
  lines(table: string): AsyncIterable<readonly string[]>;
  close(): Promise<void>;
}

/** One transaction on a database that nobody else uses. */
export interface ArchiveTarget {
  readonly migrations: readonly string[];
  readonly columns: ReadonlyMap<string, ReadonlySet<string>>;
  filled(): Promise<boolean>;
  clear(): Promise<void>;
  load(table: string, columns: readonly string[], lines: readonly string[]): Promise<void>;
  mark(environment: string, value: string): Promise<void>;
  /** Sets the sequences and makes it durable. */
  commit(): Promise<void>;
  rollback(): Promise<void>;
  close(): Promise<void>;
}

/** How often, and how far apart, a database that is put back is looked at until nobody else has it open. */
export const LOOKS = 10;
export const LOOK_MS = 100;
