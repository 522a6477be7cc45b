import type { Migration } from '../../migration.ts';

/** When a delivery was marked as sent: before the platform shows what was written, a look-up cannot prove that it is absent. */
export const deliveryMark: Migration = {
  name: '0002-delivery-mark',
  sql: 'alter table delivery add column marked_ms integer;',
};
