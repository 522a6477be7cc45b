import type { Problem } from '../../errors/index.ts';
import type { R4Element, R4Elements } from '../../terminology/r4-elements.ts';
import { says } from '../fml/index.ts';

const TEXTS = new Set([
  'string',
  'code',
  'uri',
  'url',
  'canonical',
  'id',
  'markdown',
  'oid',
  'uuid',
  'date',
  'dateTime',
  'instant',
  'time',
  'base64Binary',
  'xhtml',
]);
const INTEGERS = new Set(['integer', 'positiveInt', 'unsignedInt']);

/** Types that every resource or every element is. */
export const ABSTRACT: ReadonlySet<string> = new Set(['Resource', 'DomainResource', 'Element', 'BackboneElement']);

/** How a FHIR primitive is written in JSON; undefined for a complex type. */
export function jsonKind(type: string): 'string' | 'integer' | 'number' | 'boolean' | undefined {
  if (TEXTS.has(type)) return 'string';
  if (INTEGERS.has(type)) return 'integer';
  if (type === 'decimal') return 'number';
  return type === 'boolean' ? 'boolean' : undefined;
}

/** Forms of primitives that a literal must have, https://hl7.org/fhir/R4/datatypes.html#primitive. */
const DATE = '\\d{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\\d|3[01]))?)?';
const CLOCK = '(?:[01]\\d|2[0-3]):[0-5]\\d:(?:[0-5]\\d|60)(?:\\.\\d+)?';
const ZONE = '(?:Z|[+-](?:(?:0\\d|1[0-3]):[0-5]\\d|14:00))';
export const FORMS: Readonly<Record<string, RegExp>> = {
  date: new RegExp(`^${DATE}$`),
  dateTime: new RegExp(`^(?:${DATE}|\\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\\d|3[01])T${CLOCK}${ZONE})$`),
  instant: new RegExp(`^\\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\\d|3[01])T${CLOCK}${ZONE}$`),
  time: new RegExp(`^${CLOCK}$`),
  code: /^[^\s]+(\s[^\s]+)*$/,
  id: /^[A-Za-z0-9\-.]{1,64}$/,
  uri: /^\S+$/,
  url: /^\S+$/,
  canonical: /^\S+$/,
};

export interface TargetElement {
  /** Name in JSON: `valueQuantity` for `value` with a Quantity. */
  readonly name: string;
  readonly array: boolean;
  /** Key of the element table (`Quantity`, `Bundle.entry`), or the name of a primitive. */
  readonly type: string;
  /** Name of the choice it is one of: `value`. */
  readonly choice?: string;
}

export type Resolved = TargetElement | { readonly problem: Problem };

/** Answers what may be written where, from the table of R4's elements. */
export class TargetTypes {
  readonly #elements: R4Elements;

  constructor(elements: R4Elements) {
    this.#elements = elements;
  }

  has(type: string): boolean {
    return Object.hasOwn(this.#elements, type);
  }

  isResource(type: string): boolean {
    return this.has(type) && this.#elements[type]?.kind === 'resource';
  }

  element(type: string, name: string): R4Element | undefined {
    const elements = this.#elements[type]?.elements;
    return elements !== undefined && Object.hasOwn(elements, name) ? elements[name] : undefined;
  }

  names(type: string): readonly string[] {
    return Object.keys(this.#elements[type]?.elements ?? {});
  }

  /**
   * Resolves an element for a value.
   *
   * @param wanted FHIR type of the value, or a test over the element's types, or undefined when the map does not say
   */
  resolve(type: string, name: string, wanted: string | ((code: string) => boolean) | undefined): Resolved {
    const element = this.element(type, name);
    if (element === undefined) return { problem: this.#unknown(type, name) };
    const array = element.max === '*' || element.max > 1;
    const codes = element.types.map((t) => t.code);
    if (element.ref !== undefined) {
      if (typeof wanted === 'string' && wanted !== 'BackboneElement' && wanted !== 'Element') {
        return { problem: says('takes-backbone', { type, element: name, wanted }) };
      }
      return { name, array, type: element.ref };
    }
    if (typeof wanted === 'string' && codes.includes('Resource') && this.isResource(wanted)) return { name, array, type: wanted };
    const matches = wanted === undefined ? codes : typeof wanted === 'string' ? codes.filter((c) => c === wanted) : codes.filter(wanted);
    const jsName = (code: string) => (element.choice ? name + code.charAt(0).toUpperCase() + code.slice(1) : name);
    if (matches.length === 1 && matches[0] !== 'Resource') {
      const code = matches[0] as string;
      if (!this.has(code) && jsonKind(code) === undefined) return { problem: says('type-not-in-table', { code, type, element: name }) };
      return { name: jsName(code), array, type: code, ...(element.choice && { choice: name }) };
    }
    if (matches.length === 0) {
      return {
        problem:
          typeof wanted === 'string'
            ? says('takes-types', { type, element: name, types: codes.join(' | '), wanted })
            : says('takes-values', { type, element: name, types: codes.join(' | ') }),
      };
    }
    if (matches.includes('Resource')) return { problem: says('needs-resource-type', { type, element: name }) };
    return { problem: says('choice-which', { type, element: name, types: matches.join(' | ') }) };
  }

  #unknown(type: string, name: string): Problem {
    const base = this.names(type).find(
      (known) => this.element(type, known)?.choice && name.startsWith(known) && name.length > known.length,
    );
    if (base !== undefined) return says('choice-base', { type, element: name, base });
    return says('no-element', { type, element: name });
  }
}
