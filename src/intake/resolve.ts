import { type Issue, issue } from '../errors/index.ts';
import type { NormalisedRecord } from '../mapping/types.ts';
import type { Identifiers } from '../store/id-key.ts';
import type { FacilityEntry, Feed, PersonEntry, PractitionerEntry } from '../store/port.ts';
import type { Needs, Registers } from './registers.ts';

type Json = Readonly<Record<string, unknown>>;

/** What a record refers to, found in the registers. */
export interface Resolved {
  /** Unit where it happened, or that the record is about. */
  readonly unit?: FacilityEntry;
  /** Head of the unit's tree. */
  readonly puskesmas?: FacilityEntry;
  readonly person?: PersonEntry;
  /** The person came in full: their own Patient is written too. */
  readonly inline?: Json;
  readonly practitioner?: PractitionerEntry;
  readonly kader?: PractitionerEntry;
  readonly issues: readonly Issue[];
}

const object = (value: unknown): Json | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
export const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

export const sourceKey = (sourceSystem: string, sourceId: string): string => `${sourceSystem}|${sourceId}`;

/** Code of the unit that answers for a record, as far as it names one. */
export function unitCode(feed: Feed, record: NormalisedRecord): { code: string; field: string } | undefined {
  const names: Record<Feed, readonly string[]> = {
    facilities: ['code'],
    persons: ['facilityCode'],
    practitioners: ['facilityCode'],
    encounters: ['facilityCode'],
    'village-observations': ['posyanduCode', 'facilityCode'],
  };
  for (const field of names[feed]) {
    const code = text(record[field]);
    if (code !== undefined) return { code, field };
  }
  return undefined;
}

/** Collects what must be looked up for a record. */
export function collectNeeds(feed: Feed, record: NormalisedRecord, sourceSystem: string, ids: Identifiers, needs: Needs): void {
  const facility = (value: unknown) => void (text(value) && needs.facilities.add(value as string));
  for (const field of ['facilityCode', 'posyanduCode', 'supervisorCode', 'parentCode']) facility(record[field]);
  if (feed === 'facilities') facility(record.code);
  for (const referral of Array.isArray(record.referrals) ? record.referrals : []) facility(object(referral)?.to);
  if (feed === 'persons') {
    const own = text(record.sourceId);
    if (own) needs.persons.add(sourceKey(sourceSystem, own));
    if (text(record.nik)) needs.personNiks.add(ids.nikHash(record.nik as string));
  }
  if (feed === 'practitioners' && text(record.sourceId)) needs.practitioners.add(sourceKey(sourceSystem, record.sourceId as string));
  const person = object(record.person);
  if (person) {
    const inline = object(person.inline);
    facility(inline?.facilityCode);
    facility(inline?.posyanduCode);
    if (text(person.sourceId)) needs.persons.add(sourceKey(sourceSystem, person.sourceId as string));
    for (const nik of [text(person.nik), text(inline?.nik)]) if (nik) needs.personNiks.add(ids.nikHash(nik));
  }
  for (const name of ['practitioner', 'validatedBy', 'kader']) {
    const reference = object(record[name]);
    if (text(reference?.nik)) needs.practitionerNiks.add(ids.nikHash(reference?.nik as string));
    if (text(reference?.sourceId)) needs.practitioners.add(sourceKey(sourceSystem, reference?.sourceId as string));
  }
}

/** Finds what an encounter or village observation refers to. */
export function resolveEvent(
  record: NormalisedRecord,
  { feed, sourceSystem, ids, registers }: { feed: Feed; sourceSystem: string; ids: Identifiers; registers: Registers },
): Resolved {
  const issues: Issue[] = [];
  const where = unitCode(feed, record);
  const unit = where && registers.facility(where.code);
  if (where && !unit) issues.push(issue('facility-unknown', {}, { field: where.field }));
  if (!where) issues.push(issue('field-required', { field: 'posyanduCode' }, { field: 'posyanduCode' }));
  const puskesmas = unit?.puskesmas ? registers.facility(unit.puskesmas) : undefined;
  if (where && unit && !puskesmas) issues.push(issue('facility-kind', {}, { field: where.field }));

  const reference = object(record.person) ?? {};
  const inline = object(reference.inline);
  const person = inline
    ? inlinePerson(reference, inline, { sourceSystem, recordId: `${feed}:${text(record.sourceId)}`, ids, registers, puskesmas })
    : knownPerson(reference, sourceSystem, ids, registers);
  if (!person) issues.push(issue('person-unknown', {}, { field: text(reference.sourceId) ? 'person.sourceId' : 'person.nik' }));
  for (const field of ['facilityCode', 'posyanduCode']) {
    const code = text(inline?.[field]);
    if (code && !registers.facility(code)) issues.push(issue('facility-unknown', {}, { field: `person.inline.${field}` }));
  }

  const practitionerOf = (name: string): PractitionerEntry | undefined => {
    const named = object(record[name]);
    if (!named || (!text(named.nik) && !text(named.sourceId))) return undefined;
    const found =
      (text(named.nik) && registers.practitionerByNik(ids.nikHash(named.nik as string))) ||
      (text(named.sourceId) && registers.practitioner(sourceKey(sourceSystem, named.sourceId as string))) ||
      undefined;
    if (!found) {
      const field = `${name}.${text(named.nik) ? 'nik' : 'sourceId'}`;
      // A kader may be named without being registered: they are not sent.
      if (name !== 'kader') issues.push(issue('practitioner-unknown', {}, { field }));
    }
    return found;
  };
  const validator = practitionerOf('validatedBy');
  const practitioner = validator ?? practitionerOf('practitioner');
  const kader = practitionerOf('kader');
  return {
    issues,
    ...(unit && { unit }),
    ...(puskesmas && { puskesmas }),
    ...(person && { person }),
    ...(inline && { inline }),
    ...(practitioner && { practitioner }),
    ...(kader && { kader }),
  };
}

function knownPerson(reference: Json, sourceSystem: string, ids: Identifiers, registers: Registers): PersonEntry | undefined {
  const own = text(reference.sourceId);
  const nik = text(reference.nik);
  return (own && registers.person(sourceKey(sourceSystem, own))) || (nik && registers.personByNik(ids.nikHash(nik))) || undefined;
}

interface InlineContext {
  readonly sourceSystem: string;
  readonly recordId: string;
  readonly ids: Identifiers;
  readonly registers: Registers;
  readonly puskesmas: FacilityEntry | undefined;
}

function inlinePerson(reference: Json, inline: Json, context: InlineContext): PersonEntry | undefined {
  const birthDate = text(inline.birthDate);
  if (birthDate === undefined || text(inline.name) === undefined) return undefined;
  const own = text(reference.sourceId);
  const nik = text(inline.nik) ?? text(reference.nik);
  const key = own === undefined ? undefined : sourceKey(context.sourceSystem, own);
  // Told of without the NIK that the same source gave before: the same person.
  const known = key === undefined || nik !== undefined ? undefined : context.registers.person(key);
  if (known) return { ...known, birthDate, sex: sexOf(inline.sex) };
  const patient = patientOf({ ...inline, nik }, key ?? sourceKey(context.sourceSystem, context.recordId), context.ids);
  return {
    sourceKey: key ?? sourceKey(context.sourceSystem, `patient:${patient}`),
    nikHash: nik === undefined ? null : context.ids.nikHash(nik),
    patient: `Patient/${patient}`,
    birthDate,
    sex: sexOf(inline.sex),
    facility: text(inline.facilityCode) ?? context.puskesmas?.code ?? '',
  };
}

/** Id of the Patient of a person in full. */
export function patientOf(person: Json, key: string, ids: Identifiers): string {
  const birthOrder = person.birthOrder;
  return ids.patientId({
    nik: text(person.nik),
    nikIbu: text(person.nikIbu),
    birthOrder: typeof birthOrder === 'number' || typeof birthOrder === 'string' ? birthOrder : undefined,
    birthDate: text(person.birthDate),
    sourceKey: key,
  });
}

export const sexOf = (value: unknown): PersonEntry['sex'] => (value === 'male' || value === 'female' ? value : 'unknown');
