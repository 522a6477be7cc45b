import { issue } from '../errors/index.ts';
import { isRetracted, type Ledger, referenceOf, type Trace, UNKNOWN_CONTENT } from './ledger.ts';
import type { Outcome } from './outcome.ts';
import type { LocalResource, Platform, SendAnswer, Unit } from './platform.ts';
import { type Recovery, recover } from './recover.ts';

type Looked = Extract<Recovery, { kind: 'looked' }>;

export interface SendingOptions {
  readonly platform: Platform;
  readonly ledger: Ledger;
  readonly trace: Trace;
  /** Leaves the mark, sends, and keeps it where the answer is lost. */
  readonly send: (work: () => Promise<SendAnswer>) => Promise<SendAnswer>;
  readonly unitOf: (some: readonly LocalResource[]) => Unit;
  /** All resources of the delivery, first the Encounter. */
  readonly resources: readonly LocalResource[];
  /** The content that may be on the wire since an earlier try is the present one. */
  readonly vouched: boolean;
}

/** Creates on the platform what it lacks of a unit. */
export interface Sending {
  /** All of it in one request. Undefined: done, or taken over in part, so that what is missing is to be sent. */
  whole(wanted: readonly LocalResource[], contentOf: string | undefined): Promise<Outcome | undefined>;
  /**
   * One by one what the platform lacks of a unit that it holds in part: each as soon as what it refers to is there. What is refused
   * holds only what refers to it.
   */
  missing(): Promise<Outcome | undefined>;
  /** Takes over what a look-up found. */
  takeOver(looked: Looked, contentOf: string | undefined): void;
  /** An outcome where something of the unit may be there, no look-up can tell, and sending again might store it twice. */
  blind(looked: Looked): Outcome | undefined;
}

export function createSending({ platform, ledger, trace, send, unitOf, resources, vouched }: SendingOptions): Sending {
  const savesPartly = platform.savesPartly ?? true;

  function takeOver({ placed }: Looked, contentOf: string | undefined): void {
    const before = new Set(resources.filter(ledger.isMissing).map(referenceOf));
    ledger.adopt(placed, contentOf);
    const absent = new Set(resources.filter(ledger.isMissing).map(referenceOf));
    if (absent.size === 0) {
      return;
    }
    // What was stored without a part of its Bundle refers to something that is not there: it is sent again once that is.
    const found = resources.filter((resource) => before.has(referenceOf(resource)) && !absent.has(referenceOf(resource)));
    ledger.outdate(found.filter((resource) => [...refersTo(resource)].some((reference) => absent.has(reference))).map(referenceOf));
  }

  function blind({ placed, unsearchable }: Looked): Outcome | undefined {
    const hidden = unsearchable.filter(({ reference }) =>
      resources.some((resource) => referenceOf(resource) === reference && ledger.isMissing(resource) && !isRetracted(resource)),
    );
    if (
      hidden.length > 0 &&
      !savesPartly &&
      resources.length > 1 &&
      placed.some(({ reference }) => reference === referenceOf(resources[0] as LocalResource))
    ) {
      // All of a transaction is there where its Encounter is.
      ledger.exists(hidden.map(({ reference }) => reference));
      return undefined;
    }
    const [unguarded] = hidden.filter(({ guarded }) => !guarded);
    return unguarded && notToBeTold(unguarded.reference);
  }

  async function whole(wanted: readonly LocalResource[], contentOf: string | undefined): Promise<Outcome | undefined> {
    const answer = await send(() => platform.create(unitOf(wanted)));
    switch (answer.kind) {
      case 'delivered':
        ledger.place(answer.placed);
        return undefined;
      case 'duplicate':
        return duplicate(wanted, contentOf);
      case 'refused':
        return wanted.length > 1 && savesPartly ? refused(answer, wanted) : answer;
      default:
        return answer;
    }
  }

  /** An identifier is taken: what is there is ours, from an earlier try or an earlier life of this database. */
  async function duplicate(wanted: readonly LocalResource[], contentOf: string | undefined): Promise<Outcome | undefined> {
    const looked = await recover(platform, unitOf(wanted));
    if (looked.kind !== 'looked') {
      trace.pending = true;
      return looked;
    }
    if (looked.placed.length > 0) {
      takeOver(looked, contentOf);
      return pendingIf(blind(looked));
    }
    const [only] = wanted;
    if (wanted.length === 1 && only !== undefined && looked.unsearchable.some(({ guarded }) => guarded)) {
      if (!vouched) {
        // It is there with some content; which, nobody can tell.
        return pendingIf(notToBeTold(referenceOf(only)));
      }
      ledger.exists([referenceOf(only)]);
      return undefined;
    }
    return { kind: 'duplicate' };
  }

  /** Before a refusal of a transaction is final: whether some of it was stored all the same. */
  async function refused(answer: Extract<SendAnswer, { kind: 'refused' }>, wanted: readonly LocalResource[]): Promise<Outcome | undefined> {
    const looked = await recover(platform, unitOf(wanted));
    if (looked.kind !== 'looked') {
      trace.pending = true;
      return { kind: 'unchecked', issues: answer.issues };
    }
    if (looked.placed.length > 0) {
      takeOver(looked, undefined);
      return pendingIf(blind(looked));
    }
    const waitMs = platform.readLagMs ?? 0;
    if (waitMs > 0) {
      trace.pending = true;
      return { kind: 'unchecked', issues: answer.issues, waitMs };
    }
    return answer;
  }

  function pendingIf(outcome: Outcome | undefined): Outcome | undefined {
    trace.pending = outcome !== undefined;
    return outcome;
  }

  async function missing(): Promise<Outcome | undefined> {
    const stuck = new Set<LocalResource>();
    let refusal: Outcome | undefined;
    for (;;) {
      const left = resources.filter((resource) => ledger.isMissing(resource) && !isRetracted(resource) && !stuck.has(resource));
      if (left.length === 0) {
        return refusal;
      }
      const next = nextOf(left);
      if (next.length === 0) {
        return refusal ?? { kind: 'dependency' };
      }
      const answer = await send(() => platform.create(unitOf(next)));
      if (answer.kind === 'delivered') {
        ledger.place(answer.placed);
        continue;
      }
      const outcome = answer.kind === 'duplicate' ? await duplicate(next, UNKNOWN_CONTENT) : answer;
      if (outcome === undefined) {
        continue;
      }
      if (outcome.kind !== 'refused' && outcome.kind !== 'lost-reference') {
        return outcome;
      }
      refusal ??= outcome;
      for (const resource of next) {
        stuck.add(resource);
      }
    }
  }

  /** One that refers only to what is there; else those that refer to each other, together. */
  function nextOf(left: readonly LocalResource[]): readonly LocalResource[] {
    const isKnown = (reference: string): boolean => ledger.ids.has(reference);
    const single = left.find((resource) => platform.references([resource]).every(isKnown));
    if (single !== undefined) {
      return [single];
    }
    let circle = [...left];
    for (let size = 0; size !== circle.length; ) {
      size = circle.length;
      const within = new Set(circle.map(referenceOf));
      circle = circle.filter((resource) =>
        platform.references([resource]).every((reference) => isKnown(reference) || within.has(reference)),
      );
    }
    return circle;
  }

  const refersTo = (resource: LocalResource): ReadonlySet<string> => new Set(platform.references([resource]));

  return { whole, missing, takeOver, blind };
}

const notToBeTold = (reference: string): Outcome => ({
  kind: 'unsearchable',
  issues: [issue('lookup-impossible', { type: reference.slice(0, reference.indexOf('/')) })],
});
