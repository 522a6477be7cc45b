import { type Issue, issue } from '../errors/index.ts';
import { type Check, type CheckContext, compileCheck, isStripped, type Judged, type Report } from './platform-checks.ts';
import { compileCodes, type PlatformCodeSystem } from './platform-codes.ts';
import { timeOf } from './primitives.ts';
import { isObject, type Json } from './run.ts';
import type { PlatformRules } from './types.ts';

/** `profiles/platform-rules.json`; its `$comment` explains every column. */
export interface PlatformRuleTable {
  readonly version: string;
  readonly dateWindow: { readonly min: string; readonly noMinimum: readonly string[]; readonly futureAllowed: readonly string[] };
  readonly codeSystems: readonly PlatformCodeSystem[];
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
  /** Codes of a system that this element allows, separated by blanks. */
  readonly codes?: Readonly<Record<string, string>>;
  readonly targets?: readonly string[];
  readonly level?: string;
  readonly after?: string;
  readonly source?: readonly string[];
  /** The element as the dictionary writes it. */
  readonly dictionary?: string;
  /** Why nothing is evaluated. */
  readonly why?: string;
  readonly replacedBy?: number;
}

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
  readonly last: boolean;
}

/**
 * Compiles SATUSEHAT's numbered rules for resources in the stored form: a local identifier system `…/sid/<kind>` counts as the
 * platform's `http://sys-ids.kemkes.go.id/<kind>/:id`; other local identifiers, local codings and local extensions are stripped before
 * delivery and therefore not judged. What is sent (`satusehat/projection.ts`) is judged alike. Of codes, those are refused that cannot be
 * in the platform's copy of their system: it is published whole, or by its form.
 */
export function compilePlatformRules(table: PlatformRuleTable): PlatformRules {
  const rows = new Map<string, Row[]>();
  const context: CheckContext = { dateWindow: table.dateWindow, codes: compileCodes(table.codeSystems) };
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
      check: compileCheck(rule, context),
      last: rule.check === 'period',
    };
    if (!row.required && row.check === undefined) continue;
    const list = rows.get(type);
    if (list === undefined) rows.set(type, [row]);
    else list.push(row);
  }
  // The order of times is judged when the record is stored, after all other rules.
  for (const [type, list] of rows) rows.set(type, [...list.filter((row) => !row.last), ...list.filter((row) => row.last)]);
  return {
    check(resource, { now, organizationId }) {
      const node = resource as unknown as Json;
      const judgement = new Judgement({ resource: node, now: timeOf(now), organizationId });
      for (const row of rows.get(resource.resourceType) ?? []) {
        // Most rows are about elements that a resource does not have and need not have.
        if (row.first === undefined || node[row.first] !== undefined) judgement.by(row);
      }
      return judgement.issues;
    },
  };
}

/** One resource being judged by one row after the other. */
class Judgement implements Visitor {
  readonly issues: Issue[] = [];
  readonly #judged: Judged;
  #row!: Row;

  constructor(judged: Judged) {
    this.#judged = judged;
  }

  by(row: Row): void {
    this.#row = row;
    walk(this.#judged.resource, row.segments, 0, this.#judged.resource.resourceType as string, this);
  }

  readonly #report: Report = (code, expression) => {
    const { rule } = this.#row;
    this.issues.push(issue(code, { expression, rule }, { expression, rule }));
  };

  found(value: unknown, expression: string): void {
    this.#row.check?.({ value, expression }, this.#report, this.#judged);
  }

  missing(parent: string, segments: readonly Segment[], index: number): void {
    const row = this.#row;
    const isParent = index < segments.length - 1;
    if (!row.required || (isParent && !row.withParent) || !row.when.every((term) => term(this.#judged.resource))) return;
    this.#report('rule-mandatory', [parent, ...segments.slice(index).map(({ text }) => text)].join('.'));
  }
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

interface Visitor {
  found(value: unknown, expression: string): void;
  /** Called with the parent's expression and the step that leads nowhere. */
  missing(parent: string, segments: readonly Segment[], index: number): void;
}

/** Visits every value at a path. */
function walk(node: Json, segments: readonly Segment[], index: number, expression: string, visitor: Visitor): void {
  const segment = segments[index] as Segment;
  const key = segment.isChoice ? choiceKey(node, segment.name) : segment.name;
  const value = key === undefined ? undefined : node[key];
  let isThere = false;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) if (enter(value[i], segments, index, `${expression}.${key}[${i}]`, visitor)) isThere = true;
  } else if (value !== undefined && value !== null) isThere = enter(value, segments, index, `${expression}.${key}`, visitor);
  if (!isThere) visitor.missing(expression, segments, index);
}

/** False when the step does not mean this value. */
function enter(value: unknown, segments: readonly Segment[], index: number, expression: string, visitor: Visitor): boolean {
  if (!isVisible(value, segments[index] as Segment)) return false;
  if (index === segments.length - 1) visitor.found(value, expression);
  else if (isObject(value)) walk(value, segments, index + 1, expression, visitor);
  return true;
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

/** Terms of `when`: `path`, `path=value`, `path!=value`. */
function compileTerm(term: string): Term {
  const match = /^([^!=]+)(!?=)?(.*)$/.exec(term);
  const segments = (match?.[1] ?? '').split('.').map(compileSegment);
  const wanted = match?.[3] ?? '';
  const values = (resource: Json): string[] => {
    const values: string[] = [];
    walk(resource, segments, 0, '', { found: (value) => values.push(isObject(value) ? '' : String(value)), missing: () => {} });
    return values;
  };
  if (match?.[2] === '=') return (resource) => values(resource).includes(wanted);
  if (match?.[2] === '!=') return (resource) => !values(resource).includes(wanted);
  return (resource) => values(resource).length > 0;
}
