import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, linkSync, openSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Config } from './config.ts';
import { makeFolder } from './database-place.ts';
import { mistake, wrongConfig } from './mistakes.ts';

/**
 * The key that encrypts credentials: the configured one, else the content of `<database>.key`, created at first use with mode 0600.
 *
 * @returns 64 hex digits
 * @throws AppError `config` if the file holds something else
 */
export const resolveSecretKey = (config: Config): string => resolveSecretKeys(config)[0];

/**
 * That key, and while keys are changed the one before, which some credentials may still be encrypted with.
 *
 * @throws AppError `config` if a key file holds something else
 */
export function resolveSecretKeys(config: Config): readonly [string, ...string[]] {
  const { secretKey, previousSecretKey } = config;
  if (secretKey !== undefined) return previousSecretKey === undefined ? [secretKey] : [secretKey, previousSecretKey];
  const file = keyFile(config);
  if (!existsSync(file)) create(file);
  // In this order: where the key is new already, the one before is there, or needed no more.
  const key = read(file);
  const before = previousOf(file);
  return before === undefined ? [key] : [key, before];
}

/**
 * Makes a new key file and keeps the old one as `<database>.key.previous`, or goes on with a change that was cut off. With configured
 * keys there is nothing to make. At any moment both files together open all that is encrypted.
 *
 * @throws AppError `config` where a key is configured and the one before is not
 */
export function beginKeyChange(config: Config): void {
  if (config.secretKey !== undefined) {
    if (config.previousSecretKey !== undefined) return;
    const text = {
      id: 'isi dengan kunci lama, dan ILP_SECRET_KEY dengan kunci baru',
      en: 'set it to the old key, and ILP_SECRET_KEY to the new one',
    };
    throw wrongConfig([mistake('ILP_SECRET_KEY_PREVIOUS', text)]);
  }
  const file = keyFile(config);
  if (!existsSync(file)) create(file);
  const before = `${file}.previous`;
  if (existsSync(before) && previousOf(file) !== read(file)) return;
  if (!existsSync(before)) linkSync(file, before);
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600, flush: true });
  renameSync(draft, file);
  // What is encrypted with the new key must not be on the disk before the key is.
  syncFolder(path.dirname(file));
}

/** Forgets the key before: nothing is encrypted with it any more. */
export function endKeyChange(config: Config): void {
  if (config.secretKey === undefined) rmSync(`${keyFile(config)}.previous`, { force: true });
}

function keyFile({ database }: Config): string {
  if (database.engine !== 'sqlite')
    throw wrongConfig([mistake('ILP_SECRET_KEY', { id: 'wajib untuk PostgreSQL', en: 'is required for PostgreSQL' })]);
  return `${database.path}.key`;
}

/** Undefined where there is none; it may go away at any moment, when a change of keys ends. */
function previousOf(file: string): string | undefined {
  try {
    return read(`${file}.previous`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function read(file: string): string {
  const key = readFileSync(file, 'utf8').trim();
  if (/^[0-9a-f]{64}$/.test(key)) return key;
  const text = {
    id: 'berkas kunci di samping basis data rusak; pulihkan dari cadangan',
    en: 'the key file beside the database is damaged; restore it from the backup',
  };
  throw wrongConfig([mistake('ILP_SECRET_KEY', text)]);
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } catch (error) {
    // Not every file system lets a folder be synced.
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
  } finally {
    closeSync(handle);
  }
}

/** Written under another name and linked, so that two processes starting together read one whole key. */
function create(file: string): void {
  makeFolder(path.dirname(file));
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600, flush: true });
  try {
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    unlinkSync(draft);
  }
}
