import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot, readAssets } from '../../src/config/index.ts';
import { compileEngines } from '../../src/engines.ts';
import { compilePlatformRules, decisionsOf, type PlatformRuleTable } from '../../src/validation/index.ts';
import { TABLE } from '../sandbox/rule-cases.ts';
import { breachesOf, precedence, refusedBy } from '../validation/rule-breaches.ts';
import { type CaseResults, judgeCases, readCases } from './engine-cases.ts';
import { faultsOf, type Summary } from './engines-limits.ts';
import { type FmlRunner, judgeMaps, readMapCases } from './map-cases.ts';

/**
 * `npm run conformance:engines`: the engines beside those of others, and on other people's cases.
 *
 *   node test/conformance/engines-run.ts [--json] [--seed 1] [--count 2000] [--cases DIR] [--maps DIR]
 *
 * Mutations are compared with HL7's engine (`ILP_HL7_VALIDATE`). What cannot run is named on standard error, and its figures are null.
 * The last line of standard output is the summary as JSON. Exit code 0: every limit that was measured holds; 1: one does not; 2: a folder
 * could not be read.
 */
const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '2000' },
    cases: { type: 'string' },
    maps: { type: 'string' },
  },
});
const say = (line: string): void => (options.json ? console.error(line) : console.log(line));

/** Written beside the probes: how a map is run, the probes, and the comparison with HL7's map engine. */
const RUNNER = path.join(packageRoot, 'test/mapping/probes/run.ts');

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}

async function main(): Promise<number> {
  const missing: string[] = [];
  const runner = existsSync(RUNNER) ? ((await import(RUNNER)) as FmlRunner) : undefined;
  if (runner === undefined) missing.push('FML probes and differential: test/mapping/probes/run.ts is not there');
  // Faults of a folder are told before anything that takes minutes.
  const cases = options.cases === undefined ? undefined : judged(readCases(options.cases));
  const maps = options.maps === undefined ? undefined : judgeMaps(readMapCases(options.maps), runner);
  const rules = countRules();
  const probes = await runner?.runProbes?.();
  const differential = await runner?.runDifferential?.();
  if (runner !== undefined && differential === undefined) missing.push("FML differential: HL7's map engine is not there");
  const mutations = await runMutations();
  if (mutations === undefined) missing.push("mutations: ILP_HL7_VALIDATE, the command that starts HL7's engine (needs Java)");
  const summary: Summary = {
    mutations: mutations?.mutations ?? 0,
    agreePct: mutations?.agreePct ?? null,
    falseAlarms: mutations === undefined && cases === undefined ? null : (mutations?.falseAlarms ?? 0) + (cases?.falseAlarms ?? 0),
    fmlProbes: probes?.probes ?? null,
    fmlSilentlyWrong: probes?.silentlyWrong ?? null,
    fmlDifferential: differential ?? null,
    ...rules,
    ...(cases && { cases: { cases: cases.cases, right: cases.right } }),
    ...(maps && { maps: { maps: maps.maps, right: maps.right } }),
    ...(missing.length > 0 && { missing }),
  };
  for (const line of [...(cases?.wrong ?? []), ...(maps?.wrong ?? [])]) say(`✗ ${line}`);
  for (const line of missing) say(`- not run: ${line}`);
  const faults = faultsOf(summary);
  for (const fault of faults) say(`✗ ${fault}`);
  console.log(JSON.stringify(summary));
  return faults.length === 0 ? 0 : 1;
}

function judged(cases: ReturnType<typeof readCases>): CaseResults {
  return judgeCases(cases, compileEngines(readAssets()));
}

/** Of the dictionary: rules that can be decided here, and those by which every body made to break them is refused. */
function countRules(): Pick<Summary, 'rulesDecidable' | 'rulesImplemented'> {
  const table = JSON.parse(readFileSync(path.join(packageRoot, 'profiles/platform-rules.json'), 'utf8')) as PlatformRuleTable;
  const rules = compilePlatformRules(table);
  const decided = [...decisionsOf(table).entries()].filter(
    ([, { rule, state }]) => state === 'decided locally' && rule.source?.includes('dictionary'),
  );
  const isImplemented = (at: number): boolean => {
    const rule = TABLE.rules[at];
    const breaches = rule === undefined ? [] : breachesOf(rule);
    return (
      rule !== undefined && breaches.length > 0 && breaches.every(({ body }) => precedence(rule, refusedBy(rules, body))?.length === 0)
    );
  };
  return { rulesDecidable: decided.length, rulesImplemented: decided.filter(([at]) => isImplemented(at)).length };
}

interface Mutations {
  readonly mutations: number;
  readonly agreePct: number;
  readonly falseAlarms: number;
}

/** @returns undefined where HL7's engine is not there. @throws Error when it is there and did not answer */
async function runMutations(): Promise<Mutations | undefined> {
  if ((process.env.ILP_HL7_VALIDATE ?? '').trim() === '') return undefined;
  const file = path.join(import.meta.dirname, 'mutation-run.ts');
  const child = spawn(process.execPath, [file, '--json', '--seed', options.seed, '--count', options.count], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  const last = output.trim().split('\n').at(-1) ?? '';
  if ((code !== 0 && code !== 1) || !last.startsWith('{')) throw new Error(`mutations: HL7's engine did not answer (${code})`);
  return JSON.parse(last) as Mutations;
}
