import { AppError, issue } from '../errors/index.ts';
import type { Delivery, Fence, Store, StoredResource } from '../store/port.ts';
import { sendChanged } from './changes.ts';
import { CHANGING, CLOSING, isOvertaken, opened } from './episode.ts';
import { type IdentityResolver, successorOf } from './identity.ts';
import { ADOPTED, ADOPTED_WHOLE, createLedger, EARLIER_CONTENT, isRetracted, referenceOf, type Trace, UNKNOWN_CONTENT } from './ledger.ts';
import { type Outcome, refusalOf } from './outcome.ts';
import type { LocalResource, Platform, SendAnswer, Unit } from './platform.ts';
import { recover } from './recover.ts';
import { resolveReferences, SYNC_CONTEXT } from './references.ts';
import { createSending } from './sending.ts';

export type { Trace } from './ledger.ts';
export { SYNC_CONTEXT } from './references.ts';

export interface AttemptOptions {
  readonly store: Pick<Store, 'resources' | 'resourceVersion' | 'platformIds' | 'facilities' | 'markSent' | 'deliveries'>;
  readonly platform: Platform;
  readonly identity: IdentityResolver;
  /** Epoch ms. */
  readonly clock: () => number;
  /** The database's time, and whether it is a restored backup, which may not know what was sent after it. */
  /** Whether the lease is surely held still: asked just before a request leaves. */
  readonly mayGo?: () => boolean;
  readonly present: () => Promise<{ readonly nowMs: number; readonly restored: boolean }>;
}

/**
 * One try of a delivery: prepare, look up where something may be there already, send.
 *
 * @throws AppError `conflict` when the lease was lost before anything was sent, `store-unavailable`; anything else is a bug
 */
export async function attempt(options: AttemptOptions, delivery: Delivery, trace: Trace): Promise<Outcome> {
  const { store, platform, clock, identity } = options;
  const { environment } = platform;
  const fence: Fence = { deliveryId: delivery.id, token: delivery.token };
  trace.pending = delivery.sentAt !== null || delivery.reason === 'outcome-unknown';

  const account = await platform.account(delivery.owner);
  if (account === undefined) {
    return { kind: 'no-account' };
  }

  const opening = delivery.kind === 'episode' && ![CLOSING, CHANGING].some((start) => delivery.key.startsWith(start));
  const all = (await load(store, delivery)).map((row) => (opening ? asOpened(row) : row));
  // What was entered in error is of no use to a platform that does not have it, and what it refers to need not be known there.
  const inError = all.filter(({ resource }) => isRetracted(resource)).map(({ resource }) => referenceOf(resource));
  const uncertain = inError.length > 0 && (trace.pending || (await options.present()).restored);
  const retracted = uncertain ? [] : inError;
  const there = new Set(retracted.length === 0 ? [] : (await store.platformIds(environment, retracted)).map(({ reference }) => reference));
  const rows = all.filter(({ resource }) => !retracted.includes(referenceOf(resource)) || there.has(referenceOf(resource)));
  if (rows.length === 0 || (!trace.pending && rows.every(({ resource }) => isOvertaken(delivery.key, resource)))) {
    return { kind: 'delivered' };
  }
  const resources = rows.map((row) => row.resource);
  const known = await store.platformIds(environment, [...delivery.resources, ...platform.references(resources)]);
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
    const { nowMs, restored } = await options.present();
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
    const looked = await recover(platform, unitOf(resources));
    if (looked.kind !== 'looked') {
      return looked;
    }
    const whole = resources.every(ledger.isMissing);
    sending.takeOver(looked, trace.pending || delivery.kind === 'encounter' ? (delivery.sentAt ?? UNKNOWN_CONTENT) : undefined);
    const left = resources.filter((resource) => ledger.isMissing(resource) && !isRetracted(resource));
    const waitMs = trace.pending ? waitToProve(nowMs) : 0;
    if (waitMs > 0 && (left.length > 0 || rows.some(ledger.isChanged))) {
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

  /** How long until a look-up can prove that what is on the wire since the mark is not there. */
  function waitToProve(nowMs: number): number {
    const lag = platform.readLagMs ?? 0;
    return lag === 0 || !delivery.markedAt ? 0 : Date.parse(delivery.markedAt) + lag - nowMs;
  }
}

async function load(store: Pick<Store, 'resources'>, delivery: Delivery): Promise<readonly StoredResource[]> {
  const stored = new Map((await store.resources(SYNC_CONTEXT, delivery.resources)).map((row) => [referenceOf(row.resource), row]));
  return delivery.resources.map((reference) => {
    const row = stored.get(reference);
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
