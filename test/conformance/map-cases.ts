import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';

/** What the folder of FML probes gives: `test/mapping/probes/run.ts` exports these by name; each may be absent. */
export interface FmlRunner {
  runProbes?(): Promise<{ readonly probes: number; readonly silentlyWrong: number }>;
  /** Undefined where HL7's map engine is not there. */
  runDifferential?(): Promise<{ readonly maps: number; readonly equal: number } | undefined>;
  /** Runs the first group of a map. @throws AppError `map-compile` */
  runMap?(text: string, input: unknown, name: string): unknown;
}

interface MapCase {
  readonly name: string;
  readonly map: string;
  readonly input: unknown;
  readonly expected: unknown;
}

export interface MapResults {
  readonly maps: number;
  readonly right: number;
  readonly wrong: readonly string[];
}

/** `NAME.map` with `NAME.input.json` and `NAME.expected.json`. @throws Error for a folder without maps, or half a case */
export function readMapCases(folder: string): readonly MapCase[] {
  const maps = readdirSync(folder)
    .filter((name) => name.endsWith('.map'))
    .sort();
  if (maps.length === 0) throw new Error(`${folder}: no NAME.map`);
  return maps.map((file) => {
    const name = file.slice(0, -'.map'.length);
    const read = (end: string): string => {
      const beside = path.join(folder, `${name}${end}`);
      if (!existsSync(beside)) throw new Error(`${file}: ${name}${end} is missing`);
      return readFileSync(beside, 'utf8');
    };
    return { name: file, map: read('.map'), input: JSON.parse(read('.input.json')), expected: JSON.parse(read('.expected.json')) };
  });
}

/** @throws Error where nothing runs maps: what was asked for must not pass unseen */
export function judgeMaps(cases: readonly MapCase[], runner: FmlRunner | undefined): MapResults {
  const runMap = runner?.runMap;
  if (runMap === undefined) throw new Error('--maps: test/mapping/probes/run.ts does not export runMap');
  const wrong = cases.flatMap(({ name, map, input, expected }) => {
    try {
      return isDeepStrictEqual(JSON.parse(JSON.stringify(runMap(map, input, name) ?? null)), expected) ? [] : [`${name}: another result`];
    } catch (error) {
      return [`${name}: ${error instanceof Error ? error.message : error}`];
    }
  });
  return { maps: cases.length, right: cases.length - wrong.length, wrong };
}
