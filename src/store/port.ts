import type { Resource } from '@medplum/fhirtypes';
import type { Issue, Reason, State } from '../errors/index.ts';

/**
 * The storage port. SQLite (`sqlite/`) and PostgreSQL (`postgres/`) implement it; one contract test runs on both.
 *
 * Promises of every implementation:
 * - `commit` is one transaction: all of a change set is durable (fsync'd) when it resolves, or nothing is.
 * - every read takes an access context and returns only what it may see; what is not visible is as if it did not exist.
 * - times are ISO 8601 instants in UTC with milliseconds (`2026-11-22T01:02:03.004Z`), made by the caller's clock, except leases, which the
 *   database times.
 * - errors are AppError `store-unavailable` or `conflict`; nothing of a driver leaks out.
 */
export interface Store {
  readonly engine: 'sqlite' | 'postgres';

  /** Applies the numbered migrations that are missing. `dryRun` only lists them. */
  migrate(options?: { dryRun?: boolean }): Promise<readonly string[]>;
  /** Resolves when the database answers; rejects with `store-unavailable`. */
  ping(): Promise<void>;
  close(): Promise<void>;

  /** Value of a setting; created by `create` if absent (first writer wins, on all processes). */
  setting(name: string, create?: () => string): Promise<string | undefined>;

  /**
   * Writes a change set in one transaction.
   *
   * @param fence when given, the delivery's lease must still be held with this token, else `conflict` and nothing is written
   * @throws AppError `conflict` when a submission version or a fenced lease was taken by someone else
   */
  commit(changes: ChangeSet, fence?: Fence): Promise<CommitResult>;
  /** Does ahead what a commit of these very changes needs no transaction for, while another commit is under way. May be left out. */
  prepare(changes: ChangeSet): Promise<void>;

  // ---- submissions
  submissionsById(context: AccessContext, ids: readonly string[]): Promise<readonly Submission[]>;
  /** All versions of one submission, newest first: what an older version that arrives late is compared with. */
  submissionVersions(context: AccessContext, id: string): Promise<readonly Submission[]>;
  /**
   * Submissions that carry one of these fingerprints and are not cancelled, unless by a person: candidates for a duplicate. A refused one carries the
   * fingerprint of its version before, while that one still stands.
   */
  submissionsByFingerprint(fingerprints: readonly string[]): Promise<readonly Submission[]>;
  /** Current submissions that carry one of these fingerprints and were not taken because another told the same. */
  duplicatesByFingerprint(fingerprints: readonly string[]): Promise<readonly Submission[]>;
  /** Feed in order of `seq` (grows with every change of a submission), for vendors that follow it. */
  submissionFeed(context: AccessContext, query: SubmissionQuery): Promise<readonly Submission[]>;
  /** The payload as received. Kept apart, because lists never need it. */
  submissionPayload(context: AccessContext, id: string, version?: number): Promise<string | undefined>;
  submissionCounts(context: AccessContext): Promise<readonly { feed: Feed; state: State; reason: Reason | null; count: number }[]>;

  // ---- registers (projections of master data that intake resolves references with)
  facilities(codes?: readonly string[]): Promise<readonly FacilityEntry[]>;
  persons(keys: { sourceKeys?: readonly string[]; nikHashes?: readonly string[] }): Promise<readonly PersonEntry[]>;
  practitioners(keys: { sourceKeys?: readonly string[]; nikHashes?: readonly string[] }): Promise<readonly PractitionerEntry[]>;

  // ---- FHIR resources
  resource(context: AccessContext, type: string, id: string): Promise<StoredResource | undefined>;
  resourceVersion(context: AccessContext, type: string, id: string, version: number): Promise<StoredResource | undefined>;
  resources(context: AccessContext, references: readonly string[]): Promise<readonly StoredResource[]>;
  search(context: AccessContext, query: ResourceQuery): Promise<ResourcePage>;

  // ---- deliveries
  /**
   * Takes up to `limit` deliveries that are `ready`, due, and whose dependencies are all completed; in order per partition, fair
   * across owners, what is fresh before the backfill of its owner. A held or failed delivery lets the later ones of its partition by; so does one that waits for a held or failed one. A delivery whose lease ran out is taken again with reason `outcome-unknown` if it had been sent (`sentAt`).
   * Timed by the database. Each claim raises the fencing token.
   */
  claimDeliveries(query: ClaimQuery): Promise<readonly Delivery[]>;
  /**
   * Marks a claimed delivery as about to be sent: from here on a crash means the outcome is unknown.
   *
   * @throws AppError `conflict` if the lease was lost or ran out: then it must not be sent
   */
  markSent(fence: Fence, at: string): Promise<void>;
  /** Keeps a claimed delivery for `leaseMs` from now. False if it is another's meanwhile, or has an outcome. */
  extendLease(fence: Fence, leaseMs: number): Promise<boolean>;
  deliveries(query: {
    submissionId?: string;
    keys?: readonly string[];
    environment?: string;
    states?: readonly State[];
    owner?: string;
    limit?: number;
  }): Promise<readonly Delivery[]>;
  deliveryCounts(environment?: string): Promise<readonly { state: State; reason: Reason | null; kind: DeliveryKind; count: number }[]>;
  /** When the next delivery that could be claimed becomes due (to sleep until then). Those that wait for others do not count. */
  nextDeliveryAt(environment: string): Promise<string | undefined>;
  platformIds(environment: string, references: readonly string[]): Promise<readonly PlatformId[]>;
  identities(environment: string, keys: readonly string[]): Promise<readonly Identity[]>;
  /**
   * References of Patients and Practitioners in the registers that have no platform id in this environment, in order of reference, with
   * the facility code they are registered at. For the job that looks identities up ahead of a posyandu day. `after`: last reference of
   * the page before.
   */
  identityCandidates(query: {
    environment: string;
    after?: string;
    limit: number;
  }): Promise<readonly { reference: string; facility: string | null }[]>;
  /**
   * Holds with these reasons go back to ready (after data, credential or identity was mended), and with them their submissions that are
   * held for one of these reasons (stage `released`). Returns how many deliveries.
   */
  releaseHeld(query: {
    environment: string;
    reasons: readonly Reason[];
    owner?: string;
    keys?: readonly string[];
    /** Who did it, for the trail. Default `sync`. */
    actor?: string;
  }): Promise<number>;

  // ---- deliveries, for people
  /** In order of id. A puskesmas sees what is sent in its name; `all` sees all. */
  deliveryPage(
    context: AccessContext,
    selection: DeliverySelection,
    page: { after?: number; limit: number },
  ): Promise<{ readonly deliveries: readonly Delivery[]; readonly next?: number }>;
  /** How many are in which state for which cause, and since when the oldest of them waits. */
  deliveryGroups(context: AccessContext, environment: string): Promise<readonly DeliveryGroup[]>;
  /** What became of a delivery, oldest first. */
  deliveryTrail(context: AccessContext, environment: string, key: string): Promise<readonly DeliveryEvent[]>;
  /**
   * Failed and held deliveries of the selection, those that wait for their next try, and those that a person cancelled become ready, due
   * now, with no tries counted; their submissions too (stage `retried`). One transaction. One that may be on the platform keeps its mark.
   */
  retryDeliveries(context: AccessContext, selection: DeliverySelection, act: DeliveryAct): Promise<DeliveryActResult>;
  /**
   * Deliveries that nothing is on the wire of become `cancelled` with reason `dismissed`, and with them their submissions. One
   * transaction. What depends on them says `dependency`.
   */
  cancelDeliveries(context: AccessContext, selection: DeliverySelection, act: DeliveryAct): Promise<DeliveryActResult>;
  /**
   * Deliveries on hold for a person become ready, as after a retry. One transaction.
   *
   * Where others changed what is on the platform, `keep-ours`: what is here goes over the version that was seen, and only over that one;
   * `keep-theirs`: what is there stays, until what is here changes again, which is another conflict. Where the platform offers no look-up
   * (`lookup-impossible`), `not-there`: a person has looked, so what has no platform id is sent.
   */
  decideDeliveries(context: AccessContext, selection: DeliverySelection, act: DeliveryAct, decision: Decision): Promise<DeliveryActResult>;
  /** How far sending is behind. Cheap enough to ask every few seconds: a count of many is given again for fifty times as long as it took. */
  backlog(environment: string, context?: AccessContext): Promise<Backlog>;

  // ---- what the processes of one installation share
  /** Values by name, all of the environment without names; absent ones are left out. `nowMs`: the database's clock at that moment. */
  shared(environment: string, names?: readonly string[]): Promise<{ readonly nowMs: number; readonly entries: readonly SharedEntry[] }>;
  /**
   * Writes a value if it still has the version expected (null: if there is none), and tells whether it did. Versions are never used
   * twice, also when a value was deleted (`null`) in between.
   */
  putShared(environment: string, name: string, value: string | null, expected: number | null): Promise<boolean>;

  // ---- reconciliation
  /** Notes what differs. One that is known keeps its `foundAt` and is open again. */
  putDifferences(differences: readonly DifferenceWrite[]): Promise<void>;
  /** In order of reference and kind. */
  differences(query: DifferenceQuery): Promise<readonly Difference[]>;
  /** Open ones become resolved. Returns how many. `exceptRun`: those that this run has found stay open. */
  resolveDifferences(query: {
    environment: string;
    references?: readonly string[];
    kinds?: readonly DifferenceKind[];
    exceptRun?: string;
    at: string;
  }): Promise<number>;

  /** Completed deliveries of an owner, the newest first, numbered below `before`. */
  completedDeliveries(query: { environment: string; owner: string; before?: number; limit: number }): Promise<readonly Delivery[]>;
  /** These are known not to be on the platform any more. */
  forgetPlatformIds(environment: string, references: readonly string[]): Promise<void>;

  // ---- clients and credentials
  clients(): Promise<readonly Client[]>;
  clientByKeyHash(keyHash: string): Promise<Client | undefined>;
  putClient(client: Client): Promise<void>;
  revokeClient(id: string, at: string): Promise<boolean>;
  credentials(environment: string): Promise<readonly Credential[]>;
  putCredential(credential: Credential): Promise<void>;
  deleteCredential(environment: string, owner: string): Promise<boolean>;
  /**
   * Puts another ciphertext in the place of each, of all environments, in one transaction. `rewrite` may be asked more than once; where
   * it throws nothing is changed. Returns how many.
   */
  rewriteSecrets(rewrite: (credential: Pick<Credential, 'environment' | 'owner' | 'secret'>) => string): Promise<number>;

  // ---- jobs
  /** True if `holder` now has the lease (also when it had it before). Timed by the database. */
  acquireLease(name: string, holder: string, ttlMs: number): Promise<boolean>;
  releaseLease(name: string, holder: string): Promise<void>;
  putJobRun(run: JobRun): Promise<void>;
  jobRuns(query: { job?: string; limit?: number }): Promise<readonly JobRun[]>;

  // ---- audit
  audits(query: { limit?: number; action?: string }): Promise<readonly Audit[]>;
}

export const FEEDS = ['facilities', 'persons', 'practitioners', 'encounters', 'village-observations'] as const;
export type Feed = (typeof FEEDS)[number];

/** Who reads, what for, and what they may see. `facilities` are codes of puskesmas; their whole tree is included. */
export interface AccessContext {
  readonly client: string;
  readonly facilities: 'all' | readonly string[];
  readonly purpose: 'intake' | 'fhir' | 'sync' | 'job' | 'cli';
  readonly requestId?: string;
}

export interface ChangeSet {
  readonly submissions?: readonly SubmissionWrite[];
  /**
   * Fingerprints that these submissions no longer carry. Of these, and of those of new duplicates, none may be left with duplicates
   * only: then another process has withdrawn the original, or taken a duplicate of it, and the commit is a `conflict`.
   */
  readonly freedFingerprints?: readonly string[];
  /** State changes of submissions that exist (by sync), without a new version. */
  readonly submissionStates?: readonly {
    id: string;
    version: number;
    state: State;
    reason: Reason | null;
    issues?: readonly Issue[];
    at: string;
    stage: string;
    /** Environment. Only if, with this transaction, nothing of the submission is left to deliver there; else the entry is left out. */
    whenDelivered?: string;
  }[];
  readonly facilities?: readonly FacilityEntry[];
  readonly persons?: readonly PersonEntry[];
  readonly practitioners?: readonly PractitionerEntry[];
  readonly resources?: readonly ResourceWrite[];
  /**
   * Inserted if no delivery with the same (environment, key) exists; `replace` re-opens one that does (its new version). One that is
   * claimed stays with its holder, whose outcome then leaves it in the state asked for here.
   */
  readonly deliveries?: readonly DeliveryWrite[];
  /** Outcome of the delivery that the fence names (or of one found by key). */
  readonly deliveryOutcomes?: readonly DeliveryOutcome[];
  /** Acts to be told in the trail of deliveries, written after all else: `fix`, `validate`, … */
  readonly deliveryEvents?: readonly DeliveryEventWrite[];
  readonly platformIds?: readonly PlatformId[];
  readonly identities?: readonly Identity[];
  readonly audits?: readonly Audit[];
}

export interface CommitResult {
  /** Version and lastUpdated of each resource written, in order; `unchanged` ones keep both and get no history row. */
  readonly resources: readonly { reference: string; version: number; unchanged: boolean }[];
}

/** One row per record key and version. `id` is stable per key; the newest version is the current one. */
export interface Submission {
  readonly id: string;
  readonly version: number;
  readonly seq: number;
  readonly feed: Feed;
  readonly sourceSystem: string;
  readonly sourceId: string;
  readonly sourceUpdatedAt: string | null;
  readonly client: string;
  /** Code of the puskesmas that answers for it; null where it could not be read. */
  readonly facility: string | null;
  readonly contentHash: string;
  readonly fingerprint: string | null;
  readonly duplicateOf: string | null;
  readonly state: State;
  readonly reason: Reason | null;
  readonly issues: readonly Issue[];
  /** Source fields that nothing used. */
  readonly unused: readonly string[];
  /** References of the resources it made: `Encounter/<id>`, in the order of sending. */
  readonly resources: readonly string[];
  /** Its way: received, normalised, mapped, checked, stored, sent, … with instants. */
  readonly story: readonly { stage: string; at: string; reason?: Reason }[];
  readonly receivedAt: string;
  readonly updatedAt: string;
}

/** `version` must be the current version + 1 (1 for a new key), else `conflict`. */
export interface SubmissionWrite extends Omit<Submission, 'seq' | 'updatedAt'> {
  readonly payload: string;
}

export interface SubmissionQuery {
  readonly after?: number;
  readonly facility?: string;
  readonly feed?: Feed;
  readonly state?: State;
  readonly reason?: Reason;
  readonly limit: number;
}

export interface FacilityEntry {
  readonly code: string;
  readonly kind: string;
  readonly name: string;
  /** Code of the supervising unit (technical parent); null at the top. */
  readonly supervisor: string | null;
  /** Code of the puskesmas at the head of its tree (itself for a puskesmas); null for units outside a puskesmas. */
  readonly puskesmas: string | null;
  /** Kemendagri code, 10 digits (6 where only the kecamatan is known). */
  readonly village: string | null;
  /** IANA zone, for example `Asia/Jakarta`. */
  readonly timeZone: string;
  readonly organization: string;
  readonly location: string;
  readonly active: boolean;
}

export interface PersonEntry {
  /** `<source system>|<source id>`. Several may lead to one Patient. */
  readonly sourceKey: string;
  /** Keyed hash of the NIK, or null. */
  readonly nikHash: string | null;
  /** `Patient/<id>` */
  readonly patient: string;
  readonly birthDate: string;
  readonly sex: 'male' | 'female' | 'unknown';
  readonly facility: string;
}

export interface PractitionerEntry {
  readonly sourceKey: string;
  readonly nikHash: string;
  /** `Practitioner/<id>` */
  readonly practitioner: string;
  readonly name: string;
  readonly profession: string | null;
  readonly facility: string | null;
}

/** Version of a resource is counted up by the store when its content changed. */
export interface ResourceWrite {
  readonly resource: Resource & { id: string };
  /**
   * What this was made from; null: there was none. The commit is a `conflict` if the store holds something else by then. Of several
   * writes of one resource the first counts.
   */
  readonly basedOn?: (Resource & { id: string }) | null;
  /** Code of the puskesmas whose clients may see it; null: master data seen by all. */
  readonly facility: string | null;
  readonly submission: string | null;
  readonly at: string;
}

export interface StoredResource {
  /** With `meta.versionId` and `meta.lastUpdated` filled in. */
  readonly resource: Resource & { id: string };
  readonly version: number;
  readonly lastUpdated: string;
  readonly facility: string | null;
  readonly submission: string | null;
}

export interface ResourceQuery {
  readonly type: string;
  readonly filters: readonly SearchFilter[];
  readonly sort?: readonly { param: string; descending: boolean }[];
  readonly count: number;
  /** Cursor of the page before. */
  readonly after?: string;
  readonly total?: boolean;
}

/** One parameter; values are alternatives (OR), filters are joined by AND. */
export type SearchFilter =
  | { readonly param: string; readonly kind: 'token'; readonly values: readonly { system?: string; code?: string }[] }
  | { readonly param: string; readonly kind: 'reference'; readonly values: readonly string[] }
  | { readonly param: string; readonly kind: 'string'; readonly values: readonly string[]; readonly match: 'starts' | 'exact' | 'contains' }
  | {
      readonly param: string;
      readonly kind: 'date';
      readonly values: readonly { prefix: 'eq' | 'ne' | 'gt' | 'lt' | 'ge' | 'le'; low: string; high: string }[];
    }
  | { readonly param: '_id'; readonly kind: 'id'; readonly values: readonly string[] };

export interface ResourcePage {
  readonly resources: readonly StoredResource[];
  readonly next?: string;
  readonly total?: number;
}

/** What is sent as one: an Encounter with its dependants together, all others one by one. */
export const DELIVERY_KINDS = ['organization', 'location', 'encounter', 'patient', 'related-person', 'episode'] as const;
export type DeliveryKind = (typeof DELIVERY_KINDS)[number];

export interface DeliveryWrite {
  /** Unique per environment: `<kind>:<reference>`. */
  readonly key: string;
  readonly environment: string;
  readonly kind: DeliveryKind;
  /** Code of the puskesmas in whose name it is sent. */
  readonly owner: string;
  /** Deliveries of one partition go one after another (the patient). */
  readonly partition: string;
  /** References of the resources that are sent, first the Encounter. */
  readonly resources: readonly string[];
  /** Keys of the deliveries that must be completed before. */
  readonly dependsOn: readonly string[];
  readonly submission: string | null;
  readonly submissionVersion: number | null;
  readonly state: State;
  readonly reason: Reason | null;
  /** Default: now, by the database's clock, which no clock of a process that is ahead delays. */
  readonly dueAt?: string;
  /** 0 (default): fresh; 1: backfill, which goes after all of its owner that is fresh. */
  readonly priority?: 0 | 1;
  /** When what it sends was received. Default: now, by the database's clock. */
  readonly receivedAt?: string;
  readonly replace?: boolean;
  /**
   * With `replace`: one that was sent, or may have been, when this is written becomes `ready` instead of taking this state. Who takes a
   * delivery back cannot know: a worker may be sending it at that moment.
   */
  readonly unlessSent?: boolean;
}

export interface Delivery extends Omit<DeliveryWrite, 'replace' | 'unlessSent' | 'priority' | 'receivedAt' | 'dueAt'> {
  readonly id: number;
  readonly dueAt: string;
  readonly priority: 0 | 1;
  readonly receivedAt: string;
  /** Number of the platform's rule that refused it. */
  readonly rule: number | null;
  readonly attempts: number;
  readonly token: number;
  readonly leaseUntil: string | null;
  /** Newest `lastUpdated` of the content that was last put on the wire without a known answer since. */
  readonly sentAt: string | null;
  /** When that mark was left, by the database's clock. */
  readonly markedAt: string | null;
  readonly issues: readonly Issue[];
  readonly updatedAt: string;
}

export interface DeliveryOutcome {
  readonly key: string;
  readonly environment: string;
  readonly state: State;
  readonly reason: Reason | null;
  readonly issues: readonly Issue[];
  /** Next try, for `ready`. */
  readonly dueAt?: string;
  /** Next try in so many ms by the database's clock, instead of `dueAt`. */
  readonly dueInMs?: number;
  /** Who, for the trail. Default `sync`. */
  readonly actor?: string;
  /** Written only while the delivery is in this state; else it is left as it is. */
  readonly onlyFrom?: State;
  /** True while the answer of a sent request is still unknown; clears `sentAt` otherwise. */
  readonly outcomeUnknown?: boolean;
  /** The mark of an unknown outcome is of now: the request ended just now. */
  readonly markedNow?: boolean;
  readonly countAttempt?: boolean;
  readonly at: string;
}

/** Which deliveries. What is given must all be true. */
export interface DeliverySelection {
  readonly environment: string;
  readonly states?: readonly State[];
  readonly reasons?: readonly Reason[];
  /** Number of the platform's rule. */
  readonly rule?: number;
  readonly kind?: DeliveryKind;
  /** Code of the puskesmas in whose name it is sent. */
  readonly owner?: string;
  /** Code of any unit: what is sent in its name, what it is itself, and the visits that took place there. */
  readonly facility?: string;
  /** Received at or after, and before: ISO instants. */
  readonly from?: string;
  readonly to?: string;
  readonly keys?: readonly string[];
  readonly submissionId?: string;
}

export interface DeliveryGroup {
  readonly state: State;
  readonly reason: Reason | null;
  readonly rule: number | null;
  readonly kind: DeliveryKind;
  readonly owner: string;
  readonly count: number;
  /** When the oldest of them was received. */
  readonly oldest: string;
}

/** A person's act. */
export interface DeliveryAct {
  readonly actor: string;
  readonly at: string;
  readonly note?: string;
  /** Only tells what would become of each. */
  readonly dryRun?: boolean;
}

/** Whose content stands where others changed what we had delivered; that what no search can show is not there. */
export const DECISIONS = ['keep-ours', 'keep-theirs', 'not-there'] as const;
export type Decision = (typeof DECISIONS)[number];

/** `selected` is `released` and `left` together; `released` are those that the act was done to. */
export interface DeliveryActResult {
  readonly selected: number;
  readonly released: number;
  readonly left: readonly { readonly key: string; readonly state: State; readonly why: LeftReason }[];
}

/**
 * Why an act left a delivery as it is: it is being sent; what was sent may be there; it is there; it was cancelled, by a person or because
 * its record was withdrawn; its record has to be mended or validated first; it is not held for what was decided.
 */
export type LeftReason =
  | 'in-progress'
  | 'outcome-unknown'
  | 'completed'
  | 'cancelled'
  | 'withdrawn'
  | 'needs-mending'
  | 'nothing-to-decide';

/** One step in the life of a delivery. */
export interface DeliveryEvent {
  readonly at: string;
  readonly actor: string;
  /** `outcome`, `replaced`, `released`, `retried`, `cancelled`, `dependency`, … */
  readonly action: string;
  readonly fromState: State | null;
  readonly toState: State;
  readonly reason: Reason | null;
  readonly rule: number | null;
  /** What a person wrote; never a patient's value. */
  readonly note: string | null;
}

export interface DeliveryEventWrite extends DeliveryAct {
  readonly environment: string;
  readonly key: string;
  readonly action: string;
}

export interface Backlog {
  /** Ready or being sent. */
  readonly waiting: number;
  readonly onHold: number;
  /** When the oldest of them was received. */
  readonly oldest: { readonly ready: string | null; readonly onHold: string | null };
  readonly completedLastHour: number;
}

/** A value that processes share, with the version to write it back with. */
export interface SharedEntry {
  readonly name: string;
  readonly value: string;
  readonly version: number;
  readonly updatedAt: string;
}

export const DIFFERENCE_KINDS = ['missing', 'changed', 'extra', 'unknown-id'] as const;
/** Not on the platform · other content there · there, and not known here · known to be there, without its id. */
export type DifferenceKind = (typeof DIFFERENCE_KINDS)[number];

/** Between what we say is delivered and what the platform holds. One for each (environment, reference, kind). */
export interface DifferenceWrite {
  readonly environment: string;
  /** Local reference `Type/<id>`; for `extra` that on the platform. */
  readonly reference: string;
  readonly kind: DifferenceKind;
  readonly platformId: string | null;
  readonly foundAt: string;
  /** Run that found it last. */
  readonly run: string;
  /** Code of the puskesmas in whose name it was sent; null where it was found before this was kept. */
  readonly owner: string | null;
}

export interface Difference extends DifferenceWrite {
  readonly resolvedAt: string | null;
}

export interface DifferenceQuery {
  readonly environment: string;
  readonly kinds?: readonly DifferenceKind[];
  readonly owners?: readonly string[];
  readonly run?: string;
  readonly references?: readonly string[];
  /** Default: open and resolved ones. */
  readonly open?: boolean;
  /** The last one of the page before. */
  readonly after?: Pick<Difference, 'reference' | 'kind'>;
  readonly limit?: number;
}

export interface ClaimQuery {
  readonly environment: string;
  readonly worker: string;
  readonly limit: number;
  readonly leaseMs: number;
  /** Owners that must not be served now (paused or outside their hours). */
  readonly exceptOwners?: readonly string[];
  /** Only these are served. */
  readonly onlyOwners?: readonly string[];
  /** Deliveries of each owner that the worker has in hand: places go to those that have the fewest. */
  readonly serving?: Readonly<Record<string, number>>;
}

export interface Fence {
  readonly deliveryId: number;
  readonly token: number;
}

export interface PlatformId {
  readonly environment: string;
  /** Local reference `Type/<id>`. */
  readonly reference: string;
  /** Id on the platform, without the type. */
  readonly platformId: string;
  readonly platformVersion: string | null;
  /** `lastUpdated` of the content that the platform has; when it was learnt where the content is not ours (persons, given ids). */
  readonly at: string;
  /** What is there, in `platformVersion`, was seen to be another's content. `at` then says which of ours it stands against. */
  readonly theirs?: true;
}

/** `at` of a platform id: content of ours that is less than what is stored here, older than anything but what we cannot vouch for. */
export const EARLIER_CONTENT = new Date(1).toISOString();

/** Result of an identity look-up; `platformId` null: looked for and not found. */
export interface Identity {
  readonly environment: string;
  /** `patient:<nik hash>`, `practitioner:<nik hash>`, `newborn:<hash>` */
  readonly key: string;
  readonly platformId: string | null;
  readonly checkedAt: string;
}

export interface Client {
  readonly id: string;
  readonly name: string;
  /** SHA-256 of the key, hex; the key itself is shown once and never stored. */
  readonly keyHash: string;
  readonly scopes: readonly Scope[];
  readonly sourceSystems: 'all' | readonly string[];
  readonly facilities: 'all' | readonly string[];
  readonly createdAt: string;
  readonly revokedAt: string | null;
}

export const SCOPES = ['intake:write', 'intake:read', 'intake:validate', 'fhir:read', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** Platform credential of one Organization. `secret` is ciphertext (AES-256-GCM); the store never sees the clear text. */
export interface Credential {
  readonly environment: string;
  /** Code of the puskesmas. */
  readonly owner: string;
  /** Id of its Organization on the platform. */
  readonly organizationId: string;
  readonly clientId: string;
  readonly secret: string;
  readonly createdAt: string;
  /** IANA-zone hours in which it may send, `22:00-05:00`; null: always. */
  readonly allowedHours: string | null;
}

export interface JobRun {
  readonly id: string;
  readonly job: string;
  readonly scheduledFor: string;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly counts: Readonly<Record<string, number>>;
  readonly error: string | null;
  readonly caughtUp: boolean;
}

/** IHE BALP-like audit row: who did what to what; never the content. */
export interface Audit {
  readonly at: string;
  readonly client: string;
  readonly action: string;
  /** Reference, submission id or feed it was about; never a patient's value. */
  readonly target: string | null;
  readonly outcome: 'success' | 'refused' | 'failure';
  readonly code: string | null;
  readonly requestId: string | null;
  readonly count: number;
}
