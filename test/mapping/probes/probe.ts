/** One behaviour of the FHIR Mapping Language (R4): a map, an input, and what the specification demands. */
export interface Probe {
  /** Unique: `file/what-it-shows`. */
  readonly name: string;
  /** What the expectation rests on: a heading of R4's mapping-language page, an element of StructureMap, FHIRPath N1. */
  readonly spec: string;
  readonly map: string;
  /** Whole texts of other maps that are at hand when this one is compiled. */
  readonly imports?: readonly string[];
  /** First source input, as JSON. */
  readonly input: unknown;
  /** First target input after the first group has run, as JSON. */
  readonly expected?: unknown;
  /** The map is refused: line in `map`, and a part of the message. */
  readonly error?: { readonly line: number; readonly says: string };
  /** Codes of what the run reports; none when left out. */
  readonly issues?: readonly string[];
}

export interface Uses {
  /** Type of the source; null for plain JSON without a type. */
  readonly source?: string | null;
  readonly target?: string;
  /** Further types that the groups name. */
  readonly more?: readonly string[];
  /** Embedded concept maps, on one line. */
  readonly concepts?: string;
  readonly imports?: readonly string[];
  readonly url?: string;
}

/** Line on which the text given to `map` begins; the rules given to `rules` begin one line later. */
export const GROUPS_LINE = 3;
export const RULES_LINE = 4;
const TYPES = 'http://hl7.org/fhir/StructureDefinition/';

/** A whole map: two lines of header (concept maps, types and imports share the second), then the groups. */
export function map(groups: string, uses: Uses = {}): string {
  const { source = 'Patient', target = 'Organization', more = [], concepts, imports = [], url = 'http://example.org/probe' } = uses;
  const header = [
    ...(concepts === undefined ? [] : [concepts]),
    ...(source === null ? [] : [`uses "${TYPES}${source}" alias Source as source`]),
    `uses "${TYPES}${target}" alias Target as target`,
    ...more.map((type) => `uses "${TYPES}${type}" alias ${type} as produced`),
    ...imports.map((imported) => `imports "${imported}"`),
  ];
  return `map "${url}" = "probe"\n${header.join(' ')}\n${groups.trim()}\n`;
}

/** A map of one group, `Main(src, tgt)`, with these rules. */
export function rules(text: string, uses: Uses = {}): string {
  const type = uses.source === null ? '' : ' : Source';
  return map(`group Main(source src${type}, target tgt : Target) {\n${text.trim()}\n}`, uses);
}
