import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, describe, expect, it } from 'vitest';
import { backup, restore } from '../../src/store/archive.ts';
import { openArchive } from '../../src/store/archive-file.ts';
import { loadIdKey, openStore, type Store } from '../../src/store/index.ts';
import { createEngine, forEachEngine } from './engines.ts';
import { ALL, AT, delivery, encounter, outcome, patient, submission, write } from './records.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'ilp-archive-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const fileName = () => path.join(folder, `${randomUUID()}.ilpa`);

const AWKWARD = 'a\0b\uFDD1c "quoted" \\ é 🙂 \u2028';

/** Something in every table. */
async function fill(store: Store, visits = 3): Promise<void> {
  await loadIdKey(store, 'ab'.repeat(32));
  const made = Array.from({ length: visits }, (_, number) => {
    const id = `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
    const subject = patient({ id: id.replace(/^0/, '1'), name: [{ text: number === 0 ? AWKWARD : 'Siti' }] });
    return {
      subject,
      visit: encounter({ id, subject: { reference: `Patient/${subject.id}` } }),
      sent: submission({ id, payload: AWKWARD }),
    };
  });
  await store.commit({
    submissions: made.map(({ sent }) => sent),
    resources: made.flatMap(({ subject, visit }) => [write(subject), write(visit)]),
    facilities: [
      {
        ...{ code: 'P1', kind: 'puskesmas', name: 'Satu', supervisor: null, puskesmas: 'P1', village: null, timeZone: 'Asia/Jakarta' },
        ...{ organization: 'Organization/o1', location: 'Location/l1', active: true },
      },
    ],
    persons: [{ sourceKey: 's|1', nikHash: null, patient: 'Patient/1', birthDate: '2000-01-01', sex: 'female', facility: 'P1' }],
    practitioners: [{ sourceKey: 's|2', nikHash: 'h', practitioner: 'Practitioner/1', name: 'Bidan', profession: null, facility: null }],
    deliveries: made.map(({ visit, sent }) => delivery(`encounter:Encounter/${visit.id}`, { submission: sent.id, submissionVersion: 1 })),
    platformIds: [{ environment: 'staging', reference: 'Encounter/1', platformId: 'p1', platformVersion: null, at: AT }],
    identities: [{ environment: 'production', key: 'patient:h', platformId: null, checkedAt: AT }],
    audits: [{ at: AT, client: 'c', action: 'push', target: null, outcome: 'success', code: null, requestId: null, count: visits }],
  });
  await store.commit({ deliveryOutcomes: [outcome(`encounter:Encounter/${made[0]?.visit.id}`, { state: 'on-hold', reason: 'identity' })] });
  await store.putShared('sandbox', 'pace:1', '{}', null);
}

/** All that can be seen of a database through its store, times of the machine left out. */
async function seen(store: Store): Promise<unknown> {
  const ids = (await store.submissionFeed(ALL, { limit: 1000 })).map(({ id }) => id);
  const key = 'encounter:Encounter/00000000-0000-4000-8000-000000000000';
  return {
    idKey: await store.setting('id-key'),
    submissions: await store.submissionFeed(ALL, { limit: 1000 }),
    payloads: await Promise.all(ids.map((id) => store.submissionPayload(ALL, id))),
    patients: await store.search(ALL, { type: 'Patient', filters: [], count: 100, total: true }),
    found: await store.search(ALL, {
      type: 'Patient',
      filters: [{ param: 'name', kind: 'string', values: ['Siti'], match: 'starts' }],
      count: 100,
    }),
    facilities: await store.facilities(),
    persons: await store.persons({ sourceKeys: ['s|1'] }),
    practitioners: await store.practitioners({ nikHashes: ['h'] }),
    deliveries: await store.deliveries({ environment: 'sandbox', limit: 1000 }),
    trail: await store.deliveryTrail(ALL, 'sandbox', key),
    platformIds: await store.platformIds('staging', ['Encounter/1']),
    identities: await store.identities('production', ['patient:h']),
    audits: await store.audits({}),
  };
}

const open = async <T>(database: string, work: (store: Store) => Promise<T>): Promise<T> => {
  const store = await openStore(database);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
};

async function filled(database: string, visits = 3): Promise<void> {
  await open(database, async (store) => {
    await store.migrate();
    await fill(store, visits);
  });
}

const engines = { sqlite: createEngine('sqlite'), postgres: createEngine('postgres') };

describe('an archive', () => {
  for (const [from, to] of [
    ['sqlite', 'postgres'],
    ['postgres', 'sqlite'],
  ] as const) {
    it(`brings all of a database from ${from} to ${to}, and the new one goes on`, async () => {
      const [source, target, file] = [await engines[from].createDatabase(), await engines[to].createDatabase(), fileName()];
      await filled(source);
      const before = await open(source, seen);
      const report = await backup({ database: source, file, version: '1.2.3' });
      expect(report.tables).toMatchObject({ submission: 3, resource: 6, delivery: 3, facility: 1, setting: 1 });
      expect(statSync(file).mode & 0o777).toBe(0o600);

      const restored = await restore({ database: target, file, environment: 'sandbox' });
      expect(restored).toEqual({ ...report, version: '1.2.3' });
      await open(target, async (store) => {
        expect(await seen(store)).toEqual(before);
        for (const environment of ['sandbox', 'staging', 'production']) {
          const { entries } = await store.shared(environment);
          expect(entries.map(({ name }) => name)).toEqual(['restored']);
          expect(JSON.parse(entries[0]?.value ?? '')).toMatchObject({ backupAt: report.takenAt });
        }
        // Numbers go on after those that came in.
        await store.commit({
          submissions: [submission()],
          resources: [write(encounter())],
          deliveries: [delivery('new')],
          audits: [{ at: AT, client: 'c', action: 'push', target: null, outcome: 'success', code: null, requestId: null, count: 1 }],
        });
        const all = await store.deliveries({ environment: 'sandbox', limit: 100 });
        expect(new Set(all.map(({ id }) => id)).size).toBe(4);
        expect(await store.audits({})).toHaveLength(2);
      });
    });
  }
});

forEachEngine((engine) => {
  it('is of one moment while others go on writing', async () => {
    const [database, file] = [await engine.createDatabase(), fileName()];
    const store = await openStore(database);
    await store.migrate();
    await fill(store, 80);
    let stop = false;
    let written = 0;
    const writing = (async () => {
      while (!stop) {
        const id = randomUUID();
        await store.commit({
          submissions: [submission({ id })],
          resources: [write(encounter({ id }), { submission: id })],
          deliveries: [delivery(`encounter:Encounter/${id}`, { submission: id, submissionVersion: 1 })],
        });
        written += 1;
      }
    })();
    while (written < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    const { tables } = await backup({ database, file, version: '1' });
    stop = true;
    await writing;
    await store.close();
    expect(tables.submission).toBe(tables.delivery);
    expect(tables.submission).toBe(tables.submission_payload);
    expect(tables.resource).toBe(80 + (tables.submission as number));
    expect((await restore({ database: await engine.createDatabase(), file, environment: 'sandbox' })).tables).toEqual(tables);
  });

  it('fills only an empty database, unless that is to be replaced; and none that is in use', async () => {
    const [source, target, file] = [await engine.createDatabase(), await engine.createDatabase(), fileName()];
    await filled(source);
    await backup({ database: source, file, version: '1' });
    const started = await openStore(target);
    await started.migrate();
    await started.ping();
    await expect(restore({ database: target, file, environment: 'sandbox' })).rejects.toMatchObject({ code: 'database-in-use' });
    // A service that was merely started there leaves a key of its own; one that is about to go is waited for.
    await loadIdKey(started);
    setTimeout(() => void started.close(), 300);
    await restore({ database: target, file, environment: 'sandbox' });
    await open(target, (store) => store.commit({ deliveries: [delivery('more')] }));
    for (const dryRun of [true, false]) {
      await expect(restore({ database: target, file, environment: 'sandbox', dryRun })).rejects.toMatchObject({
        code: 'database-not-empty',
      });
    }
    await restore({ database: target, file, environment: 'sandbox', replace: true });
    await open(target, async (store) => {
      expect(await store.deliveries({ environment: 'sandbox', limit: 100 })).toHaveLength(3);
      expect(await store.setting('id-key')).toBe('ab'.repeat(32));
    });
  });

  it('dry runs write nothing', async () => {
    const [source, file] = [await engine.createDatabase(), fileName()];
    await filled(source, 1);
    expect((await backup({ database: source, file, version: '1', dryRun: true })).tables.delivery).toBe(1);
    expect(existsSync(file)).toBe(false);
    await backup({ database: source, file, version: '1' });
    const target = await engine.createDatabase();
    expect((await restore({ database: target, file, environment: 'sandbox', dryRun: true })).rows).toBeGreaterThan(5);
    if (engine.name === 'sqlite') expect(existsSync(target)).toBe(false);
    else {
      const client = new pg.Client(target);
      await client.connect();
      expect((await client.query('select 1 from pg_tables where schemaname = current_schema()')).rows).toEqual([]);
      await client.end();
    }
  });
});

describe('a database that was restored already', () => {
  const engine = createEngine('sqlite');
  it('keeps the moment of its oldest backup', async () => {
    const [source, second, third] = [await engine.createDatabase(), await engine.createDatabase(), await engine.createDatabase()];
    await filled(source, 1);
    const [file, again] = [fileName(), fileName()];
    const { takenAt } = await backup({ database: source, file, version: '1' });
    await restore({ database: second, file, environment: 'sandbox' });
    await backup({ database: second, file: again, version: '1' });
    await restore({ database: third, file: again, environment: 'sandbox' });
    const { entries } = await open(third, (store) => store.shared('sandbox', ['restored']));
    expect(JSON.parse(entries[0]?.value ?? '').backupAt).toBe(takenAt);
  });
});

describe('a bad archive', () => {
  const engine = createEngine('sqlite');
  let whole: Buffer | undefined;
  const made = async (): Promise<Buffer> => {
    if (whole === undefined) {
      const [source, file] = [await engine.createDatabase(), fileName()];
      await filled(source, 40);
      await backup({ database: source, file, version: '1' });
      whole = readFileSync(file);
    }
    return whole;
  };
  const refused = async (bytes: Uint8Array): Promise<unknown> => {
    const [file, database] = [fileName(), await engine.createDatabase()];
    writeFileSync(file, bytes);
    const error = await restore({ database, file, environment: 'sandbox' }).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(existsSync(database), 'nothing was made').toBe(false);
    return (error as { code?: string } | undefined)?.code;
  };

  it('is refused wherever it was cut', async () => {
    const bytes = await made();
    for (let cut = 0; cut < bytes.length - 1024; cut += Math.ceil(bytes.length / 12)) {
      expect(await refused(bytes.subarray(0, cut)), `cut at ${cut} of ${bytes.length}`).toBe('archive');
    }
  });

  it('is refused whichever byte of its content was altered', async () => {
    const bytes = await made();
    const file = fileName();
    writeFileSync(file, bytes);
    const archive = await openArchive(file);
    await archive.close();
    for (let at = 600; at < bytes.length - 2048; at += Math.ceil(bytes.length / 12)) {
      // Between members there is only padding.
      if (bytes[at] === 0) continue;
      const altered = Buffer.from(bytes);
      altered[at] = (altered[at] as number) ^ 0x41;
      expect(await refused(altered), `altered at ${at}`).toBe('archive');
    }
  });

  it('is refused where it is something else, or of another form', async () => {
    expect(await refused(Buffer.from('SQLite format 3\0'.repeat(100)))).toBe('archive');
    expect(await refused(Buffer.alloc(0))).toBe('archive');
    expect(await refused(Buffer.alloc(4096))).toBe('archive');
    const [file, database] = [path.join(folder, 'none'), await engine.createDatabase()];
    await expect(restore({ database, file, environment: 'sandbox' })).rejects.toMatchObject({ code: 'archive' });
    const other = Buffer.from(await made());
    const at = other.indexOf('"formatVersion": 1');
    other.write('"formatVersion": 7', at);
    const start = Math.floor(at / 512) * 512;
    const end = other.indexOf('\n}\n', at) + 3;
    const hash = createHash('sha256').update(other.subarray(start, end)).digest('hex');
    other.write(hash, other.lastIndexOf('  manifest.json') - 64);
    expect(await refused(other)).toBe('archive');
  });

  it('is refused with another id key than the one it holds', async () => {
    const [file, database] = [fileName(), await engine.createDatabase()];
    writeFileSync(file, await made());
    await expect(restore({ database, file, environment: 'sandbox', idKey: 'cd'.repeat(32) })).rejects.toMatchObject({ code: 'id-key' });
  });

  it('is not made over a file that is none, nor of a database that is none', async () => {
    const [source, file] = [await engine.createDatabase(), fileName()];
    await filled(source, 1);
    const before = readFileSync(source);
    await expect(backup({ database: source, file: source, version: '1' })).rejects.toMatchObject({ code: 'archive' });
    expect(readFileSync(source).equals(before)).toBe(true);
    await backup({ database: source, file, version: '1' });
    await backup({ database: source, file, version: '1' });
    await expect(backup({ database: path.join(folder, 'absent.sqlite'), file, version: '1' })).rejects.toMatchObject({
      code: 'store-unavailable',
    });
    await expect(backup({ database: source, file: path.join(folder, 'no/such/file'), version: '1' })).rejects.toMatchObject({
      code: 'archive',
    });
    expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([]);
  });
});
