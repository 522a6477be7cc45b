import { AppError, CODES, type ErrorCode, type Issue, type Reason, type State } from '../errors/index.ts';
import type { Feed } from '../store/port.ts';
import { CommandError } from './command-error.ts';

/** A receipt as the service answers it. */
export interface Receipt {
  readonly id: string;
  readonly version: number;
  readonly sourceId: string | null;
  readonly state: State;
  readonly reason: Reason | null;
  readonly issues: readonly Issue[];
  readonly duplicateOf?: string;
}

export interface Target {
  /** Base URL of the service: `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly key: string;
}

/** Content of a file in pieces that one request carries; the bytes stay as they are, so that bad ones get their own receipt. */
export interface Pieces {
  readonly contentType: string;
  readonly records: number;
  readonly pieces: ReadonlyArray<{ body: Uint8Array; records: number }>;
}

const NEWLINE = 0x0a;

/** Cuts NDJSON and CSV at line ends; anything else goes as one JSON body. `source`: a file or a URL; its ending says what it holds. */
export function cut(bytes: Uint8Array, source: string, linesPerPiece = 100): Pieces {
  const name = /^https?:\/\//.test(source) ? new URL(source).pathname : source;
  if (/\.(ndjson|jsonl)$/i.test(name)) return { contentType: 'application/x-ndjson', ...cutLines(bytes, linesPerPiece, undefined) };
  if (/\.csv$/i.test(name)) {
    const end = bytes.indexOf(NEWLINE) + 1;
    return { contentType: 'text/csv', ...cutLines(bytes.subarray(end), linesPerPiece, bytes.subarray(0, end)) };
  }
  return { contentType: 'application/json', records: 1, pieces: [{ body: bytes, records: 1 }] };
}

function cutLines(bytes: Uint8Array, linesPerPiece: number, header: Uint8Array | undefined) {
  const pieces: Array<{ body: Uint8Array; records: number }> = [];
  let start = 0;
  let lines = 0;
  let total = 0;
  for (let index = 0; index < bytes.length; index++) {
    const last = index === bytes.length - 1;
    if (bytes[index] !== NEWLINE && !last) continue;
    lines++;
    if (lines < linesPerPiece && !last) continue;
    const part = bytes.subarray(start, index + 1);
    pieces.push({ body: header ? Buffer.concat([header, part]) : part, records: lines });
    total += lines;
    start = index + 1;
    lines = 0;
  }
  return { records: total, pieces };
}

/**
 * Sends one file's content to a feed and returns its receipts in the order of the file.
 *
 * @throws AppError of the service's own code and text when a whole request is refused; `busy` when the service cannot be reached
 */
export async function push(
  target: Target,
  feed: Feed,
  content: Pieces,
  options: { dryRun?: boolean; onProgress?: (done: number) => void } = {},
): Promise<{ receipts: Receipt[]; dryRuns: unknown[] }> {
  const receipts: Receipt[] = [];
  const dryRuns: unknown[] = [];
  let done = 0;
  for (const { body, records } of content.pieces) {
    const answer = await request(`${target.url}/api/v1/${feed}${options.dryRun ? '?dryRun=true' : ''}`, target.key, {
      method: 'POST',
      headers: { 'content-type': content.contentType },
      body: Uint8Array.from(body),
    });
    if (options.dryRun) dryRuns.push(answer);
    else receipts.push(...((answer as { receipts: Receipt[] }).receipts ?? []));
    done += records;
    options.onProgress?.(done);
  }
  return { receipts, dryRuns };
}

/** One request to the service; a refusal of the whole request becomes its error, receipts of 202 and 422 are an answer. */
export async function request(url: string, key: string, init: RequestInit = {}): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(url, { ...init, headers: { ...(init.headers as Record<string, string>), authorization: `Bearer ${key}` } });
  } catch (cause) {
    const { origin } = new URL(url);
    throw new CommandError(
      'busy',
      {
        id: `Layanan di ${origin} tidak dapat dihubungi. Jalankan dahulu dengan ilp-fhir serve, atau beri --url.`,
        en: `The service at ${origin} cannot be reached. Start it with ilp-fhir serve, or give --url.`,
      },
      { cause },
    );
  }
  const text = await response.text();
  let body: unknown;
  try {
    body = text === '' ? {} : JSON.parse(text);
  } catch (cause) {
    throw new CommandError(
      'busy',
      {
        id: `Alamat ${new URL(url).origin} menjawab, tetapi bukan sebagai layanan ini (HTTP ${response.status}). Periksa --url.`,
        en: `${new URL(url).origin} answers, but not as this service (HTTP ${response.status}). Check --url.`,
      },
      { cause },
    );
  }
  const error = (body as { error?: { code?: string; text?: Issue['text']; issues?: Issue[] } }).error;
  if (error !== undefined) {
    const code = error.code !== undefined && error.code in CODES ? (error.code as ErrorCode) : 'internal';
    throw new CommandError(code, error.text ?? new AppError(code).text, { issues: error.issues ?? [] });
  }
  return body;
}
