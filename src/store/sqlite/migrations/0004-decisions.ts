import type { Migration } from '../../migration.ts';

/** Whose a difference is, and where the platform's content is known to be another's. */
export const decisions: Migration = {
  name: '0004-decisions',
  sql: `
alter table difference add column owner text;
alter table platform_id add column theirs integer not null default 0;
`,
};
