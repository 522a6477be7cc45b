import { ANY, BOOLEAN, INTEGER, NUMBER, type SourceType, STRING } from './source-types.ts';
import { jsonKind } from './target-types.ts';

/** Where a source value stands, relative to an input of its group. Lists are transparent: `services.dose` covers all services. */
export interface Usage {
  readonly input: number;
  readonly path: readonly string[];
}

/** A value that came from the source, or a literal argument. */
export interface SourceVariable {
  readonly kind: 'source';
  readonly js: string;
  readonly type: SourceType;
  /** It is never undefined here. */
  readonly present: boolean;
  /** JavaScript expression of its path in the record, for the traced variant. */
  readonly field: string;
  readonly usage?: Usage;
  /** Of a primitive of FHIR: JavaScript of the object with its id and extensions. */
  readonly shadow?: string;
}

/** An object of the target. */
export interface TargetVariable {
  readonly kind: 'target';
  readonly js: string;
  /** Key of R4's element table. */
  readonly type: string;
  /** Number of conditional blocks around its creation: an assignment at the same depth always happens. */
  readonly depth: number;
  /** It surely got a value, so that no look at the end is needed. */
  sure: boolean;
}

/** A primitive that a transform made. */
export interface ValueVariable {
  readonly kind: 'value';
  readonly js: string;
  readonly type: string;
  readonly present: boolean;
  readonly field: string;
}

export type Variable = SourceVariable | TargetVariable | ValueVariable;
export type Scope = ReadonlyMap<string, Variable>;

/** How a value variable looks to an expression or to another group. */
export function asSource(variable: SourceVariable | ValueVariable): SourceVariable {
  if (variable.kind === 'source') return variable;
  const { js, present, field } = variable;
  return { kind: 'source', js, type: typeOfKind(jsonKind(variable.type)), present, field };
}

export function typeOfKind(kind: string | undefined): SourceType {
  if (kind === 'string') return STRING;
  if (kind === 'integer') return INTEGER;
  if (kind === 'number') return NUMBER;
  return kind === 'boolean' ? BOOLEAN : ANY;
}

export function quote(value: unknown): string {
  return JSON.stringify(value).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
}

/** `a.b`, or `a["b c"]`. */
export function property(base: string, name: string, optional = false): string {
  if (/^[A-Za-z_$][\w$]*$/.test(name)) return `${base}${optional ? '?.' : '.'}${name}`;
  return `${base}${optional ? '?.' : ''}[${quote(name)}]`;
}

/** The traced path of a part: folded where the base is known when compiling. */
export function subfield(base: string, name: string): string {
  if (base.startsWith('"')) {
    const known = JSON.parse(base) as string;
    return quote(known === '' ? name : `${known}.${name}`);
  }
  return `join(${base}, ${quote(name)})`;
}
