import { afterAll, beforeAll, expect, it } from 'vitest';
import { MOTHER, type Running, register, runService, visit } from '../http/running-service.ts';

/** What is posted is taken. */
const taken = ({ status }: { status: number }) => expect(status).toBeLessThan(300);
let running: Running;
let key: string;
beforeAll(async () => {
  running = await runService();
  key = await running.client('dinas');
  await register(running, key);
});
afterAll(() => running.stop());
it('a child whose mother is told after its first visit', async () => {
  const child = {
    sourceSystem: 'simpus',
    sourceId: 'RM-9',
    name: 'By. Ny. Rina',
    birthDate: '2026-07-01',
    sex: 'male',
    facilityCode: 'P1',
    sourceUpdatedAt: '2026-08-19T00:00:00+07:00',
  };
  taken(await running.post('persons', [child], key));
  const v = await running.post('encounters', visit('N-1', { person: { sourceId: 'RM-9' }, diagnoses: [{ code: 'J00', rank: 1 }] }), key);
  taken(v);
  const id = v.body.receipts[0].id;
  const all = () => running.service.store.deliveries({ environment: 'sandbox', limit: 100 });
  taken(await running.post('persons', [{ ...child, nikIbu: MOTHER, birthOrder: 1, sourceUpdatedAt: '2026-08-20T00:00:00+07:00' }], key));
  taken(
    await running.post(
      'encounters',
      visit('N-1', { person: { sourceId: 'RM-9' }, diagnoses: [{ code: 'J00', rank: 1 }], complaint: 'lain' }),
      key,
    ),
  );
  const environment = (await all())[0]?.environment ?? 'sandbox';
  for (let n = 0; n < 6; n += 1)
    for (const d of await running.service.store.claimDeliveries({ environment, worker: 't', limit: 10, leaseMs: 60_000 })) {
      await running.service.store.commit(
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
    }
  expect((await running.service.store.deliveries({ submissionId: id }))[0]?.state).toBe('completed');
});
