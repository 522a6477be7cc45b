import type { Bundle } from '@medplum/fhirtypes';
import type { Issue } from '../../errors/index.ts';
import type { Feed } from '../../store/port.ts';
import type { ContextBuilder, VisitContext } from '../context.ts';
import type { CompiledMaps } from '../mapper.ts';
import type { Normaliser } from '../normalise/index.ts';
import type { MapContext, MapResult, NormalisedRecord } from '../types.ts';

/** What a folder of mappings is compiled to, as far as a record is mapped by it. */
export interface MapRooms {
  readonly normaliser: Normaliser;
  readonly contexts: ContextBuilder;
  readonly mapper: CompiledMaps;
}

/** A record to try maps on, with what the registers would say of it. */
export interface MapCase {
  readonly feed: Feed;
  /** The record as its source sends it. */
  readonly raw: unknown;
  /** Of the person, `YYYY-MM-DD`: the life stage comes from it. */
  readonly birthDate?: string;
  readonly sex?: 'male' | 'female';
  /** Goes over the context; null takes a key away. */
  readonly ctx?: Readonly<Record<string, unknown>>;
}

export interface Tried {
  readonly record: NormalisedRecord;
  /** Of reading the record. */
  readonly issues: readonly Issue[];
  readonly visit: VisitContext | undefined;
  readonly context: MapContext;
  readonly mapped: MapResult;
}

/** The role itself is the id, so that people can read what comes out. */
export const idOfRole = (role: string): string => role.replace(/[^A-Za-z0-9.-]/g, '-').slice(0, 64);

const ZONE = 'Asia/Jakarta';

/** Maps a record without registers: what they would give is stood in for, the same at every run. Pure; throws as the mapper does. */
export function tryCase({ normaliser, contexts, mapper }: MapRooms, { feed, raw, birthDate, sex, ctx = {} }: MapCase): Tried {
  const { record, issues } = normaliser.normalise(feed, raw);
  const isVisit = feed === 'encounters' || feed === 'village-observations';
  const person = { ...(birthDate && { birthDate }), ...(sex && { sex }) };
  const visit = isVisit ? contexts.visit(feed, record, { timeZone: ZONE, ...person }) : undefined;
  const given: Record<string, unknown> = {
    now: '2026-08-05T12:00:00.000Z',
    timeZone: ZONE,
    puskesmas: 'P3329170201',
    serviceProvider: 'Organization/puskesmas',
    serviceProviderName: 'Puskesmas Contoh',
    unit: 'Organization/unit',
    unitName: 'Unit Contoh',
    ...(isVisit && {
      location: 'Location/unit',
      locationName: 'Unit Contoh',
      patient: 'Patient/patient',
      practitioner: 'Practitioner/bidan',
      practitionerName: 'Bidan Contoh',
      ...person,
    }),
    ...visit?.context,
    ...ctx,
  };
  const context = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null)) as unknown as MapContext;
  return { record, issues, visit, context, mapped: mapper.map(feed, record, context, idOfRole) };
}

/** A record of a file as a case: what its own fields name is stood in for, and the person is found among those of the sample. */
export function caseOf(rooms: MapRooms, feed: Feed, raw: unknown, people: ReadonlyMap<string, Person>): MapCase {
  const { record } = rooms.normaliser.normalise(feed, raw);
  const told = record.person as { sourceId?: string; nik?: string; inline?: Person } | undefined;
  const person = told?.inline ?? people.get(`sourceId ${told?.sourceId}`) ?? people.get(`nik ${told?.nik}`);
  const ctx = {
    ...(feed === 'facilities' &&
      record.supervisorCode !== undefined && { supervisor: 'Organization/supervisor', supervisorName: 'Pembina' }),
    ...(feed === 'facilities' &&
      record.parentCode !== undefined && { villageOrganization: 'Organization/desa', villageStub: record.parentCode }),
    ...(feed === 'persons' && record.posyanduCode !== undefined && { posyandu: 'Organization/posyandu' }),
    ...(record.kader !== undefined && { kader: 'Practitioner/kader', kaderName: 'Kader Contoh' }),
  };
  return {
    feed,
    raw,
    ...(person?.birthDate && { birthDate: person.birthDate }),
    ...((person?.sex === 'male' || person?.sex === 'female') && { sex: person.sex }),
    ctx,
  };
}

export interface Person {
  readonly birthDate?: string;
  readonly sex?: string;
}

/** Persons of a sample by the numbers that visits name them by. */
export function peopleOf({ normaliser }: Pick<MapRooms, 'normaliser'>, raws: readonly unknown[]): ReadonlyMap<string, Person> {
  const people = new Map<string, Person>();
  for (const raw of raws) {
    const { record } = normaliser.normalise('persons', raw);
    for (const key of ['sourceId', 'nik'] as const)
      if (typeof record[key] === 'string') people.set(`${key} ${record[key]}`, record as Person);
  }
  return people;
}

/** What a case came to as a Bundle that can be kept beside it. */
export function bundleOf({ resources }: MapResult): Bundle {
  return {
    resourceType: 'Bundle',
    type: 'collection',
    ...(resources.length > 0 && { entry: resources.map(({ role, resource }) => ({ fullUrl: `urn:ilp:role:${role}`, resource })) }),
  };
}
