import type { Observation, Organization, Resource } from '@medplum/fhirtypes';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { outgoingReferences, project } from '../../src/satusehat/projection.ts';
import { ILP_BASE, localSid, SYSTEMS } from '../../src/terminology/systems.ts';

const A = '0b2f7b0e-5f0a-8c11-9a54-0d8f6a1c2b3d';
const B = '1c3f7b0e-5f0a-8c11-9a54-0d8f6a1c2b3e';
const context = (ids: Record<string, string> = {}, within: string[] = []) => ({
  organizationId: '100025609',
  ids: new Map(Object.entries(ids)),
  within: new Set(within),
});

const encounter = {
  resourceType: 'Encounter',
  id: A,
  meta: { versionId: '3', profile: [`${ILP_BASE}/StructureDefinition/ilp-encounter`] },
  text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">x</div>' },
  extension: [
    { url: `${ILP_BASE}/StructureDefinition/ilp-klaster`, valueCoding: { system: SYSTEMS.klaster, code: 'K2' } },
    { url: 'https://fhir.kemkes.go.id/r4/StructureDefinition/ServiceClass', valueString: 'kept' },
  ],
  identifier: [
    { system: localSid('encounter'), value: A },
    { system: SYSTEMS.sourceRecord, value: 'simpus|42' },
  ],
  status: 'finished',
  class: { system: SYSTEMS.actCode, code: 'AMB' },
  type: [{ coding: [{ system: SYSTEMS.klaster, code: 'K2' }] }],
  subject: { reference: 'Patient/p1', display: 'Nama' },
  period: { start: '2026-11-22T08:00:00.500+07:00', end: '2026-11-22T08:30:00Z' },
  location: [{ location: { reference: 'Location/l1' } }],
  diagnosis: [{ condition: { reference: `Condition/${B}` }, rank: 1 }],
} as unknown as Resource & { id: string };

describe('project', () => {
  it('leaves out what is ours alone and writes what the platform needs', () => {
    const ids = { 'Patient/p1': 'P02280547535', 'Location/l1': 'loc-9' };
    const { resource, issues } = project(encounter, context(ids, [`Encounter/${A}`, `Condition/${B}`]));
    expect(issues).toEqual([]);
    expect(resource).toEqual({
      resourceType: 'Encounter',
      extension: [{ url: 'https://fhir.kemkes.go.id/r4/StructureDefinition/ServiceClass', valueString: 'kept' }],
      identifier: [{ system: 'http://sys-ids.kemkes.go.id/encounter/100025609', value: A }],
      status: 'finished',
      class: { system: SYSTEMS.actCode, code: 'AMB' },
      subject: { reference: 'Patient/P02280547535', display: 'Nama' },
      period: { start: '2026-11-22T01:00:00+00:00', end: '2026-11-22T08:30:00+00:00' },
      location: [{ location: { reference: 'Location/loc-9' } }],
      diagnosis: [{ condition: { reference: `urn:uuid:${B}` }, rank: 1 }],
    });
  });

  it('names the place of a reference that has no platform id, and does not throw', () => {
    const { issues } = project(encounter, context({ 'Patient/p1': 'P1' }, [`Condition/${B}`]));
    expect(issues.map((found) => [found.code, found.expression])).toEqual([['dependency-failed', 'Encounter.location[0].location']]);
  });

  it('translates only the identifier of its own kind', () => {
    const posyandu: Organization = {
      resourceType: 'Organization',
      id: B,
      identifier: [
        { system: localSid('organization'), value: '3329-PSY-1' },
        { system: SYSTEMS.kodePuskesmas, value: 'P3329' },
        { system: localSid('encounter'), value: 'x' },
      ],
      name: 'Posyandu Melati 1',
    };
    expect((project(posyandu, context()).resource as Organization).identifier).toEqual([
      { system: 'http://sys-ids.kemkes.go.id/organization/100025609', value: '3329-PSY-1' },
    ]);
  });

  it('drops a component that only we can read, and keeps a quantity in a unit of ours by its number', () => {
    const observation = {
      resourceType: 'Observation',
      id: A,
      code: {
        coding: [
          { system: SYSTEMS.loinc, code: '8480-6' },
          { system: `${ILP_BASE}/CodeSystem/items`, code: 'sys' },
        ],
        text: 'TD',
      },
      component: [
        { code: { coding: [{ system: `${ILP_BASE}/CodeSystem/items`, code: 'x' }] }, valueString: 'y' },
        {
          code: { coding: [{ system: SYSTEMS.loinc, code: '8462-4' }] },
          valueQuantity: { value: 80, unit: 'u', system: `${ILP_BASE}/u`, code: 'u' },
        },
      ],
      valueString: '2026-11-22T08:00:00+07:00',
      note: [{ text: '2026-11-22T08:00:00+07:00' }],
      effectiveDateTime: '2026-11-22',
    } as unknown as Observation & { id: string };
    const sent = project(observation, context()).resource as Observation;
    expect(sent.code).toEqual({ coding: [{ system: SYSTEMS.loinc, code: '8480-6' }], text: 'TD' });
    expect(sent.component).toEqual([
      { code: { coding: [{ system: SYSTEMS.loinc, code: '8462-4' }] }, valueQuantity: { value: 80, unit: 'u' } },
    ]);
    // Free text is not rewritten, and a date without time stays a date.
    expect([sent.valueString, sent.note?.[0]?.text, sent.effectiveDateTime]).toEqual([
      '2026-11-22T08:00:00+07:00',
      '2026-11-22T08:00:00+07:00',
      '2026-11-22',
    ]);
  });

  it('keeps primitives and their extensions at the same positions', () => {
    const patient = {
      resourceType: 'Patient',
      id: A,
      name: [{ given: ['A', null], _given: [null, { extension: [{ url: `${ILP_BASE}/x`, valueCode: 'x' }] }] }],
      _birthDate: { extension: [{ url: `${ILP_BASE}/x`, valueCode: 'x' }] },
    } as unknown as Resource;
    expect(project(patient, context()).resource).toEqual({ resourceType: 'Patient', name: [{ given: ['A', null] }] });
  });

  const json = fc.letrec((tie) => ({
    string: fc.oneof(
      fc.string({ maxLength: 12 }),
      fc.constantFrom(`${ILP_BASE}/x`, localSid('observation'), SYSTEMS.sourceRecord, SYSTEMS.loinc),
      fc.date({ min: new Date('2015-01-01'), max: new Date('2030-01-01'), noInvalidDate: true }).map((date) => date.toISOString()),
      fc.constantFrom('2026-01-02T03:04:05+09:00', '2026-01-02T03:04+07:00', 'Patient/p1', 'Condition/c9', '#c', 'urn:uuid:x'),
    ),
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      tie('string'),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      tie('list'),
      tie('object'),
    ),
    list: fc.array(tie('value'), { maxLength: 4 }),
    object: fc.dictionary(
      fc.constantFrom(
        'system',
        'value',
        'code',
        'coding',
        'extension',
        'url',
        'reference',
        'identifier',
        'effectiveDateTime',
        'start',
        'component',
        'text',
        'a',
      ),
      tie('value'),
      { maxKeys: 6 },
    ),
  }));
  const resources = (json.object as fc.Arbitrary<Record<string, unknown>>).map(
    (body) =>
      ({ resourceType: 'Observation', id: A, subject: body, extension: [body], identifier: [body] }) as unknown as Resource & {
        id: string;
      },
  );

  it('property: for any content, nothing ours and no local id goes out, instants are UTC, the input stays as it was, and twice is once', () => {
    fc.assert(
      fc.property(resources, (resource) => {
        const before = JSON.stringify(resource);
        freeze(resource);
        const known = context({ 'Patient/p1': 'P1' });
        const { resource: sent } = project(resource, known);
        expect(JSON.stringify(resource)).toBe(before);
        const strings: string[] = [];
        const references: string[] = [];
        visit(sent, (key, value) => {
          if (key === 'reference') {
            references.push(value);
          }
          strings.push(value);
          if (key === 'start' || key === 'effectiveDateTime') {
            expect(value).not.toMatch(/^\d{4}-\d\d-\d\dT.*(Z|\+0[1-9]:\d\d)$/);
          }
        });
        expect(strings.filter((value) => value.startsWith(`${ILP_BASE}/`))).toEqual([]);
        expect(sent.id).toBeUndefined();
        expect(references).not.toContain('Patient/p1');
        const again = project(sent, context({ 'Patient/P1': 'P1' }));
        expect(again.resource).toEqual(sent);
      }),
      {
        numRuns: 500,
        // A list, or an address of ours, in place of the own identifier's value: it went out, and became a second one when projected again.
        examples: [[], `${ILP_BASE}/x`].map((value): [Resource & { id: string }] => [
          { resourceType: 'Observation', id: A, identifier: [{ system: localSid('observation'), value }] } as never,
        ]),
      },
    );
  });

  it('is the same however often and for whomever it was projected before; a component that is not sent needs nothing', () => {
    const observation = {
      resourceType: 'Observation',
      id: A,
      identifier: [{ system: localSid('observation'), value: A }],
      subject: { reference: 'Patient/p1' },
      component: [
        { code: { coding: [{ system: `${ILP_BASE}/CodeSystem/x`, code: 'y' }] }, valueReference: { reference: 'Patient/p2' } },
        { code: { text: 'kept' }, valueReference: { reference: 'Patient/p3' } },
      ],
    } as unknown as Resource & { id: string };
    const first = JSON.stringify(project(observation, context({ 'Patient/p1': 'P1' })));
    const other = project(observation, { ...context({ 'Patient/p1': 'P9', 'Patient/p3': 'P3' }), organizationId: '7' });
    expect(JSON.stringify(project(observation, context({ 'Patient/p1': 'P1' })))).toBe(first);
    expect(other.issues).toEqual([]);
    expect(JSON.stringify(other.resource)).toMatch(/observation\/7".*Patient\/P9.*Patient\/P3/);
    expect(JSON.parse(first).issues[0].expression).toBe('Observation.component[1].valueReference');
    expect(outgoingReferences([observation])).toEqual(['Patient/p1', 'Patient/p3']);
  });

  it('property: an instant keeps its moment, to the second', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1_400_000_000, max: 1_900_000_000 }), fc.integer({ min: -11, max: 14 }), (seconds, offset) => {
        const local = new Date((seconds + offset * 3600) * 1000).toISOString().slice(0, 19);
        const sign = offset < 0 ? '-' : '+';
        const written = `${local}${sign}${String(Math.abs(offset)).padStart(2, '0')}:00`;
        const sent = project({ resourceType: 'Observation', effectiveDateTime: written } as Observation, context()).resource as Observation;
        expect(sent.effectiveDateTime).toMatch(/\+00:00$/);
        expect(Date.parse(sent.effectiveDateTime as string)).toBe(seconds * 1000);
      }),
    );
  });
});

describe('outgoingReferences', () => {
  it('lists what must be on the platform before, without the unit itself and without what is stripped', () => {
    const condition = {
      resourceType: 'Condition',
      id: B,
      subject: { reference: 'Patient/p1' },
      encounter: { reference: `Encounter/${A}` },
      extension: [{ url: `${ILP_BASE}/x`, valueReference: { reference: 'Organization/local-only' } }],
      contained: [{ resourceType: 'Basic', id: 'c', subject: { reference: 'Practitioner/n1' } }],
      evidence: [{ detail: [{ reference: '#c' }, { reference: 'urn:uuid:1' }] }],
    } as unknown as Resource & { id: string };
    expect(outgoingReferences([encounter, condition])).toEqual(['Location/l1', 'Patient/p1', 'Practitioner/n1']);
  });
});

function freeze(value: unknown): void {
  if (typeof value === 'object' && value !== null) {
    Object.freeze(value);
    Object.values(value).forEach(freeze);
  }
}

function visit(value: unknown, on: (key: string, value: string) => void, key = ''): void {
  if (typeof value === 'string') {
    on(key, value);
  } else if (Array.isArray(value)) {
    for (const inner of value) {
      visit(inner, on, `${key}[]`);
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, inner] of Object.entries(value)) {
      visit(inner, on, name);
    }
  }
}
