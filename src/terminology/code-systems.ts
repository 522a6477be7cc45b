import { AppError } from '../errors/index.ts';
import { type CodeTable, faultOf, type Row, readCodeTable } from './code-table.ts';
import { CODE_COLUMNS, MAP_COLUMNS, ownTable, readJsonOf, regionTable, type TerminologySource } from './source.ts';

export interface SystemInfo {
  readonly key: string;
  readonly url: string;
  readonly title: string;
  /** `fragment`: the codes in use, not all that the system has. */
  readonly content: 'fragment' | 'complete';
  /** `prefix`: a code lies below those it begins with; `parent`: the table says; `unknown`: it has one that is not held here. */
  readonly hierarchy: 'flat' | 'prefix' | 'parent' | 'unknown';
  readonly file?: string;
}

export interface Concept {
  readonly code: string;
  readonly display: string;
  /** Indonesian name. */
  readonly id?: string;
  /** Other names that are accepted. */
  readonly also: readonly string[];
  /** Use cases or FHIR paths for which the code has this meaning; empty: for all. */
  readonly modules: readonly string[];
  readonly inactive: boolean;
  readonly parent?: string;
  /** Every other cell of the row. */
  readonly properties: Row;
  readonly origin: 'shipped' | 'district';
}

/** A row that is not looked into yet. */
export interface Entry {
  readonly table: CodeTable;
  readonly row: number;
  readonly origin: Concept['origin'];
}

export interface MapInfo {
  readonly key: string;
  readonly url: string;
  readonly title: string;
  /** URL of a system. */
  readonly source: string;
  readonly target: string;
  readonly fold: boolean;
}

const REGIONS = '(regions)';
const OWN = '(own)';
const NAMED = new Set(['system', 'code', 'display', 'id', 'also', 'module', 'inactive', 'parent']);

/** The tables of the package and of the district, each read when it is first asked for. */
export class CodeSystems {
  readonly #source: TerminologySource;
  readonly #shipped = new Map<string, CodeTable>();
  readonly #district = new Map<string, CodeTable>();
  #stamp = '';
  #infos: ReadonlyMap<string, SystemInfo> | undefined;
  #maps: ReadonlyMap<string, MapInfo> | undefined;

  constructor(source: TerminologySource) {
    this.#source = source;
  }

  /** By URL and by key. @throws AppError `config` for a faulty table */
  get infos(): ReadonlyMap<string, SystemInfo> {
    this.#refresh();
    this.#infos ??= this.#readInfos();
    return this.#infos;
  }

  /** By URL and by key. */
  get maps(): ReadonlyMap<string, MapInfo> {
    this.#maps ??= this.#readMaps();
    return this.#maps;
  }

  /** Meanings of a code; those of the district stand for the shipped ones. */
  find(info: SystemInfo, code: string): readonly Entry[] {
    const found = this.findDistrict(info, code);
    return found.length > 0 ? found : this.findShipped(info, code);
  }

  findDistrict(info: SystemInfo, code: string): readonly Entry[] {
    const own = this.#districtTable(info);
    return own?.table.find(own.group, code).map((row) => ({ table: own.table, row, origin: 'district' as const })) ?? [];
  }

  /** The district's own table of a map; undefined where it has none. */
  districtMap(key: string): CodeTable | undefined {
    const name = `map-${key}.csv`;
    return this.#source.district.names().includes(name) ? this.#ofDistrict(name, this.maps.get(key)?.fold ?? false, true) : undefined;
  }

  findShipped(info: SystemInfo, code: string): readonly Entry[] {
    const table = this.#shippedTable(info);
    return (table?.find(info.key, code) ?? []).map((row) => ({ table: table as CodeTable, row, origin: 'shipped' }));
  }

  /** All codes, those of the district last. */
  *all(info: SystemInfo): Generator<Entry> {
    const own = this.#districtTable(info);
    const table = this.#shippedTable(info);
    for (const row of table?.rowsOf(info.key) ?? []) {
      if (own && own.table.find(own.group, (table as CodeTable).row(row).code ?? '').length > 0) continue;
      yield { table: table as CodeTable, row, origin: 'shipped' };
    }
    if (own) for (const row of own.table.rowsOf(own.group)) yield { table: own.table, row, origin: 'district' };
  }

  /** Rows of a map, those of the district first; with its target they replace the shipped ones of the same source. */
  translations(info: MapInfo): readonly { readonly table: CodeTable; readonly origin: Concept['origin'] }[] {
    const own = this.districtMap(info.key);
    const shipped = this.#cached(this.#shipped, `translations ${info.fold}`, () =>
      readCodeTable('mappings/codes/translations.csv', this.#source.read('mappings/codes/translations.csv'), {
        columns: MAP_COLUMNS,
        apart: 'target',
        fold: info.fold,
      }),
    );
    return [...(own ? [{ table: own, origin: 'district' as const }] : []), { table: shipped, origin: 'shipped' }];
  }

  #shippedTable(info: SystemInfo): CodeTable | undefined {
    const { file } = info;
    if (file === undefined) return undefined;
    return this.#cached(this.#shipped, file, () => {
      const options = { columns: CODE_COLUMNS, apart: 'module' };
      if (file === OWN) return readCodeTable('profiles/ilp', ownTable(this.#ownSystems()), options);
      if (file === REGIONS) {
        const parts = this.#source.regions();
        if (parts === undefined) throw new AppError('config', { detail: 'idn-area-data is not installed: npm ci' });
        return readCodeTable('idn-area-data', regionTable(parts, this.#source.read('mappings/codes/region-history.csv')), options);
      }
      return readCodeTable(`mappings/codes/${file}`, this.#source.read(`mappings/codes/${file}`), options);
    });
  }

  #districtTable(info: SystemInfo): { table: CodeTable; group: string } | undefined {
    this.#refresh();
    const name = `codes-${info.key}.csv`;
    if (!this.#source.district.names().includes(name)) return undefined;
    const table = this.#ofDistrict(name, false, false);
    const group = table.groups[0];
    return group === undefined ? undefined : { table, group };
  }

  #ofDistrict(name: string, fold: boolean, map: boolean): CodeTable {
    this.#refresh();
    return this.#cached(this.#district, name, () =>
      readCodeTable(name, this.#source.district.read(name), {
        columns: map ? MAP_COLUMNS : CODE_COLUMNS,
        apart: map ? 'target' : 'module',
        fold,
      }),
    );
  }

  #refresh(): void {
    const stamp = this.#source.district.stamp();
    if (stamp === this.#stamp) return;
    this.#stamp = stamp;
    this.#district.clear();
    this.#infos = undefined;
  }

  #cached(cache: Map<string, CodeTable>, name: string, make: () => CodeTable): CodeTable {
    const known = cache.get(name);
    if (known) return known;
    const made = make();
    cache.set(name, made);
    return made;
  }

  #ownSystems(): readonly { id?: string; url?: string }[] {
    return this.#source
      .list('profiles/ilp')
      .filter((name) => /\/codesystem-[^/]+\.json$/.test(name))
      .map((name) => readJsonOf(this.#source, name));
  }

  #readInfos(): ReadonlyMap<string, SystemInfo> {
    const name = 'mappings/codes/systems.csv';
    const table = readCodeTable(name, this.#source.read(name), { columns: ['key', 'url', 'title', 'file', 'content', 'hierarchy'] });
    const infos = new Map<string, SystemInfo>();
    for (let index = 0; index < table.size; index++) {
      const info = table.row(index) as unknown as SystemInfo;
      infos.set(info.key, info).set(info.url, info);
    }
    // A system that only the district has names itself by its URL.
    for (const file of this.#source.district.names()) {
      const key = /^codes-(.+)\.csv$/.exec(file)?.[1];
      if (key === undefined || infos.has(key)) continue;
      const own = this.#ofDistrict(file, false, false);
      const url = own.groups[0];
      if (url === undefined) continue;
      const hierarchy = own.columns.includes('parent') ? 'parent' : 'flat';
      const info: SystemInfo = { key, url, title: url.slice(url.lastIndexOf('/') + 1), content: 'complete', hierarchy };
      infos.set(key, info).set(url, info);
    }
    return infos;
  }

  #readMaps(): ReadonlyMap<string, MapInfo> {
    const name = 'mappings/codes/maps.csv';
    const table = readCodeTable(name, this.#source.read(name), { columns: ['key', 'url', 'title', 'source', 'target', 'fold'] });
    const maps = new Map<string, MapInfo>();
    for (let index = 0; index < table.size; index++) {
      const { key = '', url = '', title = '', source = '', target = '', fold } = table.row(index);
      const targetUrl = this.infos.get(target)?.url;
      if (targetUrl === undefined)
        throw faultOf(name, { line: table.line(index), column: 'target', problem: 'is no system of systems.csv' });
      const info = { key, url, title, source: this.infos.get(source)?.url ?? source, target: targetUrl, fold: fold === 'true' };
      maps.set(key, info).set(url, info);
    }
    return maps;
  }
}

/** What a row says. */
export function conceptOf({ table, row, origin }: Entry): Concept {
  const cells = table.row(row);
  const { code = '', display = code, id, also, module, inactive, parent } = cells;
  const properties: Record<string, string> = {};
  for (const [name, value] of Object.entries(cells)) if (!NAMED.has(name)) properties[name] = value;
  return {
    code,
    display,
    ...(id !== undefined && { id }),
    also: also?.split('|') ?? [],
    modules: module?.split(' ') ?? [],
    inactive: inactive === 'true',
    ...(parent !== undefined && { parent }),
    properties,
    origin,
  };
}

/** Name of the district's table of a system that the package does not have. */
export const slugOf = (url: string): string =>
  url
    .replace(/^[a-z]+:\/*/i, '')
    .replace(/[^A-Za-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .toLowerCase()
    .slice(0, 80);
