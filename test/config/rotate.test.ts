import { existsSync, linkSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { type Config, parseConfig } from '../../src/config/index.ts';
import { beginKeyChange, endKeyChange, resolveSecretKey, resolveSecretKeys } from '../../src/config/secret-key.ts';
import { composition } from '../../src/main.ts';
import { createCredentialSource, encryptSecret, openSecret } from '../../src/satusehat/index.ts';
import { openStore, type Store } from '../../src/store/index.ts';
import { forEachEngine } from '../store/engines.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'ilp-rotate-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PLACES = [
  ['sandbox', 'P1'],
  ['sandbox', 'P2'],
  ['production', 'P1'],
] as const;
const secretOf = (environment: string, owner: string) => `rahasia ${environment} ${owner}`;

async function put(store: Store, key: string): Promise<void> {
  for (const [environment, owner] of PLACES) {
    const secret = encryptSecret(key, { environment, owner }, secretOf(environment, owner));
    await store.putCredential({ environment, owner, organizationId: '1', clientId: owner, secret, createdAt: '', allowedHours: null });
  }
}

/** Each credential, with the keys of a configuration; throws if one cannot be read. */
async function readable(store: Store, keys: readonly string[]): Promise<void> {
  for (const [environment, owner] of PLACES) {
    const row = (await store.credentials(environment)).find((each) => each.owner === owner);
    expect(openSecret(keys, { environment, owner }, row?.secret ?? '')).toBe(secretOf(environment, owner));
  }
}

let made = 0;
const fileConfig = (): Config => {
  made += 1;
  return parseConfig({ ILP_DATABASE: path.join(folder, String(made), 'ilp.sqlite') });
};
const databaseOf = (config: Config): string => (config.database.engine === 'sqlite' ? config.database.path : '');

forEachEngine((engine) => {
  it('with configured keys: both open what is there, the new one alone afterwards', async () => {
    const database = await engine.createDatabase();
    const [old, fresh] = ['ab'.repeat(32), 'cd'.repeat(32)];
    const store = await openStore(database);
    await store.migrate();
    await put(store, old);
    const config = parseConfig({ ILP_DATABASE: database, ILP_SECRET_KEY: fresh, ILP_SECRET_KEY_PREVIOUS: old });
    await readable(store, resolveSecretKeys(config));
    expect(await composition.rotateKey(config)).toBe(3);
    await readable(store, [fresh]);
    await expect(readable(store, [old])).rejects.toMatchObject({ code: 'config' });
    expect(await composition.rotateKey(config), 'again').toBe(3);
    await readable(store, [fresh]);

    // One that neither key opens: none is changed.
    const lost = encryptSecret('ef'.repeat(32), { environment: 'staging', owner: 'P9' }, 'x');
    const row = {
      environment: 'staging',
      owner: 'P9',
      organizationId: '1',
      clientId: 'c',
      secret: lost,
      createdAt: '',
      allowedHours: null,
    };
    await store.putCredential(row);
    const next = parseConfig({ ILP_DATABASE: database, ILP_SECRET_KEY: '12'.repeat(32), ILP_SECRET_KEY_PREVIOUS: fresh });
    await expect(composition.rotateKey(next)).rejects.toMatchObject({ code: 'config', message: expect.stringContaining('P9 (staging)') });
    await readable(store, [fresh]);
    const alone = parseConfig({ ILP_DATABASE: database, ILP_SECRET_KEY: fresh });
    await expect(composition.rotateKey(alone)).rejects.toMatchObject({
      code: 'config',
      message: expect.stringContaining('ILP_SECRET_KEY_PREVIOUS'),
    });
    await store.close();
  });
});

it('beside SQLite: a new file, and the old one only while it is needed', async () => {
  const config = fileConfig();
  const old = resolveSecretKey(config);
  const store = await openStore(databaseOf(config));
  await store.migrate();
  await put(store, old);
  expect(await composition.rotateKey(config)).toBe(3);
  const file = `${databaseOf(config)}.key`;
  expect([resolveSecretKey(config) === old, existsSync(`${file}.previous`), statSync(file).mode & 0o777]).toEqual([false, false, 0o600]);
  await readable(store, resolveSecretKeys(config));
  await store.close();
});

it('cut off at any point: all stays readable, and a second time ends it', async () => {
  const steps: ReadonlyArray<(config: Config, store: Store) => Promise<void>> = [
    async (config) => linkSync(`${databaseOf(config)}.key`, `${databaseOf(config)}.key.previous`),
    async (config) => beginKeyChange(config),
    async (config, store) => {
      beginKeyChange(config);
      const keys = resolveSecretKeys(config);
      await store.rewriteSecrets((row) => encryptSecret(keys[0], row, openSecret(keys, row, row.secret)));
    },
    async (config, store) => {
      beginKeyChange(config);
      const keys = resolveSecretKeys(config);
      await store
        .rewriteSecrets((row) => {
          if (row.owner === 'P2') throw new Error('cut off');
          return encryptSecret(keys[0], row, openSecret(keys, row, row.secret));
        })
        .catch(() => undefined);
    },
  ];
  for (const [number, step] of steps.entries()) {
    const config = fileConfig();
    const store = await openStore(databaseOf(config));
    await store.migrate();
    const old = resolveSecretKey(config);
    await put(store, old);
    await step(config, store);
    await readable(store, resolveSecretKeys(config));
    const between = resolveSecretKey(config);
    expect(await composition.rotateKey(config), `step ${number}`).toBe(3);
    await readable(store, [resolveSecretKey(config)]);
    expect(resolveSecretKey(config)).not.toBe(old);
    // Nothing is made anew where a new key was there already.
    if (number > 0) expect(resolveSecretKey(config)).toBe(between);
    expect(existsSync(`${databaseOf(config)}.key.previous`)).toBe(false);
    await store.close();
  }
});

it('a service that runs meanwhile reads the credentials all the time', async () => {
  const config = fileConfig();
  const store = await openStore(databaseOf(config));
  await store.migrate();
  await put(store, resolveSecretKey(config));
  const source = createCredentialSource({
    environment: 'sandbox',
    keys: () => resolveSecretKeys(config),
    load: () => store.credentials('sandbox'),
    clock: () => Date.now(),
    maxAgeMs: 0,
  });
  let stop = false;
  let reads = 0;
  const reading = (async () => {
    while (!stop) {
      expect((await source('P1'))?.secret).toBe(secretOf('sandbox', 'P1'));
      reads += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  for (let time = 0; time < 5; time += 1) await composition.rotateKey(config);
  stop = true;
  await reading;
  expect(reads).toBeGreaterThan(5);
  await store.close();
});

it('a damaged key file is named; the old one is not forgotten with it', () => {
  const config = fileConfig();
  resolveSecretKey(config);
  const file = `${databaseOf(config)}.key`;
  beginKeyChange(config);
  renameSync(file, `${file}.kept`);
  writeFileSync(file, 'rubbish');
  expect(() => resolveSecretKeys(config)).toThrow(/key file/);
  expect(() => beginKeyChange(config)).toThrow(/key file/);
  expect(readFileSync(`${file}.previous`, 'utf8')).toMatch(/^[0-9a-f]{64}\n$/);
  renameSync(`${file}.kept`, file);
  endKeyChange(config);
  endKeyChange(config);
  expect(resolveSecretKeys(config)).toHaveLength(1);
});

it('the previous key goes with a present one only', () => {
  expect(() => parseConfig({ ILP_SECRET_KEY_PREVIOUS: 'ab'.repeat(32) })).toThrow(/ILP_SECRET_KEY_PREVIOUS/);
  const config = parseConfig({ ILP_SECRET_KEY: 'cd'.repeat(32), ILP_SECRET_KEY_PREVIOUS_FILE: 'k' }, () => 'ab'.repeat(32));
  expect(resolveSecretKeys(config)).toEqual(['cd'.repeat(32), 'ab'.repeat(32)]);
});
