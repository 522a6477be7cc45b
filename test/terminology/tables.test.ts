import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot, readAssets, terminologySource } from '../../src/config/index.ts';
import { readCodeTable, Terminology } from '../../src/terminology/index.ts';
import { SYSTEMS } from '../../src/terminology/systems.ts';

const folder = path.join(packageRoot, 'mappings/codes');
const terminology = new Terminology(terminologySource('/nonexistent'));
/** Cells of each row, in the order of the columns. */
const rows = (name: string) => {
  const table = readCodeTable(name, readFileSync(path.join(folder, name)), {
    columns: name === 'translations.csv' ? ['map', 'source', 'target'] : ['code', 'display'],
    apart: 'target',
  });
  return Array.from({ length: table.size }, (_, row) => table.columns.map((column) => table.row(row)[column]));
};

describe('the tables that are shipped', () => {
  it('each system has codes, and none stands twice', () => {
    for (const { url } of terminology.systems()) expect(terminology.count(url), url).toBeGreaterThan(0);
  });

  it('each translation leads to a code that is there', () => {
    const targets = new Map(terminology.maps().map(({ key, target }) => [key, target]));
    const lost = rows('translations.csv').filter(
      ([map = '', , target = '']) => terminology.meanings(targets.get(map) ?? '', target).length === 0,
    );
    expect(lost).toEqual([]);
  });

  it('each region that was replaced has one that is in force, and is none itself', () => {
    for (const [code = '', , replacedBy = ''] of rows('region-history.csv')) {
      expect(terminology.meanings(SYSTEMS.administrativeArea, replacedBy)).toMatchObject([{ inactive: false }]);
      expect(terminology.meanings(SYSTEMS.administrativeArea, code)).toMatchObject([{ inactive: true }]);
    }
  });

  it('the intake’s list of ICD-10 is part of the table', () => {
    const listed = (readAssets().mappings['terminology/icd10-primary-care.csv'] ?? '').trim().split('\n').slice(1);
    expect(listed.length).toBe(469);
    for (const line of listed) expect(terminology.meanings(SYSTEMS.icd10, line.split(',')[0] ?? '')).toHaveLength(1);
  });

  it('what the mapping sends is known here', () => {
    const { mappings } = readAssets();
    const unknown = ['observations.csv', 'procedures.csv', 'lab-requests.csv'].flatMap((name) => {
      const [header = '', ...lines] = (mappings[name] ?? '').trim().split('\n');
      const columns = header.split(',');
      return lines
        .map((line) => line.split(','))
        .filter((cells) => {
          const system = SYSTEMS[cells[columns.indexOf('system')] as keyof typeof SYSTEMS];
          const code = cells[columns.indexOf('code')] ?? '';
          return system !== undefined && system !== SYSTEMS.local && terminology.meanings(system, code).length === 0;
        })
        .map((cells) => `${name}: ${cells[columns.indexOf('code')]}`);
    });
    expect(unknown).toEqual([]);
  });

  it('every file says in the README where it is from', () => {
    const readme = readFileSync(path.join(folder, 'README.md'), 'utf8');
    for (const name of readdirSync(folder)) if (name.endsWith('.csv')) expect(readme).toContain(`| \`${name}\` |`);
  });

  it('are not read when the service starts', () => {
    expect(Object.keys(readAssets().mappings).filter((name) => name.startsWith('codes/'))).toEqual([]);
  });

  it('each pair of a dagger code is an asterisk code that leads back to it, and no code is both', () => {
    const name = 'icd10-rules.csv';
    const table = readCodeTable(name, readFileSync(path.join(folder, name)), { columns: ['kind', 'codes', 'pair'] });
    const rules = Array.from({ length: table.size }, (_, row) => table.row(row));
    const daggers = rules.filter(({ kind }) => kind === 'dagger');
    // WHO's volume 2 counts 83 asterisk categories.
    expect([rules.filter(({ kind }) => kind === 'asterisk').length, daggers.length]).toEqual([83, 69]);
    for (const { codes = '', pair = '' } of daggers) {
      expect(terminology.mark(SYSTEMS.icd10, codes)).toEqual({ kind: 'dagger', pairs: pair.split(' ') });
      for (const other of pair.split(' ')) {
        const mark = terminology.mark(SYSTEMS.icd10, other);
        expect([other, mark?.kind, mark?.pairs.includes(codes)]).toEqual([other, 'asterisk', true]);
      }
    }
  });

  it('asterisk, dagger and what belongs together', () => {
    expect(terminology.mark(SYSTEMS.icd10, 'E11.3')).toEqual({ kind: 'dagger', pairs: ['H28.0', 'H36.0'] });
    expect(terminology.mark(SYSTEMS.icd10, 'H36.0')).toMatchObject({ kind: 'asterisk', pairs: expect.arrayContaining(['E11.3']) });
    expect(terminology.mark(SYSTEMS.icd10, 'I10')).toBeUndefined();
    expect(terminology.mark(SYSTEMS.snomed, 'H36.0')).toBeUndefined();
  });
});
