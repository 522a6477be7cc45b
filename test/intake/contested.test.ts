import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createIdentifiers, type Delivery, loadIdKey } from '../../src/store/index.ts';
import { type Answer, MIDWIFE, type Running, register, runService, visit, weighing } from '../http/running-service.ts';

/** Records that meet others: of another key, another client, another source, another moment. */

const ALL = { client: 'test', facilities: 'all', purpose: 'intake' } as const;
const ENVIRONMENT = 'sandbox';

let running: Running;
let key: string;

beforeAll(async () => {
  running = await runService();
  key = await running.client('dinas');
  await register(running, key);
});
afterAll(() => running.stop());

const receipt = ({ body }: Answer) => body.receipts[0];
const story = async (id: string) => (await running.get(`/api/v1/submissions/${id}`, key)).body;
const encounter = (body: unknown, who = key) => running.post('encounters', body, who);
const withdrawal = (sourceId: string) => ({ sourceSystem: 'simpus', sourceId, recordStatus: 'withdrawn', withdrawnReason: 'salah' });
const deliveriesOf = (id: string): Promise<readonly Delivery[]> => running.service.store.deliveries({ submissionId: id });
const ids = async () => createIdentifiers(await loadIdKey(running.service.store));
const patientOf = async (submission: string): Promise<string> => (await story(submission)).patients[0].reference;

/** What a worker would write of a delivery. */
async function settle({ key: name, environment }: Delivery, state: 'failed' | 'completed', resources: readonly string[] = []) {
  const at = new Date().toISOString();
  await running.service.store.commit({
    platformIds: resources.map((reference, index) => ({ environment, reference, platformId: `p-${index}`, platformVersion: null, at })),
    deliveryOutcomes: [{ key: name, environment, state, reason: state === 'failed' ? 'platform-refused' : null, issues: [], at }],
  });
}

describe('the same event', () => {
  it('under a new key, with its old key withdrawn in the same request, is not a duplicate of what was withdrawn', async () => {
    await encounter(visit('S-1', { complaint: 'ganti nomor' }));
    const answer = await encounter([withdrawal('S-1'), visit('S-2', { complaint: 'ganti nomor' })]);
    expect(answer.body.receipts).toMatchObject([{ reason: 'withdrawn' }, { state: 'ready', reason: null }]);
  });

  it('brought and withdrawn in one request leaves its new key free', async () => {
    const answer = await encounter([
      visit('S-3', { complaint: 'tiga' }),
      withdrawal('S-3'),
      visit('S-4', { complaint: 'tiga' }),
      visit('S-4b', { complaint: 'tiga' }),
    ]);
    expect(answer.body.receipts).toMatchObject([{ state: 'ready' }, { reason: 'withdrawn' }, { state: 'ready' }, { reason: 'duplicate' }]);
  });

  it('told by a corrected record that was sent as another one before: that one is taken back', async () => {
    await encounter(visit('S-5', { complaint: 'lima' }));
    const { id } = receipt(await encounter(visit('S-6', { complaint: 'enam' })));
    const [delivery] = (await deliveriesOf(id)) as [Delivery];
    await settle(delivery, 'completed', delivery.resources);
    expect(receipt(await encounter(visit('S-6', { complaint: 'lima' })))).toMatchObject({ id, state: 'cancelled', reason: 'duplicate' });
    const [first] = await running.service.store.resources(ALL, delivery.resources);
    expect(first?.resource).toMatchObject({ resourceType: 'Encounter', status: 'entered-in-error' });
    expect(await running.service.store.deliveries({ keys: [delivery.key] })).toMatchObject([{ state: 'ready' }]);
  });
});

describe('a validated record', () => {
  it('stays validated when its source sends it again as it was', async () => {
    const { validatedBy: _, ...unvalidated } = weighing('K-1', { measurements: { weight: 49 } });
    const { id } = receipt(await running.post('village-observations', unvalidated, key));
    const response = await fetch(`${running.url}/api/v1/submissions/${id}/validate`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ validatedBy: { nik: MIDWIFE } }),
    });
    expect(await response.json()).toMatchObject({ version: 2, state: 'ready' });
    const again = await running.post('village-observations', unvalidated, key);
    expect(again.body).toMatchObject({ duplicates: 1, receipts: [{ id, version: 2, state: 'ready', reason: null }] });
    expect(await deliveriesOf(id)).toMatchObject([{ state: 'ready' }]);
    const changed = await running.post('village-observations', { ...unvalidated, measurements: { weight: 48 } }, key);
    expect(receipt(changed)).toMatchObject({ version: 3, state: 'on-hold', reason: 'validation-pending' });
  });
});

describe('what belongs to another puskesmas', () => {
  it('a record is not overwritten or withdrawn by a client of the same source system elsewhere', async () => {
    const elsewhere = await running.client('second', { facilities: ['P2'], sourceSystems: ['simpus'] });
    const { id } = receipt(await encounter(visit('F-1')));
    for (const attack of [withdrawal('F-1'), visit('F-1', { facilityCode: 'P2' }), { sourceSystem: 'simpus', sourceId: 'F-1' }]) {
      const answer = await encounter(attack, elsewhere);
      expect(answer.body.receipts).toMatchObject([{ id: null, issues: [{ code: 'forbidden-facility' }] }]);
    }
    expect(await story(id)).toMatchObject({ version: 1, state: 'ready', facility: 'P1' });
  });

  it('a unit is not taken over by naming another supervisor', async () => {
    const elsewhere = await running.client('third', { facilities: ['P2'] });
    const unit = {
      sourceSystem: 'other',
      kind: 'posyandu',
      code: 'P1-PY',
      name: 'Melati',
      supervisorCode: 'P2',
      villageCode: '3329012001',
    };
    const whole = await running.post('facilities', unit, elsewhere);
    expect([whole.status, whole.body.error.code]).toEqual([403, 'forbidden-facility']);
    const stream = await fetch(`${running.url}/api/v1/facilities`, {
      method: 'POST',
      headers: { authorization: `Bearer ${elsewhere}`, 'content-type': 'application/x-ndjson' },
      body: `${JSON.stringify(unit)}\n`,
    });
    expect(await stream.json()).toMatchObject({ receipts: [{ id: null, issues: [{ code: 'forbidden-facility' }] }] });
    expect(await running.service.store.facilities(['P1-PY'])).toMatchObject([{ puskesmas: 'P1' }]);
  });
});

describe('a unit', () => {
  it('that the platform refused is sent again once its record is mended', async () => {
    await running.post('village-observations', weighing('U-1', { measurements: { weight: 47 } }), key);
    const [entry] = await running.service.store.facilities(['P1-PY']);
    const keys = [`location:${entry?.location}`];
    const [location] = (await running.service.store.deliveries({ keys })) as [Delivery];
    await settle(location, 'failed');
    const mended = { kind: 'posyandu', code: 'P1-PY', name: 'Posyandu Melati Indah', supervisorCode: 'P1-PT', villageCode: '3329012001' };
    await running.post('facilities', { sourceSystem: 'simpus', ...mended }, key);
    expect(await running.service.store.deliveries({ keys })).toMatchObject([{ state: 'ready', reason: null }]);
  });
});

describe('a unit that moves to another puskesmas', () => {
  it('takes those below it along', async () => {
    const unit = (code: string, supervisorCode: string, kind: string) => ({
      ...{ sourceSystem: 'simpus', kind, code, name: code, supervisorCode, villageCode: '3329012001' },
    });
    const tree = [unit('M-PT', 'P1', 'pustu'), unit('M-PY', 'M-PT', 'posyandu'), unit('M-PY2', 'M-PY', 'posyandu')];
    await running.post('facilities', tree, key);
    await running.post('facilities', unit('M-PT', 'P2', 'pustu'), key);
    const moved = await running.service.store.facilities(['M-PT', 'M-PY', 'M-PY2']);
    expect(moved.map(({ puskesmas }) => puskesmas)).toEqual(['P2', 'P2', 'P2']);
    const visits = await encounter(visit('M-1', { facilityCode: 'M-PY' }));
    expect(await deliveriesOf(receipt(visits).id)).toMatchObject([{ owner: 'P2' }]);
  });
});

describe('a visit on its way', () => {
  it('withdrawn at that moment is retracted afterwards, whatever became of it', async () => {
    const { store } = running.service;
    const { id } = receipt(await encounter(visit('W-1')));
    const [delivery] = (await deliveriesOf(id)) as [Delivery];
    const commit = store.commit;
    try {
      // The worker takes it and delivers it between intake's look and its commit.
      store.commit = async (changes, fence) => {
        if (changes.submissions?.some(({ reason }) => reason === 'withdrawn')) {
          store.commit = commit;
          await settle(delivery, 'completed', delivery.resources);
        }
        return commit(changes, fence);
      };
      await encounter(withdrawal('W-1'));
    } finally {
      store.commit = commit;
    }
    expect(await store.deliveries({ keys: [delivery.key] })).toMatchObject([{ state: 'ready', resources: delivery.resources }]);
  });

  it('corrected twice before it was sent again: what the first correction left out is still retracted', async () => {
    const { id } = receipt(await encounter(visit('W-2')));
    const [delivery] = (await deliveriesOf(id)) as [Delivery];
    await settle(delivery, 'completed', delivery.resources);
    await encounter(visit('W-2', { vitals: { systolic: 121, diastolic: 80 } }));
    await encounter(visit('W-2', { vitals: { systolic: 122, diastolic: 80 } }));
    const [after] = await deliveriesOf(id);
    expect([...(after?.resources ?? [])].sort()).toEqual([...delivery.resources].sort());
  });
});

describe('a person', () => {
  const person = { sourceSystem: 'simpus', name: 'Rina', birthDate: '1990-04-04', sex: 'female', facilityCode: 'P1' };

  it('registered with NIK and told of again without it stays one person', async () => {
    await running.post('persons', { ...person, sourceId: 'RM-20', nik: '9929014404900020' }, key);
    const before = await patientOf(receipt(await encounter(visit('N-1', { person: { sourceId: 'RM-20' } }))).id);
    const inline = { name: 'Rina', birthDate: '1990-04-04', sex: 'female' };
    const told = receipt(await encounter(visit('N-2', { person: { sourceId: 'RM-20', inline } })));
    expect(await patientOf(told.id)).toBe(before);
    expect(await patientOf(receipt(await encounter(visit('N-3', { person: { sourceId: 'RM-20' } }))).id)).toBe(before);
    const [patient] = await running.service.store.resources(ALL, [before]);
    expect(JSON.stringify(patient?.resource)).toContain('9929014404900020');
  });

  it('whose NIK was corrected: a visit held for it goes on when it is sent again', async () => {
    const { store } = running.service;
    await running.post('persons', { ...person, sourceId: 'RM-21', nik: '9929014404900021' }, key);
    const record = visit('N-4', { person: { sourceId: 'RM-21', inline: { ...person, nik: undefined, sourceSystem: undefined } } });
    const { id } = receipt(await encounter(record));
    const [delivery] = (await deliveriesOf(id)) as [Delivery];
    const at = new Date().toISOString();
    await store.commit({
      deliveryOutcomes: [{ key: delivery.key, environment: ENVIRONMENT, state: 'on-hold', reason: 'identity', issues: [], at }],
      submissionStates: [{ id, version: 1, state: 'on-hold', reason: 'identity', at, stage: 'held' }],
    });
    expect(receipt(await encounter(record))).toMatchObject({ version: 1, state: 'on-hold', reason: 'identity' });
    await running.post('persons', { ...person, sourceId: 'RM-21', nik: '9929014404900022' }, key);
    expect(receipt(await encounter(record))).toMatchObject({ version: 2, state: 'ready', reason: null });
    expect(await deliveriesOf(id)).toMatchObject([{ state: 'ready' }]);
    expect(await patientOf(id)).toBe(`Patient/${(await ids()).patientId({ nik: '9929014404900022', sourceKey: '' })}`);
  });

  it('who treats, and whose NIK was corrected: likewise', async () => {
    const nurse = { sourceSystem: 'simpus', sourceId: 'NK-9', name: 'Perawat', profession: 'perawat', facilityCode: 'P1' };
    await running.post('practitioners', { ...nurse, nik: '9929016808920301' }, key);
    const record = visit('N-5', { practitioner: { sourceId: 'NK-9' } });
    const { id } = receipt(await encounter(record));
    const [delivery] = (await deliveriesOf(id)) as [Delivery];
    const at = new Date().toISOString();
    const held = { state: 'on-hold', reason: 'practitioner-identity', at } as const;
    await running.service.store.commit({
      deliveryOutcomes: [{ key: delivery.key, environment: ENVIRONMENT, issues: [], ...held }],
      submissionStates: [{ id, version: 1, stage: 'held', ...held }],
    });
    expect(receipt(await encounter(record))).toMatchObject({ version: 1, state: 'on-hold' });
    await running.post('practitioners', { ...nurse, nik: '9929016808920302' }, key);
    expect(receipt(await encounter(record))).toMatchObject({ version: 2, state: 'ready' });
  });

  it('of two puskesmas is seen by both, and by no third; a version that another one wrote is not', async () => {
    const nik = '9929014404900023';
    const first = await running.client('first-reader', { facilities: ['P1'] });
    const second = await running.client('second-reader', { facilities: ['P2'] });
    const third = await running.client('third-reader', { facilities: ['P3'] });
    await running.post('persons', { ...person, sourceId: 'RM-23', nik, phone: '081200000001' }, key);
    await running.post('persons', { ...person, sourceId: 'X-23', sourceSystem: 'other', nik, facilityCode: 'P2' }, key);
    const where = `/fhir/Patient/${(await ids()).patientId({ nik, sourceKey: '' })}`;
    expect([(await running.get(where, first)).status, (await running.get(where, second)).status]).toEqual([200, 200]);
    expect((await running.get(where, third)).status).toBe(404);
    const search = `/fhir/Patient?identifier=${encodeURIComponent(`https://fhir.kemkes.go.id/id/nik|${nik}`)}`;
    expect((await running.get(search, first)).body.entry).toHaveLength(1);
    expect((await running.get(search, third)).body.entry).toBeUndefined();
    expect((await running.get(`${where}/_history/1`, first)).status).toBe(200);
    expect((await running.get(`${where}/_history/1`, second)).status).toBe(404);
  });

  it('withdrawn by one source stays active while another source knows them', async () => {
    const nik = '9929014404900024';
    await running.post('persons', { ...person, sourceId: 'RM-24', nik }, key);
    await running.post('persons', { ...person, sourceId: 'X-24', sourceSystem: 'other', nik, facilityCode: 'P2' }, key);
    await running.post('persons', { sourceSystem: 'other', sourceId: 'X-24', recordStatus: 'withdrawn', withdrawnReason: 'x' }, key);
    const reference = `Patient/${(await ids()).patientId({ nik, sourceKey: '' })}`;
    expect((await running.service.store.resources(ALL, [reference]))[0]?.resource).toMatchObject({ active: true });
    await running.post('persons', { sourceSystem: 'simpus', sourceId: 'RM-24', recordStatus: 'withdrawn', withdrawnReason: 'x' }, key);
    expect((await running.service.store.resources(ALL, [reference]))[0]?.resource).toMatchObject({ active: false });
  });
});
