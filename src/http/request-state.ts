import type { Request } from 'express';
import { AppError } from '../errors/index.ts';
import type { Client } from '../store/port.ts';

/** What middleware learnt about a request. Kept outside Express's own object, so that it is typed and cannot be set from outside. */
export interface RequestState {
  readonly id: string;
  client?: Client;
  /** Code of the catalogue with which it was refused. */
  code?: string;
}

const states = new WeakMap<object, RequestState>();

export const setState = (request: object, state: RequestState): void => void states.set(request, state);

/** @throws Error if the request id middleware did not run: a bug */
export function stateOf(request: object): RequestState {
  const state = states.get(request);
  if (!state) throw new Error('request state is missing');
  return state;
}

/** The authenticated client. @throws AppError `unauthenticated` */
export function clientOf(request: Request): Client {
  const { client } = stateOf(request);
  if (!client) throw new AppError('unauthenticated');
  return client;
}

/** Mount points of routers: Express forgets where it was once an error has left a router. */
const MOUNTS = ['/api/v1', '/fhir'];

/** Pattern of the matched route, never the path itself: a path may hold an id. */
export function routeOf(request: Request): string {
  const mount =
    MOUNTS.find(
      (path) =>
        request.originalUrl === path || (/^[/?]/.test(request.originalUrl.slice(path.length)) && request.originalUrl.startsWith(path)),
    ) ?? '';
  const pattern: unknown = request.route?.path;
  if (typeof pattern === 'string') return pattern.startsWith('/api/') ? pattern : `${mount}${pattern}`;
  return mount === '/fhir' ? '/fhir/*' : 'unmatched';
}
