import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type Kysely,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import { decodeRow, encodeText } from '../text.ts';
import type { Bound, Result } from './connection.ts';

/** The reading connection of this thread, or the writing one in its own. */
export interface Executor {
  execute(sql: string, values: readonly Bound[]): Result | Promise<Result>;
  rollback(): void | Promise<void>;
  close(): void | Promise<void>;
}

/** kysely over one connection of node:sqlite. */
export class NodeSqliteDialect implements Dialect {
  readonly #executor: Executor;
  readonly #exclusive: boolean;

  /** @param options.exclusive true for the writer: its users queue */
  constructor(executor: Executor, options: { exclusive: boolean }) {
    this.#executor = executor;
    this.#exclusive = options.exclusive;
  }

  createAdapter = () => new SqliteAdapter();
  createQueryCompiler = () => new SqliteQueryCompiler();
  createIntrospector = (db: Kysely<unknown>) => new SqliteIntrospector(db);

  createDriver(): Driver {
    const executor = this.#executor;
    const connection = createConnection(executor);
    const mutex = new Mutex();
    let release: (() => void) | undefined;
    return {
      init: async () => undefined,
      acquireConnection: async () => {
        if (this.#exclusive) release = await mutex.acquire();
        return connection;
      },
      releaseConnection: async () => release?.(),
      // Not `begin`: a transaction that reads before it writes would fail if another process wrote in between.
      beginTransaction: async () => {
        await executor.execute('begin immediate', []);
      },
      commitTransaction: async () => {
        await executor.execute('commit', []);
      },
      rollbackTransaction: async () => executor.rollback(),
      destroy: async () => {
        // After the transactions that wait, so that nothing is cut off in the middle.
        if (this.#exclusive) await mutex.acquire();
        await executor.close();
      },
    };
  }
}

function createConnection(executor: Executor): DatabaseConnection {
  return {
    executeQuery: async <R>({ sql, parameters }: CompiledQuery) => {
      const { rows, changes } = await executor.execute(sql, parameters.map(toBound));
      for (const row of rows) decodeRow(row);
      return { rows: rows as R[], numAffectedRows: BigInt(changes) };
    },
    streamQuery: () => {
      throw new Error('streaming is not supported');
    },
  };
}

export function toBound(value: unknown): Bound {
  if (typeof value === 'string') return encodeText(value);
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (value === null || value === undefined) return null;
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  throw new TypeError(`cannot bind a value of type ${typeof value}`);
}

/** First come, first served. */
class Mutex {
  #last: Promise<void> = Promise.resolve();

  /** Resolves with the function that passes the lock on. */
  async acquire(): Promise<() => void> {
    const before = this.#last;
    let release: () => void = () => undefined;
    this.#last = new Promise((resolve) => {
      release = resolve;
    });
    await before;
    return release;
  }
}
