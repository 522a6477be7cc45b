import type { Identifier, Resource } from '@medplum/fhirtypes';
import type { LocalResource, PersonQuery } from '../sync/platform.ts';
import { ILP_BASE, localSid, platformSid, SYSTEMS } from '../terminology/systems.ts';

/**
 * Kind of the business identifier `http://sys-ids.kemkes.go.id/<kind>/{org-id}` per resource type, and of our `sid/<kind>` that it is
 * made from. Source: identifier systems of SATUSEHAT's resource pages and official collections. A Patient is known by NIK, a
 * RelatedPerson by the person's number (rule 10476): for them the platform has none.
 */
export const SID_KINDS: Readonly<Record<string, string>> = {
  AllergyIntolerance: 'allergy',
  CarePlan: 'careplan',
  ClinicalImpression: 'clinicalimpression',
  Composition: 'composition',
  Condition: 'condition',
  Encounter: 'encounter',
  EpisodeOfCare: 'episode-of-care',
  Immunization: 'immunization',
  Location: 'location',
  Medication: 'medication',
  MedicationStatement: 'medicationstatement',
  Observation: 'observation',
  Organization: 'organization',
  Procedure: 'procedure',
  QuestionnaireResponse: 'questionnaireresponse',
  ServiceRequest: 'servicerequest',
  Specimen: 'specimen',
};

/**
 * The identifier by which the platform tells this resource from a copy of it: the one of its type that it carries, else its id here.
 * Undefined for types that the platform knows otherwise.
 */
export function ownIdentifier(resource: Resource, organizationId: string): Required<Pick<Identifier, 'system' | 'value'>> | undefined {
  const kind = SID_KINDS[resource.resourceType];
  if (kind === undefined) {
    return undefined;
  }
  const system = platformSid(kind, organizationId);
  const value = identifierValue(resource, localSid(kind)) ?? identifierValue(resource, system) ?? resource.id;
  return value === undefined ? undefined : { system, value };
}

/** Value of the first identifier of a system that has one; a value that is no text is none. */
export function identifierValue(resource: Resource, system: string): string | undefined {
  const identifiers = [(resource as { identifier?: Identifier | Identifier[] }).identifier ?? []].flat();
  return identifiers.find((entry) => entry.system === system && hasValue(entry))?.value;
}

/** The store keeps what JSON can hold: a value can be anything there. What is under our own base is never sent, so it names nothing. */
export function hasValue({ value }: Identifier): boolean {
  return typeof value === 'string' && value !== '' && !value.startsWith(`${ILP_BASE}/`);
}

/**
 * A Patient is looked up by NIK; a newborn without one by the mother's NIK, birth date and order; a Practitioner by NIK; who a
 * RelatedPerson is, by that person's NIK.
 */
export function personOf(resource: LocalResource): PersonQuery | undefined {
  const nik = identifierValue(resource, SYSTEMS.nik);
  switch (resource.resourceType) {
    case 'Practitioner':
      return nik === undefined ? undefined : { kind: 'practitioner', nik };
    case 'RelatedPerson':
      return nik === undefined ? undefined : { kind: 'patient', nik };
    case 'Patient': {
      if (nik !== undefined) {
        return { kind: 'patient', nik };
      }
      const nikIbu = identifierValue(resource, SYSTEMS.nikIbu);
      return nikIbu === undefined || resource.birthDate === undefined
        ? undefined
        : { kind: 'newborn', nikIbu, birthDate: resource.birthDate, birthOrder: resource.multipleBirthInteger ?? 0 };
    }
    default:
      return undefined;
  }
}
