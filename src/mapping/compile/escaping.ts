/** Kinds of escaping that R4's transform `escape` names (https://hl7.org/fhir/R4/valueset-map-transform.html). */
const XML: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };
const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

const WRITE: Readonly<Record<string, (text: string) => string>> = {
  plain: (text) => text,
  json: (text) => JSON.stringify(text).slice(1, -1),
  // As a literal of Java: JSON's escapes are Java's, and what is not ASCII is written by its number.
  java: (text) =>
    JSON.stringify(text)
      .slice(1, -1)
      .replace(/[^ -~]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`),
  xml: (text) => text.replace(/[&<>"']/g, (c) => XML[c] as string),
};

const READ: Readonly<Record<string, (text: string) => string | undefined>> = {
  plain: (text) => text,
  json: unquoted,
  java: (text) => unquoted(text.replace(/\\([0-7]{1,3}|.)/gs, javaOnly)),
  xml: (text) => text.replace(/&(?:#x([0-9a-fA-F]{1,6})|#(\d{1,7})|(\w{1,6}));/g, entity),
};

/** @returns the text in the other escaping; undefined where it is not in the one it is said to be in, or an escaping is not known */
export function escapeFrom(text: string, from: string, to: string): string | undefined {
  const plain = READ[from]?.(text);
  return plain === undefined ? undefined : WRITE[to]?.(plain);
}

function unquoted(text: string): string | undefined {
  try {
    return JSON.parse(
      `"${text.replace(/(\\.)|"/gs, (_, pair?: string) => pair ?? '\\"').replace(/[\n\r\t]/g, (c) => JSON.stringify(c).slice(1, -1))}"`,
    );
  } catch {
    return undefined;
  }
}

/** Escapes that Java has and JSON has not. */
function javaOnly(whole: string, sign: string): string {
  if (sign === "'") return "'";
  if (sign === 's') return ' ';
  return /^[0-7]/.test(sign) ? `\\u${Number.parseInt(sign, 8).toString(16).padStart(4, '0')}` : whole;
}

function entity(whole: string, hex: string | undefined, decimal: string | undefined, name: string | undefined): string {
  if (name !== undefined) return NAMED[name] ?? whole;
  const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
}
