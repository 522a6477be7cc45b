import type { Resource } from '@medplum/fhirtypes';
import type { Selectable } from 'kysely';
import type {
  Audit,
  Client,
  Credential,
  Delivery,
  FacilityEntry,
  JobRun,
  PersonEntry,
  PractitionerEntry,
  StoredResource,
  Submission,
} from './port.ts';
import type {
  AuditTable,
  ClientTable,
  CredentialTable,
  DeliveryTable,
  FacilityTable,
  JobRunTable,
  PersonTable,
  PractitionerTable,
  SubmissionTable,
} from './schema.ts';

export const instant = (ms: number): string => new Date(ms).toISOString();
export const milliseconds = (at: string): number => Date.parse(at);

export function toSubmission(row: SubmissionTable): Submission {
  return {
    id: row.id,
    version: row.version,
    seq: row.seq,
    feed: row.feed as Submission['feed'],
    sourceSystem: row.source_system,
    sourceId: row.source_id,
    sourceUpdatedAt: row.source_updated_at,
    client: row.client,
    facility: row.facility,
    contentHash: row.content_hash,
    fingerprint: row.fingerprint,
    duplicateOf: row.duplicate_of,
    state: row.state as Submission['state'],
    reason: row.reason as Submission['reason'],
    issues: JSON.parse(row.issues),
    unused: JSON.parse(row.unused),
    resources: JSON.parse(row.resources),
    story: JSON.parse(row.story),
    receivedAt: row.received_at,
    updatedAt: row.updated_at,
  };
}

export const toFacility = (row: FacilityTable): FacilityEntry => ({
  code: row.code,
  kind: row.kind,
  name: row.name,
  supervisor: row.supervisor,
  puskesmas: row.puskesmas,
  village: row.village,
  timeZone: row.time_zone,
  organization: row.organization,
  location: row.location,
  active: row.active === 1,
});

export const toPerson = (row: PersonTable): PersonEntry => ({
  sourceKey: row.source_key,
  nikHash: row.nik_hash,
  patient: row.patient,
  birthDate: row.birth_date,
  sex: row.sex as PersonEntry['sex'],
  facility: row.facility,
});

export const toPractitioner = (row: PractitionerTable): PractitionerEntry => ({
  sourceKey: row.source_key,
  nikHash: row.nik_hash,
  practitioner: row.practitioner,
  name: row.name,
  profession: row.profession,
  facility: row.facility,
});

export interface ResourceRow {
  readonly version: number;
  readonly last_updated_ms: number;
  readonly facility: string | null;
  readonly submission: string | null;
  readonly content: string;
}

export function toResource(row: ResourceRow): StoredResource {
  const resource = JSON.parse(row.content) as Resource & { id: string };
  const lastUpdated = instant(row.last_updated_ms);
  resource.meta = { ...resource.meta, versionId: String(row.version), lastUpdated };
  return { resource, version: row.version, lastUpdated, facility: row.facility, submission: row.submission };
}

export const toDelivery = (row: DeliveryTable): Delivery => ({
  id: row.id,
  key: row.delivery_key,
  environment: row.environment,
  kind: row.kind as Delivery['kind'],
  owner: row.owner,
  partition: row.partition_key,
  resources: JSON.parse(row.resources),
  dependsOn: JSON.parse(row.depends_on),
  submission: row.submission,
  submissionVersion: row.submission_version,
  state: row.state as Delivery['state'],
  reason: row.reason as Delivery['reason'],
  dueAt: instant(row.due_ms),
  priority: row.priority === 1 ? 1 : 0,
  receivedAt: instant(row.received_ms),
  rule: row.rule,
  attempts: row.attempts,
  token: row.token,
  leaseUntil: row.lease_until_ms === null ? null : instant(row.lease_until_ms),
  sentAt: row.sent_at,
  markedAt: row.marked_ms === null ? null : instant(row.marked_ms),
  issues: JSON.parse(row.issues),
  updatedAt: row.updated_at,
});

export const toClient = (row: ClientTable): Client => ({
  id: row.id,
  name: row.name,
  keyHash: row.key_hash,
  scopes: JSON.parse(row.scopes),
  sourceSystems: JSON.parse(row.source_systems),
  facilities: JSON.parse(row.facilities),
  createdAt: row.created_at,
  revokedAt: row.revoked_at,
});

export const toCredential = (row: CredentialTable): Credential => ({
  environment: row.environment,
  owner: row.owner,
  organizationId: row.organization_id,
  clientId: row.client_id,
  secret: row.secret,
  createdAt: row.created_at,
  allowedHours: row.allowed_hours,
});

export const toJobRun = (row: JobRunTable): JobRun => ({
  id: row.id,
  job: row.job,
  scheduledFor: row.scheduled_for,
  startedAt: row.started_at,
  endedAt: row.ended_at,
  counts: JSON.parse(row.counts),
  error: row.error,
  caughtUp: row.caught_up === 1,
});

export const toAudit = (row: Selectable<AuditTable>): Audit => ({
  at: row.at,
  client: row.client,
  action: row.action,
  target: row.target,
  outcome: row.outcome as Audit['outcome'],
  code: row.code,
  requestId: row.request_id,
  count: row.count,
});
