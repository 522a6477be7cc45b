import { startStage } from '../demo/stages.ts';
import type { Action } from '../program.ts';

/** Drains the outbox. Without `once` it keeps on until it is told to stop. */
export const sync =
  (options: { once?: boolean; dryRun?: boolean }): Action =>
  async (composition, output) => {
    const service = await composition.createService(composition.readConfig(process.env));
    let stopped = false;
    const stop = () => {
      stopped = true;
    };
    process.once('SIGTERM', stop).once('SIGINT', stop);
    try {
      for (;;) {
        let stage: ReturnType<typeof startStage> | undefined;
        const report = await service.drain({
          dryRun: options.dryRun === true,
          onProgress: (done, total) => {
            if (output.json) return;
            stage ??= startStage('Mengirim / Sending', total);
            stage.progress(done);
          },
        });
        stage?.end();
        if (options.once || options.dryRun || stopped) {
          output.say(JSON.stringify(report, null, 2));
          output.result(report);
          return (report as { failed?: number }).failed ? 1 : 0;
        }
        await new Promise((resolve) => setTimeout(resolve, 2_000));
      }
    } finally {
      await service.stop();
    }
  };
