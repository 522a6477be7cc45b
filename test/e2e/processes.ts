import { type ChildProcess, spawn } from 'node:child_process';
import { request as httpRequest } from 'node:http';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll } from 'vitest';
import type { Receipt } from '../../src/cli/push.ts';

export const PROGRAM = path.resolve(import.meta.dirname, '../../src/main.ts');

export interface Running {
  readonly url: string;
  readonly pid: number;
  /** Everything it has written to standard output and standard error. */
  written(): string;
  /** `kill -9`; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with its exit code. */
  stop(): Promise<number | null>;
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Real processes of this program. Whatever still lives after the file's tests is killed. Call it inside `describe`. */
export function createProcesses() {
  const alive = new Set<ChildProcess>();
  const start = (args: readonly string[], environ: NodeJS.ProcessEnv) => {
    const child = spawn(process.execPath, [PROGRAM, ...args], { env: { ...clean(), ...environ }, stdio: ['ignore', 'pipe', 'pipe'] });
    alive.add(child);
    const written = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => {
      written.stdout += chunk.toString('utf8');
    });
    child.stderr.on('data', (chunk: Buffer) => {
      written.stderr += chunk.toString('utf8');
    });
    const exited = new Promise<number | null>((resolve) =>
      child.once('close', (code) => {
        alive.delete(child);
        resolve(code);
      }),
    );
    return { child, written, exited };
  };
  afterAll(async () => {
    await Promise.all(
      [...alive].map((child) => {
        const gone = new Promise((resolve) => child.once('close', resolve));
        child.kill('SIGKILL');
        return gone;
      }),
    );
  });
  return {
    /** `serve` or `sandbox`: resolves when it listens. */
    async server(args: readonly string[], environ: NodeJS.ProcessEnv = {}): Promise<Running> {
      const { child, written, exited } = start([...args, '--json'], environ);
      const url = await new Promise<string>((resolve, reject) => {
        createInterface({ input: child.stdout }).on('line', (line) => {
          const found = /^\{.*"url":"([^"]+)"/.exec(line)?.[1];
          if (found !== undefined) resolve(found);
        });
        exited.then((code) => reject(new Error(`${args[0]} ended with ${code}: ${written.stderr}`)));
      });
      return {
        url,
        pid: child.pid as number,
        written: () => written.stdout + written.stderr,
        async kill() {
          child.kill('SIGKILL');
          await exited;
        },
        stop() {
          child.kill('SIGTERM');
          return exited;
        },
      };
    },
    /** Any command that ends by itself. */
    async run(args: readonly string[], environ: NodeJS.ProcessEnv = {}): Promise<Ended> {
      const { written, exited } = start(args, environ);
      return { code: await exited, ...written };
    },
  };
}

/** The environment without settings of ours: those of the machine must not reach a test. */
function clean(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('ILP_')));
}

/** The same numbers in [0, 1) for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/**
 * Sends records as one NDJSON stream and reads receipts as they come.
 *
 * @param onReceipts told the number received so far
 * @returns what had been received when the answer ended or the connection broke
 */
export function stream(
  url: string,
  key: string,
  records: readonly object[],
  onReceipts: (count: number) => void = () => undefined,
): Promise<{ receipts: Receipt[]; whole: boolean }> {
  return new Promise((resolve) => {
    const receipts: Receipt[] = [];
    const read = receiptReader((receipt) => receipts.push(receipt));
    let whole = false;
    const request = httpRequest(
      url,
      { method: 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/x-ndjson' } },
      (response) => {
        response.setEncoding('utf8');
        response.on('data', (text: string) => {
          const before = receipts.length;
          read(text);
          if (receipts.length > before) onReceipts(receipts.length);
        });
        response.on('end', () => {
          whole = response.complete;
        });
        response.on('error', () => undefined);
        response.on('close', () => resolve({ receipts, whole }));
      },
    );
    request.on('error', () => resolve({ receipts, whole }));
    request.end(records.map((record) => `${JSON.stringify(record)}\n`).join(''));
  });
}

/** Cuts whole receipts out of an answer that may break off anywhere. */
function receiptReader(found: (receipt: Receipt) => void): (text: string) => void {
  let rest = '';
  let position = 0;
  let depth = 0;
  let start = -1;
  let quoted = false;
  return (text) => {
    rest += text;
    for (; position < rest.length; position++) {
      const char = rest[position];
      if (quoted) {
        if (char === '\\') position++;
        else if (char === '"') quoted = false;
      } else if (char === '"') quoted = true;
      else if (char === '{') {
        depth++;
        if (depth === 2) start = position;
      } else if (char === '}') {
        depth--;
        if (depth === 1 && start >= 0) found(JSON.parse(rest.slice(start, position + 1)) as Receipt);
      }
    }
  };
}
