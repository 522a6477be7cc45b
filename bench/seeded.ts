import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Engines } from '../src/engines.ts';
import { hashKey } from '../src/http/index.ts';
import { createIntake, type Intake } from '../src/intake/index.ts';
import { createIdentifiers, type Feed, loadIdKey, openStore, type Store } from '../src/store/index.ts';
import { asRaw, CLIENT, facilities, persons, practitioners } from './visits.ts';

export const KEY = 'bench-key-0123456789abcdef';
export const ENVIRONMENT = 'sandbox';

export interface Opened {
  readonly store: Store;
  readonly intake: Intake;
}

/** A folder with a database that holds the registers and no visit. */
export interface Seeded {
  readonly folder: string;
  /** A file of its own with a copy of that database. */
  copy(name: string): string;
  open(file: string): Promise<Opened>;
  remove(): void;
}

export async function createSeeded(engines: Engines): Promise<Seeded> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'ilp-bench-'));
  const base = path.join(folder, 'base.sqlite');
  const seeded: Seeded = {
    folder,
    copy(name) {
      const file = path.join(folder, name);
      for (const end of ['', '-wal', '-shm']) rmSync(`${file}${end}`, { force: true });
      copyFileSync(base, file);
      return file;
    },
    async open(file) {
      const store = await openStore(file);
      await store.migrate();
      const ids = createIdentifiers(await loadIdKey(store));
      const now = () => '2026-08-19T00:00:00.000Z';
      return { store, intake: createIntake({ store, environment: ENVIRONMENT, ids, ...engines, now }) };
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
  const { store, intake } = await seeded.open(base);
  await store.putClient({ ...CLIENT, keyHash: hashKey(KEY) });
  const registers: readonly [Feed, Record<string, unknown>[]][] = [
    ['facilities', facilities()],
    ['practitioners', practitioners()],
    ['persons', persons()],
  ];
  for (const [feed, values] of registers) {
    for (const { receipt } of await intake.accept({ feed, client: CLIENT, strict: false }, asRaw(values))) {
      if (receipt.state !== 'completed') throw new Error(`${feed}: ${receipt.issues.map(({ code }) => code).join(', ')}`);
    }
  }
  await store.close();
  const database = new DatabaseSync(base);
  database.exec('pragma wal_checkpoint(truncate)');
  database.close();
  return seeded;
}
