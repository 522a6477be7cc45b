import type { Feed, PlatformId, Store } from '../store/port.ts';
import { FEEDS } from '../store/port.ts';
import { ADOPTED, ADOPTED_WHOLE } from './ledger.ts';
import { SYNC_CONTEXT } from './references.ts';

/** What is said to be on the platform through another bridge. Everything in it is text, as a CSV has it. */
export type AdoptRow = Readonly<Record<string, unknown>>;

export interface AdoptLine {
  readonly line: number;
  readonly row: AdoptRow;
  /** The line is no record. */
  readonly unreadable?: boolean;
}

export interface AdoptIds {
  recordKey(sourceSystem: string, feed: Feed, sourceId: string): string;
  resourceId(recordKey: string, role: string): string;
  organizationId(code: string): string;
  locationId(code: string): string;
}

export interface AdoptOptions {
  readonly store: Pick<Store, 'commit' | 'deliveries' | 'facilities' | 'persons' | 'platformIds' | 'practitioners' | 'retryDeliveries'>;
  readonly ids: AdoptIds;
  readonly environment: string;
  /** Epoch ms. */
  readonly clock: () => number;
  readonly actor: string;
  /** Of an adopted Encounter what is not named is sent. Default: nothing of its unit is sent any more. */
  readonly sendMissing?: boolean;
  readonly dryRun?: boolean;
  readonly onRow?: (rows: number) => void;
}

export type AdoptWhy =
  /** Must be given, or is not of the form. */
  | 'required'
  | 'form'
  /** Not one of the types, feeds … */
  | 'value'
  /** Nothing of that key is registered here, so its id cannot be told. */
  | 'not-registered'
  /** Known here under another id on the platform. */
  | 'other-id'
  /** The file gives the same platform id to something else. */
  | 'id-twice';

export interface AdoptProblem {
  /** Line of the file, or number of what was found on the platform. */
  readonly line: number;
  readonly outcome: 'unknown' | 'refused';
  readonly field: string;
  readonly why: AdoptWhy;
}

/** `rows` is the sum of `adopted`, `already`, `unknown` and `refused`. */
export interface AdoptReport {
  readonly rows: number;
  readonly adopted: number;
  readonly already: number;
  readonly unknown: number;
  readonly refused: number;
  /** Of the adopted: Encounters whose record has not been received here yet. */
  readonly ahead: number;
  /** Deliveries that were stopped and need not be sent any more. */
  readonly released: number;
  readonly problems: readonly AdoptProblem[];
}

const ROWS_AT_ONCE = 500;
/** FHIR R4, id. */
const ID = /^[A-Za-z0-9\-.]{1,64}$/;

type Resolved = { readonly reference: string } | Omit<AdoptProblem, 'line'>;

interface Planned {
  readonly line: number;
  readonly type: string;
  readonly reference: string;
  readonly platformId: string;
  readonly platformVersion: string | null;
}

const UNIT: readonly string[] = ['Organization', 'Location'];
const PERSON: readonly string[] = ['Patient', 'Practitioner'];
/** Known by the record they come from and their role in it; for an Encounter that is given. */
const OF_RECORD: readonly string[] = [
  'AllergyIntolerance',
  'CarePlan',
  'ClinicalImpression',
  'Composition',
  'Condition',
  'Encounter',
  'Immunization',
  'Medication',
  'MedicationStatement',
  'Observation',
  'Procedure',
  'QuestionnaireResponse',
  'ServiceRequest',
  'Specimen',
];
export const ADOPTED_TYPES: readonly string[] = [...UNIT, ...PERSON, ...OF_RECORD];

/**
 * Takes ids over from another bridge, so that what is there is not sent again. Ids here are made from a record's key, so an Encounter
 * may be taken over before its record comes.
 */
export async function adopt(options: AdoptOptions, rows: AsyncIterable<AdoptLine>): Promise<AdoptReport> {
  const { store, environment } = options;
  const problems: AdoptProblem[] = [];
  const count = { rows: 0, adopted: 0, already: 0, ahead: 0, released: 0 };
  /** `Type/<platform id>` → local reference, of this file. */
  const taken = new Map<string, string>();

  let waiting: Planned[] = [];
  let group: AdoptLine[] = [];
  for await (const each of rows) {
    group.push(each);
    if (group.length >= ROWS_AT_ONCE) await flush();
  }
  await flush();
  const of = (outcome: AdoptProblem['outcome']) => problems.filter((each) => each.outcome === outcome).length;
  return { ...count, unknown: of('unknown'), refused: of('refused'), problems };

  async function flush(): Promise<void> {
    const some = group;
    group = [];
    waiting = [];
    const resolve = await resolver(options, some);
    for (const { line, row, unreadable } of some) {
      count.rows += 1;
      const planned: Planned | AdoptProblem =
        unreadable === true ? { line, outcome: 'refused', field: '-', why: 'form' } : plan(line, row, resolve);
      if ('why' in planned) problems.push(planned);
      else waiting.push(planned);
    }
    await write(waiting);
    options.onRow?.(count.rows);
  }

  function plan(line: number, row: AdoptRow, resolve: (row: AdoptRow) => Resolved): Planned | AdoptProblem {
    const refused = (field: string, why: AdoptWhy): AdoptProblem => ({ line, outcome: 'refused', field, why });
    const type = textOf(row.type);
    const platformId = textOf(row.platformId);
    const versionId = textOf(row.versionId);
    if (type === undefined) return refused('type', 'required');
    if (!ADOPTED_TYPES.includes(type)) return refused('type', 'value');
    if (platformId === undefined) return refused('platformId', 'required');
    if (!ID.test(platformId)) return refused('platformId', 'form');
    if (versionId !== undefined && !ID.test(versionId)) return refused('versionId', 'form');
    const resolved = resolve(row);
    if ('why' in resolved) return { line, ...resolved };
    const { reference } = resolved;
    const there = `${type}/${platformId}`;
    if ((taken.get(there) ?? reference) !== reference) return refused('platformId', 'id-twice');
    taken.set(there, reference);
    return { line, type, reference, platformId, platformVersion: versionId ?? null };
  }

  async function write(planned: readonly Planned[]): Promise<void> {
    const at = new Date(options.clock()).toISOString();
    const references = planned.map(({ reference }) => reference);
    const known = new Map((await store.platformIds(environment, references)).map((row) => [row.reference, row.platformId]));
    const platformIds: PlatformId[] = [];
    const encounters: string[] = [];
    const keys: string[] = [];
    for (const { line, type, reference, platformId, platformVersion } of planned) {
      const before = known.get(reference);
      if (before !== undefined) {
        if (before === platformId) count.already += 1;
        else problems.push({ line, outcome: 'refused', field: 'platformId', why: 'other-id' });
        continue;
      }
      known.set(reference, platformId);
      count.adopted += 1;
      keys.push(`${type.toLowerCase()}:${reference}`);
      if (type === 'Encounter') encounters.push(`encounter:${reference}`);
      platformIds.push({ environment, reference, platformId, platformVersion, at: contentOf(type, at) });
    }
    const deliveries = keys.length === 0 ? [] : await store.deliveries({ environment, keys, limit: keys.length });
    const received = new Set(deliveries.map(({ key }) => key));
    count.ahead += encounters.filter((key) => !received.has(key)).length;
    if (options.dryRun === true || platformIds.length === 0) return;
    await store.commit({
      platformIds,
      deliveryEvents: deliveries.map(({ key }) => ({ environment, key, action: 'adopted', actor: options.actor, at })),
      audits: [
        {
          at,
          client: options.actor,
          action: 'adopt',
          target: null,
          outcome: 'success',
          code: null,
          requestId: null,
          count: platformIds.length,
        },
      ],
    });
    const stopped = deliveries.filter(({ state }) => state === 'failed' || state === 'on-hold').map(({ key }) => key);
    if (stopped.length > 0) {
      const act = { actor: options.actor, at, note: 'adopted' };
      count.released += (await store.retryDeliveries(SYNC_CONTEXT, { environment, keys: stopped }, act)).released;
    }
  }

  /** What is there of a visit stays as it is. A unit or a person may be told of later changes. */
  function contentOf(type: string, at: string): string {
    if (type === 'Encounter' && options.sendMissing !== true) return ADOPTED_WHOLE;
    return OF_RECORD.includes(type) ? ADOPTED : at;
  }
}

/** Local reference of a row, from its key. */
async function resolver(
  { store, ids }: Pick<AdoptOptions, 'store' | 'ids'>,
  rows: readonly { readonly row: AdoptRow }[],
): Promise<(row: AdoptRow) => Resolved> {
  const texts = (name: string): string[] => rows.flatMap(({ row }) => textOf(row[name]) ?? []);
  const keys = rows.map(({ row }) => sourceKeyOf(row)).filter((key) => key !== undefined);
  const units = new Set((await store.facilities([...new Set(texts('facility'))])).map(({ code }) => code));
  const persons = new Map((await store.persons({ sourceKeys: keys })).map((row) => [row.sourceKey, row.patient]));
  const practitioners = new Map((await store.practitioners({ sourceKeys: keys })).map((row) => [row.sourceKey, row.practitioner]));
  const refused = (field: string, why: AdoptWhy): Resolved => ({ outcome: 'refused', field, why });
  const unknown = (field: string): Resolved => ({ outcome: 'unknown', field, why: 'not-registered' });

  return (row) => {
    const type = textOf(row.type) ?? '';
    if (UNIT.includes(type)) {
      const code = textOf(row.facility);
      if (code === undefined) return row.unmatched === true ? unknown('facility') : refused('facility', 'required');
      if (!units.has(code)) return unknown('facility');
      return { reference: type === 'Organization' ? `Organization/${ids.organizationId(code)}` : `Location/${ids.locationId(code)}` };
    }
    if (row.unmatched === true) return unknown('identifier');
    if (type === 'Encounter' && typeof row.localId === 'string' && ID.test(row.localId)) return { reference: `Encounter/${row.localId}` };
    const [sourceSystem, sourceId] = [textOf(row.sourceSystem), textOf(row.sourceId)];
    if (sourceSystem === undefined) return refused('sourceSystem', 'required');
    if (sourceId === undefined) return refused('sourceId', 'required');
    if (PERSON.includes(type)) {
      const reference = (type === 'Patient' ? persons : practitioners).get(`${sourceSystem}|${sourceId}`);
      return reference === undefined ? unknown('sourceId') : { reference };
    }
    const feed = FEEDS.find((each) => each === (textOf(row.feed) ?? 'encounters'));
    if (feed === undefined) return refused('feed', 'value');
    const role = textOf(row.role) ?? (type === 'Encounter' ? 'encounter' : undefined);
    if (role === undefined) return refused('role', 'required');
    return { reference: `${type}/${ids.resourceId(ids.recordKey(sourceSystem, feed, sourceId), role)}` };
  };
}

function sourceKeyOf(row: AdoptRow): string | undefined {
  const [system, id] = [textOf(row.sourceSystem), textOf(row.sourceId)];
  return system === undefined || id === undefined ? undefined : `${system}|${id}`;
}

function textOf(value: unknown): string | undefined {
  const text = typeof value === 'number' ? String(value) : value;
  return typeof text === 'string' && text.trim() !== '' ? text.trim() : undefined;
}
