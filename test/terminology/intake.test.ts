import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/index.ts';
import { composition } from '../../src/main.ts';
import { type Answer, type Running, register, runService, visit } from '../http/running-service.ts';

/** The tables of a district at work in what is pushed, and what ICD-10 says of a diagnosis. */

const ALL = { client: 'test', facilities: 'all', purpose: 'intake' } as const;
const folder = mkdtempSync(path.join(tmpdir(), 'ilp-local-codes-'));
const tables = path.join(folder, 'tables');
let running: Running;
let key = '';

beforeAll(async () => {
  running = await runService({ ILP_TERMINOLOGY: tables });
  key = await running.client('dinas');
  await register(running, key);
});
afterAll(async () => {
  await running.stop();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  rmSync(tables, { recursive: true, force: true });
  // The folder is looked at a few times a second.
  await pause(250);
});

/** As an administrator does it, with the review. */
async function load(text: string): Promise<void> {
  const file = path.join(folder, 'table.csv');
  writeFileSync(file, text);
  process.env.ILP_TERMINOLOGY = tables;
  const write = process.stdout.write;
  process.stdout.write = (() => true) as typeof write;
  try {
    expect(await run(['terminology', 'import', file, '--yes', '--json'], composition)).toBe(0);
  } finally {
    process.stdout.write = write;
    delete process.env.ILP_TERMINOLOGY;
  }
  await pause(250);
}

const receipt = ({ body }: Answer) => body.receipts[0];
const push = async (id: string, change: Record<string, unknown>) => receipt(await running.post('encounters', visit(id, change), key));
const found = ({ issues }: { issues: { code: string; field?: string; severity: string }[] }) =>
  issues.map(({ code, field, severity }) => [code, field, severity]);
const resourcesOf = async (id: string, type: string) => {
  const [submission] = await running.service.store.submissionsById(ALL, [id]);
  const stored = await running.service.store.resources(ALL, submission?.resources ?? []);
  // biome-ignore lint/suspicious/noExplicitAny: read field by field
  return stored.map(({ resource }) => resource as any).filter(({ resourceType }) => resourceType === type);
};
const diagnosis = async (id: string) =>
  (await resourcesOf(id, 'Condition')).flatMap(({ code }) => code.coding ?? []).find(({ system }) => system?.endsWith('icd-10'));
const klaster = async (id: string): Promise<string | undefined> =>
  (await resourcesOf(id, 'Encounter'))[0]?.extension?.find(({ url }: { url: string }) => url.endsWith('/ilp-klaster'))?.valueCoding?.code;

describe('words of the district in new records', () => {
  it('free-text diagnosis – the district’s table maps it; unmapped it is refused by name, as before', async () => {
    const tipes = { diagnoses: [{ code: 'Tipes', rank: 1 }] };
    expect(found(await push('D-1', tipes))).toEqual([['field-format', 'diagnoses[0].code', 'error']]);
    await load('map,source,target\ndiagnosis-icd10,tipes,A01.0\ndiagnosis-icd10,dua arti,A01.0\ndiagnosis-icd10,dua arti,J06.9\n');
    const given = await push('D-1', tipes);
    expect([given.state, found(given)]).toEqual(['ready', []]);
    expect(await diagnosis(given.id)).toMatchObject({ code: 'A01.0', display: 'Typhoid fever' });
    expect(found(await push('D-2', { diagnoses: ['dua  ARTI'] })), 'two meanings are none').toEqual([
      ['field-format', 'diagnoses[0].code', 'error'],
    ]);
    expect((await push('D-3', { diagnoses: ['TIPES', 'I10'] })).state).toBe('ready');
    expect(found(await push('D-4', { diagnoses: ['mriyang'] }))).toEqual([['field-format', 'diagnoses[0].code', 'error']]);
  });

  it('poli → klaster – the district’s table counts before ours; what the record itself says counts before both', async () => {
    const poli = (name: string, cluster?: string) => ({ poli: name, ...(cluster ? { cluster } : { cluster: undefined }) });
    const required = [['field-required', 'cluster', 'error']];
    expect(found(await push('P-1', poli('Poli Sehat Bahagia')))).toEqual(required);
    await load('map,source,target\npoli-klaster,Poli Sehat Bahagia,K3\npoli-klaster,poli kia,K3\n');
    expect(await klaster((await push('P-2', poli('poli sehat BAHAGIA'))).id)).toBe('K3');
    expect(await klaster((await push('P-3', poli('KIA'))).id), 'another name of ours stands').toBe('K2');
    expect(await klaster((await push('P-4', poli('Poli KIA'))).id)).toBe('K3');
    expect(await klaster((await push('P-5', poli('Poli KIA', 'K2'))).id)).toBe('K2');
  });

  it('local drug → KFA – a vaccine by the name of the store room; a group of several vaccines says nothing', async () => {
    const given = (vaccine: string) => ({
      immunizations: [{ vaccine, lot: 'L1', expiry: '2027-01-01', route: 'P', dose: 1, reason: 'IM-Dasar' }],
    });
    expect(found(await push('V-1', given('Vaksin BCG 20 dosis')))).toContainEqual(['code-unknown', 'immunizations[0].vaccine', 'error']);
    await load('map,source,target,equivalence\nobat-kfa,Vaksin BCG 20 dosis,VG19,wider\nobat-kfa,Polio tetes,VG89,wider\n');
    const taken = await push('V-1', given('vaksin bcg 20 dosis'));
    expect(found(taken).filter(([code]) => code === 'code-unknown')).toEqual([]);
    const [immunization] = await resourcesOf(taken.id, 'Immunization');
    expect(immunization.vaccineCode.coding).toContainEqual(
      expect.objectContaining({ system: 'http://sys-ids.kemkes.go.id/kfa', code: 'VG19' }),
    );
    expect(found(await push('V-2', given('Polio tetes')))).toContainEqual(['code-unknown', 'immunizations[0].vaccine', 'error']);
  });

  it('an ICD-10 code that only the district has is known, and named by it', async () => {
    const rare = { diagnoses: [{ code: 'D86.9', rank: 1 }] };
    expect(found(await push('C-1', rare))).toContainEqual(['code-unknown', 'diagnoses[0].code', 'error']);
    await load('system,code,display\nicd10,D86.9,"Sarcoidosis, unspecified"\n');
    const given = await push('C-1', rare);
    expect([given.state, await diagnosis(given.id)]).toMatchObject(['ready', { code: 'D86.9', display: 'Sarcoidosis, unspecified' }]);
  });

  it('a table that was spoilt by hand stops no record', async () => {
    await load('map,source,target\ndiagnosis-icd10,tipes,A01.0\n');
    writeFileSync(path.join(tables, 'map-diagnosis-icd10.csv'), 'map;"\n');
    await pause(250);
    expect((await push('S-1', {})).state).toBe('ready');
    expect(found(await push('S-2', { diagnoses: ['tipes'] }))).toEqual([['field-format', 'diagnoses[0].code', 'error']]);
  });
});

describe('what is not usual of a diagnosis', () => {
  const person = (sourceId: string, sex: string, birthDate: string) => ({
    person: { sourceId, inline: { name: 'Contoh', sex, birthDate, motherName: 'Ibu' } },
  });
  const warned = async (id: string, who: ReturnType<typeof person>, ...codes: string[]) => {
    const given = await push(id, { ...who, cluster: undefined, diagnoses: codes });
    return found(given).filter(([code]) => String(code).startsWith('diagnosis-'));
  };

  it.each([
    ['a man with a code of pregnancy', 'male', '1990-05-01', ['O80.9'], [['diagnosis-sex', 0]]],
    ['a child with a code of the prostate', 'male', '2020-05-01', ['I10', 'N40'], [['diagnosis-age', 1]]],
    [
      'a girl with it',
      'female',
      '2020-05-01',
      ['N40'],
      [
        ['diagnosis-sex', 0],
        ['diagnosis-age', 0],
      ],
    ],
    ['an asterisk code first', 'male', '1960-05-01', ['G63.2'], [['diagnosis-asterisk', 0]]],
    ['an asterisk code after its cause', 'male', '1960-05-01', ['E11.4', 'G63.2'], []],
    ['sex unknown', 'unknown', '1990-05-01', ['O80.9'], []],
    ['all as usual', 'female', '1996-05-01', ['O80.9'], []],
  ] as const)('%s', async (name, sex, birthDate, codes, expected) => {
    const warnings = await warned(`W-${name}`, person(`R-${name}`, sex, birthDate), ...codes);
    expect(warnings).toEqual(expected.map(([code, index]) => [code, `diagnoses[${index}].code`, 'warning']));
  });
});
