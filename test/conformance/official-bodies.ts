import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Bundle, Resource } from '@medplum/fhirtypes';

/** A body that SATUSEHAT has published; a Bundle counts by its entries. */
export interface OfficialBody {
  /** File below the folder, with the number of the entry in a Bundle: `anc/Bundle-transaction-anc.json#3`. */
  readonly name: string;
  /** Folder of the published module. */
  readonly module: string;
  readonly resource: Resource;
}

export interface OfficialBodies {
  readonly bodies: readonly OfficialBody[];
  /** How many were left out, by reason. */
  readonly skipped: Readonly<Record<string, number>>;
}

/** Folders that hold no module: reference tables, recordings of errors, drafts that the collections have replaced. */
const NO_MODULE = new Set([
  ...['api', 'auth', 'catalogue', 'codesystems', 'consent', 'errors', 'ig-examples', 'kfa', 'kyc', 'masterdata', 'mpi'],
  ...['older-collection', 'rules', 'sandbox', 'structuredefinitions', 'terminology'],
]);
/** Files of this folder begin with their module. */
const MIXED = 'use-cases';
const MODULES: Readonly<Record<string, string>> = {
  rj: 'rawat-jalan',
  tumbang: 'tumbuh-kembang',
  pkpr: 'posyandu-uks-pkpr',
  ubm: 'berhenti-merokok',
  mtbm: 'mtbs',
};
/** The facility's own, set up once and not made from a record. */
const NOT_CLINICAL = new Set(['Organization', 'Location', 'HealthcareService', 'PractitionerRole', 'Practitioner']);

/**
 * Reads all bodies below a folder of published examples: `<module>/*.json` of `{request: {method, url, body}}`, and `use-cases/<module>-*.json`,
 * which hold the body alone.
 *
 * @returns undefined without such a folder
 */
export function readOfficialBodies(folder: string): OfficialBodies | undefined {
  if (!existsSync(folder)) return undefined;
  const bodies: OfficialBody[] = [];
  const skipped: Record<string, number> = {};
  const skip = (reason: string, count = 1): void => {
    skipped[reason] = (skipped[reason] ?? 0) + count;
  };
  for (const entry of readdirSync(folder, { withFileTypes: true }).filter((each) => each.isDirectory())) {
    const files = readdirSync(path.join(folder, entry.name)).filter((file) => file.endsWith('.json'));
    if (NO_MODULE.has(entry.name)) {
      skip('of no module', files.length);
      continue;
    }
    for (const file of files.sort()) {
      const name = `${entry.name}/${file}`;
      const prefix = entry.name === MIXED ? file.slice(0, file.indexOf('-')) : entry.name;
      const found = bodyOf(JSON.parse(readFileSync(path.join(folder, name), 'utf8')));
      if (typeof found === 'string') skip(found);
      else {
        for (const { suffix, resource } of entriesOf(found)) {
          if (NOT_CLINICAL.has(resource.resourceType)) skip('facility and staff');
          else bodies.push({ name: `${name}${suffix}`, module: MODULES[prefix] ?? prefix, resource });
        }
      }
    }
  }
  return { bodies, skipped };
}

/** @returns the body of a request that writes a resource, or why there is none */
function bodyOf(value: unknown): Resource | string {
  if (Array.isArray(value)) return 'PATCH';
  const { request } = value as { request?: { method?: string; body?: unknown } };
  const body = request === undefined ? value : request.body;
  if (request?.method === 'GET' || request?.method === 'PATCH' || request?.method === 'DELETE') return request.method;
  if (Array.isArray(body)) return 'PATCH';
  return typeof (body as { resourceType?: unknown } | undefined)?.resourceType === 'string' ? (body as Resource) : 'without a resource';
}

function entriesOf(resource: Resource): { suffix: string; resource: Resource }[] {
  if (resource.resourceType !== 'Bundle') return [{ suffix: '', resource }];
  const types = new Map<string, string>();
  for (const { fullUrl, resource: inner } of (resource as Bundle).entry ?? []) {
    if (fullUrl && inner) types.set(fullUrl, `${inner.resourceType}/${fullUrl.slice(fullUrl.lastIndexOf(':') + 1)}`);
  }
  const resolved = (text: string): string => types.get(text) ?? text;
  return (resource.entry ?? []).flatMap(({ resource: inner }, index) =>
    inner === undefined
      ? []
      : [
          {
            suffix: `#${index}`,
            resource: JSON.parse(
              JSON.stringify(inner, (key, value) => (key === 'reference' && typeof value === 'string' ? resolved(value) : value)),
            ),
          },
        ],
  );
}
