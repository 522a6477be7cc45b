import { AppError, issue } from '../errors/index.ts';
import type { Delivery, Fence, Store, StoredResource } from '../store/port.ts';
import type { Ahead } from './ahead.ts';
import { sendChanged } from './changes.ts';
import { CHANGING, CLOSING, isOvertaken, opened } from './episode.ts';
import { type IdentityResolver, successorOf } from './identity.ts';
import { ADOPTED, ADOPTED_WHOLE, createLedger, EARLIER_CONTENT, isRetracted, referenceOf, type Trace, UNKNOWN_CONTENT } from './ledger.ts';
import { type Outcome, refusalOf } from './outcome.ts';
import type { LocalResource, Platform, SendAnswer, Unit } from './platform.ts';
import { recover } from './recover.ts';
import { resolveReferences } from './references.ts';
import { createSending } from './sending.ts';

export type { Trace } from './ledger.ts';
export { SYNC_CONTEXT } from './references.ts';

export interface AttemptOptions {
  readonly store: Pick<Store, 'resources' | 'resourceVersion' | 'facilities' | 'markSent' | 'deliveries'>;
  /** What was read when the delivery was claimed. */
  readonly ahead: Ahead;
  readonly platform: Platform;
  readonly identity: IdentityResolver;
  /** Epoch ms. */
  readonly clock: () => number;
  /** Whether the lease is surely held still: asked just before a request leaves. */
  readonly mayGo?: () => boolean;
  /** When the database was put back from a backup, which may not know what was sent after it: epoch ms; undefined if it was not. */
  readonly restoredAt: () => Promise<number | undefined>;
  /** The database's time, epoch ms. */
  readonly databaseNow: () => Promise<number>;
}

/**
 * One try of a delivery: prepare, look up where something may be there already, send.
 *
 * @throws AppError `conflict` when the lease was lost before anything was sent, `store-unavailable`; anything else is a bug
 */
export async function attempt(options: AttemptOptions, delivery: Delivery, trace: Trace): Promise<Outcome> {
  const { store, platform, clock, identity, ahead } = options;
  const { environment } = platform;
  const fence: Fence = { deliveryId: delivery.id, token: delivery.token };
  trace.pending = delivery.sentAt !== null || delivery.reason === 'outcome-unknown';

  const account = await platform.account(delivery.owner);
  if (account === undefined) {
    return { kind: 'no-account' };
  }

  const opening = delivery.kind === 'episode' && ![CLOSING, CHANGING].some((start) => delivery.key.startsWith(start));
  const all = rowsOf(ahead, delivery).map((row) => (opening ? asOpened(row) : row));
  // What was entered in error is of no use to a platform that does not have it, and what it refers to need not be known there.
  const inError = all.filter(({ resource }) => isRetracted(resource)).map(({ resource }) => referenceOf(resource));
  const uncertain = inError.length > 0 && (trace.pending || (await options.restoredAt()) !== undefined);
  const retracted = uncertain ? [] : inError;
  const rows = all.filter(({ resource }) => !retracted.includes(referenceOf(resource)) || ahead.platformIds.has(referenceOf(resource)));
  if (rows.length === 0 || (!trace.pending && rows.every(({ resource }) => isOvertaken(delivery.key, resource)))) {
    return { kind: 'delivered' };
  }
  const resources = rows.map((row) => row.resource);
  const known = [...new Set([...delivery.resources, ...platform.references(resources)])].flatMap(
    (reference) => ahead.platformIds.get(reference) ?? [],
  );
  const given = known.find(({ reference }) => reference === delivery.resources[0])?.at;
  if (given === ADOPTED_WHOLE) {
    return { kind: 'delivered' };
  }
  const ledger = createLedger(environment, rows, known, new Date(clock()).toISOString(), trace);
  /** Nothing of the unit has changed since an earlier try marked what may be on the wire. */
  const vouched = delivery.sentAt === ledger.contentThere();

  const unresolved = await resolveReferences(options, account, resources, ledger, trace);
  if (unresolved !== undefined) {
    return unresolved;
  }

  const unitOf = (some: readonly LocalResource[]): Unit => ({
    owner: delivery.owner,
    resources: some,
    ids: ledger.ids,
    ...(options.mayGo && { mayGo: options.mayGo }),
  });
  const send = async (work: () => Promise<SendAnswer>): Promise<SendAnswer> => {
    // From here on a crash leaves a mark: this content may be on the platform.
    await store.markSent(fence, ledger.contentThere());
    trace.sent = true;
    trace.pending = true;
    const answer = await work();
    trace.pending = answer.kind === 'unknown';
    return answer;
  };
  const sending = createSending({ platform, ledger, trace, send, unitOf, resources, vouched });

  const outcome = (await lookFirst()) ?? (await sendAll()) ?? { kind: 'delivered' };
  if ((outcome.kind === 'lost-reference' || outcome.kind === 'gone') && (platform.readLagMs ?? 0) > 0) {
    // What was written a moment ago may not be visible yet.
    return { kind: 'dependency', issues: 'issues' in outcome ? outcome.issues : [issue('reference-lost', { type: 'id' })] };
  }
  return outcome;

  async function sendAll(): Promise<Outcome | undefined> {
    if (resources.every(ledger.isMissing)) {
      const wanted = resources.filter((resource) => !isRetracted(resource));
      const contentOf = delivery.kind === 'encounter' ? (delivery.sentAt ?? UNKNOWN_CONTENT) : undefined;
      const answer = wanted.length === 0 ? undefined : await sending.whole(wanted, contentOf);
      if (wanted.length === 0 || answer !== undefined) {
        return answer;
      }
    }
    const missing = await sending.missing();
    // What has become of an episode since is told by a delivery of its own.
    return missing ?? (opening ? undefined : await sendChanged({ store, platform, ledger, trace, send, unitOf }, rows));
  }

  /** Takes over what is there already, where something may be; an outcome if that cannot be told, or must wait. */
  async function lookFirst(): Promise<Outcome | undefined> {
    const isMissing = (): boolean => resources.some(ledger.isMissing);
    if (!trace.pending && !isMissing()) {
      return undefined;
    }
    const restoredAt = await options.restoredAt();
    const restored = restoredAt !== undefined;
    if (!trace.pending && delivery.kind === 'encounter' && !restored && given !== ADOPTED) {
      return undefined;
    }
    const known = trace.pending ? undefined : await lookUpByNik();
    if (known !== undefined || !isMissing()) {
      return known;
    }
    if (!trace.pending && !restored && given !== ADOPTED) {
      // A unit may have been registered by hand, or in an earlier life of this database.
      const found = await platform.find(unitOf(resources));
      if (found.kind !== 'found') {
        return found;
      }
      ledger.adopt(found.placed);
      return undefined;
    }
    const waitMs = await waitToProve(restoredAt);
    const looked = await recover(platform, unitOf(resources));
    if (looked.kind !== 'looked') {
      return looked;
    }
    const whole = resources.every(ledger.isMissing);
    sending.takeOver(looked, trace.pending || delivery.kind === 'encounter' ? (delivery.sentAt ?? UNKNOWN_CONTENT) : undefined);
    // Of what was entered in error too: taken for absent while it is merely not visible yet, it would stay valid there.
    if (waitMs > 0 && (isMissing() || rows.some(ledger.isChanged))) {
      return { kind: 'too-early', waitMs };
    }
    const blind = sending.blind(looked);
    if (blind !== undefined) {
      return blind;
    }
    const refusal = whole && looked.placed.length === 0 && vouched ? refusalOf(delivery.issues) : undefined;
    trace.pending = false;
    return refusal;
  }

  /** A newborn whose NIK came before it was sent: the platform may know the child by that, and is not told of another one. */
  async function lookUpByNik(): Promise<Outcome | undefined> {
    const newborns = resources.filter((resource) => ledger.isMissing(resource) && successorOf(resource) !== undefined);
    if (newborns.length === 0) {
      return undefined;
    }
    const { ids, identities, trouble } = await identity.resolve(delivery.owner, newborns);
    trace.identities.push(...identities);
    ledger.adopt([...ids].map(([reference, platformId]) => ({ reference, platformId, platformVersion: null })));
    return trouble;
  }

  /** How long until a look-up can prove that what is on the wire since the mark, or since before the database was put back, is not there. */
  async function waitToProve(restoredAt: number | undefined): Promise<number> {
    const lag = platform.readLagMs ?? 0;
    const marked = trace.pending && delivery.markedAt ? Date.parse(delivery.markedAt) : undefined;
    const since = Math.max(marked ?? Number.NEGATIVE_INFINITY, restoredAt ?? Number.NEGATIVE_INFINITY);
    return lag === 0 || since === Number.NEGATIVE_INFINITY ? 0 : since + lag - (await options.databaseNow());
  }
}

function rowsOf({ rows }: Ahead, delivery: Delivery): readonly StoredResource[] {
  return delivery.resources.map((reference) => {
    const row = rows.get(reference);
    if (row === undefined) {
      // Resources and delivery are written in one transaction, so this cannot be.
      throw new AppError('internal');
    }
    return row;
  });
}

/** What an episode is opened with may be less than what is stored; the rest follows with its end. */
function asOpened(row: StoredResource): StoredResource {
  const resource = opened(row.resource);
  return resource === row.resource ? row : { ...row, resource, lastUpdated: EARLIER_CONTENT };
}
