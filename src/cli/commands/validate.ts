import type { Issue } from '../../errors/index.ts';
import { lineOf } from '../output.ts';
import type { Action } from '../program.ts';
import { read } from './push.ts';

/** Checks resources (JSON, or NDJSON with one a line; Bundles entry by entry too). Exit code 1 if any has an error. */
export const validateFiles =
  (files: readonly string[]): Action =>
  async (composition, output) => {
    const results: Array<{ file: string; line: number; issues: readonly Issue[] }> = [];
    for (const file of files) {
      const text = Buffer.from(await read(file)).toString('utf8');
      const parts = /\.(ndjson|jsonl)$/i.test(file) ? text.split('\n') : [text];
      for (const [index, part] of parts.entries()) {
        if (part.trim() === '') continue;
        results.push({ file, line: index + 1, issues: check(part, composition.validate) });
      }
    }
    for (const { file, line, issues } of results) for (const issue of issues) output.say(`${file}:${line}  ${lineOf(issue)}`);
    const errors = results.filter(({ issues }) => issues.some((issue) => issue.severity === 'error')).length;
    output.say(`${results.length} diperiksa / checked, ${errors} salah / wrong`);
    output.result({ checked: results.length, wrong: errors, results });
    return errors === 0 ? 0 : 1;
  };

function check(text: string, validate: (resource: unknown) => readonly Issue[]): readonly Issue[] {
  try {
    return validate(JSON.parse(text));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return [{ severity: 'error', code: 'json-syntax', text: { id: 'Bukan JSON yang benar.', en: 'Not valid JSON.' } }];
  }
}
