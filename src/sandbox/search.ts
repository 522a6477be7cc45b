import { SYSTEMS } from '../terminology/systems.ts';
import { invalidQueryDate, missingQuery, Refusal } from './errors.ts';
import { asObject, asText, follow, isObject, type JsonObject } from './json.ts';
import type { People } from './people.ts';
import { referencesOf } from './resources.ts';
import type { StoredResource, StoreView } from './store.ts';

interface Parameter {
  readonly kind: 'token' | 'reference' | 'string' | 'date';
  /** Dotted path below the type; several are alternatives. */
  readonly paths: readonly string[];
  /** Type of a reference value that is given as a bare id. */
  readonly target?: readonly string[];
}

const token = (...paths: string[]): Parameter => ({ kind: 'token', paths });
const text = (...paths: string[]): Parameter => ({ kind: 'string', paths });
const date = (...paths: string[]): Parameter => ({ kind: 'date', paths });
const reference = (path: string, ...target: string[]): Parameter => ({ kind: 'reference', paths: [path], target });

const SUBJECT = reference('subject', 'Patient');
const PATIENT = reference('patient', 'Patient');
const ENCOUNTER = reference('encounter', 'Encounter');
const IDENTIFIER = token('identifier');

/** The parameters that the platform documents per type. Any other is ignored, and missing from the links of the answer. */
export const PARAMETERS: Readonly<Record<string, Readonly<Record<string, Parameter>>>> = {
  PractitionerRole: {
    identifier: IDENTIFIER,
    practitioner: reference('practitioner', 'Practitioner'),
    organization: reference('organization', 'Organization'),
  },
  Organization: { name: text('name'), partof: reference('partOf', 'Organization'), type: token('type') },
  Location: { identifier: IDENTIFIER, name: text('name'), organization: reference('managingOrganization', 'Organization') },
  HealthcareService: { specialty: token('specialty') },
  Encounter: {
    identifier: IDENTIFIER,
    subject: SUBJECT,
    patient: SUBJECT,
    'service-provider': reference('serviceProvider', 'Organization'),
    date: date('period'),
  },
  EpisodeOfCare: {
    identifier: IDENTIFIER,
    patient: PATIENT,
    type: token('type'),
    status: token('status'),
    organization: reference('managingOrganization', 'Organization'),
  },
  Condition: { subject: SUBJECT, encounter: ENCOUNTER, 'clinical-status': token('clinicalStatus'), code: token('code') },
  Observation: {
    subject: SUBJECT,
    encounter: ENCOUNTER,
    'based-on': reference('basedOn', 'ServiceRequest'),
    performer: reference('performer', 'Practitioner', 'Organization'),
  },
  Procedure: { encounter: ENCOUNTER, subject: SUBJECT },
  Composition: { encounter: ENCOUNTER, subject: SUBJECT },
  AllergyIntolerance: { patient: PATIENT, code: token('code') },
  ClinicalImpression: { subject: SUBJECT, encounter: ENCOUNTER },
  Immunization: { patient: PATIENT, vaccineCode: token('vaccineCode') },
  Medication: {},
  MedicationRequest: { identifier: IDENTIFIER, encounter: ENCOUNTER, subject: SUBJECT },
  MedicationDispense: {
    subject: SUBJECT,
    context: reference('context', 'Encounter'),
    prescription: reference('authorizingPrescription', 'MedicationRequest'),
  },
  MedicationStatement: { subject: SUBJECT, context: reference('context', 'Encounter') },
  MedicationAdministration: {},
  ServiceRequest: {
    identifier: IDENTIFIER,
    performer: reference('performer', 'Organization', 'Practitioner'),
    category: token('category'),
    requester: reference('requester', 'Practitioner', 'Organization'),
    subject: SUBJECT,
  },
  Specimen: { identifier: IDENTIFIER, request: reference('request', 'ServiceRequest') },
  DiagnosticReport: {
    'based-on': reference('basedOn', 'ServiceRequest'),
    subject: SUBJECT,
    performer: reference('performer', 'Organization', 'Practitioner'),
    specimen: reference('specimen', 'Specimen'),
  },
  ImagingStudy: { identifier: IDENTIFIER },
  CarePlan: { subject: SUBJECT, category: token('category') },
  Goal: { subject: SUBJECT, category: token('category') },
  RelatedPerson: { identifier: IDENTIFIER, patient: PATIENT },
  QuestionnaireResponse: {},
  RiskAssessment: {},
  FamilyMemberHistory: { patient: PATIENT, relationship: token('relationship') },
  NutritionOrder: {},
  VisionPrescription: {},
  Task: {},
  DocumentReference: { identifier: IDENTIFIER },
};

const COMMON: Readonly<Record<string, Parameter>> = { _lastUpdated: date('meta.lastUpdated') };

const CONTROLS = new Set(['_id', '_count', '_sort', '_include', '_revinclude', '_page_token']);

const PAGE = 100;

export interface SearchContext {
  /** May lag behind what was written. */
  readonly store: StoreView;
  readonly people: People;
  /** Absolute FHIR base of this server, without a slash at the end: it begins every link. */
  readonly base: string;
}

/**
 * Answers `GET {base}/{type}?…`.
 *
 * @returns a searchset Bundle whose `total` is the number of entries on the page, as the platform counts
 * @throws Refusal for a date that is none, or when a mandatory parameter is missing
 */
export function search(context: SearchContext, type: string, query: URLSearchParams): JsonObject {
  if (type === 'Patient') return bundle(context, type, ...patients(context.people, query));
  if (type === 'Practitioner') return bundle(context, type, ...practitioners(context.people, query));
  if (type === 'MedicationDispense' && !query.has('subject')) throw new Refusal(missingQuery(['subject']));

  const known = { ...COMMON, ...PARAMETERS[type] };
  const used = [...query].filter(([key]) => CONTROLS.has(key) || Object.hasOwn(known, nameOf(key)));
  let found = candidates(context.store, type, query, known);
  for (const [key, value] of used) {
    if (key === '_id') found = found.filter((resource) => value.split(',').includes(resource.id));
    else if (!CONTROLS.has(key)) found = filter(found, known[nameOf(key)] as Parameter, key.split(':')[1], value);
  }
  // Results come last written first; `_sort` knows only the time of writing.
  const sort = query.get('_sort');
  if (sort === 'lastUpdated' || sort === '_lastUpdated') found = found.toReversed();

  const size = Math.min(Math.max(Number.parseInt(query.get('_count') ?? '', 10) || PAGE, 1), PAGE);
  const from = pageStart(query.get('_page_token'));
  const page = found.slice(from, from + size);
  const next = from + size < found.length ? Buffer.from(`offset:${from + size}`).toString('base64url') : undefined;
  const extra = [...included(context, page, query.getAll('_include')), ...reverseIncluded(context, page, query.getAll('_revinclude'))];
  const seen = new Set(page.map((resource) => `${resource.resourceType}/${resource.id}`));
  const added = extra.filter((resource) => {
    const key = `${String(resource.resourceType)}/${String(resource.id)}`;
    return !seen.has(key) && seen.add(key);
  });
  return bundle(context, type, [...page, ...added], used, next);
}

const nameOf = (key: string): string => key.split(':')[0] ?? key;

function pageStart(pageToken: string | null): number {
  const offset = /^offset:(\d{1,9})$/.exec(Buffer.from(pageToken ?? '', 'base64url').toString())?.[1];
  return offset === undefined ? 0 : Number(offset);
}

type Found = readonly [resources: readonly JsonObject[], used: ReadonlyArray<[string, string]>];

function patients(people: People, query: URLSearchParams): Found {
  const used = [...query].filter(([key]) => ['identifier', 'name', 'birthdate', 'gender'].includes(key));
  const name = query.get('name') ?? undefined;
  const birthdate = query.get('birthdate') ?? undefined;
  const gender = query.get('gender');
  const [system, value] = splitToken(query.get('identifier') ?? '');
  if (query.has('identifier')) {
    if (system === SYSTEMS.nik) return [people.patientsByNik(value, { name, birthdate }), used];
    if (system === SYSTEMS.nikIbu) return [people.patientsByMother(value, { name, birthdate }), used];
    if (system === SYSTEMS.ihsNumber) return [people.patientByNumber(value), used];
    return [[], used];
  }
  const missing = Object.entries({ name, birthdate, gender }).flatMap(([key, given]) => (given ? [] : [key]));
  if (missing.length > 0) throw new Refusal(missingQuery(missing));
  return [(name ?? '').length < 3 ? [] : people.patientsByName(name ?? '', birthdate ?? '', gender ?? ''), used];
}

function practitioners(people: People, query: URLSearchParams): Found {
  const used = [...query].filter(([key]) => ['identifier', 'name', 'birthdate', 'gender'].includes(key));
  const name = query.get('name') ?? undefined;
  const [system, value] = splitToken(query.get('identifier') ?? '');
  if (query.has('identifier')) {
    if (system === SYSTEMS.nik) return [people.practitionersByNik(value, { name }), used];
    return [system === SYSTEMS.nakesHisNumber ? people.practitionerByNumber(value) : [], used];
  }
  if (!name) throw new Refusal(missingQuery(['name']));
  return [people.practitionersByName(name, query.get('gender') ?? undefined, query.get('birthdate') ?? undefined), used];
}

function splitToken(value: string): readonly [system: string, value: string] {
  const bar = value.indexOf('|');
  return bar < 0 ? ['', value] : [value.slice(0, bar), value.slice(bar + 1)];
}

/** The smallest set an index offers; the filters then decide. */
function candidates(
  store: StoreView,
  type: string,
  query: URLSearchParams,
  known: Readonly<Record<string, Parameter>>,
): readonly StoredResource[] {
  const identifier = Object.hasOwn(known, 'identifier') ? query.get('identifier') : null;
  // An escaped or listed value is left to the filter.
  if (identifier !== null && /^[^|,\\]+\|[^,\\]+$/.test(identifier)) return store.withIdentifier(type, identifier);
  for (const [key, value] of query) {
    const parameter = Object.hasOwn(known, key) ? known[key] : undefined;
    if (parameter?.kind !== 'reference' || value.includes(',')) continue;
    const targets = targetsOf(parameter, value);
    if (targets.length === 1 && targets[0] !== undefined) return store.referringTo(type, targets[0]);
  }
  return store.list(type);
}

function filter(
  resources: readonly StoredResource[],
  parameter: Parameter,
  modifier: string | undefined,
  value: string,
): readonly StoredResource[] {
  if (value === '') return resources;
  const tests = alternatives(value).map((one) => testOf(parameter, modifier, one));
  return resources.filter((resource) => {
    const found = parameter.paths.flatMap((path) => follow(resource, path, '').map((item) => item.value));
    return tests.some((test) => found.some(test));
  });
}

/** Values between commas; a backslash before `,` `$` `|` or itself stands for that character (FHIR R4, search escapes). */
const alternatives = (value: string): readonly string[] => value.split(/(?<!\\),/).map((one) => one.replace(/\\([\\,$|])/g, '$1'));

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
      const { prefix, low, high } = readDate(value);
      return (found) => {
        const range = rangeOf(found);
        if (range === undefined) return false;
        if (prefix === 'ge') return range.high >= low;
        if (prefix === 'gt') return range.high >= high;
        if (prefix === 'le') return range.low < high;
        if (prefix === 'lt') return range.low < low;
        return range.low >= low && range.low < high;
      };
    }
  }
}

function targetsOf(parameter: Parameter, value: string): readonly string[] {
  return value.includes('/') ? [value] : (parameter.target ?? []).map((type) => `${type}/${value}`);
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

/** Half-open range in milliseconds that a FHIR date of any precision covers; a date without time is read in UTC. */
function dateRange(value: string): { low: number; high: number } | undefined {
  const match = /^(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T(\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)(Z|[+-]\d{2}:\d{2})?)?)?)?$/.exec(value);
  if (match === null) return undefined;
  const [, year = '', month, day, time, zone] = match;
  if (time !== undefined) {
    const low = Date.parse(`${year}-${month}-${day}T${time}${zone ?? 'Z'}`);
    return Number.isNaN(low) ? undefined : { low, high: low + (time.length === 5 ? 60_000 : time.includes('.') ? 1 : 1000) };
  }
  const low = Date.parse(`${year}-${month ?? '01'}-${day ?? '01'}T00:00:00Z`);
  if (Number.isNaN(low)) return undefined;
  const start = new Date(low);
  // Date.parse rolls 31 February over into March.
  if (day !== undefined && start.getUTCDate() !== Number(day)) return undefined;
  const end = new Date(low);
  if (day !== undefined) end.setUTCDate(end.getUTCDate() + 1);
  else if (month !== undefined) end.setUTCMonth(end.getUTCMonth() + 1);
  else end.setUTCFullYear(end.getUTCFullYear() + 1);
  return { low, high: end.getTime() };
}

function readDate(value: string): { prefix: string; low: number; high: number } {
  const [, prefix = 'eq', rest = ''] = /^(eq|ge|gt|le|lt|sa|eb)?(.*)$/s.exec(value) ?? [];
  // A plus sign in a query is a space once decoded, which is how most clients send an offset.
  const range = dateRange(rest.replace(/ (?=\d{2}:\d{2}$)/, '+'));
  if (range === undefined) throw new Refusal(invalidQueryDate(rest));
  return { prefix, ...range };
}

function rangeOf(found: unknown): { low: number; high: number } | undefined {
  if (typeof found === 'string') return dateRange(found);
  const { start, end } = asObject(found);
  const first = typeof start === 'string' ? dateRange(start) : undefined;
  const last = typeof end === 'string' ? dateRange(end) : undefined;
  if (first === undefined && last === undefined) return undefined;
  return { low: first?.low ?? Number.NEGATIVE_INFINITY, high: last?.high ?? Number.POSITIVE_INFINITY };
}

function included(context: SearchContext, page: readonly StoredResource[], values: readonly string[]): readonly JsonObject[] {
  return values.flatMap((value) => {
    const [type = '', name = ''] = value.split(':');
    const path = PARAMETERS[type]?.[name]?.paths[0] ?? name;
    return page
      .filter((resource) => resource.resourceType === type)
      .flatMap((resource) => follow(resource, path, '').flatMap((item) => referencesOf(item.value)))
      .flatMap((target) => {
        const [targetType = '', id = ''] = target.split('/');
        const found: JsonObject | undefined = context.store.get(targetType, id) ?? context.people.read(targetType, id);
        return found === undefined ? [] : [found];
      });
  });
}

function reverseIncluded(context: SearchContext, page: readonly StoredResource[], values: readonly string[]): readonly JsonObject[] {
  return values.flatMap((value) => {
    const [type = '', name = ''] = value.split(':');
    const parameter = PARAMETERS[type]?.[name];
    if (parameter === undefined) return [];
    return page.flatMap((resource) => {
      const target = `${resource.resourceType}/${resource.id}`;
      return filter(context.store.referringTo(type, target), parameter, undefined, target);
    });
  });
}

function bundle(
  context: SearchContext,
  type: string,
  resources: readonly JsonObject[],
  used: ReadonlyArray<[string, string]>,
  next?: string,
): JsonObject {
  const url = (pageToken: string | undefined): string => {
    const parameters = new URLSearchParams(used.filter(([key]) => key !== '_page_token'));
    if (pageToken !== undefined) parameters.append('_page_token', pageToken);
    parameters.sort();
    return `${context.base}/${type}/?${parameters}`;
  };
  const current = used.find(([key]) => key === '_page_token')?.[1];
  return {
    entry: resources.map((resource) => ({
      fullUrl: `${context.base}/${String(resource.resourceType)}/${String(resource.id)}`,
      resource,
    })),
    link: [
      { relation: 'search', url: url(undefined) },
      ...(next === undefined ? [] : [{ relation: 'next', url: url(next) }]),
      { relation: 'first', url: url(undefined) },
      { relation: 'self', url: url(current) },
    ],
    resourceType: 'Bundle',
    total: resources.length,
    type: 'searchset',
  };
}
