import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { MapCase } from '../../../src/mapping/tools/index.ts';
import { catalogue, rules, run } from '../maps/harness.ts';

const folder = path.join(import.meta.dirname, '../../../mappings/packs/rawat-jalan/tests/lengkap');
const full = JSON.parse(readFileSync(path.join(folder, 'input.json'), 'utf8')) as MapCase & { raw: Record<string, unknown> };

const visit = (form: string, answers: object): MapCase => ({ ...full, raw: { ...full.raw, services: [{ form, answers }] } });
const made = (form: string, answers: object) =>
  run(visit(form, answers)).mapped.resources.filter(({ item }) => item.startsWith(form) || item.startsWith('tindakan'));
const refusals = (form: string, answers: object) => catalogue.checkPlausible('encounters', run(visit(form, answers)).record);
const types = (form: string, answers: object): string[] => made(form, answers).map(({ resource }) => resource.resourceType);

describe('outpatient care', () => {
  it('sends what the rules of the platform accept', () => {
    const { context, mapped } = run(full);
    const sent = mapped.resources.filter(({ item }) => catalogue.decide('encounters', item) === 'send');
    expect(new Set(sent.map(({ resource }) => resource.resourceType)).size).toBe(13);
    for (const { item, resource } of sent) expect(rules.check(resource, { now: context.now }), item).toEqual([]);
  });

  it('asks for what is not done yet, and only reports what was not asked for', () => {
    expect(types('tindakan', { tindakan: 'ekg', dikerjakan: false })).toEqual(['ServiceRequest']);
    expect(types('tindakan', { tindakan: 'ekg', dikerjakan: true })).toEqual(['Procedure']);
  });

  it.each([
    ['alergi', { jenis: 'makanan', masihAda: true, catatan: 'udang' }],
    ['riwayat-obat', { namaObat: 'jamu', masihDiminum: true }],
  ])('%s: what is only said in words stays in the district', (form, answers) => {
    const [only] = made(form, answers);
    expect(catalogue.decide('encounters', only?.item ?? '')).toBe('local');
  });

  it('an allergy to nothing is none', () => {
    expect(types('alergi', { jenis: 'makanan', masihAda: true })).toEqual([]);
  });

  it('the age at which an illness began counts where no date says it', () => {
    const onset = (answers: object) => made('riwayat-penyakit', { penyakit: 'asma', masihDiderita: true, ...answers })[0]?.resource;
    expect(onset({ usiaMulai: 10 })).toMatchObject({ onsetAge: { value: 10, code: 'a' } });
    expect(onset({ usiaMulai: 10, sejak: '2010-02-01' })).not.toHaveProperty('onsetAge');
  });

  it.each([
    ['rawat-jalan', { luasPermukaanTubuh: 13.5 }, 'luasPermukaanTubuh'],
    ['rawat-jalan', { risiko: 'dbd-derajat-3', kemungkinanRisiko: 20 }, 'kemungkinanRisiko'],
    ['riwayat-penyakit', { penyakit: 'asma', masihDiderita: true, usiaMulai: 1995 }, 'usiaMulai'],
    ['riwayat-obat', { obat: 'amlodipine-5-holi', masihDiminum: true, kaliSehari: 0 }, 'kaliSehari'],
    ['ekokardiografi', { kesimpulan: 'baik', fraksiEjeksi: 120 }, 'fraksiEjeksi'],
    ['ekokardiografi', { kesimpulan: 'baik', diameterAtriumKiri: 450 }, 'diameterAtriumKiri'],
    ['diet', { anjuran: ['banyak-minum'], airMineral: 200 }, 'airMineral'],
  ])('%s: %j cannot be', (form, answers, field) => {
    expect(refusals(form, answers)).toEqual([expect.objectContaining({ code: 'field-range', field: expect.stringContaining(field) })]);
  });
});
