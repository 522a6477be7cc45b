import type { Readable } from 'node:stream';
import type { Request } from 'express';
import { AppError } from '../errors/index.ts';
import { gunzip, type RawRecord, type ReaderLimits, readCsv, readJson, readNdjson } from '../intake/index.ts';
import type { Feed } from '../store/port.ts';

/** Records of a request: all at once (then one fault stores nothing) or as a stream. */
export type Body =
  | { readonly kind: 'whole'; readonly records: readonly RawRecord[] }
  | { readonly kind: 'stream'; readonly records: AsyncIterable<RawRecord> };

const JSON_TYPE = 'application/json';
const NDJSON_TYPES = ['application/x-ndjson', 'application/ndjson'];
const CSV_TYPE = 'text/csv';

/**
 * Opens the body by its Content-Type and Content-Encoding.
 *
 * @throws AppError `content-type`, `body-size`, and what the readers raise
 */
export async function openBody(request: Request, feed: Feed, limits: ReaderLimits): Promise<Body> {
  const [type, charset] = mediaType(request.get('content-type'));
  const csv = feed === 'facilities' && type === CSV_TYPE;
  if ((type !== JSON_TYPE && !NDJSON_TYPES.includes(type) && !csv) || !['', 'utf-8', 'utf8'].includes(charset)) {
    const allowed = [JSON_TYPE, NDJSON_TYPES[0], ...(feed === 'facilities' ? [CSV_TYPE] : [])].join(', ');
    throw new AppError('content-type', { allowed: `${allowed}; charset=utf-8` });
  }
  const source = decoded(request);
  if (NDJSON_TYPES.includes(type)) return { kind: 'stream', records: readNdjson(source, limits) };
  const declared = Number(request.get('content-length') ?? 0);
  if (declared > limits.jsonBytes) throw new AppError('body-size', { max: `${limits.jsonBytes / 1_048_576} MB` });
  if (csv) return { kind: 'stream', records: readCsv(source, limits) };
  return { kind: 'whole', records: await readJson(source, limits) };
}

/** The stream is left open when a reader stops early: destroying it would cut the connection before the answer. */
function decoded(request: Request): AsyncIterable<Uint8Array> {
  const encoding = (request.get('content-encoding') ?? 'identity').trim().toLowerCase();
  if (encoding === 'identity') return unbroken(request);
  if (encoding === 'gzip' || encoding === 'x-gzip') return unbroken(gunzip(request));
  throw new AppError('content-type', { allowed: 'Content-Encoding: gzip' });
}

const unbroken = (stream: Readable): AsyncIterable<Uint8Array> => stream.iterator({ destroyOnReturn: false });

function mediaType(header: string | undefined): [type: string, charset: string] {
  const [type = '', ...parameters] = (header ?? '').toLowerCase().split(';');
  const charset = parameters
    .map((parameter) => /^\s*charset\s*=\s*"?([^"\s]*)"?\s*$/.exec(parameter)?.[1])
    .find((found) => found !== undefined);
  return [type.trim(), charset ?? ''];
}
