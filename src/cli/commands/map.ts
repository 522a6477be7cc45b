import { idOfRole, tryCase } from '../../mapping/tools/index.ts';
import type { Explained } from '../../mapping/types.ts';
import type { Action } from '../program.ts';
import { cut } from '../push.ts';
import { feedOfFile, samplesOf } from './map-samples.ts';
import { read } from './push.ts';

export interface MapFlags {
  readonly feed?: string;
  readonly explain?: boolean;
}

/** Maps a file as intake would, against the registers of the configured database, and stores nothing. Exit code 1 if one would be refused. */
export const mapFile =
  (file: string, flags: MapFlags): Action =>
  async (composition, output) => {
    if (flags.explain === true) return explainFile(file, flags)(composition, output);
    const name = feedOfFile(file, flags.feed);
    const bytes = await read(file);
    const result = await composition.dryRun(composition.readConfig(process.env), name, bytes, cut(bytes, file).contentType);
    output.say(JSON.stringify(result, null, 2));
    output.result(result);
    const refused = result.filter(({ verdict }) => verdict.state === 'failed').length;
    output.note(`${result.length} data / records, ${refused} akan ditolak / would be refused`);
    return refused === 0 ? 0 : 1;
  };

/** Which rule made which element from which field. Needs no database: what registers would give is stood in for. */
const explainFile =
  (file: string, { feed }: MapFlags): Action =>
  async (composition, output) => {
    const rooms = composition.mapRooms();
    const results: unknown[] = [];
    for (const { name, one } of await samplesOf({ composition, output, rooms }, [file], feed)) {
      const { record, context, mapped } = tryCase(rooms, one);
      const explained = rooms.mapper.explain(one.feed, record, context, idOfRole);
      output.say(`${name}  ${one.feed}`);
      for (const line of linesOf(explained)) output.say(line);
      if (mapped.unused.length > 0) output.say(`tidak dipakai / not used: ${mapped.unused.join(', ')}\n`);
      results.push({ record: name, feed: one.feed, elements: explained.map(rowOf), unused: mapped.unused });
    }
    output.result(results);
    return 0;
  };

/** Under each resource its elements: element ← field, and the rule. */
function* linesOf(explained: readonly Explained[]): Generator<string> {
  const rows = explained.map(({ role, expression, field, site }) => {
    const source = field === '' ? '–' : field;
    return { role, expression, source, rule: `${placeOf(site)} ${site.group}/${site.rule}` };
  });
  const [left, right] = (['expression', 'source'] as const).map((key) => Math.max(0, ...rows.map((row) => row[key].length)));
  for (const role of new Set(rows.map((row) => row.role))) {
    yield `  ${role}`;
    for (const row of rows) {
      if (row.role === role) yield `    ${row.expression.padEnd(left ?? 0)}  ← ${row.source.padEnd(right ?? 0)}  ${row.rule}`;
    }
  }
}

/** `encounters.map:31`; a map made from tables has no lines. */
export const placeOf = ({ map, line }: { readonly map: string; readonly line: number }): string => (line > 0 ? `${map}:${line}` : map);

const rowOf = ({ role, expression, field, site: { map, line, group, rule } }: Explained) => ({
  ...{ role, expression, field, map, group, rule },
  ...(line > 0 && { line }),
});
