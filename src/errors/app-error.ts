import { CODES, type ErrorCode } from './codes.ts';
import type { Bilingual, Issue } from './issue.ts';
import { fill } from './problem.ts';

/** Values for the placeholders of a text; one that is itself text comes in both languages. */
export type Params = Readonly<Record<string, string | number | Bilingual>>;

/**
 * The only error that rooms raise on purpose. Its message is made from the catalogue, so it cannot hold a patient's value;
 * `cause` is for the log of the process and is never sent to a client.
 */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly params: Params;
  readonly issues: readonly Issue[];

  constructor(code: ErrorCode, params: Params = {}, options: { cause?: unknown; issues?: readonly Issue[] } = {}) {
    super(`${code}: ${render(code, params).en}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.params = params;
    this.issues = options.issues ?? [];
  }

  /** HTTP status of the catalogue's row. */
  get status(): number {
    return CODES[this.code].status;
  }

  get category(): (typeof CODES)[ErrorCode]['category'] {
    return CODES[this.code].category;
  }

  get text(): Bilingual {
    return render(this.code, this.params);
  }
}

/** Fills the placeholders `{name}` of a catalogue text. An unknown placeholder stays visible, so that a test finds it. */
export function render(code: ErrorCode, params: Params = {}): Bilingual {
  const row = CODES[code];
  return { id: fill(row.id, params, 'id'), en: fill(row.en, params, 'en') };
}

/**
 * Makes an issue from a catalogue row.
 *
 * @param place where it is: `field` in the sender's record and/or `expression` in the resource, and the rule; the field is also the
 *   text's `{field}` unless `params` names another
 */
export function issue(
  code: ErrorCode,
  params: Params = {},
  place: { field?: string; expression?: string; rule?: string; severity?: Issue['severity'] } = {},
): Issue {
  const { severity = CODES[code].severity ?? 'error', ...rest } = place;
  return { severity, code, ...rest, text: render(code, rest.field === undefined ? params : { field: rest.field, ...params }) };
}
