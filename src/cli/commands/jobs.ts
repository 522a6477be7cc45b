import Table from 'cli-table3';
import type { Action } from '../program.ts';

export const listJobs = (): Action => async (composition, output) => {
  const service = await composition.createService(composition.readConfig(process.env));
  try {
    const jobs = await service.jobs.list();
    const table = new Table({
      head: ['Pekerjaan / Job', 'Jadwal / Schedule', 'Zona', 'Aktif', 'Berikutnya / Next', 'Terakhir / Last'],
      style: { head: [], border: [] },
    });
    for (const job of jobs)
      table.push([job.job, job.schedule, job.zone, job.enabled ? 'ya' : 'tidak', job.next ?? '-', job.last?.startedAt ?? '-']);
    output.say(table.toString());
    output.result(jobs);
    return 0;
  } finally {
    await service.stop();
  }
};

/** Runs a job now, under the same lease as its schedule. Exit code 1 if it ended with an error. */
export const runJob =
  (job: string, dryRun: boolean): Action =>
  async (composition, output) => {
    const service = await composition.createService(composition.readConfig(process.env));
    try {
      const run = await service.jobs.run(job, { dryRun });
      output.say(JSON.stringify(run, null, 2));
      output.result(run);
      return run.error === null ? 0 : 1;
    } finally {
      await service.stop();
    }
  };

export const historyOfJobs =
  (job: string | undefined, limit: number): Action =>
  async (composition, output) => {
    const store = await composition.openStore(composition.readConfig(process.env));
    try {
      const runs = await store.jobRuns({ ...(job !== undefined && { job }), limit });
      const table = new Table({
        head: ['Pekerjaan / Job', 'Mulai / Start', 'Selesai / End', 'Hasil / Counts', 'Galat / Error'],
        style: { head: [], border: [] },
      });
      for (const run of runs) table.push([run.job, run.startedAt, run.endedAt ?? '…', JSON.stringify(run.counts), run.error ?? '-']);
      output.say(table.toString());
      output.result(runs);
      return 0;
    } finally {
      await store.close();
    }
  };
