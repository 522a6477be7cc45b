import { expect, it } from 'vitest';
import { openStore, type Store } from '../../src/store/index.ts';
import { forEachEngine } from './engines.ts';
import { AT, LATER } from './records.ts';

forEachEngine((engine) => {
  const open = async () => {
    const database = await engine.createDatabase();
    const stores = [await openStore(database), await openStore(database)] as const;
    await stores[0].migrate();
    return stores;
  };
  const entry = async (store: Store, name: string) => (await store.shared('sandbox', [name])).entries[0];

  it('16 writers on two connections lose no update of a shared value', async () => {
    const stores = await open();
    const [one] = stores;
    const times = 3;
    const count = async (store: Store) => {
      for (let done = 0; done < times; ) {
        const known = await entry(store, 'counter');
        const next = String(Number(known?.value ?? 0) + 1);
        if (await store.putShared('sandbox', 'counter', next, known?.version ?? null)) done += 1;
      }
    };
    await Promise.all(Array.from({ length: 16 }, (_unused, n) => count(stores[n % 2] as Store)));
    expect(await entry(one, 'counter')).toMatchObject({ value: String(16 * times), version: 16 * times });
    for (const store of stores) await store.close();
  });

  it('a value is written by who knows it, and a version never comes back', async () => {
    const stores = await open();
    const [one, two] = stores;
    expect(await one.shared('sandbox', ['none'])).toMatchObject({ entries: [] });
    expect(Math.abs((await one.shared('sandbox', ['none'])).nowMs - Date.now())).toBeLessThan(5_000);
    expect(await one.putShared('sandbox', 'a', null, null)).toBe(true);
    expect(await one.putShared('sandbox', 'a', 'first', 1)).toBe(false);
    expect(await one.putShared('sandbox', 'a', 'first', null)).toBe(true);
    expect(await two.putShared('sandbox', 'a', 'other', null)).toBe(false);
    expect(await two.putShared('sandbox', 'a', null, null)).toBe(false);
    expect(await two.putShared('production', 'a', 'another', null)).toBe(true);
    const first = (await entry(two, 'a'))?.version as number;
    expect(await two.putShared('sandbox', 'a', null, first)).toBe(true);
    expect(await entry(one, 'a')).toBeUndefined();
    expect(await one.putShared('sandbox', 'a', 'late', first)).toBe(false);
    expect(await one.putShared('sandbox', 'a', 'second', null)).toBe(true);
    // The version of the first must not fit the second.
    expect(await two.putShared('sandbox', 'a', 'late', first)).toBe(false);
    await two.putShared('sandbox', 'b', "'; drop table shared_state; --\u0000", null);
    const { nowMs, entries } = await two.shared('sandbox');
    expect(entries.map(({ name, value }) => [name, value])).toEqual([
      ['a', 'second'],
      ['b', "'; drop table shared_state; --\u0000"],
    ]);
    for (const { updatedAt } of entries) expect(Math.abs(Date.parse(updatedAt) - nowMs)).toBeLessThan(5_000);
    for (const store of stores) await store.close();
  });

  it('differences are found, found again, and resolved', async () => {
    const store = await engine.openFresh();
    const difference = (reference: string, kind: 'missing' | 'changed' | 'extra', run: string, foundAt = AT) => ({
      environment: 'sandbox',
      reference,
      kind,
      platformId: kind === 'missing' ? null : 'x',
      foundAt,
      run,
      owner: 'P1',
    });
    await store.putDifferences([]);
    await store.putDifferences([
      difference('Encounter/b', 'missing', 'r1'),
      difference('Encounter/a', 'changed', 'r1'),
      difference('Observation/c', 'extra', 'r1'),
      difference('Encounter/a', 'changed', 'r1'),
    ]);
    expect(await store.differences({ environment: 'production' })).toEqual([]);
    const page = await store.differences({ environment: 'sandbox', limit: 2 });
    expect(page.map(({ reference }) => reference)).toEqual(['Encounter/a', 'Encounter/b']);
    const rest = await store.differences({ environment: 'sandbox', after: page[1] as (typeof page)[number] });
    expect(rest).toEqual([{ ...difference('Observation/c', 'extra', 'r1'), resolvedAt: null }]);

    await store.putDifferences([difference('Encounter/b', 'missing', 'r2', LATER)]);
    expect(await store.resolveDifferences({ environment: 'sandbox', kinds: ['missing', 'changed'], exceptRun: 'r2', at: LATER })).toBe(1);
    expect(await store.differences({ environment: 'sandbox', open: false })).toMatchObject([
      { reference: 'Encounter/a', resolvedAt: LATER },
    ]);
    expect(await store.differences({ environment: 'sandbox', open: true, run: 'r2' })).toMatchObject([
      { reference: 'Encounter/b', foundAt: AT, run: 'r2' },
    ]);
    expect(await store.resolveDifferences({ environment: 'sandbox', references: ['Encounter/a', 'Encounter/b'], at: LATER })).toBe(1);
    await store.putDifferences([difference('Encounter/a', 'changed', 'r3', LATER)]);
    expect(await store.differences({ environment: 'sandbox', kinds: ['changed'] })).toMatchObject([{ foundAt: AT, resolvedAt: null }]);
  });
});
