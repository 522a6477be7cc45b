import { createHash } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { createGunzip, createGzip } from 'node:zlib';
import { AppError, type Bilingual } from '../errors/index.ts';

/*
 * One file with one member per table, in the form of tar (POSIX ustar), so that `tar` and `gunzip` open it too. The manifest is the last
 * member but one, its own hash the last: an archive that was cut lacks them.
 */
const BLOCK = 512;
const MANIFEST = 'manifest.json';
const MANIFEST_HASH = 'manifest.json.sha256';
const MAX_MANIFEST = 16 * 1024 * 1024;
/** 11 octal digits. */
const MAX_MEMBER = 8 ** 11 - 1;
/** Text that is handed to gzip at once. */
const CHUNK_CHARACTERS = 256 * 1024;
const PIECE = 128 * 1024;
/** A line is one row, with one payload or resource at most. */
const MAX_LINE = 256 * 1024 * 1024;

export interface Member {
  /** SHA-256 of the member as it lies in the file, hex. */
  readonly sha256: string;
  readonly rows: number;
}

export interface ArchiveWriter {
  /** Adds `<table>.ndjson.gz`. Memory: some hundred kilobytes, whatever the number of lines. */
  add(table: string, lines: AsyncIterable<readonly string[]>, onRows: (rows: number) => void): Promise<Member>;
  /** Writes the manifest and puts the file in its place: before that nothing has its name. */
  finish(manifest: object): Promise<void>;
  abandon(): Promise<void>;
}

/** @throws AppError `archive` where no file can be made there, or another kind of file has the name */
export async function createArchive(file: string): Promise<ArchiveWriter> {
  const target = path.resolve(file);
  const draft = `${target}.${process.pid}.part`;
  await refuseOther(target);
  const handle = await open(draft, 'wx', 0o600).catch((cause: NodeJS.ErrnoException) => {
    const code = cause.code ?? '-';
    throw archiveFault({ id: `berkas tidak dapat dibuat (${code})`, en: `the file cannot be made (${code})` }, cause);
  });
  let at = 0;

  async function put(bytes: Uint8Array): Promise<void> {
    let done = 0;
    while (done < bytes.length) {
      const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, at + done);
      done += bytesWritten;
    }
    at += bytes.length;
  }

  /** The size is known at the end, so the header is written last. */
  async function member(name: string, content: AsyncIterable<Uint8Array>): Promise<string> {
    const start = at;
    const hash = createHash('sha256');
    at += BLOCK;
    for await (const piece of content) {
      hash.update(piece);
      await put(piece);
    }
    const size = at - start - BLOCK;
    if (size > MAX_MEMBER) throw archiveFault({ id: 'sebuah tabel lebih besar dari 8 GB', en: 'a table is larger than 8 GB' });
    const padding = (BLOCK - (size % BLOCK)) % BLOCK;
    await put(new Uint8Array(padding));
    await handle.write(headerOf(name, size), 0, BLOCK, start);
    return hash.digest('hex');
  }

  return {
    async add(table, lines, onRows) {
      let rows = 0;
      const text = async function* () {
        let waiting = '';
        for await (const some of lines) {
          rows += some.length;
          for (const line of some) waiting += `${line}\n`;
          if (waiting.length < CHUNK_CHARACTERS) continue;
          yield Buffer.from(waiting, 'utf8');
          waiting = '';
          onRows(rows);
        }
        if (waiting !== '') yield Buffer.from(waiting, 'utf8');
        onRows(rows);
      };
      const gzip = createGzip({ level: 6 });
      const source = Readable.from(text());
      source.on('error', (error) => gzip.destroy(error));
      const sha256 = await member(memberOf(table), source.pipe(gzip));
      return { sha256, rows };
    },
    async finish(manifest) {
      const text = Buffer.from(`${JSON.stringify(manifest, undefined, 2)}\n`, 'utf8');
      const hash = await member(MANIFEST, Readable.from([text]));
      await member(MANIFEST_HASH, Readable.from([Buffer.from(`${hash}  ${MANIFEST}\n`)]));
      await put(new Uint8Array(2 * BLOCK));
      await handle.sync();
      await handle.close();
      await rename(draft, target);
      await syncFolder(path.dirname(target));
    },
    async abandon() {
      await handle.close().catch(() => undefined);
      await rm(draft, { force: true });
    },
  };
}

export interface ArchiveReader {
  readonly manifest: unknown;
  /** Lines of a table, some at a time. */
  lines(table: string): AsyncGenerator<readonly string[]>;
  has(table: string): boolean;
  /** Hash and number of lines, of what the file holds. @throws AppError `archive` where it cannot be unpacked */
  measure(table: string): Promise<Member>;
  close(): Promise<void>;
}

/** @throws AppError `archive` if it is none, or was cut or altered */
export async function openArchive(file: string): Promise<ArchiveReader> {
  const handle = await open(file, 'r').catch((cause: NodeJS.ErrnoException) => {
    const code = cause.code ?? '-';
    throw archiveFault({ id: `berkas tidak dapat dibaca (${code})`, en: `the file cannot be read (${code})` }, cause);
  });
  try {
    const members = await membersOf(handle);
    const manifest = await manifestOf(handle, members);
    const bytesOf = (table: string): Readable => Readable.from(piecesOf(handle, found(members, memberOf(table))));
    const lines = (table: string): AsyncGenerator<readonly string[]> => linesOf(bytesOf(table), table);
    return {
      manifest,
      lines,
      has: (table) => members.has(memberOf(table)),
      async measure(table) {
        const hash = createHash('sha256');
        for await (const piece of bytesOf(table)) hash.update(piece as Uint8Array);
        const sha256 = hash.digest('hex');
        let rows = 0;
        for await (const some of lines(table)) rows += some.length;
        return { sha256, rows };
      },
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

export const archiveFault = (detail: Bilingual, cause?: unknown): AppError =>
  new AppError('archive', { detail }, cause === undefined ? {} : { cause });

export const damaged = (where: string, cause?: unknown): AppError =>
  archiveFault({ id: `terpotong atau berubah (${where})`, en: `it was cut or altered (${where})` }, cause);

const memberOf = (table: string): string => `${table}.ndjson.gz`;

/** Only an older archive is replaced: a slip must not overwrite a database. */
async function refuseOther(target: string): Promise<void> {
  const handle = await open(target, 'r').catch(() => undefined);
  if (handle === undefined) return;
  try {
    const isArchive = (await handle.stat()).isFile() && (await membersOf(handle)).has(MANIFEST);
    if (isArchive) return;
  } catch {
    // Told below.
  } finally {
    await handle.close();
  }
  throw archiveFault({
    id: 'nama itu sudah dipakai berkas lain yang bukan arsip cadangan; pilih nama lain',
    en: 'another file that is no backup archive has that name; choose another name',
  });
}

interface Place {
  readonly start: number;
  readonly size: number;
}

async function membersOf(handle: FileHandle): Promise<ReadonlyMap<string, Place>> {
  const { size: total } = await handle.stat();
  const members = new Map<string, Place>();
  const header = Buffer.alloc(BLOCK);
  for (let at = 0; ; ) {
    const { bytesRead } = await handle.read(header, 0, BLOCK, at);
    if (bytesRead < BLOCK) throw at === 0 ? noArchive() : damaged('end');
    if (header.every((byte) => byte === 0)) break;
    const member = readHeader(header);
    if (member === undefined) throw at === 0 ? noArchive() : damaged('header');
    const start = at + BLOCK;
    if (start + member.size > total) throw damaged(member.name);
    members.set(member.name, { start, size: member.size });
    at = start + Math.ceil(member.size / BLOCK) * BLOCK;
  }
  return members;
}

const noArchive = (): AppError => archiveFault({ id: 'bukan arsip cadangan ilp-fhir', en: 'it is no backup archive of ilp-fhir' });

function found(members: ReadonlyMap<string, Place>, name: string): Place {
  const place = members.get(name);
  if (place === undefined) throw damaged(name);
  return place;
}

async function manifestOf(handle: FileHandle, members: ReadonlyMap<string, Place>): Promise<unknown> {
  if (!members.has(MANIFEST) && !members.has(MANIFEST_HASH)) throw noArchive();
  const text = async (name: string): Promise<Buffer> => {
    const { start, size } = found(members, name);
    if (size > MAX_MANIFEST) throw damaged(name);
    const bytes = Buffer.alloc(size);
    await handle.read(bytes, 0, size, start);
    return bytes;
  };
  const manifest = await text(MANIFEST);
  const told = (await text(MANIFEST_HASH)).toString('utf8').slice(0, 64);
  if (createHash('sha256').update(manifest).digest('hex') !== told) throw damaged(MANIFEST);
  try {
    return JSON.parse(manifest.toString('utf8'));
  } catch (cause) {
    throw damaged(MANIFEST, cause);
  }
}

async function* piecesOf(handle: FileHandle, { start, size }: Place): AsyncGenerator<Buffer> {
  for (let at = start; at < start + size; ) {
    const piece = Buffer.allocUnsafe(Math.min(PIECE, start + size - at));
    const { bytesRead } = await handle.read(piece, 0, piece.length, at);
    if (bytesRead === 0) throw damaged('end');
    at += bytesRead;
    yield piece.subarray(0, bytesRead);
  }
}

async function* linesOf(bytes: Readable, table: string): AsyncGenerator<readonly string[]> {
  const gunzip = createGunzip();
  bytes.on('error', (error) => gunzip.destroy(error));
  let rest: Buffer[] = [];
  let size = 0;
  try {
    for await (const piece of bytes.pipe(gunzip) as AsyncIterable<Buffer>) {
      rest.push(piece);
      size += piece.length;
      const last = piece.lastIndexOf(0x0a);
      if (last < 0) {
        if (size > MAX_LINE) throw damaged(table);
        continue;
      }
      const all = rest.length === 1 ? piece : Buffer.concat(rest);
      const end = all.length - (piece.length - last);
      yield all.toString('utf8', 0, end).split('\n');
      rest = end + 1 < all.length ? [Buffer.from(all.subarray(end + 1))] : [];
      size = all.length - end - 1;
    }
  } catch (error) {
    throw error instanceof AppError ? error : damaged(table, error);
  } finally {
    bytes.destroy();
  }
  if (size > 0) throw damaged(table);
}

/** POSIX ustar. */
function headerOf(name: string, size: number): Buffer {
  const header = Buffer.alloc(BLOCK);
  const octal = (value: number, length: number) => value.toString(8).padStart(length - 1, '0');
  header.write(name, 0, 100, 'utf8');
  header.write(`${octal(0o600, 8)}\0`, 100);
  header.write(`${octal(0, 8)}\0`, 108);
  header.write(`${octal(0, 8)}\0`, 116);
  header.write(`${octal(size, 12)}\0`, 124);
  header.write(`${octal(0, 12)}\0`, 136);
  header.write('0', 156);
  header.write('ustar\x0000', 257);
  header.write(`${octal(sumOf(header), 7)}\0 `, 148);
  return header;
}

function readHeader(header: Buffer): { name: string; size: number } | undefined {
  const text = (start: number, length: number) => header.toString('utf8', start, start + length).split('\0')[0] ?? '';
  const size = Number.parseInt(text(124, 12), 8);
  if (text(257, 6) !== 'ustar' || Number.parseInt(text(148, 8), 8) !== sumOf(header) || !Number.isSafeInteger(size)) return undefined;
  return { name: text(0, 100), size };
}

/** The field of the sum itself counts as blanks. */
function sumOf(header: Buffer): number {
  let sum = 8 * 0x20;
  for (const [index, byte] of header.entries()) if (index < 148 || index >= 156) sum += byte;
  return sum;
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}
