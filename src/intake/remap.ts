import type { Resource } from '@medplum/fhirtypes';
import { type Change, compareResults } from '../mapping/tools/index.ts';
import type { MapResult } from '../mapping/types.ts';
import { FEEDS, type Feed, type ResourceWrite, type Store, type Submission } from '../store/port.ts';
import { processBatch } from './batch.ts';
import { itemOf, type Reprocessed } from './reprocess.ts';
import { ALL } from './resource-cache.ts';
import type { BatchItem, BatchOptions } from './types.ts';

export interface RemapOptions {
  /** Only tells what would become of each. */
  readonly dryRun: boolean;
  /** Of these feeds only. */
  readonly feeds?: readonly Feed[];
  readonly signal?: AbortSignal;
  /** Told of each record that would come out otherwise. */
  readonly onChange?: (change: RemapChange) => void;
}

export interface RemapChange {
  readonly id: string;
  readonly feed: Feed;
  /** Element by element, without indexes and without values; the reference names the resource. */
  readonly elements: ReadonlyArray<{ readonly reference: string; readonly expression: string; readonly change: Change }>;
  /** It would not be accepted any more: it is left as it is. */
  readonly refused: boolean;
}

/** All records that were looked at: `unchanged`, `changed`, `refused`, `unreadable` and `moved` together. */
export interface RemapCounts {
  readonly looked: number;
  /** The maps make the same of it. */
  readonly unchanged: number;
  /** It is stored anew, and sent anew where it is sent; in a dry run: it would be. */
  readonly changed: number;
  /** It would be refused or held now; what is stored stands. */
  readonly refused: number;
  /** Its payload was not kept as text. */
  readonly unreadable: number;
  /** It was changed while this was going on. */
  readonly moved: number;
}

const PAGE = 100;

/** A record that stands: accepted, and not taken back. What stopped is the matter of `fix`. */
const stands = ({ state, resources }: Submission): boolean =>
  (state === 'ready' || state === 'in-progress' || state === 'completed') && resources.length > 0;

/**
 * Takes the records that stand through the maps of now, registers first. Where the maps make something else of one, it goes the whole way of
 * a new version; all others are left alone, so that nothing is stored or sent without need.
 */
export async function remap(
  options: BatchOptions,
  now: () => string,
  reprocess: (submissions: readonly Submission[]) => Promise<readonly Reprocessed[]>,
  { dryRun, feeds = FEEDS, signal, onChange }: RemapOptions,
): Promise<RemapCounts> {
  const counts = { looked: 0, unchanged: 0, changed: 0, refused: 0, unreadable: 0, moved: 0 };
  // A record that is stored anew goes to the end of its feed.
  const seen = new Set<string>();
  for (const feed of FEEDS.filter((one) => feeds.includes(one))) {
    for await (const page of pagesOf(options.store, feed)) {
      if (signal?.aborted) return counts;
      const fresh = page.filter((one) => stands(one) && !seen.has(one.id));
      for (const { id } of fresh) seen.add(id);
      counts.looked += fresh.length;
      const readable: { submission: Submission; item: BatchItem }[] = [];
      for (const submission of fresh) {
        const item = await itemOf(options.store, submission, true);
        if (item === undefined) counts.unreadable++;
        else readable.push({ submission, item });
      }
      const changes = await changesOf(options, readable, now());
      const again: Submission[] = [];
      for (const [index, { submission }] of readable.entries()) {
        const change = changes[index];
        if (change === undefined) counts.unchanged++;
        else {
          onChange?.(change);
          if (change.refused) counts.refused++;
          else again.push(submission);
        }
      }
      if (dryRun) counts.changed += again.length;
      else if (again.length > 0) {
        for (const { outcome } of await reprocess(again)) {
          if (outcome === 'applied') counts.changed++;
          else counts[outcome === 'unchanged' ? 'refused' : outcome]++;
        }
      }
    }
  }
  return counts;
}

async function* pagesOf(store: Pick<Store, 'submissionFeed'>, feed: Feed): AsyncGenerator<readonly Submission[]> {
  for (let after = 0; ; ) {
    const page = await store.submissionFeed(ALL, { feed, after, limit: PAGE });
    if (page.length > 0) yield page;
    after = page.at(-1)?.seq ?? after;
    if (page.length < PAGE) return;
  }
}

/** For each record what would be stored otherwise; undefined where it is the same. */
async function changesOf(
  options: BatchOptions,
  records: readonly { submission: Submission; item: BatchItem }[],
  now: string,
): Promise<readonly (RemapChange | undefined)[]> {
  const { outcomes, changes } = await processBatch(
    options,
    records.map(({ item }) => item),
    now,
    { anew: true },
  );
  const { resources = [] } = changes;
  const bySubmission = Map.groupBy(resources, ({ submission }: ResourceWrite) => submission ?? '');
  const stored = new Map<string, Resource>();
  for (const { resource } of await options.store.resources(
    ALL,
    resources.map(({ resource }) => `${resource.resourceType}/${resource.id}`),
  ))
    stored.set(`${resource.resourceType}/${resource.id}`, resource);
  return records.map(({ submission: { id, feed } }, index) => {
    const receipt = outcomes[index]?.receipt;
    if (receipt === undefined || receipt.state === 'failed' || receipt.state === 'on-hold' || receipt.state === 'cancelled') {
      return { id, feed, elements: [], refused: true };
    }
    const written = (bySubmission.get(id) ?? []).map(({ resource }) => resource);
    const before = written.flatMap((resource) => stored.get(`${resource.resourceType}/${resource.id}`) ?? []);
    const elements = compareResults(asResult(before), asResult(written)).map(({ role, expression, change }) => ({
      ...{ reference: role, change },
      expression: expression.replace(/\[\d+\]/g, ''),
    }));
    return elements.length === 0 ? undefined : { id, feed, elements, refused: false };
  });
}

/** Version, time and maps are not what a resource says. */
const asResult = (resources: readonly Resource[]): MapResult => ({
  resources: resources.map((given) => {
    const { versionId: _version, lastUpdated: _time, tag: _tag, ...meta } = given.meta ?? {};
    const { meta: _, ...content } = given;
    const resource = JSON.parse(JSON.stringify({ ...content, ...(Object.keys(meta).length > 0 && { meta }) }));
    return { role: `${given.resourceType}/${given.id}`, item: '', resource };
  }),
  issues: [],
  unused: [],
});
