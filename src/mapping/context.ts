import { DateTime } from 'luxon';
import type { Feed } from '../store/port.ts';
import { type Age, ageOn } from './age.ts';
import type { MappingTables } from './tables.ts';
import type { MapContext, NormalisedRecord } from './types.ts';
import { zoneOf } from './wall-clock.ts';

/** What the record itself and the tables say, before anybody is looked up. */
export interface VisitContext {
  /** To be spread into the MapContext. Absent keys are not known. */
  readonly context: Pick<
    MapContext,
    'lifeStage' | 'lifeStageDisplay' | 'lifeStageScheme' | 'ageMonths' | 'reasonCode' | 'reasonDisplay'
  > & {
    /** Start of the contact, with offset. */
    readonly start?: string;
    /** End of the contact; absent while it is open. */
    readonly end?: string;
    /** Day of the contact on the facility's calendar, `YYYY-MM-DD`; known where the time of day is not. */
    readonly day?: string;
  };
  /** Cluster that the life stage asks for, and whether the record's own cluster may stand. */
  readonly expectedCluster?: 'K2' | 'K3';
  readonly clusterFits: boolean;
  /** Why the record has to wait: no time of day; no diagnosis and no reason code for its services. */
  readonly holds: readonly ('time-missing' | 'reason-code-missing')[];
}

export interface ContextFacts {
  /** Birth date of the person, `YYYY-MM-DD`; absent when it is not known. */
  readonly birthDate?: string;
  readonly sex?: 'male' | 'female' | 'unknown';
  /** IANA zone of the facility. */
  readonly timeZone: string;
}

/** Keys that maps may read of `ctx`; a misspelt one is refused when the maps are compiled. */
export const CONTEXT_KEYS: readonly string[] = [
  'now',
  'timeZone',
  'puskesmas',
  'serviceProvider',
  'serviceProviderName',
  'unit',
  'unitName',
  'location',
  'locationName',
  'patient',
  'birthDate',
  'sex',
  'practitioner',
  'practitionerName',
  'kader',
  'kaderName',
  'lifeStage',
  'lifeStageDisplay',
  'lifeStageScheme',
  'ageMonths',
  'reasonCode',
  'reasonDisplay',
  'start',
  'end',
  'day',
  // facilities
  'supervisor',
  'supervisorName',
  'villageOrganization',
  'villageStub',
  // persons
  'posyandu',
];

/** Builds the part of a map's context that needs tables and arithmetic only. */
export function createContextBuilder(tables: Pick<MappingTables, 'lifeStages' | 'visitReasons' | 'icd10'>) {
  const { bands, overlaps, scheme } = tables.lifeStages;

  function lifeStageOf({ days, months, years }: Age) {
    return bands.find(
      (band) =>
        (band.belowDays === undefined || days < band.belowDays) &&
        (band.belowMonths === undefined || months < band.belowMonths) &&
        (band.belowYears === undefined || years < band.belowYears),
    );
  }

  /** First reason of the table that fits a service of the record, in the order of the services. */
  function reasonOf(feed: Feed, record: NormalisedRecord, lifeStage: string | undefined): string | undefined {
    const forms = Array.isArray(record.services) ? record.services.map((service) => text((service as Record<string, unknown>)?.form)) : [];
    const services = feed === 'encounters' ? forms : [text(record.context), ...forms];
    for (const service of services) {
      const row = tables.visitReasons.find(
        (candidate) => candidate.service === service && (candidate.lifeStage === '*' || candidate.lifeStage === lifeStage),
      );
      if (row) return row.code;
    }
    return undefined;
  }

  return {
    /** Life stage by completed age at the day of service; undefined when the birth date is missing or later. */
    lifeStage(birthDate: string, serviceDate: string): { code: string; display: string; scheme: string; cluster: 'K2' | 'K3' } | undefined {
      const age = ageOn(birthDate, serviceDate.slice(0, 10));
      const band = age && lifeStageOf(age);
      return band && { code: band.code, display: band.id, scheme, cluster: band.cluster };
    },

    visit(feed: Feed, record: NormalisedRecord, facts: ContextFacts): VisitContext {
      const period = feed === 'encounters' ? encounterPeriod(record) : villagePeriod(record, facts.timeZone);
      const holds: ('time-missing' | 'reason-code-missing')[] = [];
      if (period.start === undefined) holds.push('time-missing');
      // The day of service is the day on the facility's wall calendar.
      const local = period.start === undefined ? undefined : DateTime.fromISO(period.start, { zone: zoneOf(facts.timeZone) });
      const day = local?.isValid ? local.toISODate() : text(record.date)?.slice(0, 10);
      const age = facts.birthDate === undefined || typeof day !== 'string' ? undefined : ageOn(facts.birthDate, day);
      const band = age && lifeStageOf(age);
      const diagnoses = Array.isArray(record.diagnoses) ? record.diagnoses : [];
      // A home visit is never sent, so it needs no reason code.
      const needsReason = diagnoses.length === 0 && record.context !== 'kunjungan_rumah';
      const reason = needsReason ? reasonOf(feed, record, band?.code) : undefined;
      if (needsReason && reason === undefined) holds.push('reason-code-missing');
      const reasonDisplay = reason === undefined ? undefined : tables.icd10.find(reason)?.display;
      return {
        context: {
          ...(period.start !== undefined && { start: period.start }),
          ...(period.end !== undefined && { end: period.end }),
          ...(typeof day === 'string' && { day }),
          ...(band && { lifeStage: band.code, lifeStageDisplay: band.id, lifeStageScheme: scheme }),
          ...(age && { ageMonths: age.months }),
          ...(reason !== undefined && { reasonCode: reason }),
          ...(reasonDisplay !== undefined && { reasonDisplay }),
        },
        ...(band && { expectedCluster: band.cluster }),
        clusterFits: band === undefined || clusterFits(record, band.cluster, age?.years),
        holds,
      };
    },
  };

  function clusterFits(record: NormalisedRecord, expected: 'K2' | 'K3', ageYears: number | undefined): boolean {
    const cluster = record.cluster;
    if (cluster === undefined || cluster === expected) return true;
    const forms = Array.isArray(record.services) ? record.services.map((service) => text((service as Record<string, unknown>)?.form)) : [];
    const pregnant = record.pregnancy !== undefined || forms.includes('anc');
    return overlaps.some(
      (overlap) => overlap.cluster === cluster && (overlap.ageYears === ageYears || (overlap.pregnancy === true && pregnant)),
    );
  }
}

export type ContextBuilder = ReturnType<typeof createContextBuilder>;

interface Period {
  readonly start?: string;
  readonly end?: string;
}

function encounterPeriod(record: NormalisedRecord): Period {
  const start = instant(record.start);
  const end = instant(record.end);
  return { ...(start && { start }), ...(end && { end }) };
}

/**
 * A posyandu record with a time of day ends when it began: nobody writes down how long weighing took. One with the date only
 * happened somewhere in the session, so the session is its period.
 */
function villagePeriod(record: NormalisedRecord, timeZone: string): Period {
  const date = text(record.date);
  if (date === undefined) return {};
  const exact = instant(date);
  if (exact) return { start: exact, end: exact };
  const start = timeOn(date, record.sessionStart, timeZone);
  if (start === undefined) return {};
  return { start, end: timeOn(date, record.sessionEnd, timeZone) ?? start };
}

function timeOn(date: string, value: unknown, timeZone: string): string | undefined {
  const exact = instant(value);
  if (exact) return exact;
  const clock = text(value);
  if (clock === undefined || !/^\d{2}:\d{2}$/.test(clock)) return undefined;
  return DateTime.fromISO(`${date}T${clock}:00`, { zone: zoneOf(timeZone) }).toISO({ suppressMilliseconds: true }) ?? undefined;
}

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
const instant = (value: unknown): string | undefined => (typeof value === 'string' && /T\d{2}:\d{2}/.test(value) ? value : undefined);
