import type { Store, StoredResource } from '../store/port.ts';
import { type Ledger, referenceOf, type Trace } from './ledger.ts';
import type { Outcome } from './outcome.ts';
import type { LocalResource, Platform, SendAnswer, Unit } from './platform.ts';
import { SYNC_CONTEXT } from './references.ts';

export interface ChangeOptions {
  readonly store: Pick<Store, 'resourceVersion'>;
  readonly platform: Pick<Platform, 'inspect' | 'replace'>;
  readonly ledger: Ledger;
  readonly trace: Trace;
  readonly send: (work: () => Promise<SendAnswer>) => Promise<SendAnswer>;
  readonly unitOf: (some: readonly LocalResource[]) => Unit;
}

/** How far back an own earlier content is recognised. */
const EARLIER_VERSIONS = 10;

/**
 * Brings up to date what changed here since the platform has it; the first of the unit last, for an Encounter refers to its diagnoses.
 * Each is read before: what others changed meanwhile is not overwritten, and an update of ours whose answer was lost is taken over.
 */
export async function sendChanged(options: ChangeOptions, rows: readonly StoredResource[]): Promise<Outcome | undefined> {
  const { platform, ledger, send, unitOf } = options;
  const [first] = rows;
  const changed = rows.filter(ledger.isChanged);
  let conflict: Outcome | undefined;
  for (const row of [...changed.filter((each) => each !== first), ...changed.filter((each) => each === first)]) {
    const reference = referenceOf(row.resource);
    const present = await platform.inspect(unitOf([row.resource]), [row.resource]);
    if (present.kind !== 'there') {
      return present.kind === 'refused' ? { kind: 'unreadable', issues: present.issues } : present;
    }
    if (present.same !== undefined) {
      ledger.adopt([{ reference, platformId: ledger.ids.get(reference) as string, platformVersion: present.platformVersion }]);
      continue;
    }
    const known = ledger.versionOf(reference);
    const unchanged = ledger.isOurs(reference) && (known === null || known === present.platformVersion);
    if (!unchanged) {
      const verdict = await isEarlier(options, row);
      if (verdict === false) {
        // A person decides; all that is in conflict is found at once, and the rest goes on.
        ledger.giveUp(reference, present.platformVersion);
        conflict = { kind: 'conflict' };
        continue;
      }
      if (verdict !== true) {
        return verdict;
      }
    }
    const answer = await send(() => platform.replace(unitOf([row.resource])));
    if (answer.kind !== 'delivered') {
      return answer;
    }
    ledger.place(answer.placed);
  }
  return conflict;
}

/** Whether the platform holds an earlier content of ours: then nobody else has changed it since. */
async function isEarlier({ store, platform, unitOf }: ChangeOptions, row: StoredResource): Promise<boolean | Outcome> {
  const { resourceType, id } = row.resource;
  const versions: LocalResource[] = [];
  for (let version = row.version - 1; version >= Math.max(1, row.version - EARLIER_VERSIONS); version -= 1) {
    const earlier = await store.resourceVersion(SYNC_CONTEXT, resourceType, id, version);
    if (earlier !== undefined) {
      versions.push(earlier.resource);
    }
  }
  if (versions.length === 0) {
    return false;
  }
  const present = await platform.inspect(unitOf([row.resource]), versions);
  if (present.kind === 'there') {
    return present.same !== undefined;
  }
  return present.kind === 'refused' ? { kind: 'unreadable', issues: present.issues } : present;
}
