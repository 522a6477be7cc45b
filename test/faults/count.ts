import { countDuplicates } from '../../src/sandbox/duplicates.ts';
import type { Delivery, Store, Submission } from '../../src/store/port.ts';
import type { Stored } from './platform.ts';
import { CODES, SOURCE_SYSTEM, type Visit, type Vitals } from './workload.ts';

/** A record that is not as it must be. Local ids only. */
export interface Offence {
  readonly what: 'lost' | 'duplicate' | 'stuck' | 'unexpected' | 'out-of-order';
  /** Source id of the visit, or the key of a delivery. */
  readonly record: string;
  readonly detail: string;
}

export interface Count {
  /** Visits in the source's own list. */
  readonly records: number;
  /** Of these: on the platform with their current content. */
  readonly delivered: number;
  /** Waiting, held or refused, with a reason. */
  readonly accounted: number;
  readonly lost: number;
  readonly duplicates: number;
  readonly stuck: number;
  /** Held or refused although nothing is wrong with it, where the platform lets everything be found. */
  readonly unexpected: number;
  /** Visits of one patient that reached the platform in another order than they came. */
  readonly outOfOrder: number;
  readonly offences: readonly Offence[];
}

/** What the platform holds of one visit. */
interface Found {
  readonly encounter: Stored;
  /** Creation on the platform, as a number that grows. */
  readonly order: number;
  readonly observations: Stored[];
}

const CONTEXT = { client: 'faults', facilities: 'all', purpose: 'job' } as const;

/**
 * Counts from three sides: the source's list, the store, and the platform's raw contents.
 *
 * @param dump everything on the platform in the order of creation
 */
export async function count(options: {
  readonly visits: ReadonlyMap<string, Visit>;
  readonly store: Store;
  readonly environment: string;
  readonly dump: AsyncIterable<Stored>;
  readonly now: number;
}): Promise<Count> {
  const { visits, store } = options;
  const offences: Offence[] = [];
  const offend = (what: Offence['what'], record: string, detail: string): void => void offences.push({ what, record, detail });

  const platform = await readPlatform(options.dump, offend);
  const submissions = await readSubmissions(store);
  const deliveries = await openDeliveries(store, options.environment);

  let delivered = 0;
  let accounted = 0;
  const held = new Set<string>();
  for (const visit of visits.values()) {
    const submission = submissions.get(visit.sourceId);
    const found = platform.get(visit.start)?.[0];
    if (submission === undefined) {
      offend('lost', visit.sourceId, 'no submission in the store');
      continue;
    }
    if (submission.sourceUpdatedAt !== visit.updatedAt) {
      offend('lost', visit.sourceId, `the store holds version ${submission.version} of the source's ${visit.version}`);
      continue;
    }
    const final = submission.state === 'completed' || submission.state === 'cancelled';
    if (!final) {
      held.add(visit.sourceId);
      const waits = submission.state === 'ready' && deliveries.some(({ submission: id }) => id === submission.id);
      if (submission.reason === null && !waits) offend('stuck', visit.sourceId, `submission ${submission.state} without a reason`);
      else accounted += 1;
      if (visit.person.fate === 'known' || visit.person.fate === 'newborn') {
        offend('unexpected', visit.sourceId, `${submission.state} ${submission.reason ?? ''}`);
      }
      continue;
    }
    const difference = differs(visit, found);
    if (difference === undefined) delivered += 1;
    else offend('lost', visit.sourceId, `${submission.state}, but on the platform ${difference}`);
  }

  for (const delivery of deliveries) {
    const stuck = delivery.state === 'in-progress' || (delivery.reason === null && Date.parse(delivery.dueAt) <= options.now);
    if (stuck) offend('stuck', delivery.key, `delivery ${delivery.state} due ${delivery.dueAt} attempts ${delivery.attempts}`);
  }
  checkOrder(visits, platform, held, offend);

  const sum = (what: Offence['what']): number => offences.filter((offence) => offence.what === what).length;
  return {
    records: visits.size,
    delivered,
    accounted,
    lost: sum('lost'),
    duplicates: sum('duplicate'),
    stuck: sum('stuck'),
    unexpected: sum('unexpected'),
    outOfOrder: sum('out-of-order'),
    offences,
  };
}

type Offend = (what: Offence['what'], record: string, detail: string) => void;

/** Visits on the platform by their start, and everything that is there twice. */
async function readPlatform(dump: AsyncIterable<Stored>, offend: Offend): Promise<ReadonlyMap<number, Found[]>> {
  const byStart = new Map<number, Found[]>();
  const byId = new Map<string, Found>();
  const observations: Stored[] = [];
  const all: Stored[] = [];
  let order = 0;
  for await (const resource of dump) {
    // Neither is content, and together they are most of what would have to be kept.
    const { meta: _meta, identifier: _identifier, ...content } = resource;
    const kept = content as Stored;
    all.push(kept);
    order += 1;
    if (kept.resourceType === 'Observation') observations.push(kept);
    if (kept.resourceType !== 'Encounter') continue;
    const start = Date.parse(String((kept.period as { start?: unknown } | undefined)?.start));
    const found = { encounter: kept, order, observations: [] };
    byId.set(`Encounter/${kept.id}`, found);
    byStart.set(start, [...(byStart.get(start) ?? []), found]);
  }
  const twice = new Set<string>();
  for (const observation of observations) {
    const found = byId.get(String((observation.encounter as { reference?: unknown } | undefined)?.reference));
    if (found === undefined) continue;
    // The same measurement with another value is a duplicate too: one of them is an older version that should have been replaced.
    if (found.observations.some((other) => codeOf(other) === codeOf(observation))) twice.add(`Observation/${observation.id}`);
    found.observations.push(observation);
  }
  for (const several of byStart.values()) for (const { encounter } of several.slice(1)) twice.add(`Encounter/${encounter.id}`);
  for (const { resourceType, ids } of countDuplicates(all).groups) for (const id of ids.slice(1)) twice.add(`${resourceType}/${id}`);
  for (const reference of twice) offend('duplicate', reference, 'on the platform once more');
  return byStart;
}

const codeOf = (observation: Stored): string =>
  String((observation.code as { coding?: { code?: unknown }[] } | undefined)?.coding?.[0]?.code);

async function readSubmissions(store: Store): Promise<ReadonlyMap<string, Submission>> {
  const found = new Map<string, Submission>();
  for (let after = 0; ; ) {
    const page = await store.submissionFeed(CONTEXT, { feed: 'encounters', after, limit: 1_000 });
    for (const submission of page) {
      // A late older version, from a request that was given up and still carried out, is kept beside the record.
      if (submission.sourceSystem === SOURCE_SYSTEM && submission.reason !== 'superseded') found.set(submission.sourceId, submission);
    }
    if (page.length < 1_000) return found;
    after = page.at(-1)?.seq ?? after;
  }
}

const openDeliveries = (store: Store, environment: string): Promise<readonly Delivery[]> =>
  store.deliveries({ environment, states: ['ready', 'in-progress'], limit: 100_000 });

/** How the platform's visit is other than the source's; undefined if it is the same. */
function differs(visit: Visit, found: Found | undefined): string | undefined {
  if (visit.withdrawn) {
    if (found === undefined) return undefined;
    if (found.encounter.status !== 'entered-in-error') return 'the withdrawn visit is still valid';
    return found.observations.every(isRetracted) ? undefined : 'a measurement of the withdrawn visit is still valid';
  }
  if (found === undefined) return 'there is no such visit';
  const { encounter, observations } = found;
  if (encounter.status !== 'finished') return `its status is ${String(encounter.status)}`;
  const subject = (encounter.subject as { reference?: unknown } | undefined)?.reference;
  if (visit.person.ihsNumber !== undefined && subject !== `Patient/${visit.person.ihsNumber}`) return 'it is of another patient';
  const valid = new Map(observations.filter((each) => !isRetracted(each)).map((each) => [codeOf(each), each]));
  const wanted = Object.entries(visit.vitals) as [keyof Vitals, number][];
  for (const [name, value] of wanted) {
    const observation = valid.get(CODES[name]);
    if (observation === undefined) return `${name} is missing`;
    if ((observation.valueQuantity as { value?: unknown } | undefined)?.value !== value) return `${name} has an older value`;
  }
  return valid.size === wanted.length ? undefined : 'there is a measurement that the source no longer has';
}

const isRetracted = (resource: Stored): boolean => resource.status === 'entered-in-error';

/** The visits of one patient come to the platform in the order in which they came to us; one that is held lets the later ones by. */
function checkOrder(
  visits: ReadonlyMap<string, Visit>,
  platform: ReadonlyMap<number, readonly Found[]>,
  held: ReadonlySet<string>,
  offend: Offend,
): void {
  const last = new Map<string, { order: number; record: string }>();
  for (const visit of visits.values()) {
    const order = platform.get(visit.start)?.[0]?.order;
    if (order === undefined || held.has(visit.sourceId)) continue;
    const before = last.get(visit.person.sourceId);
    if (before !== undefined && order < before.order) {
      offend(
        'out-of-order',
        visit.sourceId,
        `it reached the platform before ${before.record} (${visit.person.fate} ${visit.person.sourceId})`,
      );
    } else last.set(visit.person.sourceId, { order, record: visit.sourceId });
  }
}
