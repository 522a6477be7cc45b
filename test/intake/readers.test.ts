import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors/index.ts';
import type { RawRecord } from '../../src/intake/raw-record.ts';
import { gunzip, readCsv, readJson, readNdjson } from '../../src/intake/readers.ts';

const limits = { jsonBytes: 100_000, lineBytes: 1_000, jsonDepth: 64 };

/** A body in chunks of `size` bytes, so that lines and characters are cut anywhere. */
async function* inChunks(body: Buffer | string, size = 7): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(body);
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

async function all(records: AsyncIterable<RawRecord>): Promise<RawRecord[]> {
  const found: RawRecord[] = [];
  for await (const record of records) found.push(record);
  return found;
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'none';
  } catch (error) {
    return error instanceof AppError ? error.code : String(error);
  }
}

describe('JSON reader', () => {
  it('one object and an array give records in order', async () => {
    expect((await readJson(inChunks('{"a":1}'), limits)).map(({ value }) => value)).toEqual([{ a: 1 }]);
    expect((await readJson(inChunks('\ufeff[{"a":1},{"a":2}]'), limits)).map(({ line }) => line)).toEqual([1, 2]);
  });

  it.each([
    ['', 'empty-body'],
    ['[]', 'empty-body'],
    ['{"a":', 'json-syntax'],
    ['[1]', 'json-syntax'],
    ['"text"', 'json-syntax'],
    ['[[{}]]', 'json-syntax'],
    [`${'['.repeat(10_000)}${']'.repeat(10_000)}`, 'json-depth'],
    [`{"a":"${'x'.repeat(200_000)}"}`, 'body-size'],
    [Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), 'encoding'],
  ])('a faulty body %# is a fault of the request', async (body, code) => {
    expect(await codeOf(readJson(inChunks(body, 4096), limits))).toBe(code);
  });

  it('a gzip bomb stops at the limit, broken gzip is refused', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000, 0x20));
    expect(await codeOf(readJson(gunzip(Readable.from(inChunks(bomb, 65_536))), limits))).toBe('body-size');
    expect(await codeOf(readJson(gunzip(Readable.from(inChunks('not gzip'))), limits))).toBe('encoding');
    const small = gzipSync('{"a":1}');
    expect((await readJson(gunzip(Readable.from(inChunks(small))), limits))[0]?.value).toEqual({ a: 1 });
  });
});

describe('NDJSON reader', () => {
  it('lines and characters cut anywhere come out whole; blank lines are nothing', async () => {
    const body = '{"name":"Sĩti"}\r\n\n   \n{"name":"Bü"}\n{"name":"last"}';
    for (const size of [1, 2, 3, 5, 1000]) {
      const records = await all(readNdjson(inChunks(body, size), limits));
      expect(records.map(({ value }) => value.name)).toEqual(['Sĩti', 'Bü', 'last']);
      expect(records.map(({ line }) => line)).toEqual([1, 4, 5]);
    }
  });

  it('a bad line is one refused record with its bytes kept, and its neighbours pass', async () => {
    const bad = Buffer.concat([Buffer.from('{"source_id":"K-1","nama":"'), Buffer.from([0xe9, 0xff]), Buffer.from('"}\n')]);
    const body = Buffer.concat([Buffer.from('{"a":1}\n'), bad, Buffer.from('{"a":\n[1]\n"x"\n{"a":2}\n')]);
    const records = await all(readNdjson(inChunks(body), limits));
    expect(records.map(({ fault }) => fault?.code)).toEqual([
      undefined,
      'not-utf8',
      'json-syntax-record',
      'json-syntax-record',
      'json-syntax-record',
      undefined,
    ]);
    expect(records[1]?.value).toEqual({ source_id: 'K-1' });
    expect(Buffer.from(records[1]?.payload.slice('base64:'.length) ?? '', 'base64')).toEqual(bad.subarray(0, -1));
  });

  it('a line over the limit is refused without being kept in memory', async () => {
    const body = `{"a":"${'x'.repeat(5_000)}"}\n{"a":2}\n`;
    const records = await all(readNdjson(inChunks(body, 100), limits));
    expect(records.map(({ fault }) => fault?.code)).toEqual(['line-size', undefined]);
    expect(records[0]?.payload).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  it('deep nesting in a line is refused, keys of prototypes are harmless', async () => {
    const body = `{"a":${'['.repeat(100)}${']'.repeat(100)}}\n{"__proto__":{"polluted":1},"b":{"\\u005f_proto__":{"polluted":1}}}\n`;
    const records = await all(readNdjson(inChunks(body, 50), limits));
    expect(records[0]?.fault?.code).toBe('json-depth');
    expect(Object.keys(records[1]?.value ?? {})).toEqual(['b']);
    expect(records[1]?.value.b).toEqual({});
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});

describe('CSV reader', () => {
  it.each([',', ';'])('header and cells with %s, BOM, blank cells and short rows', async (mark) => {
    const body = `\ufeffkind,code,name\nposyandu,P1,"Melati, 1"\n\npustu,P2\nposyandu,P3,\n`.replace(/,(?! 1)/g, mark);
    const records = await all(readCsv(inChunks(body, 9), limits));
    expect(records.map(({ value }) => value)).toEqual([
      { kind: 'posyandu', code: 'P1', name: 'Melati, 1' },
      { kind: 'pustu', code: 'P2' },
      { kind: 'posyandu', code: 'P3' },
    ]);
    expect(records.map(({ line }) => line)).toEqual([2, 4, 5]);
  });

  it('a broken quote, foreign bytes and size are faults of the request', async () => {
    expect(await codeOf(all(readCsv(inChunks('a,b\n"x,y\n'), limits)))).toBe('json-syntax');
    expect(await codeOf(all(readCsv(inChunks(Buffer.from([0x61, 0x0a, 0xff, 0x0a])), limits)))).toBe('encoding');
    expect(await codeOf(all(readCsv(inChunks(`a\n${'x\n'.repeat(80_000)}`, 4096), limits)))).toBe('body-size');
  });
});
