import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CODES } from '../../../src/errors/index.ts';
import { createNormaliser, type Layout } from '../../../src/mapping/normalise/index.ts';
import { FEEDS, type Feed } from '../../../src/store/port.ts';

const read = (name: string) => JSON.parse(readFileSync(new URL(`../../../mappings/${name}`, import.meta.url), 'utf8'));
const layouts = ['default', 'contract-1', 'simpus', 'posyandu-csv'].map((name) => read(`layouts/${name}.json`) as Layout);
const normaliser = createNormaliser({
  layouts,
  tokens: read('tokens.json'),
  clusters: read('clusters.json'),
  answerKinds: { anc: { tfu: 'measure', presentasi: 'token' }, edukasi: { topics: 'list' } },
});
const run = (feed: Feed, raw: unknown, layout?: string) =>
  normaliser.normalise(feed, raw, { timeZone: 'Asia/Makassar', ...(layout && { layout }) });
const codes = (result: { issues: readonly { code: string; field?: string }[] }) =>
  result.issues.map((found) => `${found.code}@${found.field}`);

describe('normalise – contract 2', () => {
  it('keeps a clean record as it is', () => {
    const record = {
      sourceSystem: 'simpus-a',
      sourceId: 'k-1',
      facilityCode: 'P3329170201',
      person: { nik: '9999990101900001' },
      practitioner: { nik: '9999990202800002' },
      start: '2026-01-05T08:15:00+07:00',
      cluster: 'K3',
      vitals: { systolic: 120, diastolic: 80 },
      diagnoses: [{ code: 'I10', rank: 1 }],
      services: [{ cluster: 'K3', form: 'ptm', answers: { rokok: 'ya' } }],
    };
    expect(run('encounters', record)).toEqual({ record, issues: [] });
  });

  it('splits blood pressure, reads decimal commas, units and blanks', () => {
    const { record, issues } = run('encounters', {
      vitals: { td: '120 / 80 mmHg', beratBadan: '60,5 kg', tinggi: '160', suhu: '36,5 °C', waist: '-', spo2: 'tidak diukur', lila: 0 },
    });
    expect(record.vitals).toEqual({ systolic: 120, diastolic: 80, weight: 60.5, height: 160, temperature: 36.5 });
    expect(issues).toEqual([]);
  });

  it.each([
    ['05/03/2026', '2026-03-05', ['date-ambiguous@birthDate']],
    ['25-03-2026', '2026-03-25', []],
    ['5 Maret 2026', '2026-03-05', []],
    ['2026/03/05', '2026-03-05', []],
    [46086, '2026-03-05', []],
    ['05/03/26', '05/03/26', ['date-year@birthDate']],
    ['5/3', '5/3', ['date-year@birthDate']],
    ['31/02/2026', '31/02/2026', ['field-format@birthDate']],
  ])('reads the day %s', (text, expected, issues) => {
    const result = run('persons', { birthDate: text });
    expect(result.record.birthDate).toBe(expected);
    expect(codes(result)).toEqual(issues);
  });

  it.each([
    ['2026-01-05T08:15:00+07:00', '2026-01-05T08:15:00+07:00'],
    ['2026-01-05T01:15:00Z', '2026-01-05T01:15:00Z'],
    ['2026-01-05T01:15:00.123Z', '2026-01-05T01:15:00Z'],
    ['2026-01-05 08:15', '2026-01-05T08:15:00+08:00'],
    ['25/01/2026 08.15', '2026-01-25T08:15:00+08:00'],
    ['25/01/2026 08:15 WIB', '2026-01-25T08:15:00+07:00'],
    ['2026-01-05', '2026-01-05'],
  ])('reads the instant %s', (text, expected) => {
    expect(run('encounters', { start: text }).record.start).toBe(expected);
  });

  it.each([
    ['3,32901E+15', 'nik-scientific'],
    ['3.32901e+15', 'nik-scientific'],
    ['332901010190001', 'nik-length'],
    ['33290101019000011', 'nik-length'],
    [3.329010101900001e15, undefined],
    ["'3329010101900001", undefined],
    ['3329 0101 0190 0001', undefined],
  ])('judges the NIK %s', (nik, code) => {
    const { issues } = run('persons', { nik });
    expect(issues.map((found) => found.code)).toEqual(code ? [code] : []);
  });

  it('warns when a NIK does not fit birth date or sex', () => {
    const person = { nik: '3329015205900001', birthDate: '1990-05-12', sex: 'P' };
    expect(codes(run('persons', person))).toEqual([]);
    expect(codes(run('persons', { ...person, sex: 'L' }))).toEqual(['nik-implausible@nik']);
    expect(codes(run('persons', { ...person, birthDate: '1990-05-13' }))).toEqual(['nik-implausible@nik']);
  });

  it.each([
    ['L', 'male'],
    ['Perempuan', 'female'],
    ['2', 'female'],
    [1, 'male'],
    ['laki-laki', 'male'],
  ])('reads the sex %s', (word, expected) => {
    expect(run('persons', { sex: word }).record.sex).toBe(expected);
  });

  it.each([
    ['kluster 2', 'K2'],
    ['Klaster Ibu dan Anak', 'K2'],
    ['klaster III', 'K3'],
    ['dewasa & lansia', 'K3'],
    ['penanggulangan penularan penyakit/surveilans', 'K4'],
    ['antar-kluster', 'LK'],
    ['k1', 'K1'],
  ])('reads the cluster %s', (word, expected) => {
    expect(run('encounters', { cluster: word }).record.cluster).toBe(expected);
  });

  it('asks back for a cluster it does not know, and takes it from the old poli only when that decides', () => {
    expect(codes(run('encounters', { cluster: 'klaster 9' }))).toEqual(['cluster-unknown@cluster']);
    expect(run('encounters', { poli: 'Poli KIA' }).record.cluster).toBe('K2');
    expect(run('encounters', { poli: 'UMUM' }).record.cluster).toBeUndefined();
  });

  it('keeps unknown fields and names the nearest known one', () => {
    const result = run('encounters', { vitals: { sistolic: 120 }, warnaFavorit: 'biru' });
    expect(result.record).toEqual({ vitals: { sistolic: 120 }, warnaFavorit: 'biru' });
    expect(codes(result)).toEqual(['field-unknown@vitals.sistolic', 'field-unused@warnaFavorit']);
    expect(result.issues[0]?.text.en).toContain('systolic');
  });

  it('reads answers by the kinds of their form', () => {
    const result = run('encounters', {
      services: [{ answers: { TFU: '28,5', presentasi: 'Kepala', tffu: 1 }, form: 'anc', klaster: 'klaster 2' }],
    });
    expect(result.record.services).toEqual([{ form: 'anc', cluster: 'K2', answers: { tfu: 28.5, presentasi: 'kepala', tffu: 1 } }]);
    expect(codes(result)).toEqual(['field-unknown@services[0].answers.tffu']);
  });

  it('takes the facility code for a missing source id, and strips dots of region codes', () => {
    const { record } = run('facilities', { kind: 'Puskesmas Pembantu', kode: 'PST-1', village_code: '19.06.01.2004' });
    expect(record).toEqual({ kind: 'pustu', code: 'PST-1', sourceId: 'PST-1', villageCode: '1906012004' });
  });
});

describe('normalise – contract 1 and vendor layouts', () => {
  it('turns a flat row into contract 2', () => {
    const { record, issues } = run('encounters', {
      source_system: 'simpus-a',
      source_id: 'k-1',
      facility_code: 'P3329170201',
      person_nik: '3329015205900001',
      person_name: 'Contoh',
      person_birth_date: '12-05-1990',
      person_sex: 'P',
      practitioner_nik: '3329010101800001',
      start: '2026-01-05 08:15',
      cluster: 'klaster 3',
      visit_type: 'baru',
      blood_pressure: '130/85',
      weight: '60,5',
      glucose: '110',
      glucose_type: 'sewaktu',
      icd10: 'I10; E119',
    });
    expect(record).toEqual({
      sourceSystem: 'simpus-a',
      sourceId: 'k-1',
      facilityCode: 'P3329170201',
      person: {
        nik: '3329015205900001',
        inline: { name: 'Contoh', birthDate: '1990-05-12', sex: 'female', nik: '3329015205900001' },
      },
      practitioner: { nik: '3329010101800001' },
      start: '2026-01-05T08:15:00+08:00',
      cluster: 'K3',
      visitType: 'baru',
      vitals: { systolic: 130, diastolic: 85, weight: 60.5 },
      laboratory: { glucose: 110, glucoseType: 'random' },
      diagnoses: [
        { code: 'I10', rank: 1 },
        { code: 'E11.9', rank: 2 },
      ],
    });
    expect(codes({ issues })).toEqual(['date-ambiguous@person.inline.birthDate']);
  });

  it('reads a SIMPUS register row', () => {
    const { record, issues } = run(
      'encounters',
      {
        no_rawat: '2026/01/05/000001',
        no_rkm_medis: '000123',
        no_ktp: '3329015205900001',
        nik_dokter: '3329010101800001',
        tanggal: '05/01/2026 08.15',
        POLI: 'LANSIA',
        td: '150/95',
        BB: '58,5',
        TB: '155',
        lp: '88',
        gds: '182',
        asam_urat: '-',
        kd_diag1: 'I10',
        kd_diag2: 'E11.9',
        kbkl: 'KL',
      },
      'simpus',
    );
    expect(issues).toEqual([]);
    expect(record).toMatchObject({
      sourceId: '2026/01/05/000001',
      person: { sourceId: '000123', nik: '3329015205900001' },
      start: '2026-01-05T08:15:00+08:00',
      cluster: 'K3',
      visitType: 'lama',
      vitals: { systolic: 150, diastolic: 95, weight: 58.5, height: 155, waist: 88 },
      laboratory: { glucose: 182, glucoseType: 'random' },
      diagnoses: [{ code: 'I10' }, { code: 'E11.9' }],
    });
  });

  it('reads a posyandu sheet row', () => {
    const { record, issues } = run(
      'village-observations',
      {
        id: '77',
        Nama: 'Contoh',
        NIK: '3329011203240001',
        JK: 'L',
        'Tgl Lahir': '12/03/2024',
        'Kode Posyandu': 'PSY-1',
        'Tanggal Pengukuran': '25/01/2026',
        Berat: '10,2',
        Tinggi: '80,5',
        'Cara Ukur': 'terlentang',
        context: 'posyandu',
      },
      'posyandu-csv',
    );
    expect(issues).toEqual([]);
    expect(record).toMatchObject({
      sourceId: '77',
      person: { nik: '3329011203240001', inline: { name: 'Contoh', birthDate: '2024-03-12', sex: 'male', nik: '3329011203240001' } },
      posyanduCode: 'PSY-1',
      date: '2026-01-25',
      context: 'hari_buka',
      measurements: { weight: 10.2, height: 80.5, posture: 'terlentang' },
    });
  });

  it('refuses an unknown layout by name', () => {
    expect(codes(run('persons', { name: 'Contoh' }, 'tidak-ada'))).toEqual(['field-value@layout']);
  });
});

describe('normalise – anything at all', () => {
  it('never throws, never echoes a value, and is stable on its own output', () => {
    const canary = 'CANARY7f3a';
    const names = fc.constantFrom(
      'nik',
      'start',
      'vitals',
      'td',
      'diagnoses',
      'services',
      'answers',
      'person',
      'inline',
      'birthDate',
      'sex',
      'cluster',
      'date',
      '__proto__',
      'x',
    );
    const leaf = fc.oneof(
      fc.constant(canary),
      fc.integer(),
      fc.double(),
      fc.boolean(),
      fc.constant(null),
      fc.constant('05/03/2026'),
      fc.constant('-'),
    );
    const value = fc.letrec((tie) => ({
      any: fc.oneof({ depthSize: 'small' }, leaf, fc.array(tie('any'), { maxLength: 3 }), fc.dictionary(names, tie('any'), { maxKeys: 5 })),
    })).any;
    fc.assert(
      fc.property(fc.constantFrom(...FEEDS), value, (feed, raw) => {
        const result = normaliser.normalise(feed, raw);
        expect(JSON.stringify(result.issues)).not.toContain(canary);
        for (const found of result.issues) expect(CODES).toHaveProperty([found.code]);
      }),
      { numRuns: 300 },
    );
  });

  it('masks digits in the names of unknown fields', () => {
    expect(codes(run('persons', { '3329015205900001': 1 }))).toEqual(['field-unused@#']);
  });
});
