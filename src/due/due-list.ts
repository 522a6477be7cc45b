import type { CarePlan, CarePlanActivity, Patient, Resource } from '@medplum/fhirtypes';
import { AppError } from '../errors/index.ts';
import type { AccessContext, SearchFilter, Store } from '../store/port.ts';
import { ILP_BASE } from '../terminology/systems.ts';
import { type DueItem, type DueStatus, dueFor } from './due.ts';
import { codesOf, eventsOf, factsOf, HISTORY_TYPES } from './facts.ts';
import type { DueTables } from './tables.ts';

export const DUE_STATUSES = ['overdue', 'due', 'upcoming', 'done'] as const satisfies readonly DueStatus[];

/** Whose list: one person, all of a region (Kemendagri code, 2 to 10 digits), or all of a posyandu (its code). */
export type DueWhose = { readonly person: string } | { readonly region: string } | { readonly posyandu: string };

export interface DueQuery {
  /** `YYYY-MM-DD` */
  readonly at: string;
  /** Without one: all but what is done. */
  readonly status?: readonly DueStatus[];
  /** Keys of services, or their beginning up to a dot: `imunisasi`. */
  readonly services?: readonly string[];
  /** Cursor of the page before. */
  readonly after?: string;
  /** Persons looked at, at most. */
  readonly limit: number;
}

export interface DuePerson {
  readonly patient: Patient & { readonly id: string };
  readonly items: readonly DueItem[];
}

export interface DuePage {
  /** Those for whom something is due, in the order of the register. */
  readonly persons: readonly DuePerson[];
  readonly next?: string;
}

export interface DueSummary {
  readonly persons: number;
  /** By key of the service. */
  readonly services: Readonly<Record<string, Readonly<Record<DueStatus, number>>>>;
}

export interface DueList {
  readonly tables: DueTables;
  /** @throws AppError `not-found` for a person or a unit that is not there or may not be seen */
  page(context: AccessContext, whose: DueWhose, query: DueQuery): Promise<DuePage>;
  /** How many persons of a region or a posyandu have each service overdue, due, upcoming, done. */
  summary(context: AccessContext, whose: DueWhose, query: Pick<DueQuery, 'at' | 'services'>): Promise<DueSummary>;
}

export interface DueListOptions {
  readonly store: Pick<Store, 'search' | 'resource' | 'facilities'>;
  readonly tables: DueTables;
  /** CVX code → name of the vaccine. */
  readonly vaccines: ReadonlyMap<string, string>;
}

/** Rows of one search, and persons whose history is read at once. */
const ROWS = 1_000;
const PERSONS = 100;

/** What is due, read from what is stored: nothing of it is kept, so it is never older than the records. */
export function createDueList({ store, tables, vaccines }: DueListOptions): DueList {
  const wanted = eventsOf(tables);
  const codes = codesOf(tables).map((code) => ({ code }));

  async function everything(context: AccessContext, type: string, filters: readonly SearchFilter[]): Promise<readonly Resource[]> {
    const found: Resource[] = [];
    let after: string | undefined;
    do {
      const page = await store.search(context, { type, filters, count: ROWS, ...(after !== undefined && { after }) });
      found.push(...page.resources.map(({ resource }) => resource));
      after = page.next;
    } while (after !== undefined);
    return found;
  }

  async function dueOf(context: AccessContext, patients: readonly (Patient & { id: string })[], at: string): Promise<readonly DuePerson[]> {
    const living = patients.filter((patient) => patient.deceasedBoolean !== true && patient.deceasedDateTime === undefined);
    if (living.length === 0) return [];
    const histories = new Map<string, Resource[]>(living.map(({ id }) => [`Patient/${id}`, []]));
    const whose = { param: 'patient', kind: 'reference', values: [...histories.keys()] } as const;
    for (const type of HISTORY_TYPES) {
      const isCoded = type === 'Observation' || type === 'Procedure';
      const filters: SearchFilter[] = isCoded ? [whose, { param: 'code', kind: 'token', values: codes }] : [whose];
      for (const resource of await everything(context, type, filters)) histories.get(personOf(resource))?.push(resource);
    }
    return living.map((patient) => {
      const facts = factsOf(patient, histories.get(`Patient/${patient.id}`) ?? [], wanted, vaccines);
      return { patient, items: dueFor(facts, tables, at) };
    });
  }

  async function filterOf(whose: Exclude<DueWhose, { person: string }>): Promise<SearchFilter> {
    if ('region' in whose) return { param: 'region', kind: 'token', values: [{ code: whose.region }] };
    const [unit] = await store.facilities([whose.posyandu]);
    if (unit === undefined) throw new AppError('not-found');
    return { param: 'posyandu', kind: 'reference', values: [unit.organization] };
  }

  async function* patientsOf(context: AccessContext, whose: DueWhose, limit: number, cursor?: string) {
    if ('person' in whose) {
      const stored = await store.resource(context, 'Patient', whose.person);
      if (stored === undefined) throw new AppError('not-found');
      yield { patients: [stored.resource as Patient & { id: string }], next: undefined };
      return;
    }
    const filter = await filterOf(whose);
    let after = cursor;
    do {
      const count = Math.min(limit, PERSONS);
      const page = await store.search(context, { type: 'Patient', filters: [filter], count, ...(after !== undefined && { after }) });
      after = page.next;
      yield { patients: page.resources.map(({ resource }) => resource as Patient & { id: string }), next: after };
    } while (after !== undefined);
  }

  const isWanted = (services: readonly string[] | undefined) => (item: DueItem) =>
    services === undefined || services.some((key) => item.service.key === key || item.service.key.startsWith(`${key}.`));

  return {
    tables,
    async page(context, whose, { at, status = OPEN, services, after, limit }) {
      for await (const { patients, next } of patientsOf(context, whose, limit, after)) {
        const persons = (await dueOf(context, patients, at))
          .map(({ patient, items }) => ({
            patient,
            items: items.filter((item) => status.includes(item.status)).filter(isWanted(services)),
          }))
          .filter(({ items }) => items.length > 0 || 'person' in whose);
        return { persons, ...(next !== undefined && { next }) };
      }
      return { persons: [] };
    },
    async summary(context, whose, { at, services }) {
      const counts: Record<string, Record<DueStatus, number>> = {};
      let persons = 0;
      for await (const { patients } of patientsOf(context, whose, PERSONS)) {
        for (const { items } of await dueOf(context, patients, at)) {
          persons++;
          for (const { service, status } of items.filter(isWanted(services))) {
            counts[service.key] ??= { overdue: 0, due: 0, upcoming: 0, done: 0 };
            (counts[service.key] as Record<DueStatus, number>)[status]++;
          }
        }
      }
      return { persons, services: counts };
    },
  };
}

const OPEN: readonly DueStatus[] = ['overdue', 'due', 'upcoming'];

const personOf = (resource: Resource): string => {
  const { subject, patient } = resource as { subject?: { reference?: string }; patient?: { reference?: string } };
  return (subject ?? patient)?.reference ?? '';
};

/** CarePlan.activity.detail.status (http://hl7.org/fhir/care-plan-activity-status). */
const ACTIVITY: Readonly<Record<DueStatus, 'scheduled' | 'not-started' | 'completed'>> = {
  overdue: 'scheduled',
  due: 'scheduled',
  upcoming: 'not-started',
  done: 'completed',
};

/** A person's list as a CarePlan, made when it is asked for: `intent` is plan, and nothing of it is sent to the platform. */
export function carePlanOf({ patient, items }: DuePerson, at: string): CarePlan & { id: string } {
  return {
    resourceType: 'CarePlan',
    id: `due-${patient.id}`,
    status: 'active',
    intent: 'plan',
    title: 'Pelayanan yang perlu diberikan / Services due',
    subject: { reference: `Patient/${patient.id}` },
    created: at,
    ...(items.length > 0 && {
      activity: items.map(
        ({ service, status, from, to }): CarePlanActivity => ({
          detail: {
            kind: 'ServiceRequest',
            code: { coding: [{ system: `${ILP_BASE}/CodeSystem/ilp-due`, code: service.key, display: service.id }], text: service.en },
            status: ACTIVITY[status],
            ...(status === 'overdue' && { statusReason: { text: 'Terlambat / Overdue' } }),
            scheduledPeriod: { start: from, ...(to !== undefined && { end: to }) },
          },
        }),
      ),
    }),
  };
}
