import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src/errors/index.ts';
import { refused, wrong } from './deviations.ts';
import { type Probe, probes } from './index.ts';
import { transform } from './run.ts';

/** What a probe gives, in the form of `demanded`. */
function given({ map, imports = [], input }: Probe): object {
  try {
    const { result, issues } = transform(map, imports, input);
    return { expected: result, issues: [...issues].sort() };
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'map-compile') throw error;
    return { error: { line: error.params.line, says: error.params.problem } };
  }
}

function demanded({ error, expected, issues = [] }: Probe): object {
  if (error !== undefined) return { error: { line: error.line, says: expect.stringContaining(error.says) } };
  return { expected, issues: [...issues].sort() };
}

const isRefused = new Set(Object.values(refused).flat());
const isWrong = new Set(Object.values(wrong).flat());
const named = (list: readonly Probe[]) => list.map((probe) => [probe.name, probe] as const);

describe('probes of the mapping language', () => {
  it('have names of their own, and each expects one thing', () => {
    const names = new Set(probes.map(({ name }) => name));
    expect(names.size).toBe(probes.length);
    for (const probe of probes) expect('expected' in probe, probe.name).toBe(probe.error === undefined);
    expect([...isRefused, ...isWrong].filter((name) => !names.has(name))).toEqual([]);
  });

  it.each(named(probes.filter(({ name }) => !isRefused.has(name) && !isWrong.has(name))))('%s', (_, probe) => {
    expect(given(probe)).toEqual(demanded(probe));
  });

  it.each(named(probes.filter(({ name }) => isRefused.has(name))))('refused: %s', (_, probe) => {
    expect(probe.error).toBeUndefined();
    expect(given(probe)).toEqual({ error: { line: expect.any(Number), says: expect.stringMatching(/./) } });
  });

  it.each(named(probes.filter(({ name }) => isWrong.has(name))))('not yet: %s', (_, probe) => {
    expect(given(probe)).not.toEqual(demanded(probe));
  });
});
