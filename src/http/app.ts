import { randomUUID } from 'node:crypto';
import express, { type Express, type Request, type RequestHandler, type Router } from 'express';
import helmet from 'helmet';
import type { Logger } from 'pino';
import { pinoHttp } from 'pino-http';
import type { AuditLog } from './audit-log.ts';
import { authenticate } from './auth.ts';
import { createDeliveriesRouter, type DeliveriesRouterOptions } from './deliveries-router.ts';
import { createDueRouter, type DueRouterOptions } from './due-router.ts';
import { errorHandler, methodNotAllowed, notFound } from './error-handler.ts';
import { createHealthRouter } from './health.ts';
import { createIntakeRouter, type IntakeRouterOptions } from './intake-router.ts';
import { createMapsRouter, type MapsRouterOptions } from './maps-router.ts';
import { openApi } from './openapi.ts';
import { routeOf, setState, stateOf } from './request-state.ts';

export interface AppOptions extends IntakeRouterOptions, DeliveriesRouterOptions, DueRouterOptions, MapsRouterOptions {
  readonly audit: AuditLog;
  readonly logger: Logger;
  readonly version: string;
  readonly trustProxy: number;
  readonly ready: () => Promise<boolean>;
  /** Further routers by their mount point: `{'/fhir': router}`. Each brings its own authentication. */
  readonly routers?: Readonly<Record<string, Router>>;
}

/** The Express application: every door of the service. */
export function createApp(options: AppOptions): Express {
  const app = express();
  app.set('query parser', 'simple');
  app.set('etag', false);
  if (options.trustProxy > 0) app.set('trust proxy', options.trustProxy);

  app.use(requestIds);
  app.use(requestLog(options));
  app.use(helmet());
  app.use(createHealthRouter(options));

  const document = openApi(options.version);
  app
    .route('/api/openapi.json')
    .get((_request, response) => void response.json(document))
    .all(methodNotAllowed('GET'));
  app.use(
    '/api/v1',
    authenticate(options.store),
    createDeliveriesRouter(options),
    createDueRouter(options),
    createMapsRouter(options),
    createIntakeRouter(options),
  );
  for (const [path, router] of Object.entries(options.routers ?? {})) app.use(path, router);

  app.use(notFound);
  app.use(errorHandler(options));
  return app;
}

/** A sender's request id is taken over only if it is short and of characters that are safe in a log and a header. */
const requestIds: RequestHandler = (request, response, next) => {
  const inbound = request.get('x-request-id');
  const id = inbound !== undefined && /^[\w.-]{1,64}$/.test(inbound) && !/\d{16}/.test(inbound) ? inbound : randomUUID();
  setState(request, { id });
  response.set('x-request-id', id);
  next();
};

/** One line per request, of an allow-list of fields: never a URL, query, header or body, for they may hold a NIK or a name. */
function requestLog({ logger, metrics }: AppOptions): RequestHandler {
  const quiet = new Set(['/healthz', '/readyz', '/metrics']);
  const fields = (request: Request, response: { statusCode: number }) => {
    const { client, code } = stateOf(request);
    return {
      event: 'http.request',
      method: request.method,
      route: routeOf(request),
      status: response.statusCode,
      ...(client && { client: client.id }),
      ...(code !== undefined && { code }),
    };
  };
  const log = pinoHttp<Request>({
    logger,
    genReqId: (request) => stateOf(request).id,
    quietReqLogger: true,
    customAttributeKeys: { responseTime: 'ms', reqId: 'requestId' },
    serializers: { req: () => undefined, res: () => undefined, err: () => undefined },
    customLogLevel: (request, response) =>
      response.statusCode >= 500 ? 'error' : quiet.has(routeOf(request as Request)) ? 'debug' : 'info',
    customSuccessMessage: () => 'http.request',
    customErrorMessage: () => 'http.request',
    // Only when the answer is known: as `customProps` they would be written twice, first with what is not known yet.
    customSuccessObject: (request, response, value) => ({ ...value, ...fields(request, response) }),
    customErrorObject: (request, response, _error, value) => ({ ...value, ...fields(request, response) }),
  });
  return (request, response, next) => {
    const start = performance.now();
    response.on('finish', () => metrics.request(request.method, routeOf(request), response.statusCode, (performance.now() - start) / 1000));
    log(request, response);
    next();
  };
}
