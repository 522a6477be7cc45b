import type { ElementDefinition, ElementDefinitionType, StructureDefinition } from '@medplum/fhirtypes';
import { AppError, type Problem } from '../errors/index.ts';
import type { R4Element, R4Elements } from '../terminology/r4-elements.ts';
import type { CodeSet } from './code-set.ts';
import { compileInvariant } from './expressions.ts';
import type { Findings } from './findings.ts';
import { profileSays } from './profile-problems.ts';
import { referenceOf } from './references.ts';
import { isObject, type Json, type Run } from './run.ts';
import { capitalise } from './structure.ts';

/** Checks a resource or an extension against one profile; the structure of R4 is checked apart, so values may still be anything. */
export type ProfileCheck = (node: Json, path: string, run: Run) => void;

export interface ProfileContext {
  readonly elements: R4Elements;
  readonly profiles: ReadonlyMap<string, StructureDefinition>;
  codeSet(url: string): CodeSet | undefined;
  /** The compiled check of a profile, once all are compiled. */
  check(url: string): ProfileCheck | undefined;
}

/** One element of the differential with what hangs below it. */
interface Rule {
  readonly name: string;
  readonly id: string;
  definition: ElementDefinition | undefined;
  readonly children: Map<string, Rule>;
  readonly slices: Map<string, Rule>;
}

const HL7 = 'http://hl7.org/fhir/StructureDefinition/';
const HL7_VALUE_SET = 'http://hl7.org/fhir/ValueSet/';

/** Keys of an ElementDefinition that only describe, and those that are compiled. All others are refused. */
const DESCRIBES = new Set(
  [
    'id path sliceName short definition comment requirements alias label code mustSupport isSummary isModifier isModifierReason'.split(' '),
    'example mapping base meaningWhenMissing orderMeaning condition representation'.split(' '),
  ].flat(),
);
const COMPILED = new Set(['min', 'max', 'type', 'binding', 'slicing', 'maxLength', 'constraint']);

/**
 * Compiles the differential of one of our profiles to a JavaScript function. Covered: min, max, narrower types and reference targets,
 * fixed[x], pattern[x], minValue and maxValue of numbers, maxLength, required bindings, invariants, and slicing by value, pattern, type,
 * profile and existence; open, closed, open at the end, ordered.
 *
 * @throws AppError `profile-compile` for every construct that is not covered, so that no rule is silently left out
 */
export function compileProfile(profile: StructureDefinition, context: ProfileContext): ProfileCheck {
  return new ProfileCompiler(profile, context).compile();
}

class ProfileCompiler {
  readonly #profile: StructureDefinition;
  readonly #context: ProfileContext;
  readonly #constants: unknown[] = [];
  #variables = 0;

  constructor(profile: StructureDefinition, context: ProfileContext) {
    this.#profile = profile;
    this.#context = context;
  }

  compile(): ProfileCheck {
    const { type, derivation } = this.#profile;
    if (derivation !== 'constraint') throw this.#refuse(profileSays('derivation'));
    if (type === undefined || !Object.hasOwn(this.#context.elements, type)) throw this.#refuse(profileSays('type', { type: type ?? '?' }));
    const source = `'use strict';
return function (n, p, x) {
  const f = x.f;
  ${this.#root(this.#tree(type), type)}
}`;
    const own = new Function('K', 'R', source)(this.#constants, RUNTIME) as ProfileCheck;
    const base = this.#base(type);
    if (base === undefined) return own;
    return (node, path, run) => {
      base(node, path, run);
      own(node, path, run);
    };
  }

  #root(tree: Rule, type: string): string {
    const { min, max } = tree.definition ?? {};
    for (const limit of [min, max === '*' ? 0 : max])
      if (limit !== undefined && !/^\d{1,9}$/.test(String(limit))) throw this.#refuse(profileSays('limit', { element: type }));
    return [this.#invariants(tree, 'n', 'p'), this.#body(tree, 'n', 'p', type)].join('\n');
  }

  /** Invariants of severity error, on the value at `path`. */
  #invariants(rule: Rule, value: string, path: string): string {
    const errors = (rule.definition?.constraint ?? []).filter(({ severity }) => severity === 'error');
    return errors
      .map(({ key = '?', expression }) => {
        if (typeof expression !== 'string') throw this.#refuse(profileSays('no-expression', { element: rule.id, key }));
        const test = compileInvariant(this.#profile.url ?? '?', { key, expression });
        const scope = `{ resource: x.container, rootResource: x.container, type: '' }`;
        return `if (!${this.#constant(test)}(${value}, ${scope})) f.invariant(${path}, ${JSON.stringify(String(key))});`;
      })
      .join('\n');
  }

  #base(type: string): ProfileCheck | undefined {
    const url = this.#profile.baseDefinition;
    if (url === HL7 + type) return undefined;
    const profile = this.#context.profiles.get(url ?? '');
    if (profile === undefined || profile.type !== type || profile === this.#profile) throw this.#refuse(profileSays('base'));
    return compileProfile(profile, this.#context);
  }

  #refuse(problem: Problem): AppError {
    return new AppError('profile-compile', { profile: this.#profile.url ?? this.#profile.id ?? '?', problem });
  }

  /** Reads the flat list of elements as a tree; slices hang on the element they slice. */
  #tree(type: string): Rule {
    const root: Rule = { name: type, id: type, definition: undefined, children: new Map(), slices: new Map() };
    for (const element of this.#profile.differential?.element ?? []) {
      const [first, ...segments] = (element.id ?? element.path ?? '').split('.');
      if (first !== type) throw this.#refuse(profileSays('other-root', { element: element.id ?? element.path, type }));
      let rule = root;
      for (const segment of segments) {
        const [name = '', slice, ...more] = segment.split(':');
        if (more.length > 0 || slice?.includes('/')) throw this.#refuse(profileSays('reslice', { element: element.id }));
        rule = child(rule.children, name, `${rule.id}.${name}`);
        if (slice !== undefined) rule = child(rule.slices, slice, `${rule.id}:${slice}`, name);
      }
      this.#refuseUncovered(element);
      if (rule.definition !== undefined) throw this.#refuse(profileSays('twice', { element: rule.id }));
      rule.definition = element;
    }
    return root;
  }

  #refuseUncovered(element: ElementDefinition): void {
    for (const key of Object.keys(element)) {
      if (DESCRIBES.has(key) || COMPILED.has(key) || /^(?:fixed|pattern)[A-Z]/.test(key)) continue;
      if (/^(?:min|max)Value[A-Z]/.test(key) && typeof (element as unknown as Json)[key] === 'number') continue;
      throw this.#refuse(profileSays('not-covered', { element: element.id, what: key }));
    }
  }

  #constant(value: unknown): string {
    return `K[${this.#constants.push(value) - 1}]`;
  }

  /** Code for what hangs below one node: `node` and `path` are expressions, `key` is the table of the node's type. */
  #body(rule: Rule, node: string, path: string, key: string): string {
    return [...rule.children.values()].map((each) => this.#element(each, node, path, key)).join('\n');
  }

  #element(rule: Rule, node: string, path: string, key: string): string {
    const { names, base, typeOf } = this.#names(rule, key);
    const n = this.#variables++;
    const definition = rule.definition ?? ({} as ElementDefinition);
    const values = `v${n}`;
    this.#refuseContradiction(rule, key, base);
    const lines = [`const ${values} = R.values(${node}, ${path}, ${this.#constant(names.map(nameOf))});`];
    lines.push(this.#cardinality(definition, `${values}.length`, `${path} + ${JSON.stringify(`.${base}`)}`));
    const forbidden = this.#forbidden(rule, key, base, names);
    if (forbidden.length > 0) {
      lines.push(`for (const o of R.among(${node}, ${path}, ${this.#constant(new Set(forbidden))})) f.structure(o.path, 'profile-type');`);
    }
    const slices = this.#slices(rule, base, typeOf);
    lines.push(...slices.map((slice) => `let ${slice.count} = 0;`));
    const slicing = rule.definition?.slicing;
    const isOrdered = slices.length > 0 && (slicing?.ordered === true || slicing?.rules === 'openAtEnd');
    if (isOrdered) lines.push(`let o${n} = 0;`);
    const branches = slices.map((slice, at) => {
      const inOrder = !isOrdered
        ? ''
        : slicing?.ordered
          ? `if (o${n} > ${at}) f.structure(e${n}.path, 'profile-order'); else o${n} = ${at};\n`
          : `if (o${n} === ${slices.length}) f.structure(e${n}.path, 'profile-order');\n`;
      return `if (${slice.test(`e${n}`)}) {\n${slice.count}++;\n${inOrder}${slice.body(`e${n}`)}\n}`;
    });
    if (branches.length > 0 && slicing?.rules === 'closed') branches.push(`f.structure(e${n}.path, 'profile-closed');`);
    // An extension defines its parts: a part without an address of its own that it does not name is none.
    else if (branches.length > 0 && key === 'Extension' && base === 'extension')
      branches.push(`if (R.isPart(e${n}.value)) f.structure(e${n}.path, 'profile-closed');`);
    else if (isOrdered && slicing?.rules === 'openAtEnd') branches.push(`{ o${n} = ${slices.length}; }`);
    const body = [this.#value(rule, `e${n}`, typeOf), branches.join(' else ')].filter((line) => line !== '').join('\n');
    if (body !== '') lines.push(`for (const e${n} of ${values}) {\n${body}\n}`);
    lines.push(...slices.map((slice) => this.#cardinality(slice.definition, slice.count, `${path} + ${JSON.stringify(`.${base}`)}`)));
    return lines.filter((line) => line !== '').join('\n');
  }

  /** A profile may only narrow what its base allows (FHIR R4, Profiling, "Limitations of Use"). */
  #refuseContradiction(rule: Rule, key: string, base: string): void {
    const table = this.#context.elements[key]?.elements ?? {};
    const element = table[base] ?? Object.entries(table).find(([name, each]) => each.choice && base.startsWith(name))?.[1];
    if (element === undefined) return;
    const above = this.#inherited(rule.id);
    const limit = { min: above?.min ?? element.min, max: above?.max ?? String(element.max) };
    for (const { id, definition } of [rule, ...rule.slices.values()]) {
      const { min, max = limit.max } = definition ?? {};
      // The least number of a slice is its own: those of the other slices count besides.
      if (id === rule.id && min !== undefined && min < limit.min)
        throw this.#refuse(profileSays('min-below', { element: id, min, base: limit.min }));
      if (numberOf(max) > numberOf(limit.max)) throw this.#refuse(profileSays('max-above', { element: id, max, base: limit.max }));
      if ((min ?? 0) > numberOf(max)) throw this.#refuse(profileSays('min-max', { element: id, min, max }));
      this.#refuseOtherTypes(id, definition?.type ?? [], element);
    }
  }

  #refuseOtherTypes(id: string, types: readonly ElementDefinitionType[], element: R4Element): void {
    const known = element.types.map(({ code }) => code);
    // Without types it is a backbone element; what holds any resource may be narrowed to one.
    if (known.length === 0 || known.includes('Resource')) return;
    for (const { code = '', targetProfile = [] } of types) {
      // The addresses of extensions are System.String, which HL7 writes as uri.
      if (code.startsWith('http://hl7.org/fhirpath/') || (code === 'uri' && known[0] === 'string')) continue;
      const allowed = element.types.find((type) => type.code === code);
      if (allowed === undefined) throw this.#refuse(profileSays('other-type', { element: id, type: code, types: known.join(', ') }));
      const targets = allowed.targets ?? ['Resource'];
      for (const url of targetProfile) {
        const type = this.#typeOf(url);
        if (type !== undefined && type !== 'Resource' && !targets.includes('Resource') && !targets.includes(type))
          throw this.#refuse(profileSays('other-target', { element: id, type, types: targets.join(', ') }));
      }
    }
  }

  /** Limits that a profile below this one sets to the same element. */
  #inherited(id: string): { min?: number | undefined; max?: string | undefined } | undefined {
    const seen = new Set<StructureDefinition>([this.#profile]);
    let profile = this.#context.profiles.get(this.#profile.baseDefinition ?? '');
    const limits: { min?: number | undefined; max?: string | undefined } = {};
    while (profile !== undefined && !seen.has(profile)) {
      seen.add(profile);
      const element = profile.differential?.element?.find((each) => each.id === id);
      limits.min ??= element?.min;
      limits.max ??= element?.max;
      profile = this.#context.profiles.get(profile.baseDefinition ?? '');
    }
    return limits;
  }

  /** Type that a profile is of; undefined if the profile is not known. */
  #typeOf(url: string): string | undefined {
    return url.startsWith(HL7) ? url.slice(HL7.length) : this.#context.profiles.get(url)?.type;
  }

  /** JSON names an element of the differential stands for, and the R4 element behind it. */
  #names(rule: Rule, key: string): { names: readonly string[]; base: string; typeOf: (name: string) => string } {
    const table = this.#context.elements[key]?.elements ?? {};
    const base = rule.name.replace('[x]', '');
    const element = Object.hasOwn(table, base) ? table[base] : undefined;
    if (element !== undefined && !element.choice) {
      return { names: [base], base, typeOf: () => element.ref ?? element.types[0]?.code ?? '' };
    }
    if (element?.choice) {
      const narrowed = rule.definition?.type?.map((type) => type.code ?? '');
      const unknown = narrowed?.find((code) => !element.types.some((type) => type.code === code));
      if (unknown !== undefined)
        throw this.#refuse(
          profileSays('other-type', { element: rule.id, type: unknown, types: element.types.map(({ code }) => code).join(', ') }),
        );
      const codes = narrowed ?? element.types.map((type) => type.code);
      const byName = new Map(codes.map((code) => [base + capitalise(code), code]));
      return { names: [...byName.keys()], base, typeOf: (name) => byName.get(name) ?? '' };
    }
    for (const [choice, each] of Object.entries(table)) {
      const type = each.choice && each.types.find((t) => choice + capitalise(t.code) === base);
      if (type) return { names: [base], base, typeOf: () => type.code };
    }
    throw this.#refuse(profileSays('no-element', { element: rule.id }));
  }

  /** Names of the types a profile removes from a choice. */
  #forbidden(rule: Rule, key: string, base: string, allowed: readonly string[]): string[] {
    const element = this.#context.elements[key]?.elements[base];
    if (!element?.choice || rule.definition?.type === undefined) return [];
    return element.types.map((type) => base + capitalise(type.code)).filter((name) => !allowed.includes(name));
  }

  #cardinality(definition: ElementDefinition, count: string, path: string): string {
    const min = Number(definition.min ?? 0);
    const max = definition.max === undefined || definition.max === '*' ? '*' : Number(definition.max);
    for (const limit of [min, max])
      if (limit !== '*' && !Number.isSafeInteger(limit)) throw this.#refuse(profileSays('limit', { element: definition.id }));
    const limits = [...(min > 0 ? [`${count} < ${min}`] : []), ...(max !== '*' ? [`${count} > ${max}`] : [])];
    return limits.length === 0 ? '' : `if (${limits.join(' || ')}) f.cardinality(${path}, ${min}, ${JSON.stringify(max)});`;
  }

  /** Code on one value `e` ({ value, path, name }). */
  #value(rule: Rule, e: string, typeOf: (name: string) => string): string {
    const definition = (rule.definition ?? {}) as unknown as Json;
    const url = JSON.stringify(this.#profile.url ?? '');
    const lines: string[] = [];
    for (const [key, value] of Object.entries(definition)) {
      if (/^fixed[A-Z]/.test(key)) lines.push(`if (!R.equals(${this.#constant(value)}, ${e}.value)) f.fixed(${e}.path, ${url});`);
      else if (/^pattern[A-Z]/.test(key)) lines.push(`if (!R.matches(${this.#constant(value)}, ${e}.value)) f.fixed(${e}.path, ${url});`);
      else if (/^minValue/.test(key)) lines.push(`if (${e}.value < ${Number(value)}) f.structure(${e}.path, 'profile-range');`);
      else if (/^maxValue/.test(key)) lines.push(`if (${e}.value > ${Number(value)}) f.structure(${e}.path, 'profile-range');`);
      else if (key === 'maxLength') {
        lines.push(`if (typeof ${e}.value === 'string' && ${e}.value.length > ${Number(value)}) f.structure(${e}.path, 'profile-range');`);
      }
    }
    lines.push(
      this.#binding(rule, e, typeOf),
      this.#targets(rule, e),
      this.#invariants(rule, `${e}.value`, `${e}.path`),
      this.#conforms(rule, e),
    );
    if (rule.children.size > 0) {
      const types = new Set(this.#typeNames(rule, typeOf));
      const [type, ...others] = [...types];
      if (type === undefined || others.length > 0) throw this.#refuse(profileSays('several-types', { element: rule.id }));
      lines.push(`if (R.isObject(${e}.value)) {\n${this.#body(rule, `${e}.value`, `${e}.path`, type)}\n}`);
    }
    return lines.filter((line) => line !== '').join('\n');
  }

  #typeNames(rule: Rule, typeOf: (name: string) => string): string[] {
    const narrowed = rule.definition?.type;
    if (!rule.name.endsWith('[x]')) return [typeOf(rule.name)];
    return (narrowed ?? []).map((type) => type.code ?? '');
  }

  #binding(rule: Rule, e: string, typeOf: (name: string) => string): string {
    const binding = rule.definition?.binding;
    if (binding?.strength !== 'required') return '';
    const url = binding.valueSet?.replace(/\|.*$/, '') ?? '';
    const set = this.#context.codeSet(url);
    if (set === undefined) throw this.#refuse(profileSays('codes-unknown', { element: rule.id, url }));
    const types = this.#typeNames(rule, typeOf);
    const type = types.length === 1 ? JSON.stringify(types[0]) : `${this.#constant(typeOf)}(${e}.name)`;
    return `if (!${this.#constant(set)}.has(${type}, ${e}.value)) f.binding(${e}.path, ${JSON.stringify(url)});`;
  }

  #targets(rule: Rule, e: string): string {
    const types = rule.definition?.type ?? [];
    for (const type of types) this.#refuseTypeProfile(rule, type);
    const profiles = types.filter((type) => type.code === 'Reference').flatMap((type) => type.targetProfile ?? []);
    if (profiles.length === 0) return '';
    const targets = profiles.map((url) => {
      const type = this.#typeOf(url);
      if (type === undefined) throw this.#refuse(profileSays('target-unknown', { element: rule.id, url }));
      return type;
    });
    if (targets.includes('Resource')) return '';
    const known = this.#constant(this.#context.codeSet(`${HL7_VALUE_SET}resource-types`));
    return `R.target(${e}.value, ${this.#constant([...new Set(targets)])}, ${e}.path, x, ${known});`;
  }

  #refuseTypeProfile(rule: Rule, type: ElementDefinitionType): void {
    if (type.aggregation || type.versioning)
      throw this.#refuse(profileSays('not-covered', { element: rule.id, what: 'aggregation, versioning' }));
    for (const url of type.profile ?? []) {
      if (type.code === 'Extension' ? url.startsWith('http://hl7.org/') : url === HL7 + type.code) continue;
      if (!this.#context.profiles.has(url)) throw this.#refuse(profileSays('profile-unknown', { element: rule.id, url }));
    }
  }

  /** Profiles on the type of an element that is no Extension: the value meets one of them. Extensions are checked by their url. */
  #conforms(rule: Rule, e: string): string {
    const urls = (rule.definition?.type ?? [])
      .filter(({ code }) => code !== 'Extension' && code !== 'Reference')
      .flatMap(({ code, profile = [] }) => profile.filter((url) => url !== HL7 + code));
    return urls.length === 0 ? '' : `R.conforms(${e}.value, ${e}.path, x, ${this.#constant(urls.map((url) => this.#check(url)))});`;
  }

  /** The check of another profile, which may not be compiled yet. */
  #check(url: string): ProfileCheck {
    return (node, path, run) => this.#context.check(url)?.(node, path, run);
  }

  #slices(rule: Rule, base: string, typeOf: (name: string) => string): Slice[] {
    if (rule.slices.size === 0) return [];
    const slicing = rule.definition?.slicing;
    const isExtension = rule.name === 'extension' || rule.name === 'modifierExtension';
    if (slicing === undefined && !isExtension) throw this.#refuse(profileSays('no-slicing', { element: rule.id }));
    const discriminators = slicing?.discriminator ?? [{ type: 'value', path: 'url' }];
    if (discriminators.length === 0) throw this.#refuse(profileSays('no-discriminator', { element: rule.id }));
    return [...rule.slices.values()].map((slice) => {
      const tests = discriminators.map((each) => {
        if (each.type === 'type' && each.path === '$this') return this.#typeTest(slice, base);
        if (each.type === 'type') return this.#pathTypeTest(slice, each.path ?? '');
        if (each.type === 'value' || each.type === 'pattern') return this.#valueTest(slice, each.path ?? '');
        if (each.type === 'exists') return this.#existsTest(slice, each.path ?? '');
        if (each.type === 'profile') return this.#profileTest(slice, each.path ?? '');
        throw this.#refuse(profileSays('not-covered', { element: rule.id, what: `discriminator ${each.type}` }));
      });
      return {
        definition: slice.definition ?? ({} as ElementDefinition),
        count: `s${this.#variables++}`,
        test: (e: string) => tests.map((test) => test(e)).join(' && '),
        body: (e: string) => this.#value(slice, e, typeOf),
      };
    });
  }

  /** A slice of a choice by its type: `value[x]:valueQuantity`. */
  #typeTest(slice: Rule, base: string): (e: string) => string {
    const codes = slice.definition?.type?.map((type) => type.code ?? '') ?? [];
    if (codes.length === 0) throw this.#refuse(profileSays('slice-type', { element: slice.id }));
    return (e) => `${this.#constant(codes.map((code) => base + capitalise(code)))}.includes(${e}.name)`;
  }

  /** The rule at a path below a slice, by the names of the differential: a choice is `value[x]` there. */
  #below(slice: Rule, path: string): Rule | undefined {
    let rule: Rule | undefined = slice;
    for (const { name } of stepsOf(path)) rule = rule?.children.get(name) ?? rule?.children.get(`${name}[x]`);
    return rule;
  }

  #pathTypeTest(slice: Rule, path: string): (e: string) => string {
    const rule = this.#below(slice, path);
    const codes = rule?.definition?.type?.map((type) => type.code ?? '') ?? [];
    if (codes.length === 0 || path.includes('(')) throw this.#refuse(profileSays('slice-type', { element: `${slice.id}.${path}` }));
    return (e) => `R.typed(${e}.value, ${this.#constant(stepsOf(path))}, ${this.#constant(codes)})`;
  }

  #existsTest(slice: Rule, path: string): (e: string) => string {
    const definition = this.#below(slice, path)?.definition;
    const isThere = (definition?.min ?? 0) > 0;
    if (!isThere && definition?.max !== '0') throw this.#refuse(profileSays('slice-exists', { element: slice.id, path }));
    return (e) => `R.exists(${e}.value, ${this.#constant(stepsOf(path))}) === ${isThere}`;
  }

  #profileTest(slice: Rule, path: string): (e: string) => string {
    const urls = this.#below(slice, path)?.definition?.type?.flatMap((type) => type.profile ?? []) ?? [];
    if (path.includes('resolve()')) throw this.#refuse(profileSays('not-covered', { element: slice.id, what: 'resolve()' }));
    if (urls.length === 0) throw this.#refuse(profileSays('slice-profile', { element: slice.id, path }));
    for (const url of urls)
      if (!this.#context.profiles.has(url)) throw this.#refuse(profileSays('profile-unknown', { element: slice.id, url }));
    return (e) => `R.meets(${e}.value, ${this.#constant(stepsOf(path))}, ${this.#constant(urls.map((url) => this.#check(url)))}, x)`;
  }

  /** A slice by a fixed or pattern value at the discriminator's path, or by the URL of its extension. */
  #valueTest(slice: Rule, path: string): (e: string) => string {
    const steps = stepsOf(path);
    const bound = this.#below(slice, path)?.definition?.binding;
    const extension = slice.definition?.type?.[0]?.profile?.[0];
    if (path === 'url' && extension !== undefined)
      return (e) => `R.selects(${e}.value, ${this.#constant(steps)}, ${JSON.stringify(extension)})`;
    let rule: Rule | undefined = slice;
    for (let depth = 0; depth <= steps.length && rule !== undefined; depth++) {
      const given = fixedOrPattern(rule.definition);
      const wanted = given === undefined ? [] : along(given, steps.slice(depth));
      if (wanted.length === 1) return (e) => `R.selects(${e}.value, ${this.#constant(steps)}, ${this.#constant(wanted[0])})`;
      rule = rule.children.get(steps[depth]?.name ?? '');
    }
    const set = bound?.strength === 'required' ? this.#context.codeSet(bound.valueSet?.replace(/\|.*$/, '') ?? '') : undefined;
    if (set !== undefined) return (e) => `R.inSet(${e}.value, ${this.#constant(steps)}, ${this.#constant(set)})`;
    throw this.#refuse(profileSays('slice-value', { element: slice.id, path }));
  }
}

interface Slice {
  readonly definition: ElementDefinition;
  /** Variable that counts its members. */
  readonly count: string;
  readonly test: (e: string) => string;
  readonly body: (e: string) => string;
}

const numberOf = (max: string): number => (max === '*' ? Number.POSITIVE_INFINITY : Number(max));

function child(rules: Map<string, Rule>, key: string, id: string, name: string = key): Rule {
  const rule: Rule = rules.get(key) ?? { name, id, definition: undefined, children: new Map(), slices: new Map() };
  rules.set(key, rule);
  return rule;
}

function fixedOrPattern(definition: ElementDefinition | undefined): unknown {
  const key = Object.keys(definition ?? {}).find((name) => /^(?:fixed|pattern)[A-Z]/.test(name));
  return key === undefined ? undefined : (definition as unknown as Json)[key];
}

/** One step of a discriminator's path: an element or the beginning of a choice, or the extensions with a url. */
interface Step {
  readonly name: string;
  readonly url: string | undefined;
}

const EXTENSION = /^extension\('(.*)'\)$/;

/** A discriminator's path in its steps: names, and `extension('url')`, whose url may have dots. */
function stepsOf(path: string): Step[] {
  if (path === '$this') return [];
  const texts = (path.match(/extension\('[^']*'\)|[^.]+/g) ?? []).filter((text) => text !== '$this' && !text.startsWith('ofType('));
  return texts.map((text) => ({ name: text, url: EXTENSION.exec(text)?.[1] }));
}

function step(value: unknown, { name, url }: Step): unknown {
  if (!isObject(value)) return undefined;
  if (url !== undefined)
    return Array.isArray(value.extension) ? value.extension.filter((each) => isObject(each) && each.url === url) : undefined;
  if (Object.hasOwn(value, name)) return value[name];
  const choice = Object.keys(value).find((key) => key.startsWith(name) && /^[A-Z]/.test(key.slice(name.length)));
  return choice === undefined ? undefined : value[choice];
}

/** Whether a value at a path, lists opened, passes the test. */
function some(value: unknown, steps: readonly Step[], test: (value: unknown) => boolean, at = 0): boolean {
  if (value === undefined || value === null) return false;
  if (Array.isArray(value)) return value.some((each) => some(each, steps, test, at));
  const next = steps[at];
  return next === undefined ? test(value) : some(step(value, next), steps, test, at + 1);
}

/** All values at a path, lists opened. */
function along(value: unknown, steps: readonly Step[]): unknown[] {
  const values: unknown[] = [];
  some(value, steps, (each) => {
    values.push(each);
    return false;
  });
  return values;
}

/** Fixed values are equal in every key; lists in order. */
function equals(fixed: unknown, value: unknown): boolean {
  if (Array.isArray(fixed)) {
    return Array.isArray(value) && value.length === fixed.length && fixed.every((each, index) => equals(each, value[index]));
  }
  if (!isObject(fixed)) return fixed === value;
  if (!isObject(value)) return false;
  const keys = Object.keys(fixed);
  return keys.length === Object.keys(value).length && keys.every((key) => equals(fixed[key], value[key]));
}

/** A pattern's keys are in the value; each item of its lists matches some item of the value's. */
function matches(pattern: unknown, value: unknown): boolean {
  if (Array.isArray(pattern)) return Array.isArray(value) && pattern.every((each) => value.some((item) => matches(each, item)));
  if (!isObject(pattern)) return pattern === value;
  if (!isObject(value)) return false;
  for (const key in pattern) if (!matches(pattern[key], value[key])) return false;
  return true;
}

interface Found {
  readonly value: unknown;
  readonly path: string;
  readonly name: string;
}

const NONE: readonly Found[] = [];

/** Name of an element, and of the object beside a primitive that has its id and extensions. */
interface Name {
  readonly name: string;
  readonly shadow: string;
}

const nameOf = (name: string): Name => ({ name, shadow: `_${name}` });

/** Whether a value meets one of the profiles, without a word about it. */
function meets(value: unknown, checks: readonly ProfileCheck[], run: Run): boolean {
  return (
    isObject(value) &&
    checks.some((check) => {
      const apart = run.apart();
      check(value, '', apart);
      return apart.f.count === 0;
    })
  );
}

/** What the generated code calls. */
const RUNTIME = {
  exists: (value: unknown, steps: readonly Step[]): boolean => some(value, steps, () => true),
  inSet: (value: unknown, steps: readonly Step[], set: CodeSet): boolean =>
    some(value, steps, (each) => (typeof each === 'string' ? set.hasCode(each) : set.hasConcept(each) || set.hasCoding(each))),
  meets: (value: unknown, steps: readonly Step[], checks: readonly ProfileCheck[], run: Run): boolean =>
    some(value, steps, (each) => meets(each, checks, run)),

  conforms(value: unknown, path: string, run: Run, checks: readonly ProfileCheck[]): void {
    const [only, ...others] = checks;
    if (!isObject(value)) return;
    if (only !== undefined && others.length === 0) only(value, path, run);
    else if (!meets(value, checks, run)) run.f.structure(path, 'profile-type');
  },

  /** Resources tell their type; the type of a choice is in its name. */
  typed(value: unknown, steps: readonly Step[], codes: readonly string[]): boolean {
    const last = steps.at(-1)?.name;
    const isResource = some(value, steps, (each) => isObject(each) && codes.includes(each.resourceType as string));
    if (isResource || last === undefined) return isResource;
    return some(value, steps.slice(0, -1), (each) => isObject(each) && codes.some((code) => each[last + capitalise(code)] !== undefined));
  },

  isPart: (value: unknown): boolean => isObject(value) && typeof value.url === 'string' && !value.url.includes(':'),

  equals,
  matches,
  isObject,
  selects: (value: unknown, steps: readonly Step[], wanted: unknown): boolean => some(value, steps, (each) => matches(wanted, each)),

  /** Values under the given names, lists opened; a primitive that has only extensions counts too. */
  values(node: Json, path: string, names: readonly Name[]): readonly Found[] {
    let found: Found[] | undefined;
    for (const { name, shadow } of names) {
      const value = node[name] ?? node[shadow];
      if (value === undefined || value === null) continue;
      found ??= [];
      if (Array.isArray(value)) for (let i = 0; i < value.length; i++) found.push({ value: value[i], path: `${path}.${name}[${i}]`, name });
      else found.push({ value, path: `${path}.${name}`, name });
    }
    return found ?? NONE;
  },

  /** The same for many names, of which hardly one is there: goes over what is there. */
  among(node: Json, path: string, names: ReadonlySet<string>): readonly Found[] {
    let found: string[] | undefined;
    for (const key in node) {
      const name = key.startsWith('_') ? key.slice(1) : key;
      if (!names.has(name) || found?.includes(name)) continue;
      found ??= [];
      found.push(name);
    }
    return found ? RUNTIME.values(node, path, found.map(nameOf)) : NONE;
  },

  /** What is no type of resource only looks like a reference: the structure check speaks of it. */
  target(
    value: unknown,
    allowed: readonly string[],
    path: string,
    run: { f: Findings } & Pick<Run, 'entryType'>,
    types: CodeSet | undefined,
  ): void {
    if (!isObject(value) || typeof value.reference !== 'string') return;
    const found = referenceOf(value.reference);
    const type = found.kind === 'literal' ? found.type : found.kind === 'bundle' ? run.entryType(value.reference) : undefined;
    if (type !== undefined && !allowed.includes(type) && types?.hasCode(type) !== false) run.f.reference(`${path}.reference`, allowed);
  },
};
