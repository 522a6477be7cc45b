import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { run } from '../../src/cli/index.ts';
import { terminologySource } from '../../src/config/index.ts';
import { composition } from '../../src/main.ts';
import { openStore } from '../../src/store/index.ts';
import { Terminology } from '../../src/terminology/index.ts';

/** backup, restore, adopt and the change of keys as they are typed. */

const folder = mkdtempSync(path.join(tmpdir(), 'ilp-keeping-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string) => path.join(folder, name);

let written: { out: string; err: string };
beforeEach(() => {
  written = { out: '', err: '' };
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    written.out += String(text);
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    written.err += String(text);
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

async function typed(database: string, ...words: string[]): Promise<{ code: number; result: Record<string, unknown> }> {
  vi.stubEnv('ILP_DATABASE', at(database));
  written.out = '';
  const code = await run([...words, '--json'], composition);
  return { code, result: JSON.parse(written.out.trimEnd().split('\n').at(-1) ?? '{}') as Record<string, unknown> };
}
const codeOf = ({ result }: { result: Record<string, unknown> }) => (result.error as { code?: string } | undefined)?.code;

describe('what an administrator types', () => {
  it('backup and restore, the mark and its end', async () => {
    await typed('a.sqlite', 'migrate');
    expect((await typed('a.sqlite', 'client', 'add', 'simpus')).code).toBe(0);
    expect(await typed('a.sqlite', 'backup', at('a.ilpa'), '--dry-run')).toMatchObject({ code: 0, result: { dryRun: true } });
    expect(existsSync(at('a.ilpa'))).toBe(false);
    expect(await typed('a.sqlite', 'backup', at('a.ilpa'))).toMatchObject({ code: 0, result: { tables: { client: 1 } } });
    expect(written.err, 'what is not in it').toMatch(/ILP_SECRET_KEY[\s\S]*NOT in the archive/);
    expect(statSync(at('a.ilpa')).mode & 0o777).toBe(0o600);

    expect(await typed('b.sqlite', 'restore', at('a.ilpa'), '--dry-run')).toMatchObject({ code: 0 });
    expect(existsSync(at('b.sqlite'))).toBe(false);
    expect(await typed('b.sqlite', 'restore', at('a.ilpa'))).toMatchObject({ code: 0, result: { tables: { client: 1 } } });
    expect(await typed('b.sqlite', 'restore', at('a.ilpa'))).toMatchObject({ code: 1 });
    expect(codeOf(await typed('b.sqlite', 'restore', at('a.ilpa')))).toBe('database-not-empty');
    expect(codeOf(await typed('b.sqlite', 'restore', at('a.ilpa'), '--replace')), 'without --yes').toBe('usage');
    expect(await typed('b.sqlite', 'restore', at('a.ilpa'), '--replace', '--yes')).toMatchObject({ code: 0 });
    const store = await openStore(at('b.sqlite'));
    expect((await store.shared('sandbox', ['restored'])).entries).toHaveLength(1);
    expect(await typed('b.sqlite', 'restore', '--done')).toMatchObject({ code: 0, result: { cleared: true } });
    expect(await typed('b.sqlite', 'restore', '--done')).toMatchObject({ code: 0, result: { cleared: false } });
    expect((await store.shared('sandbox', ['restored'])).entries).toEqual([]);
    await store.close();
  });

  it('the code tables of the district go along: imported, backed up, restored in an empty folder, and answering', async () => {
    const [kept, empty] = [at('tables'), at('tables-new')];
    const table = at('poli.csv');
    writeFileSync(table, 'map,source,target\npoli-klaster,Poli Ibu Sehat,K2\nobat-kfa,Vaksin BCG 20 dosis,VG19\n');
    const codes = at('own.csv');
    writeFileSync(codes, 'system,code,display\nhttps://dinkes.example/obat,P1,Parasetamol sirup\n');
    vi.stubEnv('ILP_TERMINOLOGY', kept);
    expect((await typed('t.sqlite', 'migrate')).code).toBe(0);
    for (const file of [table, codes]) expect((await typed('t.sqlite', 'terminology', 'import', file)).code).toBe(0);
    const districtFiles = ['codes-dinkes-example-obat.csv', 'map-obat-kfa.csv', 'map-poli-klaster.csv'];
    const taken = await typed('t.sqlite', 'backup', at('t.ilpa'));
    expect(taken).toMatchObject({ code: 0 });
    expect((taken.result.districtFiles as string[]).toSorted()).toEqual(districtFiles);

    vi.stubEnv('ILP_TERMINOLOGY', empty);
    expect((await typed('u.sqlite', 'restore', at('t.ilpa'), '--dry-run')).code).toBe(0);
    expect(existsSync(empty), 'a dry run writes nothing').toBe(false);
    expect((await typed('u.sqlite', 'restore', at('t.ilpa'))).code).toBe(0);
    for (const name of districtFiles) expect(readFileSync(path.join(empty, name))).toEqual(readFileSync(path.join(kept, name)));
    const answering = new Terminology(terminologySource(empty));
    expect(
      answering.translate({ map: 'https://fhir.ilp.example/ConceptMap/poli-klaster', coding: { code: 'poli ibu sehat' } }),
    ).toMatchObject([{ code: 'K2', origin: 'district' }]);
    expect(answering.lookup('https://dinkes.example/obat', 'P1').display).toBe('Parasetamol sirup');

    // Another district's tables are not mixed with these.
    writeFileSync(path.join(empty, 'map-poli-klaster.csv'), 'map,source,target\npoli-klaster,Poli Ibu Sehat,K3\n');
    writeFileSync(path.join(empty, 'map-vaksin-cvx.csv'), 'map,source,target\nvaksin-cvx,VG19,19\n');
    expect(codeOf(await typed('v.sqlite', 'restore', at('t.ilpa')))).toBe('archive');
    expect(statSync(at('v.sqlite')).size, 'and nothing is restored').toBe(0);
    expect((await typed('v.sqlite', 'restore', at('t.ilpa'), '--replace', '--yes')).code).toBe(0);
    expect(readdirSync(empty).toSorted()).toEqual(districtFiles);
  });

  it('wrong usage is named, and changes nothing', async () => {
    await typed('c.sqlite', 'migrate');
    const before = readFileSync(at('c.sqlite'));
    for (const words of [
      ['restore'],
      ['restore', at('a.ilpa'), '--done'],
      ['adopt'],
      ['adopt', at('absent.csv')],
      ['adopt', '--from-platform'],
      ['adopt', at('a.csv'), '--from-platform', '--owner', 'P1'],
      ['adopt', '--from-platform', '--owner', 'P1', '--from', '2026-13-01'],
      ['adopt', '--from-platform', '--owner', 'P1', '--to', '2026-01-01'],
      ['adopt', '--from-platform', '--owner', 'P1', '--from', '2026-02-01', '--to', '2026-01-01'],
      ['reconcile', '--sample', '5', '--all'],
      ['reconcile', '--sample', '0'],
    ]) {
      const ended = await typed('c.sqlite', ...words);
      expect([words.join(' '), ended.code, codeOf(ended)]).toEqual([words.join(' '), 2, 'usage']);
    }
    expect(codeOf(await typed('c.sqlite', 'backup', at('c.sqlite'))), 'over the database itself').toBe('archive');
    expect(codeOf(await typed('c.sqlite', 'restore', at('c.sqlite')))).toBe('archive');
    expect(codeOf(await typed('absent.sqlite', 'backup', at('x.ilpa')))).toBe('store-unavailable');
    expect(existsSync(at('absent.sqlite'))).toBe(false);
    expect(readFileSync(at('c.sqlite')).equals(before)).toBe(true);
  });

  it('adopt – CSV and NDJSON, each bad row by its line', async () => {
    await typed('d.sqlite', 'migrate');
    const id = '0b6a4f6e-1c1d-4a6e-9a53-0c1d2e3f4a5b';
    writeFileSync(
      at('v.csv'),
      `type,sourceSystem,feed,sourceId,platformId\nEncounter,simpus,encounters,K-1,${id}\nEncounter,simpus,,K-2,\n`,
    );
    const csv = await typed('d.sqlite', 'adopt', at('v.csv'));
    expect(csv).toMatchObject({
      code: 1,
      result: { rows: 2, adopted: 1, ahead: 1, problems: [{ line: 3, field: 'platformId', why: 'required' }] },
    });
    writeFileSync(
      at('v.ndjson'),
      `{"type":"Encounter","sourceSystem":"simpus","sourceId":"K-1","platformId":"${id}"}\nrubbish\n{"type":"Organization","facility":"P1","platformId":"1"}\n`,
    );
    expect(await typed('d.sqlite', 'adopt', at('v.ndjson'))).toMatchObject({
      code: 1,
      result: { rows: 3, adopted: 0, already: 1, unknown: 1, refused: 1 },
    });
    expect(codeOf(await typed('d.sqlite', 'adopt', '--from-platform', '--owner', 'P1'))).toBe('credential-missing');
  });

  it('client rotate – beside SQLite', async () => {
    await typed('e.sqlite', 'migrate');
    vi.stubEnv('ILP_CLIENT_SECRET', 'rahasia-123');
    const add = ['client', 'add', 'P1', '--satusehat', '--organization-id', '1', '--client-id', 'c'];
    expect((await typed('e.sqlite', ...add)).code).toBe(0);
    const key = readFileSync(at('e.sqlite.key'), 'utf8');
    expect(await typed('e.sqlite', 'client', 'rotate')).toMatchObject({ code: 0, result: { credentials: 1 } });
    expect(readFileSync(at('e.sqlite.key'), 'utf8')).not.toBe(key);
    expect(existsSync(at('e.sqlite.key.previous'))).toBe(false);
    vi.stubEnv('ILP_SECRET_KEY', 'ab'.repeat(32));
    expect(codeOf(await typed('e.sqlite', 'client', 'rotate')), 'without the key before').toBe('config');
  });
});
