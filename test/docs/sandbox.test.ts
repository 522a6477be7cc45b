import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listSettings } from '../../src/sandbox/settings.ts';
import { blocksOf, isServer, root } from './blocks.ts';

const blocks = blocksOf('docs/sandbox.md');
let sandbox: ChildProcess;
let shown: string[];

beforeAll(async () => {
  const server = blocks.find(isServer)?.text ?? '';
  // The program itself: npm would stand between it and the signal that ends it.
  const args = server.replace(/^npm run sandbox -- /, '').split(' ');
  sandbox = spawn(process.execPath, [path.join(root, 'src/main.ts'), 'sandbox', ...args, '--port', '0'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: sandbox.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      const found = /simulator at (\S+)/.exec(line)?.[1];
      if (found) resolve(found);
    });
    sandbox.once('exit', (code) => reject(new Error(`the sandbox ended with ${code}`)));
  });
  const commands = blocks.filter((block) => !isServer(block)).map(({ text }) => text.replaceAll('http://127.0.0.1:8090', url));
  shown = await inShell(commands);
}, 60_000);

afterAll(() => {
  sandbox.kill('SIGKILL');
});

/** All blocks in one shell, so that what one defines the next has. */
function inShell(commands: readonly string[]): Promise<string[]> {
  const script = ['set -euo pipefail', ...commands.map((text, index) => `printf '\\n#### %s\\n' ${index}\n${text}`)].join('\n');
  const shell = spawn('bash', ['-c', script], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  shell.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  shell.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    shell.once('close', (code) => {
      if (code === 0) resolve(stdout.split(/\n#### \d+\n/).slice(1));
      else reject(new Error(`exit ${code} after ${stdout.slice(-300)}\n${stderr.slice(-1000)}`));
    });
  });
}

const outputOf = (words: string): string =>
  shown[blocks.filter((block) => !isServer(block)).findIndex(({ text }) => text.includes(words))] ?? '';

describe('docs/sandbox.md – every command ends well', () => {
  it('a person is found, masked', () => {
    expect(outputOf('find Patient')).toMatch(/"total":1/);
    expect(outputOf('find Patient')).toMatch(/################/);
  });

  it('an encounter is stored, its twin and a date without time are refused with the reason', () => {
    expect(outputOf('visit()')).toMatch(/"versionId"[\s\S]*"resourceType":"Encounter"/);
    const refused = outputOf('requests?refused');
    expect(refused).toContain('"text":"Found duplicate: Encounter (RuleNumber: 20002)"');
    expect(refused).toMatch(/"rule":101\d\d[\s\S]*"rule":20002/);
  });

  it('a client comes and goes, a quota bites and is lifted, settings change', () => {
    expect(outputOf('clients/klinik-a')).toMatch(/"clientId":"klinik-a"[\s\S]*"revoked":true/);
    expect(outputOf('clients/klinik-a')).not.toContain('rahasia-a');
    expect(outputOf('window')).toMatch(/(200 )+429 /);
    expect(outputOf('dropBefore')).toContain('"dropBefore":0.02');
    expect(outputOf('dump?type=Encounter').match(/"resourceType":"Encounter"/g)).toHaveLength(1);
  });
});

describe('docs/sandbox.md – the table of settings', () => {
  it('has each, with its default and what it may be', () => {
    const rows = readFileSync(path.join(root, 'docs/sandbox.md'), 'utf8').split('\n');
    for (const [name, initial, allowed] of listSettings()) {
      const cells = rows.find((row) => row.startsWith(`| \`${name}\` |`))?.split(' | ');
      const words = allowed.split(/ [|…] /);
      expect([name, cells?.[1], words.every((word) => cells?.[2]?.includes(word))]).toEqual([name, `\`${initial}\``, true]);
    }
  });
});
