import type { Condition, Encounter, Immunization, Observation, Patient, Procedure, Resource } from '@medplum/fhirtypes';
import { SYSTEMS } from '../terminology/systems.ts';
import type { PersonFacts } from './due.ts';
import type { DueTables } from './tables.ts';

/** Types that say what was done for a person. */
export const HISTORY_TYPES = ['Encounter', 'Immunization', 'Observation', 'Procedure', 'Condition'] as const;

const SERVICE = 'https://fhir.ilp.example/StructureDefinition/ilp-service';
/** An answer `no` is no event. */
const NO = '373067005';
const VOID = new Set(['entered-in-error', 'cancelled', 'not-done', 'refuted']);

/** Names of events that the tables ask for; others need not be read. */
export function eventsOf({ states, services }: DueTables): ReadonlySet<string> {
  return new Set([...states.flatMap(({ starts, ends }) => [...starts, ...ends]), ...services.flatMap(({ done }) => done)]);
}

/** Codes of these Observations and Procedures, to search for. */
export function codesOf(tables: DueTables): readonly string[] {
  return [...eventsOf(tables)].flatMap((event) => /^(?:observation|procedure|value):(.+)$/.exec(event)?.[1] ?? []);
}

/**
 * What the tables of services need to know of a person, out of what is stored of the person.
 *
 * @param vaccines CVX code → name of the vaccine, as senders call it
 */
export function factsOf(
  patient: Patient,
  history: readonly Resource[],
  wanted: ReadonlySet<string>,
  vaccines: ReadonlyMap<string, string>,
): PersonFacts {
  const events = new Map<string, string[]>();
  const add = (event: string, instant: string | undefined): void => {
    if (instant === undefined || !wanted.has(event)) return;
    const days = events.get(event) ?? [];
    events.set(event, days);
    // Stored times are written in the zone of the unit: what stands there is the day on which it was.
    days.push(instant.slice(0, 10));
  };
  for (const resource of history) {
    if ('status' in resource && VOID.has(String(resource.status))) continue;
    switch (resource.resourceType) {
      case 'Encounter':
        for (const form of formsOf(resource)) add(`form:${form}`, resource.period?.start);
        break;
      case 'Observation':
        addObservation(resource, add);
        break;
      case 'Procedure':
        for (const { code } of resource.code?.coding ?? []) add(`procedure:${code}`, doneAt(resource));
        break;
      case 'Condition':
        addCondition(resource, wanted, add);
        break;
    }
  }
  addDoses(history, vaccines, add);
  for (const [event, days] of events) events.set(event, [...new Set(days)].sort());
  return {
    events,
    ...(patient.birthDate !== undefined && { birthDate: patient.birthDate }),
    ...(patient.gender !== undefined && { sex: patient.gender }),
  };
}

type Add = (event: string, instant: string | undefined) => void;

const formsOf = ({ extension = [] }: Encounter): readonly string[] =>
  extension
    .filter(({ url }) => url === SERVICE)
    .flatMap(({ valueCode, extension: parts = [] }) => [
      valueCode,
      ...parts.map((part) => (part.url === 'form' ? part.valueCode : undefined)),
    ])
    .filter((form) => form !== undefined);

function addObservation(observation: Observation, add: Add): void {
  const { valueBoolean, valueCodeableConcept, valueDateTime, effectiveDateTime, code } = observation;
  if (valueBoolean === false || valueCodeableConcept?.coding?.some((coding) => coding.code === NO)) return;
  for (const coding of code?.coding ?? []) {
    add(`observation:${coding.code}`, effectiveDateTime);
    add(`value:${coding.code}`, valueDateTime);
  }
}

function addCondition({ code, recordedDate, onsetDateTime, verificationStatus }: Condition, wanted: ReadonlySet<string>, add: Add): void {
  if (verificationStatus?.coding?.some((coding) => VOID.has(coding.code ?? ''))) return;
  for (const coding of code?.coding ?? []) {
    if (coding.system !== SYSTEMS.icd10 || coding.code === undefined) continue;
    // A category stands for all below it: I10, I11 for I11.9.
    const category = coding.code.slice(0, 3);
    for (const each of new Set([coding.code, category]))
      if (wanted.has(`condition:${each}`)) add(`condition:${each}`, onsetDateTime ?? recordedDate);
  }
}

/** Doses by number; those without one take the numbers that are free, in the order of their days. */
function addDoses(history: readonly Resource[], vaccines: ReadonlyMap<string, string>, add: Add): void {
  const given = history
    .filter((resource): resource is Immunization => resource.resourceType === 'Immunization' && resource.status === 'completed')
    .flatMap(({ vaccineCode, occurrenceDateTime, protocolApplied }) => {
      const name = vaccineCode.coding?.flatMap(({ system, code }) => (system === SYSTEMS.cvx ? (vaccines.get(code ?? '') ?? []) : []))[0];
      return name === undefined || occurrenceDateTime === undefined
        ? []
        : [{ name, at: occurrenceDateTime, dose: protocolApplied?.[0]?.doseNumberPositiveInt }];
    })
    .sort((a, b) => (a.at < b.at ? -1 : 1));
  const taken = new Set(given.flatMap(({ name, dose }) => (dose === undefined ? [] : [`${name}:${dose}`])));
  for (const { name, at, dose } of given) {
    let number = dose ?? 1;
    if (dose === undefined) {
      while (taken.has(`${name}:${number}`)) number++;
      taken.add(`${name}:${number}`);
    }
    add(`vaccine:${name}`, at);
    add(`vaccine:${name}:${number}`, at);
  }
}

const doneAt = ({ performedDateTime, performedPeriod }: Procedure): string | undefined => performedDateTime ?? performedPeriod?.start;
