/** Numbers of several runs of one thing. */
export interface Row {
  /** `part/what`, stable over releases. */
  readonly name: string;
  readonly unit: string;
  /** Ours: the median of the runs. */
  readonly ours: number;
  /** What was asked for, as in `≤ 3 × hand-written`; absent where a number is only reported. */
  readonly limit?: string;
  /** Medians of others, measured in the same process turn about with ours. */
  readonly peers?: Readonly<Record<string, number>>;
  /** What the limit is about, if it is not `ours` itself. */
  readonly ratio?: number;
  readonly p50?: number;
  readonly p99?: number;
  readonly max?: number;
  readonly ok?: boolean;
  readonly note?: string;
}

/** How long things are measured: `quick` shows that everything works, and its numbers mean little. */
export interface Effort {
  readonly quick: boolean;
  readonly runs: number;
  /** Length of one timed run, seconds of CPU time. */
  readonly seconds: number;
}

export const median = (numbers: readonly number[]): number => quantile(numbers, 0.5);

/** @param share in [0, 1]; the nearest rank, so p99 of fewer than 100 numbers is their maximum */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/** Three significant digits. */
export const round = (value: number): number => Number(value.toPrecision(3));

/** Runs `work` over the items again and again for the given time; items per second of CPU time of this process. */
function rate<T>(items: readonly T[], work: (item: T) => unknown, seconds: number): number {
  const start = process.cpuUsage();
  let count = 0;
  for (;;) {
    for (const item of items) work(item);
    count += items.length;
    const { user, system } = process.cpuUsage(start);
    if (user + system >= seconds * 1_000_000) return (count / (user + system)) * 1_000_000;
  }
}

/** Several works over the same items, turn about after a warm-up: the median rate of each, and the median of the ratios to the first. */
export function compare<T>(
  items: readonly T[],
  works: Readonly<Record<string, (item: T) => unknown>>,
  { runs, seconds }: Effort,
): { readonly rates: Readonly<Record<string, number>>; readonly slowerThan: (name: string, other: string) => number } {
  const results = new Map(Object.keys(works).map((name) => [name, [] as number[]]));
  for (const work of Object.values(works)) rate(items, work, seconds);
  for (let run = 0; run < runs; run++) {
    for (const [name, work] of Object.entries(works)) results.get(name)?.push(rate(items, work, seconds));
  }
  return {
    rates: Object.fromEntries([...results].map(([name, rates]) => [name, median(rates)])),
    slowerThan: (name, other) => {
      const others = results.get(other) ?? [];
      return median((results.get(name) ?? []).map((own, run) => (others[run] ?? Number.NaN) / own));
    },
  };
}
