import { OperationOutcomeError } from '@medplum/core';
import { FhirRepository } from '@medplum/fhir-router';
import type { Bundle, OperationOutcome, Reference, Resource } from '@medplum/fhirtypes';
import { AppError } from '../errors/index.ts';
import type { AccessContext, Store } from '../store/port.ts';

type WithId<T extends Resource> = T & { id: string };

/**
 * The repository that the FHIR router works on: reads from the store, within one access context. Data enters through intake, so
 * that it is mapped, checked and delivered; what the router could write is refused.
 */
export class StoreRepository extends FhirRepository {
  readonly #store: Store;
  readonly #context: AccessContext;

  constructor(store: Store, context: AccessContext) {
    super();
    this.#store = store;
    this.#context = context;
  }

  override setMode(): void {
    // One store serves reads and writes.
  }

  /** FHIR R4 §3.1.0.2. @throws AppError `not-found`, also for what the context may not see */
  override async readResource<T extends Resource>(resourceType: string, id: string): Promise<WithId<T>> {
    const found = await this.#store.resource(this.#context, resourceType, id);
    if (found === undefined) throw new AppError('not-found');
    return found.resource as WithId<T>;
  }

  /** FHIR R4 §3.1.0.3. @throws AppError `not-found` */
  override async readVersion<T extends Resource>(resourceType: string, id: string, vid: string): Promise<WithId<T>> {
    const found = /^[1-9]\d{0,8}$/.test(vid) ? await this.#store.resourceVersion(this.#context, resourceType, id, Number(vid)) : undefined;
    if (found === undefined) throw new AppError('not-found');
    return found.resource as WithId<T>;
  }

  override async readReference<T extends Resource>(reference: Reference<T>): Promise<WithId<T>> {
    const [type = '', id = ''] = (reference.reference ?? '').split('/');
    return this.readResource<T>(type, id);
  }

  override async readReferences<T extends Resource>(references: readonly Reference<T>[]): Promise<(T | Error)[]> {
    const found = await this.#store.resources(
      this.#context,
      references.map((each) => each.reference ?? ''),
    );
    const byReference = new Map(found.map(({ resource }) => [`${resource.resourceType}/${resource.id}`, resource as Resource as T]));
    return references.map((each) => byReference.get(each.reference ?? '') ?? new OperationOutcomeError(NOT_FOUND));
  }

  override createResource<T extends Resource>(): Promise<WithId<T>> {
    return refused();
  }

  override updateResource<T extends Resource>(): Promise<WithId<T>> {
    return refused();
  }

  override patchResource<T extends Resource>(): Promise<WithId<T>> {
    return refused();
  }

  override deleteResource(): Promise<void> {
    return refused();
  }

  override readHistory<T extends Resource>(): Promise<Bundle<WithId<T>>> {
    return refused();
  }

  /** Searches go through `parseSearch`, which knows what is indexed; the router's own search never runs. */
  override search<T extends Resource>(): Promise<Bundle<WithId<T>>> {
    return refused();
  }

  override searchByReference<T extends Resource>(): Promise<Record<string, WithId<T>[]>> {
    return refused();
  }

  override withTransaction<TResult>(): Promise<TResult> {
    return refused();
  }

  override generateId(): string {
    throw new AppError('method');
  }
}

const NOT_FOUND: OperationOutcome = { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code: 'not-found' }] };

const refused = (): Promise<never> => Promise.reject(new AppError('method'));
