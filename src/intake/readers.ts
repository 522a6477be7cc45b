import { createHash } from 'node:crypto';
import { pipeline, Readable, Transform } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { CsvError, parse as csvParse } from 'csv-parse';
import { AppError, type ErrorCode, issue } from '../errors/index.ts';
import { parseJson, parseJsonText } from './json-limits.ts';
import type { RawRecord } from './raw-record.ts';

export interface ReaderLimits {
  /** Whole JSON or CSV body after gzip is undone, bytes. */
  readonly jsonBytes: number;
  /** One NDJSON line, bytes. */
  readonly lineBytes: number;
  readonly jsonDepth: number;
}

type Plain = Record<string, unknown>;

/**
 * Undoes gzip. The result is read with back-pressure, and each reader limits what it takes, so a bomb inflates no further than the limit.
 *
 * @throws AppError `encoding` (on read) where the stream is not gzip
 */
export function gunzip(source: Readable): Readable {
  const unzip = createGunzip();
  // Not `pipeline`: it would destroy the request when the reader stops early, and with it the way back for the answer.
  source.on('error', (error) => unzip.destroy(error));
  source.on('close', () => {
    if (!source.readableEnded) unzip.destroy(new Error('source closed early'));
  });
  source.pipe(unzip);
  return unzip;
}

/** One JSON object or an array of them. Faults are faults of the request: nothing of it is stored. */
export async function readJson(source: AsyncIterable<Uint8Array>, limits: ReaderLimits): Promise<readonly RawRecord[]> {
  const body = await readBody(source, limits.jsonBytes);
  if (body.length === 0) throw new AppError('empty-body');
  const value = parseJson(body, limits.jsonDepth);
  const list = Array.isArray(value) ? value : [value];
  if (list.length === 0) throw new AppError('empty-body');
  return list.map((item: unknown, index) => {
    if (!isPlain(item))
      throw new AppError(
        'json-syntax',
        { line: index + 1 },
        { issues: [issue('field-type', { field: `[${index}]`, expected: 'object' }, { field: `[${index}]` })] },
      );
    return { line: index + 1, payload: JSON.stringify(item), value: item };
  });
}

/** Whole body, at most `limit` bytes. @throws AppError `body-size`, `encoding` where gzip is broken */
export async function readBody(source: AsyncIterable<Uint8Array>, limit: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of guarded(source)) {
    size += chunk.length;
    if (size > limit) throw new AppError('body-size', { max: megabytes(limit) });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/**
 * NDJSON as a stream of any length. A bad line is one refused record, and never stops its neighbours.
 * Memory: one line and one chunk.
 */
export async function* readNdjson(source: AsyncIterable<Uint8Array>, limits: ReaderLimits): AsyncGenerator<RawRecord> {
  let parts: Buffer[] = [];
  let size = 0;
  let line = 0;
  let tooLong: ReturnType<typeof createHash> | undefined;

  const add = (piece: Buffer) => {
    size += piece.length;
    if (tooLong) tooLong.update(piece);
    else if (size > limits.lineBytes) {
      tooLong = createHash('sha256');
      for (const part of parts) tooLong.update(part);
      tooLong.update(piece);
      parts = [];
    } else parts.push(piece);
  };
  const finish = (): RawRecord | undefined => {
    line++;
    const hash = tooLong;
    const bytes = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
    parts = [];
    size = 0;
    tooLong = undefined;
    if (hash) return refusedLine(line, 'line-size', { max: megabytes(limits.lineBytes) }, `sha256:${hash.digest('hex')}`, {});
    return isBlank(bytes) ? undefined : recordOf(bytes, line, limits.jsonDepth);
  };

  for await (const chunk of guarded(source)) {
    const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    let start = 0;
    for (let end = buffer.indexOf(0x0a); end !== -1; end = buffer.indexOf(0x0a, start)) {
      add(buffer.subarray(start, end));
      const record = finish();
      if (record) yield record;
      start = end + 1;
    }
    if (start < buffer.length) add(buffer.subarray(start));
  }
  if (size > 0) {
    const record = finish();
    if (record) yield record;
  }
}

/** CSV with a header line (`code,name,…`); commas or semicolons, as Excel writes them here. Every value stays text. */
export async function* readCsv(source: AsyncIterable<Uint8Array>, limits: ReaderLimits): AsyncGenerator<RawRecord> {
  let size = 0;
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const decode = (bytes: Uint8Array, more: boolean): string => {
    try {
      return decoder.decode(bytes, { stream: more });
    } catch {
      throw new AppError('encoding');
    }
  };
  const bytes = Readable.from(guarded(source));
  const checked = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      size += chunk.length;
      if (size > limits.jsonBytes) return done(new AppError('body-size', { max: megabytes(limits.jsonBytes) }));
      try {
        done(null, decode(chunk, true));
      } catch (error) {
        done(error as Error);
      }
    },
    flush(done) {
      try {
        done(null, decode(new Uint8Array(), false));
      } catch (error) {
        done(error as Error);
      }
    },
  });
  const first = await firstLine(bytes);
  const delimiter = (first.line.match(/;/g)?.length ?? 0) > (first.line.match(/,/g)?.length ?? 0) ? ';' : ',';
  const parser = csvParse({
    columns: (header: string[]) => header.map((name) => name.trim()),
    delimiter,
    bom: true,
    trim: true,
    skip_empty_lines: true,
    info: true,
    relax_column_count_less: true,
    max_record_size: limits.lineBytes,
  });
  pipeline(Readable.from(first.all), checked, parser, () => {});
  try {
    for await (const { info, record } of parser as AsyncIterable<{ info: { lines: number }; record: Plain }>) {
      const value: Plain = {};
      for (const [name, cell] of Object.entries(record)) if (name !== '' && name !== '__proto__' && cell !== '') value[name] = cell;
      yield { line: info.lines, payload: JSON.stringify(value), value };
    }
  } catch (error) {
    if (error instanceof CsvError) throw new AppError('json-syntax', { line: Number((error as { lines?: number }).lines ?? 1) });
    throw error;
  }
}

/** The header, to see its delimiter, and the whole stream again. */
async function firstLine(source: AsyncIterable<Uint8Array>): Promise<{ line: string; all: AsyncIterable<Uint8Array> }> {
  const iterator = source[Symbol.asyncIterator]();
  const head: Uint8Array[] = [];
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
    head.push(next.value);
    if (Buffer.from(next.value).includes(0x0a)) break;
  }
  async function* all(): AsyncGenerator<Uint8Array> {
    yield* head;
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
  }
  return { line: Buffer.concat(head).toString('latin1').split('\n', 1)[0] ?? '', all: all() };
}

function recordOf(bytes: Buffer, line: number, maxDepth: number): RawRecord {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return refusedLine(line, 'not-utf8', {}, `base64:${bytes.toString('base64')}`, salvage(bytes.toString('utf8'), maxDepth));
  }
  try {
    const value = parseJsonText(text, maxDepth);
    if (isPlain(value)) return { line, payload: text.trim(), value };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    if (error.code === 'json-depth') return refusedLine(line, 'json-depth', { max: maxDepth }, `base64:${bytes.toString('base64')}`, {});
  }
  return refusedLine(line, 'json-syntax-record', { line }, `base64:${bytes.toString('base64')}`, {});
}

function refusedLine(line: number, code: ErrorCode, params: Record<string, string | number>, payload: string, value: Plain): RawRecord {
  return { line, payload, value, fault: issue(code, params, { severity: 'error' }) };
}

/** What can still be read of a line with broken bytes: only the fields that are whole, so that its key is right or absent. */
function salvage(text: string, maxDepth: number): Plain {
  try {
    const value = parseJsonText(text, maxDepth);
    if (!isPlain(value)) return {};
    return Object.fromEntries(Object.entries(value).filter(([, inner]) => typeof inner === 'string' && !inner.includes('\ufffd')));
  } catch {
    return {};
  }
}

/** Errors of the stream itself (broken gzip, a sender that went away) become faults of the request. */
async function* guarded(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* source;
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('encoding', {}, { cause: error });
  }
}

const isBlank = (bytes: Buffer): boolean => bytes.every((byte) => byte === 0x20 || byte === 0x0d || byte === 0x09);

const isPlain = (value: unknown): value is Plain => typeof value === 'object' && value !== null && !Array.isArray(value);

const megabytes = (bytes: number): string => (bytes >= 1_048_576 ? `${bytes / 1_048_576} MB` : `${Math.round(bytes / 1024)} kB`);
