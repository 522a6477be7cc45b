import path from 'node:path';
import type { Action } from '../program.ts';
import { read } from './push.ts';

/** Runs the first group of a map of any kind, from FHIR or other JSON to FHIR; nothing of this service is touched. Exit code 1 if it reported anything. */
export const runMapFile =
  (map: string, file: string, flags: { readonly import?: readonly string[] }): Action =>
  async (composition, output) => {
    const textOf = async (name: string) => ({ name: path.basename(name), text: new TextDecoder().decode(await read(name)) });
    const transform = composition.transform([await textOf(map), ...(await Promise.all((flags.import ?? []).map(textOf)))]);
    const results: { readonly targets: readonly object[]; readonly issues: readonly object[] }[] = [];
    for await (const { value } of composition.readRecords(
      await read(file),
      file.endsWith('.ndjson') ? 'application/x-ndjson' : 'application/json',
    )) {
      const { targets, issues } = transform(value);
      for (const target of targets) output.say(JSON.stringify(target, null, 2));
      for (const { text: said } of issues) output.note(`${said.id} / ${said.en}`);
      results.push({ targets, issues });
    }
    output.result(results);
    return results.some(({ issues }) => issues.length > 0) ? 1 : 0;
  };
