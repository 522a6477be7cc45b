import { SYSTEMS } from '../terminology/systems.ts';
import type { Caller } from './clients.ts';
import { consentedEntry } from './consent.ts';
import { dateRange, rangeOf, type TimeRange } from './dates.ts';
import { invalidQueryDate, invalidQueryParameter, issues, missingQuery, notStored, processorOutcome, Refusal, wrongUrl } from './errors.ts';
import { asObject, asText, follow, isObject, type JsonObject } from './json.ts';
import type { People } from './people.ts';
import { referencesOf } from './resources.ts';
import { DEFAULT_SETTINGS, type SandboxSettings } from './settings.ts';
import type { StoredResource, StoreView, Wanted } from './store.ts';
import { type Parameter, shippedSurface, type TypeSurface } from './surface.ts';

/** Types of the platform besides its two indexes of people. */
export const PARAMETERS: Readonly<Record<string, true>> = Object.fromEntries(
  shippedSurface()
    .types.filter((type) => type !== 'Patient' && type !== 'Practitioner')
    .map((type) => [type, true]),
);

const PAGE = 100;

export interface SearchContext {
  /** May lag behind what was written. */
  readonly store: StoreView;
  readonly people: People;
  /** Absolute FHIR base of this server, without a slash at the end: it begins every link. */
  readonly base: string;
  /** Default: the sandbox's defaults. */
  readonly settings?: () => SandboxSettings;
  /** For the consent filter; nothing is filtered without one. */
  readonly caller?: Caller;
}

/**
 * Answers `GET {base}/{type}?…`. Which parameters are known is the surface's: any other is ignored, and missing from the links.
 *
 * @returns a searchset Bundle whose `total` is the number of entries on the page, as the platform counts
 * @throws Refusal for a date that is none, or when a mandatory parameter is missing
 */
export function search(context: SearchContext, type: string, query: URLSearchParams): JsonObject {
  const settings = settingsOf(context);
  const offered = shippedSurface().of(type)?.[settings.surface];
  if (offered === undefined) throw new Refusal(wrongUrl());
  const isKnown = (key: string): boolean => key === PAGE_TOKEN || offered.controls.has(key) || offered.parameters.has(nameOf(key));
  const unknown = [...query.keys()].find((key) => !isKnown(key));
  if (unknown !== undefined && settings.strictness.unknownParameters === 'refuse') throw new Refusal(invalidQueryParameter(unknown));
  const missing = offered.mandatory.filter((name) => !query.has(name));
  if (missing.length > 0) throw new Refusal(missingQuery(missing));

  const used = [...query].filter(([key]) => isKnown(key));
  const links = linksOf(`${context.base}/${type}/`, used);
  if (type === 'Patient') return bundle(context, patients(context, query), links());
  if (type === 'Practitioner') return bundle(context, practitioners(context.people, query), links());

  const { page, next } = pageOf(matching(context.store, type, used, offered), query, offered);
  const extra = [...included(context, page, query, offered), ...reverseIncluded(context, page, query, offered)];
  const seen = new Set(page.map((resource) => `${resource.resourceType}/${resource.id}`));
  const added = extra.filter((resource) => {
    const key = `${String(resource.resourceType)}/${String(resource.id)}`;
    return !seen.has(key) && seen.add(key);
  });
  return bundle(context, [...page, ...added], links(next));
}

/**
 * Answers `GET {base}/{type}/{id}/$everything`: the resource, then all that refers to it, a hundred on a page.
 *
 * @throws Refusal 20014 for a type that has no such search, 404 for an unknown id
 */
export function everything(context: SearchContext, type: string, id: string, query: URLSearchParams): JsonObject {
  const surface = shippedSurface();
  if (!surface.everything.has(type)) throw new Refusal(processorOutcome([issues.everything(type)]));
  const first = context.people.read(type, id, context.store) ?? context.store.get(type, id);
  if (first === undefined) throw new Refusal(notStored(type, id));
  const keys = [{ by: 'reference' as const, any: [`${type}/${id}`] }];
  const all = function* (): Generator<JsonObject> {
    yield first;
    for (const other of surface.types) {
      if (other !== 'Patient') yield* context.store.scan(other, { keys });
    }
  };
  const { page, next } = pageOf(all(), query, undefined);
  const used = [...query].filter(([key]) => key === PAGE_TOKEN);
  return bundle(context, page, linksOf(`${context.base}/${type}/${id}/$everything`, used)(next));
}

const settingsOf = (context: SearchContext): SandboxSettings => context.settings?.() ?? DEFAULT_SETTINGS;

const nameOf = (key: string): string => key.split(':')[0] ?? key;

const PAGE_TOKEN = '_page_token';

function pageStart(pageToken: string | null): number {
  const offset = /^offset:(\d{1,9})$/.exec(Buffer.from(pageToken ?? '', 'base64url').toString())?.[1];
  return offset === undefined ? 0 : Number(offset);
}

/** One page of what matches; no more is read than the page and one more. */
function pageOf<T extends JsonObject>(
  found: Iterable<T>,
  query: URLSearchParams,
  offered: TypeSurface | undefined,
): { readonly page: readonly T[]; readonly next: string | undefined } {
  const count = offered?.controls.has('_count') ? Number.parseInt(query.get('_count') ?? '', 10) || PAGE : PAGE;
  const size = Math.min(Math.max(count, 1), PAGE);
  const from = pageStart(query.get(PAGE_TOKEN));
  // Results come last written first; `_sort` knows only the time of writing.
  const ascending = offered?.controls.has('_sort') && /^_?lastUpdated$/.test(query.get('_sort') ?? '');
  const page: T[] = [];
  let index = 0;
  for (const resource of ascending ? [...found].reverse() : found) {
    if (index++ < from) continue;
    if (page.length === size) return { page, next: Buffer.from(`offset:${from + size}`).toString('base64url') };
    page.push(resource);
  }
  return { page, next: undefined };
}

type Test = (resource: JsonObject) => boolean;

/** Resources that hold every used parameter: the index offers the fewest it can, the tests decide. */
function* matching(
  store: StoreView,
  type: string,
  used: ReadonlyArray<readonly [string, string]>,
  offered: TypeSurface,
): Generator<StoredResource> {
  const keys: Array<Wanted['keys'][number]> = [];
  const period: Array<(range: TimeRange) => boolean> = [];
  const tests: Test[] = [];
  for (const [key, value] of used) {
    const parameter = offered.parameters.get(nameOf(key));
    if (parameter === undefined) {
      if (key === '_id') tests.push((resource) => value.split(',').includes(String(resource.id)));
      continue;
    }
    if (value === '') continue;
    const given = alternatives(value);
    const indexed = indexKeys(nameOf(key), parameter, given);
    if (indexed !== undefined) keys.push(indexed);
    const found = given.map((one) => testOf(parameter, key.split(':')[1], one));
    tests.push((resource) => valuesAt(resource, parameter).some((item) => found.some((test) => test(item))));
    if (parameter.kind === 'date' && parameter.paths[0] === 'period') {
      const ranges = given.map(dateTest);
      period.push((range) => ranges.some((test) => test(range)));
    }
  }
  for (const resource of store.scan(type, { keys, period })) if (tests.every((test) => test(resource))) yield resource;
}

const valuesAt = (resource: JsonObject, parameter: Parameter): readonly unknown[] =>
  parameter.paths.flatMap((path) => follow(resource, path, '').map((item) => item.value));

function indexKeys(name: string, parameter: Parameter, given: readonly string[]): Wanted['keys'][number] | undefined {
  if (parameter.kind === 'reference') return { by: 'reference', any: given.flatMap((one) => targetsOf(parameter, one)) };
  const isOurs = name === 'identifier' && parameter.paths.length === 1 && given.every((one) => /^[^|]+\|[^|]+$/.test(one));
  return isOurs ? { by: 'identifier', any: given } : undefined;
}

const also = (query: URLSearchParams) => ({ name: query.get('name') ?? undefined, birthdate: query.get('birthdate') ?? undefined });

function patients({ people, store }: SearchContext, query: URLSearchParams): readonly JsonObject[] {
  const { name, birthdate } = also(query);
  const gender = query.get('gender');
  const [system, value] = splitToken(query.get('identifier') ?? '');
  if (query.has('identifier')) {
    if (system === SYSTEMS.nik) return people.patientsByNik(value, also(query), store);
    if (system === SYSTEMS.nikIbu) return people.patientsByMother(value, also(query), store);
    return system === SYSTEMS.ihsNumber ? people.patientsByNumber(value, also(query), store) : [];
  }
  const missing = Object.entries({ name, birthdate, gender }).flatMap(([key, given]) => (given ? [] : [key]));
  if (missing.length > 0) throw new Refusal(missingQuery(missing));
  return (name ?? '').trim().length < 3 ? [] : people.patientsByName(name ?? '', birthdate ?? '', gender ?? '', store);
}

function practitioners(people: People, query: URLSearchParams): readonly JsonObject[] {
  const { name, birthdate } = also(query);
  const [system, value] = splitToken(query.get('identifier') ?? '');
  if (query.has('identifier')) {
    if (system === SYSTEMS.nik) return people.practitionersByNik(value, also(query));
    return system === SYSTEMS.nakesHisNumber ? people.practitionerByNumber(value) : [];
  }
  if (!name) throw new Refusal(missingQuery(['name']));
  return people.practitionersByName(name, query.get('gender') ?? undefined, birthdate);
}

function splitToken(value: string): readonly [system: string, value: string] {
  const bar = value.indexOf('|');
  return bar < 0 ? ['', value] : [value.slice(0, bar), value.slice(bar + 1)];
}

/** Values between commas; a backslash before `,` `$` `|` or itself stands for that character (FHIR R4, search escapes). */
const alternatives = (value: string): readonly string[] => {
  const all = value.split(/(?<!\\),/).map((one) => one.replace(/\\([\\,$|])/g, '$1'));
  // Recorded requests have lists with gaps.
  const given = all.filter((one) => one !== '');
  return given.length > 0 ? given : all;
};

function testOf(parameter: Parameter, modifier: string | undefined, value: string): (found: unknown) => boolean {
  switch (parameter.kind) {
    case 'token': {
      const [system, code] = splitToken(value);
      const anySystem = !value.includes('|');
      return (found) =>
        tokensOf(found).some((one) => (anySystem || one.system === system) && (code === '' ? one.system === system : one.value === code));
    }
    case 'reference': {
      const targets = new Set(targetsOf(parameter, value));
      return (found) => targets.has(asText(asObject(found).reference) ?? '');
    }
    case 'string': {
      const wanted = value.toLocaleLowerCase('id');
      if (modifier === 'exact') return (found) => found === value;
      if (modifier === 'contains') return (found) => typeof found === 'string' && found.toLocaleLowerCase('id').includes(wanted);
      return (found) => typeof found === 'string' && ` ${found.toLocaleLowerCase('id')}`.includes(` ${wanted}`);
    }
    case 'date': {
      const test = dateTest(value);
      return (found) => {
        const range = rangeOf(found);
        return range !== undefined && test(range);
      };
    }
  }
}

function targetsOf(parameter: Parameter, value: string): readonly string[] {
  return value.includes('/') ? [value] : parameter.target.map((type) => `${type}/${value}`);
}

function tokensOf(found: unknown): ReadonlyArray<{ system?: string; value?: string }> {
  if (typeof found === 'string') return [{ value: found }];
  if (!isObject(found)) return [];
  const codings = Array.isArray(found.coding) ? found.coding : [found];
  return codings.map((coding) => {
    const { system, value, code } = asObject(coding);
    const wanted = asText(value) ?? asText(code);
    return { ...(typeof system === 'string' && { system }), ...(wanted !== undefined && { value: wanted }) };
  });
}

/** @throws Refusal when the value is no date */
function dateTest(value: string): (range: TimeRange) => boolean {
  const [, prefix = 'eq', rest = ''] = /^(eq|ge|gt|le|lt|sa|eb)?(.*)$/s.exec(value) ?? [];
  // A plus sign in a query is a space once decoded, which is how most clients send an offset.
  const wanted = dateRange(rest.replace(/ (?=\d{2}:\d{2}$)/, '+'));
  if (wanted === undefined) throw new Refusal(invalidQueryDate(rest));
  const { low, high } = wanted;
  const tests: Readonly<Record<string, (range: TimeRange) => boolean>> = {
    eq: (range) => range.low >= low && range.low < high,
    ge: (range) => range.high >= low,
    gt: (range) => range.high >= high,
    le: (range) => range.low < high,
    lt: (range) => range.low < low,
    sa: (range) => range.low >= high,
    eb: (range) => range.high <= low,
  };
  return tests[prefix] as (range: TimeRange) => boolean;
}

function included(
  context: SearchContext,
  page: readonly StoredResource[],
  query: URLSearchParams,
  offered: TypeSurface,
): readonly JsonObject[] {
  if (!offered.controls.has('_include')) return [];
  return query.getAll('_include').flatMap((value) => {
    const path = offered.include.get(value);
    if (path === undefined) return [];
    return page
      .flatMap((resource) => follow(resource, path, '').flatMap((item) => referencesOf(item.value)))
      .flatMap((target) => {
        const [type = '', id = ''] = target.split('/');
        const found = context.people.read(type, id, context.store) ?? context.store.get(type, id);
        return found === undefined ? [] : [found];
      });
  });
}

function reverseIncluded(
  context: SearchContext,
  page: readonly StoredResource[],
  query: URLSearchParams,
  offered: TypeSurface,
): readonly JsonObject[] {
  if (!offered.controls.has('_revinclude')) return [];
  return query.getAll('_revinclude').flatMap((value) => {
    const path = offered.revinclude.get(value);
    if (path === undefined) return [];
    const type = nameOf(value);
    return page.flatMap((resource) => {
      const target = `${resource.resourceType}/${resource.id}`;
      const refers = (other: JsonObject): boolean => follow(other, path, '').some((item) => asObject(item.value).reference === target);
      return context.store.referringTo(type, target).filter(refers);
    });
  });
}

type Links = ReadonlyArray<{ readonly relation: string; readonly url: string }>;

/** The platform writes the parameters it used in the order of their names, without `_sort`, and the page token last. */
function linksOf(address: string, used: ReadonlyArray<readonly [string, string]>): (next?: string) => Links {
  const url = (pageToken: string | undefined): string => {
    const parameters = new URLSearchParams(
      used.flatMap(([key, value]) => (key === PAGE_TOKEN || key === '_sort' ? [] : [[key, value] as [string, string]])),
    );
    parameters.sort();
    if (pageToken !== undefined) parameters.append(PAGE_TOKEN, pageToken);
    return `${address}?${parameters}`;
  };
  const current = used.find(([key]) => key === PAGE_TOKEN)?.[1];
  return (next) => [
    { relation: 'search', url: url(undefined) },
    ...(next === undefined ? [] : [{ relation: 'next', url: url(next) }]),
    { relation: 'first', url: url(undefined) },
    { relation: 'self', url: url(current) },
  ];
}

function bundle(context: SearchContext, resources: readonly JsonObject[], link: Links): JsonObject {
  const settings = settingsOf(context);
  const entry = resources.map((resource) => consentedEntry(resource, context.caller, settings, context.base));
  return {
    ...((entry.length > 0 || settings.strictness.emptyEntry === 'list') && { entry }),
    link,
    resourceType: 'Bundle',
    total: resources.length,
    type: 'searchset',
  };
}
