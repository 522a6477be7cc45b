import type { Resource } from '@medplum/fhirtypes';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { KADER, MIDWIFE, MOTHER, type Running, register, runService, visit, weighing } from '../http/running-service.ts';

const ALL = { client: 'test', facilities: 'all', purpose: 'intake' } as const;
let running: Running;
let stored: readonly Resource[];

const referencesOf = (value: unknown): string[] => {
  if (Array.isArray(value)) return value.flatMap(referencesOf);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === 'reference' && typeof inner === 'string' ? [inner] : referencesOf(inner),
  );
};

beforeAll(async () => {
  running = await runService();
  const key = await running.client('dinas');
  await register(running, key);
  const baby = { nikIbu: MOTHER, birthOrder: 1, name: 'By. Ny. Ayu', birthDate: '2026-07-01', sex: 'male', facilityCode: 'P1' };
  const persons = await running.post(
    'persons',
    [{ ...baby, sourceSystem: 'simpus', sourceId: 'RM-9', motherName: 'Ayu Lesmana', posyanduCode: 'P1-PY' }],
    key,
  );
  const encounters = await running.post('encounters', [visit('R-1'), visit('R-2', { person: { inline: baby }, cluster: 'K2' })], key);
  const village = await running.post(
    'village-observations',
    [
      weighing('R-3', { person: { inline: { ...baby, motherName: 'Ayu Lesmana' } } }),
      weighing('R-4', { context: 'kunjungan_rumah', person: { nik: MOTHER }, dangerSigns: ['demam'], practitioner: { nik: MIDWIFE } }),
      weighing('R-5', { person: { nik: MOTHER }, kader: { nik: KADER }, validatedBy: undefined }),
    ],
    key,
  );
  const references = new Set<string>();
  for (const answer of [persons, encounters, village]) {
    expect(answer.body.refused).toBe(0);
    for (const { id } of answer.body.receipts) {
      const [submission] = await running.service.store.submissionsById(ALL, [id]);
      for (const reference of submission?.resources ?? []) references.add(reference);
    }
  }
  // What refers further is read until nothing new appears.
  const found = new Map<string, Resource>();
  for (let open = [...references]; open.length > 0; ) {
    const page = await running.service.store.resources(ALL, open);
    for (const { resource } of page) found.set(`${resource.resourceType}/${resource.id}`, resource as Resource);
    expect(open.filter((reference) => !found.has(reference))).toEqual([]);
    open = [...new Set(page.flatMap(({ resource }) => referencesOf(resource)))].filter((reference) => !found.has(reference));
  }
  stored = [...found.values()];
});
afterAll(() => running.stop());

it('every reference leads to something that is stored', () => {
  expect(stored.map(({ resourceType }) => resourceType)).toEqual(
    expect.arrayContaining(['Patient', 'RelatedPerson', 'Organization', 'Location', 'Practitioner', 'Encounter', 'Observation']),
  );
});

it('a child told of by three sources has one mother', () => {
  const mothers = stored.filter((resource) => resource.resourceType === 'RelatedPerson');
  expect(mothers).toHaveLength(1);
  expect(mothers[0]).toMatchObject({ name: [{ text: 'Ayu Lesmana' }] });
});

it('the posyandu where a child is registered stands on the Patient', () => {
  const baby = stored.find((resource) => resource.resourceType === 'Patient' && resource.name?.[0]?.text === 'By. Ny. Ayu');
  const posyandu = stored.find((resource) => resource.resourceType === 'Organization' && resource.name?.startsWith('Posyandu'));
  expect(JSON.stringify(baby)).toContain(`ilp-posyandu","valueReference":{"reference":"Organization/${posyandu?.id}"`);
});
