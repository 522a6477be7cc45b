import { expect, it } from 'vitest';
import { createFhirClient } from '../../src/satusehat/client.ts';

it('an accepted create is not lost because the pace could not be written', async () => {
  const client = createFhirClient({
    fhirUrl: 'http://x',
    clock: () => 0,
    transport: {
      close() {},
      request: async () => ({
        kind: 'response',
        response: { status: 201, headers: {}, text: '{"resourceType":"AllergyIntolerance","id":"a1"}' },
      }),
    },
    tokens: { get: async () => ({ kind: 'token', value: 't', clientId: 'c' }), reject: async () => {}, forget: async () => {} },
    limiter: {
      enter: async () => ({ kind: 'go', done() {} }),
      limited: async () => 0,
      succeeded: async () => {
        throw new Error('shared state: no turn');
      },
    },
  });
  expect(await client.request('P1', { intent: 'create', path: '/AllergyIntolerance', body: {} })).toMatchObject({ kind: 'ok' });
});
