import type { Feed } from '../store/port.ts';
import { csv, fail, json, need, numberOf, type Row, systemOf, type Texts } from './csv.ts';
import { tableSays } from './table-problems.ts';
import type { TokenCoding } from './tables.ts';

/*
 * A pack is all that is known of one ILP service: a folder `mappings/packs/<name>/` of tables that a programme officer can read.
 *
 *   pack.json      what it is, its forms, the published module it serves, its sources
 *   questions.csv  what is asked, with types, units and bounds: the contract of whoever sends
 *   answers.csv    the answers that may be chosen, and the codes they stand for
 *   items.csv      what each answer becomes, and whether that is sent
 *   *.map          what is more than a row
 */

export const QUESTION_KINDS = ['number', 'integer', 'code', 'codes', 'boolean', 'text', 'date', 'dateTime', 'time', 'ratio'] as const;
export type QuestionKind = (typeof QUESTION_KINDS)[number];

/** How the normaliser reads each kind. */
const READ_AS: Readonly<Record<QuestionKind, string>> = {
  number: 'number',
  integer: 'integer',
  code: 'token',
  codes: 'list',
  boolean: 'bool',
  text: 'text',
  date: 'date',
  dateTime: 'instant',
  time: 'time',
  ratio: 'ratio',
};

export interface Question {
  readonly form: string;
  readonly name: string;
  readonly kind: QuestionKind;
  readonly required: boolean;
  /** Of a number, or of both parts of a ratio: UCUM. */
  readonly unit?: string;
  readonly min?: number;
  readonly max?: number;
  /** Answer table, for codes. */
  readonly answers?: string;
  /** What is asked, in both languages. */
  readonly id: string;
  readonly en: string;
}

/** `Component`: a part of the Observation that the row names in `of`. */
export const ITEM_RESOURCES = ['Observation', 'Component', 'Condition', 'Procedure', 'QuestionnaireResponse'] as const;
export type ItemResource = (typeof ITEM_RESOURCES)[number];

/** An Observation of the same record: that of an item of the form, or that of a field which all feeds of the form have, by its code. */
export type Target = { readonly item: string; readonly question: string } | { readonly field: string; readonly code: string };

/** What a value is held against: a range, or only a text where it is of more than one value. */
export interface Range {
  readonly low?: number;
  readonly high?: number;
  readonly text?: string;
}

export interface Coding {
  readonly system: string;
  readonly code: string;
  readonly display: string;
}

/** What the answer to a question becomes. */
export interface Item {
  /** Key of the delivery policy: `anc.gravida`. */
  readonly item: string;
  readonly form: string;
  /** Empty: a group of a questionnaire, which only has a text. */
  readonly question: string;
  /** Conditions on other answers of the form: `a=b`, `a!=b`, `!a` (absent); all of them hold. */
  readonly when: readonly string[];
  readonly resource: ItemResource;
  readonly category?: Coding;
  readonly bodySite?: Coding;
  /** Empty: the answer itself is the code. */
  readonly codes: readonly Coding[];
  /** Question whose answer is how the value is judged (`Observation.interpretation`); the question itself: there is no other value. */
  readonly interpretation?: string;
  /** Of a component: the item it is a part of. */
  readonly of?: string;
  /** What a place of a questionnaire points to instead of an answer. */
  readonly reference?: Target;
  /** Observations that the value comes from. */
  readonly derivedFrom: readonly Target[];
  /** `..19.9 Normal | 20.. High`. */
  readonly ranges: readonly Range[];
  /** Of a Condition that is over. */
  readonly inactive?: true;
  /** Canonical url, and the place in it: `1/1.2`. */
  readonly questionnaire?: string;
  readonly linkId?: string;
  readonly text?: string;
  readonly decision: 'send' | 'local';
  readonly certainty: string;
  readonly source: string;
  readonly file: string;
  readonly line: number;
}

export interface PackForm {
  readonly name: string;
  /** In which records it may stand. */
  readonly feeds: readonly Feed[];
  readonly id: string;
  readonly en: string;
  /** Group of the pack's own map: `(source src, source service, source ctx, target bundle : Bundle, source origin)`. */
  readonly group?: string;
  /** Further answers, which maps of the kernel read, with the way they are read: `{"konseling": "list"}`. */
  readonly answers?: Readonly<Record<string, string>>;
}

export interface Pack {
  readonly name: string;
  readonly title: { readonly id: string; readonly en: string };
  /** Klaster (KMK HK.01.07/MENKES/2015/2023), or `lintas`, `desa`, `network`. */
  readonly cluster: string;
  /** Published SATUSEHAT module; null: there is none, and only what a published module carries is sent. */
  readonly module: string | null;
  readonly sources: readonly string[];
  readonly forms: readonly PackForm[];
  /** It has a map of its own, `<name>.map` with the url `…/StructureMap/<name>`. */
  readonly hasMap: boolean;
  readonly questions: readonly Question[];
  readonly items: readonly Item[];
  /** By name: `<pack>.<table>`. */
  readonly answers: ReadonlyMap<string, readonly TokenCoding[]>;
}

type PackFile = Pick<Pack, 'name' | 'title' | 'cluster' | 'module' | 'sources' | 'forms'>;

const FOLDER = 'packs/';
const LINK_ID = /^[A-Za-z0-9.-]+(\/[A-Za-z0-9.-]+){0,3}$/;
export const WHEN = /^(!)?(\w+)(?:(!=|=)([\w-]+))?$/;

/** Below `mappings/`: what is more than rows. */
export const packMapFile = (pack: string): string => `${FOLDER}${pack}/${pack}.map`;

/**
 * Reads all packs.
 *
 * @throws AppError `config` naming file, line and column of the first fault
 */
export function parsePacks(texts: Texts): readonly Pack[] {
  const names = Object.keys(texts)
    .filter((file) => file.startsWith(FOLDER) && file.endsWith('/pack.json'))
    .map((file) => file.slice(FOLDER.length, -'/pack.json'.length))
    .sort();
  const codings = names.length === 0 ? new Map<string, Coding>() : readCodings(texts);
  const packs = names.map((name) => parsePack(texts, name, codings));
  const forms = new Map<string, string>();
  for (const pack of packs) {
    for (const { name } of pack.forms) {
      const other = forms.get(name);
      if (other !== undefined) fail(`packs/${pack.name}/pack.json`, 1, 'forms', tableSays('form-in-two', { form: name, other }));
      forms.set(name, pack.name);
    }
  }
  return packs;
}

/** Short names of codings that many rows share: categories, sites of the body. */
function readCodings(texts: Texts): ReadonlyMap<string, Coding> {
  const file = 'codings.csv';
  return new Map(csv(texts, file, ['name', 'system', 'code', 'display']).map((row) => [need(row, file, 'name'), codingOf(row, file)]));
}

function parsePack(texts: Texts, name: string, codings: ReadonlyMap<string, Coding>): Pack {
  const folder = `${FOLDER}${name}`;
  const head = json<PackFile>(texts, `${folder}/pack.json`);
  if (head.name !== name) fail(`${folder}/pack.json`, 1, 'name', tableSays('pack-name', { name }));
  const answers = readAnswers(texts, folder, name);
  const forms = new Set(head.forms.map((form) => form.name));
  const questions = readQuestions(texts, folder, name, forms, answers);
  const asked = new Map(questions.map((question) => [`${question.form} ${question.name}`, question]));
  const items = readItems(texts, folder, asked, codings);
  const used = new Set(questions.flatMap((question) => question.answers ?? []));
  for (const table of answers.keys()) {
    if (!used.has(table)) fail(`${folder}/answers.csv`, 1, 'table', tableSays('answers-unused', { table }));
  }
  return { ...head, hasMap: texts[packMapFile(name)] !== undefined, questions, items, answers };
}

function readAnswers(texts: Texts, folder: string, pack: string): ReadonlyMap<string, readonly TokenCoding[]> {
  const file = `${folder}/answers.csv`;
  const tables = new Map<string, TokenCoding[]>();
  if (texts[file] === undefined) return tables;
  for (const row of csv(texts, file, ['table', 'token', 'system', 'code', 'display'])) {
    const table = `${pack}.${need(row, file, 'table')}`;
    const list = tables.get(table) ?? [];
    const token = need(row, file, 'token');
    if (!/^[a-z0-9+-]+$/.test(token)) fail(file, row.line, 'token', tableSays('token'));
    if (list.some((known) => known.token === token)) fail(file, row.line, 'token', tableSays('twice-in-table'));
    list.push({ token, ...codingOf(row, file) });
    tables.set(table, list);
  }
  return tables;
}

function readQuestions(
  texts: Texts,
  folder: string,
  pack: string,
  forms: ReadonlySet<string>,
  answers: ReadonlyMap<string, unknown>,
): readonly Question[] {
  const file = `${folder}/questions.csv`;
  const seen = new Set<string>();
  return csv(texts, file, ['form', 'question', 'kind', 'required', 'unit', 'min', 'max', 'answers', 'id', 'en']).map((row) => {
    const form = need(row, file, 'form');
    if (!forms.has(form)) fail(file, row.line, 'form', tableSays('no-form'));
    const name = need(row, file, 'question');
    if (!/^[a-z][A-Za-z0-9]*$/.test(name)) fail(file, row.line, 'question', tableSays('camel-case'));
    if (seen.has(`${form} ${name}`)) fail(file, row.line, 'question', tableSays('twice-in-form'));
    seen.add(`${form} ${name}`);
    const kind =
      QUESTION_KINDS.find((known) => known === row.kind) ??
      fail(file, row.line, 'kind', tableSays('one-of', { list: QUESTION_KINDS.join(', ') }));
    const table = row.answers ? `${pack}.${row.answers}` : undefined;
    const coded = kind === 'code' || kind === 'codes';
    if (coded !== (table !== undefined)) fail(file, row.line, 'answers', coded ? tableSays('for-code') : tableSays('only-code'));
    if (table !== undefined && !answers.has(table)) fail(file, row.line, 'answers', tableSays('answers-table'));
    const [min, max] = [numberOf(row, file, 'min'), numberOf(row, file, 'max')];
    return {
      form,
      name,
      kind,
      required: row.required === 'yes',
      id: need(row, file, 'id'),
      en: need(row, file, 'en'),
      ...(row.unit && { unit: row.unit }),
      ...(min !== undefined && { min }),
      ...(max !== undefined && { max }),
      ...(table !== undefined && { answers: table }),
    };
  });
}

const ITEM_COLUMNS = [
  ...['item', 'form', 'question', 'when', 'resource', 'category', 'system', 'code', 'display', 'system2', 'code2', 'display2'],
  ...['interpretation', 'bodySite', 'questionnaire', 'linkId', 'text', 'delivery', 'certainty', 'source'],
];

function readItems(
  texts: Texts,
  folder: string,
  asked: ReadonlyMap<string, Question>,
  codings: ReadonlyMap<string, Coding>,
): readonly Item[] {
  const file = `${folder}/items.csv`;
  const seen = new Set<string>();
  const rows = csv(texts, file, ITEM_COLUMNS);
  const observations = new Map(rows.filter(({ resource }) => resource === 'Observation').map((row) => [`${row.form} ${row.item}`, row]));
  return rows.map((row) => {
    const item = need(row, file, 'item');
    if (seen.has(item)) fail(file, row.line, 'item', tableSays('twice'));
    seen.add(item);
    const form = need(row, file, 'form');
    const questionOf = (column: string): Question =>
      asked.get(`${form} ${need(row, file, column)}`) ?? fail(file, row.line, column, tableSays('no-question', { form }));
    const resource = ITEM_RESOURCES.find((known) => known === row.resource);
    if (resource === undefined) return fail(file, row.line, 'resource', tableSays('one-of', { list: ITEM_RESOURCES.join(', ') }));
    const inQuestionnaire = resource === 'QuestionnaireResponse';
    const question = inQuestionnaire && !row.question ? undefined : questionOf('question');
    const when = (row.when ?? '')
      .split('&')
      .map((part) => part.trim())
      .filter((part) => part !== '');
    for (const part of when) {
      const match = WHEN.exec(part);
      const other = match?.[2];
      if (other === undefined || (match?.[1] === undefined) === (match?.[3] === undefined)) {
        return fail(file, row.line, 'when', tableSays('when-several'));
      }
      if (!asked.has(`${form} ${other}`)) return fail(file, row.line, 'when', tableSays('other-no-question', { question: other, form }));
    }
    const targetOf = (text: string, column: string): Target => {
      const [, field, code] = /^(\w+\.\w+):(\S+)$/.exec(text) ?? [];
      if (field !== undefined && code !== undefined) return { field, code };
      const other = observations.get(`${form} ${text}`);
      if (other === undefined) return fail(file, row.line, column, tableSays('no-observation', { item: text, form }));
      if (other.when) fail(file, row.line, column, tableSays('has-conditions', { item: text }));
      return { item: text, question: other.question ?? '' };
    };
    if ((resource === 'Component') !== Boolean(row.of)) fail(file, row.line, 'of', tableSays('for-component'));
    if (row.status && (resource !== 'Condition' || row.status !== 'inactive')) fail(file, row.line, 'status', tableSays('for-condition'));
    if (row.of && !observations.has(`${form} ${row.of}`)) fail(file, row.line, 'of', tableSays('no-observation', { item: row.of, form }));
    const ranges = (row.ranges ?? '')
      .split('|')
      .map((part) => part.trim())
      .filter((part) => part !== '')
      .map(rangeOf);
    if (ranges.length > 0 && resource !== 'Observation') fail(file, row.line, 'ranges', tableSays('for-observation'));
    if (ranges.some(({ low, high }) => low !== undefined || high !== undefined) && !question?.unit)
      fail(file, row.line, 'ranges', tableSays('question-with-unit'));
    const isCoded = question?.answers !== undefined;
    const codes = row.code ? [codingOf(row, file), ...(row.code2 ? [codingOf(row, file, '2')] : [])] : [];
    if (inQuestionnaire && !LINK_ID.test(row.linkId ?? '')) fail(file, row.line, 'linkId', tableSays('link-id'));
    if (codes.length === 0 && !inQuestionnaire && (resource === 'Observation' || resource === 'Component' || !isCoded))
      fail(file, row.line, 'code', tableSays('empty'));
    const named = (column: 'category' | 'bodySite'): Coding | undefined =>
      row[column] ? (codings.get(row[column]) ?? fail(file, row.line, column, tableSays('not-codings'))) : undefined;
    const [category, bodySite] = [named('category'), named('bodySite')];
    if (row.delivery !== 'send' && row.delivery !== 'local') return fail(file, row.line, 'delivery', tableSays('send-or-local'));
    if (row.interpretation && !questionOf('interpretation').answers)
      fail(file, row.line, 'interpretation', tableSays('question-with-codes'));
    return {
      item,
      form,
      question: question?.name ?? '',
      when,
      resource,
      codes,
      decision: row.delivery,
      certainty: need(row, file, 'certainty'),
      source: row.source ?? '',
      file,
      line: row.line,
      ...(category && { category }),
      ...(bodySite && { bodySite }),
      ...(row.interpretation && { interpretation: row.interpretation }),
      ...(row.of && { of: row.of }),
      ...(row.status && { inactive: true }),
      ranges,
      ...(row.reference && { reference: targetOf(row.reference, 'reference') }),
      derivedFrom: (row.derivedFrom ?? '')
        .split(' ')
        .filter((text) => text !== '')
        .map((text) => targetOf(text, 'derivedFrom')),
      ...(inQuestionnaire && {
        questionnaire: need(row, file, 'questionnaire'),
        linkId: need(row, file, 'linkId'),
        text: need(row, file, 'text'),
      }),
    };
  });
}

function rangeOf(part: string): Range {
  const match = /^(-?\d+(?:\.\d+)?)?\.\.(-?\d+(?:\.\d+)?)?(?:\s+(.+))?$/.exec(part);
  if (match === null) return { text: part };
  const [, low, high, text] = match;
  return { ...(low && { low: Number(low) }), ...(high && { high: Number(high) }), ...(text && { text }) };
}

function codingOf(row: Row, file: string, suffix = ''): Coding {
  return {
    system: systemOf(row, file, `system${suffix}`),
    code: need(row, file, `code${suffix}`),
    display: need(row, file, `display${suffix}`),
  };
}

/** Kinds of answers by form, as the normaliser reads them. */
export function kindsOf(packs: readonly Pack[]): Record<string, Record<string, string>> {
  const kinds: Record<string, Record<string, string>> = {};
  for (const { questions } of packs) {
    for (const { form, name, kind } of questions) kinds[form] = { ...kinds[form], [name]: READ_AS[kind] };
  }
  return kinds;
}
