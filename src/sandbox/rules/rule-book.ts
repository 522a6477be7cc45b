import type { OutcomeIssue } from '../errors.ts';
import { asObject, type JsonObject } from '../json.ts';
import { DEFAULT_SETTINGS, type Strictness } from '../settings.ts';
import { CHECKS, type Judge, type Judged } from './checks.ts';
import { compileCodes } from './codes.ts';
import { compilePath, type Path, plainPath, valuesAt } from './path.ts';
import type { PlatformRule, RuleTable } from './table.ts';
import { texts } from './texts.ts';

export interface RuleContext {
  /** The Organization that the caller's token is bound to. */
  readonly organizationId: string;
  /** Milliseconds since the epoch, against which future dates are judged. */
  readonly now: number;
  /** Default: {@link DEFAULT_SETTINGS}. */
  readonly strictness?: Strictness;
  /** Whether the resource is new. Default: false, which is stricter by one rule (10122). */
  readonly creating?: boolean;
}

export interface PlatformRuleBook {
  /** Findings on one resource in the order of the table, with the platform's texts; the resource may have any form. */
  check(resource: JsonObject, type: string, context: RuleContext): readonly OutcomeIssue[];
}

interface Row {
  readonly rule: PlatformRule;
  readonly path: Path;
  readonly judge: Judge | undefined;
  readonly required: Required | undefined;
}

interface Required {
  readonly parent: Path;
  readonly child: Path;
  readonly name: string;
  readonly isReference: boolean;
  readonly terms: readonly ((resource: JsonObject) => boolean)[];
  /** A missing parent is a missing element. */
  readonly withParent: boolean;
}

/**
 * The sandbox's own evaluator over the shared table. It shares no code with the service's evaluator on purpose: a mistake in one
 * shows as a disagreement between the two. Rules are compiled once, by resource type.
 */
export function createRuleBook(table: RuleTable): PlatformRuleBook {
  const context = { table, codes: compileCodes(table.codeSystems ?? []) };
  const byType = new Map<string, Row[]>();
  for (const rule of table.rules) {
    if (rule.replacedBy !== undefined) continue;
    const type = rule.path.split('.')[0] ?? '';
    const required = compileRequired(rule, type);
    const judge = CHECKS[rule.check]?.(rule, context);
    if (judge === undefined && required === undefined) continue;
    const rows = byType.get(type) ?? [];
    rows.push({ rule, path: compilePath(rule.path.slice(type.length + 1)), judge, required });
    byType.set(type, rows);
  }
  return {
    check(resource, type, { organizationId, now, strictness = DEFAULT_SETTINGS.strictness, creating = false }) {
      const found: OutcomeIssue[] = [];
      const judged: Judged = { resource, organizationId, now, strictness };
      const optional = creating && !strictness.statusHistoryOnCreate;
      let missing: Set<number> | undefined;
      for (const row of byType.get(type) ?? []) {
        const { rule, path, judge, required } = row;
        if (required !== undefined && !missing?.has(rule.rule) && !(optional && isStatusHistory(rule))) {
          const places = absent(required, rule, resource, type);
          // Parent and child often carry one number; the platform names it once.
          if (places.length > 0) missing = (missing ?? new Set()).add(rule.rule);
          for (const at of places) {
            found.push(required.isReference ? texts.referenceMandatory(rule.rule, at) : texts.elementNotFound(rule.rule, at));
          }
        }
        // Most rules are about elements that a resource does not have.
        if (judge !== undefined && (path.first === undefined || resource[path.first] !== undefined)) {
          for (const item of valuesAt(path, resource, type)) for (const issue of judge(item, judged)) found.push(issue);
        }
      }
      return strictness.issues === 'one' ? found.slice(0, 1) : found;
    },
  };
}

/** The history a visit had before its first POST: nobody knows it better than the platform. */
const isStatusHistory = ({ path }: PlatformRule): boolean => path.startsWith('Encounter.statusHistory');

function compileRequired(rule: PlatformRule, type: string): Required | undefined {
  const isConditional = rule.requirement === 'conditional' && rule.when !== undefined;
  if (rule.requirement !== 'mandatory' && !isConditional) return undefined;
  const path = rule.path.slice(type.length + 1);
  const dot = path.lastIndexOf('.');
  return {
    parent: compilePath(path.slice(0, Math.max(dot, 0))),
    child: compilePath(path.slice(dot + 1)),
    name: plainPath(path.slice(dot + 1)),
    isReference: rule.type === 'Reference' || rule.check === 'reference',
    terms: isConditional ? (rule.when ?? []).map(compileTerm) : [],
    withParent: rule.requirement === 'mandatory',
  };
}

/** A term of `when`: `path` (present), `path=value`, `path!=value` (no value equals). */
function compileTerm(term: string): (resource: JsonObject) => boolean {
  const [, given = '', operator, wanted = ''] = /^(.+?)(?:(!?=)(.*))?$/s.exec(term) ?? [];
  const path = compilePath(given);
  return (resource) => {
    const values = valuesAt(path, resource, '');
    if (operator === undefined) return values.length > 0;
    // An object has no text to compare, and one with a `toString` of its own could not even be asked.
    return values.some(({ value }) => typeof value !== 'object' && String(value) === wanted) === (operator === '=');
  };
}

/** Places where a required element is not: with indices when its parent is there. */
function absent(required: Required, rule: PlatformRule, resource: JsonObject, type: string): readonly string[] {
  if (!required.terms.every((term) => term(resource))) return [];
  const parents = valuesAt(required.parent, resource, type);
  if (parents.length === 0) return required.withParent ? [plainPath(rule.path)] : [];
  return parents.filter(({ value }) => !isThere(required, value)).map(({ expression }) => `${expression}.${required.name}`);
}

function isThere({ child, isReference }: Required, parent: unknown): boolean {
  const found = valuesAt(child, parent, '');
  return isReference ? found.some(({ value }) => typeof asObject(value).reference === 'string') : found.length > 0;
}
