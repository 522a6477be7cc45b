import type { Resource } from '@medplum/fhirtypes';
import { says } from './content.ts';

type Json = Readonly<Record<string, unknown>>;

export interface PatchOperation {
  readonly op: 'add' | 'replace';
  readonly path: string;
  readonly value: unknown;
}

export interface UpdateRow {
  /** `none`: the platform lets nobody change it; what differs stays as it is there. */
  readonly by: 'put' | 'patch' | 'none';
  /** For `patch`: the elements that may be changed; everything else stays as it is. */
  readonly elements?: readonly string[];
  /** Elements that every patch must name, changed or not. */
  readonly always?: readonly string[];
}

const PUT: UpdateRow = { by: 'put' };

/**
 * How a type is changed. Source: verbs of the official collections; EpisodeOfCare answers a PUT with 403 and wants its patient named in a
 * patch (staging). Only its status, history and period are patched in recordings; a patch of anything else might be refused as a whole, so
 * diagnosis, care manager and team stay as they were opened. A Patient may only be patched, and only in these elements (platform rules
 * 20015 and 20016).
 */
export const UPDATES: Readonly<Record<string, UpdateRow>> = {
  EpisodeOfCare: { by: 'patch', elements: ['status', 'statusHistory', 'period'], always: ['patient'] },
  Patient: { by: 'patch', elements: ['name', 'birthDate', 'gender', 'address', 'deceasedBoolean'] },
  Practitioner: { by: 'none' },
};

export const updateOf = (type: string): UpdateRow => UPDATES[type] ?? PUT;

/**
 * JSON Patch from what the platform holds to what we say. Lists that both have are changed entry by entry, as in the official examples
 * (`replace /statusHistory/0`, `add /statusHistory/1`).
 *
 * @returns nothing to do where no element that may be changed differs
 */
export function patchOf(theirs: Json, ours: Resource, row: UpdateRow): readonly PatchOperation[] {
  const wanted = ours as unknown as Json;
  const operations: PatchOperation[] = [];
  for (const element of row.elements ?? []) {
    const [now, then] = [theirs[element], wanted[element]];
    if (then === undefined || says(now, then)) {
      continue;
    }
    if (Array.isArray(now) && Array.isArray(then)) {
      operations.push(...listOf(element, now, then));
    } else {
      operations.push({ op: now === undefined ? 'add' : 'replace', path: `/${element}`, value: then });
    }
  }
  if (operations.length === 0) {
    return [];
  }
  const named = (row.always ?? []).filter((element) => wanted[element] !== undefined);
  return [...operations, ...named.map((element) => ({ op: 'replace' as const, path: `/${element}`, value: wanted[element] }))];
}

const listOf = (element: string, now: readonly unknown[], then: readonly unknown[]): readonly PatchOperation[] =>
  then.flatMap((value, index): PatchOperation[] => {
    if (index >= now.length) {
      return [{ op: 'add', path: `/${element}/${index}`, value }];
    }
    return says(now[index], value) ? [] : [{ op: 'replace', path: `/${element}/${index}`, value }];
  });
