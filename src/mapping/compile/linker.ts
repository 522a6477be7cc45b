import type { StructureMap, StructureMapGroup, StructureMapGroupInput } from '@medplum/fhirtypes';
import type { Problem } from '../../errors/index.ts';
import type { Position, Positions } from '../fml/index.ts';
import type { SourceType } from './source-types.ts';
import type { TargetElement, TargetTypes } from './target-types.ts';
import type { TargetVariable, Usage } from './variables.ts';

/** One map of the set, with the name that messages call it by. */
export interface MapUnit {
  readonly name: string;
  readonly map: StructureMap;
  readonly positions: Positions;
}

/** Type of one argument of a group: what decides which JavaScript function is made for it. */
export type ArgumentType =
  | { readonly mode: 'source'; readonly type: SourceType; readonly present: boolean }
  | { readonly mode: 'target'; readonly type: string };

/** What the emitter asks of the compiler that drives it. */
export interface Linker {
  readonly targets: TargetTypes;
  readonly traced: boolean;
  /** Ids are the map's own to write, and references lead to them; else ids come from roles (see `MapSet`). */
  readonly ownIds: boolean;
  /** The function for a group called with these types; compiled on first demand. */
  group(unit: MapUnit, group: StructureMapGroup, types: readonly ArgumentType[]): GroupFunction;
  /** The group that a name means in a map: its own, or of a map it imports. */
  find(unit: MapUnit, name: string): { unit: MapUnit; group: StructureMapGroup } | { problem: Problem };
  /** Declared type of a source input; undefined when the map does not declare one. */
  sourceType(unit: MapUnit, input: StructureMapGroupInput): SourceType | undefined;
  targetType(unit: MapUnit, input: StructureMapGroupInput): string | undefined;
  /** The source type that a type filter names; undefined for a name that is no type. */
  typeNamed(unit: MapUnit, name: string): SourceType | undefined;
  /**
   * The default group of a map or its imports for these types. `isOpen`: the type of the target is not decided yet, which only a group
   * with `<<type+>>` does.
   */
  defaultGroup(
    unit: MapUnit,
    source: SourceType,
    isTarget: (type: string) => boolean,
    isOpen: boolean,
  ): { unit: MapUnit; group: StructureMapGroup; target: string } | { problem: Problem } | undefined;
  /** Name of the constant that holds a concept map's table, or a problem. */
  table(unit: MapUnit, url: string): { name: string } | { problem: Problem };
  constant(js: string): string;
  /** Notes that a choice element is written under a name, and gives a line that takes away what stands under the other names written. */
  chosen(owner: TargetVariable, element: TargetElement): string;
  /** Number of a place where a rule writes; the traced variant tells it with each value. */
  site(site: Site): number;
}

/** A rule of a map, and the element it writes. */
export interface Site {
  /** Name of the map: its file. */
  readonly map: string;
  /** From 1; 0 for a map that is not made from text, such as that of the catalogue's tables. */
  readonly line: number;
  readonly group: string;
  readonly rule: string;
  /** Type that owns the element, as the element table names it: `Encounter`, `Encounter.participant`, `Quantity`. */
  readonly type: string;
  /** Name in JSON: `valueQuantity`. */
  readonly element: string;
  /** False where only the object is made, which other rules fill. */
  readonly value: boolean;
}

export interface GroupCall {
  readonly callee: GroupFunction;
  readonly inputs: readonly (Usage | undefined)[];
  /** It happens always, or whenever it happened to the caller: with nothing but the caller's own sources. Such calls in a circle never end. */
  readonly isStuck: boolean;
  readonly map: string;
  readonly position: Position;
}

/** What a compiled group reads of its inputs, and where it passes them on. */
export interface GroupFunction {
  readonly name: string;
  readonly reads: Usage[];
  readonly calls: GroupCall[];
  /** Numbers of the sites where it writes; empty in the fast variant. */
  readonly sites: Set<number>;
}
