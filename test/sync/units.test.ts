import type { EpisodeOfCare, Patient, RelatedPerson } from '@medplum/fhirtypes';
import { afterEach, describe, expect, it } from 'vitest';
import { deliveryKey } from '../../src/intake/plan-deliveries.ts';
import type { LocalResource } from '../../src/sync/platform.ts';
import { localSid, SYSTEMS } from '../../src/terminology/systems.ts';
import { BREBES, identifiers, nikOf, patient, visit } from './fixtures.ts';
import { createRig, ENVIRONMENT, posyanduOf, type Rig, type RigOptions } from './rig.ts';

let rig: Rig;
afterEach(() => rig.close());
const setUp = async (options?: RigOptions): Promise<Rig> => {
  rig = await createRig(options);
  return rig;
};

const MOTHER = nikOf(1);
const baby = (changes: Partial<Patient> = {}): Patient & { id: string } => ({
  resourceType: 'Patient',
  id: identifiers.patientId({ sourceKey: 'simpus|bayi' }),
  identifier: [{ use: 'official', system: SYSTEMS.nikIbu, value: MOTHER }],
  active: true,
  name: [{ use: 'official', text: 'Bayi Ny Orang' }],
  gender: 'male',
  birthDate: '2025-06-09',
  multipleBirthInteger: 1,
  address: [{ use: 'home', country: 'ID', line: ['Dusun Satu'], city: 'Brebes' }],
  ...changes,
});
const mother = (): RelatedPerson & { id: string } => ({
  resourceType: 'RelatedPerson',
  id: identifiers.resourceId('bayi', 'relatedperson:mother'),
  identifier: [{ system: SYSTEMS.nik, value: MOTHER }],
  active: true,
  patient: { reference: `Patient/${baby().id}` },
  relationship: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-RoleCode', code: 'MTH', display: 'mother' }] }],
  name: [{ use: 'official', text: 'Orang 1' }],
  gender: 'female',
});
const of = (subject: Patient & { id: string }, record = 'b'): readonly LocalResource[] => {
  const text = JSON.stringify(visit({ record, puskesmas: BREBES, unit: posyanduOf(BREBES), person: 1 }));
  return JSON.parse(text.replaceAll(`Patient/${patient(1).id}`, `Patient/${subject.id}`)) as readonly LocalResource[];
};
const byKey = async (reference: string) => (await rig.store.deliveries({ keys: [reference], environment: ENVIRONMENT }))[0];

describe('a newborn without a NIK', () => {
  it('is registered under the mother before the first visit, and who is related to it after', async () => {
    await setUp();
    const id = await rig.plan('b', of(baby()), { people: [baby(), mother()] });
    await rig.startWorker('w1').drain();
    expect(await rig.submission(id)).toMatchObject({ state: 'completed' });
    const platform = await rig.onPlatform();
    expect(platform.Patient).toMatchObject([{ birthDate: '2025-06-09', multipleBirthInteger: 1 }]);
    expect(platform.Encounter).toMatchObject([{ subject: { reference: `Patient/${platform.Patient?.[0]?.id}` } }]);
    // Sent under the mother's number, not under her NIK.
    expect(platform.RelatedPerson).toMatchObject([{ patient: { reference: `Patient/${platform.Patient?.[0]?.id}` } }]);
    expect(JSON.stringify(platform.RelatedPerson)).toContain('P10000000001');
    expect(JSON.stringify(platform.RelatedPerson)).not.toContain(MOTHER);
  });

  /** The same child under its own NIK, as intake leaves it: linked both ways. */
  const withNik = async (nik: string): Promise<Patient & { id: string }> => {
    const child: Patient & { id: string } = {
      ...baby(),
      id: identifiers.patientId({ nik, sourceKey: 'simpus|bayi' }),
      identifier: [{ use: 'official', system: SYSTEMS.nik, value: nik }],
      link: [{ other: { reference: `Patient/${baby().id}` }, type: 'replaces' }],
    };
    const before = baby({ link: [{ other: { reference: `Patient/${child.id}` }, type: 'replaced-by' }] });
    const at = rig.time.iso();
    await rig.store.commit({
      resources: [before, child].map((resource) => ({ resource, facility: BREBES.code, submission: null, at })),
      persons: [
        {
          ...{ sourceKey: 'simpus|bayi', nikHash: identifiers.nikHash(nik), patient: `Patient/${child.id}` },
          ...{ birthDate: '2025-06-09', sex: 'male', facility: BREBES.code },
        },
      ],
    });
    return child;
  };

  it('and has one later goes on under the number it has, while the platform does not know that NIK', async () => {
    await setUp();
    await rig.plan('b', of(baby()), { people: [baby(), mother()] });
    const worker = rig.startWorker('w1');
    await worker.drain();
    const child = await withNik(nikOf(88));
    const id = await rig.plan('c', of(child, 'c'), { people: [child] });
    await worker.drain();
    expect(await rig.submission(id)).toMatchObject({ state: 'completed' });
    const { Patient: patients = [], Encounter: visits = [] } = await rig.onPlatform();
    expect(patients).toHaveLength(1);
    const subjects = visits.map(({ subject }) => (subject as { reference: string }).reference);
    expect(subjects).toEqual([`Patient/${patients[0]?.id}`, `Patient/${patients[0]?.id}`]);
    // That the NIK was asked for and not found is remembered as such: the number was not found by it.
    expect(await rig.store.identities(ENVIRONMENT, [`patient:${identifiers.nikHash(nikOf(88))}`])).toMatchObject([{ platformId: null }]);
  });

  it('and whose NIK comes before it was sent is looked up by that: it is not registered a second time', async () => {
    await setUp();
    const id = await rig.plan('b', of(baby()), { people: [baby(), mother()] });
    await withNik(nikOf(5));
    await rig.startWorker('w1').drain();
    expect(await rig.submission(id)).toMatchObject({ state: 'completed' });
    const { Patient: patients, Encounter: visits } = await rig.onPlatform();
    expect(patients).toBeUndefined();
    expect(visits).toMatchObject([{ subject: { reference: 'Patient/P10000000005' } }]);
  });

  it('that the platform knows is taken over; twins are told apart by their order', async () => {
    await setUp();
    await rig.plan('b', of(baby()), { people: [baby(), mother()] });
    await rig.startWorker('w1').drain();
    const other = await createRig();
    try {
      const twin = baby({ id: identifiers.patientId({ sourceKey: 'simpus|bayi2' }), multipleBirthInteger: 2 });
      await other.plan('b', of(baby(), 'c'), { people: [baby(), mother()] });
      await other.plan('t', of(twin, 't'), { people: [twin] });
      const report = await other.startWorker('w9', { platform: rig.connect() }).drain();
      expect(report).toMatchObject({ failed: 0, held: 0, deferred: 0 });
    } finally {
      await other.close();
    }
    const { Patient: babies, RelatedPerson: related, Encounter: visits } = await rig.onPlatform();
    expect([babies?.length, related?.length, visits?.length]).toEqual([2, 1, 3]);
  });

  it.each(['drop-after', 'drop-before'] as const)('%s of its creation: looked up by the mother, never created twice', async (action) => {
    await setUp();
    await rig.fault({ match: { method: 'POST', path: '/fhir-r4/v1/Patient' }, action, times: 1 });
    await rig.fault({ match: { method: 'POST', path: '/fhir-r4/v1/RelatedPerson' }, action, times: 1 });
    const id = await rig.plan('b', of(baby()), { people: [baby(), mother()] });
    await rig.startWorker('w1').drain();
    expect(await rig.submission(id)).toMatchObject({ state: 'completed' });
    const { Patient: babies, RelatedPerson: related } = await rig.onPlatform();
    expect([babies?.length, related?.length]).toEqual([1, 1]);
  });

  it('that is refused holds only its own visits, which name it, and go on once it is mended', async () => {
    await setUp();
    const unknown = baby({ identifier: [{ system: SYSTEMS.nikIbu, value: nikOf(77) }] });
    const held = await rig.plan('b', of(unknown), { people: [unknown, mother()] });
    const other = await rig.receive({ record: 'x', person: 2 });
    const worker = rig.startWorker('w1');
    await worker.drain();
    const key = deliveryKey(`Patient/${unknown.id}`);
    expect(await byKey(key)).toMatchObject({ state: 'failed' });
    expect(await rig.submission(other)).toMatchObject({ state: 'completed' });
    for (const told of [await rig.submission(held), await rig.delivery(held)]) {
      expect(told).toMatchObject({ state: 'ready', reason: 'dependency', issues: [{ code: 'dependency-blocked' }] });
      expect(told?.issues[0]?.text.en).toContain(key);
      expect(told?.issues[0]?.text.id).toContain('failed');
    }
    // The mother's NIK is mended.
    const at = rig.time.iso();
    const patientDelivery = await byKey(key);
    if (patientDelivery === undefined) throw new Error('no delivery');
    const { key: same, kind, owner, partition, resources, dependsOn } = patientDelivery;
    await rig.store.commit({
      resources: [{ resource: baby(), facility: BREBES.code, submission: null, at }],
      deliveries: [
        {
          ...{
            key: same,
            environment: ENVIRONMENT,
            kind,
            owner,
            partition,
            resources,
            dependsOn,
            submission: null,
            submissionVersion: null,
          },
          ...{ state: 'ready', reason: null, dueAt: at, replace: true },
        },
      ],
    });
    await worker.drain();
    expect(await rig.submission(held)).toMatchObject({ state: 'completed', issues: [] });
  });
});

const episode = (status: EpisodeOfCare['status']): EpisodeOfCare & { id: string } => ({
  resourceType: 'EpisodeOfCare',
  id: identifiers.resourceId('anc', 'episode'),
  identifier: [{ system: localSid('episode-of-care'), value: identifiers.resourceId('anc', 'episode') }],
  status,
  statusHistory: [
    { status: 'active', period: { start: '2025-06-10T01:00:00Z', ...(status !== 'active' && { end: '2025-06-10T01:20:00Z' }) } },
    ...(status === 'active' ? [] : [{ status, period: { start: '2025-06-10T01:20:00Z' } }]),
  ],
  type: [{ coding: [{ system: 'http://terminology.kemkes.go.id/CodeSystem/episodeofcare-type', code: 'ANC', display: 'Antenatal Care' }] }],
  patient: { reference: `Patient/${patient(1).id}` },
  managingOrganization: { reference: `Organization/${identifiers.organizationId(BREBES.code)}` },
  period: { start: '2025-06-10T01:00:00Z', ...(status !== 'active' && { end: '2025-06-10T01:20:00Z' }) },
});
const within = (record: string): readonly LocalResource[] => {
  const [encounter, ...rest] = visit({ record, puskesmas: BREBES, unit: posyanduOf(BREBES), person: 1 });
  return [{ ...encounter, episodeOfCare: [{ reference: `EpisodeOfCare/${episode('active').id}` }] }, ...rest];
};

describe('an episode of care', () => {
  it('is opened before the visits that refer to it, and closed after them', async () => {
    await setUp();
    const first = await rig.plan('e1', [...within('e1'), episode('active')]);
    const worker = rig.startWorker('w1');
    await worker.drain();
    expect((await rig.onPlatform()).EpisodeOfCare).toMatchObject([{ status: 'active' }]);
    const second = await rig.plan('e2', [...within('e2'), episode('finished')]);
    await worker.drain();
    for (const id of [first, second]) {
      expect(await rig.submission(id)).toMatchObject({ state: 'completed' });
    }
    const platform = await rig.onPlatform();
    expect(platform.EpisodeOfCare).toMatchObject([{ status: 'finished', statusHistory: [{ status: 'active' }, { status: 'finished' }] }]);
    expect(platform.Encounter).toHaveLength(2);
    const requests = await rig.requests();
    expect([requests['PATCH EpisodeOfCare/{id}'], requests['PUT EpisodeOfCare/{id}']]).toEqual([{ '200': 1 }, undefined]);
  });

  it('that goes on and has changed is told again, after the visit that brought it, and only then', async () => {
    await setUp();
    await rig.plan('e1', [...within('e1'), episode('active')]);
    const worker = rig.startWorker('w1');
    await worker.drain();
    await rig.plan('e2', [...within('e2'), episode('active')]);
    await worker.drain();
    expect((await rig.requests())['PATCH EpisodeOfCare/{id}']).toBeUndefined();
    const changed = { ...episode('active'), period: { start: '2025-06-09T01:00:00Z' } };
    const id = await rig.plan('e3', [...within('e3'), changed]);
    await worker.drain();
    expect(await rig.submission(id)).toMatchObject({ state: 'completed' });
    expect(await byKey(`episodeofcare-change:EpisodeOfCare/${changed.id}`)).toMatchObject({ state: 'completed', reason: null });
    const platform = await rig.onPlatform();
    expect(platform.EpisodeOfCare).toMatchObject([{ status: 'active', period: { start: '2025-06-09T01:00:00+00:00' } }]);
    expect(platform.Encounter).toHaveLength(3);
    expect((await rig.requests())['PATCH EpisodeOfCare/{id}']).toEqual({ '200': 1 });
  });

  it.each(['drop-after', 'drop-before'] as const)('%s of a change: told once', async (action) => {
    await setUp();
    await rig.plan('e1', [...within('e1'), episode('active')]);
    const worker = rig.startWorker('w1');
    await worker.drain();
    await rig.fault({ match: { method: 'PATCH', path: '/fhir-r4/v1/EpisodeOfCare/*' }, action, times: 1 });
    await rig.plan('e2', [...within('e2'), { ...episode('active'), period: { start: '2025-06-09T01:00:00Z' } }]);
    await worker.drain({ patienceMs: 60_000 });
    expect((await rig.onPlatform()).EpisodeOfCare).toMatchObject([{ status: 'active', period: { start: '2025-06-09T01:00:00+00:00' } }]);
  });

  it('whose change was overtaken by its end is closed after its visits, and once', async () => {
    await setUp();
    const ids = [
      await rig.plan('e1', [...within('e1'), episode('active')]),
      await rig.plan('e2', [...within('e2'), { ...episode('active'), period: { start: '2025-06-09T01:00:00Z' } }]),
      await rig.plan('e3', [...within('e3'), episode('finished')]),
    ];
    await rig.startWorker('w1').drain();
    for (const id of ids) expect(await rig.submission(id)).toMatchObject({ state: 'completed' });
    expect((await rig.onPlatform()).EpisodeOfCare).toMatchObject([{ status: 'finished' }]);
    expect((await rig.requests())['PATCH EpisodeOfCare/{id}']).toEqual({ '200': 1 });
  });

  it('known here only as finished is opened, visited and closed in one go', async () => {
    await setUp();
    const id = await rig.plan('e1', [...within('e1'), episode('finished')]);
    await rig.startWorker('w1').drain();
    expect(await rig.submission(id)).toMatchObject({ state: 'completed' });
    const requests = await rig.requests();
    expect([requests['POST EpisodeOfCare'], requests['PATCH EpisodeOfCare/{id}']]).toEqual([{ '201': 1 }, { '200': 1 }]);
    expect((await rig.onPlatform()).EpisodeOfCare).toMatchObject([{ status: 'finished' }]);
  });

  it('that is open on the platform already is taken over, whoever opened it', async () => {
    await setUp();
    await rig.plan('e1', [...within('e1'), episode('active')]);
    await rig.startWorker('w1').drain();
    const other = await createRig();
    try {
      const own = { ...episode('active'), id: identifiers.resourceId('anc', 'other') };
      const identified = { ...own, identifier: [{ system: localSid('episode-of-care'), value: own.id }] };
      const [encounter, ...rest] = within('e9');
      const id = await other.plan('e9', [
        { ...encounter, episodeOfCare: [{ reference: `EpisodeOfCare/${own.id}` }] } as LocalResource,
        ...rest,
        identified,
      ]);
      await other.startWorker('w9', { platform: rig.connect() }).drain();
      expect(await other.submission(id)).toMatchObject({ state: 'completed' });
    } finally {
      await other.close();
    }
    expect((await rig.onPlatform()).EpisodeOfCare).toHaveLength(1);
  });

  it.each(['drop-after', 'drop-before'] as const)('%s of its opening and of its end: one episode, one end', async (action) => {
    await setUp();
    await rig.fault({ match: { method: 'POST', path: '/fhir-r4/v1/EpisodeOfCare' }, action, times: 1 });
    await rig.fault({ match: { method: 'PATCH', path: '/fhir-r4/v1/EpisodeOfCare/*' }, action, times: 1 });
    const id = await rig.plan('e1', [...within('e1'), episode('finished')]);
    await rig.startWorker('w1').drain();
    expect(await rig.submission(id)).toMatchObject({ state: 'completed' });
    const [found, ...more] = (await rig.onPlatform()).EpisodeOfCare ?? [];
    expect(more).toEqual([]);
    expect(found).toMatchObject({ status: 'finished' });
    expect(found?.statusHistory).toHaveLength(2);
  });
});

describe('what waits for a unit', () => {
  it('says which, through others too, however late it comes', async () => {
    await setUp();
    const organization = `Organization/${identifiers.organizationId(posyanduOf(BREBES))}`;
    const [row] = await rig.store.resources({ client: 'test', facilities: 'all', purpose: 'job' }, [organization]);
    const broken = { ...row?.resource, type: [{ coding: [{ system: 'http://xxx.org', code: 'team' }] }] } as unknown as LocalResource;
    await rig.store.commit({ resources: [{ resource: broken, facility: null, submission: null, at: rig.time.iso() }] });
    const id = await rig.receive({ record: 'a', person: 1 });
    await rig.startWorker('w1').drain();
    const key = deliveryKey(organization);
    expect(await byKey(key)).toMatchObject({ state: 'failed', reason: 'rule-10089' });
    const waiting = await rig.store.deliveries({ environment: ENVIRONMENT, states: ['ready'] });
    expect(waiting.map(({ kind, reason }) => [kind, reason]).sort()).toEqual([
      ['encounter', 'dependency'],
      ['location', 'dependency'],
    ]);
    for (const { issues } of waiting) {
      expect(issues[0]?.text.en).toContain(`${key}, which stopped (failed: rule-10089)`);
    }
    expect(await rig.submission(id)).toMatchObject({ state: 'ready', reason: 'dependency' });
  });
});
