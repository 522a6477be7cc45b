import type { Resource } from '@medplum/fhirtypes';
import { type ErrorCode, type Issue, issue } from '../errors/index.ts';
import { ILP_BASE, platformSid, SYSTEMS } from '../terminology/systems.ts';
import { referenceOf } from './references.ts';
import { isObject, type Json } from './run.ts';
import type { PlatformRules } from './types.ts';

/** `profiles/platform-rules.json`; its `$comment` explains every column. */
export interface PlatformRuleTable {
  readonly version: string;
  readonly dateWindow: { readonly min: string; readonly noMinimum: readonly string[]; readonly futureAllowed: readonly string[] };
  readonly rules: readonly PlatformRule[];
}

export interface PlatformRule {
  readonly rule: number;
  readonly path: string;
  readonly type?: string;
  readonly requirement: string;
  readonly when?: readonly string[];
  readonly check: string;
  readonly systems?: readonly string[];
  readonly targets?: readonly string[];
  readonly replacedBy?: number;
}

type Found = { readonly value: unknown; readonly expression: string };
type Report = (code: ErrorCode, expression: string) => void;
type Check = (found: Found, report: Report, resource: Json, now: number) => void;
type Term = (resource: Json) => boolean;

interface Row {
  readonly rule: string;
  readonly segments: readonly Segment[];
  /** Element without which there is nothing to judge; undefined if its absence may be a fault, or its key is not known before. */
  readonly first: string | undefined;
  readonly required: boolean;
  /** A missing parent is a missing element, unless the parent has a rule of its own. */
  readonly withParent: boolean;
  readonly when: readonly Term[];
  readonly check: Check | undefined;
}

/**
 * Compiles SATUSEHAT's numbered rules for resources in the stored form: a local identifier system `…/sid/<kind>` counts as the
 * platform's `http://sys-ids.kemkes.go.id/<kind>/:id`; other local identifiers, local codings and local extensions are stripped before
 * delivery and therefore not judged. Codes themselves are judged by the platform's own copies of the code systems, not here.
 */
export function compilePlatformRules(table: PlatformRuleTable): PlatformRules {
  const rows = new Map<string, Row[]>();
  const mandatory = new Set(table.rules.filter((rule) => rule.requirement === 'mandatory').map((rule) => rule.path));
  for (const rule of table.rules) {
    if (rule.replacedBy !== undefined) continue;
    const [type = '', ...segments] = rule.path.split('.');
    const parents = segments.slice(0, -1).map((_, index) => [type, ...segments.slice(0, index + 1)].join('.'));
    const isConditional = rule.requirement === 'conditional' && rule.when !== undefined;
    const required = rule.requirement === 'mandatory' || isConditional;
    const compiled = segments.map(compileSegment);
    const row: Row = {
      rule: String(rule.rule),
      segments: compiled,
      first: required || compiled[0]?.isChoice ? undefined : compiled[0]?.name,
      required,
      withParent: rule.requirement === 'mandatory' && !parents.some((parent) => mandatory.has(parent)),
      when: isConditional ? (rule.when ?? []).map(compileTerm) : [],
      check: compileCheck(rule, table),
    };
    if (!row.required && row.check === undefined) continue;
    const list = rows.get(type);
    if (list === undefined) rows.set(type, [row]);
    else list.push(row);
  }
  return {
    check(resource, { now }) {
      const issues: Issue[] = [];
      const at = Date.parse(now);
      const node = resource as unknown as Json;
      for (const row of rows.get(resource.resourceType) ?? []) {
        // Most rows are about elements that a resource does not have and need not have.
        if (row.first === undefined || node[row.first] !== undefined) evaluate(row, resource, at, issues);
      }
      return issues;
    },
  };
}

function evaluate(row: Row, resource: Resource, now: number, issues: Issue[]): void {
  const node = resource as unknown as Json;
  const report: Report = (code, expression) => issues.push(issue(code, { expression, rule: row.rule }, { expression, rule: row.rule }));
  const missing: Missing = (parent, segments, index) => {
    const isParent = index < segments.length - 1;
    if (!row.required || (isParent && !row.withParent) || !row.when.every((term) => term(node))) return;
    report('rule-mandatory', [parent, ...segments.slice(index).map(({ text }) => text)].join('.'));
  };
  const visit = (value: unknown, expression: string): void => row.check?.({ value, expression }, report, node, now);
  walk(node, row.segments, 0, resource.resourceType, visit, missing);
}

/** One step of a path. An extension is named by the end of its URL, a choice by the beginning of its key. */
interface Segment {
  readonly text: string;
  readonly name: string;
  readonly extension?: string;
  readonly isChoice: boolean;
}

function compileSegment(text: string): Segment {
  const extension = /^extension\((\w+)\)$/.exec(text)?.[1];
  if (extension !== undefined) return { text, name: 'extension', extension, isChoice: false };
  return text.endsWith('[x]') ? { text, name: text.slice(0, -3), isChoice: true } : { text, name: text, isChoice: false };
}

type Visit = (value: unknown, expression: string) => void;
/** Called with the parent's expression and the step that leads nowhere. */
type Missing = (parent: string, segments: readonly Segment[], index: number) => void;

/** Visits every value at a path. */
function walk(node: Json, segments: readonly Segment[], index: number, expression: string, visit: Visit, missing: Missing): void {
  const segment = segments[index] as Segment;
  const isLast = index === segments.length - 1;
  const key = segment.isChoice ? choiceKey(node, segment.name) : segment.name;
  const value = key === undefined ? undefined : node[key];
  let count = 0;
  const each = (found: unknown, at: string): void => {
    if (!isVisible(found, segment)) return;
    count++;
    if (isLast) visit(found, at);
    else if (isObject(found)) walk(found, segments, index + 1, at, visit, missing);
  };
  if (Array.isArray(value)) for (let i = 0; i < value.length; i++) each(value[i], `${expression}.${key}[${i}]`);
  else if (value !== undefined && value !== null) each(value, `${expression}.${key}`);
  if (count === 0) missing(expression, segments, index);
}

function choiceKey(node: Json, base: string): string | undefined {
  return Object.keys(node).find((key) => key.startsWith(base) && /^[A-Z]/.test(key.slice(base.length)));
}

/** False for what is stripped before delivery, and for other extensions than the one meant. */
function isVisible(value: unknown, segment: Segment): boolean {
  if (segment.extension !== undefined) {
    const url = isObject(value) ? value.url : undefined;
    return typeof url === 'string' && (url === segment.extension || url.endsWith(`/${segment.extension}`));
  }
  return segment.name !== 'identifier' || !isStripped(value);
}

function open(value: unknown, expression: string): Found[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) return [{ value, expression }];
  return value.map((each, index) => ({ value: each, expression: `${expression}[${index}]` }));
}

const LOCAL_SID = `${ILP_BASE}/sid/`;
/** Local identifier systems that never leave: everything that is not the kind of a resource. */
const KEPT_LOCAL = new Set(['source-record', 'kode-puskesmas', 'patient']);

function isStripped(identifier: unknown): boolean {
  const system = isObject(identifier) ? identifier.system : undefined;
  if (typeof system !== 'string' || !system.startsWith(`${ILP_BASE}/`)) return false;
  return !system.startsWith(LOCAL_SID) || KEPT_LOCAL.has(system.slice(LOCAL_SID.length));
}

/** A local identifier system as the platform will see it. */
const projected = (system: string): string => (system.startsWith(LOCAL_SID) ? platformSid(system.slice(LOCAL_SID.length), ':id') : system);

/** Terms of `when`: `path`, `path=value`, `path!=value`. */
function compileTerm(term: string): Term {
  const match = /^([^!=]+)(!?=)?(.*)$/.exec(term);
  const segments = (match?.[1] ?? '').split('.').map(compileSegment);
  const wanted = match?.[3] ?? '';
  const values = (resource: Json): string[] => {
    const found: string[] = [];
    const visit = (value: unknown) => found.push(isObject(value) ? '' : String(value));
    walk(resource, segments, 0, '', visit, () => {});
    return found;
  };
  if (match?.[2] === '=') return (resource) => values(resource).includes(wanted);
  if (match?.[2] === '!=') return (resource) => !values(resource).includes(wanted);
  return (resource) => values(resource).length > 0;
}

const COMPLETE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

function compileCheck(rule: PlatformRule, table: PlatformRuleTable): Check | undefined {
  switch (rule.check) {
    case 'system':
      return systemCheck(rule.systems ?? []);
    case 'identifier-system':
      return identifierCheck(rule.systems ?? []);
    case 'reference':
      return rule.targets === undefined ? referencePresent : targetCheck(rule.targets);
    case 'sender-organization':
      return targetCheck(['Organization']);
    case 'dateTime':
      return dateTimeCheck(
        table.dateWindow.noMinimum.includes(rule.path) ? Number.NEGATIVE_INFINITY : Date.parse(table.dateWindow.min),
        table.dateWindow.futureAllowed.includes(rule.path),
      );
    case 'period':
      return periodCheck;
    case 'status-history':
      return statusHistoryCheck;
    case 'text':
      return ({ value, expression }, report) => {
        if (typeof value !== 'string' || value.trim() === '') report('rule-text', expression);
      };
    case 'integer':
    case 'decimal':
      return ({ value, expression }, report) => {
        if (typeof value !== 'number' || (rule.check === 'integer' && !Number.isInteger(value))) report('rule-value', expression);
      };
    case 'boolean':
      return ({ value, expression }, report) => {
        if (typeof value !== 'boolean') report('rule-value', expression);
      };
    case 'immunization-performer':
      return immunizationPerformerCheck;
    case 'kfa-one-code':
      return kfaOneCodeCheck;
    case 'address-parent':
      return rule.rule === 10621 ? addressCheck : undefined;
    case 'prescription-identifiers':
      return prescriptionCheck;
    default:
      // Codes of FHIR are judged by the structure check; the rest needs what only the platform knows.
      return undefined;
  }
}

/** Systems of a Coding, of the codings of a CodeableConcept, or of a Quantity. */
function systemCheck(systems: readonly string[]): Check {
  const allowed = new Set(systems);
  return ({ value, expression }, report) => {
    if (!isObject(value)) return;
    const codings = value.coding === undefined ? [{ value, expression }] : open(value.coding, `${expression}.coding`);
    for (const coding of codings) {
      const system = isObject(coding.value) ? coding.value.system : undefined;
      // A concept or quantity without system is only text or a number.
      if (typeof system !== 'string' || system.startsWith(`${ILP_BASE}/`)) continue;
      if (!allowed.has(system)) report('rule-system', `${coding.expression}.system`);
    }
  };
}

function identifierCheck(systems: readonly string[]): Check {
  const forms = systems.map((system) => new RegExp(`^${system.split(':id').map(escaped).join('[^/]+')}$`));
  return ({ value, expression }, report) => {
    if (!isObject(value) || typeof value.system !== 'string') return;
    const system = projected(value.system);
    if (!system.startsWith(`${ILP_BASE}/`) && !forms.some((form) => form.test(system))) report('rule-system', `${expression}.system`);
  };
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

const referencePresent: Check = ({ value, expression }, report) => {
  if (!isObject(value) || typeof value.reference !== 'string') report('rule-mandatory', `${expression}.reference`);
};

function targetCheck(targets: readonly string[]): Check {
  const allowed = new Set(targets);
  return ({ value, expression }, report) => {
    if (!isObject(value) || typeof value.reference !== 'string') {
      report('rule-mandatory', `${expression}.reference`);
      return;
    }
    const found = referenceOf(value.reference);
    if (found.kind === 'literal' && !allowed.has(found.type)) report('rule-value', `${expression}.reference`);
  };
}

function dateTimeCheck(min: number, futureAllowed: boolean): Check {
  return ({ value, expression }, report, _resource, now) => {
    const time = typeof value === 'string' && COMPLETE.test(value) ? Date.parse(value) : Number.NaN;
    if (Number.isNaN(time) || time < min || (time > now && !futureAllowed)) report('rule-date', expression);
  };
}

const time = (value: unknown): number => (typeof value === 'string' ? Date.parse(value) : Number.NaN);

const periodCheck: Check = ({ value, expression }, report) => {
  if (isObject(value) && time(value.start) > time(value.end)) report('rule-period', expression);
};

/** A finished visit tells when each of its states began and ended. */
const statusHistoryCheck: Check = ({ value, expression }, report, resource) => {
  if (resource.status !== 'finished' || !isObject(value) || !isObject(value.period)) return;
  for (const end of ['start', 'end']) if (value.period[end] === undefined) report('rule-mandatory', `${expression}.period.${end}`);
};

/**
 * What the unit gave itself has a performer with function `AP` or `OP`, history `EP`; a record with a report origin (a kader's, say) may
 * have any of them. Judged once for all performers.
 */
const immunizationPerformerCheck: Check = ({ value, expression }, report, resource) => {
  if (typeof resource.primarySource !== 'boolean') return;
  const functions = open(resource.performer, '').map(({ value }) => (isObject(value) ? value.function : undefined));
  if (value !== functions.find((each) => each !== undefined)) return;
  const codes = functions
    .flatMap((each) => (isObject(each) ? open(each.coding, '') : []))
    .map(({ value }) => (isObject(value) ? value.code : ''));
  const allowed: unknown[] = resource.primarySource ? ['AP', 'OP'] : ['EP'];
  if (resource.reportOrigin !== undefined) allowed.push('EP');
  if (!codes.some((code) => allowed.includes(code))) report('rule-value', expression);
};

const kfaOneCodeCheck: Check = ({ value, expression }, report) => {
  const codings = isObject(value) ? open(value.coding, '') : [];
  const kfa = codings.filter((coding) => isObject(coding.value) && coding.value.system === SYSTEMS.kfa);
  if (codings.length > 0 && kfa.length !== 1) report('rule-value', expression);
};

/** A prescription has its own number and the number of its item, or the national one. */
const prescriptionCheck: Check = ({ expression }, report, resource) => {
  if (!expression.endsWith('identifier[0]')) return;
  const systems = open(resource.identifier, '').map(({ value }) =>
    isObject(value) && typeof value.system === 'string' ? projected(value.system) : '',
  );
  const has = (kind: string) => systems.some((system) => system.startsWith(`${SYSTEMS.platformSidBase}${kind}`));
  if (!has('prescription/national') && !(has('prescription/') && has('prescription-item/'))) report('rule-system', expression);
};

/** Each administrative level begins with the code of the level above it: 2, 4, 6 and 10 digits. */
const addressCheck: Check = ({ value, expression }, report) => {
  if (!isObject(value)) return;
  let above = '';
  for (const level of ['province', 'city', 'district', 'village']) {
    const found = open(value.extension, '').find((each) => isObject(each.value) && each.value.url === level)?.value;
    const code = isObject(found) ? found.valueCode : undefined;
    if (typeof code !== 'string') continue;
    if (!code.startsWith(above)) {
      report('rule-value', expression);
      return;
    }
    above = code;
  }
};
