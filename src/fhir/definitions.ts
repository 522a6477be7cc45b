import type { Bundle, Resource } from '@medplum/fhirtypes';
import { AppError } from '../errors/index.ts';
import type { RawQuery } from './search-query.ts';

/** Types that are made of files, not stored; the same for everybody. */
export const DEFINED = ['CodeSystem', 'ConceptMap', 'NamingSystem', 'StructureDefinition', 'StructureMap', 'ValueSet'] as const;

type Definition = Resource & { readonly id: string };

const MAX_COUNT = 500;

interface Parameter {
  readonly name: string;
  readonly type: 'token' | 'uri' | 'string';
  matches(resource: Definition, value: string): boolean;
}

const field = (resource: Definition, name: string): unknown => (resource as unknown as Readonly<Record<string, unknown>>)[name];
const equal = (name: string, type: Parameter['type']): Parameter => ({
  name,
  type,
  matches: (resource, value) => field(resource, name) === value,
});

/** FHIR R4's parameters of these types, as far as they are offered. */
const PARAMETERS: readonly Parameter[] = [
  { ...equal('id', 'token'), name: '_id' },
  { name: 'name', type: 'string', matches: (resource, value) => text(field(resource, 'name')).startsWith(value.toLowerCase()) },
  equal('status', 'token'),
];
const CANONICAL: readonly Parameter[] = [equal('url', 'uri'), equal('version', 'token')];
const OF_TYPE: Readonly<Record<string, readonly Parameter[]>> = {
  StructureDefinition: [...CANONICAL, equal('type', 'uri'), { ...equal('baseDefinition', 'uri'), name: 'base' }, equal('kind', 'token')],
  NamingSystem: [
    {
      name: 'value',
      type: 'string',
      matches: (resource, value) => (field(resource, 'uniqueId') as readonly { value: string }[]).some((id) => id.value === value),
    },
    equal('kind', 'token'),
  ],
};

const text = (value: unknown): string => (typeof value === 'string' ? value.toLowerCase() : '');

export const definitionParameters = (type: string): readonly Parameter[] => [...PARAMETERS, ...(OF_TYPE[type] ?? CANONICAL)];

export const isDefined = (type: string): boolean => (DEFINED as readonly string[]).includes(type);

/** @throws AppError `not-found` */
export function readDefinition(all: readonly Definition[], type: string, id: string): Definition {
  const found = all.find((one) => one.resourceType === type && one.id === id);
  if (found === undefined) throw new AppError('not-found');
  return found;
}

/**
 * Search over definitions (FHIR R4 §3.1.1): values of one parameter, divided by commas, are alternatives.
 *
 * @param baseUrl of `/fhir`
 * @throws AppError `search-parameter` for one that is not offered, `parameter` for a bad `_count`
 */
export function searchDefinitions(all: readonly Definition[], type: string, raw: RawQuery, lenient: boolean, baseUrl: string): Bundle {
  const known = new Map(definitionParameters(type).map((one) => [one.name, one]));
  let found = all.filter((one) => one.resourceType === type);
  let count = MAX_COUNT;
  let start = 0;
  const used: [string, string][] = [];
  for (const [key, given] of Object.entries(raw)) {
    for (const value of [given ?? []].flat()) {
      const parameter = known.get(key);
      if (parameter !== undefined) {
        found = found.filter((one) => value.split(',').some((each) => parameter.matches(one, each)));
        used.push([key, value]);
      } else if (key === '_count') count = whole('_count', value);
      else if (key === '_cursor') start = whole('_cursor', value);
      else if (!/^_(format|pretty|total)$/.test(key) && !lenient) {
        throw new AppError('search-parameter', { name: key.slice(0, 40), type, allowed: [...known.keys(), '_count'].join(', ') });
      }
    }
  }
  const page = found.slice(start, start + count);
  const link = (relation: string, cursor: number) => {
    const more: [string, string][] = count < MAX_COUNT ? [['_count', String(count)]] : [];
    const from: [string, string][] = cursor > 0 ? [['_cursor', String(cursor)]] : [];
    const parameters = new URLSearchParams([...used, ...more, ...from]).toString();
    return { relation, url: `${baseUrl}/${type}${parameters === '' ? '' : `?${parameters}`}` };
  };
  return {
    resourceType: 'Bundle',
    type: 'searchset',
    total: found.length,
    link: [link('self', start), ...(count > 0 && start + count < found.length ? [link('next', start + count)] : [])],
    ...(page.length > 0 && {
      entry: page.map((resource) => ({
        fullUrl: `${baseUrl}/${type}/${resource.id}`,
        resource,
        search: { mode: 'match' as const },
      })),
    }),
  };
}

function whole(name: string, value: string): number {
  if (!/^\d{1,6}$/.test(value)) throw new AppError('parameter', { name, expected: `0–${MAX_COUNT}` });
  return name === '_count' ? Math.min(Number(value), MAX_COUNT) : Number(value);
}
