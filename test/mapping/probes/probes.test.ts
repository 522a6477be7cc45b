import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src/errors/index.ts';
import { type Probe, probes } from './index.ts';
import { transform } from './run.ts';

/** What a probe gives, in the form in which it says what it expects. */
function outcome({ map, imports = [], input }: Probe): object {
  try {
    const { result, issues } = transform(map, imports, input);
    return { expected: result, issues: [...issues].sort() };
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'map-compile') throw error;
    return { error: { line: error.params.line, says: error.params.problem } };
  }
}

describe('probes of the mapping language', () => {
  it('have names of their own, and each expects one thing', () => {
    expect(new Set(probes.map(({ name }) => name)).size).toBe(probes.length);
    for (const probe of probes) expect('expected' in probe, probe.name).toBe(probe.error === undefined);
  });

  it.each(probes.map((probe) => [probe.name, probe] as const))('%s', (_, probe) => {
    const { error, expected, issues = [] } = probe;
    expect(outcome(probe)).toEqual(
      error === undefined
        ? { expected, issues: [...issues].sort() }
        : { error: { line: error.line, says: expect.stringContaining(error.says) } },
    );
  });
});
