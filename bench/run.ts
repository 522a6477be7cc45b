/**
 * `npm run bench`: what the service promises about speed, measured beside its peers in the same run.
 *
 *     npm run bench -- [--only mapping,validation,intake,server,delivery,claims,terminology] [--json [FILE]] [--quick]
 *
 * Exit code 1 if a limit is missed. `--quick` shows in seconds that everything works; its numbers mean little and no limit is judged.
 */
import { writeFileSync } from 'node:fs';
import os from 'node:os';
import { parseArgs } from 'node:util';
import { packageVersion, readAssets } from '../src/config/index.ts';
import { compileEngines, mapVersionOf } from '../src/engines.ts';
import { benchClaims } from './claims.ts';
import { benchDelivery } from './delivery.ts';
import { benchIntake } from './intake.ts';
import { benchMapping } from './mapping.ts';
import type { Effort, Row } from './measure.ts';
import { benchServer } from './server.ts';
import { benchTerminology } from './terminology.ts';
import { benchValidation } from './validation.ts';

const PARTS = ['mapping', 'validation', 'intake', 'server', 'delivery', 'claims', 'terminology'] as const;
type Part = (typeof PARTS)[number];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
  },
});
const wanted = values.only?.split(',') ?? PARTS;
const unknown = wanted.filter((part) => !PARTS.includes(part as Part));
if (unknown.length > 0 || positionals.length > 1) {
  console.error(`--only takes ${PARTS.join(', ')}; after --json one file may be named`);
  process.exit(2);
}

const effort: Effort = values.quick ? { quick: true, runs: 1, seconds: 0.05 } : { quick: false, runs: 7, seconds: 0.5 };
const assets = readAssets();
const engines = { ...compileEngines(assets), mapVersion: mapVersionOf(assets.mappings) };
const parts: Readonly<Record<Part, () => Row[] | Promise<Row[]>>> = {
  mapping: () => benchMapping(engines, assets, effort),
  validation: () => benchValidation(engines, effort),
  intake: () => benchIntake(engines, effort),
  server: () => benchServer(engines, { ...effort, runs: values.quick ? 1 : 5 }),
  delivery: () => benchDelivery(engines, effort),
  claims: () => benchClaims(effort),
  terminology: () => benchTerminology(effort),
};

const started = new Date();
const load = os.loadavg()[0] ?? 0;
const rows: Row[] = [];
// The service and its load first: the definitions that @medplum/core needs stay in memory for good.
for (const part of ['server', 'delivery', 'intake', 'mapping', 'validation', 'claims', 'terminology'] as const) {
  if (!wanted.includes(part)) continue;
  console.error(`${part} …`);
  rows.push(...(await parts[part]()));
}
const missed = values.quick ? [] : rows.filter(({ ok }) => ok === false);
const report = {
  version: packageVersion(),
  at: started.toISOString(),
  node: process.version,
  cores: os.availableParallelism(),
  platform: `${os.platform()} ${os.arch()}`,
  /** Load average before: above the number of cores, others were working too. */
  load: Number(load.toFixed(2)),
  quick: values.quick,
  missed: missed.map(({ name }) => name),
  rows,
};

const [file] = positionals;
if (file !== undefined) writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
if (values.json && file === undefined) console.log(JSON.stringify(report));
else {
  const line = (cells: readonly string[]) =>
    cells.map((cell, index) => (index === 0 ? cell.padEnd(36) : index < 3 ? cell.padStart(14) : `  ${cell}`)).join('');
  for (const { name, unit, ours, limit, peers, ratio, p99, max, ok } of rows) {
    const others = Object.entries(peers ?? {}).map(([peer, value]) => `${peer} ${value}`);
    const details = [
      ...(limit === undefined ? [] : [limit]),
      ...others,
      ...(ratio === undefined ? [] : [`ratio ${ratio}`]),
      ...(p99 === undefined ? [] : [`p99 ${p99}`]),
      ...(max === undefined ? [] : [`max ${max}`]),
    ];
    console.log(line([name, `${ours} ${unit}`, ok === undefined ? '' : ok ? 'ok' : 'MISSED', details.join('; ')]));
  }
}
process.exitCode = missed.length > 0 ? 1 : 0;
