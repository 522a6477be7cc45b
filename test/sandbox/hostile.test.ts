import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Body, encounter, observation, outcome, type Running, startForTest, visit } from './support.ts';

let running: Running;
let reference: string;
let place: string;
beforeAll(async () => {
  running = await startForTest({ maxBodyBytes: 1024 * 1024 });
  ({ encounter: reference, location: place } = await visit(running, 'H-0'));
});
afterAll(() => running.sandbox.stop());

const post = async (body: unknown, path = '/Observation') => {
  const answer = await running.fhir('POST', path, body);
  return { status: answer.status, body: answer.body };
};
const UNREADABLE = { status: 400, body: outcome('invalid', 'Failed to read request payload (RuleNumber: 20005)') };
const NOT_JSON = { status: 400, body: outcome('invalid', 'Invalid JSON Payload Format (RuleNumber: 20006)') };
const unmarshal = (expression?: string) => ({
  status: 400,
  body: outcome('invalid', 'Failed to unmarshal request payload (RuleNumber: 20008)', expression),
});

describe('payloads', () => {
  it('empty or not UTF-8 are 20005', async () => {
    expect(await post(undefined)).toEqual(UNREADABLE);
    expect(await post(' \n')).toEqual(UNREADABLE);
    expect(await post(new Uint8Array([0x7b, 0xff, 0xfe, 0x7d]))).toEqual(UNREADABLE);
  });

  it('broken are 20006', async () => {
    for (const body of ['{', '{"resourceType":"Observation",}', '<Observation/>', '\u0000', "{'a':1}"]) {
      expect(await post(body)).toEqual(NOT_JSON);
      expect(await post(body, '')).toEqual(NOT_JSON);
    }
  });

  it('that are no object, or nest absurdly, are 20008', async () => {
    const deep = `{"resourceType":"Observation","extension":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    for (const body of ['[]', 'null', '"x"', '1', deep]) {
      expect(await post(body)).toEqual(unmarshal());
      expect(await post(body, '')).toEqual(unmarshal());
    }
  });

  it('too large are 413', async () => {
    const answer = await post(JSON.stringify({ resourceType: 'Observation', note: 'x'.repeat(1024 * 1024) }));
    expect(answer).toEqual({ ...UNREADABLE, status: 413 });
  });

  it('with an element of another JSON type are 20008 at that element', async () => {
    const cases: ReadonlyArray<readonly [Body, string]> = [
      [{ status: 1 }, 'Observation.status'],
      [{ code: 'x' }, 'Observation.code'],
      [{ category: {} }, 'Observation.category'],
      [{ performer: ['Practitioner/1'] }, 'Observation.performer'],
      [{ subject: { reference: 1 } }, 'Observation.subject.reference'],
      [{ valueQuantity: { value: '12,5' } }, 'Observation.valueQuantity.value'],
      [{ code: { coding: 'x' } }, 'Observation.code.coding'],
    ];
    for (const [more, expression] of cases) expect(await post(observation(reference, more))).toEqual(unmarshal(expression));
    expect(await post({ status: 'final' })).toEqual(unmarshal('Observation.resourceType'));
    expect(await post(encounter('H-1', place))).toMatchObject({
      status: 400,
      body: { issue: [{ details: { text: 'resource_mismatch' } }] },
    });
  });

  it('of any form never make it fail', async () => {
    const values: unknown[] = [
      null,
      0,
      -1e308,
      true,
      '',
      'x',
      [],
      {},
      [[]],
      [null],
      { reference: null },
      { coding: [null] },
      { coding: {} },
    ];
    for (const path of ['/Observation', '/Encounter', '/EpisodeOfCare', '/Composition', '/MedicationRequest', '/QuestionnaireResponse']) {
      const type = path.slice(1);
      for (const value of values) {
        for (const name of [
          'identifier',
          'status',
          'period',
          'statusHistory',
          'type',
          'patient',
          'code',
          'extension',
          'meta',
          'constructor',
        ]) {
          const single = await post({ resourceType: type, [name]: value }, path);
          expect(single.status, `${type}.${name}`).toBeLessThan(500);
        }
      }
    }
  });

  it('of any form never make a transaction fail', async () => {
    const values: unknown[] = [null, 0, 'x', [], {}, [[]], { resourceType: 'Observation' }, { resourceType: ['Observation'] }];
    for (const value of values) {
      for (const bundle of [
        { resourceType: 'Bundle', type: 'transaction', entry: value },
        { resourceType: 'Bundle', type: 'transaction', entry: [value] },
        { resourceType: 'Bundle', type: 'transaction', entry: [{ resource: value, fullUrl: value, request: value }] },
        { resourceType: 'Bundle', type: value },
      ]) {
        expect((await post(bundle, '')).status).toBeLessThan(500);
      }
    }
  });

  it('keep a key named __proto__ as data', async () => {
    const answer = await running.fhir('POST', '/Observation', `{"__proto__":{"status":"final"},"resourceType":"Observation"}`);
    expect(answer.status).toBe(400);
    expect(answer.text).toContain('Observation.status');
  });
});

describe('addresses', () => {
  it('that do not exist are 404 with an empty body, after the token', async () => {
    for (const [method, path] of [
      ['GET', '/fhir-r4/v1/Nonsense'],
      ['GET', '/fhir-r4/v1/Encounter/1/_history/1'],
      ['DELETE', '/fhir-r4/v1/Encounter/1'],
      ['GET', '/fhir-r4/v1'],
      ['POST', '/fhir-r4/v1/Encounter/1'],
      ['GET', '/fhir-r4/v1/constructor'],
      ['GET', '/fhir-r4/v1/__proto__/1'],
    ] as const) {
      const answer = await running.fhir(method, path.slice('/fhir-r4/v1'.length));
      expect({ path, status: answer.status, text: answer.text }).toEqual({ path, status: 404, text: '' });
    }
    for (const path of ['/', '/fhir-r4/v2/Encounter', '/oauth2/v1/token', '//', '/%', '/fhir-r4/v1x']) {
      const answer = await running.send('GET', path);
      expect({ path, status: answer.status, text: answer.text }).toEqual({ path, status: 404, text: '' });
    }
  });

  it('with strange queries never make it fail', async () => {
    for (const query of [
      'identifier=%7C',
      'identifier=a%7C',
      '_count=-1',
      '_page_token=%00',
      '_include=x',
      '_revinclude=::',
      'date=',
      '%',
    ]) {
      for (const type of ['Encounter', 'Patient', 'Practitioner', 'Location', 'EpisodeOfCare']) {
        const { status } = await running.fhir('GET', `/${type}?${query}`);
        expect(status, `${type}?${query}`).toBeLessThan(500);
      }
    }
  });
});

describe('connections', () => {
  const raw = (text: string, after: (socket: Socket) => void): Promise<string> =>
    new Promise((resolve) => {
      const { hostname, port } = new URL(running.url);
      const socket = connect(Number(port), hostname, () => socket.write(text, () => after(socket)));
      let got = '';
      socket.on('data', (chunk) => {
        got += chunk;
      });
      socket.on('error', () => {});
      socket.on('close', () => resolve(got));
    });
  const total = async () => (await running.send('GET', '/_sandbox/counts')).body.requests.total as number;

  it('that end in the middle of a request leave nothing behind', async () => {
    const before = await total();
    const head = 'POST /fhir-r4/v1/Observation HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{"resourceType":';
    expect(await raw(head, (socket) => socket.destroy())).toBe('');
    expect(await raw(head, (socket) => socket.end())).not.toContain('201');
    expect(await raw('NONSENSE\r\n\r\n', () => {})).toMatch(/^HTTP\/1\.1 400/);
    expect(await total()).toBe(before);
  });

  it('through a proxy name the whole URL, and strange hosts do not come back in links', async () => {
    const token = await running.token();
    const get = (target: string, host: string) =>
      raw(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`, () => {});
    expect(await get('http://api.example/fhir-r4/v1/Encounter?identifier=a%7Cb', 'api.example')).toContain(
      'http://api.example/fhir-r4/v1/Encounter/?',
    );
    const strange = await get('/fhir-r4/v1/Encounter?identifier=a%7Cb', 'x"><script>');
    expect(strange).toMatch(/^HTTP\/1\.1 200/);
    expect(strange).not.toContain('<script>');
  });
});

describe('the simulator’s own pages', () => {
  it('never fail, whatever is sent to them', async () => {
    const bodies = [
      undefined,
      '{',
      '[]',
      'null',
      '"x"',
      '7',
      '{"match":7}',
      '{"__proto__":{"a":1}}',
      '{"offsetMs":1e400}',
      '{"now":"never"}',
      '{"faults":null}',
    ];
    for (const [method, path] of [
      ['PUT', '/settings'],
      ['POST', '/faults'],
      ['PUT', '/clock'],
      ['POST', '/clock'],
      ['PUT', '/clients/x'],
      ['PUT', '/clients/%'],
      ['PUT', '/clients/__proto__'],
      ['DELETE', '/clients/%00'],
      ['GET', '/requests?limit=x&status=%25&rule=__proto__'],
      ['GET', '/dump?type=__proto__'],
      ['GET', '/constructor'],
      ['PATCH', '/settings'],
    ] as const) {
      for (const body of bodies) {
        if (method === 'GET' && body !== undefined) continue;
        const { status } = await running.send(method, `/_sandbox${path}`, { body });
        expect(status, `${method} ${path} ${body}`).toBeLessThan(500);
      }
    }
    expect((await running.send('GET', '/_sandbox/settings')).body.clockOffsetMs).toBe(0);
  });
});
