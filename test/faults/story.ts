import type { RunDatabase } from './database.ts';
import type { Stored } from './platform.ts';

/**
 * All that the store and the platform know of one visit, oldest first: what a run that cannot be repeated to the millisecond leaves to
 * those who look for the reason.
 *
 * @param dump everything on the platform
 */
export async function storyOf(sourceId: string, { rows }: RunDatabase, dump: AsyncIterable<Stored>): Promise<readonly string[]> {
  const lines: string[] = [];
  const tell = async (name: string, sql: string): Promise<void> => {
    for (const row of await rows(sql)) lines.push(`${name} ${JSON.stringify(row)}`);
  };
  const submission = `select id from submission where source_id = '${sourceId}'`;
  // A withdrawal takes the delivery over: it is nobody's then.
  const deliveries = `select d.id from delivery d join resource r on d.delivery_key like '%' || r.type || '/' || r.id
    join resource_history h on h.resource = r.pk where h.submission in (${submission})`;
  const versions = `select h.* from resource_history h where h.submission in (${submission})`;
  await tell(
    'submission',
    `select id, version, source_updated_at, state, reason, received_at, updated_at from submission where source_id = '${sourceId}' order by version`,
  );
  await tell(
    'version',
    `select r.type, r.id, h.version, h.last_updated_ms from resource r join (${versions}) h on h.resource = r.pk order by h.last_updated_ms`,
  );
  await tell('delivery', `select * from delivery where id in (${deliveries}) order by id`);
  await tell('event', `select * from delivery_event where delivery in (${deliveries}) order by id`);
  const ids = `select r.type || '/' || r.id from resource r join (${versions}) h on h.resource = r.pk`;
  const known = await rows(`select * from platform_id where reference in (${ids}) order by reference`);
  for (const row of known) lines.push(`known ${JSON.stringify(row)}`);
  const wanted = new Set(known.map(({ platform_id: id }) => String(id)));
  for await (const resource of dump) if (wanted.has(resource.id)) lines.push(`there ${JSON.stringify(resource)}`);
  return lines;
}
