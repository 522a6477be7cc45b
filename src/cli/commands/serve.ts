import { listenError } from '../command-error.ts';
import type { Action } from '../program.ts';

/** Runs the service until it is told to stop; what is in flight is finished first. */
export const serve = (): Action => async (composition, output) => {
  // Before the start: process 1 of a container ignores a signal that nobody listens for, and would be killed later instead.
  const stopped = stopSignal();
  const service = await composition.createService(composition.readConfig(process.env));
  // As other services do: what stands on disk is taken over. What is wrong with it is told in the log, and the old stays.
  const reload = (): void => void service.reload({ actor: 'SIGHUP' }).catch(() => undefined);
  process.on('SIGHUP', reload);
  try {
    const { url } = await service.start();
    output.say(`Layanan berjalan di ${url} / service at ${url}`);
    output.result({ url, pid: process.pid });
    await stopped;
    return 0;
  } catch (error) {
    throw listenError(error, 'ILP_HOST, ILP_PORT');
  } finally {
    process.off('SIGHUP', reload);
    await service.stop();
  }
};

/** Resolves at the first signal to stop. */
export function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
}
