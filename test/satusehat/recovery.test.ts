import { readFileSync } from 'node:fs';
import type { Resource } from '@medplum/fhirtypes';
import { describe, expect, it } from 'vitest';
import { says } from '../../src/satusehat/content.ts';
import { ownIdentifier, SID_KINDS } from '../../src/satusehat/identifiers.ts';
import { parametersFor } from '../../src/satusehat/lookups.ts';
import { project } from '../../src/satusehat/projection.ts';
import { RECOVERY } from '../../src/satusehat/recovery.ts';
import { SURFACES } from '../../src/satusehat/surface.ts';
import { patchOf, updateOf } from '../../src/satusehat/updates.ts';
import type { LocalResource } from '../../src/sync/platform.ts';
import { localSid } from '../../src/terminology/systems.ts';

const LOCAL = '0b2f7b0e-5f0a-8c11-9a54-0d8f6a1c2b3d';
const ids = new Map([
  ['Encounter/e', 'E1'],
  ['Patient/p', 'P1'],
  ['ServiceRequest/s', 'S1'],
  ['Organization/o', 'O1'],
]);
/** A resource of a type, with all that a look-up could want. */
const sample = (resourceType: string): LocalResource =>
  ({
    resourceType,
    id: LOCAL,
    name: 'Unit',
    code: { coding: [{ system: 'http://loinc.org', code: '1' }] },
    type: [{ coding: [{ system: 'http://terminology.kemkes.go.id', code: 'ANC' }] }],
    category: [{ coding: [{ system: 'http://snomed.info/sct', code: '2' }] }],
    vaccineCode: { coding: [{ system: 'http://sys-ids.kemkes.go.id/kfa', code: 'VG1' }] },
    encounter: { reference: 'Encounter/e' },
    context: { reference: 'Encounter/e' },
    subject: { reference: 'Patient/p' },
    patient: { reference: 'Patient/p' },
    partOf: { reference: 'Organization/o' },
    managingOrganization: { reference: 'Organization/o' },
    request: [{ reference: 'ServiceRequest/s' }],
    birthDate: '2025-01-01',
    identifier: resourceType === 'Patient' ? [{ system: 'https://fhir.kemkes.go.id/id/nik-ibu', value: '1' }] : undefined,
  }) as unknown as LocalResource;

const surface = JSON.parse(readFileSync(new URL('../../profiles/platform-surface.json', import.meta.url), 'utf8')) as {
  types: Record<string, Record<'recorded' | 'documented', { searches: string[] }>>;
};

describe('the recovery table', () => {
  it('has a row for every type that is sent', () => {
    for (const type of Object.keys(SID_KINDS)) {
      expect(Object.keys(RECOVERY)).toContain(type);
    }
  });

  it.each(Object.keys(RECOVERY))('%s is searched only in ways that the surface has', (type) => {
    const { recorded, documented } = surface.types[type] as Record<'recorded' | 'documented', { searches: string[] }>;
    const known = (searches: string[]) =>
      searches.map((set) =>
        set
          .split(' ')
          .filter((name) => !name.startsWith('_'))
          .sort()
          .join(' '),
      );
    const offered = { recorded: known(recorded.searches), documented: known([...recorded.searches, ...documented.searches]) };
    for (const name of SURFACES) {
      for (const set of RECOVERY[type]?.search[name] ?? []) {
        const asked = [...set].map((parameter) => (parameter === 'nik-ibu' ? 'identifier' : parameter)).sort();
        expect(offered[name]).toContain(asked.join(' '));
      }
    }
  });

  it.each(Object.keys(RECOVERY))('%s: parameters are platform ids and codes, or there is no look-up', (type) => {
    for (const name of SURFACES) {
      const row = RECOVERY[type];
      const parameters = row && parametersFor(row, name, sample(type), { organizationId: '9', ids, thorough: true });
      expect(parameters === undefined).toBe(row?.search[name].length === 0);
      expect(Object.values(parameters ?? {}).join()).not.toMatch(/urn:|Encounter\/|Patient\//);
    }
  });

  it('a reference that has no platform id yet is no value to search by', () => {
    const row = RECOVERY.Observation;
    expect(
      row && parametersFor(row, 'recorded', sample('Observation'), { organizationId: '9', ids: new Map(), thorough: true }),
    ).toBeUndefined();
    expect(
      row &&
        parametersFor(row, 'documented', sample('Observation'), {
          organizationId: '9',
          ids: new Map([['Patient/p', 'P1']]),
          thorough: true,
        }),
    ).toEqual({
      subject: 'P1',
    });
  });
});

describe('our own identifier', () => {
  it.each(Object.keys(SID_KINDS))('%s is never sent without one, whether it came with it or not', (type) => {
    const system = `http://sys-ids.kemkes.go.id/${SID_KINDS[type]}/9`;
    const sent = (resource: LocalResource) =>
      [(project(resource, { organizationId: '9', ids, within: new Set() }).resource as { identifier?: unknown }).identifier].flat();
    expect(sent(sample(type))).toContainEqual({ system, value: LOCAL });
    const single = ['Composition', 'QuestionnaireResponse'].includes(type);
    const own = { system: localSid(SID_KINDS[type] as string), value: 'X' };
    const given = { ...sample(type), identifier: single ? own : [own] } as unknown as LocalResource;
    expect(sent(given)).toEqual([{ system, value: 'X' }]);
    expect(ownIdentifier(given, '9')).toEqual({ system, value: 'X' });
  });
});

describe('the same content', () => {
  const ours = {
    resourceType: 'Observation',
    status: 'final',
    identifier: [{ system: 'a', value: '1' }],
    effectiveDateTime: '2025-06-10T01:00:00+00:00',
    code: { coding: [{ system: 'x', code: 'y' }] },
    valueQuantity: { value: 1 },
  };
  it.each<[string, object, boolean]>([
    ['as it is', ours, true],
    [
      'with what the platform adds',
      {
        ...ours,
        id: '1',
        meta: { versionId: 'v' },
        text: {},
        plaintext: '',
        identifier: [{ system: 'http://sys-ids.kemkes.go.id/creator', value: '9' }, ...ours.identifier],
        code: { coding: [{ system: 'x', code: 'y', display: 'z' }] },
      },
      true,
    ],
    ['at the same instant in another zone', { ...ours, effectiveDateTime: '2025-06-10T08:00:00+07:00' }, true],
    ['with another value', { ...ours, valueQuantity: { value: 2 } }, false],
    ['with something more', { ...ours, note: [{ text: 'x' }] }, false],
    ['with something less', { ...ours, valueQuantity: undefined }, false],
    ['with another status', { ...ours, status: 'entered-in-error' }, false],
    ['with a second coding', { ...ours, code: { coding: [...ours.code.coding, { system: 'x', code: 'q' }] } }, false],
  ])('%s: %#', (_, theirs, same) => {
    expect(says(theirs, ours)).toBe(same);
  });
});

describe('a patch', () => {
  const row = updateOf('EpisodeOfCare');
  const theirs = {
    status: 'active',
    statusHistory: [{ status: 'active', period: { start: 'a' } }],
    period: { start: 'a' },
    patient: { reference: 'Patient/P' },
  };
  it('closes an episode entry by entry, and names its patient', () => {
    const ours = {
      ...theirs,
      status: 'finished',
      statusHistory: [
        { status: 'active', period: { start: 'a', end: 'b' } },
        { status: 'finished', period: { start: 'b' } },
      ],
      period: { start: 'a', end: 'b' },
    } as unknown as Resource;
    expect(patchOf(theirs, ours, row).map(({ op, path }) => `${op} ${path}`)).toEqual([
      'replace /status',
      'replace /statusHistory/0',
      'add /statusHistory/1',
      'replace /period',
      'replace /patient',
    ]);
  });

  it('has nothing to do where nothing that may be changed differs', () => {
    expect(patchOf(theirs, { ...theirs, managingOrganization: { reference: 'x' } } as unknown as Resource, row)).toEqual([]);
  });

  it('everything else is replaced whole; who is looked up is never changed', () => {
    expect([updateOf('Observation').by, updateOf('Encounter').by, updateOf('Patient').by, updateOf('Practitioner').by]).toEqual([
      'put',
      'put',
      'patch',
      'none',
    ]);
  });
});
