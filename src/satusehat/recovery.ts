import type { Surface } from './surface.ts';

/** What a search is given, and where its value is found in the resource. */
export type Parameter =
  | 'identifier'
  | 'encounter'
  | 'context'
  | 'subject'
  | 'patient'
  | 'partof'
  | 'name'
  | 'type'
  | 'status'
  | 'code'
  | 'category'
  | 'vaccineCode'
  | 'organization'
  | 'request'
  | 'nik-ibu';

/** How a resource of ours is known among those that a search brings. */
export type Match =
  /** By our own identifier of its type. */
  | 'identifier'
  /** A newborn: birth date and order under the mother's NIK. Its platform record carries no identifier of ours. */
  | 'newborn'
  /** By our own identifier; else the one active episode of the patient and type, whoever opened it: there can be no second one. */
  | 'episode'
  /** The related person by number and relationship. */
  | 'relation';

export interface RecoveryRow {
  /**
   * (a) Look-up: parameter sets in order of preference; the first whose values are all known is used. Unknown parameters are ignored by
   * the platform, so what comes back is always compared. Empty: it offers none that would find the resource.
   */
  readonly search: Readonly<Record<Surface, readonly (readonly Parameter[])[]>>;
  readonly match: Match;
  /** (b) Guarded re-send: whether rule 20002 is attested for the type, so that sending again under our identifier cannot make a second one. */
  readonly guarded: boolean;
}

const row = (
  recorded: readonly (readonly Parameter[])[],
  documented: readonly (readonly Parameter[])[],
  guarded: boolean,
  match: Match = 'identifier',
): RecoveryRow => ({ search: { recorded, documented }, guarded, match });

const byEncounter: readonly (readonly Parameter[])[] = [['encounter']];
const underParent: readonly (readonly Parameter[])[] = [['partof', 'name'], ['partof'], ['name']];
const byIdentifier: readonly (readonly Parameter[])[] = [['identifier']];

/**
 * How to find out, per type, whether a resource whose answer was lost is on the platform: (a) look-up, else (b) guarded re-send, else
 * (c) a person. A type without a row is (c).
 *
 * `recorded`: parameter sets that official collections show with an answer; `documented`: those that the platform's pages name besides.
 * `guarded`: types for which a refusal as duplicate is on record (official recordings, staging, third parties).
 */
export const RECOVERY: Readonly<Record<string, RecoveryRow>> = {
  Organization: row(underParent, underParent, false),
  Location: row([['identifier'], ['organization']], [['identifier'], ['organization']], true),
  Patient: row([['nik-ibu']], [['nik-ibu']], true, 'newborn'),
  RelatedPerson: row([['patient']], [['patient']], false, 'relation'),
  EpisodeOfCare: row([['patient', 'type', 'status']], [['patient', 'type', 'status'], ['identifier']], true, 'episode'),
  Encounter: row(byIdentifier, byIdentifier, true),
  Condition: row([['encounter'], ['subject', 'code']], [['encounter'], ['subject']], true),
  Observation: row(byEncounter, [['encounter'], ['subject']], false),
  Procedure: row(byEncounter, byEncounter, false),
  Composition: row([], [['encounter'], ['subject']], false),
  ClinicalImpression: row([], [['subject', 'encounter'], ['subject']], false),
  AllergyIntolerance: row([], [['patient']], false),
  Immunization: row([['patient', 'vaccineCode']], [['patient', 'vaccineCode'], ['patient']], false),
  Medication: row([], [], true),
  MedicationStatement: row([['subject', 'context']], [['subject', 'context']], true),
  ServiceRequest: row(byIdentifier, byIdentifier, true),
  Specimen: row([['identifier', 'request']], [['identifier', 'request']], false),
  CarePlan: row([['subject', 'category']], [['subject', 'category']], false),
  QuestionnaireResponse: row([], [], false),
};

/** Statuses an episode may be in; the platform takes a list. */
export const EPISODE_STATUSES = 'active,waitlist,planned,onhold,finished,cancelled,entered-in-error';
