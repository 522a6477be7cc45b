/**
 * `npm run bench`: what the service promises about speed, measured beside its peers in the same run.
 *
 *     npm run bench -- [--only mapping,validation,intake,server,delivery,engines,claims,terminology] [--json [FILE]] [--quick]
 *
 * Each part has a process of its own: where V8 has learnt to put the objects of one load is wrong for another, and the definitions that
 * `@medplum/core` needs stay in memory for good. Exit code 1 if a limit is missed. `--quick` shows in seconds that everything works; its
 * numbers mean little and no limit is judged.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import os from 'node:os';
import { parseArgs } from 'node:util';
import { packageVersion } from '../src/config/index.ts';
import type { Row } from './measure.ts';
import { PARTS, type Part } from './parts.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(`npm run bench -- [--only ${PARTS.join(',')}] [--json [FILE]] [--quick]`);
  process.exit(0);
}
const wanted = values.only?.split(',') ?? PARTS;
const unknown = wanted.filter((part) => !PARTS.includes(part as Part));
if (unknown.length > 0 || positionals.length > 1) {
  console.error(`--only takes ${PARTS.join(', ')}; after --json one file may be named`);
  process.exit(2);
}

const started = new Date();
const load = os.loadavg()[0] ?? 0;
const rows: Row[] = [];
for (const part of PARTS.filter((each) => wanted.includes(each))) {
  console.error(`${part} …`);
  const child = fork(new URL('part.ts', import.meta.url), [part, ...(values.quick ? ['--quick'] : [])]);
  child.on('message', (measured) => rows.push(...(measured as Row[])));
  const [code] = await once(child, 'close');
  if (code !== 0) process.exit(1);
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
