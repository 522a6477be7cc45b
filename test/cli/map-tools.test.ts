import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { run as runCommand } from '../../src/cli/index.ts';
import { composition } from '../../src/main.ts';

const root = path.resolve(import.meta.dirname, '../..');
const sample = (name: string) => path.join(root, 'samples', name);
const folder = mkdtempSync(path.join(tmpdir(), 'ilp-maps-'));
const changed = path.join(folder, 'changed');
const broken = path.join(folder, 'broken');
const packs = readdirSync(path.join(root, 'mappings/packs')).sort();
const file = (name: string, content: string) => {
  writeFileSync(path.join(folder, name), content);
  return path.join(folder, name);
};
const edit = (where: string, from: string, to: string) => {
  const map = path.join(where, 'encounters.map');
  const text = readFileSync(map, 'utf8');
  expect(text).toContain(from);
  writeFileSync(map, text.replace(from, to));
};

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

beforeAll(() => {
  for (const copy of [changed, broken]) cpSync(path.join(root, 'mappings'), copy, { recursive: true });
  // The kernel's maps alone are changed here.
  for (const pack of packs) rmSync(path.join(changed, 'packs', pack, 'tests'), { recursive: true, force: true });
  edit(changed, "'AMB', 'ambulatory'", "'IMP', 'inpatient encounter'");
  edit(broken, 'encounter.class = c(', 'encounter.clas = c(');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => {
  // None of them asks a database.
  vi.stubEnv('ILP_DATABASE', path.join(folder, 'none', 'never-opened.sqlite'));
});

describe('map --explain', () => {
  it('names field, element and rule with its line, for people and as JSON', async () => {
    const { code, stdout } = await run('map', sample('first-encounter.json'), '--feed', 'encounters', '--explain');
    expect(code).toBe(0);
    expect(stdout).toMatch(/observation:8480-6\n[\s\S]*Observation\.valueQuantity[\s\S]*← vitals\.systolic/);
    expect(stdout).toMatch(/Encounter\.class +← – +encounters\.map:\d+ Visit\/class/);
    const json = await run('map', sample('first-encounter.json'), '--feed', 'encounters', '--explain', '--json');
    const [{ elements }] = JSON.parse(json.stdout);
    const line = readFileSync(path.join(root, 'mappings/encounters.map'), 'utf8')
      .split('\n')
      .findIndex((one) => one.includes('encounter.class'));
    expect(elements).toContainEqual({
      ...{
        role: 'encounter',
        expression: 'Encounter.class',
        field: '',
        map: 'encounters.map',
        line: line + 1,
        group: 'Visit',
        rule: 'class',
      },
    });
  });

  it('an empty file explains nothing; a line that is no JSON is told of and left out', async () => {
    expect(JSON.parse((await run('map', file('persons.ndjson', ''), '--explain', '--json')).stdout)).toEqual([]);
    const { code, stdout, stderr } = await run('map', file('persons-2.ndjson', '{"name":"A"}\n{"name\n'), '--explain', '--json');
    expect([code, JSON.parse(stdout).length]).toEqual([0, 1]);
    expect(stderr).toMatch(/persons-2\.ndjson:2: .*JSON/);
  });
});

describe('map diff', () => {
  it('equal folders: 0, and not one difference over the whole sample', async () => {
    const maps = path.join(root, 'mappings');
    const { code, stdout } = await run('map', 'diff', maps, maps, sample('persons.ndjson'), sample('encounters.ndjson'), '--json');
    expect([code, JSON.parse(stdout)]).toEqual([0, { records: 1275, different: 0, lost: 0, new: 0, changed: 0, fields: [] }]);
  });

  it('names the element with how often, in how many records, and one example; exit code 1', async () => {
    const args = ['map', 'diff', path.join(root, 'mappings'), changed, sample('first-encounter.json'), '--feed', 'encounters'];
    const { code, stdout } = await run(...args);
    expect(code).toBe(1);
    expect(stdout).toMatch(/"AMB".*"IMP".*\n.*Encounter\.class\.code[\s\S]*\n1 data \/ records, 1 berbeda/);
    const report = JSON.parse((await run(...args, '--json')).stdout);
    expect(report).toMatchObject({ records: 1, different: 1, lost: 0, new: 0, changed: 2 });
    expect(report.fields[0]).toMatchObject({
      feed: 'encounters',
      count: 1,
      example: { record: 'first-encounter.json:1', role: 'encounter' },
    });
  });

  it('a map that does not compile: 2, with its line, and nothing is compared', async () => {
    const { code, stdout, stderr } = await run('map', 'diff', path.join(root, 'mappings'), broken, sample('persons.ndjson'));
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/encounters\.map baris \d+[\s\S]*encounters\.map line \d+ column \d+: .*'clas'/);
  });
});

describe('map coverage', () => {
  it('over a sample: what never ran, by file and line', async () => {
    const { code, stdout } = await run('map', 'coverage', sample('persons.ndjson'));
    expect(code).toBe(0);
    expect(stdout).toMatch(/^persons: 981 data[\s\S]*persons\.map:\d+ Person\/phone → ContactPoint\.value/);
    expect(stdout).not.toMatch(/^encounters/m);
  });

  it('without a sample all feeds, or the one that is named', async () => {
    expect(JSON.parse((await run('map', 'coverage', '--json')).stdout)).toHaveLength(5);
    const [one, ...more] = JSON.parse((await run('map', 'coverage', '--feed', 'practitioners', '--mappings', changed, '--json')).stdout);
    expect([one.feed, one.records, more]).toEqual(['practitioners', 0, []]);
  });
});

describe('map test', () => {
  it('the shipped examples, one for each feed and those of the packs, give what is kept beside them', async () => {
    const { code, stdout } = await run('map', 'test', '--json');
    const report = JSON.parse(stdout);
    expect(report.results.filter(({ passed }: { passed: boolean }) => !passed)).toEqual([]);
    expect([code, report.failed]).toEqual([0, 0]);
    expect(report.results.map(({ name }: { name: string }) => name)).toEqual([
      ...['encounters', 'facilities', 'persons', 'practitioners', 'village-observations'],
      ...packs.flatMap((pack) => {
        const tests = path.join(root, 'mappings/packs', pack, 'tests');
        return existsSync(tests)
          ? readdirSync(tests)
              .sort()
              .map((name) => `${pack}/${name}`)
          : [];
      }),
    ]);
  });

  it('a map that was changed fails with the element, until the new output is taken as expected', async () => {
    const { code, stdout } = await run('map', 'test', changed);
    expect(code).toBe(1);
    expect(stdout).toMatch(/✗ encounters\n.*resource\.class\.code berubah \/ changed: "AMB" → "IMP"/);
    expect(stdout).toMatch(/5 contoh \/ examples, 1 tidak sesuai/);
    expect((await run('map', 'test', changed, '--update')).code).toBe(0);
    expect((await run('map', 'test', changed)).code).toBe(0);
  });

  it('an example that lost its expected file, or its JSON, is not passed over', async () => {
    rmSync(path.join(changed, 'tests/persons/expected.json'));
    expect(JSON.parse((await run('map', 'test', changed, '--json')).stdout)).toMatchObject({ failed: 1 });
    writeFileSync(path.join(changed, 'tests/persons/input.json'), '{');
    expect(await run('map', 'test', changed)).toMatchObject({ code: 2, stderr: expect.stringMatching(/input\.json is not JSON/) });
  });
});

describe('wrong usage – 2', () => {
  it.each<[string, string[], RegExp]>([
    ['a feed that nobody says', ['map', sample('first-encounter.json'), '--explain'], /feed of first-encounter\.json is not said/],
    ['the same without --explain', ['map', sample('first-encounter.json')], /isian data first-encounter\.json belum disebut/],
    ['an unknown feed', ['map', 'coverage', '--feed', 'visits', sample('first-encounter.json')], /--feed must be one of/],
    ['a folder that is none', ['map', 'diff', folder, folder, sample('persons.ndjson')], /is not a folder of mappings/],
    ['no file', ['map', 'diff', changed, changed], /ada yang belum diisi: 'files'/],
    ['a missing file', ['map', 'coverage', path.join(folder, 'encounters-none.json')], /encounters-none\.json cannot be read/],
    ['no such folder', ['map', 'test', path.join(folder, 'none')], /is not a folder of mappings/],
  ])('%s', async (_what, args, message) => {
    const { code, stdout, stderr } = await run(...args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
  });
});

describe('map run', () => {
  const example = (name: string) => path.join(root, 'docs/examples', name);

  it('runs a map of any kind', async () => {
    const { code, stdout } = await run('map', 'run', example('birth-names.map'), example('patient.json'), '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')).toEqual([
      {
        targets: [
          {
            resourceType: 'Person',
            name: [{ family: 'Lestari', given: ['Dewi'] }],
            birthDate: '1991-04-12',
            telecom: [{ system: 'phone', value: '+62 283 000000' }],
          },
        ],
        issues: [],
      },
    ]);
  });

  it('what is wrong with the map or its source is told with its place', async () => {
    const broken = file('broken.map', 'map "urn:b" = "b"\ngroup B(source src, target tgt : Patient) {\n  src.a -> tgt.nothing;\n}');
    const wrongMap = await run('map', 'run', broken, example('patient.json'));
    expect(wrongMap.code).toBe(2);
    expect(wrongMap.stderr).toMatch(/broken\.map line 3 column \d+: Patient has no element 'nothing'/);
    const observation = file('observation.json', '{"resourceType":"Observation"}');
    const wrongSource = await run('map', 'run', example('birth-names.map'), observation);
    expect(wrongSource.code).toBe(1);
    expect(wrongSource.stderr).toContain('Field resourceType must be Patient.');
    expect((await run('map', 'run', 'nothing.map', observation)).code).toBe(2);
  });
});
