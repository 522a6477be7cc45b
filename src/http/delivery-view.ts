import { REASONS, type Reason } from '../errors/index.ts';
import type { Delivery } from '../store/port.ts';

/** A delivery as the doors show it. */
export const deliveryView = (delivery: Delivery) => ({
  key: delivery.key,
  kind: delivery.kind,
  owner: delivery.owner,
  state: delivery.state,
  reason: delivery.reason,
  ...(delivery.reason !== null && { reasonText: reasonText(delivery.reason) }),
  ...(delivery.rule !== null && { rule: delivery.rule }),
  attempts: delivery.attempts,
  dueAt: delivery.dueAt,
  receivedAt: delivery.receivedAt,
  submission: delivery.submission,
  resources: delivery.resources,
  dependsOn: delivery.dependsOn,
  issues: delivery.issues,
  updatedAt: delivery.updatedAt,
});

export function reasonText(reason: Reason): { id: string; en: string } {
  const row = REASONS[reason as keyof typeof REASONS];
  return row ? { id: row.id, en: row.en } : { id: `Ditolak aturan SATUSEHAT ${reason}`, en: `Refused by SATUSEHAT ${reason}` };
}
