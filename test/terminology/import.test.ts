import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/index.ts';
import { terminologySource } from '../../src/config/index.ts';
import { AppError } from '../../src/errors/index.ts';
import { composition } from '../../src/main.ts';
import { MAX_TABLE_BYTES, planImport, Terminology } from '../../src/terminology/index.ts';

const base = mkdtempSync(path.join(tmpdir(), 'ilp-import-'));
let folder = '';
let count = 0;
beforeEach(() => {
  folder = path.join(base, String(count++), 'terminology');
  process.env.ILP_TERMINOLOGY = folder;
});
afterAll(() => {
  delete process.env.ILP_TERMINOLOGY;
  rmSync(base, { recursive: true, force: true });
});

const plan = (text: string | Uint8Array) => {
  const source = terminologySource(folder);
  return planImport(new Terminology(source), source, typeof text === 'string' ? new TextEncoder().encode(text) : text);
};
const faultOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof AppError) return `${error.code}: ${error.params.detail}`;
    throw error;
  }
  return '';
};
/** Runs the command in this process; its result and how it ended. */
const command = async (...args: string[]) => {
  const lines: string[] = [];
  const write = process.stdout.write;
  process.stdout.write = ((text: string) => lines.push(text) > 0) as typeof write;
  try {
    const code = await run(['terminology', ...args, '--json'], composition);
    return { code, result: JSON.parse(lines.at(-1) ?? '{}') };
  } finally {
    process.stdout.write = write;
  }
};
const file = (text: string): string => {
  const place = path.join(base, `table-${count}.csv`);
  writeFileSync(place, text);
  return place;
};

const POLI = 'map,source,target,equivalence\npoli-klaster,Poli Lansia Sehat,K3,equivalent\npoli-klaster,Poli Umum,K3,relatedto\n';

describe('what a table would change', () => {
  it('a map – rows, and those that speak against what is shipped', () => {
    const [change] = plan(`${POLI}poli-klaster,Poli KIA,K3,equivalent\n`);
    expect(change).toMatchObject({ file: 'map-poli-klaster.csv', rows: 3, changed: [], removed: [], unchecked: [] });
    expect(change?.added).toHaveLength(3);
    expect(change?.conflicts).toEqual([{ line: 4, key: 'Poli KIA', shipped: 'K2', own: 'K3' }]);
  });

  it('codes – of a system that is known, and of the district’s own', () => {
    const [icd10, own] = plan(
      'system,code,display,parent\nicd10,I10,Darah tinggi,\nicd10,Z99.99,Contoh,\nhttps://dinkes.example/cs/Obat,A,Obat A,\nhttps://dinkes.example/cs/Obat,A1,Obat A1,A\n',
    );
    expect(icd10).toMatchObject({ file: 'codes-icd10.csv', conflicts: [{ line: 2, key: 'I10', own: 'Darah tinggi' }] });
    expect(own).toMatchObject({ file: 'codes-dinkes-example-cs-obat.csv', url: 'https://dinkes.example/cs/Obat', rows: 2 });
  });

  it('a target of a system that is held in part is named, not refused', () => {
    expect(plan('map,source,target\nobat-kfa,Paracetamol tab,99999999\nobat-kfa,BCG,VG19\n')[0]?.unchecked).toEqual([2]);
  });

  it.each<[string, string | Uint8Array, RegExp]>([
    ['nothing', '', /^code-table/],
    ['no row', 'map,source,target\n', /no row/],
    ['a picture', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0xff]), /not UTF-8/],
    ['UTF-16', Buffer.from(`\ufeff${POLI}`, 'utf16le'), /not UTF-8/],
    ['too large', new Uint8Array(MAX_TABLE_BYTES + 1), /> 48 MB/],
    ['another table', 'name,value\na,1\n', /column system: is missing/],
    ['an unknown map', 'map,source,target\nrahasia,a,b\n', /line 2, column map: must be one of poli-klaster/],
    ['an unknown system', 'system,code,display\nrahasia,a,b\n', /line 2, column system: is no known system and no URL/],
    ['a target that is none', 'map,source,target\npoli-klaster,Gigi,K9\n', /line 2, column target: is no code/],
    ['a source twice, but for case', 'map,source,target\npoli-klaster,Gigi,K3\npoli-klaster,GIGI ,K3\n', /line 3, column source/],
    ['an unknown equivalence', 'map,source,target,equivalence\npoli-klaster,Gigi,K3,sama\n', /line 2, column equivalence/],
    ['no target', 'map,source,target\npoli-klaster,Gigi,\n', /line 2, column target: is needed/],
    ['no display', 'system,code,display\nkfa,1,\n', /line 2, column display: is empty/],
    ['a circle of parents', 'system,code,display,parent\nhttps://a.example/x,A,a,B\nhttps://a.example/x,B,b,A\n', /circle/],
    ['a parent that is none', 'system,code,display,parent\nhttps://a.example/x,A,a,Z\n', /line 2, column parent: is no code/],
    ['a chain of parents without end', deep(60), /deeper than 50/],
    ['a formula', 'map,source,target\nobat-kfa,"=HYPERLINK(""http://x"")",VG19\n', /line 2, column source: begins like a formula/],
    ['a formula in a comment', 'map,source,target,comment\nobat-kfa,a,VG19,@SUM(A1)\n', /column comment: begins like a formula/],
    ['a mark of direction', 'system,code,display\nkfa,1,Obat \u202etab\n', /line 2, column display: holds a character/],
    ['a blank without width', 'map,source,target\npoli-klaster,Gi\u200bgi,K3\n', /line 2, column source: holds a character/],
  ])('%s – refused whole, by line and column', (_name, text, wanted) => {
    expect(faultOf(() => plan(text))).toMatch(wanted);
    expect(faultOf(() => plan(text))).not.toMatch(/rahasia|HYPERLINK|SUM/);
  });

  it('at most twenty faults are told', () => {
    const rows = Array.from({ length: 100 }, (_, index) => `poli-klaster,Poli ${index},K9\n`).join('');
    expect(faultOf(() => plan(`map,source,target\n${rows}`)).match(/is no code/g)).toHaveLength(20);
  });
});

function deep(levels: number): string {
  const rows = Array.from({ length: levels }, (_, index) => `https://a.example/x,C${index},c,${index === 0 ? '' : `C${index - 1}`}\n`);
  return `system,code,display,parent\n${rows.join('')}`;
}

describe('ilp-fhir terminology', () => {
  it('a dry run changes nothing; the import counts, and is the same the second time', async () => {
    const table = file(POLI);
    expect(await command('import', table, '--dry-run')).toMatchObject({ code: 0, result: { taken: false, tables: [{ added: 2 }] } });
    expect(() => readdirSync(folder)).toThrow();
    expect(await command('import', table)).toMatchObject({ code: 0, result: { taken: true } });
    expect(readdirSync(folder)).toEqual(['map-poli-klaster.csv']);
    expect(await command('import', table)).toMatchObject({ result: { taken: true, tables: [{ added: 0, changed: 0, removed: 0 }] } });
    const found = new Terminology(terminologySource(folder)).translate({
      map: 'https://fhir.ilp.example/ConceptMap/poli-klaster',
      coding: { code: 'poli umum' },
    });
    expect(found).toMatchObject([{ code: 'K3', equivalence: 'relatedto', origin: 'district' }]);
  });

  it('what is removed, changed or in conflict is taken with --yes only', async () => {
    await command('import', file(POLI));
    const before = readFileSync(path.join(folder, 'map-poli-klaster.csv'), 'utf8');
    const table = file('map,source,target,equivalence\npoli-klaster,Poli Umum,K3,equivalent\npoli-klaster,KIA,K3,equivalent\n');
    const refused = await command('import', table);
    expect(refused).toMatchObject({ code: 1, result: { taken: false, tables: [{ added: 1, changed: 1, removed: 1, conflicts: 1 }] } });
    expect(readFileSync(path.join(folder, 'map-poli-klaster.csv'), 'utf8')).toBe(before);
    expect(await command('import', table, '--yes')).toMatchObject({ code: 0, result: { taken: true } });
    expect(readFileSync(path.join(folder, 'map-poli-klaster.csv'), 'utf8')).toContain('KIA');
  });

  it('a faulty table leaves the one before in force', async () => {
    await command('import', file(POLI));
    expect(await command('import', file('map,source,target\npoli-klaster,Gigi,K9\n'), '--yes')).toMatchObject({
      code: 1,
      result: { error: { code: 'code-table' } },
    });
    expect(readdirSync(folder)).toEqual(['map-poli-klaster.csv']);
    expect(readFileSync(path.join(folder, 'map-poli-klaster.csv'), 'utf8')).toBe(POLI);
  });

  it('list tells what the district has; remove gives back what is shipped', async () => {
    await command('import', file(POLI));
    const { result } = await command('list');
    expect(result.maps.find(({ key }: { key: string }) => key === 'poli-klaster')).toMatchObject({ district: true });
    expect(result.systems.find(({ key }: { key: string }) => key === 'icd10')).toMatchObject({ district: false, codes: 497 });
    expect(await command('remove', 'poli-klaster', '--dry-run')).toMatchObject({ code: 0, result: { removed: false } });
    expect(await command('remove', 'poli-klaster')).toMatchObject({ code: 0, result: { removed: true } });
    expect(readdirSync(folder)).toEqual([]);
    expect((await command('remove', 'poli-klaster')).code).toBe(2);
    expect((await command('remove', '../../etc')).code).toBe(2);
  });

  it('a file that is not there, and a folder that cannot be written', async () => {
    expect((await command('import', path.join(base, 'none.csv'))).code).toBe(2);
    process.env.ILP_TERMINOLOGY = '/proc/terminology';
    expect((await command('import', file(POLI))).code).toBe(2);
  });
});
