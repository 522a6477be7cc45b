import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, type Body, PEOPLE, type Running, startForTest } from './support.ts';

const villages = Array.from({ length: 25 }, (_, index) => ({
  code: `9901012${String(index + 1).padStart(3, '0')}`,
  name: `Desa ${index + 1}`,
}));
const regions = [
  { code: '9902', name: 'Kota Contoh' },
  { code: '99', name: 'Contoh', bps: '94' },
  { code: '98', name: 'Misal' },
  { code: '9901', name: 'Kab. Contoh' },
  { code: '990101', name: 'Contoh Utara' },
  ...villages,
];
const organizations = [
  { id: '10000007', name: 'Puskesmas Contoh', sarana: { kode_sarana: '99010100001', jenis_sarana: { kode: '102', nama: 'Puskesmas' } } },
  { id: '10000008', name: 'Klinik Contoh', sarana: { jenis_sarana: { kode: '103', nama: 'Klinik' }, status_aktif: false } },
  { id: '10000009' },
];

let running: Running;
let token: string;
beforeAll(async () => {
  running = await startForTest({ people: { ...PEOPLE, regions, organizations } });
  token = await running.token();
});
afterAll(() => running.sandbox.stop());

const get = (path: string): Promise<Answer> => running.send('GET', `/masterdata/${path}`, { token });
const codes = ({ body }: Answer): readonly string[] => body.data.map((row: Body) => row.code);

describe('regions', () => {
  it('are chosen by code, or by the level above; a list may have spaces', async () => {
    const { status, body } = await get('v1/provinces?codes=99');
    expect({ status, body }).toEqual({
      status: 200,
      body: { data: [{ bps_code: '94', code: '99', name: 'Contoh', parent_code: '' }], error: false, message: 'success', status: 200 },
    });
    expect(codes(await get('v1/provinces'))).toEqual(['98', '99']);
    expect(codes(await get('v1/cities?province_codes=98,%2099'))).toEqual(['9901', '9902']);
    expect((await get('v1/districts?city_codes=9901')).body.data[0]).toEqual({
      bps_code: '',
      code: '990101',
      name: 'Contoh Utara',
      parent_code: '9901',
    });
    expect(codes(await get('v1/sub-districts?district_codes=990101'))).toHaveLength(25);
    expect(codes(await get('v1/sub-districts?district_codes=990102'))).toEqual([]);
  });

  it('come in pages of ten in the second version, forwards and back by cursor', async () => {
    const first = await get('v2/sub-districts?current_page=1&next=&prev=');
    expect(first.body.meta).toEqual({
      item_count: 10,
      page: { is_cursor: true, current: 1, previous: 0, next: 2, limit: 10, total_page: 3, total: 25 },
      cursors: { next: Buffer.from('9901012010').toString('base64'), previous: Buffer.from('9901012001').toString('base64') },
    });
    const second = await get(`v2/sub-districts?current_page=2&next=${encodeURIComponent(first.body.meta.cursors.next)}&prev=`);
    const third = await get(`v2/sub-districts?next=${encodeURIComponent(second.body.meta.cursors.next)}`);
    expect([...codes(first), ...codes(second), ...codes(third)]).toEqual(villages.map(({ code }) => code));
    expect(third.body.meta.page).toMatchObject({ current: 3, previous: 2 });
    const back = await get(`v2/sub-districts?prev=${encodeURIComponent(third.body.meta.cursors.previous)}`);
    expect(codes(back)).toEqual(codes(second));
  });
});

describe('the facility index', () => {
  it('is filtered and paged', async () => {
    const names = async (query: string) =>
      (await get(`v1/mastersaranaindex/mastersarana?${query}`)).body.data.map((row: Body) => row.kode_satusehat);
    expect(await names('')).toEqual(['10000007', '10000008', '10000009']);
    expect(await names('jenis_sarana=102&jenis_sarana=103')).toEqual(['10000007', '10000008']);
    expect(await names('kode_sarana=99010100001')).toEqual(['10000007']);
    expect(await names('nama=klinik&status_aktif=false')).toEqual(['10000008']);
    const { body } = await get('v1/mastersaranaindex/mastersarana?limit=2&page=2');
    expect({ status: body.status_code, message: body.message, page: body.page, pages: body.total_page }).toEqual({
      status: 200,
      message: 'Success',
      page: 2,
      pages: 2,
    });
    expect(body.data[0]).toMatchObject({
      kode_satusehat: '10000009',
      nama: 'Fasilitas 10000009',
      kelas_sarana: { kode: null, nama: null },
    });
  });

  it('gives 2,000 at most', async () => {
    const { status, body } = await get('v1/mastersaranaindex/mastersarana?limit=5000&page=1');
    expect({ status, body }).toEqual({
      status: 400,
      body: { status_code: 400, message: 'limit cannot be more than 2000', data: null },
    });
    for (const odd of ['-1', 'x', '1.5', ''])
      expect((await get(`v1/mastersaranaindex/mastersarana?limit=${odd}&page=${odd}`)).status).toBe(200);
  });
});

it('is another product of the gateway: a token is needed, other paths and methods are wrong', async () => {
  expect((await running.send('GET', '/masterdata/v1/provinces')).status).toBe(401);
  for (const path of ['v3/provinces', 'v2/mastersaranaindex/mastersarana', 'v1/villages']) expect((await get(path)).status).toBe(404);
  expect((await running.send('POST', '/masterdata/v1/provinces', { token, body: {} })).status).toBe(404);
});
