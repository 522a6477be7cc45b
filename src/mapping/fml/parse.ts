import type {
  ConceptMap,
  ConceptMapGroup,
  ConceptMapGroupElementTarget,
  StructureMap,
  StructureMapGroup,
  StructureMapGroupInput,
  StructureMapGroupRule,
  StructureMapGroupRuleDependent,
  StructureMapGroupRuleSource,
  StructureMapGroupRuleTarget,
  StructureMapGroupRuleTargetParameter,
  StructureMapStructure,
} from '@medplum/fhirtypes';
import type { Bilingual, Problem } from '../../errors/index.ts';
import { Lexer, readEscape, type Token } from './lexer.ts';
import { type Position, Positions } from './positions.ts';
import { says } from './problems.ts';

export interface ParsedMap {
  readonly structureMap: StructureMap;
  readonly positions: Positions;
}

const LIST_MODES = ['first', 'not_first', 'last', 'not_last', 'only_one'] as const;
const TARGET_LIST_MODES = ['first', 'share', 'last', 'collate'] as const;
const MODEL_MODES = ['source', 'queried', 'target', 'produced'] as const;
/** Relations between codes as the grammar writes them (R4 mapping language, "Embedded Concept Maps"), and R4's names for them. */
const RELATIONS: Readonly<Record<string, ConceptMapGroupElementTarget['equivalence']>> = {
  '-': 'relatedto',
  '=': 'equal',
  '==': 'equivalent',
  '!=': 'disjoint',
  '--': 'unmatched',
  '<=': 'wider',
  '<-': 'subsumes',
  '>=': 'narrower',
  '>-': 'specializes',
  '~': 'inexact',
};
/** Variable of both sides in `src.a -> tgt.b`, as HL7's Java implementation writes it. */
export const AUTO_VARIABLE = 'vvv';

/**
 * FML text to the StructureMap resource it stands for: R4 grammar (https://hl7.org/fhir/R4/mapping-language.html), plus literal
 * arguments of `then Group(…)` from R5.
 *
 * Where R4's StructureMap has no place of its own for something, it is written so:
 * - `src.a.b`            source.element `a.b` (the grammar's dotted context), likewise target.element
 * - `cast(src.a, 'x')`   parameter.valueId `src.a`
 * - `then G(a, 'x', 12)` dependent.variable `a`, `'x'` (with quotes, FML escapes), `12`; `true` and `false` are literals too
 * - `(expr)`             transform `evaluate` with one parameter.valueString
 * - a rule without name  named after its source element, else `line-<n>`
 *
 * @param name of the map in error messages: its file name
 * @throws AppError `map-compile` with line and column
 */
export function parseMap(text: string, name: string, positions: Positions = new Positions()): ParsedMap {
  return { structureMap: new Parser(new Lexer(text, name), positions).map(), positions };
}

/** Rules within rules: no map needs more, and the stack has an end. */
const MAX_DEPTH = 64;

class Parser {
  #depth = 0;
  readonly #lexer: Lexer;
  readonly #positions: Positions;

  constructor(lexer: Lexer, positions: Positions) {
    this.#lexer = lexer;
    this.#positions = positions;
  }

  map(): StructureMap {
    const start = this.#lexer.peek().position;
    this.#keyword('map');
    const url = this.#quoted(says('word-map-url'));
    this.#symbol('=');
    const name = this.#quoted(says('word-map-name'));
    const map: StructureMap = { resourceType: 'StructureMap', url, name, status: 'active', group: [] };
    const contained: ConceptMap[] = [];
    const structures: StructureMapStructure[] = [];
    const imports: string[] = [];
    for (;;) {
      const token = this.#lexer.peek();
      if (token.kind === 'end') break;
      if (this.#is('conceptmap')) contained.push(this.#conceptMap());
      else if (this.#is('uses')) structures.push(this.#uses());
      else if (this.#is('imports')) {
        this.#lexer.next();
        imports.push(this.#quoted(says('word-import-url')));
        this.#skipSemicolon();
      } else if (this.#is('group')) map.group.push(this.#group());
      else this.#fail(token.position, says('expected-top', { found: describe(token) }));
    }
    if (map.group.length === 0) this.#fail(start, says('no-group'));
    // R4's order of elements, so that the published resource reads like any other.
    const ordered: StructureMap = {
      resourceType: 'StructureMap',
      ...(contained.length > 0 && { contained }),
      url,
      name,
      status: 'active',
      ...(structures.length > 0 && { structure: structures }),
      ...(imports.length > 0 && { import: imports }),
      group: map.group,
    };
    this.#positions.set(ordered, start);
    return ordered;
  }

  #uses(): StructureMapStructure {
    const start = this.#lexer.next().position;
    const url = this.#quoted(says('word-structure-url'));
    let alias: string | undefined;
    if (this.#is('alias')) {
      this.#lexer.next();
      alias = this.#name(says('word-alias'));
    }
    this.#keyword('as');
    const token = this.#lexer.next();
    const mode = MODEL_MODES.find((m) => m === token.text);
    if (mode === undefined) this.#fail(token.position, says('expected-mode', { found: describe(token) }));
    this.#skipSemicolon();
    return this.#at(start, { url, mode, ...(alias !== undefined && { alias }) });
  }

  #conceptMap(): ConceptMap {
    const start = this.#lexer.next().position;
    const name = this.#quoted(says('word-concept-map-name'));
    this.#symbol('{');
    const prefixes = new Map<string, string>();
    const groups = new Map<string, ConceptMapGroup>();
    const unmapped: { system: string; position: Position }[] = [];
    let next: { system: string; code: string; position: Position } | undefined;
    while (next !== undefined || !this.#isSymbol('}')) {
      if (next === undefined && this.#is('prefix') && this.#lexer.peekSecond().kind === 'name') {
        this.#lexer.next();
        const prefix = this.#name(says('word-prefix'));
        this.#symbol('=');
        prefixes.set(prefix, this.#quoted(says('word-system')));
        this.#skipSemicolon();
        continue;
      }
      if (next === undefined && this.#is('unmapped') && this.#lexer.peekSecond().kind === 'name') {
        unmapped.push(this.#unmapped(prefixes));
        continue;
      }
      const source = next ?? this.#conceptCode(prefixes);
      next = undefined;
      const operator = this.#lexer.next();
      const equivalence = operator.kind === 'symbol' ? RELATIONS[operator.text] : undefined;
      if (equivalence === undefined) {
        this.#fail(
          operator.position,
          says('expected-relation', { relations: Object.keys(RELATIONS).join(' '), found: describe(operator) }),
        );
      }
      let target: typeof source | undefined = this.#isConceptCode(prefixes) ? this.#conceptCode(prefixes) : undefined;
      // What has no match may have no target either: then this was already the next code.
      if (equivalence === 'unmatched' && target !== undefined && Object.hasOwn(RELATIONS, this.#lexer.peek().text)) {
        next = target;
        target = undefined;
      }
      if (target === undefined && equivalence !== 'unmatched') target = this.#conceptCode(prefixes);
      this.#skipSemicolon();
      const key = `${source.system}\n${target?.system ?? ''}`;
      let group = groups.get(key);
      if (group === undefined) {
        group = { source: source.system, ...(target !== undefined && { target: target.system }), element: [] };
        groups.set(key, group);
      }
      if (group.element.some((e) => e.code === source.code)) this.#fail(source.position, says('code-twice', { code: source.code }));
      group.element.push(
        this.#at(source.position, { code: source.code, target: [{ ...(target !== undefined && { code: target.code }), equivalence }] }),
      );
    }
    for (const { system, position } of unmapped) {
      const told = [...groups.values()].filter((group) => group.source === system && group.target !== undefined);
      if (told.length !== 1) this.#fail(position, says('unmapped-group', { system, count: told.length }));
      (told[0] as ConceptMapGroup).unmapped = { mode: 'provided' };
    }
    this.#symbol('}');
    if (groups.size === 0) this.#fail(start, says('concept-map-empty'));
    return this.#at(start, { resourceType: 'ConceptMap', id: name, status: 'active', group: [...groups.values()] } as ConceptMap);
  }

  /** `unmapped for s = provided`: a code that is not listed stays as it is, under the target's system. */
  #unmapped(prefixes: ReadonlyMap<string, string>): { system: string; position: Position } {
    this.#lexer.next();
    this.#keyword('for');
    const token = this.#lexer.peek();
    const system = prefixes.get(this.#name(says('word-a-prefix')));
    if (system === undefined) this.#fail(token.position, says('prefix-undeclared', { prefix: token.text }));
    this.#symbol('=');
    this.#keyword('provided');
    this.#skipSemicolon();
    return { system, position: token.position };
  }

  #isConceptCode(prefixes: ReadonlyMap<string, string>): boolean {
    return prefixes.has(this.#lexer.peek().text) && this.#lexer.peekSecond().text === ':';
  }

  #conceptCode(prefixes: ReadonlyMap<string, string>): { system: string; code: string; position: Position } {
    const token = this.#lexer.peek();
    const prefix = this.#name(says('word-a-prefix'));
    const system = prefixes.get(prefix);
    if (system === undefined) this.#fail(token.position, says('prefix-undeclared', { prefix }));
    this.#symbol(':');
    const code = this.#lexer.next();
    if (code.kind === 'string' || code.kind === 'url') return { system, code: code.text, position: token.position };
    if (code.kind !== 'name' && code.kind !== 'number') this.#fail(code.position, says('expected-code', { found: describe(code) }));
    // Codes such as 8480-6 need no quotes as long as they hold no blanks: the pieces must touch each other.
    let text = code.text;
    let end = code.end;
    for (;;) {
      const more = this.#lexer.peek();
      const joins = more.kind === 'name' || more.kind === 'number' || (more.kind === 'symbol' && (more.text === '-' || more.text === '.'));
      if (!joins || more.start !== end) return { system, code: text, position: token.position };
      this.#lexer.next();
      text += more.text;
      end = more.end;
    }
  }

  #group(): StructureMapGroup {
    const start = this.#lexer.next().position;
    const name = this.#name(says('word-group'));
    const group: StructureMapGroup = this.#at(start, { name, typeMode: 'none', input: [], rule: [] });
    this.#symbol('(');
    for (;;) {
      group.input.push(this.#input());
      if (!this.#isSymbol(',')) break;
      this.#lexer.next();
    }
    this.#symbol(')');
    if (this.#is('extends')) {
      this.#lexer.next();
      group.extends = this.#name(says('word-extended'));
    }
    if (this.#isSymbol('<<')) {
      this.#lexer.next();
      const token = this.#lexer.next();
      if (token.text === 'types') group.typeMode = 'types';
      else if (token.text === 'type') {
        this.#symbol('+');
        group.typeMode = 'type-and-types';
      } else this.#fail(token.position, says('expected-types'));
      this.#symbol('>>');
    }
    this.#rules(group.rule);
    return group;
  }

  #input(): StructureMapGroupInput {
    const token = this.#lexer.next();
    if (token.text !== 'source' && token.text !== 'target') this.#fail(token.position, says('expected-input', { found: describe(token) }));
    const mode = token.text as 'source' | 'target';
    const name = this.#name(says('word-input'));
    let type: string | undefined;
    if (this.#isSymbol(':')) {
      this.#lexer.next();
      type = this.#name(says('word-input-type'));
    }
    return this.#at(token.position, { name, ...(type !== undefined && { type }), mode });
  }

  #rules(into: StructureMapGroupRule[]): void {
    const { position } = this.#lexer.peek();
    if (++this.#depth > MAX_DEPTH) this.#fail(position, says('rules-depth', { max: MAX_DEPTH }));
    this.#symbol('{');
    while (!this.#isSymbol('}')) into.push(this.#rule());
    this.#depth--;
    this.#symbol('}');
  }

  #rule(): StructureMapGroupRule {
    const start = this.#lexer.peek().position;
    if (this.#is('let') || this.#is('const')) {
      if (this.#lexer.peekSecond().kind === 'name') this.#fail(start, says('r5-keyword', { word: this.#lexer.peek().text }));
    }
    const rule: StructureMapGroupRule = this.#at(start, { name: '', source: [] });
    const sources = rule.source;
    if (this.#is('for') && this.#lexer.peekSecond().kind === 'name') this.#fail(start, says('old-for'));
    for (;;) {
      sources.push(this.#source());
      if (!this.#isSymbol(',')) break;
      this.#lexer.next();
    }
    if (this.#isSymbol('->')) {
      this.#lexer.next();
      rule.target = [];
      for (;;) {
        rule.target.push(this.#target());
        if (!this.#isSymbol(',')) break;
        this.#lexer.next();
      }
    }
    if (this.#is('then')) {
      this.#lexer.next();
      if (this.#isSymbol('{')) {
        rule.rule = [];
        this.#rules(rule.rule);
      } else {
        rule.dependent = [];
        for (;;) {
          rule.dependent.push(this.#dependent());
          if (!this.#isSymbol(',')) break;
          this.#lexer.next();
        }
        if (this.#isSymbol('{')) {
          rule.rule = [];
          this.#rules(rule.rule);
        }
      }
    }
    const end = this.#lexer.peek();
    if (end.kind === 'url') rule.name = this.#lexer.next().text;
    else if (end.kind === 'string') this.#fail(end.position, says('rule-name'));
    else rule.name = sources.find((s) => s.element !== undefined)?.element?.replaceAll('.', '-') ?? `line-${start.line}`;
    this.#symbol(';');
    this.#simpleForm(rule);
    return rule;
  }

  /** `src.a -> tgt.b`: both sides get the automatic variable and the target an empty `create`, as in HL7's Java implementation. */
  #simpleForm(rule: StructureMapGroupRule): void {
    const [source, ...moreSources] = rule.source;
    const [target, ...moreTargets] = rule.target ?? [];
    if (source === undefined || target === undefined || moreSources.length > 0 || moreTargets.length > 0) return;
    if (rule.rule !== undefined || rule.dependent !== undefined) return;
    if (source.element === undefined || source.variable !== undefined) return;
    if (target.element === undefined || target.transform !== undefined || target.variable !== undefined) return;
    source.variable = AUTO_VARIABLE;
    target.variable = AUTO_VARIABLE;
    target.transform = 'create';
  }

  #source(): StructureMapGroupRuleSource {
    const start = this.#lexer.peek().position;
    const source: StructureMapGroupRuleSource = this.#at(start, { context: this.#name(says('word-source')) });
    const element = this.#elementPath(source);
    if (this.#isSymbol('(')) this.#fail(this.#lexer.peek().position, says('function-in-source'));
    if (element !== undefined) source.element = element;
    if (this.#isSymbol(':')) {
      this.#lexer.next();
      source.type = this.#name(says('word-type'));
    }
    if (this.#lexer.peek().kind === 'number') {
      source.min = this.#integer(this.#lexer.next());
      this.#symbol('..');
      const upper = this.#lexer.next();
      source.max = upper.text === '*' ? '*' : String(this.#integer(upper));
    }
    if (this.#is('default')) {
      this.#lexer.next();
      Object.assign(source, this.#defaultValue());
    }
    const mode = LIST_MODES.find((m) => this.#is(m));
    if (mode !== undefined) {
      this.#positions.set(source, this.#lexer.next().position, 'listMode');
      source.listMode = mode;
    }
    if (this.#is('as')) {
      this.#lexer.next();
      source.variable = this.#name(says('word-variable'));
    }
    if (this.#is('where')) {
      this.#lexer.next();
      source.condition = this.#expression(source, 'condition', 'where');
    }
    if (this.#is('check')) {
      this.#lexer.next();
      source.check = this.#expression(source, 'check', 'check');
    }
    if (this.#is('log')) {
      this.#lexer.next();
      if (this.#isSymbol('(')) source.logMessage = this.#lexer.parenthesised('log').text;
      else source.logMessage = this.#lexer.next().text;
    }
    return source;
  }

  #defaultValue(): Partial<StructureMapGroupRuleSource> {
    const wrapped = this.#isSymbol('(');
    if (wrapped) this.#lexer.next();
    const token = this.#lexer.peek();
    const value = this.#literal();
    if (value === undefined) this.#fail(token.position, says('default-literal'));
    if (wrapped) {
      const close = this.#lexer.next();
      if (close.text !== ')') this.#fail(close.position, says('default-literal'));
    }
    if ('valueString' in value) return { defaultValueString: value.valueString as string };
    if ('valueBoolean' in value) return { defaultValueBoolean: value.valueBoolean as boolean };
    if ('valueInteger' in value) return { defaultValueInteger: value.valueInteger as number };
    return { defaultValueDecimal: value.valueDecimal as number };
  }

  #target(): StructureMapGroupRuleTarget {
    const start = this.#lexer.peek().position;
    const target: StructureMapGroupRuleTarget = this.#at(start, {});
    // Only after '(' is ruled out may the lexer look ahead: what follows it is FHIRPath, which has other symbols.
    if (this.#isSymbol('(')) this.#transform(target);
    else if (this.#lexer.peek().kind === 'name' && this.#lexer.peekSecond().text === '(') this.#invocation(target);
    else {
      target.context = this.#name(says('word-target'));
      target.contextType = 'variable';
      const element = this.#elementPath(target);
      if (element !== undefined) target.element = element;
      if (this.#isSymbol('=')) {
        this.#lexer.next();
        this.#transform(target);
      }
    }
    if (this.#is('as')) {
      this.#lexer.next();
      target.variable = this.#name(says('word-variable'));
    }
    const token = this.#lexer.peek();
    const mode = TARGET_LIST_MODES.find((m) => this.#is(m));
    if (mode !== undefined) {
      this.#positions.set(target, this.#lexer.next().position, 'listMode');
      target.listMode = [mode];
      if (this.#lexer.peek().kind === 'name' && !this.#is('then')) target.listRuleId = this.#lexer.next().text;
    } else if (this.#is('single')) this.#fail(token.position, says('r5-single'));
    return target;
  }

  #transform(target: StructureMapGroupRuleTarget): void {
    const token = this.#lexer.peek();
    this.#positions.set(target, token.position, 'transform');
    if (this.#isSymbol('(')) {
      const { text, position } = this.#lexer.parenthesised('evaluate');
      target.transform = 'evaluate';
      target.parameter = [this.#at(position, { valueString: text })];
      return;
    }
    const second = this.#lexer.peekSecond();
    if (token.kind === 'name' && second.kind === 'symbol' && second.text === '(') {
      this.#invocation(target);
      return;
    }
    target.transform = 'copy';
    target.parameter = [this.#parameter()];
  }

  #invocation(target: StructureMapGroupRuleTarget): void {
    const name = this.#lexer.next();
    this.#positions.set(target, name.position, 'transform');
    target.transform = name.text as NonNullable<StructureMapGroupRuleTarget['transform']>;
    this.#symbol('(');
    const parameters: StructureMapGroupRuleTargetParameter[] = [];
    while (!this.#isSymbol(')')) {
      if (parameters.length > 0) {
        if (name.text === 'evaluate' && this.#isSymbol(',')) {
          const { text, position } = this.#lexer.rest();
          parameters.push(this.#at(position, { valueString: expressionIn(text) }));
          continue;
        }
        this.#symbol(',');
      }
      if (this.#isSymbol('(')) {
        if (name.text !== 'evaluate') this.#fail(this.#lexer.peek().position, says('only-evaluate'));
        const { text, position } = this.#lexer.parenthesised('evaluate');
        parameters.push(this.#at(position, { valueString: text }));
      } else parameters.push(this.#parameter());
    }
    this.#symbol(')');
    if (parameters.length > 0) target.parameter = parameters;
  }

  #parameter(): StructureMapGroupRuleTargetParameter {
    const token = this.#lexer.peek();
    const literal = this.#literal();
    if (literal !== undefined) return this.#at(token.position, literal as StructureMapGroupRuleTargetParameter);
    let path = this.#name(says('word-argument'));
    while (this.#isSymbol('.')) {
      this.#lexer.next();
      path += `.${this.#name(says('word-element'))}`;
    }
    if (this.#isSymbol('(')) this.#fail(this.#lexer.peek().position, says('function-here'));
    return this.#at(token.position, { valueId: path });
  }

  #literal(): Partial<Record<'valueString' | 'valueBoolean' | 'valueInteger' | 'valueDecimal', unknown>> | undefined {
    const token = this.#lexer.peek();
    if (token.kind === 'string' || token.kind === 'url') return { valueString: this.#lexer.next().text };
    if (token.kind === 'name' && (token.text === 'true' || token.text === 'false')) {
      return { valueBoolean: this.#lexer.next().text === 'true' };
    }
    let sign = 1;
    if (this.#isSymbol('-')) {
      this.#lexer.next();
      sign = -1;
    }
    const number = this.#lexer.peek();
    if (number.kind === 'number') {
      this.#lexer.next();
      const value = sign * Number(number.text);
      return number.text.includes('.') ? { valueDecimal: value } : { valueInteger: value };
    }
    if (sign < 0) this.#fail(number.position, says('expected-number'));
    return undefined;
  }

  #dependent(): StructureMapGroupRuleDependent {
    const start = this.#lexer.peek().position;
    const name = this.#name(says('word-a-group'));
    const variable: string[] = [];
    this.#symbol('(');
    while (!this.#isSymbol(')')) {
      if (variable.length > 0) this.#symbol(',');
      const token = this.#lexer.peek();
      const literal = this.#literal();
      if (literal === undefined) {
        variable.push(this.#name(says('word-argument')));
        if (this.#isSymbol('.')) this.#fail(token.position, says('argument-path'));
      } else if (literal.valueString !== undefined) variable.push(quoteArgument(literal.valueString as string));
      else variable.push(String(Object.values(literal)[0]));
    }
    this.#symbol(')');
    return this.#at(start, { name, variable });
  }

  #expression(node: object, part: 'condition' | 'check', what: string): string {
    const { text, position } = this.#lexer.parenthesised(what);
    this.#positions.set(node, position, part);
    return text;
  }

  #elementPath(node: object): string | undefined {
    let path: string | undefined;
    while (this.#isSymbol('.')) {
      this.#lexer.next();
      if (path === undefined) this.#positions.set(node, this.#lexer.peek().position, 'element');
      const name = this.#name(says('word-element'));
      path = path === undefined ? name : `${path}.${name}`;
    }
    return path;
  }

  #integer(token: Token): number {
    if (token.kind !== 'number' || token.text.includes('.'))
      this.#fail(token.position, says('expected-integer', { found: describe(token) }));
    return Number(token.text);
  }

  #at<T extends object>(position: Position, node: T): T {
    this.#positions.set(node, position);
    return node;
  }

  #fail(position: Position, problem: Problem): never {
    return this.#lexer.fail(position, problem);
  }

  #is(keyword: string): boolean {
    const token = this.#lexer.peek();
    return token.kind === 'name' && token.text === keyword;
  }

  #isSymbol(symbol: string): boolean {
    const token = this.#lexer.peek();
    return token.kind === 'symbol' && token.text === symbol;
  }

  #keyword(word: string): void {
    const token = this.#lexer.next();
    if (token.kind !== 'name' || token.text !== word)
      this.#fail(token.position, says('expected-word', { wanted: word, found: describe(token) }));
  }

  #symbol(symbol: string): void {
    const token = this.#lexer.next();
    if (token.kind !== 'symbol' || token.text !== symbol)
      this.#fail(token.position, says('expected-word', { wanted: symbol, found: describe(token) }));
  }

  #skipSemicolon(): void {
    if (this.#isSymbol(';')) this.#lexer.next();
  }

  #name(what: Bilingual): string {
    const token = this.#lexer.next();
    if (token.kind !== 'name') this.#fail(token.position, says('expected-name', { what, found: describe(token) }));
    return token.text;
  }

  #quoted(what: Bilingual): string {
    const token = this.#lexer.next();
    if (token.kind !== 'url' && token.kind !== 'string')
      this.#fail(token.position, says('expected-quoted', { what, found: describe(token) }));
    return token.text;
  }
}

/** An expression may stand in quotes, as it does in the resource. */
function expressionIn(text: string): string {
  if (!/^'(?:[^'\\]|\\.)*'$/s.test(text)) return text;
  return text.slice(1, -1).replace(/\\(?:u[0-9a-fA-F]{4}|.)/gs, (pair) => readEscape(pair, 0)?.text ?? pair);
}

/** A text argument of `then Group(…)` as it stands in dependent.variable: quoted and escaped as in FML. */
export function quoteArgument(text: string): string {
  const escaped = text
    .replaceAll('\\', '\\\\')
    .replaceAll("'", "\\'")
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t');
  return `'${escaped}'`;
}

function describe(token: Token): string | Bilingual {
  return token.kind === 'end' ? says('word-end') : `'${token.text}'`;
}
