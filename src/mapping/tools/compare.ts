import type { Feed } from '../../store/port.ts';
import type { MapResult } from '../types.ts';

/** `lost`: only before; `new`: only after; `changed`: another value. */
export type Change = 'lost' | 'new' | 'changed';

export interface FieldDifference {
  /** Role of the resource in its record. */
  readonly role: string;
  /** `Observation.valueQuantity.value`, with indexes. */
  readonly expression: string;
  readonly change: Change;
  readonly before?: unknown;
  readonly after?: unknown;
}

/** Field by field what two maps make of one record; the resources are matched by their roles. Of a resource that is only on one side, itself. */
export function compareResults(before: MapResult, after: MapResult): readonly FieldDifference[] {
  const found: FieldDifference[] = [];
  const [left, right] = [before, after].map(({ resources }) => new Map(resources.map(({ role, resource }) => [role, resource])));
  for (const role of new Set([...(left?.keys() ?? []), ...(right?.keys() ?? [])])) {
    const [was, is] = [left?.get(role), right?.get(role)];
    walk(was, is, (was ?? is)?.resourceType ?? '', (expression, one, other) => {
      const change = one === undefined ? 'new' : other === undefined ? 'lost' : 'changed';
      found.push({ role, expression, change, ...(one !== undefined && { before: one }), ...(other !== undefined && { after: other }) });
    });
  }
  return found;
}

type Found = (expression: string, before: unknown, after: unknown) => void;

/** Down to the values; what is only on one side is told whole. */
function walk(before: unknown, after: unknown, expression: string, found: Found): void {
  if (before === after) return;
  if (Array.isArray(before) && Array.isArray(after)) {
    for (let index = 0; index < Math.max(before.length, after.length); index++) {
      walk(before[index], after[index], `${expression}[${index}]`, found);
    }
  } else if (isObject(before) && isObject(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)]))
      walk(before[key], after[key], `${expression}.${key}`, found);
  } else found(expression, before, after);
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** One kind of difference over a sample. */
export interface DifferenceCount {
  readonly feed: Feed;
  /** Without indexes. */
  readonly expression: string;
  readonly change: Change;
  readonly count: number;
  /** Records that have it. */
  readonly records: number;
  /** The first: where, and what it was and is. */
  readonly example: FieldDifference & { readonly record: string };
}

export interface DifferenceReport {
  readonly records: number;
  /** Records whose output differs. */
  readonly different: number;
  readonly lost: number;
  readonly new: number;
  readonly changed: number;
  readonly fields: readonly DifferenceCount[];
}

/** Gathers the differences of many records. */
export class Differences {
  readonly #counts = new Map<string, { -readonly [K in keyof DifferenceCount]: DifferenceCount[K] }>();
  #records = 0;
  #different = 0;
  readonly #totals: Record<Change, number> = { lost: 0, new: 0, changed: 0 };

  add(feed: Feed, record: string, differences: readonly FieldDifference[]): void {
    this.#records++;
    if (differences.length > 0) this.#different++;
    const seen = new Set<string>();
    for (const one of differences) {
      this.#totals[one.change]++;
      const expression = one.expression.replace(/\[\d+\]/g, '');
      const key = `${feed} ${expression} ${one.change}`;
      const known = this.#counts.get(key);
      if (known === undefined)
        this.#counts.set(key, { feed, expression, change: one.change, count: 1, records: 1, example: { record, ...one } });
      else {
        known.count++;
        if (!seen.has(key)) known.records++;
      }
      seen.add(key);
    }
  }

  /** The most frequent first. */
  report(): DifferenceReport {
    const fields = [...this.#counts.values()].sort((a, b) => b.count - a.count || (a.expression < b.expression ? -1 : 1));
    return { records: this.#records, different: this.#different, ...this.#totals, fields };
  }
}
