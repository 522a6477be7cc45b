/** Codes of whole code systems, a newline between two, by URL: `profiles/r4/code-systems.json`. */
export type CodeSystemTable = Readonly<Record<string, string>>;

/** ISO's regions that no country is, and the user's own: `XX`, `QM` to `QZ`. */
const NO_COUNTRY = /^(?:X[A-Z]|Q[M-Z]|ZZ|AA|EU|EZ|UN|UK|AC|CP|DG|EA|IC|TA|CQ)$/;

let languages: Intl.DisplayNames | undefined;
let regions: Intl.DisplayNames | undefined;
let currencies: Intl.DisplayNames | undefined;

function isRegion(code: string): boolean {
  regions ??= new Intl.DisplayNames('en', { type: 'region', fallback: 'none' });
  return /^(?:[A-Z]{2}|\d{3})$/.test(code) && !NO_COUNTRY.test(code) && regions.of(code) !== undefined;
}

/**
 * A language of BCP 47 as HL7's engine knows it: a code of ISO 639, maybe a region; no script, no variant. Codes of three letters are
 * too many to be listed.
 */
export function isLanguage(code: string): boolean {
  const [language = '', region, ...more] = code.split(/[-_]/);
  if (more.length > 0 || !/^[A-Za-z]{2,3}$/.test(language) || (region !== undefined && !isRegion(region.toUpperCase()))) return false;
  if (language.length === 3) return true;
  languages ??= new Intl.DisplayNames('en', { type: 'language', fallback: 'none' });
  return languages.of(language.toLowerCase()) !== undefined;
}

export function isCurrency(code: unknown): boolean {
  currencies ??= new Intl.DisplayNames('en', { type: 'currency', fallback: 'none' });
  return typeof code === 'string' && /^[A-Z]{3}$/.test(code) && currencies.of(code) !== undefined;
}

/** Systems of ISO, which the platform itself knows. */
const COMPUTED: Readonly<Record<string, (code: unknown) => boolean>> = {
  'urn:iso:std:iso:4217': isCurrency,
  'urn:iso:std:iso:3166': (code) => typeof code === 'string' && (/^[A-Z]{3}$/.test(code) || (code.length === 2 && isRegion(code))),
};

/** Code systems whose every code is known. The table is read, and a system opened, when a code of it is first looked up. */
export class CodeSystems {
  readonly #read: () => CodeSystemTable;
  #table: CodeSystemTable | undefined;
  readonly #open = new Map<string, ReadonlySet<unknown>>();

  constructor(read: () => CodeSystemTable) {
    this.#read = read;
  }

  /** Undefined for a system whose codes are not known. */
  has(system: string, code: unknown): boolean | undefined {
    if (Object.hasOwn(COMPUTED, system)) return COMPUTED[system]?.(code);
    let codes = this.#open.get(system);
    if (codes === undefined) {
      this.#table ??= this.#read();
      const listed = Object.hasOwn(this.#table, system) ? this.#table[system] : undefined;
      if (listed === undefined) return undefined;
      codes = new Set(listed.split('\n'));
      this.#open.set(system, codes);
    }
    return codes.has(code);
  }
}
