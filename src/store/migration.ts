import { digest } from './canonical.ts';

/** One step of the schema. A step that has been released is never edited: its checksum is recorded in every database. */
export interface Migration {
  /** `NNNN-name`, in order. */
  readonly name: string;
  /** Statements for this engine. */
  readonly sql: string;
}

export const checksumOf = (migration: Migration): string => digest(migration.sql);

/** Those of a schema of an earlier time: up to and with the named one. */
export const migrationsUpTo = (ours: readonly Migration[], last: string | undefined): readonly Migration[] =>
  last === undefined ? ours : ours.filter(({ name }) => name <= last);

/**
 * The migrations that a database lacks.
 *
 * @throws Error if a recorded one differs from ours: then this program does not know the schema it would work on
 */
export function missingMigrations(ours: readonly Migration[], recorded: ReadonlyMap<string, string>): readonly Migration[] {
  return ours.filter((migration) => {
    const checksum = recorded.get(migration.name);
    if (checksum !== undefined && checksum !== checksumOf(migration))
      throw new Error(`migration ${migration.name} was changed after it ran`);
    return checksum === undefined;
  });
}
