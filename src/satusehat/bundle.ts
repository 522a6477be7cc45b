import type { Bundle, Resource } from '@medplum/fhirtypes';
import type { Placed } from '../sync/platform.ts';

/**
 * Transaction Bundle of resources to be created. `fullUrl` is `urn:uuid:<local id>` (platform rules 20017–20021).
 *
 * @param entries local id and projected resource, in the order of sending
 */
export function transactionBundle(entries: readonly { id: string; resource: Resource }[]): Bundle {
  return {
    resourceType: 'Bundle',
    type: 'transaction',
    entry: entries.map(({ id, resource }) => ({
      fullUrl: `urn:uuid:${id}`,
      resource,
      request: { method: 'POST', url: resource.resourceType },
    })),
  };
}

/**
 * Reads the platform's transaction response: entries in the order of the request, with the non-standard keys `resourceID` and
 * `resourceType`, and a `location` that ends in `Type/id/_history/version` on a host of its own.
 *
 * @returns undefined if it does not account for every entry: then what was stored has to be looked up
 */
export function readTransaction(body: unknown, references: readonly string[]): readonly Placed[] | undefined {
  const entries = (body as { entry?: unknown } | null)?.entry;
  if (!Array.isArray(entries) || entries.length !== references.length) {
    return undefined;
  }
  const placed: Placed[] = [];
  for (const [index, reference] of references.entries()) {
    const response = (entries[index] as { response?: Record<string, unknown> } | null)?.response;
    const type = reference.slice(0, reference.indexOf('/'));
    const location = /([A-Z][A-Za-z]+)\/([A-Za-z0-9\-.]+)(?:\/_history\/([^/?#]+))?$/.exec(asText(response?.location) ?? '');
    const id = asText(response?.resourceID) ?? location?.[2];
    const actual = asText(response?.resourceType) ?? location?.[1];
    if (id === undefined || actual !== type || !/^2\d\d/.test(asText(response?.status) ?? '201')) {
      return undefined;
    }
    placed.push({ reference, platformId: id, platformVersion: location?.[3] ?? readEtag(asText(response?.etag)) });
  }
  return placed;
}

/** Reads the answer to a single create or update; undefined if it is not the resource that was sent. */
export function readSingle(body: unknown, etag: string | undefined, reference: string): Placed | undefined {
  const resource = body as { resourceType?: unknown; id?: unknown; meta?: { versionId?: unknown } } | null;
  const id = asText(resource?.id);
  if (id === undefined || resource?.resourceType !== reference.slice(0, reference.indexOf('/'))) {
    return undefined;
  }
  return { reference, platformId: id, platformVersion: asText(resource.meta?.versionId) ?? readEtag(etag) };
}

/** `W/"abc"` → `abc`. */
export function readEtag(etag: string | undefined): string | null {
  return /^(?:W\/)?"(.+)"$/.exec(etag ?? '')?.[1] ?? null;
}

function asText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
