/**
 * A finding about a record, a request or a resource: the one shape in which every room reports.
 *
 * An issue never holds a value that came from a patient or a sender. It names the place (field, expression),
 * the rule, and what to do; `params` are limited to names, codes of rules and limits that we ourselves know.
 */
export interface Issue {
  readonly severity: 'error' | 'warning' | 'information';
  /** Key of the catalogue in `codes.ts`, for example `nik-length`. */
  readonly code: string;
  /** Number of the platform's rule (`10457`), key of a FHIR invariant (`obs-6`) or of a rule of ours. */
  readonly rule?: string;
  /** FHIRPath location in the produced resource: `Encounter.period.start`. */
  readonly expression?: string;
  /** Path of the field in the sender's record that caused it: `vitals.weight`, `services[1].answers.dose`. */
  readonly field?: string;
  /** What is wrong and what to do, Indonesian first. */
  readonly text: Bilingual;
}

/** A message for users: Indonesian first, English beside it. */
export interface Bilingual {
  readonly id: string;
  readonly en: string;
}
