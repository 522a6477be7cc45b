import { readFileSync } from 'node:fs';
import type { StructureDefinition } from '@medplum/fhirtypes';
import type { Issue } from '../../src/errors/index.ts';
import type { R4Elements } from '../../src/terminology/r4-elements.ts';
import {
  type CodeSystemTable,
  compileValidator,
  type ExpressionTable,
  type PlatformRuleTable,
  type ValueSets,
} from '../../src/validation/index.ts';

const read = <T>(file: string): T => JSON.parse(readFileSync(new URL(`../../profiles/${file}`, import.meta.url), 'utf8')) as T;

export const elements = read<R4Elements>('r4/elements.json');
export const otherElements = read<R4Elements>('r4/other-elements.json');
export const valueSets = read<ValueSets>('r4/value-sets.json');
export const codeSystems = () => read<CodeSystemTable>('r4/code-systems.json');
export const invariants = () => read<ExpressionTable>('r4/invariants.json');
export const ruleTable = read<PlatformRuleTable>('platform-rules.json');

export const extensions = () => read<Record<string, StructureDefinition>>('r4/extensions.json');

/** R4 alone, without profiles of ours. */
export const r4 = compileValidator({
  elements,
  otherElements: () => otherElements,
  valueSets,
  codeSystems,
  invariants,
  extensions,
  profiles: [],
});

/** `code expression` of each issue, with the rule where there is one: short enough to compare whole results. */
export const brief = (issues: readonly Issue[]): string[] =>
  issues.map((each) => [each.code, ...(each.rule === undefined ? [] : [each.rule]), each.expression].join(' '));
