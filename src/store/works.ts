import { claimDeliveries } from './claims.ts';
import { commitPrepared } from './commit.ts';
import type { Engine, Writer } from './engine.ts';
import { settle } from './settle.ts';

/**
 * Transactions that ask the database a dozen things one after another and are run for each delivery or group of records. They are known
 * by name, with plain data in and out, so that an engine can run them where its database is.
 */
export const WORKS = { claim: claimDeliveries, settle, commit: commitPrepared } as const satisfies Record<
  string,
  (engine: Pick<Engine, 'dialect'>, writer: Writer, input: never, texts: readonly string[]) => Promise<unknown>
>;

export type WorkName = keyof typeof WORKS;
export type WorkInput<N extends WorkName> = Parameters<(typeof WORKS)[N]>[2];
export type WorkOutput<N extends WorkName> = Awaited<ReturnType<(typeof WORKS)[N]>>;

type Run = (engine: Pick<Engine, 'dialect'>, writer: Writer, input: unknown, texts: readonly string[]) => Promise<unknown>;

/** Does the work inside a transaction. @throws AppError as the work */
export const doWork = <N extends WorkName>(
  name: N,
  engine: Pick<Engine, 'dialect'>,
  writer: Writer,
  input: WorkInput<N>,
  texts: readonly string[],
): Promise<WorkOutput<N>> => (WORKS[name] as Run)(engine, writer, input, texts) as Promise<WorkOutput<N>>;
