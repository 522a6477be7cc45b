import type { Resource } from '@medplum/fhirtypes';
import type { Issue } from '../errors/index.ts';

/**
 * The platform port: what sync needs of a national platform (or of any FHIR server). `satusehat/` implements it.
 *
 * Promises of every implementation:
 * - Nothing is thrown for what a platform, a network or a credential can do: each of that is an answer (data). What is thrown is a bug.
 * - An answer tells how far the request came. `unavailable` and `retry`: it was certainly not carried out. `unknown`: it may have been.
 * - No answer holds a value of a patient; the platform's own text is not in it.
 * - `references` and `personOf` are pure.
 * - Calls may run in parallel. Pace, tokens and repetition after an expired token are its own business.
 */
export interface Platform {
  readonly environment: string;
  /** How long after a write a look-up may still not show it, ms: an earlier one cannot prove that something is absent. Default 0. */
  readonly readLagMs?: number;
  /** Whether a transaction may be stored in part although its answer is an error. Default true. */
  readonly savesPartly?: boolean;

  /** The account in whose name an owner (code of the puskesmas) sends; undefined where no credential is stored. */
  account(owner: string): Promise<Account | undefined>;

  /** Local references (`Type/<id>`) that must have a platform id before these resources can be sent; those among themselves left out. */
  references(resources: readonly LocalResource[]): readonly string[];
  /**
   * How the platform would look up this Patient or Practitioner, or the person that a RelatedPerson is; undefined if the resource holds
   * nothing to look it up by.
   */
  personOf(resource: LocalResource): PersonQuery | undefined;
  /** Platform id of a person, null where the platform does not know them (or knows several, and cannot tell which). */
  findPerson(owner: string, query: PersonQuery): Promise<PersonAnswer>;

  /**
   * Looks for what of a unit is already on the platform, by our identifiers. Nothing is written.
   *
   * @param thorough also where the quick search may miss it (after a lost answer or a duplicate)
   */
  find(unit: Unit, thorough?: boolean): Promise<FindAnswer>;
  /** Creates all resources of the unit in one request: a transaction where there are several. */
  create(unit: Unit): Promise<SendAnswer>;
  /**
   * Reads the one resource of the unit, whose own platform id is in `ids`, and compares it.
   *
   * @param versions of that resource here; the first whose content the platform holds is named
   */
  inspect(unit: Unit, versions: readonly LocalResource[]): Promise<InspectAnswer>;
  /**
   * Brings the one resource of the unit, whose own platform id is in `ids`, to its present content, in the way that its type allows.
   * Repeating it does not make another resource.
   */
  replace(unit: Unit): Promise<SendAnswer>;

  /**
   * What the platform holds at the Encounter that is the first of the unit and whose platform id is in `ids`, of the types that it lists
   * by Encounter. Nothing is written. Left out where a platform lists nothing.
   */
  around?(unit: Unit): Promise<AroundAnswer>;
  /**
   * What is registered below the Organization of an owner: units, and with `days` (`YYYY-MM-DD`, both included) the Encounters there.
   * Nothing is written. Left out where a platform lists nothing.
   */
  inventory?(owner: string, days?: { readonly from: string; readonly to: string }): Promise<InventoryAnswer>;

  /** Tries an account: token, its Organization, one read. Never uses a cached token. */
  check(owner: string): Promise<CheckAnswer>;
}

export type LocalResource = Resource & { id: string };

export interface Account {
  readonly owner: string;
  /** Id of its Organization on the platform. */
  readonly organizationId: string;
}

/** What is sent as one, in the stored (local) form. */
export interface Unit {
  /** Code of the puskesmas in whose name it is sent. */
  readonly owner: string;
  /** For an encounter: first the Encounter. */
  readonly resources: readonly LocalResource[];
  /** Local reference → platform id, of everything that is known; under `personKey(reference)` the number of who a RelatedPerson is. */
  readonly ids: ReadonlyMap<string, string>;
  /** Asked when the turn of a writing request has come: false, and it is not sent (`unavailable`). */
  readonly mayGo?: () => boolean;
}

/** Key of `Unit.ids` for the person that a RelatedPerson is. */
export const personKey = (reference: string): string => `${reference}#person`;

export type PersonQuery =
  | { readonly kind: 'patient'; readonly nik: string }
  | { readonly kind: 'newborn'; readonly nikIbu: string; readonly birthDate: string; readonly birthOrder: number }
  | { readonly kind: 'practitioner'; readonly nik: string };

/** A resource of ours and where it is on the platform. */
export interface Placed {
  readonly reference: string;
  readonly platformId: string;
  readonly platformVersion: string | null;
}

/** The request was understood and not accepted; repeating it unchanged cannot help. */
export interface Refused {
  readonly kind: 'refused';
  /** Where it is mended: in the record, or once for all in a table or this program. Default `data`. */
  readonly mend?: 'data' | 'mapping';
  /** Number of the platform's rule (10457, 20003 …) where it named one. */
  readonly rule?: number;
  /** Translated to our catalogue; rule number and expression kept, the platform's text not. */
  readonly issues: readonly Issue[];
}

/** The platform asks to wait (429). Not carried out. */
export interface Retry {
  readonly kind: 'retry';
  readonly afterMs: number;
}

/** The account was not accepted, also not with a fresh token. Not carried out. */
export interface Unauthorised {
  readonly kind: 'unauthorised';
  readonly issues: readonly Issue[];
  /** No further attempt with this account before. */
  readonly afterMs: number;
  /** The account is good; a permission is lacking, perhaps for this type of resource only. */
  readonly permission?: true;
}

/** Something that the request refers to by its platform id is not there (any more). Not carried out. */
export interface LostReference {
  readonly kind: 'lost-reference';
  readonly issues: readonly Issue[];
}

/** The resource itself is not there (any more). */
export interface Gone {
  readonly kind: 'gone';
}

/** The request may have been carried out, and its answer is lost or unreadable. Only for what writes. */
export interface Unknown {
  readonly kind: 'unknown';
}

/** The platform could not be reached, or (for what only reads) did not answer usefully. Not carried out. */
export interface Unavailable {
  readonly kind: 'unavailable';
  /** By a firewall: this request may be why, or all are refused. */
  readonly blocked?: true;
}

/** No credential is stored for the owner. */
export interface NoAccount {
  readonly kind: 'no-account';
}

export type Trouble = Retry | Unauthorised | Unavailable | NoAccount;

export type PersonAnswer = { readonly kind: 'person'; readonly platformId: string | null } | Refused | Trouble;

export type FindAnswer =
  | {
      readonly kind: 'found';
      /** What is there. Empty: nothing of the unit. */
      readonly placed: readonly Placed[];
      /** What no search could show or rule out. */
      readonly unsearchable: readonly Unsearchable[];
    }
  | Refused
  | Trouble;

/** The platform offers no search that would find it: whether it is there cannot be told by looking. */
export interface Unsearchable {
  readonly reference: string;
  /** Sent again under its identifier it would be refused as duplicate, not stored twice. */
  readonly guarded: boolean;
}

export type SendAnswer =
  | { readonly kind: 'delivered'; readonly placed: readonly Placed[] }
  /** An identifier of the unit is on the platform already. Nothing was written. */
  | { readonly kind: 'duplicate' }
  | Refused
  | LostReference
  | Gone
  | Unknown
  | Trouble;

export type InspectAnswer =
  | {
      readonly kind: 'there';
      readonly platformVersion: string | null;
      /** Position in `versions` of the first that says what the platform holds; undefined if none does. */
      readonly same?: number;
    }
  | Gone
  | Refused
  | Trouble;

export type AroundAnswer =
  | {
      readonly kind: 'around';
      /** Resources of the unit that are listed there, found by platform id, or by our identifier where they have none yet. */
      readonly held: readonly (Placed & { readonly same: boolean })[];
      /** References on the platform of what carries an identifier of ours and is none of the unit. */
      readonly extra: readonly string[];
    }
  | Refused
  | Trouble;

export interface InventoryItem {
  readonly type: 'Organization' | 'Location' | 'Encounter';
  readonly platformId: string;
  readonly platformVersion: string | null;
  /** Of a unit. */
  readonly name: string | null;
  /** Platform id of the Organization it was found under. */
  readonly parent: string;
  readonly identifiers: readonly { readonly system: string; readonly value: string }[];
}

export type InventoryAnswer =
  | {
      readonly kind: 'inventory';
      readonly items: readonly InventoryItem[];
      /** False: there was more than is read. */
      readonly complete: boolean;
    }
  | Refused
  | Trouble;

export interface CheckAnswer {
  readonly token: 'accepted' | 'refused' | 'unreachable' | 'wait' | 'missing';
  /** Whether the platform gives back the Organization that the credential names; undefined if it was not asked. */
  readonly organization?: 'match' | 'mismatch' | 'unreadable';
  readonly issues: readonly Issue[];
}

/** Log of codes: event names, local references, reasons, counts. Never a value, a body, a header. Shaped like pino. */
export interface Log {
  info(fields: LogFields, event: string): void;
  warn(fields: LogFields, event: string): void;
  error(fields: LogFields, event: string): void;
}

export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** Counters. Labels are codes (kind, outcome, reason), never ids. */
export interface Metrics {
  count(name: 'deliveries' | 'adopted_resources' | 'owner_pauses', labels: Readonly<Record<string, string>>, by?: number): void;
}

export const silentLog: Log = { info() {}, warn() {}, error() {} };
export const noMetrics: Metrics = { count() {} };
