import { closeSync, existsSync, mkdirSync, openSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Bilingual } from '../errors/index.ts';
import type { Config } from './config.ts';
import { mistake, wrongConfig } from './mistakes.ts';

/**
 * Makes the file of a SQLite database with its folder, for their owner only; what is there stays as it is.
 *
 * @throws AppError `config` if there can be no file: that is mended by another ILP_DATABASE, and by no repetition
 */
export function claimDatabasePlace({ database }: Config): void {
  if (database.engine !== 'sqlite') return;
  try {
    makeFolder(path.dirname(database.path));
    // Opening a pipe would wait for somebody at its other end.
    if (existsSync(database.path) && !statSync(database.path).isFile()) throw Object.assign(new Error('not a file'), { code: 'ENOTFILE' });
    closeSync(openSync(database.path, 'a', 0o600));
  } catch (error) {
    throw wrongConfig([mistake('ILP_DATABASE', reasonOf(error as NodeJS.ErrnoException))], error);
  }
}

/** Folder by folder: `mkdirSync` with `recursive` never ends where the system says that a folder is absent and does not let it be made (/proc). */
export function makeFolder(folder: string): void {
  const missing: string[] = [];
  for (let at = path.resolve(folder); !existsSync(at) && at !== path.dirname(at); at = path.dirname(at)) missing.unshift(at);
  for (const each of missing) {
    try {
      mkdirSync(each, { mode: 0o700 });
    } catch (error) {
      // Another process came first.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

function reasonOf({ code = '-' }: NodeJS.ErrnoException): Bilingual {
  if (code === 'ENOTFILE' || code === 'EISDIR')
    return { id: 'bukan berkas biasa; sebutkan nama berkas basis data', en: 'is not a regular file; give the name of a database file' };
  return {
    id: `berkas tidak dapat dibuat atau ditulis di sana (${code}); pilih folder lain, atau beri izin menulis`,
    en: `the file cannot be made or written there (${code}); choose another folder, or allow writing to it`,
  };
}
