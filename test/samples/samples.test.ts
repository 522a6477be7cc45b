import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'csv-parse/sync';
import { getVillages } from 'idn-area-data';
import { beforeAll, describe, expect, it } from 'vitest';
import { generate } from '../../samples/generate.ts';
import { BREBES_COUNTS } from '../../samples/generator/network.ts';
import { OFFICIAL_NIKS } from '../../samples/generator/people.ts';
import { CODES, REASONS } from '../../src/errors/index.ts';

const folder = fileURLToPath(new URL('../../samples/', import.meta.url));
const read = (name: string): Buffer => readFileSync(path.join(folder, name));
const lines = (name: string): Buffer[] => {
  const bytes = read(name);
  const result: Buffer[] = [];
  let start = 0;
  for (let end = bytes.indexOf(0x0a); end !== -1; end = bytes.indexOf(0x0a, start)) {
    result.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return result;
};
type Raw = Record<string, unknown>;
const utf8 = new TextDecoder('utf-8', { fatal: true });
const parsed = (line: Buffer): Raw | undefined => {
  try {
    return JSON.parse(utf8.decode(line)) as Raw;
  } catch {
    return undefined;
  }
};
const records = (name: string): Raw[] =>
  lines(name)
    .map(parsed)
    .filter((raw) => raw !== undefined);
const csv = (name: string): Record<string, string>[] => parse(read(name), { columns: true }) as Record<string, string>[];

interface ExpectedRow {
  feed: 'encounters' | 'village-observations';
  line: number;
  sourceSystem: string | null;
  sourceId: string | null;
  expect: string;
  code?: string;
  reason?: string;
  duplicateOf?: string;
  fault?: string;
}
const expected = JSON.parse(read('expected.json').toString()) as { totals: Record<string, number>; records: ExpectedRow[] };
const day: Record<ExpectedRow['feed'], Buffer[]> = {
  encounters: lines('encounters.ndjson'),
  'village-observations': lines('village-observations.ndjson'),
};
const idOf = (raw: Raw): unknown => raw.sourceId ?? raw.source_id ?? raw.no_kunjungan ?? raw.id;

describe('the generator', () => {
  let made: ReadonlyMap<string, Buffer>;
  beforeAll(async () => {
    made = await generate();
  });

  it('makes the committed files again, byte by byte', () => {
    for (const [name, content] of made) expect(content.equals(read(name)), name).toBe(true);
  });

  it('makes every data file of the folder, and less than 3 MB together', () => {
    const data = readdirSync(folder).filter((name) => /\.(csv|ndjson|json)$/.test(name));
    expect(data.sort()).toEqual([...made.keys()].sort());
    expect([...made.values()].reduce((sum, content) => sum + content.length, 0)).toBeLessThan(3_000_000);
  });

  it('tells of every file what is official and what is generated', () => {
    const text = read('README.md').toString();
    for (const name of made.keys()) expect(text, name).toContain(`\`${name}\``);
  });
});

describe('the network', () => {
  const units = csv('facilities-brebes.csv');
  const of = (kind: string) => units.filter((unit) => unit.kind === kind);

  it('has the counts of the district', () => {
    expect(units).toHaveLength(2180);
    for (const kind of ['puskesmas', 'pustu', 'pkd', 'posyandu'] as const) expect(of(kind), kind).toHaveLength(BREBES_COUNTS[kind]);
    expect(of('posyandu').reduce((sum, unit) => sum + Number(unit.kader_count), 0)).toBe(BREBES_COUNTS.kader);
    expect(new Set(units.map((unit) => unit.code)).size).toBe(units.length);
  });

  it('flags the five loci', () => {
    const loci = units.filter((unit) => unit.ilp_stage === 'lokus').map((unit) => unit.name);
    expect(loci.sort()).toEqual(['Bojongsari', 'Brebes', 'Bumiayu', 'Sirampog', 'Siwuluh'].map((name) => `Puskesmas ${name}`));
  });

  it('covers the 297 villages, each in the kecamatan of its puskesmas', async () => {
    const villages = (await getVillages())
      .filter((village) => village.code.startsWith('33.29.'))
      .map((village) => village.code.replaceAll('.', ''));
    expect(villages).toHaveLength(297);
    expect(new Set(of('posyandu').map((unit) => unit.village_code))).toEqual(new Set(villages));
    const byCode = new Map(units.map((unit) => [unit.code, unit]));
    for (const unit of [...of('pustu'), ...of('pkd')]) {
      const puskesmas = byCode.get(unit.supervisor_code as string);
      expect(puskesmas?.kind).toBe('puskesmas');
      expect(unit.village_code?.slice(0, 6)).toBe(puskesmas?.village_code);
    }
  });

  it('gives each posyandu two parents: the unit that supervises it, and its village government', () => {
    for (const file of ['facilities-brebes.csv', 'facilities-buton-tengah.csv']) {
      const rows = csv(file);
      const byCode = new Map(rows.map((unit) => [unit.code, unit]));
      const posts = rows.filter((unit) => unit.kind === 'posyandu');
      expect(posts.length).toBeGreaterThan(0);
      for (const unit of posts) {
        expect(unit.parent_code).toBe(unit.village_code);
        const supervisor = byCode.get(unit.supervisor_code as string);
        expect(['pustu', 'pkd', 'puskesmas']).toContain(supervisor?.kind);
        if (supervisor?.kind !== 'puskesmas') expect(supervisor?.village_code).toBe(unit.village_code);
      }
    }
  });

  it('has one puskesmas in Central Indonesian Time', () => {
    const rows = csv('facilities-buton-tengah.csv');
    expect(rows.filter((unit) => unit.kind === 'puskesmas')).toHaveLength(1);
    expect(new Set(rows.map((unit) => unit.time_zone))).toEqual(new Set(['Asia/Makassar']));
  });
});

describe('the people', () => {
  const persons = records('persons.ndjson');
  const practitioners = records('practitioners.ndjson');
  const platform = JSON.parse(read('platform-people.json').toString()) as {
    patients: { nik?: string; nikIbu?: string; ihsNumber: string; birthDate: string }[];
    practitioners: { nik: string; ihsNumber: string }[];
  };

  it('are at least 900 persons and 40 practitioners, the official ones among them', () => {
    expect(persons.filter((person) => String(person.nik ?? '99').startsWith('99')).length).toBeGreaterThanOrEqual(900);
    expect(practitioners.length).toBeGreaterThanOrEqual(40);
    const all = new Set([...persons, ...practitioners].map((person) => person.nik));
    for (const nik of OFFICIAL_NIKS) expect(all.has(nik)).toBe(true);
  });

  it('have no NIK but official ones and the prefix 99, in any file', () => {
    for (const name of readdirSync(folder).filter((file) => /\.(csv|ndjson|json)$/.test(file))) {
      for (const [number] of read(name)
        .toString('latin1')
        .matchAll(/(?<!\d)\d{16}(?!\d)/g)) {
        expect(number.startsWith('99') || OFFICIAL_NIKS.has(number), `${name} holds a NIK of another kind`).toBe(true);
      }
    }
  });

  it('have sex and birth date in their generated NIK, and each its own', () => {
    const niks = persons.flatMap((person) => (person.nik === undefined ? [] : [String(person.nik)]));
    expect(new Set(niks).size).toBe(niks.length);
    for (const { nik, birthDate, gender } of platform.patients as unknown as { nik?: string; birthDate: string; gender: string }[]) {
      if (!nik?.startsWith('99')) continue;
      const [year, month, dayOfMonth] = birthDate.split('-') as [string, string, string];
      const dayPart = String(Number(dayOfMonth) + (gender === 'female' ? 40 : 0)).padStart(2, '0');
      expect(nik.slice(6, 12)).toBe(`${dayPart}${month}${year.slice(2)}`);
    }
  });

  it('are of all ages, with babies known by their mother', () => {
    const years = platform.patients.map((person) => 2026 - Number(person.birthDate.slice(0, 4)));
    for (const [from, to] of [
      [0, 0],
      [1, 4],
      [5, 5],
      [6, 17],
      [18, 59],
      [60, 100],
    ] as const) {
      expect(years.filter((year) => year >= from && year <= to).length, `${from}–${to}`).toBeGreaterThan(10);
    }
    const babies = platform.patients.filter((person) => person.nikIbu !== undefined);
    expect(babies.length).toBeGreaterThanOrEqual(20);
    const niks = new Set(platform.patients.map((person) => person.nik));
    for (const baby of babies) {
      expect(baby.nik).toBeUndefined();
      expect(niks.has(baby.nikIbu)).toBe(true);
    }
  });

  it('hold one pair of twins, told apart by birth order', () => {
    const twins = (platform.patients as { nikIbu?: string; birthOrder?: number; birthDate: string }[]).filter(
      (person) => (person.birthOrder ?? 0) > 0,
    );
    expect(twins.map((twin) => twin.birthOrder)).toEqual([1, 2]);
    expect(twins[0]?.nikIbu).toBe(twins[1]?.nikIbu);
    expect(twins[0]?.birthDate).toBe(twins[1]?.birthDate);
  });

  it('are known to the platform, but for five in a hundred', () => {
    expect(1 - platform.patients.length / persons.length).toBeCloseTo(0.05, 3);
    for (const { ihsNumber } of platform.patients) expect(ihsNumber).toMatch(/^P\d{11}$/);
    for (const { ihsNumber } of platform.practitioners) expect(ihsNumber).toMatch(/^\d{11}$/);
    expect(platform.practitioners).toHaveLength(practitioners.length);
  });

  it('have a platform client for each locus and for Buton Tengah', () => {
    const { clients } = JSON.parse(read('platform-clients.json').toString()) as { clients: { organizationId: string }[] };
    const own = [...csv('facilities-brebes.csv'), ...csv('facilities-buton-tengah.csv')]
      .filter((unit) => unit.kind === 'puskesmas' && (unit.ilp_stage === 'lokus' || unit.time_zone === 'Asia/Makassar'))
      .map((unit) => unit.satusehat_org_id);
    expect(clients.map((client) => client.organizationId).sort()).toEqual(own.sort());
  });
});

describe('the day', () => {
  const text = (feed: ExpectedRow['feed']): string => day[feed].map((line) => line.toString('latin1')).join('\n');

  it('has at least 250 cluster encounters and 350 village observations', () => {
    expect(day.encounters.length).toBeGreaterThanOrEqual(250);
    expect(day['village-observations'].length).toBeGreaterThanOrEqual(350);
  });

  it('has the services of the clusters', () => {
    for (const form of ['anc', 'mtbs', 'imunisasi', 'ptm', 'lansia', 'tb-terduga', 'laboratorium']) {
      expect(text('encounters').split(`"form":"${form}"`).length - 1, form).toBeGreaterThanOrEqual(5);
    }
    expect(text('encounters')).toMatch(/"cluster":"K4","form":"tb-terduga"/);
    expect(text('encounters')).toMatch(/"(labRequests|lab_requests|permintaan_lab)":\[\{/);
    for (const form of ['vitamin-a', 'edukasi', 'obat-cacing', 'ttd']) expect(text('village-observations')).toContain(`"form":"${form}"`);
    expect(text('village-observations')).toMatch(/"(dangerSigns|tanda_bahaya)":/);
  });

  it('has the habits of different vendors', () => {
    const all = `${text('encounters')}\n${text('village-observations')}\n${read('persons.ndjson').toString()}`;
    const habits: Record<string, RegExp> = {
      'pressure in one field': /"(bloodPressure|blood_pressure|td)":"\d{2,3}\/\d{2,3}"/,
      'decimal comma': /"\d+,\d"/,
      'day-first with slash': /"19\/08\/2026/,
      'day-first with dash': /"19-08-2026/,
      'dash for empty': /:"-"/,
      'L and P': /"(sex|jk)":"[LP]"/,
      '1 and 2 for sex': /"sex":"[12]"/,
      'time without offset': /T\d{2}:\d{2}:\d{2}"/,
      'time with offset': /T\d{2}:\d{2}:\d{2}\+07:00"/,
      'time with Z': /T\d{2}:\d{2}:\d{2}Z"/,
      kluster: /"[Kk]luster /,
      'old room without cluster': /"tgl_pulang":"[^"]+","poli":"(KIA|MTBS|IMUNISASI|LANSIA)"/,
      'contract 1': /"source_id":/,
    };
    for (const [name, pattern] of Object.entries(habits)) expect(all, name).toMatch(pattern);
  });
});

describe('the expectations', () => {
  const KINDS = [
    'unknown-facility',
    'nik-15-digits',
    'nik-scientific',
    'future-date',
    'end-before-start',
    'unknown-icd10',
    'weight-700',
    'missing-person',
    'not-validated',
    'duplicate',
    'unknown-cluster',
    'not-utf8',
  ];

  it('name every line of the day once, and the record that stands there', () => {
    const total = day.encounters.length + day['village-observations'].length;
    expect(new Set(expected.records.map((row) => `${row.feed}:${row.line}`)).size).toBe(total);
    expect(expected.records).toHaveLength(total);
    for (const row of expected.records) {
      const line = day[row.feed][row.line - 1];
      expect(line).toBeDefined();
      const raw = parsed(line as Buffer);
      if (row.fault === 'not-utf8') expect(raw).toBeUndefined();
      else {
        expect(idOf(raw as Raw)).toBe(row.sourceId);
        expect(raw?.sourceSystem ?? raw?.source_system).toBe(row.sourceSystem);
      }
    }
  });

  it('hold all twelve kinds, at least five in a hundred together, and exact re-sends', () => {
    const faults = expected.records.filter((row) => KINDS.includes(row.fault ?? ''));
    expect(new Set(faults.map((row) => row.fault))).toEqual(new Set(KINDS));
    expect(faults.length / expected.records.length).toBeGreaterThanOrEqual(0.05);
    const resends = expected.records.filter((row) => row.fault === 'resend');
    expect(resends.length).toBeGreaterThanOrEqual(2);
    for (const row of resends) {
      const line = day[row.feed][row.line - 1] as Buffer;
      expect(day[row.feed].findIndex((other) => other.equals(line))).toBeLessThan(row.line - 1);
    }
  });

  it('give each kind of refusal its own code, from the catalogue', () => {
    const codes = new Map(expected.records.filter((row) => row.expect === 'refused').map((row) => [row.fault, row.code]));
    expect(new Set(codes.values()).size).toBe(codes.size);
    for (const row of expected.records) {
      if (row.expect === 'refused') expect(CODES).toHaveProperty(row.code as string);
      if (row.expect === 'on-hold') expect(REASONS).toHaveProperty(row.reason as string);
      if (row.fault === 'duplicate') expect(expected.records.some((other) => other.sourceId === row.duplicateOf)).toBe(true);
    }
  });

  it('hold back whom the platform does not know, and keep home visits', () => {
    const reasons = expected.records.map((row) => row.reason);
    expect(reasons.filter((reason) => reason === 'identity').length).toBeGreaterThan(10);
    expect(expected.records.filter((row) => row.expect === 'kept-local').length).toBeGreaterThanOrEqual(50);
  });

  it('add up to their totals', () => {
    const { received, ...parts } = expected.totals;
    expect(Object.values(parts).reduce((sum, count) => sum + count, 0)).toBe(received);
    expect(received).toBe(expected.records.length);
  });
});
