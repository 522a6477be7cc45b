import { getVillages } from 'idn-area-data';
import type { Random } from './random.ts';

/** One row of the facilities CSV, in the order of its header. */
export interface Unit {
  kind: 'puskesmas' | 'pustu' | 'pkd' | 'posyandu';
  code: string;
  name: string;
  supervisorCode: string;
  parentCode: string;
  /** Day of the village's decision that made it a village institution (LKD). */
  parentSince: string;
  villageCode: string;
  ilpRole: string;
  ilpStage: string;
  ilpStart: string;
  category: string;
  inpatient: string;
  kaderCount: string;
  nakesCount: string;
  latitude: string;
  longitude: string;
  timeZone: string;
  satusehatOrgId: string;
}

export interface Village {
  /** Kemendagri, ten digits without dots. */
  code: string;
  name: string;
}

export interface Puskesmas {
  code: string;
  name: string;
  kecamatan: string;
  villages: Village[];
  unit: Unit;
  posyandu: Unit[];
  locus: boolean;
  organizationId: string;
  offsetHours: number;
}

export interface Network {
  units: Unit[];
  puskesmas: Puskesmas[];
  loci: Puskesmas[];
}

/**
 * The 38 puskesmas of Brebes: kode puskesmas, name, Kemendagri kecamatan. Real codes and names; the ninth digit (1 inpatient, 2 not) is
 * read as its published lists suggest. Loci: the five where ILP started in 2024.
 */
const BREBES: ReadonlyArray<readonly [code: string, name: string, kecamatan: string]> = [
  ['P3329010101', 'Salem', '33.29.01'],
  ['P3329010202', 'Bentar', '33.29.01'],
  ['P3329020101', 'Bantarkawung', '33.29.02'],
  ['P3329020202', 'Buaran', '33.29.02'],
  ['P3329030101', 'Bumiayu', '33.29.03'],
  ['P3329030202', 'Kaliwadas', '33.29.03'],
  ['P3329040101', 'Paguyangan', '33.29.04'],
  ['P3329040202', 'Winduaji', '33.29.04'],
  ['P3329050101', 'Sirampog', '33.29.05'],
  ['P3329060101', 'Tonjong', '33.29.06'],
  ['P3329060202', 'Kutamendala', '33.29.06'],
  ['P3329070101', 'Larangan', '33.29.15'],
  ['P3329070202', 'Sitanggal', '33.29.15'],
  ['P3329080101', 'Ketanggungan', '33.29.16'],
  ['P3329080102', 'Cikeusal Kidul', '33.29.16'],
  ['P3329090101', 'Banjarharjo', '33.29.17'],
  ['P3329090103', 'Bandungsari', '33.29.17'],
  ['P3329090202', 'Cikakak', '33.29.17'],
  ['P3329100101', 'Losari', '33.29.12'],
  ['P3329100102', 'Bojongsari', '33.29.12'],
  ['P3329100103', 'Kecipir', '33.29.12'],
  ['P3329110101', 'Tanjung', '33.29.13'],
  ['P3329110202', 'Kemurang Wetan', '33.29.13'],
  ['P3329110203', 'Luwunggede', '33.29.13'],
  ['P3329120201', 'Kersana', '33.29.11'],
  ['P3329130101', 'Kluwut', '33.29.14'],
  ['P3329130102', 'Bulakamba', '33.29.14'],
  ['P3329130203', 'Siwuluh', '33.29.14'],
  ['P3329140201', 'Wanasari', '33.29.08'],
  ['P3329140202', 'Jagalempeni', '33.29.08'],
  ['P3329140203', 'Sidamulya', '33.29.08'],
  ['P3329150101', 'Jatirokeh', '33.29.10'],
  ['P3329160101', 'Jatibarang', '33.29.07'],
  ['P3329160202', 'Klikiran', '33.29.07'],
  ['P3329170201', 'Brebes', '33.29.09'],
  ['P3329170202', 'Pemaron', '33.29.09'],
  ['P3329170203', 'Kalimati', '33.29.09'],
  ['P3329170204', 'Kaligangsa', '33.29.09'],
];

/** Middle of the kecamatan, to two decimals only: enough for a map, and no claim about a building. */
const LOCI: Readonly<Record<string, readonly [latitude: string, longitude: string]>> = {
  P3329170201: ['-6.87', '109.04'],
  P3329130203: ['-6.90', '108.95'],
  P3329030101: ['-7.25', '109.01'],
  P3329050101: ['-7.24', '109.08'],
  P3329100102: ['-6.85', '108.83'],
};

/** Counts of the district (press report of May 2024): they are what the generator must reach exactly. */
export const BREBES_COUNTS = { puskesmas: 38, pustu: 58, pkd: 235, posyandu: 1849, kader: 8017 } as const;

const POSYANDU_NAMES = [
  'Mawar',
  'Melati',
  'Anggrek',
  'Dahlia',
  'Kenanga',
  'Flamboyan',
  'Cempaka',
  'Teratai',
  'Bougenville',
  'Seruni',
  'Kamboja',
  'Wijaya Kusuma',
  'Nusa Indah',
  'Aster',
  'Tulip',
  'Sedap Malam',
];

const undotted = (code: string): string => code.replaceAll('.', '');

const emptyUnit = (kind: Unit['kind'], code: string, name: string, timeZone: string): Unit => ({
  kind,
  code,
  name,
  supervisorCode: '',
  parentCode: '',
  parentSince: '',
  villageCode: '',
  ilpRole: '',
  ilpStage: '',
  ilpStart: '',
  category: '',
  inpatient: '',
  kaderCount: '',
  nakesCount: '',
  latitude: '',
  longitude: '',
  timeZone,
  satusehatOrgId: '',
});

/** Whole numbers that add up to `total`, near their weights, each at least `min`. */
function share(weights: readonly number[], total: number, min: number): number[] {
  const free = total - min * weights.length;
  const sum = weights.reduce((a, b) => a + b, 0);
  const exact = weights.map((weight) => (free * weight) / sum);
  const result = exact.map((value) => min + Math.floor(value));
  const order = exact
    .map((value, index) => ({ index, rest: value - Math.floor(value) }))
    .sort((a, b) => b.rest - a.rest || a.index - b.index);
  let missing = total - result.reduce((a, b) => a + b, 0);
  for (const { index } of order) {
    if (missing === 0) break;
    result[index] = (result[index] as number) + 1;
    missing--;
  }
  return result;
}

/** Generated: one day for all posyandu of a village, in the first half of 2024, when Brebes began. Made from the code, not drawn. */
const decisionDay = (village: Village): string => `2024-0${1 + (Number(village.code.slice(-3)) % 6)}-15`;

function posyanduOf(village: Village, supervisor: Unit, count: number, random: Random, timeZone: string): Unit[] {
  const names = random.shuffle(POSYANDU_NAMES);
  return Array.from({ length: count }, (_, index) => {
    const round = Math.floor(index / names.length);
    const name = `${names[index % names.length]}${round > 0 ? ` ${round + 1}` : ''}`;
    const unit = emptyUnit(
      'posyandu',
      `${village.code}-PY${String(index + 1).padStart(2, '0')}`,
      `Posyandu ${name} ${village.name}`,
      timeZone,
    );
    unit.supervisorCode = supervisor.code;
    unit.parentCode = village.code;
    unit.parentSince = decisionDay(village);
    unit.villageCode = village.code;
    unit.ilpRole = 'community_post';
    return unit;
  });
}

function villageUnit(kind: 'pustu' | 'pkd', village: Village, puskesmas: Puskesmas, timeZone: string): Unit {
  const unit = emptyUnit(
    kind,
    `${village.code}-${kind === 'pustu' ? 'PT1' : 'PK1'}`,
    `${kind === 'pustu' ? 'Pustu' : 'PKD'} ${village.name}`,
    timeZone,
  );
  unit.supervisorCode = puskesmas.code;
  unit.villageCode = village.code;
  unit.ilpRole = 'village_unit';
  unit.nakesCount = kind === 'pustu' ? '2' : '1';
  unit.kaderCount = kind === 'pustu' ? '2' : '';
  return unit;
}

/**
 * The network of Brebes: 38 puskesmas with their villages, 58 pustu and 235 PKD (one village unit in each village but four, where the
 * puskesmas itself stands), and 1,849 posyandu, each with two parents.
 */
export async function brebesNetwork(random: Random): Promise<Network> {
  const timeZone = 'Asia/Jakarta';
  const villages = (await getVillages({ transform: true })).filter((village) => village.districtCode.startsWith('33.29.'));
  const byKecamatan = new Map<string, Village[]>();
  for (const village of villages) {
    const list = byKecamatan.get(village.districtCode) ?? [];
    list.push({ code: undotted(village.code), name: village.name });
    byKecamatan.set(village.districtCode, list);
  }

  const puskesmas: Puskesmas[] = BREBES.map(([code, name, kecamatan], index) => {
    const place = LOCI[code];
    const unit = emptyUnit('puskesmas', code, `Puskesmas ${name}`, timeZone);
    unit.villageCode = undotted(kecamatan);
    unit.ilpRole = 'coordinator';
    unit.category = kecamatan === '33.29.09' ? 'perkotaan' : 'pedesaan';
    unit.inpatient = code[8] === '1' ? 'ya' : 'tidak';
    unit.satusehatOrgId = String(100329001 + index);
    if (place) {
      unit.ilpStage = 'lokus';
      unit.ilpStart = '2024-05-06';
      unit.latitude = place[0];
      unit.longitude = place[1];
    }
    return {
      code,
      name,
      kecamatan,
      villages: [],
      unit,
      posyandu: [],
      locus: place !== undefined,
      organizationId: unit.satusehatOrgId,
      offsetHours: 7,
    };
  });

  // The village that bears a puskesmas's name belongs to it; the others follow in equal runs of the official order.
  for (const [kecamatan, all] of byKecamatan) {
    const hosts = puskesmas.filter((item) => item.kecamatan === kecamatan);
    const rest = all.filter((village) => {
      const host = hosts.find((item) => item.name === village.name);
      host?.villages.push(village);
      return !host;
    });
    const size = Math.ceil(all.length / hosts.length);
    for (const village of rest) {
      const host = hosts.find((item) => item.villages.length < size) ?? hosts[hosts.length - 1];
      host?.villages.push(village);
    }
    for (const host of hosts) host.villages.sort((a, b) => (a.code < b.code ? -1 : 1));
  }

  // Four villages have no unit of their own, because the puskesmas stands there; 58 of the others have a pustu.
  const withoutUnit = new Set(
    puskesmas
      .flatMap((item) => item.villages.filter((village) => village.name === item.name).slice(0, 1))
      .slice(0, villages.length - BREBES_COUNTS.pustu - BREBES_COUNTS.pkd)
      .map((village) => village.code),
  );
  const pustu = new Set<string>();
  for (let round = 0; pustu.size < BREBES_COUNTS.pustu; round++) {
    for (const item of [...puskesmas].sort((a, b) => Number(b.locus) - Number(a.locus))) {
      const free = item.villages.filter((village) => !withoutUnit.has(village.code) && !pustu.has(village.code));
      if (pustu.size < BREBES_COUNTS.pustu && free.length > 0 && round < 2) pustu.add(random.pick(free).code);
    }
  }

  const ordered = puskesmas.flatMap((item) => item.villages.map((village) => ({ item, village })));
  const counts = share(
    ordered.map(() => random.decimal(0.6, 1.6, 3)),
    BREBES_COUNTS.posyandu,
    2,
  );
  const villageUnits: Unit[] = [];
  ordered.forEach(({ item, village }, index) => {
    let supervisor = item.unit;
    if (!withoutUnit.has(village.code)) {
      supervisor = villageUnit(pustu.has(village.code) ? 'pustu' : 'pkd', village, item, timeZone);
      villageUnits.push(supervisor);
    }
    item.posyandu.push(...posyanduOf(village, supervisor, counts[index] as number, random, timeZone));
  });

  const posyandu = puskesmas.flatMap((item) => item.posyandu);
  const kader = share(
    posyandu.map(() => random.decimal(0.5, 1.5, 3)),
    BREBES_COUNTS.kader,
    3,
  );
  posyandu.forEach((unit, index) => {
    unit.kaderCount = String(kader[index]);
  });

  const rank = { puskesmas: 0, pustu: 1, pkd: 2, posyandu: 3 };
  const units = [...puskesmas.map((item) => item.unit), ...villageUnits, ...posyandu].sort(
    (a, b) => rank[a.kind] - rank[b.kind] || (a.code < b.code ? -1 : a.code > b.code ? 1 : 0),
  );
  return { units, puskesmas, loci: puskesmas.filter((item) => item.locus) };
}

/** One puskesmas of Buton Tengah, in Central Indonesian Time, with two pustu and four posyandu. Its kode puskesmas is invented. */
export async function butonTengahNetwork(random: Random): Promise<Network> {
  const timeZone = 'Asia/Makassar';
  const villages = (await getVillages({ transform: true }))
    .filter((village) => village.districtCode === '74.14.01')
    .slice(0, 4)
    .map((village) => ({ code: undotted(village.code), name: village.name }));
  const unit = emptyUnit('puskesmas', 'P7414010101', 'Puskesmas Lakudo', timeZone);
  unit.villageCode = '741401';
  unit.ilpRole = 'coordinator';
  unit.ilpStage = 'persiapan';
  unit.category = 'terpencil';
  unit.inpatient = 'ya';
  unit.satusehatOrgId = '100741401';
  const item: Puskesmas = {
    code: unit.code,
    name: 'Lakudo',
    kecamatan: '74.14.01',
    villages,
    unit,
    posyandu: [],
    locus: false,
    organizationId: unit.satusehatOrgId,
    offsetHours: 8,
  };
  const pustu = villages.slice(0, 2).map((village) => villageUnit('pustu', village, item, timeZone));
  villages.forEach((village, index) => {
    item.posyandu.push(...posyanduOf(village, pustu[index] ?? unit, 1, random, timeZone));
  });
  for (const post of item.posyandu) post.kaderCount = '5';
  return { units: [unit, ...pustu, ...item.posyandu], puskesmas: [item], loci: [item] };
}

const CSV_COLUMNS: ReadonlyArray<readonly [header: string, field: keyof Unit]> = [
  ['kind', 'kind'],
  ['code', 'code'],
  ['name', 'name'],
  ['supervisor_code', 'supervisorCode'],
  ['parent_code', 'parentCode'],
  ['parent_since', 'parentSince'],
  ['village_code', 'villageCode'],
  ['ilp_role', 'ilpRole'],
  ['ilp_stage', 'ilpStage'],
  ['ilp_start', 'ilpStart'],
  ['category', 'category'],
  ['inpatient', 'inpatient'],
  ['kader_count', 'kaderCount'],
  ['nakes_count', 'nakesCount'],
  ['latitude', 'latitude'],
  ['longitude', 'longitude'],
  ['time_zone', 'timeZone'],
  ['satusehat_org_id', 'satusehatOrgId'],
];

const cell = (value: string): string => (/[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);

/** The facilities feed as CSV, with the header of the contract. */
export function facilitiesCsv(units: readonly Unit[]): string {
  const lines = [CSV_COLUMNS.map(([header]) => header).join(',')];
  for (const unit of units) lines.push(CSV_COLUMNS.map(([, field]) => cell(unit[field])).join(','));
  return `${lines.join('\n')}\n`;
}
