import { compareDates } from '../primitives.ts';
import { expressionSays } from '../profile-problems.ts';
import { FhirPathError, parse, type Tree } from './parse.ts';

type Values = readonly unknown[];
type Json = Readonly<Record<string, unknown>>;

/** What an expression may see besides the node it is evaluated on. */
export interface Scope {
  readonly resource: unknown;
  readonly rootResource: unknown;
  readonly type: string;
}

interface Env extends Scope {
  readonly context: unknown;
  /** What is left to spend: an expression from outside must end. */
  steps: number;
}

type Expression = (focus: Values, env: Env) => Values;
type Call = (focus: Values, args: readonly Expression[], env: Env) => Values;

const EMPTY: Values = [];
const TRUE: Values = [true];
const FALSE: Values = [false];
const MOST_STEPS = 200_000;

class TooLong extends Error {}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
const bool = (value: boolean): Values => (value ? TRUE : FALSE);

/** Empty stays empty; one value that is no boolean counts as true. */
const truth = (values: Values): boolean | undefined => (values.length === 0 ? undefined : values.length > 1 || values[0] !== false);

const single = (values: Values): unknown => (values.length === 1 ? values[0] : undefined);

const text = (values: Values): string | undefined => {
  const value = single(values);
  return typeof value === 'string' ? value : undefined;
};

function spend(env: Env, steps: number): void {
  env.steps -= steps;
  if (env.steps < 0) throw new TooLong();
}

/** Values of an element; of a choice by its name without type; of a primitive that has only extensions, those. */
function member(node: unknown, name: string, into: unknown[]): void {
  if (!isObject(node)) return;
  let value = Object.hasOwn(node, name) ? node[name] : undefined;
  if (value === undefined || value === null) value = Object.hasOwn(node, `_${name}`) ? node[`_${name}`] : undefined;
  if (value === undefined || value === null) {
    for (const key in node) {
      const code = key.charCodeAt(name.length);
      if (code >= 65 && code <= 90 && key.startsWith(name)) value = node[key];
    }
  }
  if (Array.isArray(value)) for (const each of value) into.push(each);
  else if (value !== undefined && value !== null) into.push(value);
}

function children(node: unknown, into: unknown[]): void {
  if (!isObject(node)) return;
  for (const key in node) {
    if (key === 'resourceType' || node[key] === undefined) continue;
    const value = node[key];
    if (Array.isArray(value)) into.push(...value);
    else if (value !== null) into.push(value);
  }
}

function equal(a: unknown, b: unknown): boolean {
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((each, at) => equal(each, b[at]));
  if (!isObject(a) || !isObject(b)) return a === b;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && equal(a[key], b[key]));
}

const DATE = /^\d{4}-\d\d(-\d\d(T|$)|$)/;

/** Negative, 0 or positive; undefined for what cannot be compared. */
function order(a: unknown, b: unknown): number | undefined {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === 'string' && typeof b === 'string') return DATE.test(a) && DATE.test(b) ? compareDates(a, b) : a < b ? -1 : a > b ? 1 : 0;
  if (isObject(a) && isObject(b)) return a.unit === b.unit ? order(a.value, b.value) : undefined;
  return undefined;
}

function unique(values: Values): Values {
  const found: unknown[] = [];
  for (const value of values) if (!found.some((each) => equal(each, value))) found.push(value);
  return found;
}

const isType = (value: unknown, type: string): boolean => {
  const simple = SIMPLE[type.charAt(0).toLowerCase() + type.slice(1)];
  if (simple !== undefined) return simple(value);
  return isObject(value) && (typeof value.resourceType === 'string' ? value.resourceType === type : true);
};

const isText = (value: unknown): boolean => typeof value === 'string';
const SIMPLE: Readonly<Record<string, (value: unknown) => boolean>> = {
  boolean: (value) => typeof value === 'boolean',
  decimal: (value) => typeof value === 'number',
  integer: (value) => Number.isInteger(value),
  positiveInt: (value) => Number.isInteger(value),
  unsignedInt: (value) => Number.isInteger(value),
  ...Object.fromEntries(
    'string code id uri url canonical markdown date dateTime instant time oid uuid'.split(' ').map((type) => [type, isText]),
  ),
};

const filter = (focus: Values, test: Expression | undefined, env: Env): Values => {
  spend(env, focus.length);
  return test === undefined ? focus : focus.filter((each) => truth(test([each], env)) === true);
};

const onText =
  (result: (value: string, argument: string) => unknown): Call =>
  (focus, [argument], env) => {
    const value = text(focus);
    const given = argument === undefined ? '' : text(argument(focus, env));
    return value === undefined || given === undefined ? EMPTY : [result(value, given)];
  };

const CALLS: Readonly<Record<string, { readonly args: readonly [min: number, max: number]; readonly run: Call }>> = {
  exists: { args: [0, 1], run: (focus, [test], env) => bool(filter(focus, test, env).length > 0) },
  empty: { args: [0, 0], run: (focus) => bool(focus.length === 0) },
  not: { args: [0, 0], run: (focus) => (focus.length === 0 ? EMPTY : bool(truth(focus) !== true)) },
  count: { args: [0, 0], run: (focus) => [focus.length] },
  where: { args: [1, 1], run: (focus, [test], env) => filter(focus, test, env) },
  all: { args: [1, 1], run: (focus, [test], env) => bool(filter(focus, test, env).length === focus.length) },
  allTrue: { args: [0, 0], run: (focus) => bool(focus.every((each) => each === true)) },
  anyTrue: { args: [0, 0], run: (focus) => bool(focus.some((each) => each === true)) },
  select: {
    args: [1, 1],
    run: (focus, [each], env) => {
      spend(env, focus.length);
      return focus.flatMap((one) => (each === undefined ? [] : [...each([one], env)]));
    },
  },
  repeat: {
    args: [1, 1],
    run: (focus, [each], env) => {
      const found: unknown[] = [];
      let todo = focus;
      while (todo.length > 0 && each !== undefined) {
        spend(env, todo.length + 1);
        todo = todo.flatMap((one) => [...each([one], env)]).filter((one) => !found.includes(one));
        found.push(...todo);
      }
      return found;
    },
  },
  first: { args: [0, 0], run: (focus) => focus.slice(0, 1) },
  last: { args: [0, 0], run: (focus) => focus.slice(-1) },
  tail: { args: [0, 0], run: (focus) => focus.slice(1) },
  skip: { args: [1, 1], run: (focus, [n], env) => focus.slice(Number(single(n?.(focus, env) ?? EMPTY) ?? 0)) },
  take: { args: [1, 1], run: (focus, [n], env) => focus.slice(0, Math.max(0, Number(single(n?.(focus, env) ?? EMPTY) ?? 0))) },
  single: { args: [0, 0], run: (focus) => focus },
  distinct: { args: [0, 0], run: unique },
  isDistinct: { args: [0, 0], run: (focus) => bool(unique(focus).length === focus.length) },
  children: {
    args: [0, 0],
    run: (focus) => {
      const found: unknown[] = [];
      for (const each of focus) children(each, found);
      return found;
    },
  },
  descendants: {
    args: [0, 0],
    run: (focus, _, env) => {
      const found: unknown[] = [];
      for (const each of focus) children(each, found);
      for (let at = 0; at < found.length; at++) {
        spend(env, 1);
        children(found[at], found);
      }
      return found;
    },
  },
  hasValue: { args: [0, 0], run: (focus) => bool(focus.length === 1 && !isObject(focus[0])) },
  trace: { args: [1, 2], run: (focus) => focus },
  iif: {
    args: [2, 3],
    run: (focus, [test, yes, no], env) => (truth(test?.(focus, env) ?? EMPTY) ? yes?.(focus, env) : no?.(focus, env)) ?? EMPTY,
  },
  union: { args: [1, 1], run: (focus, [other], env) => unique([...focus, ...(other?.(focus, env) ?? EMPTY)]) },
  combine: { args: [1, 1], run: (focus, [other], env) => [...focus, ...(other?.(focus, env) ?? EMPTY)] },
  extension: {
    args: [1, 1],
    run: (focus, [url], env) => {
      const wanted = text(url?.(focus, env) ?? EMPTY);
      const found: unknown[] = [];
      for (const each of focus) member(each, 'extension', found);
      return found.filter((each) => isObject(each) && each.url === wanted);
    },
  },
  startsWith: { args: [1, 1], run: onText((value, start) => value.startsWith(start)) },
  endsWith: { args: [1, 1], run: onText((value, end) => value.endsWith(end)) },
  contains: { args: [1, 1], run: onText((value, part) => value.includes(part)) },
  indexOf: { args: [1, 1], run: onText((value, part) => value.indexOf(part)) },
  lower: { args: [0, 0], run: onText((value) => value.toLowerCase()) },
  upper: { args: [0, 0], run: onText((value) => value.toUpperCase()) },
  length: { args: [0, 0], run: onText((value) => value.length) },
  substring: {
    args: [1, 2],
    run: (focus, [start, length], env) => {
      const value = text(focus);
      const from = single(start?.(focus, env) ?? EMPTY);
      const count = length === undefined ? undefined : single(length(focus, env));
      if (value === undefined || typeof from !== 'number' || from < 0 || from >= value.length) return EMPTY;
      return [value.slice(from, typeof count === 'number' ? from + count : undefined)];
    },
  },
  toInteger: {
    args: [0, 0],
    run: (focus) => {
      const value = single(focus);
      if (typeof value === 'number') return Number.isInteger(value) ? [value] : EMPTY;
      return typeof value === 'string' && /^[+-]?\d{1,15}$/.test(value) ? [Number(value)] : EMPTY;
    },
  },
  toString: { args: [0, 0] as const, run: (focus: Values) => (focus.length === 1 && !isObject(focus[0]) ? [String(focus[0])] : EMPTY) },
};

const PER_ITEM = new Set(['exists', 'where', 'all', 'select', 'repeat', 'iif']);

/** A repetition inside a repeated group can take for ever on a short text. */
const NESTED_REPEATS = /\([^()]*(?:[+*}]|\([^()]*\))[^()]*\)\s*[+*{]/;

function regex(pattern: Tree | undefined): RegExp {
  if (pattern?.kind !== 'literal' || typeof pattern.value !== 'string') throw new FhirPathError(expressionSays('literal-pattern'), 0);
  if (pattern.value.length > 512 || NESTED_REPEATS.test(pattern.value)) throw new FhirPathError(expressionSays('endless-pattern'), 0);
  try {
    return new RegExp(pattern.value);
  } catch {
    throw new FhirPathError(expressionSays('no-pattern'), 0);
  }
}

const MOST_MATCHED = 4_096;

const CONSTANTS: Readonly<Record<string, (env: Env) => Values>> = {
  resource: (env) => [env.resource],
  rootResource: (env) => [env.rootResource],
  context: (env) => [env.context],
  ucum: () => ['http://unitsofmeasure.org'],
  sct: () => ['http://snomed.info/sct'],
  loinc: () => ['http://loinc.org'],
};

function binary(op: string, left: Expression, right: Expression): Expression {
  const compare =
    (test: (order: number) => boolean): Expression =>
    (focus, env) => {
      const [a, b] = [left(focus, env), right(focus, env)];
      if (a.length === 0 || b.length === 0) return EMPTY;
      const found = a.length === 1 && b.length === 1 ? order(a[0], b[0]) : undefined;
      return found === undefined ? EMPTY : bool(test(found));
    };
  const equality =
    (wanted: boolean): Expression =>
    (focus, env) => {
      const [a, b] = [left(focus, env), right(focus, env)];
      return a.length === 0 || b.length === 0 ? EMPTY : bool(equal(a, b) === wanted);
    };
  const number =
    (result: (a: number, b: number) => number): Expression =>
    (focus, env) => {
      const [a, b] = [single(left(focus, env)), single(right(focus, env))];
      if (typeof a !== 'number' || typeof b !== 'number') return EMPTY;
      const value = result(a, b);
      return Number.isFinite(value) ? [value] : EMPTY;
    };
  const logic =
    (result: (a: boolean | undefined, b: boolean | undefined) => boolean | undefined): Expression =>
    (focus, env) => {
      const found = result(truth(left(focus, env)), truth(right(focus, env)));
      return found === undefined ? EMPTY : bool(found);
    };
  switch (op) {
    case '=':
      return equality(true);
    case '!=':
      return equality(false);
    case '<':
      return compare((found) => found < 0);
    case '>':
      return compare((found) => found > 0);
    case '<=':
      return compare((found) => found <= 0);
    case '>=':
      return compare((found) => found >= 0);
    case 'and':
      return logic((a, b) => (a === false || b === false ? false : a && b));
    case 'or':
      return logic((a, b) => (a === true || b === true ? true : a === false && b === false ? false : undefined));
    case 'xor':
      return logic((a, b) => (a === undefined || b === undefined ? undefined : a !== b));
    case 'implies':
      return logic((a, b) => (a === false || b === true ? true : a === true ? b : undefined));
    case '|':
      return (focus, env) => unique([...left(focus, env), ...right(focus, env)]);
    case 'in':
      return (focus, env) => contained(left(focus, env), right(focus, env));
    case 'contains':
      return (focus, env) => contained(right(focus, env), left(focus, env));
    case '&':
      return (focus, env) => [`${text(left(focus, env)) ?? ''}${text(right(focus, env)) ?? ''}`];
    case '+':
      return (focus, env) => {
        const [a, b] = [single(left(focus, env)), single(right(focus, env))];
        if (typeof a === 'string' && typeof b === 'string') return [a + b];
        return typeof a === 'number' && typeof b === 'number' ? [a + b] : EMPTY;
      };
    case '-':
      return number((a, b) => a - b);
    case '*':
      return number((a, b) => a * b);
    case '/':
      return number((a, b) => a / b);
    case 'div':
      return number((a, b) => Math.trunc(a / b));
    case 'mod':
      return number((a, b) => a % b);
    default:
      throw new FhirPathError(expressionSays('operator', { name: op }), 0);
  }
}

const contained = (one: Values, many: Values): Values =>
  one.length === 0 ? EMPTY : bool(one.length === 1 && many.some((each) => equal(each, one[0])));

function build(tree: Tree): Expression {
  switch (tree.kind) {
    case 'literal': {
      const value: Values = [tree.value];
      return () => value;
    }
    case 'empty':
      return () => EMPTY;
    case 'this':
      return (focus) => focus;
    case 'constant': {
      const constant = Object.hasOwn(CONSTANTS, tree.name) ? CONSTANTS[tree.name] : undefined;
      if (constant === undefined) throw new FhirPathError(expressionSays('constant', { name: tree.name }), 0);
      return (_, env) => constant(env);
    }
    case 'member': {
      const { name } = tree;
      const of = tree.of === undefined ? undefined : build(tree.of);
      return (focus, env) => {
        const from = of === undefined ? focus : of(focus, env);
        // A path may begin with the type it is written for.
        if (of === undefined && from.length === 1 && isObject(from[0]) && from[0].resourceType === name) return from;
        const found: unknown[] = [];
        for (const each of from) member(each, name, found);
        return found;
      };
    }
    case 'index': {
      const [of, at] = [build(tree.of), build(tree.at)];
      return (focus, env) => {
        const index = single(at(focus, env));
        const values = of(focus, env);
        return typeof index === 'number' && index >= 0 && index < values.length ? [values[index]] : EMPTY;
      };
    }
    case 'minus': {
      const of = build(tree.of);
      return (focus, env) => {
        const value = single(of(focus, env));
        return typeof value === 'number' ? [-value] : EMPTY;
      };
    }
    case 'type':
      return typed(tree.op, tree.of, tree.type);
    case 'binary':
      return binary(tree.op, build(tree.left), build(tree.right));
    case 'call':
      return call(tree);
  }
}

/** `value as Quantity` reads `valueQuantity`; of other values the type is told from their form. */
function typed(op: string, of: Tree | undefined, type: string): Expression {
  if (of?.kind === 'member') {
    const choice = build({ kind: 'member', of: of.of, name: of.name + type.charAt(0).toUpperCase() + type.slice(1) });
    const plain = build(of);
    const simple = SIMPLE[type];
    return (focus, env) => {
      const found = choice(focus, env);
      const values =
        found.length > 0
          ? found
          : plain(focus, env).filter((each) => (simple === undefined ? isObject(each) && each.resourceType === type : simple(each)));
      return op === 'is' ? (plain(focus, env).length === 0 ? EMPTY : bool(values.length > 0)) : values;
    };
  }
  const values: Expression = of === undefined ? (focus) => focus : build(of);
  return (focus, env) => {
    const found = values(focus, env);
    return op === 'is'
      ? found.length === 0
        ? EMPTY
        : bool(found.every((each) => isType(each, type)))
      : found.filter((each) => isType(each, type));
  };
}

function call({ of, name, args }: Tree & { kind: 'call' }): Expression {
  if (name === 'is' || name === 'as' || name === 'ofType') {
    const [type] = args;
    if (type?.kind !== 'member' || args.length !== 1) throw new FhirPathError(expressionSays('needs-type', { name }), 0);
    return typed(name === 'is' ? 'is' : 'as', of, type.name);
  }
  const from: Expression = of === undefined ? (focus) => focus : build(of);
  if (name === 'matches' || name === 'replaceMatches') {
    const pattern = regex(args[0]);
    const by = args[1]?.kind === 'literal' ? String(args[1].value) : '';
    const everywhere = new RegExp(pattern.source, 'g');
    return (focus, env) => {
      const value = text(from(focus, env));
      if (value === undefined || value.length > MOST_MATCHED) return EMPTY;
      return name === 'matches' ? bool(pattern.test(value)) : [value.replace(everywhere, () => by)];
    };
  }
  const known = Object.hasOwn(CALLS, name) ? CALLS[name] : undefined;
  if (known === undefined) throw new FhirPathError(expressionSays('function', { name }), 0);
  if (args.length < known.args[0] || args.length > known.args[1]) throw new FhirPathError(expressionSays('arguments', { name }), 0);
  const built = args.map(build);
  if (PER_ITEM.has(name) || built.length === 0) return (focus, env) => known.run(from(focus, env), built, env);
  // Arguments that are values, not tests, are read on the node around: `a.contains(b)`.
  return (focus, env) => {
    const outer = built.map((each) => () => each(focus, env));
    return known.run(from(focus, env), outer, env);
  };
}

export type Test = (node: unknown, scope: Scope) => boolean;

/**
 * Compiles an invariant to nested functions. As in HL7's engine it holds only when its result is true: empty is not.
 *
 * @throws FhirPathError for what is no FHIRPath, or a part of it that is not compiled
 */
export function compileTest(expression: string): Test {
  const run = build(parse(expression));
  return (node, scope) => {
    try {
      return truth(run([node], { ...scope, context: node, steps: MOST_STEPS })) === true;
    } catch (error) {
      if (error instanceof TooLong || error instanceof RangeError) return false;
      throw error;
    }
  };
}
