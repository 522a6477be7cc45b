import { describe, expect, it } from 'vitest';
import { platformSid, SYSTEMS } from '../../src/terminology/systems.ts';
import {
  type Answer,
  type Body,
  CLIENTS,
  encounter,
  location,
  ORG,
  organization,
  outcome,
  PATIENT,
  PEOPLE,
  PRACTITIONER,
  type Running,
  requestToken,
  startForTest,
  storeOutcome,
  transactionOf,
  visit,
} from './support.ts';

/**
 * Every error body of the platform that is known, provoked by a real request. `official`: published, or in an official recording;
 * `probe`: seen by third parties on the staging server; `inferred`: what the gateway's maker documents, or status or layout guessed.
 */
interface Row {
  readonly name: string;
  readonly certainty: 'official' | 'probe' | 'inferred';
  /** Settings under which the platform answers so. */
  readonly settings?: Body;
  readonly provoke: (running: Running) => Promise<Answer>;
  readonly status: number;
  readonly type?: string;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, unknown>>;
}

const JSON_TYPE = 'application/json';
const fault = (faultstring: string, errorcode: string): Body => ({ fault: { faultstring, detail: { errorcode } } });
const tokenOutcome = (text: string): Body => ({
  resourceType: 'OperationOutcome',
  issue: [{ severity: 'invalid', code: 'value', details: { text } }],
});
const concept = (system: string, code: string): Body => ({ coding: [{ system, code }] });

const composition = (encounterReference: string, more: Body): Body => ({
  resourceType: 'Composition',
  status: 'final',
  type: concept(SYSTEMS.loinc, '18842-5'),
  subject: { reference: PATIENT },
  encounter: { reference: encounterReference },
  author: [{ reference: PRACTITIONER }],
  date: '2026-08-12T01:00:00+00:00',
  title: 'Resume medis',
  ...more,
});

const claim = (more: Body): Body => ({ resourceType: 'Claim', status: 'active', patient: { reference: PATIENT }, ...more });

const medication = (value: string): Body => ({
  resourceType: 'Medication',
  extension: [
    {
      url: 'https://fhir.kemkes.go.id/r4/StructureDefinition/MedicationType',
      valueCodeableConcept: concept(`${SYSTEMS.kemkes}/CodeSystem/medication-type`, 'NC'),
    },
  ],
  identifier: [{ system: platformSid('medication', ORG), value }],
  code: concept(SYSTEMS.kfa, '93001019'),
  status: 'active',
});

const episode = (value: string): Body => ({
  resourceType: 'EpisodeOfCare',
  identifier: [{ system: platformSid('episode-of-care', ORG), value }],
  status: 'active',
  type: [concept(`${SYSTEMS.kemkes}/CodeSystem/episodeofcare-type`, 'ANC')],
  patient: { reference: PATIENT },
  managingOrganization: { reference: `Organization/${ORG}` },
  period: { start: '2026-08-01T00:00:00+00:00' },
  statusHistory: [{ status: 'active', period: { start: '2026-08-01T00:00:00+00:00' } }],
});

const newborn = (nikIbu: string): Body => ({
  resourceType: 'Patient',
  identifier: [{ use: 'official', system: SYSTEMS.nikIbu, value: nikIbu }],
  name: [{ use: 'official', text: 'By. Ny. Contoh' }],
  gender: 'male',
  birthDate: '2026-08-01',
  multipleBirthInteger: 0,
});

/** An Encounter with one change. */
const changedEncounter = async (running: Running, change: Body): Promise<Answer> => {
  const place = await running.fhir('POST', '/Location', location('R-1'));
  return running.fhir('POST', '/Encounter', encounter('R-1', place.body.id as string, change));
};

const twice = async (running: Running, body: Body): Promise<Answer> => {
  await running.fhir('POST', `/${body.resourceType}`, body);
  return running.fhir('POST', `/${body.resourceType}`, body);
};

/** A Condition of another facility. */
const foreignCondition = async (running: Running): Promise<string> => {
  const { encounter: reference } = await visit(running);
  const stored = await running.fhir('POST', '/Condition', {
    resourceType: 'Condition',
    identifier: [{ system: platformSid('condition', ORG), value: 'K-1' }],
    clinicalStatus: concept(SYSTEMS.conditionClinical, 'active'),
    category: [concept(SYSTEMS.conditionCategory, 'encounter-diagnosis')],
    code: concept(SYSTEMS.icd10, 'J06.9'),
    subject: { reference: PATIENT },
    encounter: { reference },
  });
  expect(stored.status, stored.text).toBe(201);
  return stored.body.id as string;
};

const asOther = async (running: Running, method: string, path: string, body?: unknown): Promise<Answer> =>
  running.send(method, `/fhir-r4/v1${path}`, { token: await running.token('client-b', 'secret-b'), body });

const gatewayFault = async (running: Running, status: number): Promise<Answer> => {
  await running.send('POST', '/_sandbox/faults', { body: { match: { path: '/fhir-r4/v1/*' }, action: 'status', status } });
  return running.fhir('GET', '/Location');
};

const UNKNOWN_ID = '00000000-0000-0000-0000-000000000000';

const ROWS: readonly Row[] = [
  // Edge
  {
    name: 'Empty-404-wrong-url',
    certainty: 'official',
    provoke: (running) => running.fhir('GET', '/Nothing'),
    status: 404,
    type: '',
    body: '',
  },
  {
    name: 'Html-403-forbidden',
    certainty: 'official',
    provoke: (running) => running.fhir('GET', '/Location?name=<script>alert(1)</script>'),
    status: 403,
    type: 'text/html; charset=UTF-8',
    body: '<!doctype html><meta charset="utf-8"><meta name=viewport content="width=device-width, initial-scale=1"><title>403</title>403 Forbidden',
  },
  {
    name: 'PlainText-503-no-healthy-upstream',
    certainty: 'official',
    provoke: (running) => gatewayFault(running, 503),
    status: 503,
    type: 'text/plain',
    body: 'no healthy upstream',
  },
  // Gateway
  {
    name: 'PlainText-gateway-timeout',
    certainty: 'official',
    provoke: (running) => gatewayFault(running, 504),
    status: 504,
    type: 'text/plain',
    body: 'Gateway Timeout',
  },
  {
    name: 'Fault-access-token-expired',
    certainty: 'official',
    provoke: async (running) => {
      await running.fhir('GET', '/Location');
      running.time.now += 3_600_000;
      return running.fhir('GET', '/Location');
    },
    status: 401,
    body: fault('Access Token expired', 'keymanagement.service.access_token_expired'),
  },
  {
    name: 'Fault-invalid-access-token-oauth',
    certainty: 'official',
    provoke: (running) => running.send('GET', '/fhir-r4/v1/Location'),
    status: 401,
    body: fault('Invalid access token', 'oauth.v2.InvalidAccessToken'),
  },
  {
    name: 'Fault-invalid-access-token',
    certainty: 'official',
    provoke: (running) => running.send('GET', '/fhir-r4/v1/Location', { token: 'unknown' }),
    status: 401,
    body: fault('Invalid Access Token', 'keymanagement.service.invalid_access_token'),
  },
  {
    name: 'Fault-no-api-product',
    certainty: 'official',
    provoke: async (running) => running.send('GET', '/fhir-r4/v1/Location', { token: await running.token('client-kyc', 'secret-kyc') }),
    status: 401,
    headers: {
      'www-authenticate':
        'Bearer realm="null",error="invalid_token",error_description="keymanagement.service.InvalidAPICallAsNoApiProductMatchFound: Invalid API call as no apiproduct match found"',
    },
    body: fault('Invalid API call as no apiproduct match found', 'keymanagement.service.InvalidAPICallAsNoApiProductMatchFound'),
  },
  {
    name: 'Fault-quota-violation',
    certainty: 'inferred',
    settings: { quotas: { default: { requests: 1, perMs: 60_000 } } },
    provoke: async (running) => {
      await running.fhir('GET', '/Location');
      return running.fhir('GET', '/Location');
    },
    status: 429,
    body: fault('Rate limit quota violation. Quota limit  exceeded. Identifier : _default', 'policies.ratelimit.QuotaViolation'),
  },
  // Token endpoint
  {
    name: 'OAuthError-invalid-client',
    certainty: 'official',
    provoke: (running) => requestToken(running, 'nobody', 'x'),
    status: 401,
    body: { ErrorCode: 'invalid_client', Error: 'ClientId is Invalid' },
  },
  {
    name: 'OperationOutcome-token-auth-failed',
    certainty: 'official',
    provoke: (running) => requestToken(running, 'client-a', 'wrong'),
    status: 401,
    body: tokenOutcome(
      'The user or system was not able to be authenticated (either client_id or client_secret combination is unacceptable)',
    ),
  },
  {
    name: 'OperationOutcome-token-rate-limited',
    certainty: 'official',
    provoke: async (running) => {
      await requestToken(running, 'client-a', 'wrong');
      return requestToken(running, 'client-a', 'secret-a');
    },
    status: 429,
    body: tokenOutcome(
      'Authentication temporarily cannot be performed due to the rate limit policy. Rate limit: 1 request per minute after a failed attempt.',
    ),
  },
  // Processor: element rules
  {
    name: 'OperationOutcome-code-not-found',
    certainty: 'official',
    provoke: (running) => changedEncounter(running, { class: { system: SYSTEMS.actCode, code: 'xxx' } }),
    status: 400,
    body: outcome('value', `Code not found: 'xxx' in system: ${SYSTEMS.actCode} (RuleNumber: 10001)`, 'Encounter.class.code'),
  },
  {
    name: 'OperationOutcome-invalid-coding-system',
    certainty: 'official',
    provoke: (running) =>
      changedEncounter(running, { participant: [{ type: [concept('http://xxx.org', 'ATND')], individual: { reference: PRACTITIONER } }] }),
    status: 400,
    body: outcome(
      'value',
      'Invalid coding system: http://xxx.org (RuleNumber: 10002)',
      'Encounter.participant[0].type[0].coding[0].system',
    ),
  },
  {
    name: 'OperationOutcome-invalid-identifier-system',
    certainty: 'official',
    provoke: (running) => changedEncounter(running, { identifier: [{ system: 'http://xxx.org', value: 'R-1' }] }),
    status: 400,
    body: outcome('value', 'Invalid identifier system: http://xxx.org (RuleNumber: 10117)', 'Encounter.identifier[0].system'),
  },
  {
    name: 'OperationOutcome-reference-mandatory',
    certainty: 'official',
    provoke: (running) => changedEncounter(running, { serviceProvider: undefined }),
    status: 400,
    body: outcome('value', 'Reference is mandatory : Encounter.serviceProvider (RuleNumber: 10124)'),
  },
  {
    name: 'OperationOutcome-element-not-found',
    certainty: 'official',
    settings: { surface: 'documented' },
    provoke: (running) => running.fhir('POST', '/Claim', claim({ insurance: [{ sequence: 1 }] })),
    status: 400,
    body: outcome('value', 'Element not found: Claim.insurance[0].focal (RuleNumber: 10263)'),
  },
  {
    name: 'OperationOutcome-integer-as-string',
    certainty: 'official',
    settings: { surface: 'documented' },
    provoke: (running) => running.fhir('POST', '/Claim', claim({ careTeam: [{ sequence: 'Satu' }] })),
    status: 400,
    body: outcome('value', "Integer formated as a string: 'Satu' (RuleNumber: 10254)"),
  },
  {
    name: 'OperationOutcome-invalid-datetime-format',
    certainty: 'official',
    provoke: async (running) => running.fhir('POST', '/Composition', composition((await visit(running)).encounter, { date: '2022-06-14' })),
    status: 400,
    body: outcome(
      'format',
      'Invalid date time format : 2022-06-14 (RuleNumber: 10132). Format allowed : YYYY-MM-DDThh:mm:ss+00:00',
      'Composition.date',
    ),
  },
  {
    name: 'OperationOutcome-invalid-datetime-value',
    certainty: 'official',
    settings: { strictness: { dateFloor: '2022-08-31' } },
    provoke: async (running) =>
      running.fhir('POST', '/Composition', composition((await visit(running)).encounter, { date: '2021-06-02T12:28:03Z' })),
    status: 400,
    body: outcome(
      'value',
      'Invalid date time value : 2021-06-02T12:28:03Z (RuleNumber: 10132) Not Allowed : Future Date or Past Date older than 31st August 2022',
      'Composition.date',
    ),
  },
  {
    name: 'OperationOutcome-invalid-datetime-value, in the words of 2026',
    certainty: 'probe',
    provoke: async (running) =>
      running.fhir('POST', '/Composition', composition((await visit(running)).encounter, { date: '2014-06-02T12:28:03Z' })),
    status: 400,
    body: outcome(
      'value',
      'Invalid date time value : 2014-06-02T12:28:03Z (RuleNumber: 10132) Not Allowed : Future Date or Past Date before 3rd June 2014',
      'Composition.date',
    ),
  },
  {
    name: 'OperationOutcome-text-empty',
    certainty: 'official',
    provoke: async (running) => running.fhir('POST', '/Composition', composition((await visit(running)).encounter, { title: '' })),
    status: 400,
    body: outcome('value', "Text is empty: '' (RuleNumber: 10134)"),
  },
  {
    name: 'OperationOutcome-patch-location-operationalstatus',
    certainty: 'official',
    provoke: async (running) => {
      const { body } = await running.fhir('POST', '/Location', location('R-2'));
      return running.patch(`/Location/${body.id}`, [{ op: 'add', path: '/operationalStatus/system', value: 'x' }]);
    },
    status: 400,
    body: outcome('value', 'Use /operationalStatus instead of /operationalStatus/system to patch Location (RuleNumber: 10171)'),
  },
  // Processor: duplicates
  {
    name: 'OperationOutcome-duplicate-20002',
    certainty: 'probe',
    provoke: (running) => twice(running, location('R-3')),
    status: 400,
    body: outcome('duplicate', 'Found duplicate: Location (RuleNumber: 20002)'),
  },
  {
    name: 'OperationOutcome-duplicate-encounter-2024',
    certainty: 'official',
    settings: { strictness: { duplicateText: '2024' } },
    provoke: async (running) => {
      await visit(running, 'R-4');
      const place = await running.fhir('POST', '/Location', location('R-5'));
      return running.fhir('POST', '/Encounter', encounter('R-4', place.body.id as string));
    },
    status: 400,
    body: outcome('duplicate', 'Found duplicate resource: Encounter'),
  },
  {
    name: 'OperationOutcome-duplicate-medication',
    certainty: 'official',
    settings: { strictness: { duplicateText: '2024' } },
    provoke: (running) => twice(running, medication('R-6')),
    status: 400,
    body: outcome('duplicate', 'Found duplicate: Medication'),
  },
  {
    name: 'OperationOutcome-duplicate-episodeofcare-active',
    certainty: 'probe',
    provoke: async (running) => {
      await running.fhir('POST', '/EpisodeOfCare', episode('R-7'));
      return running.fhir('POST', '/EpisodeOfCare', episode('R-8'));
    },
    status: 400,
    body: outcome('duplicate', 'found duplicated EpisodeOfCare Type with status active. (Rule Number: 10109)'),
  },
  {
    name: 'OperationOutcome-org-mismatch',
    certainty: 'official',
    provoke: async (running) => {
      const { body } = await running.fhir('POST', '/Organization', organization('R-9'));
      return asOther(running, 'PUT', `/Organization/${body.id}`, body);
    },
    status: 403,
    body: storeOutcome('forbidden', 'resource cannot be accessed due to business rule'),
  },
  {
    name: 'OperationOutcome-put-episodeofcare-403',
    certainty: 'probe',
    provoke: async (running) => {
      const { body } = await running.fhir('POST', '/EpisodeOfCare', episode('R-10'));
      return running.fhir('PUT', `/EpisodeOfCare/${body.id}`, { ...body, status: 'finished' });
    },
    status: 403,
    body: storeOutcome('forbidden', 'Operation cannot be performed due to consent or privacy rules.'),
  },
  // Patient index
  {
    name: 'OperationOutcome-newborn-mother-not-female',
    certainty: 'probe',
    provoke: (running) => running.fhir('POST', '/Patient', newborn('9900000000000005')),
    status: 400,
    body: storeOutcome('exception', 'Patient with nik-ibu is not female'),
  },
  {
    name: 'OperationOutcome-internal-error',
    certainty: 'probe',
    settings: { strictness: { newbornError: true } },
    provoke: (running) => running.fhir('POST', '/Patient', newborn('9900000000000001')),
    status: 500,
    body: storeOutcome('exception', 'An unexpected internal error has occurred.'),
  },
  {
    name: 'Searchset-nik-not-found',
    certainty: 'official',
    provoke: (running) => running.fhir('GET', `/Patient?identifier=${SYSTEMS.nik}|9999999999999999`),
    status: 200,
    body: {
      entry: [],
      link: ['search', 'first', 'self'].map((relation) => ({
        relation,
        url: expect.stringMatching(/\/Patient\/\?identifier=https%3A%2F%2Ffhir\.kemkes\.go\.id%2Fid%2Fnik%7C9{16}$/),
      })),
      resourceType: 'Bundle',
      total: 0,
      type: 'searchset',
    },
  },
  // Store
  {
    name: 'OperationOutcome-read-not-found',
    certainty: 'probe',
    provoke: (running) => running.fhir('GET', `/Condition/${UNKNOWN_ID}`),
    status: 404,
    body: storeOutcome('no-store', 'storage_error', `resource not found: Condition/${UNKNOWN_ID}`),
  },
  {
    name: 'OperationOutcome-url-id-mismatch',
    certainty: 'official',
    provoke: async (running) => {
      const { body } = await running.fhir('POST', '/Location', location('R-11'));
      return running.fhir('PUT', `/Location/${body.id}`, { ...body, id: 'other' });
    },
    status: 400,
    body: storeOutcome(
      'structure',
      'resource_mismatch',
      expect.stringMatching(/^resource id mismatch, id of specified resource: [0-9a-f-]{36}, id from payload: other$/) as unknown as string,
    ),
  },
  {
    // Recorded for a ServiceRequest, which the processor's rule 10065 refuses first today; a CarePlan's status has no rule.
    name: 'OperationOutcome-unparseable-resource',
    certainty: 'official',
    provoke: async (running) => {
      const { encounter: reference } = await visit(running);
      const plan = {
        resourceType: 'CarePlan',
        intent: 'plan',
        title: 'Rencana',
        description: 'Kontrol',
        category: [concept(SYSTEMS.snomed, '736271009')],
        subject: { reference: PATIENT },
        encounter: { reference },
        author: { reference: PRACTITIONER },
      };
      return running.fhir('POST', '', transactionOf(['urn:uuid:00000000-0000-4000-8000-000000000001', plan]));
    },
    status: 400,
    body: storeOutcome('structure', 'unparseable_resource', 'missing required field "status"', 'Bundle.entry[0].resource.carePlan'),
  },
  {
    name: 'OperationOutcome-period-end-before-start',
    certainty: 'probe',
    provoke: (running) => changedEncounter(running, { period: { start: '2026-08-12T01:00:00+00:00', end: '2026-08-12T00:00:00+00:00' } }),
    status: 400,
    body: storeOutcome('structure', 'unparseable_resource', 'fhirpath-constraint-violation-Encounter.period: ...', 'Encounter.period'),
  },
  {
    name: 'OperationOutcome-invalid-query-date',
    certainty: 'official',
    provoke: (running) => running.fhir('GET', `/Encounter?service-provider=${ORG}&date=2024-07-021`),
    status: 400,
    body: storeOutcome('value', 'invalid_query', 'error parsing date "2024-07-021": invalid dateTime: 2024-07-021'),
  },
  {
    name: 'OperationOutcome-missing-search-param',
    certainty: 'probe',
    provoke: (running) => running.fhir('GET', `/MedicationDispense?context=${UNKNOWN_ID}`),
    status: 400,
    body: storeOutcome('value', 'Missing query parameters: subject'),
  },
  // Consent
  {
    name: 'OperationOutcome-consent-suppressed',
    certainty: 'official',
    settings: { consent: { default: 'optout' } },
    provoke: async (running) => asOther(running, 'GET', `/Condition/${await foreignCondition(running)}`),
    status: 200,
    headers: { 'x-request-id': expect.stringMatching(/^[0-9a-f-]{36}$/) },
    body: {
      resourceType: 'OperationOutcome',
      issue: [
        {
          severity: 'information',
          code: 'suppressed',
          details: { text: 'The operation did not return any information due to consent or privacy rules.' },
        },
      ],
    },
  },
  {
    name: 'OperationOutcome-consent-suppressed, as a probe of a direct read saw it',
    certainty: 'probe',
    settings: { consent: { default: 'optout', answer: 'error' } },
    provoke: async (running) => asOther(running, 'GET', `/Condition/${await foreignCondition(running)}`),
    status: 200,
    body: {
      resourceType: 'OperationOutcome',
      issue: [
        {
          severity: 'error',
          code: 'suppressed',
          details: { text: 'The operation did not return any information due to consent or privacy rules.' },
          diagnostics: expect.stringMatching(/^No consent available for Condition\/[0-9a-f-]{36}$/),
        },
      ],
    },
  },
  {
    name: 'OperationOutcome-not-opted-in',
    certainty: 'official',
    settings: { consent: { default: 'none' } },
    provoke: async (running) => asOther(running, 'GET', `/Condition/${await foreignCondition(running)}`),
    status: 400,
    body: storeOutcome(
      'forbidden',
      'Operation cannot be performed due to business rules, consent or privacy rules, or access permission constraints.',
    ),
  },
  // Other products
  {
    name: 'Kyc-decrypt-failed',
    certainty: 'official',
    provoke: async (running) =>
      running.send('POST', '/kyc/v1/challenge-code', { token: await running.token(), body: { metadata: {}, data: {} } }),
    status: 200,
    body: { metadata: { code: '400', message: 'Bad Request' }, data: { error: 'Failed to decrypt message' } },
  },
  {
    name: 'Kyc-decrypt-failed, for a message without a beginning',
    certainty: 'probe',
    provoke: async (running) =>
      running.send('POST', '/kyc/v1/generate-url', { token: await running.token(), body: 'x', type: 'text/plain' }),
    status: 200,
    body: { metadata: { code: '400', message: 'Bad Request' }, data: { error: 'missing begin tag' } },
  },
];

const KNOWN = 40;
const people = {
  ...PEOPLE,
  patients: [...PEOPLE.patients, { nik: '9900000000000005', name: 'Adi Contoh', gender: 'male', birthDate: '1990-01-01' }],
};
const clients = [...CLIENTS, { clientId: 'client-kyc', clientSecret: 'secret-kyc', organizationId: '10000006', products: ['kyc'] }];

describe('every known error body', () => {
  it('has its row', () => {
    expect(new Set(ROWS.map(({ name }) => name.split(',')[0])).size).toBe(KNOWN);
  });

  it.each(ROWS)('$name ($certainty)', async ({ settings, provoke, status, type = JSON_TYPE, body, headers = {} }) => {
    const running = await startForTest({ people, clients, settings });
    try {
      const answer = await provoke(running);
      const given = type === JSON_TYPE ? answer.body : answer.text;
      expect({ status: answer.status, type: answer.headers.get('content-type') ?? '', body: given }).toEqual({ status, type, body });
      for (const [name, value] of Object.entries(headers)) expect(answer.headers.get(name)).toEqual(value);
    } finally {
      await running.sandbox.stop();
    }
  });
});
