import type { StructureMapGroupRuleTarget, StructureMapGroupRuleTargetParameter } from '@medplum/fhirtypes';
import { says } from '../fml/index.ts';
import { type Emitted, emittedOf } from './expression-emitter.ts';
import type { GroupText } from './group-text.ts';
import { FORMS, jsonKind } from './target-types.ts';
import { accepts, castType, literalValue, type Place, READERS, type Value } from './value.ts';
import { asSource, quote, type Scope, type SourceVariable } from './variables.ts';

/** Kinds of escaping that R4's `escape` names. */
const ESCAPINGS = ['plain', 'java', 'xml', 'json'];

/** Primitive values: parameters, casts, and the transforms that give a text or a number. */
export class Values {
  readonly #text: GroupText;

  constructor(text: GroupText) {
    this.#text = text;
  }

  sourceVariable(name: string, scope: Scope, node: object): SourceVariable {
    const variable = scope.get(name);
    if (variable === undefined) this.#text.fail(node, says('no-variable', { name }));
    if (variable.kind === 'target') this.#text.fail(node, says('source-of-target', { name }));
    return asSource(variable);
  }

  #parameter(parameter: StructureMapGroupRuleTargetParameter, scope: Scope): Value {
    const literal = parameter.valueString ?? parameter.valueInteger ?? parameter.valueDecimal ?? parameter.valueBoolean;
    if (literal !== undefined) {
      if (literal === '') this.#text.fail(parameter, says('empty-text'));
      return literalValue(literal, this.#text.ruleField);
    }
    if (parameter.valueId === undefined) this.#text.fail(parameter, says('parameter-kind'));
    const [name, ...path] = parameter.valueId.split('.') as [string, ...string[]];
    const variable = scope.get(name);
    if (variable === undefined) this.#text.fail(parameter, says('no-variable', { name }));
    if (variable.kind === 'target') this.#text.fail(parameter, says('target-unreadable', { name }));
    let emitted = emittedOf(asSource(variable));
    const position = this.#text.unit.positions.of(parameter);
    if (path.length > 0) {
      const { tree, emitter } = this.#text.expression(
        `%${parameter.valueId}`,
        { ...position, column: position.column - 1 },
        scope,
        undefined,
      );
      emitted = emitter.value(tree);
      if (emitted.type.kind === 'list') this.#text.fail(parameter, says('parameter-repeats', { name: parameter.valueId }));
    }
    if (emitted.type.kind === 'object') this.#text.fail(parameter, says('parameter-object', { name: parameter.valueId }));
    this.#text.use(emitted.usage);
    return this.valueOf(emitted);
  }

  valueOf(emitted: Emitted): Value {
    const { kind } = emitted.type;
    return {
      js: emitted.plain ?? emitted.js,
      kind: kind === 'list' || kind === 'object' || kind === 'choice' ? 'any' : kind,
      ...('fhir' in emitted.type && emitted.type.fhir !== undefined && { fhir: emitted.type.fhir }),
      clean: emitted.clean,
      present: emitted.present,
      field: emitted.field ?? this.#text.ruleField,
      ...(emitted.literal !== undefined && { literal: emitted.literal }),
    };
  }

  /** A clean text (or other primitive) from a parameter; a number becomes text where `toText` asks for it. */
  clean(parameter: StructureMapGroupRuleTargetParameter, primitive: string, scope: Scope, toText = false): Value {
    const value = this.#parameter(parameter, scope);
    if (toText && value.literal !== undefined && typeof value.literal !== 'string') return literalValue(String(value.literal), value.field);
    if (toText && value.kind !== 'string') {
      const js = `cast(${value.js}, "string"${this.#text.at(value.field)})`;
      const present = value.present && value.clean && value.kind !== 'any';
      return this.#named({ ...value, js, kind: 'string', clean: true, present }, primitive);
    }
    return this.#named(this.coerce(value, primitive, parameter), primitive);
  }

  /** Gives a longer expression a name, so that it is evaluated once. */
  #named(value: Value, hint: string): Value {
    if (value.literal !== undefined || /^\w+$/.test(value.js)) return value;
    const js = this.#text.fresh(hint);
    this.#text.line(`const ${js} = ${value.js};`);
    return { ...value, js };
  }

  value(target: StructureMapGroupRuleTarget, scope: Scope, as = castType(target)): Value {
    const parameters = target.parameter ?? [];
    const first = parameters[0];
    const arity = (least: number, most: number) => {
      if (parameters.length < least || parameters.length > most) {
        const range =
          least === most
            ? least
            : most === Number.POSITIVE_INFINITY
              ? says('word-at-least', { least })
              : says('word-range', { least, most });
        this.#text.fail(target, says('transform-parameters', { transform: target.transform, count: range }), 'transform');
      }
      return first as StructureMapGroupRuleTargetParameter;
    };
    switch (target.transform) {
      case 'copy':
        return this.#parameter(arity(1, 1), scope);
      case 'append': {
        arity(1, Number.POSITIVE_INFINITY);
        const parts = parameters.map((p) => this.clean(p, 'string', scope, true));
        const missing = parts.filter((p) => !p.present).map((p) => `${p.js} === undefined`);
        const joined = parts.map((p) => p.js).join(' + ');
        return {
          js: missing.length === 0 ? joined : `(${missing.join(' || ')} ? undefined : ${joined})`,
          kind: 'string',
          clean: true,
          present: missing.length === 0,
          field: parts.find((p) => p.literal === undefined)?.field ?? this.#text.ruleField,
        };
      }
      case 'truncate': {
        const text = this.clean(arity(2, 2), 'string', scope);
        const length = parameters[1]?.valueInteger;
        if (length === undefined || length < 1) this.#text.fail(target, says('truncate'), 'transform');
        const js = text.present
          ? `truncate(${text.js}, ${length})`
          : `(${text.js} === undefined ? undefined : truncate(${text.js}, ${length}))`;
        return { js, kind: 'string', clean: true, present: false, field: text.field };
      }
      case 'escape': {
        const text = this.clean(arity(3, 3), 'string', scope);
        const [from, to] = parameters.slice(1).map(({ valueString }) => valueString);
        if (from === undefined || to === undefined || !ESCAPINGS.includes(from) || !ESCAPINGS.includes(to))
          this.#text.fail(target, says('escape', { names: ESCAPINGS.join(', ') }), 'transform');
        const js = `escaped(${text.js}, ${quote(from)}, ${quote(to)}${this.#text.at(text.field)})`;
        return { js, kind: 'string', clean: true, present: false, field: text.field };
      }
      case 'uuid':
        if (parameters.length > 0) this.#text.fail(target, says('uuid-parameters'), 'transform');
        return { js: 'uuid()', kind: 'string', clean: true, present: true, field: this.#text.ruleField };
      case 'cast':
        return this.#cast(arity(1, 2), target, scope, as);
      case 'evaluate':
        return this.#evaluate(target, scope);
      case 'translate':
        return this.translate(target, scope).value;
      default:
        return this.#text.fail(target, says('transform-uncovered', { transform: target.transform }), 'transform');
    }
  }

  /** The type that a value is cast to; without a parameter that of the element (R4: "if there is one and only one target type known"). */
  castType(target: StructureMapGroupRuleTarget, { owner, last }: Place): string | undefined {
    if (target.transform !== 'cast' || target.parameter?.length !== 1) return castType(target);
    const types = this.#text.linker.targets.element(owner.type, last)?.types.map(({ code }) => code) ?? [];
    if (types.length > 1) {
      const some = types.length > 6 ? `${types.slice(0, 6).join(' | ')} | …` : types.join(' | ');
      this.#text.fail(target, says('choice-cast', { type: owner.type, element: last, types: some }), 'transform');
    }
    return types[0];
  }

  #cast(source: StructureMapGroupRuleTargetParameter, target: StructureMapGroupRuleTarget, scope: Scope, type: string | undefined): Value {
    const kind = type === undefined ? undefined : jsonKind(type);
    if (type === undefined || kind === undefined) this.#text.fail(target, says('cast'), 'transform');
    const value = this.#parameter(source, scope);
    const { js, field } = value;
    const at = this.#text.at(field);
    const result = (code: string, present = false): Value => ({ js: code, kind, clean: true, present, field });
    if (kind === 'integer') return value.kind === 'integer' && value.clean ? value : result(`toInteger(${js}${at})`);
    if (kind === 'number') return value.kind === 'number' && value.clean ? value : result(`toDecimal(${js}${at})`);
    if (kind === 'boolean') return value.kind === 'boolean' && value.clean ? value : result(`toBoolean(${js}${at})`);
    if (type === 'date' || type === 'dateTime' || type === 'instant' || type === 'time') {
      if (value.kind !== 'string' && value.kind !== 'any') this.#text.fail(source, says('cannot-become', { kind: value.kind, type }));
      const form = this.#text.linker.constant(String(FORMS[type]));
      return result(`toTime(${js}, ${form}, ${quote(type)}${at})`);
    }
    if (value.kind === 'string' && value.clean) return value;
    return result(`cast(${js}, ${quote(type === 'string' ? 'string' : type)}${at})`, value.present && value.clean && value.kind !== 'any');
  }

  #evaluate(target: StructureMapGroupRuleTarget, scope: Scope): Value {
    const { emitted, field } = this.evaluated(target, scope);
    if (emitted.type.kind === 'object') this.#text.fail(target, says('expression-object'), 'transform');
    return { ...this.valueOf(emitted), field };
  }

  /** What the expression of `evaluate` gives; nothing is written yet. */
  evaluated(target: StructureMapGroupRuleTarget, scope: Scope): { readonly emitted: Emitted; readonly field: string } {
    const parameters = target.parameter ?? [];
    const expression = parameters.at(-1);
    if (expression?.valueString === undefined || parameters.length > 2) {
      this.#text.fail(target, says('evaluate'), 'transform');
    }
    let self: SourceVariable | undefined;
    if (parameters.length === 2) {
      const first = parameters[0] as StructureMapGroupRuleTargetParameter;
      if (first.valueId === undefined) this.#text.fail(first, says('evaluate-variable'));
      self = this.sourceVariable(first.valueId, scope, first);
    }
    const { tree, emitter } = this.#text.expression(expression.valueString, this.#text.unit.positions.of(expression), scope, self);
    const emitted = emitter.value(tree);
    return { emitted, field: emitter.fieldsRead[0] ?? this.#text.ruleField };
  }

  translate(target: StructureMapGroupRuleTarget, scope: Scope): { row: Value; value: Value; output: string } {
    const [source, map, output, ...more] = target.parameter ?? [];
    const wanted = output?.valueString ?? 'code';
    if (source === undefined || map?.valueString === undefined || more.length > 0) {
      this.#text.fail(target, says('translate'), 'transform');
    }
    if (!['code', 'system', 'display', 'Coding', 'CodeableConcept'].includes(wanted)) {
      this.#text.fail(output ?? target, says('translate-output', { found: quote(wanted) }));
    }
    const table = this.#text.linker.table(this.#text.unit, map.valueString);
    if ('problem' in table) this.#text.fail(map, table.problem);
    const coded = this.#coded(source, scope);
    const code = coded ?? this.clean(source, 'code', scope, true);
    const call = `${coded ? 'translateCoded' : 'translate'}(${table.name}, ${code.js}, ${quote(map.valueString)}${this.#text.at(code.field)})`;
    const js = this.#text.fresh('translated');
    this.#text.line(`const ${js} = ${code.present ? call : `${code.js} === undefined ? undefined : ${call}`};`);
    const row: Value = { js, kind: 'any', clean: true, present: false, field: code.field };
    return { row, value: { ...row, js: `${js}?.${wanted}`, kind: 'string' }, output: wanted };
  }

  /** A Coding or a CodeableConcept of a FHIR source; undefined for a plain code. */
  #coded(source: StructureMapGroupRuleTargetParameter, scope: Scope): Value | undefined {
    const variable = source.valueId === undefined ? undefined : scope.get(source.valueId);
    if (variable?.kind !== 'source' || variable.type.kind !== 'object') return undefined;
    const { fhir } = variable.type;
    if (fhir !== 'Coding' && fhir !== 'CodeableConcept') return undefined;
    this.#text.use(variable.usage);
    const js = fhir === 'Coding' ? `[${variable.js}]` : `list(${variable.js}.coding)`;
    return { js, kind: 'any', clean: true, present: variable.present, field: variable.field };
  }

  /** Makes a value fit a primitive: refused when compiling if types are known, else guarded. */
  coerce(value: Value, primitive: string, node: object): Value {
    const wanted = jsonKind(primitive) as Exclude<Value['kind'], 'any'>;
    if (value.kind !== 'any' && !accepts(wanted, value.kind)) {
      this.#text.fail(node, says('does-not-fit', { kind: value.kind, type: primitive }), 'transform');
    }
    if (value.literal !== undefined) {
      const form = FORMS[primitive];
      if (typeof value.literal === 'string' && form !== undefined && !form.test(value.literal)) {
        this.#text.fail(node, says('literal-type', { value: quote(value.literal), type: primitive }), 'transform');
      }
      const least = primitive === 'positiveInt' ? 1 : primitive === 'unsignedInt' ? 0 : Number.NEGATIVE_INFINITY;
      if (typeof value.literal === 'number' && value.literal < least)
        this.#text.fail(node, says('literal-type', { value: value.literal, type: primitive }), 'transform');
      return value;
    }
    const bounded = primitive === 'positiveInt' ? 'positive' : primitive === 'unsignedInt' ? 'natural' : undefined;
    if (value.clean && value.kind !== 'any' && bounded === undefined) return value;
    return {
      ...value,
      js: `${bounded ?? READERS[wanted]}(${value.js}${this.#text.at(value.field)})`,
      kind: wanted,
      clean: true,
      present: false,
    };
  }
}
