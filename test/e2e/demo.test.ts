import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEngine } from '../store/engines.ts';
import { createProcesses, type Ended } from './processes.ts';

// The service on PostgreSQL is tried by the other files; the whole day on it takes as long again.
const ENGINES = process.env.TEST_ALL === 'true' ? (['sqlite', 'postgres'] as const) : (['sqlite'] as const);

describe.each(ENGINES)('the demo on %s', (name) => {
  const engine = createEngine(name);
  const processes = createProcesses();
  const folder = mkdtempSync(path.join(tmpdir(), 'ilp-demo-'));
  const mark = randomUUID();
  let ended: Ended;
  // biome-ignore lint/suspicious/noExplicitAny: read field by field
  let result: any;

  beforeAll(async () => {
    const environ = name === 'sqlite' ? {} : { ILP_DEMO_DATABASE: await engine.createDatabase(), ILP_SECRET_KEY: '5e'.repeat(32) };
    ended = await processes.run(['demo', '--json', '--data', folder], { ...environ, TEST_MARK: mark });
    result = JSON.parse(ended.stdout.trimEnd().split('\n').at(-1) ?? '');
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('ends every record where it must: exit code 0', () => {
    expect([ended.code, ended.stderr]).toEqual([0, '']);
    expect(result).toMatchObject({ unexpected: 0, lost: 0, duplicatesOnPlatform: 0, failed: 0 });
  });

  it('answers with the promised numbers, and they add up', () => {
    const { received, refused, duplicates, delivered, waiting, failed, resourcesOnPlatform, seconds } = result;
    expect(received).toBeGreaterThanOrEqual(600);
    expect(received).toBe(refused + duplicates + delivered + waiting + failed);
    expect(refused + duplicates + waiting).toBeGreaterThanOrEqual(received / 20);
    expect(resourcesOnPlatform).toBeGreaterThan(delivered * 3);
    expect(seconds).toBeGreaterThan(0);
  });

  it.runIf(existsSync('/proc/self/environ'))('leaves no process behind', () => {
    const left = readdirSync('/proc').filter((pid) => {
      try {
        return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(mark);
      } catch {
        // Gone meanwhile, or another user's.
        return false;
      }
    });
    expect(left).toEqual([]);
  });

  it('keeps the secrets of its folder to their owner', () => {
    expect(readFileSync(path.join(folder, 'api-key'), 'utf8')).toMatch(/^ilp_/);
    if (name === 'postgres') expect(existsSync(path.join(folder, 'ilp.sqlite'))).toBe(false);
  });
});
