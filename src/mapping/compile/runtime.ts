import { type Issue, issue } from '../../errors/index.ts';
import { escapeFrom } from './escaping.ts';

/**
 * Functions that generated code calls. In all of them `undefined`, `null` and blank texts are the same: no value; what they
 * return is a usable value or `undefined`. None throws, whatever the source holds.
 */

/** A reference that waits for the ids of its record: to a role, or to a resource of the same Bundle. */
export interface PendingReference {
  readonly at: { reference?: string; [key: string]: unknown };
  readonly resource?: object;
  /** Element that waits, where it is not `reference`. */
  readonly name?: string;
  /** `urn:uuid:…` instead of `Type/…`. */
  readonly pointer?: boolean;
}

export interface Trace {
  readonly root: object;
  readonly expression: string;
  readonly field: string;
  /** Number of the site that wrote it. */
  readonly site: number;
}

/** State of the one record being mapped. Mapping is synchronous, so one is enough. */
export interface Run {
  issues: Issue[];
  references: PendingReference[];
  traces: Trace[];
  places: Map<object, { readonly root: object; readonly path: string }>;
  /** Which rule has the first or the last place of a list. */
  ends: Map<object, Map<string, string>>;
  /** What a rule has put to the front of a list. */
  firsts: Map<object, Map<string, unknown[]>>;
  lasts: { readonly owner: Record<string, unknown>; readonly name: string; readonly value: unknown }[];
}

export interface TranslateTarget {
  readonly system?: string;
  readonly code: string;
  readonly display?: string;
}
/**
 * `provided`: system under which a code that is not listed stays as it is. A code that is listed as having no counterpart maps to null.
 * `bySystem`: the same by the systems of the codes, where all have one.
 */
export type TranslateTable = ReadonlyMap<string, TranslateTarget | null> & {
  readonly provided?: string;
  readonly bySystem?: ReadonlyMap<string, ReadonlyMap<string, TranslateTarget | null>>;
};

/** @param uuid makes the ids of resources without one, and `uuid()`; only maps with ids of their own ask for it */
export function createRuntime(uuid: () => string = () => '') {
  const run: Run = { issues: [], references: [], traces: [], places: new Map(), ends: new Map(), firsts: new Map(), lasts: [] };
  let lastTime: string | undefined;
  let lastForm: RegExp | undefined;
  const none: readonly unknown[] = Object.freeze([]);

  function reset(bundle: object): void {
    run.issues = [];
    run.references = [];
    run.traces = [];
    if (run.ends.size > 0) run.ends = new Map();
    if (run.firsts.size > 0) run.firsts = new Map();
    run.lasts = [];
    run.places = new Map([[bundle, { root: bundle, path: 'Bundle' }]]);
  }

  function mistyped(field: string, expected: string): undefined {
    run.issues.push(issue('field-type', { field, expected }, { field }));
    return undefined;
  }

  // ---- reading the source
  function isBlank(value: unknown): value is undefined | null | '' {
    return value === undefined || value === null || (typeof value === 'string' && isBlankText(value));
  }
  function isBlankText(value: string): boolean {
    return value === '' || (value.charCodeAt(0) <= 32 && value.trim() === '');
  }
  function text(value: unknown, field: string): string | undefined {
    if (typeof value === 'string') return isBlankText(value) ? undefined : value;
    return value === undefined || value === null ? undefined : mistyped(field, 'string');
  }
  function number(value: unknown, field: string): number | undefined {
    // `+ 0` turns -0, which JSON can hold, into 0.
    if (typeof value === 'number' && Number.isFinite(value)) return value + 0;
    return isBlank(value) ? undefined : mistyped(field, 'number');
  }
  function integer(value: unknown, field: string): number | undefined {
    if (Number.isSafeInteger(value)) return (value as number) + 0;
    return isBlank(value) ? undefined : mistyped(field, 'integer');
  }
  function natural(value: unknown, field: string): number | undefined {
    const whole = integer(value, field);
    return whole === undefined || whole >= 0 ? whole : mistyped(field, 'integer >= 0');
  }
  function positive(value: unknown, field: string): number | undefined {
    const whole = integer(value, field);
    return whole === undefined || whole > 0 ? whole : mistyped(field, 'integer > 0');
  }
  function boolean(value: unknown, field: string): boolean | undefined {
    if (typeof value === 'boolean') return value;
    return isBlank(value) ? undefined : mistyped(field, 'boolean');
  }
  function object(value: unknown, field: string): Record<string, unknown> | undefined {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    return isBlank(value) ? undefined : mistyped(field, 'object');
  }
  /** A value of unknown type: anything but nothing. */
  function any(value: unknown): unknown {
    return isBlank(value) ? undefined : value;
  }
  /** The fields of whatever it is, without a finding: for expressions. */
  function fields(value: unknown): Record<string, unknown> | undefined {
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  }
  function list(value: unknown): readonly unknown[] {
    if (Array.isArray(value)) return value;
    return isBlank(value) ? none : [value];
  }
  function values(value: unknown, read: (item: unknown, field: string) => unknown, field: string): unknown[] {
    return list(value)
      .map((item) => read(item, field))
      .filter((item) => item !== undefined);
  }
  function entries(value: unknown, field: string): [unknown, string][] {
    if (Array.isArray(value)) return value.map((item, i) => [item, `${field}[${i}]`]);
    return isBlank(value) ? [] : [[value, field]];
  }
  function onlyOne(items: readonly unknown[], field: string): readonly unknown[] {
    if (items.length <= 1) return items;
    mistyped(field, '1');
    return none;
  }
  function checkFailed(field: string, rule: string): void {
    run.issues.push(issue('map-check', { field, rule }, { field, rule }));
  }

  // ---- transforms
  function cast(value: unknown, type: string, field: string): string | undefined {
    if (typeof value === 'number' && Number.isFinite(value)) return type === 'string' ? String(value) : mistyped(field, type);
    if (typeof value === 'boolean') return type === 'string' ? String(value) : mistyped(field, type);
    return text(value, field);
  }
  function toInteger(value: unknown, field: string): number | undefined {
    const whole = typeof value === 'string' && /^\s*[+-]?\d{1,15}\s*$/.test(value) ? Number(value) + 0 : integer(value, field);
    // R4's integer has 32 bits.
    return whole === undefined || (whole >= -2_147_483_648 && whole <= 2_147_483_647) ? whole : mistyped(field, 'integer');
  }
  function toDecimal(value: unknown, field: string): number | undefined {
    if (typeof value === 'string' && /^\s*[+-]?\d{1,15}(\.\d{1,15})?\s*$/.test(value)) return Number(value) + 0;
    return number(value, field);
  }
  function toBoolean(value: unknown, field: string): boolean | undefined {
    if (value === 'true' || value === 'false') return value === 'true';
    return boolean(value, field);
  }
  function toTime(value: unknown, form: RegExp, type: string, field: string): string | undefined {
    // One record writes the same time into most of its resources.
    if (value === lastTime && form === lastForm) return lastTime;
    const given = text(value, field);
    if (given === undefined) return undefined;
    if (form.test(given)) {
      lastTime = given;
      lastForm = form;
      return given;
    }
    const filled = given.replace(/^(\d{4}-\d\d-\d\dT|)(\d\d:\d\d)(Z|[+-]\d\d:\d\d|)$/, '$1$2:00$3');
    if (form.test(filled)) return filled;
    const day = type === 'date' ? given.slice(0, 10) : '';
    return /^\d{4}-\d\d-\d\dT/.test(given) && form.test(day) ? day : mistyped(field, type);
  }
  /** R4's `qty(text)`: `[comparator]value[space]unit`. */
  function quantityOf(value: string, field: string): object | undefined {
    const [, comparator, number, unit] = /^\s*(<=|>=|<|>)?\s*([+-]?\d{1,15}(?:\.\d{1,15})?)\s*(\S.*?)?\s*$/s.exec(value) ?? [];
    if (number === undefined) return mistyped(field, 'Quantity');
    return { value: Number(number) + 0, ...(comparator !== undefined && { comparator }), ...(unit !== undefined && { unit }) };
  }
  function truncate(value: string, length: number): string | undefined {
    const cut = [...value].slice(0, length).join('').trimEnd();
    return cut === '' ? undefined : cut;
  }
  function translate(table: TranslateTable, value: string, map: string, field: string) {
    const found = targetOf(table, value);
    if (!found) run.issues.push(issue('unmapped-code', { field, map }, { field, rule: map }));
    return found ?? undefined;
  }
  /** Of several codings the first that has a counterpart; one of a system that the map does not speak of has none. */
  function translateCoded(table: TranslateTable, codings: readonly unknown[], map: string, field: string) {
    for (const coding of codings) {
      const { system, code } = fields(coding) ?? {};
      if (typeof code !== 'string') continue;
      const found = typeof system === 'string' ? codedTarget(table, system, code) : targetOf(table, code);
      if (found) return found;
    }
    run.issues.push(issue('unmapped-code', { field, map }, { field, rule: map }));
    return undefined;
  }
  function codedTarget(table: TranslateTable, system: string, code: string): TranslateTarget | null | undefined {
    if (table.bySystem === undefined) return targetOf(table, code);
    const own = table.bySystem.get(system);
    const listed = own?.get(code);
    return own !== undefined && listed === undefined && table.provided !== undefined ? { system: table.provided, code } : listed;
  }
  function targetOf(table: TranslateTable, code: string): TranslateTarget | null | undefined {
    const listed = table.get(code);
    return listed === undefined && table.provided !== undefined ? { system: table.provided, code } : listed;
  }
  function contactSystem(value: string): string {
    if (value.includes('@')) return 'email';
    return /^[a-z][a-z0-9+.-]*:/i.test(value) ? 'url' : 'phone';
  }

  // ---- writing the target
  function link(at: PendingReference['at'], value: string): void {
    at.reference = value;
    if (value.startsWith('role:')) run.references.push({ at });
  }
  /** What leads to a resource of the source: nothing where it has no id. */
  function idOf(resource: unknown, before: string): string | undefined {
    const id = fields(resource)?.id;
    return typeof id === 'string' && !isBlankText(id) ? before + id : undefined;
  }
  function linkTo(at: PendingReference['at'], resource: object, name = 'reference', pointer = false): void {
    // A placeholder keeps the Reference from looking empty until the ids are known.
    at[name] = 'role:';
    run.references.push({ at, resource, name, pointer });
  }
  /** R4's list mode `share`: the n-th that a rule makes is the n-th that its neighbours (`sharing`) have made under the same name. */
  function shared(
    owner: Record<string, unknown>,
    name: string,
    sharing: Map<object, Map<string, object[]>>,
    rule: string,
    counts: Map<object, Map<string, number>>,
    isList: boolean,
    make: () => object,
  ): object {
    if (!isList) {
      owner[name] ??= make();
      return owner[name] as object;
    }
    const items = within(sharing, owner, `${name} ${rule}`, () => [] as object[]);
    const at = counted(counts, owner, name);
    const item = items[at] ?? make();
    items[at] = item;
    owner[name] ??= [];
    const list = owner[name] as object[];
    if (!list.includes(item)) list.push(item);
    return item;
  }
  /** R4's list mode `collate`: the first that is there. */
  function collated(owner: Record<string, unknown>, name: string, make: () => object): object {
    owner[name] ??= [make()];
    return (owner[name] as object[])[0] as object;
  }
  function first(owner: Record<string, unknown>, name: string, value: unknown, rule: string, place: string): void {
    if (!isFree(owner, `first ${name}`, name, rule, place)) return;
    owner[name] ??= [];
    const list = owner[name] as unknown[];
    // Behind those of the same rule that are still there: one that stayed empty is not.
    const own = within(run.firsts, owner, name, () => [] as unknown[]);
    let at = 0;
    while (at < list.length && own.includes(list[at])) at++;
    list.splice(at, 0, value);
    own.push(value);
  }
  function last(owner: Record<string, unknown>, name: string, value: unknown, rule: string, place: string): void {
    if (!isFree(owner, `last ${name}`, name, rule, place)) return;
    owner[name] ??= [];
    (owner[name] as unknown[]).push(value);
    run.lasts.push({ owner, name, value });
  }
  /** Two rules with the first (or the last) place of one list are an error. */
  function isFree(owner: object, end: string, name: string, rule: string, place: string): boolean {
    if (within(run.ends, owner, end, () => place) === place) return true;
    checkFailed(name, rule);
    return false;
  }
  function within<T>(map: Map<object, Map<string, T>>, owner: object, key: string, make: () => T): T {
    let own = map.get(owner);
    if (own === undefined) {
      own = new Map();
      map.set(owner, own);
    }
    let value = own.get(key);
    if (value === undefined) {
      value = make();
      own.set(key, value);
    }
    return value;
  }
  function counted(counts: Map<object, Map<string, number>>, owner: object, name: string): number {
    const before = within(counts, owner, name, () => 0);
    counts.get(owner)?.set(name, before + 1);
    return before;
  }
  /** At the end of a run: what goes last goes behind what later rules have added. */
  function settle(): void {
    for (const { owner, name, value } of run.lasts) {
      const list = owner[name];
      const at = Array.isArray(list) ? list.lastIndexOf(value) : -1;
      if (at >= 0) (list as unknown[]).push(...(list as unknown[]).splice(at, 1));
    }
  }
  /** An object of FHIR as it is; nothing of it is shared with the source. */
  function copyOf(value: object): object {
    return structuredClone(value);
  }
  function escaped(value: string | undefined, from: string, to: string, field: string): string | undefined {
    if (value === undefined) return undefined;
    const result = escapeFrom(value, from, to);
    return result === undefined ? mistyped(field, from) : text(result, field);
  }
  function isEmpty(value: object): boolean {
    for (const key in value) if (key !== 'resourceType' && !(key === 'id' && (value as { id: unknown }).id === '')) return false;
    return true;
  }
  function remove(parent: Record<string, unknown>, name: string, item: unknown): void {
    const items = parent[name] as unknown[] | undefined;
    const at = items?.lastIndexOf(item) ?? -1;
    if (items === undefined || at < 0) return;
    items.splice(at, 1);
    if (items.length === 0) delete parent[name];
  }

  // ---- FHIRPath: collections are `undefined` (empty), one value, or an array
  function path(value: unknown, name: string): unknown {
    if (!Array.isArray(value)) return filled(fields(value)?.[name]);
    const found = value.flatMap((item) => list(fields(item)?.[name])).filter((item) => !isBlank(item));
    return found.length === 0 ? undefined : found;
  }
  /** A choice element, under whichever of its names it stands. */
  function choice(value: unknown, names: readonly string[]): unknown {
    const own = (item: unknown) => names.map((name) => fields(item)?.[name]).find((found) => !isBlank(found));
    return filled(Array.isArray(value) ? value.map(own) : own(value));
  }
  /** Whether a value of unknown type is of the kind; `resource`: of that type of resource. */
  function isOf(value: unknown, kind: string, resource?: string): boolean {
    if (kind === 'object') return fields(value) !== undefined && (resource === undefined || fields(value)?.resourceType === resource);
    if (kind === 'integer') return Number.isSafeInteger(value);
    return !isBlank(value) && typeof value === kind;
  }
  /** What a source holds: blank to `undefined`, arrays without blanks, an array of one to its item. */
  function filled(value: unknown): unknown {
    if (!Array.isArray(value)) return isBlank(value) ? undefined : value;
    const items = value.filter((item) => !isBlank(item));
    return items.length > 1 ? items : items[0];
  }
  /** A collection: an array of one is its item. A blank text is a text here: only a source's is nothing. */
  function single(value: unknown): unknown {
    if (!Array.isArray(value)) return value === null ? undefined : value;
    const items = value.filter((item) => item !== undefined && item !== null);
    return items.length > 1 ? items : items[0];
  }
  function items(value: unknown): readonly unknown[] {
    const one = single(value);
    return Array.isArray(one) ? one : one === undefined ? none : [one];
  }
  function exists(value: unknown): boolean {
    return single(value) !== undefined;
  }
  function count(value: unknown): number {
    const one = single(value);
    return Array.isArray(one) ? one.length : one === undefined ? 0 : 1;
  }
  function itemAt(value: unknown, index: number): unknown {
    return items(value)[index];
  }
  function lastItem(value: unknown): unknown {
    return items(value).at(-1);
  }
  function filter(value: unknown, test: (item: unknown) => unknown): unknown {
    return single(items(value).filter((item) => test(item) === true));
  }
  function select(value: unknown, make: (item: unknown) => unknown): unknown {
    return single(items(value).flatMap((item) => items(make(item))));
  }
  function slice(value: unknown, from: number, to?: number): unknown {
    return single(items(value).slice(from, to));
  }
  function asInteger(value: unknown): number | undefined {
    const one = single(value);
    if (typeof one === 'boolean') return one ? 1 : 0;
    if (typeof one === 'string') return /^[+-]?\d{1,15}$/.test(one) ? Number(one) + 0 : undefined;
    return Number.isSafeInteger(one) ? (one as number) : undefined;
  }
  function xor(a: boolean | undefined, b: boolean | undefined): boolean | undefined {
    return a === undefined || b === undefined ? undefined : a !== b;
  }
  function truth(value: unknown): boolean | undefined {
    const one = single(value);
    if (one === undefined || Array.isArray(one)) return undefined;
    return typeof one === 'boolean' ? one : true;
  }
  function equal(left: unknown, right: unknown): boolean | undefined {
    const a = single(left);
    const b = single(right);
    if (a === undefined || b === undefined) return undefined;
    if (Array.isArray(a) || Array.isArray(b)) {
      return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => item === b[i]);
    }
    return a === b;
  }
  function equivalent(left: unknown, right: unknown): boolean {
    const a = single(left);
    const b = single(right);
    const normal = (v: unknown) => (typeof v === 'string' ? v.trim().replace(/\s+/g, ' ').toLowerCase() : v);
    return normal(a) === normal(b);
  }
  /** Negative, zero, positive; NaN when the two cannot be compared, so that every comparison with it is false. */
  function compare(left: unknown, right: unknown): number {
    const a = single(left);
    const b = single(right);
    if (typeof a === 'number' && typeof b === 'number') return a - b;
    if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0;
    return Number.NaN;
  }
  function comparison(left: unknown, right: unknown, holds: (order: number) => boolean): boolean | undefined {
    const order = compare(left, right);
    return Number.isNaN(order) ? undefined : holds(order);
  }
  function includes(collection: unknown, item: unknown): boolean | undefined {
    const one = single(item);
    return one === undefined || Array.isArray(one) ? undefined : items(collection).includes(one);
  }
  function and(a: boolean | undefined, b: boolean | undefined): boolean | undefined {
    if (a === false || b === false) return false;
    return a === undefined || b === undefined ? undefined : true;
  }
  function or(a: boolean | undefined, b: boolean | undefined): boolean | undefined {
    if (a === true || b === true) return true;
    return a === undefined || b === undefined ? undefined : false;
  }
  function not(a: boolean | undefined): boolean | undefined {
    return a === undefined ? undefined : !a;
  }
  function arithmetic(operator: string, left: unknown, right: unknown): number | string | undefined {
    const a = single(left);
    const b = single(right);
    if (operator === '+' && typeof a === 'string' && typeof b === 'string') return a + b;
    if (typeof a !== 'number' || typeof b !== 'number') return undefined;
    let result: number;
    if (operator === '+') result = a + b;
    else if (operator === '-') result = a - b;
    else if (operator === '*') result = a * b;
    else if (operator === '/') result = a / b;
    else if (operator === 'div') result = Math.trunc(a / b);
    else result = a % b;
    // FHIRPath decimals are decimal: 0.1 + 0.2 is 0.3. Twelve digits keep every measurement and drop the binary noise.
    return Number.isFinite(result) ? Number(result.toPrecision(12)) + 0 : undefined;
  }
  function concat(left: unknown, right: unknown): string {
    const part = (value: unknown) => {
      const one = single(value);
      return typeof one === 'string' ? one : '';
    };
    return part(left) + part(right);
  }
  function asText(value: unknown): string | undefined {
    const one = single(value);
    return typeof one === 'string' || typeof one === 'boolean' || (typeof one === 'number' && Number.isFinite(one))
      ? String(one)
      : undefined;
  }
  /** Applies a function of one text; anything else is empty. */
  function onText<T>(value: unknown, apply: (text: string) => T): T | undefined {
    const one = single(value);
    return typeof one === 'string' ? apply(one) : undefined;
  }

  // ---- the traced variant
  function join(base: string, name: string): string {
    return base === '' ? name : `${base}.${name}`;
  }
  function attach(parent: object, name: string, child: object, array: boolean): void {
    const type = (child as { resourceType?: string }).resourceType;
    if (type !== undefined) {
      run.places.set(child, { root: child, path: type });
      return;
    }
    const place = run.places.get(parent);
    if (place !== undefined && !run.places.has(child))
      run.places.set(child, { root: place.root, path: pathOf(place.path, parent, name, array) });
  }
  function wrote(parent: object, name: string, field: string, site: number, array: boolean): void {
    const place = run.places.get(parent);
    if (place !== undefined) run.traces.push({ root: place.root, expression: pathOf(place.path, parent, name, array), field, site });
  }
  function pathOf(base: string, parent: object, name: string, array: boolean): string {
    const written = (parent as Record<string, unknown>)[name];
    return array && Array.isArray(written) ? `${base}.${name}[${written.length - 1}]` : `${base}.${name}`;
  }

  const helpers = {
    text,
    number,
    integer,
    natural,
    positive,
    boolean,
    object,
    any,
    fields,
    list,
    values,
    entries,
    onlyOne,
    checkFailed,
    cast,
    toInteger,
    toDecimal,
    toBoolean,
    toTime,
    quantityOf,
    truncate,
    translate,
    translateCoded,
    contactSystem,
    link,
    idOf,
    linkTo,
    mistyped,
    shared,
    collated,
    first,
    last,
    copyOf,
    escaped,
    uuid,
    choice,
    isOf,
    isEmpty,
    remove,
    filled,
    path,
    exists,
    count,
    itemAt,
    lastItem,
    filter,
    select,
    slice,
    asInteger,
    xor,
    truth,
    equal,
    equivalent,
    compare,
    comparison,
    includes,
    and,
    or,
    not,
    arithmetic,
    concat,
    asText,
    onText,
    join,
    attach,
    wrote,
  };
  return { run, reset, settle, helpers };
}

export type Runtime = ReturnType<typeof createRuntime>;
