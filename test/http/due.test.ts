import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readAssets } from '../../src/config/index.ts';
import { compileEngines } from '../../src/engines.ts';
import { MOTHER, type Running, register, runService, visit, weighing } from './running-service.ts';

let running: Running;
let key: string;
let mother: string;

beforeAll(async () => {
  running = await runService();
  key = await running.client('dinas');
  await register(running, key);
  const child = {
    sourceSystem: 'simpus',
    sourceId: 'RM-2',
    nikIbu: MOTHER,
    birthOrder: 1,
    name: 'Bayi Ayu',
    birthDate: '2026-05-10',
    sex: 'male',
    facilityCode: 'P1',
    posyanduCode: 'P1-PY',
    address: { villageCode: '3329012001' },
  };
  const answers = [
    await running.post('persons', [child], key),
    await running.post(
      'encounters',
      [
        visit('V-1'),
        visit('V-2', {
          person: { sourceId: 'RM-2' },
          cluster: 'K2',
          diagnoses: [{ code: 'Z24', rank: 1 }],
          start: '2026-07-12T08:00:00+07:00',
          end: '2026-07-12T08:10:00+07:00',
          vitals: { weight: 5.4 },
          services: [{ form: 'imunisasi', sourceId: 'I-1' }],
          immunizations: [
            { sourceId: 'S-1', vaccine: 'DPT-HB-Hib', dose: 1, lot: 'A1', expiry: '2027-01-01', reason: 'IM-Dasar', primarySource: true },
          ],
        }),
      ],
      key,
    ),
    await running.post('village-observations', [weighing('W-1')], key),
  ];
  for (const { status, body } of answers)
    expect([status, body.receipts.flatMap(({ issues }: { issues: unknown[] }) => issues)]).toEqual([202, []]);
  mother = (await running.get('/fhir/Patient?name=Ayu%20Lesmana', key)).body.entry[0].resource.id;
});
afterAll(() => running.stop());

interface Person {
  readonly name: string;
  readonly items: readonly { readonly key: string; readonly status: string; readonly from: string; readonly to: string | null }[];
}
const due = (query: string, by = key) => running.get(`/api/v1/due?${query}`, by);
const lines = ({ items }: Person) => items.map(({ key: service, status, from, to }) => `${service} ${status} ${from} ${to}`);

describe('/api/v1/due', () => {
  it('tells what is due for a person, from visits and open days alike', async () => {
    const { status, body } = await due(`person=Patient/${mother}&at=2026-09-25&status=overdue,due,done`);
    expect(status).toBe(200);
    expect(body.persons).toHaveLength(1);
    expect(lines(body.persons[0])).toEqual(
      expect.arrayContaining([
        'hipertensi done 2026-08-19 2027-08-18',
        'obesitas done 2026-08-19 2027-08-18',
        'kontrol.hipertensi due 2026-09-19 2026-10-19',
      ]),
    );
  });

  it('tells it for a village and for a posyandu, with what is counted by service', async () => {
    for (const whose of ['region=3329012001', 'region=33.29.01.2001', 'region=3329', 'posyandu=P1-PY']) {
      const { body } = await due(`${whose}&at=2026-08-20&service=imunisasi`);
      expect(body.persons.map(({ name }: Person) => name)).toEqual(['Bayi Ayu']);
      expect(lines(body.persons[0])).toContain('imunisasi.dpt2 due 2026-08-10 2026-09-09');
      expect(lines(body.persons[0])).toContain('imunisasi.bcg overdue 2026-05-10 2026-06-09');
    }
    const { body } = await due('region=3329012001&at=2026-08-20&summary=true');
    expect(body).toMatchObject({ at: '2026-08-20', persons: 1 });
    expect(body.services['imunisasi.dpt1']).toEqual({ overdue: 0, due: 0, upcoming: 0, done: 1 });
    expect((await due('region=3329012002')).body).toMatchObject({ persons: [] });
  });

  it('is a CarePlan for each person where FHIR is asked for, sound by our own profiles', async () => {
    const response = await fetch(`${running.url}/api/v1/due?posyandu=P1-PY&at=2026-08-20&service=imunisasi.dpt2`, {
      headers: { authorization: `Bearer ${key}`, accept: 'application/fhir+json' },
    });
    expect(response.headers.get('content-type')).toContain('application/fhir+json');
    const bundle = (await response.json()) as { entry: { resource: Parameters<typeof validator.validate>[0] }[] };
    const { validator } = compileEngines(readAssets());
    expect(bundle.entry).toHaveLength(1);
    const [{ resource }] = bundle.entry as [{ resource: Parameters<typeof validator.validate>[0] }];
    expect(resource).toMatchObject({
      resourceType: 'CarePlan',
      intent: 'plan',
      activity: [
        { detail: { status: 'scheduled', code: { coding: [{ code: 'imunisasi.dpt2' }] }, scheduledPeriod: { start: '2026-08-10' } } },
      ],
    });
    expect(validator.validate(resource).filter(({ severity }) => severity === 'error')).toEqual([]);
  });

  it('pages by person', async () => {
    const { body } = await due('region=3329&at=2026-08-20&limit=1');
    expect(body.persons).toHaveLength(1);
    const rest =
      body.next === undefined ? [] : (await due(`region=3329&at=2026-08-20&limit=1&after=${encodeURIComponent(body.next)}`)).body.persons;
    expect(rest).toEqual([]);
  });

  it.each([
    ['nobody', ''],
    ['two at once', 'region=3329&posyandu=P1-PY'],
    ['half a code', 'region=33290'],
    ['no day', 'region=3329&at=2026-02-30T'],
    ['no status', 'region=3329&status=late'],
    ['too many', 'region=3329&limit=100000'],
    ['an unknown parameter', 'region=3329&nik=1'],
  ])('names what is wrong: %s', async (_name, query) => {
    const { status, body } = await due(query);
    expect([status, body.error.code]).toEqual([400, 'parameter']);
  });

  it('is for those who may read of persons, and only of their own', async () => {
    const sender = await running.client('pengirim', { scopes: ['intake:write'] });
    expect((await due('region=3329', sender)).status).toBe(403);
    const other = await running.client('tetangga', { facilities: ['P2'] });
    expect((await due(`person=${mother}`, other)).status).toBe(404);
    expect((await due('region=3329&at=2026-08-20', other)).body.persons).toEqual([]);
    expect((await due('person=none')).status).toBe(404);
    expect((await due('posyandu=P9')).status).toBe(404);
    expect((await fetch(`${running.url}/api/v1/due?region=3329`)).status).toBe(401);
    const audits = await running.service.store.audits({ limit: 50 });
    expect(audits).toContainEqual(expect.objectContaining({ target: 'due', action: 'read', client: 'dinas' }));
  });
});
