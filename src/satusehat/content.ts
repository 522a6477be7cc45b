import { SYSTEMS } from '../terminology/systems.ts';

/**
 * Whether the platform's copy says what we send, and nothing else. What the platform itself adds does not count: `id`, `meta`, narrative,
 * the creator's identifier, displays, two keys of older recordings. Instants are compared as instants; lists without regard to order.
 */
export function says(theirs: unknown, ours: unknown): boolean {
  return equal(theirs, ours, true);
}

/** On the resource itself. `plaintext` and `encrypted` are in recordings of 2024. */
const ADDED = new Set(['id', 'meta', 'text', 'plaintext', 'encrypted']);
const CREATOR = `${SYSTEMS.platformSidBase}creator`;

function equal(theirs: unknown, ours: unknown, root = false): boolean {
  if (Array.isArray(theirs) || Array.isArray(ours)) {
    const [left, right] = [listOf(theirs), listOf(ours)];
    return left.length === right.length && right.every((each) => left.some((candidate) => equal(candidate, each)));
  }
  if (isObject(theirs) && isObject(ours)) {
    const keys = new Set([...Object.keys(theirs), ...Object.keys(ours)]);
    return [...keys].every((key) => {
      if ((root && ADDED.has(key)) || (key === 'display' && ours[key] === undefined)) {
        return true;
      }
      return equal(theirs[key], ours[key]);
    });
  }
  return theirs === ours || sameInstant(theirs, ours);
}

/** Without what the platform appends; what is absent is an empty list. */
function listOf(value: unknown): readonly unknown[] {
  const list = Array.isArray(value) ? value : value === undefined ? [] : [value];
  return list.filter((each) => !(isObject(each) && each.system === CREATOR));
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}/;

function sameInstant(a: unknown, b: unknown): boolean {
  return typeof a === 'string' && typeof b === 'string' && INSTANT.test(a) && INSTANT.test(b) && Date.parse(a) === Date.parse(b);
}
