import type { Response } from 'express';
import { Router } from 'express';
import type { Fhir, FhirPlainResponse } from '../fhir/index.ts';
import { contextOf, readBody } from '../intake/index.ts';
import type { Store } from '../store/port.ts';
import { authenticate, checkScope } from './auth.ts';
import { clientOf, stateOf } from './request-state.ts';

/** Express → the transport-free FHIR API. Only `metadata` is open; everything else needs a key with `fhir:read`. */
export function createFhirRouter({ fhir, store }: { fhir: Fhir; store: Store }): Router {
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
    const form =
      request.method === 'POST' && request.is('application/x-www-form-urlencoded')
        ? formOf((await readBody(request.iterator({ destroyOnReturn: false }), 65_536)).toString('utf8'))
        : undefined;
    const plain = await fhir.handle(
      { method: request.method, url: request.url, headers: request.headers, ...(form && { form }) },
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
