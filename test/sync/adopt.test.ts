import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Store } from '../../src/store/port.ts';
import { type AdoptLine, type AdoptOptions, adopt } from '../../src/sync/adopt.ts';
import { fromPlatform } from '../../src/sync/adopt-platform.ts';
import { forEachEngine } from '../store/engines.ts';
import { BREBES, identifiers } from './fixtures.ts';
import { createRig, ENVIRONMENT, posyanduOf, type Rig } from './rig.ts';

let rig: Rig;
afterEach(() => rig.close());

const lines = async function* (rows: readonly AdoptLine['row'][]): AsyncGenerator<AdoptLine> {
  for (const [index, row] of rows.entries()) yield { line: index + 2, row };
};
const take = (rows: readonly AdoptLine['row'][], options: Partial<AdoptOptions> = {}) =>
  adopt({ store: rig.store, ids: identifiers, environment: ENVIRONMENT, clock: rig.time.clock, actor: 'tester', ...options }, lines(rows));

const encounterOf = (record: string): string =>
  `Encounter/${identifiers.resourceId(identifiers.recordKey('simpus', 'encounters', record), 'encounter')}`;
const counts = async () => {
  const platform = await rig.onPlatform();
  return [platform.Encounter?.length ?? 0, platform.Condition?.length ?? 0, platform.Observation?.length ?? 0];
};

/** What another bridge sends, with a token of the same client. */
async function otherBridge(type: string, body: Record<string, unknown>): Promise<string> {
  const form = new URLSearchParams({ client_id: BREBES.clientId, client_secret: BREBES.secret });
  const grant = await fetch(`${rig.url}/oauth2/v1/accesstoken?grant_type=client_credentials`, { method: 'POST', body: form });
  const { access_token: token } = (await grant.json()) as { access_token: string };
  const answer = await fetch(`${rig.url}/fhir-r4/v1/${type}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const made = (await answer.json()) as { id: string };
  expect(answer.status, JSON.stringify(made)).toBe(201);
  return made.id;
}

/** A visit of the platform, once more under another bridge's number. */
async function visitOfOtherBridge(number: string): Promise<string> {
  const [present] = (await rig.onPlatform()).Encounter ?? [];
  const { id: _, meta: __, ...rest } = present as Record<string, unknown>;
  return otherBridge('Encounter', {
    ...rest,
    identifier: [{ system: `http://sys-ids.kemkes.go.id/encounter/${BREBES.organizationId}`, value: number }],
    period: { start: '2025-06-11T01:00:00+00:00', end: '2025-06-11T01:20:00+00:00' },
    statusHistory: [{ status: 'arrived', period: { start: '2025-06-11T01:00:00+00:00', end: '2025-06-11T01:20:00+00:00' } }],
  });
}

async function setUp(openStore?: () => Promise<Store>): Promise<void> {
  rig = await createRig(openStore && { openStore });
  await rig.receive({ record: 'first', person: 1 });
  expect(await rig.startWorker('w').drain()).toMatchObject({ waiting: 0, reasons: {} });
}

forEachEngine((engine) => {
  describe('take-over of Encounters from a file', () => {
    beforeEach(() => setUp(() => engine.openFresh()));

    it('an Encounter ahead of its record: when that comes, nothing of it is sent', async () => {
      const platformId = await visitOfOtherBridge('REG-1');
      const row = { type: 'Encounter', sourceSystem: 'simpus', feed: 'encounters', sourceId: 'later', platformId, versionId: '1' };
      expect(await take([row], { dryRun: true })).toMatchObject({ rows: 1, adopted: 1, ahead: 1 });
      expect(await take([row])).toMatchObject({ rows: 1, adopted: 1, already: 0, ahead: 1, problems: [] });
      expect(await take([row])).toMatchObject({ rows: 1, adopted: 0, already: 1, ahead: 0 });
      const before = await counts();
      const posts = await rig.requests();
      const id = await rig.receive({ record: 'later', person: 2 });
      expect(await rig.startWorker('w2').drain()).toMatchObject({ delivered: 1, failed: 0, held: 0 });
      expect(await rig.submission(id)).toMatchObject({ state: 'completed' });
      // Nor is what changes here written over what the other bridge brought.
      await rig.receive({ record: 'later', person: 2, systolic: 150 }, 2);
      await rig.startWorker('w3').drain();
      expect(await rig.submission(id)).toMatchObject({ state: 'completed', version: 2 });
      expect(await counts()).toEqual(before);
      expect((await rig.requests())['POST /']).toEqual(posts['POST /']);
      expect(await rig.store.platformIds(ENVIRONMENT, [encounterOf('later')])).toMatchObject([{ platformId, platformVersion: '1' }]);
    });

    it('with --send-missing what is not there is sent, once, and what is there stays as it is', async () => {
      const platformId = await visitOfOtherBridge('REG-1');
      const base = { sourceSystem: 'simpus', sourceId: 'later' };
      const [before] = await counts();
      await take([{ ...base, type: 'Encounter', platformId }], { sendMissing: true });
      const id = await rig.receive({ record: 'later', person: 1 });
      await rig.startWorker('w2').drain();
      expect(await rig.submission(id)).toMatchObject({ state: 'completed' });
      const after = await counts();
      expect(after).toEqual([before, 2, 4]);
      const observations = (await rig.onPlatform()).Observation ?? [];
      const at = observations.filter((each) => (each.encounter as { reference: string }).reference === `Encounter/${platformId}`);
      expect(at).toHaveLength(2);
      await rig.startWorker('w3').drain();
      expect(await counts()).toEqual(after);
    });

    it('what was stopped here goes on, and completes without being sent', async () => {
      const platformId = await visitOfOtherBridge('REG-1');
      await rig.receive({ record: 'held', person: 3 });
      const key = `encounter:${encounterOf('held')}`;
      await rig.store.commit({
        deliveryOutcomes: [
          { key, environment: ENVIRONMENT, state: 'on-hold', reason: 'duplicate', issues: [], at: rig.time.iso(), countAttempt: true },
        ],
      });
      expect(await take([{ type: 'Encounter', sourceSystem: 'simpus', sourceId: 'held', platformId }])).toMatchObject({
        adopted: 1,
        ahead: 0,
        released: 1,
      });
      const before = await counts();
      expect(await rig.startWorker('w2').drain()).toMatchObject({ delivered: 1 });
      expect(await counts()).toEqual(before);
      const trail = await rig.store.deliveryTrail({ client: 'test', facilities: 'all', purpose: 'job' }, ENVIRONMENT, key);
      expect(trail.map(({ action, actor }) => [action, actor])).toContainEqual(['adopted', 'tester']);
    });
  });
});

describe('take-over from a file', () => {
  it('units are registered under the id they have, and the visits there refer to it', async () => {
    rig = await createRig();
    const unit = posyanduOf(BREBES);
    const sid = (kind: string) => `http://sys-ids.kemkes.go.id/${kind}/${BREBES.organizationId}`;
    const organization = await otherBridge('Organization', {
      resourceType: 'Organization',
      active: true,
      name: `Unit ${unit}`,
      identifier: [{ use: 'official', system: sid('organization'), value: 'other-1' }],
      type: [
        { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/organization-type', code: 'dept', display: 'Hospital Department' }] },
      ],
      partOf: { reference: `Organization/${BREBES.organizationId}` },
    });
    const store = rig.store;
    const found = await fromPlatform({ store, platform: rig.connect(), ids: identifiers, owner: BREBES.code });
    if (found.kind !== 'rows') throw new Error(found.reason);
    expect(found.rows).toContainEqual({ type: 'Organization', platformId: organization, versionId: expect.any(String), facility: unit });
    expect(await take(found.rows)).toMatchObject({ rows: found.rows.length, adopted: 1, refused: 0 });
    const id = await rig.receive({ record: 'v', person: 1 });
    await rig.startWorker('w').drain();
    expect(await rig.submission(id)).toMatchObject({ state: 'completed' });
    const organizations = (await rig.onPlatform()).Organization ?? [];
    expect(organizations.filter(({ name }) => name === `Unit ${unit}`)).toHaveLength(1);
  });

  it('accounts for every row, and names what is wrong with it', async () => {
    rig = await createRig();
    const unit = { type: 'Organization', facility: posyanduOf(BREBES), platformId: 'o-1' };
    const visit = { type: 'Encounter', sourceSystem: 'simpus', sourceId: 'a', platformId: 'e-1' };
    const report = await take([
      unit,
      { ...unit, platformId: 'o-2' },
      { ...unit, facility: 'P0000000000', platformId: 'o-3' },
      { ...unit, facility: '', platformId: 'o-4' },
      visit,
      { ...visit, sourceId: 'b' },
      { ...visit, sourceId: 'c', platformId: 'a b' },
      { ...visit, sourceId: 'c', platformId: '' },
      { ...visit, sourceId: 'c', platformId: 'e-3', feed: 'wrong' },
      { ...visit, sourceId: '', platformId: 'e-3' },
      { type: 'Observation', sourceSystem: 'simpus', sourceId: 'a', platformId: 'b-1' },
      { type: 'Patient', sourceSystem: 'simpus', sourceId: 'nobody', platformId: 'P1' },
      { type: 'Invoice', platformId: 'x' },
      {},
      { ...visit },
    ]);
    expect(report).toMatchObject({ rows: 15, adopted: 2, already: 1, unknown: 2, refused: 10 });
    expect(report.problems.map(({ line, outcome, field, why }) => [line, outcome, field, why])).toEqual([
      [4, 'unknown', 'facility', 'not-registered'],
      [5, 'refused', 'facility', 'required'],
      [7, 'refused', 'platformId', 'id-twice'],
      [8, 'refused', 'platformId', 'form'],
      [9, 'refused', 'platformId', 'required'],
      [10, 'refused', 'feed', 'value'],
      [11, 'refused', 'sourceId', 'required'],
      [12, 'refused', 'role', 'required'],
      [13, 'unknown', 'sourceId', 'not-registered'],
      [14, 'refused', 'type', 'value'],
      [15, 'refused', 'type', 'required'],
      [3, 'refused', 'platformId', 'other-id'],
    ]);
  });
});

describe('take-over from the platform', () => {
  it('finds Encounters by their record, or by our own identifier of an earlier life; the rest is counted as unknown', async () => {
    await setUp();
    const platformId = await visitOfOtherBridge('later');
    const options = { store: rig.store, platform: rig.connect(), ids: identifiers, owner: BREBES.code };
    const days = { from: '2025-06-10', to: '2025-06-11' };
    const found = await fromPlatform({ ...options, days, sourceSystem: 'simpus' });
    if (found.kind !== 'rows') throw new Error(found.reason);
    expect(found.rows.filter(({ type }) => type === 'Encounter')).toHaveLength(2);
    expect(await take(found.rows)).toMatchObject({ rows: found.rows.length, adopted: 1, ahead: 1, refused: 0 });
    const before = await counts();
    await rig.receive({ record: 'later', person: 2 });
    await rig.startWorker('w2').drain();
    expect(await counts()).toEqual(before);
    expect(await rig.store.platformIds(ENVIRONMENT, [encounterOf('later')])).toMatchObject([{ platformId }]);

    const without = await fromPlatform({ ...options, days });
    if (without.kind !== 'rows') throw new Error(without.reason);
    const report = await take(without.rows);
    expect(report).toMatchObject({ adopted: 0, unknown: 1, refused: 0 });
    expect(report.rows).toBe(report.already + 1);
  });

  it('tells why the platform gave no answer', async () => {
    rig = await createRig();
    rig.credentials.clear();
    const options = { store: rig.store, platform: rig.connect(), ids: identifiers, owner: BREBES.code };
    expect(await fromPlatform(options)).toEqual({ kind: 'trouble', reason: 'no-account' });
  });
});
