import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import type { Store } from '../../src/store/index.ts';
import { forEachEngine } from '../store/engines.ts';
import { delivery, outcome } from '../store/records.ts';

forEachEngine((engine) => {
  it('a visit corrected to another patient lets those behind it go', async () => {
    const store: Store = await engine.openFresh();
    const environment = randomUUID();
    const put = (...w: ReturnType<typeof delivery>[]) => store.commit({ deliveries: w.map((x) => ({ ...x, environment })) });
    await put(delivery('v1', { partition: 'Patient/x', state: 'ready' }), delivery('v2', { partition: 'Patient/x' }));
    await put({ ...delivery('v1', { partition: 'Patient/y' }), replace: true });
    const seen: string[] = [];
    for (let n = 0; n < 3; n += 1)
      for (const d of await store.claimDeliveries({ environment, worker: 'w', limit: 10, leaseMs: 60_000 })) {
        seen.push(d.key);
        await store.commit({ deliveryOutcomes: [outcome(d.key, { environment })] }, { deliveryId: d.id, token: d.token });
      }
    expect(seen).toEqual(['v1', 'v2']);
  });
});
