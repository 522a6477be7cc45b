import type { Problem } from '../../errors/index.ts';
import { mapError, type Position, says } from '../fml/index.ts';
import { readEscape } from '../fml/lexer.ts';

/** FHIRPath as a tree. `at` is the offset in the expression's text. */
export type Expression =
  | { readonly kind: 'literal'; readonly value: string | number | boolean; readonly at: number }
  | { readonly kind: 'nothing'; readonly at: number }
  | { readonly kind: 'this'; readonly at: number }
  | { readonly kind: 'variable'; readonly name: string; readonly at: number }
  | { readonly kind: 'member'; readonly base?: Expression; readonly name: string; readonly at: number }
  | { readonly kind: 'call'; readonly base?: Expression; readonly name: string; readonly args: readonly Expression[]; readonly at: number }
  | { readonly kind: 'index'; readonly base: Expression; readonly index: number; readonly at: number }
  | { readonly kind: 'minus'; readonly operand: Expression; readonly at: number }
  | { readonly kind: 'binary'; readonly operator: string; readonly left: Expression; readonly right: Expression; readonly at: number };

/** Parentheses within parentheses. */
const MAX_DEPTH = 100;
/** Names, literals and symbols of one expression: the compiler goes down a path step by step, and the stack has an end. */
const MAX_TOKENS = 2_000;

/** Binding power, https://hl7.org/fhirpath/N1/#operator-precedence. */
const BINARY: Readonly<Record<string, number>> = {
  '*': 10,
  '/': 10,
  div: 10,
  mod: 10,
  '+': 9,
  '-': 9,
  '&': 9,
  '|': 7,
  '>': 6,
  '<': 6,
  '>=': 6,
  '<=': 6,
  '=': 5,
  '~': 5,
  '!=': 5,
  '!~': 5,
  in: 4,
  contains: 4,
  and: 3,
  or: 2,
  xor: 2,
  implies: 1,
  // Types stand on their right; https://hl7.org/fhirpath/N1/#operator-precedence has them above the comparisons.
  is: 8,
  as: 8,
};
const REFUSED = new Set(['!~']);

interface Token {
  readonly kind: 'name' | 'quoted' | 'string' | 'number' | 'symbol' | 'end';
  readonly text: string;
  readonly at: number;
}

/** The place of an offset in an expression that starts at `start`. */
export function placeIn(text: string, start: Position, at: number): Position {
  if (start.line === 0) return start;
  const before = text.slice(0, at).split('\n');
  if (before.length === 1) return { line: start.line, column: start.column + at };
  return { line: start.line + before.length - 1, column: (before.at(-1) as string).length + 1 };
}

/**
 * Parses the covered subset of FHIRPath N1.
 *
 * @throws AppError `map-compile` at the line and column of what is not covered
 */
export function parseExpression(text: string, map: string, start: Position): Expression {
  const fail = (at: number, problem: Problem): never => {
    throw mapError(map, placeIn(text, start, at), problem);
  };
  const tokens = tokenize(text, fail);
  if (tokens.length > MAX_TOKENS) fail((tokens[MAX_TOKENS] as Token).at, says('expression-long', { max: MAX_TOKENS }));
  let next = 0;
  const peek = () => tokens[next] as Token;
  const take = () => tokens[next++] as Token;
  const isSymbol = (symbol: string) => peek().kind === 'symbol' && peek().text === symbol;
  const expect = (symbol: string) => {
    const token = take();
    if (token.kind !== 'symbol' || token.text !== symbol)
      fail(token.at, says('expression-expected', { wanted: symbol, found: token.text }));
  };

  let depth = 0;
  function binary(power: number): Expression {
    if (++depth > MAX_DEPTH) fail(peek().at, says('expression-depth', { max: MAX_DEPTH }));
    const made = operation(power);
    depth--;
    return made;
  }

  function operation(power: number): Expression {
    let left = unary();
    for (;;) {
      const token = peek();
      const isOperator = token.kind === 'symbol' || token.kind === 'name';
      if (isOperator && REFUSED.has(token.text)) fail(token.at, says('operator-uncovered', { operator: token.text }));
      const own = isOperator && Object.hasOwn(BINARY, token.text) ? BINARY[token.text] : undefined;
      if (own === undefined || own < power) return left;
      take();
      left = { kind: 'binary', operator: token.text, left, right: binary(own + 1), at: token.at };
    }
  }

  function unary(): Expression {
    const token = peek();
    if (isSymbol('-')) {
      take();
      if (++depth > MAX_DEPTH) fail(token.at, says('expression-depth', { max: MAX_DEPTH }));
      const operand = unary();
      depth--;
      if (operand.kind === 'literal' && typeof operand.value === 'number') return { kind: 'literal', value: -operand.value, at: token.at };
      return { kind: 'minus', operand, at: token.at };
    }
    if (isSymbol('+')) take();
    return postfix(term());
  }

  function postfix(start: Expression): Expression {
    let base = start;
    for (;;) {
      if (isSymbol('.')) {
        take();
        const token = take();
        if (token.kind === 'symbol' && token.text === '$') fail(token.at, says('this-start'));
        if (token.kind !== 'name' && token.kind !== 'quoted') fail(token.at, says('name-after-dot', { found: token.text }));
        base = token.kind === 'name' && isSymbol('(') ? call(token, base) : { kind: 'member', base, name: token.text, at: token.at };
      } else if (isSymbol('[')) {
        take();
        const token = take();
        if (token.kind !== 'number' || token.text.includes('.')) fail(token.at, says('index-number'));
        expect(']');
        base = { kind: 'index', base, index: Number(token.text), at: token.at };
      } else return base;
    }
  }

  function call(name: Token, base: Expression | undefined): Expression {
    expect('(');
    const args: Expression[] = [];
    while (!isSymbol(')')) {
      if (args.length > 0) expect(',');
      args.push(binary(0));
    }
    expect(')');
    return { kind: 'call', ...(base !== undefined && { base }), name: name.text, args, at: name.at };
  }

  function term(): Expression {
    const token = take();
    const { at } = token;
    if (token.kind === 'string') return { kind: 'literal', value: token.text, at };
    if (token.kind === 'number') {
      if (peek().kind === 'string' || (peek().kind === 'name' && /^(year|month|week|day|hour|minute|second)s?$/.test(peek().text))) {
        fail(at, says('quantities'));
      }
      return { kind: 'literal', value: Number(token.text), at };
    }
    if (token.kind === 'quoted') return { kind: 'member', name: token.text, at };
    if (token.kind === 'name') {
      if (token.text === 'true' || token.text === 'false') return { kind: 'literal', value: token.text === 'true', at };
      return isSymbol('(') ? call(token, undefined) : { kind: 'member', name: token.text, at };
    }
    if (token.text === '(') {
      const inner = binary(0);
      expect(')');
      return inner;
    }
    if (token.text === '{') {
      expect('}');
      return { kind: 'nothing', at };
    }
    if (token.text === '%') {
      const name = take();
      if (name.kind !== 'name' && name.kind !== 'quoted') fail(name.at, says('name-after-percent'));
      return { kind: 'variable', name: name.text, at };
    }
    if (token.text === '$') {
      const name = take();
      if (name.text !== 'this') fail(at, says('dollar-uncovered', { name: `$${name.text}` }));
      return { kind: 'this', at };
    }
    if (token.text === '@') fail(at, says('date-literals'));
    return fail(at, token.kind === 'end' ? says('expression-end') : says('expression-unexpected', { found: token.text }));
  }

  const result = binary(0);
  if (peek().kind !== 'end') fail(peek().at, says('expression-unexpected', { found: peek().text }));
  return result;
}

const SYMBOLS = [
  '!=',
  '!~',
  '<=',
  '>=',
  '=',
  '<',
  '>',
  '~',
  '+',
  '-',
  '*',
  '/',
  '&',
  '|',
  '(',
  ')',
  '[',
  ']',
  '{',
  '}',
  ',',
  '.',
  '%',
  '$',
  '@',
];

function tokenize(text: string, fail: (at: number, problem: Problem) => never): Token[] {
  const tokens: Token[] = [];
  let i = 0;
  for (;;) {
    while (i < text.length && /\s/.test(text[i] as string)) i++;
    const at = i;
    const c = text[i];
    if (c === undefined) {
      tokens.push({ kind: 'end', text: '', at });
      return tokens;
    }
    if (/[A-Za-z_]/.test(c)) {
      const name = (/^[A-Za-z0-9_]+/.exec(text.slice(i)) as RegExpExecArray)[0];
      i += name.length;
      tokens.push({ kind: 'name', text: name, at });
    } else if (/[0-9]/.test(c)) {
      const number = (/^[0-9]+(\.[0-9]+)?/.exec(text.slice(i)) as RegExpExecArray)[0];
      i += number.length;
      tokens.push({ kind: 'number', text: number, at });
    } else if (c === "'" || c === '`' || c === '"') {
      let value = '';
      i++;
      while (text[i] !== c) {
        if (text[i] === undefined) fail(at, says('expression-text-open'));
        if (text[i] === '\\') {
          const escaped = readEscape(text, i);
          if (escaped === undefined) return fail(i, says('expression-escape'));
          value += escaped.text;
          i += escaped.length;
        } else value += text[i++];
      }
      i++;
      tokens.push({ kind: c === "'" ? 'string' : 'quoted', text: value, at });
    } else {
      const symbol = SYMBOLS.find((s) => text.startsWith(s, i));
      if (symbol === undefined) return fail(at, says('expression-character', { found: c }));
      i += symbol.length;
      tokens.push({ kind: 'symbol', text: symbol, at });
    }
  }
}
