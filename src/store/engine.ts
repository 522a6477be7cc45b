import type { Expression, Kysely, RawBuilder, SqlBool, Transaction } from 'kysely';
import type { Database } from './schema.ts';
import type { WorkInput, WorkName, WorkOutput } from './works.ts';

/** What the shared implementation needs of a database. All else is the same SQL on both. */
export interface Engine {
  readonly name: 'sqlite' | 'postgres';
  readonly dialect: Dialect;
  /** For reads; a write in progress never makes it wait. */
  readonly reader: Kysely<Database>;
  /**
   * One durable transaction. `work` may run more than once (after a deadlock between processes), so it must not change anything
   * outside of the transaction.
   */
  write<T>(work: (writer: Writer) => Promise<T>): Promise<T>;
  /**
   * One durable transaction of a known kind.
   *
   * @param texts long texts that belong to the input: what is run elsewhere goes there as JSON, and they as they are
   */
  run<N extends WorkName>(name: N, input: WorkInput<N>, texts?: readonly string[]): Promise<WorkOutput<N>>;
  /** Works are run in a thread of their own. */
  readonly worksElsewhere: boolean;
  /** Resolves when it can be read from and written to. */
  ping(): Promise<void>;
  /** @param upTo name of the last migration that is applied; without it all are */
  migrate(dryRun: boolean, upTo?: string): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** A transaction. */
export interface Writer {
  readonly db: Transaction<Database>;
  /** Many rows in one go; columns in the order of the values. */
  insert<T extends keyof Database & string>(
    table: T,
    columns: readonly (keyof Database[T] & string)[],
    rows: readonly (readonly Value[])[],
    conflict?: Conflict<keyof Database[T] & string>,
  ): Promise<void>;
  /** Many rows that exist, each by its key; in a row the values of the columns come first, that of the key last. */
  update<T extends keyof Database & string>(
    table: T,
    key: keyof Database[T] & string,
    columns: readonly (keyof Database[T] & string)[],
    rows: readonly (readonly Value[])[],
  ): Promise<void>;
  /** Numbers that no row of the table has. */
  allocate(kind: 'resource' | 'delivery', count: number): Promise<readonly number[]>;
  /**
   * Taken before the queue or the submissions change, held to the end. What is numbered under it becomes visible in the order of
   * its numbers, and two transactions never miss each other's deliveries.
   */
  lockOrder(): Promise<void>;
}

export type Value = string | number | null;

/** What to do with a row whose key exists: update these columns, or nothing if there are none. */
export interface Conflict<Column> {
  readonly key: readonly Column[];
  readonly update: readonly Column[];
}

export interface Dialect {
  /** True if rows can be locked and skipped (`FOR UPDATE SKIP LOCKED`); with a single writer there is nothing to lock. */
  readonly locksRows: boolean;
  /** True if the planner knows from statistics how many rows a condition stands for; else `search.ts` has to find the order. */
  readonly knowsCounts: boolean;
  /** The database's clock, in milliseconds since 1970. */
  readonly nowMs: RawBuilder<number>;
  inList(column: Expression<unknown>, values: readonly (string | number)[]): RawBuilder<SqlBool>;
  contains(column: Expression<unknown>, text: string): RawBuilder<SqlBool>;
  /** Numbers of a column of the subquery as one JSON text. */
  jsonNumbers(column: string, subquery: RawBuilder<unknown>): RawBuilder<string | null>;
}

/**
 * Lets other work of the process run when this much time has gone since the last pause. Short, because a commit to PostgreSQL asks a dozen
 * things one after another: with 8 ms between its turns it took twice as long while the next group was worked on.
 */
const SLICE_MS = 2;

/** Returns a function to be called often in a long loop: a promise to wait for when the slice is over, else undefined. */
export function createSlices(): () => Promise<void> | undefined {
  let since = performance.now();
  return () => {
    if (performance.now() - since < SLICE_MS) return undefined;
    return new Promise((resolve) =>
      setImmediate(() => {
        since = performance.now();
        resolve();
      }),
    );
  };
}
