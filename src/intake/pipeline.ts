import type { Bundle, BundleEntry } from '@medplum/fhirtypes';
import { AppError } from '../errors/index.ts';
import type { Submission } from '../store/port.ts';
import { processBatch } from './batch.ts';
import { createBatcher } from './batcher.ts';
import { type Accepted, contextOf, type DryRun, type Intake, type IntakeRequest } from './intake.ts';
import { parseJsonText } from './json-limits.ts';
import type { RawRecord } from './raw-record.ts';
import { remap } from './remap.ts';
import { heldByIdentity, heldVisitsOf, inOrder, itemOf, type Reprocessed } from './reprocess.ts';
import { findForbidden } from './rights.ts';
import type { BatchItem, BatchOptions, Pending } from './types.ts';

/** What records are judged and mapped by: all of it is of one version. */
export type IntakeEngines = Pick<
  BatchOptions,
  'normaliser' | 'contracts' | 'contexts' | 'catalogue' | 'mapper' | 'validator' | 'rules' | 'mapVersion' | 'preflight'
>;

export interface IntakeOptions extends BatchOptions {
  /** Instant now, UTC with milliseconds. */
  readonly now: () => string;
  /** Told when deliveries may have been added, so that a worker need not wait for its next look. */
  readonly onStored?: () => void;
  /** Records in one commit. Default 100. */
  readonly groupSize?: number;
  readonly jsonDepth?: number;
  /** Told of what went wrong where nobody waits for an answer. */
  readonly onFault?: (error: unknown) => void;
}

/**
 * The way of a record from its bytes to the disk. All records of this process go through one queue in groups, so that one commit
 * serves many senders and two versions of one record never overtake each other here; other processes are met as `conflict`.
 */
export function createIntake(options: IntakeOptions): Intake {
  const { store, now } = options;
  /** What is in force. A group takes it along when it begins and ends with it, so that no group is of two versions. */
  let current: BatchOptions = options;
  let draining = false;
  const releasing = new Set<Promise<void>>();
  const batcher = createBatcher<BatchItem, Done>(beginGroup, { limit: options.groupSize ?? 100 });
  /** What the group that is being written brings. */
  let pending: Pending | undefined;
  /** Counts what went otherwise than a group that began meanwhile has seen it: that one must begin again. */
  let restarts = 0;

  /** Works on a group while the one before is being written; the answer writes it. */
  async function beginGroup(items: readonly BatchItem[]): Promise<() => Promise<readonly (Done | Error)[]>> {
    const seen = restarts;
    const by = current;
    const result = await processBatch(by, items, now(), { pending });
    await store.prepare(result.changes);
    return () => finishGroup(by, items, restarts === seen ? result : undefined);
  }

  async function finishGroup(
    by: BatchOptions,
    items: readonly BatchItem[],
    begun: Processed | undefined,
  ): Promise<readonly (Done | Error)[]> {
    try {
      return await storeOnce(by, items, begun);
    } catch (error) {
      if (!isConflict(error)) throw error;
    }
    // Another process wrote one of these records in between: what it wrote is read now.
    try {
      return await storeOnce(by, items);
    } catch (error) {
      if (!isConflict(error)) throw error;
    }
    const answers: (Done | Error)[] = [];
    for (const item of items) answers.push(...(await storeAlone(by, item).catch((error: Error) => [error])));
    return answers;
  }

  /** Several processes may add to one person again and again: each try reads what is there by then. */
  async function storeAlone(by: BatchOptions, item: BatchItem, tries = 3): Promise<readonly Done[]> {
    try {
      return await storeOnce(by, [item]);
    } catch (error) {
      if (tries <= 1 || !isConflict(error)) throw error;
      return storeAlone(by, item, tries - 1);
    }
  }

  async function storeOnce(by: BatchOptions, items: readonly BatchItem[], begun?: Processed): Promise<readonly Done[]> {
    const processed = begun ?? (await processBatch(by, items, now()));
    const { outcomes, changes } = processed;
    // Whoever began while this was worked on again has not seen it.
    if (!begun) restarts++;
    pending = processed.pending;
    try {
      await store.commit(changes);
    } catch (error) {
      restarts++;
      throw error;
    } finally {
      pending = undefined;
    }
    if ((changes.deliveries?.length ?? 0) > 0) options.onStored?.();
    if (processed.mended.size > 0) letGo(processed.mended);
    return outcomes.map(({ receipt, repeated, moved }) => ({ receipt, repeated, ...(moved && { moved }) }));
  }

  /** What waited for people who were mended just now. If the process ends before, the next look at all that is held does it. */
  function letGo(mended: ReadonlyMap<string, boolean>): void {
    const work = (async () => {
      for (const anyway of [false, true]) {
        const people = [...mended].flatMap(([reference, otherwise]) => (otherwise === anyway ? reference : []));
        const held = people.length > 0 ? await heldVisitsOf(store, people) : [];
        for (let start = 0; start < held.length && !draining; start += 100) await reprocess(held.slice(start, start + 100), { anyway });
      }
    })().catch((error: unknown) => options.onFault?.(error));
    releasing.add(work);
    void work.then(() => releasing.delete(work));
  }

  async function reprocess(
    submissions: readonly Submission[],
    { dryRun = false, anyway = true, standing = false } = {},
  ): Promise<readonly Reprocessed[]> {
    if (draining) throw new AppError('busy');
    const items = new Map<Submission, BatchItem | undefined>();
    for (const submission of inOrder(submissions)) items.set(submission, await itemOf(store, submission, anyway, standing));
    const readable = [...items.values()].filter((item) => item !== undefined);
    const answers: readonly Done[] = dryRun
      ? (await processBatch(current, readable, now(), { anew: true })).outcomes.map(({ receipt }) => ({
          receipt,
          repeated: false,
        }))
      : await batcher.submitAll(readable);
    const byItem = new Map(readable.map((item, index) => [item, answers[index] as Done]));
    return [...items].map(([{ id, state, reason, issues }, item]): Reprocessed => {
      const done = item && byItem.get(item);
      if (!done) return { id, outcome: 'unreadable', state, reason, issues };
      const { receipt } = done;
      const stays = done.repeated || receipt.id === null || receipt.state === 'failed' || receipt.state === 'on-hold';
      const outcome = done.moved ? 'moved' : stays ? 'unchanged' : 'applied';
      return { id, outcome, state: receipt.state, reason: receipt.reason, issues: receipt.issues };
    });
  }

  function accept(request: IntakeRequest, records: readonly RawRecord[]): Promise<readonly Accepted[]> {
    if (draining) return Promise.reject(new AppError('busy'));
    return batcher.submitAll(records.map((raw) => ({ request, raw })));
  }

  return {
    accept,
    use(engines) {
      current = { ...current, ...engines };
    },
    preflight: (resources, issues) => current.preflight(resources, issues),
    forbidden: (request, records) =>
      findForbidden(
        current,
        records.map((raw) => ({ request, raw })),
        now(),
      ),
    async dryRun(request, records): Promise<readonly DryRun[]> {
      const by = current;
      const { outcomes } = await processBatch(
        by,
        records.map((raw) => ({ request, raw })),
        now(),
        { anew: true },
      );
      return outcomes.map(({ receipt: { id: _, version: __, ...verdict }, resources }) => ({
        verdict,
        preflight: by.preflight(
          resources.map(({ resource }) => resource),
          verdict.issues,
        ),
        bundle: {
          resourceType: 'Bundle',
          type: 'collection',
          ...(resources.length > 0 && {
            entry: resources.map(({ resource }): BundleEntry => ({ fullUrl: `urn:uuid:${resource.id}`, resource })),
          }),
        } satisfies Bundle,
      }));
    },
    async validateSubmission({ client, requestId }, id, validatedBy) {
      const context = contextOf(client, 'intake', requestId);
      const [submission] = await store.submissionsById(context, [id]);
      const payload = submission && (await store.submissionPayload(context, id, submission.version));
      if (!submission || payload === undefined) throw new AppError('not-found');
      if (submission.feed !== 'village-observations' || payload.startsWith('base64:') || payload.startsWith('sha256:')) {
        throw new AppError('parameter', { name: 'id', expected: 'a village observation that was received whole' });
      }
      const value = parseJsonText(payload, options.jsonDepth ?? 64) as Record<string, unknown>;
      const validated = withValidation(value, validatedBy.nik, now(), submission);
      // Who validates need not be a sender: the right to the facility is what counts.
      const validating = { ...client, sourceSystems: 'all' as const };
      const request: IntakeRequest = {
        feed: submission.feed,
        client: validating,
        strict: false,
        ...(requestId !== undefined && { requestId }),
      };
      const [answer] = await accept(request, [
        { line: 1, payload: JSON.stringify(validated), value: validated, contentHash: submission.contentHash },
      ]);
      if (!answer) throw new AppError('internal');
      return answer.receipt;
    },
    reprocess,
    remap: (wanted) => remap(current, now, (submissions) => reprocess(submissions, { standing: true }), wanted),
    async lookAtHeld(signal) {
      const counts = { held: 0, released: 0 };
      for await (const page of heldByIdentity(store)) {
        if (draining || signal?.aborted) break;
        const results = await reprocess(page, { anyway: false });
        counts.held += results.length;
        counts.released += results.filter(({ outcome }) => outcome === 'applied').length;
      }
      return counts;
    },
    get waiting() {
      return batcher.waiting;
    },
    async drain() {
      draining = true;
      await Promise.all(releasing);
      await batcher.idle();
    },
  };
}

type Done = Accepted & { readonly moved?: boolean };
type Processed = Awaited<ReturnType<typeof processBatch>>;

const isConflict = (error: unknown): boolean => error instanceof AppError && error.code === 'conflict';

/** The payload with the validation added, in the names of its own contract. The source system is written out, as the client that validates may be another. */
function withValidation(value: Record<string, unknown>, nik: string, at: string, submission: Submission): Record<string, unknown> {
  const flat = 'source_id' in value && !('sourceId' in value);
  return flat
    ? { ...value, source_system: submission.sourceSystem, validated_by_nik: nik, validated_at: at }
    : { ...value, sourceSystem: submission.sourceSystem, validatedBy: { nik }, validatedAt: at };
}
