import { ancAnswers, educationAnswers, elderlyAnswers, laboratoryAnswers, mtbsAnswers, ncdAnswers, tbAnswers } from './answers.ts';
import { adultBody, childBody } from './body.ts';
import { ageInDays, ageInMonths, ageInYears } from './calendar.ts';
import type { Puskesmas, Unit } from './network.ts';
import type { Person, Practitioner } from './people.ts';
import type { Random } from './random.ts';

export interface Service {
  cluster: 'K2' | 'K3' | 'K4' | 'LK';
  form: string;
  sourceId?: string;
  answers?: Record<string, unknown>;
}

/** A cluster encounter in plain terms, before a source system writes it in its own way. Minutes are local, since midnight. */
export interface Visit {
  sourceSystem: string;
  sourceId: string;
  puskesmas: Puskesmas;
  unit: string;
  person: Person;
  practitioner: Practitioner;
  start: number;
  end: number;
  cluster: 'K2' | 'K3';
  poli: string;
  visitType: 'baru' | 'lama';
  complaint?: string;
  vitals: Record<string, number>;
  diagnoses: string[];
  laboratory?: Record<string, unknown>;
  pregnancy?: Record<string, unknown>;
  immunizations?: Record<string, unknown>[];
  services: Service[];
  labRequests?: Record<string, unknown>[];
  referrals?: Record<string, unknown>[];
  disposition: string;
}

/** Takes people of a group out of the pool, so that nobody has two records on the day. */
export interface Pool {
  take(group: Person['group'], suits?: (person: Person) => boolean): Person;
}

export function createPool(persons: readonly Person[], random: Random): Pool {
  // Twins come first, so that both are seen on the day.
  const left = random.shuffle(persons).sort((a, b) => Number((b.birthOrder ?? 0) > 0) - Number((a.birthOrder ?? 0) > 0));
  return {
    take(group, suits = () => true) {
      const index = left.findIndex((person) => person.group === group && suits(person));
      const person = left[index];
      if (!person) throw new Error(`no ${group} is left`);
      left.splice(index, 1);
      return person;
    },
  };
}

/** Vaccines due at an age in months, by the national schedule: token of the immunisation table and dose. */
const SCHEDULE: ReadonlyArray<
  readonly [fromMonth: number, toMonth: number, doses: ReadonlyArray<readonly [vaccine: string, dose: number]>]
> = [
  [
    0,
    1,
    [
      ['BCG', 1],
      ['OPV', 1],
    ],
  ],
  [
    2,
    2,
    [
      ['DPT-HB-Hib', 1],
      ['OPV', 2],
      ['PCV', 1],
      ['RV', 1],
    ],
  ],
  [
    3,
    3,
    [
      ['DPT-HB-Hib', 2],
      ['OPV', 3],
      ['PCV', 2],
      ['RV', 2],
    ],
  ],
  [
    4,
    8,
    [
      ['DPT-HB-Hib', 3],
      ['OPV', 4],
      ['IPV', 1],
      ['RV', 3],
    ],
  ],
  [
    9,
    11,
    [
      ['MR', 1],
      ['IPV', 2],
    ],
  ],
  [12, 17, [['PCV', 3]]],
  [
    18,
    23,
    [
      ['DPT-HB-Hib', 4],
      ['MR', 2],
    ],
  ],
];

const ROUTE_OF: Readonly<Record<string, readonly [route: string, site: string]>> = {
  BCG: ['intradermal', 'lengan kanan atas'],
  OPV: ['oral', 'mulut'],
  RV: ['oral', 'mulut'],
  IPV: ['intramuskular', 'paha kiri'],
  PCV: ['intramuskular', 'paha kanan'],
  'DPT-HB-Hib': ['intramuskular', 'paha kiri'],
  MR: ['subkutan', 'lengan kiri atas'],
};

const SICK_CHILD: ReadonlyArray<readonly [complaint: string, diagnosis: string, temperature: readonly [number, number]]> = [
  ['batuk pilek 3 hari', 'J06.9', [36.8, 37.9]],
  ['demam 2 hari', 'R50.9', [38.1, 39.4]],
  ['mencret sejak kemarin', 'A09.9', [36.7, 37.8]],
  ['batuk dan napas cepat', 'J18.9', [37.8, 39]],
  ['pilek dan hidung tersumbat', 'J00', [36.6, 37.5]],
  ['telinga keluar cairan', 'H66.9', [37.2, 38.2]],
  ['gatal dan ruam kulit', 'L20.9', [36.4, 37.1]],
  ['sariawan, tidak mau makan', 'K12.0', [36.7, 37.6]],
];

const SICK_ADULT: ReadonlyArray<readonly [complaint: string, diagnosis: string]> = [
  ['nyeri ulu hati', 'K30'],
  ['pegal dan nyeri otot', 'M79.1'],
  ['batuk pilek', 'J06.9'],
  ['sakit kepala', 'R51'],
  ['nyeri pinggang bawah', 'M54.5'],
  ['gatal di lipat paha', 'B35.6'],
  ['pusing berputar', 'H81.1'],
];

/** The reason codes are asked for by the record itself in most cases; the rest takes them from the reason table. */
const maybe = (random: Random, probability: number, code: string): string[] => (random.chance(probability) ? [code] : []);

/**
 * One day of a puskesmas: `size` says how many of each kind. Pustu of the area take every sixth visit.
 */
export function clusterVisits(
  puskesmas: Puskesmas,
  pustu: readonly Unit[],
  practitioners: readonly Practitioner[],
  pool: Pool,
  random: Random,
  size: 'full' | 'small',
): Visit[] {
  const visits: Visit[] = [];
  const by = (profession: string): Practitioner => {
    const found = practitioners.filter((item) => item.profession === profession);
    return random.pick(found.length > 0 ? found : practitioners);
  };
  const counts =
    size === 'full'
      ? { anc: 9, mtbs: 9, immunisation: 8, ncd: 9, elderly: 7, adult: 5, tb: 4, school: 3, official: 2 }
      : { anc: 1, mtbs: 1, immunisation: 1, ncd: 2, elderly: 1, adult: 1, tb: 1, school: 0, official: 0 };

  const add = (
    visit: Pick<Visit, 'person' | 'practitioner' | 'cluster' | 'poli' | 'vitals' | 'diagnoses' | 'services'> & Partial<Visit>,
  ): Visit => {
    const index = visits.length;
    const start = 7 * 60 + 30 + index * 6 + random.int(0, 4);
    const full: Visit = {
      sourceSystem: visit.person.sourceSystem,
      sourceId: `KJ-${puskesmas.code.slice(-7)}-${String(index + 1).padStart(4, '0')}`,
      puskesmas,
      unit: pustu.length > 0 && index % 6 === 5 && visit.labRequests === undefined ? random.pick(pustu).code : puskesmas.code,
      start,
      end: start + random.int(12, 35),
      visitType: random.chance(0.4) ? 'baru' : 'lama',
      disposition: 'home',
      ...visit,
    };
    visits.push(full);
    return full;
  };

  const adultVitals = (person: Person, withWaist: boolean): Record<string, number> => {
    const { waist, lila: _lila, ...vitals } = adultBody(person, random);
    return withWaist ? { ...vitals, waist } : { ...vitals };
  };

  for (let i = 0; i < counts.anc; i++) {
    const person = pool.take('bumil');
    const weeks = Math.floor(ageInDays(person.lmp as string) / 7);
    const contact = weeks <= 12 ? 'K1' : weeks <= 18 ? 'K2' : weeks <= 24 ? 'K3' : weeks <= 30 ? 'K4' : weeks <= 36 ? 'K5' : 'K6';
    const body = adultBody(person, random);
    const first = contact === 'K1';
    const gravida = random.int(1, 4);
    const anaemic = random.chance(0.2);
    const vitals: Record<string, number> = {
      systolic: random.int(100, 128),
      diastolic: random.int(62, 82),
      heartRate: body.heartRate,
      respiratoryRate: body.respiratoryRate,
      temperature: body.temperature,
      weight: Math.round((body.weight + weeks * 0.25) * 10) / 10,
    };
    if (first) {
      vitals.height = body.height;
      vitals.lila = body.lila;
    }
    const withLaboratory = first || contact === 'K5';
    const visit = add({
      person,
      practitioner: first || contact === 'K5' ? by('dokter') : by('bidan'),
      cluster: 'K2',
      poli: 'KIA',
      visitType: first ? 'baru' : 'lama',
      complaint: 'periksa kehamilan',
      vitals,
      diagnoses: anaemic && withLaboratory ? ['O99.0'] : maybe(random, 0.7, gravida === 1 ? 'Z34.0' : 'Z34.8'),
      pregnancy: {
        gravida,
        para: gravida - 1,
        abortus: 0,
        lmp: person.lmp,
        gestationalAgeWeeks: weeks,
        contact,
        ...(weeks >= 20 && { fundalHeight: weeks - random.int(0, 2) }),
        ...(weeks >= 14 && { fetalHeartRate: random.int(124, 156) }),
        ...(weeks >= 32 && { fetalPresentation: 'kepala' }),
        ...(first && { weightBefore: body.weight }),
      },
      services: [{ cluster: 'K2', form: 'anc', answers: ancAnswers(contact, weeks, gravida, random) }],
    });
    if (withLaboratory) {
      visit.unit = puskesmas.code;
      visit.laboratory = {
        hb: anaemic ? random.decimal(9.1, 10.8, 1) : random.decimal(11, 13.4, 1),
        ...(first && {
          hiv: 'nonreaktif',
          syphilis: 'nonreaktif',
          hepatitisB: 'nonreaktif',
          bloodGroup: random.pick(['A', 'B', 'AB', 'O']),
        }),
        ...(!first && { proteinUrine: 'negatif' }),
      };
      visit.labRequests = [{ sourceId: `${visit.sourceId}-L1`, code: 'hb', note: 'pemeriksaan rutin ANC' }];
    }
    if (anaemic && withLaboratory) {
      visit.referrals = [{ kind: 'internal', to: 'Poli Gizi', reasonCode: 'O99.0', note: 'konseling gizi ibu hamil anemia' }];
    }
  }

  for (let i = 0; i < counts.mtbs; i++) {
    const person = pool.take(i % 3 === 0 ? 'bayi' : 'balita', (candidate) => ageInMonths(candidate.birthDate) >= 2);
    const body = childBody(person, random);
    const [complaint, diagnosis, [low, high]] = SICK_CHILD[(i + visits.length) % SICK_CHILD.length] as (typeof SICK_CHILD)[number];
    const fastBreathing = diagnosis === 'J18.9';
    const infant = ageInMonths(person.birthDate) < 12;
    const respiratoryRate = fastBreathing ? random.int(infant ? 52 : 44, infant ? 58 : 50) : random.int(infant ? 28 : 22, infant ? 42 : 34);
    const temperature = random.decimal(low, high, 1);
    add({
      person,
      practitioner: random.chance(0.5) ? by('bidan') : by('perawat'),
      cluster: 'K2',
      poli: 'MTBS',
      complaint,
      vitals: {
        heartRate: random.int(98, 132),
        respiratoryRate,
        temperature,
        weight: body.weight,
        height: body.height,
        ...(fastBreathing && { spo2: random.int(94, 97) }),
      },
      diagnoses: [diagnosis],
      services: [{ cluster: 'K2', form: 'mtbs', answers: mtbsAnswers(diagnosis, temperature, random) }],
      ...(fastBreathing && i % 2 === 1
        ? {
            referrals: [{ kind: 'external' as const, to: 'RSUD Brebes', reasonCode: 'J18.9', note: 'pneumonia, perlu foto dada' }],
            disposition: 'referred',
          }
        : {}),
    });
  }

  for (let i = 0; i < counts.immunisation; i++) {
    const person =
      i < counts.immunisation - 2 || size === 'small'
        ? pool.take('bayi')
        : pool.take('balita', (candidate) => ageInMonths(candidate.birthDate) >= 12 && ageInMonths(candidate.birthDate) <= 23);
    const months = ageInMonths(person.birthDate);
    const body = childBody(person, random);
    const doses = SCHEDULE.find(([from, to]) => months >= from && months <= to)?.[2] ?? [];
    const visit = add({
      person,
      practitioner: by('bidan'),
      cluster: 'K2',
      poli: 'IMUNISASI',
      vitals: {
        temperature: random.decimal(36.3, 37.1, 1),
        weight: body.weight,
        height: body.height,
        headCircumference: body.headCircumference,
      },
      diagnoses: [],
      services: [{ cluster: 'K2', form: 'imunisasi' }],
    });
    visit.immunizations = doses.map(([vaccine, dose], index) => ({
      sourceId: `${visit.sourceId}-V${index + 1}`,
      vaccine,
      dose,
      lot: `${vaccine.replaceAll('-', '').toUpperCase().slice(0, 3)}${random.int(2600, 2699)}`,
      expiry: '2027-06-30',
      route: (ROUTE_OF[vaccine] as readonly [string, string])[0],
      site: (ROUTE_OF[vaccine] as readonly [string, string])[1],
    }));
    visit.diagnoses = maybe(random, 0.4, doses[0]?.[0] === 'BCG' ? 'Z23.2' : doses[0]?.[0] === 'DPT-HB-Hib' ? 'Z27.8' : 'Z26.9');
  }

  for (let i = 0; i < counts.ncd; i++) {
    const person = pool.take('dewasa', (candidate) => ageInYears(candidate.birthDate) >= 30);
    const vitals = adultVitals(person, true);
    const fasting = random.chance(0.4);
    const diabetic = random.chance(0.2);
    const glucose = diabetic ? random.int(fasting ? 128 : 205, fasting ? 182 : 290) : random.int(fasting ? 76 : 88, fasting ? 99 : 138);
    const hypertensive = (vitals.systolic as number) >= 140;
    const visit = add({
      person,
      practitioner: i % 2 === 0 ? by('dokter') : by('perawat'),
      cluster: 'K3',
      poli: 'UMUM',
      complaint: 'skrining kesehatan',
      vitals,
      diagnoses: [...(hypertensive ? ['I10'] : []), ...(diabetic ? ['E11.9'] : [])],
      laboratory: {
        glucose,
        glucoseType: fasting ? 'fasting' : 'random',
        ...(hypertensive && { cholesterol: random.int(168, 254) }),
        ...(i % 3 === 0 && { uricAcid: random.decimal(3.8, 7.4, 1) }),
      },
      services: [
        { cluster: 'K3', form: 'ptm', answers: ncdAnswers(person, random) },
        ...(hypertensive || diabetic ? [{ cluster: 'K3' as const, form: 'edukasi', answers: educationAnswers('ptm', random) }] : []),
      ],
    });
    if (diabetic) {
      visit.unit = puskesmas.code;
      visit.labRequests = [{ sourceId: `${visit.sourceId}-L1`, code: fasting ? 'gdp' : 'gds', note: 'pastikan kadar gula darah' }];
      visit.services.push({
        cluster: 'LK',
        form: 'laboratorium',
        sourceId: `${visit.sourceId}-S9`,
        answers: laboratoryAnswers(random.decimal(6.6, 9.8, 1)),
      });
    }
  }

  for (let i = 0; i < counts.elderly; i++) {
    const person = pool.take('lansia');
    const vitals = adultVitals(person, i % 2 === 0);
    const hypertensive = (vitals.systolic as number) >= 140;
    add({
      person,
      practitioner: by('perawat'),
      cluster: 'K3',
      poli: 'LANSIA',
      ...(i % 3 === 0 && { complaint: 'kontrol rutin' }),
      vitals,
      diagnoses: hypertensive ? ['I10'] : maybe(random, 0.3, 'M19.9'),
      ...(i % 2 === 0 && { laboratory: { glucose: random.int(90, 176), glucoseType: 'random', cholesterol: random.int(150, 248) } }),
      services: [{ cluster: 'K3', form: 'lansia', answers: elderlyAnswers(random) }],
    });
  }

  for (let i = 0; i < counts.adult; i++) {
    const person = pool.take('dewasa');
    const [complaint, diagnosis] = SICK_ADULT[(i + visits.length) % SICK_ADULT.length] as (typeof SICK_ADULT)[number];
    add({
      person,
      practitioner: by('dokter'),
      cluster: 'K3',
      poli: 'UMUM',
      complaint,
      vitals: adultVitals(person, false),
      diagnoses: [diagnosis],
      services: [],
    });
  }

  // Presumptive tuberculosis is a K4 service within a visit of the person's own cluster.
  for (let i = 0; i < counts.tb; i++) {
    const young = i === counts.tb - 1 && size === 'full';
    const person = young ? pool.take('sekolah', (candidate) => ageInYears(candidate.birthDate) < 18) : pool.take('dewasa');
    const body = childBody(person, random);
    const visit = add({
      person,
      practitioner: by('dokter'),
      cluster: young ? 'K2' : 'K3',
      poli: 'TB',
      complaint: 'batuk lebih dari 2 minggu',
      vitals: young
        ? {
            weight: body.weight,
            height: body.height,
            temperature: random.decimal(37, 37.9, 1),
            heartRate: random.int(80, 104),
            respiratoryRate: random.int(18, 24),
          }
        : { ...adultVitals(person, false), temperature: random.decimal(37, 37.9, 1) },
      diagnoses: ['Z03.0'],
      services: [],
    });
    visit.unit = puskesmas.code;
    visit.services.push({ cluster: 'K4', form: 'tb-terduga', sourceId: `${visit.sourceId}-S1`, answers: tbAnswers(young, random) });
    visit.labRequests = [{ sourceId: `${visit.sourceId}-L1`, code: 'tcm', note: 'terduga TBC, dahak sewaktu' }];
  }

  for (let i = 0; i < counts.school; i++) {
    const person = pool.take('sekolah', (candidate) => ageInYears(candidate.birthDate) < 18);
    const body = childBody(person, random);
    add({
      person,
      practitioner: by('perawat'),
      cluster: 'K2',
      poli: 'UMUM',
      complaint: 'sakit gigi dan demam',
      vitals: { temperature: random.decimal(36.8, 38.2, 1), weight: body.weight, height: body.height, heartRate: random.int(76, 104) },
      diagnoses: [random.pick(['K02.9', 'J02.9', 'R50.9'])],
      services: [],
    });
  }

  for (let i = 0; i < counts.official; i++) {
    const person = pool.take('resmi');
    const elderly = ageInYears(person.birthDate) >= 60;
    add({
      person,
      practitioner: by('dokter'),
      cluster: 'K3',
      poli: elderly ? 'LANSIA' : 'UMUM',
      complaint: 'skrining kesehatan',
      vitals: adultVitals(person, true),
      diagnoses: [],
      laboratory: { glucose: random.int(84, 138), glucoseType: 'random' },
      services: [
        elderly
          ? { cluster: 'K3', form: 'lansia', answers: elderlyAnswers(random) }
          : { cluster: 'K3', form: 'ptm', answers: ncdAnswers(person, random) },
      ],
    });
  }
  return visits;
}
