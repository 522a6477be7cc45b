import type { Action } from '../program.ts';
import { cut } from '../push.ts';
import { feedOf, read } from './push.ts';

/** Maps a file as intake would, against the registers of the configured database, and stores nothing. */
export const mapFile =
  (file: string, feed: string): Action =>
  async (composition, output) => {
    const bytes = await read(file);
    const result = await composition.dryRun(composition.readConfig(process.env), feedOf(feed), bytes, cut(bytes, file).contentType);
    output.say(JSON.stringify(result, null, 2));
    output.result(result);
    return JSON.stringify(result).includes('"severity":"error"') ? 1 : 0;
  };
