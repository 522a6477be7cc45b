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
  /** One thing at a time: what nothing may disturb waits for the event under way, and the next event for it. */
  let turn: Promise<unknown> = Promise.resolve();
  let quietSince = performance.now();
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

  function alone<T>(work: () => Promise<T>): Promise<T> {
    const mine = turn.then(async () => {
      quietSince = Number.POSITIVE_INFINITY;
      try {
        return await work();
      } finally {
        quietSince = performance.now();
      }
    });
    turn = mine.catch(() => undefined);
    return mine;
  }

  async function run(): Promise<void> {
    while (!stopping) {
      await new Promise((resolve) => setTimeout(resolve, options.everyMs * (0.3 + 1.4 * random())));
      const name = draw();
      if (name === undefined) return;
      await alone(async () => {
        if (stopping) return;
        counts[name] += 1;
        await happen[name]();
      });
    }
  }

  return {
    counts: counts as Readonly<Record<EventName, number>>,
    start(): void {
      loop ??= run().catch((error: unknown) => options.onFault(error));
    },
    /** Does something that no event may disturb. */
    pauseFor: alone,
    /** Since when no process was stopped, slowed or cut off: ms, negative while one is. */
    quietForMs: (): number => performance.now() - quietSince,
    async stop(): Promise<void> {
      stopping = true;
      await loop;
      say(`events: ${EVENTS.map((name) => `${name} ${counts[name]}`).join(', ')}`);
    },
  };
}
