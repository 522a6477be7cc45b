export type { ValueSets } from './code-set.ts';
export type { CodeSystemTable } from './code-systems.ts';
export { compileValidator, type ValidatorSources } from './compile.ts';
export { type Decision, decisionsOf, preflightDoc } from './describe-preflight.ts';
export { type ExpressionTable, SKIPPED } from './expressions.ts';
export { INVARIANTS, NOT_CHECKED } from './invariants.ts';
export { compilePlatformRules, type PlatformRule, type PlatformRuleTable } from './platform-rules.ts';
export { createPreflight } from './preflight.ts';
export type { PlatformRules, Preflight, ServerFact, Validator } from './types.ts';
