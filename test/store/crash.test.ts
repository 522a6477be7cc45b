import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { openStore } from '../../src/store/index.ts';
import { createEngine } from './engines.ts';
import { ALL } from './records.ts';

describe('kill -9 while commits go on', () => {
  const engine = createEngine('sqlite');

  // Twice on the same database: the second writer has to get over what the first left behind.
  it('loses no commit that was acknowledged and leaves none half done', async () => {
    const database = await engine.createDatabase();
    const acknowledged: string[] = [];
    for (const stopAfter of [15, 25]) {
      const child = spawn(process.execPath, [join(import.meta.dirname, 'crash-writer.ts'), database], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const ended = new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal)));
      let count = 0;
      for await (const line of createInterface(child.stdout)) {
        acknowledged.push(line);
        count += 1;
        if (count === stopAfter) child.kill('SIGKILL');
      }
      expect(await ended).toBe('SIGKILL');
      expect(count).toBeGreaterThanOrEqual(stopAfter);
    }

    const store = await openStore(database);
    const found = await store.submissionFeed(ALL, { limit: 100_000 });
    const ids = new Set(found.map(({ id }) => id));
    expect(acknowledged.filter((id) => !ids.has(id))).toEqual([]);
    // Each commit was a submission with 50 resources, their index and a delivery: all or nothing.
    const { total } = await store.search(ALL, { type: 'Observation', filters: [], count: 0, total: true });
    expect(total).toBe(found.length * 50);
    for (const { resources, id } of found) {
      expect(await store.resources(ALL, resources)).toHaveLength(50);
      const subject = { param: 'subject', kind: 'reference' as const, values: [`Patient/${id}`] };
      expect((await store.search(ALL, { type: 'Observation', filters: [subject], count: 0, total: true })).total).toBe(50);
      expect(await store.deliveries({ submissionId: id })).toHaveLength(1);
    }
    await store.close();
  });
});
