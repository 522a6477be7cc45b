import { SYSTEMS } from '../terminology/systems.ts';
import type { Clock } from './clock.ts';
import { asList, asObject, asText, isObject, type JsonObject, sortKeys } from './json.ts';

export interface StoredResource extends JsonObject {
  readonly resourceType: string;
  readonly id: string;
  readonly meta: JsonObject & { readonly versionId: string; readonly lastUpdated: string };
}

export interface Version {
  /** Nanoseconds since the epoch: the order of writes. */
  readonly nanos: bigint;
  /** Unpadded base64 of the decimal nanoseconds. */
  readonly versionId: string;
  /** Microseconds, `+00:00`. */
  readonly lastUpdated: string;
  /** `Tue, 05 Nov 2024 06:49:14 UTC`. */
  readonly lastModified: string;
}

export interface Draft {
  readonly resourceType: string;
  readonly id: string;
  readonly body: JsonObject;
}

interface Row {
  readonly resource: StoredResource;
  readonly nanos: bigint;
}

/** System of the identifier that the platform adds to name the organization that sent a resource. */
export const CREATOR_SYSTEM = `${SYSTEMS.platformSidBase}creator`;

/**
 * Identifiers that several resources share by design; only the others guard against duplicates. A prescription number is on
 * each of its items, a visit code (K1, KF1) on the visits of every patient.
 */
const SHARED = [
  CREATOR_SYSTEM,
  `${SYSTEMS.platformSidBase}program`,
  `${SYSTEMS.platformSidBase}sub-program`,
  `${SYSTEMS.platformSidBase}source-channel`,
  `${SYSTEMS.platformSidBase}prescription/`,
  `${SYSTEMS.kemkes}/CodeSystem/episodeofcare/`,
];

/** Types whose identifier is one object and not a list (FHIR R4). */
const SINGLE_IDENTIFIER = new Set(['Bundle', 'Composition', 'QuestionnaireResponse']);

/** Identifiers of a resource as `system|value`, whatever their form. */
export function identifiersOf(resource: JsonObject): readonly string[] {
  const { identifier } = resource;
  const list = isObject(identifier) ? [identifier] : asList(identifier);
  return list.flatMap((item) => {
    const { system, value } = asObject(item);
    return typeof value === 'string' && value !== '' ? [`${asText(system) ?? ''}|${value}`] : [];
  });
}

/** Identifiers that may occur once per type. People's numbers on a RelatedPerson name the person, not the relation. */
export function guardedIdentifiersOf(resource: JsonObject): readonly string[] {
  const personal = resource.resourceType === 'RelatedPerson' ? [SYSTEMS.ihsNumber, SYSTEMS.nik, SYSTEMS.kk] : [];
  return identifiersOf(resource).filter(
    (token) => !SHARED.some((system) => token.startsWith(system)) && !personal.some((system) => token.startsWith(`${system}|`)),
  );
}

/** Every `reference` text in a resource, in document order. */
export function referencesOf(value: unknown, found: string[] = []): string[] {
  if (Array.isArray(value)) for (const item of value) referencesOf(item, found);
  else if (isObject(value)) {
    for (const [key, child] of Object.entries(value)) {
      if (key === 'reference' && typeof child === 'string') found.push(child);
      else if (typeof child === 'object') referencesOf(child, found);
    }
  }
  return found;
}

/** Organization that sent a stored resource. */
export function creatorOf(resource: JsonObject): string | undefined {
  const prefix = `${CREATOR_SYSTEM}|`;
  return identifiersOf(resource)
    .find((token) => token.startsWith(prefix))
    ?.slice(prefix.length);
}

/** `body` with the platform's `creator` identifier at the end of the list, once. */
export function withCreator(body: JsonObject, resourceType: string, organizationId: string): JsonObject {
  if (SINGLE_IDENTIFIER.has(resourceType)) return body;
  const own = asList(body.identifier).filter((item) => asObject(item).system !== CREATOR_SYSTEM);
  return { ...body, identifier: [...own, { system: CREATOR_SYSTEM, value: organizationId }] };
}

/**
 * The FHIR store, in memory. Nothing in it waits: whoever checks and commits without an `await` between cannot be
 * overtaken, which is what makes the duplicate rule and transactions atomic.
 */
export class ResourceStore {
  readonly #clock: Clock;
  readonly #types = new Map<string, Map<string, Row>>();
  /** `Type|identifier|system|value` and `Type|reference|Type/id` → ids. */
  readonly #index = new Map<string, Set<string>>();
  #lastNanos = 0n;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The version of the next write: never the same twice, never going back even if the clock does. */
  nextVersion(): Version {
    const byClock = BigInt(Math.trunc(this.#clock.now())) * 1_000_000n;
    const nanos = byClock > this.#lastNanos ? byClock : this.#lastNanos + 1_000n;
    this.#lastNanos = nanos;
    const instant = new Date(Number(nanos / 1_000_000n));
    const micros = String((nanos / 1_000n) % 1_000n).padStart(3, '0');
    return {
      nanos,
      versionId: Buffer.from(String(nanos)).toString('base64').replace(/=+$/, ''),
      lastUpdated: `${instant.toISOString().slice(0, -1)}${micros}+00:00`,
      lastModified: instant.toUTCString().replace('GMT', 'UTC'),
    };
  }

  /** Stores all drafts under one version. Nothing here can fail. */
  commit(drafts: readonly Draft[], version: Version): readonly StoredResource[] {
    return drafts.map(({ resourceType, id, body }) => {
      const meta = { ...asObject(body.meta), versionId: version.versionId, lastUpdated: version.lastUpdated };
      const resource = sortKeys({ ...body, resourceType, id, meta }) as StoredResource;
      this.#remove(resourceType, id);
      const rows = this.#types.get(resourceType) ?? new Map<string, Row>();
      this.#types.set(resourceType, rows);
      rows.set(id, { resource, nanos: version.nanos });
      for (const key of keysOf(resource)) {
        const ids = this.#index.get(key) ?? new Set<string>();
        this.#index.set(key, ids);
        ids.add(id);
      }
      return resource;
    });
  }

  get(type: string, id: string): StoredResource | undefined {
    return this.#types.get(type)?.get(id)?.resource;
  }

  /** Resources of a type, last written first. */
  list(type: string): readonly StoredResource[] {
    return [...(this.#types.get(type)?.values() ?? [])].map((row) => row.resource).reverse();
  }

  /** Resources of a type with that identifier (`system|value`), last written first. */
  withIdentifier(type: string, token: string): readonly StoredResource[] {
    return this.#lookUp(type, `${type}|identifier|${token}`);
  }

  /** Resources of a type that refer to `reference` anywhere, last written first. */
  referringTo(type: string, reference: string): readonly StoredResource[] {
    return this.#lookUp(type, `${type}|reference|${reference}`);
  }

  *all(): Generator<StoredResource> {
    for (const rows of this.#types.values()) for (const { resource } of rows.values()) yield resource;
  }

  /** Number of resources by type. */
  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#types].map(([type, rows]) => [type, rows.size] as const).sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  clear(): void {
    this.#types.clear();
    this.#index.clear();
  }

  #lookUp(type: string, key: string): readonly StoredResource[] {
    const rows = this.#types.get(type);
    const found = [...(this.#index.get(key) ?? [])].flatMap((id) => rows?.get(id) ?? []);
    return found.sort((a, b) => (a.nanos < b.nanos ? 1 : -1)).map((row) => row.resource);
  }

  #remove(type: string, id: string): void {
    const rows = this.#types.get(type);
    const row = rows?.get(id);
    if (rows === undefined || row === undefined) return;
    rows.delete(id);
    for (const key of keysOf(row.resource)) {
      const ids = this.#index.get(key);
      ids?.delete(id);
      if (ids?.size === 0) this.#index.delete(key);
    }
  }
}

function keysOf(resource: StoredResource): Set<string> {
  const type = resource.resourceType;
  return new Set([
    ...identifiersOf(resource).map((token) => `${type}|identifier|${token}`),
    ...referencesOf(resource).map((reference) => `${type}|reference|${reference}`),
  ]);
}
