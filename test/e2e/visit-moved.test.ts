import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Running, register, runService, visit } from '../http/running-service.ts';

let running: Running;
let key: string;
beforeAll(async () => {
  running = await runService();
  key = await running.client('dinas');
  await register(running, key);
});
afterAll(() => running.stop());
it('a visit told of the wrong patient first', async () => {
  const { store } = running.service;
  let environment = '';
  const all = async () => {
    environment = (await store.deliveries({ limit: 1 }))[0]?.environment ?? '';
    for (let n = 0; n < 6; n += 1)
      for (const d of await store.claimDeliveries({ environment, worker: 't', limit: 10, leaseMs: 60_000 }))
        await store.commit(
          {
            deliveryOutcomes: [
              {
                key: d.key,
                environment,
                state: 'completed',
                reason: null,
                issues: [],
                outcomeUnknown: false,
                countAttempt: true,
                at: new Date().toISOString(),
              },
            ],
          },
          { deliveryId: d.id, token: d.token },
        );
  };
  await running.post('encounters', visit('M-0', { start: '2026-08-18T10:00:00+07:00', end: '2026-08-18T10:20:00+07:00' }), key);
  await all();
  await running.post('encounters', visit('M-1'), key);
  const second = await running.post(
    'encounters',
    visit('M-2', { start: '2026-08-19T10:00:00+07:00', end: '2026-08-19T10:20:00+07:00' }),
    key,
  );
  await all();
  expect((await store.deliveries({ submissionId: second.body.receipts[0].id }))[0]?.state).toBe('completed');
});
