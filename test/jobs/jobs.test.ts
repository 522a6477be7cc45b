import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors/index.ts';
import { createJobs, type JobDefinition, type Jobs } from '../../src/jobs/index.ts';
import { openStore, type Store } from '../../src/store/index.ts';

let store: Store;
let folder: string;
let clock: string;
let number = 0;
const started: Jobs[] = [];

beforeEach(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'ilp-jobs-'));
  store = await openStore(path.join(folder, 'ilp.sqlite'));
  await store.migrate();
  clock = '2026-11-22T05:00:00.000Z';
});
afterEach(async () => {
  for (const jobs of started.splice(0)) await jobs.stop();
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const job = (run: JobDefinition['run'], change: Partial<JobDefinition> = {}): JobDefinition => ({
  name: 'work',
  schedule: '0 3 * * *',
  zone: 'Asia/Jakarta',
  enabled: true,
  run,
  ...change,
});

function jobsOf(definition: JobDefinition, holder = 'one'): Jobs {
  const jobs = createJobs({ store, definitions: [definition], holder, now: () => clock, newId: () => `run-${++number}` });
  started.push(jobs);
  return jobs;
}

/** A job that waits inside until it is let go. */
function slow() {
  let release = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  let entered = () => {};
  const inside = new Promise<void>((resolve) => {
    entered = resolve;
  });
  return {
    inside,
    letGo: () => release(),
    run: async () => {
      entered();
      await gate;
      return { done: 1 };
    },
  };
}

const codeOf = async (work: Promise<unknown>) =>
  work.then(() => 'none').catch((error: unknown) => (error instanceof AppError ? error.code : String(error)));

describe('jobs', () => {
  it('a run is recorded with its counts; a failed one with a code and no message', async () => {
    expect(await jobsOf(job(async () => ({ sent: 3 }))).run('work', { dryRun: false })).toMatchObject({
      counts: { sent: 3 },
      error: null,
      endedAt: clock,
    });
    const failing = jobsOf(job(async () => Promise.reject(new Error('NIK 3329010101900001'))));
    expect(await failing.run('work', { dryRun: false })).toMatchObject({ error: 'internal', counts: {} });
    const runs = await store.jobRuns({ job: 'work' });
    expect(runs).toHaveLength(2);
    expect(JSON.stringify(runs)).not.toContain('NIK');
  });

  it('a dry run leaves no record; an unknown job is named', async () => {
    let dry: boolean | undefined;
    const jobs = jobsOf(
      job(async ({ dryRun }) => {
        dry = dryRun;
        return {};
      }),
    );
    await jobs.run('work', { dryRun: true });
    expect(dry).toBe(true);
    expect(await store.jobRuns({})).toEqual([]);
    expect(await codeOf(jobs.run('rest', { dryRun: false }))).toBe('parameter');
  });

  it('never runs twice at a time, in one process or in two', async () => {
    const work = slow();
    const first = jobsOf(job(work.run), 'one');
    const running = first.run('work', { dryRun: false });
    await work.inside;
    expect(await codeOf(jobsOf(job(work.run), 'two').run('work', { dryRun: false }))).toBe('busy');
    work.letGo();
    expect((await running).counts).toEqual({ done: 1 });
    expect(
      (
        await jobsOf(
          job(async () => ({})),
          'two',
        ).run('work', { dryRun: false })
      ).error,
    ).toBeNull();
  });

  it('a run missed while no process was there is caught up once, by one of them', async () => {
    let count = 0;
    const definition = job(async () => ({ n: ++count }));
    await store.putJobRun({
      id: 'old',
      job: 'work',
      scheduledFor: '2026-11-19T20:00:00.000Z',
      startedAt: '2026-11-19T20:00:00.000Z',
      endedAt: '2026-11-19T20:00:01.000Z',
      counts: {},
      error: null,
      caughtUp: false,
    });
    const [one, two] = [jobsOf(definition, 'one'), jobsOf(definition, 'two')];
    await Promise.all([one.start(), two.start()]);
    await Promise.all([one.stop(), two.stop()]);
    await jobsOf(definition, 'three').start();
    const runs = await store.jobRuns({ job: 'work' });
    expect(runs.map(({ scheduledFor, caughtUp }) => [scheduledFor, caughtUp])).toEqual([
      ['2026-11-21T20:00:00.000Z', true],
      ['2026-11-19T20:00:00.000Z', false],
    ]);
    expect(count).toBe(1);
  });

  it('a new installation has missed nothing, a disabled job is not run', async () => {
    const jobs = jobsOf(job(async () => ({})));
    await jobs.start();
    await jobsOf(job(async () => ({}), { enabled: false })).start();
    expect(await store.jobRuns({})).toEqual([]);
    const [view] = await jobs.list();
    expect(view).toMatchObject({ job: 'work', enabled: true, last: null });
    expect(view?.next).toMatch(/T20:00:00/);
  });

  it('a stop asks the running job to end and waits for it', async () => {
    let entered = () => {};
    const inside = new Promise<void>((resolve) => {
      entered = resolve;
    });
    const jobs = jobsOf(
      job(({ signal }) => {
        entered();
        return new Promise((resolve) => signal.addEventListener('abort', () => resolve({ stopped: 1 })));
      }),
    );
    const running = jobs.run('work', { dryRun: false });
    await inside;
    await jobs.stop();
    expect((await running).counts).toEqual({ stopped: 1 });
  });
});
