import type { Resource } from '@medplum/fhirtypes';
import { type Issue, issue } from '../errors/index.ts';
import type { MapContext, MappedResource, NormalisedRecord } from '../mapping/types.ts';
import type { Feed, PersonEntry } from '../store/port.ts';
import { buildContext } from './contexts.ts';
import { checkDiagnoses } from './diagnoses.ts';
import { dedupe, isError, overlaps, related } from './findings.ts';
import type { Group } from './group.ts';
import type { Prepared, Told } from './prepare.ts';
import { checkTimes } from './record-times.ts';
import { patientOf, type Resolved, sourceKey, text } from './resolve.ts';

type Json = Readonly<Record<string, unknown>>;

/** A child has one mother, whichever source tells of her. */
export const MOTHER = 'relatedperson:mother';

const UNKNOWN_FIELD = new Set(['field-unknown', 'field-unused']);

const OWN_FIELDS = new Set(['sourceSystem', 'sourceId', 'facilityCode']);

interface Finding {
  readonly role: string;
  readonly issue: Issue;
}

export function contextFor(group: Group, feed: Feed, record: NormalisedRecord, resolved: Resolved) {
  const { options, ids, now, registers } = group;
  const organizationOf = (code: string) => `Organization/${ids.organizationId(code)}`;
  return buildContext(options.contexts, feed, record, { now, resolved, registers, organizationOf });
}

/** @param apart ids of a version that stays in the district, beside one that was sent: what was sent becomes entered-in-error */
export function idsOf(group: Group, one: Told, apart = false): (role: string) => string {
  const { ids } = group;
  const { feed } = one;
  const code = text(one.record.code) ?? '';
  return (role) => {
    if (feed === 'facilities' && role === 'organization') return ids.organizationId(code);
    if (feed === 'facilities' && role === 'location') return ids.locationId(code);
    if (feed === 'facilities' && role === 'organization:village') return ids.organizationId(text(one.record.parentCode) ?? '');
    if (feed === 'persons' && (role === 'patient' || role === MOTHER)) {
      const patient = patientOf(one.record, sourceKey(one.sourceSystem, one.sourceId), ids);
      return role === 'patient' ? patient : ids.resourceId(patient, role);
    }
    if (feed === 'practitioners' && role === 'practitioner') return ids.practitionerId(text(one.record.nik) ?? '');
    return ids.resourceId(apart ? ids.recordKey(one.sourceSystem, feed, `${one.sourceId}|kept-local`) : one.recordKey, role);
  };
}

export function mapInline(group: Group, one: Prepared, resolved: Resolved, inline: Json) {
  const { options, ids, registers } = group;
  const entry = resolved.person as PersonEntry;
  const own = entry.sourceKey.slice(one.sourceSystem.length + 1);
  const record: NormalisedRecord = { facilityCode: entry.facility, ...inline, sourceSystem: one.sourceSystem, sourceId: own };
  const unit = registers.facility(entry.facility);
  const puskesmas = unit?.puskesmas ? registers.facility(unit.puskesmas) : resolved.puskesmas;
  const found: Resolved = { issues: [], person: entry, ...(unit && { unit }), ...(puskesmas && { puskesmas }) };
  const built = contextFor(group, 'persons', record, found);
  const key = ids.recordKey(one.sourceSystem, 'persons', own);
  const patient = entry.patient.slice('Patient/'.length);
  const result = options.mapper.map('persons', record, built.context, (role) =>
    role === 'patient' ? patient : ids.resourceId(role === MOTHER ? patient : key, role),
  );
  const prefixed = [...built.issues, ...result.issues].map((found) =>
    found.field === undefined ? found : { ...found, field: `person.inline.${found.field}` },
  );
  return { resources: result.resources, issues: prefixed, unused: result.unused.filter((field) => !OWN_FIELDS.has(field)) };
}

export function gatherIssues(group: Group, one: Prepared, resolved: Resolved, strict: boolean): readonly Issue[] {
  const { options, now } = group;
  const { feed } = one.item.request;
  if (one.item.raw.fault) return [one.item.raw.fault];
  const read = strict
    ? one.issues.map((found) => (UNKNOWN_FIELD.has(found.code) ? { ...found, severity: 'error' as const } : found))
    : one.issues;
  const faulty = new Set(read.filter(isError).map(({ field }) => field));
  const contract = options.contracts.check(feed, one.record).filter(({ field }) => !faulty.has(field));
  const broken = new Set(contract.map(({ field }) => field));
  // A reference that is not there is a matter of the contract; one that leads nowhere is said here.
  const references = resolved.issues.filter(
    ({ field = '' }) => ![...faulty, ...broken].some((other) => other !== undefined && overlaps(field, other)),
  );
  const plausible = options.catalogue
    .checkPlausible(feed, one.record, options.codes)
    .filter(({ field }) => !faulty.has(field) && !broken.has(field));
  const personAbsent = [...read, ...contract].some(({ code }) => code === 'person-missing');
  return dedupe([
    ...read,
    ...contract,
    ...references.filter(({ code }) => !(personAbsent && code === 'person-unknown')),
    ...plausible,
    ...checkTimes(feed, one.record, now),
    ...(options.codes ? checkDiagnoses(one.record, resolved.person, options.codes) : []),
    ...checkGenerated(group, one.record),
  ]);
}

/** Sample people must never reach the national record. */
function checkGenerated(group: Group, record: NormalisedRecord): readonly Issue[] {
  const { environment } = group;
  if (environment !== 'production') return [];
  return niksOf(record, '').map((field) => issue('generated-person', {}, { field }));
}

export function check(group: Group, produced: readonly MappedResource[], judged: ReadonlySet<Resource>): readonly Finding[] {
  const { options, now } = group;
  return produced.flatMap(({ role, resource }) => {
    const found = [...options.validator.validate(resource), ...(judged.has(resource) ? options.rules.check(resource, { now }) : [])];
    return found.map((one) => ({ role, issue: one }));
  });
}

/** Adds the sender's field to each finding, by the traced map. */
export function locate(
  group: Group,
  one: Prepared,
  context: MapContext,
  idOf: (role: string) => string,
  findings: readonly Finding[],
): readonly Issue[] {
  const { options } = group;
  const traces = options.mapper.explain(one.item.request.feed, one.record, context, idOf);
  return findings.map(({ role, issue: found }) => {
    if (found.field !== undefined || found.expression === undefined) return found;
    const expression = found.expression;
    let best: { field: string; length: number } | undefined;
    for (const trace of traces) {
      // What comes from the context is no field of the sender's.
      if (trace.role !== role || trace.field.startsWith('%') || !related(expression, trace.expression)) continue;
      const length = Math.min(expression.length, trace.expression.length);
      if (!best || length > best.length) best = { field: trace.field, length };
    }
    return best ? { ...found, field: best.field } : found;
  });
}

/** Fields that hold a NIK of the series for samples. */
function niksOf(value: unknown, path: string): string[] {
  if (Array.isArray(value)) return value.flatMap((inner, index) => niksOf(inner, `${path}[${index}]`));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    const field = path === '' ? name : `${path}.${name}`;
    if ((name === 'nik' || name === 'nikIbu') && typeof inner === 'string') return /^99\d{14}$/.test(inner) ? [field] : [];
    return niksOf(inner, field);
  });
}
