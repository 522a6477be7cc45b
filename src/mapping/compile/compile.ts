import type { ConceptMap, StructureMapGroup, StructureMapGroupInput } from '@medplum/fhirtypes';
import type { Problem } from '../../errors/index.ts';
import type { R4Elements } from '../../terminology/r4-elements.ts';
import { mapError, type Position, says } from '../fml/index.ts';
import { GroupEmitter } from './emitter.ts';
import { FhirTypes } from './fhir-types.ts';
import { GroupText } from './group-text.ts';
import type { ArgumentType, GroupFunction, Linker, MapUnit, Site } from './linker.ts';
import type { Runtime, TranslateTable, TranslateTarget } from './runtime.ts';
import { ANY, type JsonSchema, keyedObject, SchemaTypes, type SourceType } from './source-types.ts';
import { ABSTRACT, jsonKind, type TargetElement, TargetTypes } from './target-types.ts';
import { quote, type TargetVariable, typeOfKind } from './variables.ts';

export interface CompileInput {
  readonly units: readonly MapUnit[];
  /** Maps that are compiled when a record first needs them, by a key of the caller's choice; they may import `units`. */
  readonly parts?: ReadonlyMap<string, PartInput>;
  readonly elements: R4Elements;
  /** JSON Schemas by the url that `uses "…"` names. */
  readonly contracts: Readonly<Record<string, JsonSchema>>;
  readonly conceptMaps: Readonly<Record<string, ConceptMap>>;
  /** Name of the entry group by key (a feed). */
  readonly entry: Readonly<Record<string, string>>;
  readonly contextKeys?: readonly string[];
  /** See `Linker.ownIds`. An entry group may then have any inputs. */
  readonly ownIds?: boolean;
}

export interface PartInput {
  /** Its maps, the same objects at each call and for each part that shares them. The first one has the entry group, its first group. */
  readonly units: () => readonly MapUnit[];
}

/** An entry group by its inputs; of a feed `(source src, source ctx, target bundle : Bundle)`. */
export type EntryFunction = (...inputs: unknown[]) => void;

/** Fields that are read, as a tree over names; lists are transparent. */
export interface ReadTree {
  readonly read: boolean;
  readonly fields: ReadonlyMap<string, ReadTree>;
}

/** A part as it runs. */
export interface CompiledPart {
  readonly fast: EntryFunction;
  readonly traced: EntryFunction;
  readonly reads: ReadTree;
  /** Places that it reaches. */
  readonly reached: readonly Site[];
}

export interface Compiled {
  /**
   * Compiles a part at its first call.
   *
   * @throws AppError `map-compile`
   */
  part(key: string): CompiledPart | undefined;
  /** Compiles all parts, and the groups in them that nobody reaches. @throws AppError `map-compile` */
  checkParts(): void;
  readonly fast: ReadonlyMap<string, EntryFunction>;
  readonly traced: ReadonlyMap<string, EntryFunction>;
  readonly reads: ReadonlyMap<string, ReadTree>;
  /** All places where a rule writes; a trace names one by its number. */
  readonly sites: readonly Site[];
  /** Those that an entry group reaches. */
  readonly reached: ReadonlyMap<string, readonly Site[]>;
  /** Types of the targets of an entry group. */
  readonly targets: ReadonlyMap<string, readonly string[]>;
  /** Fields that the contract of an entry's record names. */
  readonly fields: ReadonlyMap<string, readonly string[]>;
  /** The generated JavaScript, to read it. */
  readonly source: { readonly fast: string; readonly traced: string };
}

/** Relations that keep the meaning or widen it; a narrower target would say more than the source did, the others have none. */
const KEEPS_MEANING = new Set(['relatedto', 'equivalent', 'equal', 'wider', 'subsumes']);
/** A record nests no deeper than this in practice; a recursive group's paths are cut here. */
const MAX_PATH = 16;
/** Groups that call groups, and what following their calls may cost: both have an end. */
const MAX_CALLS = 100;
const MAX_VISITS = 50_000;
const CORE = 'http://hl7.org/fhir/StructureDefinition/';

/**
 * Compiles StructureMaps to JavaScript functions: one per group and types of arguments, in a fast and a traced variant.
 *
 * @throws AppError `map-compile` at the first construct that is not covered or not right
 */
export function compileUnits(input: CompileInput, runtime: Runtime): Compiled {
  const shared = new Shared(input);
  const entries = Object.entries(input.entry).map(([key, name]) => ({ key, ...shared.entry(name) }));
  const linked = (traced: boolean, among: readonly Entry[] = entries): ModuleLinker => {
    const linker = new ModuleLinker(shared, traced, runtime);
    for (const { key, unit, group } of among) linker.enter(key, unit, group);
    return linker;
  };
  // Groups that no entry reaches are compiled too, so that a mistake in them does not wait for its first use.
  const check = (linkers: readonly ModuleLinker[], units: Iterable<MapUnit>): void => {
    const unreached = new ModuleLinker(shared, false, runtime);
    for (const unit of units) {
      for (const group of unit.map.group) {
        if (linkers.some(({ reached }) => reached.has(group))) continue;
        const types = shared.declaredTypes(unit, group);
        if (types !== undefined) unreached.group(unit, group, types);
      }
    }
    for (const each of [...linkers, unreached]) each.refuseEndless();
  };
  const fast = linked(false);
  check([fast], input.units);
  const parts = new Map<string, CompiledPart & { readonly linker: ModuleLinker }>();
  const part = (key: string) => {
    const units = input.parts?.get(key)?.units() ?? [];
    const [unit] = units;
    const group = unit?.map.group[0];
    if (parts.has(key) || unit === undefined || group === undefined) return parts.get(key);
    shared.add(units);
    const among = [{ key, unit, group }];
    const linker = linked(false, among);
    linker.refuseEndless();
    const traced = once(() => {
      const late = linked(true, among);
      return { functions: late.link(), reached: late.sitesByEntry() };
    });
    const made = {
      linker,
      fast: linker.link().get(key) as EntryFunction,
      reads: linker.reads().get(key) as ReadTree,
      get traced() {
        return traced().functions.get(key) as EntryFunction;
      },
      get reached() {
        return traced().reached.get(key) ?? [];
      },
    };
    parts.set(key, made);
    return made;
  };
  // What the fast variant took, the traced one takes; it is half of the work, and most records never need it.
  const traced = once(() => {
    const linker = linked(true);
    return { linker, functions: linker.link() };
  });
  const fields = entries.map(({ key, unit, group }): [string, readonly string[]] => [
    key,
    leavesOf(shared.sourceType(unit, group.input[0] as StructureMapGroupInput) ?? ANY),
  ]);
  return {
    part,
    checkParts() {
      const keys = [...(input.parts?.keys() ?? [])];
      const made = keys.flatMap((key) => part(key)?.linker ?? []);
      check(made, new Set(keys.flatMap((key) => input.parts?.get(key)?.units() ?? [])));
    },
    fast: fast.link(),
    get traced() {
      return traced().functions;
    },
    // Only a feed asks what of its record is read.
    reads: input.ownIds ? new Map() : fast.reads(),
    sites: shared.sites,
    get reached() {
      return traced().linker.sitesByEntry();
    },
    targets: new Map(
      entries.map(({ key, unit, group }) => [
        key,
        shared.declaredTypes(unit, group)?.flatMap((type) => (type.mode === 'target' ? [type.type] : [])) ?? [],
      ]),
    ),
    fields: new Map(fields),
    source: {
      get fast() {
        return fast.source();
      },
      get traced() {
        return traced().linker.source();
      },
    },
  };
}

interface Entry {
  readonly key: string;
  readonly unit: MapUnit;
  readonly group: StructureMapGroup;
}

/** Made at the first call. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** What all variants know: types, imports, concept maps, places. */
class Shared {
  readonly input: CompileInput;
  readonly sites: Site[] = [];
  readonly #siteNumbers = new Map<string, number>();
  readonly targets: TargetTypes;
  readonly context: SourceType;
  readonly tables: Record<string, TranslateTable> = {};
  readonly #schemas: SchemaTypes;
  readonly #fhir: FhirTypes;
  readonly #byUrl = new Map<string, MapUnit>();
  readonly #tableNames = new Map<ConceptMap, string>();
  readonly #contracts = new Map<string, SourceType>();

  constructor(input: CompileInput) {
    this.input = input;
    this.targets = new TargetTypes(input.elements);
    this.context = input.contextKeys === undefined ? ANY : keyedObject('the context', input.contextKeys);
    this.#fhir = new FhirTypes(input.elements);
    this.#schemas = new SchemaTypes(Object.values(input.contracts));
    this.add(input.units);
  }

  /** Makes maps known, which imports of others may name; those that are known already are passed over. */
  add(units: readonly MapUnit[]): void {
    const more = units.filter((unit) => this.#byUrl.get(unit.map.url) !== unit);
    for (const unit of more) {
      if (this.#byUrl.has(unit.map.url)) throw mapError(unit.name, this.#place(unit, unit.map), says('url-twice', { url: unit.map.url }));
      this.#byUrl.set(unit.map.url, unit);
    }
    for (const unit of more) this.#checkUnit(unit);
  }

  site(site: Site): number {
    const key = JSON.stringify(site);
    let number = this.#siteNumbers.get(key);
    if (number === undefined) {
      number = this.sites.push(site) - 1;
      this.#siteNumbers.set(key, number);
    }
    return number;
  }

  #checkUnit(unit: MapUnit): void {
    for (const url of unit.map.import ?? []) {
      if (this.imported(url).length === 0) throw mapError(unit.name, this.#place(unit, unit.map), says('import-missing', { url }));
    }
    const names = new Set<string>();
    const defaults = new Map<string, string>();
    for (const group of unit.map.group) {
      const types = this.#defaultTypes(unit, group);
      if (types !== undefined && defaults.has(types))
        throw mapError(unit.name, this.#place(unit, group), says('default-twice', { group: defaults.get(types), types }));
      if (types !== undefined) defaults.set(types, group.name);
      if (names.has(group.name)) throw mapError(unit.name, this.#place(unit, group), says('group-twice', { group: group.name }));
      names.add(group.name);
    }
  }

  /** `Source → Target` of a default group; undefined for any other. */
  #defaultTypes(unit: MapUnit, group: StructureMapGroup): string | undefined {
    if (group.typeMode === undefined || group.typeMode === 'none') return undefined;
    const [from, to, ...more] = group.input;
    if (from?.mode === 'source' && to?.mode === 'target' && from.type !== undefined && to.type !== undefined && more.length === 0) {
      return `${this.#structure(unit, from.type) ?? from.type} → ${this.#structure(unit, to.type) ?? to.type}`;
    }
    throw mapError(unit.name, this.#place(unit, group), says('types-inputs', { group: group.name }));
  }

  #place(unit: MapUnit, node: object): Position {
    return unit.positions.of(node);
  }

  entry(name: string): { unit: MapUnit; group: StructureMapGroup } {
    const found = this.input.units.flatMap((unit) => unit.map.group.filter((g) => g.name === name).map((group) => ({ unit, group })));
    const [first, second] = found;
    if (first === undefined) throw mapError(name, { line: 0, column: 0 }, says('entry-missing', { group: name }));
    if (second !== undefined)
      throw mapError(second.unit.name, this.#place(second.unit, second.group), says('entry-twice', { group: name }));
    if (this.input.ownIds) return first;
    const { unit, group } = first;
    const modes = group.input.map((i) => i.mode).join(' ');
    if (modes !== 'source source target' || this.targetType(unit, group.input[2] as StructureMapGroupInput) !== 'Bundle') {
      throw mapError(unit.name, this.#place(unit, group), says('entry-inputs', { group: name }));
    }
    return first;
  }

  find(unit: MapUnit, name: string): { unit: MapUnit; group: StructureMapGroup } | { problem: Problem } {
    const own = unit.map.group.find((g) => g.name === name);
    if (own !== undefined) return { unit, group: own };
    const imported = this.#importsOf(unit).flatMap((other) => {
      const group = other.map.group.find((g) => g.name === name);
      return group === undefined ? [] : [{ unit: other, group }];
    });
    if (imported.length > 1) return { problem: says('group-ambiguous', { group: name }) };
    return imported[0] ?? { problem: says('group-missing', { group: name }) };
  }

  /** Maps that an import names: one by its url, or all whose url fits the one with `*` in it. */
  imported(url: string): readonly MapUnit[] {
    if (!url.includes('*')) return this.#byUrl.has(url) ? [this.#byUrl.get(url) as MapUnit] : [];
    const [before = '', after = ''] = url.split('*');
    return [...this.#byUrl].flatMap(([own, unit]) => (own.startsWith(before) && own.slice(before.length).endsWith(after) ? [unit] : []));
  }

  #importsOf(unit: MapUnit): readonly MapUnit[] {
    return [...new Set((unit.map.import ?? []).flatMap((url) => this.imported(url)))].filter((other) => other !== unit);
  }

  sourceType(unit: MapUnit, input: StructureMapGroupInput): SourceType | undefined {
    if (input.type === undefined) return undefined;
    if (this.#structure(unit, input.type) === undefined && jsonKind(input.type) !== undefined) return typeOfKind(jsonKind(input.type));
    const type = this.typeNamed(unit, input.type);
    if (type !== undefined) return type;
    throw mapError(unit.name, this.#place(unit, input), says('type-undeclared', { type: input.type }));
  }

  /** By the alias or the last part of the url in `uses`, else a type of FHIR; a structure that nobody knows can be anything. */
  typeNamed(unit: MapUnit, name: string): SourceType | undefined {
    const url = this.#structure(unit, name);
    const core = url === undefined ? name : url.startsWith(CORE) ? url.slice(CORE.length) : undefined;
    if (core !== undefined) return ABSTRACT.has(core) ? ANY : this.#fhir.of(core);
    const contract = Object.hasOwn(this.input.contracts, url as string) ? this.input.contracts[url as string] : undefined;
    if (contract === undefined) return ANY;
    return this.#contract(url as string, contract);
  }

  defaultGroup(unit: MapUnit, source: SourceType, isTarget: (type: string) => boolean, isOpen: boolean) {
    const fits = (other: MapUnit) =>
      other.map.group.flatMap((group) => {
        const [from, to, ...more] = group.input;
        const isDefault = group.typeMode === 'type-and-types' || (group.typeMode === 'types' && !isOpen);
        if (!isDefault || from?.mode !== 'source' || to?.mode !== 'target') return [];
        const target = this.targetType(other, to);
        const isFor = more.length === 0 && target !== undefined && isTarget(target) && this.sourceType(other, from) === source;
        return isFor ? [{ unit: other, group, target }] : [];
      });
    const own = fits(unit);
    const found = own.length > 0 ? own : this.#importsOf(unit).flatMap(fits);
    const names = found.map(({ group }) => `'${group.name}'`);
    if (found.length > 1) return { problem: says('default-ambiguous', { groups: names.join(', ') }) };
    return found[0];
  }

  #contract(url: string, contract: JsonSchema): SourceType {
    let type = this.#contracts.get(url);
    if (type === undefined) {
      type = this.#schemas.of(contract, '');
      this.#contracts.set(url, type);
    }
    return type;
  }

  targetType(unit: MapUnit, input: StructureMapGroupInput): string | undefined {
    if (input.type === undefined) return undefined;
    const url = this.#structure(unit, input.type);
    const type = url === undefined ? input.type : url.slice(url.lastIndexOf('/') + 1);
    if (!this.targets.has(type)) throw mapError(unit.name, this.#place(unit, input), says('target-type-missing', { type }));
    return type;
  }

  #structure(unit: MapUnit, name: string): string | undefined {
    const structures = unit.map.structure ?? [];
    const found = structures.find((s) => s.alias === name) ?? structures.find((s) => s.alias === undefined && s.url.endsWith(`/${name}`));
    return found?.url;
  }

  /** Where a map names one target structure, an input without a type can only mean that. */
  #onlyTarget(unit: MapUnit): string | undefined {
    const [only, ...more] = (unit.map.structure ?? []).filter(({ mode }) => mode === 'target');
    const type = only?.url.split('/').at(-1);
    return this.input.ownIds && more.length === 0 && type !== undefined && this.targets.has(type) ? type : undefined;
  }

  /** Types of a group that is compiled for its own sake; undefined when a target has no declared type. */
  declaredTypes(unit: MapUnit, group: StructureMapGroup): ArgumentType[] | undefined {
    const types: ArgumentType[] = [];
    for (const input of group.input) {
      if (input.mode === 'source') types.push({ mode: 'source', type: this.sourceType(unit, input) ?? ANY, present: true });
      else {
        const type = this.targetType(unit, input) ?? this.#onlyTarget(unit);
        if (type === undefined) return undefined;
        types.push({ mode: 'target', type });
      }
    }
    return types;
  }

  table(unit: MapUnit, url: string): { name: string } | { problem: Problem } {
    const contained = unit.map.contained?.find((r) => r.resourceType === 'ConceptMap' && `#${r.id}` === url) as ConceptMap | undefined;
    const map = url.startsWith('#') ? contained : Object.hasOwn(this.input.conceptMaps, url) ? this.input.conceptMaps[url] : undefined;
    if (map === undefined) return { problem: says('concept-map-missing', { url }) };
    let name = this.#tableNames.get(map);
    if (name === undefined) {
      const table = makeTable(map);
      if ('problem' in table) return table;
      name = `$table${this.#tableNames.size + 1}`;
      this.tables[name] = table;
      this.#tableNames.set(map, name);
    }
    return { name };
  }
}

/** One variant: its functions and constants. */
class ModuleLinker implements Linker {
  readonly traced: boolean;
  readonly targets: TargetTypes;
  readonly ownIds: boolean;
  readonly reached = new Set<StructureMapGroup>();
  readonly #shared: Shared;
  readonly #runtime: Runtime;
  readonly #functions = new Map<string, { readonly self: GroupFunction; text: string }>();
  readonly #names = new Set<string>();
  readonly #entries = new Map<string, { readonly self: GroupFunction; readonly group: StructureMapGroup; readonly unit: MapUnit }>();
  readonly #constants = new Map<string, string>();
  readonly #choices = new Map<string, Set<string>>();
  readonly #typeNumbers = new Map<SourceType, number>();
  readonly #groupNumbers = new Map<StructureMapGroup, number>();
  #depth = 0;
  readonly #tables = new Set<string>();

  constructor(shared: Shared, traced: boolean, runtime: Runtime) {
    this.#shared = shared;
    this.#runtime = runtime;
    this.traced = traced;
    this.targets = shared.targets;
    this.ownIds = shared.input.ownIds === true;
  }

  enter(key: string, unit: MapUnit, group: StructureMapGroup): void {
    if (this.ownIds) {
      const types = this.#shared.declaredTypes(unit, group);
      if (types === undefined) throw mapError(unit.name, unit.positions.of(group), says('target-untyped'));
      this.#entries.set(key, { self: this.group(unit, group, types), group, unit });
      return;
    }
    const record = this.#shared.sourceType(unit, group.input[0] as StructureMapGroupInput) ?? ANY;
    const declaredContext = this.#shared.sourceType(unit, group.input[1] as StructureMapGroupInput);
    const self = this.group(unit, group, [
      { mode: 'source', type: record, present: true },
      { mode: 'source', type: declaredContext ?? this.#shared.context, present: true },
      { mode: 'target', type: 'Bundle' },
    ]);
    this.#entries.set(key, { self, group, unit });
  }

  group(unit: MapUnit, group: StructureMapGroup, types: readonly ArgumentType[]): GroupFunction {
    const key = [numberOf(this.#groupNumbers, group), ...types.map((t) => this.#typeKey(t))].join(' ');
    const known = this.#functions.get(key);
    if (known !== undefined) return known.self;
    const self: GroupFunction = { name: this.#functionName(group.name), reads: [], calls: [], sites: new Set() };
    const compiled = { self, text: '' };
    // Known before it is written, so that a group may call itself.
    this.#functions.set(key, compiled);
    this.reached.add(group);
    try {
      if (++this.#depth > MAX_CALLS) throw mapError(unit.name, unit.positions.of(group), says('calls-deep', { max: MAX_CALLS }));
      compiled.text = new GroupEmitter(new GroupText(unit, group, this, self, Object.keys(this.#runtime.helpers))).emit(types);
    } catch (problem) {
      this.#functions.delete(key);
      // Deep rules in deep groups: the stack ends before either limit does.
      if (problem instanceof RangeError) throw mapError(unit.name, unit.positions.of(group), says('nesting-deep'));
      throw problem;
    } finally {
      this.#depth--;
    }
    return self;
  }

  #typeKey(type: ArgumentType): string {
    if (type.mode === 'target') return type.type;
    const isPrimitive = type.type.kind !== 'object' && type.type.kind !== 'list' && !('fhir' in type.type);
    const kind = isPrimitive ? type.type.kind : `#${numberOf(this.#typeNumbers, type.type)}`;
    return type.present ? kind : `${kind}?`;
  }

  // '$' cannot stand in a name of FML, so that functions, tables and constants never meet a variable of a map.
  #functionName(name: string): string {
    const base = `$${name.replace(/[^A-Za-z0-9_]/g, '_')}`;
    let candidate = base;
    for (let i = 2; this.#names.has(candidate); i++) candidate = `${base}_${i}`;
    this.#names.add(candidate);
    return candidate;
  }

  chosen(owner: TargetVariable, element: TargetElement): string {
    const key = `${owner.type}.${element.choice}`;
    let names = this.#choices.get(key);
    if (names === undefined) {
      names = new Set();
      this.#choices.set(key, names);
    }
    names.add(element.name);
    return `/* choice ${key} ${element.name} */ ${owner.js}`;
  }

  /** Only now is it known under which names a choice is written at all: most are written under one. */
  #withoutOthers(text: string): string {
    return text.replace(/^( *)\/\* choice (\S+) (\w+) \*\/ (.+)\n/gm, (_, indent: string, key: string, name: string, owner: string) => {
      const others = [...(this.#choices.get(key) ?? [])].filter((each) => each !== name);
      return others.map((each) => `${indent}if (${owner}.${each} !== undefined) delete ${owner}.${each};\n`).join('');
    });
  }

  constant(js: string): string {
    let name = this.#constants.get(js);
    if (name === undefined) {
      name = `$constant${this.#constants.size + 1}`;
      this.#constants.set(js, name);
    }
    return name;
  }

  site(site: Site): number {
    return this.#shared.site(site);
  }

  /** @throws AppError `map-compile` for groups that call each other in a circle without going further into the source */
  refuseEndless(): void {
    const done = new Set<GroupFunction>();
    const follow = (self: GroupFunction, above: readonly GroupFunction[]): void => {
      for (const { callee, isStuck, map, position } of self.calls) {
        if (!isStuck) continue;
        if (callee === self || above.includes(callee)) throw mapError(map, position, says('endless'));
        if (!done.has(callee)) follow(callee, [...above, self]);
      }
      done.add(self);
    };
    for (const { self } of this.#functions.values()) if (!done.has(self)) follow(self, []);
  }

  /** Follows the calls from each entry. */
  sitesByEntry(): ReadonlyMap<string, readonly Site[]> {
    const reach = (self: GroupFunction, seen: Set<GroupFunction>): Set<GroupFunction> => {
      if (seen.has(self)) return seen;
      seen.add(self);
      for (const { callee } of self.calls) reach(callee, seen);
      return seen;
    };
    return new Map(
      [...this.#entries].map(([key, { self }]) => {
        const numbers = new Set([...reach(self, new Set())].flatMap(({ sites }) => [...sites]));
        return [key, this.#shared.sites.filter((_, number) => numbers.has(number))];
      }),
    );
  }

  find(unit: MapUnit, name: string) {
    return this.#shared.find(unit, name);
  }

  typeNamed(unit: MapUnit, name: string) {
    return this.#shared.typeNamed(unit, name);
  }

  defaultGroup(unit: MapUnit, source: SourceType, isTarget: (type: string) => boolean, isOpen: boolean) {
    return this.#shared.defaultGroup(unit, source, isTarget, isOpen);
  }

  sourceType(unit: MapUnit, input: StructureMapGroupInput) {
    return this.#shared.sourceType(unit, input);
  }

  targetType(unit: MapUnit, input: StructureMapGroupInput) {
    return this.#shared.targetType(unit, input);
  }

  table(unit: MapUnit, url: string) {
    const table = this.#shared.table(unit, url);
    if ('name' in table) this.#tables.add(table.name);
    return table;
  }

  source(): string {
    return [
      '"use strict";',
      `const { ${Object.keys(this.#runtime.helpers).join(', ')} } = $helpers;`,
      ...[...this.#tables].map((name) => `const ${name} = $tables.${name};`),
      ...[...this.#constants].map(([js, name]) => `const ${name} = ${js};`),
      ...[...this.#functions.values()].map((f) => this.#withoutOthers(f.text)),
      `return { ${[...this.#entries].map(([key, { self, group }]) => `${quote(key)}: ${this.#entryText(self, group)}`).join(', ')} };`,
    ].join('\n');
  }

  /** The traced variant carries the path of each source beside it. */
  #entryText(self: GroupFunction, { input }: StructureMapGroup): string {
    if (!this.traced) return self.name;
    const record = input.findIndex(({ mode }) => mode === 'source');
    const names = input.map((_, i) => `$${i}`);
    const given = input.map(({ mode, name }, i) => (mode === 'target' ? `$${i}` : `$${i}, ${quote(i === record ? '' : `%${name}`)}`));
    return `(${names.join(', ')}) => ${self.name}(${given.join(', ')})`;
  }

  link(): ReadonlyMap<string, EntryFunction> {
    const make = new Function('$helpers', '$tables', this.source());
    return new Map(Object.entries(make(this.#runtime.helpers, this.#shared.tables) as Record<string, EntryFunction>));
  }

  /** Follows the calls from each entry and collects the paths of the record that are read. */
  reads(): ReadonlyMap<string, ReadTree> {
    const result = new Map<string, ReadTree>();
    for (const [key, { self: entry, group, unit }] of this.#entries) {
      let visits = 0;
      const tree: MutableTree = { read: false, fields: new Map() };
      const seen = new Set<string>();
      const visit = (self: GroupFunction, bases: readonly (readonly string[] | undefined)[]): void => {
        const mark = `${self.name} ${JSON.stringify(bases)}`;
        if (seen.has(mark)) return;
        seen.add(mark);
        if (++visits > MAX_VISITS) throw mapError(unit.name, unit.positions.of(group), says('paths-many'));
        const absolute = (usage: { input: number; path: readonly string[] } | undefined) => {
          const base = usage === undefined ? undefined : bases[usage.input];
          return base === undefined || usage === undefined ? undefined : [...base, ...usage.path].slice(0, MAX_PATH);
        };
        for (const usage of self.reads) {
          const path = absolute(usage);
          if (path !== undefined) markRead(tree, path);
        }
        for (const call of self.calls) visit(call.callee, call.inputs.map(absolute));
      };
      const record = group.input.findIndex(({ mode }) => mode === 'source');
      visit(
        entry,
        group.input.map((_, i) => (i === record ? [] : undefined)),
      );
      result.set(key, tree);
    }
    return result;
  }
}

/** Dotted paths of the leaves of a type; lists are transparent, and an object of open names is a leaf. */
function leavesOf(type: SourceType): readonly string[] {
  const leaves = new Set<string>();
  const walk = (node: SourceType | undefined, path: readonly string[]): void => {
    if (node?.kind === 'list') walk(node.items, path);
    else if (node?.kind === 'object' && node.fhir === undefined && node.known().length > 0 && path.length < MAX_PATH) {
      for (const name of node.known()) walk(node.field(name), [...path, name]);
    } else if (path.length > 0) leaves.add(path.join('.'));
  };
  walk(type, []);
  return [...leaves];
}

interface MutableTree {
  read: boolean;
  readonly fields: Map<string, MutableTree>;
}

function markRead(tree: MutableTree, path: readonly string[]): void {
  let node = tree;
  for (const name of path) {
    let next = node.fields.get(name);
    if (next === undefined) {
      next = { read: false, fields: new Map() };
      node.fields.set(name, next);
    }
    node = next;
  }
  node.read = true;
}

function numberOf<T>(numbers: Map<T, number>, key: T): number {
  let number = numbers.get(key);
  if (number === undefined) {
    number = numbers.size + 1;
    numbers.set(key, number);
  }
  return number;
}

/** Source code → target of a concept map; the text of the problem when a code is ambiguous. */
function makeTable(map: ConceptMap): TranslateTable | { readonly problem: Problem } {
  const table: Map<string, TranslateTarget | null> & {
    provided?: string;
    bySystem?: Map<string, Map<string, TranslateTarget | null>>;
  } = new Map();
  if ((map.group ?? []).every(({ source }) => source !== undefined)) table.bySystem = new Map();
  for (const group of map.group ?? []) {
    const mode = group.unmapped?.mode;
    if (mode !== undefined && mode !== 'provided') return { problem: says('unmapped-mode', { mode }) };
    if (mode === 'provided') {
      if (group.target === undefined || (table.provided ?? group.target) !== group.target) return { problem: says('unmapped-system') };
      table.provided = group.target;
    }
    const own = table.bySystem?.get(group.source ?? '') ?? new Map<string, TranslateTarget | null>();
    table.bySystem?.set(group.source ?? '', own);
    for (const element of group.element) {
      const target = element.target?.find((t) => t.code !== undefined && KEEPS_MEANING.has(t.equivalence));
      if (element.code === undefined) continue;
      const row =
        target?.code === undefined
          ? null
          : {
              ...(group.target !== undefined && { system: group.target }),
              code: target.code,
              ...(target.display !== undefined && { display: target.display }),
            };
      for (const codes of [own, table]) {
        const known = codes.get(element.code);
        const isOther = known && row && (known.code !== row.code || known.system !== row.system);
        // Two systems may use one code: without its system it has no meaning then.
        if (isOther && codes === own) return { problem: says('code-ambiguous', { code: element.code }) };
        if (isOther) codes.set(element.code, null);
        else if (row !== null || !codes.has(element.code)) codes.set(element.code, row);
      }
    }
  }
  return table;
}
