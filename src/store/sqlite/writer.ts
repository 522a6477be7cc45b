import { Worker } from 'node:worker_threads';
import { AppError, type ErrorCode } from '../../errors/index.ts';
import type { WorkInput, WorkName, WorkOutput } from '../works.ts';
import type { Bound, Result } from './connection.ts';

export interface Request {
  readonly id: number;
  readonly call: 'execute' | 'executeMany' | 'script' | 'rollback' | 'close' | 'work';
  /** Of `work`: its name. */
  readonly sql: string;
  readonly rows: readonly (readonly Bound[])[];
  /** Of `work`: its input as JSON, which costs a third of what Node's own copying of many small objects does. */
  readonly input?: string;
  readonly texts?: readonly string[];
}

export interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: Fault;
}

/** An error as it passes between threads. */
export interface Fault {
  readonly name: string;
  readonly message: string;
  readonly code?: string | undefined;
  readonly errcode?: number | undefined;
}

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** The writing connection, which lives in a thread of its own (`writer-thread.ts`). Calls are answered in order. */
export class SqliteWriter {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #next = 0;
  #failure: Error | undefined;

  constructor(path: string) {
    // Compiled, the file beside this one is JavaScript.
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    this.#worker = new Worker(new URL(`./writer-thread.${extension}`, import.meta.url), {
      workerData: path,
      // Rows only pass through: without a bound their garbage would be kept by the hundred megabytes.
      resourceLimits: { maxYoungGenerationSizeMb: 3 },
    });
    this.#worker.unref();
    this.#worker.on('message', ({ id, result, error }: Answer) => {
      const pending = this.#pending.get(id);
      this.#pending.delete(id);
      if (this.#pending.size === 0) this.#worker.unref();
      if (error) pending?.reject(thrown(error));
      else pending?.resolve(result);
    });
    this.#worker.on('error', (error) => this.#fail(error as Error));
    this.#worker.on('exit', () => this.#fail(new Error('the writing thread has ended')));
  }

  async execute(sql: string, values: readonly Bound[]): Promise<Result> {
    return (await this.#request('execute', sql, [values])) as Result;
  }

  async executeMany(sql: string, rows: readonly (readonly Bound[])[]): Promise<void> {
    await this.#request('executeMany', sql, rows);
  }

  async script(sql: string): Promise<void> {
    await this.#request('script', sql, []);
  }

  /** A whole transaction there. @throws AppError as the work */
  async work<N extends WorkName>(name: N, input: WorkInput<N>, texts: readonly string[]): Promise<WorkOutput<N>> {
    return JSON.parse((await this.#request('work', name, [], { input: JSON.stringify(input), texts })) as string) as WorkOutput<N>;
  }

  /** Resolves when the thread answers; at once while it is at work, whose end tells of a failure by itself. */
  async ping(): Promise<void> {
    if (this.#failure) throw this.#failure;
    if (this.#pending.size === 0) await this.execute('select 1', []);
  }

  async rollback(): Promise<void> {
    await this.#request('rollback', '', []);
  }

  async close(): Promise<void> {
    if (!this.#failure) await this.#request('close', '', []);
  }

  #request(call: Request['call'], sql: string, rows: Request['rows'], more?: Pick<Request, 'input' | 'texts'>): Promise<unknown> {
    if (this.#failure) return Promise.reject(this.#failure);
    const id = this.#next;
    this.#next += 1;
    // The process stays alive for an answer, but not for an idle thread.
    this.#worker.ref();
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#worker.postMessage({ id, call, sql, rows, ...more } satisfies Request);
    });
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#pending.values()) reject(this.#failure);
    this.#pending.clear();
  }
}

/** Faults of our own code stay what they are; the database's keep their code. */
function thrown(fault: Fault): Error {
  if (fault.name === 'AppError') return new AppError(fault.code as ErrorCode);
  const kind = [TypeError, RangeError, ReferenceError, SyntaxError].find(({ name }) => name === fault.name) ?? Error;
  return Object.assign(new kind(fault.message), {
    ...(fault.code !== undefined && { code: fault.code }),
    ...(fault.errcode !== undefined && { errcode: fault.errcode }),
  });
}
