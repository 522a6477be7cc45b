import type { Resource } from '@medplum/fhirtypes';
import type { AccessContext, Store, StoredResource } from '../store/port.ts';

type Stored = Resource & { id: string };

/** Reads of intake itself: what a record may see is decided before, by the client's rights. */
export const ALL: AccessContext = { client: 'intake', facilities: 'all', purpose: 'intake' };

/** Resources that were read once, overlaid with what this group writes. */
export function createResourceCache(store: Pick<Store, 'resources'>) {
  type Cached = Pick<StoredResource, 'resource' | 'facility'>;
  const known = new Map<string, Cached | undefined>();
  const load = async (references: readonly string[]): Promise<void> => {
    const wanted = [...new Set(references)].filter((reference) => !known.has(reference));
    if (wanted.length === 0) return;
    for (const reference of wanted) known.set(reference, undefined);
    for (const stored of await store.resources(ALL, wanted)) {
      const { meta, ...resource } = stored.resource;
      // Version and time are the store's to give; all else of it is content.
      const { versionId: _version, lastUpdated: _time, ...kept } = meta ?? {};
      known.set(`${resource.resourceType}/${resource.id}`, {
        resource: (Object.keys(kept).length > 0 ? { ...resource, meta: kept } : resource) as Stored,
        facility: stored.facility,
      });
    }
  };
  return {
    load,
    async get(reference: string): Promise<Cached | undefined> {
      await load([reference]);
      return known.get(reference);
    },
    /** What is known without asking; null: it was looked for and is not there. */
    seen: (reference: string): Stored | null | undefined => (known.has(reference) ? (known.get(reference)?.resource ?? null) : undefined),
    put: (resource: Stored, facility: string | null) => void known.set(`${resource.resourceType}/${resource.id}`, { resource, facility }),
  };
}
