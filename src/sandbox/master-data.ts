import { type Reply, wrongUrl } from './errors.ts';
import { isObject, type JsonObject } from './json.ts';

/** A place of the administrative division: 2 digits a province, 4 a city or regency, 6 a district, 10 a village. */
export interface RegionEntry {
  readonly code: string;
  readonly name: string;
  /** Code of the statistics office. */
  readonly bps?: string;
}

/** A facility in the master facility index. */
export interface FacilityEntry {
  /** Id of its Organization: `kode_satusehat`. */
  readonly id: string;
  readonly name?: string;
  /** Further fields of the index in its own spelling: `kode_sarana`, `alamat`, `jenis_sarana`, `provinsi` … */
  readonly sarana?: JsonObject;
}

const MASTER_PATH = /^\/masterdata\/(v1|v2)\/(provinces|cities|districts|sub-districts|mastersaranaindex\/mastersarana)$/;

/** Length of a code at each level, and the parameter that chooses by code (provinces) or by the level above. */
const LEVELS: Readonly<Record<string, { readonly length: number; readonly parent: number; readonly parameter: string }>> = {
  provinces: { length: 2, parent: 0, parameter: 'codes' },
  cities: { length: 4, parent: 2, parameter: 'province_codes' },
  districts: { length: 6, parent: 4, parameter: 'city_codes' },
  'sub-districts': { length: 10, parent: 6, parameter: 'district_codes' },
};

/** Places on a page of v2. */
const PAGE = 10;
/** Facilities on a page at most: the platform's limit. */
const MAX_FACILITIES = 2000;

/** Operation of a master data path, or undefined. */
export const masterDataOperation = (path: string): string | undefined => {
  const match = MASTER_PATH.exec(path);
  return match === null ? undefined : `${match[1]} ${match[2]}`;
};

/** Administrative regions and the master facility index, as far as the people file names them. */
export class MasterData {
  readonly #regions: readonly RegionEntry[];
  readonly #facilities: readonly FacilityEntry[];

  constructor(regions: readonly RegionEntry[], facilities: readonly FacilityEntry[]) {
    this.#regions = [...regions].sort((one, other) => (one.code < other.code ? -1 : 1));
    this.#facilities = facilities;
  }

  /** @param operation as {@link masterDataOperation} names it */
  answer(operation: string, query: URLSearchParams): Reply {
    const [version = '', list = ''] = operation.split(' ');
    const level = LEVELS[list];
    if (level === undefined) return version === 'v1' ? this.#listFacilities(query) : wrongUrl();
    const wanted = new Set((query.get(level.parameter) ?? '').split(',').flatMap((code) => code.trim() || []));
    const found = this.#regions.filter(({ code }) => {
      if (code.length !== level.length) return false;
      return wanted.size === 0 || wanted.has(level.parent === 0 ? code : code.slice(0, level.parent));
    });
    const rows = (regions: readonly RegionEntry[]) =>
      regions.map(({ code, name, bps }) => ({ code, parent_code: code.slice(0, level.parent), bps_code: bps ?? '', name }));
    const head = { status: 200, error: false, message: 'success' };
    if (version === 'v1') return { status: 200, body: { ...head, data: rows(found) } };
    const { page, meta } = cursorPage(found, query);
    return { status: 200, body: { ...head, data: rows(page), meta } };
  }

  #listFacilities(query: URLSearchParams): Reply {
    const limit = wholeNumber(query.get('limit'), PAGE);
    if (limit > MAX_FACILITIES) {
      return { status: 400, body: { status_code: 400, message: `limit cannot be more than ${MAX_FACILITIES}`, data: null } };
    }
    const page = wholeNumber(query.get('page'), 1);
    const kinds = query.getAll('jenis_sarana');
    const name = query.get('nama')?.toLocaleLowerCase('id');
    const found = this.#facilities.map(facilityRow).filter((row) => {
      if (kinds.length > 0 && !kinds.includes(codeOf(row.jenis_sarana))) return false;
      if (name !== undefined && !String(row.nama).toLocaleLowerCase('id').includes(name)) return false;
      return FACILITY_FILTERS.every(([parameter, of]) => {
        const given = query.get(parameter);
        return given === null || given === of(row);
      });
    });
    const data = found.slice((page - 1) * limit, page * limit);
    const totalPage = Math.max(1, Math.ceil(found.length / limit));
    return { status: 200, body: { status_code: 200, message: 'Success', page, total_page: totalPage, data } };
  }
}

const codeOf = (value: unknown): string => (isObject(value) ? String(value.kode ?? '') : '');

const FACILITY_FILTERS: ReadonlyArray<readonly [parameter: string, of: (row: JsonObject) => string]> = [
  ['kode_satusehat', (row) => String(row.kode_satusehat)],
  ['kode_sarana', (row) => String(row.kode_sarana)],
  ['kode_provinsi', (row) => codeOf(row.provinsi)],
  ['kode_kabkota', (row) => codeOf(row.kabkota)],
  ['status_aktif', (row) => String(row.status_aktif)],
  ['status_sarana', (row) => String(row.status_sarana)],
];

function facilityRow({ id, name, sarana }: FacilityEntry): JsonObject {
  return {
    kode_satusehat: id,
    kode_sarana: null,
    nama: name ?? `Fasilitas ${id}`,
    telp: null,
    email: null,
    website: null,
    longitude: null,
    latitude: null,
    operasional: true,
    wilayah_perairan_darat: null,
    wilayah_karakteristik: null,
    sarana_administrasi: null,
    alamat: null,
    provinsi: null,
    kabkota: null,
    jenis_sarana: null,
    subjenis: null,
    kelas_sarana: { kode: null, nama: null },
    status_sarana: 'valid',
    status_aktif: true,
    ...sarana,
  };
}

/** The cursors are the first and the last code of the page, in base64; `next` and `prev` give one back. */
function cursorPage(found: readonly RegionEntry[], query: URLSearchParams): { page: readonly RegionEntry[]; meta: JsonObject } {
  const decoded = (name: string): string => Buffer.from(query.get(name) ?? '', 'base64').toString();
  const [after, before] = [decoded('next'), decoded('prev')];
  const index = after !== '' ? found.filter(({ code }) => code <= after).length : 0;
  const until = before !== '' ? found.filter(({ code }) => code < before).length : 0;
  const from = after === '' && before !== '' ? Math.max(0, until - PAGE) : index;
  const page = found.slice(from, from + PAGE);
  const current = wholeNumber(query.get('current_page'), Math.floor(from / PAGE) + 1);
  const encoded = (region: RegionEntry | undefined): string => (region === undefined ? '' : Buffer.from(region.code).toString('base64'));
  return {
    page,
    meta: {
      item_count: page.length,
      page: {
        is_cursor: true,
        current,
        previous: current - 1,
        next: current + 1,
        limit: PAGE,
        total_page: Math.max(1, Math.ceil(found.length / PAGE)),
        total: found.length,
      },
      cursors: { next: encoded(page.at(-1)), previous: encoded(page[0]) },
    },
  };
}

function wholeNumber(text: string | null, otherwise: number): number {
  const value = Number(text ?? otherwise);
  return Number.isSafeInteger(value) && value >= 1 ? value : otherwise;
}
