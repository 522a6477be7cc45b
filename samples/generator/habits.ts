import { clock, SAMPLE_DAY, type TimeHabit, writeDayFirst, writeTime } from './calendar.ts';
import type { Person, Practitioner } from './people.ts';
import type { VillageRecord } from './posyandu-day.ts';
import type { Random } from './random.ts';
import type { Visit } from './visits.ts';

/** A record as its source system writes it. */
export type Raw = Record<string, unknown>;

/** How each puskesmas's system writes times: offset, none, day first, `Z`. */
const TIME_HABIT: Readonly<Record<string, TimeHabit>> = {
  P3329170201: 'offset',
  P3329130203: 'none',
  P3329030101: 'day-first',
  P3329050101: 'day-first-dash',
  P3329100102: 'offset',
  P7414010101: 'utc',
};

const comma = (value: unknown): string => String(value).replace('.', ',');

const sexToken = { letter: { male: 'L', female: 'P' }, digit: { male: '1', female: '2' } } as const;

/** Spellings of a visit's cluster. Old rooms that settle the cluster may stand alone. */
function clusterWords(visit: Visit, random: Random): string {
  const words = {
    K2: ['K2', 'Klaster 2', 'kluster 2', 'klaster ibu dan anak', 'Kluster Ibu dan Anak', '2'],
    K3: ['K3', 'Klaster 3', 'kluster 3', 'klaster dewasa dan lansia', 'Kluster III', '3'],
  } as const;
  return random.pick(words[visit.cluster]);
}

const POLI_THAT_SETTLES = new Set(['KIA', 'MTBS', 'IMUNISASI', 'LANSIA']);

const inlineOf = (person: Person, sex: 'letter' | 'digit', birthDate: string): Raw => ({
  name: person.name,
  birthDate,
  sex: sexToken[sex][person.sex],
  ...(person.nik !== undefined && { nik: person.nik }),
  ...(person.nikIbu !== undefined && { nikIbu: person.nikIbu, birthOrder: person.birthOrder }),
  facilityCode: person.puskesmas.code,
});

/** Contract 2 with the small habits of its vendor: pressure in one field, decimal comma, `-` for empty, `L`/`P`. */
function visitAsContract2(visit: Visit, habit: TimeHabit, tidy: boolean, random: Random): Raw {
  const offset = visit.puskesmas.offsetHours;
  const { systolic, diastolic, ...others } = visit.vitals;
  const vitals: Raw = {};
  if (systolic !== undefined) {
    if (tidy) Object.assign(vitals, { systolic, diastolic });
    else vitals.bloodPressure = random.chance(0.8) ? `${systolic}/${diastolic}` : `${systolic} / ${diastolic} mmHg`;
  }
  for (const [name, value] of Object.entries(others)) {
    vitals[name] = !tidy && (name === 'weight' || name === 'temperature') && random.chance(0.5) ? comma(value) : value;
  }
  if (!tidy && vitals.spo2 === undefined && random.chance(0.5)) vitals.spo2 = '-';
  const inline = visit.person.nik === undefined || (!tidy && random.chance(0.08));
  return {
    sourceSystem: visit.sourceSystem,
    sourceId: visit.sourceId,
    facilityCode: visit.unit,
    person: inline
      ? { inline: inlineOf(visit.person, 'letter', writeDayFirst(visit.person.birthDate, '/')) }
      : random.chance(0.5)
        ? { nik: visit.person.nik }
        : { sourceId: visit.person.sourceId },
    practitioner: { nik: visit.practitioner.nik },
    start: writeTime(SAMPLE_DAY, visit.start, habit, offset),
    end: writeTime(SAMPLE_DAY, visit.end, habit, offset),
    cluster: tidy ? visit.cluster : clusterWords(visit, random),
    poli: visit.poli,
    visitType: visit.visitType,
    ...(visit.complaint !== undefined && { complaint: visit.complaint }),
    vitals,
    ...(visit.diagnoses.length > 0 && { diagnoses: visit.diagnoses.map((code, index) => ({ code, rank: index + 1 })) }),
    ...(visit.laboratory && { laboratory: visit.laboratory }),
    ...(visit.pregnancy && { pregnancy: visit.pregnancy }),
    ...(visit.immunizations && { immunizations: visit.immunizations }),
    ...(visit.services.length > 0 && { services: visit.services }),
    ...(visit.labRequests && { labRequests: visit.labRequests }),
    ...(visit.referrals && { referrals: visit.referrals }),
    disposition: visit.disposition,
  };
}

/** Contract 1: the same in one flat row, snake_case. */
function visitAsContract1(visit: Visit, habit: TimeHabit, random: Random): Raw {
  const offset = visit.puskesmas.offsetHours;
  const { systolic, diastolic, ...vitals } = visit.vitals;
  const laboratory = visit.laboratory ?? {};
  const pregnancy = visit.pregnancy ?? {};
  const snake = (values: Readonly<Record<string, unknown>>): Raw =>
    Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]),
    );
  return {
    source_system: visit.sourceSystem,
    source_id: visit.sourceId,
    facility_code: visit.unit,
    ...personColumns(visit.person, random),
    practitioner_nik: visit.practitioner.nik,
    start: writeTime(SAMPLE_DAY, visit.start, random.chance(0.5) ? habit : 'utc', offset),
    end: writeTime(SAMPLE_DAY, visit.end, habit, offset),
    cluster: clusterWords(visit, random),
    visit_type: visit.visitType,
    poli: visit.poli,
    ...(visit.complaint !== undefined && { complaint: visit.complaint }),
    ...(systolic !== undefined && { blood_pressure: `${systolic}/${diastolic}` }),
    ...snake(vitals),
    ...(vitals.spo2 === undefined && random.chance(0.4) && { spo2: 'tidak diukur' }),
    ...(visit.diagnoses.length > 0 && { icd10: visit.diagnoses.join(';') }),
    ...snake(laboratory),
    ...snake(pregnancy),
    ...(visit.immunizations && { immunizations: visit.immunizations }),
    ...(visit.services.length > 0 && { services: visit.services }),
    ...(visit.labRequests && { lab_requests: visit.labRequests }),
    ...(visit.referrals && { referrals: visit.referrals }),
    disposition: visit.disposition,
  };
}

function personColumns(person: Person, random: Random): Raw {
  if (person.nik !== undefined) return random.chance(0.5) ? { person_nik: person.nik } : { person_source_id: person.sourceId };
  return {
    person_name: person.name,
    person_birth_date: person.birthDate,
    person_sex: sexToken.digit[person.sex],
    person_nik_ibu: person.nikIbu,
    person_birth_order: person.birthOrder,
    person_facility_code: person.puskesmas.code,
  };
}

/** Register export with Indonesian headers (layout `simpus`): day-first dates, everything text, KB/KL, old rooms. */
function visitAsRegister(visit: Visit, habit: TimeHabit, random: Random): Raw {
  const offset = visit.puskesmas.offsetHours;
  const { systolic, diastolic, heartRate, respiratoryRate, temperature, weight, height, waist, lila, headCircumference, spo2 } =
    visit.vitals;
  const text = (value: unknown): string => (value === undefined ? '-' : comma(value));
  const laboratory = visit.laboratory ?? {};
  const pregnancy = visit.pregnancy ?? {};
  const glucose = laboratory.glucose;
  const roomOnly = POLI_THAT_SETTLES.has(visit.poli) && random.chance(0.5);
  return {
    layout: 'simpus',
    source_system: visit.sourceSystem,
    no_kunjungan: visit.sourceId,
    kode_puskesmas: visit.unit,
    ...(visit.person.nik === undefined
      ? {
          nama: visit.person.name,
          tgl_lahir: writeDayFirst(visit.person.birthDate, '-'),
          jk: sexToken.letter[visit.person.sex],
          nik_ibu_kandung: visit.person.nikIbu,
          anak_ke: String(visit.person.birthOrder),
        }
      : random.chance(0.5)
        ? { no_ktp: visit.person.nik }
        : { no_rm: visit.person.sourceId }),
    nik_petugas: visit.practitioner.nik,
    tgl_kunjungan: writeTime(SAMPLE_DAY, visit.start, habit, offset),
    tgl_pulang: writeTime(SAMPLE_DAY, visit.end, habit, offset),
    ...(!roomOnly && { klaster: clusterWords(visit, random) }),
    poli: visit.poli,
    kb_kl: visit.visitType === 'baru' ? 'KB' : 'KL',
    keluhan: visit.complaint ?? '-',
    td: systolic === undefined ? '-' : `${systolic}/${diastolic}`,
    nadi: text(heartRate),
    rr: text(respiratoryRate),
    suhu: text(temperature),
    bb: text(weight),
    tb: text(height),
    ...(waist !== undefined && { lp: text(waist) }),
    ...(lila !== undefined && { lila: text(lila) }),
    ...(headCircumference !== undefined && { lk: text(headCircumference) }),
    ...(spo2 !== undefined && { spo2: text(spo2) }),
    ...(visit.diagnoses.length > 0 && { icd10: visit.diagnoses.join(';') }),
    ...(glucose !== undefined && { [laboratory.glucoseType === 'fasting' ? 'gdp' : 'gds']: String(glucose) }),
    ...(laboratory.hb !== undefined && { hb: text(laboratory.hb) }),
    ...(laboratory.cholesterol !== undefined && { kolesterol: text(laboratory.cholesterol) }),
    ...(laboratory.uricAcid !== undefined && { asam_urat: text(laboratory.uricAcid) }),
    ...(laboratory.proteinUrine !== undefined && { protein_urin: laboratory.proteinUrine }),
    ...(laboratory.hiv !== undefined && { hiv: laboratory.hiv, sifilis: laboratory.syphilis, hbsag: laboratory.hepatitisB }),
    ...(laboratory.bloodGroup !== undefined && { golongan_darah: laboratory.bloodGroup }),
    ...(visit.pregnancy && {
      gravida: String(pregnancy.gravida),
      para: String(pregnancy.para),
      abortus: String(pregnancy.abortus),
      hpht: writeDayFirst(pregnancy.lmp as string, '/'),
      usia_kehamilan: `${pregnancy.gestationalAgeWeeks} minggu`,
      k_ke: pregnancy.contact,
      ...(pregnancy.fundalHeight !== undefined && { tfu: `${pregnancy.fundalHeight} cm` }),
      ...(pregnancy.fetalHeartRate !== undefined && { djj: String(pregnancy.fetalHeartRate) }),
      ...(pregnancy.fetalPresentation !== undefined && { presentasi_janin: pregnancy.fetalPresentation }),
      ...(pregnancy.weightBefore !== undefined && { bb_sebelum_hamil: text(pregnancy.weightBefore) }),
    }),
    ...(visit.immunizations && { imunisasi: visit.immunizations }),
    ...(visit.services.length > 0 && { layanan: visit.services }),
    ...(visit.labRequests && { permintaan_lab: visit.labRequests }),
    ...(visit.referrals && { rujukan: visit.referrals }),
    cara_pulang: visit.disposition === 'referred' ? 'dirujuk' : 'pulang',
  };
}

/** A visit as the system of its puskesmas writes it. */
export function dressVisit(visit: Visit, random: Random): Raw {
  const habit = TIME_HABIT[visit.puskesmas.code] as TimeHabit;
  switch (visit.sourceSystem) {
    case 'epus-bumiayu':
      return visitAsRegister(visit, habit, random);
    case 'simpus-bojongsari':
      return visitAsContract1(visit, habit, random);
    default:
      return visitAsContract2(visit, habit, visit.sourceSystem === 'simpus-lakudo', random);
  }
}

/** Workbook of the posyandu cards (layout `posyandu-csv`): one row a person, date without time, opening hours beside it. */
function villageAsCard(record: VillageRecord): Raw {
  const { measurements: m } = record;
  const text = (value: unknown): string => (value === undefined ? '-' : comma(value));
  return {
    layout: 'posyandu-csv',
    source_system: record.sourceSystem,
    id: record.sourceId,
    ...(record.person.nik === undefined
      ? {
          nama: record.person.name,
          tgl_lahir: writeDayFirst(record.person.birthDate, '/'),
          jk: sexToken.letter[record.person.sex],
          nik_ibu_kandung: record.person.nikIbu,
          anak_ke: String(record.person.birthOrder),
          person_facility_code: record.person.puskesmas.code,
        }
      : { nik: record.person.nik }),
    posyandu: record.posyandu.code,
    tanggal: writeDayFirst(SAMPLE_DAY, '/') + (record.context === 'kunjungan_rumah' ? ` ${clock(record.time as number)}` : ''),
    ...(record.sessionStart !== undefined && { jam_buka: clock(record.sessionStart), jam_tutup: clock(record.sessionEnd as number) }),
    jenis_kegiatan: record.context === 'hari_buka' ? 'hari buka' : 'kunjungan rumah',
    form_code: record.formCode,
    ...(m.weight !== undefined && { berat: text(m.weight) }),
    ...(m.height !== undefined && { tinggi: text(m.height) }),
    ...(m.posture !== undefined && { cara_ukur: m.posture }),
    lila: text(m.lila),
    ...(m.headCircumference !== undefined && { lk: text(m.headCircumference) }),
    ...(m.waist !== undefined && { lingkar_perut: text(m.waist) }),
    ...(m.systolic !== undefined && { td: `${m.systolic}/${m.diastolic}` }),
    ...(m.glucose !== undefined && { gds: text(m.glucose) }),
    ...(m.hb !== undefined && { hb: text(m.hb) }),
    ...(m.temperature !== undefined && { suhu: text(m.temperature) }),
    ...(record.answers && { answers: record.answers }),
    ...(record.dangerSigns.length > 0 && { tanda_bahaya: record.dangerSigns.join(';') }),
    ...(record.services.length > 0 && { layanan: record.services }),
    rujuk: record.referred ? 'ya' : 'tidak',
    kader_nik: record.kader.nik,
    nama_kader: record.kader.name,
    ...(record.validatedBy && { validated_by_nik: record.validatedBy.nik, validated_at: `${writeDayFirst(SAMPLE_DAY, '/')} 14:30` }),
  };
}

/** The app writes contract 2, with codes for sex and pressure in one field. */
function villageAsApp(record: VillageRecord, random: Random): Raw {
  const { systolic, diastolic, ...others } = record.measurements;
  const measurements: Raw = { ...others };
  if (systolic !== undefined) measurements.bloodPressure = `${systolic}/${diastolic}`;
  if (measurements.lila === undefined && random.chance(0.3)) measurements.lila = '-';
  if (measurements.weight !== undefined && random.chance(0.3)) measurements.weight = comma(measurements.weight);
  const offset = record.puskesmas.offsetHours;
  const habit: TimeHabit = record.puskesmas.offsetHours === 8 ? 'utc' : random.pick(['offset', 'none', 'utc']);
  return {
    sourceSystem: record.sourceSystem,
    sourceId: record.sourceId,
    person:
      record.person.nik === undefined ? { inline: inlineOf(record.person, 'digit', record.person.birthDate) } : { nik: record.person.nik },
    posyanduCode: record.posyandu.code,
    date: record.time === undefined ? SAMPLE_DAY : writeTime(SAMPLE_DAY, record.time, habit, offset),
    ...(record.sessionStart !== undefined && { sessionStart: clock(record.sessionStart), sessionEnd: clock(record.sessionEnd as number) }),
    context: record.context,
    formCode: record.formCode,
    measurements,
    ...(record.answers && { answers: record.answers }),
    ...(record.dangerSigns.length > 0 && { dangerSigns: record.dangerSigns }),
    ...(record.services.length > 0 && { services: record.services }),
    referred: record.referred,
    kader: { nik: record.kader.nik, name: record.kader.name },
    ...(record.validatedBy && {
      validatedBy: { nik: record.validatedBy.nik },
      validatedAt: writeTime(SAMPLE_DAY, 14 * 60 + 30, 'offset', offset),
    }),
  };
}

/** A village record as the app or the workbook writes it. */
export function dressVillageRecord(record: VillageRecord, random: Random): Raw {
  return record.sourceSystem === 'kartu-posyandu' ? villageAsCard(record) : villageAsApp(record, random);
}

/** A person as the registration of their puskesmas writes them. */
export function dressPerson(person: Person): Raw {
  const rest = {
    ...(person.nik !== undefined && { nik: person.nik }),
    ...(person.noKk !== undefined && { no_kk: person.noKk }),
  };
  switch (person.sourceSystem) {
    case 'epus-bumiayu':
      return {
        layout: 'simpus',
        source_system: person.sourceSystem,
        no_rm: person.sourceId,
        ...rest,
        ...(person.nikIbu !== undefined && { nik_ibu_kandung: person.nikIbu, anak_ke: String(person.birthOrder) }),
        nama: person.name,
        tgl_lahir: writeDayFirst(person.birthDate, '/'),
        jk: sexToken.letter[person.sex],
        kode_puskesmas: person.puskesmas.code,
        rt: person.rt,
        rw: person.rw,
        kode_desa: person.village.code,
        kode_posyandu: person.posyandu.code,
        ...(person.noJkn !== undefined && { no_bpjs: person.noJkn }),
        ...(person.marital !== undefined && { stts_nikah: person.marital.replace('_', ' ') }),
        ...(person.education !== undefined && { pendidikan: person.education }),
        ...(person.occupation !== undefined && { pekerjaan: person.occupation }),
        ...(person.motherName !== undefined && { nama_ibu: person.motherName }),
      };
    case 'simpus-bojongsari':
      return {
        source_system: person.sourceSystem,
        source_id: person.sourceId,
        ...rest,
        ...(person.nikIbu !== undefined && { nik_ibu: person.nikIbu, birth_order: person.birthOrder }),
        name: person.name,
        birth_date: person.birthDate,
        sex: sexToken.digit[person.sex],
        facility_code: person.puskesmas.code,
        rt: person.rt,
        rw: person.rw,
        village_code: person.village.code,
        posyandu_code: person.posyandu.code,
        ...(person.noJkn !== undefined && { no_jkn: person.noJkn }),
        ...(person.marital !== undefined && { marital: person.marital }),
        ...(person.education !== undefined && { education: person.education }),
        ...(person.occupation !== undefined && { occupation: person.occupation }),
        ...(person.motherName !== undefined && { mother_name: person.motherName }),
      };
    default:
      return {
        sourceSystem: person.sourceSystem,
        sourceId: person.sourceId,
        ...(person.nik !== undefined && { nik: person.nik }),
        ...(person.nikIbu !== undefined && { nikIbu: person.nikIbu, birthOrder: person.birthOrder }),
        ...(person.noKk !== undefined && { noKk: person.noKk }),
        name: person.name,
        birthDate: person.birthDate,
        sex: person.sourceSystem === 'simpus-lakudo' ? person.sex : sexToken.letter[person.sex],
        facilityCode: person.puskesmas.code,
        address: { rt: person.rt, rw: person.rw, villageCode: person.village.code },
        posyanduCode: person.posyandu.code,
        ...(person.noJkn !== undefined && { noJkn: person.noJkn }),
        ...(person.marital !== undefined && { marital: person.marital }),
        ...(person.education !== undefined && { education: person.education }),
        ...(person.occupation !== undefined && { occupation: person.occupation }),
        ...(person.motherName !== undefined && { motherName: person.motherName }),
      };
  }
}

export function dressPractitioner(practitioner: Practitioner): Raw {
  return {
    sourceSystem: practitioner.sourceSystem,
    sourceId: practitioner.sourceId,
    nik: practitioner.nik,
    name: practitioner.name,
    profession: practitioner.profession,
    facilityCode: practitioner.facilityCode,
    ...(practitioner.sip !== undefined && { sip: practitioner.sip }),
  };
}
