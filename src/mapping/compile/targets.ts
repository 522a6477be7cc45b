import type { StructureMapGroupRuleTarget } from '@medplum/fhirtypes';
import type { Bilingual, Problem } from '../../errors/index.ts';
import { AUTO_VARIABLE, says } from '../fml/index.ts';
import type { GroupText } from './group-text.ts';
import type { PartsBuilder } from './parts.ts';
import { jsonKind, type TargetElement } from './target-types.ts';
import { type Parts, type Place, typeName, type Value } from './value.ts';
import type { Values } from './values.ts';
import { property, quote, type Scope, type SourceVariable, type TargetVariable, type ValueVariable, type Variable } from './variables.ts';

const REFUSED_TRANSFORMS: Readonly<Record<string, Bilingual>> = { dateOp: says('why-undefined') };
/** What gives another result each time, or a reference to an id that the map wrote, has no place where ids come from roles. */
const OF_OWN_IDS: Readonly<Record<string, Bilingual>> = {
  uuid: says('why-roles'),
  pointer: says('why-pointer'),
};

/** What a rule writes: where it goes, what it is made of, and that nothing empty stays. */
export class Targets {
  readonly #text: GroupText;
  readonly #values: Values;
  readonly #parts: PartsBuilder;

  constructor(text: GroupText, values: Values, parts: PartsBuilder) {
    this.#text = text;
    this.#values = values;
    this.#parts = parts;
  }

  #targetVariable(name: string, scope: Scope, node: object): TargetVariable {
    const variable = scope.get(name);
    if (variable === undefined) this.#text.fail(node, says('no-variable', { name }));
    if (variable.kind !== 'target') this.#text.fail(node, says('not-target', { name }));
    return variable;
  }

  /** The object that the last element of `tgt.a.b` belongs to; those between are made when they are missing. */
  owner(target: StructureMapGroupRuleTarget, scope: Scope, created: (() => void)[]): Place {
    let owner = this.#targetVariable(target.context ?? '', scope, target);
    const steps = (target.element ?? '').split('.');
    for (const name of steps.slice(0, -1)) {
      const element = this.#resolve(owner, name, undefined, target);
      if (element.array) this.#text.fail(target, says('target-repeats', { name, owner: target.context }), 'element');
      owner = this.#getOrCreate(owner, element, name, created);
    }
    return { owner, last: steps.at(-1) as string };
  }

  #resolve(owner: TargetVariable, name: string, wanted: string | ((code: string) => boolean) | undefined, node: object): TargetElement {
    const resolved = this.#text.linker.targets.resolve(owner.type, name, wanted);
    if ('problem' in resolved) this.#text.fail(node, resolved.problem, 'element');
    if (name === 'id' && !this.#text.linker.ownIds && this.#text.linker.targets.isResource(owner.type)) {
      this.#text.fail(node, says('ids-from-roles'), 'element');
    }
    if (name === 'resourceType') this.#text.fail(node, says('resource-type'), 'element');
    return resolved;
  }

  #getOrCreate(owner: TargetVariable, element: TargetElement, name: string, created: (() => void)[]): TargetVariable {
    const js = this.#text.fresh(name);
    this.#text.line(`const ${js} = (${property(owner.js, element.name)} ??= {});`);
    this.#attach(owner, element, js);
    const made: TargetVariable = { kind: 'target', js, type: element.type, depth: this.#text.depth, sure: false };
    created.push(() => this.#finish(owner, element, made));
    return made;
  }

  /** At the end of the rule that made an object: without content it is taken out again. */
  #finish(owner: TargetVariable, element: TargetElement, made: TargetVariable): void {
    if (made.sure) {
      if (owner.depth === made.depth) owner.sure = true;
      return;
    }
    if (element.array) this.#text.line(`if (isEmpty(${made.js})) remove(${owner.js}, ${quote(element.name)}, ${made.js});`);
    else this.#text.line(`if (isEmpty(${made.js})) delete ${property(owner.js, element.name)};`);
  }

  #attach(parent: TargetVariable, element: TargetElement, child: string): void {
    if (!this.#text.linker.traced) return;
    this.#text.site(parent.type, element.name, false);
    this.#text.line(`attach(${parent.js}, ${quote(element.name)}, ${child}, ${element.array});`);
  }

  emitTarget(target: StructureMapGroupRuleTarget, scope: Map<string, Variable>, created: (() => void)[]): void {
    this.#checkListMode(target);
    if (target.variable === 'true' || target.variable === 'false')
      this.#text.fail(target, says('variable-name', { name: target.variable }));
    const { transform } = target;
    const refused =
      transform === undefined
        ? undefined
        : Object.hasOwn(REFUSED_TRANSFORMS, transform)
          ? REFUSED_TRANSFORMS[transform]
          : this.#text.linker.ownIds || !Object.hasOwn(OF_OWN_IDS, transform)
            ? undefined
            : OF_OWN_IDS[transform];
    if (refused !== undefined) this.#text.fail(target, says('transform-refused', { transform, why: refused }), 'transform');
    if (target.context === undefined) {
      if (target.variable === undefined) this.#text.fail(target, says('target-variable'));
      if (transform === 'create') {
        this.#createFree(target, scope);
        return;
      }
      const value = this.#values.value(target, scope);
      this.#bindValue(target.variable, this.#values.coerce(value, typeName(value), target), typeName(value), scope);
      return;
    }
    if (target.element === undefined) {
      // `src -> tgt then Group(src, tgt)` names the target without touching it.
      if (transform !== undefined) this.#text.fail(target, says('value-element'));
      const named = this.#targetVariable(target.context, scope, target);
      if (target.variable !== undefined) scope.set(target.variable, named);
      return;
    }
    const place = this.owner(target, scope, created);
    if (transform === undefined || transform === 'create') this.#create(place, target, scope, created);
    else if (transform === 'reference' || transform === 'pointer') this.#reference(place, target, scope);
    else if (transform === 'copy' && this.#copied(place, target, scope, created)) return;
    else if (transform === 'evaluate' && this.#evaluated(place, target, scope)) return;
    else {
      const parts = this.#parts.complex(target, scope);
      const as = this.#values.castType(target, place);
      if (parts !== undefined) this.#writeComplex(place, target, parts, scope, created);
      else this.writeValue(place, target, this.#values.value(target, scope, as), as, scope);
    }
  }

  #checkListMode(target: StructureMapGroupRuleTarget): void {
    const [mode, ...more] = target.listMode ?? [];
    if (mode === undefined) return;
    const fail = (problem: Problem) => this.#text.fail(target, problem, 'listMode');
    if (more.length > 0) fail(says('one-list-mode'));
    if (mode === 'share' && target.listRuleId === undefined) fail(says('share-name'));
    const isMade = target.transform === undefined || target.transform === 'create';
    if ((mode === 'share' || mode === 'collate') && !isMade) fail(says('list-mode-objects', { mode }));
  }

  /** `create('T') as x`: an object that has no place yet; `tgt.a = x` gives it one. */
  #createFree(target: StructureMapGroupRuleTarget, scope: Map<string, Variable>): void {
    const type = target.parameter?.[0]?.valueString;
    if (type === undefined || !this.#text.linker.targets.has(type)) this.#text.fail(target, says('create-free'), 'transform');
    const js = this.#text.fresh(target.variable as string);
    this.#text.line(`const ${js} = ${this.#emptyObject(type, false)};`);
    scope.set(target.variable as string, { kind: 'target', js, type, depth: this.#text.depth, sure: true });
  }

  /** `tgt.a = x` of an object: one of the target itself, one of a FHIR source as a copy. False where x is a value. */
  #copied(place: Place, target: StructureMapGroupRuleTarget, scope: Map<string, Variable>, created: (() => void)[]): boolean {
    const name = target.parameter?.[0]?.valueId;
    const variable = name === undefined ? undefined : scope.get(name);
    if (variable?.kind === 'source' && variable.type.kind === 'object') {
      this.writeCopy(place, target, variable, scope, created);
      return true;
    }
    if (variable?.kind !== 'target') return false;
    const ref = this.#text.linker.targets.element(place.owner.type, place.last)?.ref;
    const element = this.#resolve(place.owner, place.last, ref === undefined ? variable.type : undefined, target);
    if (element.type !== variable.type) this.#text.fail(target, says('is-no', { type: variable.type, wanted: element.type }));
    this.#text.line(this.#assignment(place.owner, element, variable.js, target.listMode?.[0]));
    this.#attach(place.owner, element, variable.js);
    if (place.owner.depth === this.#text.depth) place.owner.sure = true;
    if (target.variable !== undefined) scope.set(target.variable, variable);
    return true;
  }

  /** An expression that gives an object of FHIR, one or none. False where it gives a value. */
  #evaluated(place: Place, target: StructureMapGroupRuleTarget, scope: Map<string, Variable>): boolean {
    const { emitted, field } = this.#values.evaluated(target, scope);
    const type = emitted.type.kind === 'list' ? emitted.type.items : emitted.type;
    if (type.kind !== 'object' || type.fhir === undefined) return false;
    const js = this.#text.fresh('evaluated');
    this.#text.line(`const ${js} = object(${emitted.js}${this.#text.at(field)});`);
    this.#text.open(`if (${js} !== undefined) {`, true);
    this.writeCopy(place, target, { kind: 'source', js, type, present: true, field }, scope, []);
    this.#text.close(true);
    return true;
  }

  #create({ owner, last }: Place, target: StructureMapGroupRuleTarget, scope: Map<string, Variable>, created: (() => void)[]): void {
    const parameters = target.parameter ?? [];
    let wanted: string | undefined;
    if (parameters.length > 0) {
      wanted = parameters[0]?.valueString;
      if (wanted === undefined || parameters.length > 1) this.#text.fail(target, says('create'), 'transform');
    }
    const element = this.#resolve(owner, last, wanted, target);
    if (target.variable === undefined && (wanted === undefined || !this.#text.linker.targets.isResource(element.type))) {
      this.#text.fail(target, says('object-variable'));
    }
    const mode = target.listMode?.[0];
    const isReused = mode === 'collate' || (wanted === undefined && target.transform === undefined && mode !== 'share');
    if (isReused && !element.array) {
      if (jsonKind(element.type) !== undefined)
        this.#text.fail(target, says('is-primitive', { type: owner.type, element: last }), 'element');
      scope.set(target.variable as string, this.#getOrCreate(owner, element, target.variable as string, created));
      return;
    }
    const made = this.make({ owner, last }, target, wanted, target.variable ?? last, created);
    if (target.variable !== undefined) scope.set(target.variable, made);
  }

  /** A new object at its place. */
  make(
    { owner, last }: Place,
    target: StructureMapGroupRuleTarget,
    wanted: string | undefined,
    hint: string,
    created: (() => void)[],
  ): TargetVariable {
    const element = this.#resolve(owner, last, wanted, target);
    if (jsonKind(element.type) !== undefined) this.#text.fail(target, says('is-primitive', { type: owner.type, element: last }), 'element');
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
    if (!this.#text.linker.targets.isResource(type)) return '{}';
    return `{ resourceType: ${quote(type)}${inEntry && !this.#text.linker.ownIds ? ', id: ""' : ''} }`;
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
    const name = this.#text.fresh(hint);
    const mode = target.listMode?.[0];
    const at = `${owner.js}, ${quote(element.name)}`;
    if (mode === 'share')
      this.#text.line(
        `const ${name} = shared(${at}, ${this.#text.sharing}, ${quote(target.listRuleId ?? '')}, ${this.#text.counts}, ${element.array}, () => (${value}));`,
      );
    else if (mode === 'collate') this.#text.line(`const ${name} = collated(${at}, () => (${value}));`);
    else {
      this.#text.line(`const ${name} = ${value};`);
      this.#text.line(this.#assignment(owner, element, name, mode));
    }
    this.#attach(owner, element, name);
    const made: TargetVariable = { kind: 'target', js: name, type: element.type, depth: this.#text.depth, sure: false };
    created.push(() => this.#finish(owner, element, made));
    return made;
  }

  /** The statement that writes a value: lists grow at their end, unless a list mode says otherwise. */
  #assignment(owner: TargetVariable, element: TargetElement, js: string, mode: string | undefined): string {
    if (element.choice !== undefined) this.#text.line(this.#text.linker.chosen(owner, element));
    if (!element.array) return `${property(owner.js, element.name)} = ${js};`;
    const at = `${owner.js}, ${quote(element.name)}, ${js}`;
    const rule = `${quote(this.#text.ruleName())}, ${quote(String(this.#text.ruleLine))}`;
    if (mode === 'first') return `first(${at}, ${rule});`;
    if (mode === 'last') return `last(${at}, ${rule});`;
    return `(${property(owner.js, element.name)} ??= []).push(${js});`;
  }

  /** `reference(resource)`, `pointer(resource)`: texts that are known only after all resources have ids. */
  #reference({ owner, last }: Place, target: StructureMapGroupRuleTarget, scope: Scope): void {
    const [parameter, ...more] = target.parameter ?? [];
    if (parameter?.valueId === undefined || more.length > 0)
      this.#text.fail(target, says('one-resource', { transform: target.transform }), 'transform');
    const source = scope.get(parameter.valueId);
    if (
      this.#text.linker.ownIds &&
      source?.kind === 'source' &&
      source.type.kind === 'object' &&
      this.#text.linker.targets.isResource(source.type.name)
    ) {
      // A source is read only: one without an id cannot be referred to.
      const before = quote(target.transform === 'pointer' ? 'urn:uuid:' : `${source.type.name}/`);
      const js = `idOf(${source.js}, ${before})`;
      this.writeValue({ owner, last }, target, { js, kind: 'string', clean: true, present: false, field: source.field }, undefined, scope);
      return;
    }
    const resource = this.#targetVariable(parameter.valueId, scope, parameter);
    if (!this.#text.linker.targets.isResource(resource.type)) this.#text.fail(parameter, says('not-resource', { name: parameter.valueId }));
    const { transform } = target;
    const element = this.#resolve(owner, last, undefined, target);
    const isText = this.#text.linker.ownIds
      ? jsonKind(element.type) === 'string' && !element.array
      : owner.type === 'Reference' && last === 'reference';
    if (!isText) this.#text.fail(target, says('reference-text', { transform }), 'element');
    if (target.variable !== undefined) this.#text.fail(target, says('reference-variable', { transform }));
    const form = this.#text.linker.ownIds ? `, ${quote(element.name)}, ${transform === 'pointer'}` : '';
    this.#text.line(`linkTo(${owner.js}, ${resource.js}${form});`);
    this.#wrote(owner, element.name, false, this.#text.ruleField);
    if (owner.depth === this.#text.depth) owner.sure = true;
  }

  #wrote(owner: TargetVariable, name: string, array: boolean, field: string): void {
    if (this.#text.linker.traced)
      this.#text.line(`wrote(${owner.js}, ${quote(name)}, ${field}, ${this.#text.site(owner.type, name, true)}, ${array});`);
  }

  #bindValue(variable: string, value: Value, type: string, scope: Map<string, Variable>): ValueVariable {
    const js = this.#text.fresh(variable);
    this.#text.line(`const ${js} = ${value.js};`);
    const bound: ValueVariable = { kind: 'value', js, type, present: value.present, field: value.field };
    scope.set(variable, bound);
    return bound;
  }

  writeValue(
    { owner, last }: Place,
    target: StructureMapGroupRuleTarget,
    value: Value,
    as: string | undefined,
    scope: Scope | Map<string, Variable>,
  ): TargetElement {
    const element = this.#elementFor({ owner, last }, target, value, as);
    const written = this.#values.coerce(value, element.type, target);
    const isLink = !this.#text.linker.ownIds && owner.type === 'Reference' && element.name === 'reference';
    const assign = (js: string) => (isLink ? `link(${owner.js}, ${js});` : this.#assignment(owner, element, js, target.listMode?.[0]));
    let js = written.js;
    if (target.variable !== undefined && target.variable !== AUTO_VARIABLE) {
      js = this.#bindValue(target.variable, written, element.type, scope as Map<string, Variable>).js;
    } else if (!written.present && !/^\w+$/.test(js)) {
      js = this.#text.fresh(element.name);
      this.#text.line(`const ${js} = ${written.js};`);
    }
    if (written.present) {
      this.#text.line(assign(js));
      if (owner.depth === this.#text.depth) owner.sure = true;
      this.#wrote(owner, element.name, element.array, written.field);
    } else if (!this.#text.linker.traced && element.choice === undefined) this.#text.line(`if (${js} !== undefined) ${assign(js)}`);
    else {
      this.#text.open(`if (${js} !== undefined) {`, true);
      this.#text.line(assign(js));
      this.#wrote(owner, element.name, element.array, written.field);
      this.#text.close(true);
    }
    return element;
  }

  /** Which element a primitive goes to: for a choice, its type must be plain. */
  #elementFor({ owner, last }: Place, target: StructureMapGroupRuleTarget, value: Value, as: string | undefined): TargetElement {
    const plain = this.#text.linker.targets.element(owner.type, last);
    if (plain?.choice !== true) {
      const element = this.#resolve(owner, last, undefined, target);
      if (jsonKind(element.type) === undefined) {
        this.#text.fail(target, says('is-complex', { owner: owner.type, element: last, type: element.type }), 'transform');
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
        this.#text.fail(target, says('value-missing'), 'transform');
      }
      this.#text.open(`if (${missing.join(' && ')}) {`, true);
    }
    let js = parts.build();
    if (target.variable !== undefined) {
      const name = this.#text.fresh(target.variable);
      this.#text.line(`const ${name} = ${js};`);
      js = name;
      const made: TargetVariable = { kind: 'target', js, type: element.type, depth: this.#text.depth, sure: true };
      scope.set(target.variable, made);
      created.push(() => this.#finish(owner, element, made));
    }
    this.#text.line(this.#assignment(owner, element, js, target.listMode?.[0]));
    if (target.variable !== undefined) this.#attach(owner, element, js);
    if (owner.depth === this.#text.depth) owner.sure = true;
    this.#wrote(owner, element.name, element.array, parts.field);
    if (missing.length > 0) this.#text.close(true);
  }

  /** An object of FHIR, whole. */
  writeCopy(
    place: Place,
    target: StructureMapGroupRuleTarget,
    source: SourceVariable,
    scope: Scope | Map<string, Variable>,
    created: (() => void)[],
  ): void {
    const fhir = source.type.kind === 'object' ? source.type.fhir : undefined;
    if (fhir === undefined) this.#text.fail(target, says('object-copied'));
    const { owner, last } = place;
    const ref = this.#text.linker.targets.element(owner.type, last)?.ref;
    const element = this.#resolve(owner, last, ref === undefined ? fhir : undefined, target);
    if (element.type !== fhir) this.#text.fail(target, says('is-no-group', { type: fhir, wanted: element.type }));
    this.#text.use(source.usage);
    const made = this.#put(place, target, element, `copyOf(${source.js})`, target.variable ?? last, created);
    made.sure = true;
    if (owner.depth === this.#text.depth) owner.sure = true;
    this.#wrote(owner, element.name, element.array, source.field);
    if (target.variable !== undefined && target.variable !== AUTO_VARIABLE) (scope as Map<string, Variable>).set(target.variable, made);
  }
}
