import { describe, expect, it } from 'vitest';
import { readAssets } from '../../../src/config/assets.ts';
import { createCatalogue } from '../../../src/mapping/catalogue.ts';
import { createContextBuilder } from '../../../src/mapping/context.ts';
import { parseTables } from '../../../src/mapping/tables.ts';

const tables = parseTables(readAssets().mappings);
const builder = createContextBuilder(tables);
const catalogue = createCatalogue(tables);
const jakarta = { timeZone: 'Asia/Jakarta' };

describe('life stage', () => {
  it.each([
    ['2026-08-01', '2026-08-29', 'neonatus', 'K2'],
    ['2026-08-01', '2026-08-30', 'bayi', 'K2'],
    ['2025-08-05', '2026-08-04', 'bayi', 'K2'],
    ['2025-08-05', '2026-08-05', 'balita', 'K2'],
    ['2021-08-05', '2026-08-05', 'apras', 'K2'],
    ['2020-08-05', '2026-08-05', 'usia_sekolah', 'K2'],
    ['2016-08-05', '2026-08-05', 'remaja', 'K2'],
    ['2008-08-06', '2026-08-05', 'remaja', 'K2'],
    ['2008-08-05', '2026-08-05', 'dewasa', 'K3'],
    ['1966-08-05', '2026-08-05', 'lansia', 'K3'],
    // A year that has no 29 February is complete on the 28th.
    ['2024-02-29', '2025-02-27', 'bayi', 'K2'],
    ['2024-02-29', '2025-02-28', 'balita', 'K2'],
  ])('born %s, served %s: %s', (birth, day, stage, cluster) => {
    expect(builder.lifeStage(birth, day)).toMatchObject({ code: stage, cluster, scheme: 'KMK-2015-2023' });
  });

  it('is not guessed for a birth after the service', () => {
    expect(builder.lifeStage('2026-08-06', '2026-08-05')).toBeUndefined();
  });
});

describe('visit context', () => {
  const visit = (record: Record<string, unknown>, birthDate = '1990-01-01') =>
    builder.visit('encounters', { start: '2026-08-05T08:00:00+07:00', ...record }, { ...jakarta, birthDate });

  it('counts the age on the wall calendar of the facility', () => {
    const late = builder.visit('encounters', { start: '2026-08-04T18:30:00Z' }, { ...jakarta, birthDate: '2008-08-05' });
    expect(late.context).toMatchObject({ lifeStage: 'dewasa', day: '2026-08-05' });
  });

  it('takes the reason code of the first service that has one, and none where there is a diagnosis', () => {
    expect(visit({ services: [{ form: 'ptm' }] }).context.reasonCode).toBe('Z13.9');
    expect(visit({ services: [{ form: 'ptm' }], diagnoses: [{ code: 'I10' }] }).context.reasonCode).toBeUndefined();
    expect(visit({ services: [{ form: 'mtbs' }] }).holds).toEqual(['reason-code-missing']);
  });

  it('lets an 18-year-old and a pregnant woman stay in cluster 2', () => {
    expect(visit({ cluster: 'K2' }, '2008-01-01').clusterFits).toBe(true);
    expect(visit({ cluster: 'K2', services: [{ form: 'anc' }] }).clusterFits).toBe(true);
    expect(visit({ cluster: 'K2' })).toMatchObject({ clusterFits: false, expectedCluster: 'K3' });
  });

  it('takes the session for a posyandu record without a time, and holds it without a session', () => {
    const posyandu = (record: Record<string, unknown>) =>
      builder.visit(
        'village-observations',
        { date: '2026-08-05', context: 'hari_buka', ...record },
        { timeZone: 'Asia/Makassar', birthDate: '2025-01-01' },
      );
    expect(posyandu({ sessionStart: '08:00', sessionEnd: '11:00' }).context).toMatchObject({
      start: '2026-08-05T08:00:00+08:00',
      end: '2026-08-05T11:00:00+08:00',
      reasonCode: 'Z00.1',
    });
    expect(posyandu({}).holds).toEqual(['time-missing']);
    expect(posyandu({ date: '2026-08-05T09:00:00+08:00' }).context).toMatchObject({
      start: '2026-08-05T09:00:00+08:00',
      end: '2026-08-05T09:00:00+08:00',
    });
  });

  it('asks no reason code of a home visit', () => {
    const home = builder.visit('village-observations', { date: '2026-08-05T09:00:00+07:00', context: 'kunjungan_rumah' }, jakarta);
    expect(home.holds).toEqual([]);
  });
});

describe('plausibility', () => {
  const codes = (record: Record<string, unknown>) =>
    catalogue.checkPlausible('encounters', record).map(({ code, field }) => `${code}@${field}`);

  it('names the field and the bounds, never the value', () => {
    const [found] = catalogue.checkPlausible('encounters', { vitals: { weight: 605 } });
    expect(found).toMatchObject({ code: 'field-range', field: 'vitals.weight' });
    expect(found?.text.en).toContain('0.3');
    expect(JSON.stringify(found)).not.toContain('605');
  });

  it('finds tokens and codes that no table has', () => {
    expect(codes({ diagnoses: [{ code: 'I10' }, { code: 'X99.9' }] })).toEqual(['code-unknown@diagnoses[1].code']);
    expect(codes({ services: [{ form: 'anc', answers: { merokok: 'kadang' } }] })).toEqual(['code-unknown@services[0].answers.merokok']);
    expect(codes({ services: [{ form: 'tidak-ada' }] })).toEqual(['form-unknown@services[0].form']);
    expect(codes({ immunizations: [{ vaccine: 'XYZ' }], labRequests: [{ code: 'xyz' }] })).toEqual([
      'code-unknown@immunizations[0].vaccine',
      'code-unknown@labRequests[0].code',
    ]);
    expect(codes({ laboratory: { glucose: 5, glucoseType: 'fasting' } })).toEqual(['field-range@laboratory.glucose']);
  });

  it('survives records of any shape', () => {
    for (const record of [{ vitals: 7 }, { services: 'x' }, { services: [null, 7, { answers: null }] }, { diagnoses: {} }]) {
      expect(() => catalogue.checkPlausible('encounters', record)).not.toThrow();
    }
  });
});
