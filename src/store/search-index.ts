import { digest } from './canonical.ts';
import { dateRange, EARLIEST, LATEST, SEARCH_PARAMETERS, type SearchKind } from './search-parameters.ts';

/** Index rows of one resource, without its key. */
export interface IndexRows {
  readonly tokens: readonly (readonly [parameter: number, code: string, system: string])[];
  readonly references: readonly (readonly [parameter: number, target: string])[];
  readonly strings: readonly (readonly [parameter: number, value: string, exact: string])[];
  readonly dates: readonly (readonly [parameter: number, low: number, high: number])[];
}

interface Extraction {
  readonly parameter: number;
  readonly kind: SearchKind;
  readonly paths: readonly (readonly string[])[];
}

const EXTRACTIONS = new Map<string, Extraction[]>();
for (const { type, number, kind, path } of SEARCH_PARAMETERS) {
  const rows = EXTRACTIONS.get(type) ?? [];
  EXTRACTIONS.set(type, rows);
  // Aliases (`patient` of `subject`) read the rows of one number.
  if (rows.some((row) => row.parameter === number)) continue;
  rows.push({ parameter: number, kind, paths: path.split('|').map((alternative) => alternative.trim().split('.')) });
}

/** Reads the index rows out of a resource. Elements that do not have the shape of their type are passed over. */
export function indexResource(resource: { resourceType: string }): IndexRows {
  const tokens = new Rows<[number, string, string]>();
  const references = new Rows<[number, string]>();
  const strings = new Rows<[number, string, string]>();
  const dates = new Rows<[number, number, number]>();
  const values: unknown[] = [];
  for (const { parameter, kind, paths } of EXTRACTIONS.get(resource.resourceType) ?? []) {
    values.length = 0;
    for (const path of paths) collect(resource, path, 0, values);
    for (const value of values) {
      if (kind === 'token') addTokens(tokens, parameter, value);
      else if (kind === 'reference') addReference(references, parameter, value);
      else if (kind === 'date') addDates(dates, parameter, value);
      else addStrings(strings, parameter, value);
    }
  }
  return { tokens: tokens.list, references: references.list, strings: strings.list, dates: dates.list };
}

/** Rows without repetition; the lists are short, so comparing beats hashing. */
class Rows<R extends readonly unknown[]> {
  readonly list: R[] = [];

  add(row: R): void {
    for (const other of this.list) {
      if (other.every((value, index) => value === row[index])) return;
    }
    this.list.push(row);
  }
}

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

function collect(value: unknown, path: readonly string[], depth: number, into: unknown[]): void {
  if (Array.isArray(value)) {
    for (const item of value) collect(item, path, depth, into);
    return;
  }
  const name = path[depth];
  if (name === undefined) {
    if (value !== undefined && value !== null) into.push(value);
  } else if (isObject(value)) collect(value[name], path, depth + 1, into);
}

/** code, boolean, string, Coding, CodeableConcept, Identifier, ContactPoint. */
function addTokens(rows: Rows<[number, string, string]>, parameter: number, value: unknown): void {
  if (typeof value === 'string' || typeof value === 'boolean') {
    rows.add([parameter, indexText(String(value)), '']);
    return;
  }
  if (!isObject(value)) return;
  if (Array.isArray(value.coding)) {
    for (const coding of value.coding) addTokens(rows, parameter, coding);
    return;
  }
  const code = value.code ?? value.value;
  if (typeof code !== 'string') return;
  rows.add([parameter, indexText(code), typeof value.system === 'string' ? indexText(value.system) : '']);
}

function addReference(rows: Rows<[number, string]>, parameter: number, value: unknown): void {
  const target = isObject(value) ? value.reference : value;
  if (typeof target !== 'string' || target === '' || target.startsWith('#')) return;
  rows.add([parameter, indexText(withoutVersion(target))]);
}

/** A reference to a version also refers to the resource. */
export const withoutVersion = (reference: string): string => reference.replace(/\/_history\/[^/]+$/, '');

/** date, dateTime, instant, Period, and the events of a Timing. */
function addDates(rows: Rows<[number, number, number]>, parameter: number, value: unknown): void {
  if (typeof value === 'string') {
    const range = dateRange(value);
    if (range) rows.add([parameter, range.low, range.high]);
    return;
  }
  if (!isObject(value)) return;
  if (Array.isArray(value.event)) {
    for (const event of value.event) addDates(rows, parameter, event);
    return;
  }
  const start = typeof value.start === 'string' ? dateRange(value.start) : undefined;
  const end = typeof value.end === 'string' ? dateRange(value.end) : undefined;
  if (start || end) rows.add([parameter, start?.low ?? EARLIEST, end?.high ?? LATEST]);
}

const TEXT_PARTS = ['text', 'family', 'given', 'prefix', 'suffix', 'line', 'city', 'district', 'state', 'postalCode', 'country'];

/** string, and the parts of a HumanName or an Address. */
function addStrings(rows: Rows<[number, string, string]>, parameter: number, value: unknown): void {
  if (typeof value === 'string') {
    if (value === '') return;
    rows.add([parameter, foldText(value), indexText(value)]);
    // Indonesian names often have one text and no parts: each word of it can be searched for, too.
    const words = value.length > MAX_LENGTH ? [] : value.split(/\s+/);
    for (const word of words.slice(1)) if (word !== '') rows.add([parameter, foldText(word), '']);
    return;
  }
  if (!isObject(value)) return;
  for (const part of TEXT_PARTS) {
    const content = value[part];
    for (const text of Array.isArray(content) ? content : [content]) if (typeof text === 'string') addStrings(rows, parameter, text);
  }
}

/** PostgreSQL refuses index entries of more than 2,704 bytes; two texts of 200 characters stay below. */
const MAX_LENGTH = 200;

/** Text for an exact comparison; a long one by its beginning and its hash. */
export function indexText(text: string): string {
  return text.length <= MAX_LENGTH ? text : `${text.slice(0, 100)}#${digest(text)}`;
}

/** Text for FHIR's string search: without case and accents, white space as one blank, cut to what is indexed. */
export function foldText(text: string): string {
  const start = text.length > 4 * MAX_LENGTH ? text.slice(0, 4 * MAX_LENGTH) : text;
  return start
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, MAX_LENGTH);
}
