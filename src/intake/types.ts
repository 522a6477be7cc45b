import type { Resource } from '@medplum/fhirtypes';
import type { Issue } from '../errors/index.ts';
import type { Catalogue } from '../mapping/catalogue.ts';
import type { ContextBuilder } from '../mapping/context.ts';
import type { MappedResource, Mapper, NormalisedRecord } from '../mapping/types.ts';
import type { Identifiers } from '../store/id-key.ts';
import type { ChangeSet, Feed, Store } from '../store/port.ts';
import type { LocalCodes } from '../terminology/index.ts';
import type { PlatformRules, Preflight, Validator } from '../validation/types.ts';
import type { ContractCheck } from './contract-check.ts';
import type { IntakeRequest, Receipt } from './intake.ts';
import type { RawRecord } from './raw-record.ts';

/** Reads what a source sent into the shape of contract 2. */
export interface NormaliserPort {
  normalise(
    feed: Feed,
    raw: unknown,
    options: { timeZone: string; now: string; codes?: LocalCodes | undefined },
  ): { record: NormalisedRecord; issues: readonly Issue[] };
}

export interface BatchOptions {
  readonly store: Store;
  readonly environment: string;
  readonly ids: Identifiers;
  readonly normaliser: NormaliserPort;
  readonly contracts: ContractCheck;
  readonly contexts: ContextBuilder;
  readonly catalogue: Pick<Catalogue, 'checkPlausible' | 'decide'>;
  /** The district's own tables, and what is usual of ICD-10; without it neither is looked at. */
  readonly codes?: LocalCodes;
  readonly mapper: Mapper;
  readonly validator: Validator;
  readonly rules: PlatformRules;
  /** Stands in the tag of each resource that is stored. */
  readonly mapVersion?: string | undefined;
  readonly preflight: (resources: readonly Resource[], issues: readonly Issue[]) => Preflight;
}

export interface BatchItem {
  readonly request: IntakeRequest;
  readonly raw: RawRecord;
  /**
   * A stored record that is taken through all stages again: only while this is its current version and it has stopped. `anyway`: also if
   * nothing that it refers to has changed; `standing`: also if it did not stop, because the maps are others now.
   */
  readonly again?: { readonly version: number; readonly anyway: boolean; readonly standing?: boolean };
}

/** What one record came to, before anything is written. */
export interface Outcome {
  readonly receipt: Receipt;
  readonly repeated: boolean;
  /** It was to be taken through again, and has changed or gone on meanwhile. */
  readonly moved?: boolean;
  readonly resources: readonly MappedResource[];
  /** Not to be stored, and why. */
  readonly forbidden?: Issue;
}

export interface BatchResult {
  readonly outcomes: readonly Outcome[];
  readonly changes: ChangeSet;
  /**
   * References of people that a source corrected: what waits for their number may go on. True: told of otherwise; false: another one by
   * now, and a record that names the one before is left as it is.
   */
  readonly mended: ReadonlyMap<string, boolean>;
}

/**
 * What a group brings that is not in the store yet: the next group is worked on while this one is being written, and must see it.
 */
export interface Pending {
  readonly changes: ChangeSet;
  /** Fingerprint → id of the submission that has it. */
  readonly fingerprints: ReadonlyMap<string, string>;
}
