import { Refusal, unparseable } from './errors.ts';
import type { JsonObject } from './json.ts';

/**
 * Elements that a resource cannot be without, which the store finds once the processor's numbered rules are content. Source: FHIR R4,
 * cardinality 1 at the top level.
 */
const REQUIRED: Readonly<Record<string, string>> = {
  Encounter: 'status class',
  EpisodeOfCare: 'status patient',
  Condition: 'subject',
  Observation: 'status code',
  Procedure: 'status subject',
  Composition: 'status type date author title',
  AllergyIntolerance: 'patient',
  ClinicalImpression: 'status subject',
  Immunization: 'status vaccineCode patient',
  MedicationRequest: 'status intent subject',
  MedicationDispense: 'status',
  MedicationStatement: 'status subject',
  MedicationAdministration: 'status subject',
  ServiceRequest: 'status intent subject',
  DiagnosticReport: 'status code',
  ImagingStudy: 'status subject',
  CarePlan: 'status intent subject',
  Goal: 'lifecycleStatus description subject',
  RelatedPerson: 'patient',
  QuestionnaireResponse: 'status',
  RiskAssessment: 'status subject',
  FamilyMemberHistory: 'status patient relationship',
  NutritionOrder: 'status intent patient dateTime',
  VisionPrescription: 'status created patient dateWritten prescriber lensSpecification',
  Task: 'status intent',
  DocumentReference: 'status content',
  Appointment: 'status participant',
  AppointmentResponse: 'appointment participantStatus',
  Slot: 'schedule status start end',
  Schedule: 'actor',
  Account: 'status',
  ChargeItem: 'status code subject',
  Claim: 'status type use patient created provider priority insurance',
  Communication: 'status',
  Consent: 'status scope category',
  Coverage: 'status beneficiary payor',
  Invoice: 'status',
  Provenance: 'target recorded agent',
};

const BY_TYPE = new Map(Object.entries(REQUIRED).map(([type, names]) => [type, names.split(' ')]));

/**
 * @param at where the resource is: `Bundle.entry[0].resource.` or nothing
 * @throws Refusal for the first required element that is missing; the expression has the type with a small letter, as recorded
 */
export function refuseMissing(resource: JsonObject, type: string, at = ''): void {
  const missing = BY_TYPE.get(type)?.find((name) => resource[name] === undefined || resource[name] === null);
  if (missing === undefined) return;
  const expression = `${at}${type.charAt(0).toLowerCase()}${type.slice(1)}`;
  throw new Refusal(unparseable(`missing required field "${missing}"`, expression));
}
