import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { AppError } from '../../errors/index.ts';

export interface Child {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
  /** Leaves it running when this process ends. */
  detach(): void;
}

/**
 * Starts a copy of this program as its own process and waits for the line of JSON in which it says its address.
 *
 * @throws AppError `config` when it ends before that; its last words are on standard error
 */
export async function startChild(program: string, args: readonly string[], environment: NodeJS.ProcessEnv): Promise<Child> {
  const child: ChildProcess = spawn(process.execPath, [program, ...args, '--json'], {
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const url = await new Promise<string>((resolve, reject) => {
    lines.on('line', (line) => {
      const found = /^\{.*"url":"([^"]+)"/.exec(line)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new AppError('config', { detail: `${args[0]} ended with ${code} before it was ready` })));
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const end = () => void child.kill('SIGTERM');
  process.once('exit', end);
  return {
    url,
    pid: child.pid as number,
    stop: () => {
      child.kill('SIGTERM');
      return exited;
    },
    detach: () => {
      process.off('exit', end);
      lines.close();
      child.stdout?.destroy();
      child.unref();
    },
  };
}
