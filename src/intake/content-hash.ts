import { createHash } from 'node:crypto';
import { canonicalJson } from '../store/canonical.ts';

/** SHA-256 of the canonical JSON, hex. */
export function contentHash(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}
