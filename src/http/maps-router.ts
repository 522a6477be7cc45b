import { Router } from 'express';
import { AppError } from '../errors/index.ts';
import { checkScope } from './auth.ts';
import { methodNotAllowed } from './error-handler.ts';
import { clientOf, stateOf } from './request-state.ts';

/** Versions of what this process maps and judges by: hashes over the texts of `mappings/` and `profiles/`. */
export interface InForce {
  /** Also the tag of each resource that it makes. */
  readonly maps: string;
  readonly profiles: string;
  /** Instant at which this process began to use it. */
  readonly since: string;
}

export interface Reloaded {
  /** What stands on disk is another version than what was in force. */
  readonly changed: boolean;
  readonly dryRun: boolean;
  readonly before: InForce;
  /** What stands on disk. */
  readonly found: Pick<InForce, 'maps' | 'profiles'>;
  readonly inForce: InForce;
}

export interface MapsRouterOptions {
  readonly maps: {
    inForce(): InForce;
    /** @throws AppError `reload-refused` */
    reload(options: { readonly actor: string; readonly requestId?: string; readonly dryRun?: boolean }): Promise<Reloaded>;
  };
}

/** `/api/v1/maps`: which maps and profiles are in force, and taking over those on disk. */
export function createMapsRouter({ maps }: MapsRouterOptions): Router {
  const router = Router({ caseSensitive: true });
  router
    .route('/maps')
    .get((request, response) => {
      checkScope(clientOf(request), 'admin');
      response.json({ inForce: maps.inForce() });
    })
    .all(methodNotAllowed('GET'));
  router
    .route('/maps/reload')
    .post(async (request, response) => {
      checkScope(clientOf(request), 'admin');
      const { dryRun = 'false' } = request.query;
      if (dryRun !== 'true' && dryRun !== 'false') throw new AppError('parameter', { name: 'dryRun', expected: 'true, false' });
      const { id: requestId } = stateOf(request);
      response.json(await maps.reload({ actor: clientOf(request).id, requestId, dryRun: dryRun === 'true' }));
    })
    .all(methodNotAllowed('POST'));
  return router;
}
