import type { Issue } from '../errors/index.ts';
import type { FindAnswer, Placed, Platform, Trouble, Unit } from './platform.ts';

export type Recovery =
  /** Nothing of it is on the platform: it may be sent as if for the first time. */
  | { readonly kind: 'absent' }
  /** Some or all of it is there, and is taken over; what is missing is sent singly. */
  | { readonly kind: 'adopted'; readonly placed: readonly Placed[] }
  /** Whether it is there cannot be told. Nothing may be sent. */
  | { readonly kind: 'unreadable'; readonly issues: readonly Issue[] }
  | Trouble;

/**
 * After a request whose answer was lost, or a duplicate: looks up what of the unit the platform holds, before anything is sent again.
 * A POST whose response was lost may have created the Encounter; sent again without looking, the visit would be counted twice.
 */
export async function recover(platform: Pick<Platform, 'find'>, unit: Unit): Promise<Recovery> {
  const answer: FindAnswer = await platform.find(unit, true);
  switch (answer.kind) {
    case 'found':
      return answer.placed.length === 0 ? { kind: 'absent' } : { kind: 'adopted', placed: answer.placed };
    case 'refused':
      return { kind: 'unreadable', issues: answer.issues };
    default:
      return answer;
  }
}
