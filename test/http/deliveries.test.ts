import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Reason, State } from '../../src/errors/index.ts';
import type { Delivery } from '../../src/store/index.ts';
import { type Answer, type Running, register, runService, visit } from './running-service.ts';

/** What stopped, over real HTTP: who may see and touch it, what is refused, and that each selected is accounted for. */

let running: Running;
let admin: string;
let reader: string;
let foreign: string;
let keys: string[];

const act = async (name: string, body: unknown, key = admin, type = 'application/json'): Promise<Answer> => {
  const response = await fetch(`${running.url}/api/v1/deliveries/${name}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': type },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
};
/** As a worker leaves it: the delivery and the record behind it. */
async function stop(key: string, state: State, reason: Reason | null): Promise<void> {
  const at = new Date().toISOString();
  const { submission: id, submissionVersion: version } = await one(key);
  await running.service.store.commit({
    deliveryOutcomes: [{ key, environment: 'sandbox', state, reason, issues: [], at, countAttempt: true }],
    ...(id !== null && { submissionStates: [{ id, version: version ?? 1, state, reason, at, stage: 'sent' }] }),
  });
}
const one = async (key: string): Promise<Delivery> => (await running.service.store.deliveries({ keys: [key] }))[0] as Delivery;
const counts = ({ body }: Answer) => [body.selected, body.released, body.left.length];

beforeAll(async () => {
  running = await runService();
  const writer = await running.client('writer');
  await register(running, writer);
  admin = await running.client('petugas', { scopes: ['admin'], facilities: ['P1'] });
  reader = await running.client('pembaca', { scopes: ['intake:read'], facilities: ['P1'] });
  foreign = await running.client('lain', { scopes: ['admin'], facilities: ['P2'] });
  const answer = await running.post(
    'encounters',
    Array.from({ length: 6 }, (_, index) => visit(`D-${index}`)),
    writer,
  );
  keys = [];
  for (const { id } of answer.body.receipts) {
    const [delivery] = (await running.service.store.deliveries({ submissionId: id })).filter(({ kind }) => kind === 'encounter');
    keys.push((delivery as Delivery).key);
  }
  const [a, b, c, d] = keys as [string, string, string, string];
  await stop(a, 'failed', 'rule-10457');
  await stop(b, 'failed', 'rule-10457');
  await stop(c, 'on-hold', 'identity');
  await stop(d, 'completed', null);
});
afterAll(() => running.stop());

describe('reading', () => {
  it('by selection and page by page; another puskesmas sees nothing of it', async () => {
    const failed = await running.get('/api/v1/deliveries?state=failed,on-hold&kind=encounter', reader);
    expect(failed.body.deliveries.map(({ key }: { key: string }) => key)).toEqual(keys.slice(0, 3));
    const byRule = await running.get('/api/v1/deliveries?rule=10457&limit=1', reader);
    expect(byRule.body).toMatchObject({ deliveries: [{ key: keys[0], state: 'failed', rule: 10457 }], next: expect.any(Number) });
    const next = await running.get(`/api/v1/deliveries?rule=10457&limit=1&after=${byRule.body.next}`, reader);
    expect(next.body.deliveries).toMatchObject([{ key: keys[1] }]);
    expect(next.body.next).toBeUndefined();
    expect((await running.get('/api/v1/deliveries?facility=P1&kind=encounter', reader)).body.deliveries).toHaveLength(6);
    expect((await running.get('/api/v1/deliveries?to=2020-01-01', reader)).body.deliveries).toEqual([]);
    expect((await running.get('/api/v1/deliveries', foreign)).body.deliveries).toEqual([]);
  });

  it('groups tell how many, since when, what to do, and how far sending is behind', async () => {
    const { body } = await running.get('/api/v1/deliveries/groups', reader);
    expect(body.groups).toContainEqual(
      expect.objectContaining({ what: 'delivery', state: 'failed', reason: 'rule-10457', rule: 10457, owner: 'P1', count: 2, act: 'fix' }),
    );
    const identity = body.groups.find(({ reason }: { reason: string }) => reason === 'identity');
    expect(identity).toMatchObject({ count: 1, state: 'on-hold', oldest: expect.stringMatching(/Z$/) });
    expect(identity.todo.id).toContain('NIK');
    expect(body.backlog).toMatchObject({ onHold: 1, completedLastHour: 1, waiting: expect.any(Number), ageSeconds: expect.any(Number) });
    const hours = body.backlog.waiting / body.backlog.completedLastHour;
    expect(Date.parse(body.backlog.expectedFinish)).toBeGreaterThan(Date.now() + (hours - 0.1) * 3_600_000);
    const theirs = (await running.get('/api/v1/deliveries/groups', foreign)).body;
    expect(theirs).toMatchObject({ groups: [], backlog: { waiting: 0, onHold: 0, expectedFinish: null } });
  });

  it('the story of one: trail, resources, and what it waits for; of another puskesmas it does not exist', async () => {
    const at = `/api/v1/deliveries/${encodeURIComponent(keys[2] as string)}`;
    const { body } = await running.get(at, reader);
    expect(body).toMatchObject({ key: keys[2], state: 'on-hold', reason: 'identity', todo: { en: expect.stringContaining('IHS') } });
    expect(body.trail).toMatchObject([{ actor: 'sync', action: 'outcome', toState: 'on-hold', reason: 'identity' }]);
    expect(body.resources[0]).toMatchObject({ reference: expect.stringMatching(/^Encounter\//), platformId: null });
    expect((await running.get(at, foreign)).status).toBe(404);
    expect((await running.get('/api/v1/deliveries/encounter%3AEncounter%2Fnobody', reader)).status).toBe(404);
    const [unit] = (await one(keys[4] as string)).dependsOn as [string];
    await stop(unit, 'on-hold', 'credential-missing');
    const waits = (await running.get(`/api/v1/deliveries/${encodeURIComponent(keys[4] as string)}`, reader)).body;
    const held = await running.get('/api/v1/deliveries/groups', reader);
    expect(held.body.groups).toContainEqual(expect.objectContaining({ reason: 'credential-missing', act: 'wait' }));
    // Its tries are over: it does not go on by itself any more.
    await stop(unit, 'on-hold', 'dependency');
    const ended = await running.get('/api/v1/deliveries/groups', reader);
    expect(ended.body.groups).toContainEqual(expect.objectContaining({ state: 'on-hold', reason: 'dependency', act: 'retry' }));
    expect(waits.stoppedBy).toContainEqual({ key: unit, state: 'on-hold', reason: 'credential-missing', as: 'dependency' });
    for (const key of (await one(keys[4] as string)).dependsOn) await stop(key, 'completed', null);
  });
});

describe('acts', () => {
  it('need the scope admin, and reach only what the key may see', async () => {
    for (const name of ['retry', 'cancel', 'fix']) {
      const refused = await act(name, { state: 'failed' }, reader);
      expect([refused.status, refused.body.error.code]).toEqual([403, 'forbidden-scope']);
      expect((await act(name, { state: 'failed' }, 'key-of-nobody-0123456789')).status).toBe(401);
      expect(counts(await act(name, { state: ['failed', 'on-hold'] }, foreign))).toEqual([0, 0, 0]);
      expect((await act(name, { keys: [keys[0]] }, foreign)).body.left).toEqual([{ key: keys[0], state: null, why: 'not-found' }]);
      expect((await act(name, { owner: 'P1' }, foreign)).body.error.code).toBe('forbidden-facility');
      expect((await act(name, { facility: 'P1-PT' }, foreign)).body.error.code).toBe('forbidden-facility');
    }
    expect(await one(keys[0] as string)).toMatchObject({ state: 'failed' });
  });

  it('retry accounts for each that was named, and tells who did it', async () => {
    const named = [keys[0], keys[3], 'encounter:Encounter/nobody'];
    const dry = await act('retry', { keys: named, dryRun: true });
    expect([dry.body.dryRun, ...counts(dry)]).toEqual([true, 3, 1, 2]);
    expect(await one(keys[0] as string)).toMatchObject({ state: 'failed' });
    const done = await act('retry', { keys: named, note: 'SATUSEHAT sudah pulih' });
    expect(done.body).toMatchObject({ selected: 3, released: 1, dryRun: false });
    expect(done.body.left).toEqual([
      { key: keys[3], state: 'completed', why: 'completed' },
      { key: 'encounter:Encounter/nobody', state: null, why: 'not-found' },
    ]);
    expect(await one(keys[0] as string)).toMatchObject({ state: 'ready', attempts: 0 });
    const { body } = await running.get(`/api/v1/deliveries/${encodeURIComponent(keys[0] as string)}`, admin);
    expect(body.trail.at(-1)).toMatchObject({
      actor: 'petugas',
      action: 'retried',
      fromState: 'failed',
      toState: 'ready',
      note: 'SATUSEHAT sudah pulih',
    });
    const audits = await running.service.store.audits({ action: 'deliveries-retry' });
    expect(audits).toContainEqual(expect.objectContaining({ client: 'petugas', outcome: 'success', count: 1 }));
  });

  it('fix takes the records through again, and says of each that stays why', async () => {
    const done = await act('fix', { rule: 10457 });
    expect(done.body).toMatchObject({ selected: 1, released: 1, left: [] });
    expect(await one(keys[1] as string)).toMatchObject({ state: 'ready', submissionVersion: 2 });
    const { body } = await running.get(`/api/v1/deliveries/${encodeURIComponent(keys[1] as string)}`, admin);
    expect(body.trail.map(({ actor, action }: { actor: string; action: string }) => [actor, action])).toEqual([
      ['sync', 'outcome'],
      ['petugas', 'fix'],
      ['intake', 'replaced'],
    ]);
    const writer = 'key-of-writer-0123456789';
    const refused = await running.post('encounters', visit('D-bad', { cluster: 'K9' }), writer);
    const { id } = refused.body.receipts[0];
    const again = await act('fix', { reason: 'refused' });
    expect(again.body).toMatchObject({
      selected: 1,
      released: 0,
      left: [{ key: `record:${id}`, why: 'needs-mending', reason: 'refused' }],
    });
    expect(again.body.left[0].issues.length).toBeGreaterThan(0);
    expect((await act('retry', { keys: `record:${id}` })).body.left).toEqual([
      { key: `record:${id}`, state: 'failed', why: 'needs-mending' },
    ]);
    const story = await running.get(`/api/v1/deliveries/record:${id}`, reader);
    expect(story.body).toMatchObject({ key: `record:${id}`, state: 'failed', reason: 'refused', owner: 'P1' });
  });

  it('cancel gives up what nothing is on the wire of', async () => {
    const done = await act('cancel', { reason: 'identity' });
    expect(counts(done)).toEqual([1, 1, 0]);
    expect(await one(keys[2] as string)).toMatchObject({ state: 'cancelled', reason: 'dismissed' });
  });

  it('decide settles what others changed, by a person of that puskesmas, after a dry run', async () => {
    const key = keys[5] as string;
    const { store } = running.service;
    const { resources } = await one(key);
    const reference = resources[0] as string;
    const at = '2026-08-19T00:00:00.000Z';
    await store.commit({
      platformIds: [{ environment: 'sandbox', reference, platformId: 'x-1', platformVersion: 'v7', at, theirs: true }],
    });
    await stop(key, 'on-hold', 'conflict');
    expect((await act('decide', { keys: key, decision: 'keep-ours' }, reader)).body.error.code).toBe('forbidden-scope');
    expect((await act('decide', { keys: key, decision: 'keep-ours' }, foreign)).body.left).toEqual([
      { key, state: null, why: 'not-found' },
    ]);
    for (const decision of [undefined, 'keep-both', ['keep-ours'], 'toString']) {
      const { status, body } = await act('decide', { keys: key, decision });
      expect([status, body.error.text.en]).toEqual([
        400,
        expect.stringContaining('Parameter decision is wrong: keep-ours, keep-theirs, not-there'),
      ]);
    }
    expect((await act('retry', { keys: key, decision: 'keep-ours' })).body.error.code).toBe('parameter');
    const story = await running.get(`/api/v1/deliveries/${encodeURIComponent(key)}`, admin);
    expect(story.body.act).toBe('decide');
    expect(story.body.resources[0]).toMatchObject({ reference, platformVersion: 'v7', changedByOthers: true });
    const named = { keys: [key, keys[3]], decision: 'keep-theirs', note: 'menurut catatan RS' };
    const dry = await act('decide', { ...named, dryRun: true });
    expect([dry.body.dryRun, ...counts(dry)]).toEqual([true, 2, 1, 1]);
    expect(await one(key)).toMatchObject({ state: 'on-hold' });
    const done = await act('decide', named);
    expect(done.body).toMatchObject({ selected: 2, released: 1, left: [{ key: keys[3], why: 'completed' }] });
    expect(await one(key)).toMatchObject({ state: 'ready', reason: null });
    const { body } = await running.get(`/api/v1/deliveries/${encodeURIComponent(key)}`, admin);
    expect(body.trail.at(-1)).toMatchObject({ actor: 'petugas', action: 'kept-theirs', note: 'menurut catatan RS' });
    expect(await store.audits({ action: 'deliveries-keep-theirs' })).toContainEqual(
      expect.objectContaining({ client: 'petugas', outcome: 'success', count: 1 }),
    );
    expect((await act('decide', { keys: key, decision: 'keep-ours' })).body.left).toEqual([
      { key, state: 'ready', why: 'nothing-to-decide' },
    ]);
  });

  it.each<[string, unknown, string]>([
    ['nothing selected', {}, 'body'],
    ['only how, not which', { dryRun: true }, 'body'],
    ['a list', [{ state: 'failed' }, { state: 'on-hold' }], 'body'],
    ['a day that is none', { from: '2026-02-30' }, 'from'],
    ['a time without zone', { from: '2026-02-03T10:00:00' }, 'from'],
    ['the end before the beginning', { from: '2026-02-03', to: '2026-02-01' }, 'to'],
    ['a field nobody knows', { resaon: 'identity' }, 'resaon'],
    ['a field of the prototype', { constructor: 'x' }, 'constructor'],
    ['an unknown state', { state: 'done' }, 'state'],
    ['a state that is no text', { state: { $ne: 'x' } }, 'state'],
    ['an unknown reason', { reason: ['identity', "x' or 1=1 --"] }, 'reason'],
    ['a rule that is no number', { rule: '10457; drop table delivery' }, 'rule'],
    ['ten thousand keys', { keys: Array.from({ length: 10_000 }, (_, index) => `encounter:Encounter/${index}`) }, 'keys'],
    ['no key', { keys: [] }, 'keys'],
    ['a submission that is none', { submission: '1' }, 'submission'],
    ['a dry run that is no yes or no', { state: 'failed', dryRun: 'yes' }, 'dryRun'],
    ['a NIK in the note', { state: 'failed', note: 'NIK 9929016802980002' }, 'note'],
  ])('%s is refused, field and reason are named', async (_, body, field) => {
    for (const name of ['retry', 'cancel', 'fix']) {
      const { status, body: answer } = await act(name, body);
      expect([status, answer.error.code]).toEqual([400, 'parameter']);
      expect(answer.error.text.en).toContain(`Parameter ${field} is wrong`);
      if (field === 'resaon') {
        expect(answer.error.issues).toMatchObject([{ code: 'field-unknown', field, text: { en: expect.stringContaining('reason') } }]);
      }
    }
  });

  it('a body that is not JSON, or far too large, is refused as such; so is another method', async () => {
    expect((await act('retry', '{"state":')).body.error.code).toBe('json-syntax');
    expect((await act('retry', { state: 'failed' }, admin, 'text/plain')).status).toBe(415);
    expect((await act('retry', { keys: 'x'.repeat(2_000_000) })).status).toBe(413);
    expect((await running.get('/api/v1/deliveries/retry', admin)).status).toBe(405);
    expect((await running.get('/api/v1/deliveries?sate=failed', reader)).body.error.text.en).toContain('did you mean state');
    expect((await running.get('/api/v1/deliveries?limit=0', reader)).status).toBe(400);
  });
});

describe('differences', () => {
  const difference = (reference: string, kind: 'missing' | 'changed', owner: string | null, platformId: string | null = null) => ({
    ...{ environment: 'sandbox', reference, kind, owner, platformId },
    ...{ foundAt: '2026-08-20T00:00:00.000Z', run: 'r1' },
  });
  const list = async (query: string, key: string) => (await running.get(`/api/v1/differences${query}`, key)).body;
  const referencesOf = ({ differences }: { differences: { reference: string }[] }) => differences.map(({ reference }) => reference);

  it('what reconciliation found, page by page, of the puskesmas of the key only', async () => {
    const { store } = running.service;
    await store.putDifferences([
      difference('Encounter/a', 'missing', 'P1'),
      difference('Observation/b', 'changed', 'P1', 'p-b'),
      difference('Observation/c', 'changed', 'P1', 'p-c'),
      difference('Encounter/d', 'missing', 'P2'),
      // Found before it was kept whose it is.
      difference('Encounter/e', 'missing', null),
    ]);
    await store.resolveDifferences({ environment: 'sandbox', references: ['Observation/c'], at: '2026-08-21T00:00:00.000Z' });
    const everybody = await running.client('dinas', { scopes: ['admin'] });
    expect(referencesOf(await list('', everybody))).toEqual(['Encounter/a', 'Encounter/d', 'Encounter/e', 'Observation/b']);
    expect(referencesOf(await list('', admin))).toEqual(['Encounter/a', 'Observation/b']);
    expect(referencesOf(await list('', foreign))).toEqual(['Encounter/d']);
    expect(await list('?kind=changed&owner=P1', admin)).toMatchObject({
      differences: [
        {
          ...{ reference: 'Observation/b', kind: 'changed', owner: 'P1', platformId: 'p-b', resolvedAt: null },
          meaning: { id: 'diubah pihak lain', en: 'changed by others' },
          todo: { en: expect.stringContaining('settle') },
        },
      ],
    });
    expect(referencesOf(await list('?state=resolved', admin))).toEqual(['Observation/c']);
    const first = await list('?state=all&limit=2', admin);
    expect([...referencesOf(first), first.next]).toEqual(['Encounter/a', 'Observation/b', 'Observation/b:changed']);
    const second = await list(`?state=all&limit=2&after=${encodeURIComponent(first.next)}`, admin);
    expect([referencesOf(second), second.next]).toEqual([['Observation/c'], undefined]);
    await vi.waitFor(async () => {
      const read = await store.audits({ action: 'read' });
      expect(read).toContainEqual(expect.objectContaining({ client: 'lain', target: 'differences' }));
    });
  });

  it.each([
    ['kind=gone', 'kind'],
    ['state=closed', 'state'],
    ['limit=0', 'limit'],
    ['limit=1001', 'limit'],
    ['after=Encounter/a', 'after'],
    ["after=Encounter/a' or 1=1 --:missing", 'after'],
    ['owner=P9', 'owner'],
    ['kind=changed&kind=missing', 'kind'],
    ['constructor=x', 'query'],
  ])('%s is refused by name', async (query, name) => {
    const everybody = await running.client('dinas', { scopes: ['admin'] });
    const { status, body } = await running.get(`/api/v1/differences?${query}`, everybody);
    expect([status, body.error.text.en]).toEqual([400, expect.stringContaining(`Parameter ${name} is wrong`)]);
  });

  it('need the scope admin, and no other puskesmas', async () => {
    expect((await running.get('/api/v1/differences')).status).toBe(401);
    expect((await running.get('/api/v1/differences', reader)).body.error.code).toBe('forbidden-scope');
    expect((await running.get('/api/v1/differences?owner=P1', foreign)).body.error.code).toBe('forbidden-facility');
    const posted = await fetch(`${running.url}/api/v1/differences`, { method: 'POST', headers: { authorization: `Bearer ${admin}` } });
    expect(posted.status).toBe(405);
  });
});

it('metrics tell the backlog', async () => {
  const { body } = await running.get('/metrics');
  expect(body).toMatch(/ilp_backlog_deliveries\{state="ready"\} \d/);
  expect(body).toMatch(/ilp_backlog_oldest_seconds\{state="ready"\} \d/);
  expect(body).toMatch(/ilp_delivered_last_hour \d/);
});
