import { describe, expect, it } from 'vitest';
import { type EncounterPlan, PLACES, planDeliveries } from '../../src/intake/plan-deliveries.ts';
import { SYSTEMS } from '../../src/terminology/systems.ts';

type Planned = EncounterPlan['resources'][number];

const encounter = (start = '2025-07-01T08:00:00+07:00'): Planned => ({
  resourceType: 'Encounter',
  id: 'e',
  subject: { reference: 'Patient/p' },
  period: { start },
});
const episode = (status: string): Planned => ({ resourceType: 'EpisodeOfCare', id: 'c', status });
const newborn: Planned = { resourceType: 'Patient', id: 'p', identifier: [{ system: SYSTEMS.nikIbu, value: '1' }] };
const mother: Planned = { resourceType: 'RelatedPerson', id: 'm', identifier: [{ system: SYSTEMS.nik, value: '1' }] };

const plan = (resources: readonly Planned[], more: Partial<EncounterPlan> = {}) =>
  planDeliveries(
    {
      ...{
        environment: 'sandbox',
        owner: 'P1',
        patient: 'Patient/p',
        submission: 's',
        version: 1,
        at: '2025-07-01T03:00:00Z',
        replace: false,
      },
      resources,
      ...more,
    },
    { facilityOf: () => undefined },
    new Map(),
  );
const shape = (resources: readonly Planned[], more: Partial<EncounterPlan> = {}) =>
  plan(resources, more).map(({ key, kind, dependsOn }) => [key, kind, dependsOn]);

describe('the deliveries of a visit', () => {
  it('are one Bundle where nothing has a place of its own', () => {
    expect(plan([encounter(), { resourceType: 'Observation', id: 'o' }])).toMatchObject([
      {
        key: 'encounter:Encounter/e',
        kind: 'encounter',
        resources: ['Encounter/e', 'Observation/o'],
        partition: 'Patient/p',
        dependsOn: [],
      },
    ]);
  });

  it('a newborn goes before, the mother after, and holds nothing', () => {
    expect(shape([encounter()], { people: [newborn, mother] })).toEqual([
      ['patient:Patient/p', 'patient', []],
      ['encounter:Encounter/e', 'encounter', ['patient:Patient/p']],
      ['relatedperson:RelatedPerson/m', 'related-person', ['patient:Patient/p']],
    ]);
  });

  it.each<[string, Planned]>([
    [
      'has a NIK',
      {
        ...newborn,
        identifier: [
          { system: SYSTEMS.nik, value: '2' },
          { system: SYSTEMS.nikIbu, value: '1' },
        ],
      },
    ],
    ['is known by nothing', { ...newborn, identifier: [] }],
    ['was replaced by the one with a NIK', { ...newborn, link: [{ type: 'replaced-by', other: { reference: 'Patient/q' } }] }],
  ])('who %s is looked up, never sent', (_, patient) => {
    expect(shape([encounter()], { people: [patient, mother] }).map(([key]) => key)).toEqual(['encounter:Encounter/e']);
  });

  it('an episode is opened before, and told of or closed after', () => {
    expect(shape([encounter(), episode('active')])).toEqual([
      ['episodeofcare:EpisodeOfCare/c', 'episode', []],
      ['encounter:Encounter/e', 'encounter', ['episodeofcare:EpisodeOfCare/c']],
      ['episodeofcare-change:EpisodeOfCare/c', 'episode', ['episodeofcare:EpisodeOfCare/c', 'encounter:Encounter/e']],
    ]);
    const [opening, visit, end] = plan([encounter(), episode('finished')]);
    expect([opening?.key, visit?.resources, end?.key, end?.dependsOn, end?.replace]).toEqual([
      'episodeofcare:EpisodeOfCare/c',
      ['Encounter/e'],
      'episodeofcare-end:EpisodeOfCare/c',
      ['episodeofcare:EpisodeOfCare/c', 'encounter:Encounter/e'],
      true,
    ]);
    expect(end?.partition).toBe('Patient/p');
  });

  it.each([
    ['2025-07-01T08:00:00+07:00', 0],
    ['2025-06-29T10:00:00+07:00', 0],
    ['2025-06-29T09:59:00+07:00', 1],
    ['2024-01-01T08:00:00+07:00', 1],
    ['', 0],
  ])('a visit of %s that is received on 1 July 10:00 has priority %i', (start, priority) => {
    expect(plan([encounter(start)])[0]?.priority).toBe(priority);
  });

  it('every place is of a kind of delivery', () => {
    expect(new Set(Object.values(PLACES).map(({ kind }) => kind)).size).toBe(Object.keys(PLACES).length);
  });
});
