import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { packageRoot } from '../../src/config/index.ts';

const BESIDE = path.resolve(packageRoot, '../shared/tools/hl7-validate/run');

/** The command that starts HL7's own validator, with its arguments: `ILP_HL7_VALIDATE`, or the one that lies beside the project. */
export function hl7Command(): readonly string[] | undefined {
  const given = (process.env.ILP_HL7_VALIDATE ?? '').split(' ').filter((part) => part !== '');
  if (given.length > 0) return given;
  return existsSync(BESIDE) ? [BESIDE] : undefined;
}

/** @returns one line for each error that SATUSEHAT's own conventions do not force; empty when there is none */
export async function hl7Errors([command, ...given]: readonly string[], folders: readonly string[]): Promise<readonly string[]> {
  const args = [
    ...['--profiles', path.join(packageRoot, 'profiles/ilp')],
    ...['--allow', path.join(import.meta.dirname, 'satusehat-wins.allow')],
    ...folders,
  ];
  let errors = '';
  const code = await run(command as string, [...given, ...args], process.env, (text) => {
    errors += text;
  });
  const lines = errors.split('\n').filter((line) => line.startsWith('error'));
  if (code !== 0 && lines.length === 0) lines.push(`ended with ${code}: ${errors.trim().split('\n').at(-1) ?? ''}`);
  return lines;
}

/** @returns its exit code; 127 when there is no such command */
export function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv, onOutput?: (text: string) => void): Promise<number> {
  const child = spawn(command, args, { env, stdio: ['ignore', onOutput ? 'pipe' : 'inherit', 'inherit'] });
  child.stdout?.setEncoding('utf8').on('data', onOutput ?? (() => {}));
  return new Promise((resolve) => {
    child.once('error', () => resolve(127));
    child.once('close', (code) => resolve(code ?? 2));
  });
}
