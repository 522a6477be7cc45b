import { asObject, asText, follow, isObject, type JsonObject, sortKeys } from './json.ts';

export interface DuplicateGroup {
  readonly resourceType: string;
  /** Ids of the resources that say the same, in the order given. */
  readonly ids: readonly string[];
}

export interface DuplicateCount {
  readonly groups: readonly DuplicateGroup[];
  /** Resources that are there once too often: the members of every group but its first. */
  readonly duplicates: number;
}

/**
 * Looks for facts that were stored twice, without trusting ids or identifiers: the same type, subject, start of the encounter,
 * code, effective time and value. Instants are compared as instants, whatever their offset.
 */
export function countDuplicates(resources: Iterable<object>): DuplicateCount {
  const all = [...resources].filter(isObject);
  const starts = new Map<string, string>();
  for (const resource of all) {
    if (resource.resourceType !== 'Encounter') continue;
    // An encounter that was stored twice starts at the same time twice; the subject is compared anyway.
    starts.set(`Encounter/${String(resource.id)}`, `start:${instant(asObject(resource.period).start)}`);
  }
  const byFact = new Map<string, { resourceType: string; ids: string[] }>();
  for (const resource of all) {
    const resourceType = String(resource.resourceType);
    const fact = JSON.stringify([
      resourceType,
      first(resource, 'subject', 'patient', 'partOf', 'managingOrganization'),
      encounterStart(resource, starts),
      codeOf(resource),
      timesOf(resource),
      valuesOf(resource),
    ]);
    const group = byFact.get(fact) ?? { resourceType, ids: [] };
    byFact.set(fact, group);
    group.ids.push(String(resource.id));
  }
  const groups = [...byFact.values()].filter((group) => group.ids.length > 1);
  return { groups, duplicates: groups.reduce((sum, group) => sum + group.ids.length - 1, 0) };
}

const first = (resource: JsonObject, ...names: readonly string[]): string | undefined =>
  names.map((name) => asText(asObject(resource[name]).reference)).find((reference) => reference !== undefined);

function encounterStart(resource: JsonObject, starts: ReadonlyMap<string, string>): string | undefined {
  if (resource.resourceType === 'Encounter') return `start:${instant(asObject(resource.period).start)}`;
  const reference = first(resource, 'encounter', 'context');
  return reference === undefined ? undefined : (starts.get(reference) ?? reference);
}

function instant(value: unknown): string {
  if (typeof value !== 'string') return '';
  const milliseconds = value.includes('T') ? Date.parse(value) : Number.NaN;
  return Number.isNaN(milliseconds) ? value : new Date(milliseconds).toISOString();
}

function codeOf(resource: JsonObject): unknown {
  const { code, vaccineCode, medicationCodeableConcept, medicationReference, relationship, type } = resource;
  return concept(code ?? vaccineCode ?? medicationCodeableConcept ?? medicationReference ?? resource.class ?? relationship ?? type);
}

/** Codes of a concept, coding or list of them, in no order; its text when it has no code. */
function concept(value: unknown): unknown {
  const wrapped = { value };
  const codings = [...follow(wrapped, 'value.coding', ''), ...follow(wrapped, 'value', '')].flatMap(({ value: coding }) => {
    const { system, code } = asObject(coding);
    return typeof code === 'string' ? [`${asText(system) ?? ''}|${code}`] : [];
  });
  return codings.length > 0 ? [...new Set(codings)].sort() : sortKeys(value);
}

const TIMES = [
  'effectiveDateTime',
  'effectivePeriod.start',
  'effectiveInstant',
  'onsetDateTime',
  'recordedDate',
  'performedDateTime',
  'performedPeriod.start',
  'occurrenceDateTime',
  'authoredOn',
  'authored',
  'date',
  'period.start',
];

const timesOf = (resource: JsonObject): readonly string[] =>
  TIMES.flatMap((path) => follow(resource, path, '').map(({ value }) => `${path}=${instant(value)}`));

/** What is said besides: every value[x], and the elements that tell two facts of the same code and time apart. */
const VALUES = [
  'value[x]',
  'component',
  'dataAbsentReason',
  'category',
  'location.location.reference',
  'protocolApplied',
  'lotNumber',
  'reasonCode',
  'performer',
  'bodySite',
  'name',
  'physicalType',
  'item',
  'questionnaire',
];

const valuesOf = (resource: JsonObject): unknown =>
  VALUES.map((path) => follow(resource, path, '').map(({ value }) => (isObject(value) ? withoutIds(value) : value)));

function withoutIds(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutIds);
  if (!isObject(value)) return value;
  const kept = Object.entries(value).filter(([key]) => key !== 'id' && key !== 'identifier');
  return sortKeys(Object.fromEntries(kept.map(([key, child]) => [key, withoutIds(child)])));
}
