/**
 * The platform's error shapes, layer by layer: edge, gateway, FHIR processor, FHIR store. Texts are the platform's own,
 * with its spelling; where a text was never published the nearest published one is used.
 */

/** What is written to the wire: an object or list as JSON, a text as it is, nothing as an empty body. */
export interface Reply {
  readonly status: number;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface OutcomeIssue {
  readonly severity: string;
  readonly code: string;
  readonly details: { readonly text: string };
  readonly diagnostics?: string;
  readonly expression?: readonly string[];
}

/** Ends the handling of a request with a ready answer. Its message is fixed: the answer may quote what the client sent. */
export class Refusal extends Error {
  readonly reply: Reply;

  constructor(reply: Reply) {
    super(`refused with status ${reply.status}`);
    this.name = 'Refusal';
    this.reply = reply;
  }
}

// Edge

export const noHealthyUpstream = (): Reply => ({ status: 503, body: 'no healthy upstream', contentType: 'text/plain' });

/** A URL that no product of the gateway serves. */
export const wrongUrl = (): Reply => ({ status: 404 });

/** The firewall in front of everything. */
export const forbiddenPage = (): Reply => ({
  status: 403,
  body: '<!doctype html><meta charset="utf-8"><meta name=viewport content="width=device-width, initial-scale=1"><title>403</title>403 Forbidden',
  contentType: 'text/html; charset=UTF-8',
});

// Gateway

export const gatewayTimeout = (status = 504): Reply => ({ status, body: 'Gateway Timeout', contentType: 'text/plain' });

const fault = (status: number, faultstring: string, errorcode: string): Reply => ({
  status,
  body: { fault: { faultstring, detail: { errorcode } } },
});

/** No or malformed Authorization header. */
export const missingToken = (): Reply => fault(401, 'Invalid access token', 'oauth.v2.InvalidAccessToken');

export const unknownToken = (): Reply => fault(401, 'Invalid Access Token', 'keymanagement.service.invalid_access_token');

export const expiredToken = (): Reply => fault(401, 'Access Token expired', 'keymanagement.service.access_token_expired');

/** The client is not subscribed to the product that serves this path. */
export const noProduct = (): Reply => {
  const text = 'Invalid API call as no apiproduct match found';
  const code = 'keymanagement.service.InvalidAPICallAsNoApiProductMatchFound';
  return {
    ...fault(401, text, code),
    headers: { 'www-authenticate': `Bearer realm="null",error="invalid_token",error_description="${code}: ${text}"` },
  };
};

/** The gateway's generic body: none was ever published by the platform. */
export const quotaViolation = (): Reply =>
  fault(429, 'Rate limit quota violation. Quota limit  exceeded. Identifier : _default', 'policies.ratelimit.QuotaViolation');

// Token endpoint

export const invalidClient = (): Reply => ({ status: 401, body: { ErrorCode: 'invalid_client', Error: 'ClientId is Invalid' } });

export const missingGrantType = (): Reply => ({
  status: 400,
  body: { ErrorCode: 'invalid_request', Error: 'Required param : grant_type' },
});

/** The severity `invalid` is not a FHIR code; the platform's documentation has it. */
const tokenOutcome = (status: number, text: string): Reply => ({
  status,
  body: { resourceType: 'OperationOutcome', issue: [{ severity: 'invalid', code: 'value', details: { text } }] },
});

export const authenticationFailed = (): Reply =>
  tokenOutcome(401, 'The user or system was not able to be authenticated (either client_id or client_secret combination is unacceptable)');

export const tokenRateLimited = (): Reply =>
  tokenOutcome(
    429,
    'Authentication temporarily cannot be performed due to the rate limit policy. Rate limit: 1 request per minute after a failed attempt.',
  );

// FHIR processor

/** An issue of the processor: `text` with its rule number, `expression` with indices where the platform gives one. */
export const processorIssue = (code: string, text: string, expression?: string): OutcomeIssue => ({
  severity: 'error',
  code,
  details: { text },
  ...(expression !== undefined && { expression: [expression] }),
});

export const processorOutcome = (issues: readonly OutcomeIssue[], status = 400): Reply => ({
  status,
  body: { resourceType: 'OperationOutcome', text: { status: 'generated' }, issue: issues },
});

const numbered = (text: string, rule: number): string => `${text} (RuleNumber: ${rule})`;

export const issues = {
  duplicate: (type: string) => processorIssue('duplicate', numbered(`Found duplicate: ${type}`, 20002)),
  /** The platform spells the number differently here. */
  activeEpisode: () => processorIssue('duplicate', 'found duplicated EpisodeOfCare Type with status active. (Rule Number: 10109)'),
  scope: (type: string) => processorIssue('forbidden', numbered(`Failed to get permission for client for resource ${type}`, 20003)),
  accessClass: (type: string) => processorIssue('forbidden', numbered(`Resource ${type} is not allowed for current access class`, 20004)),
  unreadable: () => processorIssue('invalid', numbered('Failed to read request payload', 20005)),
  notJson: () => processorIssue('invalid', numbered('Invalid JSON Payload Format', 20006)),
  /** Also the answer to a reference that leads nowhere. */
  resourceNotFound: (reference: string) => processorIssue('not-found', numbered(`Resource not found ${reference}`, 20007)),
  unmarshal: (expression?: string) => processorIssue('invalid', numbered('Failed to unmarshal request payload', 20008), expression),
  clientId: () => processorIssue('forbidden', numbered('Please provide Client ID', 20009)),
  nestedBundle: () => processorIssue('forbidden', numbered('Forbidden nested bundle', 20011)),
  previousForbidden: (type: string) => processorIssue('forbidden', numbered(`Forbidden resource ${type}  due to previous error`, 20012)),
  previousError: (type: string) => processorIssue('invalid', numbered(`Invalid resource ${type} due to previous error`, 20013)),
  everything: (type: string) => processorIssue('not-supported', numbered(`Everything search is not supported for resource ${type}`, 20014)),
  /** For an organization of the operations portal, which may change some elements. */
  portalEdit: (attributes: readonly string[]) =>
    processorIssue(
      'forbidden',
      numbered(
        `Ops Portal Organization can only edit name, birthdate, gender, address, deceasedBoolean. Please remove attribute: ${attributes.join(', ')}`,
        20015,
      ),
    ),
  patchWhole: (type: string, element: string, given: string, rule: number) =>
    processorIssue('value', numbered(`Use ${element} instead of ${given} to patch ${type}`, rule)),
  patientEdit: () => processorIssue('forbidden', numbered('Organization not allowed to edit Patient', 20016)),
  fullUrlFormat: (type: string, given: string) =>
    processorIssue(
      'invalid',
      numbered(
        `Invalid element ${type}.fullUrl due to invalid fullUrl format. It must be in the format: 'urn:uuid:{{uuid_value}}.${given}`,
        20017,
      ),
    ),
  fullUrlPrefix: (type: string, given: string) =>
    processorIssue(
      'invalid',
      numbered(`Invalid element ${type}.fullUrl due to invalid fullUrl format. It must begin with 'urn:uuid'.${given}`, 20018),
    ),
  fullUrlUuid: (type: string) => processorIssue('invalid', numbered(`Invalid element ${type}.fullUrl due to invalid UUID format`, 20019)),
  fullUrlTwice: (type: string, fullUrl: string) =>
    processorIssue('invalid', numbered(`Invalid element ${type}.fullUrl due to duplicate fullUrl: ${fullUrl}`, 20020)),
  fullUrlMissing: (type: string) => processorIssue('invalid', numbered(`Invalid resource ${type} due to missing fullUrl element`, 20021)),
} as const;

// FHIR store

export const storeOutcome = (status: number, code: string, text: string, diagnostics?: string, expression?: string): Reply => ({
  status,
  body: {
    issue: [
      {
        severity: 'error',
        code,
        details: { text },
        ...(diagnostics !== undefined && { diagnostics }),
        ...(expression !== undefined && { expression: [expression] }),
      },
    ],
    resourceType: 'OperationOutcome',
  },
});

export const unparseable = (diagnostics: string, expression?: string): Reply =>
  storeOutcome(400, 'structure', 'unparseable_resource', diagnostics, expression);

/** `If-None-Exist` with more than one match. */
export const severalMatches = (): Reply => storeOutcome(412, 'multiple-matches', 'precondition_failed');

export const idMismatch = (inUrl: string, inBody: string): Reply =>
  storeOutcome(
    400,
    'structure',
    'resource_mismatch',
    `resource id mismatch, id of specified resource: ${inUrl}, id from payload: ${inBody}`,
  );

export const typeMismatch = (inUrl: string, inBody: string): Reply =>
  storeOutcome(
    400,
    'structure',
    'resource_mismatch',
    `resource type mismatch, type of specified resource: ${inUrl}, type from payload: ${inBody}`,
  );

export const notStored = (type: string, id: string): Reply =>
  storeOutcome(404, 'no-store', 'storage_error', `resource not found: ${type}/${id}`);

export const invalidQueryDate = (value: string): Reply =>
  storeOutcome(400, 'value', 'invalid_query', `error parsing date "${value}": invalid dateTime: ${value}`);

export const missingQuery = (names: readonly string[]): Reply =>
  storeOutcome(400, 'value', `Missing query parameters: ${names.join(', ')}`);

/** Somebody else's resource. */
export const businessRule = (): Reply => storeOutcome(403, 'forbidden', 'resource cannot be accessed due to business rule');

export const privacyRule = (): Reply => storeOutcome(403, 'forbidden', 'Operation cannot be performed due to consent or privacy rules.');

// PATCH

/** PATCH with the content type of a resource. */
export const invalidHeaders = (): Reply => storeOutcome(400, 'value', 'invalid_headers');

/** An operation that cannot be done. Neither status nor wording was published. */
export const patchFailed = (diagnostics: string): Reply => storeOutcome(400, 'structure', 'invalid_patch', diagnostics);

/** An operation that the surface does not offer; the words are those of the implementation guide's draft. */
export const notAllowed = (): Reply => ({
  status: 400,
  body: {
    issue: [{ severity: 'fatal', code: 'operation-invalid', details: { text: 'The operation is not allowed by this server' } }],
    resourceType: 'OperationOutcome',
  },
});

/** `If-Match` names another version than the current one. */
export const versionConflict = (): Reply => storeOutcome(412, 'conflict', 'precondition_failed');

export const invalidQueryParameter = (name: string): Reply =>
  storeOutcome(400, 'value', 'invalid_query', `invalid search parameter: ${name}`);

// Consent

const SUPPRESSED = 'The operation did not return any information due to consent or privacy rules.';

/** @param reference named in the diagnostics when given */
export const suppressedOutcome = (severity: 'information' | 'error', reference?: string) => ({
  issue: [
    {
      severity,
      code: 'suppressed',
      details: { text: SUPPRESSED },
      ...(reference !== undefined && { diagnostics: `No consent available for ${reference}` }),
    },
  ],
  resourceType: 'OperationOutcome',
});

/** 200 without data. With a reference it is the variant that a probe of a direct read saw: an error that names the resource. */
export const consentSuppressed = (reference?: string): Reply => ({
  status: 200,
  body: suppressedOutcome(reference === undefined ? 'information' : 'error', reference),
});

export const consentForbidden = (): Reply =>
  storeOutcome(
    400,
    'forbidden',
    'Operation cannot be performed due to business rules, consent or privacy rules, or access permission constraints.',
  );

// Patient index

/** The civil register does not know the person; it is told with status 200. */
export const citizenNotExists = (): Reply => ({ status: 200, body: { success: false, message: 'Citizen Not Exists' } });

/** Also the answer to a mother nobody knows. */
export const motherNotFemale = (): Reply => storeOutcome(400, 'exception', 'Patient with nik-ibu is not female');

export const internalError = (): Reply => storeOutcome(500, 'exception', 'An unexpected internal error has occurred.');
