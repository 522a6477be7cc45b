import { isObject } from './run.ts';

/** Codes by system, of every value set by its URL without version. */
export type ValueSets = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

/** A value set ready to test: by code for primitives, by system for codings. */
export class CodeSet {
  readonly url: string;
  readonly #codes = new Set<string>();
  readonly #systems = new Map<string, ReadonlySet<string>>();

  constructor(url: string, systems: Readonly<Record<string, readonly string[]>>) {
    this.url = url;
    for (const [system, codes] of Object.entries(systems)) {
      this.#systems.set(system, new Set(codes));
      for (const code of codes) this.#codes.add(code);
    }
  }

  hasCode(code: unknown): boolean {
    return this.#codes.has(code as string);
  }

  hasCoding(coding: unknown): boolean {
    if (!isObject(coding)) return false;
    return this.#systems.get(coding.system as string)?.has(coding.code as string) === true;
  }

  hasConcept(concept: unknown): boolean {
    return isObject(concept) && Array.isArray(concept.coding) && concept.coding.some((coding) => this.hasCoding(coding));
  }

  /** `type`: FHIR type of the value. Types that carry no code pass. */
  has(type: string, value: unknown): boolean {
    // A Coding that names no system or no code is not in no set: HL7's engine only warns of it.
    if (type === 'Coding' && isObject(value) && (value.code === undefined || value.system === undefined))
      return value.code === undefined || this.hasCode(value.code);
    if (type === 'Coding' || type === 'Quantity') return this.hasCoding(value);
    if (type === 'CodeableConcept') return this.hasConcept(value);
    return typeof value !== 'string' || this.hasCode(value);
  }
}
