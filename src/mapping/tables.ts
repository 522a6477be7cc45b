import { type CsvError, parse } from 'csv-parse/sync';
import { AppError } from '../errors/index.ts';
import type { Feed } from '../store/port.ts';
import { createIcd10, type Icd10 } from '../terminology/icd10.ts';
import { SYSTEMS } from '../terminology/systems.ts';
import type { ClusterTable, Layout, TokenTable } from './normalise/index.ts';

export type ObservationKind = 'quantity' | 'integer' | 'code' | 'boolean' | 'string' | 'dateTime';

/** One row of `observations.csv`: a field of the normalised record and the Observation it becomes. */
export interface ObservationRow {
  /** Key of the delivery policy. */
  readonly item: string;
  readonly feed: Feed;
  /** `vitals.systolic`, `services[form=anc].answers.tbj` */
  readonly path: string;
  /** `laboratory.glucoseType=fasting`, `…!=fasting` (also when absent), `!measurements.posture` (absent). */
  readonly when?: string;
  readonly category: string;
  /** System URL. */
  readonly system: string;
  readonly code: string;
  readonly display: string;
  readonly kind: ObservationKind;
  readonly unit?: string;
  readonly ucum?: string;
  /** Name of an answer table, for kind `code`. */
  readonly answers?: string;
  readonly min?: number;
  readonly max?: number;
  readonly certainty: string;
  readonly source: string;
  readonly line: number;
}

/** A token of sources and the coding it stands for. */
export interface TokenCoding {
  readonly token: string;
  readonly system: string;
  readonly code: string;
  readonly display: string;
}

export interface ImmunizationRow {
  readonly token: string;
  readonly kfa: string;
  readonly kfaDisplay: string;
  readonly cvx: string;
  readonly cvxDisplay: string;
  /** ATC route of administration. */
  readonly route: string;
  readonly routeDisplay: string;
}

export interface VisitReasonRow {
  /** Life stage, or `*`. */
  readonly lifeStage: string;
  /** Form of a service, or context of a village record. */
  readonly service: string;
  readonly code: string;
}

export interface DeliveryPolicyRow {
  readonly item: string;
  readonly feed: Feed;
  readonly decision: 'send' | 'local';
  /** Encounter class that is sent, where it matters. */
  readonly class?: string;
  readonly reason: string;
}

export interface FormRow {
  readonly name: string;
  readonly feed: Feed;
  readonly id: string;
  readonly en: string;
  readonly answers: Readonly<Record<string, string>>;
}

export interface LifeStageTable {
  readonly scheme: string;
  readonly bands: readonly {
    readonly code: string;
    readonly id: string;
    readonly en: string;
    readonly cluster: 'K2' | 'K3';
    readonly belowDays?: number;
    readonly belowMonths?: number;
    readonly belowYears?: number;
  }[];
  readonly overlaps: readonly {
    readonly cluster: 'K2' | 'K3';
    readonly ageYears?: number;
    readonly pregnancy?: boolean;
    readonly why: string;
  }[];
}

/** Everything below `mappings/` but the maps themselves, checked and typed. */
export interface MappingTables {
  readonly observations: readonly ObservationRow[];
  /** Answer tables by name. */
  readonly answers: ReadonlyMap<string, readonly TokenCoding[]>;
  readonly education: readonly TokenCoding[];
  readonly serviceProcedures: readonly TokenCoding[];
  readonly immunizations: readonly ImmunizationRow[];
  readonly labRequests: readonly TokenCoding[];
  readonly visitReasons: readonly VisitReasonRow[];
  readonly deliveryPolicy: readonly DeliveryPolicyRow[];
  readonly forms: readonly FormRow[];
  readonly lifeStages: LifeStageTable;
  readonly layouts: readonly Layout[];
  readonly tokens: TokenTable;
  readonly clusters: ClusterTable;
  readonly icd10: Icd10;
  /** Kinds of answers by form, for the normaliser; form `''` is `answers` of a village record. */
  readonly answerKinds: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

type Texts = Readonly<Record<string, string>>;
type Row = Readonly<Record<string, string>> & { readonly line: number };

const KINDS: readonly ObservationKind[] = ['quantity', 'integer', 'code', 'boolean', 'string', 'dateTime'];
const FEEDS: readonly Feed[] = ['facilities', 'persons', 'practitioners', 'encounters', 'village-observations'];

/**
 * Reads the tables of `mappings/` from their texts (path below the folder → text).
 *
 * @throws AppError `config` naming file, line and column of the first fault
 */
export function parseTables(texts: Texts): MappingTables {
  const answers = new Map<string, TokenCoding[]>();
  for (const row of csv(texts, 'answers.csv', ['table', 'token', 'system', 'code', 'display'])) {
    const table = need(row, 'answers.csv', 'table');
    const list = answers.get(table) ?? [];
    const coding = tokenCoding(row, 'answers.csv');
    if (list.some((known) => known.token === coding.token)) fail('answers.csv', row.line, 'token', 'stands twice in its table');
    list.push(coding);
    answers.set(table, list);
  }
  const procedures = csv(texts, 'procedures.csv', ['table', 'token', 'system', 'code', 'display']);
  const icd10 = createIcd10(
    csv(texts, 'terminology/icd10-primary-care.csv', ['code', 'display']).map((row) => [row.code ?? '', row.display ?? '']),
  );
  const observations = csv(texts, 'observations.csv', [
    'item',
    'feed',
    'path',
    'when',
    'category',
    'system',
    'code',
    'display',
    'kind',
    'unit',
    'ucum',
    'answers',
    'min',
    'max',
    'certainty',
    'source',
  ]).map((row) => observation(row, answers));
  const forms = json<{ forms: FormRow[] }>(texts, 'forms.json').forms;
  return {
    observations,
    answers,
    education: procedures.filter((row) => row.table === 'education').map((row) => tokenCoding(row, 'procedures.csv')),
    serviceProcedures: procedures.filter((row) => row.table === 'service').map((row) => tokenCoding(row, 'procedures.csv')),
    immunizations: csv(texts, 'immunizations.csv', ['token', 'kfa', 'kfaDisplay', 'cvx', 'cvxDisplay', 'route']).map((row) => ({
      token: need(row, 'immunizations.csv', 'token'),
      kfa: need(row, 'immunizations.csv', 'kfa'),
      kfaDisplay: need(row, 'immunizations.csv', 'kfaDisplay'),
      cvx: need(row, 'immunizations.csv', 'cvx'),
      cvxDisplay: need(row, 'immunizations.csv', 'cvxDisplay'),
      route: need(row, 'immunizations.csv', 'route'),
      routeDisplay: need(row, 'immunizations.csv', 'routeDisplay'),
    })),
    labRequests: csv(texts, 'lab-requests.csv', ['token', 'system', 'code', 'display']).map((row) => tokenCoding(row, 'lab-requests.csv')),
    visitReasons: csv(texts, 'visit-reasons.csv', ['lifeStage', 'service', 'code']).map((row) => {
      const code = need(row, 'visit-reasons.csv', 'code');
      if (!icd10.find(code)?.listed) fail('visit-reasons.csv', row.line, 'code', 'is not in terminology/icd10-primary-care.csv');
      return { lifeStage: need(row, 'visit-reasons.csv', 'lifeStage'), service: need(row, 'visit-reasons.csv', 'service'), code };
    }),
    deliveryPolicy: csv(texts, 'delivery-policy.csv', ['item', 'feed', 'decision', 'class', 'reason']).map((row) => {
      const decision = need(row, 'delivery-policy.csv', 'decision');
      if (decision !== 'send' && decision !== 'local') return fail('delivery-policy.csv', row.line, 'decision', 'must be send or local');
      return {
        item: need(row, 'delivery-policy.csv', 'item'),
        feed: feedOf(row, 'delivery-policy.csv'),
        decision,
        reason: row.reason ?? '',
        ...(row.class && { class: row.class }),
      };
    }),
    forms,
    lifeStages: json<LifeStageTable>(texts, 'life-stages.json'),
    layouts: Object.keys(texts)
      .filter((name) => name.startsWith('layouts/') && name.endsWith('.json'))
      .map((name) => json<Layout>(texts, name)),
    tokens: json<TokenTable>(texts, 'tokens.json'),
    clusters: json<ClusterTable>(texts, 'clusters.json'),
    icd10,
    answerKinds: answerKindsOf(observations, forms),
  };
}

/** Path of a row as its steps: `services[form=anc].answers.tbj` → services with a filter, answers, tbj. */
export interface PathStep {
  readonly name: string;
  readonly filter?: { readonly field: string; readonly value: string };
}

export function pathSteps(path: string): readonly PathStep[] {
  return path.split(/\.(?![^[]*\])/).map((part) => {
    const match = /^(\w+)(?:\[(\w+)=([^\]]+)\])?$/.exec(part);
    if (!match) throw new AppError('config', { detail: `the path ${path} is not understood at ${part}` });
    const [, name = '', field, value] = match;
    return field === undefined || value === undefined ? { name } : { name, filter: { field, value } };
  });
}

function observation(row: Row, answers: ReadonlyMap<string, unknown>): ObservationRow {
  const file = 'observations.csv';
  const kind = need(row, file, 'kind') as ObservationKind;
  if (!KINDS.includes(kind)) fail(file, row.line, 'kind', `must be one of ${KINDS.join(', ')}`);
  if (kind === 'quantity' && !row.ucum) fail(file, row.line, 'ucum', 'is needed for a quantity');
  if (kind === 'code' && !answers.has(row.answers ?? '')) fail(file, row.line, 'answers', 'must name a table of answers.csv');
  const path = need(row, file, 'path');
  pathSteps(path);
  const number = (column: 'min' | 'max'): number | undefined => {
    const text = row[column];
    if (!text) return undefined;
    const value = Number(text);
    if (!Number.isFinite(value)) fail(file, row.line, column, 'must be a number');
    return value;
  };
  const min = number('min');
  const max = number('max');
  return {
    item: need(row, file, 'item'),
    feed: feedOf(row, file),
    path,
    category: need(row, file, 'category'),
    system: systemOf(row, file),
    code: need(row, file, 'code'),
    display: need(row, file, 'display'),
    kind,
    certainty: need(row, file, 'certainty'),
    source: row.source ?? '',
    line: row.line,
    ...(row.when && { when: row.when }),
    ...(row.unit && { unit: row.unit }),
    ...(row.ucum && { ucum: row.ucum }),
    ...(row.answers && { answers: row.answers }),
    ...(min !== undefined && { min }),
    ...(max !== undefined && { max }),
  };
}

function answerKindsOf(observations: readonly ObservationRow[], forms: readonly FormRow[]): Record<string, Record<string, string>> {
  const kinds: Record<string, Record<string, string>> = {};
  const readAs: Readonly<Record<ObservationKind, string>> = {
    quantity: 'number',
    integer: 'integer',
    code: 'token',
    boolean: 'bool',
    string: 'text',
    dateTime: 'date',
  };
  const put = (form: string, name: string, kind: string): void => {
    const known = kinds[form] ?? {};
    known[name] = kind;
    kinds[form] = known;
  };
  for (const form of forms) for (const [name, kind] of Object.entries(form.answers)) put(form.name, name, kind);
  for (const row of observations) {
    const steps = pathSteps(row.path);
    const last = steps.at(-1);
    if (steps.at(-2)?.name === 'answers' && last) put(steps[0]?.filter?.value ?? '', last.name, readAs[row.kind]);
  }
  return kinds;
}

function tokenCoding(row: Row, file: string): TokenCoding {
  return {
    token: need(row, file, 'token'),
    system: systemOf(row, file),
    code: need(row, file, 'code'),
    display: need(row, file, 'display'),
  };
}

function systemOf(row: Row, file: string): string {
  const key = need(row, file, 'system');
  const url = Object.hasOwn(SYSTEMS, key) ? SYSTEMS[key as keyof typeof SYSTEMS] : undefined;
  return url ?? fail(file, row.line, 'system', 'is not a name of terminology/systems.ts');
}

function feedOf(row: Row, file: string): Feed {
  const feed = FEEDS.find((known) => known === row.feed);
  return feed ?? fail(file, row.line, 'feed', `must be one of ${FEEDS.join(', ')}`);
}

function need(row: Row, file: string, column: string): string {
  return row[column] || fail(file, row.line, column, 'is empty');
}

function csv(texts: Texts, file: string, columns: readonly string[]): readonly Row[] {
  const text = texts[file];
  if (text === undefined) throw new AppError('config', { detail: `mappings/${file} is missing` });
  try {
    const records = parse(text, { columns: true, info: true, bom: true, trim: true, skip_empty_lines: true }) as unknown as {
      record: Record<string, string>;
      info: { lines: number };
    }[];
    const present = Object.keys(records[0]?.record ?? {});
    for (const column of columns) if (records.length > 0 && !present.includes(column)) fail(file, 1, column, 'is missing');
    return records.map(({ record, info }) => Object.assign(record, { line: info.lines }) as unknown as Row);
  } catch (error) {
    if (error instanceof AppError) throw error;
    const line = (error as Partial<CsvError> & { lines?: number }).lines ?? 1;
    throw new AppError('config', { detail: `mappings/${file} line ${line}: it is not a table with one header line` }, { cause: error });
  }
}

function json<T>(texts: Texts, file: string): T {
  const text = texts[file];
  if (text === undefined) throw new AppError('config', { detail: `mappings/${file} is missing` });
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new AppError('config', { detail: `mappings/${file} is not valid JSON` }, { cause });
  }
}

function fail(file: string, line: number, column: string, problem: string): never {
  throw new AppError('config', { detail: `mappings/${file} line ${line}, column ${column}: ${problem}` });
}
