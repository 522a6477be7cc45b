import { readFile } from 'node:fs/promises';
import { FEEDS } from '../../store/port.ts';
import type { AdoptReport } from '../../sync/index.ts';
import { usage } from '../command-error.ts';
import type { AdoptSource } from '../composition.ts';
import type { Action } from '../program.ts';
import { table } from '../table.ts';

export interface AdoptFlags {
  readonly fromPlatform?: boolean;
  readonly owner?: string;
  readonly from?: string;
  readonly to?: string;
  readonly sourceSystem?: string;
  readonly feed?: string;
  readonly sendMissing?: boolean;
  readonly dryRun?: boolean;
}

/** Rows that are named one by one on the screen; with `--json` all are. */
const NAMED = 50;

const WHY: Readonly<Record<AdoptReport['problems'][number]['why'], string>> = {
  required: 'wajib ada / must be given',
  form: 'bentuknya salah / of a wrong form',
  value: 'tidak dikenal / is not known',
  'not-registered': 'belum terdaftar di sini / is not registered here',
  'other-id': 'di sini sudah punya nomor lain / has another id here already',
  'id-twice': 'nomor ini sudah dipakai baris lain / another row has this id',
};

/** Takes ids over. Exit code 1 if a row was refused or is unknown. */
export const adoptFile =
  (file: string | undefined, flags: AdoptFlags): Action =>
  async (composition, output) => {
    const source = await sourceOf(file, flags);
    const config = composition.readConfig(process.env);
    const report = await composition.adopt(config, source, { sendMissing: flags.sendMissing === true, dryRun: flags.dryRun === true });
    output.say(
      `${report.rows} baris / rows: ${report.adopted} diambil alih / adopted (${report.ahead} sebelum datanya datang / ahead of their record) · ` +
        `${report.already} sudah / already · ${report.unknown} tidak dikenal / unknown · ${report.refused} ditolak / refused`,
    );
    if (flags.dryRun === true) output.say('Tidak ada yang disimpan / nothing was stored');
    if (report.problems.length > 0) {
      output.say(
        table(
          ['Baris / Line', 'Isian / Field', 'Hasil / Outcome', 'Sebab / Why'],
          report.problems.slice(0, NAMED).map(({ line, field, outcome, why }) => [String(line), field, outcome, WHY[why]]),
        ),
      );
      if (report.problems.length > NAMED) output.say(`… ${report.problems.length - NAMED} lagi / more (--json)`);
    }
    if (!report.complete)
      output.note('SATUSEHAT punya lebih banyak dari yang dibaca; persempit --from/--to / there is more than was read.');
    output.result({ ...report, dryRun: flags.dryRun === true });
    return report.problems.length === 0 && report.complete ? 0 : 1;
  };

async function sourceOf(file: string | undefined, flags: AdoptFlags): Promise<AdoptSource> {
  if (flags.fromPlatform !== true) {
    if (file === undefined) throw usage('sebutkan berkas, atau --from-platform', 'name a file, or give --from-platform');
    const contentType = file.toLowerCase().endsWith('.csv') ? 'text/csv' : 'application/x-ndjson';
    try {
      return { bytes: await readFile(file), contentType };
    } catch (cause) {
      throw usage('berkas tidak dapat dibaca', 'the file cannot be read', cause);
    }
  }
  if (file !== undefined) throw usage('pilih berkas atau --from-platform', 'choose a file or --from-platform');
  if (flags.owner === undefined) throw usage('--from-platform memerlukan --owner', '--from-platform needs --owner');
  const days = daysOf(flags.from, flags.to);
  const feed = flags.feed === undefined ? undefined : FEEDS.find((each) => each === flags.feed);
  if (flags.feed !== undefined && feed === undefined)
    throw usage(`--feed mengenal ${FEEDS.join(', ')}`, `--feed knows ${FEEDS.join(', ')}`);
  return {
    owner: flags.owner,
    ...(days && { days }),
    ...(flags.sourceSystem !== undefined && { sourceSystem: flags.sourceSystem }),
    ...(feed && { feed }),
  };
}

const MAX_DAYS = 366;

function daysOf(from: string | undefined, to = from): { from: string; to: string } | undefined {
  if (from === undefined) {
    if (to !== undefined) throw usage('--to memerlukan --from', '--to needs --from');
    return undefined;
  }
  const [first, last] = [from, to ?? from].map((day) => (/^\d{4}-\d{2}-\d{2}$/.test(day) ? Date.parse(`${day}T00:00:00Z`) : Number.NaN));
  if (!((last as number) - (first as number) >= 0 && (last as number) - (first as number) < MAX_DAYS * 86_400_000))
    throw usage('--from dan --to berbentuk YYYY-MM-DD, paling lama setahun', '--from and --to have the form YYYY-MM-DD, a year at most');
  return { from, to: to ?? from };
}
