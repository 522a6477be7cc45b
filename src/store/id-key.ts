import { hash as digest, randomBytes } from 'node:crypto';
import { AppError } from '../errors/index.ts';
import type { Feed, Store } from './port.ts';

/** What a Patient's id is derived from: the first of NIK, (mother's NIK, birth order, birth date) and source key that is complete. */
export interface PersonIdentity {
  readonly nik?: string | undefined;
  readonly nikIbu?: string | undefined;
  readonly birthOrder?: number | string | undefined;
  /** `YYYY-MM-DD` */
  readonly birthDate?: string | undefined;
  /** `<source system>|<source id>` */
  readonly sourceKey: string;
}

/** Deterministic ids: the same record gives the same ids on every machine that has the key; without the key nothing can be read from them. */
export interface Identifiers {
  /** Key of a record over all its versions; the `recordKey` of `resourceId`. */
  recordKey(sourceSystem: string, feed: Feed, sourceId: string): string;
  submissionId(sourceSystem: string, feed: Feed, sourceId: string): string;
  /** Id of the resource that a record makes in a role: `encounter`, `observation:8480-6`, … */
  resourceId(recordKey: string, role: string): string;
  /** Id of a facility's Organization: by facility code only, whichever source system named it. */
  organizationId(code: string): string;
  locationId(code: string): string;
  patientId(person: PersonIdentity): string;
  practitionerId(nik: string): string;
  /** Keyed hash (hex) under which a NIK is kept in registers and caches. */
  nikHash(nik: string): string;
  /** Keyed hash (hex) of any text. */
  hash(text: string): string;
}

/** @param keyHex 32 bytes as 64 hex characters, from `loadIdKey` */
export function createIdentifiers(keyHex: string): Identifiers {
  const mac = createMac(Buffer.from(keyHex, 'hex'));
  const hash = mac;
  const id = (text: string) => uuid(mac(text));
  // JSON keeps the parts apart: ('a|b', 'c') and ('a', 'b|c') are different records.
  const record = (sourceSystem: string, feed: Feed, sourceId: string) => JSON.stringify([sourceSystem, feed, sourceId]);

  return {
    recordKey: (sourceSystem, feed, sourceId) => hash(`record|${record(sourceSystem, feed, sourceId)}`),
    submissionId: (sourceSystem, feed, sourceId) => id(`submission|${record(sourceSystem, feed, sourceId)}`),
    resourceId: (recordKey, role) => id(`${recordKey}|${role}`),
    organizationId: (code) => id(`facility|organization|${code}`),
    locationId: (code) => id(`facility|location|${code}`),
    patientId: (person) => id(patientText(person)),
    practitionerId: (nik) => id(`practitioner|nik|${nik}`),
    nikHash: (nik) => hash(`nik|${nik}`),
    hash,
  };
}

function patientText({ nik, nikIbu, birthOrder, birthDate, sourceKey }: PersonIdentity): string {
  if (nik) return `patient|nik|${nik}`;
  // Without a birth order twins would become one Patient, so the source's own key is used then.
  if (nikIbu && birthDate && birthOrder !== undefined && birthOrder !== '') {
    return `patient|newborn|${nikIbu}|${birthOrder}|${birthDate}`;
  }
  return `patient|source|${sourceKey}`;
}

const BLOCK = 64;
const DIGEST = 32;
/** No text of ours is longer, unless a sender's own key is. */
const USUAL_LENGTH = 512;

/**
 * HMAC-SHA-256 (RFC 2104) with one key, in hex, as `createHmac` computes it. A visit takes a dozen; the object that Node makes for each
 * costs ten times as much as the two hashes over memory that is kept.
 */
function createMac(key: Buffer): (text: string) => string {
  const padded = (byte: number, room: number) =>
    Buffer.alloc(
      BLOCK + room,
      Buffer.alloc(BLOCK).map((_, index) => (key[index] ?? 0) ^ byte),
    );
  let inner = padded(0x36, USUAL_LENGTH);
  const outer = padded(0x5c, DIGEST);
  return (text) => {
    // A character is at most three bytes in UTF-8 (two of a pair: four).
    if (inner.length < BLOCK + 3 * text.length) inner = padded(0x36, 3 * text.length);
    const end = BLOCK + inner.write(text, BLOCK);
    outer.write(digest('sha256', inner.subarray(0, end), 'binary'), BLOCK, 'binary');
    return digest('sha256', outer, 'hex');
  };
}

/** UUID of version 8 (RFC 9562: content defined by the vendor) from the first 16 bytes of a hash in hex. */
function uuid(hex: string): string {
  const variant = '89ab'[Number.parseInt(hex[16] as string, 16) & 3];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/**
 * The key of this database. Made once and kept as a setting; a configured one must equal it, because another key would give every
 * record new ids and send everything twice.
 *
 * @param configured 64 hex characters
 * @throws AppError `id-key`
 */
export async function loadIdKey(store: Pick<Store, 'setting'>, configured?: string): Promise<string> {
  const wanted = configured?.toLowerCase();
  if (wanted !== undefined && !/^[0-9a-f]{64}$/.test(wanted)) throw new AppError('id-key');
  const stored = await store.setting('id-key', () => wanted ?? randomBytes(32).toString('hex'));
  if (stored === undefined || (wanted !== undefined && stored !== wanted)) throw new AppError('id-key');
  return stored;
}
