import { denialIssues, deniesSuccess, isDenial, outcomeIssues, type PlatformIssue } from './outcome-issues.ts';

/** Form of a body, told by its beginning and by what it parses to. */
export type Shape =
  | 'empty'
  | 'html'
  /** Neither JSON nor HTML: `no healthy upstream`. */
  | 'text'
  /** JSON that ends too early. */
  | 'cut'
  /** The gateway's `{fault: …}`, or the `{ErrorCode: …}` of its token service. */
  | 'fault'
  | 'outcome'
  | 'json';

/** What an answer means. `lost`: unknown for what writes, unavailable for what reads. */
export type Verdict =
  | 'taken'
  | 'refresh-token'
  | 'retry-at'
  | 'lost'
  | 'unavailable'
  | 'blocked'
  | 'duplicate'
  | 'fix-data'
  | 'fix-mapping'
  | 'pause-client'
  | 'reference-lost'
  | 'gone'
  | 'withheld';

export interface Facts {
  readonly status: number;
  readonly shape: Shape;
  readonly body: unknown;
  /** `keymanagement.service.access_token_expired` … of a gateway fault. */
  readonly faultCode: string;
  /** Causes named by an OperationOutcome. */
  readonly issues: readonly PlatformIssue[];
}

export interface WireRow {
  readonly name: string;
  /** Who answers so: SATUSEHAT's layers in the order in which a request passes them. */
  readonly layer: 'edge' | 'gateway' | 'processor' | 'store' | 'consent' | 'any';
  /** From and to, both included. */
  readonly status: readonly [number, number];
  readonly shapes?: readonly Shape[];
  readonly fault?: RegExp;
  /** At least one issue is so. */
  readonly issue?: (issue: PlatformIssue) => boolean;
  readonly body?: (body: unknown) => boolean;
  readonly write: Verdict;
  readonly read: Verdict;
}

const OK = [200, 299] as const;
const CLIENT = [400, 499] as const;
const only = (status: number) => [status, status] as const;
const ruled = (...rules: readonly number[]) => {
  const wanted = new Set(rules);
  return ({ rule }: PlatformIssue): boolean => rule !== undefined && wanted.has(rule);
};
const says = (text: RegExp) => (issue: PlatformIssue) => text.test(`${issue.text} ${issue.diagnostics}`);

/** Payload, JSON and Bundle shape: what only a fault of the mapping or of this program can cause. */
const SHAPE_RULES = [20005, 20006, 20008, 20011, 20014, 20017, 20018, 20019, 20020, 20021];
/** A code or a system that the platform does not take is mended once, in a table, for all records that carry it. */
const MAPPED = /^(Invalid coding system|Code not found|Invalid identifier system|Use \/)/i;
const STORE_SHAPE = /unparseable_resource|resource_mismatch|invalid_query|invalid_headers|Missing query parameters/i;

/**
 * THE table of answers: status, layer and form of the body → what it means, for what writes and what reads. The first row that fits
 * counts; the last fits everything. Only an OperationOutcome of processor or store is a verdict about the data.
 */
export const WIRE: readonly WireRow[] = [
  {
    name: 'suppressed',
    layer: 'consent',
    status: OK,
    shapes: ['outcome'],
    issue: ({ code }) => code === 'suppressed',
    write: 'lost',
    read: 'withheld',
  },
  // Recorded once, for a POST Patient of the official collections: 200 with `success: false` and the message that there is no such citizen.
  { name: 'success-denied', layer: 'processor', status: OK, shapes: ['json'], issue: isDenial, write: 'fix-data', read: 'withheld' },
  // The same form with another message, or with none, is recorded nowhere: it says nothing of what was stored, and a look-up decides.
  { name: 'success-false', layer: 'any', status: OK, shapes: ['json'], body: deniesSuccess, write: 'lost', read: 'lost' },
  { name: 'outcome-in-success', layer: 'any', status: OK, shapes: ['outcome'], write: 'lost', read: 'withheld' },
  { name: 'success', layer: 'any', status: OK, shapes: ['json'], write: 'taken', read: 'taken' },
  { name: 'success-unreadable', layer: 'any', status: OK, write: 'lost', read: 'lost' },
  { name: 'redirect', layer: 'edge', status: [300, 399], write: 'unavailable', read: 'unavailable' },
  {
    name: 'no-product',
    layer: 'gateway',
    status: only(401),
    fault: /NoApiProductMatchFound/i,
    write: 'pause-client',
    read: 'pause-client',
  },
  { name: 'token', layer: 'gateway', status: only(401), write: 'refresh-token', read: 'refresh-token' },
  { name: 'quota', layer: 'gateway', status: only(429), write: 'retry-at', read: 'retry-at' },
  {
    name: 'quota-fault',
    layer: 'gateway',
    status: [400, 599],
    shapes: ['fault'],
    fault: /ratelimit|QuotaViolation|SpikeArrest/i,
    write: 'retry-at',
    read: 'retry-at',
  },
  { name: 'request-timeout', layer: 'gateway', status: only(408), write: 'lost', read: 'lost' },
  { name: 'server-error', layer: 'any', status: [500, 599], write: 'lost', read: 'lost' },
  // Older answers carry no number; a second active episode is `duplicate` too, but under a rule of its own.
  {
    name: 'duplicate',
    layer: 'processor',
    status: CLIENT,
    shapes: ['outcome'],
    issue: ({ rule, code }) => rule === 20002 || (rule === undefined && code === 'duplicate'),
    write: 'duplicate',
    read: 'fix-mapping',
  },
  {
    name: 'episode-active',
    layer: 'processor',
    status: CLIENT,
    shapes: ['outcome'],
    issue: says(/duplicated EpisodeOfCare/i),
    write: 'duplicate',
    read: 'fix-mapping',
  },
  {
    name: 'no-permission',
    layer: 'processor',
    status: CLIENT,
    shapes: ['outcome'],
    issue: ruled(20003, 20009, 20010),
    write: 'pause-client',
    read: 'pause-client',
  },
  {
    name: 'not-for-facility',
    layer: 'processor',
    status: CLIENT,
    shapes: ['outcome'],
    issue: ruled(20004, 20015, 20016),
    write: 'fix-data',
    read: 'fix-data',
  },
  {
    name: 'reference-lost',
    layer: 'processor',
    status: CLIENT,
    shapes: ['outcome'],
    issue: ruled(20007),
    write: 'reference-lost',
    read: 'gone',
  },
  { name: 'not-stored', layer: 'store', status: only(404), shapes: ['outcome'], write: 'gone', read: 'gone' },
  {
    name: 'consent',
    layer: 'consent',
    status: CLIENT,
    shapes: ['outcome'],
    issue: says(/consent|privacy rules/i),
    write: 'withheld',
    read: 'withheld',
  },
  {
    name: 'other-organization',
    layer: 'processor',
    status: CLIENT,
    shapes: ['outcome'],
    issue: says(/due to business rule/i),
    write: 'fix-data',
    read: 'fix-data',
  },
  {
    name: 'payload',
    layer: 'processor',
    status: CLIENT,
    shapes: ['outcome'],
    issue: ruled(...SHAPE_RULES),
    write: 'fix-mapping',
    read: 'fix-mapping',
  },
  {
    name: 'code-or-system',
    layer: 'processor',
    status: CLIENT,
    shapes: ['outcome'],
    issue: ({ text }) => MAPPED.test(text),
    write: 'fix-mapping',
    read: 'fix-mapping',
  },
  {
    name: 'store-shape',
    layer: 'store',
    status: CLIENT,
    shapes: ['outcome'],
    issue: says(STORE_SHAPE),
    write: 'fix-mapping',
    read: 'fix-mapping',
  },
  { name: 'rule', layer: 'processor', status: CLIENT, shapes: ['outcome'], write: 'fix-data', read: 'fix-data' },
  { name: 'firewall', layer: 'edge', status: only(403), write: 'blocked', read: 'blocked' },
  { name: 'refused-bare', layer: 'any', status: only(400), write: 'fix-mapping', read: 'fix-mapping' },
  { name: 'conflict-bare', layer: 'any', status: [409, 410], write: 'fix-mapping', read: 'fix-mapping' },
  { name: 'too-large', layer: 'gateway', status: only(413), write: 'fix-mapping', read: 'fix-mapping' },
  { name: 'media-type', layer: 'gateway', status: only(415), write: 'fix-mapping', read: 'fix-mapping' },
  { name: 'unprocessable-bare', layer: 'any', status: only(422), write: 'fix-mapping', read: 'fix-mapping' },
  // A wrong address, a proxy that wants a login, a method nobody knows: the processor never saw it.
  { name: 'wrong-address', layer: 'edge', status: CLIENT, write: 'unavailable', read: 'unavailable' },
  { name: 'anything-else', layer: 'any', status: [0, 999], write: 'lost', read: 'lost' },
];

/** The row that an answer falls into. */
export function wireRow(facts: Facts): WireRow {
  const found = WIRE.find(
    ({ status: [from, to], shapes, fault, issue, body }) =>
      facts.status >= from &&
      facts.status <= to &&
      (shapes === undefined || shapes.includes(facts.shape)) &&
      (fault === undefined || fault.test(facts.faultCode)) &&
      (issue === undefined || facts.issues.some(issue)) &&
      (body === undefined || body(facts.body)),
  );
  // The last row fits everything that HTTP can say.
  return found ?? (WIRE.at(-1) as WireRow);
}

/** Reads an answer as far as the table needs it. */
export function factsOf(status: number, text: string): Facts {
  const { shape, body } = read(text);
  const fault = (body as { fault?: { detail?: { errorcode?: unknown }; faultstring?: unknown } } | undefined)?.fault;
  const faultCode = fault === undefined ? '' : `${String(fault.detail?.errorcode ?? '')} ${String(fault.faultstring ?? '')}`;
  return { status, shape, body, faultCode, issues: outcomeIssues(body) ?? denialIssues(body) };
}

function read(text: string): { shape: Shape; body: unknown } {
  const start = text.trimStart();
  if (start === '') {
    return { shape: 'empty', body: undefined };
  }
  let body: unknown;
  try {
    body = JSON.parse(start);
  } catch {
    const shape = start.startsWith('<') ? 'html' : /^[[{]/.test(start) ? 'cut' : 'text';
    return { shape, body: undefined };
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return { shape: 'text', body: undefined };
  }
  if (outcomeIssues(body) !== undefined) {
    return { shape: 'outcome', body };
  }
  return { shape: 'fault' in body || 'ErrorCode' in body ? 'fault' : 'json', body };
}
