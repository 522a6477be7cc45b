import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { describe, expect, it } from 'vitest';

/**
 * The arrows between rooms: data flows from left to right and never back. What must flow back is written to the store.
 * A room that is not listed may not exist.
 */
const MAY_IMPORT: Record<string, readonly string[]> = {
  errors: [],
  config: ['errors'],
  terminology: ['errors'],
  mapping: ['terminology', 'errors'],
  validation: ['terminology', 'errors'],
  store: ['errors'],
  intake: ['mapping', 'validation', 'terminology', 'store', 'errors'],
  sync: ['store', 'terminology', 'errors'],
  satusehat: ['sync', 'terminology', 'errors'],
  desk: ['intake', 'store', 'errors'],
  fhir: ['store', 'validation', 'terminology', 'errors'],
  due: ['mapping', 'store', 'terminology', 'errors'],
  jobs: ['store', 'errors'],
  http: ['config', 'intake', 'desk', 'fhir', 'due', 'store', 'errors'],
  cli: ['config', 'intake', 'desk', 'sync', 'satusehat', 'jobs', 'store', 'sandbox', 'mapping', 'validation', 'terminology', 'errors'],
  sandbox: ['terminology', 'errors'],
};

/** Types may cross further than code: a port's shape is not a dependency on its implementation. */
const MAY_IMPORT_TYPES: Record<string, readonly string[]> = {
  mapping: ['store'],
  satusehat: ['store'],
};

/** Rooms without clock, random, environment, files or network: all of these are passed in. */
const PURE = ['terminology', 'mapping', 'validation', 'errors'];
const IMPURE = /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bprocess\.|from 'node:(?!buffer)|\bfetch\(|from 'axios'/;

const root = resolve(import.meta.dirname, '..');
const source = join(root, 'src');

interface Import {
  readonly file: string;
  readonly line: number;
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

function* files(directory: string): Generator<string> {
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    if (statSync(path).isDirectory()) yield* files(path);
    else if (path.endsWith('.ts')) yield path;
  }
}

const roomOf = (path: string): string => {
  const [first = '', ...rest] = relative(source, path).split(sep);
  return rest.length === 0 ? '' : first;
};

function importsOf(file: string): Import[] {
  const text = readFileSync(file, 'utf8');
  const found: Import[] = [];
  for (const match of text.matchAll(/^(import|export)\s+(type\s)?[^;]*?from\s+'(\.[^']+)'|\bimport\('(\.[^']+)'\)/gm)) {
    const target = match[3] ?? match[4];
    if (target === undefined) continue;
    const path = resolve(dirname(file), target);
    if (!path.startsWith(source + sep)) continue;
    found.push({
      file: relative(root, file),
      line: text.slice(0, match.index).split('\n').length,
      from: roomOf(file),
      to: roomOf(path),
      typeOnly: match[2] !== undefined,
    });
  }
  return found;
}

const all = [...files(source)];
const imports = all.flatMap(importsOf);

describe('architecture', () => {
  it('every room is listed', () => {
    expect([...new Set(all.map(roomOf))].filter((room) => room !== '' && !(room in MAY_IMPORT))).toEqual([]);
  });

  it('imports follow the arrows', () => {
    const broken = imports
      .filter(({ from, to }) => from !== '' && from !== to)
      .filter(({ from, to, typeOnly }) => !MAY_IMPORT[from]?.includes(to) && !(typeOnly && MAY_IMPORT_TYPES[from]?.includes(to)))
      .map(({ file, line, from, to }) => `${file}:${line} ${from} must not import ${to === '' ? 'the composition root' : to}`);
    expect(broken).toEqual([]);
  });

  it('pure rooms touch no clock, random, environment, file or network', () => {
    const broken = all
      .filter((file) => PURE.includes(roomOf(file)))
      .flatMap((file) =>
        readFileSync(file, 'utf8')
          .split('\n')
          .map((text, index) => ({ file: relative(root, file), line: index + 1, text }))
          .filter(({ text }) => IMPURE.test(text) && !/^\s*(\*|\/\/)/.test(text)),
      )
      .map(({ file, line, text }) => `${file}:${line} ${text.trim()}`);
    expect(broken).toEqual([]);
  });

  it('the scanner sees imports at all', () => {
    expect(imports.length).toBeGreaterThan(10);
  });
});
