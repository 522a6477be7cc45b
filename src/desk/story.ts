import { type Bilingual, type Issue, issue } from '../errors/index.ts';
import type { AccessContext, Delivery, DeliveryEvent, Store, Submission } from '../store/index.ts';
import { causeOf } from './records.ts';
import { type Remedy, remedyOf } from './remedies.ts';
import { recordKey } from './selection.ts';

/** Another delivery that keeps one from going. */
export interface Blocker {
  readonly key: string;
  readonly state: string;
  readonly reason: string | null;
  /** It has to be completed first, directly or through others; or it goes before as an earlier one of the same patient. */
  readonly as: 'dependency' | 'earlier';
}

export interface DeliveryStory {
  readonly delivery: Delivery;
  readonly trail: readonly DeliveryEvent[];
  readonly resources: readonly {
    readonly reference: string;
    readonly platformId: string | null;
    readonly platformVersion: string | null;
    /** What is there, in that version, was seen to be another's content. */
    readonly changedByOthers?: true;
  }[];
  readonly stoppedBy: readonly Blocker[];
  readonly meaning?: Bilingual;
  readonly todo?: Bilingual;
  readonly act?: Remedy;
}

/** A record that stopped before anything was planned. */
export interface RecordStory {
  readonly key: string;
  readonly record: Submission;
  readonly issues: readonly Issue[];
  readonly meaning: Bilingual;
  readonly todo: Bilingual;
  readonly act: Remedy;
}

type Reader = Pick<Store, 'deliveryPage' | 'deliveryTrail' | 'platformIds' | 'deliveries'>;

const MAX_DEPTH = 8;
const MAX_BLOCKERS = 20;
const WINDOW = 1_000;

/** Everything about one delivery; undefined where there is none that the context may see. */
export async function deliveryStory(
  store: Reader,
  context: AccessContext,
  environment: string,
  key: string,
): Promise<DeliveryStory | undefined> {
  const [delivery] = (await store.deliveryPage(context, { environment, keys: [key] }, { limit: 1 })).deliveries;
  if (!delivery) return undefined;
  const [trail, ids, stoppedBy] = await Promise.all([
    store.deliveryTrail(context, environment, key),
    store.platformIds(environment, delivery.resources),
    blockersOf(store, delivery),
  ]);
  const byReference = new Map(ids.map((row) => [row.reference, row]));
  const told =
    delivery.state === 'completed' || delivery.reason === null ? undefined : remedyOf(delivery.reason, delivery.rule, delivery.state);
  return {
    delivery,
    trail,
    resources: delivery.resources.map((reference) => ({
      reference,
      platformId: byReference.get(reference)?.platformId ?? null,
      platformVersion: byReference.get(reference)?.platformVersion ?? null,
      ...(byReference.get(reference)?.theirs && { changedByOthers: true as const }),
    })),
    stoppedBy,
    ...told,
  };
}

export function recordStory(record: Submission): RecordStory {
  const { cause, rule } = causeOf(record);
  return { key: recordKey(record.id), record, issues: record.issues, ...remedyOf(cause, rule) };
}

/** What it waits for, as far as that has stopped; where nothing has, what goes before. */
async function blockersOf(store: Reader, delivery: Delivery): Promise<readonly Blocker[]> {
  if (delivery.state !== 'ready') return [];
  const { environment, owner, partition, id } = delivery;
  const found = new Map<string, Blocker>();
  let keys: readonly string[] = delivery.dependsOn;
  for (let depth = 0; depth < MAX_DEPTH && keys.length > 0; depth++) {
    const needed = (await store.deliveries({ environment, keys })).filter(({ key, state }) => state !== 'completed' && !found.has(key));
    for (const { key, state, reason } of needed) found.set(key, { key, state, reason, as: 'dependency' });
    keys = needed.flatMap(({ dependsOn }) => dependsOn);
  }
  const all = [...found.values()];
  const stuck = all.filter(({ state }) => state !== 'ready' && state !== 'in-progress');
  if (all.length > 0) return (stuck.length > 0 ? stuck : all).slice(0, MAX_BLOCKERS);
  const near = await store.deliveries({ environment, owner, states: ['ready', 'in-progress'], limit: WINDOW });
  return near
    .filter((other) => other.partition === partition && other.id < id)
    .slice(0, MAX_BLOCKERS)
    .map(({ key, state, reason }) => ({ key, state, reason, as: 'earlier' }));
}

/** Names the delivery that stops another, in the words of the catalogue. */
export const blockedIssue = ({ key, state, reason }: Blocker): Issue =>
  issue('dependency-blocked', { delivery: key, state, reason: reason ?? '-' });
