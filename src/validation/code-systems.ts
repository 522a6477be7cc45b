/** Codes of whole code systems, a newline between two, by URL: `profiles/r4/code-systems.json`. */
export type CodeSystemTable = Readonly<Record<string, string>>;

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
