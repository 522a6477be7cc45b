import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createProcesses, type Ended, PROGRAM, type Running } from '../e2e/processes.ts';

const root = path.resolve(import.meta.dirname, '../..');
const sample = (name: string) => path.join(root, 'samples', name);
const folder = mkdtempSync(path.join(tmpdir(), 'ilp-cli-'));
const file = (name: string, content: string) => {
  writeFileSync(path.join(folder, name), content);
  return path.join(folder, name);
};
const PUSKESMAS = 'P3329170201';
const ENVIRON = {
  ILP_DATABASE: path.join(folder, 'ilp.sqlite'),
  ILP_PORT: '0',
  ILP_WORKER_ENABLED: 'false',
  ILP_JOB_SYNC_SEND_ENABLED: 'false',
  // Some thirty starts of the same program.
  NODE_COMPILE_CACHE: path.join(folder, 'compiled'),
};

/** The result: the last line of standard output. */
// biome-ignore lint/suspicious/noExplicitAny: each command has a result of its own
const resultOf = (ended: Ended): any => JSON.parse(ended.stdout.trimEnd().split('\n').at(-1) ?? '');

describe('command line', () => {
  const processes = createProcesses();
  let environ: NodeJS.ProcessEnv = ENVIRON;
  const run = (...args: string[]) => processes.run(args, environ);
  const runWith = (extra: NodeJS.ProcessEnv, ...args: string[]) => processes.run(args, { ...environ, ...extra });
  let service: Running;
  let key = '';

  beforeAll(async () => {
    const sandbox = await processes.server(['sandbox', '--port', '0', '--open', '--people', sample('platform-people.json')], environ);
    environ = { ...ENVIRON, ILP_PLATFORM_AUTH_URL: `${sandbox.url}/oauth2/v1`, ILP_PLATFORM_FHIR_URL: `${sandbox.url}/fhir-r4/v1` };
    // Makes the database before two processes want it at once.
    expect(resultOf(await run('migrate', '--json')).migrations.length).toBeGreaterThan(0);
    service = await processes.server(['serve'], environ);
  }, 60_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('keys – added once, warned of unknown facilities, listed without secret, revoked', async () => {
    const added = await run('client', 'add', 'simpus', '--facilities', `${PUSKESMAS},P0000000000`, '--json');
    expect([added.code, resultOf(added).key]).toEqual([0, expect.stringMatching(/^ilp_/)]);
    expect(added.stderr).toMatch(/belum terdaftar[\s\S]*not registered yet/);
    const listed = await run('client', 'list', '--json');
    expect(listed.stdout).not.toContain(resultOf(added).key);
    expect(listed.stdout).not.toContain('keyHash');
    expect(resultOf(listed).clients).toMatchObject([{ id: resultOf(added).id, facilities: [PUSKESMAS, 'P0000000000'] }]);
    expect((await run('client', 'revoke', resultOf(added).id)).code).toBe(0);
    expect((await run('client', 'revoke', resultOf(added).id)).code).toBe(1);
  });

  it('serve – SIGHUP reads the maps again, and what is in force stays where they are the same', async () => {
    process.kill(service.pid, 'SIGHUP');
    await vi.waitFor(() => expect(service.written()).toMatch(/"event":"maps\.loaded"/), { timeout: 10_000 });
    expect((await fetch(`${service.url}/readyz`)).status).toBe(200);
  });

  it('push, sync and client check – from file to platform', async () => {
    key = resultOf(await run('client', 'add', 'dinkes', '--source-systems', 'dinkes', '--json')).key;
    const network = file('network.csv', networkOf(PUSKESMAS));
    const pushed = await runWith({ ILP_API_KEY: key }, 'push', network, '--feed', 'facilities', '--url', service.url, '--json');
    expect([pushed.code, resultOf(pushed).refused]).toEqual([0, 0]);

    key = resultOf(await run('client', 'add', 'simpus', '--json')).key;
    const push = (name: string, feed: string, ...more: string[]) =>
      runWith({ ILP_API_KEY: key }, 'push', name, '--feed', feed, '--url', service.url, ...more);
    const dryRun = await push(sample('first-encounter.json'), 'encounters', '--dry-run', '--json');
    expect([dryRun.code, resultOf(dryRun)[0].verdict.state]).toEqual([1, 'failed']);
    expect(resultOf(dryRun)[0].verdict.issues).toContainEqual(expect.objectContaining({ code: 'practitioner-unknown' }));
    const doctor = readFileSync(sample('practitioners.ndjson'), 'utf8')
      .split('\n')
      .find((line) => line.includes('7209061211900001'));
    expect((await push(file('doctor.ndjson', `${doctor}\n`), 'practitioners')).code).toBe(0);
    expect((await push(sample('first-encounter.json'), 'encounters')).code).toBe(0);

    const preview = await run('sync', '--dry-run', '--json');
    expect(resultOf(preview).deliveries.map(({ kind }: { kind: string }) => kind)).toContain('encounter');
    expect((await run('client', 'check', PUSKESMAS)).code).toBe(1);
    expect((await runWith({ ILP_CLIENT_SECRET: 'secret-100329035' }, ...credential())).code).toBe(0);
    const checked = await run('client', 'check', PUSKESMAS, '--json');
    expect([checked.code, resultOf(checked).steps]).toEqual([
      0,
      [
        { step: 'token', target: 'accesstoken', ok: true },
        { step: 'organization', target: 'Organization/100329035', ok: true },
        { step: 'read', target: 'Location?organization=100329035', ok: true },
      ],
    ]);
    const sent = await run('sync', '--once', '--json');
    expect([sent.code, resultOf(sent)]).toEqual([0, expect.objectContaining({ failed: 0, waiting: 0 })]);
    expect(resultOf(sent).delivered).toBeGreaterThan(0);
  }, 60_000);

  it('push – a wrong key and a service that is not there are told as such', async () => {
    const refused = await runWith(
      { ILP_API_KEY: 'ilp_wrong-wrong' },
      'push',
      sample('first-encounter.json'),
      '--feed',
      'encounters',
      '--url',
      service.url,
    );
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('The API key is missing or unknown.')]);
    const nobody = await runWith(
      { ILP_API_KEY: 'x' },
      'push',
      sample('persons.ndjson'),
      '--feed',
      'persons',
      '--url',
      'http://127.0.0.1:9',
    );
    expect([nobody.code, nobody.stderr]).toEqual([1, expect.stringContaining('The service at http://127.0.0.1:9 cannot be reached.')]);
  });

  it('map and validate – what maps gave is valid, and what is wrong is named', async () => {
    const another = readFileSync(sample('first-encounter.json'), 'utf8').replace('COBA-0001', 'COBA-0002').replace('08:15', '09:15');
    const mapped = await run('map', file('another.json', another.replace('08:40', '09:40')), '--feed', 'encounters', '--json');
    expect([mapped.code, mapped.stderr]).toEqual([0, expect.stringContaining('0 akan ditolak')]);
    const entries = resultOf(mapped)[0].bundle.entry as { resource: { resourceType: string } }[];
    const encounter = entries.find(({ resource }) => resource.resourceType === 'Encounter')?.resource;
    const good = file('good.json', JSON.stringify(encounter));
    const bad = file('bad.json', JSON.stringify({ ...encounter, class: undefined, status: 'done' }));
    expect((await run('validate', good)).code).toBe(0);
    const wrong = await run('validate', good, bad, file('broken.json', '{'));
    expect(wrong.code).toBe(1);
    expect(wrong.stdout).toMatch(/bad\.json:1 {2}error {2}Encounter\.status/);
    expect(wrong.stdout).toMatch(/broken\.json:1 {2}error .*Not valid JSON/);
    expect(wrong.stdout).toMatch(/good\.json:1 {2}SATUSEHAT: hanya server yang tahu .*\(20007\): Encounter\./);
    expect(wrong.stdout).toMatch(/bad\.json:1 {2}SATUSEHAT: akan ditolak \(aturan 10001\)/);
    const bundle = file(
      'bundle.json',
      JSON.stringify({ resourceType: 'Bundle', type: 'collection', entry: [{ resource: { ...encounter, class: undefined } }] }),
    );
    expect((await run('validate', bundle)).stdout).toContain('Bundle.entry[0].resource.class');
    expect(wrong.stdout).toContain('3 diperiksa / checked, 2 salah / wrong');
  }, 60_000);

  it('launcher – starts the program with the Node it needs', async () => {
    const child = spawn(process.execPath, [path.join(root, 'src/bin.mjs'), 'version', '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const text = new Promise<string>((resolve) => child.stdout.once('data', (data: Buffer) => resolve(data.toString())));
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0);
    const { version, bin } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
    expect(JSON.parse(await text)).toEqual({ version });
    expect(bin).toEqual({ 'ilp-fhir': 'src/bin.mjs' });
  });

  it('jobs – list with the next time, run, history', async () => {
    const listed = resultOf(await run('jobs', 'list', '--json'));
    const jobs = new Map(listed.map((job: { job: string }) => [job.job, job]));
    expect(jobs.get('sync-send')).toMatchObject({ enabled: false, next: null });
    expect(jobs.get('sync-identity')).toMatchObject({ enabled: true, next: expect.stringMatching(/^\d{4}-.*Z$/) });
    expect(jobs.get('alert-waiting')).toMatchObject({ enabled: true });
    expect((await run('jobs', 'run', 'sync-identity')).code).toBe(0);
    const history = await run('jobs', 'history', 'sync-identity');
    expect(history.stdout).toMatch(/sync-identity/);
    for (const line of history.stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(120);
  }, 60_000);

  it('sync – says how it stands, and keeps on until it is told to stop', async () => {
    const child = spawn(process.execPath, [PROGRAM, 'sync'], { env: { ...process.env, ...environ }, stdio: ['ignore', 'pipe', 'ignore'] });
    const ended = new Promise((resolve) => child.once('close', resolve));
    const line = await new Promise<string>((resolve) => child.stdout.once('data', (data: Buffer) => resolve(data.toString())));
    expect(line).toMatch(/0 menunggu \/ waiting/);
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  });

  it('serve and sandbox – a port that is taken is named by its setting', async () => {
    const taken = createServer();
    const port = await new Promise<string>((resolve) => {
      taken.listen(0, '127.0.0.1', () => resolve(String((taken.address() as { port: number }).port)));
    });
    const [served, simulated] = [await runWith({ ILP_PORT: port }, 'serve'), await run('sandbox', '--port', port)];
    taken.close();
    expect([served.code, served.stderr]).toEqual([2, expect.stringMatching(/ILP_PORT: the port is in use/)]);
    expect([simulated.code, simulated.stderr]).toEqual([2, expect.stringMatching(/--port: the port is in use/)]);
  });

  it('the database and its keys are for their owner only', () => {
    for (const name of ['ilp.sqlite', 'ilp.sqlite.key']) expect(statSync(path.join(folder, name)).mode & 0o077).toBe(0);
  });
});

function credential(...more: string[]): string[] {
  return ['client', 'add', PUSKESMAS, '--satusehat', '--organization-id', '100329035', '--client-id', 'sandbox-100329035', ...more];
}

/** One puskesmas of the sample network with its units. */
function networkOf(code: string): string {
  const [header, ...lines] = readFileSync(sample('facilities-brebes.csv'), 'utf8').split('\n');
  return [header, ...lines.filter((line) => line.includes(code)), ''].join('\n');
}
