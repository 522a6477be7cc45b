import { type TimeHabit, writeTime } from './calendar.ts';
import type { Raw } from './habits.ts';

/** The twelve kinds of bad records, and two more that a real day has: an exact re-send, and a card without any time. */
export type FaultKind =
  | 'unknown-facility'
  | 'nik-15-digits'
  | 'nik-scientific'
  | 'future-date'
  | 'end-before-start'
  | 'unknown-icd10'
  | 'weight-700'
  | 'missing-person'
  | 'not-validated'
  | 'duplicate'
  | 'unknown-cluster'
  | 'not-utf8'
  | 'resend'
  | 'no-time';

/** What becomes of each: the error code of a refusal, or the reason of a hold. */
export const OUTCOME: Readonly<Record<FaultKind, { expect: 'refused' | 'duplicate' | 'on-hold'; code?: string; reason?: string }>> = {
  'unknown-facility': { expect: 'refused', code: 'facility-unknown' },
  'nik-15-digits': { expect: 'refused', code: 'nik-length' },
  'nik-scientific': { expect: 'refused', code: 'nik-scientific' },
  'future-date': { expect: 'refused', code: 'date-future' },
  'end-before-start': { expect: 'refused', code: 'period-order' },
  'unknown-icd10': { expect: 'refused', code: 'code-unknown' },
  'weight-700': { expect: 'refused', code: 'field-range' },
  'missing-person': { expect: 'refused', code: 'person-missing' },
  'not-validated': { expect: 'on-hold', reason: 'validation-pending' },
  duplicate: { expect: 'duplicate', reason: 'duplicate' },
  'unknown-cluster': { expect: 'refused', code: 'cluster-unknown' },
  'not-utf8': { expect: 'refused', code: 'not-utf8' },
  resend: { expect: 'duplicate', reason: 'resend' },
  'no-time': { expect: 'on-hold', reason: 'time-missing' },
};

/** J07, E19 and A14 are gaps of ICD-10: typing mistakes that look like codes. */
const MISSING_ICD10 = ['J07.1', 'E19.9', 'A14.0'];

/** Columns that name the person, in the flat forms. */
const PERSON_COLUMN = /^(person_.*|no_rm|no_ktp|nik|nama|tgl_lahir|jk|nik_ibu_kandung|anak_ke)$/;

type Shape = 'contract-2' | 'contract-1' | 'register' | 'card';

function shapeOf(raw: Raw): Shape {
  if (raw.layout === 'simpus') return 'register';
  if (raw.layout === 'posyandu-csv') return 'card';
  return 'source_id' in raw ? 'contract-1' : 'contract-2';
}

const isFlat = (raw: Raw): boolean => shapeOf(raw) !== 'contract-2';

function set(raw: Raw, names: Readonly<Partial<Record<Shape, string>>>, value: unknown): void {
  const name = names[shapeOf(raw)];
  if (name === undefined) throw new Error(`no such field in ${shapeOf(raw)}`);
  raw[name] = value;
}

function withoutPerson(raw: Raw): Raw {
  return Object.fromEntries(Object.entries(raw).filter(([name]) => (isFlat(raw) ? !PERSON_COLUMN.test(name) : name !== 'person')));
}

function withNik(raw: Raw, nik: string): Raw {
  const result = withoutPerson(raw);
  if (!isFlat(raw)) return { ...result, person: { nik } };
  set(result, { 'contract-1': 'person_nik', register: 'no_ktp', card: 'nik' }, nik);
  return result;
}

/** A field that a fault needs; used to choose which record to damage. */
export function suits(kind: FaultKind, raw: Raw): boolean {
  const text = JSON.stringify(raw);
  switch (kind) {
    case 'unknown-icd10':
      return 'diagnoses' in raw || 'icd10' in raw;
    case 'weight-700':
      return /"(weight|bb|berat)":/.test(text) && !/"(bb|berat)":"-"/.test(text);
    case 'duplicate':
      // Items with their own ids would tell the two apart.
      return !/"sourceId":"[^"]+-[LVS]\d/.test(text);
    case 'nik-15-digits':
    case 'nik-scientific':
      return /"(nik|person_nik|no_ktp)":"99\d{14}"/.test(text);
    default:
      return true;
  }
}

export interface FaultInput {
  raw: Raw;
  feed: 'encounters' | 'village-observations';
  nik: string | undefined;
  startMinute: number;
  offsetHours: number;
  /** Counts the faults of one kind, to vary them. */
  ordinal: number;
}

const habitOf = (text: string): TimeHabit =>
  /^\d{2}\/\d{2}/.test(text)
    ? 'day-first'
    : /^\d{2}-\d{2}/.test(text)
      ? 'day-first-dash'
      : text.endsWith('Z')
        ? 'utc'
        : /[+]\d{2}:/.test(text)
          ? 'offset'
          : 'none';

/** The same record with one fault. Kinds that concern a whole line (`not-utf8`, `duplicate`, `resend`) are made where lines are. */
export function damage(kind: FaultKind, input: FaultInput): Raw {
  const { feed, ordinal } = input;
  const raw = structuredClone(input.raw);
  const nik = input.nik ?? '9900000101900001';
  switch (kind) {
    case 'unknown-facility':
      if (feed === 'encounters') {
        set(raw, { 'contract-2': 'facilityCode', 'contract-1': 'facility_code', register: 'kode_puskesmas' }, 'P3329999999');
      } else set(raw, { 'contract-2': 'posyanduCode', card: 'posyandu' }, '3329099999-PY01');
      return raw;
    case 'nik-15-digits':
      return withNik(raw, nik.slice(0, 15));
    case 'nik-scientific':
      return withNik(raw, `${nik[0]}${ordinal % 2 === 0 ? '.' : ','}${nik.slice(1, 6)}E+15`);
    case 'future-date': {
      if (feed === 'encounters') {
        const start = { 'contract-2': 'start', 'contract-1': 'start', register: 'tgl_kunjungan' } as const;
        const end = { 'contract-2': 'end', 'contract-1': 'end', register: 'tgl_pulang' } as const;
        const was = String(raw[start[shapeOf(raw) as 'contract-1']]);
        set(raw, start, writeTime('2099-08-19', input.startMinute, habitOf(was), input.offsetHours));
        set(raw, end, writeTime('2099-08-19', input.startMinute + 20, habitOf(was), input.offsetHours));
      } else set(raw, { 'contract-2': 'date', card: 'tanggal' }, shapeOf(raw) === 'card' ? '19/08/2099' : '2099-08-19');
      return raw;
    }
    case 'end-before-start': {
      const end = { 'contract-2': 'end', 'contract-1': 'end', register: 'tgl_pulang' } as const;
      const was = String(raw[end[shapeOf(raw) as 'contract-1']]);
      set(raw, end, writeTime('2026-08-19', input.startMinute - 45, habitOf(was), input.offsetHours));
      return raw;
    }
    case 'unknown-icd10': {
      const code = MISSING_ICD10[ordinal % MISSING_ICD10.length] as string;
      if (isFlat(raw)) raw.icd10 = code;
      else raw.diagnoses = [{ code, rank: 1 }];
      return raw;
    }
    case 'weight-700':
      if (isFlat(raw)) set(raw, { 'contract-1': 'weight', register: 'bb', card: 'berat' }, '700');
      else (raw[feed === 'encounters' ? 'vitals' : 'measurements'] as Raw).weight = 700;
      return raw;
    case 'missing-person':
      return withoutPerson(raw);
    case 'not-validated':
      delete raw.validatedBy;
      delete raw.validatedAt;
      delete raw.validated_by_nik;
      delete raw.validated_at;
      return raw;
    case 'unknown-cluster':
      set(
        raw,
        { 'contract-2': 'cluster', 'contract-1': 'cluster', register: 'klaster' },
        ['Klaster 9', 'K7', 'kluster anak sekolah'][ordinal % 3],
      );
      return raw;
    case 'no-time':
      for (const name of ['sessionStart', 'sessionEnd', 'jam_buka', 'jam_tutup']) delete raw[name];
      set(raw, { 'contract-2': 'date', card: 'tanggal' }, shapeOf(raw) === 'card' ? '19/08/2026' : '2026-08-19');
      return raw;
    default:
      throw new Error(`${kind} is made from a whole line`);
  }
}
