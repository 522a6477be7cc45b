import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSandbox } from '../../src/sandbox/server.ts';
import { CLIENTS, encounter, location, observation, PEOPLE, type Running, requestToken, startForTest, transactionOf } from './support.ts';

let folder: string;
let state: string;
let files = 0;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'sandbox-state-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  state = path.join(folder, `${++files}.ndjson`);
});

let running: Running | undefined;
afterEach(async () => {
  await running?.sandbox.stop();
  running = undefined;
});
const start = async (): Promise<Running> => {
  await running?.sandbox.stop();
  running = await startForTest({ state });
  return running;
};
const dump = async (from: Running) => (await from.send('GET', '/_sandbox/dump')).text;
const urn = (n: number) => `urn:uuid:00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

describe('--state', () => {
  it('after a restart everything is as it was: contents, versions, the duplicate rule, clients', async () => {
    let at = await start();
    const place = (await at.fhir('POST', '/Location', location('J-1'))).body.id as string;
    await at.fhir('POST', '', transactionOf([urn(1), encounter('J-2', place)], [urn(2), observation(urn(1))]));
    await at.fhir('PUT', `/Location/${place}`, { ...location('J-1'), id: place, name: 'Ruang Baru' });
    await at.send('PUT', '/_sandbox/clients/later', { body: { clientSecret: 'x', organizationId: '10000009' } });
    const before = await dump(at);
    expect(statSync(state).mode & 0o077).toBe(0);
    at = await start();
    expect(await dump(at)).toBe(before);
    expect(before).toContain('Ruang Baru');
    const again = await at.fhir('POST', '/Location', location('J-1'));
    expect(again.body.issue[0].code).toBe('duplicate');
    expect((await at.fhir('GET', `/Encounter?identifier=http://sys-ids.kemkes.go.id/encounter/10000004%7CJ-2`)).body.total).toBe(1);
    expect((await requestToken(at, 'later', 'x')).status).toBe(200);
    // A version never comes twice, even where the clock stood still.
    const next = await at.fhir('POST', '/Location', location('J-3'));
    expect(before).not.toContain(next.body.meta.versionId);
  });

  it('is cut at any byte: what was not finished is gone, the rest is there, and it goes on', async () => {
    const at = await start();
    const place = (await at.fhir('POST', '/Location', location('C-1'))).body.id as string;
    const size = statSync(state).size;
    await at.fhir('POST', '', transactionOf([urn(1), encounter('C-2', place)], [urn(2), observation(urn(1))]));
    await at.sandbox.stop();
    const whole = readFileSync(state);
    for (const end of [size, size + 1, size + 200, whole.length - 2, whole.length - 1, whole.length]) {
      writeFileSync(state, whole);
      truncateSync(state, end);
      const restarted = await start();
      const { resources } = (await restarted.send('GET', '/_sandbox/counts')).body;
      const all = end === whole.length;
      // All of a Bundle or nothing of it.
      expect([end, resources]).toEqual([end, { Location: 1, Organization: 2, ...(all && { Encounter: 1, Observation: 1 }) }]);
      expect((await restarted.fhir('POST', '/Location', location('C-9'))).status).toBe(201);
      expect((await (await start()).send('GET', '/_sandbox/counts')).body.resources.Location).toBe(2);
    }
  });

  it('a reset empties the file too', async () => {
    const at = await start();
    await at.fhir('POST', '/Location', location('R-1'));
    await at.send('POST', '/_sandbox/reset');
    expect((await (await start()).send('GET', '/_sandbox/counts')).body.resources).toEqual({ Organization: 2 });
  });

  it('a second simulator on the same file cannot overwrite what the first wrote', async () => {
    const at = await start();
    const second = await startForTest({ state });
    expect((await second.fhir('POST', '/Location', location('W-1'))).status).toBe(201);
    const refused = await at.fhir('POST', '/Location', location('W-2'));
    expect([refused.status, refused.body.issue[0].code]).toEqual([500, 'exception']);
    expect((await at.send('GET', '/_sandbox/requests?limit=1')).body.requests[0].why).toContain('another process writes the state file');
    await second.sandbox.stop();
    expect((await (await start()).send('GET', '/_sandbox/counts')).body.resources.Location).toBe(1);
  });

  it('a finished line that is not ours is an error that names the line, not the contents', async () => {
    await start();
    await running?.sandbox.stop();
    appendFileSync(state, '{"other":"RAHASIA"}\n');
    const open = () => createSandbox({ people: PEOPLE, clients: CLIENTS, state });
    expect(open).toThrow(/line 3: not a state of this simulator/);
    writeFileSync(state, 'RAHASIA\n');
    expect(open).toThrow(/line 1: not JSON/);
    expect(open).not.toThrow(/RAHASIA/);
    expect(() => createSandbox({ state: path.join(folder, 'no', 'such', 'folder') })).toThrow(/cannot be opened/);
  });

  it('survives kill -9 while Bundles come in: everything that was answered is there', async () => {
    const program = path.resolve(import.meta.dirname, '../../src/sandbox/start.ts');
    const script = `import { startSandbox } from ${JSON.stringify(program)};
      const { url } = await startSandbox({ open: true, state: ${JSON.stringify(state)}, people: ${JSON.stringify(PEOPLE)} });
      console.log(url);`;
    const spawned = async (): Promise<{ child: ChildProcess; url: string }> => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
      const [url] = await new Promise<string[]>((resolve) =>
        createInterface({ input: child.stdout as NodeJS.ReadableStream }).once('line', (line) => resolve([line])),
      );
      return { child, url: url as string };
    };
    const post = async (url: string, token: string, at: string, body: unknown) => {
      const answer = await fetch(`${url}/fhir-r4/v1${at}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}` },
        body: JSON.stringify(body),
      });
      return (await answer.json()) as { id: string; entry?: Array<{ response: { resourceType: string; resourceID: string } }> };
    };
    const grant = async (url: string) => {
      const answer = await fetch(`${url}/oauth2/v1/accesstoken?grant_type=client_credentials`, {
        method: 'POST',
        body: 'client_id=sandbox-10000004&client_secret=secret-10000004',
      });
      return ((await answer.json()) as { access_token: string }).access_token;
    };
    const first = await spawned();
    const token = await grant(first.url);
    const place = (await post(first.url, token, '/Location', location('K-0'))).id;
    const answered = new Set<string>();
    let sent = 0;
    const sender = async (): Promise<void> => {
      for (;;) {
        const bundle = transactionOf([urn(1), encounter(`K-${++sent}`, place)], [urn(2), observation(urn(1))]);
        const { entry = [] } = await post(first.url, token, '', bundle);
        for (const { response } of entry) answered.add(`${response.resourceType}/${response.resourceID}`);
        if (answered.size > 200) first.child.kill('SIGKILL');
      }
    };
    await Promise.all([1, 2, 3, 4].map(() => sender().catch(() => undefined)));
    const second = await spawned();
    const lines = (await (await fetch(`${second.url}/_sandbox/dump`)).text()).trimEnd().split('\n');
    second.child.kill('SIGKILL');
    const there = new Set(
      lines.map((line) => JSON.parse(line) as { resourceType: string; id: string }).map(({ resourceType, id }) => `${resourceType}/${id}`),
    );
    expect([...answered].filter((key) => !there.has(key))).toEqual([]);
    expect(answered.size).toBeGreaterThan(200);
    const count = (type: string) => [...there].filter((key) => key.startsWith(`${type}/`)).length;
    expect(count('Encounter')).toBe(count('Observation'));
  }, 20_000);
});
