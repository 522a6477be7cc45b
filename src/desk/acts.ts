import type { Issue, Reason, State } from '../errors/index.ts';
import { AppError } from '../errors/index.ts';
import { inOrder, isStopped, type Reprocessed } from '../intake/index.ts';
import type {
  AccessContext,
  Decision,
  Delivery,
  DeliveryAct,
  DeliveryActResult,
  DeliverySelection,
  LeftReason,
  Store,
  Submission,
} from '../store/index.ts';
import type { DeskOptions } from './desk.ts';
import { recordsOf, stoppedAtIntake } from './records.ts';
import { forDeliveries, namedRecords, recordKey, type Selection } from './selection.ts';

export interface ActRequest {
  /** Id of the client, or `cli:<user of the machine>`. */
  readonly actor: string;
  /** Why, in a few words that name nobody. */
  readonly note?: string;
  /** Tells what would become of each, and changes nothing. */
  readonly dryRun?: boolean;
  readonly requestId?: string;
}

export interface FixOptions {
  readonly onProgress?: (done: number, total: number) => void;
  /** More than this is refused before anything is done. */
  readonly limit?: number;
}

/**
 * Why one was left: what the store says; `not-found`, nothing of that name (or nothing that may be seen); `no-record`, no record of a
 * source is behind it, so it can only be sent again; `unreadable`, its payload was not kept as text; `moved`, it changed meanwhile.
 */
export type WhyLeft = LeftReason | 'not-found' | 'no-record' | 'unreadable' | 'moved';

export interface Left {
  readonly key: string;
  readonly state: State | null;
  readonly why: WhyLeft;
  readonly reason?: Reason | null;
  readonly issues?: readonly Issue[];
}

/** `selected` is `released` and `left` together. */
export interface ActResult {
  readonly selected: number;
  readonly released: number;
  readonly left: readonly Left[];
  readonly dryRun: boolean;
}

const STOPPED_STATES: readonly State[] = ['failed', 'on-hold'];
const PAGE = 500;

/** One that is named is accounted for in whatever state it is; else only those that stopped are meant. */
const withStates = (selection: Selection): Selection =>
  selection.states || selection.keys || selection.submission !== undefined ? selection : { ...selection, states: STOPPED_STATES };

export const retry = (options: DeskOptions, context: AccessContext, selection: Selection, act: ActRequest): Promise<ActResult> =>
  byStore(options, context, selection, act, 'retry', (wanted, written) => options.store.retryDeliveries(context, wanted, written));

export const cancel = (options: DeskOptions, context: AccessContext, selection: Selection, act: ActRequest): Promise<ActResult> =>
  byStore(options, context, selection, act, 'cancel', (wanted, written) => options.store.cancelDeliveries(context, wanted, written));

export const decide = (
  options: DeskOptions,
  context: AccessContext,
  selection: Selection,
  act: ActRequest,
  decision: Decision,
): Promise<ActResult> =>
  byStore(options, context, selection, act, decision, (wanted, written) =>
    options.store.decideDeliveries(context, wanted, written, decision),
  );

async function byStore(
  options: DeskOptions,
  context: AccessContext,
  given: Selection,
  act: ActRequest,
  name: 'retry' | 'cancel' | Decision,
  work: (wanted: DeliverySelection, written: DeliveryAct) => Promise<DeliveryActResult>,
): Promise<ActResult> {
  const { store, environment, now } = options;
  const selection = withStates(given);
  const wanted = forDeliveries(selection, environment);
  const { actor, note, dryRun = false } = act;
  const written = { actor, at: now(), dryRun, ...(note !== undefined && { note }) };
  const result = wanted ? await work(wanted, written) : { selected: 0, released: 0, left: [] };
  // A record that nothing was planned for can neither be sent nor kept from it.
  const records = await namedStopped(store, context, selection);
  const left: Left[] = [...result.left, ...records.map(({ id, state }) => ({ key: recordKey(id), state, why: 'needs-mending' as const }))];
  left.push(...(await unknownKeys(store, context, environment, selection)));
  if (!dryRun && result.released > 0 && name !== 'cancel') options.onReleased?.();
  if (!dryRun) await audited(options, act, name, result.released, left.length);
  return { selected: result.released + left.length, released: result.released, left, dryRun };
}

async function namedStopped(store: Store, context: AccessContext, selection: Selection): Promise<readonly Submission[]> {
  const ids = namedRecords(selection);
  if (!ids || ids.length === 0) return [];
  return (await store.submissionsById(context, ids)).filter(stoppedAtIntake);
}

/** Keys that name nothing the context may see. */
async function unknownKeys(store: Store, context: AccessContext, environment: string, { keys }: Selection): Promise<readonly Left[]> {
  if (!keys) return [];
  const found = new Set<string>();
  const own = keys.filter((key) => !key.startsWith('record:'));
  if (own.length > 0) {
    const { deliveries } = await store.deliveryPage(context, { environment, keys: own }, { limit: own.length });
    for (const { key } of deliveries) found.add(key);
  }
  const ids = keys.filter((key) => key.startsWith('record:')).map((key) => key.slice('record:'.length));
  if (ids.length > 0) for (const submission of await store.submissionsById(context, ids)) found.add(recordKey(submission.id));
  return keys.filter((key) => !found.has(key)).map((key) => ({ key, state: null, why: 'not-found' as const }));
}

/** A delivery or a record that was selected, and the record that has to be taken through again. */
interface Chosen {
  readonly key: string;
  readonly state: State;
  readonly submission: string | null;
  readonly delivery?: Delivery;
}

export async function fix(
  options: DeskOptions,
  context: AccessContext,
  given: Selection,
  act: ActRequest,
  { onProgress, limit }: FixOptions,
): Promise<ActResult> {
  const { store, environment, reprocess } = options;
  if (!reprocess) throw new AppError('internal');
  const { dryRun = false } = act;
  const selection = withStates(given);
  const chosen = await choose(options, context, selection, limit);
  const left: Left[] = [...(await unknownKeys(store, context, environment, selection))];
  const bySubmission = Map.groupBy(
    chosen.filter(({ submission }) => submission !== null),
    ({ submission }) => submission as string,
  );
  for (const { key, state, submission } of chosen) if (submission === null) left.push({ key, state, why: leftWhy(state, 'no-record') });

  const ids = [...bySubmission.keys()];
  const records: Submission[] = [];
  for (let start = 0; start < ids.length; start += PAGE)
    records.push(...(await store.submissionsById(context, ids.slice(start, start + PAGE))));
  const seen = new Set(records.map(({ id }) => id));
  for (const id of ids.filter((each) => !seen.has(each)))
    for (const { key, state } of bySubmission.get(id) ?? []) left.push({ key, state, why: 'moved' });

  const work: Submission[] = [];
  for (const record of records) {
    if (isStopped(record)) work.push(record);
    else for (const { key, state } of bySubmission.get(record.id) ?? []) left.push({ key, state, why: leftWhy(state, 'moved') });
  }
  // Registers before what refers to them, over all pages.
  const order = inOrder(work);
  let released = 0;
  let done = 0;
  onProgress?.(0, order.length);
  for (let start = 0; start < order.length; start += 100) {
    const page = order.slice(start, start + 100);
    const members = page.flatMap(({ id }) => bySubmission.get(id) ?? []);
    if (!dryRun)
      await tellFix(
        options,
        act,
        members.flatMap(({ delivery }) => delivery?.key ?? []),
      );
    const results = await reprocess(page, { dryRun });
    const without: string[] = [];
    for (const result of results) {
      const selected = bySubmission.get(result.id) ?? [];
      if (result.outcome === 'applied') {
        released += selected.length;
        if (selected.every(({ delivery }) => !delivery)) without.push(result.id);
      } else for (const { key } of selected) left.push(leftOf(key, result));
    }
    if (!dryRun) await tellFix(options, act, await plannedKeys(store, environment, without));
    done += page.length;
    onProgress?.(done, order.length);
  }
  if (!dryRun) await audited(options, act, 'fix', released, left.length);
  return { selected: released + left.length, released, left, dryRun };
}

const leftOf = (key: string, { outcome, state, reason, issues }: Reprocessed): Left => ({
  key,
  state,
  why: outcome === 'unreadable' ? 'unreadable' : outcome === 'moved' ? 'moved' : 'needs-mending',
  reason,
  issues,
});

/** A state that nothing can be done about says more than what is missing. */
const leftWhy = (state: State, otherwise: WhyLeft): WhyLeft =>
  state === 'in-progress' || state === 'completed' || state === 'cancelled' ? state : otherwise;

async function choose(
  { store, environment }: DeskOptions,
  context: AccessContext,
  selection: Selection,
  limit = Number.POSITIVE_INFINITY,
): Promise<readonly Chosen[]> {
  const chosen: Chosen[] = [];
  const add = (more: readonly Chosen[]) => {
    chosen.push(...more);
    if (chosen.length > limit)
      throw new AppError('parameter', {
        name: 'body',
        expected: { id: `paling banyak ${limit} sekaligus`, en: `at most ${limit} at once` },
      });
  };
  const wanted = forDeliveries(selection, environment);
  const told = new Set<string>();
  for (let after: number | undefined; wanted; ) {
    const page = await store.deliveryPage(context, wanted, { limit: PAGE, ...(after !== undefined && { after }) });
    add(page.deliveries.map((delivery) => ({ key: delivery.key, state: delivery.state, submission: delivery.submission, delivery })));
    for (const { submission } of page.deliveries) if (submission !== null) told.add(submission);
    after = page.next;
    if (after === undefined) break;
  }
  for await (const page of recordsOf(store, context, selection)) {
    add(page.filter(({ id }) => !told.has(id)).map(({ id, state }) => ({ key: recordKey(id), state, submission: id })));
  }
  return chosen;
}

async function plannedKeys(store: Store, environment: string, submissions: readonly string[]): Promise<readonly string[]> {
  const keys: string[] = [];
  for (const submissionId of submissions) for (const { key } of await store.deliveries({ environment, submissionId })) keys.push(key);
  return keys;
}

/** Says in the trail of each who had its record taken through again; what became of it is told after that. */
async function tellFix({ store, environment, now }: DeskOptions, { actor, note }: ActRequest, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return;
  const at = now();
  await store.commit({
    deliveryEvents: keys.map((key) => ({ environment, key, action: 'fix', actor, at, ...(note !== undefined && { note }) })),
  });
}

async function audited(
  { store, now }: DeskOptions,
  { actor, requestId }: ActRequest,
  name: string,
  released: number,
  left: number,
): Promise<void> {
  const row = { at: now(), client: actor, action: `deliveries-${name}`, target: 'deliveries', code: null, requestId: requestId ?? null };
  await store.commit({
    audits: [
      { ...row, outcome: 'success' as const, count: released },
      ...(left > 0 ? [{ ...row, outcome: 'refused' as const, count: left }] : []),
    ],
  });
}
