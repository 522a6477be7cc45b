import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { ConceptMap } from '@medplum/fhirtypes';
import { AppError, type Bilingual } from '../../../src/errors/index.ts';
import { type CompiledMaps, compileMaps, type MapSet } from '../../../src/mapping/mapper.ts';
import type { MapContext, MapResult } from '../../../src/mapping/types.ts';
import type { R4Elements } from '../../../src/terminology/r4-elements.ts';

export const elements = JSON.parse(
  readFileSync(path.join(import.meta.dirname, '../../../profiles/r4/elements.json'), 'utf8'),
) as R4Elements;

/** A small contract with every kind of field. */
export const CONTRACT = {
  $id: 'https://fhir.ilp.example/contract/probe',
  type: 'object',
  properties: {
    name: { type: 'string' },
    code: { $ref: '#/$defs/code' },
    sex: { type: 'string', enum: ['L', 'P'] },
    day: { type: 'string', format: 'date' },
    weight: { type: 'number' },
    count: { type: 'integer' },
    pregnant: { type: 'boolean' },
    tags: { type: 'array', items: { type: 'string' } },
    vitals: { type: 'object', properties: { systolic: { type: 'number' }, note: { type: 'string' } }, additionalProperties: true },
    items: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          use: { type: 'string' },
          value: { type: 'string' },
          parts: { type: 'array', items: { $ref: '#/$defs/part' } },
        },
      },
    },
    answers: { type: 'object' },
  },
  $defs: { code: { type: 'string' }, part: { type: 'object', properties: { n: { type: 'integer' } } } },
};

const HEAD = [
  'map "https://fhir.ilp.example/StructureMap/probe" = "Probe"',
  'uses "https://fhir.ilp.example/contract/probe" alias Record as source',
  'uses "http://hl7.org/fhir/StructureDefinition/Bundle" alias Bundle as target',
  '',
].join('\n');

/** Line of the first rule of `rules` in the text that `probe` makes. */
export const FIRST_LINE = 6;

export interface ProbeOptions extends Partial<MapSet> {
  /** More groups and concept maps, after the entry group. */
  readonly more?: string;
  /** Resource that the rules write into, as `tgt`. */
  readonly type?: string;
  readonly context?: Record<string, unknown>;
  /** Bind the record to the contract (default) or leave it unchecked. */
  readonly unchecked?: boolean;
}

export function compileProbe(rules: string, options: ProbeOptions = {}): CompiledMaps {
  const { more = '', type = 'Patient', unchecked = false, context: _, ...set } = options;
  const text = `${HEAD}group Main(source src${unchecked ? '' : ' : Record'}, source ctx, target bundle : Bundle) {
  src -> bundle.entry as entry, entry.fullUrl = 'role:probe', entry.resource = create('${type}') as tgt then {
${rules}
  } "probe";
}
${more}`;
  return compileMaps({
    maps: [{ name: 'probe.map', text }],
    structureMaps: [],
    elements,
    contracts: { [CONTRACT.$id]: CONTRACT },
    entry: { encounters: 'Main' },
    ...set,
  });
}

export const CONTEXT: MapContext = { now: '2026-11-22T01:02:03Z', timeZone: 'Asia/Jakarta', puskesmas: 'P1' };
export const idOf = (role: string): string => `id-${role}`;

export function run(rules: string, record: object, options: ProbeOptions = {}): MapResult {
  return compileProbe(rules, options).map('encounters', record as Record<string, unknown>, { ...CONTEXT, ...options.context }, idOf);
}

/** The one resource that the rules wrote, without id and identifier; undefined when nothing is left of it. */
export function probe(rules: string, record: object, options: ProbeOptions = {}): Record<string, unknown> | undefined {
  const [first] = run(rules, record, options).resources;
  if (first === undefined) return undefined;
  const {
    id: _id,
    resourceType: _type,
    identifier,
    ...rest
  } = first.resource as unknown as Record<string, unknown> & {
    identifier?: { system: string }[];
  };
  const own = identifier?.filter((i) => !i.system.startsWith('https://fhir.ilp.example/sid/'));
  return { ...rest, ...(own !== undefined && own.length > 0 && { identifier: own }) };
}

/** `line:column problem` of the error that compiling gives. */
export function refusal(rules: string, options: ProbeOptions = {}): string {
  return refusalOf(() => compileProbe(rules, options));
}

export function refusalOf(compile: () => unknown): string {
  try {
    compile();
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'map-compile') throw error;
    return `${error.params.line}:${error.params.column} ${(error.params.problem as Bilingual).en}`;
  }
  return 'compiled';
}

export const STATUS_MAP: ConceptMap = {
  resourceType: 'ConceptMap',
  status: 'active',
  url: 'https://fhir.ilp.example/ConceptMap/sex',
  group: [
    {
      target: 'http://hl7.org/fhir/administrative-gender',
      element: [
        { code: 'L', target: [{ code: 'male', display: 'Male', equivalence: 'equal' }] },
        { code: 'P', target: [{ code: 'female', equivalence: 'equivalent' }] },
        { code: 'X', target: [{ code: 'other', equivalence: 'disjoint' }] },
      ],
    },
  ],
} as ConceptMap;
