import { randomUUID } from 'node:crypto';
import { beforeEach, expect, it } from 'vitest';
import type { Store } from '../../src/store/index.ts';
import { forEachEngine } from '../store/engines.ts';
import { delivery, outcome } from '../store/records.ts';

forEachEngine((engine) => {
  let store: Store;
  let environment: string;
  beforeEach(async () => {
    store ??= await engine.openFresh();
    environment = randomUUID();
  });
  const put = (...w: ReturnType<typeof delivery>[]) => store.commit({ deliveries: w.map((x) => ({ ...x, environment })) });
  const claim = () => store.claimDeliveries({ environment, worker: 'w', limit: 10, leaseMs: 60_000 });
  const done = async () => {
    const got = await claim();
    for (const d of got) await store.commit({ deliveryOutcomes: [outcome(d.key, { environment })] }, { deliveryId: d.id, token: d.token });
    return got.map((d) => d.key);
  };
  const P = 'Patient/p';
  it('corrected visit gains an episode', async () => {
    await put(delivery('encounter:v1', { partition: P }));
    expect(await done()).toEqual(['encounter:v1']);
    await put(delivery('episodeofcare:e', { kind: 'episode', partition: P }), {
      ...delivery('encounter:v1', { partition: P, dependsOn: ['episodeofcare:e'] }),
      replace: true,
    });
    const seen = [...(await done()), ...(await done()), ...(await done())];
    expect(seen).toEqual(['episodeofcare:e', 'encounter:v1']);
  });
  it('late visit of a closed episode', async () => {
    const end = (v: string) => ({
      ...delivery('episodeofcare-end:e', { kind: 'episode', partition: P, dependsOn: ['episodeofcare:e', v] }),
      replace: true,
    });
    await put(
      delivery('episodeofcare:e', { kind: 'episode', partition: P }),
      delivery('encounter:v1', { partition: P, dependsOn: ['episodeofcare:e'] }),
      end('encounter:v1'),
    );
    const first = [...(await done()), ...(await done()), ...(await done())];
    expect(first).toEqual(['episodeofcare:e', 'encounter:v1', 'episodeofcare-end:e']);
    await put(delivery('encounter:v2', { partition: P, dependsOn: ['episodeofcare:e'] }), end('encounter:v2'));
    const seen = [...(await done()), ...(await done()), ...(await done())];
    expect(seen).toEqual(['encounter:v2', 'episodeofcare-end:e']);
  });
});
