import type { Issue } from '../errors/index.ts';
import type { FindAnswer, Placed, Platform, Trouble, Unit, Unsearchable } from './platform.ts';

export type Recovery =
  /** What is there is taken over; what is missing is sent. Empty lists: nothing of it is there, as far as a look-up can tell. */
  | { readonly kind: 'looked'; readonly placed: readonly Placed[]; readonly unsearchable: readonly Unsearchable[] }
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
      return { kind: 'looked', placed: answer.placed, unsearchable: answer.unsearchable };
    case 'refused':
      return { kind: 'unreadable', issues: answer.issues };
    default:
      return answer;
  }
}
