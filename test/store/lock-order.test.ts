import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { expect, it } from 'vitest';
import { openStore } from '../../src/store/index.ts';
import { createEngine } from './engines.ts';
import { AT, delivery, outcome, submission } from './records.ts';

const engine = createEngine('postgres');
const ROUNDS = 20;
const AT_ONCE = 4;

it('intake and outcomes that write the same registers and deliveries do not lock each other out', { timeout: 40_000 }, async () => {
  const url = await engine.createDatabase();
  const [intake, sync] = [await openStore(url), await openStore(url)];
  await intake.migrate();
  const shared = randomUUID();
  const names = Array.from({ length: AT_ONCE }, (_, number) => `Location/l-${number}`);
  const platformIds = (platformVersion: string) =>
    names.map((reference) => ({ environment: shared, reference, platformId: reference, platformVersion, at: AT }));
  for (let round = 0; round < ROUNDS; round += 1) {
    const environment = randomUUID();
    const keys = names.map((_, number) => `r-${round}-${number}`);
    await intake.commit({ deliveries: keys.map((key) => ({ ...delivery(key), environment, partition: key })) });
    const claimed = await sync.claimDeliveries({ environment, worker: 'w', limit: AT_ONCE, leaseMs: 60_000 });
    expect(claimed).toHaveLength(AT_ONCE);
    const settle = async ({ id, token, key }: (typeof claimed)[number]) => {
      await sync.markSent({ deliveryId: id, token }, AT);
      await sync.commit(
        {
          platformIds: platformIds(`sync-${round}`),
          deliveryOutcomes: [outcome(key, { environment })],
        },
        { deliveryId: id, token },
      );
    };
    const receive = (number: number) =>
      intake.commit({
        submissions: [submission({ sourceId: `${round}-${number}` })],
        platformIds: platformIds(`intake-${round}`),
        deliveries: keys.toReversed().map((key) => ({ ...delivery(key), environment, partition: key, replace: true })),
      });
    const results = await Promise.allSettled([...claimed.toReversed().map(settle), ...names.map((_, number) => receive(number))]);
    expect(results.flatMap((result) => (result.status === 'rejected' ? [String(result.reason.cause ?? result.reason)] : []))).toEqual([]);
  }
  await Promise.all([intake.close(), sync.close()]);
  const client = new pg.Client(url);
  await client.connect();
  const { rows } = await client.query('select deadlocks::int as count from pg_stat_database where datname = current_database()');
  await client.end();
  expect(rows).toEqual([{ count: 0 }]);
});
