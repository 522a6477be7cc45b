import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { openStore, type Store } from '../src/store/index.ts';
import { startPostgres } from '../test/store/postgres-server.ts';
import { type Effort, median, type Row, round } from './measure.ts';

const ENVIRONMENT = 'bench';
const FEW = 1_000;
const LIMIT = 1.5;
const BATCH = 8;
const WARM_UP = 5;

/** A queue that waits, in a database of its own. */
interface Queue {
  readonly store: Store;
  readonly owners: number;
  run(statements: readonly string[]): Promise<void>;
  /** How the indexes of the deliveries are made, by name. */
  indexes(): Promise<readonly { name: string; sql: string }[]>;
  close(): Promise<void>;
}

/** Makes databases of one kind. */
interface Maker {
  readonly name: 'sqlite' | 'postgres';
  open(): Promise<Omit<Queue, 'owners'>>;
}

/** What waits must not make a claim slow: claim and outcome of a batch with many waiting units beside the same with few. */
export async function benchClaims({ quick }: Effort): Promise<Row[]> {
  const many = quick ? 3_000 : 1_000_000;
  const completed = quick ? 1_000 : 300_000;
  const rounds = quick ? 3 : 60;
  const folder = mkdtempSync(path.join(os.tmpdir(), 'ilp-claims-'));
  const server = await startPostgres();
  const rows: Row[] = [];
  try {
    for (const maker of [sqliteIn(folder), postgresAt(server.url)]) {
      for (const owners of [20, 200]) {
        const few = await filled(maker, FEW, owners);
        const full = await filled(maker, many, owners);
        const judge = async (name: string, exceptOwners: readonly string[] = []) =>
          rows.push(await measured(`claims/${maker.name}/${name}`, few, full, rounds, exceptOwners));
        await judge(`waiting-${owners}-owners`);
        // As many as were taken.
        await few.run(inserts(maker.name, BATCH * (rounds + WARM_UP), owners, many + completed, 'ready'));
        if (owners === 200) {
          await judge(
            'waiting-200-owners-paused',
            Array.from({ length: owners / 5 }, (_unused, n) => `P${n * 5}`),
          );
        } else {
          await full.run(inserts(maker.name, completed, owners, many, 'completed'));
          await judge('waiting-beside-completed');
        }
        await few.close();
        await full.close();
      }
    }
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  return rows;
}

async function measured(name: string, few: Queue, full: Queue, rounds: number, exceptOwners: readonly string[]): Promise<Row> {
  const times = new Map<Queue, number[]>([
    [few, []],
    [full, []],
  ]);
  // The first ones prepare statements and fill caches.
  for (let n = -WARM_UP; n < rounds; n += 1) {
    for (const [queue, measuredMs] of times) {
      const ms = await batch(queue.store, exceptOwners);
      if (n >= 0) measuredMs.push(ms);
    }
  }
  const [small, large] = [median(times.get(few) ?? []), median(times.get(full) ?? [])];
  const ratio = large / small;
  return {
    name,
    unit: 'ms',
    ours: round(large),
    limit: `≤ ${LIMIT} × few`,
    peers: { few: round(small) },
    ratio: round(ratio),
    ok: ratio <= LIMIT,
    note: `claim and outcome of ${BATCH}; median of ${rounds}`,
  };
}

async function batch(store: Store, exceptOwners: readonly string[]): Promise<number> {
  const started = performance.now();
  const claimed = await store.claimDeliveries({ environment: ENVIRONMENT, worker: 'w', limit: BATCH, leaseMs: 60_000, exceptOwners });
  if (claimed.length !== BATCH) throw new Error(`claimed ${claimed.length} of ${BATCH}`);
  for (const { id, key, token } of claimed) {
    await store.commit(
      {
        deliveryOutcomes: [{ key, environment: ENVIRONMENT, state: 'completed', reason: null, issues: [], at: new Date().toISOString() }],
      },
      { deliveryId: id, token },
    );
  }
  return performance.now() - started;
}

async function filled(maker: Maker, count: number, owners: number): Promise<Queue> {
  const made = await maker.open();
  // Made again afterwards, they take a third of the time.
  const indexes = await made.indexes();
  await made.run([
    ...indexes.map(({ name }) => `drop index ${name}`),
    ...inserts(maker.name, count, owners, 0, 'ready'),
    ...indexes.map(({ sql }) => sql),
    ...Array.from({ length: owners }, (_unused, n) => `insert into delivery_owner values ('${ENVIRONMENT}', 'P${n}', 0)`),
    'analyze',
  ]);
  return { ...made, owners };
}

/** Rows as intake leaves them: each of a patient of its own, nothing before it, one in ten a backfill. */
function inserts(engine: Maker['name'], count: number, owners: number, after: number, state: 'ready' | 'completed'): readonly string[] {
  const numbers =
    engine === 'sqlite'
      ? `with recursive numbers(n) as (select ${after + 1} union all select n + 1 from numbers where n < ${after + count})`
      : `with numbers as (select generate_series(${after + 1}, ${after + count}) as n)`;
  const open = state === 'ready' ? 0 : 1;
  const insert = `${numbers}
    insert into delivery (id, environment, delivery_key, kind, owner, partition_key, resources, depends_on, submission, submission_version,
      state, reason, issues, due_ms, attempts, token, updated_at, dependency, preceded, priority, received_ms)
    select n, '${ENVIRONMENT}', 'encounter:Encounter/' || n, 'encounter', 'P' || (n % ${owners}), 'Patient/' || n, '["Encounter/' || n || '"]', '[]',
      'submission ' || n, 1, '${state}', null, '[]', 1700000000000 + n, ${1 - open}, ${1 - open}, '2026-01-01T00:00:00.000Z', 0, 0,
      case when n % 10 = 0 then 1 else 0 end, 1700000000000 + n from numbers`;
  return engine === 'sqlite' ? [insert] : [insert, `select setval('delivery_id', ${after + count})`];
}

function sqliteIn(folder: string): Maker {
  let made = 0;
  return {
    name: 'sqlite',
    async open() {
      made += 1;
      const file = path.join(folder, `${made}.sqlite`);
      const store = await openStore(file);
      await store.migrate();
      return {
        store,
        async run(statements) {
          const database = new DatabaseSync(file, { timeout: 60_000 });
          database.exec('pragma synchronous = off');
          for (const statement of statements) database.exec(statement);
          database.exec('pragma wal_checkpoint(truncate)');
          database.close();
        },
        async indexes() {
          const database = new DatabaseSync(file);
          const found = database
            .prepare("select name, sql from sqlite_master where type = 'index' and tbl_name = 'delivery' and sql is not null")
            .all();
          database.close();
          return found as unknown as { name: string; sql: string }[];
        },
        async close() {
          await store.close();
          for (const end of ['', '-wal', '-shm']) rmSync(`${file}${end}`, { force: true });
        },
      };
    },
  };
}

function postgresAt(server: string): Maker {
  let made = 0;
  const run = async (url: string, statements: readonly string[]): Promise<readonly unknown[]> => {
    const client = new pg.Client(url);
    await client.connect();
    let rows: readonly unknown[] = [];
    for (const statement of statements) rows = (await client.query(statement)).rows;
    await client.end();
    return rows;
  };
  return {
    name: 'postgres',
    async open() {
      made += 1;
      const database = `claims_${made}`;
      await run(server, [`create database ${database}`]);
      const url = new URL(server);
      url.pathname = `/${database}`;
      const store = await openStore(url.href);
      await store.migrate();
      return {
        store,
        // A bulk load leaves much to be cleaned up, which would be done in the middle of the measuring.
        run: async (statements) => {
          await run(url.href, [...statements, 'vacuum analyze delivery', 'checkpoint']);
        },
        indexes: async () =>
          (await run(url.href, [
            "select indexname as name, indexdef as sql from pg_indexes where tablename = 'delivery' and indexname <> 'delivery_pkey'",
          ])) as { name: string; sql: string }[],
        async close() {
          await store.close();
          await run(server, [`drop database ${database} with (force)`]);
        },
      };
    },
  };
}
