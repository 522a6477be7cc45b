import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import type { Logger } from 'pino';
import { AppError, toOperationOutcome } from '../errors/index.ts';
import type { AuditLog } from './audit-log.ts';
import { stateOf } from './request-state.ts';

/**
 * The one place where an error becomes an answer. Below /fhir it is an OperationOutcome, elsewhere `{error}`. A fault of ours shows
 * the request id and nothing else; a refused request leaves one audit row.
 */
export function errorHandler({ audit, logger }: { audit: AuditLog; logger: Logger }): ErrorRequestHandler {
  return async (thrown: unknown, request, response, _next) => {
    const error = toAppError(thrown);
    const { id, client } = stateOf(request);
    stateOf(request).code = error.code;
    if (error.status >= 500) logger.error({ event: 'http.fault', requestId: id, ...describeFault(thrown) });
    if (error.status < 500 && error.code !== 'not-found') {
      try {
        await audit.write({
          client: client?.id ?? 'anonymous',
          action: actionOf(request.baseUrl, request.path),
          target: null,
          outcome: 'refused',
          code: error.code,
          requestId: id,
          count: 1,
        });
      } catch (failure) {
        logger.error({ event: 'audit.failed', requestId: id, ...describeFault(failure) });
      }
    }
    if (response.headersSent) {
      response.destroy();
      return;
    }
    discardRest(request);
    sendError(response, error, { id, fhir: request.originalUrl.startsWith('/fhir') });
  };
}

export function sendError(response: Response, error: AppError, { id, fhir }: { id: string; fhir: boolean }): void {
  response.status(error.status);
  if (error.status === 401) response.set('www-authenticate', 'Bearer realm="ilp-fhir"');
  if (error.status === 503) response.set('retry-after', '5');
  if (fhir) response.type('application/fhir+json').send(JSON.stringify(toOperationOutcome(error)));
  else response.json(errorBody(error, id));
}

export const errorBody = (error: AppError, requestId: string) => ({
  error: { code: error.code, text: error.text, requestId, issues: error.issues },
});

/** Any known path with a method it does not have. */
export function methodNotAllowed(allow: string): RequestHandler {
  return (_request, response) => {
    response.set('allow', allow);
    throw new AppError('method');
  };
}

export const notFound: RequestHandler = () => {
  throw new AppError('not-found');
};

function toAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  // Express and its router mark what they refuse themselves (a broken percent-encoding in the path) with a status.
  const status = (thrown as { status?: unknown } | null)?.status;
  if (status === 400 || status === 404) return new AppError('not-found', {}, { cause: thrown });
  return new AppError('internal', {}, { cause: thrown });
}

/** What is still read of a refused body, so that the sender gets its answer; beyond that the connection is cut. */
const DISCARD_LIMIT = 64 * 1_048_576;

/** An unread rest would block the connection for the next request on it, and a sender that is still writing would miss the answer. */
export function discardRest(request: Request): void {
  if (request.readableEnded || request.destroyed) return;
  let left = DISCARD_LIMIT;
  request.unpipe();
  request.on('data', (chunk: Uint8Array) => {
    left -= chunk.length;
    if (left < 0) request.destroy();
  });
}

/** Where it broke, without the messages: those of a parser or driver may quote a patient's value. */
export function describeFault(thrown: unknown): Record<string, unknown> {
  const frames = (error: unknown): string[] =>
    error instanceof Error
      ? (error.stack ?? '')
          .split('\n')
          .filter((line) => /^\s+at /.test(line))
          .slice(0, 8)
          .map((line) => line.trim())
      : [];
  const error = thrown instanceof Error ? thrown : undefined;
  const cause = error?.cause;
  return {
    name: error?.name ?? typeof thrown,
    code: thrown instanceof AppError ? thrown.code : (thrown as { code?: unknown } | null)?.code,
    stack: frames(thrown),
    ...(cause instanceof Error && { cause: { name: cause.name, code: (cause as { code?: unknown }).code, stack: frames(cause) } }),
  };
}

const actionOf = (base: string, path: string): string =>
  /^\/fhir/.test(base + path) ? 'fhir' : /\/api\/v1\/(submissions|deliveries)/.test(base + path) ? 'read' : 'intake';
