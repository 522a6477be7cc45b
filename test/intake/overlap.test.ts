import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../src/store/index.ts';
import { type Running, register, runService, visit } from '../http/running-service.ts';

let running: Running;
let client: Client;

beforeAll(async () => {
  running = await runService();
  await register(running, await running.client('dinas'));
  client = (await running.service.store.clients())[0] as Client;
});
afterAll(() => running.stop());

const raw = (value: Record<string, unknown>) => ({ line: 1, payload: JSON.stringify(value), value });
const accept = (feed: 'encounters' | 'persons' | 'facilities', values: readonly Record<string, unknown>[]) =>
  running.service.intake.accept({ feed, client, strict: false }, values.map(raw));
const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);

describe('groups that overlap', () => {
  it('a group sees the persons, facilities, versions and events of the one that is still being written', async () => {
    const fill = numbers(99).map((index) => visit(`fill-${index}`));
    const person = { sourceSystem: 'simpus', sourceId: 'RM-new', name: 'Baru', birthDate: '1990-01-01', sex: 'female', facilityCode: 'P1' };
    const posyandu = { sourceSystem: 'simpus', kind: 'posyandu', code: 'P1-NEW', name: 'Posyandu Baru', supervisorCode: 'P1-PT' };
    // Each goes in the last place of a group of 100; what needs it is in the next.
    const answers = await Promise.all([
      accept('encounters', fill),
      accept('persons', [person]),
      accept('encounters', [visit('new-1', { person: { sourceId: 'RM-new' }, complaint: 'sama' })]),
      accept(
        'encounters',
        numbers(98).map((index) => visit(`fill-2-${index}`)),
      ),
      accept('facilities', [posyandu]),
      accept('encounters', [
        visit('new-2', { facilityCode: 'P1-NEW' }),
        visit('new-3', { person: { sourceId: 'RM-new' }, complaint: 'sama' }),
        visit('new-1', { person: { sourceId: 'RM-new' }, complaint: 'lain' }),
      ]),
      accept(
        'encounters',
        numbers(97).map((index) => visit(`fill-3-${index}`)),
      ),
      accept('encounters', [{ sourceSystem: 'simpus', sourceId: 'new-2', recordStatus: 'withdrawn', withdrawnReason: 'salah' }]),
    ]);
    const verdicts = answers.flat().map(({ receipt }) => [receipt.sourceId, receipt.version, receipt.state, receipt.reason]);
    expect(verdicts.filter(([sourceId]) => !String(sourceId).startsWith('fill'))).toEqual([
      ['RM-new', 1, 'completed', 'registered'],
      ['new-1', 1, 'ready', null],
      ['P1-NEW', 1, 'completed', 'registered'],
      ['new-2', 1, 'ready', null],
      ['new-3', 1, 'cancelled', 'duplicate'],
      ['new-1', 2, 'ready', null],
      ['new-2', 2, 'completed', 'withdrawn'],
    ]);
    expect(verdicts.filter(([, , state]) => state === 'failed')).toEqual([]);
    const withdrawn = answers.at(-1)?.[0]?.receipt.id as string;
    expect((await running.service.store.deliveries({ submissionId: withdrawn })).map(({ state }) => state)).toEqual(['cancelled']);
  });

  it('when another process wrote the record meanwhile, what it wrote is read and the next version made', async () => {
    const { store } = running.service;
    const [first] = await accept('encounters', [visit('race-1')]);
    const id = first?.receipt.id as string;
    const commit = store.commit.bind(store);
    let meddled = false;
    // The other process: its version is in the store just before ours is to be written.
    store.commit = async (changes, fence) => {
      if (!meddled && changes.submissions?.some((write) => write.id === id)) {
        meddled = true;
        const write = changes.submissions.find((one) => one.id === id);
        if (write) await commit({ submissions: [{ ...write, contentHash: 'other' }] });
      }
      return commit(changes, fence);
    };
    try {
      const results = await Promise.all([
        accept('encounters', [visit('race-1', { complaint: 'dua' })]),
        accept(
          'encounters',
          numbers(120).map((index) => visit(`race-fill-${index}`)),
        ),
      ]);
      expect(results[0][0]?.receipt).toMatchObject({ id, version: 3, state: 'ready' });
      expect(results[1].filter(({ receipt }) => receipt.state !== 'ready')).toEqual([]);
    } finally {
      store.commit = commit;
    }
  });

  it('when the database fails, nothing of the group is receipted, and the next attempt is whole', async () => {
    const { store } = running.service;
    const commit = store.commit.bind(store);
    let failures = 1;
    store.commit = async (changes, fence) => {
      if (failures-- > 0) throw new Error('disk');
      return commit(changes, fence);
    };
    try {
      const settled = await Promise.allSettled([
        accept(
          'encounters',
          numbers(100).map((index) => visit(`disk-${index}`)),
        ),
        accept('encounters', [visit('disk-0', { complaint: 'lagi' }), visit('disk-100')]),
      ]);
      expect(settled.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
      const after = settled[1].status === 'fulfilled' ? settled[1].value.map(({ receipt }) => receipt.version) : [];
      expect(after).toEqual([1, 1]);
    } finally {
      store.commit = commit;
    }
  });
});
