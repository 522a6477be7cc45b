import type { Bundle, BundleEntry, ConceptMap, Resource, StructureMap } from '@medplum/fhirtypes';
import { AppError, fieldName, type Issue, issue } from '../errors/index.ts';
import type { Feed } from '../store/port.ts';
import type { R4Elements } from '../terminology/r4-elements.ts';
import { localSid, sidKind } from '../terminology/systems.ts';
import {
  type CompiledPart,
  compileUnits,
  createRuntime,
  type JsonSchema,
  type MapUnit,
  type ReadTree,
  type Site,
} from './compile/index.ts';
import { mapError, Positions, parseMap, says } from './fml/index.ts';
import { tableSays } from './table-problems.ts';
import type { MapContext, MappedResource, Mapper, NormalisedRecord } from './types.ts';

/**
 * How a map says what belongs to what (all of it plain FML, stripped from what comes out):
 *
 * - `entry.fullUrl = 'role:encounter'` names the role of the resource in its record. Roles must not change between versions of a
 *   record, because ids are made from them. A role that stands twice becomes `…#2`, `…#3` in the order of the entries.
 *   Without fullUrl the role is the item, else the type of the resource in lower case.
 * - `entry.id = 'anc.hb'` names the item: the key of `mappings/delivery-policy.csv`. Without it the item is the role up to the
 *   first `#` or `@`: `observation:8480-6@77#2` → `observation:8480-6`.
 * - `ref.reference = 'role:encounter'`, or `ref.reference = reference(enc)` for a resource in scope, becomes `Encounter/<id>`.
 *   When two resources have the role, the first is meant. A role that is not there leaves no Reference and gives a warning.
 *
 * Ids are never written by a map. A resource type with `identifier` gets `{system: …/sid/<kind>, value: id}` unless
 * the map wrote one of a local system for that kind.
 */
export interface MapSet {
  /** FML texts; `name` (the file's name) stands in messages. */
  readonly maps: readonly { readonly name: string; readonly text: string }[];
  /** Further maps as resources, such as those made from the catalogue's tables. */
  readonly structureMaps: readonly StructureMap[];
  /**
   * Maps for the services of one form. They are compiled when a record first has such a service, so that a start does not wait for what this day
   * does not need; `checkForms` compiles all.
   */
  readonly forms?: readonly FormMaps[];
  readonly elements: R4Elements;
  /** Contracts by the url that `uses "…"` names. */
  readonly contracts: Readonly<Record<string, JsonSchema>>;
  /** Concept maps by url, for `translate`. */
  readonly conceptMaps?: Readonly<Record<string, ConceptMap>>;
  /** The entry group of each feed: `(source src : …, source ctx, target bundle : Bundle)`. */
  readonly entry: Readonly<Partial<Record<Feed, string>>>;
  /** Keys that `ctx` may have; without them reading `ctx` is unchecked. */
  readonly contextKeys?: readonly string[];
  /**
   * Fields that others than the maps use (intake, the context), so that they are not reported as unused: dotted paths, which
   * cover everything below them.
   */
  readonly consumed?: Readonly<Partial<Record<Feed, readonly string[]>>>;
}

export interface FormMaps {
  readonly feed: Feed;
  readonly form: string;
  /** FML texts and resources that the entry imports; those that several forms share are the same objects. */
  readonly maps: readonly { readonly name: string; readonly text: string }[];
  readonly structureMaps: () => readonly StructureMap[];
  /** Its one group takes the record: `(source src : …, source ctx, target bundle : Bundle)`. */
  readonly entry: () => StructureMap;
}

export type CompiledMaps = Mapper & {
  /** All maps of the set as FHIR resources, to be published: a record goes through the entry of its feed, then through that of each of its forms. */
  readonly structureMaps: readonly StructureMap[];
  /** Compiles the maps of all forms. @throws AppError `map-compile` */
  checkForms(): void;
  /** The generated JavaScript, to read it. */
  readonly source: { readonly fast: string; readonly traced: string };
  /** What the maps of a feed can read and write, whatever the record. */
  reach(feed: Feed): Reach;
};

export interface Reach {
  /** Dotted paths of the contract's fields; lists are transparent. */
  readonly fields: readonly string[];
  /** Those of them that no rule reads, nor intake. */
  readonly unread: readonly string[];
  readonly sites: readonly Site[];
}

/**
 * Compiles a set of maps into a mapper.
 *
 * @throws AppError `map-compile` naming map, line, column and what to write instead; nothing half-understood ever runs
 */
export function compileMaps(set: MapSet): CompiledMaps {
  const made = new Map<object, MapUnit>();
  /** One unit for one map, however many forms it is for. */
  const unitOf = (given: MapSet['maps'][number] | StructureMap): MapUnit => {
    let unit = made.get(given);
    if (unit === undefined) {
      unit = 'text' in given && typeof given.text === 'string' ? parsed(given.name, given.text) : asUnit(given as StructureMap);
      made.set(given, unit);
    }
    return unit;
  };
  const units = [...set.maps, ...set.structureMaps].map(unitOf);
  refuseCircles(units);
  const forms = new Map<Feed, Map<string, FormUnits>>();
  for (const { feed, form, maps, structureMaps, entry } of set.forms ?? []) {
    let own: readonly MapUnit[] | undefined;
    const inFeed = forms.get(feed) ?? new Map<string, FormUnits>();
    forms.set(feed, inFeed);
    inFeed.set(form, {
      key: `${feed} ${form}`,
      units: () => {
        if (own === undefined) {
          own = [asUnit(entry()), ...[...maps, ...structureMaps()].map(unitOf)];
          refuseCircles([...units, ...own]);
        }
        return own;
      },
    });
  }
  const allForms = [...forms.values()].flatMap((inFeed) => [...inFeed.values()]);
  const runtime = createRuntime();
  const entry = Object.fromEntries(Object.entries(set.entry).filter(([, group]) => group !== undefined)) as Record<string, string>;
  const compiled = compileUnits(
    {
      units,
      parts: new Map(allForms.map((one) => [one.key, one])),
      elements: set.elements,
      contracts: set.contracts,
      conceptMaps: set.conceptMaps ?? {},
      entry,
      ...(set.contextKeys !== undefined && { contextKeys: set.contextKeys }),
    },
    runtime,
  );
  const sids = new Sids(set.elements);
  const consumed = new Map(Object.entries(set.consumed ?? {}).map(([feed, paths]) => [feed, new Set(paths)]));

  const partsOf = (feed: Feed, record: NormalisedRecord): readonly { readonly key: string; readonly part: CompiledPart }[] => {
    const inFeed = forms.get(feed);
    const { services } = record as { services?: unknown };
    if (inFeed === undefined || !Array.isArray(services)) return [];
    const named = new Set(services.map((service) => inFeed.get((service as { form?: string } | null)?.form ?? '')?.key));
    return [...named].flatMap((key) => {
      const part = key === undefined ? undefined : compiled.part(key);
      return key === undefined || part === undefined ? [] : [{ key, part }];
    });
  };

  /** What the maps of a feed and of these forms read. */
  const trees = new Map<string, ReadTree>();
  function readsOf(feed: Feed, parts: ReturnType<typeof partsOf>): ReadTree | undefined {
    const own = compiled.reads.get(feed);
    if (own === undefined || parts.length === 0) return own;
    const keys = parts
      .map(({ key }) => key)
      .sort()
      .join('\n');
    let tree = trees.get(keys);
    if (tree === undefined) {
      // Which forms stand together is the senders' choice: what is kept has an end.
      if (trees.size >= MAX_TREES) trees.clear();
      tree = parts.reduce((sum, { part }) => union(sum, part.reads), own);
      trees.set(keys, tree);
    }
    return tree;
  }

  function run(
    variant: 'fast' | 'traced',
    feed: Feed,
    record: NormalisedRecord,
    context: MapContext,
    parts: ReturnType<typeof partsOf>,
  ): Bundle {
    const entryFunction = compiled[variant].get(feed);
    if (entryFunction === undefined) throw new AppError('config', { detail: tableSays('no-map', { feed }) });
    const functions = [entryFunction, ...parts.map(({ part }) => part[variant])];
    const bundle: Bundle = { resourceType: 'Bundle', type: 'collection' };
    runtime.reset(bundle);
    try {
      for (const each of functions) each(record, context, bundle);
      runtime.settle();
    } catch (cause) {
      // Generated code does not throw, except when a group calls itself without end.
      throw new AppError('internal', {}, { cause });
    }
    return bundle;
  }

  function finish(bundle: Bundle, idOf: (role: string) => string): { resources: MappedResource[]; issues: Issue[] } {
    const resources: MappedResource[] = [];
    const byRole = new Map<string, Resource>();
    for (const entryOf of bundle.entry ?? []) {
      const resource = entryOf.resource as (Resource & { id: string }) | undefined;
      if (resource === undefined) continue;
      const role = uniqueRole(roleOf(entryOf, resource), byRole);
      resource.id = idOf(role);
      byRole.set(role, resource);
      sids.add(resource);
      resources.push({ role, item: entryOf.id ?? itemOf(role), resource });
    }
    const issues = [...runtime.run.issues];
    let isDangling = false;
    for (const { at, resource } of runtime.run.references) {
      const role = at.reference?.slice('role:'.length) ?? '';
      const target = (resource as Resource | undefined) ?? byRole.get(role);
      if (target !== undefined) at.reference = `${target.resourceType}/${target.id}`;
      else {
        delete at.reference;
        isDangling = true;
        // A role may end in an id of the source; the item before it is enough to find the rule.
        const allowed = `role:${itemOf(role)}`;
        issues.push(issue('reference', { expression: 'reference', allowed }, { rule: allowed, severity: 'warning' }));
      }
    }
    if (isDangling) for (const { resource } of resources) prune(resource);
    return { resources, issues };
  }

  return {
    get structureMaps() {
      return [...new Set([...units, ...allForms.flatMap((form) => form.units())])].map((unit) => unit.map);
    },
    checkForms: () => compiled.checkParts(),
    source: compiled.source,

    map(feed, record, context, idOf) {
      const parts = partsOf(feed, record);
      let bundle = run('fast', feed, record, context, parts);
      // The fast functions know that something is wrong, the traced ones know where.
      if (runtime.run.issues.length > 0) bundle = run('traced', feed, record, context, parts);
      const { resources, issues } = finish(bundle, idOf);
      return { resources, issues, unused: unusedFields(record, readsOf(feed, parts), consumed.get(feed)) };
    },

    explain(feed, record, context, idOf) {
      const bundle = run('traced', feed, record, context, partsOf(feed, record));
      const { traces } = runtime.run;
      const roles = new Map<object, string>(finish(bundle, idOf).resources.map(({ role, resource }) => [resource, role]));
      return traces.flatMap(({ root, expression, field, site: number }) => {
        const role = roles.get(root);
        const site = compiled.sites[number];
        if (role === undefined || site === undefined) return [];
        return [{ role, expression, field, rule: `${site.map}#${site.group}/${site.rule}`, site }];
      });
    },

    reach(feed) {
      const parts = [...(forms.get(feed)?.values() ?? [])].flatMap(({ key }) => compiled.part(key) ?? []);
      const trees = [compiled.reads.get(feed), ...parts.map(({ reads }) => reads)];
      const taken = consumed.get(feed) ?? new Set<string>();
      const fields = compiled.fields.get(feed) ?? [];
      return {
        fields,
        unread: fields.filter((field) => trees.every((tree) => !isRead(field, tree, taken))),
        sites: [...new Set([...(compiled.reached.get(feed) ?? []), ...parts.flatMap(({ reached }) => reached)])],
      };
    },
  };
}

interface FormUnits {
  readonly key: string;
  readonly units: () => readonly MapUnit[];
}

/** Sets of forms whose fields that are read are kept. */
const MAX_TREES = 1_000;

const asUnit = (map: StructureMap): MapUnit => ({ name: map.name, map, positions: new Positions() });

function parsed(name: string, text: string): MapUnit {
  const { structureMap, positions } = parseMap(text, name);
  return { name, map: structureMap, positions };
}

function union(a: ReadTree, b: ReadTree): ReadTree {
  const fields = new Map(a.fields);
  for (const [name, below] of b.fields) {
    const known = fields.get(name);
    fields.set(name, known === undefined ? below : union(known, below));
  }
  return { read: a.read || b.read, fields };
}

/**
 * FML lets maps use each other, and `compileTransform` does. Among the maps of feeds a circle is a slip: which map stands on which is lost.
 * An import with `*` names whatever is there, itself too, and is no such slip.
 */
function refuseCircles(units: readonly MapUnit[]): void {
  const byUrl = new Map(units.map((unit) => [unit.map.url, unit]));
  const done = new Set<MapUnit>();
  const visit = (unit: MapUnit, way: readonly MapUnit[]): void => {
    if (way.includes(unit)) {
      const circle = [...way.slice(way.indexOf(unit)), unit].map(({ name }) => name).join(' → ');
      throw mapError(unit.name, unit.positions.of(unit.map), says('import-circle', { circle }));
    }
    if (done.has(unit)) return;
    for (const url of unit.map.import ?? []) {
      const other = byUrl.get(url);
      if (other !== undefined) visit(other, [...way, unit]);
    }
    done.add(unit);
  };
  for (const unit of units) visit(unit, []);
}

/** Takes out objects and arrays without content; true when nothing is left. */
function prune(value: object): boolean {
  if (Array.isArray(value)) {
    const kept = value.filter((item) => typeof item !== 'object' || item === null || !prune(item));
    value.splice(0, value.length, ...kept);
    return kept.length === 0;
  }
  const fields = value as Record<string, unknown>;
  for (const [key, item] of Object.entries(fields)) if (typeof item === 'object' && item !== null && prune(item)) delete fields[key];
  return Object.keys(fields).length === 0;
}

function roleOf(entry: BundleEntry, resource: Resource): string {
  const url = entry.fullUrl;
  if (url?.startsWith('role:') && url.length > 'role:'.length) return url.slice('role:'.length);
  return entry.id ?? resource.resourceType.toLowerCase();
}

function itemOf(role: string): string {
  for (let i = 0; i < role.length; i++) {
    const c = role.charCodeAt(i);
    if (c === 35 || c === 64) return role.slice(0, i); // '#', '@'
  }
  return role;
}

function uniqueRole(role: string, taken: ReadonlyMap<string, unknown>): string {
  let unique = role;
  for (let n = 2; taken.has(unique); n++) unique = `${role}#${n}`;
  return unique;
}

/** Adds our own identifier where the type of resource has one: an array for most, single for a few. */
class Sids {
  readonly #kinds = new Map<string, { readonly system: string; readonly single: boolean } | undefined>();

  constructor(elements: R4Elements) {
    for (const [type, { kind, elements: own }] of Object.entries(elements)) {
      if (kind !== 'resource') continue;
      const identifier = own.identifier;
      const isIdentifier = identifier?.types.some((t) => t.code === 'Identifier') === true;
      this.#kinds.set(type, isIdentifier ? { system: localSid(sidKind(type)), single: identifier?.max === 1 } : undefined);
    }
  }

  add(resource: Resource & { id: string }): void {
    const kind = this.#kinds.get(resource.resourceType);
    if (kind === undefined) return;
    const own = { system: kind.system, value: resource.id };
    const holder = resource as unknown as { identifier?: unknown };
    if (kind.single) {
      holder.identifier ??= own;
      return;
    }
    const written = holder.identifier as { system?: string }[] | undefined;
    if (written === undefined) holder.identifier = [own];
    else if (!written.some((i) => i.system === kind.system)) written.unshift(own);
  }
}

/** Whether a rule reads a field or something below it, or intake uses it. */
function isRead(field: string, tree: ReadTree | undefined, consumed: ReadonlySet<string>): boolean {
  let node = tree;
  let path = '';
  for (const name of field.split('.')) {
    path = path === '' ? name : `${path}.${name}`;
    if (consumed.has(path)) return true;
    node = node?.fields.get(name);
  }
  return node !== undefined;
}

/** Paths with a value in the record that no map reads: `services[0].answers.foo`. Each kind of path once, with its first index. */
function unusedFields(record: NormalisedRecord, tree: ReadTree | undefined, consumed: ReadonlySet<string> | undefined): string[] {
  const unused: string[] = [];
  const reported = new Set<string>();
  const walk = (value: unknown, node: ReadTree | undefined, path: string, plain: string): void => {
    if (value === undefined || value === null || value === '') return;
    if (Array.isArray(value)) {
      for (let i = 0; i < value.length; i++) walk(value[i], node, `${path}[${i}]`, plain);
    } else if (typeof value === 'object') {
      for (const key of Object.keys(value)) {
        const below = node?.fields.get(key);
        const item = (value as Record<string, unknown>)[key];
        // The common case, a leaf that is read, costs no text.
        if (below?.read === true && (typeof item !== 'object' || item === null)) continue;
        const next = plain === '' ? key : `${plain}.${key}`;
        const name = below === undefined ? fieldName(key) : key;
        if (consumed?.has(next) !== true) walk(item, below, path === '' ? name : `${path}.${name}`, next);
      }
    } else if (node?.read !== true && !reported.has(plain)) {
      reported.add(plain);
      unused.push(path);
    }
  };
  walk(record, tree, '', '');
  return [...new Set(unused)];
}
