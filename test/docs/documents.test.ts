import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkedMapVersion, readAssets } from '../../src/config/index.ts';
import { dueDoc, parseDueTables } from '../../src/due/index.ts';
import { mapVersionOf } from '../../src/engines.ts';
import { capabilityStatement } from '../../src/fhir/capability-statement.ts';
import { conformanceDoc } from '../../src/fhir/describe.ts';
import { composition } from '../../src/main.ts';
import { parsePacks } from '../../src/mapping/packs.ts';
import { packDoc, packsDoc } from '../../src/mapping/tools/index.ts';
import { type PlatformRuleTable, preflightDoc } from '../../src/validation/index.ts';
import { root } from './blocks.ts';

const read = (file: string) => readFileSync(path.join(root, file), 'utf8');

/** Files that belong to the project: what git tracks; all but the usual folders where there is no git. */
function projectFiles(): string[] {
  try {
    const listed = execFileSync('git', ['ls-files'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return listed.split('\n').filter((file) => file !== '' && existsSync(path.join(root, file)));
  } catch {
    const skipped = new Set(['node_modules', 'dist', 'data', 'coverage', '.git']);
    const walk = (folder: string): string[] =>
      readdirSync(path.join(root, folder)).flatMap((name) => {
        const file = path.join(folder, name);
        if (skipped.has(name)) return [];
        return statSync(path.join(root, file)).isDirectory() ? walk(file) : [file];
      });
    return walk('');
  }
}

const files = projectFiles();
const documents = files.filter((file) => file.endsWith('.md'));

describe('documents', () => {
  it('docs/packs is current (npm run generate)', () => {
    const packs = parsePacks(readAssets().mappings);
    expect(read('docs/packs/README.md')).toBe(packsDoc(packs));
    for (const pack of packs) expect(read(`docs/packs/${pack.name}.md`), pack.name).toBe(packDoc(pack));
    expect(readdirSync(path.join(root, 'docs/packs')).length).toBe(packs.length + 1);
  });

  it('docs/due.md is current (npm run generate)', () => {
    expect(read('docs/due.md')).toBe(dueDoc(parseDueTables(readAssets().mappings)));
  });

  it('mappings/checked is the version of the maps (npm run generate)', () => {
    expect(checkedMapVersion()).toBe(mapVersionOf(readAssets().mappings));
  });

  it('every relative link leads somewhere', () => {
    const broken = documents.flatMap((file) =>
      [...read(file).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)/g)]
        .map((match) => match[1] as string)
        .filter((target) => !existsSync(path.resolve(root, path.dirname(file), target)))
        .map((target) => `${file}: ${target}`),
    );
    expect(documents.length).toBeGreaterThan(10);
    expect(broken).toEqual([]);
  });

  it('README and mapping guide stay short', () => {
    for (const file of ['README.md', 'docs/mapping-guide.md']) expect(read(file).split('\n').length).toBeLessThanOrEqual(151);
  });

  it('the changelog has a place for what comes', () => {
    expect(read('CHANGELOG.md')).toMatch(/^## Unreleased$/m);
  });

  it.each(documents.filter((file) => file.startsWith('docs/adr/')))('%s – context, decision, consequences, under 40 lines', (file) => {
    const text = read(file);
    expect(text.split('\n').length).toBeLessThan(40);
    for (const part of ['Context', 'Decision', 'Consequences']) expect(text).toContain(part);
  });

  it('docs/preflight.md is current (npm run generate)', () => {
    expect(read('docs/preflight.md')).toBe(preflightDoc(JSON.parse(read('profiles/platform-rules.json')) as PlatformRuleTable));
  });

  it('docs/conformance.md says what the tables say, and nothing that the CapabilityStatement does not', () => {
    const text = read('docs/conformance.md');
    expect(text).toBe(conformanceDoc(JSON.parse(read('profiles/platform-rules.json')) as PlatformRuleTable));
    for (const { type, searchParam = [] } of capabilityStatement({ version: '1', date: '', url: '' }).rest?.[0]?.resource ?? []) {
      const row = text.split('\n').find((line) => line.startsWith(`| ${type} |`)) ?? '';
      const named = [...row.matchAll(/`([^`]+)`/g)].map((match) => match[1]);
      const offered = searchParam.map(({ name }) => name).filter((name) => !name?.startsWith('_'));
      expect([type, named]).toEqual([type, offered]);
    }
  });

  it('variables that documents name exist', () => {
    const named = new Set(documents.flatMap((file) => read(file).match(/\bILP_[A-Z_]*[A-Z]\b/g) ?? []));
    for (const name of named) expect(() => composition.readConfig({ [name]: '' }), name).not.toThrow();
  });

  it('reasons, states and routes that documents name exist', () => {
    const sources = files
      .filter((file) => /^src\/.*\.ts$/.test(file))
      .map(read)
      .join('\n');
    const guide = read('docs/panduan.md');
    for (const [, code = ''] of guide.matchAll(/\|\s`([a-z-]+)`/g)) expect(sources, code).toContain(code);
    const routes = documents.flatMap((file) => [...read(file).matchAll(/\/api\/v1\/([a-z-]+)/g)].map((match) => match[1] as string));
    const known = [
      'facilities',
      'persons',
      'practitioners',
      'encounters',
      'village-observations',
      'submissions',
      'deliveries',
      'differences',
      'due',
      'maps',
    ];
    expect(routes.filter((route) => !known.includes(route))).toEqual([]);
  });
});

describe('tracked files', () => {
  const texts = files.filter((file) => !/\.(png|ico|gz)$/.test(file) && file !== 'package-lock.json');

  it('name no place of a single machine', () => {
    // In parts, so that this file does not name them itself.
    const machine = new RegExp(['home/[a-z]+', 'Users/[A-Za-z]+', 'root', 'work'].map((folder) => `/${folder}/`).join('|'));
    expect(texts.filter((file) => machine.test(read(file)))).toEqual([]);
  });

  it('fetch packages from the public registry only', () => {
    const hosts = new Set([...read('package-lock.json').matchAll(/"resolved": "https?:\/\/([^/]+)\//g)].map((match) => match[1]));
    for (const host of hosts) expect(host).toBe('registry.npmjs.org');
    expect(read('.npmrc')).not.toMatch(/registry=|_auth|token/i);
  });

  it('hold no token and no private key', () => {
    const secret =
      /\bilp_[A-Za-z0-9_-]{40,}|\bgh[pousr]_[A-Za-z0-9]{30,}|\bnpm_[A-Za-z0-9]{30,}|\bAKIA[0-9A-Z]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/]{40}|\beyJ[A-Za-z0-9_-]{20,}\.eyJ/;
    expect(texts.filter((file) => secret.test(read(file)))).toEqual([]);
  });
});
