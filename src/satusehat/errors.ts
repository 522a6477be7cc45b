import { type ErrorCode, type Issue, issue } from '../errors/index.ts';
import type { Refused, Retry, Unavailable, Unknown } from '../sync/platform.ts';

/** What came back over the wire. Bodies stay in this room. */
export interface WireResponse {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** Whether losing the answer matters: a `create` must be looked up, `read` and `replace` may simply be repeated. */
export type Intent = 'read' | 'create' | 'replace';

export type Reading =
  | { readonly kind: 'ok'; readonly body: unknown; readonly etag: string | undefined }
  | { readonly kind: 'token-rejected' }
  /** `afterMs` undefined: the platform did not say how long. */
  | { readonly kind: 'limited'; readonly afterMs: number | undefined }
  | { readonly kind: 'duplicate' }
  | Refused
  | Unknown
  | Unavailable;

/**
 * Classifies an answer by status and shape of the body. The layers (edge, gateway, FHIR processor, store) answer in different shapes;
 * only an OperationOutcome of the processor or the store is a verdict about the data.
 *
 * @param now epoch ms, for a Retry-After that is a date
 */
export function readResponse(response: WireResponse, intent: Intent, now: number): Reading {
  const { status } = response;
  const body = parse(response.text);
  if (status >= 200 && status < 300) {
    if (body === undefined) {
      return lost(intent);
    }
    // A read that consent or privacy rules suppress is answered with 200 and an OperationOutcome.
    if (outcomeIssues(body) !== undefined) {
      return intent === 'read' ? refusal(body) : lost(intent);
    }
    return { kind: 'ok', body, etag: response.headers.etag };
  }
  if (status === 401) {
    return { kind: 'token-rejected' };
  }
  if (status === 429) {
    return { kind: 'limited', afterMs: retryAfterMs(response.headers['retry-after'], now) };
  }
  if (status === 408 || status >= 500) {
    return lost(intent);
  }
  if (outcomeIssues(body) !== undefined) {
    return isDuplicate(body) ? { kind: 'duplicate' } : refusal(body);
  }
  // Without an OperationOutcome these still say that the content was not taken.
  if (status === 400 || status === 409 || status === 410 || status === 413 || status === 422) {
    return { kind: 'refused', issues: [issue('platform-refused', { rule: String(status), expression: '-' })] };
  }
  // A page of the firewall, a wrong address, a redirect: the platform's processor never saw it.
  return { kind: 'unavailable' };
}

/** What a lost answer means for an intent. */
export function lost(intent: Intent): Unknown | Unavailable {
  return intent === 'create' ? { kind: 'unknown' } : { kind: 'unavailable' };
}

/** Retry-After in ms: delta seconds or HTTP date; undefined if absent or unreadable. Capped at one day. */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined || header.trim() === '') {
    return undefined;
  }
  const ms = /^\s*\d+(\.\d+)?\s*$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), 86_400_000);
}

/** Rate-limited answer of the port. */
export const retry = (afterMs: number): Retry => ({ kind: 'retry', afterMs });

interface PlatformIssue {
  readonly code: string;
  readonly text: string;
  readonly diagnostics: string;
  readonly expression: string | undefined;
}

function refusal(body: unknown): Refused {
  const all = outcomeIssues(body) ?? [];
  // 20012 and 20013 only say that an earlier entry of the Bundle was refused.
  const causes = all.filter((entry) => ![20012, 20013].includes(ruleOf(entry) ?? 0));
  const issues = (causes.length > 0 ? causes : all).map(translate);
  const rule = (causes.length > 0 ? causes : all).map(ruleOf).find((number) => number !== undefined);
  return { kind: 'refused', ...(rule !== undefined && { rule }), issues: issues.length > 0 ? issues : [translate(NO_ISSUE)] };
}

const NO_ISSUE: PlatformIssue = { code: '', text: '', diagnostics: '', expression: undefined };

/**
 * Templates of the platform's texts → our catalogue. The text itself is not carried on: it quotes values. Source of the templates:
 * SATUSEHAT list of responses, rule dictionary, platform rules v1.1.
 */
const TEMPLATES: ReadonlyArray<readonly [RegExp, ErrorCode]> = [
  [/^(Element not found|Reference is mandatory)/i, 'rule-mandatory'],
  [/^(Invalid coding system|Code not found|Invalid identifier system|Identifier value not found)/i, 'rule-system'],
  [/^Invalid date time/i, 'rule-date'],
  [/^Text is empty/i, 'rule-text'],
];

/** Client has no permission, resource not allowed for this kind of facility, Organization may not edit Patient. */
const FORBIDDEN_RULES = new Set([20003, 20004, 20016]);

function translate(entry: PlatformIssue): Issue {
  const rule = ruleOf(entry);
  const expression = placeOf(entry);
  if ((rule !== undefined && FORBIDDEN_RULES.has(rule)) || (rule === undefined && entry.code === 'forbidden')) {
    return issue('platform-forbidden', {}, place(rule, expression));
  }
  const code = rule === undefined ? undefined : TEMPLATES.find(([template]) => template.test(entry.text))?.[1];
  return issue(code ?? 'platform-refused', { rule: String(rule ?? kindOf(entry)), expression: expression ?? '-' }, place(rule, expression));
}

function place(rule: number | undefined, expression: string | undefined): { rule?: string; expression?: string } {
  return { ...(rule !== undefined && { rule: String(rule) }), ...(expression !== undefined && { expression }) };
}

/** Words the platform itself is known to use in place of a rule number; anything else might be a value. */
const KNOWN_KINDS = ['unparseable_resource', 'resource_mismatch', 'invalid_query', 'storage_error'] as const;

function kindOf(entry: PlatformIssue): string {
  return KNOWN_KINDS.find((kind) => entry.text.includes(kind)) ?? (/^[a-z-]{1,30}$/.test(entry.code) ? entry.code : '-');
}

function isDuplicate(body: unknown): boolean {
  return (outcomeIssues(body) ?? []).some((entry) => {
    const rule = ruleOf(entry);
    // Older answers carry no number; a second active episode is `duplicate` too, but under a rule of its own.
    return rule === 20002 || (rule === undefined && entry.code === 'duplicate');
  });
}

function ruleOf(entry: PlatformIssue): number | undefined {
  const found = /Rule\s*Number\s*:?\s*(\d{5})\b/i.exec(entry.text)?.[1];
  return found === undefined ? undefined : Number(found);
}

const EXPRESSION = /^[A-Z][A-Za-z]{2,40}(\[\d{1,4}\])?(\.[A-Za-z]{1,40}(\[\d{1,4}\])?){0,12}$/;

/** The expression, or the element that the text names; only if it has the form of a path, for the text may hold anything. */
function placeOf(entry: PlatformIssue): string | undefined {
  const named = /^(?:Element not found|Reference is mandatory)\s*:\s*([A-Za-z0-9.[\]]+)/i.exec(entry.text)?.[1];
  return [entry.expression, named].find((candidate) => candidate !== undefined && EXPRESSION.test(candidate));
}

function outcomeIssues(body: unknown): readonly PlatformIssue[] | undefined {
  const outcome = body as { resourceType?: unknown; issue?: unknown } | null | undefined;
  // Some layers leave resourceType out.
  if (outcome === null || typeof outcome !== 'object' || !Array.isArray(outcome.issue)) {
    return undefined;
  }
  if (outcome.resourceType !== undefined && outcome.resourceType !== 'OperationOutcome') {
    return undefined;
  }
  return outcome.issue.map((raw: unknown) => {
    const entry = (raw ?? {}) as { code?: unknown; details?: { text?: unknown }; diagnostics?: unknown; expression?: unknown };
    const expression = Array.isArray(entry.expression) ? entry.expression[0] : undefined;
    return {
      code: String(entry.code ?? ''),
      text: String(entry.details?.text ?? ''),
      diagnostics: String(entry.diagnostics ?? ''),
      expression: typeof expression === 'string' ? expression : undefined,
    };
  });
}

function parse(text: string): unknown {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === 'object' && body !== null ? body : undefined;
  } catch {
    return undefined;
  }
}
