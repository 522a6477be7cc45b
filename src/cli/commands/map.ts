import type { Action } from '../program.ts';
import { cut } from '../push.ts';
import { feedOf, read } from './push.ts';

/** Maps a file as intake would, against the registers of the configured database, and stores nothing. Exit code 1 if one would be refused. */
export const mapFile =
  (file: string, feed: string): Action =>
  async (composition, output) => {
    const name = feedOf(feed);
    const bytes = await read(file);
    const result = await composition.dryRun(composition.readConfig(process.env), name, bytes, cut(bytes, file).contentType);
    output.say(JSON.stringify(result, null, 2));
    output.result(result);
    const refused = result.filter(({ verdict }) => verdict.state === 'failed').length;
    output.note(`${result.length} data / records, ${refused} akan ditolak / would be refused`);
    return refused === 0 ? 0 : 1;
  };
