import { afterEach, describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors/index.ts';
import type { Store } from '../../src/store/port.ts';
import { resolveIdentities } from '../../src/sync/resolve-identities.ts';
import { SYSTEMS } from '../../src/terminology/systems.ts';
import { BREBES, identifiers, nikOf, patient, SIRAMPOG, visit } from './fixtures.ts';
import { createRig, ENVIRONMENT, posyanduOf, type Rig, type RigOptions } from './rig.ts';

let rig: Rig;
afterEach(() => rig.close());
const setUp = async (options?: RigOptions): Promise<Rig> => {
  rig = await createRig(options);
  return rig;
};

/** In the registers, and not known to the platform. */
const PEOPLE_UNKNOWN = 42;
const TRANSACTION = { method: 'POST', path: '/fhir-r4/v1' };

describe('the happy way', () => {
  it('registers the units first, looks the people up, sends each visit as one transaction, and writes everything back', async () => {
    await setUp();
    const ids = [await rig.receive({ record: 'a', person: 1 }), await rig.receive({ record: 'b', person: 2, puskesmas: SIRAMPOG })];
    const report = await rig.startWorker('w1').drain();
    expect(report).toMatchObject({ delivered: 6, failed: 0, held: 0, deferred: 0, waiting: 0, reasons: {} });

    const platform = await rig.onPlatform();
    expect([platform.Encounter?.length, platform.Condition?.length, platform.Observation?.length]).toEqual([2, 2, 4]);
    const encounter = platform.Encounter?.find((found) => JSON.stringify(found).includes(BREBES.organizationId));
    expect(encounter).toMatchObject({
      subject: { reference: 'Patient/P10000000001' },
      serviceProvider: { reference: `Organization/${BREBES.organizationId}` },
      period: { start: '2025-06-10T01:00:00+00:00' },
    });
    expect(JSON.stringify(encounter)).not.toContain('fhir.ilp.example');

    for (const id of ids) {
      expect(await rig.submission(id)).toMatchObject({ state: 'completed', reason: null, issues: [] });
      expect((await rig.submission(id))?.story.at(-1)?.stage).toBe('delivered');
    }
    const references = [...visit({ record: 'a', puskesmas: BREBES, unit: posyanduOf(BREBES), person: 1 })].map(
      (resource) => `${resource.resourceType}/${resource.id}`,
    );
    const known = await rig.store.platformIds(ENVIRONMENT, [...references, `Patient/${patient(1).id}`]);
    expect(known).toHaveLength(5);
    expect(known.find((row) => row.reference.startsWith('Patient/'))?.platformId).toBe('P10000000001');
    expect(known.find((row) => row.reference.startsWith('Encounter/'))?.platformVersion).toBeTruthy();
    const audits = await rig.store.audits({ action: 'deliver', limit: 50 });
    expect(audits.filter((audit) => audit.outcome === 'success')).toHaveLength(6);
  });

  it('looks a midwife up once for many visits', async () => {
    await setUp();
    for (let person = 0; person < 12; person += 1) {
      await rig.receive({ record: `r${person}`, person });
    }
    await rig.startWorker('w1').drain();
    expect((await rig.requests())['GET Practitioner']).toEqual({ '200': 1 });
    expect((await rig.requests())['GET Patient']).toEqual({ '200': 12 });
  });

  it('tells its progress', async () => {
    await setUp();
    await rig.receive({ record: 'a', person: 1 });
    const seen: Array<[number, number]> = [];
    await rig.startWorker('w1').drain({ onProgress: ({ done, total }) => seen.push([done, total]) });
    expect(seen).toEqual([
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
    expect(await rig.startWorker('w2').drain({ dryRun: true })).toMatchObject({ claimed: 0, waiting: 0 });
  });

  it('serves the queue until it is stopped, and finishes what it has begun', async () => {
    await setUp({ worker: { pollMs: 5 } });
    const worker = rig.startWorker('w1', { delay: async () => new Promise((resolve) => setImmediate(resolve)) });
    worker.start();
    const id = await rig.receive({ record: 'a', person: 1 });
    worker.wake();
    for (let delivery = await rig.delivery(id); delivery?.state !== 'completed'; delivery = await rig.delivery(id)) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    await worker.stop();
    expect((await rig.submission(id))?.state).toBe('completed');
    await rig.receive({ record: 'b', person: 2 });
    expect((await rig.onPlatform()).Encounter).toHaveLength(1);
  });

  it('a new version replaces what changed, and only that', async () => {
    await setUp();
    const id = await rig.receive({ record: 'a', person: 1 });
    await rig.startWorker('w1').drain();
    rig.time.advance(60_000);
    await rig.receive({ record: 'a', person: 1, systolic: 150 }, 2);
    await rig.startWorker('w1').drain();
    const platform = await rig.onPlatform();
    expect(platform.Observation?.map((found) => (found.valueQuantity as { value: number }).value).sort()).toEqual([150, 55.5]);
    const requests = await rig.requests();
    expect([requests['PUT Observation/{id}'], requests['PUT Encounter/{id}'], requests['POST /']]).toEqual([
      { '200': 1 },
      undefined,
      { '200': 1 },
    ]);
    expect(await rig.submission(id)).toMatchObject({ version: 2, state: 'completed' });
  });

  it('a new version that was begun on before the one before was read, and written after it, is sent', async () => {
    await setUp();
    await rig.receive({ record: 'a', person: 1 });
    const begun = new Date(rig.time.clock() - 500).toISOString();
    await rig.startWorker('w1').drain();
    await rig.receive({ record: 'a', person: 1, systolic: 150 }, 2, begun);
    expect(await rig.startWorker('w1').drain()).toMatchObject({ delivered: 1, waiting: 0 });
    expect(JSON.stringify((await rig.onPlatform()).Observation)).toContain('"value":150');
  });

  it('what was entered in error and never reached the platform is not sent; what reached it is corrected there', async () => {
    await setUp();
    const retract = async (record: string, roles: readonly number[]) => {
      const resources = visit({ record, puskesmas: BREBES, unit: posyanduOf(BREBES), person: 1 });
      const at = rig.time.iso();
      const retired = roles.map((index) => ({ ...resources[index], status: 'entered-in-error' }) as (typeof resources)[number]);
      await rig.store.commit({ resources: retired.map((resource) => ({ resource, facility: BREBES.code, submission: null, at })) });
      rig.time.advance(1_000);
    };
    await rig.receive({ record: 'a', person: 1 });
    await retract('a', [3]);
    const worker = rig.startWorker('w1');
    await worker.drain();
    expect((await rig.onPlatform()).Observation?.map(({ status }) => status)).toEqual(['final']);
    // Not even what it refers to is looked for.
    const gone = await rig.receive({ record: 'c', person: PEOPLE_UNKNOWN, practitionerNik: nikOf(77) });
    await retract('c', [0, 2, 3]);
    const [, condition] = visit({ record: 'c', puskesmas: BREBES, unit: posyanduOf(BREBES), person: PEOPLE_UNKNOWN });
    const verificationStatus = { coding: [{ system: SYSTEMS.conditionVerification, code: 'entered-in-error' }] };
    const withdrawn = { resource: { ...condition, verificationStatus }, facility: BREBES.code, submission: null, at: rig.time.iso() };
    await rig.store.commit({ resources: [withdrawn] });
    await worker.drain();
    expect(await rig.delivery(gone)).toMatchObject({ state: 'completed' });
    expect((await rig.onPlatform()).Encounter).toHaveLength(1);
    await rig.receive({ record: 'b', person: 2 });
    await worker.drain();
    await rig.receive({ record: 'b', person: 2 }, 2);
    await retract('b', [3]);
    await worker.drain();
    expect((await rig.onPlatform()).Observation?.map(({ status }) => status).sort()).toEqual(['entered-in-error', 'final', 'final']);
  });

  it('takes over a unit that is registered already', async () => {
    await setUp();
    await rig.receive({ record: 'a', person: 1 });
    await rig.startWorker('w1').drain();
    const first = (await rig.onPlatform()).Organization?.length;
    // Another database with the same key, as after a restore from before the delivery.
    const url = rig.url;
    const other = await createRig({ sandbox: {} });
    try {
      const id = await other.receive({ record: 'a', person: 1 });
      const platform = rig.connect();
      const report = await other.startWorker('w9', { platform }).drain();
      expect(report).toMatchObject({ delivered: 3, adopted: 3 });
      expect((await other.submission(id))?.state).toBe('completed');
    } finally {
      await other.close();
    }
    expect(url).toBe(rig.url);
    const after = await rig.onPlatform();
    expect([after.Organization?.length, after.Encounter?.length, after.Observation?.length]).toEqual([first, 1, 2]);
  });
});

describe('a lost answer', () => {
  it('after the visit was stored: it is found and taken over; one Encounter on the platform', async () => {
    await setUp();
    const id = await rig.receive({ record: 'a', person: 1 });
    await rig.fault({ match: TRANSACTION, action: 'drop-after', times: 1 });
    const worker = rig.startWorker('w1');
    // A first drain ends with the outcome unknown, and says so.
    const first = await worker.drain();
    expect([first.delivered, first.reasons]).toEqual([3, { 'outcome-unknown': 1 }]);
    const platform = await rig.onPlatform();
    expect([platform.Encounter?.length, platform.Observation?.length]).toEqual([1, 2]);
    expect((await rig.requests())['POST /']).toEqual({ dropped: 1 });
    expect(await rig.submission(id)).toMatchObject({ state: 'completed', reason: null });
    expect((await rig.submission(id))?.story.map((step) => step.reason)).toContain('outcome-unknown');
    expect(await rig.store.platformIds(ENVIRONMENT, (await rig.delivery(id))?.resources ?? [])).toHaveLength(4);
  });

  it('before the visit was stored: it is looked up, and then sent', async () => {
    await setUp();
    const id = await rig.receive({ record: 'a', person: 1 });
    await rig.fault({ match: TRANSACTION, action: 'drop-before', times: 1 });
    await rig.startWorker('w1').drain();
    expect((await rig.onPlatform()).Encounter).toHaveLength(1);
    expect((await rig.requests())['POST /']).toEqual({ dropped: 1, '200': 1 });
    expect((await rig.requests())['GET Encounter']).toEqual({ '200': 1 });
    expect((await rig.submission(id))?.state).toBe('completed');
  });

  it.each([500, 502, 503, 504])('a %i is looked up before it is sent again', async (status) => {
    await setUp();
    const id = await rig.receive({ record: 'a', person: 1 });
    await rig.fault({ match: TRANSACTION, action: 'status', status, times: 1 });
    await rig.startWorker('w1').drain();
    expect((await rig.requests())['GET Encounter']).toEqual({ '200': 1 });
    expect([(await rig.onPlatform()).Encounter?.length, (await rig.submission(id))?.state]).toEqual([1, 'completed']);
  });

  it('of a unit: it is found under its parent or by identifier, and not registered twice', async () => {
    await setUp();
    await rig.fault({ match: { method: 'POST', path: '/fhir-r4/v1/Organization' }, action: 'drop-after', times: 1 });
    await rig.fault({ match: { method: 'POST', path: '/fhir-r4/v1/Location' }, action: 'drop-after', times: 1 });
    const id = await rig.receive({ record: 'a', person: 1 });
    await rig.startWorker('w1').drain();
    const platform = await rig.onPlatform();
    expect([platform.Organization?.filter((found) => found.partOf !== undefined).length, platform.Location?.length]).toEqual([1, 1]);
    expect((await rig.submission(id))?.state).toBe('completed');
  });

  it('and the look-up fails too: nothing is sent until it has been answered', async () => {
    await setUp();
    const id = await rig.receive({ record: 'a', person: 1 });
    await rig.fault({ match: TRANSACTION, action: 'drop-after', times: 1 });
    await rig.fault({ match: { method: 'GET', path: '/fhir-r4/v1/Encounter' }, action: 'status', status: 503, times: 5 });
    const worker = rig.startWorker('w1');
    await worker.drain();
    expect(await rig.delivery(id)).toMatchObject({ state: 'ready', reason: 'outcome-unknown' });
    expect((await rig.delivery(id))?.sentAt).not.toBeNull();
    rig.time.advance(600_000);
    await worker.drain();
    expect((await rig.requests())['POST /']).toEqual({ dropped: 1 });
    expect([(await rig.onPlatform()).Encounter?.length, (await rig.submission(id))?.state]).toEqual([1, 'completed']);
  });

  it('and a newer version meanwhile: what is there is taken over, and brought up to date', async () => {
    await setUp();
    const id = await rig.receive({ record: 'a', person: 1 });
    await rig.fault({ match: TRANSACTION, action: 'drop-after', times: 1 });
    await rig.fault({ match: { method: 'GET', path: '/fhir-r4/v1/Encounter' }, action: 'status', status: 503, times: 5 });
    const worker = rig.startWorker('w1');
    await worker.drain();
    rig.time.advance(600_000);
    await rig.receive({ record: 'a', person: 1, systolic: 161 }, 2);
    await worker.drain();
    const platform = await rig.onPlatform();
    expect([platform.Encounter?.length, platform.Observation?.length]).toEqual([1, 2]);
    expect(platform.Observation?.map((found) => (found.valueQuantity as { value: number }).value)).toContain(161);
    expect(await rig.submission(id)).toMatchObject({ version: 2, state: 'completed' });
  });

  it('that stays lost ends with a person, not with a second visit', async () => {
    await setUp({ worker: { maxAttempts: 3 } });
    const id = await rig.receive({ record: 'a', person: 1 });
    await rig.fault({ match: TRANSACTION, action: 'status', status: 500, times: 50 });
    await rig.startWorker('w1').drain();
    expect(await rig.delivery(id)).toMatchObject({ state: 'on-hold', reason: 'outcome-unknown', attempts: 3 });
    expect(await rig.submission(id)).toMatchObject({ state: 'on-hold', reason: 'outcome-unknown' });
  });
});

describe('a crash', () => {
  /** Fails the first commit of an outcome of an encounter, as if the process had died. */
  function dying(store: Store): Store {
    let dead = false;
    return new Proxy(store, {
      get(target, name, receiver) {
        if (name !== 'commit') {
          const value = Reflect.get(target, name, receiver);
          return typeof value === 'function' ? value.bind(target) : value;
        }
        return (changes: Parameters<Store['commit']>[0], fence?: Parameters<Store['commit']>[1]) => {
          if (!dead && changes.deliveryOutcomes?.some((outcome) => outcome.key.startsWith('encounter:'))) {
            dead = true;
            return Promise.reject(new AppError('store-unavailable'));
          }
          return target.commit(changes, fence);
        };
      },
    });
  }

  it('between sending and writing: the next worker sees the mark, looks up, and takes over', async () => {
    await setUp({ wrapStore: dying });
    const id = await rig.receive({ record: 'a', person: 1 });
    await rig.startWorker('w1', { leaseMs: 100 }).drain();
    expect((await rig.onPlatform()).Encounter).toHaveLength(1);
    const left = await rig.delivery(id);
    expect(left).toMatchObject({ state: 'in-progress' });
    expect(left?.sentAt).not.toBeNull();

    const second = rig.startWorker('w2', { store: rig.store });
    // The database times the lease: it is asked until it has run out.
    for (let report = await second.drain(); report.claimed === 0; ) {
      report = await second.drain();
    }
    expect((await rig.requests())['POST /']).toEqual({ '200': 1 });
    expect((await rig.onPlatform()).Encounter).toHaveLength(1);
    expect((await rig.submission(id))?.state).toBe('completed');
  });

  it('a lease is extended for as long as the answer takes, so nobody takes over from the living', async () => {
    await setUp();
    const id = await rig.receive({ record: 'a', person: 1 });
    await rig.fault({ match: { method: 'POST', path: '/fhir-r4/v1' }, action: 'delay', delayMs: 1_500 });
    let ended = false;
    const first = rig
      .startWorker('w1', { leaseMs: 600 })
      .drain()
      .finally(() => {
        ended = true;
      });
    const second = rig.startWorker('w2');
    // Only from the moment it is sent: the location before it may go to either.
    while ((await rig.delivery(id))?.sentAt === null) await new Promise((resolve) => setImmediate(resolve));
    let taken = 0;
    while (!ended) taken += (await second.drain()).claimed;
    await first;
    expect(taken).toBe(0);
    expect((await rig.submission(id))?.state).toBe('completed');
    expect((await rig.requests())['POST /']).toEqual({ '200': 1 });
  });

  it('a worker whose lease was taken over writes nothing over the other’s outcome', async () => {
    await setUp();
    const id = await rig.receive({ record: 'a', person: 1 });
    await rig.startWorker('w0').drain();
    const before = await rig.delivery(id);
    await expect(
      rig.store.commit(
        {
          deliveryOutcomes: [
            {
              key: before?.key as string,
              environment: ENVIRONMENT,
              state: 'failed',
              reason: 'platform-refused',
              issues: [],
              at: rig.time.iso(),
            },
          ],
        },
        { deliveryId: before?.id as number, token: (before?.token as number) - 1 },
      ),
    ).rejects.toThrow('conflict');
  });
});

describe('two workers', () => {
  it('side by side send everything once', async () => {
    await setUp();
    for (let person = 0; person < 30; person += 1) {
      await rig.receive({ record: `r${person}`, person, puskesmas: person % 2 === 0 ? BREBES : SIRAMPOG });
    }
    const reports = await Promise.all([rig.startWorker('w1').drain(), rig.startWorker('w2').drain()]);
    const again = await rig.startWorker('w3').drain();
    expect(reports[0].delivered + reports[1].delivered + again.delivered).toBe(34);
    const platform = await rig.onPlatform();
    expect([platform.Encounter?.length, platform.Observation?.length, platform.Location?.length]).toEqual([30, 60, 2]);
    expect((await rig.requests())['POST /']).toEqual({ '200': 30 });
  });

  it('visits of one patient go in order', async () => {
    await setUp();
    for (let turn = 0; turn < 6; turn += 1) {
      await rig.receive({ record: `r${turn}`, person: 1, systolic: 100 + turn });
    }
    await Promise.all([rig.startWorker('w1').drain(), rig.startWorker('w2').drain()]);
    await rig.startWorker('w3').drain();
    const sent = (await rig.onPlatform()).Observation?.map((found) => (found.valueQuantity as { value: number }).value) ?? [];
    expect(sent.filter((value) => value >= 100)).toEqual([100, 101, 102, 103, 104, 105]);
  });
});

describe('what the platform says', () => {
  it('429 with Retry-After: the owner waits so long, the other goes on', async () => {
    await setUp();
    const brebes = await rig.receive({ record: 'a', person: 1 });
    await rig.startWorker('w0').drain();
    const [slow, other] = [
      await rig.receive({ record: 'b', person: 2 }),
      await rig.receive({ record: 'c', person: 3, puskesmas: SIRAMPOG }),
    ];
    await rig.fault({ match: { method: 'GET', path: '/fhir-r4/v1/Patient' }, action: 'status', status: 429, retryAfter: 30, times: 1 });
    const worker = rig.startWorker('w1', { concurrency: 1 });
    const report = await worker.drain();
    expect(report).toMatchObject({ deferred: 1, reasons: { 'rate-limited': 1 } });
    const states = await Promise.all([brebes, slow, other].map(async (id) => (await rig.submission(id))?.state));
    expect(states).toEqual(['completed', 'ready', 'completed']);
    expect(await rig.submission(slow)).toMatchObject({ reason: 'rate-limited' });
    const held = await rig.delivery(slow);
    expect([held?.attempts, Date.parse(held?.dueAt ?? '') - rig.time.clock()]).toEqual([0, 30_000]);
    rig.time.advance(29_000);
    expect((await worker.drain()).claimed).toBe(0);
    rig.time.advance(1_000);
    expect((await worker.drain()).delivered).toBe(1);
    expect((await rig.submission(slow))?.state).toBe('completed');
  });

  it('an expired token is renewed in the middle of a run', async () => {
    await setUp();
    for (let person = 0; person < 6; person += 1) {
      await rig.receive({ record: `r${person}`, person });
    }
    await rig.fault({ match: { ...TRANSACTION, nth: 3 }, action: 'expire-tokens', times: 1 });
    expect(await rig.startWorker('w1').drain()).toMatchObject({ delivered: 8, deferred: 0 });
    expect((await rig.onPlatform()).Encounter).toHaveLength(6);
    expect((await rig.requests())['POST accesstoken']).toEqual({ '200': 2 });
  });

  it('refused credentials pause their owner for a minute and more, one token request at a time, and starve nobody', async () => {
    await setUp();
    rig.credentials.set(BREBES.code, { ...BREBES, secret: 'wrong' });
    const [bad, good] = [await rig.receive({ record: 'a', person: 1 }), await rig.receive({ record: 'b', person: 2, puskesmas: SIRAMPOG })];
    const worker = rig.startWorker('w1');
    await worker.drain();
    expect((await rig.submission(good))?.state).toBe('completed');
    expect((await rig.requests())['POST accesstoken']).toEqual({ '200': 1, '401': 1 });
    const [unit] = await rig.store.deliveries({ environment: ENVIRONMENT, owner: BREBES.code, states: ['ready'] });
    expect(unit).toMatchObject({ reason: 'platform-auth', attempts: 0 });
    rig.time.advance(59_000);
    expect((await worker.drain()).claimed).toBe(0);
    rig.time.advance(1_000);
    await worker.drain();
    // Refused again: twice as long.
    rig.time.advance(60_000);
    expect((await worker.drain()).claimed).toBe(0);
    rig.credentials.set(BREBES.code, BREBES);
    rig.time.advance(60_000);
    await worker.drain();
    expect((await rig.submission(bad))?.state).toBe('completed');
  });

  it('no credential: on hold, and goes on when there is one', async () => {
    await setUp();
    rig.credentials.delete(BREBES.code);
    const id = await rig.receive({ record: 'a', person: 1 });
    const worker = rig.startWorker('w1');
    expect((await worker.drain()).reasons).toEqual({ 'credential-missing': 1 });
    expect(await rig.submission(id)).toMatchObject({ state: 'ready', reason: 'dependency' });
    rig.credentials.set(BREBES.code, BREBES);
    expect(await rig.store.releaseHeld({ environment: ENVIRONMENT, reasons: ['credential-missing'] })).toBe(1);
    await worker.drain();
    expect((await rig.submission(id))?.state).toBe('completed');
  });

  it('a rule: failed with its number and place, translated, and nothing of it on the platform', async () => {
    await setUp();
    const id = await rig.receive({ record: 'a', person: 1 });
    const [encounter] = visit({ record: 'a', puskesmas: BREBES, unit: posyanduOf(BREBES), person: 1 });
    const { diagnosis: _without, ...rest } = encounter;
    await rig.store.commit({ resources: [{ resource: rest, facility: BREBES.code, submission: id, at: rig.time.iso() }] });
    const ok = await rig.receive({ record: 'b', person: 2 });
    await rig.startWorker('w1').drain();
    const refused = await rig.submission(id);
    expect(refused).toMatchObject({ state: 'failed', reason: 'rule-10457' });
    expect(refused?.issues[0]).toMatchObject({ code: 'rule-mandatory', rule: '10457' });
    expect(refused?.issues[0]?.expression).toContain('diagnosis');
    const platform = await rig.onPlatform();
    expect([platform.Encounter?.length, platform.Observation?.length]).toEqual([1, 2]);
    expect((await rig.submission(ok))?.state).toBe('completed');
  });

  it('a person it does not know: on hold, remembered, and let go when released', async () => {
    await setUp();
    const [first, second] = [await rig.receive({ record: 'a', person: 41 }), await rig.receive({ record: 'b', person: 41 })];
    const worker = rig.startWorker('w1');
    await worker.drain();
    for (const id of [first, second]) {
      expect(await rig.submission(id)).toMatchObject({ state: 'on-hold', reason: 'identity' });
      expect((await rig.submission(id))?.issues[0]).toMatchObject({ code: 'identity' });
    }
    expect((await rig.requests())['GET Patient']).toEqual({ '200': 1 });
    const key = `patient:${identifiers.nikHash(nikOf(41))}`;
    expect(await rig.store.identities(ENVIRONMENT, [key])).toMatchObject([{ key, platformId: null }]);
    // Found since, by whatever way.
    await rig.store.commit({ identities: [{ environment: ENVIRONMENT, key, platformId: 'P10000000007', checkedAt: rig.time.iso() }] });
    expect(await rig.store.releaseHeld({ environment: ENVIRONMENT, reasons: ['identity'] })).toBe(2);
    await worker.drain();
    expect((await rig.submission(second))?.state).toBe('completed');
  });

  it('a patient whose NIK arrived later: looked up as the Patient that took their place', async () => {
    await setUp();
    const held = await rig.receive({ record: 'a', person: PEOPLE_UNKNOWN });
    const worker = rig.startWorker('w1');
    await worker.drain();
    expect(await rig.submission(held)).toMatchObject({ state: 'on-hold', reason: 'identity' });
    const { identifier: _, ...nameless } = patient(PEOPLE_UNKNOWN);
    const link = [{ other: { reference: `Patient/${patient(3).id}` }, type: 'replaced-by' as const }];
    await rig.store.commit({ resources: [{ resource: { ...nameless, link }, facility: null, submission: null, at: rig.time.iso() }] });
    const report = await resolveIdentities({ store: rig.store, platform: rig.connect(), hash: identifiers, clock: rig.time.clock });
    expect(report.released).toBe(1);
    await worker.drain();
    expect(await rig.submission(held)).toMatchObject({ state: 'completed' });
    expect((await rig.onPlatform()).Encounter).toMatchObject([{ subject: { reference: 'Patient/P10000000003' } }]);
    const fresh = await rig.receive({ record: 'b', person: PEOPLE_UNKNOWN });
    await worker.drain();
    expect(await rig.submission(fresh)).toMatchObject({ state: 'completed' });
  });

  it('a practitioner it does not know: on hold under a reason of its own', async () => {
    await setUp();
    const id = await rig.receive({ record: 'a', person: 1, practitionerNik: nikOf(90_002) });
    await rig.store.commit({
      resources: [
        {
          resource: {
            resourceType: 'Practitioner',
            id: identifiers.practitionerId(nikOf(90_002)),
            identifier: [{ system: 'https://fhir.kemkes.go.id/id/nik', value: nikOf(90_002) }],
          },
          facility: null,
          submission: null,
          at: rig.time.iso(),
        },
      ],
    });
    await rig.startWorker('w1').drain();
    expect(await rig.submission(id)).toMatchObject({ state: 'on-hold', reason: 'practitioner-identity' });
  });

  it('a duplicate: looked up and taken over; what was missing is sent singly', async () => {
    await setUp();
    const first = await rig.receive({ record: 'a', person: 1 });
    await rig.startWorker('w1').drain();
    // The same visit from a database that does not know it was sent, with one more resource than the platform has.
    const other = await createRig();
    try {
      const id = await other.receive({ record: 'a', person: 1 });
      const [encounter, , systolic] = visit({ record: 'a', puskesmas: BREBES, unit: posyanduOf(BREBES), person: 1 });
      const extraId = identifiers.resourceId('k', 'extra');
      const extra = { ...systolic, id: extraId, identifier: [{ ...systolic.identifier?.[0], value: extraId }] };
      const delivery = await other.delivery(id);
      await other.store.commit({
        resources: [{ resource: extra, facility: BREBES.code, submission: id, at: other.time.iso() }],
        deliveries: [
          {
            key: delivery?.key as string,
            environment: ENVIRONMENT,
            kind: 'encounter',
            owner: BREBES.code,
            partition: delivery?.partition as string,
            resources: [...(delivery?.resources ?? []), `Observation/${extraId}`],
            dependsOn: delivery?.dependsOn ?? [],
            submission: id,
            submissionVersion: 1,
            state: 'ready',
            reason: null,
            dueAt: other.time.iso(),
            replace: true,
          },
        ],
      });
      await other.startWorker('w9', { platform: rig.connect() }).drain();
      expect((await other.submission(id))?.state).toBe('completed');
      expect(await other.store.platformIds(ENVIRONMENT, [`Observation/${extraId}`, `Encounter/${encounter.id}`])).toHaveLength(2);
    } finally {
      await other.close();
    }
    const platform = await rig.onPlatform();
    expect([platform.Encounter?.length, platform.Condition?.length, platform.Observation?.length]).toEqual([1, 1, 3]);
    const requests = await rig.requests();
    expect([requests['POST /'], requests['POST Observation']]).toEqual([{ '200': 1, '400': 1 }, { '201': 1 }]);
    expect((await rig.submission(first))?.state).toBe('completed');
  });

  it('nobody answers: everything waits together, and nothing is counted against a delivery', async () => {
    await setUp();
    const ids = [await rig.receive({ record: 'a', person: 1 }), await rig.receive({ record: 'b', person: 2 })];
    await rig.fault({ match: { path: '/oauth2/v1/accesstoken' }, action: 'drop-before', times: 8 });
    const worker = rig.startWorker('w1');
    await worker.drain();
    const waiting = await rig.store.deliveries({ environment: ENVIRONMENT, states: ['ready'], owner: BREBES.code });
    expect(waiting.map((each) => each.attempts)).toEqual([0, 0, 0, 0]);
    expect(waiting.map((each) => each.reason)).toContain('platform-unavailable');
    expect((await worker.drain()).claimed).toBe(0);
    for (let round = 0; round < 10; round += 1) {
      rig.time.advance(60_000);
      await worker.drain();
    }
    for (const id of ids) {
      expect((await rig.submission(id))?.state).toBe('completed');
    }
  });
});

describe('opening hours', () => {
  it('an owner sends only in its hours, in its own zone', async () => {
    await setUp();
    await rig.store.putCredential({
      environment: ENVIRONMENT,
      owner: BREBES.code,
      organizationId: BREBES.organizationId,
      clientId: BREBES.clientId,
      secret: 'sealed',
      createdAt: rig.time.iso(),
      // The virtual day begins at 07:00 in Jakarta.
      allowedHours: '22:00-05:00',
    });
    const id = await rig.receive({ record: 'a', person: 1 });
    const worker = rig.startWorker('w1');
    expect((await worker.drain()).claimed).toBe(0);
    rig.time.advance(15 * 3_600_000 + 60_000);
    await worker.drain();
    expect((await rig.submission(id))?.state).toBe('completed');
  });
});

describe('what is written down', () => {
  it('holds no NIK, no name and no token: log, audit, metrics, issues', async () => {
    await setUp();
    rig.credentials.set(SIRAMPOG.code, { ...SIRAMPOG, secret: 'wrong-secret' });
    const ids = [
      await rig.receive({ record: 'a', person: 1 }),
      await rig.receive({ record: 'b', person: 41 }),
      await rig.receive({ record: 'c', person: 3, puskesmas: SIRAMPOG }),
    ];
    await rig.fault({ match: TRANSACTION, action: 'drop-after', times: 1 });
    await rig.startWorker('w1').drain();
    const written = JSON.stringify([
      rig.logged,
      rig.counted,
      await rig.store.audits({ limit: 100 }),
      await rig.store.deliveries({ environment: ENVIRONMENT, limit: 100 }),
      await Promise.all(ids.map((id) => rig.submission(id))),
    ]);
    expect(rig.logged.length).toBeGreaterThan(3);
    for (const secret of [nikOf(1).slice(0, 10), 'Orang', 'Bidan', 'Bearer', BREBES.secret, 'wrong-secret', 'P10000000001']) {
      expect(written).not.toContain(secret);
    }
  });
});
