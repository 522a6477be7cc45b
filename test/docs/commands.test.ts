import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Block, blocksOf, isServer, reasonNotRun, root } from './blocks.ts';

/** One after the other in one folder: the later ones build on the README's first push. */
const DOCUMENTS = [
  'README.md',
  'docs/panduan.md',
  'docs/mapping-guide.md',
  'docs/map-tools.md',
  'docs/operations.md',
  'docs/terminology.md',
];
const SHOWN = [...DOCUMENTS, 'docs/architecture.md', 'docs/glossary.md', 'docs/conformance.md', 'samples/README.md', 'CONTRIBUTING.md'];

const clone = mkdtempSync(path.join(tmpdir(), 'ilp-docs-'));
const servers: ChildProcess[] = [];
const outputs = new Map<Block, string>();
let environ: NodeJS.ProcessEnv = {};
let servicePort = 0;

beforeAll(async () => {
  for (const name of ['src', 'mappings', 'profiles', 'samples', 'docs/examples', 'package.json']) {
    cpSync(path.join(root, name), path.join(clone, name), { recursive: true });
  }
  symlinkSync(path.join(root, 'node_modules'), path.join(clone, 'node_modules'));
  servicePort = await freePort();
  environ = { ...withoutOurs(process.env), ILP_PORT: String(servicePort) };
  for (const document of DOCUMENTS) for (const block of blocksOf(document)) if (isServer(block)) await serve(block);
  // `npm start` without its line of JSON: ready when it answers.
  await answering(`http://127.0.0.1:${servicePort}/readyz`);
}, 60_000);

afterAll(async () => {
  for (const server of servers) await stopped(server);
  rmSync(clone, { recursive: true, force: true });
}, 30_000);

describe('what the documents show', () => {
  it('is run here, or listed with the reason why not', () => {
    const known = new Set(DOCUMENTS);
    expect(SHOWN.filter((file) => !known.has(file) && blocksOf(file).length > 0)).toEqual([]);
    const listed = DOCUMENTS.flatMap(blocksOf).filter((block) => reasonNotRun(block) !== undefined);
    expect(listed).toHaveLength(5);
  });

  for (const document of DOCUMENTS) {
    it(`${document} – every command ends well`, async () => {
      const blocks = blocksOf(document).filter((block) => !isServer(block) && reasonNotRun(block) === undefined);
      expect(blocks.length).toBeGreaterThan(0);
      await runBlocks(blocks);
    }, 120_000);
  }

  it('README – the first encounter reaches the platform and is found as FHIR', () => {
    const shown = (words: string) => [...outputs].find(([block]) => block.text.includes(words))?.[1] ?? '';
    const received = (file: string) => JSON.parse(readFileSync(path.join(clone, file), 'utf8'));
    expect(received('facilities.json')).toMatchObject({ accepted: 2180, refused: 0 });
    // The sample registers hold people of Buton Tengah too, whose facilities are in the other file.
    expect(received('practitioners.json').accepted).toBeGreaterThan(40);
    expect(received('persons.json').accepted).toBeGreaterThan(900);
    expect(shown('client check')).toMatch(/✓ token[\s\S]*✓ organization[\s\S]*✓ read/);
    expect(shown('first-encounter.json')).toContain('"accepted":1');
    expect(shown('submissions?feed=encounters')).toContain('COBA-0001');
    expect(shown('/fhir/Encounter')).toMatch(/"type":"searchset"[\s\S]*"resourceType":"Encounter"/);
    expect(shown('/fhir/Encounter')).toContain('CapabilityStatement');
  });

  it('README – the first encounter is completed, with ids of the platform', async () => {
    const key = readFileSync(path.join(clone, '.key'), 'utf8');
    const get = async (at: string) => (await fetch(`http://127.0.0.1:${servicePort}${at}`, { headers: { 'x-api-key': key } })).json();
    const deadline = Date.now() + 15_000;
    for (;;) {
      const { submissions } = (await get('/api/v1/submissions?feed=encounters')) as { submissions: { id: string; state: string }[] };
      const [first] = submissions;
      if (first?.state === 'completed') {
        const { resources } = (await get(`/api/v1/submissions/${first.id}`)) as {
          resources: { reference: string; platformId: string | null }[];
        };
        expect(resources.find(({ reference }) => reference.startsWith('Encounter/'))?.platformId).toBeTruthy();
        return;
      }
      if (Date.now() > deadline) expect(first).toMatchObject({ state: 'completed' });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  });

  it('mapping guide – a wrong map is named by file, line and column, and ends with code 2', () => {
    const [, output] = [...outputs].find(([block]) => block.text.includes('encounter.clas')) ?? [];
    expect(output).toMatch(/encounters\.map line \d+ column \d+: Encounter has no element 'clas'/);
    expect(output).toContain('exit code 2');
  });
});

/** The blocks of one document in one shell, so that what one exports the next has; each ends the test if it fails. */
async function runBlocks(blocks: readonly Block[]): Promise<void> {
  const script = [
    'set -euo pipefail',
    // What the shell exported in the document before.
    '[ -f .exports ] && . ./.exports',
    ...blocks.flatMap((block, index) => [`printf '\\n#### %s\\n' ${index}`, `printf '\\n#### %s\\n' ${index} >&2`, here(block)]),
    'export -p | grep -E " (KEY|DINKES|ILP_CLIENT_SECRET)=" > .exports || true',
    'printf %s "$KEY" > .key',
  ].join('\n');
  writeFileSync(path.join(clone, 'commands.sh'), script);
  const { code, stdout, stderr } = await run('bash', ['commands.sh']);
  const shown = [parts(stdout), parts(stderr)];
  for (const [index, block] of blocks.entries()) outputs.set(block, shown.map((part) => part[index] ?? '').join('\n'));
  const last = blocks[Math.max(0, (shown[0] as string[]).length - 1)];
  expect({ code, at: code === 0 ? '' : `${last?.file}:${last?.line}`, stderr: code === 0 ? '' : stderr.slice(-2_000) }).toEqual({
    code: 0,
    at: '',
    stderr: '',
  });
}

const parts = (output: string): string[] => output.split(/\n#### \d+\n/).slice(1);

/** The documents name the usual port; here another is free. npm's own second for each command is spent on the README only. */
function here({ file, text }: Block): string {
  const moved = text
    .replaceAll('127.0.0.1:8080', `127.0.0.1:${servicePort}`)
    .replaceAll('ilp-fhir -- push', `ilp-fhir -- push --url http://127.0.0.1:${servicePort}`);
  return file === 'README.md' ? moved : moved.replaceAll('npm run --silent ilp-fhir --', `'${process.execPath}' src/main.ts`);
}

async function serve({ text }: Block): Promise<void> {
  const sandbox = text.startsWith('npm run sandbox');
  const child = spawn('bash', ['-c', `exec ${sandbox ? `${text} --port 0` : text}`], {
    cwd: clone,
    env: environ,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  servers.push(child);
  child.stderr.resume();
  const lines = createInterface({ input: child.stdout });
  if (!sandbox) return void lines.on('line', () => {});
  const url = await new Promise<string>((resolve, reject) => {
    lines.on('line', (line) => {
      const found = /simulator at (\S+)/.exec(line)?.[1];
      if (found) resolve(found);
    });
    child.once('exit', (code) => reject(new Error(`the sandbox ended with ${code}`)));
  });
  environ = { ...environ, ILP_PLATFORM_AUTH_URL: `${url}/oauth2/v1`, ILP_PLATFORM_FHIR_URL: `${url}/fhir-r4/v1` };
}

/** npm is a group of processes: npm, a shell, the program. */
async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  process.kill(-child.pid, 'SIGTERM');
  await gone;
}

function run(command: string, args: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: clone, env: environ, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}

async function answering(url: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const ok = await fetch(url).then(
      (response) => response.ok,
      () => false,
    );
    if (ok) return;
    if (Date.now() > deadline) throw new Error('the service does not answer');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** Without settings of ours, and of npm, which hands its own to every script. */
function withoutOurs(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !/^(ILP_|npm_|VITEST|NODE_OPTIONS|NODE_ENV)/.test(name)));
}
