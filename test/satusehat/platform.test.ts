import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSandbox } from '../../src/sandbox/server.ts';
import { createSatusehatPlatform } from '../../src/satusehat/platform.ts';
import type { LocalResource, SendAnswer } from '../../src/sync/platform.ts';
import { BREBES, identifiers, location, MIDWIFE_NIK, nikOf, organization, people, SIRAMPOG, visit } from '../sync/fixtures.ts';

const POSYANDU = `${BREBES.code}-PSY-1`;
const reference = (resource: LocalResource): string => `${resource.resourceType}/${resource.id}`;

/** The platform port against the simulator, over real HTTP. */
describe('createSatusehatPlatform', () => {
  let sandbox: ReturnType<typeof createSandbox>;
  let platform: ReturnType<typeof createSatusehatPlatform>;
  let credentials: Record<string, { organizationId: string; clientId: string; secret: string }>;

  beforeEach(async () => {
    sandbox = createSandbox({
      people: people(3),
      clients: [BREBES, SIRAMPOG].map(({ clientId, secret, organizationId }) => ({ clientId, clientSecret: secret, organizationId })),
    });
    const url = await sandbox.start();
    credentials = { [BREBES.code]: BREBES, [SIRAMPOG.code]: SIRAMPOG };
    platform = createSatusehatPlatform({
      environment: 'sandbox',
      baseUrls: { auth: `${url}/oauth2/v1`, fhir: `${url}/fhir-r4/v1` },
      credential: async (owner) => credentials[owner],
      clock: Date.now,
    });
  });
  afterEach(async () => {
    platform.close();
    await sandbox.stop();
  });

  const ids = new Map<string, string>();
  const unit = (...resources: readonly LocalResource[]) => ({ owner: BREBES.code, resources, ids });
  function keep(answer: SendAnswer): string[] {
    if (answer.kind !== 'delivered') {
      throw new Error(JSON.stringify(answer));
    }
    for (const placed of answer.placed) {
      ids.set(placed.reference, placed.platformId);
    }
    return answer.placed.map((placed) => placed.platformVersion ?? '');
  }

  async function registered(): Promise<readonly LocalResource[]> {
    ids.clear();
    ids.set(`Organization/${identifiers.organizationId(BREBES.code)}`, BREBES.organizationId);
    keep(await platform.create(unit(organization(POSYANDU, BREBES.code))));
    keep(await platform.create(unit(location(POSYANDU))));
    const resources = visit({ record: 'v1', puskesmas: BREBES, unit: POSYANDU, person: 0 });
    for (const [query, local] of [
      [{ kind: 'patient', nik: nikOf(0) }, resources[0].subject?.reference],
      [{ kind: 'practitioner', nik: MIDWIFE_NIK }, resources[0].participant?.[0]?.individual?.reference],
    ] as const) {
      const answer = await platform.findPerson(BREBES.code, query);
      ids.set(local as string, answer.kind === 'person' ? (answer.platformId ?? '') : '');
    }
    return resources;
  }

  it('registers a unit, finds the people, sends a visit as one transaction, and finds all of it again', async () => {
    const resources = await registered();
    expect(platform.references(resources).every((needed) => ids.has(needed))).toBe(true);
    expect(await platform.find(unit(...resources), true)).toEqual({ kind: 'found', placed: [], unsearchable: [] });
    const versions = keep(await platform.create(unit(...resources)));
    expect(versions).toHaveLength(4);
    expect(versions.every((version) => /^[A-Za-z0-9]+$/.test(version))).toBe(true);

    const sent = new Map(resources.map((resource) => [reference(resource), ids.get(reference(resource))]));
    for (const resource of resources) {
      ids.delete(reference(resource));
    }
    const found = await platform.find(unit(...resources), true);
    expect(found.kind === 'found' && new Map(found.placed.map((placed) => [placed.reference, placed.platformId]))).toEqual(sent);
  });

  it('finds a registered unit under its parent, and again after it was renamed', async () => {
    await registered();
    const posyandu = organization(POSYANDU, BREBES.code);
    const known = ids.get(reference(posyandu));
    ids.delete(reference(posyandu));
    expect(await platform.find(unit(posyandu))).toMatchObject({ kind: 'found', placed: [{ platformId: known }] });
    const renamed = { ...posyandu, name: 'Posyandu Mawar' };
    expect(await platform.find(unit(renamed))).toMatchObject({ kind: 'found', placed: [] });
    expect(await platform.find(unit(renamed), true)).toMatchObject({ kind: 'found', placed: [{ platformId: known }] });
    const place = location(POSYANDU);
    const placeId = ids.get(reference(place));
    ids.delete(reference(place));
    ids.set(reference(posyandu), known as string);
    expect(await platform.find(unit(place))).toMatchObject({ kind: 'found', placed: [{ platformId: placeId }] });
  });

  it('another unit of the same name under the same parent is not taken for it', async () => {
    await registered();
    const other = { ...organization(`${BREBES.code}-PSY-2`, BREBES.code), name: organization(POSYANDU).name as string };
    expect(await platform.find(unit(other), true)).toEqual({ kind: 'found', placed: [], unsearchable: [] });
  });

  it('a visit sent twice is a duplicate, and is not stored twice', async () => {
    const resources = await registered();
    keep(await platform.create(unit(...resources)));
    for (const resource of resources) {
      ids.delete(reference(resource));
    }
    expect(await platform.create(unit(...resources))).toEqual({ kind: 'duplicate' });
  });

  it('replaces what changed', async () => {
    const resources = await registered();
    keep(await platform.create(unit(...resources)));
    const changed = {
      ...resources[2],
      valueQuantity: { value: 130, unit: 'mm[Hg]', system: 'http://unitsofmeasure.org', code: 'mm[Hg]' },
    } as LocalResource;
    expect(keep(await platform.replace(unit(changed)))).toHaveLength(1);
  });

  it('a refusal names rule and place', async () => {
    const [encounter, ...rest] = await registered();
    const answer = await platform.create(unit({ ...encounter, diagnosis: undefined } as unknown as LocalResource, ...rest));
    expect(answer).toMatchObject({ kind: 'refused', rule: 10457, issues: [{ code: 'rule-mandatory', rule: '10457' }] });
  });

  it('tells who is known', async () => {
    expect(await platform.findPerson(BREBES.code, { kind: 'patient', nik: nikOf(1) })).toEqual({
      kind: 'person',
      platformId: 'P10000000001',
    });
    expect(await platform.findPerson(BREBES.code, { kind: 'patient', nik: nikOf(77) })).toEqual({ kind: 'person', platformId: null });
    expect(await platform.findPerson('unknown', { kind: 'patient', nik: nikOf(1) })).toEqual({ kind: 'no-account' });
  });

  it('checks an account: token, Organization, its Locations, and a refused secret', async () => {
    expect(await platform.check(BREBES.code)).toMatchObject({ token: 'accepted', organization: 'match', read: 'allowed' });
    credentials[BREBES.code] = { ...BREBES, organizationId: '99999999' };
    expect(await platform.check(BREBES.code)).toMatchObject({ token: 'accepted', organization: 'mismatch' });
    credentials[SIRAMPOG.code] = { ...SIRAMPOG, secret: 'wrong' };
    expect(await platform.check(SIRAMPOG.code)).toMatchObject({ token: 'refused', issues: [{ code: 'platform-auth' }] });
    expect((await platform.check('unknown')).token).toBe('missing');
  });
});
