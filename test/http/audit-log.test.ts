import { expect, it } from 'vitest';
import { AppError } from '../../src/errors/index.ts';
import { createAuditLog } from '../../src/http/index.ts';
import type { Audit, ChangeSet } from '../../src/store/index.ts';

const row = (target: string): Omit<Audit, 'at'> => ({
  client: 'c',
  action: 'fhir-read',
  target,
  outcome: 'success',
  code: null,
  requestId: target,
  count: 1,
});

/** A store that keeps audit rows and can be out of order. */
function scripted() {
  const kept: Audit[] = [];
  const state = { broken: false, commits: 0 };
  const commit = async ({ audits = [] }: ChangeSet) => {
    state.commits++;
    if (state.broken) throw new AppError('store-unavailable');
    kept.push(...audits);
    return { resources: [] };
  };
  return { kept, state, log: createAuditLog({ commit }, () => '2026-01-01T00:00:00.000Z') };
}

it('a noted row does not wait for its commit, and is there when the log is idle', async () => {
  const { kept, log } = scripted();
  await Promise.all([log.note(row('Patient/1')), log.note(row('Patient/2'))]);
  expect(kept).toEqual([]);
  await log.idle();
  expect(kept.map(({ target }) => target)).toEqual(['Patient/1', 'Patient/2']);
});

it('a written row is there when it resolves, or fails', async () => {
  const { kept, state, log } = scripted();
  await log.write(row('a'));
  expect(kept).toHaveLength(1);
  state.broken = true;
  await expect(log.write(row('b'))).rejects.toMatchObject({ code: 'store-unavailable' });
});

it('while rows cannot be written reads are refused; then the rows before come first and none is lost', async () => {
  const { kept, state, log } = scripted();
  state.broken = true;
  await log.note(row('1'));
  await log.idle();
  await expect(log.note(row('2'))).rejects.toMatchObject({ code: 'store-unavailable' });
  expect(kept).toEqual([]);
  state.broken = false;
  await log.note(row('3'));
  await log.idle();
  expect(kept.map(({ target }) => target)).toEqual(['1', '3']);
});

it('rows that wait are bounded: more of them wait for the disk', async () => {
  const { kept, log } = scripted();
  for (let n = 0; n < 1_001; n++) await log.note(row(String(n)));
  expect(kept.length).toBeGreaterThanOrEqual(1_000);
  await log.idle();
  expect(kept).toHaveLength(1_001);
});
