import type { Child } from './children.ts';
import type { RunDatabase } from './database.ts';

export interface TroubleOptions {
  readonly random: () => number;
  readonly children: readonly Child[];
  readonly database: RunDatabase;
  /** Mean time between two events, ms. */
  readonly everyMs: number;
  readonly leaseMs: number;
  /** Weights of the events; an event without weight does not happen. */
  readonly weights?: Partial<Record<EventName, number>>;
  readonly clockStepMs: number;
  readonly say: (line: string) => void;
  readonly onFault: (error: unknown) => void;
}

export const EVENTS = ['kill', 'freeze', 'clock', 'cut'] as const;
export type EventName = (typeof EVENTS)[number];

const WEIGHTS: Readonly<Record<EventName, number>> = { kill: 3, freeze: 2, clock: 2, cut: 2 };

/** Kills, freezes, clock steps and cuts at random moments, all drawn from one seed. */
export function createTrouble(options: TroubleOptions) {
  const { random, children, database, say } = options;
  const weights = { ...WEIGHTS, ...options.weights, ...(database.engine === 'sqlite' && { cut: 0 }) };
  const counts: Record<EventName, number> = { kill: 0, freeze: 0, clock: 0, cut: 0 };
  let stopping = false;
  let pausing: Promise<void> | undefined;
  let loop: Promise<void> | undefined;

  const pick = (): Child => children[Math.floor(random() * children.length)] as Child;

  const happen: Readonly<Record<EventName, () => Promise<void>>> = {
    async kill() {
      const child = pick();
      await child.kill();
      await child.start();
    },
    freeze: () => pick().freeze(options.leaseMs * (1.1 + random())),
    async clock() {
      const stepMs = Math.round((random() * 2 - 1) * options.clockStepMs);
      pick().setClock(stepMs);
    },
    async cut() {
      await database.cut(random);
    },
  };

  function draw(): EventName | undefined {
    const sum = EVENTS.reduce((total, name) => total + weights[name], 0);
    let dice = random() * sum;
    for (const name of EVENTS) {
      dice -= weights[name];
      if (dice < 0) return name;
    }
    return undefined;
  }

  async function run(): Promise<void> {
    while (!stopping) {
      await new Promise((resolve) => setTimeout(resolve, options.everyMs * (0.3 + 1.4 * random())));
      await pausing;
      if (stopping) return;
      const name = draw();
      if (name === undefined) return;
      counts[name] += 1;
      await happen[name]();
    }
  }

  return {
    counts: counts as Readonly<Record<EventName, number>>,
    start(): void {
      loop ??= run().catch((error: unknown) => options.onFault(error));
    },
    /** Holds the next event back while something is done that none may disturb. */
    async pauseFor<T>(work: () => Promise<T>): Promise<T> {
      let done = (): void => undefined;
      pausing = new Promise((resolve) => {
        done = resolve;
      });
      try {
        return await work();
      } finally {
        done();
        pausing = undefined;
      }
    },
    async stop(): Promise<void> {
      stopping = true;
      await loop;
      say(`events: ${EVENTS.map((name) => `${name} ${counts[name]}`).join(', ')}`);
    },
  };
}
