import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import type { Engines } from '../src/engines.ts';
import { type Effort, median, type Row, round } from './measure.ts';
import { createSeeded, type Seeded } from './seeded.ts';
import { asRaw, CLIENT, visits } from './visits.ts';

export const GROUP = 100;
const MIN_RATIO = 0.5;
export const MIN_VISITS = 500;

/** Tables that a visit writes to, with the column by which its rows are told from those before. */
const TABLES: readonly (readonly [table: string, order: string])[] = [
  ['submission', 'rowid'],
  ['submission_payload', 'rowid'],
  ['resource', 'pk'],
  ['resource_history', 'rowid'],
  ['search_token', 'resource'],
  ['search_reference', 'resource'],
  ['search_string', 'resource'],
  ['search_date', 'resource'],
  ['delivery', 'id'],
  ['delivery_dependency', 'delivery'],
  ['audit', 'id'],
];

/**
 * Records through all stages to the disk, in this process, beside node:sqlite inserting the very rows that came of it into the same
 * tables and indexes; both in commits of 100 visits, WAL and synchronous=FULL, on a copy of the same database, turn about.
 */
export async function benchIntake(engines: Engines, effort: Effort): Promise<Row[]> {
  const seeded = await createSeeded(engines);
  try {
    const count = effort.quick ? 300 : 3_000;
    // The first round warms up.
    await measureOnce(seeded, Math.min(count, 1_000));
    const ours: number[] = [];
    const raw: number[] = [];
    let rows = 0;
    for (let run = 0; run < effort.runs; run++) {
      const result = await measureOnce(seeded, count);
      ours.push(count / result.seconds);
      raw.push(count / result.rawSeconds);
      rows = result.rows;
    }
    const ratio = median(ours.map((rate, run) => rate / (raw[run] ?? Number.NaN)));
    return [
      {
        name: 'intake/in-process',
        unit: 'visits/s',
        ours: round(median(ours)),
        limit: `≥ ${MIN_RATIO} × raw inserts, ≥ ${MIN_VISITS}`,
        peers: { 'node:sqlite, same rows': round(median(raw)) },
        ratio: round(ratio),
        ok: ratio >= MIN_RATIO && median(ours) >= MIN_VISITS,
        note: `${round(rows / count)} rows per visit in ${TABLES.length} tables, ${GROUP} visits per commit; slowest run ${round(Math.min(...ours))}`,
      },
    ];
  } finally {
    seeded.remove();
  }
}

async function measureOnce(seeded: Seeded, count: number): Promise<{ seconds: number; rawSeconds: number; rows: number }> {
  const file = seeded.copy('ours.sqlite');
  const before = tops(file);
  const { store, intake } = await seeded.open(file);
  const records = asRaw(visits(0, count));
  const started = performance.now();
  const answers = await intake.accept({ feed: 'encounters', client: CLIENT, strict: false }, records);
  const seconds = (performance.now() - started) / 1000;
  const bad = answers.find(({ receipt }) => receipt.state !== 'ready');
  if (bad) throw new Error(`a visit ended as ${bad.receipt.state} ${bad.receipt.reason}`);
  await store.close();
  return { seconds, ...insertRaw(file, before, seeded.copy('raw.sqlite'), count / GROUP) };
}

function tops(file: string): ReadonlyMap<string, number> {
  const database = new DatabaseSync(file, { readOnly: true });
  const found = new Map(
    TABLES.map(([table, order]) => [table, Number(database.prepare(`select max(${order}) as top from ${table}`).get()?.top ?? 0)]),
  );
  database.close();
  return found;
}

/** Inserts what `source` has beyond `before` into `target`, in so many commits of equal size. */
function insertRaw(
  source: string,
  before: ReadonlyMap<string, number>,
  target: string,
  commits: number,
): { rawSeconds: number; rows: number } {
  const from = new DatabaseSync(source, { readOnly: true });
  const into = new DatabaseSync(target);
  into.exec('pragma journal_mode = wal; pragma synchronous = full; pragma temp_store = memory; pragma cache_size = -65536');
  let rows = 0;
  const inserts = TABLES.map(([table, order]) => {
    const statement = from.prepare(`select * from ${table} where ${order} > ? order by ${order}`);
    statement.setReturnArrays(true);
    const values = statement.all(before.get(table) ?? 0) as unknown as SQLInputValue[][];
    rows += values.length;
    const columns = statement.columns().map(({ name }) => `"${name}"`);
    return {
      statement: into.prepare(`insert into ${table} (${columns.join(', ')}) values (${columns.map(() => '?').join(', ')})`),
      values,
      size: Math.ceil(values.length / commits),
    };
  });
  const started = performance.now();
  for (let commit = 0; commit < commits; commit++) {
    into.exec('begin immediate');
    for (const { statement, values, size } of inserts)
      for (let index = commit * size; index < Math.min((commit + 1) * size, values.length); index++)
        statement.run(...(values[index] as SQLInputValue[]));
    into.exec('commit');
  }
  const rawSeconds = (performance.now() - started) / 1000;
  from.close();
  into.close();
  return { rawSeconds, rows };
}
