import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Delivery } from '../../src/store/index.ts';
import { type Answer, KADER, MIDWIFE, MOTHER, type Running, register, runService, visit, weighing } from '../http/running-service.ts';

const ALL = { client: 'test', facilities: 'all', purpose: 'intake' } as const;

let running: Running;
let key: string;

beforeAll(async () => {
  running = await runService();
  key = await running.client('dinas');
  await register(running, key);
});
afterAll(() => running.stop());

const encounter = (body: unknown, query = '') => running.post('encounters', body, key, query);
const village = (body: unknown, query = '') => running.post('village-observations', body, key, query);
const receipt = ({ body }: Answer) => body.receipts[0];
const story = async (id: string) => (await running.get(`/api/v1/submissions/${id}`, key)).body;
const deliveriesOf = (id: string): Promise<readonly Delivery[]> => running.service.store.deliveries({ submissionId: id });
const resourcesOf = async (id: string, type: string) => {
  const [submission] = await running.service.store.submissionsById(ALL, [id]);
  const stored = await running.service.store.resources(ALL, submission?.resources ?? []);
  // biome-ignore lint/suspicious/noExplicitAny: read field by field
  return stored.map(({ resource }) => resource as any).filter(({ resourceType }) => resourceType === type);
};

describe('a record and its key', () => {
  it('is ready with its resources, its story and its place in the queue', async () => {
    const given = receipt(await encounter(visit('A-1')));
    expect(given).toMatchObject({ version: 1, sourceId: 'A-1', state: 'ready', reason: null, issues: [] });
    const told = await story(given.id);
    expect(told.story.map(({ stage }: { stage: string }) => stage)).toEqual(['received', 'normalised', 'mapped', 'checked', 'stored']);
    expect(told.resources[0].reference).toMatch(/^Encounter\//);
    expect(told.patients).toEqual([{ reference: expect.stringMatching(/^Patient\//), ihsNumber: null }]);
    expect(told.deliveries).toMatchObject([{ kind: 'encounter', owner: 'P1', state: 'ready' }]);
  });

  it('sent again unchanged, in any order of its fields, gives the same receipt and writes nothing', async () => {
    const first = await encounter(visit('A-2'));
    const again = await encounter(Object.fromEntries(Object.entries(visit('A-2')).reverse()));
    expect([again.status, again.body.accepted, again.body.duplicates]).toEqual([202, 0, 1]);
    expect(receipt(again)).toEqual(receipt(first));
  });

  it('a new version replaces: what it no longer holds becomes entered-in-error', async () => {
    const { id } = receipt(await encounter(visit('A-3')));
    const weight = (await resourcesOf(id, 'Observation')).find((one) => one.code.coding[0].code === '29463-7');
    const second = receipt(await encounter(visit('A-3', { vitals: { systolic: 130, diastolic: 80 } })));
    expect(second).toMatchObject({ id, version: 2, state: 'ready' });
    const gone = await running.service.store.resource(ALL, 'Observation', weight.id);
    expect(gone?.resource).toMatchObject({ status: 'entered-in-error' });
    const [delivery] = await deliveriesOf(id);
    expect(delivery?.submissionVersion).toBe(2);
    // It goes along, and is sent only if the platform has it by then.
    expect(delivery?.resources.at(-1)).toBe(`Observation/${weight.id}`);
    const systolic = (await resourcesOf(id, 'Observation')).find((one) => one.code.coding[0].code === '8480-6');
    expect(systolic.valueQuantity.value).toBe(130);
    expect(systolic.meta.versionId).toBe('2');
  });

  it('an older version that arrives late is kept and not applied', async () => {
    const { id } = receipt(await encounter(visit('A-4', { sourceUpdatedAt: '2026-08-20T10:00:00+07:00' })));
    const late = visit('A-4', { sourceUpdatedAt: '2026-08-19T10:00:00+07:00', vitals: { systolic: 90, diastolic: 60 } });
    const answer = receipt(await encounter(late));
    expect(answer).toMatchObject({ id, version: 1, state: 'cancelled', reason: 'superseded' });
    expect((await story(id)).state).toBe('ready');
    expect(receipt(await encounter(late))).toEqual(answer);
    const kept = (await running.get('/api/v1/submissions?reason=superseded&limit=1000', key)).body.submissions;
    expect(kept.filter((row: { sourceId: string; duplicateOf: string }) => row.sourceId === 'A-4' && row.duplicateOf === id)).toHaveLength(
      1,
    );
    const [systolic] = (await resourcesOf(id, 'Observation')).filter((one) => one.code.coding[0].code === '8480-6');
    expect(systolic.valueQuantity.value).toBe(120);
  });

  it('the same event under another key is a duplicate that names the first', async () => {
    const { id } = receipt(await encounter(visit('A-5', { complaint: 'pusing' })));
    const copy = await encounter(visit('B-5', { complaint: 'pusing', person: { nik: MOTHER }, start: '2026-08-19T01:00:00Z' }));
    expect([copy.status, copy.body.duplicates]).toEqual([422, 1]);
    expect(receipt(copy)).toMatchObject({ state: 'cancelled', reason: 'duplicate', duplicateOf: id });
    expect(await deliveriesOf(receipt(copy).id)).toEqual([]);
  });

  it('withdrawn before it was sent: nothing is sent, and all of it is entered in error', async () => {
    const { id } = receipt(await encounter(visit('A-6', { complaint: 'batuk' })));
    const withdrawn = { sourceSystem: 'simpus', sourceId: 'A-6', recordStatus: 'withdrawn', withdrawnReason: 'salah pasien' };
    expect(receipt(await encounter(withdrawn))).toMatchObject({ id, version: 2, state: 'completed', reason: 'withdrawn' });
    expect((await deliveriesOf(id)).map(({ state, reason }) => [state, reason])).toEqual([['cancelled', 'withdrawn']]);
    expect((await resourcesOf(id, 'Encounter'))[0].status).toBe('entered-in-error');
    const patient = (await running.service.store.search(ALL, { type: 'Patient', filters: [], count: 10 })).resources[0];
    expect(patient?.resource).not.toMatchObject({ active: false });
  });

  it('withdrawn after it was delivered: what the platform has is sent once more, entered in error', async () => {
    const { store } = running.service;
    const { id } = receipt(await encounter(visit('A-7', { complaint: 'demam' })));
    const [delivery] = await deliveriesOf(id);
    const at = '2026-08-20T00:00:00.000Z';
    const { key: name, environment, resources = [] } = delivery as Delivery;
    await store.commit({
      platformIds: resources.map((reference, index) => ({ environment, reference, platformId: `p-${index}`, platformVersion: null, at })),
      deliveryOutcomes: [{ key: name, environment, state: 'completed', reason: null, issues: [], at }],
      submissionStates: [{ id, version: 1, state: 'completed', reason: null, at, stage: 'delivered' }],
    });
    await encounter({ sourceSystem: 'simpus', sourceId: 'A-7', recordStatus: 'withdrawn', withdrawnReason: 'ganda' });
    const [again] = await store.deliveries({ keys: [name] });
    expect(again).toMatchObject({ state: 'ready', resources, submission: null });
  });

  it('withdrawn while the store is a restored backup: the platform may have it, so it is sent entered in error', async () => {
    const { store } = running.service;
    const { id } = receipt(await encounter(visit('A-11', { complaint: 'gatal sekali' })));
    const [before] = await deliveriesOf(id);
    const { environment = '', key: name = '', resources } = before as Delivery;
    await store.putShared(environment, 'restored', '{}', null);
    try {
      await encounter({ sourceSystem: 'simpus', sourceId: 'A-11', recordStatus: 'withdrawn', withdrawnReason: 'ganda' });
      expect((await store.deliveries({ keys: [name] }))[0]).toMatchObject({ state: 'ready', resources });
    } finally {
      const [entry] = (await store.shared(environment, ['restored'])).entries;
      await store.putShared(environment, 'restored', null, entry?.version ?? null);
    }
  });

  it('a refused record is kept, and accepted once what it lacked is there', async () => {
    const lacking = visit('A-8', { person: { sourceId: 'RM-later' } });
    const refused = receipt(await encounter(lacking));
    expect(refused).toMatchObject({
      version: 1,
      state: 'failed',
      reason: 'refused',
      issues: [{ code: 'person-unknown', field: 'person.sourceId' }],
    });
    expect(receipt(await encounter(lacking))).toEqual(refused);
    const person = { sourceSystem: 'simpus', sourceId: 'RM-later', name: 'Budi', birthDate: '1970-01-01', sex: 'male', facilityCode: 'P1' };
    await running.post('persons', person, key);
    expect(receipt(await encounter(lacking))).toMatchObject({ id: refused.id, version: 2, state: 'ready' });
  });

  it('records of one request see those before them', async () => {
    const answer = await encounter([
      visit('A-9', { complaint: 'pilek' }),
      visit('A-9', { complaint: 'pilek berat' }),
      visit('B-9', { complaint: 'pilek berat' }),
    ]);
    expect(answer.body.receipts.map((one: { version: number; reason: string | null }) => [one.version, one.reason])).toEqual([
      [1, null],
      [2, null],
      [1, 'duplicate'],
    ]);
  });
});

describe('persons', () => {
  it('in full within a visit: the Patient is made, and a later visit by NIK finds it', async () => {
    const nik = '9929011501900003';
    const inline = { nik, name: 'Dewi', birthDate: '1990-01-15', sex: 'male', facilityCode: 'P1' };
    const first = receipt(await encounter(visit('P-1', { person: { inline } })));
    expect(first.state).toBe('ready');
    const second = receipt(await encounter(visit('P-2', { person: { nik } })));
    expect((await story(second.id)).patients).toEqual((await story(first.id)).patients);
  });

  it('a NIK that arrives later makes the Patient of that NIK, linked to the one before; nothing is re-keyed', async () => {
    const person = { sourceSystem: 'simpus', sourceId: 'RM-7', name: 'Tono', birthDate: '1980-05-05', sex: 'male', facilityCode: 'P1' };
    const before = receipt(await running.post('persons', person, key));
    const after = receipt(await running.post('persons', { ...person, nik: '9929010505800007' }, key));
    expect(after.id).toBe(before.id);
    const current = (await story(after.id)).resources[0].reference;
    const [patient] = await resourcesOf(after.id, 'Patient');
    const other = patient.link[0].other.reference;
    expect(patient.link[0].type).toBe('replaces');
    expect(other).not.toBe(current);
    const [old] = await running.service.store.resources(ALL, [other]);
    expect(old?.resource).toMatchObject({ link: [{ other: { reference: current }, type: 'replaced-by' }] });
  });
});

describe('village observations', () => {
  it('go in the name of the puskesmas, after the unit and what is above it, never creating the puskesmas', async () => {
    const { id, state } = receipt(await village(weighing('V-1')));
    expect(state).toBe('ready');
    const [delivery] = await deliveriesOf(id);
    expect(delivery).toMatchObject({ owner: 'P1', kind: 'encounter' });
    const { store } = running.service;
    const facilities = new Map((await store.facilities(['P1', 'P1-PT', 'P1-PY'])).map((entry) => [entry.code, entry]));
    const keyOf = (reference = '') => `${reference.split('/')[0]?.toLowerCase()}:${reference}`;
    const posyandu = facilities.get('P1-PY');
    const pustu = facilities.get('P1-PT');
    expect(delivery?.dependsOn).toContain(keyOf(posyandu?.location));
    const [location] = await store.deliveries({ keys: [keyOf(posyandu?.location)] });
    expect(location?.dependsOn).toContain(keyOf(posyandu?.organization));
    const [organization] = await store.deliveries({ keys: [keyOf(posyandu?.organization)] });
    expect(organization?.dependsOn).toEqual([keyOf(pustu?.organization)]);
    expect((await store.deliveries({ keys: [keyOf(pustu?.organization)] }))[0]?.dependsOn).toEqual([]);
    expect(await store.deliveries({ keys: [keyOf(facilities.get('P1')?.organization)] })).toEqual([]);
    const [platformId] = await store.platformIds('sandbox', [facilities.get('P1')?.organization ?? '']);
    expect(platformId?.platformId).toBe('100000001');
  });

  it('of a kader wait for a health worker, and go on with the validation', async () => {
    const { validatedBy: _, ...unvalidated } = weighing('V-2', { measurements: { weight: 50 } });
    const waiting = receipt(await village(unvalidated));
    expect(waiting).toMatchObject({
      state: 'on-hold',
      reason: 'validation-pending',
      issues: [{ code: 'validation-pending', field: 'validatedBy' }],
    });
    expect(await deliveriesOf(waiting.id)).toEqual([]);
    const response = await fetch(`${running.url}/api/v1/submissions/${waiting.id}/validate`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ validatedBy: { nik: MIDWIFE } }),
    });
    expect([response.status, await response.json()]).toMatchObject([200, { id: waiting.id, version: 2, state: 'ready' }]);
    expect(await deliveriesOf(waiting.id)).toHaveLength(1);
  });

  it('validation needs its scope, and a record that the client can see', async () => {
    const clerk = await running.client('clerk', { scopes: ['intake:write', 'intake:read'] });
    const elsewhere = await running.client('elsewhere', { facilities: ['P2'] });
    const { id } = receipt(await village(weighing('V-3', { validatedBy: undefined, measurements: { weight: 51 } })));
    const validate = (who: string) =>
      fetch(`${running.url}/api/v1/submissions/${id}/validate`, {
        method: 'POST',
        headers: { authorization: `Bearer ${who}`, 'content-type': 'application/json' },
        body: JSON.stringify({ validatedBy: { nik: MIDWIFE } }),
      });
    expect((await validate(clerk)).status).toBe(403);
    expect((await validate(elsewhere)).status).toBe(404);
  });

  it('without a time of day wait; a home visit stays in the district', async () => {
    const timeless = weighing('V-4', { sessionStart: undefined, sessionEnd: undefined, measurements: { weight: 52 } });
    expect(receipt(await village(timeless))).toMatchObject({ state: 'on-hold', reason: 'time-missing' });
    const home = weighing('V-5', {
      context: 'kunjungan_rumah',
      facilityCode: 'P1-PT',
      posyanduCode: undefined,
      date: '2026-08-19T10:00:00+07:00',
    });
    const kept = receipt(await village(home));
    expect(kept).toMatchObject({ state: 'completed', reason: 'kept-local' });
    expect(await deliveriesOf(kept.id)).toEqual([]);
  });

  it('times without offset are read in the zone of the facility', async () => {
    await running.post(
      'facilities',
      {
        sourceSystem: 'simpus',
        kind: 'posyandu',
        code: 'P1-WITA',
        name: 'Posyandu Timur',
        supervisorCode: 'P1',
        timeZone: 'Asia/Makassar',
      },
      key,
    );
    const { id } = receipt(
      await village(weighing('V-6', { posyanduCode: 'P1-WITA', date: '19/08/2026 08:30', measurements: { weight: 53 } })),
    );
    const [made] = await resourcesOf(id, 'Encounter');
    expect(new Date(made.period.start).toISOString()).toBe('2026-08-19T00:30:00.000Z');
  });
});

describe('refusals', () => {
  const codes = (answer: Answer) => receipt(answer).issues.map((issue: { code: string; field: string }) => [issue.code, issue.field]);

  it.each([
    ['unknown facility', visit('R-1', { facilityCode: 'P9' }), ['facility-unknown', 'facilityCode']],
    ['short NIK', visit('R-2', { person: { nik: '123456789012345' } }), ['nik-length', 'person.nik']],
    ['NIK in scientific form', visit('R-3', { person: { nik: '3,32901E+15' } }), ['nik-scientific', 'person.nik']],
    ['future date', visit('R-4', { start: '2999-01-01T08:00:00+07:00', end: undefined }), ['date-future', 'start']],
    ['end before start', visit('R-5', { end: '2026-08-19T07:00:00+07:00' }), ['period-order', 'end']],
    ['unknown ICD-10', visit('R-6', { diagnoses: [{ code: 'Q99.99' }] }), ['code-unknown', 'diagnoses[0].code']],
    ['700 kg', visit('R-7', { vitals: { weight: 700 } }), ['field-range', 'vitals.weight']],
    ['no person', visit('R-8', { person: undefined }), ['person-missing', 'person']],
    ['unknown klaster', visit('R-9', { cluster: 'klaster 9' }), ['cluster-unknown', 'cluster']],
    ['klaster of a service', visit('R-10', { cluster: 'K4' }), ['cluster-not-a-visit', 'cluster']],
    [
      'unknown health worker',
      visit('R-11', { practitioner: { nik: KADER.replace(/8$/, '9') } }),
      ['practitioner-unknown', 'practitioner.nik'],
    ],
  ])('%s has its own reason, naming the field and no value', async (_name, record, expected) => {
    const answer = await encounter(record);
    expect(answer.status).toBe(422);
    expect(codes(answer)).toContainEqual(expected);
    expect(JSON.stringify(receipt(answer).issues)).not.toMatch(/\d{15}|3,32901|Q99|klaster 9/);
  });

  it('unknown fields are reported with the nearest name, and refused where asked', async () => {
    const record = visit('R-20', { complain: 'lemas' });
    const lenient = await encounter(record);
    expect(codes(lenient)).toEqual([['field-unknown', 'complain']]);
    expect(receipt(lenient).state).toBe('ready');
    expect(receipt(await encounter({ ...record, sourceId: 'R-21' }, '?strict=true')).state).toBe('failed');
  });

  it('an unsound facility tree is refused', async () => {
    const loop = { sourceSystem: 'simpus', kind: 'pustu', code: 'P1-PT', name: 'Pustu', supervisorCode: 'P1-PY' };
    expect(codes(await running.post('facilities', loop, key))).toEqual([['facility-cycle', 'supervisorCode']]);
  });
});

describe('dry run', () => {
  it('gives the mapped Bundle and the verdict, and stores nothing', async () => {
    const { status, body } = await encounter([visit('D-1', { complaint: 'x' }), visit('D-2', { cluster: 'K9' })], '?dryRun=true');
    expect(status).toBe(200);
    expect(body.results[0].verdict).toMatchObject({ sourceId: 'D-1', state: 'ready' });
    expect(body.results[0].bundle.entry[0].resource.resourceType).toBe('Encounter');
    expect(body.results[1].verdict).toMatchObject({ state: 'failed', reason: 'refused' });
    const [known, refused] = body.results.map(({ preflight }: { preflight: object }) => preflight);
    expect(known).toMatchObject({ verdict: 'server', onlyServer: expect.arrayContaining([expect.objectContaining({ rule: '20007' })]) });
    expect(refused).toMatchObject({ verdict: 'refused', refusedBy: { code: body.results[1].verdict.issues[0].code } });
    const stored = await running.get(`/api/v1/submissions/${receipt(await encounter(visit('P-1', { complaint: 'x' }))).id}`, key);
    expect(stored.body.preflight).toEqual(known);
    const failed = await running.get(`/api/v1/submissions/${receipt(await encounter(visit('P-2', { cluster: 'K9' }))).id}`, key);
    expect(failed.body.preflight).toMatchObject({ verdict: 'refused', refusedBy: refused.refusedBy });
    const { submissions } = (await running.get('/api/v1/submissions?limit=1000', key)).body;
    expect(submissions.filter(({ sourceId }: { sourceId: string }) => sourceId.startsWith('D-'))).toEqual([]);
  });

  it('of a record that is stored already – maps and judges it anew, and leaves it as it is', async () => {
    const record = visit('D-3', {});
    const { id, version } = receipt(await encounter(record));
    const again = await encounter(record, '?dryRun=true');
    expect(again.body.results[0].verdict).toMatchObject({ sourceId: 'D-3', state: 'ready' });
    expect(again.body.results[0].bundle.entry[0].resource.resourceType).toBe('Encounter');
    expect((await running.get(`/api/v1/submissions/${id}`, key)).body.version).toBe(version);
  });
});
