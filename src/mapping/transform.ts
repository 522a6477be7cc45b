import type { ConceptMap } from '@medplum/fhirtypes';
import { type Issue, issue } from '../errors/index.ts';
import type { R4Elements } from '../terminology/r4-elements.ts';
import { compileUnits, createRuntime, type JsonSchema } from './compile/index.ts';
import { parseMap } from './fml/index.ts';

export interface TransformSet {
  /** FML texts; the first group of the first map is run, the others are there to be imported. `name` stands in messages. */
  readonly maps: readonly [{ readonly name: string; readonly text: string }, ...{ readonly name: string; readonly text: string }[]];
  readonly elements: R4Elements;
  /** JSON Schemas of sources that are not FHIR, by the url that `uses "…"` names. */
  readonly contracts?: Readonly<Record<string, JsonSchema>>;
  readonly conceptMaps?: Readonly<Record<string, ConceptMap>>;
  /** Makes a new UUID in lower case. */
  readonly uuid: () => string;
}

export interface Transformed {
  /** What the target inputs of the group have become, in their order. */
  readonly targets: readonly object[];
  /** What the map could not do with this source. */
  readonly issues: readonly Issue[];
}

/**
 * Compiles maps of any kind, from FHIR or JSON to FHIR: nothing of what the feeds of this service agree on (roles, ids, the context) is in
 * force. References lead to the ids that the map wrote; a resource without one that is referred to gets a UUID.
 *
 * @returns a function of the group's sources, in the order of its inputs
 * @throws AppError `map-compile` naming map, line and column
 */
export function compileTransform(set: TransformSet): (...sources: unknown[]) => Transformed {
  const units = set.maps.map(({ name, text }) => {
    const { structureMap, positions } = parseMap(text, name);
    return { name, map: structureMap, positions };
  });
  const group = units[0]?.map.group[0];
  const runtime = createRuntime(set.uuid);
  const compiled = compileUnits(
    {
      units,
      elements: set.elements,
      contracts: set.contracts ?? {},
      conceptMaps: set.conceptMaps ?? {},
      entry: { first: group?.name ?? '' },
      ownIds: true,
    },
    runtime,
  );
  const inputs = group?.input ?? [];
  const types = compiled.targets.get('first') ?? [];

  function run(variant: typeof compiled.fast, sources: readonly unknown[]): object[] {
    const targets = types.map((type) => (set.elements[type]?.kind === 'resource' ? { resourceType: type } : {}));
    runtime.reset(targets[0] ?? {});
    let source = 0;
    let target = 0;
    variant.get('first')?.(...inputs.map(({ mode }) => (mode === 'source' ? sources[source++] : targets[target++])));
    runtime.settle();
    for (const { at, name = 'reference', resource, pointer } of runtime.run.references) {
      const to = resource as { resourceType: string; id?: string };
      to.id ??= set.uuid();
      at[name] = pointer ? `urn:uuid:${to.id}` : `${to.resourceType}/${to.id}`;
    }
    return targets;
  }

  const first = inputs.find(({ mode }) => mode === 'source')?.type;
  const wanted =
    units[0]?.map.structure
      ?.find(({ alias }) => alias === first)
      ?.url.split('/')
      .at(-1) ?? first;
  const isResource = wanted !== undefined && set.elements[wanted]?.kind === 'resource';

  return (...sources) => {
    const given = (sources[0] as { resourceType?: unknown } | null | undefined)?.resourceType;
    if (isResource && given !== undefined && given !== wanted) {
      return { targets: [], issues: [issue('field-type', { field: 'resourceType', expected: wanted }, { field: 'resourceType' })] };
    }
    let targets = run(compiled.fast, sources);
    // The fast functions know that something is wrong, the traced ones know where.
    if (runtime.run.issues.length > 0) targets = run(compiled.traced, sources);
    return { targets, issues: runtime.run.issues };
  };
}
