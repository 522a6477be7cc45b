import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ParametersParameter } from '@medplum/fhirtypes';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OPERATIONS } from '../../src/fhir/terminology-operations.ts';
import { type Running, runService } from '../http/running-service.ts';

const ICD10 = 'http://hl7.org/fhir/sid/icd-10';
const TERM = 'http://terminology.kemkes.go.id/CodeSystem/clinical-term';
const TK = 'http://terminology.kemkes.go.id';
const REGION = 'http://sys-ids.kemkes.go.id/administrative-area';
const KLASTER = 'https://fhir.ilp.example/CodeSystem/ilp-klaster';
const MAPS = 'https://fhir.ilp.example/ConceptMap';
const SNOMED = 'http://snomed.info/sct';

const folder = mkdtempSync(path.join(tmpdir(), 'ilp-terminology-'));
let running: Running;
let key = '';

beforeAll(async () => {
  running = await runService({ ILP_TERMINOLOGY: path.join(folder) });
  key = await running.client('reader', { scopes: ['fhir:read'], facilities: ['P1'] });
});
afterAll(async () => {
  await running.stop();
  rmSync(folder, { recursive: true, force: true });
});

type Query = Readonly<Record<string, string>>;
const get = (operation: string, query: Query) => running.get(`/fhir/${operation}?${new URLSearchParams(query)}`, key);
const post = async (operation: string, body: unknown, headers: Record<string, string> = {}) => {
  const response = await fetch(`${running.url}/fhir/${operation}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/fhir+json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  // biome-ignore lint/suspicious/noExplicitAny: answers are read field by field
  return { status: response.status, body: (await response.json()) as any };
};
const parameters = (...parameter: ParametersParameter[]) => ({ resourceType: 'Parameters', parameter });

/** Values of an answer by name; of parts that repeat, all. */
// biome-ignore lint/suspicious/noExplicitAny: as above
const valuesOf = (body: any): Record<string, unknown> => {
  const values: Record<string, unknown> = {};
  for (const { name, part, ...value } of body.parameter ?? []) {
    if (part === undefined) values[name] = Object.values(value)[0];
    else {
      values[name] ??= [];
      (values[name] as unknown[]).push(part.slice(0, 2).map((each: ParametersParameter) => Object.values(each)[1]));
    }
  }
  return values;
};
const lookup = (system: string, code: string, extra: Query = {}) => get('CodeSystem/$lookup', { system, code, ...extra });
const refusal = ({ status, body }: { status: number; body: { issue?: { code: string; details: { coding: { code: string }[] } }[] } }) => [
  status,
  body.issue?.[0]?.code,
  body.issue?.[0]?.details.coding[0]?.code,
];

describe('CodeSystem/$lookup', () => {
  it.each([
    [ICD10, 'A01.0', 'Typhoid fever', ['id', 'Demam tifoid']],
    ['http://loinc.org', '8480-6', 'Systolic blood pressure', undefined],
    [SNOMED, '61310001', 'Nutrition education', undefined],
    ['http://sys-ids.kemkes.go.id/kfa', 'VG19', 'BCG', undefined],
    ['http://hl7.org/fhir/sid/cvx', '19', 'BCG', undefined],
    ['http://unitsofmeasure.org', 'mm[Hg]', 'mmHg', undefined],
    [KLASTER, 'K2', 'Ibu dan Anak', ['Mother and child']],
    [REGION, '3329', 'Kabupaten Brebes', undefined],
  ])('%s %s – %s', async (system, code, display, designation) => {
    const { status, body } = await lookup(system, code);
    expect([status, valuesOf(body).display]).toEqual([200, display]);
    if (designation) expect(valuesOf(body).designation).toContainEqual(designation);
  });

  it('POST – a Coding in Parameters', async () => {
    const { status, body } = await post('CodeSystem/$lookup', parameters({ name: 'coding', valueCoding: { system: ICD10, code: 'I10' } }));
    expect([status, valuesOf(body).display]).toEqual([200, 'Essential (primary) hypertension']);
  });

  it('POST – a form', async () => {
    const { status } = await post('CodeSystem/$lookup', `${new URLSearchParams({ system: ICD10, code: 'I10' })}`, {
      'content-type': 'application/x-www-form-urlencoded',
    });
    expect(status).toBe(200);
  });

  it('a code that modules use differently has a meaning for a module, a path, and none without', async () => {
    const displayFor = async (system: string, code: string, module: string) =>
      valuesOf((await lookup(system, code, { module })).body).display;
    expect(await displayFor(TERM, 'OC000004', 'ANC')).toBe('Letak Janin (USG)');
    expect(await displayFor(TERM, 'OC000004', 'PTM')).toBe('Prediksi Risiko PTM dengan Pemeriksaan Laboratorium');
    expect(await displayFor(TERM, 'OV000364', 'GIZI')).toBe('Asupan cukup dan tidak ada perubahan');
    expect(await displayFor(TK, 'TK000033', 'Encounter.hospitalization.admitSource')).toBe('LSM');
    expect(await displayFor(TK, 'TK000033', 'Encounter.reasonCode')).toBe('Tes IMS');
    const ambiguous = await lookup(TERM, 'OC000004');
    expect(refusal(ambiguous)).toEqual([422, 'multiple-matches', 'code-ambiguous']);
    expect(ambiguous.body.issue[0].diagnostics).toMatch(/ANC \| PTM|PTM \| ANC/);
    expect(refusal(await lookup(TERM, 'OC000004', { module: 'IMUN' }))).toEqual([404, 'not-found', 'code-not-found']);
  });

  it('old regions stay known, with what replaced them', async () => {
    const { body } = await lookup(REGION, '9101');
    expect(valuesOf(body)).toMatchObject({ display: 'Kabupaten Merauke' });
    expect(valuesOf(body).property).toEqual(
      expect.arrayContaining([
        ['inactive', true],
        ['replacedBy', '9301'],
        ['since', '2022-07-25'],
      ]),
    );
    expect(valuesOf((await lookup(REGION, '9671')).body).display).toBe('Kota Sorong');
    expect(valuesOf((await lookup(REGION, '1101012001')).body).display).toBe('Keude Bakongan');
  });

  it.each<[string, Query, unknown[]]>([
    ['an unknown system', { system: 'http://example.org/x', code: '1' }, [404, 'not-found', 'code-system-unknown']],
    ['a key instead of a URL', { system: 'icd10', code: 'A01.0' }, [404, 'not-found', 'code-system-unknown']],
    ['an unknown code', { system: ICD10, code: 'Z99.99' }, [404, 'not-found', 'code-not-found']],
    ['the name of a prototype', { system: ICD10, code: '__proto__' }, [404, 'not-found', 'code-not-found']],
    ['case that matters', { system: ICD10, code: 'a01.0' }, [404, 'not-found', 'code-not-found']],
    ['no system', { code: 'A01.0' }, [400, 'required', 'parameter-missing']],
    ['no code', { system: ICD10 }, [400, 'required', 'parameter-missing']],
    ['an empty code', { system: ICD10, code: '' }, [400, 'invalid', 'parameter']],
    ['a huge code', { system: ICD10, code: 'x'.repeat(5_000) }, [400, 'invalid', 'parameter']],
    ['an unknown parameter', { system: ICD10, code: 'A01.0', kode: '1' }, [400, 'not-supported', 'search-parameter']],
    ['a Coding in a query', { coding: '{}' }, [400, 'invalid', 'parameter']],
  ])('%s – refused', async (_name, query, wanted) => {
    expect(refusal(await get('CodeSystem/$lookup', query))).toEqual(wanted);
  });

  it.each<[string, unknown, number]>([
    ['no JSON', '{', 400],
    ['deep JSON', '['.repeat(5_000), 400],
    ['another resource', { resourceType: 'Patient' }, 400],
    ['null', 'null', 400],
    ['parameters that are none', { resourceType: 'Parameters', parameter: {} }, 400],
    ['a parameter without name', { resourceType: 'Parameters', parameter: [null] }, 400],
    ['a code twice', parameters({ name: 'code', valueCode: 'a' }, { name: 'code', valueCode: 'b' }), 400],
    ['code and coding', parameters({ name: 'code', valueCode: 'a' }, { name: 'coding', valueCoding: { system: ICD10, code: 'I10' } }), 400],
    ['a code that is a number', parameters({ name: 'coding', valueCoding: { system: ICD10, code: 1 as unknown as string } }), 400],
    ['too much', `"${'x'.repeat(70_000)}"`, 413],
  ])('POST of %s – refused', async (_name, body, status) => {
    const refused = await post('CodeSystem/$lookup', body);
    expect([refused.status, refused.body.resourceType]).toEqual([status, 'OperationOutcome']);
  });

  it('POST of XML – refused', async () => {
    expect((await post('CodeSystem/$lookup', '<Parameters/>', { 'content-type': 'application/fhir+xml' })).status).toBe(415);
  });
});

describe('CodeSystem/$validate-code', () => {
  const validate = async (query: Query) => valuesOf((await get('CodeSystem/$validate-code', query)).body);
  it.each<[string, Query, Record<string, unknown>]>([
    ['a listed code', { url: ICD10, code: 'I10' }, { result: true, display: 'Essential (primary) hypertension' }],
    ['with its name, in any case', { url: ICD10, code: 'A01.0', display: 'typhoid  FEVER' }, { result: true, display: 'Typhoid fever' }],
    ['with its Indonesian name', { url: ICD10, code: 'A01.0', display: 'Demam tifoid' }, { result: true }],
    ['with another’s name', { url: ICD10, code: 'A01.0', display: 'Cholera' }, { result: false, display: 'Typhoid fever' }],
    ['of a listed category', { url: ICD10, code: 'E11.2' }, { result: true, message: expect.stringContaining('category') }],
    ['not there', { url: ICD10, code: 'Z99.99' }, { result: false, message: expect.stringContaining('not among') }],
    ['not in a complete system', { url: KLASTER, code: 'K9' }, { result: false, message: expect.stringContaining('not in this system') }],
    ['ambiguous, named by one of its names', { url: TERM, code: 'OC000002', display: 'Trial lens axis' }, { result: true }],
    ['ambiguous, named for another module', { url: TERM, code: 'OC000002', display: 'Trial lens axis', module: 'ANC' }, { result: false }],
    ['replaced', { url: REGION, code: '9101' }, { result: true, message: expect.stringContaining('9301') }],
    ['for a man', { url: ICD10, code: 'N40', gender: 'male', ageDays: '22000' }, { result: true, plausible: true }],
    [
      'for a woman',
      { url: ICD10, code: 'N40', gender: 'female' },
      { result: true, plausible: false, message: expect.stringContaining('males') },
    ],
    ['for a child', { url: ICD10, code: 'O80.9', gender: 'female', ageDays: '1000' }, { plausible: false }],
    ['for a newborn', { url: ICD10, code: 'P07.1', ageDays: '2' }, { plausible: true }],
    ['for a grown person', { url: ICD10, code: 'P07.1', ageDays: '9000' }, { plausible: false }],
  ])('%s', async (_name, query, wanted) => {
    expect(await validate(query)).toMatchObject(wanted);
  });

  it('POST – of a CodeableConcept one coding that is right is enough', async () => {
    const coding = [
      { system: ICD10, code: 'Z99.99' },
      { system: 'http://loinc.org', code: '8480-6' },
    ];
    const { body } = await post('CodeSystem/$validate-code', parameters({ name: 'codeableConcept', valueCodeableConcept: { coding } }));
    expect(valuesOf(body)).toMatchObject({ result: true, display: 'Systolic blood pressure' });
  });

  it.each<[Query, unknown[]]>([
    [{ url: 'http://example.org/x', code: '1' }, [404, 'not-found', 'code-system-unknown']],
    [{ code: 'I10' }, [400, 'required', 'parameter-missing']],
    [{ url: ICD10 }, [400, 'required', 'parameter-missing']],
    [{ url: ICD10, code: 'I10', gender: 'pria' }, [400, 'invalid', 'parameter']],
    [{ url: ICD10, code: 'I10', ageDays: '-1' }, [400, 'invalid', 'parameter']],
    [{ url: ICD10, code: 'I10', date: 'kemarin' }, [400, 'invalid', 'parameter']],
  ])('%j – refused', async (query, wanted) => {
    expect(refusal(await get('CodeSystem/$validate-code', query))).toEqual(wanted);
  });
});

describe('ValueSet/$validate-code', () => {
  const GENDER = 'http://hl7.org/fhir/ValueSet/administrative-gender';
  it.each<[Query, boolean]>([
    [{ url: GENDER, system: 'http://hl7.org/fhir/administrative-gender', code: 'male' }, true],
    [{ url: GENDER, code: 'male' }, true],
    [{ url: `${GENDER}|4.0.1`, code: 'male' }, true],
    [{ url: GENDER, code: 'L' }, false],
    [{ url: GENDER, system: ICD10, code: 'male' }, false],
    [{ url: 'https://fhir.ilp.example/ValueSet/ilp-klaster', code: 'K1' }, true],
    [{ url: 'https://fhir.ilp.example/ValueSet/ilp-klaster', code: 'K1', display: 'Ibu dan Anak' }, false],
    [{ url: `${ICD10}?fhir_vs`, system: ICD10, code: 'I10' }, true],
    [{ url: `${SNOMED}?fhir_vs`, system: SNOMED, code: '1' }, false],
  ])('%j – %s', async (query, wanted) => {
    const { status, body } = await get('ValueSet/$validate-code', query);
    expect([status, valuesOf(body).result]).toEqual([200, wanted]);
  });

  it.each<[Query, unknown[]]>([
    [{ url: 'http://example.org/ValueSet/x', code: '1' }, [404, 'not-found', 'value-set-unknown']],
    [{ url: 'http://example.org/x?fhir_vs', code: '1' }, [404, 'not-found', 'value-set-unknown']],
    [{ code: '1' }, [400, 'required', 'parameter-missing']],
    [{ url: GENDER }, [400, 'required', 'parameter-missing']],
  ])('%j – refused', async (query, wanted) => {
    expect(refusal(await get('ValueSet/$validate-code', query))).toEqual(wanted);
  });
});

describe('ValueSet/$expand', () => {
  const expand = async (query: Query) => (await get('ValueSet/$expand', query)).body.expansion;
  const codes = (expansion: { contains: { code: string }[] }) => expansion.contains.map(({ code }) => code);

  it('a small set is given whole', async () => {
    const expansion = await expand({ url: 'https://fhir.ilp.example/ValueSet/ilp-klaster', includeDesignations: 'true' });
    expect([expansion.total, codes(expansion)]).toEqual([5, ['K1', 'K2', 'K3', 'K4', 'LK']]);
    expect(expansion.contains[1].designation).toEqual([{ value: 'Mother and child' }]);
  });

  it('a filter looks for words in codes and names, in both languages', async () => {
    expect(codes(await expand({ url: `${ICD10}?fhir_vs`, filter: 'TIFOID demam' }))).toContain('A01.0');
    expect(codes(await expand({ url: `${REGION}?fhir_vs`, filter: 'kabupaten brebes' }))).toEqual(['3329']);
    expect(await expand({ url: `${ICD10}?fhir_vs`, filter: 'icd10' })).toMatchObject({ total: 0, contains: [] });
  });

  it('pages follow each other without gap or double', async () => {
    const url = `${ICD10}?fhir_vs`;
    const whole = codes(await expand({ url }));
    const paged: string[] = [];
    for (let offset = 0; offset < whole.length; offset += 150) {
      const page = await expand({ url, offset: String(offset), count: '150' });
      expect([page.total, page.offset]).toEqual([whole.length, offset]);
      paged.push(...codes(page));
    }
    expect(paged).toEqual(whole);
    expect(await expand({ url, offset: '100000', count: '5' })).toMatchObject({ total: whole.length, contains: [] });
    expect(await expand({ url, count: '0' })).toMatchObject({ total: whole.length, contains: [] });
  });

  it('old codes are marked, and left out when only active ones are wanted', async () => {
    const url = `${REGION}?fhir_vs`;
    expect((await expand({ url, filter: 'kota sorong' })).contains).toContainEqual(
      expect.objectContaining({ code: '9271', inactive: true }),
    );
    expect(codes(await expand({ url, filter: 'kota sorong', activeOnly: 'true' }))).toEqual(['9671', '967107']);
  });

  it.each<[Query, unknown[]]>([
    [{ url: `${REGION}?fhir_vs` }, [422, 'too-costly', 'expansion-too-costly']],
    [{ url: `${ICD10}?fhir_vs`, count: '1001' }, [422, 'too-costly', 'expansion-too-costly']],
    [{ url: `${ICD10}?fhir_vs`, count: '-1' }, [400, 'invalid', 'parameter']],
    [{ url: `${ICD10}?fhir_vs`, offset: 'x' }, [400, 'invalid', 'parameter']],
    [{ url: `${ICD10}?fhir_vs`, activeOnly: 'ya' }, [400, 'invalid', 'parameter']],
    [{ url: 'http://example.org/ValueSet/x' }, [404, 'not-found', 'value-set-unknown']],
    [{}, [400, 'required', 'parameter-missing']],
  ])('%j – refused', async (query, wanted) => {
    expect(refusal(await get('ValueSet/$expand', query))).toEqual(wanted);
  });
});

describe('ConceptMap/$translate', () => {
  const translate = async (query: Query) => valuesOf((await get('ConceptMap/$translate', query)).body);
  it.each<[string, Query, unknown]>([
    [
      'a poli',
      { url: `${MAPS}/poli-klaster`, code: '  POLI   kia' },
      ['equivalent', { system: KLASTER, code: 'K2', display: 'Ibu dan Anak' }],
    ],
    ['free text', { url: `${MAPS}/diagnosis-icd10`, code: 'Demam Tifoid' }, ['equivalent', { code: 'A01.0' }]],
    [
      'a region',
      { url: `${MAPS}/wilayah-lama-baru`, code: '9101', system: REGION },
      ['equal', { code: '9301', display: 'Kabupaten Merauke' }],
    ],
    ['back', { url: `${MAPS}/wilayah-lama-baru`, code: '9301', system: REGION, reverse: 'true' }, ['equal', { code: '9101' }]],
    [
      'without naming the map',
      { system: 'http://sys-ids.kemkes.go.id/kfa', code: 'VG19', targetsystem: 'http://hl7.org/fhir/sid/cvx' },
      ['equivalent', { code: '19' }],
    ],
  ])('%s', async (_name, query, wanted) => {
    const values = await translate(query);
    expect(values.result).toBe(true);
    expect(values.match).toMatchObject([wanted]);
  });

  it('one code with several targets gives all of them', async () => {
    const { match } = await translate({ url: `${MAPS}/vaksin-cvx`, code: 'VG89' });
    expect((match as unknown[][]).map((parts) => (parts[1] as { code: string }).code)).toEqual(['178', '10']);
  });

  it('without a match the result is false', async () => {
    for (const query of [
      { url: `${MAPS}/poli-klaster`, code: 'POLI LAIN' },
      { url: `${MAPS}/poli-klaster`, code: 'KIA', system: ICD10 },
    ])
      expect(await translate(query)).toMatchObject({ result: false, message: expect.any(String) });
  });

  it.each<[Query, unknown[]]>([
    [{ url: `${MAPS}/none`, code: 'KIA' }, [404, 'not-found', 'concept-map-unknown']],
    [{ system: ICD10, code: 'I10', targetsystem: SNOMED }, [404, 'not-found', 'concept-map-unknown']],
    [{ code: 'I10' }, [404, 'not-found', 'concept-map-unknown']],
    [{ url: `${MAPS}/poli-klaster` }, [400, 'required', 'parameter-missing']],
    [{ url: `${MAPS}/poli-klaster`, code: 'KIA', reverse: '1' }, [400, 'invalid', 'parameter']],
  ])('%j – refused', async (query, wanted) => {
    expect(refusal(await get('ConceptMap/$translate', query))).toEqual(wanted);
  });
});

describe('CodeSystem/$subsumes', () => {
  it.each([
    [ICD10, 'A01', 'A01.0', 'subsumes'],
    [ICD10, 'A01.0', 'A01', 'subsumed-by'],
    [ICD10, 'A01.0', 'A01.0', 'equivalent'],
    [ICD10, 'A01.0', 'I10', 'not-subsumed'],
    [REGION, '33', '3329', 'subsumes'],
    [KLASTER, 'K1', 'K2', 'not-subsumed'],
    [SNOMED, '61310001', '61310001', 'equivalent'],
  ])('%s %s %s – %s', async (system, codeA, codeB, wanted) => {
    expect(valuesOf((await get('CodeSystem/$subsumes', { system, codeA, codeB })).body)).toEqual({ outcome: wanted });
  });

  it('POST – two Codings', async () => {
    const [codingA, codingB] = ['A01', 'A01.0'].map((code) => ({ system: ICD10, code }));
    const body = parameters(
      { name: 'codingA', ...(codingA && { valueCoding: codingA }) },
      { name: 'codingB', ...(codingB && { valueCoding: codingB }) },
    );
    expect(valuesOf((await post('CodeSystem/$subsumes', body)).body)).toEqual({ outcome: 'subsumes' });
  });

  it.each<[Query, unknown[]]>([
    [{ system: SNOMED, codeA: '61310001', codeB: '225324006' }, [422, 'not-supported', 'subsumption-unknown']],
    [{ system: ICD10, codeA: 'A01', codeB: 'Q99' }, [404, 'not-found', 'code-not-found']],
    [{ system: 'http://example.org', codeA: '1', codeB: '2' }, [404, 'not-found', 'code-system-unknown']],
    [{ codeA: '1', codeB: '2' }, [400, 'required', 'parameter-missing']],
    [{ system: ICD10, codeA: 'A01' }, [400, 'required', 'parameter-missing']],
  ])('%j – refused', async (query, wanted) => {
    expect(refusal(await get('CodeSystem/$subsumes', query))).toEqual(wanted);
  });
});

describe('the door', () => {
  it('needs a key with fhir:read', async () => {
    const at = `/fhir/CodeSystem/$lookup?${new URLSearchParams({ system: ICD10, code: 'I10' })}`;
    expect((await running.get(at)).status).toBe(401);
    expect((await running.get(at, 'wrong')).status).toBe(401);
    expect((await running.get(at, await running.client('sender', { scopes: ['intake:write'] }))).status).toBe(403);
    expect((await running.get(at.replace('$', '%24'), key)).status).toBe(200);
  });

  it.each(['CodeSystem/$closure', 'Patient/$lookup', 'ValueSet/$lookup', 'toString/$lookup', 'CodeSystem/1/$lookup'])(
    '%s – not found',
    async (operation) => {
      expect((await get(operation, { system: ICD10, code: 'I10' })).status).toBe(404);
    },
  );

  it('other methods are refused', async () => {
    const response = await fetch(`${running.url}/fhir/CodeSystem/$lookup`, { method: 'PUT', headers: { authorization: `Bearer ${key}` } });
    expect(response.status).toBe(405);
  });

  it('the CapabilityStatement names every operation', async () => {
    const { body } = await running.get('/fhir/metadata');
    const named = body.rest[0].resource.flatMap(({ type, operation = [] }: { type: string; operation?: { name: string }[] }) =>
      operation.map(({ name }) => `${type}/$${name}`),
    );
    expect(named.sort()).toEqual(Object.keys(OPERATIONS).sort());
  });

  it('a refusal never repeats what was sent', async () => {
    const answers = await Promise.all([
      lookup(ICD10, 'Ayu-Lesmana'),
      lookup('http://Ayu-Lesmana', '1'),
      get('ValueSet/$expand', { url: 'Ayu-Lesmana' }),
      get('ConceptMap/$translate', { url: `${MAPS}/diagnosis-icd10`, code: 'Ayu-Lesmana sakit' }),
    ]);
    expect(JSON.stringify(answers)).not.toContain('Ayu');
  });
});

describe('tables of the district', () => {
  it('count as soon as they are there, before what is shipped, and no longer when they are gone', async () => {
    const table = path.join(folder, 'map-poli-klaster.csv');
    const target = async (code: string) => valuesOf((await get('ConceptMap/$translate', { url: `${MAPS}/poli-klaster`, code })).body).match;
    writeFileSync(table, 'map,source,target\npoli-klaster,Poli Lansia Sehat,K3\npoli-klaster,KIA,K3\n');
    writeFileSync(path.join(folder, 'codes-icd10.csv'), `system,code,display\n${ICD10},Z99.99,Contoh\n`);
    await pause(250);
    expect(await target('poli lansia sehat')).toMatchObject([['equivalent', { code: 'K3' }]]);
    expect(await target('KIA')).toMatchObject([['equivalent', { code: 'K3' }]]);
    expect(await target('MTBS')).toMatchObject([['equivalent', { code: 'K2' }]]);
    expect(valuesOf((await lookup(ICD10, 'Z99.99')).body)).toMatchObject({ display: 'Contoh' });
    rmSync(table);
    await pause(250);
    expect(await target('KIA')).toMatchObject([['equivalent', { code: 'K2' }]]);
  });
});
