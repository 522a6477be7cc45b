import type { Resource } from '@medplum/fhirtypes';
import { sql } from 'kysely';
import { AppError } from '../errors/index.ts';
import { canonicalJson, digest } from './canonical.ts';
import { createSlices, type Engine, type Value, type Writer } from './engine.ts';
import { withoutMark } from './map-mark.ts';
import type { CommitResult, ResourceWrite } from './port.ts';
import { milliseconds } from './rows.ts';
import type { ResourceTable } from './schema.ts';
import { type IndexRows, indexResource } from './search-index.ts';

/** A resource as it is handed to the database, with all that needs no transaction. */
export interface PreparedResource {
  readonly reference: string;
  readonly facility: string | null;
  readonly submission: string | null;
  readonly at: string;
  readonly content: string;
  /** Worked out where the database is, unless it comes with it. */
  readonly derived?: Derived;
}

/** What is stored beside a content, and follows from it. */
interface Derived {
  readonly hash: string;
  readonly index: IndexRows;
}

/**
 * The part of the work that needs no transaction, with pauses for other requests.
 *
 * @param options.whole also what follows from the contents; a database with a thread of its own works that out there
 */
export async function prepareResources(
  writes: readonly ResourceWrite[],
  options: { readonly whole: boolean },
): Promise<readonly PreparedResource[]> {
  const pause = createSlices();
  const prepared: PreparedResource[] = [];
  for (const { resource: given, facility, submission, at } of writes) {
    const resource = withoutVersion(given);
    const content = JSON.stringify(resource);
    prepared.push({
      ...{ reference: `${resource.resourceType}/${resource.id}`, facility, submission, at, content },
      ...(options.whole && { derived: derive(content, resource) }),
    });
    await pause();
  }
  return prepared;
}

const derive = (content: string, resource: { resourceType: string }): Derived => ({
  hash: digest(withoutMark(content)),
  index: indexResource(resource),
});

type Complete = Required<PreparedResource>;
const completed = (item: PreparedResource): Complete => ({
  ...item,
  derived: item.derived ?? derive(item.content, JSON.parse(item.content)),
});
const idOf = ({ reference }: PreparedResource): string => reference.slice(reference.indexOf('/') + 1);
const typeOf = ({ reference }: PreparedResource): string => reference.slice(0, reference.indexOf('/'));

/** Hash by reference of what each was made from, null where there was nothing. See `ResourceWrite.basedOn`. */
export async function hashesOfBases(writes: readonly ResourceWrite[]): Promise<readonly Base[]> {
  const based = new Map<string, ResourceWrite>();
  for (const write of writes) {
    if (write.basedOn === undefined) continue;
    const reference = `${write.resource.resourceType}/${write.resource.id}`;
    if (!based.has(reference)) based.set(reference, write);
  }
  return [...based].map(([reference, { basedOn }]) => [
    reference,
    basedOn ? digest(withoutMark(JSON.stringify(withoutVersion(basedOn)))) : null,
  ]);
}

export type Base = readonly [reference: string, hash: string | null];

/**
 * All that will be written is locked, in the order in which it is written, so that two transactions do not lock each other out.
 *
 * @throws AppError `conflict` where the store holds something else than what was read
 */
export async function refuseStale(
  { dialect }: Pick<Engine, 'dialect'>,
  { db }: Writer,
  prepared: readonly PreparedResource[],
  bases: readonly Base[],
): Promise<void> {
  if (bases.length === 0) return;
  const rows = await db
    .selectFrom('resource')
    .select(['type', 'id', 'hash'])
    .where(dialect.inList(sql.ref('id'), prepared.map(idOf)))
    .orderBy('pk')
    .$if(dialect.locksRows, (query) => query.forUpdate())
    .execute();
  const current = new Map(rows.map(({ type, id, hash }) => [`${type}/${id}`, hash]));
  for (const [reference, hash] of bases) if ((current.get(reference) ?? null) !== hash) throw new AppError('conflict');
}

/** Version and time are the store's, so they are not content. `meta` comes third, where readers of JSON expect it. */
function withoutVersion(resource: Resource & { id: string }): Resource & { id: string } {
  const { resourceType, id, meta, ...rest } = resource;
  const { versionId: _version, lastUpdated: _time, ...kept } = meta ?? {};
  return { resourceType, id, ...(Object.keys(kept).length > 0 && { meta: kept }), ...rest } as Resource & { id: string };
}

/**
 * Those whose content is the stored one in another order of keys, with the version that is. The hash is of the text as it is written, because bringing each
 * resource into one order costs as much as checking it; only where the hash differs the contents themselves are compared.
 */
async function equalContents(
  { dialect }: Pick<Engine, 'dialect'>,
  { db }: Writer,
  prepared: readonly Complete[],
  current: ReadonlyMap<string, ResourceTable>,
): Promise<ReadonlyMap<PreparedResource, number>> {
  const differing = prepared.filter(({ reference, derived: { hash } }) => (current.get(reference)?.hash ?? hash) !== hash);
  if (differing.length === 0) return new Map();
  const stored = await db
    .selectFrom('resource')
    .innerJoin('resource_history', (join) =>
      join.onRef('resource_history.resource', '=', 'resource.pk').onRef('resource_history.version', '=', 'resource.version'),
    )
    .select(['resource.type', 'resource.id', 'resource_history.content'])
    .where(dialect.inList(sql.ref('resource.id'), differing.map(idOf)))
    .execute();
  const contents = new Map(stored.map(({ type, id, content }) => [`${type}/${id}`, canonicalJson(JSON.parse(withoutMark(content)))]));
  return new Map(
    differing
      .filter(({ reference, content }) => contents.get(reference) === canonicalJson(JSON.parse(withoutMark(content))))
      .map((item) => [item, current.get(item.reference)?.version ?? 0]),
  );
}

/** Newest time of what is delivered for each submission that changes something, ms. */
async function newestOfUnits(
  { dialect }: Pick<Engine, 'dialect'>,
  { db }: Writer,
  prepared: readonly PreparedResource[],
  current: ReadonlyMap<string, ResourceTable>,
): Promise<ReadonlyMap<string, number>> {
  const corrected = prepared.flatMap(({ reference, submission }) => (submission !== null && current.has(reference) ? [submission] : []));
  if (corrected.length === 0) return new Map();
  const units = await db
    .selectFrom('delivery')
    .select(['submission', 'resources'])
    .where(dialect.inList(sql.ref('submission'), [...new Set(corrected)]))
    .where('submission', 'is not', null)
    .execute();
  const submissionOf = new Map<string, string>();
  for (const { submission, resources } of units)
    for (const reference of JSON.parse(resources) as string[]) submissionOf.set(reference, submission as string);
  const rows = await db
    .selectFrom('resource')
    .select(['type', 'id', 'last_updated_ms'])
    .where(
      dialect.inList(
        sql.ref('id'),
        [...submissionOf.keys()].map((reference) => reference.slice(reference.indexOf('/') + 1)),
      ),
    )
    .execute();
  const newest = new Map<string, number>();
  for (const { type, id, last_updated_ms: at } of rows) {
    const submission = submissionOf.get(`${type}/${id}`);
    if (submission !== undefined) newest.set(submission, Math.max(newest.get(submission) ?? 0, at));
  }
  return newest;
}

const SEARCH_TABLES = ['search_token', 'search_reference', 'search_string', 'search_date'] as const;

/** Writes resources in order. A resource that comes twice gets the versions that its contents ask for. */
export async function writeResources(
  engine: Pick<Engine, 'dialect'>,
  writer: Writer,
  given: readonly PreparedResource[],
): Promise<CommitResult['resources']> {
  if (given.length === 0) return [];
  const prepared = given.map(completed);
  const { db } = writer;
  const { dialect } = engine;
  const ids = [...new Set(prepared.map(idOf))];
  // In order of pk, so that two transactions with the same resources wait for each other instead of locking each other out.
  const known = await db
    .selectFrom('resource')
    .selectAll()
    .where(dialect.inList(sql.ref('id'), ids))
    .orderBy('pk')
    .$if(dialect.locksRows, (query) => query.forUpdate())
    .execute();
  const current = new Map<string, ResourceTable>(known.map((row) => [`${row.type}/${row.id}`, row]));
  const same = await equalContents(engine, writer, prepared, current);
  const newest = await newestOfUnits(engine, writer, prepared, current);
  const fresh = new Set(prepared.map(({ reference }) => reference).filter((reference) => !current.has(reference)));
  const numbers = [...(await writer.allocate('resource', fresh.size))];

  const results: CommitResult['resources'][number][] = [];
  const dirty = new Map<string, ResourceTable>();
  const history: Value[][] = [];
  const latest = new Map<string, Complete>();
  for (const item of prepared) {
    const { reference, facility, submission, at, content } = item;
    const { hash } = item.derived;
    const before = current.get(reference);
    const unchanged = before !== undefined && (before.hash === hash || same.get(item) === before.version);
    const row: ResourceTable = {
      pk: before?.pk ?? (numbers.shift() as number),
      type: typeOf(item),
      id: idOf(item),
      version: unchanged ? before.version : (before?.version ?? 0) + 1,
      hash: unchanged ? before.hash : hash,
      // Never back, nor behind anything of its unit: what was sent of a unit is marked by the newest time in it, and clocks are set back.
      last_updated_ms: unchanged
        ? before.last_updated_ms
        : Math.max(milliseconds(at), (before?.last_updated_ms ?? 0) + 1, (newest.get(submission ?? '') ?? 0) + 1),
      facility,
      submission: unchanged ? before.submission : submission,
    };
    if (!unchanged) {
      history.push([row.pk, row.version, row.last_updated_ms, row.submission, content]);
      latest.set(reference, item);
    }
    if (!unchanged || before.facility !== row.facility) dirty.set(reference, row);
    current.set(reference, row);
    results.push({ reference, version: row.version, unchanged });
  }

  const replaced = [...latest.keys()].filter((reference) => !fresh.has(reference)).map((reference) => current.get(reference)?.pk ?? 0);
  if (replaced.length > 0) {
    for (const table of SEARCH_TABLES)
      await db
        .deleteFrom(table)
        .where(dialect.inList(sql.ref('resource'), replaced))
        .execute();
  }
  const tokens: Value[][] = [];
  const references: Value[][] = [];
  const strings: Value[][] = [];
  const dates: Value[][] = [];
  for (const [reference, { derived }] of latest) {
    const pk = current.get(reference)?.pk ?? 0;
    const { index } = derived;
    for (const row of index.tokens) tokens.push([pk, ...row]);
    for (const row of index.references) references.push([pk, ...row]);
    for (const row of index.strings) strings.push([pk, ...row]);
    for (const row of index.dates) dates.push([pk, ...row]);
  }
  await writer.insert(
    'resource',
    ['pk', 'type', 'id', 'version', 'hash', 'last_updated_ms', 'facility', 'submission'],
    [...dirty.values()].map((row) => [row.pk, row.type, row.id, row.version, row.hash, row.last_updated_ms, row.facility, row.submission]),
    { key: ['pk'], update: ['version', 'hash', 'last_updated_ms', 'facility', 'submission'] },
  );
  await writer.insert('resource_history', ['resource', 'version', 'last_updated_ms', 'submission', 'content'], history);
  await writer.insert('search_token', ['resource', 'parameter', 'code', 'system'], tokens);
  await writer.insert('search_reference', ['resource', 'parameter', 'target'], references);
  await writer.insert('search_string', ['resource', 'parameter', 'value', 'exact'], strings);
  await writer.insert('search_date', ['resource', 'parameter', 'low', 'high'], dates);
  return results;
}
