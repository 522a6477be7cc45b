import type { Reply } from './errors.ts';

/**
 * The account verification service. It speaks in encrypted messages, for which this simulator has no key; so every message ends in one
 * of the two recorded errors, which come with status 200.
 */
export function kyc(operation: string, payload: Buffer): Reply {
  const hasBeginTag = payload.includes('-----BEGIN ENCRYPTED MESSAGE-----');
  const error = operation === 'generate-url' && !hasBeginTag ? 'missing begin tag' : 'Failed to decrypt message';
  return { status: 200, body: { metadata: { code: '400', message: 'Bad Request' }, data: { error } } };
}
