import { afterEach, describe, expect, it } from 'vitest';
import { resolveIdentities } from '../../src/sync/index.ts';
import { BREBES, identifiers, MIDWIFE_NIK, nikOf, patient, SIRAMPOG } from './fixtures.ts';
import { createRig, ENVIRONMENT, posyanduOf, type Rig } from './rig.ts';

let rig: Rig;
afterEach(() => rig.close());

/** People 0–9 at Brebes' posyandu, 10–14 at Sirampog's, 41 (whom the platform does not know) at Brebes; the midwife of Brebes. */
async function setUp(): Promise<void> {
  rig = await createRig();
  const person = (number: number, facility: string) => ({
    sourceKey: `simpus|${number}`,
    nikHash: identifiers.nikHash(nikOf(number)),
    patient: `Patient/${patient(number).id}`,
    birthDate: '1990-01-01',
    sex: 'female' as const,
    facility,
  });
  await rig.store.commit({
    persons: [
      ...Array.from({ length: 10 }, (_, number) => person(number, posyanduOf(BREBES))),
      ...Array.from({ length: 5 }, (_, number) => person(10 + number, SIRAMPOG.code)),
      person(41, BREBES.code),
    ],
    practitioners: [
      {
        sourceKey: 'simpus|midwife',
        nikHash: identifiers.nikHash(MIDWIFE_NIK),
        practitioner: `Practitioner/${identifiers.practitionerId(MIDWIFE_NIK)}`,
        name: 'Bidan',
        profession: 'bidan',
        facility: BREBES.code,
      },
    ],
  });
}

const run = (options: { pageSize?: number } = {}) =>
  resolveIdentities({ store: rig.store, platform: rig.connect(), hash: identifiers, clock: rig.time.clock, ...options });

describe('resolveIdentities', () => {
  it('looks up everybody once, page by page, and the visits of the day need no look-up any more', async () => {
    await setUp();
    expect(await run({ pageSize: 5 })).toEqual({ candidates: 17, asked: 17, found: 16, notFound: 1, skipped: 0, released: 0 });
    expect(await run({ pageSize: 5 })).toMatchObject({ candidates: 1, asked: 0, found: 0 });
    const before = (await rig.requests())['GET Patient'];
    const id = await rig.receive({ record: 'a', person: 3 });
    await rig.startWorker('w1').drain();
    expect((await rig.submission(id))?.state).toBe('completed');
    expect((await rig.requests())['GET Patient']).toEqual(before);
  });

  it('asks again for who was not found after a while, and lets go on what waited', async () => {
    await setUp();
    const waiting = await rig.receive({ record: 'a', person: 41 });
    await rig.startWorker('w1').drain();
    expect((await rig.submission(waiting))?.reason).toBe('identity');
    // The person is known to the platform in the meantime: nothing is asked before six hours have gone.
    const key = `patient:${identifiers.nikHash(nikOf(41))}`;
    expect(await run()).toMatchObject({ candidates: 16, asked: 15, notFound: 1, released: 0 });
    rig.time.advance(6 * 3_600_000 + 1);
    expect(await run()).toMatchObject({ candidates: 1, asked: 1, notFound: 1 });
    await rig.store.commit({ identities: [{ environment: ENVIRONMENT, key, platformId: 'P10000000041', checkedAt: rig.time.iso() }] });
    expect(await run()).toMatchObject({ candidates: 1, asked: 0, found: 1, released: 1 });
    expect((await rig.delivery(waiting))?.state).toBe('ready');
  });

  it('an owner without credential, or with a refused one, is skipped; the other is served', async () => {
    await setUp();
    rig.credentials.set(BREBES.code, { ...BREBES, secret: 'wrong' });
    const report = await run({ pageSize: 100 });
    expect([report.found, report.skipped]).toEqual([5, 12]);
    rig.credentials.delete(BREBES.code);
    expect(await run()).toMatchObject({ candidates: 12, skipped: 12, asked: 0 });
  });
});
