import type { NormalisedRecord } from '../mapping/types.ts';
import type { Feed } from '../store/port.ts';
import { contentHash } from './content-hash.ts';

/** Fields that say who sent a record and how, not what happened. The person is replaced by the Patient that was found. */
const NOT_CONTENT = new Set([
  'sourceSystem',
  'sourceId',
  'sourceUpdatedAt',
  'recordStatus',
  'withdrawnReason',
  'layout',
  'person',
  'validatedAt',
]);

const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}/;

/**
 * Equal for two records that tell the same event of the same patient, whatever their keys and the vendor's spelling: a hash over the
 * whole normalised content, instants in UTC. Two visits that differ in any finding are two visits.
 *
 * @returns undefined for feeds that may well hold the same twice (registers)
 */
export function fingerprint(feed: Feed, record: NormalisedRecord, patient: string | undefined): string | undefined {
  if (patient === undefined || (feed !== 'encounters' && feed !== 'village-observations')) return undefined;
  const content = Object.fromEntries(Object.entries(record).filter(([name]) => !NOT_CONTENT.has(name)));
  return contentHash({ feed, patient, content: withoutKeys(content) });
}

function withoutKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutKeys);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value)
        .filter(([name]) => name !== 'sourceId')
        .map(([name, inner]) => [name, withoutKeys(inner)]),
    );
  }
  if (typeof value === 'string' && INSTANT.test(value)) {
    const time = Date.parse(value);
    return Number.isNaN(time) ? value : new Date(time).toISOString();
  }
  return value;
}
