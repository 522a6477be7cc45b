import type { Response } from 'express';
import { Router } from 'express';
import { AppError } from '../errors/index.ts';
import type { Fhir, FhirPlainResponse } from '../fhir/index.ts';
import { contextOf, parseJson, readBody } from '../intake/index.ts';
import type { Store } from '../store/port.ts';
import { authenticate, checkScope } from './auth.ts';
import { clientOf, stateOf } from './request-state.ts';

const JSON_TYPES = ['application/fhir+json', 'application/json'];
/** Largest body of an operation or a search form, bytes. */
const MAX_BODY = 65_536;

/** Express → the transport-free FHIR API. Only `metadata` is open; everything else needs a key with `fhir:read`. */
export function createFhirRouter({ fhir, store, jsonDepth }: { fhir: Fhir; store: Store; jsonDepth: number }): Router {
  const router = Router({ caseSensitive: true });
  const send = (response: Response, { status, headers, body }: FhirPlainResponse) => {
    response.status(status).set(headers);
    if (status === 304) response.end();
    else response.type('application/fhir+json').send(JSON.stringify(body));
  };
  router.get('/metadata', (_request, response) => send(response, fhir.metadata()));
  router.use(authenticate(store));
  router.use(async (request, response) => {
    const client = clientOf(request);
    checkScope(client, 'fhir:read');
    const isForm = Boolean(request.is('application/x-www-form-urlencoded'));
    const isOperation = /\/(\$|%24)/.test(request.path);
    const posted =
      request.method === 'POST' && (isForm || isOperation)
        ? await readBody(request.iterator({ destroyOnReturn: false }), MAX_BODY)
        : undefined;
    const form = posted && isForm ? formOf(posted.toString('utf8')) : undefined;
    let body: unknown;
    if (posted !== undefined && posted.length > 0 && !isForm) {
      if (!request.is(JSON_TYPES)) throw new AppError('content-type', { allowed: JSON_TYPES.join(', ') });
      body = parseJson(posted, jsonDepth);
    }
    const plain = await fhir.handle(
      { method: request.method, url: request.url, headers: request.headers, ...(form && { form }), ...(body !== undefined && { body }) },
      contextOf(client, 'fhir', stateOf(request).id),
    );
    send(response, plain);
  });
  return router;
}

function formOf(body: string): Record<string, string | string[]> {
  const form: Record<string, string | string[]> = {};
  const parameters = new URLSearchParams(body);
  for (const name of new Set(parameters.keys())) {
    const values = parameters.getAll(name);
    if (name !== '__proto__') form[name] = values.length === 1 ? (values[0] as string) : values;
  }
  return form;
}
