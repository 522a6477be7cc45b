import { sql } from 'kysely';
import { mayReadResource, mayReadSubmission, mayReadVersion } from './access.ts';
import { createBacklog } from './backlog.ts';
import { extendLease } from './claims.ts';
import { completedDeliveries, forgetPlatformIds, rewriteSecrets } from './completed.ts';
import { databaseNow } from './database-now.ts';
import { decideDeliveries } from './decisions.ts';
import { releaseHeld } from './deliveries.ts';
import { readTrail } from './delivery-events.ts';
import { putDifferences, readDifferences, resolveDifferences } from './differences.ts';
import type { Engine, Writer } from './engine.ts';
import { guard } from './failure.ts';
import type { AccessContext, ResourceWrite, Store, StoredResource } from './port.ts';
import { hashesOfBases, prepareResources } from './resources.ts';
import {
  instant,
  type ResourceRow,
  toAudit,
  toClient,
  toCredential,
  toDelivery,
  toFacility,
  toJobRun,
  toPerson,
  toPractitioner,
  toResource,
  toSubmission,
} from './rows.ts';
import type { SubmissionTable } from './schema.ts';
import { searchResources } from './search.ts';
import { cancelDeliveries, deliveryGroups, deliveryPage, retryDeliveries } from './selection.ts';
import { createSettlements } from './settlements.ts';
import { putShared, readShared } from './shared-state.ts';

const LIMIT = 100;
/** What a person cancelled still tells its event, lest the same told by another is sent. */
const TELLS = sql`(s.state <> 'cancelled' or s.reason = 'dismissed')`;

/** The storage port over an engine. */
export function createStore(engine: Engine): Store {
  const { dialect, reader } = engine;
  const write = <T>(work: (writer: Writer) => Promise<T>) => guard(() => engine.write(work));
  const submissionColumns = sql.raw('s.*');
  const ahead = new WeakMap<readonly ResourceWrite[], ReturnType<typeof prepareResources>>();

  const readResources = async (condition: ReturnType<typeof sql>, context: AccessContext): Promise<readonly StoredResource[]> => {
    const { rows } = await sql<ResourceRow>`
      select h.version, h.last_updated_ms, r.facility, h.submission, h.content
      from resource r join resource_history h on h.resource = r.pk
      where ${condition} and ${mayReadResource(dialect, context)} and ${mayReadVersion(dialect, context)}`.execute(reader);
    return rows.map(toResource);
  };

  const backlog = createBacklog(engine);
  const settlements = createSettlements(engine);

  return {
    engine: engine.name,
    migrate: (options) => guard(() => engine.migrate(options?.dryRun ?? false)),
    ping: () => guard(() => engine.ping()),
    close: () => guard(() => engine.close()),

    setting: (name, create) =>
      guard(async () => {
        const stored = await reader.selectFrom('setting').select('value').where('name', '=', name).executeTakeFirst();
        if (stored || !create) return stored?.value;
        const value = create();
        return engine.write(async ({ db }) => {
          await db
            .insertInto('setting')
            .values({ name, value })
            .onConflict((conflict) => conflict.column('name').doNothing())
            .execute();
          return (await db.selectFrom('setting').select('value').where('name', '=', name).executeTakeFirstOrThrow()).value;
        });
      }),

    prepare: ({ resources }) =>
      guard(async () => {
        if (!resources) return;
        const prepared = prepareResources(resources, { whole: !engine.worksElsewhere });
        ahead.set(resources, prepared);
        await prepared;
      }),
    commit: (changes, fence) =>
      guard(async () => {
        const together = fence && settlements.commit(changes, fence);
        if (together) return together;
        const { resources = [], ...rest } = changes;
        const prepared = await (ahead.get(resources) ?? prepareResources(resources, { whole: !engine.worksElsewhere }));
        return engine.run(
          'commit',
          {
            changes: rest,
            resources: prepared.map(({ content: _content, ...row }) => row),
            bases: await hashesOfBases(resources),
            ...(fence && { fence }),
          },
          prepared.map(({ content }) => content),
        );
      }),

    // ---- submissions
    submissionsById: (context, ids) =>
      guard(async () => {
        const { rows } = await sql<SubmissionTable>`
          select ${submissionColumns} from submission s
          where ${dialect.inList(sql.ref('s.id'), ids)} and s.is_current = 1 and ${mayReadSubmission(dialect, context)}
          order by s.seq`.execute(reader);
        return rows.map(toSubmission);
      }),
    submissionVersions: (context, id) =>
      guard(async () => {
        const { rows } = await sql<SubmissionTable>`
          select ${submissionColumns} from submission s
          where s.id = ${id} and ${mayReadSubmission(dialect, context)} order by s.version desc`.execute(reader);
        return rows.map(toSubmission);
      }),
    submissionsByFingerprint: (fingerprints) =>
      guard(async () => {
        const { rows } = await sql<SubmissionTable>`
          select ${submissionColumns} from submission s
          where ${dialect.inList(sql.ref('s.fingerprint'), fingerprints)} and s.fingerprint is not null and s.is_current = 1
            and ${TELLS}
          order by s.seq`.execute(reader);
        return rows.map(toSubmission);
      }),
    duplicatesByFingerprint: (fingerprints) =>
      guard(async () => {
        const { rows } = await sql<SubmissionTable>`
          select ${submissionColumns} from submission s
          where ${dialect.inList(sql.ref('s.fingerprint'), fingerprints)} and s.fingerprint is not null and s.is_current = 1
            and s.reason = 'duplicate'
          order by s.seq`.execute(reader);
        return rows.map(toSubmission);
      }),
    submissionFeed: (context, query) =>
      guard(async () => {
        const conditions = [
          sql`s.is_current = 1`,
          sql`s.seq > ${query.after ?? 0}`,
          mayReadSubmission(dialect, context),
          ...(query.facility === undefined ? [] : [sql`s.facility = ${query.facility}`]),
          ...(query.feed === undefined ? [] : [sql`s.feed = ${query.feed}`]),
          ...(query.state === undefined ? [] : [sql`s.state = ${query.state}`]),
          ...(query.reason === undefined ? [] : [sql`s.reason = ${query.reason}`]),
        ];
        const { rows } = await sql<SubmissionTable>`
          select ${submissionColumns} from submission s where ${sql.join(conditions, sql` and `)}
          order by s.seq limit ${query.limit}`.execute(reader);
        return rows.map(toSubmission);
      }),
    submissionPayload: (context, id, version) =>
      guard(async () => {
        const { rows } = await sql<{ payload: string }>`
          select p.payload from submission s join submission_payload p on p.id = s.id and p.version = s.version
          where s.id = ${id} and ${version === undefined ? sql`s.is_current = 1` : sql`s.version = ${version}`}
            and ${mayReadSubmission(dialect, context)}`.execute(reader);
        return rows[0]?.payload;
      }),
    submissionCounts: (context) =>
      guard(async () => {
        const { rows } = await sql<{ feed: string; state: string; reason: string | null; count: number }>`
          select s.feed, s.state, s.reason, count(*) as count from submission s
          where s.is_current = 1 and ${mayReadSubmission(dialect, context)}
          group by s.feed, s.state, s.reason order by s.feed, s.state, s.reason`.execute(reader);
        return rows as never;
      }),

    // ---- registers
    facilities: (codes) =>
      guard(async () => {
        const rows = await reader
          .selectFrom('facility')
          .selectAll()
          .$if(codes !== undefined, (query) => query.where(dialect.inList(sql.ref('code'), codes ?? [])))
          .orderBy('code')
          .execute();
        return rows.map(toFacility);
      }),
    persons: ({ sourceKeys = [], nikHashes = [] }) =>
      guard(async () => {
        const rows = await reader
          .selectFrom('person')
          .selectAll()
          .where(({ or }) =>
            or([
              dialect.inList(sql.ref('source_key'), sourceKeys),
              sql<boolean>`(nik_hash is not null and ${dialect.inList(sql.ref('nik_hash'), nikHashes)})`,
            ] as never[]),
          )
          .orderBy('source_key')
          .execute();
        return rows.map(toPerson);
      }),
    practitioners: ({ sourceKeys = [], nikHashes = [] }) =>
      guard(async () => {
        const rows = await reader
          .selectFrom('practitioner')
          .selectAll()
          .where(({ or }) =>
            or([dialect.inList(sql.ref('source_key'), sourceKeys), dialect.inList(sql.ref('nik_hash'), nikHashes)] as never[]),
          )
          .orderBy('source_key')
          .execute();
        return rows.map(toPractitioner);
      }),

    // ---- FHIR resources
    resource: (context, type, id) =>
      guard(async () => (await readResources(sql`r.id = ${id} and r.type = ${type} and h.version = r.version`, context))[0]),
    resourceVersion: (context, type, id, version) =>
      guard(async () => (await readResources(sql`r.id = ${id} and r.type = ${type} and h.version = ${version}`, context))[0]),
    resources: (context, references) =>
      guard(async () => {
        const ids = references.map((reference) => reference.split('/')[1] ?? '');
        const found = await readResources(sql`${dialect.inList(sql.ref('r.id'), ids)} and h.version = r.version`, context);
        const byReference = new Map(found.map((stored) => [`${stored.resource.resourceType}/${stored.resource.id}`, stored]));
        return references.flatMap((reference) => byReference.get(reference) ?? []);
      }),
    search: (context, query) => guard(() => searchResources(engine, context, query)),

    // ---- deliveries
    claimDeliveries: (query) => guard(() => engine.run('claim', query)),
    markSent: (fence, at) => guard(() => settlements.markSent(fence, at)),
    extendLease: (fence, leaseMs) => write((writer) => extendLease(engine, writer, fence, leaseMs)),
    deliveries: (query) =>
      guard(async () => {
        const { submissionId, keys, environment, states, owner, limit = LIMIT } = query;
        const rows = await reader
          .selectFrom('delivery')
          .selectAll()
          .$if(submissionId !== undefined, (select) => select.where('submission', '=', submissionId as string))
          .$if(keys !== undefined, (select) => select.where(dialect.inList(sql.ref('delivery_key'), keys ?? [])))
          .$if(environment !== undefined, (select) => select.where('environment', '=', environment as string))
          .$if(states !== undefined, (select) => select.where(dialect.inList(sql.ref('state'), states ?? [])))
          .$if(owner !== undefined, (select) => select.where('owner', '=', owner as string))
          .orderBy('id')
          .limit(limit)
          .execute();
        return rows.map(toDelivery);
      }),
    deliveryCounts: (environment) =>
      guard(async () => {
        const rows = await reader
          .selectFrom('delivery')
          .select(({ fn }) => ['state', 'reason', 'kind', fn.countAll<number>().as('count')])
          .$if(environment !== undefined, (select) => select.where('environment', '=', environment as string))
          .groupBy(['state', 'reason', 'kind'])
          .orderBy('state')
          .orderBy('reason')
          .orderBy('kind')
          .execute();
        return rows as never;
      }),
    nextDeliveryAt: (environment) =>
      guard(async () => {
        const { rows } = await sql<{ due: number | null }>`
          select min(due_ms) as due from delivery
          where environment = ${environment} and state = 'ready' and dependency = 0 and preceded = 0`.execute(reader);
        const due = rows[0]?.due ?? null;
        return due === null ? undefined : instant(due);
      }),
    platformIds: (environment, references) =>
      guard(async () => {
        const rows = await reader
          .selectFrom('platform_id')
          .selectAll()
          .where('environment', '=', environment)
          .where(dialect.inList(sql.ref('reference'), references))
          .execute();
        return rows.map((row) => ({
          environment: row.environment,
          reference: row.reference,
          platformId: row.platform_id,
          platformVersion: row.platform_version,
          at: row.at,
          ...(row.theirs === 1 && { theirs: true as const }),
        }));
      }),
    identities: (environment, keys) =>
      guard(async () => {
        const rows = await reader
          .selectFrom('identity')
          .selectAll()
          .where('environment', '=', environment)
          .where(dialect.inList(sql.ref('key'), keys))
          .execute();
        return rows.map((row) => ({
          environment: row.environment,
          key: row.key,
          platformId: row.platform_id,
          checkedAt: row.checked_at,
        }));
      }),
    identityCandidates: ({ environment, after = '', limit }) =>
      guard(async () => {
        const page = (register: 'person' | 'practitioner', column: 'patient' | 'practitioner') => sql`
          select * from (
            select ${sql.ref(column)} as reference, min(facility) as facility from ${sql.table(register)}
            where ${sql.ref(column)} > ${after}
              and not exists (select 1 from platform_id p where p.environment = ${environment} and p.reference = ${sql.ref(column)})
            group by ${sql.ref(column)} order by ${sql.ref(column)} limit ${limit}) as ${sql.table(`${register}_page`)}`;
        const { rows } = await sql<{ reference: string; facility: string | null }>`
          select reference, facility from (${page('person', 'patient')} union all ${page('practitioner', 'practitioner')}) as pages
          order by reference limit ${limit}`.execute(reader);
        return rows;
      }),
    releaseHeld: (query) => write((writer) => releaseHeld(engine, writer, query)),

    // ---- deliveries, for people
    deliveryPage: (context, selection, page) => guard(() => deliveryPage(engine, context, selection, page)),
    deliveryGroups: (context, environment) => guard(() => deliveryGroups(engine, context, environment)),
    deliveryTrail: (context, environment, key) => guard(() => readTrail(engine, context, environment, key)),
    retryDeliveries: (context, selection, act) => write((writer) => retryDeliveries(engine, writer, context, selection, act)),
    cancelDeliveries: (context, selection, act) => write((writer) => cancelDeliveries(engine, writer, context, selection, act)),
    decideDeliveries: (context, selection, act, decision) =>
      write((writer) => decideDeliveries(engine, writer, context, selection, act, decision)),
    backlog: (environment, context) => guard(() => backlog(environment, context)),

    // ---- what processes share
    shared: (environment, names) => guard(() => readShared(engine, environment, names)),
    putShared: (environment, name, value, expected) => write((writer) => putShared(engine, writer, environment, name, value, expected)),

    // ---- reconciliation
    putDifferences: (differences) => write((writer) => putDifferences(writer, differences)),
    differences: (query) => guard(() => readDifferences(engine, query)),
    resolveDifferences: (query) => write((writer) => resolveDifferences(engine, writer, query)),

    completedDeliveries: (query) => guard(() => completedDeliveries(engine, query)),
    forgetPlatformIds: (environment, references) => write((writer) => forgetPlatformIds(engine, writer, environment, references)),

    // ---- clients and credentials
    rewriteSecrets: (rewrite) => write((writer) => rewriteSecrets(writer, rewrite)),
    clients: () => guard(async () => (await reader.selectFrom('client').selectAll().orderBy('id').execute()).map(toClient)),
    clientByKeyHash: (keyHash) =>
      guard(async () => {
        const row = await reader.selectFrom('client').selectAll().where('key_hash', '=', keyHash).executeTakeFirst();
        return row && toClient(row);
      }),
    putClient: (client) =>
      write(({ insert }) =>
        insert(
          'client',
          ['id', 'name', 'key_hash', 'scopes', 'source_systems', 'facilities', 'created_at', 'revoked_at'],
          [
            [
              client.id,
              client.name,
              client.keyHash,
              JSON.stringify(client.scopes),
              JSON.stringify(client.sourceSystems),
              JSON.stringify(client.facilities),
              client.createdAt,
              client.revokedAt,
            ],
          ],
          { key: ['id'], update: ['name', 'key_hash', 'scopes', 'source_systems', 'facilities', 'created_at', 'revoked_at'] },
        ),
      ),
    revokeClient: (id, at) =>
      write(async ({ db }) => {
        const { numUpdatedRows } = await db
          .updateTable('client')
          .set({ revoked_at: at })
          .where('id', '=', id)
          .where('revoked_at', 'is', null)
          .executeTakeFirst();
        return numUpdatedRows > 0n;
      }),
    credentials: (environment) =>
      guard(async () => {
        const rows = await reader.selectFrom('credential').selectAll().where('environment', '=', environment).orderBy('owner').execute();
        return rows.map(toCredential);
      }),
    putCredential: (credential) =>
      write(({ insert }) =>
        insert(
          'credential',
          ['environment', 'owner', 'organization_id', 'client_id', 'secret', 'created_at', 'allowed_hours'],
          [
            [
              credential.environment,
              credential.owner,
              credential.organizationId,
              credential.clientId,
              credential.secret,
              credential.createdAt,
              credential.allowedHours,
            ],
          ],
          { key: ['environment', 'owner'], update: ['organization_id', 'client_id', 'secret', 'created_at', 'allowed_hours'] },
        ),
      ),
    deleteCredential: (environment, owner) =>
      write(async ({ db }) => {
        const { numDeletedRows } = await db
          .deleteFrom('credential')
          .where('environment', '=', environment)
          .where('owner', '=', owner)
          .executeTakeFirst();
        return numDeletedRows > 0n;
      }),

    // ---- jobs
    acquireLease: (name, holder, ttlMs) =>
      write(async ({ db }) => {
        const now = await databaseNow(engine, db);
        const { rows } = await sql<{ holder: string }>`
          insert into lease (name, holder, until_ms) values (${name}, ${holder}, ${now + ttlMs})
          on conflict (name) do update set holder = excluded.holder, until_ms = excluded.until_ms
          where lease.holder = excluded.holder or lease.until_ms < ${now}
          returning holder`.execute(db);
        return rows.length > 0;
      }),
    releaseLease: (name, holder) =>
      write(async ({ db }) => {
        await db.deleteFrom('lease').where('name', '=', name).where('holder', '=', holder).execute();
      }),
    putJobRun: (run) =>
      write(({ insert }) =>
        insert(
          'job_run',
          ['id', 'job', 'scheduled_for', 'started_at', 'ended_at', 'counts', 'error', 'caught_up'],
          [[run.id, run.job, run.scheduledFor, run.startedAt, run.endedAt, JSON.stringify(run.counts), run.error, run.caughtUp ? 1 : 0]],
          { key: ['id'], update: ['job', 'scheduled_for', 'started_at', 'ended_at', 'counts', 'error', 'caught_up'] },
        ),
      ),
    jobRuns: ({ job, limit = LIMIT }) =>
      guard(async () => {
        const rows = await reader
          .selectFrom('job_run')
          .selectAll()
          .$if(job !== undefined, (select) => select.where('job', '=', job as string))
          .orderBy('scheduled_for', 'desc')
          .orderBy('started_at', 'desc')
          .limit(limit)
          .execute();
        return rows.map(toJobRun);
      }),

    // ---- audit
    audits: ({ limit = LIMIT, action }) =>
      guard(async () => {
        const rows = await reader
          .selectFrom('audit')
          .selectAll()
          .$if(action !== undefined, (select) => select.where('action', '=', action as string))
          .orderBy('id', 'desc')
          .limit(limit)
          .execute();
        return rows.map(toAudit);
      }),
  };
}
