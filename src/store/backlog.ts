import { sql } from 'kysely';
import { databaseNow } from './database-now.ts';
import { mayReadDelivery } from './delivery-events.ts';
import type { Engine } from './engine.ts';
import type { AccessContext, Backlog, Store } from './port.ts';
import { instant } from './rows.ts';

/** Counting fewer costs nothing worth keeping. */
const MANY = 20_000;
const KEPT_FOR = 50;

/** See the port. Of a million that wait each has to be counted, which must not be done again for every scrape. */
export function createBacklog(engine: Engine): Store['backlog'] {
  const kept = new Map<string, { until: number; backlog: Promise<Backlog> }>();
  return (environment, context) => {
    const name = JSON.stringify([environment, context?.facilities ?? 'all']);
    const started = performance.now();
    for (const [key, { until }] of kept) if (until <= started) kept.delete(key);
    const known = kept.get(name);
    if (known) return known.backlog;
    const backlog = readBacklog(engine, environment, context);
    return backlog.then((read) => {
      const took = performance.now() - started;
      const { waiting, onHold, completedLastHour } = read;
      if (waiting + onHold + completedLastHour > MANY) kept.set(name, { until: started + took * KEPT_FOR, backlog });
      return read;
    });
  };
}

async function readBacklog(engine: Engine, environment: string, context?: AccessContext): Promise<Backlog> {
  const { reader } = engine;
  const seen = context === undefined ? sql`1 = 1` : mayReadDelivery(engine, context);
  const { rows } = await sql<{ state: string; count: number; oldest: number }>`
    select state, count(*) as count, min(received_ms) as oldest from delivery
    where environment = ${environment} and state in ('ready', 'in-progress', 'on-hold') and ${seen} group by state`.execute(reader);
  const since = instant((await databaseNow(engine, reader)) - 3_600_000);
  const completed = await sql<{ count: number }>`
    select count(*) as count from delivery
    where environment = ${environment} and state = 'completed' and updated_at > ${since} and ${seen}`.execute(reader);
  const open = rows.filter(({ state }) => state !== 'on-hold');
  const held = rows.find(({ state }) => state === 'on-hold');
  return {
    waiting: open.reduce((sum, { count }) => sum + count, 0),
    onHold: held?.count ?? 0,
    oldest: {
      ready: open.length === 0 ? null : instant(Math.min(...open.map(({ oldest }) => oldest))),
      onHold: held ? instant(held.oldest) : null,
    },
    completedLastHour: completed.rows[0]?.count ?? 0,
  };
}
