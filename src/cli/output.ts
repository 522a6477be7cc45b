import { AppError, type Issue } from '../errors/index.ts';

/** How a command ended. 0: as wanted. 1: it ran, but something was refused, failed or not as expected. 2: wrong usage or configuration. */
export type ExitCode = 0 | 1 | 2;

export interface Output {
  readonly json: boolean;
  /** A line for people, on standard output; nothing with `--json`. */
  say(line: string): void;
  /** The result: with `--json` one line of JSON, the last line of the output. */
  result(value: unknown): void;
  /** A line about the way, on standard error. */
  note(line: string): void;
}

export function createOutput(json: boolean, streams: { out: (text: string) => void; err: (text: string) => void }): Output {
  return {
    json,
    say: (line) => {
      if (!json) streams.out(`${line}\n`);
    },
    result: (value) => {
      if (json) streams.out(`${JSON.stringify(value)}\n`);
    },
    note: (line) => streams.err(`${line}\n`),
  };
}

const WRONG_CALL: ReadonlySet<string> = new Set(['usage', 'config', 'id-key', 'parameter', 'map-compile', 'profile-compile']);

/** Writes an error for a person: Indonesian, then English, then each issue. Never a stack trace, unless ILP_DEBUG asks for it. */
export function explain(error: unknown, output: Output): ExitCode {
  const known = error instanceof AppError ? error : new AppError('internal', {}, { cause: error });
  if (known.code === 'config' && known.issues.length > 0) {
    // Its text lists the same mistakes in one line.
    output.note('Konfigurasi salah / the configuration is wrong:');
    for (const { field, text } of known.issues) output.note(`  ${text.id} / ${text.en.replace(`${field}: `, '')}`);
  } else {
    output.note(`${known.text.id}\n${known.text.en}`);
    for (const issue of known.issues) output.note(`  ${lineOf(issue)}`);
  }
  if (known.code === 'store-unavailable') output.note(`  Periksa / check: ILP_DATABASE${systemCode(known)}`);
  output.result({ error: { code: known.code, text: known.text, issues: known.issues } });
  if (known.code === 'internal' && process.env.ILP_DEBUG) output.note(String((error as Error)?.stack ?? error));
  return WRONG_CALL.has(known.code) ? 2 : 1;
}

/** ` (ENOENT)`: the machine's word for the cause; its message could quote data and is not shown. */
function systemCode(error: AppError): string {
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause) {
    const { code } = cause as { code?: unknown };
    if (typeof code === 'string' && /^[A-Z0-9_]{3,40}$/.test(code)) return ` (${code})`;
  }
  return '';
}

/** `error  vitals.weight  field-range  Isian … / Field …` */
export function lineOf(issue: Issue): string {
  return [issue.severity, issue.field ?? issue.expression ?? '-', issue.rule ?? issue.code, `${issue.text.id} / ${issue.text.en}`].join(
    '  ',
  );
}
