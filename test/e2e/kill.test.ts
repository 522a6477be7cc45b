import { beforeAll, describe, expect, it } from 'vitest';
import type { Receipt } from '../../src/cli/push.ts';
import { countDuplicates } from '../../src/sandbox/duplicates.ts';
import { createEngine } from '../store/engines.ts';
import { call, closeDistricts, createDistrict, type District, feedOf, until, visitOf } from './district.ts';
import { createProcesses, type Running, seeded, stream } from './processes.ts';

const PERSONS = 40;
const CONTEXT = { client: 'test', facilities: 'all', purpose: 'intake' } as const;

closeDistricts();

describe.each(['sqlite', 'postgres'] as const)('%s', (name) => {
  const engine = createEngine(name);
  const processes = createProcesses();

  describe('kill -9 in the middle of a push', () => {
    const ROUNDS = 5;
    const visits = Array.from({ length: 700 }, (_, index) => visitOf(index, PERSONS));
    let district: District;
    let service: Running;

    beforeAll(async () => {
      district = await createDistrict(engine, processes, { persons: PERSONS });
      service = await serve();
      await district.register(service.url);
    });

    // Nothing is delivered meanwhile, so that a state may not change.
    const serve = () => district.serve({ ILP_WORKER_ENABLED: 'false' });
    const door = () => `${service.url}/api/v1/encounters`;
    const short = ({ id, version, state, reason, sourceId }: Receipt) => ({ id, version, state, reason, sourceId });

    it('loses no record that has a receipt, leaves none half there, and gives the same receipts again', async () => {
      const random = seeded(name === 'sqlite' ? 20_260_819 : 20_260_820);
      const received = new Map<string, ReturnType<typeof short>>();
      let cut = 0;
      for (let round = 0; round < ROUNDS; round++) {
        const enough = received.size + Math.floor(random() * 120);
        const lateMs = random() * 40;
        let killing: Promise<void> | undefined;
        const { receipts, whole } = await stream(door(), district.key, visits, (count) => {
          if (count <= enough || killing !== undefined) return;
          killing = new Promise((resolve) => setTimeout(resolve, lateMs)).then(() => service.kill());
        });
        await (killing ?? service.kill());
        cut += Number(!whole);
        for (const receipt of receipts) {
          const earlier = received.get(receipt.sourceId as string);
          if (earlier !== undefined) expect(short(receipt)).toEqual(earlier);
          received.set(receipt.sourceId as string, short(receipt));
        }
        service = await serve();
        const there = await feedOf(service.url, district.key);
        for (const receipt of received.values()) expect(there.get(receipt.id)).toMatchObject(receipt);
        await nothingHalf(district);
      }
      // Most rounds must have hit the middle, else nothing was tried.
      expect(cut).toBeGreaterThanOrEqual(3);
      expect(received.size).toBeGreaterThan(100);

      const whole = await stream(door(), district.key, visits);
      expect(whole.whole).toBe(true);
      expect(whole.receipts).toHaveLength(visits.length);
      for (const receipt of whole.receipts) {
        expect(receipt).toMatchObject({ version: 1, state: 'ready', reason: null });
        const earlier = received.get(receipt.sourceId as string);
        if (earlier !== undefined) expect(short(receipt)).toEqual(earlier);
      }
      const before = await sizes(district);
      expect(before).toMatchObject({ submission: 700 + 4 + 1 + PERSONS, encounters: 700 });
      const again = await stream(door(), district.key, visits);
      expect(again.receipts).toEqual(whole.receipts);
      expect(await sizes(district)).toEqual(before);
      await nothingHalf(district);
    }, 60_000);
  });

  describe('kill -9 in the middle of a delivery', () => {
    const VISITS = 160;
    let district: District;
    let service: Running;

    beforeAll(async () => {
      district = await createDistrict(engine, processes, { persons: PERSONS });
      service = await serve();
      await district.register(service.url);
    });

    // What is on the wire of a dead process is left alone for two time-outs.
    const serve = () => district.serve({ ILP_PLATFORM_TIMEOUT_MS: '2000' });
    const control = (path: string, init?: RequestInit) => call(`${district.sandbox.url}/_sandbox/${path}`, undefined, init);
    const encounters = async (): Promise<number> => (await control('counts')).body.resources.Encounter ?? 0;

    it('every visit reaches the platform once, whatever was on the wire', async () => {
      const random = seeded(name === 'sqlite' ? 7 : 8);
      const visits = Array.from({ length: VISITS }, (_, index) => visitOf(index, PERSONS));
      const { receipts } = await stream(`${service.url}/api/v1/encounters`, district.key, visits);
      expect(receipts).toHaveLength(VISITS);
      for (let round = 0; round < 4; round++) {
        const enough = (await encounters()) + 1 + Math.floor(random() * 20);
        if (round === 1) {
          // Handled only after the sender is dead and its follower at work.
          const fault = { match: { method: 'POST', path: '/fhir-r4/v1' }, action: 'delay', delayMs: 1_500, times: 6 };
          await control('faults', { method: 'POST', body: JSON.stringify(fault), headers: { 'content-type': 'application/json' } });
          await until(
            () => control('faults'),
            ({ body }) => body.faults.length === 0,
            5,
          );
        } else if (round === 2) {
          // Stored, and the answer lost, just before the end.
          const fault = { match: { method: 'POST', path: '/fhir-r4/v1' }, action: 'drop-after', times: 3 };
          await control('faults', { method: 'POST', body: JSON.stringify(fault), headers: { 'content-type': 'application/json' } });
          await until(
            () => control('faults'),
            ({ body }) => body.faults.length === 0,
            5,
          );
        } else {
          await until(encounters, (count) => count >= enough, 5);
        }
        await service.kill();
        service = await serve();
      }
      const open = await district.rows("select count(*) as n from delivery where state in ('ready', 'in-progress')");
      expect(Number(open[0]?.n), 'the kills must have come before the end').toBeGreaterThan(20);
      const ended = await until(
        () => feedOf(service.url, district.key),
        (feed) => [...feed.values()].every(({ state }) => state !== 'ready' && state !== 'in-progress'),
        100,
      );
      expect([...ended.values()].filter(({ state }) => state !== 'completed')).toEqual([]);
      const dump: Array<{ resourceType: string; identifier?: { system: string; value: string }[] }> = (await control('dump?format=json'))
        .body;
      const found = dump.filter(({ resourceType }) => resourceType === 'Encounter');
      expect(found).toHaveLength(VISITS);
      expect(new Set(found.map(({ identifier }) => identifier?.[0]?.value)).size).toBe(VISITS);
      expect(countDuplicates(dump)).toEqual({ groups: [], duplicates: 0 });
      await nothingHalf(district);
    }, 60_000);
  });
});

/** Each submission with all of its resources and its delivery, and nothing that belongs to no submission. */
async function nothingHalf({ store, rows }: District): Promise<void> {
  const submissions = await store.submissionFeed(CONTEXT, { limit: 1000, feed: 'encounters' });
  const wanted = submissions.flatMap(({ resources }) => resources);
  const there = await store.resources(CONTEXT, wanted);
  expect(there.length).toBe(wanted.length);
  const deliveries = new Map(
    (await store.deliveries({ limit: 5000 })).filter(({ kind }) => kind === 'encounter').map((delivery) => [delivery.submission, delivery]),
  );
  for (const { id, resources } of submissions) {
    expect(resources.length).toBeGreaterThan(3);
    const delivery = deliveries.get(id);
    expect(resources).toEqual(expect.arrayContaining([...(delivery?.resources ?? ['none'])]));
  }
  expect(deliveries.size).toBe(submissions.length);
  const orphans = await rows(`
    select 'resource' as what, count(*) as n from resource where submission is not null and submission not in (select id from submission)
    union all select 'delivery', count(*) from delivery where submission is not null and submission not in (select id from submission)
    union all select 'payload', count(*) from submission s
      where not exists (select 1 from submission_payload p where p.id = s.id and p.version = s.version)
    union all select 'history', count(*) from resource r
      where not exists (select 1 from resource_history h where h.resource = r.pk and h.version = r.version)
    union all select 'token', count(*) from search_token where resource not in (select pk from resource)`);
  expect(Object.fromEntries(orphans.map(({ what, n }) => [what, Number(n)]))).toEqual({
    resource: 0,
    delivery: 0,
    payload: 0,
    history: 0,
    token: 0,
  });
}

async function sizes({ rows }: District): Promise<Record<string, number>> {
  const tables = ['submission', 'submission_payload', 'resource', 'resource_history', 'delivery', 'person', 'search_token', 'search_date'];
  const counted = await rows(
    `${tables.map((table) => `select '${table}' as what, count(*) as n from ${table}`).join(' union all ')}
     union all select 'encounters', count(*) from submission where feed = 'encounters' and is_current = 1`,
  );
  return Object.fromEntries(counted.map(({ what, n }) => [String(what), Number(n)]));
}
