import type {
  StructureMap,
  StructureMapGroup,
  StructureMapGroupInput,
  StructureMapGroupRule,
  StructureMapGroupRuleDependent,
  StructureMapGroupRuleSource,
  StructureMapGroupRuleTarget,
  StructureMapGroupRuleTargetParameter,
} from '@medplum/fhirtypes';
import { AUTO_VARIABLE, mapError, type Part, type Position, type Positions } from '../fml/index.ts';
import { parseExpression, placeIn } from './expression.ts';
import { type Emitted, ExpressionEmitter, emittedOf, unknownField } from './expression-emitter.ts';
import type { Option } from './fhir-types.ts';
import { ANY, isForbiddenName, type SourceType } from './source-types.ts';
import { ABSTRACT, FORMS, jsonKind, type TargetElement, type TargetTypes } from './target-types.ts';
import {
  asSource,
  property,
  quote,
  type Scope,
  type SourceVariable,
  subfield,
  type TargetVariable,
  typeOfKind,
  type Usage,
  type ValueVariable,
  type Variable,
} from './variables.ts';

/** One map of the set, with the name that messages call it by. */
export interface MapUnit {
  readonly name: string;
  readonly map: StructureMap;
  readonly positions: Positions;
}

/** Type of one argument of a group: what decides which JavaScript function is made for it. */
export type ArgumentType =
  | { readonly mode: 'source'; readonly type: SourceType; readonly present: boolean }
  | { readonly mode: 'target'; readonly type: string };

/** What the emitter asks of the compiler that drives it. */
export interface Linker {
  readonly targets: TargetTypes;
  readonly traced: boolean;
  /** Ids are the map's own to write, and references lead to them; else ids come from roles (see `MapSet`). */
  readonly ownIds: boolean;
  /** The function for a group called with these types; compiled on first demand. */
  group(unit: MapUnit, group: StructureMapGroup, types: readonly ArgumentType[]): GroupFunction;
  /** The group that a name means in a map: its own, or of a map it imports. */
  find(unit: MapUnit, name: string): { unit: MapUnit; group: StructureMapGroup } | { problem: string };
  /** Declared type of a source input; undefined when the map does not declare one. */
  sourceType(unit: MapUnit, input: StructureMapGroupInput): SourceType | undefined;
  targetType(unit: MapUnit, input: StructureMapGroupInput): string | undefined;
  /** The source type that a type filter names; undefined for a name that is no type. */
  typeNamed(unit: MapUnit, name: string): SourceType | undefined;
  /** The default group (`<<types>>`, `<<type+>>`) of a map or its imports for these types. */
  defaultGroup(
    unit: MapUnit,
    source: SourceType,
    isTarget: (type: string) => boolean,
  ): { unit: MapUnit; group: StructureMapGroup; target: string } | { problem: string } | undefined;
  /** Name of the constant that holds a concept map's table, or a problem. */
  table(unit: MapUnit, url: string): { name: string } | { problem: string };
  constant(js: string): string;
  /** Number of a place where a rule writes; the traced variant tells it with each value. */
  site(site: Site): number;
}

/** A rule of a map, and the element it writes. */
export interface Site {
  /** Name of the map: its file. */
  readonly map: string;
  /** From 1; 0 for a map that is not made from text, such as that of the catalogue's tables. */
  readonly line: number;
  readonly group: string;
  readonly rule: string;
  /** Type that owns the element, as the element table names it: `Encounter`, `Encounter.participant`, `Quantity`. */
  readonly type: string;
  /** Name in JSON: `valueQuantity`. */
  readonly element: string;
  /** False where only the object is made, which other rules fill. */
  readonly value: boolean;
}

export interface GroupCall {
  readonly callee: GroupFunction;
  readonly inputs: readonly (Usage | undefined)[];
  /** It happens always, or whenever it happened to the caller: with nothing but the caller's own sources. Such calls in a circle never end. */
  readonly isStuck: boolean;
  readonly map: string;
  readonly position: Position;
}

/** What a compiled group reads of its inputs, and where it passes them on. */
export interface GroupFunction {
  readonly name: string;
  readonly reads: Usage[];
  readonly calls: GroupCall[];
  /** Numbers of the sites where it writes; empty in the fast variant. */
  readonly sites: Set<number>;
}

/** A value about to be written. */
interface Value {
  readonly js: string;
  readonly kind: 'string' | 'integer' | 'number' | 'boolean' | 'any';
  readonly clean: boolean;
  readonly present: boolean;
  readonly field: string;
  readonly literal?: string | number | boolean;
  /** Primitive type of FHIR that the value has in its source. */
  readonly fhir?: string;
}

/** An element about to be written: the object and the name of its element. */
interface Place {
  readonly owner: TargetVariable;
  readonly last: string;
}

/** A complex value that a transform builds from parts. */
interface Parts {
  readonly type: string;
  /** JavaScript of the object when all optional parts are there; made by `build`. */
  readonly required: readonly Value[];
  build(): string;
  readonly field: string;
}

const READERS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'number',
  integer: 'integer',
  boolean: 'boolean',
  object: 'object',
  any: 'any',
};
const LIST_MODES: Readonly<Record<string, string>> = {
  first: '.slice(0, 1)',
  last: '.slice(-1)',
  not_first: '.slice(1)',
  not_last: '.slice(0, -1)',
};
const REFUSED_TRANSFORMS: Readonly<Record<string, string>> = { dateOp: 'is not covered: the specification does not say what it does' };
/** What gives another result each time, or a reference to an id that the map wrote, has no place where ids come from roles. */
const OF_OWN_IDS: Readonly<Record<string, string>> = {
  uuid: 'ids come from roles: write role:… into entry.fullUrl and into references',
  pointer: "is not covered: refer to the role with 'role:…'",
};
/** Kinds of escaping that R4's `escape` names. */
const ESCAPINGS = ['plain', 'java', 'xml', 'json'];
/** Primitives that are special cases of another, https://hl7.org/fhir/R4/datatypes.html. */
const SPECIAL: Readonly<Record<string, string>> = {
  code: 'string',
  id: 'string',
  markdown: 'string',
  url: 'uri',
  canonical: 'uri',
  oid: 'uri',
  uuid: 'uri',
  positiveInt: 'integer',
  unsignedInt: 'integer',
};
const RESERVED = new Set(
  (
    'break case catch class const continue debugger default delete do else enum export extends false finally for function if implements import in ' +
    'instanceof interface let new null package private protected public return static super switch this throw true try typeof var void while with ' +
    'yield await arguments eval undefined NaN Infinity Object Array Number String JSON Map Set RegExp it order part'
  ).split(' '),
);

/** Writes one group as one JavaScript function. */
export class GroupEmitter {
  readonly #unit: MapUnit;
  readonly #group: StructureMapGroup;
  readonly #linker: Linker;
  readonly #self: GroupFunction;
  readonly #lines: string[] = [];
  readonly #names: Set<string>;
  /** The inputs as they came. */
  #inputs: Scope = new Map();
  #indent = 1;
  #depth = 0;
  #rule = '';
  #ruleLine = 0;
  #ruleField = '""';
  /** Map that counts, for each object written to, what the rule has put into its list; while the rule has a list mode. */
  #counts: string | undefined;

  constructor(unit: MapUnit, group: StructureMapGroup, linker: Linker, self: GroupFunction, reserved: Iterable<string>) {
    this.#unit = unit;
    this.#group = group;
    this.#linker = linker;
    this.#self = self;
    this.#names = new Set([...RESERVED, ...reserved]);
  }

  emit(types: readonly ArgumentType[]): string {
    const { group } = this;
    const scope = new Map<string, Variable>();
    const parameters: string[] = [];
    group.input.forEach((input, i) => {
      const type = types[i] as ArgumentType;
      if (scope.has(input.name)) this.#fail(input, `the input '${input.name}' is named twice`);
      if (input.name === 'true' || input.name === 'false') this.#fail(input, `an input cannot be named '${input.name}'`);
      const js = this.#fresh(input.name);
      parameters.push(js);
      if (type.mode === 'target') {
        scope.set(input.name, { kind: 'target', js, type: type.type, depth: -1, sure: true });
        return;
      }
      let field = '""';
      if (this.#linker.traced) {
        field = this.#fresh(`${input.name}_at`);
        parameters.push(field);
      }
      scope.set(input.name, { kind: 'source', js, type: type.type, present: type.present, field, usage: { input: i, path: [] } });
    });
    this.#inputs = new Map(scope);
    if (group.extends !== undefined) this.#emitExtended(group.extends, scope);
    for (const rule of group.rule) this.#emitRule(rule, scope);
    return [`function ${this.#self.name}(${parameters.join(', ')}) {`, ...this.#lines, '}'].join('\n');
  }

  get group(): StructureMapGroup {
    return this.#group;
  }

  // ---- writing

  #line(text: string): void {
    this.#lines.push('  '.repeat(this.#indent) + text);
  }

  #open(text: string, conditional: boolean): void {
    this.#line(text);
    this.#indent++;
    if (conditional) this.#depth++;
  }

  #close(conditional: boolean): void {
    this.#indent--;
    if (conditional) this.#depth--;
    this.#line('}');
  }

  #fresh(name: string): string {
    const base = name.replace(/[^A-Za-z0-9_]/g, '_').replace(/^(?=\d)/, '_');
    let candidate = base;
    for (let i = 2; this.#names.has(candidate); i++) candidate = `${base}_${i}`;
    this.#names.add(candidate);
    return candidate;
  }

  #fail(node: object, problem: string, part: Part = 'node'): never {
    const position = this.#unit.positions.of(node, part);
    throw mapError(
      this.#unit.name,
      position,
      position.line > 0 ? problem : `group '${this.#group.name}', rule '${this.#rule}': ${problem}`,
    );
  }

  #expression(text: string, position: Position, scope: Scope, self: SourceVariable | undefined) {
    const { name } = this.#unit;
    const tree = parseExpression(text, name, position);
    const where = position.line > 0 ? '' : `group '${this.#group.name}', rule '${this.#rule}': `;
    const emitter = new ExpressionEmitter({
      scope,
      ...(self !== undefined && { self }),
      fail: (at, problem) => {
        throw mapError(name, placeIn(text, position, at), where + problem);
      },
      use: (usage) => this.#use(usage),
      constant: (js) => this.#linker.constant(js),
    });
    return { tree, emitter };
  }

  #use(usage: Usage | undefined): void {
    if (usage !== undefined && usage.path.length > 0) this.#self.reads.push(usage);
  }

  /** `, "field"` for a reader in the traced variant; the fast one reports no places, because it is run again to find them. */
  #at(field: string): string {
    return this.#linker.traced ? `, ${field}` : '';
  }

  // ---- rules

  /** R4 StructureMap.group.extends: the rules of the other group first, for inputs of the same name. */
  #emitExtended(name: string, scope: Scope): void {
    const found = this.#linker.find(this.#unit, name);
    if ('problem' in found) this.#fail(this.#group, found.problem);
    const seen = new Set([this.#group]);
    for (let next: typeof found | { problem: string } = found; !('problem' in next); ) {
      if (seen.has(next.group)) this.#fail(this.#group, `'${name}' extends itself`);
      seen.add(next.group);
      if (next.group.extends === undefined) break;
      next = this.#linker.find(next.unit, next.group.extends);
    }
    const missing = found.group.input.find((input) => this.#group.input.find((own) => own.name === input.name)?.mode !== input.mode);
    if (missing !== undefined) this.#fail(this.#group, `'${name}' has the ${missing.mode} '${missing.name}', this group does not`);
    this.#call(
      this.#group,
      found.unit,
      found.group,
      found.group.input.map((input) => input.name),
      scope,
    );
  }

  #emitRule(rule: StructureMapGroupRule, outer: Scope): void {
    const before = { rule: this.#rule, line: this.#ruleLine, field: this.#ruleField, shared: this.#counts };
    const position = this.#unit.positions.of(rule);
    this.#rule = rule.name;
    this.#ruleLine = position.line;
    this.#counts = undefined;
    this.#line(`// ${oneLine(rule.name)}${position.line > 0 ? ` (${oneLine(this.#unit.name)}:${position.line})` : ''}`);
    if (rule.source.length === 0) this.#fail(rule, 'the rule has no source');
    if (rule.target?.some((target) => target.listMode?.[0] === 'share' || target.listMode?.[0] === 'first')) {
      this.#counts = this.#fresh('counts');
      this.#line(`const ${this.#counts} = new Map();`);
    }
    this.#emitSources(rule, 0, new Map(outer));
    this.#rule = before.rule;
    this.#ruleLine = before.line;
    this.#ruleField = before.field;
    this.#counts = before.shared;
  }

  /** The sources from the one at `at` on, and inside of them what the rule makes. */
  #emitSources(rule: StructureMapGroupRule, at: number, scope: Map<string, Variable>): void {
    const source = rule.source[at];
    if (source === undefined) {
      this.#emitBody(rule, scope);
      return;
    }
    const options = this.#options(source, scope);
    if (options === undefined) {
      this.#emitSourceAnd(source, undefined, rule, at, scope);
      return;
    }
    // The rule once for each type that the element may have; a type with which it makes no sense is reported when it comes.
    let first: unknown;
    const refused: Option[] = [];
    for (const option of options) {
      const problem = this.#attempt(() => this.#emitSourceAnd(source, option, rule, at, new Map(scope)));
      if (problem === undefined) continue;
      first ??= problem;
      refused.push(option);
    }
    if (refused.length === options.length) throw first;
    const fitting = options.filter((option) => !refused.includes(option)).map(({ code }) => code);
    for (const option of refused) {
      const closers: boolean[] = [];
      const expected = quote(fitting.length > 5 ? `${fitting.slice(0, 5).join(' | ')} | …` : fitting.join(' | '));
      this.#emitSource({ context: source.context, element: source.element as string }, scope, closers, option, source, (field) =>
        this.#line(`mistyped(${this.#linker.traced ? field : '""'}, ${expected});`),
      );
      for (const conditional of closers.reverse()) this.#close(conditional);
    }
  }

  #emitSourceAnd(
    source: StructureMapGroupRuleSource,
    option: Option | undefined,
    rule: StructureMapGroupRule,
    at: number,
    scope: Map<string, Variable>,
  ): void {
    const closers: boolean[] = [];
    this.#emitSource(source, scope, closers, option);
    this.#emitSources(rule, at + 1, scope);
    for (const conditional of closers.reverse()) this.#close(conditional);
  }

  /** Runs what may fail to compile and takes its lines back if it does. */
  #attempt(emit: () => void): unknown {
    const lines = this.#lines.length;
    const { reads, calls, sites } = this.#self;
    const before = { reads: reads.length, calls: calls.length, sites: new Set(sites), indent: this.#indent, depth: this.#depth };
    const rule = { name: this.#rule, line: this.#ruleLine, field: this.#ruleField, counts: this.#counts };
    try {
      emit();
      return undefined;
    } catch (problem) {
      this.#lines.length = lines;
      reads.length = before.reads;
      calls.length = before.calls;
      for (const site of sites) if (!before.sites.has(site)) sites.delete(site);
      this.#indent = before.indent;
      this.#depth = before.depth;
      this.#rule = rule.name;
      this.#ruleLine = rule.line;
      this.#ruleField = rule.field;
      this.#counts = rule.counts;
      return problem;
    }
  }

  #emitBody(rule: StructureMapGroupRule, scope: Map<string, Variable>): void {
    // A rule without a condition of its own still gets a block: names end with it.
    const isBlock = (rule.target ?? []).some((t) => t.variable !== undefined);
    if (isBlock) this.#open('{', false);
    const created: (() => void)[] = [];
    if (!this.#emitSimple(rule, scope, created)) for (const target of rule.target ?? []) this.#emitTarget(target, scope, created);
    for (const dependent of rule.dependent ?? []) this.#emitDependent(dependent, scope);
    for (const nested of rule.rule ?? []) this.#emitRule(nested, scope);
    for (const finish of created.reverse()) finish();
    if (isBlock) this.#close(false);
  }

  /** The types between which a source element is a choice, where no filter says which is meant. */
  #options(source: StructureMapGroupRuleSource, scope: Scope): readonly Option[] | undefined {
    const variable = source.element === undefined || source.type !== undefined ? undefined : scope.get(source.context);
    if (variable === undefined || variable.kind === 'target') return undefined;
    let { type } = asSource(variable);
    for (const name of (source.element as string).split('.')) {
      if (type.kind === 'list') type = type.items;
      if (type.kind !== 'object' || isForbiddenName(name)) return undefined;
      type = type.field(name) ?? ANY;
    }
    return type.kind === 'choice' ? type.options() : undefined;
  }

  #sourceVariable(name: string, scope: Scope, node: object): SourceVariable {
    const variable = scope.get(name);
    if (variable === undefined) this.#fail(node, `there is no variable '${name}' here`);
    if (variable.kind === 'target') this.#fail(node, `'${name}' belongs to the target: a source cannot read it`);
    return asSource(variable);
  }

  #emitSource(
    source: StructureMapGroupRuleSource,
    scope: Map<string, Variable>,
    closers: boolean[],
    option?: Option,
    placed: object = source,
    then?: (field: string) => void,
  ): void {
    if (source.variable === 'true' || source.variable === 'false') this.#fail(source, `a variable cannot be named '${source.variable}'`);
    if (source.logMessage !== undefined) this.#fail(source, "'log' is not covered: a map is pure");
    const base = this.#sourceVariable(source.context, scope, source);
    const defaultValue = defaultOf(source);
    if (source.element === undefined) {
      if (defaultValue !== undefined) this.#fail(source, 'a default needs an element');
      if (bounded(source)) this.#fail(source, 'a cardinality needs an element');
      if (source.listMode !== undefined) this.#fail(source, 'a list mode needs an element', 'listMode');
      const filter = source.type === undefined ? undefined : this.#filter(base, source.type, source);
      const item = { ...base, present: true, ...(filter && { type: filter.type }) };
      const tests = [...(base.present ? [] : [`${base.js} !== undefined`]), ...(filter?.test === undefined ? [] : [filter.test(base.js)])];
      this.#conditional(tests, source, item, scope, closers);
      // A constant is explained by the value for whose sake it is written; an object, such as the record, says too little.
      if (this.#linker.traced && base.type.kind !== 'object') this.#ruleField = base.field;
      if (source.variable !== undefined) scope.set(source.variable, item);
      else if (!base.present || filter !== undefined) scope.set(source.context, item);
      return;
    }
    let owner = base;
    if (!base.present) {
      this.#open(`if (${base.js} !== undefined) {`, true);
      closers.push(true);
      owner = { ...base, present: true };
    }
    const steps = source.element.split('.');
    steps.forEach((name, i) => {
      const isLast = i === steps.length - 1;
      const raw = this.#step(owner, name, placed);
      if (!isLast) {
        if (raw.type.kind === 'choice') this.#fail(placed, `'${name}' is a choice: bind it with a type filter first`, 'element');
        owner = this.#intermediate(raw, name, closers);
        return;
      }
      this.#final(this.#chosen(raw, source, option, placed), source, defaultValue, scope, closers);
      then?.(raw.field);
    });
  }

  /** A choice element under the name of its type. */
  #chosen(raw: SourceVariable, source: StructureMapGroupRuleSource, option: Option | undefined, placed: object): SourceVariable {
    if (raw.type.kind !== 'choice') return raw;
    const chosen = option ?? raw.type.options().find(({ code }) => code === source.type);
    if (chosen === undefined) this.#fail(placed, `${raw.type.name} is never a ${source.type}`);
    return { ...raw, js: raw.js + chosen.name, type: chosen.type };
  }

  /** What a type filter leaves: its type, and the test that tells when the type is not known before. */
  #filter(raw: SourceVariable, name: string, node: object): { type: SourceType; test?: (js: string) => string } {
    const wanted = this.#linker.typeNamed(this.#unit, name);
    const own = raw.type.kind === 'list' ? raw.type.items : raw.type;
    if (own.kind === 'any') {
      if (wanted === undefined) this.#fail(node, `there is no type '${name}'`);
      if (wanted.kind === 'any') return { type: wanted };
      const test = (js: string) =>
        `isOf(${js}, ${quote(wanted.kind)}${wanted.kind === 'object' && this.#linker.targets.isResource(name) ? `, ${quote(name)}` : ''})`;
      return { type: wanted, test };
    }
    const isSame = own === wanted || ((own.kind === 'object' || wanted === undefined) && ABSTRACT.has(name));
    const isPrimitive = wanted !== undefined && wanted.kind !== 'object' && own.kind === wanted.kind && isKindOf(own, name);
    if (isSame || isPrimitive) return { type: own };
    return this.#fail(node, `${own.kind === 'object' && own.name !== '' ? own.name : `a ${own.kind}`} is never a ${name}`);
  }

  /** One field of a source value, unread: its JavaScript is the raw value. */
  #step(owner: SourceVariable, name: string, source: object): SourceVariable {
    if (isForbiddenName(name)) this.#fail(source, `'${name}' cannot be the name of a field`, 'element');
    let type: SourceType = ANY;
    let js: string;
    if (owner.type.kind === 'object') {
      const found = owner.type.field(name);
      if (found === undefined) this.#fail(source, unknownField(owner.type, name), 'element');
      type = found;
      js = type.kind === 'choice' ? `${owner.js}${owner.present ? '' : '?'}.` : property(owner.js, name, !owner.present);
    } else if (owner.type.kind === 'any') js = property(`fields(${owner.js})`, name, true);
    else this.#fail(source, `a ${owner.type.kind} has no field '${name}'`, 'element');
    return {
      kind: 'source',
      js,
      type,
      present: false,
      field: this.#linker.traced ? subfield(owner.field, name) : '""',
      ...(owner.usage !== undefined && { usage: { input: owner.usage.input, path: [...owner.usage.path, name] } }),
    };
  }

  #intermediate(raw: SourceVariable, name: string, closers: boolean[]): SourceVariable {
    if (raw.type.kind === 'object') return { ...raw, js: `object(${raw.js}${this.#at(raw.field)})` };
    const items = raw.type.kind === 'list' ? raw.type.items : raw.type;
    const item = this.#loop(raw, name, closers);
    const js = this.#fresh(name);
    this.#line(`const ${js} = object(${item.js}${this.#at(item.field)});`);
    this.#open(`if (${js} !== undefined) {`, true);
    closers.push(true);
    return { ...item, js, type: items, present: true };
  }

  /** Opens a loop over a list, or over a value that may be one. */
  #loop(raw: SourceVariable, name: string, closers: boolean[]): SourceVariable {
    const js = this.#fresh(`${name}_item`);
    closers.push(true);
    if (!this.#linker.traced) {
      this.#open(`for (const ${js} of list(${raw.js})) {`, true);
      return { ...raw, js };
    }
    const field = this.#fresh(`${name}_at`);
    this.#open(`for (const [${js}, ${field}] of entries(${raw.js}, ${raw.field})) {`, true);
    return { ...raw, js, field };
  }

  #final(
    raw: SourceVariable,
    source: StructureMapGroupRuleSource,
    fallback: Value | undefined,
    scope: Map<string, Variable>,
    closers: boolean[],
  ): void {
    this.#use(raw.usage);
    const many = raw.type.kind === 'list' || raw.type.kind === 'any';
    const listed = raw.type.kind === 'list' ? raw.type.items : raw.type;
    const filter = source.type === undefined || listed.kind === 'choice' ? undefined : this.#filter(raw, source.type, source);
    // A value of another type than the filter's is no mistake, so it is read as what it may be.
    const itemType = filter?.test === undefined ? listed : ANY;
    if (itemType.kind === 'list') this.#fail(source, 'a list of lists is not covered', 'element');
    const reader = READERS[itemType.kind] as string;
    if (fallback !== undefined && itemType.kind !== 'any' && !accepts(itemType.kind, fallback.kind)) {
      this.#fail(source, `the default is a ${fallback.kind}, the field a ${itemType.kind}`);
    }
    const name = source.variable ?? (source.element as string).split('.').at(-1) ?? 'item';
    const js = this.#fresh(name);
    const item: SourceVariable = { ...raw, js, type: filter?.type ?? itemType, present: true };
    const orDefault = fallback === undefined ? '' : ` ?? ${fallback.js}`;
    if (!many) {
      if (source.listMode === 'not_first' || source.listMode === 'not_last') {
        this.#fail(source, `'${source.listMode}' of a single value is never there`, 'listMode');
      }
      let read = `${reader}(${raw.js}${this.#at(raw.field)})`;
      if (bounded(source)) {
        const given = this.#fresh(`${name}_given`);
        this.#line(`const ${given} = ${read};`);
        this.#cardinality(`(${given} === undefined ? 0 : 1)`, source, raw.field, closers);
        read = given;
      }
      this.#line(`const ${js} = ${read}${orDefault};`);
      this.#conditional(fallback === undefined ? [`${js} !== undefined`] : [], source, item, scope, closers);
    } else if (source.listMode === undefined && fallback === undefined && !bounded(source)) {
      const element = this.#loop(raw, name, closers);
      this.#line(`const ${js} = ${reader}(${element.js}${this.#at(element.field)});`);
      const bound = { ...item, field: element.field };
      this.#conditional([filter?.test?.(js) ?? `${js} !== undefined`], source, bound, scope, closers);
      this.#bind(source, bound, scope);
      return;
    } else {
      // R4 and HL7's implementation: default, then where and check on every item, then the list mode over what is left.
      const items = this.#fresh(`${name}_items`);
      this.#line(`let ${items} = values(${raw.js}, ${reader}, ${raw.field});`);
      if (bounded(source)) this.#cardinality(`${items}.length`, source, raw.field, closers);
      if (fallback !== undefined) this.#line(`if (${items}.length === 0) ${items} = [${fallback.js}];`);
      if (filter?.test !== undefined) this.#line(`${items} = ${items}.filter((it) => ${filter.test('it')});`);
      let { condition, check } = source;
      if (source.listMode !== undefined) {
        if (condition !== undefined) {
          const { tree, emitter } = this.#expression(condition, this.#unit.positions.of(source, 'condition'), scope, { ...item, js: 'it' });
          this.#line(`${items} = ${items}.filter((it) => ${emitter.test(tree)});`);
          condition = undefined;
        }
        if (check !== undefined) {
          // Of every item, also of those that the list mode leaves out.
          const { tree, emitter } = this.#expression(check, this.#unit.positions.of(source, 'check'), scope, { ...item, js: 'it' });
          this.#line(
            `if (!${items}.every((it) => ${emitter.test(tree)})) checkFailed(${this.#linker.traced ? raw.field : '""'}, ${quote(this.#ruleName())});`,
          );
          this.#open('else {', true);
          closers.push(true);
          check = undefined;
        }
        if (source.listMode === 'only_one') this.#line(`${items} = onlyOne(${items}, ${raw.field});`);
        else this.#line(`${items} = ${items}${LIST_MODES[source.listMode]};`);
      }
      this.#open(`for (const ${js} of ${items}) {`, true);
      closers.push(true);
      const { condition: _, check: __, ...rest } = source;
      const left = { ...rest, ...(condition !== undefined && { condition }), ...(check !== undefined && { check }) };
      this.#conditional([], left, item, scope, closers, source);
    }
    this.#bind(source, item, scope);
  }

  /**
   * An implicit check on what the source has, before default and where (R4 StructureMap, group.rule.source.min): the rule is not carried
   * out where there are fewer or more.
   */
  #cardinality(count: string, { min = 0, max = '*' }: StructureMapGroupRuleSource, field: string, closers: boolean[]): void {
    const within = [...(min > 0 ? [`${count} >= ${min}`] : []), ...(max === '*' ? [] : [`${count} <= ${max}`])].join(' && ') || 'true';
    this.#line(`if (!(${within})) checkFailed(${this.#linker.traced ? field : '""'}, ${quote(this.#ruleName())});`);
    this.#open('else {', true);
    closers.push(true);
  }

  #bind(source: StructureMapGroupRuleSource, item: SourceVariable, scope: Map<string, Variable>): void {
    if (this.#linker.traced) this.#ruleField = item.field;
    if (source.variable !== undefined) scope.set(source.variable, item);
  }

  /** `if (present && where)`, then `check`. */
  #conditional(
    conditions: readonly string[],
    source: StructureMapGroupRuleSource,
    item: SourceVariable,
    scope: Scope,
    closers: boolean[],
    placed: object = source,
  ): void {
    const all = [...conditions];
    if (source.condition !== undefined) {
      const { tree, emitter } = this.#expression(source.condition, this.#unit.positions.of(placed, 'condition'), scope, item);
      all.push(emitter.test(tree));
    }
    if (all.length > 0) {
      this.#open(`if (${all.join(' && ')}) {`, true);
      closers.push(true);
    }
    if (source.check === undefined) return;
    const { tree, emitter } = this.#expression(source.check, this.#unit.positions.of(placed, 'check'), scope, item);
    this.#line(`if (!(${emitter.test(tree)})) checkFailed(${this.#linker.traced ? item.field : '""'}, ${quote(this.#ruleName())});`);
    this.#open('else {', true);
    closers.push(true);
  }

  #ruleName(): string {
    return `${this.#unit.name}#${this.#group.name}/${this.#rule}`;
  }

  /**
   * `src.a -> tgt.b`: the default group for the two types, else a copy, of a primitive or of an object of the same type of FHIR
   * (R4 mapping language, "Default Mapping Groups").
   */
  #emitSimple(rule: StructureMapGroupRule, scope: Scope, created: (() => void)[]): boolean {
    const [target] = rule.target ?? [];
    const isSimple =
      target !== undefined &&
      rule.target?.length === 1 &&
      target.variable === AUTO_VARIABLE &&
      target.transform === 'create' &&
      (target.parameter ?? []).length === 0 &&
      rule.source[0]?.variable === AUTO_VARIABLE;
    if (!isSimple) return false;
    const source = scope.get(AUTO_VARIABLE) as SourceVariable;
    const place = this.#owner(target, scope, []);
    const plain = this.#linker.targets.element(place.owner.type, place.last);
    const types = new Set(plain?.ref === undefined ? plain?.types.map(({ code }) => code) : [plain.ref]);
    const isTarget = (type: string) => types.has(type) || (types.has('Resource') && this.#linker.targets.isResource(type));
    const found = this.#linker.defaultGroup(this.#unit, source.type, isTarget);
    if (found !== undefined && 'problem' in found) this.#fail(target, found.problem);
    if (found !== undefined) {
      const made = this.#make(place, target, plain?.ref === undefined ? found.target : undefined, 'made', created);
      const call = new Map<string, Variable>([
        ['source', source],
        ['target', made],
      ]);
      this.#call(target, found.unit, found.group, ['source', 'target'], call);
    } else if (source.type.kind === 'object') this.#writeCopy(place, target, source, scope, created);
    else this.#writeValue(place, target, this.#valueOf(emittedOf(source)), undefined, scope);
    return true;
  }

  /** An object of FHIR, whole. */
  #writeCopy(
    place: Place,
    target: StructureMapGroupRuleTarget,
    source: SourceVariable,
    scope: Scope | Map<string, Variable>,
    created: (() => void)[],
  ): void {
    const fhir = source.type.kind === 'object' ? source.type.fhir : undefined;
    if (fhir === undefined) this.#fail(target, 'an object is not copied as a whole: name what becomes of its fields with then { … }');
    const { owner, last } = place;
    const ref = this.#linker.targets.element(owner.type, last)?.ref;
    const element = this.#resolve(owner, last, ref === undefined ? fhir : undefined, target);
    if (element.type !== fhir) this.#fail(target, `a ${fhir} is no ${element.type}: name a group for the two with <<types>>`);
    this.#use(source.usage);
    const made = this.#put(place, target, element, `copyOf(${source.js})`, target.variable ?? last, created);
    made.sure = true;
    if (owner.depth === this.#depth) owner.sure = true;
    this.#wrote(owner, element.name, element.array, source.field);
    if (target.variable !== undefined && target.variable !== AUTO_VARIABLE) (scope as Map<string, Variable>).set(target.variable, made);
  }

  // ---- targets

  #targetVariable(name: string, scope: Scope, node: object): TargetVariable {
    const variable = scope.get(name);
    if (variable === undefined) this.#fail(node, `there is no variable '${name}' here`);
    if (variable.kind !== 'target') this.#fail(node, `'${name}' is not an object of the target`);
    return variable;
  }

  /** The object that the last element of `tgt.a.b` belongs to; those between are made when they are missing. */
  #owner(target: StructureMapGroupRuleTarget, scope: Scope, created: (() => void)[]): Place {
    let owner = this.#targetVariable(target.context ?? '', scope, target);
    const steps = (target.element ?? '').split('.');
    for (const name of steps.slice(0, -1)) {
      const element = this.#resolve(owner, name, undefined, target);
      if (element.array)
        this.#fail(target, `'${name}' repeats: make one with '${target.context}.${name} as variable' and write into it`, 'element');
      owner = this.#getOrCreate(owner, element, name, created);
    }
    return { owner, last: steps.at(-1) as string };
  }

  #resolve(owner: TargetVariable, name: string, wanted: string | ((code: string) => boolean) | undefined, node: object): TargetElement {
    const resolved = this.#linker.targets.resolve(owner.type, name, wanted);
    if ('problem' in resolved) this.#fail(node, resolved.problem, 'element');
    if (name === 'id' && !this.#linker.ownIds && this.#linker.targets.isResource(owner.type)) {
      this.#fail(node, 'ids come from roles: write role:… into entry.fullUrl', 'element');
    }
    if (name === 'resourceType') this.#fail(node, 'the type of a resource is given by create(…)', 'element');
    return resolved;
  }

  #getOrCreate(owner: TargetVariable, element: TargetElement, name: string, created: (() => void)[]): TargetVariable {
    const js = this.#fresh(name);
    this.#line(`const ${js} = (${property(owner.js, element.name)} ??= {});`);
    this.#attach(owner, element, js);
    const made: TargetVariable = { kind: 'target', js, type: element.type, depth: this.#depth, sure: false };
    created.push(() => this.#finish(owner, element, made));
    return made;
  }

  /** At the end of the rule that made an object: without content it is taken out again. */
  #finish(owner: TargetVariable, element: TargetElement, made: TargetVariable): void {
    if (made.sure) {
      if (owner.depth === made.depth) owner.sure = true;
      return;
    }
    if (element.array) this.#line(`if (isEmpty(${made.js})) remove(${owner.js}, ${quote(element.name)}, ${made.js});`);
    else this.#line(`if (isEmpty(${made.js})) delete ${property(owner.js, element.name)};`);
  }

  #attach(parent: TargetVariable, element: TargetElement, child: string): void {
    if (!this.#linker.traced) return;
    this.#site(parent.type, element.name, false);
    this.#line(`attach(${parent.js}, ${quote(element.name)}, ${child}, ${element.array});`);
  }

  #emitTarget(target: StructureMapGroupRuleTarget, scope: Map<string, Variable>, created: (() => void)[]): void {
    this.#checkListMode(target);
    if (target.variable === 'true' || target.variable === 'false') this.#fail(target, `a variable cannot be named '${target.variable}'`);
    const { transform } = target;
    const refused =
      transform === undefined ? undefined : (REFUSED_TRANSFORMS[transform] ?? (this.#linker.ownIds ? undefined : OF_OWN_IDS[transform]));
    if (refused !== undefined) this.#fail(target, `${transform}(): ${refused}`, 'transform');
    if (target.context === undefined) {
      if (target.variable === undefined) this.#fail(target, 'a target without an element needs a variable (as …)');
      if (transform === 'create') {
        this.#createFree(target, scope);
        return;
      }
      const value = this.#value(target, scope);
      this.#bindValue(target.variable, this.#coerce(value, typeName(value), target), typeName(value), scope);
      return;
    }
    if (target.element === undefined) {
      // `src -> tgt then Group(src, tgt)` names the target without touching it.
      if (transform !== undefined) this.#fail(target, 'a value needs an element to go to');
      const named = this.#targetVariable(target.context, scope, target);
      if (target.variable !== undefined) scope.set(target.variable, named);
      return;
    }
    const place = this.#owner(target, scope, created);
    if (transform === undefined || transform === 'create') this.#create(place, target, scope, created);
    else if (transform === 'reference' || transform === 'pointer') this.#reference(place, target, scope);
    else if (transform === 'copy' && this.#copied(place, target, scope, created)) return;
    else {
      const parts = this.#complex(target, scope);
      const as = this.#castType(target, place);
      if (parts !== undefined) this.#writeComplex(place, target, parts, scope, created);
      else this.#writeValue(place, target, this.#value(target, scope, as), as, scope);
    }
  }

  #checkListMode(target: StructureMapGroupRuleTarget): void {
    const [mode, ...more] = target.listMode ?? [];
    if (mode === undefined) return;
    const fail = (problem: string) => this.#fail(target, problem, 'listMode');
    if (more.length > 0) fail('one list mode, not several');
    if (mode === 'share' && target.listRuleId === undefined) fail("'share' needs the name under which the object is shared");
    const isMade = target.transform === undefined || target.transform === 'create';
    if ((mode === 'share' || mode === 'collate') && !isMade) fail(`'${mode}' is for objects that a rule makes, not for values`);
  }

  /** `create('T') as x`: an object that has no place yet; `tgt.a = x` gives it one. */
  #createFree(target: StructureMapGroupRuleTarget, scope: Map<string, Variable>): void {
    const type = target.parameter?.[0]?.valueString;
    if (type === undefined || !this.#linker.targets.has(type))
      this.#fail(target, "create without an element needs a type in quotes: create('Patient')", 'transform');
    const js = this.#fresh(target.variable as string);
    this.#line(`const ${js} = ${this.#emptyObject(type, false)};`);
    scope.set(target.variable as string, { kind: 'target', js, type, depth: this.#depth, sure: true });
  }

  /** `tgt.a = x` of an object: one of the target itself, one of a FHIR source as a copy. False where x is a value. */
  #copied(place: Place, target: StructureMapGroupRuleTarget, scope: Map<string, Variable>, created: (() => void)[]): boolean {
    const name = target.parameter?.[0]?.valueId;
    const variable = name === undefined ? undefined : scope.get(name);
    if (variable?.kind === 'source' && variable.type.kind === 'object') {
      this.#writeCopy(place, target, variable, scope, created);
      return true;
    }
    if (variable?.kind !== 'target') return false;
    const ref = this.#linker.targets.element(place.owner.type, place.last)?.ref;
    const element = this.#resolve(place.owner, place.last, ref === undefined ? variable.type : undefined, target);
    if (element.type !== variable.type) this.#fail(target, `a ${variable.type} is no ${element.type}`);
    this.#line(this.#assignment(place.owner, element, variable.js, target.listMode?.[0]));
    this.#attach(place.owner, element, variable.js);
    if (place.owner.depth === this.#depth) place.owner.sure = true;
    if (target.variable !== undefined) scope.set(target.variable, variable);
    return true;
  }

  #create({ owner, last }: Place, target: StructureMapGroupRuleTarget, scope: Map<string, Variable>, created: (() => void)[]): void {
    const parameters = target.parameter ?? [];
    let wanted: string | undefined;
    if (parameters.length > 0) {
      wanted = parameters[0]?.valueString;
      if (wanted === undefined || parameters.length > 1)
        this.#fail(target, "create takes one type in quotes: create('Quantity')", 'transform');
    }
    const element = this.#resolve(owner, last, wanted, target);
    if (target.variable === undefined && (wanted === undefined || !this.#linker.targets.isResource(element.type))) {
      this.#fail(target, 'an object without a variable stays empty: write … as variable');
    }
    const mode = target.listMode?.[0];
    const isReused = mode === 'collate' || (wanted === undefined && target.transform === undefined && mode !== 'share');
    if (isReused && !element.array) {
      if (jsonKind(element.type) !== undefined) this.#fail(target, `${owner.type}.${last} is a primitive: assign a value to it`, 'element');
      scope.set(target.variable as string, this.#getOrCreate(owner, element, target.variable as string, created));
      return;
    }
    const made = this.#make({ owner, last }, target, wanted, target.variable ?? last, created);
    if (target.variable !== undefined) scope.set(target.variable, made);
  }

  /** A new object at its place. */
  #make(
    { owner, last }: Place,
    target: StructureMapGroupRuleTarget,
    wanted: string | undefined,
    hint: string,
    created: (() => void)[],
  ): TargetVariable {
    const element = this.#resolve(owner, last, wanted, target);
    if (jsonKind(element.type) !== undefined) this.#fail(target, `${owner.type}.${last} is a primitive: assign a value to it`, 'element');
    return this.#put(
      { owner, last },
      target,
      element,
      this.#emptyObject(element.type, owner.type === 'Bundle.entry' && last === 'resource'),
      hint,
      created,
    );
  }

  #emptyObject(type: string, inEntry: boolean): string {
    if (!this.#linker.targets.isResource(type)) return '{}';
    return `{ resourceType: ${quote(type)}${inEntry && !this.#linker.ownIds ? ', id: ""' : ''} }`;
  }

  /** Puts an object at its place and gives it a name; at the end of the rule it is taken out again if nothing was written into it. */
  #put(
    { owner }: Place,
    target: StructureMapGroupRuleTarget,
    element: TargetElement,
    value: string,
    hint: string,
    created: (() => void)[],
  ): TargetVariable {
    const name = this.#fresh(hint);
    const mode = target.listMode?.[0];
    const at = `${owner.js}, ${quote(element.name)}`;
    if (mode === 'share')
      this.#line(`const ${name} = shared(${at}, ${quote(target.listRuleId ?? '')}, ${this.#counts}, ${element.array}, () => (${value}));`);
    else if (mode === 'collate') this.#line(`const ${name} = collated(${at}, () => (${value}));`);
    else {
      this.#line(`const ${name} = ${value};`);
      this.#line(this.#assignment(owner, element, name, mode));
    }
    this.#attach(owner, element, name);
    const made: TargetVariable = { kind: 'target', js: name, type: element.type, depth: this.#depth, sure: false };
    created.push(() => this.#finish(owner, element, made));
    return made;
  }

  /** The statement that writes a value: lists grow at their end, unless a list mode says otherwise. */
  #assignment(owner: TargetVariable, element: TargetElement, js: string, mode: string | undefined): string {
    if (!element.array) return `${property(owner.js, element.name)} = ${js};`;
    const at = `${owner.js}, ${quote(element.name)}, ${js}`;
    if (mode === 'first') return `first(${at}, ${this.#counts}, ${quote(this.#ruleName())});`;
    if (mode === 'last') return `last(${at}, ${quote(this.#ruleName())});`;
    return `(${property(owner.js, element.name)} ??= []).push(${js});`;
  }

  /** `reference(resource)`, `pointer(resource)`: texts that are known only after all resources have ids. */
  #reference({ owner, last }: Place, target: StructureMapGroupRuleTarget, scope: Scope): void {
    const [parameter, ...more] = target.parameter ?? [];
    if (parameter?.valueId === undefined || more.length > 0)
      this.#fail(target, `${target.transform} takes one resource of the target`, 'transform');
    const resource = this.#targetVariable(parameter.valueId, scope, parameter);
    if (!this.#linker.targets.isResource(resource.type)) this.#fail(parameter, `'${parameter.valueId}' is not a resource`);
    const { transform } = target;
    const element = this.#resolve(owner, last, undefined, target);
    const isText = this.#linker.ownIds
      ? jsonKind(element.type) === 'string' && !element.array
      : owner.type === 'Reference' && last === 'reference';
    if (!isText) this.#fail(target, `${transform}(…) is a text for Reference.reference: make the Reference with … as variable`, 'element');
    if (target.variable !== undefined)
      this.#fail(target, `the text of ${transform}(…) is not known before the map has run: it cannot be a variable`);
    const form = this.#linker.ownIds ? `, ${quote(element.name)}, ${transform === 'pointer'}` : '';
    this.#line(`linkTo(${owner.js}, ${resource.js}${form});`);
    this.#wrote(owner, element.name, false, this.#ruleField);
    if (owner.depth === this.#depth) owner.sure = true;
  }

  #wrote(owner: TargetVariable, name: string, array: boolean, field: string): void {
    if (this.#linker.traced) this.#line(`wrote(${owner.js}, ${quote(name)}, ${field}, ${this.#site(owner.type, name, true)}, ${array});`);
  }

  #site(type: string, element: string, value: boolean): number {
    const site = { map: this.#unit.name, line: this.#ruleLine, group: this.#group.name, rule: this.#rule, type, element, value };
    const number = this.#linker.site(site);
    this.#self.sites.add(number);
    return number;
  }

  #bindValue(variable: string, value: Value, type: string, scope: Map<string, Variable>): ValueVariable {
    const js = this.#fresh(variable);
    this.#line(`const ${js} = ${value.js};`);
    const bound: ValueVariable = { kind: 'value', js, type, present: value.present, field: value.field };
    scope.set(variable, bound);
    return bound;
  }

  #writeValue(
    { owner, last }: Place,
    target: StructureMapGroupRuleTarget,
    value: Value,
    as: string | undefined,
    scope: Scope | Map<string, Variable>,
  ): void {
    const element = this.#elementFor({ owner, last }, target, value, as);
    const written = this.#coerce(value, element.type, target);
    const isLink = !this.#linker.ownIds && owner.type === 'Reference' && element.name === 'reference';
    const assign = (js: string) => (isLink ? `link(${owner.js}, ${js});` : this.#assignment(owner, element, js, target.listMode?.[0]));
    let js = written.js;
    if (target.variable !== undefined && target.variable !== AUTO_VARIABLE) {
      js = this.#bindValue(target.variable, written, element.type, scope as Map<string, Variable>).js;
    } else if (!written.present && !/^\w+$/.test(js)) {
      js = this.#fresh(element.name);
      this.#line(`const ${js} = ${written.js};`);
    }
    if (written.present) {
      this.#line(assign(js));
      if (owner.depth === this.#depth) owner.sure = true;
      this.#wrote(owner, element.name, element.array, written.field);
    } else if (!this.#linker.traced) this.#line(`if (${js} !== undefined) ${assign(js)}`);
    else {
      this.#open(`if (${js} !== undefined) {`, true);
      this.#line(assign(js));
      this.#wrote(owner, element.name, element.array, written.field);
      this.#close(true);
    }
  }

  /** Which element a primitive goes to: for a choice, its type must be plain. */
  #elementFor({ owner, last }: Place, target: StructureMapGroupRuleTarget, value: Value, as: string | undefined): TargetElement {
    const plain = this.#linker.targets.element(owner.type, last);
    if (plain?.choice !== true) {
      const element = this.#resolve(owner, last, undefined, target);
      if (jsonKind(element.type) === undefined) {
        this.#fail(target, `${owner.type}.${last} is a ${element.type}: make it with create, cc, c, qty … and write into it`, 'transform');
      }
      return element;
    }
    if (as !== undefined) return this.#resolve(owner, last, as, target);
    if (value.literal !== undefined) {
      // The literal's own FHIRPath type decides, as in the specification; a text is a string and never a date.
      return this.#resolve(owner, last, value.kind === 'number' ? 'decimal' : value.kind, target);
    }
    const { fhir } = value;
    if (fhir !== undefined && plain.types.some(({ code }) => code === fhir)) return this.#resolve(owner, last, fhir, target);
    return this.#resolve(owner, last, (code) => value.kind !== 'any' && jsonKind(code) === value.kind, target);
  }

  /** Makes a value fit a primitive: refused when compiling if types are known, else guarded. */
  #coerce(value: Value, primitive: string, node: object): Value {
    const wanted = jsonKind(primitive) as Exclude<Value['kind'], 'any'>;
    if (value.kind !== 'any' && !accepts(wanted, value.kind)) {
      const article = (kind: string) => (kind === 'integer' ? 'an integer' : `a ${kind}`);
      this.#fail(node, `${article(value.kind)} does not fit ${primitive}: write cast(…, '${primitive}')`, 'transform');
    }
    if (value.literal !== undefined) {
      const form = FORMS[primitive];
      if (typeof value.literal === 'string' && form !== undefined && !form.test(value.literal)) {
        this.#fail(node, `${quote(value.literal)} is not a ${primitive}`, 'transform');
      }
      const least = primitive === 'positiveInt' ? 1 : primitive === 'unsignedInt' ? 0 : Number.NEGATIVE_INFINITY;
      if (typeof value.literal === 'number' && value.literal < least)
        this.#fail(node, `${value.literal} is not a ${primitive}`, 'transform');
      return value;
    }
    const bounded = primitive === 'positiveInt' ? 'positive' : primitive === 'unsignedInt' ? 'natural' : undefined;
    if (value.clean && value.kind !== 'any' && bounded === undefined) return value;
    return {
      ...value,
      js: `${bounded ?? READERS[wanted]}(${value.js}${this.#at(value.field)})`,
      kind: wanted,
      clean: true,
      present: false,
    };
  }

  // ---- values

  #parameter(parameter: StructureMapGroupRuleTargetParameter, scope: Scope): Value {
    const literal = parameter.valueString ?? parameter.valueInteger ?? parameter.valueDecimal ?? parameter.valueBoolean;
    if (literal !== undefined) {
      if (literal === '') this.#fail(parameter, 'an empty text is no value');
      return literalValue(literal, this.#ruleField);
    }
    if (parameter.valueId === undefined) this.#fail(parameter, 'a parameter is a literal or a variable');
    const [name, ...path] = parameter.valueId.split('.') as [string, ...string[]];
    const variable = scope.get(name);
    if (variable === undefined) this.#fail(parameter, `there is no variable '${name}' here`);
    if (variable.kind === 'target') this.#fail(parameter, `'${name}' belongs to the target and cannot be read`);
    let emitted = emittedOf(asSource(variable));
    const position = this.#unit.positions.of(parameter);
    if (path.length > 0) {
      const { tree, emitter } = this.#expression(`%${parameter.valueId}`, { ...position, column: position.column - 1 }, scope, undefined);
      emitted = emitter.value(tree);
      if (emitted.type.kind === 'list') this.#fail(parameter, `'${parameter.valueId}' repeats: iterate over it in the source of a rule`);
    }
    if (emitted.type.kind === 'object') this.#fail(parameter, `'${parameter.valueId}' is an object, not a value`);
    this.#use(emitted.usage);
    return this.#valueOf(emitted);
  }

  #valueOf(emitted: Emitted): Value {
    const { kind } = emitted.type;
    return {
      js: emitted.js,
      kind: kind === 'list' || kind === 'object' || kind === 'choice' ? 'any' : kind,
      ...('fhir' in emitted.type && emitted.type.fhir !== undefined && { fhir: emitted.type.fhir }),
      clean: emitted.clean,
      present: emitted.present,
      field: emitted.field ?? this.#ruleField,
      ...(emitted.literal !== undefined && { literal: emitted.literal }),
    };
  }

  /** A clean text (or other primitive) from a parameter; a number becomes text where `toText` asks for it. */
  #clean(parameter: StructureMapGroupRuleTargetParameter, primitive: string, scope: Scope, toText = false): Value {
    const value = this.#parameter(parameter, scope);
    if (toText && value.literal !== undefined && typeof value.literal !== 'string') return literalValue(String(value.literal), value.field);
    if (toText && value.kind !== 'string' && value.kind !== 'any') {
      return {
        ...value,
        js: `cast(${value.js}, "string"${this.#at(value.field)})`,
        kind: 'string',
        clean: true,
        present: value.present && value.clean,
      };
    }
    return this.#named(this.#coerce(value, primitive, parameter), primitive);
  }

  /** Gives a longer expression a name, so that it is evaluated once. */
  #named(value: Value, hint: string): Value {
    if (value.literal !== undefined || /^\w+$/.test(value.js)) return value;
    const js = this.#fresh(hint);
    this.#line(`const ${js} = ${value.js};`);
    return { ...value, js };
  }

  #value(target: StructureMapGroupRuleTarget, scope: Scope, as = castType(target)): Value {
    const parameters = target.parameter ?? [];
    const first = parameters[0];
    const arity = (least: number, most: number) => {
      if (parameters.length < least || parameters.length > most) {
        const range = least === most ? `${least}` : most === Number.POSITIVE_INFINITY ? `at least ${least}` : `${least} to ${most}`;
        this.#fail(target, `${target.transform} takes ${range} parameters`, 'transform');
      }
      return first as StructureMapGroupRuleTargetParameter;
    };
    switch (target.transform) {
      case 'copy':
        return this.#parameter(arity(1, 1), scope);
      case 'append': {
        arity(2, Number.POSITIVE_INFINITY);
        const parts = parameters.map((p) => this.#clean(p, 'string', scope, true));
        const missing = parts.filter((p) => !p.present).map((p) => `${p.js} === undefined`);
        const joined = parts.map((p) => p.js).join(' + ');
        return {
          js: missing.length === 0 ? joined : `(${missing.join(' || ')} ? undefined : ${joined})`,
          kind: 'string',
          clean: true,
          present: missing.length === 0,
          field: parts.find((p) => p.literal === undefined)?.field ?? this.#ruleField,
        };
      }
      case 'truncate': {
        const text = this.#clean(arity(2, 2), 'string', scope);
        const length = parameters[1]?.valueInteger;
        if (length === undefined || length < 1) this.#fail(target, 'truncate takes a text and a length of at least 1', 'transform');
        const js = text.present
          ? `truncate(${text.js}, ${length})`
          : `(${text.js} === undefined ? undefined : truncate(${text.js}, ${length}))`;
        return { js, kind: 'string', clean: true, present: false, field: text.field };
      }
      case 'escape': {
        const text = this.#clean(arity(3, 3), 'string', scope);
        const [from, to] = parameters.slice(1).map(({ valueString }) => valueString);
        if (from === undefined || to === undefined || !ESCAPINGS.includes(from) || !ESCAPINGS.includes(to))
          this.#fail(target, `escape takes a text and two of ${ESCAPINGS.join(', ')} in quotes`, 'transform');
        const js = `escaped(${text.js}, ${quote(from)}, ${quote(to)}${this.#at(text.field)})`;
        return { js, kind: 'string', clean: true, present: false, field: text.field };
      }
      case 'uuid':
        if (parameters.length > 0) this.#fail(target, 'uuid takes no parameters', 'transform');
        return { js: 'uuid()', kind: 'string', clean: true, present: true, field: this.#ruleField };
      case 'cast':
        return this.#cast(arity(1, 2), target, scope, as);
      case 'evaluate':
        return this.#evaluate(target, scope);
      case 'translate':
        return this.#translate(target, scope).value;
      default:
        return this.#fail(target, `the transform '${target.transform}' is not covered here`, 'transform');
    }
  }

  /** The type that a value is cast to; without a parameter that of the element (R4: "if there is one and only one target type known"). */
  #castType(target: StructureMapGroupRuleTarget, { owner, last }: Place): string | undefined {
    if (target.transform !== 'cast' || target.parameter?.length !== 1) return castType(target);
    const types = this.#linker.targets.element(owner.type, last)?.types ?? [];
    return types.length === 1 ? types[0]?.code : undefined;
  }

  #cast(source: StructureMapGroupRuleTargetParameter, target: StructureMapGroupRuleTarget, scope: Scope, type: string | undefined): Value {
    const kind = type === undefined ? undefined : jsonKind(type);
    if (type === undefined || kind === undefined)
      this.#fail(target, "cast takes a value and a primitive type in quotes: cast(x, 'date')", 'transform');
    const value = this.#parameter(source, scope);
    const { js, field } = value;
    const at = this.#at(field);
    const result = (code: string, present = false): Value => ({ js: code, kind, clean: true, present, field });
    if (kind === 'integer') return value.kind === 'integer' && value.clean ? value : result(`toInteger(${js}${at})`);
    if (kind === 'number') return value.kind === 'number' && value.clean ? value : result(`toDecimal(${js}${at})`);
    if (kind === 'boolean') return value.kind === 'boolean' && value.clean ? value : result(`toBoolean(${js}${at})`);
    if (type === 'date' || type === 'dateTime' || type === 'instant' || type === 'time') {
      if (value.kind !== 'string' && value.kind !== 'any') this.#fail(source, `a ${value.kind} cannot become a ${type}`);
      const form = this.#linker.constant(String(FORMS[type]));
      return result(`toTime(${js}, ${form}, ${quote(type)}${at})`);
    }
    if (value.kind === 'string' && value.clean) return value;
    return result(`cast(${js}, ${quote(type === 'string' ? 'string' : type)}${at})`, value.present && value.clean && value.kind !== 'any');
  }

  #evaluate(target: StructureMapGroupRuleTarget, scope: Scope): Value {
    const parameters = target.parameter ?? [];
    const expression = parameters.at(-1);
    if (expression?.valueString === undefined || parameters.length > 2) {
      this.#fail(target, 'evaluate takes (expression), or a variable and (expression)', 'transform');
    }
    let self: SourceVariable | undefined;
    if (parameters.length === 2) {
      const first = parameters[0] as StructureMapGroupRuleTargetParameter;
      if (first.valueId === undefined) this.#fail(first, 'the first parameter of evaluate is a variable');
      self = this.#sourceVariable(first.valueId, scope, first);
    }
    const { tree, emitter } = this.#expression(expression.valueString, this.#unit.positions.of(expression), scope, self);
    const emitted = emitter.value(tree);
    if (emitted.type.kind === 'object') this.#fail(expression, 'the expression gives an object, not a value');
    const value = this.#valueOf(emitted);
    return { ...value, field: emitter.fieldsRead[0] ?? this.#ruleField };
  }

  #translate(target: StructureMapGroupRuleTarget, scope: Scope): { row: Value; value: Value; output: string } {
    const [source, map, output, ...more] = target.parameter ?? [];
    const wanted = output?.valueString ?? 'code';
    if (source === undefined || map?.valueString === undefined || more.length > 0) {
      this.#fail(target, "translate takes a code, the concept map and the output: translate(x, '#name', 'code')", 'transform');
    }
    if (!['code', 'system', 'display', 'Coding', 'CodeableConcept'].includes(wanted)) {
      this.#fail(output ?? target, `translate gives code, system, display, Coding or CodeableConcept, not ${quote(wanted)}`);
    }
    const table = this.#linker.table(this.#unit, map.valueString);
    if ('problem' in table) this.#fail(map, table.problem);
    const coded = this.#coded(source, scope);
    const code = coded ?? this.#clean(source, 'code', scope, true);
    const call = `${coded ? 'translateCoded' : 'translate'}(${table.name}, ${code.js}, ${quote(map.valueString)}${this.#at(code.field)})`;
    const js = this.#fresh('translated');
    this.#line(`const ${js} = ${code.present ? call : `${code.js} === undefined ? undefined : ${call}`};`);
    const row: Value = { js, kind: 'any', clean: true, present: false, field: code.field };
    return { row, value: { ...row, js: `${js}?.${wanted}`, kind: 'string' }, output: wanted };
  }

  /** A Coding or a CodeableConcept of a FHIR source; undefined for a plain code. */
  #coded(source: StructureMapGroupRuleTargetParameter, scope: Scope): Value | undefined {
    const variable = source.valueId === undefined ? undefined : scope.get(source.valueId);
    if (variable?.kind !== 'source' || variable.type.kind !== 'object') return undefined;
    const { fhir } = variable.type;
    if (fhir !== 'Coding' && fhir !== 'CodeableConcept') return undefined;
    this.#use(variable.usage);
    const js = fhir === 'Coding' ? `[${variable.js}]` : `list(${variable.js}.coding)`;
    return { js, kind: 'any', clean: true, present: variable.present, field: variable.field };
  }

  /** Transforms that give an object; undefined for all others. */
  #complex(target: StructureMapGroupRuleTarget, scope: Scope): Parts | undefined {
    const parameters = target.parameter ?? [];
    const arity = (...allowed: number[]) => {
      if (!allowed.includes(parameters.length))
        this.#fail(target, `${target.transform} takes ${allowed.join(', ')} parameters`, 'transform');
    };
    const at = (index: number) => parameters[index] as StructureMapGroupRuleTargetParameter;
    const part = (index: number, primitive: string) =>
      parameters[index] === undefined ? undefined : this.#clean(at(index), primitive, scope);
    const fieldOf = (...values: (Value | undefined)[]) =>
      values.find((v) => v !== undefined && v.literal === undefined)?.field ?? this.#ruleField;
    switch (target.transform) {
      case 'c':
      case 'cc': {
        if (target.transform === 'cc' && parameters.length === 1) {
          const text = this.#clean(at(0), 'string', scope);
          return { type: 'CodeableConcept', required: [text], build: () => `{ text: ${text.js} }`, field: fieldOf(text) };
        }
        arity(2, 3);
        const system = part(0, 'uri') as Value;
        const code = part(1, 'code') as Value;
        const display = part(2, 'string');
        const coding = () =>
          this.#object(
            [
              ['system', system],
              ['code', code],
              ['display', display],
            ],
            'coding',
          );
        const isCoding = target.transform === 'c';
        return {
          type: isCoding ? 'Coding' : 'CodeableConcept',
          required: [system, code],
          build: () => (isCoding ? coding() : `{ coding: [${coding()}] }`),
          field: fieldOf(code, system, display),
        };
      }
      case 'qty': {
        if (parameters.length === 1) {
          const text = this.#clean(at(0), 'string', scope);
          const js = this.#fresh('quantity');
          const call = `quantityOf(${text.js}${this.#at(text.field)})`;
          this.#line(`const ${js} = ${text.present ? call : `${text.js} === undefined ? undefined : ${call}`};`);
          const whole: Value = { js, kind: 'any', clean: true, present: false, field: text.field };
          return { type: 'Quantity', required: [whole], build: () => js, field: text.field };
        }
        arity(2, 4);
        const value = part(0, 'decimal') as Value;
        const others = [part(1, 'string'), part(2, 'uri'), part(3, 'code')];
        return {
          type: 'Quantity',
          required: [value],
          build: () =>
            this.#object(
              [
                ['value', value],
                ['unit', others[0]],
                ['system', others[1]],
                ['code', others[2]],
              ],
              'quantity',
            ),
          field: fieldOf(value),
        };
      }
      case 'id': {
        arity(2, 3);
        // Codes of the value set identifier-type, to which Identifier.type is bound.
        const type = part(2, 'code');
        const system = part(0, 'uri') as Value;
        const value = this.#clean(at(1), 'string', scope, true);
        return {
          type: 'Identifier',
          required: [system, value, ...(type === undefined ? [] : [type])],
          build: () => {
            const coding = type && `{ coding: [{ system: "http://terminology.hl7.org/CodeSystem/v2-0203", code: ${type.js} }] }`;
            return `{ ${coding === undefined ? '' : `type: ${coding}, `}system: ${system.js}, value: ${value.js} }`;
          },
          field: fieldOf(value),
        };
      }
      case 'cp': {
        arity(1, 2);
        const value = this.#clean(at(parameters.length - 1), 'string', scope, true);
        const system: Value =
          parameters.length === 2
            ? (part(0, 'code') as Value)
            : { js: `contactSystem(${value.js})`, kind: 'string', clean: true, present: true, field: value.field };
        return {
          type: 'ContactPoint',
          required: [system, value],
          build: () =>
            this.#object(
              [
                ['system', system],
                ['value', value],
              ],
              'contact',
            ),
          field: fieldOf(value),
        };
      }
      case 'translate': {
        const output = parameters[2]?.valueString;
        if (output !== 'Coding' && output !== 'CodeableConcept') return undefined;
        const { row } = this.#translate(target, scope);
        const member = (name: string): Value => ({ ...row, js: `${row.js}.${name}`, kind: 'string', present: name === 'code' });
        const coding = () =>
          this.#object(
            [
              ['system', member('system')],
              ['code', member('code')],
              ['display', member('display')],
            ],
            'coding',
          );
        return {
          type: output,
          required: [row],
          build: () => (output === 'Coding' ? coding() : `{ coding: [${coding()}] }`),
          field: row.field,
        };
      }
      default:
        return undefined;
    }
  }

  /** An object from named parts; those that may be missing are added when they are there. Returns its JavaScript. */
  #object(parts: readonly (readonly [string, Value | undefined])[], hint: string): string {
    const given = parts.filter((p): p is readonly [string, Value] => p[1] !== undefined);
    const sure = given.filter(([, value]) => value.present).map(([name, value]) => (value.js === name ? name : `${name}: ${value.js}`));
    const maybe = given.filter(([, value]) => !value.present);
    const literal = `{ ${sure.join(', ')} }`;
    if (maybe.length === 0) return literal;
    const js = this.#fresh(hint);
    this.#line(`const ${js} = ${literal};`);
    for (const [name, value] of maybe) this.#line(`if (${value.js} !== undefined) ${js}.${name} = ${value.js};`);
    return js;
  }

  #writeComplex(
    { owner, last }: Place,
    target: StructureMapGroupRuleTarget,
    parts: Parts,
    scope: Map<string, Variable>,
    created: (() => void)[],
  ): void {
    const element = this.#resolve(owner, last, parts.type, target);
    const missing = parts.required.filter((p) => !p.present).map((p) => `${p.js} !== undefined`);
    if (missing.length > 0) {
      if (target.variable !== undefined) {
        this.#fail(target, 'this value may be missing, so it cannot be a variable: bind its parts in the source of the rule', 'transform');
      }
      this.#open(`if (${missing.join(' && ')}) {`, true);
    }
    let js = parts.build();
    if (target.variable !== undefined) {
      const name = this.#fresh(target.variable);
      this.#line(`const ${name} = ${js};`);
      js = name;
      const made: TargetVariable = { kind: 'target', js, type: element.type, depth: this.#depth, sure: true };
      scope.set(target.variable, made);
      created.push(() => this.#finish(owner, element, made));
    }
    this.#line(this.#assignment(owner, element, js, target.listMode?.[0]));
    if (target.variable !== undefined) this.#attach(owner, element, js);
    if (owner.depth === this.#depth) owner.sure = true;
    this.#wrote(owner, element.name, element.array, parts.field);
    if (missing.length > 0) this.#close(true);
  }

  // ---- calls

  #emitDependent(dependent: StructureMapGroupRuleDependent, scope: Scope): void {
    const found = this.#linker.find(this.#unit, dependent.name);
    if ('problem' in found) this.#fail(dependent, found.problem);
    this.#call(dependent, found.unit, found.group, dependent.variable, scope);
  }

  #call(dependent: object, unit: MapUnit, group: StructureMapGroup, given: readonly string[], scope: Scope): void {
    if (given.length !== group.input.length) {
      this.#fail(dependent, `'${group.name}' takes ${group.input.length} arguments, found ${given.length}`);
    }
    const types: ArgumentType[] = [];
    const js: string[] = [];
    const usages: (Usage | undefined)[] = [];
    given.forEach((text, i) => {
      const input = group.input[i] as StructureMapGroupInput;
      const literal = readArgument(text);
      const variable = literal === undefined ? scope.get(text) : undefined;
      if (literal === undefined && variable === undefined) this.#fail(dependent, `there is no variable '${text}' here`);
      if (input.mode === 'target') {
        if (variable?.kind !== 'target')
          this.#fail(dependent, `'${input.name}' of '${group.name}' needs an object of the target, found ${text}`);
        const declared = this.#linker.targetType(unit, input);
        if (declared !== undefined && declared !== variable.type && !ABSTRACT.has(declared)) {
          this.#fail(dependent, `'${input.name}' of '${group.name}' is a ${declared}, '${text}' is a ${variable.type}`);
        }
        types.push({ mode: 'target', type: variable.type });
        js.push(variable.js);
        usages.push(undefined);
        return;
      }
      if (variable?.kind === 'target')
        this.#fail(dependent, `'${input.name}' of '${group.name}' is a source, '${text}' belongs to the target`);
      const argument = this.#argument(
        dependent,
        group,
        input,
        literal === undefined ? asSource(variable as SourceVariable) : literal,
        unit,
      );
      types.push({ mode: 'source', type: argument.type, present: argument.present });
      js.push(argument.js);
      if (this.#linker.traced) js.push(argument.field);
      usages.push(argument.usage);
    });
    const callee = this.#linker.group(unit, group, types);
    const sources = given.filter((_, i) => group.input[i]?.mode === 'source');
    const isOwn = (text: string) =>
      this.#group.input.some(({ name, mode }) => mode === 'source' && name === text && scope.get(text) === this.#inputs.get(text));
    this.#self.calls.push({
      callee,
      inputs: usages,
      isStuck: this.#depth === 0 || (sources.length > 0 && sources.every(isOwn)),
      map: this.#unit.name,
      position: this.#unit.positions.of(dependent),
    });
    this.#line(`${callee.name}(${js.join(', ')});`);
  }

  #argument(
    node: object,
    group: StructureMapGroup,
    input: StructureMapGroupInput,
    given: SourceVariable | string | number | boolean,
    unit: MapUnit,
  ): SourceVariable {
    const source: SourceVariable =
      typeof given === 'object'
        ? given
        : {
            kind: 'source',
            js: quote(given),
            type: typeOfKind(typeof given === 'number' ? (Number.isInteger(given) ? 'integer' : 'number') : typeof given),
            present: true,
            field: this.#ruleField,
          };
    const declared = this.#linker.sourceType(unit, input);
    if (declared === undefined || declared === source.type || declared.kind === 'any') return source;
    if (declared.kind === 'object') {
      const open = source.type.kind === 'object' && source.type.known().length === 0;
      if (source.type.kind === 'any')
        return { ...source, js: `object(${source.js}${this.#at(source.field)})`, type: declared, present: false };
      if (!open)
        this.#fail(
          node,
          `'${input.name}' of '${group.name}' is a ${input.type}, not ${source.type.kind === 'object' ? source.type.name : `a ${source.type.kind}`}`,
        );
      return { ...source, type: declared };
    }
    const kind = source.type.kind;
    if (kind === 'any')
      return { ...source, js: `${READERS[declared.kind]}(${source.js}${this.#at(source.field)})`, type: declared, present: false };
    if (kind === 'object' || kind === 'list' || declared.kind === 'list' || !accepts(declared.kind, kind)) {
      this.#fail(node, `'${input.name}' of '${group.name}' is a ${input.type}, found a ${kind}`);
    }
    return source;
  }
}

/** A literal argument as it stands in dependent.variable (see parseMap); undefined for a variable. */
export function readArgument(text: string): string | number | boolean | undefined {
  if (text === 'true' || text === 'false') return text === 'true';
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  if (!text.startsWith("'")) return undefined;
  const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };
  return text.slice(1, -1).replace(/\\(.)/gs, (_, c: string) => escapes[c] ?? c);
}

function literalValue(literal: string | number | boolean, field: string): Value {
  const kind = typeof literal === 'number' ? (Number.isInteger(literal) ? 'integer' : 'number') : (typeof literal as 'string' | 'boolean');
  return { js: quote(literal), kind, clean: true, present: true, literal, field };
}

/** Whether a primitive of a source, of FHIR or not, is of the FHIR type with this name. */
function isKindOf(type: SourceType, name: string): boolean {
  const fhir = 'fhir' in type ? type.fhir : undefined;
  return fhir === undefined || fhir === name || SPECIAL[fhir] === name;
}

function accepts(wanted: string, given: string): boolean {
  return wanted === given || (wanted === 'number' && given === 'integer');
}

function typeName(value: Value): string {
  if (value.kind === 'number') return 'decimal';
  return value.kind === 'any' ? 'string' : value.kind;
}

function castType(target: StructureMapGroupRuleTarget): string | undefined {
  return target.transform === 'cast' ? target.parameter?.[1]?.valueString : undefined;
}

function defaultOf(source: StructureMapGroupRuleSource): Value | undefined {
  const literal = source.defaultValueString ?? source.defaultValueBoolean ?? source.defaultValueInteger ?? source.defaultValueDecimal;
  return literal === undefined ? undefined : literalValue(literal, '""');
}

function oneLine(text: string): string {
  return text.replace(/[\r\n\u2028\u2029]+/g, ' ');
}

const bounded = ({ min, max }: StructureMapGroupRuleSource): boolean => min !== undefined || max !== undefined;
