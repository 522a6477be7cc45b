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
 * The region table: today's codes without dots, then those that were replaced, which stay in NIKs and old records. Made of bytes: as
 * strings, 92,000 rows would need tens of megabytes for a moment.
 *
 * @param parts tables of `idn-area-data`: `code,name` or `code,parent,name`
 * @param history `code,display,replacedBy,since,source`
 */
export function regionTable(parts: readonly Uint8Array[], history: Uint8Array): Uint8Array {
  const encode = (text: string) => new TextEncoder().encode(text);
  const [before, after] = [encode('regions,'), encode(',,,\n')];
  const old = [...decode(history).matchAll(/^(\d+),([^,\r\n]+),(\d+),([\d-]+)/gm)].map(
    ([, code, display, replacedBy, since]) => `regions,${code},${display},true,${replacedBy},${since}\n`,
  );
  const [head, tail] = [encode('system,code,display,inactive,replacedBy,since\n'), encode(old.join(''))];
  const rows = parts.reduce((sum, part) => sum + part.reduce((lines, byte) => lines + (byte === LF ? 1 : 0), 1), 0);
  const size = parts.reduce((sum, part) => sum + part.length, 0) + rows * (before.length + after.length) + head.length + tail.length;
  const out = new Uint8Array(size);
  out.set(head);
  let length = head.length;
  for (const part of parts) {
    for (let at = part.indexOf(LF) + 1; at > 0 && at < part.length; ) {
      const next = part.indexOf(LF, at);
      const end = next === -1 ? part.length : next;
      out.set(before, length);
      length += before.length;
      for (; part[at] !== COMMA && at < end; at++) if (part[at] !== DOT) out[length++] = part[at] as number;
      // The code of the parent, where there is one; a name does not begin with a digit.
      const byte = part[at + 1] ?? 0;
      if (byte >= 0x30 && byte <= 0x39) at = part.indexOf(COMMA, at + 1);
      const text = part.subarray(at, part[end - 1] === CR ? end - 1 : end);
      out.set(text, length);
      length += text.length;
      out.set(after, length);
      length += after.length;
      at = end + 1;
    }
  }
  out.set(tail, length);
  return out.subarray(0, length + tail.length);
}

const LF = 0x0a;
const CR = 0x0d;
const COMMA = 0x2c;
const DOT = 0x2e;

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
