import { type Issue, issue } from '../errors/index.ts';
import type { AccessContext, Store } from '../store/port.ts';
import type { IdentityResolver } from './identity.ts';
import type { Ledger, Trace } from './ledger.ts';
import type { Outcome } from './outcome.ts';
import { type Account, type LocalResource, type Platform, personKey } from './platform.ts';

export const SYNC_CONTEXT: AccessContext = { client: 'sync', facilities: 'all', purpose: 'sync' };

export interface ReferenceOptions {
  readonly store: Pick<Store, 'resources' | 'facilities' | 'deliveries'>;
  readonly platform: Pick<Platform, 'environment' | 'references' | 'personOf'>;
  readonly identity: IdentityResolver;
}

/** Fills the ledger's ids with everything that the resources refer to; an outcome if that is not possible. */
export async function resolveReferences(
  { store, platform, identity }: ReferenceOptions,
  account: Account,
  resources: readonly LocalResource[],
  ledger: Ledger,
  trace: Trace,
): Promise<Outcome | undefined> {
  const { ids } = ledger;
  const wanted = platform.references(resources);
  const open = (): readonly string[] => wanted.filter((reference) => !ids.has(reference));

  if (open().some((reference) => reference.startsWith('Organization/'))) {
    const [facility] = await store.facilities([account.owner]);
    const own = facility && (facility.organization.includes('/') ? facility.organization : `Organization/${facility.organization}`);
    if (own !== undefined && open().includes(own)) {
      // The puskesmas's own Organization is given with its credential, never created.
      ledger.place([{ reference: own, platformId: account.organizationId, platformVersion: null }]);
    }
  }

  const references = open().filter((reference) => /^(Patient|Practitioner)\//.test(reference));
  const persons = references.length === 0 ? [] : (await store.resources(SYNC_CONTEXT, references)).map((row) => row.resource);
  // Who a RelatedPerson is has a number, which is not the platform's id of the RelatedPerson.
  const related = resources.filter((resource) => resource.resourceType === 'RelatedPerson' && ledger.isMissing(resource));
  if (persons.length + related.length > 0) {
    const resolved = await identity.resolve(account.owner, [...persons, ...related]);
    const isRelated = (reference: string): boolean => reference.startsWith('RelatedPerson/');
    trace.identities.push(...resolved.identities);
    trace.platformIds.push(...resolved.platformIds.filter(({ reference }) => !isRelated(reference)));
    for (const [reference, id] of resolved.ids) {
      ids.set(isRelated(reference) ? personKey(reference) : reference, id);
    }
    if (resolved.trouble !== undefined) {
      return resolved.trouble;
    }
    const [unknown] = [...resolved.missing].sort((a, b) => a.who.localeCompare(b.who));
    if (unknown !== undefined) {
      const issues: readonly Issue[] = unknown.issues;
      return { kind: 'identity', who: unknown.who, issues };
    }
  }

  const left = open();
  return left.length > 0 ? { kind: 'dependency', issues: await namesOf(store, platform.environment, left) } : undefined;
}

/** Says which deliveries are waited for, and how they stand. */
async function namesOf(store: Pick<Store, 'deliveries'>, environment: string, references: readonly string[]): Promise<readonly Issue[]> {
  const keys = references.map(keyOf);
  const found = new Map((await store.deliveries({ keys, environment })).map((delivery) => [delivery.key, delivery]));
  return keys.map((key) => {
    const { state, reason } = found.get(key) ?? {};
    return issue('dependency-blocked', { delivery: key, state: state ?? '-', reason: reason ?? '-' });
  });
}

/** Key of the delivery of one resource. */
export const keyOf = (reference: string): string => `${reference.slice(0, reference.indexOf('/')).toLowerCase()}:${reference}`;
