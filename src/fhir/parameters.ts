import type { Coding as FhirCoding, Parameters, ParametersParameter } from '@medplum/fhirtypes';
import { AppError } from '../errors/index.ts';
import type { RawQuery } from './search-query.ts';

/** Kinds of an input parameter; `complex` ones come in a body only. */
export type Kind = 'text' | 'integer' | 'boolean' | 'date' | 'Coding' | 'CodeableConcept';

/** The input of an operation, checked against its definition. */
export interface Input {
  text(name: string): string | undefined;
  /** @throws AppError `parameter-missing` */
  needed(name: string): string;
  integer(name: string): number | undefined;
  flag(name: string): boolean;
  codings(name: string): readonly FhirCoding[] | undefined;
}

const PRIMITIVES = ['valueUri', 'valueUrl', 'valueCanonical', 'valueCode', 'valueString', 'valueDate', 'valueDateTime', 'valueId'] as const;
const MAX_TEXT = 4_096;

/**
 * Reads the input of an operation: the query of a GET, or a Parameters resource (FHIR R4 §3.2.0.2). A parameter that the operation
 * does not have is refused, so that none is silently without effect.
 *
 * @throws AppError `parameter`, `search-parameter` with the name, never with the value
 */
export function readInput(operation: string, kinds: Readonly<Record<string, Kind>>, query: RawQuery, body: unknown): Input {
  const values = new Map<string, unknown>();
  const put = (name: string, value: unknown) => {
    const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
    if (kind === undefined)
      throw new AppError('search-parameter', {
        name: /^[A-Za-z-]{1,40}$/.test(name) ? name : '?',
        type: operation,
        allowed: Object.keys(kinds).join(', '),
      });
    // `property` and `designation` may be repeated; the others may not.
    if (values.has(name) && name !== 'property') throw new AppError('parameter', { name, expected: '1' });
    values.set(name, checked(name, kind, value));
  };
  for (const [name, value] of Object.entries(query)) {
    if (name === '_format' || name === '_pretty') continue;
    for (const each of Array.isArray(value) ? value : [value]) put(name, each);
  }
  if (body !== undefined) {
    const { resourceType, parameter } = (body ?? {}) as Partial<Parameters>;
    if (resourceType !== 'Parameters') throw new AppError('parameter', { name: 'resourceType', expected: 'Parameters' });
    if (parameter !== undefined && !Array.isArray(parameter)) throw new AppError('parameter', { name: 'parameter', expected: '[…]' });
    for (const each of parameter ?? []) {
      const { name, ...rest } = (each ?? {}) as ParametersParameter;
      if (typeof name !== 'string') throw new AppError('parameter', { name: 'parameter.name', expected: 'string' });
      put(name, rest);
    }
  }
  return {
    text: (name) => values.get(name) as string | undefined,
    needed(name) {
      const value = values.get(name) as string | undefined;
      if (value === undefined) throw new AppError('parameter-missing', { name });
      return value;
    },
    integer: (name) => values.get(name) as number | undefined,
    flag: (name) => values.get(name) === true,
    codings: (name) => values.get(name) as readonly FhirCoding[] | undefined,
  };
}

/** The value in the form of its kind; a query has text only. */
function checked(name: string, kind: Kind, value: unknown): unknown {
  const wrong = (expected: string): never => {
    throw new AppError('parameter', { name, expected });
  };
  if (kind === 'Coding' || kind === 'CodeableConcept') {
    const given = typeof value === 'string' ? undefined : (value as ParametersParameter)[`value${kind}`];
    const list = kind === 'Coding' ? [given] : ((given as { coding?: unknown })?.coding ?? wrong('CodeableConcept.coding'));
    if (!Array.isArray(list) || list.length === 0 || list.length > 100) return wrong(`value${kind}`);
    for (const coding of list as unknown[]) {
      if (typeof coding !== 'object' || coding === null) wrong(`value${kind}`);
      const parts = coding as Record<string, unknown>;
      for (const part of ['system', 'code', 'display']) if (parts[part] !== undefined && !isText(parts[part])) wrong(`${kind}.${part}`);
      if (!isText(parts.code)) wrong(`${kind}.code`);
    }
    return list;
  }
  const plain = typeof value === 'string' ? value : primitive(value as ParametersParameter, kind);
  if (kind === 'integer') {
    if (!/^\d{1,9}$/.test(String(plain))) wrong('0–999999999');
    return Number(plain);
  }
  if (kind === 'boolean') {
    if (String(plain) !== 'true' && String(plain) !== 'false') wrong('true | false');
    return String(plain) === 'true';
  }
  if (!isText(plain)) return wrong(`1–${MAX_TEXT}`);
  if (kind === 'date' && !/^\d{4}(-\d\d(-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d))?)?)?$/.test(plain)) wrong('YYYY-MM-DD');
  return plain;
}

function primitive(part: ParametersParameter, kind: Kind): unknown {
  if (kind === 'integer') return part.valueInteger ?? (part as { valuePositiveInt?: unknown }).valuePositiveInt;
  if (kind === 'boolean') return part.valueBoolean;
  for (const name of PRIMITIVES) if (part[name as keyof ParametersParameter] !== undefined) return part[name as keyof ParametersParameter];
  return undefined;
}

const isText = (value: unknown): value is string => typeof value === 'string' && value.trim() !== '' && value.length <= MAX_TEXT;
