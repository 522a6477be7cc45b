import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { readAssets } from '../../src/config/index.ts';
import { compileEngines } from '../../src/engines.ts';
import { tryCase } from '../../src/mapping/tools/index.ts';
import { runBodies } from './bodies-run.ts';
import { compareBodies } from './compare-bodies.ts';
import { readOfficialBodies } from './official-bodies.ts';
import { countOf, judge, readDeliberate, readRecords, regenerate } from './regenerate.ts';

const rooms = compileEngines(readAssets());
const folder = mkdtempSync(path.join(tmpdir(), 'ilp-bodies-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const write = (file: string, content: unknown): void => {
  mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
  writeFileSync(path.join(folder, file), typeof content === 'string' ? content : JSON.stringify(content));
};
const concept = (system: string, code: string, display?: string) => ({ coding: [{ system, code, ...(display && { display }) }] });
const pulse = {
  resourceType: 'Observation',
  status: 'final',
  category: [concept('http://terminology.hl7.org/CodeSystem/observation-category', 'vital-signs', 'Tanda vital')],
  code: concept('http://loinc.org', '8867-4', 'Denyut jantung'),
  subject: { reference: 'Patient/{{Patient_id}}', display: 'Nama Contoh' },
  encounter: { reference: 'Encounter/{{Encounter_uuid}}' },
  effectiveDateTime: '2023-08-31T01:00:00+00:00',
  issued: '2023-08-31T01:00:00+00:00',
  performer: [{ reference: 'Practitioner/N10000001' }],
  valueQuantity: { value: 84, unit: 'beats/min', system: 'http://unitsofmeasure.org', code: '{beats}/min' },
  bodySite: concept('http://snomed.info/sct', '368209003'),
};
const cold = {
  resourceType: 'Condition',
  clinicalStatus: concept('http://terminology.hl7.org/CodeSystem/condition-clinical', 'active'),
  category: [concept('http://terminology.hl7.org/CodeSystem/condition-category', 'encounter-diagnosis')],
  code: concept('http://hl7.org/fhir/sid/icd-10', 'J06.9'),
  subject: { reference: 'urn:uuid:11111111-1111-4111-8111-111111111111' },
  encounter: { reference: 'Encounter/{{Encounter_uuid}}' },
};
const record = {
  feed: 'encounters',
  birthDate: '1985-03-01',
  sex: 'female',
  raw: {
    ...{ sourceSystem: 'simpus-a', sourceId: '1', facilityCode: 'P3329170201', practitioner: { nik: '9999990202800002' } },
    ...{ person: { sourceId: 'RM-1' }, start: '2026-08-05T08:00:00+07:00', end: '2026-08-05T08:20:00+07:00', cluster: 'K3' },
    ...{ diagnoses: [{ code: 'J06.9' }], vitals: { heartRate: 84 } },
  },
};
const request = (method: string, body?: unknown) => ({ request: { method, url: '{{base_url}}', ...(body !== undefined && { body }) } });

write('bodies/rawat-jalan/Observation-create-denyut.json', request('POST', pulse));
write('bodies/rawat-jalan/Organization-create.json', request('POST', { resourceType: 'Organization', name: 'Puskesmas' }));
write('bodies/rawat-jalan/Observation-get.json', request('GET'));
write('bodies/rawat-jalan/Condition-patch.json', request('PATCH', [{ op: 'replace', path: '/onset', value: 1 }]));
write('bodies/errors/Error.json', { certainty: 'official' });
write('bodies/use-cases/rj-Bundle-kunjungan.json', {
  ...{ resourceType: 'Bundle', type: 'transaction' },
  entry: [
    { fullUrl: 'urn:uuid:11111111-1111-4111-8111-111111111111', resource: { resourceType: 'Patient', active: true } },
    { resource: cold },
  ],
});
write('records/rawat-jalan/kunjungan.json', record);

const official = readOfficialBodies(path.join(folder, 'bodies'));
const made = readRecords(path.join(folder, 'records')).map((one) => regenerate(rooms, one));
const judgedBy = (deliberate: string) => judge(official?.bodies ?? [], made, readDeliberate(`body,path,reason\n${deliberate}`));

describe('bodies of a folder', () => {
  it('an entry of a Bundle is a body of its module; what is not clinical is counted by its reason', () => {
    expect(official?.bodies.map(({ name, module }) => [name, module])).toEqual([
      ['rawat-jalan/Observation-create-denyut.json', 'rawat-jalan'],
      ['use-cases/rj-Bundle-kunjungan.json#0', 'rawat-jalan'],
      ['use-cases/rj-Bundle-kunjungan.json#1', 'rawat-jalan'],
    ]);
    expect(official?.skipped).toEqual({ 'facility and staff': 1, GET: 1, PATCH: 1, 'of no module': 1 });
  });

  it('no folder: no bodies', () => expect(readOfficialBodies(path.join(folder, 'none'))).toBeUndefined());
});

describe('comparison', () => {
  it('equal, missing and extra are counted; a body that nothing corresponds to is missing whole', () => {
    const [observation, patient, condition] = judgedBy('');
    expect(observation?.from).toBe('rawat-jalan/kunjungan.json observation:8867-4');
    // The code of the unit and the site of the body.
    expect(countOf([observation as never])).toEqual({ bodies: 1, elements: 16, equal: 13, missing: 3, extra: 0, deliberate: 0 });
    expect(observation?.findings.filter(({ verdict }) => verdict !== 'equal')).toEqual([
      { verdict: 'missing', path: 'Observation.valueQuantity.code', official: '{beats}/min', ours: '/min' },
      { verdict: 'missing', path: 'Observation.bodySite.coding.system', official: 'http://snomed.info/sct' },
      { verdict: 'missing', path: 'Observation.bodySite.coding.code', official: '368209003' },
    ]);
    expect([patient?.from, countOf([patient as never]).missing]).toEqual([undefined, 1]);
    // Our own identifier is an id; who recorded it is more than the example says.
    expect(countOf([condition as never])).toMatchObject({ missing: 0, extra: 2 });
    expect(condition?.findings.filter(({ verdict }) => verdict === 'extra').map((finding) => finding.path)).toEqual([
      ...['Condition.recordedDate', 'Condition.recorder.reference'],
    ]);
  });

  it('a difference that is meant counts apart, whether it is missing or extra', () => {
    const judged = judgedBy('rawat-jalan/*,Observation.valueQuantity.code,trap 17\n*#1,Condition.record*,rule 10001: anything\n');
    expect(countOf(judged)).toMatchObject({ bodies: 3, missing: 3, extra: 0, deliberate: 3 });
  });

  it('a reason that is neither trap nor rule is refused', () => {
    expect(() => readDeliberate('body,path,reason\n*,*,because\n')).toThrow(/trap N/);
  });

  it('the order of a list does not count, what stands in it does', () => {
    const coding = [
      { system: 'a', code: '1' },
      { system: 'b', code: '2' },
    ];
    const [one, other] = [{ code: { coding } }, { code: { coding: [...coding].reverse() } }];
    expect(compareBodies(one, other).every(({ verdict }) => verdict === 'equal')).toBe(true);
    const less = compareBodies(one, { code: { coding: [coding[1], coding[1]] } }).map(({ verdict }) => verdict);
    expect(less.sort()).toEqual(['equal', 'equal', 'extra', 'extra', 'missing', 'missing']);
  });

  it("a visit number is compared though it stands in an identifier, and a resource's type though its id is not", () => {
    const visit = (value: string, type: string) => ({
      identifier: [{ system: 'http://terminology.kemkes.go.id/CodeSystem/episodeofcare/ANC', value }],
      subject: { reference: `${type}/1` },
    });
    const differs = compareBodies(visit('K1A', 'Patient'), visit('K2', 'Group')).filter(({ verdict }) => verdict !== 'equal');
    expect(differs.map(({ official: wanted, ours }) => [wanted, ours])).toEqual([
      ['K1A', 'K2'],
      ['Patient', 'Group'],
    ]);
  });
});

describe('command', () => {
  async function say(flags: Parameters<typeof runBodies>[0]): Promise<string[]> {
    const lines: string[] = [];
    const spy = vi.spyOn(console, 'log').mockImplementation((line) => void lines.push(String(line)));
    vi.stubEnv('ILP_HL7_VALIDATE', 'true');
    try {
      expect(await runBodies(flags, path.join(folder, 'scratch'))).toBe(false);
    } finally {
      spy.mockRestore();
      vi.unstubAllEnvs();
    }
    return lines;
  }

  it('a line for each module, and the sum in the last', async () => {
    const lines = await say({ bodies: path.join(folder, 'bodies'), records: path.join(folder, 'records'), json: true });
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { module: 'rawat-jalan', bodies: 3, elements: 25, equal: 21, missing: 4, extra: 2, deliberate: 0, equalPct: 84 },
      { modules: 1, bodies: 3, elements: 25, equalPct: 84, deliberate: 0, hl7Errors: 0 },
    ]);
  });

  it('says so when the examples are absent', async () => {
    expect(await say({ bodies: path.join(folder, 'none') })).toEqual([expect.stringMatching(/absent/)]);
  });
});

describe('records of the project', () => {
  const records = readRecords(path.join(import.meta.dirname, 'records'));

  it('hold plain values in the terms of the contract: no system, no FHIR path, no resource', () => {
    expect(records.length).toBeGreaterThan(0);
    for (const { raw } of records) expect(JSON.stringify(raw)).not.toMatch(/https?:|resourceType|valueCodeableConcept|Observation\./);
  });

  it.each(records)('$name is taken at intake', (one) => {
    const { issues } = tryCase(rooms, one);
    expect(issues.filter(({ severity }) => severity === 'error')).toEqual([]);
  });

  it('every deliberate difference has its reason', () => {
    expect(() => readDeliberate(readFileSync(path.join(import.meta.dirname, 'deliberate.csv'), 'utf8'))).not.toThrow();
  });
});
