import { createHash, timingSafeEqual } from 'node:crypto';
import type { Request, RequestHandler } from 'express';
import { AppError } from '../errors/index.ts';
import type { Client, Scope, Store } from '../store/port.ts';
import { clientOf, stateOf } from './request-state.ts';

/** Hex SHA-256, the only form in which a key is kept. Keys are long and random, so no slow hash is needed. */
export const hashKey = (key: string): string => createHash('sha256').update(key).digest('hex');

/** Reads `Authorization: Bearer <key>` or `X-Api-Key`. Rejects with `unauthenticated` if it is missing, unknown or revoked. */
export function authenticate(store: Pick<Store, 'clientByKeyHash'>): RequestHandler {
  return async (request, _response, next) => {
    const key = keyOf(request);
    if (key === undefined) throw new AppError('unauthenticated');
    const hash = hashKey(key);
    const client = await store.clientByKeyHash(hash);
    if (!client || client.revokedAt !== null || !timingSafeEqual(Buffer.from(client.keyHash), Buffer.from(hash))) {
      throw new AppError('unauthenticated');
    }
    stateOf(request).client = client;
    next();
  };
}

function keyOf(request: Request): string | undefined {
  const bearer = /^Bearer +([!-~]{8,512})$/i.exec(request.get('authorization') ?? '')?.[1];
  const plain = request.get('x-api-key');
  return bearer ?? (plain !== undefined && /^[!-~]{8,512}$/.test(plain) ? plain : undefined);
}

/** @throws AppError `forbidden-scope`. `admin` has every scope. */
export function requireScope(scope: Scope): RequestHandler {
  return (request, _response, next) => {
    checkScope(clientOf(request), scope);
    next();
  };
}

export function checkScope(client: Client, scope: Scope): void {
  if (!client.scopes.includes(scope) && !client.scopes.includes('admin')) throw new AppError('forbidden-scope', { scope });
}
