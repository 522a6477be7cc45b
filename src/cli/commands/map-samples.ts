import path from 'node:path';
import { caseOf, type MapCase, type MapRooms, peopleOf } from '../../mapping/tools/index.ts';
import { FEEDS, type Feed } from '../../store/port.ts';
import { usage } from '../command-error.ts';
import type { Composition } from '../composition.ts';
import type { Output } from '../output.ts';
import { cut } from '../push.ts';
import { feedOf, read } from './push.ts';

export interface Sample {
  /** `encounters.ndjson:12` */
  readonly name: string;
  readonly one: MapCase;
}

interface Raw {
  readonly name: string;
  readonly feed: Feed;
  readonly value: unknown;
}

/**
 * Records of files, each with its feed: `--feed`, or the feed by whose name the file begins (`persons.ndjson`). A file that holds
 * `{feed, raw}` is a case and says all of it itself. A record that cannot be read is told of and left out.
 *
 * @throws AppError `usage` for a file that cannot be read or whose feed nobody says
 */
export async function samplesOf(
  { composition, output, rooms }: { composition: Composition; output: Output; rooms: MapRooms },
  files: readonly string[],
  feed?: string,
): Promise<readonly Sample[]> {
  const raws: Raw[] = [];
  const samples: Sample[] = [];
  for (const file of files) {
    const bytes = await read(file);
    for await (const { line, value, fault } of composition.readRecords(bytes, cut(bytes, file).contentType)) {
      const name = `${path.basename(file)}:${line}`;
      if (fault) {
        output.note(`${name}: ${fault.text.id} / ${fault.text.en}`);
        continue;
      }
      if (isCase(value)) samples.push({ name, one: value });
      else raws.push({ name, value, feed: feedOfFile(file, feed) });
    }
  }
  const people = peopleOf(
    rooms,
    raws.filter((raw) => raw.feed === 'persons').map(({ value }) => value),
  );
  return [...samples, ...raws.map(({ name, value, feed }) => ({ name, one: caseOf(rooms, feed, value, people) }))];
}

const isCase = (value: object): value is MapCase =>
  'raw' in value && 'feed' in value && FEEDS.some((feed) => feed === (value as { feed: unknown }).feed);

export function feedOfFile(file: string, given: string | undefined): Feed {
  if (given !== undefined) return feedOf(given);
  const named = FEEDS.find((feed) => path.basename(file).startsWith(feed));
  if (named === undefined) {
    const which = `--feed: ${FEEDS.join(' | ')}`;
    throw usage(`isian data ${path.basename(file)} belum disebut; ${which}`, `the feed of ${path.basename(file)} is not said; ${which}`);
  }
  return named;
}
