import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type Body,
  encounter,
  location,
  ORG,
  observation,
  outcome,
  type Running,
  startForTest,
  storeOutcome,
  transactionOf,
} from './support.ts';

let running: Running;
let place: string;
let before: Body;
const counts = async () => (await running.send('GET', '/_sandbox/counts')).body.resources as Body;

beforeAll(async () => {
  running = await startForTest();
  place = (await running.fhir('POST', '/Location', location('B-0'))).body.id;
});
beforeEach(async () => {
  before = await counts();
});
afterAll(() => running.sandbox.stop());

const refused = async (bundle: Body, expected: Body, status = 400) => {
  const answer = await running.fhir('POST', '', bundle);
  expect({ status: answer.status, body: answer.body }).toEqual({ status, body: expected });
  expect(await counts()).toEqual(before);
};
const urn = () => `urn:uuid:${randomUUID()}`;
const following = (type: string) => ({
  severity: 'error',
  code: 'invalid',
  details: { text: `Invalid resource ${type} due to previous error (RuleNumber: 20013)` },
});

describe('transaction', () => {
  it('stores all entries, resolves both kinds of reference, and answers in order', async () => {
    const [visit, weight, height] = [urn(), urn(), urn()];
    const bundle = transactionOf(
      [weight, observation(visit)],
      [visit, encounter('B-1', place)],
      [height, observation(`Encounter/${visit.slice(9)}`)],
    );
    const { status, body, headers } = await running.fhir('POST', '', bundle);
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('application/json');
    expect({ resourceType: body.resourceType, type: body.type, total: body.total }).toEqual({
      resourceType: 'Bundle',
      type: 'transaction-response',
      total: 3,
    });
    expect(body.entry.map((entry: Body) => entry.response.resourceType)).toEqual(['Observation', 'Encounter', 'Observation']);
    const { etag, lastModified, location: at, resourceID, ...rest } = body.entry[1].response;
    expect(rest).toEqual({ resourceType: 'Encounter', status: '201 Created' });
    const stored = (await running.fhir('GET', `/Encounter/${resourceID}`)).body;
    expect(etag).toBe(`W/"${stored.meta.versionId}"`);
    expect(lastModified).toBe(stored.meta.lastUpdated);
    expect(at).toBe(`${running.url}/fhir-r4/v1/Encounter/${resourceID}/_history/${stored.meta.versionId}`);
    for (const index of [0, 2]) {
      const read = await running.fhir('GET', `/Observation/${body.entry[index].response.resourceID}`);
      expect(read.body.encounter.reference).toBe(`Encounter/${resourceID}`);
    }
    expect(await counts()).toEqual({ ...before, Encounter: (before.Encounter ?? 0) + 1, Observation: (before.Observation ?? 0) + 2 });
  });

  it('is accepted with a slash after the base, and replaces by PUT', async () => {
    const bundle = transactionOf([urn(), encounter('B-2', place)]);
    const created = await running.fhir('POST', '/', bundle);
    expect(created.status).toBe(200);
    const id = created.body.entry[0].response.resourceID;
    const put = {
      resourceType: 'Bundle',
      type: 'transaction',
      entry: [{ fullUrl: urn(), resource: { ...encounter('B-2', place), id }, request: { method: 'PUT', url: `Encounter/${id}` } }],
    };
    const { body } = await running.fhir('POST', '', put);
    expect(body.entry[0].response).toMatchObject({ resourceID: id, status: '200 OK' });
  });

  it('stores nothing when one entry is refused, and blames the entries after it', async () => {
    const visit = urn();
    const bad = { ...observation(visit), effectiveDateTime: '2026-08-12' };
    await refused(transactionOf([visit, encounter('B-3', place)], [urn(), bad], [urn(), observation(visit)], [urn(), location('B-3')]), {
      resourceType: 'OperationOutcome',
      text: { status: 'generated' },
      issue: [
        {
          severity: 'error',
          code: 'format',
          details: {
            text: 'Invalid date time format : 2026-08-12 (RuleNumber: 10295). Format allowed : YYYY-MM-DDThh:mm:ss+00:00',
          },
          expression: ['Observation.effectiveDateTime'],
        },
        following('Observation'),
        following('Location'),
      ],
    });
  });

  it('knows the duplicate rule, against the store and among its own entries', async () => {
    expect((await running.fhir('POST', '', transactionOf([urn(), location('B-4')]))).status).toBe(200);
    before = await counts();
    const expected = outcome('duplicate', 'Found duplicate: Location (RuleNumber: 20002)');
    await refused(transactionOf([urn(), location('B-4')]), expected);
    await refused(transactionOf([urn(), location('B-5')], [urn(), location('B-5')]), expected);
  });

  it('refuses references to neither a member nor a stored resource', async () => {
    const nobody = urn();
    await refused(transactionOf([urn(), observation(nobody)]), outcome('not-found', `Resource not found ${nobody} (RuleNumber: 20007)`));
  });

  it('checks every fullUrl', async () => {
    const text = 'Invalid element Location.fullUrl due to';
    const cases: ReadonlyArray<readonly [string | undefined, string]> = [
      [undefined, 'Invalid resource Location due to missing fullUrl element (RuleNumber: 20021)'],
      ['Location/1', `${text} invalid fullUrl format. It must begin with 'urn:uuid'.Location/1 (RuleNumber: 20018)`],
      ['urn:uuid', `${text} invalid fullUrl format. It must be in the format: 'urn:uuid:{{uuid_value}}.urn:uuid (RuleNumber: 20017)`],
      ['urn:uuid:12', `${text} invalid UUID format (RuleNumber: 20019)`],
    ];
    for (const [fullUrl, expected] of cases) await refused(transactionOf([fullUrl, location('B-6')]), outcome('invalid', expected));
    const twice = urn();
    await refused(
      transactionOf([twice, location('B-6')], [twice, location('B-7')]),
      outcome('invalid', `${text} duplicate fullUrl: ${twice} (RuleNumber: 20020)`),
    );
  });

  it('refuses a bundle in a bundle, another type of bundle, and requests it cannot do', async () => {
    await refused(transactionOf([urn(), transactionOf()]), outcome('forbidden', 'Forbidden nested bundle (RuleNumber: 20011)'));
    await refused(
      { resourceType: 'Bundle', type: 'batch', entry: [] },
      storeOutcome('structure', 'unparseable_resource', 'invalid bundle type, only "transaction" is accepted', 'Bundle.type'),
    );
    const bundle = transactionOf([urn(), location('B-8')]);
    bundle.entry[0].request = { method: 'DELETE', url: 'Location/1' };
    await refused(
      bundle,
      storeOutcome('structure', 'unparseable_resource', 'invalid request: DELETE Location/1', 'Bundle.entry[0].request'),
    );
    const patient = transactionOf([urn(), { resourceType: 'Patient' }]);
    await refused(patient, outcome('forbidden', 'Resource Patient is not allowed for current access class (RuleNumber: 20004)'), 403);
  });

  it('takes 73 entries and more', async () => {
    const visit = urn();
    const others = Array.from({ length: 99 }, () => [urn(), observation(visit)] as const);
    const { status, body } = await running.fhir('POST', '', transactionOf([visit, encounter('B-73', place)], ...others));
    expect([status, body.total, body.entry.length]).toEqual([200, 100, 100]);
  });

  it('a condition of an entry that is met is a duplicate of the whole Bundle', async () => {
    expect((await running.fhir('POST', '', transactionOf([urn(), location('B-9')]))).status).toBe(200);
    before = await counts();
    const condition = `identifier=http://sys-ids.kemkes.go.id/location/${ORG}|B-9`;
    const bundle = transactionOf([urn(), location('B-10')], [urn(), location('B-11')]);
    bundle.entry[1].request.ifNoneExist = condition;
    await refused(bundle, outcome('duplicate', 'Found duplicate: Location (RuleNumber: 20002)'));
  });

  it('limits and PUT entries are settings', async () => {
    const strict = (strictness: object) => running.send('PUT', '/_sandbox/settings', { body: { strictness } });
    await strict({ bundleEntries: 1, bundleUpdates: false });
    const many = 'too many entries: 2, at most 1';
    await refused(
      transactionOf([urn(), location('B-12')], [urn(), location('B-13')]),
      storeOutcome('structure', 'unparseable_resource', many, 'Bundle.entry'),
    );
    const put = transactionOf([urn(), { ...location('B-14'), id: 'x' }]);
    put.entry[0].request = { method: 'PUT', url: 'Location/x' };
    await refused(put, storeOutcome('structure', 'unparseable_resource', 'invalid request: PUT Location/x', 'Bundle.entry[0].request'));
    await strict({ bundleEntries: 0, bundleUpdates: true });
  });
});

describe('a Bundle saved in part', () => {
  const dump = async (): Promise<Body[]> => (await running.send('GET', '/_sandbox/dump?format=json')).body as unknown as Body[];
  const bundleOf = (value: string, observations: number) => {
    const visit = urn();
    const others = Array.from(
      { length: observations },
      (_, n) =>
        [
          urn(),
          observation(visit, { identifier: [{ system: `http://sys-ids.kemkes.go.id/observation/${ORG}`, value: `${value}-${n}` }] }),
        ] as const,
    );
    return transactionOf([visit, encounter(value, place)], ...others);
  };
  const partial = (rate: number, seed = 1) => running.send('PUT', '/_sandbox/settings', { body: { partialBundles: { rate, seed } } });
  const savedOf = async (value: string): Promise<string[]> =>
    (await dump()).flatMap(({ resourceType, identifier }) => {
      const own = identifier?.[0]?.value as string | undefined;
      return own === value || own?.startsWith(`${value}-`) ? [`${resourceType} ${own}`] : [];
    });
  afterEach(() => partial(0));

  it('is answered with an error; something is there and something is missing, and nothing refers to what is missing', async () => {
    await partial(1);
    const sizes = new Set<number>();
    for (let n = 0; n < 12; n++) {
      const answer = await running.fhir('POST', '', bundleOf(`P-${n}`, 4));
      expect(answer.status).toBe(500);
      const saved = await savedOf(`P-${n}`);
      expect(saved.length).toBeGreaterThan(0);
      expect(saved.length).toBeLessThan(5);
      // Observations refer to the Encounter.
      expect(saved).toContain(`Encounter P-${n}`);
      sizes.add(saved.length);
    }
    expect(sizes.size).toBeGreaterThan(1);
    const all = await dump();
    const there = new Set(all.map(({ resourceType, id }) => `${resourceType}/${id}`));
    for (const { encounter: reference } of all) if (reference) expect(there.has(reference.reference)).toBe(true);
    // The same Bundle again meets the duplicate rule.
    await partial(0);
    expect((await running.fhir('POST', '', bundleOf('P-0', 4))).body.issue[0].code).toBe('duplicate');
  });

  it('by rate and seed: which Bundles and which entries, the same in every run', async () => {
    const run = async (name: string, seed: number) => {
      const fresh = await startForTest({ settings: { partialBundles: { rate: 0.4, seed } } });
      const room = (await fresh.fhir('POST', '/Location', location('Q'))).body.id;
      const story = [];
      for (let n = 0; n < 10; n++) {
        const bundle = bundleOf(`${name}-${n}`, 5);
        bundle.entry[0].resource.location[0].location.reference = `Location/${room}`;
        const { status } = await fresh.fhir('POST', '', bundle);
        const all = (await fresh.send('GET', '/_sandbox/dump?type=Observation&format=json')).body as unknown as Body[];
        const kept = all.map(({ identifier }) => identifier[0].value as string).filter((value) => value.startsWith(`${name}-${n}-`));
        story.push(`${status} ${kept.map((value) => value.slice(-1)).join('')}`);
      }
      await fresh.sandbox.stop();
      return story;
    };
    const [first, again, other] = [await run('q', 5), await run('q', 5), await run('q', 6)];
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
    expect(first.filter((line) => line.startsWith('500')).length).toBeGreaterThan(2);
    expect(first).toContain('200 01234');
  });

  it('by order, once; a Bundle of one, or of members that all need each other, is saved whole', async () => {
    const order = () => running.send('POST', '/_sandbox/faults', { body: { match: { path: '/fhir-r4/v1' }, action: 'partial' } });
    await order();
    expect((await running.fhir('POST', '', bundleOf('R-1', 3))).status).toBe(500);
    expect((await running.fhir('POST', '', bundleOf('R-2', 3))).status).toBe(200);
    await order();
    expect((await running.fhir('POST', '', transactionOf([urn(), location('R-3')]))).status).toBe(200);
    await order();
    const [a, b] = [urn(), urn()];
    const circle = transactionOf(
      [a, { ...location('R-4'), partOf: { reference: b } }],
      [b, { ...location('R-5'), partOf: { reference: a } }],
    );
    expect((await running.fhir('POST', '', circle)).status).toBe(200);
  });
});
