import { describe, expect, it } from 'vitest';
import { readAssets } from '../../../src/config/assets.ts';
import { compileEngines } from '../../../src/engines.ts';
import { buildContext } from '../../../src/intake/contexts.ts';
import type { FacilityEntry } from '../../../src/store/port.ts';
import { catalogue, mapper, readCase, run } from './harness.ts';

/** What SATUSEHAT's official bodies and playbooks ask for beside its numbered rules. */

// biome-ignore lint/suspicious/noExplicitAny: read field by field
type Any = any;
const resources = (name: string, item: string): Any[] =>
  run(readCase(name))
    .mapped.resources.filter((one) => one.item === item)
    .map(({ resource }) => resource);
const codes = (concept: Any): string[] => concept.coding.map(({ code }: { code: string }) => code);

describe('immunisation', () => {
  const given = (immunization: unknown, person: { birthDate: string; sex: 'male' | 'female' }): Any => {
    const one = readCase('imunisasi');
    const { mapped } = run({ ...one, ...person, raw: { ...(one.raw as object), immunizations: [immunization] } });
    return mapped.resources.find(({ item }) => item === 'immunization')?.resource;
  };
  const child = { birthDate: '2026-05-20', sex: 'female' } as const;

  it('of a combined vaccine names the group of each antigen, and no product that nobody stated', () => {
    const [pentavalent] = resources('imunisasi', 'immunization').filter(({ lotNumber }) => lotNumber === 'PEN2601');
    expect(codes(pentavalent.vaccineCode)).toEqual(['VG107', 'VG45', 'VG17', '198']);
  });

  it('writes CVX codes as they are published, with their zero', () => {
    expect(codes(given({ vaccine: 'MR', dose: 1, lot: 'a', expiry: '2027-01-01' }, child).vaccineCode)).toEqual(['VG03', '04']);
    expect(codes(given({ vaccine: 'HB0', dose: 1, lot: 'a', expiry: '2027-01-01' }, child).vaccineCode)).toEqual(['VG45', '08']);
  });

  it.each([
    ['BCG', 1, child, 'IM-Dasar'],
    ['DPT-HB-Hib', 3, child, 'IM-Dasar'],
    ['DPT-HB-Hib', 4, { birthDate: '2025-01-20', sex: 'male' }, 'IM-Baduta'],
    ['PCV', 2, child, 'IM-Dasar'],
    ['PCV', 3, { birthDate: '2025-07-20', sex: 'male' }, 'IM-Baduta'],
    ['MR', 2, { birthDate: '2025-01-20', sex: 'male' }, 'IM-Baduta'],
    ['MR', 3, { birthDate: '2019-01-20', sex: 'male' }, undefined],
    ['DT', 1, { birthDate: '2019-01-20', sex: 'male' }, 'IM-SD'],
    ['HPV', 1, { birthDate: '2015-01-20', sex: 'female' }, 'IM-SD'],
    ['Td', 1, { birthDate: '2018-01-20', sex: 'female' }, 'IM-SD'],
    ['Td', 1, { birthDate: '2011-01-20', sex: 'female' }, undefined],
    ['Td', 2, { birthDate: '1998-01-20', sex: 'female' }, 'IM-WUS'],
    ['Td', 2, { birthDate: '1998-01-20', sex: 'male' }, undefined],
  ] as const)('%s dose %s: the programme of the playbook, or none', (vaccine, dose, person, reason) => {
    const found = given({ vaccine, dose, lot: 'a', expiry: '2027-01-01' }, person);
    expect(found.reasonCode?.map((concept: Any) => concept.coding[0].code)).toEqual(reason && [reason]);
  });

  it("keeps the sender's reason, and refuses one that is not published", () => {
    const reasoned = given({ vaccine: 'BCG', dose: 1, reason: 'IM-Tambahan', lot: 'a', expiry: '2027-01-01' }, child);
    expect(reasoned.reasonCode).toHaveLength(1);
    expect(reasoned.reasonCode[0].coding[0]).toMatchObject({ code: 'IM-Tambahan', display: 'Imunisasi Program Tambahan' });
    expect(catalogue.checkPlausible('encounters', { immunizations: [{ vaccine: 'BCG', reason: 'BIAS' }] })).toMatchObject([
      { code: 'code-unknown', field: 'immunizations[0].reason' },
    ]);
  });
});

describe('vitamin A', () => {
  it('sends the blue capsule, which has a published code, and keeps the red one', () => {
    const items = (name: string) => run(readCase(name)).mapped.resources.map(({ item }) => item);
    expect(items('posyandu-balita')).toContain('vitamin-a.capsule');
    expect(items('posyandu-tanpa-jam')).toContain('vitamin-a.capsule-red');
    expect(catalogue.decide('village-observations', 'vitamin-a.capsule')).toBe('send');
    expect(catalogue.decide('village-observations', 'vitamin-a.capsule-red')).toBe('local');
  });
});

describe('dates without time', () => {
  it('stay the same day in UTC and in each zone of the country', () => {
    const lmp = run(readCase('anc')).mapped.resources.find(({ item }) => item === 'pregnancy.lmp')?.resource as Any;
    expect(lmp.valueDateTime).toMatch(/^\d{4}-\d{2}-\d{2}T00:00:00\+00:00$/);
  });

  it('of a contact are kept while its time is missing', () => {
    const { mapped, visit } = run(readCase('posyandu-tanpa-jam'));
    expect(visit?.holds).toContain('time-missing');
    for (const { resource } of mapped.resources as Any[]) {
      if (resource.resourceType === 'Encounter') expect(resource).toMatchObject({ status: 'finished', period: { start: '2026-08-05' } });
      if (resource.resourceType === 'Observation') expect(resource.effectiveDateTime).toBe('2026-08-05');
      if (resource.resourceType === 'Procedure') expect(resource.performedDateTime).toBe('2026-08-05');
    }
  });
});

describe('kader', () => {
  it('who is in no register stands with name and NIK on the visit and as performer until somebody validates it', () => {
    const [encounter] = resources('posyandu-tanpa-jam', 'encounter');
    const part = encounter.extension.find(({ url }: Any) => url.endsWith('/ilp-kader-validation')).extension;
    expect(part).toEqual([
      {
        url: 'kader',
        valueReference: {
          type: 'Practitioner',
          identifier: { system: 'https://fhir.kemkes.go.id/id/nik', value: '9999990303900003' },
          display: 'Kader Contoh',
        },
      },
    ]);
    const [weight] = resources('posyandu-tanpa-jam', 'measurements.weight');
    expect(weight.performer).toEqual([{ type: 'Practitioner', display: 'Kader Contoh' }]);
  });
});

describe('leaving', () => {
  it('a posyandu visit ends at home, or elsewhere when the person was sent on', () => {
    const way = (name: string) => resources(name, 'encounter')[0].hospitalization.dischargeDisposition.coding[0];
    expect(way('posyandu-balita')).toMatchObject({ code: 'home', display: 'Home' });
    expect(way('posyandu-tanpa-jam')).toMatchObject({ code: 'other-hcf', display: 'Other healthcare facility' });
    expect(resources('kunjungan-rumah', 'encounter.home')[0].hospitalization).toBeUndefined();
  });
});

describe('the second parent of a posyandu', () => {
  const { contexts } = compileEngines(readAssets());
  const unit = (code: string, kind: string): FacilityEntry => ({
    ...{ code, kind, name: code, supervisor: null, puskesmas: 'P1', village: null, timeZone: 'Asia/Jakarta', active: true },
    ...{ organization: `Organization/${code}`, location: `Location/${code}` },
  });
  const map = (known: readonly FacilityEntry[]) => {
    const record = {
      ...{ sourceSystem: 'dinkes', sourceId: 'PSY' },
      kind: 'posyandu',
      code: 'PSY',
      name: 'Posyandu',
      parentCode: '3329092001',
    };
    const { context } = buildContext(contexts, 'facilities', record, {
      now: '2026-08-05T12:00:00.000Z',
      resolved: { issues: [], unit: unit('PSY', 'posyandu') },
      registers: { facility: (code) => known.find((one) => one.code === code) },
      organizationOf: (code) => `Organization/${code}`,
    });
    const { resources: made } = mapper.map('facilities', record, context, (role) =>
      role === 'organization:village' ? '3329092001' : role,
    );
    return made.map(({ resource }) => resource) as Any[];
  };

  it('is made where nobody sent the village, so that the affiliation points to something', () => {
    const made = map([]);
    const affiliation = made.find(({ resourceType }) => resourceType === 'OrganizationAffiliation');
    expect(affiliation.organization.reference).toBe('Organization/3329092001');
    expect(made.map(({ resourceType, id }) => `${resourceType}/${id}`)).toContain('Organization/3329092001');
  });

  it('is the village itself where it is registered', () => {
    const made = map([unit('3329092001', 'desa')]);
    expect(made.filter(({ resourceType }) => resourceType === 'Organization')).toHaveLength(1);
  });
});
