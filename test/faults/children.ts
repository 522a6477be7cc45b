import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import runtime from '../../src/runtime.json' with { type: 'json' };
import type { EntrySettings, Order, Word } from './entry.ts';

const ENTRY = path.join(import.meta.dirname, 'entry.ts');
const PROGRAM = path.resolve(import.meta.dirname, '../../src/main.ts');

/** A process of the product that is killed and started again under the same name. */
export interface Child {
  readonly name: string;
  readonly pid: number | undefined;
  /** Where it listens while it is ready, for those with doors. */
  readonly url: string | undefined;
  /** Resolves when it is ready. @throws Error with its last words when it ends before */
  start(): Promise<void>;
  /** `kill -9`; resolves when it is gone. */
  kill(): Promise<void>;
  /** Stands still for so long, as a virtual machine that is moved. */
  freeze(ms: number): Promise<void>;
  setClock(offsetMs: number): void;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
}

export interface ChildOptions {
  readonly name: string;
  readonly environ: Readonly<Record<string, string>>;
  readonly settings: EntrySettings;
  readonly onAdopted: (count: number) => void;
  /** Each line it logs. */
  readonly onLog?: (line: string) => void;
}

export function createChild({ name, environ, settings, onAdopted, onLog }: ChildOptions): Child {
  let running: { process: ChildProcess; gone: Promise<number | null> } | undefined;
  let url: string | undefined;
  let clockOffsetMs = settings.clockOffsetMs;

  const end = async (signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> => {
    const ending = running;
    running = undefined;
    url = undefined;
    if (ending === undefined) return null;
    ending.process.kill(signal);
    return ending.gone;
  };

  return {
    name,
    get pid() {
      return running?.process.pid;
    },
    get url() {
      return url;
    },
    async start() {
      const child = spawn(process.execPath, [...runtime.execArgv, ENTRY], {
        env: { ...runtime.environment, ...clean(), ...environ, FAULTS: JSON.stringify({ ...settings, clockOffsetMs }) },
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      });
      const last: string[] = [];
      createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
        last.push(line);
        if (last.length > 20) last.shift();
        onLog?.(line);
      });
      const gone = new Promise<number | null>((resolve) => child.once('exit', resolve));
      running = { process: child, gone };
      await new Promise<void>((resolve, reject) => {
        child.on('message', (word: Word) => {
          if (word.kind === 'adopted') onAdopted(word.count);
          else {
            if (running?.process === child) url = word.url;
            resolve();
          }
        });
        // Killed on purpose before it was ready: whoever did that goes on.
        gone.then((code) => (running?.process === child ? reject(new Error(`${name} ended with ${code}\n${last.join('\n')}`)) : resolve()));
      });
    },
    kill: async () => void (await end('SIGKILL')),
    async freeze(ms) {
      const child = running?.process;
      child?.kill('SIGSTOP');
      await new Promise((resolve) => setTimeout(resolve, ms));
      if (running?.process === child) child?.kill('SIGCONT');
    },
    setClock(offsetMs) {
      clockOffsetMs = offsetMs;
      running?.process.send({ clockOffsetMs } satisfies Order, () => undefined);
    },
    stop: () => end('SIGTERM'),
  };
}

/** The simulator of the platform: the one process that is never killed. */
export async function startSandbox(
  port: number,
  files: { people: string; clients: string },
): Promise<{ url: string; stop(): Promise<void> }> {
  const child = spawn(
    process.execPath,
    [
      '--max-old-space-size=8192',
      PROGRAM,
      'sandbox',
      '--port',
      String(port),
      '--people',
      files.people,
      '--clients',
      files.clients,
      '--json',
    ],
    { env: clean(), stdio: ['ignore', 'pipe', 'ignore'] },
  );
  const gone = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const end = () => void child.kill('SIGKILL');
  process.once('exit', end);
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      const found = /^\{.*"url":"([^"]+)"/.exec(line)?.[1];
      if (found !== undefined) resolve(found);
    });
    gone.then((code) => reject(new Error(`the sandbox ended with ${code}`)));
  });
  return {
    url,
    async stop() {
      process.off('exit', end);
      child.kill('SIGKILL');
      await gone;
    },
  };
}

/** A command of the product, to its end. @throws Error with its last words when it does not end well */
export async function runCommand(args: readonly string[], environ: Readonly<Record<string, string>>): Promise<void> {
  const child = spawn(process.execPath, [PROGRAM, ...args, '--json'], {
    env: { ...clean(), ...environ },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let last = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    last = (last + text).slice(-2_000);
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`${args[0]} ended with ${code}\n${last}`);
}

/** A port that nobody listens at, so that others can be told before somebody does. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (typeof address !== 'object' || address === null) throw new Error('no free port');
  return address.port;
}

/** The environment without settings of ours: those of the machine must not reach a run. */
function clean(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('ILP_')));
}
