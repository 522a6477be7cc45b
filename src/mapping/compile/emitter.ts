import type {
  StructureMapGroup,
  StructureMapGroupInput,
  StructureMapGroupRule,
  StructureMapGroupRuleDependent,
  StructureMapGroupRuleSource,
} from '@medplum/fhirtypes';
import type { Problem } from '../../errors/index.ts';
import { AUTO_VARIABLE, says } from '../fml/index.ts';
import { emittedOf } from './expression-emitter.ts';
import type { Option } from './fhir-types.ts';
import type { GroupText } from './group-text.ts';
import type { ArgumentType, MapUnit } from './linker.ts';
import { PartsBuilder } from './parts.ts';
import { Sources } from './sources.ts';
import { ABSTRACT } from './target-types.ts';
import { Targets } from './targets.ts';
import { accepts, READERS } from './value.ts';
import { Values } from './values.ts';
import { asSource, quote, type Scope, type SourceVariable, typeOfKind, type Usage, type Variable } from './variables.ts';

/** An extension's value has 50 types; two within each other would be 2,500 copies of a rule. */
const MOST_BRANCHES = 500;

/** Writes one group as one JavaScript function. */
export class GroupEmitter {
  readonly #text: GroupText;
  readonly #values: Values;
  readonly #sources: Sources;
  readonly #targets: Targets;
  /** In how many branches what is being written now will stand. */
  #branches = 1;
  /** The inputs as they came. */
  #inputs: Scope = new Map();

  constructor(text: GroupText) {
    this.#text = text;
    this.#values = new Values(text);
    this.#sources = new Sources(text, this.#values);
    this.#targets = new Targets(text, this.#values, new PartsBuilder(text, this.#values));
  }

  emit(types: readonly ArgumentType[]): string {
    const { group } = this.#text;
    const scope = new Map<string, Variable>();
    const parameters: string[] = [];
    group.input.forEach((input, i) => {
      const type = types[i] as ArgumentType;
      if (scope.has(input.name)) this.#text.fail(input, says('input-twice', { input: input.name }));
      if (input.name === 'true' || input.name === 'false') this.#text.fail(input, says('input-name', { input: input.name }));
      const js = this.#text.fresh(input.name);
      parameters.push(js);
      if (type.mode === 'target') {
        scope.set(input.name, { kind: 'target', js, type: type.type, depth: -1, sure: true });
        return;
      }
      let field = '""';
      if (this.#text.linker.traced) {
        field = this.#text.fresh(`${input.name}_at`);
        parameters.push(field);
      }
      scope.set(input.name, { kind: 'source', js, type: type.type, present: type.present, field, usage: { input: i, path: [] } });
    });
    this.#inputs = new Map(scope);
    if (group.extends !== undefined) this.#emitExtended(group.extends, scope);
    this.#emitRules(group.rule, scope);
    return [`function ${this.#text.self.name}(${parameters.join(', ')}) {`, ...this.#text.lines, '}'].join('\n');
  }

  /** R4 StructureMap.group.extends: the rules of the other group first, for inputs of the same name. */
  #emitExtended(name: string, scope: Scope): void {
    const found = this.#text.linker.find(this.#text.unit, name);
    if ('problem' in found) this.#text.fail(this.#text.group, found.problem);
    const seen = new Set([this.#text.group]);
    for (let next: typeof found | { problem: Problem } = found; !('problem' in next); ) {
      if (seen.has(next.group)) this.#text.fail(this.#text.group, says('extends-itself', { group: name }));
      seen.add(next.group);
      if (next.group.extends === undefined) break;
      next = this.#text.linker.find(next.unit, next.group.extends);
    }
    const missing = found.group.input.find((input) => this.#text.group.input.find((own) => own.name === input.name)?.mode !== input.mode);
    if (missing !== undefined)
      this.#text.fail(this.#text.group, says('extends-inputs', { group: name, mode: missing.mode, input: missing.name }));
    this.#call(
      this.#text.group,
      found.unit,
      found.group,
      found.group.input.map((input) => input.name),
      scope,
    );
  }

  #emitRules(rules: readonly StructureMapGroupRule[], scope: Scope): void {
    const { sharing } = this.#text;
    if (rules.some(shares)) {
      this.#text.sharing = this.#text.fresh('sharing');
      this.#text.line(`const ${this.#text.sharing} = new Map();`);
    }
    for (const rule of rules) this.#emitRule(rule, scope);
    this.#text.sharing = sharing;
  }

  #emitRule(rule: StructureMapGroupRule, outer: Scope): void {
    const before = { rule: this.#text.rule, line: this.#text.ruleLine, field: this.#text.ruleField, shared: this.#text.counts };
    const position = this.#text.unit.positions.of(rule);
    this.#text.rule = rule.name;
    this.#text.ruleLine = position.line;
    this.#text.counts = undefined;
    this.#text.line(`// ${oneLine(rule.name)}${position.line > 0 ? ` (${oneLine(this.#text.unit.name)}:${position.line})` : ''}`);
    if (rule.source.length === 0) this.#text.fail(rule, says('no-source'));
    if (shares(rule)) {
      this.#text.counts = this.#text.fresh('counts');
      this.#text.line(`const ${this.#text.counts} = new Map();`);
    }
    this.#emitSources(rule, 0, new Map(outer));
    this.#text.rule = before.rule;
    this.#text.ruleLine = before.line;
    this.#text.ruleField = before.field;
    this.#text.counts = before.shared;
  }

  /** The sources from the one at `at` on, and inside of them what the rule makes. */
  #emitSources(rule: StructureMapGroupRule, at: number, scope: Map<string, Variable>): void {
    const source = rule.source[at];
    if (source === undefined) {
      this.#emitBody(rule, scope);
      return;
    }
    const options = this.#sources.options(source, scope);
    if (options === undefined) {
      this.#emitSourceAnd(source, undefined, rule, at, scope);
      return;
    }
    const outside = this.#branches;
    this.#branches *= options.length;
    if (this.#branches > MOST_BRANCHES) this.#text.fail(source, says('too-many-choices'), 'element');
    const around: boolean[] = [];
    const counted = this.#sources.countChoice(source, options, scope, around);
    // The rule once for each type that the element may have; a type with which it makes no sense is reported when it comes.
    let first: unknown;
    const refused: Option[] = [];
    const inside = this.#branches;
    for (const option of options) {
      this.#branches = inside;
      const problem = this.#text.attempt(() => this.#emitSourceAnd(counted, option, rule, at, new Map(scope)));
      if (problem === undefined) continue;
      first ??= problem;
      refused.push(option);
    }
    if (refused.length === options.length) throw first;
    const fitting = options.filter((option) => !refused.includes(option)).map(({ code }) => code);
    // A condition that has no answer for a type is not true of it.
    for (const option of source.condition === undefined ? refused : []) {
      const closers: boolean[] = [];
      const expected = quote(fitting.length > 5 ? `${fitting.slice(0, 5).join(' | ')} | …` : fitting.join(' | '));
      this.#sources.emitSource({ context: source.context, element: source.element as string }, scope, closers, option, source, (field) =>
        this.#text.line(`mistyped(${this.#text.linker.traced ? field : '""'}, ${expected});`),
      );
      for (const conditional of closers.reverse()) this.#text.close(conditional);
    }
    for (const conditional of around.reverse()) this.#text.close(conditional);
    this.#branches = outside;
  }

  #emitSourceAnd(
    source: StructureMapGroupRuleSource,
    option: Option | undefined,
    rule: StructureMapGroupRule,
    at: number,
    scope: Map<string, Variable>,
  ): void {
    const closers: boolean[] = [];
    this.#sources.emitSource(source, scope, closers, option);
    this.#emitSources(rule, at + 1, scope);
    for (const conditional of closers.reverse()) this.#text.close(conditional);
  }

  #emitBody(rule: StructureMapGroupRule, scope: Map<string, Variable>): void {
    // A rule without a condition of its own still gets a block: names end with it.
    const isBlock = (rule.target ?? []).some((t) => t.variable !== undefined);
    if (isBlock) this.#text.open('{', false);
    const created: (() => void)[] = [];
    if (!this.#emitSimple(rule, scope, created)) for (const target of rule.target ?? []) this.#targets.emitTarget(target, scope, created);
    for (const dependent of rule.dependent ?? []) this.#emitDependent(dependent, scope);
    this.#emitRules(rule.rule ?? [], scope);
    for (const finish of created.reverse()) finish();
    if (isBlock) this.#text.close(false);
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
    const place = this.#targets.owner(target, scope, []);
    const plain = this.#text.linker.targets.element(place.owner.type, place.last);
    const types = new Set(plain?.ref === undefined ? plain?.types.map(({ code }) => code) : [plain.ref]);
    const isTarget = (type: string) => types.has(type) || (types.has('Resource') && this.#text.linker.targets.isResource(type));
    const found = this.#text.linker.defaultGroup(this.#text.unit, source.type, isTarget, types.size > 1 || types.has('Resource'));
    if (found !== undefined && 'problem' in found) this.#text.fail(target, found.problem);
    if (found !== undefined) {
      const made = this.#targets.make(place, target, plain?.ref === undefined ? found.target : undefined, 'made', created);
      const call = new Map<string, Variable>([
        ['source', source],
        ['target', made],
      ]);
      this.#call(target, found.unit, found.group, ['source', 'target'], call);
    } else if (source.type.kind === 'object') this.#targets.writeCopy(place, target, source, scope, created);
    else {
      const element = this.#targets.writeValue(place, target, this.#values.valueOf(emittedOf(source)), undefined, scope);
      // Id and extensions of a primitive go with it.
      if (source.shadow !== undefined && !element.array)
        this.#text.line(`if (${source.shadow} !== undefined) ${place.owner.js}._${element.name} = copyOf(${source.shadow});`);
    }
    return true;
  }

  #emitDependent(dependent: StructureMapGroupRuleDependent, scope: Scope): void {
    const found = this.#text.linker.find(this.#text.unit, dependent.name);
    if ('problem' in found) this.#text.fail(dependent, found.problem);
    this.#call(dependent, found.unit, found.group, dependent.variable, scope);
  }

  #call(dependent: object, unit: MapUnit, group: StructureMapGroup, given: readonly string[], scope: Scope): void {
    if (given.length !== group.input.length) {
      this.#text.fail(dependent, says('group-arguments', { group: group.name, wanted: group.input.length, found: given.length }));
    }
    const types: ArgumentType[] = [];
    const js: string[] = [];
    const usages: (Usage | undefined)[] = [];
    given.forEach((text, i) => {
      const input = group.input[i] as StructureMapGroupInput;
      const literal = readArgument(text);
      const variable = literal === undefined ? scope.get(text) : undefined;
      if (literal === undefined && variable === undefined) this.#text.fail(dependent, says('no-variable', { name: text }));
      if (input.mode === 'target') {
        if (variable?.kind !== 'target')
          this.#text.fail(dependent, says('argument-target', { input: input.name, group: group.name, found: text }));
        const declared = this.#text.linker.targetType(unit, input);
        if (declared !== undefined && declared !== variable.type && !ABSTRACT.has(declared)) {
          this.#text.fail(
            dependent,
            says('argument-target-type', { input: input.name, group: group.name, wanted: declared, name: text, type: variable.type }),
          );
        }
        types.push({ mode: 'target', type: variable.type });
        js.push(variable.js);
        usages.push(undefined);
        return;
      }
      if (variable?.kind === 'target')
        this.#text.fail(dependent, says('argument-source', { input: input.name, group: group.name, name: text }));
      const argument = this.#argument(
        dependent,
        group,
        input,
        literal === undefined ? asSource(variable as SourceVariable) : literal,
        unit,
      );
      types.push({ mode: 'source', type: argument.type, present: argument.present });
      js.push(argument.js);
      if (this.#text.linker.traced) js.push(argument.field);
      usages.push(argument.usage);
    });
    const callee = this.#text.linker.group(unit, group, types);
    const sources = given.filter((_, i) => group.input[i]?.mode === 'source');
    const isOwn = (text: string) =>
      this.#text.group.input.some(({ name, mode }) => mode === 'source' && name === text && scope.get(text) === this.#inputs.get(text));
    this.#text.self.calls.push({
      callee,
      inputs: usages,
      isStuck: this.#text.depth === 0 || (sources.length > 0 && sources.every(isOwn)),
      map: this.#text.unit.name,
      position: this.#text.unit.positions.of(dependent),
    });
    this.#text.line(`${callee.name}(${js.join(', ')});`);
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
            field: this.#text.ruleField,
          };
    const declared = this.#text.linker.sourceType(unit, input);
    if (declared === undefined || declared === source.type || declared.kind === 'any') return source;
    if (declared.kind === 'object') {
      const open = source.type.kind === 'object' && source.type.known().length === 0;
      if (source.type.kind === 'any')
        return { ...source, js: `object(${source.js}${this.#text.at(source.field)})`, type: declared, present: false };
      if (!open)
        this.#text.fail(
          node,
          says('argument-type', {
            input: input.name,
            group: group.name,
            wanted: input.type,
            type: source.type.kind === 'object' ? source.type.name : source.type.kind,
          }),
        );
      return { ...source, type: declared };
    }
    const kind = source.type.kind;
    if (kind === 'any')
      return { ...source, js: `${READERS[declared.kind]}(${source.js}${this.#text.at(source.field)})`, type: declared, present: false };
    if (kind === 'object' || kind === 'list' || declared.kind === 'list' || !accepts(declared.kind, kind)) {
      this.#text.fail(node, says('argument-kind', { input: input.name, group: group.name, wanted: input.type, kind }));
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

const shares = (rule: StructureMapGroupRule): boolean => rule.target?.some((target) => target.listMode?.[0] === 'share') === true;

function oneLine(text: string): string {
  return text.replace(/[\r\n\u2028\u2029]+/g, ' ');
}
