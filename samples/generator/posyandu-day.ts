import { educationAnswers, homeVisitAnswers, ironAnswers, openDayAnswers, vitaminAAnswers } from './answers.ts';
import { adultBody, childBody } from './body.ts';
import { ageInDays, ageInMonths } from './calendar.ts';
import type { Puskesmas, Unit } from './network.ts';
import { type Kader, openPosyandu, type Person, type Practitioner, VILLAGE_SYSTEM_OF } from './people.ts';
import type { Random } from './random.ts';
import type { Pool } from './visits.ts';

/** A posyandu contact or a home visit in plain terms. Minutes are local, since midnight. */
export interface VillageRecord {
  sourceSystem: string;
  sourceId: string;
  puskesmas: Puskesmas;
  posyandu: Unit;
  person: Person;
  context: 'hari_buka' | 'kunjungan_rumah';
  formCode: string;
  /** Time of the contact; absent when the card only has the date and the opening hours. */
  time?: number;
  sessionStart?: number;
  sessionEnd?: number;
  measurements: Record<string, unknown>;
  answers?: Record<string, unknown>;
  dangerSigns: string[];
  services: { form: string; answers?: Record<string, unknown> }[];
  referred: boolean;
  kader: Kader;
  validatedBy?: Practitioner;
}

/** Form of the card or the home-visit checklist, by the group of the person. */
const CARD: Readonly<Record<Person['group'], string>> = {
  bayi: 'kartu-balita',
  balita: 'kartu-balita',
  apras: 'kartu-balita',
  sekolah: 'kartu-remaja',
  bumil: 'kartu-bumil',
  nifas: 'kartu-bumil',
  ibu: 'kartu-dewasa',
  dewasa: 'kartu-dewasa',
  lansia: 'kartu-lansia',
  resmi: 'kartu-dewasa',
};

const HOME_FORM: Readonly<Partial<Record<Person['group'], string>>> = {
  bumil: 'rumah-bumil',
  nifas: 'rumah-nifas',
  bayi: 'rumah-bayi',
  balita: 'rumah-balita',
  dewasa: 'rumah-dewasa',
  lansia: 'rumah-lansia',
};

/**
 * The sample day in the villages of one puskesmas: an open day at two posyandu with all age groups, and home visits of their kader.
 */
export function villageDay(
  puskesmas: Puskesmas,
  practitioners: readonly Practitioner[],
  kader: readonly Kader[],
  pool: Pool,
  random: Random,
  size: 'full' | 'small',
): VillageRecord[] {
  const records: VillageRecord[] = [];
  const midwives = practitioners.filter((item) => item.profession === 'bidan' || item.profession === 'perawat');
  const groups: ReadonlyArray<readonly [group: Person['group'], count: number]> =
    size === 'full'
      ? [
          ['bayi', 4],
          ['balita', 10],
          ['apras', 2],
          ['sekolah', 5],
          ['bumil', 3],
          ['ibu', 4],
          ['dewasa', 3],
          ['lansia', 5],
        ]
      : [
          ['balita', 1],
          ['ibu', 1],
          ['lansia', 1],
        ];

  const near =
    (posyandu: Unit) =>
    (group: Person['group']): Person => {
      try {
        return pool.take(group, (person) => person.village.code === posyandu.villageCode);
      } catch {
        return pool.take(group);
      }
    };
  const sourceSystem = VILLAGE_SYSTEM_OF[puskesmas.code] as string;
  const nextId = (): string => `PY-${puskesmas.code.slice(-7)}-${String(records.length + 1).padStart(4, '0')}`;

  openPosyandu(puskesmas).forEach((posyandu, round) => {
    const take = near(posyandu);
    const staff = kader.filter((item) => item.posyandu.code === posyandu.code);
    const validator = random.pick(midwives);
    const sessionStart = 8 * 60 + round * 30;
    let minute = sessionStart + 5;
    for (const [group, count] of groups) {
      for (let i = 0; i < count; i++) {
        const person = take(group);
        minute += random.int(2, 5);
        const record: VillageRecord = {
          sourceSystem,
          sourceId: nextId(),
          puskesmas,
          posyandu,
          person,
          context: 'hari_buka',
          formCode: CARD[group],
          sessionStart,
          sessionEnd: 11 * 60 + 30 + round * 30,
          measurements: {},
          dangerSigns: [],
          services: [],
          referred: false,
          kader: random.pick(staff),
          validatedBy: validator,
        };
        // The cards hold the date only; the app stamps the time as well, for most.
        if (sourceSystem === 'posyandu-app' && random.chance(0.7)) record.time = minute;
        fillOpenDay(record, random);
        record.answers = openDayAnswers(person, random);
        records.push(record);
      }
    }
  });

  const homeGroups: ReadonlyArray<readonly [group: Person['group'], count: number]> =
    size === 'full'
      ? [
          ['bumil', 2],
          ['nifas', 1],
          ['bayi', 2],
          ['balita', 2],
          ['dewasa', 2],
          ['lansia', 3],
        ]
      : [
          ['lansia', 1],
          ['dewasa', 1],
        ];
  const [posyandu] = openPosyandu(puskesmas) as [Unit];
  const take = near(posyandu);
  let minute = 13 * 60;
  for (const [group, count] of homeGroups) {
    for (let i = 0; i < count; i++) {
      minute += random.int(12, 18);
      const person = take(group);
      const danger = i === 0;
      const form = HOME_FORM[group] as string;
      const { answers, dangerSigns } = homeVisitAnswers(group, danger, random);
      records.push({
        sourceSystem,
        sourceId: nextId(),
        puskesmas,
        posyandu,
        person,
        context: 'kunjungan_rumah',
        formCode: form,
        time: minute,
        measurements: {
          temperature: danger ? random.decimal(38, 38.9, 1) : random.decimal(36.2, 37.2, 1),
          ...(group === 'bumil' && { lila: random.decimal(22.4, 28, 1) }),
          ...((group === 'dewasa' || group === 'lansia') && { systolic: random.int(112, 158), diastolic: random.int(70, 96) }),
        },
        answers,
        dangerSigns,
        services: [{ form: 'edukasi', answers: educationAnswers(group, random) }],
        referred: danger,
        kader: random.pick(kader.filter((item) => item.posyandu.code === posyandu.code)),
        validatedBy: random.pick(midwives),
      });
    }
  }
  return records;
}

function fillOpenDay(record: VillageRecord, random: Random): void {
  const { person, measurements, services } = record;
  const months = ageInMonths(person.birthDate);
  if (person.group === 'bayi' || person.group === 'balita' || person.group === 'apras') {
    const body = childBody(person, random);
    measurements.weight = body.weight;
    measurements.height = body.height;
    measurements.posture = body.posture;
    measurements.headCircumference = body.headCircumference;
    if (body.lila !== undefined && months < 60) measurements.lila = body.lila;
    // August: vitamin A from 6 to 59 months (blue below one year, red after), a deworming tablet from 12 months.
    if (months >= 6 && months < 60) {
      const answers = vitaminAAnswers(months);
      services.push({ form: 'vitamin-a', ...(answers && { answers }) });
    }
    if (months >= 12) services.push({ form: 'obat-cacing' });
    services.push({ form: 'edukasi', answers: educationAnswers(person.group, random) });
    record.referred = random.chance(0.06);
    return;
  }
  if (person.group === 'sekolah') {
    const body = childBody(person, random);
    measurements.weight = body.weight;
    measurements.height = body.height;
    const years = Math.floor(months / 12);
    if (years >= 10) measurements.waist = random.decimal(56, 82, 1);
    if (years >= 10) {
      measurements.systolic = random.int(94, 118);
      measurements.diastolic = random.int(58, 76);
    }
    if (person.sex === 'female' && years >= 12) {
      const anaemic = random.chance(0.25);
      measurements.hb = anaemic ? random.decimal(10.2, 11.8, 1) : random.decimal(12, 14.1, 1);
      services.push({ form: 'ttd', answers: ironAnswers('remaja') });
    }
    services.push({ form: 'edukasi', answers: educationAnswers('sekolah', random) });
    return;
  }
  const body = adultBody(person, random);
  if (person.group === 'bumil') {
    const weeks = Math.floor(ageInDays(person.lmp as string) / 7);
    measurements.weight = Math.round((body.weight + weeks * 0.25) * 10) / 10;
    measurements.lila = body.lila;
    measurements.systolic = random.int(98, 126);
    measurements.diastolic = random.int(60, 80);
    if (random.chance(0.5)) measurements.hb = random.decimal(10.1, 12.9, 1);
    services.push({ form: 'ttd', answers: ironAnswers('bumil') }, { form: 'edukasi', answers: educationAnswers('bumil', random) });
    record.referred = body.lila < 23.5;
    return;
  }
  measurements.weight = body.weight;
  measurements.height = body.height;
  measurements.waist = body.waist;
  measurements.systolic = body.systolic;
  measurements.diastolic = body.diastolic;
  if (person.group === 'lansia' || random.chance(0.6)) {
    measurements.glucose = random.chance(0.15) ? random.int(201, 268) : random.int(84, 156);
    measurements.glucoseType = 'random';
  }
  if (person.group === 'ibu') measurements.lila = body.lila;
  services.push({ form: 'edukasi', answers: educationAnswers(person.group, random) });
  record.referred = body.systolic >= 140;
}
