import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { AppError } from '../errors/index.ts';
import { type Log, silentLog } from '../sync/platform.ts';

/** Clear credential of one Organization; lives in memory only. */
export interface AccountCredential {
  readonly organizationId: string;
  readonly clientId: string;
  readonly secret: string;
}

/** What of a stored credential is needed here. */
export interface StoredCredential {
  readonly owner: string;
  readonly organizationId: string;
  readonly clientId: string;
  /** Made by `encryptSecret`. */
  readonly secret: string;
}

/** What a secret is bound to: it cannot be moved to another row. */
export interface SecretPlace {
  readonly environment: string;
  readonly owner: string;
}

const FORM = 'v1';

/**
 * Encrypts a client secret with AES-256-GCM; environment and owner are authenticated with it.
 *
 * @param keyHex 32 bytes, hex
 * @throws AppError `config` if the key has another form
 */
export function encryptSecret(keyHex: string, place: SecretPlace, clear: string): string {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', readKey(keyHex), iv).setAAD(aad(place));
  const sealed = Buffer.concat([cipher.update(clear, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return [FORM, iv.toString('base64url'), sealed.toString('base64url')].join('.');
}

/** @throws AppError `config` if key, row or ciphertext do not belong together */
export function decryptSecret(keyHex: string, place: SecretPlace, sealed: string): string {
  const key = readKey(keyHex);
  const [form, iv = '', content = ''] = sealed.split('.');
  const bytes = Buffer.from(content, 'base64url');
  try {
    if (form !== FORM || bytes.length < 16) {
      throw new Error('unknown form');
    }
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(iv, 'base64url'), { authTagLength: 16 })
      .setAAD(aad(place))
      .setAuthTag(bytes.subarray(-16));
    return Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()]).toString('utf8');
  } catch (cause) {
    const of = `${place.owner} (${place.environment})`;
    const detail = { id: `kredensial ${of}: tidak terbuka dengan kunci ini`, en: `credential of ${of}: the key does not open it` };
    throw new AppError('config', { detail }, { cause });
  }
}

/**
 * Decrypts with the first of the keys that fits.
 *
 * @throws AppError `config` if none does
 */
export function openSecret(keys: readonly string[], place: SecretPlace, sealed: string): string {
  let last: unknown;
  for (const key of keys) {
    try {
      return decryptSecret(key, place, sealed);
    } catch (error) {
      last ??= error;
    }
  }
  throw last;
}

/**
 * Credential look-up for `createSatusehatPlatform` over stored rows. Rows are read again after `maxAgeMs`; that there is none is only said
 * from rows read after the question, for a delivery that is told so waits until a credential is added, and one may just have been. A row
 * that the key does not open is logged once and counts as missing: it holds up its own puskesmas only.
 */
export function createCredentialSource(options: {
  environment: string;
  /** Asked for each time rows are read: keys may be changed while the service runs. */
  keys: () => readonly string[];
  load: () => Promise<readonly StoredCredential[]>;
  clock: () => number;
  log?: Log;
  maxAgeMs?: number;
}): (owner: string) => Promise<AccountCredential | undefined> {
  const { environment, keys, log = silentLog, maxAgeMs = 5_000 } = options;
  const told = new Set<string>();
  let latest: { number: number; at: number; rows: Promise<ReadonlyMap<string, AccountCredential>> } | undefined;
  async function read(): Promise<ReadonlyMap<string, AccountCredential>> {
    const clear = new Map<string, AccountCredential>();
    // Those of before and after, for the rows may be of either side of a change of keys.
    const before = keys();
    const rows = await options.load();
    const known = [...new Set([...keys(), ...before])];
    for (const { owner, organizationId, clientId, secret } of rows) {
      try {
        clear.set(owner, { organizationId, clientId, secret: openSecret(known, { environment, owner }, secret) });
      } catch (error) {
        if (!told.has(secret)) log.error({ owner, code: error instanceof AppError ? error.code : 'internal' }, 'credential.unreadable');
        told.add(secret);
      }
    }
    return clear;
  }
  /** The latest rows, if they are young and were asked for after the given read; else new ones, shared by all who ask meanwhile. */
  function rowsAfter(number: number): Promise<ReadonlyMap<string, AccountCredential>> {
    const now = options.clock();
    if (latest !== undefined && latest.number > number && now - latest.at <= maxAgeMs) return latest.rows;
    const started = { number: (latest?.number ?? 0) + 1, at: now, rows: read() };
    latest = started;
    started.rows.catch(() => {
      if (latest === started) latest = { ...started, at: Number.NEGATIVE_INFINITY };
    });
    return started.rows;
  }
  return async (owner) => {
    const before = latest?.number ?? 0;
    return (await rowsAfter(0)).get(owner) ?? (await rowsAfter(before)).get(owner);
  };
}

function readKey(keyHex: string): Buffer {
  if (!/^[0-9a-f]{64}$/i.test(keyHex)) {
    const detail = {
      id: 'kunci kredensial harus 64 angka hex (32 byte)',
      en: 'the credential key must be 64 hex digits (32 bytes)',
    };
    throw new AppError('config', { detail });
  }
  return Buffer.from(keyHex, 'hex');
}

// A separator that neither part can hold keeps ('a', 'b|c') and ('a|b', 'c') apart.
const aad = (place: SecretPlace): Buffer => Buffer.from(`${place.environment}\n${place.owner}`, 'utf8');
