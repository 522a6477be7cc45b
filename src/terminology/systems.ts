/** Every system and canonical URL of this project, once. Sources: FHIR R4, and SATUSEHAT's published resource pages. */

/** Base of our own canonicals. A reserved name (RFC 2606): a district that publishes its profiles replaces it. */
export const ILP_BASE = 'https://fhir.ilp.example';

/** Local identifier system of a kind of resource: `localSid('encounter')`. The projection turns it into the platform's. */
export const localSid = (kind: string): string => `${ILP_BASE}/sid/${kind}`;

/** Kinds that the platform does not name by the type in lower case. */
const SID_KIND_NAMES: Readonly<Record<string, string>> = { AllergyIntolerance: 'allergy', EpisodeOfCare: 'episode-of-care' };

/** Kind of the identifiers of a resource type, as in {@link localSid}: `Condition` → `condition`. */
export const sidKind = (type: string): string => SID_KIND_NAMES[type] ?? type.toLowerCase();

/** Platform identifier system bound to an Organization: `platformSid('encounter', '100000001')`. */
export const platformSid = (kind: string, organizationId: string): string => `http://sys-ids.kemkes.go.id/${kind}/${organizationId}`;

export const SYSTEMS = {
  // identity (SATUSEHAT)
  nik: 'https://fhir.kemkes.go.id/id/nik',
  nikIbu: 'https://fhir.kemkes.go.id/id/nik-ibu',
  ihsNumber: 'https://fhir.kemkes.go.id/id/ihs-number',
  kk: 'https://fhir.kemkes.go.id/id/kk',
  nakesHisNumber: 'https://fhir.kemkes.go.id/id/nakes-his-number',
  // identity (ours, never sent)
  sourceRecord: `${ILP_BASE}/sid/source-record`,
  kodePuskesmas: `${ILP_BASE}/sid/kode-puskesmas`,
  // platform
  platformSidBase: 'http://sys-ids.kemkes.go.id/',
  administrativeCode: 'https://fhir.kemkes.go.id/r4/StructureDefinition/administrativeCode',
  // terminologies
  /** Kemendagri codes of provinces to villages, without dots. */
  administrativeArea: 'http://sys-ids.kemkes.go.id/administrative-area',
  loinc: 'http://loinc.org',
  snomed: 'http://snomed.info/sct',
  ucum: 'http://unitsofmeasure.org',
  icd10: 'http://hl7.org/fhir/sid/icd-10',
  cvx: 'http://hl7.org/fhir/sid/cvx',
  kfa: 'http://sys-ids.kemkes.go.id/kfa',
  atc: 'http://www.whocc.no/atc',
  actCode: 'http://terminology.hl7.org/CodeSystem/v3-ActCode',
  participationType: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType',
  diagnosisRole: 'http://terminology.hl7.org/CodeSystem/diagnosis-role',
  dischargeDisposition: 'http://terminology.hl7.org/CodeSystem/discharge-disposition',
  maritalStatus: 'http://terminology.hl7.org/CodeSystem/v3-MaritalStatus',
  observationCategory: 'http://terminology.hl7.org/CodeSystem/observation-category',
  conditionClinical: 'http://terminology.hl7.org/CodeSystem/condition-clinical',
  conditionVerification: 'http://terminology.hl7.org/CodeSystem/condition-ver-status',
  allergyVerification: 'http://terminology.hl7.org/CodeSystem/allergyintolerance-verification',
  conditionCategory: 'http://terminology.hl7.org/CodeSystem/condition-category',
  organizationType: 'http://terminology.hl7.org/CodeSystem/organization-type',
  locationPhysicalType: 'http://terminology.hl7.org/CodeSystem/location-physical-type',
  fhirEncounterStatus: 'http://hl7.org/fhir/encounter-status',
  fhirAllergyCategory: 'http://hl7.org/fhir/allergy-intolerance-category',
  kemkesClinicalTerm: 'http://terminology.kemkes.go.id/CodeSystem/clinical-term',
  /** Codes of WHO's digital adaptation kit for antenatal care. */
  whoAnc: 'http://fhir.org/guides/who/anc-cds/CodeSystem/anc-custom-codes',
  icd9cm: 'http://hl7.org/fhir/sid/icd-9-cm',
  kemkesOrganizationType: 'http://terminology.kemkes.go.id/CodeSystem/organization-type',
  immunizationTiming: 'http://terminology.kemkes.go.id/CodeSystem/immunization-routine-timing',
  immunizationOrigin: 'http://terminology.hl7.org/CodeSystem/immunization-origin',
  actReason: 'http://terminology.hl7.org/CodeSystem/v3-ActReason',
  immunizationReason: 'http://terminology.kemkes.go.id/CodeSystem/immunization-reason',
  kemkesExamination: 'http://terminology.kemkes.go.id/CodeSystem/examination',
  kptl: 'http://terminology.kemkes.go.id/CodeSystem/kptl',
  kemkes: 'http://terminology.kemkes.go.id',
  // ours
  klaster: `${ILP_BASE}/CodeSystem/ilp-klaster`,
  lifeStage: `${ILP_BASE}/CodeSystem/ilp-life-stage`,
  /** Terms that no published system carries; resources with them stay local. */
  local: `${ILP_BASE}/CodeSystem/ilp-local-term`,
} as const;
