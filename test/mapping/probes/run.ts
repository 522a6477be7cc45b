import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { packageRoot } from '../../../src/config/index.ts';
import { AppError, type Bilingual } from '../../../src/errors/index.ts';
import { compileTransform, type TransformSet } from '../../../src/mapping/transform.ts';
import type { R4Elements } from '../../../src/terminology/r4-elements.ts';
import { type Hl7Case, runHl7Maps } from './hl7.ts';
import { differing } from './hl7-differs.ts';
import { type Probe, probes } from './index.ts';

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

type Verdict =
  | { readonly error: { readonly line: unknown; readonly says: string } }
  | { readonly expected: unknown; readonly issues: readonly string[] };

/** What the specification demands of a probe; of an error `says` is a part. */
export function demanded({ error, expected, issues = [] }: Probe): Verdict {
  return error === undefined ? { expected, issues: [...issues].sort() } : { error };
}

/** What a probe gives. */
export function given({ map, imports = [], input }: Probe): Verdict {
  try {
    const { result, issues } = transform(map, imports, input);
    return { expected: result, issues: [...issues].sort() };
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'map-compile') throw error;
    return { error: { line: error.params.line, says: (error.params.problem as Bilingual).en } };
  }
}

/** Counts the probes, and those that come out otherwise than demanded without being refused. */
export async function runProbes(): Promise<{ readonly probes: number; readonly silentlyWrong: number }> {
  const wrong = probes.filter((probe) => {
    const made = given(probe);
    return !('error' in made) && !isDeepStrictEqual(made, demanded(probe));
  });
  return { probes: probes.length, silentlyWrong: wrong.length };
}

/** Maps that HL7's engine can run too: from one resource of R4 to another. Only what it makes without an error is compared. */
export async function runDifferential(): Promise<{ readonly maps: number; readonly equal: number } | undefined> {
  const cases = probes.flatMap((probe) => hl7Case(probe) ?? []);
  const answers = await runHl7Maps(cases);
  if (answers === undefined) return undefined;
  let maps = 0;
  let equal = 0;
  for (const probe of probes) {
    const answer = answers.get(probe.name);
    if (answer === undefined || 'error' in answer || Object.values(differing).flat().includes(probe.name)) continue;
    maps++;
    if (isDeepStrictEqual(withoutEmpty(answer.result), withoutEmpty(probe.expected))) equal++;
    else console.error(`${probe.name}: HL7's engine gives ${JSON.stringify(answer.result)}, here ${JSON.stringify(probe.expected)}`);
  }
  return { maps, equal };
}

function hl7Case(probe: Probe): Hl7Case | undefined {
  const { name, map, imports = [], input, expected } = probe;
  const ours = given(probe);
  const type = (value: unknown) => (value as { resourceType?: unknown } | null | undefined)?.resourceType;
  const target = type(expected);
  if ('error' in ours || typeof target !== 'string' || typeof type(input) !== 'string') return undefined;
  return { name, map, imports, target, input };
}

/** HL7's engine leaves objects without content where ours leaves none. */
function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty).filter((each) => each !== undefined);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).flatMap(([key, each]) => {
    const made = withoutEmpty(each);
    return made === undefined || (Array.isArray(made) && made.length === 0) ? [] : [[key, made] as const];
  });
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}
