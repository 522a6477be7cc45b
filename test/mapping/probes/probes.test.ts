import { describe, expect, it } from 'vitest';
import { type Probe, probes } from './index.ts';
import { refused } from './refused.ts';
import { demanded, given } from './run.ts';

const isRefused = new Set(Object.values(refused).flat());
const named = (list: readonly Probe[]) => list.map((probe) => [probe.name, probe] as const);

describe('probes of the mapping language', () => {
  it('have names of their own, and each expects one thing', () => {
    const names = new Set(probes.map(({ name }) => name));
    expect(names.size).toBe(probes.length);
    expect(probes.length).toBeGreaterThanOrEqual(129);
    for (const probe of probes) expect('expected' in probe, probe.name).toBe(probe.error === undefined);
    expect([...isRefused].filter((name) => !names.has(name))).toEqual([]);
  });

  it.each(named(probes.filter(({ name }) => !isRefused.has(name))))('%s', (_, probe) => {
    const wanted = demanded(probe);
    expect(given(probe)).toEqual(
      'error' in wanted ? { error: { ...wanted.error, says: expect.stringContaining(wanted.error.says) } } : wanted,
    );
  });

  it.each(named(probes.filter(({ name }) => isRefused.has(name))))('refused: %s', (_, probe) => {
    expect(probe.error).toBeUndefined();
    expect(given(probe)).toEqual({ error: { line: expect.any(Number), says: expect.stringMatching(/./) } });
  });
});
