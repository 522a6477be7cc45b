import { afterEach, expect, it } from 'vitest';
import { BREBES, SIRAMPOG } from '../sync/fixtures.ts';
import { createRig, type Rig } from '../sync/rig.ts';

let rig: Rig;
afterEach(() => rig.close());
const sleep = (ms: number) => new Promise((r) => setTimeout(r, ms));
it('one slow delivery does not keep seven free places from others', async () => {
  rig = await createRig({ realTime: true });
  const inner = rig.connect();
  const began = Date.now();
  const at: string[] = [];
  const slow = {
    ...inner,
    find: async (u: never, t?: boolean) => {
      at.push(`${(u as { owner: string }).owner} ${Date.now() - began}`);
      if ((u as { owner: string }).owner === BREBES.code) await sleep(4000);
      return inner.find(u, t);
    },
  };
  await rig.receive({ record: 'a', person: 1, puskesmas: BREBES });
  const w = rig.startWorker('w1', { platform: slow as never });
  w.start();
  await sleep(300);
  await rig.receive({ record: 'b', person: 2, puskesmas: SIRAMPOG });
  w.wake();
  await sleep(2500);
  const seen = at.filter((l) => l.startsWith(SIRAMPOG.code));
  expect(seen.length).toBeGreaterThan(0);
});
