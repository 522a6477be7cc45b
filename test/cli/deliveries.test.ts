import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { actorName, mustConfirm } from '../../src/cli/commands/deliveries.ts';
import { run as runCommand } from '../../src/cli/index.ts';
import { composition } from '../../src/main.ts';
import { type Ended, PROGRAM } from '../e2e/processes.ts';
import { register, runService, visit } from '../http/running-service.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'ilp-deliveries-'));
const ENVIRON = {
  ILP_DATABASE: path.join(folder, 'ilp.sqlite'),
  ILP_WORKER_ENABLED: 'false',
  NODE_COMPILE_CACHE: path.join(folder, 'compiled'),
};
const COUNT = 25;

// biome-ignore lint/suspicious/noExplicitAny: each command has a result of its own
const resultOf = (ended: Ended): any => JSON.parse(ended.stdout.trimEnd().split('\n').at(-1) ?? '');

describe('ilp-fhir deliveries', () => {
  beforeEach(() => {
    for (const [name, value] of Object.entries(ENVIRON)) vi.stubEnv(name, value);
  });
  afterEach(() => vi.unstubAllEnvs());
  /** In this process, so that maps are compiled once; that a process ends with the same code is tested of the other commands. */
  async function run(...args: string[]): Promise<Ended> {
    const written = { stdout: '', stderr: '' };
    const spies = (['stdout', 'stderr'] as const).map((name) =>
      vi.spyOn(process[name], 'write').mockImplementation((text) => {
        written[name] += String(text);
        return true;
      }),
    );
    try {
      return { code: await runCommand(['deliveries', ...args], composition), ...written };
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
  }
  let keys: string[];
  let refused: string;

  beforeAll(async () => {
    const running = await runService(ENVIRON);
    const key = await running.client('writer');
    await register(running, key);
    const { store } = running.service;
    const sent = await running.post(
      'encounters',
      Array.from({ length: COUNT + 1 }, (_, index) => visit(`C-${index}`)),
      key,
    );
    const at = new Date().toISOString();
    keys = [];
    for (const [index, { id }] of (sent.body.receipts as { id: string }[]).entries()) {
      const delivery = (await store.deliveries({ submissionId: id })).find(({ kind }) => kind === 'encounter');
      const name = delivery?.key as string;
      keys.push(name);
      const held =
        index === COUNT ? ({ state: 'on-hold', reason: 'identity' } as const) : ({ state: 'failed', reason: 'rule-10457' } as const);
      await store.commit({
        deliveryOutcomes: [{ key: name, environment: 'sandbox', ...held, issues: [], at }],
        submissionStates: [{ id, version: 1, ...held, at, stage: 'sent' }],
      });
    }
    refused = (await running.post('encounters', visit('C-bad', { cluster: 'K9' }), key)).body.receipts[0].id;
    await running.stop();
  }, 30_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('list – by cause with what to do, or one by one; --json for machines', async () => {
    const shown = await run('list');
    const json = await run('list', '--json');
    const listed = await run('list', '--rule', '10457', '--limit', '3', '--json');
    expect([shown.code, json.code, listed.code]).toEqual([0, 0, 0]);
    expect(shown.stdout).toMatch(/menunggu kirim \/ waiting/);
    expect(shown.stdout).toMatch(/failed\s+│ rule-10457\s+│ 10457\s+│ encounter\s+│ P1\s+│\s+25 │/);
    expect(shown.stdout).toContain('Periksa NIK, nama dan tanggal lahir');
    expect(resultOf(json).groups).toMatchObject([
      { reason: 'rule-10457', rule: 10457, count: COUNT },
      { reason: 'identity', count: 1 },
      { what: 'record', reason: 'cluster-unknown', count: 1 },
    ]);
    expect(resultOf(listed)).toMatchObject({ more: true, deliveries: [{ key: keys[0] }, { key: keys[1] }, { key: keys[2] }] });
  });

  it('show – the story of a delivery and of a record; what is not there is said', async () => {
    const delivery = await run('show', keys[0] as string);
    const record = await run('show', refused);
    const none = await run('show', 'encounter:Encounter/x');
    expect([delivery.code, record.code, none.code]).toEqual([0, 0, 1]);
    expect(delivery.stdout).toMatch(/failed rule-10457[\s\S]*Sumber daya[\s\S]*outcome/);
    expect(record.stdout).toMatch(new RegExp(`record:${refused}[\\s\\S]*cluster-unknown`));
    expect(none.stderr).toContain('There is no encounter:Encounter/x');
  });

  it('decide – settles conflicts, and says of what is none why it is left', async () => {
    const dry = await run('decide', '--reason', 'identity', '--decision', 'keep-ours', '--dry-run', '--json');
    expect(resultOf(dry)).toMatchObject({ selected: 1, released: 0, dryRun: true, left: [{ why: 'nothing-to-decide' }] });
    expect(dry.code).toBe(1);
    const said = await run('decide', '--reason', 'identity', '--decision', 'keep-theirs');
    expect(said.stdout).toContain('tidak menunggu keputusan itu; pakai retry');
  });

  it('wrong selections end with code 2, and the right name is offered', async () => {
    const wrong: Ended[] = [];
    for (const args of [
      ['retry'],
      ['retry', '--reason', 'identty'],
      ['cancel', '--from', '2026-02-30'],
      ['retry', '--stat', 'failed'],
      ['retry', '--facility', 'P9'],
      ['retry', '--state', 'failed', '--note', 'NIK 9929016802980002'],
      ['decide', '--reason', 'conflict'],
      ['decide', '--reason', 'conflict', '--decision', 'ours'],
    ])
      wrong.push(await run(...args));
    expect(wrong.map(({ code }) => code)).toEqual([2, 2, 2, 2, 2, 2, 2, 2]);
    expect(wrong[7]?.stderr).toContain('--decision: keep-ours or keep-theirs or not-there');
    expect(wrong[1]?.stderr).toMatch(/mungkin maksudnya identity[\s\S]*did you mean identity/);
    expect(wrong[2]?.stderr).toContain('Parameter from');
    expect(wrong[3]?.stderr).toContain('--state');
  });

  it.skipIf(spawnSync('script', ['--version']).status !== 0)('more than 20 at a terminal need --yes', () => {
    const ended = spawnSync('script', ['-qec', `'${process.execPath}' '${PROGRAM}' deliveries retry --state failed`, '/dev/null'], {
      env: { ...process.env, ...ENVIRON },
      encoding: 'utf8',
    });
    expect([ended.status, ended.stdout]).toEqual([2, expect.stringContaining('25 terpilih; ulangi dengan --yes')]);
    expect([mustConfirm(20), mustConfirm(21)]).toEqual([false, true]);
  });

  it('retry and cancel – tried dry, done, and the trail says who, without the name of the machine', async () => {
    const dry = await run('retry', '--rule', '10457', '--dry-run');
    expect([dry.code, dry.stdout]).toEqual([
      0,
      expect.stringContaining('25 terpilih / selected = 25 dilanjutkan / done + 0 tertinggal / left'),
    ]);
    const some = await run('retry', '--key', `${keys[0]},encounter:Encounter/x`, '--yes', '--note', 'sudah pulih', '--json');
    expect([some.code, resultOf(some)]).toMatchObject([
      1,
      { selected: 2, released: 1, left: [{ key: 'encounter:Encounter/x', why: 'not-found' }] },
    ]);
    const cancelled = await run('cancel', '--reason', 'identity', '--json');
    expect([cancelled.code, resultOf(cancelled)]).toMatchObject([0, { selected: 1, released: 1, left: [] }]);
    const { trail } = resultOf(await run('show', keys[0] as string, '--json'));
    expect(trail).toContainEqual(
      expect.objectContaining({
        action: 'retried',
        actor: `cli:${userInfo().username}`,
        fromState: 'failed',
        toState: 'ready',
        note: 'sudah pulih',
      }),
    );
    expect(actorName(() => 'DINKES\\budi santoso')).toBe('cli:DINKES_budi_santoso');
    expect(
      actorName(() => {
        throw new Error('no such user');
      }),
    ).toBe('cli:-');
  });

  it('fix – takes the records through again; what still fails is named with what is wrong', async () => {
    const fixed = await run('fix', '--state', 'failed', '--yes', '--json');
    expect([fixed.code, resultOf(fixed)]).toMatchObject([
      1,
      { selected: COUNT, released: COUNT - 1, left: [{ key: `record:${refused}`, why: 'needs-mending', reason: 'refused' }] },
    ]);
    const again = await run('fix', '--state', 'failed', '--yes');
    expect([again.code, again.stdout]).toEqual([1, expect.stringMatching(/perbaiki dahulu[\s\S]*cluster-unknown/)]);
    const { trail } = resultOf(await run('show', keys[1] as string, '--json'));
    expect(trail.map(({ action, toState }: { action: string; toState: string }) => [action, toState])).toEqual([
      ['outcome', 'failed'],
      ['fix', 'failed'],
      ['replaced', 'ready'],
    ]);
  });
});
