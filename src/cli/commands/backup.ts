import { usage } from '../command-error.ts';
import { startStage } from '../demo/stages.ts';
import type { Output } from '../output.ts';
import type { Action } from '../program.ts';

/** Stages of `archive.ts` as they are shown, in their order. */
const STAGES = {
  read: 'Mencadangkan / Backing up',
  check: 'Memeriksa arsip / Checking the archive',
  write: 'Memulihkan / Restoring',
} as const;

/** A progress bar per stage; none with `--json`. */
export function createProgress(output: Output) {
  let stage: ReturnType<typeof startStage> | undefined;
  let name: keyof typeof STAGES | undefined;
  return {
    show(of: keyof typeof STAGES, done: number, total: number): void {
      if (output.json) return;
      if (name !== of) {
        stage?.end();
        stage = startStage(STAGES[of], total);
        name = of;
      }
      stage?.progress(done);
    },
    end: () => stage?.end(),
  };
}

/** Writes the whole database into one file, while the service goes on. */
export const backupTo =
  (file: string, dryRun: boolean): Action =>
  async (composition, output) => {
    const config = composition.readConfig(process.env);
    const progress = createProgress(output);
    let report: Awaited<ReturnType<typeof composition.backup>>;
    try {
      report = await composition.backup(config, file, { dryRun, onProgress: progress.show });
    } finally {
      progress.end();
    }
    const { rows, takenAt } = report;
    output.say(dryRun ? `${rows} baris akan dicadangkan / rows would be backed up` : `${file}: ${rows} baris per / rows as of ${takenAt}`);
    if (!dryRun) {
      output.note('Kunci kredensial (ILP_SECRET_KEY, atau <basis data>.key) TIDAK ada di arsip: simpan tersendiri, di tempat lain.');
      output.note('The credential key (ILP_SECRET_KEY, or <database>.key) is NOT in the archive: keep it by itself, in another place.');
      output.note(
        'Arsip berisi data pasien dan kunci id: simpan seperti rekam medis / it holds patient data and the id key: keep it as such.',
      );
    }
    output.result({ ...report, file, dryRun });
    return 0;
  };

export interface RestoreFlags {
  readonly replace?: boolean;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly done?: boolean;
}

/** Fills the configured database from an archive; with `done` says that a restored one knows again all that was sent. */
export const restoreFrom =
  (file: string | undefined, flags: RestoreFlags): Action =>
  async (composition, output) => {
    if (flags.done === true) {
      if (file !== undefined) throw usage('--done tidak memakai berkas', '--done takes no file');
      return endRestore(composition, output);
    }
    if (file === undefined) throw usage('sebutkan berkas arsip, atau --done', 'name the archive, or give --done');
    if (flags.replace === true && flags.yes !== true && flags.dryRun !== true)
      throw usage(
        '--replace membuang isi basis data; tambahkan --yes bila memang itu yang dimaksud',
        '--replace discards what the database holds; add --yes if that is meant',
      );
    const config = composition.readConfig(process.env);
    const progress = createProgress(output);
    let report: Awaited<ReturnType<typeof composition.restore>>;
    try {
      report = await composition.restore(config, file, {
        replace: flags.replace === true,
        dryRun: flags.dryRun === true,
        onProgress: progress.show,
      });
    } finally {
      progress.end();
    }
    const { rows, takenAt, environments } = report;
    if (flags.dryRun === true) {
      output.say(`Arsip utuh: ${rows} baris per ${takenAt} / the archive is whole: ${rows} rows as of ${takenAt}`);
    } else {
      output.say(`${rows} baris per ${takenAt} dipulihkan / rows as of ${takenAt} restored`);
      output.note(
        'Yang terkirim sesudah saat itu tidak tercatat di sini: kirim ulang dari sumbernya. Setiap kiriman kini diperiksa dahulu di',
      );
      output.note('SATUSEHAT sebelum dikirim, sampai ilp-fhir reconcile --all tanpa selisih, atau ilp-fhir restore --done.');
      output.note(
        'What was delivered after that moment is not known here: push it again. Each delivery is now looked up before it is sent,',
      );
      output.note('until ilp-fhir reconcile --all finds no difference, or ilp-fhir restore --done.');
      output.note('Kredensial tetap terenkripsi: pakai kunci yang sama / credentials stay encrypted: use the same key (ILP_SECRET_KEY).');
    }
    output.result({ ...report, file, environments, dryRun: flags.dryRun === true });
    return 0;
  };

const RESTORED = 'restored';

const endRestore: Action = async (composition, output) => {
  const config = composition.readConfig(process.env);
  const store = await composition.openStore(config);
  try {
    await store.migrate();
    const { entries } = await store.shared(config.environment, [RESTORED]);
    const entry = entries[0];
    const ended = entry !== undefined && (await store.putShared(config.environment, RESTORED, null, entry.version));
    output.say(
      ended
        ? 'Tanda pemulihan dihapus: kiriman tidak lagi diperiksa dahulu / the mark is cleared: deliveries are no longer looked up first'
        : 'Tidak ada tanda pemulihan / there is no mark of a restore',
    );
    output.result({ environment: config.environment, cleared: ended });
    return 0;
  } finally {
    await store.close();
  }
};
