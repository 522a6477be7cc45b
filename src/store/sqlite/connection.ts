import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';

/** Values as SQLite takes them. */
export type Bound = string | number | bigint | null;

export interface Result {
  readonly rows: unknown[];
  readonly changes: number;
}

/** Queries differ by their parts only, so few texts are many; the bound is for searches with unusual combinations. */
const MAX_STATEMENTS = 500;

/** One connection of node:sqlite, with its prepared statements by text. */
export class SqliteConnection {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  execute(sql: string, values: readonly Bound[]): Result {
    const statement = this.#prepare(sql);
    if (statement.columns().length > 0) return { rows: statement.all(...(values as SQLInputValue[])), changes: 0 };
    return { rows: [], changes: Number(statement.run(...(values as SQLInputValue[])).changes) };
  }

  executeMany(sql: string, rows: readonly (readonly Bound[])[]): void {
    const statement = this.#prepare(sql);
    for (const row of rows) statement.run(...row);
  }

  /** Several statements without values. */
  script(sql: string): void {
    this.#database.exec(sql);
  }

  rollback(): void {
    // SQLite itself gives a transaction up when the disk is full.
    if (this.#database.isTransaction) this.#database.exec('rollback');
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#database.prepare(sql);
    if (this.#statements.size >= MAX_STATEMENTS) {
      for (const oldest of this.#statements.keys()) {
        this.#statements.delete(oldest);
        break;
      }
    }
    this.#statements.set(sql, statement);
    return statement;
  }
}
