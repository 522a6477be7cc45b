import { describe, expect, it } from 'vitest';
import { cut } from '../../src/cli/push.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (part: Uint8Array | undefined) => Buffer.from(part ?? []).toString('latin1');

describe('cutting files into requests', () => {
  it('NDJSON – at line ends, nothing lost, nothing changed', () => {
    const source = Uint8Array.from([...bytes('{"a":1}\n{"b":"'), 0xff, 0xfe, ...bytes('"}\n{"c":3}')]);
    const { contentType, records, pieces } = cut(source, 'day.ndjson', 2);
    expect(contentType).toBe('application/x-ndjson');
    expect(records).toBe(3);
    expect(pieces.map((piece) => piece.records)).toEqual([2, 1]);
    expect(Buffer.concat(pieces.map((piece) => piece.body)).equals(Buffer.from(source))).toBe(true);
  });

  it('CSV – every piece has the header', () => {
    const { records, pieces } = cut(bytes('kind,code\npustu,1\npustu,2\npustu,3\n'), 'facilities.csv', 2);
    expect(records).toBe(3);
    expect(pieces.map((piece) => text(piece.body))).toEqual(['kind,code\npustu,1\npustu,2\n', 'kind,code\npustu,3\n']);
  });

  it('JSON – one body', () => {
    const { contentType, pieces } = cut(bytes('[{},{}]'), 'records.json');
    expect(contentType).toBe('application/json');
    expect(pieces).toHaveLength(1);
  });

  it('an empty file has no piece', () => {
    expect(cut(bytes(''), 'day.ndjson').pieces).toEqual([]);
    expect(cut(bytes('kind,code\n'), 'facilities.csv').pieces).toEqual([]);
  });
});
