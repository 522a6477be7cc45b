import type { StructureMapGroupRuleTarget, StructureMapGroupRuleTargetParameter } from '@medplum/fhirtypes';
import { says } from '../fml/index.ts';
import type { GroupText } from './group-text.ts';
import type { Parts, Value } from './value.ts';
import type { Values } from './values.ts';
import type { Scope } from './variables.ts';

/** Transforms that give an object: Coding, CodeableConcept, Quantity, Identifier, ContactPoint. */
export class PartsBuilder {
  readonly #text: GroupText;
  readonly #values: Values;

  constructor(text: GroupText, values: Values) {
    this.#text = text;
    this.#values = values;
  }

  /** Transforms that give an object; undefined for all others. */
  complex(target: StructureMapGroupRuleTarget, scope: Scope): Parts | undefined {
    const parameters = target.parameter ?? [];
    const arity = (...allowed: number[]) => {
      if (!allowed.includes(parameters.length))
        this.#text.fail(target, says('transform-parameters', { transform: target.transform, count: allowed.join(', ') }), 'transform');
    };
    const at = (index: number) => parameters[index] as StructureMapGroupRuleTargetParameter;
    const part = (index: number, primitive: string) =>
      parameters[index] === undefined ? undefined : this.#values.clean(at(index), primitive, scope);
    const fieldOf = (...values: (Value | undefined)[]) =>
      values.find((v) => v !== undefined && v.literal === undefined)?.field ?? this.#text.ruleField;
    switch (target.transform) {
      case 'c':
      case 'cc': {
        if (target.transform === 'cc' && parameters.length === 1) {
          const text = this.#values.clean(at(0), 'string', scope);
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
          const text = this.#values.clean(at(0), 'string', scope);
          const js = this.#text.fresh('quantity');
          const call = `quantityOf(${text.js}${this.#text.at(text.field)})`;
          this.#text.line(`const ${js} = ${text.present ? call : `${text.js} === undefined ? undefined : ${call}`};`);
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
        const value = this.#values.clean(at(1), 'string', scope, true);
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
        const value = this.#values.clean(at(parameters.length - 1), 'string', scope, true);
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
        const { row } = this.#values.translate(target, scope);
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
    const js = this.#text.fresh(hint);
    this.#text.line(`const ${js} = ${literal};`);
    for (const [name, value] of maybe) this.#text.line(`if (${value.js} !== undefined) ${js}.${name} = ${value.js};`);
    return js;
  }
}
