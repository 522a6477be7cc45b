import { Presets, SingleBar } from 'cli-progress';

export interface Stage {
  progress(done: number): void;
  end(): void;
}

/** One progress bar per stage, on standard error, so that standard output holds the result only. */
export function startStage(title: string, total: number): Stage {
  const bar = new SingleBar(
    {
      format: `${title.padEnd(44)} {bar} {value}/{total} {duration_formatted}`,
      stream: process.stderr,
      noTTYOutput: true,
      notTTYSchedule: 5_000,
      hideCursor: true,
      barsize: 24,
    },
    Presets.shades_classic,
  );
  bar.start(total, 0);
  return {
    progress: (done) => bar.update(Math.min(done, total)),
    end: () => {
      bar.update(total);
      bar.stop();
    },
  };
}
