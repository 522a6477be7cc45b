import { isObject, type JsonObject } from './json.ts';

/**
 * JSON kinds of elements, for the processor's first step: it unmarshals into typed structures and refuses the whole payload
 * when a kind differs. Elements that are not listed are accepted as they are. Source: FHIR R4.
 *
 * s text, b boolean, n number, o object, l list of objects, t list of texts.
 */
type Kind = 's' | 'b' | 'n' | 'o' | 'l' | 't';

const table = (text: string): ReadonlyMap<string, Kind> =>
  new Map(
    text
      .trim()
      .split(/\s+/)
      .map((entry) => {
        const [name = '', kind = 'o'] = entry.split(':');
        return [name, kind as Kind];
      }),
  );

const ANY = table('resourceType:s id:s meta:o implicitRules:s language:s text:o contained:l extension:l modifierExtension:l');

const TYPES: Readonly<Record<string, ReadonlyMap<string, Kind>>> = {
  Organization: table('identifier:l active:b type:l name:s alias:t telecom:l address:l partOf:o contact:l endpoint:l'),
  Location: table(
    'identifier:l status:s operationalStatus:o name:s alias:t description:s mode:s type:l telecom:l address:o physicalType:o position:o managingOrganization:o partOf:o hoursOfOperation:l availabilityExceptions:s endpoint:l',
  ),
  Encounter: table(
    'identifier:l status:s statusHistory:l class:o classHistory:l type:l serviceType:o priority:o subject:o episodeOfCare:l basedOn:l participant:l appointment:l period:o length:o reasonCode:l reasonReference:l diagnosis:l account:l hospitalization:o location:l serviceProvider:o partOf:o',
  ),
  EpisodeOfCare: table(
    'identifier:l status:s statusHistory:l type:l diagnosis:l patient:o managingOrganization:o period:o referralRequest:l careManager:o team:l account:l',
  ),
  Observation: table(
    'identifier:l basedOn:l partOf:l status:s category:l code:o subject:o focus:l encounter:o effectiveDateTime:s effectivePeriod:o effectiveInstant:s issued:s performer:l valueQuantity:o valueCodeableConcept:o valueString:s valueBoolean:b valueInteger:n valueRange:o valueRatio:o valueSampledData:o valueTime:s valueDateTime:s valuePeriod:o dataAbsentReason:o interpretation:l note:l bodySite:o method:o specimen:o device:o referenceRange:l hasMember:l derivedFrom:l component:l',
  ),
  Condition: table(
    'identifier:l clinicalStatus:o verificationStatus:o category:l severity:o code:o bodySite:l subject:o encounter:o onsetDateTime:s onsetAge:o onsetPeriod:o onsetRange:o onsetString:s abatementDateTime:s abatementAge:o abatementPeriod:o recordedDate:s recorder:o asserter:o stage:l evidence:l note:l',
  ),
  Procedure: table(
    'identifier:l instantiatesCanonical:t basedOn:l partOf:l status:s statusReason:o category:o code:o subject:o encounter:o performedDateTime:s performedPeriod:o performedString:s recorder:o asserter:o performer:l location:o reasonCode:l reasonReference:l bodySite:l outcome:o report:l complication:l followUp:l note:l',
  ),
  ServiceRequest: table(
    'identifier:l basedOn:l replaces:l requisition:o status:s intent:s category:l priority:s doNotPerform:b code:o orderDetail:l quantityQuantity:o subject:o encounter:o occurrenceDateTime:s occurrencePeriod:o asNeededBoolean:b authoredOn:s requester:o performerType:o performer:l locationCode:l locationReference:l reasonCode:l reasonReference:l supportingInfo:l specimen:l bodySite:l note:l patientInstruction:s',
  ),
  Immunization: table(
    'identifier:l status:s statusReason:o vaccineCode:o patient:o encounter:o occurrenceDateTime:s occurrenceString:s recorded:s primarySource:b reportOrigin:o location:o manufacturer:o lotNumber:s expirationDate:s site:o route:o doseQuantity:o performer:l note:l reasonCode:l reasonReference:l isSubpotent:b programEligibility:l fundingSource:o reaction:l protocolApplied:l',
  ),
  RelatedPerson: table(
    'identifier:l active:b patient:o relationship:l name:l telecom:l gender:s birthDate:s address:l period:o communication:l',
  ),
};

/** Names that mean one kind wherever they occur below the top. */
const NESTED = table('coding:l reference:s display:s system:s start:s end:s unit:s div:s');

const isKind = (value: unknown, kind: Kind): boolean => {
  switch (kind) {
    case 's':
      return typeof value === 'string';
    case 'b':
      return typeof value === 'boolean';
    case 'n':
      return typeof value === 'number';
    case 'o':
      return isObject(value);
    case 'l':
      return Array.isArray(value) && value.every(isObject);
    case 't':
      return Array.isArray(value) && value.every((item) => typeof item === 'string' || item === null);
  }
};

/** Location of the first element whose JSON kind is not the one FHIR gives it. */
export function wrongKind(resource: JsonObject, type: string): string | undefined {
  for (const [name, value] of Object.entries(resource)) {
    if (value === null) continue;
    const kind = ANY.get(name) ?? TYPES[type]?.get(name);
    if (kind !== undefined && !isKind(value, kind)) return `${type}.${name}`;
    const nested = wrongNested(value, `${type}.${name}`);
    if (nested !== undefined) return nested;
  }
  return undefined;
}

function wrongNested(value: unknown, at: string): string | undefined {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      const found = wrongNested(item, `${at}[${index}]`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (!isObject(value)) return undefined;
  for (const [name, child] of Object.entries(value)) {
    if (child === null) continue;
    const kind = /Quantity$/.test(at) && name === 'value' ? 'n' : NESTED.get(name);
    if (kind !== undefined && !isKind(child, kind)) return `${at}.${name}`;
    const found = wrongNested(child, `${at}.${name}`);
    if (found !== undefined) return found;
  }
  return undefined;
}
