import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countDuplicates } from '../../src/sandbox/duplicates.ts';
import { SYSTEMS } from '../../src/terminology/systems.ts';
import { type Body, encounter, location, observation, type Running, startForTest, transactionOf } from './support.ts';

let running: Running;
beforeAll(async () => {
  running = await startForTest();
});
afterAll(() => running.sandbox.stop());

const dump = async () => (await running.send('GET', '/_sandbox/dump?format=json')).body as unknown as Body[];

describe('countDuplicates', () => {
  it('finds two seeded duplicates in the dump of a platform, under other ids and identifiers', async () => {
    const place = (await running.fhir('POST', '/Location', location('D-0'))).body.id;
    const visitOf = (value: string) => {
      const visit = `urn:uuid:${randomUUID()}`;
      return transactionOf(
        [visit, encounter(value, place)],
        [`urn:uuid:${randomUUID()}`, observation(visit)],
        [
          `urn:uuid:${randomUUID()}`,
          observation(visit, {
            code: { coding: [{ system: SYSTEMS.loinc, code: '8302-2' }] },
            valueQuantity: { value: 80, unit: 'cm', system: SYSTEMS.ucum, code: 'cm' },
          }),
        ],
      );
    };
    expect((await running.fhir('POST', '', visitOf('D-1'))).status).toBe(200);
    expect(countDuplicates(await dump())).toEqual({ groups: [], duplicates: 0 });

    // The same visit once more under another identifier, without the height: an Encounter and a weight too many.
    const again = visitOf('D-2');
    again.entry.pop();
    expect((await running.fhir('POST', '', again)).status).toBe(200);
    const { groups, duplicates } = countDuplicates(await dump());
    expect(duplicates).toBe(2);
    expect(groups.map(({ resourceType, ids }) => [resourceType, ids.length])).toEqual([
      ['Encounter', 2],
      ['Observation', 2],
    ]);
  });

  const base: Body[] = [
    { resourceType: 'Encounter', id: 'e1', subject: { reference: 'Patient/1' }, period: { start: '2026-08-12T08:00:00+07:00' } },
    { resourceType: 'Encounter', id: 'e2', subject: { reference: 'Patient/2' }, period: { start: '2026-08-12T01:00:00+00:00' } },
    { ...observation('Encounter/e1'), id: 'o1', subject: { reference: 'Patient/1' } },
  ];
  const twin: Body = { ...observation('Encounter/e1'), id: 'o2', subject: { reference: 'Patient/1' } };

  it('compares instants, not their text, and codings in any order', () => {
    const other = { ...twin, effectiveDateTime: '2026-08-12T08:10:00+07:00' };
    expect(countDuplicates([...base, other]).groups).toEqual([{ resourceType: 'Observation', ids: ['o1', 'o2'] }]);
  });

  it('does not take different facts for one', () => {
    const different: Body[] = [
      { ...twin, valueQuantity: { ...twin.valueQuantity, value: 12.6 } },
      { ...twin, effectiveDateTime: '2026-08-12T01:11:00+00:00' },
      { ...twin, subject: { reference: 'Patient/2' } },
      { ...twin, code: { coding: [{ system: SYSTEMS.loinc, code: '8302-2' }] } },
      { ...twin, resourceType: 'Condition' },
    ];
    for (const other of different) expect(countDuplicates([...base, other]).duplicates).toBe(0);
  });

  it('counts every member of a group but one', () => {
    expect(countDuplicates([...base, twin, { ...twin, id: 'o3' }]).duplicates).toBe(2);
  });

  it('is not misled by the order of the dump', () => {
    const again = [
      { ...base[0], id: 'e9' },
      { ...base[2], id: 'o9', encounter: { reference: 'Encounter/e9' } },
    ];
    const expected = [
      ['Encounter', 2],
      ['Observation', 2],
    ];
    const all = [...base, ...again] as Body[];
    for (const resources of [all, all.toReversed()]) {
      const { groups, duplicates } = countDuplicates(resources);
      expect(duplicates).toBe(2);
      expect(groups.map(({ resourceType, ids }) => [resourceType, ids.length]).sort()).toEqual(expected);
    }
  });

  it('an encounter that nobody dumped is told from another by its reference', () => {
    const lost = { ...twin, encounter: { reference: 'Encounter/gone' } };
    expect(countDuplicates([...base, lost, { ...lost, id: 'o3' }]).groups.map(({ ids }) => ids)).toEqual([['o2', 'o3']]);
  });

  it('takes twins, other mothers’ children and both parents for what they are', () => {
    const mother = (value: string) => [{ system: SYSTEMS.nikIbu, value }];
    const child = (id: string, more: Body): Body => ({
      resourceType: 'Patient',
      id,
      identifier: [...mother('9900000000000001'), { system: SYSTEMS.ihsNumber, value: id }],
      name: [{ text: 'By. Ny. Siti' }],
      gender: 'male',
      birthDate: '2026-08-01',
      multipleBirthInteger: 1,
      ...more,
    });
    const related = (id: string, code: string): Body => ({
      resourceType: 'RelatedPerson',
      id,
      patient: { reference: 'Patient/P1' },
      name: [{ text: 'Siti' }],
      relationship: [{ coding: [{ code }] }],
    });
    const different = [
      child('P1', {}),
      child('P2', { multipleBirthInteger: 2 }),
      child('P3', { birthDate: '2026-08-02' }),
      child('P4', { gender: 'female' }),
      child('P5', { identifier: mother('9900000000000002') }),
      related('r1', 'MTH'),
      related('r2', 'FTH'),
    ];
    expect(countDuplicates(different)).toEqual({ groups: [], duplicates: 0 });
    expect(countDuplicates([...different, child('P6', {}), related('r3', 'FTH')])).toEqual({
      groups: [
        { resourceType: 'Patient', ids: ['P1', 'P6'] },
        { resourceType: 'RelatedPerson', ids: ['r2', 'r3'] },
      ],
      duplicates: 2,
    });
  });
});
