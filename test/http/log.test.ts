import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { packageRoot } from '../../src/config/index.ts';
import { hashKey } from '../../src/http/index.ts';
import { openStore } from '../../src/store/index.ts';

const NIK = '3329010101900001';
const NAME = 'Rahasia Namanya';

it('no value of a person, query or key is in what the process writes, and it stops in order when told', async () => {
  const database = path.join(mkdtempSync(path.join(os.tmpdir(), 'ilp-log-')), 'ilp.sqlite');
  const store = await openStore(database);
  await store.migrate();
  const key = 'a-key-that-must-not-be-logged';
  await store.putClient({
    id: 'vendor',
    name: 'vendor',
    keyHash: hashKey(key),
    scopes: ['intake:write', 'intake:read', 'fhir:read'],
    sourceSystems: 'all',
    facilities: 'all',
    createdAt: '2026-01-01T00:00:00.000Z',
    revokedAt: null,
  });
  await store.close();
  const child = spawn(process.execPath, [path.join(packageRoot, 'src/main.ts'), 'serve', '--json'], {
    env: {
      ...process.env,
      ILP_DATABASE: database,
      ILP_PORT: '0',
      ILP_LOG_LEVEL: 'debug',
      ILP_PLATFORM_AUTH_URL: 'http://127.0.0.1:9',
      ILP_PLATFORM_FHIR_URL: 'http://127.0.0.1:9',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let written = '';
  const url = await new Promise<string>((resolve, reject) => {
    const take = (chunk: Buffer) => {
      written += chunk.toString();
      const found = /"url":"([^"]+)"/.exec(written)?.[1];
      if (found) resolve(found);
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.once('exit', (code) => reject(new Error(`ended with ${code}: ${written}`)));
  });
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const person = { sourceSystem: 's', sourceId: '1', nik: NIK, name: NAME, birthDate: '1990-01-01', sex: 'male', facilityCode: 'P1' };
  await fetch(`${url}/api/v1/persons`, { method: 'POST', headers, body: JSON.stringify(person) });
  await fetch(`${url}/api/v1/persons`, { method: 'POST', headers, body: JSON.stringify(person).slice(0, -5) });
  await fetch(`${url}/api/v1/persons/${NIK}?name=${encodeURIComponent(NAME)}`, { headers });
  await fetch(`${url}/fhir/Patient?identifier=${NIK}`, { headers });
  await fetch(`${url}/fhir/Patient/${NIK}?name=${NAME}`, { headers });
  child.kill('SIGTERM');
  const [code] = await once(child, 'exit');
  expect(code).toBe(0);
  expect(written).toContain('"route":"/api/v1/persons"');
  expect(written).toContain('service.stopped');
  for (const secret of [NIK, NAME, 'Rahasia', key, encodeURIComponent(NAME)]) expect(written).not.toContain(secret);
});
