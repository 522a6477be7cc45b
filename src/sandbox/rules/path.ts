import { type Found, isObject, type JsonObject } from '../json.ts';

/** One step of a compiled path. */
interface Step {
  readonly key: string;
  /** Any key that begins with `key` and goes on with a capital: `occurrence[x]`. */
  readonly choice: boolean;
  /** Of an extension: end of its url. */
  readonly extension: string | undefined;
}

export interface Path {
  readonly steps: readonly Step[];
  /** Key without which nothing can be found; undefined for a choice at the top. */
  readonly first: string | undefined;
}

/** @param path without the type: `participant.type`, `occurrence[x]`, `location.extension(ServiceClass).extension(value)` */
export function compilePath(path: string): Path {
  const steps = (path === '' ? [] : path.split('.')).map((text): Step => {
    const extension = /^extension\((.+)\)$/.exec(text)?.[1];
    if (extension !== undefined) return { key: 'extension', choice: false, extension };
    return text.endsWith('[x]')
      ? { key: text.slice(0, -3), choice: true, extension: undefined }
      : { key: text, choice: false, extension: undefined };
  });
  const [first] = steps;
  return { steps, first: first === undefined || first.choice ? undefined : first.key };
}

/** Every value at a compiled path, lists opened up; nulls and missing steps yield nothing. */
export function valuesAt({ steps }: Path, from: unknown, expression: string): Found[] {
  const found: Found[] = [];
  visit(steps, 0, from, expression, found);
  return found;
}

function visit(steps: readonly Step[], index: number, value: unknown, at: string, found: Found[]): void {
  const step = steps[index];
  if (step === undefined) {
    found.push({ value, expression: at });
    return;
  }
  if (!isObject(value)) return;
  if (!step.choice) {
    if (Object.hasOwn(value, step.key)) open(steps, index, step, step.key, value, at, found);
    return;
  }
  for (const key of Object.keys(value)) {
    if (key.startsWith(step.key) && /^[A-Z]/.test(key.slice(step.key.length))) open(steps, index, step, key, value, at, found);
  }
}

function open(steps: readonly Step[], index: number, step: Step, key: string, parent: JsonObject, at: string, found: Found[]): void {
  const child = parent[key];
  if (child === undefined || child === null) return;
  if (!Array.isArray(child)) {
    if (isMeant(child, step)) visit(steps, index + 1, child, `${at}.${key}`, found);
    return;
  }
  for (let position = 0; position < child.length; position++) {
    const item = child[position];
    if (item !== undefined && item !== null && isMeant(item, step)) visit(steps, index + 1, item, `${at}.${key}[${position}]`, found);
  }
}

function isMeant(value: unknown, { extension }: Step): boolean {
  if (extension === undefined) return true;
  const url = isObject(value) ? value.url : undefined;
  return typeof url === 'string' && (url === extension || url.endsWith(`/${extension}`));
}

/** A path as an answer names it: without the name of an extension, which is not part of FHIR's syntax. */
export const plainPath = (path: string): string => path.replaceAll(/\((?:[^)]+)\)/g, '');
