import type { Resource } from '@medplum/fhirtypes';
import type { Issue } from '../errors/index.ts';
import type { Feed } from '../store/port.ts';
import type { Site } from './compile/index.ts';

/** A record after normalisation and its contract: plain JSON in the shape of `src/intake/contracts/<feed>-2.schema.json`. */
export type NormalisedRecord = Readonly<Record<string, unknown>>;

/**
 * Everything a map may need that is not in the record itself. Resolved before mapping, so that maps are pure and run on any FML
 * engine: in FML it is the second source, `ctx`.
 */
export interface MapContext {
  /** Instant of receipt, UTC. */
  readonly now: string;
  /** IANA zone of the facility. */
  readonly timeZone: string;
  /** Code of the puskesmas that answers for the record. */
  readonly puskesmas: string;
  /** `Organization/<id>` of the puskesmas (serviceProvider), and of the unit where it happened. */
  readonly serviceProvider?: string;
  readonly serviceProviderName?: string;
  readonly unit?: string;
  readonly unitName?: string;
  /** `Location/<id>` where it happened. */
  readonly location?: string;
  readonly locationName?: string;
  readonly patient?: string;
  readonly birthDate?: string;
  readonly sex?: 'male' | 'female' | 'unknown';
  readonly practitioner?: string;
  readonly practitionerName?: string;
  readonly kader?: string;
  readonly kaderName?: string;
  /** Life stage at the date of service, with the scheme that says where the bands lie (KMK 2015/2023). */
  readonly lifeStage?: string;
  readonly lifeStageDisplay?: string;
  readonly lifeStageScheme?: string;
  readonly ageMonths?: number;
  /** Reason code for a contact without diagnosis, from `mappings/visit-reasons.csv`. */
  readonly reasonCode?: string;
  readonly reasonDisplay?: string;
  /** Values prepared by the context builder for one feed (supervising organisation, village organisation …). */
  readonly [extra: string]: unknown;
}

export interface MappedResource {
  /** Role within the record, stable over versions: `encounter`, `observation:8480-6`, `observation:29463-7#2`. */
  readonly role: string;
  /** Catalogue item or map rule it came from; the key of `mappings/delivery-policy.csv`. */
  readonly item: string;
  readonly resource: Resource & { id: string };
}

export interface MapResult {
  readonly resources: readonly MappedResource[];
  readonly issues: readonly Issue[];
  /** Paths of the record's fields that no rule read: `vitals.spo2`. */
  readonly unused: readonly string[];
}

/** One compiled map set. `idOf` is the keyed hash of (record, role); the maps never make ids. */
export interface Mapper {
  map(feed: Feed, record: NormalisedRecord, context: MapContext, idOf: (role: string) => string): MapResult;
  /** For a FHIRPath location in one mapped resource: the field of the record it came from. Runs the traced variant; slow path. */
  explain(feed: Feed, record: NormalisedRecord, context: MapContext, idOf: (role: string) => string): ReadonlyArray<Explained>;
}

/** Where one value of a mapped resource came from. */
export interface Explained {
  readonly role: string;
  /** FHIRPath of the element: `Observation.valueQuantity.value`. */
  readonly expression: string;
  /** Path in the record, `%ctx.…` for what is not in it; '' for what depends on no field. */
  readonly field: string;
  /** `map#group/rule`. */
  readonly rule: string;
  readonly site: Site;
}
