import type { Resource } from '@medplum/fhirtypes';
import { describe, expect, test } from 'vitest';
import { outgoingReferences, project } from '../../src/satusehat/index.ts';
import { compilePlatformRules, createPreflight } from '../../src/validation/index.ts';
import { ruleTable } from './sources.ts';
import { visit, visitByName } from './visit.ts';

const rules = compilePlatformRules(ruleTable);
const preflight = createPreflight(ruleTable);
const now = '2025-06-01T00:00:00Z';
const organizationId = '100000001';
const sound = visitByName();
const verdictOf = (resource: object) => preflight([resource as Resource], rules.check(resource as Resource, { now }));

/** What would be sent, with every reference resolved; those to an Organization lead to the sender. */
function sent(resource: Resource): Resource {
  const references = outgoingReferences([resource as Resource & { id: string }]);
  const ids = new Map(references.map((each) => [each, each.startsWith('Organization/') ? organizationId : 'P1']));
  return project(resource, { organizationId, ids, within: new Set(), personNumber: 'P02000000001' }).resource;
}

describe('what is stored and what is sent are judged alike', () => {
  test.each(visit().map((resource) => [resource.resourceType, resource] as const))('%s', (_, resource) => {
    expect(rules.check(sent(resource), { now, organizationId })).toEqual([]);
    for (const name of Object.keys(resource).filter((each) => !['resourceType', 'id', 'identifier'].includes(each))) {
      const { [name]: _value, ...rest } = resource as unknown as Record<string, unknown>;
      const broken = rest as unknown as Resource;
      const told = (body: Resource, id?: string) =>
        rules.check(body, { now, ...(id && { organizationId: id }) }).map(({ rule, expression }) => [rule, expression]);
      expect(told(sent(broken), organizationId)).toEqual(told(broken));
    }
  });

  test('in a projection the organization is the sender', () => {
    const other = { ...sent(sound.encounter), serviceProvider: { reference: 'Organization/2' } } as Resource;
    expect(rules.check(other, { now, organizationId })).toMatchObject([{ rule: '10124' }]);
    const identifier = [{ system: 'http://sys-ids.kemkes.go.id/encounter/2', value: 'x' }];
    expect(
      rules.check({ ...other, serviceProvider: { reference: `Organization/${organizationId}` }, identifier } as Resource, {
        now,
        organizationId,
      }),
    ).toMatchObject([{ rule: '10117' }]);
  });
});

describe('the verdict', () => {
  test('refused, by the first rule, with its reason in both languages', () => {
    const { subject: _, ...rest } = sound.encounter;
    expect(verdictOf({ ...rest, class: { system: 'http://x.example', code: 'AMB' } })).toMatchObject({
      verdict: 'refused',
      refusedBy: { rule: '10001', expression: 'Encounter.class.system', text: { en: expect.any(String), id: expect.any(String) } },
    });
  });

  test('only the server: what is referred to and not in the record, and codes of systems that are not published whole', () => {
    const { verdict, onlyServer } = verdictOf(sound.weight);
    expect(verdict).toBe('server');
    expect(onlyServer.map(({ fact, rule, expressions }) => [fact, rule, expressions])).toEqual(
      expect.arrayContaining([
        ['reference', '20007', expect.arrayContaining(['Observation.subject.reference'])],
        ['code', undefined, ['Observation.code.coding[0].code']],
      ]),
    );
  });

  test('accepted: nothing is against it and nothing leads out', () => {
    expect(preflight([{ resourceType: 'Location', id: 'l', status: 'active' } as Resource], [])).toEqual({
      verdict: 'accepted',
      onlyServer: [],
    });
  });

  test('what stays here is no matter of the server', () => {
    const local = { url: 'https://fhir.ilp.example/StructureDefinition/x', valueReference: { reference: 'Organization/1' } };
    expect(preflight([{ resourceType: 'Location', id: 'l', extension: [local] } as Resource], [])).toEqual({
      verdict: 'accepted',
      onlyServer: [],
    });
  });

  test('an active episode, a person', () => {
    expect(preflight([{ resourceType: 'EpisodeOfCare', status: 'active' } as Resource], []).onlyServer).toMatchObject([
      { fact: 'episode', rule: '10109' },
    ]);
    expect(preflight([{ resourceType: 'Patient' } as Resource], []).onlyServer).toMatchObject([{ fact: 'person' }]);
  });

  test('refused without a number: the form itself is wrong', () => {
    const issue = { severity: 'error' as const, code: 'structure', expression: 'Location.x', text: { id: 'x', en: 'x' } };
    expect(preflight([{ resourceType: 'Location' } as Resource], [issue as never])).toMatchObject({
      verdict: 'refused',
      refusedBy: { code: 'structure' },
    });
    expect(preflight([], [{ ...issue, severity: 'warning' } as never]).verdict).toBe('accepted');
  });
});
