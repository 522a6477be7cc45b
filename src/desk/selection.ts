import { distance } from 'fastest-levenshtein';
import {
  AppError,
  type Bilingual,
  CODES,
  fieldName,
  type Issue,
  issue,
  REASONS,
  type Reason,
  STATES,
  type State,
} from '../errors/index.ts';
import { DELIVERY_KINDS, type DeliveryKind, type DeliverySelection } from '../store/index.ts';

/** Which of what stopped or waits. What is given must all be true; several values of one field are alternatives. */
export interface Selection {
  readonly states?: readonly State[];
  /** Reasons, and codes of what is wrong with a refused record. */
  readonly causes?: readonly string[];
  /** Number of the platform's rule. */
  readonly rule?: number;
  readonly kind?: DeliveryKind;
  /** Code of the puskesmas in whose name it is sent. */
  readonly owner?: string;
  /** Code of any unit. */
  readonly facility?: string;
  /** Received at or after, and before: ISO instants in UTC. */
  readonly from?: string;
  readonly to?: string;
  /** Keys of deliveries, and `record:<id of a submission>`. */
  readonly keys?: readonly string[];
  /** Id of a submission. */
  readonly submission?: string;
}

/** Keys in one selection; beyond that the other fields say it shorter. */
export const MAX_KEYS = 1_000;
const MAX_LISTED = 50;

/** Codes that a record can be refused with. */
const RECORD_CODES: ReadonlySet<string> = new Set(
  Object.entries(CODES).flatMap(([code, row]) => (row.category === 'record' ? [code] : [])),
);
const CAUSES: readonly string[] = [...new Set([...Object.keys(REASONS), ...RECORD_CODES])];

interface Field {
  /** What a right value is: `Indonesian; English`, or one text for both. */
  expected(value: unknown): string;
  /** Undefined where it is wrong. */
  read(value: unknown): Partial<Selection> | undefined;
}

const strings = (value: unknown, max: number): readonly string[] | undefined => {
  const list = typeof value === 'string' ? value.split(',').map((each) => each.trim()) : value;
  const good = Array.isArray(list) && list.length > 0 && list.length <= max && list.every(isWord);
  return good ? [...new Set(list as string[])] : undefined;
};
const isWord = (value: unknown): value is string => typeof value === 'string' && /^[!-~]{1,200}$/.test(value);
const isUuid = (value: unknown): value is string => typeof value === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value);
const oneWord = (name: 'owner' | 'facility'): Field => ({
  expected: () => 'kode unit, satu nilai; code of a unit, one value',
  read: (value) => (isWord(value) && value.length <= 64 ? { [name]: value } : undefined),
});
const when = (name: 'from' | 'to'): Field => ({
  expected: () => 'tanggal 2026-08-31 atau waktu lengkap dengan zona; a date, or a time complete with zone',
  read(value) {
    const at = typeof value === 'string' ? instantOf(value, name === 'to') : undefined;
    return at === undefined ? undefined : { [name]: at };
  },
});

const FIELDS: Readonly<Record<string, Field>> = {
  state: {
    expected: () => STATES.join(', '),
    read(value) {
      const list = strings(value, STATES.length);
      return list?.every((each) => (STATES as readonly string[]).includes(each)) ? { states: list as State[] } : undefined;
    },
  },
  reason: {
    expected: (value) => nearestCause(value),
    read(value) {
      const list = strings(value, MAX_LISTED);
      return list?.every((each) => CAUSES.includes(each) || /^rule-\d{1,6}$/.test(each)) ? { causes: list } : undefined;
    },
  },
  rule: {
    expected: () => 'nomor aturan SATUSEHAT; number of a SATUSEHAT rule',
    read: (value) => (/^\d{1,6}$/.test(String(value)) && !Array.isArray(value) ? { rule: Number(value) } : undefined),
  },
  kind: {
    expected: () => DELIVERY_KINDS.join(', '),
    read: (value) => ((DELIVERY_KINDS as readonly unknown[]).includes(value) ? { kind: value as DeliveryKind } : undefined),
  },
  owner: oneWord('owner'),
  facility: oneWord('facility'),
  from: when('from'),
  to: when('to'),
  keys: {
    expected: () => `1–${MAX_KEYS} kunci; keys`,
    read(value) {
      const keys = strings(value, MAX_KEYS);
      return keys && { keys };
    },
  },
  submission: { expected: () => 'id (uuid)', read: (value) => (isUuid(value) ? { submission: value } : undefined) },
};

export const SELECTION_FIELDS: readonly string[] = Object.keys(FIELDS);

/**
 * Reads a selection from outside.
 *
 * @param known other fields that may stand beside it, which the caller reads
 * @throws AppError `parameter` that names the first wrong field, with one issue for each
 */
export function parseSelection(given: Readonly<Record<string, unknown>>, known: readonly string[] = []): Selection {
  const wrong: { readonly found: Issue; readonly expected: Bilingual }[] = [];
  const blame = (name: string, text: string) => {
    const expected = inBoth(text);
    wrong.push({ found: issue('parameter', { name, expected }, { field: name }), expected });
  };
  let selection: Selection = {};
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || known.includes(name)) continue;
    const field = Object.hasOwn(FIELDS, name) ? (FIELDS[name] as Field) : undefined;
    const read = field?.read(value);
    if (read) selection = { ...selection, ...read };
    else if (field) blame(name, field.expected(value));
    else wrong.push(unknownField(name, [...SELECTION_FIELDS, ...known]));
  }
  const { from, to } = selection;
  if (from !== undefined && to !== undefined && from >= to) blame('to', 'sesudah from; later than from');
  const [first] = wrong;
  if (first) {
    const issues = wrong.map(({ found }) => found);
    throw new AppError('parameter', { name: first.found.field ?? '', expected: first.expected }, { issues });
  }
  return selection;
}

function unknownField(name: string, known: readonly string[]): { readonly found: Issue; readonly expected: Bilingual } {
  const nearest = nearestOf(name, known);
  const field = fieldName(name);
  return {
    found: issue('field-unknown', { field, nearest }, { field, severity: 'error' }),
    expected: inBoth(`tidak dikenal, mungkin maksudnya ${nearest}; unknown, did you mean ${nearest}`),
  };
}

/** `Indonesian; English`, or one text for both. */
export function inBoth(text: string): Bilingual {
  const [id = text, en = id] = text.split('; ');
  return { id, en };
}

/** The distance takes the product of both lengths. */
const nearestOf = (name: string, known: readonly string[]): string => {
  const short = name.slice(0, 64);
  return known.reduce((best, each) => (distance(each, short) < distance(best, short) ? each : best));
};

function nearestCause(value: unknown): string {
  const wrong = (strings(value, MAX_LISTED) ?? []).find((each) => !CAUSES.includes(each));
  return wrong === undefined
    ? `1–${MAX_LISTED} sebab atau kode, docs/errors.md; reasons or codes`
    : `sebab atau kode di docs/errors.md, mungkin maksudnya ${nearestOf(wrong, CAUSES)}; a reason or code, did you mean ${nearestOf(wrong, CAUSES)}`;
}

/** A day is that of western Indonesia, and as an end it is included. */
function instantOf(text: string, end: boolean): string | undefined {
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) {
    const day = Date.parse(`${text}T00:00:00Z`);
    if (Number.isNaN(day) || !new Date(day).toISOString().startsWith(text)) return undefined;
    return new Date(day - 7 * 3_600_000 + (end ? 86_400_000 : 0)).toISOString();
  }
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/.test(text)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : new Date(at).toISOString();
}

/** Whether it says anything: an act on everything is asked for by saying so. */
export const saysAnything = (selection: Selection): boolean => Object.keys(selection).length > 0;

const RECORD_KEY = /^record:([0-9a-f-]{36})$/;

/** Key of a record that no delivery was planned for. */
export const recordKey = (id: string): string => `record:${id}`;

/** What a selection means for deliveries; undefined where it can only mean records. */
export function forDeliveries(selection: Selection, environment: string): DeliverySelection | undefined {
  const { causes, submission, keys, ...rest } = selection;
  const reasons = causes?.filter((cause): cause is Reason => Object.hasOwn(REASONS, cause) || cause.startsWith('rule-'));
  const own = keys?.filter((key) => !RECORD_KEY.test(key));
  if (reasons?.length === 0 || own?.length === 0) return undefined;
  return {
    environment,
    ...rest,
    ...(reasons && { reasons }),
    ...(own && { keys: own }),
    ...(submission !== undefined && { submissionId: submission }),
  };
}

/** Ids of the records that are named one by one; undefined: none is, and the other fields choose. */
export function namedRecords({ keys, submission }: Selection): readonly string[] | undefined {
  const ids = keys?.flatMap((key) => RECORD_KEY.exec(key)?.[1] ?? []);
  if (submission === undefined) return ids;
  return ids === undefined || ids.includes(submission) ? [submission] : [];
}
