import { distance } from 'fastest-levenshtein';
import { type ErrorCode, fieldName, type Issue, issue, type Params } from '../../errors/index.ts';
import type { Feed } from '../../store/port.ts';
import type { Icd10 } from '../../terminology/icd10.ts';
import type { LocalCodes } from '../../terminology/index.ts';
import { SYSTEMS } from '../../terminology/systems.ts';
import type { NormalisedRecord } from '../types.ts';
import { type ClusterTable, type CompiledFeed, canonical, compileLayouts, type Layout, type Target, type TokenTable } from './layout.ts';
import { checkNik } from './nik.ts';
import { createValueReader, icd10Form, type ReadValue, splitBloodPressure } from './values.ts';

export interface NormaliseOptions {
  /** Name of the source layout. Without it: the record's own `layout`, else contract 1 or 2 by the look of the record. */
  readonly layout?: string;
  /** IANA zone of times without offset (the facility's). Default `Asia/Jakarta`. */
  readonly timeZone?: string;
  /** Words and codes of the district's own tables. */
  readonly codes?: Pick<LocalCodes, 'districtTarget' | 'districtName'> | undefined;
}

export interface Normalised {
  /** In the shape of contract 2; faulty values stay as they came, next to an issue of severity error. */
  readonly record: NormalisedRecord;
  readonly issues: readonly Issue[];
}

export interface Normaliser {
  readonly layouts: readonly string[];
  /** Never throws, whatever `raw` is; no issue holds a value of the record. */
  normalise(feed: Feed, raw: unknown, options?: NormaliseOptions): Normalised;
}

export interface NormaliserTables {
  readonly layouts: readonly Layout[];
  readonly tokens: TokenTable;
  readonly clusters: ClusterTable;
  /** Kinds of the answers of forms: `anc` → `tfu` → `measure`. Answers without a kind are only freed of blanks. */
  readonly answerKinds?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Names of diagnoses, to fill in the missing ones. */
  readonly icd10?: Icd10;
  /** KFA codes by vaccine, to read the names that a district maps to KFA. */
  readonly immunizations?: readonly { readonly token: string; readonly kfa: string }[];
}

type Json = Record<string, unknown>;

/** A visit has fewer of anything; longer lists are a mistake, or meant to keep the service busy. */
const MAX_ITEMS = 500;
/** Nobody reads more findings about one record; those after it are left out. */
const MAX_ISSUES = 100;
/** Longer names are not compared with the known ones. */
const MAX_NAME = 64;
/** Longer words are in no table. */
const MAX_WORD = 500;
const ICD10 = /^[A-Z]\d{2}(\.\d{1,2})?$/;

interface Run {
  readonly feed: CompiledFeed;
  readonly read: ReadValue;
  readonly timeZone: string;
  readonly warnAmbiguous: boolean;
  readonly record: Json;
  readonly issues: Issue[];
  readonly answerKinds: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** Builds the stage raw → normalised from the layout and word tables. Raises `config` when a layout is wrong. */
export function createNormaliser(tables: NormaliserTables): Normaliser {
  const layouts = compileLayouts(tables.layouts);
  const read = createValueReader(tables.tokens, tables.clusters);
  const poli = new Map(tables.clusters.poli.flatMap((row) => [row.name, ...row.aliases].map((name) => [canonical(name), row.cluster])));
  const vaccines = tables.immunizations ?? [];
  return {
    layouts: [...layouts.keys()],
    normalise(feed, raw, options = {}) {
      if (!isObject(raw)) return { record: {}, issues: [issue('field-type', { field: '(record)', expected: 'objek JSON (object)' })] };
      const asked = options.layout ?? (typeof raw.layout === 'string' ? raw.layout : undefined);
      const byLook = 'source_id' in raw && !('sourceId' in raw) ? 'contract-1' : 'default';
      const name = asked === undefined || asked === 'default' ? byLook : asked;
      const layout = layouts.get(name) ?? layouts.get(byLook);
      const compiled = layout?.feeds.get(feed);
      const issues: Issue[] = [];
      if (!layouts.has(name))
        issues.push(issue('field-value', { field: 'layout', allowed: [...layouts.keys()].join(', ') }, { field: 'layout' }));
      if (!layout || !compiled) return { record: raw, issues };
      const run: Run = {
        feed: compiled,
        read,
        timeZone: options.timeZone ?? 'Asia/Jakarta',
        warnAmbiguous: layout.dates === 'day-first-warn',
        record: {},
        issues,
        answerKinds: tables.answerKinds ?? {},
      };
      readObject(run, raw, '', '', run.record);
      const { codes } = options;
      if (codes) readLocalWords(run.record, codes, vaccines);
      finish(run, feed, (name) => codes?.districtTarget('poli-klaster', name) ?? poli.get(canonical(name)));
      if (tables.icd10) nameDiagnoses(run.record, tables.icd10, codes);
      return { record: run.record, issues };
    },
  };
}

/**
 * Reads one object of the source. `scope` names its place in the layout (`services[]`), `place` the one in the record
 * (`services[1]`), `out` is where its fields go.
 */
function readObject(run: Run, raw: Json, scope: string, place: string, out: Json): void {
  const names = run.feed.scopes.get(scope);
  const columns = new Map<string, Json>();
  for (const [key, value] of Object.entries(raw)) {
    const target = names?.get(canonical(key));
    if (!target) {
      const form = scope === '' ? formOf(run, key) : undefined;
      if (form !== undefined) {
        columns.set(form, { ...columns.get(form), [key.slice(form.length + 1)]: value });
        continue;
      }
      keepUnknown(run, names, key, value, place, out);
      continue;
    }
    // A column of a table may lead anywhere in the record; a field of a nested object stays in it.
    const atRoot = scope === '';
    const field = atRoot ? target.path : join(place, target.path.slice(target.path.lastIndexOf('.') + 1));
    const set = (path: string, result: unknown) =>
      atRoot ? assign(run.record, path, result) : assign(out, path.slice(path.lastIndexOf('.') + 1), result);
    readField(run, target, value, field, set, out);
  }
  for (const [form, answers] of columns) {
    const services = list(run.record, 'services');
    const read = readAnswers(run, answers, form, form);
    // A form of which nothing is filled in was not used.
    if (Object.keys(read).length > 0) run.record.services = [...services, { form, answers: read }];
  }
}

/** Answers of a form as columns of a table: `anc.gravida`. */
function formOf(run: Run, key: string): string | undefined {
  const dot = key.indexOf('.');
  const form = dot > 0 ? key.slice(0, dot) : '';
  return form !== '' && Object.hasOwn(run.answerKinds, form) ? form : undefined;
}

function readField(run: Run, target: Target, value: unknown, field: string, set: (path: string, value: unknown) => void, out: Json): void {
  if (Array.isArray(value) && value.length > MAX_ITEMS) {
    fault(run, 'field-format', field, { expected: `≤ ${MAX_ITEMS}` });
    return;
  }
  switch (target.kind) {
    case 'object': {
      if (isObject(value)) {
        const inner: Json = {};
        readObject(run, value, target.path, field, inner);
        set(target.path, inner);
      } else if (!isBlank(run, value)) fault(run, 'field-type', field, { expected: 'objek (object)' });
      return;
    }
    case 'list': {
      if (Array.isArray(value)) set(target.path, readList(run, target.path, value, field));
      else if (!isBlank(run, value)) fault(run, 'field-type', field, { expected: 'daftar (list)' });
      return;
    }
    case 'list:text':
    case 'list:token':
    case 'list:region': {
      const items = textItems(value).map((item) => (target.kind === 'list:region' ? item.replace(/[.\s]/g, '') : item));
      const kept = items.filter((item) => !isBlank(run, item)).map((item) => (target.kind === 'list:token' ? tokenForm(item) : item));
      if (kept.length > 0) set(target.path, kept);
      return;
    }
    case 'icd10List': {
      const codes = textItems(value).filter((item) => !isBlank(run, item));
      const diagnoses = list(run.record, 'diagnoses');
      for (const code of codes) diagnoses.push({ code: icd10Form(code), rank: diagnoses.length + 1 });
      if (diagnoses.length > 0) run.record.diagnoses = diagnoses;
      return;
    }
    case 'labList': {
      const codes = textItems(value).filter((item) => !isBlank(run, item));
      if (codes.length > 0)
        run.record.labRequests = [...list(run.record, 'labRequests'), ...codes.map((code) => ({ code: tokenForm(code) }))];
      return;
    }
    case 'bp': {
      if (isBlank(run, value)) return;
      const pressure = splitBloodPressure(value);
      const parent = target.path.slice(0, target.path.lastIndexOf('.') + 1);
      if (!pressure) {
        fault(run, 'field-format', field, { expected: '120/80' });
        return;
      }
      set(`${parent}systolic`, pressure.systolic);
      set(`${parent}diastolic`, pressure.diastolic);
      return;
    }
    case 'answers': {
      if (isObject(value)) set(target.path, readAnswers(run, value, field, typeof out.form === 'string' ? out.form : ''));
      else if (!isBlank(run, value)) fault(run, 'field-type', field, { expected: 'objek (object)' });
      return;
    }
    case 'answer': {
      const name = target.path.slice(target.path.lastIndexOf('.') + 1);
      for (const [key, answer] of Object.entries(readAnswers(run, { [name]: value }, 'answers', ''))) set(`answers.${key}`, answer);
      return;
    }
    default: {
      const reading = run.read(value, target.kind, run);
      if ('blank' in reading) return;
      if ('fault' in reading) {
        fault(run, reading.fault, field, reading.params);
        set(target.path, value);
        return;
      }
      if (reading.warning) run.issues.push(issue(reading.warning, { field }, { field }));
      set(target.path, reading.value);
      for (const [path, implied] of Object.entries(target.set ?? {})) set(path, implied);
    }
  }
}

function readList(run: Run, path: string, value: readonly unknown[], field: string): unknown[] {
  const scope = `${path}[]`;
  return value.map((item, index) => {
    const place = `${field}[${index}]`;
    if (!isObject(item)) {
      // Lists of bare codes are common: ["J06.9"] for diagnoses.
      if (path === 'diagnoses' && typeof item === 'string') return { code: icd10Form(item), rank: index + 1 };
      if (path === 'labRequests' && typeof item === 'string') return { code: tokenForm(item) };
      fault(run, 'field-type', place, { expected: 'objek (object)' });
      return item;
    }
    const out: Json = {};
    // The form names the kinds of its answers, so it is read before them, wherever it stands.
    const ordered = Object.fromEntries(
      Object.entries(item).sort(([a], [b]) => Number(canonical(a) === 'answers') - Number(canonical(b) === 'answers')),
    );
    readObject(run, ordered, scope, place, out);
    if (path === 'diagnoses' && out.rank === undefined && out.code !== undefined) out.rank = index + 1;
    return out;
  });
}

function readAnswers(run: Run, raw: Json, field: string, form: string): Json {
  const kinds = run.answerKinds[form] ?? {};
  const byCanonical = new Map(Object.keys(kinds).map((name) => [canonical(name), name]));
  const out: Json = {};
  for (const [key, value] of Object.entries(raw)) {
    const name = byCanonical.get(canonical(key));
    if (name === undefined) {
      if (byCanonical.size > 0) reportUnknown(run, key, field, [...byCanonical.values()]);
      if (!isBlank(run, value)) out[key] = typeof value === 'string' ? value.trim() : value;
      continue;
    }
    const kind = kinds[name] as string;
    if (Array.isArray(value)) {
      out[name] = value.map((item) => (typeof item === 'string' ? tokenForm(item) : item));
      continue;
    }
    if (kind === 'list') {
      const items = textItems(value).filter((item) => !isBlank(run, item));
      if (items.length > 0) out[name] = items.map(tokenForm);
      continue;
    }
    const reading = run.read(value, kind === 'token' ? 'text' : kind, run);
    if ('blank' in reading) continue;
    if ('fault' in reading) {
      fault(run, reading.fault, join(field, name), reading.params);
      out[name] = value;
    } else {
      if (reading.warning) run.issues.push(issue(reading.warning, { field: join(field, name) }, { field: join(field, name) }));
      out[name] = kind === 'token' && typeof reading.value === 'string' ? tokenForm(reading.value) : reading.value;
    }
  }
  return out;
}

/** The form of words that tables of answers, danger signs and vaccines use: `Sakit Kepala Hebat` → `sakit-kepala-hebat`. */
export function tokenForm(text: string): string {
  return text
    .trim()
    .toLowerCase()
    .replace(/[\s_]+/g, '-');
}

/** What only makes sense once every field is read. */
function finish(run: Run, feed: Feed, clusterOf: (poli: string) => string | undefined): void {
  const { record } = run;
  for (const rule of run.feed.orElse)
    if (record[rule.to] === undefined && record[rule.from] !== undefined) record[rule.to] = record[rule.from];
  if (feed === 'encounters' && record.cluster === undefined && typeof record.poli === 'string') {
    const cluster = clusterOf(record.poli);
    if (cluster !== undefined) record.cluster = cluster;
  }
  if (feed === 'encounters' && record.cluster !== undefined) {
    // A service is of the visit's cluster where nobody says otherwise.
    for (const service of list(record, 'services')) if (isObject(service)) service.cluster ??= record.cluster;
  }
  const person = feed === 'persons' ? record : isObject(record.person) ? record.person : undefined;
  if (!person) return;
  const inline = feed === 'persons' ? person : isObject(person.inline) ? person.inline : undefined;
  if (!inline) return;
  // A table row names its person by NIK and in full: the full form must carry the NIK, or it would make a second Patient.
  if (inline !== person && inline.nik === undefined && person.nik !== undefined) inline.nik = person.nik;
  const faulty = run.issues.some((found) => found.severity === 'error' && found.field?.endsWith('nik'));
  if (typeof inline.nik !== 'string' || faulty) return;
  if (checkNik(inline.nik, text(inline.birthDate), text(inline.sex))) return;
  const field = feed === 'persons' ? 'nik' : 'person.inline.nik';
  run.issues.push(issue('nik-implausible', { field }, { field }));
}

/** What only the district's own tables understand, in the words of ours. What they do not know stays, for its finding to name it. */
function readLocalWords(
  record: Json,
  codes: Pick<LocalCodes, 'districtTarget'>,
  vaccines: readonly { token: string; kfa: string }[],
): void {
  const replace = (items: unknown, field: string, find: (word: string) => string | undefined): void => {
    for (const item of Array.isArray(items) ? items : []) {
      const word = isObject(item) ? item[field] : undefined;
      const found = typeof word === 'string' && word.length <= MAX_WORD ? find(word) : undefined;
      if (found !== undefined) (item as Json)[field] = found;
    }
  };
  const diagnosis = (word: string) => (ICD10.test(word) ? undefined : codes.districtTarget('diagnosis-icd10', word));
  replace(record.diagnoses, 'code', diagnosis);
  replace(record.referrals, 'reasonCode', diagnosis);
  replace(record.immunizations, 'vaccine', (word) => {
    if (vaccines.some(({ token }) => token === word)) return undefined;
    const kfa = codes.districtTarget('obat-kfa', word);
    const named = kfa === undefined ? [] : vaccines.filter((row) => row.kfa === kfa);
    // A group of several vaccines (OPV and IPV are both POLIO) does not say which was given.
    return named.length === 1 ? named[0]?.token : undefined;
  });
}

function nameDiagnoses(record: Json, icd10: Icd10, codes: Pick<LocalCodes, 'districtName'> | undefined): void {
  for (const diagnosis of Array.isArray(record.diagnoses) ? record.diagnoses : []) {
    if (!isObject(diagnosis) || diagnosis.display !== undefined || typeof diagnosis.code !== 'string') continue;
    const display = icd10.find(diagnosis.code)?.display ?? codes?.districtName(SYSTEMS.icd10, diagnosis.code);
    if (display !== undefined) diagnosis.display = display;
  }
}

function keepUnknown(
  run: Run,
  names: ReadonlyMap<string, Target> | undefined,
  key: string,
  value: unknown,
  place: string,
  out: Json,
): void {
  assign(out, key, value, true);
  if (run.issues.length >= MAX_ISSUES || isBlank(run, value)) return;
  const known = [...new Set([...(names?.values() ?? [])].map((target) => target.path.slice(target.path.lastIndexOf('.') + 1)))];
  reportUnknown(run, key, place, known);
}

/** With the nearest known name, when there is one that a slip of the finger explains. */
function reportUnknown(run: Run, key: string, place: string, known: readonly string[]): void {
  if (run.issues.length >= MAX_ISSUES) return;
  const word = canonical(key.slice(0, MAX_NAME));
  let nearest: string | undefined;
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const name of known) {
    const steps = distance(word, canonical(name));
    if (steps < least) {
      least = steps;
      nearest = name;
    }
  }
  const field = join(place, fieldName(key, nearest !== undefined));
  run.issues.push(
    nearest === undefined ? issue('field-unused', { field }, { field }) : issue('field-unknown', { field, nearest }, { field }),
  );
}

function fault(run: Run, code: ErrorCode, field: string, params: Params = {}): void {
  // An error is never left out where warnings filled the list.
  if (run.issues.length < MAX_ISSUES || !run.issues.some(({ severity }) => severity === 'error'))
    run.issues.push(issue(code, { field, ...params }, { field }));
}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
const join = (place: string, name: string): string => (place === '' ? name : `${place}.${name}`);
const isBlank = (run: Run, value: unknown): boolean => 'blank' in run.read(value, 'any', run);
const list = (record: Json, name: string): unknown[] => (Array.isArray(record[name]) ? [...(record[name] as unknown[])] : []);

function textItems(value: unknown): string[] {
  if (Array.isArray(value))
    return value.filter((item) => typeof item === 'string' || typeof item === 'number').map((item) => String(item).trim());
  return typeof value === 'string' || typeof value === 'number'
    ? String(value)
        .split(/[;,|]/, MAX_ITEMS)
        .map((item) => item.trim())
        .filter(Boolean)
    : [];
}

/** Sets a value at a dotted path. The first value stays: a second column for the same field does not overwrite it. */
function assign(target: Json, path: string, value: unknown, whole = false): void {
  const parts = whole ? [path] : path.split('.');
  // Own properties only, so that a field named __proto__ is a field.
  let node = target;
  for (const part of parts.slice(0, -1)) {
    if (!Object.hasOwn(node, part) || !isObject(node[part])) define(node, part, {});
    node = node[part] as Json;
  }
  const last = parts[parts.length - 1] as string;
  if (!Object.hasOwn(node, last)) define(node, last, value);
  else if (isObject(node[last]) && isObject(value))
    for (const [key, child] of Object.entries(value)) assign(node[last] as Json, key, child, true);
}

function define(node: Json, name: string, value: unknown): void {
  Object.defineProperty(node, name, { value, writable: true, enumerable: true, configurable: true });
}
