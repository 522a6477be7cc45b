import type { Action } from '../program.ts';

/** Applies the numbered migrations that are missing; with `dryRun` only names them. */
export const migrate =
  (dryRun: boolean): Action =>
  async (composition, output) => {
    const store = await composition.openStore(composition.readConfig(process.env));
    try {
      const migrations = await store.migrate({ dryRun });
      const verb = dryRun ? 'akan diterapkan / would be applied' : 'diterapkan / applied';
      output.say(
        migrations.length === 0
          ? 'Basis data sudah mutakhir / the database is up to date'
          : `${migrations.join('\n')}\n${migrations.length} ${verb}`,
      );
      output.result({ migrations, dryRun });
      return 0;
    } finally {
      await store.close();
    }
  };
