import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type Body,
  encounter,
  location,
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
});
