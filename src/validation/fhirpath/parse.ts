import type { Problem } from '../../errors/index.ts';
import { expressionSays } from '../profile-problems.ts';

/** FHIRPath (http://hl7.org/fhirpath/N1/) as a tree. Text from outside is only ever read here, never run as JavaScript. */
export type Tree =
  | { readonly kind: 'literal'; readonly value: string | number | boolean }
  | { readonly kind: 'empty' | 'this' }
  | { readonly kind: 'constant'; readonly name: string }
  | { readonly kind: 'member'; readonly of: Tree | undefined; readonly name: string }
  | { readonly kind: 'call'; readonly of: Tree | undefined; readonly name: string; readonly args: readonly Tree[] }
  | { readonly kind: 'index'; readonly of: Tree; readonly at: Tree }
  | { readonly kind: 'minus'; readonly of: Tree }
  | { readonly kind: 'binary'; readonly op: string; readonly left: Tree; readonly right: Tree }
  | { readonly kind: 'type'; readonly op: 'is' | 'as'; readonly of: Tree; readonly type: string };

/** What is not FHIRPath, or not the part of it that is compiled. `at`: character in the expression, from 0. */
export class FhirPathError extends Error {
  readonly problem: Problem;
  readonly at: number;

  constructor(problem: Problem, at: number) {
    super(`${problem.en} at character ${at + 1}`);
    this.problem = problem;
    this.name = 'FhirPathError';
    this.at = at;
  }
}

interface Token {
  readonly kind: 'name' | 'string' | 'number' | 'symbol' | 'constant' | 'end';
  readonly text: string;
  readonly at: number;
}

const MOST_CHARACTERS = 8_192;
const MOST_NESTED = 48;

const TOKEN =
  /\s*(?:\/\/[^\n]*\n|\/\*[\s\S]*?\*\/|\s)*(?:(?<name>[A-Za-z_][A-Za-z0-9_]*|`(?:\\.|[^`\\])*`|\$this\b)|(?<constant>%(?:[A-Za-z_][A-Za-z0-9_-]*|`[^`]*`|'[^']*'))|(?<string>'(?:\\.|[^'\\])*')|(?<number>\d+(?:\.\d+)?)|(?<symbol><=|>=|!=|!~|[-+*/&|<>=~.,()[\]{}])|(?<end>$))/y;

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f' };

function unquoted(text: string): string {
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|(.))/gs, (_, hex: string | undefined, one: string) =>
    hex === undefined ? (ESCAPES[one] ?? one) : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function tokens(text: string): Token[] {
  if (text.length > MOST_CHARACTERS) throw new FhirPathError(expressionSays('long'), MOST_CHARACTERS);
  const found: Token[] = [];
  TOKEN.lastIndex = 0;
  for (;;) {
    const start = TOKEN.lastIndex;
    const groups = TOKEN.exec(text)?.groups;
    if (groups === undefined) throw new FhirPathError(expressionSays('no-fhirpath'), start);
    const [kind, raw] = Object.entries(groups).find(([, value]) => value !== undefined) as [Token['kind'], string];
    const at = TOKEN.lastIndex - raw.length;
    const isQuoted = kind === 'string' || raw.startsWith('`');
    found.push({ kind, text: isQuoted ? unquoted(raw.slice(1, -1)) : raw, at });
    if (kind === 'end') return found;
  }
}

/** Operators from the loosest to the tightest; all bind to the left. */
const LEVELS: readonly (readonly string[])[] = [
  ['implies'],
  ['or', 'xor'],
  ['and'],
  ['in', 'contains'],
  ['=', '!=', '~', '!~'],
  ['<', '>', '<=', '>='],
  ['|'],
  ['is', 'as'],
  ['+', '-', '&'],
  ['*', '/', 'div', 'mod'],
];

/** @throws FhirPathError */
export function parse(text: string): Tree {
  return new Parser(tokens(text)).whole();
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(list: readonly Token[]) {
    this.#tokens = list;
  }

  whole(): Tree {
    const tree = this.#expression();
    if (this.#next.kind !== 'end') throw this.#refuse(expressionSays('unexpected'));
    return tree;
  }

  get #next(): Token {
    return this.#tokens[this.#at] as Token;
  }

  #refuse(problem: Problem): FhirPathError {
    return new FhirPathError(problem, this.#next.at);
  }

  #takes(symbol: string): boolean {
    const { kind, text } = this.#next;
    if ((kind !== 'symbol' && kind !== 'name') || text !== symbol) return false;
    this.#at++;
    return true;
  }

  #needs(symbol: string): void {
    if (!this.#takes(symbol)) throw this.#refuse(expressionSays('missing', { symbol }));
  }

  #expression(): Tree {
    if (++this.#depth > MOST_NESTED) throw this.#refuse(expressionSays('deep'));
    const tree = this.#binary(0);
    this.#depth--;
    return tree;
  }

  #binary(level: number): Tree {
    const operators = LEVELS[level];
    if (operators === undefined) return this.#unary();
    let left = this.#binary(level + 1);
    for (;;) {
      const op = operators.find((each) => this.#takes(each));
      if (op === undefined) return left;
      left =
        op === 'is' || op === 'as'
          ? { kind: 'type', op, of: left, type: this.#typeName() }
          : { kind: 'binary', op, left, right: this.#binary(level + 1) };
    }
  }

  #typeName(): string {
    let name = this.#name();
    while (this.#takes('.')) name = this.#name();
    return name;
  }

  #name(): string {
    const { kind, text } = this.#next;
    if (kind !== 'name') throw this.#refuse(expressionSays('no-name'));
    this.#at++;
    return text;
  }

  #unary(): Tree {
    if (this.#takes('-')) return { kind: 'minus', of: this.#unary() };
    if (this.#takes('+')) return this.#unary();
    let tree = this.#term();
    for (;;) {
      if (this.#takes('.')) tree = this.#invocation(tree);
      else if (this.#takes('[')) {
        tree = { kind: 'index', of: tree, at: this.#expression() };
        this.#needs(']');
      } else return tree;
    }
  }

  #term(): Tree {
    const { kind, text } = this.#next;
    if (kind === 'string' || kind === 'number') {
      this.#at++;
      return { kind: 'literal', value: kind === 'string' ? text : Number(text) };
    }
    if (kind === 'constant') {
      this.#at++;
      return { kind: 'constant', name: text.slice(1).replace(/^['`]|['`]$/g, '') };
    }
    if (this.#takes('(')) {
      const tree = this.#expression();
      this.#needs(')');
      return tree;
    }
    if (this.#takes('{')) {
      this.#needs('}');
      return { kind: 'empty' };
    }
    if (kind === 'name' && (text === 'true' || text === 'false')) {
      this.#at++;
      return { kind: 'literal', value: text === 'true' };
    }
    if (kind === 'name' && text === '$this') {
      this.#at++;
      return { kind: 'this' };
    }
    return this.#invocation(undefined);
  }

  #invocation(of: Tree | undefined): Tree {
    if (of !== undefined && this.#takes('$this')) return of;
    const name = this.#name();
    if (!this.#takes('(')) return { kind: 'member', of, name };
    const args: Tree[] = [];
    if (!this.#takes(')')) {
      do args.push(this.#expression());
      while (this.#takes(','));
      this.#needs(')');
    }
    return { kind: 'call', of, name, args };
  }
}
