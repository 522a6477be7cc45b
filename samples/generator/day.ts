import { damage, type FaultKind, OUTCOME, suits } from './faults.ts';
import type { Raw } from './habits.ts';
import type { Random } from './random.ts';

export type DayFeed = 'encounters' | 'village-observations';

/** A record of the day with what the generator knows of it. */
export interface Entry {
  feed: DayFeed;
  sourceSystem: string;
  sourceId: string;
  raw: Raw;
  /** For the order of arrival, and for times in faults. */
  minute: number;
  offsetHours: number;
  nik: string | undefined;
  personKnown: boolean;
  homeVisit: boolean;
  fault?: FaultKind;
  duplicateOf?: string;
}

/** One row of `expected.json`: where the record must end. Never written by the service. */
export interface Expected {
  feed: DayFeed;
  line: number;
  sourceSystem: string | null;
  sourceId: string | null;
  expect: 'delivered' | 'refused' | 'duplicate' | 'on-hold' | 'kept-local';
  code?: string;
  reason?: string;
  duplicateOf?: string;
  fault?: FaultKind;
}

/** How many of each fault a feed gets. Together more than five in a hundred of the day. */
export const FAULTS: Readonly<Record<DayFeed, ReadonlyArray<readonly [kind: FaultKind, count: number]>>> = {
  encounters: [
    ['unknown-facility', 3],
    ['nik-15-digits', 3],
    ['nik-scientific', 3],
    ['future-date', 3],
    ['end-before-start', 3],
    ['unknown-icd10', 3],
    ['weight-700', 3],
    ['missing-person', 2],
    ['unknown-cluster', 3],
    ['duplicate', 3],
    ['not-utf8', 1],
    ['resend', 3],
  ],
  'village-observations': [
    ['unknown-facility', 2],
    ['nik-15-digits', 2],
    ['nik-scientific', 2],
    ['future-date', 2],
    ['weight-700', 2],
    ['missing-person', 2],
    ['not-validated', 6],
    ['no-time', 2],
    ['duplicate', 3],
    ['not-utf8', 1],
    ['resend', 3],
  ],
};

/** Field that holds the record's id, by the shape of the record. */
function rename(raw: Raw, sourceId: string): Raw {
  const result = structuredClone(raw);
  const name = ['sourceId', 'source_id', 'no_kunjungan', 'id'].find((candidate) => candidate in result);
  if (name === undefined) throw new Error('a record without id');
  result[name] = sourceId;
  return result;
}

/** Damages some entries, adds duplicates and re-sends, and returns the lines of the file in order of arrival. */
export function withFaults(feed: DayFeed, entries: readonly Entry[], random: Random): Entry[] {
  const lines = [...entries].sort((a, b) => a.minute - b.minute || (a.sourceId < b.sourceId ? -1 : 1));
  const free = (kind: FaultKind): Entry => {
    const candidates = lines.filter(
      (entry) =>
        entry.fault === undefined && entry.duplicateOf === undefined && entry.personKnown && !entry.homeVisit && suits(kind, entry.raw),
    );
    const entry = random.pick(candidates);
    return entry;
  };
  // An original stays whole: it is marked, so that no later fault takes it.
  const originals = new Set<Entry>();
  const takeFree = (kind: FaultKind): Entry => {
    for (;;) {
      const entry = free(kind);
      if (!originals.has(entry)) return entry;
    }
  };

  for (const [kind, count] of FAULTS[feed]) {
    for (let ordinal = 0; ordinal < count; ordinal++) {
      const entry = takeFree(kind);
      const at = lines.indexOf(entry);
      switch (kind) {
        case 'duplicate': {
          originals.add(entry);
          const sourceId = `${entry.sourceId}-ULANG`;
          const copy: Entry = { ...entry, sourceId, raw: rename(entry.raw, sourceId), fault: kind, duplicateOf: entry.sourceId };
          lines.splice(Math.min(lines.length, at + random.int(3, 20)), 0, copy);
          break;
        }
        case 'resend':
          originals.add(entry);
          lines.push({ ...entry, fault: kind, duplicateOf: entry.sourceId });
          break;
        case 'not-utf8': {
          originals.add(entry);
          const sourceId = `${entry.sourceId}-RUSAK`;
          lines.splice(at + 1, 0, { ...entry, sourceId, raw: { ...rename(entry.raw, sourceId), catatan: `caf${BAD_BYTE}` }, fault: kind });
          break;
        }
        default:
          entry.raw = damage(kind, {
            raw: entry.raw,
            feed,
            nik: entry.nik,
            startMinute: entry.minute,
            offsetHours: entry.offsetHours,
            ordinal,
          });
          entry.fault = kind;
      }
    }
  }
  return lines;
}

/** Stands for one byte E9 (é in Latin-1) until the line is written. */
const BAD_BYTE = '\u0001';
const BAD_BYTE_JSON = Buffer.from('\\u0001');

/** NDJSON as bytes; one line in each day's file holds a byte that is not UTF-8. */
export function ndjson(lines: readonly Entry[]): Buffer {
  return Buffer.concat(
    lines.map((entry) => {
      const line = Buffer.from(`${JSON.stringify(entry.raw)}\n`);
      if (entry.fault !== 'not-utf8') return line;
      const at = line.indexOf(BAD_BYTE_JSON);
      return Buffer.concat([line.subarray(0, at), Buffer.from([0xe9]), line.subarray(at + BAD_BYTE_JSON.length)]);
    }),
  );
}

/** What must become of each line, by what the generator did to it. */
export function expectations(feed: DayFeed, lines: readonly Entry[]): Expected[] {
  return lines.map((entry, index) => {
    const place = { feed, line: index + 1, sourceSystem: entry.sourceSystem, sourceId: entry.sourceId };
    if (entry.fault === 'not-utf8') return { ...place, sourceSystem: null, sourceId: null, ...OUTCOME['not-utf8'], fault: entry.fault };
    if (entry.fault !== undefined) {
      return {
        ...place,
        ...OUTCOME[entry.fault],
        ...(entry.duplicateOf !== undefined && { duplicateOf: entry.duplicateOf }),
        fault: entry.fault,
      };
    }
    if (entry.homeVisit) return { ...place, expect: 'kept-local' };
    if (!entry.personKnown) return { ...place, expect: 'on-hold', reason: 'identity' };
    return { ...place, expect: 'delivered' };
  });
}
