import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Resource } from '@medplum/fhirtypes';
import type { Engines } from '../../src/engines.ts';

/** Cases of other people: a resource with the expected verdict beside it. */

export interface ExpectedVerdict {
  readonly valid: boolean;
  /** Elements of which an error must tell, or of what holds them. */
  readonly errors?: readonly { readonly path: string }[];
}

interface EngineCase {
  readonly name: string;
  readonly resource: unknown;
  readonly expected: ExpectedVerdict;
}

export interface CaseResults {
  readonly cases: number;
  readonly right: number;
  /** Valid cases that were refused. */
  readonly falseAlarms: number;
  /** What went wrong, by case. */
  readonly wrong: readonly string[];
}

const read = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8').replace(/^\uFEFF/, ''));

/**
 * Both forms: `NAME.json` with `NAME.expected.json` (`{valid, errors?: [{path}]}`), and a list `cases.json` of `{file, valid, errors?}`.
 *
 * @throws Error for a folder without a single case, and for a case without its other half: a check of nothing must not pass
 */
export function readCases(folder: string): readonly EngineCase[] {
  const names = readdirSync(folder).sort();
  const listed = names.includes('cases.json') ? (read(path.join(folder, 'cases.json')) as (ExpectedVerdict & { file: string })[]) : [];
  const cases = listed.map((each): EngineCase => ({ name: each.file, resource: read(path.join(folder, each.file)), expected: each }));
  for (const name of names.filter((each) => each.endsWith('.expected.json'))) {
    const file = name.replace(/\.expected\.json$/, '.json');
    if (!existsSync(path.join(folder, file))) throw new Error(`${name}: ${file} is missing`);
    cases.push({ name: file, resource: read(path.join(folder, file)), expected: read(path.join(folder, name)) as ExpectedVerdict });
  }
  if (cases.length === 0) throw new Error(`${folder}: no NAME.json with NAME.expected.json, and no cases.json`);
  for (const { name, expected } of cases)
    if (typeof expected.valid !== 'boolean') throw new Error(`${name}: "valid" must be true or false`);
  return cases;
}

/** Judges each by the validator: R4, our profiles where the resource names them, and every invariant. */
export function judgeCases(cases: readonly EngineCase[], { validator }: Pick<Engines, 'validator'>): CaseResults {
  const wrong: string[] = [];
  let falseAlarms = 0;
  for (const { name, resource, expected } of cases) {
    const errors = validator.validate(resource as Resource).filter(({ severity }) => severity === 'error');
    const told = errors.map(({ expression = '' }) => expression);
    if (expected.valid !== (errors.length === 0)) {
      falseAlarms += Number(expected.valid);
      wrong.push(`${name}: ${expected.valid ? `refused (${told.slice(0, 3).join(', ')})` : 'accepted'}`);
      continue;
    }
    const missed = (expected.errors ?? []).filter(({ path: at }) => !told.some((expression) => isNear(expression, at)));
    if (missed.length > 0)
      wrong.push(`${name}: nothing at ${missed.map(({ path: at }) => at).join(', ')}; told ${told.slice(0, 3).join(', ')}`);
  }
  return { cases: cases.length, right: cases.length - wrong.length, falseAlarms, wrong };
}

/** The same element, or one the parent of the other; an index that only one of them has does not count. */
function isNear(one: string, other: string): boolean {
  const plain = (text: string): string => text.replaceAll(/\[\d+\]/g, '');
  const [left, right] = [plain(one), plain(other)];
  const parent = (text: string): string => text.replace(/\.[^.]+$/, '');
  return left === right || parent(left) === right || left === parent(right);
}
