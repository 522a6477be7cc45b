import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSandbox } from '../../src/sandbox/server.ts';
import { startSandbox } from '../../src/sandbox/start.ts';
import { CLIENTS, PEOPLE } from './support.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'sandbox-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, content: unknown): string => {
  const at = path.join(folder, name);
  writeFileSync(at, typeof content === 'string' ? content : JSON.stringify(content));
  return at;
};

describe('startSandbox', () => {
  it('reads people and clients from files, listens on a free port and stops', async () => {
    for (const clients of [CLIENTS, { note: 'not real', clients: CLIENTS }]) {
      const sandbox = await startSandbox({ port: 0, people: file('people.json', PEOPLE), clients: file('clients.json', clients) });
      const granted = await fetch(`${sandbox.url}/oauth2/v1/accesstoken?grant_type=client_credentials`, {
        method: 'POST',
        body: new URLSearchParams({ client_id: 'client-a', client_secret: 'secret-a' }),
      });
      const { access_token: token } = (await granted.json()) as { access_token: string };
      const read = await fetch(`${sandbox.url}/fhir-r4/v1/Patient/P00000000001`, { headers: { authorization: `Bearer ${token}` } });
      expect(read.status).toBe(200);
      await sandbox.stop();
      await expect(fetch(sandbox.url)).rejects.toThrow();
    }
  });

  it('names the entry of a file that has another form, without its values', async () => {
    const broken: ReadonlyArray<readonly [object, string]> = [
      [{ people: file('p1.json', '{') }, 'not JSON'],
      [{ people: file('p2.json', { patients: [{ name: 'RAHASIA', nik: '9900000000000001' }] }) }, 'people: patients[0]'],
      [{ people: path.join(folder, 'none.json') }, 'missing'],
      [{ clients: file('c1.json', { clientId: 'x' }) }, 'clients: ['],
      [{ clients: file('c2.json', [{ clientId: 'x', clientSecret: 'RAHASIA' }]) }, 'clients: [0]'],
    ];
    for (const [options, detail] of broken) {
      const failure = await startSandbox(options).then(
        () => 'started',
        (error: Error) => error.message,
      );
      expect(failure).toContain(detail);
      expect(failure).not.toMatch(/RAHASIA|9900000000000001/);
    }
  });

  it('gives an entry without number the same one in every run', async () => {
    const people = { practitioners: [{ nik: '9900000000000008', name: 'Bidan Contoh', ihsNumber: '' }] };
    const ids = [];
    for (let run = 0; run < 2; run++) {
      const sandbox = await startSandbox({ people, open: true });
      const granted = await fetch(`${sandbox.url}/oauth2/v1/accesstoken?grant_type=client_credentials`, {
        method: 'POST',
        body: new URLSearchParams({ client_id: 'sandbox-1', client_secret: 'secret-1' }),
      });
      const { access_token: token } = (await granted.json()) as { access_token: string };
      const found = await fetch(`${sandbox.url}/fhir-r4/v1/Practitioner?name=Bidan`, { headers: { authorization: `Bearer ${token}` } });
      ids.push(((await found.json()) as { entry: Array<{ resource: { id: string } }> }).entry[0]?.resource.id);
      await sandbox.stop();
    }
    expect(ids[0]).toMatch(/^1\d{10}$/);
    expect(ids[0]).toBe(ids[1]);
  });

  it('refuses a rule table of another form', () => {
    for (const ruleTable of ['{', '{}', '{"rules":[{}],"dateWindow":{}}']) {
      expect(() => createSandbox({ ruleTable })).toThrow('platform-rules.json');
    }
  });
});
