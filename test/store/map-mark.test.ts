import type { Resource } from '@medplum/fhirtypes';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MAP_SYSTEM, markedBy, withoutMark } from '../../src/store/map-mark.ts';

const text = (value: unknown): string => JSON.stringify(value);
/** As the store writes it: `meta` third. */
const written = ({ resourceType, id, meta, ...rest }: Resource) => text({ resourceType, id, ...(meta && { meta }), ...rest });

it('a resource without the tag is the text that it was before', () => {
  const strings = fc.oneof(fc.string(), fc.constantFrom(MAP_SYSTEM, `"tag":[{"system":"${MAP_SYSTEM}","code":"`, '"}]', '"meta":{'));
  const meta = fc.record(
    { profile: fc.array(strings, { minLength: 1 }), source: strings, security: fc.array(fc.record({ code: strings })) },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.option(meta, { nil: undefined }), fc.dictionary(strings, strings), strings, (given, rest, version) => {
      const more = Object.fromEntries(Object.entries(rest).filter(([name]) => !['resourceType', 'id', 'meta', '__proto__'].includes(name)));
      const resource = { resourceType: 'Basic', id: '1', ...(given && { meta: given }), ...more } as unknown as Resource;
      const code = version.replace(/["\\\]}]/g, '');
      const bare = Object.keys(given ?? {}).length === 0 ? ({ resourceType: 'Basic', id: '1', ...more } as unknown as Resource) : resource;
      expect(withoutMark(written(markedBy(resource, code)))).toBe(written(bare));
      expect(JSON.parse(written(markedBy(resource, code))).meta.tag).toEqual([{ system: MAP_SYSTEM, code }]);
    }),
    { numRuns: 300 },
  );
});

it('without a version nothing is marked, and a mark takes the place of the one before', () => {
  const resource: Resource = { resourceType: 'Basic', id: '1', code: {} };
  expect(markedBy(resource, undefined)).toBe(resource);
  expect(markedBy(markedBy(resource, 'a'), 'b').meta).toEqual({ tag: [{ system: MAP_SYSTEM, code: 'b' }] });
  expect(resource).not.toHaveProperty('meta');
});
