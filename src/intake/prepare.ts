import { type Issue, issue } from '../errors/index.ts';
import type { NormalisedRecord } from '../mapping/types.ts';
import type { Feed } from '../store/port.ts';
import { contentHash } from './content-hash.ts';
import { text } from './resolve.ts';
import type { BatchItem, BatchOptions } from './types.ts';

export const DEFAULT_ZONE = 'Asia/Jakarta';

export interface Prepared {
  readonly item: BatchItem;
  readonly feed: Feed;
  record: NormalisedRecord;
  issues: readonly Issue[];
  readonly sourceSystem: string;
  readonly sourceId: string;
  readonly keyed: boolean;
  readonly recordKey: string;
  readonly id: string;
  readonly contentHash: string;
  readonly forbidden: Issue | undefined;
  /** Zone in which its times were read. */
  zone: string;
  print?: { readonly patient: string; readonly value: string | undefined };
}

/** A record and the key it stands under, as far as its ids and references depend on it. */
export type Told = Pick<Prepared, 'record' | 'sourceSystem' | 'sourceId' | 'recordKey'> & { readonly feed: Feed };

export function prepare(options: BatchOptions, item: BatchItem, now: string): Prepared {
  const { feed, client } = item.request;
  const { raw } = item;
  const read = options.normaliser.normalise(feed, raw.value, { timeZone: DEFAULT_ZONE, now, codes: options.codes });
  const named = text(read.record.sourceSystem);
  const only = client.sourceSystems !== 'all' && client.sourceSystems.length === 1 ? client.sourceSystems[0] : undefined;
  const system = named ?? only;
  const forbidden =
    named !== undefined && client.sourceSystems !== 'all' && !client.sourceSystems.includes(named)
      ? issue('forbidden-source-system', {}, { field: 'sourceSystem' })
      : undefined;
  const hash = raw.contentHash ?? contentHash(raw.fault ? raw.payload : raw.value);
  const sourceId = text(read.record.sourceId)?.slice(0, 128);
  // Without a key of its own a refused record is kept under its content, so that the same one gets the same receipt.
  const keyed = system !== undefined && sourceId !== undefined;
  const sourceSystem = system?.slice(0, 64) ?? `~${client.id}`;
  const id = sourceId ?? `~${hash.slice(0, 32)}`;
  return {
    item,
    feed,
    record: system === undefined ? read.record : withSourceSystem(read.record, system),
    issues: read.issues,
    sourceSystem,
    sourceId: id,
    keyed,
    recordKey: options.ids.recordKey(sourceSystem, feed, id),
    id: options.ids.submissionId(sourceSystem, feed, id),
    contentHash: hash,
    forbidden,
    zone: DEFAULT_ZONE,
  };
}

export const withSourceSystem = (record: NormalisedRecord, system: string): NormalisedRecord =>
  record.sourceSystem === system ? record : { ...record, sourceSystem: system };
