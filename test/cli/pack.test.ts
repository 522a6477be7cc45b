import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(path.join(tmpdir(), 'ilp-pack-'));
const checkout = path.join(folder, 'checkout');
/** Where `npm install` would put it; below node_modules Node runs no TypeScript. */
const installed = path.join(folder, 'app/node_modules/ilp-fhir-adapter');
const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
let packed: string[] = [];

const start = (...args: string[]) =>
  spawnSync(process.execPath, [path.join(installed, manifest.bin['ilp-fhir']), ...args], {
    cwd: path.join(folder, 'app'),
    encoding: 'utf8',
  }).stdout;

beforeAll(() => {
  // A copy: packing builds anew, and others may be using what is built here.
  mkdirSync(checkout);
  for (const name of [...manifest.files, 'package.json', 'README.md', 'LICENSE', 'tsconfig.json', 'tsconfig.build.json'])
    if (name !== 'dist') cpSync(path.join(root, name), path.join(checkout, name), { recursive: true });
  symlinkSync(path.join(root, 'node_modules'), path.join(checkout, 'node_modules'));
  // What `prepack` does, without the types: `npm run check` builds with them, and that is most of the time.
  const tsc = path.join(root, 'node_modules/.bin/tsc');
  execFileSync(tsc, ['-p', 'tsconfig.build.json', '--noCheck'], { cwd: checkout });
  const answer = execFileSync('npm', ['pack', '--json', '--offline', '--silent', '--ignore-scripts', '--pack-destination', folder], {
    cwd: checkout,
    encoding: 'utf8',
  });
  const [tarball] = JSON.parse(answer.slice(answer.indexOf('['))) as [{ filename: string; files: { path: string }[] }];
  packed = tarball.files.map((file) => file.path);
  mkdirSync(installed, { recursive: true });
  execFileSync('tar', ['-xzf', path.join(folder, tarball.filename), '--strip-components=1', '-C', installed]);
  symlinkSync(path.join(root, 'node_modules'), path.join(installed, 'node_modules'));
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the packed tarball', () => {
  it('holds the program, built from nothing, and what it reads', () => {
    expect(manifest.scripts.prepack).toMatch(/rmSync\('dist'.* && npm run build$/);
    expect(packed).toEqual(
      expect.arrayContaining([
        'dist/main.js',
        'src/bin.mjs',
        'mappings/encounters.map',
        'profiles/platform-rules.json',
        'package.json',
        'CHANGELOG.md',
        'LICENSE',
      ]),
    );
    expect(packed.filter((file) => /^(test|bench|data|node_modules)\//.test(file))).toEqual([]);
  });

  it('runs where it is installed', () => {
    expect(start('version').trim()).toBe(manifest.version);
    // The maps, tables and profiles of the tarball are compiled for this.
    const resource = path.join(folder, 'location.json');
    writeFileSync(resource, JSON.stringify({ resourceType: 'Location', status: 'closed' }));
    expect(JSON.parse(start('validate', resource, '--json'))).toMatchObject({ checked: 1, wrong: 1 });
  }, 60_000);

  it('needs only packages that are installed with it', () => {
    const needed = new Set<string>();
    for (const name of readdirSync(path.join(installed, 'dist'), { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.js')) continue;
      const text = readFileSync(path.join(installed, 'dist', name), 'utf8');
      for (const match of text.matchAll(/^(?:import|export)\b[^;]*?\bfrom '([^']+)'|\bimport\('([^']+)'\)/gm)) {
        const from = match[1] ?? match[2] ?? '';
        if (!from.startsWith('.') && !isBuiltin(from))
          needed.add(
            from
              .split('/')
              .slice(0, from.startsWith('@') ? 2 : 1)
              .join('/'),
          );
      }
    }
    expect(needed.size).toBeGreaterThan(5);
    expect([...needed].filter((name) => manifest.dependencies[name] === undefined)).toEqual([]);
  });
});
