import { hash } from 'node:crypto';
import { SYSTEMS } from '../terminology/systems.ts';
import { asObject, asText, follow, isObject, type JsonObject, sortKeys } from './json.ts';
import { identifiersOf } from './resources.ts';

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
 * code, effective time and value. Instants are compared as instants, whatever their offset. Resources are taken one by one and not
 * kept, so that a dump of any size can pass.
 */
export class DuplicateCounter {
  readonly #starts = new Map<string, string>();
  readonly #byFact = new Map<string, string | string[]>();
  /** Facts of an encounter that had not come yet. */
  #waiting: Array<{ readonly encounter: string; readonly resourceType: string; readonly id: string; readonly fact: string }> = [];

  add(resource: object): void {
    if (!isObject(resource)) return;
    const resourceType = String(resource.resourceType);
    const id = String(resource.id);
    const fact = JSON.stringify([
      first(resource, 'subject', 'patient', 'partOf', 'managingOrganization') ?? motherOf(resource),
      codeOf(resource),
      timesOf(resource),
      valuesOf(resource),
    ]);
    if (resourceType === 'Encounter') {
      // An encounter that was stored twice starts at the same time twice; the subject is compared anyway.
      const start = `start:${instant(asObject(resource.period).start)}`;
      this.#starts.set(`Encounter/${id}`, start);
      this.#note(resourceType, id, start, fact);
      return;
    }
    const encounter = first(resource, 'encounter', 'context');
    const start = encounter === undefined ? '' : this.#starts.get(encounter);
    if (start === undefined) this.#waiting.push({ encounter: encounter as string, resourceType, id, fact: digest(fact) });
    else this.#note(resourceType, id, start, fact);
  }

  count(): DuplicateCount {
    for (const { encounter, resourceType, id, fact } of this.#waiting) {
      this.#noteDigest(resourceType, id, this.#starts.get(encounter) ?? encounter, fact);
    }
    this.#waiting = [];
    const groups: DuplicateGroup[] = [];
    for (const [key, ids] of this.#byFact) if (Array.isArray(ids)) groups.push({ resourceType: key.slice(0, key.indexOf('|')), ids });
    return { groups, duplicates: groups.reduce((sum, group) => sum + group.ids.length - 1, 0) };
  }

  #note(resourceType: string, id: string, start: string, fact: string): void {
    this.#noteDigest(resourceType, id, start, digest(fact));
  }

  #noteDigest(resourceType: string, id: string, start: string, fact: string): void {
    const key = `${resourceType}|${digest(start)}|${fact}`;
    const ids = this.#byFact.get(key);
    if (ids === undefined) this.#byFact.set(key, id);
    else if (Array.isArray(ids)) ids.push(id);
    else this.#byFact.set(key, [ids, id]);
  }
}

/** As {@link DuplicateCounter}, for resources that are at hand. */
export function countDuplicates(resources: Iterable<object>): DuplicateCount {
  const counter = new DuplicateCounter();
  for (const resource of resources) counter.add(resource);
  return counter.count();
}

const digest = (text: string): string => (text === '' ? '' : hash('sha1', text, 'base64'));

const first = (resource: JsonObject, ...names: readonly string[]): string | undefined =>
  names.map((name) => asText(asObject(resource[name]).reference)).find((reference) => reference !== undefined);

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

/** The mother of a newborn is who it is about; only her NIK names her. */
const motherOf = (resource: JsonObject): string | undefined =>
  resource.resourceType === 'Patient' ? identifiersOf(resource).find((token) => token.startsWith(`${SYSTEMS.nikIbu}|`)) : undefined;

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
  'gender',
  'birthDate',
  'multipleBirthInteger',
  'relationship',
];

const valuesOf = (resource: JsonObject): unknown =>
  VALUES.map((path) => follow(resource, path, '').map(({ value }) => (isObject(value) ? withoutIds(value) : value)));

function withoutIds(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutIds);
  if (!isObject(value)) return value;
  const kept = Object.entries(value).filter(([key]) => key !== 'id' && key !== 'identifier');
  return sortKeys(Object.fromEntries(kept.map(([key, child]) => [key, withoutIds(child)])));
}
