import type { Feed } from '../../store/port.ts';
import type { R4Elements } from '../../terminology/r4-elements.ts';
import type { Site } from '../compile/index.ts';
import type { MapRooms, Tried } from './cases.ts';
import { idOfRole } from './cases.ts';

export interface Coverage {
  readonly feed: Feed;
  /** Records of the sample. */
  readonly records: number;
  readonly contract: {
    readonly fields: number;
    /** No rule reads them, nor intake. */
    readonly unread: readonly string[];
  };
  /** Fields of the sample that nothing reads, with how many records have them. */
  readonly unused: ReadonlyArray<{ readonly field: string; readonly records: number }>;
  readonly elements: {
    /** Places where a rule writes. */
    readonly written: number;
    /** Of these, what never ran over the sample. */
    readonly idle: readonly Site[];
    /** Elements of the resources that are made which no rule can produce. */
    readonly impossible: ReadonlyArray<{ readonly type: string; readonly elements: readonly string[] }>;
  };
}

/** Elements that every resource has; `meta` and `extension` are told of where a rule writes them. */
const COMMON = new Set(['id', 'meta', 'implicitRules', 'language', 'text', 'contained', 'extension', 'modifierExtension', 'identifier']);

/** What of a feed's contract and of its maps is used, by the maps themselves and over a sample. */
export class CoverageCount {
  readonly #rooms: MapRooms;
  readonly #feed: Feed;
  readonly #ran = new Set<Site>();
  readonly #unused = new Map<string, number>();
  #records = 0;

  constructor(rooms: MapRooms, feed: Feed) {
    this.#rooms = rooms;
    this.#feed = feed;
  }

  add({ record, context, mapped }: Tried): void {
    this.#records++;
    for (const { site } of this.#rooms.mapper.explain(this.#feed, record, context, idOfRole)) this.#ran.add(site);
    const fields = new Set(mapped.unused.map((field) => field.replace(/\[\d+\]/g, '')));
    for (const field of fields) this.#unused.set(field, (this.#unused.get(field) ?? 0) + 1);
  }

  report(elements: R4Elements): Coverage {
    const { fields, unread, sites } = this.#rooms.mapper.reach(this.#feed);
    // An entry says what its resource is called; it is no part of what comes out.
    const writing = sites.filter(({ type, value }) => value && type !== 'Bundle.entry');
    return {
      feed: this.#feed,
      records: this.#records,
      contract: { fields: fields.length, unread },
      unused: [...this.#unused].map(([field, records]) => ({ field, records })).sort((a, b) => b.records - a.records),
      elements: {
        written: writing.length,
        idle: this.#records === 0 ? [] : writing.filter((site) => !this.#ran.has(site)),
        impossible: impossibleOf(sites, elements),
      },
    };
  }
}

function impossibleOf(sites: readonly Site[], elements: R4Elements): Coverage['elements']['impossible'] {
  const written = new Map<string, Set<string>>();
  for (const { type, element } of sites) {
    if (elements[type]?.kind === 'resource' && type !== 'Bundle') written.set(type, (written.get(type) ?? new Set()).add(element));
  }
  return [...written].sort().map(([type, names]) => ({
    type,
    elements: Object.entries(elements[type]?.elements ?? {})
      .filter(([name, { choice }]) => !COMMON.has(name) && !isWritten(name, choice === true, names))
      .map(([name, { choice }]) => (choice === true ? `${name}[x]` : name)),
  }));
}

const isWritten = (name: string, choice: boolean, names: ReadonlySet<string>): boolean =>
  names.has(name) || (choice && [...names].some((one) => one.startsWith(name) && /^[A-Z]/.test(one.slice(name.length))));
