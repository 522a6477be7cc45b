/** The platform's numbered rules on elements, evaluated by the sandbox itself. */
export { createRuleBook, type PlatformRuleBook, type RuleContext } from './rules/rule-book.ts';
export { type CodeSystem, type PlatformRule, type RuleTable, readRuleTable } from './rules/table.ts';
