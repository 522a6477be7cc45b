import { afterEach, describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors/index.ts';
import type { Store } from '../../src/store/port.ts';
import type { LocalResource } from '../../src/sync/platform.ts';
import { RESTORED, type WorkerOptions } from '../../src/sync/worker.ts';
import { localSid, SYSTEMS } from '../../src/terminology/systems.ts';
import { BREBES, identifiers, patient, visit } from './fixtures.ts';
import { createRig, ENVIRONMENT, posyanduOf, type Rig, type RigOptions } from './rig.ts';

let rig: Rig;
afterEach(() => rig.close());
const setUp = async (options?: RigOptions): Promise<Rig> => {
  rig = await createRig(options);
  return rig;
};

const TRANSACTION = { method: 'POST', path: '/fhir-r4/v1' };
const resourcesOf = (record: string, changes: { systolic?: number } = {}) =>
  visit({ record, puskesmas: BREBES, unit: posyanduOf(BREBES), person: 1, ...changes });
const counts = async () => {
  const platform = await rig.onPlatform();
  return [platform.Encounter?.length ?? 0, platform.Condition?.length ?? 0, platform.Observation?.length ?? 0];
};
/** A visit with so many more Observations that a part of it can be lost. */
const large = (record: string): readonly LocalResource[] => {
  const resources = resourcesOf(record);
  const more = Array.from({ length: 6 }, (_, index) => {
    const id = identifiers.resourceId(record, `more-${index}`);
    return {
      ...resources[3],
      id,
      identifier: [{ system: localSid('observation'), value: id }],
      effectiveDateTime: `2025-06-10T08:1${index}:00+07:00`,
    };
  });
  return [...resources, ...more];
};

/** No outcome of a visit is written any more, as if the process had died before. */
const dies = (store: Store): Store => {
  const commit: Store['commit'] = (changes, ...more) =>
    changes.deliveryOutcomes?.some(({ key }) => key.startsWith('encounter:'))
      ? Promise.reject(new AppError('store-unavailable'))
      : store.commit(changes, ...more);
  return new Proxy(store, {
    get(target, name, receiver) {
      const value = name === 'commit' ? commit : Reflect.get(target, name, receiver);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
};
/** Lets a worker take what another one left. */
const takenOver = async (name: string, changes: Partial<WorkerOptions> = {}): Promise<void> => {
  const worker = rig.startWorker(name, changes);
  // The database times the lease: it is asked until it has run out.
  for (let report = await worker.drain(); report.claimed === 0; ) report = await worker.drain();
};

describe.each(['recorded', 'documented'] as const)('a Bundle that was saved in part (%s)', (surface) => {
  it('is adopted entry by entry, and only what is missing is sent, singly', async () => {
    await setUp({ platform: { surface } });
    await rig.settings({ surface });
    await rig.fault({ match: TRANSACTION, action: 'partial', times: 1 });
    const id = await rig.plan('p', large('p'));
    await rig.startWorker('w1').drain();
    expect(await rig.submission(id)).toMatchObject({ state: 'completed' });
    expect(await counts()).toEqual([1, 1, 8]);
    const requests = await rig.requests();
    expect(requests['POST /']).toEqual({ '500': 1 });
    expect(requests['POST Observation']?.['201']).toBeGreaterThan(0);
    expect(await rig.store.platformIds(ENVIRONMENT, (await rig.delivery(id))?.resources ?? [])).toHaveLength(10);
  });
});

describe('a refused Bundle', () => {
  it('is looked up once before the refusal is final', async () => {
    await setUp();
    const [encounter, ...rest] = resourcesOf('a');
    const { diagnosis: _, ...without } = encounter;
    const id = await rig.plan('a', [without, ...rest]);
    await rig.startWorker('w1').drain();
    expect(await rig.submission(id)).toMatchObject({ state: 'failed', reason: 'rule-10457' });
    const requests = await rig.requests();
    expect([requests['POST /'], requests['GET Encounter']]).toEqual([{ '400': 1 }, { '200': 1 }]);
  });

  it('is not looked up where the platform is known to store all or nothing', async () => {
    await setUp({ platform: { savesPartly: false } });
    const [encounter, ...rest] = resourcesOf('a');
    const { diagnosis: _, ...without } = encounter;
    const id = await rig.plan('a', [without, ...rest]);
    await rig.startWorker('w1').drain();
    expect(await rig.submission(id)).toMatchObject({ state: 'failed', reason: 'rule-10457' });
    expect((await rig.requests())['GET Encounter']).toBeUndefined();
  });

  it('is judged only when a look-up can prove that nothing was stored, and is not sent again for that', async () => {
    const lag = 200;
    await setUp({ platform: { readLagMs: lag }, realTime: true });
    await rig.settings({ readLagMs: lag });
    await rig.receive({ record: 'ok', person: 2 });
    const worker = rig.startWorker('w1');
    await drained(worker);
    const [encounter, ...rest] = resourcesOf('a');
    const { diagnosis: _, ...without } = encounter;
    const id = await rig.plan('a', [without, ...rest]);
    await drained(worker);
    expect(await rig.submission(id)).toMatchObject({ state: 'failed', reason: 'rule-10457' });
    expect((await rig.submission(id))?.story.map(({ reason }) => reason)).toContain('outcome-unknown');
    expect((await rig.requests())['POST /']).toMatchObject({ '400': 1 });
  });
});

/** Drains until nothing waits. */
const drained = (worker: ReturnType<Rig['startWorker']>) => worker.drain({ patienceMs: 3_000 });

describe('a platform whose reads lag behind', () => {
  it.each(['drop-after', 'drop-before', 'partial'] as const)('%s: waits until a look-up can prove what is there', async (action) => {
    const lag = 200;
    await setUp({ platform: { readLagMs: lag }, realTime: true });
    await rig.settings({ readLagMs: lag });
    await rig.fault({ match: TRANSACTION, action, times: 1 });
    const id = await rig.plan('p', large('p'));
    await drained(rig.startWorker('w1'));
    expect(await rig.submission(id)).toMatchObject({ state: 'completed' });
    expect(await counts()).toEqual([1, 1, 8]);
    const posts = Object.values((await rig.requests())['POST /'] ?? {}).reduce((sum, count) => sum + count, 0);
    expect(posts).toBe(action === 'drop-before' ? 2 : 1);
  });

  it('holds a visit that was withdrawn after its answer was lost: it is retracted once it can be seen', async () => {
    const lag = 400;
    await setUp({ platform: { readLagMs: lag }, realTime: true });
    await rig.settings({ readLagMs: lag });
    const resources = resourcesOf('a');
    await rig.plan('a', resources);
    await takenOver('w1', { store: dies(rig.store), leaseMs: 50 });
    expect(await counts()).toEqual([1, 1, 2]);
    await rig.plan(
      'a',
      resources.map((resource) => (resource.resourceType === 'Condition' ? resource : { ...resource, status: 'entered-in-error' })),
      { version: 2 },
    );
    await takenOver('w2');
    await drained(rig.startWorker('w3'));
    const { Encounter = [], Observation = [] } = await rig.onPlatform();
    expect([...Encounter, ...Observation].map(({ status }) => status)).toEqual(Array(3).fill('entered-in-error'));
  });

  it('that is not told of it would be asked too early: the duplicate rule still holds the second visit back', async () => {
    await setUp({ realTime: true });
    await rig.receive({ record: 'first', person: 2 });
    const worker = rig.startWorker('w1');
    await worker.drain();
    await rig.settings({ readLagMs: 200 });
    await rig.fault({ match: TRANSACTION, action: 'drop-after', times: 1 });
    const id = await rig.receive({ record: 'a', person: 1 });
    await drained(worker);
    expect(await rig.submission(id)).toMatchObject({ state: 'completed' });
    expect(await counts()).toEqual([2, 2, 4]);
  });
});

describe('an update', () => {
  const change = async (record: string, systolic: number, version = 2) => {
    rig.time.advance(60_000);
    return rig.receive({ record, person: 1, systolic }, version);
  };
  const systolic = async () =>
    (await rig.onPlatform()).Observation?.map(({ valueQuantity }) => (valueQuantity as { value: number }).value).filter(
      (value) => value !== 55.5,
    );

  it.each(['drop-after', 'drop-before'] as const)('whose answer was lost (%s) is known again, or sent again', async (action) => {
    await setUp();
    await rig.receive({ record: 'a', person: 1 });
    const worker = rig.startWorker('w1');
    await worker.drain();
    await rig.fault({ match: { method: 'PUT', path: '/fhir-r4/v1/Observation/*' }, action, times: 1 });
    const id = await change('a', 150);
    await worker.drain();
    expect(await rig.submission(id)).toMatchObject({ version: 2, state: 'completed' });
    expect(await systolic()).toEqual([150]);
    expect((await rig.requests())['PUT Observation/{id}']).toEqual(action === 'drop-after' ? { dropped: 1 } : { dropped: 1, '200': 1 });
    await change('a', 160, 3);
    await worker.drain();
    expect(await systolic()).toEqual([160]);
  });

  it('does not overwrite what others changed: held as conflict, and shown', async () => {
    await setUp();
    const id = await rig.receive({ record: 'a', person: 1 });
    const worker = rig.startWorker('w1');
    await worker.drain();
    // Somebody else, in the name of the same facility.
    const token = (await (
      await fetch(`${rig.url}/oauth2/v1/accesstoken?grant_type=client_credentials`, {
        method: 'POST',
        body: new URLSearchParams({ client_id: BREBES.clientId, client_secret: BREBES.secret }),
      })
    ).json()) as { access_token: string };
    const found = (await rig.onPlatform()).Observation?.find(({ valueQuantity }) => (valueQuantity as { value: number }).value === 120);
    const changed = { ...found, valueQuantity: { ...(found?.valueQuantity as object), value: 99 } };
    const answer = await fetch(`${rig.url}/fhir-r4/v1/Observation/${String(found?.id)}`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${token.access_token}`, 'content-type': 'application/json' },
      body: JSON.stringify(changed),
    });
    expect(answer.status).toBe(200);
    await change('a', 150);
    await worker.drain();
    expect(await rig.submission(id)).toMatchObject({ state: 'on-hold', reason: 'conflict', issues: [{ code: 'platform-conflict' }] });
    expect(await systolic()).toEqual([99]);
  });

  it('finds the resource gone: held, never created a second time', async () => {
    await setUp();
    const id = await rig.receive({ record: 'a', person: 1 });
    const worker = rig.startWorker('w1');
    await worker.drain();
    const [, , observation] = resourcesOf('a');
    const reference = `Observation/${observation.id}`;
    const [known] = await rig.store.platformIds(ENVIRONMENT, [reference]);
    await rig.store.commit({
      platformIds: [
        {
          ...known,
          environment: ENVIRONMENT,
          reference,
          platformId: '00000000-0000-4000-8000-000000000000',
          platformVersion: null,
          at: known?.at ?? '',
        },
      ],
    });
    await change('a', 150);
    await worker.drain();
    expect(await rig.submission(id)).toMatchObject({ state: 'on-hold', reason: 'conflict', issues: [{ code: 'reference-lost' }] });
    expect(await counts()).toEqual([1, 1, 2]);
  });
});

describe('what the platform has lost', () => {
  it('a reference by an id that it no longer knows: held, and named by its type', async () => {
    await setUp();
    const ok = await rig.receive({ record: 'ok', person: 2 });
    const worker = rig.startWorker('w1');
    await worker.drain();
    const reference = `Location/${identifiers.locationId(posyanduOf(BREBES))}`;
    await rig.store.commit({
      platformIds: [
        {
          environment: ENVIRONMENT,
          reference,
          platformId: '00000000-0000-4000-8000-000000000000',
          platformVersion: null,
          at: rig.time.iso(),
        },
      ],
    });
    const id = await rig.receive({ record: 'a', person: 1 });
    await worker.drain();
    expect(await rig.submission(ok)).toMatchObject({ state: 'completed' });
    const held = await rig.submission(id);
    expect(held).toMatchObject({ state: 'on-hold', reason: 'dependency', issues: [{ code: 'reference-lost', rule: '20007' }] });
    expect(held?.issues[0]?.text.en).toContain('Location');
  });
});

describe('a clock that was set back', () => {
  it('makes no change older than what may be on the wire', async () => {
    await setUp();
    const id = await rig.receive({ record: 'a', person: 1 });
    // Changed while the clock was an hour ahead.
    const at = new Date(rig.time.clock() + 3_600_000).toISOString();
    const [encounter] = resourcesOf('a');
    const resource = { ...encounter, length: { value: 20, unit: 'min', system: SYSTEMS.ucum, code: 'min' } };
    await rig.store.commit({ resources: [{ resource, facility: BREBES.code, submission: id, at }] });
    await takenOver('w1', { store: dies(rig.store), leaseMs: 100 });
    expect(await rig.delivery(id)).toMatchObject({ sentAt: at });
    await rig.receive({ record: 'a', person: 1, systolic: 155 }, 2);
    await takenOver('w2');
    expect(await rig.submission(id)).toMatchObject({ state: 'completed' });
    const { Observation = [] } = await rig.onPlatform();
    expect(Observation.map(({ valueQuantity }) => (valueQuantity as { value: number }).value).sort()).toEqual([155, 55.5]);
  });
});

describe('a process that dies again while it brings up to date what it found', () => {
  it('leaves the mark of what is on the platform, not of what it was about to send', async () => {
    await setUp();
    const id = await rig.receive({ record: 'a', person: 1 });
    await takenOver('w1', { store: dies(rig.store), leaseMs: 100 });
    expect(await counts()).toEqual([1, 1, 2]);
    await rig.receive({ record: 'a', person: 1, systolic: 155 }, 2);
    await rig.fault({ match: { method: 'PUT', path: '/fhir-r4/v1/Observation/*' }, action: 'drop-before', times: 1 });
    await takenOver('w2', { store: dies(rig.store), leaseMs: 100 });
    await takenOver('w3');
    expect(await rig.submission(id)).toMatchObject({ state: 'completed' });
    const { Observation = [] } = await rig.onPlatform();
    expect(Observation.map(({ valueQuantity }) => (valueQuantity as { value: number }).value).sort()).toEqual([155, 55.5]);
  });
});

describe('a restored backup', () => {
  it('looks every unit up before it is sent: nothing is doubled, and nobody needs the duplicate rule', async () => {
    await setUp();
    await rig.receive({ record: 'a', person: 1 });
    await rig.startWorker('w1').drain();
    const other = await createRig();
    try {
      await other.store.putShared(ENVIRONMENT, RESTORED, '{}', null);
      const [known, fresh] = [await other.receive({ record: 'a', person: 1 }), await other.receive({ record: 'b', person: 2 })];
      await other.startWorker('w9', { platform: rig.connect() }).drain();
      for (const id of [known, fresh]) {
        expect(await other.submission(id)).toMatchObject({ state: 'completed' });
      }
    } finally {
      await other.close();
    }
    expect(await counts()).toEqual([2, 2, 4]);
    const requests = await rig.requests();
    expect(requests['POST /']).toEqual({ '200': 2 });
    expect(requests['PUT Observation/{id}']).toBeUndefined();
  });

  it('waits until what was sent just before it was put back can be seen', async () => {
    const lag = 700;
    await setUp({ platform: { readLagMs: lag }, realTime: true });
    // Its places can be seen by then.
    await rig.receive({ record: 'before', person: 2 });
    await drained(rig.startWorker('w0'));
    await new Promise((resolve) => setTimeout(resolve, lag));
    await rig.receive({ record: 'a', person: 1 });
    const other = await createRig({ realTime: true });
    try {
      const id = await other.receive({ record: 'a', person: 1 });
      await drained(rig.startWorker('w1'));
      await rig.settings({ readLagMs: lag });
      await other.store.putShared(ENVIRONMENT, RESTORED, '{}', null);
      await drained(other.startWorker('w9', { platform: rig.connect() }));
      expect(await other.submission(id)).toMatchObject({ state: 'completed' });
    } finally {
      await other.close();
    }
    expect((await rig.requests())['POST /']).toEqual({ '200': 2 });
  });

  it('retracts what it was told to, also where it does not know that it ever sent it', async () => {
    await setUp();
    const [whole, part] = [resourcesOf('whole'), resourcesOf('part', { systolic: 130 })];
    for (const [record, resources] of Object.entries({ whole, part })) await rig.plan(record, resources);
    await rig.startWorker('w1').drain();
    const inError = <T extends LocalResource>(resource: T): T => ({ ...resource, status: 'entered-in-error' });
    const other = await createRig();
    try {
      await other.store.putShared(ENVIRONMENT, RESTORED, '{}', null);
      // Its sources tell again all that was lost.
      const never = resourcesOf('never');
      for (const [record, resources] of Object.entries({ whole, part, never })) await other.plan(record, resources);
      const [encounter, condition, pressure, weight] = part;
      const ids = [
        await other.plan('whole', [inError(whole[0]), whole[1], inError(whole[2]), inError(whole[3])], { version: 2 }),
        await other.plan('part', [encounter, condition, pressure, inError(weight)], { version: 2 }),
        await other.plan('never', never.map(inError), { version: 2 }),
      ];
      await other.startWorker('w9', { platform: rig.connect() }).drain();
      for (const id of ids) expect(await other.submission(id)).toMatchObject({ state: 'completed' });
    } finally {
      await other.close();
    }
    const { Encounter = [], Observation = [] } = await rig.onPlatform();
    expect(Encounter.map(({ status }) => status).sort()).toEqual(['entered-in-error', 'finished']);
    expect(Observation.filter(({ status }) => status === 'entered-in-error')).toHaveLength(3);
  });

  it('that is older than what was sent does not turn the platform back: conflict', async () => {
    await setUp();
    await rig.receive({ record: 'a', person: 1, systolic: 150 });
    await rig.startWorker('w1').drain();
    const other = await createRig();
    try {
      await other.store.putShared(ENVIRONMENT, RESTORED, '{}', null);
      const id = await other.receive({ record: 'a', person: 1, systolic: 120 });
      const worker = other.startWorker('w9', { platform: rig.connect() });
      await worker.drain();
      expect(await other.submission(id)).toMatchObject({ state: 'on-hold', reason: 'conflict' });
      // Its source tells again what was lost.
      await other.receive({ record: 'a', person: 1, systolic: 150 }, 2);
      await worker.drain();
      expect(await other.submission(id)).toMatchObject({ state: 'completed' });
    } finally {
      await other.close();
    }
    expect(await counts()).toEqual([1, 1, 2]);
  });
});

describe('a type that no search finds', () => {
  const answers = (id: string): LocalResource =>
    ({
      resourceType: 'QuestionnaireResponse',
      id,
      identifier: { system: localSid('questionnaireresponse'), value: id },
      questionnaire: 'https://fhir.kemkes.go.id/Questionnaire/Q0007',
      status: 'completed',
      subject: { reference: `Patient/${patient(1).id}` },
      encounter: { reference: `Encounter/${resourcesOf('q')[0].id}` },
      authored: '2025-06-10T08:10:00+07:00',
      source: { reference: `Patient/${patient(1).id}` },
      author: { reference: `Practitioner/${resourcesOf('q')[0].participant?.[0]?.individual?.reference?.split('/')[1]}` },
      item: [
        { linkId: '1', text: 'x', answer: [{ valueCoding: { system: SYSTEMS.kemkesClinicalTerm, code: 'OV000052', display: 'Sesuai' } }] },
      ],
    }) as LocalResource;

  it('and is not guarded by the duplicate rule is left to a person once its answer is lost', async () => {
    await setUp();
    await rig.fault({ match: TRANSACTION, action: 'drop-after', times: 1 });
    const id = await rig.plan('q', [...resourcesOf('q'), answers(identifiers.resourceId('q', 'answers'))]);
    await rig.startWorker('w1').drain();
    expect(await rig.submission(id)).toMatchObject({
      state: 'on-hold',
      reason: 'outcome-unknown',
      issues: [{ code: 'lookup-impossible' }],
    });
    expect((await rig.requests())['POST /']).toEqual({ dropped: 1 });
  });

  it('and is not there, as a person has seen: it is sent, and nothing else a second time', async () => {
    await setUp();
    await rig.fault({ match: TRANSACTION, action: 'partial', times: 1 });
    const id = await rig.plan('q', [...resourcesOf('q'), answers(identifiers.resourceId('q', 'answers'))]);
    const worker = rig.startWorker('w1');
    await worker.drain();
    expect(await rig.submission(id)).toMatchObject({ state: 'on-hold', issues: [{ code: 'lookup-impossible' }] });
    const context = { client: 'petugas', facilities: 'all', purpose: 'cli' } as const;
    const selection = { environment: ENVIRONMENT, reasons: ['outcome-unknown'] } as const;
    const act = { actor: 'petugas', at: rig.time.iso(), note: 'diperiksa di portal' };
    // Sent again without having looked, it is only looked up again; and it is no conflict.
    expect(await rig.store.retryDeliveries(context, selection, act)).toMatchObject({ released: 1 });
    await worker.drain();
    expect(await rig.submission(id)).toMatchObject({ state: 'on-hold', issues: [{ code: 'lookup-impossible' }] });
    expect((await rig.onPlatform()).QuestionnaireResponse).toBeUndefined();
    expect(await rig.store.decideDeliveries(context, selection, act, 'keep-ours')).toMatchObject({ left: [{ why: 'nothing-to-decide' }] });
    expect(await rig.store.decideDeliveries(context, selection, act, 'not-there')).toMatchObject({ selected: 1, released: 1, left: [] });
    await worker.drain();
    expect(await rig.submission(id)).toMatchObject({ state: 'completed' });
    expect(await counts()).toEqual([1, 1, 2]);
    expect((await rig.onPlatform()).QuestionnaireResponse).toHaveLength(1);
    const { key } = (await rig.delivery(id)) as { key: string };
    expect(await rig.store.deliveryTrail(context, ENVIRONMENT, key)).toContainEqual(
      expect.objectContaining({ actor: 'petugas', action: 'told-absent', reason: null, note: 'diperiksa di portal' }),
    );
  });

  it('is there where its Encounter is, if the platform stores all or nothing', async () => {
    await setUp({ platform: { savesPartly: false } });
    await rig.fault({ match: TRANSACTION, action: 'drop-after', times: 1 });
    const id = await rig.plan('q', [...resourcesOf('q'), answers(identifiers.resourceId('q', 'answers'))]);
    await rig.startWorker('w1').drain();
    expect(await rig.submission(id)).toMatchObject({ state: 'completed' });
    // Delivered; where it is, nobody can tell.
    expect(await rig.store.platformIds(ENVIRONMENT, (await rig.delivery(id))?.resources ?? [])).toHaveLength(4);
    expect((await rig.onPlatform()).QuestionnaireResponse).toHaveLength(1);
  });

  it('but is guarded is sent again under its identifier: refused as duplicate, it is delivered', async () => {
    await setUp();
    const medication = (id: string): LocalResource =>
      ({
        resourceType: 'Medication',
        id,
        identifier: [{ system: localSid('medication'), value: id }],
        status: 'active',
        code: { coding: [{ system: SYSTEMS.kfa, code: '93001019', display: 'Obat' }] },
        extension: [
          {
            url: 'https://fhir.kemkes.go.id/r4/StructureDefinition/MedicationType',
            valueCodeableConcept: {
              coding: [{ system: 'http://terminology.kemkes.go.id/CodeSystem/medication-type', code: 'NC', display: 'Non-compound' }],
            },
          },
        ],
      }) as LocalResource;
    await rig.fault({ match: TRANSACTION, action: 'drop-after', times: 1 });
    const id = await rig.plan('m', [...resourcesOf('m'), medication(identifiers.resourceId('m', 'medication'))]);
    await rig.startWorker('w1').drain();
    expect(await rig.submission(id)).toMatchObject({ state: 'completed' });
    const requests = await rig.requests();
    expect([requests['POST /'], requests['POST Medication']]).toEqual([{ dropped: 1 }, { '400': 1 }]);
    expect((await rig.onPlatform()).Medication).toHaveLength(1);
  });
});
