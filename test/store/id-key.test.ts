import { createHmac } from 'node:crypto';
import { expect, it } from 'vitest';
import { createIdentifiers, loadIdKey } from '../../src/store/index.ts';
import { forEachEngine } from './engines.ts';

const KEY = 'ab'.repeat(32);
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

forEachEngine((engine) => {
  it('the key is made once and is the same for every process', async () => {
    const store = await engine.openFresh();
    const keys = await Promise.all([loadIdKey(store), loadIdKey(store), loadIdKey(store)]);
    expect(keys[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(new Set(keys).size).toBe(1);
    expect(await loadIdKey(store, keys[0]?.toUpperCase())).toBe(keys[0]);
  });

  it('another or a broken key stops the start, and the stored one stays', async () => {
    const store = await engine.openFresh();
    await expect(loadIdKey(store, 'short')).rejects.toMatchObject({ code: 'id-key' });
    expect(await loadIdKey(store, KEY)).toBe(KEY);
    await expect(loadIdKey(store, 'cd'.repeat(32))).rejects.toMatchObject({ code: 'id-key' });
    expect(await loadIdKey(store)).toBe(KEY);
  });
});

it('a hash is the HMAC-SHA-256 that Node computes', () => {
  const ids = createIdentifiers(KEY);
  // A long one makes room, and leaves nothing of itself in those after it.
  for (const text of ['', 'a', 'é漢', 'x'.repeat(200), '漢'.repeat(900), 'a', '😀'.repeat(5_000), 'é漢']) {
    expect(ids.hash(text)).toBe(createHmac('sha256', Buffer.from(KEY, 'hex')).update(text).digest('hex'));
  }
});

it('ids are the same for the same record and differ in every part of it', () => {
  const ids = createIdentifiers(KEY);
  const record = ids.recordKey('simpus', 'encounters', '1');
  const all = [
    ids.submissionId('simpus', 'encounters', '1'),
    ids.submissionId('simpus', 'persons', '1'),
    ids.submissionId('rme', 'encounters', '1'),
    ids.resourceId(record, 'encounter'),
    ids.resourceId(record, 'observation:8480-6'),
    ids.resourceId(ids.recordKey('simpus', 'encounters', '2'), 'encounter'),
    ids.organizationId('P1'),
    ids.locationId('P1'),
    ids.practitionerId('1'),
    ids.patientId({ nik: '1', sourceKey: 'x' }),
    ids.patientId({ sourceKey: 'x' }),
    createIdentifiers('cd'.repeat(32)).organizationId('P1'),
  ];
  expect(new Set(all).size).toBe(all.length);
  for (const id of all) expect(id).toMatch(UUID);
  expect(createIdentifiers(KEY).resourceId(record, 'encounter')).toBe(ids.resourceId(record, 'encounter'));
  // The parts of a record cannot run into each other.
  expect(ids.recordKey('a|encounters', 'encounters', 'b')).not.toBe(ids.recordKey('a', 'encounters', 'encounters|b'));
});

it('a patient is one over all sources by NIK, a newborn by mother, order and date, else one for each source key', () => {
  const { patientId, nikHash } = createIdentifiers(KEY);
  expect(patientId({ nik: '32', sourceKey: 'a|1' })).toBe(patientId({ nik: '32', nikIbu: '9', sourceKey: 'b|2' }));
  const twin = (birthOrder: number | undefined, sourceKey = 'a|1') =>
    patientId({ nikIbu: '9', birthOrder, birthDate: '2026-11-01', sourceKey });
  expect(twin(1)).toBe(twin(1, 'b|2'));
  expect(twin(1)).not.toBe(twin(2));
  expect(twin(undefined, 'a|1')).toBe(patientId({ sourceKey: 'a|1' }));
  expect(twin(undefined, 'a|1')).not.toBe(twin(undefined, 'a|2'));
  expect(nikHash('32')).toMatch(/^[0-9a-f]{64}$/);
});
