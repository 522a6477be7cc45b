import type { Problem } from '../../errors/index.ts';
import { mapError, type Position } from './positions.ts';
import { says } from './problems.ts';

export type TokenKind = 'name' | 'url' | 'string' | 'number' | 'symbol' | 'end';

export interface Token {
  readonly kind: TokenKind;
  /** Value: unescaped for strings, without quotes for urls and back-ticked names. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly position: Position;
}

const SYMBOLS = [
  '->',
  '--',
  '<<',
  '>>',
  '==',
  '!=',
  '<=',
  '>=',
  '<-',
  '>-',
  '..',
  '=',
  '{',
  '}',
  '(',
  ')',
  ',',
  ';',
  ':',
  '.',
  '-',
  '+',
  '*',
  '~',
  '|',
];
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f' };

/** Escapes of FHIRPath strings (https://hl7.org/fhirpath/N1/#string): \' \" \` \\ \/ \r \n \t \f \uXXXX. Undefined = not an escape. */
export function readEscape(raw: string, at: number): { readonly text: string; readonly length: number } | undefined {
  const next = raw[at + 1];
  if (next === undefined) return undefined;
  if (next === 'u') {
    const hex = raw.slice(at + 2, at + 6);
    return /^[0-9a-fA-F]{4}$/.test(hex) ? { text: String.fromCharCode(Number.parseInt(hex, 16)), length: 6 } : undefined;
  }
  const simple = ESCAPES[next];
  if (simple !== undefined) return { text: simple, length: 2 };
  return `'"\`\\/`.includes(next) ? { text: next, length: 2 } : undefined;
}

/** Tokens of one FML text, with places. Comments (`//` and block comments) are skipped. */
export class Lexer {
  readonly #text: string;
  readonly #map: string;
  readonly #lineStarts: number[] = [0];
  #offset = 0;
  #peeked: Token | undefined;

  constructor(text: string, map: string) {
    this.#text = text.startsWith('\uFEFF') ? text.slice(1) : text;
    this.#map = map;
    for (let i = 0; i < this.#text.length; i++) if (this.#text[i] === '\n') this.#lineStarts.push(i + 1);
  }

  fail(position: Position, problem: Problem): never {
    throw mapError(this.#map, position, problem);
  }

  position(offset: number): Position {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#lineStarts[middle] as number) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (this.#lineStarts[low] as number) + 1 };
  }

  peek(): Token {
    this.#peeked ??= this.#read();
    return this.#peeked;
  }

  next(): Token {
    const token = this.peek();
    this.#peeked = undefined;
    this.#offset = token.end;
    return token;
  }

  /** The token after the next one. */
  peekSecond(): Token {
    const first = this.peek();
    const offset = this.#offset;
    this.#offset = first.end;
    const second = this.#read();
    this.#offset = offset;
    return second;
  }

  /**
   * Reads `( … )` as text: FHIRPath has its own parser. The next token must be `(`.
   *
   * @returns the text between the parentheses and the place of its first character
   */
  parenthesised(what: string): { readonly text: string; readonly position: Position } {
    const open = this.next();
    if (open.text !== '(' || open.kind !== 'symbol') this.fail(open.position, says('needs-parentheses', { what }));
    const raw = this.#untilClosed(open);
    this.#offset++;
    return raw;
  }

  /** Reads what stands behind the next token, up to the `)` that closes the parenthesis around it, as text; the `)` is the next token then. */
  rest(): { readonly text: string; readonly position: Position } {
    return this.#untilClosed(this.next());
  }

  #untilClosed(open: Token): { readonly text: string; readonly position: Position } {
    let depth = 1;
    let i = open.end;
    for (;;) {
      const c = this.#text[i];
      if (c === undefined) this.fail(open.position, says('parenthesis-open'));
      if (c === "'" || c === '"' || c === '`') {
        const quote = c;
        i++;
        while (this.#text[i] !== quote) {
          if (this.#text[i] === undefined) this.fail(open.position, says('expression-text-open'));
          i += this.#text[i] === '\\' ? 2 : 1;
        }
      } else if (c === '(') depth++;
      else if (c === ')') depth--;
      if (depth === 0) break;
      i++;
    }
    const raw = this.#text.slice(open.end, i);
    const lead = raw.length - raw.trimStart().length;
    this.#offset = i;
    this.#peeked = undefined;
    if (raw.trim() === '') this.fail(open.position, says('expression-empty'));
    return { text: raw.trim(), position: this.position(open.end + lead) };
  }

  #read(): Token {
    const start = this.#skip(this.#offset);
    const text = this.#text;
    const c = text[start];
    const token = (kind: TokenKind, value: string, end: number): Token => ({
      kind,
      text: value,
      start,
      end,
      position: this.position(start),
    });
    if (c === undefined) return token('end', '', start);
    if (/[A-Za-z_]/.test(c)) {
      let end = start + 1;
      while (end < text.length && /[A-Za-z0-9_]/.test(text[end] as string)) end++;
      return token('name', text.slice(start, end), end);
    }
    if (/[0-9]/.test(c)) {
      const match = /^[0-9]+(\.[0-9]+)?/.exec(text.slice(start, start + 40)) as RegExpExecArray;
      return token('number', match[0], start + match[0].length);
    }
    if (c === "'" || c === '"' || c === '`') {
      const { value, end } = this.#quoted(start, c);
      return token(c === "'" ? 'string' : c === '"' ? 'url' : 'name', value, end);
    }
    for (const symbol of SYMBOLS) if (text.startsWith(symbol, start)) return token('symbol', symbol, start + symbol.length);
    return this.fail(this.position(start), says('unexpected-character', { found: JSON.stringify(c) }));
  }

  #quoted(start: number, quote: string): { value: string; end: number } {
    let value = '';
    let i = start + 1;
    for (;;) {
      const c = this.#text[i];
      if (c === undefined || c === '\n') this.fail(this.position(start), says('text-open'));
      if (c === quote) return { value, end: i + 1 };
      if (c === '\\') {
        const escaped = readEscape(this.#text, i);
        if (escaped === undefined) this.fail(this.position(i), says('text-escape'));
        value += escaped.text;
        i += escaped.length;
      } else {
        value += c;
        i++;
      }
    }
  }

  #skip(from: number): number {
    const text = this.#text;
    let i = from;
    for (;;) {
      while (i < text.length && /\s/.test(text[i] as string)) i++;
      if (/^\/\/\/\s*[A-Za-z]+\s*=/.test(text.slice(i, i + 40))) this.fail(this.position(i), says('r5-metadata'));
      if (text.startsWith('//', i)) {
        const end = text.indexOf('\n', i);
        i = end < 0 ? text.length : end;
      } else if (text.startsWith('/*', i)) {
        const end = text.indexOf('*/', i + 2);
        if (end < 0) this.fail(this.position(i), says('comment-open'));
        i = end + 2;
      } else return i;
    }
  }
}
