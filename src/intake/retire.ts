import type { Resource } from '@medplum/fhirtypes';
import { SYSTEMS } from '../terminology/systems.ts';

type Stored = Resource & { id: string };

/** Types whose `status` has the code `entered-in-error` (FHIR R4). */
const BY_STATUS = new Set([
  'CarePlan',
  'ClinicalImpression',
  'Composition',
  'DiagnosticReport',
  'Encounter',
  'EpisodeOfCare',
  'FamilyMemberHistory',
  'Immunization',
  'MedicationAdministration',
  'MedicationDispense',
  'MedicationRequest',
  'MedicationStatement',
  'NutritionOrder',
  'Observation',
  'Procedure',
  'QuestionnaireResponse',
  'RiskAssessment',
  'ServiceRequest',
  'Specimen',
  'Task',
]);

/** Types that say it in their verification status, and the system of that. */
const BY_VERIFICATION: Readonly<Record<string, string>> = {
  Condition: SYSTEMS.conditionVerification,
  AllergyIntolerance: SYSTEMS.allergyVerification,
};

const BY_ACTIVE = new Set(['Patient', 'Practitioner', 'PractitionerRole', 'Organization', 'OrganizationAffiliation', 'RelatedPerson']);

/**
 * What a resource becomes when its source no longer holds it: `entered-in-error`, or inactive where the type has no such status.
 * Undefined for types that have neither; those stay as they are.
 */
export function retire(resource: Stored): Stored | undefined {
  const type = resource.resourceType;
  const system = BY_VERIFICATION[type];
  if (system !== undefined) {
    // con-5, ait-2: no clinical status beside it.
    const { clinicalStatus: _, ...rest } = resource as Stored & { clinicalStatus?: unknown };
    return { ...rest, verificationStatus: { coding: [{ system, code: 'entered-in-error' }] } } as Stored;
  }
  if (BY_STATUS.has(type)) return { ...resource, status: 'entered-in-error' } as Stored;
  if (type === 'Goal') return { ...resource, lifecycleStatus: 'entered-in-error' } as Stored;
  if (type === 'Location') return { ...resource, status: 'inactive' } as Stored;
  if (BY_ACTIVE.has(type)) return { ...resource, active: false } as Stored;
  return undefined;
}

/** Whether a resource says that it was entered in error. */
export function isRetired(resource: Resource): boolean {
  const { status, lifecycleStatus, verificationStatus } = resource as {
    status?: unknown;
    lifecycleStatus?: unknown;
    verificationStatus?: { coding?: readonly { code?: string }[] };
  };
  return (
    status === 'entered-in-error' ||
    lifecycleStatus === 'entered-in-error' ||
    verificationStatus?.coding?.some(({ code }) => code === 'entered-in-error') === true
  );
}
