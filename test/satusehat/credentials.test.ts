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
      keys: () => [key],
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
    // A row that cannot be opened is told once, however often it is read.
    expect(errors).toHaveLength(1);
    reads = 0;
    expect((await Promise.all(['P1', 'P1', 'P1'].map(source))).every(Boolean)).toBe(true);
    expect(reads).toBe(0);
    rows.push({
      owner: 'P3',
      organizationId: '3',
      clientId: 'c3',
      secret: encryptSecret(key, { environment: 'staging', owner: 'P3' }, 's3'),
    });
    // At once: what was put on hold for want of it has been released and would be held again.
    expect((await source('P3'))?.secret).toBe('s3');
    expect(reads).toBe(1);
    rows[0] = { ...rows[0], secret: encryptSecret(key, { environment: 'staging', owner: 'P1' }, 'new') } as (typeof rows)[number];
    expect((await source('P1'))?.secret).toBe('s1');
    time.advance(5_001);
    expect((await source('P1'))?.secret).toBe('new');
  });

  it('answers "none" from rows read after the question, in one read for all who ask together', async () => {
    const rows: { owner: string; organizationId: string; clientId: string; secret: string }[] = [];
    const waiting: (() => void)[] = [];
    const source = createCredentialSource({
      environment: 'staging',
      keys: () => [key],
      clock: () => 0,
      load: async () => {
        const seen = [...rows];
        await new Promise<void>((resolve) => waiting.push(resolve));
        return seen;
      },
    });
    const first = source('P1');
    rows.push({
      owner: 'P1',
      organizationId: '1',
      clientId: 'c1',
      secret: encryptSecret(key, { environment: 'staging', owner: 'P1' }, 's1'),
    });
    const others = [source('P1'), source('P1')];
    const answers = Promise.all([first, ...others]);
    for (let turn = 0; turn < 10; turn += 1) {
      waiting.splice(0).forEach((go) => {
        go();
      });
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await answers).map((answer) => answer?.secret)).toEqual([undefined, 's1', 's1']);
  });

  it('reads again after a read that failed', async () => {
    let fails = true;
    const source = createCredentialSource({
      environment: 'staging',
      keys: () => [key],
      clock: () => 0,
      load: async () => {
        if (fails) throw new Error('no database');
        return [
          { owner: 'P1', organizationId: '1', clientId: 'c1', secret: encryptSecret(key, { environment: 'staging', owner: 'P1' }, 's1') },
        ];
      },
    });
    await expect(source('P1')).rejects.toThrow('no database');
    fails = false;
    expect((await source('P1'))?.secret).toBe('s1');
  });
});
