import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import type { Row } from '../../bench/measure.ts';

/** Whether the benchmark runs at all and says what it should; how fast things are is no matter of tests. */
it('the benchmark runs and each of its rows is complete', async () => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['bench/run.ts', '--quick', '--json', '--only', 'server,intake,mapping,validation,engines,terminology'],
    {
      cwd: new URL('../..', import.meta.url).pathname,
      maxBuffer: 1_048_576,
    },
  );
  const report = JSON.parse(stdout) as { quick: boolean; node: string; rows: readonly Row[] };
  expect(report).toMatchObject({ quick: true, node: process.version });
  const names = report.rows.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names).toEqual(
    expect.arrayContaining([
      'start/ready',
      'intake/http-stream',
      'intake/http-singles',
      'intake/in-process',
      'wait/healthz-during-stream',
      'wait/fhir-read-during-singles',
      'memory/peak-rss',
      'fhir/read',
      'mapping/visit',
      'mapping/map-validate-serialise',
      'validation/singles',
      'validation/bundles-of-12',
      'detection/all',
      'engines/start',
      'engines/rss',
      'terminology/load-200k',
      'terminology/lookup',
    ]),
  );
  for (const row of report.rows) {
    expect(row.unit, row.name).not.toBe('');
    if (row.name.startsWith('detection/') && row.name !== 'detection/false-alarms') expect(`${row.ours}`).toBe(row.unit.split(' ')[1]);
    if (row.limit !== undefined && process.platform === 'linux') expect(typeof row.ok, row.name).toBe('boolean');
  }
}, 90_000);

it('what it does not know is a wrong use', async () => {
  const run = promisify(execFile)(process.execPath, ['bench/run.ts', '--only', 'everything'], {
    cwd: new URL('../..', import.meta.url).pathname,
  });
  await expect(run).rejects.toMatchObject({ code: 2 });
});
