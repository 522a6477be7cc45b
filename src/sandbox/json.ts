/** Reading of JSON whose form nobody promised: nothing here throws on any value. */

export type JsonObject = { readonly [key: string]: unknown };

export const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

export const asObject = (value: unknown): JsonObject => (isObject(value) ? value : {});

export const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

export const asText = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** Deeper input is refused before anything recursive sees it. Clinical resources stay far below. */
export const MAX_DEPTH = 64;

/** Whether `value` nests deeper than {@link MAX_DEPTH}. Not recursive, so that no input can exhaust the stack. */
export function isTooDeep(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return true;
    const next: unknown[] = [];
    for (const item of level) {
      if (typeof item !== 'object' || item === null) continue;
      for (const child of Object.values(item)) if (typeof child === 'object' && child !== null) next.push(child);
    }
    level = next;
  }
  return false;
}

/** With the keys of every object in alphabetical order, which is how the platform answers. What is in order already is not copied. */
export function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) {
    const sorted = value.map(sortKeys);
    return sorted.every((item, index) => item === value[index]) ? value : sorted;
  }
  if (typeof value !== 'object' || value === null) return value;
  const object = value as JsonObject;
  const keys = Object.keys(object);
  let same = true;
  for (let index = 1; index < keys.length && same; index++) same = (keys[index - 1] as string) < (keys[index] as string);
  const children = keys.map((key) => sortKeys(object[key]));
  if (same && children.every((child, index) => child === object[keys[index] as string])) return value;
  // fromEntries defines own properties, so a key `__proto__` stays data.
  return Object.fromEntries(keys.map((key, index) => [key, children[index]] as const).sort(([a], [b]) => (a < b ? -1 : 1)));
}

export interface Found {
  readonly value: unknown;
  /** Location with indices: `Encounter.participant[0].type[0]`. */
  readonly expression: string;
}

/**
 * Every value at a dotted path below `from`, lists opened up. A step that is missing yields nothing.
 *
 * @param path without the type: `participant.type`; a step may end in `[x]` for a choice element, or be `extension(Name)` for the
 *   extensions whose url is or ends in that name
 */
export function follow(from: unknown, path: string, expression: string): readonly Found[] {
  let found: Found[] = [{ value: from, expression }];
  for (const step of path === '' ? [] : path.split('.')) {
    let next: Found[] = [];
    for (const { value, expression: at } of found) {
      if (!isObject(value)) continue;
      const named = /^extension\((.+)\)$/.exec(step)?.[1];
      for (const key of named === undefined ? keysOf(value, step) : ['extension']) {
        const child = value[key];
        if (child === undefined || child === null) continue;
        if (Array.isArray(child)) {
          for (const [index, item] of child.entries()) next.push({ value: item, expression: `${at}.${key}[${index}]` });
        } else next.push({ value: child, expression: `${at}.${key}` });
      }
      if (named !== undefined) next = next.filter((item) => isExtension(item.value, named));
    }
    found = next;
  }
  return found;
}

/** Whether an item found at `extension(name)` is one; the other items of the path so far are none. */
function isExtension(value: unknown, name: string): boolean {
  const { url } = asObject(value);
  return typeof url === 'string' && (url === name || url.endsWith(`/${name}`));
}

function keysOf(value: JsonObject, step: string): readonly string[] {
  if (!step.endsWith('[x]')) return Object.hasOwn(value, step) ? [step] : [];
  const base = step.slice(0, -3);
  return Object.keys(value).filter((key) => key.startsWith(base) && /^[A-Z]/.test(key.slice(base.length)));
}
