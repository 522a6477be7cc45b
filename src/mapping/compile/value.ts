import type { StructureMapGroupRuleTarget } from '@medplum/fhirtypes';
import type { SourceType } from './source-types.ts';
import { quote, type TargetVariable } from './variables.ts';

/** A value about to be written. */
export interface Value {
  readonly js: string;
  readonly kind: 'string' | 'integer' | 'number' | 'boolean' | 'any';
  readonly clean: boolean;
  readonly present: boolean;
  readonly field: string;
  readonly literal?: string | number | boolean;
  /** Primitive type of FHIR that the value has in its source. */
  readonly fhir?: string;
}

/** An element about to be written: the object and the name of its element. */
export interface Place {
  readonly owner: TargetVariable;
  readonly last: string;
}

/** A complex value that a transform builds from parts. */
export interface Parts {
  readonly type: string;
  /** JavaScript of the object when all optional parts are there; made by `build`. */
  readonly required: readonly Value[];
  build(): string;
  readonly field: string;
}

/** Readers of source values by the kind of their type; see the runtime. */
export const READERS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'number',
  integer: 'integer',
  boolean: 'boolean',
  object: 'object',
  any: 'any',
};

/** Primitives that are special cases of another, https://hl7.org/fhir/R4/datatypes.html. */
const SPECIAL: Readonly<Record<string, string>> = {
  code: 'string',
  id: 'string',
  markdown: 'string',
  url: 'uri',
  canonical: 'uri',
  oid: 'uri',
  uuid: 'uri',
  positiveInt: 'integer',
  unsignedInt: 'integer',
};

export function literalValue(literal: string | number | boolean, field: string): Value {
  const kind = typeof literal === 'number' ? (Number.isInteger(literal) ? 'integer' : 'number') : (typeof literal as 'string' | 'boolean');
  return { js: quote(literal), kind, clean: true, present: true, literal, field };
}

export function accepts(wanted: string, given: string): boolean {
  return wanted === given || (wanted === 'number' && given === 'integer');
}

export function typeName(value: Value): string {
  if (value.kind === 'number') return 'decimal';
  return value.kind === 'any' ? 'string' : value.kind;
}

export function castType(target: StructureMapGroupRuleTarget): string | undefined {
  return target.transform === 'cast' ? target.parameter?.[1]?.valueString : undefined;
}

/** Whether a primitive of a source, of FHIR or not, is of the FHIR type with this name. */
export function isKindOf(type: SourceType, name: string): boolean {
  const fhir = 'fhir' in type ? type.fhir : undefined;
  return fhir === undefined || fhir === name || SPECIAL[fhir] === name;
}
