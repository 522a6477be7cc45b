import type { Bundle, Resource } from '@medplum/fhirtypes';
import type { Issue, Reason, State } from '../errors/index.ts';
import type { AccessContext, Client, Feed, Submission } from '../store/port.ts';
import type { Preflight } from '../validation/index.ts';
import type { IntakeEngines } from './pipeline.ts';
import type { RawRecord } from './raw-record.ts';
import type { RemapCounts, RemapOptions } from './remap.ts';
import type { Reprocessed } from './reprocess.ts';

/** In whose name records come in, and how strictly they are read. */
export interface IntakeRequest {
  readonly feed: Feed;
  readonly client: Client;
  /** Unknown fields refuse a record instead of being reported. */
  readonly strict: boolean;
  readonly requestId?: string;
}

/** Answer to one record. It is given only after all it speaks of is on disk. */
export interface Receipt {
  /** Stable per record key (source system, feed, source id). Null where nothing was stored, because the record is not the client's to write. */
  readonly id: string | null;
  readonly version: number;
  readonly sourceId: string | null;
  readonly state: State;
  readonly reason: Reason | null;
  readonly issues: readonly Issue[];
  readonly duplicateOf?: string;
  /** Fields that nothing used. */
  readonly unused?: readonly string[];
}

/** A receipt, and whether the record was already here unchanged (then nothing was written). */
export interface Accepted {
  readonly receipt: Receipt;
  readonly repeated: boolean;
}

/** What would have happened. */
export interface DryRun {
  readonly verdict: Omit<Receipt, 'id' | 'version'>;
  /** The mapped resources (`collection`), also of a record that would be refused, as far as it could be mapped. */
  readonly bundle: Bundle;
  /** What SATUSEHAT would make of it. */
  readonly preflight: Preflight;
}

/** Accepts records end to end: normalise, contract, resolve, map, validate, commit. */
export interface Intake {
  /**
   * Stores the records and gives one answer for each, in order.
   *
   * A record that its contract or the rules refuse is stored as refused. A record for a source system or facility that is not the
   * client's is not stored; its receipt says so.
   * @throws AppError `store-unavailable`: nothing of the group that was being stored is accepted; `busy` while stopping
   */
  accept(request: IntakeRequest, records: readonly RawRecord[]): Promise<readonly Accepted[]>;
  /** The first record (in order) that the client may not write, as an error; undefined if it may write all. */
  forbidden(request: IntakeRequest, records: readonly RawRecord[]): Promise<Issue | undefined>;
  /** What SATUSEHAT would make of resources as they are stored, with what was found on them. */
  preflight(resources: readonly Resource[], issues: readonly Issue[]): Preflight;
  /** Maps and checks without storing anything. */
  dryRun(request: IntakeRequest, records: readonly RawRecord[]): Promise<readonly DryRun[]>;
  /**
   * A health worker's validation of a kader's record: a new version of it with `validatedBy`.
   *
   * @throws AppError `not-found` where the client cannot see the submission
   */
  validateSubmission(request: Omit<IntakeRequest, 'feed' | 'strict'>, id: string, validatedBy: { nik: string }): Promise<Receipt>;
  /**
   * Takes stored records that stopped through all stages again, as they were received and in the order in which sources send: what was
   * mended meanwhile (a table, a register) counts now. One result for each, in that order. One that was changed or went on since it was
   * read is left alone.
   *
   * @param options.dryRun only tells what would become of each
   * @param options.anyway (default) also where nothing it refers to has changed
   * @throws AppError `store-unavailable`, `busy` while stopping: what was done before stands
   */
  reprocess(submissions: readonly Submission[], options?: { dryRun?: boolean; anyway?: boolean }): Promise<readonly Reprocessed[]>;
  /**
   * Takes all records that stand through the maps of now, and stores anew (and sends) what comes out otherwise.
   *
   * @throws AppError `store-unavailable`, `busy` while stopping: what was done before stands
   */
  remap(options: RemapOptions): Promise<RemapCounts>;
  /**
   * Judges and maps by these from the next group on; one that began ends by what it began with. Nothing of it can fail: engines come compiled.
   */
  use(engines: IntakeEngines): void;
  /** Looks at all that is held for the number of a person, and lets go on what names another one by now. */
  lookAtHeld(signal?: AbortSignal): Promise<{ readonly held: number; readonly released: number }>;
  /** Records that wait for their group. */
  readonly waiting: number;
  /** Refuses new records and resolves when those inside are stored. */
  drain(): Promise<void>;
}

export const contextOf = (client: Client, purpose: AccessContext['purpose'], requestId?: string): AccessContext => ({
  client: client.id,
  facilities: client.facilities,
  purpose,
  ...(requestId !== undefined && { requestId }),
});
