/** `npm run faults`: proves that nothing is lost and nothing doubled, whatever breaks. See docs/proof.md. */
import { parseArgs } from 'node:util';
import { createPostgres, createSqlite } from './database.ts';
import { run } from './harness.ts';
import { startPostgres } from './postgres.ts';
import { EVENTS } from './trouble.ts';
import { NO_RATES, RARE_SPELLS } from './wire-faults.ts';
import { DEFENCES, type Defence } from './without.ts';

/** What may be left out, to look at one thing alone. */
const ALL: readonly string[] = [...EVENTS, 'wire'];
const USAGE = `npm run faults -- [--sends 2000] [--seed 1] [--db sqlite|postgres] [--workers 4] [--quota 40 [--learn-quota]] [--surface recorded|documented]
                  [--without ${DEFENCES.join('|')}] [--events ${ALL.join(',')}]
                  [--json] [--keep] [--log]`;

const { values } = parseArgs({
  options: {
    sends: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    db: { type: 'string', default: 'sqlite' },
    workers: { type: 'string', default: '4' },
    quota: { type: 'string', default: '40' },
    'learn-quota': { type: 'boolean', default: false },
    surface: { type: 'string', default: 'recorded' },
    without: { type: 'string' },
    json: { type: 'boolean', default: false },
    events: { type: 'string', default: ALL.join(',') },
    keep: { type: 'boolean', default: false },
    log: { type: 'boolean', default: false },
  },
});
const whole = (text: string): number => (/^[1-9]\d{0,8}$/.test(text) ? Number(text) : Number.NaN);
const [sends, seed, workers, quota] = [values.sends, values.seed, values.workers, values.quota].map(whole) as [
  number,
  number,
  number,
  number,
];
const events = values.events.split(',');
const isDefence = (name: string | undefined): name is Defence => DEFENCES.includes(name as Defence);
if (
  [sends, seed, workers, quota].some(Number.isNaN) ||
  !['sqlite', 'postgres'].includes(values.db) ||
  !['recorded', 'documented'].includes(values.surface) ||
  events.some((name) => !ALL.includes(name)) ||
  (values.without !== undefined && !isDefence(values.without))
) {
  process.stderr.write(`${USAGE}\n`);
  process.exit(2);
}

/** A long run meets each fault thousands of times also where most of its time is left for work. */
const long = sends >= 10_000;
const say = (line: string): void => void process.stderr.write(`${line}\n`);
const replay = `npm run faults -- --sends ${sends} --seed ${seed} --db ${values.db} --workers ${workers} --quota ${quota}${values['learn-quota'] ? ' --learn-quota' : ''} --surface ${values.surface}${
  values.without === undefined ? '' : ` --without ${values.without}`
}${events.length === ALL.length ? '' : ` --events ${values.events}`} --json`;
say(`seed ${seed}; again: ${replay}`);

const server = values.db === 'postgres' ? await startPostgres() : undefined;
try {
  const { result, count, ok } = await run({
    sends,
    seed,
    workers,
    surface: values.surface as 'recorded' | 'documented',
    ...(isDefence(values.without) && { without: values.without }),
    createDatabase: async (folder) => (server === undefined ? createSqlite(folder) : createPostgres(server.url, 'faults')),
    restore: sends >= 1_000,
    weights: Object.fromEntries(EVENTS.filter((name) => !events.includes(name)).map((name) => [name, 0])),
    quota,
    quotaTold: !values['learn-quota'],
    wire: events.includes('wire') ? (long ? { rates: RARE_SPELLS } : {}) : { partial: 0, rates: NO_RATES, readLagMs: 0 },
    everyMs: long ? 15_000 : sends >= 1_000 ? 2_500 : 1_000,
    say,
    keep: values.keep,
    ...(values.log && { onLog: say }),
  });
  for (const { what, record, detail } of count.offences.slice(0, 20)) say(`${what}: ${record}: ${detail}`);
  if (!ok) say(`again: ${replay}`);
  process.stdout.write(`${JSON.stringify(result)}\n`);
  process.exitCode = ok ? 0 : 1;
} finally {
  await server?.stop();
}
