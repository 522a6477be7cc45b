import { beforeAll, describe, expect, it } from 'vitest';
import { countDuplicates } from '../../src/sandbox/duplicates.ts';
import { createEngine } from '../store/engines.ts';
import { call, closeDistricts, createDistrict, type District, feedOf, until, visitOf } from './district.ts';
import { nothingHalf, sizes } from './integrity.ts';
import { createProcesses, type Running, stream } from './processes.ts';

const PERSONS = 40;
const VISITS = 200;
const DAY_MS = 86_400_000;

closeDistricts();

describe('two services on one PostgreSQL', () => {
  const engine = createEngine('postgres');
  const processes = createProcesses();
  let district: District;
  let services: readonly Running[];

  beforeAll(async () => {
    district = await createDistrict(engine, processes, { persons: PERSONS });
    // Both jobs ran last three days ago, so both processes find a missed run when they start.
    for (const job of ['sync-send', 'sync-identity']) {
      const scheduledFor = new Date(Math.floor((Date.now() - 3 * DAY_MS) / 60_000) * 60_000).toISOString();
      await district.store.putJobRun({
        id: `before-${job}`,
        job,
        scheduledFor,
        startedAt: scheduledFor,
        endedAt: scheduledFor,
        counts: {},
        error: null,
        caughtUp: false,
      });
    }
    services = await Promise.all([1, 2].map(() => district.serve({ ILP_LOG_LEVEL: 'info', ILP_WORKER_CONCURRENCY: '16' })));
    await district.register((services[0] as Running).url);
  });

  const control = (path: string) => call(`${district.sandbox.url}/_sandbox/${path}`, undefined);

  it('a missed run is caught up by one of them', async () => {
    const runs = await until(
      () => district.store.jobRuns({ limit: 100 }),
      (found) =>
        ['sync-send', 'sync-identity'].every((job) => found.some((run) => run.job === job && run.caughtUp && run.endedAt !== null)),
    );
    const caughtUp = runs.filter((run) => run.caughtUp);
    expect(caughtUp.map(({ job }) => job).sort()).toEqual(['sync-identity', 'sync-send']);
    expect(caughtUp.map(({ error }) => error)).toEqual([null, null]);
  });

  it('a job that is asked for on both at once runs on one, or on one after the other', async () => {
    const before = (await district.store.jobRuns({ job: 'sync-identity', limit: 100 })).length;
    const environ = { ...district.environ };
    const ended = await Promise.all([1, 2, 3].map(() => processes.run(['jobs', 'run', 'sync-identity', '--json'], environ)));
    const runs = (await district.store.jobRuns({ job: 'sync-identity', limit: 100 })).slice(0, -before);
    const ran = ended.filter(({ code }) => code === 0).length;
    expect(ran).toBeGreaterThanOrEqual(1);
    expect(runs).toHaveLength(ran);
    const times = runs.map(({ startedAt, endedAt }) => [startedAt, endedAt ?? '']).sort();
    for (const [index, [start = '']] of times.slice(1).entries()) expect(start >= (times[index]?.[1] ?? '')).toBe(true);
  });

  it('both take records and both deliver: each record once, each visit once on the platform', async () => {
    // One of the two may win all records, and is told of them at once; the other looks every 2 s. Work must last as long.
    await call(`${district.sandbox.url}/_sandbox/settings`, undefined, { method: 'PUT', body: JSON.stringify({ latencyMs: 200 }) });
    const visits = Array.from({ length: VISITS }, (_, index) => visitOf(index, PERSONS));
    // Every record goes to both, the other way round, so that the same keys meet.
    const [first, second] = await Promise.all(
      services.map((service, index) =>
        stream(`${service.url}/api/v1/encounters`, district.key, index === 0 ? visits : [...visits].reverse()),
      ),
    );
    const short = (receipts: typeof first) =>
      new Map(receipts?.receipts.map(({ id, version, sourceId, reason }) => [sourceId, { id, version, reason }]));
    expect([first?.whole, second?.whole, first?.receipts.length, second?.receipts.length]).toEqual([true, true, VISITS, VISITS]);
    expect(short(second)).toEqual(short(first));
    for (const { version, reason } of short(first).values()) expect([version, reason]).toEqual([1, null]);

    const url = (services[1] as Running).url;
    const ended = await until(
      () => feedOf(url, district.key),
      (feed) => feed.size === VISITS && [...feed.values()].every(({ state }) => state !== 'ready' && state !== 'in-progress'),
      100,
    );
    expect([...ended.values()].filter(({ state }) => state !== 'completed')).toEqual([]);

    const dump: Array<{ resourceType: string; identifier?: { value: string }[] }> = (await control('dump?format=json')).body;
    const encounters = dump.filter(({ resourceType }) => resourceType === 'Encounter');
    expect(encounters).toHaveLength(VISITS);
    expect(new Set(encounters.map(({ identifier }) => identifier?.[0]?.value)).size).toBe(VISITS);
    expect(countDuplicates(dump)).toEqual({ groups: [], duplicates: 0 });
    // Sent once, too: not sent twice and refused by the platform.
    const { requests } = (await control('counts')).body;
    expect(requests.byRoute['POST /']).toEqual({ '200': VISITS });
    const [workers] = await district.rows("select count(*) as n from audit where action = 'deliver' and target like 'Encounter/%'");
    expect(Number(workers?.n)).toBe(VISITS);
    await nothingHalf(district);
    expect(await sizes(district)).toMatchObject({ encounters: VISITS, submission: VISITS + 4 + 1 + PERSONS });
  });

  it('both did a part', () => {
    // A lone worker would mean that the other starved.
    for (const service of services) expect(service.written()).toContain('delivery.settled');
  });
});
