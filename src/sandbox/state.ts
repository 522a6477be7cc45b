import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { AppError } from '../errors/index.ts';

/** What a kind of line means when it is read back. The value has the form that was recorded, if nobody edited the file. */
export type Replay = Readonly<Record<string, (value: unknown) => void>>;

/**
 * An append-only file, one JSON line `{"kind":value}` for each change. A line is written with one call and before the change is
 * answered, so whatever was answered is in the file when the process is killed at any moment; a line that was not finished was
 * never answered, and is cut off at the next start. It is not flushed to the disk itself: a power cut may lose the last lines.
 */
export class Journal {
  readonly #file: number;
  #size: number;

  /**
   * Opens or makes the file, and plays it back.
   *
   * @throws AppError `config` when it cannot be opened, or when a finished line is not one of ours
   */
  constructor(path: string, replay: Replay) {
    try {
      // Not for others: the secrets of clients that were added while it ran are in it.
      this.#file = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    } catch (cause) {
      throw new AppError('config', { detail: `--state: ${path} cannot be opened` }, { cause });
    }
    try {
      this.#size = play(this.#file, path, replay);
      if (this.#size < fstatSync(this.#file).size) ftruncateSync(this.#file, this.#size);
    } catch (error) {
      closeSync(this.#file);
      throw error;
    }
  }

  /** @param json the value, as JSON */
  append(kind: string, json: string): void {
    const bytes = Buffer.from(`{"${kind}":${json}}\n`);
    // Two simulators on one file would overwrite each other's lines.
    if (fstatSync(this.#file).size !== this.#size) throw new Error('another process writes the state file');
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(this.#file, bytes, written, bytes.length - written, this.#size + written);
    } catch (error) {
      // A full disk: half a line must not stand before the next one.
      ftruncateSync(this.#file, this.#size);
      throw error;
    }
    this.#size += bytes.length;
  }

  /** Empties the file. */
  clear(): void {
    ftruncateSync(this.#file, 0);
    this.#size = 0;
  }

  close(): void {
    closeSync(this.#file);
  }
}

const CHUNK = 4 * 1024 * 1024;
const NEWLINE = 0x0a;

/** @returns the number of bytes in finished lines */
function play(file: number, path: string, replay: Replay): number {
  const chunk = Buffer.allocUnsafe(CHUNK);
  let parts: Buffer[] = [];
  let done = 0;
  let line = 0;
  for (let position = 0; ; ) {
    const got = readSync(file, chunk, 0, CHUNK, position);
    if (got === 0) return done;
    position += got;
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0 && end < got; end = chunk.indexOf(NEWLINE, from)) {
      parts.push(Buffer.from(chunk.subarray(from, end)));
      from = end + 1;
      line++;
      const bytes = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
      parts = [];
      apply(bytes, replay, `--state: ${path} line ${line}`);
      done += bytes.length + 1;
    }
    if (from < got) parts.push(Buffer.from(chunk.subarray(from, got)));
  }
}

function apply(bytes: Buffer, replay: Replay, at: string): void {
  let entries: Array<[string, unknown]>;
  try {
    entries = Object.entries(JSON.parse(bytes.toString('utf8')) as object);
  } catch (cause) {
    throw new AppError('config', { detail: `${at}: not JSON` }, { cause });
  }
  for (const [kind, value] of entries) {
    if (!Object.hasOwn(replay, kind)) throw new AppError('config', { detail: `${at}: not a state of this simulator` });
    replay[kind]?.(value);
  }
}
