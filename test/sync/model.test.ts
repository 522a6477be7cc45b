import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors/index.ts';
import type { Delivery, DeliveryWrite, Fence, Store } from '../../src/store/port.ts';
import { forEachEngine } from '../store/engines.ts';

/**
 * The state machine of deliveries, driven by arbitrary commands against a model that is simple enough to be seen to be right.
 *
 * A worker in it does what the protocol asks of one: claim, look up where a mark says that something may be there, mark, send, write
 * the outcome under its fence. It may crash between any two of these, and stand still until its lease has run out.
 */

/** u0 is needed by u1, u2 and u4; u1 and u2 are one patient's, u3 and u4 another's, in this order of arrival at the earliest. */
const UNITS = [
  { partition: 'unit', needs: [] },
  { partition: 'patient-a', needs: [0] },
  { partition: 'patient-a', needs: [0] },
  { partition: 'patient-b', needs: [] },
  { partition: 'patient-b', needs: [0] },
  { partition: 'patient-c', needs: [] },
] as const;

type State = 'ready' | 'in-progress' | 'completed' | 'failed' | 'on-hold' | 'cancelled';

interface UnitModel {
  /** Order of arrival, as the store numbers it. */
  readonly id: number;
  /** Newest version at the source. */
  version: number;
  state: State;
  token: number;
  /** Something may be on the platform without us knowing. */
  marked: boolean;
  /** State that a version asked for while another was on its way. */
  replaced: State | undefined;
  /** Whether the lease has run out. */
  expired: boolean;
}

interface Holder {
  readonly unit: number;
  readonly token: number;
  /** Version whose content was loaded at the claim. */
  readonly version: number;
  /** What the claim said of a mark: then the platform is looked at before anything is sent. */
  readonly marked: boolean;
  phase: 'claimed' | 'answered';
  answer: 'ok' | 'lost' | undefined;
}

interface Model {
  units: Map<number, UnitModel>;
  holders: Holder[];
}

/** What one run works on. The platform counts how often each unit was created, which nothing may do twice. */
interface Real {
  readonly store: Store;
  readonly environment: string;
  readonly platform: Map<number, { created: number; version: number }>;
}

const keyOf = (unit: number): string => `encounter:Encounter/u${unit}`;
const unitOf = (delivery: Delivery): number => Number(delivery.key.at(-1));
const at = (): string => new Date().toISOString();
const PAST = '2020-01-01T00:00:00.000Z';

const isOpen = (state: State): boolean => state === 'ready' || state === 'in-progress';
const stuckNeed = (model: Model, unit: number): boolean =>
  UNITS[unit]?.needs.some((need) => ['failed', 'on-hold', 'cancelled'].includes(model.units.get(need)?.state ?? '')) === true;
const needsDone = (model: Model, unit: number): boolean =>
  UNITS[unit]?.needs.every((need) => model.units.get(need)?.state === 'completed') === true;

/** Whether a unit may be given out: its turn has come, or whoever had it is gone. */
function mayGo(model: Model, unit: number): boolean {
  const own = model.units.get(unit);
  if (own === undefined) return false;
  if (own.state === 'in-progress') return own.expired;
  if (own.state !== 'ready' || !needsDone(model, unit)) return false;
  return ![...model.units].some(
    ([other, before]) =>
      UNITS[other]?.partition === UNITS[unit]?.partition &&
      before.id < own.id &&
      (before.state === 'in-progress' || (before.state === 'ready' && !stuckNeed(model, other))),
  );
}

const deliveryOf = (real: Real, unit: number, state: State, more: Partial<DeliveryWrite> = {}): DeliveryWrite => ({
  key: keyOf(unit),
  environment: real.environment,
  kind: 'encounter',
  owner: 'P1',
  partition: UNITS[unit]?.partition ?? '',
  resources: [`Encounter/u${unit}`],
  dependsOn: (UNITS[unit]?.needs ?? []).map(keyOf),
  submission: null,
  submissionVersion: null,
  state,
  reason: null,
  dueAt: PAST,
  ...more,
});

const fenceOf = (model: Model, { unit, token }: Holder): Fence => ({ deliveryId: model.units.get(unit)?.id as number, token });

async function refused(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return false;
  } catch (error) {
    if (error instanceof AppError && error.code === 'conflict') return true;
    throw error;
  }
}

/** The store tells the same of every unit as the model. */
async function agree(model: Model, { store, environment }: Real): Promise<void> {
  const stored = await store.deliveries({ environment, limit: 100 });
  const told = Object.fromEntries(
    stored.map((each) => [unitOf(each), { state: each.state, marked: each.sentAt !== null, token: each.token }]),
  );
  const known = Object.fromEntries([...model.units].map(([unit, { state, marked, token }]) => [unit, { state, marked, token }]));
  expect(told).toEqual(known);
}

type Step = fc.AsyncCommand<Model, Real>;

/** A version of a unit comes: the first one, or another that replaces it. */
class Arrive implements Step {
  readonly unit: number;
  readonly state: 'ready' | 'cancelled';
  constructor(unit: number, state: 'ready' | 'cancelled') {
    this.unit = unit;
    this.state = state;
  }
  check = (model: Readonly<Model>): boolean => this.state === 'ready' || model.units.has(this.unit);
  toString = (): string => `${this.state === 'ready' ? 'arrive' : 'cancel'}(${this.unit})`;
  async run(model: Model, real: Real): Promise<void> {
    const own = model.units.get(this.unit);
    const withdrawn = this.state === 'cancelled';
    const write = deliveryOf(real, this.unit, this.state, {
      ...(withdrawn && { reason: 'withdrawn', unlessSent: true }),
      ...(own !== undefined && { replace: true }),
    });
    await real.store.commit({ deliveries: [write] });
    if (own === undefined) {
      const [stored] = await real.store.deliveries({ environment: real.environment, keys: [keyOf(this.unit)] });
      const id = stored?.id as number;
      model.units.set(this.unit, { id, version: 1, state: 'ready', token: 0, marked: false, replaced: undefined, expired: false });
    } else {
      // What was taken back is a content too: the platform has to hear of it where it may have the one before.
      own.version += 1;
      const wasSent = own.state === 'in-progress' || own.state === 'completed' || own.marked;
      const wanted = withdrawn && wasSent ? 'ready' : this.state;
      if (own.state === 'in-progress') own.replaced = wanted;
      else own.state = wanted;
    }
    await agree(model, real);
  }
}

class Claim implements Step {
  readonly limit: number;
  constructor(limit: number) {
    this.limit = limit;
  }
  check = (): boolean => true;
  toString = (): string => `claim(${this.limit})`;
  async run(model: Model, real: Real): Promise<void> {
    const { store, environment } = real;
    // What a dead worker had not sent takes the state that a newer version asked for, before anything is given out.
    for (const own of model.units.values()) {
      if (own.state !== 'in-progress' || !own.expired || own.replaced === undefined || own.marked) continue;
      Object.assign(own, { state: own.replaced, replaced: undefined, token: own.token + 1, expired: false });
    }
    const eligible = [...model.units.keys()].filter((unit) => mayGo(model, unit));
    const claimed = await store.claimDeliveries({ environment, worker: 'w', limit: this.limit, leaseMs: 60_000 });
    for (const delivery of claimed) {
      const unit = unitOf(delivery);
      const own = model.units.get(unit) as UnitModel;
      expect(eligible, `u${unit} was given out before its turn`).toContain(unit);
      // Whoever had it before may not come back to it.
      expect(delivery.token).toBe(own.token + 1);
      expect(delivery.sentAt !== null).toBe(own.marked);
      Object.assign(own, { state: 'in-progress', token: delivery.token, expired: false });
      model.holders.push({ unit, token: delivery.token, version: own.version, marked: own.marked, phase: 'claimed', answer: undefined });
    }
    // One patient's are given out one after another, also within one claim.
    const partitions = claimed.map((delivery) => delivery.partition);
    expect(new Set(partitions).size).toBe(partitions.length);
    expect(claimed.length, 'a unit whose turn it is was left behind').toBe(Math.min(this.limit, eligible.length));
    await agree(model, real);
  }
}

/** A step of one of those who hold, or held, a unit. */
abstract class HolderStep implements Step {
  readonly pick: number;
  constructor(pick: number) {
    this.pick = pick;
  }
  abstract fits(holder: Holder, model: Readonly<Model>): boolean;
  abstract act(holder: Holder, own: UnitModel, model: Model, real: Real): Promise<void>;
  chosen(model: Readonly<Model>): Holder | undefined {
    const fitting = model.holders.filter((holder) => this.fits(holder, model));
    return fitting[this.pick % Math.max(1, fitting.length)];
  }
  check(model: Readonly<Model>): boolean {
    return this.chosen(model) !== undefined;
  }
  async run(model: Model, real: Real): Promise<void> {
    const holder = this.chosen(model) as Holder;
    await this.act(holder, model.units.get(holder.unit) as UnitModel, model, real);
    await agree(model, real);
  }
}

/** Looks up where it must, marks, sends; the answer comes, or is lost with or without the request having been carried out. */
class Send extends HolderStep {
  readonly fate: 'ok' | 'lost-after' | 'lost-before';
  constructor(pick: number, fate: 'ok' | 'lost-after' | 'lost-before') {
    super(pick);
    this.fate = fate;
  }
  override toString = (): string => `send-${this.fate}(${this.pick})`;
  override fits = (holder: Holder): boolean => holder.phase === 'claimed';
  override async act(holder: Holder, own: UnitModel, model: Model, real: Real): Promise<void> {
    const holds = own.state === 'in-progress' && own.token === holder.token && !own.expired;
    const there = real.platform.get(holder.unit);
    const known = holder.marked ? there !== undefined : false;
    const late = await refused(real.store.markSent(fenceOf(model, holder), at()));
    expect(late, holds ? 'who holds the lease may send' : 'who lost the lease may not').toBe(!holds);
    if (late) {
      model.holders = model.holders.filter((other) => other !== holder);
      return;
    }
    own.marked = true;
    if (this.fate !== 'lost-before') {
      // The platform names what it has: without a look it would be created once more, unless ids were written with the outcome.
      const created = known || there !== undefined ? (there?.created ?? 0) : 1;
      if (!holder.marked && there !== undefined && !isWritten(model, holder.unit)) expect.unreachable('created twice');
      real.platform.set(holder.unit, { created, version: Math.max(holder.version, there?.version ?? 0) });
    }
    holder.phase = 'answered';
    holder.answer = this.fate === 'ok' ? 'ok' : 'lost';
  }
}

/** Units whose place on the platform was written with an outcome. */
const written = new WeakMap<Model, Set<number>>();
const isWritten = (model: Model, unit: number): boolean => written.get(model)?.has(unit) === true;

/** Writes what came of it. */
class Settle extends HolderStep {
  readonly outcome: 'completed' | 'failed' | 'on-hold' | 'ready';
  constructor(pick: number, outcome: 'completed' | 'failed' | 'on-hold' | 'ready') {
    super(pick);
    this.outcome = outcome;
  }
  override toString = (): string => `settle-${this.outcome}(${this.pick})`;
  // Who sent and got no answer can only say that; who sent nothing can say anything but that it is done.
  override fits = (holder: Holder): boolean => (holder.answer === 'ok' ? true : this.outcome !== 'completed' && this.outcome !== 'failed');
  override async act(holder: Holder, own: UnitModel, model: Model, real: Real): Promise<void> {
    const outcomeUnknown = holder.answer === 'lost' || (holder.answer === undefined && holder.marked);
    const outcome = {
      key: keyOf(holder.unit),
      environment: real.environment,
      state: this.outcome,
      reason: this.outcome === 'on-hold' ? ('identity' as const) : null,
      issues: [],
      dueAt: PAST,
      outcomeUnknown,
      countAttempt: true,
      at: at(),
    };
    const late = await refused(real.store.commit({ deliveryOutcomes: [outcome] }, fenceOf(model, holder)));
    // An outcome that comes after the lease ran out is welcome until somebody else has taken the unit.
    expect(late).toBe(!(own.state === 'in-progress' && own.token === holder.token));
    model.holders = model.holders.filter((other) => other !== holder);
    if (late) return;
    if (holder.answer === 'ok') written.set(model, (written.get(model) ?? new Set()).add(holder.unit));
    Object.assign(own, {
      state: own.replaced ?? this.outcome,
      replaced: undefined,
      marked: outcomeUnknown && own.marked,
      expired: false,
    });
  }
}

/** The process is gone, or stands still, until the lease has run out. */
class Lapse extends HolderStep {
  readonly survives: boolean;
  constructor(pick: number, survives: boolean) {
    super(pick);
    this.survives = survives;
  }
  override toString = (): string => `${this.survives ? 'freeze' : 'crash'}(${this.pick})`;
  // What is on the wire ends before the lease does; so only who has nothing there lives on after it.
  override fits = (holder: Holder, model: Readonly<Model>): boolean => {
    const own = model.units.get(holder.unit);
    return own?.state === 'in-progress' && own.token === holder.token && !own.expired;
  };
  override async act(holder: Holder, own: UnitModel, model: Model, real: Real): Promise<void> {
    expect(await real.store.extendLease(fenceOf(model, holder), -1_000)).toBe(true);
    own.expired = true;
    if (!this.survives) model.holders = model.holders.filter((other) => other !== holder);
  }
}

/** A person lets what is held go on. */
class Release implements Step {
  check = (model: Readonly<Model>): boolean => [...model.units.values()].some(({ state }) => state === 'on-hold');
  toString = (): string => 'release';
  async run(model: Model, real: Real): Promise<void> {
    const held = [...model.units.values()].filter(({ state }) => state === 'on-hold');
    const released = await real.store.releaseHeld({ environment: real.environment, reasons: ['identity'] });
    expect(released).toBe(held.length);
    for (const own of held) own.state = 'ready';
    await agree(model, real);
  }
}

const unit = fc.integer({ min: 0, max: UNITS.length - 1 });
const pick = fc.integer({ min: 0, max: 5 });
const STEPS: fc.Arbitrary<Step>[] = [
  unit.map((n) => new Arrive(n, 'ready')),
  unit.map((n) => new Arrive(n, 'ready')),
  unit.map((n) => new Arrive(n, 'cancelled')),
  fc.integer({ min: 1, max: 4 }).map((limit) => new Claim(limit)),
  fc.integer({ min: 1, max: 4 }).map((limit) => new Claim(limit)),
  fc
    .tuple(pick, fc.constantFrom('ok' as const, 'ok' as const, 'lost-after' as const, 'lost-before' as const))
    .map(([n, fate]) => new Send(n, fate)),
  fc
    .tuple(pick, fc.constantFrom('completed' as const, 'completed' as const, 'failed' as const, 'on-hold' as const, 'ready' as const))
    .map(([n, outcome]) => new Settle(n, outcome)),
  fc.tuple(pick, fc.boolean()).map(([n, survives]) => new Lapse(n, survives)),
  fc.constant(new Release()),
];

/** Everybody is gone; new workers without bad luck finish what can be finished. */
async function finish(model: Model, real: Real): Promise<void> {
  // What others need comes with them, at the latest.
  if (!model.units.has(0)) await new Arrive(0, 'ready').run(model, real);
  for (;;) {
    for (const holder of [...model.holders]) {
      const lapse = new Lapse(0, false);
      if (lapse.fits(holder, model)) await lapse.act(holder, model.units.get(holder.unit) as UnitModel, model, real);
    }
    model.holders = [];
    const claim = new Claim(10);
    await claim.run(model, real);
    if (model.holders.length === 0) break;
    while (model.holders.length > 0) {
      await new Send(0, 'ok').run(model, real);
      await new Settle(0, 'completed').run(model, real);
    }
  }
  for (const [number, own] of model.units) {
    if (isOpen(own.state)) expect(stuckNeed(model, number), `u${number} is left over`).toBe(true);
    if (own.state === 'completed') expect(real.platform.get(number), `u${number}`).toEqual({ created: 1, version: own.version });
  }
}

forEachEngine((engine) => {
  describe('any sequence of arrivals, claims, sends, lost answers, crashes, lapsed leases, new versions, releases and cancellations', () => {
    it('never two at once, nothing lost, in order, and what is final stays final', async () => {
      const store = await engine.openFresh();
      let runs = 0;
      await fc.assert(
        fc.asyncProperty(fc.commands(STEPS, { maxCommands: 60, size: 'max' }), async (commands) => {
          runs += 1;
          const model: Model = { units: new Map(), holders: [] };
          const real: Real = { store, environment: `run-${runs}`, platform: new Map() };
          await fc.asyncModelRun(() => ({ model, real }), commands);
          await finish(model, real);
        }),
        { numRuns: Number(process.env.MODEL_RUNS ?? (engine.name === 'sqlite' ? 25 : 8)), seed: 20_261_122, endOnFailure: false },
      );
    }, 120_000);
  });
});
