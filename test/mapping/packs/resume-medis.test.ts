import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Composition } from '@medplum/fhirtypes';
import { describe, expect, it } from 'vitest';
import type { MapCase } from '../../../src/mapping/tools/index.ts';
import { catalogue, rules, run } from '../maps/harness.ts';

const folder = path.join(import.meta.dirname, '../../../mappings/packs/resume-medis/tests/lengkap');
const full = JSON.parse(readFileSync(path.join(folder, 'input.json'), 'utf8')) as MapCase & { raw: Record<string, unknown> };
const SUMMARY = { form: 'resume-medis', answers: { selesai: true } };

const resourcesOf = (change: object) => run({ ...full, raw: { ...full.raw, ...change } }).mapped.resources;
const summaryOf = (change: object) =>
  resourcesOf(change).find(({ resource }) => resource.resourceType === 'Composition')?.resource as Composition | undefined;
const references = (node: unknown): string[] =>
  JSON.stringify(node)
    .split('"reference":"')
    .slice(1)
    .map((rest) => rest.slice(0, rest.indexOf('"')));

describe('the discharge summary', () => {
  it('points only to what is sent, and passes the rules of the platform', () => {
    const { context, mapped } = run(full);
    const sent = mapped.resources.filter(({ item }) => catalogue.decide('encounters', item) === 'send').map(({ resource }) => resource);
    const summary = sent.find(({ resourceType }) => resourceType === 'Composition') as Composition;
    const known = new Set(sent.map((resource) => `${resource.resourceType}/${resource.id}`));
    expect(references(summary.section)).toHaveLength(71);
    expect(references(summary.section).filter((reference) => !known.has(reference))).toEqual([]);
    expect(rules.check(summary, { now: context.now })).toEqual([]);
  });

  it('leaves out what is empty', () => {
    const { diagnoses } = full.raw;
    const summary = summaryOf({ vitals: undefined, labRequests: undefined, diagnoses, services: [SUMMARY] });
    expect(summary?.section?.map(({ title }) => title)).toEqual(['Diagnosis']);
  });

  it('says nothing of what stays in the district', () => {
    const services = [
      SUMMARY,
      { form: 'alergi', answers: { jenis: 'makanan', masihAda: true, catatan: 'udang' } },
      { form: 'riwayat-obat', answers: { namaObat: 'jamu', masihDiminum: true } },
    ];
    expect(resourcesOf({ services }).filter(({ item }) => /^(alergi|riwayat-obat)\./.test(item))).toHaveLength(2);
    expect(references(summaryOf({ services })?.section).filter((one) => /^(Allergy|MedicationS)/.test(one))).toEqual([]);
  });

  it('is not there before it is complete', () => {
    expect(summaryOf({ services: [{ ...SUMMARY, answers: { selesai: false } }] })).toBeUndefined();
  });
});
