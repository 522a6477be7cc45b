import type { Clock } from './clock.ts';
import { rangeOf, type TimeRange } from './dates.ts';
import { asObject, type JsonObject, sortKeys } from './json.ts';
import { CREATOR_SYSTEM, identifiersOf, referencesOf } from './resources.ts';

export interface StoredResource extends JsonObject {
  readonly resourceType: string;
  readonly id: string;
  readonly meta: JsonObject & { readonly versionId: string; readonly lastUpdated: string };
}

export interface Version {
  /** Nanoseconds since the epoch: the order of writes. */
  readonly nanos: bigint;
  /** Unpadded base64 of the decimal nanoseconds. */
  readonly versionId: string;
  /** Microseconds, `+00:00`. */
  readonly lastUpdated: string;
  /** `Tue, 05 Nov 2024 06:49:14 UTC`. */
  readonly lastModified: string;
}

export interface Draft {
  readonly resourceType: string;
  readonly id: string;
  readonly body: JsonObject;
}

/** What reads and searches see of the store. */
export interface StoreView {
  get(type: string, id: string): StoredResource | undefined;
  /** Resources of a type, last written first. */
  list(type: string): readonly StoredResource[];
  /** Resources of a type with that identifier (`system|value`), last written first. */
  withIdentifier(type: string, token: string): readonly StoredResource[];
  /** Resources of a type that refer to `reference` anywhere, last written first. */
  referringTo(type: string, reference: string): readonly StoredResource[];
  /** Resources of a type that may be what is wanted, last written first; each is read only when it is asked for. */
  scan(type: string, wanted: Wanted): Iterable<StoredResource>;
}

/** What an index can answer of a search. The rest is for the caller to look at. */
export interface Wanted {
  /** Every key holds at least one of its alternatives: `system|value`, or `Type/id`. */
  readonly keys: ReadonlyArray<{ readonly by: 'identifier' | 'reference'; readonly any: readonly string[] }>;
  /** On the resource's `period`, where the type is searched by it; every test holds. */
  readonly period?: ReadonlyArray<(range: TimeRange) => boolean>;
}

/** Told of every commit before anybody sees it; `created` are milliseconds, `lines` the resources as JSON. */
export type CommitListener = (created: number, lines: readonly string[]) => void;

interface Row {
  readonly type: string;
  readonly id: string;
  /** When the first version came. */
  readonly created: number;
  /** Number of the write, for the order. */
  written: number;
  slab: Buffer;
  offset: number;
  length: number;
  /** Of the resource's `period`, for the types of {@link PERIOD_SEARCHED}. */
  period?: TimeRange | undefined;
}

/** Types that are searched by their period: without it in the index every visit of a facility would be read for one day's. */
const PERIOD_SEARCHED = new Set(['Encounter']);

/** One row, or several: most keys of an index have one. */
type Entry = Row | Row[];

interface Table {
  readonly rows: Map<string, Row>;
  readonly byIdentifier: Map<string, Entry>;
  readonly byReference: Map<string, Entry>;
}

/**
 * Texts outside of the garbage collector's heap. A new version leaves the old text where it is: few resources are ever changed.
 */
class TextArena {
  static readonly #SLAB = 4 * 1024 * 1024;
  #slab = Buffer.allocUnsafeSlow(0);
  #used = 0;

  write(text: string): { slab: Buffer; offset: number; length: number } {
    const length = Buffer.byteLength(text);
    if (this.#used + length > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(Math.max(TextArena.#SLAB, length));
      this.#used = 0;
    }
    const offset = this.#used;
    this.#slab.write(text, offset, 'utf8');
    this.#used += length;
    return { slab: this.#slab, offset, length };
  }
}

/**
 * The FHIR store, in memory, as JSON texts. Nothing in it waits: whoever checks and commits without an `await` between cannot be
 * overtaken, which is what makes the duplicate rule and transactions atomic.
 */
export class ResourceStore implements StoreView {
  readonly #clock: Clock;
  readonly #tables = new Map<string, Table>();
  #texts = new TextArena();
  #lastNanos = 0n;
  #writes = 0;
  /** Set while a journal is kept. */
  onCommit: CommitListener | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The version of the next write: never the same twice, never going back even if the clock does. */
  nextVersion(): Version {
    const byClock = BigInt(Math.trunc(this.#clock.now())) * 1_000_000n;
    const nanos = byClock > this.#lastNanos ? byClock : this.#lastNanos + 1_000n;
    this.#lastNanos = nanos;
    const instant = new Date(Number(nanos / 1_000_000n));
    const micros = String((nanos / 1_000n) % 1_000n).padStart(3, '0');
    return {
      nanos,
      versionId: Buffer.from(String(nanos)).toString('base64').replace(/=+$/, ''),
      lastUpdated: `${instant.toISOString().slice(0, -1)}${micros}+00:00`,
      lastModified: instant.toUTCString().replace('GMT', 'UTC'),
    };
  }

  /**
   * Stores all drafts under one version: all, or none when the listener throws.
   *
   * @returns the resources as they are read from now on
   */
  commit(drafts: readonly Draft[], version: Version): readonly StoredResource[] {
    const resources = drafts.map(({ resourceType, id, body }) => {
      const meta = { ...asObject(body.meta), versionId: version.versionId, lastUpdated: version.lastUpdated };
      return sortKeys({ ...body, resourceType, id, meta }) as StoredResource;
    });
    const lines = resources.map((resource) => JSON.stringify(resource));
    const created = this.#clock.now();
    this.onCommit?.(created, lines);
    for (const [index, resource] of resources.entries()) this.#put(resource, lines[index] as string, created);
    return resources;
  }

  /** Stores what a journal says was stored at `created`. */
  restore(created: number, resources: readonly StoredResource[]): void {
    for (const resource of resources) {
      this.#put(resource, JSON.stringify(resource), created);
      const nanos = BigInt(Buffer.from(resource.meta.versionId, 'base64').toString() || 0);
      if (nanos > this.#lastNanos) this.#lastNanos = nanos;
    }
  }

  has(type: string, id: string): boolean {
    return this.#tables.get(type)?.rows.has(id) === true;
  }

  get(type: string, id: string): StoredResource | undefined {
    const row = this.#tables.get(type)?.rows.get(id);
    return row === undefined ? undefined : parse(row);
  }

  list(type: string): readonly StoredResource[] {
    return this.#latest(this.#rowsOf(type));
  }

  withIdentifier(type: string, token: string): readonly StoredResource[] {
    return this.#latest(this.#rowsWithIdentifier(type, token));
  }

  referringTo(type: string, reference: string): readonly StoredResource[] {
    return this.#latest(asRows(this.#tables.get(type)?.byReference.get(reference)));
  }

  scan(type: string, wanted: Wanted): Iterable<StoredResource> {
    return this.#scan(type, wanted, Number.POSITIVE_INFINITY);
  }

  /** Ids of the resources of a type with that identifier; nothing is parsed. */
  idsWithIdentifier(type: string, token: string): readonly string[] {
    return this.#rowsWithIdentifier(type, token).map(({ id }) => id);
  }

  /** What is seen by those who may see only what is older than `lagMs`. */
  lagging(lagMs: number): StoreView {
    if (lagMs <= 0) return this;
    const latest = this.#clock.now() - lagMs;
    const old = (rows: readonly Row[]): readonly StoredResource[] => this.#latest(rows.filter((row) => row.created <= latest));
    return {
      get: (type, id) => old(asRows(this.#tables.get(type)?.rows.get(id)))[0],
      list: (type) => old(this.#rowsOf(type)),
      withIdentifier: (type, token) => old(this.#rowsWithIdentifier(type, token)),
      referringTo: (type, reference) => old(asRows(this.#tables.get(type)?.byReference.get(reference))),
      scan: (type, wanted) => this.#scan(type, wanted, latest),
    };
  }

  *#scan(type: string, { keys, period = [] }: Wanted, latest: number): Generator<StoredResource> {
    const lists = keys.map(({ by, any }) => {
      const found = any.map((key) =>
        by === 'identifier' ? this.#rowsWithIdentifier(type, key) : asRows(this.#tables.get(type)?.byReference.get(key)),
      );
      return found.length === 1 ? (found[0] as readonly Row[]) : [...new Set(found.flat())];
    });
    const smallest = lists.reduce<readonly Row[] | undefined>(
      (least, list) => (least && least.length <= list.length ? least : list),
      undefined,
    );
    const byPeriod = PERIOD_SEARCHED.has(type) ? period : [];
    const rows = (smallest ?? this.#rowsOf(type)).filter(
      (row) => row.created <= latest && byPeriod.every((test) => row.period !== undefined && test(row.period)),
    );
    for (const row of rows.sort((a, b) => b.written - a.written)) yield parse(row);
  }

  /** Every resource, or every one of a type, as its JSON text, in the order of the first write within a type. */
  *texts(type?: string): Generator<string> {
    const tables = type === undefined ? this.#tables.values() : [this.#tables.get(type)];
    for (const table of tables) for (const row of table?.rows.values() ?? []) yield textOf(row);
  }

  *all(): Generator<StoredResource> {
    for (const text of this.texts()) yield JSON.parse(text) as StoredResource;
  }

  /** Number of resources by type. */
  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#tables].map(([type, { rows }]) => [type, rows.size] as const).sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  clear(): void {
    this.#tables.clear();
    this.#texts = new TextArena();
  }

  #rowsOf(type: string): readonly Row[] {
    return [...(this.#tables.get(type)?.rows.values() ?? [])];
  }

  #rowsWithIdentifier(type: string, token: string): readonly Row[] {
    const table = this.#tables.get(type);
    // Nearly every resource carries the creator, so it is in no index.
    if (token.startsWith(`${CREATOR_SYSTEM}|`)) return this.#rowsOf(type).filter((row) => identifiersOf(parse(row)).includes(token));
    return asRows(table?.byIdentifier.get(token));
  }

  #latest(rows: readonly Row[]): readonly StoredResource[] {
    return rows.toSorted((a, b) => b.written - a.written).map(parse);
  }

  #put(resource: StoredResource, text: string, created: number): void {
    const { resourceType: type, id } = resource;
    let table = this.#tables.get(type);
    if (table === undefined) {
      table = { rows: new Map(), byIdentifier: new Map(), byReference: new Map() };
      this.#tables.set(type, table);
    }
    const before = table.rows.get(id);
    const old = before === undefined ? undefined : parse(before);
    const row: Row = before ?? { type, id, created, written: 0, slab: EMPTY, offset: 0, length: 0 };
    Object.assign(row, this.#texts.write(text));
    row.written = ++this.#writes;
    if (PERIOD_SEARCHED.has(type)) row.period = rangeOf(resource.period);
    if (before === undefined) table.rows.set(id, row);
    changeIndex(table.byIdentifier, row, old && indexedIdentifiers(old), indexedIdentifiers(resource));
    changeIndex(table.byReference, row, old && new Set(referencesOf(old)), new Set(referencesOf(resource)));
  }
}

const EMPTY = Buffer.alloc(0);

const textOf = ({ slab, offset, length }: Row): string => slab.toString('utf8', offset, offset + length);

const parse = (row: Row): StoredResource => JSON.parse(textOf(row)) as StoredResource;

const asRows = (entry: Entry | undefined): readonly Row[] => (entry === undefined ? [] : Array.isArray(entry) ? entry : [entry]);

const indexedIdentifiers = (resource: StoredResource): ReadonlySet<string> =>
  new Set(identifiersOf(resource).filter((token) => !token.startsWith(`${CREATOR_SYSTEM}|`)));

function changeIndex(index: Map<string, Entry>, row: Row, old: ReadonlySet<string> | undefined, now: ReadonlySet<string>): void {
  for (const key of old ?? []) {
    if (now.has(key)) continue;
    const left = asRows(index.get(key)).filter((other) => other !== row);
    if (left.length === 0) index.delete(key);
    else index.set(key, left as Row[]);
  }
  for (const key of now) {
    if (old?.has(key)) continue;
    const entry = index.get(key);
    if (entry === undefined) index.set(key, row);
    else if (Array.isArray(entry)) entry.push(row);
    else index.set(key, [entry, row]);
  }
}
