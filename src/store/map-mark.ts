import type { Resource } from '@medplum/fhirtypes';

/** System of the tag that names the version of the maps by which a resource was made. */
export const MAP_SYSTEM = 'https://fhir.ilp.example/CodeSystem/map';

/** The resource as made by this version of the maps. The tag comes first in `meta`: see `withoutMark`. */
export function markedBy<R extends Resource>(resource: R, version: string | undefined): R {
  if (version === undefined) return resource;
  const { tag: _, ...meta } = resource.meta ?? {};
  return { ...resource, meta: { tag: [{ system: MAP_SYSTEM, code: version }], ...meta } };
}

const MARK = `"tag":[{"system":"${MAP_SYSTEM}","code":"`;
const META = '"meta":{';

/**
 * The text of a resource without the tag. A tag says nothing of the content (FHIR R4, Meta.tag): what other maps make again as it was is no
 * new version, and keeps the version of the maps that first made it so. Cut from the text, because reading each one would cost more than
 * all else that is done with it.
 */
export function withoutMark(content: string): string {
  const start = content.indexOf(MARK);
  if (start < 0) return content;
  const before = content.slice(0, start);
  const after = content.slice(content.indexOf('"}]', start + MARK.length) + 3);
  if (after.startsWith(',')) return before + after.slice(1);
  if (!before.endsWith(META)) return before.replace(/,$/, '') + after;
  // Nothing else in meta: it goes too, with the comma on one of its sides.
  const head = before.slice(0, -META.length);
  return after.startsWith('},') ? head + after.slice(2) : head.replace(/,$/, '') + after.slice(1);
}
