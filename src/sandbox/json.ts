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
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    let sorted: unknown[] | undefined;
    for (let index = 0; index < value.length; index++) {
      const item = sortKeys(value[index]);
      if (item === value[index]) continue;
      sorted ??= [...value];
      sorted[index] = item;
    }
    return sorted ?? value;
  }
  const object = value as JsonObject;
  const keys = Object.keys(object);
  let changed: Map<string, unknown> | undefined;
  let inOrder = true;
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index] as string;
    if (index > 0 && key < (keys[index - 1] as string)) inOrder = false;
    const child = object[key];
    if (typeof child !== 'object' || child === null) continue;
    const sorted = sortKeys(child);
    if (sorted === child) continue;
    changed ??= new Map();
    changed.set(key, sorted);
  }
  if (inOrder && changed === undefined) return value;
  if (!inOrder) keys.sort();
  const copy: Record<string, unknown> = {};
  for (const key of keys) {
    const child = changed?.get(key) ?? object[key];
    // Assigned, this key would set the prototype.
    if (key === '__proto__') Object.defineProperty(copy, key, { value: child, enumerable: true, configurable: true, writable: true });
    else copy[key] = child;
  }
  return copy;
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
