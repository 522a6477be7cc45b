import type { Reason } from '../errors/index.ts';
import type { Identity, PlatformId, Store } from '../store/port.ts';
import { SYNC_CONTEXT } from './attempt.ts';
import { createIdentityResolver, type IdentityHash, successorOf } from './identity.ts';
import { type Log, type Platform, silentLog } from './platform.ts';

export interface ResolveIdentitiesOptions {
  readonly store: Store;
  readonly platform: Platform;
  readonly hash: IdentityHash;
  /** Epoch ms. */
  readonly clock: () => number;
  /** Who was not found is looked up again after this. Default 6 hours. */
  readonly negativeMaxAgeMs?: number;
  /** Persons looked up at the same time per owner page. Default 8. */
  readonly concurrency?: number;
  readonly pageSize?: number;
  readonly signal?: AbortSignal;
  readonly log?: Log;
}

const IDENTITY_REASONS: ReadonlySet<Reason> = new Set<Reason>(['identity', 'practitioner-identity']);
const MAX_HELD = 10_000;

/** `skipped`: of an owner without credential, or one that could not be asked now. `released`: held deliveries that go on. */
export interface ResolveIdentitiesReport {
  readonly candidates: number;
  readonly asked: number;
  readonly found: number;
  readonly notFound: number;
  readonly skipped: number;
  readonly released: number;
}

/**
 * Looks up the numbers of all registered persons and practitioners that have none yet, so that a posyandu day starts with them known, and
 * lets go on what waited for them. A page is written at once; what was learnt before a stop stays.
 */
export async function resolveIdentities(options: ResolveIdentitiesOptions): Promise<ResolveIdentitiesReport> {
  const { store, platform, clock } = options;
  const { environment } = platform;
  const log = options.log ?? silentLog;
  const pageSize = options.pageSize ?? 200;
  const resolver = createIdentityResolver({
    store,
    platform,
    hash: options.hash,
    clock,
    negativeMaxAgeMs: options.negativeMaxAgeMs ?? 6 * 3_600_000,
  });
  const report = { candidates: 0, asked: 0, found: 0, notFound: 0, skipped: 0, released: 0 };
  const owners = new Map<string, string | null>();
  /** Owners that cannot be asked now: their persons wait for the next run. */
  const closed = new Set<string>();

  async function ownerOf(code: string | null): Promise<string | null> {
    if (code === null) {
      return null;
    }
    const known = owners.get(code);
    if (known !== undefined) {
      return known;
    }
    const [facility] = await store.facilities([code]);
    const owner = facility?.puskesmas ?? null;
    owners.set(code, owner);
    if (owner !== null && (await platform.account(owner)) === undefined) {
      closed.add(owner);
    }
    return owner;
  }

  /** Keys of deliveries held for a person, all of whose persons are known now. Others stay held: letting them go would only tell it again. */
  async function releasable(): Promise<readonly string[]> {
    const held = (await store.deliveries({ environment, states: ['on-hold'], limit: MAX_HELD })).filter(
      ({ reason }) => reason !== null && IDENTITY_REASONS.has(reason),
    );
    const keys: string[] = [];
    for (const delivery of held) {
      const resources = (await store.resources(SYNC_CONTEXT, delivery.resources)).map((row) => row.resource);
      const persons = platform.references(resources).filter((reference) => /^(Patient|Practitioner)\//.test(reference));
      const known = new Set((await store.platformIds(environment, persons)).map(({ reference }) => reference));
      // Who was replaced is in no register any more, so the pages above did not have them.
      const replaced = (
        await store.resources(
          SYNC_CONTEXT,
          persons.filter((reference) => !known.has(reference)),
        )
      ).filter(({ resource }) => successorOf(resource) !== undefined);
      if (replaced.length > 0 && !closed.has(delivery.owner) && !options.signal?.aborted) {
        const { ids, platformIds, identities, asked, trouble } = await resolver.resolve(
          delivery.owner,
          replaced.map(({ resource }) => resource),
        );
        report.asked += asked;
        if (platformIds.length + identities.length > 0) {
          await store.commit({ platformIds, identities });
        }
        if (trouble !== undefined) {
          closed.add(delivery.owner);
        }
        for (const reference of ids.keys()) {
          known.add(reference);
        }
      }
      if (known.size === persons.length) {
        keys.push(delivery.key);
      }
    }
    return keys;
  }

  let after: string | undefined;
  for (;;) {
    const page = await store.identityCandidates({ environment, limit: pageSize, ...(after !== undefined && { after }) });
    const last = page.at(-1);
    if (last === undefined || options.signal?.aborted) {
      break;
    }
    after = last.reference;
    report.candidates += page.length;
    const stored = new Map(
      (
        await store.resources(
          SYNC_CONTEXT,
          page.map((candidate) => candidate.reference),
        )
      ).map(({ resource }) => [`${resource.resourceType}/${resource.id}`, resource]),
    );
    const queue = [...page];
    const learnt: { platformIds: PlatformId[]; identities: Identity[] } = { platformIds: [], identities: [] };
    const worker = async (): Promise<void> => {
      for (let candidate = queue.shift(); candidate !== undefined; candidate = queue.shift()) {
        const owner = await ownerOf(candidate.facility);
        const resource = stored.get(candidate.reference);
        if (owner === null || resource === undefined || closed.has(owner) || options.signal?.aborted) {
          report.skipped += 1;
          continue;
        }
        const resolved = await resolver.resolve(owner, [resource]);
        report.asked += resolved.asked;
        report.found += resolved.ids.size;
        report.notFound += resolved.missing.length;
        learnt.platformIds.push(...resolved.platformIds);
        learnt.identities.push(...resolved.identities);
        if (resolved.trouble !== undefined) {
          report.skipped += 1;
          closed.add(owner);
          log.warn({ owner, outcome: resolved.trouble.kind }, 'identity.owner-skipped');
        }
      }
    };
    await Promise.all(Array.from({ length: options.concurrency ?? 8 }, worker));
    if (learnt.platformIds.length + learnt.identities.length > 0) {
      await store.commit({
        ...learnt,
        audits: [
          {
            at: new Date(clock()).toISOString(),
            client: SYNC_CONTEXT.client,
            action: 'identify',
            target: null,
            outcome: 'success',
            code: null,
            requestId: null,
            count: learnt.identities.length,
          },
        ],
      });
    }
    if (page.length < pageSize) {
      break;
    }
  }
  const keys = await releasable();
  if (keys.length > 0) {
    report.released = await store.releaseHeld({ environment, reasons: [...IDENTITY_REASONS], keys });
  }
  log.info(report, 'identity.resolved');
  return report;
}
