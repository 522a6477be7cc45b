import { DIFFERENCES } from '../../desk/index.ts';
import { usage } from '../command-error.ts';
import type { Action } from '../program.ts';
import { table } from '../table.ts';

export interface ReconcileFlags {
  readonly sample?: string;
  readonly all?: boolean;
  readonly owner?: readonly string[];
  readonly mend?: boolean;
  readonly dryRun?: boolean;
}

/** Differences that are listed one by one. */
const LISTED = 1_000;

/** Compares what is delivered with what the platform holds. Exit code 1 while differences are open. */
export const reconcileWith =
  (flags: ReconcileFlags, sample: number | undefined): Action =>
  async (composition, output) => {
    if (flags.all === true && sample !== undefined) throw usage('pilih --sample atau --all', 'choose --sample or --all');
    const service = await composition.createService(composition.readConfig(process.env));
    try {
      if (flags.mend === true) {
        const report = await service.mend({ dryRun: flags.dryRun === true });
        output.say(
          flags.dryRun === true
            ? `${report.reopened} kiriman akan dibuka kembali / deliveries would be opened again`
            : `${report.reopened} kiriman dibuka kembali; diperiksa dahulu sebelum dikirim / deliveries opened again; looked up before they are sent`,
        );
        output.result({ ...report, dryRun: flags.dryRun === true });
        return 0;
      }
      const run = await service.jobs.run('reconcile', {
        dryRun: flags.dryRun === true,
        settings: {
          ...(sample !== undefined && { sample }),
          ...(flags.all === true && { all: true }),
          ...(flags.owner !== undefined && { owners: flags.owner }),
        },
      });
      const { environment } = composition.readConfig(process.env);
      const differences = await service.store.differences({ environment, open: true, limit: LISTED });
      const { counts } = run;
      output.say(
        flags.dryRun === true
          ? `${counts.units ?? 0} unit akan diperiksa / units would be looked at`
          : `${counts.units ?? 0} unit, ${counts.resources ?? 0} data diperiksa / units and resources looked at${counts.complete === 1 ? '' : ' – belum selesai, ulangi / not finished, repeat'}`,
      );
      if (differences.length > 0) {
        output.say(
          table(
            ['Data / Resource', 'Selisih / Difference', 'Di platform / There', 'Sejak / Since'],
            differences.map((each) => [
              each.reference,
              each.kind,
              each.platformId ?? '-',
              `${each.foundAt.slice(0, 16).replace('T', ' ')}Z`,
            ]),
          ),
        );
        for (const kind of new Set(differences.map((each) => each.kind))) {
          const { meaning, todo } = DIFFERENCES[kind];
          output.say(`${kind}: ${meaning.id} / ${meaning.en}  →  ${todo.id === todo.en ? todo.id : `${todo.id} / ${todo.en}`}`);
        }
      }
      if (counts.restoreEnded === 1) output.say('Tanda pemulihan dihapus / the mark of the restore is cleared');
      if (run.error !== null) output.note(`Gagal / failed: ${run.error}`);
      output.result({ ...run, differences });
      return run.error === null && differences.length === 0 ? 0 : 1;
    } finally {
      await service.stop();
    }
  };
