import type { JobRun } from '../../store/port.ts';
import type { Action } from '../program.ts';
import { table } from '../table.ts';

export const listJobs = (): Action => async (composition, output) => {
  const service = await composition.createService(composition.readConfig(process.env));
  try {
    const jobs = await service.jobs.list();
    output.say(
      table(
        ['Pekerjaan / Job', 'Jadwal / Schedule', 'Zona / Zone', 'Aktif / On', 'Berikutnya / Next', 'Terakhir / Last'],
        jobs.map((job) => [job.job, job.schedule, job.zone, job.enabled ? 'ya / yes' : 'tidak / no', minute(job.next), lastOf(job.last)]),
      ),
    );
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
      output.say(`${job}${dryRun ? ' (tanpa mengubah apa pun / nothing changed)' : ''}: ${countsOf(run)}`);
      if (run.error !== null) output.note(`Gagal / failed: ${run.error}`);
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
      await store.migrate();
      const runs = await store.jobRuns({ ...(job !== undefined && { job }), limit });
      output.say(
        runs.length === 0
          ? 'Belum ada catatan / no run yet'
          : table(
              ['Pekerjaan / Job', 'Mulai / Start', 'Selesai / End', 'Hasil / Counts', 'Galat / Error'],
              runs.map((run) => [run.job, second(run.startedAt), second(run.endedAt), countsOf(run), run.error ?? '-']),
            ),
      );
      output.result(runs);
      return 0;
    } finally {
      await store.close();
    }
  };

const minute = (instant: string | null): string => (instant === null ? '-' : `${instant.slice(0, 16).replace('T', ' ')}Z`);
const second = (instant: string | null): string => (instant === null ? '…' : `${instant.slice(0, 19).replace('T', ' ')}Z`);
const lastOf = (run: JobRun | null): string => (run === null ? '-' : `${minute(run.startedAt)}${run.error === null ? '' : ' ✗'}`);
const countsOf = ({ counts }: JobRun): string =>
  Object.entries(counts ?? {})
    .map(([name, count]) => `${name} ${count}`)
    .join(', ') || '-';
