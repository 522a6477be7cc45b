import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Issue } from '../../src/errors/index.ts';
import { type Running, register, runService, visit, weighing } from '../http/running-service.ts';

let running: Running;
let key: string;

beforeAll(async () => {
  running = await runService();
  key = await running.client('dinas');
  await register(running, key);
  const baby = { sourceSystem: 'simpus', sourceId: 'RM-baby', name: 'Bayi', birthDate: '2026-08-19', sex: 'male', facilityCode: 'P1' };
  await running.post('persons', baby, key);
});
afterAll(() => running.stop());

const baby = { person: { sourceId: 'RM-baby' }, cluster: 'K2' };

it.each([
  [
    'a visit before the birth',
    'encounters',
    visit('T-1', { ...baby, start: '2026-08-18T23:50:00+07:00', end: undefined }),
    'before-birth@start',
  ],
  [
    'an observation before the birth',
    'village-observations',
    weighing('T-2', { person: { sourceId: 'RM-baby' }, date: '2026-08-18' }),
    'before-birth@date',
  ],
  ['a session that ends before it begins', 'village-observations', weighing('T-3', { sessionEnd: '07:00' }), 'period-order@sessionEnd'],
  [
    'a session on another day',
    'village-observations',
    weighing('T-4', { sessionStart: '2026-08-12T08:00:00+07:00', sessionEnd: undefined }),
    'session-day@sessionStart',
  ],
] as const)('%s is refused, and the field named', async (_name, feed, record, issue) => {
  const { body } = await running.post(feed, record, key);
  expect(body.receipts[0]).toMatchObject({ state: 'failed', reason: 'refused' });
  const errors = (body.receipts[0].issues as Issue[]).filter(({ severity }) => severity === 'error');
  expect(errors.map(({ code, field }) => `${code}@${field}`)).toEqual([issue]);
});

it('on the day of birth itself, in the zone of the facility, is a visit of a newborn', async () => {
  // Half past eleven in the evening before, in UTC.
  const { body } = await running.post('encounters', visit('T-5', { ...baby, start: '2026-08-18T17:30:00Z', end: undefined }), key);
  expect(body.receipts[0]).toMatchObject({ state: 'ready', issues: [] });
});
