import type { RemapChange } from '../../intake/index.ts';
import type { Action } from '../program.ts';
import { table } from '../table.ts';
import { feedOf } from './push.ts';

export interface RemapFlags {
  readonly feed?: string;
  readonly dryRun?: boolean;
}

/** Takes stored records through the maps of now. Exit code 1 if one would be refused by them, or the job failed. */
export const remapRecords =
  ({ feed, dryRun = false }: RemapFlags): Action =>
  async (composition, output) => {
    const feeds = feed === undefined ? undefined : [feedOf(feed)];
    const service = await composition.createService(composition.readConfig(process.env));
    const elements = new Map<string, number>();
    let refused = 0;
    const onChange = (change: RemapChange): void => {
      if (change.refused) refused++;
      for (const { expression, change: kind } of change.elements) {
        const key = `${change.feed} ${expression} ${kind}`;
        elements.set(key, (elements.get(key) ?? 0) + 1);
      }
    };
    try {
      const run = await service.jobs.run('remap', { dryRun, settings: { ...(feeds && { feeds }), onChange } });
      const rows = [...elements].map(([key, count]) => [...key.split(' '), count] as const).sort((a, b) => Number(b[3]) - Number(a[3]));
      if (rows.length > 0) output.say(table(['isian / feed', 'elemen / element', 'perubahan / change', 'kali / times'], rows, [3]));
      const { looked = 0, changed = 0, unchanged = 0, unreadable = 0, moved = 0 } = run.counts ?? {};
      const will = dryRun ? 'akan berubah / would change' : 'diubah / changed';
      output.say(
        `${looked} data / records: ${changed} ${will}, ${unchanged} tetap / as they were, ${run.counts?.refused ?? 0} akan ditolak / would be refused, ` +
          `${unreadable} tanpa isi asal / without their text, ${moved} berubah sementara itu / changed meanwhile`,
      );
      if (run.error !== null) output.note(`Gagal / failed: ${run.error}`);
      output.result({ ...run, elements: rows.map(([of, expression, change, times]) => ({ feed: of, expression, change, times })) });
      return run.error === null && refused === 0 ? 0 : 1;
    } finally {
      await service.stop();
    }
  };
