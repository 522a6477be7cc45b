import { describe, expect, it } from 'vitest';
import { createRuleBook } from '../../src/sandbox/rules.ts';
import { DEFAULT_SETTINGS, type Strictness } from '../../src/sandbox/settings.ts';
import { platformSid, SYSTEMS } from '../../src/terminology/systems.ts';
import { complete, goodResource, TABLE } from './rule-cases.ts';
import { type Body, encounter, ORG, observation, outcome, PATIENT } from './support.ts';

const book = createRuleBook(TABLE);
const NOW = Date.parse('2026-08-12T03:00:00Z');

function check(resource: Body, strictness: Partial<Strictness> = {}, creating = false): readonly Body[] {
  return book.check(resource, String(resource.resourceType), {
    organizationId: ORG,
    now: NOW,
    strictness: { ...DEFAULT_SETTINGS.strictness, ...strictness },
    creating,
  });
}
const textsOf = (found: readonly Body[]): string[] => found.map(({ details }) => details.text);

const START = '2026-08-12T01:00:00+00:00';
const END = '2026-08-12T01:30:00+00:00';
const TK = `${SYSTEMS.kemkes}/CodeSystem`;

const visitBody = (more: Body = {}): Body => encounter('E-1', 'l-1', more);
const summary = (more: Body = {}): Body => ({
  resourceType: 'Composition',
  status: 'final',
  type: { coding: [{ system: SYSTEMS.loinc, code: '88645-7' }] },
  subject: { reference: PATIENT },
  encounter: { reference: 'Encounter/1' },
  date: START,
  author: [{ reference: 'Practitioner/10000000001' }],
  title: 'Resume medis',
  ...more,
});
const vaccination = (more: Body = {}): Body => ({
  resourceType: 'Immunization',
  status: 'completed',
  vaccineCode: { coding: [{ system: SYSTEMS.kfa, code: '93001282' }] },
  patient: { reference: PATIENT },
  encounter: { reference: 'Encounter/1' },
  occurrenceDateTime: START,
  primarySource: true,
  location: { reference: 'Location/1' },
  lotNumber: 'L1',
  expirationDate: '2027-12-31',
  performer: [{ function: performs('AP'), actor: { reference: 'Practitioner/10000000001' } }],
  protocolApplied: [{ doseNumberPositiveInt: 1 }],
  ...more,
});
const performs = (code: string) => ({ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0443', code }] });
const medication = (more: Body = {}): Body => ({
  resourceType: 'Medication',
  identifier: [{ system: platformSid('medication', ORG), value: '1' }],
  extension: [
    {
      url: 'https://fhir.kemkes.go.id/r4/StructureDefinition/MedicationType',
      valueCodeableConcept: { coding: [{ system: `${TK}/medication-type`, code: 'NC' }] },
    },
  ],
  code: { coding: [{ system: SYSTEMS.kfa, code: '93001019' }] },
  ...more,
});

describe('bodies as a facility sends them', () => {
  it.each([
    ['Encounter', visitBody()],
    ['Observation', observation('Encounter/1')],
    ['Composition', summary()],
    ['Immunization', vaccination()],
    ['Medication', medication()],
  ])('%s is accepted', (_, body) => {
    expect(check(body)).toEqual([]);
  });
});

/** Answers that the platform published or gave: the body that provokes each, and the answer to the letter. */
describe('recorded refusals come back to the letter', () => {
  const xxx = { type: [{ coding: [{ system: 'http://xxx.org', code: 'ATND' }] }], individual: { reference: 'Practitioner/1' } };
  const cases: readonly (readonly [name: string, body: Body, issue: Body, strictness?: Partial<Strictness>])[] = [
    [
      'code not found',
      visitBody({ class: { system: SYSTEMS.actCode, code: 'xxx' } }),
      outcome(
        'value',
        "Code not found: 'xxx' in system: http://terminology.hl7.org/CodeSystem/v3-ActCode (RuleNumber: 10001)",
        'Encounter.class.code',
      ),
    ],
    [
      'coding system',
      visitBody({ participant: [xxx] }),
      outcome('value', 'Invalid coding system: http://xxx.org (RuleNumber: 10002)', 'Encounter.participant[0].type[0].coding[0].system'),
    ],
    [
      'identifier system',
      visitBody({ identifier: [{ system: 'http://xxx.org', value: '1' }] }),
      outcome('value', 'Invalid identifier system: http://xxx.org (RuleNumber: 10117)', 'Encounter.identifier[0].system'),
    ],
    [
      'visit code that is in no list',
      visitBody({ identifier: [...visitBody().identifier, { system: `${TK}/episodeofcare/puerperium`, value: 'KF9' }] }),
      outcome(
        'value',
        `Identifier value not found: 'KF9' in system: ${TK}/episodeofcare/puerperium (RuleNumber: 10117)`,
        'Encounter.identifier[1].value',
      ),
    ],
    [
      'reference',
      visitBody({ serviceProvider: undefined }),
      outcome('value', 'Reference is mandatory : Encounter.serviceProvider (RuleNumber: 10124)'),
    ],
    [
      'element',
      { resourceType: 'Claim', insurance: [{ coverage: { reference: 'Coverage/1' } }] },
      outcome('value', 'Element not found: Claim.insurance[0].focal (RuleNumber: 10263)'),
    ],
    [
      'integer as text',
      { resourceType: 'Claim', careTeam: [{ sequence: 'Satu' }] },
      outcome('value', "Integer formated as a string: 'Satu' (RuleNumber: 10254)"),
    ],
    ['empty text', summary({ title: '' }), outcome('value', "Text is empty: '' (RuleNumber: 10134)")],
    [
      'date without time',
      summary({ date: '2022-06-14' }),
      outcome(
        'format',
        'Invalid date time format : 2022-06-14 (RuleNumber: 10132). Format allowed : YYYY-MM-DDThh:mm:ss+00:00',
        'Composition.date',
      ),
    ],
    [
      'date before the window, as answered now',
      summary({ date: '2014-06-02T12:28:03Z' }),
      outcome(
        'value',
        'Invalid date time value : 2014-06-02T12:28:03Z (RuleNumber: 10132) Not Allowed : Future Date or Past Date before 3rd June 2014',
        'Composition.date',
      ),
    ],
    [
      'date before the window, as published',
      summary({ date: '2021-06-02T12:28:03Z' }),
      outcome(
        'value',
        'Invalid date time value : 2021-06-02T12:28:03Z (RuleNumber: 10132) Not Allowed : Future Date or Past Date older than 31st August 2022',
        'Composition.date',
      ),
      { dateFloor: '2022-08-31' },
    ],
    ['diagnosis', finished({ diagnosis: undefined }), outcome('value', 'Element not found: Encounter.diagnosis (RuleNumber: 10457)')],
    [
      'primarySource',
      vaccination({ primarySource: undefined, performer: [{ function: performs('EP'), actor: { reference: 'Practitioner/1' } }] }),
      outcome('value', 'Element not found: Immunization.primarySource (RuleNumber: 10292)'),
    ],
    [
      'performer of what was reported',
      vaccination({ primarySource: false }),
      outcome('value', 'Performer function must contains code EP (RuleNumber: 10307)'),
    ],
    [
      'performer of what was given',
      vaccination({ performer: [{ function: performs('RO'), actor: { reference: 'Practitioner/1' } }] }),
      outcome('value', 'Performer function must contains code AP or OP (RuleNumber: 10307)'),
    ],
  ];

  it.each(cases.map((each) => [each[0], each] as const))('%s', (_, [, body, { issue }, strictness]) => {
    expect(check(body, strictness)).toEqual(issue);
  });

  function finished(more: Body): Body {
    return visitBody({
      status: 'finished',
      period: { start: START, end: END },
      statusHistory: [{ status: 'finished', period: { start: START, end: END } }],
      diagnosis: [{ condition: { reference: 'Condition/1' } }],
      ...more,
    });
  }
});

describe('rules with a meaning of their own', () => {
  it('10024: exactly one KFA code, or none at all', () => {
    const coded = (...codes: string[]) => medication({ code: { coding: codes.map((code) => ({ system: SYSTEMS.kfa, code })) } });
    expect(textsOf(check(coded('93001019', '93001020')))).toEqual([
      'Only one KFA code is allowed: Medication.code.coding (RuleNumber: 10024)',
    ]);
    expect(check(medication({ code: { text: 'Puyer' } }))).toEqual([]);
  });

  it('10031: the type of a medication', () => {
    expect(textsOf(check(medication({ extension: [] })))).toEqual([
      'Element not found: Medication.extension.valueCodeableConcept (RuleNumber: 10031)',
    ]);
  });

  it('10138: a dispense leads to a Medication, also to a contained one', () => {
    const dispense = (reference: string, contained: Body[] = []) =>
      complete({ resourceType: 'MedicationDispense', contained, medicationReference: { reference } });
    expect(textsOf(check(dispense('Device/1')))).toEqual(['Invalid reference: Device/1 (RuleNumber: 10138)']);
    expect(check(dispense('#m', [{ resourceType: 'Medication', id: 'm' }]))).toEqual([]);
    expect(textsOf(check(dispense('#m', [{ resourceType: 'Device', id: 'm' }])))).toEqual(['Invalid reference: #m (RuleNumber: 10138)']);
  });

  it('10307: a vaccine is not given after its expiry', () => {
    expect(textsOf(check(vaccination({ expirationDate: '2026-08-11' })))).toEqual([
      'Invalid date time value : 2026-08-11 (RuleNumber: 10307) Not Allowed : Past Date before occurrenceDateTime',
    ]);
    expect(check(vaccination({ expirationDate: '2026-08-12' }))).toEqual([]);
  });

  it('10307: what a cadre reported, with a report origin, is accepted with EP', () => {
    const reported = {
      reportOrigin: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/immunization-origin', code: 'provider' }] },
      performer: [{ function: performs('EP'), actor: { reference: `Organization/${ORG}` } }],
      location: undefined,
      lotNumber: undefined,
      expirationDate: undefined,
    };
    expect(check(vaccination(reported))).toEqual([]);
    expect(textsOf(check(vaccination({ ...reported, reportOrigin: undefined })))).toEqual([
      'Performer function must contains code AP or OP (RuleNumber: 10307)',
    ]);
  });

  it('10456: a dose has a number from 1', () => {
    expect(textsOf(check(vaccination({ protocolApplied: [{ doseNumberPositiveInt: 0 }] })))).toEqual([
      'Invalid integer value: 0 (RuleNumber: 10456)',
    ]);
  });

  it('10388: a prescription needs both of its numbers', () => {
    const ordered = (...kinds: string[]) =>
      complete({
        resourceType: 'MedicationRequest',
        medicationReference: { reference: 'Medication/1' },
        identifier: kinds.map((kind) => ({ system: platformSid(kind, ORG), value: '1' })),
      });
    expect(check(ordered('prescription', 'prescription-item'))).toEqual([]);
    expect(textsOf(check(ordered('prescription-item')))).toEqual(['Element not found: MedicationRequest.identifier (RuleNumber: 10388)']);
  });

  it('10432: a report is of the laboratory or of radiology', () => {
    const report = (kind: string) =>
      complete({ resourceType: 'DiagnosticReport', identifier: [{ system: `${platformSid('diagnostic', ORG)}${kind}`, value: '1' }] });
    expect(check(report('/lab'))).toEqual([]);
    expect(textsOf(check(report('')))).toEqual([`Invalid identifier system: ${platformSid('diagnostic', ORG)} (RuleNumber: 10432)`]);
  });

  it('codes of LOINC and SNOMED CT have their check digit', () => {
    const coded = (system: string, code: string) => observation('Encounter/1', { code: { coding: [{ system, code }] } });
    expect(check(coded(SYSTEMS.loinc, '8480-6'))).toEqual([]);
    expect(textsOf(check(coded(SYSTEMS.loinc, '8480-5')))).toEqual([
      `Code not found: '8480-5' in system: ${SYSTEMS.loinc} (RuleNumber: 10010)`,
    ]);
    expect(check(coded(SYSTEMS.snomed, '276361009'))).toEqual([]);
    expect(textsOf(check(coded(SYSTEMS.snomed, '276361008')))).toEqual([
      `Code not found: '276361008' in system: ${SYSTEMS.snomed} (RuleNumber: 10010)`,
    ]);
    const answered = { valueQuantity: undefined, valueCodeableConcept: { coding: [{ system: SYSTEMS.loinc, code: 'LA6576-8' }] } };
    expect(check(observation('Encounter/1', answered))).toEqual([]);
  });

  it('10171 and what is only judged elsewhere says nothing here', () => {
    expect(
      check({ ...goodResource('Location'), operationalStatus: { system: 'http://terminology.hl7.org/CodeSystem/v2-0116', code: 'O' } }),
    ).toEqual([]);
  });

  it('a body of any form ends in findings, never in an exception', () => {
    for (const odd of [null, 5, 'x', [], [null], {}, [[{}]], { toString: 1, valueOf: 1 }]) {
      for (const key of Object.keys(vaccination())) {
        if (key !== 'resourceType') expect(() => check({ ...vaccination(), [key]: odd })).not.toThrow();
      }
    }
  });
});

describe('strictness', () => {
  const local = observation('Encounter/1', { effectiveDateTime: '2026-08-12T08:10:00+07:00' });
  const opened = { code: { coding: [{ system: SYSTEMS.kemkesExamination, code: 'X999999' }] } };

  it('dateOffset', () => {
    expect(check(local)).toEqual([]);
    expect(textsOf(check(local, { dateOffset: 'utc' }))).toEqual([
      'Invalid date time format : 2026-08-12T08:10:00+07:00 (RuleNumber: 10295). Format allowed : YYYY-MM-DDThh:mm:ss+00:00',
    ]);
  });

  it('unknownCodes', () => {
    expect(check(observation('Encounter/1', opened))).toEqual([]);
    expect(textsOf(check(observation('Encounter/1', opened), { unknownCodes: 'refuse' }))).toEqual([
      `Code not found: 'X999999' in system: ${SYSTEMS.kemkesExamination} (RuleNumber: 10010)`,
    ]);
  });

  it('immunizationPerformer', () => {
    expect(check(vaccination({ primarySource: false }), { immunizationPerformer: false })).toEqual([]);
  });

  it('statusHistoryOnCreate', () => {
    const without = visitBody({ statusHistory: undefined });
    const missing = ['Element not found: Encounter.statusHistory (RuleNumber: 10122)'];
    expect(check(without, {}, true)).toEqual([]);
    expect(textsOf(check(without, { statusHistoryOnCreate: true }, true))).toEqual(missing);
    expect(textsOf(check(without))).toEqual(missing);
  });

  it('issues', () => {
    const empty = { resourceType: 'Observation' };
    expect(check(empty)).toHaveLength(5);
    expect(check(empty, { issues: 'one' })).toHaveLength(1);
  });
});
