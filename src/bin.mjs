#!/usr/bin/env node
// Entry of the command `ilp-fhir`, for any Node that npm runs on. The program itself needs Node 24.2 (TypeScript without a build,
// node:sqlite); an older one starts the Node that is among the packages.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const NEEDED = [24, 2];

const here = path.dirname(fileURLToPath(import.meta.url));
const sources = path.join(here, 'main.ts');
const built = [path.join(here, 'main.js'), path.join(here, '../dist/main.js')].find(existsSync);
// Sources first: what was built may be older than they are. Below node_modules Node does not run TypeScript.
const canRunSources = existsSync(sources) && !here.split(path.sep).includes('node_modules');
const program = canRunSources ? sources : built;

const node = ownNodeFits() ? process.execPath : packagedNode();
if (program === undefined || node === undefined) {
  process.stderr.write(
    program === undefined
      ? 'Program belum dibangun; jalankan: npm run build\nThe program is not built; run: npm run build\n'
      : `Perlu Node ${NEEDED.join('.')} atau lebih baru; jalankan: npm ci\nNode ${NEEDED.join('.')} or newer is needed; run: npm ci\n`,
  );
  process.exit(2);
}

const runtime = JSON.parse(readFileSync(path.join(here, 'runtime.json'), 'utf8'));
const cache = ['--import', pathToFileURL(path.join(here, 'compile-cache.mjs')).href];
const args = [...runtime.execArgv, ...cache, program, ...process.argv.slice(2)];
const environment = { ...runtime.environment, ...process.env };
// This process becomes the program where it can: nothing stays between the program and its signals. Windows and an older Node cannot.
if (node === process.execPath && process.platform !== 'win32') process.execve(node, [node, ...args], environment);
const child = spawn(node, args, { stdio: 'inherit', env: environment });
// A terminal sends Ctrl-C to both; without a listener this process would end before the child has finished.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(2);
});
child.on('exit', (code, signal) => {
  if (signal === null) process.exit(code ?? 1);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});

function ownNodeFits() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1]);
}

function packagedNode() {
  try {
    const folder = path.dirname(createRequire(import.meta.url).resolve('node/package.json'));
    return [path.join(folder, 'bin/node'), path.join(folder, 'bin/node.exe')].find(existsSync);
  } catch {
    return undefined;
  }
}
