import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseConfig, readAssets } from '../../src/config/index.ts';
import { compileEngines, type Engines } from '../../src/engines.ts';
import { createSandbox } from '../../src/sandbox/server.ts';
import { encryptSecret } from '../../src/satusehat/index.ts';
import { createLogger, createService, type Service } from '../../src/service.ts';
import type { Client, Delivery, Feed } from '../../src/store/index.ts';
import { MOTHER, visit } from '../http/running-service.ts';
import { forEachEngine } from '../store/engines.ts';

/** From a stop to its end, with the real service, the real sandbox, and tables and registers that are mended in between. */

const ALL = { client: 'test', facilities: 'all', purpose: 'intake' } as const;
const CLIENT: Client = {
  id: 'dinas',
  name: 'dinas',
  keyHash: '',
  scopes: ['intake:write'],
  sourceSystems: 'all',
  facilities: 'all',
  createdAt: '2026-01-01T00:00:00.000Z',
  revokedAt: null,
};
const WRONG_NIK = '9929016802980777';
const SECRET_KEY = randomBytes(32).toString('hex');

const good = compileEngines(readAssets());

forEachEngine((engine) => {
  let environ: Record<string, string>;
  let service: Service;
  let sandbox: ReturnType<typeof createSandbox>;

  const start = async (engines: Engines = good): Promise<void> => {
    await service?.stop();
    const config = parseConfig(environ);
    service = await createService(config, engines, createLogger(config, 2));
  };
  const send = async (feed: Feed, ...records: object[]) => {
    const raws = records.map((value, index) => ({
      line: index + 1,
      payload: JSON.stringify(value),
      value: value as Record<string, unknown>,
    }));
    return (await service.intake.accept({ feed, client: CLIENT, strict: false }, raws)).map(({ receipt }) => receipt);
  };
  const deliveryOf = async (id: string): Promise<Delivery> =>
    (await service.store.deliveries({ submissionId: id })).find(({ kind }) => kind === 'encounter') as Delivery;
  const submissionOf = async (id: string) => (await service.store.submissionsById(ALL, [id]))[0];
  const person = (sourceId: string, nik: string) => ({
    sourceSystem: 'simpus',
    sourceId,
    nik,
    name: 'Ayu Lesmana',
    birthDate: '1998-02-28',
    sex: 'female',
    facilityCode: 'P1',
  });

  beforeAll(async () => {
    sandbox = createSandbox({
      people: {
        patients: [{ nik: MOTHER, name: 'Ayu Lesmana', birthDate: '1998-02-28', gender: 'female' }],
        practitioners: [{ nik: '9929016808920211', name: 'Bidan Siti', gender: 'female' }],
      },
      clients: [{ clientId: 'client-P1', clientSecret: 'rahasia', organizationId: '100000001' }],
    } as never);
    const url = await sandbox.start();
    environ = {
      ILP_DATABASE: await engine.createDatabase(),
      ILP_SECRET_KEY: SECRET_KEY,
      ILP_WORKER_ENABLED: 'false',
      ILP_LOG_LEVEL: 'silent',
      ILP_PLATFORM_AUTH_URL: `${url}/oauth2/v1`,
      ILP_PLATFORM_FHIR_URL: `${url}/fhir-r4/v1`,
    };
    await start();
    await service.store.putCredential({
      environment: 'sandbox',
      owner: 'P1',
      organizationId: '100000001',
      clientId: 'client-P1',
      secret: encryptSecret(SECRET_KEY, { environment: 'sandbox', owner: 'P1' }, 'rahasia'),
      createdAt: new Date().toISOString(),
      allowedHours: null,
    });
    const source = { sourceSystem: 'simpus' };
    await send(
      'facilities',
      { ...source, kind: 'puskesmas', code: 'P1', name: 'Puskesmas Satu', villageCode: '332901', satusehatOrganizationId: '100000001' },
      { ...source, kind: 'pustu', code: 'P1-PT', name: 'Pustu Satu', supervisorCode: 'P1', villageCode: '3329012001' },
    );
    await send('practitioners', {
      ...source,
      sourceId: 'NK-1',
      nik: '9929016808920211',
      name: 'Bidan Siti',
      profession: 'bidan',
      facilityCode: 'P1',
    });
  });
  afterAll(async () => {
    await service.stop();
    await sandbox.stop();
  });

  it('a NIK that its source corrects lets go by itself what waited for it, and it is delivered', async () => {
    await send('persons', person('RM-9', WRONG_NIK));
    const [receipt] = await send('encounters', visit('ID-1', { person: { sourceId: 'RM-9' } }));
    const id = receipt?.id as string;
    await service.drain({ dryRun: false });
    expect(await deliveryOf(id)).toMatchObject({ state: 'on-hold', reason: 'identity' });
    await send('persons', person('RM-9', MOTHER));
    await expect.poll(async () => (await deliveryOf(id)).state).toBe('ready');
    expect(await submissionOf(id)).toMatchObject({ version: 2, state: 'ready' });
    await service.drain({ dryRun: false });
    expect(await deliveryOf(id)).toMatchObject({ state: 'completed' });
    const trail = await service.store.deliveryTrail(ALL, 'sandbox', (await deliveryOf(id)).key);
    expect(trail.map(({ action, fromState, toState, reason }) => [action, fromState, toState, reason])).toEqual([
      ['outcome', 'ready', 'on-hold', 'identity'],
      ['replaced', 'on-hold', 'ready', null],
      ['outcome', 'ready', 'completed', null],
    ]);
  });

  it('a row that is added to a table takes through all that waited for it, in one pass; what still fails says why', async () => {
    const { mappings, profiles } = readAssets();
    const table = mappings['immunizations.csv'] as string;
    const without = table
      .split('\n')
      .filter((line) => !line.startsWith('Td,'))
      .join('\n');
    expect(without).not.toBe(table);
    await start(compileEngines({ mappings: { ...mappings, 'immunizations.csv': without }, profiles }));
    await send('persons', person('RM-1', MOTHER));
    const vaccinated = (sourceId: string, vaccine = 'Td') =>
      visit(sourceId, { immunizations: [{ vaccine, dose: 1, lot: 'B-1', expiry: '2027-12-31', occurredAt: '2026-08-19T08:10:00+07:00' }] });
    const receipts = await send('encounters', ...Array.from({ length: 30 }, (_, index) => vaccinated(`T-${index}`)));
    expect(new Set(receipts.map(({ state, reason, issues }) => [state, reason, issues[0]?.code].join()))).toEqual(
      new Set(['failed,refused,code-unknown']),
    );
    const [other] = await send('encounters', { ...vaccinated('T-x'), cluster: 'K9' });
    const { groups } = await service.desk.overview(ALL);
    expect(groups).toContainEqual(
      expect.objectContaining({
        what: 'record',
        state: 'failed',
        reason: 'code-unknown',
        kind: 'encounters',
        owner: 'P1',
        count: 30,
        act: 'fix',
      }),
    );
    const act = { actor: 'cli:petugas' };
    const selection = { causes: ['unmapped-code'] };
    // Nothing was mended yet: each says why it stays, also the one that has another fault besides.
    const early = await service.desk.fix(ALL, selection, act);
    expect([early.selected, early.released, early.left.length]).toEqual([31, 0, 31]);
    expect(early.left[0]).toMatchObject({ why: 'needs-mending', reason: 'refused', issues: [{ code: 'code-unknown' }] });

    await start();
    expect(await service.desk.fix(ALL, selection, { ...act, dryRun: true })).toMatchObject({
      selected: 31,
      released: 30,
      dryRun: true,
    });
    expect((await submissionOf(receipts[0]?.id as string))?.state).toBe('failed');
    const steps: number[] = [];
    const done = await service.desk.fix(ALL, selection, act, {
      onProgress: (step) => steps.push(step),
    });
    expect([done.selected, done.released, steps]).toEqual([31, 30, [0, 31]]);
    expect(done.left).toMatchObject([{ key: `record:${other?.id}`, why: 'needs-mending', reason: 'refused' }]);
    const delivery = await deliveryOf(receipts[0]?.id as string);
    expect(await service.store.deliveryTrail(ALL, 'sandbox', delivery.key)).toMatchObject([
      { actor: 'cli:petugas', action: 'fix', toState: 'ready' },
    ]);
    await service.worker.drain({ patienceMs: 10_000 });
    const states = await service.store.submissionsById(
      ALL,
      receipts.map(({ id }) => id as string),
    );
    expect(new Set(states.map(({ state }) => state))).toEqual(new Set(['completed']));
    // Done again there is nothing left to do, and nothing is sent twice.
    expect(await service.desk.fix(ALL, selection, act)).toMatchObject({ selected: 0 });
  });

  it('a record that was changed since it was selected is left alone', async () => {
    await send('persons', person('RM-2', WRONG_NIK));
    const [receipt] = await send('encounters', visit('M-1', { cluster: 'K9' }));
    const [stale] = await service.store.submissionsById(ALL, [receipt?.id as string]);
    await send('encounters', visit('M-1'));
    const [result] = await service.intake.reprocess([stale as never]);
    expect(result).toMatchObject({ outcome: 'moved' });
    expect(await submissionOf(receipt?.id as string)).toMatchObject({ version: 2, state: 'ready' });
  });

  it('who was mended while a worker had the visit is found by the job, also after a crash', async () => {
    const [receipt] = await send('encounters', visit('J-1', { person: { sourceId: 'RM-2' } }));
    const id = receipt?.id as string;
    const { key, submissionVersion } = await deliveryOf(id);
    await send('persons', person('RM-2', MOTHER));
    const at = new Date().toISOString();
    const held = { state: 'on-hold', reason: 'identity', issues: [], at } as const;
    await service.store.commit({
      deliveryOutcomes: [{ key, environment: 'sandbox', ...held }],
      submissionStates: [{ id, version: submissionVersion ?? 1, ...held, stage: 'sent' }],
    });
    expect((await service.jobs.run('sync-identity', { dryRun: false })).counts).toMatchObject({ held: 1, mended: 1 });
    expect(await deliveryOf(id)).toMatchObject({ state: 'ready' });
  });

  it('a health worker whose NIK is corrected lets go what names that worker; what names the wrong NIK stays held', async () => {
    const worker = (nik: string) => ({
      sourceSystem: 'simpus',
      sourceId: 'NK-2',
      nik,
      name: 'Bidan Dua',
      profession: 'bidan',
      facilityCode: 'P1',
    });
    await send('practitioners', worker('9929016808920299'));
    const [named, byNik] = await send(
      'encounters',
      visit('W-1', { practitioner: { sourceId: 'NK-2' } }),
      visit('W-2', { practitioner: { nik: '9929016808920299' } }),
    );
    const [first, second] = [named?.id as string, byNik?.id as string];
    await service.drain({ dryRun: false });
    expect([(await deliveryOf(first)).reason, (await deliveryOf(second)).reason]).toEqual([
      'practitioner-identity',
      'practitioner-identity',
    ]);
    await send('practitioners', worker('9929016808920211'));
    await expect.poll(async () => (await deliveryOf(first)).state).toBe('ready');
    expect(await submissionOf(second)).toMatchObject({ version: 1, state: 'on-hold', reason: 'practitioner-identity' });
    await service.drain({ dryRun: false });
    expect((await deliveryOf(first)).state).toBe('completed');
  });
});
