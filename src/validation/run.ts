import { Findings } from './findings.ts';

export type Json = Record<string, unknown>;

export const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** What a run carries: the findings and where references may lead. */
export class Run {
  readonly f: Findings;
  /** The resource whose `contained` a `#` reference means. */
  container: Json;
  /** Fragments that references in the container name, while it has contained resources. */
  local: Set<string> | undefined;
  /** Ids of elements inside the resource, while there are any. */
  ids: Set<unknown> | undefined;
  /** The outermost Bundle, in which `urn:uuid:` references are looked up. */
  readonly bundle: Json | undefined;
  #entries: Map<string, string> | undefined;

  constructor(findings: Findings, root: Json) {
    this.f = findings;
    this.container = root;
    this.bundle = root.resourceType === 'Bundle' ? root : undefined;
  }

  /** The same resource, with findings of its own. */
  apart(): Run {
    const run = new Run(new Findings(), this.bundle ?? this.container);
    run.container = this.container;
    return run;
  }

  elementId(id: unknown, path: string): void {
    this.ids ??= new Set();
    if (this.ids.has(id)) this.f.structure(path, 'duplicate-id');
    this.ids.add(id);
  }

  /** A relative reference that is not `Type/id`: what has not even two parts can in a Bundle never be resolved. */
  malformed(path: string, allowed: readonly string[], text: string): void {
    const isResolved = this.bundle?.type === 'transaction' && text.includes('?');
    if (this.bundle === undefined || isResolved || /^[^/]*\/[^/]*$/.test(text)) this.f.suspiciousReference(path, allowed);
    else this.f.reference(path, allowed);
  }

  /** Type of the resource with this fullUrl in the Bundle. */
  entryType(fullUrl: string): string | undefined {
    if (this.bundle === undefined) return undefined;
    if (this.#entries === undefined) {
      this.#entries = new Map();
      const entries = this.bundle.entry;
      for (const entry of Array.isArray(entries) ? entries : []) {
        const type = entry?.resource?.resourceType;
        if (typeof entry?.fullUrl === 'string' && typeof type === 'string') this.#entries.set(entry.fullUrl, type);
      }
    }
    return this.#entries.get(fullUrl);
  }
}
