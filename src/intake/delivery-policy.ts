import type { Feed } from '../store/port.ts';

/** What of a record leaves the district. What has no row in `mappings/delivery-policy.csv` stays. */
export interface DeliveryPolicy {
  sends(feed: Feed, item: string): boolean;
}

export interface DeliveryPolicyRow {
  readonly item: string;
  readonly feed: Feed;
  readonly decision: 'send' | 'local';
}

export function createDeliveryPolicy(rows: readonly DeliveryPolicyRow[]): DeliveryPolicy {
  const sent = new Set(rows.filter(({ decision }) => decision === 'send').map(({ feed, item }) => `${feed}|${item}`));
  return { sends: (feed, item) => sent.has(`${feed}|${item}`) };
}
