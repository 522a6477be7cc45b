import { expect } from 'vitest';
import type { District } from './district.ts';

const CONTEXT = { client: 'test', facilities: 'all', purpose: 'intake' } as const;

/** Each submission with all of its resources and its delivery, and nothing that belongs to no submission. */
export async function nothingHalf({ store, rows }: District): Promise<void> {
  const submissions = await store.submissionFeed(CONTEXT, { limit: 1000, feed: 'encounters' });
  const wanted = submissions.flatMap(({ resources }) => resources);
  const there = await store.resources(CONTEXT, wanted);
  expect(there.length).toBe(wanted.length);
  const deliveries = new Map(
    (await store.deliveries({ limit: 5000 })).filter(({ kind }) => kind === 'encounter').map((delivery) => [delivery.submission, delivery]),
  );
  for (const { id, resources } of submissions) {
    expect(resources.length).toBeGreaterThan(3);
    const delivery = deliveries.get(id);
    expect(resources).toEqual(expect.arrayContaining([...(delivery?.resources ?? ['none'])]));
  }
  expect(deliveries.size).toBe(submissions.length);
  const orphans = await rows(`
    select 'resource' as what, count(*) as n from resource where submission is not null and submission not in (select id from submission)
    union all select 'delivery', count(*) from delivery where submission is not null and submission not in (select id from submission)
    union all select 'payload', count(*) from submission s
      where not exists (select 1 from submission_payload p where p.id = s.id and p.version = s.version)
    union all select 'history', count(*) from resource r
      where not exists (select 1 from resource_history h where h.resource = r.pk and h.version = r.version)
    union all select 'token', count(*) from search_token where resource not in (select pk from resource)`);
  expect(Object.fromEntries(orphans.map(({ what, n }) => [what, Number(n)]))).toEqual({
    resource: 0,
    delivery: 0,
    payload: 0,
    history: 0,
    token: 0,
  });
}

/** Rows of each table. */
export async function sizes({ rows }: District): Promise<Record<string, number>> {
  const tables = ['submission', 'submission_payload', 'resource', 'resource_history', 'delivery', 'person', 'search_token', 'search_date'];
  const counted = await rows(
    `${tables.map((table) => `select '${table}' as what, count(*) as n from ${table}`).join(' union all ')}
     union all select 'encounters', count(*) from submission where feed = 'encounters' and is_current = 1`,
  );
  return Object.fromEntries(counted.map(({ what, n }) => [String(what), Number(n)]));
}
