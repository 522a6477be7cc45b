import { AppError, type Problem } from '../../errors/index.ts';

/** Place in a map's text, both counted from 1. `line: 0` means "not from text" (a StructureMap given as JSON). */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A part of a node that has its own place: the text of an expression, an element's name. */
export type Part = 'node' | 'element' | 'condition' | 'check' | 'transform' | 'expression' | 'listMode';

const NOWHERE: Position = { line: 0, column: 0 };

/** Where the nodes of StructureMaps came from. Kept beside the resources, so that these stay plain FHIR. */
export class Positions {
  readonly #places = new WeakMap<object, Partial<Record<Part, Position>>>();

  set(node: object, position: Position, part: Part = 'node'): void {
    const known = this.#places.get(node);
    if (known === undefined) this.#places.set(node, { [part]: position });
    else known[part] = position;
  }

  /** A copy of a node stands where the node stands. */
  same(copy: object, node: object): void {
    const known = this.#places.get(node);
    if (known !== undefined) this.#places.set(copy, known);
  }

  of(node: object, part: Part = 'node'): Position {
    const known = this.#places.get(node);
    return known?.[part] ?? known?.node ?? NOWHERE;
  }
}

/** The one error of this room: a map that cannot be used. It stops the start, because a half-understood map loses data silently. */
export function mapError(map: string, position: Position, problem: Problem): AppError {
  return new AppError('map-compile', { map, line: position.line, column: position.column, problem });
}
