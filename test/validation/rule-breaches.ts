import type { Resource } from '@medplum/fhirtypes';
import type { PlatformRule } from '../../src/sandbox/rules.ts';
import type { PlatformRules } from '../../src/validation/index.ts';
import {
  type Body,
  badValues,
  complete,
  evaluated,
  fulfil,
  goodResource,
  goodValue,
  ORGANIZATION,
  pathOf,
  place,
  remove,
  typeOf,
} from '../sandbox/rule-cases.ts';

/** Bodies made from the rule table that break one rule each, and what the service's rules say of them. */

export interface Breach {
  readonly what: string;
  readonly body: Body;
}

/** A body of the rule's type that keeps everything and has the element. */
export function keeping(rule: PlatformRule): Body {
  const type = typeOf(rule);
  const body = goodResource(type);
  place(body, type, pathOf(rule), goodValue(rule));
  return complete(body);
}

export function breachesOf(rule: PlatformRule): readonly Breach[] {
  const type = typeOf(rule);
  const wrong = [...badValues(rule).map(({ value }) => value), ...(rule.check === 'period' ? [REVERSED] : []), ...historyOf(rule)];
  const breaches = wrong.map((value) => {
    const body = keeping(rule);
    if (rule.check === 'status-history') body.status = 'finished';
    place(body, type, pathOf(rule), value);
    return { what: JSON.stringify(value), body: rule.check === 'status-history' ? complete(body) : body };
  });
  if (rule.requirement !== 'mandatory' && (rule.requirement !== 'conditional' || rule.when === undefined)) return breaches;
  const body = goodResource(type);
  fulfil(body, type, rule.when ?? []);
  complete(body);
  remove(body, type, pathOf(rule));
  return [...breaches, { what: 'missing', body }];
}

const REVERSED = { start: '2026-08-01T02:00:00+00:00', end: '2026-08-01T01:00:00+00:00' };
const historyOf = ({ check }: PlatformRule): readonly unknown[] =>
  check === 'status-history' ? [{ status: 'arrived', period: { start: REVERSED.end } }] : [];

/** Numbers of the rules by which a body is refused, in order. */
export const refusedBy = (rules: PlatformRules, body: Body): readonly number[] =>
  rules.check(body as unknown as Resource, { now: '2026-08-12T03:00:00Z', organizationId: ORGANIZATION }).map(({ rule }) => Number(rule));

/** Numbers before the rule's own that are not of the same element; undefined if the body is not refused by it. */
export function precedence(rule: PlatformRule, numbers: readonly number[]): readonly number[] | undefined {
  const at = numbers.indexOf(rule.rule);
  if (at < 0) return undefined;
  return numbers.slice(0, at).filter((number) => !evaluated.some((other) => other.rule === number && isNear(other.path, rule.path)));
}

/** Several rules say the same of an element, of what holds it, or of a choice by its name and by that of its type. */
function isNear(one: string, other: string): boolean {
  const [left, right] = [one, other].map((path) => (path.endsWith('[x]') ? path.slice(0, -3) : `${path}.`)) as [string, string];
  return `${one}.`.startsWith(right) || `${other}.`.startsWith(left);
}
