import { describe, expect, it } from 'vitest';
import type { PlatformRule } from '../../src/sandbox/rules.ts';
import { compilePlatformRules, type PlatformRuleTable } from '../../src/validation/index.ts';
import {
  type Body,
  badValues,
  complete,
  evaluated,
  fulfil,
  goodResource,
  goodValue,
  pathOf,
  place,
  remove,
  TABLE,
  typeOf,
} from './rule-cases.ts';

/**
 * The service judges by the same table with code of its own. What one of them refuses and the other takes is a mistake of one of
 * them, unless only the platform can know it.
 */
const service = compilePlatformRules(TABLE as unknown as PlatformRuleTable);
const judge = (resource: Body) => service.check(resource as never, { now: '2026-08-12T03:00:00Z' } as never);
const refuses = (resource: Body, { rule }: PlatformRule): boolean => judge(resource).some((found) => found.rule === String(rule));

/** Answers that the service's rules leave to something else, by check and beginning of the text. */
const LEFT: readonly (readonly [check: RegExp, text: RegExp, why: string])[] = [
  [/./, /^Code not found/, 'codes of FHIR are judged with the structure; other code systems only the platform has'],
  [/^identifier-system$/, /\/10000009/, 'the organization is put in on delivery'],
  [/^identifier-system$/, /^Identifier value not found/, 'visit codes come from a table'],
  [/^sender-organization$/, /./, 'the organization is put in on delivery'],
  [/^(date|time|kind)$/, /./, 'judged as a primitive, with the structure'],
  [/^integer$/, /value: (0|-1) /, 'judged as a primitive, with the structure'],
  [/^(system-uri|identifier-uri)$/, /./, 'of elements that the service does not send'],
];
/** Rows of which even the good value differs. */
const APART: Readonly<Record<number, string>> = {
  10171: 'PATCH: there is no value',
  10930: 'the service wants a reference where the dictionary only names a display; it sends no PractitionerRole',
};

const withElement = (rule: PlatformRule): Body => {
  const resource = goodResource(typeOf(rule));
  place(resource, typeOf(rule), pathOf(rule), goodValue(rule));
  return complete(resource);
};

describe('service and sandbox', () => {
  it('accept the same', () => {
    for (const type of new Set(evaluated.map(typeOf))) expect([type, judge(goodResource(type))]).toEqual([type, []]);
    for (const rule of evaluated) {
      if (APART[rule.rule] === undefined) expect([rule.path, judge(withElement(rule))]).toEqual([rule.path, []]);
    }
  });

  it('refuse the same', () => {
    let both = 0;
    for (const rule of evaluated) {
      for (const { value, text } of badValues(rule)) {
        const resource = withElement(rule);
        place(resource, typeOf(rule), pathOf(rule), value);
        const left = LEFT.some(([check, part]) => check.test(rule.check) && part.test(text));
        if (!left) expect([rule.rule, rule.path, text, refuses(resource, rule)]).toEqual([rule.rule, rule.path, text, true]);
        if (!left) both++;
      }
    }
    expect(both).toBeGreaterThan(550);
  });

  it('miss the same', () => {
    for (const rule of evaluated) {
      if (rule.requirement !== 'mandatory' && (rule.requirement !== 'conditional' || rule.when === undefined)) continue;
      const resource = goodResource(typeOf(rule));
      fulfil(resource, typeOf(rule), rule.when ?? []);
      remove(resource, typeOf(rule), pathOf(rule));
      // A rule on a child of something else that is missing is named by that.
      expect([rule.rule, rule.path, judge(resource).length > 0]).toEqual([rule.rule, rule.path, true]);
    }
  });
});
