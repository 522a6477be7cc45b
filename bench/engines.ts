import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { builtProgram, SOURCE } from './built.ts';
import { type Effort, median, type Row, round } from './measure.ts';

const START_MS = 200;
const RSS_MB = 200;
const VISITS = 20_000;
const PROBE = fileURLToPath(new URL('engines-probe.ts', import.meta.url));

interface Runtime {
  readonly execArgv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

interface Told {
  readonly modulesMs: number;
  readonly startMs: number;
  readonly rssMb: number;
}

/** The shipped maps, profiles, rules and tables in a process of their own: how soon they work, and what they hold of memory. */
export function benchEngines(effort: Effort): Row[] {
  const program = builtProgram(effort);
  // As the service is started.
  const runtime = JSON.parse(readFileSync(path.join(SOURCE, 'runtime.json'), 'utf8')) as Runtime;
  const cache = ['--import', pathToFileURL(path.join(SOURCE, 'compile-cache.mjs')).href];
  const options = { encoding: 'utf8', env: { ...process.env, ...runtime.environment } } as const;
  const run = (visits: number): Told =>
    JSON.parse(
      execFileSync(process.execPath, [...runtime.execArgv, ...cache, PROBE, `${pathToFileURL(program).href}/`, String(visits)], options),
    ) as Told;
  // The first run fills the cache of compiled code, as the first start of an installed service does.
  run(1);
  const starts = Array.from({ length: effort.runs }, () => run(1));
  const long = run(effort.quick ? 200 : VISITS);
  const start = median(starts.map(({ startMs }) => startMs));
  return [
    {
      name: 'engines/start',
      unit: 'ms',
      ours: round(start),
      limit: `< ${START_MS} ms`,
      peers: { 'loading the program’s code before': round(median(starts.map(({ modulesMs }) => modulesMs))) },
      max: round(Math.max(...starts.map(({ startMs }) => startMs))),
      ok: start < START_MS,
      note: 'reading and compiling all that is shipped, to the first visit mapped, validated and written',
    },
    {
      name: 'engines/rss',
      unit: 'MB',
      ours: round(long.rssMb),
      limit: `< ${RSS_MB} MB`,
      ok: long.rssMb < RSS_MB,
      note: `peak of a process that maps, validates and writes ${effort.quick ? 200 : VISITS} visits`,
    },
  ];
}
