import type { Option } from './fhir-types.ts';

/** A JSON Schema (2020-12) as a parsed object. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** What a map may know about a source value. Equal types are the same object, so that functions can be shared by type. */
export type SourceType =
  | { readonly kind: 'any' }
  /** `fhir`: name of the primitive type in FHIR, where the source is FHIR. */
  | { readonly kind: 'string' | 'number' | 'integer' | 'boolean'; readonly fhir?: string }
  | { readonly kind: 'list'; readonly items: SourceType }
  /** An element of FHIR that stands in JSON under the name of its type; only with a type filter is it known which. */
  | { readonly kind: 'choice'; readonly name: string; options(): readonly Option[] }
  /** `field` is undefined for a name the type does not have. `name` is for messages. `fhir`: key of R4's element table. */
  | {
      readonly kind: 'object';
      readonly name: string;
      readonly fhir?: string;
      field(name: string): SourceType | undefined;
      known(): readonly string[];
    };

export const ANY: SourceType = { kind: 'any' };
export const STRING: SourceType = { kind: 'string' };
export const NUMBER: SourceType = { kind: 'number' };
export const INTEGER: SourceType = { kind: 'integer' };
export const BOOLEAN: SourceType = { kind: 'boolean' };

/**
 * Names that every JavaScript value inherits. A map must not read them: a wrong-typed value would answer with a function,
 * and `__proto__` would answer with the prototype.
 */
export function isForbiddenName(name: string): boolean {
  return name in Object.prototype || name === 'prototype';
}

/** An object whose fields are listed by name only, such as the context of a map. */
export function keyedObject(name: string, keys: readonly string[]): SourceType {
  const known = new Set(keys);
  return { kind: 'object', name, field: (key) => (known.has(key) ? ANY : undefined), known: () => keys };
}

/**
 * Types from JSON Schemas. A property that `properties` does not name is unknown even where the schema accepts additional ones:
 * an unknown field is taken in and reported, but a map that reads it has a typing error. An object without `properties`
 * (`answers`) is open.
 */
export class SchemaTypes {
  readonly #byId = new Map<string, JsonSchema>();
  readonly #types = new WeakMap<object, SourceType>();
  readonly #lists = new WeakMap<object, SourceType>();

  constructor(schemas: Iterable<JsonSchema>) {
    for (const schema of schemas) if (typeof schema.$id === 'string') this.#byId.set(schema.$id, schema);
  }

  of(schema: JsonSchema, name: string): SourceType {
    return this.#type(schema, schema, name);
  }

  #type(node: unknown, root: JsonSchema, name: string): SourceType {
    if (typeof node !== 'object' || node === null) return ANY;
    const known = this.#types.get(node);
    if (known !== undefined) return known;
    // A schema may refer to itself; until its type is known it stands for anything.
    this.#types.set(node, ANY);
    const type = this.#make(node as JsonSchema, root, name);
    this.#types.set(node, type);
    return type;
  }

  #make(node: JsonSchema, root: JsonSchema, name: string): SourceType {
    const ref = node.$ref;
    if (typeof ref === 'string') {
      const target = this.#resolve(ref, root);
      if (target !== undefined) return this.#type(target.node, target.root, name);
    }
    const parts = [...asList(node.allOf), ...asList(node.anyOf), ...asList(node.oneOf)];
    const kinds = this.#kinds(node);
    if (isRecord(node.properties) || kinds === 'object') return this.#object(node, root, name, parts);
    if (kinds === 'array') {
      const items = isRecord(node.items) ? this.#type(node.items, root, `${name}[]`) : ANY;
      let list = this.#lists.get(items);
      if (list === undefined) {
        list = { kind: 'list', items };
        this.#lists.set(items, list);
      }
      return list;
    }
    if (kinds === 'string') return STRING;
    if (kinds === 'number') return NUMBER;
    if (kinds === 'integer') return INTEGER;
    if (kinds === 'boolean') return BOOLEAN;
    if (kinds === 'any' && parts.length > 0) {
      const types = [...new Set(parts.map((part) => this.#type(part, root, name)))].filter((t) => t.kind !== 'any');
      if (types.length === 1) return types[0] as SourceType;
      if (types.length > 1 && types.every((t) => t.kind === 'object')) return this.#object(node, root, name, parts);
    }
    return ANY;
  }

  #object(node: JsonSchema, root: JsonSchema, name: string, parts: readonly unknown[]): SourceType {
    const properties = isRecord(node.properties) ? node.properties : {};
    const patterns = isRecord(node.patternProperties) ? Object.entries(node.patternProperties) : [];
    const additional = node.additionalProperties;
    const others = () => parts.map((part) => this.#type(part, root, name)).filter((t) => t.kind === 'object');
    const names = () => [...Object.keys(properties), ...others().flatMap((t) => t.known())];
    const field = (key: string): SourceType | undefined => {
      if (Object.hasOwn(properties, key)) return this.#type(properties[key], root, name === '' ? key : `${name}.${key}`);
      for (const other of others()) {
        const found = Object.hasOwn(properties, key) ? undefined : other.field(key);
        if (found !== undefined && other.known().includes(key)) return found;
      }
      for (const [pattern, schema] of patterns) if (new RegExp(pattern, 'u').test(key)) return this.#type(schema, root, `${name}.${key}`);
      if (isRecord(additional)) return this.#type(additional, root, `${name}.*`);
      return names().length === 0 && patterns.length === 0 && additional !== false ? ANY : undefined;
    };
    return { kind: 'object', name, field, known: names };
  }

  #kinds(node: JsonSchema): 'any' | 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean' {
    const types = (Array.isArray(node.type) ? node.type : [node.type]).filter((t) => typeof t === 'string' && t !== 'null');
    if (types.length === 1) return types[0];
    if (types.length === 2 && types.includes('integer') && types.includes('number')) return 'number';
    if (types.length > 0) return 'any';
    const values = Array.isArray(node.enum) ? node.enum : 'const' in node ? [node.const] : [];
    const kinds = new Set(values.map((value) => typeof value));
    if (kinds.size !== 1) return 'any';
    const [kind] = kinds;
    return kind === 'string' || kind === 'number' || kind === 'boolean' ? kind : 'any';
  }

  #resolve(ref: string, root: JsonSchema): { node: unknown; root: JsonSchema } | undefined {
    const [base = '', fragment = ''] = ref.split('#');
    const document = base === '' ? root : (this.#byId.get(base) ?? this.#byId.get(new URL(base, String(root.$id ?? 'urn:none')).href));
    if (document === undefined) return undefined;
    let node: unknown = document;
    for (const step of fragment.split('/').slice(1)) {
      const key = decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~');
      if (!isRecord(node) || !Object.hasOwn(node, key)) return undefined;
      node = node[key];
    }
    return { node, root: document };
  }
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
