/**
 * Text as databases can hold it. PostgreSQL has no NUL character and SQLite's JSON functions cut at one; a sender's payload may
 * have it all the same. NUL is written as a Unicode noncharacter followed by `0`, that noncharacter itself followed by `1`, so that
 * every well-formed string comes back as it was. Half surrogate pairs, which UTF-8 cannot hold, become U+FFFD.
 */
const ESCAPE = '\uFDD1';

// biome-ignore lint/suspicious/noControlCharactersInRegex: the NUL character is what this is about
const UNSTORABLE = /[\u0000\uFDD1]/g;

export function encodeText(text: string): string {
  const wellFormed = text.isWellFormed() ? text : text.toWellFormed();
  if (!wellFormed.includes('\0') && !wellFormed.includes(ESCAPE)) return wellFormed;
  return wellFormed.replace(UNSTORABLE, (character) => `${ESCAPE}${character === ESCAPE ? '1' : '0'}`);
}

export function decodeText(text: string): string {
  if (!text.includes(ESCAPE)) return text;
  return text.replace(/\uFDD1([01])/g, (_whole, code: string) => (code === '0' ? '\0' : ESCAPE));
}

/** Decodes the text columns of a row in place. */
export function decodeRow<R>(row: R): R {
  const columns = row as Record<string, unknown>;
  for (const name in columns) {
    const value = columns[name];
    if (typeof value === 'string' && value.includes(ESCAPE)) columns[name] = decodeText(value);
  }
  return row;
}

/**
 * JSON whose strings are encoded, for the databases' JSON functions. The escape is written as `\ufdd1`, so that the connection,
 * which encodes every parameter, leaves it alone.
 */
export function encodeJson(value: unknown): string {
  const json = JSON.stringify(value);
  if (!/\\u0000|\\ud[89a-f]|\uFDD1/i.test(json)) return json;
  return JSON.stringify(value, (_key, item: unknown) => (typeof item === 'string' ? encodeText(item) : item)).replaceAll(ESCAPE, '\\ufdd1');
}
