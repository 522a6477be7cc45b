import { randomUUID } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import type { Config } from '../../src/config/index.ts';
import type { Parts } from '../../src/service.ts';
import type { Store } from '../../src/store/index.ts';
import type { SharedEntry } from '../../src/store/port.ts';
import type { LocalResource, Platform } from '../../src/sync/platform.ts';

/**
 * What keeps a record from being lost or doubled, and how each is taken away: only here, by wrapping the ports. The product has no
 * switch for any of it.
 */
export const DEFENCES = ['lookup', 'fencing', 'identifier', 'shared-limiter', 'order'] as const;
export type Defence = (typeof DEFENCES)[number];

type Wraps = Pick<Parts, 'wrapStore' | 'wrapPlatform'>;
type Closing = Platform & { close(): void };

const WITHOUT: Readonly<Record<Defence, (config: Config) => Wraps>> = {
  lookup: () => ({ wrapPlatform: blind }),
  fencing: () => ({ wrapStore: unfenced }),
  identifier: () => ({ wrapPlatform: nameless }),
  'shared-limiter': () => ({ wrapStore: alone }),
  order: (config) => ({ wrapStore: (store) => disordered(store, config) }),
};

export const withoutDefence = (defence: Defence | undefined, config: Config): Wraps =>
  defence === undefined ? {} : WITHOUT[defence](config);

/** Looks, and never finds. */
const blind = (platform: Closing): Closing => ({
  ...platform,
  find: async () => ({ kind: 'found', placed: [], unsearchable: [] }),
});

/** Writes what it likes, whoever holds the lease. */
const unfenced = (store: Store): Store =>
  wrap(store, {
    commit: (changes) => store.commit(changes),
    markSent: async (fence, at) => store.markSent(fence, at).catch(() => undefined),
  });

/** Sends no identifier that it could be found by again; where the platform wants one, it is another at each sending. */
const nameless = (platform: Closing): Closing => {
  const stripped = (resource: LocalResource): LocalResource => {
    const { identifier, ...rest } = resource as LocalResource & { identifier?: unknown };
    if (!Array.isArray(identifier)) return resource;
    const others = identifier.map((each: object) => ({ ...each, value: randomUUID() }));
    return { ...rest, identifier: others } as LocalResource;
  };
  return {
    ...platform,
    create: (unit) => platform.create({ ...unit, resources: unit.resources.map(stripped) }),
  };
};

/** Keeps the pace of its own process, and knows nothing of that of others. */
function alone(store: Store): Store {
  const isPace = (name: string): boolean => name.startsWith('pace:');
  const own = new Map<string, SharedEntry>();
  let version = 0;
  return wrap(store, {
    async shared(environment, names) {
      const { nowMs, entries } = await store.shared(environment, names);
      const paces = [...own.values()].filter(({ name }) => names === undefined || names.includes(name));
      return { nowMs, entries: [...entries.filter(({ name }) => !isPace(name)), ...paces] };
    },
    async putShared(environment, name, value, expected) {
      if (!isPace(name)) return store.putShared(environment, name, value, expected);
      if ((own.get(name)?.version ?? null) !== expected) return false;
      version += 1;
      if (value === null) own.delete(name);
      else own.set(name, { name, value, version, updatedAt: new Date().toISOString() });
      return true;
    },
  });
}

/**
 * A worker that stands still between its claim and its request, so long that its lease runs out and another takes the delivery: what a
 * suspended virtual machine or a long garbage collection does.
 *
 * @param share of the requests
 */
export function stalling(share: number, stallMs: number, random: () => number): NonNullable<Parts['wrapStore']> {
  return (store) => {
    const still = new Set<number>();
    return wrap(store, {
      // Who stands still does not ask, so is told nothing either.
      extendLease: async (fence, leaseMs) => still.has(fence.deliveryId) || store.extendLease(fence, leaseMs),
      async markSent(fence, at) {
        if (random() < share) {
          still.add(fence.deliveryId);
          await new Promise((resolve) => setTimeout(resolve, stallMs));
          still.delete(fence.deliveryId);
        }
        await store.markSent(fence, at);
      },
    });
  };
}

/** Takes what is due, whatever it refers to and whatever is before it. */
function disordered(store: Store, config: Config): Store {
  const text = "update delivery set dependency = 0, preceded = 0 where state = 'ready' and (dependency <> 0 or preceded <> 0)";
  const { database } = config;
  const pool = database.engine === 'postgres' ? new pg.Pool({ connectionString: database.url, max: 1 }) : undefined;
  pool?.on('error', () => undefined);
  const file = database.engine === 'sqlite' ? new DatabaseSync(database.path, { timeout: 0 }) : undefined;
  return wrap(store, {
    async claimDeliveries(query) {
      try {
        file?.exec(text);
      } catch {
        // Somebody writes, and waits for this very process: the next claim will do.
      }
      await pool?.query(text).catch(() => undefined);
      return store.claimDeliveries(query);
    },
    async close() {
      file?.close();
      await pool?.end();
      await store.close();
    },
  });
}

/** The methods of a store are no properties of its own where it is a class, so it is stood before, not copied. */
function wrap(store: Store, changed: Partial<Store>): Store {
  return new Proxy(store, {
    get(target, name) {
      const own = (changed as Record<string | symbol, unknown>)[name];
      if (own !== undefined) return own;
      const value = Reflect.get(target, name) as unknown;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
