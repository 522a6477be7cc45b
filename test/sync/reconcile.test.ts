import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createSandbox, type Sandbox } from '../../src/sandbox/server.ts';
import { createSatusehatPlatform, type SatusehatPlatform } from '../../src/satusehat/platform.ts';
import type { Store } from '../../src/store/port.ts';
import { silentLog } from '../../src/sync/platform.ts';
import { RECONCILE_STATE, type ReconcileOptions, reconcile } from '../../src/sync/reconcile.ts';
import { mend } from '../../src/sync/reconcile-mend.ts';
import { RESTORED } from '../../src/sync/worker.ts';
import { forEachEngine } from '../store/engines.ts';
import { BREBES, people, SIRAMPOG } from './fixtures.ts';
import { createRig, ENVIRONMENT, type Rig } from './rig.ts';

const PUSKESMAS = [BREBES, SIRAMPOG];
let rig: Rig;
let folder: string;
const closing: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await rig.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Visits that were delivered, each with Encounter, Condition and two Observations. */
async function deliveredTo(visits: number, openStore?: () => Promise<Store>): Promise<void> {
  folder = mkdtempSync(path.join(tmpdir(), 'ilp-reconcile-'));
  rig = await createRig({ sandbox: { state: path.join(folder, 'state') }, ...(openStore && { openStore }) });
  for (const { code, ...rest } of PUSKESMAS) {
    const secret = { environment: ENVIRONMENT, owner: code, organizationId: rest.organizationId, clientId: rest.clientId, secret: 'x' };
    await rig.store.putCredential({ ...secret, createdAt: rig.time.iso(), allowedHours: null });
  }
  for (let number = 0; number < visits; number += 1) await rig.receive({ record: `v${number}`, person: number + 1 });
  await rig.startWorker('w').drain();
}

/** Another simulator that holds the same but for what the change takes away. */
async function elsewhere(
  keep: (resource: Record<string, unknown>) => boolean,
): Promise<{ sandbox: Sandbox; platform: SatusehatPlatform; url: string }> {
  const lines = readFileSync(path.join(folder, 'state'), 'utf8').split('\n').filter(Boolean);
  const kept = lines.map((line) => {
    const entry = JSON.parse(line) as { stored?: { at: number; resources: Record<string, unknown>[] } };
    return JSON.stringify(
      entry.stored === undefined ? entry : { stored: { ...entry.stored, resources: entry.stored.resources.filter(keep) } },
    );
  });
  const state = path.join(folder, randomUUID());
  writeFileSync(state, `${kept.join('\n')}\n`, { mode: 0o600 });
  const sandbox = createSandbox({
    people: people(40),
    clients: PUSKESMAS.map(({ clientId, secret, organizationId }) => ({ clientId, clientSecret: secret, organizationId })),
    now: rig.time.clock,
    state,
  });
  const url = await sandbox.start();
  closing.push(() => sandbox.stop());
  return { sandbox, url, platform: connectTo(url) };
}

function connectTo(url: string): SatusehatPlatform {
  const platform = createSatusehatPlatform({
    environment: ENVIRONMENT,
    baseUrls: { auth: `${url}/oauth2/v1`, fhir: `${url}/fhir-r4/v1` },
    credential: async (owner) => rig.credentials.get(owner),
    clock: rig.time.clock,
    monotonic: rig.time.clock,
    delay: rig.time.delay,
    timeoutMs: 5_000,
  });
  closing.push(() => platform.close());
  return platform;
}

const run = (options: Partial<ReconcileOptions> = {}) =>
  reconcile({
    store: rig.store,
    platform: connectTo(rig.url),
    clock: rig.time.clock,
    random: Math.random,
    newId: randomUUID,
    delay: rig.time.delay,
    signal: new AbortController().signal,
    log: silentLog,
    all: true,
    ...options,
  });

const platformIdsOf = async (record: number): Promise<Map<string, string>> => {
  const { encounters } = await visits();
  const delivery = encounters[record];
  return new Map((await rig.store.platformIds(ENVIRONMENT, delivery?.resources ?? [])).map((row) => [row.reference, row.platformId]));
};
const visits = async () => {
  const all = await rig.store.deliveries({ environment: ENVIRONMENT, limit: 1000 });
  return { all, encounters: all.filter(({ kind }) => kind === 'encounter') };
};
const idOf = (ids: Map<string, string>, type: string): string =>
  [...ids].find(([reference]) => reference.startsWith(`${type}/`))?.[1] ?? '';
const differences = async () =>
  (await rig.store.differences({ environment: ENVIRONMENT, open: true })).map(({ kind, platformId }) => [kind, platformId]);

/** Somebody else with a token of the same client. */
async function asOther(method: string, pathname: string, body?: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
  const form = new URLSearchParams({ client_id: BREBES.clientId, client_secret: BREBES.secret });
  const token = (await (
    await fetch(`${rig.url}/oauth2/v1/accesstoken?grant_type=client_credentials`, { method: 'POST', body: form })
  ).json()) as { access_token: string };
  const answer = await fetch(`${rig.url}/fhir-r4/v1${pathname}`, {
    method,
    headers: { authorization: `Bearer ${token.access_token}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

forEachEngine((engine) => {
  const delivered = (visits: number) => deliveredTo(visits, () => engine.openFresh());

  describe('mending', () => {
    it('tells what is missing, also an Encounter, and mends it without a second copy of anything', async () => {
      await delivered(3);
      const [first, second] = [await platformIdsOf(0), await platformIdsOf(1)];
      const lost = [idOf(first, 'Observation'), idOf(second, 'Encounter')];
      const { platform, url } = await elsewhere(({ id }) => !lost.includes(String(id)));
      expect(await run({ platform })).toMatchObject({ missing: 2, changed: 0, extra: 0, open: 2, complete: 1 });
      expect((await differences()).sort()).toEqual(lost.map((id) => ['missing', id]).sort());
      // Found again, it keeps one row each.
      expect(await run({ platform })).toMatchObject({ missing: 2, open: 2 });

      const options = { store: rig.store, platform, clock: rig.time.clock, actor: 'tester' };
      expect(await mend({ ...options, dryRun: true })).toEqual({ missing: 2, reopened: 2, left: 0 });
      expect(await differences()).toHaveLength(2);
      expect(await mend(options)).toEqual({ missing: 2, reopened: 2, left: 0 });
      expect(await mend(options)).toEqual({ missing: 0, reopened: 0, left: 0 });
      rig.time.advance(1_000);
      const report = await rig.startWorker('w2', { platform }).drain();
      expect(report).toMatchObject({ delivered: 2, failed: 0, held: 0 });

      const dump = (await (await fetch(`${url}/_sandbox/dump?format=json`)).json()) as Array<{
        resourceType: string;
        id: string;
        encounter?: { reference: string };
      }>;
      const count = (type: string) => dump.filter(({ resourceType }) => resourceType === type).length;
      expect([count('Encounter'), count('Condition'), count('Observation')]).toEqual([3, 3, 6]);
      const now = await platformIdsOf(1);
      const encounter = idOf(now, 'Encounter');
      expect(encounter).not.toBe(lost[1]);
      // What referred to the lost one refers to the new one.
      const dependants = dump.filter(({ id, encounter: at }) => at !== undefined && [...now.values()].includes(id));
      expect(dependants.map(({ encounter: at }) => at?.reference)).toEqual(dependants.map(() => `Encounter/${encounter}`));
      expect(await run({ platform })).toMatchObject({ missing: 0, open: 0 });
    });

    it('what is opened again and there after all is found by looking, and nothing is sent', async () => {
      await delivered(2);
      const ids = await platformIdsOf(0);
      const [reference] = [...ids.keys()];
      const id = ids.get(reference as string) ?? null;
      await rig.store.putDifferences([
        {
          ...{ environment: ENVIRONMENT, reference: reference as string, kind: 'missing', platformId: id, owner: BREBES.code },
          ...{ foundAt: rig.time.iso(), run: 'r' },
        },
      ]);
      const writes = async () =>
        Object.entries(await rig.requests()).filter(([route]) => /^(POST|PUT|PATCH) /.test(route) && !/token/.test(route));
      const before = await writes();
      await mend({ store: rig.store, platform: connectTo(rig.url), clock: rig.time.clock, actor: 'tester' });
      rig.time.advance(1_000);
      // A person who sends it again, or who holds it meanwhile, takes nothing of that away.
      const key = (await rig.store.deliveries({ environment: ENVIRONMENT, states: ['ready'] }))[0]?.key as string;
      const selection = { environment: ENVIRONMENT, keys: [key] };
      const act = { actor: 'tester', at: rig.time.iso() };
      const context = { client: 'tester', facilities: 'all', purpose: 'cli' } as const;
      expect((await rig.store.cancelDeliveries(context, selection, act)).left).toMatchObject([{ why: 'outcome-unknown' }]);
      expect(await rig.store.retryDeliveries(context, selection, act)).toMatchObject({ released: 1 });
      expect(await rig.startWorker('w2').drain()).toMatchObject({ delivered: 1, adopted: 1 });
      expect(await writes()).toEqual(before);
      expect(await platformIdsOf(0)).toEqual(ids);
    });
  });
});

describe('reconciliation', () => {
  const delivered = (visits: number) => deliveredTo(visits);

  it('finds nothing where nothing differs, and asks for few pages', async () => {
    await delivered(5);
    const before = JSON.stringify(await rig.onPlatform());
    const report = await run();
    expect(report).toMatchObject({ missing: 0, changed: 0, extra: 0, filled: 0, unknownId: 0, unread: 0, open: 0, complete: 1 });
    expect(report.units).toBe((await visits()).all.length);
    expect(JSON.stringify(await rig.onPlatform()), 'it only reads').toBe(before);
    expect((await rig.store.shared(ENVIRONMENT, [RECONCILE_STATE])).entries).toEqual([]);
  });

  it('tells what others changed, and what carries our identifier and is not known here', async () => {
    await delivered(2);
    const ids = await platformIdsOf(0);
    const id = idOf(ids, 'Observation');
    const { body: present } = await asOther('GET', `/Observation/${id}`);
    expect((await asOther('PUT', `/Observation/${id}`, { ...present, status: 'amended' })).status).toBe(200);
    const { id: _, meta: __, identifier, ...copy } = present;
    const own = (identifier as Array<{ system: string }>).filter(({ system }) => system.includes('/observation/'));
    const twin = { ...copy, identifier: own.map((entry) => ({ ...entry, value: 'another' })) };
    const made = await asOther('POST', '/Observation', twin);
    expect(made.status).toBe(201);
    expect(await run()).toMatchObject({ missing: 0, changed: 1, extra: 1, open: 2 });
    expect((await differences()).sort()).toEqual([
      ['changed', id],
      ['extra', made.body.id],
    ]);
    // Changed back by whoever it was: no difference any more.
    await asOther('PUT', `/Observation/${id}`, present);
    await run();
    expect(await differences()).toEqual([['extra', made.body.id]]);
  });

  it('fills in ids that were not known', async () => {
    await delivered(2);
    const ids = await platformIdsOf(1);
    const unknown = [...ids.keys()].slice(1);
    await rig.store.forgetPlatformIds(ENVIRONMENT, unknown);
    expect(await run()).toMatchObject({ filled: unknown.length, unknownId: 0, missing: 0, open: 0 });
    expect(await platformIdsOf(1)).toEqual(ids);
  });

  it('goes on where it was stopped, and leaves to others whoever is closed now', async () => {
    await delivered(6);
    const total = (await visits()).all.length;
    const stop = new AbortController();
    const first = await run({ signal: stop.signal, onUnit: (units) => units === 3 && stop.abort() });
    expect(first).toMatchObject({ units: 3, complete: 0 });
    let looked = 0;
    const second = await run({ onUnit: () => (looked += 1) });
    expect(second).toMatchObject({ units: total, complete: 1 });
    expect(looked).toBe(total - 3);

    const credentials = await rig.store.credentials(ENVIRONMENT);
    for (const each of credentials) await rig.store.putCredential({ ...each, allowedHours: '03:00-03:01' });
    expect(await run()).toMatchObject({ units: 0, complete: 0, ownersLeft: 1 });
  });

  it('looks at a sample, of the newest and of older ones; a dry run asks nothing', async () => {
    await delivered(12);
    const report = await run({ all: false, sample: 4, owners: [BREBES.code] });
    expect(report.units).toBeGreaterThanOrEqual(4);
    expect(report.units).toBeLessThanOrEqual(8);
    const before = JSON.stringify(await rig.requests());
    expect((await run({ dryRun: true })).units).toBe((await visits()).all.length);
    expect(JSON.stringify(await rig.requests())).toBe(before);
  });

  it('takes for no difference what was delivered a moment ago, or is sent anew while it is looked at', async () => {
    await delivered(2);
    const { all } = await visits();
    const { platform } = await elsewhere(() => false);
    const lagging = { ...platform, readLagMs: 3_600_000 };
    expect(await run({ platform: lagging })).toMatchObject({ units: all.length, missing: 0, open: 0 });
    const deliveries: typeof rig.store.deliveries = async (query) =>
      (await rig.store.deliveries(query)).map((each) => ({ ...each, state: 'ready' as const }));
    const store = new Proxy(rig.store, { get: (target, name) => (name === 'deliveries' ? deliveries : Reflect.get(target, name)) });
    expect(await run({ platform, store })).toMatchObject({ missing: 0, open: 0 });
    expect((await run({ platform })).missing).toBeGreaterThan(0);
  });

  it('waits when it is told to, and leaves an owner whose account is refused', async () => {
    await delivered(2);
    await rig.settings({ quotas: { default: { requests: 3, perMs: 60_000, retryAfter: true } } });
    expect(await run()).toMatchObject({ complete: 1, missing: 0, unread: 0 });
    rig.credentials.clear();
    expect(await run()).toMatchObject({ complete: 0, units: 0, ownersLeft: 1 });
    expect((await rig.store.shared(ENVIRONMENT, [RECONCILE_STATE])).entries).toEqual([]);
  });

  it('clears the mark of a restored backup when all was looked at, nothing differs and nothing waits', async () => {
    await delivered(2);
    await rig.store.putShared(ENVIRONMENT, RESTORED, '{}', null);
    const marked = async () => (await rig.store.shared(ENVIRONMENT, [RESTORED])).entries.length;
    await run({ all: false });
    expect(await marked()).toBe(1);
    await rig.receive({ record: 'waits', person: 9 });
    expect(await run()).toMatchObject({ open: 0, restoreEnded: 0 });
    await rig.startWorker('w2').drain();
    expect(await run()).toMatchObject({ open: 0, restoreEnded: 1 });
    expect(await marked()).toBe(0);
  });
});
