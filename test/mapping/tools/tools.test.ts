import { describe, expect, it } from 'vitest';
import { readAssets } from '../../../src/config/assets.ts';
import { compileEngines } from '../../../src/engines.ts';
import { CoverageCount, compareResults, Differences, type MapCase, tryCase } from '../../../src/mapping/tools/index.ts';
import type { MapResult } from '../../../src/mapping/types.ts';
import type { R4Elements } from '../../../src/terminology/r4-elements.ts';

const assets = readAssets();
const elements = JSON.parse(assets.profiles['r4/elements.json'] as string) as R4Elements;
const rooms = compileEngines(assets);
/** The shipped maps with one text of a file replaced. */
const changed = (file: string, from: string, to: string) => {
  const text = assets.mappings[file] as string;
  expect(text).toContain(from);
  return compileEngines({ ...assets, mappings: { ...assets.mappings, [file]: text.replace(from, to) } });
};
const person: MapCase = {
  feed: 'persons',
  raw: {
    sourceSystem: 'a',
    sourceId: '1',
    name: 'Contoh',
    nik: '9999990303900003',
    birthDate: '1990-03-03',
    sex: 'male',
    phone: '0812345678',
  },
};

const result = (...resources: object[]): MapResult => ({
  resources: resources.map((resource, index) => ({ role: `r${index}`, item: '', resource: resource as never })),
  issues: [],
  unused: [],
});

describe('field-level differences', () => {
  it('are told by role and element; what is on one side only is told whole', () => {
    const before = result({ resourceType: 'Patient', name: [{ text: 'a' }], gender: 'male', active: true });
    const after = result(
      { resourceType: 'Patient', name: [{ text: 'b' }, { text: 'c' }], gender: 'male' },
      { resourceType: 'Group', x: 1 },
    );
    expect(compareResults(before, after)).toEqual([
      { role: 'r0', expression: 'Patient.name[0].text', change: 'changed', before: 'a', after: 'b' },
      { role: 'r0', expression: 'Patient.name[1]', change: 'new', after: { text: 'c' } },
      { role: 'r0', expression: 'Patient.active', change: 'lost', before: true },
      { role: 'r1', expression: 'Group', change: 'new', after: { resourceType: 'Group', x: 1 } },
    ]);
    expect(compareResults(before, before)).toEqual([]);
    expect(compareResults(result(), result())).toEqual([]);
  });

  it('another type in one role, null, and an array for a value are changes', () => {
    const of = (value: unknown) => result({ resourceType: 'Basic', value });
    expect(compareResults(of([1]), of(1))).toMatchObject([{ expression: 'Basic.value', change: 'changed' }]);
    expect(compareResults(of(null), of({}))).toMatchObject([{ change: 'changed', before: null, after: {} }]);
    expect(compareResults(of('1'), of(1))).toHaveLength(1);
    expect(compareResults(result({ resourceType: 'A' }), result({ resourceType: 'B' }))).toMatchObject([{ expression: 'A.resourceType' }]);
  });

  it('are counted over records, the most frequent first', () => {
    const differences = new Differences();
    const one = { role: 'r', change: 'changed' as const, before: 1, after: 2 };
    differences.add('persons', 'f:1', [
      { ...one, expression: 'P.a[0].b' },
      { ...one, expression: 'P.a[1].b' },
    ]);
    differences.add('persons', 'f:2', [{ ...one, expression: 'P.c' }]);
    differences.add('persons', 'f:3', []);
    const report = differences.report();
    expect(report).toMatchObject({ records: 3, different: 2, lost: 0, new: 0, changed: 3 });
    expect(report.fields).toMatchObject([
      { expression: 'P.a.b', count: 2, records: 1, example: { record: 'f:1', expression: 'P.a[0].b' } },
      { expression: 'P.c', count: 1, records: 1 },
    ]);
  });

  it('a map that loses an element is seen', () => {
    const poorer = changed('persons.map', 'src.phone as phone', 'src.noJkn as phone');
    expect(compareResults(tryCase(rooms, person).mapped, tryCase(poorer, person).mapped)).toEqual([
      { role: 'patient', expression: 'Patient.telecom', change: 'lost', before: [{ system: 'phone', value: '0812345678', use: 'mobile' }] },
    ]);
  });
});

describe('coverage', () => {
  it('every field of every contract is used by a rule or by intake', () => {
    for (const feed of ['facilities', 'persons', 'practitioners', 'encounters', 'village-observations'] as const) {
      const { fields, unread } = rooms.mapper.reach(feed);
      expect(fields.length).toBeGreaterThan(10);
      expect(unread, feed).toEqual([]);
    }
  });

  it('tells a field that no rule reads any more', () => {
    const poorer = changed('persons.map', 'src.phone as phone', 'src.noJkn as phone');
    const { unread } = poorer.mapper.reach('persons');
    expect(unread).toEqual(['phone']);
  });

  it('tells the rules that never ran, with file and line', () => {
    const count = new CoverageCount(rooms, 'persons');
    count.add(tryCase(rooms, person));
    const { idle, written } = count.report(elements).elements;
    expect(idle.length).toBeLessThan(written);
    expect(idle).toContainEqual(expect.objectContaining({ map: 'persons.map', element: 'multipleBirthInteger' }));
    expect(idle.every(({ map, line }) => !map.endsWith('.map') || line > 0)).toBe(true);
    expect(idle.map(({ type }) => type)).not.toContain('Bundle.entry');
    expect(idle).not.toContainEqual(expect.objectContaining({ element: 'birthDate' }));
  });

  it('without a sample only says what the maps can do', () => {
    const report = new CoverageCount(rooms, 'persons').report(elements);
    expect(report).toMatchObject({ records: 0, unused: [], elements: { idle: [] } });
    const patient = report.elements.impossible.find(({ type }) => type === 'Patient');
    expect(patient?.elements).toContain('photo');
    expect(patient?.elements).not.toContain('birthDate');
    // A choice element counts by any of its types.
    expect(patient?.elements).not.toContain('deceased[x]');
  });

  it('counts fields of the sample that nothing reads', () => {
    const count = new CoverageCount(rooms, 'encounters');
    const raw = { sourceSystem: 'a', sourceId: '1', services: [{ form: 'ptm', answers: { neverHeardOf: 'ya' } }] };
    for (let i = 0; i < 2; i++) count.add(tryCase(rooms, { feed: 'encounters', raw }));
    expect(count.report(elements).unused.map(({ records }) => records)).toContain(2);
  });
});
