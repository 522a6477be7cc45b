import { type Request, type Response, Router } from 'express';
import {
  type ActRequest,
  type ActResult,
  type Desk,
  parseDifferenceSelection,
  parseSelection,
  type Selection,
  saysAnything,
} from '../desk/index.ts';
import { AppError } from '../errors/index.ts';
import { contextOf, type ReaderLimits } from '../intake/index.ts';
import { type AccessContext, DECISIONS, type Decision } from '../store/port.ts';
import type { AuditLog } from './audit-log.ts';
import { checkScope } from './auth.ts';
import { openBody } from './body.ts';
import { deliveryView } from './delivery-view.ts';
import { methodNotAllowed } from './error-handler.ts';
import { clientOf, stateOf } from './request-state.ts';

export interface DeliveriesRouterOptions {
  readonly desk: Desk;
  readonly audit: AuditLog;
  readonly limits: ReaderLimits;
}

/** A body that selects; the keys of a thousand deliveries are far less. */
const BODY_BYTES = 1_048_576;
/** Records that one request may have taken through all stages again; more belongs on the command line, which shows how far it is. */
const MAX_FIXED = 5_000;
/** What an act is told besides the selection, a dry run and a note. */
const ACT_FIELDS: Readonly<Record<string, readonly string[]>> = { decide: ['decision'] };

type Fields = Readonly<Record<string, unknown>>;

/**
 * `/api/v1/deliveries`: what is on its way, what stopped and why, and what a person does about it. `/api/v1/differences`: what
 * reconciliation found.
 */
export function createDeliveriesRouter({ desk, audit, limits }: DeliveriesRouterOptions): Router {
  const router = Router({ caseSensitive: true });
  const context = (request: Request): AccessContext => contextOf(clientOf(request), 'intake', stateOf(request).id);
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

  router
    .route('/deliveries')
    .get(async (request, response) => {
      checkScope(clientOf(request), 'intake:read');
      const { after, limit, ...fields } = request.query as Record<string, unknown>;
      const page = { after: integer('after', after, 0, Number.MAX_SAFE_INTEGER), limit: integer('limit', limit, 1, 1000) ?? 100 };
      const selection = parseSelection(given(fields), ['after', 'limit']);
      const found = await desk.page(context(request), selection, {
        limit: page.limit,
        ...(page.after !== undefined && { after: page.after }),
      });
      await read(request, 'deliveries', found.deliveries.length);
      response.json({ deliveries: found.deliveries.map(deliveryView), ...(found.next !== undefined && { next: found.next }) });
    })
    .all(methodNotAllowed('GET'));

  router
    .route('/deliveries/groups')
    .get(async (request, response) => {
      checkScope(clientOf(request), 'intake:read');
      const overview = await desk.overview(context(request));
      await read(request, 'deliveries', overview.groups.length);
      response.json(overview);
    })
    .all(methodNotAllowed('GET'));

  router
    .route('/differences')
    .get(async (request, response) => {
      checkScope(clientOf(request), 'admin');
      const page = await desk.differences(context(request), parseDifferenceSelection(request.query as Record<string, unknown>));
      await read(request, 'differences', page.differences.length);
      response.json(page);
    })
    .all(methodNotAllowed('GET'));

  const acts: Readonly<Record<string, (scope: AccessContext, selection: Selection, act: ActRequest, more: Fields) => Promise<ActResult>>> =
    {
      retry: desk.retry,
      cancel: desk.cancel,
      decide: (scope, selection, act, { decision }) => desk.decide(scope, selection, act, decisionOf(decision)),
      fix: (scope, selection, act) => desk.fix(scope, selection, act, { limit: MAX_FIXED }),
    };
  for (const [name, act] of Object.entries(acts)) {
    router
      .route(`/deliveries/${name}`)
      .post(async (request, response) => {
        checkScope(clientOf(request), 'admin');
        const { selection, more, ...asked } = await selectionOf(request, limits, ACT_FIELDS[name] ?? []);
        const who = { actor: clientOf(request).id, requestId: stateOf(request).id };
        answer(response, await act(context(request), selection, { ...who, ...asked }, more));
      })
      .all(methodNotAllowed('POST'));
  }

  router
    .route('/deliveries/:key')
    .get(async (request, response) => {
      checkScope(clientOf(request), 'intake:read');
      const { key } = request.params;
      if (typeof key !== 'string' || !/^[!-~]{1,200}$/.test(key)) throw new AppError('not-found');
      const story = await desk.story(context(request), key);
      if (!story) throw new AppError('not-found');
      await read(request, 'delivery' in story ? story.delivery.key : story.key, 1);
      if ('delivery' in story) {
        const { delivery, ...rest } = story;
        response.json({ ...deliveryView(delivery), ...rest });
      } else {
        const { record, ...rest } = story;
        const { id, feed, state, reason, facility, receivedAt, updatedAt, story: way } = record;
        response.json({ ...rest, submission: id, feed, state, reason, owner: facility, receivedAt, updatedAt, story: way });
      }
    })
    .all(methodNotAllowed('GET'));
  return router;
}

/** What an act did is an answer, also where it could do nothing. */
const answer = (response: Response, result: ActResult): void => void response.json(result);

/** @throws AppError `content-type`, `body-size`, `json-syntax`, `parameter` */
async function selectionOf(
  request: Request,
  limits: ReaderLimits,
  known: readonly string[],
): Promise<{ selection: Selection; dryRun: boolean; note?: string; more: Fields }> {
  const body = await openBody(request, 'encounters', { ...limits, jsonBytes: BODY_BYTES });
  const record = body.kind === 'whole' && body.records.length === 1 ? body.records[0] : undefined;
  if (!record || record.fault) throw new AppError('parameter', { name: 'body', expected: '{"state":"failed","reason":"identity"}' });
  const { dryRun = false, note, ...fields } = record.value;
  if (typeof dryRun !== 'boolean') throw new AppError('parameter', { name: 'dryRun', expected: 'true, false' });
  if (note !== undefined && !isNote(note)) {
    throw new AppError('parameter', {
      name: 'note',
      expected: { id: '1–200 huruf, tanpa deret 5 angka', en: '1–200 letters, no run of 5 digits' },
    });
  }
  const selection = parseSelection(fields, ['dryRun', 'note', ...known]);
  if (!saysAnything(selection)) {
    throw new AppError('parameter', {
      name: 'body',
      expected: { id: 'sedikitnya satu pilihan, misalnya state', en: 'at least one field, such as state' },
    });
  }
  return { selection, dryRun, ...(typeof note === 'string' && { note }), more: fields };
}

/** @throws AppError `parameter` */
function decisionOf(value: unknown): Decision {
  const decision = DECISIONS.find((each) => each === value);
  if (decision === undefined) throw new AppError('parameter', { name: 'decision', expected: DECISIONS.join(', ') });
  return decision;
}

/** A note is kept for good: a NIK has no place in it. */
const isNote = (note: unknown): boolean =>
  typeof note === 'string' && note.trim() !== '' && note.length <= 200 && !/[\p{C}]|\d{5,}/u.test(note);

/** A parameter without a value is none. */
const given = (query: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(query).filter(([, value]) => value !== ''));

function integer(name: string, value: unknown, minimum: number, maximum: number): number | undefined {
  if (value === undefined || value === '') return undefined;
  const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
  if (!(number >= minimum && number <= maximum)) throw new AppError('parameter', { name, expected: `${minimum}–${maximum}` });
  return number;
}
