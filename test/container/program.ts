import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { programEnvironment } from './image-replay.ts';

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

export interface Running {
  readonly process: ChildProcess;
  /** Resolves with the URL that it prints with `--json`. Rejects if it ends before. */
  readonly url: Promise<string>;
  readonly ended: Promise<Ended>;
}

/** Starts a program of the replayed image. */
export function start(command: readonly string[], options: { cwd: string; env?: Record<string, string> }): Running {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { cwd: options.cwd, env: programEnvironment(options.env), stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, out, err }));
  });
  const url = new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      out += `${line}\n`;
      const found = /"url":"([^"]+)"/.exec(line)?.[1];
      if (found !== undefined) resolve(found);
    });
    ended.then(({ code, signal }) => reject(new Error(`ended with ${code ?? signal}\n${out}${err}`)), reject);
  });
  // Who only waits for the end does not ask for the URL.
  url.catch(() => undefined);
  return { process: child, url, ended };
}

export const run = (command: readonly string[], options: { cwd: string; env?: Record<string, string> }): Promise<Ended> =>
  start(command, options).ended;
