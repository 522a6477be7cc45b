/** Where the tables come from; the texts of a district may change while the service runs. */
export interface TerminologySource {
  /** A file below the package: `mappings/codes/loinc.csv`, `profiles/r4/value-sets.json`. */
  read(name: string): Uint8Array;
  /** Files of a folder below the package, by the same names. */
  list(folder: string): readonly string[];
  /** Tables of `idn-area-data`, `code,…,name`, widest first; undefined where the package is not installed. */
  regions(): readonly Uint8Array[] | undefined;
  readonly district: {
    /** Changes whenever a table of the district does. */
    stamp(): string;
    /** Names of the tables: `codes-poli.csv`, `map-poli-klaster.csv`. */
    names(): readonly string[];
    read(name: string): Uint8Array;
  };
}

/** Columns every table of codes has. `id` is the Indonesian name, `also` other accepted names (`|` between), `module` words. */
export const CODE_COLUMNS = ['system', 'code', 'display'] as const;
export const MAP_COLUMNS = ['map', 'source', 'target'] as const;

/** Equivalences of FHIR R4 (http://hl7.org/fhir/R4/valueset-concept-map-equivalence.html). */
export const EQUIVALENCES = [
  'relatedto',
  'equivalent',
  'equal',
  'wider',
  'subsumes',
  'narrower',
  'specializes',
  'inexact',
  'unmatched',
  'disjoint',
] as const;

const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

export const readJsonOf = <T>(source: TerminologySource, name: string): T => JSON.parse(decode(source.read(name))) as T;

/**
 * The region table: today's codes without dots, then those that were replaced, which stay in NIKs and old records.
 *
 * @param history `code,display,replacedBy,since,source`
 */
export function regionTable(parts: readonly Uint8Array[], history: Uint8Array): Uint8Array {
  const lines = ['system,code,display,inactive,replacedBy,since'];
  for (const part of parts) {
    for (const match of decode(part).matchAll(/^(\d[\d.]*),(?:\d[\d.]*,)?([^\r\n]+)/gm))
      lines.push(`regions,${(match[1] as string).replaceAll('.', '')},${match[2]},,,`);
  }
  for (const match of decode(history).matchAll(/^(\d+),([^,\r\n]+),(\d+),([\d-]+)/gm))
    lines.push(`regions,${match[1]},${match[2]},true,${match[3]},${match[4]}`);
  return new TextEncoder().encode(`${lines.join('\n')}\n`);
}

interface OwnSystem {
  readonly id?: string;
  readonly url?: string;
  readonly title?: string;
  readonly concept?: readonly OwnConcept[];
}
interface OwnConcept {
  readonly code?: string;
  readonly display?: string;
  readonly designation?: readonly { readonly language?: string; readonly value?: string }[];
  readonly concept?: readonly OwnConcept[];
}

/** Our own CodeSystems as a table. Their names are Indonesian; the English ones are designations. */
export function ownTable(systems: readonly OwnSystem[]): Uint8Array {
  const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;
  const lines = ['system,code,display,id,also,parent'];
  for (const { id = '', concept = [] } of systems) {
    const add = (one: OwnConcept, parent: string): void => {
      const english = one.designation?.find(({ language }) => language?.startsWith('en'))?.value ?? '';
      lines.push(
        `${id},${quote(one.code ?? '')},${quote(one.display ?? '')},${quote(one.display ?? '')},${quote(english)},${quote(parent)}`,
      );
      for (const child of one.concept ?? []) add(child, one.code ?? '');
    };
    for (const one of concept) add(one, '');
  }
  return new TextEncoder().encode(`${lines.join('\n')}\n`);
}
