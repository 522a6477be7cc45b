import assert from 'node:assert/strict';
import { readCodeTable } from '../src/terminology/index.ts';
import { compare, type Effort, median, type Row, round } from './measure.ts';

const ROWS = 200_000;
const LOAD_MS = 1_000;
const MEMORY_MB = 80;

/** A large table of codes, beside a plain Map of the same rows as objects. */
export function benchTerminology(effort: Effort): Row[] {
  const codes = Array.from({ length: ROWS }, (_, index) => String(93_000_000 + index * 7));
  const bytes = Buffer.from(
    `system,code,display,id,module\n${codes.map((code, index) => `kfa,${code},Contoh obat ${index} tablet 500 mg (pabrik ${index % 97}),,\n`).join('')}`,
  );
  const options = { columns: ['system', 'code', 'display'], apart: 'module' };
  const times: number[] = [];
  const used = () => {
    // The second one frees the buffers of what the first one found.
    globalThis.gc?.();
    globalThis.gc?.();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return (heapUsed + arrayBuffers) / 1_048_576;
  };
  let table = readCodeTable('bench', bytes, options);
  for (let run = 0; run < effort.runs; run++) {
    const started = performance.now();
    table = readCodeTable('bench', bytes, options);
    times.push(performance.now() - started);
  }
  const before = used();
  const held = readCodeTable('bench', bytes, options);
  // The bytes of the file were there before, and belong to the table.
  const oursMb = used() - before + bytes.length / 1_048_576;
  const beforeMap = used();
  const plain = new Map(codes.map((code, index) => [code, held.row(index)]));
  const mapMb = used() - beforeMap;

  const asked = codes.filter((_, index) => index % 20 === 0);
  for (const code of asked) assert.equal(table.row(table.find('kfa', code)[0] as number).code, plain.get(code)?.code);
  const { rates, slowerThan } = compare(
    asked,
    { ours: (code) => table.row(table.find('kfa', code)[0] as number).display, map: (code) => plain.get(code)?.display },
    effort,
  );
  const load = median(times);
  return [
    {
      name: 'terminology/load-200k',
      unit: 'ms',
      ours: round(load),
      limit: `≤ ${LOAD_MS} ms`,
      max: round(Math.max(...times)),
      ok: load <= LOAD_MS,
      note: `${round(bytes.length / 1_048_576)} MB of CSV`,
    },
    {
      name: 'terminology/memory-200k',
      unit: 'MB',
      ours: round(oursMb),
      limit: `≤ ${MEMORY_MB} MB`,
      peers: { Map: round(mapMb) },
      ok: oursMb <= MEMORY_MB,
      note: globalThis.gc === undefined ? 'without a forced collection; the Map’s number is a rough one' : 'after a collection',
    },
    {
      name: 'terminology/lookup',
      unit: 'codes/s',
      ours: round(rates.ours ?? 0),
      peers: { Map: round(rates.map ?? 0) },
      ratio: round(slowerThan('ours', 'map')),
      note: 'ratio: how many times slower than a Map that holds all rows as objects',
    },
  ];
}
