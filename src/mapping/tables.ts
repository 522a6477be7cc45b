import type { Feed } from '../store/port.ts';
import { createIcd10, type Icd10 } from '../terminology/icd10.ts';
import { csv, fail, json, need, numberOf, type Row, systemOf, type Texts, tableError } from './csv.ts';
import type { ClusterTable, Layout, TokenTable } from './normalise/index.ts';
import { questionnaireItem } from './pack-questionnaire.ts';
import { kindsOf, type Pack, parsePacks } from './packs.ts';
import { tableSays } from './table-problems.ts';

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
  readonly packs: readonly Pack[];
  readonly lifeStages: LifeStageTable;
  readonly layouts: readonly Layout[];
  readonly tokens: TokenTable;
  readonly clusters: ClusterTable;
  readonly icd10: Icd10;
  /** Kinds of answers by form, for the normaliser; form `''` is `answers` of a village record. */
  readonly answerKinds: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

const KINDS: readonly ObservationKind[] = ['quantity', 'integer', 'code', 'boolean', 'string', 'dateTime'];
const POLICY = 'delivery-policy.csv';
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
    if (list.some((known) => known.token === coding.token)) fail('answers.csv', row.line, 'token', tableSays('twice-in-table'));
    list.push(coding);
    answers.set(table, list);
  }
  const procedures = csv(texts, 'procedures.csv', ['table', 'token', 'system', 'code', 'display'], ['table', 'token']);
  const icd10 = createIcd10(
    csv(texts, 'terminology/icd10-primary-care.csv', ['code', 'display'], ['code']).map((row) => [row.code ?? '', row.display ?? '']),
  );
  const observations = csv(
    texts,
    'observations.csv',
    [
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
    ],
    ['feed', 'path', 'when', 'code'],
  ).map((row) => observation(row, answers));
  const packs = parsePacks(texts);
  for (const [name, table] of packs.flatMap((pack) => [...pack.answers])) answers.set(name, [...table]);
  const forms = [...json<{ forms: FormRow[] }>(texts, 'forms.json').forms, ...packs.flatMap(formRows)];
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
    labRequests: csv(texts, 'lab-requests.csv', ['token', 'system', 'code', 'display'], ['token']).map((row) =>
      tokenCoding(row, 'lab-requests.csv'),
    ),
    visitReasons: csv(texts, 'visit-reasons.csv', ['lifeStage', 'service', 'code'], ['lifeStage', 'service']).map((row) => {
      const code = need(row, 'visit-reasons.csv', 'code');
      if (!icd10.find(code)?.listed) fail('visit-reasons.csv', row.line, 'code', tableSays('not-icd10'));
      return { lifeStage: need(row, 'visit-reasons.csv', 'lifeStage'), service: need(row, 'visit-reasons.csv', 'service'), code };
    }),
    deliveryPolicy: [
      ...packs.flatMap(policyRows),
      ...csv(texts, POLICY, ['item', 'feed', 'decision', 'class', 'reason'], ['item', 'feed', 'class']).map(policyRow),
    ],
    forms,
    packs,
    lifeStages: json<LifeStageTable>(texts, 'life-stages.json'),
    layouts: Object.keys(texts)
      .filter((name) => name.startsWith('layouts/') && name.endsWith('.json'))
      .map((name) => json<Layout>(texts, name)),
    tokens: json<TokenTable>(texts, 'tokens.json'),
    clusters: json<ClusterTable>(texts, 'clusters.json'),
    icd10,
    answerKinds: answerKindsOf(observations, forms, packs),
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
    if (!match) throw tableError(tableSays('path', { path, part }));
    const [, name = '', field, value] = match;
    return field === undefined || value === undefined ? { name } : { name, filter: { field, value } };
  });
}

function observation(row: Row, answers: ReadonlyMap<string, unknown>): ObservationRow {
  const file = 'observations.csv';
  const kind = need(row, file, 'kind') as ObservationKind;
  if (!KINDS.includes(kind)) fail(file, row.line, 'kind', tableSays('one-of', { list: KINDS.join(', ') }));
  if (kind === 'quantity' && !row.ucum) fail(file, row.line, 'ucum', tableSays('for-quantity'));
  if (kind === 'code' && !answers.has(row.answers ?? '')) fail(file, row.line, 'answers', tableSays('answers-table'));
  const path = need(row, file, 'path');
  pathSteps(path);
  const min = numberOf(row, file, 'min');
  const max = numberOf(row, file, 'max');
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

function answerKindsOf(
  observations: readonly ObservationRow[],
  forms: readonly FormRow[],
  packs: readonly Pack[],
): Record<string, Record<string, string>> {
  const kinds = kindsOf(packs);
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

function policyRow(row: Row): DeliveryPolicyRow {
  const decision = need(row, POLICY, 'decision');
  if (decision !== 'send' && decision !== 'local') return fail(POLICY, row.line, 'decision', tableSays('send-or-local'));
  const { class: encounterClass, reason = '' } = row;
  return { item: need(row, POLICY, 'item'), feed: feedOf(row, POLICY), decision, reason, ...(encounterClass && { class: encounterClass }) };
}

const formRows = (pack: Pack): FormRow[] =>
  pack.forms.flatMap(({ name, feeds, id, en, answers = {} }) => feeds.map((feed) => ({ name, feed, id, en, answers })));

/** What a pack sends: of a questionnaire all answers or none. */
function policyRows(pack: Pack): DeliveryPolicyRow[] {
  const feeds = new Map(pack.forms.map((form) => [form.name, form.feeds]));
  return pack.items.flatMap(({ item, form, questionnaire, decision, source }) =>
    (feeds.get(form) ?? []).map((feed) => ({
      item: questionnaire === undefined ? item : questionnaireItem(questionnaire),
      feed,
      decision,
      reason: source,
    })),
  );
}

function tokenCoding(row: Row, file: string): TokenCoding {
  return {
    token: need(row, file, 'token'),
    system: systemOf(row, file),
    code: need(row, file, 'code'),
    display: need(row, file, 'display'),
  };
}

function feedOf(row: Row, file: string): Feed {
  const feed = FEEDS.find((known) => known === row.feed);
  return feed ?? fail(file, row.line, 'feed', tableSays('one-of', { list: FEEDS.join(', ') }));
}
