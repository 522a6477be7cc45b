import { AppError } from '../errors/index.ts';
import { CodeSystems, type Concept, conceptOf, type Entry, type MapInfo, type SystemInfo } from './code-systems.ts';
import { folded } from './code-table.ts';
import { type Icd10Mark, type Icd10Person, type Icd10Rules, type Implausible, readIcd10Rules } from './icd10-rules.ts';
import { readJsonOf, type TerminologySource } from './source.ts';
import { SYSTEMS } from './systems.ts';

/** More than this many codes are only given in pages. */
export const MAX_EXPANSION = 1_000;

export interface Coding {
  readonly system?: string;
  readonly code: string;
  readonly display?: string;
}

export interface Expanded extends Concept {
  readonly system: string;
}

export interface Match {
  readonly equivalence: string;
  readonly system: string;
  readonly code: string;
  readonly display?: string;
  readonly comment?: string;
  readonly map: string;
  readonly origin: Concept['origin'];
}

export type Validation = {
  readonly result: boolean;
  readonly display?: string;
  readonly message?: { readonly id: string; readonly en: string };
};

/** Part of a value set: a whole system (`codes` absent) or some of its codes. */
interface Part {
  readonly system: string;
  readonly codes?: readonly string[];
}

/** What intake asks of codes. Neither a district's faulty table nor a missing one stops it: what they do not say is not mapped. */
export interface LocalCodes {
  /** The code that the district's own table of a map (by key) gives a word; undefined where it gives none, or several. */
  districtTarget(map: string, word: string): string | undefined;
  /** Name that the district's own table of a system gives a code. */
  districtName(system: string, code: string): string | undefined;
  implausible(system: string, code: string, person: Icd10Person): readonly Implausible[];
  mark(system: string, code: string): Icd10Mark | undefined;
}

/**
 * What codes mean. Nothing is read before it is asked for; a table of the district that changes is read again.
 *
 * Errors of all methods: AppError `code-system-unknown`, `value-set-unknown`, `concept-map-unknown`, `code-not-found`, `code-ambiguous`,
 * `expansion-too-costly`, `subsumption-unknown`, and `config` for a table that cannot be read.
 */
export class Terminology implements LocalCodes {
  readonly #source: TerminologySource;
  readonly #systems: CodeSystems;
  #rules: Icd10Rules | undefined;
  #valueSets: ReadonlyMap<string, readonly Part[]> | undefined;

  constructor(source: TerminologySource) {
    this.#source = source;
    this.#systems = new CodeSystems(source);
  }

  /** All systems, by URL. */
  systems(): readonly SystemInfo[] {
    return [...new Set(this.#systems.infos.values())];
  }

  maps(): readonly MapInfo[] {
    return [...new Set(this.#systems.maps.values())];
  }

  /** Number of rows of a system. */
  count(url: string): number {
    let count = 0;
    for (const _ of this.#systems.all(this.system(url))) count++;
    return count;
  }

  system(url: string): SystemInfo {
    const info = this.#systems.infos.get(url);
    if (info === undefined || info.url !== url) throw new AppError('code-system-unknown');
    return info;
  }

  /** All meanings of a code, or those for a module. */
  meanings(system: string, code: string, module?: string): readonly Concept[] {
    const found = this.#systems.find(this.system(system), code).map(conceptOf);
    return module === undefined ? found : found.filter(({ modules }) => modules.length === 0 || modules.includes(module));
  }

  /** Name that the package gives a code, whatever the district says; undefined if it does not have the code. */
  shipped(system: string, code: string, module?: string): string | undefined {
    const info = this.#systems.infos.get(system);
    const meanings = info === undefined ? [] : this.#systems.findShipped(info, code).map(conceptOf);
    return (meanings.find(({ modules }) => module !== undefined && modules.some((one) => module.split(' ').includes(one))) ?? meanings[0])
      ?.display;
  }

  /** Targets that the package translates a code to. */
  shippedTargets(map: string, code: string): readonly string[] {
    const info = this.#systems.maps.get(map);
    const table = info === undefined ? undefined : this.#systems.translations(info).at(-1)?.table;
    return table?.find(map, code).map((row) => table.row(row).target ?? '') ?? [];
  }

  /** The one meaning of a code. A code that several modules use differently has none without the module. */
  lookup(system: string, code: string, module?: string): Concept {
    const [first, ...others] = this.meanings(system, code, module);
    if (first === undefined) throw new AppError('code-not-found');
    if (others.length > 0)
      throw new AppError('code-ambiguous', { modules: [first, ...others].map(({ modules }) => modules.join(' ')).join(' | ') });
    return first;
  }

  /** Whether a code is of its system, and the display one of its names (case and blanks do not count). */
  validate(coding: Coding & { readonly system: string }, module?: string): Validation {
    const meanings = this.meanings(coding.system, coding.code, module);
    const [first] = meanings;
    if (first === undefined) {
      if (module === undefined && this.#inHeldCategory(this.system(coding.system), coding.code))
        return { result: true, message: { id: 'Hanya kategorinya ada di sini.', en: 'Only its category is held here.' } };
      const part = this.system(coding.system).content === 'fragment';
      return {
        result: false,
        message: part
          ? { id: 'Kode tidak ada di antara yang dipakai di sini.', en: 'The code is not among those in use here.' }
          : { id: 'Kode tidak ada dalam sistem ini.', en: 'The code is not in this system.' },
      };
    }
    const shared =
      meanings.length > 1
        ? { id: 'Artinya berbeda menurut modul; sebutkan module.', en: 'It means different things by module; name the module.' }
        : undefined;
    if (coding.display === undefined)
      return shared ? { result: true, message: shared } : { result: true, display: first.display, ...notActive(first) };
    const wanted = folded(coding.display);
    const named = meanings.find(({ display, id, also }) => [display, id ?? '', ...also].some((name) => folded(name) === wanted));
    if (named) return { result: true, display: named.display, ...notActive(named) };
    return {
      result: false,
      display: first.display,
      message: { id: 'Nama tidak sesuai dengan kodenya.', en: 'The display is not a name of the code.' },
    };
  }

  districtTarget(map: string, word: string): string | undefined {
    const table = quietly(() => this.#systems.districtMap(map));
    const rows = table?.find(map, word).map((row) => table.row(row)) ?? [];
    const targets = new Set(rows.flatMap(({ target, equivalence }) => (target && equivalence !== 'disjoint' ? [target] : [])));
    return targets.size === 1 ? [...targets][0] : undefined;
  }

  districtName(system: string, code: string): string | undefined {
    return quietly(() => this.#systems.findDistrict(this.system(system), code).map(conceptOf))?.[0]?.display;
  }

  /** What speaks against an ICD-10 code for a person; empty for every other system. */
  implausible(system: string, code: string, person: Icd10Person) {
    return system === SYSTEMS.icd10 ? this.#icd10Rules().implausible(code, person) : [];
  }

  /** Dagger or asterisk of an ICD-10 code. */
  mark(system: string, code: string) {
    return system === SYSTEMS.icd10 ? this.#icd10Rules().mark(code) : undefined;
  }

  /** Whether a coding is of a value set; without a system, if exactly one system of the set has the code. */
  validateIn(valueSet: string, coding: Coding, module?: string): Validation {
    const parts = this.#partsOf(valueSet).filter(({ system }) => coding.system === undefined || system === coding.system);
    for (const { system, codes } of parts) {
      const known = this.#systems.infos.get(system);
      if (codes !== undefined && !codes.includes(coding.code)) continue;
      if (known === undefined) return { result: true };
      const validation = this.validate({ ...coding, system }, module);
      // HL7's own codes are held by value set; not every one has a name in a table.
      if (codes !== undefined && !validation.result && this.meanings(system, coding.code).length === 0) return { result: true };
      if (validation.result || validation.display !== undefined) return validation;
    }
    return { result: false, message: { id: 'Kode tidak ada dalam kumpulan nilai ini.', en: 'The code is not in this value set.' } };
  }

  /**
   * Codes of a value set.
   *
   * @param filter words that each must be in the code or one of its names
   * @returns the page, and how many there are in all
   */
  expand(
    valueSet: string,
    options: { filter?: string; offset?: number; count?: number; module?: string; activeOnly?: boolean } = {},
  ): { readonly total: number; readonly contains: readonly Expanded[] } {
    const { offset = 0, count, module, activeOnly = false } = options;
    if ((count ?? 0) > MAX_EXPANSION) throw new AppError('expansion-too-costly', { max: MAX_EXPANSION });
    const words = folded(options.filter ?? '')
      .split(' ')
      .filter((word) => word !== '');
    const contains: Expanded[] = [];
    let total = 0;
    let last = '';
    for (const { system, codes } of this.#partsOf(valueSet)) {
      for (const entry of this.#entriesOf(system, codes)) {
        // Quick look before the row becomes an object.
        if (words.length > 0 && 'table' in entry) {
          const text = entry.table.raw(entry.row).toLowerCase();
          if (!words.every((word) => text.includes(word))) continue;
        }
        const inPage = total >= offset && contains.length < (count ?? MAX_EXPANSION);
        const looked = inPage || words.length > 0 || module !== undefined || activeOnly || !('table' in entry);
        const concept = looked ? ('table' in entry ? conceptOf(entry) : entry) : undefined;
        if (concept) {
          if (module !== undefined && concept.modules.length > 0 && !concept.modules.includes(module)) continue;
          if (activeOnly && concept.inactive) continue;
          const names = folded([concept.code, concept.display, concept.id ?? '', ...concept.also].join(' '));
          if (!words.every((word) => names.includes(word))) continue;
          // Several meanings of one code stand together; a code is in an expansion once.
          if (concept.modules.length > 0 && last === `${system}|${concept.code}`) continue;
          last = `${system}|${concept.code}`;
          if (inPage) contains.push({ ...concept, system });
        }
        total++;
      }
    }
    if (count === undefined && total - offset > MAX_EXPANSION) throw new AppError('expansion-too-costly', { max: MAX_EXPANSION });
    return { total, contains };
  }

  /** Codes that a code is translated to; `reverse` goes from target to source. */
  translate(options: { map?: string; coding: Coding; targetSystem?: string; reverse?: boolean }): readonly Match[] {
    const { map, coding, targetSystem, reverse = false } = options;
    const from = (info: MapInfo) => (reverse ? info.target : info.source);
    const to = (info: MapInfo) => (reverse ? info.source : info.target);
    const named = map === undefined ? this.maps() : this.maps().filter(({ url }) => url === map);
    if (named.length === 0) throw new AppError('concept-map-unknown');
    const fitting = named.filter(
      (info) =>
        (coding.system === undefined ? map !== undefined : from(info) === coding.system) &&
        (targetSystem === undefined || to(info) === targetSystem),
    );
    if (map === undefined && fitting.length === 0) throw new AppError('concept-map-unknown');
    return fitting.flatMap((info) => this.#matches(info, coding.code, reverse, to(info)));
  }

  #matches(info: MapInfo, code: string, reverse: boolean, system: string): Match[] {
    const seen = new Set<string>();
    for (const { table, origin } of this.#systems.translations(info)) {
      const rows = reverse ? [...table.rowsOf(info.key)].filter((row) => table.row(row).target === code) : table.find(info.key, code);
      const matches = rows.flatMap((row): Match[] => {
        const { source = '', target = '', equivalence = 'equivalent', comment } = table.row(row);
        const found = reverse ? source : target;
        if (seen.has(found)) return [];
        seen.add(found);
        const display = this.#systems.infos.has(system) ? this.meanings(system, found)[0]?.display : undefined;
        return [
          {
            ...{ equivalence: reverse ? (REVERSED[equivalence] ?? equivalence) : equivalence, system, code: found, map: info.url, origin },
            ...(display !== undefined && { display }),
            ...(comment !== undefined && { comment }),
          },
        ];
      });
      if (matches.length > 0) return matches;
    }
    return [];
  }

  /** How code A stands to code B. */
  subsumes(system: string, codeA: string, codeB: string): 'equivalent' | 'subsumes' | 'subsumed-by' | 'not-subsumed' {
    const info = this.system(system);
    for (const code of [codeA, codeB]) if (!this.#exists(info, code)) throw new AppError('code-not-found');
    if (codeA === codeB) return 'equivalent';
    if (info.hierarchy === 'unknown') throw new AppError('subsumption-unknown');
    if (this.#isAbove(info, codeA, codeB)) return 'subsumes';
    return this.#isAbove(info, codeB, codeA) ? 'subsumed-by' : 'not-subsumed';
  }

  #isAbove(info: SystemInfo, above: string, below: string): boolean {
    if (info.hierarchy === 'prefix') return below.startsWith(above);
    if (info.hierarchy !== 'parent') return false;
    const seen = new Set<string>();
    for (let code: string | undefined = below; code !== undefined && !seen.has(code); ) {
      seen.add(code);
      code = this.meanings(info.url, code)[0]?.parent;
      if (code === above) return true;
    }
    return false;
  }

  #exists(info: SystemInfo, code: string): boolean {
    return this.#systems.find(info, code).length > 0 || this.#inHeldCategory(info, code);
  }

  /** The list of ICD-10 is a selection: a code of a category that it has counts as existing, as it does at intake. */
  #inHeldCategory(info: SystemInfo, code: string): boolean {
    if (info.url !== SYSTEMS.icd10 || !/^[A-Z]\d\d(\.\d{1,2})?$/.test(code)) return false;
    const category = code.slice(0, 3);
    for (const { table, row } of this.#systems.all(info)) if (table.row(row).code?.startsWith(category)) return true;
    return false;
  }

  *#entriesOf(system: string, codes: readonly string[] | undefined): Generator<Entry | Concept> {
    const info = this.#systems.infos.get(system);
    if (codes === undefined) {
      yield* this.#systems.all(this.system(system));
      return;
    }
    for (const code of codes) {
      const found = info === undefined ? [] : this.#systems.find(info, code);
      if (found.length > 0) yield* found;
      else yield { code, display: code, also: [], modules: [], inactive: false, properties: {}, origin: 'shipped' };
    }
  }

  /** Value sets: R4's required ones, ours, and `<system>?fhir_vs` for all codes of a system (FHIR R4 §4.3.15.0.2, for every system). */
  #partsOf(url: string): readonly Part[] {
    const whole = /^(.+)\?fhir_vs$/.exec(url)?.[1];
    if (whole !== undefined) {
      const info = this.#systems.infos.get(whole);
      if (info?.url !== whole) throw new AppError('value-set-unknown');
      return [{ system: whole }];
    }
    this.#valueSets ??= this.#readValueSets();
    const parts = this.#valueSets.get(url.replace(/\|[^|]*$/, ''));
    if (parts === undefined) throw new AppError('value-set-unknown');
    return parts;
  }

  #readValueSets(): ReadonlyMap<string, readonly Part[]> {
    const sets = new Map<string, readonly Part[]>();
    const ofR4 = readJsonOf<Record<string, Record<string, readonly string[]>>>(this.#source, 'profiles/r4/value-sets.json');
    for (const [url, systems] of Object.entries(ofR4))
      sets.set(
        url,
        Object.entries(systems).map(([system, codes]) => ({ system, codes })),
      );
    for (const name of this.#source.list('profiles/ilp')) {
      if (!/\/valueset-[^/]+\.json$/.test(name)) continue;
      const own = readJsonOf<OwnValueSet>(this.#source, name);
      const parts = own.compose.include.map(({ system, concept }) => ({
        system,
        ...(concept && { codes: concept.map(({ code }) => code) }),
      }));
      sets.set(own.url, parts);
    }
    return sets;
  }

  #icd10Rules(): Icd10Rules {
    const name = 'mappings/codes/icd10-rules.csv';
    this.#rules ??= readIcd10Rules(name, this.#source.read(name));
    return this.#rules;
  }
}

interface OwnValueSet {
  readonly url: string;
  readonly compose: { readonly include: readonly { readonly system: string; readonly concept?: readonly { readonly code: string }[] }[] };
}

/** Seen from the other side. */
const REVERSED: Readonly<Record<string, string>> = {
  wider: 'narrower',
  narrower: 'wider',
  subsumes: 'specializes',
  specializes: 'subsumes',
};

const notActive = ({ inactive, properties }: Concept): Pick<Validation, 'message'> =>
  inactive
    ? {
        message: {
          id: `Kode tidak dipakai lagi${properties.replacedBy ? `; gantinya ${properties.replacedBy}` : ''}.`,
          en: `The code is no longer in use${properties.replacedBy ? `; replaced by ${properties.replacedBy}` : ''}.`,
        },
      }
    : {};

/** A table that was spoilt by hand is told of by every operation; a record only does without it. */
function quietly<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof AppError && error.code === 'config') return undefined;
    throw error;
  }
}
