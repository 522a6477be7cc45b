import { type RequestHandler, Router } from 'express';
import { methodNotAllowed } from './error-handler.ts';
import type { Metrics } from './metrics.ts';

/** `/healthz`: the process answers. `/readyz`: it can take records (store answers, not stopping). `/metrics`: Prometheus. No key needed. */
export function createHealthRouter(options: { ready: () => Promise<boolean>; metrics: Metrics; version: string }): Router {
  const router = Router();
  const alive: RequestHandler = (_request, response) => void response.json({ status: 'ok', version: options.version });
  router.route('/healthz').get(alive).all(methodNotAllowed('GET'));
  router
    .route('/readyz')
    .get(async (_request, response) => {
      const ready = await options.ready().catch(() => false);
      response.status(ready ? 200 : 503).json({ status: ready ? 'ready' : 'not-ready' });
    })
    .all(methodNotAllowed('GET'));
  router
    .route('/metrics')
    .get(async (_request, response) => {
      const { contentType, text } = await options.metrics.render();
      response.set('content-type', contentType).send(text);
    })
    .all(methodNotAllowed('GET'));
  return router;
}
