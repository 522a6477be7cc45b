import { describe, expect, test } from 'vitest';
import { compilePlatformRules, decisionsOf } from '../../src/validation/index.ts';
import { evaluated, goodResource, TABLE, typeOf } from '../sandbox/rule-cases.ts';
import { breachesOf, keeping, precedence, refusedBy } from './rule-breaches.ts';
import { ruleTable } from './sources.ts';

/**
 * Every rule that is decided before sending refuses a body that breaks it, by its own number and before any other. The bodies are made
 * from the table, and the rules are those of the service: what the sandbox says of the same bodies is tested by its own test.
 */
const rules = compilePlatformRules(ruleTable);

test.each([...new Set(evaluated.map(typeOf))])('%s that keeps all rules is accepted', (type) => {
  expect(refusedBy(rules, goodResource(type))).toEqual([]);
});

const decided = decisionsOf(ruleTable).flatMap(({ state }, at) => (state === 'decided locally' ? (TABLE.rules[at] ?? []) : []));

describe('every rule that is decided here', () => {
  test.each(decided.map((rule) => [rule.rule, rule.path, rule] as const))('%i %s', (_, __, rule) => {
    expect(refusedBy(rules, keeping(rule))).toEqual([]);
    const breaches = breachesOf(rule);
    expect(breaches.length).toBeGreaterThan(0);
    for (const { what, body } of breaches) {
      const numbers = refusedBy(rules, body);
      expect(precedence(rule, numbers), `${what}: ${numbers}`).toEqual([]);
    }
  });
});

describe('the account', () => {
  const inDictionary = decisionsOf(ruleTable).filter(({ rule }) => rule.source?.includes('dictionary'));

  test('is of all 538 rules of the dictionary', () => expect(inDictionary).toHaveLength(538));

  test('gives a reason for what is not decided, and leaves nothing to the server that a breach shows here', () => {
    for (const [at, { rule, state, detail }] of decisionsOf(ruleTable).entries()) {
      expect([rule.rule, rule.path, detail]).not.toEqual([rule.rule, rule.path, '']);
      const same = TABLE.rules[at];
      if (state !== 'decided locally' && state !== 'replaced' && same) expect([rule.rule, breachesOf(same)]).toEqual([rule.rule, []]);
    }
  });
});
