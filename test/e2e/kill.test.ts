import { beforeAll, describe, expect, it } from 'vitest';
import type { Receipt } from '../../src/cli/push.ts';
import { createEngine } from '../store/engines.ts';
import { closeDistricts, createDistrict, type District, feedOf, visitOf } from './district.ts';
import { nothingHalf, sizes } from './integrity.ts';
import { createProcesses, type Running, seeded, stream } from './processes.ts';

const PERSONS = 40;
const VISITS = 500;
const ROUNDS = 4;

closeDistricts();

describe.each(['sqlite', 'postgres'] as const)('kill -9 in the middle of a push, %s', (name) => {
  const engine = createEngine(name);
  const processes = createProcesses();

  const visits = Array.from({ length: VISITS }, (_, index) => visitOf(index, PERSONS));
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
      // Before the last groups, so that there is a middle to hit.
      const enough = Math.min(received.size + Math.floor(random() * 60), VISITS - 150);
      const lateMs = random() * 30;
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
    expect(cut).toBeGreaterThanOrEqual(ROUNDS / 2);
    expect(received.size).toBeGreaterThan(ROUNDS);

    const whole = await stream(door(), district.key, visits);
    expect(whole.whole).toBe(true);
    expect(whole.receipts).toHaveLength(visits.length);
    for (const receipt of whole.receipts) {
      expect(receipt).toMatchObject({ version: 1, state: 'ready', reason: null });
      const earlier = received.get(receipt.sourceId as string);
      if (earlier !== undefined) expect(short(receipt)).toEqual(earlier);
    }
    const before = await sizes(district);
    expect(before).toMatchObject({ submission: VISITS + 4 + 1 + PERSONS, encounters: VISITS });
    const again = await stream(door(), district.key, visits);
    expect(again.receipts).toEqual(whole.receipts);
    expect(await sizes(district)).toEqual(before);
    await nothingHalf(district);
  }, 120_000);
});
