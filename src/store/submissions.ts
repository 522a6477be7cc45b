import { sql } from 'kysely';
import { AppError } from '../errors/index.ts';
import type { Engine, Writer } from './engine.ts';
import type { ChangeSet, SubmissionWrite } from './port.ts';
import type { SubmissionTable } from './schema.ts';

const COLUMNS = [
  'id',
  'version',
  'seq',
  'is_current',
  'feed',
  'source_system',
  'source_id',
  'source_updated_at',
  'client',
  'facility',
  'content_hash',
  'fingerprint',
  'duplicate_of',
  'state',
  'reason',
  'issues',
  'unused',
  'resources',
  'story',
  'received_at',
  'updated_at',
] as const satisfies readonly (keyof SubmissionTable)[];

/**
 * Numbers from here on, one after another. Called under the order lock, so that a follower of the feed that has seen number n will
 * never see a smaller one appear.
 */
export async function createSequence({ db }: Writer): Promise<() => number> {
  const { last } = await db
    .selectFrom('submission')
    .select(({ fn }) => fn.max('seq').as('last'))
    .executeTakeFirstOrThrow();
  let seq = last ?? 0;
  return () => {
    seq += 1;
    return seq;
  };
}

/** Writes new versions of submissions. @throws AppError `conflict` if one is not the version after the current one */
export async function writeSubmissions(
  { dialect }: Pick<Engine, 'dialect'>,
  writer: Writer,
  writes: readonly SubmissionWrite[],
  nextSeq: () => number,
): Promise<void> {
  if (writes.length === 0) return;
  const ids = [...new Set(writes.map(({ id }) => id))];
  const known = await writer.db
    .selectFrom('submission')
    .select(['id', 'version'])
    .where(dialect.inList(sql.ref('id'), ids))
    .where('is_current', '=', 1)
    .execute();
  const versions = new Map(known.map((row) => [row.id, row.version]));
  for (const { id, version } of writes) {
    if (version !== (versions.get(id) ?? 0) + 1) throw new AppError('conflict');
    versions.set(id, version);
  }
  await refuseRaced({ dialect }, writer, writes);
  if (known.length > 0) {
    await writer.db
      .updateTable('submission')
      .set({ is_current: 0 })
      .where(dialect.inList(sql.ref('id'), ids))
      .where('is_current', '=', 1)
      .execute();
  }
  await writer.insert(
    'submission',
    COLUMNS,
    writes.map((write) => [
      write.id,
      write.version,
      nextSeq(),
      versions.get(write.id) === write.version ? 1 : 0,
      write.feed,
      write.sourceSystem,
      write.sourceId,
      write.sourceUpdatedAt,
      write.client,
      write.facility,
      write.contentHash,
      write.fingerprint,
      write.duplicateOf,
      write.state,
      write.reason,
      JSON.stringify(write.issues),
      JSON.stringify(write.unused),
      JSON.stringify(write.resources),
      JSON.stringify(write.story),
      write.receivedAt,
      write.receivedAt,
    ]),
  );
  await writer.insert(
    'submission_payload',
    ['id', 'version', 'payload'],
    writes.map(({ id, version, payload }) => [id, version, payload]),
  );
}

/**
 * Two processes may take the same event under two keys at the same moment: each looked for it before the other had written. The later
 * one looks again, and finds a duplicate.
 *
 * @throws AppError `conflict`
 */
async function refuseRaced({ dialect }: Pick<Engine, 'dialect'>, { db }: Writer, writes: readonly SubmissionWrite[]): Promise<void> {
  const latest = new Map(writes.map((write) => [write.id, write]));
  const prints = [...latest.values()].flatMap(({ fingerprint, state }) =>
    fingerprint === null || state === 'cancelled' ? [] : [fingerprint],
  );
  if (prints.length === 0) return;
  const others = await db
    .selectFrom('submission')
    .select('id')
    .where(dialect.inList(sql.ref('fingerprint'), prints))
    .where('fingerprint', 'is not', null)
    .where('is_current', '=', 1)
    .where((where) => where.or([where('state', '<>', 'cancelled'), where('reason', '=', 'dismissed')]))
    .where((where) => where.or([where('reason', 'is', null), where('reason', '<>', 'refused')]))
    .execute();
  if (others.some(({ id }) => !latest.has(id))) throw new AppError('conflict');
}

export type SubmissionState = NonNullable<ChangeSet['submissionStates']>[number];

/** Changes the state of versions that exist, and adds a stage to their story. @throws AppError `conflict` if one does not exist */
export async function writeSubmissionStates(
  { dialect }: Pick<Engine, 'dialect'>,
  writer: Writer,
  states: readonly SubmissionState[],
  nextSeq: () => number,
): Promise<void> {
  if (states.length === 0) return;
  const rows = await writer.db
    .selectFrom('submission')
    .selectAll()
    .where(
      dialect.inList(
        sql.ref('id'),
        states.map(({ id }) => id),
      ),
    )
    .execute();
  const before = new Map(rows.map((row) => [`${row.id}/${row.version}`, row]));
  const changed = new Map<string, SubmissionTable>();
  for (const { id, version, state, reason, issues, at, stage } of states) {
    const key = `${id}/${version}`;
    const row = changed.get(key) ?? before.get(key);
    if (row === undefined) throw new AppError('conflict');
    const story = JSON.stringify([...JSON.parse(row.story), { stage, at, ...(reason && { reason }) }]);
    const told = issues ? JSON.stringify(issues) : row.issues;
    changed.set(key, { ...row, state, reason, story, seq: nextSeq(), updated_at: at, issues: told });
  }
  // All of them exist: each is an update, and many are one statement.
  await writer.insert(
    'submission',
    COLUMNS,
    [...changed.values()].map((row) => COLUMNS.map((column) => row[column])),
    { key: ['id', 'version'], update: ['state', 'reason', 'issues', 'story', 'seq', 'updated_at'] },
  );
}
