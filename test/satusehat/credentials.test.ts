import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createCredentialSource, decryptSecret, encryptSecret } from '../../src/satusehat/credentials.ts';
import { virtualTime } from './virtual-time.ts';

const key = randomBytes(32).toString('hex');
const place = { environment: 'staging', owner: 'P3329010101' };

describe('encryptSecret', () => {
  it('opens with the same key and place, and never looks the same twice', () => {
    const sealed = encryptSecret(key, place, 'rahasia é');
    expect(decryptSecret(key, place, sealed)).toBe('rahasia é');
    expect(sealed).not.toContain('rahasia');
    expect(encryptSecret(key, place, 'rahasia é')).not.toBe(sealed);
  });

  it.each([
    ['another key', (sealed: string) => [randomBytes(32).toString('hex'), place, sealed] as const],
    ['another owner', (sealed: string) => [key, { ...place, owner: 'P2' }, sealed] as const],
    ['another environment', (sealed: string) => [key, { ...place, environment: 'production' }, sealed] as const],
    ['a changed ciphertext', (sealed: string) => [key, place, sealed.slice(0, -3) + (sealed.endsWith('AAA') ? 'BBB' : 'AAA')] as const],
    ['something else', () => [key, place, 'clear text'] as const],
  ])('does not open with %s, and does not say what is in it', (_, change) => {
    const [otherKey, otherPlace, sealed] = change(encryptSecret(key, place, 'rahasia'));
    let message = '';
    try {
      decryptSecret(otherKey, otherPlace, sealed);
    } catch (error) {
      message = String(error);
    }
    expect(message).toContain('config');
    expect(message).not.toContain('rahasia');
  });

  it('refuses a key of another length', () => {
    expect(() => encryptSecret('abc', place, 'x')).toThrow('config');
  });
});

describe('createCredentialSource', () => {
  it('sees a new row after a while, and lets a row it cannot open hold up its own owner only', async () => {
    const time = virtualTime();
    const errors: unknown[] = [];
    const rows = [
      { owner: 'P1', organizationId: '1', clientId: 'c1', secret: encryptSecret(key, { environment: 'staging', owner: 'P1' }, 's1') },
      { owner: 'P2', organizationId: '2', clientId: 'c2', secret: 'broken' },
    ];
    let reads = 0;
    const source = createCredentialSource({
      environment: 'staging',
      keyHex: key,
      clock: time.clock,
      load: async () => {
        reads += 1;
        return [...rows];
      },
      log: { info() {}, warn() {}, error: (fields, event) => errors.push([event, fields]) },
    });
    expect(await source('P1')).toEqual({ organizationId: '1', clientId: 'c1', secret: 's1' });
    expect(await source('P2')).toBeUndefined();
    expect(errors).toEqual([['credential.unreadable', { owner: 'P2', code: 'config' }]]);
    expect(await source('P3')).toBeUndefined();
    expect(reads).toBe(1);
    rows.push({
      owner: 'P3',
      organizationId: '3',
      clientId: 'c3',
      secret: encryptSecret(key, { environment: 'staging', owner: 'P3' }, 's3'),
    });
    time.advance(5_001);
    expect((await source('P3'))?.secret).toBe('s3');
  });
});
