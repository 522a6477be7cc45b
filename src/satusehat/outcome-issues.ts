import { type ErrorCode, type Issue, issue } from '../errors/index.ts';

/** One issue of an OperationOutcome, as far as it is looked at. Its texts quote values and stay in this room. */
export interface PlatformIssue {
  readonly code: string;
  readonly text: string;
  readonly diagnostics: string;
  readonly expression: string | undefined;
  /** Number of the platform's rule, where the text names one. */
  readonly rule: number | undefined;
}

/** Issues of a body that is an OperationOutcome, else undefined. Some layers leave `resourceType` out. */
export function outcomeIssues(body: unknown): readonly PlatformIssue[] | undefined {
  const outcome = body as { resourceType?: unknown; issue?: unknown } | null | undefined;
  if (outcome === null || typeof outcome !== 'object' || !Array.isArray(outcome.issue)) {
    return undefined;
  }
  if (outcome.resourceType !== undefined && outcome.resourceType !== 'OperationOutcome') {
    return undefined;
  }
  return outcome.issue.map((raw: unknown) => {
    const entry = (raw ?? {}) as { code?: unknown; details?: { text?: unknown }; diagnostics?: unknown; expression?: unknown };
    const expression = Array.isArray(entry.expression) ? entry.expression[0] : undefined;
    const text = String(entry.details?.text ?? '');
    const rule = /Rule\s*Number\s*:?\s*(\d{5})\b/i.exec(text)?.[1];
    return {
      code: String(entry.code ?? ''),
      text,
      diagnostics: String(entry.diagnostics ?? ''),
      expression: typeof expression === 'string' ? expression : undefined,
      rule: rule === undefined ? undefined : Number(rule),
    };
  });
}

/** Messages of `{"success": false, "message": …}` that are recorded as a refusal. Any other might hold a value, or mean something else. */
const DENIALS: readonly string[] = ['Citizen Not Exists'];

/** Whether a body is no resource and says of itself that it is no success. */
export function deniesSuccess(body: unknown): boolean {
  const { success, resourceType } = (body ?? {}) as { success?: unknown; resourceType?: unknown };
  return success === false && resourceType === undefined;
}

/** A recorded refusal of that form as an issue; none for any other body. */
export function denialIssues(body: unknown): readonly PlatformIssue[] {
  const { message } = (body ?? {}) as { message?: unknown };
  const text = DENIALS.find((denial) => denial === message);
  return text !== undefined && deniesSuccess(body) ? [{ code: '', text, diagnostics: '', expression: undefined, rule: undefined }] : [];
}

export const isDenial = ({ text }: PlatformIssue): boolean => DENIALS.includes(text);

/** 20012 and 20013 only say that an earlier entry of the Bundle was refused. */
const FOLLOWING = new Set([20012, 20013]);

/** The issues that are causes; all of them if none is. */
export function causesOf(all: readonly PlatformIssue[]): readonly PlatformIssue[] {
  const causes = all.filter(({ rule }) => !FOLLOWING.has(rule ?? 0));
  return causes.length > 0 ? causes : all;
}

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
const FORBIDDEN_RULES = new Set([20004, 20015, 20016]);
const SCOPE_RULES = new Set([20003, 20009, 20010]);

/** An issue of the platform in the words of our catalogue; rule number and expression kept. */
export function translate(entry: PlatformIssue): Issue {
  const { rule } = entry;
  const expression = placeOf(entry);
  const at = { ...(rule !== undefined && { rule: String(rule) }), ...(expression !== undefined && { expression }) };
  if (rule !== undefined && SCOPE_RULES.has(rule)) {
    return issue('platform-forbidden-scope', { rule: String(rule) }, at);
  }
  if (rule === 20007) {
    return issue('reference-lost', { type: lostTypeOf(entry) }, at);
  }
  if (/consent|privacy rules/i.test(`${entry.text} ${entry.diagnostics}`) || entry.code === 'suppressed') {
    return issue('platform-consent', {}, at);
  }
  if (/cannot be accessed due to business rule/i.test(entry.text)) {
    return issue('platform-organization', {}, at);
  }
  if ((rule !== undefined && FORBIDDEN_RULES.has(rule)) || (rule === undefined && entry.code === 'forbidden')) {
    return issue('platform-forbidden', {}, at);
  }
  const code = rule === undefined ? undefined : TEMPLATES.find(([template]) => template.test(entry.text))?.[1];
  return issue(code ?? 'platform-refused', { rule: String(rule ?? kindOf(entry)), expression: expression ?? '-' }, at);
}

/** Issue for a refusal without an OperationOutcome. */
export const bareRefusal = (status: number): Issue => issue('platform-refused', { rule: String(status), expression: '-' });

/** `Resource not found {Type}/{ID}`: the type only, for the id may be a person's number. */
const lostTypeOf = ({ text }: PlatformIssue): string => /not found:?\s+([A-Z][A-Za-z]{2,40})\//.exec(text)?.[1] ?? '-';

/** Words the platform itself is known to use in place of a rule number; anything else might be a value. */
const KNOWN_KINDS = ['unparseable_resource', 'resource_mismatch', 'invalid_query', 'storage_error', 'invalid_headers'] as const;

function kindOf(entry: PlatformIssue): string {
  return [...KNOWN_KINDS, ...DENIALS].find((kind) => entry.text.includes(kind)) ?? (/^[a-z-]{1,30}$/.test(entry.code) ? entry.code : '-');
}

const EXPRESSION = /^[A-Z][A-Za-z]{2,40}(\[\d{1,4}\])?(\.[A-Za-z]{1,40}(\[\d{1,4}\])?){0,12}$/;

/** The expression, or the element that the text names; only if it has the form of a path, for the text may hold anything. */
function placeOf(entry: PlatformIssue): string | undefined {
  const named = /^(?:Element not found|Reference is mandatory)\s*:\s*([A-Za-z0-9.[\]]+)/i.exec(entry.text)?.[1];
  return [entry.expression, named].find((candidate) => candidate !== undefined && EXPRESSION.test(candidate));
}
