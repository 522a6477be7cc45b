import { sql } from 'kysely';
import { AppError } from '../errors/index.ts';
import { checkFence, refreshStandings, writeDeliveries, writeOutcomes } from './deliveries.ts';
import { writeActs } from './delivery-events.ts';
import { tellDependants } from './dependants.ts';
import type { Engine, Value, Writer } from './engine.ts';
import type { ChangeSet, CommitResult, Fence } from './port.ts';
import { type Base, type PreparedResource, refuseStale, writeResources } from './resources.ts';
import { createSequence, type SubmissionState, writeSubmissionStates, writeSubmissions } from './submissions.ts';

export interface CommitInput {
  readonly changes: Omit<ChangeSet, 'resources'>;
  /** Their contents are the texts, in the same order. */
  readonly resources: readonly Omit<PreparedResource, 'content'>[];
  readonly bases: readonly Base[];
  readonly fence?: Fence | undefined;
}

/** A commit of its own. @throws AppError `conflict` where something is not as it was read, or the lease is lost */
export async function commitPrepared(
  engine: Pick<Engine, 'dialect'>,
  writer: Writer,
  { changes, resources, bases, fence }: CommitInput,
  texts: readonly string[],
): Promise<CommitResult> {
  const prepared = resources.map((row, index) => ({ ...row, content: texts[index] as string }));
  await refuseStale(engine, writer, prepared, bases);
  return commit(engine, writer, changes, prepared, fence);
}

/**
 * Resources come first, then the order lock, then registers and what is numbered or queued under it: all in the same order, so that two
 * processes do not lock each other out. Outcomes are written under the lock and touch registers, so registers are never touched before it.
 */
export async function commit(
  engine: Pick<Engine, 'dialect'>,
  writer: Writer,
  changes: ChangeSet,
  prepared: readonly PreparedResource[],
  fence: Fence | undefined,
): Promise<CommitResult> {
  const resources = await writeResources(engine, writer, prepared);
  const { submissions = [], submissionStates = [], deliveries = [], deliveryOutcomes = [], deliveryEvents = [], audits = [] } = changes;
  const inOrder =
    fence !== undefined ||
    submissions.length + submissionStates.length + deliveries.length + deliveryOutcomes.length + deliveryEvents.length > 0;
  if (inOrder) await writer.lockOrder();
  await writeRegisters(writer, changes);
  if (inOrder) {
    if (fence) await checkFence(engine, writer, fence);
    const settled = await writeOutcomes(engine, writer, deliveryOutcomes);
    const { changed, left } = await writeDeliveries(engine, writer, deliveries);
    const affected = await refreshStandings(engine, writer, [...settled, ...changed], left);
    await writeActs(engine, writer, deliveryEvents);
    if (submissions.length + submissionStates.length > 0) {
      const nextSeq = await createSequence(writer);
      await writeSubmissions(engine, writer, submissions, nextSeq);
      await refuseOrphans(engine, writer, changes);
      await writeSubmissionStates(engine, writer, await dueStates(engine, writer, submissionStates), nextSeq);
    }
    if (affected.length > 0) await tellDependants(engine, writer, affected);
  }
  await writer.insert(
    'audit',
    ['at', 'client', 'action', 'target', 'outcome', 'code', 'request_id', 'count'],
    audits.map((row) => [row.at, row.client, row.action, row.target, row.outcome, row.code, row.requestId, row.count]),
  );
  return { resources };
}

/** Without those that wait for other deliveries of their submission. What is written in this transaction counts. */
async function dueStates(
  { dialect }: Pick<Engine, 'dialect'>,
  { db }: Writer,
  states: readonly SubmissionState[],
): Promise<readonly SubmissionState[]> {
  const asked = states.filter(({ whenDelivered }) => whenDelivered !== undefined);
  if (asked.length === 0) return states;
  const open = await db
    .selectFrom('delivery')
    .select(['submission', 'environment'])
    .where(
      dialect.inList(
        sql.ref('submission'),
        asked.map(({ id }) => id),
      ),
    )
    .where('submission', 'is not', null)
    .where('state', 'not in', ['completed', 'cancelled'])
    .execute();
  const isOpen = new Set(open.map(({ submission, environment }) => `${submission} ${environment}`));
  const told = new Set<string>();
  return states.filter(({ id, whenDelivered }) => {
    if (whenDelivered === undefined) return true;
    const name = `${id} ${whenDelivered}`;
    // Two last ones that are written together complete it once.
    if (isOpen.has(name) || told.has(name)) return false;
    told.add(name);
    return true;
  });
}

/** A duplicate whose original is gone would be counted and sent by nobody. */
async function refuseOrphans({ dialect }: Pick<Engine, 'dialect'>, { db }: Writer, changes: ChangeSet): Promise<void> {
  const duplicates = (changes.submissions ?? []).filter(({ reason }) => reason === 'duplicate').map((write) => write.fingerprint);
  const prints = [...new Set([...duplicates, ...(changes.freedFingerprints ?? [])])].filter((print) => print !== null);
  if (prints.length === 0) return;
  const rows = await db
    .selectFrom('submission')
    .select(['fingerprint', 'state', 'reason'])
    .where(dialect.inList(sql.ref('fingerprint'), prints))
    .where('fingerprint', 'is not', null)
    .where('is_current', '=', 1)
    .execute();
  const told = new Set(
    rows.filter(({ state, reason }) => state !== 'cancelled' || reason === 'dismissed').map(({ fingerprint }) => fingerprint),
  );
  if (rows.some(({ fingerprint }) => !told.has(fingerprint))) throw new AppError('conflict');
}

async function writeRegisters(writer: Writer, changes: ChangeSet): Promise<void> {
  await writer.insert(
    'facility',
    ['code', 'kind', 'name', 'supervisor', 'puskesmas', 'village', 'time_zone', 'organization', 'location', 'active'],
    lastByKey(changes.facilities, ({ code }) => code).map((entry) => [
      entry.code,
      entry.kind,
      entry.name,
      entry.supervisor,
      entry.puskesmas,
      entry.village,
      entry.timeZone,
      entry.organization,
      entry.location,
      entry.active ? 1 : 0,
    ]),
    {
      key: ['code'],
      update: ['kind', 'name', 'supervisor', 'puskesmas', 'village', 'time_zone', 'organization', 'location', 'active'],
    },
  );
  await writer.insert(
    'person',
    ['source_key', 'nik_hash', 'patient', 'birth_date', 'sex', 'facility'],
    lastByKey(changes.persons, ({ sourceKey }) => sourceKey).map((entry): Value[] => [
      entry.sourceKey,
      entry.nikHash,
      entry.patient,
      entry.birthDate,
      entry.sex,
      entry.facility,
    ]),
    { key: ['source_key'], update: ['nik_hash', 'patient', 'birth_date', 'sex', 'facility'] },
  );
  await writer.insert(
    'practitioner',
    ['source_key', 'nik_hash', 'practitioner', 'name', 'profession', 'facility'],
    lastByKey(changes.practitioners, ({ sourceKey }) => sourceKey).map((entry): Value[] => [
      entry.sourceKey,
      entry.nikHash,
      entry.practitioner,
      entry.name,
      entry.profession,
      entry.facility,
    ]),
    { key: ['source_key'], update: ['nik_hash', 'practitioner', 'name', 'profession', 'facility'] },
  );
  await writer.insert(
    'platform_id',
    ['environment', 'reference', 'platform_id', 'platform_version', 'at', 'theirs'],
    lastByKey(changes.platformIds, ({ environment, reference }) => `${environment} ${reference}`).map((row): Value[] => [
      row.environment,
      row.reference,
      row.platformId,
      row.platformVersion,
      row.at,
      Number(row.theirs === true),
    ]),
    { key: ['environment', 'reference'], update: ['platform_id', 'platform_version', 'at', 'theirs'] },
  );
  await writer.insert(
    'identity',
    ['environment', 'key', 'platform_id', 'checked_at'],
    lastByKey(changes.identities, ({ environment, key }) => `${environment} ${key}`).map((row): Value[] => [
      row.environment,
      row.key,
      row.platformId,
      row.checkedAt,
    ]),
    { key: ['environment', 'key'], update: ['platform_id', 'checked_at'] },
  );
}

/** One row a key, the last one; in the order of the keys, so that two transactions lock rows in the same order. */
function lastByKey<T>(rows: readonly T[] = [], keyOf: (row: T) => string): readonly T[] {
  const byKey = new Map(rows.map((row) => [keyOf(row), row]));
  return [...byKey.keys()].sort().map((key) => byKey.get(key) as T);
}
