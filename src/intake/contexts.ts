import { DateTime } from 'luxon';
import { type Issue, issue, type Reason } from '../errors/index.ts';
import type { ContextBuilder } from '../mapping/context.ts';
import type { MapContext, NormalisedRecord } from '../mapping/types.ts';
import { zoneOf } from '../mapping/wall-clock.ts';
import type { FacilityEntry, Feed } from '../store/port.ts';
import type { Registers } from './registers.ts';
import { type Resolved, text } from './resolve.ts';

export interface Context {
  readonly context: MapContext;
  readonly issues: readonly Issue[];
  /** Why a sound record must wait. */
  readonly hold?: Reason;
}

export interface ContextInput {
  /** Instant of receipt. */
  readonly now: string;
  readonly resolved: Resolved;
  readonly registers: Pick<Registers, 'facility'>;
  readonly organizationOf: (code: string) => string;
}

/** Everything a map needs beside the record: what was found in the registers, and what tables and age say. */
export function buildContext(builder: ContextBuilder, feed: Feed, record: NormalisedRecord, input: ContextInput): Context {
  const { now, resolved } = input;
  const { unit, puskesmas, person, practitioner, kader } = resolved;
  const common: MapContext = {
    now,
    timeZone: unit?.timeZone ?? puskesmas?.timeZone ?? 'Asia/Jakarta',
    puskesmas: puskesmas?.code ?? '',
    ...(puskesmas && { serviceProvider: puskesmas.organization, serviceProviderName: puskesmas.name }),
    ...(unit && { unit: unit.organization, unitName: unit.name, location: unit.location, locationName: unit.name }),
    ...(person && { patient: person.patient, birthDate: person.birthDate, sex: person.sex }),
    ...(practitioner && { practitioner: practitioner.practitioner, practitionerName: practitioner.name }),
    ...kaderOf(record, kader),
  };
  if (feed === 'facilities') return { context: { ...common, ...treeOf(record, unit, input) }, issues: [] };
  if (feed === 'persons') return { context: { ...common, ...posyanduOf(record, input.registers) }, issues: [] };
  if (feed !== 'encounters' && feed !== 'village-observations') return { context: common, issues: [] };

  const visit = builder.visit(feed, record, {
    timeZone: common.timeZone,
    ...(person && { birthDate: person.birthDate, sex: person.sex }),
  });
  const issues: Issue[] = [];
  const cluster = text(record.cluster);
  if (feed === 'encounters' && cluster !== undefined && (!VISIT_CLUSTERS.has(cluster) || !visit.clusterFits)) {
    const severity = VISIT_CLUSTERS.has(cluster) ? 'warning' : 'error';
    issues.push(issue('cluster-not-a-visit', { cluster, suggested: visit.expectedCluster ?? 'K2/K3' }, { field: 'cluster', severity }));
  }
  const { day } = visit.context;
  const field = feed === 'encounters' ? 'start' : 'date';
  if (person && day !== undefined && day < person.birthDate) issues.push(issue('before-birth', { field }, { field }));
  if (feed === 'village-observations') issues.push(...sessionIssues(record, common.timeZone ?? 'Asia/Jakarta'));
  const holds = feed === 'village-observations' ? [...pending(record, resolved), ...visit.holds] : visit.holds;
  const [hold] = holds;
  for (const reason of holds) issues.push(HOLD_ISSUES[reason]());
  return { context: { ...common, ...visit.context }, issues, ...(hold !== undefined && { hold }) };
}

/** A session is on the day of service, and ends after it begins. */
function sessionIssues(record: NormalisedRecord, timeZone: string): readonly Issue[] {
  const date = text(record.date);
  if (date === undefined || date.includes('T')) return [];
  const [start, end] = (['sessionStart', 'sessionEnd'] as const).map((field) => {
    const value = text(record[field]);
    if (value === undefined || !value.includes('T')) return { field, day: date, clock: value };
    const local = DateTime.fromISO(value, { zone: zoneOf(timeZone) });
    return { field, day: local.toISODate() ?? date, clock: local.toFormat('HH:mm') };
  });
  const found: Issue[] = [];
  for (const { field, day } of [start, end].filter((one) => one !== undefined)) {
    if (day !== date) found.push(issue('session-day', { field }, { field }));
  }
  if (found.length === 0 && start?.clock !== undefined && end?.clock !== undefined && end.clock < start.clock) {
    found.push(issue('period-order', { field: 'sessionEnd' }, { field: 'sessionEnd' }));
  }
  return found;
}

/** A visit's own cluster is that of a life stage; K4 and LK are clusters of services, K1 is none of a patient. */
const VISIT_CLUSTERS = new Set(['K2', 'K3']);

const HOLD_ISSUES = {
  'validation-pending': () => issue('validation-pending', {}, { field: 'validatedBy' }),
  'time-missing': () => issue('time-missing', { field: 'date' }, { field: 'date' }),
  'reason-code-missing': () => issue('reason-code-missing', {}, { field: 'diagnoses' }),
} as const;

/** What a kader wrote, or nobody who may answer for it, waits for a health worker. Home visits stay in the district and need none. */
function pending(record: NormalisedRecord, { practitioner }: Resolved): readonly 'validation-pending'[] {
  if (record.context === 'kunjungan_rumah' || record.validatedBy !== undefined) return [];
  return record.kader !== undefined || !practitioner ? ['validation-pending'] : [];
}

function kaderOf(record: NormalisedRecord, kader: Resolved['kader']): Partial<MapContext> {
  const name = text((record.kader as { name?: unknown } | undefined)?.name) ?? kader?.name;
  return { ...(kader && { kader: kader.practitioner }), ...(name !== undefined && { kaderName: name }) };
}

/** Where a person is registered in the village. */
function posyanduOf(record: NormalisedRecord, registers: ContextInput['registers']): Partial<MapContext> {
  const code = text(record.posyanduCode);
  const posyandu = code === undefined ? undefined : registers.facility(code)?.organization;
  return posyandu === undefined ? {} : { posyandu };
}

/** The two parents of a unit: its technical supervisor, and the village government (a unit of kind desa, or a stub by its code). */
function treeOf(
  record: NormalisedRecord,
  unit: FacilityEntry | undefined,
  { registers, organizationOf }: ContextInput,
): Partial<MapContext> {
  const supervisor = unit?.supervisor ? registers.facility(unit.supervisor) : undefined;
  const parent = text(record.parentCode);
  const village = parent === undefined ? undefined : registers.facility(parent);
  return {
    ...(supervisor && { supervisor: supervisor.organization, supervisorName: supervisor.name }),
    ...(parent !== undefined && { villageOrganization: village?.organization ?? organizationOf(parent) }),
    ...(parent !== undefined && !village && { villageStub: parent }),
  };
}

const ENVELOPE = ['sourceSystem', 'sourceId', 'sourceUpdatedAt', 'recordStatus', 'withdrawnReason', 'layout'] as const;

/** Fields that intake and this context use themselves, so that they are not reported as unused by the maps. */
export const CONSUMED: Readonly<Record<Feed, readonly string[]>> = {
  facilities: [...ENVELOPE, 'supervisorCode', 'parentCode', 'timeZone', 'satusehatOrganizationId', 'satusehatLocationId'],
  persons: [...ENVELOPE, 'facilityCode', 'posyanduCode'],
  practitioners: [...ENVELOPE, 'facilityCode'],
  encounters: [...ENVELOPE, 'facilityCode', 'person', 'practitioner', 'start', 'end', 'cluster', 'poli'],
  'village-observations': [
    ...ENVELOPE,
    ...['posyanduCode', 'facilityCode', 'person', 'practitioner', 'validatedBy'],
    ...['date', 'sessionStart', 'sessionEnd', 'context'],
  ],
};
