import type { Issue } from '../errors/index.ts';
import type { AccessContext, Identity, PlatformId, Store } from '../store/port.ts';
import type { LocalResource, PersonAnswer, PersonQuery, Platform, Trouble } from './platform.ts';

/** The keyed hashes of `store/id-key.ts` that identity keys are made with. */
export interface IdentityHash {
  nikHash(nik: string): string;
  hash(text: string): string;
}

/** `patient:<nik hash>`, `practitioner:<nik hash>`, `newborn:<hash>`: a NIK is never written down in the cache. */
export function identityKey(query: PersonQuery, hash: IdentityHash): string {
  return query.kind === 'newborn'
    ? `newborn:${hash.hash(`newborn|${query.nikIbu}|${query.birthOrder}|${query.birthDate}`)}`
    : `${query.kind}:${hash.nikHash(query.nik)}`;
}

export interface IdentityOptions {
  readonly store: Pick<Store, 'identities' | 'resources' | 'platformIds'>;
  readonly platform: Pick<Platform, 'environment' | 'personOf' | 'findPerson'>;
  readonly hash: IdentityHash;
  /** Epoch ms. */
  readonly clock: () => number;
  /** A found number is trusted so long (default 180 days): people are merged on the platform, seldom. */
  readonly positiveMaxAgeMs?: number;
  /** A number that was not found is not looked up again so long (default 15 minutes). */
  readonly negativeMaxAgeMs?: number;
}

export interface ResolvedPersons {
  /** Local reference → platform id. */
  readonly ids: ReadonlyMap<string, string>;
  /** What was learnt, to be written with the outcome. */
  readonly platformIds: readonly PlatformId[];
  readonly identities: readonly Identity[];
  /** References whose person the platform does not know. */
  readonly missing: ReadonlyArray<{
    readonly reference: string;
    readonly who: 'patient' | 'practitioner';
    readonly issues: readonly Issue[];
  }>;
  /** The first thing that kept a look-up from being answered. */
  readonly trouble?: Trouble;
  /** How many were asked of the platform. */
  readonly asked: number;
}

export interface IdentityResolver {
  /** Platform ids of Patients and Practitioners: cache first, then the platform in the name of `owner`. */
  resolve(owner: string, persons: readonly LocalResource[]): Promise<ResolvedPersons>;
}

const CONTEXT: AccessContext = { client: 'sync', facilities: 'all', purpose: 'sync' };
const MAX_LINKS = 5;

/** Reference of the Patient that took the place of this one: their NIK arrived later, and what points here is not re-keyed. */
export function successorOf(resource: LocalResource): string | undefined {
  if (resource.resourceType !== 'Patient') {
    return undefined;
  }
  return resource.link?.find(({ type }) => type === 'replaced-by')?.other.reference;
}

/** Reference of the Patient whose place this one took when the NIK arrived. */
function predecessorOf(resource: LocalResource): string | undefined {
  if (resource.resourceType !== 'Patient') {
    return undefined;
  }
  return resource.link?.find(({ type }) => type === 'replaces')?.other.reference;
}

const DAY_MS = 86_400_000;
const REMEMBERED = 1_000;

export function createIdentityResolver(options: IdentityOptions): IdentityResolver {
  const { store, platform, hash, clock } = options;
  const positiveMaxAgeMs = options.positiveMaxAgeMs ?? 180 * DAY_MS;
  const negativeMaxAgeMs = options.negativeMaxAgeMs ?? 900_000;
  /** A midwife is in every visit of her morning: parallel deliveries ask for her once, and know the answer before it is written. */
  const asking = new Map<string, Promise<PersonAnswer>>();
  const remembered = new Map<string, Identity>();

  function remember(identity: Identity): void {
    const oldest = remembered.size >= REMEMBERED ? remembered.keys().next().value : undefined;
    if (oldest !== undefined) {
      remembered.delete(oldest);
    }
    remembered.delete(identity.key);
    remembered.set(identity.key, identity);
  }

  function ask(owner: string, key: string, query: PersonQuery): Promise<PersonAnswer> {
    const same = asking.get(`${owner}|${key}`);
    if (same !== undefined) {
      return same;
    }
    const started = platform.findPerson(owner, query).finally(() => asking.delete(`${owner}|${key}`));
    asking.set(`${owner}|${key}`, started);
    return started;
  }

  /** How a person is looked up: as the one who took their place, where that is known. */
  async function queryOf(person: LocalResource): Promise<PersonQuery | undefined> {
    let current = person;
    for (let links = 0; links < MAX_LINKS; links += 1) {
      const next = successorOf(current);
      const [row] = next === undefined ? [] : await store.resources(CONTEXT, [next]);
      if (row === undefined) {
        break;
      }
      current = row.resource;
    }
    return platform.personOf(current) ?? platform.personOf(person);
  }

  /**
   * The number that a person had before the NIK arrived: a newborn is registered under the mother's, and whoever asks for its own NIK is
   * not shown that Patient before the platform has been told of it. Facilities may not tell it (rule 20016), so nothing is written.
   */
  async function numberBefore(person: LocalResource): Promise<string | undefined> {
    let reference = predecessorOf(person);
    for (let links = 0; reference !== undefined && links < MAX_LINKS; links += 1) {
      const [known] = await store.platformIds(platform.environment, [reference]);
      if (known !== undefined) {
        return known.platformId;
      }
      const [row] = await store.resources(CONTEXT, [reference]);
      reference = row && predecessorOf(row.resource);
    }
    return undefined;
  }

  return {
    async resolve(owner, persons) {
      const queries = await Promise.all(persons.map(queryOf));
      const wanted = persons.map((resource, index) => {
        const query = queries[index];
        return {
          person: resource,
          reference: `${resource.resourceType}/${resource.id}`,
          who: resource.resourceType === 'Practitioner' ? ('practitioner' as const) : ('patient' as const),
          query,
          key: query && identityKey(query, hash),
        };
      });
      const { environment } = platform;
      const keys = wanted.flatMap(({ key }) => (key === undefined ? [] : [key]));
      const cached = new Map((keys.length === 0 ? [] : await store.identities(environment, keys)).map((row) => [row.key, row]));
      const ids = new Map<string, string>();
      const platformIds: PlatformId[] = [];
      const identities: Identity[] = [];
      const missing: Array<ResolvedPersons['missing'][number]> = [];
      let trouble: Trouble | undefined;
      let asked = 0;

      for (const { person, reference, who, query, key } of wanted) {
        if (query === undefined || key === undefined) {
          missing.push({ reference, who, issues: [] });
          continue;
        }
        const now = clock();
        const at = new Date(now).toISOString();
        const known = newest(cached.get(key), remembered.get(key));
        const age = known === undefined ? Number.POSITIVE_INFINITY : now - Date.parse(known.checkedAt);
        let platformId =
          known !== undefined && age <= (known.platformId === null ? negativeMaxAgeMs : positiveMaxAgeMs) ? known.platformId : undefined;
        let issues: readonly Issue[] = [];
        if (platformId === undefined) {
          asked += 1;
          const answer = await ask(owner, key, query);
          if (answer.kind === 'person') {
            platformId = answer.platformId;
            const identity = { environment, key, platformId, checkedAt: at };
            identities.push(identity);
            remember(identity);
          } else if (answer.kind === 'refused') {
            platformId = null;
            issues = answer.issues;
          } else {
            trouble ??= answer;
            continue;
          }
        }
        if (platformId === null && query.kind === 'patient') {
          platformId = (await numberBefore(person)) ?? null;
        }
        if (platformId === null) {
          missing.push({ reference, who, issues });
        } else {
          ids.set(reference, platformId);
          platformIds.push({ environment, reference, platformId, platformVersion: null, at });
        }
      }
      return { ids, platformIds, identities, missing, asked, ...(trouble !== undefined && { trouble }) };
    },
  };
}

const newest = (stored: Identity | undefined, own: Identity | undefined): Identity | undefined =>
  stored !== undefined && (own === undefined || stored.checkedAt >= own.checkedAt) ? stored : own;
