import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { run as runCommand } from '../../src/cli/index.ts';
import { composition } from '../../src/main.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'ilp-template-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(...args: string[]) {
  const written = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      written[name] += String(text);
      return true;
    }),
  );
  try {
    return { code: await runCommand(args, composition), ...written };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

const FILLED: Readonly<Record<string, string>> = {
  layout: 'contract-1',
  sourceSystem: 'uji',
  sourceId: 'A-1',
  facilityCode: 'P3329170201',
  person_nik: '9271060312000001',
  practitioner_nik: '7209061211900001',
  start: '19/08/2026 09:10',
  end: '19/08/2026 09:30',
  cluster: 'K2',
  icd10: 'Z34.8',
  'anc.lila': '"23,1"',
  'anc.kategoriLila': 'risiko KEK',
  'anc.usg': 'tidak',
};

describe('template', () => {
  it('names the packs', async () => {
    const { code, stdout } = await run('template');
    expect(code).toBe(0);
    expect(stdout).toMatch(/anc[ │]+anc[ │]+Pelayanan antenatal/);
  });

  it('gives a header whose filled row is read as it is meant: nothing unknown, empty cells no answers', async () => {
    const { code, stdout } = await run('template', 'anc', '--csv');
    expect(code).toBe(0);
    const columns = stdout.trim().split(',');
    expect(columns).toContain('anc.kelasIbuHamil');
    for (const name of Object.keys(FILLED)) expect(columns).toContain(name);
    const file = path.join(folder, 'visits.csv');
    writeFileSync(file, `${stdout}${columns.map((name) => FILLED[name] ?? '').join(',')}\n`);
    vi.stubEnv('ILP_DATABASE', path.join(folder, 'visits.sqlite'));
    const [answer] = JSON.parse((await run('map', file, '--feed', 'encounters', '--json')).stdout.trim().split('\n').at(-1) as string);
    const issues = answer.verdict.issues.map(({ code: found, field }: { code: string; field: string }) => `${found} ${field}`);
    // What is not right is only that the registers are empty here.
    expect(issues).toEqual(['facility-unknown facilityCode', 'person-unknown person.nik', 'practitioner-unknown practitioner.nik']);
  });

  it('gives a record with --json', async () => {
    const { stdout } = await run('template', 'anc', '--json');
    const record = JSON.parse(stdout);
    expect(record).toMatchObject({
      person: { nik: null },
      practitioner: { nik: null },
      services: [{ form: 'anc', answers: { lila: null } }],
    });
  });

  it.each([
    ['a pack that is none', ['template', 'ank'], /there is no pack ank; there are: anc/],
    ['a feed that it has not', ['template', 'anc', '--feed', 'village-observations'], /has no such form or feed/],
  ])('%s: 2', async (_title, args, message) => {
    expect(await run(...args)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(message) });
  });
});
