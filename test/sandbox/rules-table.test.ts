import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { accountOf } from '../../src/sandbox/rules/account.ts';
import { sandboxRulesDoc } from '../../src/sandbox/rules/describe.ts';
import { createRuleBook, type PlatformRule } from '../../src/sandbox/rules.ts';
import {
  type Body,
  badValues,
  CHOICES,
  complete,
  evaluated,
  fulfil,
  goodResource,
  goodValue,
  ORGANIZATION,
  pathOf,
  place,
  remove,
  TABLE,
  typeOf,
} from './rule-cases.ts';

const book = createRuleBook(TABLE);
const context = { organizationId: ORGANIZATION, now: Date.parse('2026-08-12T03:00:00Z') };
const findings = (resource: Body, type: string) => book.check(resource, type, context);
const textsOf = (resource: Body, type: string) => findings(resource, type).map(({ details }) => details.text);

/** A resource of the rule's type that fulfils everything and has the element. */
function withElement(rule: PlatformRule): Body {
  const type = typeOf(rule);
  const resource = goodResource(type);
  place(resource, type, pathOf(rule), goodValue(rule));
  return complete(resource);
}

const judged = evaluated.filter((rule) => badValues(rule).length > 0);
const required = evaluated.filter(
  ({ requirement, when }) => requirement === 'mandatory' || (requirement === 'conditional' && when !== undefined),
);

describe('every rule of the table', () => {
  it.each([...new Set(evaluated.map(typeOf))])('%s: what fulfils all its rules is accepted', (type) => {
    expect(textsOf(goodResource(type), type)).toEqual([]);
  });

  it.each(judged.map((rule) => [rule.rule, rule.path, rule] as const))('%i %s accepts a good value and refuses bad ones', (_, __, rule) => {
    const type = typeOf(rule);
    expect(textsOf(withElement(rule), type)).toEqual([]);
    for (const { value, text, code, at } of badValues(rule)) {
      const resource = withElement(rule);
      place(resource, type, pathOf(rule), value);
      const found = findings(resource, type).find(({ details }) => plain(details.text) === text);
      expect(found, `${JSON.stringify(value)}: ${text}; got ${JSON.stringify(findings(resource, type))}`).toBeDefined();
      expect(found?.code).toBe(code);
      if (at === undefined) expect(found).not.toHaveProperty('expression');
      else expect(plain(String(found?.expression?.[0]))).toBe(`${named(rule)}${plain(at)}`);
    }
  });

  it.each(required.map((rule) => [rule.rule, rule.path, rule] as const))('%i %s is missed', (_, __, rule) => {
    const type = typeOf(rule);
    const resource = goodResource(type);
    fulfil(resource, type, rule.when ?? []);
    remove(resource, type, pathOf(rule));
    const start = rule.type === 'Reference' || rule.check === 'reference' ? 'Reference is mandatory :' : 'Element not found:';
    const wanted = `${start} ${rule.path.replaceAll(/\([^)]*\)/g, '')} (RuleNumber: ${rule.rule})`;
    expect(textsOf(resource, type).map(plain)).toContain(wanted);
  });
});

/** A rule's path as an answer names it when a choice has been made. */
const named = ({ path }: PlatformRule): string =>
  path
    .replaceAll(/\([^)]*\)/g, '')
    .split('.')
    .map((step) => CHOICES[step] ?? step)
    .join('.');

/** Without indices. */
const plain = (text: string): string => text.replaceAll(/\[\d+\]/g, '');

describe('the account of the rules', () => {
  const inDictionary = TABLE.rules.filter(({ source }) => source?.includes('dictionary'));

  it('has every rule of the dictionary once', () => {
    expect(inDictionary).toHaveLength(538);
    expect(new Set(inDictionary.map(({ rule, path: at, dictionary = at }) => `${rule} ${dictionary}`)).size).toBe(538);
  });

  it('calls a rule evaluated exactly when a test above refuses something by it', () => {
    for (const rule of TABLE.rules) {
      const { state, detail } = accountOf(rule);
      const tested = rule.replacedBy === undefined && (required.includes(rule) || judged.includes(rule));
      expect([rule.rule, rule.path, state === 'evaluated']).toEqual([rule.rule, rule.path, tested]);
      // What is not evaluated has its reason.
      expect([rule.rule, rule.path, detail]).not.toEqual([rule.rule, rule.path, '']);
    }
  });

  it('supersedes a rule only by one that is evaluated', () => {
    for (const { rule, path: at, replacedBy } of TABLE.rules) {
      if (replacedBy === undefined) continue;
      const heirs = TABLE.rules.filter((each) => each.rule === replacedBy && at.startsWith(each.path));
      expect([rule, heirs.map((heir) => accountOf(heir).state)]).toEqual([rule, ['evaluated']]);
    }
  });

  it('docs/sandbox-rules.md is current (npx node src/sandbox/rules/describe.ts)', () => {
    const file = path.resolve(import.meta.dirname, '../../docs/sandbox-rules.md');
    expect(readFileSync(file, 'utf8')).toBe(sandboxRulesDoc(TABLE));
  });
});

describe('speed', () => {
  it('judges 20,000 resources in a second', () => {
    const resources = ['Encounter', 'Observation', 'Condition', 'Immunization'].map((type) => [type, goodResource(type)] as const);
    const round = (): number => {
      const start = performance.now();
      for (let count = 0; count < 500; count++) for (const [type, resource] of resources) book.check(resource, type, context);
      return 2000 / ((performance.now() - start) / 1000);
    };
    // The fastest of a few: other processes may have the processor for a while.
    expect(Math.max(...Array.from({ length: 5 }, round))).toBeGreaterThan(20_000);
  });
});
