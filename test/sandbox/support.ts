import { createSandbox, type Sandbox, type SandboxOptions } from '../../src/sandbox/server.ts';
import { platformSid, SYSTEMS } from '../../src/terminology/systems.ts';

export const ORG = '10000004';
export const OTHER_ORG = '10000005';

/** 2026-08-12T03:00:00Z, the platform's time in every test. */
export const NOW = Date.parse('2026-08-12T03:00:00Z');

export const CLIENTS = [
  { clientId: 'client-a', clientSecret: 'secret-a', organizationId: ORG },
  { clientId: 'client-b', clientSecret: 'secret-b', organizationId: OTHER_ORG },
];

/** Invented people; NIKs begin with 99, which is no province. */
export const PEOPLE = {
  patients: [
    { nik: '9900000000000001', name: 'Sari Anjani Rizki', gender: 'female', birthDate: '2001-04-16', ihsNumber: 'P00000000001' },
    { nikIbu: '9900000000000001', birthOrder: 1, name: 'By. Ny. Sari', gender: 'male', birthDate: '2026-05-09', ihsNumber: 'P00000000002' },
    {
      nikIbu: '9900000000000001',
      birthOrder: 2,
      name: 'By. Ny. Sari',
      gender: 'female',
      birthDate: '2026-05-09',
      ihsNumber: 'P00000000003',
    },
  ],
  practitioners: [{ nik: '9900000000000009', name: 'dr. Contoh', gender: 'male', birthDate: '1994-01-01', ihsNumber: '10000000001' }],
};

export const PATIENT = 'Patient/P00000000001';
export const PRACTITIONER = 'Practitioner/10000000001';

// biome-ignore lint/suspicious/noExplicitAny: answers are read freely in tests
export type Body = Record<string, any>;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Body;
}

export interface Running {
  readonly sandbox: Sandbox;
  readonly url: string;
  /** Time of the platform, to be moved by tests. */
  readonly time: { now: number };
  token(clientId?: string, secret?: string): Promise<string>;
  /** Any request on the server; `body` is sent as JSON unless it is text or bytes. */
  send(method: string, path: string, options?: { token?: string | null; body?: unknown; type?: string }): Promise<Answer>;
  /** A request below the FHIR base with a token of client-a. */
  fhir(method: string, path: string, body?: unknown): Promise<Answer>;
  /** PATCH below the FHIR base with a token of client-a; the type is JSON Patch's unless another is given. */
  patch(path: string, operations: unknown, type?: string): Promise<Answer>;
}

export async function startForTest(options: SandboxOptions = {}): Promise<Running> {
  const time = { now: NOW };
  const sandbox = createSandbox({ people: PEOPLE, clients: CLIENTS, now: () => time.now, ...options });
  const url = await sandbox.start(0);
  let cached: string | undefined;

  const send: Running['send'] = async (method, path, { token = null, body, type = 'application/json' } = {}) => {
    const raw = body === undefined || typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { 'content-type': type, ...(token !== null && { authorization: `Bearer ${token}` }) },
      ...(raw !== undefined && { body: raw as string }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: parse(text) };
  };
  const token: Running['token'] = async (clientId = 'client-a', secret = 'secret-a') =>
    (await requestToken({ send } as Running, clientId, secret)).body.access_token as string;
  return {
    sandbox,
    url,
    time,
    send,
    token,
    async fhir(method, path, body) {
      cached ??= await token();
      return send(method, `/fhir-r4/v1${path}`, { token: cached, body });
    },
    async patch(path, operations, type = 'application/json-patch+json') {
      cached ??= await token();
      return send('PATCH', `/fhir-r4/v1${path}`, { token: cached, body: operations, type });
    },
  };
}

function parse(text: string): Body {
  try {
    return JSON.parse(text) as Body;
  } catch {
    return {};
  }
}

export const requestToken = (running: Pick<Running, 'send'>, clientId: string, secret: string): Promise<Answer> =>
  running.send('POST', '/oauth2/v1/accesstoken?grant_type=client_credentials', {
    body: new URLSearchParams({ client_id: clientId, client_secret: secret }).toString(),
    type: 'application/x-www-form-urlencoded',
  });

export const organization = (value: string, partOf = ORG): Body => ({
  resourceType: 'Organization',
  active: true,
  identifier: [{ use: 'official', system: platformSid('organization', ORG), value }],
  type: [{ coding: [{ system: SYSTEMS.organizationType, code: 'team' }] }],
  name: `Posyandu ${value}`,
  partOf: { reference: `Organization/${partOf}` },
});

export const location = (value: string, managing = ORG): Body => ({
  resourceType: 'Location',
  identifier: [{ system: platformSid('location', ORG), value }],
  status: 'active',
  mode: 'instance',
  name: `Ruang ${value}`,
  physicalType: { coding: [{ system: SYSTEMS.locationPhysicalType, code: 'ro' }] },
  managingOrganization: { reference: `Organization/${managing}` },
});

export const encounter = (value: string, locationId: string, more: Body = {}): Body => ({
  resourceType: 'Encounter',
  identifier: [{ system: platformSid('encounter', ORG), value }],
  status: 'in-progress',
  class: { system: SYSTEMS.actCode, code: 'AMB', display: 'ambulatory' },
  subject: { reference: PATIENT },
  participant: [{ type: [{ coding: [{ system: SYSTEMS.participationType, code: 'ATND' }] }], individual: { reference: PRACTITIONER } }],
  period: { start: '2026-08-12T01:00:00+00:00' },
  location: [{ location: { reference: `Location/${locationId}` } }],
  statusHistory: [{ status: 'in-progress', period: { start: '2026-08-12T01:00:00+00:00' } }],
  serviceProvider: { reference: `Organization/${ORG}` },
  ...more,
});

export const observation = (encounterReference: string, more: Body = {}): Body => ({
  resourceType: 'Observation',
  status: 'final',
  category: [{ coding: [{ system: SYSTEMS.observationCategory, code: 'vital-signs' }] }],
  code: { coding: [{ system: SYSTEMS.loinc, code: '29463-7' }] },
  subject: { reference: PATIENT },
  encounter: { reference: encounterReference },
  effectiveDateTime: '2026-08-12T01:10:00+00:00',
  performer: [{ reference: PRACTITIONER }],
  valueQuantity: { value: 12.5, unit: 'kg', system: SYSTEMS.ucum, code: 'kg' },
  ...more,
});

/** A stored Location and Encounter to hang other resources on. */
export async function visit(running: Running, value = 'V-1'): Promise<{ location: string; encounter: string }> {
  const place = await running.fhir('POST', '/Location', location(value));
  const stored = await running.fhir('POST', '/Encounter', encounter(value, place.body.id as string));
  if (stored.status !== 201) throw new Error(stored.text);
  return { location: place.body.id as string, encounter: `Encounter/${stored.body.id}` };
}

export const transactionOf = (...entries: ReadonlyArray<readonly [fullUrl: string | undefined, resource: Body]>): Body => ({
  resourceType: 'Bundle',
  type: 'transaction',
  entry: entries.map(([fullUrl, resource]) => ({
    ...(fullUrl !== undefined && { fullUrl }),
    resource,
    request: { method: 'POST', url: resource.resourceType },
  })),
});

/** The processor's outcome with one issue, field by field. */
export const outcome = (code: string, text: string, expression?: string): Body => ({
  resourceType: 'OperationOutcome',
  text: { status: 'generated' },
  issue: [{ severity: 'error', code, details: { text }, ...(expression !== undefined && { expression: [expression] }) }],
});

/** The store's outcome with one issue: no `text`. */
export const storeOutcome = (code: string, text: string, diagnostics?: string, expression?: string): Body => ({
  resourceType: 'OperationOutcome',
  issue: [
    {
      severity: 'error',
      code,
      details: { text },
      ...(diagnostics !== undefined && { diagnostics }),
      ...(expression !== undefined && { expression: [expression] }),
    },
  ],
});
