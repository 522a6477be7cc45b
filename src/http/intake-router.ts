import { type Request, type Response, Router } from 'express';
import type { Logger } from 'pino';
import { AppError, type ErrorCode, REASONS, type Reason, STATES, type State } from '../errors/index.ts';
import { type Accepted, contextOf, type Intake, type IntakeRequest, type RawRecord, type ReaderLimits } from '../intake/index.ts';
import { type Client, FEEDS, type Feed, type Store, type Submission } from '../store/port.ts';
import type { AuditLog } from './audit-log.ts';
import { checkScope } from './auth.ts';
import { openBody } from './body.ts';
import { deliveryView, reasonText } from './delivery-view.ts';
import { describeFault, discardRest, methodNotAllowed } from './error-handler.ts';
import type { Metrics } from './metrics.ts';
import { createReceiptWriter } from './receipt-writer.ts';
import { clientOf, stateOf } from './request-state.ts';

/** Records handed to intake at a time: one group, one commit. */
const GROUP = 100;

export interface IntakeRouterOptions {
  readonly store: Store;
  readonly intake: Intake;
  readonly audit: AuditLog;
  readonly metrics: Metrics;
  readonly limits: ReaderLimits;
  readonly environment: string;
  readonly logger: Logger;
  /** Waits before a group of records is taken, while too much waits already. */
  readonly pressure?: () => Promise<void>;
}

/** `/api/v1`: the doors for records, and what became of them. */
export function createIntakeRouter(options: IntakeRouterOptions): Router {
  const { store, intake, audit } = options;
  const router = Router({ caseSensitive: true });

  for (const feed of FEEDS) {
    router
      .route(`/${feed}`)
      .post(async (request, response) => {
        const client = clientOf(request);
        checkScope(client, 'intake:write');
        await receive(options, feed, client, request, response);
      })
      .all(methodNotAllowed('POST'));
  }

  router
    .route('/submissions')
    .get(async (request, response) => {
      const client = clientOf(request);
      checkScope(client, 'intake:read');
      const limit = integer(request, 'limit', 1, 1000) ?? 100;
      const facility = text(request, 'facility');
      if (facility !== undefined && client.facilities !== 'all' && !client.facilities.includes(facility)) {
        throw new AppError('forbidden-facility');
      }
      const feed = choice<Feed>(request, 'feed', FEEDS);
      const state = choice<State>(request, 'state', STATES);
      const reason = reasonOf(request);
      const after = integer(request, 'after', 0, Number.MAX_SAFE_INTEGER);
      const submissions = await store.submissionFeed(context(request), {
        limit,
        ...(after !== undefined && { after }),
        ...(facility !== undefined && { facility }),
        ...(feed && { feed }),
        ...(state && { state }),
        ...(reason && { reason }),
      });
      await read(request, 'submissions', submissions.length);
      // The cursor is given on an empty page too: a follower asks again with it.
      response.json({ submissions: submissions.map(summary), next: submissions.at(-1)?.seq ?? after ?? 0 });
    })
    .all(methodNotAllowed('GET'));

  router
    .route('/submissions/:id')
    .get(async (request, response) => {
      checkScope(clientOf(request), 'intake:read');
      const id = idOf(request);
      const [submission] = await store.submissionsById(context(request), [id]);
      if (!submission) throw new AppError('not-found');
      await read(request, `Submission/${id}`, 1);
      response.json(await story(options, request, submission));
    })
    .all(methodNotAllowed('GET'));

  router
    .route('/submissions/:id/validate')
    .post(async (request, response) => {
      const client = clientOf(request);
      checkScope(client, 'intake:validate');
      const id = idOf(request);
      const body = await openBody(request, 'encounters', { ...options.limits, jsonBytes: 10_240 });
      if (body.kind !== 'whole' || body.records.length !== 1)
        throw new AppError('parameter', { name: 'body', expected: '{"validatedBy":{"nik":"…"}}' });
      const validatedBy = body.records[0]?.value.validatedBy as { nik?: unknown } | null | undefined;
      if (typeof validatedBy?.nik !== 'string' || !/^\d{16}$/.test(validatedBy.nik)) {
        throw new AppError('parameter', { name: 'validatedBy.nik', expected: { id: '16 angka', en: '16 digits' } });
      }
      const receipt = await intake.validateSubmission({ client, requestId: stateOf(request).id }, id, { nik: validatedBy.nik });
      response.status(receipt.state === 'failed' ? 422 : 200).json(receipt);
    })
    .all(methodNotAllowed('POST'));

  const context = (request: Request) => contextOf(clientOf(request), 'intake', stateOf(request).id);
  const read = (request: Request, target: string, count: number) =>
    audit.note({
      client: clientOf(request).id,
      action: 'read',
      target,
      outcome: 'success',
      code: null,
      requestId: stateOf(request).id,
      count,
    });

  return router;
}

async function receive(options: IntakeRouterOptions, feed: Feed, client: Client, request: Request, response: Response): Promise<void> {
  const { intake, metrics, logger } = options;
  const requestId = stateOf(request).id;
  const dryRun = flag(request, 'dryRun');
  const intakeRequest: IntakeRequest = { feed, client, strict: flag(request, 'strict'), requestId };
  const body = await openBody(request, feed, options.limits);

  if (body.kind === 'whole') {
    const issue = await intake.forbidden(intakeRequest, body.records);
    if (issue) throw new AppError(issue.code as ErrorCode, {}, { issues: [issue] });
  }
  if (dryRun) {
    const results: unknown[] = [];
    let accepted = 0;
    for await (const group of grouped(body.records)) {
      for (const result of await intake.dryRun(intakeRequest, group)) {
        if (result.verdict.state !== 'failed') accepted++;
        results.push(result);
        if (results.length > 1000)
          throw new AppError('parameter', { name: 'dryRun', expected: { id: '≤ 1000 data', en: '≤ 1000 records' } });
      }
    }
    if (results.length === 0) throw new AppError('empty-body');
    response.status(accepted > 0 ? 200 : 422).json({ results });
    return;
  }

  const writer = createReceiptWriter(response);
  const give = async (answers: readonly Accepted[]) => {
    for (const { receipt, repeated } of answers) metrics.receipt(feed, receipt.state, receipt.reason, repeated);
    await writer.write(answers);
  };
  try {
    // The next group is read and queued while the one before is being stored.
    let before: Promise<readonly Accepted[]> | undefined;
    try {
      for await (const group of grouped(body.records)) {
        await options.pressure?.();
        const current = intake.accept(intakeRequest, group);
        current.catch(() => {});
        if (before) await give(await before);
        before = current;
        if (writer.full) {
          // Already being stored: its receipts are due, and it may hold the first good one.
          before = undefined;
          await give(await current);
          if (writer.full) throw new AppError('nothing-accepted', { count: writer.receipts });
        }
        if (response.destroyed) break;
      }
    } finally {
      // What was read before the stream broke is stored, so its receipts are due.
      if (before) await give(await before);
    }
    if (writer.receipts === 0) throw new AppError('empty-body');
  } catch (thrown) {
    if (writer.receipts === 0) throw thrown;
    const error = thrown instanceof AppError ? thrown : new AppError('internal', {}, { cause: thrown });
    if (error.status >= 500) logger.error({ event: 'http.fault', requestId, ...describeFault(thrown) });
    else {
      const row = { client: client.id, action: 'intake', target: feed, outcome: 'refused', code: error.code, requestId, count: 1 } as const;
      // The receipts must reach their sender all the same.
      await options.audit.write(row).catch((failure) => logger.error({ event: 'audit.failed', requestId, ...describeFault(failure) }));
    }
    discardRest(request);
    writer.end({ error, requestId });
    return;
  }
  writer.end();
}

async function* grouped(records: Iterable<RawRecord> | AsyncIterable<RawRecord>): AsyncGenerator<RawRecord[]> {
  let group: RawRecord[] = [];
  for await (const record of records) {
    group.push(record);
    if (group.length === GROUP) {
      yield group;
      group = [];
    }
  }
  if (group.length > 0) yield group;
}

const summary = (submission: Submission) => ({
  id: submission.id,
  version: submission.version,
  seq: submission.seq,
  feed: submission.feed,
  sourceSystem: submission.sourceSystem,
  sourceId: submission.sourceId,
  facility: submission.facility,
  state: submission.state,
  reason: submission.reason,
  issues: submission.issues,
  ...(submission.duplicateOf !== null && { duplicateOf: submission.duplicateOf }),
  receivedAt: submission.receivedAt,
  updatedAt: submission.updatedAt,
});

/** The whole way of one record: what came of it, where it is on the platform, or what to mend. */
async function story(options: IntakeRouterOptions, request: Request, submission: Submission) {
  const { store, intake, environment } = options;
  const context = contextOf(clientOf(request), 'intake', stateOf(request).id);
  const [resources, deliveries] = await Promise.all([
    store.resources(context, submission.resources),
    store.deliveries({ submissionId: submission.id }),
  ]);
  const subjects = new Set(resources.flatMap(({ resource }) => subjectOf(resource) ?? []));
  const references = [...submission.resources, ...subjects];
  const platformIds = new Map((await store.platformIds(environment, references)).map((row) => [row.reference, row]));
  const versions = new Map(resources.map(({ resource, version }) => [`${resource.resourceType}/${resource.id}`, version]));
  return {
    ...summary(submission),
    ...(submission.reason !== null && { reasonText: reasonText(submission.reason) }),
    ...(submission.unused.length > 0 && { unused: submission.unused }),
    sourceUpdatedAt: submission.sourceUpdatedAt,
    // Once the platform has answered there is nothing to foretell.
    ...(!isOver(submission) && {
      preflight: intake.preflight(
        resources.map(({ resource }) => resource),
        submission.issues,
      ),
    }),
    story: submission.story,
    resources: submission.resources.map((reference) => ({
      reference,
      version: versions.get(reference) ?? null,
      platformId: platformIds.get(reference)?.platformId ?? null,
      platformVersion: platformIds.get(reference)?.platformVersion ?? null,
    })),
    patients: [...subjects].map((reference) => ({ reference, ihsNumber: platformIds.get(reference)?.platformId ?? null })),
    deliveries: deliveries.map(deliveryView),
  };
}

function isOver({ state, duplicateOf }: Submission): boolean {
  return state === 'completed' || state === 'cancelled' || duplicateOf !== null;
}

function subjectOf(resource: object): string | undefined {
  const { subject, patient } = resource as { subject?: { reference?: string }; patient?: { reference?: string } };
  const reference = subject?.reference ?? patient?.reference;
  return reference?.startsWith('Patient/') ? reference : undefined;
}

function idOf(request: Request): string {
  const { id } = request.params;
  if (typeof id !== 'string' || !/^[0-9a-f-]{36}$/.test(id)) throw new AppError('not-found');
  return id;
}

/** One value of a query parameter, at most 128 characters. @throws AppError `parameter` */
function text(request: Request, name: string): string | undefined {
  const value = request.query[name];
  if (value === undefined || value === '') return undefined;
  if (typeof value !== 'string' || value.length > 128)
    throw new AppError('parameter', {
      name,
      expected: { id: 'satu nilai, paling banyak 128 karakter', en: 'one value of at most 128 characters' },
    });
  return value;
}

function flag(request: Request, name: string): boolean {
  const value = text(request, name);
  if (value === undefined || value === 'false') return false;
  if (value === 'true') return true;
  throw new AppError('parameter', { name, expected: { id: 'true atau false', en: 'true or false' } });
}

function integer(request: Request, name: string, minimum: number, maximum: number): number | undefined {
  const value = text(request, name);
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < minimum || number > maximum) {
    throw new AppError('parameter', {
      name,
      expected: { id: `bilangan bulat ${minimum} sampai ${maximum}`, en: `a whole number from ${minimum} to ${maximum}` },
    });
  }
  return number;
}

function choice<T extends string>(request: Request, name: string, allowed: readonly T[]): T | undefined {
  const value = text(request, name);
  if (value === undefined) return undefined;
  if (!(allowed as readonly string[]).includes(value)) throw new AppError('parameter', { name, expected: allowed.join(', ') });
  return value as T;
}

function reasonOf(request: Request): Reason | undefined {
  const value = text(request, 'reason');
  if (value === undefined) return undefined;
  if (!(value in REASONS) && !/^rule-\d{1,6}$/.test(value)) {
    throw new AppError('parameter', { name: 'reason', expected: `${Object.keys(REASONS).join(', ')}, rule-NNNNN` });
  }
  return value as Reason;
}
