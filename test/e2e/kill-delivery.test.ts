import { beforeAll, describe, expect, it } from 'vitest';
import { countDuplicates } from '../../src/sandbox/duplicates.ts';
import { createEngine } from '../store/engines.ts';
import { call, closeDistricts, createDistrict, type District, feedOf, until, visitOf } from './district.ts';
import { nothingHalf } from './integrity.ts';
import { createProcesses, type Running, seeded, stream } from './processes.ts';

const PERSONS = 40;

closeDistricts();

describe.each(['sqlite', 'postgres'] as const)('kill -9 in the middle of a delivery, %s', (name) => {
  const engine = createEngine(name);
  const processes = createProcesses();

  const VISITS = 120;
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

  /** Has the next visits meet a fault, and waits until they have. */
  const spend = async (fault: object): Promise<void> => {
    const body = JSON.stringify({ match: { method: 'POST', path: '/fhir-r4/v1' }, ...fault });
    await control('faults', { method: 'POST', body, headers: { 'content-type': 'application/json' } });
    await until(
      () => control('faults'),
      (answer) => answer.body.faults.length === 0,
      5,
    );
  };

  it('every visit reaches the platform once, whatever was on the wire', async () => {
    const random = seeded(name === 'sqlite' ? 7 : 8);
    const visits = Array.from({ length: VISITS }, (_, index) => visitOf(index, PERSONS));
    const { receipts } = await stream(`${service.url}/api/v1/encounters`, district.key, visits);
    expect(receipts).toHaveLength(VISITS);
    for (let round = 0; round < 3; round++) {
      const enough = (await encounters()) + 1 + Math.floor(random() * 30);
      if (round === 1) {
        // Handled only after the sender is dead and its follower at work.
        await spend({ action: 'delay', delayMs: 1_500, times: 6 });
      } else if (round === 2) {
        // Stored, and the answer lost, just before the end.
        await spend({ action: 'drop-after', times: 3 });
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
  }, 120_000);
});
