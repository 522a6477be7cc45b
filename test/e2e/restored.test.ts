import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { parseConfig, readAssets } from '../../src/config/index.ts';
import { compileEngines } from '../../src/engines.ts';
import { createSandbox } from '../../src/sandbox/server.ts';
import { encryptSecret } from '../../src/satusehat/index.ts';
import { createLogger, createService, type Service } from '../../src/service.ts';
import { backup, restore } from '../../src/store/archive.ts';
import type { Client, Feed } from '../../src/store/index.ts';
import { createEngine } from '../store/engines.ts';
import { MIDWIFE, PUSKESMAS, personOf, SECRET, visitOf } from './district.ts';

/** An old backup is restored, on either database, and what was delivered after it is pushed again. */

const PERSONS = 8;
const SECRET_KEY = randomBytes(32).toString('hex');
const CLIENT: Client = {
  ...{ id: 'dinas', name: 'dinas', keyHash: '', scopes: ['intake:write'], sourceSystems: 'all', facilities: 'all' },
  ...{ createdAt: '2026-01-01T00:00:00.000Z', revokedAt: null },
};
const engines = compileEngines(readAssets());
const databases = { sqlite: createEngine('sqlite'), postgres: createEngine('postgres') };
const folder = mkdtempSync(path.join(tmpdir(), 'ilp-restored-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const FACILITIES = PUSKESMAS.flatMap(({ code, name, village, organizationId }) => [
  { sourceSystem: 'simpus', kind: 'puskesmas', code, name, villageCode: village, satusehatOrganizationId: organizationId },
  { sourceSystem: 'simpus', kind: 'pustu', code: `${code}-PT`, name: `Pustu ${code}`, supervisorCode: code, villageCode: `${village}2001` },
]);

for (const [from, to] of [
  ['sqlite', 'postgres'],
  ['postgres', 'sqlite'],
] as const) {
  it(`20 delivered, a backup at 10 restored from ${from} to ${to}: the later 10 are adopted, none is stored twice`, async () => {
    const persons = Array.from({ length: PERSONS }, (_, index) => personOf(index));
    const sandbox = createSandbox({
      people: {
        patients: persons.map(({ nik, name, birthDate, sex }) => ({ nik, name, birthDate, gender: sex })),
        practitioners: [{ nik: MIDWIFE, name: 'Bidan Contoh', gender: 'female' }],
      },
      clients: PUSKESMAS.map(({ code, organizationId }) => ({ clientId: `client-${code}`, clientSecret: SECRET, organizationId })),
    } as never);
    const url = await sandbox.start();
    const [first, second, file] = [
      await databases[from].createDatabase(),
      await databases[to].createDatabase(),
      path.join(folder, randomUUID()),
    ];
    const configOf = (database: string) =>
      parseConfig({
        ILP_DATABASE: database,
        ILP_SECRET_KEY: SECRET_KEY,
        ILP_WORKER_ENABLED: 'false',
        ILP_LOG_LEVEL: 'silent',
        ILP_PLATFORM_AUTH_URL: `${url}/oauth2/v1`,
        ILP_PLATFORM_FHIR_URL: `${url}/fhir-r4/v1`,
      });
    const start = (database: string): Promise<Service> => createService(configOf(database), engines, createLogger(configOf(database), 2));
    const send = async (service: Service, feed: Feed, records: readonly Record<string, unknown>[]) => {
      const raws = records.map((value, index) => ({ line: index + 1, payload: JSON.stringify(value), value }));
      return (await service.intake.accept({ feed, client: CLIENT, strict: false }, raws)).map(({ receipt }) => receipt);
    };
    const visits = (start: number) => Array.from({ length: 10 }, (_, index) => visitOf(start + index, PERSONS));
    const counts = async () => {
      const all = (await (await fetch(`${url}/_sandbox/dump?format=json`)).json()) as { resourceType: string }[];
      return Object.fromEntries([...Map.groupBy(all, ({ resourceType }) => resourceType)].map(([type, each]) => [type, each.length]));
    };

    const service = await start(first);
    let later: Service | undefined;
    try {
      for (const { code, organizationId } of PUSKESMAS) {
        await service.store.putCredential({
          ...{ environment: 'sandbox', owner: code, organizationId, clientId: `client-${code}`, allowedHours: null },
          ...{ secret: encryptSecret(SECRET_KEY, { environment: 'sandbox', owner: code }, SECRET), createdAt: '2026-01-01T00:00:00.000Z' },
        });
      }
      await send(service, 'facilities', FACILITIES);
      const midwife = {
        sourceSystem: 'simpus',
        sourceId: 'NK-1',
        nik: MIDWIFE,
        name: 'Bidan Contoh',
        profession: 'bidan',
        facilityCode: 'P1',
      };
      await send(service, 'practitioners', [midwife]);
      await send(service, 'persons', persons);
      await send(service, 'encounters', visits(0));
      expect(await service.drain({ dryRun: false })).toMatchObject({ failed: 0, held: 0, waiting: 0 });
      await backup({ database: first, file, version: '1' });
      await send(service, 'encounters', visits(10));
      expect(await service.drain({ dryRun: false })).toMatchObject({ delivered: 10, failed: 0, held: 0, waiting: 0 });
      const before = await counts();
      expect(before.Encounter).toBe(20);
      await service.stop();

      await restore({ database: second, file, environment: 'sandbox' });
      later = await start(second);
      await send(later, 'encounters', [...visits(0), ...visits(10)]);
      expect(await later.drain({ dryRun: false })).toMatchObject({ delivered: 10, adopted: 10, failed: 0, held: 0, waiting: 0 });
      expect(await counts()).toEqual(before);

      // All of it compared, nothing differs: from here on it is like any other.
      const run = await later.jobs.run('reconcile', { dryRun: false, settings: { all: true } });
      expect(run).toMatchObject({ error: null, counts: { complete: 1, open: 0, missing: 0, changed: 0, extra: 0, restoreEnded: 1 } });
      expect((await later.store.shared('sandbox', ['restored'])).entries).toEqual([]);
      await send(later, 'encounters', visits(20));
      expect(await later.drain({ dryRun: false })).toMatchObject({ delivered: 10, adopted: 0 });
      expect((await counts()).Encounter).toBe(30);
    } finally {
      await service.stop().catch(() => undefined);
      await later?.stop();
      await sandbox.stop();
    }
  }, 60_000);
}
