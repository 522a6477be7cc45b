import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contentHash } from '../../src/intake/content-hash.ts';
import { isDeeper } from '../../src/intake/json-limits.ts';
import { canonicalJson } from '../../src/store/canonical.ts';

describe('content hash', () => {
  it('does not depend on the order of keys, and differs for different content', () => {
    expect(contentHash({ a: 1, b: { c: [1, 2], d: null } })).toBe(contentHash({ b: { d: null, c: [1, 2] }, a: 1 }));
    expect(contentHash({ a: [1, 2] })).not.toBe(contentHash({ a: [2, 1] }));
    expect(contentHash({ a: '1' })).not.toBe(contentHash({ a: 1 }));
  });

  it('canonical JSON is JSON of the same value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

describe('depth scan', () => {
  const depthOf = (value: unknown): number =>
    typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0;

  it('agrees with the true depth of any JSON, brackets in strings included', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        const text = JSON.stringify(value);
        const depth = depthOf(value);
        expect(isDeeper(text, depth)).toBe(false);
        if (depth > 0) expect(isDeeper(text, depth - 1)).toBe(true);
      }),
    );
    expect(isDeeper('{"a":"[[[[\\"[[["}', 1)).toBe(false);
  });
});
