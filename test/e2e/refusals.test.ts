import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { createEngine } from '../store/engines.ts';
import { type Answer, call, closeDistricts, createDistrict, type District, personOf, post, visitOf } from './district.ts';
import { sizes } from './integrity.ts';
import { createProcesses, type Running } from './processes.ts';

// Refused bodies one by one are in test/http; here is what a foreign key can reach, streams, and what a refusal leaves behind.

const PERSONS = 4;
const NIK = '9929014101800999';
const NAME = 'Rahasia Namanya';
const PHONE = '081299988877';

closeDistricts();

describe('a running service', () => {
  const engine = createEngine('sqlite');
  const processes = createProcesses();
  let district: District;
  let service: Running;
  let keys: Record<'first' | 'second' | 'writer' | 'reader' | 'other' | 'revoked', string>;
  /** Submissions of the first puskesmas, of which the second must not learn. */
  let foreign: { id: string; encounter: string; patient: string; resources: string[] };

  beforeAll(async () => {
    district = await createDistrict(engine, processes, { persons: PERSONS });
    service = await district.serve({ ILP_WORKER_ENABLED: 'false', ILP_LOG_LEVEL: 'debug' });
    await district.register(service.url);
    keys = {
      first: await district.client('first', { facilities: ['P1'], sourceSystems: ['simpus'] }),
      second: await district.client('second', { facilities: ['P2'], sourceSystems: ['simpus'] }),
      writer: await district.client('writer', { scopes: ['intake:write'] }),
      reader: await district.client('reader', { scopes: ['fhir:read'] }),
      other: await district.client('other', { sourceSystems: ['lain'] }),
      revoked: await district.client('revoked'),
    };
    const revoked = (await district.store.clients()).find(({ name }) => name === 'revoked');
    await district.store.revokeClient(revoked?.id as string, new Date().toISOString());
    const { body } = await post(service.url, district.key, 'encounters', visitOf(0, PERSONS, { facilityCode: 'P1' }));
    const story = await call(`${service.url}/api/v1/submissions/${body.receipts[0].id}`, district.key);
    foreign = {
      id: body.receipts[0].id,
      encounter: story.body.resources[0].reference,
      patient: story.body.patients[0].reference,
      resources: story.body.resources.map(({ reference }: { reference: string }) => reference.split('/')[1]),
    };
    expect(foreign.encounter).toMatch(/^Encounter\//);
    expect(foreign.resources.length).toBeGreaterThan(3);
  });

  const secret = (change: Record<string, unknown> = {}) =>
    visitOf(900, PERSONS, { person: { inline: { ...personOf(0), nik: NIK, name: NAME, phone: PHONE } }, ...change });
  const send = (
    key: string | undefined,
    body: NonNullable<RequestInit['body']>,
    headers: Record<string, string> = {},
    feed = 'encounters',
  ) => call(`${service.url}/api/v1/${feed}`, key, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body });
  const ndjson = (key: string, lines: readonly (string | object)[], headers: Record<string, string> = {}) =>
    send(key, lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join(''), {
      'content-type': 'application/x-ndjson',
      ...headers,
    });

  /** All tables but the audit, whose rows since then are returned. */
  async function leavesOnlyAudit(act: () => Promise<Answer>): Promise<{ answer: Answer; audits: Record<string, unknown>[] }> {
    const before = await sizes(district);
    const [last] = await district.rows('select coalesce(max(id), 0) as id from audit');
    const answer = await act();
    expect(await sizes(district)).toEqual(before);
    // Reads that were answered before may be written a moment later.
    const audits = await district.rows(`select * from audit where id > ${Number(last?.id)} and outcome = 'refused' order by id`);
    for (const text of [answer.text, JSON.stringify(audits), service.written()]) {
      for (const value of [NIK, NAME, PHONE]) expect(text).not.toContain(value);
    }
    return { answer, audits };
  }

  const bilingual = (text: { id?: string; en?: string } | undefined) => {
    expect(text?.id?.length).toBeGreaterThan(5);
    expect(text?.en?.length).toBeGreaterThan(5);
    expect(`${text?.id}${text?.en}`).not.toMatch(/\{\w+\}/);
  };

  it.each<[string, () => Promise<Answer>, number, string, string | undefined]>([
    ['a revoked key', () => send(keys.revoked, JSON.stringify(secret())), 401, 'unauthenticated', undefined],
    ['a key that may only read', () => send(keys.reader, JSON.stringify(secret())), 403, 'forbidden-scope', undefined],
    ['a foreign source system', () => send(keys.other, JSON.stringify(secret())), 403, 'forbidden-source-system', 'sourceSystem'],
    [
      'a foreign facility',
      () => send(keys.second, JSON.stringify(secret({ facilityCode: 'P1' }))),
      403,
      'forbidden-facility',
      'facilityCode',
    ],
    [
      'a unit of a foreign facility',
      () => send(keys.second, JSON.stringify(secret({ facilityCode: 'P1-PT' }))),
      403,
      'forbidden-facility',
      'facilityCode',
    ],
    [
      'a foreign facility among own ones: none is stored',
      () => send(keys.second, JSON.stringify([secret({ facilityCode: 'P2' }), secret({ facilityCode: 'P1', sourceId: 'K-x' })])),
      403,
      'forbidden-facility',
      'facilityCode',
    ],
    [
      'a person of a foreign facility',
      () =>
        send(keys.second, JSON.stringify({ ...personOf(0), nik: NIK, name: NAME, facilityCode: 'P1', sourceId: 'RM-x' }), {}, 'persons'),
      403,
      'forbidden-facility',
      'facilityCode',
    ],
    [
      'a facility under a foreign one',
      () =>
        send(
          keys.second,
          JSON.stringify({
            sourceSystem: 'simpus',
            kind: 'pustu',
            code: 'NEW',
            name: NAME,
            supervisorCode: 'P1',
            villageCode: '3329012002',
          }),
          {},
          'facilities',
        ),
      403,
      'forbidden-facility',
      undefined,
    ],
    ['gzip that is none', () => send(keys.first, JSON.stringify(secret()), { 'content-encoding': 'gzip' }), 400, 'encoding', undefined],
    [
      'gzip cut short',
      () => send(keys.first, gzipSync(JSON.stringify(secret())).subarray(0, -12), { 'content-encoding': 'gzip' }),
      400,
      'encoding',
      undefined,
    ],
  ])('writing with %s: a 4xx in two languages, nothing stored but an audit row', async (_name, act, status, code, field) => {
    const { answer, audits } = await leavesOnlyAudit(act);
    expect([answer.status, answer.body.error?.code]).toEqual([status, code]);
    bilingual(answer.body.error.text);
    if (field !== undefined) {
      expect(answer.body.error.issues[0].field).toContain(field);
      bilingual(answer.body.error.issues[0].text);
    }
    expect(audits).toEqual([expect.objectContaining({ outcome: 'refused', code, action: 'intake' })]);
  });

  it('lines of a stream that are not JSON, too deep or foreign are refused one by one', async () => {
    const deep = `{"person":{"nik":"${NIK}"},"a":${'['.repeat(10_000)}${']'.repeat(10_000)}}`;
    const before = await sizes(district);
    const lines = [
      `{"nik":"${NIK}",`,
      deep,
      secret({ facilityCode: 'P1', sourceId: 'K-s1' }),
      '[1]',
      '17',
      secret({ sourceSystem: 'lain', sourceId: 'K-s2' }),
    ];
    const { status, body, text } = await ndjson(keys.second, lines);
    expect([status, body.accepted, body.refused]).toEqual([422, 0, lines.length]);
    for (const receipt of body.receipts) {
      expect(receipt).toMatchObject({ state: 'failed', reason: 'refused' });
      bilingual(receipt.issues[0].text);
    }
    const codes = body.receipts.map((receipt: { issues: { code: string }[] }) => receipt.issues[0]?.code);
    expect(codes).toEqual([
      'json-syntax-record',
      'json-depth',
      'forbidden-facility',
      'json-syntax-record',
      'json-syntax-record',
      'forbidden-source-system',
    ]);
    for (const value of [NIK, NAME, PHONE]) expect(text + service.written()).not.toContain(value);
    // What cannot be read is kept as refused, so that its sender finds it; what is foreign is not.
    const after = await sizes(district);
    expect([after.resource, after.delivery]).toEqual([before.resource, before.delivery]);
    expect((after.encounters as number) - (before.encounters as number)).toBe(
      body.receipts.filter(({ id }: { id: string | null }) => id).length,
    );
    expect(body.receipts.map(({ id }: { id: string | null }) => id === null)).toEqual([false, false, true, false, false, true]);
  });

  it('a gzip bomb within a stream is one refused record, and nothing of its size is kept', async () => {
    const bomb = gzipSync(Buffer.concat([Buffer.alloc(128 * 1_048_576, 0x41), Buffer.from(`\n${JSON.stringify(visitOf(5, PERSONS))}\n`)]));
    const { status, body } = await send(district.key, bomb, { 'content-type': 'application/x-ndjson', 'content-encoding': 'gzip' });
    expect([status, body.accepted, body.refused]).toEqual([202, 1, 1]);
    bilingual(body.receipts[0].issues[0].text);
    const [largest] = await district.rows('select max(length(payload)) as n from submission_payload');
    expect(Number(largest?.n)).toBeLessThan(100_000);
  });

  it.each<[string, string, number, string]>([
    ['a revoked key', 'revoked', 401, 'unauthenticated'],
    ['a key that may only write', 'writer', 403, 'forbidden-scope'],
    ['a key for FHIR', 'reader', 403, 'forbidden-scope'],
  ])('reading submissions and deliveries with %s', async (_name, who, status, code) => {
    for (const where of ['submissions', `submissions/${foreign.id}`, 'deliveries']) {
      const { answer } = await leavesOnlyAudit(() => call(`${service.url}/api/v1/${where}`, keys[who as keyof typeof keys]));
      expect([answer.status, answer.body.error.code]).toEqual([status, code]);
      bilingual(answer.body.error.text);
      expect(answer.text).not.toContain(foreign.encounter);
    }
  });

  it('reading FHIR with no, a revoked or another key is an OperationOutcome', async () => {
    for (const [key, status] of [
      [undefined, 401],
      [keys.revoked, 401],
      [keys.writer, 403],
    ] as const) {
      for (const where of [foreign.encounter, 'Encounter', `Patient?identifier=${NIK}`, `${foreign.encounter}/_history/1`]) {
        const { answer } = await leavesOnlyAudit(() => call(`${service.url}/fhir/${where}`, key));
        expect([answer.status, answer.body.resourceType]).toEqual([status, 'OperationOutcome']);
        expect(answer.body.issue[0].severity).toBe('error');
        expect(answer.body.issue[0].diagnostics ?? answer.body.issue[0].details.text).toBeTruthy();
      }
    }
  });

  it('what belongs to a foreign facility is not there: not by id, not in the feed, not by search', async () => {
    const own = await call(`${service.url}/api/v1/submissions/${foreign.id}`, keys.first);
    expect(own.status).toBe(200);
    expect((await call(`${service.url}/fhir/${foreign.encounter}`, keys.first)).status).toBe(200);

    expect((await call(`${service.url}/api/v1/submissions/${foreign.id}`, keys.second)).status).toBe(404);
    const feed = await call(`${service.url}/api/v1/submissions?limit=1000`, keys.second);
    expect(feed.body.submissions.filter(({ facility }: { facility: string }) => facility === 'P1')).toEqual([]);
    expect((await call(`${service.url}/api/v1/submissions?facility=P1`, keys.second)).status).toBe(403);
    const deliveries = await call(`${service.url}/api/v1/deliveries?limit=1000`, keys.second);
    expect(deliveries.text).not.toContain(foreign.id);
    expect((await call(`${service.url}/api/v1/deliveries?owner=P1`, keys.second)).status).toBe(403);

    for (const where of [foreign.encounter, `${foreign.encounter}/_history/1`]) {
      const { answer } = await leavesOnlyAudit(() => call(`${service.url}/fhir/${where}`, keys.second));
      expect([answer.status, answer.body.resourceType]).toEqual([404, 'OperationOutcome']);
    }
    const id = foreign.encounter.split('/')[1] as string;
    for (const query of [
      'Encounter',
      `Encounter?_id=${id}`,
      `Encounter?subject=${foreign.patient}`,
      `Observation?encounter=${foreign.encounter}`,
      `Observation?subject=${foreign.patient}`,
      `Condition?subject=${foreign.patient}`,
    ]) {
      const { status, body } = await call(`${service.url}/fhir/${query}`, keys.second);
      expect(status, query).toBe(200);
      // The address of the search itself, in its link, holds what was asked for.
      for (const hidden of foreign.resources) expect(JSON.stringify(body.entry ?? []), query).not.toContain(hidden);
    }
  });

  it('nothing is changed through FHIR', async () => {
    for (const [method, where] of [
      ['POST', 'Patient'],
      ['PUT', foreign.encounter],
      ['PATCH', foreign.encounter],
      ['DELETE', foreign.encounter],
      ['POST', ''],
    ] as const) {
      const { answer } = await leavesOnlyAudit(() =>
        call(`${service.url}/fhir/${where}`, district.key, {
          method,
          headers: { 'content-type': 'application/fhir+json' },
          body: JSON.stringify({ resourceType: 'Patient', identifier: [{ value: NIK }], name: [{ text: NAME }] }),
        }),
      );
      expect(answer.status, `${method} ${where}`).toBeGreaterThanOrEqual(400);
      expect(answer.status, `${method} ${where}`).toBeLessThan(500);
      expect(answer.body.resourceType).toBe('OperationOutcome');
    }
  });

  it('a dry run with rights stores nothing, and without them answers nothing', async () => {
    const { answer } = await leavesOnlyAudit(() =>
      send(keys.second, JSON.stringify(secret({ facilityCode: 'P1' })), {}, 'encounters?dryRun=true'),
    );
    expect([answer.status, answer.body.error.code]).toEqual([403, 'forbidden-facility']);
  });

  it('serves on after all of that', async () => {
    expect((await call(`${service.url}/healthz`, undefined)).status).toBe(200);
    const { status, body } = await post(service.url, keys.first, 'encounters', visitOf(1, PERSONS, { facilityCode: 'P1-PT' }));
    expect([status, body.accepted]).toEqual([202, 1]);
  });
});
