import { AppError } from '../errors/index.ts';

/**
 * Runs an operation of the store. What a driver throws becomes `store-unavailable`; its cause keeps the driver's code but not its
 * message where that may quote a value. Faults of our own code (TypeError …) stay what they are.
 */
export async function guard<T>(operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    if (error instanceof AppError || isFault(error)) throw error;
    throw new AppError('store-unavailable', {}, { cause: withoutValues(error) });
  }
}

function isFault(error: unknown): boolean {
  return error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError || error instanceof SyntaxError;
}

interface DriverError extends Error {
  readonly code?: string;
  readonly severity?: string;
  readonly table?: string;
  readonly constraint?: string;
  readonly errcode?: number;
}

function withoutValues(error: unknown): Error {
  if (!(error instanceof Error)) return new Error('unknown driver error');
  const { code, severity, table, constraint, errcode } = error as DriverError;
  // PostgreSQL's messages and details quote values; SQLite's and those of a broken connection name tables and addresses only.
  if (severity === undefined) return new Error([code, errcode, error.message].filter((part) => part !== undefined).join(' '));
  return new Error(['PostgreSQL', code, table, constraint].filter((part) => part !== undefined).join(' '));
}
