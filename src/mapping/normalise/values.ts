import { DateTime } from 'luxon';
import type { ErrorCode, Params } from '../../errors/index.ts';
import { zoneOf } from '../wall-clock.ts';
import { type ClusterTable, canonical, type TokenTable } from './layout.ts';

/** What a reader of values answers: the value, nothing (blank), or a fault; a fault keeps the value as it came. */
export type Reading =
  | { readonly value: unknown; readonly warning?: ErrorCode }
  | { readonly blank: true }
  | { readonly fault: ErrorCode; readonly params?: Params };

export interface ReadOptions {
  /** IANA zone of times without offset. */
  readonly timeZone: string;
  readonly warnAmbiguous: boolean;
}

export type ReadValue = (raw: unknown, kind: string, options: ReadOptions) => Reading;

const BLANK: Reading = { blank: true };
/** No number, date or time is longer; patterns are not tried on what a sender makes long on purpose. */
const MAX_LENGTH = 64;
const SHORT = new Set(['number', 'measure', 'integer', 'date', 'instant', 'dateOrInstant', 'time', 'nik', 'icd10', 'ratio']);
const MONTHS = ['januari', 'februari', 'maret', 'april', 'mei', 'juni', 'juli', 'agustus', 'september', 'oktober', 'november', 'desember'];
const MONTH_SHORT = ['jan', 'feb', 'mar', 'apr', 'mei', 'jun', 'jul', 'agu', 'sep', 'okt', 'nov', 'des'];

/** Builds the reader of single values from the word tables. */
export function createValueReader(tokens: TokenTable, clusters: ClusterTable): ReadValue {
  const blank = new Set(tokens.blank.map((word) => word.trim().toLowerCase()));
  const words = new Map<string, Map<string, string>>();
  for (const [table, values] of Object.entries(tokens.values)) {
    const lookup = new Map<string, string>();
    for (const [value, aliases] of Object.entries(values)) {
      for (const word of [value, ...aliases]) lookup.set(canonical(word), value);
    }
    words.set(table, lookup);
  }
  const truth = new Map<string, boolean>();
  for (const word of tokens.boolean.true) truth.set(wordKey(word), true);
  for (const word of tokens.boolean.false) truth.set(wordKey(word), false);
  const clusterOf = new Map<string, string>();
  for (const cluster of clusters.clusters) {
    for (const word of [cluster.code, cluster.id, cluster.en, ...cluster.aliases]) clusterOf.set(canonical(word), cluster.code);
  }

  return (raw, kind, options) => {
    if (raw === null || raw === undefined) return BLANK;
    const input = typeof raw === 'string' ? raw.normalize('NFC').replace(/\s+/g, ' ').trim() : raw;
    if (typeof input === 'string' && blank.has(input.toLowerCase())) return BLANK;
    if (typeof input === 'number' && !Number.isFinite(input)) return BLANK;
    if (typeof input === 'string' && input.length > MAX_LENGTH && SHORT.has(kind)) {
      return kind === 'icd10' ? { value: input } : tooLong(kind);
    }
    if (kind.startsWith('token:')) return readWord(input, words.get(kind.slice(6)));
    switch (kind) {
      case 'text':
        return readText(raw);
      case 'code':
        return readCode(input);
      case 'nik':
        return readNik(input);
      case 'digits':
        return typeof input === 'string' || typeof input === 'number' ? { value: plainDigits(input) } : { value: input };
      case 'region':
        return typeof input === 'string' || typeof input === 'number' ? { value: String(input).replace(/[.\s'-]/g, '') } : { value: input };
      case 'sex':
        return readWord(input, words.get('sex'));
      case 'cluster':
        return readCluster(input, clusterOf);
      case 'bool':
        return readBoolean(input, truth);
      case 'number':
      case 'measure':
      case 'integer':
        return readNumber(input, kind);
      case 'date':
        return readDate(input, options);
      case 'instant':
      case 'dateOrInstant':
        return readDateTime(input, options);
      case 'time':
        return readTime(input, options);
      case 'ratio':
        return readRatio(input);
      case 'icd10':
        return typeof input === 'string' ? { value: icd10Form(input) } : { value: input };
      default:
        return { value: input };
    }
  };
}

function tooLong(kind: string): Reading {
  if (kind === 'nik') return { fault: 'nik-length' };
  if (kind === 'time') return { fault: 'field-format', params: CLOCK_FORM };
  if (kind === 'ratio') return { fault: 'field-format', params: RATIO_FORM };
  if (kind === 'date') return { fault: 'field-format', params: DATE_FORM };
  if (kind === 'instant' || kind === 'dateOrInstant') return { fault: 'field-format', params: TIME_FORM };
  return { fault: 'field-type', params: { expected: 'angka (number)' } };
}

/** `A091*` → `A09.1`; what does not look like ICD-10 stays as it is, for the contract to refuse. */
export function icd10Form(text: string): string {
  const bare = text.toUpperCase().replace(/[\s†*+]/g, '');
  const match = /^([A-Z]\d{2})\.?(\d{1,2})?$/.exec(bare);
  return match ? `${match[1]}${match[2] ? `.${match[2]}` : ''}` : text.trim();
}

/** Systolic and diastolic of `120/80`, `120 / 80 mmHg`; undefined for anything else. */
export function splitBloodPressure(raw: unknown): { systolic: number; diastolic: number } | undefined {
  const match =
    typeof raw === 'string' && raw.length <= MAX_LENGTH ? /^\s*(\d{2,3})\s*[/\\]\s*(\d{2,3})\s*(mm\s*hg)?\s*$/i.exec(raw) : null;
  return match ? { systolic: Number(match[1]), diastolic: Number(match[2]) } : undefined;
}

/** Signs alone (`✓`, `-`) are words too, so they are kept where nothing else is left. */
function wordKey(word: string): string {
  return canonical(word) || word.trim();
}

function readText(raw: unknown): Reading {
  if (typeof raw === 'string') return { value: raw.normalize('NFC').trim() };
  return { value: typeof raw === 'number' || typeof raw === 'boolean' ? String(raw) : raw };
}

function readCode(input: unknown): Reading {
  if (typeof input === 'number') return { value: String(input) };
  return { value: typeof input === 'string' ? input.replace(/^'/, '') : input };
}

function plainDigits(input: string | number): string {
  return String(input).replace(/[\s.'`-]/g, '');
}

// A NIK has 16 digits and a spreadsheet keeps 15: what has been a number once cannot be trusted.
function readNik(input: unknown): Reading {
  if (typeof input === 'number') {
    return Number.isSafeInteger(input) && String(input).length === 16 ? { value: String(input) } : { fault: numericNikFault(input) };
  }
  if (typeof input !== 'string') return { fault: 'nik-length' };
  if (/^\d([.,]\d+)?e\+?\d+$/i.test(input)) return { fault: 'nik-scientific' };
  const digits = plainDigits(input);
  return /^\d{16}$/.test(digits) ? { value: digits } : { fault: 'nik-length' };
}

function numericNikFault(value: number): ErrorCode {
  return value >= 1e15 ? 'nik-scientific' : 'nik-length';
}

function readWord(input: unknown, table: ReadonlyMap<string, string> | undefined): Reading {
  const known = typeof input === 'string' || typeof input === 'number' ? table?.get(wordKey(String(input))) : undefined;
  // Unknown words stay: the contract names the allowed values.
  return { value: known ?? input };
}

function readCluster(input: unknown, clusterOf: ReadonlyMap<string, string>): Reading {
  if (typeof input !== 'string' && typeof input !== 'number') return { fault: 'cluster-unknown' };
  const word = canonical(String(input)).replaceAll('kluster', 'klaster').replaceAll('cluster', 'klaster');
  const code = clusterOf.get(word);
  return code === undefined ? { fault: 'cluster-unknown' } : { value: code };
}

function readBoolean(input: unknown, truth: ReadonlyMap<string, boolean>): Reading {
  if (typeof input === 'boolean') return { value: input };
  const known = truth.get(wordKey(String(input)));
  return known === undefined ? { fault: 'field-type', params: { expected: 'ya/tidak (yes/no)' } } : { value: known };
}

function readNumber(input: unknown, kind: 'number' | 'measure' | 'integer'): Reading {
  const number = typeof input === 'number' ? input : typeof input === 'string' ? parseNumber(input) : Number.NaN;
  if (!Number.isFinite(number)) return { fault: 'field-type', params: { expected: 'angka (number)' } };
  // A weight or pressure of 0 means that nobody measured.
  if (kind === 'measure' && number === 0) return BLANK;
  if (kind === 'integer' && !Number.isInteger(number)) return { fault: 'field-type', params: { expected: 'bilangan bulat (integer)' } };
  return { value: number };
}

/** Decimal comma or point, thousands of the other kind, and a unit behind: `36,5 °C`, `1.250,5`. NaN for anything else. */
function parseNumber(text: string): number {
  const match =
    /^([+-]?\d[\d.,]*)\s*(kg|gram|g|cm|mmhg|mg\/dl|g\/dl|°\s*c|c|x\/menit|\/menit|menit|minggu|mgg|th|tahun|bln|bulan|%)?\.?$/i.exec(text);
  if (!match) return Number.NaN;
  let digits = match[1] as string;
  const comma = digits.lastIndexOf(',');
  const point = digits.lastIndexOf('.');
  if (comma >= 0 && point >= 0) {
    digits = comma > point ? digits.replaceAll('.', '').replace(',', '.') : digits.replaceAll(',', '');
  } else digits = digits.replace(',', '.');
  return /^[+-]?\d+(\.\d+)?$/.test(digits) ? Number(digits) : Number.NaN;
}

const RATIO_FORM = { expected: 'perbandingan 6/12 (ratio)' };

/** `6 / 7,5` → `6/7.5`: visual acuity as it is written. */
function readRatio(input: unknown): Reading {
  const match = typeof input === 'string' ? /^(\d{1,4}(?:[.,]\d{1,2})?) ?\/ ?(\d{1,4}(?:[.,]\d{1,2})?)$/.exec(input) : null;
  const [over, under] = [Number(match?.[1]?.replace(',', '.')), Number(match?.[2]?.replace(',', '.'))];
  return match && under > 0 ? { value: `${over}/${under}` } : { fault: 'field-format', params: RATIO_FORM };
}

interface CalendarDay {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly ambiguous: boolean;
}

/** A day in any of the written forms; `date-year` for two-digit years; undefined when it is none. */
function parseDay(text: string): CalendarDay | 'date-year' | undefined {
  const iso = /^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})$/.exec(text);
  if (iso) return realDay(Number(iso[1]), Number(iso[2]), Number(iso[3]), false);
  const local = /^(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{2}|\d{4})$/.exec(text);
  if (local) {
    if (local[3]?.length === 2) return 'date-year';
    const day = Number(local[1]);
    const month = Number(local[2]);
    return realDay(Number(local[3]), month, day, day <= 12 && month <= 12 && day !== month);
  }
  const named = /^(\d{1,2})[ -]([a-z]+)[ -](\d{2}|\d{4})$/i.exec(text);
  if (named) {
    if (named[3]?.length === 2) return 'date-year';
    const word = (named[2] as string).toLowerCase();
    const full = MONTHS.indexOf(word);
    const month = full >= 0 ? full : MONTH_SHORT.indexOf(word.slice(0, 3));
    return month < 0 ? undefined : realDay(Number(named[3]), month + 1, Number(named[1]), false);
  }
  // `5/3`: guessing the year would be silent and wrong every January.
  return /^\d{1,2}[-/]\d{1,2}$/.test(text) ? 'date-year' : undefined;
}

function realDay(year: number, month: number, day: number, ambiguous: boolean): CalendarDay | undefined {
  return DateTime.utc(year, month, day).isValid ? { year, month, day, ambiguous } : undefined;
}

const isoDay = (day: CalendarDay): string =>
  `${String(day.year).padStart(4, '0')}-${String(day.month).padStart(2, '0')}-${String(day.day).padStart(2, '0')}`;

/** Excel counts days from 30 December 1899; only numbers that fall between 1927 and 2064 are taken for dates. */
function excelDay(serial: number): string | undefined {
  if (serial < 10_000 || serial > 60_000) return undefined;
  return (
    DateTime.utc(1899, 12, 30)
      .plus({ days: Math.floor(serial) })
      .toISODate() ?? undefined
  );
}

const DATE_FORM = { expected: 'tanggal yyyy-mm-dd atau dd/mm/yyyy (date)' };
const CLOCK_FORM = { expected: 'jam hh:mm (time of day)' };
const TIME_FORM = { expected: 'waktu yyyy-mm-ddThh:mm:ss+07:00 (date and time)' };

function readDate(input: unknown, options: ReadOptions): Reading {
  if (typeof input === 'number') {
    const day = excelDay(input);
    return day ? { value: day } : { fault: 'field-format', params: DATE_FORM };
  }
  if (typeof input !== 'string') return { fault: 'field-format', params: DATE_FORM };
  const day = parseDay(input);
  if (day === 'date-year') return { fault: 'date-year' };
  if (day) return { value: isoDay(day), ...(day.ambiguous && options.warnAmbiguous && { warning: 'date-ambiguous' as const }) };
  const instant = readDateTime(input, options);
  if ('value' in instant) return { ...instant, value: dayIn(options.timeZone, String(instant.value)) };
  return 'fault' in instant && instant.fault === 'date-year' ? instant : { fault: 'field-format', params: DATE_FORM };
}

/** Systems write midnight of a day as the instant it is in UTC, which is the evening before: the day is that of the facility. */
function dayIn(zone: string, value: string): string {
  return (value.includes('T') && DateTime.fromISO(value, { zone: zoneOf(zone) }).toISODate()) || value.slice(0, 10);
}

/** A day alone stays a date; with a time of day it becomes an instant with offset, in the given zone if it has none. */
function readDateTime(input: unknown, options: ReadOptions): Reading {
  if (typeof input === 'number') {
    const day = excelDay(input);
    if (!day) return { fault: 'field-format', params: TIME_FORM };
    const seconds = Math.round((input % 1) * 86_400);
    return { value: seconds === 0 ? day : withZone(day, Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60, options) };
  }
  if (typeof input !== 'string') return { fault: 'field-format', params: TIME_FORM };
  const whole = parseDay(input);
  if (whole === 'date-year') return { fault: 'date-year' };
  if (whole) return dated(isoDay(whole), whole.ambiguous, options);
  const match =
    /^(.+?)[T ,]+(\d{1,2})[:.](\d{2})(?:[:.](\d{2})(?:[.,]\d+)?)?\s*(Z|[+-]\d{2}:?\d{2}|WIB|WITA|WIT)?$/i.exec(input) ?? undefined;
  const day = match ? parseDay((match[1] as string).trim()) : undefined;
  if (day === 'date-year') return { fault: 'date-year' };
  if (!match || !day) return { fault: 'field-format', params: TIME_FORM };
  const hour = Number(match[2]);
  const minute = Number(match[3]);
  const second = Number(match[4] ?? 0);
  if (hour > 23 || minute > 59 || second > 59) return { fault: 'field-format', params: TIME_FORM };
  const offset = offsetOf(match[5]);
  const clock = `${isoDay(day)}T${two(hour)}:${two(minute)}:${two(second)}`;
  return dated(offset === undefined ? withZone(isoDay(day), hour, minute, second, options) : `${clock}${offset}`, day.ambiguous, options);
}

const two = (value: number): string => String(value).padStart(2, '0');

function dated(value: string, ambiguous: boolean, options: ReadOptions): Reading {
  return { value, ...(ambiguous && options.warnAmbiguous && { warning: 'date-ambiguous' as const }) };
}

function offsetOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const upper = text.toUpperCase();
  const named: Readonly<Record<string, string>> = { Z: 'Z', WIB: '+07:00', WITA: '+08:00', WIT: '+09:00' };
  return named[upper] ?? `${upper.slice(0, 3)}:${upper.slice(-2)}`;
}

function withZone(day: string, hour: number, minute: number, second: number, options: ReadOptions): string {
  const local = DateTime.fromISO(`${day}T${two(hour)}:${two(minute)}:${two(second)}`, { zone: zoneOf(options.timeZone) });
  return local.toISO({ suppressMilliseconds: true }) ?? day;
}

function readTime(input: unknown, options: ReadOptions): Reading {
  if (typeof input === 'number' && input > 0 && input < 1) {
    const minutes = Math.round(input * 1440);
    return { value: `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}` };
  }
  if (typeof input === 'string') {
    const clock = /^(\d{1,2})[:.](\d{2})(?:[:.]\d{2})?\s*(WIB|WITA|WIT)?$/i.exec(input);
    if (clock && Number(clock[1]) < 24 && Number(clock[2]) < 60) return { value: `${two(Number(clock[1]))}:${clock[2]}` };
    const instant = readDateTime(input, options);
    if ('value' in instant && String(instant.value).includes('T')) return instant;
  }
  return { fault: 'field-format', params: CLOCK_FORM };
}
