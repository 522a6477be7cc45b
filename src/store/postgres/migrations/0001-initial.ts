import type { Migration } from '../../migration.ts';

/** Search values sort by code point (`collate "C"`) whatever the cluster's locale is, so that both engines find and page alike. */
export const initial: Migration = {
  name: '0001-initial',
  sql: `
create table setting (
  name text primary key,
  value text not null
);
create table submission (
  id text not null,
  version integer not null,
  seq bigint not null,
  is_current integer not null,
  feed text not null,
  source_system text not null,
  source_id text not null,
  source_updated_at text,
  client text not null,
  facility text,
  content_hash text not null,
  fingerprint text,
  duplicate_of text,
  state text not null,
  reason text,
  issues text not null,
  unused text not null,
  resources text not null,
  story text not null,
  received_at text not null,
  updated_at text not null,
  primary key (id, version)
);
create table submission_payload (
  id text not null,
  version integer not null,
  payload text not null,
  primary key (id, version)
);
create table facility (
  code text primary key,
  kind text not null,
  name text not null,
  supervisor text,
  puskesmas text,
  village text,
  time_zone text not null,
  organization text not null,
  location text not null,
  active integer not null
);
create table person (
  source_key text primary key,
  nik_hash text,
  patient text collate "C" not null,
  birth_date text not null,
  sex text not null,
  facility text not null
);
create table practitioner (
  source_key text primary key,
  nik_hash text not null,
  practitioner text collate "C" not null,
  name text not null,
  profession text,
  facility text
);
create table resource (
  pk bigint primary key,
  type text not null,
  id text not null,
  version integer not null,
  hash text not null,
  last_updated_ms bigint not null,
  facility text,
  submission text
);
create table resource_history (
  resource bigint not null,
  version integer not null,
  last_updated_ms bigint not null,
  submission text,
  content text not null,
  primary key (resource, version)
);
create table search_token (
  resource bigint not null,
  parameter integer not null,
  code text collate "C" not null,
  system text collate "C" not null
);
create table search_reference (
  resource bigint not null,
  parameter integer not null,
  target text collate "C" not null
);
create table search_string (
  resource bigint not null,
  parameter integer not null,
  value text collate "C" not null,
  exact text collate "C" not null
);
create table search_date (
  resource bigint not null,
  parameter integer not null,
  low bigint not null,
  high bigint not null
);
create table delivery (
  id bigint primary key,
  environment text not null,
  delivery_key text not null,
  kind text not null,
  owner text not null,
  partition_key text not null,
  resources text not null,
  depends_on text not null,
  submission text,
  submission_version integer,
  state text not null,
  reason text,
  issues text not null,
  due_ms bigint not null,
  attempts integer not null,
  token bigint not null,
  lease_until_ms bigint,
  worker text,
  sent_at text,
  updated_at text not null,
  dependency integer not null,
  preceded integer not null,
  replaced_state text,
  replaced_reason text
);
create table delivery_dependency (
  delivery bigint not null,
  environment text not null,
  needs text not null,
  primary key (delivery, needs)
);
create table delivery_owner (
  environment text not null,
  owner text not null,
  turn bigint not null,
  primary key (environment, owner)
);
create table platform_id (
  environment text not null,
  reference text not null,
  platform_id text not null,
  platform_version text,
  at text not null,
  primary key (environment, reference)
);
create table identity (
  environment text not null,
  key text not null,
  platform_id text,
  checked_at text not null,
  primary key (environment, key)
);
create table client (
  id text primary key,
  name text not null,
  key_hash text not null,
  scopes text not null,
  source_systems text not null,
  facilities text not null,
  created_at text not null,
  revoked_at text
);
create table credential (
  environment text not null,
  owner text not null,
  organization_id text not null,
  client_id text not null,
  secret text not null,
  created_at text not null,
  allowed_hours text,
  primary key (environment, owner)
);
create table lease (
  name text primary key,
  holder text not null,
  until_ms bigint not null
);
create table job_run (
  id text primary key,
  job text not null,
  scheduled_for text not null,
  started_at text not null,
  ended_at text,
  counts text not null,
  error text,
  caught_up integer not null
);
create table audit (
  id bigint generated always as identity primary key,
  at text not null,
  client text not null,
  action text not null,
  target text,
  outcome text not null,
  code text,
  request_id text,
  count integer not null
);

create unique index submission_seq on submission (seq);
create index submission_fingerprint on submission (fingerprint) where is_current = 1 and fingerprint is not null;
create index submission_facility on submission (facility, seq) where is_current = 1;
create index submission_state on submission (state, reason, feed, facility) where is_current = 1;
create index person_nik on person (nik_hash) where nik_hash is not null;
create index practitioner_nik on practitioner (nik_hash);
create index person_reference on person (patient, facility);
create index practitioner_reference on practitioner (practitioner, facility);
create unique index resource_reference on resource (id, type);
create index resource_type on resource (type, pk);
create index resource_updated on resource (type, last_updated_ms);
create index search_token_value on search_token (parameter, code, system, resource);
create index search_reference_target on search_reference (parameter, target, resource);
create index search_string_value on search_string (parameter, value, exact, resource);
create index search_date_low on search_date (parameter, low, high, resource);
create index search_date_high on search_date (parameter, high, low, resource);
create unique index delivery_reference on delivery (delivery_key, environment);
create index delivery_claimable on delivery (environment, owner, due_ms, id) where state = 'ready' and dependency = 0 and preceded = 0;
create index delivery_next on delivery (environment, due_ms) where state = 'ready' and dependency = 0 and preceded = 0;
create index delivery_leased on delivery (environment, lease_until_ms) where state = 'in-progress';
create index delivery_partition on delivery (partition_key, environment, id) where state in ('ready', 'in-progress');
create index delivery_state on delivery (environment, state, reason, kind);
create index delivery_submission on delivery (submission) where submission is not null;
create index delivery_dependency_needs on delivery_dependency (environment, needs);
create unique index client_key on client (key_hash);
create index job_run_scheduled on job_run (job, scheduled_for);
create index search_token_resource on search_token (resource);
create index search_reference_resource on search_reference (resource);
create index search_string_resource on search_string (resource);
create index search_date_resource on search_date (resource);
create sequence resource_pk;
create sequence delivery_id;
`,
};
