import { hash } from 'node:crypto';
import { canonicalJson } from '../store/canonical.ts';

/** SHA-256 of the canonical JSON, hex. */
export function contentHash(value: unknown): string {
  return hash('sha256', canonicalJson(value), 'hex');
}
