import type { StructureDefinitionContext } from '@medplum/fhirtypes';
import type { R4Element, R4Elements, R4Type } from '../terminology/r4-elements.ts';
import { CodeSet, type ValueSets } from './code-set.ts';
import { type CodeSystems, isCurrency, isLanguage } from './code-systems.ts';
import { compileInvariant, type ExpressionTable, type WrittenInvariant } from './expressions.ts';
import { IN_WORDS, UCUM } from './in-words.ts';
import { INVARIANTS } from './invariants.ts';
import { isAbsoluteUri, PRIMITIVES, type PrimitiveTest } from './primitives.ts';
import { type Reference, referenceOf } from './references.ts';
import { isObject, type Json, type Run } from './run.ts';
import { isUnit } from './ucum.ts';

/** FHIR sets no limit; real resources stay below 20. */
export const MAX_DEPTH = 64;

type ExtensionContext = Readonly<StructureDefinitionContext>;

/** How an extension is defined to be used; without contexts it may stand anywhere. */
export interface ExtensionUse {
  readonly contexts: readonly ExtensionContext[] | undefined;
  readonly isModifier: boolean;
}

type OnNode = (node: Json, path: string, run: Run) => void;

/** Checks one node. `n` is an object, `p` its expression, `x` the run, `d` its depth. */
type Check = (n: Json, p: string, x: Run, d: number) => void;

export const capitalise = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

const isPrimitive = (code: string): boolean => code in PRIMITIVES;

/** Elements whose URI must be absolute, which R4 says in words only. */
const ABSOLUTE = new Set(['Identifier.system', ...['Quantity', 'Age', 'Count', 'Distance', 'Duration'].map((type) => `${type}.system`)]);

const QUANTITIES = new Set(['Quantity', 'Age', 'Count', 'Distance', 'Duration']);

/** HL7 prefers its short list, but whatever the code, its system must be BCP 47. */
const LANGUAGES = 'http://hl7.org/fhir/ValueSet/languages';

const HL7_VALUE_SET = 'http://hl7.org/fhir/ValueSet/';

/** Whatever the strength of this binding, HL7's engine takes no other system. */
const UNITS = `${HL7_VALUE_SET}ucum-units`;

const CURRENCIES = `${HL7_VALUE_SET}currencies`;

/** Value sets of systems that have no table. */
const LISTED: Readonly<Record<string, (code: string) => boolean>> = {
  [LANGUAGES]: isLanguage,
  [CURRENCIES]: isCurrency,
  [`${HL7_VALUE_SET}expression-language`]: (code) => code.includes('/'),
};

const BOUND = new Set(['code', 'string', 'uri', 'Coding', 'CodeableConcept', 'Quantity']);

/**
 * Turns the element table into JavaScript, one function for each type and backbone element, made when it is first needed.
 *
 * The generated functions read `K`, a list of constants (tests, code sets, targets), and call each other through `T`, so that a
 * type may refer to one that is not made yet.
 */
export class StructureCompiler {
  readonly #elements: R4Elements;
  readonly #readOthers: () => R4Elements;
  #others: R4Elements | undefined;
  readonly #valueSets: ValueSets;
  /** How an extension may be used, by its url; undefined for one that is not known. */
  readonly #useOf: (url: string) => ExtensionUse | undefined;
  readonly #readInvariants: () => ExpressionTable;
  #invariants: ExpressionTable | undefined;
  readonly #codeSystems: CodeSystems;
  readonly #indices = new Map<string, number>();
  readonly #table: Check[] = [];
  readonly #constants: unknown[] = [];
  readonly #known = new Map<unknown, number>();
  readonly #codeSets = new Map<string, CodeSet>();
  /** Called on every sound extension: profiles of ours on extensions. */
  readonly #onExtension: OnNode;
  /** Called on every resource that has a `meta` object, sound or not: the profiles it names. */
  readonly #onMeta: OnNode;

  constructor(
    elements: R4Elements,
    others: () => R4Elements,
    useOf: (url: string) => ExtensionUse | undefined,
    valueSets: ValueSets,
    invariants: () => ExpressionTable,
    codeSystems: CodeSystems,
    onExtension: OnNode,
    onMeta: OnNode,
  ) {
    this.#elements = elements;
    this.#readOthers = others;
    this.#valueSets = valueSets;
    this.#useOf = useOf;
    this.#readInvariants = invariants;
    this.#codeSystems = codeSystems;
    this.#onExtension = onExtension;
    this.#onMeta = onMeta;
  }

  /** Undefined for a value set whose codes are not known. */
  codeSet(url: string): CodeSet | undefined {
    const systems = this.#valueSets[url];
    if (systems === undefined) return undefined;
    const set = this.#codeSets.get(url) ?? new CodeSet(url, systems);
    this.#codeSets.set(url, set);
    return set;
  }

  isResource(type: unknown): type is string {
    return typeof type === 'string' && this.#type(type)?.kind === 'resource';
  }

  #type(key: string): R4Type | undefined {
    if (Object.hasOwn(this.#elements, key)) return this.#elements[key];
    this.#others ??= this.#readOthers();
    return Object.hasOwn(this.#others, key) ? this.#others[key] : undefined;
  }

  /** Checks a resource of any type; `contained`: it is inside another resource. */
  resource(value: unknown, path: string, run: Run, depth: number, contained: boolean): void {
    if (!isObject(value)) {
      run.f.notObject(path, value);
      return;
    }
    if (!this.isResource(value.resourceType)) {
      run.f.structure(path, 'resource-type');
      return;
    }
    if (depth > MAX_DEPTH) {
      run.f.structure(path, 'depth');
      return;
    }
    const { container, local, ids } = run;
    run.ids = undefined;
    if (!contained) {
      run.container = value;
      run.local = Array.isArray(value.contained) ? new Set() : undefined;
    }
    this.#table[this.#index(value.resourceType)]?.(value, path, run, depth);
    if (isObject(value.meta)) this.#onMeta(value, path, run);
    if (contained) this.#contained(value, path, run);
    else if (run.local !== undefined) this.#orphans(value, path, run);
    run.container = container;
    run.local = local;
    run.ids = ids;
  }

  /** Rule dom-3: each contained resource is referred to, or refers to its container. */
  #orphans({ contained }: Json, path: string, run: Run): void {
    if (!Array.isArray(contained)) return;
    const ids = new Set<unknown>();
    for (let i = 0; i < contained.length; i++) {
      const id = isObject(contained[i]) ? contained[i].id : undefined;
      if (id !== undefined && ids.has(id)) run.f.structure(`${path}.contained[${i}]`, 'duplicate-id');
      ids.add(id);
    }
    if (run.local?.has('#')) return;
    for (let i = 0; i < contained.length; i++) {
      const id = isObject(contained[i]) ? contained[i].id : undefined;
      if (typeof id !== 'string' || !run.local?.has(`#${id}`)) run.f.invariant(`${path}.contained[${i}]`, 'dom-3');
    }
  }

  #contained(value: Json, path: string, run: Run): void {
    if (value.contained !== undefined) run.f.invariant(path, 'dom-2');
    const meta = value.meta;
    if (!isObject(meta)) return;
    if (meta.versionId !== undefined || meta.lastUpdated !== undefined) run.f.invariant(path, 'dom-4');
    if (meta.security !== undefined) run.f.invariant(path, 'dom-5');
  }

  #index(key: string): number {
    let index = this.#indices.get(key);
    if (index === undefined) {
      index = this.#table.length;
      const at = index;
      this.#indices.set(key, at);
      this.#table.push((n, p, x, d) => {
        const made = this.#make(key);
        this.#table[at] = made;
        made(n, p, x, d);
      });
    }
    return index;
  }

  #constant(value: unknown): string {
    let index = this.#known.get(value);
    if (index === undefined) {
      index = this.#constants.push(value) - 1;
      this.#known.set(value, index);
    }
    return `K[${index}]`;
  }

  #make(key: string): Check {
    const type = this.#type(key);
    if (type === undefined) throw new Error(`no such type: ${key}`);
    const cases: string[] = [];
    const required: string[] = [];
    const variables: string[] = [];
    for (const [name, element] of Object.entries(type.elements)) {
      if (name === 'id') {
        const once = type.kind === 'resource' ? '' : 'x.elementId(v, p);';
        cases.push(this.#primitiveCases(key, name, element.types[0]?.code ?? 'string', element, once));
        continue;
      }
      let seen = '';
      if (element.min > 0) {
        variables.push(`has_${name} = false`);
        seen = `has_${name} = true; `;
        required.push(`if (!has_${name}) f.cardinality(p + '.${name}', ${element.min}, ${JSON.stringify(element.max)});`);
      }
      if (!element.choice) {
        cases.push(this.#cases(key, name, element.types[0]?.code ?? '', element, seen));
        continue;
      }
      const chosen = `choice_${name}`;
      variables.push(`${chosen} = ''`);
      for (const { code } of element.types) {
        const full = name + capitalise(code);
        const one = `if (${chosen} !== '' && ${chosen} !== '${full}') f.structure(p + '.${name}', 'choice'); ${chosen} = '${full}';`;
        cases.push(this.#cases(key, full, code, element, seen + one));
      }
    }
    const whenSound = (INVARIANTS[key] ?? []).map((rule) => `if (!${this.#constant(rule.test)}(n)) f.invariant(p, '${rule.key}');`);
    for (const written of this.#written(key)) {
      const test = this.#constant(compileInvariant(key, written));
      const scope = `{ resource: x.container, rootResource: x.container, type: ${JSON.stringify(key)} }`;
      const rule = JSON.stringify(written.key);
      if (written.on === undefined) whenSound.push(`if (!${test}(n, ${scope})) f.invariant(p, ${rule});`);
      else {
        const on = JSON.stringify(written.on);
        whenSound.push(`for (const [v, at] of R.valuesOf(n, ${on})) if (!${test}(v, ${scope})) f.invariant(p + '.' + at, ${rule});`);
      }
    }
    if (key === 'Bundle') whenSound.push('R.entries(n, p, x);');
    if (key === 'Questionnaire') whenSound.push('R.questions(n, p, x);');
    if (key === 'Extension') {
      whenSound.push("if ((n.extension !== undefined) === (choice_value !== '' && !R.isHollow(n[choice_value]))) f.invariant(p, 'ext-1');");
      whenSound.push(`${this.#constant(this.#onExtension)}(n, p, x);`);
    }
    const source = `'use strict';
return function (n, p, x, d) {
  const f = x.f;
  if (d > ${MAX_DEPTH}) return f.structure(p, 'depth');
  const before = f.count;
  let any = false${variables.map((variable) => `, ${variable}`).join('')};
  for (const k in n) {
    const v = n[k];
    if (v === undefined) continue;
    switch (k) {
${cases.join('\n')}
${type.kind === 'resource' ? "case 'resourceType': break;" : ''}
default: f.unknownElement(p, k);
    }
    any = true;
  }
  if (!any) f.structure(p, 'empty');
  ${required.join('\n  ')}
  ${whenSound.length > 0 ? `if (f.count === before) {\n  ${whenSound.join('\n  ')}\n  }` : ''}
}`;
    return new Function('T', 'K', 'R', source)(this.#table, this.#constants, this.#runtime) as Check;
  }

  /** Cases of one element name: its value and, for a primitive, the `_name` beside it. */
  #cases(owner: string, name: string, code: string, element: R4Element, seen: string): string {
    if (element.ref === undefined && isPrimitive(code)) return this.#primitiveCases(owner, name, code, element, seen);
    const at = JSON.stringify(`.${name}`);
    const each = (value: string, path: string) => this.#complex(owner, name, code, element, value, path);
    if (element.max === 1) return `case '${name}': ${seen} ${each('v', `p + ${at}`)} break;`;
    return `case '${name}': ${seen}
  if (!Array.isArray(v)) f.structure(p + ${at}, 'not-list');
  else if (v.length === 0) f.structure(p + ${at}, 'empty');
  else { ${this.#counts(element, at)}for (let i = 0; i < v.length; i++) { const w = v[i]; ${each('w', `p + ${JSON.stringify(`.${name}[`)} + i + ']'`)} } }
  break;`;
  }

  #written(key: string): readonly WrittenInvariant[] {
    this.#invariants ??= this.#readInvariants();
    return Object.hasOwn(this.#invariants, key) ? (this.#invariants[key] ?? []) : [];
  }

  #counts(element: R4Element, at: string): string {
    const limits = [
      ...(element.min > 1 ? [`v.length < ${element.min}`] : []),
      ...(element.max !== '*' ? [`v.length > ${element.max}`] : []),
    ];
    return limits.length === 0
      ? ''
      : `if (${limits.join(' || ')}) f.cardinality(p + ${at}, ${element.min}, ${JSON.stringify(element.max)}); `;
  }

  /** Code that checks one object of a complex type, held by `value`, found at the expression `path`. */
  #complex(owner: string, name: string, code: string, element: R4Element, value: string, path: string): string {
    if (code === 'Resource') return `R.resource(${value}, ${path}, x, d + 1, ${name === 'contained'});`;
    const key = element.ref ?? code;
    const after: string[] = [];
    const targets = element.types.find((type) => type.code === code)?.targets;
    if (code === 'Reference') after.push(`R.reference(${value}, ${this.#constant(targetsOf(targets))}, q, x);`);
    if (element.simple) after.push(`if (${value}.comparator !== undefined) f.cardinality(q + '.comparator', 0, 0);`);
    const set = element.binding?.strength === 'required' && BOUND.has(code) ? this.codeSet(element.binding.valueSet) : undefined;
    if (set) {
      after.push(`if (!${this.#constant(set)}.has('${code}', ${value})) f.binding(q, ${JSON.stringify(set.url)});`);
    }
    // HL7's engine looks each code up in its system, whatever its binding.
    if (code === 'CodeableConcept' && element.binding?.valueSet === LANGUAGES) after.push(`R.language(${value}, q, x);`);
    else if (code === 'CodeableConcept' && element.binding?.valueSet === UNITS) after.push(`R.unit(${value}, q, x);`);
    else if (code === 'CodeableConcept') after.push(`R.concept(${value}, q, x);`);
    else if (code === 'Coding' && owner !== 'CodeableConcept') {
      const strength = element.binding?.strength ?? 'example';
      after.push(`R.coding(${value}, q, x, ${strength !== 'example'});`);
    } else if (code === 'Attachment') after.push(`R.attachment(${value}, q, x);`);
    else if (code === 'Identifier') after.push(`R.identifier(${value}, q, x);`);
    else if (code === 'Quantity') after.push(`R.quantity(${value}, q, x);`);
    else if (QUANTITIES.has(code)) after.push(`R.duration(${value}, q, x);`);
    else if (code === 'Extension') {
      if (owner !== 'Extension') after.push(`R.extensionUrl(${value}, q, x);`);
      after.push(`R.extensionUse(${value}, ${name === 'modifierExtension'}, ${JSON.stringify(owner)}, n, p, q, x);`);
    }
    return `{ const q = ${path}; if (typeof ${value} !== 'object' || ${value} === null || Array.isArray(${value})) f.notObject(q, ${value});
  else { T[${this.#index(key)}](${value}, q, x, d + 1); ${after.join(' ')} } }`;
  }

  #primitiveCases(owner: string, name: string, type: string, element: R4Element, seen: string): string {
    const isAbsolute = ABSOLUTE.has(`${owner}.${name}`) || this.#isCanonicalUrl(owner, name);
    const test: PrimitiveTest | undefined = isAbsolute ? isAbsoluteUri : PRIMITIVES[owner === 'Extension' && name === 'url' ? 'uri' : type];
    const at = JSON.stringify(`.${name}`);
    const under = `_${name}`;
    const set = element.binding?.strength === 'required' && BOUND.has(type) ? this.codeSet(element.binding.valueSet) : undefined;
    const listed = type !== 'code' ? undefined : LISTED[element.binding?.valueSet ?? ''];
    const looked = (value: string, path: string) =>
      listed === undefined ? '' : ` else if (!${this.#constant(listed)}(${value})) f.structure(${path}, 'unknown-code');`;
    const check = (value: string, path: string) =>
      set
        ? `if (!${this.#constant(set)}.hasCode(${value})) f.unboundCode(${path}, '${type}', ${value}, ${JSON.stringify(set.url)});`
        : `if (!${this.#test(type, test, value)}) f.primitive(${path}, '${type}', ${value});${looked(value, path)}`;
    const local =
      type === 'canonical' || type === 'uri' || type === 'url'
        ? (value: string, path: string) =>
            ` if (typeof ${value} === 'string' && ${value}.charCodeAt(0) === 35) R.local(${value}, ${path}, x, ${type === 'canonical' && owner !== 'Extension'});`
        : () => '';
    if (element.max === 1) {
      return `case '${name}': ${seen} ${check('v', `p + ${at}`)}${local('v', `p + ${at}`)} break;
case '${under}': ${seen} R.extra(v, n.${name} !== undefined, p + ${at}, x, d); break;`;
    }
    const path = `p + ${JSON.stringify(`.${name}[`)} + i + ']'`;
    const none = element.min > 0 ? `f.cardinality(p + ${at}, ${element.min}, ${JSON.stringify(element.max)})` : `f.emptyValues(p + ${at})`;
    return `case '${name}': ${seen}
  if (!Array.isArray(v)) f.structure(p + ${at}, 'not-list');
  else if (v.length === 0) ${none};
  else for (let i = 0; i < v.length; i++) { const w = v[i]; if (w === null && R.isExtended(n.${under}, i)) continue; ${check('w', path)}${local('w', path)} }
  break;
case '${under}': ${seen} R.extras(v, n.${name}, p + ${at}, x, d); break;`;
  }

  /** The `url` of a definition is its canonical, by which others name it. */
  #isCanonicalUrl(owner: string, name: string): boolean {
    const type = this.#type(owner);
    return name === 'url' && type?.kind === 'resource' && type.elements.status !== undefined && type.elements.version !== undefined;
  }

  #test(type: string, test: PrimitiveTest | undefined, value: string): string {
    if (type === 'boolean') return `(${value} === true || ${value} === false)`;
    if (type === 'decimal') return `(typeof ${value} === 'number' && isFinite(${value}))`;
    return `${this.#constant(test)}(${value})`;
  }

  readonly #runtime = {
    ...IN_WORDS,

    resource: (value: unknown, path: string, run: Run, depth: number, contained: boolean): void =>
      this.resource(value, path, run, depth, contained),

    reference: (node: Json, targets: Targets, path: string, run: Run): void => this.#reference(node, targets, path, run),

    concept: (node: Json, path: string, run: Run): void => {
      const codings = node.coding;
      if (!Array.isArray(codings)) return;
      for (let i = 0; i < codings.length; i++) if (isObject(codings[i])) this.#knownCode(codings[i], path, run);
    },

    /** A Coding outside a CodeableConcept; only where no codes are asked for does HL7's engine insist on an absolute system. */
    coding: (node: Json, path: string, run: Run, isBound: boolean): void => {
      const { system } = node;
      if (!isBound && typeof system === 'string' && system !== '' && !isAbsoluteUri(system))
        run.f.primitive(`${path}.system`, 'uri', system);
      else if (!isBound && typeof system === 'string' && system.startsWith(HL7_VALUE_SET)) run.f.structure(`${path}.system`, 'value-set');
      else if (node.code !== undefined) this.#knownCode(node, path, run);
    },

    quantity: (node: Json, path: string, run: Run): void => {
      if (node.code === undefined) return;
      if (typeof node.system === 'string' && node.system.startsWith(HL7_VALUE_SET)) run.f.structure(`${path}.system`, 'value-set');
      else this.#knownCode(node, path, run);
    },

    extensionUse: (node: Json, isModifier: boolean, owner: string, holder: Json, place: string, path: string, run: Run): void => {
      const use = typeof node.url === 'string' ? this.#useOf(node.url) : undefined;
      if (use === undefined) return;
      const isHere = use.contexts === undefined || use.contexts.some((each) => this.#isIn(each, owner, holder, place));
      if (!isHere || use.isModifier !== isModifier) run.f.structure(path, 'extension-context');
    },

    extensionUrl: ({ url }: Json, path: string, run: Run): void => {
      if (typeof url === 'string' && url !== '' && !isAbsoluteUri(url)) run.f.primitive(`${path}.url`, 'uri', url);
    },

    /** An address that starts with `#` names a contained resource; where `must`, there has to be one. */
    local: (value: string, path: string, run: Run, must: boolean): void => {
      if (this.#containedIn(value, run) === undefined && must) run.f.structure(path, 'not-contained');
    },

    /** Values of an element, also of a choice, each with its name and place. */
    valuesOf: (node: Json, name: string): readonly (readonly [value: unknown, at: string])[] => {
      const key =
        node[name] !== undefined ? name : Object.keys(node).find((each) => each.startsWith(name) && /^[A-Z]/.test(each.slice(name.length)));
      const value = key === undefined ? undefined : node[key];
      if (value === undefined) return [];
      return Array.isArray(value) ? value.map((each, at) => [each, `${key}[${at}]`] as const) : [[value, key as string]];
    },

    /** The `_name` object beside a primitive: an id and extensions. */
    extra: (value: unknown, hasValue: boolean, path: string, run: Run, depth: number): void => {
      if (!isObject(value)) {
        run.f.notObject(path, value);
        return;
      }
      // Of an object that holds nothing but an id, HL7's engine says nothing; beside a primitive it must have a value to name.
      if (!hasValue && value.extension === undefined) run.f.structure(path, 'empty');
      else this.#table[this.#index('Element')]?.(value, path, run, depth + 1);
    },

    extras: (value: unknown, values: unknown, path: string, run: Run, depth: number): void => {
      if (!Array.isArray(value)) {
        run.f.structure(path, 'not-list');
        return;
      }
      if (value.length === 0) {
        run.f.emptyValues(path);
        return;
      }
      const beside = Array.isArray(values) ? values : [];
      for (let i = 0; i < value.length; i++) {
        const hasValue = beside[i] !== undefined && beside[i] !== null;
        if (value[i] === null && hasValue) continue;
        this.#runtime.extra(value[i], hasValue, `${path}[${i}]`, run, depth);
      }
    },

    /** An object that holds nothing but empty lists. */
    isHollow: (value: unknown): boolean =>
      isObject(value) && Object.values(value).every((each) => Array.isArray(each) && each.length === 0),

    isExtended: (extras: unknown, index: number): boolean => Array.isArray(extras) && isObject(extras[index]),
  };

  /** Whether an extension may stand on an element: by its type, its path, what its type is made from, or the extension around it. */
  #isIn({ type, expression = '' }: ExtensionContext, owner: string, holder: Json, place: string): boolean {
    if (type === 'extension') return owner === 'Extension' && holder.url === expression;
    if (type !== 'element') return true;
    const { kind, elements = {} } = this.#type(owner) ?? {};
    if (expression === owner || expression === 'Element' || (expression === 'Resource' && kind === 'resource')) return true;
    if (expression === 'DomainResource') return kind === 'resource' && elements.contained !== undefined;
    if (expression === 'BackboneElement') return kind === 'backbone';
    if (expression === 'Quantity' && QUANTITIES.has(owner)) return true;
    // Which primitive stands beside a `_name` is not known there.
    if (owner === 'Element' && /^[a-z]/.test(expression)) return true;
    const names = place.replace(/\[\d+\]/g, '');
    return names === expression || (expression.includes('.') && names.endsWith(expression.slice(expression.indexOf('.'))));
  }

  #knownCode({ system, code }: Json, path: string, run: Run): void {
    if (typeof system !== 'string') return;
    if (system === UCUM) {
      if (typeof code === 'string' && !isUnit(code)) run.f.structure(path, 'unknown-unit');
      return;
    }
    if (this.#codeSystems.has(system, code) === false) run.f.structure(path, 'unknown-code');
  }

  #containedIn(fragment: string, run: Run): Json | undefined {
    run.local?.add(fragment);
    if (fragment === '#') return run.container;
    const contained = run.container.contained;
    const id = fragment.slice(1);
    return Array.isArray(contained) ? contained.find((resource) => isObject(resource) && resource.id === id) : undefined;
  }

  #isResourceType(type: string): boolean {
    return this.codeSet('http://hl7.org/fhir/ValueSet/resource-types')?.hasCode(type) ?? this.isResource(type);
  }

  /** Form and target type of `Reference.reference`. What another server or a missing entry holds cannot be known here. */
  #reference(node: Json, targets: Targets, path: string, run: Run): void {
    const text = node.reference;
    const declared = node.type;
    if (typeof declared === 'string') {
      // What a reference without an address is said to be is only looked up among the types.
      const isAllowed = text === undefined ? this.#isResourceType(declared) : targets.allows(declared) && this.#isResourceType(declared);
      if (!isAllowed) run.f.reference(`${path}.type`, targets.names);
    }
    if (typeof text !== 'string') return;
    const found: Reference = referenceOf(text);
    let type: unknown;
    if (found.kind === 'contained') {
      const resource = this.#containedIn(text, run);
      if (resource === undefined) {
        run.f.invariant(path, 'ref-1');
        return;
      }
      type = resource.resourceType;
    } else if (found.kind === 'literal') {
      if (!this.#isResourceType(found.type)) {
        // A whole URL may look like one by chance; a relative text may not.
        if (!text.includes(':')) run.malformed(`${path}.reference`, targets.names, text);
        return;
      }
      type = found.type;
    } else if (found.kind === 'bundle') {
      type = run.entryType(text);
    } else if (found.kind === 'malformed') {
      if (/\s/.test(text) || !isQuery(text)) run.f.reference(`${path}.reference`, targets.names);
      else run.malformed(`${path}.reference`, targets.names, text);
    }
    if (typeof type !== 'string') return;
    if (!targets.allows(type)) run.f.reference(`${path}.reference`, targets.names);
    else if (typeof declared === 'string' && declared !== type && targets.allows(declared)) run.f.reference(`${path}.type`, [type]);
  }
}

/** A conditional reference has names and values behind its question mark; other texts are none. */
function isQuery(text: string): boolean {
  if (!/^[A-Z][A-Za-z]{0,63}\?/.test(text)) return true;
  const parts = text.slice(text.indexOf('?') + 1).split('&');
  return parts.every((part) => part.indexOf('=') > 0);
}

class Targets {
  readonly names: readonly string[];
  readonly #allowed: ReadonlySet<string> | undefined;

  constructor(names: readonly string[]) {
    this.names = names;
    this.#allowed = names.length === 0 || names.includes('Resource') ? undefined : new Set(names);
  }

  allows(type: string): boolean {
    return this.#allowed === undefined || this.#allowed.has(type);
  }
}

const TARGETS = new Map<string, Targets>();

function targetsOf(names: readonly string[] = []): Targets {
  const key = names.join();
  const targets = TARGETS.get(key) ?? new Targets(names);
  TARGETS.set(key, targets);
  return targets;
}
