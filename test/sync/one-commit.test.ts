import { afterEach, expect, it } from 'vitest';
import { AppError } from '../../src/errors/index.ts';
import type { Store } from '../../src/store/port.ts';
import { BREBES, identifiers } from './fixtures.ts';
import { createRig, ENVIRONMENT, posyanduOf, type Rig } from './rig.ts';

let rig: Rig | undefined;
afterEach(async () => {
  await rig?.close();
  rig = undefined;
});

/** The process ends as soon as an outcome is written: nothing that follows it ever is. */
function dyingAfterOutcome(store: Store): Store {
  return new Proxy(store, {
    get(target, name) {
      if (name === 'commit') {
        const commit: Store['commit'] = async (changes, fence) => {
          if (fence === undefined) throw new AppError('store-unavailable');
          return target.commit(changes, fence);
        };
        return commit;
      }
      const value = target[name as keyof Store];
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** A unit that was received: one record, its Organization and its Location. */
async function receiveUnit(on: Rig): Promise<string> {
  const id = identifiers.submissionId('simpus', 'facilities', 'unit-1');
  const unit = posyanduOf(BREBES);
  const at = on.time.iso();
  const organization = `Organization/${identifiers.organizationId(unit)}`;
  const location = `Location/${identifiers.locationId(unit)}`;
  const base = {
    environment: ENVIRONMENT,
    owner: BREBES.code,
    state: 'ready' as const,
    reason: null,
    submission: id,
    submissionVersion: 1,
  };
  await on.store.commit({
    submissions: [
      {
        ...{ id, version: 1, feed: 'facilities', sourceSystem: 'simpus', sourceId: 'unit-1', sourceUpdatedAt: null, client: 'simpus' },
        ...{ facility: BREBES.code, contentHash: '1', fingerprint: null, duplicateOf: null, state: 'ready', reason: null },
        ...{ issues: [], unused: [], resources: [organization, location], story: [], receivedAt: at, payload: '{}' },
      },
    ],
    deliveries: [
      { ...base, key: `organization:${organization}`, kind: 'organization', partition: unit, resources: [organization], dependsOn: [] },
      {
        ...{ ...base, key: `location:${location}`, kind: 'location', partition: unit, resources: [location] },
        dependsOn: [`organization:${organization}`],
      },
    ],
  });
  return id;
}

it('a record of several deliveries is completed in the commit of the last one: a crash leaves nothing behind', async () => {
  rig = await createRig({ wrapStore: dyingAfterOutcome });
  const id = await receiveUnit(rig);
  const report = await rig.startWorker('a').drain({ patienceMs: 10_000 });
  expect(report).toMatchObject({ delivered: 2 });
  const states = (await rig.store.deliveries({ submissionId: id, environment: ENVIRONMENT })).map(({ state }) => state);
  expect(states).toEqual(['completed', 'completed']);
  expect(await rig.submission(id)).toMatchObject({ state: 'completed', reason: 'registered' });
  expect((await rig.submission(id))?.story.map(({ stage }) => stage)).toEqual(['delivered']);
});
