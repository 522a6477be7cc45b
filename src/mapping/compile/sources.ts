import type { StructureMapGroupRuleSource } from '@medplum/fhirtypes';
import { says } from '../fml/index.ts';
import { unknownField } from './expression-emitter.ts';
import type { Option } from './fhir-types.ts';
import type { GroupText } from './group-text.ts';
import { ANY, isForbiddenName, type SourceType } from './source-types.ts';
import { ABSTRACT } from './target-types.ts';
import { accepts, isKindOf, literalValue, READERS, type Value } from './value.ts';
import type { Values } from './values.ts';
import { asSource, property, quote, type Scope, type SourceVariable, subfield, type Variable } from './variables.ts';

const LIST_MODES: Readonly<Record<string, string>> = {
  first: '.slice(0, 1)',
  last: '.slice(-1)',
  not_first: '.slice(1)',
  not_last: '.slice(0, -1)',
};

/** What a rule reads: the loops and conditions around what it writes. */
export class Sources {
  readonly #text: GroupText;
  readonly #values: Values;

  constructor(text: GroupText, values: Values) {
    this.#text = text;
    this.#values = values;
  }

  /** The types between which a source element is a choice, where no filter says which is meant. */
  options(source: StructureMapGroupRuleSource, scope: Scope): readonly Option[] | undefined {
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

  /** Cardinality of a choice element: counted once, whatever type it has. Returns the source without it. */
  countChoice(
    source: StructureMapGroupRuleSource,
    options: readonly Option[],
    scope: Scope,
    closers: boolean[],
  ): StructureMapGroupRuleSource {
    if (defaultOf(source) !== undefined) this.#text.fail(source, says('default-choice'));
    if (!bounded(source)) return source;
    const steps = (source.element as string).split('.');
    if (steps.length > 1) this.#text.fail(source, says('bind-choice'), 'element');
    const base = this.#values.sourceVariable(source.context, scope, source);
    const names = this.#text.linker.constant(quote(options.map(({ name }) => name)));
    const field = this.#text.linker.traced ? subfield(base.field, steps[0] as string) : '""';
    this.#cardinality(`count(choice(${base.js}, ${names}))`, source, field, closers);
    const { min: _, max: __, ...rest } = source;
    this.#text.unit.positions.same(rest, source);
    return rest;
  }

  emitSource(
    source: StructureMapGroupRuleSource,
    scope: Map<string, Variable>,
    closers: boolean[],
    option?: Option,
    placed: object = source,
    then?: (field: string) => void,
  ): void {
    if (source.variable === 'true' || source.variable === 'false')
      this.#text.fail(source, says('variable-name', { name: source.variable }));
    if (source.logMessage !== undefined) this.#text.fail(source, says('log'));
    const base = this.#values.sourceVariable(source.context, scope, source);
    const defaultValue = defaultOf(source);
    if (source.element === undefined) {
      if (defaultValue !== undefined) this.#text.fail(source, says('default-element'));
      if (bounded(source)) this.#text.fail(source, says('cardinality-element'));
      if (source.listMode !== undefined) this.#text.fail(source, says('list-mode-element'), 'listMode');
      const filter = source.type === undefined ? undefined : this.#filter(base, source.type, source);
      const item = { ...base, present: true, ...(filter && { type: filter.type }) };
      const tests = [...(base.present ? [] : [`${base.js} !== undefined`]), ...(filter?.test === undefined ? [] : [filter.test(base.js)])];
      this.#conditional(tests, source, item, scope, closers);
      // A constant is explained by the value for whose sake it is written; an object, such as the record, says too little.
      if (this.#text.linker.traced && base.type.kind !== 'object') this.#text.ruleField = base.field;
      if (source.variable !== undefined) scope.set(source.variable, item);
      else if (!base.present || filter !== undefined) scope.set(source.context, item);
      return;
    }
    let owner = base;
    if (!base.present) {
      this.#text.open(`if (${base.js} !== undefined) {`, true);
      closers.push(true);
      owner = { ...base, present: true };
    }
    const steps = source.element.split('.');
    const isWhole = source.listMode !== undefined || defaultValue !== undefined || bounded(source);
    if (steps.length > 1 && isWhole) {
      this.#final(this.#collected(owner, steps, placed), source, defaultValue, scope, closers);
      return;
    }
    steps.forEach((name, i) => {
      const isLast = i === steps.length - 1;
      const raw = this.#step(owner, name, placed);
      if (!isLast) {
        if (raw.type.kind === 'choice') this.#text.fail(placed, says('choice-filter', { name }), 'element');
        owner = this.#intermediate(raw, name, closers);
        return;
      }
      this.#final(this.#chosen(raw, source, option, placed), source, defaultValue, scope, closers);
      then?.(raw.field);
    });
  }

  /** All values at a path, as one list: what a list mode, a default or a cardinality is about. */
  #collected(base: SourceVariable, steps: readonly string[], placed: object): SourceVariable {
    const all = this.#text.fresh(`${steps.at(-1)}_all`);
    this.#text.line(`const ${all} = [];`);
    const closers: boolean[] = [];
    let owner = base;
    let raw = base;
    steps.forEach((name, i) => {
      raw = this.#step(owner, name, placed);
      if (raw.type.kind === 'choice') this.#text.fail(placed, says('choice-filter', { name }), 'element');
      if (i < steps.length - 1) owner = this.#intermediate(raw, name, closers);
    });
    this.#text.line(`${all}.push(...list(${raw.js}));`);
    for (const conditional of closers.reverse()) this.#text.close(conditional);
    const items = raw.type.kind === 'list' ? raw.type.items : raw.type;
    const { usage } = raw;
    return {
      kind: 'source',
      js: all,
      type: { kind: 'list', items },
      present: true,
      field: base.field,
      ...(usage !== undefined && { usage }),
    };
  }

  /** A choice element under the name of its type. */
  #chosen(raw: SourceVariable, source: StructureMapGroupRuleSource, option: Option | undefined, placed: object): SourceVariable {
    if (raw.type.kind !== 'choice') return raw;
    const chosen = option ?? raw.type.options().find(({ code }) => code === source.type);
    if (chosen === undefined) this.#text.fail(placed, says('never-a', { name: raw.type.name, type: source.type }));
    return { ...raw, js: raw.js + chosen.name, type: chosen.type };
  }

  /** What a type filter leaves: its type, and the test that tells when the type is not known before. */
  #filter(raw: SourceVariable, name: string, node: object): { type: SourceType; test?: (js: string) => string } {
    const wanted = this.#text.linker.typeNamed(this.#text.unit, name);
    const own = raw.type.kind === 'list' ? raw.type.items : raw.type;
    if (own.kind === 'any') {
      if (wanted === undefined) this.#text.fail(node, says('no-type', { type: name }));
      if (wanted.kind === 'any') return { type: wanted };
      const test = (js: string) =>
        `isOf(${js}, ${quote(wanted.kind)}${wanted.kind === 'object' && this.#text.linker.targets.isResource(name) ? `, ${quote(name)}` : ''})`;
      return { type: wanted, test };
    }
    const isSame = own === wanted || ((own.kind === 'object' || wanted === undefined) && ABSTRACT.has(name));
    const isPrimitive = wanted !== undefined && wanted.kind !== 'object' && own.kind === wanted.kind && isKindOf(own, name);
    if (isSame || isPrimitive) return { type: own };
    return this.#text.fail(node, says('never-a', { name: own.kind === 'object' && own.name !== '' ? own.name : own.kind, type: name }));
  }

  /** One field of a source value, unread: its JavaScript is the raw value. */
  #step(owner: SourceVariable, name: string, source: object): SourceVariable {
    if (isForbiddenName(name)) this.#text.fail(source, says('field-name', { name }), 'element');
    let type: SourceType = ANY;
    let js: string;
    if (owner.type.kind === 'object') {
      const found = owner.type.field(name);
      if (found === undefined) this.#text.fail(source, unknownField(owner.type, name), 'element');
      type = found;
      js = type.kind === 'choice' ? `${owner.js}${owner.present ? '' : '?'}.` : property(owner.js, name, !owner.present);
    } else if (owner.type.kind === 'any') js = property(`fields(${owner.js})`, name, true);
    else this.#text.fail(source, says('no-field-in', { kind: owner.type.kind, name }), 'element');
    return {
      kind: 'source',
      js,
      type,
      present: false,
      field: this.#text.linker.traced ? subfield(owner.field, name) : '""',
      ...(owner.usage !== undefined && { usage: { input: owner.usage.input, path: [...owner.usage.path, name] } }),
    };
  }

  #intermediate(raw: SourceVariable, name: string, closers: boolean[]): SourceVariable {
    if (raw.type.kind === 'object') return { ...raw, js: `object(${raw.js}${this.#text.at(raw.field)})` };
    const items = raw.type.kind === 'list' ? raw.type.items : raw.type;
    const item = this.#loop(raw, name, closers);
    const js = this.#text.fresh(name);
    this.#text.line(`const ${js} = object(${item.js}${this.#text.at(item.field)});`);
    this.#text.open(`if (${js} !== undefined) {`, true);
    closers.push(true);
    return { ...item, js, type: items, present: true };
  }

  /** Opens a loop over a list, or over a value that may be one. */
  #loop(raw: SourceVariable, name: string, closers: boolean[]): SourceVariable {
    const js = this.#text.fresh(`${name}_item`);
    closers.push(true);
    if (!this.#text.linker.traced) {
      this.#text.open(`for (const ${js} of list(${raw.js})) {`, true);
      return { ...raw, js };
    }
    const field = this.#text.fresh(`${name}_at`);
    this.#text.open(`for (const [${js}, ${field}] of entries(${raw.js}, ${raw.field})) {`, true);
    return { ...raw, js, field };
  }

  #final(
    raw: SourceVariable,
    source: StructureMapGroupRuleSource,
    fallback: Value | undefined,
    scope: Map<string, Variable>,
    closers: boolean[],
  ): void {
    this.#text.use(raw.usage);
    const many = raw.type.kind === 'list' || raw.type.kind === 'any';
    const listed = raw.type.kind === 'list' ? raw.type.items : raw.type;
    const filter = source.type === undefined || listed.kind === 'choice' ? undefined : this.#filter(raw, source.type, source);
    // A value of another type than the filter's is no mistake, so it is read as what it may be.
    const itemType = filter?.test === undefined ? listed : ANY;
    if (itemType.kind === 'list') this.#text.fail(source, says('list-of-lists'), 'element');
    const reader = READERS[itemType.kind] as string;
    if (fallback !== undefined && itemType.kind !== 'any' && !accepts(itemType.kind, fallback.kind)) {
      this.#text.fail(source, says('default-kind', { kind: fallback.kind, wanted: itemType.kind }));
    }
    const name = source.variable ?? (source.element as string).split('.').at(-1) ?? 'item';
    const js = this.#text.fresh(name);
    const shadow = !many && 'fhir' in raw.type && raw.type.kind !== 'object' ? raw.js.replace(/(\w+)$/, '_$1') : undefined;
    const item: SourceVariable = { ...raw, js, type: filter?.type ?? itemType, present: true, ...(shadow !== undefined && { shadow }) };
    const orDefault = fallback === undefined ? '' : ` ?? ${fallback.js}`;
    if (!many) {
      if (source.listMode === 'not_first' || source.listMode === 'not_last') {
        this.#text.fail(source, says('list-mode-single', { mode: source.listMode }), 'listMode');
      }
      let read = `${reader}(${raw.js}${this.#text.at(raw.field)})`;
      if (bounded(source)) {
        const given = this.#text.fresh(`${name}_given`);
        this.#text.line(`const ${given} = ${read};`);
        this.#cardinality(`(${given} === undefined ? 0 : 1)`, source, raw.field, closers);
        read = given;
      }
      this.#text.line(`const ${js} = ${read}${orDefault};`);
      this.#conditional(fallback === undefined ? [`${js} !== undefined`] : [], source, item, scope, closers);
    } else if (source.listMode === undefined && fallback === undefined && !bounded(source)) {
      const element = this.#loop(raw, name, closers);
      this.#text.line(`const ${js} = ${reader}(${element.js}${this.#text.at(element.field)});`);
      const bound = { ...item, field: element.field };
      this.#conditional([filter?.test?.(js) ?? `${js} !== undefined`], source, bound, scope, closers);
      this.#bind(source, bound, scope);
      return;
    } else {
      // R4 and HL7's implementation: default, then where and check on every item, then the list mode over what is left.
      const items = this.#text.fresh(`${name}_items`);
      this.#text.line(`let ${items} = values(${raw.js}, ${reader}, ${raw.field});`);
      if (bounded(source)) this.#cardinality(`${items}.length`, source, raw.field, closers);
      if (fallback !== undefined) this.#text.line(`if (${items}.length === 0) ${items} = [${fallback.js}];`);
      if (filter?.test !== undefined) this.#text.line(`${items} = ${items}.filter((it) => ${filter.test('it')});`);
      let { condition, check } = source;
      if (source.listMode !== undefined) {
        if (condition !== undefined) {
          const { tree, emitter } = this.#text.expression(condition, this.#text.unit.positions.of(source, 'condition'), scope, {
            ...item,
            js: 'it',
          });
          this.#text.line(`${items} = ${items}.filter((it) => ${emitter.test(tree)});`);
          condition = undefined;
        }
        if (check !== undefined) {
          // Of every item, also of those that the list mode leaves out.
          const { tree, emitter } = this.#text.expression(check, this.#text.unit.positions.of(source, 'check'), scope, {
            ...item,
            js: 'it',
          });
          this.#text.line(
            `if (!${items}.every((it) => ${emitter.test(tree)})) checkFailed(${this.#text.linker.traced ? raw.field : '""'}, ${quote(this.#text.ruleName())});`,
          );
          this.#text.open('else {', true);
          closers.push(true);
          check = undefined;
        }
        if (source.listMode === 'only_one') this.#text.line(`${items} = onlyOne(${items}, ${raw.field});`);
        else this.#text.line(`${items} = ${items}${LIST_MODES[source.listMode]};`);
      }
      this.#text.open(`for (const ${js} of ${items}) {`, true);
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
    this.#text.line(`if (!(${within})) checkFailed(${this.#text.linker.traced ? field : '""'}, ${quote(this.#text.ruleName())});`);
    this.#text.open('else {', true);
    closers.push(true);
  }

  #bind(source: StructureMapGroupRuleSource, item: SourceVariable, scope: Map<string, Variable>): void {
    if (this.#text.linker.traced) this.#text.ruleField = item.field;
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
      const { tree, emitter } = this.#text.expression(source.condition, this.#text.unit.positions.of(placed, 'condition'), scope, item);
      all.push(emitter.test(tree));
    }
    if (all.length > 0) {
      this.#text.open(`if (${all.join(' && ')}) {`, true);
      closers.push(true);
    }
    if (source.check === undefined) return;
    const { tree, emitter } = this.#text.expression(source.check, this.#text.unit.positions.of(placed, 'check'), scope, item);
    this.#text.line(
      `if (!(${emitter.test(tree)})) checkFailed(${this.#text.linker.traced ? item.field : '""'}, ${quote(this.#text.ruleName())});`,
    );
    this.#text.open('else {', true);
    closers.push(true);
  }
}

function defaultOf(source: StructureMapGroupRuleSource): Value | undefined {
  const literal = source.defaultValueString ?? source.defaultValueBoolean ?? source.defaultValueInteger ?? source.defaultValueDecimal;
  return literal === undefined ? undefined : literalValue(literal, '""');
}

const bounded = ({ min, max }: StructureMapGroupRuleSource): boolean => min !== undefined || max !== undefined;
