import { setTimeout as pause } from 'node:timers/promises';
import type { DrainReport } from '../../sync/index.ts';
import type { Service } from '../composition.ts';
import { startStage } from '../demo/stages.ts';
import type { ExitCode, Output } from '../output.ts';
import type { Action } from '../program.ts';
import { table } from '../table.ts';

/** Between two looks at the queue. */
const LOOK_MS = 2_000;
/** Deliveries that a dry run lists one by one. */
const LISTED = 1_000;

/** Drains the outbox. Without `once` it keeps on until it is told to stop. Exit code 1 if the platform refused something. */
export const sync =
  (options: { once?: boolean; dryRun?: boolean }): Action =>
  async (composition, output) => {
    const stop = new AbortController();
    const onSignal = () => stop.abort();
    process.once('SIGTERM', onSignal).once('SIGINT', onSignal);
    const config = composition.readConfig(process.env);
    const service = await composition.createService(config);
    try {
      if (options.dryRun) return await preview(service, config.environment, output);
      if (options.once) {
        const report = await drain(service, output, stop.signal);
        output.say(sentence(report));
        output.result(report);
        return report.failed > 0 ? 1 : 0;
      }
      return await follow(service, output, stop.signal);
    } finally {
      process.off('SIGTERM', onSignal).off('SIGINT', onSignal);
      await service.stop();
    }
  };

/** What would be sent, and sends nothing. */
async function preview(service: Service, environment: string, output: Output): Promise<ExitCode> {
  const report = await service.drain({ dryRun: true });
  const ready = await service.store.deliveries({ environment, states: ['ready'], limit: LISTED });
  const groups = Map.groupBy(ready, ({ owner, kind, reason }) => [owner, kind, reason ?? '-'].join('\n'));
  const rows = [...groups].map(([key, members]) => [...key.split('\n'), members.length]);
  if (rows.length > 0) output.say(table(['Puskesmas', 'Jenis / Kind', 'Sebab menunggu / Reason', 'Jumlah'], rows, [3]));
  output.say(`${report.waiting} akan dikirim / would be sent${report.waiting > ready.length ? ` (${ready.length} dirinci / listed)` : ''}`);
  output.result({
    ...report,
    deliveries: ready.map(({ key, kind, owner, reason, dueAt, resources }) => ({ key, kind, owner, reason, dueAt, resources })),
  });
  return 0;
}

/** One pass after another; a line whenever something changed. */
async function follow(service: Service, output: Output, signal: AbortSignal): Promise<ExitCode> {
  const total = { claimed: 0, delivered: 0, adopted: 0, failed: 0, held: 0, deferred: 0 };
  let waiting = 0;
  let told = '';
  while (!signal.aborted) {
    const report = await drain(service, output, signal);
    for (const name of Object.keys(total) as Array<keyof typeof total>) total[name] += report[name];
    waiting = report.waiting;
    const line = sentence({ ...total, waiting });
    if (line !== told) output.say(`${new Date().toISOString().slice(11, 19)}Z  ${line}`);
    told = line;
    await pause(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
  output.result({ ...total, waiting });
  return total.failed > 0 ? 1 : 0;
}

async function drain(service: Service, output: Output, signal: AbortSignal): Promise<DrainReport> {
  let stage: ReturnType<typeof startStage> | undefined;
  try {
    return await service.drain({
      dryRun: false,
      signal,
      onProgress: (done, total) => {
        if (output.json) return;
        stage ??= startStage('Mengirim / Sending', total);
        stage.progress(done);
      },
    });
  } finally {
    stage?.end();
  }
}

const sentence = (report: Pick<DrainReport, 'delivered' | 'failed' | 'held' | 'waiting'>): string =>
  `${report.delivered} terkirim / delivered · ${report.failed} ditolak / refused · ${report.held} ditahan / on hold · ${report.waiting} menunggu / waiting`;
