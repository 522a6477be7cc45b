import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { AppError } from '../errors/index.ts';
import type { Config } from './config.ts';

/**
 * The key that encrypts credentials: the configured one, else the content of `<database>.key`, created at first use with mode 0600.
 *
 * @returns 64 hex digits
 * @throws AppError `config` if the file holds something else
 */
export function resolveSecretKey(config: Config): string {
  if (config.secretKey !== undefined) return config.secretKey;
  if (config.database.engine !== 'sqlite') throw new AppError('config', { detail: 'ILP_SECRET_KEY' });
  const file = `${config.database.path}.key`;
  if (!existsSync(file)) create(file);
  const key = readFileSync(file, 'utf8').trim();
  if (!/^[0-9a-f]{64}$/.test(key)) throw new AppError('config', { detail: 'ILP_SECRET_KEY: the key file beside the database is damaged' });
  return key;
}

/** Written under another name and linked, so that two processes starting together read one whole key. */
function create(file: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
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
