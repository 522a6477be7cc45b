import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { forEachEngine } from './engines.ts';
import { AT, delivery, outcome } from './records.ts';

forEachEngine((engine) => {
  it('completed deliveries come newest first, of one owner and environment, below a number', async () => {
    const store = await engine.openFresh();
    const environment = randomUUID();
    const keys = ['a', 'b', 'c', 'd'];
    await store.commit({
      deliveries: [
        ...keys.map((key) => ({ ...delivery(key), environment, owner: 'P1' })),
        { ...delivery('other'), environment, owner: 'P2' },
        { ...delivery('elsewhere'), owner: 'P1' },
      ],
    });
    await store.commit({
      deliveryOutcomes: [...keys.slice(0, 3), 'other'].map((key) => outcome(key, { environment, state: 'completed', reason: null })),
    });
    const page = async (before?: number) =>
      store.completedDeliveries({ environment, owner: 'P1', limit: 2, ...(before !== undefined && { before }) });
    const first = await page();
    expect(first.map(({ key }) => key)).toEqual(['c', 'b']);
    const second = await page(first.at(-1)?.id);
    expect(second.map(({ key }) => key)).toEqual(['a']);
    expect(await page(second.at(-1)?.id)).toEqual([]);
  });

  it('platform ids are forgotten in one environment only', async () => {
    const store = await engine.openFresh();
    const row = { reference: 'Encounter/1', platformId: 'p', platformVersion: null, at: AT };
    await store.commit({
      platformIds: ['sandbox', 'staging'].flatMap((environment) => [
        { ...row, environment },
        { ...row, environment, reference: 'Encounter/2' },
      ]),
    });
    await store.forgetPlatformIds('sandbox', ['Encounter/1', 'Encounter/9']);
    await store.forgetPlatformIds('sandbox', []);
    const left = async (environment: string) =>
      (await store.platformIds(environment, ['Encounter/1', 'Encounter/2'])).map(({ reference }) => reference).sort();
    expect([await left('sandbox'), await left('staging')]).toEqual([['Encounter/2'], ['Encounter/1', 'Encounter/2']]);
  });
});
