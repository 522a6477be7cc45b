import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEngine } from '../store/engines.ts';
import { type Answer, call, closeDistricts, createDistrict, type District, feedOf, personOf, SECRET, until, visitOf } from './district.ts';
import { createProcesses, type Running } from './processes.ts';

/** Every text that must stay inside: what a patient, a health worker or a credential is known by. */
const MARKS = {
  nik: '9929014102777001',
  unknownNik: '9929014102777002',
  badNik: '99290141027770',
  scientificNik: '9,9290141E+15',
  name: 'Kenariwati Burungsari',
  phone: '081277700177',
  address: 'Gang Kenari 177',
  card: '0007770001777',
  complaint: 'keluhan burung kenari',
  code: 'KENARI-ICD',
  token: 'kenari-token-0123456789abcdef',
  secret: SECRET,
  echoed: 'kenari-echo-dari-platform',
} as const;
const PERSONS = 12;
/** Ways in which the platform answers. */
const KINDS = ['passed', 'person', 'refusal', 'fault', 'html', 'garbled', 'cut', '401'] as const;

const marked = (index: number): Record<string, unknown> => ({
  ...personOf(index),
  name: index === 0 ? MARKS.name : `${MARKS.name} ${index}`,
  phone: MARKS.phone,
  noJkn: MARKS.card,
  address: { line: MARKS.address, rt: '001', rw: '002', villageCode: '3329012001' },
  ...(index === 0 && { nik: MARKS.nik, birthDate: '1980-02-01', sex: 'female' }),
});

closeDistricts();

describe('no value of a patient and no secret', () => {
  const engine = createEngine('sqlite');
  const processes = createProcesses();
  const platform = createHostilePlatform();
  let district: District;
  let service: Running;
  let key: string;
  /** Texts of answers to requests that were refused as a whole, and of receipts. */
  const answers: string[] = [];
  let logs: string;
  let metrics: string;

  beforeAll(async () => {
    district = await createDistrict(engine, processes, { persons: PERSONS, person: marked, platformUrl: platform.start });
    service = await district.serve({ ILP_LOG_LEVEL: 'debug', ILP_PLATFORM_TIMEOUT_MS: '2000' });
    key = district.key;
    await district.register(service.url);

    const inline = { ...marked(0), nik: MARKS.unknownNik, sourceId: undefined };
    const visit = (index: number, change: Record<string, unknown> = {}) =>
      visitOf(index, PERSONS, { complaint: `${MARKS.complaint} ${index}`, ...change });
    const good = Array.from({ length: 24 }, (_, index) => visit(index));
    const faulty = [
      visit(100, { person: { inline: { ...inline, nik: MARKS.badNik } } }),
      visit(101, { person: { nik: MARKS.scientificNik } }),
      visit(102, { person: { nik: MARKS.unknownNik } }),
      visit(103, { diagnoses: [{ code: MARKS.code, rank: 1 }] }),
      visit(104, { vitals: MARKS.name, start: MARKS.phone }),
      visit(105, { cluster: MARKS.name, poli: MARKS.name }),
      visit(106, { facilityCode: MARKS.nik }),
      visit(107, { end: '2020-01-01T00:00:00Z', complaint: MARKS.name }),
      visit(108, { visitType: MARKS.name, disposition: MARKS.address }),
      visit(109, { referrals: [{ kind: MARKS.name, to: MARKS.address }], immunizations: [{ vaccine: MARKS.code, dose: MARKS.name }] }),
      visit(110, { services: [{ form: MARKS.name, answers: { merokok: MARKS.name, [`x${MARKS.phone}`]: 1 } }] }),
      visit(111, { laboratory: { hb: MARKS.name }, pregnancy: { lmp: MARKS.name } }),
      // Lists by NIK or name where fields are expected.
      visit(114, { [MARKS.nik]: { name: MARKS.name }, [MARKS.name]: 1, person: { inline: { ...inline, [MARKS.phone]: 1 } } }),
      visit(115, { vitals: { [MARKS.nik]: 120, [MARKS.name]: 'x' } }),
      { [MARKS.nik]: { [MARKS.name]: MARKS.phone } },
      // Unknown to the platform, so on hold there.
      visit(112, { person: { inline } }),
    ];
    const text = JSON.stringify(visit(113, { person: { inline } }));
    const keep = async (work: Promise<Answer>) => {
      const answer = await work;
      answers.push(answer.text);
      return answer;
    };
    const send = (body: string | Buffer, headers: Record<string, string> = {}, feed = 'encounters', as = key) =>
      keep(
        call(`${service.url}/api/v1/${feed}`, as, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...headers },
          body: typeof body === 'string' ? body : Uint8Array.from(body),
        }),
      );
    const ndjson = { 'content-type': 'application/x-ndjson' };
    expect((await send(good.map((record) => JSON.stringify(record)).join('\n'), ndjson)).body.accepted).toBe(good.length);
    const refused = await send(faulty.map((record) => JSON.stringify(record)).join('\n'), ndjson);
    expect(refused.body.refused).toBeGreaterThanOrEqual(8);
    await send(text.slice(0, -5));
    await send(`{"nik":"${MARKS.nik}","name":${MARKS.name}}`);
    await send([text.slice(0, 80), `{"name": ${MARKS.name}}`, text].join('\n'), ndjson);
    await send(Buffer.concat([Buffer.from(text), Buffer.from([0xff, 0xfe])]));
    await send(`[1, "${MARKS.name}"]`);
    await send(text, { 'content-type': `text/${MARKS.secret}` });
    await send(text, {}, `encounters?dryRun=${MARKS.nik}`);
    await send(text, {}, MARKS.nik);
    await send(text, {}, 'encounters', `${MARKS.token}`);
    await send(JSON.stringify({ ...marked(0), birthDate: MARKS.name, facilityCode: 'P9', sex: MARKS.name }), {}, 'persons');
    await send(JSON.stringify({ nik: MARKS.badNik, name: MARKS.name, sourceSystem: 'simpus', sourceId: 'NK-9' }), {}, 'practitioners');
    await send(`kind,code,name\n${MARKS.name},"${MARKS.nik},x\n`, { 'content-type': 'text/csv' }, 'facilities');
    for (const where of [
      `/fhir/Patient?identifier=${MARKS.nik}`,
      `/fhir/Patient?name=${encodeURIComponent(MARKS.name)}&unknown=${MARKS.phone}`,
      `/fhir/Observation?date=${encodeURIComponent(MARKS.name)}`,
      `/fhir/Nothing/${MARKS.nik}`,
      `/fhir/Patient/${MARKS.nik}`,
      `/api/v1/submissions?facility=${MARKS.nik}&state=${encodeURIComponent(MARKS.name)}`,
      `/api/v1/submissions/${MARKS.nik}`,
      `/api/v1/submissions?after=${MARKS.nik}x`,
      `/${MARKS.nik}/%E0%A4%A`,
    ]) {
      const answer = await call(`${service.url}${where}`, key, { headers: { 'x-request-id': MARKS.nik } });
      // A search that found the patient shows the patient; everything else is an error.
      if (answer.status >= 400) answers.push(answer.text);
    }

    await until(
      async () => platform.told(),
      (told) => KINDS.every((kind) => told.includes(kind)),
    );
    metrics = (await call(`${service.url}/metrics`, undefined)).text;
    // What is on its way gets its outcome written, and nothing new is begun.
    await service.stop();
    logs = service.written();
    service = await district.serve({ ILP_LOG_LEVEL: 'debug', ILP_WORKER_ENABLED: 'false' });
    for (const { id } of (await feedOf(service.url, key)).values()) {
      answers.push((await call(`${service.url}/api/v1/submissions/${id}`, key)).text);
    }
    answers.push((await call(`${service.url}/api/v1/deliveries?limit=1000`, key)).text);
    metrics += (await call(`${service.url}/metrics`, undefined)).text;
    await service.stop();
    logs += service.written();
  }, 60_000);
  afterAll(platform.stop);

  const expectNone = (text: string, where: string) => {
    for (const [kind, mark] of Object.entries(MARKS)) {
      // The mark itself is not shown by the failure either.
      expect(text.toLowerCase().includes(mark.toLowerCase()), `${kind} in ${where}`).toBe(false);
    }
    expect(text.includes(key), `API key in ${where}`).toBe(false);
    expect(/Kenari/i.test(text), `a piece of a mark in ${where}: ${/.{40}kenari.{40}/is.exec(text)?.[0] ?? ''}`).toBe(false);
  };

  it('the platform was as hostile as intended', () => {
    expect(platform.told()).toEqual(expect.arrayContaining([...KINDS]));
    expect(logs).toContain('http.request');
    // A key written twice hides one of its values from whoever reads the log by machine.
    for (const line of logs.split('\n')) expect(line.match(/"status":/g)?.length ?? 0).toBeLessThan(2);
    expect(logs).toContain('delivery.settled');
  });

  it('and the marks were where they belong', async () => {
    const kept = JSON.stringify(
      await district.rows('select payload as text from submission_payload union all select content from resource_history'),
    );
    for (const mark of [MARKS.nik, MARKS.name, MARKS.phone, MARKS.address, MARKS.card, MARKS.complaint]) expect(kept).toContain(mark);
  });

  it('is in a log line', () => expectNone(logs, 'logs'));

  it('is in the metrics', () => {
    expect(metrics).toMatch(/ilp_delivery_outcomes_total\{kind="encounter",state="[a-z-]+",reason="[^"]+"\} [1-9]/);
    expectNone(metrics, 'metrics');
  });

  it('is in an error, a receipt, a story or a delivery', () => {
    expect(answers.length).toBeGreaterThan(50);
    for (const [index, answer] of answers.entries()) expectNone(answer, `answer ${index}: ${answer.slice(0, 120)}`);
  });

  it('is in a table of the operation of the service', async () => {
    for (const table of ['audit', 'delivery', 'job_run', 'identity', 'platform_id', 'lease', 'setting', 'client', 'credential']) {
      expectNone(JSON.stringify(await district.rows(`select * from ${table}`)), table);
    }
    expectNone(
      JSON.stringify(await district.rows('select id, issues, unused, story, reason, fingerprint, content_hash from submission')),
      'submission',
    );
    expect((await district.rows("select count(*) as n from audit where outcome = 'refused'"))[0]?.n).toBeGreaterThan(5);
    expect((await district.rows("select count(*) as n from delivery where issues <> '[]'"))[0]?.n).toBeGreaterThan(0);
  });

  it('is in a file name, or in a file beside the database', () => {
    const folder = path.dirname(district.database);
    for (const name of readdirSync(folder)) {
      expectNone(name, 'a file name');
      if (!name.includes('.sqlite')) expectNone(readFileSync(path.join(folder, name), 'utf8'), name);
    }
  });
});

/**
 * Stands before the sandbox. Gives tokens that can be recognised, and answers some requests in the ways in which a platform has been
 * seen to fail, with everything it was told in the answer.
 */
function createHostilePlatform() {
  const told: string[] = [];
  let server: Server;
  let upstream: string;
  let real = '';
  let visits = 0;
  let people = 0;

  const answer = async (
    request: IncomingMessage,
    body: string,
  ): Promise<{ kind: string; status: number; type: string; body: string } | 'cut'> => {
    const url = request.url ?? '';
    const json = 'application/json';
    const echo = `${MARKS.echoed} ${decodeURIComponent(url)} ${request.headers.authorization} ${body}`;
    if (url.includes('accesstoken')) {
      const reply = await fetch(`${upstream}${url}`, {
        method: 'POST',
        headers: { 'content-type': request.headers['content-type'] ?? '' },
        body,
      });
      const text = await reply.text();
      real = (JSON.parse(text) as { access_token?: string }).access_token ?? real;
      return { kind: 'token', status: reply.status, type: json, body: text.replaceAll(real, MARKS.token) };
    }
    const outcome = JSON.stringify({
      resourceType: 'OperationOutcome',
      issue: [
        { severity: 'error', code: 'value', details: { text: `${echo} (RuleNumber: 10177)` }, diagnostics: echo, expression: [MARKS.name] },
      ],
    });
    if (request.method === 'POST' && /fhir-r4\/v1\/?$/.test(url)) {
      visits += 1;
      if (visits === 2) return { kind: 'refusal', status: 400, type: json, body: outcome };
      if (visits === 3)
        return { kind: 'fault', status: 422, type: json, body: JSON.stringify({ fault: { faultstring: echo, detail: MARKS.name } }) };
      if (visits === 4) return { kind: 'html', status: 502, type: 'text/html', body: `<html>${echo}</html>` };
      if (visits === 6) return { kind: 'garbled', status: 200, type: json, body: `{"resourceType":"Bundle","entry":["${echo}` };
      if (visits === 8) return 'cut';
      // The last: nothing more is sent for a minute then.
      if (visits > 9)
        return { kind: '401', status: 401, type: json, body: JSON.stringify({ error: echo, error_description: MARKS.token }) };
    }
    if (request.method === 'GET' && url.includes('/Patient')) {
      people += 1;
      if (people === 2) return { kind: 'person', status: 400, type: json, body: outcome };
      if (people === 4) return { kind: 'person', status: 200, type: json, body: `{"resourceType":"Bundle","entry":"${MARKS.name}"` };
    }
    const reply = await fetch(`${upstream}${url}`, {
      method: request.method ?? 'GET',
      headers: {
        'content-type': request.headers['content-type'] ?? json,
        authorization: (request.headers.authorization ?? '').replace(MARKS.token, real),
      },
      ...(body !== '' && { body }),
    });
    return { kind: 'passed', status: reply.status, type: json, body: await reply.text() };
  };

  return {
    async start(sandboxUrl: string): Promise<string> {
      upstream = sandboxUrl;
      server = createServer(async (request, response) => {
        const chunks: Buffer[] = [];
        for await (const chunk of request) chunks.push(chunk as Buffer);
        const reply = await answer(request, Buffer.concat(chunks).toString('utf8'));
        told.push(reply === 'cut' ? reply : reply.kind);
        if (reply === 'cut') request.socket.destroy();
        else response.writeHead(reply.status, { 'content-type': reply.type, 'x-detail': encodeURIComponent(MARKS.echoed) }).end(reply.body);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    },
    stop: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
    told: () => [...new Set(told)],
  };
}
