import { AppError } from '../errors/index.ts';

/**
 * Parses JSON from outside. Nesting is counted by one linear scan before `JSON.parse`, so that a body of brackets costs nothing, and a
 * key `__proto__` is removed, so that no later copy of the value can reach a prototype.
 *
 * @param bytes UTF-8, with or without byte order mark
 * @throws AppError `encoding`, `json-depth`, `json-syntax` (with the line, never with the content)
 */
export function parseJson(bytes: Uint8Array, maxDepth: number): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new AppError('encoding');
  }
  return parseJsonText(text, maxDepth);
}

/** As `parseJson`, for text that is already decoded. */
export function parseJsonText(text: string, maxDepth: number): unknown {
  if (isDeeper(text, maxDepth)) throw new AppError('json-depth', { max: maxDepth });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new AppError('json-syntax', { line: lineOf(text, error as Error) });
  }
  // The escaped form counts too: JSON.parse makes the same key of it.
  if (/__proto__|\\u005f/i.test(text)) removePrototypeKeys(value);
  return value;
}

/** True if brackets outside strings nest deeper than `max`. Linear, no recursion, stops at the first excess. */
export function isDeeper(text: string, max: number): boolean {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index++) {
    const char = text.charCodeAt(index);
    if (inString) {
      if (char === 0x5c) index++;
      else if (char === 0x22) inString = false;
    } else if (char === 0x22) inString = true;
    else if (char === 0x7b || char === 0x5b) {
      if (++depth > max) return true;
    } else if (char === 0x7d || char === 0x5d) depth--;
  }
  return false;
}

/** V8 names the position in its message; the rest of that message may quote the content and is dropped. */
function lineOf(text: string, error: Error): number {
  const position = /position (\d+)/.exec(error.message)?.[1];
  const end = position === undefined ? text.length : Number(position);
  let line = 1;
  for (let index = text.indexOf('\n'); index !== -1 && index < end; index = text.indexOf('\n', index + 1)) line++;
  return line;
}

const PROTOTYPE_KEY = '__proto__';

/** Recursion is safe: the depth was limited before. */
function removePrototypeKeys(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  if (Object.hasOwn(value, PROTOTYPE_KEY)) Reflect.deleteProperty(value, PROTOTYPE_KEY);
  for (const inner of Object.values(value)) removePrototypeKeys(inner);
}
