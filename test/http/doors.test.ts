import { gzipSync } from 'node:zlib';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MOTHER, type Running, register, runService, visit } from './running-service.ts';

let running: Running;
let key: string;

beforeAll(async () => {
  running = await runService();
  key = await running.client('dinas');
  await register(running, key);
});
afterAll(() => running.stop());

async function stream(body: Uint8Array, headers: Record<string, string> = {}) {
  const response = await fetch(`${running.url}/api/v1/encounters`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/x-ndjson', ...headers },
    body,
  });
  return {
    status: response.status,
    body: (await response.json()) as { receipts: { sourceId: string; state: string }[]; accepted: number; refused: number },
  };
}

const lines = (count: number, prefix: string): string =>
  Array.from({ length: count }, (_, index) => JSON.stringify(visit(`${prefix}-${index}`))).join('\n');

describe('streams', () => {
  it('a fault in the middle: the receipts before it stand, the answer names it, and an audit row is left', async () => {
    const zipped = gzipSync(lines(250, 'F'), { level: 0 });
    const broken = Buffer.concat([zipped.subarray(0, zipped.length - 2_000), Buffer.alloc(1_000, 7)]);
    const { status, body } = await stream(broken, { 'content-encoding': 'gzip' });
    expect([status, (body as unknown as { error: { code: string } }).error.code]).toEqual([202, 'encoding']);
    expect(body.receipts.length).toBeGreaterThan(0);
    const audits = await running.service.store.audits({ limit: 20 });
    expect(audits).toContainEqual(expect.objectContaining({ target: 'encounters', outcome: 'refused', code: 'encoding', client: 'dinas' }));
  });

  it('NDJSON gives one receipt per line in order, a bad line beside its neighbours', async () => {
    const body = Buffer.from(`${lines(250, 'S')}\n{"broken":\n${JSON.stringify(visit('S-last'))}`);
    const { status, body: answer } = await stream(body);
    expect([status, answer.accepted, answer.refused]).toEqual([202, 251, 1]);
    expect(answer.receipts.map(({ sourceId }) => sourceId)).toEqual([
      ...Array.from({ length: 250 }, (_, index) => `S-${index}`),
      null,
      'S-last',
    ]);
  });

  it('gzip is undone', async () => {
    const { status, body } = await stream(gzipSync(lines(3, 'G')), { 'content-encoding': 'gzip' });
    expect([status, body.accepted]).toEqual([202, 3]);
  });

  it('gzip that breaks off keeps what came before it, and says so', async () => {
    const whole = gzipSync(lines(400, 'H'));
    const { body } = await stream(whole.subarray(0, whole.length - 20), { 'content-encoding': 'gzip' });
    const { error } = body as unknown as { error: { code: string } };
    expect(error.code).toBe('encoding');
    const stored = (await running.get('/api/v1/submissions?limit=1000&after=0', key)).body.submissions;
    const kept = stored.filter(({ sourceId }: { sourceId: string }) => sourceId.startsWith('H-'));
    expect(body.receipts?.length ?? 0).toBe(kept.length);
  });

  it('only bad lines: 422 with the same body', async () => {
    const { status, body } = await stream(Buffer.from('{"a":\n{"b":\n'));
    expect([status, body.refused, body.receipts.length]).toEqual([422, 2, 2]);
  });

  it('CSV of facilities, with semicolons', async () => {
    const response = await fetch(`${running.url}/api/v1/facilities`, {
      method: 'POST',
      headers: { 'x-api-key': await running.client('csv', { sourceSystems: ['dinas'] }), 'content-type': 'text/csv; charset=utf-8' },
      body: 'kind;code;name;supervisor_code\nposyandu;P1-C1;Posyandu C1;P1\nposyandu;P1-C2;Posyandu C2;P1-C1\n',
    });
    expect([response.status, await response.json()]).toMatchObject([
      202,
      { accepted: 2, receipts: [{ sourceId: 'P1-C1' }, { sourceId: 'P1-C2' }] },
    ]);
  });

  it('singles that arrive together share commits, and each gets its own receipt', async () => {
    const answers = await Promise.all(Array.from({ length: 64 }, (_, index) => running.post('encounters', visit(`C-${index}`), key)));
    expect(answers.map(({ body }) => body.receipts[0].sourceId)).toEqual(Array.from({ length: 64 }, (_, index) => `C-${index}`));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
  });
});

describe('following', () => {
  it('the feed gives every change once by cursor, and only what the client may see', async () => {
    const seen: number[] = [];
    for (let after = 0; ; ) {
      const { body } = await running.get(`/api/v1/submissions?limit=37&after=${after}`, key);
      if (body.submissions.length === 0) break;
      seen.push(...body.submissions.map(({ seq }: { seq: number }) => seq));
      after = body.next;
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect([...seen].sort((a, b) => a - b)).toEqual(seen);
    const other = await running.client('other', { facilities: ['P2'] });
    const theirs = (await running.get('/api/v1/submissions?limit=1000&feed=encounters', other)).body.submissions;
    expect(theirs).toEqual([]);
    expect((await running.get('/api/v1/submissions?facility=P1', other)).status).toBe(403);
    const { id } = (await running.post('encounters', visit('F-1'), key)).body.receipts[0];
    expect((await running.get(`/api/v1/submissions/${id}`, other)).status).toBe(404);
    expect((await running.get('/api/v1/deliveries', other)).body.deliveries).toEqual([]);
    expect((await running.get('/api/v1/deliveries?state=ready&limit=5', key)).body.deliveries).toHaveLength(5);
  });

  it.each(['limit=0', 'limit=x', 'state=done', 'reason=because', 'after=-1', 'feed=visits', 'state=ready&state=failed'])(
    'a wrong %s is named',
    async (query) => {
      const { status, body } = await running.get(`/api/v1/submissions?${query}`, key);
      expect([status, body.error.code]).toEqual([400, 'parameter']);
    },
  );

  it('FHIR shows what was taken in, within the rights of the key', async () => {
    const own = await running.get('/fhir/Encounter?_count=1', key);
    expect([own.status, own.body.resourceType, own.body.entry.length]).toEqual([200, 'Bundle', 1]);
    const other = await running.client('fhir-other', { facilities: ['P2'] });
    expect((await running.get('/fhir/Encounter?_count=1', other)).body.entry ?? []).toEqual([]);
    expect((await running.get('/fhir/metadata')).body.resourceType).toBe('CapabilityStatement');
  });
});

describe('operations', () => {
  it('health, readiness and metrics need no key and name no one', async () => {
    expect((await running.get('/healthz')).body.status).toBe('ok');
    expect((await running.get('/readyz')).body.status).toBe('ready');
    const { body } = await running.get('/metrics');
    expect(body).toContain('ilp_receipts_total{feed="encounters",state="ready",reason="none"}');
    expect(body).toContain('ilp_deliveries{kind="encounter",state="ready",reason="none"}');
    expect(body).toMatch(/ilp_http_request_seconds_count\{method="GET",route="\/api\/v1\/submissions\/:id",status="404"\} 1/);
    expect(body).not.toMatch(/(?<![.\d])\d{16}|Ayu|P1-PY/);
    expect(body).not.toContain(MOTHER);
  });

  it('OpenAPI 3.1 holds the contracts, and they judge as the door does', async () => {
    const { body } = await running.get('/api/openapi.json');
    expect(body.openapi).toBe('3.1.0');
    const ajv = new Ajv2020({ strict: false });
    addFormats.default(ajv);
    const check = ajv.compile(body.components.schemas.Encounters2);
    expect(check(visit('O-1'))).toBe(true);
    expect(check(visit('O-1', { cluster: 'K9' }))).toBe(false);
    for (const path of Object.keys(body.paths)) {
      const { status } = await fetch(`${running.url}${path.replace('{id}', '0'.repeat(36))}`, {
        method: 'PUT',
        headers: { authorization: `Bearer ${key}` },
      });
      expect([path, status]).toEqual([path, 405]);
    }
  });
});

describe('production', () => {
  it('refuses sample people, wherever they stand', async () => {
    const service = await runService({ ILP_ENVIRONMENT: 'production', ILP_SECRET_KEY: 'ab'.repeat(32) });
    try {
      const dinas = await service.client('dinas');
      const person = {
        sourceSystem: 's',
        sourceId: '1',
        nik: MOTHER,
        name: 'X',
        birthDate: '1998-02-28',
        sex: 'female',
        facilityCode: 'P1',
      };
      const { status, body } = await service.post('persons', person, dinas);
      expect(status).toBe(422);
      expect(body.receipts[0].issues).toContainEqual(expect.objectContaining({ code: 'generated-person', field: 'nik' }));
    } finally {
      await service.stop();
    }
  });
});
