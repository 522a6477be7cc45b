import type { Problem } from '../../errors/index.ts';
import { says } from '../fml/index.ts';
import type { Expression } from './expression.ts';
import { ANY, BOOLEAN, INTEGER, isForbiddenName, NUMBER, type SourceType, STRING } from './source-types.ts';
import { ABSTRACT } from './target-types.ts';
import { asSource, property, quote, type Scope, type SourceVariable, subfield, type Usage } from './variables.ts';

export interface Emitted {
  readonly js: string;
  /** The field of the source as it stands there, maybe blank, where `js` is what it holds. */
  readonly plain?: string;
  readonly type: SourceType;
  /** Of its type and not blank whenever it is not undefined. */
  readonly clean: boolean;
  /** Never undefined. */
  readonly present: boolean;
  readonly literal?: string | number | boolean;
  readonly usage?: Usage;
  readonly field?: string;
}

export interface ExpressionContext {
  readonly scope: Scope;
  /** `$this`: the item of a where or check, the first argument of evaluate. */
  readonly self?: SourceVariable;
  fail(at: number, problem: Problem): never;
  use(usage: Usage): void;
  /** The source type with this name; undefined for a name that is no type. */
  typeNamed(name: string): SourceType | undefined;
  /** Name of a constant that is made once, when the maps are loaded. */
  constant(js: string): string;
}

/** Conditions are tried in more than one form, and those within them again each time. */
const MAX_STEPS = 20_000;

type Kind = 'string' | 'number' | 'boolean' | 'object' | undefined;

const TEXT_FUNCTIONS = new Set([
  'contains',
  'startsWith',
  'endsWith',
  'matches',
  'lower',
  'upper',
  'length',
  'indexOf',
  'substring',
  'replace',
  'trim',
]);

/**
 * Writes expressions as JavaScript. A collection is `undefined` when empty, its value when single, an array otherwise; types
 * from the contract let most paths and comparisons become plain JavaScript.
 */
export class ExpressionEmitter {
  readonly #context: ExpressionContext;
  readonly #self: Emitted | undefined;
  #steps = 0;
  /** Fields that were read: the first stands for the expression in the traced variant. */
  readonly fieldsRead: string[] = [];

  constructor(context: ExpressionContext) {
    this.#context = context;
    this.#self = context.self === undefined ? undefined : emittedOf(context.self);
  }

  /** JavaScript that is truthy exactly when the expression is true (empty counts as false). */
  test(e: Expression, self = this.#self): string {
    if (e.kind === 'binary') {
      if (e.operator === 'and' || e.operator === 'or') {
        return `(${this.test(e.left, self)} ${e.operator === 'and' ? '&&' : '||'} ${this.test(e.right, self)})`;
      }
      const plain = this.#plainComparison(e, self);
      if (plain !== undefined) return plain;
    }
    if (e.kind === 'call' && e.name === 'not' && e.base !== undefined && e.args.length === 0) {
      const operand = this.value(e.base, self);
      return operand.present && operand.clean && kindOf(operand) === 'boolean'
        ? `!(${operand.js})`
        : `${this.#boolean(e.base, operand)} === false`;
    }
    return this.#boolean(e, this.value(e, self));
  }

  value(e: Expression, self = this.#self): Emitted {
    if (++this.#steps > MAX_STEPS) this.#context.fail(e.at, says('conditions-many'));
    switch (e.kind) {
      case 'literal':
        return { js: quote(e.value), type: literalType(e.value), clean: true, present: true, literal: e.value };
      case 'nothing':
        return { js: 'undefined', type: ANY, clean: true, present: false };
      case 'this':
        return this.#requireSelf(e.at, self);
      case 'variable':
        return this.#variable(e.name, e.at);
      case 'member':
        return this.#member(e, self);
      case 'index': {
        const base = this.value(e.base, self);
        return { js: `itemAt(${base.js}, ${e.index})`, type: itemType(base.type), clean: false, present: false };
      }
      case 'minus': {
        const operand = this.#ofKind(e.operand, 'number', self);
        return { js: `arithmetic("-", 0, ${operand.js})`, type: NUMBER, clean: true, present: false };
      }
      case 'binary':
        return this.#binary(e, self);
      case 'call':
        return this.#call(e, self);
    }
  }

  #requireSelf(at: number, self: Emitted | undefined): Emitted {
    if (self === undefined) this.#context.fail(at, says('no-this'));
    return self;
  }

  #variable(name: string, at: number): Emitted {
    const variable = this.#context.scope.get(name);
    if (variable === undefined) this.#context.fail(at, says('no-variable-percent', { name }));
    if (variable.kind === 'target') this.#context.fail(at, says('target-unreadable', { name }));
    return this.#read(emittedOf(asSource(variable)));
  }

  /** The first name of a path: a variable if there is one, else a field of `$this` (as HL7's Java implementation resolves it). */
  #member(e: Extract<Expression, { kind: 'member' }>, self: Emitted | undefined): Emitted {
    if (e.base !== undefined) return this.#navigate(this.value(e.base, self), e.name, e.at);
    const variable = this.#context.scope.get(e.name);
    if (variable === undefined) return this.#navigate(this.#requireNamed(e, self), e.name, e.at);
    if (self?.type.kind === 'object' && self.type.field(e.name) !== undefined) {
      this.#context.fail(e.at, says('variable-or-field', { name: e.name }));
    }
    return this.#variable(e.name, e.at);
  }

  #requireNamed(e: Extract<Expression, { kind: 'member' }>, self: Emitted | undefined): Emitted {
    if (self === undefined) this.#context.fail(e.at, says('no-variable', { name: e.name }));
    return self;
  }

  #navigate(base: Emitted, name: string, at: number): Emitted {
    if (isForbiddenName(name)) this.#context.fail(at, says('field-name', { name }));
    const owner = itemType(base.type);
    let type: SourceType = ANY;
    if (owner.kind === 'object') {
      const found = owner.field(name);
      if (found === undefined) this.#context.fail(at, unknownField(owner, name));
      type = found;
    } else if (owner.kind !== 'any') this.#context.fail(at, says('no-field-in', { kind: owner.kind, name }));
    const many = base.type.kind === 'list';
    const direct = base.type.kind === 'object';
    let js = '';
    let plain: string | undefined;
    if (type.kind === 'choice') {
      js = `choice(${base.js}, ${this.#context.constant(quote(type.options().map((option) => option.name)))})`;
      type = many ? { kind: 'list', items: ANY } : ANY;
    } else if (!direct) js = `path(${base.js}, ${quote(name)})`;
    else if (base.clean && base.present) plain = property(base.js, name);
    else plain = property(base.clean ? base.js : `fields(${base.js})`, name, true);
    return this.#read({
      js: plain === undefined ? js : `filled(${plain})`,
      ...(plain !== undefined && { plain }),
      type: many && type.kind !== 'list' && type.kind !== 'any' ? { kind: 'list', items: type } : type,
      clean: false,
      present: false,
      ...(base.usage !== undefined && { usage: { input: base.usage.input, path: [...base.usage.path, name] } }),
      ...(base.field !== undefined && { field: subfield(base.field, name) }),
    });
  }

  #read(emitted: Emitted): Emitted {
    if (emitted.usage !== undefined) this.#context.use(emitted.usage);
    if (emitted.field !== undefined) this.fieldsRead.push(emitted.field);
    return emitted;
  }

  #boolean(e: Expression, emitted: Emitted): string {
    const kind = kindOf(emitted);
    if (kind === 'boolean') return emitted.clean ? emitted.js : `${emitted.plain ?? emitted.js} === true`;
    if (kind !== undefined) this.#context.fail(e.at, says('not-condition', { kind }));
    return `truth(${emitted.js})`;
  }

  /** Value of a condition with its third state: true, false or undefined. */
  #logical(e: Expression, self: Emitted | undefined): { js: string; present: boolean } {
    const emitted = this.value(e, self);
    const kind = kindOf(emitted);
    if (kind !== undefined && kind !== 'boolean') this.#context.fail(e.at, says('not-condition', { kind }));
    return { js: emitted.clean && kind === 'boolean' ? emitted.js : `truth(${emitted.js})`, present: emitted.present && emitted.clean };
  }

  #plainComparison(e: Extract<Expression, { kind: 'binary' }>, self: Emitted | undefined): string | undefined {
    if (!['=', '!=', '<', '>', '<=', '>='].includes(e.operator)) return undefined;
    const left = this.value(e.left, self);
    const right = this.value(e.right, self);
    this.#comparable(e, left, right);
    if (!isScalar(left) || !isScalar(right)) return undefined;
    // An absent or blank left side can never be identical with a literal or a value that is there.
    const fixed = (x: Emitted) => x.present && x.clean;
    if (e.operator === '=' && (fixed(left) || fixed(right))) return `${left.plain ?? left.js} === ${right.plain ?? right.js}`;
    if (!fixed(left) || !fixed(right)) return undefined;
    return `${left.js} ${e.operator === '!=' ? '!==' : e.operator} ${right.js}`;
  }

  #comparable(e: Extract<Expression, { kind: 'binary' }>, left: Emitted, right: Emitted): void {
    const a = kindOf(left);
    const b = kindOf(right);
    if (a !== undefined && b !== undefined && a !== b) this.#context.fail(e.at, says('compared-kinds', { a, b }));
    if (a === 'object' || b === 'object') this.#context.fail(e.at, says('compared-objects'));
    if (e.operator !== '=' && e.operator !== '!=' && (a === 'boolean' || b === 'boolean')) this.#context.fail(e.at, says('boolean-order'));
  }

  #binary(e: Extract<Expression, { kind: 'binary' }>, self: Emitted | undefined): Emitted {
    const { operator } = e;
    const condition = (js: string, present = false): Emitted => ({ js, type: BOOLEAN, clean: true, present });
    if (operator === 'and' || operator === 'or') {
      const left = this.#logical(e.left, self);
      const right = this.#logical(e.right, self);
      if (left.present && right.present) return condition(`(${left.js} ${operator === 'and' ? '&&' : '||'} ${right.js})`, true);
      return condition(`${operator}(${left.js}, ${right.js})`);
    }
    if (operator === 'is' || operator === 'as') return this.#typed(e.left, e.right, operator, e.at, self);
    if (operator === 'xor') return condition(`xor(${this.#logical(e.left, self).js}, ${this.#logical(e.right, self).js})`);
    if (operator === 'implies') return condition(`or(not(${this.#logical(e.left, self).js}), ${this.#logical(e.right, self).js})`);
    if (operator === 'contains') return condition(`includes(${this.value(e.left, self).js}, ${this.value(e.right, self).js})`);
    if (operator === 'in') return condition(`includes(${this.#union(e.right, self)}, ${this.value(e.left, self).js})`);
    if (operator === '|') this.#context.fail(e.at, says('union'));
    const left = this.value(e.left, self);
    const right = this.value(e.right, self);
    if (operator === '~') return condition(`equivalent(${left.js}, ${right.js})`, true);
    if (['=', '!=', '<', '>', '<=', '>='].includes(operator)) {
      this.#comparable(e, left, right);
      if (operator === '=') return condition(`equal(${left.js}, ${right.js})`);
      if (operator === '!=') return condition(`not(equal(${left.js}, ${right.js}))`);
      return condition(`comparison(${left.js}, ${right.js}, (order) => order ${operator} 0)`);
    }
    const a = kindOf(left);
    const b = kindOf(right);
    if (operator === '&') {
      for (const [side, kind] of [
        [e.left, a],
        [e.right, b],
      ] as const) {
        if (kind !== undefined && kind !== 'string') this.#context.fail(side.at, says('join-kind', { kind }));
      }
      return { js: `concat(${left.js}, ${right.js})`, type: STRING, clean: false, present: false };
    }
    if (operator === '+' && (a === 'string' || b === 'string')) {
      if (a !== b && a !== undefined && b !== undefined) this.#context.fail(e.at, says('plus-kinds', { a, b }));
      return { js: `arithmetic("+", ${left.js}, ${right.js})`, type: STRING, clean: false, present: false };
    }
    for (const [side, kind] of [
      [e.left, a],
      [e.right, b],
    ] as const) {
      if (kind !== undefined && kind !== 'number') this.#context.fail(side.at, says('needs-numbers', { operator, kind }));
    }
    const whole = operator === 'div' || (operator !== '/' && left.type.kind === 'integer' && right.type.kind === 'integer');
    const type = a === undefined && b === undefined && operator === '+' ? ANY : whole ? INTEGER : NUMBER;
    return { js: `arithmetic(${quote(operator)}, ${left.js}, ${right.js})`, type, clean: type !== INTEGER && type !== ANY, present: false };
  }

  /** The right side of `in`: a path, or literals joined with `|`. */
  #union(e: Expression, self: Emitted | undefined): string {
    const literals = literalsOf(e);
    return literals === undefined ? this.value(e, self).js : this.#context.constant(quote(literals));
  }

  #ofKind(e: Expression, kind: 'string' | 'number', self: Emitted | undefined): Emitted {
    const emitted = this.value(e, self);
    const own = kindOf(emitted);
    if (own !== undefined && own !== kind) this.#context.fail(e.at, says('expected-kind', { wanted: kind, kind: own }));
    return emitted;
  }

  /** `x is T` and `x as T`: of a choice element, of a resource, or of what a source that is no FHIR holds. */
  #typed(value: Expression, type: Expression, operator: 'is' | 'as', at: number, self: Emitted | undefined): Emitted {
    const name = type.kind === 'member' ? type.name : undefined;
    const isOwn =
      type.kind === 'member' && (type.base === undefined || (type.base.kind === 'member' && ['FHIR', 'System'].includes(type.base.name)));
    if (name === undefined || !isOwn) return this.#context.fail(at, says('needs-type-name', { operator }));
    const made = (js: string, of: SourceType, from: Emitted): Emitted =>
      operator === 'is'
        ? { js: `exists(${js})`, type: BOOLEAN, clean: true, present: true }
        : {
            js,
            type: of,
            clean: false,
            present: false,
            ...(from.usage && { usage: from.usage }),
            ...(from.field && { field: from.field }),
          };
    if (value.kind === 'member' && value.base !== undefined) {
      const owner = this.value(value.base, self);
      const own = itemType(owner.type);
      const choice = own.kind === 'object' ? own.field(value.name) : undefined;
      if (choice?.kind === 'choice') {
        const option = choice.options().find(({ code }) => code === name);
        if (option === undefined) return this.#context.fail(at, says('never-a', { name: choice.name, type: name }));
        const read = this.#navigate(owner, value.name, value.at);
        return made(`path(${owner.js}, ${quote(option.name)})`, option.type, read);
      }
    }
    const emitted = this.value(value, self);
    const known = itemType(emitted.type);
    if (known.kind !== 'any') {
      const own = 'fhir' in known && known.fhir !== undefined ? known.fhir : known.kind === 'number' ? 'decimal' : known.kind;
      const isIt = own === name || (known.kind === 'object' && ABSTRACT.has(name));
      return made(isIt ? emitted.js : 'undefined', emitted.type, emitted);
    }
    const of = this.#context.typeNamed(name);
    if (of === undefined) return this.#context.fail(at, says('no-type', { type: name }));
    const kind = of.kind === 'any' ? 'object' : of.kind;
    const resource = of.kind === 'object' ? `, ${quote(name)}` : '';
    return made(`filter(${emitted.js}, (it) => isOf(it, ${quote(kind)}${resource}))`, of.kind === 'object' ? of : emitted.type, emitted);
  }

  #call(e: Extract<Expression, { kind: 'call' }>, self: Emitted | undefined): Emitted {
    const { name, args } = e;
    const arity = (...allowed: number[]) => {
      if (!allowed.includes(args.length)) this.#context.fail(e.at, says('function-arguments', { name, count: allowed.join(' / ') }));
    };
    if (name === 'iif') {
      arity(2, 3);
      if (e.base !== undefined) this.#context.fail(e.at, says('iif-start'));
      const yes = this.value(args[1] as Expression, self);
      const no = args[2] === undefined ? undefined : this.value(args[2], self);
      const sameKind = no === undefined || no.js === 'undefined' || kindOf(no) === kindOf(yes);
      return {
        js: `(${this.test(args[0] as Expression, self)} ? ${yes.js} : ${no?.js ?? 'undefined'})`,
        type: sameKind ? (no?.type === NUMBER ? NUMBER : yes.type) : ANY,
        clean: sameKind && yes.clean && (no?.clean ?? true),
        present: yes.present && (no?.present ?? false),
      };
    }
    if (name === 'ofType' || name === 'is' || name === 'as') {
      arity(1);
      const base: Expression = e.base ?? { kind: 'this', at: e.at };
      return this.#typed(base, args[0] as Expression, name === 'is' ? 'is' : 'as', e.at, self);
    }
    const base = e.base === undefined ? this.#requireSelf(e.at, self) : this.value(e.base, self);
    const condition = (js: string, present = false): Emitted => ({ js, type: BOOLEAN, clean: true, present });
    const item = itemType(base.type);
    const inner = (without = false): string => {
      const it: Emitted = { js: 'it', type: item, clean: false, present: true, ...(base.usage !== undefined && { usage: base.usage }) };
      const test = this.test(args[0] as Expression, it);
      return `filter(${base.js}, (it) => ${without ? `!(${test})` : test})`;
    };
    switch (name) {
      case 'exists':
        arity(0, 1);
        return condition(`exists(${args.length === 1 ? inner() : base.js})`, true);
      case 'empty':
        arity(0);
        return condition(`!exists(${base.js})`, true);
      case 'count':
        arity(0);
        return { js: `count(${base.js})`, type: INTEGER, clean: true, present: true };
      case 'not': {
        arity(0);
        if (e.base === undefined) this.#context.fail(e.at, says('not-base'));
        const operand = this.#logical(e.base, self);
        return operand.present ? condition(`!(${operand.js})`, true) : condition(`not(${operand.js})`);
      }
      case 'where':
        arity(1);
        return {
          js: inner(),
          type: base.type,
          clean: false,
          present: false,
          ...(base.usage && { usage: base.usage }),
          ...(base.field && { field: base.field }),
        };
      case 'all':
        arity(1);
        return condition(`!exists(${inner(true)})`, true);
      case 'select': {
        arity(1);
        const it: Emitted = { js: 'it', type: item, clean: false, present: true, ...(base.usage !== undefined && { usage: base.usage }) };
        const made = this.value(args[0] as Expression, it);
        const type: SourceType =
          base.type.kind === 'list' || base.type.kind === 'any' ? { kind: 'list', items: itemType(made.type) } : made.type;
        return {
          js: `select(${base.js}, (it) => ${made.js})`,
          type,
          clean: false,
          present: false,
          ...(base.field && { field: base.field }),
        };
      }
      case 'tail':
      case 'skip':
      case 'take': {
        arity(name === 'tail' ? 0 : 1);
        const count = name === 'tail' ? '1' : `Number(${this.#ofKind(args[0] as Expression, 'number', self).js} ?? 0)`;
        const range = name === 'take' ? `0, Math.max(0, ${count})` : `Math.max(0, ${count})`;
        return {
          js: `slice(${base.js}, ${range})`,
          type: base.type,
          clean: false,
          present: false,
          ...(base.usage && { usage: base.usage }),
          ...(base.field && { field: base.field }),
        };
      }
      case 'toInteger':
        arity(0);
        return { js: `asInteger(${base.js})`, type: INTEGER, clean: true, present: false };
      case 'first':
      case 'last':
        arity(0);
        return {
          js: name === 'first' ? `itemAt(${base.js}, 0)` : `lastItem(${base.js})`,
          type: item,
          clean: false,
          present: false,
          ...(base.usage && { usage: base.usage }),
          ...(base.field && { field: base.field }),
        };
      case 'toString':
        arity(0);
        return { js: `asText(${base.js})`, type: STRING, clean: false, present: false };
    }
    if (!TEXT_FUNCTIONS.has(name)) this.#context.fail(e.at, says('function-uncovered', { name }));
    const kind = kindOf(base);
    if (kind !== undefined && kind !== 'string') this.#context.fail(e.at, says('needs-text', { name, kind }));
    return this.#textCall(e, base, self, arity);
  }

  #textCall(
    e: Extract<Expression, { kind: 'call' }>,
    base: Emitted,
    self: Emitted | undefined,
    arity: (...allowed: number[]) => void,
  ): Emitted {
    const { name, args } = e;
    const text = (js: string): Emitted => ({ js, type: STRING, clean: false, present: false });
    const condition = (js: string): Emitted => ({ js, type: BOOLEAN, clean: true, present: false });
    const argument = (index: number, kind: 'string' | 'number') => this.#ofKind(args[index] as Expression, kind, self).js;
    switch (name) {
      case 'lower':
      case 'upper':
        arity(0);
        return text(`onText(${base.js}, (it) => it.to${name === 'lower' ? 'Lower' : 'Upper'}Case())`);
      case 'trim':
        arity(0);
        return text(`onText(${base.js}, (it) => it.trim())`);
      case 'indexOf':
        arity(1);
        return {
          js: `onText(${base.js}, (it) => onText(${argument(0, 'string')}, (part) => it.indexOf(part)))`,
          type: INTEGER,
          clean: true,
          present: false,
        };
      case 'length':
        arity(0);
        return { js: `onText(${base.js}, (it) => it.length)`, type: INTEGER, clean: true, present: false };
      case 'substring': {
        arity(1, 2);
        const length = args.length === 2 ? `, Number(${argument(1, 'number')})` : '';
        return text(`onText(${base.js}, (it) => it.substr(Number(${argument(0, 'number')})${length}))`);
      }
      case 'replace':
        arity(2);
        return text(
          `onText(${base.js}, (it) => it.replaceAll(asText(${argument(0, 'string')}) ?? it, () => asText(${argument(1, 'string')}) ?? ''))`,
        );
      case 'matches': {
        arity(1);
        const pattern = args[0] as Expression;
        if (pattern.kind !== 'literal' || typeof pattern.value !== 'string') return this.#context.fail(pattern.at, says('pattern-literal'));
        try {
          new RegExp(pattern.value, 'su');
        } catch {
          this.#context.fail(pattern.at, says('pattern-regex'));
        }
        return condition(`onText(${base.js}, (it) => ${this.#context.constant(`new RegExp(${quote(pattern.value)}, "su")`)}.test(it))`);
      }
      default: {
        arity(1);
        const method = { contains: 'includes', startsWith: 'startsWith', endsWith: 'endsWith' }[name] as string;
        return condition(`onText(${base.js}, (it) => onText(${argument(0, 'string')}, (part) => it.${method}(part)))`);
      }
    }
  }
}

export function emittedOf(variable: SourceVariable): Emitted {
  return {
    js: variable.js,
    type: variable.type,
    clean: true,
    present: variable.present,
    field: variable.field,
    ...(variable.usage !== undefined && { usage: variable.usage }),
  };
}

export function unknownField(owner: Extract<SourceType, { kind: 'object' }>, name: string): Problem {
  const known = owner.known();
  const values = { owner: owner.name === '' ? says('word-record') : owner.name, name };
  return known.length > 0 && known.length <= 30 ? says('no-field-of', { ...values, known: known.join(', ') }) : says('no-field', values);
}

function itemType(type: SourceType): SourceType {
  return type.kind === 'list' ? itemType(type.items) : type;
}

function kindOf(emitted: Emitted): Kind {
  const type = itemType(emitted.type);
  if (type.kind === 'integer') return 'number';
  return type.kind === 'any' || type.kind === 'list' || type.kind === 'choice' ? undefined : type.kind;
}

function isScalar(emitted: Emitted): boolean {
  const { kind } = emitted.type;
  return kind === 'string' || kind === 'number' || kind === 'integer' || kind === 'boolean';
}

function literalType(value: string | number | boolean): SourceType {
  if (typeof value === 'string') return STRING;
  if (typeof value === 'boolean') return BOOLEAN;
  return Number.isInteger(value) ? INTEGER : NUMBER;
}

function literalsOf(e: Expression): (string | number | boolean)[] | undefined {
  if (e.kind === 'literal') return [e.value];
  if (e.kind !== 'binary' || e.operator !== '|') return undefined;
  const left = literalsOf(e.left);
  const right = literalsOf(e.right);
  return left && right ? [...left, ...right] : undefined;
}
