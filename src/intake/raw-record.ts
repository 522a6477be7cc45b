import type { Issue } from '../errors/index.ts';

/** One record as a reader found it in a request. */
export interface RawRecord {
  /** Line in the request (1-based) for NDJSON and CSV, ordinal (1-based) in a JSON array. */
  readonly line: number;
  /** Payload to keep: the text as received, or `base64:…` where it was not text. */
  readonly payload: string;
  /** The value; for a line that could not be read only what could be saved of it, to find its key. */
  readonly value: Readonly<Record<string, unknown>>;
  /**
   * By what it is recognised when it comes again, where that is not its own content: a validated record is that of its sender with our
   * addition, and its sender will send it again as it was.
   */
  readonly contentHash?: string;
  /** Why it could not be read. Such a record is kept as refused. */
  readonly fault?: Issue;
}
