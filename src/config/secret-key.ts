import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
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
export function resolveSecretKey(config: Config): string {
  if (config.secretKey !== undefined) return config.secretKey;
  if (config.database.engine !== 'sqlite')
    throw wrongConfig([mistake('ILP_SECRET_KEY', { id: 'wajib untuk PostgreSQL', en: 'is required for PostgreSQL' })]);
  const file = `${config.database.path}.key`;
  if (!existsSync(file)) create(file);
  const key = readFileSync(file, 'utf8').trim();
  if (!/^[0-9a-f]{64}$/.test(key)) {
    const text = {
      id: 'berkas kunci di samping basis data rusak; pulihkan dari cadangan',
      en: 'the key file beside the database is damaged; restore it from the backup',
    };
    throw wrongConfig([mistake('ILP_SECRET_KEY', text)]);
  }
  return key;
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
