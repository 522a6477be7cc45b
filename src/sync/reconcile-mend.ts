import type { Delivery, DeliveryWrite, Difference, PlatformId, Store } from '../store/port.ts';
import { EARLIER_CONTENT, referenceOf } from './ledger.ts';
import type { Platform } from './platform.ts';
import { SYNC_CONTEXT } from './references.ts';

export interface MendOptions {
  readonly store: Pick<
    Store,
    'commit' | 'deliveries' | 'differences' | 'forgetPlatformIds' | 'platformIds' | 'resolveDifferences' | 'resources'
  >;
  readonly platform: Pick<Platform, 'environment' | 'references'>;
  readonly clock: () => number;
  /** Who asked for it, for the trail. */
  readonly actor: string;
  readonly dryRun?: boolean;
}

export interface MendReport {
  /** Open differences of the kind that can be mended. */
  readonly missing: number;
  /** Deliveries that are looked up again, and sent again as far as they are not there. */
  readonly reopened: number;
  /** Differences whose delivery is under way already, or is not there any more. */
  readonly left: number;
}

/**
 * Opens the deliveries again of which something is not on the platform any more. Each is looked up before anything is sent; what it was
 * last time is told nowhere but here, so what refers to what is gone is brought up to date too.
 */
export async function mend({ store, platform, clock, actor, dryRun = false }: MendOptions): Promise<MendReport> {
  const { environment } = platform;
  const gone: Difference[] = [];
  for (let after: Difference | undefined; ; ) {
    const page = await store.differences({ environment, kinds: ['missing'], open: true, limit: 500, ...(after && { after }) });
    gone.push(...page);
    after = page.at(-1);
    if (after === undefined) break;
  }
  const byDelivery = new Map<string, { delivery: Delivery; references: string[] }>();
  let left = 0;
  for (const { reference } of gone) {
    const delivery = await deliveryOf(reference);
    if (delivery?.state !== 'completed') left += 1;
    else {
      const of = byDelivery.get(delivery.key) ?? { delivery, references: [] };
      of.references.push(reference);
      byDelivery.set(delivery.key, of);
    }
  }
  if (!dryRun) for (const { delivery, references } of byDelivery.values()) await reopen(delivery, references);
  return { missing: gone.length, reopened: byDelivery.size, left };

  async function deliveryOf(reference: string): Promise<Delivery | undefined> {
    const key = `${reference.slice(0, reference.indexOf('/')).toLowerCase()}:${reference}`;
    const [own] = await store.deliveries({ environment, keys: [key] });
    if (own !== undefined) return own;
    const [stored] = await store.resources(SYNC_CONTEXT, [reference]);
    if (stored?.submission == null) return undefined;
    const all = await store.deliveries({ environment, submissionId: stored.submission });
    return all.find(({ resources }) => resources.includes(reference));
  }

  /** In an order that may be cut off anywhere: the difference stays open until all else is written. */
  async function reopen(delivery: Delivery, references: readonly string[]): Promise<void> {
    const at = new Date(clock()).toISOString();
    const rows = await store.resources(SYNC_CONTEXT, delivery.resources);
    const referring = rows.filter(({ resource }) => platform.references([resource]).some((target) => references.includes(target)));
    const outdated = new Set(referring.map(({ resource }) => referenceOf(resource)).filter((each) => !references.includes(each)));
    const platformIds = (await store.platformIds(environment, [...outdated])).map((row): PlatformId => ({ ...row, at: EARLIER_CONTENT }));
    await store.forgetPlatformIds(environment, references);
    const { key, kind, owner, partition, resources, dependsOn, submission, submissionVersion, priority, receivedAt } = delivery;
    const again: DeliveryWrite = {
      ...{ key, environment, kind, owner, partition, resources, dependsOn, submission, submissionVersion, priority, receivedAt },
      ...{ state: 'ready', reason: 'outcome-unknown', dueAt: at, replace: true },
    };
    await store.commit({
      platformIds,
      deliveries: [again],
      deliveryEvents: [{ environment, key, action: 'reopened', actor, at }],
      ...(submission !== null &&
        submissionVersion !== null && {
          submissionStates: [
            { id: submission, version: submissionVersion, state: 'ready', reason: 'outcome-unknown', at, stage: 'reopened' },
          ],
        }),
    });
    await store.resolveDifferences({ environment, references, kinds: ['missing'], at });
  }
}
