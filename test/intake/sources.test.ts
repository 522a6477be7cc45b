import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createIdentifiers, loadIdKey, type Store } from '../../src/store/index.ts';
import { type Answer, type Running, register, runService, visit } from '../http/running-service.ts';
import { forEachEngine } from '../store/engines.ts';

/** One Patient, several sources: what each of them says, and takes back. */

const ALL = { client: 'test', facilities: 'all', purpose: 'intake' } as const;
const receipt = ({ body }: Answer) => body.receipts[0];

forEachEngine((engine) => {
  let running: Running;
  let store: Store;
  let key: string;
  let count = 100;

  beforeAll(async () => {
    running = await runService({ ILP_DATABASE: await engine.createDatabase(), ILP_SECRET_KEY: randomBytes(32).toString('base64') });
    store = running.service.store;
    key = await running.client('dinas');
    await register(running, key);
  });
  afterAll(() => running.stop());

  const newNik = () => {
    count += 1;
    return `9929014404900${count}`;
  };
  const born = { name: 'Rina', birthDate: '1990-04-04', sex: 'female' };
  const tell = async (sourceSystem: string, change: Record<string, unknown>, facilityCode = sourceSystem === 'simpus' ? 'P1' : 'P2') =>
    receipt(await running.post('persons', { ...born, sourceSystem, sourceId: `${sourceSystem}-${count}`, facilityCode, ...change }, key));
  // biome-ignore lint/suspicious/noExplicitAny: read field by field
  const read = async (reference: string): Promise<any> => (await store.resources(ALL, [reference]))[0]?.resource;
  const patientOf = async (nik: string) => read(`Patient/${createIdentifiers(await loadIdKey(store)).patientId({ nik, sourceKey: '' })}`);
  const phoneOf = (patient: { telecom?: { value: string }[] }) => patient.telecom?.[0]?.value;

  it('what one source said stays when another does not say it', async () => {
    const nik = newNik();
    await tell('simpus', { nik, phone: '081200000001', noKk: '3329010000000001', occupation: 'petani', marital: 'kawin' });
    expect(await tell('other', { nik, noJkn: '0001234567890' })).toMatchObject({ state: 'completed', issues: [] });
    const patient = await patientOf(nik);
    expect(phoneOf(patient)).toBe('081200000001');
    expect(patient.identifier.map(({ system }: { system: string }) => system.split('/').at(-1)).sort()).toEqual([
      'jkn',
      'kk',
      'nik',
      'patient',
    ]);
    expect(JSON.stringify(patient.extension)).toContain('ilp-occupation');
  });

  it('what is said otherwise: the last statement holds, the receipt names the field and no value', async () => {
    const nik = newNik();
    await tell('simpus', { nik, phone: '081200000002' });
    const told = await tell('other', { nik, phone: '081200000003' });
    expect(told).toMatchObject({
      state: 'completed',
      issues: [{ code: 'conflict', rule: 'person-source', severity: 'warning', field: 'phone' }],
    });
    expect(JSON.stringify(told.issues)).not.toContain('0812');
    expect(phoneOf(await patientOf(nik))).toBe('081200000003');
    // The first one repeats what it said, and adds something: that is no news of the phone.
    await tell('simpus', { nik, phone: '081200000002', occupation: 'petani' });
    expect(phoneOf(await patientOf(nik))).toBe('081200000003');
    expect((await tell('simpus', { nik, phone: '081200000004' })).issues).toHaveLength(1);
    expect(phoneOf(await patientOf(nik))).toBe('081200000004');
  });

  it('what a source takes back goes, unless another says it too', async () => {
    const nik = newNik();
    await tell('simpus', { nik, phone: '081200000005', occupation: 'petani', noKk: '3329010000000002' });
    await tell('other', { nik, phone: '081200000005' });
    expect(await tell('simpus', { nik })).toMatchObject({ issues: [] });
    const patient = await patientOf(nik);
    expect(phoneOf(patient)).toBe('081200000005');
    expect([JSON.stringify(patient.extension ?? []), JSON.stringify(patient.identifier)].join()).not.toMatch(/occupation|sid\/kk|id\/kk/);
    await tell('other', { nik, phone: undefined });
    expect(phoneOf(await patientOf(nik))).toBeUndefined();
  });

  it('what it takes back gives room to what another said before', async () => {
    const nik = newNik();
    await tell('simpus', { nik, phone: '081200000006' });
    await tell('other', { nik, phone: '081200000007' });
    await tell('other', { nik });
    expect(phoneOf(await patientOf(nik))).toBe('081200000006');
  });

  it('a version that was refused in between is no statement', async () => {
    const nik = newNik();
    await tell('simpus', { nik, phone: '081200000008' });
    expect(await tell('simpus', { nik, phone: '081200000008', birthDate: '2999-01-01' })).toMatchObject({ state: 'failed' });
    await tell('simpus', { nik });
    expect(phoneOf(await patientOf(nik))).toBeUndefined();
  });

  it('in one request likewise', async () => {
    const nik = newNik();
    const one = (sourceSystem: string, change: object) => ({
      ...born,
      sourceSystem,
      sourceId: `${count}`,
      facilityCode: 'P1',
      nik,
      ...change,
    });
    await running.post(
      'persons',
      [one('simpus', { phone: '081200000009', occupation: 'petani' }), one('other', {}), one('simpus', { occupation: 'petani' })],
      key,
    );
    const patient = await patientOf(nik);
    expect(phoneOf(patient)).toBeUndefined();
    expect(JSON.stringify(patient.extension)).toContain('ilp-occupation');
  });

  it("a mother's name stays when another source only knows her NIK", async () => {
    const child = { nikIbu: newNik(), birthOrder: 1, name: 'By. Ny. Rina', birthDate: '2026-07-01', sex: 'male' };
    const { id } = await tell('simpus', { ...child, motherName: 'Rina Wati' });
    expect(await tell('other', child)).toMatchObject({ state: 'completed', issues: [] });
    const [submission] = await store.submissionsById(ALL, [id]);
    const mother = submission?.resources.find((reference) => reference.startsWith('RelatedPerson/')) ?? '';
    expect(await read(mother)).toMatchObject({ name: [{ text: 'Rina Wati' }] });
  });

  it('a health worker withdrawn by one source stays active while another source has them', async () => {
    const nik = newNik();
    const nurse = (sourceSystem: string, change: object) => ({ sourceSystem, sourceId: 'NK-7', ...change });
    const registered = { nik, name: 'Perawat', profession: 'perawat', facilityCode: 'P1' };
    const gone = { recordStatus: 'withdrawn', withdrawnReason: 'pindah' };
    const reference = `Practitioner/${createIdentifiers(await loadIdKey(store)).practitionerId(nik)}`;
    await running.post('practitioners', [nurse('simpus', registered), nurse('other', registered)], key);
    await running.post('practitioners', nurse('other', gone), key);
    expect(await read(reference)).toMatchObject({ active: true });
    await running.post('practitioners', nurse('simpus', gone), key);
    expect(await read(reference)).toMatchObject({ active: false });
  });

  it.each(['inline', 'registered'] as const)('what another process adds to a Patient at the same moment is not lost (%s)', async (way) => {
    const nik = newNik();
    await tell('simpus', { nik });
    const before = await patientOf(nik);
    const { commit } = store;
    let raced = false;
    try {
      store.commit = async (changes, fence) => {
        if (!raced && changes.resources?.some(({ resource }) => resource.id === before.id)) {
          raced = true;
          const { meta: _, ...rest } = before;
          const other = { ...rest, telecom: [{ system: 'phone', value: '081200000010', use: 'mobile' }] };
          await commit({ resources: [{ resource: other, facility: 'P1', submission: null, at: new Date().toISOString() }] });
        }
        return commit(changes, fence);
      };
      const told =
        way === 'inline'
          ? receipt(
              await running.post(
                'encounters',
                visit(`O-${count}`, { person: { inline: { ...born, nik, noKk: '3329010000000003' } } }),
                key,
              ),
            )
          : await tell('other', { nik, noKk: '3329010000000003' });
      expect(told.state).not.toBe('failed');
    } finally {
      store.commit = commit;
    }
    expect(raced).toBe(true);
    const patient = await patientOf(nik);
    expect(phoneOf(patient)).toBe('081200000010');
    expect(JSON.stringify(patient.identifier)).toContain('3329010000000003');
  });
});
