import type { Config } from '../config/index.ts';
import type { Desk } from '../desk/index.ts';
import type { Issue, State } from '../errors/index.ts';
import type { RawRecord } from '../intake/index.ts';
import type { Pack } from '../mapping/packs.ts';
import type { MapRooms } from '../mapping/tools/index.ts';
import type { Transformed, TransformSet } from '../mapping/transform.ts';
import type { AccountCheck } from '../satusehat/index.ts';
import type { ArchiveReport, Progress } from '../store/archive.ts';
import type { Feed, JobRun, Store } from '../store/port.ts';
import type { AdoptReport, DrainReport, MendReport } from '../sync/index.ts';
import type { R4Elements } from '../terminology/r4-elements.ts';
import type { Preflight } from '../validation/index.ts';

/** What the commands need from the composition root. Declared here by its consumer; `main.ts` supplies it. */
export interface Composition {
  readonly version: string;
  /** Path of the program, to start copies of itself. */
  readonly program: string;
  /** @throws AppError `config` with one issue for each mistake */
  readConfig(environment: NodeJS.ProcessEnv): Config;
  openStore(config: Config): Promise<Store>;
  createService(config: Config): Promise<Service>;
  startSandbox(options: SandboxOptions): Promise<{ url: string; stop(): Promise<void> }>;
  /** Maps and checks records as intake would, without storing. */
  dryRun(
    config: Config,
    feed: Feed,
    bytes: Uint8Array,
    contentType: string,
  ): Promise<ReadonlyArray<{ readonly verdict: { readonly state: State } }>>;
  /** Folder of the mappings that are in use. */
  readonly mappings: string;
  /** Compiles a folder of mappings, unless told otherwise the one in use. @throws AppError `config`, `map-compile` */
  mapRooms(folder?: string): MapRooms & { readonly elements: R4Elements };
  /** Packs of the mappings in use. @throws AppError `config` */
  packs(): readonly Pack[];
  /** Compiles a map of any kind, with those it imports behind it. @throws AppError `map-compile` */
  transform(maps: TransformSet['maps']): (source: unknown) => Transformed;
  /** Records of a file as intake reads them. @throws AppError `json-syntax`, `encoding` … */
  readRecords(bytes: Uint8Array, contentType: string): AsyncIterable<RawRecord>;
  /** Writes all of the configured database into one file. @throws AppError `archive`, `store-unavailable` */
  backup(config: Config, file: string, options: { dryRun: boolean; onProgress: Progress }): Promise<ArchiveReport>;
  /** Fills the configured database from such a file. @throws AppError `archive`, `id-key`, `database-not-empty`, `database-in-use` */
  restore(config: Config, file: string, options: { replace: boolean; dryRun: boolean; onProgress: Progress }): Promise<ArchiveReport>;
  /**
   * Takes over what is on the platform through another bridge, from a file or from the platform itself.
   *
   * @throws AppError `store-unavailable`, `id-key`, `encoding`, `platform-unavailable`, `credential-missing` …
   */
  adopt(config: Config, source: AdoptSource, options: AdoptOptions): Promise<AdoptReport & { readonly complete: boolean }>;
  /** Checks a FHIR resource against R4, our profiles and the platform's rules (a Bundle entry by entry), and tells what would become of it. */
  validate(resource: unknown): { readonly issues: readonly Issue[]; readonly preflight: Preflight };
  /** Encrypts a platform secret for the store. */
  sealSecret(config: Config, owner: string, secret: string): string;
  /** Encrypts all credentials with the present key, and tells how many. @throws AppError `config`, `busy` */
  rotateKey(config: Config): Promise<number>;
  /** Tries the stored credential: a new token, its Organization, one read of data. */
  checkCredential(config: Config, store: Store, owner: string): Promise<CredentialCheck>;
}

export interface CredentialCheck extends AccountCheck {
  /** Id on the platform that the facility register has for the puskesmas; undefined while it has none. */
  readonly registeredOrganization?: string;
}

export interface Service {
  readonly store: Store;
  start(): Promise<{ url: string }>;
  stop(): Promise<void>;
  /** Takes over the maps and profiles on disk, all or none. @throws AppError `reload-refused` */
  reload(options: { readonly actor: string }): Promise<unknown>;
  /** Opens again what a reconciliation found missing on the platform. */
  mend(options: { dryRun: boolean }): Promise<MendReport>;
  /** One pass over everything that is due, then ends. */
  drain(options: { dryRun: boolean; onProgress?: (done: number, total: number) => void; signal?: AbortSignal }): Promise<DrainReport>;
  readonly desk: Desk;
  readonly jobs: {
    list(): Promise<
      ReadonlyArray<{ job: string; schedule: string; zone: string; enabled: boolean; next: string | null; last: JobRun | null }>
    >;
    run(job: string, options: { dryRun: boolean; settings?: unknown }): Promise<JobRun>;
  };
}

export type AdoptSource =
  | { readonly bytes: Uint8Array; readonly contentType: 'text/csv' | 'application/x-ndjson' }
  | {
      readonly owner: string;
      readonly days?: { readonly from: string; readonly to: string };
      readonly sourceSystem?: string;
      readonly feed?: Feed;
    };

export interface AdoptOptions {
  readonly sendMissing: boolean;
  readonly dryRun: boolean;
}

export interface SandboxOptions {
  readonly host?: string;
  readonly port: number;
  readonly people?: string;
  readonly clients?: string;
  readonly open?: boolean;
  /** File that keeps what is stored. */
  readonly state?: string;
  /** A change of the simulator's settings. */
  readonly settings?: unknown;
}
