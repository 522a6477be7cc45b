import type { Bundle } from '@medplum/fhirtypes';
import jsonata from 'jsonata';
import type { NormalisedRecord } from '../src/mapping/types.ts';
import { median } from './measure.ts';

const VITALS = [
  ['systolic', 'http://loinc.org', '8480-6', 'mmHg', 'mm[Hg]'],
  ['diastolic', 'http://loinc.org', '8462-4', 'mmHg', 'mm[Hg]'],
  ['heartRate', 'http://loinc.org', '8867-4', '/min', '/min'],
  ['respiratoryRate', 'http://loinc.org', '9279-1', '/min', '/min'],
  ['temperature', 'http://loinc.org', '8310-5', '°C', 'Cel'],
  ['weight', 'http://loinc.org', '29463-7', 'kg', 'kg'],
  ['waist', 'http://snomed.info/sct', '276361009', 'cm', 'cm'],
  ['height', 'http://loinc.org', '8302-2', 'cm', 'cm'],
] as const;

/** The plain map as JSONata: one function for the measurements, which FML writes eight times. */
const TEXT = `(
  $vital := function($value, $system, $code, $unit, $ucum) {
    $exists($value) ? {"resource": {"resourceType": "Observation", "status": "final", "code": {"coding": [{"system": $system, "code": $code}]},
      "subject": {"reference": "Patient/1"}, "effectiveDateTime": start,
      "valueQuantity": {"value": $value, "unit": $unit, "system": "http://unitsofmeasure.org", "code": $ucum}}} : []
  };
  {"resourceType": "Bundle", "type": "collection", "entry": $append($append([
    {"resource": {"resourceType": "Encounter", "status": "finished",
      "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
      "identifier": [{"system": "https://fhir.ilp.example/sid/source-record", "value": sourceId}],
      "period": {"start": start, "end": end}}}],
    [diagnoses.{"resource": {"resourceType": "Condition",
      "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": code, "display": display}]},
      "subject": {"reference": "Patient/1"}}}]),
    [${VITALS.map(([field, ...codes]) => `$vital(vitals.${field}, ${codes.map((code) => JSON.stringify(code)).join(', ')})`).join(',\n     ')}])}
)`;

const expression = jsonata(TEXT);

export const mapByJsonata = (record: NormalisedRecord): Promise<Bundle> => expression.evaluate(record) as Promise<Bundle>;

/** Visits per second of CPU time; JSONata only answers through promises, so it cannot be measured turn about with the others. */
export async function jsonataRate(
  records: readonly NormalisedRecord[],
  { runs, seconds }: { runs: number; seconds: number },
): Promise<number> {
  const rates: number[] = [];
  for (let run = 0; run <= runs; run++) {
    const start = process.cpuUsage();
    for (let count = 0; ; ) {
      for (const record of records) await mapByJsonata(record);
      count += records.length;
      const { user, system } = process.cpuUsage(start);
      if (user + system < seconds * 1_000_000) continue;
      // The first is the warm-up.
      if (run > 0) rates.push((count / (user + system)) * 1_000_000);
      break;
    }
  }
  return median(rates);
}
