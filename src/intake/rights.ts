import { type Issue, issue } from '../errors/index.ts';
import type { NormalisedRecord } from '../mapping/types.ts';
import type { Client, Feed, Submission } from '../store/port.ts';
import { prepare } from './prepare.ts';
import type { Registers } from './registers.ts';
import { type Resolved, text, unitCode } from './resolve.ts';
import type { BatchItem, BatchOptions } from './types.ts';

/** Without storing: whether the client may write a record at all. */
export async function findForbidden(options: BatchOptions, items: readonly BatchItem[], now: string): Promise<Issue | undefined> {
  const prepared = items.map((item) => prepare(options, item, now));
  const bySystem = prepared.find(({ forbidden }) => forbidden)?.forbidden;
  if (bySystem) return bySystem;
  const codes = new Set<string>();
  for (const { item, record } of prepared) {
    if (item.request.client.facilities === 'all') continue;
    for (const code of [unitCode(item.request.feed, record)?.code, text(record.supervisorCode)]) if (code !== undefined) codes.add(code);
  }
  if (codes.size === 0) return undefined;
  const entries = new Map((await options.store.facilities([...codes])).map((entry) => [entry.code, entry]));
  const own = new Set(prepared.filter(({ item }) => item.request.feed === 'facilities').map(({ record }) => text(record.code)));
  for (const { item, record } of prepared) {
    const { client, feed } = item.request;
    if (feed === 'facilities') {
      const supervisor = text(record.supervisorCode);
      const known = entries.get(text(record.code) ?? '');
      if (known && !mayWrite(client, known.puskesmas ?? undefined)) return issue('forbidden-facility', {}, { field: 'code' });
      // A supervisor that comes with the same request is judged when its turn comes.
      if (supervisor !== undefined && !entries.has(supervisor) && own.has(supervisor)) continue;
      const head =
        record.kind === 'puskesmas' ? text(record.code) : supervisor === undefined ? undefined : entries.get(supervisor)?.puskesmas;
      if (supervisor !== undefined && !entries.has(supervisor)) continue;
      if (!mayWrite(client, head ?? undefined)) return issue('forbidden-facility', {}, { field: 'code' });
      continue;
    }
    const where = unitCode(feed, record);
    const entry = where && entries.get(where.code);
    if (where && entry && !mayWrite(client, entry.puskesmas ?? undefined)) return issue('forbidden-facility', {}, { field: where.field });
  }
  return undefined;
}

const mayWrite = (client: Client, puskesmas: string | undefined): boolean =>
  client.facilities === 'all' || (puskesmas !== undefined && client.facilities.includes(puskesmas));

/** A facility that is known and not the client's. An unknown one is a matter of the record. */
export function foreignFacility(
  client: Client,
  feed: Feed,
  record: NormalisedRecord,
  { unit, puskesmas }: Resolved,
  registers: Pick<Registers, 'facility'>,
): Issue | undefined {
  // A unit is not taken over from another puskesmas by naming another supervisor.
  const known = feed === 'facilities' ? registers.facility(text(record.code) ?? '') : undefined;
  if ((!unit || mayWrite(client, puskesmas?.code)) && (!known || mayWrite(client, known.puskesmas ?? undefined))) return undefined;
  return issue('forbidden-facility', {}, { field: unitCode(feed, record)?.field ?? 'facilityCode' });
}

/** A record of another puskesmas, though of the client's source system: one system often serves many, with a key for each. */
export function foreignRecord(client: Client, previous: Submission | undefined): Issue | undefined {
  if (!previous || previous.facility === null || mayWrite(client, previous.facility)) return undefined;
  return issue('forbidden-facility', {}, { field: 'sourceId' });
}
