import { listenError } from '../command-error.ts';
import type { SandboxOptions } from '../composition.ts';
import type { Action } from '../program.ts';

/** Runs the service until it is told to stop; what is in flight is finished first. */
export const serve = (): Action => async (composition, output) => {
  // Before the start: process 1 of a container ignores a signal that nobody listens for, and would be killed later instead.
  const stopped = stopSignal();
  const service = await composition.createService(composition.readConfig(process.env));
  try {
    const { url } = await service.start();
    output.say(`Layanan berjalan di ${url} / service at ${url}`);
    output.result({ url, pid: process.pid });
    await stopped;
    return 0;
  } catch (error) {
    throw listenError(error, 'ILP_HOST, ILP_PORT');
  } finally {
    await service.stop();
  }
};

/** Runs the simulator until it is told to stop. */
export const runSandbox =
  (options: SandboxOptions): Action =>
  async (composition, output) => {
    const stopped = stopSignal();
    const sandbox = await composition.startSandbox(options).catch((error: unknown) => {
      throw listenError(error, '--host, --port');
    });
    output.say(`Simulator SATUSEHAT berjalan di ${sandbox.url} / simulator at ${sandbox.url}`);
    output.result({ url: sandbox.url, pid: process.pid });
    await stopped;
    await sandbox.stop();
    return 0;
  };

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
}
