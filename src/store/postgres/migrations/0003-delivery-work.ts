import type { Migration } from '../../migration.ts';

/** What people ask of deliveries and do with them, what processes share, and what differs from the platform. */
export const deliveryWork: Migration = {
  name: '0003-delivery-work',
  sql: `
alter table delivery add column priority integer not null default 0;
alter table delivery add column rule integer;
alter table delivery add column received_ms bigint not null default 0;
update delivery set
  rule = case when reason like 'rule-%' then substr(reason, 6)::integer end,
  received_ms = coalesce(
    (select (extract(epoch from s.received_at::timestamptz) * 1000)::bigint from submission s where s.id = delivery.submission and s.version = delivery.submission_version),
    (extract(epoch from updated_at::timestamptz) * 1000)::bigint);
create table delivery_event (
  id bigint generated always as identity primary key,
  delivery bigint not null,
  at text not null,
  actor text not null,
  action text not null,
  from_state text,
  to_state text not null,
  reason text,
  rule integer,
  note text
);
create table shared_state (
  environment text not null,
  name text not null,
  value text,
  version bigint not null,
  updated_ms bigint not null,
  primary key (environment, name)
);
create table difference (
  environment text not null,
  reference text collate "C" not null,
  kind text collate "C" not null,
  platform_id text,
  found_at text not null,
  run text not null,
  resolved_at text,
  primary key (environment, reference, kind)
);

drop index delivery_claimable;
drop index delivery_state;
create index delivery_claimable on delivery (environment, owner, priority, due_ms, id)
  where state = 'ready' and dependency = 0 and preceded = 0;
create index delivery_group on delivery (environment, state, reason, rule, kind, owner, received_ms);
create index delivery_completed on delivery (environment, updated_at, owner) where state = 'completed';
create index delivery_event_delivery on delivery_event (delivery, id);
`,
};
