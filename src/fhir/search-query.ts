import { AppError } from '../errors/index.ts';
import { parseDateRange, type ResourceQuery, type SearchFilter, searchParameters } from '../store/index.ts';

export type RawQuery = Readonly<Record<string, string | readonly string[] | undefined>>;

export interface SearchOptions {
  readonly defaultCount: number;
  readonly maxCount: number;
  /** `Prefer: handling=lenient`: unknown parameters are left out instead of refused (§3.1.1.2). */
  readonly lenient: boolean;
}

/** Parameters about the result, not about the resources (§3.1.1.5); `_format` and `_pretty` belong to the transport. */
const RESULT_PARAMETERS = new Set(['_count', '_sort', '_total', '_cursor', '_format', '_pretty']);
const PREFIXES = new Set(['eq', 'ne', 'gt', 'lt', 'ge', 'le']);
const MAX_VALUES = 200;

/**
 * Reads a FHIR search (R4 §3.1.1) into the store's query.
 *
 * @returns the query, and the parameters that were used, in order, for the `self` link
 * @throws AppError `search-parameter` for a parameter or modifier this server does not have, `parameter` for a bad value
 */
export function parseSearch(
  type: string,
  raw: RawQuery,
  options: SearchOptions,
): { query: ResourceQuery; used: ReadonlyArray<[string, string]> } {
  const known = new Map<string, Parameter>([...SHARED, ...searchParameters(type)]);
  const filters: SearchFilter[] = [];
  const used: Array<[string, string]> = [];
  const refuse = (name: string) => {
    if (options.lenient) return;
    throw new AppError('search-parameter', {
      name: safeName(name),
      type,
      allowed: [...known.keys(), '_count', '_sort', '_total'].join(', '),
    });
  };

  for (const [key, value] of pairs(raw)) {
    if (RESULT_PARAMETERS.has(key)) continue;
    const [param = '', modifier] = key.split(':', 2);
    const row = known.get(param);
    const filter = row && value !== '' ? filterOf(row, modifier, value) : undefined;
    if (filter === undefined) {
      if (row === undefined || value !== '') refuse(key);
      continue;
    }
    filters.push(filter);
    used.push([key, value]);
  }

  const count = countOf(single(raw, '_count'), options);
  const sort = sortOf(single(raw, '_sort'), known, refuse);
  const total = single(raw, '_total');
  const cursor = single(raw, '_cursor');
  if (single(raw, '_count') !== undefined) used.push(['_count', String(count)]);
  if (sort.length > 0) used.push(['_sort', sort.map((rule) => (rule.descending ? '-' : '') + rule.param).join(',')]);
  return {
    query: {
      type,
      filters,
      count,
      ...(sort.length > 0 && { sort }),
      ...(cursor !== undefined && { after: cursor }),
      ...(total !== undefined && total !== 'none' && { total: true }),
    },
    used,
  };
}

interface Parameter {
  readonly param: string;
  readonly kind: SearchFilter['kind'];
}

/** Parameters of every type (FHIR R4 §3.1.1.4). */
const SHARED: ReadonlyArray<[string, Parameter]> = [
  ['_id', { param: '_id', kind: 'id' }],
  ['_lastUpdated', { param: '_lastUpdated', kind: 'date' }],
];

function filterOf(row: Parameter, modifier: string | undefined, value: string): SearchFilter | undefined {
  const values = split(value, ',');
  if (values.length > MAX_VALUES) throw new AppError('parameter', { name: row.param, expected: `≤ ${MAX_VALUES}` });
  const { param } = row;
  switch (row.kind) {
    case 'id':
      return modifier === undefined ? { param: '_id', kind: 'id', values } : undefined;
    case 'token':
      return modifier === undefined ? { param, kind: 'token', values: values.map(tokenOf) } : undefined;
    case 'string':
      if (modifier !== undefined && modifier !== 'exact' && modifier !== 'contains') return undefined;
      return { param, kind: 'string', values, match: modifier ?? 'starts' };
    case 'reference':
      return { param, kind: 'reference', values: values.map((each) => referenceOf(row, modifier, each)) };
    case 'date':
      return modifier === undefined ? { param, kind: 'date', values: values.map((each) => dateOf(row, each)) } : undefined;
  }
}

/** `system|code`, `|code` (no system), `system|` (any code), `code` (any system): §3.1.1.4.10. */
function tokenOf(value: string): { system?: string; code?: string } {
  const parts = split(value, '|');
  if (parts.length === 1) return { code: parts[0] ?? '' };
  const [system = '', code = ''] = parts;
  return { system, ...(code !== '' && { code }) };
}

/** `Type/id`, or an id with the type from the modifier; `patient` always means a Patient (§3.1.1.4.12). */
function referenceOf(row: Parameter, modifier: string | undefined, value: string): string {
  if (/^[A-Z][A-Za-z]+\/[A-Za-z0-9.-]{1,64}$/.test(value)) return value;
  const type = modifier ?? (row.param === 'patient' ? 'Patient' : row.param === 'encounter' ? 'Encounter' : undefined);
  if (!/^[A-Za-z0-9.-]{1,64}$/.test(value)) throw new AppError('parameter', { name: row.param, expected: 'Type/id' });
  return type === undefined ? value : `${type}/${value}`;
}

/** A date of any precision stands for the interval it covers (§3.1.1.4.7). */
function dateOf(row: Parameter, value: string) {
  const hasPrefix = PREFIXES.has(value.slice(0, 2));
  // A plus sign that was not encoded arrives as a space.
  const range = parseDateRange((hasPrefix ? value.slice(2) : value).replace(' ', '+'));
  if (range === undefined) throw new AppError('parameter', { name: row.param, expected: '[eq|ne|gt|lt|ge|le]YYYY-MM-DD[Thh:mm:ss±hh:mm]' });
  return { prefix: (hasPrefix ? value.slice(0, 2) : 'eq') as 'eq', ...range };
}

function countOf(value: string | undefined, options: SearchOptions): number {
  if (value === undefined) return options.defaultCount;
  if (!/^\d{1,9}$/.test(value)) throw new AppError('parameter', { name: '_count', expected: `0–${options.maxCount}` });
  return Math.min(Number(value), options.maxCount);
}

function sortOf(value: string | undefined, known: ReadonlyMap<string, Parameter>, refuse: (name: string) => void) {
  const rules: Array<{ param: string; descending: boolean }> = [];
  for (const name of value === undefined || value === '' ? [] : value.split(',')) {
    const param = name.replace(/^-/, '');
    if (known.get(param)?.kind === 'date') rules.push({ param, descending: name.startsWith('-') });
    else refuse(`_sort=${name}`);
  }
  return rules;
}

/** Splits at unescaped separators; `\,` `\|` `\$` `\\` are the characters themselves (§3.1.1.4.4). */
function split(text: string, separator: ',' | '|'): string[] {
  const parts = [''];
  for (let index = 0; index < text.length; index++) {
    const character = text[index] as string;
    if (character === '\\' && index + 1 < text.length && '\\,|$'.includes(text[index + 1] as string)) {
      const escaped = text[++index] as string;
      // A later split of the same text still needs the escape of its own separator.
      parts[parts.length - 1] += separator === ',' && escaped === '|' ? '\\|' : escaped;
    } else if (character === separator) parts.push('');
    else parts[parts.length - 1] += character;
  }
  return parts;
}

function* pairs(raw: RawQuery): Generator<[string, string]> {
  for (const [key, value] of Object.entries(raw)) {
    for (const each of Array.isArray(value) ? value : [value]) if (typeof each === 'string') yield [key, each];
  }
}

function single(raw: RawQuery, name: string): string | undefined {
  const value = raw[name];
  return typeof value === 'string' ? value : value?.at(-1);
}

/** A parameter's name comes from the caller: only plain ones are repeated in an error. */
const safeName = (name: string): string => (/^[A-Za-z0-9_:.=-]{1,40}$/.test(name) ? name : '?');
