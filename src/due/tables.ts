import { csv, fail, need, numberOf, type Row, type Texts } from '../mapping/csv.ts';
import { tableSays } from '../mapping/table-problems.ts';
import { type Span, spanOf } from './calendar.ts';

/** A state that services depend on: begun by one of these events, ended by one of those, or by time. */
export interface PersonState {
  readonly state: string;
  readonly id: string;
  readonly en: string;
  readonly starts: readonly string[];
  readonly ends: readonly string[];
  readonly days?: number;
}

/** A service and when it is due. */
export interface DueService {
  readonly key: string;
  /** Of the service catalogue (KMK HK.01.07/MENKES/2015/2023). */
  readonly service: string;
  readonly id: string;
  readonly en: string;
  /** What `from` and `to` are counted from: birth, or the begin of a state. */
  readonly anchor?: string;
  /** First day, and the first day on which it is late. */
  readonly from?: Span;
  readonly to?: Span;
  /** How often within `from` and `to`. */
  readonly times: number;
  /** How long after the last time it is due again. */
  readonly every?: Span;
  /** Months of the year in which it is given, 1–12. */
  readonly months: readonly number[];
  readonly ageFrom?: Span;
  /** First day on which it is no longer given. */
  readonly ageTo?: Span;
  readonly sex?: 'female' | 'male';
  readonly state?: string;
  /** Service that must be done before, and how long before. */
  readonly after?: string;
  readonly gap?: Span;
  /** Events that count as done. */
  readonly done: readonly string[];
  /** What was done counts between `from` and `to`; `later`: after `to` too; `ever`: before `from` too. */
  readonly counts?: 'later' | 'ever';
  /** Kinds of units that give it. */
  readonly units: readonly string[];
  readonly certainty: string;
  readonly source: string;
}

export interface DueTables {
  readonly states: readonly PersonState[];
  readonly services: readonly DueService[];
}

const EVENT = /^(form|vaccine|observation|procedure|condition|value):[A-Za-z0-9.:-]+$/;
const UNITS = new Set(['puskesmas', 'pustu', 'posyandu', 'rumah', 'sekolah']);
const STATES = 'due/states.csv';
const SERVICES = 'due/services.csv';

/**
 * Reads `mappings/due`: states and services.
 *
 * @throws AppError `config` naming file, line and column
 */
export function parseDueTables(texts: Texts): DueTables {
  const states = csv(texts, STATES, ['state', 'id', 'en', 'starts', 'ends', 'days', 'certainty', 'source']).map((row): PersonState => {
    const days = numberOf(row, STATES, 'days');
    return {
      state: need(row, STATES, 'state'),
      id: need(row, STATES, 'id'),
      en: need(row, STATES, 'en'),
      starts: events(row, STATES, 'starts', true),
      ends: events(row, STATES, 'ends', false),
      ...(days !== undefined && { days }),
    };
  });
  const known = new Set(states.map(({ state }) => state));
  const keys = new Set<string>();
  const services = csv(texts, SERVICES, SERVICE_COLUMNS).map((row): DueService => {
    const key = need(row, SERVICES, 'key');
    if (keys.has(key)) fail(SERVICES, row.line, 'key', tableSays('twice'));
    const named = (
      column: string,
      among: ReadonlySet<string>,
      what = tableSays('not-among', { list: [...among].join(', ') }),
    ): string | undefined => {
      const value = row[column];
      if (value && !among.has(value)) fail(SERVICES, row.line, column, what);
      return value || undefined;
    };
    const anchor = named('anchor', new Set(['birth', ...known]));
    const state = named('state', known);
    const counts = named('counts', new Set(['later', 'ever'])) as DueService['counts'];
    const sex = named('sex', new Set(['female', 'male'])) as DueService['sex'];
    // Only what stands above can come before: no circle.
    const after = named('after', keys, tableSays('above'));
    keys.add(key);
    const spans = Object.fromEntries(SPANS.flatMap((column) => (row[column] ? [[column, span(row, column)]] : [])));
    const months = (row.months ?? '').split(' ').filter(Boolean).map(Number);
    if (months.some((month) => !Number.isInteger(month) || month < 1 || month > 12)) fail(SERVICES, row.line, 'months', tableSays('month'));
    if ([anchor, row.every, row.months].filter(Boolean).length === 0) fail(SERVICES, row.line, 'anchor', tableSays('never-due'));
    if (anchor && !row.from) fail(SERVICES, row.line, 'from', tableSays('with-anchor'));
    const units = need(row, SERVICES, 'units').split(' ');
    for (const unit of units)
      if (!UNITS.has(unit)) fail(SERVICES, row.line, 'units', tableSays('not-among', { list: [...UNITS].join(', ') }));
    return {
      key,
      service: need(row, SERVICES, 'service'),
      id: need(row, SERVICES, 'id'),
      en: need(row, SERVICES, 'en'),
      times: numberOf(row, SERVICES, 'times') ?? 1,
      months,
      done: events(row, SERVICES, 'done', true),
      units,
      certainty: need(row, SERVICES, 'certainty'),
      source: need(row, SERVICES, 'source'),
      ...spans,
      ...(anchor !== undefined && { anchor }),
      ...(state !== undefined && { state }),
      ...(counts !== undefined && { counts }),
      ...(sex !== undefined && { sex }),
      ...(after !== undefined && { after }),
    };
  });
  return { states, services };
}

const SPANS = ['from', 'to', 'every', 'ageFrom', 'ageTo', 'gap'];
const SERVICE_COLUMNS = [
  ...['key', 'service', 'id', 'en', 'anchor', 'from', 'to', 'times', 'every', 'months', 'ageFrom', 'ageTo'],
  ...['sex', 'state', 'after', 'gap', 'done', 'counts', 'units', 'certainty', 'source'],
];

const span = (row: Row, column: string): Span => spanOf(row[column] ?? '') ?? fail(SERVICES, row.line, column, tableSays('span'));

function events(row: Row, file: string, column: string, isNeeded: boolean): readonly string[] {
  const list = (row[column] ?? '').split(' ').filter(Boolean);
  if (isNeeded && list.length === 0) fail(file, row.line, column, tableSays('empty'));
  for (const event of list) if (!EVENT.test(event)) fail(file, row.line, column, tableSays('event'));
  return list;
}
