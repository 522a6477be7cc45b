import type { Generated } from 'kysely';

/**
 * Tables, the same in both engines. Instants that are compared or sorted are milliseconds since 1970 (`*_ms`), others ISO text;
 * lists and objects are JSON text, because nothing is ever looked up inside them.
 */
export interface Database {
  migration: { name: string; checksum: string; applied_at: string };
  setting: { name: string; value: string };
  submission: SubmissionTable;
  submission_payload: { id: string; version: number; payload: string };
  facility: FacilityTable;
  person: PersonTable;
  practitioner: PractitionerTable;
  resource: ResourceTable;
  resource_history: ResourceHistoryTable;
  search_token: { resource: number; parameter: number; code: string; system: string };
  search_reference: { resource: number; parameter: number; target: string };
  search_string: { resource: number; parameter: number; value: string; exact: string };
  /** Range `[low, high)`. */
  search_date: { resource: number; parameter: number; low: number; high: number };
  delivery: DeliveryTable;
  delivery_event: DeliveryEventTable;
  delivery_dependency: { delivery: number; environment: string; needs: string };
  /** Owners that ever had a delivery; `turn` grows each time one is served. */
  delivery_owner: { environment: string; owner: string; turn: number };
  /** A deleted value stays as null, so that its versions go on. */
  shared_state: { environment: string; name: string; value: string | null; version: number; updated_ms: number };
  difference: DifferenceTable;
  platform_id: PlatformIdTable;
  identity: { environment: string; key: string; platform_id: string | null; checked_at: string };
  client: ClientTable;
  credential: CredentialTable;
  lease: { name: string; holder: string; until_ms: number };
  job_run: JobRunTable;
  audit: AuditTable;
}

export interface SubmissionTable {
  id: string;
  version: number;
  seq: number;
  /** 1 for the newest version of its key. */
  is_current: number;
  feed: string;
  source_system: string;
  source_id: string;
  source_updated_at: string | null;
  client: string;
  facility: string | null;
  content_hash: string;
  fingerprint: string | null;
  duplicate_of: string | null;
  state: string;
  reason: string | null;
  issues: string;
  unused: string;
  resources: string;
  story: string;
  received_at: string;
  updated_at: string;
}

export interface FacilityTable {
  code: string;
  kind: string;
  name: string;
  supervisor: string | null;
  puskesmas: string | null;
  village: string | null;
  time_zone: string;
  organization: string;
  location: string;
  active: number;
}

export interface PersonTable {
  source_key: string;
  nik_hash: string | null;
  patient: string;
  birth_date: string;
  sex: string;
  facility: string;
}

export interface PractitionerTable {
  source_key: string;
  nik_hash: string;
  practitioner: string;
  name: string;
  profession: string | null;
  facility: string | null;
}

/** The current version of each resource; its content is the row of `resource_history` with the same version. */
export interface ResourceTable {
  pk: number;
  type: string;
  id: string;
  version: number;
  hash: string;
  last_updated_ms: number;
  facility: string | null;
  submission: string | null;
}

/** Every version, the current one too. */
export interface ResourceHistoryTable {
  resource: number;
  version: number;
  last_updated_ms: number;
  submission: string | null;
  content: string;
}

export interface DeliveryTable {
  id: number;
  environment: string;
  delivery_key: string;
  kind: string;
  owner: string;
  partition_key: string;
  resources: string;
  depends_on: string;
  submission: string | null;
  submission_version: number | null;
  state: string;
  reason: string | null;
  issues: string;
  due_ms: number;
  attempts: number;
  token: number;
  lease_until_ms: number | null;
  worker: string | null;
  sent_at: string | null;
  marked_ms: number | null;
  updated_at: string;
  /** 0 all dependencies completed, 1 some still to come, 2 some stuck (failed, on hold, cancelled). Kept by `deliveries.ts`. */
  dependency: number;
  /** 1 while an earlier delivery of its partition goes first. */
  preceded: number;
  /** State that a new version asked for while this one was on the wire; taken on with the outcome. */
  replaced_state: string | null;
  replaced_reason: string | null;
  /** 0 fresh, 1 backfill. */
  priority: number;
  rule: number | null;
  received_ms: number;
}

export interface DeliveryEventTable {
  id: Generated<number>;
  delivery: number;
  at: string;
  actor: string;
  action: string;
  from_state: string | null;
  to_state: string;
  reason: string | null;
  rule: number | null;
  note: string | null;
}

export interface PlatformIdTable {
  environment: string;
  reference: string;
  platform_id: string;
  platform_version: string | null;
  at: string;
  /** 1: the content there is another's. */
  theirs: number;
}

export interface DifferenceTable {
  environment: string;
  reference: string;
  kind: string;
  platform_id: string | null;
  found_at: string;
  run: string;
  resolved_at: string | null;
  owner: string | null;
}

export interface ClientTable {
  id: string;
  name: string;
  key_hash: string;
  scopes: string;
  source_systems: string;
  facilities: string;
  created_at: string;
  revoked_at: string | null;
}

export interface CredentialTable {
  environment: string;
  owner: string;
  organization_id: string;
  client_id: string;
  secret: string;
  created_at: string;
  allowed_hours: string | null;
}

export interface JobRunTable {
  id: string;
  job: string;
  scheduled_for: string;
  started_at: string;
  ended_at: string | null;
  counts: string;
  error: string | null;
  caught_up: number;
}

export interface AuditTable {
  id: Generated<number>;
  at: string;
  client: string;
  action: string;
  target: string | null;
  outcome: string;
  code: string | null;
  request_id: string | null;
  count: number;
}
