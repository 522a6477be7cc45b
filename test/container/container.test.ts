import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filesOf, letThrough, type Replay, replayImage } from './image-replay.ts';
import { run, start } from './program.ts';

const context = path.resolve(import.meta.dirname, '../..');
const manifest = JSON.parse(readFileSync(path.join(context, 'package.json'), 'utf8')) as {
  version: string;
  dependencies: Record<string, string>;
};

describe('what .dockerignore lets through', () => {
  const visible = letThrough(readFileSync(path.join(context, '.dockerignore'), 'utf8'));

  it('leaves out secrets, data, tests and installed packages', () => {
    const out = [
      '.env',
      '.env.compose',
      'data/ilp.sqlite',
      'data/ilp.sqlite.key',
      'node_modules/pg/package.json',
      '.git/config',
      'test/x.ts',
    ];
    expect(out.filter(visible)).toEqual([]);
  });

  it('lets through what the image is made of', () => {
    const needed = [
      'package.json',
      'package-lock.json',
      '.npmrc',
      'src/main.ts',
      'profiles/platform-rules.json',
      'mappings/x.csv',
      'LICENSE',
    ];
    expect(needed.filter((file) => !visible(file))).toEqual([]);
  });

  it('reads patterns as the engine does: the last one that fits decides, folders count for what is in them', () => {
    const rules = letThrough('*\n!src\nsrc/*.log\n# note\n');
    expect(['src/a.ts', 'src/deep/b.ts', 'src/c.log', 'README.md'].map(rules)).toEqual([true, true, false, false]);
  });
});

describe('the image, its instructions replayed in empty folders', { timeout: 60_000 }, () => {
  let image: Replay;
  const command = (...args: string[]) => [...image.entrypoint, ...args];
  /** The image listens on all addresses and a fixed port; a test on this machine only, and on a free one. */
  const local = { ILP_HOST: '127.0.0.1', ILP_PORT: '0', ILP_WORKER_ENABLED: 'false', ILP_LOG_LEVEL: 'error' };

  // Not a limit of ours: the compiler takes seconds alone, and more beside other test files.
  beforeAll(() => {
    image = replayImage(context);
  }, 180_000);
  afterAll(() => rmSync(path.dirname(image.root), { recursive: true, force: true }));

  it('runs as another user than root and keeps its data in a volume', () => {
    expect(image.user).toBe('node');
    expect(image.volumes).toEqual(['/data']);
    expect(image.env).not.toHaveProperty('ILP_DATABASE');
  });

  it('holds neither sources nor development packages', () => {
    const app = path.join(image.root, 'app');
    expect(readdirSync(app).sort()).toEqual(['LICENSE', 'dist', 'mappings', 'node_modules', 'package.json', 'profiles']);
    expect(existsSync(path.join(app, 'node_modules/pg'))).toBe(true);
    expect(['typescript', 'vitest', '@types'].filter((name) => existsSync(path.join(app, 'node_modules', name)))).toEqual([]);
  });

  it('imports nothing but its own files, Node and packages of "dependencies"', () => {
    const dist = path.join(image.root, 'app/dist');
    const known = new Set([...Object.keys(manifest.dependencies), ...builtinModules, ...builtinModules.map((name) => `node:${name}`)]);
    const imports = [
      /^(?:import|export)\s+(?:[\w*{][^'"]*?)\bfrom\s+['"]([^'"]+)['"]/gm,
      /^import\s+['"]([^'"]+)['"]/gm,
      /\b(?:import|require)\(\s*['"]([^'"]+)['"]/g,
    ];
    const imported = new Map<string, string>();
    for (const [file] of filesOf(dist)) {
      if (!file.endsWith('.js')) continue;
      const text = readFileSync(path.join(dist, file), 'utf8');
      for (const pattern of imports) for (const [, specifier = ''] of text.matchAll(pattern)) imported.set(specifier, file);
    }
    expect([...imported.keys()]).toEqual(expect.arrayContaining(['kysely', 'node:fs', './cli/index.js', 'csv-parse/sync']));
    const packageOf = (specifier: string) => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
    const missing = [...imported].filter(([name]) => !/^\.{1,2}\//.test(name) && !known.has(name) && !known.has(packageOf(name)));
    expect(missing).toEqual([]);
  });

  it('says its version', async () => {
    expect(await run(command('version', '--json'), { cwd: image.workdir })).toMatchObject({
      code: 0,
      out: `${JSON.stringify({ version: manifest.version })}\n`,
    });
  });

  it('serves with production packages only, is healthy, writes only to the volume, and ends when told', async () => {
    const before = filesOf(image.root);
    const service = start(command(...image.cmd, '--json'), { cwd: image.workdir, env: { ...image.env, ...local } });
    const url = await service.url;
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    const health = (port: string) => run(image.healthcheck, { cwd: image.workdir, env: { ILP_PORT: port } });
    expect((await health(new URL(url).port)).code).toBe(0);

    const added = await run(command('client', 'add', 'simpus', '--json'), { cwd: image.workdir, env: { ...image.env, ...local } });
    const { key } = JSON.parse(added.out) as { key: string };
    const refused = await fetch(`${url}/api/v1/encounters`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: readFileSync(path.join(context, 'samples/first-encounter.json')),
    });
    // Contracts, maps and profiles are there: the record is read and judged, and it is only its register that is missing.
    expect(refused.status).toBe(422);
    expect(JSON.stringify(await refused.json())).toContain('facility-unknown');

    service.process.kill('SIGTERM');
    expect(await service.ended).toMatchObject({ code: 0, signal: null });
    expect((await health(new URL(url).port)).code).toBe(1);
    const written = [...filesOf(image.root)].filter(([file, state]) => before.get(file) !== state).map(([file]) => path.dirname(file));
    // What Node keeps of its compilation is written where the image is made; in a container /app is not the user's to write to.
    expect([...new Set(written)].filter((folder) => !folder.includes('node_modules/.cache/ilp-fhir'))).toEqual(['data']);
  });

  it('takes the database from a file too, as the image sets none itself', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'ilp-secret-'));
    const file = path.join(folder, 'database');
    writeFileSync(file, path.join(folder, 'other.sqlite'));
    const ended = await run(command('migrate', '--json'), { cwd: image.workdir, env: { ...image.env, ILP_DATABASE_FILE: file } });
    expect(ended).toMatchObject({ code: 0 });
    expect(existsSync(path.join(folder, 'other.sqlite'))).toBe(true);
    rmSync(folder, { recursive: true });
  });

  it('a stop that comes while it starts is obeyed after the start', async () => {
    const script = path.join(image.root, 'stop-at-start.mjs');
    writeFileSync(
      script,
      `import { composition } from './app/dist/main.js';
      import { run } from './app/dist/cli/index.js';
      process.exitCode = await run(['serve', '--json'], {
        ...composition,
        createService: (config) => { process.kill(process.pid, 'SIGTERM'); return composition.createService(config); },
      });`,
    );
    const ended = await run([process.execPath, script], { cwd: image.workdir, env: { ...image.env, ...local } });
    expect(ended).toMatchObject({ code: 0, signal: null, err: '' });
  });

  it('simulates the platform', async () => {
    const sandbox = start(command('sandbox', '--port', '0', '--open', '--json'), { cwd: image.workdir });
    expect((await fetch(`${await sandbox.url}/_sandbox/counts`)).status).toBe(200);
    sandbox.process.kill('SIGTERM');
    expect(await sandbox.ended).toMatchObject({ code: 0, signal: null });
  });
});
