import type { Bundle, Resource } from '@medplum/fhirtypes';
import type { Engines } from '../src/engines.ts';
import { visit } from '../test/validation/visit.ts';
import { defects } from './defects.ts';
import { compare, type Effort, quantile, type Row, round } from './measure.ts';
import { ajvFinds, askHl7, type Finds, lantanaFinds, medplumFinds, ZOD_TYPES, zodFinds } from './validators.ts';

const NOW = '2025-06-01T00:00:00Z';
const SINGLES = 100_000;
const PARSED = 50_000;
const BUNDLES = 5_000;
const P99_MS = 0.1;

interface Item {
  readonly resource: Resource;
  readonly text: string;
}

/** This project's compiled validator beside its peers, on the same parsed resources: how fast, and how much each finds. */
export function benchValidation({ validator, rules }: Engines, effort: Effort): Row[] {
  const resources = visit();
  const items = resources.map((resource): Item => ({ resource, text: JSON.stringify(resource) }));
  const finds: Readonly<Record<string, Finds>> = {
    '@medplum/core': medplumFinds(),
    fhir: lantanaFinds(),
    'ajv-standalone': ajvFinds([...new Set(resources.map(({ resourceType }) => resourceType))]),
  };
  const zod = zodFinds();
  const whole = (resource: Resource) => [...validator.validate(resource), ...rules.check(resource, { now: NOW })];

  const { rates, slowerThan } = compare<Item>(
    items,
    {
      ours: ({ resource }) => whole(resource),
      parsed: ({ text }) => whole(JSON.parse(text)),
      structure: ({ resource }) => validator.validate(resource),
      ...Object.fromEntries(Object.entries(finds).map(([name, find]) => [name, ({ resource }: Item) => find(resource)])),
    },
    effort,
  );
  const two = compare(
    resources.filter(({ resourceType }) => ZOD_TYPES.includes(resourceType)),
    { ours: (resource) => validator.validate(resource), zod },
    effort,
  );
  const bundle: Bundle = {
    resourceType: 'Bundle',
    type: 'collection',
    entry: Array.from({ length: 12 }, (_, index) => ({
      fullUrl: `urn:uuid:00000000-0000-8000-8000-0000000000${10 + index}`,
      resource: { ...(resources[index % resources.length] as Resource), id: String(index) } as Resource,
    })),
  };
  const ofBundles = compare([bundle], { ours: (one) => validator.validate(one) }, effort);
  const peers = {
    ...Object.fromEntries(Object.keys(finds).map((name) => [name, round(rates[name] ?? 0)])),
    'zod (two types)': round(two.rates.zod ?? 0),
  };
  const limited = (name: string, unit: string, ours: number, limit: number, note: string): Row => ({
    name: `validation/${name}`,
    unit,
    ours: round(ours),
    limit: `≥ ${limit}`,
    ok: ours >= limit,
    note,
  });
  return [
    {
      ...limited(
        'singles',
        'resources/s',
        rates.ours ?? 0,
        SINGLES,
        'R4, our profiles, all invariants, and the numbered rules of the platform',
      ),
      peers,
      ratio: round(slowerThan('@medplum/core', 'ours')),
    },
    limited('parse-and-validate', 'resources/s', rates.parsed ?? 0, PARSED, 'JSON.parse included'),
    limited(
      'bundles-of-12',
      'Bundles/s',
      ofBundles.rates.ours ?? 0,
      BUNDLES,
      'without the rules of the platform, which are of single resources',
    ),
    p99Row(items, whole, effort),
    {
      name: 'validation/structure',
      unit: 'resources/s',
      ours: round(rates.structure ?? 0),
      peers,
      ratio: round(slowerThan('@medplum/core', 'structure')),
      note: 'without the rules of the platform, which no peer checks; ratio: how many times faster than @medplum/core',
    },
    ...detectionRows((resource) => validator.validate(resource).some(({ severity }) => severity === 'error'), { ...finds, zod }, resources),
  ];
}

/** Of single calls: what one record waits for. */
function p99Row(items: readonly Item[], work: (resource: Resource) => unknown, { quick }: Effort): Row {
  const times: number[] = [];
  for (let turn = 0; turn < (quick ? 20 : 2_000); turn++) {
    for (const { resource } of items) {
      const start = process.hrtime.bigint();
      work(resource);
      times.push(Number(process.hrtime.bigint() - start) / 1e6);
    }
  }
  const p99 = quantile(times, 0.99);
  return {
    name: 'validation/p99',
    unit: 'ms',
    ours: round(p99),
    limit: `< ${P99_MS}`,
    ok: p99 < P99_MS,
    p50: round(quantile(times, 0.5)),
    p99: round(p99),
    max: round(quantile(times, 1)),
    note: 'wall time of single calls',
  };
}

/** How many of the seeded defects each finds, in all and of each kind; and how many sound resources each refuses. */
function detectionRows(ours: Finds, finds: Readonly<Record<string, Finds>>, sound: readonly Resource[]): Row[] {
  const seeded = defects();
  const all = [...seeded.map(({ resource }) => resource), ...sound];
  const hl7 = askHl7(all);
  const found = new Map<string, readonly boolean[]>();
  const handles = (name: string, { resourceType }: Resource) => name !== 'zod' || ZOD_TYPES.includes(resourceType);
  for (const [name, find] of Object.entries({ ours, ...finds })) {
    found.set(
      name,
      all.map((resource) => handles(name, resource) && find(resource)),
    );
  }
  if (hl7 !== undefined) found.set('HL7 engine', hl7.found);
  const count = (name: string, at: (index: number) => boolean) => found.get(name)?.filter((wrong, index) => wrong && at(index)).length ?? 0;
  const row = (name: string, unit: string, at: (index: number) => boolean, note?: string): Row => ({
    name: `detection/${name}`,
    unit,
    ours: count('ours', at),
    peers: Object.fromEntries([...found.keys()].filter((peer) => peer !== 'ours').map((peer) => [peer, count(peer, at)])),
    ...(note !== undefined && { note }),
  });
  const kinds = [...new Set(seeded.map(({ kind }) => kind))];
  const asked =
    hl7 === undefined
      ? "HL7's engine: not asked, ILP_HL7_VALIDATE is not set"
      : `HL7's engine: ${round(hl7.seconds)} s for ${all.length}, with its start`;
  const ofZod = seeded.filter(({ resource }) => ZOD_TYPES.includes(resource.resourceType)).length;
  return [
    row(
      'all',
      `of ${seeded.length} defects`,
      (index) => index < seeded.length,
      `${asked}; zod has schemas for ${ZOD_TYPES.join(' and ')} only: ${ofZod} of them`,
    ),
    ...kinds.map((kind) =>
      row(kind.replace(/\W+/g, '-'), `of ${seeded.filter((one) => one.kind === kind).length}`, (index) => seeded[index]?.kind === kind),
    ),
    row('false-alarms', `of ${sound.length} sound resources`, (index) => index >= seeded.length),
  ];
}
