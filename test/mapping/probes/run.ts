import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { packageRoot } from '../../../src/config/index.ts';
import { compileTransform, type TransformSet } from '../../../src/mapping/transform.ts';
import type { R4Elements } from '../../../src/terminology/r4-elements.ts';

const read = (file: string): R4Elements => JSON.parse(readFileSync(path.join(packageRoot, 'profiles/r4', file), 'utf8'));
const elements: R4Elements = { ...read('other-elements.json'), ...read('elements.json') };

export interface Outcome {
  /** The first target, as JSON. */
  readonly result: unknown;
  /** Codes of what was reported. */
  readonly issues: readonly string[];
}

/** Compiles a map with its imports and runs its first group. @throws AppError `map-compile` */
export function transform(text: string, imports: readonly string[], input: unknown, name = 'probe.map'): Outcome {
  const maps: TransformSet['maps'] = [{ name, text }, ...imports.map((each, at) => ({ name: `import-${at + 1}.map`, text: each }))];
  const { targets, issues } = compileTransform({ maps, elements, uuid: randomUUID })(input);
  return { result: JSON.parse(JSON.stringify(targets[0] ?? null)), issues: issues.map(({ code }) => code) };
}

/** Runs the first group of a map. @throws AppError `map-compile` */
export const runMap = (text: string, input: unknown, name: string): unknown => transform(text, [], input, name).result;
