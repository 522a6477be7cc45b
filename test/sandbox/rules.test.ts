import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { platformSid, SYSTEMS } from '../../src/terminology/systems.ts';
import {
  type Body,
  encounter,
  OTHER_ORG,
  observation,
  outcome,
  PATIENT,
  type Running,
  startForTest,
  storeOutcome,
  visit,
} from './support.ts';

let running: Running;
let place: string;
let reference: string;
beforeAll(async () => {
  running = await startForTest();
  ({ location: place, encounter: reference } = await visit(running, 'R-0'));
});
afterAll(() => running.sandbox.stop());

let count = 0;
const visitWith = (more: Body): Body => encounter(`R-${++count}`, place, more);
const refused = async (resource: Body, expected: Body) => {
  const { status, body } = await running.fhir('POST', `/${resource.resourceType}`, resource);
  expect({ status, body }).toEqual({ status: 400, body: expected });
};
const accepted = async (resource: Body) => {
  const { status, text } = await running.fhir('POST', `/${resource.resourceType}`, resource);
  expect(status, text).toBe(201);
};
const MINUTE = '2026-08-12T01:';

describe('mandatory elements', () => {
  it('are named without expression', async () => {
    await refused(visitWith({ class: undefined }), outcome('value', 'Element not found: Encounter.class (RuleNumber: 10001)'));
    await refused(observation(reference, { code: undefined }), outcome('value', 'Element not found: Observation.code (RuleNumber: 10010)'));
  });

  it('that are references have a text of their own, also when only a display is given', async () => {
    for (const serviceProvider of [undefined, { display: 'Puskesmas' }]) {
      await refused(
        visitWith({ serviceProvider }),
        outcome('value', 'Reference is mandatory : Encounter.serviceProvider (RuleNumber: 10124)'),
      );
    }
    await refused(
      observation(reference, { encounter: undefined }),
      outcome('value', 'Reference is mandatory : Observation.encounter (RuleNumber: 10130)'),
    );
  });

  it('inside a list are named with the index', async () => {
    const participant = [visitWith({}).participant[0], { type: visitWith({}).participant[0].type }];
    await refused(
      visitWith({ participant }),
      outcome('value', 'Reference is mandatory : Encounter.participant[1].individual (RuleNumber: 10119)'),
    );
  });

  it('are all reported at once', async () => {
    const { body } = await running.fhir('POST', '/Observation', { resourceType: 'Observation' });
    expect(body.issue.map((issue: Body) => issue.details.text).sort()).toEqual(
      [
        'Element not found: Observation.code (RuleNumber: 10010)',
        'Element not found: Observation.effectiveDateTime (RuleNumber: 10295)',
        'Element not found: Observation.status (RuleNumber: 10008)',
        'Reference is mandatory : Observation.encounter (RuleNumber: 10130)',
        'Reference is mandatory : Observation.subject (RuleNumber: 10129)',
      ].sort(),
    );
  });

  it('of a finished visit are its diagnosis, its end and whole periods', async () => {
    const start = `${MINUTE}00:00+00:00`;
    const end = `${MINUTE}30:00+00:00`;
    const finished = (more: Body) => visitWith({ status: 'finished', period: { start, end }, ...more });
    const { body: condition } = await running.fhir('POST', '/Condition', {
      resourceType: 'Condition',
      subject: { reference: PATIENT },
      encounter: { reference },
      code: { coding: [{ system: SYSTEMS.icd10, code: 'Z00.1' }] },
    });
    const diagnosis = [
      { condition: { reference: `Condition/${condition.id}` }, use: { coding: [{ system: SYSTEMS.diagnosisRole, code: 'DD' }] } },
    ];
    const statusHistory = [{ status: 'finished', period: { start, end } }];
    await refused(finished({ statusHistory }), outcome('value', 'Element not found: Encounter.diagnosis (RuleNumber: 10457)'));
    await refused(
      finished({ statusHistory, diagnosis, period: { start } }),
      outcome('value', 'Element not found: Encounter.period.end (RuleNumber: 10173)'),
    );
    await refused(
      finished({ diagnosis, statusHistory: [{ status: 'arrived', period: { start } }, statusHistory[0]] }),
      outcome('value', 'Element not found: Encounter.statusHistory[0].period.end (RuleNumber: 10122)'),
    );
    await accepted(finished({ diagnosis, statusHistory }));
  });
});

describe('systems and codes', () => {
  it('not in the table are refused at their place', async () => {
    const participant = visitWith({}).participant;
    participant[0].type[0].coding[0].system = 'http://xxx.org';
    await refused(
      visitWith({ participant }),
      outcome('value', 'Invalid coding system: http://xxx.org (RuleNumber: 10002)', 'Encounter.participant[0].type[0].coding[0].system'),
    );
    await refused(
      observation(reference, { valueQuantity: { value: 1, system: 'http://xxx.org', code: 'kg' } }),
      outcome('value', 'Invalid coding system: http://xxx.org (RuleNumber: 10012)', 'Observation.valueQuantity.system'),
    );
  });

  it('unknown in a closed list are refused with the code', async () => {
    await refused(
      visitWith({ class: { system: SYSTEMS.actCode, code: 'xxx' } }),
      outcome('value', `Code not found: 'xxx' in system: ${SYSTEMS.actCode} (RuleNumber: 10001)`, 'Encounter.class.code'),
    );
    await refused(
      observation(reference, { status: 'done' }),
      outcome(
        'value',
        "Code not found: 'done' in system: http://hl7.org/fhir/observation-status (RuleNumber: 10008)",
        'Observation.status',
      ),
    );
    await refused(
      visitWith({ status: 'done' }),
      outcome('value', "Code not found: 'done' in system: http://hl7.org/fhir/encounter-status (RuleNumber: 10121)", 'Encounter.status'),
    );
  });

  it('of identifiers belong to the organization that sends', async () => {
    for (const system of ['http://xxx.org', platformSid('encounter', OTHER_ORG)]) {
      await refused(
        visitWith({ identifier: [{ system, value: '1' }] }),
        outcome('value', `Invalid identifier system: ${system} (RuleNumber: 10117)`, 'Encounter.identifier[0].system'),
      );
    }
  });
});

describe('dates', () => {
  const at = (effectiveDateTime: string) => observation(reference, { effectiveDateTime });
  const ALLOWED = 'Not Allowed : Future Date or Past Date before 3rd June 2014';

  it('need every part and a zone', async () => {
    for (const value of ['2026-08-12', '2026-08-12T01:00', '2026-08-12T01:00:00', '2026-02-30T01:00:00Z', 'kemarin']) {
      await refused(
        at(value),
        outcome(
          'format',
          `Invalid date time format : ${value} (RuleNumber: 10295). Format allowed : YYYY-MM-DDThh:mm:ss+00:00`,
          'Observation.effectiveDateTime',
        ),
      );
    }
  });

  it('lie between June 2014 and now', async () => {
    for (const value of ['2014-06-02T23:59:59+00:00', '2026-08-12T03:00:01Z']) {
      await refused(
        at(value),
        outcome('value', `Invalid date time value : ${value} (RuleNumber: 10295) ${ALLOWED}`, 'Observation.effectiveDateTime'),
      );
    }
    for (const value of ['2014-06-03T00:00:00+00:00', '2026-08-12T03:00:00Z', '2026-08-12T09:30:00+07:00']) await accepted(at(value));
  });

  it('are stored as they were sent', async () => {
    const { body } = await running.fhir('POST', '/Observation', at('2026-08-12T09:30:00+07:00'));
    expect(body.effectiveDateTime).toBe('2026-08-12T09:30:00+07:00');
  });

  it('turned round are found by the store, after the processor', async () => {
    const period = { start: `${MINUTE}30:00Z`, end: `${MINUTE}00:00Z` };
    await refused(
      visitWith({ period }),
      storeOutcome('structure', 'unparseable_resource', 'fhirpath-constraint-violation-Encounter.period: ...', 'Encounter.period'),
    );
  });
});

describe('special rules', () => {
  it('compare serviceProvider with the caller', async () => {
    await refused(
      visitWith({ serviceProvider: { reference: `Organization/${OTHER_ORG}` } }),
      outcome('value', 'Reference is mandatory : Encounter.serviceProvider (RuleNumber: 10124)'),
    );
  });

  it('want EP for what was only reported, AP or OP for what was given here', async () => {
    const given = (primarySource: boolean, code: string) => ({
      resourceType: 'Immunization',
      status: 'completed',
      vaccineCode: { coding: [{ system: SYSTEMS.kfa, code: '93001282' }] },
      patient: { reference: PATIENT },
      encounter: { reference },
      occurrenceDateTime: `${MINUTE}20:00+00:00`,
      primarySource,
      location: { reference: `Location/${place}` },
      lotNumber: 'L1',
      expirationDate: '2027-12-31',
      performer: [
        {
          function: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0443', code }] },
          actor: { reference: 'Practitioner/10000000001' },
        },
      ],
    });
    await refused(given(false, 'AP'), outcome('value', 'Performer function must contains code EP (RuleNumber: 10307)'));
    await refused(given(true, 'EP'), outcome('value', 'Performer function must contains code AP or OP (RuleNumber: 10307)'));
    await accepted(given(true, 'AP'));
    await accepted(given(false, 'EP'));
    await refused(
      { ...given(true, 'AP'), lotNumber: undefined },
      outcome('value', 'Element not found: Immunization.lotNumber (RuleNumber: 10306)'),
    );
  });
});
