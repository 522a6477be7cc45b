import type { Issue } from '../../errors/index.ts';
import type { Preflight } from '../../validation/index.ts';
import type { Composition } from '../composition.ts';
import { lineOf } from '../output.ts';
import type { Action } from '../program.ts';
import { read } from './push.ts';

/** Checks resources (JSON, or NDJSON with one a line; Bundles entry by entry too). Exit code 1 if any has an error. */
export const validateFiles =
  (files: readonly string[]): Action =>
  async (composition, output) => {
    const results: Array<{ file: string; line: number } & Checked> = [];
    for (const file of files) {
      const text = Buffer.from(await read(file)).toString('utf8');
      const parts = /\.(ndjson|jsonl)$/i.test(file) ? text.split('\n') : [text];
      for (const [index, part] of parts.entries()) {
        if (part.trim() === '') continue;
        results.push({ file, line: index + 1, ...check(part, composition.validate) });
      }
    }
    for (const { file, line, issues, preflight } of results) {
      for (const issue of issues) output.say(`${file}:${line}  ${lineOf(issue)}`);
      if (preflight) output.say(`${file}:${line}  SATUSEHAT: ${inWords(preflight)}`);
    }
    const errors = results.filter(({ issues }) => issues.some((issue) => issue.severity === 'error')).length;
    output.say(`${results.length} diperiksa / checked, ${errors} salah / wrong`);
    output.result({ checked: results.length, wrong: errors, results });
    return errors === 0 ? 0 : 1;
  };

type Checked = Partial<ReturnType<Composition['validate']>> & { readonly issues: readonly Issue[] };

function check(text: string, validate: Composition['validate']): Checked {
  try {
    return validate(JSON.parse(text));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { issues: [{ severity: 'error', code: 'json-syntax', text: { id: 'Bukan JSON yang benar.', en: 'Not valid JSON.' } }] };
  }
}

/** The verdict in a line, Indonesian first. */
function inWords({ verdict, refusedBy, onlyServer }: Preflight): string {
  if (verdict === 'accepted') return 'akan diterima / will be accepted';
  if (refusedBy) {
    const by = refusedBy.rule === undefined ? refusedBy.code : `aturan ${refusedBy.rule}`;
    return `akan ditolak (${by}): ${refusedBy.text.id} / will be refused: ${refusedBy.text.en}`;
  }
  const facts = onlyServer.map(
    ({ text, rule, expressions }) => `${text.id} ${text.en}${rule ? ` (${rule})` : ''}: ${expressions.join(', ')}`,
  );
  return `hanya server yang tahu / only the server can know: ${facts.join('; ')}`;
}
