import type { Resource } from '@medplum/fhirtypes';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compilePlatformRules } from '../../src/validation/index.ts';
import { brief, elements, ruleTable } from './sources.ts';
import { visit, visitByName } from './visit.ts';

type Json = Record<string, unknown>;

const rules = compilePlatformRules(ruleTable);
const now = '2025-06-01T00:00:00Z';
const check = (resource: unknown): string[] => brief(rules.check(resource as Resource, { now }));
const sound = visitByName();
const without = (resource: object, ...names: string[]): Json =>
  Object.fromEntries(Object.entries(resource).filter(([name]) => !names.includes(name)));

describe('the made-up visit keeps every rule', () => {
  test.each(visit().map((resource) => [resource.resourceType, resource] as const))('%s', (_type, resource) =>
    expect(check(resource)).toEqual([]),
  );
});

describe('mandatory elements', () => {
  test.each<[name: string, resource: object, issues: string[]]>([
    ['class', sound.encounter, ['rule-mandatory 10001 Encounter.class']],
    ['identifier', sound.encounter, ['rule-mandatory 10117 Encounter.identifier']],
    ['subject', sound.encounter, ['rule-mandatory 10118 Encounter.subject']],
    ['period', sound.encounter, ['rule-mandatory 10121 Encounter.period']],
    ['statusHistory', sound.encounter, ['rule-mandatory 10122 Encounter.statusHistory']],
    ['serviceProvider', sound.encounter, ['rule-mandatory 10124 Encounter.serviceProvider']],
    ['participant', sound.encounter, ['rule-mandatory 10336 Encounter.participant']],
    ['diagnosis', sound.encounter, ['rule-mandatory 10457 Encounter.diagnosis']],
    ['code', sound.weight, ['rule-mandatory 10010 Observation.code']],
    ['subject', sound.weight, ['rule-mandatory 10129 Observation.subject']],
    ['encounter', sound.weight, ['rule-mandatory 10130 Observation.encounter']],
    ['effectiveDateTime', sound.weight, ['rule-mandatory 10295 Observation.effectiveDateTime']],
    ['subject', sound.condition, ['rule-mandatory 10125 Condition.subject']],
    ['encounter', sound.condition, ['rule-mandatory 10126 Condition.encounter']],
    ['code', sound.procedure, ['rule-mandatory 10015 Procedure.code']],
    ['requester', sound.request, ['rule-mandatory 10376 ServiceRequest.requester']],
    ['performer', sound.request, ['rule-mandatory 10377 ServiceRequest.performer']],
    ['vaccineCode', sound.immunization, ['rule-mandatory 10103 Immunization.vaccineCode']],
    ['occurrenceDateTime', sound.immunization, ['rule-mandatory 10156 Immunization.occurrence[x]']],
    ['performer', sound.immunization, ['rule-mandatory 10294 Immunization.performer.actor']],
    ['location', sound.immunization, ['rule-mandatory 10305 Immunization.location']],
    ['lotNumber', sound.immunization, ['rule-mandatory 10306 Immunization.lotNumber']],
    ['expirationDate', sound.immunization, ['rule-mandatory 10307 Immunization.expirationDate']],
    ['name', sound.patient, ['rule-mandatory 10168 Patient.name.text']],
    ['gender', sound.patient, ['rule-mandatory 10413 Patient.gender']],
    ['birthDate', sound.patient, ['rule-mandatory 10397 Patient.birthDate']],
    ['source', sound.answers, ['rule-mandatory 10372 QuestionnaireResponse.source']],
  ])('%s', (name, resource, issues) => expect(check(without(resource, name))).toEqual(issues));

  test('a reference without text is missing', () => {
    expect(check({ ...sound.weight, subject: { display: 'x' } })).toEqual(['rule-mandatory 10129 Observation.subject.reference']);
  });

  test('an identifier that stays local does not count', () => {
    const identifier = sound.encounter.identifier?.slice(1);
    expect(check({ ...sound.encounter, identifier })).toEqual(['rule-mandatory 10117 Encounter.identifier']);
  });

  test('RelatedPerson', () => {
    expect(check({ resourceType: 'RelatedPerson' }).sort()).toEqual([
      'rule-mandatory 10162 RelatedPerson.patient',
      'rule-mandatory 10473 RelatedPerson.gender',
      'rule-mandatory 10475 RelatedPerson.name.text',
      'rule-mandatory 10476 RelatedPerson.identifier',
    ]);
  });
});

describe('an Encounter', () => {
  test('that is not finished needs neither diagnosis nor end', () => {
    const open = { ...without(sound.encounter, 'diagnosis'), status: 'in-progress', period: { start: sound.encounter.period?.start } };
    expect(check({ ...open, statusHistory: [{ status: 'in-progress', period: { start: sound.encounter.period?.start } }] })).toEqual([]);
  });

  test('that is finished needs the end of the visit and of every state', () => {
    const statusHistory = sound.encounter.statusHistory?.map((each, index) =>
      index === 1 ? { ...each, period: { start: each.period.start } } : each,
    );
    expect(check({ ...sound.encounter, period: { start: sound.encounter.period?.start }, statusHistory })).toEqual([
      'rule-mandatory 10122 Encounter.statusHistory[1].period.end',
      'rule-mandatory 10173 Encounter.period.end',
    ]);
  });

  test('needs who took part, in each participant', () => {
    const participant = [...(sound.encounter.participant ?? []), { type: [{ text: 'x' }] }];
    expect(check({ ...sound.encounter, participant })).toEqual(['rule-mandatory 10119 Encounter.participant[1].individual']);
  });

  test('of a programme may be without participant', () => {
    const identifier = [...(sound.encounter.identifier ?? []), { system: 'http://sys-ids.kemkes.go.id/program', value: 'x' }];
    expect(check({ ...without(sound.encounter, 'participant'), identifier })).toEqual([]);
  });

  test('belongs to an Organization', () => {
    expect(check({ ...sound.encounter, serviceProvider: { reference: 'Location/1' } })).toEqual([
      'rule-value 10124 Encounter.serviceProvider.reference',
    ]);
  });

  test('ends after it begins, as its states do', () => {
    const period = { start: sound.encounter.period?.end, end: sound.encounter.period?.start };
    const statusHistory = [{ status: 'finished', period }];
    expect(check({ ...sound.encounter, period, statusHistory })).toEqual([
      'rule-period 10121 Encounter.period',
      'rule-period 10122 Encounter.statusHistory[0].period',
    ]);
  });
});

describe('systems', () => {
  test('of codes', () => {
    const coding = [
      { system: 'http://loinc.org', code: '29463-7' },
      { system: 'http://x.example', code: '1' },
    ];
    expect(check({ ...sound.weight, code: { coding } })).toEqual(['rule-system 10010 Observation.code.coding[1].system']);
    expect(check({ ...sound.encounter, class: { system: 'http://x.example', code: 'AMB' } })).toEqual([
      'rule-system 10001 Encounter.class.system',
    ]);
    expect(check({ ...sound.weight, valueQuantity: { value: 1, system: 'http://x.example', code: 'kg' } })).toEqual([
      'rule-system 10012 Observation.valueQuantity.system',
    ]);
  });

  test('of codes that stay local are not judged', () => {
    const coding = [
      { system: 'http://loinc.org', code: '29463-7' },
      { system: 'https://fhir.ilp.example/CodeSystem/ilp-local-term', code: '1' },
    ];
    expect(check({ ...sound.weight, code: { coding } })).toEqual([]);
  });

  test('without a system a number is judged by nothing; a concept that must be there has a coding, and each coding a system', () => {
    expect(check({ ...sound.weight, valueQuantity: { value: 1 } })).toEqual([]);
    expect(check({ ...sound.weight, code: { text: 'berat' } })).toEqual(['rule-mandatory 10010 Observation.code.coding']);
    expect(check({ ...sound.weight, code: { coding: [{ code: '29463-7' }] } })).toEqual([
      'rule-system 10010 Observation.code.coding[0].system',
    ]);
  });

  test('of identifiers: the platform form and the stored form of the right kind, with any organisation', () => {
    const of = (system: string) => check({ ...sound.weight, identifier: [{ system, value: 'x' }] });
    expect(of('http://sys-ids.kemkes.go.id/observation/100000001')).toEqual([]);
    expect(of('http://sys-ids.kemkes.go.id/observation/100000001/lab')).toEqual([]);
    expect(of('http://sys-ids.kemkes.go.id/encounter/100000001')).toEqual(['rule-system 10441 Observation.identifier[0].system']);
    expect(of('http://sys-ids.kemkes.go.id/observation/1/x')).toEqual(['rule-system 10441 Observation.identifier[0].system']);
    expect(of('https://fhir.ilp.example/sid/observation')).toEqual([]);
    expect(of('https://fhir.ilp.example/sid/encounter')).toEqual(['rule-system 10441 Observation.identifier[0].system']);
  });

  test('of a rule that was superseded do not count', () => {
    const reasonCode = (system: string) => check({ ...sound.encounter, reasonCode: [{ coding: [{ system, code: '38341003' }] }] });
    expect(reasonCode('http://snomed.info/sct')).toEqual([]);
    expect(reasonCode('http://hl7.org/fhir/sid/icd-10')).toEqual(['rule-system 10782 Encounter.reasonCode[0].coding[0].system']);
  });

  test('inside an extension of the platform', () => {
    const extension = (system: string) => [
      {
        url: 'https://fhir.kemkes.go.id/r4/StructureDefinition/LocationServiceClass',
        valueCodeableConcept: { coding: [{ system, code: '1' }] },
      },
    ];
    const of = (system: string) => check({ ...sound.location, extension: extension(system) });
    expect(of('http://terminology.kemkes.go.id/CodeSystem/locationServiceClass-Inpatient')).toEqual([]);
    expect(of('http://x.example')).toEqual(['rule-system 10163 Location.extension[0].valueCodeableConcept.coding[0].system']);
  });
});

describe('dates', () => {
  const at = (effectiveDateTime: unknown) => check({ ...sound.weight, effectiveDateTime });
  const refused = ['rule-date 10295 Observation.effectiveDateTime'];

  test.each(['2025-03-04', '2025-03-04T08:00', '2025-03-04T08:00:00', '2025', 20250304, 'kemarin'])('%s is not complete', (value) =>
    expect(at(value)).toEqual(refused),
  );
  test.each(['2025-03-04T08:00:00Z', '2025-03-04T08:00:00.123+07:00', '2025-06-01T06:59:59+07:00', '2014-06-03T00:00:00Z'])(
    '%s is allowed',
    (value) => expect(at(value)).toEqual([]),
  );
  test.each(['2025-06-01T00:00:01Z', '2014-06-02T23:59:59Z'])('%s is outside the window', (value) => expect(at(value)).toEqual(refused));

  test('what is planned may lie ahead', () => {
    expect(check({ ...sound.request, occurrenceDateTime: '2030-01-01T00:00:00Z' })).toEqual([]);
    expect(check({ ...sound.request, authoredOn: '2030-01-01T00:00:00Z' })).toEqual(['rule-date 10361 ServiceRequest.authoredOn']);
  });
});

describe('an Immunization', () => {
  const performer = (...codes: (string | undefined)[]) =>
    codes.map((code) => ({
      ...(code !== undefined && { function: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0443', code }] } }),
      actor: { reference: 'Practitioner/1' },
    }));
  const history = without(sound.immunization, 'lotNumber', 'expirationDate', 'location');

  test.each<[what: string, resource: Json, issues: string[]]>([
    ['given here, by AP', { ...sound.immunization, performer: performer('AP') }, []],
    ['given here, by OP and a second performer', { ...sound.immunization, performer: performer('OP', undefined) }, []],
    [
      'given here, entered by EP',
      { ...sound.immunization, performer: performer('EP') },
      ['rule-value 10307 Immunization.performer[0].function'],
    ],
    [
      'given here, without function',
      { ...sound.immunization, performer: performer(undefined) },
      ['rule-mandatory 10307 Immunization.performer[0].function'],
    ],
    ['history, entered by EP', { ...history, primarySource: false, performer: performer('EP') }, []],
    [
      'history, by AP',
      { ...history, primarySource: false, performer: performer(undefined, 'AP') },
      ['rule-value 10307 Immunization.performer[1].function'],
    ],
    [
      'reported by a kader',
      {
        ...without(history),
        primarySource: true,
        location: { reference: 'Location/1' },
        reportOrigin: { text: 'x' },
        performer: performer('EP'),
      },
      [],
    ],
    ['not done, without reason', { ...history, status: 'not-done' }, ['rule-mandatory 10108 Immunization.statusReason']],
  ])('%s', (_what, resource, issues) => expect(check(resource)).toEqual(issues));

  test('counts doses in numbers', () => {
    expect(check({ ...sound.immunization, protocolApplied: [{ doseNumberPositiveInt: '1' }] })).toEqual([
      'rule-value 10456 Immunization.protocolApplied[0].doseNumberPositiveInt',
    ]);
  });
});

describe('other checks', () => {
  test.each<[what: string, resource: Json, issues: string[]]>([
    ['an empty text', { ...sound.patient, name: [{ text: '  ' }] }, ['rule-text 10168 Patient.name[0].text']],
    ['a decimal as text', { ...sound.weight, valueQuantity: { value: '52' } }, ['rule-value 10331 Observation.valueQuantity.value']],
    ['a boolean as text', { ...sound.immunization, primarySource: 'true' }, ['rule-value 10292 Immunization.primarySource']],
    [
      'a target of another type',
      { ...sound.request, requester: { reference: 'Patient/1' } },
      ['rule-value 10376 ServiceRequest.requester.reference'],
    ],
    [
      'a newborn without birth order',
      { ...sound.patient, identifier: [{ system: 'https://fhir.kemkes.go.id/id/nik-ibu', value: 'x' }] },
      ['rule-mandatory 10167 Patient.multipleBirthInteger', 'rule-mandatory 10813 Patient.multipleBirth[x]'],
    ],
  ])('%s', (_what, resource, issues) => expect(check(resource)).toEqual(issues));

  test('administrative codes are parts of one another', () => {
    const address = (...codes: string[]) => [
      {
        extension: [
          {
            url: 'https://fhir.kemkes.go.id/r4/StructureDefinition/administrativeCode',
            extension: ['province', 'city', 'district', 'village'].map((url, index) => ({ url, valueCode: codes[index] })),
          },
        ],
      },
    ];
    expect(check({ ...sound.patient, address: address('31', '3171', '317101', '3171011001') })).toEqual([]);
    expect(check({ ...sound.patient, address: address('31', '3171', '327101', '3271011001') })).toEqual([
      'rule-value 10623 Patient.address[0].extension[0]',
    ]);
  });

  test('a prescription has its number and that of its item; a medicine one KFA code', () => {
    const prescription = (...kinds: string[]) =>
      check({
        resourceType: 'MedicationRequest',
        identifier: kinds.map((kind) => ({ system: `http://sys-ids.kemkes.go.id/${kind}/1`, value: 'x' })),
      }).filter((each) => each.includes('10388'));
    expect(prescription('prescription', 'prescription-item')).toEqual([]);
    expect(prescription('prescription')).toEqual(['rule-system 10388 MedicationRequest.identifier[0]']);
    const medication = (...codes: string[]) =>
      check({
        resourceType: 'Medication',
        code: { coding: codes.map((code) => ({ system: 'http://sys-ids.kemkes.go.id/kfa', code })) },
      }).filter((each) => each.includes('10024'));
    expect(medication('93000001')).toEqual([]);
    expect(medication('93000001', '93000002')).toEqual(['rule-value 10024 Medication.code']);
  });
});

test('no JSON makes it throw', () => {
  const types = [...new Set(ruleTable.rules.map((rule) => rule.path.split('.')[0] ?? ''))];
  const names = [...new Set(ruleTable.rules.flatMap((rule) => rule.path.split('.').slice(1)))].filter((name) => /^\w+$/.test(name));
  fc.assert(
    fc.property(
      fc.constantFrom(...types),
      fc.dictionary(fc.constantFrom(...names), fc.jsonValue({ depthSize: 'small' })),
      (resourceType, content) => {
        for (const found of rules.check({ ...content, resourceType } as unknown as Resource, { now }))
          expect(found.rule).toMatch(/^\d{5}$/);
      },
    ),
    { numRuns: 1000 },
  );
});

describe('the table', () => {
  test('has each rule once for a path, and only checks its description names', () => {
    const keys = ruleTable.rules.map((rule) => `${rule.rule} ${rule.path}`);
    expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([]);
    const description = JSON.stringify((ruleTable as unknown as Json).$comment);
    for (const { check: kind } of ruleTable.rules) expect(description).toContain(kind);
  });

  test('names elements of R4, for the types this service delivers', () => {
    const types = [
      'Organization',
      'Location',
      'Patient',
      'RelatedPerson',
      'Encounter',
      'Observation',
      'Condition',
      'Procedure',
      'ServiceRequest',
      'Immunization',
    ];
    for (const { path } of ruleTable.rules) {
      const [type = '', first = ''] = path.split('.');
      if (!types.includes(type)) continue;
      const name = first.replace(/\(.*|\[x\]$/g, '');
      const isKnown = Object.entries(elements[type]?.elements ?? {}).some(
        ([element, { choice }]) => element === name || (choice && name.startsWith(element)),
      );
      expect(isKnown, path).toBe(true);
    }
  });
});
