import { readFileSync } from 'node:fs';
import type { Child } from './children.ts';

/** Resident memory of the process that lived longest, MB: medians of the second and of the last fifth of its life. */
export interface Memory {
  readonly early: number;
  readonly late: number;
  /** Seconds between its first and its last sample. */
  readonly seconds: number;
}

interface Sample {
  readonly at: number;
  readonly mb: number;
}

/** Samples are taken whenever `look` is called. Null where the machine does not tell (`/proc`), or nobody lived for five of them. */
export function createMemoryMeter(children: readonly Pick<Child, 'pid'>[]): { look(): void; result(): Memory | null } {
  const lives = new Map<number, Sample[]>();
  return {
    look() {
      for (const { pid } of children) {
        const mb = pid === undefined ? undefined : residentMb(pid);
        if (pid === undefined || mb === undefined) continue;
        const samples = lives.get(pid) ?? [];
        samples.push({ at: performance.now(), mb });
        lives.set(pid, samples);
      }
    },
    result() {
      const longest = [...lives.values()].sort((a, b) => b.length - a.length)[0] ?? [];
      const fifth = Math.floor(longest.length / 5);
      if (fifth === 0) return null;
      const span = (longest.at(-1)?.at ?? 0) - (longest[0]?.at ?? 0);
      return {
        early: median(longest.slice(fifth, 2 * fifth)),
        late: median(longest.slice(-fifth)),
        seconds: Math.round(span / 1_000),
      };
    },
  };
}

const median = (samples: readonly Sample[]): number =>
  samples.map(({ mb }) => mb).sort((a, b) => a - b)[Math.floor(samples.length / 2)] ?? 0;

function residentMb(pid: number): number | undefined {
  try {
    const kilobytes = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? undefined : Math.round(Number(kilobytes) / 1_024);
  } catch {
    return undefined;
  }
}
