import type { R4Element, R4Elements } from '../../terminology/r4-elements.ts';
import { ANY, type SourceType } from './source-types.ts';
import { jsonKind } from './target-types.ts';

/** One way in which a choice element stands in JSON: `valueQuantity`. */
export interface Option {
  /** FHIR type: `Quantity`. */
  readonly code: string;
  readonly name: string;
  readonly type: SourceType;
}

/** Types of sources that are FHIR: from the table of R4's elements. Each type is made once, so that equal types are the same object. */
export class FhirTypes {
  readonly #elements: R4Elements;
  readonly #types = new Map<string, SourceType>();

  constructor(elements: R4Elements) {
    this.#elements = elements;
  }

  /** A type by its name (`Patient`, `HumanName`, `date`) or by the path of a backbone element; undefined for a name that R4 does not have. */
  of(name: string): SourceType | undefined {
    const known = this.#types.get(name);
    if (known !== undefined) return known;
    const kind = jsonKind(name);
    const type = kind === undefined ? this.#object(name) : ({ kind, fhir: name } as const);
    if (type !== undefined) this.#types.set(name, type);
    return type;
  }

  isResource(name: string): boolean {
    return Object.hasOwn(this.#elements, name) && this.#elements[name]?.kind === 'resource';
  }

  #object(name: string): SourceType | undefined {
    if (!Object.hasOwn(this.#elements, name)) return undefined;
    const elements = this.#elements[name]?.elements ?? {};
    const fields = new Map<string, SourceType>();
    const field = (key: string): SourceType | undefined => {
      const known = fields.get(key);
      if (known !== undefined || !Object.hasOwn(elements, key)) return known;
      const type = this.#element(name, key, elements[key] as R4Element);
      fields.set(key, type);
      return type;
    };
    return { kind: 'object', name, fhir: name, field, known: () => Object.keys(elements) };
  }

  #element(owner: string, key: string, element: R4Element): SourceType {
    const own = this.#single(owner, key, element);
    return element.max === '*' || element.max > 1 ? { kind: 'list', items: own } : own;
  }

  #single(owner: string, key: string, element: R4Element): SourceType {
    if (element.ref !== undefined) return this.of(element.ref) ?? ANY;
    if (element.choice) {
      const options = element.types.map(({ code }) => ({ code, name: key + code.charAt(0).toUpperCase() + code.slice(1) }));
      return {
        kind: 'choice',
        name: `${owner}.${key}`,
        options: () => options.map((each) => ({ ...each, type: this.of(each.code) ?? ANY })),
      };
    }
    // What any resource may be is known only when it is there: a type filter says which is meant.
    return this.of(element.types[0]?.code ?? '') ?? ANY;
  }
}
