export type SearchKind = 'token' | 'reference' | 'string' | 'date';

/** One supported search parameter of a resource type, as FHIR R4 defines it (https://hl7.org/fhir/R4/searchparameter-registry.html). */
export interface SearchParameter {
  readonly type: string;
  readonly param: string;
  readonly kind: SearchKind;
  /** Element path from the resource; alternatives by `|`. */
  readonly path: string;
  /** Types a reference may lead to, where the parameter is narrower than the element (`patient`) or to complete a bare id. */
  readonly targets?: readonly string[];
  /** Number under which its index rows are stored. Never renumber: the rows of every database carry it. Aliases share one. */
  readonly number: number;
}

type Row = readonly [offset: number, param: string, kind: SearchKind, path: string, targets?: string];

const PATIENT = 'Patient';
const CARER = 'Practitioner PractitionerRole Organization Patient RelatedPerson';

/** Two rows for one element: `subject`, and `patient`, which finds only Patients among its rows. */
const subject = (offset: number, path = 'subject'): Row[] => [
  [offset, 'subject', 'reference', path, 'Patient Group Device Location'],
  [offset, 'patient', 'reference', path, PATIENT],
];
const encounter = (offset: number, path = 'encounter'): Row => [offset, 'encounter', 'reference', path, 'Encounter'];
const identifier: Row = [1, 'identifier', 'token', 'identifier'];

/**
 * Block of a type: its first number, and its parameters. Numbers are block + offset, at most 49 in a block. A row that is added
 * finds only resources written after it, until the index is rebuilt.
 */
const BLOCKS: Readonly<Record<string, readonly [block: number, rows: readonly Row[]]>> = {
  Patient: [
    100,
    [
      identifier,
      [2, 'name', 'string', 'name'],
      [3, 'family', 'string', 'name.family'],
      [4, 'given', 'string', 'name.given'],
      [5, 'birthdate', 'date', 'birthDate'],
      [6, 'gender', 'token', 'gender'],
      [7, 'organization', 'reference', 'managingOrganization', 'Organization'],
      [8, 'general-practitioner', 'reference', 'generalPractitioner', 'Practitioner Organization PractitionerRole'],
      [9, 'active', 'token', 'active'],
      [10, 'link', 'reference', 'link.other', 'Patient RelatedPerson'],
      [11, 'telecom', 'token', 'telecom'],
      [12, 'address', 'string', 'address'],
      [13, 'death-date', 'date', 'deceasedDateTime'],
      // Ours: a Kemendagri code of 2 to 10 digits (with RT and RW, which nobody searches for alone), and the posyandu of a person.
      [14, 'region', 'token', 'address.extension.extension.valueCode'],
      [15, 'posyandu', 'reference', 'extension.valueReference', 'Organization'],
    ],
  ],
  Practitioner: [
    150,
    [
      identifier,
      [2, 'name', 'string', 'name'],
      [3, 'family', 'string', 'name.family'],
      [4, 'given', 'string', 'name.given'],
      [5, 'gender', 'token', 'gender'],
      [6, 'active', 'token', 'active'],
      [7, 'telecom', 'token', 'telecom'],
    ],
  ],
  Organization: [
    200,
    [
      identifier,
      [2, 'name', 'string', 'name | alias'],
      [3, 'active', 'token', 'active'],
      [4, 'type', 'token', 'type'],
      [5, 'partof', 'reference', 'partOf', 'Organization'],
      [6, 'address', 'string', 'address'],
    ],
  ],
  Location: [
    250,
    [
      identifier,
      [2, 'name', 'string', 'name | alias'],
      [3, 'status', 'token', 'status'],
      [4, 'type', 'token', 'type'],
      [5, 'partof', 'reference', 'partOf', 'Location'],
      [6, 'organization', 'reference', 'managingOrganization', 'Organization'],
      [7, 'address', 'string', 'address'],
    ],
  ],
  Encounter: [
    300,
    [
      identifier,
      ...subject(2),
      [3, 'date', 'date', 'period'],
      [4, 'status', 'token', 'status'],
      [5, 'class', 'token', 'class'],
      [6, 'type', 'token', 'type'],
      [7, 'location', 'reference', 'location.location', 'Location'],
      [8, 'participant', 'reference', 'participant.individual', 'Practitioner PractitionerRole RelatedPerson'],
      [8, 'practitioner', 'reference', 'participant.individual', 'Practitioner'],
      [9, 'service-provider', 'reference', 'serviceProvider', 'Organization'],
      [10, 'reason-code', 'token', 'reasonCode'],
      [11, 'diagnosis', 'reference', 'diagnosis.condition', 'Condition Procedure'],
      [12, 'episode-of-care', 'reference', 'episodeOfCare', 'EpisodeOfCare'],
      [13, 'part-of', 'reference', 'partOf', 'Encounter'],
      [14, 'based-on', 'reference', 'basedOn', 'ServiceRequest'],
    ],
  ],
  Observation: [
    350,
    [
      identifier,
      ...subject(2),
      encounter(3),
      [4, 'date', 'date', 'effectiveDateTime | effectivePeriod | effectiveInstant | effectiveTiming'],
      [5, 'code', 'token', 'code'],
      [6, 'status', 'token', 'status'],
      [7, 'category', 'token', 'category'],
      [8, 'performer', 'reference', 'performer', CARER],
      [9, 'value-concept', 'token', 'valueCodeableConcept'],
      [10, 'component-code', 'token', 'component.code'],
      [11, 'has-member', 'reference', 'hasMember', 'Observation QuestionnaireResponse'],
      [12, 'derived-from', 'reference', 'derivedFrom', 'Observation QuestionnaireResponse DocumentReference'],
      [13, 'based-on', 'reference', 'basedOn', 'ServiceRequest CarePlan'],
      [14, 'part-of', 'reference', 'partOf', 'Procedure Immunization'],
      [15, 'specimen', 'reference', 'specimen', 'Specimen'],
      [16, 'value-date', 'date', 'valueDateTime | valuePeriod'],
    ],
  ],
  Condition: [
    400,
    [
      identifier,
      ...subject(2),
      encounter(3),
      [4, 'code', 'token', 'code'],
      [5, 'category', 'token', 'category'],
      [6, 'clinical-status', 'token', 'clinicalStatus'],
      [7, 'verification-status', 'token', 'verificationStatus'],
      [8, 'onset-date', 'date', 'onsetDateTime | onsetPeriod'],
      [9, 'abatement-date', 'date', 'abatementDateTime | abatementPeriod'],
      [10, 'recorded-date', 'date', 'recordedDate'],
      [11, 'asserter', 'reference', 'asserter', CARER],
      [12, 'severity', 'token', 'severity'],
    ],
  ],
  Procedure: [
    450,
    [
      identifier,
      ...subject(2),
      encounter(3),
      [4, 'date', 'date', 'performedDateTime | performedPeriod'],
      [5, 'code', 'token', 'code'],
      [6, 'status', 'token', 'status'],
      [7, 'category', 'token', 'category'],
      [8, 'performer', 'reference', 'performer.actor', CARER],
      [9, 'location', 'reference', 'location', 'Location'],
      [10, 'part-of', 'reference', 'partOf', 'Procedure Observation'],
      [11, 'based-on', 'reference', 'basedOn', 'ServiceRequest CarePlan'],
      [12, 'reason-code', 'token', 'reasonCode'],
    ],
  ],
  Immunization: [
    500,
    [
      identifier,
      [2, 'patient', 'reference', 'patient', PATIENT],
      [4, 'date', 'date', 'occurrenceDateTime'],
      [5, 'vaccine-code', 'token', 'vaccineCode'],
      [6, 'status', 'token', 'status'],
      [7, 'location', 'reference', 'location', 'Location'],
      [8, 'performer', 'reference', 'performer.actor', CARER],
      [9, 'lot-number', 'string', 'lotNumber'],
      [10, 'reason-code', 'token', 'reasonCode'],
      [11, 'reaction-date', 'date', 'reaction.date'],
      [12, 'target-disease', 'token', 'protocolApplied.targetDisease'],
    ],
  ],
  ServiceRequest: [
    550,
    [
      identifier,
      ...subject(2),
      encounter(3),
      [4, 'code', 'token', 'code'],
      [5, 'status', 'token', 'status'],
      [6, 'category', 'token', 'category'],
      [7, 'intent', 'token', 'intent'],
      [8, 'priority', 'token', 'priority'],
      [9, 'authored', 'date', 'authoredOn'],
      [10, 'occurrence', 'date', 'occurrenceDateTime | occurrencePeriod | occurrenceTiming'],
      [11, 'requester', 'reference', 'requester', CARER],
      [12, 'performer', 'reference', 'performer', CARER],
      [13, 'based-on', 'reference', 'basedOn', 'ServiceRequest CarePlan MedicationRequest'],
      [14, 'requisition', 'token', 'requisition'],
      [15, 'specimen', 'reference', 'specimen', 'Specimen'],
    ],
  ],
  OrganizationAffiliation: [
    600,
    [
      identifier,
      [2, 'primary-organization', 'reference', 'organization', 'Organization'],
      [3, 'participating-organization', 'reference', 'participatingOrganization', 'Organization'],
      [4, 'date', 'date', 'period'],
      [5, 'active', 'token', 'active'],
      [6, 'role', 'token', 'code'],
      [7, 'location', 'reference', 'location', 'Location'],
    ],
  ],
  PractitionerRole: [
    650,
    [
      identifier,
      [2, 'practitioner', 'reference', 'practitioner', 'Practitioner'],
      [3, 'organization', 'reference', 'organization', 'Organization'],
      [4, 'location', 'reference', 'location', 'Location'],
      [5, 'role', 'token', 'code'],
      [6, 'active', 'token', 'active'],
      [7, 'date', 'date', 'period'],
    ],
  ],
  EpisodeOfCare: [
    700,
    [
      identifier,
      [2, 'patient', 'reference', 'patient', PATIENT],
      [3, 'date', 'date', 'period'],
      [4, 'status', 'token', 'status'],
      [5, 'type', 'token', 'type'],
      [6, 'organization', 'reference', 'managingOrganization', 'Organization'],
      [7, 'care-manager', 'reference', 'careManager', 'Practitioner PractitionerRole'],
      [8, 'condition', 'reference', 'diagnosis.condition', 'Condition'],
    ],
  ],
  RelatedPerson: [
    750,
    [
      identifier,
      [2, 'patient', 'reference', 'patient', PATIENT],
      [3, 'name', 'string', 'name'],
      [4, 'relationship', 'token', 'relationship'],
      [5, 'active', 'token', 'active'],
      [6, 'birthdate', 'date', 'birthDate'],
      [7, 'gender', 'token', 'gender'],
    ],
  ],
  DiagnosticReport: [
    800,
    [
      identifier,
      ...subject(2),
      encounter(3),
      [4, 'date', 'date', 'effectiveDateTime | effectivePeriod'],
      [5, 'code', 'token', 'code'],
      [6, 'status', 'token', 'status'],
      [7, 'category', 'token', 'category'],
      [8, 'issued', 'date', 'issued'],
      [9, 'result', 'reference', 'result', 'Observation'],
      [10, 'based-on', 'reference', 'basedOn', 'ServiceRequest CarePlan'],
      [11, 'performer', 'reference', 'performer', CARER],
    ],
  ],
  Specimen: [
    850,
    [
      identifier,
      ...subject(2),
      [3, 'type', 'token', 'type'],
      [4, 'status', 'token', 'status'],
      [5, 'collected', 'date', 'collection.collectedDateTime | collection.collectedPeriod'],
    ],
  ],
  MedicationRequest: [
    900,
    [
      identifier,
      ...subject(2),
      encounter(3),
      [4, 'authoredon', 'date', 'authoredOn'],
      [5, 'code', 'token', 'medicationCodeableConcept'],
      [6, 'status', 'token', 'status'],
      [7, 'intent', 'token', 'intent'],
      [8, 'medication', 'reference', 'medicationReference', 'Medication'],
      [9, 'requester', 'reference', 'requester', CARER],
    ],
  ],
  MedicationDispense: [
    950,
    [
      identifier,
      ...subject(2),
      [3, 'context', 'reference', 'context', 'Encounter EpisodeOfCare'],
      [4, 'whenhandedover', 'date', 'whenHandedOver'],
      [5, 'code', 'token', 'medicationCodeableConcept'],
      [6, 'status', 'token', 'status'],
      [7, 'medication', 'reference', 'medicationReference', 'Medication'],
      [8, 'prescription', 'reference', 'authorizingPrescription', 'MedicationRequest'],
    ],
  ],
  MedicationStatement: [
    1000,
    [
      identifier,
      ...subject(2),
      [3, 'context', 'reference', 'context', 'Encounter EpisodeOfCare'],
      [4, 'effective', 'date', 'effectiveDateTime | effectivePeriod'],
      [5, 'code', 'token', 'medicationCodeableConcept'],
      [6, 'status', 'token', 'status'],
      [7, 'medication', 'reference', 'medicationReference', 'Medication'],
    ],
  ],
  Medication: [
    1050,
    [identifier, [2, 'code', 'token', 'code'], [3, 'status', 'token', 'status'], [4, 'lot-number', 'token', 'batch.lotNumber']],
  ],
  AllergyIntolerance: [
    1100,
    [
      identifier,
      [2, 'patient', 'reference', 'patient', PATIENT],
      [3, 'code', 'token', 'code'],
      [4, 'clinical-status', 'token', 'clinicalStatus'],
      [5, 'verification-status', 'token', 'verificationStatus'],
      [6, 'category', 'token', 'category'],
      [7, 'date', 'date', 'recordedDate'],
    ],
  ],
  QuestionnaireResponse: [
    1150,
    [
      identifier,
      ...subject(2),
      encounter(3),
      [4, 'authored', 'date', 'authored'],
      [5, 'questionnaire', 'reference', 'questionnaire', 'Questionnaire'],
      [6, 'status', 'token', 'status'],
      [7, 'author', 'reference', 'author', CARER],
    ],
  ],
  Composition: [
    1200,
    [
      identifier,
      ...subject(2),
      encounter(3),
      [4, 'date', 'date', 'date'],
      [5, 'type', 'token', 'type'],
      [6, 'status', 'token', 'status'],
      [7, 'author', 'reference', 'author', CARER],
    ],
  ],
  CarePlan: [
    1250,
    [
      identifier,
      ...subject(2),
      encounter(3),
      [4, 'date', 'date', 'period'],
      [5, 'category', 'token', 'category'],
      [6, 'status', 'token', 'status'],
      [7, 'intent', 'token', 'intent'],
    ],
  ],
  ClinicalImpression: [
    1300,
    [identifier, ...subject(2), encounter(3), [4, 'date', 'date', 'effectiveDateTime | effectivePeriod'], [5, 'status', 'token', 'status']],
  ],
};

/** The parameters of every type that has any, besides `_id` and `_lastUpdated`, which every type has. */
export const SEARCH_PARAMETERS: readonly SearchParameter[] = Object.entries(BLOCKS).flatMap(([type, [block, rows]]) =>
  rows.map(([offset, param, kind, path, targets]) => ({
    type,
    param,
    kind,
    path,
    number: block + offset,
    ...(targets && { targets: targets.split(' ') }),
  })),
);

const BY_TYPE = new Map<string, ReadonlyMap<string, SearchParameter>>(
  Object.entries(Object.groupBy(SEARCH_PARAMETERS, (row) => row.type)).map(([type, rows = []]) => [
    type,
    new Map(rows.map((row) => [row.param, row])),
  ]),
);

/** Parameters of a type by name (without `_id` and `_lastUpdated`). Empty for a type that can only be read. */
export function searchParameters(type: string): ReadonlyMap<string, SearchParameter> {
  return BY_TYPE.get(type) ?? new Map();
}

/**
 * Offset for dates and times that have none: Western Indonesia Time. FHIR leaves the choice to the server; it is fixed, because the
 * index is built with it. Stored values and searched values are read alike, so that a day matches the same day.
 */
const OFFSET_MINUTES = 7 * 60;

export const EARLIEST = -8_640_000_000_000_000;
export const LATEST = 8_640_000_000_000_000;

const DATE = /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?)?)?$/;

/** Range `[low, high)` in milliseconds since 1970 that a FHIR date, dateTime or instant of any precision stands for. */
export function dateRange(text: string): { low: number; high: number } | undefined {
  const match = DATE.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second, fraction, zone] = match;
  const number = (part: string | undefined, absent: number) => (part === undefined ? absent : Number(part));
  const at = (y: number, m: number, d: number, h = 0, min = 0, s = 0, ms = 0) => {
    const date = new Date(0);
    date.setUTCFullYear(y, m - 1, d);
    date.setUTCHours(h, min, s, ms);
    return date.getTime() - offsetMinutes(zone) * 60_000;
  };
  const [y, m, d] = [Number(year), number(month, 1), number(day, 1)];
  if (m < 1 || m > 12 || d < 1 || d > new Date(Date.UTC(2000 + (y % 400), m, 0)).getUTCDate()) return undefined;
  if (month === undefined) return { low: at(y, 1, 1), high: at(y + 1, 1, 1) };
  if (day === undefined) return { low: at(y, m, 1), high: at(y, m + 1, 1) };
  if (hour === undefined) return { low: at(y, m, d), high: at(y, m, d + 1) };
  const [h, min, s] = [Number(hour), Number(minute), number(second, 0)];
  if (h > 23 || min > 59 || s > 60) return undefined;
  const low = at(y, m, d, h, min, s, fraction === undefined ? 0 : Math.floor(Number(fraction) * 1000));
  return { low, high: low + (second === undefined ? 60_000 : fraction === undefined ? 1000 : 1) };
}

function offsetMinutes(zone: string | undefined): number {
  if (zone === undefined) return OFFSET_MINUTES;
  if (zone === 'Z') return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6));
  return zone.startsWith('-') ? -minutes : minutes;
}

/**
 * The value of a date search (without its prefix) as a range for `SearchFilter`: `low` inclusive, `high` exclusive, ISO instants.
 * Undefined if it is no FHIR date.
 */
export function parseDateRange(text: string): { low: string; high: string } | undefined {
  const range = dateRange(text);
  return range && { low: new Date(range.low).toISOString(), high: new Date(range.high).toISOString() };
}
